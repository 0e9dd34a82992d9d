#include "lemmas.h"

#include "matrix.h"
#include "squared_norm.h"

#include <math.h>
#include <string.h>

void ss_lemma_take(ss_arena *arena, const ss_run *run, ss_lemma_room *room)
{
    bool any = ss_run_lemma_count(run) > 0;
    size_t vector = any ? (size_t)run->d * sizeof(double) : 0;
    size_t square = (size_t)run->d * vector;
    size_t tall = (size_t)run->k * vector;
    double **squares[] = {&room->X, &room->V, &room->F, &room->slope, &room->radial};
    double **talls[] = {&room->start, &room->gradient, &room->exact, &room->total};
    for (size_t i = 0; i < sizeof squares / sizeof squares[0]; i++) {
        *squares[i] = ss_arena_take(arena, square);
    }
    for (size_t i = 0; i < sizeof talls / sizeof talls[0]; i++) {
        *talls[i] = ss_arena_take(arena, tall);
    }
    room->groups = ss_arena_take(arena, SS_LEMMA_GROUPS * tall);
    room->norms = ss_arena_take(arena, vector);
    room->spectrum = ss_arena_take(arena, vector);
}

static ss_run_reason prepare(const ss_run *run, ss_population *population, const double *norms)
{
    ss_error error = ss_population_prepare(population, run->activation, norms, run->d);
    return error == SS_OK ? SS_REASON_NONE : SS_REASON_MEMORY;
}

static void subtract(const double *a, const double *b, int64_t count, double *difference)
{
    for (int64_t i = 0; i < count; i++) {
        difference[i] = a[i] - b[i];
    }
}

ss_run_reason ss_lemma_exact(const ss_run *run, ss_population *population, const double *Z_star,
                             const ss_lemma_room *room)
{
    for (int64_t i = 0; i < run->d; i++) {
        room->norms[i] = ss_run_keeps_norms(run) ? sqrt(Z_star[i * run->d + i]) : 1;
    }
    ss_run_reason reason = prepare(run, population, room->norms);
    if (reason == SS_REASON_NONE) {
        ss_population_moments(population, Z_star, room->X, NULL, NULL);
    }
    return reason;
}

ss_run_reason ss_lemma_covariance(const ss_run *run, const double *X_n, const ss_lemma_room *room,
                                  double *values)
{
    int64_t entries = run->d * run->d;
    double largest = 0;
    subtract(X_n, room->X, entries, room->V);
    values[SS_COVARIANCE_FROBENIUS] = ss_matrix_norm(room->V, entries);
    ss_run_reason reason = ss_matrix_eigenvalues(room->V, run->d, room->spectrum);
    for (int64_t i = 0; i < run->d && reason == SS_REASON_NONE; i++) {
        largest = fmax(largest, fabs(room->spectrum[i]));
    }
    values[SS_COVARIANCE_SPECTRAL] = largest;
    return reason;
}

/* The exact gradient for this V; the moments are those of A. */
static void form_exact(const ss_run *run, const ss_population *population, const double *A,
                       const double *V, const ss_lemma_room *room, double *gradient)
{
    ss_matrix_gram(A, run->d, run->k, room->F);
    ss_population_moments(population, room->F, room->F, room->slope, room->radial);
    ss_population_gradient(A, run->d, run->k, V, room->slope, room->radial, gradient);
}

/* The mean gradient of each group of batches, less the exact one; unless stopped on the way. */
static void form_groups(const ss_run *run, const ss_kernel *kernel, void *scratch,
                        const double *X_n, const ss_lemma_room *room, ss_interrupt *interrupt)
{
    const int64_t size = SS_LEMMA_BATCHES / SS_LEMMA_GROUPS;
    int64_t count = run->d * run->k;
    ss_batch latents = ss_run_latent_batch(run, room->start);
    for (int64_t g = 0; g < SS_LEMMA_GROUPS; g++) {
        double *mean = room->groups + g * count;
        memset(mean, 0, (size_t)count * sizeof *mean);
        for (int64_t b = 0; b < size; b++) {
            if (ss_interrupted(interrupt, run, ss_run_steps(run))) {
                return;
            }
            latents.t = (uint32_t)(g * size + b + 1);
            kernel->gamma(&latents, scratch, room->V);
            subtract(room->V, X_n, run->d * run->d, room->V);
            kernel->gradient(&latents, scratch, room->V, room->gradient);
            for (int64_t i = 0; i < count; i++) {
                mean[i] += room->gradient[i] / (double)size;
            }
        }
        subtract(mean, room->exact, count, mean);
    }
}

ss_run_reason ss_lemma_gradient(const ss_run *run, ss_population *population,
                                const ss_kernel *kernel, void *scratch, const double *X_n,
                                const ss_lemma_room *room, ss_interrupt *interrupt, double *values)
{
    const double *A = room->start;
    int64_t entries = run->d * run->d;
    int64_t count = run->d * run->k;
    if (run->train_row_norm != SS_TRAIN_ROW_NORM_KNOWN) { /* else they are the r_i */
        ss_matrix_row_norms(A, run->d, run->k, room->norms);
    }
    ss_run_reason reason = prepare(run, population, room->norms);
    if (reason != SS_REASON_NONE) {
        return reason;
    }
    subtract(room->X, X_n, entries, room->V); /* ∇g_n − ∇g is linear in V */
    form_exact(run, population, A, room->V, room, room->gradient);
    values[SS_GRADIENT_SAMPLING] = ss_matrix_norm(room->gradient, count);
    values[SS_GRADIENT_BIAS_SQUARED] = values[SS_GRADIENT_BIAS_STD_ERROR] = 0;
    if (run->m > 0) {
        ss_matrix_gram(A, run->d, run->k, room->V);
        ss_population_moments(population, room->V, room->V, NULL, NULL);
        subtract(room->V, X_n, entries, room->V);
        form_exact(run, population, A, room->V, room, room->exact);
        form_groups(run, kernel, scratch, X_n, room, interrupt);
        ss_squared_norm bias =
            ss_squared_norm_of(room->groups, SS_LEMMA_GROUPS, count, room->total);
        values[SS_GRADIENT_BIAS_SQUARED] = bias.value;
        values[SS_GRADIENT_BIAS_STD_ERROR] = bias.std_error;
    }
    return SS_REASON_NONE;
}
