/* The analysis.h5 that a run has already: which analyses it holds, and how those that stay go over
   into the new one, bit for bit. Each variable names its analysis in the attribute `analysis`; the
   root's attributes `analysis_<name>` describe each analysis with its options, and
   `analysis_identity` is a hash of what all of them are made from. */
#ifndef FIDUCIAL_ANALYSIS_KEPT_H
#define FIDUCIAL_ANALYSIS_KEPT_H

#include "analysis/output.h"
#include "analysis/selection.h"
#include "train/storage.h"

typedef struct Kept {
    hid_t file;   /* 0: there is none, or none that can be used */
    size_t bytes; /* its size */
    bool other;   /* one is there, made from other snapshots or by another version */
    StorageScales scales;
    Arena *arena; /* owns the names */
} Kept;

/* Opens the file at path, whose identity must be the given one. STATUS_OK with nothing open where
   it is missing or another one; STATUS_FAILED where it is damaged. */
Status kept_open(const char *path, const char *identity, Arena *arena, Kept *kept, Error *error);
void kept_close(Kept *kept);

/* The description of an analysis that a file holds, or NULL. */
const char *kept_description(hid_t file, const char *analysis, Arena *arena);

/* Copies the variables of all analyses that are kept, with their axes, and those of no analysis
   (attention_map and its null) where with_maps, into file, which does not have them yet. */
Status kept_copy(const Kept *kept, const AnalysisFate *fates, size_t count, bool with_maps,
                 hid_t file, Error *error);

/* Adds the per-sample means of the analyses that are kept to outputs, whose steps are all written:
   for measurements over steps, which read them from the file that is there. */
Status kept_add_samples(const Kept *kept, const AnalysisFate *fates, size_t count,
                        OutputList *outputs, Error *error);

#endif
