/* The engine of a process grid, on all ranks of the test, against the one of a single rank. */
#include "check.h"

#include "activations.h"
#include "effort.h"
#include "mpi_main.h"
#include "small_run.h"
#include "src/wide/cyclic.h"
#include "src/wide/engine_wide.h"

#include <inttypes.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

static ss_grid grid; /* of all ranks */

/* More ranks than that try one activation only, which each rank applies to its own entries: all of
 * them are tried on one rank, in `all` on as many as do not wait for each other most of the time.
 */
static bool crowded(void)
{
    int most = tests_all() ? (SANITIZED ? 2 : 4) : 1;
    return grid.place.shape.rows * grid.place.shape.columns > most;
}

enum { ITERATIONS = 20 };

/* ---- runs on the grid ---- */

static ss_workspace *wide_workspace(ss_wide_options options)
{
    ss_engine *engine;
    ss_workspace *workspace;
    assert_int_equal(ss_engine_create_wide(&grid, options, &engine), SS_OK);
    assert_int_equal(ss_workspace_of(engine, &workspace), SS_OK);
    return workspace;
}

static ss_run_outcome execute_wide(const ss_run *run, ss_wide_options options, double *trajectory)
{
    ss_run_outcome outcome;
    ss_workspace *workspace = wide_workspace(options);
    ss_run_execute(run, workspace, NULL, NULL, trajectory, &outcome);
    ss_workspace_destroy(&workspace);
    return outcome;
}

static void assert_same_run(const ss_run *run, ss_wide_options options, double tolerance)
{
    double one[T + ITERATIONS + 1];
    double wide[T + ITERATIONS + 1];
    ss_run_outcome expected = execute(run, one);
    ss_run_outcome outcome = execute_wide(run, options, wide);
    assert_int_equal(outcome.status, expected.status);
    assert_int_equal(outcome.reason, expected.reason);
    assert_int_equal(outcome.iterations, expected.iterations);
    assert_int_equal(outcome.kernel, SS_LEVEL_WIDE);
    assert_near(outcome.truth_norm, expected.truth_norm, 1e-13 * expected.truth_norm);
    for (int64_t i = 0; i < run->checkpoint_count; i++) {
        if (!(isnan(one[i]) && isnan(wide[i])) &&
            !(fabs(wide[i] - one[i]) <= tolerance * fabs(one[i]))) {
            char name[SS_ACTIVATION_TEXT_SIZE];
            fail_msg("%s, d = %" PRId64 ", k = %" PRId64 ", block %" PRId64 ": error %.17g at %d, "
                     "%.17g on one rank",
                     ss_activation_format(run->activation, name), run->d, run->k, options.block,
                     wide[i], (int)i, one[i]);
        }
    }
}

static ss_run run_of_size(int64_t d, int64_t k, int64_t k0, ss_activation activation)
{
    ss_run run = run_with(activation, SS_PRECISION_DOUBLE);
    run.d = d;
    run.k = k;
    run.k0 = k0;
    run.n = 500;
    run.m = 200;
    run.step_size = 0.05;
    run.iterations = ITERATIONS;
    run.checkpoint_count = ITERATIONS + 1;
    return run;
}

/* ---- the same trajectories ---- */

static void trajectories_agree_with_the_one_rank_engine(void **state)
{
    (void)state;
    for (size_t a = 0; a < (crowded() ? 1 : COUNT_OF(activations)); a++) {
        ss_run run = run_of_size(48, 48, 48, activations[a]);
        assert_same_run(&run, ss_wide_options_of(8), 1e-9);
    }
}

/* Blocks that divide nothing, ranks that own nothing, more latents than rows, fewer. */
static void sizes_that_no_block_divides_agree_as_well(void **state)
{
    (void)state;
    const int64_t sizes[][4] = {{50, 37, 37, 7}, {33, 40, 21, 5}, {48, 48, 48, 64},
                                {1, 1, 1, 64},   {7, 2, 2, 3},    {61, 5, 1, 1}};
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        size_t step = crowded() ? COUNT_OF(activations) : 2; /* tanh, erf, leaky ReLU, softplus */
        for (size_t a = 0; a < COUNT_OF(activations); a += step) {
            ss_run run = run_of_size(sizes[s][0], sizes[s][1], sizes[s][2], activations[a]);
            assert_same_run(&run, ss_wide_options_of(sizes[s][3]), 1e-9);
        }
    }
}

static void every_setting_agrees(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT_OF(settings); s++) {
        ss_run run = run_of_setting(settings[s], activations[s], SS_PRECISION_DOUBLE);
        assert_same_run(&run, ss_wide_options_of(2), 1e-9);
    }
}

static void a_given_truth_and_free_rows_agree(void **state)
{
    (void)state;
    double truth[41 * 5];
    for (int i = 0; i < 41 * 5; i++) {
        truth[i] = sin(i + 1);
    }
    for (int free = 0; free < 2; free++) {
        ss_run run = run_of_size(41, 9, 5, activations[0]);
        run.truth_matrix = truth;
        run.step_size = 0.002;
        run.train_row_norm = free ? SS_TRAIN_ROW_NORM_FREE : SS_TRAIN_ROW_NORM_KNOWN;
        assert_same_run(&run, ss_wide_options_of(4), 1e-9);
        run.step_size = 1e3; /* free rows diverge then, on any grid alike */
        assert_same_run(&run, ss_wide_options_of(4), INFINITY);
    }
}

static void batches_that_do_not_fit_are_computed_in_panels(void **state)
{
    (void)state;
    const double panel_bytes[] = {1, 12e3, 60e3};
    for (size_t i = 0; i < COUNT_OF(panel_bytes); i++) {
        ss_run run = run_of_size(40, 40, 20, activations[2]);
        run.n = 200;
        run.m = 140;
        ss_wide_options options = {.block = 8, .panel_bytes = panel_bytes[i]};
        assert_same_run(&run, options, 1e-9);
    }
}

/* Rows whose squares would overflow, and a step after which nothing is finite. */
static void runs_end_as_they_do_on_one_rank(void **state)
{
    (void)state;
    const double steps[] = {1e160, 1e308};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        ss_run run = run_of_size(20, 20, 20, activations[0]);
        run.step_size = steps[i];
        run.iterations = 1;
        run.checkpoint_count = 2;
        assert_same_run(&run, ss_wide_options_of(4), 1e-9);
    }
    ss_run run = run_of_size(10, 10, 10, activations[3]);
    run.ascent_step = 1e200;
    run.iterations = 5;
    run.checkpoint_count = 6;
    double trajectory[6];
    ss_run_outcome outcome = execute_wide(&run, ss_wide_options_of(4), trajectory);
    assert_int_equal(outcome.status, SS_RUN_DIVERGED);
    assert_int_equal(outcome.reason, SS_REASON_NOT_FINITE);
    assert_true(isnan(trajectory[5]));
}

/* ---- the same bits ---- */

typedef struct stopper {
    int64_t at;
    const ss_workspace *workspace;
    const ss_run *run;
    double *state;
} stopper;

static int stop_and_save(void *context, int64_t t, int64_t iterations)
{
    const stopper *stopper = context;
    (void)iterations;
    if (t == stopper->at) {
        ss_run_save(stopper->workspace, stopper->run, stopper->state);
    }
    return t == stopper->at;
}

static void a_run_that_goes_on_from_a_saved_state_gives_the_same_bits(void **state)
{
    (void)state;
    double whole[ITERATIONS + 1];
    double parts[ITERATIONS + 1];
    ss_run_outcome outcome;
    ss_run run = run_of_size(30, 20, 10, activations[0]);
    run.ascent_step = 0.5; /* so that V matters */
    ss_wide_options options = ss_wide_options_of(4);
    execute_wide(&run, options, whole);
    double *saved = calloc((size_t)ss_run_state_count(&run), sizeof *saved);
    ss_workspace *workspace = wide_workspace(options);
    stopper stopper = {17, workspace, &run, saved};
    ss_run_execute(&run, workspace, stop_and_save, &stopper, parts, &outcome);
    assert_int_equal(outcome.status, SS_RUN_PENDING);
    ss_workspace_destroy(&workspace);
    workspace = wide_workspace(options);
    ss_run_continue(&run, workspace, 17, saved, NULL, NULL, parts, &outcome);
    assert_int_equal(outcome.status, SS_RUN_DONE);
    assert_memory_equal(parts, whole, sizeof whole);
    ss_workspace_destroy(&workspace);
    free(saved);
}

static void runs_one_after_the_other_do_not_touch_each_other(void **state)
{
    (void)state;
    double alone[ITERATIONS + 1];
    double after[ITERATIONS + 1];
    ss_run_outcome outcome;
    ss_run large = run_of_size(50, 50, 50, activations[2]);
    ss_run run = run_of_size(30, 31, 10, activations[0]);
    execute_wide(&run, ss_wide_options_of(4), alone);
    ss_workspace *workspace = wide_workspace(ss_wide_options_of(4));
    ss_run_execute(&large, workspace, NULL, NULL, after, &outcome);
    ss_run_execute(&run, workspace, NULL, NULL, after, &outcome);
    assert_memory_equal(after, alone, sizeof alone);
    ss_workspace_destroy(&workspace);
}

/* ---- certificates ---- */

enum { MOST_RESULTS = ITERATIONS + 1 + SS_CERTIFICATE_MULTIPLIERS + 64 };

static void assert_same_certificate(const ss_run *run, ss_wide_options options)
{
    double one[MOST_RESULTS];
    double wide[MOST_RESULTS];
    assert_int_equal(execute(run, one).status, SS_RUN_DONE);
    assert_int_equal(execute_wide(run, options, wide).status, SS_RUN_DONE);
    const double *expected = one + run->checkpoint_count;
    const double *found = wide + run->checkpoint_count;
    double size = check_norm(expected + SS_CERTIFICATE_MULTIPLIERS, run->d);
    for (int64_t i = 0; i < ss_run_certificate_count(run); i++) {
        assert_near(found[i], expected[i], 1e-9 * (size + expected[SS_CERTIFICATE_RESIDUAL]));
    }
}

static void certificates_agree_with_the_one_rank_engine(void **state)
{
    (void)state;
    const int64_t sizes[][4] = {{48, 48, 48, 8}, {50, 37, 37, 7}, {33, 40, 21, 64}, {7, 2, 2, 3}};
    const ss_activation kinds[] = {
        {SS_ACTIVATION_LEAKY_RELU, 0.2}, {SS_ACTIVATION_ERF, 0}, {SS_ACTIVATION_IDENTITY, 0}};
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        for (size_t a = 0; a < (crowded() ? 1 : COUNT_OF(kinds)); a++) {
            ss_run run = run_of_size(sizes[s][0], sizes[s][1], sizes[s][2], kinds[a]);
            run.row_norm = a == 0 ? SS_ROW_NORM_GAUSSIAN : SS_ROW_NORM_UNIT;
            run.step_size = 0.02;
            run.certificate = true;
            assert_same_certificate(&run, ss_wide_options_of(sizes[s][3]));
        }
    }
}

/* ---- what ScaLAPACK refuses ---- */

static void finds_nothing(const char *vectors, const char *triangle, const int *order, double *A,
                          const int *i, const int *j, const int *descriptor, double *values,
                          double *Z, const int *iz, const int *jz, const int *descriptor_z,
                          double *work, const int *work_count, int *indices, const int *index_count,
                          int *info, size_t length, size_t other_length)
{
    (void)vectors, (void)triangle, (void)order, (void)A, (void)i, (void)j, (void)descriptor;
    (void)Z, (void)iz, (void)jz, (void)descriptor_z, (void)work, (void)work_count;
    (void)indices, (void)index_count, (void)length, (void)other_length;
    values[0] = 0;
    *info = 3;
}

static void refuses(int *descriptor, const int *rows, const int *columns, const int *row_block,
                    const int *column_block, const int *row, const int *column, const int *context,
                    const int *stride, int *info)
{
    (void)descriptor, (void)rows, (void)columns, (void)row_block, (void)column_block;
    (void)row, (void)column, (void)context, (void)stride;
    *info = -9;
}

static ss_run_outcome execute_with(const ss_scalapack *other, const ss_run *run, double *results)
{
    const ss_scalapack *library = grid.library;
    grid.library = other;
    ss_run_outcome outcome = execute_wide(run, ss_wide_options_of(4), results);
    grid.library = library;
    return outcome;
}

static void a_run_whose_matrix_is_refused_has_failed(void **state)
{
    (void)state;
    double results[MOST_RESULTS];
    ss_scalapack other = *grid.library;
    ss_run run = run_of_size(10, 10, 10, activations[2]);
    other.descinit_ = refuses;
    ss_run_outcome outcome = execute_with(&other, &run, results);
    assert_int_equal(outcome.status, SS_RUN_FAILED);
    assert_int_equal(outcome.reason, SS_REASON_LIBRARY);
    assert_int_equal(outcome.iterations, 0);
    assert_contains(ss_error_text(), "descinit refuses argument 9 (info -9)"); /* as was told */
}

static void a_run_whose_eigenvalues_are_not_found_has_failed(void **state)
{
    (void)state;
    double results[MOST_RESULTS];
    ss_scalapack other = *grid.library;
    ss_run run = run_of_size(10, 10, 10, activations[2]);
    run.certificate = true;
    other.pdsyevd_ = finds_nothing;
    ss_run_outcome outcome = execute_with(&other, &run, results);
    assert_int_equal(outcome.status, SS_RUN_FAILED);
    assert_int_equal(outcome.reason, SS_REASON_CERTIFICATE);
    assert_int_equal(outcome.iterations, run.iterations);
    assert_true(isfinite(results[ITERATIONS]));
    for (int64_t i = ITERATIONS + 1; i < ss_run_result_count(&run); i++) {
        assert_true(isnan(results[i]));
    }
    assert_contains(ss_run_reason_text(outcome.reason), "pdsyevd");
}

static void a_refusal_names_the_routine_and_its_code(void **state)
{
    (void)state;
    ss_cyclic matrix = ss_cyclic_at(grid.place, 10, 10, 2, 2);
    assert_int_equal(ss_cyclic_describe(&grid, &matrix), SS_OK);
    matrix.column_block = 0;
    assert_int_equal(ss_cyclic_describe(&grid, &matrix), SS_ERR_LIBRARY);
    assert_contains(ss_error_text(), "descinit refuses argument 5 (info -5)");
}

static void more_entries_than_it_can_count_are_refused(void **state)
{
    (void)state;
    ss_cyclic matrix = ss_cyclic_at(grid.place, 1 << 20, 1 << 20, 64, 64);
    assert_int_equal(ss_cyclic_describe(&grid, &matrix), SS_ERR_LIBRARY);
    assert_contains(ss_error_text(), "more than ScaLAPACK can count; use more ranks");
}

/* ---- grids ---- */

static void grids_are_as_square_as_can_be(void **state)
{
    (void)state;
    const int expected[][3] = {{1, 1, 1}, {2, 1, 2}, {3, 1, 3},  {4, 2, 2},
                               {6, 2, 3}, {7, 1, 7}, {12, 3, 4}, {36, 6, 6}};
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        ss_grid_shape shape = ss_grid_shape_of(expected[i][0]);
        assert_int_equal(shape.rows, expected[i][1]);
        assert_int_equal(shape.columns, expected[i][2]);
    }
}

static void every_row_belongs_to_one_process(void **state)
{
    (void)state;
    for (int64_t block = 1; block <= 5; block++) {
        for (int processes = 1; processes <= 4; processes++) {
            int owners[40] = {0};
            for (int p = 0; p < processes; p++) {
                int64_t share = ss_grid_share(COUNT_OF(owners), block, p, processes);
                for (int64_t i = 0; i < share; i++) {
                    owners[ss_cyclic_index(i, block, p, processes)]++;
                }
            }
            for (size_t row = 0; row < COUNT_OF(owners); row++) {
                assert_int_equal(owners[row], 1);
            }
        }
    }
}

static void memory_falls_with_the_ranks(void **state)
{
    (void)state;
    ss_run run = run_of_size(4096, 4096, 4096, activations[0]);
    ss_wide_options options = ss_wide_options_of(64);
    double one = ss_wide_bytes(&run, ss_grid_shape_of(1), options);
    for (int ranks = 2; ranks <= 16; ranks *= 2) {
        double share = ss_wide_bytes(&run, ss_grid_shape_of(ranks), options) * ranks / one;
        assert_near(share, 1, 0.05);
    }
}

int run_mpi_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trajectories_agree_with_the_one_rank_engine),
        cmocka_unit_test(sizes_that_no_block_divides_agree_as_well),
        cmocka_unit_test(every_setting_agrees),
        cmocka_unit_test(a_given_truth_and_free_rows_agree),
        cmocka_unit_test(batches_that_do_not_fit_are_computed_in_panels),
        cmocka_unit_test(runs_end_as_they_do_on_one_rank),
        cmocka_unit_test(a_run_that_goes_on_from_a_saved_state_gives_the_same_bits),
        cmocka_unit_test(runs_one_after_the_other_do_not_touch_each_other),
        cmocka_unit_test(certificates_agree_with_the_one_rank_engine),
        cmocka_unit_test(a_run_whose_matrix_is_refused_has_failed),
        cmocka_unit_test(a_run_whose_eigenvalues_are_not_found_has_failed),
        cmocka_unit_test(a_refusal_names_the_routine_and_its_code),
        cmocka_unit_test(more_entries_than_it_can_count_are_refused),
        cmocka_unit_test(grids_are_as_square_as_can_be),
        cmocka_unit_test(every_row_belongs_to_one_process),
        cmocka_unit_test(memory_falls_with_the_ranks),
    };
    if (ss_grid_open(MPI_COMM_WORLD, &grid) != SS_OK) {
        print_error("%s\n", ss_error_text());
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ss_grid_close(&grid);
    return failed;
}
