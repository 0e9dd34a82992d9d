/*
 * The 64-byte record of a run in the result file, /run[cell, seed]: the C struct is the file's
 * layout, field by field. Little-endian machines only (checked when a file is opened).
 */
#ifndef SADDLESWEEP_RECORD_H
#define SADDLESWEEP_RECORD_H

#include "saddlesweep/run.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ss_record {
    int32_t status;               /* ss_run_status */
    int32_t rank;                 /* of the rank that ran it */
    int64_t iterations;           /* completed, or where it diverged or failed */
    double truth_norm;            /* ‖Z*‖_F */
    double seconds;               /* wall time of the run */
    uint64_t identity;            /* ss_run_identity of the run */
    uint64_t trajectory_checksum; /* XXH3 (64 bits) of the run's results (ss_run_result_count) */
    int32_t reason;               /* ss_run_reason */
    int16_t kernel;               /* ss_kernel_level */
    uint16_t grid;                /* ranks of its process grid; 0: the one-rank engine ran it */
    uint64_t record_checksum;     /* XXH3 (64 bits) of the 56 bytes before it */
} ss_record;

_Static_assert(sizeof(ss_record) == 64, "a record is 64 bytes in the file");

/* The record of a run that ended, checksums included. `trajectory` has ss_run_result_count(run)
 * values, here and below. */
ss_record ss_record_of(const ss_run *run, const ss_run_outcome *outcome, int rank,
                       const double *trajectory);

/* Nothing was ever written here: the record as the file was created with it. */
bool ss_record_untouched(const ss_record *record);

/* A run of this place that was stopped and saved part-way (FILE.h5.partial/): it is pending. Its
 * trajectory is not in /error. */
bool ss_record_partial(const ss_record *record, const ss_run *run);

/* The run is committed (DONE, DIVERGED or FAILED) and the record is whole. */
bool ss_record_committed(const ss_record *record);

/* The record is committed, and vouches for this trajectory of `count` values. */
bool ss_record_intact(const ss_record *record, const double *trajectory, int64_t count);

/* It is intact and belongs to this run: resume trusts nothing less. */
bool ss_record_trusted(const ss_record *record, const ss_run *run, const double *trajectory);

#endif
