/* <cmocka.h> with the four headers that it needs before it, so that includes may be sorted. Found
 * first because tests/support precedes the system's folders. */
#ifndef TESTS_SUPPORT_CMOCKA_H
#define TESTS_SUPPORT_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include_next <cmocka.h>

#endif
