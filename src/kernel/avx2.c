#define LANES_KERNEL ss_kernel_avx2
#define LANES_NAME   "avx2"
#include "lanes_kernel.h"
