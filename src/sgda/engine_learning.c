/*
 * Algorithm 1 without knowing the norms (the remark after Theorem 3): steps 1 … S are those of
 * Section 4, on the same A*, samples and A⁰; step S + t is iteration t of Algorithm 1, projected
 * onto the norms that they have come to.
 */
#include "engine.h"

#include "../base/memory.h"

#include <stdlib.h>
#include <string.h>

typedef struct learning_engine {
    ss_engine base; /* first: the two pointers are the same */
    ss_engine *marginal;
    ss_engine *local;
    ss_run stage; /* of the run in progress */
    int64_t t;    /* steps taken */
} learning_engine;

ss_run ss_run_stage(const ss_run *run)
{
    ss_run stage = *run;
    stage.algorithm = SS_ALGORITHM_MARGINAL;
    stage.discriminator = run->stage.discriminator;
    stage.iterations = run->stage.iterations;
    stage.step_size = run->stage.step_size;
    stage.step_decay = run->stage.step_decay;
    stage.ascent_step = 1;
    stage.noise = 0;
    return stage;
}

static ss_run_reason start(ss_engine *base, const ss_run *run, int64_t t, double *truth_norm)
{
    learning_engine *engine = (learning_engine *)base;
    double largest_norm;
    engine->stage = ss_run_stage(run);
    engine->t = t;
    ss_run_reason reason = engine->local->start(engine->local, run, 0, truth_norm);
    return reason == SS_REASON_NONE && t < engine->stage.iterations
               ? engine->marginal->start(engine->marginal, &engine->stage, t, &largest_norm)
               : reason;
}

static ss_run_reason step(ss_engine *base, const ss_run *run, int64_t t)
{
    learning_engine *engine = (learning_engine *)base;
    int64_t last = engine->stage.iterations;
    engine->t = t;
    if (t > last) {
        return engine->local->step(engine->local, run, t - last);
    }
    ss_run_reason reason = engine->marginal->step(engine->marginal, &engine->stage, t);
    return reason == SS_REASON_NONE && t == last
               ? ss_engine_local_constrain(engine->local, run,
                                           ss_engine_marginal_norms(engine->marginal))
               : reason;
}

static void save(const ss_engine *base, const ss_run *run, double *state)
{
    const learning_engine *engine = (const learning_engine *)base;
    if (engine->t >= engine->stage.iterations) {
        engine->local->save(engine->local, run, state);
        return;
    }
    memset(state, 0, (size_t)ss_run_state_count(run) * sizeof *state);
    engine->marginal->save(engine->marginal, &engine->stage, state);
}

static void restore(ss_engine *base, const ss_run *run, const double *state)
{
    learning_engine *engine = (learning_engine *)base;
    if (engine->t >= engine->stage.iterations) {
        engine->local->restore(engine->local, run, state);
    } else {
        engine->marginal->restore(engine->marginal, &engine->stage, state);
    }
}

/* What is recorded, and how a run ends, is Algorithm 1's. */

static void iterate(const ss_engine *base, const ss_run *run, double *A)
{
    const ss_engine *local = ((const learning_engine *)base)->local;
    local->iterate(local, run, A);
}

static double error(ss_engine *base, const ss_run *run)
{
    ss_engine *local = ((learning_engine *)base)->local;
    return local->error(local, run);
}

static ss_run_reason certify(ss_engine *base, const ss_run *run, double *certificate)
{
    ss_engine *local = ((learning_engine *)base)->local;
    return local->certify(local, run, certificate);
}

static ss_run_reason examine(ss_engine *base, const ss_run *run, ss_interrupt *interrupt,
                             double *values)
{
    ss_engine *local = ((learning_engine *)base)->local;
    return local->examine(local, run, interrupt, values);
}

static void destroy(ss_engine *base)
{
    free(base);
}

ss_error ss_engine_create_learning(ss_engine *marginal, ss_engine *local, ss_engine **out)
{
    learning_engine *engine = NULL;
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
                               .destroy = destroy};
    engine->marginal = marginal;
    engine->local = local;
    *out = &engine->base;
    return SS_OK;
}
