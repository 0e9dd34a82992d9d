/* The kernels, one an instruction set; select.c chooses among them. */
#ifndef SADDLESWEEP_KERNEL_KERNELS_H
#define SADDLESWEEP_KERNEL_KERNELS_H

#include "saddlesweep/kernel.h"

extern const ss_kernel ss_kernel_reference; /* float64, one sample at a time, libm */
extern const ss_kernel ss_kernel_portable;  /* float32 lanes on any processor */
extern const ss_kernel ss_kernel_avx2;
extern const ss_kernel ss_kernel_avx512;

#endif
