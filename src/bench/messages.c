#include "messages.h"

#include "../base/clock.h"
#include "../sched/member.h"
#include "bench.h"

#include <stddef.h>

/* Requests that each worker sends before rank 0 looks: few enough for eager buffers. */
enum { WAITING = 64, ROUNDS = 100, QUICK_ROUNDS = 10 };

static void send_request(MPI_Comm comm)
{
    ss_report report = {.wants_work = 1};
    MPI_Send(&report, sizeof report, MPI_BYTE, 0, SS_TAG_REPORT, comm);
}

static void await_answer(MPI_Comm comm)
{
    ss_batch_message batch;
    MPI_Recv(&batch, sizeof batch, MPI_BYTE, 0, SS_TAG_WORK, comm, MPI_STATUS_IGNORE);
}

/* As rank 0 does it: looks, receives, answers with one span. */
static void serve_one(MPI_Comm comm)
{
    int waiting = 0;
    MPI_Status status;
    ss_report report;
    ss_batch_message batch = {.span_count = 1};
    while (!waiting) {
        MPI_Iprobe(MPI_ANY_SOURCE, SS_TAG_REPORT, comm, &waiting, &status);
    }
    MPI_Recv(&report, sizeof report, MPI_BYTE, status.MPI_SOURCE, SS_TAG_REPORT, comm,
             MPI_STATUS_IGNORE);
    MPI_Send(&batch, (int)(offsetof(ss_batch_message, spans) + sizeof(ss_span)), MPI_BYTE,
             status.MPI_SOURCE, SS_TAG_WORK, comm);
}

/* Seconds a message when all of them wait already; rank 0's are what counts. */
static double service_once(MPI_Comm comm, int rank, int ranks)
{
    for (int i = 0; i < WAITING && rank > 0; i++) {
        send_request(comm);
    }
    MPI_Barrier(comm); /* the requests have been sent before it, so they come before its end */
    double start = ss_clock_seconds();
    int messages = WAITING * (ranks - 1);
    for (int i = 0; i < messages && rank == 0; i++) {
        serve_one(comm);
    }
    double seconds = (ss_clock_seconds() - start) / messages;
    for (int i = 0; i < WAITING && rank > 0; i++) {
        await_answer(comm);
    }
    return seconds;
}

/* Seconds from a request of rank 1 to its answer, when both do nothing else. */
static double round_trip_once(MPI_Comm comm, int rank)
{
    MPI_Barrier(comm);
    double start = ss_clock_seconds();
    for (int i = 0; i < WAITING; i++) {
        if (rank == 0) {
            serve_one(comm);
        } else if (rank == 1) {
            send_request(comm);
            await_answer(comm);
        }
    }
    return (ss_clock_seconds() - start) / WAITING;
}

ss_message_costs ss_message_costs_measure(MPI_Comm comm, bool quick)
{
    double service[ROUNDS];
    double round_trip[ROUNDS];
    int rank;
    int ranks;
    size_t rounds = quick ? QUICK_ROUNDS : ROUNDS;
    ss_message_costs costs = {0};
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    if (ranks > 1) {
        for (size_t round = 0; round < rounds; round++) {
            service[round] = service_once(comm, rank, ranks);
            round_trip[round] = round_trip_once(comm, rank);
        }
        costs = (ss_message_costs){
            .round_trip = ss_bench_median(round_trip, rounds),
            .service = ss_bench_median(service, rounds),
        };
        MPI_Bcast(&costs, sizeof costs, MPI_BYTE, 0, comm);
    }
    return costs;
}
