#include "seal.h"

#include "../base/memory.h"
#include "disk.h"
#include "probe.h"
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

typedef struct seal_range {
    int64_t offset;
    int64_t bytes;
} seal_range;

/* The block as it is in the file, little-endian. */
typedef struct seal {
    char title[64]; /* for people, and to know our files by */
    int64_t format_version;
    int64_t file_bytes;
    int64_t range_count;
    seal_range ranges[SS_SEAL_MOST_RANGES]; /* ascending; the rest 0 */
    XXH128_canonical_t digest;              /* of all bytes after the seal and outside the ranges */
    char unused[912];                       /* 0 */
    uint64_t checksum;                      /* XXH3 (64 bits) of the bytes before it */
} seal;

_Static_assert(sizeof(seal) == SS_SEAL_BYTES, "the seal fills the user block");

static const char title[64] = "saddlesweep result file; HDF5 begins at byte 2048\n";

static uint64_t checksum_of(const seal *s)
{
    return XXH3_64bits(s, offsetof(seal, checksum));
}

static int hash_stretch(int descriptor, off_t from, off_t to, XXH3_state_t *state, char *piece,
                        size_t piece_bytes)
{
    int cause = 0;
    while (from < to && cause == 0) {
        size_t bytes = to - from < (off_t)piece_bytes ? (size_t)(to - from) : piece_bytes;
        cause = ss_disk_read(descriptor, piece, bytes, from);
        XXH3_128bits_update(state, piece, cause == 0 ? bytes : 0);
        from += (off_t)bytes;
    }
    return cause;
}

/* The digest of the final bytes of a file of s->file_bytes with s->ranges. */
static ss_error digest_of(const char *path, int descriptor, const seal *s, XXH128_canonical_t *out)
{
    enum { PIECE = 1 << 18 };
    char *piece = NULL;
    SS_TRY(ss_allocate(PIECE, 1, &piece));
    XXH3_state_t *state = XXH3_createState();
    if (!state) {
        free(piece);
        return ss_fail(SS_ERR_MEMORY, "out of memory for the digest of %s", path);
    }
    XXH3_128bits_reset(state);
    int cause = 0;
    off_t from = SS_SEAL_BYTES;
    for (int64_t i = 0; i < s->range_count && cause == 0; i++) {
        cause = hash_stretch(descriptor, from, s->ranges[i].offset, state, piece, PIECE);
        from = s->ranges[i].offset + s->ranges[i].bytes;
    }
    if (cause == 0) {
        cause = hash_stretch(descriptor, from, s->file_bytes, state, piece, PIECE);
    }
    XXH128_canonicalFromHash(out, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    free(piece);
    return cause == 0 ? SS_OK : ss_fail(SS_ERR_IO, "%s: cannot be read: %s", path, strerror(cause));
}

static int compare_ranges(const void *a, const void *b)
{
    const ss_space_range *first = a;
    const ss_space_range *second = b;
    return (first->offset > second->offset) - (first->offset < second->offset);
}

static ss_error seal_open_file(const char *path, int descriptor, int64_t version,
                               ss_space_range *ranges, int count)
{
    struct stat information;
    if (fstat(descriptor, &information) != 0) {
        return ss_fail(SS_ERR_IO, "%s: cannot be examined: %s", path, strerror(errno));
    }
    seal s = {
        .format_version = version,
        .file_bytes = information.st_size,
        .range_count = count,
    };
    memcpy(s.title, title, sizeof title);
    qsort(ranges, (size_t)count, sizeof *ranges, compare_ranges);
    for (int i = 0; i < count; i++) {
        s.ranges[i] = (seal_range){ranges[i].offset, (int64_t)ranges[i].bytes};
    }
    SS_TRY(digest_of(path, descriptor, &s, &s.digest));
    s.checksum = checksum_of(&s);
    int cause = ss_disk_write(descriptor, &s, sizeof s, 0);
    return cause == 0 ? SS_OK : ss_disk_failed(path, "cannot be sealed", cause);
}

ss_error ss_seal_write(const char *path, int64_t version, ss_space_range *ranges, int count)
{
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) {
        return ss_disk_failed(path, "cannot be opened", errno);
    }
    ss_error error = seal_open_file(path, descriptor, version, ranges, count);
    close(descriptor);
    return error;
}

static ss_error wrong_version(const char *path, int64_t version)
{
    return ss_fail(SS_ERR_FORMAT,
                   "%s: has format_version %" PRId64 ", this program reads %d to %d; use the %s "
                   "program, or name another file",
                   path, version, SS_STORE_OLDEST_VERSION, SS_STORE_FORMAT_VERSION,
                   version < SS_STORE_OLDEST_VERSION ? "older" : "newer");
}

static ss_error foreign(const char *path, const char *what)
{
    return ss_fail(SS_ERR_FORMAT, "%s: is not a result file of saddlesweep (%s); name another file",
                   path, what);
}

/* What to say of a file whose seal, if any, does not hold; `what` if it looks like one of ours. */
static ss_error explain(const char *path, bool sealed, const char *what)
{
    int64_t version = 0;
    switch (ss_probe_file(path, &version)) {
    case SS_PROBE_FOREIGN:
        return foreign(path, "its attribute \"format\" is not \"" SS_STORE_FORMAT "\"");
    case SS_PROBE_OURS:
        if (!ss_store_knows(version)) {
            return wrong_version(path, version);
        }
        break;
    case SS_PROBE_FAILED:
        return ss_fail(SS_ERR_IO, "%s: cannot be examined: %s", path, strerror(errno));
    case SS_PROBE_NOT_HDF5:
        if (!sealed) {
            return foreign(path, "HDF5 cannot open it");
        }
        break;
    }
    return ss_fail(SS_ERR_FORMAT,
                   "%s: %s; restore it from a copy, name another file, or let `saddlesweep verify "
                   "--reseal` examine it",
                   path, what);
}

static bool ranges_make_sense(const seal *s)
{
    int64_t end = SS_SEAL_BYTES;
    if (s->range_count < 0 || s->range_count > SS_SEAL_MOST_RANGES) {
        return false;
    }
    for (int64_t i = 0; i < s->range_count; i++) {
        const seal_range *range = &s->ranges[i];
        if (range->offset < end || range->bytes < 0 || range->bytes > s->file_bytes ||
            range->offset > s->file_bytes - range->bytes) {
            return false;
        }
        end = range->offset + range->bytes;
    }
    return true;
}

static ss_error check_length(const char *path, int64_t found, int64_t made)
{
    if (found > made) {
        return explain(path, true, "another program has made it longer");
    }
    return found == made ? SS_OK
                         : ss_fail(SS_ERR_FORMAT,
                                   "%s: is truncated: it has %" PRId64 " of its %" PRId64
                                   " bytes; restore it from a copy, or name another file",
                                   path, found, made);
}

/* A file without a seal that holds. */
static ss_error check_unsealed(const char *path, const seal *s, int64_t length)
{
    if (memcmp(s->title, title, sizeof title) != 0) {
        return explain(path, false, "does not begin with the seal of a result file");
    }
    return length < SS_SEAL_BYTES
               ? check_length(path, length, SS_SEAL_BYTES)
               : explain(path, true, "its first 2048 bytes, the seal, are damaged");
}

static ss_error check_open_file(const char *path, int descriptor)
{
    seal s = {.title = ""};
    XXH128_canonical_t digest;
    struct stat information;
    if (fstat(descriptor, &information) != 0) {
        return ss_fail(SS_ERR_IO, "%s: cannot be examined: %s", path, strerror(errno));
    }
    if (S_ISDIR(information.st_mode)) {
        return ss_fail(SS_ERR_USAGE, "%s: is a folder; name a file", path);
    }
    if (!S_ISREG(information.st_mode)) {
        return foreign(path, "it is no regular file");
    }
    bool short_file = information.st_size < (off_t)sizeof s;
    int cause = ss_disk_read(descriptor, &s, sizeof s, 0);
    if (cause != 0 && !short_file) {
        return ss_fail(SS_ERR_IO, "%s: cannot be read: %s", path, strerror(cause));
    }
    if (cause != 0 || s.checksum != checksum_of(&s)) {
        return check_unsealed(path, &s, information.st_size);
    }
    if (!ss_store_knows(s.format_version)) {
        return wrong_version(path, s.format_version);
    }
    SS_TRY(check_length(path, information.st_size, s.file_bytes));
    if (!ranges_make_sense(&s)) {
        return explain(path, true, "its first 2048 bytes, the seal, make no sense");
    }
    SS_TRY(digest_of(path, descriptor, &s, &digest));
    return memcmp(&digest, &s.digest, sizeof digest) == 0
               ? SS_OK
               : explain(path, true, "its metadata is damaged, or another program has changed it");
}

ss_error ss_seal_check(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return ss_fail(ss_disk_fault_of(errno), "%s: cannot be opened: %s", path, strerror(errno));
    }
    ss_error error = check_open_file(path, descriptor);
    close(descriptor);
    return error;
}
