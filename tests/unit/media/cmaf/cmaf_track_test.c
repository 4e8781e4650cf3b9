/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "media/cmaf/cmaf.h"
#include "media/cmaf/language.h"
#include "media_maker.h"

static struct cmaf_track video(enum cmaf_codec codec, const char *config, size_t len) {
    return (struct cmaf_track){.kind = CMAF_VIDEO, .codec = codec, .timescale = 1000, .config = slice_of(config, len), .width = 16, .height = 16};
}
static struct cmaf_track audio(enum cmaf_codec codec, const char *config, size_t len) {
    return (struct cmaf_track){.kind = CMAF_AUDIO, .codec = codec, .timescale = 1000, .config = slice_of(config, len)};
}
#define BYTES(text) (text), sizeof(text) - 1

static void codec_strings_follow_rfc_6381(void **state) {
    struct {
        struct cmaf_track track;
        const char *wanted;
    } cases[] = {
        {video(CMAF_H264, BYTES("\x01\x64\x00\x28\xff\xe1\x00\x00\x00")), "avc1.640028"},
        {video(CMAF_H264, BYTES("\x01\x42\xc0\x1e\xff\xe1\x00\x00\x00")), "avc1.42c01e"},
        /* Main, main tier, level 3.1, progressive, frame-only: the example everybody has seen */
        {video(CMAF_HEVC, BYTES("\x01\x01\x60\x00\x00\x00\xb0\x00\x00\x00\x00\x00\x5d\xf0\x00\xfc\xfd\xf8\xf8\x00\x00\x0f\x00")), "hvc1.1.6.L93.B0"},
        /* Main 10, high tier, level 5.1, profile space A, a gap and leading zeros among the constraints */
        {video(CMAF_HEVC, BYTES("\x01\x62\x20\x00\x00\x00\x90\x00\x0a\x00\x00\x00\x99\xf0\x00\xfc\xfd\xf8\xf8\x00\x00\x0f\x00")), "hvc1.A2.4.H153.90.0.A"},
        {video(CMAF_AV1, BYTES("\x81\x08\x0c\x00")), "av01.0.08M.08"},
        {video(CMAF_AV1, BYTES("\x81\x0d\xcc\x00")), "av01.0.13H.10"},
        {video(CMAF_AV1, BYTES("\x81\x48\x60\x00")), "av01.2.08M.12"},
        {video(CMAF_VP9, BYTES("\x01\x00\x00\x00\x00\x1f\x82\x01\x01\x01\x00\x00")), "vp09.00.31.08"},
        {video(CMAF_VP9, BYTES("\x01\x00\x00\x00\x02\x33\xa2\x09\x10\x09\x00\x00")), "vp09.02.51.10.01.09.16.09.00"},
        {audio(CMAF_AAC, BYTES("\x11\x90")), "mp4a.40.2"},
        {audio(CMAF_AAC, BYTES("\x2b\x92\x08\x00")), "mp4a.40.5"},
        {audio(CMAF_OPUS, BYTES("\x00\x02\x01\x38\x00\x00\xbb\x80\x00\x00\x00")), "opus"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_ok(cmaf_track_complete(&cases[i].track));
        assert_string_equal(cases[i].track.codec_string, cases[i].wanted);
    }
    struct cmaf_track hdr = video(CMAF_AV1, BYTES("\x81\x0d\x4e\x00"));
    hdr.colour = (struct cmaf_colour){.has_any = true, .primaries = 9, .transfer = 16, .matrix = 9};
    assert_ok(cmaf_track_complete(&hdr));
    assert_string_equal(hdr.codec_string, "av01.0.13M.10.0.112.09.16.09.0");
    struct cmaf_track mp3 = audio(CMAF_MP3, NULL, 0);
    mp3.channels = 2, mp3.sample_rate = 44100;
    assert_ok(cmaf_track_complete(&mp3));
    assert_string_equal(mp3.codec_string, "mp4a.6B");
}

static void audio_configs_tell_rate_and_channels(void **state) {
    struct cmaf_track t = audio(CMAF_AAC, BYTES("\x12\x10")); /* LC, 44.1 kHz, stereo */
    assert_ok(cmaf_track_complete(&t));
    assert_int_equal(t.sample_rate, 44100);
    assert_int_equal(t.channels, 2);
    t = audio(CMAF_AAC, BYTES("\x2b\x92\x08\x00")); /* SBR: 22.05 kHz inside, 44.1 kHz out */
    assert_ok(cmaf_track_complete(&t));
    assert_int_equal(t.sample_rate, 44100);
    t = audio(CMAF_AAC, BYTES("\x11\xb8")); /* 7 is 7.1 */
    assert_ok(cmaf_track_complete(&t));
    assert_int_equal(t.channels, 8);
}

static void what_cannot_be_is_refused_and_nothing_changes(void **state) {
    struct cmaf_track bad[] = {
        video(CMAF_H264, BYTES("\x02\x64\x00\x28\xff\xe1\x00\x00\x00")), video(CMAF_H264, BYTES("\x01\x64")), video(CMAF_HEVC, BYTES("\x01\x01\x60")),
        video(CMAF_AV1, BYTES("\x01\x08\x0c\x00")), audio(CMAF_AAC, BYTES("\x11")), audio(CMAF_AAC, NULL, 0), audio(CMAF_OPUS, BYTES("\x00")),
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_err(cmaf_track_complete(&bad[i]), ERR_INPUT, "track.config");
    struct cmaf_track t = made_h264();
    t.codec = CMAF_AAC;
    assert_int_equal(cmaf_track_complete(&t).kind, ERR_INPUT);
    t = made_h264(), t.width = 0;
    assert_err(cmaf_track_complete(&t), ERR_INPUT, "track.size");
    t = made_h264(), t.rotation = 45;
    assert_err(cmaf_track_complete(&t), ERR_INPUT, "track.rotation");
    t = made_h264(), strcpy(t.language, "not a tag");
    assert_err(cmaf_track_complete(&t), ERR_INPUT, "track.language");
    t = made_h264(), memset(t.language, 'a', sizeof t.language);
    assert_err(cmaf_track_complete(&t), ERR_INPUT, "track.language");
    t = made_h264(), strcpy(t.label, "\xff\xfe");
    assert_err(cmaf_track_complete(&t), ERR_INPUT, "track.label");
    assert_string_equal(t.codec_string, "");
}

static void languages_get_their_usual_form(void **state) {
    const char *const cases[][2] = {{"eng", "en"}, {"GER", "de"}, {"deu", "de"}, {"chi", "zh"}, {"tha", "th"}, {"und", ""}, {"", ""},
                                    {"zh-hans-cn", "zh-Hans-CN"}, {"EN-us", "en-US"}, {"fil", "fil"}, {"es-419", "es-419"}, {"de-1996", "de-1996"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[CMAF_LANGUAGE_MAX];
        assert_true(language_normalise(slice_cstr(cases[i][0]), out));
        assert_string_equal(out, cases[i][1]);
    }
    const char *const bad[] = {"e", "en-", "-en", "en--us", "e1", "abcdefghi", "en us", "en\"", "\xc3\xa9n", "en-abcdefghi"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char out[CMAF_LANGUAGE_MAX] = "before";
        assert_false(language_normalise(slice_cstr(bad[i]), out));
        assert_string_equal(out, "before");
    }
    char three[4];
    language_alpha3("zh-Hans", three);
    assert_string_equal(three, "zho");
    language_alpha3("fil", three);
    assert_string_equal(three, "fil");
    language_alpha3("", three);
    assert_string_equal(three, "und");
}

static void size_on_screen_minds_aspect_and_turn(void **state) {
    uint32_t width, height;
    struct cmaf_track t = {.width = 720, .height = 576, .aspect_x = 64, .aspect_y = 45};
    cmaf_track_display_size(&t, &width, &height);
    assert_int_equal(width, 1024);
    assert_int_equal(height, 576);
    t = (struct cmaf_track){.width = 1920, .height = 1080, .rotation = 90};
    cmaf_track_display_size(&t, &width, &height);
    assert_int_equal(width, 1080);
    assert_int_equal(height, 1920);
    t = (struct cmaf_track){.width = 65535, .height = 65535, .aspect_x = UINT32_MAX, .aspect_y = 1}; /* nonsense is not followed */
    cmaf_track_display_size(&t, &width, &height);
    assert_int_equal(width, 65535);
}

static void init_segment_says_all_about_a_track(void **state) {
    struct cmaf_track t = made_h264();
    strcpy(t.language, "zh-Hans");
    strcpy(t.label, "主画面 <\"&");
    t.flags = CMAF_DEFAULT | CMAF_DUB | CMAF_COMMENTARY | CMAF_VISUAL_IMPAIRED | CMAF_HEARING_IMPAIRED | CMAF_FORCED | CMAF_ORIGINAL;
    t.aspect_x = 4, t.aspect_y = 3, t.rotation = 270;
    t.colour = (struct cmaf_colour){.has_any = true, .is_full_range = true, .primaries = 9, .transfer = 16, .matrix = 9};
    t.hdr = (struct cmaf_hdr){.has_mastering = true, .has_light = true, .primary_x = {1, 2, 3}, .primary_y = {4, 5, 6}, .white_x = 7, .white_y = 8,
                              .luminance_max = 9, .luminance_min = 10, .light_max = 11, .light_average = 12};
    assert_ok(cmaf_track_complete(&t));
    struct rng rng = rng_seeded(1);
    struct made m = made_samples(&rng, (struct made_shape){.count = 3, .duration = 512, .gop = 3, .bytes_max = 50});
    struct arena *arena = arena_create(1 << 20);
    int fd = made_file();
    (void)made_track_file(fd, &t, &m, arena);
    struct cmaf_index index;
    assert_ok(cmaf_index_rebuild(fd, arena, &index));
    const struct cmaf_track *back = &index.track;
    assert_true(slice_eq(back->config, t.config));
    assert_string_equal(back->language, "zh-Hans");
    assert_string_equal(back->label, t.label);
    assert_int_equal(back->flags, t.flags);
    assert_int_equal(back->aspect_x, 4);
    assert_int_equal(back->rotation, 270);
    assert_memory_equal(&back->colour, &t.colour, sizeof t.colour);
    assert_memory_equal(&back->hdr, &t.hdr, sizeof t.hdr);
    assert_string_equal(back->codec_string, "avc1.64001f");
    close(fd);
    arena_destroy(&arena);
    made_free(&m);
}

static void every_codec_comes_back(void **state) {
    struct cmaf_track tracks[] = {
        video(CMAF_HEVC, BYTES("\x01\x01\x60\x00\x00\x00\xb0\x00\x00\x00\x00\x00\x5d\xf0\x00\xfc\xfd\xf8\xf8\x00\x00\x0f\x00")),
        video(CMAF_AV1, BYTES("\x81\x08\x0c\x00")), video(CMAF_VP9, BYTES("\x01\x00\x00\x00\x00\x1f\x82\x01\x01\x01\x00\x00")),
        audio(CMAF_AAC, BYTES("\x11\x90")), audio(CMAF_OPUS, BYTES("\x00\x02\x01\x38\x00\x00\xbb\x80\x00\x00\x00")), audio(CMAF_MP3, NULL, 0),
        audio(CMAF_AC3, BYTES("\x10\x3d\xc0")), audio(CMAF_EAC3, BYTES("\x0c\x00\x20\x0f\x00")),
        audio(CMAF_FLAC, BYTES("\0\0\0\0\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0\x0b\xb8\x02\xf0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")),
    };
    for (size_t i = 0; i < ARRAY_LEN(tracks); i++) {
        if (tracks[i].kind == CMAF_AUDIO && tracks[i].codec > CMAF_OPUS) tracks[i].channels = 2, tracks[i].sample_rate = 48000;
        assert_ok(cmaf_track_complete(&tracks[i]));
        struct rng rng = rng_seeded(i);
        struct made m = made_samples(&rng, (struct made_shape){.count = 3, .duration = 512, .gop = 1, .bytes_max = 50});
        struct arena *arena = arena_create(1 << 20);
        int fd = made_file();
        (void)made_track_file(fd, &tracks[i], &m, arena);
        struct cmaf_index index;
        assert_ok(cmaf_index_rebuild(fd, arena, &index));
        assert_int_equal(index.track.codec, tracks[i].codec);
        assert_string_equal(index.track.codec_string, tracks[i].codec_string);
        assert_true(slice_eq(index.track.config, tracks[i].config));
        assert_int_equal(index.track.channels, tracks[i].channels);
        assert_int_equal(index.track.sample_rate, tracks[i].sample_rate);
        close(fd);
        arena_destroy(&arena);
        made_free(&m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codec_strings_follow_rfc_6381),
        cmocka_unit_test(audio_configs_tell_rate_and_channels),
        cmocka_unit_test(what_cannot_be_is_refused_and_nothing_changes),
        cmocka_unit_test(languages_get_their_usual_form),
        cmocka_unit_test(size_on_screen_minds_aspect_and_turn),
        cmocka_unit_test(init_segment_says_all_about_a_track),
        cmocka_unit_test(every_codec_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
