#include "space.h"

#include "../base/memory.h"
#include "../base/phase.h"
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

ss_error ss_space_try(const char *path, double bytes)
{
    int descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        return ss_disk_failed(path, "cannot be created", errno);
    }
    int cause = posix_fallocate(descriptor, 0, (off_t)bytes);
    close(descriptor);
    return ss_disk_is_full(cause) ? ss_disk_failed(path, "its space cannot be reserved", cause)
                                  : SS_OK;
}

enum { SYNC_BYTES = 1 << 28 };

typedef struct filling {
    const char *path;
    int descriptor;
    double *nans; /* a piece of them */
    size_t piece; /* bytes */
    size_t done;
    ss_phase phase;
} filling;

static ss_error fill_range(filling *f, const ss_space_range *range)
{
    for (size_t done = 0; done < range->bytes; done += f->piece) {
        size_t size = range->bytes - done < f->piece ? range->bytes - done : f->piece;
        SS_TRY(ss_phase_step(&f->phase, (int64_t)f->done));
        int cause = ss_disk_write(f->descriptor, f->nans, size, range->offset + (off_t)done);
        if (cause != 0) {
            return ss_disk_failed(f->path, "cannot be filled", cause);
        }
        f->done += size;
        if (f->done % SYNC_BYTES < size) { /* or the sync in the end takes all the time, deaf */
            cause = ss_disk_sync(f->descriptor, NULL);
        }
        if (cause != 0) {
            return ss_disk_failed(f->path, "cannot be synced", cause);
        }
    }
    return SS_OK;
}

static ss_error fill_ranges(const char *path, int descriptor, const ss_space_range *ranges,
                            int count)
{
    enum { PIECE_VALUES = 1 << 17 };
    size_t bytes = 0;
    filling f = {.path = path, .descriptor = descriptor, .piece = PIECE_VALUES * sizeof *f.nans};
    SS_TRY(ss_allocate(PIECE_VALUES, sizeof *f.nans, &f.nans));
    for (int i = 0; i < PIECE_VALUES; i++) {
        f.nans[i] = NAN;
    }
    for (int i = 0; i < count; i++) {
        bytes += ranges[i].bytes;
    }
    f.phase = ss_phase_begin("filling the new file", (int64_t)bytes);
    ss_error error = SS_OK;
    for (int i = 0; i < count && error == SS_OK; i++) {
        error = fill_range(&f, &ranges[i]);
    }
    ss_phase_end(&f.phase);
    free(f.nans);
    return error;
}

static ss_error reserve_and_fill(const char *path, int descriptor, const ss_space_range *ranges,
                                 int count)
{
    struct stat information;
    if (fstat(descriptor, &information) != 0) {
        return ss_disk_failed(path, "cannot be examined", errno);
    }
    int cause = posix_fallocate(descriptor, 0, information.st_size);
    if (ss_disk_is_full(cause)) {
        return ss_disk_failed(path, "its space cannot be reserved", cause);
    }
    SS_TRY(fill_ranges(path, descriptor, ranges, count));
    cause = ss_disk_sync(descriptor, NULL);
    return cause == 0 ? SS_OK : ss_disk_failed(path, "cannot be synced", cause);
}

ss_error ss_space_fill(const char *path, const ss_space_range *ranges, int count)
{
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) {
        return ss_disk_failed(path, "cannot be opened", errno);
    }
    ss_error error = reserve_and_fill(path, descriptor, ranges, count);
    if (close(descriptor) != 0 && error == SS_OK) {
        error = ss_disk_failed(path, "cannot be closed", errno);
    }
    return error;
}

ss_error ss_space_sync(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    int cause = descriptor < 0 ? errno : ss_disk_sync(descriptor, NULL);
    if (descriptor >= 0) {
        close(descriptor);
    }
    return cause == 0 ? SS_OK : ss_disk_failed(path, "cannot be synced", cause);
}
