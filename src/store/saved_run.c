#include "saddlesweep/saved_run.h"

#include "../base/text.h"
#include "disk.h"
#include "saddlesweep/kernel.h"
#include "saved_run_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/* The file: this, the trajectory, the iterates, the state. Little-endian. */
typedef struct header {
    ss_saved_head head;
    uint64_t checksum; /* XXH3 of all of the file but this word */
} header;

_Static_assert(sizeof(header) == 64, "the header is 64 bytes in the file");

static const char magic[8] = "SSWSTATE";
enum { VERSION = 1 };

ss_saved_head ss_saved_head_of(int64_t version, const ss_run *run, const ss_saved_run *saved)
{
    ss_saved_head head = {.version = version,
                          .identity = ss_run_identity(run),
                          .t = saved->t,
                          .seconds = saved->seconds};
    memcpy(head.magic, magic, sizeof magic);
    snprintf(head.kernel, sizeof head.kernel, "%s", saved->kernel);
    return head;
}

bool ss_saved_head_fits(const ss_saved_head *head, int64_t version, const ss_run *run,
                        const ss_saved_run *saved)
{
    return memcmp(head->magic, magic, sizeof magic) == 0 && head->version == version &&
           head->identity == ss_run_identity(run) && head->t > 0 && head->t <= ss_run_steps(run) &&
           memchr(head->kernel, '\0', sizeof head->kernel) != NULL &&
           ss_kernel_same_bits(head->kernel, saved->kernel);
}

char *ss_saved_run_path(const char *result_path, const ss_run *run, const char *ending)
{
    ss_text path = {0};
    ss_text_append(&path, "%s.partial/%016" PRIx64 "%s", result_path, ss_run_identity(run), ending);
    return path.data;
}

bool ss_saved_run_exists(const char *result_path, const ss_run *run)
{
    char *path = ss_saved_run_path(result_path, run, ".state");
    bool exists = path && access(path, F_OK) == 0;
    free(path);
    return exists;
}

static char *folder_of(const char *result_path)
{
    ss_text path = {0};
    ss_text_append(&path, "%s.partial", result_path);
    return path.data;
}

bool ss_saved_run_any(const char *result_path)
{
    char *folder = folder_of(result_path);
    bool any = folder && access(folder, F_OK) == 0;
    free(folder);
    return any;
}

static size_t trajectory_bytes(const ss_run *run)
{
    return (size_t)run->checkpoint_count * sizeof(double);
}

static size_t iterate_bytes(const ss_run *run)
{
    return (size_t)ss_run_iterate_count(run) * sizeof(double);
}

static double *iterates_of(const ss_run *run, const ss_saved_run *saved)
{
    return saved->trajectory + ss_run_iterate_start(run);
}

static size_t state_bytes(const ss_run *run)
{
    return (size_t)ss_run_state_count(run) * sizeof(double);
}

/* 0 if there was no memory: it vouches for nothing then, as a real one hardly ever is 0. */
static uint64_t checksum_of(const header *header, const ss_run *run, const ss_saved_run *saved)
{
    uint64_t checksum = 0;
    XXH3_state_t *hash = XXH3_createState();
    if (hash && XXH3_64bits_reset(hash) == XXH_OK) {
        XXH3_64bits_update(hash, header, offsetof(struct header, checksum));
        XXH3_64bits_update(hash, saved->trajectory, trajectory_bytes(run));
        XXH3_64bits_update(hash, iterates_of(run, saved), iterate_bytes(run));
        XXH3_64bits_update(hash, saved->state, state_bytes(run));
        checksum = XXH3_64bits_digest(hash);
    }
    XXH3_freeState(hash);
    return checksum;
}

/* All of it or false; of no bytes nothing. */
static bool write_piece(const void *piece, size_t bytes, FILE *file)
{
    return fwrite(piece, 1, bytes, file) == bytes;
}

static bool read_piece(void *piece, size_t bytes, FILE *file)
{
    return fread(piece, 1, bytes, file) == bytes;
}

static bool sync_file(FILE *file)
{
    int cause = ss_disk_sync(fileno(file), NULL);
    errno = cause;
    return cause == 0;
}

static bool write_all(const char *path, const header *header, const ss_run *run,
                      const ss_saved_run *saved)
{
    FILE *file = fopen(path, "wb");
    if (!file) {
        return false;
    }
    bool written = write_piece(header, sizeof *header, file) &&
                   write_piece(saved->trajectory, trajectory_bytes(run), file) &&
                   write_piece(iterates_of(run, saved), iterate_bytes(run), file) &&
                   write_piece(saved->state, state_bytes(run), file) && fflush(file) == 0 &&
                   sync_file(file);
    int cause = errno;
    bool closed = fclose(file) == 0;
    if (!written) {
        errno = cause; /* of the two, what came first */
    }
    return written && closed;
}

/* A rename lasts through a power cut when its folder is on the disk. */
static void sync_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        ss_disk_sync(folder, NULL);
        close(folder);
    }
}

bool ss_saved_run_make_folder(const char *result_path)
{
    char *folder = folder_of(result_path);
    bool made = folder && (mkdir(folder, 0777) == 0 || errno == EEXIST);
    free(folder);
    return made;
}

bool ss_saved_run_rename(const char *result_path, const char *temporary, const char *path)
{
    char *folder = folder_of(result_path);
    bool renamed = folder && rename(temporary, path) == 0;
    if (renamed) {
        sync_folder(folder);
    }
    free(folder);
    return renamed;
}

ss_error ss_saved_run_write(const char *result_path, const ss_run *run, const ss_saved_run *saved)
{
    header header = {.head = ss_saved_head_of(VERSION, run, saved)};
    header.checksum = checksum_of(&header, run, saved);
    char *temporary = ss_saved_run_path(result_path, run, ".creating");
    char *path = ss_saved_run_path(result_path, run, ".state");
    ss_error error = SS_OK;
    if (!temporary || !path) {
        error = ss_fail(SS_ERR_MEMORY, "out of memory for a name");
    } else if (!ss_saved_run_make_folder(result_path) ||
               !write_all(temporary, &header, run, saved) ||
               !ss_saved_run_rename(result_path, temporary, path)) {
        error = ss_fail(SS_ERR_IO, "%s cannot be written: %s", path, strerror(errno));
        unlink(temporary);
    }
    free(temporary);
    free(path);
    return error;
}

bool ss_saved_run_read(const char *result_path, const ss_run *run, ss_saved_run *saved)
{
    header header;
    char *path = ss_saved_run_path(result_path, run, ".state");
    FILE *file = path ? fopen(path, "rb") : NULL;
    free(path);
    if (!file) {
        return false;
    }
    bool good = read_piece(&header, sizeof header, file) &&
                read_piece(saved->trajectory, trajectory_bytes(run), file) &&
                read_piece(iterates_of(run, saved), iterate_bytes(run), file) &&
                read_piece(saved->state, state_bytes(run), file) && fgetc(file) == EOF &&
                !ferror(file) && ss_saved_head_fits(&header.head, VERSION, run, saved) &&
                header.checksum == checksum_of(&header, run, saved);
    fclose(file);
    saved->t = good ? header.head.t : 0;
    saved->seconds = good ? header.head.seconds : 0;
    return good;
}

void ss_saved_run_remove(const char *result_path, const ss_run *run)
{
    char *path = ss_saved_run_path(result_path, run, ".state");
    if (path) {
        unlink(path);
    }
    free(path);
}

/* Of ours: sixteen hexadecimal digits and an ending. */
static bool is_ours(const char *name)
{
    size_t digits = strspn(name, "0123456789abcdef");
    return digits == 16 &&
           (strcmp(name + digits, ".state") == 0 || strcmp(name + digits, ".creating") == 0);
}

void ss_saved_run_remove_all(const char *result_path)
{
    char *folder = folder_of(result_path);
    DIR *entries = folder ? opendir(folder) : NULL;
    if (entries) {
        struct dirent *entry;
        while ((entry = readdir(entries))) {
            if (is_ours(entry->d_name)) {
                unlinkat(dirfd(entries), entry->d_name, 0);
            }
        }
        closedir(entries);
        rmdir(folder); /* stays if somebody put something else there */
    }
    free(folder);
}
