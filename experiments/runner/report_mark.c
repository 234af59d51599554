#include "experiments/runner/report_mark.h"

#include "experiments/runner/version.h"
#include "model/base/sha256.h"
#include "train/storage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *mark_path(const char *directory, Arena *arena) {
    return arena_format(arena, "%s/.report", directory);
}

/* A hash over all that the report is made from. */
static const char *made_from(const ReportJob *job, const RunPlan *plan, Arena *arena) {
    TextBuffer buffer = {.arena = arena};
    char hex[65];
    text_add(&buffer, "%s %s\n%s\n", program_version(), program_git_revision(),
             job->experiment_yaml);
    for (size_t i = 0; i < job->run_count; i++)
        text_add(&buffer, "%s %s %s %s\n", job->runs[i].name, plan->runs[i].identity,
                 job->runs[i].status, job->runs[i].failure);
    sha256_of(buffer.text, buffer.length, hex);
    return arena_format(arena, "%s", hex);
}

/* A mark is one line: the hash, the number. */
typedef struct Mark {
    char hash[65];
    int64_t number;
} Mark;

static Mark mark_read(const char *directory, Arena *arena) {
    Mark mark = {.number = 0};
    const char *text;
    size_t bytes;
    if (yaml_read_text(mark_path(directory, arena), arena, &text, &bytes, NULL) != STATUS_OK ||
        sscanf(text, "%64[0-9a-f] %" SCNd64, mark.hash, &mark.number) != 2 || mark.number < 1)
        return (Mark){.number = 0};
    return mark;
}

int64_t report_mark_number(const char *directory, Arena *arena) {
    return mark_read(directory, arena).number;
}

bool report_mark_found(const ReportJob *job, const RunPlan *plan, int64_t seen, Arena *arena) {
    const Mark mark = mark_read(job->directory, arena);
    return mark.number != seen && strcmp(mark.hash, made_from(job, plan, arena)) == 0;
}

Status report_mark_write(const ReportJob *job, const RunPlan *plan, Arena *arena, Error *error) {
    const char *text = arena_format(arena, "%s %" PRId64 "\n", made_from(job, plan, arena),
                                    report_mark_number(job->directory, arena) + 1);
    return storage_write_text(mark_path(job->directory, arena), text, strlen(text), error);
}
