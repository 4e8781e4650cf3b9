/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Portable graymaps and pixmaps: the pictures that every tool can write. */
#include <math.h>

#include "human/calibration/calibration.h"

static struct err bad(const char *what) { return err_make(ERR_INPUT, "calibration.picture", what); }

struct reader {
    const uint8_t *at, *end;
};

static bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The next decimal number of a header or of a plain file, over blanks and comments; -1 if there is none or it is over 65,535. */
static int number(struct reader *r) {
    for (;;) {
        while (r->at < r->end && is_space(*r->at)) r->at++;
        if (r->at == r->end || *r->at != '#') break;
        while (r->at < r->end && *r->at != '\n') r->at++;
    }
    int n = -1;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        n = (n < 0 ? 0 : n) * 10 + (*r->at - '0');
        if (n > 65535) return -1;
    }
    return n;
}

struct err calibration_picture_parse(struct arena *mem, struct slice bytes, struct calibration_picture *out) {
    struct reader r = {(const uint8_t *)bytes.ptr, (const uint8_t *)bytes.ptr + bytes.len};
    if (bytes.len < 8 || r.at[0] != 'P' || r.at[1] < '2' || r.at[1] > '6' || r.at[1] == '4') return bad("This is no PGM or PPM picture.");
    const bool is_text = r.at[1] < '4', is_colour = r.at[1] == '3' || r.at[1] == '6';
    r.at += 2;
    int width = number(&r), height = number(&r), top = number(&r);
    if (width < 16 || height < 16 || width > 16384 || height > 16384) return bad("The picture's sides are not 16 to 16,384 pixels.");
    if (top < 1) return bad("The picture's header is damaged.");
    size_t count = (size_t)width * (size_t)height, channels = is_colour ? 3 : 1, each = top > 255 ? 2 : 1;
    if (!is_text) {
        r.at++; /* one blank behind the header */
        if (r.at > r.end || (size_t)(r.end - r.at) < count * channels * each) return bad("The picture ends too early.");
    }
    uint8_t *gray = arena_alloc(mem, count);
    if (!gray) return err_memory();
    for (size_t i = 0; i < count; i++) {
        int v[3] = {0};
        for (size_t k = 0; k < channels; k++) {
            if (is_text) v[k] = number(&r);
            else if (each == 2) v[k] = r.at[0] << 8 | r.at[1], r.at += 2;
            else v[k] = *r.at++;
            if (v[k] < 0 || v[k] > top) return bad("The picture ends too early, or a value is above the one that its header names.");
        }
        double light = is_colour ? 0.299 * v[0] + 0.587 * v[1] + 0.114 * v[2] : v[0];
        gray[i] = (uint8_t)(light * 255 / top + 0.5);
    }
    *out = (struct calibration_picture){width, height, (size_t)width, gray};
    return ERR_OK;
}
