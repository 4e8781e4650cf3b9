/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/fault.h"
#include "base/log.h"
#include "hex.h"
#include "media/rtmp/amf.h"
#include "media/rtmp/intake.h"
#include "recorder.h"

static struct recorder *recorder;
static struct intake *intake;
static struct utc_time now = {.ns = INT64_C(1800000000) * NS_PER_S}; /* 2027-01-15T08:00:00Z */

static int begin(void **state) {
    log_configure(LOG_ERROR, LOG_FORMAT_LOGFMT, 2);
    recorder = recorder_create();
    struct feed_receiver receiver = recorder_receiver(recorder);
    assert_int_equal(intake_create(&intake, &receiver, recorder).kind, ERR_NONE);
    return 0;
}

static int end(void **state) {
    intake_destroy(&intake);
    recorder_destroy(recorder);
    return 0;
}

static struct err give(uint8_t type, uint32_t ms, struct slice body) {
    struct chunk_message m = {.type = type, .timestamp = ms, .stream = 1, .body = body};
    return intake_message(intake, &m, now);
}
static struct err give_hex(uint8_t type, uint32_t ms, const char *digits) {
    struct slice body = hex(digits);
    struct err e = give(type, ms, body);
    free((void *)body.ptr);
    return e;
}
static void video(uint32_t ms, const char *digits) { assert_int_equal(give_hex(MESSAGE_VIDEO, ms, digits).kind, ERR_NONE); }
static void audio(uint32_t ms, const char *digits) { assert_int_equal(give_hex(MESSAGE_AUDIO, ms, digits).kind, ERR_NONE); }

#define VIDEO_CONFIG "1700000000" AVCC_1080
#define KEY_FRAME "1701000000" "000000026588"
#define FRAME "2701000021" "000000024199"
#define AUDIO_CONFIG "af00" ASC_48000
#define AUDIO_FRAME "af01" "aabbcc"

static void a_picture_and_a_sound(void **state) {
    video(0, VIDEO_CONFIG);
    audio(0, AUDIO_CONFIG);
    video(0, KEY_FRAME);
    assert_int_equal(recorder->told, 1); /* both are known: nothing waits */
    audio(21, AUDIO_FRAME);
    video(33, FRAME);
    assert_int_equal(recorder->track_count, 2);
    assert_int_equal(recorder->tracks[0].kind, CMAF_VIDEO);
    assert_int_equal(recorder->tracks[0].timescale, 90000);
    assert_string_equal(recorder->tracks[0].codec_string, "avc1.42c028");
    assert_int_equal(recorder->tracks[1].timescale, 48000);
    assert_int_equal(recorder->tracks[1].channels, 2);
    assert_int_equal(recorder->sample_count, 3);
    const struct feed_sample *s = &recorder->samples[0].sample;
    assert_true(s->track == 0 && s->is_sync && s->dts == 0 && s->pts == 0 && s->data.len == 6 && s->captured.ns == now.ns && s->clock_source == FEED_CLOCK_ARRIVAL);
    s = &recorder->samples[1].sample;
    assert_true(s->track == 1 && s->is_sync && s->dts == 21 * 48 && s->duration == 1024);
    s = &recorder->samples[2].sample;
    assert_true(s->track == 0 && !s->is_sync && s->dts == 33 * 90 && s->pts == 66 * 90);
}

static void what_is_said_again_changes_nothing(void **state) {
    a_picture_and_a_sound(state);
    video(40, VIDEO_CONFIG);
    audio(40, AUDIO_CONFIG);
    video(66, FRAME);
    assert_int_equal(recorder->told, 1);
    video(100, "1700000000" AVCC_576I); /* another size */
    assert_int_equal(recorder->told, 1);
    video(100, KEY_FRAME);
    assert_int_equal(recorder->told, 2);
    assert_int_equal(recorder->tracks[0].width, 720);
    assert_int_equal(recorder->tracks[1].sample_rate, 48000);
    audio(101, "af00" ASC_44100); /* another rate */
    audio(101, AUDIO_FRAME);
    assert_int_equal(recorder->told, 3);
    assert_int_equal(recorder->tracks[1].timescale, 44100);
    assert_int_equal(recorder->samples[recorder->sample_count - 1].sample.dts, 4454); /* 101 ms */
    video(133, "9068766331" HVCC_HDR); /* another codec altogether */
    video(133, "9368766331" "000000032601af");
    assert_int_equal(recorder->told, 4);
    assert_int_equal(recorder->tracks[0].codec, CMAF_HEVC);
    assert_int_equal(recorder->track_count, 2);
}

static void a_second_track_is_waited_for_a_second_of_media(void **state) {
    video(5000, VIDEO_CONFIG);
    for (uint32_t ms = 5000; ms < 6000; ms += 100) {
        video(ms, ms == 5000 ? KEY_FRAME : FRAME);
        assert_int_equal(recorder->told, 0);
    }
    video(6000, FRAME);
    assert_int_equal(recorder->told, 1);
    assert_int_equal(recorder->track_count, 1);
    assert_int_equal(recorder->sample_count, 11);
    for (size_t i = 0; i < 11; i++) assert_int_equal(recorder->samples[i].sample.dts, (5000 + 100 * i) * 90);
    audio(6100, AUDIO_CONFIG); /* and is told when it comes after all */
    audio(6100, AUDIO_FRAME);
    assert_int_equal(recorder->told, 2);
    assert_int_equal(recorder->track_count, 2);
    assert_int_equal(recorder->tracks[0].kind, CMAF_VIDEO);
    assert_int_equal(recorder->samples[11].sample.track, 1);
}

static void sound_alone_and_a_picture_that_comes_late(void **state) {
    audio(0, AUDIO_CONFIG);
    for (uint32_t ms = 0; ms <= 1000; ms += 20) audio(ms, AUDIO_FRAME);
    assert_int_equal(recorder->told, 1);
    assert_int_equal(recorder->track_count, 1);
    assert_int_equal(recorder->sample_count, 51);
    video(1010, KEY_FRAME); /* without a configuration: nobody can decode it */
    assert_int_equal(intake_dropped(intake), 1);
    video(1020, VIDEO_CONFIG);
    video(1020, KEY_FRAME);
    assert_int_equal(recorder->told, 2);
    assert_int_equal(recorder->tracks[0].kind, CMAF_AUDIO); /* indexes stay */
    assert_int_equal(recorder->tracks[1].kind, CMAF_VIDEO);
    assert_int_equal(recorder->samples[51].sample.track, 1);
}

static struct buf metadata(const char *const *names, size_t count) {
    struct buf b = BUF(4096);
    amf_put_text(&b, SLICE("@setDataFrame"));
    amf_put_text(&b, SLICE("onMetaData"));
    amf_begin_ecma(&b, 8);
    for (size_t i = 0; i < count; i++) amf_member_number(&b, slice_cstr(names[i]), 25);
    amf_end(&b);
    return b;
}

static void metadata_says_that_there_is_no_more_to_come(void **state) {
    static const char *const NAMES[] = {"width", "height", "videocodecid", "framerate"};
    struct buf b = metadata(NAMES, 4);
    assert_int_equal(give(MESSAGE_DATA, 0, buf_slice(&b)).kind, ERR_NONE);
    buf_free(&b);
    video(0, VIDEO_CONFIG);
    video(0, KEY_FRAME);
    assert_int_equal(recorder->told, 1);
    assert_int_equal(recorder->sample_count, 1);
    assert_int_equal(recorder->tracks[0].width, 1920); /* the stream is right, metadata are hints */
    assert_int_equal(recorder->tracks[0].rate_den, 1001);
}

static void what_waits_is_handed_on_at_the_end(void **state) {
    video(0, VIDEO_CONFIG);
    video(0, KEY_FRAME);
    video(33, FRAME);
    assert_int_equal(recorder->told, 0);
    assert_int_equal(intake_finish(intake).kind, ERR_NONE);
    assert_int_equal(recorder->sample_count, 2);
    assert_int_equal(recorder->told, 1);
}

/* A new configuration while samples wait: each is told with its own. */
static void a_change_while_waiting(void **state) {
    video(0, VIDEO_CONFIG);
    video(0, KEY_FRAME);
    video(40, "1700000000" AVCC_576I);
    video(40, KEY_FRAME);
    assert_int_equal(recorder->told, 2);
    assert_int_equal(recorder->samples[0].told, 1);
    assert_int_equal(recorder->samples[1].told, 2);
    assert_int_equal(recorder->tracks[0].width, 720);
}

static void times_go_on_over_the_wrap_and_jump_as_they_are(void **state) {
    video(0xffffff00, VIDEO_CONFIG);
    audio(0xffffff00, AUDIO_CONFIG);
    static const uint32_t TIMES[] = {0xffffff00, 0xffffffff, 0x10, 0x1000, 0xfffffff0, 0x20000};
    static const int64_t WANTED[] = {0xffffff00, 0xffffffff, INT64_C(0x100000010), INT64_C(0x100001000), 0xfffffff0, INT64_C(0x100020000)};
    for (size_t i = 0; i < 6; i++) {
        video(TIMES[i], KEY_FRAME);
        assert_int_equal(recorder->samples[i].sample.dts, WANTED[i] * 90);
    }
}

static void damaged_samples_are_left_out(void **state) {
    a_picture_and_a_sound(state);
    size_t before = recorder->sample_count;
    video(66, "2701000000" "000000ff4199"); /* a length beyond the end */
    video(66, "2701000000" "0000000141" "00");
    video(66, "2701000000");
    audio(66, "af01");
    assert_int_equal(recorder->sample_count, before);
    assert_int_equal(intake_dropped(intake), 2);
    video(99, FRAME);
    assert_int_equal(recorder->sample_count, before + 1);
}

static void several_sound_tracks(void **state) {
    video(0, VIDEO_CONFIG);
    audio(0, AUDIO_CONFIG);
    video(0, KEY_FRAME);
    audio(10, "9514" "4f707573" "01" "000000"); /* a channel layout or something: nothing for us */
    audio(10, "9500" "4f707573" "01" "4f707573486561640102380180bb0000000000"); /* track 1: Opus */
    audio(10, "9501" "4f707573" "01" "fcb406");
    assert_int_equal(recorder->track_count, 3);
    assert_int_equal(recorder->tracks[2].codec, CMAF_OPUS);
    audio(30, "9521" "4f707573" "01" "000003" "fcb406" "61632d33" "02" "000010" "0b77b50b1e40ebf8403eff99ff0841fc"); /* and AC-3 beside it */
    assert_int_equal(recorder->track_count, 4);
    assert_int_equal(recorder->tracks[3].codec, CMAF_AC3);
    assert_int_equal(recorder->samples[recorder->sample_count - 1].sample.track, 3);
    assert_int_equal(recorder->samples[recorder->sample_count - 1].sample.dts, 30 * 48);
    video(40, "a600" "68766331" "01" HVCC_HDR); /* a second picture is left out */
    video(40, "a603" "68766331" "01" "000000032601af");
    assert_int_equal(recorder->track_count, 4);
    for (unsigned track = 3; track < 20; track++) { /* seven sounds at most */
        char digits[64];
        snprintf(digits, sizeof digits, "95012e6d7033%02xfffb904400000000", track);
        audio(50, digits);
    }
    audio(60, AUDIO_FRAME);
    assert_int_equal(recorder->track_count, FEED_TRACKS_MAX);
}

static void nanoseconds_are_kept(void **state) {
    video(0, VIDEO_CONFIG);
    audio(0, AUDIO_CONFIG);
    video(33, "97" "02" "05161c" "03" "61766331" "000000026588"); /* 333,340 ns */
    assert_int_equal(recorder->samples[0].sample.dts, 3000); /* a thirtieth of a second, exactly */
}

static void aggregates(void **state) {
    video(1000, VIDEO_CONFIG);
    audio(1000, AUDIO_CONFIG);
    struct buf b = BUF(4096);
    static const char *const PARTS[] = {KEY_FRAME, AUDIO_FRAME, FRAME};
    static const uint8_t TYPES[] = {MESSAGE_VIDEO, MESSAGE_AUDIO, MESSAGE_VIDEO};
    static const uint32_t TIMES[] = {5000, 5010, 5033}; /* counted from the first */
    for (int i = 0; i < 3; i++) {
        struct slice body = hex(PARTS[i]);
        buf_u8(&b, TYPES[i]);
        buf_u24be(&b, (uint32_t)body.len);
        buf_u24be(&b, TIMES[i]);
        buf_u8(&b, 0);
        buf_u24be(&b, 0);
        buf_append(&b, body);
        buf_u32be(&b, (uint32_t)body.len + 11);
        free((void *)body.ptr);
    }
    for (size_t len = 1; len < b.len - 4; len++) { /* cut anywhere it is an error, or ends between two */
        char *exact = malloc(len);
        memcpy(exact, b.ptr, len);
        (void)give(MESSAGE_AGGREGATE, 1000, slice_of(exact, len));
        free(exact);
    }
    size_t before = recorder->sample_count;
    assert_int_equal(give(MESSAGE_AGGREGATE, 2000, buf_slice(&b)).kind, ERR_NONE);
    assert_int_equal(recorder->sample_count, before + 3);
    assert_int_equal(recorder->samples[before].sample.dts, 2000 * 90);
    assert_int_equal(recorder->samples[before + 1].sample.dts, 2010 * 48);
    assert_int_equal(recorder->samples[before + 2].sample.dts, 2033 * 90);
    b.ptr[2] = 127;
    assert_string_equal(give(MESSAGE_AGGREGATE, 2000, buf_slice(&b)).code, "rtmp.aggregate");
    buf_free(&b);
}

static void colours_for_hdr(void **state) {
    video(0, "9068766331" HVCC_HDR);
    audio(0, AUDIO_CONFIG);
    video(0, "9368766331" "000000032601af");
    assert_int_equal(recorder->told, 1);
    assert_false(recorder->tracks[0].hdr.has_light);
    struct buf b = BUF(4096);
    buf_bytes(&b, "\x94hvc1", 5);
    amf_put_text(&b, SLICE("colorInfo"));
    amf_begin_object(&b);
    amf_name(&b, SLICE("colorConfig"));
    amf_begin_object(&b);
    amf_member_number(&b, SLICE("colorPrimaries"), 9);
    amf_member_number(&b, SLICE("transferCharacteristics"), 18);
    amf_member_number(&b, SLICE("matrixCoefficients"), 9);
    amf_end(&b);
    amf_name(&b, SLICE("hdrCll"));
    amf_begin_object(&b);
    amf_member_number(&b, SLICE("maxFall"), 400);
    amf_member_number(&b, SLICE("maxCLL"), 1000);
    amf_end(&b);
    amf_name(&b, SLICE("hdrMdcv"));
    amf_begin_object(&b);
    static const struct {
        struct slice name;
        double value;
    } MASTERING[] = {{SLICE("redX"), 0.68},   {SLICE("redY"), 0.32},       {SLICE("greenX"), 0.265},      {SLICE("greenY"), 0.69},       {SLICE("blueX"), 0.15},
                     {SLICE("blueY"), 0.06},  {SLICE("whitePointX"), 0.3127}, {SLICE("whitePointY"), 0.329}, {SLICE("maxLuminance"), 1000}, {SLICE("minLuminance"), 0.0005}};
    for (size_t i = 0; i < ARRAY_LEN(MASTERING); i++) amf_member_number(&b, MASTERING[i].name, MASTERING[i].value);
    amf_end(&b);
    amf_end(&b);
    assert_int_equal(give(MESSAGE_VIDEO, 10, buf_slice(&b)).kind, ERR_NONE);
    buf_free(&b);
    video(40, "a368766331" "000000030201af");
    assert_int_equal(recorder->told, 2);
    const struct cmaf_track *t = &recorder->tracks[0];
    assert_int_equal(t->colour.transfer, 18);
    assert_true(t->hdr.has_light && t->hdr.light_max == 1000 && t->hdr.light_average == 400);
    assert_true(t->hdr.has_mastering && t->hdr.primary_x[2] == 34000 && t->hdr.primary_y[0] == 34500 && t->hdr.white_x == 15635);
    assert_true(t->hdr.luminance_max == 10000000 && t->hdr.luminance_min == 5);
    video(60, "9468766331" "020009636f6c6f72496e666f06"); /* undefined: what the stream itself says counts again */
    video(80, "a368766331" "000000030201af");
    assert_int_equal(recorder->told, 3);
    assert_int_equal(recorder->tracks[0].colour.transfer, 16);
    assert_false(recorder->tracks[0].hdr.has_light);
}

static void say_time(uint32_t ms, const char *name, const char *member, const char *text) {
    struct buf b = BUF(4096);
    amf_put_text(&b, slice_cstr(name));
    amf_begin_object(&b);
    amf_member_text(&b, SLICE("sd"), SLICE("15-01-2027"));
    amf_member_text(&b, slice_cstr(member), slice_cstr(text));
    amf_end(&b);
    assert_int_equal(give(MESSAGE_DATA, ms, buf_slice(&b)).kind, ERR_NONE);
    buf_free(&b);
}

static void time_codes_become_capture_times(void **state) {
    video(0, VIDEO_CONFIG);
    audio(0, AUDIO_CONFIG);
    static const struct {
        const char *name, *member, *text;
        int64_t ms_before; /* arrival; -1: not to be believed */
    } CASES[] = {
        {"onFI", "st", "07:59:59.250", 750},      {"onFI", "st", "13:44:58.000", 2000}, /* Nepal, five hours and three quarters ahead */
        {"onFI", "st", "23:59:59.9", 100},        {"onFI", "st", "08:00:01.000", -1000}, /* an encoder whose clock is fast */
        {"onTimecode", "timecode", "07:59:59:15", 499}, {"onFI", "tc", "07:59:59;00", 1000},
        {"onFI", "st", "07:58:00.000", -1},       {"onTimecode", "timecode", "01:07:00:00", -1}, /* a counter that began anywhere */
        {"onFI", "st", "7:59:59", -1},            {"onFI", "st", "07:61:59.000", -1},       {"onFI", "st", "", -1},
        {"onTimecode", "timecode", "07:59:59:30", -1}, /* there is no 31st frame */
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        uint32_t ms = (uint32_t)(i * 100000); /* far from the last one, so that it counts no more */
        say_time(ms, CASES[i].name, CASES[i].member, CASES[i].text);
        video(ms + 40, FRAME);
        const struct feed_sample *s = &recorder->samples[recorder->sample_count - 1].sample;
        bool is_believed = CASES[i].ms_before != -1;
        assert_int_equal(s->clock_source, is_believed ? FEED_CLOCK_TIMECODE : FEED_CLOCK_ARRIVAL);
        int64_t wanted = now.ns + (is_believed ? 73 - CASES[i].ms_before : 0) * NS_PER_MS; /* shown 33 ms after it is decoded */
        assert_true(llabs(s->captured.ns - wanted) < NS_PER_MS);
    }
}

static void splice(const char *name, const char *base64) {
    struct buf b = BUF(4096);
    amf_put_text(&b, slice_cstr(name));
    amf_begin_object(&b);
    amf_member_text(&b, SLICE("type"), SLICE("scte-35"));
    amf_member_text(&b, SLICE("data"), slice_cstr(base64));
    amf_end(&b);
    assert_int_equal(give(MESSAGE_DATA, 2000, buf_slice(&b)).kind, ERR_NONE);
    buf_free(&b);
}

static void cue_points_with_a_whole_section(void **state) {
    a_picture_and_a_sound(state);
    splice("onCuePoint", "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo="); /* the standard's example 14.2 */
    assert_int_equal(recorder->cues, 1);
    assert_int_equal(recorder->cue_bytes, 50);
    assert_int_equal(recorder->cue_pts, 2000 * 90);
    splice("onSCTE35", "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=");
    assert_int_equal(recorder->cues, 2);
    splice("onCuePoint", "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbows="); /* its checksum is wrong */
    splice("onCuePoint", "bm8gc3BsaWNlIGF0IGFsbCwgb25seSB3b3Jkcw==");
    assert_int_equal(recorder->cues, 2);
}

static void what_cannot_be_carried_ends_it(void **state) {
    static const struct {
        uint8_t type;
        const char *digits, *code;
    } CASES[] = {
        {MESSAGE_VIDEO, "1200", "rtmp.codec"},
        {MESSAGE_AUDIO, "b600", "rtmp.codec"},
        {MESSAGE_VIDEO, "1700000000" "014d4028ffe1", "rtmp.config"},
        {MESSAGE_VIDEO, "1700000000" "0142c028ffe000", "rtmp.config"}, /* no parameter sets */
        {MESSAGE_AUDIO, "af0000", "rtmp.config"},
        {MESSAGE_VIDEO, "17", "rtmp.tag"},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct err e = give_hex(CASES[i].type, 0, CASES[i].digits);
        assert_int_equal(e.kind, ERR_INPUT);
        assert_string_equal(e.code, CASES[i].code);
    }
    assert_int_equal(give_hex(MESSAGE_DATA, 0, "02000a6f6e4d65746144617461ff").kind, ERR_NONE); /* damaged metadata is no reason */
    assert_int_equal(recorder->told, 0);
}

static void the_receiver_may_end_it(void **state) {
    video(0, VIDEO_CONFIG);
    audio(0, AUDIO_CONFIG);
    recorder->sample_error = err_make(ERR_CONFLICT, "feed.taken", "A backup took over.");
    assert_string_equal(give_hex(MESSAGE_VIDEO, 0, KEY_FRAME).code, "feed.taken");
}

static void every_allocation_may_fail(void **state) {
    static const struct {
        uint8_t type;
        const char *digits;
    } STORY[] = {{MESSAGE_VIDEO, VIDEO_CONFIG}, {MESSAGE_VIDEO, KEY_FRAME}, {MESSAGE_VIDEO, FRAME}, {MESSAGE_AUDIO, AUDIO_CONFIG}, {MESSAGE_AUDIO, AUDIO_FRAME},
                 {MESSAGE_VIDEO, "1700000000" AVCC_576I}, {MESSAGE_VIDEO, KEY_FRAME}, {MESSAGE_AUDIO, "91" "61632d33" "0b77b50b1e40ebf8403eff99ff0841fc"}};
    unsigned failures = 0;
    for (uint64_t nth = 1;; nth++) {
        recorder_forget(recorder);
        intake_destroy(&intake);
        struct feed_receiver receiver = recorder_receiver(recorder);
        fault_arm(FAULT_ALLOC, nth, false);
        struct err e = intake_create(&intake, &receiver, recorder);
        for (size_t i = 0; i < ARRAY_LEN(STORY) && !e.kind; i++) e = give_hex(STORY[i].type, (uint32_t)i * 10, STORY[i].digits);
        bool did_fire = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        if (!did_fire) {
            assert_int_equal(e.kind, ERR_NONE);
            assert_int_equal(recorder->sample_count, 5);
            break;
        }
        failures++;
        assert_int_equal(e.kind, ERR_LIMIT);
    }
    assert_true(failures >= 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_picture_and_a_sound),
        TEST(what_is_said_again_changes_nothing),
        TEST(a_second_track_is_waited_for_a_second_of_media),
        TEST(sound_alone_and_a_picture_that_comes_late),
        TEST(metadata_says_that_there_is_no_more_to_come),
        TEST(what_waits_is_handed_on_at_the_end),
        TEST(a_change_while_waiting),
        TEST(times_go_on_over_the_wrap_and_jump_as_they_are),
        TEST(damaged_samples_are_left_out),
        TEST(several_sound_tracks),
        TEST(nanoseconds_are_kept),
        TEST(aggregates),
        TEST(colours_for_hdr),
        TEST(time_codes_become_capture_times),
        TEST(cue_points_with_a_whole_section),
        TEST(what_cannot_be_carried_ends_it),
        TEST(the_receiver_may_end_it),
        TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
