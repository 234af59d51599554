/* The table of figures, in the order of the report. */
#include "results/report/lines.h"

#define UNIFORM "uniform attention"

static const LineFigure importance = {
    .quantity = {"first_importance", {{NULL, 0}}},
    .scaled = {"first_importance_share", {{NULL, 0}}},
    .axis_title = "importance of the first token, α₀",
    .null_label = UNIFORM,
    .panels = PANELS_HEADS,
    .share = true,
};

static const LineFigure importance_unscaled = {
    .quantity = {"first_importance", {{NULL, 0}}},
    .axis_title = "mean weight of the first token",
    .null_label = UNIFORM,
    .panels = PANELS_HEADS,
    .share = true,
    .of_row_sums = true,
};

static const LineFigure attention_total = {
    .quantity = {"attention_total", {{NULL, 0}}},
    .axis_title = "sum of a row of attention",
    .null_label = UNIFORM,
    .panels = PANELS_HEADS,
    .of_row_sums = true,
};

static const LineFigure sink_rate = {
    .quantity = {"sink_rate", {{"position", 0}}},
    .scaled = {"first_sink_rate_share", {{NULL, 0}}},
    .axis_title = "sink rate of the first token",
    .null_label = UNIFORM,
    .panels = PANELS_COORDINATES,
    .panel_axis = "epsilon",
    .panel_title = "ε =",
    .panel_values = {0.2, 0.3, 0.8},
    .panel_count = 3,
    .share = true,
};

static const LineFigure fiedler_value = {
    .quantity = {"fiedler_value", {{"threshold", 0.05}}},
    .axis_title = "Fiedler value λ₂ at τ = 0.05",
    .null_label = UNIFORM,
    .panels = PANELS_HEADS,
};

static const LineFigure degree_centralization = {
    .quantity = {"degree_centralization", {{"threshold", 0.05}}},
    .axis_title = "degree centralization at τ = 0.05",
    .null_label = UNIFORM,
    .panels = PANELS_HEADS,
    .share = true,
};

static const LineFigure persistence = {
    .quantity = {"persistence_0_mean", {{NULL, 0}}},
    .others = {{"persistence_0_mean_published", {{NULL, 0}}}},
    .quantity_titles = {"symmetric distance", "as published"},
    .panel_count = 2,
    .axis_title = "mean persistence, dimension 0",
    .null_label = UNIFORM,
    .panels = PANELS_QUANTITIES,
    .share = true,
};

static const LineFigure betti = {
    .quantity = {"betti_1", {{"threshold", 0.05}}},
    .others = {{"betti_1_published", {{NULL, 0}}}},
    .quantity_titles = {"symmetric distance, τ = 0.05", "as published"},
    .panel_count = 2,
    .axis_title = "Betti₁ (loops)",
    .null_label = UNIFORM,
    .panels = PANELS_QUANTITIES,
};

static const LineFigure stable_rank = {
    .quantity = {"stable_rank", {{NULL, 0}}},
    .axis_title = "stable rank of the attention map",
    .null_label = UNIFORM,
    .panels = PANELS_HEADS,
};

static const LineFigure sink_concentration = {
    .quantity = {"sink_concentration", {{NULL, 0}}},
    .axis_title = "sink concentration",
    .null_label = UNIFORM,
    .panels = PANELS_HEADS,
    .share = true,
};

static const LineFigure spectral_gap = {
    .quantity = {"spectral_gap", {{NULL, 0}}},
    .others = {{"spectral_gap_published", {{NULL, 0}}}},
    .quantity_titles = {"σ₂ / σ₁", "|λ|₁ / |λ|₂, as published"},
    .panel_count = 2,
    .axis_title = "spectral gap",
    .null_label = UNIFORM,
    .panels = PANELS_QUANTITIES,
    .own_axes = true,
};

static const LineFigure participation_ratio = {
    .quantity = {"participation_ratio", {{NULL, 0}}},
    .others = {{"participation_ratio_published", {{NULL, 0}}}},
    .quantity_titles = {"singular values", "eigenvalues, as published"},
    .panel_count = 2,
    .axis_title = "participation ratio",
    .null_label = UNIFORM,
    .panels = PANELS_QUANTITIES,
};

static const LineFigure kl_reduction = {
    .quantity = {"kl_reduction", {{"sink_percentile", 90}}},
    .axis_title = "KL reduction at percentile 90 (nats)",
    .null_label = UNIFORM,
    .panels = PANELS_HEADS,
};

static const LineFigure fisher_norm = {
    .quantity = {"fisher_norm", {{NULL, 0}}},
    .axis_title = "squared gradient norm",
    .panels = PANELS_HEADS,
};

static const LineFigure geometric_semantic_correlation = {
    .quantity = {"geometric_semantic_correlation", {{NULL, 0}}},
    .axis_title = "correlation with cosine of residuals",
    .panels = PANELS_HEADS,
};

static const LineFigure relative_magnitude = {
    .quantity = {"relative_magnitude", {{NULL, 0}}},
    .axis_title = "relative magnitude",
    .panels = PANELS_HEADS,
    .share = true,
};

static const LineFigure spectral_entropy = {
    .quantity = {"spectral_entropy", {{NULL, 0}}},
    .axis_title = "spectral entropy over distances",
    .null_label = UNIFORM,
    .panels = PANELS_HEADS,
    .share = true,
};

static const LineFigure attention_sharpness_ratio = {
    .quantity = {"attention_sharpness_ratio", {{NULL, 0}}},
    .axis_title = "attention, in phase / antiphase",
    .null_label = UNIFORM,
    .panels = PANELS_HEADS,
    .own_axes = true, /* a ratio may span powers of ten */
};

static const LineFigure likelihood_attention_correlation = {
    .quantity = {"likelihood_attention_correlation", {{NULL, 0}}},
    .others = {{"likelihood_attention_correlation_uniform", {{NULL, 0}}}},
    .quantity_titles = {"the model’s attention", "uniform attention in its place"},
    .panel_count = 2,
    .axis_title = "Spearman correlation with likelihood",
    .panels = PANELS_QUANTITIES,
};

const Figure figures[] = {
    {SECTION_SINKS, "importance", "Importance of the first token by training step",
     "The share of attention that the first token receives, averaged over the queries that "
     "see it and over the probe’s samples. The lines that the legend calls “uniform attention” "
     "are what that would give it under the same mask; a line that leaves its own upwards is a "
     "sink "
     "appearing.",
     draw_lines, &importance},
    {SECTION_EMERGENCE, "onset_steps", "Onset steps with their intervals",
     "Each row of dots is a metric, each dot a group: the first saved step from which the metric "
     "stays beyond half of its change for three saved steps, the bar 95 % of the bootstrap draws; "
     "the further left, the earlier. A triangle that points down stands for a metric that falls. "
     "An "
     "open dot stands for no onset, a bar that reaches it for draws without one.",
     draw_onsets, NULL},
    {SECTION_SINKS, "importance_unscaled",
     "Mean weight of the first token by training step, rows as they are",
     "The same without scaling the rows: also how much attention there is at all, so that lines of "
     "different normalizations do not compare.",
     draw_lines, &importance_unscaled},
    {SECTION_SINKS, "attention_total", "Sum of a row of attention by training step",
     "What a query’s weights on tokens sum to. What is missing to 1 went to a learned slot or "
     "logit or, where the normalization allows it, nowhere.",
     draw_lines, &attention_total},
    {SECTION_SINKS, "sink_rate", "Sink rate of the first token by training step",
     "The share of samples, layers and heads in which the first token’s importance exceeds ε. A "
     "model of which one head in n sinks reaches 1/n.",
     draw_lines, &sink_rate},
    {SECTION_SINKS, "attention_maps", "Attention maps at five steps",
     "Mean attention over the probe’s samples: each row of a map is a query, each column the key "
     "it looks at, on one logarithmic colour scale. A sink is a dark first column; a local head a "
     "dark diagonal. The map on the right is uniform attention under the mask of its row and those "
     "below, the null: under a causal mask its first columns are dark as well, because early "
     "queries see few keys.",
     draw_attention_maps, NULL},
    {SECTION_SINKS, "importance_map",
     "Importance of the first token by layer and head at the last step",
     "Each cell is one head: the share of attention that the first token receives there at the "
     "last saved step. What uniform attention would give it under the same mask stands above each "
     "panel, or once above the colour scale where it is the same for all.",
     draw_head_map, NULL},
    {SECTION_FRAMES, "frame_types", "Frame types by training step",
     "The commonest frame type over seeds and samples at each saved step, paler the fewer samples "
     "have it. The dot is the step since which the last type stays, its bar 95 % of the bootstrap "
     "draws: read from it to the right for the frame that a group reached.",
     draw_frame_types, NULL},
    {SECTION_FRAMES, "fiedler_value", "Fiedler value of the attention graph by training step",
     "Algebraic connectivity λ₂ of the graph that joins a query to each key that receives more "
     "than τ of its attention (mean over heads). Zero: the graph falls apart; a star around one "
     "token, as in a centralized frame under a causal mask, has ½; a well-meshed graph has more.",
     draw_lines, &fiedler_value},
    {SECTION_FRAMES, "degree_centralization",
     "Degree centralization of the attention graph by training step",
     "How far the graph’s in-degrees are from equal: near 1 where every query holds on to one "
     "token and to little else, near 0 where all tokens are held alike. The same graph as above.",
     draw_lines, &degree_centralization},
    {SECTION_TOPOLOGY, "persistence", "Persistence of components by training step",
     "Mean distance at which a token joins the others, 1 minus the strongest attention between "
     "them: a line that falls from that of uniform attention is a set of tokens drawing together.",
     draw_lines, &persistence},
    {SECTION_TOPOLOGY, "betti", "Loops in attention by training step",
     "Number of loops among tokens joined by attention of more than τ: a star around one sink has "
     "none, a ring of tokens that attend to their neighbours has one; the right panel is the "
     "published count of all bars.",
     draw_lines, &betti},
    {SECTION_SPECTRUM, "stable_rank", "Stable rank of attention by training step",
     "Sum of the squared singular values over the largest: 1 where all queries share one pattern, "
     "as with a single sink column; a line that rises is a head whose queries look at different "
     "keys.",
     draw_lines, &stable_rank},
    {SECTION_SPECTRUM, "sink_concentration", "Sink concentration by training step",
     "Share of all attention on the most attended tenth of the keys: a line that rises above that "
     "of uniform attention is attention gathering on few tokens, whichever these are.",
     draw_lines, &sink_concentration},
    {SECTION_SPECTRUM, "spectral_gap", "Spectral gap by training step",
     "Left, the second over the first singular value: 0 for a perfect sink, 1 for two equal "
     "patterns. Right, the largest over the second eigenvalue size of the head mean, which falls "
     "where the left one rises; under a causal mask it compares two diagonal entries.",
     draw_lines, &spectral_gap},
    {SECTION_SPECTRUM, "participation_ratio", "Participation ratio by training step",
     "Effective number of singular values (left) and of eigenvalue sizes of the head mean "
     "(right): where the two disagree under a causal mask, the right one tells of the diagonal "
     "alone.",
     draw_lines, &participation_ratio},
    {SECTION_INFORMATION, "kl_reduction", "What sinks add to the difference of heads, by step",
     "A head’s Kullback–Leibler divergence from the mean of its layer, minus the same without the "
     "sinks (the tenth of keys with the most attention): above 0 heads differ in how they use "
     "sinks, below 0 sinks hide how heads differ elsewhere.",
     draw_lines, &kl_reduction},
    {SECTION_FISHER, "fisher_norm", "Fisher information by layer and training step",
     "Squared norm of the gradient of one sequence’s mean loss with respect to a layer’s "
     "parameters, averaged over sequences: the higher line is the layer that the loss hangs on "
     "most at that step.",
     draw_lines, &fisher_norm},
    {SECTION_VALUES, "geometric_semantic_correlation",
     "Attention against likeness of residuals by training step",
     "Pearson correlation over pairs of tokens of attention with the cosine of their residuals "
     "entering the layer: above 0 like attends to like, below 0 attention goes to what is unlike, "
     "as to a sink. Under a causal mask the pairs that cannot be seen count as attention 0.",
     draw_lines, &geometric_semantic_correlation},
    {SECTION_REFERENCES, "relative_magnitude", "Weight of reference tokens by training step",
     "Norm of the mixed residuals’ part from reference tokens (keys with more than 0.2 of the "
     "attention, else the most attended tenth) over the norm of the whole: near 1 the layer reads "
     "from these tokens alone.",
     draw_lines, &relative_magnitude},
    {SECTION_ROTARY, "spectral_entropy", "Spectrum of attention by distance, by training step",
     "Entropy of the power spectrum of attention as a function of distance, 1 where all "
     "frequencies are alike: a line that rises is a head that singles out one distance, one that "
     "falls a head whose attention varies slowly with distance.",
     draw_lines, &spectral_entropy},
    {SECTION_ROTARY, "attention_sharpness_ratio", "Interference of a rotary pair by training step",
     "Attention to the earlier of two tokens in phase over that in antiphase: above 1 the head’s "
     "strongest rotary pair steers attention by distance; no line without rotation, and a gap at "
     "steps where the distances of that pair do not fit into the probe.",
     draw_lines, &attention_sharpness_ratio},
    {SECTION_LIKELIHOOD, "likelihood_attention_correlation",
     "Likelihood against attention to itself by training step",
     "Spearman correlation over targets of the model’s probability of the real token with the "
     "attention of its position to itself: above 0 likely tokens attend more to themselves; with "
     "few targets large values arise by chance. Later targets see more keys, so that they have "
     "less for themselves, and are likelier: what that alone gives stands on the right.",
     draw_lines, &likelihood_attention_correlation},
    {SECTION_TRAINING, "loss", "Training loss by step",
     "Mean cross-entropy of each step’s batch before its update. The line “all tokens alike” is "
     "the loss of a model that finds all tokens of the vocabulary equally likely.",
     draw_loss, NULL},
};

const size_t figure_count = sizeof(figures) / sizeof(figures[0]);
