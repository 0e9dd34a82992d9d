#include "status_line.h"

#include <stdarg.h>
#include <stdio.h>

double ss_status_interval(bool live)
{
    return live ? 0.2 : 10;
}

void ss_status_clear(void)
{
    fputs("\r\x1b[K", stderr);
}

void ss_status_print(bool live, const char *format, ...)
{
    va_list arguments;
    if (live) {
        ss_status_clear();
    }
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    if (!live) {
        fputc('\n', stderr);
    }
    fflush(stderr);
}
