#include "layout.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const ss_layout_cell_names[SS_CELL_PARAMETERS] = {"d", "k", "k0", "n", "m"};

const char *const ss_layout_quantity_groups[SS_QUANTITIES] = {
    [SS_QUANTITY_ERROR] = "/bands/error",
    [SS_QUANTITY_RELATIVE_ERROR] = "/bands/relative_error",
};

const char *const ss_layout_part_names[RESULT_PARTS] = {
    [SS_CERTIFICATE_RESIDUAL] = "/certificate/residual",
    [SS_CERTIFICATE_EIGENVALUE] = "/certificate/smallest_eigenvalue",
    [SS_CERTIFICATE_MULTIPLIERS] = "/certificate/multipliers",
    [SS_PART_ITERATE] = "/iterate",
    [SS_PART_COVARIANCE + SS_COVARIANCE_SPECTRAL] = "/covariance_error/spectral",
    [SS_PART_COVARIANCE + SS_COVARIANCE_FROBENIUS] = "/covariance_error/frobenius",
    [SS_PART_GRADIENT + SS_GRADIENT_SAMPLING] = "/gradient_error/sampling",
    [SS_PART_GRADIENT + SS_GRADIENT_BIAS_SQUARED] = "/gradient_error/bias_squared",
    [SS_PART_GRADIENT + SS_GRADIENT_BIAS_STD_ERROR] = "/gradient_error/bias_squared_std_error",
};

const char *ss_layout_band_name(ss_quantity quantity, int band, char *buffer, size_t size)
{
    const char *statistic =
        band == SS_STATISTIC_COUNT ? "count" : ss_statistic_name((ss_statistic)band);
    snprintf(buffer, size, "%s/%s", ss_layout_quantity_groups[quantity], statistic);
    return buffer;
}

void ss_layout_cell_values(const ss_run *run, int64_t values[SS_CELL_PARAMETERS])
{
    values[0] = run->d;
    values[1] = run->k;
    values[2] = run->k0;
    values[3] = run->n;
    values[4] = run->m;
}

static void insert_enum(hid_t compound, const char *field, size_t offset, hid_t enumeration)
{
    H5Tinsert(compound, field, offset, enumeration);
    H5Tclose(enumeration);
}

typedef struct member {
    int32_t value;
    const char *name;
} member;

#define MEMBER(code, value, name) {value, name},
static const member statuses[] = {SS_RUN_STATUSES(MEMBER)};
static const member reasons[] = {SS_RUN_REASONS(MEMBER)};
static const member kernels[] = {SS_KERNEL_LEVELS(MEMBER)};
#undef MEMBER

/* Of 16 or 32 bits, little-endian. */
static hid_t enumeration(hid_t integer, const member *members, int count)
{
    hid_t type = H5Tenum_create(integer);
    bool narrow = H5Tget_size(integer) == sizeof(int16_t);
    for (int i = 0; i < count; i++) {
        int16_t value = (int16_t)members[i].value;
        H5Tenum_insert(type, members[i].name,
                       narrow ? (const void *)&value : (const void *)&members[i].value);
    }
    return type;
}

/* Before format_version 4 there were no process grids, and `kernel` took their place, too. */
static void insert_causes(hid_t type, int64_t version)
{
    bool old = version < 4;
    int reason_count = old ? SS_REASON_MEMORY + 1 : SS_RUN_REASON_COUNT;
    int kernel_count = old ? SS_LEVEL_AVX512 + 1 : SS_KERNEL_LEVEL_COUNT;
    insert_enum(type, "reason", offsetof(ss_record, reason),
                enumeration(H5T_STD_I32LE, reasons, reason_count));
    insert_enum(type, "kernel", offsetof(ss_record, kernel),
                enumeration(old ? H5T_STD_I32LE : H5T_STD_I16LE, kernels, kernel_count));
    if (!old) {
        H5Tinsert(type, "grid", offsetof(ss_record, grid), H5T_STD_U16LE);
    }
}

hid_t ss_layout_record_type(int64_t version)
{
    hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(ss_record));
    insert_enum(type, "status", offsetof(ss_record, status),
                enumeration(H5T_STD_I32LE, statuses, SS_RUN_STATUS_COUNT));
    H5Tinsert(type, "rank", offsetof(ss_record, rank), H5T_STD_I32LE);
    H5Tinsert(type, "iterations", offsetof(ss_record, iterations), H5T_STD_I64LE);
    H5Tinsert(type, "truth_norm", offsetof(ss_record, truth_norm), H5T_IEEE_F64LE);
    H5Tinsert(type, "seconds", offsetof(ss_record, seconds), H5T_IEEE_F64LE);
    H5Tinsert(type, "identity", offsetof(ss_record, identity), H5T_STD_U64LE);
    H5Tinsert(type, "trajectory_checksum", offsetof(ss_record, trajectory_checksum), H5T_STD_U64LE);
    insert_causes(type, version);
    H5Tinsert(type, "record_checksum", offsetof(ss_record, record_checksum), H5T_STD_U64LE);
    return type;
}

/* A text of a fixed number of bytes, filled up with NULs. */
static void insert_text(hid_t compound, const char *field, size_t offset, size_t bytes)
{
    hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, bytes);
    H5Tset_cset(text, H5T_CSET_UTF8);
    H5Tset_strpad(text, H5T_STR_NULLPAD);
    H5Tinsert(compound, field, offset, text);
    H5Tclose(text);
}

hid_t ss_layout_execution_type(void)
{
    hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(ss_execution_record));
#define NUMBER(field, kind) H5Tinsert(type, #field, offsetof(ss_execution_record, field), kind)
#define TEXT(field)                                                                                \
    insert_text(type, #field, offsetof(ss_execution_record, field),                                \
                sizeof((ss_execution_record){0}.field))
    NUMBER(number, H5T_STD_I64LE);
    TEXT(started);
    NUMBER(seconds, H5T_IEEE_F64LE);
    NUMBER(runs, H5T_STD_I64LE);
    NUMBER(exit_status, H5T_STD_I32LE);
    NUMBER(ranks, H5T_STD_I32LE);
    NUMBER(hosts, H5T_STD_I32LE);
    NUMBER(restarts, H5T_STD_I32LE);
    TEXT(job_id);
    TEXT(cluster);
    TEXT(nodes);
    TEXT(cpu);
    TEXT(kernel);
    TEXT(version);
    TEXT(git_commit);
    TEXT(libraries);
    NUMBER(checksum, H5T_STD_U64LE);
#undef TEXT
#undef NUMBER
    return type;
}

hid_t ss_layout_string_type(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

ss_space_range ss_layout_range(hid_t dataset)
{
    return (ss_space_range){
        .offset = (off_t)H5Dget_offset(dataset),
        .bytes = (size_t)H5Dget_storage_size(dataset),
    };
}

/* Keeps the description of the innermost frame: that is where HDF5 says what went wrong. */
static herr_t keep_description(unsigned frame, const H5E_error2_t *description, void *client)
{
    (void)frame;
    snprintf(client, SS_LAYOUT_REASON_SIZE, "%s", description->desc ? description->desc : "");
    return 0;
}

/* HDF5 wraps the system's reason into a list of internals; what people need is the reason. */
static void shorten(char *reason)
{
    static const char mark[] = "error message = '";
    char *system_reason = strstr(reason, mark);
    if (system_reason) {
        system_reason += strlen(mark);
        size_t length = strcspn(system_reason, "'");
        memmove(reason, system_reason, length);
        reason[length] = '\0';
    }
    reason[strcspn(reason, "\n")] = '\0';
}

const char *ss_layout_reason(char buffer[SS_LAYOUT_REASON_SIZE])
{
    buffer[0] = '\0';
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_description, buffer);
    shorten(buffer);
    return buffer;
}

ss_error ss_layout_fail(ss_error code, const char *path, const char *what)
{
    char reason[SS_LAYOUT_REASON_SIZE];
    const char *shown = ss_layout_reason(reason);
    return ss_fail(code, "%s: %s%s%s%s", path, what, shown[0] ? " (HDF5: " : "", shown,
                   shown[0] ? ")" : "");
}
