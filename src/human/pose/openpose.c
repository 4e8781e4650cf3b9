/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * OpenPose JSON, read by a scanner of its own: a ten-second race is 3,000 files, and a tree of every number would cost
 * more than all of the geometry. The text is still checked as JSON wherever the scanner passes. */
#include <stdlib.h>

#include "human/pose/room.h"

struct scan {
    const char *begin, *at, *end;
};

static void blanks(struct scan *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t')) s->at++;
}

static bool take(struct scan *s, char c) {
    blanks(s);
    if (s->at >= s->end || *s->at != c) return false;
    s->at++;
    return true;
}

static bool string(struct scan *s, struct slice *out) {
    if (!take(s, '"')) return false;
    const char *from = s->at;
    while (s->at < s->end && *s->at != '"') {
        if (*s->at == '\\' && ++s->at >= s->end) return false;
        s->at++;
    }
    if (s->at >= s->end) return false;
    *out = slice_of(from, (size_t)(s->at - from));
    s->at++;
    return true;
}

bool pose_scan_number(const char **at, const char *end, double *out) {
    static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *p = *at;
    bool is_negative = p < end && *p == '-';
    if (is_negative) p++;
    uint64_t digits = 0;
    int count = 0, scale = 0;
    const char *first = p;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        if (count < 18) digits = digits * 10 + (uint64_t)(*p - '0'), count += digits != 0;
        else scale++;
    }
    bool has_digits = p > first;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        for (; p < end && *p >= '0' && *p <= '9'; p++) {
            if (count < 18) digits = digits * 10 + (uint64_t)(*p - '0'), count += digits != 0, scale--;
        }
        has_digits |= p > fraction;
    }
    if (!has_digits) return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        const char *e = p + 1;
        bool is_down = e < end && *e == '-';
        if (e < end && (*e == '-' || *e == '+')) e++;
        if (e < end && *e >= '0' && *e <= '9') {
            int exponent = 0;
            for (; e < end && *e >= '0' && *e <= '9'; e++) {
                if (exponent < 10000) exponent = exponent * 10 + (*e - '0');
            }
            scale += is_down ? -exponent : exponent;
            p = e;
        }
    }
    double value = (double)digits;
    while (scale > 0 && value != 0 && value < 1e300) {
        int step = scale < 22 ? scale : 22;
        value *= tens[step], scale -= step;
    }
    while (scale < 0 && value != 0) {
        int step = -scale < 22 ? -scale : 22;
        value /= tens[step], scale += step;
    }
    *out = is_negative ? -value : value;
    *at = p;
    return true;
}

/* Steps over any value, to a bounded depth and without recursion. */
static bool skip_value(struct scan *s) {
    char open[32];
    int depth = 0;
    do {
        blanks(s);
        if (s->at >= s->end) return false;
        char c = *s->at;
        struct slice unused;
        if (c == '{' || c == '[') {
            if (depth == 32) return false;
            open[depth++] = c;
            s->at++;
            blanks(s);
            if (s->at < s->end && *s->at == (c == '{' ? '}' : ']')) s->at++, depth--;
            else {
                if (c == '{' && (!string(s, &unused) || !take(s, ':'))) return false;
                continue;
            }
        } else if (c == '"') {
            if (!string(s, &unused)) return false;
        } else {
            const char *from = s->at;
            while (s->at < s->end && ((*s->at >= '0' && *s->at <= '9') || (*s->at >= 'a' && *s->at <= 'z') || (*s->at >= 'A' && *s->at <= 'Z') || *s->at == '-' ||
                                      *s->at == '+' || *s->at == '.')) s->at++;
            if (s->at == from) return false;
        }
        /* a value has ended: on with its neighbours, or close what it ended */
        while (depth) {
            struct slice key;
            if (take(s, ',')) {
                if (open[depth - 1] == '{' && (!string(s, &key) || !take(s, ':'))) return false;
                break;
            }
            if (!take(s, open[depth - 1] == '{' ? '}' : ']')) return false;
            depth--;
        }
    } while (depth);
    return true;
}

/* [x, y, c, x, y, c, ...] */
static struct err key_points(struct scan *s, struct pose_point *points, size_t limit, size_t *count) {
    struct err bad = err_make(ERR_INPUT, "pose.syntax", "The file is not the JSON that OpenPose writes.");
    if (!take(s, '[')) return bad;
    double triple[3];
    int filled = 0;
    *count = 0;
    if (take(s, ']')) return ERR_OK;
    do {
        blanks(s);
        if (!pose_scan_number(&s->at, s->end, &triple[filled])) {
            /* what is no number (null, NaN, Infinity) was not seen */
            const char *from = s->at;
            if (s->at < s->end && *s->at == '-') s->at++;
            while (s->at < s->end && ((*s->at >= 'a' && *s->at <= 'z') || (*s->at >= 'A' && *s->at <= 'Z'))) s->at++;
            if (s->at == from) return bad;
            triple[filled] = 0.0 / 0.0;
        }
        if (++filled < 3) continue;
        filled = 0;
        if (*count >= limit) return err_make(ERR_LIMIT, "pose.large", "One file holds more people or points than are accepted.");
        points[(*count)++] = pose_point_of(triple[0], triple[1], triple[2]);
    } while (take(s, ','));
    if (!take(s, ']')) return bad;
    if (filled) return err_make(ERR_INPUT, "pose.layout", "The numbers of a person do not come in threes (x, y, confidence).");
    return ERR_OK;
}

struct err pose_parse_openpose(struct slice text, struct pose_point *points, size_t limit, size_t *people, size_t *joints, size_t *error_at) {
    struct scan s = {text.ptr, text.ptr, text.ptr + text.len};
    struct err e = err_make(ERR_INPUT, "pose.syntax", "The file is not the JSON that OpenPose writes.");
    size_t count = 0, each = 0;
    bool has_people = false;
    if (!text.len || !take(&s, '{')) goto failed;
    if (!take(&s, '}')) {
        do {
            struct slice key;
            if (!string(&s, &key) || !take(&s, ':')) goto failed;
            if (!slice_eq(key, SLICE("people"))) {
                if (!skip_value(&s)) goto failed;
                continue;
            }
            if (has_people || !take(&s, '[')) goto failed;
            has_people = true;
            if (take(&s, ']')) continue;
            do {
                if (!take(&s, '{')) goto failed;
                size_t here = 0;
                bool has_points = false;
                if (take(&s, '}')) continue;
                do {
                    if (!string(&s, &key) || !take(&s, ':')) goto failed;
                    if (!slice_eq(key, SLICE("pose_keypoints_2d")) || has_points) {
                        if (!skip_value(&s)) goto failed;
                        continue;
                    }
                    has_points = true;
                    struct err inner = key_points(&s, points + count * each, limit - count * each, &here);
                    if (inner.kind) {
                        e = inner;
                        goto failed;
                    }
                } while (take(&s, ','));
                if (!take(&s, '}')) goto failed;
                if (!here) continue; /* a person without a body (face or hands alone) */
                if (!each) each = here;
                if (here != each) {
                    e = err_make(ERR_INPUT, "pose.layout", "People in one file have different numbers of points.");
                    goto failed;
                }
                if (++count > POSE_PEOPLE_MAX) {
                    e = err_make(ERR_LIMIT, "pose.large", "One file holds more people or points than are accepted.");
                    goto failed;
                }
            } while (take(&s, ','));
            if (!take(&s, ']')) goto failed;
        } while (take(&s, ','));
        if (!take(&s, '}')) goto failed;
    }
    blanks(&s);
    if (s.at != s.end || !has_people) goto failed;
    *people = count, *joints = each;
    return ERR_OK;
failed:
    if (error_at) *error_at = (size_t)(s.at - s.begin);
    return e;
}
