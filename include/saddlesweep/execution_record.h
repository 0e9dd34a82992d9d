/*
 * The 800-byte record of an execution in the result file, /execution[row]: a `run` that opened the
 * file for writing, where and with what. Written when it begins and again when it ends. The C
 * struct is the file's layout, field by field, little-endian; texts are UTF-8, filled up with NULs.
 */
#ifndef SADDLESWEEP_EXECUTION_RECORD_H
#define SADDLESWEEP_EXECUTION_RECORD_H

#include <stdbool.h>
#include <stdint.h>

/* Records that a file has room for; later executions replace the last one. */
enum { SS_EXECUTION_ROWS = 64 };

typedef struct ss_execution_record {
    int64_t number;      /* which execution of this file it is, from 1 on */
    char started[24];    /* UTC, "2026-11-25T02:14:23Z" */
    double seconds;      /* wall time until its end; NaN before */
    int64_t runs;        /* executed and committed by it; -1 before its end */
    int32_t exit_status; /* of the program; -1 before its end, so also after a kill */
    int32_t ranks;
    int32_t hosts;    /* that the ranks are on */
    int32_t restarts; /* of its Slurm job; -1: it is none */
    char job_id[32];  /* Slurm's, ARRAY_TASK in an array; "" outside Slurm */
    char cluster[64]; /* Slurm's name of it; "" outside Slurm */
    char nodes[256];  /* of the Slurm job, else the names of the hosts */
    char cpu[96];     /* model of rank 0's processor, and how many others there are */
    char kernel[16];  /* instruction level of rank 0's kernel, e.g. "avx512" */
    char version[16]; /* of the program */
    char git_commit[48];
    char libraries[200]; /* names and versions */
    uint64_t checksum;   /* XXH3 (64 bits) of the 792 bytes before it */
} ss_execution_record;

/* The fields come to as much: there are no holes between them. */
_Static_assert(sizeof(ss_execution_record) == 800, "a record is 800 bytes in the file");

/* Sets the checksum to that of the other fields. */
void ss_execution_record_seal(ss_execution_record *record);

/* Nothing was ever written here. */
bool ss_execution_record_blank(const ss_execution_record *record);

/* It is as it was written: only then are its fields (each text has its NUL) to be believed. */
bool ss_execution_record_whole(const ss_execution_record *record);

#endif
