/*
 * What the time loop drives: an engine holds A, V and X_n of the run in progress and takes steps of
 * its algorithm.
 * The time loop never asks where the matrices live.
 */
#ifndef SADDLESWEEP_SGDA_ENGINE_H
#define SADDLESWEEP_SGDA_ENGINE_H

#include "saddlesweep/run.h"

typedef struct ss_engine ss_engine;

/* The caller's poll (ss_run_execute). */
typedef struct ss_interrupt {
    ss_run_poll poll; /* may be NULL */
    void *context;
    bool stopped; /* it has asked for that */
} ss_interrupt;

/* Asks whether to stop the run after t steps. */
static inline bool ss_interrupted(ss_interrupt *interrupt, const ss_run *run, int64_t t)
{
    interrupt->stopped =
        interrupt->poll && interrupt->poll(interrupt->context, t, ss_run_steps(run)) != 0;
    return interrupt->stopped;
}

struct ss_engine {
    /* Draws A* and A⁰, forms X_n, sets V = 0; returns what relative errors are relative to, e.g.
     * ‖Z*‖_F. Allocates all that the run needs from step t on: 0, unless a state is restored. */
    ss_run_reason (*start)(ss_engine *engine, const ss_run *run, int64_t t, double *truth_norm);

    /* Step t = 1, 2, … of the algorithm. After any reason but NONE the run is over. */
    ss_run_reason (*step)(ss_engine *engine, const ss_run *run, int64_t t);

    /* The run's state (ss_run_state_count), out of the engine, and into it after start(): on a
     * process grid what this rank has of it. */
    void (*save)(const ss_engine *engine, const ss_run *run, double *state);
    void (*restore)(ss_engine *engine, const ss_run *run, const double *state);

    /* A (d × k, row-major). NULL: this engine has it not on one rank. */
    void (*iterate)(const ss_engine *engine, const ss_run *run, double *A);

    /* What the trajectory records, e.g. ‖A Aᵀ − Z*‖_F. */
    double (*error)(ss_engine *engine, const ss_run *run);

    /* Fills the certificate of the run that has ended (run.h), whose activation has a closed form:
     * the last thing that is done with it, as V is gone then. */
    ss_run_reason (*certify)(ss_engine *engine, const ss_run *run, double *certificate);

    /* Fills what Lemmas 3 to 5 are about (run.h), as far as it is asked for, unless it is stopped
     * on the way; leaves A alone. NULL: this engine does not measure it. */
    ss_run_reason (*examine)(ss_engine *engine, const ss_run *run, ss_interrupt *interrupt,
                             double *values);

    /* The name of the kernel that runs of a precision use. NULL: the workspace's engine of
     * Algorithm 1 says it. */
    const char *(*kernel)(const ss_engine *engine, ss_precision precision);

    void (*destroy)(ss_engine *engine);
};

/* The engine of one rank: every matrix whole, row-major, float64; a kernel for each precision. */
ss_error ss_engine_create_local(ss_engine **out);

/* The engine that learns marginals: in float64, whatever the run's precision. Its V is v. */
ss_error ss_engine_create_marginal(ss_engine **out);

/* The engine that learns the norms by the second of those two and goes on with the first. Both are
 * borrowed. */
ss_error ss_engine_create_learning(ss_engine *marginal, ss_engine *local, ss_engine **out);

/* The norms of the rows of its A (d); borrowed, until its next step. */
const double *ss_engine_marginal_norms(const ss_engine *engine);

/* Before the first iteration: projects A onto rows of these norms (d), in place of those of A*,
 * from now on. */
ss_run_reason ss_engine_local_constrain(ss_engine *engine, const ss_run *run, const double *norms);

/* The bytes that a run takes in each. */
size_t ss_engine_local_bytes(const ss_run *run, const ss_kernel *kernel);
size_t ss_engine_marginal_bytes(const ss_run *run);

/* The samples of X_n (A = A*), and of iteration t, with t still 0. */
static inline ss_batch ss_run_data_batch(const ss_run *run, const double *A_star)
{
    return (ss_batch){
        .A = A_star,
        .d = run->d,
        .k = run->k0,
        .samples = run->n,
        .activation = run->activation,
        .stream = ss_stream_data(run->root_seed, run->seed, run->k0),
        .once = true,
    };
}

static inline ss_batch ss_run_latent_batch(const ss_run *run, const double *A)
{
    return (ss_batch){
        .A = A,
        .d = run->d,
        .k = run->k,
        .samples = run->m,
        .activation = run->activation,
        .stream = ss_stream_latents(run->root_seed, run->seed, run->k),
    };
}

/* η_t. */
static inline double ss_run_step_size(const ss_run *run, int64_t t)
{
    return run->step_decay > 0 ? run->step_size / (1 + (double)(t - 1) / run->step_decay)
                               : run->step_size;
}

/* A ← A − η_t gradient; A and gradient d × k. */
static inline void ss_run_descend(const ss_run *run, int64_t t, const double *gradient, double *A)
{
    double eta = ss_run_step_size(run, t);
    for (int64_t entry = 0; entry < run->d * run->k; entry++) {
        A[entry] -= eta * gradient[entry];
    }
}

/* A workspace whose runs go on this engine, which becomes its own (destroyed after an error, too).
 * SS_ERR_MEMORY. */
ss_error ss_workspace_of(ss_engine *engine, ss_workspace **out);

#endif
