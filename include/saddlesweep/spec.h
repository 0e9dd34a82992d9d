/*
 * A sweep file, read and checked: what docs/sweep-file.md describes, with every default filled in.
 */
#ifndef SADDLESWEEP_SPEC_H
#define SADDLESWEEP_SPEC_H

#include "saddlesweep/activation.h"
#include "saddlesweep/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The axes of a cell. The seed is no axis of a cell: every cell has all seeds. */
typedef enum ss_axis_id {
    SS_AXIS_D,          /* rows of A: dimension of the data */
    SS_AXIS_K,          /* columns of A: latents of the generator */
    SS_AXIS_N,          /* samples in X_n; 0: infinitely many */
    SS_AXIS_M,          /* samples in a batch; likewise */
    SS_AXIS_ACTIVATION, /* index into ss_spec.activations */
    SS_AXIS_ROW_NORM,   /* train.row_norm, as a list the fastest axis: ss_train_row_norm */
    SS_AXES
} ss_axis_id;

/* A list of integers, or first, first + step, … without storing them. */
typedef struct ss_values {
    int64_t *list; /* owned by the spec; NULL for a progression */
    int64_t first;
    int64_t step;
    int64_t count;
} ss_values;

int64_t ss_values_at(const ss_values *values, int64_t index);
int64_t ss_values_smallest(const ss_values *values);
int64_t ss_values_largest(const ss_values *values);

/* A number of samples in words, "500", or "inf" for 0, the population limit; into `buffer`
 * (SS_SAMPLES_TEXT_SIZE bytes), which is returned. */
enum { SS_SAMPLES_TEXT_SIZE = 24 };
const char *ss_samples_text(int64_t samples, char *buffer);

typedef struct ss_axis {
    bool tied;        /* takes the value of another axis, cell by cell */
    ss_axis_id root;  /* the free axis that it follows in the end; itself when free */
    ss_values values; /* of a free axis */
} ss_axis;

typedef enum ss_row_norm { SS_ROW_NORM_UNIT, SS_ROW_NORM_GAUSSIAN } ss_row_norm;
/* What step 5 does with the rows of A: rescales them to the norms r_i of A*, leaves them free, or
 * rescales them to norms that were learned before (the paper's remark after Theorem 3). */
typedef enum ss_train_row_norm {
    SS_TRAIN_ROW_NORM_KNOWN,
    SS_TRAIN_ROW_NORM_FREE,
    SS_TRAIN_ROW_NORM_LEARNED,
    SS_TRAIN_ROW_NORMS
} ss_train_row_norm;

/* Algorithm 1, or Section 4's learning of the marginals, with its discriminator D_v. */
typedef enum ss_algorithm { SS_ALGORITHM_SGDA, SS_ALGORITHM_MARGINAL } ss_algorithm;
typedef enum ss_discriminator {
    SS_DISCRIMINATOR_LINEAR,          /* vᵀ x */
    SS_DISCRIMINATOR_RECTIFIED_LINEAR /* vᵀ R(x − C), R(y) = max(y, 0) */
} ss_discriminator;

/* How norms are learned before Algorithm 1 begins: ascent steps of 1, no noise. */
typedef struct ss_norm_stage {
    ss_discriminator discriminator;
    int64_t iterations;
    double step_size;
    double step_decay; /* 0: constant steps */
} ss_norm_stage;

typedef enum ss_precision { SS_PRECISION_SINGLE, SS_PRECISION_DOUBLE } ss_precision;

typedef struct ss_spec {
    char *name;
    uint64_t root_seed;
    ss_algorithm algorithm;
    ss_discriminator discriminator; /* of SS_ALGORITHM_MARGINAL */

    ss_axis axes[SS_AXES];
    ss_axis_id order[SS_AXES]; /* as written in the file: the first is the slowest */
    ss_activation *activations;
    ss_values seeds;
    int64_t first_seeds; /* that every cell begins with: all, unless seeds are added until … */
    double until_se;     /* … the relative standard error of the mean is this; 0: none are */

    bool latent_is_axis; /* truth.latent: k0 follows an axis … */
    ss_axis_id latent_axis;
    int64_t latent; /* … or is this number */
    ss_row_norm row_norm;
    double *truth_matrix; /* A*, d × k0, row-major, of every run; NULL: drawn. Owned */
    int64_t truth_rows;   /* its d */

    int64_t iterations;         /* T */
    double step_size;           /* η_t = step_size / (1 + (t-1)/step_decay) */
    double step_decay;          /* 0: constant steps */
    double ascent_step;         /* η_V */
    double noise;               /* length of the sphere noise */
    bool noise_is_default;      /* the sweep file does not say */
    ss_norm_stage stage;        /* where norms are learned, else zeros */
    bool discriminator_follows; /* each activation gets the discriminator that the theory has for it
                                 */

    int64_t *checkpoints; /* ascending iterations, the first 0, the last T */
    int64_t checkpoint_count;
    bool certificate;      /* of every run whose activation has a closed form */
    bool iterate;          /* A at every checkpoint of every run */
    bool covariance_error; /* what Lemmas 3 to 5 are about (run.h), of every run */
    bool gradient_bias;

    ss_precision precision;

    int64_t wide_from_d;
    int64_t wide_ranks; /* 0: automatic */
    int64_t wide_block;
} ss_spec;

/*
 * Reads a sweep file's text and checks all of it.
 *
 * name       in   what errors call the file
 * text       in   the file's content
 * overrides  in   `count` texts "path=value", applied in order (the command line's --set)
 * out        out  a new spec, owned by the caller, released with ss_spec_destroy; NULL on error
 *
 * Errors: SS_ERR_SPEC (SS_ERR_USAGE for an override that is no path=value), naming file, line,
 * column, what was found and what is allowed. Local.
 */
ss_error ss_spec_parse(const char *name, const char *text, const char *const *overrides,
                       size_t count, ss_spec **out);

void ss_spec_destroy(ss_spec **spec);

/* Whether some cells of the sweep train like this. */
bool ss_spec_trains(const ss_spec *spec, ss_train_row_norm row_norm);

/* Whether all of them train with known norms. */
bool ss_spec_knows_norms(const ss_spec *spec);

/* train.row_norm in words, e.g. "known, learned", into `buffer`, which is returned. */
enum { SS_ROW_NORMS_TEXT_SIZE = 32 };
const char *ss_spec_row_norms_text(const ss_spec *spec, char buffer[SS_ROW_NORMS_TEXT_SIZE]);

/* Whether cells differ in it. */
static inline bool ss_spec_compares_row_norms(const ss_spec *spec)
{
    return spec->axes[SS_AXIS_ROW_NORM].values.count > 1;
}

const char *ss_row_norm_name(ss_row_norm row_norm);
const char *ss_train_row_norm_name(ss_train_row_norm row_norm);
const char *ss_algorithm_name(ss_algorithm algorithm);
const char *ss_discriminator_name(ss_discriminator discriminator);
const char *ss_precision_name(ss_precision precision);

#endif
