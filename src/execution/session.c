#include "session.h"

#include "../base/heartbeat.h"
#include "../base/phase.h"
#include "../base/process.h"

#include "saddlesweep/store.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a process without mpirun; "" for none. Open MPI has one folder a host for all such processes:
 * what ends removes it, with what another one is just about to open. */
static char own_folder[512];

static void make_own_folder(void)
{
    const char *temporary = getenv("TMPDIR");
    int length = snprintf(own_folder, sizeof own_folder, "%s/saddlesweep.XXXXXX",
                          temporary && temporary[0] ? temporary : "/tmp");
    if (getenv("OMPI_MCA_orte_tmpdir_base") || length >= (int)sizeof own_folder ||
        !mkdtemp(own_folder)) {
        own_folder[0] = '\0';
        return;
    }
    setenv("OMPI_MCA_orte_tmpdir_base", own_folder, 1);
}

static int remove_one(const char *path, const struct stat *information, int kind, struct FTW *place)
{
    (void)information;
    (void)kind;
    (void)place;
    remove(path);
    return 0;
}

static void remove_own_folder(void)
{
    if (own_folder[0]) {
        nftw(own_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
}

/* Open MPI's own MPI-IO opens a shared file pointer with every file, though nobody uses it: in
 * shared memory named by the file's last name, whatever its folder, which a kill leaves behind and
 * a full TMPDIR ends with SIGBUS. ROMIO, which MPICH has, too, does not. Where there is none, or it
 * is not wanted, the pointer is at least in files. */
static void prefer_plain_files(void)
{
    setenv("OMPI_MCA_io_ompio_priority", "0", 0);
    setenv("OMPI_MCA_sharedfp", "individual", 0);
}

/* This process's rank, as a launcher that MPI knows has told it; NULL: there is none. */
static const char *launched_rank(void)
{
    static const char *const variables[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
    const char *rank = NULL;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0] && !rank; i++) {
        rank = getenv(variables[i]);
    }
    return rank;
}

bool ss_session_is_first(void)
{
    const char *rank = launched_rank() ? launched_rank() : getenv("SLURM_PROCID");
    return !rank || strcmp(rank, "0") == 0;
}

ss_error ss_session_check_launcher(void)
{
    const char *tasks = getenv("SLURM_STEP_ID") ? getenv("SLURM_STEP_NUM_TASKS") : NULL;
    return launched_rank() || !tasks || strcmp(tasks, "1") == 0
               ? SS_OK
               : ss_fail(SS_ERR_USAGE,
                         "srun has started %s tasks without telling them of each other; use `srun "
                         "--mpi=pmix` (`srun --mpi=list` says what there is), or mpirun",
                         tasks);
}

ss_session ss_session_begin(void)
{
    ss_session session;
    if (!launched_rank()) {
        /* Alone: spares Open MPI the daemon that it would start for later spawning. In a step of
         * srun, an interactive shell say, it would look for the others in vain, and abort. */
        setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
        unsetenv("SLURM_STEP_ID");
        make_own_folder();
    }
    signal(SIGXFSZ,
           SIG_IGN); /* a file-size limit then is an error of the write, like a full disk */
    /* Containers forbid reading another process's memory, by which Open MPI copies messages over
     * 4 KiB between ranks of one node; ours are few. */
    setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
    prefer_plain_files();
    ss_store_begin();
    /* A rank whose mpirun is killed now would wait in MPI_Init for ever. */
    ss_heartbeat *guard =
        launched_rank() ? ss_heartbeat_begin(0.2, ss_process_end_if_orphan, NULL) : NULL;
    MPI_Init(NULL, NULL);
    ss_heartbeat_end(&guard);
    MPI_Comm_dup(MPI_COMM_WORLD, &session.comm);
    MPI_Comm_rank(session.comm, &session.rank);
    MPI_Comm_size(session.comm, &session.ranks);
    if (session.rank > 0) {
        ss_phase_speak(NULL, false);
    }
    return session;
}

int ss_session_end(ss_session *session, ss_error error, int status)
{
    int mine = error == SS_OK ? status : ss_error_exit_status(error);
    int agreed = 0;
    /* A signal that all ranks have heard is told once. */
    int speaker = error == SS_ERR_STOPPED ? session->rank : session->ranks;
    MPI_Allreduce(MPI_IN_PLACE, &speaker, 1, MPI_INT, MPI_MIN, session->comm);
    if (error == SS_ERR_ELSEWHERE) {
        mine = 0; /* the rank that met the error says which */
    } else if (error == SS_ERR_STOPPED) {
        if (session->rank == speaker) {
            printf("%s\n", ss_error_text());
        }
    } else if (error != SS_OK && session->ranks > 1 && session->rank > 0) {
        fprintf(stderr, "error: rank %d: %s\n", session->rank, ss_error_text());
    } else if (error != SS_OK) {
        fprintf(stderr, "error: %s\n", ss_error_text());
    }
    MPI_Allreduce(&mine, &agreed, 1, MPI_INT, MPI_MAX, session->comm);
    MPI_Comm_free(&session->comm);
    MPI_Finalize();
    remove_own_folder();
    return agreed;
}
