/*
 * Learning the marginals (Section 4): alternating gradient descent-ascent on
 *
 *   f(A, v) = vᵀ (γ(A) − x̄) − ‖v‖² / 2,   γ(A) = (1/m) Σ_j ψ(φ(A z_j)),   x̄ = (1/n) Σ_i ψ(x_i),
 *
 * with ψ from marginal.h. An iteration draws a batch; then v ← v + η_V (γ − x̄ − v), and with the
 * same batch, where u = A z_j,
 *
 *   row i of ∇_A f = v_i (1/m) Σ_j ψ'(φ(u_i)) φ'(u_i) z_jᵀ.
 *
 * Noise and descent are Algorithm 1's. There is no projection: the norms are what is learned.
 * n = 0 means x̄ = h(‖a*_i‖), m = 0 that γ_i = h(‖a_i‖) and row i = v_i h'(‖a_i‖) a_i / ‖a_i‖.
 */
#include "engine.h"

#include "../base/memory.h"
#include "draw.h"
#include "matrix.h"
#include "saddlesweep/marginal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Samples that are drawn at once. */
enum { CHUNK_STRIPS = 4, CHUNK = CHUNK_STRIPS * SS_KERNEL_STRIP };

typedef struct marginal_engine {
    ss_engine base; /* first: the two pointers are the same */
    const ss_kernel *kernel;
    ss_half_line *half_line;
    void *memory; /* one block, all of the below lie in it */
    size_t capacity;
    double *A;         /* d × k */
    double *v;         /* d */
    double *x_mean;    /* d: x̄ */
    double *gamma;     /* d */
    double *pull;      /* d × k: ∂γ_i/∂a_i; then the gradient */
    double *direction; /* d × k: the sphere noise */
    double *norms;     /* d: ‖a*_i‖ */
    double *lengths;   /* d: ‖a_i‖ */
    double *z;         /* k × CHUNK: samples, at their places */
    double *phi;       /* CHUNK: u_i, then φ(u_i), then ψ(φ(u_i)) of one row */
    double *slope;     /* CHUNK: φ'(u_i), where the kernel keeps it */
    double *weights;   /* CHUNK: ψ'(φ(u_i)) φ'(u_i) */
} marginal_engine;

/* Where everything is that a run needs; with memory NULL, how many bytes that takes. */
static size_t arrange(const ss_run *run, char *memory, marginal_engine *engine)
{
    size_t vector = (size_t)run->d * sizeof(double);
    size_t tall = (size_t)run->k * vector;
    size_t chunk = CHUNK * sizeof(double);
    ss_arena arena = {.memory = memory};
    engine->A = ss_arena_take(&arena, tall);
    engine->v = ss_arena_take(&arena, vector);
    engine->x_mean = ss_arena_take(&arena, vector);
    engine->gamma = ss_arena_take(&arena, vector);
    engine->pull = ss_arena_take(&arena, tall);
    engine->direction = ss_arena_take(&arena, tall);
    engine->norms = ss_arena_take(&arena, vector);
    engine->lengths = ss_arena_take(&arena, vector);
    engine->z = ss_arena_take(&arena, (size_t)run->k * chunk);
    engine->phi = ss_arena_take(&arena, chunk);
    engine->slope = ss_arena_take(&arena, chunk);
    engine->weights = ss_arena_take(&arena, chunk);
    return arena.bytes;
}

size_t ss_engine_marginal_bytes(const ss_run *run)
{
    marginal_engine engine;
    return arrange(run, NULL, &engine);
}

static ss_run_reason reserve(marginal_engine *engine, const ss_run *run)
{
    size_t bytes = ss_engine_marginal_bytes(run);
    if (ss_reserve(&engine->memory, &engine->capacity, bytes) != SS_OK) {
        return SS_REASON_MEMORY;
    }
    arrange(run, engine->memory, engine);
    return SS_REASON_NONE;
}

/* ---- sums over a batch, a chunk at a time ---- */

/* In a fixed order that leaves room for vectors. */
enum { PARTS = 8 };

static double total(const double *parts)
{
    double pairs[4];
    for (int i = 0; i < 4; i++) {
        pairs[i] = parts[i] + parts[i + 4];
    }
    return (pairs[0] + pairs[2]) + (pairs[1] + pairs[3]);
}

static double sum_chunk(const double *values)
{
    double parts[PARTS] = {0};
    for (int at = 0; at < CHUNK; at += PARTS) {
        for (int i = 0; i < PARTS; i++) {
            parts[i] += values[at + i];
        }
    }
    return total(parts);
}

static double dot_chunk(const double *first, const double *second)
{
    double parts[PARTS] = {0};
    for (int at = 0; at < CHUNK; at += PARTS) {
        for (int i = 0; i < PARTS; i++) {
            parts[i] += first[at + i] * second[at + i];
        }
    }
    return total(parts);
}

/* u (CHUNK, out): a row of A times the samples. */
static void project_chunk(const double *row, int64_t k, const double *z, double *u)
{
    for (int at = 0; at < CHUNK; at += PARTS) {
        double parts[PARTS] = {0};
        for (int64_t c = 0; c < k; c++) {
            for (int i = 0; i < PARTS; i++) {
                parts[i] += row[c] * z[c * CHUNK + at + i];
            }
        }
        memcpy(u + at, parts, sizeof parts);
    }
}

/* φ → ψ(φ) and weights φ' → ψ'(φ) φ', in place. */
static void discriminate(const ss_run *run, double *phi, double *weights)
{
    bool rectify = run->discriminator == SS_DISCRIMINATOR_RECTIFIED_LINEAR;
    double centre = rectify ? ss_marginal_centre(run->activation) : 0;
    for (int at = 0; at < CHUNK; at++) {
        bool open = !rectify || phi[at] > centre;
        weights[at] = open ? weights[at] : 0;
        phi[at] = open ? phi[at] - centre : 0;
    }
}

/* What is no sample counts nothing. */
static void clear_places(int64_t samples, double *phi, double *weights)
{
    for (int64_t row = samples; row < CHUNK; row++) {
        int64_t place =
            row / SS_KERNEL_STRIP * SS_KERNEL_STRIP + ss_kernel_place(row % SS_KERNEL_STRIP);
        phi[place] = 0;
        weights[place] = 0;
    }
}

/* ψ(φ(u)) and its derivative for row i and the chunk in z, of which `samples` are there. */
static void evaluate_row(const marginal_engine *engine, const ss_run *run, const ss_batch *batch,
                         int64_t i, int64_t samples)
{
    double *phi = engine->phi;
    double *weights = engine->weights;
    double *slope = ss_kernel_keeps_slope(batch->activation.kind) ? engine->slope : NULL;
    project_chunk(batch->A + i * batch->k, batch->k, engine->z, phi);
    engine->kernel->activate(batch->activation, CHUNK, phi, slope);
    for (int at = 0; at < CHUNK; at++) {
        weights[at] = 1;
    }
    engine->kernel->weigh(batch->activation, CHUNK, phi, slope, weights);
    discriminate(run, phi, weights);
    clear_places(samples, phi, weights);
}

/* mean (d, out) = (1/samples) Σ_j ψ(φ(A z_j)), and pull (d × k, out; NULL: not wanted): row i is
 * its derivative with respect to row i of A. */
static void average(const marginal_engine *engine, const ss_run *run, const ss_batch *batch,
                    double *mean, double *pull)
{
    double weight = 1 / (double)batch->samples;
    memset(mean, 0, (size_t)batch->d * sizeof *mean);
    if (pull) {
        memset(pull, 0, (size_t)(batch->d * batch->k) * sizeof *pull);
    }
    for (int64_t first = 0; first < batch->samples; first += CHUNK) {
        for (int64_t c = 0; c < batch->k; c++) {
            engine->kernel->draw(&batch->stream, batch->t, first / SS_KERNEL_STRIP, CHUNK_STRIPS, c,
                                 engine->z + c * CHUNK);
        }
        for (int64_t i = 0; i < batch->d; i++) {
            evaluate_row(engine, run, batch, i, batch->samples - first);
            mean[i] += weight * sum_chunk(engine->phi);
            for (int64_t c = 0; pull && c < batch->k; c++) {
                pull[i * batch->k + c] +=
                    weight * dot_chunk(engine->weights, engine->z + c * CHUNK);
            }
        }
    }
}

/* ---- population limits ---- */

static ss_marginal_mean mean_at(const marginal_engine *engine, const ss_run *run, double norm)
{
    return ss_marginal_mean_at(engine->half_line, run->discriminator, run->activation, norm);
}

static void find_data_mean(const marginal_engine *engine, const ss_run *run, const double *A_star)
{
    ss_batch data = ss_run_data_batch(run, A_star);
    if (run->n > 0) {
        average(engine, run, &data, engine->x_mean, NULL);
        return;
    }
    for (int64_t i = 0; i < run->d; i++) {
        engine->x_mean[i] = mean_at(engine, run, engine->norms[i]).value;
    }
}

/* As the first stage of another run it has latents of its own. */
static ss_batch latent_batch(const ss_run *run, const double *A, int64_t t)
{
    ss_batch latents = ss_run_latent_batch(run, A);
    latents.t = (uint32_t)t;
    if (run->train_row_norm == SS_TRAIN_ROW_NORM_LEARNED) { /* ss_run_stage */
        latents.stream = ss_stream_stage(run->root_seed, run->seed, run->k);
    }
    return latents;
}

/* γ and its derivatives; at a row of norm 0, where h(‖a‖) has a kink, the derivative 0. */
static void find_latent_mean(const marginal_engine *engine, const ss_run *run, int64_t t)
{
    if (run->m > 0) {
        ss_batch latents = latent_batch(run, engine->A, t);
        average(engine, run, &latents, engine->gamma, engine->pull);
        return;
    }
    for (int64_t i = 0; i < run->d; i++) {
        double norm = engine->lengths[i];
        ss_marginal_mean h = mean_at(engine, run, norm);
        engine->gamma[i] = h.value;
        for (int64_t c = 0; c < run->k; c++) {
            double cosine = norm > 0 ? engine->A[i * run->k + c] / norm : 0;
            engine->pull[i * run->k + c] = h.slope * cosine;
        }
    }
}

/* ---- the engine ---- */

static ss_run_reason measure(marginal_engine *engine, const ss_run *run)
{
    ss_matrix_row_norms(engine->A, run->d, run->k, engine->lengths);
    for (int64_t i = 0; i < run->d; i++) {
        if (!isfinite(engine->lengths[i])) {
            return SS_REASON_NOT_FINITE;
        }
    }
    return SS_REASON_NONE;
}

static double largest(const double *values, int64_t count)
{
    double most = 0;
    for (int64_t i = 0; i < count; i++) {
        most = fmax(most, values[i]);
    }
    return most;
}

static ss_run_reason start(ss_engine *base, const ss_run *run, int64_t t, double *truth_norm)
{
    (void)t;
    marginal_engine *engine = (marginal_engine *)base;
    ss_run_reason reason = reserve(engine, run);
    double *A_star = engine->A; /* k0 ≤ k, so it fits */
    if (reason == SS_REASON_NONE) {
        reason = ss_draw_truth(run, A_star, engine->norms);
    }
    if (reason != SS_REASON_NONE) {
        return reason;
    }
    find_data_mean(engine, run, A_star);
    *truth_norm = largest(engine->norms, run->d);
    memset(engine->v, 0, (size_t)run->d * sizeof *engine->v);
    ss_draw_start(run, engine->A);
    return measure(engine, run);
}

/* Written so that η_V = 1 gives γ − x̄ exactly. */
static void ascend(const marginal_engine *engine, const ss_run *run)
{
    double keep = 1 - run->ascent_step;
    for (int64_t i = 0; i < run->d; i++) {
        double residual = engine->gamma[i] - engine->x_mean[i];
        engine->v[i] = keep * engine->v[i] + run->ascent_step * residual;
    }
}

static ss_run_reason step(ss_engine *base, const ss_run *run, int64_t t)
{
    marginal_engine *engine = (marginal_engine *)base;
    double *gradient = engine->pull;
    find_latent_mean(engine, run, t);
    ascend(engine, run);
    for (int64_t entry = 0; entry < run->d * run->k; entry++) {
        gradient[entry] *= engine->v[entry / run->k];
    }
    ss_draw_noise(run, t, engine->direction, gradient);
    ss_run_descend(run, t, gradient, engine->A);
    return measure(engine, run);
}

static void save(const ss_engine *base, const ss_run *run, double *state)
{
    const marginal_engine *engine = (const marginal_engine *)base;
    memcpy(state, engine->A, (size_t)(run->d * run->k) * sizeof *state);
    memcpy(state + run->d * run->k, engine->v, (size_t)run->d * sizeof *state);
}

static void iterate(const ss_engine *base, const ss_run *run, double *A)
{
    memcpy(A, ((const marginal_engine *)base)->A, (size_t)(run->d * run->k) * sizeof *A);
}

static void restore(ss_engine *base, const ss_run *run, const double *state)
{
    marginal_engine *engine = (marginal_engine *)base;
    memcpy(engine->A, state, (size_t)(run->d * run->k) * sizeof *state);
    memcpy(engine->v, state + run->d * run->k, (size_t)run->d * sizeof *state);
    measure(engine, run);
}

/* max_i |‖a_i‖ − ‖a*_i‖|. */
static double error(ss_engine *base, const ss_run *run)
{
    const marginal_engine *engine = (const marginal_engine *)base;
    double most = 0;
    for (int64_t i = 0; i < run->d; i++) {
        most = fmax(most, fabs(engine->lengths[i] - engine->norms[i]));
    }
    return most;
}

const double *ss_engine_marginal_norms(const ss_engine *base)
{
    return ((const marginal_engine *)base)->lengths;
}

static void destroy(ss_engine *base)
{
    marginal_engine *engine = (marginal_engine *)base;
    ss_half_line_destroy(&engine->half_line);
    free(engine->memory);
    free(engine);
}

ss_error ss_engine_create_marginal(ss_engine **out)
{
    marginal_engine *engine = NULL;
    *out = NULL;
    SS_TRY(ss_allocate(1, sizeof *engine, &engine));
    engine->base = (ss_engine){.start = start,
                               .step = step,
                               .save = save,
                               .restore = restore,
                               .iterate = iterate,
                               .error = error,
                               .destroy = destroy}; /* no certificates: the sweep file has none */
    ss_error failure = ss_kernel_choose(SS_PRECISION_DOUBLE, &engine->kernel);
    if (failure == SS_OK) {
        failure = ss_half_line_create(&engine->half_line);
    }
    if (failure != SS_OK) {
        destroy(&engine->base);
        return failure;
    }
    *out = &engine->base;
    return SS_OK;
}
