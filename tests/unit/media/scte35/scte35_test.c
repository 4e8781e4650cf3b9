/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The sample messages of SCTE 35 (section 14) with what the standard says is in them, and sections of our own for the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "media/scte35/scte35.h"

/* ---- helpers ---- */

static struct slice unbase64(const char *text, uint8_t *out) {
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = 0;
    uint32_t bits = 0;
    int count = 0;
    for (; *text && *text != '='; text++) {
        const char *at = strchr(DIGITS, *text);
        assert_non_null(at);
        bits = bits << 6 | (uint32_t)(at - DIGITS);
        if ((count += 6) >= 8) out[len++] = (uint8_t)(bits >> (count -= 8));
    }
    return slice_of(out, len);
}

/* A section around a command and descriptors. */
static struct slice make(uint8_t *out, uint8_t type, struct slice command, struct slice descriptors, bool tells_length, uint64_t adjustment) {
    struct buf b = BUF(8192);
    size_t rest = 11 + command.len + 2 + descriptors.len + 4;
    buf_u8(&b, 0xfc);
    buf_u16be(&b, (uint16_t)(0x3000 | rest));
    buf_u8(&b, 0);
    buf_u8(&b, (uint8_t)(adjustment >> 32 & 1));
    buf_u32be(&b, (uint32_t)adjustment);
    buf_u8(&b, 0xff);
    buf_u24be(&b, 0xfff000 | (tells_length ? (uint32_t)command.len : 0xfff));
    buf_u8(&b, type);
    buf_append(&b, command);
    buf_u16be(&b, (uint16_t)descriptors.len);
    buf_append(&b, descriptors);
    buf_u32be(&b, bytes_crc32_mpeg(buf_slice(&b)));
    memcpy(out, b.ptr, b.len);
    struct slice made = slice_of(out, b.len);
    buf_free(&b);
    return made;
}

static const char *code_of(struct slice section) {
    struct scte35_cue cue;
    char *exact = test_malloc(section.len ? section.len : 1); /* reading past the end shows */
    if (section.len) memcpy(exact, section.ptr, section.len);
    struct err e = scte35_parse(slice_of(exact, section.len), &cue);
    test_free(exact);
    return e.kind ? e.code : "";
}

/* ---- tests ---- */

struct expected_segment {
    uint32_t event_id;
    uint8_t type;
    uint64_t duration_90k;
    uint32_t upid;
    enum scte35_role role;
};
static const struct {
    const char *text;
    enum scte35_command command;
    enum scte35_role role;
    uint32_t event_id;
    uint64_t time, duration;
    size_t segments;
    struct expected_segment segment[3];
} SAMPLES[] = {
    {"/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg==", SCTE35_TIME_SIGNAL, SCTE35_ROLE_OUT, 0x4800008e, 0x072bd0050, 0x1a599b0, 1,
     {{0x4800008e, 0x34, 0x1a599b0, 0x2ca0a18a, SCTE35_ROLE_OUT}}},
    {"/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=", SCTE35_INSERT, SCTE35_ROLE_OUT, 0x4800008f, 0x07369c02e, 0x52ccf5, 0, {{0}}},
    {"/DAvAAAAAAAA///wBQb+dGKQoAAZAhdDVUVJSAAAjn+fCAgAAAAALKChijUCAKnMZ1g=", SCTE35_TIME_SIGNAL, SCTE35_ROLE_IN, 0x4800008e, 0x0746290a0, 0, 1,
     {{0x4800008e, 0x35, 0, 0x2ca0a18a, SCTE35_ROLE_IN}}},
    {"/DBIAAAAAAAA///wBQb+ek2ItgAyAhdDVUVJSAAAGH+fCAgAAAAALMvDRBEAAAIXQ1VFSUgAABl/nwgIAAAAACyk26AQAACZcuND", SCTE35_TIME_SIGNAL, SCTE35_ROLE_MARK, 0x48000018,
     0x07a4d88b6, 0, 2, {{0x48000018, 0x11, 0, 0x2ccbc344, SCTE35_ROLE_MARK}, {0x48000019, 0x10, 0, 0x2ca4dba0, SCTE35_ROLE_MARK}}},
    {"/DAvAAAAAAAA///wBQb+rr//ZAAZAhdDVUVJSAAACH+fCAgAAAAALKVs9RcAAJUdsKg=", SCTE35_TIME_SIGNAL, SCTE35_ROLE_MARK, 0x48000008, 0x0aebfff64, 0, 1,
     {{0x48000008, 0x17, 0, 0x2ca56cf5, SCTE35_ROLE_MARK}}},
    {"/DBIAAAAAAAA///wBQb+ky44CwAyAhdDVUVJSAAACn+fCAgAAAAALKCh4xgAAAIXQ1VFSUgAAAl/nwgIAAAAACygoYoRAAC0IX6w", SCTE35_TIME_SIGNAL, SCTE35_ROLE_MARK, 0x4800000a,
     0x0932e380b, 0, 2, {{0x4800000a, 0x18, 0, 0x2ca0a1e3, SCTE35_ROLE_MARK}, {0x48000009, 0x11, 0, 0x2ca0a18a, SCTE35_ROLE_MARK}}},
    {"/DAvAAAAAAAA///wBQb+rvF8TAAZAhdDVUVJSAAAB3+fCAgAAAAALKVslxEAAMSHai4=", SCTE35_TIME_SIGNAL, SCTE35_ROLE_MARK, 0x48000007, 0x0aef17c4c, 0, 1,
     {{0x48000007, 0x11, 0, 0x2ca56c97, SCTE35_ROLE_MARK}}},
    {"/DBhAAAAAAAA///wBQb+qM1E7QBLAhdDVUVJSAAArX+fCAgAAAAALLLXnTUCAAIXQ1VFSUgAACZ/nwgIAAAAACyy150RAAACF0NVRUlIAAAnf58ICAAAAAAsstezEAAAihiGnw==",
     SCTE35_TIME_SIGNAL, SCTE35_ROLE_IN, 0x480000ad, 0x0a8cd44ed, 0, 3,
     {{0x480000ad, 0x35, 0, 0x2cb2d79d, SCTE35_ROLE_IN}, {0x48000026, 0x11, 0, 0x2cb2d79d, SCTE35_ROLE_MARK}, {0x48000027, 0x10, 0, 0x2cb2d7b3, SCTE35_ROLE_MARK}}},
};

static void the_samples_of_the_standard_are_understood(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(SAMPLES); i++) {
        uint8_t bytes[256];
        struct slice section = unbase64(SAMPLES[i].text, bytes);
        struct scte35_cue c;
        struct err e = scte35_parse(section, &c);
        if (e.kind) print_message("# sample %zu: %s\n", i, e.code);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(c.command, SAMPLES[i].command);
        assert_int_equal(c.role, SAMPLES[i].role);
        assert_int_equal(c.event_id, SAMPLES[i].event_id);
        assert_true(c.has_time);
        assert_true(c.time_90k == SAMPLES[i].time);
        assert_int_equal(c.has_duration, SAMPLES[i].duration > 0);
        assert_true(c.duration_90k == SAMPLES[i].duration);
        assert_int_equal(c.segment_count, SAMPLES[i].segments);
        for (size_t j = 0; j < c.segment_count; j++) {
            const struct scte35_segment *s = &c.segments[j];
            const struct expected_segment *x = &SAMPLES[i].segment[j];
            assert_int_equal(s->event_id, x->event_id);
            assert_int_equal(s->type, x->type);
            assert_int_equal(s->has_duration, x->duration_90k > 0);
            assert_true(s->duration_90k == x->duration_90k);
            assert_int_equal(s->upid_type, 8);
            assert_int_equal(s->upid.len, 8);
            struct byte_reader upid = byte_reader_of(s->upid);
            assert_int_equal(bytes_u64be(&upid), x->upid);
            assert_int_equal(s->role, x->role);
            assert_false(s->is_cancelled);
        }
        struct buf text = BUF(1000);
        scte35_base64(section, &text);
        assert_true(slice_eq(buf_slice(&text), slice_cstr(SAMPLES[i].text)));
        buf_free(&text);
    }
    uint8_t bytes[256];
    struct scte35_cue c;
    assert_int_equal(scte35_parse(unbase64(SAMPLES[1].text, bytes), &c).kind, ERR_NONE);
    assert_true(c.returns_by_itself);
    assert_int_equal(scte35_parse(unbase64(SAMPLES[0].text, bytes), &c).kind, ERR_NONE);
    const struct scte35_segment *s = &c.segments[0]; /* may go over the web, may be archived, not blacked out, for all devices */
    assert_true(s->is_restricted && !s->may_deliver_on_web && s->is_blackout_free && s->may_archive);
    assert_int_equal(s->device_restrictions, 3);
    assert_string_equal(scte35_type_name(s->type), "Provider Placement Opportunity Start");
    assert_string_equal(scte35_type_name(0xee), "Segment");
    struct buf hex = BUF(1000);
    scte35_hex(unbase64(SAMPLES[1].text, bytes), &hex);
    assert_true(slice_eq(buf_slice(&hex), SLICE("0xFC302F000000000000FFFFF014054800008F7FEFFE7369C02EFE0052CCF500000000000A0008435545490000013562DBA30A")));
    buf_free(&hex);
}

static void other_forms_of_splice_insert(void **state) {
    uint8_t bytes[512];
    struct scte35_cue c;
    /* cancelled */
    assert_int_equal(scte35_parse(make(bytes, 5, SLICE("\x00\x00\x00\x07\xff"), SLICE_NONE, true, 0), &c).kind, ERR_NONE);
    assert_int_equal(c.role, SCTE35_ROLE_CANCEL);
    assert_int_equal(c.event_id, 7);
    /* back at once, without a time */
    assert_int_equal(scte35_parse(make(bytes, 5, SLICE("\x00\x00\x00\x08\x7f\x5f\x12\x34\x01\x02"), SLICE_NONE, false, 0), &c).kind, ERR_NONE);
    assert_int_equal(c.role, SCTE35_ROLE_IN);
    assert_false(c.has_time);
    assert_int_equal(c.programme_id, 0x1234);
    assert_int_equal(c.avail, 1);
    assert_int_equal(c.avails_expected, 2);
    /* by components: the first that has a time; adjustment wraps at 33 bits */
    struct slice command = SLICE("\x00\x00\x00\x09\x7f\x8f\x02\x01\x7f\x02\xff\xff\xff\xff\xff\x00\x01\x00\x00");
    assert_int_equal(scte35_parse(make(bytes, 5, command, SLICE_NONE, true, 11), &c).kind, ERR_NONE);
    assert_int_equal(c.role, SCTE35_ROLE_OUT);
    assert_true(c.has_time);
    assert_int_equal(c.time_90k, 10);
}

static void heartbeats_and_strangers_are_nothing(void **state) {
    uint8_t bytes[512];
    struct scte35_cue c;
    assert_int_equal(scte35_parse(make(bytes, 0, SLICE_NONE, SLICE_NONE, true, 0), &c).kind, ERR_NONE);
    assert_int_equal(c.role, SCTE35_ROLE_NONE);
    assert_int_equal(scte35_parse(make(bytes, 7, SLICE_NONE, SLICE_NONE, false, 0), &c).kind, ERR_NONE);
    assert_int_equal(c.role, SCTE35_ROLE_NONE);
    assert_int_equal(scte35_parse(make(bytes, 0xff, SLICE("abcdefg"), SLICE_NONE, true, 0), &c).kind, ERR_NONE);
    assert_int_equal(c.command, SCTE35_PRIVATE);
    /* a descriptor of somebody else's, and one of ours that is cancelled */
    struct slice descriptors = SLICE("\x02\x06WXYZab" "\x02\x09" "CUEI\x00\x00\x00\x05\xff");
    assert_int_equal(scte35_parse(make(bytes, 6, SLICE("\x7f"), descriptors, true, 0), &c).kind, ERR_NONE);
    assert_int_equal(c.segment_count, 1);
    assert_int_equal(c.role, SCTE35_ROLE_CANCEL);
    assert_int_equal(c.event_id, 5);
    assert_false(c.has_time);
    /* more segments than are kept: the rest is read over */
    char many[20 * 11];
    for (int i = 0; i < 20; i++) memcpy(many + i * 11, descriptors.ptr + 8, 11);
    assert_int_equal(scte35_parse(make(bytes, 6, SLICE("\x7f"), slice_of(many, sizeof many), true, 0), &c).kind, ERR_NONE);
    assert_int_equal(c.segment_count, SCTE35_SEGMENTS_MAX);
}

static struct slice resealed(uint8_t *bytes, size_t len) { /* with the right CRC for what it is now */
    uint32_t crc = bytes_crc32_mpeg(slice_of(bytes, len - 4));
    for (int i = 0; i < 4; i++) bytes[len - 4 + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    return slice_of(bytes, len);
}

static void what_is_wrong_is_refused(void **state) {
    uint8_t bytes[512];
    size_t len = unbase64(SAMPLES[0].text, bytes).len;
    for (size_t cut = 0; cut < len; cut++) assert_string_equal(code_of(slice_of(bytes, cut)), "scte35.section");
    for (size_t bit = 8 * 3; bit < 8 * len; bit++) { /* each bit that flips on the way is noticed */
        unbase64(SAMPLES[0].text, bytes);
        bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        assert_string_equal(code_of(slice_of(bytes, len)), "scte35.crc");
    }
    unbase64(SAMPLES[0].text, bytes);
    bytes[4] |= 0x80;
    assert_string_equal(code_of(resealed(bytes, len)), "scte35.encrypted");
    unbase64(SAMPLES[0].text, bytes);
    bytes[3] = 1;
    assert_string_equal(code_of(resealed(bytes, len)), "scte35.section");
    assert_string_equal(code_of(make(bytes, 4, SLICE("abc"), SLICE_NONE, false, 0)), "scte35.section"); /* no end of it to be found */
    assert_string_equal(code_of(make(bytes, 6, SLICE("\xfe\x00"), SLICE_NONE, true, 0)), "scte35.section");
    assert_string_equal(code_of(make(bytes, 6, SLICE("\x7f"), SLICE("\x02\x08" "CUEI\x00\x00\x00\x05"), true, 0)), "scte35.section");
    assert_string_equal(code_of(make(bytes, 6, SLICE("\x7f"), SLICE("\x02\xff" "CUEI"), true, 0)), "scte35.section");
}

/* Whatever stands in a section whose CRC is right, reading stays inside of it. */
static void any_bytes_with_a_right_crc_are_harmless(void **state) {
    struct rng rng = rng_seeded(35);
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[256];
        size_t len = unbase64(SAMPLES[rng_below(&rng, ARRAY_LEN(SAMPLES))].text, bytes).len;
        for (uint64_t i = rng_below(&rng, 6); i-- > 0;) bytes[3 + rng_below(&rng, len - 7)] = (uint8_t)rng_u64(&rng);
        const char *code = code_of(resealed(bytes, len));
        assert_true(!*code || !strcmp(code, "scte35.section") || !strcmp(code, "scte35.encrypted"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_samples_of_the_standard_are_understood),
        cmocka_unit_test(other_forms_of_splice_insert),
        cmocka_unit_test(heartbeats_and_strangers_are_nothing),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(any_bytes_with_a_right_crc_are_harmless),
    };
    return cmocka_run_group_tests_name("scte35", tests, NULL, NULL);
}
