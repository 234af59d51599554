#include "model/base/profile.h"

#include "model/base/host.h"

#include <stddef.h>

const char *const profile_part_names[PROFILE_PARTS] = {
    [PROFILE_OTHER] = "other",          [PROFILE_GEMM] = "GEMM",
    [PROFILE_ATTENTION] = "attention",  [PROFILE_NORMS] = "norms",
    [PROFILE_MLP] = "MLP nonlinearity", [PROFILE_LOSS] = "loss",
    [PROFILE_EMBEDDING] = "embedding",  [PROFILE_DATA] = "data",
    [PROFILE_SUM] = "gradient sum",     [PROFILE_OPTIMIZER] = "optimizer",
    [PROFILE_SNAPSHOT] = "snapshot",
};

ProfilePart profile_enter(Profile *profile, ProfilePart part) {
    if (profile == NULL)
        return PROFILE_OTHER;
    double now = host_seconds();
    if (profile->since != 0)
        profile->seconds[profile->part] += now - profile->since;
    ProfilePart before = profile->part;
    profile->part = part;
    profile->since = now;
    return before;
}

void profile_pause(Profile *profile) {
    profile_enter(profile, PROFILE_OTHER);
    if (profile != NULL)
        profile->since = 0;
}
