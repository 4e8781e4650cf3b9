/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The listener with real publishers: the ffmpeg command, and libsrt by hand. The test program is its own child. */
#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "srt_fixture.h"
#include "ts_maker.h"

/* What ThreadSanitizer sees inside of libsrt is libsrt's: it was not built for it. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) { return "race:libsrt-gnutls.so\ndeadlock:libsrt-gnutls.so\n"; }

static void what_ffmpeg_sends_is_what_comes_out(void **state) {
    static const char *const PICTURES[] = {"-c:v libx264 -preset veryfast -g 30 -bf 2", "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=30:info=0 -tag:v hvc1"};
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 200});
    for (size_t i = 0; i < ARRAY_LEN(PICTURES); i++) {
        make_film("film.mp4", PICTURES[i], "-c:a aac");
        if (i == 0) shell("ffmpeg -loglevel error -i film.mp4 -c copy -f mpegts 'srt://127.0.0.1:%d?streamid=publish:good0&linger=1'", srt_listener_port(l));
        else publish_film_at(srt_listener_port(l), "publish:good1", true);
        WAIT_UNTIL(recorder.ended > i);
        const struct feed *f = recorder.feeds[i];
        assert_ended_well(f);
        assert_int_equal(f->track_count, 2);
        assert_int_equal(f->told, 1);
        assert_string_equal(f->tracks[1].language, "de");
        assert_non_null(strstr(f->agent, "SRT 1."));
        assert_same_samples("film.mp4", CMAF_VIDEO, f);
        assert_same_samples("film.mp4", CMAF_AUDIO, f);
    }
}

/* The first child does not know how to decode it; the second one gets all from the beginning. */
static void sound_that_must_be_decoded_loses_nothing(void **state) {
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 200});
    shell("ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=320x180:rate=30:duration=1.5 -f lavfi -i sine=frequency=440:sample_rate=48000:duration=1.5 "
          "-pix_fmt yuv420p -c:v libx264 -preset veryfast -g 30 -bf 2 -c:a mp2 -ac 2 film.mp4");
    publish_film_at(srt_listener_port(l), "good", true);
    WAIT_UNTIL(recorder.ended == 1);
    const struct feed *f = recorder.feeds[0];
    assert_ended_well(f);
    assert_int_equal(f->told, 1);
    assert_int_equal(f->track_count, 2);
    assert_int_equal(f->tracks[1].codec, CMAF_AAC);
    assert_same_samples("film.mp4", CMAF_VIDEO, f);
    size_t sounds = 0;
    for (size_t i = 0; i < f->count; i++) sounds += f->samples[i].track == 1;
    assert_in_range(sounds, 66, 73); /* 1.5 s are 70 frames, and priming */
}

static void a_refusal_says_why(void **state) {
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 20, .publishers_max = 2});
    assert_int_equal(call(l, "publish:bad", NULL), -SRT_REJX_UNAUTHORIZED);
    assert_int_equal(call(l, "", NULL), -SRT_REJX_BAD_REQUEST);
    assert_int_equal(call(l, "#!::r=good1,m=request", NULL), -SRT_REJX_BAD_MODE);
    assert_int_equal(recorder.asked, 1); /* the others were not worth a question */
    SRTSOCKET first = publish(l, "#!::r=good1,m=publish");
    assert_int_equal(call(l, "publish:good1", NULL), -SRT_REJX_CONFLICT);
    SRTSOCKET second = publish(l, "good2");
    assert_int_equal(call(l, "good3", NULL), -SRT_REJX_OVERLOAD);
    srt_close(second);
    WAIT_UNTIL(recorder.ended == 1);
    while (srt_listener_publishers(l) > 1) sched_yield();
    assert_int_equal(call(l, "good3", "a passphrase nobody asked for"), -SRT_REJ_UNSECURE);
    recorder.refuse_at_begin = "good4"; /* what only begin knows, ends the call without a reason */
    SRTSOCKET fourth = call(l, "good4", NULL);
    assert_true(fourth >= 0); /* 0: hung up on before it had even connected */
    while (srt_listener_publishers(l) > 1) sched_yield();
    assert_int_equal(recorder.count, 2);
    if (fourth) srt_close(fourth);
    srt_listener_stop(l); /* with a publisher that is still there */
    assert_int_equal(recorder.ended, 2);
    assert_string_equal(recorder.feeds[0]->end.code, "feed.stopping");
    assert_ended_well(recorder.feeds[1]);
    srt_close(first);
}

static void a_passphrase_keeps_others_out(void **state) {
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 200, .passphrase = "correct horse battery"});
    assert_int_equal(call(l, "good1", NULL), -SRT_REJ_UNSECURE);
    assert_int_equal(call(l, "good1", "incorrect horse battery"), -SRT_REJ_BADSECRET);
    assert_int_equal(recorder.count, 0);
    SRTSOCKET s = publish_at(srt_listener_port(l), "good1", "correct horse battery");
    make_film("film.mp4", "-c:v libx264 -preset veryfast -g 30", "-c:a aac");
    shell("ffmpeg -loglevel error -y -i film.mp4 -c copy film.ts");
    struct buf bytes;
    send_all(s, work_read("film.ts", &bytes));
    wait_sent(s);
    srt_close(s);
    WAIT_UNTIL(recorder.ended == 1);
    assert_same_samples("film.mp4", CMAF_VIDEO, recorder.feeds[0]);
    buf_free(&bytes);
}

/* ---- a bad way: datagrams between caller and listener are lost, doubled and overtake each other ---- */

struct proxy {
    int near, far; /* towards the caller, towards the listener */
    struct sockaddr_in caller;
    struct thread *thread;
    atomic_bool must_stop;
    unsigned lose_every, swap_every;
    uint64_t seen, lost;
};

static void proxy_run(void *arg) {
    struct proxy *p = arg;
    char held[2048], packet[2048];
    ssize_t held_len = 0;
    while (!atomic_load(&p->must_stop)) {
        struct pollfd fds[] = {{.fd = p->near, .events = POLLIN}, {.fd = p->far, .events = POLLIN}};
        if (poll(fds, 2, 20) <= 0) {
            if (held_len) (void)!send(p->far, held, (size_t)held_len, 0), held_len = 0;
            continue;
        }
        if (fds[1].revents) {
            ssize_t got = recv(p->far, packet, sizeof packet, 0);
            if (got > 0) (void)!sendto(p->near, packet, (size_t)got, 0, (struct sockaddr *)&p->caller, sizeof p->caller);
        }
        if (!fds[0].revents) continue;
        socklen_t len = sizeof p->caller;
        ssize_t got = recvfrom(p->near, packet, sizeof packet, 0, (struct sockaddr *)&p->caller, &len);
        if (got <= 0) continue;
        bool is_data = !(packet[0] & 0x80); /* SRT: the first bit says control */
        if (is_data && ++p->seen % p->lose_every == 0) {
            p->lost++;
        } else if (is_data && p->swap_every && p->seen % p->swap_every == 0 && !held_len) {
            memcpy(held, packet, (size_t)got);
            held_len = got;
        } else {
            (void)!send(p->far, packet, (size_t)got, 0);
            if (held_len) (void)!send(p->far, held, (size_t)held_len, 0), held_len = 0;
        }
    }
}

static int proxy_start(struct proxy *p, int to) {
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, listener = any;
    listener.sin_port = htons((uint16_t)to);
    socklen_t len = sizeof any;
    p->near = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    p->far = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->near, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(getsockname(p->near, (struct sockaddr *)&any, &len), 0);
    assert_int_equal(connect(p->far, (struct sockaddr *)&listener, sizeof listener), 0);
    assert_int_equal(thread_start(&p->thread, "proxy", proxy_run, p).kind, ERR_NONE);
    return ntohs(any.sin_port);
}
static void proxy_stop(struct proxy *p) {
    atomic_store(&p->must_stop, true);
    thread_join(&p->thread);
    close(p->near);
    close(p->far);
}

static void what_is_lost_on_the_way_comes_again(void **state) {
    make_film("film.mp4", "-c:v libx264 -preset veryfast -g 30 -bf 2", "-c:a aac");
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 1000});
    struct proxy proxy = {.lose_every = 9, .swap_every = 5};
    int port = proxy_start(&proxy, srt_listener_port(l));
    shell("ffmpeg -loglevel error -y -i film.mp4 -c copy film.ts");
    struct buf bytes;
    struct slice stream = work_read("film.ts", &bytes);
    SRTSOCKET s = publish_at(port, "publish:good", NULL);
    for (; stream.len; stream = slice_sub(stream, 1316, stream.len)) {
        send_all(s, slice_sub(stream, 0, 1316));
        usleep(2000); /* so that the way has time to lose something */
    }
    wait_sent(s);
    WAIT_UNTIL(recorder.feeds[0]->healths >= 1);
    srt_close(s);
    buf_free(&bytes);
    WAIT_UNTIL(recorder.ended == 1);
    const struct feed *f = recorder.feeds[0];
    assert_true(f->end.kind == ERR_NONE || !strcmp(f->end.code, "srt.lost")); /* the goodbye, too, may have been lost */
    assert_true(proxy.lost >= 3);
    assert_same_samples("film.mp4", CMAF_VIDEO, f);
    assert_same_samples("film.mp4", CMAF_AUDIO, f);
    assert_true(f->healths >= 1);
    assert_true(f->health.packets > 0 && f->health.bytes > 1000);
    assert_true(f->health.packets_lost > 0 && f->health.packets_retransmitted > 0);
    assert_int_equal(f->health.packets_dropped, 0);
    assert_true(f->health.round_trip_us > 0);
    /* arrival is when it was sent, not when it was handed out: as far apart as the encoder sent it */
    for (size_t i = 1; i < f->count; i++) assert_true(f->samples[i].arrived > 0);
    proxy_stop(&proxy);
}

static void a_way_that_is_too_bad_costs_pictures_only(void **state) {
    make_film("film.mp4", "-c:v libx264 -preset veryfast -g 15", "-c:a aac");
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 20});
    struct proxy proxy = {.lose_every = 3};
    int port = proxy_start(&proxy, srt_listener_port(l));
    publish_film_at(port, "publish:good", false);
    WAIT_UNTIL(recorder.ended == 1);
    const struct feed *f = recorder.feeds[0];
    assert_true(f->end.kind == ERR_NONE || !strcmp(f->end.code, "srt.lost"));
    proxy_stop(&proxy);
    publish_film_at(srt_listener_port(l), "publish:good", true); /* it comes back */
    WAIT_UNTIL(recorder.ended == 2);
    assert_true(recorder.feeds[1]->count > 20);
}

static void several_publish_at_once(void **state) {
    make_film("film.mp4", "-c:v libx264 -preset veryfast -g 30", "-c:a aac");
    struct srt_listener *l = listen_with((struct srt_options){0});
    char command[1024] = "";
    for (int i = 0; i < 4; i++)
        snprintf(command + strlen(command), sizeof command - strlen(command),
                 "ffmpeg -nostdin -loglevel error -readrate 4 -i film.mp4 -c copy -f mpegts 'srt://127.0.0.1:%d?streamid=#!::r=good%d,m=publish&linger=1' & ", srt_listener_port(l), i);
    shell("{ %s wait; }", command);
    WAIT_UNTIL(recorder.ended == 4);
    for (size_t i = 0; i < 4; i++) {
        assert_ended_well(recorder.feeds[i]);
        assert_same_samples("film.mp4", CMAF_VIDEO, recorder.feeds[i]);
        for (size_t j = 0; j < i; j++) assert_string_not_equal(recorder.feeds[i]->key, recorder.feeds[j]->key);
    }
}

static void one_address_serves_both_families(void **state) {
    int six = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (six < 0) {
        print_message("# this machine has no IPv6\n");
        skip();
    }
    close(six);
    struct srt_listener *l = listen_with((struct srt_options){.address = "[::]:0", .latency_ms = 20});
    SRTSOCKET s = publish(l, "good"); /* by IPv4 */
    srt_close(s);
}

static void a_publisher_that_stalls_is_hung_up_on(void **state) {
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 20, .stall_ms_max = 100});
    SRTSOCKET s = publish(l, "good"); /* connected, kept alive by libsrt, silent */
    WAIT_UNTIL(recorder.ended == 1);
    assert_string_equal(recorder.feeds[0]->end.code, "srt.stalled");
    assert_int_equal(recorder.feeds[0]->told, 0);
    srt_close(s);
}

static void the_receiver_may_have_enough(void **state) {
    make_film("film.mp4", "-c:v libx264 -preset veryfast -g 30", "-c:a aac");
    shell("ffmpeg -loglevel error -y -i film.mp4 -c copy film.ts");
    struct srt_listener *l = listen_with((struct srt_options){0});
    recorder.refuse_after = 20;
    SRTSOCKET s = publish(l, "good");
    struct buf bytes;
    struct slice stream = work_read("film.ts", &bytes);
    for (size_t at = 0; at < stream.len && srt_sendmsg(s, stream.ptr + at, (int)(stream.len - at < 1316 ? stream.len - at : 1316), -1, 1) >= 0; at += 1316) {}
    WAIT_UNTIL(recorder.ended == 1);
    assert_string_equal(recorder.feeds[0]->end.code, "feed.cut");
    assert_int_equal(recorder.feeds[0]->count, 20);
    while (srt_getsockstate(s) == SRTS_CONNECTED) sched_yield(); /* and the publisher notices */
    srt_close(s);
    buf_free(&bytes);
}

/* The child of the only publisher. */
static pid_t find_child(void) {
    char path[64], text[64] = "";
    DIR *tasks = opendir("/proc/self/task");
    pid_t found = 0;
    for (struct dirent *d; tasks && (d = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/self/task/%.20s/children", d->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        if (fd >= 0) close(fd);
        if (got > 0) text[got] = 0, found = atoi(text);
    }
    if (tasks) closedir(tasks);
    return found;
}

static void a_child_that_dies_ends_its_own_feed_only(void **state) {
    make_film("film.mp4", "-c:v libx264 -preset veryfast -g 30", "-c:a aac");
    shell("ffmpeg -loglevel error -y -i film.mp4 -c copy film.ts");
    struct buf bytes;
    struct slice stream = work_read("film.ts", &bytes);
    struct srt_listener *l = listen_with((struct srt_options){0});
    SRTSOCKET s = publish(l, "good1");
    send_all(s, slice_sub(stream, 0, 1316 * 40));
    WAIT_UNTIL(recorder.count == 1 && recorder.feeds[0]->count > 0);
    pid_t child = find_child();
    assert_true(child > 0);
    assert_int_equal(kill(child, SIGKILL), 0);
    WAIT_UNTIL(recorder.ended == 1);
    assert_string_equal(recorder.feeds[0]->end.code, "srt.child");
    srt_close(s);
    s = publish(l, "good1"); /* the encoder comes back */
    send_all(s, stream);
    wait_sent(s);
    srt_close(s);
    WAIT_UNTIL(recorder.ended == 2);
    assert_same_samples("film.mp4", CMAF_VIDEO, recorder.feeds[1]);
    buf_free(&bytes);
}

static char hostile[4096];

static void a_child_is_not_believed(void **state) {
    static const char *const NAMES[][2] = {{"garbage", "srt.hostile"}, {"sample_first", "srt.hostile"}, {"crash", "srt.hostile"}, {"exits", "srt.child"}, {"killed", "srt.child"}};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        char program[300];
        shell("ln -sf '%s' %s", hostile, NAMES[i][0]);
        snprintf(program, sizeof program, "%s/%s", work, NAMES[i][0]);
        struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 20, .program = program});
        SRTSOCKET s = publish(l, "good");
        WAIT_UNTIL(recorder.ended == 1);
        assert_string_equal(recorder.feeds[0]->end.code, NAMES[i][1]);
        assert_int_equal(recorder.feeds[0]->count, 0);
        srt_close(s);
        close_listener(NULL);
    }
    /* one that neither reads nor ends does not hold up the end of the server */
    char program[300];
    shell("ln -sf '%s' deaf", hostile);
    snprintf(program, sizeof program, "%s/deaf", work);
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 20, .program = program});
    SRTSOCKET s = publish(l, "good");
    srt_listener_stop(l);
    assert_string_equal(recorder.feeds[0]->end.code, "feed.stopping");
    srt_close(s);
}

/* The decoder is asked for when the encoder has hung up and libsrt has forgotten the connection: what was sent is there all the same. */
static void who_hangs_up_before_the_decoder_is_there_loses_nothing(void **state) {
    make_film("film.mp4", "-c:v libx264 -preset veryfast -g 30", "-c:a aac");
    shell("ffmpeg -loglevel error -y -i film.mp4 -c copy film.ts && ln -sf '%s' asks_late && ln -sf /proc/%d/exe real && rm -f go", hostile, (int)getpid());
    char program[300];
    snprintf(program, sizeof program, "%s/asks_late", work);
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 20, .program = program});
    struct buf bytes;
    struct slice stream = work_read("film.ts", &bytes);
    SRTSOCKET s = publish(l, "good");
    send_all(s, stream);
    wait_sent(s);
    srt_close(s);
    while (srt_getsockstate(s) != SRTS_NONEXIST) usleep(1000);
    shell("touch go");
    WAIT_UNTIL(recorder.ended == 1);
    assert_ended_well(recorder.feeds[0]);
    assert_same_samples("film.mp4", CMAF_VIDEO, recorder.feeds[0]);
    buf_free(&bytes);
}

static void bad_streams_are_refused_and_cues_come_through(void **state) {
    struct buf bytes = BUF(1 << 20);
    ts_put_section(&bytes, 0, 0, SLICE("\x00\xb0\x11\x00\x01\xc1\x00\x00\x00\x01\xf0\x00\x00\x02\xf1\x00")); /* two programmes */
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 20});
    SRTSOCKET s = publish(l, "good");
    send_all(s, buf_slice(&bytes));
    WAIT_UNTIL(recorder.ended == 1);
    assert_string_equal(recorder.feeds[0]->end.code, "srt.programmes");
    srt_close(s);
    buf_free(&bytes);

    /* a cue among pictures: its time is on the clock of the pictures, 64 bits wide; a damaged one is left out */
    shell("ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=320x180:rate=30:duration=0.5 -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -mpegts_start_pid 0x101 "
          "-output_ts_offset 21000 cue.ts");
    struct buf film, with = BUF(4 << 20);
    struct slice stream = work_read("cue.ts", &film);
    ts_put_tables(&with, 0, 1, (const uint16_t[][2]){{0x1b, 0x101}, {0x86, 0x1f0}}, 2);
    for (size_t at = 0, n = 0; at < stream.len; at += 188) {
        uint16_t pid = ts_pid(stream.ptr + at);
        if (pid == 0x101) buf_append(&with, slice_sub(stream, at, at + 188)), n++;
        if (pid == 0x101 && n == 70) ts_put_section(&with, 0x1f0, 0, ts_cue());
        if (pid == 0x101 && n == 71) ts_put_section(&with, 0x1f0, 1, SLICE("\xfc\x30\x0b\x00\x80\x00\x00\x00\x00\x00"));
    }
    s = publish(l, "good");
    send_all(s, buf_slice(&with));
    wait_sent(s);
    srt_close(s);
    WAIT_UNTIL(recorder.ended == 2);
    const struct feed *f = recorder.feeds[1];
    assert_ended_well(f);
    assert_int_equal(f->cues, 1);
    assert_int_equal(f->cue.bytes, ts_cue().len + 4);
    assert_true(f->cue.pts == 0x7369c02e);
    assert_int_equal(f->count, 15);
    buf_free(&film);
    buf_free(&with);
}

/* Encoders that know what time it is write it into the pictures. */
static void the_encoders_own_time_is_taken(void **state) {
    shell("ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=64x48:rate=30:duration=0.5 -c:v libx264 -preset ultrafast -tune zerolatency -g 1 -pix_fmt yuv420p "
          "-bsf:v 'h264_metadata=sei_user_data=4d495350-6d69-6372-6f73-656374696d65+0123456789ab' -f mpegts clock.ts");
    struct buf bytes, with = BUF(1 << 20);
    struct slice stream = work_read("clock.ts", &bytes);
    buf_append(&with, stream);
    int64_t now = clock_utc(clock_system()).ns / 1000;
    size_t marked = 0;
    for (struct slice rest = buf_slice(&with);;) { /* twelve letters stand where the time belongs; one picture's is an hour off */
        size_t at = slice_find(rest, SLICE("MISPmicrosectime"));
        if (at == SLICE_NPOS || at + 28 > rest.len) break;
        char *to = (char *)rest.ptr + at + 16;
        uint64_t us = (uint64_t)now + marked * 33333 + (marked == 3 ? UINT64_C(3600000000) : 0);
        *to++ = 0x1f;
        for (int i = 0; i < 4; i++) {
            *to++ = (char)(us >> (56 - 16 * i));
            *to++ = (char)(us >> (48 - 16 * i));
            if (i < 3) *to++ = (char)0xff;
        }
        marked++;
        rest = slice_sub(rest, at + 28, rest.len);
    }
    assert_true(marked >= 10);
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 120});
    SRTSOCKET s = publish(l, "good");
    send_all(s, buf_slice(&with));
    wait_sent(s);
    srt_close(s);
    WAIT_UNTIL(recorder.ended == 1);
    const struct feed *f = recorder.feeds[0];
    size_t taken = 0;
    for (size_t i = 0; i < f->count; i++) {
        const struct got *g = &f->samples[i];
        if (g->clock_source == FEED_CLOCK_REFERENCE) {
            assert_int_equal(g->captured % 1000, 0);
            assert_int_equal((g->captured / 1000 - now) % 33333, 0);
            taken++;
        } else {
            assert_int_equal(g->clock_source, FEED_CLOCK_ARRIVAL);
            assert_int_equal(g->captured, g->arrived);
        }
    }
    assert_int_equal(taken, marked - 1);
    buf_free(&bytes);
    buf_free(&with);
}

/* A receiver that takes its time holds up its own publisher, and loses nothing. */
static void a_slow_receiver_slows_its_own_publisher(void **state) {
    make_film("film.mp4", "-c:v libx264 -preset veryfast -g 30", "-c:a aac");
    shell("ffmpeg -loglevel error -y -i film.mp4 -c copy film.ts");
    struct buf bytes;
    struct slice stream = work_read("film.ts", &bytes);
    struct srt_listener *l = listen_with((struct srt_options){0});
    recorder.holds = true;
    SRTSOCKET s = publish(l, "good");
    send_all(s, stream);
    wait_sent(s);
    pthread_mutex_lock(&recorder.mutex);
    recorder.holds = false;
    pthread_cond_broadcast(&recorder.changed);
    pthread_mutex_unlock(&recorder.mutex);
    srt_close(s);
    WAIT_UNTIL(recorder.ended == 1);
    assert_same_samples("film.mp4", CMAF_VIDEO, recorder.feeds[0]);
    assert_same_samples("film.mp4", CMAF_AUDIO, recorder.feeds[0]);
    buf_free(&bytes);
}

#ifdef GRANDSTAND_TEST_DOORS
static void memory_of_a_child_may_run_out(void **state) {
    shell("ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=64x48:rate=30:duration=0.3 -c:v libx264 -preset ultrafast -pix_fmt yuv420p little.ts");
    struct buf bytes;
    struct slice stream = work_read("little.ts", &bytes);
    struct srt_listener *l = listen_with((struct srt_options){.latency_ms = 100});
    size_t failed = 0;
    for (int n = 1; n <= 8; n++) {
        char fault[32];
        snprintf(fault, sizeof fault, "alloc:%d", n);
        setenv("GRANDSTAND_TEST_SRT_FAULT", fault, 1);
        SRTSOCKET s = publish(l, "good");
        send_all(s, stream);
        wait_sent(s);
        srt_close(s);
        WAIT_UNTIL(recorder.ended == 1);
        struct err e = recorder.feeds[0]->end;
        failed += e.kind != ERR_NONE;
        if (e.kind) assert_string_equal(e.code, "srt.memory");
        forget();
    }
    unsetenv("GRANDSTAND_TEST_SRT_FAULT");
    assert_true(failed >= 4);
    buf_free(&bytes);
}
#endif

static void options_are_checked(void **state) {
    char version[16];
    assert_int_equal(srt_library_version(version).kind, ERR_NONE);
    assert_int_equal(strncmp(version, "1.5.", 4), 0);
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
    if (argc < 2 || !realpath(argv[1], hostile) || srt_api_acquire().kind) return 2;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_ffmpeg_sends_is_what_comes_out, close_listener),
        cmocka_unit_test_teardown(sound_that_must_be_decoded_loses_nothing, close_listener),
        cmocka_unit_test_teardown(a_refusal_says_why, close_listener),
        cmocka_unit_test_teardown(a_passphrase_keeps_others_out, close_listener),
        cmocka_unit_test_teardown(what_is_lost_on_the_way_comes_again, close_listener),
        cmocka_unit_test_teardown(a_way_that_is_too_bad_costs_pictures_only, close_listener),
        cmocka_unit_test_teardown(several_publish_at_once, close_listener),
        cmocka_unit_test_teardown(one_address_serves_both_families, close_listener),
        cmocka_unit_test_teardown(a_publisher_that_stalls_is_hung_up_on, close_listener),
        cmocka_unit_test_teardown(the_receiver_may_have_enough, close_listener),
        cmocka_unit_test_teardown(a_child_that_dies_ends_its_own_feed_only, close_listener),
        cmocka_unit_test_teardown(a_child_is_not_believed, close_listener),
        cmocka_unit_test_teardown(who_hangs_up_before_the_decoder_is_there_loses_nothing, close_listener),
        cmocka_unit_test_teardown(bad_streams_are_refused_and_cues_come_through, close_listener),
        cmocka_unit_test_teardown(the_encoders_own_time_is_taken, close_listener),
        cmocka_unit_test_teardown(a_slow_receiver_slows_its_own_publisher, close_listener),
#ifdef GRANDSTAND_TEST_DOORS
        cmocka_unit_test_teardown(memory_of_a_child_may_run_out, close_listener),
#endif
        cmocka_unit_test_teardown(options_are_checked, close_listener),
    };
    if (argc > 2) cmocka_set_test_filter(argv[2]);
    int failed = cmocka_run_group_tests_name("srt", tests, work_make, work_remove);
    srt_api_release();
    return failed;
}
