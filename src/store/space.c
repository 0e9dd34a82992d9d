#include "space.h"

#include "../base/memory.h"
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

static int fill_range(int descriptor, const double *nans, size_t piece, const ss_space_range *range)
{
    int cause = 0;
    for (size_t done = 0; done < range->bytes && cause == 0; done += piece) {
        size_t size = range->bytes - done < piece ? range->bytes - done : piece;
        cause = ss_disk_write(descriptor, nans, size, range->offset + (off_t)done);
    }
    return cause;
}

static ss_error fill_ranges(const char *path, int descriptor, const ss_space_range *ranges,
                            int count)
{
    enum { PIECE_VALUES = 1 << 17 };
    double *nans = NULL;
    int cause = 0;
    SS_TRY(ss_allocate(PIECE_VALUES, sizeof *nans, &nans));
    for (int i = 0; i < PIECE_VALUES; i++) {
        nans[i] = NAN;
    }
    for (int i = 0; i < count && cause == 0; i++) {
        cause = fill_range(descriptor, nans, PIECE_VALUES * sizeof *nans, &ranges[i]);
    }
    free(nans);
    return cause == 0 ? SS_OK : ss_disk_failed(path, "cannot be filled", cause);
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
