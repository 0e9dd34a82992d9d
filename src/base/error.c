#include "saddlesweep/error.h"

#include <stdarg.h>
#include <stdio.h>

static const int exit_statuses[] = {
#define SS_ERROR_ROW(code, exit_status, text) [code] = exit_status,
    SS_ERRORS(SS_ERROR_ROW)
#undef SS_ERROR_ROW
};

static char latest_text[4096];

ss_error ss_fail(ss_error code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(latest_text, sizeof latest_text, format, arguments);
    va_end(arguments);
    return code;
}

const char *ss_error_text(void)
{
    return latest_text;
}

int ss_error_exit_status(ss_error code)
{
    return exit_statuses[code];
}
