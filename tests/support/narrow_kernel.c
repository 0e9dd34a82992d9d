/*
 * The vector kernel over 128-bit registers, with fused multiply-adds, and never keeping samples
 * between gamma() and gradient(): nothing of that may show in a result. So a processor without
 * AVX-512 can check that results do not depend on the width of its registers. Compiled once a
 * precision (REAL_BITS).
 */
#define LANES_BYTES 16
#define KEPT_BYTES  ((size_t)0)
#define LANES_NAME  "narrow"
#define LANES_COST  2
#if REAL_BITS == 64
#define LANES_KERNEL narrow_kernel_f64
#else
#define LANES_KERNEL narrow_kernel_f32
#endif
#include "narrow_kernel.h"
#include "src/kernel/lanes_kernel.h"
