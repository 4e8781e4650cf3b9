/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/rtmp/session.h"

#include <assert.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "media/rtmp/amf.h"

enum {
    CHUNK_BYTES_OURS = 4096,
    WINDOW_BYTES = 5 << 20,   /* what we ask for, and what we take where the publisher asks for nothing */
    COMMANDS_MAX = 64,        /* before publishing; an encoder needs six */
    STREAMS_MADE_MAX = 8,
    ARGUMENTS_MAX = 8
};
enum { ON_CONTROL = 2, ON_COMMANDS = 3 };              /* chunk streams that we send on */
enum { EVENT_STREAM_BEGIN = 0, EVENT_PING = 6, EVENT_PONG = 7 }; /* RTMP 1.0 section 7.1.7 */

void session_init(struct session *s, const char *application) {
    *s = (struct session){.application = application, .out = BUF(SESSION_OUT_BYTES_MAX), .window = WINDOW_BYTES};
    chunk_reader_init(&s->reader, SESSION_COMMAND_BYTES_MAX, SESSION_HELD_BYTES_MAX);
}

void session_free(struct session *s) {
    chunk_reader_free(&s->reader);
    buf_free(&s->out);
}

static struct err bad_command(void) {
    return err_make(ERR_INPUT, "rtmp.command", "The publisher sent commands that make no sense in this place.");
}

/* ---- what we say ---- */

static void send_control(struct session *s, uint8_t type, uint32_t value) {
    const uint8_t body[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    chunk_write(&s->out, ON_CONTROL, CHUNK_BYTES_OURS, type, 0, 0, SLICE_NONE, slice_of(body, sizeof body));
}

static void send_user_control(struct session *s, uint16_t event, uint32_t value) {
    const uint8_t body[6] = {(uint8_t)(event >> 8),  (uint8_t)event,        (uint8_t)(value >> 24),
                             (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    chunk_write(&s->out, ON_CONTROL, CHUNK_BYTES_OURS, MESSAGE_USER_CONTROL, 0, 0, SLICE_NONE, slice_of(body, sizeof body));
}

static void send_command(struct session *s, uint32_t stream, struct buf *body) {
    if (!s->has_told_chunks) send_control(s, MESSAGE_CHUNK_SIZE, CHUNK_BYTES_OURS); /* commands are the first that is longer than a chunk */
    s->has_told_chunks = true;
    if (body->has_failed) s->out.has_failed = true;
    else chunk_write(&s->out, ON_COMMANDS, CHUNK_BYTES_OURS, MESSAGE_COMMAND, 0, stream, SLICE_NONE, buf_slice(body));
    buf_free(body);
}

static struct buf begin_command(const char *name, double transaction) {
    struct buf b = BUF(CHUNK_BYTES_OURS);
    amf_put_text(&b, slice_cstr(name));
    amf_put_number(&b, transaction);
    return b;
}

static void put_status(struct buf *b, const char *level, const char *code, const char *description) {
    amf_begin_object(b);
    amf_member_text(b, SLICE("level"), slice_cstr(level));
    amf_member_text(b, SLICE("code"), slice_cstr(code));
    amf_member_text(b, SLICE("description"), slice_cstr(description));
}

static void send_status(struct session *s, const char *level, const char *code, const char *description) {
    struct buf b = begin_command("onStatus", 0);
    amf_put_null(&b);
    put_status(&b, level, code, description);
    amf_end(&b);
    send_command(s, s->stream, &b);
}

static void send_result(struct session *s, double transaction) { /* of a call that gives nothing back */
    struct buf b = begin_command("_result", transaction);
    amf_put_null(&b);
    amf_put_null(&b);
    send_command(s, 0, &b);
}

static void send_error(struct session *s, double transaction, const char *code, const char *description) {
    struct buf b = begin_command("_error", transaction);
    amf_put_null(&b);
    put_status(&b, "error", code, description);
    amf_end(&b);
    send_command(s, 0, &b);
}

/* Enhanced RTMP, "Enhancing NetConnection connect command": which codings we take, and that we read several tracks and nanoseconds. */
static void put_abilities(struct buf *b) {
    enum { CAN_FORWARD = 4, CAPS_MULTITRACK = 2, CAPS_MODEX = 4, CAPS_NANOSECONDS = 8 };
    static const char *const VIDEO[] = {"avc1", "hvc1", "av01", "vp09"}, *const AUDIO[] = {"mp4a", "Opus", ".mp3", "ac-3", "ec-3", "fLaC"};
    amf_name(b, SLICE("videoFourCcInfoMap"));
    amf_begin_object(b);
    for (size_t i = 0; i < ARRAY_LEN(VIDEO); i++) amf_member_number(b, slice_cstr(VIDEO[i]), CAN_FORWARD);
    amf_end(b);
    amf_name(b, SLICE("audioFourCcInfoMap"));
    amf_begin_object(b);
    for (size_t i = 0; i < ARRAY_LEN(AUDIO); i++) amf_member_number(b, slice_cstr(AUDIO[i]), CAN_FORWARD);
    amf_end(b);
    amf_member_number(b, SLICE("capsEx"), CAPS_MULTITRACK | CAPS_MODEX | CAPS_NANOSECONDS);
}

/* ---- what is said to us ---- */

struct command {
    struct slice name;
    double transaction;
    struct amf_value arguments[ARGUMENTS_MAX]; /* the first is the command object */
    size_t count;
};

static struct slice text_at(const struct command *c, size_t i) {
    return i < c->count && c->arguments[i].kind == AMF_TEXT ? c->arguments[i].text : SLICE_NONE;
}

static bool read_command(struct slice body, struct command *out) {
    struct byte_reader r = byte_reader_of(body);
    struct amf_value name, transaction;
    *out = (struct command){0};
    if (!amf_read(&r, &name) || name.kind != AMF_TEXT) return false;
    out->name = name.text;
    if (!bytes_left(&r)) return true; /* some send a bare name */
    if (!amf_read(&r, &transaction) || transaction.kind != AMF_NUMBER) return false;
    out->transaction = transaction.number;
    while (out->count < ARGUMENTS_MAX && amf_read(&r, &out->arguments[out->count])) out->count++;
    return !r.has_failed;
}

static struct slice without_query(struct slice s) {
    size_t at = slice_find_byte(s, '?');
    return at == SLICE_NPOS ? s : slice_sub(s, 0, at);
}

static struct err on_connect(struct session *s, const struct command *c) {
    if (s->is_connected || !c->count || c->arguments[0].kind != AMF_OBJECT) return bad_command();
    struct slice app = without_query(amf_find_text(&c->arguments[0], SLICE("app"))), wanted = slice_cstr(s->application);
    while (slice_ends_with(app, SLICE("/"))) app.len--;
    bool is_ours = slice_eq(app, wanted);
    if (!is_ours && slice_starts_with(app, wanted) && app.ptr[wanted.len] == '/') {
        struct slice rest = slice_sub(app, wanted.len + 1, app.len);
        is_ours = rest.len <= FEED_KEY_BYTES_MAX;
        if (is_ours) memcpy(s->key_in_application, rest.ptr, s->key_in_application_bytes = rest.len);
    }
    if (!is_ours) {
        send_error(s, c->transaction, "NetConnection.Connect.Rejected",
                   "There is nothing at this address. It ends in /live/ and the stream key.");
        return err_make(ERR_NOT_FOUND, "rtmp.application",
                        "The publisher asked for an application that we do not have. The address ends in /live/ and the key.");
    }
    struct slice agent = amf_find_text(&c->arguments[0], SLICE("flashVer"));
    if (agent.len && agent.len <= sizeof s->agent && utf8_is_display_text(agent, sizeof s->agent))
        memcpy(s->agent, agent.ptr, s->agent_bytes = agent.len);
    s->is_connected = true;
    double encoding = 0;
    bool has_encoding = amf_find_number(&c->arguments[0], SLICE("objectEncoding"), &encoding);
    send_control(s, MESSAGE_WINDOW, WINDOW_BYTES);
    const uint8_t bandwidth[5] = {WINDOW_BYTES >> 24, WINDOW_BYTES >> 16 & 255, WINDOW_BYTES >> 8 & 255, WINDOW_BYTES & 255, 2 /* dynamic */};
    chunk_write(&s->out, ON_CONTROL, CHUNK_BYTES_OURS, MESSAGE_PEER_BANDWIDTH, 0, 0, SLICE_NONE, slice_of(bandwidth, sizeof bandwidth));
    struct buf b = begin_command("_result", c->transaction);
    amf_begin_object(&b);
    amf_member_text(&b, SLICE("fmsVer"), SLICE("FMS/3,5,7,7009")); /* old encoders look for this form */
    amf_member_number(&b, SLICE("capabilities"), 31);
    put_abilities(&b);
    amf_end(&b);
    put_status(&b, "status", "NetConnection.Connect.Success", "Connected.");
    if (has_encoding) amf_member_number(&b, SLICE("objectEncoding"), encoding);
    put_abilities(&b);
    amf_end(&b);
    send_command(s, 0, &b);
    return ERR_OK;
}

static struct err on_create_stream(struct session *s, const struct command *c) {
    if (!s->is_connected || s->streams_made == STREAMS_MADE_MAX) return bad_command();
    struct buf b = begin_command("_result", c->transaction);
    amf_put_null(&b);
    amf_put_number(&b, ++s->streams_made);
    send_command(s, 0, &b);
    return ERR_OK;
}

/* The announcement that Flash's live encoder, and all that learned from it, make before publishing; it waits for the second answer. */
static struct err on_fc_publish(struct session *s, const struct command *c) {
    send_result(s, c->transaction);
    struct buf b = begin_command("onFCPublish", 0);
    amf_put_null(&b);
    put_status(&b, "status", "NetStream.Publish.Start", "Announced.");
    amf_end(&b);
    send_command(s, 0, &b);
    return ERR_OK;
}

static struct err on_publish(struct session *s, const struct command *c, enum session_event *event) {
    if (!s->is_connected || s->state != SESSION_OPEN) {
        send_status(s, "error", "NetStream.Publish.BadName", "This connection publishes already.");
        return bad_command();
    }
    s->stream = s->message.stream;
    struct slice key = without_query(text_at(c, 1));
    while (slice_starts_with(key, SLICE("/"))) key = slice_sub(key, 1, key.len);
    if (!key.len) key = slice_of(s->key_in_application, s->key_in_application_bytes);
    if (!key.len || key.len > FEED_KEY_BYTES_MAX) {
        s->state = SESSION_DONE;
        send_status(s, "error", "NetStream.Publish.BadName", "No stream key was given. Copy it from the channel's page.");
        return err_make(ERR_DENIED, "feed.key", "The publisher gave no stream key.");
    }
    memcpy(s->key, key.ptr, s->key_bytes = key.len);
    s->state = SESSION_ASKED;
    *event = SESSION_PUBLISH;
    return ERR_OK;
}

static struct err on_goodbye(struct session *s, const struct command *c, enum session_event *event) {
    if (s->state != SESSION_PUBLISHING) return ERR_OK; /* ffmpeg and OBS delete what a connection before this one may have left */
    if (slice_eq(c->name, SLICE("FCUnpublish"))) {
        struct buf b = begin_command("onFCUnpublish", 0);
        amf_put_null(&b);
        put_status(&b, "status", "NetStream.Unpublish.Success", "The stream has ended.");
        amf_end(&b);
        send_command(s, 0, &b);
        return ERR_OK; /* the stream itself is deleted next; if not, the connection closes */
    }
    session_end(s, ERR_OK);
    *event = SESSION_GOODBYE;
    return ERR_OK;
}

static struct err on_play(struct session *s) {
    s->stream = s->message.stream;
    send_status(s, "error", "NetStream.Play.StreamNotFound", "This address takes pictures in; to watch, open the channel's page in a browser.");
    return err_make(ERR_INPUT, "rtmp.play", "Somebody wanted to watch by RTMP, which only takes pictures in.");
}

static struct err on_command(struct session *s, struct slice body, enum session_event *event) {
    struct command c;
    if (body.len > SESSION_COMMAND_BYTES_MAX || !read_command(body, &c)) return bad_command();
    if (s->state == SESSION_OPEN && ++s->commands > COMMANDS_MAX) return bad_command();
    static const struct {
        struct slice name;
        enum { CONNECT, CREATE_STREAM, ANNOUNCE, ACKNOWLEDGE, PUBLISH, GOODBYE, PLAY, IGNORE } what;
    } KNOWN[] = {
        {SLICE("connect"), CONNECT},          {SLICE("createStream"), CREATE_STREAM}, {SLICE("FCPublish"), ANNOUNCE},
        {SLICE("releaseStream"), ACKNOWLEDGE}, {SLICE("_checkbw"), ACKNOWLEDGE},       {SLICE("publish"), PUBLISH},
        {SLICE("deleteStream"), GOODBYE},     {SLICE("closeStream"), GOODBYE},        {SLICE("FCUnpublish"), GOODBYE},
        {SLICE("play"), PLAY},                {SLICE("play2"), PLAY},                 {SLICE("FCSubscribe"), IGNORE},
        {SLICE("onStatus"), IGNORE},          {SLICE("_result"), IGNORE},             {SLICE("_error"), IGNORE},
    };
    for (size_t i = 0; i < ARRAY_LEN(KNOWN); i++) {
        if (!slice_eq(c.name, KNOWN[i].name)) continue;
        switch (KNOWN[i].what) {
        case CONNECT: return on_connect(s, &c);
        case CREATE_STREAM: return on_create_stream(s, &c);
        case ANNOUNCE: return s->is_connected ? on_fc_publish(s, &c) : bad_command();
        case ACKNOWLEDGE: send_result(s, c.transaction); return ERR_OK;
        case PUBLISH: return on_publish(s, &c, event);
        case GOODBYE: return on_goodbye(s, &c, event);
        case PLAY: return on_play(s);
        case IGNORE: return ERR_OK;
        }
    }
    if (c.transaction > 0) send_error(s, c.transaction, "NetConnection.Call.Failed", "There is no such call.");
    return ERR_OK;
}

static struct err on_message(struct session *s, enum session_event *event) {
    struct chunk_message *m = &s->message;
    struct byte_reader r = byte_reader_of(m->body);
    switch (m->type) {
    case MESSAGE_WINDOW: {
        uint32_t window = bytes_u32be(&r);
        if (r.has_failed || !window) return bad_command();
        s->window = window < WINDOW_BYTES ? window : WINDOW_BYTES;
        return ERR_OK;
    }
    case MESSAGE_USER_CONTROL: {
        uint16_t what = bytes_u16be(&r);
        uint32_t value = bytes_u32be(&r);
        if (!r.has_failed && what == EVENT_PING) send_user_control(s, EVENT_PONG, value);
        return ERR_OK;
    }
    case MESSAGE_COMMAND: return on_command(s, m->body, event);
    case MESSAGE_COMMAND_AMF3: /* a format byte, then AMF 0 all the same */
        bytes_skip(&r, 1);
        return on_command(s, bytes_take(&r, bytes_left(&r)), event);
    case MESSAGE_DATA_AMF3:
        bytes_skip(&r, 1);
        m->type = MESSAGE_DATA;
        m->body = bytes_take(&r, bytes_left(&r));
        break;
    case MESSAGE_AUDIO:
    case MESSAGE_VIDEO:
    case MESSAGE_DATA:
    case MESSAGE_AGGREGATE: break;
    default: return ERR_OK;
    }
    if (s->state == SESSION_PUBLISHING) *event = SESSION_MESSAGE; /* one stream a connection, whatever number it gives itself */
    return ERR_OK; /* what comes before publishing is dropped */
}

static struct err answer_hello(struct session *s, struct slice *in) {
    uint8_t random[HANDSHAKE_BLOCK_BYTES], answer[HANDSHAKE_ANSWER_BYTES];
    rng_secure(random, sizeof random);
    if (!handshake_answer((const uint8_t *)in->ptr, random, answer))
        return err_make(ERR_INPUT, "rtmp.handshake", "Somebody connected who does not speak RTMP, or only its encrypted form.");
    buf_bytes(&s->out, answer, sizeof answer);
    *in = slice_sub(*in, HANDSHAKE_HELLO_BYTES, in->len);
    s->state = SESSION_ECHO;
    return ERR_OK;
}

/* Acknowledgements are due after each window; at half of it nobody ever waits. */
static void acknowledge(struct session *s, size_t bytes) {
    s->received += bytes;
    if (s->received - s->acknowledged < s->window / 2) return;
    s->acknowledged = s->received;
    send_control(s, MESSAGE_ACKNOWLEDGEMENT, (uint32_t)s->received);
}

static struct err step(struct session *s, struct slice *in, enum session_event *event) {
    if (s->state == SESSION_HELLO) {
        if (in->len && in->ptr[0] != 3)
            return err_make(ERR_INPUT, "rtmp.handshake", "Somebody connected who does not speak RTMP, or only its encrypted form.");
        if (in->len < HANDSHAKE_HELLO_BYTES) return ERR_OK;
        struct err e = answer_hello(s, in);
        if (e.kind) return e;
    }
    if (s->state == SESSION_ECHO) {
        if (in->len < HANDSHAKE_BLOCK_BYTES) return ERR_OK;
        *in = slice_sub(*in, HANDSHAKE_BLOCK_BYTES, in->len); /* whether it is our echo: not all clients care */
        s->state = SESSION_OPEN;
    }
    while (*event == SESSION_NOTHING && s->state != SESSION_DONE) {
        bool has;
        struct err e = chunk_read(&s->reader, in, &s->message, &has);
        if (!e.kind && has) e = on_message(s, event);
        if (e.kind) return e;
        if (!has) break;
    }
    return ERR_OK;
}

struct err session_step(struct session *s, struct slice *in, enum session_event *event) {
    assert(s->state != SESSION_ASKED);
    *event = SESSION_NOTHING;
    size_t before = in->len;
    struct err e = step(s, in, event);
    if (s->state > SESSION_ECHO) acknowledge(s, before - in->len);
    if (e.kind) {
        s->state = SESSION_DONE;
        return e;
    }
    if (s->out.has_failed) { /* asks faster than it reads the answers */
        s->state = SESSION_DONE;
        return err_make(ERR_LIMIT, "rtmp.message", "The publisher asks more than it reads the answers to.");
    }
    return ERR_OK;
}

void session_accept(struct session *s) {
    assert(s->state == SESSION_ASKED);
    s->state = SESSION_PUBLISHING;
    s->reader.message_bytes_max = 0xffffff; /* all that a header can say */
    s->reader.held_bytes_max = SESSION_PUBLISHER_HELD_BYTES_MAX;
    send_user_control(s, EVENT_STREAM_BEGIN, s->stream);
    send_status(s, "status", "NetStream.Publish.Start", "You are on the air.");
}

void session_refuse(struct session *s, struct err why) {
    assert(s->state == SESSION_ASKED);
    s->state = SESSION_DONE;
    send_status(s, "error", "NetStream.Publish.BadName", why.what);
}

void session_end(struct session *s, struct err why) {
    s->state = SESSION_DONE;
    if (why.kind) send_status(s, "error", "NetStream.Publish.Failed", why.what);
    else send_status(s, "status", "NetStream.Unpublish.Success", "The stream has ended.");
}
