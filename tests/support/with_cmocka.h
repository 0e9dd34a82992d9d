/* <cmocka.h> behind the four headers that it needs before it. */
#ifndef TESTS_SUPPORT_WITH_CMOCKA_H
#define TESTS_SUPPORT_WITH_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
