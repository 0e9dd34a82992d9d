/* OpenBLAS, which is loaded only where it is needed. */
#ifndef SADDLESWEEP_BASE_OPENBLAS_H
#define SADDLESWEEP_BASE_OPENBLAS_H

/*
 * To be called before it is loaded: one thread, as every rank has a core of its own, and kernels
 * for the instructions that this processor has. By itself OpenBLAS goes by the processor's model,
 * and takes one that it does not know for a very old one (Debian's 0.3.21 on a Sapphire Rapids:
 * SSE3, a third of AVX-512's speed). What the user has set (OPENBLAS_CORETYPE) stays. Local.
 */
void ss_openblas_prepare(void);

#endif
