/* Predicted seconds of tasks, asked for in ascending order most of the time: those of tasks that
 * are alike are asked of the caller once. */
#ifndef SADDLESWEEP_SCHED_PREDICTOR_H
#define SADDLESWEEP_SCHED_PREDICTOR_H

#include "saddlesweep/sched.h"

typedef struct ss_predictor {
    const ss_sched_tasks *tasks;
    int64_t first; /* of the tasks that `seconds` holds for … */
    int64_t end;   /* … and the one after the last; nothing at the start */
    double seconds;
} ss_predictor;

/* The seconds of each of the tasks from `task` to predictor->end - 1. */
double ss_predictor_ask(ss_predictor *predictor, int64_t task);

#endif
