#include "predictor.h"

double ss_predictor_ask(ss_predictor *predictor, int64_t task)
{
    if (task < predictor->first || task >= predictor->end) {
        const ss_sched_tasks *tasks = predictor->tasks;
        int64_t alike = tasks->alike > 1 ? tasks->alike : 1;
        predictor->first = task / alike * alike;
        predictor->end = predictor->first + alike;
        predictor->seconds = tasks->predict(tasks->context, task);
    }
    return predictor->seconds;
}
