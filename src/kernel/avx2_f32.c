#define REAL_BITS    32
#define LANES_KERNEL ss_kernel_avx2_f32
#define LANES_NAME   "avx2"
#define LANES_COST   1
#include "lanes_kernel.h"
