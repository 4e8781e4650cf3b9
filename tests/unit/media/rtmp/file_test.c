/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A file goes out in real time: tiny ones, of our own writer, to our own server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "hex.h"
#include "media/rtmp/rtmp.h"
#include "recorder.h"

enum { SAMPLES = 6, SAMPLE_MS = 5 };

static struct recorder *recorder;
static struct rtmp_server *server;
static char url[128];
static int film = -1;

/* Six pictures of 5 ms, two of them key frames, shown 10 ms after they are decoded. */
static int write_film(void) {
    struct slice config = hex(AVCC_1080);
    struct cmaf_track t = {.kind = CMAF_VIDEO, .codec = CMAF_H264, .timescale = 1000, .config = config, .width = 1920, .height = 1080, .rate_num = 200, .rate_den = 1};
    int fd = memfd_create("film", MFD_CLOEXEC);
    struct cmaf_writer *w;
    struct arena *mem = arena_create(1 << 20);
    struct cmaf_index index;
    assert_int_equal(cmaf_writer_open(&t, &(struct cmaf_writer_options){.fd = fd}, &w).kind, ERR_NONE);
    char bytes[SAMPLES][8];
    for (int i = 0; i < SAMPLES; i++) {
        bool is_key = i % 3 == 0;
        memcpy(bytes[i], (const char[8]){0, 0, 0, 4, is_key ? 0x65 : 0x41, (char)i, 7, 7}, 8);
        struct cmaf_sample s = {.dts = i * SAMPLE_MS, .pts = i * SAMPLE_MS + 10, .duration = SAMPLE_MS, .bytes = 8, .is_sync = is_key, .data = bytes[i]};
        assert_int_equal(cmaf_writer_add(w, &s).kind, ERR_NONE);
    }
    assert_int_equal(cmaf_writer_finish(w, mem, &index).kind, ERR_NONE);
    cmaf_writer_close(&w);
    arena_destroy(&mem);
    free((void *)config.ptr);
    return fd;
}

static int begin(void **state) {
    log_configure(LOG_ERROR, LOG_FORMAT_LOGFMT, 2);
    recorder = recorder_create();
    film = write_film();
    struct rtmp_server_options o = {.address = "127.0.0.1:0", .receiver = recorder_receiver(recorder)};
    assert_int_equal(rtmp_server_create(&server, &o).kind, ERR_NONE);
    assert_int_equal(rtmp_server_start(server).kind, ERR_NONE);
    snprintf(url, sizeof url, "rtmp://127.0.0.1:%u/live/key", rtmp_server_port(server));
    return 0;
}

static int end(void **state) {
    rtmp_server_destroy(&server);
    recorder_destroy(recorder);
    close(film);
    return 0;
}

static void once_and_in_a_loop(void **state) {
    struct rtmp_file_progress p;
    struct rtmp_file_options o = {.publisher.url = url, .fd = film};
    assert_int_equal(rtmp_publish_file(&o, &p).kind, ERR_NONE);
    RECORDER_WAIT(recorder, recorder->ended == 1);
    assert_int_equal(p.samples, SAMPLES);
    assert_int_equal(recorder->sample_count, SAMPLES);
    for (int i = 0; i < SAMPLES; i++) {
        const struct feed_sample *s = &recorder->samples[i].sample;
        assert_int_equal(s->dts - recorder->samples[0].sample.dts, i * SAMPLE_MS * 90);
        assert_int_equal(s->pts - s->dts, 900);
        assert_int_equal(s->is_sync, i % 3 == 0);
        assert_int_equal(s->data.ptr[5], i);
    }
    recorder_forget(recorder);
    o.loops = true;
    o.ms_max = 100;
    assert_int_equal(rtmp_publish_file(&o, &p).kind, ERR_NONE);
    RECORDER_WAIT(recorder, recorder->ended == 2);
    assert_true(p.rounds >= 1 && recorder->sample_count > SAMPLES);
    for (size_t i = 1; i < recorder->sample_count; i++) { /* times go on where the file begins again */
        assert_int_equal(recorder->samples[i].sample.dts - recorder->samples[i - 1].sample.dts, SAMPLE_MS * 90);
        assert_int_equal(recorder->samples[i].sample.data.ptr[5], i % SAMPLES);
    }
}

static void what_cannot_be_sent(void **state) {
    struct rtmp_file_progress p;
    int words = memfd_create("words", MFD_CLOEXEC);
    assert_int_equal(write(words, "no film at all", 14), 14);
    struct rtmp_file_options o = {.publisher.url = url, .fd = words};
    assert_string_equal(rtmp_publish_file(&o, &p).code, "source.not_mp4");
    assert_int_equal(recorder->begun, 0); /* nobody was bothered */
    close(words);
    uint64_t bytes = (uint64_t)lseek(film, 0, SEEK_END);
    assert_int_equal(ftruncate(film, (off_t)bytes - 12), 0); /* the last pictures are gone */
    o.fd = film;
    struct err e = rtmp_publish_file(&o, &p);
    assert_int_equal(e.kind, ERR_INPUT);
    o.publisher.url = "rtmp://nowhere";
    assert_string_equal(rtmp_publish_file(&o, &p).code, "rtmp.url");
}

static bool is_stopped(void *user) { return atomic_load((atomic_bool *)user); }

static void stopped_before_it_begins(void **state) {
    atomic_bool stop = true;
    struct rtmp_file_progress p;
    struct rtmp_file_options o = {.publisher = {.url = url, .is_cancelled = is_stopped, .user = &stop}, .fd = film, .keeps = true, .loops = true};
    assert_int_equal(rtmp_publish_file(&o, &p).kind, ERR_CANCELLED);
}

/* The n-th allocation or read fails, on either end: it ends with an error or whole, nothing leaks, nobody waits for ever. */
static void every_allocation_and_read_may_fail(void **state) {
    static const enum fault_point POINTS[] = {FAULT_ALLOC, FAULT_READ};
    for (size_t point = 0; point < ARRAY_LEN(POINTS); point++) {
        unsigned failures = 0, quiet = 0;
        for (uint64_t nth = 1; quiet < 2; nth++) {
            unsigned begun = recorder->begun, ended = recorder->ended;
            recorder_forget(recorder);
            fault_arm(POINTS[point], nth, false);
            struct rtmp_file_progress p;
            struct rtmp_file_options o = {.publisher.url = url, .fd = film};
            struct err e = rtmp_publish_file(&o, &p);
            pthread_mutex_lock(&recorder->mutex);
            while (recorder->begun > begun && recorder->ended == ended) pthread_cond_wait(&recorder->changed, &recorder->mutex);
            pthread_mutex_unlock(&recorder->mutex);
            bool did_fire = fault_fired(POINTS[point]);
            fault_disarm_all();
            failures += did_fire;
            quiet += !did_fire;
            if (!did_fire) assert_true(!e.kind && recorder->sample_count == SAMPLES);
            else assert_true(e.kind || recorder->sample_count == SAMPLES || recorder->why.kind);
        }
        assert_true(failures > (POINTS[point] == FAULT_ALLOC ? 20 : 5));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(once_and_in_a_loop),
        TEST(what_cannot_be_sent),
        TEST(stopped_before_it_begins),
        TEST(every_allocation_and_read_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
