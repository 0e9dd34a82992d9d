#ifndef SADDLESWEEP_BASE_PROCESS_H
#define SADDLESWEEP_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* When a process of this host started, in clock ticks since the host did: with its number it names
 * the process for good. 0 if there is none, or only its exit status is left. */
int64_t ss_process_start(pid_t process);

/* Notes who has started this process: at its beginning, before that one may have ended. */
void ss_process_note_parent(void);

/* Whether that one has ended, or may have: its children are handed to process 1, or to one that
 * has asked for them. */
bool ss_process_is_orphan(void);

/* Ends this process (exit status 1, without a word) if the noted one has ended. For a heartbeat. */
void ss_process_end_if_orphan(void *unused);

/* The name of this host; owned by the library. */
const char *ss_process_host(void);

#endif
