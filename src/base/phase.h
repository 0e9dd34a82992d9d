/* What the program is at, where that can take more than a second: it says so, and hears who wants
 * it to stop. */
#ifndef SADDLESWEEP_BASE_PHASE_H
#define SADDLESWEEP_BASE_PHASE_H

#include "saddlesweep/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ss_phase {
    const char *what; /* a gerund: "making the bands"; borrowed */
    int64_t total;    /* steps; of what kind is the caller's choice */
    int64_t next_look;
    int64_t stride;
    double began;
    double last_look;
    double next_word;
    bool spoken;
} ss_phase;

/* From now on this process says on stderr what it is at, under a name of at most 63 bytes (copied;
 * NULL: it is silent), in one line that is written over (`live`) or a line every 10 s. */
void ss_phase_speak(const char *name, bool live);

/* From now on phases ask, with what they are at, whether to stop (NULL: they do not). */
typedef bool ss_phase_stop(void *context, const char *what);
void ss_phase_listen(ss_phase_stop *stop, void *context);

/* Begins a phase; says nothing in its first second. End it even after an error. Local, as all. */
ss_phase ss_phase_begin(const char *what, int64_t total);
void ss_phase_end(ss_phase *phase);

/* So many steps are done. SS_ERR_STOPPED if it is to stop, unless it is done in a moment anyhow (it
 * has not yet lasted for 0.2 s). Cheap: looks at the clock about every 20 ms. */
ss_error ss_phase_step(ss_phase *phase, int64_t done);

#endif
