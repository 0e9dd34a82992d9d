#include "saddlesweep/store.h"

#include "../base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
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

static void write_holder(const ss_store_lock *lock)
{
    char host[256] = "";
    char text[320];
    gethostname(host, sizeof host - 1);
    int length = snprintf(text, sizeof text, "process %ld on %s\n", (long)getpid(), host);
    /* only a help for people: a lock without it works as well */
    if (ftruncate(lock->descriptor, 0) != 0 ||
        pwrite(lock->descriptor, text, (size_t)length, 0) != length) {
        return;
    }
}

static ss_error refuse(ss_store_lock *lock, const char *path)
{
    char holder[320] = "";
    ssize_t length = pread(lock->descriptor, holder, sizeof holder - 1, 0);
    holder[length > 0 ? length : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    close(lock->descriptor);
    lock->descriptor = -1;
    return ss_fail(SS_ERR_BUSY,
                   "%s: is being written by another run (%s); wait for it, or end it, and repeat "
                   "the command",
                   path, holder[0] ? holder : "unknown process");
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
            if (ss_clock_seconds() > deadline) {
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
