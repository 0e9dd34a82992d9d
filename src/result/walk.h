/* Goes over the runs of a result file, some at a time, records and trajectories together. */
#ifndef SADDLESWEEP_RESULT_WALK_H
#define SADDLESWEEP_RESULT_WALK_H

#include "../base/phase.h"
#include "saddlesweep/store.h"

typedef struct ss_walk {
    const ss_store *store;
    const ss_plan *plan;
    int64_t piece; /* runs read at once */
    ss_record *records;
    double *results; /* of them, ss_plan_result_count(plan) apart */
    int64_t visited; /* runs */
    ss_phase phase;
} ss_walk;

/* A run as the file has it, on the way. */
typedef struct ss_walked {
    int64_t cell;
    int64_t seed_index;
    ss_run run;               /* that the plan has at this place */
    const ss_record *record;  /* borrowed, as is … */
    const double *trajectory; /* … its results, to be looked at only if the record is committed */
} ss_walked;

/* An error ends the walk. */
typedef ss_error ss_visit(void *context, const ss_walked *at);

/* Begins a walk over the store, which must have the shape of the plan (ss_store_match), for what is
 * said of it if it takes long (phase.h; borrowed). Close it even after an error. Local, as all of
 * this. */
ss_error ss_walk_open(const ss_store *store, const ss_plan *plan, const char *what, ss_walk *walk);
void ss_walk_close(ss_walk *walk);

/* Visits all runs of a cell by ascending seed index. SS_ERR_STOPPED, or what visit() returns. */
ss_error ss_walk_cell(ss_walk *walk, int64_t cell, ss_visit *visit, void *context);

/* Visits all runs of the file, cell by cell. */
ss_error ss_walk_all(ss_walk *walk, ss_visit *visit, void *context);

#endif
