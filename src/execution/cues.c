/* Cues: see cues.h. */
#include "cues.h"

#include "../base/clock.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const actions[] = {
    [SS_CUE_STOP] = "USR1",
    [SS_CUE_KILL] = "KILL",
    [SS_CUE_SAVE] = "SAVE",
    [SS_CUE_HOLD] = "HOLD",
};
enum { ACTIONS = sizeof actions / sizeof actions[0] };

static volatile sig_atomic_t released;

static void release(int signal_number)
{
    (void)signal_number;
    released = 1;
}

static bool find_action(const char *name, ss_cue_action *action)
{
    for (int i = 0; i < ACTIONS; i++) {
        if (strcmp(name, actions[i]) == 0) {
            *action = (ss_cue_action)i;
            return true;
        }
    }
    return false;
}

/* How many fields of a cue there are, of four, and how long it is: of a run, or … */
static int scan_run(const char *text, ss_cue *cue, char name[5], int *length)
{
    cue->phase[0] = '\0';
    int fields = sscanf(text, "%" SCNd64 "/%" SCNd64 "@%" SCNd64 "=%4[A-Z1]%n", &cue->cell,
                        &cue->seed_index, &cue->step, name, length);
    return cue->cell >= 0 && cue->seed_index >= 0 && cue->step >= 0 ? fields : 0;
}

/* … of a phase. */
static int scan_phase(const char *text, ss_cue *cue, char name[5], int *length)
{
    cue->cell = -1;
    return 2 + sscanf(text, "%47[a-z-]=%4[A-Z1]%n", cue->phase, name, length);
}

/* Reads one cue and the comma behind it; how long they are, 0 if they are none. */
static int read_cue(const char *text, ss_cue *cue)
{
    char name[5];
    int length = 0;
    int fields =
        text[0] >= 'a' ? scan_phase(text, cue, name, &length) : scan_run(text, cue, name, &length);
    bool more = text[length] == ',';
    bool whole = fields == 4 && (more || text[length] == '\0');
    return whole && find_action(name, &cue->action) ? length + more : 0;
}

ss_error ss_cues_read(ss_cues *cues)
{
    const char *text = getenv("SADDLESWEEP_TEST_CUES");
    *cues = (ss_cues){.next = INT64_MAX};
    while (text && *text) {
        int length = cues->count < SS_CUES ? read_cue(text, &cues->all[cues->count]) : 0;
        if (length == 0) {
            return ss_fail(
                SS_ERR_USAGE,
                "SADDLESWEEP_TEST_CUES: found \"%s\", expected at most %d times "
                "CELL/SEED@STEP=ACTION or PHASE=ACTION, ACTION being USR1, KILL, SAVE or HOLD",
                text, SS_CUES);
        }
        cues->count++;
        text += length;
    }
    if (cues->count > 0) {
        signal(SIGUSR2, release);
    }
    return SS_OK;
}

static bool is_of_run(const ss_cues *cues, const ss_cue *cue)
{
    return cue->cell == cues->cell && cue->seed_index == cues->seed_index;
}

/* The next one is the first at `step` or later. */
static void find_next(ss_cues *cues, int64_t step)
{
    cues->next = INT64_MAX;
    for (int i = 0; i < cues->count; i++) {
        const ss_cue *cue = &cues->all[i];
        if (is_of_run(cues, cue) && cue->step >= step && cue->step < cues->next) {
            cues->next = cue->step;
        }
    }
}

void ss_cues_begin(ss_cues *cues, int64_t cell, int64_t seed_index)
{
    cues->cell = cell;
    cues->seed_index = seed_index;
    cues->holds = false;
    find_next(cues, 0);
}

static void begin_hold(ss_cues *cues, int64_t step, bool tells)
{
    released = 0;
    cues->holds = true;
    if (tells) {
        fprintf(stderr, "held: %" PRId64 "/%" PRId64 "@%" PRId64 "\n", cues->cell, cues->seed_index,
                step);
    }
}

bool ss_cues_give(ss_cues *cues, int64_t step, bool tells)
{
    bool save = false;
    for (int i = 0; i < cues->count; i++) {
        const ss_cue *cue = &cues->all[i];
        if (!is_of_run(cues, cue) || cue->step != step) {
            continue; /* a run that goes on from a save has passed some */
        }
        if (cue->action == SS_CUE_SAVE) {
            save = true;
        } else if (cue->action == SS_CUE_HOLD) {
            begin_hold(cues, step, tells);
        } else {
            raise(cue->action == SS_CUE_KILL ? SIGKILL : SIGUSR1);
        }
    }
    find_next(cues, step + 1);
    return save;
}

void ss_cues_give_phase(const ss_cues *cues, const char *what)
{
    for (int i = 0; i < cues->count; i++) {
        char name[sizeof cues->all[i].phase] = "";
        for (size_t at = 0; what[at] && at + 1 < sizeof name; at++) {
            name[at] = what[at];
            if (name[at] == ' ') {
                name[at] = '-';
            }
        }
        if (strcmp(name, cues->all[i].phase) == 0) {
            raise(cues->all[i].action == SS_CUE_KILL ? SIGKILL : SIGUSR1);
        }
    }
}

bool ss_cues_hold(ss_cues *cues)
{
    cues->holds = cues->holds && !released;
    if (cues->holds) {
        ss_clock_sleep(2e-3);
    }
    return cues->holds;
}
