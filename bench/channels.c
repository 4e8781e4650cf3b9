/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What live channels cost inside the house, without any network: CHANNELS publishers of 4 Mbit/s recorded at once, the time from the last frame of a part to
 * the part, a thousand held playlists woken by one part, and the playlist of two hours. Media time is turned by hand; processor time is the kernel's
 * count for all threads. Usage: channels_bench FOLDER */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/fs.h"
#include "base/log.h"
#include "media/live/live.h"

enum { CHANNELS = 20, SECONDS = 60, FPS = 30, FRAME_BYTES = 4000000 / 8 / FPS, SOUND_BYTES = 340, VIEWERS = 1000 };

static struct clock *media_clock;
static struct live *live;

static void must(struct err e) {
    if (!e.kind) return;
    fprintf(stderr, "%s: %s\n", e.code, e.what);
    exit(1);
}
static double now_us(void) { return (double)clock_mono(clock_system()).ns / 1e3; }
static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}
static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static struct public_id id_of(int i) {
    struct public_id id = {"benchbenchbench0"};
    id.text[14] = (char)('a' + i / 16);
    id.text[15] = "0123456789abcdef"[i % 16];
    return id;
}

static struct live_feed *begin(int i) {
    struct public_id id = id_of(i);
    struct live_feed *feed;
    struct cmaf_track tracks[2] = {
        {.kind = CMAF_VIDEO, .codec = CMAF_H264, .timescale = 1000, .width = 1280, .height = 720, .config = slice_of("\x01\x64\x00\x1f\xff\xe1\x00\x04\x67\x64\x00\x1f\x01\x00\x02\x68\xee", 17)},
        {.kind = CMAF_AUDIO, .codec = CMAF_AAC, .timescale = 1000, .config = SLICE("\x11\x90"), .sample_rate = 48000, .channels = 2}};
    for (int k = 0; k < 2; k++) must(cmaf_track_complete(&tracks[k]));
    must(live_feed_begin(live, &id, &(struct feed_hello){.protocol = "rtmp"}, &feed));
    must(live_feed_tracks(feed, tracks, 2));
    return feed;
}

static char payload[FRAME_BYTES];

static void put(struct live_feed *feed, size_t track, int64_t ms, bool is_sync, size_t bytes) {
    struct utc_time now = clock_utc(media_clock);
    must(live_feed_sample(feed, &(struct feed_sample){.track = track, .dts = ms, .pts = ms, .is_sync = is_sync, .data = slice_of(payload, bytes), .arrived = now, .captured = now}));
}

/* One frame of picture on each channel, and the sound that belongs to it. `slowest` collects how long the calls took that closed a part. */
static void frame(struct live_feed **feeds, int count, int64_t n, int64_t *sounds, double *parts_us, size_t *part_count) {
    clock_manual_advance(media_clock, NS_PER_S / FPS);
    for (int i = 0; i < count; i++) {
        double start = now_us();
        put(feeds[i], 0, n * 1000 / FPS, n % FPS == 0, FRAME_BYTES);
        if (parts_us && n % 10 == 9) parts_us[(*part_count)++] = now_us() - start;
        for (int64_t k = sounds[i]; k * 1024 * 1000 / 48000 <= n * 1000 / FPS; k = ++sounds[i]) put(feeds[i], 1, k * 1024 * 1000 / 48000, true, SOUND_BYTES);
    }
}

static void record(int folder) {
    struct live_feed *feeds[CHANNELS];
    static int64_t sounds[CHANNELS];
    static double parts_us[CHANNELS * SECONDS * FPS / 10 + CHANNELS];
    size_t parts = 0;
    for (int i = 0; i < CHANNELS; i++) {
        char name[32];
        struct public_id id = id_of(i);
        int dir;
        (void)snprintf(name, sizeof name, "c%d", i);
        must(fs_make_dirs(folder, name, 0755));
        must(fs_open(folder, name, O_RDONLY | O_DIRECTORY, 0, &dir));
        must(live_channel_open(live, &id, &(struct live_channel_options){.dir_fd = dir, .is_recorded = true}));
        fs_close(&dir);
        feeds[i] = begin(i);
    }
    double cpu = cpu_s(), start = now_us();
    for (int64_t n = 0; n < SECONDS * FPS; n++) frame(feeds, CHANNELS, n, sounds, parts_us, &parts);
    uint64_t bytes = 0, lost = 0, dropped = 0;
    for (int i = 0; i < CHANNELS; i++) {
        struct public_id id = id_of(i);
        struct live_health h;
        live_feed_end(&feeds[i], ERR_OK);
        must(live_channel_end(live, &id));
        must(live_channel_health(live, &id, &h));
        bytes += h.recorded_bytes;
        lost += h.lost_parts;
        dropped += h.samples_dropped;
        must(live_channel_close(live, &id));
    }
    cpu = cpu_s() - cpu;
    double took = (now_us() - start) / 1e6;
    qsort(parts_us, parts, sizeof *parts_us, by_size);
    printf("%d channels of 4 Mbit/s, %d s: %.1f%% of one core (aim: 60), %.0f times real time, %.0f MB recorded, %llu parts lost, %llu frames dropped\n", CHANNELS, SECONDS,
           100 * cpu / SECONDS, SECONDS / took, (double)bytes / 1e6, (unsigned long long)lost, (unsigned long long)dropped);
    printf("last frame of a part to the part: median %.0f us, p99 %.0f us, longest %.0f us\n", parts_us[parts / 2], parts_us[parts * 99 / 100], parts_us[parts - 1]);
}

struct viewer {
    struct live_waiter waiter;
    double at_us;
};
static struct viewer viewers[VIEWERS];

static void on_ready(struct live_waiter *w) {
    struct public_id id = id_of(0);
    struct live_answer a;
    live_ask(live, &id, &(struct live_ask){.file = SLICE("v0.m3u8")}, NULL, &a);
    assert(a.kind == LIVE_ANSWER_BLOBS);
    live_answer_release(&a);
    ((struct viewer *)w)->at_us = now_us();
}

/* Two hours in memory of segments, and a thousand who wait for the next part. */
static void wake(int folder) {
    struct public_id id = id_of(0);
    int dir;
    must(fs_make_dirs(folder, "long", 0755));
    must(fs_open(folder, "long", O_RDONLY | O_DIRECTORY, 0, &dir));
    must(live_channel_open(live, &id, &(struct live_channel_options){.dir_fd = dir}));
    fs_close(&dir);
    struct live_feed *feed = begin(0);
    int64_t n = 0;
    for (; n < 7200 * FPS; n++) {
        clock_manual_advance(media_clock, NS_PER_S / FPS);
        put(feed, 0, n * 1000 / FPS, n % FPS == 0, 200);
    }
    double worst = 0, woken_us[20];
    struct live_answer a;
    for (int round = 0; round < 20; round++) {
        struct live_ask ask = {.file = SLICE("v0.m3u8"), .has_msn = true, .msn = (uint64_t)(n / FPS / 2), .has_part = true, .part = (uint32_t)(n % (2 * FPS) / 10)};
        for (int i = 0; i < VIEWERS; i++) {
            viewers[i] = (struct viewer){.waiter.ready = on_ready};
            live_ask(live, &id, &ask, &viewers[i].waiter, &a);
            assert(a.kind == LIVE_ANSWER_WAIT);
        }
        double start = 0;
        for (int k = 0; k < 10; k++, n++) {
            clock_manual_advance(media_clock, NS_PER_S / FPS);
            start = now_us();
            put(feed, 0, n * 1000 / FPS, n % FPS == 0, FRAME_BYTES);
        }
        double last = 0;
        for (int i = 0; i < VIEWERS; i++) {
            assert(viewers[i].at_us > 0);
            if (viewers[i].at_us - start > last) last = viewers[i].at_us - start;
        }
        woken_us[round] = last;
        if (last > worst) worst = last;
    }
    qsort(woken_us, 20, sizeof *woken_us, by_size);
    printf("%d held playlists of a two-hour window, all answered after the last frame: median %.0f us, longest %.0f us\n", VIEWERS, woken_us[10], worst);
    put(feed, 0, n * 1000 / FPS, false, 200);
    live_ask(live, &id, &(struct live_ask){.file = SLICE("v0.m3u8")}, NULL, &a);
    size_t whole = a.pieces[0].bytes.len;
    live_answer_release(&a);
    live_ask(live, &id, &(struct live_ask){.file = SLICE("v0.m3u8"), .skip = LIVE_SKIP_YES}, NULL, &a);
    printf("its playlist: %zu bytes, as a delta %zu; a waiter: %zu bytes\n", whole, a.pieces[0].bytes.len, sizeof(struct live_waiter));
    live_answer_release(&a);
    double start = now_us();
    for (int i = 0; i < 100000; i++) {
        live_ask(live, &id, &(struct live_ask){.file = SLICE("v0-3000.m4s"), .has_range = true, .range_last = 1000}, NULL, &a);
        live_answer_release(&a);
    }
    printf("finding a segment: %.2f us\n", (now_us() - start) / 100000);
    live_feed_end(&feed, ERR_OK);
    must(live_channel_close(live, &id));
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: channels_bench FOLDER\n");
        return 2;
    }
    int folder;
    must(fs_make_dirs(AT_FDCWD, argv[1], 0755));
    must(fs_open(AT_FDCWD, argv[1], O_RDONLY | O_DIRECTORY, 0, &folder));
    media_clock = clock_manual_create((struct utc_time){INT64_C(1795000000) * NS_PER_S});
    must(live_create(&(struct live_options){.clock = media_clock}, &live));
    for (size_t i = 0; i < sizeof payload; i++) payload[i] = (char)(i * 31);
    log_configure(LOG_ERROR, LOG_FORMAT_LOGFMT, 2);
    record(folder);
    wake(folder);
    live_destroy(&live);
    clock_manual_destroy(&media_clock);
    fs_close(&folder);
    return 0;
}
