#include "products.h"

const int ss_cyclic_first = 1;

void ss_cyclic_syrk(const ss_grid *grid, bool transposed, double alpha, const ss_cyclic *F,
                    double beta, const ss_cyclic *C)
{
    const int order = (int)C->rows;
    const int terms = (int)(transposed ? F->rows : F->columns);
    grid->library->pdsyrk_("L", transposed ? "T" : "N", &order, &terms, &alpha, SS_CYCLIC_WHOLE(F),
                           &beta, SS_CYCLIC_WHOLE(C));
}

void ss_cyclic_gemm(const ss_grid *grid, const char *op_F, const char *op_G, double alpha,
                    const ss_cyclic *F, const ss_cyclic *G, double beta, const ss_cyclic *C)
{
    const int rows = (int)C->rows;
    const int columns = (int)C->columns;
    const int terms = (int)(op_F[0] == 'T' ? F->rows : F->columns);
    grid->library->pdgemm_(op_F, op_G, &rows, &columns, &terms, &alpha, SS_CYCLIC_WHOLE(F),
                           SS_CYCLIC_WHOLE(G), &beta, SS_CYCLIC_WHOLE(C));
}

void ss_cyclic_symm(const ss_grid *grid, const char *side, const ss_cyclic *F, const ss_cyclic *S,
                    const ss_cyclic *C)
{
    const int rows = (int)C->rows;
    const int columns = (int)C->columns;
    const double one = 1;
    const double zero = 0;
    grid->library->pdsymm_(side, "L", &rows, &columns, &one, SS_CYCLIC_WHOLE(S), SS_CYCLIC_WHOLE(F),
                           &zero, SS_CYCLIC_WHOLE(C));
}

double ss_cyclic_symmetric_norm(const ss_grid *grid, const ss_cyclic *S)
{
    const int order = (int)S->rows;
    return grid->library->pdlansy_("F", "L", &order, SS_CYCLIC_WHOLE(S), NULL, 1, 1);
}
