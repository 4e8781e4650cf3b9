/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is known about a place: the lines of a straight track by name, and tables of marks. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "human/calibration/calibration.h"

static const double lane_m = 1.22; /* World Athletics, technical rule 14.4 */

static bool number_of(struct slice s, double *out) {
    char text[64], *end;
    s = slice_trim(s);
    if (!s.len || s.len >= sizeof text) return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = 0;
    *out = strtod(text, &end);
    return !*end && isfinite(*out);
}

static struct calibration_mark across(double x) { return (struct calibration_mark){.at = {x, 0, 0}, .along = {0, 1, 0}}; }
static struct calibration_mark lengthwise(double y) { return (struct calibration_mark){.at = {0, y, 0}, .along = {1, 0, 0}}; }

bool calibration_track_line(struct slice name, struct calibration_mark *out) {
    double n;
    name = slice_trim(name);
    if (slice_eq_nocase(name, SLICE("start"))) *out = across(0);
    else if (slice_eq_nocase(name, SLICE("finish"))) *out = across(100);
    else if (slice_starts_with(name, SLICE("x=")) && number_of(slice_sub(name, 2, name.len), &n)) *out = across(n);
    else if (slice_starts_with(name, SLICE("y=")) && number_of(slice_sub(name, 2, name.len), &n)) *out = lengthwise(n);
    else if (slice_starts_with(name, SLICE("lane-")) && number_of(slice_sub(name, 5, name.len), &n) && n >= 0 && n <= 12 && n == floor(n)) *out = lengthwise(n * lane_m);
    else if (slice_starts_with(name, SLICE("hurdle-"))) {
        static const struct {
            int race;
            double first, apart;
        } races[] = {{110, 13.72, 9.14}, {100, 13, 8.5}, {400, 45, 35}};
        struct slice rest = slice_sub(name, 7, name.len), part;
        double race;
        if (!slice_next(&rest, '-', &part) || !number_of(part, &n) || !number_of(rest, &race) || !(n >= 1 && n <= 10 && n == floor(n))) return false;
        for (size_t i = 0; i < sizeof races / sizeof *races; i++) {
            if (race != races[i].race) continue;
            /* The 110 m begin 10 m behind the start of the 100 m, if both end at one line. */
            *out = across(races[i].first + (n - 1) * races[i].apart - (races[i].race == 110 ? 10 : 0));
            return true;
        }
        return false;
    } else return false;
    return true;
}

static struct err refuse(struct camera_note *note, int line, const char *format, ...) PRINTF_LIKE(3, 4);
static struct err refuse(struct camera_note *note, int line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    note->line = line;
    vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
    return err_make(ERR_INPUT, "calibration.syntax", "The table of marks cannot be read.");
}

/* One row into *out; false with the note set if it makes no sense. `is_first` rows may be a heading. */
static struct err row_of(struct slice text, int line, struct calibration_row *out, bool *is_heading, struct camera_note *note) {
    struct slice fields[8], rest = text, part;
    char separator = slice_find_byte(text, '\t') != SLICE_NPOS ? '\t' : slice_find_byte(text, ';') != SLICE_NPOS ? ';' : ',';
    size_t n = 0;
    double v[6];
    while (n < 8 && slice_next(&rest, separator, &part)) fields[n++] = slice_trim(part);
    *is_heading = false;
    *out = (struct calibration_row){.line = line};
    double unused;
    if (n < 3 || n > 6) return refuse(note, line, "A row has three to six fields: camera,x,y,z,u,v for a point or camera,line,u,v for a line; this one has %zu.", n);
    if (!number_of(fields[n - 1], &unused) && !number_of(fields[n - 2], &unused)) {
        *is_heading = true;
        return refuse(note, line, "The last two fields must be pixels.");
    }
    if (n >= 5) { /* a point */
        for (size_t i = 0; i < 5; i++) {
            if (!number_of(fields[n - 5 + i], &v[i])) return refuse(note, line, "Field %zu, \"%.*s\", is no number.", n - 5 + i + 1, SLICE_ARG(slice_sub(fields[n - 5 + i], 0, 40)));
        }
        out->mark = (struct calibration_mark){.at = {v[0], v[1], v[2]}, .u = v[3], .v = v[4]};
    } else {
        if (!calibration_track_line(fields[n - 3], &out->mark)) {
            return refuse(note, line, "There is no line \"%.*s\": write lane-0 to lane-12, start, finish, x=METRES, y=METRES or hurdle-NUMBER-RACE (110, 100, 400).", SLICE_ARG(slice_sub(fields[n - 3], 0, 40)));
        }
        for (size_t i = 0; i < 2; i++) {
            if (!number_of(fields[n - 2 + i], &v[i])) return refuse(note, line, "Field %zu, \"%.*s\", is no number.", n - 2 + i + 1, SLICE_ARG(slice_sub(fields[n - 2 + i], 0, 40)));
        }
        out->mark.u = v[0], out->mark.v = v[1];
    }
    if (n == 6 || n == 4) {
        if (fields[0].len >= CAMERA_NAME_MAX) return refuse(note, line, "The name of the camera is too long.");
        memcpy(out->camera, fields[0].ptr, fields[0].len);
    }
    return ERR_OK;
}

struct err calibration_rows_parse(struct arena *mem, struct slice text, struct calibration_rows *out, struct camera_note *note) {
    enum { ROWS_MAX = 100000 };
    struct camera_note unused;
    struct slice rest = text, line;
    size_t limit = 1;
    int number = 0;
    if (!note) note = &unused;
    *note = (struct camera_note){0};
    for (size_t i = 0; i < text.len; i++) limit += text.ptr[i] == '\n';
    if (limit > ROWS_MAX) return err_make(ERR_LIMIT, "calibration.syntax", "More than 100,000 rows.");
    struct calibration_rows r = {.rows = arena_alloc_array(mem, limit, sizeof *r.rows)};
    if (!r.rows) return err_memory();
    if (slice_starts_with(rest, SLICE("\xef\xbb\xbf"))) rest = slice_sub(rest, 3, rest.len);
    while (slice_next(&rest, '\n', &line)) {
        bool is_heading;
        number++;
        line = slice_sub(line, 0, slice_find_byte(line, '#') == SLICE_NPOS ? line.len : slice_find_byte(line, '#'));
        if (!slice_trim(line).len) continue;
        struct err e = row_of(slice_trim(line), number, &r.rows[r.count], &is_heading, note);
        if (e.kind && is_heading && !r.count) {
            *note = (struct camera_note){0};
            continue;
        }
        if (e.kind) return e;
        r.count++;
    }
    if (!r.count) return refuse(note, 0, "The table holds no marks. A row is camera,x,y,z,u,v for a point or camera,line,u,v for a line.");
    *out = r;
    return ERR_OK;
}
