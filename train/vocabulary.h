/* From a text to a run's own tokens, by what run.h5 says of its vocabulary alone. */
#ifndef FIDUCIAL_TRAIN_VOCABULARY_H
#define FIDUCIAL_TRAIN_VOCABULARY_H

#include "train/snapshot.h"
#include "train/source.h"

/* Encodes a UTF-8 text and puts around it what all of the probe's sequences have: their leading BOS
   tokens ([CLS] with the masked objective), and a closing [SEP]. *tokens [*count] lives in arena.
   STATUS_BAD_INPUT, with the symbols that are allowed, for one that the vocabulary lacks, for a
   text that is not UTF-8, and where the source's tokens stand for no characters. */
Status vocabulary_encode(const Probe *probe, SourceSymbols symbols, const char *text, Arena *arena,
                         int32_t **tokens, int *count, Error *error);

/* Number of BOS tokens that every probe sequence begins with. */
int vocabulary_leading(const Probe *probe);

#endif
