/* PBLAS on whole block-cyclic matrices. All are collective over the grid. */
#ifndef SADDLESWEEP_WIDE_PRODUCTS_H
#define SADDLESWEEP_WIDE_PRODUCTS_H

#include "cyclic.h"

/* How ScaLAPACK takes a whole matrix: entries, first row, first column, descriptor. */
extern const int ss_cyclic_first; /* 1 */
#define SS_CYCLIC_WHOLE(m) (m)->entries, &ss_cyclic_first, &ss_cyclic_first, (m)->descriptor

/* C (lower triangle) ← alpha · F Fᵀ + beta · C, or Fᵀ F if `transposed`. */
void ss_cyclic_syrk(const ss_grid *grid, bool transposed, double alpha, const ss_cyclic *F,
                    double beta, const ss_cyclic *C);

/* C ← alpha · op(F) op(G) + beta · C; op is "N" or "T". */
void ss_cyclic_gemm(const ss_grid *grid, const char *op_F, const char *op_G, double alpha,
                    const ss_cyclic *F, const ss_cyclic *G, double beta, const ss_cyclic *C);

/* C ← F S (side "R") or S F (side "L") for a symmetric S that is given by its lower triangle. */
void ss_cyclic_symm(const ss_grid *grid, const char *side, const ss_cyclic *F, const ss_cyclic *S,
                    const ss_cyclic *C);

/* ‖S‖_F of a symmetric S that is given by its lower triangle, the same on all ranks. */
double ss_cyclic_symmetric_norm(const ss_grid *grid, const ss_cyclic *S);

#endif
