#include "saddlesweep/store.h"

#include "../base/clock.h"
#include "../base/heartbeat.h"
#include "../base/path.h"
#include "../base/process.h"
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* In bytes: the longest of the names beside it, FILE.partial/IDENTITY.creating, is one as well. */
enum { LONGEST_NAME = PATH_MAX - 46 };

/* It is beside the file itself, wherever a link to that may be. */
static ss_error name_lock_file(const char *path, ss_store_lock *lock)
{
    char *real;
    SS_TRY(ss_path_follow(path, &real));
    bool fits = strlen(real) <= LONGEST_NAME;
    snprintf(lock->path, sizeof lock->path, "%s.lock", real);
    free(real);
    return fits ? SS_OK
                : ss_fail(SS_ERR_USAGE,
                          "the name of a result file may have %d bytes, as files of longer names "
                          "lie beside it; this one is too long: %s",
                          LONGEST_NAME, path);
}

/* Opens its lock file; `flags` as for open(2). */
static ss_error open_lock_file(const char *path, int flags, ss_store_lock *lock)
{
    SS_TRY(name_lock_file(path, lock));
    lock->descriptor = open(lock->path, flags | O_RDWR | O_CLOEXEC, 0666);
    if (lock->descriptor < 0) {
        return ss_fail(ss_disk_fault_of(errno),
                       "%s: cannot be opened: %s; does its folder exist, and may you write there?",
                       lock->path, strerror(errno));
    }
    return SS_OK;
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

/* This process is the one that the lock file names. */
static bool is_holder(const ss_store_lock *lock)
{
    holder h = read_holder(lock);
    return on_this_host(&h) && h.process == getpid() &&
           h.process_start == ss_process_start(getpid());
}

/* Whether the run that holds the lock is known to go on. If rank 0 or the mpirun that started it
 * has ended, or they are on another host, it may be that only orphans hold it, for a moment. */
static bool holder_lives(const ss_store_lock *lock)
{
    holder h = read_holder(lock);
    return on_this_host(&h) && lives(h.process, h.process_start) && lives(h.parent, h.parent_start);
}

static bool has_no_others(const ss_store_lock *lock)
{
    return lock->without_locks ? is_holder(lock) : flock(lock->descriptor, LOCK_EX | LOCK_NB) == 0;
}

/* Gives up what is held; with `last`, a lock file that nobody else holds goes, too. */
static void release(ss_store_lock *lock, bool last)
{
    ss_heartbeat_end(&lock->heartbeat);
    if (last && has_no_others(lock) && ss_path_names(lock->path, lock->descriptor)) {
        unlink(lock->path);
    }
    close(lock->descriptor);
    if (lock->file >= 0) {
        close(lock->file);
    }
    lock->descriptor = lock->file = -1;
    lock->without_locks = false;
}

static ss_error refuse(ss_store_lock *lock, const char *path)
{
    holder h = read_holder(lock);
    release(lock, true);
    return ss_fail(
        SS_ERR_BUSY,
        "%s: is being written by another run (%s); wait for it, or end it, and repeat "
        "the command",
        path, h.text[0] ? h.text : "unknown process, or one that calls the file by another name");
}

/* ---- where the file system has no locks: who says in the lock file that he writes, does ---- */

/* How often a holder touches its lock file; one on another host that has not for so long is gone.
 */
static const double heartbeat_seconds = 10;
static const double silent_seconds = 60;

static void touch(void *descriptor)
{
    futimens((int)(intptr_t)descriptor, NULL);
}

/* Seconds since the holder last touched the lock file, by the clock of its file system. */
static double silence(const ss_store_lock *lock)
{
    char probe[sizeof lock->path + 32];
    struct stat then;
    struct stat now;
    snprintf(probe, sizeof probe, "%s.%ld", lock->path, (long)getpid());
    int descriptor = open(probe, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    bool known =
        descriptor >= 0 && fstat(descriptor, &now) == 0 && fstat(lock->descriptor, &then) == 0;
    if (descriptor >= 0) {
        close(descriptor);
        unlink(probe);
    }
    return known ? (double)(now.st_mtim.tv_sec - then.st_mtim.tv_sec) +
                       1e-9 * (double)(now.st_mtim.tv_nsec - then.st_mtim.tv_nsec)
                 : 0;
}

static bool another_writes(const ss_store_lock *lock)
{
    holder h = read_holder(lock);
    if (!h.text[0] || is_holder(lock)) {
        return false;
    }
    return on_this_host(&h) ? lives(h.process, h.process_start) : silence(lock) < silent_seconds;
}

static void warn_once(const char *path, int cause)
{
    static bool warned;
    if (!warned) {
        fprintf(stderr,
                "warning: %s: its file system has no locks (%s); another run on it is known by "
                "%s.lock alone, so start one at a time\n",
                path, strerror(cause), path);
    }
    warned = true;
}

static ss_error take_without_locks(const char *path, ss_store_lock *lock)
{
    warn_once(path, errno);
    lock->without_locks = true;
    if (another_writes(lock)) {
        return refuse(lock, path);
    }
    write_holder(lock);
    ss_clock_sleep(0.1); /* of two that come at once, the later one stays */
    if (!is_holder(lock)) {
        return refuse(lock, path);
    }
    lock->heartbeat =
        ss_heartbeat_begin(heartbeat_seconds, touch, (void *)(intptr_t)lock->descriptor);
    return SS_OK;
}

/* ---- two locks: of the name, and of the file ---- */

typedef enum lock_state {
    TAKEN,
    HELD_BY_OTHERS,
    NO_LOCKS /* the file system has none */
} lock_state;

static lock_state state_of(int result)
{
    if (result == 0) {
        return TAKEN;
    }
    return errno == EWOULDBLOCK || errno == EAGAIN || errno == EACCES || errno == EINTR
               ? HELD_BY_OTHERS
               : NO_LOCKS;
}

static lock_state lock_name(const ss_store_lock *lock, int operation)
{
    return state_of(flock(lock->descriptor, operation | LOCK_NB));
}

/* Hard links are names that know nothing of each other, so the file itself has a lock too: of a
 * byte far behind any end, where it meets neither HDF5's locks nor those of MPI-IO. But on NFS
 * MPI-IO locks all bytes for each of its writes, and would wait for ours. A file that is not there
 * yet, or may not be written, has no other writer. */
static lock_state lock_file(const char *path, short kind, ss_store_lock *lock)
{
    struct flock byte = {
        .l_type = kind, .l_whence = SEEK_SET, .l_start = (off_t)1 << 62, .l_len = 1};
    if (lock->file < 0) {
        lock->file = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    }
    if (lock->file < 0 || ss_disk_is_on_nfs(lock->file)) {
        return TAKEN;
    }
    return state_of(fcntl(lock->file, F_OFD_SETLK, &byte)) == HELD_BY_OTHERS ? HELD_BY_OTHERS
                                                                             : TAKEN;
}

/* Both, without waiting. */
static lock_state try_alone(const char *path, ss_store_lock *lock)
{
    lock_state state = lock_name(lock, LOCK_EX);
    if (state == TAKEN && lock_file(path, F_WRLCK, lock) == HELD_BY_OTHERS) {
        lock_name(lock, LOCK_UN);
        state = HELD_BY_OTHERS;
    }
    return state;
}

ss_error ss_store_lock_alone(const char *path, double patience, ss_store_lock *lock)
{
    double deadline = ss_clock_seconds() + patience;
    for (;;) {
        lock_state state;
        SS_TRY(open_lock_file(path, O_CREAT, lock));
        while ((state = try_alone(path, lock)) == HELD_BY_OTHERS) {
            if (ss_clock_seconds() > deadline || holder_lives(lock)) {
                return refuse(lock, path);
            }
            ss_clock_sleep(0.02);
        }
        if (state == NO_LOCKS) {
            return take_without_locks(path, lock);
        }
        if (ss_path_names(lock->path, lock->descriptor)) { /* else a finished run has removed it */
            write_holder(lock);
            return SS_OK;
        }
        release(lock, false);
    }
}

ss_error ss_store_lock_shared(const char *path, ss_store_lock *lock)
{
    if (lock->descriptor < 0) {
        SS_TRY(open_lock_file(path, O_CREAT, lock));
    }
    bool others = lock_name(lock, LOCK_SH) == HELD_BY_OTHERS ||
                  lock_file(path, F_RDLCK, lock) == HELD_BY_OTHERS;
    return others ? refuse(lock, path) : SS_OK;
}

bool ss_store_lock_peek(const char *path, char *text, size_t size)
{
    ss_store_lock lock = SS_STORE_NO_LOCK;
    lock.descriptor =
        name_lock_file(path, &lock) == SS_OK ? open(lock.path, O_RDONLY | O_CLOEXEC) : -1;
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
    if (lock->descriptor >= 0) {
        release(lock, last);
    }
}
