#include "saddlesweep/sched.h"

#include "../base/clock.h"
#include "member.h"

#include <string.h>

ss_error ss_sched_agree(MPI_Comm comm, ss_error error)
{
    int here = error != SS_OK;
    int anywhere = 0;
    MPI_Allreduce(&here, &anywhere, 1, MPI_INT, MPI_MAX, comm);
    return anywhere && !here ? SS_ERR_ELSEWHERE : error;
}

ss_error ss_sched_agree_once(MPI_Comm comm, ss_error error)
{
    int rank;
    int first = error != SS_OK;
    MPI_Comm_rank(comm, &rank);
    MPI_Bcast(&first, 1, MPI_INT, 0, comm);
    return ss_sched_agree(comm, first && rank > 0 ? SS_ERR_ELSEWHERE : error);
}

static void wait_asleep(MPI_Request *request)
{
    int done = 0;
    for (;;) {
        MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (done) {
            return;
        }
        ss_clock_sleep(100e-6);
    }
}

void ss_sched_wait_for_all(MPI_Comm comm)
{
    MPI_Request request;
    MPI_Ibarrier(comm, &request);
    wait_asleep(&request);
}

void ss_sched_share(MPI_Comm comm, void *data, int bytes)
{
    MPI_Request request;
    MPI_Ibcast(data, bytes, MPI_BYTE, 0, comm, &request);
    wait_asleep(&request);
}

ss_error ss_sched_execute(MPI_Comm comm, const ss_sched_tasks *tasks, const char *name,
                          ss_progress_style style, ss_sched_summary *summary)
{
    int rank;
    double start = ss_clock_seconds();
    MPI_Comm_rank(comm, &rank);
    ss_sched_signals_begin();
    ss_member_end end =
        rank == 0 ? ss_master_run(comm, tasks, name, style) : ss_worker_run(comm, tasks);
    ss_sched_wait_for_all(comm);
    ss_sched_signals_end();
    int drained = end.drained;
    int complete = end.complete;
    memset(summary, 0, sizeof *summary);
    MPI_Allreduce(&drained, &summary->stopped, 1, MPI_INT, MPI_MAX, comm);
    MPI_Bcast(&complete, 1, MPI_INT, 0, comm);
    summary->stopped = summary->stopped && !complete;
    MPI_Bcast(end.results, SS_TASK_RESULTS, MPI_INT64_T, 0, comm);
    memcpy(summary->results, end.results, sizeof end.results);
    summary->seconds = ss_clock_seconds() - start;
    MPI_Bcast(&summary->seconds, 1, MPI_DOUBLE, 0, comm);
    return ss_sched_agree(comm, end.error);
}
