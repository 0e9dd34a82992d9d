/*
 * A plan: the grid of a sweep as numbers of cells, seeds and checkpoints, and the run at each
 * place. Computed from the sweep on demand: a plan of 10⁷ runs takes no more memory than one of 10.
 */
#ifndef SADDLESWEEP_PLAN_H
#define SADDLESWEEP_PLAN_H

#include "saddlesweep/run.h"
#include "saddlesweep/shard.h"
#include "saddlesweep/spec.h"

typedef struct ss_plan {
    const ss_spec *spec;  /* borrowed: must outlive the plan */
    int64_t cells;        /* C; cell 0 first, the first axis of the sweep file slowest */
    int64_t seeds;        /* S */
    int64_t checkpoints;  /* P */
    int64_t multipliers;  /* D: of a certificate, room for the largest d; 0: none are asked for */
    int64_t iterate_rows; /* D of each recorded A, … */
    int64_t iterate_columns; /* … and K, the largest k; 0: none are asked for */
    int64_t stride[SS_AXES]; /* cells of the whole sweep between neighbouring values of an axis */

    ss_shard shard;     /* that it is of the sweep: with others than the whole, … */
    int64_t first_seed; /* … its seeds are those at first_seed, first_seed + seed_step, … */
    int64_t seed_step;
    uint32_t *numbers; /* … and [C] its cells' numbers in the whole plan, ascending; NULL: all cells
                          in order. Owned: ss_plan_release */
} ss_plan;

/* The plan of a whole sweep. Local; nothing is allocated. */
ss_plan ss_plan_of(const ss_spec *spec);

/* The plan of a shard of a sweep, to be released with ss_plan_release, even after an error:
 * SS_ERR_USAGE, with the most shards that there can be, if it would have no runs, or if seeds are
 * added to the sweep's cells (grid.seed.until_se); SS_ERR_MEMORY. Local. */
ss_error ss_plan_of_shard(const ss_spec *spec, ss_shard shard, ss_plan *plan);

/* The plan of a shard of one seed that has these cells, ascending numbers in the whole plan, as a
 * file says that may be older than today's costs. *numbers (allocated, count of them) becomes the
 * plan's, also after an error: SS_ERR_USAGE if the sweep has no such shard or cells. Local. */
ss_error ss_plan_of_cells(const ss_spec *spec, ss_shard shard, uint32_t *numbers, int64_t count,
                          ss_plan *plan);

/* Room for the results of any run of the plan: its checkpoints, then a certificate of the largest
 * d, iterates of the largest d and k, what the lemmas are about. */
static inline int64_t ss_plan_result_count(const ss_plan *plan)
{
    return plan->checkpoints +
           (plan->multipliers > 0 ? SS_CERTIFICATE_MULTIPLIERS + plan->multipliers : 0) +
           plan->checkpoints * plan->iterate_rows * plan->iterate_columns +
           (plan->spec->covariance_error ? SS_COVARIANCE_VALUES : 0) +
           (plan->spec->gradient_bias ? SS_GRADIENT_VALUES : 0);
}

/* Frees what a plan owns. */
void ss_plan_release(ss_plan *plan);

/* The number that a cell of a plan has in the whole one; its own, if that is the whole one. */
int64_t ss_plan_cell_number(const ss_plan *plan, int64_t cell);

/* The value of a seed. */
int64_t ss_plan_seed(const ss_plan *plan, int64_t seed_index);

/* Number of runs, C · S. */
int64_t ss_plan_runs(const ss_plan *plan);

/* The run at (cell, seed index), 0 ≤ cell < C, 0 ≤ seed_index < S. Local. */
ss_run ss_plan_run(const ss_plan *plan, int64_t cell, int64_t seed_index);

enum { SS_DIGEST_SIZE = 33, SS_SETTINGS_SIZE = 1024 };

/* Whether a run of the plan goes on a process grid: Algorithm 1 with d ≥ wide.from_d, given norms
 * and samples to share out (norms are learned, and population limits computed, on one rank). */
static inline bool ss_plan_is_wide(const ss_plan *plan, const ss_run *run)
{
    return run->algorithm == SS_ALGORITHM_SGDA && !ss_run_learns_norms(run) &&
           run->d >= plan->spec->wide_from_d && run->n > 0 && run->m > 0;
}

/* Whether any does. Local. */
bool ss_plan_has_wide_runs(const ss_plan *plan);

/* A hash (32 hexadecimal digits and NUL, out) over all cells, seeds, checkpoints and settings; a
 * shard's is over the whole sweep's as well, and over which part it is. */
void ss_plan_digest(const ss_plan *plan, char digest[SS_DIGEST_SIZE]);

/* The settings that all runs share, one "key: value" a line, into `buffer`: equal texts mean
 * equal settings, bit for bit. */
const char *ss_plan_settings(const ss_plan *plan, char buffer[SS_SETTINGS_SIZE]);

/* What tells two plans apart, for messages: "train.noise", "0.1", "0.2". */
typedef struct ss_difference {
    char what[128];
    char first[128];
    char second[128];
} ss_difference;

/* Whether two plans of whole sweeps differ, and in what first (out, if they do). Local. */
bool ss_plan_differs(const ss_plan *first, const ss_plan *second, ss_difference *difference);

/* Whether their wide runs, if there are any, are computed in other blocks: then they agree to
 * rounding only. Local. */
bool ss_plan_blocks_differ(const ss_plan *first, const ss_plan *second, ss_difference *difference);

/* Of two plans of the same cells: whether a run of them is wide in only one (wide.from_d), or their
 * wide runs are computed in other blocks. Local. */
bool ss_plan_grids_differ(const ss_plan *first, const ss_plan *second, ss_difference *difference);

/* The same of two texts of settings (ss_plan_settings). Local. */
bool ss_settings_differ(const char *first, const char *second, ss_difference *difference);

/* What the cost model says of the runs of a plan that go on one rank each. */
typedef struct ss_plan_cost {
    const struct ss_kernel *kernel; /* that a run would use here: all seconds are with this one */
    double slowness; /* seconds here / the model's: by that kernel, and by SADDLESWEEP_SPEED */
    double core_seconds;
    double longest_run;  /* seconds */
    double shortest_run; /* seconds */
    double
        bytes_per_rank;  /* resident: the program, and the matrices and samples of a largest run */
    double wall_seconds; /* on the given number of ranks, longest runs first */
    int64_t cells;       /* of such runs; 0: all but the kernel is 0 */
} ss_plan_cost;

/*
 * How many times as fast as the cost model thinks this machine is: the environment variable
 * SADDLESWEEP_SPEED, or 1. SS_ERR_USAGE if that is no number from 0.001 to 1000. Predictions alone
 * are divided by it: no order of runs, no shard and no process grid depends on it. Local.
 */
ss_error ss_plan_speed(double *speed);

/* SS_ERR_USAGE if SADDLESWEEP_KERNEL or SADDLESWEEP_SPEED is wrong; SS_ERR_MEMORY. Local. */
ss_error ss_plan_predict(const ss_plan *plan, int64_t ranks, ss_plan_cost *out);

/* Cells by descending predicted seconds of a run, equal ones (in float precision) in plan order:
 * `order` (C cell numbers, owned by the caller). C ≤ 2³¹. Local. */
ss_error ss_plan_longest_first(const ss_plan *plan, uint32_t **order);

#endif
