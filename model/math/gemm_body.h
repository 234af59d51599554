/* The register-tiled matrix product, compiled per instruction set with the other vector kernels. B
   is packed into panels [k][PANEL] (transposed on the way for nt), or read where it stands if there
   are too few rows to repay packing; a tile of TILE_ROWS × PANEL sums stays in registers over the
   whole of k, reading A by broadcast. k is not split: a call's B fits scratch. */
#include "model/math/gemm.h"
#include "model/math/kernels.h"
#include "model/math/simd.h"

enum { PANEL = 2 * LANES, ROWS_THAT_REPAY_PACKING = 64 };

/* What the tiles of one panel share. A's element (i, p) is a[i·row + p·column]; B's panel is [k]
   rows of PANEL floats, b_stride apart. */
typedef struct Panel {
    const Gemm *g;
    long row, column, b_stride;
    const float *b;
    int columns; /* of C that the panel holds */
} Panel;

static inline __attribute__((always_inline)) void store(const Gemm *g, Vector sum, float *c) {
    Vector value = g->alpha * sum;
    vector_store(c, g->add ? value + vector_load(c) : value);
}

static void store_part(const Gemm *g, Vector sum, float *c, int columns) {
    Vector value = g->alpha * sum;
    if (g->add)
        value += vector_load_part(c, columns, 0);
    vector_store_part(c, value, columns);
}

/* One tile of rows × PANEL sums; with a constant rows they are registers. */
static inline __attribute__((always_inline)) void tile(int rows, const Panel *panel, const float *a,
                                                       float *c) {
    const Gemm *g = panel->g;
    const float *b = panel->b;
    long row = panel->row, column = panel->column, b_stride = panel->b_stride;
    Vector first[TILE_ROWS], second[TILE_ROWS];
    for (int i = 0; i < rows; i++)
        first[i] = second[i] = vector_set(0);
    for (int p = 0; p < g->k; p++, a += column, b += b_stride) {
        Vector b_first = vector_load(b), b_second = vector_load(b + LANES);
        for (int i = 0; i < rows; i++) {
            first[i] += a[i * row] * b_first;
            second[i] += a[i * row] * b_second;
        }
    }
    if (panel->columns == PANEL)
        for (int i = 0; i < rows; i++, c += g->c.stride) {
            store(g, first[i], c);
            store(g, second[i], c + LANES);
        }
    else
        for (int i = 0; i < rows; i++, c += g->c.stride) {
            int left = panel->columns;
            store_part(g, first[i], c, left < LANES ? left : LANES);
            if (left > LANES)
                store_part(g, second[i], c + LANES, left - LANES);
        }
}

#define TILE_CASE(count)                                                                           \
    case count:                                                                                    \
        tile(count, panel, a, c);                                                                  \
        break;

static void run_tile(int rows, const Panel *panel, const float *a, float *c) {
    switch (rows) {
        TILE_CASE(1)
        TILE_CASE(2)
        TILE_CASE(3)
        TILE_CASE(4)
        TILE_CASE(5)
        TILE_CASE(6)
#if TILE_ROWS > 6
        TILE_CASE(7)
        TILE_CASE(8)
        TILE_CASE(9)
        TILE_CASE(10)
        TILE_CASE(11)
        TILE_CASE(12)
        TILE_CASE(13)
        TILE_CASE(14)
#endif
    }
}

/* Columns first … first + columns − 1 of op(B) into panel [k][PANEL], zeros behind the last. */
static void pack_rows(const Gemm *g, int first, int columns, float *panel) {
    const float *b = g->b.data + first;
    for (int p = 0; p < g->k; p++, b += g->b.stride, panel += PANEL) {
        if (columns == PANEL)
            for (int j = 0; j < PANEL; j += LANES)
                vector_store(panel + j, vector_load(b + j));
        else
            for (int j = 0; j < PANEL; j++)
                panel[j] = j < columns ? b[j] : 0;
    }
}

static void pack_transposed(const Gemm *g, int first, int columns, float *panel) {
    for (int j = 0; j < columns; j += LANES) {
        int wide = columns - j < LANES ? columns - j : LANES;
        const float *b = g->b.data + (size_t)(first + j) * (size_t)g->b.stride;
        int p = 0;
        if (wide == LANES)
            for (; p + LANES <= g->k; p += LANES)
                vector_transpose(b + p, g->b.stride, panel + (size_t)p * PANEL + j, PANEL);
        for (; p < g->k; p++)
            for (int i = 0; i < LANES; i++)
                panel[(size_t)p * PANEL + (size_t)(j + i)] =
                    i < wide ? b[(size_t)i * (size_t)g->b.stride + (size_t)p] : 0;
    }
}

/* B's panel at column first: where it stands, or packed into scratch. */
static Panel panel_at(const Gemm *g, int first) {
    bool transposed = g->form == GEMM_TN;
    Panel panel = {.g = g,
                   .row = transposed ? 1 : g->a.stride,
                   .column = transposed ? g->a.stride : 1,
                   .b_stride = PANEL,
                   .b = g->scratch,
                   .columns = g->n - first < PANEL ? g->n - first : PANEL};
    if (g->form == GEMM_NT)
        pack_transposed(g, first, panel.columns, g->scratch);
    else if (panel.columns == PANEL && g->m <= ROWS_THAT_REPAY_PACKING) {
        panel.b = g->b.data + first;
        panel.b_stride = g->b.stride;
    } else
        pack_rows(g, first, panel.columns, g->scratch);
    return panel;
}

/* Rows are spread evenly over the tiles, so that no tile is much emptier than the others. */
static void gemm_tiled(const Gemm *g) {
    int tiles = (g->m + TILE_ROWS - 1) / TILE_ROWS;
    for (int first = 0; first < g->n; first += PANEL) {
        Panel panel = panel_at(g, first);
        for (int t = 0; t < tiles; t++) {
            int from = (int)((long)g->m * t / tiles), to = (int)((long)g->m * (t + 1) / tiles);
            run_tile(to - from, &panel, g->a.data + from * panel.row,
                     g->c.data + (size_t)from * (size_t)g->c.stride + first);
        }
    }
}
