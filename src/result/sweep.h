/* A sweep file, loaded for a subcommand: its text, its spec and its plan. */
#ifndef SADDLESWEEP_RESULT_SWEEP_H
#define SADDLESWEEP_RESULT_SWEEP_H

#include "../base/text.h"
#include "saddlesweep/plan.h"
#include "saddlesweep/store.h"

#include <mpi.h>

typedef struct ss_sweep {
    ss_text text;      /* the file, verbatim */
    ss_text overrides; /* one --set a line */
    ss_spec *spec;
    ss_plan plan; /* of all of it, or of a shard */
    char *label;  /* for people: its name, "figure1" or "figure1 2/5" */
} ss_sweep;

/* Reads and checks a sweep file, and takes a shard of it. Release with ss_sweep_release, even after
 * an error. Local. */
ss_error ss_sweep_load(const char *path, const ss_texts *overrides, ss_shard shard,
                       ss_sweep *sweep);

/* The same; only rank 0 reads the file. Collective. */
ss_error ss_sweep_load_all(MPI_Comm comm, const char *path, const ss_texts *overrides,
                           ss_shard shard, ss_sweep *sweep);

/* The sweep, or shard of one, that a result file was made from, out of its own attributes; checked
 * against the shape of the file. SS_ERR_FORMAT, SS_ERR_SPEC or SS_ERR_PLAN_DIFFERS if they do not
 * fit together. Release with ss_sweep_release, even after an error. Local. */
ss_error ss_sweep_of_store(const ss_store *store, const char *path, ss_sweep *sweep);

/* Whether a result file of this plan, but perhaps not on the same grids, may be gone on with:
 * SS_ERR_PLAN_DIFFERS if other runs of it are wide, or its wide runs are of another wide.block.
 * Local. */
ss_error ss_sweep_match_grids(const ss_store *store, const char *path, const ss_plan *plan);

/* Makes of a shard the whole sweep. SS_ERR_MEMORY. Local. */
ss_error ss_sweep_take_whole(ss_sweep *sweep);

/* Says on stderr which activations the theory excludes for the discriminator of a sweep that learns
 * marginals, and why: a line each. Local. */
void ss_sweep_warn(const ss_sweep *sweep);

void ss_sweep_release(ss_sweep *sweep);

#endif
