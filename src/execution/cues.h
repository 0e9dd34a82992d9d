/*
 * Cues, for tests: what is to happen at a given step of a given run, so that no test waits until
 * something happens to happen. SADDLESWEEP_TEST_CUES names them, separated by commas:
 *
 *   CELL/SEED@STEP=ACTION      cell and seed by their numbers in the file, from 0
 *   PHASE=ACTION               where no run is in flight: base/phase.h, with - for a space
 *
 *   USR1   the process sends itself SIGUSR1: it stops here
 *   KILL   it sends itself SIGKILL
 *   SAVE   the run in flight is saved, as --checkpoint does
 *   HOLD   the run goes no further until it is stopped or SIGUSR2 comes. Its rank still answers
 *          the others, hears signals, and saves in time. It says so on stderr.
 *
 * In a phase it is USR1 or KILL that comes, after its first 0.2 s. Every rank that computes a run
 * gives its cues. Without the variable a step costs one comparison.
 */
#ifndef SADDLESWEEP_EXECUTION_CUES_H
#define SADDLESWEEP_EXECUTION_CUES_H

#include "saddlesweep/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum ss_cue_action { SS_CUE_STOP, SS_CUE_KILL, SS_CUE_SAVE, SS_CUE_HOLD } ss_cue_action;

typedef struct ss_cue {
    int64_t cell;
    int64_t seed_index;
    int64_t step;
    char phase[48]; /* in place of these three; "": of a run */
    ss_cue_action action;
} ss_cue;

enum { SS_CUES = 16 };

typedef struct ss_cues {
    ss_cue all[SS_CUES];
    int count;

    /* the run in progress */
    int64_t cell;
    int64_t seed_index;
    int64_t next; /* step of its next cue; INT64_MAX: none */
    bool holds;   /* it is not to go on */
} ss_cues;

/* Reads the environment. SS_ERR_USAGE with the part that is wrong. Local. */
ss_error ss_cues_read(ss_cues *cues);

/* From here on a run of this place is in progress. Local. */
void ss_cues_begin(ss_cues *cues, int64_t cell, int64_t seed_index);

/* Does what is to happen after `step` steps; whether the run is to be saved. Call it with ascending
 * steps, when cues->next has come. `tells`: whether this rank speaks for the run. Local. */
bool ss_cues_give(ss_cues *cues, int64_t step, bool tells);

/* Does what is to happen in this phase. Local. */
void ss_cues_give_phase(const ss_cues *cues, const char *what);

/* Whether the run is still to wait; waits a little if so. Local. */
bool ss_cues_hold(ss_cues *cues);

#endif
