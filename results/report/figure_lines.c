#include "results/report/lines.h"

#include <math.h>
#include <string.h>

/* Whether the variable has the axis in any analysed run. */
static bool variable_has_axis(const Report *report, const char *variable, const char *axis,
                              bool *exists) {
    *exists = false;
    for (size_t r = 0; r < report->run_count; r++) {
        const Dataset *dataset =
            report->runs[r].analyzed ? run_dataset(&report->runs[r], variable) : NULL;
        if (dataset == NULL)
            continue;
        *exists = true;
        return dataset_axis(dataset, axis) >= 0;
    }
    return false;
}

/* Whether any step has a value: a group to which the quantity does not apply gets no line. */
static bool curve_defined(const Curve *curve) {
    bool defined = false;
    for (int i = 0; i < curve->count; i++)
        defined = defined || !isnan(curve->mean[i]);
    return defined;
}

/* Curves of every group at one layer and head; negative: at each group’s sinking head. Returns how
   many groups have one. */
static size_t panel_fill(const Report *report, const Quantity *quantity, int layer, int head,
                         Arena *arena, Panel *panel, unsigned *bands) {
    panel->curves = ARENA_ARRAY(arena, PanelCurve, report->group_count);
    panel->curve_count = 0;
    for (size_t g = 0; g < report->group_count; g++) {
        const Group *group = &report->groups[g];
        PanelCurve *line = &panel->curves[panel->curve_count];
        int at_layer = layer >= 0 ? layer : group->sink_layer;
        int at_head = head >= 0 ? head : SINKING_HEAD;
        *line = (PanelCurve){.group = group};
        if (!curve_read(group, quantity, at_layer, at_head, arena, &line->curve) ||
            !curve_defined(&line->curve))
            continue;
        panel->curve_count++;
        *bands |= 1U << line->curve.band;
        line->null = quantity_null(group, quantity, at_layer, at_head, arena);
    }
    return panel->curve_count;
}

/* "rope: layer 1, head 0; …" for captions of figures that show each group’s sinking head. */
static const char *sinking_places(const Report *report, bool with_head, Arena *arena) {
    const char *text = "";
    for (size_t g = 0; g < report->group_count; g++) {
        const Group *group = &report->groups[g];
        if (group->run_count > 0)
            text = arena_format(arena, "%s%s%s: %s", text, *text != '\0' ? "; " : "", group->label,
                                sinking_text(group, with_head, arena));
    }
    return text;
}

static const char *sinking_caption(const Report *report, bool by_head, Arena *arena) {
    return arena_format(arena,
                        "Shown is each group’s %s with the largest importance of the first "
                        "position at the last step%s (%s).",
                        by_head ? "head" : "layer", by_head ? ", of each seed its own" : "",
                        sinking_places(report, by_head, arena));
}

/* A panel for each layer and head; only for each layer, at its strongest heads, where heads of
   several seeds would be averaged that have nothing in common but their number. */
static void fill_heads(const Report *report, const LineFigure *options, bool by_head, Arena *arena,
                       Panels *panels, const char **caption, unsigned *bands) {
    bool one_seed = true;
    for (size_t g = 0; g < report->group_count; g++)
        one_seed = one_seed && report->groups[g].run_count <= 1;
    int heads = by_head ? report->heads : 1;
    bool strongest = heads > 1 && (!one_seed || report->layers * heads > PANELS_LARGEST);
    heads = strongest ? 1 : heads;
    if (report->same_shape && report->layers * heads <= PANELS_LARGEST) {
        const Group any = {.heads = heads};
        for (int layer = 0; layer < report->layers; layer++)
            for (int head = 0; head < heads; head++) {
                Panel *panel = &panels->items[panels->count];
                panel->title = head_text(&any, layer, head, arena);
                panels->count +=
                    panel_fill(report, &options->quantity, layer, strongest ? SINKING_HEAD : head,
                               arena, panel, bands) > 0;
            }
        if (strongest)
            *caption =
                "Shown is each layer’s head with the largest importance of the first position "
                "at the last step, of each seed its own.";
        return;
    }
    Panel *panel = &panels->items[0];
    panel->title = "";
    panels->count = panel_fill(report, &options->quantity, -1, -1, arena, panel, bands) > 0;
    *caption = sinking_caption(report, by_head, arena);
}

static void fill_quantities(const Report *report, const LineFigure *options, Arena *arena,
                            Panels *panels, unsigned *bands) {
    for (int i = 0; i < options->panel_count; i++) {
        const Quantity *quantity = i == 0 ? &options->quantity : &options->others[i - 1];
        Panel *panel = &panels->items[panels->count];
        panel->title = options->quantity_titles[i];
        panels->count += panel_fill(report, quantity, -1, -1, arena, panel, bands) > 0;
    }
}

static void fill_coordinates(const Report *report, const LineFigure *options, Arena *arena,
                             Panels *panels, unsigned *bands) {
    for (int i = 0; i < options->panel_count; i++) {
        Quantity quantity = options->quantity;
        int free = 0;
        while (free < COORDINATES_LARGEST - 1 && quantity.at[free].axis != NULL)
            free++;
        quantity.at[free] = (Coordinate){options->panel_axis, options->panel_values[i]};
        Panel *panel = &panels->items[panels->count];
        panel->title = arena_format(arena, "%s %g", options->panel_title, options->panel_values[i]);
        panels->count += panel_fill(report, &quantity, -1, -1, arena, panel, bands) > 0;
    }
}

static bool group_in_panels(const Panels *panels, const Group *group) {
    bool found = false;
    for (int p = 0; p < panels->count; p++)
        for (size_t c = 0; c < panels->items[p].curve_count; c++)
            found = found || panels->items[p].curves[c].group == group;
    return found;
}

/* Why the group has no line: the variable's own reason, or that it was not measured. */
static const char *reason_for_no_line(const Group *group, const char *variable, Arena *arena) {
    const char *reason = "";
    bool held = false;
    for (size_t r = 0; r < group->run_count && *reason == '\0'; r++) {
        held = held || run_dataset(group->runs[r], variable) != NULL;
        reason = run_undefined(group->runs[r], variable, arena);
    }
    return *reason != '\0' ? reason : held ? "it is not defined there" : "it was not measured";
}

/* "No line for a, b: reason; for c: another." of the analysed groups that are not drawn; "" for
   none. */
static const char *groups_without_line(const Report *report, const Panels *panels,
                                       const char *variable, Arena *arena) {
    const char *text = "";
    const char **reasons = ARENA_ARRAY(arena, const char *, report->group_count);
    for (size_t g = 0; g < report->group_count; g++) {
        const Group *group = &report->groups[g];
        if (group->run_count > 0 && !group_in_panels(panels, group))
            reasons[g] = reason_for_no_line(group, variable, arena);
    }
    for (size_t g = 0; g < report->group_count; g++) {
        const char *labels = "", *reason = reasons[g];
        for (size_t k = g; k < report->group_count && reason != NULL; k++) {
            if (reasons[k] == NULL || strcmp(reasons[k], reason) != 0)
                continue;
            labels = arena_format(arena, "%s%s%s", labels, *labels != '\0' ? ", " : "",
                                  report->groups[k].label);
            reasons[k] = NULL;
        }
        if (reason != NULL)
            text = arena_format(arena, "%s%s for %s: %s", text, *text != '\0' ? ";" : "No line",
                                labels, reason);
    }
    return *text != '\0' ? arena_format(arena, "%s.", text) : "";
}

const char scaled_caption[] = "Not all rows of attention sum to 1 here: each query’s "
                              "weights, without their signs, are scaled to do "
                              "so, which makes attention of any size comparable.";

void draw_lines(const Report *report, const Figure *figure, Arena *arena, Drawing *drawing) {
    LineFigure drawn = *(const LineFigure *)figure->options;
    const LineFigure *options = &drawn;
    bool exists, scales = report->row_sums && drawn.scaled.variable != NULL;
    if (scales)
        drawn.quantity = drawn.scaled;
    if (options->of_row_sums && !report->row_sums) {
        drawing->redundant = true;
        drawing->missing = "rows of attention sum to 1";
        return;
    }
    bool by_head = variable_has_axis(report, options->quantity.variable, "head", &exists);
    if (!exists) {
        drawing->missing = arena_format(arena, "No analysed run has the variable “%s”.",
                                        options->quantity.variable);
        return;
    }
    Panels panels = {.axis_title = options->axis_title,
                     .null_label = options->null_label,
                     .own_axes = options->own_axes,
                     .from_zero = true,
                     .least_top = options->share ? 0.1 : 0,
                     .most_top = options->share ? 1 : 0,
                     .points = true};
    const char *caption = "";
    unsigned bands = 0;
    if (options->panels == PANELS_HEADS)
        fill_heads(report, options, by_head, arena, &panels, &caption, &bands);
    else if (options->panels == PANELS_COORDINATES)
        fill_coordinates(report, options, arena, &panels, &bands);
    else {
        fill_quantities(report, options, arena, &panels, &bands);
        caption = sinking_caption(report, by_head, arena);
    }
    const char *without = groups_without_line(report, &panels, options->quantity.variable, arena);
    if (panels.count == 0) {
        drawing->missing =
            arena_format(arena, "No analysed run has a value of “%s” where this figure looks. %s",
                         options->quantity.variable, without);
        return;
    }
    for (int i = 0; i < panels.count && options->null_label == NULL; i++)
        for (size_t c = 0; c < panels.items[i].curve_count; c++)
            panels.items[i].curves[c].null = NAN;
    draw_panels(report, &panels, figure, arena, drawing);
    const char *const parts[] = {caption, bands_text(bands, arena), without,
                                 scales ? scaled_caption : ""};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (*parts[i] != '\0')
            drawing->caption = arena_format(arena, "%s%s%s", drawing->caption,
                                            *drawing->caption != '\0' ? " " : "", parts[i]);
}

/* A run's losses averaged over about 40 bins per factor of ten, so that neither the early steps are
   hidden nor the late noise drawn. */
static void bin_losses(const double *steps, const double *losses, size_t count, Arena *arena,
                       Series *series) {
    enum { BINS_PER_DECADE = 40, BINS = BINS_PER_DECADE * 12 };
    *series = (Series){.step = ARENA_ARRAY(arena, double, BINS),
                       .value = ARENA_ARRAY(arena, double, BINS)};
    int bin = -1;
    double step_sum = 0, loss_sum = 0, members = 0;
    for (size_t i = 0; i <= count; i++) {
        int next = i < count && steps[i] >= 1 ? (int)(log10(steps[i]) * BINS_PER_DECADE) : bin;
        if (members > 0 && (i == count || next != bin) && series->count < BINS) {
            series->step[series->count] = step_sum / members;
            series->value[series->count++] = loss_sum / members;
            step_sum = loss_sum = members = 0;
        }
        bin = next;
        if (i == count || isnan(losses[i]) || steps[i] < 1)
            continue;
        step_sum += steps[i];
        loss_sum += losses[i];
        members++;
    }
}

void draw_loss(const Report *report, const Figure *figure, Arena *arena, Drawing *drawing) {
    Panels panels = {.axis_title = "training loss (nats per token)",
                     .null_label = "all tokens alike",
                     .points = false,
                     .count = 1};
    Panel *panel = &panels.items[0];
    *panel = (Panel){.title = "", .curves = ARENA_ARRAY(arena, PanelCurve, report->group_count)};
    unsigned bands = 0;
    for (size_t g = 0; g < report->group_count; g++) {
        const Group *group = &report->groups[g];
        Series *series = ARENA_ARRAY(arena, Series, report->run_count);
        size_t seeds = 0;
        double null = NAN;
        for (size_t r = 0; r < report->run_count; r++) {
            const RunData *run = &report->runs[r];
            size_t count;
            double *steps, *losses;
            if (run->group != (int)g || strcmp(run->run->status, "failed") == 0 ||
                !run_read_losses(run, arena, &count, &steps, &losses))
                continue;
            bin_losses(steps, losses, count, arena, &series[seeds]);
            seeds += series[seeds].count > 0;
            if (run->facts.vocabulary > 1)
                null = log((double)run->facts.vocabulary);
        }
        if (seeds == 0)
            continue;
        PanelCurve *line = &panel->curves[panel->curve_count++];
        line->group = group;
        line->null = null;
        curve_over_seeds(series, seeds, arena, &line->curve);
        bands |= 1U << line->curve.band;
    }
    if (panel->curve_count == 0) {
        drawing->missing = "No run has a training log yet.";
        return;
    }
    draw_panels(report, &panels, figure, arena, drawing);
    drawing->caption = arena_format(arena, "Averaged over 40 bins per factor of ten. %s",
                                    bands_text(bands, arena));
}
