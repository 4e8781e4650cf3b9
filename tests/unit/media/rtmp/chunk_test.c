/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/rng.h"
#include "media/rtmp/chunk.h"

enum { MESSAGES_MAX = 64 };

struct seen {
    uint8_t type;
    uint32_t timestamp, stream;
    struct buf body;
};
static struct seen seen[MESSAGES_MAX];
static size_t seen_count;

static void forget(void) {
    for (size_t i = 0; i < seen_count; i++) buf_free(&seen[i].body);
    seen_count = 0;
}

/* Gives the bytes in pieces of `step`, each piece in a block of exactly its size. What is not taken comes again with the next piece. */
static struct err read_in_steps(struct chunk_reader *r, struct slice bytes, size_t step) {
    struct buf waiting = BUF((size_t)64 << 20);
    struct err e = ERR_OK;
    for (size_t at = 0; at < bytes.len && !e.kind; at += step) {
        buf_append(&waiting, slice_sub(bytes, at, at + step < bytes.len ? at + step : bytes.len));
        char *exact = malloc(waiting.len ? waiting.len : 1);
        memcpy(exact, waiting.ptr, waiting.len);
        struct slice in = slice_of(exact, waiting.len);
        for (bool has = true; has && !e.kind;) {
            struct chunk_message m;
            e = chunk_read(r, &in, &m, &has);
            if (e.kind || !has) break;
            assert_true(seen_count < MESSAGES_MAX);
            struct seen *s = &seen[seen_count++];
            *s = (struct seen){.type = m.type, .timestamp = m.timestamp, .stream = m.stream, .body = BUF((size_t)32 << 20)};
            buf_append(&s->body, m.body);
        }
        if (!e.kind) assert_true(in.len < CHUNK_HEADER_BYTES_MAX);
        buf_consume(&waiting, waiting.len - in.len);
        free(exact);
    }
    buf_free(&waiting);
    return e;
}

static struct slice noise(size_t len) {
    static char bytes[30000];
    struct rng rng = rng_seeded(7);
    if (!bytes[0])
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(1 + rng_below(&rng, 255));
    return slice_of(bytes, len);
}

static struct chunk_reader new_reader(void) {
    struct chunk_reader r;
    chunk_reader_init(&r, 1 << 20, 4 << 20);
    return r;
}

static void messages_survive_every_cut(void **state) {
    struct buf b = BUF((size_t)1 << 20);
    chunk_write(&b, 3, 128, MESSAGE_COMMAND, 0, 0, SLICE("head "), noise(400));
    chunk_write(&b, 6, 128, MESSAGE_VIDEO, 0xfffffe, 1, SLICE_NONE, noise(128));
    chunk_write(&b, 4, 128, MESSAGE_AUDIO, 0xffffff, 1, SLICE_NONE, noise(129)); /* the first extended timestamp */
    chunk_write(&b, 6, 128, MESSAGE_VIDEO, 0xfffffff0, 1, SLICE_NONE, noise(1000));
    chunk_write(&b, 6, 128, MESSAGE_VIDEO, 5, 1, SLICE_NONE, SLICE_NONE); /* empty */
    for (size_t step = 1; step <= b.len; step = step < 40 ? step + 1 : step * 2) {
        struct chunk_reader r = new_reader();
        assert_int_equal(read_in_steps(&r, buf_slice(&b), step).kind, ERR_NONE);
        assert_int_equal(seen_count, 5);
        assert_int_equal(seen[0].body.len, 405);
        assert_memory_equal(seen[0].body.ptr, "head ", 5);
        assert_memory_equal(seen[0].body.ptr + 5, noise(400).ptr, 400);
        static const uint32_t TIMES[] = {0, 0xfffffe, 0xffffff, 0xfffffff0, 5};
        static const size_t SIZES[] = {405, 128, 129, 1000, 0};
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(seen[i].timestamp, TIMES[i]);
            assert_int_equal(seen[i].body.len, SIZES[i]);
            assert_int_equal(seen[i].stream, i ? 1 : 0);
            if (i) assert_memory_equal(seen[i].body.ptr, noise(SIZES[i]).ptr, SIZES[i]);
        }
        forget();
        chunk_reader_free(&r);
    }
    buf_free(&b);
}

/* Headers by hand. */
static void put_header(struct buf *b, unsigned format, unsigned id, uint32_t time, uint32_t length, uint8_t type) {
    buf_u8(b, (uint8_t)(format << 6 | id));
    if (format < 3) buf_u24be(b, time);
    if (format < 2) {
        buf_u24be(b, length);
        buf_u8(b, type);
    }
    if (format == 0) buf_bytes(b, "\1\0\0\0", 4);
}

static void headers_say_only_what_has_changed(void **state) {
    struct buf b = BUF(4096);
    put_header(&b, 0, 4, 1000, 3, MESSAGE_AUDIO);
    buf_cstr(&b, "one");
    put_header(&b, 1, 4, 20, 3, MESSAGE_AUDIO);
    buf_cstr(&b, "two");
    put_header(&b, 2, 4, 21, 0, 0);
    buf_cstr(&b, "thr");
    put_header(&b, 3, 4, 0, 0, 0); /* a new message with the same difference */
    buf_cstr(&b, "fou");
    put_header(&b, 0, 5, 40, 1, MESSAGE_DATA);
    buf_cstr(&b, "x");
    put_header(&b, 3, 5, 0, 0, 0); /* after a full header its timestamp is the difference (section 5.3.1.2.4) */
    buf_cstr(&b, "y");
    struct chunk_reader r = new_reader();
    assert_int_equal(read_in_steps(&r, buf_slice(&b), 1).kind, ERR_NONE);
    static const uint32_t TIMES[] = {1000, 1020, 1041, 1062, 40, 80};
    assert_int_equal(seen_count, 6);
    for (size_t i = 0; i < 6; i++) assert_int_equal(seen[i].timestamp, TIMES[i]);
    assert_int_equal(seen[5].stream, 1);
    forget();
    chunk_reader_free(&r);
    buf_free(&b);
}

static void messages_take_turns_on_their_chunk_streams(void **state) {
    struct buf b = BUF(8192);
    struct slice video = noise(300), audio = noise(200);
    put_header(&b, 0, 6, 10, 300, MESSAGE_VIDEO);
    buf_append(&b, slice_sub(video, 0, 128));
    put_header(&b, 0, 4, 11, 200, MESSAGE_AUDIO);
    buf_append(&b, slice_sub(audio, 0, 128));
    put_header(&b, 3, 6, 0, 0, 0);
    buf_append(&b, slice_sub(video, 128, 256));
    put_header(&b, 3, 4, 0, 0, 0);
    buf_append(&b, slice_sub(audio, 128, 200));
    put_header(&b, 3, 6, 0, 0, 0);
    buf_append(&b, slice_sub(video, 256, 300));
    buf_bytes(&b, "\x00\x14", 2); /* a chunk stream with a number of two bytes: 84 */
    buf_bytes(&b, "\0\0\x0c\0\0\1\x12\1\0\0\0z", 12);
    buf_bytes(&b, "\x01\x00\x01", 3); /* and of three: 320 */
    buf_bytes(&b, "\0\0\x0d\0\0\1\x12\1\0\0\0w", 12);
    for (size_t step = 1; step < 64; step++) {
        struct chunk_reader r = new_reader();
        assert_int_equal(read_in_steps(&r, buf_slice(&b), step).kind, ERR_NONE);
        assert_int_equal(seen_count, 4);
        assert_int_equal(seen[0].type, MESSAGE_AUDIO);
        assert_memory_equal(seen[0].body.ptr, audio.ptr, 200);
        assert_int_equal(seen[1].type, MESSAGE_VIDEO);
        assert_memory_equal(seen[1].body.ptr, video.ptr, 300);
        assert_int_equal(seen[2].timestamp, 12);
        assert_int_equal(seen[3].timestamp, 13);
        assert_int_equal(r.streams[3].id, 320);
        forget();
        chunk_reader_free(&r);
    }
    buf_free(&b);
}

/* Some publishers do not repeat the extended timestamp in later chunks: what is no repetition is payload. */
static void extended_timestamps_with_and_without_repetition(void **state) {
    for (int repeats = 0; repeats < 2; repeats++)
        for (size_t length = 129; length <= 300; length += 19) {
            struct buf b = BUF(8192);
            for (int i = 0; i < 2; i++) {
                put_header(&b, 0, 6, 0xffffff, (uint32_t)length, MESSAGE_VIDEO);
                buf_u32be(&b, 0x01020304);
                for (size_t at = 0; at < length; at += 128) {
                    if (at) buf_u8(&b, 0xc6);
                    if (at && repeats) buf_u32be(&b, 0x01020304);
                    buf_append(&b, slice_sub(noise(length), at, at + 128 < length ? at + 128 : length));
                }
            }
            for (size_t step = 1; step < 24; step++) {
                struct chunk_reader r = new_reader();
                assert_int_equal(read_in_steps(&r, buf_slice(&b), step).kind, ERR_NONE);
                assert_int_equal(seen_count, 2);
                for (size_t i = 0; i < 2; i++) {
                    assert_int_equal(seen[i].timestamp, 0x01020304);
                    assert_int_equal(seen[i].body.len, length);
                    assert_memory_equal(seen[i].body.ptr, noise(length).ptr, length);
                }
                forget();
                chunk_reader_free(&r);
            }
            buf_free(&b);
        }
}

static void the_chunk_size_changes_and_messages_are_aborted(void **state) {
    struct buf b = BUF((size_t)1 << 20);
    chunk_write(&b, 2, 128, MESSAGE_CHUNK_SIZE, 0, 0, SLICE_NONE, slice_of("\0\0\x10\0", 4));
    chunk_write(&b, 6, 4096, MESSAGE_VIDEO, 1, 1, SLICE_NONE, noise(10000));
    put_header(&b, 0, 7, 10, 5000, MESSAGE_VIDEO);
    buf_append(&b, noise(4096));
    chunk_write(&b, 2, 4096, MESSAGE_ABORT, 0, 0, SLICE_NONE, slice_of("\0\0\0\7", 4));
    chunk_write(&b, 7, 4096, MESSAGE_VIDEO, 2, 1, SLICE_NONE, noise(100)); /* allowed again */
    struct chunk_reader r = new_reader();
    assert_int_equal(read_in_steps(&r, buf_slice(&b), 1000).kind, ERR_NONE);
    assert_int_equal(seen_count, 4);
    assert_int_equal(seen[1].body.len, 10000);
    assert_memory_equal(seen[1].body.ptr, noise(10000).ptr, 10000);
    assert_int_equal(seen[3].body.len, 100);
    forget();
    chunk_reader_free(&r);
    buf_free(&b);
}

static void expect_error(struct slice bytes, const char *code) {
    for (size_t step = 1; step < 30; step += 7) {
        struct chunk_reader r = new_reader();
        struct err e = read_in_steps(&r, bytes, step);
        assert_true(e.kind);
        assert_string_equal(e.code, code);
        forget();
        chunk_reader_free(&r);
    }
}

static void what_makes_no_sense_is_refused(void **state) {
    struct buf b = BUF((size_t)1 << 20);
    put_header(&b, 3, 9, 0, 0, 0); /* nothing came before */
    expect_error(buf_slice(&b), "rtmp.chunk");
    buf_clear(&b);
    put_header(&b, 2, 9, 5, 0, 0);
    expect_error(buf_slice(&b), "rtmp.chunk");
    buf_clear(&b);
    put_header(&b, 0, 6, 0, 500, MESSAGE_VIDEO); /* a new message inside another one */
    buf_append(&b, noise(128));
    put_header(&b, 0, 6, 0, 500, MESSAGE_VIDEO);
    expect_error(buf_slice(&b), "rtmp.chunk");
    buf_clear(&b);
    put_header(&b, 0, 6, 0, 0xffffff, MESSAGE_VIDEO); /* 16 MB where 1 MB is the most */
    expect_error(buf_slice(&b), "rtmp.message");
    for (uint32_t i = 0; i < 3; i++) {
        static const char SIZES[3][4] = {{0, 0, 0, 0}, {(char)0x80, 0, 0, 1}, {(char)0xff, (char)0xff, (char)0xff, (char)0xff}};
        buf_clear(&b);
        chunk_write(&b, 2, 128, MESSAGE_CHUNK_SIZE, 0, 0, SLICE_NONE, slice_of(SIZES[i], 4));
        expect_error(buf_slice(&b), "rtmp.chunk");
    }
    buf_clear(&b);
    chunk_write(&b, 2, 128, MESSAGE_CHUNK_SIZE, 0, 0, SLICE_NONE, slice_of("\0\0", 2));
    expect_error(buf_slice(&b), "rtmp.chunk");
    buf_clear(&b);
    for (unsigned id = 3; id < 3 + CHUNK_STREAMS_MAX + 1; id++) put_header(&b, 0, id, 0, 0, MESSAGE_DATA);
    expect_error(buf_slice(&b), "rtmp.message");
    buf_free(&b);
}

/* Memory follows what came, not what was promised: 24 messages of a megabyte announced, of which a byte each arrives. */
static void promises_cost_nothing(void **state) {
    struct chunk_reader r = new_reader();
    struct buf b = BUF(8192);
    chunk_write(&b, 2, 128, MESSAGE_CHUNK_SIZE, 0, 0, SLICE_NONE, slice_of("\0\0\0\1", 4));
    for (unsigned id = 3; id < 27; id++) {
        put_header(&b, 0, id, 0, 1 << 20, MESSAGE_VIDEO);
        buf_u8(&b, 7);
    }
    assert_int_equal(read_in_steps(&r, buf_slice(&b), 100).kind, ERR_NONE);
    assert_true(r.held_bytes <= 25 * 4096);
    forget();
    chunk_reader_free(&r);
    /* and what really comes is bounded for all together */
    chunk_reader_init(&r, 1 << 20, 64 << 10);
    buf_free(&b);
    b = BUF((size_t)1 << 20);
    for (unsigned id = 3; id < 27; id++) {
        put_header(&b, 0, id, 0, 1 << 20, MESSAGE_VIDEO);
        buf_append(&b, noise(128));
    }
    struct err e = read_in_steps(&r, buf_slice(&b), 1000);
    assert_string_equal(e.code, "rtmp.message");
    assert_true(r.held_bytes <= 64 << 10);
    chunk_reader_free(&r);
    buf_free(&b);
}

static void every_allocation_may_fail(void **state) {
    struct buf b = BUF((size_t)1 << 20);
    chunk_write(&b, 6, 128, MESSAGE_VIDEO, 1, 1, SLICE_NONE, noise(20000));
    chunk_write(&b, 4, 128, MESSAGE_AUDIO, 1, 1, SLICE_NONE, noise(5000));
    unsigned failures = 0;
    for (uint64_t nth = 1;; nth++) {
        struct chunk_reader r = new_reader();
        struct slice in = buf_slice(&b);
        struct chunk_message m;
        unsigned messages = 0;
        struct err e = ERR_OK;
        fault_arm(FAULT_ALLOC, nth, false);
        for (bool has = true; has && !e.kind;) {
            e = chunk_read(&r, &in, &m, &has);
            messages += has && !e.kind;
        }
        bool did_fire = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        chunk_reader_free(&r);
        if (!did_fire) {
            assert_int_equal(e.kind, ERR_NONE);
            assert_int_equal(messages, 2);
            break;
        }
        failures++;
        assert_int_equal(e.kind, ERR_LIMIT);
    }
    assert_true(failures >= 4);
    buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_survive_every_cut),
        cmocka_unit_test(headers_say_only_what_has_changed),
        cmocka_unit_test(messages_take_turns_on_their_chunk_streams),
        cmocka_unit_test(extended_timestamps_with_and_without_repetition),
        cmocka_unit_test(the_chunk_size_changes_and_messages_are_aborted),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(promises_cost_nothing),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
