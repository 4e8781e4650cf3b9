/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A letter on the wire: RFC 5322 headers, RFC 2047 words where a header is not ASCII, a plain text body as 7bit or base64. No header's value
 * can contain a line break: they are made of what mail_add has checked, and encoded words have none. */
#include <string.h>

#include "base/utf8.h"
#include "system/mail/room.h"

enum { WORD_BYTES = 42, LINE_MAX = 76, LINE_7BIT_MAX = 900 };

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void base64_put(struct buf *out, struct slice s) {
    for (size_t i = 0; i < s.len; i += 3) {
        size_t left = s.len - i;
        uint32_t v = (uint32_t)(uint8_t)s.ptr[i] << 16;
        if (left > 1) v |= (uint32_t)(uint8_t)s.ptr[i + 1] << 8;
        if (left > 2) v |= (uint8_t)s.ptr[i + 2];
        char four[4] = {base64_digits[v >> 18], base64_digits[v >> 12 & 63], left > 1 ? base64_digits[v >> 6 & 63] : '=', left > 2 ? base64_digits[v & 63] : '='};
        buf_bytes(out, four, 4);
    }
}

static bool is_ascii(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] >= 0x80 || (unsigned char)s.ptr[i] < 0x20) return false;
    return true;
}

/* Encoded words of whole characters, each on a line of its own: a word has at most 75 characters (RFC 2047 section 2), which 42 bytes fill
 * to 68. */
static void words_put(struct buf *out, struct slice text) {
    bool is_first = true;
    while (text.len) {
        size_t len = 0;
        while (len < text.len) {
            size_t step = utf8_step(slice_sub(text, len, text.len));
            if (!step) step = 1; /* checked when it was added */
            if (len + step > WORD_BYTES) break;
            len += step;
        }
        buf_cstr(out, is_first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
        base64_put(out, slice_sub(text, 0, len));
        buf_cstr(out, "?=");
        text = slice_sub(text, len, text.len);
        is_first = false;
    }
}

/* As it is where it is short ASCII that cannot be taken for an encoded word. */
static void subject_put(struct buf *out, struct slice text) {
    if (is_ascii(text) && text.len <= LINE_MAX - 10 && slice_find(text, SLICE("=?")) == SLICE_NPOS) buf_append(out, text);
    else words_put(out, text);
}

/* A name of letters and blanks as it is; anything else as encoded words, even where it is ASCII: quoted strings have rules of their own. */
static void name_put(struct buf *out, struct slice name) {
    bool is_plain = is_ascii(name) && name.len <= LINE_MAX - 10;
    for (size_t i = 0; is_plain && i < name.len; i++) is_plain = !strchr("()<>[]:;@\\,.\"=?", name.ptr[i]);
    if (is_plain) buf_append(out, name);
    else words_put(out, name);
}

static bool is_7bit(struct slice text) {
    size_t line = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x80 || c == 0 || c == '\r' || (c < 0x20 && c != '\n' && c != '\t')) return false;
        line = c == '\n' ? 0 : line + 1;
        if (line > LINE_7BIT_MAX) return false;
    }
    return true;
}

static void lines_put(struct buf *out, struct slice text) {
    struct slice line;
    while (slice_next(&text, '\n', &line)) {
        buf_append(out, line);
        buf_cstr(out, "\r\n");
    }
}

static void base64_lines_put(struct buf *out, struct slice text) {
    enum { LINE_BYTES = LINE_MAX / 4 * 3 };
    struct buf crlf = BUF(2 * MAIL_TEXT_MAX + 16); /* base64 is of the canonical form: RFC 2045 section 6.8 */
    struct slice line;
    bool is_first = true;
    while (slice_next(&text, '\n', &line)) {
        if (!is_first) buf_cstr(&crlf, "\r\n");
        buf_append(&crlf, line);
        is_first = false;
    }
    if (crlf.has_failed) out->has_failed = true;
    struct slice all = buf_slice(&crlf);
    for (size_t at = 0; at < all.len; at += LINE_BYTES) {
        base64_put(out, slice_sub(all, at, at + LINE_BYTES));
        buf_cstr(out, "\r\n");
    }
    buf_free(&crlf);
}

void message_write(const struct message *m, struct buf *out) {
    char date[30];
    utc_format_http(date, m->at);
    buf_printf(out, "Date: %.26s+0000\r\n", date); /* RFC 5322 has the same form but for the zone */
    buf_cstr(out, "From: ");
    if (m->from_name.len) {
        name_put(out, m->from_name);
        buf_cstr(out, " <");
    }
    buf_append(out, m->from);
    buf_cstr(out, m->from_name.len ? ">\r\n" : "\r\n");
    buf_cstr(out, "To: ");
    buf_append(out, m->to);
    buf_cstr(out, "\r\nSubject: ");
    subject_put(out, m->subject);
    size_t at = slice_find_byte(m->from, '@');
    buf_cstr(out, "\r\nMessage-ID: <");
    buf_append(out, m->public_id);
    buf_cstr(out, "@");
    buf_append(out, at == SLICE_NPOS ? SLICE("localhost") : slice_sub(m->from, at + 1, m->from.len));
    bool has_7bit = is_7bit(m->text);
    buf_cstr(out, ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ");
    buf_cstr(out, has_7bit ? "7bit\r\n\r\n" : "base64\r\n\r\n");
    if (has_7bit) lines_put(out, m->text);
    else base64_lines_put(out, m->text);
}

bool message_from(struct slice text, struct slice *name, char address[MAIL_ADDRESS_MAX + 1], size_t *len) {
    struct slice s = slice_trim(text), shown = SLICE_NONE, inner = s;
    size_t open = slice_find_byte(s, '<');
    if (open != SLICE_NPOS) {
        if (s.ptr[s.len - 1] != '>') return false;
        shown = slice_trim(slice_sub(s, 0, open));
        inner = slice_sub(s, open + 1, s.len - 1);
        if (shown.len >= 2 && shown.ptr[0] == '"' && shown.ptr[shown.len - 1] == '"') shown = slice_sub(shown, 1, shown.len - 1);
        if (shown.len && !utf8_is_display_text(shown, 100)) return false;
    }
    if (!mail_address(inner, address, len)) return false;
    *name = shown;
    return true;
}
