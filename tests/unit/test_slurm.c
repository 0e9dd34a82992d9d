/* What `submit` reads and writes of Slurm: times, sizes, partitions, requests. */
#include "../../src/slurm/request.h"
#include "../../src/slurm/units.h"
#include "with_cmocka.h"

#include <stdlib.h>
#include <string.h>

static void test_times_are_read_as_sbatch_does(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {
        {"1", 60},      {"90", 5400},          {"1:30", 90},      {"02:30:00", 9000},
        {"1-0", 86400}, {"2-12", 216000},      {"1-2:30", 95400}, {"1-02:30:15", 95415},
        {"0-0:0:1", 1}, {"100:00:00", 360000},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t seconds = -1;
        assert_true(ss_slurm_seconds(good[i].text, &seconds));
        assert_int_equal(seconds, good[i].seconds);
    }
    static const char *const bad[] = {"",    "0",     "-1",  "1h",       "1:2:3:4",
                                      "1-",  "1-1-1", "a",   "1.5",      "99999999999999999999",
                                      ":30", "1:",    "0:0", "infinite", "12345678901234567-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t seconds;
        assert_false(ss_slurm_seconds(bad[i], &seconds));
    }
}

static void test_times_written_are_read_back(void **state)
{
    (void)state;
    static const int64_t times[] = {1, 59, 60, 3599, 86399, 86400, 90061, 31536000};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[32];
        int64_t seconds;
        assert_true(ss_slurm_seconds(ss_slurm_time(times[i], text, sizeof text), &seconds));
        assert_int_equal(seconds, times[i]);
    }
}

static void test_sizes_are_read_as_sbatch_does(void **state)
{
    (void)state;
    double mebibytes;
    assert_true(ss_slurm_mebibytes("4000", &mebibytes));
    assert_true(mebibytes == 4000);
    assert_true(ss_slurm_mebibytes("512K", &mebibytes));
    assert_true(mebibytes == 0.5);
    assert_true(ss_slurm_mebibytes("3m", &mebibytes));
    assert_true(mebibytes == 3);
    assert_true(ss_slurm_mebibytes("2G", &mebibytes));
    assert_true(mebibytes == 2048);
    assert_true(ss_slurm_mebibytes("1T", &mebibytes));
    assert_true(mebibytes == 1048576);
    static const char *const bad[] = {"", "G", "1GB", "1.5G", "-1", "1 G", "12345678901234567890"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(ss_slurm_mebibytes(bad[i], &mebibytes));
    }
}

static void test_a_partition_is_as_good_as_its_groups_of_nodes(void **state)
{
    (void)state;
    ss_slurm_partition partition = {0};
    assert_true(ss_slurm_partition_add(&partition, "batch*|2-00:00:00|10|64|16|2|128000"));
    assert_true(ss_slurm_partition_add(&partition, "batch*|2-00:00:00|4|128|64|2|512000"));
    assert_string_equal(partition.name, "batch");
    assert_int_equal(partition.seconds, 172800);
    assert_int_equal(partition.nodes, 14);
    assert_int_equal(partition.cores, 32);
    assert_int_equal(partition.most_cpus, 128);
    assert_int_equal(partition.most_mebibytes, 512000);
    assert_false(ss_slurm_partition_add(&partition, "sinfo: error: no answer"));
}

static const ss_slurm_partition two_nodes = {.known = true,
                                             .name = "main",
                                             .seconds = 7200,
                                             .nodes = 2,
                                             .cores = 4,
                                             .most_cpus = 8,
                                             .most_mebibytes = 4000};
static const ss_slurm_partition nothing_known = {0};

/* Shapes and fits a request; the notes are dropped unless asked for. */
static ss_error fit(ss_slurm_request *request, const ss_slurm_partition *partition,
                    double wall_seconds, double bytes, char **notes_out)
{
    ss_text notes = {0};
    ss_slurm_demand demand = {.runs = 100,
                              .wall_seconds = wall_seconds,
                              .iteration_seconds = 1e-3,
                              .bytes_per_rank = bytes};
    ss_error error = ss_slurm_request_shape(request, partition, &notes);
    if (error == SS_OK) {
        error = ss_slurm_request_fit(request, partition, &demand, &notes);
    }
    if (notes_out) {
        *notes_out = notes.data;
    } else {
        free(notes.data);
    }
    return error;
}

static void test_what_is_left_open_is_proposed_with_a_margin(void **state)
{
    (void)state;
    ss_slurm_request request = {0};
    assert_int_equal(fit(&request, &two_nodes, 1800, 100e6, NULL), SS_OK);
    assert_int_equal(request.nodes, 1);
    assert_int_equal(request.ntasks_per_node, 4);
    assert_true(request.seconds >= 1.5 * 1800 && request.seconds <= 2 * 1800);
    assert_int_equal(request.seconds % 60, 0);
    assert_true((double)request.mebibytes >= 4 * 100e6 * 1.5 / 1048576);
    assert_int_equal(request.starts, 1);
}

static void test_more_work_than_the_longest_limit_takes_restarts(void **state)
{
    (void)state;
    char *notes;
    ss_slurm_request request = {0};
    assert_int_equal(fit(&request, &two_nodes, 7 * 7200, 100e6, &notes), SS_OK);
    assert_int_equal(request.seconds, 7200);
    assert_true(request.starts >= 10 && request.starts <= 12);
    assert_true(request.max_restarts >= 2 * request.starts);
    assert_non_null(strstr(notes, "starts of 02:00:00"));
    free(notes);
}

static void test_what_is_given_is_kept(void **state)
{
    (void)state;
    static const char *const extra[] = {"--exclusive", "--mem", "2G"};
    ss_slurm_request request = {
        .nodes = 2, .ntasks_per_node = 3, .seconds = 600, .extra = extra, .extra_count = 3};
    assert_int_equal(fit(&request, &two_nodes, 60, 100e6, NULL), SS_OK);
    assert_int_equal(request.nodes, 2);
    assert_int_equal(request.ntasks_per_node, 3);
    assert_int_equal(request.seconds, 600);
    assert_int_equal(request.mebibytes, 0); /* the user's --mem says it */
}

static void refused(ss_slurm_request request, const ss_slurm_partition *partition, double wall,
                    double bytes, const char *expected)
{
    assert_int_equal(fit(&request, partition, wall, bytes, NULL), SS_ERR_USAGE);
    assert_non_null(strstr(ss_error_text(), expected));
}

static void test_what_cannot_fit_is_refused(void **state)
{
    (void)state;
    static const char *const little[] = {"--mem=300M"};
    static const char *const little_a_rank[] = {"--mem-per-cpu=90M"};
    static const char *const wrong[] = {"--mem=lots"};
    refused((ss_slurm_request){.nodes = 3}, &two_nodes, 60, 1e6, "--nodes: found 3");
    refused((ss_slurm_request){.ntasks_per_node = 9}, &two_nodes, 60, 1e6, "have 8 CPUs");
    refused((ss_slurm_request){.seconds = 7260}, &two_nodes, 60, 1e6, "limit of partition main");
    refused((ss_slurm_request){.seconds = 60}, &nothing_known, 1e6, 1e6, "starts");
    refused((ss_slurm_request){0}, &two_nodes, 60, 2e9, "have 4000 MiB");
    refused((ss_slurm_request){.extra = little, .extra_count = 1}, &two_nodes, 60, 100e6,
            "gives a node 300 MiB");
    refused((ss_slurm_request){.extra = little_a_rank, .extra_count = 1}, &two_nodes, 60, 100e6,
            "gives a node 360 MiB");
    refused((ss_slurm_request){.extra = wrong, .extra_count = 1}, &two_nodes, 60, 100e6,
            "found \"lots\"");
}

static void test_what_fits_badly_is_noted(void **state)
{
    (void)state;
    char *notes;
    ss_slurm_request request = {.nodes = 20, .ntasks_per_node = 8, .seconds = 3600};
    assert_int_equal(fit(&request, &nothing_known, 60, 1e6, &notes), SS_OK);
    assert_non_null(strstr(notes, "60 of them would stay idle"));
    free(notes);
}

static void test_a_rank_that_cannot_stop_in_time_is_noted(void **state)
{
    (void)state;
    ss_text notes = {0};
    ss_slurm_request request = {.nodes = 1, .ntasks_per_node = 1, .seconds = 600};
    ss_slurm_demand demand = {
        .runs = 1, .wall_seconds = 300, .iteration_seconds = 50, .bytes_per_rank = 1e6};
    assert_int_equal(ss_slurm_request_fit(&request, &nothing_known, &demand, &notes), SS_OK);
    assert_non_null(strstr(notes.data, "60 s to stop"));
    free(notes.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_are_read_as_sbatch_does),
        cmocka_unit_test(test_times_written_are_read_back),
        cmocka_unit_test(test_sizes_are_read_as_sbatch_does),
        cmocka_unit_test(test_a_partition_is_as_good_as_its_groups_of_nodes),
        cmocka_unit_test(test_what_is_left_open_is_proposed_with_a_margin),
        cmocka_unit_test(test_more_work_than_the_longest_limit_takes_restarts),
        cmocka_unit_test(test_what_is_given_is_kept),
        cmocka_unit_test(test_what_cannot_fit_is_refused),
        cmocka_unit_test(test_what_fits_badly_is_noted),
        cmocka_unit_test(test_a_rank_that_cannot_stop_in_time_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
