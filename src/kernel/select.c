#include "kernels.h"

#include "../base/text.h"

#include <stdlib.h>
#include <string.h>

typedef struct level {
    const char *name;
    const ss_kernel *kernels[2]; /* by precision */
} level;

/* Fastest first. */
static const level levels[] = {
#ifdef SADDLESWEEP_X86
    {"avx512", {&ss_kernel_avx512_f32, &ss_kernel_avx512_f64}},
    {"avx2", {&ss_kernel_avx2_f32, &ss_kernel_avx2_f64}},
#endif
    {"portable", {&ss_kernel_portable_f32, &ss_kernel_portable_f64}},
    {"reference", {&ss_kernel_reference, &ss_kernel_reference}},
};
enum { LEVEL_COUNT = sizeof levels / sizeof levels[0] };

/* Whether this processor has the instructions of a kernel: of all of its functions, as one file
 * has them all. */
static bool runs_here(const ss_kernel *kernel)
{
#ifdef SADDLESWEEP_X86
    if (strcmp(kernel->name, "avx512") == 0) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    }
    if (strcmp(kernel->name, "avx2") == 0) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    }
#endif
    return kernel != NULL;
}

const ss_kernel *ss_kernel_at(int index)
{
    const int last = 2 * LEVEL_COUNT - 1; /* the reference kernel is one for both */
    for (int i = 0; i < last; i++) {
        const ss_kernel *kernel = levels[i / 2].kernels[i % 2];
        if (runs_here(kernel) && index-- == 0) {
            return kernel;
        }
    }
    return NULL;
}

static ss_error find_named(const char *name, ss_precision precision, const ss_kernel **out)
{
    const char *names[LEVEL_COUNT];
    for (int i = 0; i < LEVEL_COUNT; i++) {
        names[i] = levels[i].name;
        if (strcmp(name, names[i]) != 0) {
            continue;
        }
        const ss_kernel *kernel = levels[i].kernels[precision];
        if (!runs_here(kernel)) {
            return ss_fail(SS_ERR_USAGE,
                           "SADDLESWEEP_KERNEL=%s: this processor lacks its instructions; unset "
                           "the variable or use portable",
                           name);
        }
        *out = kernel;
        return SS_OK;
    }
    const char *nearest = ss_text_nearest(name, names, LEVEL_COUNT);
    return ss_fail(SS_ERR_USAGE,
                   "SADDLESWEEP_KERNEL=%s: unknown kernel%s%s%s Allowed: avx512, avx2, portable "
                   "or reference",
                   name, nearest ? "; did you mean " : ".", nearest ? nearest : "",
                   nearest ? "?" : "");
}

ss_error ss_kernel_choose(ss_precision precision, const ss_kernel **out)
{
    const char *name = getenv("SADDLESWEEP_KERNEL");
    if (name && name[0] != '\0') {
        return find_named(name, precision, out);
    }
    const level *level = levels;
    while (!runs_here(level->kernels[precision])) {
        level++; /* portable runs everywhere */
    }
    *out = level->kernels[precision];
    return SS_OK;
}

static const char *const level_names[] = {
#define SS_LEVEL_NAME(code, value, name) [code] = name,
    SS_KERNEL_LEVELS(SS_LEVEL_NAME)
#undef SS_LEVEL_NAME
};

ss_kernel_level ss_kernel_level_of(const char *name)
{
    int level = SS_KERNEL_LEVEL_COUNT - 1;
    while (level > SS_LEVEL_NONE && strcmp(level_names[level], name) != 0) {
        level--;
    }
    return (ss_kernel_level)level;
}

const char *ss_kernel_level_name(int level)
{
    bool known = level >= 0 && level < SS_KERNEL_LEVEL_COUNT;
    return level_names[known ? level : SS_LEVEL_NONE];
}

static bool fuses(const char *name)
{
    return strcmp(name, "avx2") == 0 || strcmp(name, "avx512") == 0;
}

bool ss_kernel_same_bits(const char *a, const char *b)
{
    return strcmp(a, b) == 0 || (fuses(a) && fuses(b));
}
