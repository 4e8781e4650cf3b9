/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/rtmp/chunk.h"

#include <assert.h>

#include "base/bytes.h"
#include "base/mem.h"

enum { KEPT_BYTES_MAX = 1 << 20 }; /* a larger buffer is given back after its message */

static struct err malformed(void) { return err_make(ERR_INPUT, "rtmp.chunk", "The publisher does not speak RTMP as the standard says."); }

void chunk_reader_init(struct chunk_reader *r, uint32_t message_bytes_max, size_t held_bytes_max) {
    *r = (struct chunk_reader){.current = CHUNK_STREAMS_MAX,
                               .chunk_bytes = CHUNK_BYTES_FIRST,
                               .message_bytes_max = message_bytes_max,
                               .held_bytes_max = held_bytes_max};
}

static void drop_buffer(struct chunk_reader *r, struct chunk_stream *s) {
    r->held_bytes -= s->capacity;
    MEM_FREE(&s->bytes);
    s->capacity = s->filled = 0;
}

void chunk_reader_free(struct chunk_reader *r) {
    for (unsigned i = 0; i < r->stream_count; i++) mem_free(r->streams[i].bytes);
    chunk_reader_init(r, r->message_bytes_max, r->held_bytes_max);
}

static struct chunk_stream *find(struct chunk_reader *r, uint32_t id) {
    for (unsigned i = 0; i < r->stream_count; i++)
        if (r->streams[i].id == id) return &r->streams[i];
    return NULL;
}

/* Extended timestamps are repeated in each later chunk of the message (section 5.3.1.3), but there are publishers that do not: what is no
 * repetition is payload. */
static bool repeats(const struct chunk_stream *s, uint32_t value) { return value == s->field || value == s->timestamp; }

/* Reads one chunk header. *did_read false: needs more bytes, nothing was taken. */
static struct err read_header(struct chunk_reader *r, struct slice *in, bool *did_read) {
    static const unsigned SIZES[4] = {11, 7, 3, 0};
    struct byte_reader b = byte_reader_of(*in);
    uint8_t first = bytes_u8(&b);
    unsigned format = first >> 6;
    uint32_t id = first & 63;
    if (id == 0) id = 64u + bytes_u8(&b);
    else if (id == 1) {
        id = 64u + bytes_u8(&b);
        id += 256u * bytes_u8(&b);
    }
    *did_read = false;
    if (b.has_failed || bytes_left(&b) < SIZES[format]) return ERR_OK;
    struct chunk_stream *s = find(r, id);
    bool is_new = !s || !s->has_header;
    if (is_new && format >= 2) return malformed();
    if (s && s->is_open && format != 3) return malformed(); /* a new message inside another one of its stream */
    struct chunk_stream next = s ? *s : (struct chunk_stream){.id = id};
    if (format < 3) {
        next.field = bytes_u24be(&b);
        next.is_extended = next.field == 0xffffff;
    }
    if (format < 2) {
        next.length = bytes_u24be(&b);
        next.type = bytes_u8(&b);
    }
    if (format == 0) {
        struct slice little = bytes_take(&b, 4); /* the one little-endian field */
        const uint8_t *l = (const uint8_t *)little.ptr;
        next.message_stream = l[0] | (uint32_t)l[1] << 8 | (uint32_t)l[2] << 16 | (uint32_t)l[3] << 24;
    }
    if (next.is_extended) {
        if (format < 3) {
            if (bytes_left(&b) < 4) return ERR_OK;
            next.field = bytes_u32be(&b);
        } else {
            struct byte_reader ahead = b;
            bool is_enough = bytes_left(&ahead) >= 4;
            if (!is_enough && r->habit != CHUNK_REPEATS_NOT)
                return ERR_OK; /* whoever's habit is not known yet waits once for the next message */
            if (is_enough) {
                bool is_repeated = repeats(s, bytes_u32be(&ahead));
                r->habit = is_repeated ? CHUNK_REPEATS : CHUNK_REPEATS_NOT;
                if (is_repeated) b = ahead;
            }
        }
    }
    if (!next.is_open) { /* a message begins */
        if (next.length > r->message_bytes_max)
            return err_make(ERR_LIMIT, "rtmp.message", "The publisher announced a picture that is larger than we take.");
        if (format == 0) next.timestamp = next.field;
        else next.timestamp += next.field;
        next.filled = 0;
        next.is_open = true;
    }
    next.has_header = true;
    if (!s) {
        if (r->stream_count == CHUNK_STREAMS_MAX)
            return err_make(ERR_LIMIT, "rtmp.message", "The publisher uses more chunk streams than we take.");
        s = &r->streams[r->stream_count++];
    }
    *s = next;
    r->current = (unsigned)(s - r->streams);
    size_t left = s->length - s->filled;
    r->chunk_left = left < r->chunk_bytes ? (uint32_t)left : r->chunk_bytes;
    size_t taken = in->len - bytes_left(&b);
    *in = slice_sub(*in, taken, in->len);
    *did_read = true;
    return ERR_OK;
}

/* The buffer grows with what arrives, never at the mere word of the header. */
static struct err make_room(struct chunk_reader *r, struct chunk_stream *s, size_t more) {
    size_t needed = s->filled + more;
    if (needed <= s->capacity) return ERR_OK;
    size_t capacity = s->capacity ? s->capacity : 4096;
    while (capacity < needed) capacity *= 2;
    size_t enough = s->length > 4096 ? s->length : 4096;
    if (capacity > enough) capacity = enough;
    if (r->held_bytes + (capacity - s->capacity) > r->held_bytes_max)
        return err_make(ERR_LIMIT, "rtmp.message", "The publisher has more messages under way than we keep.");
    char *bytes = mem_realloc(s->bytes, capacity);
    if (!bytes) return err_memory();
    r->held_bytes += capacity - s->capacity;
    s->bytes = bytes;
    s->capacity = capacity;
    return ERR_OK;
}

static struct err obey(struct chunk_reader *r, const struct chunk_message *m) {
    struct byte_reader b = byte_reader_of(m->body);
    uint32_t value = bytes_u32be(&b);
    if (b.has_failed) return malformed();
    if (m->type == MESSAGE_CHUNK_SIZE) {
        if (value < 1 || value >> 31) return malformed();
        r->chunk_bytes = value < CHUNK_BYTES_MAX ? value : CHUNK_BYTES_MAX;
        return ERR_OK;
    }
    struct chunk_stream *s = find(r, value);
    if (s && s->is_open) {
        s->is_open = false;
        drop_buffer(r, s);
    }
    return ERR_OK;
}

struct err chunk_read(struct chunk_reader *r, struct slice *in, struct chunk_message *out, bool *has) {
    *has = false;
    for (;;) {
        if (r->current == CHUNK_STREAMS_MAX) {
            bool did_read;
            if (!in->len) return ERR_OK;
            struct err e = read_header(r, in, &did_read);
            if (e.kind || !did_read) return e;
        }
        struct chunk_stream *s = &r->streams[r->current];
        if (s->capacity > KEPT_BYTES_MAX && s->filled == 0) drop_buffer(r, s); /* what the last message needed */
        size_t take = in->len < r->chunk_left ? in->len : r->chunk_left;
        if (take) {
            struct err e = make_room(r, s, take);
            if (e.kind) return e;
            memcpy(s->bytes + s->filled, in->ptr, take);
            s->filled += take;
            r->chunk_left -= (uint32_t)take;
            *in = slice_sub(*in, take, in->len);
        }
        if (r->chunk_left) return ERR_OK; /* all of *in is taken */
        r->current = CHUNK_STREAMS_MAX;
        if (s->filled < s->length) continue;
        s->is_open = false;
        struct chunk_message message = {
            .type = s->type, .timestamp = s->timestamp, .stream = s->message_stream, .body = slice_of(s->bytes, s->filled)};
        s->filled = 0;
        if (message.type == MESSAGE_CHUNK_SIZE || message.type == MESSAGE_ABORT) {
            struct err e = obey(r, &message);
            if (e.kind) return e;
        }
        *out = message;
        *has = true;
        return ERR_OK;
    }
}

void chunk_write(struct buf *out, uint8_t id, uint32_t chunk_bytes, uint8_t type, uint32_t timestamp, uint32_t stream, struct slice head,
                 struct slice body) {
    assert(id >= 2 && id < 64 && head.len + body.len <= 0xffffff);
    bool is_extended = timestamp >= 0xffffff;
    buf_u8(out, id);
    buf_u24be(out, is_extended ? 0xffffff : timestamp);
    buf_u24be(out, (uint32_t)(head.len + body.len));
    buf_u8(out, type);
    const uint8_t little[4] = {(uint8_t)stream, (uint8_t)(stream >> 8), (uint8_t)(stream >> 16), (uint8_t)(stream >> 24)};
    buf_bytes(out, little, sizeof little);
    if (is_extended) buf_u32be(out, timestamp);
    uint32_t room = chunk_bytes;
    struct slice parts[2] = {head, body};
    for (unsigned i = 0; i < 2; i++) {
        while (parts[i].len) {
            if (!room) {
                buf_u8(out, (uint8_t)(0xc0 | id));
                if (is_extended) buf_u32be(out, timestamp);
                room = chunk_bytes;
            }
            size_t take = parts[i].len < room ? parts[i].len : room;
            buf_append(out, slice_sub(parts[i], 0, take));
            parts[i] = slice_sub(parts[i], take, parts[i].len);
            room -= (uint32_t)take;
        }
    }
}
