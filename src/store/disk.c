#include "disk.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

int ss_disk_read(int descriptor, void *data, size_t bytes, off_t offset)
{
    while (bytes > 0) {
        ssize_t got = pread(descriptor, data, bytes, offset);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return got == 0 ? EIO : errno;
        }
        size_t progress = got > 0 ? (size_t)got : 0;
        data = (char *)data + progress;
        bytes -= progress;
        offset += (off_t)progress;
    }
    return 0;
}

int ss_disk_write(int descriptor, const void *data, size_t bytes, off_t offset)
{
    while (bytes > 0) {
        ssize_t written = pwrite(descriptor, data, bytes, offset);
        if (written < 0 && errno != EINTR) {
            return errno;
        }
        size_t progress = written > 0 ? (size_t)written : 0;
        data = (const char *)data + progress;
        bytes -= progress;
        offset += (off_t)progress;
    }
    return 0;
}

static bool is_unknown(int cause)
{
    return cause == ENOSYS || cause == EOPNOTSUPP || cause == ENOLCK || cause == EINVAL;
}

int ss_disk_sync(int descriptor, int *reason)
{
    struct stat information;
    bool is_folder = fstat(descriptor, &information) == 0 && S_ISDIR(information.st_mode);
    int cause = is_folder || fdatasync(descriptor) == 0 ? 0 : errno;
    if (is_folder || is_unknown(cause)) { /* new names are no data of a folder to fdatasync */
        cause = fsync(descriptor) == 0 ? 0 : errno;
    }
    int unknown = is_unknown(cause) ? cause : 0;
    if (reason) {
        *reason = unknown;
    }
    return unknown ? 0 : cause;
}

bool ss_disk_is_on_nfs(int descriptor)
{
    struct statfs information;
    return fstatfs(descriptor, &information) == 0 && information.f_type == NFS_SUPER_MAGIC;
}

ss_error ss_disk_fault_of(int cause)
{
    switch (cause) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO:
        return SS_ERR_USAGE;
    default:
        return SS_ERR_IO;
    }
}

bool ss_disk_is_full(int cause)
{
    return cause == ENOSPC || cause == EDQUOT || cause == EFBIG;
}

static const char *remedy(int cause)
{
    if (ss_disk_is_full(cause)) {
        return "free some space, or raise the quota or limit, and repeat the command";
    }
    if (cause == EIO) {
        return "the disk reports an error: have it checked, or move the file to another one, and "
               "repeat the command";
    }
    return "mend that, and repeat the command";
}

ss_error ss_disk_failed(const char *path, const char *what, int cause)
{
    return ss_fail(SS_ERR_IO,
                   "%s: %s: %s; %s: what is committed is safe, and it goes on from there", path,
                   what, strerror(cause), remedy(cause));
}
