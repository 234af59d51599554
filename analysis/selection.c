#include "analysis/selection.h"

#include <inttypes.h>
#include <string.h>

static const char *option_text(const KindOptions *options, const Field *field, Arena *arena) {
    const void *member = options->bytes + field->offset;
    switch (field->type) {
    case FIELD_INTEGER:
        return arena_format(arena, "%s: %" PRId64, field->name, *(const int64_t *)member);
    case FIELD_REAL:
        return arena_format(arena, "%s: %.17g", field->name, *(const double *)member);
    case FIELD_BOOL:
        return arena_format(arena, "%s: %s", field->name, *(const bool *)member ? "true" : "false");
    case FIELD_CHOICE:
        return arena_format(arena, "%s: %s", field->name, field->choices[*(const int *)member]);
    case FIELD_STRING:
        return arena_format(arena, "%s: %s", field->name, *(const char *const *)member);
    default:
        return field->name;
    }
}

const char *analysis_describe(const KindChoice *choice, Arena *arena) {
    const Kind *kind = choice->kind;
    const char *text = arena_format(arena, "{kind: %s", kind->name);
    for (size_t f = 0; f < kind->options.count; f++)
        text = arena_format(arena, "%s, %s", text,
                            option_text(&choice->options, kind->options.fields + f, arena));
    return arena_format(arena, "%s}", text);
}

static void decide(AnalysisFate *fate, bool only) {
    bool same = fate->asked != NULL && fate->held != NULL && strcmp(fate->asked, fate->held) == 0;
    fate->compute = fate->asked != NULL && (only || !same);
    fate->keep = fate->held != NULL && !fate->compute;
}

void analyses_decide(AnalysisFate *fates, size_t count, bool only) {
    for (size_t i = 0; i < count; i++)
        decide(fates + i, only);
    if (!analyses_any_computed(fates, count, true))
        return;
    for (size_t i = 0; i < count; i++)
        if (fates[i].kind->over_steps != NULL && fates[i].keep) {
            fates[i].compute = true;
            fates[i].keep = false;
        }
}

bool analyses_any_computed(const AnalysisFate *fates, size_t count, bool over_samples_alone) {
    for (size_t i = 0; i < count; i++)
        if (fates[i].compute && !(over_samples_alone && fates[i].kind->over_steps != NULL))
            return true;
    return false;
}

const char *analyses_describe(const AnalysisFate *fates, size_t count, Arena *arena) {
    const char *text = "";
    for (size_t i = 0; i < count; i++) {
        if (!fates[i].compute && !fates[i].keep)
            continue;
        const char *one = fates[i].keep || fates[i].asked == NULL ? fates[i].held : fates[i].asked;
        text = arena_format(arena, "%s%s%s", text, text[0] == '\0' ? "" : ", ", one);
    }
    return text;
}
