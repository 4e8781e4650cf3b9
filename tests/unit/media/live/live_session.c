/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * live_session FOLDER SEED: one random event from beginning to end, on a manual clock, with all its playlists as they were each second, for parsers that others
 * wrote (tests/scenario/live_views.test.mjs). FOLDER/0007-v0.m3u8, 0007-v0.delta.m3u8, ..., recording-v0.m3u8. Publishers come, go, jump and change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "live_maker.h"

static int out_dir;
static uint64_t seed;

static void put(const char *name, struct slice text) {
    int fd;
    assert_ok(fs_open(out_dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd));
    assert_ok(fs_write_all(fd, text));
    fs_close(&fd);
}

static void put_views(struct live *live, unsigned second) {
    static const char *const files[] = {"master.m3u8", "manifest.mpd", "v0.m3u8", "a0.m3u8"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        for (int skip = 0; skip < (i < 2 ? 1 : 2); skip++) {
            struct live_answer a;
            live_ask(live, &made_id, &(struct live_ask){.file = slice_cstr(files[i]), .skip = (enum live_skip)skip}, NULL, &a);
            if (a.kind != LIVE_ANSWER_BLOBS) continue; /* not there yet, or a stream without sound */
            char name[64];
            (void)snprintf(name, sizeof name, "%04u-%s%s", second, skip ? "delta-" : "", files[i]);
            put(name, a.pieces[0].bytes);
            live_answer_release(&a);
        }
    }
}

static struct made_stream random_stream(struct rng *rng) {
    static const uint32_t rates[][2] = {{30, 1}, {25, 1}, {30000, 1001}, {50, 1}, {24000, 1001}, {60, 1}, {10, 1}};
    size_t rate = rng_below(rng, ARRAY_LEN(rates));
    static const unsigned gop_tenths[] = {5, 10, 13, 20, 22, 40, 100};
    uint32_t fps = rates[rate][0] / rates[rate][1];
    return (struct made_stream){.num = rates[rate][0], .den = rates[rate][1], .gop = 1 + fps * gop_tenths[rng_below(rng, ARRAY_LEN(gop_tenths))] / 10,
                                .b_delay = (unsigned)rng_below(rng, 3), .has_sound = rng_below(rng, 5) > 0, .sample_rate = rng_below(rng, 3) ? 48000 : 44100,
                                .hz = rng_below(rng, 2) ? 1000 : 90000, .bytes = 200, .offset_ms = (int64_t)rng_below(rng, 1u << 30),
                                .height = rng_below(rng, 2) ? 720 : 360};
}

static void session(void **state) {
    struct rng rng = rng_seeded(seed);
    struct clock *clock = clock_manual_create(made_epoch);
    struct live *live = made_live(clock, 0);
    int dir = made_dir();
    assert_ok(live_channel_open(live, &made_id, &(struct live_channel_options){.dir_fd = dir, .is_recorded = true, .dvr_ms = rng_below(&rng, 2) ? 20000 : 0}));
    struct made_publisher p = {.rng = rng_seeded(seed + 1)};
    unsigned second = 0;
    for (int visit = 0; visit < 4; visit++) {
        assert_ok(made_begin(&p, live, clock, random_stream(&rng)));
        unsigned seconds = 6 + (unsigned)rng_below(&rng, 12);
        for (unsigned i = 0; i < seconds; i++) {
            made_send(&p, 1000);
            put_views(live, second++);
            if (!rng_below(&rng, 10)) p.stream.offset_ms += (int64_t)rng_below(&rng, 200000) - 100000;
        }
        made_end(&p);
        put_views(live, second++);
        clock_manual_advance(clock, (int64_t)rng_below(&rng, 20) * NS_PER_S);
    }
    assert_ok(live_channel_end(live, &made_id));
    put_views(live, second);
    struct arena *arena = arena_create(8 << 20);
    const struct live_recording *r;
    assert_ok(live_recording_open(dir, arena, &r));
    static const char *const files[] = {"master.m3u8", "manifest.mpd", "v0.m3u8", "v0-iframes.m3u8", "a0.m3u8"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct live_answer a;
        live_recording_ask(r, &(struct live_ask){.file = slice_cstr(files[i])}, &a);
        if (a.kind == LIVE_ANSWER_BLOBS) {
            char name[64];
            (void)snprintf(name, sizeof name, "recording-%s", files[i]);
            put(name, a.pieces[0].bytes);
        }
        live_answer_release(&a);
    }
    arena_destroy(&arena);
    live_destroy(&live);
    clock_manual_destroy(&clock);
    made_dir_remove(dir);
    made_publisher_free(&p);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    out_dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out_dir < 0) return 2;
    seed = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(session)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
