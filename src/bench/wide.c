/* Section `wide`: an iteration of a run on a process grid of all ranks, beside its matrix products
 * alone, and beside a grid of one rank. */
#include "../base/clock.h"
#include "../wide/engine_wide.h"
#include "bench.h"
#include "saddlesweep/sched.h"

#include <stdio.h>

enum { MOST_ROUNDS = 15, BLOCK = 64 };

static ss_run run_of(int64_t d, int64_t m)
{
    static const int64_t checkpoints[] = {0, MOST_ROUNDS};
    return (ss_run){
        .d = d,
        .k = d,
        .k0 = d,
        .n = SS_KERNEL_STRIP, /* X_n is formed once: no part of an iteration */
        .m = m,
        .activation = {SS_ACTIVATION_TANH, 0},
        .root_seed = 1,
        .row_norm = SS_ROW_NORM_UNIT,
        .iterations = MOST_ROUNDS,
        .step_size = 0.1,
        .ascent_step = 1,
        .noise = 1,
        .precision = SS_PRECISION_DOUBLE,
        .checkpoints = checkpoints,
        .checkpoint_count = 2,
    };
}

/* Seconds, medians. */
typedef struct timing {
    double iteration;
    double products;
} timing;

/* Iterations and products in turns, so that what disturbs one disturbs the other. */
static ss_error time_rounds(const ss_grid *grid, const ss_run *run, int rounds, timing *timing)
{
    ss_engine *engine;
    double truth_norm;
    double iterations[MOST_ROUNDS];
    double products[MOST_ROUNDS];
    SS_TRY(ss_engine_create_wide(grid, ss_wide_options_of(BLOCK), &engine));
    ss_run_reason reason = engine->start(engine, run, 0, &truth_norm);
    for (int round = 0; round < rounds && reason == SS_REASON_NONE; round++) {
        MPI_Barrier(grid->comm);
        double begun = ss_clock_seconds();
        reason = engine->step(engine, run, round + 1);
        MPI_Barrier(grid->comm);
        double between = ss_clock_seconds();
        ss_wide_products(engine);
        MPI_Barrier(grid->comm);
        iterations[round] = between - begun;
        products[round] = ss_clock_seconds() - between;
    }
    engine->destroy(engine);
    if (reason != SS_REASON_NONE) {
        return ss_fail(SS_ERR_LIBRARY, "the run to be measured failed: %s",
                       ss_run_reason_text(reason));
    }
    timing->iteration = ss_bench_median(iterations, (size_t)rounds);
    timing->products = ss_bench_median(products, (size_t)rounds);
    return SS_OK;
}

static ss_error time_grid(MPI_Comm comm, const ss_run *run, int rounds, timing *timing)
{
    ss_grid grid;
    SS_TRY(ss_grid_open(comm, &grid));
    ss_error error = time_rounds(&grid, run, rounds, timing);
    ss_grid_close(&grid);
    return error;
}

/* A z, V Φ and the gradient, and the half of Φ Φᵀ. */
static double operations(const ss_run *run)
{
    double d = (double)run->d;
    double k = (double)run->k;
    return (double)run->m * (4 * d * k + 2 * d * d + d * (d + 1));
}

static ss_error measure_size(ss_bench *bench, const ss_run *run, json_t *sizes)
{
    int rounds = bench->quick ? 3 : MOST_ROUNDS;
    timing all;
    timing alone = {0, 0};
    SS_TRY(time_grid(bench->comm, run, rounds, &all));
    ss_error error = bench->rank == 0 && bench->ranks > 1
                         ? time_grid(MPI_COMM_SELF, run, rounds, &alone)
                         : SS_OK;
    SS_TRY(ss_sched_agree(bench->comm, error)); /* the others wait here meanwhile */
    json_t *figures = json_pack("{s:I, s:I, s:I}", "d", (json_int_t)run->d, "k", (json_int_t)run->k,
                                "m", (json_int_t)run->m);
    json_array_append_new(sizes, figures);
    if (bench->rank == 0) {
        printf("  d = k = %lld, m = %lld\n", (long long)run->d, (long long)run->m);
    }
    ss_bench_add(bench, figures, "iteration_seconds", all.iteration, "an iteration", "s");
    ss_bench_add(bench, figures, "products_seconds", all.products, "its products (PBLAS) alone",
                 "s");
    ss_bench_add(bench, figures, "products_gigaflops", 1e-9 * operations(run) / all.products,
                 "that is, on all ranks", "GFLOP/s");
    ss_bench_add(bench, figures, "over_products", all.iteration / all.products,
                 "iteration / products", "");
    if (bench->ranks > 1) {
        ss_bench_add(bench, figures, "one_rank_seconds", alone.iteration,
                     "an iteration on one rank", "s");
        ss_bench_add(bench, figures, "speedup", alone.iteration / all.iteration,
                     "as many times as fast on all ranks", "");
    }
    return SS_OK;
}

ss_error ss_bench_wide(ss_bench *bench, json_t *figures)
{
    json_t *sizes = json_array();
    json_object_set_new(figures, "sizes", sizes);
    ss_grid_shape shape = ss_grid_shape_of(bench->ranks);
    json_object_set_new(figures, "grid", json_pack("[i, i]", shape.rows, shape.columns));
    const ss_run runs[] = {run_of(512, 2048), run_of(1024, 4096)};
    for (int i = 0; i < (bench->quick ? 1 : 2) && !bench->stopped; i++) {
        SS_TRY(measure_size(bench, &runs[i], sizes));
    }
    return SS_OK;
}
