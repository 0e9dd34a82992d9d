/*
 * The population limits (Section 5.1): F(A Aᵀ) = E φ(A z) φ(A z)ᵀ in place of the mean over a batch
 * or over n samples, and the exact gradient in place of step 3's.
 *
 * In closed form where the activation has one, else by Hermite series, to 1e-12.
 */
#ifndef SADDLESWEEP_SGDA_POPULATION_H
#define SADDLESWEEP_SGDA_POPULATION_H

#include "hermite.h"
#include "saddlesweep/run.h"

#include <stddef.h>

/* What F depends on beside A Aᵀ. Starts as zeros; release with ss_population_release. */
typedef struct ss_population {
    ss_activation activation;
    int64_t rows;
    int64_t series; /* one for all rows if their norms are the same; 0: a closed form */
    int64_t terms;
    double *norms; /* rows */
    double *tables; /* (series + 1) × 3 × terms: of φ, φ', φ''; then their products for two rows */
    size_t norms_capacity;
    size_t tables_capacity;
} ss_population;

/* The activation, and the norms of the rows of A (in), from now on. Tables are made anew only where
 * something has changed. Allocates, where there is no room yet. SS_ERR_MEMORY. Local. */
ss_error ss_population_prepare(ss_population *population, ss_activation activation,
                               const double *norms, int64_t rows);

void ss_population_release(ss_population *population);

/* What a run takes, about, before its rows are known: ns for its moments once, ns to prepare its
 * rows, and bytes of tables; the last two 0 for closed forms. Local. */
double ss_population_moments_ns(const ss_run *run);
double ss_population_prepare_ns(const ss_run *run);
double ss_population_table_bytes(const ss_run *run);

/*
 * F = F(Z), and what its gradient is made of; all d × d, row-major.
 *
 * Z       in   A Aᵀ, whose diagonal is that of the norms
 * F       out  E φ(u_i) φ(u_j), u = A z; may be Z's memory
 * slope   out  E φ'(u_i) φ'(u_j); NULL: not asked for, nor is radial
 * radial  out  E φ''(u_i) φ(u_j); not symmetric
 *
 * Local.
 */
void ss_population_moments(const ss_population *population, const double *Z, double *F,
                           double *slope, double *radial);

/*
 * gradient (d × k, out) = 2 E [φ'(A z) ∘ (V φ(A z))] zᵀ, the limit of step 3 for m = ∞: by Stein's
 * lemma row i is 2 Σ_j V_ij (slope_ij a_j + radial_ij a_i). At V = F(Z) − X its parts along the
 * constraints are those of ∇_A g (algorithm.md, "Closed forms"); the rest only scales rows.
 * slope (in/out) is used up. Local.
 */
void ss_population_gradient(const double *A, int64_t d, int64_t k, const double *V, double *slope,
                            const double *radial, double *gradient);

#endif
