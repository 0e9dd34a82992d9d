/* Commits of runs: who sees them, what they may replace, those that wait for their neighbours. */
#include "check.h"

#include "new_store.h"

/* Each rank reads, through its own open handle, what rank 0 has just committed. */
static void a_commit_is_seen_by_the_other_writers(void **state)
{
    (void)state;
    ss_record found;
    double trajectory[CHECKPOINTS];
    ss_error committed = SS_OK;
    new_file file = open_new("seen.h5");
    ss_record record = make_result(&file.plan, 2, 1, trajectory);
    if (my_rank == 0) {
        committed = commit(file.store, &file.plan, 2, 1, &record, trajectory);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    ss_error read = ss_store_read_records(file.store, 2, 1, 1, &found);
    close_new(&file, committed);
    assert_int_equal(read, SS_OK);
    assert_memory_equal(&found, &record, sizeof record);
    ss_spec_destroy(&file.spec);
}

/* Writes that the run has come to this, with results that tell the status. */
static ss_error write_status(ss_store *store, const ss_run *run, ss_run_status status,
                             double trajectory[CHECKPOINTS])
{
    ss_run_outcome outcome = {.status = status, .iterations = (int64_t)status + 10};
    for (int p = 0; p < CHECKPOINTS; p++) {
        trajectory[p] = (double)status + p;
    }
    ss_record record = ss_record_of(run, &outcome, 0, trajectory);
    return status == SS_RUN_PARTIAL ? ss_store_mark(store, 1, 0, run, &record)
                                    : ss_store_commit(store, 1, 0, run, &record, trajectory);
}

/* What the file has of the run is as write_status() wrote it. */
static bool has_status(const ss_store *store, const ss_run *run, ss_run_status status)
{
    ss_record found;
    double trajectory[CHECKPOINTS];
    return ss_store_read_records(store, 1, 0, 1, &found) == SS_OK &&
           ss_store_read_results(store, 1, 0, 1, run, trajectory) == SS_OK &&
           found.status == (int32_t)status && found.iterations == (int64_t)status + 10 &&
           (status == SS_RUN_PARTIAL || trajectory[0] == (double)status);
}

static const ss_run_status ascending[] = {SS_RUN_PARTIAL, SS_RUN_FAILED, SS_RUN_DIVERGED,
                                          SS_RUN_DONE};

/* What rank 0 writes into a new file; whether all that it reads back is right. */
typedef ss_error (*writer)(ss_store *store, const ss_run *run, bool *good);

static void assert_written(const char *name, writer write)
{
    ss_error error = SS_OK;
    bool good = true;
    new_file file = open_new(name);
    ss_run run = ss_plan_run(&file.plan, 1, 0);
    if (my_rank == 0) {
        error = write(file.store, &run, &good);
    }
    close_new(&file, error);
    assert_true(good);
    ss_spec_destroy(&file.spec);
}

static ss_error write_more_and_less(ss_store *store, const ss_run *run, bool *good)
{
    double trajectory[CHECKPOINTS];
    for (size_t i = 0; i < COUNT_OF(ascending); i++) {
        SS_TRY(write_status(store, run, ascending[i], trajectory));
        *good = *good && has_status(store, run, ascending[i]);
        for (size_t less = 0; less < i; less++) {
            SS_TRY(write_status(store, run, ascending[less], trajectory));
            *good = *good && has_status(store, run, ascending[i]);
        }
    }
    return SS_OK;
}

static void what_is_committed_is_not_replaced_by_something_less(void **state)
{
    (void)state;
    assert_written("less.h5", write_more_and_less);
}

/* A record that does not vouch for what is beside it; then less, but sound. */
static ss_error write_damaged_and_less(ss_store *store, const ss_run *run, bool *good)
{
    double trajectory[CHECKPOINTS] = {0};
    ss_run_outcome outcome = {.status = SS_RUN_DONE, .iterations = 100};
    ss_record record = ss_record_of(run, &outcome, 0, trajectory);
    trajectory[1] += 1;
    SS_TRY(ss_store_commit(store, 1, 0, run, &record, trajectory));
    SS_TRY(write_status(store, run, SS_RUN_FAILED, trajectory));
    *good = has_status(store, run, SS_RUN_FAILED);
    return SS_OK;
}

static void what_is_damaged_is_replaced_by_anything(void **state)
{
    (void)state;
    assert_written("damaged.h5", write_damaged_and_less);
}

/* How many of a cell's runs the file has, as another reader sees it. */
static int committed_in(const char *path, int64_t cell)
{
    ss_store *store = NULL;
    ss_record records[SEEDS];
    int count = 0;
    if (ss_store_open_for_reading(path, &store) != SS_OK) {
        return -1;
    }
    if (ss_store_read_records(store, cell, 0, SEEDS, records) == SS_OK) {
        for (int seed = 0; seed < SEEDS; seed++) {
            count += ss_record_committed(&records[seed]);
        }
    }
    ss_store_close(&store);
    return count;
}

static ss_error commit_soon(const new_file *file, int64_t cell, int64_t seed_index)
{
    double trajectory[CHECKPOINTS];
    ss_run run = ss_plan_run(&file->plan, cell, seed_index);
    ss_record record = make_result(&file->plan, cell, seed_index, trajectory);
    return ss_store_commit_soon(file->store, cell, seed_index, &run, &record, trajectory);
}

/* What the file has of cells 0 and 1 after each step; -1 in place of the rest after an error. */
static ss_error commit_in_groups(const new_file *file, int counts[4][2])
{
    double trajectory[CHECKPOINTS];
    ss_record record = make_result(&file->plan, 1, 1, trajectory);
    for (int64_t seed = 0; seed < SEEDS; seed++) {
        SS_TRY(commit_soon(file, 0, seed));
    }
    counts[0][0] = committed_in(file->path, 0);
    SS_TRY(commit_soon(file, 1, 0)); /* of another cell */
    counts[1][0] = committed_in(file->path, 0);
    counts[1][1] = committed_in(file->path, 1);
    SS_TRY(commit(file->store, &file->plan, 1, 1, &record, trajectory));
    counts[2][1] = committed_in(file->path, 1);
    SS_TRY(commit_soon(file, 1, 2));
    SS_TRY(ss_store_sync(file->store));
    counts[3][1] = committed_in(file->path, 1);
    return SS_OK;
}

static void short_runs_wait_for_their_neighbours(void **state)
{
    (void)state;
    int counts[4][2] = {{0}};
    ss_error error = SS_OK;
    ss_store *store = NULL;
    new_file file = open_new("soon.h5");
    if (my_rank == 0) {
        error = commit_in_groups(&file, counts);
    }
    close_new(&file, error);
    if (my_rank == 0) {
        assert_int_equal(counts[0][0], 0);
        assert_int_equal(counts[1][0], SEEDS);
        assert_int_equal(counts[1][1], 0);
        assert_int_equal(counts[2][1], 2);
        assert_int_equal(counts[3][1], 3);
    }
    assert_int_equal(ss_store_open_for_reading(file.path, &store), SS_OK);
    for (int64_t seed = 0; seed < SEEDS; seed++) {
        ss_run run = ss_plan_run(&file.plan, 0, seed);
        double trajectory[CHECKPOINTS];
        double found[CHECKPOINTS];
        ss_record read;
        ss_record record = make_result(&file.plan, 0, seed, trajectory);
        assert_int_equal(ss_store_read_records(store, 0, seed, 1, &read), SS_OK);
        assert_int_equal(ss_store_read_results(store, 0, seed, 1, &run, found), SS_OK);
        assert_memory_equal(&read, &record, sizeof record);
        assert_memory_equal(found, trajectory, sizeof found);
    }
    ss_store_close(&store);
    ss_spec_destroy(&file.spec);
}

static void a_later_commit_replaces_an_earlier_one(void **state)
{
    (void)state;
    ss_store *store = NULL;
    ss_record found;
    double trajectory[CHECKPOINTS];
    ss_error error = SS_OK;
    new_file file = open_new("again.h5");
    ss_record first = make_result(&file.plan, 0, 0, trajectory);
    ss_record second = first;
    second.seconds = 7;
    if (my_rank == ranks - 1) {
        error = commit(file.store, &file.plan, 0, 0, &first, trajectory);
        error = error ? error : commit(file.store, &file.plan, 0, 0, &second, trajectory);
    }
    close_new(&file, error);
    assert_int_equal(ss_store_open_for_reading(file.path, &store), SS_OK);
    assert_int_equal(ss_store_read_records(store, 0, 0, 1, &found), SS_OK);
    ss_store_close(&store);
    assert_memory_equal(&found, &second, sizeof found);
    ss_spec_destroy(&file.spec);
}

int run_mpi_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_is_seen_by_the_other_writers),
        cmocka_unit_test(what_is_committed_is_not_replaced_by_something_less),
        cmocka_unit_test(what_is_damaged_is_replaced_by_anything),
        cmocka_unit_test(short_runs_wait_for_their_neighbours),
        cmocka_unit_test(a_later_commit_replaces_an_earlier_one),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
