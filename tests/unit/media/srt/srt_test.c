/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The listener with real publishers: the ffmpeg command, and libsrt by hand. The test program is its own child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "media/srt/srt.h"
#define SRT_API_PLAIN
#include "media/srt/srt_api.h"

static char work[] = "/tmp/srt-test-XXXXXX";

/* ---- a receiver that remembers ---- */

enum { SAMPLES_MAX = 4096, FEEDS_MAX = 8 };

struct got {
    size_t track;
    int64_t dts, pts, arrived;
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
                                              .bytes = (uint32_t)s->data.len, .hash = slice_hash(s->data), .arrived = s->arrived.ns};
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

#define WAIT_UNTIL(condition)                                                       \
    do {                                                                            \
        pthread_mutex_lock(&recorder.mutex);                                        \
        while (!(condition)) pthread_cond_wait(&recorder.changed, &recorder.mutex); \
        pthread_mutex_unlock(&recorder.mutex);                                      \
    } while (0)

/* ---- helpers ---- */

static void shell(const char *format, ...) PRINTF_LIKE(1, 2);
static void shell(const char *format, ...) {
    char command[2048];
    va_list args;
    va_start(args, format);
    int at = snprintf(command, sizeof command, "cd %s && ", work);
    vsnprintf(command + at, sizeof command - (size_t)at, format, args);
    va_end(args);
    if (system(command)) {
        print_message("# failed: %s\n", command);
        fail();
    }
}

static struct srt_listener *listen_with(struct srt_options options) {
    if (!options.address) options.address = "127.0.0.1:0";
    options.admit = admit;
    options.admit_user = &recorder;
    options.receiver = (struct feed_receiver){.user = &recorder, .begin = begin, .tracks = tracks, .sample = sample, .cue = cue, .health = health, .end = end};
    struct srt_listener *l = NULL;
    struct err e = srt_listener_create(&options, &l);
    if (e.kind) print_message("# %s %s\n", e.code, e.what);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(srt_listener_start(l).kind, ERR_NONE);
    assert_true(srt_listener_port(l) > 0);
    return l;
}

static void forget(void) {
    for (size_t i = 0; i < recorder.count; i++) free(recorder.feeds[i]);
    recorder.count = recorder.ended = recorder.asked = 0;
    recorder.refuse_at_begin = NULL;
    recorder.refuse_after = 0;
}

/* A publisher by hand. Returns the socket, or the reject reason as a negative number. */
static int call(struct srt_listener *l, const char *streamid, const char *passphrase) {
    SRTSOCKET s = srt_create_socket();
    assert_true(s != SRT_INVALID_SOCK);
    int latency = 20;
    srt_setsockflag(s, SRTO_LATENCY, &latency, sizeof latency);
    assert_int_equal(srt_setsockflag(s, SRTO_STREAMID, streamid, (int)strlen(streamid)), 0);
    if (passphrase) assert_int_equal(srt_setsockflag(s, SRTO_PASSPHRASE, passphrase, (int)strlen(passphrase)), 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)srt_listener_port(l)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (!srt_connect(s, (struct sockaddr *)&to, sizeof to)) return s;
    int why = srt_getrejectreason(s);
    srt_close(s);
    return -why;
}

static struct slice read_whole(const char *name, struct buf *out) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", work, name);
    *out = BUF((size_t)64 << 20);
    assert_int_equal(fs_read_file(AT_FDCWD, path, out).kind, ERR_NONE);
    return buf_slice(out);
}

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

/* The film and the received samples of one kind: same bytes, same order, same distances in time. */
static void assert_same_samples(const char *film, enum cmaf_kind kind, const struct feed *f) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", work, film);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct cmaf_source *source;
    assert_int_equal(cmaf_source_open(fd, &source).kind, ERR_NONE);
    size_t track = 0, told = 0;
    while (cmaf_source_track_at(source, track)->track.kind != kind) track++;
    while (f->tracks[told].kind != kind) told++;
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
        if (g->bytes != s.bytes) print_message("# sample %zu has %u bytes, not %u, dts %ld; lost %ld dropped %ld of %ld\n", compared, g->bytes, s.bytes, (long)g->dts, (long)f->health.packets_lost, (long)f->health.packets_dropped, (long)f->health.packets);
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

/* ---- tests ---- */

static void make_film(const char *name, const char *picture, const char *sound) {
    shell("ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=320x180:rate=30:duration=3 -f lavfi -i sine=frequency=440:sample_rate=48000:duration=3 "
          "-map 0:v -map 1:a -pix_fmt yuv420p %s %s -ac 2 -metadata:s:a language=deu %s",
          picture, sound, name);
}

static void what_ffmpeg_sends_is_what_comes_out(void **state) {
    static const char *const PICTURES[] = {"-c:v libx264 -preset veryfast -g 30 -bf 2", "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=30:info=0 -tag:v hvc1"};
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 40});
    for (size_t i = 0; i < ARRAY_LEN(PICTURES); i++) {
        make_film("film.mp4", PICTURES[i], "-c:a aac");
        shell("ffmpeg -loglevel error -i film.mp4 -c copy -f mpegts 'srt://127.0.0.1:%d?streamid=publish:good%zu&linger=1'", srt_listener_port(l), i);
        WAIT_UNTIL(recorder.ended > i);
        const struct feed *f = recorder.feeds[i];
        if (f->end.kind) print_message("# %s after %zu samples\n", f->end.code, f->count);
        assert_int_equal(f->end.kind, ERR_NONE);
        assert_int_equal(f->track_count, 2);
        assert_int_equal(f->told, 1);
        assert_string_equal(f->tracks[1].language, "de");
        assert_non_null(strstr(f->agent, "SRT 1."));
        assert_same_samples("film.mp4", CMAF_VIDEO, f);
        assert_same_samples("film.mp4", CMAF_AUDIO, f);
    }
    srt_listener_destroy(&l);
    forget();
}

static void a_refusal_says_why(void **state) {
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 20, .publishers_max = 2});
    assert_int_equal(call(l, "publish:bad", NULL), -SRT_REJX_UNAUTHORIZED);
    assert_int_equal(call(l, "", NULL), -SRT_REJX_BAD_REQUEST);
    assert_int_equal(call(l, "#!::r=good1,m=request", NULL), -SRT_REJX_BAD_MODE);
    assert_int_equal(recorder.asked, 1); /* the others were not worth a question */
    SRTSOCKET first = call(l, "#!::r=good1,m=publish", NULL);
    assert_true(first > 0);
    WAIT_UNTIL(recorder.count == 1);
    assert_int_equal(call(l, "publish:good1", NULL), -SRT_REJX_CONFLICT);
    SRTSOCKET second = call(l, "good2", NULL);
    assert_true(second > 0);
    WAIT_UNTIL(recorder.count == 2);
    assert_int_equal(call(l, "good3", NULL), -SRT_REJX_OVERLOAD);
    srt_close(second);
    WAIT_UNTIL(recorder.ended == 1);
    while (srt_listener_publishers(l) > 1) sched_yield();
    assert_int_equal(call(l, "good3", "a passphrase nobody asked for"), -SRT_REJ_UNSECURE);
    recorder.refuse_at_begin = "good4"; /* what only begin knows, ends the call without a reason */
    SRTSOCKET fourth = call(l, "good4", NULL);
    assert_true(fourth > 0);
    while (srt_listener_publishers(l) > 1) sched_yield();
    assert_int_equal(recorder.count, 2);
    srt_close(fourth);
    srt_listener_stop(l); /* with a publisher that is still there */
    assert_int_equal(recorder.ended, 2);
    assert_string_equal(recorder.feeds[0]->end.code, "feed.stopping");
    assert_int_equal(recorder.feeds[1]->end.kind, ERR_NONE);
    srt_close(first);
    srt_listener_destroy(&l);
    forget();
}

static void a_passphrase_keeps_others_out(void **state) {
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 200, .passphrase = "correct horse battery"});
    assert_int_equal(call(l, "good1", NULL), -SRT_REJ_UNSECURE);
    assert_int_equal(call(l, "good1", "incorrect horse battery"), -SRT_REJ_BADSECRET);
    assert_int_equal(recorder.count, 0);
    SRTSOCKET s = call(l, "good1", "correct horse battery");
    assert_true(s > 0);
    make_film("film.mp4", "-c:v libx264 -preset veryfast -g 30", "-c:a aac");
    shell("ffmpeg -loglevel error -y -i film.mp4 -c copy film.ts");
    struct buf bytes;
    send_all(s, read_whole("film.ts", &bytes));
    wait_sent(s);
    srt_close(s);
    WAIT_UNTIL(recorder.ended == 1);
    assert_same_samples("film.mp4", CMAF_VIDEO, recorder.feeds[0]);
    buf_free(&bytes);
    srt_listener_destroy(&l);
    forget();
}

static void options_are_checked(void **state) {
    struct srt_listener *l = NULL, *other = NULL;
    static const char *const BAD[] = {"", "9000", "localhost:9000", "127.0.0.1:", "127.0.0.1:70000", "[::1:9000", "1.2.3.4.5:1"};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) assert_string_equal(srt_listener_create(&(struct srt_options){.address = BAD[i]}, &l).code, "srt.address");
    assert_string_equal(srt_listener_create(&(struct srt_options){.address = "127.0.0.1:0", .passphrase = "short"}, &l).code, "srt.passphrase");
    assert_null(l);
    assert_int_equal(srt_listener_create(&(struct srt_options){.address = "127.0.0.1:0"}, &l).kind, ERR_NONE);
    char address[40];
    snprintf(address, sizeof address, "127.0.0.1:%d", srt_listener_port(l));
    assert_string_equal(srt_listener_create(&(struct srt_options){.address = address}, &other).code, "srt.in_use");
    srt_listener_destroy(&l);
}

int main(int argc, char **argv) {
    const struct child_kind *const kinds[] = {&srt_child};
    child_main(argc, argv, kinds, 1);
    log_configure(getenv("SRT_TEST_LOG") ? LOG_INFO : LOG_ERROR, LOG_FORMAT_LOGFMT, 2);
    if (!mkdtemp(work) || srt_api_acquire().kind) return 2;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_ffmpeg_sends_is_what_comes_out),
        cmocka_unit_test(a_refusal_says_why),
        cmocka_unit_test(a_passphrase_keeps_others_out),
        cmocka_unit_test(options_are_checked),
    };
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    int failed = cmocka_run_group_tests_name("srt", tests, NULL, NULL);
    srt_api_release();
    return fs_remove_tree(AT_FDCWD, work).kind ? 1 : failed;
}
