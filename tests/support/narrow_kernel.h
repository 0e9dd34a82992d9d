/* Kernels of the tests' own; see narrow_kernel.c. They need FMA. */
#ifndef TESTS_SUPPORT_NARROW_KERNEL_H
#define TESTS_SUPPORT_NARROW_KERNEL_H

#include "saddlesweep/kernel.h"

extern const ss_kernel narrow_kernel_f32;
extern const ss_kernel narrow_kernel_f64;

#endif
