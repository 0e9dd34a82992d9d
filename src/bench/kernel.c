/*
 * Section kernel: the engine on one core against this processor's multiply-add peak. Nanoseconds a
 * sample of each stage, whole iterations of Algorithm 1, and how near both come to the arithmetic
 * floor. From d = 32 on, the same matrix products by OpenBLAS in the same run, for comparison.
 */
#include "saddlesweep/kernel.h"
#include "../base/clock.h"
#include "../base/memory.h"
#include "../sched/drain.h"
#include "bench.h"
#include "blas.h"
#include "saddlesweep/run.h"
#include "saddlesweep/sched.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct size {
    int64_t d, k, m;
} size;

static const size sizes[] = {{7, 2, 500},     {3, 2, 10000},     {7, 2, 10000},   {8, 8, 10000},
                             {32, 32, 10000}, {128, 128, 10000}, {33, 33, 10000}, {256, 256, 2000}};

static const ss_activation activations[] = {{SS_ACTIVATION_TANH, 0},
                                            {SS_ACTIVATION_LEAKY_RELU, 0.2}};

static const char *const precisions[] = {"single", "double"};

static const ss_kernel_stage stages[] = {SS_STAGE_STREAMS, SS_STAGE_ACTIVATION, SS_STAGE_GAMMA,
                                         SS_STAGE_GRADIENT};
enum { STAGES = sizeof stages / sizeof stages[0] };

/*
 * Operations a value beside the multiply-adds of the products: additions, multiplications, shifts,
 * selections, conversions, roots and divisions of the AVX2 kernel's object code, one each, on 256
 * bits; moves and loads are not counted. The floor takes the time of a multiply-add for each.
 */
typedef struct operations {
    double normal;
    double activation[SS_ACTIVATION_KINDS]; /* φ, and φ' times a weight */
} operations;

static const operations others[] = {
    [SS_PRECISION_SINGLE] = {56.5, {[SS_ACTIVATION_TANH] = 17, [SS_ACTIVATION_LEAKY_RELU] = 5}},
    [SS_PRECISION_DOUBLE] = {43.3, {[SS_ACTIVATION_TANH] = 21, [SS_ACTIVATION_LEAKY_RELU] = 5}},
};

typedef struct bench_case {
    size size;
    ss_activation activation;
    ss_precision precision;
    const ss_kernel *kernel;
    double peak; /* multiply-adds a second */
} bench_case;

typedef struct timing {
    double stages[STAGES]; /* seconds a batch */
    double iteration;
    double blas; /* the products of an iteration; NAN if not measured */
} timing;

/* Repeats measurements for about this long each. */
static double patience(const ss_bench *bench)
{
    return bench->quick ? 0.005 : 0.15;
}

/* Multiply-adds a second from registers: the best of several bursts. */
static double measure_peak(const ss_bench *bench, const ss_kernel *kernel)
{
    double best = 0;
    double until = ss_clock_seconds() + 2 * patience(bench);
    volatile double sink = 0;
    do {
        double result;
        double start = ss_clock_seconds();
        int64_t count = kernel->multiply_adds(20000, &result);
        best = fmax(best, (double)count / (ss_clock_seconds() - start));
        sink = sink + result;
    } while (ss_clock_seconds() < until);
    return best;
}

/* The best time of one stage. */
static double time_stage(const ss_bench *bench, const bench_case *c, const ss_batch *batch,
                         void *scratch, ss_kernel_stage stage)
{
    double best = INFINITY;
    double until = ss_clock_seconds() + patience(bench);
    do {
        double start = ss_clock_seconds();
        c->kernel->stage(batch, scratch, stage);
        best = fmin(best, ss_clock_seconds() - start);
    } while (ss_clock_seconds() < until);
    return best;
}

typedef struct stopwatch {
    double first; /* when the second iteration began */
    double last;  /* when the last one began */
} stopwatch;

static int note_time(void *context, int64_t t, int64_t iterations)
{
    stopwatch *watch = context;
    (void)iterations;
    watch->last = ss_clock_seconds();
    watch->first = t == 1 ? watch->last : watch->first;
    return 0;
}

/* Seconds an iteration of a run as users have it: the best mean of three runs. */
static double time_iteration(const bench_case *c, ss_workspace *workspace, int64_t iterations)
{
    const int64_t checkpoints[] = {0, iterations};
    const ss_run run = {
        .d = c->size.d,
        .k = c->size.k,
        .k0 = c->size.k,
        .n = c->size.m,
        .m = c->size.m,
        .activation = c->activation,
        .root_seed = 20200713,
        .row_norm = SS_ROW_NORM_UNIT,
        .iterations = iterations,
        .step_size = 0.5,
        .ascent_step = 1,
        .precision = c->precision,
        .checkpoints = checkpoints,
        .checkpoint_count = 2,
    };
    double best = INFINITY;
    for (int repeat = 0; repeat < 3; repeat++) {
        double trajectory[2];
        ss_run_outcome outcome;
        stopwatch watch = {0};
        ss_run_execute(&run, workspace, note_time, &watch, trajectory, &outcome);
        best = fmin(best, (watch.last - watch.first) / (double)(iterations - 2));
    }
    return best;
}

static ss_error time_stages(const ss_bench *bench, const bench_case *c, timing *out)
{
    int64_t d = c->size.d;
    int64_t k = c->size.k;
    double *matrices = NULL; /* A, V, Γ, gradient */
    void *scratch = NULL;
    SS_TRY(ss_allocate((size_t)(2 * d * (d + k)), sizeof *matrices, &matrices));
    double *V = matrices + d * k;
    ss_batch batch = {
        .A = matrices,
        .d = d,
        .k = k,
        .samples = c->size.m,
        .activation = c->activation,
        .stream = ss_stream_latents(20200713, 0, k),
        .t = 1,
    };
    ss_error error = ss_allocate(c->kernel->scratch_bytes(&batch), 1, &scratch);
    if (error == SS_OK) {
        ss_stream A = ss_stream_start(20200713, 0, d, k);
        ss_stream_matrix(&A, 0, d, k, matrices);
        c->kernel->gamma(&batch, scratch, V);
        c->kernel->gradient(&batch, scratch, V, V + d * d);
        for (int i = 0; i < STAGES; i++) {
            out->stages[i] = time_stage(bench, c, &batch, scratch, stages[i]);
        }
    }
    free(scratch);
    free(matrices);
    return error;
}

/* Multiply-adds of the products, a sample. */
static double gamma_count(size size)
{
    return (double)(size.d * (size.d + 1)) / 2;
}

static double gradient_count(size size)
{
    return (double)(size.d * (size.d + size.k));
}

/* Seconds that an iteration takes at least, if the peak is kept up all the time. */
static double arithmetic_floor(const bench_case *c)
{
    double d = (double)c->size.d;
    double k = (double)c->size.k;
    double products = gamma_count(c->size) + gradient_count(c->size) + d * k;
    const operations *other = &others[c->precision];
    double functions = k * other->normal + d * other->activation[c->activation.kind];
    return (double)c->size.m * (products + functions) / c->peak;
}

/* Seconds of the stages with products, activation included. */
static double products_of(const timing *t)
{
    return t->stages[1] + t->stages[2] + t->stages[3];
}

static void print_case(const bench_case *c, const timing *t, const double *shares)
{
    char activation[SS_ACTIVATION_TEXT_SIZE];
    double per_sample = 1e9 / (double)c->size.m;
    printf("  %4" PRId64 " %4" PRId64 " %6" PRId64 "  %-15s  %-6s", c->size.d, c->size.k, c->size.m,
           ss_activation_format(c->activation, activation), precisions[c->precision]);
    for (int i = 0; i < STAGES; i++) {
        printf(" %9.2f", t->stages[i] * per_sample);
    }
    printf(" %4.0f %% %4.0f %% %8.1f %4.0f %%", 100 * shares[0], 100 * shares[1],
           1e6 * t->iteration, 100 * shares[2]);
    if (!isnan(t->blas)) {
        printf(" %10.1f %5.2f", 1e6 * t->blas, t->blas / products_of(t));
    }
    printf("\n");
}

static json_t *describe_case(const bench_case *c, const timing *t, const double *shares)
{
    char activation[SS_ACTIVATION_TEXT_SIZE];
    double per_sample = 1e9 / (double)c->size.m;
    json_t *row =
        json_pack("{s:I, s:I, s:I, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "d",
                  (json_int_t)c->size.d, "k", (json_int_t)c->size.k, "m", (json_int_t)c->size.m,
                  "activation", ss_activation_format(c->activation, activation), "precision",
                  precisions[c->precision], "streams_ns_a_sample", t->stages[0] * per_sample,
                  "activation_ns_a_sample", t->stages[1] * per_sample, "gamma_ns_a_sample",
                  t->stages[2] * per_sample, "gradient_ns_a_sample", t->stages[3] * per_sample,
                  "gamma_share_of_peak", shares[0], "gradient_share_of_peak", shares[1],
                  "iteration_us", 1e6 * t->iteration, "iteration_share_of_peak", shares[2]);
    if (!isnan(t->blas)) {
        json_object_set_new(row, "openblas_products_us", json_real(1e6 * t->blas));
        json_object_set_new(row, "products_us", json_real(1e6 * products_of(t)));
    }
    return row;
}

/* What the measurements of all cases share. */
typedef struct tools {
    ss_workspace *workspace;
    ss_bench_blas *blas; /* NULL: not installed */
} tools;

static ss_error measure_case(const ss_bench *bench, const bench_case *c, const tools *tools,
                             json_t *rows)
{
    timing t = {.blas = NAN};
    SS_TRY(time_stages(bench, c, &t));
    double batch = t.stages[0] + t.stages[1] + t.stages[2] + t.stages[3];
    int64_t iterations = 3 + (int64_t)(2 * patience(bench) / batch);
    t.iteration = time_iteration(c, tools->workspace, iterations);
    if (c->size.d >= 32 && tools->blas) {
        SS_TRY(ss_bench_blas_time(tools->blas, c->size.d, c->size.k, c->size.m, c->precision,
                                  patience(bench), &t.blas));
    }
    double m = (double)c->size.m;
    double shares[] = {
        m * gamma_count(c->size) / t.stages[2] / c->peak,
        m * gradient_count(c->size) / t.stages[3] / c->peak,
        arithmetic_floor(c) / t.iteration,
    };
    json_array_append_new(rows, describe_case(c, &t, shares));
    print_case(c, &t, shares);
    fflush(stdout);
    return SS_OK;
}

static ss_error measure_table(ss_bench *bench, const bench_case *by_precision, const tools *tools,
                              json_t *rows)
{
    printf("                                        nanoseconds a sample              of peak  "
           "    iteration      OpenBLAS's\n"
           "     d    k      m  activation       preci.   streams    A z, φ         Γ  gradient"
           "     Γ   grad.     us  floor    products\n");
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t a = 0; a < sizeof activations / sizeof activations[0]; a++) {
            for (int precision = 0; precision < 2; precision++) {
                bench_case c = by_precision[precision];
                c.size = sizes[s];
                c.activation = activations[a];
                bench->stopped = ss_drain_requested();
                if (bench->stopped) {
                    return SS_OK;
                }
                SS_TRY(measure_case(bench, &c, tools, rows));
            }
        }
    }
    return SS_OK;
}

static ss_error measure_alone(ss_bench *bench, json_t *figures)
{
    bench_case by_precision[2];
    tools tools = {0};
    for (int precision = 0; precision < 2; precision++) {
        bench_case *c = &by_precision[precision];
        *c = (bench_case){.precision = (ss_precision)precision};
        SS_TRY(ss_kernel_choose(c->precision, &c->kernel));
        if (!c->kernel->stage) {
            return ss_fail(SS_ERR_USAGE,
                           "bench kernel: SADDLESWEEP_KERNEL=%s has no stages to measure; unset it "
                           "or use avx512, avx2 or portable",
                           c->kernel->name);
        }
        c->peak = measure_peak(bench, c->kernel);
    }
    json_object_set_new(figures, "kernel", json_string(by_precision[0].kernel->name));
    printf("  %-50s %12s\n", "kernel", by_precision[0].kernel->name);
    ss_bench_add(bench, figures, "peak_single_gflops", 2e-9 * by_precision[0].peak,
                 "multiply-add peak, single", "GFLOP/s");
    ss_bench_add(bench, figures, "peak_double_gflops", 2e-9 * by_precision[1].peak,
                 "multiply-add peak, double", "GFLOP/s");
    json_t *rows = json_array();
    json_object_set_new(figures, "cases", rows);
    SS_TRY(ss_workspace_create(&tools.workspace));
    if (ss_bench_blas_open(&tools.blas) != SS_OK) {
        fprintf(stderr, "warning: nothing to compare with (Debian: libopenblas0): %s\n",
                ss_error_text());
    }
    ss_error error = measure_table(bench, by_precision, &tools, rows);
    ss_bench_blas_close(&tools.blas);
    ss_workspace_destroy(&tools.workspace);
    return error;
}

ss_error ss_bench_kernel(ss_bench *bench, json_t *figures)
{
    return ss_sched_agree(bench->comm, bench->rank == 0 ? measure_alone(bench, figures) : SS_OK);
}
