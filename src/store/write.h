/* Writing to the end, and what to tell people when a disk does not take it. */
#ifndef SADDLESWEEP_STORE_WRITE_H
#define SADDLESWEEP_STORE_WRITE_H

#include "saddlesweep/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes all of it, in as many steps as the system takes. 0, or the errno of the one that failed.
 */
int ss_write_whole(int descriptor, const void *data, size_t bytes, off_t offset);

/* No room: the disk, the quota or the largest size of a file. */
bool ss_write_is_full(int cause);

/* ss_fail(SS_ERR_IO, "path: what: <reason>; <remedy>") for an errno. */
ss_error ss_write_failed(const char *path, const char *what, int cause);

#endif
