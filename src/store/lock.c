#include "saddlesweep/store.h"

#include "../base/clock.h"
#include "../base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Opens path + ".lock"; `flags` as for open(2). */
static ss_error open_lock_file(const char *path, int flags, ss_store_lock *lock)
{
    snprintf(lock->path, sizeof lock->path, "%s.lock", path);
    lock->descriptor = open(lock->path, flags | O_RDWR | O_CLOEXEC, 0666);
    if (lock->descriptor < 0) {
        return ss_fail(errno == ENOENT || errno == ENOTDIR || errno == EACCES ? SS_ERR_USAGE
                                                                              : SS_ERR_IO,
                       "%s: cannot be opened: %s; does its folder exist, and may you write there?",
                       lock->path, strerror(errno));
    }
    return SS_OK;
}

/* The name still leads to the file that is locked (a finished run may have removed it). */
static bool still_named(const ss_store_lock *lock)
{
    struct stat held;
    struct stat named;
    return fstat(lock->descriptor, &held) == 0 && stat(lock->path, &named) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

/* The two lines of a lock file: for people, and for programs on the same host. */
typedef struct holder {
    char text[320];
    char host[256];
    long process;
    int64_t process_start;
    long parent;          /* which started it: a shell, mpirun, a daemon */
    int64_t parent_start; /* 0: had ended already, or may have */
} holder;

static void write_holder(const ss_store_lock *lock)
{
    const char *host = ss_process_host();
    int64_t parent_start = ss_process_is_orphan() ? 0 : ss_process_start(getppid());
    char text[1024];
    char now[32] = "";
    time_t seconds = time(NULL);
    struct tm local;
    strftime(now, sizeof now, "%F %T", localtime_r(&seconds, &local));
    int length = snprintf(text, sizeof text,
                          "process %ld on %s since %s\n%ld %" PRId64 " %ld %" PRId64 " %s\n",
                          (long)getpid(), host, now, (long)getpid(), ss_process_start(getpid()),
                          (long)getppid(), parent_start, host);
    /* a lock without it works as well: whoever finds it taken then only waits a little longer */
    if (ftruncate(lock->descriptor, 0) != 0 ||
        pwrite(lock->descriptor, text, (size_t)length, 0) != length) {
        return;
    }
}

static holder read_holder(const ss_store_lock *lock)
{
    char text[1024];
    holder h = {.text = ""};
    ssize_t length = pread(lock->descriptor, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    sscanf(text, "%319[^\n]\n%ld %" SCNd64 " %ld %" SCNd64 " %255s", h.text, &h.process,
           &h.process_start, &h.parent, &h.parent_start, h.host);
    return h;
}

static bool lives(long process, int64_t start)
{
    return start != 0 && ss_process_start((pid_t)process) == start;
}

static bool on_this_host(const holder *h)
{
    return strcmp(h->host, ss_process_host()) == 0;
}

/* Whether the run that holds the lock is known to go on. If rank 0 or the mpirun that started it
 * has ended, or they are on another host, it may be that only orphans hold it, for a moment. */
static bool holder_lives(const ss_store_lock *lock)
{
    holder h = read_holder(lock);
    return on_this_host(&h) && lives(h.process, h.process_start) && lives(h.parent, h.parent_start);
}

static ss_error refuse(ss_store_lock *lock, const char *path)
{
    holder h = read_holder(lock);
    close(lock->descriptor);
    lock->descriptor = -1;
    return ss_fail(SS_ERR_BUSY,
                   "%s: is being written by another run (%s); wait for it, or end it, and repeat "
                   "the command",
                   path, h.text[0] ? h.text : "unknown process");
}

ss_error ss_store_lock_alone(const char *path, double patience, ss_store_lock *lock)
{
    double deadline = ss_clock_seconds() + patience;
    for (;;) {
        SS_TRY(open_lock_file(path, O_CREAT, lock));
        while (flock(lock->descriptor, LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK && errno != EINTR) {
                return SS_OK; /* this file system has no locks: go on without */
            }
            if (ss_clock_seconds() > deadline || holder_lives(lock)) {
                return refuse(lock, path);
            }
            ss_clock_sleep(0.02);
        }
        if (still_named(lock)) {
            write_holder(lock);
            return SS_OK;
        }
        close(lock->descriptor);
    }
}

ss_error ss_store_lock_shared(const char *path, ss_store_lock *lock)
{
    if (lock->descriptor < 0) {
        SS_TRY(open_lock_file(path, O_CREAT, lock));
    }
    if (flock(lock->descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return refuse(lock, path);
    }
    return SS_OK;
}

bool ss_store_lock_peek(const char *path, char *text, size_t size)
{
    ss_store_lock lock = {.descriptor = -1};
    snprintf(lock.path, sizeof lock.path, "%s.lock", path);
    lock.descriptor = open(lock.path, O_RDONLY | O_CLOEXEC);
    if (lock.descriptor < 0) {
        return false;
    }
    holder h = read_holder(&lock);
    close(lock.descriptor);
    snprintf(text, size, "%s", h.text);
    return h.text[0] && (!on_this_host(&h) || lives(h.process, h.process_start));
}

void ss_store_unlock(ss_store_lock *lock, bool last)
{
    if (lock->descriptor < 0) {
        return;
    }
    if (last && flock(lock->descriptor, LOCK_EX | LOCK_NB) == 0 && still_named(lock)) {
        unlink(lock->path);
    }
    close(lock->descriptor);
    lock->descriptor = -1;
}
