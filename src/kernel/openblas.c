#include "openblas.h"

#include "saddlesweep/kernel.h"

#include <stdlib.h>

void ss_openblas_prepare(void)
{
    const ss_kernel *kernel;
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    if (ss_kernel_choose(SS_PRECISION_DOUBLE, &kernel) != SS_OK) {
        return;
    }
    switch (ss_kernel_level_of(kernel->name)) {
    case SS_LEVEL_AVX512:
        setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
        break;
    case SS_LEVEL_AVX2:
        setenv("OPENBLAS_CORETYPE", "Haswell", 0);
        break;
    default:
        break;
    }
}

bool ss_openblas_has_room(void)
{
    enum { BYTES = 129 << 20 }; /* 128 MiB and a page, on x86 and arm64 */
    static bool had;
    if (!had) {
        void *volatile buffer = malloc(BYTES);
        had = buffer != NULL;
        free(buffer);
    }
    return had;
}
