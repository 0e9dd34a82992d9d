#include "member.h"

#include "../base/clock.h"
#include "../base/memory.h"
#include "progress.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct master {
    ss_member member; /* first: the callbacks get a pointer to it */
    ss_queue queue;
    ss_progress progress;
    int ranks;
    int workers;    /* that have not left */
    bool *has_left; /* a flag a rank */
    bool all_told;  /* STOP has gone to every worker that had not left */
} master;

static void count_results(ss_progress *progress, const ss_report *report)
{
    for (int result = 0; result < SS_TASK_RESULTS; result++) {
        progress->results[result] += report->results[result];
    }
    progress->predicted_ended += report->predicted_seconds;
    progress->measured_ended += report->measured_seconds;
}

static void answer(master *m, int worker)
{
    ss_batch_message batch = {0};
    if (!m->member.stopping) {
        ss_queue_take(&m->queue, m->ranks, &batch);
    }
    size_t bytes = offsetof(ss_batch_message, spans) + (size_t)batch.span_count * sizeof(ss_span);
    MPI_Send(&batch, (int)bytes, MPI_BYTE, worker, SS_TAG_WORK, m->member.comm);
}

static void send_stop(master *m, int worker)
{
    MPI_Send(NULL, 0, MPI_BYTE, worker, SS_TAG_STOP, m->member.comm);
}

/* A worker that left before had its STOP as the answer to that. */
static void tell_all_to_stop(master *m)
{
    if (m->member.stopping && !m->all_told) {
        m->all_told = true;
        for (int worker = 1; worker < m->ranks; worker++) {
            if (!m->has_left[worker]) {
                send_stop(m, worker);
            }
        }
    }
}

static void receive_reports(master *m)
{
    int waiting = 0;
    MPI_Status status;
    for (;;) {
        MPI_Iprobe(MPI_ANY_SOURCE, SS_TAG_REPORT, m->member.comm, &waiting, &status);
        if (!waiting) {
            return;
        }
        ss_report report;
        MPI_Recv(&report, sizeof report, MPI_BYTE, status.MPI_SOURCE, SS_TAG_REPORT, m->member.comm,
                 MPI_STATUS_IGNORE);
        count_results(&m->progress, &report);
        if (report.stopping) {
            m->member.stopping = true;
        }
        if (report.wants_work) {
            answer(m, status.MPI_SOURCE);
        }
        if (report.leaving) {
            if (!m->all_told) {
                send_stop(m, status.MPI_SOURCE);
            }
            m->has_left[status.MPI_SOURCE] = true;
            m->workers--;
        }
    }
}

/* Everything that rank 0 owes the others. */
static void serve(master *m)
{
    ss_member_check_drain(&m->member);
    receive_reports(m);
    tell_all_to_stop(m);
    count_results(&m->progress, &m->member.tally);
    memset(&m->member.tally, 0, sizeof m->member.tally);
    ss_progress_report(&m->progress);
}

static void before_task(ss_member *member, int64_t task, double now)
{
    (void)task;
    if (ss_member_poll_due(member, now)) {
        serve((master *)member);
    }
}

static int poll(void *context, int64_t t, int64_t steps)
{
    ss_member *member = context;
    double now;
    (void)t;
    (void)steps;
    if (ss_member_poll_due_in_task(member, &now)) {
        serve((master *)member);
    }
    return member->stopping;
}

ss_member_end ss_master_run(MPI_Comm comm, const ss_sched_tasks *tasks, const char *name,
                            ss_progress_style style)
{
    master m = {.member = ss_member_of(comm, tasks), .queue = ss_queue_of(tasks)};
    if (m.queue.cut) {
        ss_member_check_drain(&m.member);
    }
    m.member.before = before_task;
    m.member.poll = poll;
    MPI_Comm_size(comm, &m.ranks);
    m.workers = m.ranks - 1;
    m.progress = ss_progress_begin(name, style, m.ranks, m.queue.left, m.queue.predicted_seconds);
    if (ss_allocate((size_t)m.ranks, sizeof *m.has_left, &m.has_left) != SS_OK) {
        MPI_Abort(comm, EXIT_FAILURE); /* the workers already wait for this rank */
    }
    while (!m.member.stopping && m.queue.left > 0) {
        ss_batch_message batch;
        ss_queue_take_piece(&m.queue, m.ranks, &batch);
        ss_member_execute(&m.member, &batch);
    }
    ss_member_idle(&m.member);
    for (serve(&m); m.workers > 0; serve(&m)) {
        ss_clock_sleep(100e-6);
    }
    ss_progress_end(&m.progress);
    free(m.has_left);
    ss_member_end end = {
        .error = m.member.error,
        .drained = m.member.drained,
        .complete = !m.queue.cut && ss_progress_ended(&m.progress) == m.progress.total,
    };
    memcpy(end.results, m.progress.results, sizeof end.results);
    return end;
}
