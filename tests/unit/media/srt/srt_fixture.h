/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * srt_fixture.h: a listener whose receiver remembers all that comes, callers by hand, and films to send. For one program: what is here is its own. */
#ifndef TESTS_SRT_FIXTURE_H
#define TESTS_SRT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "media/srt/srt.h"
#define SRT_API_PLAIN
#include "media/srt/srt_api.h"
#include "work_folder.h"

/* ---- a receiver that remembers ---- */

enum { SAMPLES_MAX = 4096, FEEDS_MAX = 8, WAIT_S_MAX = 60 };

struct got {
    size_t track;
    int64_t dts, pts, arrived, captured;
    enum feed_clock_source clock_source;
    uint32_t duration, bytes;
    bool is_sync;
    uint64_t hash;
};

struct recorder;
struct feed {
    struct recorder *of;
    char key[64], agent[32];
    struct cmaf_track tracks[FEED_TRACKS_MAX];
    size_t track_count, told;
    struct got samples[SAMPLES_MAX];
    size_t count;
    struct feed_health health;
    size_t healths;
    struct scte_cue {
        int64_t pts;
        size_t bytes;
    } cue;
    size_t cues;
    bool has_ended;
    struct err end;
};

struct recorder {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct feed *feeds[FEEDS_MAX];
    size_t count, ended, asked;
    const char *refuse_at_begin; /* a key */
    size_t refuse_after;         /* samples; 0: never */
    bool holds;                  /* sample() waits while this is true */
};

static struct recorder recorder = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct err admit(void *user, const struct feed_hello *hello) {
    struct recorder *r = user;
    pthread_mutex_lock(&r->mutex);
    r->asked++;
    bool is_taken = false;
    for (size_t i = 0; i < r->count; i++) is_taken |= slice_eq(slice_cstr(r->feeds[i]->key), hello->key) && !r->feeds[i]->has_ended;
    pthread_mutex_unlock(&r->mutex);
    assert_true(slice_eq(slice_cstr(hello->protocol), SLICE("srt")));
    if (!slice_starts_with(hello->key, SLICE("good"))) return err_make(ERR_DENIED, "feed.key", "This is no stream key of ours.");
    return is_taken ? err_make(ERR_CONFLICT, "feed.taken", "Somebody publishes already.") : ERR_OK;
}

static struct err begin(void *user, const struct feed_hello *hello, void **feed) {
    struct recorder *r = user;
    if (r->refuse_at_begin && slice_eq(hello->key, slice_cstr(r->refuse_at_begin))) return err_make(ERR_DENIED, "feed.key", "This is no stream key of ours.");
    struct feed *f = calloc(1, sizeof *f);
    f->of = r;
    snprintf(f->key, sizeof f->key, "%.*s", SLICE_ARG(hello->key));
    snprintf(f->agent, sizeof f->agent, "%.*s", SLICE_ARG(hello->agent));
    pthread_mutex_lock(&r->mutex);
    assert_true(r->count < FEEDS_MAX);
    r->feeds[r->count++] = f;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
    *feed = f;
    return ERR_OK;
}

static struct err tracks(void *feed, const struct cmaf_track *told, size_t count) {
    struct feed *f = feed;
    pthread_mutex_lock(&f->of->mutex);
    memcpy(f->tracks, told, count * sizeof *told);
    f->track_count = count;
    f->told++;
    pthread_cond_broadcast(&f->of->changed);
    pthread_mutex_unlock(&f->of->mutex);
    return ERR_OK;
}

static struct err sample(void *feed, const struct feed_sample *s) {
    struct feed *f = feed;
    pthread_mutex_lock(&f->of->mutex);
    while (f->of->holds) pthread_cond_wait(&f->of->changed, &f->of->mutex);
    assert_true(s->track < f->track_count);
    if (f->count < SAMPLES_MAX)
        f->samples[f->count++] = (struct got){.track = s->track, .dts = s->dts, .pts = s->pts, .duration = s->duration, .is_sync = s->is_sync,
                                              .bytes = (uint32_t)s->data.len, .hash = slice_hash(s->data), .arrived = s->arrived.ns,
                                              .captured = s->captured.ns, .clock_source = s->clock_source};
    bool is_enough = f->of->refuse_after && f->count >= f->of->refuse_after;
    pthread_cond_broadcast(&f->of->changed);
    pthread_mutex_unlock(&f->of->mutex);
    return is_enough ? err_make(ERR_CANCELLED, "feed.cut", "Enough.") : ERR_OK;
}

static void cue(void *feed, struct slice section, int64_t pts, uint32_t timescale) {
    struct feed *f = feed;
    assert_int_equal(timescale, 90000);
    pthread_mutex_lock(&f->of->mutex);
    f->cue = (struct scte_cue){.pts = pts, .bytes = section.len};
    f->cues++;
    pthread_cond_broadcast(&f->of->changed);
    pthread_mutex_unlock(&f->of->mutex);
}

static void health(void *feed, const struct feed_health *h) {
    struct feed *f = feed;
    pthread_mutex_lock(&f->of->mutex);
    f->health = *h;
    f->healths++;
    pthread_cond_broadcast(&f->of->changed);
    pthread_mutex_unlock(&f->of->mutex);
}

static void end(void *feed, struct err why) {
    struct feed *f = feed;
    pthread_mutex_lock(&f->of->mutex);
    assert_false(f->has_ended);
    f->has_ended = true;
    f->end = why;
    f->of->ended++;
    pthread_cond_broadcast(&f->of->changed);
    pthread_mutex_unlock(&f->of->mutex);
}

/* What has not come by then never will: the test says so instead of waiting until somebody ends it. */
#define WAIT_UNTIL(condition)                                                                                 \
    do {                                                                                                      \
        struct timespec limit;                                                                                \
        clock_gettime(CLOCK_REALTIME, &limit);                                                                \
        limit.tv_sec += WAIT_S_MAX;                                                                           \
        bool is_so, is_late = false;                                                                          \
        pthread_mutex_lock(&recorder.mutex);                                                                  \
        while (!(is_so = (condition)) && !is_late)                                                            \
            is_late = pthread_cond_timedwait(&recorder.changed, &recorder.mutex, &limit) == ETIMEDOUT;        \
        pthread_mutex_unlock(&recorder.mutex);                                                                \
        if (!is_so) fail_msg("waited %d s for %s: %zu began, %zu ended", WAIT_S_MAX, #condition, recorder.count, recorder.ended); \
    } while (0)

/* ---- helpers ---- */

static struct srt_listener *listening; /* of the running test */

static struct srt_listener *listen_with(struct srt_options options) {
    if (!options.address) options.address = "127.0.0.1:0";
    options.admit = admit;
    options.admit_user = &recorder;
    options.receiver = (struct feed_receiver){.user = &recorder, .begin = begin, .tracks = tracks, .sample = sample, .cue = cue, .health = health, .end = end};
    struct err e = srt_listener_create(&options, &listening);
    if (e.kind) print_message("# %s %s\n", e.code, e.what);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(srt_listener_start(listening).kind, ERR_NONE);
    assert_true(srt_listener_port(listening) > 0);
    return listening;
}

static void forget(void) {
    for (size_t i = 0; i < recorder.count; i++) free(recorder.feeds[i]);
    recorder.count = recorder.ended = recorder.asked = 0;
    recorder.refuse_at_begin = NULL;
    recorder.refuse_after = 0;
}

/* After each test, also one that failed: what it left would fail the next. */
static int close_listener(void **state) {
    pthread_mutex_lock(&recorder.mutex);
    recorder.holds = false;
    pthread_cond_broadcast(&recorder.changed);
    pthread_mutex_unlock(&recorder.mutex);
    srt_listener_destroy(&listening);
    forget();
    return 0;
}

/* A caller by hand. Returns the socket, or the reject reason as a negative number. */
static int call_at(int port, const char *streamid, const char *passphrase) {
    SRTSOCKET s = srt_create_socket();
    assert_true(s != SRT_INVALID_SOCK);
    int latency = 20, patience_ms = 30000;
    srt_setsockflag(s, SRTO_CONNTIMEO, &patience_ms, sizeof patience_ms);
    srt_setsockflag(s, SRTO_LATENCY, &latency, sizeof latency);
    assert_int_equal(srt_setsockflag(s, SRTO_STREAMID, streamid, (int)strlen(streamid)), 0);
    if (passphrase) assert_int_equal(srt_setsockflag(s, SRTO_PASSPHRASE, passphrase, (int)strlen(passphrase)), 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (!srt_connect(s, (struct sockaddr *)&to, sizeof to)) return s;
    int why = srt_getrejectreason(s);
    srt_close(s);
    return -why;
}

static int call(struct srt_listener *l, const char *streamid, const char *passphrase) { return call_at(srt_listener_port(l), streamid, passphrase); }

/* A caller that is let in. libsrt says so before the listener has seen it; who hangs up in between was never there. */
static SRTSOCKET publish_at(int port, const char *streamid, const char *passphrase) {
    size_t before = recorder.count;
    int s = call_at(port, streamid, passphrase);
    assert_true(s > 0);
    WAIT_UNTIL(recorder.count > before);
    return s;
}

static SRTSOCKET publish(struct srt_listener *l, const char *streamid) { return publish_at(srt_listener_port(l), streamid, NULL); }

static void send_all(SRTSOCKET s, struct slice bytes) {
    while (bytes.len) {
        size_t len = bytes.len < 1316 ? bytes.len : 1316;
        size_t waiting = 0, waiting_bytes = 0;
        while (!srt_getsndbuffer(s, &waiting, &waiting_bytes) && waiting > 16) usleep(500); /* not faster than the receiver takes it */
        if (srt_sendmsg(s, bytes.ptr, (int)len, -1, 1) < 0) fail_msg("%s", srt_getlasterror_str());
        bytes = slice_sub(bytes, len, bytes.len);
    }
}

static void wait_sent(SRTSOCKET s) { /* closing at once would take back what is under way */
    for (;;) {
        size_t blocks = 0, bytes = 0;
        if (srt_getsndbuffer(s, &blocks, &bytes) < 0 || !blocks) return;
        usleep(1000);
    }
}

static void make_film(const char *name, const char *picture, const char *sound) {
    shell("ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=320x180:rate=30:duration=1.5 -f lavfi -i sine=frequency=440:sample_rate=48000:duration=1.5 "
          "-map 0:v -map 1:a -pix_fmt yuv420p %s %s -ac 2 -metadata:s:a language=deu %s",
          picture, sound, name);
}

/* The film by hand, as a transport stream: quicker than waiting for ffmpeg to say goodbye. */
static void publish_film_at(int port, const char *streamid, bool waits) {
    shell("ffmpeg -loglevel error -y -i film.mp4 -c copy film.ts");
    struct buf bytes;
    struct slice stream = work_read("film.ts", &bytes);
    SRTSOCKET s = publish_at(port, streamid, NULL);
    send_all(s, stream);
    if (waits) wait_sent(s);
    srt_close(s);
    buf_free(&bytes);
}

static void assert_ended_well(const struct feed *f) {
    if (f->end.kind) fail_msg("%s after %zu samples", f->end.code, f->count);
}

/* The film and the received samples of one kind: same bytes, same order, same distances in time. */
static void assert_same_samples(const char *film, enum cmaf_kind kind, const struct feed *f) {
    int fd = work_open(film);
    struct cmaf_source *source;
    assert_int_equal(cmaf_source_open(fd, &source).kind, ERR_NONE);
    size_t track = 0, told = 0;
    while (cmaf_source_track_at(source, track)->track.kind != kind) track++;
    while (told < f->track_count && f->tracks[told].kind != kind) told++;
    assert_true(told < f->track_count);
    const struct cmaf_track *t = &cmaf_source_track_at(source, track)->track, *u = &f->tracks[told];
    assert_int_equal(t->codec, u->codec);
    assert_string_equal(t->codec_string, u->codec_string);
    assert_int_equal(t->width, u->width);
    assert_int_equal(t->height, u->height);
    assert_int_equal(t->sample_rate, u->sample_rate);
    assert_int_equal(t->channels, u->channels);
    struct cmaf_cursor *cursor;
    assert_int_equal(cmaf_cursor_open(source, track, &cursor).kind, ERR_NONE);
    int64_t offset = INT64_MAX;
    size_t at = 0, compared = 0;
    for (;;) {
        struct cmaf_sample s;
        bool has_sample;
        assert_int_equal(cmaf_cursor_next(cursor, &s, &has_sample).kind, ERR_NONE);
        while (at < f->count && f->samples[at].track != told) at++;
        if (!has_sample) break;
        if (at == f->count) fail_msg("only %zu samples of kind %d came", compared, kind);
        const struct got *g = &f->samples[at++];
        char *bytes = malloc(s.bytes);
        assert_int_equal(pread(fd, bytes, s.bytes, (off_t)s.source_offset), s.bytes);
        if (g->bytes != s.bytes) print_message("# sample %zu has %u bytes, not %u, dts %ld; %ld packets lost, %ld given up of %ld\n", compared, g->bytes, s.bytes, (long)g->dts, (long)f->health.packets_lost, (long)f->health.packets_dropped, (long)f->health.packets);
        assert_int_equal(g->bytes, s.bytes);
        assert_true(g->hash == slice_hash(slice_of(bytes, s.bytes)));
        free(bytes);
        assert_int_equal(g->is_sync, s.is_sync);
        int64_t dts = s.dts * u->timescale / t->timescale, pts = s.pts * u->timescale / t->timescale;
        if (offset == INT64_MAX) offset = g->dts - dts;
        assert_true(llabs(g->dts - dts - offset) <= 1);
        assert_true(llabs(g->pts - pts - offset) <= 1);
        compared++;
    }
    assert_int_equal(at, f->count);
    assert_true(compared > 30);
    cmaf_cursor_close(&cursor);
    cmaf_source_close(&source);
    close(fd);
}

#endif
