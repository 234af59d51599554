/* Where the time goes: one clock per thread that is always charging one part. Absent (NULL), it
   costs a comparison per part. */
#ifndef FIDUCIAL_BASE_PROFILE_H
#define FIDUCIAL_BASE_PROFILE_H

typedef enum ProfilePart {
    PROFILE_OTHER,
    PROFILE_GEMM,      /* the linear maps, both directions */
    PROFILE_ATTENTION, /* maps, weights and their products, rotation */
    PROFILE_NORMS,     /* norms and residual sums */
    PROFILE_MLP,       /* the MLP's nonlinearity */
    PROFILE_LOSS,      /* cross-entropy, without its matrix products */
    PROFILE_EMBEDDING,
    PROFILE_DATA,
    PROFILE_SUM, /* lane gradients into one, and its norm */
    PROFILE_OPTIMIZER,
    PROFILE_SNAPSHOT,
    PROFILE_PARTS,
} ProfilePart;

extern const char *const profile_part_names[PROFILE_PARTS];

typedef struct Profile {
    double seconds[PROFILE_PARTS];
    ProfilePart part; /* being charged now */
    double since;     /* host_seconds of the last change; 0: never begun */
} Profile;

/* Charges from now on to part; returns the part that was charged so far. profile may be NULL. */
ProfilePart profile_enter(Profile *profile, ProfilePart part);

/* Stops charging (to PROFILE_OTHER too) until the next profile_enter. */
void profile_pause(Profile *profile);

#endif
