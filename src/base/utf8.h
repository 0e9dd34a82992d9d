#ifndef SADDLESWEEP_BASE_UTF8_H
#define SADDLESWEEP_BASE_UTF8_H

#include <stdint.h>

/* The character at `text` (NUL-terminated) and its bytes; 0 bytes: it is no UTF-8. Surrogates,
 * which UTF-8 should not have, are let through. */
int ss_utf8_decode(const char *text, uint32_t *character);

#endif
