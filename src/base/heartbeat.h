/* A file that is touched again and again: others see by its age that its owner lives. */
#ifndef SADDLESWEEP_BASE_HEARTBEAT_H
#define SADDLESWEEP_BASE_HEARTBEAT_H

enum { SS_HEARTBEAT_SECONDS = 10 };

typedef struct ss_heartbeat ss_heartbeat;

/* Sets the file's time of change to now every SS_HEARTBEAT_SECONDS, from a thread that hears no
 * signals. `descriptor` is borrowed until the end. NULL if there can be no thread. Local. */
ss_heartbeat *ss_heartbeat_begin(int descriptor);

/* Ends it, and sets *heartbeat to NULL, which it may be before. */
void ss_heartbeat_end(ss_heartbeat **heartbeat);

#endif
