/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * MOT and STO: OpenSim's tables. A head of lines "key=value" (older files: "key value") up to "endheader", a line of column names that begins with
 * time, and rows of numbers. MOT and STO differ in nothing but the name and what programs expect in them. */
#include <math.h>
#include <stdio.h>

#include "human/motion/room.h"

/* The next cell of a line: tabs separate where there are any, else runs of blanks. */
static bool next_cell(struct slice *rest, bool has_tabs, struct slice *out) {
    if (has_tabs) return slice_next(rest, '\t', out);
    while (rest->len && (*rest->ptr == ' ' || *rest->ptr == '\r')) rest->ptr++, rest->len--;
    if (!rest->len) return false;
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] != ' ' && rest->ptr[n] != '\r') n++;
    *out = slice_of(rest->ptr, n);
    rest->ptr += n, rest->len -= n;
    return true;
}

static bool has_tab(struct slice s) { return s.len && memchr(s.ptr, '\t', s.len); }

struct err motion_parse_table(struct arena *mem, struct slice text, struct motion_table *out, struct motion_note *note) {
    struct motion_note unused;
    if (!note) note = &unused;
    *note = (struct motion_note){0};
    struct slice rest = text, line, names, cell;
    struct motion_table t;
    bool in_degrees = false, is_end = false;
    char name[MOTION_NAME_MAX] = "";
    int number = 0;
    while (!is_end && slice_next(&rest, '\n', &line)) {
        line = slice_trim(line);
        if (!number++) motion_name(name, line);
        is_end = slice_eq_nocase(line, SLICE("endheader"));
        if (number > 1000) break;
        if (slice_eq_nocase(slice_sub(line, 0, 9), SLICE("inDegrees"))) in_degrees = slice_ends_with(line, SLICE("yes")) || slice_ends_with(line, SLICE("Yes")) || slice_ends_with(line, SLICE("y"));
    }
    if (!is_end) return motion_bad(note, number, "There is no line that says endheader.");
    do {
        number++;
        if (!slice_next(&rest, '\n', &names)) return motion_bad(note, number, "The line with the names of the columns is missing.");
    } while (!slice_trim(names).len);
    names = slice_trim(names);
    bool has_tabs = has_tab(names);
    size_t columns = 0, rows = 0;
    for (struct slice r = names; next_cell(&r, has_tabs, &cell);) columns += slice_trim(cell).len > 0;
    if (columns < 2) return motion_bad(note, number, "A table has a column of times and at least one other.");
    for (struct slice r = rest; slice_next(&r, '\n', &line);) rows += slice_trim(line).len > 0;
    struct err e = motion_table_create(mem, rows, columns - 1, &t);
    if (e.kind) return e;
    size_t c = 0;
    for (struct slice r = names; next_cell(&r, has_tabs, &cell);) {
        cell = slice_trim(cell);
        if (!cell.len) continue;
        if (c == 0 && !slice_eq_nocase(cell, SLICE("time"))) return motion_bad(note, number, "The first column must be called time.");
        if (c) motion_name(t.column_names[c - 1], cell);
        if (c && !t.column_names[c - 1][0]) return motion_bad(note, number, "A column has no name.");
        c++;
    }
    for (size_t row = 0; slice_next(&rest, '\n', &line);) {
        number++;
        if (!slice_trim(line).len) continue;
        has_tabs = has_tab(line);
        struct slice cells = slice_trim(line);
        for (c = 0; c < columns; c++) {
            double x;
            if (!next_cell(&cells, has_tabs, &cell) || !motion_cell(cell, &x)) return motion_bad(note, number, "The row has too few numbers, or something that is no number.");
            if (c) t.cells[row * t.column_count + c - 1] = x;
            else if (!isfinite(x) || (row && !(x > t.time[row - 1]))) return motion_bad(note, number, "The times must rise.");
            else t.time[row] = x;
        }
        if (next_cell(&cells, has_tabs, &cell) && slice_trim(cell).len) return motion_bad(note, number, "The row has more numbers than there are columns.");
        row++;
    }
    t.in_degrees = in_degrees;
    memcpy(t.name, name, sizeof t.name);
    *out = t;
    return ERR_OK;
}

static void write_table(struct buf *out, const struct motion_table *t, const char *kind, bool with_unknown) {
    size_t rows = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass) {
            buf_printf(out, "%s\nversion=1\nnRows=%zu\nnColumns=%zu\ninDegrees=%s\n\nUnits are S.I. units (second, meters, Newtons, ...)\n", t->name[0] ? t->name : kind, rows, t->column_count + 1,
                       t->in_degrees ? "yes" : "no");
            buf_cstr(out, "Angles are in degrees if inDegrees says yes, else in radians.\nendheader\ntime");
            for (size_t c = 0; c < t->column_count; c++) buf_printf(out, "\t%s", t->column_names[c]);
            buf_u8(out, '\n');
        }
        for (size_t row = 0; row < t->row_count; row++) {
            bool is_known = true;
            for (size_t c = 0; c < t->column_count; c++) is_known = is_known && isfinite(t->cells[row * t->column_count + c]);
            if (!is_known && !with_unknown) continue;
            if (!pass) {
                rows++;
                continue;
            }
            motion_number(out, t->time[row]);
            for (size_t c = 0; c < t->column_count; c++) {
                buf_u8(out, '\t');
                motion_number(out, t->cells[row * t->column_count + c]);
            }
            buf_u8(out, '\n');
        }
    }
}

void motion_write_mot(struct buf *out, const struct motion_table *t) { write_table(out, t, "Coordinates", false); }
void motion_write_sto(struct buf *out, const struct motion_table *t) { write_table(out, t, "Coordinates", true); }
