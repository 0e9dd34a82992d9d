/*
 * Learning the marginals (Section 4): the discriminator D_v(x) = vᵀ ψ(x), where ψ(x) = x, or
 * R(x − C) with R(y) = max(y, 0) and C the constant of an activation that is odd plus a constant,
 * entry by entry; and what it sees of a row a of A, which depends on its norm alone:
 *
 *   h(r) = E ψ(φ(r z)), z ~ N(0, 1), r = ‖a‖.
 */
#ifndef SADDLESWEEP_MARGINAL_H
#define SADDLESWEEP_MARGINAL_H

#include "saddlesweep/activation.h"
#include "saddlesweep/spec.h"

#include <stdbool.h>

/* C; 0 for leaky ReLU. */
double ss_marginal_centre(ss_activation activation);

/* The discriminator that the theory has for an activation: rectified linear for odd ones plus a
 * constant, else linear. */
ss_discriminator ss_marginal_discriminator(ss_activation activation);

/* What the theory says against learning norms by this discriminator and activation, as the end of a
 * sentence; NULL: nothing. Static. */
const char *ss_marginal_doubt(ss_discriminator discriminator, ss_activation activation);

/* The nodes of the quadrature on the half line. */
typedef struct ss_half_line ss_half_line;

/* Creates them, owned by the caller. SS_ERR_MEMORY. Local. */
ss_error ss_half_line_create(ss_half_line **out);
void ss_half_line_destroy(ss_half_line **half_line);

typedef struct ss_marginal_mean {
    double value; /* h(r) */
    double slope; /* h'(r) */
} ss_marginal_mean;

/* h and h' at r ≥ 0, to 1e-12: in closed form for leaky ReLU, else by quadrature over z ≥ 0, so
 * that the kinks of φ and ψ at 0 lie at its end. NaN if r is not finite. Local. */
ss_marginal_mean ss_marginal_mean_at(const ss_half_line *half_line, ss_discriminator discriminator,
                                     ss_activation activation, double r);

#endif
