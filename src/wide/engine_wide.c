#include "engine_wide.h"

#include "../base/memory.h"
#include "../kernel/openblas.h"
#include "certificate_wide.h"
#include "products.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A batch is a matrix of samples × components, as the strips of the streams have them: column c of
 * Zᵀ is component c of all samples. It goes in panels of so many strips that a rank's part of one
 * takes at most panel_bytes. Samples that fill up the last strips have Φ = 0 and add nothing.
 */

typedef struct batch {
    ss_batch of; /* what it is, but for its A: */
    const ss_cyclic *A;
    int64_t panels;
    int64_t strips;    /* in a panel */
    ss_cyclic z;       /* strips · 64 × k: Zᵀ */
    ss_cyclic phi;     /* strips · 64 × d: Φᵀ */
    ss_cyclic weights; /* likewise: (φ'(A z) ∘ (V Φ))ᵀ */
    double *slope;     /* as phi: φ'; NULL where it is had from φ */
} batch;

typedef struct wide_engine {
    ss_engine base; /* first: the two pointers are the same */
    const ss_grid *grid;
    const ss_kernel *kernel; /* whose loops are used: draw, activate, weigh */
    ss_wide_options options;
    void *memory; /* one block, all of the entries below lie in it */
    size_t capacity;
    ss_stream sphere;    /* of the noise */
    batch latents;       /* of the iteration in progress */
    ss_cyclic A;         /* d × k */
    ss_cyclic gradient;  /* d × k */
    ss_cyclic direction; /* d × k: the sphere noise */
    ss_cyclic V;      /* d × d; of this and the next three what lies on and below the diagonal */
    ss_cyclic X;      /* d × d: X_n */
    ss_cyclic Z_star; /* d × d */
    ss_cyclic gap;    /* d × d: A Aᵀ − Z* */
    double *norms;    /* r_i of the local rows of A */
    double *sums;     /* of as many rows, as the next: workplaces of row_norms() */
    double *scales;
    ss_wide_certifier certifier; /* where the batches of the iterations were */
} wide_engine;

/* ---- memory ---- */

/* Panels of equal numbers of strips, whose rows lie in one block on each row of the grid. */
static batch shape_batch(ss_grid_place place, ss_wide_options options, ss_batch of)
{
    batch b = {.of = of};
    int64_t columns = of.k + (of.once ? 1 : 2) * of.d;
    columns += ss_kernel_keeps_slope(of.activation.kind) ? of.d : 0;
    double ranks = (double)(place.shape.rows * place.shape.columns);
    double strip_bytes = (double)(SS_KERNEL_STRIP * columns) * sizeof(double);
    double most = fmax(1, floor(options.panel_bytes * ranks / strip_bytes));
    int64_t strips = (of.samples + SS_KERNEL_STRIP - 1) / SS_KERNEL_STRIP;
    b.panels = (int64_t)ceil((double)strips / most);
    b.strips = (strips + b.panels - 1) / b.panels;
    int64_t rows = b.strips * SS_KERNEL_STRIP;
    int64_t row_block = (b.strips + place.shape.rows - 1) / place.shape.rows * SS_KERNEL_STRIP;
    b.z = ss_cyclic_at(place, rows, of.k, row_block, options.block);
    b.phi = ss_cyclic_at(place, rows, of.d, row_block, options.block);
    b.weights = b.phi;
    return b;
}

static void take_matrix(ss_arena *arena, ss_cyclic *matrix)
{
    matrix->entries = ss_arena_take(arena, ss_cyclic_bytes(matrix));
}

static void take_batch(ss_arena *arena, batch *b)
{
    take_matrix(arena, &b->z);
    take_matrix(arena, &b->phi);
    if (!b->of.once) {
        take_matrix(arena, &b->weights);
    }
    if (ss_kernel_keeps_slope(b->of.activation.kind)) {
        b->slope = ss_arena_take(arena, ss_cyclic_bytes(&b->phi));
    }
}

/* Everything that a run needs; X_n's samples lie where those of the iterations will, and what a
 * certificate needs where they were. */
static size_t arrange(ss_grid_place place, ss_wide_options options, const ss_run *run, char *memory,
                      wide_engine *e, batch *data)
{
    ss_arena arena = {.memory = memory};
    ss_cyclic tall = ss_cyclic_at(place, run->d, run->k, options.block, options.block);
    ss_cyclic square = ss_cyclic_at(place, run->d, run->d, options.block, options.block);
    ss_cyclic *matrices[] = {&e->A, &e->gradient, &e->direction, &e->V, &e->X, &e->Z_star, &e->gap};
    for (int i = 0; i < 7; i++) {
        *matrices[i] = i < 3 ? tall : square;
        take_matrix(&arena, matrices[i]);
    }
    e->norms = ss_arena_take(&arena, (size_t)tall.local_rows * sizeof *e->norms);
    e->sums = ss_arena_take(&arena, (size_t)tall.local_rows * sizeof *e->sums);
    e->scales = ss_arena_take(&arena, (size_t)tall.local_rows * sizeof *e->scales);
    ss_arena samples = arena;
    ss_arena certificate = arena;
    *data = shape_batch(place, options, ss_run_data_batch(run, NULL));
    take_batch(&samples, data);
    e->latents = shape_batch(place, options, ss_run_latent_batch(run, NULL));
    take_batch(&arena, &e->latents);
    size_t most = samples.bytes > arena.bytes ? samples.bytes : arena.bytes;
    if (run->certificate) {
        e->certifier = (ss_wide_certifier){
            .A = &e->A, .X = &e->X, .S = &e->gap, .SA = &e->gradient, .vectors = &e->V};
        ss_wide_certifier_take(&certificate, place.shape, &e->certifier);
        most = certificate.bytes > most ? certificate.bytes : most;
    }
    return most + SS_ALIGNMENT; /* so that a rank that owns nothing has pointers, too */
}

double ss_wide_bytes(const ss_run *run, ss_grid_shape shape, ss_wide_options options)
{
    wide_engine engine;
    batch data;
    return (double)arrange((ss_grid_place){shape, 0, 0}, options, run, NULL, &engine, &data);
}

static ss_error describe_all(wide_engine *e, batch *data)
{
    ss_cyclic *matrices[] = {&e->A,           &e->gradient,        &e->direction, &e->V,
                             &e->X,           &e->Z_star,          &e->gap,       &e->latents.z,
                             &e->latents.phi, &e->latents.weights, &data->z,      &data->phi};
    for (size_t i = 0; i < sizeof matrices / sizeof matrices[0]; i++) {
        SS_TRY(ss_cyclic_describe(e->grid, matrices[i]));
    }
    return SS_OK;
}

/* ---- decisions that all ranks of the grid take alike ---- */

static ss_run_reason agree(const wide_engine *e, ss_run_reason mine)
{
    int worst = (int)mine;
    MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_INT, MPI_MAX, e->grid->comm);
    return (ss_run_reason)worst;
}

/* Says on stderr what a record has no room for: which argument, or how many entries. */
static ss_run_reason described(const wide_engine *e, ss_error error)
{
    if (error != SS_OK) {
        fprintf(stderr, "warning: %s\n", ss_error_text());
    }
    return agree(e, error == SS_OK ? SS_REASON_NONE : SS_REASON_LIBRARY);
}

static ss_run_reason reserve(wide_engine *e, const ss_run *run, batch *data)
{
    ss_run_reason reason = SS_REASON_NONE;
    size_t bytes = arrange(e->grid->place, e->options, run, NULL, e, data);
    if (bytes > e->capacity) {
        free(e->memory);
        e->capacity = ss_allocate(bytes, 1, &e->memory) == SS_OK ? bytes : 0;
        reason = e->capacity == 0 ? SS_REASON_MEMORY : SS_REASON_NONE;
    } else { /* as a new one is: something is computed with what lies above diagonals, too */
        memset(e->memory, 0, e->capacity);
    }
    if (!ss_openblas_has_room()) {
        reason = SS_REASON_MEMORY;
    }
    reason = agree(e, reason);
    if (reason != SS_REASON_NONE) {
        return reason;
    }
    arrange(e->grid->place, e->options, run, e->memory, e, data);
    return described(e, describe_all(e, data));
}

/* ---- rows ---- */

/* Norms of the local rows over all their columns: scaled by their largest entries, so that they
 * neither over- nor underflow. */
static void row_norms(const wide_engine *e, const ss_cyclic *matrix, double *norms)
{
    const int rows = (int)matrix->local_rows;
    double *largest = e->scales;
    memset(largest, 0, (size_t)rows * sizeof *largest);
    memset(norms, 0, (size_t)rows * sizeof *norms);
    for (int64_t j = 0; j < matrix->local_columns; j++) {
        const double *column = matrix->entries + j * matrix->stride;
        for (int i = 0; i < rows; i++) {
            double size = fabs(column[i]);
            largest[i] = size <= largest[i] ? largest[i] : isnan(size) ? INFINITY : size;
        }
    }
    MPI_Allreduce(MPI_IN_PLACE, largest, rows, MPI_DOUBLE, MPI_MAX, e->grid->row);
    for (int i = 0; i < rows; i++) { /* a power of two: scaling by it is exact */
        int exponent = 0;
        frexp(largest[i], &exponent);
        largest[i] = isfinite(largest[i]) ? ldexp(1, -exponent) : NAN;
    }
    for (int64_t j = 0; j < matrix->local_columns; j++) {
        const double *column = matrix->entries + j * matrix->stride;
        for (int i = 0; i < rows; i++) {
            double scaled = column[i] * largest[i];
            norms[i] += scaled * scaled;
        }
    }
    MPI_Allreduce(MPI_IN_PLACE, norms, rows, MPI_DOUBLE, MPI_SUM, e->grid->row);
    for (int i = 0; i < rows; i++) {
        norms[i] = sqrt(norms[i]) / largest[i];
    }
}

/* Step 5's Proj_C, as ss_matrix_project(); free rows only have to be finite. */
static ss_run_reason project(wide_engine *e, ss_cyclic *matrix, bool rescale)
{
    ss_run_reason reason = SS_REASON_NONE;
    row_norms(e, matrix, e->sums);
    for (int64_t i = 0; i < matrix->local_rows && reason == SS_REASON_NONE; i++) {
        reason = !isfinite(e->sums[i])        ? SS_REASON_NOT_FINITE
                 : rescale && e->sums[i] == 0 ? SS_REASON_ZERO_ROW
                                              : SS_REASON_NONE;
    }
    reason = agree(e, reason);
    if (!rescale) {
        return reason;
    }
    for (int64_t j = 0; j < matrix->local_columns && reason == SS_REASON_NONE; j++) {
        double *column = matrix->entries + j * matrix->stride;
        for (int64_t i = 0; i < matrix->local_rows; i++) {
            column[i] = column[i] / e->sums[i] * e->norms[i];
        }
    }
    return reason;
}

/* ---- batches ---- */

/* This rank's part of the samples of a panel, a strip at its places. */
static void draw_panel(const wide_engine *e, const batch *b, int64_t panel)
{
    const ss_grid_place *place = &e->grid->place;
    const ss_cyclic *z = &b->z;
    int64_t strips = z->local_rows / SS_KERNEL_STRIP;
    int64_t strip = panel * b->strips + place->row * (z->row_block / SS_KERNEL_STRIP);
    for (int64_t j = 0; j < z->local_columns; j++) {
        int64_t column = ss_cyclic_index(j, z->column_block, place->column, place->shape.columns);
        e->kernel->draw(&b->of.stream, b->of.t, strip, strips, column, z->entries + j * z->stride);
    }
}

/* Φ = 0 for what is no sample. */
static void clear_places(const wide_engine *e, const batch *b, int64_t panel)
{
    const ss_cyclic *phi = &b->phi;
    int64_t before = panel * b->strips * SS_KERNEL_STRIP + e->grid->place.row * phi->row_block;
    int64_t first_empty = b->of.samples > before ? b->of.samples - before : 0;
    for (int64_t i = first_empty; i < phi->local_rows; i++) {
        int64_t place =
            i / SS_KERNEL_STRIP * SS_KERNEL_STRIP + ss_kernel_place(i % SS_KERNEL_STRIP);
        for (int64_t j = 0; j < phi->local_columns; j++) {
            phi->entries[j * phi->stride + place] = 0;
        }
    }
}

/* The samples of a panel and their Φ. */
static void evaluate(const wide_engine *e, const batch *b, int64_t panel)
{
    draw_panel(e, b, panel);
    ss_cyclic_gemm(e->grid, "N", "T", 1, &b->z, b->A, 0, &b->phi);
    e->kernel->activate(b->of.activation, b->phi.stride * b->phi.local_columns, b->phi.entries,
                        b->slope);
    clear_places(e, b, panel);
}

/* C ← beta · C + weight · Γ. */
static void add_gamma(const wide_engine *e, const batch *b, double beta, double weight,
                      const ss_cyclic *C)
{
    for (int64_t panel = 0; panel < b->panels; panel++) {
        evaluate(e, b, panel);
        ss_cyclic_syrk(e->grid, true, weight / (double)b->of.samples, &b->phi,
                       panel == 0 ? beta : 1, C);
    }
}

/* Step 3. Only the last panel is still there. */
static void find_gradient(const wide_engine *e, const batch *b)
{
    for (int64_t panel = 0; panel < b->panels; panel++) {
        if (b->panels > 1) {
            evaluate(e, b, panel);
        }
        ss_cyclic_symm(e->grid, "R", &b->phi, &e->V, &b->weights);
        e->kernel->weigh(b->of.activation, b->phi.stride * b->phi.local_columns, b->phi.entries,
                         b->slope, b->weights.entries);
        ss_cyclic_gemm(e->grid, "T", "N", 2 / (double)b->of.samples, &b->weights, &b->z, panel > 0,
                       &e->gradient);
    }
}

/* ---- the engine ---- */

/* A* in the place of A (k0 ≤ k, so it fits); r_i, Z* and X_n from it. */
static ss_run_reason draw_truth(wide_engine *e, const ss_run *run, batch *data)
{
    ss_cyclic A_star =
        ss_cyclic_at(e->grid->place, run->d, run->k0, e->options.block, e->options.block);
    A_star.entries = e->A.entries;
    ss_run_reason reason = described(e, ss_cyclic_describe(e->grid, &A_star));
    if (reason != SS_REASON_NONE) {
        return reason;
    }
    if (run->truth_matrix) {
        ss_cyclic_take(e->grid, run->truth_matrix, &A_star);
    } else {
        ss_stream stream = ss_stream_truth(run->root_seed, run->seed, run->d, run->k0);
        ss_cyclic_draw(e->grid, e->kernel, &stream, 0, &A_star);
    }
    if (ss_run_keeps_norms(run)) {
        row_norms(e, &A_star, e->norms);
    } else {
        for (int64_t i = 0; i < A_star.local_rows; i++) {
            e->norms[i] = 1;
        }
        reason = project(e, &A_star, true);
    }
    if (reason == SS_REASON_NONE) {
        data->A = &A_star;
        ss_cyclic_syrk(e->grid, false, 1, &A_star, 0, &e->Z_star);
        add_gamma(e, data, 0, 1, &e->X);
    }
    return reason;
}

static ss_run_reason start(ss_engine *base, const ss_run *run, int64_t t, double *truth_norm)
{
    (void)t;
    wide_engine *e = (wide_engine *)base;
    batch data;
    ss_run_reason reason = reserve(e, run, &data);
    if (reason == SS_REASON_NONE) {
        reason = draw_truth(e, run, &data);
    }
    if (reason != SS_REASON_NONE) {
        return reason;
    }
    e->latents.A = &e->A;
    e->sphere = ss_stream_sphere(run->root_seed, run->seed, run->d, run->k);
    *truth_norm = ss_cyclic_symmetric_norm(e->grid, &e->Z_star);
    ss_stream stream = ss_stream_start(run->root_seed, run->seed, run->d, run->k);
    ss_cyclic_draw(e->grid, e->kernel, &stream, 0, &e->A);
    return project(e, &e->A, run->train_row_norm == SS_TRAIN_ROW_NORM_KNOWN);
}

/* Step 2: V ← V + η_V (Γ − X_n − V). */
static void ascend(wide_engine *e, const ss_run *run)
{
    double keep = 1 - run->ascent_step;
    for (int64_t entry = 0; entry < e->V.stride * e->V.local_columns; entry++) {
        e->V.entries[entry] = keep * e->V.entries[entry] - run->ascent_step * e->X.entries[entry];
    }
    add_gamma(e, &e->latents, 1, run->ascent_step, &e->V);
}

/* Step 4: the gradient and noise · e, e uniform on the unit sphere of R^{d×k}. */
static void add_noise(wide_engine *e, const ss_run *run, int64_t t)
{
    double sum = 0;
    ss_cyclic *direction = &e->direction;
    ss_cyclic_draw(e->grid, e->kernel, &e->sphere, (uint32_t)t, direction);
    int64_t entries = direction->stride * direction->local_columns; /* 0 between the columns */
    for (int64_t entry = 0; entry < entries; entry++) {
        sum += direction->entries[entry] * direction->entries[entry];
    }
    MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, e->grid->comm);
    double scale = run->noise / sqrt(sum);
    for (int64_t entry = 0; entry < entries; entry++) {
        e->gradient.entries[entry] += scale * direction->entries[entry];
    }
}

static ss_run_reason step(ss_engine *base, const ss_run *run, int64_t t)
{
    wide_engine *e = (wide_engine *)base;
    e->latents.of.t = (uint32_t)t;
    ascend(e, run);
    find_gradient(e, &e->latents);
    if (run->noise > 0) {
        add_noise(e, run, t);
    }
    double eta = ss_run_step_size(run, t);
    for (int64_t entry = 0; entry < e->A.stride * e->A.local_columns; entry++) {
        e->A.entries[entry] -= eta * e->gradient.entries[entry];
    }
    return project(e, &e->A, run->train_row_norm == SS_TRAIN_ROW_NORM_KNOWN);
}

/* This rank's columns of a matrix, out to `state` or in from it; returns what follows them there.
 */
static double *save_columns(const ss_cyclic *matrix, double *state)
{
    for (int64_t j = 0; j < matrix->local_columns; j++, state += matrix->local_rows) {
        memcpy(state, matrix->entries + j * matrix->stride,
               (size_t)matrix->local_rows * sizeof *state);
    }
    return state;
}

static const double *restore_columns(const ss_cyclic *matrix, const double *state)
{
    for (int64_t j = 0; j < matrix->local_columns; j++, state += matrix->local_rows) {
        memcpy(matrix->entries + j * matrix->stride, state,
               (size_t)matrix->local_rows * sizeof *state);
    }
    return state;
}

static void save(const ss_engine *base, const ss_run *run, double *state)
{
    const wide_engine *e = (const wide_engine *)base;
    (void)run;
    save_columns(&e->V, save_columns(&e->A, state));
}

static void restore(ss_engine *base, const ss_run *run, const double *state)
{
    wide_engine *e = (wide_engine *)base;
    (void)run;
    restore_columns(&e->V, restore_columns(&e->A, state));
}

static double error(ss_engine *base, const ss_run *run)
{
    wide_engine *e = (wide_engine *)base;
    (void)run;
    memcpy(e->gap.entries, e->Z_star.entries, ss_cyclic_bytes(&e->gap));
    ss_cyclic_syrk(e->grid, false, 1, &e->A, -1, &e->gap);
    return ss_cyclic_symmetric_norm(e->grid, &e->gap);
}

static ss_run_reason certify(ss_engine *base, const ss_run *run, double *certificate)
{
    wide_engine *e = (wide_engine *)base;
    return agree(e, ss_wide_certify(e->grid, run, &e->certifier, certificate));
}

static const char *kernel_name(const ss_engine *base, ss_precision precision)
{
    (void)base;
    (void)precision;
    return ss_kernel_level_name(SS_LEVEL_WIDE);
}

static void destroy(ss_engine *base)
{
    wide_engine *e = (wide_engine *)base;
    free(e->memory);
    free(e);
}

void ss_wide_products(ss_engine *base)
{
    wide_engine *e = (wide_engine *)base;
    const batch *b = &e->latents;
    for (int64_t panel = 0; panel < b->panels; panel++) {
        ss_cyclic_gemm(e->grid, "N", "T", 1, &b->z, b->A, 0, &b->phi);
        ss_cyclic_syrk(e->grid, true, 1 / (double)b->of.samples, &b->phi, panel > 0, &e->gap);
    }
    for (int64_t panel = 0; panel < b->panels; panel++) {
        if (b->panels > 1) {
            ss_cyclic_gemm(e->grid, "N", "T", 1, &b->z, b->A, 0, &b->phi);
        }
        ss_cyclic_symm(e->grid, "R", &b->phi, &e->V, &b->weights);
        ss_cyclic_gemm(e->grid, "T", "N", 2 / (double)b->of.samples, &b->weights, &b->z, panel > 0,
                       &e->gradient);
    }
}

ss_wide_options ss_wide_options_of(int64_t block)
{
    return (ss_wide_options){.block = block, .panel_bytes = 128 << 20};
}

ss_error ss_engine_create_wide(const ss_grid *grid, ss_wide_options options, ss_engine **out)
{
    wide_engine *engine = NULL;
    *out = NULL;
    SS_TRY(ss_allocate(1, sizeof *engine, &engine));
    engine->base = (ss_engine){.start = start,
                               .step = step,
                               .save = save,
                               .restore = restore,
                               .error = error,
                               .certify = certify,
                               .kernel = kernel_name,
                               .destroy = destroy};
    engine->grid = grid;
    engine->options = options;
    ss_error error = ss_kernel_choose(SS_PRECISION_DOUBLE, &engine->kernel);
    if (error != SS_OK) {
        free(engine);
        return error;
    }
    *out = &engine->base;
    return SS_OK;
}

ss_error ss_workspace_create_wide(const ss_grid *grid, int64_t block, ss_workspace **out)
{
    ss_engine *engine;
    *out = NULL;
    SS_TRY(ss_engine_create_wide(grid, ss_wide_options_of(block), &engine));
    return ss_workspace_of(engine, out);
}
