/* Times and sizes as Slurm's options write them. */
#ifndef SADDLESWEEP_SLURM_UNITS_H
#define SADDLESWEEP_SLURM_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A time limit (sbatch(1), --time): minutes, minutes:seconds, hours:minutes:seconds, days-hours,
 * days-hours:minutes, days-hours:minutes:seconds. False unless it is one, above 0. */
bool ss_slurm_seconds(const char *text, int64_t *seconds);

/* "02:30:00", "1-02:30:00" into `buffer`, which is returned. */
const char *ss_slurm_time(int64_t seconds, char *buffer, size_t size);

/* A size of memory (sbatch(1), --mem): a number of MiB, or with K, M, G or T. False unless it is
 * one. */
bool ss_slurm_mebibytes(const char *text, double *mebibytes);

#endif
