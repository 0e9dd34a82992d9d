#include "probe.h"

#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct answer {
    ss_probe_finding finding;
    int64_t version;
} answer;

static answer look(const char *path)
{
    ss_store store = {.path = (char *)path};
    ss_store_begin();
    store.file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (store.file < 0) {
        return (answer){.finding = SS_PROBE_NOT_HDF5};
    }
    store.string_type = ss_layout_string_type();
    answer found = {.finding = SS_PROBE_FOREIGN};
    char *format = ss_store_read_text(&store, "format");
    if (format && strcmp(format, SS_STORE_FORMAT) == 0 &&
        ss_store_read_integer(&store, "format_version", &found.version)) {
        found.finding = SS_PROBE_OURS;
    }
    return found;
}

/* Handlers of the parent (Open MPI's, a test framework's) would go on in the child. */
static void crash_plainly(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS,  SIGABRT, SIGFPE,
                                  SIGILL,  SIGALRM, SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        signal(signals[i], SIG_DFL);
    }
}

/* In the child: a crash, or a loop without end, is an answer like another. */
static void answer_and_exit(const char *path, int out)
{
    const struct rlimit no_core = {0, 0};
    crash_plainly();
    setrlimit(RLIMIT_CORE, &no_core);
    alarm(10);
    int null = open("/dev/null", O_WRONLY);
    if (null >= 0) {
        dup2(null, STDERR_FILENO); /* of a sanitizer or an assertion */
    }
    answer found = look(path);
    _exit(write(out, &found, sizeof found) == (ssize_t)sizeof found ? 0 : 1);
}

ss_probe_finding ss_probe_file(const char *path, int64_t *version)
{
    int ends[2];
    answer found = {.finding = SS_PROBE_NOT_HDF5};
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return SS_PROBE_FAILED;
    }
    pid_t child = fork();
    if (child == 0) {
        answer_and_exit(path, ends[1]);
    }
    int cause = errno;
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        errno = cause;
        return SS_PROBE_FAILED;
    }
    answer told;
    if (read(ends[0], &told, sizeof told) == (ssize_t)sizeof told) {
        found = told;
    }
    waitpid(child, NULL, 0);
    close(ends[0]);
    *version = found.version;
    return found.finding;
}
