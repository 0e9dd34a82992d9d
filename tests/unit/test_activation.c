/* Activations: their names, values and derivatives. */
#include "check.h"

#include "saddlesweep/activation.h"

#include <float.h>
#include <stdbool.h>

static const ss_activation all[] = {
    {SS_ACTIVATION_TANH, 0},         {SS_ACTIVATION_SIGMOID, 0},
    {SS_ACTIVATION_ERF, 0},          {SS_ACTIVATION_IDENTITY, 0},
    {SS_ACTIVATION_LEAKY_RELU, 0},   {SS_ACTIVATION_LEAKY_RELU, 1},
    {SS_ACTIVATION_LEAKY_RELU, 0.2}, {SS_ACTIVATION_LEAKY_RELU, 0.01},
    {SS_ACTIVATION_SOFTPLUS, 0},     {SS_ACTIVATION_GELU, 0}};

static void a_formatted_name_reads_back_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        char text[SS_ACTIVATION_TEXT_SIZE];
        ss_activation back;
        assert_ptr_equal(ss_activation_format(all[i], text), text);
        assert_int_equal(ss_activation_parse(text, &back), SS_OK);
        assert_int_equal(back.kind, all[i].kind);
        assert_memory_equal(&back.alpha, &all[i].alpha, sizeof(double));
    }
}

static void awkward_slopes_read_back_bit_for_bit(void **state)
{
    (void)state;
    const double slopes[] = {
        0.1 + 0.2, 1.0 / 3, nextafter(1, 0),         nextafter(0.2, 1),  0x1p-1074, 0x1.8p-1000,
        1e-5,      0.5,     2.2250738585072014e-308, 0.12345678901234567};
    for (size_t i = 0; i < COUNT_OF(slopes); i++) {
        char text[SS_ACTIVATION_TEXT_SIZE];
        ss_activation back;
        ss_activation_format((ss_activation){SS_ACTIVATION_LEAKY_RELU, slopes[i]}, text);
        assert_true(strlen(text) + 1 <= sizeof text);
        assert_int_equal(ss_activation_parse(text, &back), SS_OK);
        assert_memory_equal(&back.alpha, &slopes[i], sizeof(double));
    }
}

static void names_are_written_as_people_write_them(void **state)
{
    (void)state;
    static const char *const names[] = {"tanh",
                                        "sigmoid",
                                        "erf",
                                        "identity",
                                        "leaky_relu(0)",
                                        "leaky_relu(1)",
                                        "leaky_relu(0.2)",
                                        "leaky_relu(0.01)",
                                        "softplus",
                                        "gelu"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char text[SS_ACTIVATION_TEXT_SIZE];
        assert_string_equal(ss_activation_format(all[i], text), names[i]);
    }
}

static void negative_zero_is_the_slope_zero(void **state)
{
    (void)state;
    ss_activation out;
    assert_int_equal(ss_activation_parse("leaky_relu(-0)", &out), SS_OK);
    assert_false(signbit(out.alpha));
}

static void wrong_names_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"tahn", "did you mean tanh?"},
        {"Tanh", "did you mean tanh?"},
        {"sigmoidd", "did you mean sigmoid?"},
        {"leaky_rleu(0.2)", "did you mean leaky_relu?"},
        {"softpuls", "did you mean softplus?"},
        {"swish",
         "Allowed: relu, tanh, sigmoid, erf, identity, softplus, gelu or leaky_relu(a) with"},
        {"", "Allowed: relu, tanh"},
        {"relu(0)", "did you mean relu?"},
        {"leaky_relu", "expected leaky_relu(a) with 0 <= a <= 1"},
        {"leaky_relu(0x1p-2)", "expected leaky_relu(a) with 0 <= a <= 1"},
        {"leaky_relu( 0.2)", "expected leaky_relu(a) with 0 <= a <= 1"},
        {"leaky_relu()", "expected leaky_relu(a) with 0 <= a <= 1"},
        {"leaky_relu(0.2", "expected leaky_relu(a) with 0 <= a <= 1"},
        {"leaky_relu(0.2))", "expected leaky_relu(a) with 0 <= a <= 1"},
        {"leaky_relu(0.2) ", "expected leaky_relu(a) with 0 <= a <= 1"},
        {"leaky_relu(0.2,1)", "expected leaky_relu(a) with 0 <= a <= 1"},
        {"leaky_relu(1.5)", "found \"leaky_relu(1.5)\""},
        {"leaky_relu(-0.1)", "found \"leaky_relu(-0.1)\""},
        {"leaky_relu(nan)", "expected leaky_relu(a)"},
        {"leaky_relu(inf)", "expected leaky_relu(a)"},
        {"tanh(1)", "tanh takes no parameter"},
        {"identity()", "identity takes no parameter"},
        {"gelu(1)", "gelu takes no parameter"},
        {"tanh)", "did you mean tanh?"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ss_activation out;
        assert_int_equal(ss_activation_parse(cases[i].text, &out), SS_ERR_SPEC);
        assert_contains(ss_error_text(), cases[i].reason);
    }
}

/* h = 1e-5: the formula errs by h²/6 |φ'''| < 1e-10, and rounding by 1e-16/h = 1e-11. The points
 * keep leaky ReLU's kink outside (u-h, u+h). */
static void slope_is_the_derivative_of_value(void **state)
{
    (void)state;
    const double h = 1e-5;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        for (double u = -4.05; u < 4.1; u += 0.1) {
            double difference =
                (ss_activation_value(all[i], u + h) - ss_activation_value(all[i], u - h)) / (2 * h);
            assert_near(ss_activation_slope(all[i], u), difference, 1e-9);
        }
    }
}

static int source_of_slope(ss_activation_kind kind)
{
    switch (kind) {
#define SS_SOURCE(name, ...)                                                                       \
    case SS_ACTIVATION_##name:                                                                     \
        return SS_SLOPE_SOURCE_##name;
        SS_ACTIVATIONS(SS_SOURCE)
#undef SS_SOURCE
    default:
        return -1;
    }
}

static void slope_follows_from_value_where_the_list_says_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        bool follows = source_of_slope(all[i].kind) == SS_SLOPE_OF_VALUE;
        for (double u = -4.05; u < 4.1; u += 0.1) {
            double slope = ss_activation_slope_of_value(all[i], ss_activation_value(all[i], u));
            assert_true(follows ? slope == ss_activation_slope(all[i], u) : isnan(slope));
        }
    }
}

static void large_arguments_give_numbers(void **state)
{
    (void)state;
    const double sizes[] = {30, 40, 1000, 1e30, 1e200, DBL_MAX};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        for (size_t s = 0; s < 2 * COUNT_OF(sizes); s++) {
            double u = s % 2 ? -sizes[s / 2] : sizes[s / 2];
            assert_true(isfinite(ss_activation_value(all[i], u)));
            double slope = ss_activation_slope(all[i], u);
            assert_true(slope > -1e-100 && slope <= 1); /* of GELU it is below zero */
        }
    }
}

/* The constants are exact to their last digit; the tolerance is a few units in it. */
static void known_values(void **state)
{
    (void)state;
    static const struct {
        ss_activation activation;
        double u, value, slope;
    } cases[] = {
        {{SS_ACTIVATION_TANH, 0}, 0, 0, 1},
        {{SS_ACTIVATION_TANH, 0}, 1, 0.76159415595576489, 0.41997434161402607},
        {{SS_ACTIVATION_TANH, 0}, -40, -1, 0},
        {{SS_ACTIVATION_SIGMOID, 0}, 0, 0.5, 0.25},
        {{SS_ACTIVATION_SIGMOID, 0}, 1, 0.73105857863000488, 0.19661193324148185},
        {{SS_ACTIVATION_SIGMOID, 0}, -1000, 0, 0},
        {{SS_ACTIVATION_SIGMOID, 0}, 1000, 1, 0},
        {{SS_ACTIVATION_ERF, 0}, 0, 0, 1.1283791670955126},
        {{SS_ACTIVATION_ERF, 0}, 1, 0.84270079294971487, 0.41510749742059471},
        {{SS_ACTIVATION_LEAKY_RELU, 0.2}, 3, 3, 1},
        {{SS_ACTIVATION_LEAKY_RELU, 0.2}, -3, -0.6, 0.2},
        {{SS_ACTIVATION_LEAKY_RELU, 0}, -3, 0, 0},
        {{SS_ACTIVATION_IDENTITY, 0}, -2.5, -2.5, 1},
        {{SS_ACTIVATION_SOFTPLUS, 0}, 0, M_LN2, 0.5},
        {{SS_ACTIVATION_SOFTPLUS, 0}, 1, 1.3132616875182228, 0.73105857863000488},
        {{SS_ACTIVATION_SOFTPLUS, 0}, -3, 0.048587351573741958, 0.047425873177566781},
        {{SS_ACTIVATION_SOFTPLUS, 0}, 1000, 1000, 1},
        {{SS_ACTIVATION_SOFTPLUS, 0}, -1000, 0, 0},
        {{SS_ACTIVATION_GELU, 0}, 0, 0, 0.5},
        {{SS_ACTIVATION_GELU, 0}, 1, 0.84134474606854295, 1.0833154705876863},
        {{SS_ACTIVATION_GELU, 0}, -2, -0.045500263896358414, -0.085231801078196897},
        {{SS_ACTIVATION_GELU, 0}, 1000, 1000, 1},
        {{SS_ACTIVATION_GELU, 0}, -40, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_near(ss_activation_value(cases[i].activation, cases[i].u), cases[i].value, 4e-16);
        assert_near(ss_activation_slope(cases[i].activation, cases[i].u), cases[i].slope, 4e-16);
    }
}

static void the_kink_of_leaky_relu_has_its_left_slope(void **state)
{
    (void)state;
    ss_activation leaky = {SS_ACTIVATION_LEAKY_RELU, 0.2};
    assert_near(ss_activation_value(leaky, 0), 0, 0);
    assert_near(ss_activation_slope(leaky, 0), 0.2, 0);
    assert_near(ss_activation_slope(leaky, -0.0), 0.2, 0);
}

/* Assumption 2 of the paper: odd plus a constant; φ(0) of the sigmoid is 1/2. */
static void tanh_sigmoid_erf_and_identity_are_odd_plus_a_constant(void **state)
{
    (void)state;
    const ss_activation odd[] = {{SS_ACTIVATION_TANH, 0},
                                 {SS_ACTIVATION_SIGMOID, 0},
                                 {SS_ACTIVATION_ERF, 0},
                                 {SS_ACTIVATION_IDENTITY, 0}};
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        double constant = ss_activation_value(odd[i], 0);
        for (double u = 0.1; u < 5; u += 0.3) {
            double sum = ss_activation_value(odd[i], u) + ss_activation_value(odd[i], -u);
            assert_near(sum, 2 * constant, 4e-16); /* two roundings */
        }
    }
}

/* So they are u/2 plus an even function, as the ReLU that both are smooth forms of. */
static void the_odd_part_of_softplus_and_gelu_is_half_the_identity(void **state)
{
    (void)state;
    const ss_activation smooth[] = {{SS_ACTIVATION_SOFTPLUS, 0}, {SS_ACTIVATION_GELU, 0}};
    for (size_t i = 0; i < COUNT_OF(smooth); i++) {
        for (double u = 0.1; u < 5; u += 0.3) {
            double odd = ss_activation_value(smooth[i], u) - ss_activation_value(smooth[i], -u);
            assert_near(odd, u, 2e-15);
        }
    }
}

static void nan_stays_nan(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        assert_true(isnan(ss_activation_value(all[i], NAN)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_formatted_name_reads_back_the_same),
        cmocka_unit_test(awkward_slopes_read_back_bit_for_bit),
        cmocka_unit_test(names_are_written_as_people_write_them),
        cmocka_unit_test(negative_zero_is_the_slope_zero),
        cmocka_unit_test(wrong_names_are_refused_with_a_reason),
        cmocka_unit_test(slope_is_the_derivative_of_value),
        cmocka_unit_test(slope_follows_from_value_where_the_list_says_so),
        cmocka_unit_test(large_arguments_give_numbers),
        cmocka_unit_test(known_values),
        cmocka_unit_test(the_kink_of_leaky_relu_has_its_left_slope),
        cmocka_unit_test(tanh_sigmoid_erf_and_identity_are_odd_plus_a_constant),
        cmocka_unit_test(the_odd_part_of_softplus_and_gelu_is_half_the_identity),
        cmocka_unit_test(nan_stays_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
