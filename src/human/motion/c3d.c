/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * C3D, the file of motion capture laboratories (The C3D File Format User Guide, 2008). Blocks of 512 bytes: a head; parameters, in groups; the points of each
 * frame, four numbers each, with the analog samples of the frame behind them. Numbers are those of the machine that wrote the file, which the
 * parameters' fourth byte names. */
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "human/motion/room.h"

enum { BLOCK = 512, INTEL = 84, DEC = 85, SGI = 86, PER_LABELS = 255, GROUPS_MAX = 128 };

/* ---- reading ---- */

struct file {
    const uint8_t *at;
    size_t len;
    int machine;
};

static unsigned u16(const struct file *f, size_t at) {
    if (at + 2 > f->len) return 0;
    return f->machine == SGI ? (unsigned)f->at[at] << 8 | f->at[at + 1] : (unsigned)f->at[at + 1] << 8 | f->at[at];
}

static double real(const struct file *f, size_t at) {
    if (at + 4 > f->len) return NAN;
    const uint8_t *b = f->at + at;
    uint32_t bits;
    if (f->machine == SGI) bits = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    else if (f->machine == INTEL) bits = (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
    else bits = (uint32_t)b[1] << 24 | (uint32_t)b[0] << 16 | (uint32_t)b[3] << 8 | b[2]; /* VAX F: halves exchanged, and a bias of 128 with the point one place further left */
    float x;
    memcpy(&x, &bits, sizeof x);
    return f->machine == DEC ? (double)x / 4 : (double)x;
}

struct parameter {
    size_t data;       /* offset in the file; 0: not there */
    int type;          /* -1 letters, 1 bytes, 2 integers, 4 reals */
    int dimensions;
    uint8_t size[7];
    size_t count;      /* product of the sizes */
};

static bool name_is(const struct file *f, size_t at, size_t len, const char *name) { return slice_eq_nocase(slice_of(f->at + at, len), slice_cstr(name)); }

/* The parameter GROUP:NAME. Two walks, since a parameter may stand before its group. */
static bool find(const struct file *f, size_t from, size_t to, const char *group, const char *name, struct parameter *out) {
    int id = 0;
    for (int walk = 0; walk < 2; walk++) {
        size_t at = from;
        for (int guard = 0; guard < 20000 && at + 4 < to; guard++) {
            int length = (int8_t)f->at[at], mine = (int8_t)f->at[at + 1];
            size_t letters = (size_t)(length < 0 ? -length : length), link = at + 2 + letters;
            if (!letters || link + 2 > to) break;
            size_t step = u16(f, link), body = link + 2, next = link + step;
            if (!walk && mine < 0 && name_is(f, at + 2, letters, group)) id = -mine;
            if (walk && mine > 0 && mine == id && name_is(f, at + 2, letters, name) && body + 2 <= to) {
                struct parameter p = {.type = (int8_t)f->at[body], .dimensions = f->at[body + 1], .count = 1};
                if (p.dimensions > 7 || body + 2 + (size_t)p.dimensions > to) return false;
                for (int i = 0; i < p.dimensions; i++) p.size[i] = f->at[body + 2 + (size_t)i], p.count *= p.size[i];
                p.data = body + 2 + (size_t)p.dimensions;
                size_t each = p.type == 2 ? 2 : p.type == 4 ? 4 : 1;
                if (p.count > (to - p.data) / each) return false;
                *out = p;
                return true;
            }
            if (!step || next <= at || next >= to) break;
            at = next;
        }
        if (!id) return false;
    }
    return false;
}

static double number(const struct file *f, const struct parameter *p, size_t i) {
    if (i >= p->count) return NAN;
    switch (p->type) {
    case 4: return real(f, p->data + 4 * i);
    case 2: return u16(f, p->data + 2 * i); /* unsigned: counts above 32767 are written so */
    case 1: return f->at[p->data + i];
    default: return NAN;
    }
}

/* A count that fits sixteen bits, as all in C3D do. */
static size_t whole(double x, size_t otherwise) { return x >= 0 && x <= 65535 ? (size_t)x : otherwise; }

static struct slice text_of(const struct file *f, const struct parameter *p, size_t i) {
    size_t width = p->dimensions ? p->size[0] : p->count;
    if (p->type != -1 || !width || (i + 1) * width > p->count) return SLICE_NONE;
    struct slice s = slice_of(f->at + p->data + i * width, width);
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == 0)) s.len--;
    return slice_trim(s);
}

static double metres_of(struct slice unit) {
    static const struct {
        const char *name;
        double metres;
    } units[] = {{"mm", 1e-3}, {"cm", 1e-2}, {"dm", 1e-1}, {"m", 1}, {"km", 1e3}, {"meters", 1}, {"millimeters", 1e-3}, {"in", 0.0254}, {"ft", 0.3048}, {"inches", 0.0254}, {"feet", 0.3048}};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (slice_eq_nocase(unit, slice_cstr(units[i].name))) return units[i].metres;
    }
    return unit.len ? NAN : 1e-3; /* laboratories' custom */
}

/* "LHip" where several subjects are in one file is written "Anna:LHip". */
static void read_labels(const struct file *f, size_t from, size_t to, struct motion *m) {
    for (size_t list = 0; list * PER_LABELS < m->point_count; list++) {
        char name[16];
        struct parameter p;
        snprintf(name, sizeof name, list ? "LABELS%zu" : "LABELS", list + 1);
        bool is_there = find(f, from, to, "POINT", name, &p);
        for (size_t i = 0; i < PER_LABELS && list * PER_LABELS + i < m->point_count; i++) {
            struct slice label = is_there ? text_of(f, &p, i) : SLICE_NONE;
            char *out = m->point_names[list * PER_LABELS + i];
            if (label.len) motion_name(out, label);
            else snprintf(out, MOTION_NAME_MAX, "point-%zu", list * PER_LABELS + i + 1);
        }
    }
}

struct err motion_parse_c3d(struct arena *mem, struct slice bytes, struct motion *out, struct motion_note *note) {
    struct motion_note unused;
    if (!note) note = &unused;
    *note = (struct motion_note){0};
    struct file f = {(const uint8_t *)bytes.ptr, bytes.len, INTEL};
    if (f.len < 2 * BLOCK || f.at[1] != 0x50 || !f.at[0]) return motion_bad(note, 0, "The head is not that of a C3D file.");
    size_t from = ((size_t)f.at[0] - 1) * BLOCK;
    if (from + 4 > f.len) return motion_bad(note, 0, "The parameters begin behind the end of the file.");
    f.machine = f.at[from + 3];
    if (f.machine != INTEL && f.machine != DEC && f.machine != SGI) return motion_bad(note, 0, "The file was written by a machine that is not known (neither Intel, DEC nor SGI).");
    size_t points = u16(&f, 2), analog = u16(&f, 4), data_block = u16(&f, 16);
    double first = u16(&f, 6), last = u16(&f, 8), scale = real(&f, 12), rate = real(&f, 20);
    struct parameter p;
    size_t to = data_block > 1 && (data_block - 1) * BLOCK > from && (data_block - 1) * BLOCK <= f.len ? (data_block - 1) * BLOCK : f.len;
    from += 4;
    /* What the parameters say is right where the head says something else. */
    if (find(&f, from, to, "POINT", "USED", &p)) points = whole(number(&f, &p, 0), points);
    if (find(&f, from, to, "POINT", "SCALE", &p)) scale = number(&f, &p, 0);
    if (find(&f, from, to, "POINT", "RATE", &p) && number(&f, &p, 0) > 0) rate = number(&f, &p, 0);
    if (find(&f, from, to, "POINT", "DATA_START", &p) && whole(number(&f, &p, 0), 0) > 1) data_block = whole(number(&f, &p, 0), 0);
    if (find(&f, from, to, "TRIAL", "ACTUAL_START_FIELD", &p) && p.count >= 2) first = number(&f, &p, 0) + 65536 * number(&f, &p, 1);
    double frames = last - first + 1;
    if (find(&f, from, to, "TRIAL", "ACTUAL_END_FIELD", &p) && p.count >= 2) frames = number(&f, &p, 0) + 65536 * number(&f, &p, 1) - first + 1;
    else if (find(&f, from, to, "POINT", "LONG_FRAMES", &p)) frames = number(&f, &p, 0);
    else if (find(&f, from, to, "POINT", "FRAMES", &p) && number(&f, &p, 0) > frames) frames = number(&f, &p, 0);
    bool is_real = scale < 0;
    double unit = 1e-3;
    if (find(&f, from, to, "POINT", "UNITS", &p)) unit = metres_of(text_of(&f, &p, 0));
    if (!points || points > MOTION_POINTS_MAX) return motion_bad(note, 0, "The file holds no points, or more than are accepted (1024).");
    if (!isfinite(scale) || scale == 0) return motion_bad(note, 0, "The scale of the points is not a number, or 0.");
    if (!(rate > 0 && rate < 1e6)) return motion_bad(note, 0, "The rate is not above 0.");
    if (!isfinite(unit)) return motion_bad(note, 0, "The unit of the points (POINT:UNITS) is not known here.");
    if (!(frames >= 0 && frames <= MOTION_FRAMES_MAX) || !(first >= 0 && first <= UINT32_MAX)) return motion_bad(note, 0, "The first and the last frame make no sense.");
    size_t word = is_real ? 4 : 2, row = (points * 4 + analog) * word, start = (data_block ? data_block - 1 : 0) * BLOCK;
    if (start < BLOCK || start > f.len || (f.len - start) / row < (size_t)frames) return motion_bad(note, 0, "The file ends before its last frame.");
    struct motion m;
    struct err e = motion_create(mem, (size_t)frames, points, rate, &m);
    if (e.kind) return e;
    m.frame_first = (int64_t)first;
    if (find(&f, from, to, "GRANDSTAND", "FRAME_FIRST", &p) && p.type == 2 && p.count == 4) {
        uint64_t own = 0;
        for (size_t i = 0; i < 4; i++) own |= (uint64_t)u16(&f, p.data + 2 * i) << 16 * i;
        m.frame_first = (int64_t)own;
    }
    read_labels(&f, from, to, &m);
    for (size_t i = 0; i < m.frame_count; i++) {
        for (size_t k = 0; k < points; k++) {
            size_t at = start + i * row + k * 4 * word;
            struct vec3 v;
            double residual;
            if (is_real) v = vec3_of(real(&f, at), real(&f, at + 4), real(&f, at + 8)), residual = real(&f, at + 12);
            else {
                v = vec3_scale(vec3_of((int16_t)u16(&f, at), (int16_t)u16(&f, at + 2), (int16_t)u16(&f, at + 4)), scale);
                residual = (int16_t)u16(&f, at + 6);
            }
            v = vec3_scale(v, unit);
            if (vec3_is_known(v) && residual >= 0) *motion_at(&m, i, k) = v;
        }
    }
    *out = m;
    return ERR_OK;
}

/* ---- writing ---- */

static void le16(struct buf *out, unsigned x) { buf_u8(out, (uint8_t)x), buf_u8(out, (uint8_t)(x >> 8)); }
static void le_real(struct buf *out, double x) {
    float y = (float)x;
    uint32_t bits;
    memcpy(&bits, &y, sizeof bits);
    le16(out, bits & 0xffff), le16(out, bits >> 16);
}

static void group(struct buf *out, int id, const char *name) {
    buf_u8(out, (uint8_t)strlen(name)), buf_u8(out, (uint8_t)-id);
    buf_cstr(out, name);
    le16(out, 3); /* to the next: this word and the length of a description that is not there */
    buf_u8(out, 0);
}

/* Head of a parameter; the caller appends `bytes` of data, then parameter_end. */
static void parameter(struct buf *out, int id, const char *name, int type, size_t bytes, int dimensions, uint8_t a, uint8_t b) {
    buf_u8(out, (uint8_t)strlen(name)), buf_u8(out, (uint8_t)id);
    buf_cstr(out, name);
    le16(out, (unsigned)(2 + 2 + (size_t)dimensions + bytes + 1));
    buf_u8(out, (uint8_t)type), buf_u8(out, (uint8_t)dimensions);
    if (dimensions > 0) buf_u8(out, a);
    if (dimensions > 1) buf_u8(out, b);
}
static void parameter_end(struct buf *out) { buf_u8(out, 0); }

static void put_integer(struct buf *out, int id, const char *name, unsigned x) {
    parameter(out, id, name, 2, 2, 0, 0, 0);
    le16(out, x);
    parameter_end(out);
}
static void put_real(struct buf *out, int id, const char *name, double x) {
    parameter(out, id, name, 4, 4, 0, 0, 0);
    le_real(out, x);
    parameter_end(out);
}
static void put_text(struct buf *out, int id, const char *name, const char *text) {
    parameter(out, id, name, -1, strlen(text), 1, (uint8_t)strlen(text), 0);
    buf_cstr(out, text);
    parameter_end(out);
}

static void pad(struct buf *out, size_t to) {
    while (out->len % to && !out->has_failed) buf_u8(out, 0);
}

static const double residual_unit = 0.1; /* mm */

void motion_write_c3d(struct buf *out, const struct motion *m, const double *residuals_m) {
    enum { POINT = 1, ANALOG = 2, TRIAL = 3, PLATES = 4, OWN = 5 };
    size_t begin = out->len;
    int64_t first = m->frame_first < 1 || m->frame_first > UINT32_MAX / 2 ? 1 : m->frame_first; /* frames count from 1 in C3D */
    size_t last = m->frame_count ? (size_t)first + m->frame_count - 1 : 0;
    struct buf p = BUF(4 << 20);
    buf_u8(&p, 1), buf_u8(&p, 0x50), buf_u8(&p, 0), buf_u8(&p, INTEL);
    group(&p, POINT, "POINT"), group(&p, ANALOG, "ANALOG"), group(&p, TRIAL, "TRIAL"), group(&p, PLATES, "FORCE_PLATFORM");
    put_integer(&p, POINT, "USED", (unsigned)m->point_count), put_real(&p, POINT, "SCALE", -residual_unit), put_real(&p, POINT, "RATE", m->rate);
    put_integer(&p, POINT, "FRAMES", m->frame_count > 65535 ? 65535 : (unsigned)m->frame_count);
    put_text(&p, POINT, "UNITS", "mm"), put_text(&p, POINT, "X_SCREEN", "+X"), put_text(&p, POINT, "Y_SCREEN", "+Y");
    size_t width = 4;
    for (size_t k = 0; k < m->point_count; k++) width = strlen(m->point_names[k]) > width ? strlen(m->point_names[k]) : width;
    for (int kind = 0; kind < 2; kind++) {
        for (size_t list = 0; list * PER_LABELS < m->point_count; list++) {
            char name[20];
            size_t count = m->point_count - list * PER_LABELS < PER_LABELS ? m->point_count - list * PER_LABELS : PER_LABELS, wide = kind ? 1 : width;
            snprintf(name, sizeof name, list ? "%s%zu" : "%s", kind ? "DESCRIPTIONS" : "LABELS", list + 1);
            parameter(&p, POINT, name, -1, wide * count, 2, (uint8_t)wide, (uint8_t)count);
            for (size_t k = 0; k < count; k++) {
                const char *label = kind ? "" : m->point_names[list * PER_LABELS + k];
                buf_printf(&p, "%-*s", (int)wide, label);
            }
            parameter_end(&p);
        }
    }
    put_integer(&p, ANALOG, "USED", 0), put_real(&p, ANALOG, "GEN_SCALE", 1), put_real(&p, ANALOG, "RATE", m->rate), put_integer(&p, PLATES, "USED", 0);
    for (int end = 0; end < 2; end++) {
        size_t x = end ? last : (size_t)first;
        parameter(&p, TRIAL, end ? "ACTUAL_END_FIELD" : "ACTUAL_START_FIELD", 2, 4, 1, 2, 0);
        le16(&p, x & 0xffff), le16(&p, (unsigned)(x >> 16));
        parameter_end(&p);
    }
    if (first != m->frame_first) { /* a group of our own, which others pass over: where the motion really begins */
        group(&p, OWN, "GRANDSTAND");
        parameter(&p, OWN, "FRAME_FIRST", 2, 8, 1, 4, 0);
        for (int i = 0; i < 4; i++) le16(&p, (unsigned)((uint64_t)m->frame_first >> 16 * i & 0xffff));
        parameter_end(&p);
    }
    size_t fixed = 2 + 10 + 2 + 2 + 2 + 1 + 1; /* DATA_START itself stands last, and the parameters end with a 0 */
    size_t blocks = (p.len + fixed + BLOCK - 1) / BLOCK, data = 2 + blocks;
    put_integer(&p, POINT, "DATA_START", (unsigned)data);
    buf_u8(&p, 0);
    pad(&p, BLOCK);
    if (p.len > 2 && !p.has_failed) p.ptr[2] = (char)(p.len / BLOCK); /* blocks: at most 255, and 1024 names of 47 letters are 100 */
    /* the head */
    buf_u8(out, 2), buf_u8(out, 0x50);
    le16(out, (unsigned)m->point_count), le16(out, 0), le16(out, first > 65535 ? 65535 : (unsigned)first), le16(out, last > 65535 ? 65535 : (unsigned)last), le16(out, 0);
    le_real(out, -residual_unit);
    le16(out, (unsigned)data), le16(out, 0);
    le_real(out, m->rate);
    for (size_t at = 24; at < BLOCK; at++) buf_u8(out, 0);
    if (!out->has_failed) out->ptr[begin + 298] = 0x39, out->ptr[begin + 299] = 0x30; /* word 150: names have four letters (12345) */
    if (p.has_failed) out->has_failed = true;
    else buf_append(out, buf_slice(&p));
    buf_free(&p);
    for (size_t i = 0; i < m->frame_count * m->point_count; i++) {
        struct vec3 at = vec3_scale(m->at[i], 1e3);
        bool is_known = vec3_is_known(at);
        double residual = residuals_m && isfinite(residuals_m[i]) ? fmin(fmax(round(residuals_m[i] * 1e3 / residual_unit), 0), 127) : 0;
        le_real(out, is_known ? at.x : 0), le_real(out, is_known ? at.y : 0), le_real(out, is_known ? at.z : 0);
        le_real(out, is_known ? residual : -1);
    }
    while ((out->len - begin) % BLOCK && !out->has_failed) buf_u8(out, 0);
}
