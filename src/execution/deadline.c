#include "deadline.h"

#include "../base/clock.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

static const double largest_margin = 60;

/* Seconds until the end of the Slurm job. A time that is past is no job's of this process: it was
 * exported by a shell, or Slurm lets the job go on. */
static bool slurm_seconds_left(double *seconds)
{
    char *end = NULL;
    struct timespec now;
    const char *text = getenv("SLURM_JOB_END_TIME");
    errno = 0;
    long long end_time = text ? strtoll(text, &end, 10) : 0;
    if (!text || end == text || *end != '\0' || errno != 0) {
        return false;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    *seconds = (double)(end_time - now.tv_sec) - (double)now.tv_nsec * 1e-9;
    return *seconds > 0;
}

ss_deadline ss_deadline_of(double started, int64_t limit)
{
    double left;
    ss_deadline deadline = {0};
    if (limit > 0) {
        deadline = (ss_deadline){started + (double)limit, "--time-limit"};
    }
    if (slurm_seconds_left(&left)) {
        double stop_at = ss_clock_seconds() + left - fmin(left / 10, largest_margin);
        if (deadline.stop_at == 0 || stop_at < deadline.stop_at) {
            deadline = (ss_deadline){stop_at, "the end of the Slurm job"};
        }
    }
    return deadline;
}

void ss_deadline_share(MPI_Comm comm, ss_deadline *deadline)
{
    int rank;
    MPI_Comm_rank(comm, &rank);
    bool any = deadline->stop_at > 0;
    double left = any ? deadline->stop_at - ss_clock_seconds() : INFINITY;
    MPI_Bcast(&left, 1, MPI_DOUBLE, 0, comm);
    if (rank != 0) {
        deadline->stop_at = isinf(left) ? 0 : ss_clock_seconds() + left;
    }
}
