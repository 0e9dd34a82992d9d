#define LANES_KERNEL ss_kernel_avx512
#define LANES_NAME   "avx512"
#include "lanes_kernel.h"
