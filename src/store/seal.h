/*
 * The seal of a result file: its first 2048 bytes (HDF5's user block), written once at creation. It
 * vouches for every byte that never changes afterwards, the file's metadata above all: HDF5 1.10
 * can crash on damaged metadata, so it is given no file whose seal does not hold.
 * docs/result-file.md has the layout.
 */
#ifndef SADDLESWEEP_STORE_SEAL_H
#define SADDLESWEEP_STORE_SEAL_H

#include "saddlesweep/error.h"
#include "space.h"

#include <stdint.h>

enum {
    SS_SEAL_BYTES = 2048, /* HDF5 wants a power of two from 512 on */
    SS_SEAL_MOST_RANGES = 64
};

/*
 * Seals a file of this format_version that HDF5 has closed. `ranges` (count, at most
 * SS_SEAL_MOST_RANGES; sorted in place) are the stretches that runs and reductions write to; all
 * other bytes are final. Not synced. SS_ERR_IO, SS_ERR_MEMORY.
 */
ss_error ss_seal_write(const char *path, int64_t version, ss_space_range *ranges, int count);

/*
 * SS_OK if the file is ours, of a format_version that is read here, as long as it was made, and no
 * final byte has changed. SS_ERR_USAGE if it cannot be opened; SS_ERR_FORMAT says what it is
 * instead: of another program, of another version, truncated, damaged, changed. Reads all final
 * bytes: 40 kB and about 100 bytes a cell, 2 ms for 100,000 cells. Local.
 */
ss_error ss_seal_check(const char *path);

#endif
