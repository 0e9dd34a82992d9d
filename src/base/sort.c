#include "sort.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void ss_sort_integers(int64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
}
