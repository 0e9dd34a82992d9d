/* The certificate of a run (run.h) on a process grid, in the matrices of a run that has ended. */
#ifndef SADDLESWEEP_WIDE_CERTIFICATE_WIDE_H
#define SADDLESWEEP_WIDE_CERTIFICATE_WIDE_H

#include "../base/memory.h"
#include "cyclic.h"
#include "saddlesweep/run.h"

/* All borrowed. */
typedef struct ss_wide_certifier {
    const ss_cyclic *A; /* d × k, in */
    const ss_cyclic *X; /* d × d, in: X_n, on and below the diagonal, as is S */

    /* workplaces: */
    ss_cyclic *S;       /* d × d */
    ss_cyclic *SA;      /* d × k */
    ss_cyclic *vectors; /* d × d: eigenvectors, which pdsyevd does not leave out */
    double *squares;    /* d: Z_ii, of all rows */
    double *spectrum;   /* d: eigenvalues of S */
    double *work;       /* of pdsyevd, as is … */
    int *indices;
} ss_wide_certifier;

/* Takes the last four from an arena; S has its shape already. Local. */
void ss_wide_certifier_take(ss_arena *arena, ss_grid_shape shape, ss_wide_certifier *certifier);

/* Fills a certificate; this rank's reason, NONE or CERTIFICATE, with pdsyevd's code on stderr.
 * Collective. */
ss_run_reason ss_wide_certify(const ss_grid *grid, const ss_run *run,
                              const ss_wide_certifier *certifier, double *certificate);

#endif
