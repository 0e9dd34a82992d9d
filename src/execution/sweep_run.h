/* A sweep in progress, for the files of `run`: execution.c (before and after its runs), phases.c
 * (its runs) and round.c (which of them come next). */
#ifndef SADDLESWEEP_EXECUTION_SWEEP_RUN_H
#define SADDLESWEEP_EXECUTION_SWEEP_RUN_H

#include "execution.h"
#include "logbook.h"
#include "output.h"
#include "reuse.h"
#include "wide_phase.h"

/* One rank's part of a sweep in progress. */
typedef struct ss_sweep_run {
    const ss_session *session;
    const ss_execution_options *options;
    ss_sweep sweep;
    ss_task_order tasks;
    ss_workspace *workspace;
    ss_output output;
    ss_text hosts; /* rank 0 */
    ss_logbook logbook;
    ss_sched_summary summary;
    ss_reuse reuse;     /* rank 0 */
    uint64_t *round;    /* rank 0: tasks of this round; NULL: all that are pending */
    double *trajectory; /* and all other results, of the run in progress */
    ss_cues cues;
    ss_flight alone;           /* of runs on this rank alone */
    ss_flight *flight;         /* of the runs of this phase: that, or a grid's */
    int64_t saved;             /* runs that were stopped and saved on all ranks, and … */
    int64_t continued;         /* … that went on from a save */
    ss_wide_forecast forecast; /* of the runs that go on process grids */
    ss_wide_phase *wide;       /* while they do; NULL before and after */

    /* what this rank has committed and not yet synced */
    bool unsynced;
    double next_sync;
    ss_ticker ticker;
    ss_error sync_error; /* met in the middle of a run */
    ss_sched_poll poll;  /* of the run in progress */
    void *poll_context;
} ss_sweep_run;

/* Puts on the disk what this rank has committed since it was last done. Local; SS_ERR_IO. */
ss_error ss_phases_sync(void *sweep_run);

/* Where seeds are added (grid.seed.until_se): sets r->round to the tasks that cells want by what is
 * committed now, and *runs, on all ranks, to how many they are. `number` is 1, 2, …; the round
 * before must have ended, all of its runs being committed. Collective; SS_ERR_IO, SS_ERR_MEMORY. */
ss_error ss_round_begin(ss_sweep_run *r, int64_t number, int64_t *runs);

/* Executes and commits what is pending and wanted: wide runs on process grids, then the others;
 * sets summary, saved and continued, the same on all ranks. Collective; errors as
 * ss_sched_execute's. */
ss_error ss_phases_execute(ss_sweep_run *r);

#endif
