#include "scalapack.h"

#include "../kernel/openblas.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static ss_error find_all(void *library, ss_scalapack *found)
{
    const struct {
        const char *name;
        void *to;
    } functions[] = {
#define SS_SCALAPACK_ENTRY(result, name, arguments) {#name, &found->name},
        SS_SCALAPACK_FUNCTIONS(SS_SCALAPACK_ENTRY)
#undef SS_SCALAPACK_ENTRY
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *function = library ? dlsym(library, functions[i].name) : NULL;
        if (!function) {
            return ss_fail(SS_ERR_UNAVAILABLE,
                           "wide runs need ScaLAPACK for Open MPI, which cannot be loaded: %s; "
                           "install libscalapack-openmpi-dev, or raise wide.from_d",
                           dlerror());
        }
        memcpy(functions[i].to, &function, sizeof function);
    }
    return SS_OK;
}

ss_error ss_scalapack_load(const ss_scalapack **out)
{
    static ss_scalapack table;
    static bool loaded;
    if (!loaded) {
        ss_openblas_prepare();
        /* Never unloaded: MPI keeps addresses of functions in it until MPI_Finalize. */
        SS_TRY(find_all(dlopen(SADDLESWEEP_SCALAPACK, RTLD_NOW | RTLD_LOCAL), &table));
        loaded = true;
    }
    *out = &table;
    return SS_OK;
}
