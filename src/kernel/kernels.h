/* The kernels: one an instruction set and precision; select.c chooses among them. */
#ifndef SADDLESWEEP_KERNEL_KERNELS_H
#define SADDLESWEEP_KERNEL_KERNELS_H

#include "saddlesweep/kernel.h"

extern const ss_kernel ss_kernel_reference;    /* float64, one sample at a time, libm */
extern const ss_kernel ss_kernel_portable_f32; /* vectors on any processor */
extern const ss_kernel ss_kernel_portable_f64;
extern const ss_kernel ss_kernel_avx2_f32; /* AVX2 and FMA */
extern const ss_kernel ss_kernel_avx2_f64;
extern const ss_kernel ss_kernel_avx512_f32;
extern const ss_kernel ss_kernel_avx512_f64;

#endif
