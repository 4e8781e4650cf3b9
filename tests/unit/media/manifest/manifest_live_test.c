/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Views of live events against golden files in tests/golden/live. After a wanted change remake them, and read the difference, with
 *   GOLDEN_REMAKE=1 meson test -C build/asan manifest_live */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "media/manifest/manifest.h"
#include "media_maker.h"

enum { SEGMENTS = 12, PARTS = 64 };

/* An event with a ladder, two sounds in two codecs, a publisher that came back smaller after 20 s, a hole, and an avail; the newest segment is growing. */
struct event {
    struct manifest_init inits[4][2];
    struct manifest_segment segments[4][SEGMENTS];
    struct manifest_part parts[4][PARTS];
    struct manifest_rendition renditions[4];
    struct manifest_run runs[2];
    struct manifest_cue cues[2];
    struct manifest_live live;
};

static struct cmaf_track track_of(const char *name, bool is_later) {
    struct cmaf_track t = name[0] == 'v' ? made_h264() : made_aac();
    if (name[0] == 'v') {
        t.timescale = 360000, t.rate_num = 30000, t.rate_den = 1001;
        t.height = name[1] == '1' ? 360 : is_later ? 480 : 720;
        t.width = (uint16_t)(t.height * 16 / 9);
    }
    assert_ok(cmaf_track_complete(&t));
    if (!strcmp(name, "a0")) (void)snprintf(t.language, sizeof t.language, "de"), (void)snprintf(t.label, sizeof t.label, "Ton \"<&'>");
    if (!strcmp(name, "a1")) t.codec = CMAF_OPUS, (void)snprintf(t.codec_string, sizeof t.codec_string, "opus"), t.channels = 6, (void)snprintf(t.language, sizeof t.language, "en");
    t.config = SLICE_NONE;
    return t;
}

static void make_rendition(struct event *e, size_t k, const char *name) {
    bool is_video = name[0] == 'v';
    uint32_t hz = is_video ? 360000 : 48000, length = is_video ? 720720 : 96000;
    for (uint16_t i = 0; i < 2; i++) e->inits[k][i] = (struct manifest_init){.number = (uint16_t)(i + 1), .track = track_of(name, i)};
    uint64_t parts = 0;
    for (size_t i = 0; i < SEGMENTS; i++) {
        bool is_later = i >= 6, is_open = i == SEGMENTS - 1;
        struct manifest_segment *s = &e->segments[k][i];
        *s = (struct manifest_segment){.number = 100 + i, .start = (int64_t)(50 * (int64_t)hz + (int64_t)i * length + (is_later ? 20 * (int64_t)hz : 0)), .duration = is_open ? length / 3 : length,
                                       .bytes = 100000 * (uint32_t)(k + 1) + (uint32_t)i, .key_bytes = is_video ? 20000 : 0, .run = is_later ? 4 : 3,
                                       .init = is_video && is_later ? 2 : 1, .flags = (uint8_t)(i == 8 ? 0 : MANIFEST_SYNC), .part_first = 1000 + parts};
        s->utc_ns = INT64_C(1795000000) * NS_PER_S + s->start * NS_PER_S / hz;
        if (i == 3) s->flags = MANIFEST_GAP, s->bytes = s->key_bytes = 0;
        if (is_open) s->flags |= MANIFEST_OPEN;
        if (i + 3 < SEGMENTS) continue;
        s->part_count = is_open ? 2 : 6;
        for (uint32_t n = 0; n < s->part_count; n++)
            e->parts[k][parts++] = (struct manifest_part){.start = s->start + (int64_t)n * (length / 6), .duration = length / 6, .offset = n * 16000, .bytes = 16000, .is_sync = !is_video || n == 0};
    }
    e->renditions[k] = (struct manifest_rendition){.timescale = hz, .inits = e->inits[k], .init_count = is_video ? 2 : 1, .segments = e->segments[k], .segment_count = SEGMENTS,
                                                   .parts = e->parts[k], .parts_from = 1000, .peak_bps = 400000 * (4 - k), .average_bps = 380000 * (4 - k), .has_hint = true,
                                                   .hint_number = 111, .hint_offset = 32000, .open_duration = length};
    (void)snprintf(e->renditions[k].name, sizeof e->renditions[k].name, "%s", name);
}

static void make_event(struct event *e) {
    static const char *const names[] = {"v0", "v1", "a0", "a1"};
    *e = (struct event){0};
    for (size_t k = 0; k < 4; k++) make_rendition(e, k, names[k]);
    e->runs[0] = (struct manifest_run){.run = 3, .start_ns = 10 * NS_PER_S, .wall_ns = 10 * NS_PER_S};
    e->runs[1] = (struct manifest_run){.run = 4, .start_ns = 82 * NS_PER_S, .wall_ns = 81 * NS_PER_S};
    e->cues[0] = (struct manifest_cue){.id = 7 << 16, .start_ns = 54 * NS_PER_S, .utc_ns = INT64_C(1795000054) * NS_PER_S, .planned_ns = 30 * NS_PER_S, .end_ns = 84 * NS_PER_S,
                                       .out = SLICE("\xfc\x30\x01"), .in = SLICE("\xfc\x30\x02\xff")};
    e->cues[1] = (struct manifest_cue){.id = 9, .start_ns = 90 * NS_PER_S, .utc_ns = INT64_C(1795000090) * NS_PER_S, .planned_ns = -1, .end_ns = -1, .command = SLICE("\xfc\x30")};
    e->live = (struct manifest_live){.epoch = {INT64_C(1795000000) * NS_PER_S}, .now = {INT64_C(1795000095) * NS_PER_S}, .target_ms = 2000, .part_ms = 334, .window_ms = 7200000,
                                     .renditions = e->renditions, .rendition_count = 4, .runs = e->runs, .run_count = 2, .cues = e->cues, .cue_count = 2};
}

static void compare(const char *set, const char *file, struct buf *made) {
    struct buf wanted = BUF(1 << 20);
    char path[512];
    assert_false(made->has_failed);
    (void)snprintf(path, sizeof path, "%s/%s", GOLDEN_LIVE_DIR, set);
    if (getenv("GOLDEN_REMAKE")) assert_ok(fs_make_dirs(AT_FDCWD, path, 0755));
    (void)snprintf(path, sizeof path, "%s/%s/%s", GOLDEN_LIVE_DIR, set, file);
    if (getenv("GOLDEN_REMAKE")) assert_ok(fs_write_file_atomic(AT_FDCWD, path, buf_slice(made), 0644));
    assert_ok(fs_read_file(AT_FDCWD, path, &wanted));
    if (!slice_eq(buf_slice(made), buf_slice(&wanted))) fail_msg("%s differs from %s:\n%.*s", file, path, (int)made->len, made->ptr);
    buf_free(&wanted);
    buf_clear(made);
}

static void compare_all(const struct manifest_live *m, const char *set) {
    struct buf out = BUF(1 << 20);
    manifest_live_master(m, &out);
    compare(set, "master.m3u8", &out);
    manifest_live_dash(m, &out);
    compare(set, "manifest.mpd", &out);
    for (size_t i = 0; i < m->rendition_count; i++) {
        char name[32];
        manifest_live_media(m, i, MANIFEST_WHOLE, &out);
        (void)snprintf(name, sizeof name, "%s.m3u8", m->renditions[i].name);
        compare(set, name, &out);
    }
    if (m->is_recording) manifest_live_iframes(m, 0, &out), compare(set, "v0-iframes.m3u8", &out);
    else manifest_live_media(m, 0, MANIFEST_DELTA, &out), compare(set, "v0-delta.m3u8", &out);
    buf_free(&out);
}

static void views_are_the_golden_ones(void **state) {
    static struct event e;
    make_event(&e);
    compare_all(&e.live, "growing");
    for (size_t k = 0; k < 4; k++) e.segments[k][SEGMENTS - 1].flags &= (uint8_t)~MANIFEST_OPEN;
    e.live.is_ended = true;
    compare_all(&e.live, "ended");
    e.live.is_ended = false;
    e.live.is_recording = true;
    compare_all(&e.live, "recording");
}

static void a_full_buffer_is_told(void **state) {
    static struct event e;
    make_event(&e);
    for (size_t max = 0; max < 2000; max += 37) {
        struct buf out = BUF(max);
        manifest_live_media(&e.live, 0, MANIFEST_WHOLE, &out);
        assert_true(out.has_failed);
        buf_free(&out);
        out = BUF(max);
        manifest_live_dash(&e.live, &out);
        assert_true(out.has_failed);
        buf_free(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(views_are_the_golden_ones), cmocka_unit_test(a_full_buffer_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
