/* What Slurm says of a partition, and of the cluster. */
#ifndef SADDLESWEEP_SLURM_PARTITION_H
#define SADDLESWEEP_SLURM_PARTITION_H

#include "saddlesweep/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ss_slurm_partition {
    bool known; /* false: no Slurm here, or no such partition; the rest is 0 then */
    char name[64];
    int64_t seconds;   /* longest time limit; 0: none */
    int64_t nodes;     /* in all */
    int64_t cores;     /* of its smallest nodes */
    int64_t most_cpus; /* of its largest nodes: tasks that may run there */
    int64_t most_mebibytes;
} ss_slurm_partition;

/* Asks sinfo; `name` NULL: the default partition. A cluster that does not answer is no error, but
 * an unknown partition. SS_ERR_USAGE for a name that the cluster does not have; SS_ERR_MEMORY.
 * Local. */
ss_error ss_slurm_partition_ask(const char *name, ss_slurm_partition *partition);

/* Adds a line of sinfo, "NAME|LIMIT|NODES|CPUS|CORES A SOCKET|SOCKETS|MEBIBYTES", to what is known
 * of a partition: a group of nodes alike. False if it is no such line. */
bool ss_slurm_partition_add(ss_slurm_partition *partition, const char *line);

/* Refuses more jobs than an array may have on this cluster (MaxArraySize), if that answers.
 * SS_ERR_USAGE; SS_ERR_MEMORY. Local. */
ss_error ss_slurm_check_array(int64_t jobs);

#endif
