/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "live_maker.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "media/cmaf/box.h"
#include "media/cmaf/fragment.h"

const struct public_id made_id = {"0123456789abcdef"};
const struct utc_time made_epoch = {INT64_C(1795000000) * NS_PER_S};

void seen_add(struct seen_list *l, struct seen s) {
    if (l->count == l->capacity) l->all = realloc(l->all, (l->capacity = l->capacity ? l->capacity * 2 : 256) * sizeof *l->all);
    assert(l->all);
    l->all[l->count++] = s;
}
void seen_free(struct seen_list *l) {
    free(l->all);
    *l = (struct seen_list){0};
}

struct live *made_live(struct clock *clock, uint64_t ring_bytes_max) {
    struct live *live;
    struct live_options options = {.clock = clock, .ring_bytes_max = ring_bytes_max};
    assert_ok(live_create(&options, &live));
    return live;
}

static void make_tracks(struct made_publisher *p) {
    const struct made_stream *s = &p->stream;
    p->track_count = 0;
    if (s->num) {
        struct cmaf_track t = made_h264();
        t.timescale = s->hz;
        if (s->height) t.height = s->height, t.width = (uint16_t)(s->height * 16 / 9);
        assert_ok(cmaf_track_complete(&t));
        p->tracks[p->track_count++] = t;
    }
    if (s->has_sound) {
        struct cmaf_track t = made_aac();
        if (s->sample_rate == 44100) t.config = SLICE("\x12\x10");
        t.timescale = s->hz == 90000 ? s->sample_rate : s->hz;
        t.sample_rate = s->sample_rate;
        t.channels = 2;
        assert_ok(cmaf_track_complete(&t));
        p->tracks[p->track_count++] = t;
    }
}

struct err made_begin(struct made_publisher *p, struct live *live, struct clock *clock, struct made_stream stream) {
    if (!p->rng.state[0]) p->rng = rng_seeded(17);
    if (!stream.sample_rate) stream.sample_rate = 48000;
    if (!stream.hz) stream.hz = 1000;
    if (!stream.bytes) stream.bytes = 2000;
    if (stream.rate == 0) stream.rate = 1;
    p->live = live;
    p->clock = clock;
    p->stream = stream;
    p->frames = p->sounds = 0;
    p->video_s = p->audio_s = 0;
    struct feed_hello hello = {.protocol = "rtmp", .key = SLICE("key"), .peer = SLICE("127.0.0.1:9"), .agent = SLICE("test")};
    struct err e = live_feed_begin(live, &made_id, &hello, &p->feed);
    if (e.kind) return e;
    make_tracks(p);
    return live_feed_tracks(p->feed, p->tracks, p->track_count);
}

static void send_one(struct made_publisher *p, size_t track, double dts_s, double pts_s, bool is_sync, uint32_t bytes, struct seen_list *sent) {
    uint32_t hz = p->tracks[track].timescale;
    char *data = malloc(bytes);
    assert(data && bytes >= 8);
    uint32_t name = ++p->name;
    memcpy(data, &name, 4);
    for (uint32_t i = 4; i < bytes; i++) data[i] = (char)(name * 7 + i * 13);
    struct utc_time now = clock_utc(p->clock);
    double offset = (double)p->stream.offset_ms / 1000;
    struct feed_sample s = {.track = track, .dts = (int64_t)((dts_s + offset) * hz + 0.5), .pts = (int64_t)((pts_s + offset) * hz + 0.5), .is_sync = is_sync,
                            .data = slice_of(data, bytes), .arrived = now, .captured = now};
    assert_ok(live_feed_sample(p->feed, &s));
    seen_add(sent, (struct seen){.dts = s.dts, .pts = s.pts, .bytes = bytes, .name = name, .is_sync = is_sync});
    free(data);
}

void made_send(struct made_publisher *p, int64_t ms) {
    const struct made_stream *s = &p->stream;
    double start = p->video_s > p->audio_s ? p->video_s : p->audio_s, end = start + (double)ms / 1000 * s->rate;
    double now = s->num && s->has_sound ? (p->video_s < p->audio_s ? p->video_s : p->audio_s) : start;
    for (;;) {
        double video = s->num ? (double)p->frames * s->den / s->num : 1e18, audio = s->has_sound ? (double)p->sounds * 1024 / s->sample_rate : 1e18;
        double next = video < audio ? video : audio;
        if (next >= end - 1e-9) break;
        if (next > now) clock_manual_advance(p->clock, (int64_t)((next - now) / s->rate * 1e9)), now = next;
        if (video <= audio) {
            bool is_sync = s->gop ? p->frames % s->gop == 0 : p->frames == 0;
            send_one(p, 0, video, video + (double)s->b_delay * s->den / s->num, is_sync, 8 + s->bytes / 2 + (uint32_t)rng_below(&p->rng, s->bytes), &p->video);
            p->frames++;
            p->video_s = (double)p->frames * s->den / s->num;
        } else {
            send_one(p, p->track_count - 1, audio, audio, true, 8 + (uint32_t)rng_below(&p->rng, 300), &p->audio);
            p->sounds++;
            p->audio_s = (double)p->sounds * 1024 / s->sample_rate;
        }
    }
    if (end > now) clock_manual_advance(p->clock, (int64_t)((end - now) / s->rate * 1e9));
}

void made_end(struct made_publisher *p) { live_feed_end(&p->feed, ERR_OK); }

void made_publisher_free(struct made_publisher *p) {
    seen_free(&p->video);
    seen_free(&p->audio);
}

void made_read(struct slice bytes, struct seen_list *out) {
    struct byte_reader r = byte_reader_of(bytes);
    struct box box;
    while (box_next(&r, &box)) {
        if (box.type == FOURCC('p', 'r', 'f', 't')) {
            assert_int_equal(box.body.len, 24);
            continue;
        }
        assert_int_equal(box.type, FOURCC('m', 'o', 'o', 'f'));
        struct fragment f = fragment_of(box.body, 0, 1, (struct trex){0}, 0);
        struct slice moof = box.body;
        assert_true(box_next(&r, &box));
        assert_int_equal(box.type, FOURCC('m', 'd', 'a', 't'));
        assert_true(box.body.ptr == moof.ptr + moof.len + 8);
        struct cmaf_sample s;
        bool has_sample;
        size_t at = 0;
        for (;;) {
            assert_ok(fragment_next(&f, &s, &has_sample));
            if (!has_sample) break;
            assert_int_equal(s.source_offset, 8 + moof.len + 8 + at);
            assert_true(at + s.bytes <= box.body.len && s.bytes >= 8);
            struct seen seen = {.dts = s.dts, .pts = s.pts, .duration = s.duration, .bytes = s.bytes, .is_sync = s.is_sync};
            memcpy(&seen.name, box.body.ptr + at, 4);
            for (uint32_t i = 4; i < s.bytes; i++)
                if (box.body.ptr[at + i] != (char)(seen.name * 7 + i * 13)) fail_msg("byte %u of sample %u is wrong", i, seen.name);
            seen_add(out, seen);
            at += s.bytes;
        }
        assert_int_equal(at, box.body.len);
    }
    assert_false(r.has_failed);
    assert_int_equal(bytes_left(&r), 0);
}

void made_bytes(const struct live_answer *a, struct buf *out) {
    if (a->piece_count) {
        for (size_t i = 0; i < a->piece_count; i++) buf_append(out, a->pieces[i].bytes);
    } else {
        char *to = buf_reserve(out, a->bytes);
        assert_non_null(to);
        assert_ok(fs_pread_all(http_file_fd(a->file), to, a->bytes, a->file_offset));
        buf_commit(out, a->bytes);
    }
}

static struct buf text_of(struct live_answer *a, const char *file) {
    struct buf text = BUF(64 << 20);
    if (a->kind == LIVE_ANSWER_ERROR) fail_msg("%s: %s: %s", file, a->error.code, a->error.what);
    assert_true(a->kind == LIVE_ANSWER_BLOBS || a->kind == LIVE_ANSWER_FILE);
    made_bytes(a, &text);
    live_answer_release(a);
    return text;
}

struct buf made_text(struct live *live, const char *file) {
    struct live_answer a;
    live_ask(live, &made_id, &(struct live_ask){.file = slice_cstr(file)}, NULL, &a);
    return text_of(&a, file);
}

struct buf made_recorded_text(const struct live_recording *r, const char *file) {
    struct live_answer a;
    live_recording_ask(r, &(struct live_ask){.file = slice_cstr(file)}, &a);
    return text_of(&a, file);
}

void made_fetch(struct live *live, const struct live_recording *recording, const char *rendition, struct seen_list *out) {
    char name[32];
    (void)snprintf(name, sizeof name, "%s.m3u8", rendition);
    struct buf text = recording ? made_recorded_text(recording, name) : made_text(live, name);
    struct slice rest = buf_slice(&text), line;
    bool is_gap = false;
    while (slice_next(&rest, '\n', &line)) {
        is_gap |= slice_eq(line, SLICE("#EXT-X-GAP"));
        if (!line.len || line.ptr[0] == '#') continue;
        struct live_answer a;
        struct live_ask ask = {.file = line};
        if (recording) live_recording_ask(recording, &ask, &a);
        else live_ask(live, &made_id, &ask, NULL, &a);
        if (is_gap) {
            assert_int_equal(a.kind, LIVE_ANSWER_ERROR);
        } else {
            if (a.kind == LIVE_ANSWER_ERROR) fail_msg("%.*s: %s", SLICE_ARG(line), a.error.code);
            assert_true(a.kind == LIVE_ANSWER_BLOBS || a.kind == LIVE_ANSWER_FILE);
            struct buf bytes = BUF(64 << 20);
            made_bytes(&a, &bytes);
            assert_int_equal(bytes.len, a.total);
            made_read(buf_slice(&bytes), out);
            buf_free(&bytes);
        }
        live_answer_release(&a);
        is_gap = false;
    }
    buf_free(&text);
}

void made_compare(const struct seen_list *sent, const struct seen_list *found) {
    int64_t end = INT64_MIN;
    for (size_t i = 0; i < found->count && i < sent->count; i++) {
        if (found->all[i].name != sent->all[i].name) fail_msg("sample %zu: %u was sent, %u found", i, sent->all[i].name, found->all[i].name);
        assert_int_equal(found->all[i].bytes, sent->all[i].bytes);
        assert_int_equal(found->all[i].is_sync, sent->all[i].is_sync);
        if (found->all[i].dts < end) fail_msg("sample %zu begins before the one before it ends", i);
        end = found->all[i].dts + found->all[i].duration;
    }
    assert_int_equal(found->count, sent->count);
}
