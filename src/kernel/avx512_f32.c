#define REAL_BITS    32
#define LANES_KERNEL ss_kernel_avx512_f32
#define LANES_NAME   "avx512"
#define LANES_COST   0.59
#include "lanes_kernel.h"
