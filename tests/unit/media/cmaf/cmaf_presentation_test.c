/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "media/cmaf/cmaf.h"
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

static void put_track(const char *name, struct cmaf_track track, size_t seconds) {
    struct rng rng = rng_seeded(seconds);
    struct made m = made_samples(&rng, (struct made_shape){.count = seconds * 25, .duration = track.timescale / 25, .gop = track.kind == CMAF_VIDEO ? 50 : 1, .bytes_max = 90});
    int fd = made_file();
    struct cmaf_index index = made_track_file(fd, &track, &m, arena);
    assert_ok(cmaf_index_write(dir, name, &index));
    close(fd);
    made_free(&m);
}

static void an_empty_folder_is_no_presentation(void **state) {
    struct cmaf_presentation p;
    assert_err(cmaf_presentation_load(dir, arena, &p), ERR_NOT_FOUND, "presentation.empty");
}

static void tracks_are_found_and_sorted(void **state) {
    struct cmaf_track small = made_h264(), large = made_h264(), sound = made_aac();
    small.width = 640, small.height = 360;
    large.width = 1920, large.height = 1080;
    put_track("v0.idx", small, 4);
    put_track("v2.idx", large, 4);
    put_track("v5.idx", made_h264(), 4);
    put_track("a0.idx", sound, 5);
    put_track("a10.idx", sound, 4);
    put_track("v99.idx", large, 4); /* beyond what a folder may have: not looked at */
    struct cmaf_presentation p;
    assert_ok(cmaf_presentation_load(dir, arena, &p));
    assert_int_equal(p.video_count, 3);
    assert_string_equal(p.videos[0].name, "v2");
    assert_string_equal(p.videos[1].name, "v5");
    assert_string_equal(p.videos[2].name, "v0");
    assert_int_equal(p.audio_count, 2);
    assert_string_equal(p.audios[1].name, "a10");
    assert_int_equal(p.duration_ms, 5000);
    assert_true(p.videos[0].peak_bps >= p.videos[0].average_bps && p.videos[0].average_bps > 0);
}

static void a_track_of_the_wrong_kind_is_refused(void **state) {
    put_track("v0.idx", made_aac(), 4);
    struct cmaf_presentation p;
    assert_err(cmaf_presentation_load(dir, arena, &p), ERR_INPUT, "index.damaged");
}

static struct cmaf_extras some_extras(void) {
    struct cmaf_extras x = {.text_count = 2, .thumbnails = {240, 136, 10, 10, 5000, 120, 987654}};
    x.texts[0] = (struct cmaf_text){.name = "t0", .language = "zh-Hans", .label = "简体中文 \"引\"", .flags = CMAF_DEFAULT | CMAF_HEARING_IMPAIRED};
    x.texts[1] = (struct cmaf_text){.name = "t1", .language = "ger", .flags = CMAF_FORCED};
    return x;
}

static void extras_come_back(void **state) {
    struct cmaf_extras x = some_extras(), back;
    assert_ok(cmaf_extras_read(dir, &back));
    assert_int_equal(back.text_count, 0);
    assert_ok(cmaf_extras_write(dir, &x));
    assert_ok(cmaf_extras_read(dir, &back));
    assert_int_equal(back.text_count, 2);
    assert_string_equal(back.texts[0].label, x.texts[0].label);
    assert_string_equal(back.texts[0].language, "zh-Hans");
    assert_int_equal(back.texts[0].flags, x.texts[0].flags);
    assert_string_equal(back.texts[1].language, "de");
    assert_int_equal(back.texts[1].flags, CMAF_FORCED);
    assert_memory_equal(&back.thumbnails, &x.thumbnails, sizeof x.thumbnails);
    /* A text that is announced but not there is left out. */
    put_track("v0.idx", made_h264(), 2);
    assert_ok(fs_write_file_atomic(dir, "t1.vtt", SLICE("WEBVTT\n"), 0644));
    struct cmaf_presentation p;
    assert_ok(cmaf_presentation_load(dir, arena, &p));
    assert_int_equal(p.text_count, 1);
    assert_string_equal(p.texts[0].name, "t1");
    assert_int_equal(p.texts[0].bytes, 7);
    assert_int_equal(p.thumbnails.count, 120);
}

static void extras_that_cannot_be_are_refused(void **state) {
    struct cmaf_extras x = some_extras(), back = {.text_count = 77};
    strcpy(x.texts[0].name, "t00");
    assert_err(cmaf_extras_write(dir, &x), ERR_INPUT, "presentation.extras");
    x = some_extras(), strcpy(x.texts[0].name, "../t0"), x.texts[0].name[7] = 0;
    assert_err(cmaf_extras_write(dir, &x), ERR_INPUT, "presentation.extras");
    x = some_extras(), x.thumbnails.columns = 0;
    assert_err(cmaf_extras_write(dir, &x), ERR_INPUT, "presentation.extras");
    static const char *const bad[] = {
        "", "nonsense", "{\"texts\":[{\"name\":\"../../x\",\"language\":\"en\"}]}", "{\"texts\":[{\"name\":\"t0\",\"language\":\"e\\\"n\"}]}",
        "{\"texts\":[{\"name\":\"t0\"},{\"name\":\"t0\"}]}", "{\"texts\":[{\"name\":\"t0\",\"label\":\"a\\u0000b\"}]}",
        "{\"texts\":[{\"name\":\"t0\",\"label\":\"a\\nb\"}]}", "{\"thumbnails\":{\"width\":-1}}", "{\"thumbnails\":{}}",
        "{\"thumbnails\":{\"width\":1,\"height\":1,\"columns\":1,\"rows\":1,\"interval_ms\":0,\"count\":1,\"bytes\":1}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_ok(fs_write_file_atomic(dir, "presentation.json", slice_cstr(bad[i]), 0644));
        assert_err(cmaf_extras_read(dir, &back), ERR_INPUT, "presentation.extras");
        assert_int_equal(back.text_count, 77);
    }
}

static void loading_survives_every_fault(void **state) {
    struct cmaf_extras x = some_extras();
    put_track("v0.idx", made_h264(), 4);
    put_track("a0.idx", made_aac(), 4);
    assert_ok(cmaf_extras_write(dir, &x));
    for (int point = 0; point < FAULT_POINTS; point++)
        for (uint64_t nth = 1;; nth++) {
            struct arena *scratch = arena_create(1 << 20);
            struct cmaf_presentation p = {.duration_ms = -1};
            fault_arm((enum fault_point)point, nth, false);
            struct err e = cmaf_presentation_load(dir, scratch, &p);
            bool fired = fault_fired((enum fault_point)point);
            fault_disarm_all();
            arena_destroy(&scratch);
            if (fired && point != FAULT_ALLOC) assert_int_equal(e.kind, ERR_IO);
            if (e.kind) assert_int_equal(p.duration_ms, -1);
            if (!fired) {
                assert_ok(e);
                break;
            }
            assert_true(nth < 1000);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_folder_is_no_presentation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tracks_are_found_and_sorted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_track_of_the_wrong_kind_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(extras_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(extras_that_cannot_be_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loading_survives_every_fault, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
