/* Every choice of the model's blocks and positions that is not a default, alone and with what it
   acts on: as settings for defaults_change, for models of two layers and head_dim a multiple of
   4. */
#ifndef FIDUCIAL_TESTS_AXES_H
#define FIDUCIAL_TESTS_AXES_H

typedef struct Axis {
    const char *name;     /* of a file: letters, digits and hyphens */
    const char *settings; /* may change the position */
} Axis;

/* Closed by a name of NULL. */
extern const Axis axes[];

#endif
