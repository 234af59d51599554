/* Which run a folder holds: the resolved YAML it was made from, compared with the one wanted. */
#ifndef FIDUCIAL_RUNNER_IDENTITY_H
#define FIDUCIAL_RUNNER_IDENTITY_H

#include "experiments/runner/experiment.h"

/* SHA-256 of the resolved YAML without the fields that cannot change a run's bits. */
void identity_of(const FieldTable *schema, const Experiment *experiment, char hex[65]);

/* SHA-256 of all that the state at a step depends on: the identity, without train.steps where the
   schedule does not look ahead. Runs of more and of fewer steps then share their checkpoints. */
void identity_of_state(const FieldTable *schema, const Experiment *experiment, char hex[65]);

/* Whether the run of a stored resolved YAML is the beginning of wanted: fewer train.steps, the same
   state at each. */
bool identity_begins(const ExperimentFile *file, const char *stored_yaml, const Experiment *wanted);

/* Compares a stored resolved YAML with the one wanted. *same: both make the same bits. Otherwise
   *differences has a line "  key: old → new" for each key that differs. Keys that were not known
   when the stored one was written count with their defaults. */
void identity_compare(const ExperimentFile *file, const char *stored_yaml, const char *wanted_yaml,
                      Arena *arena, bool *same, const char **differences);

#endif
