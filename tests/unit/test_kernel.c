/* The kernels: all against the reference, their bits, the choice among them. test_kernel_limits.c
 * has the reference against mathematics. */
#include "check.h"

#include "effort.h"
#include "narrow_kernel.h"
#include "saddlesweep/run.h"
#include "small_batch.h"
#include "src/kernel/openblas.h"

#include <stdbool.h>
#include <stdlib.h>

/* ---- all kernels against the reference ---- */

typedef struct shape {
    int64_t d, k, samples;
} shape;

typedef struct workplace {
    double *A, *V, *gamma, *gradient, *reference_gamma, *reference_gradient;
} workplace;

static workplace open_workplace(int64_t d, int64_t k)
{
    workplace w = {allocate_doubles(d * k), allocate_doubles(d * d), allocate_doubles(d * d),
                   allocate_doubles(d * k), allocate_doubles(d * d), allocate_doubles(d * k)};
    draw_unit_rows((uint64_t)(d * k), d, k, w.A);
    draw_symmetric((uint64_t)(d + k), d, w.V);
    return w;
}

static void close_workplace(workplace *w)
{
    double *arrays[] = {
        w->A, w->V, w->gamma, w->gradient, w->reference_gamma, w->reference_gradient};
    for (size_t i = 0; i < COUNT_OF(arrays); i++) {
        free(arrays[i]);
    }
}

/*
 * A float32 carries 6e-8; φ, φ' and z come with errors of up to 3e-7 (lane_math.h), and a kernel
 * chains a few of them. A float64 carries 1.1e-16, and its functions 1e-15. Γ is measured against
 * ‖Γ‖, the gradient against what bounds the size of its terms, 2 ‖V‖ √(tr Γ) √k: the sum itself may
 * cancel. Where φ' jumps, an argument that rounds to the other side of 0 costs one term of m: among
 * thousands of samples there may be one.
 */
static double tolerance(const ss_kernel *kernel, const ss_batch *batch)
{
    bool jumps = batch->activation.kind == SS_ACTIVATION_LEAKY_RELU && batch->samples >= 1000;
    double one_term = jumps ? 1 / (double)batch->samples : 0;
    return kernel->precision == SS_PRECISION_SINGLE ? 2e-6 + one_term : 2e-14;
}

static void assert_agree(const ss_kernel *kernel, const ss_batch *batch, const workplace *w)
{
    int64_t d = batch->d;
    int64_t k = batch->k;
    double trace = 0;
    for (int64_t i = 0; i < d; i++) {
        trace += w->reference_gamma[i * d + i];
    }
    double gradient_size = 2 * check_norm(w->V, d * d) * sqrt(trace * (double)k);
    double gamma_error =
        check_distance(w->gamma, w->reference_gamma, d * d) / check_norm(w->reference_gamma, d * d);
    double gradient_error =
        check_distance(w->gradient, w->reference_gradient, d * k) / gradient_size;
    double most = tolerance(kernel, batch);
    if (!(gamma_error <= most && gradient_error <= most)) {
        char name[SS_ACTIVATION_TEXT_SIZE];
        fail_msg("%s, precision %d, %s, d = %d, k = %d, %d samples: gamma %g, gradient %g",
                 kernel->name, (int)kernel->precision,
                 ss_activation_format(batch->activation, name), (int)d, (int)k, (int)batch->samples,
                 gamma_error, gradient_error);
    }
}

static void assert_kernels_agree(shape shape, ss_activation activation)
{
    workplace w = open_workplace(shape.d, shape.k);
    ss_batch batch = batch_of(w.A, shape.d, shape.k, shape.samples, activation);
    const ss_kernel *reference = kernel_named("reference");
    compute(reference, &batch, w.V, w.reference_gamma, w.reference_gradient);
    for (int i = 0; ss_kernel_at(i); i++) {
        const ss_kernel *kernel = ss_kernel_at(i);
        if (kernel != reference) {
            compute(kernel, &batch, w.V, w.gamma, w.gradient);
            assert_agree(kernel, &batch, &w);
        }
    }
    close_workplace(&w);
}

/* Samples and rows in the lanes, with and without whole tiles, panels and strips; up to five
 * panels, so that tiles of two end on the diagonal in every way. */
static const shape sides[] = {{1, 1, 0},   {3, 2, 0},  {2, 5, 0},   {7, 2, 0},
                              {8, 8, 0},   {31, 5, 0}, {32, 32, 0}, {33, 17, 0},
                              {43, 20, 0}, {49, 1, 0}, {65, 3, 0},  {5, 40, 0}};
static const int64_t sample_counts[] = {1, 3, 64, 65, 511, 512, 513, 1000, 10000};

typedef void (*shape_test)(const void *context, shape shape, ss_activation activation);

/* All activations with all shapes in `all`; usually every second one with each, so that an
 * activation meets all sides and all counts. The largest count takes most of the time: it has more
 * chunks and nothing else new, so usually tanh alone has it, and under sanitizers none. */
static bool is_tried(size_t activation, size_t side, size_t count)
{
    if (count == COUNT_OF(sample_counts) - 1) {
        return !SANITIZED && (activation == 0 || tests_all());
    }
    return (activation + side + count) % (size_t)tests_effort(1, 2, 4) == 0;
}

static void for_all_shapes(shape_test test, const void *context)
{
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        for (size_t s = 0; s < COUNT_OF(sides); s++) {
            for (size_t m = 0; m < COUNT_OF(sample_counts); m++) {
                if (is_tried(a, s, m)) {
                    shape shape = {sides[s].d, sides[s].k, sample_counts[m]};
                    test(context, shape, activations[a]);
                }
            }
        }
    }
}

static void test_agreement(const void *context, shape shape, ss_activation activation)
{
    (void)context;
    assert_kernels_agree(shape, activation);
}

static void kernels_agree_with_the_reference(void **state)
{
    (void)state;
    for_all_shapes(test_agreement, NULL);
}

/* Large enough that not all samples are kept between gamma() and gradient(). */
static const shape large[] = {{49, 64, 300000}, {3, 48, 700000}};

static void scratch_memory_is_capped(void **state)
{
    (void)state;
    for (int i = 0; ss_kernel_at(i); i++) {
        for (size_t s = 0; s < COUNT_OF(large); s++) {
            shape shape = large[s];
            ss_batch batch = batch_of(NULL, shape.d, shape.k, shape.samples, activations[0]);
            ss_batch larger = batch_of(NULL, shape.d, shape.k, 4 * shape.samples, activations[0]);
            size_t bytes = ss_kernel_at(i)->scratch_bytes(&batch);
            assert_int_equal(ss_kernel_at(i)->scratch_bytes(&larger), bytes);
            assert_true(bytes <= (size_t)1 << 20);
        }
    }
}

static void a_batch_that_is_needed_once_is_not_kept(void **state)
{
    (void)state;
    for (int i = 0; ss_kernel_at(i); i++) {
        ss_batch batch = batch_of(NULL, 49, 17, 1000, activations[0]);
        ss_batch larger = batch_of(NULL, 49, 17, 100000, activations[0]);
        batch.once = larger.once = true;
        assert_int_equal(ss_kernel_at(i)->scratch_bytes(&larger),
                         ss_kernel_at(i)->scratch_bytes(&batch));
    }
}

/* ---- the loops by themselves ---- */

static void assert_close(const double *a, const double *b, int64_t count, const char *what,
                         const ss_kernel *kernel)
{
    for (int64_t i = 0; i < count; i++) {
        if (!(fabs(a[i] - b[i]) <= 4e-15 * (1 + fabs(b[i])))) {
            fail_msg("%s of %s: %g instead of %g at %d", what, kernel->name, a[i], b[i], (int)i);
        }
    }
}

/* Row r of the stream, of strip number 5 on, at its place. */
static void check_draw(const ss_kernel *kernel)
{
    enum { STRIPS = 3, FIRST = 5, COLUMN = 7, T = 11 };
    double *z = allocate_doubles(STRIPS * SS_KERNEL_STRIP);
    double *expected = allocate_doubles(STRIPS * SS_KERNEL_STRIP);
    ss_stream stream = ss_stream_latents(3, 2, 20);
    kernel->draw(&stream, T, FIRST, STRIPS, COLUMN, z);
    for (int64_t row = 0; row < STRIPS * SS_KERNEL_STRIP; row++) {
        double group[4];
        int64_t number = (FIRST * SS_KERNEL_STRIP + row) / 4;
        ss_stream_group(&stream, T, (uint32_t)number, COLUMN, group);
        int64_t strip = row / SS_KERNEL_STRIP * SS_KERNEL_STRIP;
        expected[strip + ss_kernel_place(row % SS_KERNEL_STRIP)] = group[row % 4];
    }
    assert_close(z, expected, STRIPS * SS_KERNEL_STRIP, "a normal", kernel);
    free(z);
    free(expected);
}

static void check_activation(const ss_kernel *kernel, ss_activation activation)
{
    enum { COUNT = 512 };
    double *phi = allocate_doubles(COUNT);
    double *weights = allocate_doubles(COUNT);
    double *value = allocate_doubles(COUNT);
    double *weighed = allocate_doubles(COUNT);
    double *kept = ss_kernel_keeps_slope(activation.kind) ? allocate_doubles(COUNT) : NULL;
    for (int64_t i = 0; i < COUNT; i++) {
        double u = ((double)i - COUNT / 2) / 40;
        phi[i] = u;
        weights[i] = 1 + (double)(i % 5);
        value[i] = ss_activation_value(activation, u);
        weighed[i] = weights[i] * ss_activation_slope(activation, u);
    }
    kernel->activate(activation, COUNT, phi, kept);
    assert_close(phi, value, COUNT, "a value", kernel);
    kernel->weigh(activation, COUNT, phi, kept, weights);
    assert_close(weights, weighed, COUNT, "a slope", kernel);
    double *arrays[] = {phi, weights, value, weighed, kept};
    for (size_t i = 0; i < COUNT_OF(arrays); i++) {
        free(arrays[i]);
    }
}

static void the_loops_by_themselves_agree_with_their_definitions(void **state)
{
    (void)state;
    int tried = 0;
    for (int i = 0; ss_kernel_at(i); i++) {
        const ss_kernel *kernel = ss_kernel_at(i);
        if (kernel->draw) {
            check_draw(kernel);
            for (size_t a = 0; a < COUNT_OF(activations); a++) {
                check_activation(kernel, activations[a]);
            }
            tried++;
        }
    }
    assert_true(tried >= 2); /* portable and reference */
}

/* ---- the same bits whatever the width of registers, and whatever is kept ---- */

#if defined(NARROW_KERNEL) /* not in sanitized builds: they are about numbers */
static void assert_same_bits(const ss_kernel *first, const ss_kernel *second, shape shape,
                             ss_activation activation)
{
    workplace w = open_workplace(shape.d, shape.k);
    ss_batch batch = batch_of(w.A, shape.d, shape.k, shape.samples, activation);
    compute(first, &batch, w.V, w.reference_gamma, w.reference_gradient);
    compute(second, &batch, w.V, w.gamma, w.gradient);
    assert_memory_equal(w.gamma, w.reference_gamma, (size_t)(shape.d * shape.d) * sizeof(double));
    assert_memory_equal(w.gradient, w.reference_gradient,
                        (size_t)(shape.d * shape.k) * sizeof(double));
    batch.once = true; /* nothing is kept: gradient() computes all samples again */
    compute(second, &batch, w.V, w.gamma, w.gradient);
    assert_memory_equal(w.gamma, w.reference_gamma, (size_t)(shape.d * shape.d) * sizeof(double));
    assert_memory_equal(w.gradient, w.reference_gradient,
                        (size_t)(shape.d * shape.k) * sizeof(double));
    close_workplace(&w);
}

static bool fuses(const ss_kernel *kernel)
{
    return strcmp(kernel->name, "avx2") == 0 || strcmp(kernel->name, "avx512") == 0;
}

static void test_bits(const void *kernel, shape shape, ss_activation activation)
{
    static const ss_kernel *const narrow[] = {&narrow_kernel_f32, &narrow_kernel_f64};
    const ss_kernel *wide = kernel;
    assert_same_bits(narrow[wide->precision], wide, shape, activation);
}
#endif

static void kernels_that_fuse_give_the_same_bits(void **state)
{
    (void)state;
#if defined(NARROW_KERNEL)
    for (int i = 0; ss_kernel_at(i); i++) {
        const ss_kernel *kernel = ss_kernel_at(i);
        if (!fuses(kernel)) {
            continue;
        }
        for_all_shapes(test_bits, kernel);
        for (size_t s = 0; s < COUNT_OF(large) && tests_all() && !SANITIZED; s++) {
            test_bits(kernel, large[s], activations[2]); /* too large to be kept */
        }
    }
#endif
}

static void kernels_do_not_depend_on_what_scratch_held(void **state)
{
    (void)state;
    enum { D = 3, K = 2 };
    double A[D * K];
    double V[D * D];
    double first[D * D + D * K];
    double second[D * D + D * K];
    draw_unit_rows(1, D, K, A);
    draw_symmetric(2, D, V);
    ss_batch batch = batch_of(A, D, K, 70, activations[0]);
    for (int i = 0; ss_kernel_at(i); i++) {
        const ss_kernel *kernel = ss_kernel_at(i);
        size_t bytes = kernel->scratch_bytes(&batch);
        void *scratch = allocate(bytes);
        memset(scratch, 0, bytes);
        kernel->gamma(&batch, scratch, first);
        kernel->gradient(&batch, scratch, V, first + D * D);
        memset(scratch, 0xff, bytes); /* NaNs */
        kernel->gamma(&batch, scratch, second);
        kernel->gradient(&batch, scratch, V, second + D * D);
        free(scratch);
        assert_memory_equal(first, second, sizeof first);
    }
}

/* ---- the choice ---- */

static int forget_choice(void **state)
{
    (void)state;
    return unsetenv("SADDLESWEEP_KERNEL");
}

static void the_environment_names_the_kernel(void **state)
{
    (void)state;
    for (int i = 0; ss_kernel_at(i); i++) {
        const ss_kernel *chosen = NULL;
        setenv("SADDLESWEEP_KERNEL", ss_kernel_at(i)->name, 1);
        assert_int_equal(ss_kernel_choose(ss_kernel_at(i)->precision, &chosen), SS_OK);
        assert_ptr_equal(chosen, ss_kernel_at(i));
    }
}

static void a_kernel_that_cannot_run_here_is_refused_and_not_listed(void **state)
{
    (void)state;
#if defined(SADDLESWEEP_X86)
    static const char *const names[] = {"avx512", "avx2"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const ss_kernel *chosen = NULL;
        setenv("SADDLESWEEP_KERNEL", names[i], 1);
        ss_error error = ss_kernel_choose(SS_PRECISION_SINGLE, &chosen);
        if (kernel_named(names[i])) {
            assert_int_equal(error, SS_OK);
        } else {
            assert_int_equal(error, SS_ERR_USAGE);
            assert_contains(ss_error_text(), "lacks its instructions");
        }
    }
#endif
}

static int forget_openblas(void **state)
{
    unsetenv("OPENBLAS_CORETYPE");
    unsetenv("OPENBLAS_NUM_THREADS");
    return forget_choice(state);
}

static void openblas_takes_the_instructions_of_the_kernel_unless_told(void **state)
{
    (void)state;
    static const char *const types[][2] = {
        {"avx512", "SkylakeX"}, {"avx2", "Haswell"}, {"portable", NULL}};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (kernel_named(types[i][0])) {
            setenv("SADDLESWEEP_KERNEL", types[i][0], 1);
            setenv("OPENBLAS_NUM_THREADS", "8", 1); /* a rank has one core, whatever a shell says */
            setenv("OPENBLAS_CORETYPE", "Prescott", 1);
            ss_openblas_prepare();
            assert_string_equal(getenv("OPENBLAS_CORETYPE"), "Prescott");
            assert_string_equal(getenv("OPENBLAS_NUM_THREADS"), "1");
            unsetenv("OPENBLAS_CORETYPE");
            ss_openblas_prepare();
            const char *type = getenv("OPENBLAS_CORETYPE");
            assert_true(types[i][1] ? type && strcmp(type, types[i][1]) == 0 : !type);
        }
    }
}

static void the_reference_serves_both_precisions(void **state)
{
    (void)state;
    const ss_kernel *chosen = NULL;
    setenv("SADDLESWEEP_KERNEL", "reference", 1);
    assert_int_equal(ss_kernel_choose(SS_PRECISION_SINGLE, &chosen), SS_OK);
    assert_string_equal(chosen->name, "reference");
    assert_int_equal(ss_kernel_choose(SS_PRECISION_DOUBLE, &chosen), SS_OK);
    assert_string_equal(chosen->name, "reference");
}

static void without_a_name_the_first_that_runs_here_is_chosen(void **state)
{
    (void)state;
    for (int precision = 0; precision < 2; precision++) {
        const ss_kernel *unset = NULL;
        const ss_kernel *empty = NULL;
        unsetenv("SADDLESWEEP_KERNEL");
        assert_int_equal(ss_kernel_choose((ss_precision)precision, &unset), SS_OK);
        setenv("SADDLESWEEP_KERNEL", "", 1);
        assert_int_equal(ss_kernel_choose((ss_precision)precision, &empty), SS_OK);
        assert_ptr_equal(empty, unset);
        assert_int_equal(unset->precision, precision);
        for (int i = 0; ss_kernel_at(i) != unset; i++) {
            assert_int_not_equal(ss_kernel_at(i)->precision, precision);
        }
    }
}

static void an_unknown_kernel_is_refused_with_the_nearest_name(void **state)
{
    (void)state;
    const ss_kernel *chosen = NULL;
    ss_workspace *workspace = NULL;
    setenv("SADDLESWEEP_KERNEL", "protable", 1);
    assert_int_equal(ss_kernel_choose(SS_PRECISION_SINGLE, &chosen), SS_ERR_USAGE);
    assert_contains(ss_error_text(), "SADDLESWEEP_KERNEL=protable");
    assert_contains(ss_error_text(), "did you mean portable?");
    assert_int_equal(ss_kernel_choose(SS_PRECISION_DOUBLE, &chosen), SS_ERR_USAGE);
    assert_int_equal(ss_workspace_create(&workspace), SS_ERR_USAGE);
    assert_null(workspace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_agree_with_the_reference),
        cmocka_unit_test(the_loops_by_themselves_agree_with_their_definitions),
        cmocka_unit_test(scratch_memory_is_capped),
        cmocka_unit_test(a_batch_that_is_needed_once_is_not_kept),
        cmocka_unit_test(kernels_that_fuse_give_the_same_bits),
        cmocka_unit_test(kernels_do_not_depend_on_what_scratch_held),
        cmocka_unit_test_teardown(the_environment_names_the_kernel, forget_choice),
        cmocka_unit_test_teardown(openblas_takes_the_instructions_of_the_kernel_unless_told,
                                  forget_openblas),
        cmocka_unit_test_teardown(a_kernel_that_cannot_run_here_is_refused_and_not_listed,
                                  forget_choice),
        cmocka_unit_test_teardown(the_reference_serves_both_precisions, forget_choice),
        cmocka_unit_test_teardown(without_a_name_the_first_that_runs_here_is_chosen, forget_choice),
        cmocka_unit_test_teardown(an_unknown_kernel_is_refused_with_the_nearest_name,
                                  forget_choice),
    };
    unsetenv("SADDLESWEEP_KERNEL");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
