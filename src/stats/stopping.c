#include "saddlesweep/stopping.h"

#include <math.h>

/* Of finite values, one after another (Welford). */
typedef struct moments {
    int64_t count;
    double mean;
    double squares; /* sum of squared deviations from the mean */
} moments;

static void add(moments *m, double value)
{
    double deviation = value - m->mean;
    m->mean += deviation / (double)++m->count;
    m->squares += deviation * (value - m->mean);
}

/* Of `count` values; NaN if fewer than two are finite. */
static double relative_standard_error(const double *values, int64_t count, int64_t *finite)
{
    moments m = {0};
    for (int64_t i = 0; i < count; i++) {
        if (isfinite(values[i])) {
            add(&m, values[i]);
        }
    }
    *finite = m.count;
    if (m.count < 2) {
        return NAN;
    }
    double error = sqrt(m.squares / (double)(m.count - 1) / (double)m.count);
    return error > 0 ? error / m.mean : error; /* all may be 0 */
}

/* The largest over the quantities; NaN if one is. Counts the seeds with finite values. */
static double largest_error(const double *const *values, int quantities, int64_t count,
                            int64_t *finite)
{
    double largest = 0;
    for (int q = 0; q < quantities && !isnan(largest); q++) {
        double error = relative_standard_error(values[q], count, finite);
        largest = error <= largest ? largest : error;
    }
    return largest;
}

/* Seeds that would bring the error down to the target. */
static double estimate(const ss_stopping_rule *rule, const ss_stopping *at)
{
    double ratio = at->standard_error / rule->target;
    return rule->target > 0 ? ceil((double)at->seeds * ratio * ratio) : NAN;
}

static int64_t next(const ss_stopping_rule *rule, const ss_stopping *at)
{
    int64_t next = 2 * at->seeds;
    if (at->estimate < (double)next) { /* not if it is NaN */
        next = at->estimate > (double)at->seeds ? (int64_t)at->estimate : at->seeds + 1;
    }
    return next < rule->most ? next : rule->most;
}

/* With all of its seeds committed. */
static ss_stopping_state state_of(const ss_stopping_rule *rule, const ss_stopping *at,
                                  int64_t finite)
{
    if (!(rule->target > 0) || at->standard_error <= rule->target) {
        return SS_STOPPING_MET;
    }
    if (finite == 0) {
        return SS_STOPPING_GIVEN_UP;
    }
    return at->seeds < rule->most ? SS_STOPPING_OPEN : SS_STOPPING_MISSED;
}

ss_stopping ss_stopping_of(const ss_stopping_rule *rule, const bool *committed,
                           const double *const *values, int quantities)
{
    ss_stopping at = {.seeds = rule->target > 0 ? rule->first : rule->most};
    int64_t reached = 0; /* seeds 0 … reached-1 are committed */
    for (;;) {
        int64_t finite = 0;
        at.standard_error = largest_error(values, quantities, at.seeds, &finite);
        at.estimate = estimate(rule, &at);
        while (reached < at.seeds && committed[reached]) {
            reached++;
        }
        at.state = reached < at.seeds ? SS_STOPPING_OPEN : state_of(rule, &at, finite);
        if (reached < at.seeds || at.state != SS_STOPPING_OPEN) {
            return at;
        }
        at.seeds = next(rule, &at);
    }
}
