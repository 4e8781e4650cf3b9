/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * convert.c: other formats' captions as WebVTT cue text. */
#include "media/caption/caption.h"

#include "base/bytes.h"
#include "base/utf8.h"
#include "media/caption/internal.h"

/* Where ASS puts text, by the digits of a numeric keypad: 8 is top centre. 2 is WebVTT's own default. */
static struct slice settings_of_alignment(unsigned an) {
    static const struct slice SETTINGS[10] = {
        {0}, SLICE("align:left"), {0}, SLICE("align:right"), SLICE("line:50% align:left"), SLICE("line:50%"), SLICE("line:50% align:right"),
        SLICE("line:0 align:left"), SLICE("line:0"), SLICE("line:0 align:right"),
    };
    return an < 10 ? SETTINGS[an] : SLICE_NONE;
}

struct ass_state {
    struct cue_text text;
    struct slice settings;
    bool is_drawing; /* \p1: what follows are strokes, not words */
};

static void set_style(struct cue_text *t, enum tag tag, bool is_on) {
    if (is_on && !cue_text_is_open(t, tag)) cue_text_open(t, tag, SLICE_NONE);
    if (!is_on) cue_text_close(t, tag);
}

/* What stands between { and }: overrides begin with a backslash, all else is a comment. */
static void take_overrides(struct ass_state *s, struct slice inside) {
    for (size_t i = 0; i < inside.len; i++) {
        if (inside.ptr[i] != '\\') continue;
        struct slice rest = slice_sub(inside, i + 1, inside.len);
        if (!rest.len) return;
        unsigned digit = rest.len > 1 && rest.ptr[1] >= '0' && rest.ptr[1] <= '9' ? (unsigned)(rest.ptr[1] - '0') : 10;
        bool ends_there = rest.len == 1 || rest.ptr[1] == '\\';
        if (digit < 10 || ends_there) {
            bool is_on = digit < 10 && digit > 0;
            switch (rest.ptr[0]) {
            case 'b': set_style(&s->text, TAG_BOLD, is_on); break;
            case 'i': set_style(&s->text, TAG_ITALIC, is_on); break;
            case 'u': set_style(&s->text, TAG_UNDERLINE, is_on); break;
            case 'p': s->is_drawing = is_on; break;
            case 'r':
                for (enum tag tag = TAG_BOLD; tag <= TAG_UNDERLINE; tag++) set_style(&s->text, tag, false);
                break;
            default: break;
            }
        }
        if (slice_starts_with(rest, SLICE("an")) && rest.len > 2 && rest.ptr[2] >= '1' && rest.ptr[2] <= '9' && !s->settings.len)
            s->settings = settings_of_alignment((unsigned)(rest.ptr[2] - '0'));
    }
}

/* The text of an ASS event; SubRip files carry the same braces and, beside them, HTML's tags. */
static struct slice convert(struct arena *mem, struct slice in, bool is_subrip, struct slice *settings) {
    in = text_as_utf8(mem, in, CAPTION_TEXT_BYTES_MAX);
    struct ass_state s = {.text = cue_text_new()};
    for (size_t i = 0; i < in.len;) {
        struct slice left = slice_sub(in, i, in.len);
        char c = left.ptr[0];
        size_t end;
        bool is_braced = c == '{' && (!is_subrip || (left.len > 1 && left.ptr[1] == '\\'));
        if (is_braced && (end = slice_find_byte(left, '}')) != SLICE_NPOS) {
            take_overrides(&s, slice_sub(left, 1, end));
            i += end + 1;
            continue;
        }
        if (!is_subrip && c == '\\' && left.len > 1 && strchr("Nnh", left.ptr[1]) && left.ptr[1]) {
            if (!s.is_drawing) cue_text_char(&s.text, left.ptr[1] == 'h' ? 0xa0 : '\n');
            i += 2;
            continue;
        }
        if (is_subrip && c == '<' && (end = slice_find_byte(left, '>')) != SLICE_NPOS && end > 1) {
            struct slice inside = slice_sub(left, 1, end);
            bool is_end = inside.ptr[0] == '/';
            struct slice name = slice_sub(inside, is_end, inside.len);
            size_t blank = slice_find_byte(name, ' ');
            if (blank != SLICE_NPOS) name = slice_sub(name, 0, blank);
            enum tag tag = slice_eq_nocase(name, SLICE("b"))   ? TAG_BOLD
                           : slice_eq_nocase(name, SLICE("i")) ? TAG_ITALIC
                           : slice_eq_nocase(name, SLICE("u")) ? TAG_UNDERLINE
                                                               : TAGS;
            if (tag != TAGS || slice_eq_nocase(name, SLICE("font")) || slice_eq_nocase(name, SLICE("s"))) {
                if (tag != TAGS) set_style(&s.text, tag, !is_end);
                i += end + 1;
                continue;
            }
        }
        uint32_t code_point;
        size_t step = utf8_decode(left, &code_point);
        if (!step) break;
        if (!s.is_drawing) cue_text_char(&s.text, code_point);
        i += step;
    }
    if (settings) *settings = s.settings;
    return cue_text_finish(&s.text, mem);
}

struct slice caption_text_from_subrip(struct arena *mem, struct slice payload, struct slice *settings) {
    return convert(mem, payload, true, settings);
}

struct slice caption_text_from_ass(struct arena *mem, struct slice event, struct slice *settings) {
    for (int fields = 0; fields < 8; fields++) {
        size_t comma = slice_find_byte(event, ',');
        if (comma == SLICE_NPOS) {
            if (settings) *settings = SLICE_NONE;
            return SLICE_NONE;
        }
        event = slice_sub(event, comma + 1, event.len);
    }
    return convert(mem, event, false, settings);
}

struct slice caption_text_from_plain(struct arena *mem, struct slice in) {
    in = text_as_utf8(mem, in, CAPTION_TEXT_BYTES_MAX);
    struct cue_text t = cue_text_new();
    for (size_t i = 0; i < in.len;) {
        uint32_t c;
        size_t step = utf8_decode(slice_sub(in, i, in.len), &c);
        if (!step) break;
        cue_text_char(&t, c);
        i += step;
    }
    return cue_text_finish(&t, mem);
}

/* --- 3GPP TS 26.245 --- */

enum { TX3G_STYLES_MAX = 128 };

struct tx3g_style {
    uint32_t from, to; /* characters */
    uint8_t face;      /* 1 bold, 2 italic, 4 underlined */
};

static size_t read_styles(struct byte_reader *boxes, struct tx3g_style *styles) {
    while (bytes_left(boxes) >= 8) {
        uint32_t bytes = bytes_u32be(boxes), type = bytes_u32be(boxes);
        if (bytes < 8) return 0;
        struct byte_reader box = byte_reader_of(bytes_take(boxes, bytes - 8));
        if (type != 0x7374796c /* styl */) continue;
        size_t wanted = bytes_u16be(&box), count = 0;
        for (; count < wanted && count < TX3G_STYLES_MAX && bytes_left(&box) >= 12; count++) {
            styles[count].from = bytes_u16be(&box);
            styles[count].to = bytes_u16be(&box);
            bytes_skip(&box, 2);
            styles[count].face = bytes_u8(&box);
            bytes_skip(&box, 5);
        }
        return count;
    }
    return 0;
}

static void set_face(struct cue_text *t, const struct tx3g_style *styles, size_t count, uint32_t at) {
    uint8_t face = 0;
    for (size_t i = 0; i < count; i++)
        if (at >= styles[i].from && at < styles[i].to) face |= styles[i].face;
    for (enum tag tag = TAG_BOLD; tag <= TAG_UNDERLINE; tag++)
        if (!(face >> (tag - TAG_BOLD) & 1)) set_style(t, tag, false);
    for (enum tag tag = TAG_BOLD; tag <= TAG_UNDERLINE; tag++)
        if (face >> (tag - TAG_BOLD) & 1) set_style(t, tag, true);
}

/* UTF-16, big-endian unless a mark says otherwise, as UTF-8; lone surrogates become U+FFFD. */
static struct slice utf16_as_utf8(struct arena *mem, struct slice s) {
    bool is_little = (uint8_t)s.ptr[0] == 0xff;
    char *text = arena_alloc(mem, s.len * 2 + 4);
    if (!text) return SLICE_NONE;
    size_t len = 0;
    for (size_t i = 2; i + 1 < s.len; i += 2) {
        uint8_t a = (uint8_t)s.ptr[i], b = (uint8_t)s.ptr[i + 1];
        uint32_t c = is_little ? (uint32_t)b << 8 | a : (uint32_t)a << 8 | b;
        if (c >= 0xd800 && c < 0xdc00 && i + 3 < s.len) {
            uint8_t d = (uint8_t)s.ptr[i + 2], f = (uint8_t)s.ptr[i + 3];
            uint32_t low = is_little ? (uint32_t)f << 8 | d : (uint32_t)d << 8 | f;
            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                i += 2;
            }
        }
        if (c >= 0xd800 && c < 0xe000) c = 0xfffd;
        len += utf8_encode(c, text + len);
    }
    return slice_of(text, len);
}

struct slice caption_text_from_tx3g(struct arena *mem, struct slice sample) {
    struct byte_reader r = byte_reader_of(sample);
    struct slice text = bytes_take(&r, bytes_u16be(&r));
    bool is_utf16 = text.len >= 2 && (!memcmp(text.ptr, "\xfe\xff", 2) || !memcmp(text.ptr, "\xff\xfe", 2));
    text = is_utf16 ? utf16_as_utf8(mem, text) : text_as_utf8(mem, text, CAPTION_TEXT_BYTES_MAX);
    struct tx3g_style styles[TX3G_STYLES_MAX];
    size_t count = read_styles(&r, styles);
    struct cue_text t = cue_text_new();
    uint32_t at = 0;
    for (size_t i = 0; i < text.len && i < CAPTION_TEXT_BYTES_MAX; at++) {
        uint32_t c;
        size_t step = utf8_decode(slice_sub(text, i, text.len), &c);
        if (!step) break;
        if (count) set_face(&t, styles, count, at);
        cue_text_char(&t, c);
        i += step;
    }
    return cue_text_finish(&t, mem);
}
