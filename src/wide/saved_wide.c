#include "saved_wide.h"

#include "../base/memory.h"
#include "../store/disk.h"
#include "../store/saved_run_private.h"
#include "cyclic.h"
#include "saddlesweep/sched.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/* The file: this, a checksum (XXH3) for each part, the trajectory, the parts in the order of the
 * grid's ranks. Little-endian. */
typedef struct header {
    ss_saved_head head;
    int32_t rows; /* of the grid */
    int32_t columns;
    int64_t block;
    int64_t mixed;
    uint64_t checksum; /* XXH3 of all before the parts but this word */
} header;

_Static_assert(sizeof(header) == 88, "the header is 88 bytes in the file");

enum { VERSION = 2, MOST_RANKS = 65534 };

/* Two matrices and where their parts are. */
typedef struct layout {
    ss_grid_shape shape;
    int64_t block;
    const ss_run *run;
} layout;

int64_t ss_wide_state_count(const ss_run *run, ss_grid_place place, int64_t block)
{
    ss_cyclic A = ss_cyclic_at(place, run->d, run->k, block, block);
    ss_cyclic V = ss_cyclic_at(place, run->d, run->d, block, block);
    return A.local_rows * (A.local_columns + V.local_columns);
}

static int64_t parts_of(const layout *l)
{
    return (int64_t)l->shape.rows * l->shape.columns;
}

static size_t part_bytes(const layout *l, int64_t part)
{
    ss_grid_place place = {l->shape, (int)(part / l->shape.columns),
                           (int)(part % l->shape.columns)};
    return (size_t)ss_wide_state_count(l->run, place, l->block) * sizeof(double);
}

/* Bytes before the parts: the checksums and the trajectory, after the header. */
static size_t table_bytes(const layout *l)
{
    return (size_t)parts_of(l) * sizeof(uint64_t) +
           (size_t)l->run->checkpoint_count * sizeof(double);
}

/* Offset of a part; of one past the last: the length of the file. */
static off_t part_offset(const layout *l, int64_t part)
{
    size_t offset = sizeof(header) + table_bytes(l);
    for (int64_t p = 0; p < part; p++) {
        offset += part_bytes(l, p);
    }
    return (off_t)offset;
}

static uint64_t checksum_of(const header *header, const char *table, size_t bytes)
{
    uint64_t both[2] = {XXH3_64bits(header, offsetof(struct header, checksum)),
                        XXH3_64bits(table, bytes)};
    return XXH3_64bits(both, sizeof both);
}

/* Writes to a file that is there already, and puts that on the disk. */
static bool write_piece(const char *path, const void *bytes, size_t count, off_t offset)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    int cause = ss_disk_write(file, bytes, count, offset);
    if (cause == 0) {
        cause = ss_disk_sync(file, NULL);
    }
    if (close(file) != 0 && cause == 0) {
        cause = errno;
    }
    errno = cause;
    return cause == 0;
}

static bool create_empty(const char *result_path, const char *path)
{
    int file = ss_saved_run_make_folder(result_path)
                   ? open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666)
                   : -1;
    return file >= 0 && close(file) == 0;
}

/* Everything before the parts, and the name: the last step, of rank 0 alone. */
static bool write_head(const layout *l, const char *result_path, const char *temporary,
                       const char *path, const ss_saved_run *saved, char *table)
{
    size_t bytes = table_bytes(l);
    header header = {.head = ss_saved_head_of(VERSION, l->run, saved),
                     .rows = l->shape.rows,
                     .columns = l->shape.columns,
                     .block = l->block,
                     .mixed = saved->mixed};
    memcpy(table + (size_t)parts_of(l) * sizeof(uint64_t), saved->trajectory,
           (size_t)l->run->checkpoint_count * sizeof(double));
    header.checksum = checksum_of(&header, table, bytes);
    return write_piece(temporary, &header, sizeof header, 0) &&
           write_piece(temporary, table, bytes, sizeof header) &&
           ss_saved_run_rename(result_path, temporary, path);
}

/* Whether it holds on every rank of the grid. Collective. */
static bool everywhere(const ss_grid *grid, bool here)
{
    int all = here;
    MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, grid->comm);
    return all != 0;
}

static ss_error write_all(const ss_grid *grid, const layout *l, const char *result_path,
                          const char *temporary, const char *path, const ss_saved_run *saved,
                          char *table)
{
    int rank;
    MPI_Comm_rank(grid->comm, &rank);
    bool good = rank != 0 || create_empty(result_path, temporary);
    int cause = good ? 0 : errno;
    if (everywhere(grid, good)) {
        size_t bytes = part_bytes(l, rank);
        uint64_t checksum = XXH3_64bits(saved->state, bytes);
        good = write_piece(temporary, saved->state, bytes, part_offset(l, rank));
        cause = good ? 0 : errno;
        MPI_Gather(&checksum, 1, MPI_UINT64_T, table, 1, MPI_UINT64_T, 0, grid->comm);
        if (everywhere(grid, good) && rank == 0) {
            good = write_head(l, result_path, temporary, path, saved, table);
            cause = good ? 0 : errno;
        }
    }
    if (everywhere(grid, good)) {
        return SS_OK;
    }
    if (rank == 0) {
        unlink(temporary);
    }
    return good ? SS_ERR_ELSEWHERE
                : ss_fail(SS_ERR_IO, "%s cannot be written: %s", path, strerror(cause));
}

ss_error ss_saved_wide_write(const ss_grid *grid, int64_t block, const char *result_path,
                             const ss_run *run, const ss_saved_run *saved)
{
    layout l = {grid->place.shape, block, run};
    char *table = NULL;
    char *temporary = ss_saved_run_path(result_path, run, ".creating");
    char *path = ss_saved_run_path(result_path, run, ".state");
    ss_error error = temporary && path ? ss_allocate(table_bytes(&l), 1, &table)
                                       : ss_fail(SS_ERR_MEMORY, "out of memory for a name");
    error = ss_sched_agree(grid->comm, error);
    if (error == SS_OK) {
        error = write_all(grid, &l, result_path, temporary, path, saved, table);
    }
    free(table);
    free(temporary);
    free(path);
    return error;
}

/* ---- reading ---- */

static bool believable(const header *h, const ss_run *run, const ss_saved_run *saved)
{
    return ss_saved_head_fits(&h->head, VERSION, run, saved) && h->rows > 0 && h->columns > 0 &&
           h->rows <= MOST_RANKS / h->columns && h->block > 0 && h->block <= INT32_MAX;
}

/* The head of a file; table (out, allocated) even after a failure. Rank 0 alone. */
static bool read_head(int file, const ss_saved_run *saved, layout *l, header *h, char **table)
{
    struct stat information;
    if (ss_disk_read(file, h, sizeof *h, 0) != 0 || !believable(h, l->run, saved)) {
        return false;
    }
    l->shape = (ss_grid_shape){h->rows, h->columns};
    l->block = h->block;
    size_t bytes = table_bytes(l);
    return fstat(file, &information) == 0 && information.st_size == part_offset(l, parts_of(l)) &&
           ss_allocate(bytes, 1, table) == SS_OK &&
           ss_disk_read(file, *table, bytes, sizeof *h) == 0 &&
           h->checksum == checksum_of(h, *table, bytes);
}

/* Shares what rank 0 has read. Collective. */
static bool share_head(const ss_grid *grid, bool good, layout *l, header *h, char **table)
{
    int rank;
    MPI_Comm_rank(grid->comm, &rank);
    if (!everywhere(grid, good)) {
        return false;
    }
    MPI_Bcast(h, sizeof *h, MPI_BYTE, 0, grid->comm);
    l->shape = (ss_grid_shape){h->rows, h->columns};
    l->block = h->block;
    bool room = rank == 0 || ss_allocate(table_bytes(l), 1, table) == SS_OK;
    if (!everywhere(grid, room)) {
        return false;
    }
    MPI_Bcast(*table, (int)table_bytes(l), MPI_BYTE, 0, grid->comm);
    return true;
}

static uint64_t checksum_in(const char *table, int64_t part)
{
    uint64_t checksum;
    memcpy(&checksum, table + (size_t)part * sizeof checksum, sizeof checksum);
    return checksum;
}

/* A part of a file by another grid, looked at in pieces: it need not fit in memory. */
static bool part_is_whole(int file, const layout *l, int64_t part, const char *table)
{
    enum { PIECE = 1 << 20 };
    char *piece = NULL;
    XXH3_state_t *hash = XXH3_createState();
    size_t left = part_bytes(l, part);
    off_t offset = part_offset(l, part);
    bool good = hash && XXH3_64bits_reset(hash) == XXH_OK && ss_allocate(PIECE, 1, &piece) == SS_OK;
    while (good && left > 0) {
        size_t bytes = left < PIECE ? left : PIECE;
        good = ss_disk_read(file, piece, bytes, offset) == 0 &&
               XXH3_64bits_update(hash, piece, bytes) == XXH_OK;
        left -= bytes;
        offset += (off_t)bytes;
    }
    good = good && XXH3_64bits_digest(hash) == checksum_in(table, part);
    XXH3_freeState(hash);
    free(piece);
    return good;
}

/* Where an entry of A (or, after A's columns, of V) is in a file. */
static off_t offset_of(const layout *l, int64_t row, int64_t column, bool in_V)
{
    ss_grid_place place = {l->shape, (int)(row / l->block % l->shape.rows),
                           (int)(column / l->block % l->shape.columns)};
    ss_cyclic A = ss_cyclic_at(place, l->run->d, l->run->k, l->block, l->block);
    int64_t local_row = row / l->block / l->shape.rows * l->block + row % l->block;
    int64_t local_column = column / l->block / l->shape.columns * l->block + column % l->block;
    int64_t before = (in_V ? A.local_columns : 0) + local_column;
    return part_offset(l, (int64_t)place.row * l->shape.columns + place.column) +
           (off_t)((before * A.local_rows + local_row) * (int64_t)sizeof(double));
}

/* This rank's columns of a matrix from a file by another grid: what is in one piece there and here
 * at once. Returns what follows them in the state, NULL after a failure. */
static double *read_matrix(int file, const layout *l, const ss_grid *grid, const ss_cyclic *m,
                           bool in_V, double *state)
{
    const ss_grid_place *place = &grid->place;
    for (int64_t j = 0; j < m->local_columns; j++) {
        int64_t column = ss_cyclic_index(j, m->column_block, place->column, place->shape.columns);
        int64_t count;
        for (int64_t i = 0; i < m->local_rows; i += count, state += count) {
            int64_t row = ss_cyclic_index(i, m->row_block, place->row, place->shape.rows);
            int64_t here = m->row_block - i % m->row_block;
            int64_t there = l->block - row % l->block;
            count = here < there ? here : there;
            count = count < m->local_rows - i ? count : m->local_rows - i;
            if (ss_disk_read(file, state, (size_t)count * sizeof *state,
                             offset_of(l, row, column, in_V)) != 0) {
                return NULL;
            }
        }
    }
    return state;
}

static bool read_from_other_grid(int file, const layout *l, const ss_grid *grid, int64_t block,
                                 const char *table, double *state)
{
    int rank;
    int ranks;
    bool good = true;
    MPI_Comm_rank(grid->comm, &rank);
    MPI_Comm_size(grid->comm, &ranks);
    for (int64_t part = rank; part < parts_of(l) && good; part += ranks) {
        good = part_is_whole(file, l, part, table);
    }
    if (!everywhere(grid, good)) {
        return false;
    }
    ss_cyclic A = ss_cyclic_at(grid->place, l->run->d, l->run->k, block, block);
    ss_cyclic V = ss_cyclic_at(grid->place, l->run->d, l->run->d, block, block);
    state = read_matrix(file, l, grid, &A, false, state);
    return state && read_matrix(file, l, grid, &V, true, state);
}

static bool read_own_part(int file, const layout *l, const ss_grid *grid, const char *table,
                          double *state)
{
    int rank;
    MPI_Comm_rank(grid->comm, &rank);
    size_t bytes = part_bytes(l, rank);
    return ss_disk_read(file, state, bytes, part_offset(l, rank)) == 0 &&
           XXH3_64bits(state, bytes) == checksum_in(table, rank);
}

static bool read_file(const ss_grid *grid, int64_t block, int file, const ss_run *run,
                      ss_saved_run *saved, char **table)
{
    int rank;
    header h;
    layout l = {.run = run};
    MPI_Comm_rank(grid->comm, &rank);
    bool good = file >= 0 && (rank != 0 || read_head(file, saved, &l, &h, table));
    if (!share_head(grid, good, &l, &h, table)) {
        return false;
    }
    bool same = l.shape.rows == grid->place.shape.rows &&
                l.shape.columns == grid->place.shape.columns && l.block == block;
    good = same ? read_own_part(file, &l, grid, *table, saved->state)
                : read_from_other_grid(file, &l, grid, block, *table, saved->state);
    memcpy(saved->trajectory, *table + (size_t)parts_of(&l) * sizeof(uint64_t),
           (size_t)run->checkpoint_count * sizeof(double));
    saved->t = h.head.t;
    saved->seconds = h.head.seconds;
    saved->mixed = h.mixed != 0 || !same;
    return everywhere(grid, good);
}

bool ss_saved_wide_read(const ss_grid *grid, int64_t block, const char *result_path,
                        const ss_run *run, ss_saved_run *saved)
{
    char *table = NULL;
    char *path = ss_saved_run_path(result_path, run, ".state");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    bool good = read_file(grid, block, file, run, saved, &table);
    if (file >= 0) {
        close(file);
    }
    free(table);
    free(path);
    return good;
}
