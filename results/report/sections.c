/* The sections of the report, in its order. Definitions: the headers below analysis/. */
#include "results/report/figure.h"

const Section sections[SECTIONS] = {
    [SECTION_EMERGENCE] = {"onset", "Emergence: onset steps", NULL, ""},
    [SECTION_SINKS] = {"sinks", "Sinks", NULL, ""},
    [SECTION_FRAMES] = {"frames", "Reference frames", "frame_type", ""},
    [SECTION_TOPOLOGY] =
        {"topology", "Topology", "persistence_0_mean",
         "Components (dimension 0) and loops (dimension 1) among tokens that lie close where one "
         "attends strongly to the other (arXiv 2508.02546). What the published variant means: "
         "under a causal mask its recipe reads only the empty triangle of the map, so that its "
         "Betti₁ is 0 whatever the model does and its dimension-0 persistence is about the mean "
         "attention of tokens to themselves; without a mask it reads one direction of attention."},
    [SECTION_SPECTRUM] =
        {"spectrum", "Spectrum of attention", "stable_rank",
         "Singular values of the attention maps and the share of the most attended tenth of keys "
         "(arXiv 2508.02546). What the published variant means: a causal map is triangular, so "
         "that its eigenvalues are its diagonal, and the published gap and participation ratio "
         "tell how evenly tokens attend to themselves, not how the map as a whole is built; the "
         "singular values do."},
    [SECTION_INFORMATION] = {"information", "Information", "kl_reduction",
                             "How much of what tells the heads of a layer apart sits on their "
                             "sinks (arXiv 2508.02546)."},
    [SECTION_FISHER] = {"fisher", "Fisher information", "fisher_norm",
                        "Which layers the loss depends on most (arXiv 2508.02546)."},
    [SECTION_VALUES] = {"values", "Attention and values", "geometric_semantic_correlation",
                        "Whether attention follows likeness of content (arXiv 2508.02546)."},
    [SECTION_REFERENCES] =
        {"references", "Reference points", "relative_magnitude",
         "How much of what a layer’s attention brings comes from its few most attended tokens "
         "(arXiv 2508.02546)."},
    [SECTION_ROTARY] =
        {"rotary", "Rotary spectrum", "spectral_entropy",
         "Attention by distance as a signal, for all encodings alike, and what rotation adds "
         "(arXiv 2410.18067). The public versions of that source give no settings for its "
         "interference and harmonics tests: those here are our operational versions. Interference: "
         "the same token pair at the distances nearest 2π/θ (in phase) and 3π/θ (antiphase) of "
         "the head’s strongest rotary pair. Harmonics: the energy of the MLP’s hidden units at 2θ "
         "and 3θ over that at θ, along a sequence of two alternating tokens "
         "(harmonic_ratio_before, harmonic_ratio_after in the analysis files)."},
    [SECTION_LIKELIHOOD] = {"likelihood", "Attention and likelihood",
                            "likelihood_attention_correlation",
                            "Whether a token that the model finds likely in its place attends more "
                            "to itself (arXiv 2303.08288)."},
    [SECTION_TRAINING] = {"training", "Training", NULL, ""},
};
