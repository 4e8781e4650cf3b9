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
#include "media/rtmp/amf.h"
#include "media/rtmp/session.h"

/* ---- what an encoder sends ---- */

static void put_hello(struct buf *b) {
    struct rng rng = rng_seeded(5);
    uint8_t random[HANDSHAKE_BLOCK_BYTES], hello[HANDSHAKE_HELLO_BYTES];
    for (size_t i = 0; i < sizeof random; i++) random[i] = (uint8_t)rng_u64(&rng);
    handshake_hello(random, hello);
    buf_bytes(b, hello, sizeof hello);
    buf_bytes(b, random, sizeof random); /* C2 */
}

static struct buf call(const char *name, double transaction) {
    struct buf b = BUF(8192);
    amf_put_text(&b, slice_cstr(name));
    amf_put_number(&b, transaction);
    return b;
}
static void send_call(struct buf *b, struct buf *body, uint32_t stream, uint8_t type) {
    chunk_write(b, 3, 128, type, 0, stream, type == MESSAGE_COMMAND_AMF3 ? slice_of("\0", 1) : SLICE_NONE, buf_slice(body));
    buf_free(body);
}
static void put_connect(struct buf *b, const char *app, uint8_t type) {
    struct buf c = call("connect", 1);
    amf_begin_object(&c);
    amf_member_text(&c, SLICE("app"), slice_cstr(app));
    amf_member_text(&c, SLICE("flashVer"), SLICE("FMLE/3.0 (compatible; FMSc/1.0)"));
    amf_member_text(&c, SLICE("tcUrl"), SLICE("rtmp://host/live"));
    amf_end(&c);
    send_call(b, &c, 0, type);
}
static void put_with_text(struct buf *b, const char *name, double transaction, const char *text, uint32_t stream) {
    struct buf c = call(name, transaction);
    amf_put_null(&c);
    if (text) amf_put_text(&c, slice_cstr(text));
    if (!strcmp(name, "publish")) amf_put_text(&c, SLICE("live"));
    send_call(b, &c, stream, MESSAGE_COMMAND);
}
static void put_create_stream(struct buf *b, double transaction) {
    struct buf c = call("createStream", transaction);
    amf_put_null(&c);
    send_call(b, &c, 0, MESSAGE_COMMAND);
}
static void put_frame(struct buf *b, uint8_t type, uint32_t ms) {
    chunk_write(b, type == MESSAGE_VIDEO ? 6 : 4, 128, type, ms, 1, SLICE_NONE, SLICE("a frame"));
}

enum encoder { OBS, FFMPEG, GSTREAMER, PHONE, ENCODERS };

/* The orders in which they do it, as seen on the wire. */
static void put_story(struct buf *b, enum encoder who) {
    put_hello(b);
    if (who == OBS) chunk_write(b, 2, 128, MESSAGE_CHUNK_SIZE, 0, 0, SLICE_NONE, slice_of("\0\0\0\x80", 4));
    put_connect(b, who == PHONE ? "live/" : "live", who == PHONE ? MESSAGE_COMMAND_AMF3 : MESSAGE_COMMAND);
    if (who == GSTREAMER) chunk_write(b, 2, 128, MESSAGE_WINDOW, 0, 0, SLICE_NONE, slice_of("\0\x4c\x4b\x40", 4));
    if (who != PHONE) {
        put_with_text(b, "releaseStream", 2, "key", 0);
        put_with_text(b, "FCPublish", 3, "key", 0);
    }
    put_create_stream(b, 4);
    if (who == FFMPEG) put_with_text(b, "_checkbw", 5, NULL, 0);
    put_with_text(b, "publish", who == OBS ? 5 : 0, who == FFMPEG ? "key?token=1&x=/y" : "key", 1);
    put_frame(b, MESSAGE_DATA, 0);
    put_frame(b, MESSAGE_VIDEO, 1);
    put_frame(b, MESSAGE_AUDIO, 2);
    put_with_text(b, "FCUnpublish", 6, "key", 0);
    struct buf c = call(who == PHONE ? "closeStream" : "deleteStream", 7);
    amf_put_null(&c);
    amf_put_number(&c, 1);
    send_call(b, &c, 0, MESSAGE_COMMAND);
}

/* ---- what we answer ---- */

struct answers {
    struct buf bytes;
    unsigned results, errors;
    char codes[16][64];
    char description[256];
    size_t code_count;
    double stream;
    bool has_window, has_bandwidth, has_chunk_size, has_begin, has_pong;
    unsigned acknowledgements;
};

static void keep_code(struct answers *a, const struct amf_value *info) {
    struct slice code = amf_find_text(info, SLICE("code")), description = amf_find_text(info, SLICE("description"));
    assert_true(a->code_count < 16 && code.len < 64 && description.len < 256);
    memcpy(a->codes[a->code_count], code.ptr, code.len);
    a->codes[a->code_count++][code.len] = 0;
    memcpy(a->description, description.ptr, description.len);
    a->description[description.len] = 0;
}

static void read_answers(struct answers *a) {
    struct slice in = buf_slice(&a->bytes);
    if (in.len < HANDSHAKE_ANSWER_BYTES) return;
    in = slice_sub(in, HANDSHAKE_ANSWER_BYTES, in.len);
    struct chunk_reader r;
    chunk_reader_init(&r, 1 << 20, 1 << 20);
    for (bool has = true; has;) {
        struct chunk_message m;
        assert_int_equal(chunk_read(&r, &in, &m, &has).kind, ERR_NONE);
        if (!has) break;
        a->has_window |= m.type == MESSAGE_WINDOW;
        a->has_bandwidth |= m.type == MESSAGE_PEER_BANDWIDTH;
        a->has_chunk_size |= m.type == MESSAGE_CHUNK_SIZE;
        a->acknowledgements += m.type == MESSAGE_ACKNOWLEDGEMENT;
        if (m.type == MESSAGE_USER_CONTROL) a->has_begin |= m.body.ptr[1] == 0, a->has_pong |= m.body.ptr[1] == 7;
        if (m.type != MESSAGE_COMMAND) continue;
        struct byte_reader b = byte_reader_of(m.body);
        struct amf_value name, transaction, object, info = {0};
        assert_true(amf_read(&b, &name) && amf_read(&b, &transaction) && amf_read(&b, &object));
        bool has_info = amf_read(&b, &info);
        assert_false(b.has_failed);
        bool is_error = slice_eq(name.text, SLICE("_error"));
        a->results += slice_eq(name.text, SLICE("_result"));
        a->errors += is_error;
        if (slice_eq(name.text, SLICE("_result")) && has_info && info.kind == AMF_NUMBER) a->stream = info.number;
        if (has_info && info.kind == AMF_OBJECT && !slice_starts_with(name.text, SLICE("onFC"))) keep_code(a, &info);
    }
    assert_int_equal(in.len, 0);
    chunk_reader_free(&r);
}

static bool has_code(const struct answers *a, const char *code) {
    for (size_t i = 0; i < a->code_count; i++)
        if (!strcmp(a->codes[i], code)) return true;
    return false;
}

/* ---- one run ---- */

struct outcome {
    struct err e;
    struct answers answers;
    unsigned publishes, messages[32], goodbyes;
    char key[FEED_KEY_BYTES_MAX + 1], agent[SESSION_AGENT_BYTES_MAX + 1];
    enum session_state state;
};

static struct outcome run(struct slice bytes, size_t step, struct err refusal) {
    struct outcome o = {.answers.bytes = BUF(1 << 20)};
    struct session s;
    session_init(&s, "live");
    struct buf waiting = BUF(1 << 20);
    for (size_t at = 0; at < bytes.len && !o.e.kind; at += step) {
        buf_append(&waiting, slice_sub(bytes, at, at + step < bytes.len ? at + step : bytes.len));
        char *exact = malloc(waiting.len ? waiting.len : 1);
        memcpy(exact, waiting.ptr, waiting.len);
        struct slice in = slice_of(exact, waiting.len);
        enum session_event event;
        do {
            o.e = session_step(&s, &in, &event);
            if (o.e.kind) break;
            if (event == SESSION_PUBLISH) {
                o.publishes++;
                memcpy(o.key, s.key, s.key_bytes);
                memcpy(o.agent, s.agent, s.agent_bytes);
                if (refusal.kind) session_refuse(&s, refusal);
                else session_accept(&s);
            }
            if (event == SESSION_MESSAGE) {
                assert_true(s.message.type < 32 && slice_eq(s.message.body, SLICE("a frame")));
                o.messages[s.message.type]++;
            }
            o.goodbyes += event == SESSION_GOODBYE;
        } while (event != SESSION_NOTHING && s.state != SESSION_DONE);
        buf_consume(&waiting, waiting.len - in.len);
        free(exact);
        if (s.state == SESSION_DONE) break;
    }
    o.state = s.state;
    buf_append(&o.answers.bytes, buf_slice(&s.out));
    assert_false(o.answers.bytes.has_failed);
    read_answers(&o.answers);
    session_free(&s);
    buf_free(&waiting);
    return o;
}

static void end(struct outcome *o) { buf_free(&o->answers.bytes); }

static void encoders_as_they_come(void **state) {
    for (enum encoder who = OBS; who < ENCODERS; who++) {
        struct buf b = BUF(1 << 20);
        put_story(&b, who);
        for (size_t step = 1; step < b.len * 2; step = step < 20 ? step + 1 : step * 3) {
            struct outcome o = run(buf_slice(&b), step, ERR_OK);
            assert_int_equal(o.e.kind, ERR_NONE);
            assert_int_equal(o.publishes, 1);
            assert_string_equal(o.key, "key");
            assert_string_equal(o.agent, "FMLE/3.0 (compatible; FMSc/1.0)");
            assert_int_equal(o.messages[MESSAGE_VIDEO], 1);
            assert_int_equal(o.messages[MESSAGE_AUDIO], 1);
            assert_int_equal(o.messages[MESSAGE_DATA], 1);
            assert_int_equal(o.goodbyes, 1);
            assert_int_equal(o.state, SESSION_DONE);
            assert_true(o.answers.has_window && o.answers.has_bandwidth && o.answers.has_chunk_size && o.answers.has_begin);
            assert_int_equal(o.answers.results, who == PHONE ? 2 : who == FFMPEG ? 5 : 4);
            assert_int_equal(o.answers.errors, 0);
            assert_true(o.answers.stream == 1);
            assert_true(has_code(&o.answers, "NetConnection.Connect.Success") && has_code(&o.answers, "NetStream.Publish.Start"));
            assert_true(has_code(&o.answers, "NetStream.Unpublish.Success"));
            end(&o);
        }
        buf_free(&b);
    }
}

static void a_refusal_is_said_in_words(void **state) {
    struct buf b = BUF(1 << 20);
    put_story(&b, OBS);
    struct outcome o = run(buf_slice(&b), 1000, err_make(ERR_DENIED, "feed.key", "There is no channel with this key."));
    assert_int_equal(o.state, SESSION_DONE);
    assert_true(has_code(&o.answers, "NetStream.Publish.BadName"));
    assert_false(has_code(&o.answers, "NetStream.Publish.Start"));
    assert_string_equal(o.answers.description, "There is no channel with this key.");
    assert_int_equal(o.messages[MESSAGE_VIDEO], 0);
    end(&o);
    buf_free(&b);
}

static struct outcome publish_at(const char *app, const char *name) {
    struct buf b = BUF(1 << 20);
    put_hello(&b);
    put_connect(&b, app, MESSAGE_COMMAND);
    put_create_stream(&b, 2);
    put_with_text(&b, "publish", 3, name, 1);
    struct outcome o = run(buf_slice(&b), b.len, ERR_OK);
    buf_free(&b);
    return o;
}

static void where_the_key_may_stand(void **state) {
    static const struct {
        const char *app, *name, *key, *code;
    } CASES[] = {
        {"live", "abc", "abc", NULL},        {"live/", "abc", "abc", NULL},      {"live?x=1", "abc?y=2", "abc", NULL}, {"live/abc", "", "abc", NULL},
        {"live/other", "abc", "abc", NULL},  {"live", "/abc", "abc", NULL},      {"live", "", NULL, "feed.key"},       {"live", "?a=b", NULL, "feed.key"},
        {"vod", "abc", NULL, "rtmp.application"}, {"liveness", "abc", NULL, "rtmp.application"}, {"", "abc", NULL, "rtmp.application"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct outcome o = publish_at(CASES[i].app, CASES[i].name);
        if (!strcmp(CASES[i].app, "vod")) assert_true(has_code(&o.answers, "NetConnection.Connect.Rejected"));
        if (CASES[i].key) {
            assert_int_equal(o.e.kind, ERR_NONE);
            assert_string_equal(o.key, CASES[i].key);
        } else {
            assert_string_equal(o.e.code, CASES[i].code);
            assert_int_equal(o.publishes, 0);
        }
        end(&o);
    }
    char key[FEED_KEY_BYTES_MAX + 2];
    memset(key, 'k', sizeof key);
    key[FEED_KEY_BYTES_MAX] = 0;
    struct outcome o = publish_at("live", key);
    assert_string_equal(o.key, key);
    end(&o);
    key[FEED_KEY_BYTES_MAX] = 'k';
    key[FEED_KEY_BYTES_MAX + 1] = 0;
    o = publish_at("live", key);
    assert_string_equal(o.e.code, "feed.key");
    assert_true(has_code(&o.answers, "NetStream.Publish.BadName"));
    end(&o);
}

static void nobody_watches_by_rtmp(void **state) {
    struct buf b = BUF(1 << 20);
    put_hello(&b);
    put_connect(&b, "live", MESSAGE_COMMAND);
    put_create_stream(&b, 2);
    put_with_text(&b, "play", 3, "abc", 1);
    struct outcome o = run(buf_slice(&b), 100, ERR_OK);
    assert_string_equal(o.e.code, "rtmp.play");
    assert_true(has_code(&o.answers, "NetStream.Play.StreamNotFound"));
    end(&o);
    buf_free(&b);
}

static void pings_acknowledgements_and_unknown_calls(void **state) {
    struct buf b = BUF(8 << 20);
    put_hello(&b);
    put_connect(&b, "live", MESSAGE_COMMAND);
    chunk_write(&b, 2, 128, MESSAGE_USER_CONTROL, 0, 0, SLICE_NONE, slice_of("\0\6\1\2\3\4", 6));
    chunk_write(&b, 2, 128, MESSAGE_WINDOW, 0, 0, SLICE_NONE, slice_of("\0\0\x10\0", 4)); /* wants to hear every 4 KB */
    put_with_text(&b, "getStreamLength", 9, "abc", 0);
    put_create_stream(&b, 10);
    put_with_text(&b, "publish", 11, "abc", 1);
    for (int i = 0; i < 1000; i++) put_frame(&b, MESSAGE_VIDEO, (uint32_t)i);
    struct outcome o = run(buf_slice(&b), 1000, ERR_OK);
    assert_int_equal(o.e.kind, ERR_NONE);
    assert_true(o.answers.has_pong);
    assert_int_equal(o.answers.errors, 1);
    assert_true(has_code(&o.answers, "NetConnection.Call.Failed"));
    assert_true(o.answers.acknowledgements >= 5 && o.answers.acknowledgements <= 20);
    assert_int_equal(o.messages[MESSAGE_VIDEO], 1000);
    end(&o);
    buf_free(&b);
}

static void expect(struct buf *b, const char *code) {
    struct outcome o = run(buf_slice(b), 500, ERR_OK);
    assert_true(o.e.kind);
    assert_string_equal(o.e.code, code);
    end(&o);
    buf_free(b);
    *b = (struct buf)BUF(8 << 20);
}

static void what_makes_no_sense_ends_it(void **state) {
    struct buf b = BUF(8 << 20);
    buf_cstr(&b, "GET / HTTP/1.1\r\n\r\n");
    expect(&b, "rtmp.handshake");
    put_hello(&b);
    b.ptr[0] = 6; /* the encrypted form */
    expect(&b, "rtmp.handshake");
    put_hello(&b);
    put_create_stream(&b, 1); /* before connecting */
    expect(&b, "rtmp.command");
    put_hello(&b);
    put_with_text(&b, "publish", 1, "abc", 1);
    expect(&b, "rtmp.command");
    put_hello(&b);
    put_connect(&b, "live", MESSAGE_COMMAND);
    put_connect(&b, "live", MESSAGE_COMMAND);
    expect(&b, "rtmp.command");
    put_hello(&b);
    chunk_write(&b, 3, 128, MESSAGE_COMMAND, 0, 0, SLICE_NONE, SLICE("\xff\xff no AMF"));
    expect(&b, "rtmp.command");
    put_hello(&b);
    put_connect(&b, "live", MESSAGE_COMMAND);
    for (int i = 0; i < 200; i++) put_with_text(&b, "_checkbw", i, NULL, 0); /* for ever */
    expect(&b, "rtmp.command");
    put_hello(&b);
    put_connect(&b, "live", MESSAGE_COMMAND);
    for (int i = 0; i < 20; i++) put_create_stream(&b, 2 + i);
    expect(&b, "rtmp.command");
    put_hello(&b);
    buf_bytes(&b, "\3\0\0\0\xff\xff\xff\x14\0\0\0\0", 12); /* 16 MB before anybody knows who it is */
    expect(&b, "rtmp.message");
    put_hello(&b);
    put_connect(&b, "live", MESSAGE_COMMAND);
    put_create_stream(&b, 2);
    put_with_text(&b, "publish", 3, "abc", 1);
    put_with_text(&b, "publish", 4, "def", 1); /* twice */
    expect(&b, "rtmp.command");
    buf_free(&b);
}

/* Both forms of the handshake, as a client that checks what it gets. */
static void handshakes(void **state) {
    struct rng rng = rng_seeded(9);
    for (int turn = 0; turn < 40; turn++) {
        uint8_t random[HANDSHAKE_BLOCK_BYTES], hello[HANDSHAKE_HELLO_BYTES], answer[HANDSHAKE_ANSWER_BYTES];
        for (size_t i = 0; i < sizeof random; i++) random[i] = (uint8_t)rng_u64(&rng);
        unsigned offset = 0, server_offset = 0;
        bool is_plain = turn % 3 == 2;
        if (is_plain) handshake_hello(random, hello);
        else handshake_hello_with_digest(random, turn % 3 == 1, hello);
        assert_int_equal(handshake_find_digest(hello + 1, false, &offset), !is_plain);
        assert_true(handshake_answer(hello, random, answer));
        assert_int_equal(answer[0], 3);
        if (is_plain) {
            assert_memory_equal(answer + 1 + HANDSHAKE_BLOCK_BYTES, hello + 1, HANDSHAKE_BLOCK_BYTES); /* the echo */
            assert_false(handshake_find_digest(answer + 1, true, &server_offset));
        } else {
            assert_true(handshake_find_digest(answer + 1, true, &server_offset));
            assert_true(handshake_check_answer(hello + 1, offset, answer + 1 + HANDSHAKE_BLOCK_BYTES));
            hello[offset + 1] ^= 1; /* a digest that is wrong is none */
            assert_false(handshake_find_digest(hello + 1, false, &offset));
        }
    }
}

static void every_allocation_may_fail(void **state) {
    struct buf b = BUF(1 << 20);
    put_story(&b, OBS);
    unsigned failures = 0;
    for (uint64_t nth = 1;; nth++) {
        struct session s;
        session_init(&s, "live");
        struct slice in = buf_slice(&b);
        enum session_event event = SESSION_NOTHING;
        struct err e = ERR_OK;
        fault_arm(FAULT_ALLOC, nth, false);
        do {
            e = session_step(&s, &in, &event);
            if (!e.kind && event == SESSION_PUBLISH) session_accept(&s);
        } while (!e.kind && event != SESSION_NOTHING && s.state != SESSION_DONE);
        bool did_fire = fault_fired(FAULT_ALLOC), is_told = e.kind == ERR_LIMIT || s.out.has_failed;
        fault_disarm_all();
        session_free(&s);
        if (!did_fire) {
            assert_int_equal(e.kind, ERR_NONE);
            assert_int_equal(event, SESSION_GOODBYE);
            break;
        }
        failures++;
        assert_true(is_told); /* nothing is left out in silence */
    }
    assert_true(failures > 8);
    buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoders_as_they_come),
        cmocka_unit_test(a_refusal_is_said_in_words),
        cmocka_unit_test(where_the_key_may_stand),
        cmocka_unit_test(nobody_watches_by_rtmp),
        cmocka_unit_test(pings_acknowledgements_and_unknown_calls),
        cmocka_unit_test(what_makes_no_sense_ends_it),
        cmocka_unit_test(handshakes),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
