#include "analysis/kinds.h"

static const Kind *const kinds[] = {
    &sinks_analysis.kind,    &frames_analysis.kind,     &information_analysis.kind,
    &fisher_analysis.kind,   &values_analysis.kind,     &references_analysis.kind,
    &rotary_analysis.kind,   &likelihood_analysis.kind, &topology_analysis.kind,
    &spectrum_analysis.kind, &emergence_analysis.kind,
};

const KindTable analysis_kinds = {"analysis", kinds, sizeof kinds / sizeof kinds[0]};
