/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * grandstand track report DIR|FILE --out report.html: the page for the coach, from what `grandstand track` wrote or from any file of
 * joints. And what `grandstand track` itself writes about contacts, steps and speed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/command.h"
#include "app/command_track.h"
#include "base/fs.h"
#include "human/gait/gait.h"
#include "text/text.h"

enum { PEOPLE_MAX = 256, PATH_BYTES = 1200 };

static int usage(struct command_context *context, const char *what, const char *about) {
    (void)command_fail(context, err_make(ERR_INPUT, "option.value", what), about);
    return EXIT_CODE_USAGE;
}

/* Options that `track` and `track report` share. False when one of them makes no sense; *what says which. */
static bool options_of(struct command_context *context, struct gait_options *o, double lines[GAIT_LINES_MAX], const char **what) {
    *o = GAIT_OPTIONS;
    const char *sex = option_text(context, "sex"), *list = option_text(context, "lines"), *ground = option_text(context, "ground"),
               *start = option_text(context, "start-line"), *gun = option_text(context, "gun");
    char *end;
    *what = "--sex is f or m.";
    if (sex && strcmp(sex, "f") && strcmp(sex, "m")) return false;
    o->sex = !sex ? GAIT_SEX_UNKNOWN : *sex == 'f' ? GAIT_FEMALE : GAIT_MALE;
    *what = "--lines are metres from the start line that rise, such as 10,20,30; at most 64.";
    for (const char *c = list; c && *c;) {
        double line = strtod(c, &end);
        if (end == c || (*end && *end != ',') || o->line_count == GAIT_LINES_MAX || !isfinite(line) ||
            (o->line_count && line <= lines[o->line_count - 1]))
            return false;
        lines[o->line_count++] = line, c = *end ? end + 1 : end;
    }
    o->lines_m = lines;
    *what = "--ground, --start-line and --gun are numbers: metres, metres, seconds.";
    if (ground && (o->ground_m = strtod(ground, &end), end == ground || *end || !isfinite(o->ground_m))) return false;
    if (start && (o->start_m = strtod(start, &end), end == start || *end || !isfinite(o->start_m))) return false;
    if (gun && (o->start_s = strtod(gun, &end), end == gun || *end || !isfinite(o->start_s))) return false;
    return true;
}

static struct err save(const char *path, struct buf *text) {
    struct err e = buf_error(text);
    if (!e.kind) e = fs_write_file_atomic(AT_FDCWD, path, buf_slice(text), 0644);
    buf_clear(text);
    return e;
}

struct err track_write_gait(struct arena *mem, const char *out, unsigned formats, struct command_context *context, enum camera_up up,
                            const struct track_people *people, size_t person, double rate, const struct body_fit *fit,
                            struct gait_run *run) {
    char path[PATH_BYTES], *end = path;
    double lines[GAIT_LINES_MAX];
    const char *what;
    struct gait_options options;
    struct gait_recording r;
    if (!options_of(context, &options, lines, &what)) return err_make(ERR_INPUT, "option.value", what);
    struct err e = fit ? gait_from_body(mem, people, person, fit, &r) : gait_from_track(mem, people, person, rate, &r);
    if (!e.kind && up == CAMERA_UP_Y) e = gait_to_z_up(mem, &r);
    if (!e.kind) e = gait_analyse(mem, &r, &options, run);
    if (e.kind) return e;
    int room = snprintf(path, sizeof path, "%s/person-%u", out, people->people[person].id);
    if (room >= (int)sizeof path - 32) return err_make(ERR_INPUT, "option.value", "The path of the output folder is too long.");
    end += room;
    struct buf text = BUF(1u << 30);
    gait_write_points(&text, &r), memcpy(end, ".points.json", sizeof ".points.json");
    e = save(path, &text);
    if (!e.kind && formats & TRACK_JSON) gait_write_json(&text, run), memcpy(end, "_gait.json", sizeof "_gait.json"), e = save(path, &text);
    if (!e.kind && formats & TRACK_CSV)
        gait_write_csv_frames(&text, run), memcpy(end, "_gait.csv", sizeof "_gait.csv"), e = save(path, &text);
    if (!e.kind && formats & TRACK_CSV)
        gait_write_csv_steps(&text, run), memcpy(end, "_steps.csv", sizeof "_steps.csv"), e = save(path, &text);
    buf_free(&text);
    return e;
}

void track_report_gait(struct json_writer *w, bool is_json, const struct gait_run *run) {
    static const char *const kinds[] = {"unknown", "standing", "walking", "running", "jumping"};
    json_key(w, "gait");
    json_begin_object(w);
    json_put_cstr(w, "kind", kinds[run->kind]), json_put_number(w, "contacts", (int64_t)run->contact_count);
    json_put_double(w, "top_speed_mps", run->top_speed.value), json_put_double(w, "top_speed_se_mps", run->top_speed.error);
    json_key(w, "notes");
    json_begin_array(w);
    for (size_t i = 0; i < run->note_count; i++) json_add_cstr(w, run->notes[i]);
    json_end(w);
    json_end(w);
    if (is_json) return;
    printf("        %s, %zu ground contacts", kinds[run->kind], run->contact_count);
    if (gait_is_known(run->top_speed)) printf(", top speed %.2f ± %.3f m/s", run->top_speed.value, run->top_speed.error);
    printf("\n");
}

/* ---- report ---- */

struct source {
    struct gait_run *runs;
    size_t count;
};

static bool ends_with(const char *text, const char *end) { return slice_ends_with(slice_cstr(text), slice_cstr(end)); }

/* person-2 before person-10 */
static int by_number(const void *a, const void *b) {
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    if (strlen(x) != strlen(y)) return strlen(x) < strlen(y) ? -1 : 1;
    return strcmp(x, y);
}

static struct err list(struct arena *mem, const char *dir, char *names[PEOPLE_MAX], size_t *count) {
    DIR *d = opendir(dir);
    if (!d) return err_from_errno(errno, "report.open", "The folder could not be opened.");
    struct err e = ERR_OK;
    for (struct dirent *entry; !e.kind && (entry = readdir(d));) {
        if (!ends_with(entry->d_name, ".points.json")) continue;
        if (*count == PEOPLE_MAX)
            e = err_make(ERR_LIMIT, "report.people", "There are more than 256 people in this folder.");
        else if (!(names[*count] = arena_cstr(mem, arena_printf(mem, "%s/%s", dir, entry->d_name))))
            e = err_memory();
        else
            (*count)++;
    }
    closedir(d);
    if (!e.kind && *count) qsort(names, *count, sizeof *names, by_number);
    if (!e.kind && !*count)
        e = err_make(ERR_NOT_FOUND, "report.empty",
                     "There are no person-N.points.json files in this folder, which `grandstand track` writes.");
    return e;
}

static struct err read_one(struct arena *mem, struct command_context *context, const char *path, struct gait_recording *r,
                           struct motion_note *note) {
    if (!ends_with(path, ".points.json")) {
        struct motion m;
        const char *up = option_text(context, "up");
        struct err e = motion_read(mem, path, &m, note);
        if (e.kind) return e;
        /* files of joints are y-up as OpenSim's, unless somebody says so; gait is z-up */
        for (size_t i = 0; (!up || !strcmp(up, "y")) && i < m.frame_count * m.point_count; i++)
            m.at[i] = vec3_of(m.at[i].z, m.at[i].x, m.at[i].y);
        if ((e = gait_from_motion(mem, &m, r)).kind) return e;
        const char *name = strrchr(path, '/');
        snprintf(r->name, sizeof r->name, "%.*s", (int)sizeof r->name - 1, name ? name + 1 : path);
        return ERR_OK;
    }
    struct buf text = BUF(512u << 20);
    struct err e = fs_read_file(AT_FDCWD, path, &text);
    if (!e.kind) e = gait_read_points(mem, buf_slice(&text), r);
    buf_free(&text);
    return e;
}

/* Two folders both have a person-1: with the folder before the name they can be told apart. */
static void name_apart(struct gait_recording *r, const char *path, bool is_folder) {
    struct slice folder = slice_cstr(path), rest, part;
    if (!is_folder) return;
    while (folder.len && folder.ptr[folder.len - 1] == '/') folder.len--;
    rest = folder;
    while (slice_next(&rest, '/', &part)) folder = part;
    char name[2 * MOTION_NAME_MAX];
    int len = snprintf(name, sizeof name, "%.*s/%s", (int)(folder.len < 24 ? folder.len : 24), folder.ptr, r->name);
    if (len < MOTION_NAME_MAX) memcpy(r->name, name, (size_t)len + 1);
}

/* Everybody of a folder or file, on a skeleton where one fits. *culprit is the file at fault. */
static struct err read_all(struct arena *mem, struct command_context *context, const char *path, const struct gait_options *options,
                           struct source *out, const char **culprit, struct motion_note *note) {
    char *names[PEOPLE_MAX];
    size_t count = 0;
    struct stat st;
    *culprit = path;
    if (stat(path, &st)) return err_from_errno(errno, "report.open", "The file or folder is not there.");
    if (!S_ISDIR(st.st_mode))
        names[count++] = (char *)path;
    else {
        struct err e = list(mem, path, names, &count);
        if (e.kind) return e;
    }
    if (!(out->runs = arena_alloc_array(mem, count, sizeof *out->runs))) return err_memory();
    for (size_t i = 0; i < count; i++) {
        struct gait_recording r;
        struct body_fit *fit = ARENA_NEW(mem, struct body_fit);
        *culprit = names[i];
        if (!fit) return err_memory();
        struct err e = read_one(mem, context, names[i], &r, note);
        if (e.kind) return e;
        struct err refused = body_fit_points(mem, r.points, r.frame_first, r.frame_count, &(struct body_options){.rate = r.rate}, fit);
        if (refused.kind && refused.kind != ERR_INPUT) return refused;
        if (!refused.kind) r.states = fit->joints, r.is_fitted = true;
        if (option_text(context, "compare")) name_apart(&r, path, S_ISDIR(st.st_mode));
        if ((e = gait_analyse(mem, &r, options, &out->runs[out->count])).kind) return e;
        out->count++;
    }
    return ERR_OK;
}

/* report.html gives report-person-1-steps.csv */
static struct err write_tables(const char *out, const struct source *s) {
    char path[PATH_BYTES];
    struct buf text = BUF(1u << 30);
    struct err e = ERR_OK;
    int stem = (int)strlen(out) - (ends_with(out, ".html") ? 5 : 0);
    for (size_t i = 0; i < s->count && !e.kind; i++) {
        const char *folder = strrchr(s->runs[i].name, '/'), *name = folder ? folder + 1 : s->runs[i].name;
        for (int part = 0; part < 2 && !e.kind; part++) {
            if (snprintf(path, sizeof path, "%.*s-%s-%s.csv", stem, out, name, part ? "steps" : "frames") >= (int)sizeof path)
                e = err_make(ERR_INPUT, "option.value", "The path of the report is too long.");
            if (!e.kind && part)
                gait_write_csv_steps(&text, &s->runs[i]);
            else if (!e.kind)
                gait_write_csv_frames(&text, &s->runs[i]);
            if (!e.kind) e = save(path, &text);
        }
    }
    buf_free(&text);
    return e;
}

static struct err print_json(struct arena *mem, const struct source *s, const struct source *other) {
    struct buf text = BUF(1u << 30);
    buf_cstr(&text, "{\"people\":[");
    for (size_t i = 0; i < s->count; i++) buf_cstr(&text, i ? "," : ""), gait_write_json(&text, &s->runs[i]);
    buf_cstr(&text, "],\"comparisons\":[");
    bool is_first = true;
    struct err e = ERR_OK;
    for (size_t i = 0; i < s->count && other->count && !e.kind; i++) {
        struct gait_comparison c;
        e = gait_compare(mem, &s->runs[i], &other->runs[i < other->count ? i : 0], &c);
        if (e.kind == ERR_INPUT) {
            e = ERR_OK;
            continue;
        }
        if (!e.kind) buf_cstr(&text, is_first ? "" : ","), e = gait_write_json_comparison(mem, &text, &c), is_first = false;
    }
    buf_cstr(&text, "]}");
    if (!e.kind) e = buf_error(&text);
    if (!e.kind) printf("%.*s\n", (int)text.len, text.ptr);
    buf_free(&text);
    return e;
}

int track_report(struct command_context *context) {
    const char *out = option_text(context, "out"), *compare = option_text(context, "compare"), *language = option_text(context, "lang"),
               *up = option_text(context, "up"), *what, *culprit;
    double lines[GAIT_LINES_MAX];
    struct gait_options options;
    if (context->argument_count != 2 || (!out && !option_flag(context, "json")))
        return usage(context, "Say `track report DIR --out report.html`, or --json.", "report");
    if (!options_of(context, &options, lines, &what)) return usage(context, what, NULL);
    if (language && !text_language_is_known(slice_cstr(language))) return usage(context, "--lang is en, de, zh or th.", language);
    if (up && strcmp(up, "y") && strcmp(up, "z")) return usage(context, "--up is y or z.", up);
    struct arena *mem = arena_create((size_t)4 << 30);
    if (!mem) return command_fail(context, err_memory(), NULL);
    struct source own = {0}, other = {0};
    struct motion_note note = {0};
    struct buf page = BUF(256u << 20);
    struct err e = read_all(mem, context, context->arguments[1], &options, &own, &culprit, &note);
    if (!e.kind && compare) e = read_all(mem, context, compare, &options, &other, &culprit, &note);
    if (!e.kind && out) {
        culprit = out;
        const char *title = option_text(context, "title");
        e = gait_write_report(mem, &page, own.runs, own.count, other.runs, other.count, language ? slice_cstr(language) : SLICE("en"),
                              title ? slice_cstr(title) : SLICE_NONE);
        if (!e.kind) e = save(out, &page);
        if (!e.kind && option_flag(context, "csv")) e = write_tables(out, &own);
    }
    if (!e.kind && option_flag(context, "json")) e = print_json(mem, &own, &other);
    int code = EXIT_CODE_DONE;
    if (e.kind) {
        char about[600];
        if (note.text[0])
            snprintf(about, sizeof about, "%s, line %d: %s", culprit, note.line, note.text);
        else
            snprintf(about, sizeof about, "%s", culprit);
        code = command_fail(context, e, about);
    } else if (!option_flag(context, "json")) {
        printf("%zu %s; written to %s\n", own.count, own.count == 1 ? "person" : "people", out);
    }
    buf_free(&page);
    arena_destroy(&mem);
    return code;
}
