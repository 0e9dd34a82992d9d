/* Talking to sbatch, and to squeue about what was submitted. */
#ifndef SADDLESWEEP_SLURM_SBATCH_H
#define SADDLESWEEP_SLURM_SBATCH_H

#include "../base/text.h"

enum { SS_SLURM_ID_SIZE = 32 };

/*
 * Takes the SBATCH_ and SLURM_ variables out of this process's environment, which sbatch would put
 * before the lines of a script: a shell within a job has dozens. Those that say where the cluster
 * is stay, and, unless they are asked for by name (not NULL), account, partition and quality of
 * service.
 */
void ss_slurm_forget_environment(const char *account, const char *partition, const char *qos);

/* Asks Slurm whether it would take a script, without submitting it. `name`: what errors call it.
 * SS_ERR_USAGE with what sbatch says if it would not, or if there is no sbatch; SS_ERR_IO if the
 * controller does not answer. Local, as the next. */
ss_error ss_slurm_try(const char *name, const ss_text *script);

/* The user's job that runs, or waits to run, the script in a file: sets id, or makes it "" if there
 * is none (or squeue does not answer). SS_ERR_IO, SS_ERR_MEMORY. Local. */
ss_error ss_slurm_find(const char *path, char id[SS_SLURM_ID_SIZE]);

/* Submits the script in a file; `after` (an id, or NULL) must have ended well before it begins. id
 * (out): of the new job. SS_ERR_IO if Slurm refuses. */
ss_error ss_slurm_submit(const char *path, const char *after, char id[SS_SLURM_ID_SIZE]);

#endif
