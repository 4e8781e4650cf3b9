/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/caption/caption.h"

#include "base/utf8.h"
#include "media/caption/internal.h"

static const struct slice ARROW = {.ptr = "-->", .len = 3};

/* --- cue settings, section 6.3 --- */

/* "12", "12.5" with or without "%"; percentages go up to 100. */
static bool is_number(struct slice s, bool may_be_lines, bool must_be_percent) {
    bool is_percent = s.len && s.ptr[s.len - 1] == '%';
    if (is_percent) s.len--;
    else if (must_be_percent) return false;
    bool is_negative = !is_percent && may_be_lines && s.len && s.ptr[0] == '-';
    if (is_negative) s = slice_sub(s, 1, s.len);
    size_t digits = 0, dots = 0;
    double value = 0, scale = 1;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '.') {
            if (dots++ || i == 0 || i + 1 == s.len) return false;
            continue;
        }
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || ++digits > 9) return false;
        value = value * 10 + (s.ptr[i] - '0');
        if (dots) scale *= 10;
    }
    if (!digits || (dots && !is_percent)) return false;
    return !is_percent || value / scale <= 100;
}

static bool is_one_of(struct slice s, const char *const *words) {
    for (; *words; words++)
        if (slice_eq(s, slice_cstr(*words))) return true;
    return false;
}

static bool is_setting(struct slice s) {
    static const char *const VERTICAL[] = {"rl", "lr", NULL}, *const LINE_ALIGN[] = {"start", "center", "end", NULL},
                             *const POSITION_ALIGN[] = {"line-left", "center", "line-right", NULL},
                             *const ALIGN[] = {"start", "center", "end", "left", "right", NULL};
    size_t colon = slice_find_byte(s, ':');
    if (colon == SLICE_NPOS || colon == 0 || colon + 1 == s.len) return false;
    struct slice name = slice_sub(s, 0, colon), value = slice_sub(s, colon + 1, s.len);
    struct slice first = value, second = SLICE_NONE;
    size_t comma = slice_find_byte(value, ',');
    if (comma != SLICE_NPOS) {
        first = slice_sub(value, 0, comma);
        second = slice_sub(value, comma + 1, value.len);
    }
    bool has_second = comma != SLICE_NPOS;
    if (slice_eq(name, SLICE("vertical"))) return is_one_of(value, VERTICAL);
    if (slice_eq(name, SLICE("line"))) return is_number(first, true, false) && (!has_second || is_one_of(second, LINE_ALIGN));
    if (slice_eq(name, SLICE("position"))) return is_number(first, false, true) && (!has_second || is_one_of(second, POSITION_ALIGN));
    if (slice_eq(name, SLICE("size"))) return is_number(value, false, true);
    if (slice_eq(name, SLICE("align"))) return is_one_of(value, ALIGN);
    return false; /* regions are left out, so what refers to them is, too */
}

struct slice caption_settings_from_webvtt(struct arena *mem, struct slice settings) {
    struct buf out = BUF(1024);
    for (size_t i = 0; i < settings.len;) {
        size_t end = i;
        while (end < settings.len && settings.ptr[end] != ' ' && settings.ptr[end] != '\t') end++;
        struct slice word = slice_sub(settings, i, end);
        if (is_setting(word)) {
            if (out.len) buf_u8(&out, ' ');
            buf_append(&out, word);
        }
        i = end + 1;
    }
    struct err e = buf_error(&out);
    struct slice done = e.kind || !out.len ? SLICE_NONE : arena_copy(mem, buf_slice(&out));
    buf_free(&out);
    return done;
}

/* --- cue text, section 6.4 --- */

static bool is_class_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* &amp; and its like; what is none stands for itself. Returns how many bytes it took. */
static size_t take_entity(struct slice s, uint32_t *c) {
    static const struct {
        struct slice name;
        uint32_t c;
    } ENTITIES[] = {{SLICE("&amp;"), '&'},    {SLICE("&lt;"), '<'},     {SLICE("&gt;"), '>'},
                    {SLICE("&nbsp;"), 0xa0},  {SLICE("&lrm;"), 0x200e}, {SLICE("&rlm;"), 0x200f},
                    {SLICE("&quot;"), '"'},   {SLICE("&apos;"), '\''}};
    for (size_t i = 0; i < ARRAY_LEN(ENTITIES); i++)
        if (slice_starts_with(s, ENTITIES[i].name)) {
            *c = ENTITIES[i].c;
            return ENTITIES[i].name.len;
        }
    if (s.len > 3 && s.ptr[1] == '#') {
        bool is_hex = s.ptr[2] == 'x' || s.ptr[2] == 'X';
        uint32_t value = 0;
        size_t i = is_hex ? 3 : 2, first = i;
        for (; i < s.len && i < first + 6; i++) {
            char d = s.ptr[i];
            uint32_t digit = d >= '0' && d <= '9' ? (uint32_t)(d - '0')
                             : is_hex && (d | 32) >= 'a' && (d | 32) <= 'f' ? (uint32_t)((d | 32) - 'a' + 10) : 99;
            if (digit == 99) break;
            value = value * (is_hex ? 16 : 10) + digit;
        }
        bool is_scalar = value && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
        if (i > first && i < s.len && s.ptr[i] == ';' && is_scalar) {
            *c = value;
            return i + 1;
        }
    }
    *c = '&';
    return 1;
}

/* ".a.b" or "": the classes of a tag, spelled so that they need no escape. */
static struct slice take_classes(struct slice s) {
    size_t end = 0;
    if (s.len && s.ptr[0] == '.')
        while (end < s.len && is_class_char(s.ptr[end])) end++;
    return slice_sub(s, 0, end);
}

/* `inside` is what stands between < and >. */
static void take_tag(struct cue_text *t, struct slice inside) {
    static const struct {
        struct slice name;
        enum tag tag;
        bool has_annotation;
    } KNOWN[] = {{SLICE("ruby"), TAG_RUBY, false}, {SLICE("lang"), TAG_LANG, true}, {SLICE("rt"), TAG_RT, false},
                 {SLICE("b"), TAG_BOLD, false},    {SLICE("i"), TAG_ITALIC, false}, {SLICE("u"), TAG_UNDERLINE, false},
                 {SLICE("c"), TAG_CLASS, false},   {SLICE("v"), TAG_VOICE, true}};
    if (!inside.len) return;
    bool is_end = inside.ptr[0] == '/';
    if (is_end) inside = slice_sub(inside, 1, inside.len);
    int64_t ms;
    if (!is_end && cue_time_parse(inside, &ms)) {
        struct buf stamp = BUF(64);
        buf_u8(&stamp, '<');
        cue_time_print(&stamp, ms);
        buf_u8(&stamp, '>');
        cue_text_raw(t, buf_slice(&stamp));
        buf_free(&stamp);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(KNOWN); i++) {
        if (!slice_starts_with(inside, KNOWN[i].name)) continue;
        struct slice rest = slice_sub(inside, KNOWN[i].name.len, inside.len);
        if (rest.len && rest.ptr[0] != '.' && rest.ptr[0] != ' ' && rest.ptr[0] != '\t' && rest.ptr[0] != '\n') continue;
        if (is_end) {
            cue_text_close(t, KNOWN[i].tag);
            return;
        }
        struct buf behind = BUF(512);
        struct slice classes = take_classes(rest);
        buf_append(&behind, classes);
        struct slice annotation = slice_trim(slice_sub(rest, classes.len, rest.len));
        if (KNOWN[i].has_annotation && annotation.len && annotation.len <= 256) {
            struct cue_text name = cue_text_new(); /* the same escapes as in text, on one line */
            for (size_t at = 0; at < annotation.len;) {
                uint32_t c;
                struct slice left = slice_sub(annotation, at, annotation.len);
                size_t step = annotation.ptr[at] == '&' ? take_entity(left, &c) : utf8_decode(left, &c);
                if (!step) break;
                cue_text_char(&name, c == '\n' || c == '\r' ? ' ' : c);
                at += step;
            }
            if (name.is_visible && name.out.len <= 256) {
                buf_u8(&behind, ' ');
                buf_append(&behind, buf_slice(&name.out));
            }
            buf_free(&name.out);
        }
        struct err e = buf_error(&behind);
        if (!e.kind) cue_text_open(t, KNOWN[i].tag, buf_slice(&behind));
        buf_free(&behind);
        return;
    }
}

struct slice caption_text_from_webvtt(struct arena *mem, struct slice payload) {
    payload = text_as_utf8(mem, payload, CAPTION_TEXT_BYTES_MAX);
    struct cue_text t = cue_text_new();
    for (size_t i = 0; i < payload.len;) {
        struct slice left = slice_sub(payload, i, payload.len);
        uint32_t c;
        if (left.ptr[0] == '<') {
            size_t end = slice_find_byte(left, '>');
            size_t inside_end = end == SLICE_NPOS ? left.len : end;
            take_tag(&t, slice_sub(left, 1, inside_end));
            i += end == SLICE_NPOS ? left.len : end + 1;
            continue;
        }
        size_t step = left.ptr[0] == '&' ? take_entity(left, &c) : utf8_decode(left, &c);
        if (!step) break;
        cue_text_char(&t, c);
        i += step;
    }
    return cue_text_finish(&t, mem);
}

/* --- files, section 6.1 --- */

/* Next line without its end; CR, LF and CRLF all end one. False at the end. */
static bool next_line(struct slice *rest, struct slice *line) {
    if (!rest->len) return false;
    size_t end = 0;
    while (end < rest->len && rest->ptr[end] != '\n' && rest->ptr[end] != '\r') end++;
    *line = slice_sub(*rest, 0, end);
    if (end + 1 < rest->len && rest->ptr[end] == '\r' && rest->ptr[end + 1] == '\n') end++;
    *rest = slice_sub(*rest, end + 1, rest->len);
    return true;
}

static bool take_timing(struct slice line, struct caption_cue *cue, struct slice *settings) {
    size_t arrow = slice_find(line, ARROW);
    if (arrow == SLICE_NPOS) return false;
    struct slice left = slice_trim(slice_sub(line, 0, arrow)), right = slice_trim(slice_sub(line, arrow + 3, line.len));
    size_t end = 0;
    while (end < right.len && right.ptr[end] != ' ' && right.ptr[end] != '\t') end++;
    *settings = slice_sub(right, end, right.len);
    return cue_time_parse(left, &cue->start_ms) && cue_time_parse(slice_sub(right, 0, end), &cue->end_ms);
}

/* X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000, in either order. */
static void take_timestamp_map(struct slice line, int64_t *offset_ms) {
    if (!slice_starts_with(line, SLICE("X-TIMESTAMP-MAP="))) return;
    struct slice rest = slice_sub(line, 16, line.len), part;
    int64_t local = 0;
    uint64_t ticks = 0;
    while (slice_next(&rest, ',', &part)) {
        part = slice_trim(part);
        if (slice_starts_with(part, SLICE("LOCAL:"))) {
            if (!cue_time_parse(slice_sub(part, 6, part.len), &local)) return;
        } else if (slice_starts_with(part, SLICE("MPEGTS:"))) {
            if (!slice_to_u64(slice_sub(part, 7, part.len), &ticks) || ticks >= UINT64_C(1) << 33) return;
        }
    }
    *offset_ms = (int64_t)(ticks / 90) - local;
}

struct err caption_read_webvtt(struct slice file, struct caption_list *out, int64_t *offset_ms) {
    if (file.len > CAPTION_FILE_BYTES_MAX) return err_make(ERR_LIMIT, "caption.large", "A caption file is larger than is accepted (64 MB).");
    if (slice_starts_with(file, SLICE("\xef\xbb\xbf"))) file = slice_sub(file, 3, file.len);
    bool is_webvtt = slice_starts_with(file, SLICE("WEBVTT")) && (file.len == 6 || strchr(" \t\r\n", file.ptr[6]));
    if (!is_webvtt || (file.len > 6 && !file.ptr[6])) return err_make(ERR_INPUT, "caption.not_webvtt", "This is not a WebVTT file: it does not begin with WEBVTT.");
    if (!utf8_is_valid(file)) return err_make(ERR_INPUT, "caption.not_utf8", "This WebVTT file is not in UTF-8. Save it as UTF-8 and try again.");

    int64_t offset = 0;
    struct slice rest = file, line;
    bool has_line = next_line(&rest, &line);
    while ((has_line = next_line(&rest, &line)) && line.len && slice_find(line, ARROW) == SLICE_NPOS) take_timestamp_map(line, &offset);
    if (has_line && !line.len) has_line = next_line(&rest, &line);

    while (has_line) {
        if (!line.len) {
            has_line = next_line(&rest, &line);
            continue;
        }
        struct caption_cue cue = {0};
        struct slice settings;
        if (slice_find(line, ARROW) == SLICE_NPOS) { /* an identifier, if a timing follows; else NOTE, STYLE, REGION, rubbish */
            cue.id = line;
            has_line = next_line(&rest, &line);
            if (!has_line || slice_find(line, ARROW) == SLICE_NPOS) {
                while (has_line && line.len) has_line = next_line(&rest, &line);
                continue;
            }
        }
        bool is_cue = take_timing(line, &cue, &settings);
        const char *text_from = rest.ptr, *text_to = rest.ptr;
        while ((has_line = next_line(&rest, &line)) && line.len && slice_find(line, ARROW) == SLICE_NPOS) text_to = line.ptr + line.len;
        if (!is_cue) {
            out->dropped++;
            continue;
        }
        cue.id = slice_trim(cue.id);
        if (cue.id.len > 256) cue.id = SLICE_NONE;
        cue.settings = caption_settings_from_webvtt(out->mem, settings);
        cue.text = caption_text_from_webvtt(out->mem, slice_of(text_from, (size_t)(text_to - text_from)));
        struct err e = arena_overflowed(out->mem) ? err_memory() : caption_add(out, cue);
        if (e.kind) return e;
    }
    if (offset_ms) *offset_ms = offset;
    return ERR_OK;
}

void caption_write_webvtt(const struct caption_list *list, struct buf *out) {
    buf_cstr(out, "WEBVTT\n");
    for (size_t i = 0; i < list->count; i++) {
        const struct caption_cue *cue = &list->cues[i];
        buf_u8(out, '\n');
        if (cue->id.len) {
            buf_append(out, cue->id);
            buf_u8(out, '\n');
        }
        cue_time_print(out, cue->start_ms);
        buf_cstr(out, " --> ");
        cue_time_print(out, cue->end_ms);
        if (cue->settings.len) {
            buf_u8(out, ' ');
            buf_append(out, cue->settings);
        }
        buf_u8(out, '\n');
        buf_append(out, cue->text);
        buf_u8(out, '\n');
    }
}
