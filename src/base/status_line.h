/* How far something is, on stderr: one line that is written over (`live`), or lines of a log. */
#ifndef SADDLESWEEP_BASE_STATUS_LINE_H
#define SADDLESWEEP_BASE_STATUS_LINE_H

#include <stdbool.h>

/* Seconds between two of them. */
double ss_status_interval(bool live);

void ss_status_print(bool live, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes away a line that is written over. */
void ss_status_clear(void);

#endif
