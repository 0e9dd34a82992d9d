#include "member.h"

#include "../base/clock.h"
#include "drain.h"
#include "pace.h"

bool ss_member_poll_due(ss_member *member, double now)
{
    if (now < member->next_poll) {
        return false;
    }
    member->next_poll = now + ss_pace_poll_seconds();
    return true;
}

void ss_member_check_drain(ss_member *member)
{
    if (ss_drain_requested()) {
        member->drained = true;
        member->stopping = true;
    }
}

static void execute_task(ss_member *member, int64_t task)
{
    const ss_sched_tasks *tasks = member->tasks;
    ss_task_result result = SS_TASK_STOPPED;
    member->task_started = ss_clock_seconds();
    ss_error error = tasks->execute(tasks->context, task, member->poll, member, &result);
    if (error != SS_OK) {
        member->error = error;
        member->stopping = true;
        return;
    }
    member->tally.results[result]++;
    member->tally.measured_seconds += ss_clock_seconds() - member->task_started;
    member->tally.predicted_seconds += tasks->predict(tasks->context, task);
}

void ss_member_execute(ss_member *member, const ss_batch_message *batch)
{
    for (int64_t s = 0; s < batch->span_count; s++) {
        ss_span span = batch->spans[s];
        for (int64_t i = 0; i < span.count; i++) {
            member->last_of_batch = s + 1 == batch->span_count && i + 1 == span.count;
            member->before(member, span.first + i);
            if (member->stopping) {
                return;
            }
            execute_task(member, span.first + i);
        }
    }
}
