/* The simulation of the scheduler, in cases whose answer is known. */
#include "check.h"

#include "saddlesweep/sched.h"
#include "src/bench/simulation.h"
#include "src/sched/pace.h"

static ss_simulated simulate(ss_simulation given)
{
    ss_simulated result;
    given.iterations = 1000;
    assert_int_equal(ss_simulate(&given, &result), SS_OK);
    assert_int_equal(result.runs_of[0] + result.runs_of[1], given.runs);
    return result;
}

static void one_rank_takes_the_sum_of_its_runs(void **state)
{
    (void)state;
    ss_simulated result = simulate((ss_simulation){.ranks = 1,
                                                   .runs = 1000,
                                                   .run_seconds = 0.25,
                                                   .service_seconds = 1,
                                                   .latency_seconds = 1,
                                                   .poll_seconds = 1});
    assert_near(result.seconds, 250, 1e-9);
    assert_near(result.efficiency, 1, 1e-12);
    assert_int_equal(result.messages, 0);
}

/* Long runs go out one by one: as many rounds as it takes. */
static void free_messages_give_the_time_of_list_scheduling(void **state)
{
    (void)state;
    static const int64_t counts[] = {1, 7, 8, 9, 100, 801};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        ss_simulated result =
            simulate((ss_simulation){.ranks = 8, .runs = counts[i], .run_seconds = 10});
        assert_near(result.seconds, 10 * ceil((double)counts[i] / 8), 1e-9);
    }
}

/* Graham's bound, for batches: no rank idles while there is work, so the last one ends at most a
 * batch after the even share. */
static void short_runs_end_within_a_batch_of_the_even_share(void **state)
{
    (void)state;
    for (int ranks = 2; ranks <= 2000; ranks *= 10) {
        ss_simulation given = {
            .ranks = ranks, .runs = 1000 * ranks, .run_seconds = 1e-3, .spread = 0.2};
        ss_simulated result = simulate(given);
        double share = result.seconds * result.efficiency;
        double last = 2 * ss_pace_least_batch_seconds(ranks) + 2 * given.run_seconds;
        assert_true(result.efficiency <= 1 + 1e-12);
        assert_at_most(result.seconds, share + last);
    }
}

/* Each run is a message and nothing else takes time; then each worker asks in vain, and leaves. */
static void a_saturated_rank_0_sets_the_pace(void **state)
{
    (void)state;
    ss_simulation given = {
        .ranks = 101, .runs = 20000, .run_seconds = 0.5, .service_seconds = 1, .poll_seconds = 0};
    ss_simulated result = simulate(given);
    assert_int_equal(result.messages, result.batches + 2 * (given.ranks - 1));
    assert_int_equal(result.batches, result.runs_of[1]);
    assert_near(result.seconds, (double)result.messages, 1);
    assert_near(result.busy, 1, 1e-3);
}

/* Throughput of short runs under saturation: a batch for each service. */
static void batches_multiply_what_a_saturated_rank_0_gives_out(void **state)
{
    (void)state;
    ss_simulation given = {
        .ranks = 1000, .runs = 1000000, .run_seconds = 1e-6, .service_seconds = 1e-3};
    ss_simulated result = simulate(given);
    double a_batch = (double)result.runs_of[1] / (double)result.batches;
    assert_true(a_batch > 50);
    assert_near(result.seconds, (double)result.messages * 1e-3, 1e-2);
}

/* A worker that waits for its first and its last answer: two round trips beside its runs. */
static void latency_is_paid_at_the_beginning_and_at_the_end(void **state)
{
    (void)state;
    ss_simulation given = {.ranks = 2, .runs = 2, .run_seconds = 10, .latency_seconds = 0.001};
    ss_simulated result = simulate(given);
    assert_near(result.seconds, 10 + 3 * 0.001, 1e-9);
    assert_int_equal(result.messages, 3);
}

static void the_same_costs_give_the_same_result(void **state)
{
    (void)state;
    ss_simulation given = {.ranks = 300,
                           .runs = 30000,
                           .run_seconds = 0.01,
                           .spread = 0.15,
                           .service_seconds = 1e-6,
                           .latency_seconds = 2e-6,
                           .poll_seconds = 5e-4};
    ss_simulated first = simulate(given);
    ss_simulated second = simulate(given);
    assert_memory_equal(&first, &second, sizeof first);
}

/* What `plan --ranks N` says of equal runs: their rounds, and two rounds of rank 0's messages. */
static double planned(const ss_simulation *given)
{
    double rounds = ceil((double)given->runs / given->ranks);
    return rounds * given->run_seconds + ss_sched_message_seconds(given->ranks);
}

static void the_simulation_agrees_with_the_prediction_of_plan(void **state)
{
    (void)state;
    for (int ranks = 10; ranks <= 10000; ranks *= 10) {
        for (double seconds = 1e-3; seconds < 2; seconds *= 10) {
            ss_simulation given = {.ranks = ranks,
                                   .runs = 200 * ranks,
                                   .run_seconds = seconds,
                                   .spread = 0.15,
                                   .service_seconds = 1e-6,
                                   .latency_seconds = 2e-6,
                                   .poll_seconds = 5e-4};
            ss_simulated result = simulate(given);
            assert_near(result.seconds / planned(&given), 1, 0.05);
        }
    }
}

static void no_runs_end_at_once(void **state)
{
    (void)state;
    ss_simulated result = simulate((ss_simulation){.ranks = 1, .runs = 0, .run_seconds = 1});
    assert_near(result.seconds, 0, 0);
    result = simulate((ss_simulation){.ranks = 5, .runs = 0, .run_seconds = 1});
    assert_int_equal(result.messages, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_rank_takes_the_sum_of_its_runs),
        cmocka_unit_test(free_messages_give_the_time_of_list_scheduling),
        cmocka_unit_test(short_runs_end_within_a_batch_of_the_even_share),
        cmocka_unit_test(a_saturated_rank_0_sets_the_pace),
        cmocka_unit_test(batches_multiply_what_a_saturated_rank_0_gives_out),
        cmocka_unit_test(latency_is_paid_at_the_beginning_and_at_the_end),
        cmocka_unit_test(the_same_costs_give_the_same_result),
        cmocka_unit_test(the_simulation_agrees_with_the_prediction_of_plan),
        cmocka_unit_test(no_runs_end_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
