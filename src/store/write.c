/* How results get into an open file: by H5Dwrite, or past HDF5 by system calls; both put the same
 * bytes in the same places. */
#include "disk.h"
#include "store_private.h"

#include <string.h>

typedef struct box {
    hsize_t start[SS_STORE_MOST_DIMENSIONS];
    hsize_t count[SS_STORE_MOST_DIMENSIONS];
} box;

/* The box of elements first … first + count - 1, in row-major order: whole trailing dimensions, and
 * of one dimension a part, as all that is written is. False if they are no box. */
static bool find_box(int rank, const hsize_t *sizes, hsize_t first, hsize_t count, box *found)
{
    for (int i = rank - 1; i >= 0; i--) {
        found->start[i] = first % sizes[i];
        first /= sizes[i];
        bool whole = found->start[i] == 0 && count % sizes[i] == 0;
        if (!whole && count > sizes[i] - found->start[i]) {
            return false;
        }
        found->count[i] = whole ? sizes[i] : count;
        count = whole ? count / sizes[i] : 1;
    }
    return first == 0 && count == 1;
}

/* The dataspace in memory of such a box; of as many dimensions, HDF5 need not map one onto another.
 */
static hid_t memory_of(ss_store_target *target, const box *box)
{
    size_t bytes = (size_t)target->rank * sizeof box->count[0];
    if (memcmp(target->memory_sizes, box->count, bytes) != 0 &&
        H5Sset_extent_simple(target->memory, target->rank, box->count, NULL) >= 0) {
        memcpy(target->memory_sizes, box->count, bytes);
    }
    return target->memory;
}

static bool write_box(ss_store_target *target, size_t start, const void *data, size_t bytes)
{
    box box;
    size_t size = target->element_bytes;
    return find_box(target->rank, target->sizes, start / size, bytes / size, &box) &&
           H5Sselect_hyperslab(target->space, H5S_SELECT_SET, box.start, NULL, box.count, NULL) >=
               0 &&
           H5Dwrite(target->dataset, target->type, memory_of(target, &box), target->space,
                    H5P_DEFAULT, data) >= 0;
}

/* HDF5 and MPI know no reasons: what they cannot write, the system does, or says why not. */
ss_error ss_store_write_in_place(ss_store *store, const char *what, int range, off_t start,
                                 const void *data, size_t bytes)
{
    if (!store->direct && !store->hdf5_failed) {
        if (write_box(&store->targets[range], (size_t)start, data, bytes)) {
            return SS_OK;
        }
        store->hdf5_failed = true;
    }
    int cause = ss_disk_write(store->descriptor, data, bytes, store->ranges[range].offset + start);
    return cause == 0 ? SS_OK : ss_disk_failed(store->path, what, cause);
}
