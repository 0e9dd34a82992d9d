#include "progress.h"

#include "../base/clock.h"
#include "../base/status_line.h"
#include "../base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static double interval(ss_progress_style style)
{
    return ss_status_interval(style == SS_PROGRESS_LIVE);
}

ss_progress ss_progress_begin(const char *name, ss_progress_style style, int ranks, int64_t total,
                              double predicted_seconds)
{
    double now = ss_clock_seconds();
    return (ss_progress){
        .name = name,
        .style = style,
        .ranks = ranks,
        .total = total,
        .predicted_total = predicted_seconds,
        .started = now,
        .next_report = now + interval(style),
    };
}

int64_t ss_progress_ended(const ss_progress *progress)
{
    return progress->results[SS_TASK_DONE] + progress->results[SS_TASK_DIVERGED] +
           progress->results[SS_TASK_FAILED];
}

double ss_progress_seconds_left(const ss_progress *progress)
{
    double correction =
        progress->predicted_ended > 0 ? progress->measured_ended / progress->predicted_ended : 1;
    double left = fmax(0, progress->predicted_total - progress->predicted_ended);
    int64_t tasks_left = progress->total - ss_progress_ended(progress);
    double ranks = (double)(tasks_left < progress->ranks ? tasks_left : progress->ranks);
    return tasks_left > 0 ? left * correction / ranks : 0;
}

static const char *describe_left(const ss_progress *progress, char *buffer, size_t size)
{
    double seconds = ss_progress_seconds_left(progress);
    if (ss_progress_ended(progress) == progress->total) {
        return "0 s";
    }
    if (ss_progress_ended(progress) == 0) {
        return "unknown";
    }
    return seconds < 1 ? "< 1 s" : ss_text_duration(seconds, buffer, size);
}

const char *ss_progress_rate(double per_second, char *buffer, size_t size)
{
    if (per_second > 0 && per_second < 0.1 / 60) {
        snprintf(buffer, size, "%.1f runs/h", 3600 * per_second);
    } else if (per_second > 0 && per_second < 0.1) {
        snprintf(buffer, size, "%.1f runs/min", 60 * per_second);
    } else {
        snprintf(buffer, size, "%.1f runs/s", per_second);
    }
    return buffer;
}

static void print(const ss_progress *progress)
{
    char left[32];
    char speed[32];
    int64_t ended = ss_progress_ended(progress);
    double elapsed = ss_clock_seconds() - progress->started;
    double rate = elapsed > 0 ? (double)ended / elapsed : 0;
    int64_t share = progress->total > 0 ? 100 * ended / progress->total : 100;
    ss_status_print(progress->style == SS_PROGRESS_LIVE,
                    "%s: %" PRId64 "/%" PRId64 " runs (%" PRId64 " %%), %s, ETA %s, %" PRId64
                    " diverged, %" PRId64 " failed",
                    progress->name, ended, progress->total, share,
                    ss_progress_rate(rate, speed, sizeof speed),
                    describe_left(progress, left, sizeof left), progress->results[SS_TASK_DIVERGED],
                    progress->results[SS_TASK_FAILED]);
}

void ss_progress_report(ss_progress *progress)
{
    if (progress->style == SS_PROGRESS_NONE) {
        return;
    }
    double now = ss_clock_seconds();
    if (now < progress->next_report) {
        return;
    }
    progress->next_report = now + interval(progress->style);
    print(progress);
}

void ss_progress_end(ss_progress *progress)
{
    if (progress->style == SS_PROGRESS_NONE) {
        return;
    }
    print(progress);
    if (progress->style == SS_PROGRESS_LIVE) {
        fputc('\n', stderr);
    }
}
