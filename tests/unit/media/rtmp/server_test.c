/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The server and the publisher against each other over loopback, and strangers on raw sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/thread.h"
#include "hex.h"
#include "media/rtmp/rtmp.h"
#include "recorder.h"

#define KEY "very-secret-key-7c1d"
#define WRONG_KEY "wrong-secret-key-99"

static struct recorder *recorder;
static struct rtmp_server *server;
static struct clock *hand; /* turned by hand */
static int log_fd;
static char url[128];

static void start(struct rtmp_server_options o) {
    o.address = "127.0.0.1:0";
    o.clock = hand;
    o.receiver = recorder_receiver(recorder);
    assert_int_equal(rtmp_server_create(&server, &o).kind, ERR_NONE);
    assert_int_equal(rtmp_server_start(server).kind, ERR_NONE);
    snprintf(url, sizeof url, "rtmp://127.0.0.1:%u/live/" KEY, rtmp_server_port(server));
}

static int begin(void **state) {
    log_fd = memfd_create("log", MFD_CLOEXEC);
    log_configure(LOG_DEBUG, LOG_FORMAT_LOGFMT, log_fd);
    recorder = recorder_create();
    recorder->key = KEY;
    hand = clock_manual_create((struct utc_time){INT64_C(1800000000) * NS_PER_S});
    return 0;
}

static size_t read_log(char *out, size_t size) {
    ssize_t got = pread(log_fd, out, size - 1, 0);
    out[got > 0 ? got : 0] = 0;
    return got > 0 ? (size_t)got : 0;
}

/* Whatever a test does: no key, right or wrong, is in any line. */
static int end(void **state) {
    static char text[1 << 20];
    rtmp_server_destroy(&server);
    read_log(text, sizeof text);
    int has_key = strstr(text, KEY) || strstr(text, WRONG_KEY);
    close(log_fd);
    log_configure(LOG_INFO, LOG_FORMAT_LOGFMT, 2);
    recorder_destroy(recorder);
    clock_manual_destroy(&hand);
    return has_key;
}

static struct rtmp_publisher *publisher_at(const char *address) {
    struct rtmp_publisher_options o = {.url = address, .chunk_bytes = 1000};
    struct rtmp_publisher *p = NULL;
    assert_int_equal(rtmp_publisher_create(&p, &o).kind, ERR_NONE);
    return p;
}

static struct slice avcc, asc;
static void fill_tracks(struct cmaf_track tracks[2]) {
    if (!avcc.ptr) avcc = hex(AVCC_1080), asc = hex(ASC_48000);
    tracks[0] = (struct cmaf_track){.kind = CMAF_VIDEO, .codec = CMAF_H264, .timescale = 90000, .config = avcc, .width = 1920, .height = 1080, .rate_num = 30, .rate_den = 1};
    tracks[1] = (struct cmaf_track){.kind = CMAF_AUDIO, .codec = CMAF_AAC, .timescale = 48000, .config = asc, .sample_rate = 48000, .channels = 2};
}

enum { BIG_BYTES = 300000 };
static struct feed_sample sample_number(int i, char *bytes) {
    bool is_video = i % 2 == 0;
    struct feed_sample s = {.track = is_video ? 0 : 1, .is_sync = !is_video || i % 20 == 0};
    size_t len = is_video ? (i % 20 == 0 ? BIG_BYTES : 5000) : 300;
    for (size_t n = 0; n < len; n++) bytes[n] = (char)(n * 7 + (size_t)i);
    if (is_video) { /* one NAL unit */
        bytes[0] = (char)((len - 4) >> 24);
        bytes[1] = (char)((len - 4) >> 16);
        bytes[2] = (char)((len - 4) >> 8);
        bytes[3] = (char)(len - 4);
        bytes[4] = s.is_sync ? 0x65 : 0x41;
    }
    s.dts = is_video ? (i / 2) * 3600 : (i / 2) * 1920; /* 40 ms each */
    s.pts = s.dts + (is_video ? 7200 : 0);
    s.data = slice_of(bytes, len);
    return s;
}

static void what_is_sent_arrives(void **state) {
    start((struct rtmp_server_options){0});
    struct rtmp_publisher *p = publisher_at(url);
    assert_int_equal(rtmp_publisher_connect(p).kind, ERR_NONE);
    assert_string_equal(recorder->last_key, KEY);
    assert_string_equal(recorder->last_agent, "FMLE/3.0 (compatible; Grandstand)");
    struct cmaf_track tracks[2];
    fill_tracks(tracks);
    assert_int_equal(rtmp_publisher_tracks(p, tracks, 2).kind, ERR_NONE);
    char *bytes = malloc(BIG_BYTES);
    for (int i = 0; i < 200; i++) {
        struct feed_sample s = sample_number(i, bytes);
        s.captured = (struct utc_time){clock_utc(hand).ns + i / 2 * 40 * NS_PER_MS - 500 * NS_PER_MS};
        s.clock_source = s.track ? FEED_CLOCK_ARRIVAL : FEED_CLOCK_REFERENCE;
        assert_int_equal(rtmp_publisher_sample(p, &s).kind, ERR_NONE);
    }
    assert_true(rtmp_publisher_bytes(p) > 10 * BIG_BYTES);
    rtmp_publisher_end(p);
    RECORDER_WAIT(recorder, recorder->ended == 1);
    assert_int_equal(recorder->why.kind, ERR_NONE);
    assert_int_equal(recorder->told, 1);
    assert_int_equal(recorder->sample_count, 200);
    for (int i = 0; i < 200; i++) {
        struct feed_sample wanted = sample_number(i, bytes), *s = &recorder->samples[i].sample;
        assert_int_equal(s->track, wanted.track);
        assert_int_equal(s->is_sync, wanted.is_sync);
        assert_int_equal(s->dts, wanted.dts); /* whole milliseconds survive */
        assert_int_equal(s->pts, wanted.pts);
        assert_true(slice_eq(s->data, wanted.data));
        /* Captured half a second before it was sent; sound is shown 80 ms before the picture that was sent with it. */
        int64_t captured = clock_utc(hand).ns + (i / 2 * 40 - 500 - (s->track ? 80 : 0)) * NS_PER_MS;
        assert_int_equal(s->clock_source, FEED_CLOCK_TIMECODE);
        assert_true(llabs(s->captured.ns - captured) <= NS_PER_MS);
    }
    free(bytes);
    rtmp_publisher_destroy(&p);
    struct rtmp_server_counters c;
    rtmp_server_count(server, &c);
    assert_int_equal(c.publishes_accepted, 1);
    assert_int_equal(c.publishers_now, 0);
}

/* All codings that have a name, and several sounds. */
static void enhanced_codings_go_through(void **state) {
    start((struct rtmp_server_options){0});
    struct slice hvcc = hex(HVCC_HDR), dops = hex("000201380000bb80000000");
    struct cmaf_track tracks[3];
    fill_tracks(tracks);
    tracks[0].codec = CMAF_HEVC;
    tracks[0].config = hvcc;
    tracks[2] = (struct cmaf_track){.kind = CMAF_AUDIO, .codec = CMAF_OPUS, .timescale = 48000, .config = dops, .sample_rate = 48000, .channels = 2};
    struct rtmp_publisher *p = publisher_at(url);
    assert_int_equal(rtmp_publisher_connect(p).kind, ERR_NONE);
    assert_int_equal(rtmp_publisher_tracks(p, tracks, 3).kind, ERR_NONE);
    struct slice picture = hex("000000032601af"), sound = hex("fcb406");
    for (int i = 0; i < 30; i++) {
        struct feed_sample s = {.track = (size_t)i % 3, .is_sync = true, .dts = i / 3 * 900, .pts = i / 3 * 900 + (i % 3 ? 0 : 1800), .data = i % 3 ? sound : picture};
        assert_int_equal(rtmp_publisher_sample(p, &s).kind, ERR_NONE);
    }
    rtmp_publisher_end(p);
    RECORDER_WAIT(recorder, recorder->ended == 1);
    assert_int_equal(recorder->track_count, 3);
    assert_int_equal(recorder->tracks[0].codec, CMAF_HEVC);
    assert_int_equal(recorder->tracks[2].codec, CMAF_OPUS);
    assert_true(slice_eq(recorder->tracks[0].config, hvcc) && slice_eq(recorder->tracks[2].config, dops));
    assert_int_equal(recorder->sample_count, 30);
    assert_int_equal(recorder->samples[3].sample.pts, 900 + 1800);
    rtmp_publisher_destroy(&p);
    free((void *)hvcc.ptr);
    free((void *)dops.ptr);
    free((void *)picture.ptr);
    free((void *)sound.ptr);
}

static void a_wrong_key_is_refused_and_never_logged(void **state) {
    start((struct rtmp_server_options){0});
    char address[160];
    static char text[1 << 16];
    static const char *const PATHS[] = {"live/" WRONG_KEY, "live/" WRONG_KEY "/x", WRONG_KEY "/" WRONG_KEY, "live/" WRONG_KEY "?user=" WRONG_KEY};
    for (size_t i = 0; i < ARRAY_LEN(PATHS); i++) {
        snprintf(address, sizeof address, "rtmp://127.0.0.1:%u/%s", rtmp_server_port(server), PATHS[i]);
        struct rtmp_publisher *p = publisher_at(address);
        struct err e = rtmp_publisher_connect(p);
        assert_int_equal(e.kind, ERR_DENIED);
        assert_string_equal(e.code, "rtmp.refused");
        assert_string_equal(rtmp_publisher_words(p), i == 2 ? "There is nothing at this address. It ends in /live/ and the stream key." : "There is no channel with this key.");
        rtmp_publisher_destroy(&p);
    }
    assert_true(read_log(text, sizeof text) > 0);
    assert_non_null(strstr(text, "refused"));
    assert_null(strstr(text, WRONG_KEY));
    assert_int_equal(recorder->begun, 0);
    assert_int_equal(recorder->ended, 0);
}

static void a_publisher_that_stalls_is_ended(void **state) {
    start((struct rtmp_server_options){.stall_ms_max = 10000});
    struct rtmp_publisher *p = publisher_at(url);
    struct cmaf_track tracks[2];
    fill_tracks(tracks);
    assert_int_equal(rtmp_publisher_connect(p).kind, ERR_NONE);
    assert_int_equal(rtmp_publisher_tracks(p, tracks, 2).kind, ERR_NONE);
    char *bytes = malloc(BIG_BYTES);
    struct feed_sample s = sample_number(0, bytes);
    assert_int_equal(rtmp_publisher_sample(p, &s).kind, ERR_NONE);
    RECORDER_WAIT(recorder, recorder->sample_count == 1);
    clock_manual_advance(hand, 9 * NS_PER_S);
    RECORDER_WAIT(recorder, recorder->healths >= 1);
    assert_int_equal(recorder->ended, 0);
    assert_true(recorder->health.bytes > BIG_BYTES);
    clock_manual_advance(hand, 2 * NS_PER_S);
    RECORDER_WAIT(recorder, recorder->ended == 1);
    assert_string_equal(recorder->why.code, "rtmp.stalled");
    struct err e = ERR_OK;
    for (int i = 1; i < 100000 && !e.kind; i++) { /* the publisher hears of it, in words */
        s = sample_number(i * 2 + 1, bytes);
        e = rtmp_publisher_sample(p, &s);
    }
    assert_true(e.kind == ERR_DENIED || e.kind == ERR_IO);
    if (e.kind == ERR_DENIED) assert_string_equal(rtmp_publisher_words(p), "The encoder stopped sending without closing the connection.");
    free(bytes);
    rtmp_publisher_destroy(&p);
}

static int dial(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(rtmp_server_port(server)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* How long nothing is asserted; that it ends, yes (the test's own timeout watches). */
static bool is_closed_by_server(int fd) {
    char bytes[4096];
    ssize_t got;
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0) continue;
    return true;
}

static void strangers_do_not_shut_an_encoder_out(void **state) {
    start((struct rtmp_server_options){.waiting_max = 8});
    int fds[40];
    for (int i = 0; i < 40; i++) { /* connect and say nothing, or half a hello */
        fds[i] = dial();
        if (i % 2) assert_int_equal(send(fds[i], "\3abc", 4, MSG_NOSIGNAL), 4);
    }
    struct rtmp_publisher *p = publisher_at(url);
    assert_int_equal(rtmp_publisher_connect(p).kind, ERR_NONE);
    struct rtmp_server_counters c;
    rtmp_server_count(server, &c);
    assert_true(c.pushed_out >= 32);
    rtmp_publisher_end(p);
    RECORDER_WAIT(recorder, recorder->ended == 1);
    clock_manual_advance(hand, 11 * NS_PER_S); /* those that are left have had their time */
    for (int i = 0; i < 40; i++) {
        assert_true(is_closed_by_server(fds[i]));
        close(fds[i]);
    }
    rtmp_publisher_destroy(&p);
}

static void other_protocols_are_sent_away(void **state) {
    start((struct rtmp_server_options){0});
    static const char *const WORDS[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00", "\6", "SSH-2.0-x\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(WORDS); i++) {
        int fd = dial();
        assert_true(send(fd, WORDS[i], strlen(WORDS[i]), MSG_NOSIGNAL) > 0);
        assert_true(is_closed_by_server(fd));
        close(fd);
    }
    struct rtmp_server_counters c;
    rtmp_server_count(server, &c);
    assert_int_equal(c.handshakes_failed, ARRAY_LEN(WORDS));
}

static void the_number_of_publishers_is_bounded(void **state) {
    start((struct rtmp_server_options){.publishers_max = 2});
    struct rtmp_publisher *p[3];
    for (int i = 0; i < 3; i++) p[i] = publisher_at(url);
    assert_int_equal(rtmp_publisher_connect(p[0]).kind, ERR_NONE);
    assert_int_equal(rtmp_publisher_connect(p[1]).kind, ERR_NONE);
    assert_int_equal(rtmp_publisher_connect(p[2]).kind, ERR_DENIED);
    assert_string_equal(rtmp_publisher_words(p[2]), "The server takes no more live pictures at present.");
    rtmp_publisher_end(p[0]);
    RECORDER_WAIT(recorder, recorder->ended == 1);
    for (;;) { /* the place is free as soon as `end` has returned */
        struct rtmp_server_counters c;
        rtmp_server_count(server, &c);
        if (c.publishers_now == 1) break;
    }
    assert_int_equal(rtmp_publisher_connect(p[2]).kind, ERR_NONE);
    for (int i = 0; i < 3; i++) rtmp_publisher_destroy(&p[i]);
    RECORDER_WAIT(recorder, recorder->ended == 3);
}

static void the_receiver_ends_a_publisher(void **state) {
    start((struct rtmp_server_options){0});
    recorder->sample_error = err_make(ERR_CONFLICT, "feed.taken", "Another encoder has taken over this channel.");
    struct rtmp_publisher *p = publisher_at(url);
    struct cmaf_track tracks[2];
    fill_tracks(tracks);
    assert_int_equal(rtmp_publisher_connect(p).kind, ERR_NONE);
    assert_int_equal(rtmp_publisher_tracks(p, tracks, 2).kind, ERR_NONE);
    char *bytes = malloc(BIG_BYTES);
    struct err e = ERR_OK;
    for (int i = 0; !e.kind; i++) {
        struct feed_sample s = sample_number(i, bytes);
        e = rtmp_publisher_sample(p, &s);
    }
    assert_true(e.kind == ERR_DENIED || e.kind == ERR_IO); /* told, or cut off while it was sending */
    RECORDER_WAIT(recorder, recorder->ended == 1);
    assert_string_equal(recorder->why.code, "feed.taken");
    free(bytes);
    rtmp_publisher_destroy(&p);
}

struct sender {
    struct thread *thread;
    struct rtmp_publisher *publisher;
    atomic_bool *is_over;
    struct err e;
};

static void send_for_ever(void *arg) {
    struct sender *s = arg;
    struct cmaf_track tracks[2];
    char *bytes = malloc(BIG_BYTES);
    fill_tracks(tracks);
    s->e = rtmp_publisher_connect(s->publisher);
    if (!s->e.kind) s->e = rtmp_publisher_tracks(s->publisher, tracks, 2);
    for (int i = 1; !s->e.kind && !atomic_load(s->is_over); i++) {
        struct feed_sample sample = sample_number(i % 2 ? i : i + 2 * (i % 20 == 0), bytes);
        s->e = rtmp_publisher_sample(s->publisher, &sample);
    }
    free(bytes);
}

static void the_server_stops_under_load(void **state) {
    start((struct rtmp_server_options){0});
    enum { SENDERS = 6 };
    struct sender senders[SENDERS];
    atomic_bool is_over = false;
    struct cmaf_track tracks[2];
    fill_tracks(tracks); /* makes the shared configurations before the threads read them */
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.publisher = publisher_at(url), .is_over = &is_over};
        assert_int_equal(thread_start(&senders[i].thread, "sender", send_for_ever, &senders[i]).kind, ERR_NONE);
    }
    int idle = dial();
    RECORDER_WAIT(recorder, recorder->begun == SENDERS && recorder->sample_count > 200);
    rtmp_server_stop(server);
    assert_int_equal(recorder->ended, SENDERS); /* no call is under way any more */
    size_t samples = recorder->sample_count;
    assert_string_equal(recorder->why.code, "feed.stopping");
    assert_true(is_closed_by_server(idle));
    close(idle);
    atomic_store(&is_over, true);
    for (int i = 0; i < SENDERS; i++) {
        thread_join(&senders[i].thread);
        rtmp_publisher_destroy(&senders[i].publisher);
    }
    assert_int_equal(recorder->sample_count, samples);
    rtmp_server_stop(server);
}

/* Random bytes behind a good beginning, by many at once: the server goes on. */
static void nonsense_from_many(void **state) {
    start((struct rtmp_server_options){0});
    for (unsigned seed = 0; seed < 24; seed++) {
        struct rtmp_publisher *p = publisher_at(url);
        assert_int_equal(rtmp_publisher_connect(p).kind, ERR_NONE);
        struct cmaf_track t = {.kind = CMAF_AUDIO, .codec = seed % 2 ? CMAF_MP3 : CMAF_AC3, .timescale = 48000, .sample_rate = 48000, .channels = 2};
        assert_int_equal(rtmp_publisher_tracks(p, &t, 1).kind, ERR_NONE);
        char noise[3000];
        for (size_t i = 0; i < sizeof noise; i++) noise[i] = (char)((i + seed) * 2654435761u >> 13);
        struct feed_sample s = {.data = slice_of(noise, sizeof noise)};
        for (int i = 0; i < 20; i++) {
            s.dts = s.pts = i * 1000;
            if (rtmp_publisher_sample(p, &s).kind) break;
        }
        rtmp_publisher_destroy(&p);
    }
    RECORDER_WAIT(recorder, recorder->ended == 24);
    struct rtmp_publisher *p = publisher_at(url);
    assert_int_equal(rtmp_publisher_connect(p).kind, ERR_NONE);
    rtmp_publisher_destroy(&p);
}

static void addresses(void **state) {
    static const char *const GOOD[] = {"rtmp://h/live/k", "rtmp://h:1/live/k", "rtmp://[::1]:1935/live/k", "rtmp://[::1]/live/k", "rtmp://h/a/b/c?x=/y"};
    static const char *const BAD[] = {"", "http://h/live/k", "rtmps://h/live/k", "rtmp://h", "rtmp://h/", "rtmp://h/live", "rtmp://h/live/", "rtmp://h:0/live/k",
                                      "rtmp://h:65536/live/k", "rtmp:///live/k", "rtmp://h:/live/k", "rtmp://[::1/live/k", "rtmp://h//k"};
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
        struct rtmp_publisher *p = publisher_at(GOOD[i]);
        rtmp_publisher_destroy(&p);
    }
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct rtmp_publisher_options o = {.url = BAD[i]};
        struct rtmp_publisher *p = NULL;
        struct err e = rtmp_publisher_create(&p, &o);
        assert_string_equal(e.code, "rtmp.url");
        assert_null(p);
    }
    static const char *const NOWHERE[] = {"127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":1", "host:1", "[::1:5", "1.2.3:5"};
    for (size_t i = 0; i < ARRAY_LEN(NOWHERE); i++) {
        struct rtmp_server_options o = {.address = NOWHERE[i], .receiver = recorder_receiver(recorder)};
        struct rtmp_server *s = NULL;
        assert_string_equal(rtmp_server_create(&s, &o).code, "rtmp.address");
    }
    start((struct rtmp_server_options){0});
    char same[32];
    snprintf(same, sizeof same, "127.0.0.1:%u", rtmp_server_port(server));
    struct rtmp_server_options o = {.address = same, .receiver = recorder_receiver(recorder)};
    struct rtmp_server *other;
    assert_int_equal(rtmp_server_create(&other, &o).kind, ERR_NONE);
    struct err e = rtmp_server_start(other);
    assert_int_equal(e.kind, ERR_CONFLICT);
    assert_string_equal(e.code, "rtmp.bind");
    rtmp_server_destroy(&other);
}

static void nobody_there(void **state) {
    start((struct rtmp_server_options){0});
    struct rtmp_publisher *p = publisher_at(url);
    rtmp_server_destroy(&server);
    struct err e = rtmp_publisher_connect(p);
    assert_string_equal(e.code, "rtmp.connect");
    struct rtmp_retry retry = {0};
    struct err wrong = err_make(ERR_INPUT, "rtmp.tracks", "No.");
    assert_string_equal(rtmp_publisher_retry(p, &retry, wrong).code, "rtmp.tracks"); /* trying again does not help: at once */
    rtmp_publisher_destroy(&p);
}

/* The whole way with the n-th allocation failing: both ends report, nothing leaks, and the server goes on. */
static void every_allocation_may_fail(void **state) {
    start((struct rtmp_server_options){0});
    unsigned failures = 0, quiet = 0;
    for (uint64_t nth = 1; quiet < 3; nth++) { /* allocations of two threads take turns: three quiet runs, to be sure */
        unsigned ended = recorder->ended;
        recorder_forget(recorder);
        fault_arm(FAULT_ALLOC, nth, false);
        struct rtmp_publisher_options o = {.url = url};
        struct rtmp_publisher *p = NULL;
        struct cmaf_track tracks[2];
        fill_tracks(tracks);
        char bytes[5000];
        struct err e = rtmp_publisher_create(&p, &o);
        if (!e.kind) e = rtmp_publisher_connect(p);
        bool did_begin = !e.kind;
        if (!e.kind) e = rtmp_publisher_tracks(p, tracks, 2);
        for (int i = 1; i < 8 && !e.kind; i++) {
            struct feed_sample s = sample_number(i, bytes);
            e = rtmp_publisher_sample(p, &s);
        }
        if (p) rtmp_publisher_end(p);
        rtmp_publisher_destroy(&p);
        if (did_begin) RECORDER_WAIT(recorder, recorder->ended > ended);
        bool did_fire = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        failures += did_fire;
        quiet += !did_fire;
        if (!did_fire) {
            assert_int_equal(e.kind, ERR_NONE);
            assert_int_equal(recorder->sample_count, 7);
        }
    }
    assert_true(failures > 15);
}

static int clean(void **state) {
    free((void *)avcc.ptr);
    free((void *)asc.ptr);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_sent_arrives),
        TEST(enhanced_codings_go_through),
        TEST(a_wrong_key_is_refused_and_never_logged),
        TEST(a_publisher_that_stalls_is_ended),
        TEST(strangers_do_not_shut_an_encoder_out),
        TEST(other_protocols_are_sent_away),
        TEST(the_number_of_publishers_is_bounded),
        TEST(the_receiver_ends_a_publisher),
        TEST(the_server_stops_under_load),
        TEST(nonsense_from_many),
        TEST(addresses),
        TEST(nobody_there),
        TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, clean);
}
