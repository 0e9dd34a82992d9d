#include "version.h"

#include "git_commit.h" /* written by CMake at every build */

const char *ss_version(void)
{
    return SADDLESWEEP_VERSION;
}

const char *ss_version_commit(void)
{
    return SADDLESWEEP_GIT_COMMIT;
}

const char *ss_version_compiler(void)
{
#ifdef __clang__
    return "Clang " __clang_version__;
#else
    return "GCC " __VERSION__;
#endif
}
