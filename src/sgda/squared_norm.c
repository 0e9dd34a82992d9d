#include "squared_norm.h"

#include "matrix.h"

#include <math.h>
#include <string.h>

/* Over all ordered pairs of `groups` vectors whose total has this square, and whose squares this
 * sum. */
static double mean_of_pairs(double square_of_total, double sum_of_squares, int64_t groups)
{
    return (square_of_total - sum_of_squares) / (double)(groups * (groups - 1));
}

ss_squared_norm ss_squared_norm_of(const double *means, int64_t groups, int64_t count,
                                   double *total)
{
    double squares = 0;
    memset(total, 0, (size_t)count * sizeof *total);
    for (int64_t g = 0; g < groups; g++) {
        const double *mean = means + g * count;
        for (int64_t i = 0; i < count; i++) {
            total[i] += mean[i];
        }
        squares += ss_matrix_dot(mean, mean, count);
    }
    double square = ss_matrix_dot(total, total, count);
    double sum = 0;
    double sum_of_squares = 0;
    double value = mean_of_pairs(square, squares, groups);
    for (int64_t g = 0; g < groups; g++) { /* without group g */
        const double *mean = means + g * count;
        double own = ss_matrix_dot(mean, mean, count);
        double rest = square - 2 * ss_matrix_dot(total, mean, count) + own;
        double left = mean_of_pairs(rest, squares - own, groups - 1) - value;
        sum += left;
        sum_of_squares += left * left;
    }
    double n = (double)groups;
    double spread = sum_of_squares - sum * sum / n;
    return (ss_squared_norm){value, sqrt(fmax((n - 1) / n * spread, 0))};
}
