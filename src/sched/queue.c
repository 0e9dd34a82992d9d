#include "queue.h"

#include "drain.h"
#include "pace.h"

#include <math.h>

int64_t ss_pending_count(const uint64_t *pending, int64_t count)
{
    int64_t set = 0;
    for (int64_t word = 0; word < (count + 63) / 64; word++) {
        set += __builtin_popcountll(pending[word]);
    }
    return set;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The first task from `task` on that is pending (or, with flip = ~0, is not); `limit` if none
 * comes before it. */
static int64_t find(const uint64_t *pending, uint64_t flip, int64_t task, int64_t limit)
{
    while (task < limit) {
        uint64_t bits = (pending[task / 64] ^ flip) >> (task % 64);
        if (bits) {
            return smaller(limit, task + __builtin_ctzll(bits));
        }
        task = (task / 64 + 1) * 64;
    }
    return limit;
}

/* The next pending tasks that are neighbours and alike, at most `most`. */
static ss_span next_span(ss_queue *queue, int64_t most)
{
    const ss_sched_tasks *tasks = queue->tasks;
    ss_span span = {.first = find(tasks->pending, 0, queue->next, tasks->count)};
    if (span.first < tasks->count) {
        ss_predictor_ask(&queue->predictor, span.first);
        int64_t limit = smaller(queue->predictor.end, tasks->count);
        limit = smaller(limit, span.first + smaller(most, tasks->count));
        span.count = find(tasks->pending, ~UINT64_C(0), span.first, limit) - span.first;
    }
    return span;
}

ss_queue ss_queue_of(const ss_sched_tasks *tasks)
{
    ss_queue queue = {.tasks = tasks, .predictor = {.tasks = tasks}};
    for (;;) {
        ss_span span = next_span(&queue, tasks->count);
        queue.cut = span.count > 0 && ss_drain_requested(); /* then none will go out */
        if (span.count == 0 || queue.cut) {
            break;
        }
        queue.left += span.count;
        queue.predicted_seconds += (double)span.count * queue.predictor.seconds;
        queue.next = span.first + span.count;
    }
    queue.next = 0;
    return queue;
}

/* Appends a span; 0 when the message has no room for another. */
static int append(ss_batch_message *batch, ss_span span)
{
    ss_span *last = batch->span_count > 0 ? &batch->spans[batch->span_count - 1] : NULL;
    if (last && last->first + last->count == span.first) {
        last->count += span.count;
        return 1;
    }
    if (batch->span_count == SS_BATCH_SPANS) {
        return 0;
    }
    batch->spans[batch->span_count++] = span;
    return 1;
}

/* How many tasks like the next one fill so many seconds; at least one, at most `most`. */
static int64_t fill(double seconds, double each, int64_t most)
{
    double count = each > 0 ? ceil(seconds / each) : INFINITY;
    return count >= (double)most ? most : larger(1, (int64_t)count);
}

/* How many tasks may go out at once, should the predictions be wrong: a quarter of an even share;
 * or an even share, where less would not be worth a message (many ranks: several, as rank 0 could
 * not give out the rest in time). */
static int64_t most_tasks(ss_queue *queue, int ranks)
{
    ss_span next = next_span(queue, 1);
    double shares = fmax(1, ss_pace_least_batch_seconds(ranks) / ss_pace_least_batch_seconds(1));
    int64_t share = (int64_t)((double)queue->left * fmin(1, shares / ranks));
    int64_t least = 1;
    if (next.count > 0 && share > 1) {
        least = fill(ss_pace_least_batch_seconds(ranks), queue->predictor.seconds, share);
    }
    return larger(1 + queue->left / (4 * (int64_t)ranks), least);
}

static void take(ss_queue *queue, double target, int64_t most, ss_batch_message *batch)
{
    double seconds = 0;
    batch->span_count = 0;
    while (queue->left > 0 && most > 0 && (batch->span_count == 0 || seconds < target)) {
        ss_span span = next_span(queue, 1);
        double each = queue->predictor.seconds;
        span = next_span(queue, fill(target - seconds, each, most));
        if (!append(batch, span)) {
            break;
        }
        queue->next = span.first + span.count;
        queue->left -= span.count;
        most -= span.count;
        seconds += (double)span.count * each;
    }
    queue->predicted_seconds = fmax(0, queue->predicted_seconds - seconds);
}

void ss_queue_take(ss_queue *queue, int ranks, ss_batch_message *batch)
{
    double target = ss_pace_batch_seconds(queue->predicted_seconds, ranks);
    take(queue, target, most_tasks(queue, ranks), batch);
}

void ss_queue_take_piece(ss_queue *queue, int ranks, ss_batch_message *batch)
{
    double target = ss_pace_batch_seconds(queue->predicted_seconds, ranks);
    take(queue, fmin(ss_pace_piece_seconds(), target), most_tasks(queue, ranks), batch);
}
