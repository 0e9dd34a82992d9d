/*
 * The float32 kernel over 16 lanes, a template: each instruction set has one file that defines
 * LANES_KERNEL and LANES_NAME, includes this, and is compiled with its own flags. The width is the
 * same everywhere and no multiply-add is fused, so every instruction set gives the same bits.
 *
 * Samples go in blocks of 512 (the last one shorter). A block lies in scratch memory as rows of
 * 512 floats: k rows of latents z, d rows of Φ, d rows of φ'. Within a strip of 64 samples, place
 * 16 w + l holds sample 4 l + w: a Philox block (four consecutive samples) is one lane of four
 * vectors. A sum runs in float32 over the 64 places of a strip, one chain each (8 values at most),
 * then in float64 in a fixed order.
 */
#include "kernels.h"
#include "lane_math.h"

#include <string.h>

enum {
    LANES = 16,
    STRIP = 4 * LANES,
    BLOCK = 512,
    PART = LANES_WIDTH,         /* lanes in a register */
    STRIP_PARTS = STRIP / PART, /* registers in a strip */
    ROW = BLOCK / PART,         /* registers in a row of a block */
};

/* Loops over the registers of a strip must vanish, or what they carry goes through memory. */
#if defined(__clang__)
#define LANES_UNROLL _Pragma("unroll")
#else
#define LANES_UNROLL _Pragma("GCC unroll 16")
#endif

/* Blocks kept between gamma() and gradient(); what exceeds this is computed twice. */
#define STORED_BYTES ((size_t)32 << 20)

typedef struct block {
    lanes_f32 *z;     /* k × ROW */
    lanes_f32 *phi;   /* d × ROW */
    lanes_f32 *slope; /* d × ROW */
    int64_t samples;
    int64_t parts; /* registers of a row in use: whole strips */
} block;

static size_t block_bytes(const ss_batch *batch)
{
    return (size_t)(batch->k + 2 * batch->d) * BLOCK * sizeof(float);
}

static int64_t block_count(const ss_batch *batch)
{
    return (batch->samples + BLOCK - 1) / BLOCK;
}

static int64_t stored_blocks(const ss_batch *batch)
{
    int64_t fitting = (int64_t)(STORED_BYTES / block_bytes(batch));
    int64_t wanted = block_count(batch);
    return fitting < 1 ? 1 : fitting < wanted ? fitting : wanted;
}

static size_t scratch_bytes(const ss_batch *batch)
{
    return (size_t)stored_blocks(batch) * block_bytes(batch);
}

/* Where block b lies; blocks beyond the stored ones share the first place. */
static block place_block(const ss_batch *batch, void *scratch, int64_t b)
{
    int64_t left = batch->samples - b * BLOCK;
    int64_t stored = stored_blocks(batch);
    size_t slot = stored == block_count(batch) ? (size_t)b : 0;
    block block;
    block.z = (lanes_f32 *)((char *)scratch + slot * block_bytes(batch));
    block.phi = block.z + batch->k * ROW;
    block.slope = block.phi + batch->d * ROW;
    block.samples = left < BLOCK ? left : BLOCK;
    block.parts = (block.samples + STRIP - 1) / STRIP * STRIP_PARTS;
    return block;
}

static void draw_latents(const ss_batch *batch, int64_t b, const block *block)
{
    lanes_u32 lane;
    for (int l = 0; l < PART; l++) {
        lane[l] = (uint32_t)l;
    }
    for (int64_t c = 0; c < batch->k; c++) {
        for (int64_t strip = 0; strip < block->parts; strip += STRIP_PARTS) {
            uint32_t group = (uint32_t)((b * BLOCK + strip * PART) / 4);
            lanes_f32 *z = block->z + c * ROW + strip;
            for (uint32_t part = 0; part < LANES / PART; part++) {
                lanes_u32 counter[4] = {lane + (group + part * PART), lanes_all_words((uint32_t)c),
                                        lanes_all_words(batch->t),
                                        lanes_all_words(batch->stream.salt)};
                lanes_u32 x[4];
                lanes_philox(counter, batch->stream.key[0], batch->stream.key[1], x);
                lanes_box_muller(x[0], x[1], &z[part], &z[part + LANES / PART]);
                lanes_box_muller(x[2], x[3], &z[part + 2 * (LANES / PART)],
                                 &z[part + 3 * (LANES / PART)]);
            }
        }
    }
}

/* φ and φ' of one register; `kind` is a constant wherever this is inlined. */
static inline __attribute__((always_inline)) void
activate(ss_activation_kind kind, float alpha, lanes_f32 u, lanes_f32 *phi, lanes_f32 *slope)
{
    const float two_over_root_pi = 1.12837917F;
    switch (kind) {
    case SS_ACTIVATION_TANH:
        *phi = lanes_tanh(u);
        *slope = 1 - *phi * *phi;
        return;
    case SS_ACTIVATION_SIGMOID:
        *phi = lanes_sigmoid(u);
        *slope = *phi * (1 - *phi);
        return;
    case SS_ACTIVATION_LEAKY_RELU:
        *slope = lanes_select(lanes_less(lanes_all(0), u), lanes_all(1), lanes_all(alpha));
        *phi = *slope * u;
        return;
    case SS_ACTIVATION_ERF:
        *phi = lanes_erf(u);
        *slope = two_over_root_pi * lanes_exp(-u * u);
        return;
    case SS_ACTIVATION_IDENTITY:
    case SS_ACTIVATION_KINDS:
        break;
    }
    *phi = u;
    *slope = lanes_all(1);
}

/* Φ and φ' of a block from its latents. */
static inline __attribute__((always_inline)) void
activate_block(ss_activation_kind kind, const ss_batch *batch, const block *block)
{
    float alpha = (float)batch->activation.alpha;
    for (int64_t i = 0; i < batch->d; i++) {
        const double *row = batch->A + i * batch->k;
        for (int64_t p = 0; p < block->parts; p++) {
            lanes_f32 u = {0};
            for (int64_t c = 0; c < batch->k; c++) {
                u += (float)row[c] * block->z[c * ROW + p];
            }
            activate(kind, alpha, u, &block->phi[i * ROW + p], &block->slope[i * ROW + p]);
        }
    }
}

/* Lanes of the last strip beyond the samples must not count: with Φ = 0 they add nothing, to Γ
 * nor (V Φ = 0) to the gradient. */
static void clear_tail(const ss_batch *batch, const block *block)
{
    for (int64_t sample = block->samples; sample < block->parts * PART; sample++) {
        int64_t place = sample / STRIP * STRIP + sample % 4 * LANES + sample % STRIP / 4;
        for (int64_t i = 0; i < batch->d; i++) {
            block->phi[i * ROW + place / PART][place % PART] = 0;
        }
    }
}

static block compute_block(const ss_batch *batch, void *scratch, int64_t b)
{
    block block = place_block(batch, scratch, b);
    draw_latents(batch, b, &block);
    switch (batch->activation.kind) {
    case SS_ACTIVATION_TANH:
        activate_block(SS_ACTIVATION_TANH, batch, &block);
        break;
    case SS_ACTIVATION_SIGMOID:
        activate_block(SS_ACTIVATION_SIGMOID, batch, &block);
        break;
    case SS_ACTIVATION_LEAKY_RELU:
        activate_block(SS_ACTIVATION_LEAKY_RELU, batch, &block);
        break;
    case SS_ACTIVATION_ERF:
        activate_block(SS_ACTIVATION_ERF, batch, &block);
        break;
    case SS_ACTIVATION_IDENTITY:
    case SS_ACTIVATION_KINDS:
        activate_block(SS_ACTIVATION_IDENTITY, batch, &block);
        break;
    }
    clear_tail(batch, &block);
    return block;
}

/* The sum of 16 values in float64, always in the same order. */
static inline double sum_lanes(const float *values)
{
    double half[LANES / 2];
    for (int lane = 0; lane < LANES / 2; lane++) {
        half[lane] = (double)values[lane] + (double)values[lane + LANES / 2];
    }
    return ((half[0] + half[4]) + (half[1] + half[5])) +
           ((half[2] + half[6]) + (half[3] + half[7]));
}

/* Σ a b over the places of two rows. */
static inline double dot(const lanes_f32 *a, const lanes_f32 *b, int64_t parts)
{
    lanes_f32 sum[STRIP_PARTS] = {{0}};
    lanes_f32 lanes[LANES / PART];
    for (int64_t strip = 0; strip < parts; strip += STRIP_PARTS) {
        LANES_UNROLL
        for (int p = 0; p < STRIP_PARTS; p++) {
            sum[p] += a[strip + p] * b[strip + p];
        }
    }
    LANES_UNROLL
    for (int p = 0; p < LANES / PART; p++) {
        const int next = LANES / PART;
        lanes[p] = (sum[p] + sum[p + next]) + (sum[p + 2 * next] + sum[p + 3 * next]);
    }
    return sum_lanes((const float *)lanes);
}

static void gamma_sum(const ss_batch *batch, void *scratch, double *gamma)
{
    int64_t d = batch->d;
    memset(gamma, 0, (size_t)(d * d) * sizeof *gamma);
    for (int64_t b = 0; b < block_count(batch); b++) {
        block block = compute_block(batch, scratch, b);
        for (int64_t i = 0; i < d; i++) {
            for (int64_t j = 0; j <= i; j++) {
                gamma[i * d + j] += dot(block.phi + i * ROW, block.phi + j * ROW, block.parts);
            }
        }
    }
    for (int64_t i = 0; i < d; i++) {
        for (int64_t j = 0; j <= i; j++) {
            gamma[i * d + j] /= (double)batch->samples;
            gamma[j * d + i] = gamma[i * d + j];
        }
    }
}

/* weight = φ'(A z) ∘ (V Φ), row i, of a block. */
static void weigh_row(const block *block, const double *V_row, int64_t d, int64_t i,
                      lanes_f32 *weight)
{
    for (int64_t strip = 0; strip < block->parts; strip += STRIP_PARTS) {
        lanes_f32 sum[STRIP_PARTS] = {{0}};
        for (int64_t j = 0; j < d; j++) {
            const lanes_f32 *phi = block->phi + j * ROW + strip;
            float factor = (float)V_row[j];
            LANES_UNROLL
            for (int p = 0; p < STRIP_PARTS; p++) {
                sum[p] += factor * phi[p];
            }
        }
        LANES_UNROLL
        for (int p = 0; p < STRIP_PARTS; p++) {
            weight[strip + p] = sum[p] * block->slope[i * ROW + strip + p];
        }
    }
}

static void gradient_sum(const ss_batch *batch, void *scratch, const double *V, double *gradient)
{
    int64_t d = batch->d;
    int64_t k = batch->k;
    bool stored = stored_blocks(batch) == block_count(batch);
    memset(gradient, 0, (size_t)(d * k) * sizeof *gradient);
    for (int64_t b = 0; b < block_count(batch); b++) {
        block block = stored ? place_block(batch, scratch, b) : compute_block(batch, scratch, b);
        for (int64_t i = 0; i < d; i++) {
            lanes_f32 weight[ROW];
            weigh_row(&block, V + i * d, d, i, weight);
            for (int64_t c = 0; c < k; c++) {
                gradient[i * k + c] += dot(weight, block.z + c * ROW, block.parts);
            }
        }
    }
    for (int64_t entry = 0; entry < d * k; entry++) {
        gradient[entry] *= 2 / (double)batch->samples;
    }
}

const ss_kernel LANES_KERNEL = {
    .name = LANES_NAME,
    .precision = SS_PRECISION_SINGLE,
    .scratch_bytes = scratch_bytes,
    .gamma = gamma_sum,
    .gradient = gradient_sum,
};
