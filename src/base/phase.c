#include "phase.h"

#include "clock.h"
#include "status_line.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

static const double silent_seconds = 1;  /* what is quick needs no words, … */
static const double deaf_seconds = 0.2;  /* … and had better end than be done again */
static const double look_seconds = 0.02; /* rarely enough to cost nothing, soon enough for people */

static struct {
    char name[64];
    bool live;
    ss_phase_stop *stop;
    void *context;
} here;

void ss_phase_speak(const char *name, bool live)
{
    snprintf(here.name, sizeof here.name, "%s", name ? name : "");
    here.live = live;
}

void ss_phase_listen(ss_phase_stop *stop, void *context)
{
    here.stop = stop;
    here.context = context;
}

ss_phase ss_phase_begin(const char *what, int64_t total)
{
    double now = ss_clock_seconds();
    return (ss_phase){
        .what = what,
        .total = total,
        .stride = 1,
        .began = now,
        .last_look = now,
        .next_word = now + silent_seconds,
    };
}

void ss_phase_end(ss_phase *phase)
{
    if (phase->spoken && here.live) {
        ss_status_clear();
    }
    phase->spoken = false;
}

static int64_t percent(const ss_phase *phase, int64_t done)
{
    return phase->total > 0 ? (int64_t)(100.0 * (double)done / (double)phase->total) : 100;
}

static void speak(ss_phase *phase, int64_t done, double now)
{
    ss_status_print(here.live, "%s: %s (%" PRId64 " %%)", here.name, phase->what,
                    percent(phase, done));
    phase->spoken = true;
    phase->next_word = now + ss_status_interval(here.live);
}

static ss_error look(ss_phase *phase, int64_t done)
{
    double now = ss_clock_seconds();
    if (now - phase->last_look < look_seconds / 2) {
        phase->stride *= 2;
    } else if (now - phase->last_look > 2 * look_seconds && phase->stride > 1) {
        phase->stride /= 2;
    }
    phase->last_look = now;
    phase->next_look = done + phase->stride;
    if (here.name[0] && now >= phase->next_word) {
        speak(phase, done, now);
    }
    if (here.stop && now - phase->began >= deaf_seconds && here.stop(here.context, phase->what)) {
        ss_phase_end(phase);
        return ss_fail(SS_ERR_STOPPED,
                       "stopped early, %s (%" PRId64 " %%); nothing is lost, and the same command "
                       "goes on",
                       phase->what, percent(phase, done));
    }
    return SS_OK;
}

ss_error ss_phase_step(ss_phase *phase, int64_t done)
{
    return done < phase->next_look ? SS_OK : look(phase, done);
}
