#define LANES_KERNEL ss_kernel_portable
#define LANES_NAME   "portable"
#include "lanes_kernel.h"
