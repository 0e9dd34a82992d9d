/* The queue: spans, predictions asked once for tasks that are alike, and the size of batches. */
#include "check.h"

#include "src/sched/pace.h"
#include "src/sched/queue.h"

enum { TASKS = 100000, WORDS = (TASKS + 63) / 64 };

typedef struct job {
    uint64_t pending[WORDS];
    double seconds; /* predicted for each */
    int64_t asked;  /* predictions */
} job;

static double predict(void *context, int64_t task)
{
    job *job = context;
    assert_in_range(task, 0, TASKS - 1);
    job->asked++;
    return job->seconds;
}

/* All pending, also the bits beyond the last task, which do not count. */
static job *all_pending(double seconds)
{
    static job shared;
    memset(&shared, 0, sizeof shared);
    memset(shared.pending, 0xff, sizeof shared.pending);
    shared.seconds = seconds;
    return &shared;
}

static ss_sched_tasks tasks_of(job *job, int64_t count, int64_t alike)
{
    return (ss_sched_tasks){.count = count,
                            .pending = job->pending,
                            .alike = alike,
                            .context = job,
                            .predict = predict};
}

static int64_t count_of(const ss_batch_message *batch)
{
    int64_t count = 0;
    for (int64_t s = 0; s < batch->span_count; s++) {
        count += batch->spans[s].count;
    }
    return count;
}

static void bits_beyond_the_last_task_do_not_count(void **state)
{
    (void)state;
    job *job = all_pending(2);
    for (int64_t count = 0; count < 200; count++) {
        ss_sched_tasks tasks = tasks_of(job, count, 7);
        ss_queue queue = ss_queue_of(&tasks);
        assert_int_equal(queue.left, count);
        assert_near(queue.predicted_seconds, 2 * (double)count, 1e-9);
    }
}

static void tasks_that_are_alike_are_asked_about_once(void **state)
{
    (void)state;
    job *job = all_pending(1e-5);
    ss_sched_tasks tasks = tasks_of(job, TASKS, 1000);
    ss_queue queue = ss_queue_of(&tasks);
    assert_int_equal(job->asked, TASKS / 1000);
    ss_batch_message batch;
    int64_t batches = 0;
    for (; queue.left > 0; batches++) {
        ss_queue_take(&queue, 4, &batch);
    }
    assert_true(job->asked <= 2 * TASKS / 1000 + 1);
    assert_true(batches < 200);
}

/* Tasks of two kinds in alternation: their sum is right whatever is remembered. */
static double predict_even(void *context, int64_t task)
{
    (void)context;
    return task / 3 % 2 ? 1 : 100;
}

static void different_neighbours_keep_their_predictions(void **state)
{
    (void)state;
    job *job = all_pending(0);
    ss_sched_tasks tasks = tasks_of(job, 12, 3);
    tasks.predict = predict_even;
    ss_queue queue = ss_queue_of(&tasks);
    assert_near(queue.predicted_seconds, 606, 0);
    ss_batch_message batch;
    ss_queue_take(&queue, 1000, &batch);
    assert_int_equal(count_of(&batch), 1);
    assert_near(queue.predicted_seconds, 506, 0);
}

static void batches_grow_with_the_ranks(void **state)
{
    (void)state;
    double many = 1e9;
    assert_near(ss_pace_batch_seconds(many, 2), 0.1, 1e-12);
    assert_near(ss_pace_batch_seconds(many, 1000), 0.1, 1e-12);
    assert_near(ss_pace_batch_seconds(many, 100001), 2, 1e-12);
    for (int ranks = 1; ranks <= 1000000; ranks *= 10) {
        assert_at_most(ss_pace_least_batch_seconds(ranks), ss_pace_batch_seconds(0, ranks));
        assert_at_most(ss_pace_batch_seconds(0, ranks), ss_pace_batch_seconds(many, ranks));
    }
}

/* The last batches: an even share at most, but not one message for each short task. */
static void the_last_batches_are_worth_their_message(void **state)
{
    (void)state;
    job *job = all_pending(1e-6);
    ss_sched_tasks tasks = tasks_of(job, 1000, TASKS);
    ss_queue queue = ss_queue_of(&tasks);
    ss_batch_message batch;
    ss_queue_take(&queue, 4, &batch);
    assert_int_equal(count_of(&batch), 250);
    ss_queue_take(&queue, 4, &batch);
    assert_int_equal(count_of(&batch), 187);
    while (queue.left > 0) {
        ss_queue_take(&queue, 4, &batch);
        assert_true(batch.span_count == 1);
    }
    ss_queue_take(&queue, 4, &batch);
    assert_int_equal(batch.span_count, 0);
}

static void rank_0_takes_small_pieces(void **state)
{
    (void)state;
    job *job = all_pending(1e-3);
    ss_sched_tasks tasks = tasks_of(job, TASKS, TASKS);
    ss_queue queue = ss_queue_of(&tasks);
    ss_batch_message batch;
    ss_queue_take_piece(&queue, 2, &batch);
    assert_int_equal(count_of(&batch), 10);
    ss_queue_take(&queue, 2, &batch);
    assert_int_equal(count_of(&batch), 100);
    assert_int_equal(batch.spans[0].first, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_beyond_the_last_task_do_not_count),
        cmocka_unit_test(tasks_that_are_alike_are_asked_about_once),
        cmocka_unit_test(different_neighbours_keep_their_predictions),
        cmocka_unit_test(batches_grow_with_the_ranks),
        cmocka_unit_test(the_last_batches_are_worth_their_message),
        cmocka_unit_test(rank_0_takes_small_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
