/*
 * Hermite series of an activation: φ(r x) = Σ σ_i(r) h_i(x), with h_i the normalised Hermite
 * polynomials of the standard normal distribution (Claim 1). For tanh and sigmoid, and whatever
 * else is smooth and has no closed form F.
 */
#ifndef SADDLESWEEP_SGDA_HERMITE_H
#define SADDLESWEEP_SGDA_HERMITE_H

#include "saddlesweep/activation.h"
#include "saddlesweep/closed_form.h"

#include <stdint.h>

/* The coefficients of φ(r x), φ'(r x) and φ''(r x), or of what they are multiplied to, `terms`
 * each. Borrowed. */
typedef struct ss_hermite_series {
    double *value;
    double *slope;
    double *curve;
} ss_hermite_series;

/* How many terms, an even number, leave less than 1e-14 of E φ'(r x)² (Parseval), at most
 * SS_HERMITE_MOST_TERMS, and in *rest (out) which part of it these leave. Rows of smaller norm need
 * fewer. SS_ERR_MEMORY. Local. */
enum { SS_HERMITE_MOST_TERMS = 1 << 14 };
ss_error ss_hermite_terms(ss_activation activation, double r, int64_t *terms, double *rest);

/* Fills the coefficients (out) for a row of norm r > 0: to 1e-15, those of φ'' to 1e-15 / r. By the
 * trapezoidal rule, which converges exponentially for what is analytic around the real line, with
 * far fewer nodes than Gauss and Hermite's where r is large (poles come near: docs/population.md).
 * SS_ERR_MEMORY. Local. */
ss_error ss_hermite_fill(ss_activation activation, double r, int64_t terms,
                         ss_hermite_series series);

/* So many terms are enough at a correlation |rho| ≤ 1: the rest is below rounding. Even, as
 * `terms` is. Local. */
int64_t ss_hermite_enough(double rho, int64_t terms);

/* The power series in rho of F, F' and the radial moment of the first of two rows: products of
 * their coefficients, into `product` (out). Local. */
void ss_hermite_multiply(ss_hermite_series first, ss_hermite_series second, int64_t terms,
                         ss_hermite_series product);

/* What these series sum to. `terms` is even. Local. */
ss_closed_form ss_hermite_sum(ss_hermite_series product, int64_t terms, double rho);

#endif
