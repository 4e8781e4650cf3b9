/* SPDX-License-Identifier: AGPL-3.0-or-later
 * An SRT listener for benchmarks that only counts.
 *   srt_counter LATENCY_MS
 * Prints {"port":N} first. Each line on standard input is answered by what came since the last one:
 * {"publishers":N,"samples":N,"bytes":N,"delay_ms_p50":N,"delay_ms_p99":N}, where a delay is from the moment at which the publisher sent the last byte of
 * a picture to the moment at which the picture is handed out. Ends when its standard input is closed. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "media/srt/srt.h"

enum { DELAYS_MAX = 1 << 18 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static float delays_ms[DELAYS_MAX];
static size_t delay_count;
static uint64_t samples, bytes;
static size_t picture_of[1024], feeds;

static struct err begin(void *user, const struct feed_hello *hello, void **feed) {
    pthread_mutex_lock(&mutex);
    *feed = &picture_of[feeds++ % 1024];
    pthread_mutex_unlock(&mutex);
    return ERR_OK;
}

static struct err tracks(void *feed, const struct cmaf_track *told, size_t count) {
    size_t *picture = feed;
    for (size_t i = 0; i < count; i++)
        if (told[i].kind == CMAF_VIDEO) *picture = i;
    return ERR_OK;
}

static struct err sample(void *feed, const struct feed_sample *s) {
    int64_t now = clock_utc(clock_system()).ns;
    pthread_mutex_lock(&mutex);
    samples++;
    bytes += s->data.len;
    if (s->track == *(size_t *)feed && delay_count < DELAYS_MAX) delays_ms[delay_count++] = (float)(now - s->arrived.ns) / NS_PER_MS;
    pthread_mutex_unlock(&mutex);
    return ERR_OK;
}

static void cue(void *feed, struct slice section, int64_t pts, uint32_t timescale) {}
static void health(void *feed, const struct feed_health *h) {}
static void end(void *feed, struct err why) {}

static int compare(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
    const struct child_kind *const kinds[] = {&srt_child};
    child_main(argc, argv, kinds, ARRAY_LEN(kinds));
    log_configure(LOG_ERROR, LOG_FORMAT_LOGFMT, 2);
    struct srt_options options = {.address = "127.0.0.1:0", .latency_ms = argc > 1 ? atoi(argv[1]) : 0,
                                  .receiver = {.begin = begin, .tracks = tracks, .sample = sample, .cue = cue, .health = health, .end = end}};
    struct srt_listener *l = NULL;
    struct err e = srt_listener_create(&options, &l);
    if (!e.kind) e = srt_listener_start(l);
    if (e.kind) {
        fprintf(stderr, "%s\n", e.what);
        return 1;
    }
    printf("{\"port\":%d}\n", srt_listener_port(l));
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        pthread_mutex_lock(&mutex);
        qsort(delays_ms, delay_count, sizeof *delays_ms, compare);
        printf("{\"publishers\":%zu,\"samples\":%llu,\"bytes\":%llu,\"delay_ms_p50\":%.2f,\"delay_ms_p99\":%.2f}\n", srt_listener_publishers(l), (unsigned long long)samples,
               (unsigned long long)bytes, delay_count ? (double)delays_ms[delay_count / 2] : 0, delay_count ? (double)delays_ms[delay_count * 99 / 100] : 0);
        samples = bytes = delay_count = 0;
        pthread_mutex_unlock(&mutex);
        fflush(stdout);
    }
    srt_listener_destroy(&l);
    return 0;
}
