/* Names of runs: folder names that a person reads ("position=rope-base=10000,seed=1"). */
#ifndef FIDUCIAL_RUNNER_RUN_NAME_H
#define FIDUCIAL_RUNNER_RUN_NAME_H

#include "experiments/runner/yaml_tree.h"

#include <stdint.h>

/* For each dotted key the shortest ending that no other key has: model.position → position. A key
   that names a kind stands for what it is a kind of: train.optimizer.kind → optimizer. labels
   [count]. */
void run_labels(const char *const *keys, size_t count, Arena *arena, const char **labels);

/* A value as it stands in names and files: numbers in shortest form, maps as rope-base=10000,
   lists joined by "+". */
const char *value_text(const Node *value, Arena *arena);

/* The same for legends and sentences: maps as "rope (base 10000)". */
const char *value_phrase(const Node *value, Arena *arena);

/* label=value,…,seed=n, safe as a folder name. Values of unusual characters or length are shortened
   and told apart by a hash. */
const char *run_name(const char *const *labels, const char *const *values, size_t count,
                     int64_t seed, Arena *arena);

#endif
