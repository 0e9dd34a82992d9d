/*
 * A disk that fails, for tests/cli/test_faults.py: a library to be preloaded, which stands before
 * the system calls that write files. SADDLESWEEP_FAULT says what goes wrong, in fields that colons
 * separate (no path of the tests has one):
 *
 *   PATTERN:fail:N:ERRNO      the write number N (from 1) of this process fails, and all later ones
 *   PATTERN:once:N:ERRNO      this write alone fails
 *   PATTERN:short:N           this write writes half of its bytes, and says so
 *   PATTERN:torn:N:BYTES      this write writes so many bytes (negative: all but so many) and is
 *                             ended by SIGKILL
 *   PATTERN:full:BYTES:ERRNO  there is room for so many bytes: the write that crosses the end is
 *                             short, later ones fail
 *   PATTERN:sync:N:ERRNO      the fsync or fdatasync number N fails, and all later ones
 *   PATTERN:space:N:ERRNO     the same of posix_fallocate
 *   PATTERN:rename:N:ERRNO    the same of rename and renameat2
 *
 * SADDLESWEEP_CLOCK_RATE=R makes the monotonic clock go R times as fast: what is done every few
 * seconds is then done at once.
 *
 * SADDLESWEEP_NO_LOCKS=ERRNO makes every flock fail with ERRNO, and every lock of fcntl: a file
 * system without locks. With SADDLESWEEP_NFS=1 all files say that they are on NFS.
 *
 * SADDLESWEEP_MPI_INIT_HANGS=1: MPI_Init does not return.
 *
 * PATTERN is of fnmatch, for the whole path, its * matches no slash; ERRNO is a number. With
 * SADDLESWEEP_FAULT_LOG=FILE every call that is counted is appended to FILE: its kind, its bytes.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

typedef enum call { CALL_WRITE, CALL_SYNC, CALL_SPACE, CALL_RENAME, CALLS } call;

static const char *const call_names[CALLS] = {"write", "sync", "space", "rename"};

static struct {
    char pattern[PATH_MAX];
    char kind[16];
    long where;
    long value;
} fault;

static atomic_long counts[CALLS];
static atomic_long written; /* bytes, on a disk that fills */
static int log_file = -1;
static double clock_rate = 1;
static int no_locks; /* the reason, or 0: there are some */
static bool nfs;

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("SADDLESWEEP_FAULT");
    const char *log = getenv("SADDLESWEEP_FAULT_LOG");
    const char *rate = getenv("SADDLESWEEP_CLOCK_RATE");
    const char *locks = getenv("SADDLESWEEP_NO_LOCKS");
    nfs = getenv("SADDLESWEEP_NFS") != NULL;
    no_locks = locks ? atoi(locks) : 0;
    clock_rate = rate ? atof(rate) : 1;
    if (text && sscanf(text, "%4095[^:]:%15[^:]:%ld:%ld", fault.pattern, fault.kind, &fault.where,
                       &fault.value) < 2) {
        fprintf(stderr, "SADDLESWEEP_FAULT=%s: no fault\n", text);
        abort();
    }
    if (log) {
        log_file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    }
}

static bool kind_is(const char *kind)
{
    return strcmp(fault.kind, kind) == 0;
}

/* Counts a call if the path is one of those that are watched: its number; 0 if not. */
static long count_path(call call, const char *path, size_t bytes)
{
    if (fnmatch(fault.pattern, path, FNM_PATHNAME) != 0) {
        return 0;
    }
    if (log_file >= 0) {
        dprintf(log_file, "%s %zu %s\n", call_names[call], bytes, path);
    }
    return atomic_fetch_add(&counts[call], 1) + 1;
}

static long count(call call, int descriptor, size_t bytes)
{
    char link[64];
    char path[PATH_MAX];
    if (descriptor == log_file || !fault.pattern[0]) {
        return 0;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return count_path(call, path, bytes);
}

/* Whether a call that is no write is to fail. */
static bool fails(call call, long number)
{
    return number > 0 && kind_is(call_names[call]) && number >= fault.where;
}

/* offset -1: at the file pointer. */
static ssize_t really_write(int descriptor, const void *data, size_t bytes, off_t offset)
{
    return offset < 0 ? syscall(SYS_write, descriptor, data, bytes)
                      : syscall(SYS_pwrite64, descriptor, data, bytes, offset);
}

static ssize_t fail(void)
{
    errno = (int)fault.value;
    return -1;
}

static ssize_t tear(int descriptor, const void *data, size_t bytes, off_t offset)
{
    long size = fault.value < 0 ? (long)bytes + fault.value : fault.value;
    size_t part = size < 0 ? 0 : (size_t)size < bytes ? (size_t)size : bytes;
    really_write(descriptor, data, part, offset);
    kill(getpid(), SIGKILL);
    return -1;
}

static ssize_t fill(int descriptor, const void *data, size_t bytes, off_t offset)
{
    long before = atomic_fetch_add(&written, (long)bytes);
    long room = fault.where - before;
    if (room <= 0) {
        return fail();
    }
    return really_write(descriptor, data, (size_t)room < bytes ? (size_t)room : bytes, offset);
}

static ssize_t write_or_not(int descriptor, const void *data, size_t bytes, off_t offset)
{
    long number = count(CALL_WRITE, descriptor, bytes);
    if (number > 0 && kind_is("full")) {
        return fill(descriptor, data, bytes, offset);
    }
    if (number > fault.where && kind_is("fail")) {
        return fail();
    }
    if (number > 0 && number == fault.where) {
        if (kind_is("fail") || kind_is("once")) {
            return fail();
        }
        if (kind_is("torn")) {
            return tear(descriptor, data, bytes, offset);
        }
        if (kind_is("short")) {
            return really_write(descriptor, data, bytes / 2, offset);
        }
    }
    return really_write(descriptor, data, bytes, offset);
}

/* As one write a piece: each is counted. */
static ssize_t write_pieces(int descriptor, const struct iovec *pieces, int piece_count,
                            off_t offset)
{
    ssize_t sum = 0;
    for (int i = 0; i < piece_count; i++) {
        ssize_t size = write_or_not(descriptor, pieces[i].iov_base, pieces[i].iov_len,
                                    offset < 0 ? offset : offset + sum);
        if (size < 0) {
            return sum > 0 ? sum : size;
        }
        sum += size;
        if ((size_t)size < pieces[i].iov_len) {
            break;
        }
    }
    return sum;
}

ssize_t write(int descriptor, const void *data, size_t bytes)
{
    return write_or_not(descriptor, data, bytes, -1);
}

ssize_t pwrite(int descriptor, const void *data, size_t bytes, off_t offset)
{
    return write_or_not(descriptor, data, bytes, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t bytes, off_t offset)
{
    return write_or_not(descriptor, data, bytes, offset);
}

ssize_t writev(int descriptor, const struct iovec *pieces, int piece_count)
{
    return write_pieces(descriptor, pieces, piece_count, -1);
}

ssize_t pwritev(int descriptor, const struct iovec *pieces, int piece_count, off_t offset)
{
    return write_pieces(descriptor, pieces, piece_count, offset);
}

ssize_t pwritev64(int descriptor, const struct iovec *pieces, int piece_count, off_t offset)
{
    return write_pieces(descriptor, pieces, piece_count, offset);
}

int fsync(int descriptor)
{
    return fails(CALL_SYNC, count(CALL_SYNC, descriptor, 0)) ? (int)fail()
                                                             : (int)syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor)
{
    return fails(CALL_SYNC, count(CALL_SYNC, descriptor, 0))
               ? (int)fail()
               : (int)syscall(SYS_fdatasync, descriptor);
}

/* The next function of this name. */
static void find_next(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

int posix_fallocate(int descriptor, off_t offset, off_t length)
{
    int (*next)(int, off_t, off_t);
    find_next("posix_fallocate", &next);
    return fails(CALL_SPACE, count(CALL_SPACE, descriptor, (size_t)length))
               ? (int)fault.value
               : next(descriptor, offset, length);
}

int posix_fallocate64(int descriptor, off_t offset, off_t length)
{
    return posix_fallocate(descriptor, offset, length);
}

int rename(const char *from, const char *to)
{
    char *absolute = realpath(from, NULL);
    long number = absolute ? count_path(CALL_RENAME, absolute, 0) : 0;
    free(absolute);
    return fails(CALL_RENAME, number) ? (int)fail() : (int)syscall(SYS_rename, from, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    char *absolute = realpath(from, NULL);
    long number = absolute ? count_path(CALL_RENAME, absolute, 0) : 0;
    free(absolute);
    return fails(CALL_RENAME, number)
               ? (int)fail()
               : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int status = (int)syscall(SYS_clock_gettime, clock, now);
    if (status == 0 && clock == CLOCK_MONOTONIC && clock_rate != 1) {
        double seconds = clock_rate * ((double)now->tv_sec + 1e-9 * (double)now->tv_nsec);
        now->tv_sec = (time_t)seconds;
        now->tv_nsec = (long)(1e9 * (seconds - (double)now->tv_sec));
    }
    return status;
}

/* As where mpirun has been killed. */
int MPI_Init(int *argc, char ***argv)
{
    int (*next)(int *, char ***);
    if (getenv("SADDLESWEEP_MPI_INIT_HANGS")) {
        fputs("MPI_Init\n", stderr);
        for (;;) {
            pause();
        }
    }
    find_next("MPI_Init", &next);
    return next(argc, argv);
}

int flock(int descriptor, int operation)
{
    if (no_locks) {
        errno = no_locks;
        return -1;
    }
    return (int)syscall(SYS_flock, descriptor, operation);
}

static bool is_lock(int command)
{
    switch (command) {
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return true;
    default:
        return false;
    }
}

int fcntl(int descriptor, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *); /* a number is passed in the same place */
    va_end(rest);
    if (no_locks && is_lock(command)) {
        errno = no_locks;
        return -1;
    }
    return (int)syscall(SYS_fcntl, descriptor, command, argument);
}

int fcntl64(int descriptor, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return fcntl(descriptor, command, argument);
}

int fstatfs(int descriptor, struct statfs *information)
{
    int status = (int)syscall(SYS_fstatfs, descriptor, information);
    if (status == 0 && nfs) {
        information->f_type = NFS_SUPER_MAGIC;
    }
    return status;
}

int statfs(const char *path, struct statfs *information)
{
    int status = (int)syscall(SYS_statfs, path, information);
    if (status == 0 && nfs) {
        information->f_type = NFS_SUPER_MAGIC;
    }
    return status;
}

int statfs64(const char *path, struct statfs64 *information)
{
    return statfs(path, (struct statfs *)information);
}
