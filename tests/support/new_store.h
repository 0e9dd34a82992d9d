/* A new result file, open on all ranks, and made-up results for it. */
#ifndef TESTS_SUPPORT_NEW_STORE_H
#define TESTS_SUPPORT_NEW_STORE_H

#include "stored_sweep.h"

#include <math.h>

/* Creates the file on rank 0; all ranks go on when it is there. */
static inline void create_together(const char *path, const ss_plan *plan)
{
    ss_error error = my_rank == 0 ? create(path, plan) : SS_OK;
    MPI_Bcast(&error, sizeof error, MPI_BYTE, 0, MPI_COMM_WORLD);
    if (error != SS_OK) {
        fail_msg("%s", ss_error_text());
    }
}

/* A new file, open for writing on all ranks. */
typedef struct new_file {
    ss_spec *spec;
    ss_plan plan;
    const char *path;
    ss_store *store;
} new_file;

static inline new_file open_new(const char *name)
{
    new_file file = {.spec = parse(NULL), .path = path_of(name)};
    file.plan = ss_plan_of(file.spec);
    create_together(file.path, &file.plan);
    assert_int_equal(
        ss_store_open_for_writing(file.path, MPI_COMM_WORLD, SS_STORE_IO_MPIO, &file.store), SS_OK);
    return file;
}

/* Closes the file on all ranks; only then asserts that what this rank wrote went well. */
static inline void close_new(new_file *file, ss_error written)
{
    ss_store_close(&file->store);
    MPI_Barrier(MPI_COMM_WORLD);
    assert_int_equal(written, SS_OK);
    assert_null(file->store);
}

/* The made-up outcome of a run: its trajectory, and a record that vouches for it. */
static inline ss_record make_result(const ss_plan *plan, int64_t cell, int64_t seed_index,
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

static inline ss_error commit(ss_store *store, const ss_plan *plan, int64_t cell,
                              int64_t seed_index, const ss_record *record, const double *trajectory)
{
    ss_run run = ss_plan_run(plan, cell, seed_index);
    return ss_store_commit(store, cell, seed_index, &run, record, trajectory);
}

#endif
