#include "seeds.h"

#include "../base/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

ss_stopping_rule ss_seeds_rule(const ss_plan *plan)
{
    return (ss_stopping_rule){
        .first = plan->spec->first_seeds,
        .most = plan->seeds,
        .target = plan->spec->until_se,
    };
}

ss_error ss_seeds_open(const ss_store *store, const ss_plan *plan, ss_seeds *seeds)
{
    size_t count = (size_t)plan->seeds;
    *seeds = (ss_seeds){.rule = ss_seeds_rule(plan)};
    SS_TRY(ss_walk_open(store, plan, "looking at the seeds of each cell", &seeds->walk));
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        SS_TRY(ss_allocate(count, sizeof(double), &seeds->final[quantity]));
    }
    SS_TRY(ss_allocate(count, sizeof *seeds->status, &seeds->status));
    SS_TRY(ss_allocate(count, sizeof *seeds->committed, &seeds->committed));
    return ss_allocate(count, sizeof *seeds->pending, &seeds->pending);
}

void ss_seeds_close(ss_seeds *seeds)
{
    ss_walk_close(&seeds->walk);
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        free(seeds->final[quantity]);
    }
    free(seeds->status);
    free(seeds->committed);
    free(seeds->pending);
    *seeds = (ss_seeds){0};
}

static ss_error note_run(void *context, const ss_walked *at)
{
    ss_seeds *seeds = context;
    const ss_record *record = at->record;
    int64_t s = at->seed_index;
    bool trusted = ss_record_trusted(record, &at->run, at->trajectory);
    bool done = trusted && record->status == SS_RUN_DONE;
    double error = done ? at->trajectory[at->run.checkpoint_count - 1] : NAN;
    seeds->status[s] = trusted ? (ss_run_status)record->status : SS_RUN_PENDING;
    seeds->committed[s] = trusted;
    seeds->pending[s] = !ss_record_committed(record);
    seeds->final[SS_QUANTITY_ERROR][s] = error;
    seeds->final[SS_QUANTITY_RELATIVE_ERROR][s] = error / record->truth_norm;
    return SS_OK;
}

ss_error ss_seeds_read(ss_seeds *seeds, int64_t cell)
{
    return ss_walk_cell(&seeds->walk, cell, note_run, seeds);
}

ss_stopping ss_seeds_judge(const ss_seeds *seeds)
{
    const double *values[] = {seeds->final[SS_QUANTITY_ERROR],
                              seeds->final[SS_QUANTITY_RELATIVE_ERROR]};
    return seeds->rule.target > 0
               ? ss_stopping_of(&seeds->rule, seeds->committed, values, SS_QUANTITIES)
               : (ss_stopping){SS_STOPPING_MET, seeds->rule.most, NAN, NAN};
}

ss_error ss_seeds_wanted(ss_seeds *seeds, int64_t cell, ss_stopping *wanted)
{
    if (seeds->rule.target > 0) {
        SS_TRY(ss_seeds_read(seeds, cell));
    }
    *wanted = ss_seeds_judge(seeds);
    return SS_OK;
}

int64_t ss_seeds_unwanted(const ss_seeds *seeds, const ss_stopping *wanted)
{
    int64_t unwanted = 0;
    for (int64_t s = wanted->seeds; s < seeds->rule.most; s++) {
        unwanted += seeds->pending[s];
    }
    return unwanted;
}

/* ---- the runs of the next round ---- */

static bool any_of_cell(const uint64_t *set, int64_t first, int64_t seeds)
{
    bool any = false;
    for (int64_t i = 0; i < seeds && !any; i++) {
        any = ss_pending_has(set, first + i);
    }
    return any;
}

/* Of the cell at hand, whose first task is `first`. Beyond those that it wants there may be runs
 * that were taken over: what is to be done of these again, is. */
static void choose_of_cell(const ss_seeds *seeds, int64_t first, int64_t wanted,
                           const uint64_t *pending, uint64_t *chosen)
{
    for (int64_t i = 0; i < seeds->rule.most; i++) {
        int64_t task = first + i;
        uint64_t bit = (uint64_t)1 << (task % 64);
        bool yes = (i < wanted || !seeds->pending[i]) && ss_pending_has(pending, task);
        chosen[task / 64] = yes ? chosen[task / 64] | bit : chosen[task / 64] & ~bit;
    }
}

ss_error ss_seeds_choose(const ss_store *store, const ss_task_order *tasks, const uint64_t *pending,
                         uint64_t *chosen)
{
    const ss_plan *plan = tasks->plan;
    ss_seeds seeds;
    ss_error error = ss_seeds_open(store, plan, &seeds);
    for (int64_t place = 0; place < plan->cells && error == SS_OK; place++) {
        ss_stopping wanted;
        int64_t first = place * plan->seeds;
        if (!any_of_cell(chosen, first, plan->seeds)) {
            continue;
        }
        error = ss_seeds_wanted(&seeds, tasks->order[place], &wanted);
        if (error == SS_OK) {
            choose_of_cell(&seeds, first, wanted.seeds, pending, chosen);
        }
    }
    ss_seeds_close(&seeds);
    return error;
}

/* ---- all cells, for people ---- */

static void count_cell(const ss_seeds *seeds, int64_t cell, const ss_stopping *wanted,
                       ss_seeds_survey *survey)
{
    survey->unwanted += ss_seeds_unwanted(seeds, wanted);
    survey->cells[wanted->state]++;
    survey->fewest = wanted->seeds < survey->fewest ? wanted->seeds : survey->fewest;
    survey->most = wanted->seeds > survey->most ? wanted->seeds : survey->most;
    bool worse = survey->worst_cell < 0 ||
                 !(wanted->standard_error <= survey->worst.standard_error); /* NaN is worst */
    if (wanted->state == SS_STOPPING_MISSED && worse) {
        survey->worst_cell = cell;
        survey->worst = *wanted;
    }
}

ss_error ss_seeds_look(const ss_store *store, const ss_plan *plan, ss_seeds_survey *survey)
{
    ss_seeds seeds;
    *survey = (ss_seeds_survey){.fewest = plan->seeds, .worst_cell = -1};
    if (!(plan->spec->until_se > 0)) {
        return SS_OK;
    }
    ss_error error = ss_seeds_open(store, plan, &seeds);
    for (int64_t cell = 0; cell < plan->cells && error == SS_OK; cell++) {
        ss_stopping wanted;
        error = ss_seeds_wanted(&seeds, cell, &wanted);
        if (error == SS_OK) {
            count_cell(&seeds, cell, &wanted, survey);
        }
    }
    ss_seeds_close(&seeds);
    return error;
}

static void print_worst(const ss_plan *plan, const ss_seeds_survey *survey)
{
    char n[SS_SAMPLES_TEXT_SIZE];
    char m[SS_SAMPLES_TEXT_SIZE];
    char activation[SS_ACTIVATION_TEXT_SIZE];
    ss_run run = ss_plan_run(plan, survey->worst_cell, 0);
    bool compares = ss_spec_compares_row_norms(plan->spec);
    printf("  the worst: cell %" PRId64 " (d %" PRId64 ", k %" PRId64 ", k0 %" PRId64
           ", n %s, m %s, %s%s%s)",
           survey->worst_cell, run.d, run.k, run.k0, ss_samples_text(run.n, n),
           ss_samples_text(run.m, m), ss_activation_format(run.activation, activation),
           compares ? ", row norms " : "",
           compares ? ss_train_row_norm_name(run.train_row_norm) : "");
    if (isnan(survey->worst.standard_error)) {
        printf(", of which fewer than two runs have an error\n");
    } else {
        printf(": %.3g %%; it would take about %.0f seeds\n", 100 * survey->worst.standard_error,
               survey->worst.estimate);
    }
}

static const char *plural(int64_t cells)
{
    return cells == 1 ? "" : "s";
}

void ss_seeds_print(const ss_plan *plan, const ss_seeds_survey *survey)
{
    const int64_t *cells = survey->cells;
    double percent = 100 * plan->spec->until_se;
    if (!(percent > 0)) {
        return;
    }
    printf("%" PRId64 " of %" PRId64 " cells have a standard error within %g %% of their mean; the "
           "cells want %" PRId64 " to %" PRId64 " seeds\n",
           cells[SS_STOPPING_MET], plan->cells, percent, survey->fewest, survey->most);
    if (cells[SS_STOPPING_MISSED] > 0) {
        printf("%" PRId64 " cell%s missed that with %" PRId64 " seeds, the most (grid.seed.max); "
               "a file with more of them goes on from here by --reuse\n",
               cells[SS_STOPPING_MISSED], plural(cells[SS_STOPPING_MISSED]), plan->seeds);
        print_worst(plan, survey);
    }
    if (cells[SS_STOPPING_GIVEN_UP] > 0) {
        printf("%" PRId64 " cell%s get no more seeds, as none of the first %" PRId64
               " has a finite error\n",
               cells[SS_STOPPING_GIVEN_UP], plural(cells[SS_STOPPING_GIVEN_UP]),
               plan->spec->first_seeds);
    }
}
