/* SPDX-License-Identifier: AGPL-3.0-or-later */
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
#include "base/mem.h"
#include "media/cmaf/cmaf.h"
#include "media/cmaf/window.h"
#include "media_maker.h"

/* Reads the track file back with the reader for other people's files and compares every sample with what went in. */
static void assert_same_samples(int fd, const struct made *m) {
    struct cmaf_source *source;
    struct cmaf_cursor *cursor;
    assert_ok(cmaf_source_open(fd, &source));
    assert_int_equal(cmaf_source_track_count(source), 1);
    assert_null(cmaf_source_track_at(source, 0)->why_not);
    assert_ok(cmaf_cursor_open(source, 0, &cursor));
    struct cmaf_sample s;
    bool has;
    int64_t shift = 0;
    for (size_t i = 0; i < m->count; i++) {
        assert_ok(cmaf_cursor_next(cursor, &s, &has));
        assert_true(has);
        const struct cmaf_sample *w = &m->samples[i];
        assert_int_equal(s.pts, w->pts);
        if (!i) shift = s.dts - w->dts;
        assert_int_equal(s.dts - w->dts, shift); /* moved, all by the same */
        assert_int_equal(s.duration, i + 1 < m->count ? w[1].dts - w->dts : w->duration);
        assert_int_equal(s.is_sync, w->is_sync);
        assert_int_equal(s.bytes, w->bytes);
        char *payload = malloc(s.bytes + 1);
        assert_ok(fs_pread_all(fd, payload, s.bytes, s.source_offset));
        assert_memory_equal(payload, w->data, s.bytes);
        free(payload);
    }
    assert_ok(cmaf_cursor_next(cursor, &s, &has));
    assert_false(has);
    cmaf_cursor_close(&cursor);
    cmaf_source_close(&source);
}

/* The first four bytes of the box at that place, as a number, and its type. */
static uint32_t box_at(int fd, uint64_t offset, char type[5]) {
    uint8_t head[8];
    assert_ok(fs_pread_all(fd, head, 8, offset));
    memcpy(type, head + 4, 4);
    type[4] = 0;
    return (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
}

static uint64_t be(int fd, uint64_t offset, int bytes) {
    uint8_t raw[8];
    uint64_t v = 0;
    assert_ok(fs_pread_all(fd, raw, (size_t)bytes, offset));
    for (int i = 0; i < bytes; i++) v = v << 8 | raw[i];
    return v;
}

/* What holds for every index of a finished file: no gaps, in order, the sidx says the same, and the boxes do. */
static void assert_sound(int fd, const struct cmaf_index *index) {
    uint64_t size;
    assert_ok(fs_size(fd, &size));
    assert_int_equal(index->file_bytes, size);
    for (size_t i = 0; i < index->segment_count; i++) {
        const struct cmaf_segment *s = &index->segments[i];
        char type[5];
        box_at(fd, s->offset, type);
        assert_string_equal(type, "styp");
        assert_true(s->key_bytes <= s->bytes);
        if (!i) continue;
        assert_int_equal(s->offset, s[-1].offset + s[-1].bytes);
        assert_int_equal(s->start, s[-1].start + s[-1].duration);
    }
    char type[5];
    assert_int_equal(box_at(fd, index->sidx_offset, type), index->sidx_bytes);
    assert_string_equal(type, "sidx");
    uint64_t entries = be(fd, index->sidx_offset + 38, 2), offset = index->sidx_offset + index->sidx_bytes + be(fd, index->sidx_offset + 28, 8);
    assert_int_equal(index->sidx_bytes, 40 + 12 * entries);
    size_t segment = 0;
    uint64_t time = be(fd, index->sidx_offset + 20, 8);
    for (uint64_t i = 0; i < entries; i++) {
        uint64_t bytes = be(fd, index->sidx_offset + 40 + 12 * i, 4), duration = be(fd, index->sidx_offset + 44 + 12 * i, 4);
        while (segment < index->segment_count && index->segments[segment].offset < offset) segment++;
        assert_true(segment < index->segment_count);
        assert_int_equal(index->segments[segment].offset, offset);
        assert_int_equal(time, index->segments[segment].start < 0 ? 0 : index->segments[segment].start);
        offset += bytes;
        time += duration;
    }
    assert_int_equal(offset, index->file_bytes);
    assert_ok(cmaf_index_verify(index, fd));
}

static void random_samples_come_back_as_they_were(void **state) {
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct rng rng = rng_seeded(seed);
        bool is_video = rng_below(&rng, 2);
        struct made_shape shape = {.count = 1 + rng_below(&rng, 400), .duration = rng_below(&rng, 2) ? 512 : 0, .bytes_max = 300,
                                   .gop = is_video ? (unsigned)rng_below(&rng, 40) : 1, .has_b_frames = is_video && rng_below(&rng, 2),
                                   .start = (int64_t)rng_below(&rng, 100000) - 50000};
        struct made m = made_samples(&rng, shape);
        struct cmaf_track track = is_video ? made_h264() : made_aac();
        /* Half of the payload from a source file, in two places with a gap between, in both orders. */
        int fd = made_file(), source = made_file();
        uint64_t at = rng_below(&rng, 9000);
        struct cmaf_sample *given = malloc(m.count * sizeof *given);
        for (size_t i = 0; i < m.count; i++) {
            given[i] = m.samples[i];
            if (rng_below(&rng, 2)) continue;
            at += rng_below(&rng, 8) ? 0 : rng_below(&rng, 20000);
            assert_ok(fs_pwrite_all(source, slice_of(given[i].data, given[i].bytes), at));
            given[i].data = NULL;
            given[i].source_offset = at;
            at = rng_below(&rng, 50) ? at + given[i].bytes : rng_below(&rng, 1 << 20) + (1 << 20) * (i + 1);
        }
        struct cmaf_window *window;
        assert_ok(cmaf_window_open(source, &window));
        struct cmaf_writer_options options = {.fd = fd, .source = window, .segment_ms = 500 + (uint32_t)rng_below(&rng, 2000),
                                              .duration_ms = rng_below(&rng, 3) * 1000, .part_bytes_max = rng_below(&rng, 2) ? 1000 : 0};
        struct cmaf_writer *writer;
        assert_ok(cmaf_writer_open(&track, &options, &writer));
        for (size_t i = 0; i < m.count; i++) assert_ok(cmaf_writer_add(writer, &given[i]));
        struct arena *arena = arena_create(1 << 20);
        struct cmaf_index index;
        assert_ok(cmaf_writer_finish(writer, arena, &index));
        cmaf_writer_close(&writer);
        cmaf_window_close(&window);
        assert_sound(fd, &index);
        assert_same_samples(fd, &m);
        if (is_video)
            for (size_t i = 0; i < index.segment_count; i++) assert_true(index.segments[i].flags & CMAF_SEGMENT_SYNC);
        arena_destroy(&arena);
        free(given);
        close(fd), close(source);
        made_free(&m);
    }
}

static void segments_are_whole_gops_near_the_target(void **state) {
    static const struct {
        unsigned gop;
        uint32_t wanted; /* pictures a segment, at 25 a second and a target of 2 s */
    } cases[] = {{50, 50}, {25, 50}, {48, 48}, {12, 48}, {24, 48}, {33, 66}, {40, 40}, {250, 250}, {1, 50}, {30, 60}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rng rng = rng_seeded(i);
        struct made m = made_samples(&rng, (struct made_shape){.count = 1000, .duration = 512, .gop = cases[i].gop, .bytes_max = 10});
        struct arena *arena = arena_create(1 << 20);
        struct cmaf_track track = made_h264();
        int fd = made_file();
        struct cmaf_index index = made_track_file(fd, &track, &m, arena);
        for (size_t k = 0; k + 1 < index.segment_count; k++) assert_int_equal(index.segments[k].duration, cases[i].wanted * 512);
        assert_int_equal(index.track.rate_num, 25);
        assert_int_equal(index.track.rate_den, 1);
        assert_sound(fd, &index);
        close(fd);
        arena_destroy(&arena);
        made_free(&m);
    }
}

static void key_bytes_end_with_the_first_picture(void **state) {
    struct rng rng = rng_seeded(5);
    struct made m = made_samples(&rng, (struct made_shape){.count = 200, .duration = 512, .gop = 50, .bytes_max = 500});
    struct arena *arena = arena_create(1 << 20);
    struct cmaf_track track = made_h264();
    int fd = made_file();
    struct cmaf_index index = made_track_file(fd, &track, &m, arena);
    assert_int_equal(index.segment_count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct cmaf_sample *key = &m.samples[i * 50];
        char tail[500];
        assert_ok(fs_pread_all(fd, tail, key->bytes, index.segments[i].offset + index.segments[i].key_bytes - key->bytes));
        assert_memory_equal(tail, key->data, key->bytes);
    }
    close(fd);
    arena_destroy(&arena);
    made_free(&m);
}

/* Priming before 0 is kept by an edit list, pictures before decoding by signed offsets: times are exact (see cmaf.h). */
static void times_before_zero_are_kept(void **state) {
    struct rng rng = rng_seeded(6);
    struct arena *arena = arena_create(1 << 20);
    struct made m = made_samples(&rng, (struct made_shape){.count = 300, .duration = 1024, .gop = 1, .bytes_max = 10, .start = -1024});
    struct cmaf_track track = made_aac();
    int fd = made_file();
    struct cmaf_index index = made_track_file(fd, &track, &m, arena);
    assert_int_equal(index.media_time, 1024);
    assert_int_equal(index.segments[0].start, -1024);
    assert_sound(fd, &index);
    assert_same_samples(fd, &m);
    close(fd);
    made_free(&m);

    /* Decoding begins two pictures before showing does. */
    m = made_samples(&rng, (struct made_shape){.count = 300, .duration = 512, .gop = 50, .has_b_frames = true, .bytes_max = 10});
    for (size_t i = 0; i < m.count; i++) m.samples[i].dts -= 1024;
    track = made_h264();
    fd = made_file();
    index = made_track_file(fd, &track, &m, arena);
    assert_int_equal(index.media_time, 1024);
    assert_int_equal(index.segments[0].start, 0);
    assert_sound(fd, &index);
    assert_same_samples(fd, &m);
    close(fd);
    made_free(&m);

    /* Shown before it is decoded: decode times move down, as FFmpeg takes no negative offset for what it is. */
    m = made_samples(&rng, (struct made_shape){.count = 300, .duration = 512, .gop = 50, .has_b_frames = true, .bytes_max = 10});
    fd = made_file();
    index = made_track_file(fd, &track, &m, arena);
    assert_int_equal(index.media_time, 512);
    assert_int_equal(index.segments[0].start, 0);
    assert_sound(fd, &index);
    assert_same_samples(fd, &m);
    close(fd);
    made_free(&m);
    arena_destroy(&arena);
}

static void audio_is_cut_where_it_is_told(void **state) {
    for (int order = 0; order < 3; order++) { /* told before, during, after the samples */
        struct rng rng = rng_seeded(7);
        struct made m = made_samples(&rng, (struct made_shape){.count = 470, .duration = 1024, .gop = 1, .bytes_max = 10, .start = -1024});
        struct cmaf_track track = made_aac();
        struct arena *arena = arena_create(1 << 20);
        int fd = made_file();
        struct cmaf_writer_options options = {.fd = fd, .follows = true};
        struct cmaf_writer *writer;
        assert_ok(cmaf_writer_open(&track, &options, &writer));
        for (int t = 0; t < 4 && order == 0; t++) assert_ok(cmaf_writer_cut_at(writer, t * 25, 12)); /* every 25/12 s */
        for (size_t i = 0; i < m.count; i++) {
            assert_ok(cmaf_writer_add(writer, &m.samples[i]));
            if (order == 1 && i % 110 == 109) assert_ok(cmaf_writer_cut_at(writer, (int64_t)(i / 110) * 25, 12));
        }
        for (int t = 0; t < 4 && order == 2; t++) assert_ok(cmaf_writer_cut_at(writer, t * 25, 12));
        struct cmaf_index index;
        assert_ok(cmaf_writer_finish(writer, arena, &index));
        cmaf_writer_close(&writer);
        assert_int_equal(index.segment_count, 5); /* what lies before 0 is a segment of its own only because a cut was asked for at 0 */
        for (size_t i = 1; i < 5; i++) {
            int64_t cut = (int64_t)(i - 1) * 25 * 48000 / 12;
            assert_in_range(index.segments[i].start - cut, 0, 1023);
        }
        assert_sound(fd, &index);
        assert_same_samples(fd, &m);
        close(fd);
        arena_destroy(&arena);
        made_free(&m);
    }
}

static void sidx_entries_span_segments_when_room_is_short(void **state) {
    struct rng rng = rng_seeded(8);
    struct made m = made_samples(&rng, (struct made_shape){.count = 25 * 200, .duration = 512, .gop = 50, .bytes_max = 3});
    struct cmaf_track track = made_h264();
    struct arena *arena = arena_create(1 << 20);
    int fd = made_file();
    struct cmaf_writer_options options = {.fd = fd, .duration_ms = 1}; /* it was said to be short */
    struct cmaf_writer *writer;
    assert_ok(cmaf_writer_open(&track, &options, &writer));
    for (size_t i = 0; i < m.count; i++) assert_ok(cmaf_writer_add(writer, &m.samples[i]));
    struct cmaf_index index;
    assert_ok(cmaf_writer_finish(writer, arena, &index));
    cmaf_writer_close(&writer);
    assert_int_equal(index.segment_count, 100);
    assert_true(index.sidx_bytes < 40 + 12 * 100);
    assert_sound(fd, &index);
    close(fd);
    arena_destroy(&arena);
    made_free(&m);
}

static void parts_and_segments_close_on_demand(void **state) {
    struct rng rng = rng_seeded(9);
    struct made m = made_samples(&rng, (struct made_shape){.count = 100, .duration = 512, .gop = 50, .bytes_max = 30});
    struct cmaf_track track = made_h264();
    struct arena *arena = arena_create(1 << 20);
    int fd = made_file();
    struct cmaf_writer_options options = {.fd = fd};
    struct cmaf_writer *writer;
    assert_ok(cmaf_writer_open(&track, &options, &writer));
    assert_ok(cmaf_writer_close_part(writer)); /* nothing is held */
    for (size_t i = 0; i < m.count; i++) {
        assert_ok(cmaf_writer_add(writer, &m.samples[i]));
        if (i % 8 == 7) assert_ok(cmaf_writer_close_part(writer));
        size_t closed;
        (void)cmaf_writer_segments(writer, &closed);
        assert_int_equal(closed, i / 50);
    }
    struct cmaf_index index;
    assert_ok(cmaf_writer_finish(writer, arena, &index));
    assert_err(cmaf_writer_add(writer, &m.samples[0]), ERR_BUG, "track.finished");
    cmaf_writer_close(&writer);
    assert_int_equal(index.segment_count, 2);
    assert_sound(fd, &index);
    assert_same_samples(fd, &m);
    close(fd);
    arena_destroy(&arena);
    made_free(&m);
}

/* Stands in for encryption: other bytes, one more per sample, and a box of its own in each part. */
struct scrambler {
    char *bytes;
    uint32_t moof_offset;
};
static struct err scramble(void *user, struct cmaf_sample *samples, size_t count, uint32_t moof_offset, struct buf *traf_boxes) {
    struct scrambler *s = user;
    size_t bytes = 0, at = 0;
    for (size_t i = 0; i < count; i++) bytes += samples[i].bytes + 1;
    free(s->bytes);
    s->bytes = malloc(bytes);
    for (size_t i = 0; i < count; i++) {
        const char *from = samples[i].data;
        char *to = s->bytes + at;
        for (uint32_t k = 0; k < samples[i].bytes; k++) to[k] = (char)(from[k] ^ 0x55);
        to[samples[i].bytes++] = '!';
        samples[i].data = to;
        at += samples[i].bytes;
    }
    s->moof_offset = moof_offset;
    buf_bytes(traf_boxes, "\0\0\0\x10senc12345678", 16);
    return ERR_OK;
}

static void a_transform_may_change_payload_and_add_boxes(void **state) {
    struct rng rng = rng_seeded(10);
    struct made m = made_samples(&rng, (struct made_shape){.count = 120, .duration = 512, .gop = 50, .bytes_max = 30});
    struct made wanted = made_samples(&(struct rng){{1, 2, 3, 4}}, (struct made_shape){.count = 120, .duration = 512, .gop = 50, .bytes_max = 0});
    char(*payload)[64] = malloc(120 * sizeof *payload);
    int fd = made_file(), source = made_file();
    assert_ok(fs_pwrite_all(source, slice_of(m.payload, m.count ? (size_t)((const char *)m.samples[119].data - m.payload) + m.samples[119].bytes : 0), 0));
    for (size_t i = 0; i < 120; i++) {
        for (uint32_t k = 0; k < m.samples[i].bytes; k++) payload[i][k] = (char)(((const char *)m.samples[i].data)[k] ^ 0x55);
        payload[i][m.samples[i].bytes] = '!';
        wanted.samples[i].bytes = m.samples[i].bytes + 1;
        wanted.samples[i].data = payload[i];
        m.samples[i].source_offset = (uint64_t)((const char *)m.samples[i].data - m.payload);
        if (i % 3) m.samples[i].data = NULL;
    }
    struct cmaf_track track = made_h264();
    struct arena *arena = arena_create(1 << 20);
    struct scrambler scrambler = {0};
    struct cmaf_window *window;
    assert_ok(cmaf_window_open(source, &window));
    struct cmaf_writer_options options = {.fd = fd, .source = window, .transform = scramble, .user = &scrambler,
                                          .sinf = SLICE("\0\0\0\x14sinf\0\0\0\x0c""frmaavc1")};
    struct cmaf_writer *writer;
    assert_ok(cmaf_writer_open(&track, &options, &writer));
    for (size_t i = 0; i < m.count; i++) assert_ok(cmaf_writer_add(writer, &m.samples[i]));
    struct cmaf_index index;
    assert_ok(cmaf_writer_finish(writer, arena, &index));
    cmaf_writer_close(&writer);
    cmaf_window_close(&window);
    for (size_t i = 0; i < index.segment_count; i++) { /* the box stands where the transform was told, behind the 24 bytes of styp */
        char type[5];
        assert_int_equal(box_at(fd, index.segments[i].offset + 24 + scrambler.moof_offset, type), 16);
        assert_string_equal(type, "senc");
    }
    assert_sound(fd, &index);
    struct cmaf_source *read;
    assert_ok(cmaf_source_open(fd, &read));
    assert_true(cmaf_source_track_at(read, 0)->is_encrypted);
    assert_string_equal(cmaf_source_track_at(read, 0)->why_not, "source.encrypted");
    assert_int_equal(cmaf_source_track_at(read, 0)->track.codec, CMAF_H264);
    cmaf_source_close(&read);
    /* Payload: read by place, as the reader above refuses encrypted tracks. */
    uint64_t at = index.segments[0].offset + index.segments[0].key_bytes - wanted.samples[0].bytes;
    for (size_t i = 0; i < 50; i++) {
        char got[64];
        assert_ok(fs_pread_all(fd, got, wanted.samples[i].bytes, at));
        assert_memory_equal(got, payload[i], wanted.samples[i].bytes);
        at += wanted.samples[i].bytes;
    }
    free(scrambler.bytes);
    free(payload);
    close(fd), close(source);
    arena_destroy(&arena);
    made_free(&m), made_free(&wanted);
}

static void wrong_times_are_refused(void **state) {
    struct cmaf_track track = made_h264();
    struct arena *arena = arena_create(1 << 20);
    static const struct {
        struct cmaf_sample samples[2];
        const char *code;
    } cases[] = {
        {{{.dts = 10, .pts = 10, .is_sync = true}, {.dts = 9, .pts = 9}}, "sample.order"},
        {{{.dts = INT64_MAX, .pts = 0}, {0}}, "sample.time"},
        {{{.dts = 0, .pts = INT64_MIN}, {0}}, "sample.time"},
        {{{.dts = 0, .pts = 0, .is_sync = true}, {.dts = 1, .pts = (int64_t)1 << 40}}, "sample.time"},     /* composition beyond 31 bits */
        {{{.dts = 0, .pts = 0, .is_sync = true}, {.dts = (int64_t)1 << 40, .pts = 0}}, "sample.time"},     /* a sample of hours */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int fd = made_file();
        struct cmaf_writer_options options = {.fd = fd};
        struct cmaf_writer *writer;
        struct cmaf_index index = {0};
        assert_ok(cmaf_writer_open(&track, &options, &writer));
        struct err e = cmaf_writer_add(writer, &cases[i].samples[0]);
        if (!e.kind) e = cmaf_writer_add(writer, &cases[i].samples[1]);
        if (!e.kind) e = cmaf_writer_finish(writer, arena, &index);
        assert_err(e, ERR_INPUT, cases[i].code);
        assert_null(index.segments);
        cmaf_writer_close(&writer);
        close(fd);
    }
    int fd = made_file();
    struct cmaf_writer_options options = {.fd = fd};
    struct cmaf_writer *writer;
    struct cmaf_index index;
    assert_ok(cmaf_writer_open(&track, &options, &writer));
    assert_err(cmaf_writer_finish(writer, arena, &index), ERR_INPUT, "track.empty");
    cmaf_writer_close(&writer);
    close(fd);
    arena_destroy(&arena);
}

/* ---- payload from a source ---- */

/* Puts the payload into the source behind `at`; the sample then has its place only. Gives the end. */
static uint64_t put_into(int source, uint64_t at, struct cmaf_sample *s) {
    assert_ok(fs_pwrite_all(source, slice_of(s->data, s->bytes), at));
    s->data = NULL;
    s->source_offset = at;
    return at + s->bytes;
}

/* As an MP4 has them: one picture, what sounds meanwhile, the next picture. */
static void tracks_that_lie_among_each_other_are_read_once(void **state) {
    struct rng rng = rng_seeded(12);
    struct made pictures = made_samples(&rng, (struct made_shape){.count = 500, .duration = 512, .gop = 50, .bytes_max = 20000});
    struct made sounds = made_samples(&rng, (struct made_shape){.count = 1000, .duration = 960, .gop = 1, .bytes_max = 300});
    struct cmaf_sample *given[2] = {malloc(500 * sizeof **given), malloc(1000 * sizeof **given)};
    int fds[2] = {made_file(), made_file()}, source = made_file();
    uint64_t at = 0;
    for (size_t i = 0; i < 500; i++) {
        given[0][i] = pictures.samples[i];
        at = put_into(source, at, &given[0][i]);
        for (size_t k = 2 * i; k < 2 * i + 2; k++) {
            given[1][k] = sounds.samples[k];
            at = put_into(source, at, &given[1][k]);
        }
    }
    struct cmaf_window *window;
    assert_ok(cmaf_window_open(source, &window));
    struct cmaf_track tracks[2] = {made_h264(), made_aac()};
    struct cmaf_writer *writers[2];
    for (int t = 0; t < 2; t++)
        assert_ok(cmaf_writer_open(&tracks[t], &(struct cmaf_writer_options){.fd = fds[t], .source = window, .follows = t}, &writers[t]));
    for (size_t i = 0; i < 500; i++) {
        if (i && i % 50 == 0) assert_ok(cmaf_writer_cut_at(writers[1], (int64_t)(i / 50) * 2, 1));
        assert_ok(cmaf_writer_add(writers[0], &given[0][i]));
        for (size_t k = 2 * i; k < 2 * i + 2; k++) assert_ok(cmaf_writer_add(writers[1], &given[1][k]));
    }
    struct arena *arena = arena_create(1 << 20);
    for (int t = 0; t < 2; t++) {
        struct cmaf_index index;
        assert_ok(cmaf_writer_finish(writers[t], arena, &index));
        cmaf_writer_close(&writers[t]);
        assert_int_equal(index.segment_count, 10);
        assert_sound(fds[t], &index);
        assert_same_samples(fds[t], t ? &sounds : &pictures);
    }
    /* Each block once; twice more for each segment, which ends within a block and has sounds between it and the next. */
    assert_in_range(window_next_read(window), at / WINDOW_BLOCK_BYTES, at / WINDOW_BLOCK_BYTES + 1 + 2 * 10);
    cmaf_window_close(&window);
    arena_destroy(&arena);
    for (int t = 0; t < 2; t++) free(given[t]), close(fds[t]);
    close(source);
    made_free(&pictures), made_free(&sounds);
}

/* Samples far from each other, and some that lie between two that were read long ago: what waits for its write is not read over. Every fifth time
 * they are large, some larger than a block, and than a piece that is written. */
static void samples_all_over_the_source_come_whole(void **state) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng rng = rng_seeded(seed);
        bool is_large = seed % 5 == 0;
        struct made m = made_samples(&rng, (struct made_shape){.count = 200, .duration = 512, .gop = 1000, .bytes_max = is_large ? 6 * WINDOW_BLOCK_BYTES / 5 : 90});
        struct cmaf_sample *given = malloc(m.count * sizeof *given);
        int fd = made_file(), source = made_file();
        uint64_t far = 1 << 20;
        for (size_t i = 0; i < m.count; i++) {
            given[i] = m.samples[i];
            uint64_t near = i / 40 * 10000;
            if (is_large || (i % 40 > 1 && i % 40 != 20 && i % 40 != 21)) far = put_into(source, far + (rng_below(&rng, 3) ? 10000 : 0), &given[i]);
            else (void)put_into(source, near + (i % 40 == 0 ? 0 : i % 40 == 1 ? 5000 : i % 40 * 100), &given[i]); /* two, and later two between them */
        }
        struct cmaf_window *window;
        assert_ok(cmaf_window_open(source, &window));
        struct cmaf_track track = made_h264();
        struct cmaf_writer *writer;
        assert_ok(cmaf_writer_open(&track, &(struct cmaf_writer_options){.fd = fd, .source = window}, &writer));
        for (size_t i = 0; i < m.count; i++) assert_ok(cmaf_writer_add(writer, &given[i]));
        struct arena *arena = arena_create(1 << 20);
        struct cmaf_index index;
        assert_ok(cmaf_writer_finish(writer, arena, &index));
        cmaf_writer_close(&writer);
        assert_true(window_next_read(window) > 3 * WINDOW_BLOCKS);
        cmaf_window_close(&window);
        assert_sound(fd, &index);
        assert_same_samples(fd, &m);
        arena_destroy(&arena);
        free(given);
        close(fd), close(source);
        made_free(&m);
    }
}

static void a_source_that_became_shorter_is_an_error(void **state) {
    int fd = made_file(), source = made_file_of("0123456789", 10);
    struct cmaf_window *window;
    assert_ok(cmaf_window_open(source, &window));
    struct cmaf_track track = made_h264();
    struct cmaf_writer *writer;
    assert_ok(cmaf_writer_open(&track, &(struct cmaf_writer_options){.fd = fd, .source = window}, &writer));
    assert_ok(cmaf_writer_add(writer, &(struct cmaf_sample){.bytes = 10, .duration = 512, .is_sync = true}));
    assert_int_equal(ftruncate(source, 9), 0);
    assert_err(cmaf_writer_close_segment(writer), ERR_INPUT, "file.truncated");
    cmaf_writer_close(&writer);
    cmaf_window_close(&window);
    close(fd), close(source);
}

/* ---- every allocation, write, read and sync fails in turn ---- */

static void count_release(void *user, void *owner) {
    (void)owner;
    ++*(size_t *)user;
}

/* Writes a track with index; counts what was given and released. */
static struct err write_all(int dir_fd, const struct made *m, int source, size_t *given, size_t *released) {
    int fd = -1;
    struct cmaf_writer *writer = NULL;
    struct cmaf_window *window = NULL;
    struct arena *arena = arena_create(1 << 20);
    struct cmaf_track track = made_h264();
    struct cmaf_index index;
    struct err e = arena ? fs_open(dir_fd, "v0.mp4", O_RDWR | O_CREAT | O_TRUNC, 0600, &fd) : err_memory();
    if (!e.kind) e = cmaf_window_open(source, &window);
    struct cmaf_writer_options options = {.fd = fd, .source = window, .release = count_release, .user = released, .part_bytes_max = 700};
    if (!e.kind) e = cmaf_writer_open(&track, &options, &writer);
    for (size_t i = 0; i < m->count && !e.kind; i++) {
        struct cmaf_sample s = m->samples[i];
        s.owner = (void *)m;
        if (i % 2) s.data = NULL, s.source_offset = i * 100;
        ++*given;
        e = cmaf_writer_add(writer, &s);
    }
    if (!e.kind) e = cmaf_writer_finish(writer, arena, &index);
    if (!e.kind) e = cmaf_index_write(dir_fd, "v0.idx", &index);
    if (!e.kind) e = cmaf_index_verify(&index, fd);
    cmaf_writer_close(&writer);
    cmaf_window_close(&window);
    fs_close(&fd);
    arena_destroy(&arena);
    return e;
}

static void every_fault_is_reported_and_nothing_leaks(void **state) {
    struct rng rng = rng_seeded(11);
    struct made m = made_samples(&rng, (struct made_shape){.count = 120, .duration = 512, .gop = 25, .bytes_max = 90});
    int dir_fd = made_dir(), source = made_file();
    for (size_t i = 0; i < m.count; i++) assert_ok(fs_pwrite_all(source, slice_of(m.samples[i].data, m.samples[i].bytes), i * 100));
    assert_int_equal(ftruncate(source, 20000), 0);
    for (int point = 0; point < FAULT_POINTS; point++) {
        bool has_old = false;
        for (uint64_t nth = 1;; nth++) {
            assert_true(nth < 5000);
            size_t given = 0, released = 0;
            fault_arm((enum fault_point)point, nth, false);
            struct err e = write_all(dir_fd, &m, source, &given, &released);
            bool fired = fault_fired((enum fault_point)point);
            fault_disarm_all();
            assert_int_equal(given, released);
            if (!fired) {
                assert_ok(e);
                break;
            }
            assert_true(e.kind == ERR_LIMIT || e.kind == ERR_IO);
            /* An index is the old one or none, until the whole file stands. */
            struct arena *arena = arena_create(1 << 20);
            struct cmaf_index index;
            struct err read = cmaf_index_read(dir_fd, "v0.idx", arena, &index);
            if (read.kind) assert_int_equal(read.kind, ERR_NOT_FOUND);
            has_old |= !read.kind;
            arena_destroy(&arena);
        }
        (void)has_old;
    }
    close(source);
    made_dir_remove(dir_fd);
    made_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_samples_come_back_as_they_were),
        cmocka_unit_test(segments_are_whole_gops_near_the_target),
        cmocka_unit_test(key_bytes_end_with_the_first_picture),
        cmocka_unit_test(times_before_zero_are_kept),
        cmocka_unit_test(audio_is_cut_where_it_is_told),
        cmocka_unit_test(sidx_entries_span_segments_when_room_is_short),
        cmocka_unit_test(parts_and_segments_close_on_demand),
        cmocka_unit_test(a_transform_may_change_payload_and_add_boxes),
        cmocka_unit_test(wrong_times_are_refused),
        cmocka_unit_test(tracks_that_lie_among_each_other_are_read_once),
        cmocka_unit_test(samples_all_over_the_source_come_whole),
        cmocka_unit_test(a_source_that_became_shorter_is_an_error),
        cmocka_unit_test(every_fault_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
