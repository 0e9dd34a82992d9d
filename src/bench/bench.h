/*
 * What the sections of `saddlesweep bench` share. A section measures one part of the program: it
 * has a file of its own, and a row in the table of bench.c.
 */
#ifndef SADDLESWEEP_BENCH_BENCH_H
#define SADDLESWEEP_BENCH_BENCH_H

#include "saddlesweep/error.h"

#include <jansson.h>
#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ss_bench {
    MPI_Comm comm;
    int rank;
    int ranks;
    bool quick;   /* shorter measurements, less exact */
    bool stopped; /* by a signal: a section that finds it set returns at once */

    /* of the section scale */
    double latency_seconds; /* of the simulated network */
    double service_seconds; /* rank 0's for a message; 0: as measured */
    int64_t runs_a_rank;
} ss_bench;

typedef struct ss_bench_section {
    const char *name; /* on the command line, and the key of its figures */
    const char *summary;

    /* Measures, fills `figures` (an object of its own on every rank; rank 0's is the one that is
     * written) and prints its table on rank 0. Collective. */
    ss_error (*measure)(ss_bench *bench, json_t *figures);
} ss_bench_section;

/* Section `index` in the order of measurement; NULL after the last. */
const ss_bench_section *ss_bench_section_at(int index);

/* The sections. */
ss_error ss_bench_kernel(ss_bench *bench, json_t *figures);
ss_error ss_bench_dispatch(ss_bench *bench, json_t *figures);
ss_error ss_bench_scale(ss_bench *bench, json_t *figures);
ss_error ss_bench_wide(ss_bench *bench, json_t *figures);

/* Adds a number to an object under a key, and prints "  <label>  <number> <unit>" on rank 0. */
void ss_bench_add(const ss_bench *bench, json_t *object, const char *key, double number,
                  const char *label, const char *unit);

/* The median of `count` values, which are sorted. */
double ss_bench_median(double *values, size_t count);

#endif
