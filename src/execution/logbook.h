/* What `run` notes about itself in /execution: a record when it begins, the same one when it ends.
 */
#ifndef SADDLESWEEP_EXECUTION_LOGBOOK_H
#define SADDLESWEEP_EXECUTION_LOGBOOK_H

#include "saddlesweep/store.h"
#include "session.h"

typedef struct ss_logbook {
    ss_execution_record record;
    int row;      /* rank 0: where it is; -1: nowhere, there is nothing to end */
    double begun; /* on the monotonic clock */
} ss_logbook;

/* Of an execution that has not begun. */
ss_logbook ss_logbook_blank(void);

/*
 * Notes that an execution has begun, as one that has not ended: in the first row that holds no
 * whole record, else in the last one. Clears the other rows that are damaged.
 *
 * hosts   in   the names of all hosts, comma-separated; rank 0
 * kernel  in   name of this rank's kernel; rank 0
 *
 * Collective, rank 0 writes; not synced. SS_ERR_IO, SS_ERR_MEMORY.
 */
ss_error ss_logbook_begin(const ss_session *session, ss_store *store, const char *hosts,
                          const char *kernel, ss_logbook *logbook);

/* Notes how it ended, if it has begun, and puts that on the disk. Rank 0 alone; SS_ERR_IO. */
ss_error ss_logbook_end(ss_logbook *logbook, ss_store *store, int64_t runs, int exit_status);

/* Adds the executions that another file has recorded, unless they are there; one that had not ended
 * when it was added before is replaced. Not synced. Local; SS_ERR_IO. */
ss_error ss_logbook_copy(const ss_store *from, ss_store *to);

#endif
