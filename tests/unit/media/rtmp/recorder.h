/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * recorder.h: a feed_receiver that keeps what it is given. Calls come on the server's threads; what a test reads it reads after an event that
 * it waited for, or after the end. */
#ifndef TESTS_RTMP_RECORDER_H
#define TESTS_RTMP_RECORDER_H

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "media/feed/feed.h"

enum { RECORDED_MAX = 4096, RECORDED_TRACKS_MAX = 32 };

struct recorded_sample {
    struct feed_sample sample;
    char *bytes;
    size_t told; /* how many times `tracks` had been called */
};
struct recorder {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const char *key;             /* NULL: any */
    struct err refusal;          /* of begin, for the right key */
    struct err sample_error;     /* of each sample, if any */
    unsigned begun, ended, healths, cues;
    char last_key[FEED_KEY_BYTES_MAX + 1], last_agent[256];
    struct err why;
    size_t told, track_count;    /* told: calls of `tracks` */
    struct cmaf_track tracks[FEED_TRACKS_MAX];
    char configs[FEED_TRACKS_MAX][256];
    struct recorded_sample samples[RECORDED_MAX];
    size_t sample_count;
    struct feed_health health;
    size_t cue_bytes;
    int64_t cue_pts;
};

static inline void recorder_change(struct recorder *r) {
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
}

static struct err recorder_begin(void *user, const struct feed_hello *hello, void **feed) {
    struct recorder *r = user;
    struct err e = r->refusal;
    if (r->key && !slice_eq(hello->key, slice_cstr(r->key)))
        e = err_make(ERR_DENIED, "feed.key", "There is no channel with this key.");
    pthread_mutex_lock(&r->mutex);
    memset(r->last_key, 0, sizeof r->last_key);
    memcpy(r->last_key, hello->key.ptr, hello->key.len);
    memset(r->last_agent, 0, sizeof r->last_agent);
    memcpy(r->last_agent, hello->agent.ptr, hello->agent.len);
    r->begun += !e.kind;
    recorder_change(r);
    *feed = r;
    return e;
}

static struct err recorder_tracks(void *feed, const struct cmaf_track *tracks, size_t count) {
    struct recorder *r = feed;
    pthread_mutex_lock(&r->mutex);
    assert(count && count <= FEED_TRACKS_MAX);
    for (size_t i = 0; i < count; i++) {
        r->tracks[i] = tracks[i];
        assert(tracks[i].config.len < sizeof r->configs[i]);
        memcpy(r->configs[i], tracks[i].config.ptr ? tracks[i].config.ptr : "", tracks[i].config.len);
        r->tracks[i].config.ptr = r->configs[i];
    }
    r->track_count = count;
    r->told++;
    recorder_change(r);
    return ERR_OK;
}

static struct err recorder_sample(void *feed, const struct feed_sample *s) {
    struct recorder *r = feed;
    pthread_mutex_lock(&r->mutex);
    assert(r->told && s->track < r->track_count);
    if (r->sample_count < RECORDED_MAX && !r->sample_error.kind) {
        struct recorded_sample *to = &r->samples[r->sample_count++];
        to->sample = *s;
        to->told = r->told;
        to->bytes = malloc(s->data.len ? s->data.len : 1);
        memcpy(to->bytes, s->data.ptr, s->data.len);
        to->sample.data.ptr = to->bytes;
    }
    struct err e = r->sample_error;
    recorder_change(r);
    return e;
}

static void recorder_cue(void *feed, struct slice section, int64_t pts, uint32_t timescale) {
    struct recorder *r = feed;
    r->cues++;
    r->cue_bytes = section.len;
    r->cue_pts = pts;
}

static void recorder_health(void *feed, const struct feed_health *h) {
    struct recorder *r = feed;
    pthread_mutex_lock(&r->mutex);
    r->health = *h;
    r->healths++;
    recorder_change(r);
}

static void recorder_end(void *feed, struct err why) {
    struct recorder *r = feed;
    pthread_mutex_lock(&r->mutex);
    r->ended++;
    r->why = why;
    recorder_change(r);
}

static inline struct recorder *recorder_create(void) {
    struct recorder *r = calloc(1, sizeof *r);
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->changed, NULL);
    return r;
}

static inline void recorder_forget(struct recorder *r) {
    for (size_t i = 0; i < r->sample_count; i++) free(r->samples[i].bytes);
    r->sample_count = r->told = r->track_count = 0;
}

static inline void recorder_destroy(struct recorder *r) {
    recorder_forget(r);
    pthread_mutex_destroy(&r->mutex);
    pthread_cond_destroy(&r->changed);
    free(r);
}

static inline struct feed_receiver recorder_receiver(struct recorder *r) {
    return (struct feed_receiver){.user = r, .begin = recorder_begin, .tracks = recorder_tracks, .sample = recorder_sample, .cue = recorder_cue,
                                  .health = recorder_health, .end = recorder_end};
}

/* Until the condition holds; the meson timeout ends a test that waits in vain. */
#define RECORDER_WAIT(r, condition)                                                       \
    do {                                                                                  \
        pthread_mutex_lock(&(r)->mutex);                                                  \
        while (!(condition)) pthread_cond_wait(&(r)->changed, &(r)->mutex);               \
        pthread_mutex_unlock(&(r)->mutex);                                                \
    } while (0)

#endif
