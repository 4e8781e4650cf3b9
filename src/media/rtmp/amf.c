/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/rtmp/amf.h"

enum marker { /* AMF 0 specification, section 2.1 */
    NUMBER,
    BOOLEAN,
    STRING,
    OBJECT,
    MOVIECLIP,
    NULL_MARK,
    UNDEFINED,
    REFERENCE,
    ECMA_ARRAY,
    OBJECT_END,
    STRICT_ARRAY,
    DATE,
    LONG_STRING,
    UNSUPPORTED,
    RECORDSET,
    XML,
    TYPED_OBJECT,
    AVMPLUS
};

struct budget {
    unsigned depth, nodes;
};

static bool read_value(struct byte_reader *r, struct amf_value *out, struct budget *budget);

static bool malformed(struct byte_reader *r) {
    r->has_failed = true;
    return false;
}

static double read_double(struct byte_reader *r) {
    uint64_t bits = bytes_u64be(r);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Goes over the members up to the end mark: an empty name and OBJECT_END. */
static bool read_members(struct byte_reader *r, struct amf_value *out, struct budget *budget) {
    const uint8_t *begin = r->at;
    if (!budget->depth) return malformed(r);
    budget->depth--;
    for (;;) {
        const uint8_t *at = r->at;
        struct slice name = bytes_take(r, bytes_u16be(r));
        if (r->has_failed) return false;
        if (!name.len && bytes_left(r) && *r->at == OBJECT_END) {
            out->kind = AMF_OBJECT;
            out->content = slice_of(begin, (size_t)(at - begin));
            bytes_skip(r, 1);
            budget->depth++;
            return true;
        }
        struct amf_value member;
        if (!read_value(r, &member, budget)) return malformed(r);
    }
}

static bool read_elements(struct byte_reader *r, struct amf_value *out, struct budget *budget) {
    uint32_t count = bytes_u32be(r);
    const uint8_t *begin = r->at;
    if (r->has_failed || !budget->depth || count > bytes_left(r)) return malformed(r); /* an element has a byte at least */
    budget->depth--;
    for (uint32_t i = 0; i < count; i++) {
        struct amf_value element;
        if (!read_value(r, &element, budget)) return malformed(r);
    }
    budget->depth++;
    out->kind = AMF_ARRAY;
    out->count = count;
    out->content = slice_of(begin, (size_t)(r->at - begin));
    return true;
}

/* AMF 3 section 1.3.1: 29 bits in one to four bytes. */
static uint32_t read_u29(struct byte_reader *r) {
    uint32_t value = 0;
    for (unsigned i = 0; i < 3; i++) {
        uint8_t byte = bytes_u8(r);
        value = value << 7 | (byte & 0x7f);
        if (!(byte & 0x80)) return value;
    }
    return value << 8 | bytes_u8(r);
}

/* The plain values only: strings by reference and containers need tables over the whole message, and no publisher sends them. */
static bool read_amf3(struct byte_reader *r, struct amf_value *out) {
    uint8_t marker = bytes_u8(r);
    switch (marker) {
    case 0: /* undefined */
    case 1: out->kind = AMF_NULL; break;
    case 2: /* false */
    case 3:
        out->kind = AMF_BOOLEAN;
        out->boolean = marker == 3;
        break;
    case 4: {
        uint32_t raw = read_u29(r);
        out->kind = AMF_NUMBER;
        out->number = raw & 0x10000000 ? (double)raw - 0x20000000 : (double)raw;
        break;
    }
    case 5:
        out->kind = AMF_NUMBER;
        out->number = read_double(r);
        break;
    case 6: {
        uint32_t header = read_u29(r);
        if (!(header & 1)) return malformed(r);
        out->kind = AMF_TEXT;
        out->text = bytes_take(r, header >> 1);
        break;
    }
    default: return malformed(r);
    }
    return !r->has_failed;
}

static bool read_value(struct byte_reader *r, struct amf_value *out, struct budget *budget) {
    *out = (struct amf_value){.kind = AMF_NULL};
    if (!budget->nodes--) return malformed(r);
    switch (bytes_u8(r)) {
    case NUMBER:
        out->kind = AMF_NUMBER;
        out->number = read_double(r);
        break;
    case BOOLEAN:
        out->kind = AMF_BOOLEAN;
        out->boolean = bytes_u8(r) != 0;
        break;
    case STRING:
        out->kind = AMF_TEXT;
        out->text = bytes_take(r, bytes_u16be(r));
        break;
    case LONG_STRING:
    case XML:
        out->kind = AMF_TEXT;
        out->text = bytes_take(r, bytes_u32be(r));
        break;
    case DATE:
        out->kind = AMF_DATE;
        out->number = read_double(r);
        bytes_skip(r, 2); /* a time zone that must be 0 */
        break;
    case NULL_MARK:
    case UNDEFINED:
    case UNSUPPORTED: break;
    case REFERENCE: bytes_skip(r, 2); break;
    case TYPED_OBJECT:
        bytes_skip(r, bytes_u16be(r)); /* the class's name */
        return read_members(r, out, budget);
    case ECMA_ARRAY:
        bytes_skip(r, 4); /* a count that writers get wrong; the end mark ends it */
        return read_members(r, out, budget);
    case OBJECT: return read_members(r, out, budget);
    case STRICT_ARRAY: return read_elements(r, out, budget);
    case AVMPLUS: return read_amf3(r, out);
    default: return malformed(r);
    }
    return !r->has_failed;
}

bool amf_read(struct byte_reader *r, struct amf_value *out) {
    if (r->has_failed || !bytes_left(r)) return false;
    struct amf_value value;
    struct budget budget = {.depth = AMF_DEPTH_MAX, .nodes = AMF_NODES_MAX};
    if (!read_value(r, &value, &budget)) return false;
    *out = value;
    return true;
}

bool amf_member(struct byte_reader *members, struct slice *name, struct amf_value *out) {
    if (members->has_failed || !bytes_left(members)) return false;
    struct slice found = bytes_take(members, bytes_u16be(members));
    if (!amf_read(members, out)) return false;
    *name = found;
    return true;
}

bool amf_find(const struct amf_value *object, struct slice name, struct amf_value *out) {
    if (object->kind != AMF_OBJECT) return false;
    struct byte_reader members = byte_reader_of(object->content);
    struct slice found;
    struct amf_value value;
    while (amf_member(&members, &found, &value)) {
        if (!slice_eq(found, name)) continue;
        *out = value;
        return true;
    }
    return false;
}

bool amf_find_number(const struct amf_value *object, struct slice name, double *out) {
    struct amf_value value;
    if (!amf_find(object, name, &value) || value.kind != AMF_NUMBER) return false;
    *out = value.number;
    return true;
}

struct slice amf_find_text(const struct amf_value *object, struct slice name) {
    struct amf_value value;
    return amf_find(object, name, &value) && value.kind == AMF_TEXT ? value.text : SLICE_NONE;
}

void amf_put_number(struct buf *b, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    buf_u8(b, NUMBER);
    buf_u64be(b, bits);
}
void amf_put_boolean(struct buf *b, bool value) {
    buf_u8(b, BOOLEAN);
    buf_u8(b, value);
}
void amf_put_text(struct buf *b, struct slice text) {
    buf_u8(b, text.len > UINT16_MAX ? LONG_STRING : STRING);
    if (text.len > UINT16_MAX) buf_u32be(b, (uint32_t)text.len);
    else buf_u16be(b, (uint16_t)text.len);
    buf_append(b, text);
}
void amf_put_null(struct buf *b) { buf_u8(b, NULL_MARK); }
void amf_begin_object(struct buf *b) { buf_u8(b, OBJECT); }
void amf_begin_ecma(struct buf *b, uint32_t count) {
    buf_u8(b, ECMA_ARRAY);
    buf_u32be(b, count);
}
void amf_name(struct buf *b, struct slice name) {
    buf_u16be(b, (uint16_t)name.len);
    buf_append(b, name);
}
void amf_end(struct buf *b) {
    buf_u16be(b, 0);
    buf_u8(b, OBJECT_END);
}
void amf_member_number(struct buf *b, struct slice name, double value) {
    amf_name(b, name);
    amf_put_number(b, value);
}
void amf_member_text(struct buf *b, struct slice name, struct slice value) {
    amf_name(b, name);
    amf_put_text(b, value);
}
void amf_member_boolean(struct buf *b, struct slice name, bool value) {
    amf_name(b, name);
    amf_put_boolean(b, value);
}
