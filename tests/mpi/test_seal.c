/* Every byte of a result file is either vouched for by the seal or by the record of a run. Each
 * rank tries its share of the bytes, in a file of its own. */
#include "check.h"

#include "effort.h"
#include "src/store/probe.h"
#include "stored_sweep.h"

#include <fcntl.h>
#include <hdf5.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 1 << 18 };

/* Asking HDF5 in a process of its own takes most of the time, and changes the message alone. */
static bool asks;
ss_probe_finding __real_ss_probe_file(const char *path, int64_t *version);
ss_probe_finding __wrap_ss_probe_file(const char *path, int64_t *version);

ss_probe_finding __wrap_ss_probe_file(const char *path, int64_t *version)
{
    return asks ? __real_ss_probe_file(path, version) : SS_PROBE_NOT_HDF5;
}

static unsigned char changes[MOST_BYTES]; /* flags: a byte that runs and reductions write */
static off_t length;

static herr_t mark_dataset(hid_t file, const char *name, const H5O_info_t *info, void *context)
{
    (void)context;
    bool ours = strcmp(name, "error") == 0 || strcmp(name, "run") == 0 ||
                strcmp(name, "execution") == 0 || strncmp(name, "bands/", 6) == 0;
    if (info->type == H5O_TYPE_DATASET && ours) {
        hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
        memset(changes + H5Dget_offset(dataset), 1, (size_t)H5Dget_storage_size(dataset));
        H5Dclose(dataset);
    }
    return 0;
}

static void mark_what_changes(const char *path)
{
    struct stat information;
    assert_int_equal(stat(path, &information), 0);
    length = information.st_size;
    assert_true(length < MOST_BYTES);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(
        H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, mark_dataset, NULL, H5O_INFO_BASIC) >= 0);
    H5Fclose(file);
}

static void flip(int descriptor, off_t at, unsigned char bits)
{
    unsigned char byte;
    assert_int_equal(pread(descriptor, &byte, 1, at), 1);
    byte ^= bits;
    assert_int_equal(pwrite(descriptor, &byte, 1, at), 1);
}

/* Flips a bit of every `stride`-th final byte of a new file, and opens it; how many there were. */
static int try_bytes(const char *path, off_t stride)
{
    int tried = 0;
    ss_store *store = NULL;
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(create(path, &plan), SS_OK);
    ss_spec_destroy(&spec);
    mark_what_changes(path);
    int descriptor = open(path, O_RDWR);
    for (off_t at = stride * my_rank; at < length; at += stride * ranks) {
        if (changes[at]) {
            continue;
        }
        flip(descriptor, at, (unsigned char)(1 << at % 8));
        ss_error error = ss_store_open_for_reading(path, &store);
        flip(descriptor, at, (unsigned char)(1 << at % 8));
        if (error != SS_ERR_FORMAT || store) {
            fail_msg("byte %ld: %s", (long)at, error == SS_OK ? "believed" : ss_error_text());
        }
        tried++;
    }
    close(descriptor);
    assert_int_equal(ss_store_open_for_reading(path, &store), SS_OK);
    ss_store_close(&store);
    return tried;
}

static void a_flipped_byte_that_is_final_is_found_before_hdf5_sees_it(void **state)
{
    (void)state;
    asks = false;
    int stride = tests_effort(1, 1, 7);
    /* metadata, labels and the seal */
    assert_in_range(try_bytes(own_path("sealed.h5"), stride), 15000 / stride / ranks,
                    50000 / stride / ranks);
}

/* A sanitized process takes a third of a second to fork. */
static int asked_stride(void)
{
    return tests_effort(301, SANITIZED ? 1499 : 301, 2999);
}

static void hdf5_may_crash_when_it_is_asked_for_the_message(void **state)
{
    (void)state;
    asks = true;
    int tried = try_bytes(own_path("asked.h5"), asked_stride());
    /* give or take what happens to lie at a stride */
    assert_in_range(tried, 9000 / asked_stride() / ranks, 50000 / asked_stride() / ranks + 3);
    asks = false;
}

static void a_file_of_any_other_length_is_refused(void **state)
{
    (void)state;
    ss_spec *spec = parse(NULL);
    ss_plan plan = ss_plan_of(spec);
    const char *path = own_path("length.h5");
    assert_int_equal(create(path, &plan), SS_OK);
    ss_spec_destroy(&spec);
    assert_int_equal(truncate(path, length + 1), 0);
    for (off_t bytes = length + 1; bytes >= 0; bytes -= 97) {
        ss_store *store = NULL;
        assert_int_equal(truncate(path, bytes), 0);
        assert_int_equal(ss_store_open_for_reading(path, &store), SS_ERR_FORMAT);
        assert_null(store);
        if (bytes < length && bytes > 64) {
            assert_contains(ss_error_text(), "is truncated");
        }
    }
}

int run_mpi_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flipped_byte_that_is_final_is_found_before_hdf5_sees_it),
        cmocka_unit_test(hdf5_may_crash_when_it_is_asked_for_the_message),
        cmocka_unit_test(a_file_of_any_other_length_is_refused),
    };
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
