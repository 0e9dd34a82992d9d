/* The job scripts of slurm/, as the program was built with them. */
#ifndef SADDLESWEEP_SLURM_TEMPLATES_H
#define SADDLESWEEP_SLURM_TEMPLATES_H

extern const char ss_slurm_template_sweep[];   /* slurm/sweep.sbatch */
extern const char ss_slurm_template_figures[]; /* slurm/figures.sbatch */

#endif
