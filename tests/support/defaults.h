/* Configurations for tests, filled from the field tables' own defaults: a second, independent
   reading of the tables, without YAML. */
#ifndef FIDUCIAL_TESTS_DEFAULTS_H
#define FIDUCIAL_TESTS_DEFAULTS_H

#include "model/base/arena.h"
#include "model/config.h"

/* Fills every member that table describes from its fallback text; strings point into the table.
   Members without a fallback (must be given) are left alone, kind lists become empty. Returns the
   dotted name of the first field whose fallback cannot be read, or NULL. */
const char *defaults_fill(const FieldTable *table, void *members);

/* The kind called name with its default options; fails the running test where there is none. */
KindChoice defaults_kind(const KindTable *table, const char *name);

/* A model configuration with all defaults but the given sizes. position is a kind's name. */
ModelConfig defaults_model(const char *position, int layers, int width, int heads, int hidden,
                           int context, int vocabulary);

/* Changes members by settings in one text: "norm=layer placement=post position.fraction=0.5". A dot
   leads into a group or into the options of the chosen kind; "position=rope+nope" is a list. Fails
   the running test where a setting cannot be made. What is made new lives in arena. */
void defaults_change(const FieldTable *table, void *members, const char *settings, Arena *arena);

/* The names of all position encodings, closed by NULL. */
const char *const *defaults_positions(void);

/* A numeric option of a chosen kind by its YAML name, 0 or 1 for a truth value, or the index of a
   choice; otherwise where the kind has no such option. */
double defaults_option(const KindChoice *choice, const char *name, double otherwise);

#endif
