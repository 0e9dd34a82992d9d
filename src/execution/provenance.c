#include "provenance.h"

#include "../base/memory.h"
#include "../base/sort.h"
#include "../spec/yaml.h"
#include "saddlesweep/sched.h"
#include "saddlesweep/store.h"

#include <errno.h>
#include <gsl/gsl_version.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

ss_error ss_provenance_hosts(MPI_Comm comm, ss_text *hosts)
{
    enum { NAME = MPI_MAX_PROCESSOR_NAME };
    char name[NAME] = "";
    char *names = NULL;
    int length;
    int rank;
    int ranks;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    MPI_Get_processor_name(name, &length);
    SS_TRY(ss_sched_agree(comm, ss_allocate((size_t)ranks, NAME, &names)));
    MPI_Gather(name, NAME, MPI_CHAR, names, NAME, MPI_CHAR, 0, comm);
    ss_text_append(hosts, "%s", "");
    for (int r = 0; rank == 0 && r < ranks; r++) {
        int earlier = 0;
        while (strcmp(names + earlier * NAME, names + r * NAME) != 0) {
            earlier++;
        }
        if (earlier == r) {
            ss_text_append(hosts, "%s%s", r == 0 ? "" : ",", names + r * NAME);
        }
    }
    free(names);
    return hosts->failed ? ss_fail(SS_ERR_MEMORY, "out of memory for host names") : SS_OK;
}

ss_error ss_provenance_libraries(ss_text *libraries)
{
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    char hdf5[64];
    int length;
    unsigned hash = XXH_versionNumber();
    MPI_Get_library_version(mpi, &length);
    mpi[strcspn(mpi, ",")] = '\0'; /* what follows is the build's host and date */
    ss_text_append(libraries, "%s, %s, GSL %s, libfyaml %s, xxHash %u.%u.%u", mpi,
                   ss_store_library(hdf5, sizeof hdf5), gsl_version, ss_yaml_library_version(),
                   hash / 10000, hash / 100 % 100, hash % 100);
    return libraries->failed ? ss_fail(SS_ERR_MEMORY, "out of memory for a text") : SS_OK;
}

static const char *environment(const char *name)
{
    const char *text = getenv(name);
    return text ? text : "";
}

/* Slurm sets the count from the first restart on. */
static int32_t restarts_of_job(void)
{
    char *end = NULL;
    const char *text = environment("SLURM_RESTART_COUNT");
    errno = 0;
    long count = strtol(text, &end, 10);
    return end != text && *end == '\0' && errno == 0 && count >= 0 && count <= INT32_MAX
               ? (int32_t)count
               : 0;
}

static int32_t count_hosts(const char *hosts)
{
    int32_t count = hosts[0] != '\0';
    for (const char *at = hosts; *at; at++) {
        count += *at == ',';
    }
    return count;
}

void ss_provenance_job(const char *hosts, ss_execution_record *record)
{
    char id[2 * sizeof record->job_id];
    const char *job = environment("SLURM_JOB_ID");
    const char *array = environment("SLURM_ARRAY_JOB_ID");
    const char *task = environment("SLURM_ARRAY_TASK_ID");
    const char *nodes = environment("SLURM_JOB_NODELIST");
    bool in_job = job[0] != '\0';
    bool in_array = array[0] && task[0];
    snprintf(id, sizeof id, "%s%s%s", in_array ? array : job, in_array ? "_" : "",
             in_array ? task : "");
    ss_text_fit(in_job ? id : "", record->job_id, sizeof record->job_id);
    ss_text_fit(in_job ? environment("SLURM_CLUSTER_NAME") : "", record->cluster,
                sizeof record->cluster);
    ss_text_fit(in_job && nodes[0] ? nodes : hosts, record->nodes, sizeof record->nodes);
    record->restarts = in_job ? restarts_of_job() : -1;
    record->hosts = count_hosts(hosts);
}

void ss_provenance_model(char model[SS_PROVENANCE_MODEL_SIZE])
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    ss_text_fit("unknown", model, SS_PROVENANCE_MODEL_SIZE);
    while (file && fgets(line, sizeof line, file) && line[0] != '\n') {
        char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && value) {
            line[strcspn(line, "\n")] = '\0';
            ss_text_fit(value + 1 + strspn(value + 1, " "), model, SS_PROVENANCE_MODEL_SIZE);
            break;
        }
    }
    if (file) {
        fclose(file);
    }
}

static int count_distinct(int64_t *values, int count)
{
    int distinct = count > 0;
    ss_sort_integers(values, (size_t)count);
    for (int i = 1; i < count; i++) {
        distinct += values[i] != values[i - 1];
    }
    return distinct;
}

ss_error ss_provenance_cpu(MPI_Comm comm, const char model[SS_PROVENANCE_MODEL_SIZE], char *field,
                           size_t size)
{
    char text[SS_PROVENANCE_MODEL_SIZE + 32] = "";
    int64_t *hashes = NULL;
    int rank;
    int ranks;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    int64_t hash = (int64_t)XXH3_64bits(model, strlen(model));
    SS_TRY(ss_sched_agree(comm, ss_allocate((size_t)ranks, sizeof *hashes, &hashes)));
    MPI_Gather(&hash, 1, MPI_INT64_T, hashes, 1, MPI_INT64_T, 0, comm);
    int others = rank == 0 ? count_distinct(hashes, ranks) - 1 : 0;
    snprintf(text, sizeof text, "%s", model);
    if (others > 0) {
        snprintf(text, sizeof text, "%s +%d other models", model, others);
    }
    ss_text_fit(text, field, size);
    free(hashes);
    return SS_OK;
}
