/* The random streams: the generator, the normals' distribution, independence, and who shares. */
#include "check.h"

#include "saddlesweep/run.h"
#include "saddlesweep/stream.h"

#include <stdlib.h>

static void assert_philox(const uint32_t counter[4], const uint32_t key[2],
                          const uint32_t expected[4])
{
    uint32_t out[4];
    ss_stream_philox(counter, key, out);
    assert_memory_equal(out, expected, sizeof out);
}

/* The three known answers that Random123 publishes for philox4x32-10. */
static void philox_gives_the_known_answers(void **state)
{
    (void)state;
    assert_philox((uint32_t[]){0, 0, 0, 0}, (uint32_t[]){0, 0},
                  (uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    assert_philox((uint32_t[]){~0U, ~0U, ~0U, ~0U}, (uint32_t[]){~0U, ~0U},
                  (uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    assert_philox((uint32_t[]){0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                  (uint32_t[]){0xa4093822, 0x299f31d0},
                  (uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

/* ---- distribution: 10⁷ draws, gathered once ---- */

enum { DRAWS = 10000000, CELLS = 1 << 20 };

/* Every bound below is this many standard errors of its estimate: a right generator exceeds one of
 * the ten with probability 7e-5, and the seed is fixed. */
static const double errors_allowed = 4.5;

static struct {
    double power[5]; /* sums of z, z², z³, z⁴ */
    double largest;
    int64_t beyond[6];    /* |z| > 3, 4, 5 */
    int64_t cells[CELLS]; /* of Φ(z) in equal cells of (0, 1) */
} draws;

static void gather(double z)
{
    double power = 1;
    for (int p = 1; p <= 4; p++) {
        power *= z;
        draws.power[p] += power;
    }
    draws.largest = fmax(draws.largest, fabs(z));
    for (int sigma = 3; sigma <= 5; sigma++) {
        draws.beyond[sigma] += fabs(z) > sigma;
    }
    draws.cells[(int)(0.5 * erfc(-z * M_SQRT1_2) * CELLS)]++;
}

static int gather_draws(void **state)
{
    (void)state;
    ss_stream stream = ss_stream_latents(20200713, 3, 2);
    for (uint32_t group = 0; group < DRAWS / 8; group++) {
        for (uint32_t column = 0; column < 2; column++) {
            double z[4];
            ss_stream_group(&stream, 1, group, column, z);
            for (int lane = 0; lane < 4; lane++) {
                gather(z[lane]);
            }
        }
    }
    return 0;
}

/* The standard errors of the first four sample moments of N normals: √(1/N), √(2/N), √(6/N),
 * √(24/N). */
static void normals_have_the_moments_of_a_standard_normal(void **state)
{
    (void)state;
    double mean = draws.power[1] / DRAWS;
    double second = draws.power[2] / DRAWS;
    double variance = second - mean * mean;
    double third = draws.power[3] / DRAWS - 3 * mean * second + 2 * pow(mean, 3);
    double fourth = draws.power[4] / DRAWS - 4 * mean * draws.power[3] / DRAWS +
                    6 * mean * mean * second - 3 * pow(mean, 4);
    assert_near(mean, 0, errors_allowed * sqrt(1.0 / DRAWS));
    assert_near(variance, 1, errors_allowed * sqrt(2.0 / DRAWS));
    assert_near(third / pow(variance, 1.5), 0, errors_allowed * sqrt(6.0 / DRAWS));
    assert_near(fourth / (variance * variance), 3, errors_allowed * sqrt(24.0 / DRAWS));
}

/* The statistic is taken at 2²⁰ points, which finds the supremum to 1e-6; √N D exceeds 2.6 with
 * probability 2 exp(-2 · 2.6²) = 3e-6. */
static void normals_pass_kolmogorov_smirnov(void **state)
{
    (void)state;
    int64_t below = 0;
    double widest = 0;
    for (int cell = 0; cell < CELLS; cell++) {
        below += draws.cells[cell];
        double gap = (double)below / DRAWS - (cell + 1.0) / CELLS;
        widest = fmax(widest, fabs(gap));
    }
    assert_int_equal(below, DRAWS);
    assert_at_most(widest * sqrt(DRAWS), 2.6);
}

/* Counts beyond a bound are Poisson: their standard error is the square root of what is expected
 * (5.7 beyond five sigma: there the upper bound matters, and that the tail is not cut off). */
static void tails_are_as_heavy_as_they_should_be(void **state)
{
    (void)state;
    for (int sigma = 3; sigma <= 5; sigma++) {
        double expected = DRAWS * erfc(sigma * M_SQRT1_2);
        assert_near((double)draws.beyond[sigma], expected, errors_allowed * sqrt(expected));
        assert_true(draws.beyond[sigma] > 0);
    }
}

/* u ≥ 2⁻³³ bounds √(-2 ln u) by 6.764. */
static void normals_keep_the_promised_bound(void **state)
{
    (void)state;
    assert_at_most(draws.largest, 6.764);
    assert_true(draws.largest > 4.5); /* the expected largest of 10⁷ is 5.3 */
}

/* ---- independence ---- */

enum { PAIR_BLOCKS = 250000 };

typedef struct sums {
    double product, square_product;
    int64_t count;
} sums;

static void add_pair(sums *sums, double x, double y)
{
    sums->product += x * y;
    sums->square_product += (x * x - 1) * (y * y - 1) / 2;
    sums->count++;
}

/* Both sums are of products of independent variables with mean 0 and variance 1. */
static void assert_uncorrelated(const sums *sums)
{
    double bound = errors_allowed * sqrt((double)sums->count);
    assert_near(sums->product, 0, bound);
    assert_near(sums->square_product, 0, bound);
}

typedef struct place {
    ss_stream stream;
    uint32_t t, group, column;
} place;

/* Correlates lane i of one block with lane i of another. */
static void assert_independent(place a, place b)
{
    sums sums = {0};
    for (uint32_t block = 0; block < PAIR_BLOCKS; block++) {
        double x[4];
        double y[4];
        ss_stream_group(&a.stream, a.t, a.group + block, a.column, x);
        ss_stream_group(&b.stream, b.t, b.group + block, b.column, y);
        for (int lane = 0; lane < 4; lane++) {
            add_pair(&sums, x[lane], y[lane]);
        }
    }
    assert_uncorrelated(&sums);
}

static void lanes_of_a_group_are_independent(void **state)
{
    (void)state;
    ss_stream stream = ss_stream_latents(7, 1, 2);
    sums sums[4][4] = {0};
    for (uint32_t group = 0; group < 4 * PAIR_BLOCKS; group++) {
        double z[4];
        ss_stream_group(&stream, 5, group, 1, z);
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < i; j++) {
                add_pair(&sums[i][j], z[i], z[j]);
            }
        }
    }
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < i; j++) {
            assert_uncorrelated(&sums[i][j]);
        }
    }
}

static void neighbouring_columns_groups_and_iterations_are_independent(void **state)
{
    (void)state;
    ss_stream stream = ss_stream_latents(7, 1, 8);
    assert_independent((place){stream, 4, 0, 2}, (place){stream, 4, 0, 3});
    assert_independent((place){stream, 4, 0, 2}, (place){stream, 4, 1, 2});
    assert_independent((place){stream, 4, 0, 2}, (place){stream, 5, 0, 2});
}

static void streams_of_neighbouring_seeds_and_sizes_are_independent(void **state)
{
    (void)state;
    place here = {ss_stream_latents(7, 1, 8), 4, 0, 2};
    place next_seed = {ss_stream_latents(7, 2, 8), 4, 0, 2};
    place next_root = {ss_stream_latents(8, 1, 8), 4, 0, 2};
    place next_size = {ss_stream_latents(7, 1, 9), 4, 0, 2};
    assert_independent(here, next_seed);
    assert_independent(here, next_root);
    assert_independent(here, next_size);
}

static void streams_of_different_purposes_are_independent(void **state)
{
    (void)state;
    place latents = {ss_stream_latents(7, 1, 8), 0, 0, 0};
    place data = {ss_stream_data(7, 1, 8), 0, 0, 0};
    place truth = {ss_stream_truth(7, 1, 8, 8), 0, 0, 0};
    place start = {ss_stream_start(7, 1, 8, 8), 0, 0, 0};
    assert_independent(latents, data);
    assert_independent(truth, start);
}

/* ---- addressing ---- */

static void an_entry_depends_on_its_place_alone(void **state)
{
    (void)state;
    enum { ROWS = 11, COLUMNS = 3 };
    double matrix[ROWS * COLUMNS];
    ss_stream stream = ss_stream_start(1, 2, ROWS, COLUMNS);
    ss_stream_matrix(&stream, 9, ROWS, COLUMNS, matrix);
    for (uint32_t row = 0; row < ROWS; row++) {
        for (uint32_t column = 0; column < COLUMNS; column++) {
            double z[4];
            ss_stream_group(&stream, 9, row / 4, column, z);
            assert_memory_equal(&matrix[row * COLUMNS + column], &z[row % 4], sizeof(double));
        }
    }
}

static void fewer_rows_are_a_prefix_of_more(void **state)
{
    (void)state;
    enum { MOST = 24, COLUMNS = 3 };
    double all[MOST * COLUMNS];
    ss_stream stream = ss_stream_data(1, 2, COLUMNS);
    ss_stream_matrix(&stream, 0, MOST, COLUMNS, all);
    for (int64_t rows = 1; rows < MOST; rows++) {
        double some[MOST * COLUMNS];
        ss_stream_matrix(&stream, 0, rows, COLUMNS, some);
        assert_memory_equal(some, all, (size_t)(rows * COLUMNS) * sizeof(double));
    }
}

/* ---- who shares a stream ---- */

enum { LARGEST_COLLECTION = 200000 };

static struct {
    ss_stream streams[LARGEST_COLLECTION];
    size_t count;
} collection;

static void collect(ss_stream stream)
{
    assert_true(collection.count < LARGEST_COLLECTION);
    collection.streams[collection.count++] = stream;
}

static void collect_for_seed(uint64_t root_seed, int64_t seed)
{
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 16, 100, 255, 256, 65536, 1 << 20};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        collect(ss_stream_data(root_seed, seed, sizes[i]));
        collect(ss_stream_latents(root_seed, seed, sizes[i]));
        for (size_t j = 0; j < COUNT_OF(sizes); j++) {
            collect(ss_stream_truth(root_seed, seed, sizes[i], sizes[j]));
            collect(ss_stream_start(root_seed, seed, sizes[i], sizes[j]));
            collect(ss_stream_sphere(root_seed, seed, sizes[i], sizes[j]));
        }
    }
}

static int compare_streams(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(ss_stream));
}

/* 96 bits tell streams apart: among these 10⁵ a chance coincidence has probability 1e-19. */
static void no_two_streams_coincide(void **state)
{
    (void)state;
    static const uint64_t roots[] = {0, 1, 20200713, (uint64_t)1 << 32, UINT64_MAX};
    static const int64_t seeds[] = {0,
                                    1,
                                    2,
                                    3,
                                    4,
                                    5,
                                    6,
                                    7,
                                    8,
                                    9,
                                    10,
                                    11,
                                    12,
                                    13,
                                    14,
                                    15,
                                    16,
                                    17,
                                    18,
                                    19,
                                    (int64_t)1 << 32,
                                    ((int64_t)1 << 32) + 1,
                                    INT64_MAX};
    collection.count = 0;
    for (size_t r = 0; r < COUNT_OF(roots); r++) {
        for (size_t s = 0; s < COUNT_OF(seeds); s++) {
            collect_for_seed(roots[r], seeds[s]);
        }
    }
    qsort(collection.streams, collection.count, sizeof(ss_stream), compare_streams);
    for (size_t i = 1; i < collection.count; i++) {
        assert_memory_not_equal(&collection.streams[i], &collection.streams[i - 1],
                                sizeof(ss_stream));
    }
}

static const int64_t two_checkpoints[] = {0, 1};

static const ss_run plain_run = {
    .d = 4,
    .k = 3,
    .k0 = 2,
    .n = 50,
    .m = 40,
    .activation = {SS_ACTIVATION_TANH, 0},
    .root_seed = 11,
    .seed = 5,
    .row_norm = SS_ROW_NORM_GAUSSIAN,
    .iterations = 1,
    .step_size = 0.1,
    .ascent_step = 1,
    .noise = 1,
    .precision = SS_PRECISION_SINGLE,
    .checkpoints = two_checkpoints,
    .checkpoint_count = 2,
};

typedef struct beginning {
    double truth_norm; /* ‖Z*‖_F: of the truth stream */
    double error;      /* at t = 0: of the truth and start streams */
} beginning;

static beginning begin(ss_run run)
{
    ss_workspace *workspace = NULL;
    ss_run_outcome outcome;
    double trajectory[2];
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    ss_run_execute(&run, workspace, NULL, NULL, trajectory, &outcome);
    ss_workspace_destroy(&workspace);
    assert_int_equal(outcome.status, SS_RUN_DONE);
    return (beginning){outcome.truth_norm, trajectory[0]};
}

static void assert_same(beginning a, beginning b)
{
    assert_memory_equal(&a, &b, sizeof a);
}

static void samples_activation_and_training_leave_target_and_start_alone(void **state)
{
    (void)state;
    beginning expected = begin(plain_run);
    ss_run run = plain_run;
    run.n = 500;
    assert_same(begin(run), expected);
    run.m = 1;
    assert_same(begin(run), expected);
    run.activation = (ss_activation){SS_ACTIVATION_LEAKY_RELU, 0.2};
    assert_same(begin(run), expected);
    run.precision = SS_PRECISION_DOUBLE;
    run.noise = 0;
    run.step_size = 0.01;
    run.ascent_step = 0.5;
    assert_same(begin(run), expected);
}

static void latents_of_the_generator_leave_the_target_alone(void **state)
{
    (void)state;
    beginning expected = begin(plain_run);
    ss_run run = plain_run;
    run.k = 4;
    beginning other = begin(run);
    assert_memory_equal(&other.truth_norm, &expected.truth_norm, sizeof(double));
    assert_true(fabs(other.error - expected.error) > 1e-6); /* another start */
}

static void seeds_change_target_and_start(void **state)
{
    (void)state;
    beginning first = begin(plain_run);
    ss_run run = plain_run;
    run.seed = 6;
    assert_true(fabs(begin(run).truth_norm - first.truth_norm) > 1e-6);
    run = plain_run;
    run.root_seed = 12;
    assert_true(fabs(begin(run).truth_norm - first.truth_norm) > 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_known_answers),
        cmocka_unit_test(normals_have_the_moments_of_a_standard_normal),
        cmocka_unit_test(normals_pass_kolmogorov_smirnov),
        cmocka_unit_test(tails_are_as_heavy_as_they_should_be),
        cmocka_unit_test(normals_keep_the_promised_bound),
        cmocka_unit_test(lanes_of_a_group_are_independent),
        cmocka_unit_test(neighbouring_columns_groups_and_iterations_are_independent),
        cmocka_unit_test(streams_of_neighbouring_seeds_and_sizes_are_independent),
        cmocka_unit_test(streams_of_different_purposes_are_independent),
        cmocka_unit_test(an_entry_depends_on_its_place_alone),
        cmocka_unit_test(fewer_rows_are_a_prefix_of_more),
        cmocka_unit_test(no_two_streams_coincide),
        cmocka_unit_test(samples_activation_and_training_leave_target_and_start_alone),
        cmocka_unit_test(latents_of_the_generator_leave_the_target_alone),
        cmocka_unit_test(seeds_change_target_and_start),
    };
    return cmocka_run_group_tests(tests, gather_draws, NULL);
}
