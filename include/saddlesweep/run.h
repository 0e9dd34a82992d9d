/*
 * One run from start to end: Algorithm 1 (online stochastic gradient descent-ascent), or learning
 * of the marginals (Section 4: engine_marginal.c).
 *
 * A run is a pure function of its ss_run, bit for bit: nothing else (rank, order, clock, other
 * runs) enters. Knows no MPI and no HDF5.
 */
#ifndef SADDLESWEEP_RUN_H
#define SADDLESWEEP_RUN_H

#include "saddlesweep/activation.h"
#include "saddlesweep/error.h"
#include "saddlesweep/kernel.h"
#include "saddlesweep/spec.h"

#include <stdbool.h>
#include <stdint.h>

struct ss_kernel;

/* Everything that a run depends on. */
typedef struct ss_run {
    int64_t d;  /* rows of A and A* */
    int64_t k;  /* columns of A */
    int64_t k0; /* columns of A*, at most k */
    int64_t n;  /* samples in X_n; 0: infinitely many, X = F(Z*) */
    int64_t m;  /* samples in a batch; 0: infinitely many, Γ = F(A Aᵀ) and its exact gradient */
    ss_activation activation;
    uint64_t root_seed;
    int64_t seed;
    ss_row_norm row_norm;
    const double
        *truth_matrix; /* A*, d × k0, row-major; NULL: drawn, row_norm says how; borrowed */
    ss_train_row_norm train_row_norm;
    ss_norm_stage stage; /* zeros unless norms are learned */
    int64_t iterations;  /* T */
    double step_size;
    double step_decay; /* 0: constant */
    double ascent_step;
    double noise;
    ss_precision precision;
    const int64_t *checkpoints; /* ascending, first 0, last T; borrowed */
    int64_t checkpoint_count;
    ss_algorithm algorithm;
    ss_discriminator discriminator; /* of SS_ALGORITHM_MARGINAL; 0 otherwise */
    bool certificate; /* whether its end is certified, too; no part of its identity, as is … */
    bool iterate;     /* … whether A is recorded with every error, and … */
    bool covariance_error; /* … whether these are measured (ss_run_lemma_count) */
    bool gradient_bias;
} ss_run;

/* The run of Section 4 that learns the norms of one that does not know them: of the same A*,
 * samples and A⁰, with latents of its own. Its train_row_norm stays SS_TRAIN_ROW_NORM_LEARNED: no
 * other run of SS_ALGORITHM_MARGINAL has that. Local. */
ss_run ss_run_stage(const ss_run *run);

static inline bool ss_run_learns_norms(const ss_run *run)
{
    return run->algorithm == SS_ALGORITHM_SGDA && run->train_row_norm == SS_TRAIN_ROW_NORM_LEARNED;
}

/* A run's steps are its iterations, T; before them those in which it learns its norms, if it does.
 */
static inline int64_t ss_run_steps(const ss_run *run)
{
    return run->iterations + (ss_run_learns_norms(run) ? run->stage.iterations : 0);
}

/* Whether the r_i are the norms that A* came with: otherwise its rows are scaled to norm 1. */
static inline bool ss_run_keeps_norms(const ss_run *run)
{
    return run->truth_matrix || run->row_norm == SS_ROW_NORM_GAUSSIAN;
}

/*
 * The certificate of the last A (Section 6.3), which lies behind a run's trajectory if it is asked
 * for: with g(Z) = ½‖F(Z) − X_n‖_F², Z = A Aᵀ and S = ∇g(Z) − diag(λ), where λ makes every row of S
 * A orthogonal to that of A,
 *
 *   ‖S A‖_F / ‖A‖_F, the smallest eigenvalue of S, and λ_1 … λ_d.
 *
 * A is an ε-FOSP (Definition 2) for ε = max(‖S A‖_F / ‖A‖_F, −smallest eigenvalue). NaN where the
 * activation has no closed form F, and if the run did not end well.
 */
enum { SS_CERTIFICATE_RESIDUAL, SS_CERTIFICATE_EIGENVALUE, SS_CERTIFICATE_MULTIPLIERS };

/* Values of a certificate; 0 if none is asked for. */
static inline int64_t ss_run_certificate_count(const ss_run *run)
{
    return run->certificate ? SS_CERTIFICATE_MULTIPLIERS + run->d : 0;
}

/* Values of all A (d × k, row-major) that are recorded, one a checkpoint; 0 if none is asked for.
 */
static inline int64_t ss_run_iterate_count(const ss_run *run)
{
    return run->iterate ? run->checkpoint_count * run->d * run->k : 0;
}

/* Where a run's results have them. */
static inline int64_t ss_run_iterate_start(const ss_run *run)
{
    return run->checkpoint_count + ss_run_certificate_count(run);
}

/*
 * What Lemmas 3 to 5 are about, behind the iterates, each if it is asked for: how far X_n is from
 * X = F(Z*), in the spectral and the Frobenius norm; and at A⁰ ‖∇g_n − ∇g‖_F, and an unbiased
 * estimate of ‖E ∇g_{m,n} − ∇g_n‖_F² with its standard error (∇g_{m,n}: step 3 with η_V = 1). 0
 * where n or m is infinite; NaN if the run did not end well.
 */
enum { SS_COVARIANCE_SPECTRAL, SS_COVARIANCE_FROBENIUS, SS_COVARIANCE_VALUES };
enum {
    SS_GRADIENT_SAMPLING,
    SS_GRADIENT_BIAS_SQUARED,
    SS_GRADIENT_BIAS_STD_ERROR,
    SS_GRADIENT_VALUES
};

static inline int64_t ss_run_lemma_count(const ss_run *run)
{
    return (run->covariance_error ? SS_COVARIANCE_VALUES : 0) +
           (run->gradient_bias ? SS_GRADIENT_VALUES : 0);
}

static inline int64_t ss_run_lemma_start(const ss_run *run)
{
    return ss_run_iterate_start(run) + ss_run_iterate_count(run);
}

/* Values that a run results in: its trajectory's (checkpoint_count), its certificate's, its
 * iterates', then the lemmas'. */
static inline int64_t ss_run_result_count(const ss_run *run)
{
    return ss_run_lemma_start(run) + ss_run_lemma_count(run);
}

/* Whether two runs of one identity have results of the same parts. */
static inline bool ss_run_same_results(const ss_run *first, const ss_run *second)
{
    return first->certificate == second->certificate && first->iterate == second->iterate &&
           first->covariance_error == second->covariance_error &&
           first->gradient_bias == second->gradient_bias;
}

/* X(code, value in the result file, name) */
#define SS_RUN_STATUSES(X)                                                                         \
    X(SS_RUN_PENDING, 0, "PENDING")                                                                \
    X(SS_RUN_DONE, 1, "DONE")                                                                      \
    X(SS_RUN_DIVERGED, 2, "DIVERGED")                                                              \
    X(SS_RUN_FAILED, 3, "FAILED")                                                                  \
    X(SS_RUN_PARTIAL, 4, "PARTIAL")

/* Why a run ended other than DONE. */
#define SS_RUN_REASONS(X)                                                                          \
    X(SS_REASON_NONE, 0, "NONE")                                                                   \
    X(SS_REASON_NOT_FINITE, 1, "NOT_FINITE")                                                       \
    X(SS_REASON_ZERO_ROW, 2, "ZERO_ROW")                                                           \
    X(SS_REASON_MEMORY, 3, "MEMORY")                                                               \
    X(SS_REASON_LIBRARY, 4, "LIBRARY")                                                             \
    X(SS_REASON_CERTIFICATE, 5, "CERTIFICATE")

#define SS_RUN_ENUM(code, value, name) code = value,
typedef enum ss_run_status { SS_RUN_STATUSES(SS_RUN_ENUM) SS_RUN_STATUS_COUNT } ss_run_status;
typedef enum ss_run_reason { SS_RUN_REASONS(SS_RUN_ENUM) SS_RUN_REASON_COUNT } ss_run_reason;
#undef SS_RUN_ENUM

/* A reason in words, e.g. "a value of A or of the error is no longer finite". */
const char *ss_run_reason_text(ss_run_reason reason);

typedef struct ss_run_outcome {
    ss_run_status status; /* PENDING if it was stopped before its end, PARTIAL if saved as well */
    ss_run_reason reason;
    int64_t iterations; /* completed; for DIVERGED and FAILED the iteration at which it happened */
    int64_t steps;      /* completed, of a run that was stopped */
    double truth_norm;  /* ‖Z*‖_F; of marginals max_i ‖a*_i‖ */
    double seconds;     /* wall time */
    ss_kernel_level kernel; /* that ran it */
    int grid; /* ranks of the process grid that ran it, or SS_MIXED_GRIDS; 0: the one-rank engine */
} ss_run_outcome;

/* Of a run that was saved on one grid and went on on another: its bits are those of no single grid,
 * and agree with theirs to rounding. */
enum { SS_MIXED_GRIDS = 65535 };

/* Called between steps, after `t` of `steps`; a nonzero answer stops the run. */
typedef int (*ss_run_poll)(void *context, int64_t t, int64_t steps);

/* The memory that runs work in: grows to the largest run, so that a run allocates nothing in its
 * iterations and short runs allocate nothing at all. Not shared between threads. */
typedef struct ss_workspace ss_workspace;

/* Creates a workspace, owned by the caller. SS_ERR_USAGE if SADDLESWEEP_KERNEL is wrong. Local. */
ss_error ss_workspace_create(ss_workspace **out);
void ss_workspace_destroy(ss_workspace **workspace);

/* The kernel that runs of this precision use, e.g. "avx512". */
const char *ss_workspace_kernel(const ss_workspace *workspace, ss_precision precision);

/*
 * Executes a run.
 *
 * run         in      its parameters
 * workspace   in/out
 * poll        in      may be NULL
 * trajectory  out     ‖A Aᵀ − Z*‖_F at each checkpoint (checkpoint_count values, absolute), of
 *                     marginals max_i |‖a_i‖ − ‖a*_i‖|; NaN at checkpoints not reached, and from
 *                     divergence on. Then certificate, iterates and what the lemmas are about, if
 *                     asked for, likewise: ss_run_result_count(run) values in all
 * outcome     out     always set
 *
 * What goes wrong in a run is an outcome (DIVERGED, FAILED with a reason), not an error of the
 * caller. Draws from the streams of stream.h. Local.
 */
void ss_run_execute(const ss_run *run, ss_workspace *workspace, ss_run_poll poll, void *context,
                    double *trajectory, ss_run_outcome *outcome);

/*
 * The state of a run between two steps: with t and the trajectory so far, all that it takes to
 * go on to the same bits, as streams are counters.
 *
 * A (d × k), then V (d × d; of marginals v, d), row-major, then the norms (d) if they are learned:
 * ss_run_state_count(run) doubles. While they are, A and v of that stage, then zeros.
 */
int64_t ss_run_state_count(const ss_run *run);

/* Copies the state of the run that this workspace is in (from its poll), or was stopped in, into
 * `state` (ss_run_state_count(run) doubles, out). Local. */
void ss_run_save(const ss_workspace *workspace, const ss_run *run, double *state);

/*
 * Goes on with a run after `t` of its steps, at least one, from a saved state; the rest as
 * ss_run_execute(). `trajectory` (in/out) comes with its values, and iterates, at checkpoints up to
 * then.
 * outcome->seconds is the wall time of this part alone. Local.
 */
void ss_run_continue(const ss_run *run, ss_workspace *workspace, int64_t t, const double *state,
                     ss_run_poll poll, void *context, double *trajectory, ss_run_outcome *outcome);

/* A hash of all of the run's own parameters (never its place in a grid): two runs with the same
 * identity have the same trajectory. */
uint64_t ss_run_identity(const ss_run *run);

/* Predicted wall seconds of a run on one core with the avx2 kernel (docs/cost-model.md): the same
 * on every rank, whatever its processor. Local. */
double ss_run_cost_seconds(const ss_run *run);

/* The bytes of the matrices and samples of a run that uses this kernel, exactly; and of its Hermite
 * tables, if it has such, about. Local. */
double ss_run_cost_bytes(const ss_run *run, const struct ss_kernel *kernel);

#endif
