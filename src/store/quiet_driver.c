#include "quiet_driver.h"

#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct quiet_file {
    H5FD_t parent; /* first: HDF5 knows the file by a pointer to it */
    int descriptor;
    int *cause;
    haddr_t allocated; /* the end as HDF5 plans it */
    haddr_t end;       /* the end as it would be, had all been written */
} quiet_file;

typedef struct settings {
    int *cause;
} settings;

static H5FD_t *open_file(const char *path, unsigned flags, hid_t access, haddr_t largest)
{
    struct stat information;
    (void)largest;
    const settings *given = H5Pget_driver_info(access);
    quiet_file *file = calloc(1, sizeof *file);
    if (!file || !given) {
        free(file);
        return NULL;
    }
    int mode = flags & H5F_ACC_RDWR ? O_RDWR : O_RDONLY;
    mode |= (flags & H5F_ACC_TRUNC ? O_TRUNC : 0) | (flags & H5F_ACC_CREAT ? O_CREAT : 0);
    file->cause = given->cause;
    file->descriptor = open(path, mode | O_CLOEXEC, 0666);
    if (file->descriptor < 0 || fstat(file->descriptor, &information) != 0) {
        *file->cause = errno;
        free(file);
        return NULL;
    }
    file->end = (haddr_t)information.st_size;
    return &file->parent;
}

static void note(quiet_file *file, int cause)
{
    if (*file->cause == 0) {
        *file->cause = cause;
    }
}

static herr_t close_file(H5FD_t *parent)
{
    quiet_file *file = (quiet_file *)parent;
    if (close(file->descriptor) != 0) {
        note(file, errno);
    }
    free(file);
    return 0;
}

/* HDF5 asks whether a file is open already; ours is opened once. */
static int compare(const H5FD_t *one, const H5FD_t *other)
{
    return one < other ? -1 : one > other;
}

static herr_t query(const H5FD_t *parent, unsigned long *flags)
{
    (void)parent;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t allocated(const H5FD_t *parent, H5FD_mem_t type)
{
    (void)type;
    return ((const quiet_file *)parent)->allocated;
}

static herr_t set_allocated(H5FD_t *parent, H5FD_mem_t type, haddr_t end)
{
    (void)type;
    ((quiet_file *)parent)->allocated = end;
    return 0;
}

static haddr_t end_of(const H5FD_t *parent, H5FD_mem_t type)
{
    (void)type;
    return ((const quiet_file *)parent)->end;
}

/* Beyond the end, a file is zero. */
static herr_t read_file(H5FD_t *parent, H5FD_mem_t type, hid_t transfer, haddr_t offset,
                        size_t bytes, void *buffer)
{
    quiet_file *file = (quiet_file *)parent;
    (void)type;
    (void)transfer;
    memset(buffer, 0, bytes);
    for (size_t done = 0; done < bytes;) {
        ssize_t size = pread(file->descriptor, (char *)buffer + done, bytes - done,
                             (off_t)(offset + (haddr_t)done));
        if (size == 0) {
            break;
        }
        if (size < 0 && errno != EINTR) {
            note(file, errno);
            break;
        }
        done += size > 0 ? (size_t)size : 0;
    }
    return 0;
}

static herr_t write_file(H5FD_t *parent, H5FD_mem_t type, hid_t transfer, haddr_t offset,
                         size_t bytes, const void *buffer)
{
    quiet_file *file = (quiet_file *)parent;
    (void)type;
    (void)transfer;
    if (*file->cause == 0) {
        note(file, ss_disk_write(file->descriptor, buffer, bytes, (off_t)offset));
    }
    file->end = file->end < offset + bytes ? offset + bytes : file->end;
    return 0;
}

/* Gives the file the size that HDF5 has planned. */
static herr_t set_size(H5FD_t *parent, hid_t transfer, hbool_t closing)
{
    quiet_file *file = (quiet_file *)parent;
    (void)transfer;
    (void)closing;
    if (file->end != file->allocated && *file->cause == 0 &&
        ftruncate(file->descriptor, (off_t)file->allocated) != 0) {
        note(file, errno);
    }
    file->end = file->allocated;
    return 0;
}

static const H5FD_class_t driver = {
    .name = "saddlesweep_quiet",
    .maxaddr = LLONG_MAX,
    .fc_degree = H5F_CLOSE_WEAK,
    .fapl_size = sizeof(settings),
    .open = open_file,
    .close = close_file,
    .cmp = compare,
    .query = query,
    .get_eoa = allocated,
    .set_eoa = set_allocated,
    .get_eof = end_of,
    .read = read_file,
    .write = write_file,
    .truncate = set_size,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

herr_t ss_quiet_driver_set(hid_t access, int *cause)
{
    settings given = {.cause = cause};
    hid_t registered = H5FDregister(&driver);
    herr_t status = registered < 0 ? -1 : H5Pset_driver(access, registered, &given);
    if (registered >= 0) {
        H5FDunregister(registered); /* the list, and then the file, keep it */
    }
    return status;
}
