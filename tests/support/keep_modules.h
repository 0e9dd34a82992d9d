/* Under AddressSanitizer: keeps MPI's plug-ins loaded until the end, so that the leak checker can
 * name the libraries of their leaks, and lsan.supp can match them. Include once in a program. */
#ifndef TESTS_SUPPORT_KEEP_MODULES_H
#define TESTS_SUPPORT_KEEP_MODULES_H

#ifdef __SANITIZE_ADDRESS__

int dlclose(void *handle);
const char *__asan_default_options(void);

int dlclose(void *handle)
{
    (void)handle;
    return 0;
}

/* MPI's libraries have no frame pointers: without the first the checker sees one frame of each.
 * That is slow, so it goes no further than it must: of their leaks six frames are enough. */
const char *__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0:malloc_context_size=10";
}

#endif

#endif
