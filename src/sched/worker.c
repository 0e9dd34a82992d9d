#include "member.h"

#include "../base/clock.h"
#include "pace.h"

#include <string.h>

typedef struct worker {
    ss_member member;      /* first: the callbacks get a pointer to it */
    ss_batch_message next; /* where the answer to a request arrives */
    MPI_Request incoming;
    bool asked;        /* a request is unanswered, or its answer not yet begun */
    bool told_to_stop; /* STOP has been received */
    double last_report;
} worker;

static void send_report(worker *w, bool wants_work, bool leaving)
{
    ss_report *report = &w->member.tally;
    report->wants_work = wants_work;
    report->leaving = leaving;
    report->stopping = w->member.stopping;
    MPI_Send(report, sizeof *report, MPI_BYTE, 0, SS_TAG_REPORT, w->member.comm);
    memset(report, 0, sizeof *report);
    w->last_report = ss_clock_seconds();
}

static void ask(worker *w)
{
    MPI_Irecv(&w->next, sizeof w->next, MPI_BYTE, 0, SS_TAG_WORK, w->member.comm, &w->incoming);
    w->asked = true;
    send_report(w, true, false);
}

static void check_stop(worker *w)
{
    int waiting = 0;
    ss_member_check_drain(&w->member);
    if (w->told_to_stop) {
        return;
    }
    MPI_Iprobe(0, SS_TAG_STOP, w->member.comm, &waiting, MPI_STATUS_IGNORE);
    if (waiting) {
        MPI_Recv(NULL, 0, MPI_BYTE, 0, SS_TAG_STOP, w->member.comm, MPI_STATUS_IGNORE);
        w->told_to_stop = true;
        w->member.stopping = true;
    }
}

static void before_task(ss_member *member, int64_t task)
{
    worker *w = (worker *)member;
    double now = ss_clock_seconds();
    if (!ss_member_poll_due(member, now) && !member->last_of_batch) {
        return;
    }
    check_stop(w);
    if (member->stopping) {
        return;
    }
    if (member->last_of_batch && !w->asked &&
        member->tasks->predict(member->tasks->context, task) < ss_pace_short_run()) {
        ask(w);
    } else if (now - w->last_report > ss_pace_report_seconds()) {
        send_report(w, false, false);
    }
}

static int poll(void *context, int64_t t, int64_t iterations)
{
    ss_member *member = context;
    worker *w = (worker *)member;
    double now = ss_clock_seconds();
    if (!ss_member_poll_due(member, now)) {
        return member->stopping;
    }
    check_stop(w);
    if (!member->stopping && member->last_of_batch && !w->asked && t > 0) {
        double an_iteration = (now - member->task_started) / (double)t;
        if ((double)(iterations - t) * an_iteration <
            ss_pace_lead(ss_pace_short_run(), an_iteration)) {
            ask(w);
        }
    }
    return member->stopping;
}

/* The answer to the unanswered request; asks first if there is none. */
static ss_batch_message await_batch(worker *w)
{
    int arrived = 0;
    if (!w->asked) {
        ask(w);
    }
    for (;;) {
        MPI_Test(&w->incoming, &arrived, MPI_STATUS_IGNORE);
        if (arrived) {
            w->asked = false;
            return w->next;
        }
        check_stop(w);
        ss_clock_sleep(50e-6);
    }
}

static void leave(worker *w)
{
    if (w->asked) {
        await_batch(w); /* dropped: it stays pending */
    }
    send_report(w, false, true);
    while (!w->told_to_stop) {
        check_stop(w);
        ss_clock_sleep(50e-6);
    }
}

ss_member_end ss_worker_run(MPI_Comm comm, const ss_sched_tasks *tasks)
{
    worker w = {
        .member = {.comm = comm, .tasks = tasks, .before = before_task, .poll = poll},
        .incoming = MPI_REQUEST_NULL,
        .last_report = ss_clock_seconds(),
    };
    while (!w.member.stopping) {
        ss_batch_message batch = await_batch(&w);
        if (batch.span_count == 0) {
            break;
        }
        ss_member_execute(&w.member, &batch);
    }
    leave(&w);
    return (ss_member_end){.error = w.member.error, .drained = w.member.drained};
}
