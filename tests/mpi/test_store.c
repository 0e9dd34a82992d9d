/* The result file: created by one rank, written by all, read back. test_commit.c has commits,
 * test_store_refusals.c the files that are refused, test_lock.c the lock. */
#include "check.h"

#include "new_store.h"
#include "src/result/sweep.h"

#include <hdf5.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_left_out(int64_t cell, int64_t seed_index)
{
    return (3 * cell + seed_index) % 6 == 1;
}

/* Commits this rank's share; returns the first error. */
static ss_error commit_share(ss_store *store, const ss_plan *plan)
{
    for (int64_t cell = 0; cell < CELLS; cell++) {
        for (int64_t seed = 0; seed < SEEDS; seed++) {
            double trajectory[CHECKPOINTS];
            ss_record record = make_result(plan, cell, seed, trajectory);
            if ((cell * SEEDS + seed) % ranks == my_rank && !is_left_out(cell, seed)) {
                SS_TRY(commit(store, plan, cell, seed, &record, trajectory));
            }
        }
    }
    return ss_store_sync(store);
}

static void assert_cell_reads_back(const ss_store *store, const ss_plan *plan, int64_t cell)
{
    ss_record records[SEEDS];
    double trajectories[SEEDS * CHECKPOINTS];
    assert_int_equal(ss_store_read_records(store, cell, 0, SEEDS, records), SS_OK);
    ss_run first = ss_plan_run(plan, cell, 0);
    assert_int_equal(ss_store_read_results(store, cell, 0, SEEDS, &first, trajectories), SS_OK);
    for (int64_t seed = 0; seed < SEEDS; seed++) {
        const double *found = trajectories + seed * CHECKPOINTS;
        double trajectory[CHECKPOINTS];
        ss_run run = ss_plan_run(plan, cell, seed);
        ss_record record = make_result(plan, cell, seed, trajectory);
        if (is_left_out(cell, seed)) {
            assert_int_equal(records[seed].status, SS_RUN_PENDING);
            assert_false(ss_record_committed(&records[seed]));
            assert_true(isnan(found[0]) && isnan(found[CHECKPOINTS - 1]));
        } else {
            assert_memory_equal(&records[seed], &record, sizeof record);
            assert_memory_equal(found, trajectory, sizeof trajectory);
            assert_true(ss_record_trusted(&records[seed], &run, found));
        }
    }
}

/* The folder, and shared.h5 in it, which every rank has committed its share to. */
static int make_shared_file(void **state)
{
    int status = make_folder(state);
    new_file file = open_new("shared.h5");
    close_new(&file, commit_share(file.store, &file.plan));
    ss_spec_destroy(&file.spec);
    return status;
}

static void what_all_ranks_commit_is_read_back(void **state)
{
    (void)state;
    ss_store *store = NULL;
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(ss_store_open_for_reading(path_of("shared.h5"), &store), SS_OK);
    for (int64_t cell = 0; cell < CELLS; cell++) {
        assert_cell_reads_back(store, &plan, cell);
    }
    ss_store_close(&store);
    ss_spec_destroy(&spec);
}

static void a_part_of_a_cell_can_be_read(void **state)
{
    (void)state;
    ss_store *store = NULL;
    ss_record all[SEEDS];
    ss_record some[2];
    double all_rows[SEEDS * CHECKPOINTS];
    double some_rows[2 * CHECKPOINTS];
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    ss_run run = ss_plan_run(&plan, 3, 0);
    assert_int_equal(ss_store_open_for_reading(path_of("shared.h5"), &store), SS_OK);
    assert_int_equal(ss_store_read_records(store, 3, 0, SEEDS, all), SS_OK);
    assert_int_equal(ss_store_read_records(store, 3, 1, 2, some), SS_OK);
    assert_int_equal(ss_store_read_results(store, 3, 0, SEEDS, &run, all_rows), SS_OK);
    assert_int_equal(ss_store_read_results(store, 3, 1, 2, &run, some_rows), SS_OK);
    ss_store_close(&store);
    ss_spec_destroy(&spec);
    assert_memory_equal(some, all + 1, sizeof some);
    assert_memory_equal(some_rows, all_rows + CHECKPOINTS, sizeof some_rows);
}

/* Another tool's copy of plain.h5, in the same folder; its exit status. */
static int repack(const char *options, const char *copy)
{
    char command[3 * TEMPORARY_SIZE + 128];
    snprintf(command, sizeof command, "cd '%s' && h5repack %s %s-plain.h5 %s-%s 2>/dev/null",
             folder, options, tag(), tag(), copy);
    return system(command);
}

/* Sealed anew, with its datasets elsewhere. */
static void commits_reach_a_file_that_another_tool_rewrote(void **state)
{
    (void)state;
    ss_store *store = NULL;
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    create_together(path_of("plain.h5"), &plan);
    int repacked = my_rank == 0 ? repack("", "repacked.h5") : 0;
    MPI_Bcast(&repacked, 1, MPI_INT, 0, MPI_COMM_WORLD);
    assert_int_equal(repacked, 0);
    const char *path = path_of("repacked.h5");
    assert_int_equal(ss_store_open_for_writing(path, MPI_COMM_WORLD, SS_STORE_IO_MPIO, &store),
                     my_rank == 0 ? SS_ERR_FORMAT : SS_ERR_ELSEWHERE);
    if (my_rank == 0) {
        assert_int_equal(ss_store_open_unsealed(path, &store), SS_OK);
        assert_int_equal(ss_store_reseal(store), SS_OK);
        ss_store_close(&store);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    assert_int_equal(ss_store_open_for_writing(path, MPI_COMM_WORLD, SS_STORE_IO_MPIO, &store),
                     SS_OK);
    ss_error written = commit_share(store, &plan);
    ss_store_close(&store);
    assert_int_equal(written, SS_OK);
    assert_int_equal(ss_store_open_for_reading(path_of("repacked.h5"), &store), SS_OK);
    for (int64_t cell = 0; cell < CELLS; cell++) {
        assert_cell_reads_back(store, &plan, cell);
    }
    ss_store_close(&store);
    ss_spec_destroy(&spec);
}

static void a_file_in_chunks_is_not_sealed_anew(void **state)
{
    (void)state;
    ss_store *store = NULL;
    if (my_rank == 0) {
        char options[64];
        snprintf(options, sizeof options, "-l error:CHUNK=1x2x%d", CHECKPOINTS);
        assert_int_equal(repack(options, "chunked.h5"), 0);
        assert_int_equal(ss_store_open_unsealed(path_of("chunked.h5"), &store), SS_ERR_FORMAT);
        assert_contains(ss_error_text(), "/error is not laid out as at its creation");
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

/* ---- what the file says about itself ---- */

static void a_file_knows_its_cells_and_name(void **state)
{
    (void)state;
    ss_store *store = NULL;
    char *name = NULL;
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(ss_store_open_for_reading(path_of("shared.h5"), &store), SS_OK);
    ss_store_shape shape = ss_store_shape_of(store);
    assert_int_equal(shape.cells, CELLS);
    assert_int_equal(shape.seeds, SEEDS);
    assert_int_equal(shape.checkpoints, CHECKPOINTS);
    assert_int_equal(ss_store_match_labels(store, &plan), SS_OK);
    assert_int_equal(ss_store_read_attribute(store, "name", &name), SS_OK);
    assert_string_equal(name, "stored");
    free(name);
    ss_store_close(&store);
    ss_spec_destroy(&spec);
}

static void assert_dataset_holds(hid_t file, const char *name, const int64_t *expected,
                                 size_t count)
{
    int64_t values[64];
    assert_true(count <= COUNT_OF(values));
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    assert_true(dataset >= 0);
    hid_t space = H5Dget_space(dataset);
    assert_int_equal(H5Sget_simple_extent_npoints(space), (hssize_t)count);
    assert_true(H5Dread(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    assert_memory_equal(values, expected, count * sizeof *values);
    H5Sclose(space);
    H5Dclose(dataset);
}

static void parameters_and_scales_are_plain_hdf5(void **state)
{
    (void)state;
    hid_t file = H5Fopen(path_of("shared.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    assert_dataset_holds(file, "/seed", (int64_t[]){4, 7, 1, 9}, SEEDS);
    assert_dataset_holds(file, "/iteration", (int64_t[]){0, 10, 50, 100}, CHECKPOINTS);
    assert_dataset_holds(file, "/cell", (int64_t[]){0, 1, 2, 3, 4, 5, 6, 7}, CELLS);
    assert_dataset_holds(file, "/d", (int64_t[]){3, 3, 3, 3, 5, 5, 5, 5}, CELLS);
    assert_dataset_holds(file, "/k0", (int64_t[]){2, 2, 2, 2, 2, 2, 2, 2}, CELLS);
    assert_dataset_holds(file, "/n", (int64_t[]){500, 500, 1000, 1000, 500, 500, 1000, 1000},
                         CELLS);
    assert_dataset_holds(file, "/m", (int64_t[]){500, 500, 1000, 1000, 500, 500, 1000, 1000},
                         CELLS);
    H5Fclose(file);
}

/* ---- bands ---- */

static double band_value(int quantity, int statistic, int64_t cell, int64_t p)
{
    return 1000 * quantity + 100 * statistic + 10 * (double)cell + (double)p + 0.25;
}

static ss_error write_cell_bands(ss_store *store, int quantity, int64_t cell)
{
    ss_bands bands;
    SS_TRY(ss_bands_create(CHECKPOINTS, &bands));
    for (int64_t p = 0; p < CHECKPOINTS; p++) {
        bands.count[p] = 10 * cell + p;
        for (int s = 0; s < SS_STATISTIC_COUNT; s++) {
            bands.statistic[s][p] = band_value(quantity, s, cell, p);
        }
    }
    ss_error error = ss_store_write_bands(store, (ss_quantity)quantity, cell, &bands);
    ss_bands_destroy(&bands);
    return error;
}

static void assert_band(hid_t file, int quantity, int statistic)
{
    static const char *const groups[] = {"/bands/error", "/bands/relative_error"};
    char name[64];
    double values[CELLS][CHECKPOINTS];
    snprintf(name, sizeof name, "%s/%s", groups[quantity],
             ss_statistic_name((ss_statistic)statistic));
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    assert_true(dataset >= 0);
    assert_true(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(dataset);
    for (int64_t cell = 0; cell < CELLS - 1; cell++) {
        for (int64_t p = 0; p < CHECKPOINTS; p++) {
            assert_near(values[cell][p], band_value(quantity, statistic, cell, p), 0);
        }
    }
    assert_true(isnan(values[CELLS - 1][0])); /* never written */
}

static void assert_counts(hid_t file, const char *name)
{
    int64_t expected[CELLS * CHECKPOINTS] = {0};
    for (int64_t cell = 0; cell < CELLS - 1; cell++) {
        for (int64_t p = 0; p < CHECKPOINTS; p++) {
            expected[cell * CHECKPOINTS + p] = 10 * cell + p;
        }
    }
    assert_dataset_holds(file, name, expected, COUNT_OF(expected));
}

static void bands_of_all_ranks_are_plain_hdf5(void **state)
{
    (void)state;
    ss_error error = SS_OK;
    new_file file = open_new("bands.h5");
    for (int64_t cell = 0; cell < CELLS - 1; cell++) {
        for (int q = 0; q < SS_QUANTITIES && cell % ranks == my_rank && error == SS_OK; q++) {
            error = write_cell_bands(file.store, q, cell);
        }
    }
    close_new(&file, error);
    hid_t hdf5 = H5Fopen(file.path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(hdf5 >= 0);
    for (int q = 0; q < SS_QUANTITIES; q++) {
        for (int s = 0; s < SS_STATISTIC_COUNT; s++) {
            assert_band(hdf5, q, s);
        }
    }
    assert_counts(hdf5, "/bands/error/count");
    assert_counts(hdf5, "/bands/relative_error/count");
    H5Fclose(hdf5);
    ss_spec_destroy(&file.spec);
}

/* ---- creation; each rank with files of its own ---- */

static void creation_leaves_only_the_named_file(void **state)
{
    (void)state;
    char temporary[PATH_SIZE + 16];
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(create(own_path("clean.h5"), &plan), SS_OK);
    snprintf(temporary, sizeof temporary, "%s.creating", own_path("clean.h5"));
    assert_int_equal(access(own_path("clean.h5"), F_OK), 0);
    assert_int_not_equal(access(temporary, F_OK), 0);
    assert_int_equal(create(path_of("missing/x.h5"), &plan), SS_ERR_IO);
    assert_contains(ss_error_text(), path_of("missing/x.h5"));
    ss_spec_destroy(&spec);
}

/* Today's costs deal cells out otherwise. */
static void a_shard_of_an_older_program_has_the_cells_that_its_file_names(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {1, 2, 6};
    ss_store *store;
    ss_sweep sweep;
    ss_spec *spec = parse(NULL);
    ss_plan plan;
    ss_plan today;
    ss_shard shard = {6, 10};
    uint32_t *copy = malloc(sizeof numbers);
    assert_non_null(copy);
    memcpy(copy, numbers, sizeof numbers);
    assert_int_equal(ss_plan_of_shard(spec, shard, &today), SS_OK);
    assert_int_equal(today.cells, 3);
    assert_memory_not_equal(today.numbers, numbers, sizeof numbers);
    assert_int_equal(ss_plan_of_cells(spec, shard, copy, 3, &plan), SS_OK);
    assert_int_equal(create(own_path("older.h5"), &plan), SS_OK);
    assert_int_equal(ss_store_open_for_reading(own_path("older.h5"), &store), SS_OK);
    assert_int_equal(ss_sweep_of_store(store, "older.h5", &sweep), SS_OK);
    assert_memory_equal(sweep.plan.numbers, numbers, sizeof numbers);
    assert_int_equal(ss_store_match_labels(store, &sweep.plan), SS_OK);
    assert_int_equal(ss_store_match(store, &today), SS_ERR_PLAN_DIFFERS);
    assert_contains(ss_error_text(), "cell number ");
    ss_sweep_release(&sweep);
    ss_store_close(&store);
    ss_plan_release(&plan);
    ss_plan_release(&today);
    ss_spec_destroy(&spec);
}

/* Metadata is "within a few kilobytes a cell's name" of what is predicted; here within 100 KiB. */
static void the_predicted_size_is_about_right(void **state)
{
    (void)state;
    struct stat information;
    ss_spec *spec = parse("grid.seed={count: 2000}");
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(create(own_path("size.h5"), &plan), SS_OK);
    assert_int_equal(stat(own_path("size.h5"), &information), 0);
    assert_near(ss_store_predicted_bytes(&plan), (double)information.st_size, 100 * 1024);
    assert_true(information.st_size > 8 * 2000 * (64 + 8 * CHECKPOINTS));
    ss_spec_destroy(&spec);
}

int run_mpi_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_all_ranks_commit_is_read_back),
        cmocka_unit_test(a_part_of_a_cell_can_be_read),
        cmocka_unit_test(commits_reach_a_file_that_another_tool_rewrote),
        cmocka_unit_test(a_file_in_chunks_is_not_sealed_anew),
        cmocka_unit_test(a_file_knows_its_cells_and_name),
        cmocka_unit_test(parameters_and_scales_are_plain_hdf5),
        cmocka_unit_test(bands_of_all_ranks_are_plain_hdf5),
        cmocka_unit_test(creation_leaves_only_the_named_file),
        cmocka_unit_test(a_shard_of_an_older_program_has_the_cells_that_its_file_names),
        cmocka_unit_test(the_predicted_size_is_about_right),
    };
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return cmocka_run_group_tests(tests, make_shared_file, remove_folder);
}
