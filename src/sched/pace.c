#include "pace.h"

#include "saddlesweep/sched.h"

#include <math.h>

/* Rank 0's time to answer all ranks once. A request takes it 0.3 to 0.45 µs through shared memory;
 * a network card costs more. */
static double round_seconds(int64_t ranks)
{
    return 1e-6 * (double)(ranks - 1);
}

double ss_sched_message_seconds(int64_t ranks)
{
    return 2 * round_seconds(ranks);
}

double ss_pace_least_batch_seconds(int ranks)
{
    return fmax(1e-3, 2 * round_seconds(ranks));
}

double ss_pace_batch_seconds(double seconds_left, int ranks)
{
    /* Four further batches a rank stay behind, so that the end is shared evenly; the largest ones
     * keep rank 0 busy for a twentieth of its time. */
    double enough = fmax(0.1, 20 * round_seconds(ranks));
    double share = seconds_left / (4.0 * ranks);
    return fmax(ss_pace_least_batch_seconds(ranks), fmin(enough, share));
}

double ss_pace_piece_seconds(void)
{
    return 0.01;
}

double ss_pace_lead(double seconds_an_iteration, int ranks)
{
    /* The answer comes within one iteration of rank 0's own task, which is about as long as one
     * here, unless all the others ask at the same time. */
    return 0.02 + 3 * seconds_an_iteration + round_seconds(ranks);
}

double ss_pace_short_run(void)
{
    return 0.1;
}

double ss_pace_poll_seconds(void)
{
    return 500e-6;
}

double ss_pace_report_seconds(int ranks)
{
    return fmax(0.5, 20 * round_seconds(ranks));
}
