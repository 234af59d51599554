/* Which null belongs to which groups, in words. */
#include "results/report/html.h"

#include <math.h>
#include <stdlib.h>

enum { GROUPS_NAMED = 4 };

/* Known ones first, then the more frequent; qsort keeps no order, so that the first group decides. */
static int compare_classes(const void *a, const void *b) {
    const NullClass *first = a, *second = b;
    if (isnan(first->null) != isnan(second->null))
        return isnan(first->null) ? 1 : -1;
    if (first->count != second->count)
        return first->count < second->count ? 1 : -1;
    return (first->groups[0] > second->groups[0]) - (first->groups[0] < second->groups[0]);
}

size_t null_classes(const Group *const *groups, const double *nulls, size_t count, Arena *arena,
                    NullClass **classes) {
    size_t found = 0;
    *classes = ARENA_ARRAY(arena, NullClass, count);
    for (size_t g = 0; g < count; g++) {
        size_t c = 0;
        while (c < found && !same_null((*classes)[c].null, nulls[g]))
            c++;
        if (c == found)
            (*classes)[found++] =
                (NullClass){.null = nulls[g], .groups = ARENA_ARRAY(arena, const Group *, count)};
        NullClass *joined = &(*classes)[c];
        joined->groups[joined->count++] = groups[g];
    }
    qsort(*classes, found, sizeof **classes, compare_classes);
    return found;
}

void html_null_class(FILE *page, const Report *report, const NullClass *class, Arena *arena) {
    char text[NUMBER_TEXT_BYTES];
    size_t named = class->count <= GROUPS_NAMED ? class->count : GROUPS_NAMED - 1;
    fputs(isnan(class->null) ? "none is known" : number_text(class->null, text), page);
    for (size_t g = 0; g < named; g++) {
        bool last = g + 1 == class->count;
        fputs(g == 0 ? "" : last ? " and" : ",", page);
        output_html(page, group_phrase(report, class->groups[g], arena));
    }
    if (named < class->count)
        fprintf(page, " and %zu more", class->count - named);
}
