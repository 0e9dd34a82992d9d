/* What the engines of one rank draw besides samples. All local. */
#ifndef SADDLESWEEP_SGDA_DRAW_H
#define SADDLESWEEP_SGDA_DRAW_H

#include "saddlesweep/run.h"

/* A* (d × k0, row-major, out) as given or from the truth stream, and r_i = ‖a*_i‖ (d, out): 1, to
 * which the rows are scaled, or the norms that they came with. SS_REASON_ZERO_ROW or NOT_FINITE if
 * they cannot be scaled. */
ss_run_reason ss_draw_truth(const ss_run *run, double *A_star, double *norms);

/* Entries of A⁰ (d × k, row-major, out), N(0, 1), from the start stream. */
void ss_draw_start(const ss_run *run, double *A);

/* Step 4: adds noise · e to the gradient (d × k, in/out), e uniform on the unit sphere of R^{d×k},
 * from the sphere stream at iteration t. `direction` (d × k) is scratch. Nothing if noise is 0. */
void ss_draw_noise(const ss_run *run, int64_t t, double *direction, double *gradient);

#endif
