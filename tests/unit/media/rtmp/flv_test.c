/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hex.h"
#include "media/rtmp/flv.h"

enum { TAGS_MAX = 40 };
static struct flv_tag tags[TAGS_MAX];
static size_t tag_count;

static struct err read_all(enum cmaf_kind kind, struct slice body) {
    struct flv_reader r;
    tag_count = 0;
    struct err e = flv_open(&r, kind, body);
    for (bool has = true; has && !e.kind;) {
        struct flv_tag tag;
        e = flv_next(&r, &tag, &has);
        if (e.kind || !has) break;
        assert_true(tag_count < TAGS_MAX);
        assert_true(!tag.body.len || (tag.body.ptr >= body.ptr && tag.body.ptr + tag.body.len <= body.ptr + body.len));
        tags[tag_count++] = tag;
    }
    return e;
}

/* Reads the whole, and before it every beginning of it. The caller frees the bytes, which `tags` point into. */
static struct slice read_hex(enum cmaf_kind kind, const char *digits, struct err *e) {
    struct slice whole = hex(digits);
    for (size_t len = 0; len < whole.len; len++) {
        char *exact = malloc(len ? len : 1);
        memcpy(exact, whole.ptr, len);
        (void)read_all(kind, slice_of(exact, len));
        free(exact);
    }
    *e = read_all(kind, whole);
    return whole;
}

static void expect_one(enum cmaf_kind kind, const char *digits, enum flv_packet packet, enum cmaf_codec codec, bool is_key, int composition, const char *body) {
    struct err e;
    struct slice bytes = read_hex(kind, digits, &e), wanted = hex(body);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(tag_count, 1);
    assert_int_equal(tags[0].packet, packet);
    assert_int_equal(tags[0].codec, codec);
    assert_int_equal(tags[0].is_key, is_key);
    assert_int_equal(tags[0].composition_ms, composition);
    assert_int_equal(tags[0].track, 0);
    assert_true(slice_eq(tags[0].body, wanted));
    free((void *)bytes.ptr);
    free((void *)wanted.ptr);
}

static void expect_error(enum cmaf_kind kind, const char *digits, const char *code) {
    struct err e;
    struct slice bytes = read_hex(kind, digits, &e);
    assert_true(e.kind == ERR_INPUT);
    assert_string_equal(e.code, code);
    free((void *)bytes.ptr);
}

static void plain_tags(void **state) {
    expect_one(CMAF_VIDEO, "1700000000aabb", FLV_CONFIG, CMAF_H264, true, 0, "aabb");
    expect_one(CMAF_VIDEO, "2701000042aabb", FLV_FRAME, CMAF_H264, false, 66, "aabb");
    expect_one(CMAF_VIDEO, "1701fffff6aabb", FLV_FRAME, CMAF_H264, true, -10, "aabb"); /* 24 bits, signed */
    expect_one(CMAF_VIDEO, "1702000000", FLV_END, CMAF_H264, true, 0, "");
    expect_one(CMAF_VIDEO, "1702", FLV_END, CMAF_H264, true, 0, "");
    expect_one(CMAF_VIDEO, "1c00000000aabb", FLV_CONFIG, CMAF_HEVC, true, 0, "aabb"); /* HEVC as it was sent before there was a way */
    expect_one(CMAF_AUDIO, "af001190", FLV_CONFIG, CMAF_AAC, false, 0, "1190");
    expect_one(CMAF_AUDIO, "af01aabbcc", FLV_FRAME, CMAF_AAC, false, 0, "aabbcc");
    expect_one(CMAF_AUDIO, "2ffffb9044", FLV_FRAME, CMAF_MP3, false, 0, "fffb9044");
    struct err e = read_all(CMAF_AUDIO, SLICE_NONE); /* silence, as some say it */
    assert_true(!e.kind && tag_count == 0);
    e = read_all(CMAF_VIDEO, slice_of("\x57\0", 2)); /* a word for players */
    assert_true(!e.kind && tag_count == 0);
}

static void enhanced_tags(void **state) {
    expect_one(CMAF_VIDEO, "9068766331aabb", FLV_CONFIG, CMAF_HEVC, true, 0, "aabb");
    expect_one(CMAF_VIDEO, "a168766331000021aabb", FLV_FRAME, CMAF_HEVC, false, 33, "aabb");
    expect_one(CMAF_VIDEO, "a368766331aabb", FLV_FRAME, CMAF_HEVC, false, 0, "aabb");
    expect_one(CMAF_VIDEO, "9168766331ffffffaabb", FLV_FRAME, CMAF_HEVC, true, -1, "aabb");
    expect_one(CMAF_VIDEO, "9161763031aabb", FLV_FRAME, CMAF_AV1, true, 0, "aabb"); /* no composition time there */
    expect_one(CMAF_VIDEO, "9076703039aabb", FLV_CONFIG, CMAF_VP9, true, 0, "aabb");
    expect_one(CMAF_VIDEO, "a161766331000010aabb", FLV_FRAME, CMAF_H264, false, 16, "aabb");
    expect_one(CMAF_VIDEO, "9268766331", FLV_END, CMAF_HEVC, true, 0, "");
    expect_one(CMAF_VIDEO, "9468766331020009", FLV_METADATA, CMAF_HEVC, true, 0, "020009");
    expect_one(CMAF_AUDIO, "904f707573aabb", FLV_CONFIG, CMAF_OPUS, false, 0, "aabb");
    expect_one(CMAF_AUDIO, "914f707573aabb", FLV_FRAME, CMAF_OPUS, false, 0, "aabb");
    expect_one(CMAF_AUDIO, "9161632d33aabb", FLV_FRAME, CMAF_AC3, false, 0, "aabb");
    expect_one(CMAF_AUDIO, "9165632d33aabb", FLV_FRAME, CMAF_EAC3, false, 0, "aabb");
    expect_one(CMAF_AUDIO, "91664c6143aabb", FLV_FRAME, CMAF_FLAC, false, 0, "aabb");
    expect_one(CMAF_AUDIO, "912e6d7033aabb", FLV_FRAME, CMAF_MP3, false, 0, "aabb");
    expect_one(CMAF_AUDIO, "906d7034611190", FLV_CONFIG, CMAF_AAC, false, 0, "1190");
    expect_one(CMAF_AUDIO, "946d703461000102", FLV_OTHER, CMAF_AAC, false, 0, "000102"); /* which speaker is which */
    struct err e = read_all(CMAF_VIDEO, slice_of("\xd1\0", 2));
    assert_true(!e.kind && tag_count == 0);
}

static void nanoseconds_stand_in_front(void **state) {
    struct err e;
    struct slice b = read_hex(CMAF_VIDEO, "97" "02" "07a120" "03" "68766331" "aabb", &e); /* 500,000 ns, then coded frames X */
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(tag_count, 1);
    assert_int_equal(tags[0].nanoseconds, 500000);
    assert_int_equal(tags[0].packet, FLV_FRAME);
    assert_int_equal(tags[0].body.len, 2);
    free((void *)b.ptr);
    b = read_hex(CMAF_AUDIO, "97" "00" "ff" "17" "02" "00000a" "01" "4f707573" "aa", &e); /* an extra that nobody knows yet, then a known one */
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(tags[0].nanoseconds, 10);
    free((void *)b.ptr);
    b = read_hex(CMAF_AUDIO, "97" "02" "ffffff" "01" "4f707573" "aa", &e); /* more than a millisecond is no remainder of one */
    assert_int_equal(tags[0].nanoseconds, 0);
    free((void *)b.ptr);
    expect_error(CMAF_AUDIO, "97ff", "rtmp.tag");
    expect_error(CMAF_AUDIO, "97ffffff00", "rtmp.tag"); /* 64 KB promised */
}

static void several_tracks_in_a_message(void **state) {
    struct err e;
    struct slice b = read_hex(CMAF_AUDIO, "95" "11" "6d703461" "00" "000002" "aabb" "01" "000001" "cc" "07" "000000", &e); /* many tracks, one codec */
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(tag_count, 3);
    assert_true(tags[0].track == 0 && tags[0].body.len == 2 && tags[1].track == 1 && tags[1].body.len == 1 && tags[2].track == 7 && !tags[2].body.len);
    free((void *)b.ptr);
    b = read_hex(CMAF_AUDIO, "95" "21" "4f707573" "00" "000001" "aa" "61632d33" "01" "000001" "bb", &e); /* many codecs */
    assert_true(!e.kind && tag_count == 2 && tags[0].codec == CMAF_OPUS && tags[1].codec == CMAF_AC3);
    free((void *)b.ptr);
    b = read_hex(CMAF_VIDEO, "a6" "01" "68766331" "03" "000021" "aabb", &e); /* one track: the rest of the message is its */
    assert_true(!e.kind && tag_count == 1 && tags[0].track == 3 && tags[0].composition_ms == 33 && tags[0].body.len == 2);
    free((void *)b.ptr);
    expect_error(CMAF_AUDIO, "95156d703461", "rtmp.tag");                     /* tracks in tracks */
    expect_error(CMAF_AUDIO, "95316d703461", "rtmp.tag");                     /* no such sort */
    expect_error(CMAF_AUDIO, "95116d70346100ffffffaa", "rtmp.tag");           /* a size beyond the end */
    expect_error(CMAF_AUDIO, "9521000000000000000100aa", "rtmp.codec");
    struct buf many = BUF(4096);
    buf_bytes(&many, "\x95\x11mp4a", 6);
    for (int i = 0; i < FLV_TRACKS_MAX + 1; i++) buf_bytes(&many, "\1\0\0\0", 4);
    e = read_all(CMAF_AUDIO, buf_slice(&many));
    assert_string_equal(e.code, "rtmp.tag");
    buf_free(&many);
}

static void what_is_not_carried_is_said(void **state) {
    expect_error(CMAF_VIDEO, "1200", "rtmp.codec"); /* Sorenson */
    expect_error(CMAF_VIDEO, "1400", "rtmp.codec"); /* VP6 */
    expect_error(CMAF_AUDIO, "b600", "rtmp.codec"); /* Speex */
    expect_error(CMAF_AUDIO, "7600", "rtmp.codec"); /* G.711 */
    expect_error(CMAF_VIDEO, "9076766331", "rtmp.codec"); /* vvc1 */
    expect_error(CMAF_VIDEO, "904f707573", "rtmp.codec"); /* sound among pictures */
    expect_error(CMAF_VIDEO, "9561763031aabb", "rtmp.codec"); /* AV1 as MPEG-TS announces it */
    expect_error(CMAF_VIDEO, "17", "rtmp.tag");
    expect_error(CMAF_VIDEO, "1709000000", "rtmp.tag");
    expect_error(CMAF_AUDIO, "af02", "rtmp.tag");
    expect_error(CMAF_VIDEO, "90687663", "rtmp.tag");
}

/* Whatever the writer writes, the reader reads. */
static void written_and_read(void **state) {
    for (enum cmaf_codec codec = CMAF_H264; codec < CMAF_CODECS; codec++)
        for (int packet = FLV_CONFIG; packet <= FLV_END; packet++)
            for (uint8_t track = 0; track < 3; track++)
                for (int composition = -70; composition <= 70; composition += 35) {
                    bool is_video = codec <= CMAF_VP9, has_config = codec != CMAF_MP3 && codec != CMAF_AC3 && codec != CMAF_EAC3;
                    struct cmaf_track t = {.kind = is_video ? CMAF_VIDEO : CMAF_AUDIO, .codec = codec, .sample_rate = 44100, .channels = 2};
                    if (packet == FLV_CONFIG && !has_config) continue;
                    struct buf b = BUF(100);
                    flv_put_head(&b, &t, (enum flv_packet)packet, track, composition > 0, composition);
                    buf_cstr(&b, "body");
                    assert_int_equal(read_all(t.kind, buf_slice(&b)).kind, ERR_NONE);
                    assert_int_equal(tag_count, 1);
                    assert_int_equal(tags[0].packet, packet);
                    assert_int_equal(tags[0].codec, codec);
                    assert_int_equal(tags[0].track, track);
                    assert_true(slice_eq(tags[0].body, SLICE("body")));
                    if (is_video && packet == FLV_FRAME) {
                        assert_int_equal(tags[0].is_key, composition > 0);
                        assert_int_equal(tags[0].composition_ms, codec == CMAF_H264 || codec == CMAF_HEVC ? composition : 0);
                    }
                    buf_free(&b);
                }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_tags),
        cmocka_unit_test(enhanced_tags),
        cmocka_unit_test(nanoseconds_stand_in_front),
        cmocka_unit_test(several_tracks_in_a_message),
        cmocka_unit_test(what_is_not_carried_is_said),
        cmocka_unit_test(written_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
