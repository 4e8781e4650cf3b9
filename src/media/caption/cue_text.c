/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/caption/internal.h"

#include "base/utf8.h"
#include "media/caption/caption.h"

static const char *const TAG_NAMES[TAGS] = {"b", "i", "u", "c", "v", "lang", "ruby", "rt"};

struct cue_text cue_text_new(void) {
    /* each character of input may become an entity and open and close three tags: less than 64 bytes, so that a
     * failed buffer can only mean that memory ran out */
    return (struct cue_text){.out = BUF((size_t)CAPTION_TEXT_BYTES_MAX * 64)};
}

static void write_held_back(struct cue_text *t) {
    if (t->line_ends && t->is_visible) {
        buf_u8(&t->out, '\n');
        t->blanks = 0; /* blanks before a line's first character mean nothing in captions */
    }
    for (; t->blanks; t->blanks--)
        if (t->is_visible) buf_u8(&t->out, ' ');
    t->line_ends = 0;
}

void cue_text_char(struct cue_text *t, uint32_t c) {
    if (c == '\n' || c == '\r') {
        t->line_ends++;
        t->blanks = 0;
        return;
    }
    if (c == ' ' || c == '\t') {
        if (t->blanks < 8) t->blanks++;
        return;
    }
    if (c == 0) c = 0xfffd;
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return; /* control characters have no business on a screen */
    write_held_back(t);
    t->is_visible = true;
    switch (c) {
    case '&': buf_cstr(&t->out, "&amp;"); return;
    case '<': buf_cstr(&t->out, "&lt;"); return;
    case '>': buf_cstr(&t->out, "&gt;"); return;
    default: break;
    }
    char bytes[4];
    buf_bytes(&t->out, bytes, utf8_encode(c, bytes));
}

bool cue_text_is_open(const struct cue_text *t, enum tag tag) {
    for (size_t i = 0; i < t->depth; i++)
        if (t->open[i] == tag) return true;
    return false;
}

void cue_text_open(struct cue_text *t, enum tag tag, struct slice rest) {
    if (t->depth == TAG_DEPTH_MAX) return;
    while (rest.len && strchr("- ", rest.ptr[rest.len - 1])) rest.len--; /* "<v A-->" would read as an arrow */
    write_held_back(t);
    t->open[t->depth++] = tag;
    buf_printf(&t->out, "<%s%.*s>", TAG_NAMES[tag], SLICE_ARG(rest));
}

void cue_text_close(struct cue_text *t, enum tag tag) {
    if (!cue_text_is_open(t, tag)) return;
    enum tag closed;
    do {
        closed = t->open[--t->depth];
        buf_printf(&t->out, "</%s>", TAG_NAMES[closed]);
    } while (closed != tag);
}

void cue_text_raw(struct cue_text *t, struct slice s) {
    write_held_back(t);
    buf_append(&t->out, s);
}

struct slice cue_text_finish(struct cue_text *t, struct arena *mem) {
    while (t->depth) cue_text_close(t, t->open[t->depth - 1]);
    struct slice done = SLICE_NONE;
    struct err e = buf_error(&t->out);
    if (e.kind) {
        void *none = arena_alloc(mem, SIZE_MAX); /* the arena remembers for the caller */
        (void)none;
    } else if (t->is_visible && t->out.len <= CAPTION_TEXT_BYTES_MAX) done = arena_copy(mem, buf_slice(&t->out));
    buf_free(&t->out);
    return done;
}

bool cue_time_parse(struct slice s, int64_t *ms) {
    uint64_t parts[3];
    size_t count = 0;
    size_t dot = slice_find_byte(s, '.');
    if (dot == SLICE_NPOS || s.len - dot != 4) return false;
    uint64_t thousandths;
    if (!slice_to_u64(slice_sub(s, dot + 1, s.len), &thousandths)) return false;
    struct slice rest = slice_sub(s, 0, dot), part;
    while (slice_next(&rest, ':', &part)) {
        if (count == 3 || part.len < 2 || part.len > 9 || !slice_to_u64(part, &parts[count])) return false;
        count++;
    }
    if (count < 2) return false;
    uint64_t hours = count == 3 ? parts[0] : 0, minutes = parts[count - 2], seconds = parts[count - 1];
    if (minutes > 59 || seconds > 59) return false;
    *ms = (int64_t)(((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths);
    return true;
}

void cue_time_print(struct buf *out, int64_t ms) {
    buf_printf(out, "%02lld:%02lld:%02lld.%03lld", (long long)(ms / 3600000), (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60),
               (long long)(ms % 1000));
}

/* Windows-1252 above ISO 8859-1: 0x80 to 0x9f (WHATWG Encoding, index windows-1252). */
static const uint16_t WINDOWS_1252[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d, 0x017d, 0x008f,
    0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

struct slice text_as_utf8(struct arena *mem, struct slice s, size_t bytes_max) {
    if (s.len > bytes_max) {
        size_t cut = bytes_max; /* at most three continuation bytes belong to a character that began before */
        while (cut > bytes_max - 3 && ((uint8_t)s.ptr[cut] & 0xc0) == 0x80) cut--;
        s = slice_sub(s, 0, cut);
    }
    if (utf8_is_valid(s)) return s;
    char *text = arena_alloc(mem, s.len * 3);
    if (!text) return SLICE_NONE;
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        len += utf8_encode(c >= 0x80 && c < 0xa0 ? WINDOWS_1252[c - 0x80] : c, text + len);
    }
    return slice_of(text, len);
}
