/* F(Z) = E φ(u) φ(v) for normal u and v, where that has a closed form (Claim 1 and algorithm.md,
 * "Closed forms"). */
#ifndef SADDLESWEEP_CLOSED_FORM_H
#define SADDLESWEEP_CLOSED_FORM_H

#include "saddlesweep/activation.h"

#include <stdbool.h>

/* Those of SS_CLOSED_FORMS have one; tanh, sigmoid, softplus and GELU do not. */
bool ss_closed_form_exists(ss_activation activation);

typedef struct ss_closed_form {
    double value;  /* F */
    double slope;  /* its derivative with respect to the covariance, E φ'(u) φ'(v) */
    double radial; /* twice that with respect to the variance of u, E φ''(u) φ(v) */
} ss_closed_form;

/* For u and v of standard deviations r and s > 0 and covariance z, |z| ≤ r s (up to rounding). The
 * activation has a closed form. Local. */
ss_closed_form ss_closed_form_at(ss_activation activation, double z, double r, double s);

#endif
