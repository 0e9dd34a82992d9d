/*
 * The result file: one HDF5 file a sweep (docs/result-file.md). The only part that uses HDF5.
 *
 * Its metadata is written once, when rank 0 creates it under a temporary name. Afterwards only raw
 * data is written, in place, by any rank alone: the file can be read at every moment of its life,
 * and a killed writer leaves it whole.
 */
#ifndef SADDLESWEEP_STORE_H
#define SADDLESWEEP_STORE_H

#include "saddlesweep/bands.h"
#include "saddlesweep/error.h"
#include "saddlesweep/execution_record.h"
#include "saddlesweep/plan.h"
#include "saddlesweep/record.h"

#include <mpi.h>
#include <stdbool.h>

#define SS_STORE_FORMAT "saddlesweep"
enum {
    SS_STORE_FORMAT_VERSION = 4, /* of files that are made now */
    SS_STORE_OLDEST_VERSION = 2  /* that is read, and gone on with: it has no /execution; up to
                                    3, records say nothing of process grids */
};

/* What is written into the file's attributes beside the plan. All texts borrowed. */
typedef struct ss_provenance {
    const char *spec_text; /* the sweep file, verbatim */
    const char *overrides; /* one --set a line, "" if none */
    const char *hosts;     /* comma-separated */
    int ranks;
    const char *kernel;    /* of the runs, e.g. "avx512" */
    const char *libraries; /* names and versions, comma-separated */
} ss_provenance;

/* Makes HDF5 ready; before MPI_Init, so that MPI_Finalize does not end it: HDF5 1.10 then crashes
 * on a file that it could not write. It prints nothing by itself, and takes no locks of its own
 * (many cluster file systems refuse them; ss_store_lock does what is needed). Done by whatever
 * opens a file, too. */
void ss_store_begin(void);

/* "HDF5 1.10.8", the library in use, into `buffer`, which is returned. */
const char *ss_store_library(char *buffer, size_t size);

typedef struct ss_store ss_store;

typedef struct ss_store_shape {
    int64_t cells;
    int64_t seeds;
    int64_t checkpoints;
    int64_t multipliers;     /* D: of each certificate, room for the largest d; 0: there are none */
    int64_t iterate_rows;    /* D and … */
    int64_t iterate_columns; /* … K of each A, room for the largest d and k; 0: there are none */
    int64_t covariances;     /* 1: there are covariance errors, … */
    int64_t gradients;       /* … 1: and gradient errors; else 0 */
} ss_store_shape;

/* Creates the file at its final size, every run PENDING, all or nothing: written under
 * path + ".creating", synced, then renamed. `alone`: no other process creates it meanwhile, as a
 * lock says; if not, under a name of this process's own, and what another has made stays. Called by
 * one rank. SS_ERR_IO names path and cause, and leaves no file behind; SS_ERR_STOPPED. */
ss_error ss_store_create(const char *path, const ss_plan *plan, const ss_provenance *provenance,
                         bool alone);

/* The bytes that a plan's file will take, within a few kilobytes a cell's name. */
double ss_store_predicted_bytes(const ss_plan *plan);

/* Opens for reading, without MPI; works while others write. HDF5 gets the file only if its seal
 * holds (docs/result-file.md). A new store, owned by the caller; *store is NULL after an error:
 * SS_ERR_FORMAT for a file that is not ours or not whole. */
ss_error ss_store_open_for_reading(const char *path, ss_store **store);

/* The same for a file whose seal does not hold, because another program has changed the file: only
 * when asked for, as HDF5 may crash on it (it has been tried in a process of its own before). */
ss_error ss_store_open_unsealed(const char *path, ss_store **store);

/* Seals an open file anew, as it is now, and puts that on the disk. Nobody may be writing it
 * (ss_store_lock_alone), and it has been examined. SS_ERR_FORMAT if it is no longer laid out as at
 * its creation, SS_ERR_IO. */
ss_error ss_store_reseal(const ss_store *store);

/* How raw data is written; the same bytes in the same places. */
typedef enum ss_store_io {
    SS_STORE_IO_MPIO,  /* independent H5Dwrite through HDF5's mpio driver */
    SS_STORE_IO_DIRECT /* pwrite, past HDF5 and MPI-IO, which some file systems do not bear */
} ss_store_io;

/* "mpio" or "direct"; SS_ERR_USAGE. */
ss_error ss_store_io_parse(const char *name, ss_store_io *io);

/* Opens for reading and writing raw data; collective over `comm` (borrowed while it is open), as is
 * closing. Where MPI-IO cannot open the file, rank 0 says so on stderr, and it is written DIRECT.
 * Fails on all ranks if the file cannot be written on one (SS_ERR_IO there, SS_ERR_ELSEWHERE on the
 * others), or is not whole (rank 0 says how). */
ss_error ss_store_open_for_writing(const char *path, MPI_Comm comm, ss_store_io io,
                                   ss_store **store);

/* Closes and sets *store to NULL. What was written is not synced by it (ss_store_sync). */
void ss_store_close(ss_store **store);

ss_store_shape ss_store_shape_of(const ss_store *store);

/* SS_ERR_PLAN_DIFFERS, naming the first difference, unless the file was made for this plan. */
ss_error ss_store_match(const ss_store *store, const ss_plan *plan);

/* The same of the plan that the sweep file in the result file gives, its shard included. */
ss_error ss_store_match_own(const ss_store *store, const ss_plan *plan);

/* The same, comparing every cell, seed and recorded iteration that the file has written beside its
 * results: the others believe plan_digest. */
ss_error ss_store_match_labels(const ss_store *store, const ss_plan *plan);

/* Reads `count` records, or results, of seeds from `seed_index` on of one cell (records also of the
 * cells that follow it), whose runs are like `run` but for their seeds. Results are count rows,
 * ss_plan_result_count() values apart, of ss_run_result_count(run) values; behind these the rest of
 * a row is undefined. Local; SS_ERR_IO.
 */
ss_error ss_store_read_records(const ss_store *store, int64_t cell, int64_t seed_index,
                               int64_t count, ss_record *records);
ss_error ss_store_read_results(const ss_store *store, int64_t cell, int64_t seed_index,
                               int64_t count, const ss_run *run, double *results);

/* Commits one run: its results (ss_run_result_count(run) values) first, then the record that
 * vouches for them. Local: a few writes, no other rank is waited for. After SS_ERR_IO the run
 * counts as not committed. What the file has of the run already is never replaced by something
 * less (DONE, DIVERGED, FAILED, PARTIAL, nothing): then nothing is written. */
ss_error ss_store_commit(ss_store *store, int64_t cell, int64_t seed_index, const ss_run *run,
                         const ss_record *record, const double *results);

/* The same of a short run: it may wait in memory for those of the next seeds, to be written with
 * them, 16 at most. Any commit or mark of another run, and ss_store_sync, flush first; who reads
 * or closes does so himself. After SS_ERR_IO none of those that waited count as committed. */
ss_error ss_store_commit_soon(ss_store *store, int64_t cell, int64_t seed_index, const ss_run *run,
                              const ss_record *record, const double *results);

/* Writes the runs that wait. Local; SS_ERR_IO. */
ss_error ss_store_flush(ss_store *store);

/* Notes that a run is PARTIAL, by its record alone, unless it is committed. Local; SS_ERR_IO. */
ss_error ss_store_mark(ss_store *store, int64_t cell, int64_t seed_index, const ss_run *run,
                       const ss_record *record);

typedef enum ss_quantity {
    SS_QUANTITY_ERROR,
    SS_QUANTITY_RELATIVE_ERROR,
    SS_QUANTITIES
} ss_quantity;

/* Reads or writes one cell's bands, of as many values as the store has checkpoints. Local;
 * SS_ERR_IO. Bands that were never made have count 0 and NaN. */
ss_error ss_store_read_bands(const ss_store *store, ss_quantity quantity, int64_t cell,
                             ss_bands *bands);
ss_error ss_store_write_bands(ss_store *store, ss_quantity quantity, int64_t cell,
                              const ss_bands *bands);

/* Whether the file has room for records of executions: those of format_version 2 do not. */
bool ss_store_has_executions(const ss_store *store);

/* Reads all records, whole or not, or writes the one in a row, 0 … SS_EXECUTION_ROWS - 1. In a file
 * without room for them all are blank, and writing does nothing. Local; SS_ERR_IO. */
ss_error ss_store_read_executions(const ss_store *store,
                                  ss_execution_record records[SS_EXECUTION_ROWS]);
ss_error ss_store_write_execution(ss_store *store, int row, const ss_execution_record *record);

/* Asks the system to put this rank's writes on the disk (fdatasync). Local; SS_ERR_IO, also if the
 * file no longer has its name. */
ss_error ss_store_sync(ss_store *store);

/* Which part of its sweep the file was made for; the whole, if it does not say. SS_ERR_FORMAT if
 * what it says is none. Local. */
ss_error ss_store_read_shard(const ss_store *store, ss_shard *shard);

/* The numbers that the file's cells have in the whole plan, into `numbers` (C values).
 * SS_ERR_FORMAT if they cannot be read. Local. */
ss_error ss_store_read_cell_numbers(const ss_store *store, int64_t *numbers);

/* A text attribute of the root, e.g. "spec", NUL-terminated; to be freed by the caller. *text is
 * NULL after an error: SS_ERR_FORMAT if there is none, SS_ERR_MEMORY. */
ss_error ss_store_read_attribute(const ss_store *store, const char *name, char **text);

/*
 * The lock beside the file (path + ".lock"): whoever writes holds it shared, whoever begins a run
 * takes it alone first. So a run waits for the orphans of a killed one, and two runs exclude
 * each other.
 */
typedef struct ss_store_lock {
    int descriptor;     /* of the lock file; -1: not held */
    int file;           /* of the result file, which has a lock of its own; -1: none yet */
    bool without_locks; /* the file system has none: the lock file's text and age decide */
    struct ss_heartbeat *heartbeat; /* then, while it is held alone */
    char path[4096 + 8];
} ss_store_lock;

#define SS_STORE_NO_LOCK ((ss_store_lock){.descriptor = -1, .file = -1})

/* How long orphans of a killed mpirun may take to notice; about a second. */
#define SS_STORE_LOCK_PATIENCE 3.0

/* Takes the lock alone. SS_ERR_BUSY, naming the holder: at once if that is a run that goes on on
 * this host, else after `patience` seconds. One rank. */
ss_error ss_store_lock_alone(const char *path, double patience, ss_store_lock *lock);

/* Shares the lock (a held one is turned into a shared one). Each rank. */
ss_error ss_store_lock_shared(const char *path, ss_store_lock *lock);

/* Who writes the file, as its lock says, into `text`; false if nobody does, as far as can be told:
 * of another host it is believed. Takes no lock. Local. */
bool ss_store_lock_peek(const char *path, char *text, size_t size);

/* Releases; with `last`, when no other rank holds it, removes the lock file as well. */
void ss_store_unlock(ss_store_lock *lock, bool last);

#endif
