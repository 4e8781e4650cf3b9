/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Transport streams that the ffmpeg command made, taken apart: whole, cut at odd places, damaged, strange. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"
#include "media/srt/programme.h"
#include "ts_maker.h"
#include "work_folder.h"

enum { SAMPLES_MAX = 8192, PACKET = TS_PACKET_BYTES };

/* ---- what comes out ---- */

struct got {
    size_t track;
    int64_t dts, pts;
    uint32_t duration;
    bool is_sync;
    size_t bytes, told;
    uint16_t width;
    uint64_t hash;
    size_t at; /* how many bytes of the stream had been pushed */
};

struct sink {
    struct cmaf_track tracks[FEED_TRACKS_MAX];
    size_t count, told;
    struct got samples[SAMPLES_MAX];
    size_t sample_count, cues;
    int64_t cue_clock;
    uint16_t programmes[TS_PROGRAMMES_MAX];
    size_t programme_count;
    size_t pushed;
    struct ts_counts counts;
};

static struct err take_tracks(void *user, const struct cmaf_track *tracks, size_t count) {
    struct sink *s = user;
    memcpy(s->tracks, tracks, count * sizeof *tracks);
    s->count = count;
    s->told++;
    return ERR_OK;
}
static struct err take_sample(void *user, const struct record_sample *sample, struct slice data) {
    struct sink *s = user;
    assert_true(sample->track < s->count);
    assert_true(s->sample_count < SAMPLES_MAX);
    s->samples[s->sample_count++] = (struct got){.track = sample->track, .dts = sample->dts, .pts = sample->pts, .duration = sample->duration, .told = s->told, .width = s->tracks[sample->track].width,
                                                 .is_sync = sample->is_sync, .bytes = data.len, .hash = slice_hash(data), .at = s->pushed};
    return ERR_OK;
}
static struct err take_cue(void *user, int64_t clock, struct slice section) {
    struct sink *s = user;
    s->cues++;
    s->cue_clock = clock;
    return ERR_OK;
}
static struct err take_programmes(void *user, const uint16_t *numbers, size_t count) {
    struct sink *s = user;
    memcpy(s->programmes, numbers, count * sizeof *numbers);
    s->programme_count = count;
    return srt_err("srt.programmes");
}

/* The whole stream in pieces of `step` bytes, which arrive at 8 Mbit/s. */
static struct err run(struct slice stream, size_t step, struct sink *s) {
    *s = (struct sink){0};
    struct programme_handler handler = {.user = s, .codec = PROGRAMME_HAS_IT, .tracks = take_tracks, .sample = take_sample, .cue = take_cue, .programmes = take_programmes};
    struct programme *p = NULL;
    struct err e = programme_open(&handler, &p);
    if (e.kind) return e;
    for (size_t at = 0; !e.kind && at < stream.len; at += step) {
        struct slice piece = slice_sub(stream, at, at + step);
        char *exact = malloc(piece.len);
        memcpy(exact, piece.ptr, piece.len);
        s->pushed += piece.len;
        e = programme_push(p, slice_of(exact, piece.len), (int64_t)s->pushed * 1000);
        free(exact);
    }
    if (!e.kind) e = programme_finish(p);
    s->counts = programme_counts(p);
    for (size_t i = 0; i < s->count; i++) s->tracks[i].config.ptr = NULL; /* gone with the programme */
    programme_close(&p);
    return e;
}

static void must_run(struct slice stream, size_t step, struct sink *s) {
    struct err e = run(stream, step, s);
    if (e.kind) print_message("# %s\n", e.code);
    assert_int_equal(e.kind, ERR_NONE);
}

static size_t track_of(const struct sink *s, enum cmaf_kind kind) {
    for (size_t i = 0; i < s->count; i++)
        if (s->tracks[i].kind == kind) return i;
    fail_msg("no track of kind %d", kind);
    return 0;
}
static size_t count_of(const struct sink *s, size_t track) {
    size_t count = 0;
    for (size_t i = 0; i < s->sample_count; i++) count += s->samples[i].track == track;
    return count;
}

static void assert_same(const struct sink *a, const struct sink *b) {
    assert_int_equal(a->sample_count, b->sample_count);
    for (size_t i = 0; i < a->sample_count; i++) {
        const struct got *x = &a->samples[i], *y = &b->samples[i];
        assert_true(x->track == y->track && x->dts == y->dts && x->pts == y->pts && x->hash == y->hash && x->is_sync == y->is_sync && x->duration == y->duration);
    }
}

/* ---- streams ---- */

#define PICTURE "-f lavfi -i testsrc2=size=320x180:rate=30:duration=%s"
#define SOUND "-f lavfi -i sine=frequency=440:sample_rate=48000:duration=%s"
#define X264 "-c:v libx264 -preset ultrafast -tune zerolatency -g 15 -pix_fmt yuv420p"

static struct slice make(const char *name, struct buf *out, const char *arguments) {
    shell("ffmpeg -loglevel error -y %s -f mpegts %s", arguments, name);
    return work_read(name, out);
}

static struct slice plain(struct buf *out) {
    return make("plain.ts", out, "-f lavfi -i testsrc2=size=320x180:rate=30:duration=2 -f lavfi -i sine=sample_rate=48000:duration=2 "
                                 "-map 0 -map 1 -c:v libx264 -preset veryfast -bf 2 -g 15 -pix_fmt yuv420p -c:a aac -ac 2");
}

/* ---- tests ---- */

static struct sink sink, other;

static void it_does_not_matter_how_the_stream_is_cut(void **state) {
    struct buf bytes;
    struct slice stream = plain(&bytes);
    must_run(stream, 1316, &sink);
    assert_int_equal(sink.count, 2);
    assert_int_equal(count_of(&sink, track_of(&sink, CMAF_VIDEO)), 60);
    assert_int_equal(sink.counts.lost + sink.counts.damaged + sink.counts.skipped, 0);
    static const size_t STEPS[] = {1, 2, 3, 7, 100, 187, 188, 189, 376, 1000, 65536, 10000000};
    for (size_t i = 0; i < ARRAY_LEN(STEPS); i++) {
        must_run(stream, STEPS[i], &other);
        assert_same(&sink, &other);
    }
    buf_free(&bytes);
}

static void each_sound_arrives_as_one_that_browsers_play(void **state) {
    static const struct {
        const char *options;
        uint32_t rate;
        uint16_t channels;
        enum cmaf_codec codec;
    } SOUNDS[] = {{"-c:a mp2 -ac 2", 48000, 2, CMAF_AAC},
                  {"-c:a libmp3lame -ac 1 -ar 44100", 44100, 1, CMAF_AAC},
                  {"-c:a ac3 -ac 6 -b:a 384k", 48000, 6, CMAF_AAC},
                  {"-c:a eac3 -ac 2", 48000, 2, CMAF_AAC},
                  {"-c:a aac -ac 2 -mpegts_flags latm", 48000, 2, CMAF_AAC},
                  {"-c:a aac -ac 2 -ar 44100", 44100, 2, CMAF_AAC},
                  {"-c:a aac -aac_coder fast -profile:a aac_main -ac 2", 48000, 2, CMAF_AAC},
                  {"-c:a libopus -ac 2", 48000, 2, CMAF_OPUS}};
    for (size_t i = 0; i < ARRAY_LEN(SOUNDS); i++) {
        char arguments[600];
        snprintf(arguments, sizeof arguments, PICTURE " " SOUND " -map 0 -map 1 " X264 " %s -metadata:s:a language=tha", "2", "2", SOUNDS[i].options);
        struct buf bytes;
        must_run(make("sound.ts", &bytes, arguments), 1316, &sink);
        assert_int_equal(sink.count, 2);
        size_t t = track_of(&sink, CMAF_AUDIO), v = track_of(&sink, CMAF_VIDEO);
        assert_int_equal(v, 0);
        assert_int_equal(sink.told, 1);
        assert_int_equal(sink.tracks[t].codec, SOUNDS[i].codec);
        assert_int_equal(sink.tracks[t].sample_rate, SOUNDS[i].rate);
        assert_int_equal(sink.tracks[t].timescale, SOUNDS[i].rate);
        assert_int_equal(sink.tracks[t].channels, SOUNDS[i].channels);
        assert_string_equal(sink.tracks[t].language, "th");
        int64_t next = INT64_MIN, first = 0, end = 0, picture = INT64_MIN;
        for (size_t k = 0; k < sink.sample_count; k++) {
            const struct got *g = &sink.samples[k];
            if (g->track == v && picture == INT64_MIN) picture = g->pts;
            if (g->track != t) continue;
            if (next == INT64_MIN) first = g->dts;
            else if (g->dts != next) fail_msg("%s: sample %zu at %ld, not %ld", SOUNDS[i].options, k, (long)g->dts, (long)next); /* not a tick is missing */
            next = end = g->dts + g->duration;
        }
        double seconds = (double)(end - first) / SOUNDS[i].rate, apart = (double)first / SOUNDS[i].rate - (double)picture / 90000;
        if (seconds < 1.85 || seconds > 2.15 || apart < -0.1 || apart > 0.1) fail_msg("%s: %.3f s, %.3f s beside the picture", SOUNDS[i].options, seconds, apart);
        buf_free(&bytes);
    }
}

static void several_sounds_and_languages(void **state) {
    struct buf bytes;
    must_run(make("many.ts", &bytes, "-f lavfi -i sine=duration=1:sample_rate=48000 -f lavfi -i testsrc2=size=320x180:rate=30:duration=1 "
                                     "-map 0 -map 0 -map 1 -map 0 " X264 " -c:a aac -c:a:1 ac3 -metadata:s:a:0 language=eng -metadata:s:a:1 language=ger -metadata:s:a:2 language=chi "
                                     "-streamid 0:300 -streamid 1:301 -streamid 2:302 -streamid 3:303"), 1316, &sink);
    assert_int_equal(sink.count, 4);
    assert_int_equal(sink.tracks[0].kind, CMAF_VIDEO); /* first, wherever it stands in the table */
    static const char *const LANGUAGES[] = {"en", "de", "zh"};
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(sink.tracks[1 + i].language, LANGUAGES[i]);
        assert_true(count_of(&sink, 1 + i) > 40);
    }
    buf_free(&bytes);
}

static void several_programmes_are_refused_by_number(void **state) {
    struct buf bytes;
    struct slice stream = make("two.ts", &bytes, "-f lavfi -i testsrc2=size=64x48:rate=30:duration=0.2 -map 0 -map 0 -c:v mpeg2video -program program_num=7:st=0 -program program_num=9:st=1");
    struct err e = run(stream, 1316, &sink);
    assert_string_equal(e.code, "srt.programmes");
    assert_int_equal(sink.programme_count, 2);
    assert_int_equal(sink.programmes[0], 7);
    assert_int_equal(sink.programmes[1], 9);
    buf_free(&bytes);
}

static void what_cannot_be_shown_is_refused(void **state) {
    struct buf bytes;
    struct slice stream = make("422.ts", &bytes, "-f lavfi -i testsrc2=size=64x48:rate=30:duration=0.2 -c:v libx264 -pix_fmt yuv422p10le");
    assert_string_equal(run(stream, 1316, &sink).code, "srt.profile");
    buf_free(&bytes);
    stream = make("mpeg2.ts", &bytes, "-f lavfi -i testsrc2=size=64x48:rate=30:duration=0.2 -c:v mpeg2video");
    assert_string_equal(run(stream, 1316, &sink).code, "srt.nothing");
    buf_free(&bytes);
    size_t len = 5 << 20;
    char *junk = malloc(len);
    for (size_t i = 0; i < len; i++) junk[i] = (char)(i * 31 >> 3);
    assert_string_equal(run(slice_of(junk, len), 65536, &sink).code, "srt.damaged");
    free(junk);
    stream = plain(&bytes);
    struct buf scrambled = BUF((size_t)4 << 20);
    for (int round = 0; round < 3; round++) buf_append(&scrambled, stream);
    for (size_t at = 0; at < scrambled.len; at += PACKET)
        if (((uint8_t)scrambled.ptr[at + 1] & 0x1f) == 1) scrambled.ptr[at + 3] |= (char)0x80;
    assert_string_equal(run(buf_slice(&scrambled), 1316, &sink).code, "srt.scrambled");
    buf_free(&scrambled);
    buf_free(&bytes);
}

/* Some packets are missing: what comes is untouched, what is damaged does not come, and the gaps are counted. */
static void lost_packets_cost_only_what_they_carried(void **state) {
    struct buf bytes;
    struct slice stream = plain(&bytes);
    must_run(stream, 1316, &sink);
    for (size_t every = 61; every < 200; every += 23) {
        struct buf rest = BUF((size_t)4 << 20);
        size_t dropped = 0;
        for (size_t at = 0, n = 0; at < stream.len; at += PACKET, n++) {
            bool is_table = ((uint8_t)stream.ptr[at + 1] & 0x1f) == 0 || ((uint8_t)stream.ptr[at + 1] & 0x1f) == 0x10;
            if (n % every == every - 1 && !is_table) dropped++;
            else buf_append(&rest, slice_sub(stream, at, at + PACKET));
        }
        must_run(buf_slice(&rest), 1316, &other);
        assert_true(other.counts.lost > 0 && other.counts.lost <= dropped);
        assert_true(other.counts.damaged > 0);
        assert_true(other.sample_count < sink.sample_count && other.sample_count + dropped * 8 >= sink.sample_count);
        size_t at[2] = {0};
        for (size_t i = 0; i < other.sample_count; i++) { /* each is one of the whole stream's, in order */
            const struct got *g = &other.samples[i];
            size_t *k = &at[g->track];
            while (*k < sink.sample_count && (sink.samples[*k].track != g->track || sink.samples[*k].hash != g->hash)) ++*k;
            if (*k == sink.sample_count) fail_msg("every %zu: sample %zu is none of the source's (track %zu, %zu bytes, dts %ld)", every, i, g->track, g->bytes, (long)g->dts);
            assert_true(llabs(sink.samples[*k].dts - g->dts) <= (g->track ? 100 : 0)); /* sound snaps to what came before it */
        }
        buf_free(&rest);
    }
    buf_free(&bytes);
}

static void packets_that_come_twice_count_once(void **state) {
    struct buf bytes, twice = BUF((size_t)4 << 20);
    struct slice stream = plain(&bytes);
    must_run(stream, 1316, &sink);
    for (size_t at = 0; at < stream.len; at += PACKET)
        for (int i = 0; i < 2; i++) buf_append(&twice, slice_sub(stream, at, at + PACKET));
    must_run(buf_slice(&twice), 1316, &other);
    assert_int_equal(other.counts.lost, 0);
    assert_same(&sink, &other);
    buf_free(&twice);
    /* junk between packets, and a stream that begins in the middle of one */
    struct buf junk = BUF((size_t)4 << 20);
    buf_append(&junk, slice_sub(stream, 100, PACKET));
    buf_append(&junk, stream);
    must_run(buf_slice(&junk), 1316, &other);
    assert_same(&sink, &other);
    assert_true(other.counts.skipped > 0);
    buf_free(&junk);
    buf_free(&bytes);
}

static void the_clock_may_wrap_and_jump(void **state) {
    struct buf bytes;
    must_run(make("wrap.ts", &bytes, "-f lavfi -i testsrc2=size=320x180:rate=30:duration=2 -f lavfi -i sine=sample_rate=48000:duration=2 -map 0 -map 1 "
                                     "-c:v libx264 -preset veryfast -bf 2 -g 15 -pix_fmt yuv420p -c:a aac -output_ts_offset 95441.7"), 1316, &sink);
    int64_t last[2] = {INT64_MIN, INT64_MIN}, highest = 0;
    for (size_t i = 0; i < sink.sample_count; i++) {
        const struct got *g = &sink.samples[i];
        if (last[g->track] != INT64_MIN) assert_in_range(g->dts - last[g->track], g->track ? 1024 : 3000, g->track ? 1024 : 3000);
        assert_in_range(g->pts - g->dts, 0, 18000);
        last[g->track] = g->dts;
        if (!g->track && g->dts > highest) highest = g->dts;
    }
    assert_true(highest > INT64_C(1) << 33); /* beyond what 33 bits hold */
    assert_int_equal(count_of(&sink, 0), 60);
    size_t whole = sink.sample_count;

    /* the same again behind it: the source's times jump back, and that is told as it is */
    struct buf again = BUF((size_t)4 << 20);
    buf_append(&again, buf_slice(&bytes));
    buf_append(&again, buf_slice(&bytes));
    must_run(buf_slice(&again), 1316, &other);
    assert_true(other.sample_count >= 2 * whole - 4);
    size_t jumps = 0;
    int64_t before = INT64_MIN;
    for (size_t i = 0; i < other.sample_count; i++) {
        if (other.samples[i].track) continue;
        jumps += before != INT64_MIN && other.samples[i].dts < before;
        before = other.samples[i].dts;
    }
    assert_int_equal(jumps, 1);
    assert_int_equal(other.told, 1); /* the same parameters */
    buf_free(&again);
    buf_free(&bytes);
}

static void parameters_may_change_on_the_way(void **state) {
    struct buf one, two, three, all = BUF((size_t)8 << 20);
    buf_append(&all, make("one.ts", &one, "-f lavfi -i testsrc2=size=320x180:rate=30:duration=1 -f lavfi -i sine=sample_rate=48000:duration=1 -map 0 -map 1 " X264 " -c:a aac"));
    buf_append(&all, make("two.ts", &two, "-f lavfi -i testsrc2=size=640x360:rate=30:duration=1 -f lavfi -i sine=sample_rate=44100:duration=1 -map 0 -map 1 " X264 " -c:a aac"));
    buf_append(&all, make("three.ts", &three, "-f lavfi -i testsrc2=size=480x270:rate=30:duration=1 -map 0 -c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=15 -pix_fmt yuv420p"));
    must_run(buf_slice(&all), 1316, &sink);
    assert_true(sink.told >= 3);
    assert_int_equal(sink.count, 1);
    assert_int_equal(sink.tracks[0].codec, CMAF_HEVC);
    assert_int_equal(sink.tracks[0].width, 480);
    assert_int_equal(sink.tracks[0].height, 270);
    size_t pictures = 0;
    uint16_t width = 0;
    for (size_t i = 0; i < sink.sample_count; i++) {
        if (!sink.samples[i].width) continue;
        pictures++;
        if (sink.samples[i].width != width) assert_true(sink.samples[i].is_sync);
        width = sink.samples[i].width;
    }
    assert_int_equal(pictures, 90);
    buf_free(&one);
    buf_free(&two);
    buf_free(&three);
    buf_free(&all);
}

static void one_kind_alone_is_fine_and_a_late_key_frame_is_waited_for(void **state) {
    struct buf bytes;
    must_run(make("sound.ts", &bytes, "-f lavfi -i sine=sample_rate=48000:duration=2 -c:a aac"), 1316, &sink);
    assert_int_equal(sink.count, 1);
    assert_int_equal(sink.tracks[0].kind, CMAF_AUDIO);
    assert_true(sink.sample_count > 90);
    buf_free(&bytes);
    must_run(make("picture.ts", &bytes, "-f lavfi -i testsrc2=size=320x180:rate=30:duration=2 " X264), 1316, &sink);
    assert_int_equal(sink.count, 1);
    assert_int_equal(sink.sample_count, 60);
    buf_free(&bytes);
    /* in the middle of a group of pictures: what cannot be decoded does not come, but its sound does */
    struct slice stream = make("late.ts", &bytes, "-f lavfi -i testsrc2=size=320x180:rate=30:duration=4 -f lavfi -i sine=sample_rate=48000:duration=4 -map 0 -map 1 -c:v libx264 -preset ultrafast -g 60 -pix_fmt yuv420p -c:a aac");
    size_t middle = stream.len / 4 / PACKET * PACKET;
    must_run(slice_sub(stream, middle, stream.len), 1316, &sink);
    assert_int_equal(sink.count, 2);
    assert_int_equal(sink.told, 1);
    for (size_t i = 0; i < sink.sample_count; i++)
        if (!sink.samples[i].track) {
            assert_true(sink.samples[i].is_sync);
            break;
        }
    assert_int_equal(count_of(&sink, 0), 60);
    assert_true(count_of(&sink, 1) > 100);
    buf_free(&bytes);
}

/* The picture's last packet says that it is the last, and the picture is there with it, not with the one after it. */
static void a_picture_leaves_with_its_last_packet(void **state) {
    struct buf bytes;
    struct slice stream = make("quick.ts", &bytes, "-f lavfi -i testsrc2=size=320x180:rate=30:duration=3 " X264);
    must_run(stream, PACKET, &sink);
    size_t prompt = 0, pictures = 0;
    for (size_t i = 0; i < sink.sample_count; i++) {
        size_t next = sink.samples[i].at; /* begins a picture: it was waited for */
        bool is_start = next < stream.len && (uint8_t)stream.ptr[next - PACKET + 1] & 0x40;
        prompt += !is_start;
        pictures++;
    }
    assert_int_equal(pictures, 90);
    assert_true(prompt >= 90 - 10); /* the first eight are watched, and one now and then fills its last packet to the brim */
    buf_free(&bytes);

    /* A multiplexer that stuffs where it likes is found out: one picture is damaged, no more. */
    struct buf odd = BUF((size_t)4 << 20), unit = BUF(1000);
    ts_put_tables(&odd, 0, 0, (const uint16_t[][2]){{0x1b, 0x101}}, 1);
    uint8_t counter = 0;
    struct slice sps = SLICE("\x00\x00\x00\x01\x67\x64\x00\x0d\xac\xd9\x41\x41\xfb\x01\x10\x00\x00\x03\x00\x10\x00\x00\x03\x03\xc0\xf1\x42\x99\x60\x00\x00\x00\x01\x68\xeb\xe3\xcb\x22\xc0");
    for (int i = 0; i < 40; i++) {
        uint64_t pts = 90000 + (uint64_t)i * 3000;
        buf_clear(&unit);
        buf_append(&unit, SLICE("\x00\x00\x01\xe0\x00\x00\x80\x80\x05"));
        buf_u8(&unit, (uint8_t)(0x21 | (pts >> 29 & 14)));
        buf_u16be(&unit, (uint16_t)(pts >> 14 | 1));
        buf_u16be(&unit, (uint16_t)(pts << 1 | 1));
        buf_append(&unit, sps);
        buf_append(&unit, SLICE("\x00\x00\x00\x01\x65"));
        while (unit.len < 300) buf_u8(&unit, (uint8_t)(1 + i));
        size_t first = i < 20 ? 184 : 100; /* from the twentieth on, stuffing in the first packet */
        ts_put_packet(&odd, 0x101, true, counter++, slice_sub(buf_slice(&unit), 0, first), false);
        size_t second = first + 184 < unit.len ? first + 184 : unit.len;
        ts_put_packet(&odd, 0x101, false, counter++, slice_sub(buf_slice(&unit), first, second), false);
        if (second < unit.len) ts_put_packet(&odd, 0x101, false, counter++, slice_sub(buf_slice(&unit), second, unit.len), false);
    }
    must_run(buf_slice(&odd), 1316, &sink);
    assert_int_equal(sink.sample_count, 40);
    size_t short_ones = 0;
    for (size_t i = 0; i < sink.sample_count; i++) short_ones += sink.samples[i].bytes != sink.samples[0].bytes;
    assert_int_equal(short_ones, 1);
    assert_int_equal(sink.counts.damaged, 1);
    buf_free(&unit);
    buf_free(&odd);
}

static void cues_come_with_the_clock(void **state) {
    struct buf bytes, with = BUF((size_t)4 << 20);
    struct slice stream = make("cue.ts", &bytes, "-f lavfi -i testsrc2=size=320x180:rate=30:duration=1 " X264 " -mpegts_start_pid 0x101 -mpegts_pmt_start_pid 0x1000");
    /* our own table says that there are cues as well, and takes the place of ffmpeg's */
    ts_put_tables(&with, 0, 1, (const uint16_t[][2]){{0x1b, 0x101}, {0x86, 0x1f0}}, 2);
    size_t n = 0;
    for (size_t at = 0; at < stream.len; at += PACKET) {
        uint16_t pid = ts_pid(stream.ptr + at);
        if (pid != 0 && pid != 0x1000) buf_append(&with, slice_sub(stream, at, at + PACKET));
        if (++n % 100 == 0) ts_put_section(&with, 0x1f0, (uint8_t)(n / 100), ts_cue());
    }
    must_run(buf_slice(&with), 1316, &sink);
    assert_int_equal(sink.cues, n / 100);
    assert_true(sink.cue_clock > sink.samples[0].dts && sink.cue_clock <= sink.samples[sink.sample_count - 1].dts);
    assert_int_equal(count_of(&sink, 0), 30);
    buf_free(&with);
    buf_free(&bytes);
}

/* Tables that come and go while the stream runs. */
static void the_programme_may_change(void **state) {
    struct buf bytes, odd = BUF((size_t)4 << 20);
    plain(&bytes);
    struct slice stream = buf_slice(&bytes);
    uint8_t counter = 9;
    size_t n = 0;
    for (size_t at = 0; at < stream.len; at += PACKET) {
        uint16_t pid = ts_pid(stream.ptr + at);
        if (pid != 0x1000) buf_append(&odd, slice_sub(stream, at, at + PACKET));
        static const uint16_t BOTH[][2] = {{0x1b, 0x100}, {0x0f, 0x101}}, SWAPPED[][2] = {{0x0f, 0x101}, {0x1b, 0x100}};
        if (n++ % 50 == 0) ts_put_tables(&odd, counter++, (uint8_t)(n / 50 & 31), n / 50 % 3 == 2 ? SWAPPED : BOTH, n / 50 % 3 == 1 ? 1 : 2);
    }
    must_run(buf_slice(&odd), 1316, &sink);
    assert_true(sink.told > 5);
    assert_int_equal(sink.counts.damaged, 0);
    assert_true(count_of(&sink, 0) > 40);
    buf_free(&odd);
    buf_free(&bytes);
}

/* Each allocation of ours fails in turn, sound encoder included: it is reported, and nothing leaks. */
static void memory_may_run_out(void **state) {
    struct buf bytes;
    struct slice stream = make("little.ts", &bytes, "-f lavfi -i testsrc2=size=64x48:rate=30:duration=0.3 -f lavfi -i sine=sample_rate=48000:duration=0.3 -map 0 -map 1 -map 1 " X264
                                                    " -c:a:0 aac -c:a:1 mp2");
    uint64_t n = 1;
    for (;; n++) {
        fault_arm(FAULT_ALLOC, n, false);
        struct err e = run(stream, 1316, &sink);
        bool was_hit = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        if (e.kind) assert_string_equal(e.code, "memory");
        if (!was_hit) break;
    }
    assert_true(n > 20);
    assert_int_equal(sink.count, 3);
    buf_free(&bytes);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_does_not_matter_how_the_stream_is_cut),
        cmocka_unit_test(each_sound_arrives_as_one_that_browsers_play),
        cmocka_unit_test(several_sounds_and_languages),
        cmocka_unit_test(several_programmes_are_refused_by_number),
        cmocka_unit_test(what_cannot_be_shown_is_refused),
        cmocka_unit_test(lost_packets_cost_only_what_they_carried),
        cmocka_unit_test(packets_that_come_twice_count_once),
        cmocka_unit_test(the_clock_may_wrap_and_jump),
        cmocka_unit_test(parameters_may_change_on_the_way),
        cmocka_unit_test(one_kind_alone_is_fine_and_a_late_key_frame_is_waited_for),
        cmocka_unit_test(a_picture_leaves_with_its_last_packet),
        cmocka_unit_test(cues_come_with_the_clock),
        cmocka_unit_test(the_programme_may_change),
        cmocka_unit_test(memory_may_run_out),
    };
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("srt_programme", tests, work_make, work_remove);
}
