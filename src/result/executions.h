/* What the records of executions in a result file say, for people. */
#ifndef SADDLESWEEP_RESULT_EXECUTIONS_H
#define SADDLESWEEP_RESULT_EXECUTIONS_H

#include "saddlesweep/store.h"

typedef struct ss_executions {
    bool recorded; /* the file has room for them */
    int count;     /* records that are whole … */
    int damaged;   /* … and rows that are neither whole nor blank */
    bool damaged_row[SS_EXECUTION_ROWS];
    ss_execution_record records[SS_EXECUTION_ROWS]; /* the whole ones, by ascending number */
} ss_executions;

/* Reads all of them. *executions is the caller's to free(), NULL after an error: SS_ERR_IO,
 * SS_ERR_MEMORY. Local. */
ss_error ss_executions_read(const ss_store *store, ss_executions **executions);

/* Prints "3", or "3, 1 damaged": how many there were, also those that later ones have replaced. No
 * line end. */
void ss_executions_print_count(const ss_executions *executions);

/* Prints "job 12 on n1,n2, 4 ranks, avx512, restart 1, exit status 75". */
void ss_executions_print_one(const ss_execution_record *record);

/* Prints a table of all records, on stdout. SS_ERR_MEMORY. */
ss_error ss_executions_print(const ss_executions *executions);

#endif
