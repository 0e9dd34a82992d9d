/* The scheduler: every task once, errors and signals end it for all, and nothing is left behind. */
#include "check.h"

#include "mpi_main.h"
#include "src/base/clock.h"
#include "src/sched/queue.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static int my_rank;
static int ranks;

enum { MOST_TASKS = 100000, WORDS = (MOST_TASKS + 63) / 64 };

/* A set of tasks, what they shall do, and what became of them. All ranks draw the same one. */
typedef struct job {
    int64_t count;
    uint64_t pending[WORDS];
    double predicted[MOST_TASKS];
    int executed[MOST_TASKS]; /* on this rank; after gather(), on all */
    int64_t ended[SS_TASK_RESULTS];

    int iterations;
    double seconds_an_iteration; /* slept */

    int guilty_rank;       /* whose first task … */
    int guilty_signal;     /* … raises this, or … */
    ss_error guilty_error; /* … returns this */
} job;

static job shared_job;

static job *new_job(int64_t count)
{
    job *job = &shared_job;
    memset(job, 0, sizeof *job);
    job->count = count;
    job->guilty_rank = -1;
    return job;
}

static void make_all_pending(job *job)
{
    for (int64_t task = 0; task < job->count; task++) {
        job->pending[task / 64] |= (uint64_t)1 << task % 64;
    }
}

/* Each task pending with the given chance, its prediction between 1 µs and 1 s, most of them short.
 */
static void make_random(job *job, double chance, uint64_t *seed)
{
    for (int64_t task = 0; task < job->count; task++) {
        if ((check_uniform(seed) + 1) / 2 < chance) {
            job->pending[task / 64] |= (uint64_t)1 << task % 64;
        }
        job->predicted[task] = pow(10, 3 * check_uniform(seed) - 3);
    }
}

static bool is_pending(const job *job, int64_t task)
{
    return job->pending[task / 64] >> task % 64 & 1;
}

/* Results that a task's number determines, so that all ranks can tell the sums. */
static ss_task_result result_of(int64_t task)
{
    return task % 7 == 3 ? SS_TASK_DIVERGED : task % 11 == 5 ? SS_TASK_FAILED : SS_TASK_DONE;
}

static double predict(void *context, int64_t task)
{
    return ((const job *)context)->predicted[task];
}

static ss_error execute(void *context, int64_t task, ss_sched_poll poll, void *poll_context,
                        ss_task_result *result)
{
    job *job = context;
    job->executed[task]++;
    bool guilty = job->guilty_rank == my_rank || job->guilty_rank == ranks; /* ranks: everybody */
    if (guilty && job->guilty_error != SS_OK) {
        return ss_fail(job->guilty_error, "task %d", (int)task);
    }
    *result = result_of(task);
    for (int t = 0; t < job->iterations; t++) {
        if (poll(poll_context, t, job->iterations)) {
            *result = SS_TASK_STOPPED;
            break;
        }
        if (job->seconds_an_iteration > 0) {
            ss_clock_sleep(job->seconds_an_iteration);
        }
        if (guilty && job->guilty_signal && t == 1) {
            raise(job->guilty_signal);
            job->guilty_signal = 0;
        }
    }
    job->ended[*result]++;
    return SS_OK;
}

static ss_error schedule(job *job, ss_sched_summary *summary)
{
    ss_sched_tasks tasks = {
        .count = job->count,
        .pending = my_rank == 0 ? job->pending : NULL, /* rank 0 only */
        .context = job,
        .predict = predict,
        .execute = execute,
    };
    return ss_sched_execute(MPI_COMM_WORLD, &tasks, "test", SS_PROGRESS_NONE, summary);
}

/* Sums over the ranks; comes before any assertion, so that no rank waits for one that failed. */
static void gather(job *job)
{
    MPI_Allreduce(MPI_IN_PLACE, job->executed, (int)job->count, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    MPI_Allreduce(MPI_IN_PLACE, job->ended, SS_TASK_RESULTS, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
}

/* Between two barriers: nobody has begun the next schedule yet. */
static void assert_no_message_is_left(void)
{
    int waiting = 0;
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &waiting, MPI_STATUS_IGNORE);
    MPI_Barrier(MPI_COMM_WORLD);
    assert_false(waiting != 0);
}

/* Schedules and checks that each pending task, and no other, was executed once. */
static void assert_executed_once(job *job)
{
    ss_sched_summary summary;
    int64_t expected[SS_TASK_RESULTS] = {0};
    ss_error error = schedule(job, &summary);
    gather(job);
    assert_int_equal(error, SS_OK);
    assert_false(summary.stopped != 0);
    for (int64_t task = 0; task < job->count; task++) {
        assert_int_equal(job->executed[task], is_pending(job, task));
        expected[result_of(task)] += is_pending(job, task);
    }
    for (int result = 0; result < SS_TASK_RESULTS; result++) {
        assert_int_equal(summary.results[result], expected[result]);
    }
    assert_no_message_is_left();
}

/* ---- every task once ---- */

static void pending_tasks_are_executed_exactly_once(void **state)
{
    (void)state;
    static const int64_t counts[] = {1, 2, 3, 63, 64, 65, 127, 500};
    uint64_t seed = 1;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        for (double chance = 0; chance < 1.1; chance += 0.5) {
            job *job = new_job(counts[i]);
            make_random(job, chance, &seed);
            job->iterations = 2;
            assert_executed_once(job);
        }
    }
}

static void no_task_at_all_ends_at_once(void **state)
{
    (void)state;
    assert_executed_once(new_job(0));
    assert_executed_once(new_job(1000)); /* none of them pending */
}

static void a_single_task_is_executed_by_one_rank(void **state)
{
    (void)state;
    job *job = new_job(1);
    make_all_pending(job);
    job->predicted[0] = 10;
    job->iterations = 5;
    assert_executed_once(job);
}

static void a_hundred_thousand_trivial_tasks(void **state)
{
    (void)state;
    job *job = new_job(MOST_TASKS);
    make_all_pending(job);
    for (int64_t task = 0; task < job->count; task++) {
        job->predicted[task] = 1e-6;
    }
    assert_executed_once(job);
}

/* Every other task: no two travel in one span, so batches end at their 64 spans. */
static void scattered_trivial_tasks(void **state)
{
    (void)state;
    job *job = new_job(20000);
    for (int64_t task = 0; task < job->count; task += 2) {
        job->pending[task / 64] |= (uint64_t)1 << task % 64;
        job->predicted[task] = 1e-6;
    }
    assert_executed_once(job);
}

static void predictions_of_zero_seconds(void **state)
{
    (void)state;
    job *job = new_job(1000);
    make_all_pending(job);
    job->iterations = 1;
    assert_executed_once(job);
}

static void tasks_much_longer_or_shorter_than_predicted(void **state)
{
    (void)state;
    job *job = new_job(40);
    make_all_pending(job);
    for (int64_t task = 0; task < job->count; task++) {
        job->predicted[task] = task < 20 ? 100 : 1e-6; /* all take 2 ms */
    }
    job->iterations = 4;
    job->seconds_an_iteration = 500e-6;
    assert_executed_once(job);
}

/* A protocol that loses, repeats or leaves a message would trip a later round. */
static void fifty_schedules_in_a_row(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 50; round++) {
        job *job = new_job((int64_t)(check_random(&seed) % 300));
        make_random(job, (check_uniform(&seed) + 1) / 2, &seed);
        job->iterations = (int)(check_random(&seed) % 4);
        job->seconds_an_iteration = round % 5 == 0 ? 50e-6 : 0;
        assert_executed_once(job);
    }
}

/* ---- errors ---- */

/* A job that would take ten seconds or more on one rank if nothing stopped it. */
static job *new_long_job(void)
{
    job *job = new_job(1000);
    make_all_pending(job);
    for (int64_t task = 0; task < job->count; task++) {
        job->predicted[task] = 0.01;
    }
    job->iterations = 20;
    job->seconds_an_iteration = 500e-6;
    return job;
}

static void assert_ended_early(const job *job, const ss_sched_summary *summary)
{
    int64_t executed = 0;
    for (int64_t task = 0; task < job->count; task++) {
        assert_in_range(job->executed[task], 0, 1);
        executed += job->executed[task];
    }
    assert_true(executed < job->count);
    for (int result = 0; result < SS_TASK_RESULTS; result++) {
        assert_int_equal(summary->results[result], job->ended[result]);
    }
}

static void an_error_on_any_rank_ends_it_for_all(void **state)
{
    (void)state;
    for (int guilty = 0; guilty < ranks; guilty++) {
        ss_sched_summary summary;
        job *job = new_long_job();
        job->guilty_rank = guilty;
        job->guilty_error = SS_ERR_IO;
        ss_error error = schedule(job, &summary);
        gather(job);
        assert_int_equal(error, my_rank == guilty ? SS_ERR_IO : SS_ERR_ELSEWHERE);
        assert_false(summary.stopped != 0); /* by a signal */
        assert_ended_early(job, &summary);
        assert_no_message_is_left();
    }
}

static void errors_on_all_ranks_are_reported_on_each(void **state)
{
    (void)state;
    ss_sched_summary summary;
    job *job = new_long_job();
    job->guilty_rank = ranks;
    job->guilty_error = SS_ERR_MEMORY;
    ss_error error = schedule(job, &summary);
    int64_t here = 0;
    for (int64_t task = 0; task < job->count; task++) {
        here += job->executed[task];
    }
    gather(job);
    assert_int_equal(error, here > 0 ? SS_ERR_MEMORY : SS_ERR_ELSEWHERE);
    assert_true(here <= 1);
    assert_no_message_is_left();
}

static void work_goes_on_after_a_failed_schedule(void **state)
{
    (void)state;
    ss_sched_summary summary;
    job *job = new_long_job();
    job->guilty_rank = ranks - 1;
    job->guilty_error = SS_ERR_IO;
    ss_error error = schedule(job, &summary);
    assert_int_not_equal(error, SS_OK);
    job = new_job(200);
    make_all_pending(job);
    assert_executed_once(job);
}

static void ranks_agree_on_errors(void **state)
{
    (void)state;
    assert_int_equal(ss_sched_agree(MPI_COMM_WORLD, SS_OK), SS_OK);
    for (int guilty = 0; guilty < ranks; guilty++) {
        ss_error error = ss_sched_agree(MPI_COMM_WORLD, my_rank == guilty ? SS_ERR_IO : SS_OK);
        assert_int_equal(error, my_rank == guilty ? SS_ERR_IO : SS_ERR_ELSEWHERE);
    }
    assert_int_equal(ss_sched_agree(MPI_COMM_WORLD, SS_ERR_SPEC), SS_ERR_SPEC);
}

/* ---- signals ---- */

static void assert_signal_stops_all(int guilty, int signal_number)
{
    ss_sched_summary summary;
    job *job = new_long_job();
    job->guilty_rank = guilty;
    job->guilty_signal = signal_number;
    ss_error error = schedule(job, &summary);
    gather(job);
    assert_int_equal(error, SS_OK);
    assert_true(summary.stopped != 0);
    assert_in_range(job->ended[SS_TASK_STOPPED], 1, ranks);
    assert_ended_early(job, &summary);
    assert_no_message_is_left();
}

static void a_signal_on_any_rank_stops_all(void **state)
{
    (void)state;
    for (int guilty = 0; guilty < ranks; guilty++) {
        assert_signal_stops_all(guilty, SIGUSR1);
    }
    assert_signal_stops_all(ranks - 1, SIGTERM);
    assert_signal_stops_all(0, SIGINT);
}

static void a_signal_on_all_ranks_at_once_stops_all(void **state)
{
    (void)state;
    assert_signal_stops_all(ranks, SIGUSR1);
}

static void an_earlier_signal_does_not_stop_the_next_schedule(void **state)
{
    (void)state;
    assert_signal_stops_all(0, SIGUSR1);
    job *job = new_job(100);
    make_all_pending(job);
    assert_executed_once(job);
}

/* A schedule that begins after a signal stops if it has any task. */
static void assert_stopped_before(int guilty, bool any)
{
    ss_sched_summary summary;
    job *job = any ? new_long_job() : new_job(1000);
    ss_sched_signals_begin();
    if (my_rank == guilty || guilty == ranks) {
        raise(SIGUSR1);
    }
    ss_error error = schedule(job, &summary);
    ss_sched_signals_end();
    assert_int_equal(error, SS_OK);
    assert_int_equal(summary.stopped != 0, any);
    assert_no_message_is_left();
}

static void a_signal_before_the_schedule_stops_it(void **state)
{
    (void)state;
    for (int guilty = 0; guilty <= ranks; guilty++) {
        assert_stopped_before(guilty, true);
        assert_stopped_before(guilty, false);
    }
}

static void noted(int signal_number)
{
    (void)signal_number;
}

static void signals_get_their_former_effect_back(void **state)
{
    (void)state;
    struct sigaction former;
    struct sigaction mine = {.sa_handler = noted};
    struct sigaction after;
    sigaction(SIGUSR1, &mine, &former);
    assert_executed_once(new_job(3));
    sigaction(SIGUSR1, &former, &after);
    assert_true(after.sa_handler == noted);
}

/* ---- the queue alone ---- */

/* Takes everything and checks: ascending, each pending task once, no batch too large. */
static void assert_queue_covers(const job *job, int for_ranks)
{
    ss_sched_tasks tasks = {.count = job->count,
                            .pending = job->pending,
                            .context = (void *)(uintptr_t)job,
                            .predict = predict};
    ss_queue queue = ss_queue_of(&tasks);
    ss_batch_message batch;
    int64_t next = 0;
    assert_int_equal(queue.left, ss_pending_count(job->pending, job->count));
    for (ss_queue_take(&queue, for_ranks, &batch); batch.span_count > 0;
         ss_queue_take(&queue, for_ranks, &batch)) {
        int64_t taken = 0;
        assert_true(batch.span_count <= SS_BATCH_SPANS);
        for (int64_t s = 0; s < batch.span_count; s++) {
            assert_true(batch.spans[s].count > 0);
            for (int64_t i = 0; i < batch.spans[s].count; i++, taken++) {
                while (next < job->count && !is_pending(job, next)) {
                    next++;
                }
                assert_int_equal(batch.spans[s].first + i, next++);
            }
        }
        /* never more than an even share of what there is, whatever the predictions */
        assert_true(taken == 1 || for_ranks > 500 || taken <= (queue.left + taken) / for_ranks);
    }
    assert_int_equal(queue.left, 0);
    while (next < job->count && !is_pending(job, next)) {
        next++;
    }
    assert_int_equal(next, job->count);
}

static void batches_cover_the_queue_once(void **state)
{
    (void)state;
    static const int64_t counts[] = {0, 1, 2, 64, 65, 1000, 5000};
    uint64_t seed = 3;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        for (int for_ranks = 1; for_ranks <= 1000; for_ranks *= 10) {
            job *job = new_job(counts[i]);
            make_random(job, for_ranks == 10 ? 1 : 0.4, &seed);
            assert_queue_covers(job, for_ranks);
        }
    }
}

static void long_tasks_go_out_one_by_one(void **state)
{
    (void)state;
    job *job = new_job(100);
    make_all_pending(job);
    for (int64_t task = 0; task < job->count; task++) {
        job->predicted[task] = 5;
    }
    ss_sched_tasks tasks = {
        .count = job->count, .pending = job->pending, .context = job, .predict = predict};
    ss_queue queue = ss_queue_of(&tasks);
    ss_batch_message batch;
    for (int64_t task = 0; task < job->count; task++) {
        ss_queue_take(&queue, 2, &batch);
        assert_int_equal(batch.span_count, 1);
        assert_int_equal(batch.spans[0].first, task);
        assert_int_equal(batch.spans[0].count, 1);
    }
}

static void short_tasks_go_out_in_batches(void **state)
{
    (void)state;
    job *job = new_job(MOST_TASKS);
    make_all_pending(job);
    for (int64_t task = 0; task < job->count; task++) {
        job->predicted[task] = 1e-4;
    }
    ss_sched_tasks tasks = {
        .count = job->count, .pending = job->pending, .context = job, .predict = predict};
    ss_queue queue = ss_queue_of(&tasks);
    ss_batch_message batch;
    ss_queue_take(&queue, 4, &batch);
    assert_int_equal(batch.span_count, 1);
    assert_in_range(batch.spans[0].count, 900, 1100); /* a tenth of a second */
}

/* All combinations of ranks that fail, up to four ranks. */
static void an_error_that_all_may_have_met_is_told_by_one_rank(void **state)
{
    (void)state;
    for (int failing = 0; failing < 1 << ranks; failing++) {
        bool here = failing >> my_rank & 1;
        bool first = failing & 1;
        ss_error error = ss_sched_agree_once(MPI_COMM_WORLD, here ? SS_ERR_USAGE : SS_OK);
        ss_error expected = failing == 0                       ? SS_OK
                            : here && (my_rank == 0 || !first) ? SS_ERR_USAGE
                                                               : SS_ERR_ELSEWHERE;
        assert_int_equal(error, expected);
    }
}

int run_mpi_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_that_all_may_have_met_is_told_by_one_rank),
        cmocka_unit_test(pending_tasks_are_executed_exactly_once),
        cmocka_unit_test(no_task_at_all_ends_at_once),
        cmocka_unit_test(a_single_task_is_executed_by_one_rank),
        cmocka_unit_test(a_hundred_thousand_trivial_tasks),
        cmocka_unit_test(scattered_trivial_tasks),
        cmocka_unit_test(predictions_of_zero_seconds),
        cmocka_unit_test(tasks_much_longer_or_shorter_than_predicted),
        cmocka_unit_test(fifty_schedules_in_a_row),
        cmocka_unit_test(an_error_on_any_rank_ends_it_for_all),
        cmocka_unit_test(errors_on_all_ranks_are_reported_on_each),
        cmocka_unit_test(work_goes_on_after_a_failed_schedule),
        cmocka_unit_test(ranks_agree_on_errors),
        cmocka_unit_test(a_signal_on_any_rank_stops_all),
        cmocka_unit_test(a_signal_on_all_ranks_at_once_stops_all),
        cmocka_unit_test(an_earlier_signal_does_not_stop_the_next_schedule),
        cmocka_unit_test(a_signal_before_the_schedule_stops_it),
        cmocka_unit_test(signals_get_their_former_effect_back),
        cmocka_unit_test(batches_cover_the_queue_once),
        cmocka_unit_test(long_tasks_go_out_one_by_one),
        cmocka_unit_test(short_tasks_go_out_in_batches),
    };
    MPI_Comm_rank(MPI_COMM_WORLD, &my_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
