/* Inheritance between experiment files: `base: other.yaml` at the top of a file takes over all that
   other.yaml says and that this file does not say itself. */
#ifndef FIDUCIAL_RUNNER_EXPERIMENT_BASE_H
#define FIDUCIAL_RUNNER_EXPERIMENT_BASE_H

#include "experiments/runner/yaml_tree.h"
#include "model/base/field.h"

enum { BASE_DEPTH_LARGEST = 16 };

typedef struct InheritedFile {
    const char *text; /* as given; where there is a base, its text follows as a comment */
    size_t bytes;
    const Node *root; /* merged, without `base`; every node knows the file that it came from */
} InheritedFile;

/* Reads path and the files that it is based on. Maps are merged key by key, at any depth; a text, a
   number or a list replaces what was inherited, and so does a map that names another kind (an
   option alone goes to the inherited kind). A key with nothing (`key: ~`) takes the inherited one
   away. An inherited swept key that this file gives a value of its own is no longer swept. A path
   in a base stays relative to the base's folder. STATUS_BAD_INPUT, pointing at the `base` key, for
   files that are missing or inherit from themselves. Everything lives in arena. */
Status experiment_inherit(const FieldTable *schema, const char *path, Arena *arena,
                          InheritedFile *file, Error *error);

#endif
