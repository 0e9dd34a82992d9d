#include "forecast.h"

#include "../base/text.h"

#include <inttypes.h>
#include <math.h>
#include <unistd.h>

enum { MOST_RANKS = 65534 }; /* of a grid: a record has 16 bits for it */

/* A rank's program, MPI, HDF5, ScaLAPACK and the buffers of PBLAS: resident, measured
 * (docs/wide.md). */
static const double bytes_of_program = 35e6;

/* Measured (docs/wide.md): an iteration on one rank against the one-rank kernel of the cost model,
 * and the share of more ranks' time that is not lost to messages. */
static const double slower_than_kernel = 1.1;
static const double efficiency = 0.87;

double ss_wide_cost_seconds(const ss_run *run, int64_t ranks)
{
    ss_run one = *run;
    one.precision = SS_PRECISION_DOUBLE;
    double seconds = slower_than_kernel * ss_run_cost_seconds(&one);
    return ranks == 1 ? seconds : seconds / (efficiency * (double)ranks);
}

double ss_wide_memory_of_rank(int64_t ranks_here)
{
    double pages = (double)sysconf(_SC_PHYS_PAGES);
    return pages * (double)sysconf(_SC_PAGESIZE) / (double)ranks_here;
}

/* What the wide runs are, apart from any grid; times on one rank. */
typedef struct demand {
    int64_t cells;
    int64_t runs;
    ss_run largest; /* takes most memory */
    double longest;
    double shortest;
    double total;
    ss_wide_options options;
} demand;

static double bytes_on(const ss_run *run, int64_t ranks, ss_wide_options options)
{
    ss_grid_shape shape = ss_grid_shape_of((int)ranks);
    return bytes_of_program + ss_wide_bytes(run, shape, options);
}

static demand demand_of(const ss_plan *plan)
{
    double most = 0;
    demand demand = {.shortest = INFINITY, .options = ss_wide_options_of(plan->spec->wide_block)};
    for (int64_t cell = 0; cell < plan->cells; cell++) {
        ss_run run = ss_plan_run(plan, cell, 0);
        if (!ss_plan_is_wide(plan, &run)) {
            continue;
        }
        double seconds = ss_wide_cost_seconds(&run, 1);
        double bytes = bytes_on(&run, 1, demand.options);
        demand.cells++;
        demand.runs += plan->seeds;
        demand.total += seconds * (double)plan->seeds;
        demand.longest = fmax(demand.longest, seconds);
        demand.shortest = fmin(demand.shortest, seconds);
        if (bytes > most) {
            most = bytes;
            demand.largest = run;
        }
    }
    return demand;
}

/* Grids of `size` ranks. */
static ss_wide_forecast forecast_of(const demand *demand, int64_t size, int64_t ranks)
{
    ss_wide_forecast f = {.cells = demand->cells, .runs = demand->runs};
    double faster =
        ss_wide_cost_seconds(&demand->largest, size) / ss_wide_cost_seconds(&demand->largest, 1);
    f.shape = ss_grid_shape_of((int)size);
    f.grids = ranks / size < f.runs ? ranks / size : f.runs;
    f.left_over = ranks - f.grids * size;
    f.bytes_per_rank = bytes_on(&demand->largest, size, demand->options);
    f.core_seconds = faster * demand->total * (double)size;
    f.longest_run = faster * demand->longest;
    double rounds = ceil((double)f.runs / (double)f.grids);
    double share = demand->total / (double)f.grids;
    f.wall_seconds = fmax(f.longest_run, faster * fmax(share, rounds * demand->shortest));
    return f;
}

static ss_error does_not_fit(const demand *demand, int64_t size, double memory)
{
    char needed[32];
    char there[32];
    int64_t enough = size + 1;
    /* A number that would do, not the least: in steps of a 64th, as it may be in the thousands. */
    while (enough <= MOST_RANKS && bytes_on(&demand->largest, enough, demand->options) > memory) {
        enough += enough / 64 + 1;
    }
    ss_text_bytes(bytes_on(&demand->largest, size, demand->options), needed, sizeof needed);
    ss_text_bytes(memory, there, sizeof there);
    if (enough > MOST_RANKS) {
        return ss_fail(SS_ERR_USAGE,
                       "wide.ranks: a run of d = %" PRId64 " takes %s on each of %" PRId64
                       " ranks, which have %s each; no number of such ranks would do",
                       demand->largest.d, needed, size, there);
    }
    return ss_fail(SS_ERR_USAGE,
                   "wide.ranks: a run of d = %" PRId64 " takes %s on each of %" PRId64
                   " ranks, which have %s each; grids of %" PRId64
                   " such ranks would do (more hosts, or fewer ranks a host)",
                   demand->largest.d, needed, size, there, enough);
}

/* After the choice, which every rank has to make alike. */
static void divide_seconds(double speed, ss_wide_forecast *f)
{
    f->speed = speed;
    f->core_seconds /= speed;
    f->longest_run /= speed;
    f->wall_seconds /= speed;
}

ss_error ss_wide_choose(const ss_plan *plan, int64_t ranks, double memory, ss_wide_forecast *out)
{
    double speed;
    demand demand = demand_of(plan);
    int64_t wanted = plan->spec->wide_ranks;
    *out = (ss_wide_forecast){0};
    SS_TRY(ss_plan_speed(&speed));
    out->speed = speed;
    if (demand.cells == 0) {
        return SS_OK;
    }
    if (wanted > ranks || wanted > MOST_RANKS) {
        return ss_fail(SS_ERR_USAGE,
                       "wide.ranks: found %" PRId64 ", but there are %" PRId64
                       " ranks; start more (mpirun -n %" PRId64 "), or ask for fewer",
                       wanted, ranks, wanted);
    }
    int64_t most = wanted > 0 ? wanted : ranks < MOST_RANKS ? ranks : MOST_RANKS;
    for (int64_t size = wanted > 0 ? wanted : 1; size <= most; size++) {
        ss_wide_forecast f = forecast_of(&demand, size, ranks);
        if (f.bytes_per_rank <= memory && (out->cells == 0 || f.wall_seconds < out->wall_seconds)) {
            *out = f;
        }
    }
    divide_seconds(speed, out);
    return out->cells > 0 ? SS_OK : does_not_fit(&demand, most, memory);
}
