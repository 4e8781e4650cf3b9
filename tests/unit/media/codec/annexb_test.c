/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Streams of H.264 and HEVC as the ffmpeg command makes them; ffprobe says what must come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "base/fs.h"
#include "base/rng.h"
#include "media/codec/codec_stranger.h"
#include "media/codec/nal.h"
#include "work_folder.h"

/* Up to the next access unit delimiter, which these streams are made with. */
static bool next_unit(struct slice *rest, bool is_hevc, struct slice *unit) {
    if (!rest->len) return false;
    const uint8_t *b = (const uint8_t *)rest->ptr;
    for (size_t i = 5; i + 4 < rest->len; i++) {
        bool is_start = !b[i] && !b[i + 1] && !b[i + 2] && b[i + 3] == 1;
        if (!is_start || (is_hevc ? b[i + 4] >> 1 != 35 : (b[i + 4] & 31) != 9)) continue;
        *unit = slice_sub(*rest, 0, i);
        *rest = slice_sub(*rest, i, rest->len);
        return true;
    }
    *unit = *rest;
    *rest = SLICE_NONE;
    return true;
}

static char probed[4096];
static void probe(const char *name) {
    shell("ffprobe -loglevel error -select_streams v -show_entries stream=width,height,sample_aspect_ratio,color_primaries,color_transfer,color_space,color_range,r_frame_rate "
          "-of default=nw=1 %s > probe.txt", name);
    struct buf text;
    struct slice s = work_read("probe.txt", &text);
    snprintf(probed, sizeof probed, "\n%.*s", SLICE_ARG(s));
    buf_free(&text);
}
static const char *told(const char *name) {
    static char value[64];
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\n%s=", name);
    const char *at = strstr(probed, wanted);
    assert_non_null(at);
    at += strlen(wanted);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\n"), at);
    return value;
}

static const char *of_code(const char *const (*names)[2], size_t count, unsigned code) {
    for (size_t i = 0; i < count; i++)
        if ((unsigned)atoi(names[i][0]) == code) return names[i][1];
    return "unknown";
}
static const char *const PRIMARIES[][2] = {{"1", "bt709"}, {"5", "bt470bg"}, {"6", "smpte170m"}, {"9", "bt2020"}};
static const char *const TRANSFERS[][2] = {{"1", "bt709"}, {"6", "smpte170m"}, {"16", "smpte2084"}, {"18", "arib-std-b67"}};
static const char *const MATRICES[][2] = {{"1", "bt709"}, {"5", "bt470bg"}, {"6", "smpte170m"}, {"9", "bt2020nc"}};

static const struct {
    const char *size, *rate, *options;
    bool is_hevc;
} STREAMS[] = {
    {"1920x1080", "30000/1001", "-c:v libx264 -pix_fmt yuv420p -color_primaries bt709 -color_trc bt709 -colorspace bt709", false}, /* 8 lines cropped */
    {"854x480", "25", "-c:v libx264 -pix_fmt yuv420p -preset slow -x264-params cqm=jvt", false},                                   /* scaling lists */
    {"720x576", "25", "-c:v libx264 -pix_fmt yuv420p -flags +ildct+ilme -vf setsar=64/45 -color_primaries bt470bg -color_trc smpte170m -colorspace bt470bg", false},
    {"176x144", "15", "-c:v libx264 -pix_fmt yuv420p -profile:v baseline -vf setsar=12/11", false},
    {"640x360", "50", "-c:v libx264 -pix_fmt yuvj420p -color_range pc -vf setsar=7/5", false},                                     /* a shape of its own, full range */
    {"1280x720", "60000/1001", "-c:v libx265 -pix_fmt yuv420p -preset ultrafast -x265-params log-level=error:temporal-layers=1:bframes=4:ref=5", true},
    {"416x234", "24", "-c:v libx265 -pix_fmt yuv420p10le -preset medium -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc "
                      "-x265-params 'log-level=error:scaling-list=default:hdr10=1:repeat-headers=1:"
                      "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400'", true},
    {"720x576", "25", "-c:v libx265 -pix_fmt yuv420p -preset ultrafast -vf setsar=16/11 -x265-params log-level=error", true},
};

static void tracks_are_what_ffprobe_says(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(STREAMS); i++) {
        bool is_hevc = STREAMS[i].is_hevc;
        const char *name = is_hevc ? "s.hevc" : "s.h264";
        shell("ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=%s:rate=%s -frames:v 6 %s -g 3 -bsf:v %s_metadata=aud=insert %s", STREAMS[i].size, STREAMS[i].rate,
              STREAMS[i].options, is_hevc ? "hevc" : "h264", name);
        probe(name);
        struct buf bytes;
        struct slice rest = work_read(name, &bytes), unit;
        struct codec_annexb *a;
        assert_int_equal(codec_annexb_open(is_hevc ? CMAF_HEVC : CMAF_H264, &a).kind, ERR_NONE);
        size_t pictures = 0, syncs = 0, tracks = 0;
        while (next_unit(&rest, is_hevc, &unit)) {
            struct codec_annexb_picture picture;
            char *exact = malloc(unit.len);
            memcpy(exact, unit.ptr, unit.len);
            assert_int_equal(codec_annexb_push(a, slice_of(exact, unit.len), &picture).kind, ERR_NONE);
            free(exact);
            if (!pictures) assert_true(picture.has_new_track && picture.is_sync);
            tracks += picture.has_new_track;
            syncs += picture.is_sync;
            pictures++;
            struct byte_reader r = byte_reader_of(picture.data); /* all of it are units with lengths */
            while (bytes_left(&r)) {
                struct slice nal = bytes_take(&r, bytes_u32be(&r));
                assert_true(nal.len > 1 && !r.has_failed);
                assert_true(nal_role(nal, is_hevc) != NAL_ROLE_SET);
            }
        }
        assert_int_equal(pictures, 6);
        assert_int_equal(syncs, 2);
        assert_int_equal(tracks, 1);
        const struct cmaf_track *t = codec_annexb_track(a);
        assert_non_null(t);
        char text[64];
        assert_int_equal(t->width, atoi(told("width")));
        assert_int_equal(t->height, atoi(told("height")));
        snprintf(text, sizeof text, "%u:%u", t->aspect_x ? t->aspect_x : 1, t->aspect_y ? t->aspect_y : 1);
        if (!strcmp(told("sample_aspect_ratio"), "N/A")) assert_int_equal(t->aspect_x, 0);
        else assert_string_equal(text, told("sample_aspect_ratio"));
        assert_true(t->rate_num > 0);
        unsigned num = 0, den = 0;
        assert_int_equal(sscanf(told("r_frame_rate"), "%u/%u", &num, &den), 2);
        if ((uint64_t)t->rate_num * den != (uint64_t)num * t->rate_den) fail_msg("stream %zu: %u/%u, ffprobe: %u/%u", i, t->rate_num, t->rate_den, num, den);
        assert_string_equal(of_code(PRIMARIES, ARRAY_LEN(PRIMARIES), t->colour.primaries), told("color_primaries"));
        assert_string_equal(of_code(TRANSFERS, ARRAY_LEN(TRANSFERS), t->colour.transfer), told("color_transfer"));
        assert_string_equal(of_code(MATRICES, ARRAY_LEN(MATRICES), t->colour.matrix), told("color_space"));
        if (t->colour.has_any) assert_int_equal(t->colour.is_full_range, !strcmp(told("color_range"), "pc"));
        if (strstr(STREAMS[i].options, "hdr10")) {
            assert_true(t->hdr.has_mastering && t->hdr.has_light);
            assert_int_equal(t->hdr.light_max, 1000);
            assert_int_equal(t->hdr.luminance_max, 10000000);
        }
        codec_annexb_close(&a);
        buf_free(&bytes);
    }
}

/* A key picture by recovery point, as broadcasters send, is one where decoding can start. */
static void a_recovery_point_counts_as_a_key_picture(void **state) {
    shell("ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=320x180:rate=25 -frames:v 20 -c:v libx264 -pix_fmt yuv420p -x264-params open-gop=1:keyint=5:bframes=2:scenecut=0:b-adapt=0 "
          "-bsf:v h264_metadata=aud=insert open.h264");
    struct buf bytes;
    struct slice rest = work_read("open.h264", &bytes), unit;
    struct codec_annexb *a;
    assert_int_equal(codec_annexb_open(CMAF_H264, &a).kind, ERR_NONE);
    size_t syncs = 0, idrs = 0;
    while (next_unit(&rest, false, &unit)) {
        struct codec_annexb_picture picture;
        assert_int_equal(codec_annexb_push(a, unit, &picture).kind, ERR_NONE);
        syncs += picture.is_sync;
        struct slice all = unit, nal;
        while (nal_next(&all, &nal)) idrs += (nal.ptr[0] & 31) == 5;
    }
    assert_true(idrs >= 1 && idrs < 4);
    assert_true(syncs >= 4);
    codec_annexb_close(&a);
    buf_free(&bytes);
}

static void what_comes_before_the_parameters_is_nothing(void **state) {
    struct codec_annexb *a;
    struct codec_annexb_picture picture;
    assert_string_equal(codec_annexb_open(CMAF_AV1, &a).code, "media.unsupported");
    assert_int_equal(codec_annexb_open(CMAF_H264, &a).kind, ERR_NONE);
    assert_null(codec_annexb_track(a));
    assert_int_equal(codec_annexb_push(a, SLICE("\0\0\1\x65picture"), &picture).kind, ERR_NONE);
    assert_int_equal(picture.data.len, 0);
    assert_int_equal(codec_annexb_push(a, SLICE_NONE, &picture).kind, ERR_NONE);
    assert_int_equal(codec_annexb_push(a, SLICE("\0\0\1\x67\x64\0\0\1\x68\0\0\1\x65picture"), &picture).kind, ERR_NONE); /* sets that are none */
    assert_int_equal(picture.data.len, 0);
    assert_null(codec_annexb_track(a));
    codec_annexb_close(&a);
}

/* Damage in parameter sets and pictures: whatever comes of it, it stays inside of its memory. */
static void any_damage_is_harmless(void **state) {
    struct rng rng = rng_seeded(264);
    for (int which = 0; which < 2; which++) {
        bool is_hevc = which;
        shell("ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=64x48:rate=25 -frames:v 3 -c:v %s -pix_fmt yuv420p -bsf:v %s_metadata=aud=insert -f %s d.bin",
              is_hevc ? "libx265 -x265-params log-level=error:info=0" : "libx264", is_hevc ? "hevc" : "h264", is_hevc ? "hevc" : "h264");
        struct buf bytes;
        struct slice all = work_read("d.bin", &bytes);
        for (int round = 0; round < 3000; round++) {
            char *broken = malloc(all.len);
            memcpy(broken, all.ptr, all.len);
            for (uint64_t n = 1 + rng_below(&rng, 4); n-- > 0;) broken[rng_below(&rng, 120)] = (char)rng_u64(&rng);
            struct codec_annexb *a;
            assert_int_equal(codec_annexb_open(is_hevc ? CMAF_HEVC : CMAF_H264, &a).kind, ERR_NONE);
            struct codec_annexb_picture picture;
            for (int again = 0; again < 2; again++) {
                struct err e = codec_annexb_push(a, slice_of(broken, all.len), &picture);
                if (e.kind) assert_string_equal(e.code, "media.unsupported");
            }
            codec_annexb_close(&a);
            free(broken);
        }
        buf_free(&bytes);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tracks_are_what_ffprobe_says),
        cmocka_unit_test(a_recovery_point_counts_as_a_key_picture),
        cmocka_unit_test(what_comes_before_the_parameters_is_nothing),
        cmocka_unit_test(any_damage_is_harmless),
    };
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("annexb", tests, work_make, work_remove);
}
