#define REAL_BITS    64
#define LANES_KERNEL ss_kernel_avx512_f64
#define LANES_NAME   "avx512"
#define LANES_COST   0.59
#include "lanes_kernel.h"
