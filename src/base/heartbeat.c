#include "heartbeat.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct ss_heartbeat {
    double seconds;
    void (*beat)(void *context);
    void *context;
    bool ended;
    pthread_mutex_t mutex; /* of `ended` */
    pthread_cond_t wake;
    pthread_t thread;
};

static void *go_on(void *context)
{
    ss_heartbeat *h = context;
    pthread_mutex_lock(&h->mutex);
    while (!h->ended) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        int64_t next = (int64_t)((h->seconds + (double)now.tv_sec) * 1e9) + now.tv_nsec;
        struct timespec then = {.tv_sec = next / 1000000000, .tv_nsec = next % 1000000000};
        pthread_cond_timedwait(&h->wake, &h->mutex, &then);
        h->beat(h->context);
    }
    pthread_mutex_unlock(&h->mutex);
    return NULL;
}

ss_heartbeat *ss_heartbeat_begin(double seconds, void (*beat)(void *context), void *context)
{
    ss_heartbeat *h = calloc(1, sizeof *h);
    if (!h) {
        return NULL;
    }
    h->seconds = seconds;
    h->beat = beat;
    h->context = context;
    pthread_mutex_init(&h->mutex, NULL);
    pthread_cond_init(&h->wake, NULL);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&h->thread, NULL, go_on, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        free(h);
        h = NULL;
    }
    return h;
}

void ss_heartbeat_end(ss_heartbeat **heartbeat)
{
    ss_heartbeat *h = *heartbeat;
    *heartbeat = NULL;
    if (h) {
        pthread_mutex_lock(&h->mutex);
        h->ended = true;
        pthread_cond_signal(&h->wake);
        pthread_mutex_unlock(&h->mutex);
        pthread_join(h->thread, NULL);
        pthread_cond_destroy(&h->wake);
        pthread_mutex_destroy(&h->mutex);
        free(h);
    }
}
