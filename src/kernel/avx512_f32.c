#define REAL_BITS    32
#define LANES_KERNEL ss_kernel_avx512_f32
#define LANES_NAME   "avx512"
#include "lanes_kernel.h"
