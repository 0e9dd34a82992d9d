#include "sbatch.h"

#include "../base/command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern char **environ;

static bool is_kept(const char *variable, const char *account, const char *partition,
                    const char *qos)
{
    const struct {
        const char *name;
        bool kept;
    } special[] = {
        {"SLURM_CONF=", true},         {"SLURM_CONF_SERVER=", true},
        {"SLURM_CLUSTERS=", true},     {"SBATCH_CLUSTERS=", true},
        {"SBATCH_ACCOUNT=", !account}, {"SBATCH_PARTITION=", !partition},
        {"SBATCH_QOS=", !qos},
    };
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        if (strncmp(variable, special[i].name, strlen(special[i].name)) == 0) {
            return special[i].kept;
        }
    }
    return strncmp(variable, "SBATCH_", 7) != 0 && strncmp(variable, "SLURM_", 6) != 0;
}

void ss_slurm_forget_environment(const char *account, const char *partition, const char *qos)
{
    size_t kept = 0;
    for (size_t i = 0; environ[i]; i++) {
        if (is_kept(environ[i], account, partition, qos)) {
            environ[kept++] = environ[i];
        }
    }
    environ[kept] = NULL;
}

static ss_error no_slurm(void)
{
    return ss_fail(SS_ERR_USAGE,
                   "sbatch is not found: submit on a machine of the cluster, or write the scripts "
                   "with --dry-run");
}

/* What sbatch says, without the ends of its lines. */
static const char *one_line(ss_text *said)
{
    for (char *at = said->data; *at; at++) {
        *at = *at == '\n' ? (at[1] ? ';' : '\0') : *at;
    }
    return said->data;
}

static ss_error try_file(const char *name, const char *path)
{
    const char *argv[] = {"sbatch", "--test-only", path, NULL};
    ss_text said = {0};
    int status;
    ss_error error = ss_command_run(argv, true, &said, &status);
    if (error == SS_OK && status == SS_COMMAND_MISSING) {
        error = no_slurm();
    } else if (error == SS_OK && status != 0) {
        bool silent = strstr(said.data, "contact") || strstr(said.data, "onnection");
        error = ss_fail(silent ? SS_ERR_IO : SS_ERR_USAGE, "%s: Slurm would not take it: %s", name,
                        one_line(&said));
    }
    free(said.data);
    return error;
}

/* From memory, which sbatch inherits: nothing is written before all is found good. */
ss_error ss_slurm_try(const char *name, const ss_text *script)
{
    char path[64];
    int memory = memfd_create("saddlesweep", 0);
    if (memory < 0 || write(memory, script->data, script->length) != (ssize_t)script->length) {
        ss_error error = ss_fail(SS_ERR_IO, "%s cannot be tried: %s", name, strerror(errno));
        close(memory);
        return error;
    }
    snprintf(path, sizeof path, "/dev/fd/%d", memory);
    ss_error error = try_file(name, path);
    close(memory);
    return error;
}

static void find_line(char *lines, const char *path, char id[SS_SLURM_ID_SIZE])
{
    char *rest;
    for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *space = strchr(line, ' ');
        if (space && strcmp(space + 1, path) == 0) {
            snprintf(id, SS_SLURM_ID_SIZE, "%.*s", (int)(space - line), line);
        }
    }
}

ss_error ss_slurm_find(const char *path, char id[SS_SLURM_ID_SIZE])
{
    /* A job that is only completing still counts as one in the queue for squeue by itself. */
    const char *argv[] = {"squeue",     "--me",           "--states=PENDING,RUNNING,SUSPENDED",
                          "--noheader", "--format=%F %o", NULL};
    ss_text said = {0};
    int status;
    id[0] = '\0';
    ss_error error = ss_command_run(argv, true, &said, &status);
    if (error == SS_OK && status == 0 && said.data) {
        find_line(said.data, path, id);
    }
    free(said.data);
    return error;
}

ss_error ss_slurm_submit(const char *path, const char *after, char id[SS_SLURM_ID_SIZE])
{
    char dependency[64];
    const char *argv[] = {"sbatch", "--parsable", path, NULL, NULL, NULL};
    ss_text said = {0};
    int status;
    if (after) {
        snprintf(dependency, sizeof dependency, "--dependency=afterok:%s", after);
        argv[2] = dependency;
        argv[3] = "--kill-on-invalid-dep=yes"; /* or it would wait for ever */
        argv[4] = path;
    }
    ss_error error = ss_command_run(argv, false, &said, &status);
    if (error == SS_OK && status != 0) {
        error = ss_fail(SS_ERR_IO, "%s: sbatch ended with status %d, see above", path, status);
    }
    if (error == SS_OK) { /* "12" or "12;cluster" */
        snprintf(id, SS_SLURM_ID_SIZE, "%.*s", (int)strcspn(said.data, ";\n"), said.data);
    }
    free(said.data);
    return error;
}
