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

#include "base/fs.h"
#include "media/cmaf/box.h"
#include "media/cmaf/cmaf.h"
#include "media_maker.h"

/* Makes files as other tools write them: sample tables in a moov. */
struct table {
    uint32_t rows[64][3];
    size_t count;
};
struct shape {
    struct table stts, ctts, stsc, stsz, stco, stss;
    bool is_long_offset, has_edits, has_stss;
    uint32_t uniform_bytes;
    unsigned small_sizes; /* stz2 of so many bits */
    uint64_t edits[4][2];
    size_t edit_count;
    uint32_t edit_rate;
    const char *entry; /* of the sample description; NULL: mp4a */
};

static void put_table(struct buf *b, const char *type, const struct table *t, size_t columns) {
    size_t at = box_begin_full(b, type, 0, 0);
    buf_u32be(b, (uint32_t)t->count);
    for (size_t i = 0; i < t->count; i++)
        for (size_t k = 0; k < columns; k++) buf_u32be(b, t->rows[i][k]);
    box_end(b, at);
}

static void put_entry(struct buf *b, const struct shape *s) {
    size_t stsd = box_begin_full(b, "stsd", 0, 0);
    buf_u32be(b, 1);
    size_t entry = box_begin(b, s->entry ? s->entry : "mp4a");
    buf_zeros(b, 6);
    buf_u16be(b, 1);
    buf_zeros(b, 8);
    buf_u16be(b, 2), buf_u16be(b, 16), buf_u32be(b, 0), buf_u32be(b, 48000u << 16);
    /* An esds as most tools write it: short lengths. */
    buf_bytes(b, "\0\0\0\x27" "esds\0\0\0\0\x03\x19\0\x01\0\x04\x11\x40\x15\0\0\0\0\0\0\0\0\0\0\0\x05\x02\x11\x90\x06\x01\x02", 39);
    box_end(b, entry);
    box_end(b, stsd);
}

static struct buf make_file(const struct shape *s, size_t payload) {
    struct buf b = BUF(1 << 20);
    size_t ftyp = box_begin(&b, "ftyp");
    buf_cstr(&b, "isom");
    buf_u32be(&b, 512);
    box_end(&b, ftyp);
    size_t mdat = box_begin(&b, "mdat"); /* payload from byte 24 on */
    for (size_t i = 0; i < payload; i++) buf_u8(&b, (uint8_t)i);
    box_end(&b, mdat);
    size_t moov = box_begin(&b, "moov");
    size_t mvhd = box_begin_full(&b, "mvhd", 0, 0);
    buf_zeros(&b, 8), buf_u32be(&b, 1000), buf_zeros(&b, 84);
    box_end(&b, mvhd);
    size_t trak = box_begin(&b, "trak");
    size_t tkhd = box_begin_full(&b, "tkhd", 0, 1);
    buf_zeros(&b, 8), buf_u32be(&b, 7), buf_zeros(&b, 68);
    box_end(&b, tkhd);
    if (s->has_edits) {
        size_t edts = box_begin(&b, "edts"), elst = box_begin_full(&b, "elst", 1, 0);
        buf_u32be(&b, (uint32_t)s->edit_count);
        for (size_t i = 0; i < s->edit_count; i++) buf_u64be(&b, s->edits[i][0]), buf_u64be(&b, s->edits[i][1]), buf_u32be(&b, s->edit_rate ? s->edit_rate : 0x10000);
        box_end(&b, elst), box_end(&b, edts);
    }
    size_t mdia = box_begin(&b, "mdia");
    size_t mdhd = box_begin_full(&b, "mdhd", 0, 0);
    buf_zeros(&b, 8), buf_u32be(&b, 48000), buf_u32be(&b, 4800), buf_u16be(&b, 0x10b5 /* deu */), buf_u16be(&b, 0);
    box_end(&b, mdhd);
    size_t hdlr = box_begin_full(&b, "hdlr", 0, 0);
    buf_u32be(&b, 0), buf_cstr(&b, "soun"), buf_zeros(&b, 13);
    box_end(&b, hdlr);
    size_t minf = box_begin(&b, "minf"), stbl = box_begin(&b, "stbl");
    put_entry(&b, s);
    put_table(&b, "stts", &s->stts, 2);
    if (s->ctts.count) put_table(&b, "ctts", &s->ctts, 2);
    put_table(&b, "stsc", &s->stsc, 3);
    if (s->has_stss) put_table(&b, "stss", &s->stss, 1);
    if (s->small_sizes) {
        size_t at = box_begin_full(&b, "stz2", 0, 0);
        buf_u32be(&b, s->small_sizes), buf_u32be(&b, (uint32_t)s->stsz.count);
        for (size_t i = 0; i < s->stsz.count; i++) {
            if (s->small_sizes == 16) buf_u16be(&b, (uint16_t)s->stsz.rows[i][0]);
            else if (s->small_sizes == 8) buf_u8(&b, (uint8_t)s->stsz.rows[i][0]);
            else if (i % 2 == 0) buf_u8(&b, (uint8_t)(s->stsz.rows[i][0] << 4 | (i + 1 < s->stsz.count ? s->stsz.rows[i + 1][0] : 0)));
        }
        box_end(&b, at);
    } else {
        size_t at = box_begin_full(&b, "stsz", 0, 0);
        buf_u32be(&b, s->uniform_bytes), buf_u32be(&b, (uint32_t)s->stsz.count);
        for (size_t i = 0; i < s->stsz.count && !s->uniform_bytes; i++) buf_u32be(&b, s->stsz.rows[i][0]);
        box_end(&b, at);
    }
    size_t at = box_begin_full(&b, s->is_long_offset ? "co64" : "stco", 0, 0);
    buf_u32be(&b, (uint32_t)s->stco.count);
    for (size_t i = 0; i < s->stco.count; i++) {
        if (s->is_long_offset) buf_u64be(&b, s->stco.rows[i][0]);
        else buf_u32be(&b, s->stco.rows[i][0]);
    }
    box_end(&b, at);
    box_end(&b, stbl), box_end(&b, minf), box_end(&b, mdia), box_end(&b, trak), box_end(&b, moov);
    assert_ok(buf_error(&b));
    return b;
}

/* Three chunks of 2, 2 and 1 samples of 3, 4, 5, 6, 7 bytes. */
static struct shape plain(void) {
    return (struct shape){
        .stts = {{{3, 1024}, {2, 512}}, 2}, .stsc = {{{1, 2, 1}, {3, 1, 1}}, 2}, .stsz = {{{3}, {4}, {5}, {6}, {7}}, 5}, .stco = {{{30}, {50}, {70}}, 3}};
}

/* All samples, or the error that ended them. */
static struct err read_all(const struct shape *s, struct cmaf_sample *out, size_t *count, const char **why_not) {
    struct buf b = make_file(s, 100);
    int fd = made_file_of(b.ptr, b.len);
    buf_free(&b);
    struct cmaf_source *source = NULL;
    struct cmaf_cursor *cursor = NULL;
    *count = 0;
    struct err e = cmaf_source_open(fd, &source);
    if (!e.kind && why_not) *why_not = cmaf_source_track_at(source, 0)->why_not;
    if (!e.kind) e = cmaf_cursor_open(source, 0, &cursor);
    for (bool has = true; !e.kind && has;) {
        e = cmaf_cursor_next(cursor, &out[*count], &has);
        *count += !e.kind && has;
        assert_true(*count < 100);
    }
    cmaf_cursor_close(&cursor);
    cmaf_source_close(&source);
    close(fd);
    return e;
}

static void tables_become_samples(void **state) {
    static const uint64_t offsets[] = {30, 33, 50, 55, 70};
    static const int64_t times[] = {0, 1024, 2048, 3072, 3584};
    for (int variant = 0; variant < 6; variant++) {
        struct shape s = plain();
        s.is_long_offset = variant == 1;
        s.small_sizes = variant == 2 ? 4 : variant == 3 ? 8 : variant == 4 ? 16 : 0;
        if (variant == 5) s.has_stss = true, s.stss = (struct table){{{1}, {4}}, 2}, s.ctts = (struct table){{{1, 100}, {2, (uint32_t)-50}}, 2};
        struct cmaf_sample out[100];
        size_t count;
        assert_ok(read_all(&s, out, &count, NULL));
        assert_int_equal(count, 5);
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(out[i].source_offset, offsets[i]);
            assert_int_equal(out[i].bytes, 3 + i);
            assert_int_equal(out[i].dts, times[i]);
            int64_t offset = variant != 5 ? 0 : i == 0 ? 100 : i < 3 ? -50 : 0;
            assert_int_equal(out[i].pts, times[i] + offset);
            assert_int_equal(out[i].is_sync, variant != 5 || i == 0 || i == 3);
            assert_int_equal(out[i].duration, i < 3 ? 1024 : 512);
        }
    }
}

static void what_a_track_is_is_told(void **state) {
    struct shape s = plain();
    struct buf b = make_file(&s, 100);
    int fd = made_file_of(b.ptr, b.len);
    struct cmaf_source *source;
    assert_ok(cmaf_source_open(fd, &source));
    const struct cmaf_source_track *t = cmaf_source_track_at(source, 0);
    assert_int_equal(t->id, 7);
    assert_int_equal(t->track.codec, CMAF_AAC);
    assert_string_equal(t->track.codec_string, "mp4a.40.2");
    assert_string_equal(t->track.language, "de");
    assert_int_equal(t->track.sample_rate, 48000);
    assert_int_equal(t->duration_ms, 100);
    assert_int_equal(t->sample_count, 5);
    assert_true(t->is_enabled);
    assert_false(cmaf_source_is_fragmented(source));
    cmaf_source_close(&source);
    close(fd);
    buf_free(&b);
}

static void edit_lists_move_times(void **state) {
    struct cmaf_sample out[100];
    size_t count;
    struct shape s = plain();
    s.has_edits = true;
    s.edit_count = 1, s.edits[0][0] = 0, s.edits[0][1] = 1024; /* priming: begin inside */
    assert_ok(read_all(&s, out, &count, NULL));
    assert_int_equal(out[0].pts, -1024);
    assert_int_equal(out[1].pts, 0);
    s.edit_count = 2; /* a delay of 250 ms (movie ticks), then all of it */
    s.edits[0][0] = 250, s.edits[0][1] = UINT64_MAX, s.edits[1][0] = 0, s.edits[1][1] = 0;
    assert_ok(read_all(&s, out, &count, NULL));
    assert_int_equal(out[0].pts, 12000);
    assert_int_equal(out[0].dts, 12000);
    s.edit_count = 1, s.edits[0][0] = 64, s.edits[0][1] = 0; /* ends after 3072 ticks: what lies behind is padding */
    assert_ok(read_all(&s, out, &count, NULL));
    assert_int_equal(count, 3);
}

static void what_it_cannot_do_is_said_before(void **state) {
    struct cmaf_sample out[100];
    size_t count;
    const char *why = NULL;
    struct shape s = plain();
    s.has_edits = true, s.edit_count = 2, s.edits[0][0] = 10, s.edits[0][1] = 0, s.edits[1][0] = 10, s.edits[1][1] = 2000;
    assert_int_equal(read_all(&s, out, &count, &why).kind, ERR_INPUT);
    assert_string_equal(why, "source.edits");
    s = plain(), s.has_edits = true, s.edit_count = 1, s.edits[0][0] = 10, s.edit_rate = 0x20000; /* double speed */
    assert_int_equal(read_all(&s, out, &count, &why).kind, ERR_INPUT);
    assert_string_equal(why, "source.edits");
    s = plain(), s.entry = "sowt";
    assert_int_equal(read_all(&s, out, &count, &why).kind, ERR_INPUT);
    assert_string_equal(why, "source.codec");
    s = plain(), s.entry = "enca";
    assert_int_equal(read_all(&s, out, &count, &why).kind, ERR_INPUT);
    assert_string_equal(why, "source.encrypted");
}

static void tables_that_lie_are_refused(void **state) {
    struct cmaf_sample out[100];
    size_t count;
    struct shape s = plain();
    s.stco.rows[1][0] = 1 << 30; /* beyond the end */
    assert_err(read_all(&s, out, &count, NULL), ERR_INPUT, "source.truncated");
    assert_int_equal(count, 2);
    s = plain(), s.stsz.rows[4][0] = UINT32_MAX;
    assert_err(read_all(&s, out, &count, NULL), ERR_INPUT, "source.truncated");
    s = plain(), s.stco.count = 2; /* samples without a chunk */
    assert_err(read_all(&s, out, &count, NULL), ERR_INPUT, "source.malformed");
    s = plain(), s.stsc.count = 0;
    assert_err(read_all(&s, out, &count, NULL), ERR_INPUT, "source.malformed");
    s = plain(), s.stsc.rows[0][1] = 0; /* chunks without samples */
    assert_err(read_all(&s, out, &count, NULL), ERR_INPUT, "source.malformed");
    s = plain(), s.stts.rows[0][1] = UINT32_MAX; /* back in time */
    assert_err(read_all(&s, out, &count, NULL), ERR_INPUT, "source.malformed");
    /* The same bytes again and again: more payload than the file is long. */
    s = plain(), s.uniform_bytes = 90, s.stsz.count = 60, s.stsc = (struct table){{{1, 1, 1}}, 1}, s.stco.count = 60;
    for (size_t i = 0; i < 60; i++) s.stco.rows[i][0] = 24;
    assert_err(read_all(&s, out, &count, NULL), ERR_INPUT, "source.malformed");
}

static struct err open_bytes(const void *bytes, size_t len) {
    int fd = made_file_of(bytes, len);
    struct cmaf_source *source = NULL;
    struct err e = cmaf_source_open(fd, &source);
    cmaf_source_close(&source);
    close(fd);
    return e;
}

static void other_files_are_not_taken_for_ours(void **state) {
    assert_err(open_bytes("", 0), ERR_INPUT, "source.not_mp4");
    assert_err(open_bytes("RIFF....AVI LIST", 16), ERR_INPUT, "source.not_mp4");
    assert_err(open_bytes("\0\0\0\x10" "ftypisom\0\0\0\0", 16), ERR_INPUT, "source.truncated");
    assert_err(open_bytes("\0\0\0\x10" "ftypisom\0\0\0\0\0\x01\0\0mdat", 24), ERR_INPUT, "source.truncated");
    assert_err(open_bytes("\0\0\0\x10" "ftypisom\0\0\0\0\0\0\0\x03moov", 24), ERR_INPUT, "source.malformed");
    struct shape s = plain();
    struct buf b = make_file(&s, 100);
    for (size_t len = 0; len < b.len; len++) {
        struct err e = open_bytes(b.ptr, len);
        assert_int_equal(e.kind, ERR_INPUT);
    }
    assert_ok(open_bytes(b.ptr, b.len));
    buf_free(&b);
}

/* Any byte of the tables changed: an error or other samples, never more, and none outside the file. */
static void changed_bytes_do_no_harm(void **state) {
    struct shape s = plain();
    s.has_stss = true, s.stss = (struct table){{{1}, {4}}, 2}, s.ctts = (struct table){{{1, 100}, {2, 50}}, 2};
    s.has_edits = true, s.edit_count = 1, s.edits[0][1] = 1024;
    struct buf b = make_file(&s, 100);
    for (size_t i = 0; i < b.len; i++) {
        for (int value = 0; value < 3; value++) {
            char old = b.ptr[i];
            b.ptr[i] = (char)(value == 0 ? 0xff : value == 1 ? 0 : old ^ 1);
            int fd = made_file_of(b.ptr, b.len);
            b.ptr[i] = old;
            struct cmaf_source *source = NULL;
            if (!cmaf_source_open(fd, &source).kind)
                for (size_t t = 0; t < cmaf_source_track_count(source); t++) {
                    struct cmaf_cursor *cursor = NULL;
                    if (cmaf_cursor_open(source, t, &cursor).kind) continue;
                    struct cmaf_sample sample;
                    bool has = true;
                    uint64_t total = 0, samples = 0;
                    while (!cmaf_cursor_next(cursor, &sample, &has).kind && has) {
                        assert_true(sample.source_offset + sample.bytes <= b.len);
                        total += sample.bytes, samples++;
                        assert_true(samples < 10000);
                    }
                    assert_true(total <= b.len);
                    cmaf_cursor_close(&cursor);
                }
            cmaf_source_close(&source);
            close(fd);
        }
    }
    buf_free(&b);
}

/* Files that nobody here made: each sample lies where it should, which shows in the length fields of the pictures. */
static void foreign_files_are_read(void **state) {
    const char *folder = getenv("GRANDSTAND_SHARED_DATA");
    if (!folder) {
        print_message("skipped: set GRANDSTAND_SHARED_DATA to the folder with the shared test data\n");
        skip();
    }
    static const struct {
        const char *name;
        size_t pictures, sounds;
        int64_t first_sound;
    } files[] = {{"bbb_prog_10s.mp4", 238, 428, -1024}, {"car-detection.mp4", 377, 1414, 0}};
    for (size_t f = 0; f < ARRAY_LEN(files); f++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/media/%s", folder, files[f].name);
        int fd = open(path, O_RDONLY);
        if (fd < 0) {
            print_message("skipped: %s is not there\n", path);
            skip();
        }
        struct cmaf_source *source;
        assert_ok(cmaf_source_open(fd, &source));
        for (size_t t = 0; t < cmaf_source_track_count(source); t++) {
            const struct cmaf_source_track *track = cmaf_source_track_at(source, t);
            assert_null(track->why_not);
            struct cmaf_cursor *cursor;
            assert_ok(cmaf_cursor_open(source, t, &cursor));
            struct cmaf_sample s;
            size_t count = 0;
            bool has;
            for (;; count++) {
                assert_ok(cmaf_cursor_next(cursor, &s, &has));
                if (!has) break;
                if (!count && track->track.kind == CMAF_AUDIO) assert_int_equal(s.pts, files[f].first_sound);
                if (!count && track->track.kind == CMAF_VIDEO) assert_int_equal(s.pts, 0);
                if (track->track.kind != CMAF_VIDEO) continue;
                uint8_t *picture = malloc(s.bytes);
                assert_ok(fs_pread_all(fd, picture, s.bytes, s.source_offset));
                uint64_t at = 0;
                while (at + 4 <= s.bytes)
                    at += 4 + ((uint64_t)picture[at] << 24 | (uint64_t)picture[at + 1] << 16 | (uint64_t)picture[at + 2] << 8 | picture[at + 3]);
                assert_int_equal(at, s.bytes);
                free(picture);
            }
            assert_int_equal(count, track->track.kind == CMAF_VIDEO ? files[f].pictures : files[f].sounds);
            cmaf_cursor_close(&cursor);
        }
        cmaf_source_close(&source);
        close(fd);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_become_samples),
        cmocka_unit_test(what_a_track_is_is_told),
        cmocka_unit_test(edit_lists_move_times),
        cmocka_unit_test(what_it_cannot_do_is_said_before),
        cmocka_unit_test(tables_that_lie_are_refused),
        cmocka_unit_test(other_files_are_not_taken_for_ours),
        cmocka_unit_test(changed_bytes_do_no_harm),
        cmocka_unit_test(foreign_files_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
