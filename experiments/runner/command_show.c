/* fiducial show: the full settings, as YAML that makes the same runs, and the runs as its comments.
 */
#include "experiments/runner/commands.h"
#include "experiments/runner/reference.h"
#include "model/base/threads.h"
#include "model/math/blas.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_sweep(const Node *sweep, Arena *arena) {
    if (sweep == NULL || sweep->type != NODE_MAP || sweep->count == 0)
        return;
    printf("sweep:\n");
    for (size_t i = 0; i < sweep->count; i++) {
        const Node *value = sweep->items[i];
        printf("  %s:", sweep->keys[i]->text);
        if (value->type != NODE_MAP) {
            printf(" %s\n", node_write(value, arena));
            continue;
        }
        printf("\n");
        for (size_t k = 0; k < value->count; k++)
            printf("    %s: %s\n", value->keys[k]->text, node_write(value->items[k], arena));
    }
}

/* "1.2 M": three figures and a factor of a thousand. */
static const char *scaled(double value, const char *unit, char text[NUMBER_TEXT_BYTES]) {
    static const char *const factors[] = {" ", " k", " M", " G", " T", " P", " E"};
    size_t i = 0;
    while (value >= 999.5 && i + 1 < sizeof factors / sizeof factors[0]) {
        value /= 1000;
        i++;
    }
    int decimals = i == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(text, NUMBER_TEXT_BYTES, "%.*f%s%s", decimals, value, factors[i], unit);
    return text;
}

static void print_cost(const char *name, const RunCost *cost, int width) {
    char parameters[NUMBER_TEXT_BYTES], flops[NUMBER_TEXT_BYTES], tokens[NUMBER_TEXT_BYTES],
        disk[NUMBER_TEXT_BYTES];
    printf("#   %-*s %10s %10s %12s %9s %9" PRId64 "\n", width, name,
           cost->parameters == 0 ? "" : scaled((double)cost->parameters, "", parameters),
           scaled(cost->tokens, "", tokens), scaled(cost->training_flops, "FLOP", flops),
           scaled(cost->disk_bytes, "B", disk), cost->snapshots);
}

/* About how long training takes with nothing else on the machine: by what a matrix product does on
   one core now. threads: 0 for all cores; all of them work, as runs go side by side and a batch is
   split. */
static void print_time(const RunCost *all, int threads) {
    enum { PRODUCT_SIZE = 512 };
    static const double product_seconds = 0.05;
    static const double share =
        0.8; /* of SGEMM's speed: what `fiducial bench` shows for small models */
    double gflops = blas_measure_sgemm(PRODUCT_SIZE, product_seconds);
    int cores = threads > 0 ? threads : threads_available();
    char duration[NUMBER_TEXT_BYTES];
    if (!(gflops > 0))
        return;
    duration_write(all->training_flops / (1e9 * share * gflops * cores), duration);
    printf(
        "# training: about %s on %d %s (SGEMM now %.0f GFLOP/s on one); the analyses come on top\n",
        duration, cores, cores == 1 ? "core" : "cores", gflops);
}

static void print_runs(const Corridor *corridor, int threads) {
    const RunPlan *plan = &corridor->plan;
    RunCost all = {0};
    int width = (int)strlen("run");
    for (size_t i = 0; i < plan->count; i++)
        if ((int)strlen(plan->runs[i].name) > width)
            width = (int)strlen(plan->runs[i].name);
    printf("\n# %zu %s, results in %s\n", plan->count, plan->count == 1 ? "run" : "runs",
           corridor->directory);
    printf("#   %-*s %10s %10s %12s %9s %9s\n", width, "run", "parameters", "tokens", "to train",
           "disk", "snapshots");
    for (size_t i = 0; i < plan->count; i++) {
        const RunCost *cost = &corridor->costs[i];
        print_cost(plan->runs[i].name, cost, width);
        all.tokens += cost->tokens;
        all.training_flops += cost->training_flops;
        all.disk_bytes += cost->disk_bytes;
        all.snapshots += cost->snapshots;
    }
    if (plan->count > 1)
        print_cost("all", &all, width);
    print_time(&all, threads);
}

/* tree with every reference that root, below path, has in place of its value. */
static Status references_put_back(const ExperimentFile *file, const Node *root, const char *path,
                                  Arena *arena, const Node **tree, Error *error) {
    if (!reference_within(root))
        return STATUS_OK;
    if (root->type != NODE_MAP)
        return schema_set(&file->schema, *tree, path, root, root, arena, tree, error);
    for (size_t i = 0; i < root->count; i++) {
        const char *key = root->keys[i]->text;
        const char *below = path == NULL ? key : arena_format(arena, "%s.%s", path, key);
        TRY(references_put_back(file, root->items[i], below, arena, tree, error));
    }
    return STATUS_OK;
}

static void print_map(const Node *map, int indent, Arena *arena) {
    for (size_t i = 0; i < map->count; i++) {
        const Node *value = map->items[i];
        printf("%*s%s:", indent, "", map->keys[i]->text);
        if (value->type == NODE_MAP && value->count > 0) {
            printf("\n");
            print_map(value, indent + 2, arena);
        } else {
            printf(" %s\n", node_write(value, arena));
        }
    }
}

/* tree with the file's own values of the swept keys: what a run of `include` starts from. */
static Status own_values_put_back(const Corridor *corridor, Arena *arena, const Node **tree,
                                  Error *error) {
    const ExperimentFile *file = &corridor->file;
    for (size_t i = 0; i < file->sweep->count; i++) {
        const char *key = file->sweep->keys[i]->text;
        const Node *value = schema_find(&file->keys, key) == NULL
                                ? NULL
                                : reference_value(&file->keys, file->root, key, arena);
        if (value != NULL)
            TRY(schema_set(&file->schema, *tree, key, value, value, arena, tree, error));
    }
    return STATUS_OK;
}

static Status print_settings(const Corridor *corridor, Arena *arena, Error *error) {
    const ExperimentFile *file = &corridor->file;
    const char *yaml = corridor->plan.runs[0].yaml;
    bool included = node_find(file->sweep, "include") != NULL;
    if (!included && !reference_within(file->root)) {
        printf("%s", yaml);
        return STATUS_OK;
    }
    const Node *tree;
    TRY(yaml_parse_value(yaml, "the resolved settings", arena, &tree, error));
    if (included)
        TRY(own_values_put_back(corridor, arena, &tree, error));
    TRY(references_put_back(file, file->root, NULL, arena, &tree, error));
    print_map(tree, 0, arena);
    return STATUS_OK;
}

Status show_print(const Corridor *corridor, int threads, Arena *arena, Error *error) {
    bool swept = corridor->plan.count > 1 || corridor->plan.swept_count > 0;
    bool own = node_find(corridor->file.sweep, "include") != NULL;
    printf("# %s with every default filled in%s\n", corridor->file.path,
           swept && !own ? "; swept keys show the first run's value" : "");
    TRY(print_settings(corridor, arena, error));
    print_sweep(corridor->file.sweep, arena);
    print_runs(corridor, threads);
    return STATUS_OK;
}

Status command_show(const CommandLine *line, Arena *arena, Error *error) {
    Corridor corridor;
    TRY(corridor_open(line, arena, &corridor, error));
    return show_print(&corridor, 0, arena, error);
}
