#include "saddlesweep/run.h"

#include "../base/clock.h"
#include "../base/memory.h"
#include "engine.h"
#include "population.h"
#include "saddlesweep/closed_form.h"

#include <math.h>
#include <stdlib.h>

struct ss_workspace {
    ss_engine *engine;   /* of Algorithm 1 */
    ss_engine *marginal; /* NULL on a process grid, where no run is of it, … */
    ss_engine *learning; /* … or of this one, which is made of both */
};

static ss_engine *engine_of(const ss_workspace *workspace, const ss_run *run)
{
    return run->algorithm == SS_ALGORITHM_MARGINAL ? workspace->marginal
           : ss_run_learns_norms(run)              ? workspace->learning
                                                   : workspace->engine;
}

const char *ss_run_reason_text(ss_run_reason reason)
{
    static const char *const texts[SS_RUN_REASON_COUNT] = {
        [SS_REASON_NONE] = "none",
        [SS_REASON_NOT_FINITE] = "a value of A or of the error is no longer finite",
        [SS_REASON_ZERO_ROW] = "a row of A has norm 0 and cannot be rescaled",
        [SS_REASON_MEMORY] = "its matrices do not fit in memory",
        [SS_REASON_LIBRARY] = "ScaLAPACK's descinit refuses one of its matrices",
        [SS_REASON_CERTIFICATE] = "ScaLAPACK's pdsyevd finds no eigenvalues for its certificate",
    };
    return texts[reason];
}

ss_error ss_workspace_of(ss_engine *engine, ss_workspace **out)
{
    ss_error error = ss_allocate(1, sizeof **out, out);
    if (error != SS_OK) {
        engine->destroy(engine);
        return error;
    }
    (*out)->engine = engine;
    return SS_OK;
}

ss_error ss_workspace_create(ss_workspace **out)
{
    ss_engine *engine;
    *out = NULL;
    SS_TRY(ss_engine_create_local(&engine));
    SS_TRY(ss_workspace_of(engine, out));
    ss_error error = ss_engine_create_marginal(&(*out)->marginal);
    if (error == SS_OK) {
        error = ss_engine_create_learning((*out)->marginal, engine, &(*out)->learning);
    }
    if (error != SS_OK) {
        ss_workspace_destroy(out);
    }
    return error;
}

static void destroy(ss_engine *engine)
{
    if (engine) {
        engine->destroy(engine);
    }
}

void ss_workspace_destroy(ss_workspace **workspace)
{
    if (*workspace) {
        destroy((*workspace)->engine);
        destroy((*workspace)->marginal);
        destroy((*workspace)->learning);
        free(*workspace);
        *workspace = NULL;
    }
}

const char *ss_workspace_kernel(const ss_workspace *workspace, ss_precision precision)
{
    return workspace->engine->kernel(workspace->engine, precision);
}

static void end_early(ss_run_reason reason, ss_run_outcome *outcome)
{
    outcome->status = reason == SS_REASON_NOT_FINITE ? SS_RUN_DIVERGED : SS_RUN_FAILED;
    outcome->reason = reason;
}

/* Steps before the first iteration. */
static int64_t stage_steps(const ss_run *run)
{
    return ss_run_steps(run) - run->iterations;
}

/* Where a run begins: at 0, or after t steps with the state that was saved then. */
typedef struct origin {
    int64_t t;
    const double *state;
} origin;

static ss_run_reason begin(const ss_run *run, ss_engine *engine, const origin *from,
                           double *truth_norm)
{
    ss_run_reason reason = engine->start(engine, run, from->t, truth_norm);
    if (reason == SS_REASON_NONE && from->state) {
        engine->restore(engine, run, from->state);
    }
    return reason;
}

/* The first checkpoint that is still to be recorded. */
static int64_t next_checkpoint(const ss_run *run, const origin *from)
{
    int64_t next = 0;
    while (from->state && next < run->checkpoint_count &&
           stage_steps(run) + run->checkpoints[next] <= from->t) {
        next++;
    }
    return next;
}

/* What is not recorded is NaN, from checkpoint `next` on. */
static void clear_results(const ss_run *run, int64_t next, double *results)
{
    int64_t iterates = ss_run_iterate_start(run);
    int64_t recorded = run->iterate ? next * run->d * run->k : 0;
    for (int64_t i = next; i < iterates; i++) {
        results[i] = NAN;
    }
    for (int64_t i = iterates + recorded; i < ss_run_result_count(run); i++) {
        results[i] = NAN;
    }
}

/* The error, and A if it is asked for, at a checkpoint. */
static ss_run_reason record(const ss_run *run, ss_engine *engine, int64_t checkpoint,
                            double *results)
{
    double error = engine->error(engine, run);
    if (!isfinite(error)) {
        return SS_REASON_NOT_FINITE;
    }
    results[checkpoint] = error;
    if (run->iterate) {
        double *iterates = results + ss_run_iterate_start(run);
        engine->iterate(engine, run, iterates + checkpoint * run->d * run->k);
    }
    return SS_REASON_NONE;
}

static void clear(double *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        values[i] = NAN;
    }
}

/* After the last iteration. The run is still PENDING if it is stopped here. */
static void end_whole(const ss_run *run, ss_engine *engine, ss_interrupt *interrupt,
                      double *results, ss_run_outcome *outcome)
{
    double *certificate = results + run->checkpoint_count;
    double *lemmas = results + ss_run_lemma_start(run);
    ss_run_reason reason = SS_REASON_NONE;
    if (run->certificate && ss_closed_form_exists(run->activation)) {
        reason = engine->certify(engine, run, certificate);
    }
    if (reason == SS_REASON_NONE && ss_run_lemma_count(run) > 0) {
        reason = engine->examine(engine, run, interrupt, lemmas);
    }
    if (interrupt->stopped) {
        return;
    }
    outcome->status = SS_RUN_DONE;
    if (reason != SS_REASON_NONE) {
        end_early(reason, outcome);
        clear(certificate, ss_run_certificate_count(run));
        clear(lemmas, ss_run_lemma_count(run));
    }
}

/* The one time loop. */
static void iterate(const ss_run *run, ss_engine *engine, const origin *from,
                    ss_interrupt *interrupt, double *trajectory, ss_run_outcome *outcome)
{
    ss_run_reason reason = begin(run, engine, from, &outcome->truth_norm);
    int64_t next = next_checkpoint(run, from);
    clear_results(run, next, trajectory);
    for (int64_t t = from->t;; t++) {
        int64_t iteration = t - stage_steps(run); /* below 0 while norms are learned */
        bool due = next < run->checkpoint_count && iteration == run->checkpoints[next];
        outcome->iterations = iteration > 0 ? iteration : 0;
        outcome->steps = t;
        if (reason == SS_REASON_NONE && due) {
            reason = record(run, engine, next, trajectory);
            next += reason == SS_REASON_NONE;
        }
        if (reason != SS_REASON_NONE) {
            end_early(reason, outcome);
            return;
        }
        if (t == ss_run_steps(run)) {
            end_whole(run, engine, interrupt, trajectory, outcome);
            return;
        }
        if (ss_interrupted(interrupt, run, t)) {
            return;
        }
        reason = engine->step(engine, run, t + 1);
    }
}

static void execute_from(const ss_run *run, ss_workspace *workspace, const origin *from,
                         ss_run_poll poll, void *context, double *trajectory,
                         ss_run_outcome *outcome)
{
    double start = ss_clock_seconds();
    *outcome = (ss_run_outcome){
        .status = SS_RUN_PENDING,
        .kernel = ss_kernel_level_of(ss_workspace_kernel(workspace, run->precision)),
    };
    ss_interrupt interrupt = {poll, context, false};
    iterate(run, engine_of(workspace, run), from, &interrupt, trajectory, outcome);
    outcome->seconds = ss_clock_seconds() - start;
}

void ss_run_execute(const ss_run *run, ss_workspace *workspace, ss_run_poll poll, void *context,
                    double *trajectory, ss_run_outcome *outcome)
{
    const origin from = {0};
    execute_from(run, workspace, &from, poll, context, trajectory, outcome);
}

void ss_run_continue(const ss_run *run, ss_workspace *workspace, int64_t t, const double *state,
                     ss_run_poll poll, void *context, double *trajectory, ss_run_outcome *outcome)
{
    const origin from = {t, state};
    execute_from(run, workspace, &from, poll, context, trajectory, outcome);
}

int64_t ss_run_state_count(const ss_run *run)
{
    if (run->algorithm == SS_ALGORITHM_MARGINAL) {
        return run->d * (run->k + 1);
    }
    return run->d * (run->k + run->d + ss_run_learns_norms(run));
}

double ss_run_cost_bytes(const ss_run *run, const ss_kernel *kernel)
{
    if (run->algorithm == SS_ALGORITHM_MARGINAL) {
        return (double)ss_engine_marginal_bytes(run);
    }
    double tables = run->n == 0 || run->m == 0 ? ss_population_table_bytes(run) : 0;
    double stage = ss_run_learns_norms(run) ? (double)ss_engine_marginal_bytes(run) : 0;
    return (double)ss_engine_local_bytes(run, kernel) + tables + stage;
}

void ss_run_save(const ss_workspace *workspace, const ss_run *run, double *state)
{
    const ss_engine *engine = engine_of(workspace, run);
    engine->save(engine, run, state);
}
