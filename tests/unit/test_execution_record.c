/* The record of an execution: what it vouches for, and that no change of a bit goes unnoticed. */
#include "check.h"

#include "saddlesweep/execution_record.h"

#include <stddef.h>

static ss_execution_record some_record(void)
{
    ss_execution_record record = {
        .number = 3,
        .started = "2026-11-25T02:14:23Z",
        .seconds = 1.5,
        .runs = 40,
        .exit_status = 75,
        .ranks = 4,
        .hosts = 2,
        .restarts = 1,
        .job_id = "12",
        .cluster = "mini",
        .nodes = "n[1-2]",
        .cpu = "Some CPU",
        .kernel = "avx512",
        .version = "0.1.0",
        .git_commit = "0123456789ab",
        .libraries = "HDF5 1.10.8",
    };
    ss_execution_record_seal(&record);
    return record;
}

static void the_struct_is_the_layout_that_is_documented(void **state)
{
    (void)state;
    assert_int_equal(offsetof(ss_execution_record, started), 8);
    assert_int_equal(offsetof(ss_execution_record, seconds), 32);
    assert_int_equal(offsetof(ss_execution_record, exit_status), 48);
    assert_int_equal(offsetof(ss_execution_record, job_id), 64);
    assert_int_equal(offsetof(ss_execution_record, cpu), 416);
    assert_int_equal(offsetof(ss_execution_record, libraries), 592);
    assert_int_equal(offsetof(ss_execution_record, checksum), 792);
}

static void a_sealed_record_is_whole(void **state)
{
    (void)state;
    ss_execution_record record = some_record();
    assert_true(ss_execution_record_whole(&record));
    assert_false(ss_execution_record_blank(&record));
}

static void zeros_are_blank_and_not_whole(void **state)
{
    (void)state;
    ss_execution_record record;
    memset(&record, 0, sizeof record);
    assert_true(ss_execution_record_blank(&record));
    assert_false(ss_execution_record_whole(&record));
    ss_execution_record_seal(&record);
    assert_false(ss_execution_record_whole(&record)); /* it has no number */
}

/* A 64-bit hash misses a change with probability 5e-20. */
static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    ss_execution_record whole = some_record();
    for (size_t bit = 0; bit < 8 * sizeof whole; bit++) {
        ss_execution_record record = whole;
        ((unsigned char *)&record)[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_false(ss_execution_record_whole(&record));
        assert_false(ss_execution_record_blank(&record));
    }
}

/* Of a write that a kill or a full disk has torn, wherever. */
static void a_part_of_a_record_is_not_whole(void **state)
{
    (void)state;
    ss_execution_record whole = some_record();
    for (size_t bytes = 1; bytes < sizeof whole; bytes++) {
        ss_execution_record record = {0};
        memcpy(&record, &whole, bytes);
        assert_false(ss_execution_record_whole(&record));
    }
}

static void a_text_without_an_end_is_not_believed(void **state)
{
    (void)state;
    ss_execution_record whole = some_record();
    char *fields[] = {whole.started, whole.job_id,  whole.cluster,    whole.nodes,    whole.cpu,
                      whole.kernel,  whole.version, whole.git_commit, whole.libraries};
    size_t sizes[] = {sizeof whole.started, sizeof whole.job_id,     sizeof whole.cluster,
                      sizeof whole.nodes,   sizeof whole.cpu,        sizeof whole.kernel,
                      sizeof whole.version, sizeof whole.git_commit, sizeof whole.libraries};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        fields[i][sizes[i] - 1] = 'x';
        ss_execution_record_seal(&whole);
        assert_false(ss_execution_record_whole(&whole));
        fields[i][sizes[i] - 1] = '\0';
        ss_execution_record_seal(&whole);
        assert_true(ss_execution_record_whole(&whole));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_struct_is_the_layout_that_is_documented),
        cmocka_unit_test(a_sealed_record_is_whole),
        cmocka_unit_test(zeros_are_blank_and_not_whole),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(a_part_of_a_record_is_not_whole),
        cmocka_unit_test(a_text_without_an_end_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
