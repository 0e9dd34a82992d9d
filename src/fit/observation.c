#include "observation.h"

#include "../base/memory.h"
#include "../result/seeds.h"
#include "saddlesweep/sched.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

void ss_counts_add(ss_counts *total, const ss_counts *counts)
{
    total->requested += counts->requested;
    total->done += counts->done;
    total->diverged += counts->diverged;
    total->failed += counts->failed;
    total->pending += counts->pending;
    total->trapped += counts->trapped;
}

static ss_error allocate(const ss_plan *plan, const ss_family *family, ss_observation *o)
{
    size_t cells = (size_t)family->cells;
    *o = (ss_observation){.family = family, .seeds = plan->seeds};
    SS_TRY(ss_allocate(cells, sizeof *o->counts, &o->counts));
    SS_TRY(ss_allocate(cells, sizeof *o->log_d, &o->log_d));
    SS_TRY(ss_allocate(cells, sizeof *o->log_n, &o->log_n));
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        for (int choice = 0; choice < SS_CHOICES; choice++) {
            SS_TRY(ss_allocate(cells * (size_t)plan->seeds, sizeof(double),
                               &o->values[quantity][choice]));
        }
    }
    for (int64_t i = 0; i < family->cells; i++) {
        ss_run run = ss_plan_run(plan, family->cell[i], 0);
        o->log_d[i] = log((double)run.d);
        o->log_n[i] = log((double)ss_family_samples(family->against, &run));
    }
    return SS_OK;
}

void ss_observation_release(ss_observation *o)
{
    free(o->counts);
    free(o->log_d);
    free(o->log_n);
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        for (int choice = 0; choice < SS_CHOICES; choice++) {
            free(o->values[quantity][choice]);
        }
    }
    *o = (ss_observation){0};
}

/* The runs of the cell that was read, as number i of the family. */
static void note_runs(const ss_seeds *seeds, ss_observation *o, int64_t i)
{
    ss_counts *counts = &o->counts[i];
    int64_t wanted = ss_seeds_judge(seeds).seeds;
    for (int64_t seed = 0; seed < o->seeds; seed++) {
        bool committed = seeds->committed[seed];
        bool damaged = !committed && !seeds->pending[seed];
        bool pending = !committed && (seed < wanted || damaged);
        counts->requested += committed || pending;
        counts->done += seeds->status[seed] == SS_RUN_DONE;
        counts->diverged += seeds->status[seed] == SS_RUN_DIVERGED;
        counts->failed += seeds->status[seed] == SS_RUN_FAILED;
        counts->pending += pending;
        o->damaged += damaged;
        for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
            o->values[quantity][SS_CHOICE_WITH][i * o->seeds + seed] = seeds->final[quantity][seed];
        }
    }
}

/* The bound beyond which a run of these relative errors is trapped; NaN if there are none. */
static double trapped_beyond(const double *relative, int64_t seeds, double *sorted)
{
    size_t count = 0;
    for (int64_t seed = 0; seed < seeds; seed++) {
        if (!isnan(relative[seed])) {
            sorted[count++] = relative[seed];
        }
    }
    gsl_sort(sorted, 1, count);
    return count > 0 ? ss_trapped_factor * gsl_stats_median_from_sorted_data(sorted, 1, count)
                     : NAN;
}

/* From the cell's values with all runs, those without the trapped ones; counts them. */
static void leave_out_trapped(ss_observation *o, int64_t i, double *sorted)
{
    int64_t first = i * o->seeds;
    const double *relative = o->values[SS_QUANTITY_RELATIVE_ERROR][SS_CHOICE_WITH] + first;
    double bound = trapped_beyond(relative, o->seeds, sorted);
    for (int64_t seed = 0; seed < o->seeds; seed++) {
        bool trapped = relative[seed] > bound; /* NaN is not */
        o->counts[i].trapped += trapped;
        for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
            double value = o->values[quantity][SS_CHOICE_WITH][first + seed];
            o->values[quantity][SS_CHOICE_WITHOUT][first + seed] = trapped ? NAN : value;
        }
    }
}

static void note_drawn(ss_observation *o, int64_t i)
{
    const double *values = o->values[SS_QUANTITY_ERROR][SS_CHOICE_WITH] + i * o->seeds;
    for (int64_t seed = o->drawn; seed < o->seeds; seed++) {
        o->drawn = isnan(values[seed]) ? o->drawn : seed + 1;
    }
}

static ss_error read_cell(ss_seeds *seeds, ss_observation *o, int64_t i, double *sorted)
{
    SS_TRY(ss_seeds_read(seeds, o->family->cell[i]));
    note_runs(seeds, o, i);
    leave_out_trapped(o, i, sorted);
    note_drawn(o, i);
    ss_counts_add(&o->total, &o->counts[i]);
    return SS_OK;
}

static ss_error read_family(const ss_store *store, const ss_plan *plan, ss_observation *o)
{
    ss_seeds seeds;
    double *sorted = NULL;
    ss_error error = ss_seeds_open(store, plan, &seeds);
    if (error == SS_OK) {
        error = ss_allocate((size_t)o->seeds, sizeof *sorted, &sorted);
    }
    for (int64_t i = 0; i < o->family->cells && error == SS_OK; i++) {
        error = read_cell(&seeds, o, i, sorted);
    }
    free(sorted);
    ss_seeds_close(&seeds);
    return error;
}

/* An array may have more bytes than an int counts. */
static void share(MPI_Comm comm, void *data, size_t bytes)
{
    const size_t piece = (size_t)1 << 30;
    for (size_t first = 0; first < bytes; first += piece) {
        size_t count = bytes - first < piece ? bytes - first : piece;
        ss_sched_share(comm, (char *)data + first, (int)count);
    }
}

static void share_all(MPI_Comm comm, ss_observation *o)
{
    size_t cells = (size_t)o->family->cells;
    share(comm, &o->total, sizeof o->total);
    share(comm, &o->damaged, sizeof o->damaged);
    share(comm, &o->drawn, sizeof o->drawn);
    share(comm, o->counts, cells * sizeof *o->counts);
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        for (int choice = 0; choice < SS_CHOICES; choice++) {
            share(comm, o->values[quantity][choice], cells * (size_t)o->seeds * sizeof(double));
        }
    }
}

ss_error ss_observation_read(MPI_Comm comm, const ss_store *store, const ss_plan *plan,
                             const ss_family *family, ss_observation *out)
{
    ss_error error = allocate(plan, family, out);
    if (error == SS_OK && store) {
        error = read_family(store, plan, out);
    }
    SS_TRY(ss_sched_agree(comm, error));
    share_all(comm, out);
    return SS_OK;
}

ss_scaling_sample ss_observation_sample(const ss_observation *o, ss_quantity quantity,
                                        ss_choice choice)
{
    return (ss_scaling_sample){
        .cells = o->family->cells,
        .seeds = o->seeds,
        .log_d = o->log_d,
        .log_n = o->log_n,
        .values = o->values[quantity][choice],
    };
}
