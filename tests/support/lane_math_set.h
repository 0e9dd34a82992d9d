/* The functions of src/kernel/lane_math.h as one instruction set and precision compute them, over
 * arrays of doubles (which hold every float). */
#ifndef TESTS_SUPPORT_LANE_MATH_SET_H
#define TESTS_SUPPORT_LANE_MATH_SET_H

#include <stdint.h>

/* Every count is a multiple of it. */
enum { LANE_MATH_BLOCK = 16 };

typedef enum lane_math_function {
    LANE_MATH_TANH,
    LANE_MATH_SIGMOID,
    LANE_MATH_ERF,
    LANE_MATH_EXP,
    LANE_MATH_GELU,
    LANE_MATH_GELU_SLOPE,
    LANE_MATH_FUNCTIONS
} lane_math_function;

typedef struct lane_math_set {
    const char *name;
    int bits;  /* of a real: 32 or 64 */
    int fused; /* whether multiply-adds are: such sets give the same bits */
    void (*evaluate)(lane_math_function function, int64_t count, const double *x, double *y);
    void (*box_muller)(int64_t count, const uint32_t *x0, const uint32_t *x1, double *z0,
                       double *z1);
    /* Word w of the block {group[l], column, t, salt} goes to out[w][l]. */
    void (*philox)(const uint32_t group[LANE_MATH_BLOCK], uint32_t column, uint32_t t,
                   uint32_t salt, const uint32_t key[2], uint32_t out[4][LANE_MATH_BLOCK]);
    /* As lanes_normals(). */
    void (*normals)(uint32_t group, uint32_t column, uint32_t t, uint32_t salt,
                    const uint32_t key[2], double z[4 * LANE_MATH_BLOCK]);
} lane_math_set;

#endif
