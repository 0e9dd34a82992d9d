#include "member.h"

#include "../base/clock.h"
#include "pace.h"

#include <sched.h>
#include <string.h>

typedef struct worker {
    ss_member member;      /* first: the callbacks get a pointer to it */
    ss_batch_message next; /* where the answer to a request arrives */
    MPI_Request incoming;
    int ranks;
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

static void before_task(ss_member *member, int64_t task, double now)
{
    worker *w = (worker *)member;
    double seconds = ss_predictor_ask(&member->predictor, task);
    bool ends_soon = (member->last_of_batch && seconds < ss_pace_short_run()) ||
                     seconds + member->seconds_after < ss_pace_lead(0, w->ranks);
    bool asks = ends_soon && !w->asked;
    if (!asks && !ss_member_poll_due(member, now)) {
        return;
    }
    check_stop(w);
    if (member->stopping) {
        return;
    }
    if (asks) {
        ask(w);
    } else if (now - w->last_report > ss_pace_report_seconds(w->ranks)) {
        send_report(w, false, false);
    }
}

static int poll(void *context, int64_t t, int64_t steps)
{
    ss_member *member = context;
    worker *w = (worker *)member;
    double now;
    if (!ss_member_poll_due_in_task(member, &now)) {
        return member->stopping;
    }
    check_stop(w);
    if (!member->stopping && !w->asked && t > 0) {
        double an_iteration = (now - member->task_started) / (double)t;
        double left = (double)(steps - t) * an_iteration + member->seconds_after;
        if (left < ss_pace_lead(an_iteration, w->ranks)) {
            ask(w);
        }
    }
    return member->stopping;
}

/* Between two looks at what has been awaited `since`: the answer mostly comes within an interval of
 * rank 0's poll, and a sleep takes about as long; later the core is left to others. */
static void wait_briefly(double since)
{
    if (ss_clock_seconds() - since < ss_pace_poll_seconds()) {
        sched_yield();
    } else {
        ss_clock_sleep(50e-6);
    }
}

/* The answer to the unanswered request; asks first if there is none. */
static ss_batch_message await_batch(worker *w)
{
    int arrived = 0;
    if (!w->asked) {
        ask(w);
    }
    for (double since = ss_clock_seconds();; wait_briefly(since)) {
        MPI_Test(&w->incoming, &arrived, MPI_STATUS_IGNORE);
        if (arrived) {
            w->asked = false;
            return w->next;
        }
        check_stop(w);
    }
}

static void leave(worker *w)
{
    if (w->asked) {
        await_batch(w); /* dropped: it stays pending */
    }
    send_report(w, false, true);
    double since = ss_clock_seconds();
    while (!w->told_to_stop) {
        check_stop(w);
        wait_briefly(since);
    }
}

ss_member_end ss_worker_run(MPI_Comm comm, const ss_sched_tasks *tasks)
{
    worker w = {
        .member = ss_member_of(comm, tasks),
        .incoming = MPI_REQUEST_NULL,
        .last_report = ss_clock_seconds(),
    };
    w.member.before = before_task;
    w.member.poll = poll;
    MPI_Comm_size(comm, &w.ranks);
    while (!w.member.stopping) {
        ss_batch_message batch = await_batch(&w);
        if (batch.span_count == 0) {
            break;
        }
        ss_member_execute(&w.member, &batch);
    }
    ss_member_idle(&w.member);
    leave(&w);
    return (ss_member_end){.error = w.member.error, .drained = w.member.drained};
}
