/* `submit`: one sweep on its way to Slurm. */
#ifndef SADDLESWEEP_SLURM_SUBMISSION_H
#define SADDLESWEEP_SLURM_SUBMISSION_H

#include "../base/text.h"
#include "../result/sweep.h"
#include "request.h"
#include "sbatch.h"

#include <stdio.h>

typedef struct ss_submit_options {
    const char *output; /* the result file; a folder where there are several sweeps */
    ss_texts overrides; /* --set */
    ss_texts reuse;     /* older result files */
    int64_t shards;     /* parts that each sweep is split into */
    const char *launcher;
    const char *modules;
    ss_slurm_request request; /* as the user has it */
    ss_slurm_partition partition;
    const char *python; /* that has h5py and matplotlib; for the figures */
    int dry_run;
    int no_submit; /* write all, submit nothing */
} ss_submit_options;

typedef struct ss_submission {
    const ss_submit_options *options; /* borrowed, as is … */
    const char *spec_path;            /* … this */
    ss_sweep sweep;
    char *result; /* absolute, as all paths here; owned */
    ss_text stem; /* the result's path without .h5 */
    ss_text spec_copy;
    ss_texts reuse;          /* owned texts */
    ss_text scripts[2];      /* their text … */
    ss_text script_paths[2]; /* … and where they are kept: the sweep's, and what comes after it */
    ss_slurm_request request;
    double wall_seconds;
    double bytes_per_rank;
    int64_t wanted;   /* runs that cells want now; 0: the result file is complete */
    int64_t pending;  /* runs that it lacks, … */
    int64_t in_shard; /* … and those of a job: of the largest shard, if there are several */
    ss_text notes;
    char ids[2][SS_SLURM_ID_SIZE];
} ss_submission;

/*
 * Reads and checks the sweep file, the result file if there is one, and the request; makes the
 * scripts. Touches nothing.
 *
 * spec_path  in   the sweep file
 * folder     in   whether options->output is a folder, for FOLDER/NAME.h5
 *
 * SS_ERR_USAGE, SS_ERR_SPEC, SS_ERR_FORMAT, SS_ERR_PLAN_DIFFERS, SS_ERR_BUSY, SS_ERR_MEMORY. To be
 * released even after an error. Local, as all of this.
 */
ss_error ss_submission_prepare(const ss_submit_options *options, const char *spec_path, bool folder,
                               ss_submission *submission);

/* Tells what is asked for, and why. */
void ss_submission_print(const ss_submission *submission, FILE *out);

/* The scripts, on stdout. */
void ss_submission_print_scripts(const ss_submission *submission);

/* Asks Slurm whether it would take the scripts. SS_ERR_USAGE if not, SS_ERR_IO. */
ss_error ss_submission_try(const ss_submission *submission);

/* Keeps the sweep file and the scripts beside the result, each whole or as before. SS_ERR_IO. */
ss_error ss_submission_write(const ss_submission *submission);

/* Says how to submit by hand what has been written. */
void ss_submission_print_by_hand(const ss_submission *submission);

/* Submits the chain, and says how to watch and to stop it. SS_ERR_IO. */
ss_error ss_submission_send(ss_submission *submission);

void ss_submission_release(ss_submission *submission);

#endif
