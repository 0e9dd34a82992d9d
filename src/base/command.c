#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int start(const char *const *argv, bool merge, int out, pid_t *process)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (merge) {
        posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
    }
    int failed = posix_spawnp(process, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static void read_all(int in, ss_text *output)
{
    char buffer[4096];
    ssize_t count;
    while ((count = read(in, buffer, sizeof buffer)) > 0 || (count < 0 && errno == EINTR)) {
        if (count > 0) {
            ss_text_append(output, "%.*s", (int)count, buffer);
        }
    }
}

static int status_of(pid_t process)
{
    int status;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

ss_error ss_command_run(const char *const *argv, bool merge, ss_text *output, int *status)
{
    int ends[2];
    pid_t process;
    ss_text_append(output, "%s", "");
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return ss_fail(SS_ERR_IO, "%s cannot be started: %s", argv[0], strerror(errno));
    }
    int failed = start(argv, merge, ends[1], &process);
    close(ends[1]);
    if (failed == 0) {
        read_all(ends[0], output);
        *status = status_of(process);
    }
    close(ends[0]);
    if (failed == ENOENT) {
        *status = SS_COMMAND_MISSING;
    } else if (failed != 0) {
        return ss_fail(SS_ERR_IO, "%s cannot be started: %s", argv[0], strerror(failed));
    }
    return output->failed ? ss_fail(SS_ERR_MEMORY, "out of memory for what %s says", argv[0])
                          : SS_OK;
}
