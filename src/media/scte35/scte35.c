/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/scte35/scte35.h"

#include "base/bytes.h"

enum { TABLE_ID = 0xfc, SECTION_BYTES_MIN = 20, UNKNOWN_LENGTH = 0xfff, TAG_SEGMENTATION = 0x02 };
#define IDENTIFIER UINT32_C(0x43554549) /* "CUEI" */
#define TIME_MASK ((UINT64_C(1) << SCTE35_TIME_BITS) - 1)

static struct err malformed(void) { return err_make(ERR_INPUT, "scte35.section", "A splice information section (SCTE 35) is malformed."); }

struct segment_type {
    uint8_t id;
    enum scte35_role role;
    const char *name;
};
static const struct segment_type *type_of(uint8_t id) {
    static const struct segment_type TYPES[] = {
#define SEGMENT_TYPE(id_, role_, name_) {.id = id_, .role = SCTE35_ROLE_##role_, .name = name_},
#include "media/scte35/types.tbl.h"
#undef SEGMENT_TYPE
    };
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++)
        if (TYPES[i].id == id) return &TYPES[i];
    return NULL;
}

const char *scte35_type_name(uint8_t type) {
    const struct segment_type *t = type_of(type);
    return t ? t->name : "Segment";
}

/* splice_time(), section 9.8.1 */
static bool read_time(struct byte_reader *r, uint64_t *time) {
    uint8_t first = bytes_u8(r);
    if (!(first & 0x80)) return false;
    *time = (uint64_t)(first & 1) << 32 | bytes_u32be(r);
    return true;
}

/* break_duration(), section 9.8.2 */
static void read_break(struct byte_reader *r, struct scte35_cue *c) {
    uint8_t first = bytes_u8(r);
    c->has_duration = true;
    c->returns_by_itself = first & 0x80;
    c->duration_90k = (uint64_t)(first & 1) << 32 | bytes_u32be(r);
}

/* splice_insert(), section 9.7.3. In component mode the first component that has a time speaks for all: one programme is one picture here. */
static void read_insert(struct byte_reader *r, struct scte35_cue *c) {
    c->event_id = bytes_u32be(r);
    if (bytes_u8(r) & 0x80) {
        c->role = SCTE35_ROLE_CANCEL;
        return;
    }
    uint8_t flags = bytes_u8(r);
    bool is_out = flags & 0x80, is_whole = flags & 0x40, has_duration = flags & 0x20, is_immediate = flags & 0x10;
    c->role = is_out ? SCTE35_ROLE_OUT : SCTE35_ROLE_IN;
    if (is_whole && !is_immediate) c->has_time = read_time(r, &c->time_90k);
    if (!is_whole) {
        uint8_t count = bytes_u8(r);
        for (unsigned i = 0; i < count && !r->has_failed; i++) {
            bytes_u8(r);
            uint64_t time = 0;
            bool has_time = !is_immediate && read_time(r, &time);
            if (has_time && !c->has_time) c->has_time = true, c->time_90k = time;
        }
    }
    if (has_duration) read_break(r, c);
    c->programme_id = bytes_u16be(r);
    c->avail = bytes_u8(r);
    c->avails_expected = bytes_u8(r);
}

/* segmentation_descriptor(), behind its identifier. What does not fit into its own length is malformed. */
static bool read_segment(struct byte_reader r, struct scte35_segment *s) {
    *s = (struct scte35_segment){.event_id = bytes_u32be(&r)};
    s->is_cancelled = bytes_u8(&r) & 0x80;
    if (s->is_cancelled) {
        s->role = SCTE35_ROLE_CANCEL;
        return !r.has_failed;
    }
    uint8_t flags = bytes_u8(&r);
    bool is_whole = flags & 0x80;
    s->has_duration = flags & 0x40;
    s->is_restricted = !(flags & 0x20);
    s->may_deliver_on_web = !s->is_restricted || flags & 0x10;
    s->is_blackout_free = !s->is_restricted || flags & 0x08; /* no_regional_blackout_flag */
    s->may_archive = !s->is_restricted || flags & 0x04;
    s->device_restrictions = s->is_restricted ? flags & 3 : 3;
    if (!is_whole) {
        uint8_t count = bytes_u8(&r);
        bytes_skip(&r, (size_t)count * 6); /* which component is how far off */
    }
    if (s->has_duration) s->duration_90k = bytes_be(&r, 5);
    s->upid_type = bytes_u8(&r);
    s->upid = bytes_take(&r, bytes_u8(&r));
    s->type = bytes_u8(&r);
    s->number = bytes_u8(&r);
    s->expected = bytes_u8(&r);
    const struct segment_type *type = type_of(s->type);
    s->role = type ? type->role : SCTE35_ROLE_MARK;
    return !r.has_failed;
}

static bool read_descriptors(struct slice loop, struct scte35_cue *c) {
    struct byte_reader r = byte_reader_of(loop);
    while (bytes_left(&r)) {
        uint8_t tag = bytes_u8(&r);
        struct slice body = bytes_take(&r, bytes_u8(&r));
        if (r.has_failed || body.len < 4) return false;
        struct byte_reader b = byte_reader_of(body);
        if (bytes_u32be(&b) != IDENTIFIER || tag != TAG_SEGMENTATION || c->segment_count == SCTE35_SEGMENTS_MAX) continue;
        if (!read_segment(b, &c->segments[c->segment_count])) return false;
        c->segment_count++;
    }
    return true;
}

/* A time_signal is what its most telling segment is: leaving and coming back before mere marks. */
static void take_role(struct scte35_cue *c) {
    static const uint8_t WEIGHT[] = {[SCTE35_ROLE_NONE] = 0, [SCTE35_ROLE_MARK] = 1, [SCTE35_ROLE_CANCEL] = 2, [SCTE35_ROLE_IN] = 3, [SCTE35_ROLE_OUT] = 3};
    for (size_t i = 0; i < c->segment_count; i++) {
        const struct scte35_segment *s = &c->segments[i];
        if (WEIGHT[s->role] <= WEIGHT[c->role]) continue;
        c->role = s->role;
        c->event_id = s->event_id;
        c->has_duration = s->has_duration;
        c->duration_90k = s->duration_90k;
    }
}

/* splice_info_section(), section 9.6 */
struct err scte35_parse(struct slice section, struct scte35_cue *out) {
    if (section.len < SECTION_BYTES_MIN || section.len > SCTE35_SECTION_BYTES_MAX) return malformed();
    struct byte_reader r = byte_reader_of(section);
    if (bytes_u8(&r) != TABLE_ID) return malformed();
    uint16_t head = bytes_u16be(&r);
    if (head & 0xc000 || (head & 0xfffu) + 3u != section.len) return malformed(); /* section_syntax_indicator and private_indicator are 0 */
    if (bytes_crc32_mpeg(section)) return err_make(ERR_INPUT, "scte35.crc", "A splice information section (SCTE 35) was damaged on its way.");
    r.end -= 4;
    if (bytes_u8(&r) != 0) return malformed(); /* protocol_version */
    uint8_t flags = bytes_u8(&r);
    if (flags & 0x80) return err_make(ERR_INPUT, "scte35.encrypted", "A splice information section (SCTE 35) is encrypted, and there is no key for it.");
    uint64_t adjustment = (uint64_t)(flags & 1) << 32 | bytes_u32be(&r);
    bytes_u8(&r); /* cw_index */
    uint32_t lengths = bytes_u24be(&r); /* tier 12, splice_command_length 12 */
    struct scte35_cue c = {.command = (enum scte35_command)bytes_u8(&r)};
    uint32_t command_bytes = lengths & 0xfff;
    struct byte_reader command = r;
    if (command_bytes != UNKNOWN_LENGTH) {
        if (command_bytes > bytes_left(&r)) return malformed();
        command.end = r.at + command_bytes;
    }
    switch (c.command) {
    case SCTE35_INSERT: read_insert(&command, &c); break;
    case SCTE35_TIME_SIGNAL: c.has_time = read_time(&command, &c.time_90k); break;
    case SCTE35_NULL:
    case SCTE35_BANDWIDTH: break;
    case SCTE35_SCHEDULE:
    case SCTE35_PRIVATE:
    default:
        if (command_bytes == UNKNOWN_LENGTH) return malformed(); /* its end cannot be found without reading it */
        break;
    }
    if (command.has_failed) return malformed();
    r.at = command_bytes == UNKNOWN_LENGTH ? command.at : command.end;
    if (!read_descriptors(bytes_take(&r, bytes_u16be(&r)), &c) || r.has_failed) return malformed();
    if (c.command == SCTE35_TIME_SIGNAL) take_role(&c);
    if (c.has_time) c.time_90k = (c.time_90k + adjustment) & TIME_MASK;
    *out = c;
    return ERR_OK;
}

void scte35_hex(struct slice section, struct buf *out) {
    buf_cstr(out, "0x");
    for (size_t i = 0; i < section.len; i++) buf_printf(out, "%02X", (uint8_t)section.ptr[i]);
}

void scte35_base64(struct slice section, struct buf *out) {
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < section.len; i += 3) {
        size_t left = section.len - i;
        uint32_t v = (uint32_t)(uint8_t)section.ptr[i] << 16 | (left > 1 ? (uint32_t)(uint8_t)section.ptr[i + 1] << 8 : 0) | (left > 2 ? (uint8_t)section.ptr[i + 2] : 0);
        char four[4] = {DIGITS[v >> 18], DIGITS[v >> 12 & 63], left > 1 ? DIGITS[v >> 6 & 63] : '=', left > 2 ? DIGITS[v & 63] : '='};
        buf_bytes(out, four, sizeof four);
    }
}
