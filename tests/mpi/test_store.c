/* The result file: created by one rank, written by all, read back; its lock. */
#include "check.h"

#include "keep_modules.h"
#include "mpi_main.h"
#include "saddlesweep/store.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int my_rank;
static int ranks;
static char folder[64]; /* of this program's files, the same on all ranks */

static const char text[] = "name: stored\n"
                           "root_seed: 1\n"
                           "grid:\n"
                           "  d: [3, 5]\n"
                           "  k: 2\n"
                           "  n: [500, 1000]\n"
                           "  m: n\n"
                           "  activation: [tanh, leaky_relu(0.2)]\n"
                           "  seed: [4, 7, 1, 9]\n"
                           "train: {iterations: 100, step: {size: 0.5}}\n"
                           "record: {at: [0, 10, 50]}\n";

enum { CELLS = 8, SEEDS = 4, CHECKPOINTS = 4 };

static ss_spec *parse(const char *override)
{
    ss_spec *spec = NULL;
    if (ss_spec_parse("sweep.yaml", text, &override, override ? 1 : 0, &spec) != SS_OK) {
        fail_msg("%s", ss_error_text());
    }
    return spec;
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static ss_error create(const char *path, const ss_plan *plan)
{
    ss_provenance provenance = {
        .spec_text = text,
        .overrides = "",
        .hosts = "here",
        .ranks = ranks,
        .kernel = "portable",
        .libraries = "none",
    };
    return ss_store_create(path, plan, &provenance);
}

/* Creates the file on rank 0; all ranks go on when it is there. */
static void create_together(const char *path, const ss_plan *plan)
{
    ss_error error = my_rank == 0 ? create(path, plan) : SS_OK;
    MPI_Bcast(&error, sizeof error, MPI_BYTE, 0, MPI_COMM_WORLD);
    if (error != SS_OK) {
        fail_msg("%s", ss_error_text());
    }
}

/* The made-up outcome of a run: its trajectory, and a record that vouches for it. */
static ss_record make_result(const ss_plan *plan, int64_t cell, int64_t seed_index,
                             double trajectory[CHECKPOINTS])
{
    ss_run run = ss_plan_run(plan, cell, seed_index);
    ss_run_outcome outcome = {
        .status = (cell + seed_index) % 5 == 4 ? SS_RUN_DIVERGED : SS_RUN_DONE,
        .iterations = 100,
        .truth_norm = 1 + (double)cell,
        .seconds = 0.5,
    };
    for (int p = 0; p < CHECKPOINTS; p++) {
        trajectory[p] = (double)(100 * cell + 10 * seed_index + p) / 7;
    }
    if (outcome.status == SS_RUN_DIVERGED) {
        trajectory[CHECKPOINTS - 1] = NAN;
    }
    return ss_record_of(&run, &outcome, (int)(cell % 3), trajectory);
}

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
                SS_TRY(ss_store_commit(store, cell, seed, &record, trajectory));
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
    assert_int_equal(ss_store_read_trajectories(store, cell, 0, SEEDS, trajectories), SS_OK);
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

static void what_all_ranks_commit_is_read_back(void **state)
{
    (void)state;
    ss_store *store = NULL;
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    const char *path = path_of("shared.h5");
    create_together(path, &plan);
    assert_int_equal(ss_store_open_for_writing(path, MPI_COMM_WORLD, &store), SS_OK);
    ss_error committed = commit_share(store, &plan);
    ss_error closed = ss_store_close(&store);
    assert_int_equal(committed, SS_OK);
    assert_int_equal(closed, SS_OK);
    assert_null(store);
    MPI_Barrier(MPI_COMM_WORLD);
    assert_int_equal(ss_store_open_for_reading(path, &store), SS_OK);
    for (int64_t cell = 0; cell < CELLS; cell++) {
        assert_cell_reads_back(store, &plan, cell);
    }
    assert_int_equal(ss_store_close(&store), SS_OK);
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
    assert_int_equal(ss_store_open_for_reading(path_of("shared.h5"), &store), SS_OK);
    assert_int_equal(ss_store_read_records(store, 3, 0, SEEDS, all), SS_OK);
    assert_int_equal(ss_store_read_records(store, 3, 1, 2, some), SS_OK);
    assert_int_equal(ss_store_read_trajectories(store, 3, 0, SEEDS, all_rows), SS_OK);
    assert_int_equal(ss_store_read_trajectories(store, 3, 1, 2, some_rows), SS_OK);
    assert_int_equal(ss_store_close(&store), SS_OK);
    assert_memory_equal(some, all + 1, sizeof some);
    assert_memory_equal(some_rows, all_rows + CHECKPOINTS, sizeof some_rows);
}

/* Each rank reads, through its own open handle, what rank 0 has just committed. */
static void a_commit_is_seen_by_the_other_writers(void **state)
{
    (void)state;
    ss_store *store = NULL;
    ss_record found;
    double trajectory[CHECKPOINTS];
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    const char *path = path_of("seen.h5");
    create_together(path, &plan);
    ss_record record = make_result(&plan, 2, 1, trajectory);
    assert_int_equal(ss_store_open_for_writing(path, MPI_COMM_WORLD, &store), SS_OK);
    ss_error committed = SS_OK;
    if (my_rank == 0) {
        committed = ss_store_commit(store, 2, 1, &record, trajectory);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    ss_error read = ss_store_read_records(store, 2, 1, 1, &found);
    ss_error closed = ss_store_close(&store);
    assert_int_equal(committed, SS_OK);
    assert_int_equal(read, SS_OK);
    assert_int_equal(closed, SS_OK);
    assert_memory_equal(&found, &record, sizeof record);
    ss_spec_destroy(&spec);
}

static void a_later_commit_replaces_an_earlier_one(void **state)
{
    (void)state;
    ss_store *store = NULL;
    ss_record found;
    double trajectory[CHECKPOINTS];
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    const char *path = path_of("again.h5");
    create_together(path, &plan);
    ss_record first = make_result(&plan, 0, 0, trajectory);
    ss_record second = first;
    second.seconds = 7;
    assert_int_equal(ss_store_open_for_writing(path, MPI_COMM_WORLD, &store), SS_OK);
    ss_error error = SS_OK;
    if (my_rank == ranks - 1) {
        error = ss_store_commit(store, 0, 0, &first, trajectory);
        error = error ? error : ss_store_commit(store, 0, 0, &second, trajectory);
    }
    ss_error closed = ss_store_close(&store);
    MPI_Barrier(MPI_COMM_WORLD);
    assert_int_equal(error, SS_OK);
    assert_int_equal(closed, SS_OK);
    assert_int_equal(ss_store_open_for_reading(path, &store), SS_OK);
    assert_int_equal(ss_store_read_records(store, 0, 0, 1, &found), SS_OK);
    assert_int_equal(ss_store_close(&store), SS_OK);
    assert_memory_equal(&found, &second, sizeof found);
    ss_spec_destroy(&spec);
}

/* ---- what the file says about itself ---- */

static void a_file_knows_its_cells_and_name(void **state)
{
    (void)state;
    ss_store *store = NULL;
    char words[200];
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(ss_store_open_for_reading(path_of("shared.h5"), &store), SS_OK);
    ss_store_shape shape = ss_store_shape_of(store);
    assert_int_equal(shape.cells, CELLS);
    assert_int_equal(shape.seeds, SEEDS);
    assert_int_equal(shape.checkpoints, CHECKPOINTS);
    for (int64_t cell = 0; cell < CELLS; cell++) {
        char expected[200];
        ss_run run = ss_plan_run(&plan, cell, 0);
        assert_int_equal(ss_store_cell_text(store, cell, words, sizeof words), SS_OK);
        assert_string_equal(words, ss_run_cell_text(&run, expected, sizeof expected));
    }
    assert_int_equal(ss_store_read_name(store, words, sizeof words), SS_OK);
    assert_string_equal(words, "stored");
    assert_int_equal(ss_store_close(&store), SS_OK);
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

/* ---- does a file belong to a plan? ---- */

static void assert_match(const ss_store *store, const char *override, ss_error expected,
                         const char *fragment)
{
    ss_spec *spec = parse(override);
    ss_plan plan = ss_plan_of(spec);
    ss_error error = ss_store_match(store, &plan);
    ss_spec_destroy(&spec);
    assert_int_equal(error, expected);
    if (fragment) {
        assert_contains(ss_error_text(), fragment);
    }
}

static void the_same_plan_matches_however_it_is_spelled(void **state)
{
    (void)state;
    ss_store *store = NULL;
    assert_int_equal(ss_store_open_for_reading(path_of("shared.h5"), &store), SS_OK);
    assert_match(store, NULL, SS_OK, NULL);
    assert_match(store, "name=other", SS_OK, NULL);
    assert_match(store, "grid.d={from: 3, to: 5, step: 2}", SS_OK, NULL);
    assert_match(store, "train.noise=1.0", SS_OK, NULL);
    assert_int_equal(ss_store_close(&store), SS_OK);
}

static void another_plan_is_refused_with_the_first_difference(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"root_seed=2", "root_seed is 1 in the file, 2 in the sweep"},
        {"train.noise=0.5", "train.noise is 1 in the file, 0.5 in the sweep"},
        {"train.iterations=200", "train.iterations is 100 in the file, 200 in the sweep"},
        {"train.step.size=0.25", "train.step.size is 0.5 in the file, 0.25 in the sweep"},
        {"train.step.decay=3", "train.step.decay is 0 in the file, 3 in the sweep"},
        {"train.ascent_step=2", "train.ascent_step is 1 in the file, 2 in the sweep"},
        {"truth.row_norm=gaussian", "truth.row_norm is unit in the file, gaussian in the sweep"},
        {"precision=double", "precision is single in the file, double in the sweep"},
        {"grid.d=[3, 5, 7]", "the number of cells is 8 in the file, 12 in the sweep"},
        {"grid.seed={count: 9}", "the number of seeds is 4 in the file, 9 in the sweep"},
        {"record.at=[1, 2]", "iteration number 1 is 10 in the file, 1 in the sweep"},
        {"record.at=[1, 2, 3]", "the number of recorded iterations is 4 in the file, 5"},
        {"grid.seed=[4, 7, 2, 9]", "seed number 2 is 1 in the file, 2 in the sweep"},
        {"grid.d=[3, 6]", "d of cell 4 is 5 in the file, 6 in the sweep"},
        {"grid.k=3", "k of cell 0 is 2 in the file, 3 in the sweep"},
        {"truth.latent=1", "k0 of cell 0 is 2 in the file, 1 in the sweep"},
        {"grid.n=[500, 2000]", "n of cell 2 is 1000 in the file, 2000 in the sweep"},
        {"grid.m=500", "m of cell 2 is 1000 in the file, 500 in the sweep"},
        {"grid.activation=[tanh, leaky_relu(0.3)]",
         "activation of cell 1 is leaky_relu(0.2) in the file, leaky_relu(0.3) in the sweep"},
    };
    ss_store *store = NULL;
    assert_int_equal(ss_store_open_for_reading(path_of("shared.h5"), &store), SS_OK);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_match(store, cases[i][0], SS_ERR_PLAN_DIFFERS, cases[i][1]);
    }
    assert_int_equal(ss_store_close(&store), SS_OK);
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
    ss_store *store = NULL;
    ss_error error = SS_OK;
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    const char *path = path_of("bands.h5");
    create_together(path, &plan);
    assert_int_equal(ss_store_open_for_writing(path, MPI_COMM_WORLD, &store), SS_OK);
    for (int64_t cell = 0; cell < CELLS - 1; cell++) {
        for (int q = 0; q < SS_QUANTITIES && cell % ranks == my_rank && error == SS_OK; q++) {
            error = write_cell_bands(store, q, cell);
        }
    }
    ss_error closed = ss_store_close(&store);
    MPI_Barrier(MPI_COMM_WORLD);
    assert_int_equal(error, SS_OK);
    assert_int_equal(closed, SS_OK);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    for (int q = 0; q < SS_QUANTITIES; q++) {
        for (int s = 0; s < SS_STATISTIC_COUNT; s++) {
            assert_band(file, q, s);
        }
    }
    assert_counts(file, "/bands/error/count");
    assert_counts(file, "/bands/relative_error/count");
    H5Fclose(file);
    ss_spec_destroy(&spec);
}

/* ---- refusals; each rank with files of its own ---- */

static const char *own_path(const char *name)
{
    char own[64];
    snprintf(own, sizeof own, "%s.%d", name, my_rank);
    return path_of(own);
}

static void assert_cannot_open(const char *path, ss_error expected, const char *fragment)
{
    ss_store *store = NULL;
    assert_int_equal(ss_store_open_for_reading(path, &store), expected);
    assert_null(store);
    assert_contains(ss_error_text(), path);
    assert_contains(ss_error_text(), fragment);
}

static void write_bytes(const char *path, const char *bytes)
{
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    fputs(bytes, stream);
    fclose(stream);
}

static void files_that_are_not_ours_are_refused(void **state)
{
    (void)state;
    assert_cannot_open(own_path("missing.h5"), SS_ERR_USAGE, "No such file");
    write_bytes(own_path("text.h5"), "not HDF5 at all\n");
    assert_cannot_open(own_path("text.h5"), SS_ERR_FORMAT, "is not a whole HDF5 file");
    write_bytes(own_path("empty.h5"), "");
    assert_cannot_open(own_path("empty.h5"), SS_ERR_FORMAT, "is not a whole HDF5 file");
    hid_t file = H5Fcreate(own_path("foreign.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    assert_cannot_open(own_path("foreign.h5"), SS_ERR_FORMAT,
                       "is not a result file of saddlesweep");
}

static void a_truncated_file_is_refused(void **state)
{
    (void)state;
    struct stat information;
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(create(own_path("short.h5"), &plan), SS_OK);
    assert_int_equal(stat(own_path("short.h5"), &information), 0);
    assert_int_equal(truncate(own_path("short.h5"), information.st_size / 2), 0);
    assert_cannot_open(own_path("short.h5"), SS_ERR_FORMAT, "is not a whole HDF5 file");
    ss_spec_destroy(&spec);
}

static void a_file_without_error_is_refused(void **state)
{
    (void)state;
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(create(own_path("partial.h5"), &plan), SS_OK);
    hid_t file = H5Fopen(own_path("partial.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Ldelete(file, "/error", H5P_DEFAULT) >= 0);
    H5Fclose(file);
    assert_cannot_open(own_path("partial.h5"), SS_ERR_FORMAT, "the dataset /error is missing");
    ss_spec_destroy(&spec);
}

static void creation_leaves_only_the_named_file(void **state)
{
    (void)state;
    char temporary[160];
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(create(own_path("clean.h5"), &plan), SS_OK);
    snprintf(temporary, sizeof temporary, "%s.creating", own_path("clean.h5"));
    assert_int_equal(access(own_path("clean.h5"), F_OK), 0);
    assert_int_not_equal(access(temporary, F_OK), 0);
    assert_int_equal(create("/nonexistent/folder/x.h5", &plan), SS_ERR_IO);
    assert_contains(ss_error_text(), "/nonexistent/folder/x.h5");
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

/* ---- the lock; flock belongs to an open file, so two handles in one process exclude each other --
 */

static const ss_store_lock not_held = {.descriptor = -1};

static void a_lock_held_alone_excludes_all_others(void **state)
{
    (void)state;
    ss_store_lock first = not_held;
    ss_store_lock second = not_held;
    char holder[64];
    snprintf(holder, sizeof holder, "process %ld on ", (long)getpid());
    assert_int_equal(ss_store_lock_alone(own_path("a"), 0, &first), SS_OK);
    assert_int_equal(ss_store_lock_alone(own_path("a"), 0, &second), SS_ERR_BUSY);
    assert_contains(ss_error_text(), holder);
    assert_int_equal(second.descriptor, -1);
    assert_int_equal(ss_store_lock_shared(own_path("a"), &second), SS_ERR_BUSY);
    assert_int_equal(second.descriptor, -1);
    ss_store_unlock(&first, true);
    assert_int_equal(first.descriptor, -1);
}

static void a_shared_lock_excludes_only_who_wants_it_alone(void **state)
{
    (void)state;
    ss_store_lock first = not_held;
    ss_store_lock second = not_held;
    ss_store_lock third = not_held;
    assert_int_equal(ss_store_lock_shared(own_path("b"), &first), SS_OK);
    assert_int_equal(ss_store_lock_shared(own_path("b"), &second), SS_OK);
    assert_int_equal(ss_store_lock_alone(own_path("b"), 0, &third), SS_ERR_BUSY);
    ss_store_unlock(&first, false);
    assert_int_equal(ss_store_lock_alone(own_path("b"), 0, &third), SS_ERR_BUSY);
    ss_store_unlock(&second, false);
    assert_int_equal(ss_store_lock_alone(own_path("b"), 0, &third), SS_OK);
    ss_store_unlock(&third, true);
}

static void a_lock_held_alone_turns_into_a_shared_one(void **state)
{
    (void)state;
    ss_store_lock master = not_held;
    ss_store_lock worker = not_held;
    assert_int_equal(ss_store_lock_alone(own_path("c"), 0, &master), SS_OK);
    assert_int_equal(ss_store_lock_shared(own_path("c"), &master), SS_OK);
    assert_int_equal(ss_store_lock_shared(own_path("c"), &worker), SS_OK);
    ss_store_unlock(&worker, false);
    ss_store_unlock(&master, true);
}

static void the_last_holder_removes_the_lock_file(void **state)
{
    (void)state;
    ss_store_lock first = not_held;
    ss_store_lock second = not_held;
    assert_int_equal(ss_store_lock_shared(own_path("d"), &first), SS_OK);
    assert_int_equal(ss_store_lock_shared(own_path("d"), &second), SS_OK);
    ss_store_unlock(&first, true); /* not the last after all */
    assert_int_equal(access(second.path, F_OK), 0);
    ss_store_unlock(&second, true);
    assert_int_not_equal(access(second.path, F_OK), 0);
}

static void who_is_not_last_leaves_the_lock_file(void **state)
{
    (void)state;
    ss_store_lock lock = not_held;
    assert_int_equal(ss_store_lock_alone(own_path("e"), 0, &lock), SS_OK);
    ss_store_unlock(&lock, false);
    assert_int_equal(access(lock.path, F_OK), 0);
    ss_store_unlock(&lock, true); /* not held: nothing happens */
    assert_int_equal(access(lock.path, F_OK), 0);
}

static void a_lock_beside_nothing_is_refused(void **state)
{
    (void)state;
    ss_store_lock lock = not_held;
    assert_int_equal(ss_store_lock_alone("/nonexistent/x.h5", 0, &lock), SS_ERR_USAGE);
    assert_contains(ss_error_text(), "/nonexistent/x.h5.lock");
    assert_int_equal(lock.descriptor, -1);
}

/* All ranks share the lock of one file; none gets it alone meanwhile. */
static void all_ranks_share_the_lock(void **state)
{
    (void)state;
    ss_store_lock shared = not_held;
    ss_store_lock alone = not_held;
    ss_error error = ss_store_lock_shared(path_of("all.h5"), &shared);
    MPI_Barrier(MPI_COMM_WORLD);
    ss_error refused = ss_store_lock_alone(path_of("all.h5"), 0, &alone);
    MPI_Barrier(MPI_COMM_WORLD);
    ss_store_unlock(&shared, false);
    assert_int_equal(error, SS_OK);
    assert_int_equal(refused, SS_ERR_BUSY);
}

/* ---- the folder ---- */

static int make_folder(void **state)
{
    (void)state;
    int failed = 0;
    strcpy(folder, "/tmp/test_store.XXXXXX");
    if (my_rank == 0) {
        failed = mkdtemp(folder) == NULL;
    }
    MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
    MPI_Bcast(&failed, 1, MPI_INT, 0, MPI_COMM_WORLD);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return failed;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    MPI_Barrier(MPI_COMM_WORLD);
    return my_rank == 0 ? system(command) : 0;
}

int run_mpi_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_all_ranks_commit_is_read_back),
        cmocka_unit_test(a_part_of_a_cell_can_be_read),
        cmocka_unit_test(a_commit_is_seen_by_the_other_writers),
        cmocka_unit_test(a_later_commit_replaces_an_earlier_one),
        cmocka_unit_test(a_file_knows_its_cells_and_name),
        cmocka_unit_test(parameters_and_scales_are_plain_hdf5),
        cmocka_unit_test(the_same_plan_matches_however_it_is_spelled),
        cmocka_unit_test(another_plan_is_refused_with_the_first_difference),
        cmocka_unit_test(bands_of_all_ranks_are_plain_hdf5),
        cmocka_unit_test(files_that_are_not_ours_are_refused),
        cmocka_unit_test(a_truncated_file_is_refused),
        cmocka_unit_test(a_file_without_error_is_refused),
        cmocka_unit_test(creation_leaves_only_the_named_file),
        cmocka_unit_test(the_predicted_size_is_about_right),
        cmocka_unit_test(a_lock_held_alone_excludes_all_others),
        cmocka_unit_test(a_shared_lock_excludes_only_who_wants_it_alone),
        cmocka_unit_test(a_lock_held_alone_turns_into_a_shared_one),
        cmocka_unit_test(the_last_holder_removes_the_lock_file),
        cmocka_unit_test(who_is_not_last_leaves_the_lock_file),
        cmocka_unit_test(a_lock_beside_nothing_is_refused),
        cmocka_unit_test(all_ranks_share_the_lock),
    };
    MPI_Comm_rank(MPI_COMM_WORLD, &my_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
