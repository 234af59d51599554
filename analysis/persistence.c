/* Edges enter by (length, index). An edge whose ends have a common neighbour closes a triangle at
   once: the two are an apparent pair, a loop of no length. Any other edge joins two components or
   begins a loop that lives. So every edge is, modulo the tree of joining edges and the triangles so
   far, a sum of living loops. The first triangle on an edge says of which; every further one
   is a relation between loops: where it is not empty, it kills the youngest loop in it, which is
   the sum of the others from then on. That is the reduction of the boundary matrix, with its
   apparent columns eliminated and its rows cleared of dead loops.

   The sums are kept by loop: each has the bit matrix of the edges that contain it, so that one word
   tests 64 triangles of an edge. */
#include "analysis/persistence.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { WORD = 64, DIGIT = 256 };

typedef struct Edge {
    uint64_t key; /* orders like length */
    double length;
    int32_t first, second;
} Edge;

/* A living loop. */
typedef struct Loop {
    double born;
    uint64_t *edges;  /* [size][node_words], symmetric: the edges in whose sum it is */
    uint64_t *broken; /* [node_words]: third points of the triangles in whose sum it is */
} Loop;

typedef struct Reduction {
    Arena *arena;
    size_t size, node_words;
    uint64_t *neighbours; /* [size][node_words]: ends of the edges so far */
    uint64_t *common;     /* [node_words] */
    Loop *loops;          /* [alive], oldest first; behind them dead ones, to be used again */
    size_t alive, capacity;
    int *parent;   /* [size] union-find */
    double *birth; /* [size] of the component, at its root */
    Persistence bars;
} Reduction;

static void add_bar(Barcode *code, double birth, double death) {
    if (death > birth)
        code->bars[code->count++] = (Bar){birth, death};
}

/* ---- Edges in order -------------------------------------------------------------------------- */

/* Bits that order like the number. */
static uint64_t order_key(double value) {
    uint64_t bits;
    value += 0.0; /* −0 becomes 0 */
    memcpy(&bits, &value, sizeof bits);
    uint64_t sign = (uint64_t)1 << 63;
    return bits & sign ? ~bits : bits | sign;
}

/* Stable, by one byte of the key; false, with nothing done, where all share it. */
static bool sort_by_digit(const Edge *source, size_t count, int shift, Edge *target) {
    size_t counts[DIGIT] = {0}, place = 0;
    for (size_t i = 0; i < count; i++)
        counts[source[i].key >> shift & (DIGIT - 1)]++;
    if (counts[source[0].key >> shift & (DIGIT - 1)] == count)
        return false;
    for (size_t digit = 0; digit < DIGIT; digit++) {
        size_t here = counts[digit];
        counts[digit] = place;
        place += here;
    }
    for (size_t i = 0; i < count; i++)
        target[counts[source[i].key >> shift & (DIGIT - 1)]++] = source[i];
    return true;
}

static Edge *sorted_edges(const double *distance, size_t size, size_t *count, Arena *arena) {
    size_t pairs = size * (size - 1) / 2;
    Edge *edges = ARENA_ARRAY(arena, Edge, pairs), *other = ARENA_ARRAY(arena, Edge, pairs);
    *count = 0;
    for (size_t i = 0; i < size; i++)
        for (size_t j = i + 1; j < size; j++) {
            double length = distance[i * size + j];
            if (length < INFINITY)
                edges[(*count)++] = (Edge){order_key(length), length, (int32_t)i, (int32_t)j};
        }
    for (int shift = 0; shift<WORD && * count> 0; shift += 8)
        if (sort_by_digit(edges, *count, shift, other)) {
            Edge *sorted = other;
            other = edges;
            edges = sorted;
        }
    return edges;
}

/* ---- Components ------------------------------------------------------------------------------ */

static int find_root(int *parent, int node) {
    while (parent[node] != node)
        node = parent[node] = parent[parent[node]];
    return node;
}

/* Whether the edge joins two components; the younger one then dies. */
static bool join(Reduction *reduction, const Edge *edge) {
    int first = find_root(reduction->parent, edge->first);
    int second = find_root(reduction->parent, edge->second);
    if (first == second)
        return false;
    bool first_older = reduction->birth[first] <= reduction->birth[second];
    int older = first_older ? first : second, younger = first_older ? second : first;
    add_bar(&reduction->bars.dimension[0], reduction->birth[younger], edge->length);
    reduction->parent[younger] = older;
    return true;
}

/* ---- Loops ----------------------------------------------------------------------------------- */

static bool bit_get(const uint64_t *row, size_t bit) {
    return row[bit / WORD] >> bit % WORD & 1;
}

static void bit_set(uint64_t *row, size_t bit) {
    row[bit / WORD] |= (uint64_t)1 << bit % WORD;
}

static uint64_t *row_of(const Reduction *reduction, uint64_t *rows, size_t node) {
    return rows + node * reduction->node_words;
}

static void set_edge(const Reduction *reduction, uint64_t *rows, const Edge *edge) {
    size_t first = (size_t)edge->first, second = (size_t)edge->second;
    bit_set(row_of(reduction, rows, first), second);
    bit_set(row_of(reduction, rows, second), first);
}

static void make_room(Reduction *reduction) {
    if (reduction->alive < reduction->capacity)
        return;
    size_t capacity = reduction->capacity > 0 ? 2 * reduction->capacity : 16;
    Loop *loops = ARENA_ARRAY(reduction->arena, Loop, capacity);
    if (reduction->alive > 0)
        memcpy(loops, reduction->loops, sizeof *loops * reduction->alive);
    reduction->loops = loops;
    reduction->capacity = capacity;
}

static void begin_loop(Reduction *reduction, const Edge *edge) {
    size_t words = reduction->size * reduction->node_words;
    make_room(reduction);
    Loop *loop = reduction->loops + reduction->alive++;
    if (loop->edges == NULL) {
        loop->edges = ARENA_ARRAY(reduction->arena, uint64_t, words);
        loop->broken = ARENA_ARRAY(reduction->arena, uint64_t, reduction->node_words);
    }
    memset(loop->edges, 0, sizeof *loop->edges * words);
    loop->born = edge->length;
    set_edge(reduction, loop->edges, edge);
}

static void add_words(size_t count, const uint64_t *source, uint64_t *target) {
    for (size_t w = 0; w < count; w++)
        target[w] ^= source[w];
}

/* The youngest loop in the sum of the triangle with that third point dies: the sum is 0 from now
 * on.
 */
static void end_loop(Reduction *reduction, size_t third, double length) {
    size_t youngest = reduction->alive - 1;
    while (!bit_get(reduction->loops[youngest].broken, third))
        youngest--;
    Loop dead = reduction->loops[youngest];
    for (size_t l = 0; l < youngest; l++) {
        Loop *loop = reduction->loops + l;
        if (!bit_get(loop->broken, third))
            continue;
        add_words(reduction->size * reduction->node_words, dead.edges, loop->edges);
        add_words(reduction->node_words, dead.broken, loop->broken);
    }
    add_bar(&reduction->bars.dimension[1], dead.born, length);
    reduction->alive--;
    memmove(reduction->loops + youngest, reduction->loops + youngest + 1,
            sizeof dead * (reduction->alive - youngest));
    reduction->loops[reduction->alive] = dead;
}

/* The edge's sum by its first triangle, and in which others each loop then is. */
static void define_edge(Reduction *reduction, const Edge *edge, size_t third) {
    for (size_t l = 0; l < reduction->alive; l++) {
        Loop *loop = reduction->loops + l;
        const uint64_t *first = row_of(reduction, loop->edges, (size_t)edge->first);
        const uint64_t *second = row_of(reduction, loop->edges, (size_t)edge->second);
        bool own = bit_get(first, third) != bit_get(second, third);
        for (size_t w = 0; w < reduction->node_words; w++)
            loop->broken[w] =
                (first[w] ^ second[w] ^ (own ? UINT64_MAX : 0)) & reduction->common[w];
        if (own)
            set_edge(reduction, loop->edges, edge);
    }
}

/* The triangles of the edge with its common neighbours, of which there are some. */
static void close_triangles(Reduction *reduction, const Edge *edge) {
    size_t word = 0;
    while (reduction->common[word] == 0)
        word++;
    define_edge(reduction, edge, word * WORD + (size_t)__builtin_ctzll(reduction->common[word]));
    while (word < reduction->node_words) {
        uint64_t broken = 0;
        for (size_t l = 0; l < reduction->alive; l++)
            broken |= reduction->loops[l].broken[word];
        if (broken == 0)
            word++;
        else
            end_loop(reduction, word * WORD + (size_t)__builtin_ctzll(broken), edge->length);
    }
}

static void add_edge(Reduction *reduction, const Edge *edge) {
    const uint64_t *first = row_of(reduction, reduction->neighbours, (size_t)edge->first);
    const uint64_t *second = row_of(reduction, reduction->neighbours, (size_t)edge->second);
    uint64_t any = 0;
    for (size_t w = 0; w < reduction->node_words; w++) {
        reduction->common[w] = first[w] & second[w];
        any |= reduction->common[w];
    }
    if (any != 0)
        close_triangles(reduction, edge);
    else if (!join(reduction, edge))
        begin_loop(reduction, edge);
    set_edge(reduction, reduction->neighbours, edge);
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void begin(Reduction *reduction, const double *births, size_t edges) {
    size_t size = reduction->size;
    Arena *arena = reduction->arena;
    reduction->node_words = (size + WORD - 1) / WORD;
    reduction->neighbours = ARENA_ARRAY(arena, uint64_t, size * reduction->node_words);
    reduction->common = ARENA_ARRAY(arena, uint64_t, reduction->node_words);
    reduction->parent = ARENA_ARRAY(arena, int, size);
    reduction->birth = ARENA_ARRAY(arena, double, size);
    for (size_t node = 0; node < size; node++) {
        reduction->parent[node] = (int)node;
        reduction->birth[node] = births == NULL ? 0 : births[node];
    }
    reduction->bars.dimension[0].bars = ARENA_ARRAY(arena, Bar, size);
    reduction->bars.dimension[1].bars = ARENA_ARRAY(arena, Bar, edges);
}

Persistence rips_persistence(const double *distance, const double *births, int size,
                             Arena *scratch) {
    Reduction reduction = {.arena = scratch, .size = (size_t)size};
    if (size < 1)
        return reduction.bars;
    size_t count;
    const Edge *edges = sorted_edges(distance, reduction.size, &count, scratch);
    begin(&reduction, births, count);
    for (size_t i = 0; i < count; i++)
        add_edge(&reduction, edges + i);
    for (int node = 0; node < size; node++)
        if (reduction.parent[node] == node)
            add_bar(&reduction.bars.dimension[0], reduction.birth[node], INFINITY);
    for (size_t l = 0; l < reduction.alive; l++)
        add_bar(&reduction.bars.dimension[1], reduction.loops[l].born, INFINITY);
    return reduction.bars;
}
