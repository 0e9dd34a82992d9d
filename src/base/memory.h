/* Allocation with overflow checks; every failure is an ss_error with the size that was asked. */
#ifndef SADDLESWEEP_BASE_MEMORY_H
#define SADDLESWEEP_BASE_MEMORY_H

#include "saddlesweep/error.h"

#include <stddef.h>

/* Bytes that every numeric array is aligned to: a cache line, and the widest vector register. */
#define SS_ALIGNMENT 64

/* Allocates `count` zeroed elements of `size` bytes, aligned to SS_ALIGNMENT, into *out, owned by
 * the caller and released with free(). count = 0 gives a valid pointer. On SS_ERR_MEMORY *out is
 * NULL. Local. */
ss_error ss_allocate(size_t count, size_t size, void *out);

/* Makes *block (owned by the caller, or NULL) hold at least `bytes`; *capacity is updated. A block
 * that has to grow is a new one, zeroed, and nothing of the old one is kept. On SS_ERR_MEMORY there
 * is none. Local. */
ss_error ss_reserve(void **block, size_t *capacity, size_t bytes);

/* Arrays one after the other in one block, each aligned to SS_ALIGNMENT: taken once without memory,
 * which counts the bytes of the block, and once more with it. Starts from {memory or NULL, 0}. */
typedef struct ss_arena {
    char *memory;
    size_t bytes; /* taken so far */
} ss_arena;

/* The next array; NULL without memory. */
void *ss_arena_take(ss_arena *arena, size_t bytes);

/* Grows *array (owned by the caller, or NULL) so that it holds at least `needed` elements of
 * `size` bytes; *capacity is updated. On SS_ERR_MEMORY the old array is intact. Local. */
ss_error ss_grow(void *array, size_t *capacity, size_t needed, size_t size);

#endif
