#ifndef SADDLESWEEP_BASE_SORT_H
#define SADDLESWEEP_BASE_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Sorts integers, ascending, in place. */
void ss_sort_integers(int64_t *values, size_t count);

#endif
