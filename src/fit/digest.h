/* The digest of a whole file, by which anyone can tell which file a fit is of. */
#ifndef SADDLESWEEP_FIT_DIGEST_H
#define SADDLESWEEP_FIT_DIGEST_H

#include "saddlesweep/error.h"

#include <stdint.h>

typedef struct ss_file_digest {
    int64_t bytes;
    char xxh128[33]; /* XXH3 (128 bits) of all bytes in hexadecimal, as `xxhsum -H2` prints it */
} ss_file_digest;

/* Reads the whole file. SS_ERR_USAGE if it cannot be opened, SS_ERR_IO. Local. */
ss_error ss_file_digest_of(const char *path, ss_file_digest *out);

#endif
