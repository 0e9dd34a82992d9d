#ifndef SADDLESWEEP_BASE_PROCESS_H
#define SADDLESWEEP_BASE_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/* When a process of this host started, in clock ticks since the host did: with its number it names
 * the process for good. 0 if there is none, or only its exit status is left. */
int64_t ss_process_start(pid_t process);

/* The name of this host; owned by the library. */
const char *ss_process_host(void);

#endif
