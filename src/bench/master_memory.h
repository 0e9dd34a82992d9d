/* The memory that rank 0 needs for the plan, the order, the pending set and the queue. */
#ifndef SADDLESWEEP_BENCH_MASTER_MEMORY_H
#define SADDLESWEEP_BENCH_MASTER_MEMORY_H

#include "saddlesweep/error.h"

#include <stdint.h>

typedef struct ss_master_memory {
    double held_bytes;    /* resident while a sweep goes on */
    double peak_bytes;    /* while it is prepared; 0: this system does not tell */
    double queue_seconds; /* to count the runs, and to take all of them in batches */
} ss_master_memory;

/* Prepares `runs` runs, `seeds` (a divisor) a cell, as `run` does. Local. SS_ERR_MEMORY. */
ss_error ss_master_memory_measure(int64_t runs, int64_t seeds, ss_master_memory *out);

#endif
