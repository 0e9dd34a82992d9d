/* The tasks not yet given out, on rank 0. */
#ifndef SADDLESWEEP_SCHED_QUEUE_H
#define SADDLESWEEP_SCHED_QUEUE_H

#include "predictor.h"
#include "saddlesweep/sched.h"

#include <stdbool.h>
#include <stddef.h>

/* Neighbouring pending tasks travel as one span. */
typedef struct ss_span {
    int64_t first;
    int64_t count;
} ss_span;

enum { SS_BATCH_SPANS = 64 }; /* 1 KiB a message: below every transport's eager limit */

typedef struct ss_batch_message {
    int64_t span_count; /* 0: there is no more */
    ss_span spans[SS_BATCH_SPANS];
} ss_batch_message;

typedef struct ss_queue {
    const ss_sched_tasks *tasks;
    ss_predictor predictor;
    int64_t next;             /* first task that may still be pending */
    int64_t left;             /* pending tasks from `next` on */
    double predicted_seconds; /* of those */
    bool cut;                 /* there are more, but a signal to stop had come */
} ss_queue;

ss_queue ss_queue_of(const ss_sched_tasks *tasks);

/* Takes the next batch for one of `ranks` ranks: one task, or as many short ones as pace.h says,
 * but not so many that others would run dry. Costs time for each span, not for each task. */
void ss_queue_take(ss_queue *queue, int ranks, ss_batch_message *batch);

/* The same for rank 0 itself, which can come back for more at any time. */
void ss_queue_take_piece(ss_queue *queue, int ranks, ss_batch_message *batch);

#endif
