/* The job scripts that `submit` writes: a head of their own, and the rest of a template. */
#ifndef SADDLESWEEP_SLURM_SCRIPT_H
#define SADDLESWEEP_SLURM_SCRIPT_H

#include "request.h"

/* What the scripts of one result file say. All texts borrowed, all paths absolute. */
typedef struct ss_slurm_job {
    const char *name; /* of the sweep */
    int64_t runs;
    int64_t shards;             /* parts of the sweep, a task of a job array each; 1: no array */
    const char *stem;           /* of what lies beside the result: its path without .h5 */
    const char *program;        /* this one */
    const char *spec;           /* the sweep file, as it is kept beside the result */
    const char *result;         /* FILE.h5 */
    const char *figures;        /* analysis/figures.py */
    const char *launcher;       /* the words before the program, e.g. "srun --mpi=pmix" */
    const char *modules;        /* to be loaded, or NULL */
    const char *python;         /* for the figures */
    const char *const *options; /* of `run`, a word each */
    size_t option_count;
    const ss_slurm_request *request;
} ss_slurm_job;

/* Appends a word, quoted for a shell. */
void ss_slurm_quote(ss_text *script, const char *word);

/* The script of the sweep, and the one of what comes after it, appended to *script (owned by the
 * caller, even after an error). SS_ERR_USAGE for a path that no option of sbatch can hold;
 * SS_ERR_MEMORY. Local. */
ss_error ss_slurm_sweep_script(const ss_slurm_job *job, ss_text *script);
ss_error ss_slurm_figures_script(const ss_slurm_job *job, ss_text *script);

#endif
