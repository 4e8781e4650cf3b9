/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/srt/ts.h"

#include <string.h>

#include "base/bytes.h"

enum { SYNC = 0x47, PID_PAT = 0, PID_NULL = 0x1fff, SECTION_HEAD = 3, PES_HEAD = 6, BELIEVED_AFTER = 8, SOUND_BYTES_MAX = 1 << 20 };

static void forget_section(struct ts_pid *p) {
    buf_free(&p->section.bytes);
    p->section.is_open = false;
}

static void forget_stream(struct ts_elementary *s) {
    forget_section(&s->at);
    buf_free(&s->pes);
    *s = (struct ts_elementary){0};
}

void ts_init(struct ts *t, const struct ts_handler *handler) {
    *t = (struct ts){.handler = *handler};
    t->pat.section.bytes = t->pmt.section.bytes = BUF(TS_SECTION_BYTES_MAX + TS_PACKET_BYTES);
}

void ts_free(struct ts *t) {
    forget_section(&t->pat);
    forget_section(&t->pmt);
    for (size_t i = 0; i < t->count; i++) forget_stream(&t->streams[i]);
    t->count = 0;
}

/* ---- tables ---- */

/* 13818-1 section 2.4.4.3 */
static struct err take_pat(struct ts *t, struct slice section) {
    struct byte_reader r = byte_reader_of(slice_sub(section, 8, section.len - 4));
    uint16_t numbers[TS_PROGRAMMES_MAX], pid = 0;
    size_t count = 0;
    while (bytes_left(&r) >= 4) {
        uint16_t number = bytes_u16be(&r), at = bytes_u16be(&r) & 0x1fff;
        if (!number || count == TS_PROGRAMMES_MAX) continue; /* 0: where the network's table is */
        numbers[count++] = number;
        pid = at;
    }
    if (count > 1) return t->handler.programmes(t->handler.user, numbers, count);
    if (!count || (t->has_pmt && pid == t->pmt.pid) || pid < 0x10 || pid == PID_NULL) return ERR_OK;
    forget_section(&t->pmt);
    t->pmt = (struct ts_pid){.pid = pid, .section.bytes = BUF(TS_SECTION_BYTES_MAX + TS_PACKET_BYTES)};
    t->has_pmt = true;
    t->pmt_crc = 0;
    return ERR_OK;
}

/* What a stream is, by its type (table 2-34 and what ATSC, DVB and SCTE added) and its descriptors. */
static enum ts_form form_of(uint8_t type, struct slice descriptors, bool is_cueing, struct ts_stream *s) {
    enum ts_form form = TS_NONE;
    switch (type) {
    case 0x1b: form = TS_H264; break;
    case 0x24: form = TS_HEVC; break;
    case 0x0f: form = TS_AAC; break;
    case 0x11: form = TS_AAC_LATM; break;
    case 0x03:
    case 0x04: form = TS_MPEG_AUDIO; break;
    case 0x81: form = TS_AC3; break;
    case 0x87: form = TS_EAC3; break;
    case 0x86: form = is_cueing ? TS_SCTE35 : TS_NONE; break;
    default: break;
    }
    struct byte_reader r = byte_reader_of(descriptors);
    while (bytes_left(&r) >= 2) {
        uint8_t tag = bytes_u8(&r);
        struct slice body = bytes_take(&r, bytes_u8(&r));
        if (tag == 0x0a && body.len >= 4) { /* ISO 639 language */
            bool is_text = true;
            for (int i = 0; i < 3; i++) is_text &= (body.ptr[i] | 32) >= 'a' && (body.ptr[i] | 32) <= 'z';
            if (is_text) memcpy(s->language, body.ptr, 3);
            s->audio_type = (uint8_t)body.ptr[3];
        } else if (tag == 0x05 && body.len >= 4) { /* registration */
            if (slice_starts_with(body, SLICE("CUEI"))) form = type == 0x86 ? TS_SCTE35 : form;
            if (type != 0x06) continue;
            if (slice_starts_with(body, SLICE("Opus"))) form = TS_OPUS;
            if (slice_starts_with(body, SLICE("HEVC"))) form = TS_HEVC;
            if (slice_starts_with(body, SLICE("AC-3"))) form = TS_AC3;
            if (slice_starts_with(body, SLICE("EAC3"))) form = TS_EAC3;
        } else if (type == 0x06 && tag == 0x6a) {
            form = TS_AC3;
        } else if (type == 0x06 && tag == 0x7a) {
            form = TS_EAC3;
        } else if (tag == 0x7f && body.len >= 2 && (uint8_t)body.ptr[0] == 0x80) { /* Opus */
            s->opus_channels = (uint8_t)body.ptr[1];
        }
    }
    return form;
}

static bool has_cueing(struct slice descriptors) {
    struct byte_reader r = byte_reader_of(descriptors);
    while (bytes_left(&r) >= 2) {
        uint8_t tag = bytes_u8(&r);
        if (tag == 0x05 && slice_starts_with(bytes_take(&r, bytes_u8(&r)), SLICE("CUEI"))) return true;
        if (tag != 0x05) bytes_skip(&r, bytes_u8(&r));
    }
    return false;
}

/* 13818-1 section 2.4.4.8. Streams that stay keep what is under way. */
static struct err take_pmt(struct ts *t, struct slice section) {
    uint32_t crc;
    memcpy(&crc, section.ptr + section.len - 4, sizeof crc);
    if (crc == t->pmt_crc) return ERR_OK; /* the same again, as several times a second */
    struct byte_reader r = byte_reader_of(slice_sub(section, 8, section.len - 4));
    bytes_skip(&r, 2); /* where the clock is: times are told by the samples */
    bool is_cueing = has_cueing(bytes_take(&r, bytes_u16be(&r) & 0xfff));
    struct ts_stream found[TS_STREAMS_MAX] = {{0}};
    size_t count = 0;
    while (bytes_left(&r) >= 5 && count < TS_STREAMS_MAX) {
        uint8_t type = bytes_u8(&r);
        struct ts_stream s = {.pid = bytes_u16be(&r) & 0x1fff};
        struct slice descriptors = bytes_take(&r, bytes_u16be(&r) & 0xfff);
        s.form = form_of(type, descriptors, is_cueing, &s);
        bool is_taken = s.form == TS_NONE || s.pid < 0x10 || s.pid == PID_NULL || s.pid == t->pmt.pid;
        for (size_t i = 0; i < count; i++) is_taken |= found[i].pid == s.pid;
        if (!is_taken) found[count++] = s;
    }
    if (r.has_failed) return ERR_OK;
    struct ts_elementary next[TS_STREAMS_MAX] = {{{0}}};
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < t->count; j++)
            if (t->streams[j].about.pid == found[i].pid && t->streams[j].about.form == found[i].form) {
                next[i] = t->streams[j];
                t->streams[j] = (struct ts_elementary){0};
            }
        if (!next[i].at.pid) {
            next[i].at = (struct ts_pid){.pid = found[i].pid, .section.bytes = BUF(TS_SECTION_BYTES_MAX + TS_PACKET_BYTES)};
            next[i].pes = BUF(found[i].form == TS_H264 || found[i].form == TS_HEVC ? TS_PES_BYTES_MAX : SOUND_BYTES_MAX);
        }
        next[i].about = found[i];
    }
    for (size_t i = 0; i < t->count; i++) forget_stream(&t->streams[i]);
    memcpy(t->streams, next, sizeof next);
    t->count = count;
    t->pmt_crc = crc;
    return t->handler.programme(t->handler.user, found, count);
}

static struct err take_section(struct ts *t, struct ts_pid *p, size_t stream, struct slice section) {
    uint8_t table = (uint8_t)section.ptr[0];
    bool is_long = (uint8_t)section.ptr[1] & 0x80;
    if (bytes_crc32_mpeg(section)) {
        t->counts.damaged++;
        return ERR_OK;
    }
    if (p == &t->pat) return table == 0x00 && is_long && section.len >= 12 && section.ptr[5] & 1 ? take_pat(t, section) : ERR_OK;
    if (p == &t->pmt) return table == 0x02 && is_long && section.len >= 16 && section.ptr[5] & 1 ? take_pmt(t, section) : ERR_OK;
    return table == 0xfc ? t->handler.section(t->handler.user, stream, section) : ERR_OK;
}

/* Section bytes: `begins` where a pointer_field said so, else they continue what is open. Several may follow each other. */
static struct err add_section_bytes(struct ts *t, struct ts_pid *p, size_t stream, struct slice bytes, bool begins) {
    struct ts_assembly *a = &p->section;
    if (begins) {
        if (a->is_open && a->bytes.len) t->counts.damaged++;
        buf_clear(&a->bytes);
        a->is_open = true;
    }
    if (!a->is_open) return ERR_OK;
    buf_append(&a->bytes, bytes);
    while (!a->bytes.has_failed && a->bytes.len >= SECTION_HEAD) {
        size_t len = SECTION_HEAD + (((uint8_t)a->bytes.ptr[1] & 0x0fu) << 8 | (uint8_t)a->bytes.ptr[2]);
        if ((uint8_t)a->bytes.ptr[0] == 0xff) break; /* stuffing up to the end */
        if (a->bytes.len < len) return ERR_OK;
        if (len >= SECTION_HEAD + 5) {
            struct err e = take_section(t, p, stream, slice_of(a->bytes.ptr, len));
            if (e.kind) return e;
        }
        buf_consume(&a->bytes, len);
    }
    bool is_memory = a->bytes.has_failed && a->bytes.len < TS_SECTION_BYTES_MAX;
    buf_clear(&a->bytes);
    a->is_open = false;
    return is_memory ? err_memory() : ERR_OK;
}

static struct err take_section_packet(struct ts *t, struct ts_pid *p, size_t stream, struct slice payload, bool is_start) {
    if (!is_start) return add_section_bytes(t, p, stream, payload, false);
    size_t pointer = (uint8_t)payload.ptr[0];
    if (pointer + 1 > payload.len) return ERR_OK;
    struct err e = pointer ? add_section_bytes(t, p, stream, slice_sub(payload, 1, 1 + pointer), false) : ERR_OK;
    return e.kind ? e : add_section_bytes(t, p, stream, slice_sub(payload, 1 + pointer, payload.len), true);
}

/* ---- PES ---- */

static uint64_t read_time(struct byte_reader *r) { /* 33 bits in 5 bytes, with marker bits between */
    uint64_t v = (uint64_t)(bytes_u8(r) >> 1 & 7) << 30;
    v |= (uint64_t)(bytes_u16be(r) >> 1) << 15;
    return v | bytes_u16be(r) >> 1;
}

/* 13818-1 section 2.4.3.6 */
static struct err finish_pes(struct ts *t, size_t stream) {
    struct ts_elementary *s = &t->streams[stream];
    if (!s->is_open) return ERR_OK;
    s->is_open = false;
    size_t told = s->pes.len >= PES_HEAD ? (size_t)(uint8_t)s->pes.ptr[4] << 8 | (uint8_t)s->pes.ptr[5] : 0;
    if (s->is_damaged || s->pes.has_failed || (told && s->pes.len < told + PES_HEAD)) {
        t->counts.damaged++;
        return ERR_OK;
    }
    struct byte_reader r = byte_reader_of(buf_slice(&s->pes));
    if (bytes_u24be(&r) != 1) {
        t->counts.damaged++;
        return ERR_OK;
    }
    bytes_skip(&r, 3); /* stream_id, length */
    uint8_t form = bytes_u8(&r), flags = bytes_u8(&r);
    struct byte_reader header = byte_reader_of(bytes_take(&r, bytes_u8(&r)));
    struct ts_pes pes = {.stamp = s->stamp};
    if (flags & 0x80) {
        pes.pts = pes.dts = read_time(&header);
        if (flags & 0x40) pes.dts = read_time(&header);
        pes.has_pts = !header.has_failed;
    }
    pes.payload = slice_of(r.at, bytes_left(&r));
    if (r.has_failed || (form & 0xc0) != 0x80 || form & 0x30) { /* not MPEG-2, or scrambled */
        t->counts.damaged++;
        return ERR_OK;
    }
    return pes.payload.len ? t->handler.pes(t->handler.user, stream, &pes) : ERR_OK;
}

static bool is_picture(const struct ts_elementary *s) { return s->about.form == TS_H264 || s->about.form == TS_HEVC; }

static struct err take_pes_packet(struct ts *t, size_t stream, struct slice payload, bool is_start, bool is_stuffed, int64_t stamp) {
    struct ts_elementary *s = &t->streams[stream];
    if (is_start) {
        if (s->is_open) {
            s->confirmed = s->was_stuffed && !s->is_never_believed ? s->confirmed + 1 : s->confirmed;
            struct err e = finish_pes(t, stream);
            if (e.kind) return e;
            s = &t->streams[stream];
        }
        buf_clear(&s->pes);
        s->is_open = true;
        s->is_damaged = s->was_given_early = s->was_stuffed = false;
    } else if (!s->is_open) {
        if (s->was_given_early) { /* it went on after all */
            s->was_given_early = false;
            s->is_never_believed = true;
            t->counts.damaged++;
        }
        return ERR_OK;
    } else if (s->was_stuffed) {
        s->is_never_believed = true;
    }
    buf_append(&s->pes, payload);
    s->stamp = stamp;
    s->was_stuffed = is_stuffed;
    size_t expected = s->pes.len >= PES_HEAD ? ((size_t)(uint8_t)s->pes.ptr[4] << 8 | (uint8_t)s->pes.ptr[5]) : 0;
    if (expected && s->pes.len >= expected + PES_HEAD) {
        s->pes.len = expected + PES_HEAD;
        return finish_pes(t, stream);
    }
    if (!expected && is_stuffed && is_picture(s) && !s->is_never_believed && s->confirmed >= BELIEVED_AFTER) {
        s->was_given_early = true;
        s->confirmed++;
        return finish_pes(t, stream);
    }
    return ERR_OK;
}

/* ---- packets ---- */

/* Are there bytes in the adaptation field that say nothing? (section 2.4.3.4) */
static bool has_stuffing(struct slice field) {
    struct byte_reader r = byte_reader_of(field);
    if (!field.len) return true; /* its length alone fills one byte */
    uint8_t flags = bytes_u8(&r);
    if (flags & 0x10) bytes_skip(&r, 6); /* PCR */
    if (flags & 0x08) bytes_skip(&r, 6); /* OPCR */
    if (flags & 0x04) bytes_skip(&r, 1); /* splice countdown */
    if (flags & 0x02) bytes_skip(&r, bytes_u8(&r));
    if (flags & 0x01) bytes_skip(&r, bytes_u8(&r));
    return bytes_left(&r) > 0;
}

/* Says whether the packet is to be looked at; counts what is missing before it (section 2.4.3.3: continuity_counter). */
static bool take_counter(struct ts *t, struct ts_pid *p, uint8_t counter, bool is_announced_break, bool *is_gap) {
    *is_gap = false;
    if (p->has_counter && !is_announced_break) {
        uint8_t expected = (p->counter + 1) & 15;
        if (counter == p->counter && !p->was_repeated) { /* sent twice, as is allowed once */
            p->was_repeated = true;
            return false;
        }
        if (counter != expected) {
            t->counts.lost += (uint8_t)(counter - expected) & 15;
            *is_gap = true;
        }
    }
    p->has_counter = true;
    p->was_repeated = false;
    p->counter = counter;
    return true;
}

static struct err take_packet(struct ts *t, const uint8_t *p, int64_t stamp) {
    t->counts.packets++;
    uint16_t pid = (uint16_t)((p[1] & 0x1f) << 8 | p[2]);
    bool has_error = p[1] & 0x80, is_start = p[1] & 0x40, has_field = p[3] & 0x20, has_payload = p[3] & 0x10;
    if (pid == PID_NULL || has_error || !has_payload) return ERR_OK; /* an error shows as a gap in the counter */
    struct slice rest = slice_of(p + 4, TS_PACKET_BYTES - 4), field = SLICE_NONE;
    bool is_announced_break = false, is_stuffed = false;
    if (has_field) {
        size_t len = p[4];
        if (len + 1 >= rest.len) return ERR_OK;
        field = slice_sub(rest, 1, 1 + len);
        rest = slice_sub(rest, 1 + len, rest.len);
        is_announced_break = len && (uint8_t)field.ptr[0] & 0x80;
        is_stuffed = has_stuffing(field);
    }
    struct ts_pid *at = pid == PID_PAT ? &t->pat : t->has_pmt && pid == t->pmt.pid ? &t->pmt : NULL;
    size_t stream = 0;
    for (; !at && stream < t->count; stream++)
        if (t->streams[stream].at.pid == pid) {
            at = &t->streams[stream].at;
            break;
        }
    if (!at) return ERR_OK;
    if (p[3] & 0xc0) {
        t->counts.scrambled++;
        return ERR_OK;
    }
    bool is_gap;
    if (!take_counter(t, at, p[3] & 15, is_announced_break, &is_gap)) return ERR_OK;
    bool is_sections = at == &t->pat || at == &t->pmt || t->streams[stream].about.form == TS_SCTE35;
    if (is_gap) {
        if (is_sections) at->section.is_open = false;
        else t->streams[stream].is_damaged = true, t->streams[stream].was_given_early = false;
    }
    return is_sections ? take_section_packet(t, at, stream, rest, is_start) : take_pes_packet(t, stream, rest, is_start, is_stuffed, stamp);
}

/* Where the next packet begins in what is whole of it: at a sync byte that has another one behind it, as far as can be seen. */
static size_t find_packet(struct slice bytes) {
    for (size_t at = 0; at < bytes.len; at++) {
        const char *sync = memchr(bytes.ptr + at, SYNC, bytes.len - at);
        if (!sync) break;
        at = (size_t)(sync - bytes.ptr);
        if (at + TS_PACKET_BYTES >= bytes.len || (uint8_t)bytes.ptr[at + TS_PACKET_BYTES] == SYNC) return at;
    }
    return bytes.len;
}

struct err ts_push(struct ts *t, struct slice bytes, int64_t stamp) {
    if (t->partial_bytes) {
        size_t len = TS_PACKET_BYTES - t->partial_bytes;
        if (len > bytes.len) len = bytes.len;
        memcpy(t->partial + t->partial_bytes, bytes.ptr, len);
        t->partial_bytes += len;
        bytes = slice_sub(bytes, len, bytes.len);
        if (t->partial_bytes < TS_PACKET_BYTES) return ERR_OK;
        t->partial_bytes = 0;
        bool is_good = !bytes.len || (uint8_t)bytes.ptr[0] == SYNC;
        if (is_good) {
            struct err e = take_packet(t, t->partial, stamp);
            if (e.kind) return e;
        } else {
            t->counts.skipped += TS_PACKET_BYTES;
        }
    }
    while (bytes.len) {
        if ((uint8_t)bytes.ptr[0] != SYNC) {
            size_t at = find_packet(bytes);
            t->counts.skipped += at;
            bytes = slice_sub(bytes, at, bytes.len);
            continue;
        }
        if (bytes.len < TS_PACKET_BYTES) {
            memcpy(t->partial, bytes.ptr, bytes.len);
            t->partial_bytes = bytes.len;
            return ERR_OK;
        }
        struct err e = take_packet(t, (const uint8_t *)bytes.ptr, stamp);
        if (e.kind) return e;
        bytes = slice_sub(bytes, TS_PACKET_BYTES, bytes.len);
    }
    return ERR_OK;
}

struct err ts_finish(struct ts *t) {
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < t->count; i++) e = finish_pes(t, i);
    return e;
}
