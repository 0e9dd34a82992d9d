/*
 * The saved state of a run in flight: an input is the whole file. It is believed only if it is,
 * byte for byte, the one that was saved.
 */
#include "folder.h"

#include "saddlesweep/saved_run.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

enum { T = 3, D = 2, STATE = 2 * D * D, FILE_BYTES = 64 + 8 * (T + 1) + 8 * STATE };

static const int64_t iterations[T + 1] = {0, 1, 2, 3};
static const ss_run run = {
    .d = D,
    .k = 2,
    .k0 = 2,
    .n = 5,
    .m = 5,
    .root_seed = 1,
    .iterations = T,
    .step_size = 1,
    .ascent_step = 1,
    .checkpoints = iterations,
    .checkpoint_count = T + 1,
};

static char result[PATH_SIZE]; /* of a result file that need not be there */
static char state_path[PATH_SIZE + 64];
static int state_file;
static uint8_t valid[FILE_BYTES];

static void remove_files(void)
{
    close(state_file);
    ss_saved_run_remove_all(result);
    *strrchr(result, '/') = '\0';
    rmdir(result);
}

static void save(void)
{
    double trajectory[T + 1] = {4, 3, 2, 0};
    double state[STATE] = {1, 2, 3, 4, 5, 6, 7, 8};
    ss_saved_run saved = {
        .t = 2, .seconds = 1, .kernel = "portable", .trajectory = trajectory, .state = state};
    REQUIRE(ss_saved_run_write(result, &run, &saved) == SS_OK);
}

static bool believed(void)
{
    double trajectory[T + 1];
    double state[STATE];
    ss_saved_run saved = {.kernel = "portable", .trajectory = trajectory, .state = state};
    return ss_saved_run_read(result, &run, &saved);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    snprintf(result, sizeof result, "%s", path_in(make_folder(), "result.h5"));
    snprintf(state_path, sizeof state_path, "%s.partial/%016" PRIx64 ".state", result,
             ss_run_identity(&run));
    save();
    REQUIRE(believed());
    state_file = open(state_path, O_RDWR | O_CLOEXEC);
    REQUIRE(pread(state_file, valid, FILE_BYTES, 0) == FILE_BYTES);
    atexit(remove_files);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    REQUIRE(ftruncate(state_file, 0) == 0);
    REQUIRE(pwrite(state_file, data, size, 0) == (ssize_t)size);
    bool same = size == FILE_BYTES && memcmp(data, valid, size) == 0;
    REQUIRE(believed() == same);
    return 0;
}
