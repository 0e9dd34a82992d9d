#define REAL_BITS    64
#define LANES_KERNEL ss_kernel_portable_f64
#define LANES_NAME   "portable"
#define LANES_COST   2.8
#include "lanes_kernel.h"
