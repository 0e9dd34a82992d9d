/* What a run results in beside its trajectory: a certificate, iterates, what lemmas are about, each
 * in datasets with room for the largest d and k of the sweep. */
#include "disk.h"
#include "store_private.h"

#include <string.h>

ss_boxes ss_store_part_room(const ss_store_shape *shape, int part)
{
    if (part >= SS_PART_COVARIANCE) {
        return (ss_boxes){1, 1, part < SS_PART_GRADIENT ? shape->covariances : shape->gradients};
    }
    switch (part) {
    case SS_PART_ITERATE:
        return (ss_boxes){shape->checkpoints, shape->iterate_rows, shape->iterate_columns};
    case SS_CERTIFICATE_MULTIPLIERS:
        return (ss_boxes){1, 1, shape->multipliers};
    default:
        return (ss_boxes){1, 1, shape->multipliers > 0};
    }
}

ss_store_shape ss_store_shape_for(const ss_plan *plan)
{
    return (ss_store_shape){
        .cells = plan->cells,
        .seeds = plan->seeds,
        .checkpoints = plan->checkpoints,
        .multipliers = plan->multipliers,
        .iterate_rows = plan->iterate_rows,
        .iterate_columns = plan->iterate_columns,
        .covariances = plan->spec->covariance_error,
        .gradients = plan->spec->gradient_bias,
    };
}

/* Of the room the beginning of each box and row, which a run has values for. */
static ss_boxes own_part(const ss_run *run, int part)
{
    ss_store_shape shape = {
        .checkpoints = run->checkpoint_count,
        .multipliers = run->certificate ? run->d : 0,
        .iterate_rows = run->iterate ? run->d : 0,
        .iterate_columns = run->iterate ? run->k : 0,
        .covariances = run->covariance_error,
        .gradients = run->gradient_bias,
    };
    return ss_store_part_room(&shape, part);
}

/* Makes one row of a box, and one box of all, where a run fills them: that is one piece. */
static void join(ss_boxes *room, ss_boxes *own)
{
    if (own->columns == room->columns) {
        *own = (ss_boxes){own->boxes, 1, own->rows * own->columns};
        *room = (ss_boxes){room->boxes, 1, room->rows * room->columns};
    }
    if (own->rows == 1 && own->columns == room->columns) {
        *own = (ss_boxes){1, 1, own->boxes * own->columns};
        *room = (ss_boxes){1, 1, room->boxes * room->columns};
    }
}

/* Moves a run's own values to the front. */
static void pack(ss_boxes room, ss_boxes own, double *values)
{
    double *to = values;
    join(&room, &own);
    for (int64_t box = 0; box < own.boxes; box++) {
        for (int64_t row = 0; row < own.rows; row++, to += own.columns) {
            memmove(to, values + (box * room.rows + row) * room.columns,
                    (size_t)own.columns * sizeof *to);
        }
    }
}

/* Where a run's room of a part begins in its dataset, in bytes. */
static off_t room_start(const ss_store *store, int64_t cell, int64_t seed_index, ss_boxes room)
{
    return (cell * store->shape.seeds + seed_index) * ss_boxes_values(room) * (off_t)sizeof(double);
}

ss_error ss_store_read_parts(const ss_store *store, int64_t cell, int64_t seed_index,
                             const ss_run *run, double *values)
{
    for (int part = 0; part < RESULT_PARTS; part++) {
        ss_boxes room = ss_store_part_room(&store->shape, part);
        ss_boxes own = own_part(run, part);
        off_t offset =
            store->ranges[SS_RANGE_PARTS + part].offset + room_start(store, cell, seed_index, room);
        int cause = ss_disk_read(store->descriptor, values,
                                 (size_t)ss_boxes_values(room) * sizeof *values, offset);
        if (cause != 0) {
            return ss_fail(SS_ERR_IO, "%s: %s cannot be read: %s", store->path,
                           ss_layout_part_names[part], strerror(cause));
        }
        pack(room, own, values);
        values += ss_boxes_values(own);
    }
    return SS_OK;
}

static ss_error write_part(ss_store *store, int part, off_t start, ss_boxes room, ss_boxes own,
                           const double *values)
{
    join(&room, &own);
    for (int64_t box = 0; box < own.boxes; box++) {
        for (int64_t row = 0; row < own.rows; row++, values += own.columns) {
            int64_t before = (box * room.rows + row) * room.columns;
            SS_TRY(ss_store_write_in_place(store, SS_STORE_RUN_NOT_WRITTEN, SS_RANGE_PARTS + part,
                                           start + before * (off_t)sizeof *values, values,
                                           (size_t)own.columns * sizeof *values));
        }
    }
    return SS_OK;
}

ss_error ss_store_write_parts(ss_store *store, int64_t cell, int64_t seed_index, const ss_run *run,
                              const double *values)
{
    for (int part = 0; part < RESULT_PARTS; part++) {
        ss_boxes room = ss_store_part_room(&store->shape, part);
        ss_boxes own = own_part(run, part);
        if (ss_boxes_values(own) > 0) {
            SS_TRY(write_part(store, part, room_start(store, cell, seed_index, room), room, own,
                              values));
            values += ss_boxes_values(own);
        }
    }
    return SS_OK;
}
