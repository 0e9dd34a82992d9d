#include "drain.h"

#include "saddlesweep/sched.h"

#include <signal.h>
#include <stddef.h>

static const int drain_signals[] = {SIGTERM, SIGINT, SIGUSR1};
enum { DRAIN_SIGNALS = sizeof drain_signals / sizeof drain_signals[0] };

static volatile sig_atomic_t requested;
static int depth; /* of nested begins */
static struct sigaction former[DRAIN_SIGNALS];

static void request(int signal_number)
{
    requested = 1;
    if (signal_number == SIGINT) {
        signal(SIGINT, SIG_DFL); /* async-signal-safe; the next one ends the process */
    }
}

void ss_sched_signals_begin(void)
{
    if (depth++ > 0) {
        return;
    }
    struct sigaction action = {.sa_handler = request, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    requested = 0;
    for (int i = 0; i < DRAIN_SIGNALS; i++) {
        sigaction(drain_signals[i], &action, &former[i]);
    }
}

void ss_sched_signals_end(void)
{
    if (--depth > 0) {
        return;
    }
    for (int i = 0; i < DRAIN_SIGNALS; i++) {
        sigaction(drain_signals[i], &former[i], NULL);
    }
}

int ss_drain_requested(void)
{
    return requested;
}
