#include "engine.h"

#include "../base/memory.h"
#include "draw.h"
#include "lemmas.h"
#include "matrix.h"
#include "population.h"
#include "saddlesweep/closed_form.h"
#include "saddlesweep/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct local_engine {
    ss_engine base; /* first: the two pointers are the same */
    const ss_kernel *kernels[2];
    const ss_kernel *kernel; /* of the run in progress */
    void *memory;            /* one block, all of the below lie in it */
    size_t capacity;
    ss_batch latents;  /* of the iteration in progress */
    double *A;         /* d × k */
    double *V;         /* d × d */
    double *X;         /* d × d: X_n */
    double *Z_star;    /* d × d */
    double *gamma;     /* d × d */
    double *gradient;  /* d × k */
    double *direction; /* d × k: the sphere noise */
    double *norms;     /* d: those that rows are scaled to: r_i, or learned */
    double *spectrum;  /* d: eigenvalues of S, if a certificate is asked for */
    double *slope;     /* d × d: E φ' φ', if m is infinite; likewise … */
    double *radial;    /* d × d: … E φ'' φ */
    void *scratch;     /* the kernel's */
    ss_lemma_room lemmas;
    ss_population population;
} local_engine;

static size_t scratch_bytes(const ss_kernel *kernel, const ss_run *run)
{
    ss_batch data = ss_run_data_batch(run, NULL);
    ss_batch latents = ss_run_latent_batch(run, NULL);
    size_t for_data = run->n > 0 ? kernel->scratch_bytes(&data) : 0;
    size_t for_latents = run->m > 0 ? kernel->scratch_bytes(&latents) : 0;
    return for_data > for_latents ? for_data : for_latents;
}

/* Where everything is that a run needs; with memory NULL, how many bytes that takes. */
static size_t arrange(const ss_kernel *kernel, const ss_run *run, char *memory,
                      local_engine *engine)
{
    size_t vector = (size_t)run->d * sizeof(double);
    size_t square = (size_t)run->d * vector;
    size_t tall = (size_t)run->k * vector;
    ss_arena arena = {.memory = memory};
    engine->A = ss_arena_take(&arena, tall);
    engine->V = ss_arena_take(&arena, square);
    engine->X = ss_arena_take(&arena, square);
    engine->Z_star = ss_arena_take(&arena, square);
    engine->gamma = ss_arena_take(&arena, square);
    engine->gradient = ss_arena_take(&arena, tall);
    engine->direction = ss_arena_take(&arena, tall);
    engine->norms = ss_arena_take(&arena, vector);
    engine->spectrum = ss_arena_take(&arena, run->certificate ? vector : 0);
    engine->slope = ss_arena_take(&arena, run->m == 0 ? square : 0);
    engine->radial = ss_arena_take(&arena, run->m == 0 ? square : 0);
    engine->scratch = ss_arena_take(&arena, scratch_bytes(kernel, run));
    ss_lemma_take(&arena, run, &engine->lemmas);
    return arena.bytes;
}

size_t ss_engine_local_bytes(const ss_run *run, const ss_kernel *kernel)
{
    local_engine engine;
    return arrange(kernel, run, NULL, &engine);
}

static ss_run_reason reserve(local_engine *engine, const ss_run *run)
{
    size_t bytes = arrange(engine->kernel, run, NULL, engine);
    if (ss_reserve(&engine->memory, &engine->capacity, bytes) != SS_OK) {
        return SS_REASON_MEMORY;
    }
    arrange(engine->kernel, run, engine->memory, engine);
    return SS_REASON_NONE;
}

/* F is ready for rows of these norms. */
static ss_run_reason prepare_population(local_engine *engine, const ss_run *run)
{
    ss_error error =
        ss_population_prepare(&engine->population, run->activation, engine->norms, run->d);
    return error == SS_OK ? SS_REASON_NONE : SS_REASON_MEMORY;
}

/* X_n, or F(Z*). */
static ss_run_reason form_X(local_engine *engine, const ss_run *run, const double *A_star)
{
    ss_run_reason reason = SS_REASON_NONE;
    if (run->n == 0 || run->m == 0) {
        reason = prepare_population(engine, run);
    }
    if (reason == SS_REASON_NONE && run->n == 0) {
        ss_population_moments(&engine->population, engine->Z_star, engine->X, NULL, NULL);
    } else if (reason == SS_REASON_NONE) {
        ss_batch data = ss_run_data_batch(run, A_star);
        engine->kernel->gamma(&data, engine->scratch, engine->X);
    }
    return reason;
}

/* A* in the place of A (k0 ≤ k, so it fits); r_i, Z* and X_n from A*. */
static ss_run_reason draw_truth(local_engine *engine, const ss_run *run)
{
    double *A_star = engine->A;
    ss_run_reason reason = ss_draw_truth(run, A_star, engine->norms);
    if (reason != SS_REASON_NONE) {
        return reason;
    }
    ss_matrix_gram(A_star, run->d, run->k0, engine->Z_star);
    return form_X(engine, run, A_star);
}

/* Step 5's Proj_C; with free rows A only has to be finite. */
static ss_run_reason project(const local_engine *engine, const ss_run *run, double *A)
{
    if (run->train_row_norm == SS_TRAIN_ROW_NORM_FREE) {
        return isfinite(ss_matrix_norm(A, run->d * run->k)) ? SS_REASON_NONE : SS_REASON_NOT_FINITE;
    }
    return ss_matrix_project(A, run->d, run->k, engine->norms);
}

/* A⁰. */
static ss_run_reason draw_start(const local_engine *engine, const ss_run *run, double *A)
{
    ss_draw_start(run, A);
    return project(engine, run, A);
}

static ss_run_reason start(ss_engine *base, const ss_run *run, int64_t t, double *truth_norm)
{
    (void)t;
    local_engine *engine = (local_engine *)base;
    engine->kernel = engine->kernels[run->precision];
    ss_run_reason reason = reserve(engine, run);
    if (reason == SS_REASON_NONE) {
        reason = draw_truth(engine, run);
    }
    if (reason != SS_REASON_NONE) {
        return reason;
    }
    engine->latents = ss_run_latent_batch(run, engine->A);
    *truth_norm = ss_matrix_norm(engine->Z_star, run->d * run->d);
    memset(engine->V, 0, (size_t)(run->d * run->d) * sizeof *engine->V);
    return draw_start(engine, run, engine->A);
}

ss_run_reason ss_engine_local_constrain(ss_engine *base, const ss_run *run, const double *norms)
{
    local_engine *engine = (local_engine *)base;
    memcpy(engine->norms, norms, (size_t)run->d * sizeof *norms);
    return project(engine, run, engine->A);
}

/* Prepares moments for rows whose norms may be others than in start(). */
static ss_run_reason follow_norms(local_engine *engine, const ss_run *run)
{
    if (run->train_row_norm == SS_TRAIN_ROW_NORM_KNOWN) {
        return SS_REASON_NONE;
    }
    if (run->train_row_norm == SS_TRAIN_ROW_NORM_FREE) { /* the r_i are of no more use */
        ss_matrix_row_norms(engine->A, run->d, run->k, engine->norms);
    }
    return prepare_population(engine, run);
}

/* Step 1: Γ of the batch, or F(A Aᵀ). */
static ss_run_reason form_gamma(local_engine *engine, const ss_run *run)
{
    if (run->m > 0) {
        engine->kernel->gamma(&engine->latents, engine->scratch, engine->gamma);
        return SS_REASON_NONE;
    }
    ss_run_reason reason = follow_norms(engine, run);
    if (reason != SS_REASON_NONE) {
        return reason;
    }
    ss_matrix_gram(engine->A, run->d, run->k, engine->gamma);
    ss_population_moments(&engine->population, engine->gamma, engine->gamma, engine->slope,
                          engine->radial);
    return SS_REASON_NONE;
}

/* Step 3. */
static void form_gradient(local_engine *engine, const ss_run *run)
{
    if (run->m > 0) {
        engine->kernel->gradient(&engine->latents, engine->scratch, engine->V, engine->gradient);
        return;
    }
    ss_population_gradient(engine->A, run->d, run->k, engine->V, engine->slope, engine->radial,
                           engine->gradient);
}

/* Step 2: V ← V + η_V (Γ − X_n − V), written so that η_V = 1 gives Γ − X_n exactly. */
static void ascend(local_engine *engine, const ss_run *run)
{
    double keep = 1 - run->ascent_step;
    for (int64_t entry = 0; entry < run->d * run->d; entry++) {
        double residual = engine->gamma[entry] - engine->X[entry];
        engine->V[entry] = keep * engine->V[entry] + run->ascent_step * residual;
    }
}

static ss_run_reason step(ss_engine *base, const ss_run *run, int64_t t)
{
    local_engine *engine = (local_engine *)base;
    engine->latents.t = (uint32_t)t;
    ss_run_reason reason = form_gamma(engine, run);
    if (reason != SS_REASON_NONE) {
        return reason;
    }
    ascend(engine, run);
    form_gradient(engine, run);
    ss_draw_noise(run, t, engine->direction, engine->gradient);
    ss_run_descend(run, t, engine->gradient, engine->A);
    return project(engine, run, engine->A);
}

static void save(const ss_engine *base, const ss_run *run, double *state)
{
    const local_engine *engine = (const local_engine *)base;
    memcpy(state, engine->A, (size_t)(run->d * run->k) * sizeof *state);
    memcpy(state + run->d * run->k, engine->V, (size_t)(run->d * run->d) * sizeof *state);
    if (ss_run_learns_norms(run)) {
        memcpy(state + run->d * (run->k + run->d), engine->norms, (size_t)run->d * sizeof *state);
    }
}

static void restore(ss_engine *base, const ss_run *run, const double *state)
{
    local_engine *engine = (local_engine *)base;
    memcpy(engine->A, state, (size_t)(run->d * run->k) * sizeof *state);
    memcpy(engine->V, state + run->d * run->k, (size_t)(run->d * run->d) * sizeof *state);
    if (ss_run_learns_norms(run)) {
        memcpy(engine->norms, state + run->d * (run->k + run->d), (size_t)run->d * sizeof *state);
    }
}

static void iterate(const ss_engine *base, const ss_run *run, double *A)
{
    memcpy(A, ((const local_engine *)base)->A, (size_t)(run->d * run->k) * sizeof *A);
}

static double error(ss_engine *base, const ss_run *run)
{
    local_engine *engine = (local_engine *)base;
    return ss_matrix_gram_distance(engine->A, run->d, run->k, engine->Z_star);
}

/* ∇g(Z) = (F(Z) − X_n) ∘ F'(Z), for Z in `gamma`. */
static void form_risk_gradient(const local_engine *engine, const ss_run *run, double *S)
{
    const double *Z = engine->gamma;
    for (int64_t i = 0; i < run->d; i++) {
        double r = sqrt(Z[i * run->d + i]);
        for (int64_t j = 0; j < run->d; j++) {
            int64_t entry = i * run->d + j;
            double s = sqrt(Z[j * run->d + j]);
            ss_closed_form F = ss_closed_form_at(run->activation, Z[entry], r, s);
            S[entry] = (F.value - engine->X[entry]) * F.slope;
        }
    }
}

static ss_run_reason certify(ss_engine *base, const ss_run *run, double *certificate)
{
    local_engine *engine = (local_engine *)base;
    double *S = engine->V;
    double *residual = engine->gradient; /* S A */
    double *multipliers = certificate + SS_CERTIFICATE_MULTIPLIERS;
    ss_matrix_gram(engine->A, run->d, run->k, engine->gamma);
    form_risk_gradient(engine, run, S);
    ss_matrix_product(S, run->d, run->d, engine->A, run->k, residual);
    for (int64_t i = 0; i < run->d; i++) {
        const double *row = engine->A + i * run->k;
        double *of_row = residual + i * run->k;
        double lambda = ss_matrix_dot(of_row, row, run->k) / ss_matrix_dot(row, row, run->k);
        for (int64_t c = 0; c < run->k; c++) {
            of_row[c] -= lambda * row[c];
        }
        S[i * run->d + i] -= lambda;
        multipliers[i] = lambda;
    }
    certificate[SS_CERTIFICATE_RESIDUAL] =
        ss_matrix_norm(residual, run->d * run->k) / ss_matrix_norm(engine->A, run->d * run->k);
    ss_run_reason reason = ss_matrix_eigenvalues(S, run->d, engine->spectrum);
    double smallest = INFINITY;
    for (int64_t i = 0; i < run->d && reason == SS_REASON_NONE; i++) {
        smallest = fmin(smallest, engine->spectrum[i]);
    }
    certificate[SS_CERTIFICATE_EIGENVALUE] = smallest;
    return reason;
}

static ss_run_reason examine(ss_engine *base, const ss_run *run, ss_interrupt *interrupt,
                             double *values)
{
    local_engine *engine = (local_engine *)base;
    const ss_lemma_room *room = &engine->lemmas;
    ss_run_reason reason = ss_lemma_exact(run, &engine->population, engine->Z_star, room);
    if (reason == SS_REASON_NONE && run->covariance_error) {
        reason = ss_lemma_covariance(run, engine->X, room, values);
        values += SS_COVARIANCE_VALUES;
    }
    if (reason == SS_REASON_NONE && run->gradient_bias) {
        reason = draw_start(engine, run, room->start);
    }
    if (reason == SS_REASON_NONE && run->gradient_bias) {
        reason = ss_lemma_gradient(run, &engine->population, engine->kernel, engine->scratch,
                                   engine->X, room, interrupt, values);
    }
    return reason;
}

static const char *kernel(const ss_engine *base, ss_precision precision)
{
    return ((const local_engine *)base)->kernels[precision]->name;
}

static void destroy(ss_engine *base)
{
    local_engine *engine = (local_engine *)base;
    ss_population_release(&engine->population);
    free(engine->memory);
    free(engine);
}

ss_error ss_engine_create_local(ss_engine **out)
{
    local_engine *engine = NULL;
    *out = NULL;
    SS_TRY(ss_allocate(1, sizeof *engine, &engine));
    engine->base = (ss_engine){.start = start,
                               .step = step,
                               .save = save,
                               .restore = restore,
                               .iterate = iterate,
                               .error = error,
                               .certify = certify,
                               .examine = examine,
                               .kernel = kernel,
                               .destroy = destroy};
    for (int precision = 0; precision < 2; precision++) {
        ss_error error = ss_kernel_choose((ss_precision)precision, &engine->kernels[precision]);
        if (error != SS_OK) {
            free(engine);
            return error;
        }
    }
    *out = &engine->base;
    return SS_OK;
}
