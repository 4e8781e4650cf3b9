/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Manifests against golden files in tests/golden/manifest. After a wanted change remake them, and read the difference, with
 *   GOLDEN_REMAKE=1 meson test -C build/asan manifest */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "media/manifest/manifest.h"
#include "media_maker.h"

static struct arena *arena;
static int dir;

static int set_up(void **state) {
    arena = arena_create(8 << 20);
    dir = made_dir();
    return 0;
}
static int tear_down(void **state) {
    made_dir_remove(dir);
    arena_destroy(&arena);
    return 0;
}

static void put_track(const char *name, struct cmaf_track track, struct made_shape shape) {
    struct rng rng = rng_seeded(7);
    struct made m = made_samples(&rng, shape);
    int fd = made_file();
    struct cmaf_index index = made_track_file(fd, &track, &m, arena);
    assert_ok(cmaf_index_write(dir, name, &index));
    close(fd);
    made_free(&m);
}

static struct made_shape pictures(size_t count, unsigned gop) {
    return (struct made_shape){.count = count, .duration = 512, .gop = gop, .bytes_max = 5000};
}
static struct made_shape sound(size_t count, int64_t start) {
    return (struct made_shape){.count = count, .duration = 1024, .gop = 1, .bytes_max = 600, .start = start};
}

static struct cmaf_track named(struct cmaf_track t, const char *language, const char *label, uint32_t flags) {
    (void)snprintf(t.language, sizeof t.language, "%s", language);
    (void)snprintf(t.label, sizeof t.label, "%s", label);
    t.flags = flags;
    return t;
}

/* A film with a ladder, four sounds in two codecs, captions, thumbnails, and names that try to break out. */
static void make_film(void) {
    struct cmaf_track large = made_h264(), small = made_h264(), hdr = {
        .kind = CMAF_VIDEO, .codec = CMAF_HEVC, .timescale = 12800, .width = 3840, .height = 2160,
        .config = slice_of("\x01\x22\x20\x00\x00\x00\xb0\x00\x00\x00\x00\x00\x99\xf0\x00\xfc\xfd\xfa\xfa\x00\x00\x0f\x00", 23),
        .colour = {.has_any = true, .primaries = 9, .transfer = 16, .matrix = 9}};
    large.width = 1440, large.height = 1080, large.aspect_x = 4, large.aspect_y = 3;
    small.width = 640, small.height = 360;
    put_track("v0.idx", large, pictures(260, 50));
    put_track("v1.idx", small, pictures(260, 50));
    put_track("v2.idx", hdr, pictures(260, 75));
    struct cmaf_track opus = {.kind = CMAF_AUDIO, .codec = CMAF_OPUS, .timescale = 48000, .config = slice_of("\x00\x06\x01\x38\x00\x00\xbb\x80\x00\x00\x01", 11)};
    put_track("a0.idx", named(made_aac(), "eng", "English", CMAF_DEFAULT | CMAF_ORIGINAL), sound(480, -1024));
    put_track("a1.idx", named(made_aac(), "de", "Deutsch \"<&'>", CMAF_DUB), sound(480, -1024));
    put_track("a2.idx", named(made_aac(), "en", "English", CMAF_VISUAL_IMPAIRED), sound(480, 0));
    put_track("a3.idx", named(opus, "en", "", 0), sound(480, -312));
    struct cmaf_extras extras = {.text_count = 3, .thumbnails = {240, 136, 5, 4, 2000, 6, 43210}};
    extras.texts[0] = (struct cmaf_text){.name = "t0", .language = "zh-Hans", .label = "简体中文", .flags = CMAF_DEFAULT};
    extras.texts[1] = (struct cmaf_text){.name = "t1", .language = "en", .label = "English \"CC\"", .flags = CMAF_HEARING_IMPAIRED};
    extras.texts[2] = (struct cmaf_text){.name = "t2", .language = "", .flags = CMAF_FORCED};
    assert_ok(cmaf_extras_write(dir, &extras));
    for (int i = 0; i < 3; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%d.vtt", i);
        assert_ok(fs_write_file_atomic(dir, name, SLICE("WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"), 0644));
    }
}

/* Times that are not round, a GOP that is longer than the target, and no sound. */
static void make_silent(void) {
    struct cmaf_track odd = made_h264();
    odd.timescale = 30000, odd.rotation = 90;
    put_track("v0.idx", odd, (struct made_shape){.count = 300, .duration = 1001, .gop = 150, .bytes_max = 3000});
}

static void make_sound_only(void) {
    put_track("a0.idx", named(made_aac(), "th", "ไทย", 0), sound(300, -1024));
    put_track("a1.idx", named(made_aac(), "en", "", 0), sound(300, -1024));
}

struct golden {
    const struct cmaf_presentation *presentation;
    const char *set;
};

static struct err compare(void *user, const char *file_name) {
    const struct golden *g = user;
    struct buf made = BUF(1 << 20), wanted = BUF(1 << 20);
    assert_ok(manifest_make(g->presentation, slice_cstr(file_name), &made));
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s/%s", GOLDEN_DIR, g->set, file_name);
    if (getenv("GOLDEN_REMAKE")) {
        char folder[512];
        (void)snprintf(folder, sizeof folder, "%s/%s", GOLDEN_DIR, g->set);
        assert_ok(fs_make_dirs(AT_FDCWD, folder, 0755));
        assert_ok(fs_write_file_atomic(AT_FDCWD, path, buf_slice(&made), 0644));
    }
    assert_ok(fs_read_file(AT_FDCWD, path, &wanted));
    if (!slice_eq(buf_slice(&made), buf_slice(&wanted))) fail_msg("%s differs from %s:\n%.*s", file_name, path, (int)made.len, made.ptr);
    assert_non_null(manifest_content_type(slice_cstr(file_name)));
    buf_free(&made);
    buf_free(&wanted);
    return ERR_OK;
}

static void manifests_are_the_golden_ones(void **state) {
    static const struct {
        const char *set;
        void (*make)(void);
    } sets[] = {{"film", make_film}, {"silent", make_silent}, {"sound", make_sound_only}};
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        sets[i].make();
        struct cmaf_presentation p;
        assert_ok(cmaf_presentation_load(dir, arena, &p));
        struct golden golden = {&p, sets[i].set};
        assert_ok(manifest_each(&p, compare, &golden));
        tear_down(NULL), set_up(NULL);
    }
}

static void only_views_that_exist_are_made(void **state) {
    make_silent();
    struct cmaf_presentation p;
    assert_ok(cmaf_presentation_load(dir, arena, &p));
    static const char *const names[] = {"", "v1.m3u8", "v0", "v0.m3u", "v0-iframes", "v00.m3u8", "a0.m3u8", "t0.m3u8", "master", "../master.m3u8", "v0.m3u8x", "xv0.m3u8"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct buf out = BUF(1 << 20);
        assert_err(manifest_make(&p, slice_cstr(names[i]), &out), ERR_NOT_FOUND, "manifest.name");
        assert_int_equal(out.len, 0);
        buf_free(&out);
    }
}

static void names_tell_what_files_are(void **state) {
    static const char *const names[][2] = {
        {"master.m3u8", "application/vnd.apple.mpegurl"}, {"v0.m3u8", "application/vnd.apple.mpegurl"}, {"a31.m3u8", "application/vnd.apple.mpegurl"},
        {"v0-iframes.m3u8", "application/vnd.apple.mpegurl"}, {"t3.m3u8", "application/vnd.apple.mpegurl"}, {"manifest.mpd", "application/dash+xml"},
        {"v0.mp4", "video/mp4"}, {"a0.mp4", "audio/mp4"}, {"t0.vtt", "text/vtt"}, {"thumbs.vtt", "text/vtt"}, {"thumbs-0.jpg", "image/jpeg"},
        {"thumbs-120.jpg", "image/jpeg"}, {"poster.jpg", "image/jpeg"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) assert_string_equal(manifest_content_type(slice_cstr(names[i][0])), names[i][1]);
    static const char *const none[] = {"", ".", "..", "v0", "v0.idx", "presentation.json", "v0/../x.mp4", "v.mp4", "v00.mp4", "v100.mp4", "t0.mp4", "a0-iframes.m3u8",
                                       "thumbs-.jpg", "thumbs-00.jpg", "thumbs-123456.jpg", "thumbs--1.jpg", "poster.jpg.tmp", "V0.mp4", "v0.mp4\n", "x0.m3u8"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) assert_null(manifest_content_type(slice_cstr(none[i])));
    assert_null(manifest_content_type(slice_of("\0" "0.mp4", 6)));
}

static void all_views_are_written_or_it_is_said(void **state) {
    make_film();
    struct cmaf_presentation p;
    assert_ok(cmaf_presentation_load(dir, arena, &p));
    assert_ok(manifest_write_all(&p, dir));
    static const char *const names[] = {"master.m3u8", "manifest.mpd", "v0.m3u8", "v0-iframes.m3u8", "v1.m3u8", "v2.m3u8", "a0.m3u8", "a3.m3u8", "t0.m3u8", "t2.m3u8"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) assert_true(fs_exists(dir, names[i]));
    for (int point = 0; point < FAULT_POINTS; point++)
        for (uint64_t nth = 1;; nth++) {
            fault_arm((enum fault_point)point, nth, false);
            struct err e = manifest_write_all(&p, dir);
            bool fired = fault_fired((enum fault_point)point);
            fault_disarm_all();
            assert_int_equal(!!e.kind, fired);
            if (!fired) break;
            assert_true(nth < 1000);
        }
}

static void a_full_buffer_is_an_error(void **state) {
    make_film();
    struct cmaf_presentation p;
    assert_ok(cmaf_presentation_load(dir, arena, &p));
    static const char *const names[] = {"master.m3u8", "manifest.mpd", "v0.m3u8", "v0-iframes.m3u8", "t0.m3u8"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct buf out = BUF(100);
        assert_int_equal(manifest_make(&p, slice_cstr(names[i]), &out).kind, ERR_LIMIT);
        buf_free(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(manifests_are_the_golden_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_views_that_exist_are_made, set_up, tear_down),
        cmocka_unit_test(names_tell_what_files_are),
        cmocka_unit_test_setup_teardown(all_views_are_written_or_it_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_buffer_is_an_error, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
