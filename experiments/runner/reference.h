/* References between keys: `hidden: ${model.width}` takes the value of another key, as it is in
   each run of a sweep. Within a longer text the value is written out; `$${` is a literal `${`. */
#ifndef FIDUCIAL_RUNNER_REFERENCE_H
#define FIDUCIAL_RUNNER_REFERENCE_H

#include "experiments/runner/schema_path.h"

/* The value at path as written in root, or its default; NULL where it has none (a group, an option
   that the chosen kind does not have). keys: of the whole schema. */
const Node *reference_value(const SchemaList *keys, const Node *root, const char *path,
                            Arena *arena);

/* Whether node, or any node below it, holds a reference. */
bool reference_within(const Node *node);

/* root with every reference replaced. STATUS_BAD_INPUT, pointing at the reference, for unknown
   keys, keys without a value, references that lead back to themselves, and a map or list within a
   text. */
Status references_resolve(const SchemaList *keys, const Node *root, Arena *arena,
                          const Node **resolved, Error *error);

#endif
