#include "process.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* proc(5), /proc/PID/stat: "PID (NAME) STATE …", the start is field 22. A name may hold anything.
 */
int64_t ss_process_start(pid_t process)
{
    char path[64];
    char line[1024];
    char state = 'X';
    int64_t start = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)process);
    FILE *file = fopen(path, "re");
    if (!file) {
        return 0;
    }
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = '\0';
    const char *name_end = strrchr(line, ')');
    if (!name_end ||
        sscanf(name_end + 1,
               " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
               "%" SCNd64,
               &state, &start) != 2) {
        return 0;
    }
    return state == 'Z' || state == 'X' ? 0 : start;
}

static pid_t noted_parent; /* 0: nobody has noted it */

void ss_process_note_parent(void)
{
    noted_parent = getppid();
}

bool ss_process_is_orphan(void)
{
    pid_t parent = getppid();
    return parent == 1 || (noted_parent != 0 && parent != noted_parent);
}

static struct {
    bool stands;
    pthread_t thread;
    atomic_bool ended;
} guard;

static void *watch_parent(void *context)
{
    const struct timespec pause = {.tv_nsec = 200000000};
    (void)context;
    while (!guard.ended) {
        if (getppid() != noted_parent) {
            _exit(1);
        }
        nanosleep(&pause, NULL);
    }
    return NULL;
}

bool ss_process_guard_begin(void)
{
    sigset_t all;
    sigset_t before;
    guard.ended = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the others */
    guard.stands =
        noted_parent != 0 && pthread_create(&guard.thread, NULL, watch_parent, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return guard.stands;
}

void ss_process_guard_end(void)
{
    if (guard.stands) {
        guard.ended = true;
        pthread_detach(guard.thread); /* it sees that at its next look */
        guard.stands = false;
    }
}

const char *ss_process_host(void)
{
    static char host[256];
    gethostname(host, sizeof host - 1);
    return host;
}
