/* A thread that does one thing again and again, beside what this process is at. */
#ifndef SADDLESWEEP_BASE_HEARTBEAT_H
#define SADDLESWEEP_BASE_HEARTBEAT_H

typedef struct ss_heartbeat ss_heartbeat;

/* Calls beat(context), which must be safe beside all else, every so many seconds from a thread that
 * hears no signals. `context` is borrowed until the end. NULL if there can be no thread. Local. */
ss_heartbeat *ss_heartbeat_begin(double seconds, void (*beat)(void *context), void *context);

/* Ends it, when no beat is under way, and sets *heartbeat to NULL, which it may be before. */
void ss_heartbeat_end(ss_heartbeat **heartbeat);

#endif
