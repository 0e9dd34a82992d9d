/* Sweep files: how each kind of mistake is reported. */
#include "check.h"

#include "sweep_text.h"

static void assert_refused(const char *text, ss_error code, const char *fragment)
{
    ss_spec *spec = NULL;
    ss_error error = ss_spec_parse(FILE_NAME, text, NULL, 0, &spec);
    if (error != code) {
        fail_msg("error %d instead of %d, \"%s\", for:\n%s", (int)error, (int)code, ss_error_text(),
                 text);
    }
    assert_null(spec);
    assert_contains(ss_error_text(), fragment);
}

#define GRID_OF(d, k, n, m, activation, seed)                                                      \
    HEAD "grid:\n  d: " d "\n  k: " k "\n  n: " n "\n  m: " m "\n  activation: " activation        \
         "\n  seed: " seed "\n" TRAIN
#define WITH_D(d)          GRID_OF(d, "2", "10", "n", "tanh", "0") /* d on line 4 */
#define WITH_N(n)          GRID_OF("3", "2", n, "n", "tanh", "0")  /* n on line 6 */
#define WITH_ACTIVATION(a) GRID_OF("3", "2", "10", "n", a, "0")    /* on line 8 */
#define WITH_SEED(s)       GRID_OF("3", "2", "10", "n", "tanh", s) /* on line 9 */
#define WITH_TRAIN(train)  HEAD GRID "train: {" train "}\n"        /* on line 4 */
#define WITH(line)         HEAD GRID TRAIN line "\n"               /* on line 5 */

typedef struct mistake {
    const char *text;
    const char *fragment;
} mistake;

static void assert_mistakes(const mistake *mistakes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_refused(mistakes[i].text, SS_ERR_SPEC, mistakes[i].fragment);
    }
}

static void wrong_overrides_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *override;
        ss_error code;
        const char *fragment;
    } cases[] = {
        {"iterations", SS_ERR_USAGE, "--set iterations: expected path=value"},
        {"=5", SS_ERR_USAGE, "expected path=value"},
        {"train..noise=5", SS_ERR_USAGE, "is not a mapping of keys"},
        {"grid.n.x=5", SS_ERR_USAGE, "\"grid.n\" is not a mapping of keys"},
        {"grid.seed.until_se=0.1", SS_ERR_USAGE,
         "\"grid.seed\" is not a mapping of keys; make it one in the sweep file"},
        {"train.iteration=5", SS_ERR_SPEC, "did you mean \"iterations\"?"},
        {"train.iterations=ten", SS_ERR_SPEC, "--set train.iterations=ten:1:18: train.iterations"},
        {"grid.n=[1, 2", SS_ERR_SPEC, "not valid YAML"},
        {"grid.n=", SS_ERR_SPEC, "--set grid.n="},
        {"grid.n=[5, x]", SS_ERR_SPEC, "--set grid.n=[5, x]:1:12: grid.n: found x"},
        {"grid.n=[5,\n 6]", SS_ERR_USAGE, "write the value on one line"},
        {"grid.n=\xff", SS_ERR_SPEC, ":1:8: the byte 0xFF is not UTF-8"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ss_spec *spec = NULL;
        assert_int_equal(ss_spec_parse(FILE_NAME, HEAD GRID TRAIN, &cases[i].override, 1, &spec),
                         cases[i].code);
        assert_null(spec);
        assert_contains(ss_error_text(), cases[i].fragment);
    }
}

static void mistakes_in_axes_are_refused_with_their_place(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {WITH_D("0"), "sweep.yaml:4:6: grid.d: found 0, expected an integer from 1 to 1048576"},
        {WITH_D("\"k\""), "found the quoted text \"k\""},
        {WITH_D("-3"), "sweep.yaml:4:6: grid.d: found -3"},
        {WITH_D("3.5"), "sweep.yaml:4:6: grid.d: found 3.5"},
        {WITH_D("1e3"), "sweep.yaml:4:6: grid.d: found 1e3"},
        {WITH_D("0x10"), "sweep.yaml:4:6: grid.d: found 0x10"},
        {WITH_D("1048577"), "sweep.yaml:4:6: grid.d: found 1048577"},
        {WITH_D("99999999999999999999"), "sweep.yaml:4:6: grid.d: found 99999999999999999999"},
        {WITH_D("\"3\""), "sweep.yaml:4:6: grid.d: found the quoted text \"3\""},
        {WITH_D("three"), "the name of another axis (d, k, n or m)"},
        {WITH_D(""), "sweep.yaml:4:"},
        {WITH_D("true"), "sweep.yaml:4:6: grid.d: found true"},
        {WITH_D("[]"), "sweep.yaml:4:3: grid.d: the list is empty"},
        {WITH_D("[3, 4, x]"), "sweep.yaml:4:13: grid.d: found x"},
        {WITH_D("[3, [4]]"), "grid.d: found a list"},
        {WITH_D("[3, 5, 3]"), "sweep.yaml:4:3: grid.d: 3 appears twice"},
        {WITH_D("[3, k]"), "sweep.yaml:4:10: grid.d: found k"},
        {WITH_D("activation"), "sweep.yaml:4:6: grid.d: found activation"},
        {WITH_D("inf"), "sweep.yaml:4:6: grid.d: found inf"},
        {WITH_N("2147483648"), "sweep.yaml:6:6: grid.n: found 2147483648"},
        {WITH_D("d"), "sweep.yaml:4:6: grid.d: the axis is tied to itself"},
        {GRID_OF("3", "2", "m", "n", "tanh", "0"), "the ties go in a circle"},
        {GRID_OF("k", "n", "m", "d", "tanh", "0"), "the ties go in a circle"},
        {GRID_OF("n", "2", "1048577", "n", "tanh", "0"),
         "sweep.yaml:4:6: grid.d: tied to n, which reaches 1048577"},
    };
    assert_mistakes(mistakes, COUNT_OF(mistakes));
}

static void mistakes_in_ranges_are_refused_with_their_place(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {WITH_N("{from: 1, to: 9}"), "grid.n: a range has either a step or a factor"},
        {WITH_N("{from: 1, to: 9, step: 1, factor: 2}"), "either a step or a factor"},
        {WITH_N("{from: 9, to: 1, step: 1}"), "sweep.yaml:6:20: grid.n: the range is empty"},
        {WITH_N("{to: 9, step: 1}"), "grid.n: the key \"from\" is missing"},
        {WITH_N("{from: 1, step: 1}"), "grid.n: the key \"to\" is missing"},
        {WITH_N("{from: 1, to: 9, step: 0}"), "sweep.yaml:6:29: grid.n.step: found 0"},
        {WITH_N("{from: 1, to: 9, step: 1.5}"), "grid.n.step: found 1.5"},
        {WITH_N("{from: 0, to: 9, step: 1}"), "sweep.yaml:6:13: grid.n.from: found 0"},
        {WITH_N("{from: 1, to: 9, factor: 1}"), "grid.n.factor: found 1, expected a finite number"},
        {WITH_N("{from: 1, to: 9, factor: inf}"), "grid.n.factor: found inf"},
        {WITH_N("{from: 1, to: 9, factor: 1.2}"), "factor 1.2 gives 1 twice"},
        {WITH_N("{from: 1, to: 9, factor: 1.0000001}"), "factor 1.0000001 gives 1 twice"},
        {WITH_N("{from: 1073741824, to: 2147483647, factor: 1.000000001}"),
         "grid.n: factor 1.000000001 gives more than 1000000 values"},
        {WITH_N("{from: 1, to: 9, stp: 1}"), "unknown key \"stp\"; did you mean \"step\"?"},
        {WITH_N("{from: inf, to: 9, step: 1}"), "grid.n.from: found inf"},
    };
    assert_mistakes(mistakes, COUNT_OF(mistakes));
}

static void mistakes_in_activations_and_seeds_are_refused_with_their_place(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {WITH_ACTIVATION("tahn"), "sweep.yaml:8:15: grid.activation: unknown activation \"tahn\"; "
                                  "did you mean tanh?"},
        {WITH_ACTIVATION("[tanh, swish]"), "sweep.yaml:8:22: grid.activation: unknown activation"},
        {WITH_ACTIVATION("leaky_relu(1.5)"), "sweep.yaml:8:15: grid.activation: found"},
        {WITH_ACTIVATION("leaky_relu"), "expected leaky_relu(a)"},
        {WITH_ACTIVATION("[tanh, erf, tanh]"),
         "sweep.yaml:8:27: grid.activation: tanh appears twice"},
        {WITH_ACTIVATION("[leaky_relu(0.20), leaky_relu(0.2)]"), "appears twice"},
        {WITH_ACTIVATION("[]"), "grid.activation: the list is empty"},
        {WITH_ACTIVATION("{a: b}"), "grid.activation: found a mapping"},
        {WITH_ACTIVATION("[[tanh]]"), "grid.activation: found a list"},
        {WITH_SEED("-1"), "sweep.yaml:9:9: grid.seed: found -1"},
        {WITH_SEED("[1, 2, 1]"), "grid.seed: 1 appears twice"},
        {WITH_SEED("[]"), "grid.seed: the list is empty"},
        {WITH_SEED("{count: 0}"), "sweep.yaml:9:17: grid.seed.count: found 0"},
        {WITH_SEED("{cuont: 5}"), "did you mean \"count\"?"},
        {WITH_SEED("{count: 4, max: 8}"),
         "sweep.yaml:9:25: grid.seed.max: needs grid.seed.until_se"},
        {WITH_SEED("{count: 4, until_se: 0.1}"),
         "sweep.yaml:9:30: grid.seed.until_se: needs grid.seed.max"},
        {WITH_SEED("{count: 4, max: 3, until_se: 0.1}"), "sweep.yaml:9:25: grid.seed.max: found 3"},
        {WITH_SEED("{count: 1, max: 3, until_se: 0.1}"),
         "sweep.yaml:9:17: grid.seed.count: found 1, expected an integer from 2"},
        {WITH_SEED("{max: 3, until_se: 0.1}"), "grid.seed: the key \"count\" is missing"},
        {WITH_SEED("{count: 4, max: 8, until_se: 0}"), "grid.seed.until_se: found 0"},
        {WITH_SEED("{count: 4, max: 8, until_se: 1}"),
         "sweep.yaml:9:38: grid.seed.until_se: found 1, expected a number above 0 and below 1"},
        {WITH_SEED("{count: 4, max: 8, until_se: 5 %}"), "grid.seed.until_se: found 5 %"},
        {WITH_SEED("{count: 4, max: 2147483649, until_se: 0.1}"),
         "grid.seed.max: found 2147483649"},
        {WITH_SEED("n"), "grid.seed: found n"},
        {WITH_SEED("inf"), "grid.seed: found inf"},
    };
    assert_mistakes(mistakes, COUNT_OF(mistakes));
}

static void mistakes_elsewhere_are_refused_with_their_place(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {GRID TRAIN, "the key \"name\" is missing"},
        {"name: t\n" GRID TRAIN, "the key \"root_seed\" is missing"},
        {HEAD TRAIN, "the key \"grid\" is missing"},
        {HEAD GRID, "the key \"train\" is missing"},
        {HEAD "grid: {k: 2, n: 1, m: n, activation: tanh, seed: 0}\n" TRAIN,
         "grid: the key \"d\" is missing"},
        {HEAD "grid: {d: 2, k: 2, n: 1, m: n, activation: tanh}\n" TRAIN,
         "grid: the key \"seed\" is missing"},
        {"name: a b\nroot_seed: 1\n" GRID TRAIN, "sweep.yaml:1:7: name: found a b"},
        {"name: ../x\nroot_seed: 1\n" GRID TRAIN, "sweep.yaml:1:7: name: found ../x"},
        {"name: t\nroot_seed: -1\n" GRID TRAIN, "sweep.yaml:2:12: root_seed: found -1"},
        {"name: t\nroot_seed: 18446744073709551616\n" GRID TRAIN, "sweep.yaml:2:12: root_seed"},
        {WITH("prcision: single"), "sweep.yaml:5:1: the sweep file: unknown key \"prcision\"; did "
                                   "you mean \"precision\"?"},
        {WITH("precision: half"),
         "sweep.yaml:5:12: precision: found half, expected single or double"},
        {WITH("precision: sinlge"), "did you mean single?"},
        {WITH("truth: {latent: 3}"),
         "sweep.yaml:5:17: truth.latent: k0 reaches 3 but k goes down to 2"},
        {WITH("truth: {latent: d}"), "truth.latent: k0 reaches 3 but k goes down to 2"},
        {WITH("truth: {latent: x}"), "sweep.yaml:5:17: truth.latent: found x"},
        {WITH("truth: {latent: 0}"), "truth.latent: found 0"},
        {WITH("truth: {row_norm: units}"), "did you mean unit?"},
        {WITH("truth: unit"), "truth: found unit, expected a mapping"},
        {WITH_TRAIN("step: {size: 1}"), "train: the key \"iterations\" is missing"},
        {WITH_TRAIN("iterations: 5"), "train: the key \"step\" is missing"},
        {WITH_TRAIN("iterations: 0, step: {size: 1}"),
         "sweep.yaml:4:21: train.iterations: found 0"},
        {WITH_TRAIN("iterations: 2147483648, step: {size: 1}"),
         "train.iterations: found 2147483648"},
        {WITH_TRAIN("iterations: 5, step: {size: 0}"),
         "sweep.yaml:4:37: train.step.size: found 0, expected a finite number above 0"},
        {WITH_TRAIN("iterations: 5, step: {size: -1}"), "train.step.size: found -1"},
        {WITH_TRAIN("iterations: 5, step: {size: nan}"), "train.step.size: found nan"},
        {WITH_TRAIN("iterations: 5, step: {size: 1e999}"), "train.step.size: found 1e999"},
        {WITH_TRAIN("iterations: 5, step: {size: 0x1p3}"), "train.step.size: found 0x1p3"},
        {WITH_TRAIN("iterations: 5, step: {size: 1, decay: 0}"), "train.step.decay: found 0"},
        {WITH_TRAIN("iterations: 5, step: {decay: 1}"), "train.step: the key \"size\" is missing"},
        {WITH_TRAIN("iterations: 5, step: [0.5]"), "train.step: found a list, expected a mapping"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, noise: -1"), "train.noise: found -1"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, ascent_step: 0"),
         "train.ascent_step: found 0"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, nosie: 1"), "did you mean \"noise\"?"},
        {WITH("record: {points: 1}"), "sweep.yaml:5:18: record.points: found 1"},
        {WITH("record: {points: 1000001}"), "record.points: found 1000001"},
        {WITH("record: {spacing: cubic}"), "sweep.yaml:5:19: record.spacing: found cubic"},
        {WITH("record: {at: [0], points: 5}"), "either at, or points and spacing"},
        {WITH("record: {at: [11]}"), "sweep.yaml:5:15: record.at: found 11"},
        {WITH("record: {at: 5}"), "record.at: found 5, expected a list"},
        {WITH("record: {certificate: yes}"),
         "sweep.yaml:5:23: record.certificate: found yes, expected false or true"},
        {WITH("record: {certificate: true}"),
         "sweep.yaml:5:23: record.certificate: found true, but no activation of this sweep has a "
         "closed form F; leaky_relu, erf and identity have"},
        {WITH("record: {iterate: 1}"),
         "sweep.yaml:5:19: record.iterate: found 1, expected false or true"},
        {WITH("record: {iterate: true}\nwide: {from_d: 3}"),
         "sweep.yaml:5:19: record.iterate: found true, but runs with d from 3 on go on process "
         "grids, which do not gather A; use smaller d, or a wide.from_d above 3"},
        {HEAD "grid: {d: 100, k: 100, n: 10, m: n, activation: tanh, seed: 0}\n"
              "train: {iterations: 1000000, step: {size: 0.5}}\n"
              "record: {points: 13423, iterate: true}\n",
         "sweep.yaml:5:34: record.iterate: 13423 iterates of 100 x 100 are more than 2^27 numbers "
         "a "
         "run; record fewer points"},
        {HEAD "grid: {d: 3, k: 2, n: 10, m: n, activation: erf, seed: 0}\n"
              "train: {iterations: 9, step: {size: 0.5}, row_norm: free}\n"
              "record: {certificate: true}\n",
         "sweep.yaml:5:23: record.certificate: found true, but a certificate is of A with rows of "
         "given norms, which train.row_norm: free has not"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, row_norm: fre"),
         "train.row_norm: found fre, expected known, free or learned; did you mean free?"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, row_norm: []"),
         "train.row_norm: the list is empty, so the grid is; give at least one"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, row_norm: [known, learned, known]"),
         "sweep.yaml:4:68: train.row_norm: known appears twice; list each value once"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, marginal: {iterations: 9}"),
         "train.marginal: says how norms are learned, but no run learns them; write "
         "train.row_norm: learned, or leave it out"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, row_norm: learned, marginal: {steps: 9}"),
         "train.marginal: unknown key \"steps\"; did you mean \"step\"? Allowed: discriminator, "
         "iterations or step"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, row_norm: learned, marginal: {step: {}}"),
         "train.marginal.step: the key \"size\" is missing"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, row_norm: learned, marginal: {step: {size: "
                    "1, decay: 0}}"),
         "train.marginal.step.decay: found 0, expected a finite number above 0"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, row_norm: learned, marginal: {iterations: "
                    "0}"),
         "train.marginal.iterations: found 0, expected an integer from 1"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, row_norm: learned, marginal: "
                    "{discriminator: lineal}"),
         "train.marginal.discriminator: found lineal, expected linear, rectified_linear or auto; "
         "did you mean linear?"},
        {HEAD "grid: {d: 2, k: 2, n: {from: 1, to: 16384, step: 1}, m: {from: 1, to: 65536, step: "
              "1}, activation: erf, seed: {count: 2}}\n"
              "train: {iterations: 9, step: {size: 0.5}, row_norm: [known, learned]}\n",
         "sweep.yaml:4:54: grid: more than 2^31 points"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, row_norm: {known: 1}"),
         "train.row_norm: found a mapping, expected known, free, learned or a list of them"},
        {HEAD GRID "train: {iterations: 9, step: {size: 0.5}, marginal: {iterations: 9}}\n"
                   "algorithm: marginal\ndiscriminator: linear\n",
         "sweep.yaml:4:43: train.marginal: is about norms that Algorithm 1 learns first; with "
         "algorithm: marginal write it in train itself"},
        {HEAD "grid: {d: 3, k: 2, n: 10, m: n, activation: erf, seed: 0}\n"
              "train: {iterations: 9, step: {size: 0.5}, row_norm: [known, free]}\n"
              "record: {certificate: true}\n",
         "given norms, which train.row_norm: free has not"},
        {HEAD GRID "train: {iterations: 9, step: {size: 0.5}, row_norm: free}\n"
                   "algorithm: marginal\ndiscriminator: linear\n",
         "train.row_norm: is about Algorithm 1's projection"},
        {WITH("algorithm: adam"),
         "sweep.yaml:5:12: algorithm: found adam, expected sgda or marginal"},
        {WITH("algorithm: marginal"),
         "sweep.yaml:5:12: algorithm: marginal needs a discriminator as well: linear"},
        {WITH("algorithm: marginal\ndiscriminator: quadratic"),
         "sweep.yaml:6:16: discriminator: found quadratic, expected linear or rectified_linear"},
        {WITH("discriminator: linear"),
         "sweep.yaml:5:16: discriminator: belongs to algorithm: marginal, but this sweep is of "
         "sgda"},
        {WITH("algorithm: sgda\ndiscriminator: linear"),
         "sweep.yaml:6:16: discriminator: belongs to algorithm: marginal"},
        {WITH("algorithm: marginal\ndiscriminator: linear\nrecord: {certificate: true}"),
         "sweep.yaml:7:23: record.certificate: found true, but a certificate is of Algorithm 1's "
         "risk on fixed norms"},
        {WITH("wide: {from_d: 0}"), "wide.from_d: found 0"},
        {WITH("wide: {ranks: some}"), "wide.ranks: found some"},
    };
    assert_mistakes(mistakes, COUNT_OF(mistakes));
}

static void a_wrong_truth_matrix_is_refused_at_its_place(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {WITH("truth: {matrix: 1}"), "sweep.yaml:5:17: truth.matrix: found 1, expected a list of d "
                                     "rows of k0 numbers, e.g. [[1], [1]]"},
        {WITH("truth: {matrix: []}"), "truth.matrix: found a list, expected a list of d rows"},
        {WITH("truth: {matrix: [1, 1, 1]}"),
         "sweep.yaml:5:18: truth.matrix: found 1, expected a list of numbers for each row"},
        {WITH("truth: {matrix: [[], [], []]}"),
         "truth.matrix: found a list, expected a list of numbers for each row"},
        {WITH("truth: {matrix: [[1, 2], [3, 4], [5]]}"),
         "sweep.yaml:5:35: truth.matrix: row 3 has 1 numbers, the first one 2; all rows have k0"},
        {WITH("truth: {matrix: [[1], [one], [1]]}"),
         "sweep.yaml:5:24: truth.matrix: found one, expected a finite number"},
        {WITH("truth: {matrix: [[1], [1], [1e999]]}"),
         "sweep.yaml:5:29: truth.matrix: found 1e999, expected a finite number"},
        {WITH("truth: {matrix: [[1], [.nan], [1]]}"),
         "sweep.yaml:5:24: truth.matrix: found .nan, expected a finite number"},
        {WITH("truth: {matrix: [[1, 0], [0, -0], [1, 1]]}"),
         "sweep.yaml:5:27: truth.matrix: row 2 is zero"},
        {WITH("truth: {matrix: [[1], [1]]}"),
         "sweep.yaml:5:9: truth.matrix: has 2 rows, but grid.d has 3; A* has d rows in every "
         "cell"},
        {GRID_OF("[3, 4]", "2", "10", "n", "tanh", "0") "truth: {matrix: [[1], [1], [1]]}\n",
         "truth.matrix: has 3 rows, but grid.d has 4"},
        {GRID_OF("3", "d", "10", "n", "tanh", "0") "truth: {matrix: [[1], [1]]}\n",
         "truth.matrix: has 2 rows, but grid.d has 3"},
        {WITH("truth: {matrix: [[1, 1, 1], [1, 2, 3], [0, 0, 1]]}"),
         "sweep.yaml:5:9: truth.matrix: has 3 columns, its k0, but k goes down to 2"},
        {WITH("truth: {matrix: [[1], [1], [1]], latent: 1}"),
         "sweep.yaml:5:42: truth.latent: not beside truth.matrix"},
        {WITH("truth: {row_norm: gaussian, matrix: [[1], [1], [1]]}"),
         "sweep.yaml:5:19: truth.row_norm: not beside truth.matrix"},
    };
    assert_mistakes(mistakes, COUNT_OF(mistakes));
}

static void yaml_beyond_plain_mappings_is_refused(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {"", "sweep.yaml:1:1: empty"},
        {"# nothing\n", "sweep.yaml:1:1:"},
        {"just a text\n", "found just a text, expected a mapping"},
        {"- a\n- b\n", "found a list, expected a mapping"},
        {HEAD GRID TRAIN "---\n" HEAD GRID TRAIN, "more than one YAML document"},
        {WITH("precision: &p single"), "anchors, aliases and tags"},
        {WITH("truth: &p {latent: 2}"), "anchors, aliases and tags"},
        {HEAD "grid: {d: &x 3, k: 2, n: *x, m: n, activation: tanh, seed: 0}\n" TRAIN,
         "anchors, aliases and tags"},
        {WITH("precision: !!str single"), "anchors, aliases and tags"},
        {WITH("truth: !t {latent: 2}"), "anchors, aliases and tags"},
        {WITH("? [a, b]\n: c"), "a key is a plain word"},
        {WITH("name: again"), "sweep.yaml:5:1: duplicate key \"name\""},
        {HEAD "grid: {d: 3, d: 4}\n" TRAIN, "sweep.yaml:3:14: duplicate key \"d\""},
        {HEAD "grid: {d: [3\n" TRAIN, "not valid YAML"},
        {HEAD GRID "train:\n\titerations: 3\n", "not valid YAML"},
        {HEAD GRID "  bad: indent\n", "not valid YAML"},
        {HEAD "grid: \"open\n", "not valid YAML"},
    };
    assert_mistakes(mistakes, COUNT_OF(mistakes));
}

/* Before libfyaml sees them: it never comes back from some. */
static void what_is_no_text_is_refused_with_its_place(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {"%\xc2", "sweep.yaml:1:2: the byte 0xC2 is not UTF-8"},
        {HEAD "x: \x80", "sweep.yaml:3:4: the byte 0x80"},             /* a later byte alone */
        {HEAD "x: \xc3(", "sweep.yaml:3:4: the byte 0xC3"},            /* cut short */
        {HEAD "x: \xc0\xaf", "sweep.yaml:3:4: the byte 0xC0"},         /* "/" in too many bytes */
        {HEAD "x: \xe0\x9f\xbf", "sweep.yaml:3:4: the byte 0xE0"},     /* so too */
        {HEAD "x: \xf4\x90\x80\x80", "sweep.yaml:3:4: the byte 0xF4"}, /* beyond U+10FFFF */
        {HEAD "x: \xe2\x82", "sweep.yaml:3:4: the byte 0xE2"},         /* ends within */
        {HEAD "x: \x1b[31m", "sweep.yaml:3:4: the character U+001B is not allowed"},
        {HEAD "x: \x7f", "sweep.yaml:3:4: the character U+007F"},
        {HEAD "x: \xc2\x9b", "sweep.yaml:3:4: the character U+009B"},
        {HEAD "x: \xed\xa0\x80", "sweep.yaml:3:4: the character U+D800"},
        {HEAD "# \xc3\xa9\xf0\x9f\x98\x80\x01", "sweep.yaml:3:5: the character U+0001"},
    };
    assert_mistakes(mistakes, COUNT_OF(mistakes));
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        ss_spec *spec = NULL;
        ss_spec_parse(FILE_NAME, mistakes[i].text, NULL, 0, &spec);
        assert_null(strchr(ss_error_text(), '\n')); /* the line would bring it to a terminal */
    }
}

static void syntax_errors_name_their_line(void **state)
{
    (void)state;
    assert_refused(HEAD GRID "train:\n\titerations: 3\n", SS_ERR_SPEC, "sweep.yaml:5:");
    assert_refused(HEAD GRID TRAIN "record: {points: 5]\n", SS_ERR_SPEC, "sweep.yaml:5:");
}

static void an_error_shows_the_line_with_a_caret(void **state)
{
    (void)state;
    assert_refused(WITH("precision: half"), SS_ERR_SPEC, "\n  precision: half\n             ^");
}

static void infinity_is_a_number_of_samples_only(void **state)
{
    (void)state;
    assert_refused(WITH_N("[10, inf, .inf]"), SS_ERR_SPEC, "grid.n: inf appears twice");
    assert_refused(WITH_N("'inf'"), SS_ERR_SPEC, "sweep.yaml:6:6: grid.n: found");
    assert_refused(WITH_N("-.inf"), SS_ERR_SPEC, "sweep.yaml:6:6: grid.n: found -.inf");
    assert_refused(GRID_OF("3", "n", "[10, inf]", "n", "tanh", "0"), SS_ERR_SPEC,
                   "sweep.yaml:5:6: grid.k: tied to n, which has inf");
    assert_refused(GRID_OF("m", "1", "10", "inf", "tanh", "0"), SS_ERR_SPEC,
                   "sweep.yaml:4:6: grid.d: tied to m, which has inf");
    assert_refused(GRID_OF("3", "2", "[1, inf]", "n", "tanh", "0") "truth: {latent: n}\n",
                   SS_ERR_SPEC, "truth.latent: n has inf");
}

static void grids_beyond_two_to_the_31_are_refused(void **state)
{
    (void)state;
    ss_spec *spec = parse(GRID_OF("{from: 1, to: 65536, step: 1}", "1",
                                  "{from: 1, to: 32768, step: 1}", "n", "tanh", "0"));
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(ss_plan_runs(&plan), (int64_t)1 << 31);
    ss_spec_destroy(&spec);
    assert_refused(GRID_OF("{from: 1, to: 65536, step: 1}", "1", "{from: 1, to: 32769, step: 1}",
                           "n", "tanh", "0"),
                   SS_ERR_SPEC, "grid: more than 2^31 points");
    assert_refused(GRID_OF("{from: 1, to: 65536, step: 1}", "1", "{from: 1, to: 32768, step: 1}",
                           "n", "tanh", "[0, 1]"),
                   SS_ERR_SPEC, "grid: more than 2^31 points");
    assert_refused(WITH_SEED("{count: 2147483649}"), SS_ERR_SPEC, "grid.seed.count");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_overrides_are_refused_by_name),
        cmocka_unit_test(mistakes_in_axes_are_refused_with_their_place),
        cmocka_unit_test(mistakes_in_ranges_are_refused_with_their_place),
        cmocka_unit_test(mistakes_in_activations_and_seeds_are_refused_with_their_place),
        cmocka_unit_test(mistakes_elsewhere_are_refused_with_their_place),
        cmocka_unit_test(a_wrong_truth_matrix_is_refused_at_its_place),
        cmocka_unit_test(yaml_beyond_plain_mappings_is_refused),
        cmocka_unit_test(what_is_no_text_is_refused_with_its_place),
        cmocka_unit_test(syntax_errors_name_their_line),
        cmocka_unit_test(an_error_shows_the_line_with_a_caret),
        cmocka_unit_test(infinity_is_a_number_of_samples_only),
        cmocka_unit_test(grids_beyond_two_to_the_31_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
