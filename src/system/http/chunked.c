/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "system/http/chunked.h"

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER_START, TRAILER, TRAILER_LF, LAST_LF, ENDED };
enum { SIZE_DIGITS_MAX = 15, EXTENSION_BYTES_MAX = 256, TRAILER_BYTES_MAX = 4096 };

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* No control characters inside a line: a bare CR or LF is where parsers begin to disagree. */
static bool is_line_byte(char c) { return (unsigned char)c >= ' ' ? c != 127 : c == '\t'; }

static bool step(struct chunked *c, char b) {
    switch (c->state) {
    case SIZE: {
        int v = hex_value(b);
        if (v >= 0) {
            if (++c->digits > SIZE_DIGITS_MAX) return false;
            c->left = c->left << 4 | (unsigned)v;
            return true;
        }
        if (!c->digits) return false;
        c->skipped = 0;
        c->state = b == '\r' ? SIZE_LF : EXTENSION;
        return b == '\r' || b == ';';
    }
    case EXTENSION:
        if (b == '\r') {
            c->state = SIZE_LF;
            return true;
        }
        return is_line_byte(b) && ++c->skipped <= EXTENSION_BYTES_MAX;
    case SIZE_LF:
        c->digits = 0;
        c->skipped = 0;
        c->state = c->left ? DATA : TRAILER_START;
        return b == '\n';
    case DATA_CR:
        c->state = DATA_LF;
        return b == '\r';
    case DATA_LF:
        c->state = SIZE;
        return b == '\n';
    case TRAILER_START:
        c->state = b == '\r' ? LAST_LF : TRAILER;
        if (b == ' ' || b == '\t') return false; /* a folded line */
        return b == '\r' || (is_line_byte(b) && ++c->skipped <= TRAILER_BYTES_MAX);
    case TRAILER:
        if (b == '\r') {
            c->state = TRAILER_LF;
            return true;
        }
        return is_line_byte(b) && ++c->skipped <= TRAILER_BYTES_MAX;
    case TRAILER_LF:
        c->state = TRAILER_START;
        return b == '\n';
    case LAST_LF:
        c->state = ENDED;
        return b == '\n';
    default: return false;
    }
}

enum chunked_result chunked_next(struct chunked *c, struct slice *in, struct slice *data) {
    while (in->len) {
        if (c->state == DATA) {
            size_t take = in->len < c->left ? in->len : (size_t)c->left;
            *data = slice_of(in->ptr, take);
            *in = slice_of(in->ptr + take, in->len - take);
            c->left -= take;
            if (!c->left) c->state = DATA_CR;
            return CHUNKED_DATA;
        }
        if (c->state == ENDED) return CHUNKED_END;
        if (!step(c, in->ptr[0])) return CHUNKED_BAD;
        *in = slice_of(in->ptr + 1, in->len - 1);
    }
    return c->state == ENDED ? CHUNKED_END : CHUNKED_MORE;
}

void chunked_put_back(struct chunked *c, size_t len) {
    if (!len) return;
    c->state = DATA;
    c->left += len;
}
