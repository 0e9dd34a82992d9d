/* The disk space of a new result file, by system calls: so that HDF5 never finds a disk full. */
#ifndef SADDLESWEEP_STORE_SPACE_H
#define SADDLESWEEP_STORE_SPACE_H

#include "saddlesweep/error.h"

#include <stddef.h>
#include <sys/types.h>

/* A stretch of a file that is to hold NaN (float64, native order). */
typedef struct ss_space_range {
    off_t offset;
    size_t bytes;
} ss_space_range;

/* Makes `path` a file of that many bytes, to see whether they can be had. SS_ERR_IO if not. */
ss_error ss_space_try(const char *path, double bytes);

/* Reserves the space of an existing file of its size where the file system can (no later write
 * then finds the disk full), fills the ranges with NaN, and puts all on the disk. SS_ERR_IO. */
ss_error ss_space_fill(const char *path, const ss_space_range *ranges, int count);

/* Puts a file, or a folder's entries, on the disk. SS_ERR_IO. */
ss_error ss_space_sync(const char *path);

#endif
