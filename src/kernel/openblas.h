/* OpenBLAS, which is loaded only where it is needed. */
#ifndef SADDLESWEEP_KERNEL_OPENBLAS_H
#define SADDLESWEEP_KERNEL_OPENBLAS_H

#include <stdbool.h>

/*
 * To be called before it is loaded: one thread, as every rank has a core of its own, and the
 * instructions of the kernel that runs use here (SADDLESWEEP_KERNEL). By itself OpenBLAS goes by
 * the processor's model, and takes one that it does not know for a very old one (Debian's 0.3.21 on
 * a Sapphire Rapids: SSE3, a third of AVX-512's speed). An OPENBLAS_CORETYPE that is set stays.
 * Local.
 */
void ss_openblas_prepare(void);

/* Whether there is room for the buffer that OpenBLAS takes at its first product and keeps: without
 * it, it would try for ever. Local. */
bool ss_openblas_has_room(void);

#endif
