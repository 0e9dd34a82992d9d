/*
 * What Lemmas 3 to 5 are about, measured: how far X_n is from X, and the gradients of n samples and
 * of batches of m from the exact ones, at A⁰.
 */
#ifndef SADDLESWEEP_SGDA_LEMMAS_H
#define SADDLESWEEP_SGDA_LEMMAS_H

#include "../base/memory.h"
#include "engine.h"
#include "population.h"
#include "saddlesweep/kernel.h"
#include "saddlesweep/run.h"

/* Batches that the bias is estimated from, in so many groups. */
enum { SS_LEMMA_BATCHES = 1000, SS_LEMMA_GROUPS = 20 };

/* Memory for it; taken only if the run asks for it. */
typedef struct ss_lemma_room {
    double *X;      /* d × d: F(Z*) */
    double *V;      /* d × d, as the next three */
    double *F;      /* E φ φ at A⁰ */
    double *slope;  /* E φ' φ' */
    double *radial; /* E φ'' φ */
    double *start;  /* d × k: A⁰; as the next three */
    double *gradient;
    double *exact; /* ∇g_n */
    double *total;
    double *groups; /* SS_LEMMA_GROUPS × d × k: mean gradients, less the exact one */
    double *norms;  /* d, as the next one */
    double *spectrum;
} ss_lemma_room;

void ss_lemma_take(ss_arena *arena, const ss_run *run, ss_lemma_room *room);

/* room->X = F(Z*) and room->norms = r_i, for the other two. SS_REASON_MEMORY. Local. */
ss_run_reason ss_lemma_exact(const ss_run *run, ss_population *population, const double *Z_star,
                             const ss_lemma_room *room);

/* values (SS_COVARIANCE_VALUES, out): ‖X_n − X‖₂ and ‖X_n − X‖_F. Local. */
ss_run_reason ss_lemma_covariance(const ss_run *run, const double *X_n, const ss_lemma_room *room,
                                  double *values);

/*
 * values (SS_GRADIENT_VALUES, out): ‖∇g_n − ∇g‖_F, and ‖E ∇g_{m,n} − ∇g_n‖_F² with its standard
 * error, at room->start, from SS_LEMMA_BATCHES batches: iterations 1, 2, … of the latent stream.
 * Not set if it is stopped on the way. Local.
 */
ss_run_reason ss_lemma_gradient(const ss_run *run, ss_population *population,
                                const ss_kernel *kernel, void *scratch, const double *X_n,
                                const ss_lemma_room *room, ss_interrupt *interrupt, double *values);

#endif
