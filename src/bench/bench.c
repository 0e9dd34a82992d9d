#include "bench.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <stdio.h>

static const ss_bench_section sections[] = {
    {"kernel", "the engine on one core, against this processor's multiply-add peak",
     ss_bench_kernel},
    {"dispatch", "runs a second that the scheduler gives out, its overhead, rank 0's costs",
     ss_bench_dispatch},
    {"scale", "simulation of the scheduler on 100 to 100,000 ranks with these costs",
     ss_bench_scale},
    {"wide", "an iteration on a process grid of all ranks, against its matrix products by PBLAS",
     ss_bench_wide},
};
enum { SECTIONS = sizeof sections / sizeof sections[0] };

const ss_bench_section *ss_bench_section_at(int index)
{
    return index < SECTIONS ? &sections[index] : NULL;
}

void ss_bench_add(const ss_bench *bench, json_t *object, const char *key, double number,
                  const char *label, const char *unit)
{
    json_object_set_new(object, key, json_real(number));
    if (bench->rank == 0) {
        printf("  %-50s %12.4g %s\n", label, number, unit);
    }
}

double ss_bench_median(double *values, size_t count)
{
    gsl_sort(values, 1, count);
    return gsl_stats_median_from_sorted_data(values, 1, count);
}
