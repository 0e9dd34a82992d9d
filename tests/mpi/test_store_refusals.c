/* Result files that are refused: those of another plan, and what is no result file. Each rank has
 * files of its own. */
#include "check.h"

#include "stored_sweep.h"

#include <hdf5.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- does a file belong to a plan? ---- */

/* Opens a new file without results. */
static ss_store *open_empty(const char *path)
{
    ss_store *store = NULL;
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(create(path, &plan), SS_OK);
    ss_spec_destroy(&spec);
    assert_int_equal(ss_store_open_for_reading(path, &store), SS_OK);
    return store;
}

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
    ss_store *store = open_empty(own_path("same.h5"));
    assert_match(store, NULL, SS_OK, NULL);
    assert_match(store, "name=other", SS_OK, NULL);
    assert_match(store, "grid.d={from: 3, to: 5, step: 2}", SS_OK, NULL);
    assert_match(store, "train.noise=1.0", SS_OK, NULL);
    ss_store_close(&store);
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
        {"train.row_norm=free", "train.row_norm is not set in the file, free in the sweep"},
        {"train.row_norm=[known, learned]",
         "train.row_norm is not set in the file, known, learned in the sweep"},
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
    ss_store *store = open_empty(own_path("another.h5"));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_match(store, cases[i][0], SS_ERR_PLAN_DIFFERS, cases[i][1]);
    }
    ss_store_close(&store);
}

/* ---- files that are not whole, or not ours ---- */

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
    assert_cannot_open(own_path("text.h5"), SS_ERR_FORMAT, "HDF5 cannot open it");
    write_bytes(own_path("empty.h5"), "");
    assert_cannot_open(own_path("empty.h5"), SS_ERR_FORMAT, "HDF5 cannot open it");
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
    assert_cannot_open(own_path("short.h5"), SS_ERR_FORMAT, "is truncated: it has");
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
    assert_cannot_open(own_path("partial.h5"), SS_ERR_FORMAT, "another program has changed it");
    ss_store *store = NULL;
    assert_int_equal(ss_store_open_unsealed(own_path("partial.h5"), &store), SS_ERR_FORMAT);
    assert_null(store);
    assert_contains(ss_error_text(), "the dataset /error is missing");
    ss_spec_destroy(&spec);
}

int run_mpi_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_plan_matches_however_it_is_spelled),
        cmocka_unit_test(another_plan_is_refused_with_the_first_difference),
        cmocka_unit_test(files_that_are_not_ours_are_refused),
        cmocka_unit_test(a_truncated_file_is_refused),
        cmocka_unit_test(a_file_without_error_is_refused),
    };
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
