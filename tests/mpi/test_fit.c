/* Scaling laws from synthetic result files: what is true lies in the intervals as often as they
 * say.
 */
#include "check.h"

#include "effort.h"
#include "mpi_folder.h"
#include "src/fit/analysis.h"

#include <stdlib.h>
#include <unistd.h>

/* 92 % to 98 % of 300; under sanitizers the same code, less often. */
enum { FILES = SANITIZED ? 12 : 300 };
enum { LEAST = SANITIZED ? 9 : 276 };
enum { MOST = SANITIZED ? 12 : 294 };

static const char text[] = "name: synthetic\n"
                           "root_seed: 1\n"
                           "grid:\n"
                           "  d: [2, 4, 8]\n"
                           "  k: d\n"
                           "  n: {from: 500, to: 4000, factor: 2}\n"
                           "  m: n\n"
                           "  activation: tanh\n"
                           "  seed: {count: 20}\n"
                           "train: {iterations: 10, step: {size: 0.5}}\n"
                           "record: {at: [0, 10]}\n";

/* n(d, ε) = C d^a ε^(−b). */
static const double true_a = 2.6;
static const double true_b = 1.8;
static const double true_c = 0.4;

static double normal(uint64_t *state)
{
    double u = (check_uniform(state) + 1) / 2;
    double v = check_uniform(state);
    return sqrt(-2 * log(u + 0x1p-60)) * cos(M_PI * v);
}

/* What a seed has in all cells: a level and slopes in log d and log n of its own. */
typedef struct seed_effect {
    double level;
    double slope_d;
    double slope_n;
} seed_effect;

/* The final error of a run: the law, times noise of mean 1, partly the seed's and partly the
 * cell's, which is rougher where n is small. */
static double synthetic_error(const ss_run *run, const seed_effect *effect, uint64_t *state)
{
    double x = log((double)run->d) - log(4);
    double y = log((double)run->n) - log(1414);
    double own = 0.2 + 100 / (double)run->n;
    double exponent =
        own * normal(state) + effect->level + effect->slope_d * x + effect->slope_n * y;
    double variance = own * own + 0.09 + 0.0225 * x * x + 0.01 * y * y;
    double law = (true_a * log((double)run->d) - log((double)run->n)) / true_b + true_c;
    return exp(law + exponent - variance / 2);
}

static ss_error commit_all(ss_store *store, const ss_plan *plan, uint64_t state)
{
    ss_error error = SS_OK;
    for (int64_t s = 0; s < plan->seeds; s++) {
        seed_effect effect = {0.3 * normal(&state), 0.15 * normal(&state), 0.1 * normal(&state)};
        for (int64_t cell = 0; cell < plan->cells && error == SS_OK; cell++) {
            ss_run run = ss_plan_run(plan, cell, s);
            double trajectory[2] = {1, synthetic_error(&run, &effect, &state)};
            ss_run_outcome outcome = {
                .status = SS_RUN_DONE, .iterations = 10, .truth_norm = sqrt((double)run.d)};
            ss_record record = ss_record_of(&run, &outcome, 0, trajectory);
            error = ss_store_commit(store, cell, s, &run, &record, trajectory);
        }
    }
    return error;
}

static ss_error make_file(const char *path, const ss_plan *plan, uint64_t state)
{
    ss_provenance provenance = {.spec_text = text,
                                .overrides = "",
                                .hosts = "here",
                                .ranks = 1,
                                .kernel = "portable",
                                .libraries = "none"};
    ss_store *store;
    SS_TRY(ss_store_create(path, plan, &provenance, true));
    SS_TRY(ss_store_open_for_writing(path, MPI_COMM_SELF, SS_STORE_IO_MPIO, &store));
    ss_error error = commit_all(store, plan, state);
    ss_store_close(&store);
    return error;
}

/* The primary fit of a file that rank 0 of `comm` makes, and of file 0 whether it is the same on
 * one rank. */
static ss_error fit_file(MPI_Comm comm, int number, const ss_plan *plan, const ss_family *family,
                         ss_fit *primary, bool *same)
{
    /* that the ends of an interval scatter more is nothing to how often it holds the truth */
    const int resamples = tests_effort(2000, 400, 100);
    ss_store *store = NULL;
    ss_observation observation;
    ss_analysis analysis;
    const char *path = own_path("synthetic.h5");
    int rank;
    MPI_Comm_rank(comm, &rank);
    if (rank == 0) {
        unlink(path);
        SS_TRY(make_file(path, plan, (uint64_t)number));
        SS_TRY(ss_store_open_for_reading(path, &store));
    }
    SS_TRY(ss_observation_read(comm, store, plan, family, &observation));
    SS_TRY(ss_analysis_of(comm, &observation, (uint64_t)number, resamples, &analysis));
    *primary = analysis.fits[0];
    ss_analysis_release(&analysis);
    if (number == 0) {
        SS_TRY(ss_analysis_of(MPI_COMM_SELF, &observation, 0, resamples, &analysis));
        *same = memcmp(&primary->c, &analysis.fits[0].c, 6 * sizeof primary->c) == 0;
        ss_analysis_release(&analysis);
    }
    ss_observation_release(&observation);
    if (store) {
        ss_store_close(&store);
    }
    return SS_OK;
}

static bool holds(ss_interval interval, double truth)
{
    return interval.low <= truth && truth <= interval.high;
}

/* The first file by all ranks together, the others shared out, so that no rank waits for another.
 */
static void intervals_hold_the_truth_as_often_as_they_say(void **state)
{
    (void)state;
    ss_spec *spec = NULL;
    ss_families families;
    int held[2] = {0, 0}; /* a, b */
    bool same = false;
    assert_int_equal(ss_spec_parse("sweep.yaml", text, NULL, 0, &spec), SS_OK);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(ss_families_of(&plan, SS_AXIS_N, &families), SS_OK);
    assert_int_equal(families.count, 1);
    for (int number = 0; number < FILES; number++) {
        ss_fit primary;
        bool mine = number % ranks == my_rank; /* of the first, rank 0 has the intervals */
        if (number > 0 && !mine) {
            continue;
        }
        if (fit_file(number == 0 ? MPI_COMM_WORLD : MPI_COMM_SELF, number, &plan,
                     &families.families[0], &primary, &same) != SS_OK) {
            fail_msg("%s", ss_error_text());
        }
        held[0] += mine && holds(primary.a, true_a);
        held[1] += mine && holds(primary.b, true_b);
    }
    ss_families_release(&families);
    ss_spec_destroy(&spec);
    MPI_Allreduce(MPI_IN_PLACE, held, 2, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    assert_in_range(held[0], LEAST, MOST);
    assert_in_range(held[1], LEAST, MOST);
    if (my_rank == 0) {
        print_message("a in %d, b in %d of %d intervals\n", held[0], held[1], FILES);
        assert_true(same);
    }
}

int run_mpi_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_hold_the_truth_as_often_as_they_say),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
