/* Looks at a file that HDF5 may crash on, in a process of its own. */
#ifndef SADDLESWEEP_STORE_PROBE_H
#define SADDLESWEEP_STORE_PROBE_H

#include <stdint.h>

typedef enum ss_probe_finding {
    SS_PROBE_FAILED,   /* no process could look at it: errno says why */
    SS_PROBE_NOT_HDF5, /* HDF5 cannot open it, or crashes */
    SS_PROBE_FOREIGN,  /* HDF5, but its "format" is not ours */
    SS_PROBE_OURS,     /* *version is its format_version */
} ss_probe_finding;

/* What HDF5 takes the file for. For messages only: nothing else of the file is believed. Local. */
ss_probe_finding ss_probe_file(const char *path, int64_t *version);

#endif
