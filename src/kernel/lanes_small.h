/*
 * The kernel for small d: samples in the lanes, everything of a chunk in the first-level cache.
 *
 * A chunk is rows of places: k rows of z, d rows of Φ. Two loops over register tiles do the work:
 * combine_rows() makes rows from rows (A z, and V Φ), dot_rows() makes entries from pairs of rows
 * (Γ, and the gradient). An entry is a sum over a chunk in LINE chains of `real`, folded to four
 * and added in float64; whatever tile it belongs to, these are the same operations.
 */
#ifndef SADDLESWEEP_KERNEL_LANES_SMALL_H
#define SADDLESWEEP_KERNEL_LANES_SMALL_H

#include "lanes_batch.h"

#include <string.h>

enum {
    SMALL_CHUNK = 2048 / (int)sizeof(real),
    TILE = 4, /* rows of a register tile at most */
#if LANES_BYTES == 64
    ACCUMULATORS = 24, /* registers that a tile may fill, of 32 … */
#else
    ACCUMULATORS = 12, /* … or of 16 */
#endif
};

static shape small_shape(const ss_batch *batch)
{
    int64_t d = batch->d;
    int64_t k = batch->k;
    int64_t entries = d * (d > k ? d : k);
    shape shape = {
        .samples = SMALL_CHUNK,
        .z_row = SMALL_CHUNK,
        .z = (size_t)k * SMALL_CHUNK,
        .phi = (size_t)d * SMALL_CHUNK,
        .A = whole_lines(d * k),
        .V = whole_lines(d * d),
        .sums = (size_t)(4 * entries + 7) / 8 * 8,
    };
    finish_shape(batch, &shape);
    return shape;
}

/* Rows that the next tile takes of those left: no tile of a single row but where d or k is 1. */
static inline int tile_rows(int64_t left)
{
    return left == 5 ? 3 : left < TILE ? (int)left : TILE;
}

/* Calls a function whose first argument is the number of rows as a constant. */
#define WITH_ROWS(rows, function, ...)                                                             \
    do {                                                                                           \
        switch (rows) {                                                                            \
        case 1:                                                                                    \
            function(1, __VA_ARGS__);                                                              \
            break;                                                                                 \
        case 2:                                                                                    \
            function(2, __VA_ARGS__);                                                              \
            break;                                                                                 \
        case 3:                                                                                    \
            function(3, __VA_ARGS__);                                                              \
            break;                                                                                 \
        default:                                                                                   \
            function(4, __VA_ARGS__);                                                              \
            break;                                                                                 \
        }                                                                                          \
    } while (0)

/* Rows from rows: out[r] = Σ_j M[r][j] in[j]. */
typedef struct combination {
    const real *M; /* rows × terms */
    int64_t terms;
    const real *in;    /* terms × places */
    real *out;         /* rows × places */
    const real *phi;   /* rows × places: what φ' comes from … */
    const real *slope; /* … or φ' itself, where it is kept */
    real alpha;
    int64_t places;
} combination;

/* What becomes of a sum before it is stored. */
typedef enum finish { AS_IT_IS, ACTIVATED, TIMES_SLOPE } finish;

LANES_INLINE lanes_real finish_sum(finish finish, ss_activation_kind kind, const combination *c,
                                   lanes_real sum, int64_t place)
{
    switch (finish) {
    case AS_IT_IS:
        break;
    case ACTIVATED:
        return activate(kind, c->alpha, sum);
    case TIMES_SLOPE:
        return sum * slope_of(kind, c->alpha, c->phi + place, c->slope + place);
    }
    return sum;
}

LANES_INLINE void combine_tile(const int rows, finish finish, ss_activation_kind kind,
                               const combination *c)
{
    const int parts = rows * 4 <= ACCUMULATORS ? 4 : 2; /* registers of each row at once */
    for (int64_t at = 0; at < c->places; at += parts * LANES_REALS) {
        lanes_real sum[TILE * 4];
        LANES_UNROLL
        for (int i = 0; i < rows * parts; i++) {
            sum[i] = lanes_all(0);
        }
        for (int64_t j = 0; j < c->terms; j++) {
            lanes_real term[4];
            LANES_UNROLL
            for (int p = 0; p < parts; p++) {
                term[p] = lanes_load(c->in + j * SMALL_CHUNK + at + p * LANES_REALS);
            }
            LANES_UNROLL
            for (int r = 0; r < rows; r++) {
                lanes_real factor = lanes_all(c->M[r * c->terms + j]);
                LANES_UNROLL
                for (int p = 0; p < parts; p++) {
                    sum[r * parts + p] = lanes_fma(factor, term[p], sum[r * parts + p]);
                }
            }
        }
        LANES_UNROLL
        for (int i = 0; i < rows * parts; i++) {
            int64_t place = i / parts * SMALL_CHUNK + at + i % parts * LANES_REALS;
            lanes_store(c->out + place, finish_sum(finish, kind, c, sum[i], place));
        }
    }
}

/* Φ, and φ' where it is kept, of the whole chunk from its latents. */
LANES_INLINE void activate_rows(ss_activation_kind kind, const ss_batch *batch, const work *work,
                                const chunk *chunk)
{
    /* Short functions while A z is in registers, long ones in a loop of their own. */
    const bool brief = kind == SS_ACTIVATION_LEAKY_RELU || kind == SS_ACTIVATION_IDENTITY;
    int rows;
    for (int64_t i = 0; i < batch->d; i += rows) {
        rows = tile_rows(batch->d - i);
        combination c = {
            .M = work->A + i * batch->k,
            .terms = batch->k,
            .in = chunk->z,
            .out = chunk->phi + i * SMALL_CHUNK,
            .alpha = (real)batch->activation.alpha,
            .places = chunk->places,
        };
        WITH_ROWS(rows, combine_tile, brief ? ACTIVATED : AS_IT_IS, kind, &c);
        for (int r = 0; r < rows && !brief; r++) {
            activate_span(kind, batch->activation, c.out + r * SMALL_CHUNK,
                          chunk->slope + (i + r) * SMALL_CHUNK, chunk->places);
        }
    }
}

/* Lanes of the last strip beyond the samples must not count: with Φ = 0 they add nothing, to Γ
 * nor (V Φ = 0) to the gradient. */
static void clear_rows(const ss_batch *batch, const chunk *chunk)
{
    for (int64_t sample = chunk->samples; sample < chunk->places; sample++) {
        for (int64_t i = 0; i < batch->d; i++) {
            chunk->phi[i * SMALL_CHUNK + place_of(sample)] = 0;
        }
    }
}

static void small_activate(const ss_batch *batch, const work *work, const chunk *chunk)
{
    WITH_KIND(batch->activation.kind, activate_rows, batch, work, chunk);
    clear_rows(batch, chunk);
}

/* weights = φ'(A z) ∘ (V Φ) of the whole chunk. */
LANES_INLINE void weigh_rows(ss_activation_kind kind, const ss_batch *batch, const work *work,
                             const chunk *chunk)
{
    int rows;
    for (int64_t i = 0; i < batch->d; i += rows) {
        rows = tile_rows(batch->d - i);
        combination c = {
            .M = work->V + i * batch->d,
            .terms = batch->d,
            .in = chunk->phi,
            .out = work->weights + i * SMALL_CHUNK,
            .phi = chunk->phi + i * SMALL_CHUNK,
            .slope = chunk->slope + i * SMALL_CHUNK,
            .alpha = (real)batch->activation.alpha,
            .places = chunk->places,
        };
        WITH_ROWS(rows, combine_tile, TIMES_SLOPE, kind, &c);
    }
}

/* Σ a_r b_c over register `part` of every line, for a tile of rows × cols entries, of which only
 * c ≤ r count where it lies on the diagonal. */
LANES_INLINE void dot_parts(const int rows, const int cols, const bool diagonal, const int part,
                            const int parts, const real *a, const real *b, int64_t places,
                            lanes_real sum[][TILE * TILE])
{
    LANES_UNROLL
    for (int q = 0; q < parts; q++) {
        LANES_UNROLL
        for (int i = 0; i < rows * cols; i++) {
            sum[part + q][i] = lanes_all(0);
        }
    }
    for (int64_t at = part * LANES_REALS; at < places; at += LINE) {
        LANES_UNROLL
        for (int q = 0; q < parts; q++) {
            lanes_real left[TILE];
            LANES_UNROLL
            for (int r = 0; r < rows; r++) {
                left[r] = lanes_load(a + r * SMALL_CHUNK + at + q * LANES_REALS);
            }
            LANES_UNROLL
            for (int c = 0; c < cols; c++) {
                lanes_real right =
                    diagonal ? left[c] : lanes_load(b + c * SMALL_CHUNK + at + q * LANES_REALS);
                LANES_UNROLL
                for (int r = 0; r < rows; r++) {
                    if (diagonal && c > r) {
                        continue;
                    }
                    sum[part + q][r * cols + c] =
                        lanes_fma(left[r], right, sum[part + q][r * cols + c]);
                }
            }
        }
    }
}

typedef struct pairs {
    const real *a; /* rows × places */
    const real *b; /* cols × places */
    int64_t places;
    double *sums; /* four to an entry … */
    int64_t step; /* … from one row of entries to the next; in a triangle it grows by one */
} pairs;

LANES_INLINE void dot_tile(const int rows, const int cols, const bool diagonal, const pairs *p)
{
    lanes_real sum[LINE_PARTS][TILE * TILE];
    const int entries = diagonal ? rows * (rows + 1) / 2 : rows * cols;
    if (entries * LINE_PARTS <= ACCUMULATORS) {
        dot_parts(rows, cols, diagonal, 0, LINE_PARTS, p->a, p->b, p->places, sum);
    } else {
        LANES_UNROLL
        for (int part = 0; part < LINE_PARTS; part++) {
            dot_parts(rows, cols, diagonal, part, 1, p->a, p->b, p->places, sum);
        }
    }
    LANES_UNROLL
    for (int r = 0; r < rows; r++) {
        LANES_UNROLL
        for (int c = 0; c < cols; c++) {
            if (diagonal && c > r) {
                continue;
            }
            lanes_real line[LINE_PARTS];
            LANES_UNROLL
            for (int q = 0; q < LINE_PARTS; q++) {
                line[q] = sum[q][r * cols + c];
            }
            lanes_add_folded(line, p->sums + 4 * (r * p->step + c));
        }
    }
}

LANES_INLINE void dot_square(const int cols, const int rows, const pairs *p)
{
    pairs half = *p;
    if (rows * cols > ACCUMULATORS) {
        half.a += 2 * SMALL_CHUNK;
        half.sums += 4 * 2 * half.step;
        dot_tile(2, cols, false, p);
        dot_tile(rows - 2, cols, false, &half);
    } else {
        dot_tile(rows, cols, false, p);
    }
}

static __attribute__((noinline)) void dot_diagonal(int rows, const pairs *p)
{
    switch (rows) {
    case 1:
        dot_tile(1, 1, true, p);
        return;
    case 2:
        dot_tile(2, 2, true, p);
        return;
    case 3:
        dot_tile(3, 3, true, p);
        return;
    default:
        dot_tile(4, 4, true, p);
        return;
    }
}

LANES_INLINE void dot_cols(const int rows, int cols, const pairs *p)
{
    WITH_ROWS(cols, dot_square, rows, p);
}

static __attribute__((noinline)) void dot_rows(int rows, int cols, const pairs *p)
{
    WITH_ROWS(rows, dot_cols, cols, p);
}

/* Adds a chunk's Φ Φᵀ to the sums: square, d × d, of which the lower triangle is used. */
static void small_gamma(const ss_batch *batch, const work *work, const chunk *chunk)
{
    int rows;
    int cols;
    for (int64_t i = 0; i < batch->d; i += rows) {
        rows = tile_rows(batch->d - i);
        pairs p = {
            .a = chunk->phi + i * SMALL_CHUNK,
            .places = chunk->places,
            .step = batch->d,
        };
        for (int64_t j = 0; j < i; j += cols) {
            cols = tile_rows(batch->d - j);
            p.b = chunk->phi + j * SMALL_CHUNK;
            p.sums = work->sums + 4 * (i * batch->d + j);
            dot_rows(rows, cols, &p);
        }
        p.sums = work->sums + 4 * (i * batch->d + i);
        dot_diagonal(rows, &p);
    }
}

/* Adds a chunk's weights zᵀ to the sums: d × k. */
static void small_gradient(const ss_batch *batch, const work *work, const chunk *chunk)
{
    int rows;
    int cols;
    WITH_KIND(batch->activation.kind, weigh_rows, batch, work, chunk);
    for (int64_t i = 0; i < batch->d; i += rows) {
        rows = tile_rows(batch->d - i);
        for (int64_t c = 0; c < batch->k; c += cols) {
            cols = tile_rows(batch->k - c);
            pairs p = {
                .a = work->weights + i * SMALL_CHUNK,
                .b = chunk->z + c * SMALL_CHUNK,
                .places = chunk->places,
                .sums = work->sums + 4 * (i * batch->k + c),
                .step = batch->k,
            };
            dot_rows(rows, cols, &p);
        }
    }
}

static void small_prepare(const ss_batch *batch, const double *V, const work *work)
{
    for (int64_t entry = 0; entry < batch->d * batch->k && !V; entry++) {
        work->A[entry] = (real)batch->A[entry];
    }
    for (int64_t entry = 0; entry < batch->d * batch->d && V; entry++) {
        work->V[entry] = (real)V[entry];
    }
    memset(work->sums, 0, work->shape.sums * sizeof *work->sums);
}

/* The sum of entry (row, column) of a matrix with `columns` columns. */
static double small_sum(const work *work, int64_t row, int64_t column, int64_t columns)
{
    const double *four = work->sums + 4 * (row * columns + column);
    return (four[0] + four[2]) + (four[1] + four[3]);
}

#endif
