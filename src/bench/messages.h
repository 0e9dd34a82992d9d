/* What the scheduler's messages cost between this communicator's ranks. */
#ifndef SADDLESWEEP_BENCH_MESSAGES_H
#define SADDLESWEEP_BENCH_MESSAGES_H

#include <mpi.h>
#include <stdbool.h>

typedef struct ss_message_costs {
    double round_trip; /* seconds: request of a rank that waits, answer of one that waits */
    double service;    /* seconds of rank 0 for a request that has arrived, answer included */
} ss_message_costs;

/* Measures; 0 and 0 on a single rank, which sends no messages. Collective; the same on all. */
ss_message_costs ss_message_costs_measure(MPI_Comm comm, bool quick);

#endif
