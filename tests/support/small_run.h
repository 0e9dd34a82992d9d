/* Runs of 25 iterations on small matrices, in several settings. */
#ifndef TESTS_SUPPORT_SMALL_RUN_H
#define TESTS_SUPPORT_SMALL_RUN_H

#include "check.h"

#include "activations.h"
#include "saddlesweep/run.h"

/* Sizes of run_with(); K_MOST is the most latents of the settings. */
enum { D = 5, K_MOST = 5, N = 120, M = 70, T = 25 };

/* 0, 1, … 2000. */
static inline const int64_t *every_iteration(void)
{
    static int64_t iterations[2001];
    for (size_t t = 0; t < COUNT_OF(iterations); t++) {
        iterations[t] = (int64_t)t;
    }
    return iterations;
}

/* Recorded at every iteration. */
static inline ss_run run_with(ss_activation activation, ss_precision precision)
{
    return (ss_run){
        .d = D,
        .k = 2,
        .k0 = 2,
        .n = N,
        .m = M,
        .activation = activation,
        .root_seed = 20200713,
        .seed = 3,
        .row_norm = SS_ROW_NORM_UNIT,
        .iterations = T,
        .step_size = 0.2,
        .ascent_step = 1,
        .noise = 1,
        .precision = precision,
        .checkpoints = every_iteration(),
        .checkpoint_count = T + 1,
    };
}

/* In a workspace of its own. */
static inline ss_run_outcome execute_polled(const ss_run *run, ss_run_poll poll, void *context,
                                            double *trajectory)
{
    ss_workspace *workspace = NULL;
    ss_run_outcome outcome;
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    ss_run_execute(run, workspace, poll, context, trajectory, &outcome);
    ss_workspace_destroy(&workspace);
    assert_null(workspace);
    return outcome;
}

static inline ss_run_outcome execute(const ss_run *run, double *trajectory)
{
    return execute_polled(run, NULL, NULL, trajectory);
}

/* Of Algorithm 1, with norms that it learns first. */
static inline ss_run learning(ss_run run, ss_discriminator discriminator)
{
    run.train_row_norm = SS_TRAIN_ROW_NORM_LEARNED;
    run.stage = (ss_norm_stage){discriminator, 40, 2, 20};
    return run;
}

/* The norms (D) that such a run learns, by executing its first stage alone. */
static inline void learned_norms(const ss_run *run, double norms[D])
{
    double results[2 + 2 * D * K_MOST];
    ss_run stage = ss_run_stage(run);
    const int64_t ends[] = {0, stage.iterations};
    stage.checkpoints = ends;
    stage.checkpoint_count = 2;
    stage.iterate = true;
    assert_int_equal(execute(&stage, results).status, SS_RUN_DONE);
    for (int64_t i = 0; i < D; i++) {
        norms[i] = check_norm(results + 2 + (D + i) * run->k, run->k);
    }
}

typedef struct setting {
    int64_t k, k0;
    ss_row_norm row_norm;
    double step_decay, ascent_step, noise;
} setting;

static const setting settings[] = {
    {2, 2, SS_ROW_NORM_UNIT, 0, 1, 1},          {2, 2, SS_ROW_NORM_UNIT, 0, 1, 0},
    {3, 2, SS_ROW_NORM_GAUSSIAN, 10, 0.7, 0.3}, {4, 1, SS_ROW_NORM_UNIT, 0, 0.7, 0},
    {5, 5, SS_ROW_NORM_GAUSSIAN, 3, 1.3, 1},
};

static inline ss_run run_of_setting(setting setting, ss_activation activation,
                                    ss_precision precision)
{
    ss_run run = run_with(activation, precision);
    run.k = setting.k;
    run.k0 = setting.k0;
    run.row_norm = setting.row_norm;
    run.step_decay = setting.step_decay;
    run.ascent_step = setting.ascent_step;
    run.noise = setting.noise;
    if (activation.kind == SS_ACTIVATION_IDENTITY) {
        run.step_size = 0.05; /* with 0.2 it is unstable, and would amplify what is compared */
    }
    return run;
}

#endif
