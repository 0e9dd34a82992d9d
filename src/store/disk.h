/* Reading and writing to the end, and what to tell people when a disk does not. */
#ifndef SADDLESWEEP_STORE_DISK_H
#define SADDLESWEEP_STORE_DISK_H

#include "saddlesweep/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads or writes all of it, in as many steps as the system takes. 0, or the errno of the one that
 * failed; EIO for a file that ends before its time. */
int ss_disk_read(int descriptor, void *data, size_t bytes, off_t offset);
int ss_disk_write(int descriptor, const void *data, size_t bytes, off_t offset);

/* Waits until a file's data, or a folder's names, are on the disk: 0, or the errno. Where the file
 * system knows no such order, *reason (ignored if NULL) is the errno that says so, else 0. */
int ss_disk_sync(int descriptor, int *reason);

/* Whether the file is on NFS. */
bool ss_disk_is_on_nfs(int descriptor);

/* What a file that cannot be opened is a case of: SS_ERR_USAGE (its name, or what the user may do
 * there) or SS_ERR_IO (the machine). */
ss_error ss_disk_fault_of(int cause);

/* No room: the disk, the quota or the largest size of a file. */
bool ss_disk_is_full(int cause);

/* ss_fail(SS_ERR_IO, "path: what: <reason>; <remedy>") for an errno. */
ss_error ss_disk_failed(const char *path, const char *what, int cause);

#endif
