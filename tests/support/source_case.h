/* Data sources with their options set by name, and what they drew. */
#ifndef FIDUCIAL_TESTS_SOURCE_CASE_H
#define FIDUCIAL_TESTS_SOURCE_CASE_H

#include "model/base/arena.h"
#include "train/source.h"

enum { SOURCE_CASE_LENGTH = 48, SOURCE_CASE_BATCH = 256 };

typedef struct SourceCase {
    Arena arena;
    DataSource source;
    int32_t inputs[SOURCE_CASE_BATCH][SOURCE_CASE_LENGTH];
    int32_t targets[SOURCE_CASE_BATCH][SOURCE_CASE_LENGTH];
    uint8_t copied[SOURCE_CASE_BATCH][SOURCE_CASE_LENGTH];
} SourceCase;

/* Sets an option by its YAML name: integers and choices from value, real numbers, booleans. Fails
   the running test where there is no such option. */
void source_set(KindChoice *choice, const char *name, double value);
void source_set_text(KindChoice *choice, const char *name, const char *value);

/* Opens with seed, context SOURCE_CASE_LENGTH and batch SOURCE_CASE_BATCH; freed by
   source_case_close. */
SourceCase *source_case_open(const KindChoice *choice, uint64_t seed);
void source_case_close(SourceCase *scene);

/* Draws a whole batch. */
void source_case_draw(SourceCase *scene, Split split, uint64_t step);

/* Opening must fail as bad input, with this culprit and this in the message. */
void source_assert_refused(const KindChoice *choice, const char *culprit, const char *part);

#endif
