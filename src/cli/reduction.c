#include "reduction.h"

#include "../base/memory.h"
#include "saddlesweep/sched.h"

#include <stdlib.h>

typedef struct cell_data {
    int64_t seeds;
    int64_t checkpoints;
    ss_record *records;   /* S */
    double *trajectories; /* S × P */
    double *scale;        /* S: 1 / ‖Z*‖_F */
    bool *included;       /* S */
    ss_bands bands;
} cell_data;

static ss_error create(ss_store_shape shape, cell_data *data)
{
    size_t seeds = (size_t)shape.seeds;
    *data = (cell_data){.seeds = shape.seeds, .checkpoints = shape.checkpoints};
    SS_TRY(ss_allocate(seeds, sizeof *data->records, &data->records));
    SS_TRY(ss_allocate(seeds * (size_t)shape.checkpoints, sizeof(double), &data->trajectories));
    SS_TRY(ss_allocate(seeds, sizeof *data->scale, &data->scale));
    SS_TRY(ss_allocate(seeds, sizeof *data->included, &data->included));
    return ss_bands_create(shape.checkpoints, &data->bands);
}

static void release(cell_data *data)
{
    free(data->records);
    free(data->trajectories);
    free(data->scale);
    free(data->included);
    ss_bands_destroy(&data->bands);
}

static ss_error reduce_cell(ss_store *store, int64_t cell, cell_data *data)
{
    SS_TRY(ss_store_read_records(store, cell, 0, data->seeds, data->records));
    SS_TRY(ss_store_read_trajectories(store, cell, 0, data->seeds, data->trajectories));
    for (int64_t s = 0; s < data->seeds; s++) {
        const ss_record *record = &data->records[s];
        data->included[s] =
            record->status == SS_RUN_DONE &&
            ss_record_intact(record, data->trajectories + s * data->checkpoints, data->checkpoints);
        data->scale[s] = 1 / record->truth_norm;
    }
    SS_TRY(ss_bands_compute(data->trajectories, data->seeds, data->included, NULL, &data->bands));
    SS_TRY(ss_store_write_bands(store, SS_QUANTITY_ERROR, cell, &data->bands));
    SS_TRY(ss_bands_compute(data->trajectories, data->seeds, data->included, data->scale,
                            &data->bands));
    return ss_store_write_bands(store, SS_QUANTITY_RELATIVE_ERROR, cell, &data->bands);
}

ss_error ss_reduce_all(MPI_Comm comm, ss_store *store)
{
    int rank;
    int ranks;
    cell_data data;
    ss_store_shape shape = ss_store_shape_of(store);
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    ss_error error = create(shape, &data);
    for (int64_t cell = rank; cell < shape.cells && error == SS_OK; cell += ranks) {
        error = reduce_cell(store, cell, &data);
    }
    release(&data);
    if (error == SS_OK) {
        error = ss_store_sync(store);
    }
    return ss_sched_agree(comm, error);
}
