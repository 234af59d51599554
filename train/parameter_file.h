/* Parameters, and arrays laid out like them, in an HDF5 file: a dataset per entry of the table. */
#ifndef FIDUCIAL_TRAIN_PARAMETER_FILE_H
#define FIDUCIAL_TRAIN_PARAMETER_FILE_H

#include "model/parameters.h"
#include "train/storage.h"

/* Writes block [table->total] as <group>/<name>, float32 [rows][columns] or [rows]. group: for
   instance "/parameters". */
Status parameter_file_write(hid_t file, const char *group, const ParameterTable *table,
                            const float *block, Error *error);

/* Reads all into block [table->total]. STATUS_FAILED where the datasets below group are not exactly
   those of the table: the message names those that are missing, of another shape, or not in the
   table. */
Status parameter_file_read(hid_t file, const char *group, const ParameterTable *table, float *block,
                           Error *error);

#endif
