#include "queue.h"

#include "pace.h"

#include <math.h>

static int is_pending(const ss_sched_tasks *tasks, int64_t task)
{
    return (int)(tasks->pending[task / 64] >> (task % 64) & 1);
}

int64_t ss_pending_count(const uint64_t *pending, int64_t count)
{
    int64_t set = 0;
    for (int64_t word = 0; word < (count + 63) / 64; word++) {
        set += __builtin_popcountll(pending[word]);
    }
    return set;
}

ss_queue ss_queue_of(const ss_sched_tasks *tasks)
{
    ss_queue queue = {.tasks = tasks};
    for (int64_t task = 0; task < tasks->count; task++) {
        if (is_pending(tasks, task)) {
            queue.left++;
            queue.predicted_seconds += tasks->predict(tasks->context, task);
        }
    }
    return queue;
}

/* Appends a task; false when the message has no room for another span. */
static int append(ss_batch_message *batch, int64_t task)
{
    ss_span *last = batch->span_count > 0 ? &batch->spans[batch->span_count - 1] : NULL;
    if (last && last->first + last->count == task) {
        last->count++;
        return 1;
    }
    if (batch->span_count == SS_BATCH_SPANS) {
        return 0;
    }
    batch->spans[batch->span_count++] = (ss_span){.first = task, .count = 1};
    return 1;
}

void ss_queue_take(ss_queue *queue, int ranks, ss_batch_message *batch)
{
    double target = ss_pace_batch_seconds(queue->predicted_seconds, ranks);
    int64_t most = 1 + queue->left / (4 * ranks);
    double seconds = 0;
    int64_t taken = 0;
    batch->span_count = 0;
    while (queue->left > 0 && taken < most && (taken == 0 || seconds < target)) {
        int64_t task = queue->next;
        if (is_pending(queue->tasks, task)) {
            if (!append(batch, task)) {
                break;
            }
            double predicted = queue->tasks->predict(queue->tasks->context, task);
            seconds += predicted;
            queue->predicted_seconds = fmax(0, queue->predicted_seconds - predicted);
            queue->left--;
            taken++;
        }
        queue->next++;
    }
}
