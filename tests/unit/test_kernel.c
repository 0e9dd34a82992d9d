/* The kernels: all against the reference, their bits, the choice among them. test_kernel_limits.c
 * has the reference against mathematics. */
#include "check.h"

#include "saddlesweep/run.h"
#include "small_batch.h"

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
 * chains a few of them. Γ is measured against ‖Γ‖, the gradient against what bounds the size of
 * its terms, 2 ‖V‖ √(tr Γ) √k: the sum itself may cancel.
 */
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
    if (!(gamma_error <= 2e-6 && gradient_error <= 2e-6)) {
        char name[SS_ACTIVATION_TEXT_SIZE];
        fail_msg("%s, %s, d = %d, k = %d, %d samples: gamma %g, gradient %g", kernel->name,
                 ss_activation_format(batch->activation, name), (int)d, (int)k, (int)batch->samples,
                 gamma_error, gradient_error);
    }
}

static void assert_kernels_agree(shape shape, ss_activation activation)
{
    workplace w = open_workplace(shape.d, shape.k);
    ss_batch batch = batch_of(w.A, shape.d, shape.k, shape.samples, activation);
    compute(kernel_named("reference"), &batch, w.V, w.reference_gamma, w.reference_gradient);
    for (int i = 0; ss_kernel_at(i); i++) {
        const ss_kernel *kernel = ss_kernel_at(i);
        if (ss_kernel_runs_here(kernel) && kernel->precision == SS_PRECISION_SINGLE) {
            compute(kernel, &batch, w.V, w.gamma, w.gradient);
            assert_agree(kernel, &batch, &w);
        }
    }
    close_workplace(&w);
}

static const shape sides[] = {{1, 1, 0}, {3, 2, 0}, {2, 5, 0}, {7, 2, 0}, {8, 8, 0}, {33, 17, 0}};
static const int64_t sample_counts[] = {1, 3, 64, 65, 511, 512, 513, 1000, 10000};

static void single_precision_kernels_agree_with_the_reference(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        for (size_t s = 0; s < COUNT_OF(sides); s++) {
            for (size_t m = 0; m < COUNT_OF(sample_counts); m++) {
                shape shape = {sides[s].d, sides[s].k, sample_counts[m]};
                assert_kernels_agree(shape, activations[a]);
            }
        }
    }
}

/* Large enough that not all blocks are kept between gamma() and gradient(). */
static const shape large = {64, 64, 60000};

static void scratch_memory_is_capped(void **state)
{
    (void)state;
    for (int i = 0; ss_kernel_at(i); i++) {
        ss_batch batch = batch_of(NULL, large.d, large.k, large.samples, activations[0]);
        ss_batch larger = batch_of(NULL, large.d, large.k, 4 * large.samples, activations[0]);
        size_t bytes = ss_kernel_at(i)->scratch_bytes(&batch);
        assert_int_equal(ss_kernel_at(i)->scratch_bytes(&larger), bytes);
        assert_true(bytes <= (size_t)64 << 20);
    }
}

static void blocks_that_are_not_kept_are_computed_again(void **state)
{
    (void)state;
    assert_kernels_agree(large, (ss_activation){SS_ACTIVATION_LEAKY_RELU, 0.2});
}

/* ---- the same bits on every processor ---- */

static void assert_same_bits(shape shape, ss_activation activation)
{
    const ss_kernel *first = kernel_named("portable");
    workplace w = open_workplace(shape.d, shape.k);
    ss_batch batch = batch_of(w.A, shape.d, shape.k, shape.samples, activation);
    compute(first, &batch, w.V, w.reference_gamma, w.reference_gradient);
    for (int i = 0; ss_kernel_at(i); i++) {
        const ss_kernel *kernel = ss_kernel_at(i);
        if (ss_kernel_runs_here(kernel) && kernel->precision == SS_PRECISION_SINGLE) {
            compute(kernel, &batch, w.V, w.gamma, w.gradient);
            assert_memory_equal(w.gamma, w.reference_gamma,
                                (size_t)(shape.d * shape.d) * sizeof(double));
            assert_memory_equal(w.gradient, w.reference_gradient,
                                (size_t)(shape.d * shape.k) * sizeof(double));
        }
    }
    close_workplace(&w);
}

static void single_precision_kernels_give_the_same_bits(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        for (size_t s = 0; s < COUNT_OF(sides); s++) {
            for (size_t m = 0; m < COUNT_OF(sample_counts); m++) {
                shape shape = {sides[s].d, sides[s].k, sample_counts[m]};
                assert_same_bits(shape, activations[a]);
            }
        }
    }
    assert_same_bits(large, activations[0]);
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
        if (!ss_kernel_runs_here(kernel)) {
            continue;
        }
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
        ss_error error = ss_kernel_choose(SS_PRECISION_SINGLE, &chosen);
        if (ss_kernel_runs_here(ss_kernel_at(i))) {
            assert_int_equal(error, SS_OK);
            assert_ptr_equal(chosen, ss_kernel_at(i));
        } else {
            assert_int_equal(error, SS_ERR_USAGE);
            assert_contains(ss_error_text(), "lacks its instructions");
        }
    }
}

static void double_precision_always_uses_the_reference(void **state)
{
    (void)state;
    const ss_kernel *chosen = NULL;
    setenv("SADDLESWEEP_KERNEL", "portable", 1);
    assert_int_equal(ss_kernel_choose(SS_PRECISION_DOUBLE, &chosen), SS_OK);
    assert_string_equal(chosen->name, "reference");
}

static void without_a_name_the_first_that_runs_here_is_chosen(void **state)
{
    (void)state;
    const ss_kernel *unset = fastest_kernel();
    const ss_kernel *empty = NULL;
    setenv("SADDLESWEEP_KERNEL", "", 1);
    assert_int_equal(ss_kernel_choose(SS_PRECISION_SINGLE, &empty), SS_OK);
    assert_ptr_equal(empty, unset);
    for (int i = 0; ss_kernel_at(i) != unset; i++) {
        assert_false(ss_kernel_runs_here(ss_kernel_at(i)));
    }
    assert_int_equal(unset->precision, SS_PRECISION_SINGLE);
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
        cmocka_unit_test(single_precision_kernels_agree_with_the_reference),
        cmocka_unit_test(scratch_memory_is_capped),
        cmocka_unit_test(blocks_that_are_not_kept_are_computed_again),
        cmocka_unit_test(single_precision_kernels_give_the_same_bits),
        cmocka_unit_test(kernels_do_not_depend_on_what_scratch_held),
        cmocka_unit_test_teardown(the_environment_names_the_kernel, forget_choice),
        cmocka_unit_test_teardown(double_precision_always_uses_the_reference, forget_choice),
        cmocka_unit_test_teardown(without_a_name_the_first_that_runs_here_is_chosen, forget_choice),
        cmocka_unit_test_teardown(an_unknown_kernel_is_refused_with_the_nearest_name,
                                  forget_choice),
    };
    unsetenv("SADDLESWEEP_KERNEL");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
