/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hex.h"
#include "media/rtmp/params.h"
#include "media/rtmp/sound.h"

static struct buf config = {.bytes_max = 65536};

/* The configuration as FLV has it, and of it every beginning, which may say something or nothing but never crash. */
static struct cmaf_track track_of(enum cmaf_kind kind, enum cmaf_codec codec, const char *digits) {
    struct slice whole = hex(digits);
    for (size_t len = 0; len < whole.len; len++) {
        char *exact = malloc(len ? len : 1);
        memcpy(exact, whole.ptr, len);
        struct cmaf_track cut = {.kind = kind, .codec = codec};
        buf_clear(&config);
        (void)params_of_config(&cut, slice_of(exact, len), &config);
        free(exact);
    }
    struct cmaf_track t = {.kind = kind, .codec = codec};
    buf_clear(&config);
    assert_true(params_of_config(&t, whole, &config));
    free((void *)whole.ptr);
    t.config = buf_slice(&config);
    t.timescale = 1000;
    return t;
}

static void h264(void **state) {
    struct cmaf_track t = track_of(CMAF_VIDEO, CMAF_H264, AVCC_1080);
    assert_int_equal(t.width, 1920);
    assert_int_equal(t.height, 1080); /* of 1088 coded lines */
    assert_int_equal(t.rate_num, 30000);
    assert_int_equal(t.rate_den, 1001);
    assert_true(t.colour.has_any && t.colour.primaries == 1 && t.colour.transfer == 1 && t.colour.matrix == 1 && !t.colour.is_full_range);
    assert_int_equal(cmaf_track_complete(&t).kind, ERR_NONE);
    assert_string_equal(t.codec_string, "avc1.42c028");
    t = track_of(CMAF_VIDEO, CMAF_H264, AVCC_576I);
    assert_int_equal(t.width, 720);
    assert_int_equal(t.height, 576);
    assert_int_equal(t.aspect_x * 45, t.aspect_y * 64);
    assert_int_equal(t.rate_num, 25);
    assert_int_equal(t.rate_den, 1);
}

static void hevc(void **state) {
    struct cmaf_track t = track_of(CMAF_VIDEO, CMAF_HEVC, HVCC_HDR);
    assert_int_equal(t.width, 1278);
    assert_int_equal(t.height, 718);
    assert_int_equal(t.rate_num, 50);
    assert_int_equal(t.rate_den, 1);
    assert_true(t.colour.has_any && t.colour.primaries == 9 && t.colour.transfer == 16 && t.colour.matrix == 9);
    assert_int_equal(cmaf_track_complete(&t).kind, ERR_NONE);
}

static void av1_and_vp9(void **state) {
    struct cmaf_track t = track_of(CMAF_VIDEO, CMAF_AV1, AV1C_360);
    assert_int_equal(t.width, 640);
    assert_int_equal(t.height, 360);
    assert_int_equal(t.colour.primaries, 1);
    assert_int_equal(cmaf_track_complete(&t).kind, ERR_NONE);
    /* a configuration without the sequence header is allowed; then a key frame tells */
    t = track_of(CMAF_VIDEO, CMAF_AV1, "81010c00");
    assert_int_equal(t.width, 0);
    struct slice frame = hex("0a0e0000000cc4ff6736be4404040410");
    assert_true(params_of_frame(&t, frame, &config) && t.width == 640 && t.height == 360);
    free((void *)frame.ptr);
    for (int has_version = 0; has_version < 2; has_version++) { /* publishers differ about the four bytes in front */
        t = track_of(CMAF_VIDEO, CMAF_VP9, has_version ? "01000000000b820202020000" : "000b820202020000");
        assert_int_equal(t.config.len, 12);
        frame = hex("824983420014100b560638241c184a00");
        assert_true(params_of_frame(&t, frame, &config));
        free((void *)frame.ptr);
        assert_int_equal(t.width, 322);
        assert_int_equal(t.height, 182);
        assert_int_equal(cmaf_track_complete(&t).kind, ERR_NONE);
    }
    frame = hex("86");
    assert_false(params_of_frame(&t, frame, &config)); /* no key frame */
    free((void *)frame.ptr);
}

static void sound_with_configurations(void **state) {
    struct cmaf_track t = track_of(CMAF_AUDIO, CMAF_AAC, ASC_44100);
    assert_int_equal(cmaf_track_complete(&t).kind, ERR_NONE);
    assert_int_equal(t.sample_rate, 44100);
    assert_int_equal(t.channels, 1);
    assert_int_equal(sound_duration(&t, SLICE("x")), 1024);
    t = track_of(CMAF_AUDIO, CMAF_AAC, "2b118800"); /* SBR said explicitly: 24,000 coded, 48,000 heard */
    assert_int_equal(cmaf_track_complete(&t).kind, ERR_NONE);
    assert_int_equal(t.sample_rate, 48000);
    assert_int_equal(sound_duration(&t, SLICE("x")), 2048);
    t = track_of(CMAF_AUDIO, CMAF_OPUS, "4f707573486561640102380180bb0000000000"); /* OpusHead, 312 samples of pre-skip */
    struct slice dops = hex("000201380000bb80000000");
    assert_memory_equal(t.config.ptr, dops.ptr, dops.len);
    assert_int_equal(t.config.len, dops.len);
    free((void *)dops.ptr);
    struct buf back = BUF(100);
    assert_true(params_to_flv(&t, &back));
    struct slice head = hex("4f707573486561640102380180bb0000000000");
    assert_true(slice_eq(buf_slice(&back), head));
    free((void *)head.ptr);
    buf_free(&back);
    struct slice frame = hex("fcb406");
    assert_int_equal(sound_duration(&t, frame), 960);
    free((void *)frame.ptr);
    t = track_of(CMAF_AUDIO, CMAF_FLAC, "664c614300000022120012000000100014e90ac442f00000339c" "00112233445566778899aabbccddeeff");
    assert_int_equal(t.sample_rate, 44100);
    assert_int_equal(t.channels, 2);
    assert_int_equal(t.config.len, 42);
    assert_int_equal(cmaf_track_complete(&t).kind, ERR_NONE);
    frame = hex("fff8c9180000c1");
    assert_int_equal(sound_duration(&t, frame), 4096);
    free((void *)frame.ptr);
}

/* What FFmpeg's MP4 writer makes of the same frames is the measure. */
static void sound_that_tells_by_its_frames(void **state) {
    static const struct {
        enum cmaf_codec codec;
        const char *frame, *config;
        uint32_t rate, channels, duration;
    } CASES[] = {
        {CMAF_AC3, "0b77b50b1e40ebf8403eff99ff0841fc", "103de0", 48000, 6, 1536},
        {CMAF_EAC3, "0b77037f3f87c00020f8200002004000", "0e00200f00", 48000, 6, 1536},
        {CMAF_MP3, "fffb904400000000", "", 44100, 2, 1152},
        {CMAF_MP3, "fff384c400000000", "", 24000, 1, 576},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct cmaf_track t = {.kind = CMAF_AUDIO, .codec = CASES[i].codec, .timescale = 1000};
        struct slice frame = hex(CASES[i].frame), wanted = hex(CASES[i].config);
        buf_clear(&config);
        assert_true(params_of_frame(&t, frame, &config));
        assert_true(slice_eq(buf_slice(&config), wanted));
        assert_int_equal(t.sample_rate, CASES[i].rate);
        assert_int_equal(t.channels, CASES[i].channels);
        assert_int_equal(sound_duration(&t, frame), CASES[i].duration);
        t.config = buf_slice(&config);
        assert_int_equal(cmaf_track_complete(&t).kind, ERR_NONE);
        for (size_t len = 0; len < 6; len++) {
            struct cmaf_track cut = {.kind = CMAF_AUDIO, .codec = CASES[i].codec};
            (void)params_of_frame(&cut, slice_sub(frame, 0, len), &config);
            (void)sound_duration(&cut, slice_sub(frame, 0, len));
        }
        free((void *)frame.ptr);
        free((void *)wanted.ptr);
    }
}

static void samples_are_walked(void **state) {
    struct cmaf_track t = track_of(CMAF_VIDEO, CMAF_H264, AVCC_1080);
    static const struct {
        const char *sample;
        enum params_verdict verdict;
    } CASES[] = {
        {"0000000265880000000241ff", PARAMS_SYNC},    {"0000000241ff", PARAMS_FINE},  {"000000020605000000026588", PARAMS_SYNC},
        {"0000000341ff", PARAMS_BROKEN},              {"00000002", PARAMS_BROKEN},    {"000000", PARAMS_BROKEN},
        {"ffffffff41", PARAMS_BROKEN},                {"", PARAMS_BROKEN},            {"000000000000000241ff", PARAMS_FINE},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct slice sample = hex(CASES[i].sample);
        assert_int_equal(params_of_sample(&t, sample), CASES[i].verdict);
        free((void *)sample.ptr);
    }
    t = track_of(CMAF_VIDEO, CMAF_HEVC, HVCC_HDR);
    struct slice sample = hex("000000032601af"); /* IDR_W_RADL */
    assert_int_equal(params_of_sample(&t, sample), PARAMS_SYNC);
    free((void *)sample.ptr);
}

static void rates_of_the_trade(void **state) {
    static const struct {
        double rate;
        uint32_t num, den;
    } CASES[] = {{25, 25, 1}, {29.97, 30000, 1001}, {29.97002997, 30000, 1001}, {23.976, 24000, 1001}, {59.94, 60000, 1001}, {60, 60, 1}, {12.5, 12500, 1000}};
    uint32_t num, den;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        assert_true(params_rate(CASES[i].rate, &num, &den));
        assert_int_equal(num, CASES[i].num);
        assert_int_equal(den, CASES[i].den);
    }
    assert_false(params_rate(0, &num, &den));
    assert_false(params_rate(-25, &num, &den));
    assert_false(params_rate(1e9, &num, &den));
    assert_false(params_rate(__builtin_nan(""), &num, &den));
}

static int clean(void **state) {
    buf_free(&config);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h264),          cmocka_unit_test(hevc),
        cmocka_unit_test(av1_and_vp9),   cmocka_unit_test(sound_with_configurations),
        cmocka_unit_test(sound_that_tells_by_its_frames), cmocka_unit_test(samples_are_walked),
        cmocka_unit_test(rates_of_the_trade),
    };
    return cmocka_run_group_tests(tests, NULL, clean);
}
