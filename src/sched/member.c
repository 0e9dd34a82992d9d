#include "member.h"

#include "../base/clock.h"
#include "drain.h"
#include "pace.h"

#include <math.h>

ss_member ss_member_of(MPI_Comm comm, const ss_sched_tasks *tasks)
{
    return (ss_member){.comm = comm, .tasks = tasks, .predictor = {.tasks = tasks}};
}

bool ss_member_poll_due(ss_member *member, double now)
{
    if (now < member->next_poll) {
        return false;
    }
    member->next_poll = now + ss_pace_poll_seconds();
    return true;
}

bool ss_member_poll_due_in_task(ss_member *member, double *now)
{
    return ss_ticker_read(&member->ticker, now) && ss_member_poll_due(member, *now);
}

void ss_member_check_drain(ss_member *member)
{
    double stop_at = member->tasks->stop_at;
    if (ss_drain_requested() || (stop_at > 0 && ss_clock_seconds() >= stop_at)) {
        member->drained = true;
        member->stopping = true;
    }
}

/* Executes a task that begins at `now`; returns when it ends. */
static double execute_task(ss_member *member, int64_t task, double now)
{
    const ss_sched_tasks *tasks = member->tasks;
    ss_task_result result = SS_TASK_STOPPED;
    member->task_started = now;
    member->ticker = ss_ticker_of(ss_pace_poll_seconds() / 8, now);
    ss_error error = tasks->execute(tasks->context, task, member->poll, member, &result);
    if (error != SS_OK) {
        member->error = error;
        member->stopping = true;
        return now;
    }
    double end = ss_clock_seconds();
    member->tally.results[result]++;
    if (result == SS_TASK_STOPPED) {
        ss_member_check_drain(member); /* the task may have noticed before this poll was due */
    }
    if (tasks->stop_at_failure && (result == SS_TASK_DIVERGED || result == SS_TASK_FAILED)) {
        member->drained = true;
        member->stopping = true;
    }
    member->tally.measured_seconds += end - now;
    member->tally.predicted_seconds += ss_predictor_ask(&member->predictor, task);
    return end;
}

void ss_member_idle(ss_member *member)
{
    const ss_sched_tasks *tasks = member->tasks;
    ss_error error = tasks->idle ? tasks->idle(tasks->context) : SS_OK;
    if (error != SS_OK && member->error == SS_OK) {
        member->error = error;
        member->stopping = true;
    }
}

static double predicted_seconds(ss_member *member, const ss_batch_message *batch)
{
    double seconds = 0;
    for (int64_t s = 0; s < batch->span_count; s++) {
        int64_t end = batch->spans[s].first + batch->spans[s].count;
        for (int64_t task = batch->spans[s].first; task < end;) {
            double each = ss_predictor_ask(&member->predictor, task);
            int64_t alike = member->predictor.end < end ? member->predictor.end : end;
            seconds += (double)(alike - task) * each;
            task = alike;
        }
    }
    return seconds;
}

void ss_member_execute(ss_member *member, const ss_batch_message *batch)
{
    double now = ss_clock_seconds();
    member->seconds_after = predicted_seconds(member, batch);
    for (int64_t s = 0; s < batch->span_count; s++) {
        ss_span span = batch->spans[s];
        for (int64_t i = 0; i < span.count; i++) {
            int64_t task = span.first + i;
            member->last_of_batch = s + 1 == batch->span_count && i + 1 == span.count;
            member->seconds_after -= ss_predictor_ask(&member->predictor, task);
            member->before(member, task, now);
            if (member->stopping) {
                return;
            }
            now = execute_task(member, task, now);
        }
    }
}
