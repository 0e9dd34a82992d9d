#include "certificate_wide.h"

#include "products.h"
#include "saddlesweep/closed_form.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Doubles that pdsyevd works in for all eigenvectors of a matrix, by its documentation. */
static int64_t work_count(const ss_cyclic *S)
{
    int64_t n = S->rows;
    int64_t block = S->row_block;
    int64_t rows = S->local_rows;
    int64_t divide = 1 + 6 * n + 2 * rows * S->local_columns;
    int64_t tridiagonal = 3 * n + block * (rows + 1 > 3 ? rows + 1 : 3);
    return (divide > tridiagonal ? divide : tridiagonal) + 2 * n;
}

static int64_t index_count(const ss_cyclic *S, ss_grid_shape shape)
{
    return 7 * S->rows + 8 * shape.columns + 2;
}

void ss_wide_certifier_take(ss_arena *arena, ss_grid_shape shape, ss_wide_certifier *c)
{
    size_t vector = (size_t)c->S->rows * sizeof(double);
    c->squares = ss_arena_take(arena, vector);
    c->spectrum = ss_arena_take(arena, vector);
    c->work = ss_arena_take(arena, (size_t)work_count(c->S) * sizeof *c->work);
    c->indices = ss_arena_take(arena, (size_t)index_count(c->S, shape) * sizeof *c->indices);
}

static int64_t row_of(const ss_grid *grid, const ss_cyclic *matrix, int64_t local)
{
    const ss_grid_place *place = &grid->place;
    return ss_cyclic_index(local, matrix->row_block, place->row, place->shape.rows);
}

static int64_t column_of(const ss_grid *grid, const ss_cyclic *matrix, int64_t local)
{
    const ss_grid_place *place = &grid->place;
    return ss_cyclic_index(local, matrix->column_block, place->column, place->shape.columns);
}

/* sums (d, out, the same on all ranks): of the products of the rows of two matrices alike. */
static void row_products(const ss_grid *grid, const ss_cyclic *first, const ss_cyclic *second,
                         double *sums)
{
    memset(sums, 0, (size_t)first->rows * sizeof *sums);
    for (int64_t j = 0; j < first->local_columns; j++) {
        for (int64_t i = 0; i < first->local_rows; i++) {
            int64_t entry = j * first->stride + i;
            sums[row_of(grid, first, i)] += first->entries[entry] * second->entries[entry];
        }
    }
    MPI_Allreduce(MPI_IN_PLACE, sums, (int)first->rows, MPI_DOUBLE, MPI_SUM, grid->comm);
}

/* ∇g(Z) = (F(Z) − X_n) ∘ F'(Z) for Z in the place of S, and there. */
static void form_risk_gradient(const ss_grid *grid, const ss_run *run, const ss_wide_certifier *c)
{
    for (int64_t j = 0; j < c->S->local_columns; j++) {
        int64_t column = column_of(grid, c->S, j);
        for (int64_t i = 0; i < c->S->local_rows; i++) {
            int64_t row = row_of(grid, c->S, i);
            int64_t entry = j * c->S->stride + i;
            if (row >= column) {
                ss_closed_form F =
                    ss_closed_form_at(run->activation, c->S->entries[entry], sqrt(c->squares[row]),
                                      sqrt(c->squares[column]));
                c->S->entries[entry] = (F.value - c->X->entries[entry]) * F.slope;
            }
        }
    }
}

/* Takes diag(λ) A off ∇g A, and diag(λ) off ∇g. */
static void subtract_multipliers(const ss_grid *grid, const ss_wide_certifier *c,
                                 const double *multipliers)
{
    for (int64_t j = 0; j < c->A->local_columns; j++) {
        for (int64_t i = 0; i < c->A->local_rows; i++) {
            int64_t entry = j * c->A->stride + i;
            c->SA->entries[entry] -= multipliers[row_of(grid, c->A, i)] * c->A->entries[entry];
        }
    }
    for (int64_t j = 0; j < c->S->local_columns; j++) {
        for (int64_t i = 0; i < c->S->local_rows; i++) {
            int64_t row = row_of(grid, c->S, i);
            if (row == column_of(grid, c->S, j)) {
                c->S->entries[j * c->S->stride + i] -= multipliers[row];
            }
        }
    }
}

static double sum_of(const double *values, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += values[i];
    }
    return sum;
}

/* Of S, which is destroyed. */
static ss_run_reason smallest_eigenvalue(const ss_grid *grid, const ss_wide_certifier *c,
                                         double *out)
{
    const int order = (int)c->S->rows;
    int64_t doubles = work_count(c->S);
    const int work = doubles < INT32_MAX ? (int)doubles : INT32_MAX;
    const int indices = (int)index_count(c->S, grid->place.shape);
    int info = 0;
    grid->library->pdsyevd_("V", "L", &order, SS_CYCLIC_WHOLE(c->S), c->spectrum,
                            SS_CYCLIC_WHOLE(c->vectors), c->work, &work, c->indices, &indices,
                            &info, 1, 1);
    *out = c->spectrum[0]; /* of a matrix of one block only its owner has them, the first rank */
    MPI_Bcast(out, 1, MPI_DOUBLE, 0, grid->comm);
    bool good = info == 0 && isfinite(*out);
    if (!good && grid->place.row == 0 && grid->place.column == 0) {
        fprintf(stderr,
                "warning: ScaLAPACK's pdsyevd does not find the eigenvalues of S at d = %d (info "
                "%d)\n",
                order, info);
    }
    return good ? SS_REASON_NONE : SS_REASON_CERTIFICATE;
}

ss_run_reason ss_wide_certify(const ss_grid *grid, const ss_run *run, const ss_wide_certifier *c,
                              double *certificate)
{
    double *multipliers = certificate + SS_CERTIFICATE_MULTIPLIERS;
    row_products(grid, c->A, c->A, c->squares);
    double size = sqrt(sum_of(c->squares, run->d));
    ss_cyclic_syrk(grid, false, 1, c->A, 0, c->S);
    form_risk_gradient(grid, run, c);
    ss_cyclic_symm(grid, "L", c->A, c->S, c->SA);
    row_products(grid, c->SA, c->A, multipliers);
    for (int64_t i = 0; i < run->d; i++) {
        multipliers[i] /= c->squares[i];
    }
    subtract_multipliers(grid, c, multipliers);
    row_products(grid, c->SA, c->SA, c->squares);
    certificate[SS_CERTIFICATE_RESIDUAL] = sqrt(sum_of(c->squares, run->d)) / size;
    return smallest_eigenvalue(grid, c, &certificate[SS_CERTIFICATE_EIGENVALUE]);
}
