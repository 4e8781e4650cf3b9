/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Motions as CSV and JSON, both ways, and files of any kind by how they begin. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/json.h"
#include "human/motion/room.h"

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
        motion_number(out, (double)(m->frame_first + (int64_t)f) / m->rate);
        for (size_t p = 0; p < m->point_count; p++) {
            struct vec3 at = *motion_at(m, f, p);
            for (int k = 0; k < 3; k++) {
                buf_u8(out, ',');
                if (vec3_is_known(at)) motion_number(out, (&at.x)[k]);
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

/* ---- and back ---- */

struct err motion_parse_csv(struct arena *mem, struct slice text, struct motion *out, struct motion_note *note) {
    struct motion_note unused;
    if (!note) note = &unused;
    *note = (struct motion_note){0};
    struct slice rest = text, head, cell, row;
    if (!slice_next(&rest, '\n', &head)) return motion_bad(note, 1, "The file is empty.");
    size_t columns = 0, rows = 0;
    for (struct slice cells = head; slice_next(&cells, ',', &cell);) columns++;
    if (columns < 5 || (columns - 2) % 3 || (columns - 2) / 3 > MOTION_POINTS_MAX) return motion_bad(note, 1, "The first line must name frame, time, and three columns (NAME_x, NAME_y, NAME_z) for each point.");
    for (struct slice count = rest; slice_next(&count, '\n', &row);) rows += slice_trim(row).len > 0;
    struct motion m;
    struct err e = motion_create(mem, rows, (columns - 2) / 3, 60, &m);
    if (e.kind) return e;
    struct slice cells = head;
    for (size_t c = 0; slice_next(&cells, ',', &cell); c++) {
        cell = slice_trim(cell);
        if (c < 2) {
            if (!slice_eq_nocase(cell, c ? SLICE("time") : SLICE("frame"))) return motion_bad(note, 1, "The first two columns must be frame and time.");
            continue;
        }
        static const char *const ends[3] = {"_x", "_y", "_z"};
        if (cell.len < 3 || !slice_eq_nocase(slice_sub(cell, cell.len - 2, cell.len), slice_cstr(ends[(c - 2) % 3]))) return motion_bad(note, 1, "The columns of a point must end in _x, _y and _z.");
        if ((c - 2) % 3 == 0) motion_name(m.point_names[(c - 2) / 3], slice_sub(cell, 0, cell.len - 2));
    }
    double first_time = NAN, last_time = NAN;
    int line = 1;
    for (size_t f = 0; slice_next(&rest, '\n', &row);) {
        line++;
        if (!slice_trim(row).len) continue;
        double number, time;
        cells = row;
        if (!slice_next(&cells, ',', &cell) || !motion_cell(cell, &number) || !(fabs(number) < 1e15)) return motion_bad(note, line, "The row does not begin with a frame number.");
        if (!slice_next(&cells, ',', &cell) || !motion_cell(cell, &time)) return motion_bad(note, line, "The row's time is not a number.");
        if (f == 0) m.frame_first = (int64_t)number, first_time = time;
        else if ((int64_t)number != m.frame_first + (int64_t)f) return motion_bad(note, line, "Frame numbers must rise by one from row to row.");
        last_time = time;
        for (size_t p = 0; p < m.point_count; p++) {
            double v[3] = {NAN, NAN, NAN};
            for (int k = 0; k < 3; k++) {
                if (slice_next(&cells, ',', &cell) && !motion_cell(cell, &v[k])) return motion_bad(note, line, "A coordinate is not a number.");
            }
            if (isfinite(v[0]) && isfinite(v[1]) && isfinite(v[2])) *motion_at(&m, f, p) = vec3_of(v[0], v[1], v[2]);
        }
        f++;
    }
    if (rows > 1) {
        m.rate = (double)(rows - 1) / (last_time - first_time);
        double whole = round(m.rate); /* the times are rounded to nine digits */
        if (fabs(m.rate - whole) < 1e-6 * whole) m.rate = whole;
        if (!(m.rate > 0 && m.rate < 1e6)) return motion_bad(note, line, "The times do not rise.");
    }
    *out = m;
    return ERR_OK;
}

static bool triple(const json_t *v, struct vec3 *out) {
    *out = VEC3_UNKNOWN;
    if (json_is_null(v)) return true;
    if (json_array_size(v) != 3) return false;
    for (size_t k = 0; k < 3; k++) {
        const json_t *x = json_array_get(v, k);
        if (!json_is_number(x)) return false;
        (&out->x)[k] = json_number_value(x);
    }
    return true;
}

struct err motion_parse_json(struct arena *mem, struct slice text, struct motion *out, struct motion_note *note) {
    struct motion_note unused;
    if (!note) note = &unused;
    *note = (struct motion_note){0};
    json_t *root;
    struct err e = json_parse(text, 1u << 30, &root);
    if (e.kind) {
        snprintf(note->text, sizeof note->text, "%s", e.what);
        return e;
    }
    const json_t *points = json_object_get(root, "points"), *frames = json_object_get(root, "frames"), *rate = json_object_get(root, "rate");
    struct motion m;
    int64_t first = 0;
    if (!json_is_array(points) || !json_is_array(frames) || !json_is_number(rate) || !(json_number_value(rate) > 0 && json_number_value(rate) < 1e6)) {
        e = motion_bad(note, 0, "A motion has \"rate\", \"points\" and \"frames\".");
    } else e = motion_create(mem, json_array_size(frames), json_array_size(points), json_number_value(rate), &m);
    if (!e.kind && json_get_integer(root, "frame_first", &first)) m.frame_first = first;
    for (size_t p = 0; !e.kind && p < m.point_count; p++) {
        const json_t *name = json_array_get(points, p);
        if (!json_is_string(name)) e = motion_bad(note, 0, "\"points\" must hold names.");
        else motion_name(m.point_names[p], slice_of(json_string_value(name), json_string_length(name)));
    }
    if (!e.kind) motion_name(m.name, json_get_string(root, "name"));
    for (size_t f = 0; !e.kind && f < m.frame_count; f++) {
        const json_t *row = json_array_get(frames, f);
        if (json_array_size(row) != m.point_count) e = motion_bad(note, 0, "Each frame must hold as many points as \"points\" has names.");
        for (size_t p = 0; !e.kind && p < m.point_count; p++) {
            if (!triple(json_array_get(row, p), motion_at(&m, f, p))) e = motion_bad(note, 0, "A point must be [x, y, z] or null.");
        }
    }
    json_decref(root);
    if (!e.kind) *out = m;
    return e;
}

struct err motion_read(struct arena *mem, const char *path, struct motion *out, struct motion_note *note) {
    struct motion_note unused;
    if (!note) note = &unused;
    *note = (struct motion_note){0};
    struct buf text = BUF(1u << 30);
    struct motion m = {.name = ""};
    struct motion_figure figure;
    struct err e = fs_read_file(AT_FDCWD, path, &text);
    struct slice s = buf_slice(&text), t = slice_trim(slice_sub(s, 0, 64));
    if (e.kind) snprintf(note->text, sizeof note->text, "%s", e.what);
    else if (s.len > 1 && s.ptr[1] == 0x50 && s.ptr[0] > 0 && s.ptr[0] < 16) e = motion_parse_c3d(mem, s, &m, note); /* a TRC's second letter is an "a" */
    else if (slice_starts_with(s, SLICE("glTF"))) {
        if (!(e = motion_parse_glb(mem, s, &figure, note)).kind) e = motion_of_figure(mem, &figure, &m);
    } else if (slice_starts_with(t, SLICE("HIERARCHY"))) {
        if (!(e = motion_parse_bvh(mem, s, 0.01, &figure, note)).kind) e = motion_of_figure(mem, &figure, &m);
    } else if (slice_starts_with(t, SLICE("{"))) e = motion_parse_json(mem, s, &m, note);
    else if (slice_starts_with(t, SLICE("frame,"))) e = motion_parse_csv(mem, s, &m, note);
    else if (slice_starts_with(t, SLICE("PathFileType"))) e = motion_parse_trc(mem, s, &m, note);
    else e = motion_bad(note, 0, "This is none of TRC, C3D, CSV, JSON, BVH or GLB.");
    if (!e.kind) {
        const char *slash = strrchr(path, '/');
        snprintf(m.name, sizeof m.name, "%.47s", slash ? slash + 1 : path);
        *out = m;
    }
    buf_free(&text);
    return e;
}
