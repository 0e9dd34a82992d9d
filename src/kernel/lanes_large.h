/*
 * The kernel for large d: rows of A in the lanes, and every product a level 3 operation on one
 * chunk of samples.
 *
 * Φ and the weights lie in panels of LINE rows: [panel][place][row]. One register tile serves all
 * four products (A z, V Φ, Γ, the gradient): a few numbers, broadcast, times a line of a panel. An
 * entry of Γ or of the gradient is one chain of `real` over a chunk, added in float64; an entry of
 * A z or V Φ is one chain over all its terms. So no result depends on the tiles.
 *
 * This is ours and not a BLAS's because a BLAS rounds differently on each processor, packs panels
 * that already are packed here, and is slower at these sizes (docs/performance.md).
 */
#ifndef SADDLESWEEP_KERNEL_LANES_LARGE_H
#define SADDLESWEEP_KERNEL_LANES_LARGE_H

#include "lanes_batch.h"

#include <string.h>

enum {
    LARGE_CHUNK = 256,
    LARGE_ROW = LARGE_CHUNK + LINE, /* of z: not a power of 2, or its rows share cache sets */
    PANEL = LARGE_CHUNK * LINE,     /* reals in a panel of a chunk */
#if LANES_BYTES == 64
    TILE_ROWS = 8, /* broadcast numbers of a tile … */
    TILE_PANELS = 2,
#elif LANES_BYTES == 32
    TILE_ROWS = 6,
    TILE_PANELS = 1,
#else
    TILE_ROWS = 2,
    TILE_PANELS = 1,
#endif
    TILE_PARTS = TILE_PANELS * LINE_PARTS, /* … and registers that each is multiplied with */
};

static inline int64_t panels_of(int64_t rows)
{
    return (rows + LINE - 1) / LINE;
}

static shape large_shape(const ss_batch *batch)
{
    int64_t rows = panels_of(batch->d) * LINE;
    int64_t wider = batch->d > batch->k ? batch->d : batch->k;
    shape shape = {
        .samples = LARGE_CHUNK,
        .z_row = LARGE_ROW,
        .z = (size_t)batch->k * LARGE_ROW,
        .phi = (size_t)rows * LARGE_CHUNK,
        .A = (size_t)(rows * batch->k),
        .V = (size_t)(rows * batch->d),
        .sums = (size_t)(rows * wider),
    };
    finish_shape(batch, &shape);
    return shape;
}

/* The factors of a tile: rows × terms numbers, and panels of terms lines. */
typedef struct factors {
    const real *a;
    const real *b;
    int64_t b_panel; /* reals from a panel of b to the next */
    int64_t terms;
} factors;

/* sum[r][part] += Σ_q a[r][q] b[q][part], q ascending; entry a[r][q] is at r a_row + q a_term. */
LANES_INLINE void multiply(const int rows, const int panels, const int64_t a_row,
                           const int64_t a_term, const factors *f, lanes_real *sum)
{
    const int parts = panels * LINE_PARTS;
    const real *a = f->a;
    const real *b = f->b;
    for (int64_t q = 0; q < f->terms; q++, a += a_term, b += LINE) {
        lanes_real line[TILE_PARTS];
        LANES_UNROLL
        for (int part = 0; part < parts; part++) {
            line[part] =
                lanes_load(b + part / LINE_PARTS * f->b_panel + part % LINE_PARTS * LANES_REALS);
        }
        LANES_UNROLL
        for (int r = 0; r < rows; r++) {
            lanes_real factor = lanes_all(a[r * a_row]);
            LANES_UNROLL
            for (int part = 0; part < parts; part++) {
                sum[r * parts + part] = lanes_fma(factor, line[part], sum[r * parts + part]);
            }
        }
    }
}

LANES_INLINE void clear_sums(const int count, lanes_real *sum)
{
    LANES_UNROLL
    for (int i = 0; i < count; i++) {
        sum[i] = lanes_all(0);
    }
}

/* Stores a tile of places × panels. */
LANES_INLINE void store_places(const int rows, const int panels, const lanes_real *sum, real *out)
{
    const int parts = panels * LINE_PARTS;
    LANES_UNROLL
    for (int i = 0; i < rows * parts; i++) {
        int part = i % parts;
        lanes_store(out + part / LINE_PARTS * PANEL + i / parts * LINE +
                        part % LINE_PARTS * LANES_REALS,
                    sum[i]);
    }
}

/* Adds a tile of entries × panels to the sums in float64. */
LANES_INLINE void add_entries(const int rows, const int panels, const lanes_real *sum, double *out,
                              int64_t out_panel)
{
    const int parts = panels * LINE_PARTS;
    LANES_UNROLL
    for (int i = 0; i < rows * parts; i++) {
        int part = i % parts;
        lanes_add_doubles(sum[i], out + part / LINE_PARTS * out_panel + i / parts * LINE +
                                      part % LINE_PARTS * LANES_REALS);
    }
}

/* Calls a function whose first two arguments are constants: rows ≤ TILE_ROWS, panels ≤ 2. */
#define LARGE_CASE(n, panels, function, ...)                                                       \
    case n:                                                                                        \
        if (n <= TILE_ROWS) {                                                                      \
            function(n <= TILE_ROWS ? n : 1, panels, __VA_ARGS__);                                 \
        }                                                                                          \
        break;
#define LARGE_ROWS(rows, panels, function, ...)                                                    \
    switch (rows) {                                                                                \
        LARGE_CASE(1, panels, function, __VA_ARGS__)                                               \
        LARGE_CASE(2, panels, function, __VA_ARGS__)                                               \
        LARGE_CASE(3, panels, function, __VA_ARGS__)                                               \
        LARGE_CASE(4, panels, function, __VA_ARGS__)                                               \
        LARGE_CASE(5, panels, function, __VA_ARGS__)                                               \
        LARGE_CASE(6, panels, function, __VA_ARGS__)                                               \
        LARGE_CASE(7, panels, function, __VA_ARGS__)                                               \
        LARGE_CASE(8, panels, function, __VA_ARGS__)                                               \
    default:                                                                                       \
        break;                                                                                     \
    }
#define WITH_TILE(rows, panels, function, ...)                                                     \
    do {                                                                                           \
        if (TILE_PANELS == 2 && (panels) == 2) {                                                   \
            LARGE_ROWS(rows, TILE_PANELS, function, __VA_ARGS__)                                   \
        } else {                                                                                   \
            LARGE_ROWS(rows, 1, function, __VA_ARGS__)                                             \
        }                                                                                          \
    } while (0)

static inline int tile_of(int64_t left, int most)
{
    return left < most ? (int)left : most;
}

LANES_INLINE void latents_tile(const int rows, const int panels, const factors *f, real *out)
{
    lanes_real sum[TILE_ROWS * TILE_PARTS];
    clear_sums(rows * panels * LINE_PARTS, sum);
    multiply(rows, panels, 1, LARGE_ROW, f, sum);
    store_places(rows, panels, sum, out);
}

/* A z of the panels from `panel` on. */
static void multiply_latents(const ss_batch *batch, const work *work, const chunk *chunk,
                             int64_t panel, int panels)
{
    int rows;
    factors f = {
        .b = work->A + panel * LINE * batch->k, .b_panel = LINE * batch->k, .terms = batch->k};
    for (int64_t place = 0; place < chunk->places; place += rows) {
        rows = tile_of(chunk->places - place, TILE_ROWS);
        f.a = chunk->z + place;
        WITH_TILE(rows, panels, latents_tile, &f, chunk->phi + panel * PANEL + place * LINE);
    }
}

LANES_INLINE void activate_panels(ss_activation_kind kind, const ss_batch *batch, const work *work,
                                  const chunk *chunk)
{
    int64_t all = panels_of(batch->d);
    int panels;
    for (int64_t panel = 0; panel < all; panel += panels) {
        panels = tile_of(all - panel, TILE_PANELS);
        multiply_latents(batch, work, chunk, panel, panels);
        for (int64_t p = panel; p < panel + panels; p++) {
            activate_span(kind, batch->activation, chunk->phi + p * PANEL, chunk->slope + p * PANEL,
                          chunk->places * LINE);
        }
    }
}

/* Places beyond the samples must not count: with Φ = 0 they add nothing, to Γ nor (V Φ = 0) to the
 * gradient. Rows beyond d hold what φ(0) is, and are never read out. */
static void clear_places(const ss_batch *batch, const chunk *chunk)
{
    for (int64_t sample = chunk->samples; sample < chunk->places; sample++) {
        for (int64_t panel = 0; panel < panels_of(batch->d); panel++) {
            memset(chunk->phi + panel * PANEL + place_of(sample) * LINE, 0, LINE * sizeof(real));
        }
    }
}

static void large_activate(const ss_batch *batch, const work *work, const chunk *chunk)
{
    WITH_KIND(batch->activation.kind, activate_panels, batch, work, chunk);
    clear_places(batch, chunk);
}

/* Adds sums over the places of a chunk to those in float64. */
LANES_INLINE void entries_tile(const int rows, const int panels, const int64_t a_row,
                               const int64_t a_place, const factors *f, double *out,
                               int64_t out_panel)
{
    lanes_real sum[TILE_ROWS * TILE_PARTS];
    clear_sums(rows * panels * LINE_PARTS, sum);
    multiply(rows, panels, a_row, a_place, f, sum);
    add_entries(rows, panels, sum, out, out_panel);
}

/* Adds a chunk's Φ Φᵀ to the sums, [panel of j][i][j]: what lies on and below the diagonal, in
 * whole lines. Of the panels of a tile, the rows of the first need but that one. */
static void large_gamma(const ss_batch *batch, const work *work, const chunk *chunk)
{
    int64_t all = panels_of(batch->d);
    int64_t out_panel = batch->d * LINE;
    int panels;
    int rows;
    for (int64_t panel = 0; panel < all; panel += panels) {
        panels = tile_of(all - panel, TILE_PANELS);
        factors f = {.b = chunk->phi + panel * PANEL, .b_panel = PANEL, .terms = chunk->places};
        for (int64_t i = panel * LINE; i < batch->d; i += rows) {
            int64_t to_panel_end = LINE - i % LINE;
            int needed = tile_of(i / LINE - panel + 1, panels);
            rows = tile_of(batch->d - i < to_panel_end ? batch->d - i : to_panel_end, TILE_ROWS);
            f.a = chunk->phi + i / LINE * PANEL + i % LINE;
            WITH_TILE(rows, needed, entries_tile, 1, LINE, &f,
                      work->sums + panel * out_panel + i * LINE, out_panel);
        }
    }
}

typedef struct weighing {
    const chunk *chunk;
    const real *V; /* from the first panel of the tile on */
    int64_t d;
    int64_t first; /* where the tile is, in a chunk of Φ */
    int64_t place;
    real *weights;
    real alpha;
} weighing;

LANES_INLINE void weights_tile(const int rows, const int panels, ss_activation_kind kind,
                               const weighing *w)
{
    const int parts = panels * LINE_PARTS;
    lanes_real sum[TILE_ROWS * TILE_PARTS];
    clear_sums(rows * parts, sum);
    for (int64_t j = 0; j < w->d; j += LINE) {
        factors f = {
            .a = w->chunk->phi + j / LINE * PANEL + w->place * LINE,
            .b = w->V + j * LINE,
            .b_panel = w->d * LINE,
            .terms = w->d - j < LINE ? w->d - j : LINE,
        };
        multiply(rows, panels, LINE, 1, &f, sum);
    }
    LANES_UNROLL
    for (int i = 0; i < rows * parts; i++) {
        int part = i % parts;
        int64_t at = w->first + part / LINE_PARTS * PANEL + i / parts * LINE +
                     part % LINE_PARTS * LANES_REALS;
        sum[i] *= slope_of(kind, w->alpha, w->chunk->phi + at, w->chunk->slope + at);
    }
    store_places(rows, panels, sum, w->weights + w->first);
}

/* weights = φ'(A z) ∘ (V Φ) of the whole chunk. */
LANES_INLINE void weigh_panels(ss_activation_kind kind, const ss_batch *batch, const work *work,
                               const chunk *chunk)
{
    int64_t all = panels_of(batch->d);
    int panels;
    int rows;
    weighing w = {
        .chunk = chunk,
        .d = batch->d,
        .weights = work->weights,
        .alpha = (real)batch->activation.alpha,
    };
    for (int64_t panel = 0; panel < all; panel += panels) {
        panels = tile_of(all - panel, TILE_PANELS);
        w.V = work->V + panel * LINE * batch->d;
        for (int64_t place = 0; place < chunk->places; place += rows) {
            rows = tile_of(chunk->places - place, TILE_ROWS);
            w.place = place;
            w.first = panel * PANEL + place * LINE;
            WITH_TILE(rows, panels, weights_tile, kind, &w);
        }
    }
}

/* Adds a chunk's weights zᵀ to the sums, [panel of i][c][i]. */
static void large_gradient(const ss_batch *batch, const work *work, const chunk *chunk)
{
    int64_t all = panels_of(batch->d);
    int64_t out_panel = batch->k * LINE;
    int panels;
    int rows;
    WITH_KIND(batch->activation.kind, weigh_panels, batch, work, chunk);
    for (int64_t panel = 0; panel < all; panel += panels) {
        panels = tile_of(all - panel, TILE_PANELS);
        factors f = {.b = work->weights + panel * PANEL, .b_panel = PANEL, .terms = chunk->places};
        for (int64_t c = 0; c < batch->k; c += rows) {
            rows = tile_of(batch->k - c, TILE_ROWS);
            f.a = chunk->z + c * LARGE_ROW;
            WITH_TILE(rows, panels, entries_tile, LARGE_ROW, 1, &f,
                      work->sums + panel * out_panel + c * LINE, out_panel);
        }
    }
}

/* [panel of rows][column][row of the panel], zero beyond the rows. */
static void pack(const double *matrix, int64_t rows, int64_t columns, real *out)
{
    for (int64_t i = 0; i < panels_of(rows) * LINE; i++) {
        for (int64_t j = 0; j < columns; j++) {
            out[(i / LINE * columns + j) * LINE + i % LINE] =
                i < rows ? (real)matrix[i * columns + j] : 0;
        }
    }
}

static void large_prepare(const ss_batch *batch, const double *V, const work *work)
{
    if (V) {
        pack(V, batch->d, batch->d, work->V);
    } else {
        pack(batch->A, batch->d, batch->k, work->A);
    }
    memset(work->sums, 0, work->shape.sums * sizeof *work->sums);
}

#endif
