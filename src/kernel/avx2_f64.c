#define REAL_BITS    64
#define LANES_KERNEL ss_kernel_avx2_f64
#define LANES_NAME   "avx2"
#define LANES_COST   1
#include "lanes_kernel.h"
