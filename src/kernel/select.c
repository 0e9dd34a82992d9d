#include "kernels.h"

#include "../base/text.h"

#include <stdlib.h>
#include <string.h>

/* Fastest first. */
static const ss_kernel *const kernels[] = {
#ifdef SADDLESWEEP_X86
    &ss_kernel_avx512,
    &ss_kernel_avx2,
#endif
    &ss_kernel_portable,
    &ss_kernel_reference,
};
enum { KERNEL_COUNT = sizeof kernels / sizeof kernels[0] };

const ss_kernel *ss_kernel_at(int index)
{
    return index < KERNEL_COUNT ? kernels[index] : NULL;
}

int ss_kernel_runs_here(const ss_kernel *kernel)
{
#ifdef SADDLESWEEP_X86
    if (kernel == &ss_kernel_avx512) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    }
    if (kernel == &ss_kernel_avx2) {
        return __builtin_cpu_supports("avx2") != 0;
    }
#endif
    return kernel != NULL;
}

static ss_error find_named(const char *name, const ss_kernel **out)
{
    const char *names[KERNEL_COUNT];
    for (int i = 0; i < KERNEL_COUNT; i++) {
        names[i] = kernels[i]->name;
        if (strcmp(name, names[i]) != 0) {
            continue;
        }
        if (!ss_kernel_runs_here(kernels[i])) {
            return ss_fail(SS_ERR_USAGE,
                           "SADDLESWEEP_KERNEL=%s: this processor lacks its instructions; unset "
                           "the variable or use portable",
                           name);
        }
        *out = kernels[i];
        return SS_OK;
    }
    const char *nearest = ss_text_nearest(name, names, KERNEL_COUNT);
    return ss_fail(SS_ERR_USAGE,
                   "SADDLESWEEP_KERNEL=%s: unknown kernel%s%s%s Allowed: avx512, avx2, portable "
                   "or reference",
                   name, nearest ? "; did you mean " : ".", nearest ? nearest : "",
                   nearest ? "?" : "");
}

ss_error ss_kernel_choose(ss_precision precision, const ss_kernel **out)
{
    const char *name = getenv("SADDLESWEEP_KERNEL");
    const ss_kernel *named = NULL;
    if (name && name[0] != '\0') {
        SS_TRY(find_named(name, &named));
    }
    if (precision == SS_PRECISION_DOUBLE) {
        *out = &ss_kernel_reference; /* no other computes in float64 */
        return SS_OK;
    }
    for (int i = 0; !named && i < KERNEL_COUNT; i++) {
        named = ss_kernel_runs_here(kernels[i]) ? kernels[i] : NULL;
    }
    *out = named;
    return SS_OK;
}
