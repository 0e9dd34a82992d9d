#include "partition.h"

#include "../base/command.h"
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

ss_error ss_slurm_check_array(int64_t jobs)
{
    const char *argv[] = {"scontrol", "show", "config", NULL};
    ss_text output = {0};
    int status;
    int64_t numbers; /* from 0, of the jobs of an array */
    ss_error error = ss_command_run(argv, true, &output, &status);
    const char *line = output.data ? strstr(output.data, "\nMaxArraySize") : NULL;
    if (error == SS_OK && status == 0 && line &&
        sscanf(line, " MaxArraySize = %" SCNd64, &numbers) == 1 && jobs >= numbers) {
        error = ss_fail(SS_ERR_USAGE,
                        "--shards: found %" PRId64
                        ", but a job array of this cluster has at most %" PRId64
                        " (MaxArraySize, by `scontrol show config`): ask for as many, with more "
                        "ranks each",
                        jobs, most(1, numbers - 1));
    }
    free(output.data);
    return error;
}

bool ss_slurm_partition_add(ss_slurm_partition *partition, const char *line)
{
    char name[64];
    char limit[32];
    int64_t nodes;
    int64_t cpus;
    int64_t cores_a_socket;
    int64_t sockets;
    int64_t mebibytes;
    if (sscanf(line, "%63[^|]|%31[^|]|%" SCNd64 "|%" SCNd64 "|%" SCNd64 "|%" SCNd64 "|%" SCNd64,
               name, limit, &nodes, &cpus, &cores_a_socket, &sockets, &mebibytes) != 7) {
        return false;
    }
    int64_t cores = cores_a_socket * sockets;
    name[strcspn(name, "*")] = '\0'; /* marks the default */
    if (!partition->known || cores < partition->cores) {
        partition->cores = cores;
    }
    partition->known = true;
    snprintf(partition->name, sizeof partition->name, "%s", name);
    if (!ss_slurm_seconds(limit, &partition->seconds)) {
        partition->seconds = 0; /* "infinite" */
    }
    partition->nodes += nodes;
    partition->most_cpus = most(partition->most_cpus, cpus);
    partition->most_mebibytes = most(partition->most_mebibytes, mebibytes);
    return true;
}

static void add_lines(ss_slurm_partition *partition, char *lines, bool only_default)
{
    char *rest;
    for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (!only_default || line[strcspn(line, "*|")] == '*') {
            ss_slurm_partition_add(partition, line);
        }
    }
}

ss_error ss_slurm_partition_ask(const char *name, ss_slurm_partition *partition)
{
    const char *argv[] = {"sinfo",       "--noheader", "--exact", "--format=%P|%l|%D|%c|%Y|%X|%m",
                          "--partition", name,         NULL};
    ss_text output = {0};
    int status;
    *partition = (ss_slurm_partition){0};
    if (!name) {
        argv[4] = NULL;
    }
    ss_error error = ss_command_run(argv, true, &output, &status);
    if (error == SS_OK && status == 0) {
        add_lines(partition, output.data, !name);
        if (name && !partition->known) {
            error = ss_fail(SS_ERR_USAGE,
                            "--partition: found \"%s\", which the cluster does not have; "
                            "\"sinfo\" lists its partitions",
                            name);
        }
    }
    free(output.data);
    return error;
}
