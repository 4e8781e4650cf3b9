/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "human/motion/room.h"

struct err motion_bad(struct motion_note *note, int line, const char *what) {
    note->line = line;
    snprintf(note->text, sizeof note->text, "%s", what);
    return err_make(ERR_INPUT, "motion.syntax", "The file is not a motion that can be read.");
}

void motion_name(char out[MOTION_NAME_MAX], struct slice name) {
    snprintf(out, MOTION_NAME_MAX, "%.*s", (int)(name.len < MOTION_NAME_MAX - 1 ? name.len : MOTION_NAME_MAX - 1), name.ptr ? name.ptr : "");
}

bool motion_cell(struct slice cell, double *out) {
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
        if (!slice_next(&rest, '\n', &line[i])) return motion_bad(note, i + 1, "The five lines of a TRC head are not all there.");
        if (line[i].len && line[i].ptr[line[i].len - 1] == '\r') line[i].len--;
    }
    if (!slice_starts_with(line[0], SLICE("PathFileType"))) return motion_bad(note, 1, "The first line must begin with PathFileType.");
    double rate = NAN, frames = NAN, markers = NAN, scale = 1;
    struct slice keys = line[1], values = line[2], key, value;
    while (slice_next(&keys, '\t', &key) && slice_next(&values, '\t', &value)) {
        key = slice_trim(key), value = slice_trim(value);
        bool is_fine = true;
        if (slice_eq(key, SLICE("DataRate"))) is_fine = motion_cell(value, &rate);
        else if (slice_eq(key, SLICE("NumFrames"))) is_fine = motion_cell(value, &frames);
        else if (slice_eq(key, SLICE("NumMarkers"))) is_fine = motion_cell(value, &markers);
        else if (slice_eq(key, SLICE("Units"))) {
            if (slice_eq(value, SLICE("mm"))) scale = 0.001;
            else if (slice_eq(value, SLICE("cm"))) scale = 0.01;
            else if (!slice_eq(value, SLICE("m"))) return motion_bad(note, 3, "The units must be m, cm or mm.");
        }
        if (!is_fine) return motion_bad(note, 3, "DataRate, NumFrames and NumMarkers must be numbers.");
    }
    if (!(rate > 0 && rate < 1e6) || !(frames >= 0 && frames <= MOTION_FRAMES_MAX) || !(markers >= 1 && markers <= MOTION_POINTS_MAX)) {
        return motion_bad(note, 3, "DataRate, NumFrames or NumMarkers is missing or makes no sense.");
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
    if (p < points) return motion_bad(note, 4, "There are fewer marker names than NumMarkers says.");
    int line_number = 5;
    size_t f = 0;
    while (slice_next(&rest, '\n', &row)) {
        line_number++;
        if (!slice_trim(row).len) continue;
        struct slice cells = row, cell;
        double number, time;
        if (!slice_next(&cells, '\t', &cell) || !motion_cell(cell, &number) || !(fabs(number) < 1e15)) return motion_bad(note, line_number, "The row does not begin with a frame number.");
        if (!slice_next(&cells, '\t', &cell) || !motion_cell(cell, &time)) return motion_bad(note, line_number, "The row's time is not a number.");
        if (f == 0) m.frame_first = (int64_t)number;
        else if ((int64_t)number != m.frame_first + (int64_t)f) return motion_bad(note, line_number, "Frame numbers must rise by one from row to row.");
        for (p = 0; p < points; p++) {
            double v[3] = {NAN, NAN, NAN};
            for (int k = 0; k < 3; k++) {
                if (slice_next(&cells, '\t', &cell) && !motion_cell(cell, &v[k])) return motion_bad(note, line_number, "A coordinate is not a number.");
            }
            struct vec3 at = vec3_scale(vec3_of(v[0], v[1], v[2]), scale);
            *motion_at(&m, f, p) = vec3_is_known(at) ? at : VEC3_UNKNOWN;
        }
        f++;
    }
    *out = m;
    return ERR_OK;
}

void motion_number(struct buf *out, double x) {
    if (isfinite(x)) buf_double(out, x);
    else buf_cstr(out, isnan(x) ? "NaN" : x > 0 ? "inf" : "-inf");
}

void motion_write_trc(struct buf *out, const struct motion *m) {
    buf_printf(out, "PathFileType\t4\t(X/Y/Z)\t%s\n", m->name[0] ? m->name : "motion.trc");
    buf_cstr(out, "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n");
    motion_number(out, m->rate);
    buf_u8(out, '\t');
    motion_number(out, m->rate);
    buf_printf(out, "\t%zu\t%zu\tm\t", m->frame_count, m->point_count);
    motion_number(out, m->rate);
    buf_printf(out, "\t%lld\t%zu\nFrame#\tTime", (long long)m->frame_first, m->frame_count);
    for (size_t p = 0; p < m->point_count; p++) buf_printf(out, "\t%s%s", m->point_names[p], p + 1 < m->point_count ? "\t\t" : "\t\t");
    buf_cstr(out, "\n\t");
    for (size_t p = 1; p <= m->point_count; p++) buf_printf(out, "\tX%zu\tY%zu\tZ%zu", p, p, p);
    buf_cstr(out, "\n");
    for (size_t f = 0; f < m->frame_count; f++) {
        buf_printf(out, "%lld\t", (long long)(m->frame_first + (int64_t)f));
        motion_number(out, (double)(m->frame_first + (int64_t)f) / m->rate);
        for (size_t p = 0; p < m->point_count; p++) {
            struct vec3 at = *motion_at(m, f, p);
            for (int k = 0; k < 3; k++) {
                buf_u8(out, '\t');
                if (vec3_is_known(at)) motion_number(out, (&at.x)[k]);
            }
        }
        buf_u8(out, '\n');
    }
}
