/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/json.h"
#include "human/motion/motion.h"

static struct err bad(struct motion_note *note, int line, const char *what) {
    note->line = line;
    snprintf(note->text, sizeof note->text, "%s", what);
    return err_make(ERR_INPUT, "motion.syntax", "The file is not a TRC file that can be read.");
}

/* A cell as a number; empty and "nan" give NAN, other text false. */
static bool cell_number(struct slice cell, double *out) {
    cell = slice_trim(cell);
    char text[64];
    if (!cell.len) {
        *out = NAN;
        return true;
    }
    if (cell.len >= sizeof text) return false;
    memcpy(text, cell.ptr, cell.len);
    text[cell.len] = 0;
    char *end;
    *out = strtod(text, &end);
    return *end == 0;
}

/* Cells are separated by tabs; some writers put several blanks into the first line, which is not read. */
struct err motion_parse_trc(struct arena *mem, struct slice text, struct motion *out, struct motion_note *note) {
    struct motion_note unused;
    if (!note) note = &unused;
    *note = (struct motion_note){0};
    struct slice rest = text, line[5];
    for (int i = 0; i < 5; i++) {
        if (!slice_next(&rest, '\n', &line[i])) return bad(note, i + 1, "The five lines of a TRC head are not all there.");
        if (line[i].len && line[i].ptr[line[i].len - 1] == '\r') line[i].len--;
    }
    if (!slice_starts_with(line[0], SLICE("PathFileType"))) return bad(note, 1, "The first line must begin with PathFileType.");
    double rate = NAN, frames = NAN, markers = NAN, scale = 1;
    struct slice keys = line[1], values = line[2], key, value;
    while (slice_next(&keys, '\t', &key) && slice_next(&values, '\t', &value)) {
        key = slice_trim(key), value = slice_trim(value);
        bool is_fine = true;
        if (slice_eq(key, SLICE("DataRate"))) is_fine = cell_number(value, &rate);
        else if (slice_eq(key, SLICE("NumFrames"))) is_fine = cell_number(value, &frames);
        else if (slice_eq(key, SLICE("NumMarkers"))) is_fine = cell_number(value, &markers);
        else if (slice_eq(key, SLICE("Units"))) {
            if (slice_eq(value, SLICE("mm"))) scale = 0.001;
            else if (slice_eq(value, SLICE("cm"))) scale = 0.01;
            else if (!slice_eq(value, SLICE("m"))) return bad(note, 3, "The units must be m, cm or mm.");
        }
        if (!is_fine) return bad(note, 3, "DataRate, NumFrames and NumMarkers must be numbers.");
    }
    if (!(rate > 0 && rate < 1e6) || !(frames >= 0 && frames <= MOTION_FRAMES_MAX) || !(markers >= 1 && markers <= MOTION_POINTS_MAX)) {
        return bad(note, 3, "DataRate, NumFrames or NumMarkers is missing or makes no sense.");
    }
    /* Rows are counted, not believed: NumFrames of a hostile file must not decide how much memory is taken. */
    size_t rows = 0, points = (size_t)markers;
    struct slice count_rest = rest, row;
    while (slice_next(&count_rest, '\n', &row)) rows += slice_trim(row).len > 0;
    struct motion m;
    struct err e = motion_create(mem, rows, points, rate, &m);
    if (e.kind) return e;
    struct slice names = line[3], name;
    (void)slice_next(&names, '\t', &name);
    (void)slice_next(&names, '\t', &name);
    size_t p = 0;
    while (p < points && slice_next(&names, '\t', &name)) {
        name = slice_trim(name);
        if (name.len) snprintf(m.point_names[p++], MOTION_NAME_MAX, "%.*s", (int)(name.len < MOTION_NAME_MAX - 1 ? name.len : MOTION_NAME_MAX - 1), name.ptr);
    }
    if (p < points) return bad(note, 4, "There are fewer marker names than NumMarkers says.");
    int line_number = 5;
    size_t f = 0;
    while (slice_next(&rest, '\n', &row)) {
        line_number++;
        if (!slice_trim(row).len) continue;
        struct slice cells = row, cell;
        double number, time;
        if (!slice_next(&cells, '\t', &cell) || !cell_number(cell, &number) || !(fabs(number) < 1e15)) return bad(note, line_number, "The row does not begin with a frame number.");
        if (!slice_next(&cells, '\t', &cell) || !cell_number(cell, &time)) return bad(note, line_number, "The row's time is not a number.");
        if (f == 0) m.frame_first = (int64_t)number;
        else if ((int64_t)number != m.frame_first + (int64_t)f) return bad(note, line_number, "Frame numbers must rise by one from row to row.");
        for (p = 0; p < points; p++) {
            double v[3] = {NAN, NAN, NAN};
            for (int k = 0; k < 3; k++) {
                if (slice_next(&cells, '\t', &cell) && !cell_number(cell, &v[k])) return bad(note, line_number, "A coordinate is not a number.");
            }
            struct vec3 at = vec3_scale(vec3_of(v[0], v[1], v[2]), scale);
            *motion_at(&m, f, p) = vec3_is_known(at) ? at : VEC3_UNKNOWN;
        }
        f++;
    }
    *out = m;
    return ERR_OK;
}

struct err motion_read(struct arena *mem, const char *path, struct motion *out, struct motion_note *note) {
    struct motion_note unused;
    if (!note) note = &unused;
    *note = (struct motion_note){0};
    struct buf text = BUF(1u << 30);
    struct motion m;
    struct err e = fs_read_file(AT_FDCWD, path, &text);
    if (e.kind) snprintf(note->text, sizeof note->text, "%s", e.what);
    else if (!(e = motion_parse_trc(mem, buf_slice(&text), &m, note)).kind) {
        const char *slash = strrchr(path, '/');
        snprintf(m.name, sizeof m.name, "%.47s", slash ? slash + 1 : path);
        *out = m;
    }
    buf_free(&text);
    return e;
}

/* Shortest text that reads back as the same double. */
static void number(struct buf *out, double x) {
    char text[40];
    for (int digits = 9; digits <= 17; digits += 4) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    buf_cstr(out, text);
}

void motion_write_trc(struct buf *out, const struct motion *m) {
    buf_printf(out, "PathFileType\t4\t(X/Y/Z)\t%s\n", m->name[0] ? m->name : "motion.trc");
    buf_cstr(out, "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n");
    number(out, m->rate);
    buf_u8(out, '\t');
    number(out, m->rate);
    buf_printf(out, "\t%zu\t%zu\tm\t", m->frame_count, m->point_count);
    number(out, m->rate);
    buf_printf(out, "\t%lld\t%zu\nFrame#\tTime", (long long)m->frame_first, m->frame_count);
    for (size_t p = 0; p < m->point_count; p++) buf_printf(out, "\t%s%s", m->point_names[p], p + 1 < m->point_count ? "\t\t" : "\t\t");
    buf_cstr(out, "\n\t");
    for (size_t p = 1; p <= m->point_count; p++) buf_printf(out, "\tX%zu\tY%zu\tZ%zu", p, p, p);
    buf_cstr(out, "\n");
    for (size_t f = 0; f < m->frame_count; f++) {
        buf_printf(out, "%lld\t", (long long)(m->frame_first + (int64_t)f));
        number(out, (double)(m->frame_first + (int64_t)f) / m->rate);
        for (size_t p = 0; p < m->point_count; p++) {
            struct vec3 at = *motion_at(m, f, p);
            for (int k = 0; k < 3; k++) {
                buf_u8(out, '\t');
                if (vec3_is_known(at)) number(out, (&at.x)[k]);
            }
        }
        buf_u8(out, '\n');
    }
}

void motion_write_csv(struct buf *out, const struct motion *m) {
    buf_cstr(out, "frame,time");
    for (size_t p = 0; p < m->point_count; p++) {
        for (int k = 0; k < 3; k++) {
            buf_u8(out, ',');
            for (const char *c = m->point_names[p]; *c; c++) buf_u8(out, *c == ',' || *c == '"' ? '_' : (uint8_t)*c);
            buf_printf(out, "_%c", "xyz"[k]);
        }
    }
    buf_u8(out, '\n');
    for (size_t f = 0; f < m->frame_count; f++) {
        buf_printf(out, "%lld,", (long long)(m->frame_first + (int64_t)f));
        number(out, (double)(m->frame_first + (int64_t)f) / m->rate);
        for (size_t p = 0; p < m->point_count; p++) {
            struct vec3 at = *motion_at(m, f, p);
            for (int k = 0; k < 3; k++) {
                buf_u8(out, ',');
                if (vec3_is_known(at)) number(out, (&at.x)[k]);
            }
        }
        buf_u8(out, '\n');
    }
}

void motion_write_json(struct buf *out, const struct motion *m) {
    struct json_writer w = json_writer_of(out);
    json_begin_object(&w);
    json_put_cstr(&w, "format", "grandstand motion 1");
    json_put_cstr(&w, "name", m->name);
    json_put_double(&w, "rate", m->rate);
    json_put_number(&w, "frame_first", m->frame_first);
    json_key(&w, "points");
    json_begin_array(&w);
    for (size_t p = 0; p < m->point_count; p++) json_add_cstr(&w, m->point_names[p]);
    json_end(&w);
    json_key(&w, "frames");
    json_begin_array(&w);
    for (size_t f = 0; f < m->frame_count; f++) {
        json_begin_array(&w);
        for (size_t p = 0; p < m->point_count; p++) {
            struct vec3 at = *motion_at(m, f, p);
            if (!vec3_is_known(at)) {
                json_add_null(&w);
                continue;
            }
            json_begin_array(&w);
            json_add_double(&w, at.x), json_add_double(&w, at.y), json_add_double(&w, at.z);
            json_end(&w);
        }
        json_end(&w);
    }
    json_end(&w);
    json_end(&w);
    buf_u8(out, '\n');
}
