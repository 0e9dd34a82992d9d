#include "process.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
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

/* Process 1 itself may have started it, in a container. */
static bool has_lost_parent(void)
{
    return noted_parent != 0 && getppid() != noted_parent;
}

bool ss_process_is_orphan(void)
{
    return getppid() == 1 || has_lost_parent();
}

void ss_process_end_if_orphan(void *unused)
{
    (void)unused;
    if (has_lost_parent()) {
        _exit(1);
    }
}

const char *ss_process_host(void)
{
    static char host[256];
    gethostname(host, sizeof host - 1);
    return host;
}
