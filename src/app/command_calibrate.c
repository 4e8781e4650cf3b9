/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * grandstand calibrate: how cameras see and where they stand.
 *   board --out FILE.pdf                          a checkerboard or ChArUco board to print
 *   intrinsics [--camera NAME] PICTURES           a lens from pictures or a video of the board
 *   extrinsics --calibration FILE FOLDER...       cameras beside each other, from the board seen by several at once (folders or videos)
 *   points --calibration FILE MARKS.csv           places from measured points
 *   lines --calibration FILE MARKS.csv            places from the lines of a track (and points)
 *   convert IN OUT, check IN                      files */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "base/fs.h"
#include "base/json.h"
#include "human/calibration/calibration.h"
#include "human/camera/camera.h"
#include "media/frames/frames.h"

const struct option command_calibrate_options[] = {
    {"format", OPTION_TEXT, "toml|qualisys|opencv|json", NULL, "the format to write; without it the name of the file decides (.toml, .qca.txt, .yml or .yaml, .json)"},
    {"scale", OPTION_TEXT, "FACTOR", "1", "convert: multiplies all positions: 0.001 for a file in millimetres"},
    {"calibration", OPTION_TEXT, "FILE", NULL, "the calibration to begin with: lenses for extrinsics, points and lines; intrinsics adds its camera to it"},
    {"out", OPTION_TEXT, "FILE", NULL, "what is written: the board's PDF, or the calibration"},
    {"squares", OPTION_TEXT, "COLUMNSxROWS", "8x5", "squares of the board (not inner corners)"},
    {"square", OPTION_TEXT, "MM", "32", "side of a square, as measured on the print"},
    {"marker", OPTION_TEXT, "MM", "24", "side of a marker of a ChArUco board (4x4 bits, DICT_4X4_50); 0: plain checkerboard"},
    {"page", OPTION_TEXT, "a4|a3|a2|a1|a0|WxH", "a4", "board: the page, lying or standing as the board asks, or its size in millimetres"},
    {"model", OPTION_TEXT, "perspective|rational|fisheye", "perspective", "intrinsics: k1 k2 p1 p2; k1 to k6 p1 p2; or k1 to k4 over the angle"},
    {"k3", OPTION_FLAG, NULL, NULL, "intrinsics: a third radial coefficient, for corners that reach the borders"},
    {"camera", OPTION_TEXT, "NAME", "cam1", "intrinsics: the name of the camera; points and lines: the camera of rows that name none"},
    {"every", OPTION_NUMBER, "N", "10", "of videos each N-th picture is looked at"},
    {"focal", OPTION_FLAG, NULL, NULL, "points and lines: the focal length is not known either"},
    {"size", OPTION_TEXT, "WxH", NULL, "points and lines without a calibration: the size of the pictures in pixels"},
    OPTION_JSON,
    OPTION_END,
};

static int usage(struct command_context *context, const char *what, const char *about) {
    (void)command_fail(context, err_make(ERR_INPUT, "option.value", what), about);
    return EXIT_CODE_USAGE;
}

static enum camera_format format_of(const char *name, const char *path) {
    for (enum camera_format f = CAMERA_FORMAT_TOML; name && f < CAMERA_FORMATS; f++) {
        if (!strcmp(name, camera_format_name(f))) return f;
    }
    static const struct {
        const char *ending;
        enum camera_format format;
    } endings[] = {{".toml", CAMERA_FORMAT_TOML}, {".qca.txt", CAMERA_FORMAT_QUALISYS}, {".xml", CAMERA_FORMAT_QUALISYS},
                   {".yml", CAMERA_FORMAT_OPENCV}, {".yaml", CAMERA_FORMAT_OPENCV}, {".json", CAMERA_FORMAT_JSON}};
    for (size_t i = 0; !name && i < ARRAY_LEN(endings); i++) {
        if (slice_ends_with(slice_cstr(path), slice_cstr(endings[i].ending))) return endings[i].format;
    }
    return CAMERA_FORMAT_GUESS;
}

static int refuse(struct command_context *context, struct err e, const char *path, const struct camera_note *note) {
    char about[700];
    if (note && note->line) snprintf(about, sizeof about, "%s, line %d: %s", path, note->line, note->text);
    else snprintf(about, sizeof about, "%s%s%s", path, note && note->text[0] ? ": " : "", note ? note->text : "");
    return command_fail(context, e, about);
}

/* Writes the rig to --out, in the format that its name or --format says. */
static int write_rig(struct command_context *context, const struct camera_rig *rig, const char *path) {
    enum camera_format format = format_of(option_text(context, "format"), path);
    if (format == CAMERA_FORMAT_GUESS) return usage(context, "Name the format to write with --format toml, qualisys, opencv or json.", path);
    struct camera_note note = {0};
    struct buf text = BUF(256 << 20);
    struct err e = camera_rig_write(&text, rig, format, &note);
    if (!e.kind) e = fs_write_file_atomic(AT_FDCWD, path, buf_slice(&text), 0644);
    buf_free(&text);
    return e.kind ? refuse(context, e, path, &note) : EXIT_CODE_DONE;
}

/* Prints what a verb says as JSON and ends its writer; `text` is freed. */
static void print_json(struct buf *text, struct json_writer *w) {
    json_end(w);
    printf("%.*s\n", (int)text->len, text->ptr);
    buf_free(text);
}

/* ---- convert, check ---- */

static void report(struct command_context *context, const struct camera_rig *rig) {
    struct camera_note notes[64];
    size_t count = camera_rig_check(rig, notes, ARRAY_LEN(notes));
    if (count > ARRAY_LEN(notes)) count = ARRAY_LEN(notes);
    if (option_flag(context, "json")) {
        struct buf out = BUF(1 << 20);
        struct json_writer w = json_writer_of(&out);
        json_begin_object(&w);
        json_key(&w, "cameras");
        json_begin_array(&w);
        for (size_t i = 0; i < rig->count; i++) json_add_cstr(&w, rig->cameras[i].name);
        json_end(&w);
        json_key(&w, "warnings");
        json_begin_array(&w);
        for (size_t i = 0; i < count; i++) json_add_cstr(&w, notes[i].text);
        json_end(&w);
        print_json(&out, &w);
        return;
    }
    for (size_t i = 0; i < rig->count; i++) {
        const struct camera *c = &rig->cameras[i];
        struct vec3 at = camera_centre(&c->fixed.pose);
        printf("%-16s %5.0f x %-5.0f f %8.1f px  at (%8.3f, %8.3f, %8.3f) m\n", c->name, c->width, c->height, c->fixed.lens.fx, at.x, at.y, at.z);
    }
    for (size_t i = 0; i < count; i++) printf("warning: %s\n", notes[i].text);
}

static int convert_or_check(struct command_context *context, struct arena *mem, bool is_convert) {
    char *end;
    double scale = strtod(option_text(context, "scale"), &end);
    if (context->argument_count != (is_convert ? 3u : 2u)) return usage(context, "Say `calibrate convert IN OUT` or `calibrate check IN`.", context->arguments[0]);
    if (*end || !(scale > 0 && scale < 1e6)) return usage(context, "The scale must be a number above 0.", option_text(context, "scale"));
    if (is_convert && format_of(option_text(context, "format"), context->arguments[2]) == CAMERA_FORMAT_GUESS) {
        return usage(context, "Name the format to write with --format toml, qualisys, opencv or json.", context->arguments[2]);
    }
    struct camera_rig rig;
    struct camera_note note;
    struct err e = camera_rig_read(mem, context->arguments[1], CAMERA_FORMAT_GUESS, &rig, &note);
    if (e.kind) return refuse(context, e, context->arguments[1], &note);
    for (size_t i = 0; i < rig.count && scale != 1; i++) {
        struct camera *c = &rig.cameras[i];
        if (c->views) return command_fail(context, err_make(ERR_INPUT, "camera.format", "A calibration with a view for each frame is in metres already and cannot be scaled."), c->name);
        c->fixed.pose.translation = vec3_scale(c->fixed.pose.translation, scale);
    }
    int code = is_convert ? write_rig(context, &rig, context->arguments[2]) : EXIT_CODE_DONE;
    if (code == EXIT_CODE_DONE) report(context, &rig);
    return code;
}

/* ---- the board ---- */

static bool two_numbers(const char *text, double *a, double *b) {
    char *end;
    *a = strtod(text, &end);
    if (end == text || (*end != 'x' && *end != 'X')) return false;
    const char *second = end + 1;
    *b = strtod(second, &end);
    return end != second && !*end && *a > 0 && *b > 0;
}

/* The board of --squares, --square and --marker; false when they make no sense (said). */
static bool board_of(struct command_context *context, struct calibration_board *out, int *code) {
    double columns, rows;
    char *square_end, *marker_end;
    double square = strtod(option_text(context, "square"), &square_end), marker = strtod(option_text(context, "marker"), &marker_end);
    if (!two_numbers(option_text(context, "squares"), &columns, &rows) || columns > 1000 || rows > 1000 || *square_end || *marker_end || !isfinite(square) || !isfinite(marker)) {
        *code = usage(context, "The board is --squares COLUMNSxROWS --square MM --marker MM.", NULL);
        return false;
    }
    *out = (struct calibration_board){.columns = (int)columns, .rows = (int)rows, .square_m = square / 1e3, .marker_m = marker / 1e3};
    struct err e = calibration_board_check(out);
    if (e.kind) *code = usage(context, e.what, option_text(context, "squares"));
    return !e.kind;
}

static int print_board(struct command_context *context) {
    static const struct {
        const char *name;
        double w, h;
    } pages[] = {{"a4", 210, 297}, {"a3", 297, 420}, {"a2", 420, 594}, {"a1", 594, 841}, {"a0", 841, 1189}};
    const char *out = option_text(context, "out"), *page = option_text(context, "page");
    struct calibration_board b;
    double w = 0, h = 0;
    int code;
    if (!out || context->argument_count != 1) return usage(context, "Say `calibrate board --out board.pdf`.", NULL);
    if (!board_of(context, &b, &code)) return code;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (!strcmp(page, pages[i].name)) w = pages[i].w, h = pages[i].h;
    }
    if (!w && !two_numbers(page, &w, &h)) return usage(context, "--page is a4, a3, a2, a1, a0 or WxH in millimetres.", page);
    if ((b.columns > b.rows) != (w > h)) { /* lying or standing */
        double t = w;
        w = h, h = t;
    }
    struct buf pdf = BUF(8 << 20);
    struct err e = calibration_board_pdf(&pdf, &b, w, h);
    if (!e.kind) e = fs_write_file_atomic(AT_FDCWD, out, buf_slice(&pdf), 0644);
    buf_free(&pdf);
    if (e.kind) return command_fail(context, e, !strcmp(e.code, "calibration.page") ? page : out);
    if (option_flag(context, "json")) printf("{\"columns\":%d,\"rows\":%d,\"square_mm\":%g,\"marker_mm\":%g,\"page_mm\":[%g,%g]}\n", b.columns, b.rows, b.square_m * 1e3, b.marker_m * 1e3, w, h);
    else {
        printf("%s: %d x %d squares of %g mm on %g x %g mm. Print at 100 %%, glue it onto something flat, and measure a square: give that to --square.\n", out, b.columns, b.rows, b.square_m * 1e3, w, h);
        if (b.marker_m == 0 && (b.columns + b.rows) % 2 == 0) printf("This board looks the same upside down: for several cameras take one side with an odd and one with an even number of squares.\n");
    }
    return EXIT_CODE_DONE;
}

/* ---- pictures ---- */

/* What was found in the pictures of one camera. */
struct harvest {
    struct arena *mem;
    const struct calibration_board *board;
    struct calibration_sight *sights;
    const char **names; /* of the picture: file, or file and number */
    size_t count, room, found, looked;
    int width, height;
    const char *path; /* being read */
    bool is_video, keeps_all; /* keeps_all: pictures without the board stand in the row as well */
};

static struct err look(void *user, const struct frames_picture *p) {
    struct harvest *h = user;
    h->looked++;
    if (!h->width) h->width = p->width, h->height = p->height;
    if (p->width != h->width || p->height != h->height) {
        return err_make(ERR_INPUT, "calibration.picture", "This picture has another size than those before it. Calibrate each size by itself, as the camera records it.");
    }
    if (h->count == h->room) {
        size_t room = h->room ? 2 * h->room : 64;
        struct calibration_sight *sights = arena_alloc_array(h->mem, room, sizeof *sights);
        const char **names = arena_alloc_array(h->mem, room, sizeof *names);
        if (!sights || !names) return err_memory();
        if (h->count) memcpy(sights, h->sights, h->count * sizeof *sights), memcpy(names, h->names, h->count * sizeof *names);
        h->sights = sights, h->names = names, h->room = room;
    }
    const struct calibration_picture picture = {p->width, p->height, (size_t)p->width, p->gray};
    struct calibration_sight s = {0};
    struct err e = calibration_find_board(h->mem, &picture, h->board, &s);
    if (e.kind && e.kind != ERR_NOT_FOUND) return e;
    if (e.kind && h->is_video && !h->keeps_all) return ERR_OK; /* most pictures of a video show it somewhere else */
    h->names[h->count] = h->is_video ? arena_printf(h->mem, "%s#%lld", h->path, (long long)p->number).ptr : h->path;
    if (!h->names[h->count]) return err_memory();
    h->sights[h->count++] = e.kind ? (struct calibration_sight){0} : s, h->found += !e.kind;
    return ERR_OK;
}

/* One file: a portable graymap by ourselves, all else by the child. */
static struct err read_pictures(struct harvest *h, const char *path, int64_t every) {
    int fd = -1;
    char head[2] = {0};
    uint64_t bytes = 0;
    h->path = path;
    struct err e = fs_open(AT_FDCWD, path, O_RDONLY, 0, &fd);
    if (!e.kind) e = fs_size(fd, &bytes);
    if (!e.kind && bytes >= 2) e = fs_pread_all(fd, head, 2, 0);
    if (!e.kind && head[0] == 'P' && head[1] >= '2' && head[1] <= '6') {
        struct buf text = BUF(512 << 20);
        struct arena *scratch = arena_create((size_t)512 << 20);
        struct calibration_picture p;
        e = scratch ? fs_read_file(AT_FDCWD, path, &text) : err_memory();
        if (!e.kind) e = calibration_picture_parse(scratch, buf_slice(&text), &p);
        h->is_video = false;
        if (!e.kind) e = look(h, &(struct frames_picture){.width = p.width, .height = p.height, .gray = p.gray});
        arena_destroy(&scratch);
        buf_free(&text);
    } else if (!e.kind) {
        h->is_video = memcmp(head, "\xff\xd8", 2) && memcmp(head, "\x89P", 2);
        e = frames_read(fd, &(struct frames_options){.every = every, .is_alone = true}, look, h);
    }
    fs_close(&fd);
    return e;
}

static int name_order(const void *a_, const void *b_) { return strverscmp(*(const char *const *)a_, *(const char *const *)b_); }

/* The files of a folder in natural order ("9" before "10"), or the one file. */
static struct err files_of(struct arena *mem, const char *path, const char ***out, size_t *count) {
    DIR *dir = opendir(path);
    size_t room = 1, n = 0;
    const char **list = NULL;
    if (!dir) {
        if (!(list = arena_alloc_array(mem, 1, sizeof *list))) return err_memory();
        list[0] = path, *out = list, *count = 1;
        return ERR_OK;
    }
    struct err e = ERR_OK;
    for (struct dirent *d; !e.kind && (d = readdir(dir));) {
        if (d->d_name[0] == '.') continue;
        if (n + 1 >= room || !list) {
            const char **more = arena_alloc_array(mem, room *= 2, sizeof *more);
            if (!more) e = err_memory();
            else if (n) memcpy(more, list, n * sizeof *more);
            list = more;
        }
        if (!e.kind && !(list[n++] = arena_printf(mem, "%s/%s", path, d->d_name).ptr)) e = err_memory();
    }
    closedir(dir);
    if (!e.kind && !n) e = err_make(ERR_INPUT, "calibration.few", "The folder is empty.");
    if (e.kind) return e;
    qsort(list, n, sizeof *list, name_order);
    *out = list, *count = n;
    return ERR_OK;
}

/* ---- lenses and places from boards ---- */

static void say_coverage(const struct calibration_camera *c) {
    printf("corners in each part of the picture:\n");
    for (int y = 0; y < CALIBRATION_GRID_Y; y++) {
        printf("   ");
        for (int x = 0; x < CALIBRATION_GRID_X; x++) c->coverage[y][x] ? printf("%5d", c->coverage[y][x]) : printf("    .");
        printf("\n");
    }
    if (c->covered < 0.8) printf("%.0f %% of the picture saw no corner: take more pictures with the board there; the lens is a guess in those parts.\n", 100 * (1 - c->covered));
}

static void say_lens(struct json_writer *w, bool is_json, const char *name, const struct calibration_camera *c, const char *const *pictures, size_t count) {
    static const char *const numbers[CALIBRATION_LENS_NUMBERS] = {"fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2"};
    const struct camera_lens *l = &c->lens;
    const double values[CALIBRATION_LENS_NUMBERS] = {l->fx, l->fy, l->cx, l->cy, l->radial[0], l->radial[1], l->radial[2], l->radial[3], l->radial[4], l->radial[5], l->tangential[0], l->tangential[1]};
    json_put_cstr(w, "name", name), json_put_cstr(w, "model", l->is_fisheye ? "fisheye" : "perspective");
    json_put_double(w, "rms_px", c->rms_px), json_put_number(w, "corners", (int64_t)c->corners), json_put_number(w, "left_out", (int64_t)c->left_out), json_put_double(w, "covered", c->covered);
    json_key(w, "lens");
    json_begin_object(w);
    for (int k = 0; k < CALIBRATION_LENS_NUMBERS; k++) json_put_double(w, numbers[k], values[k]);
    json_end(w);
    json_key(w, "deviations");
    json_begin_object(w);
    for (int k = 0; k < CALIBRATION_LENS_NUMBERS; k++) {
        if (c->deviation[k] > 0) json_put_double(w, numbers[k], c->deviation[k]);
    }
    json_end(w);
    json_key(w, "coverage");
    json_begin_array(w);
    for (int y = 0; y < CALIBRATION_GRID_Y; y++) {
        json_begin_array(w);
        for (int x = 0; x < CALIBRATION_GRID_X; x++) json_add_number(w, c->coverage[y][x]);
        json_end(w);
    }
    json_end(w);
    if (pictures) {
        json_key(w, "pictures");
        json_begin_array(w);
        for (size_t i = 0; i < count; i++) {
            json_begin_object(w);
            json_put_cstr(w, "file", pictures[i]), json_put_double(w, "rms_px", c->picture_rms_px[i]);
            json_end(w);
            if (is_json) continue;
            if (isfinite(c->picture_rms_px[i])) printf("%-40s %.3f px\n", pictures[i], c->picture_rms_px[i]);
            else printf("%-40s board not found\n", pictures[i]);
        }
        json_end(w);
    }
    if (is_json) return;
    printf("%s: %.3f px root mean square over %zu corners, %zu left out as wrong\n", name, c->rms_px, c->corners, c->left_out);
    for (int k = 0; k < CALIBRATION_LENS_NUMBERS; k++) {
        if (c->deviation[k] > 0) printf("  %-3s %12.5g  (+- %.2g)\n", numbers[k], values[k], c->deviation[k]);
    }
    say_coverage(c);
}

static struct err add_camera(struct arena *mem, struct camera_rig *rig, const struct camera *camera) {
    for (size_t i = 0; i < rig->count; i++) {
        if (strcmp(rig->cameras[i].name, camera->name)) continue;
        struct camera_view before = rig->cameras[i].fixed; /* a new lens, the old place */
        rig->cameras[i] = *camera, rig->cameras[i].fixed.pose = before.pose;
        return ERR_OK;
    }
    if (rig->count == CAMERA_COUNT_MAX) return err_make(ERR_LIMIT, "camera.count", "A calibration holds 64 cameras.");
    struct camera *more = arena_alloc_array(mem, rig->count + 1, sizeof *more);
    if (!more) return err_memory();
    if (rig->count) memcpy(more, rig->cameras, rig->count * sizeof *more);
    more[rig->count] = *camera;
    rig->cameras = more, rig->count++;
    return ERR_OK;
}

static int intrinsics(struct command_context *context, struct arena *mem) {
    const char *out = option_text(context, "out"), *given = option_text(context, "calibration"), *model = option_text(context, "model"), *name = option_text(context, "camera");
    struct calibration_board board;
    struct camera_rig rig = {.up = CAMERA_UP_UNKNOWN};
    struct camera_note note = {0};
    int code;
    if (context->argument_count < 2 || !out) return usage(context, "Say `calibrate intrinsics --out lenses.json PICTURES...`: files, a folder of them, or a video.", NULL);
    if (!board_of(context, &board, &code)) return code;
    if (strlen(name) >= CAMERA_NAME_MAX) return usage(context, "The name of the camera is too long.", name);
    struct calibration_camera_options options = {.radial_count = option_flag(context, "k3") ? 3 : 2};
    if (!strcmp(model, "rational")) options.model = CALIBRATION_RATIONAL;
    else if (!strcmp(model, "fisheye")) options.model = CALIBRATION_FISHEYE;
    else if (strcmp(model, "perspective")) return usage(context, "--model is perspective, rational or fisheye.", model);
    if (given && fs_exists(AT_FDCWD, given)) {
        struct err e = camera_rig_read(mem, given, CAMERA_FORMAT_GUESS, &rig, &note);
        if (e.kind) return refuse(context, e, given, &note);
    }
    struct harvest h = {.mem = mem, .board = &board};
    for (size_t a = 1; a < context->argument_count; a++) {
        const char **files;
        size_t count;
        struct err e = files_of(mem, context->arguments[a], &files, &count);
        for (size_t i = 0; i < count && !e.kind; i++) e = read_pictures(&h, files[i], option_number(context, "every"));
        if (e.kind) return command_fail(context, e, h.path ? h.path : context->arguments[a]);
    }
    options.width = h.width, options.height = h.height;
    struct calibration_cameras result;
    struct err e = h.count ? calibration_cameras(mem, &board, &options, 1, h.sights, h.count, &result, NULL)
                           : err_make(ERR_INPUT, "calibration.few", "The board was found in none of the pictures. Check --squares (all squares, not inner corners) and --marker.");
    if (e.kind) {
        char about[200];
        snprintf(about, sizeof about, "%s: the board was found in %zu of %zu pictures", name, h.found, h.looked);
        return command_fail(context, e, about);
    }
    struct camera camera = {.width = h.width, .height = h.height, .error_px = result.rms_px, .fixed = {.lens = result.cameras[0].lens, .pose = {.rotation = MAT3_IDENTITY}}};
    memcpy(camera.name, name, strlen(name));
    if ((e = add_camera(mem, &rig, &camera)).kind) return command_fail(context, e, name);
    bool is_json = option_flag(context, "json");
    struct buf text = BUF(16 << 20);
    struct json_writer w = json_writer_of(&text);
    json_begin_object(&w);
    say_lens(&w, is_json, name, &result.cameras[0], h.names, h.count);
    if (is_json) print_json(&text, &w);
    else buf_free(&text);
    return write_rig(context, &rig, out);
}

static int extrinsics(struct command_context *context, struct arena *mem) {
    const char *out = option_text(context, "out"), *given = option_text(context, "calibration");
    size_t cameras = context->argument_count - 1, instants = 0;
    struct calibration_board board;
    struct camera_rig rig;
    struct camera_note note = {0};
    struct harvest harvests[CAMERA_COUNT_MAX] = {0};
    struct calibration_camera_options options[CAMERA_COUNT_MAX] = {0};
    int code;
    if (!out || !given || cameras < 2 || cameras > CAMERA_COUNT_MAX) return usage(context, "Say `calibrate extrinsics --calibration lenses.json --out rig.json FOLDER FOLDER...`, one folder of pictures or one video for each camera.", NULL);
    if (!board_of(context, &board, &code)) return code;
    struct err e = camera_rig_read(mem, given, CAMERA_FORMAT_GUESS, &rig, &note);
    if (e.kind) return refuse(context, e, given, &note);
    if (rig.count != cameras) return usage(context, "Give as many folders as the calibration has cameras, in its order.", given);
    for (size_t c = 0; c < cameras; c++) {
        const char **files;
        size_t count;
        harvests[c] = (struct harvest){.mem = mem, .board = &board, .keeps_all = true};
        e = files_of(mem, context->arguments[c + 1], &files, &count);
        for (size_t i = 0; i < count && !e.kind; i++) e = read_pictures(&harvests[c], files[i], option_number(context, "every"));
        if (e.kind) return command_fail(context, e, harvests[c].path ? harvests[c].path : context->arguments[c + 1]);
        if (harvests[c].count > instants) instants = harvests[c].count;
        options[c] = (struct calibration_camera_options){.is_lens_known = true, .lens = rig.cameras[c].fixed.lens, .width = harvests[c].width, .height = harvests[c].height};
        if (rig.cameras[c].width > 0 && (rig.cameras[c].width != harvests[c].width || rig.cameras[c].height != harvests[c].height)) {
            return command_fail(context, err_make(ERR_INPUT, "calibration.picture", "These pictures have another size than the ones that the lens was calibrated with."), context->arguments[c + 1]);
        }
    }
    struct calibration_sight *sights = arena_alloc_array(mem, cameras * instants, sizeof *sights);
    if (!sights) return command_fail(context, err_memory(), NULL);
    for (size_t c = 0; c < cameras; c++) {
        for (size_t i = 0; i < harvests[c].count; i++) sights[c * instants + i] = harvests[c].sights[i];
    }
    struct calibration_cameras result;
    size_t culprit;
    if ((e = calibration_cameras(mem, &board, options, cameras, sights, instants, &result, &culprit)).kind) return command_fail(context, e, context->arguments[culprit + 1]);
    bool is_json = option_flag(context, "json");
    struct buf text = BUF(16 << 20);
    struct json_writer w = json_writer_of(&text);
    json_begin_object(&w);
    json_put_double(&w, "rms_px", result.rms_px);
    json_key(&w, "cameras");
    json_begin_array(&w);
    const char *alone = NULL;
    for (size_t c = 0; c < cameras; c++) {
        const struct calibration_camera *k = &result.cameras[c];
        struct vec3 at = camera_centre(&k->pose);
        if (!k->is_placed) alone = context->arguments[c + 1];
        rig.cameras[c].fixed.pose = k->pose, rig.cameras[c].error_px = k->rms_px;
        json_begin_object(&w);
        json_put_cstr(&w, "name", rig.cameras[c].name), json_put_number(&w, "pictures", (int64_t)harvests[c].found), json_put_double(&w, "rms_px", k->rms_px), json_put_bool(&w, "is_placed", k->is_placed);
        json_end(&w);
        if (!is_json) {
            printf("%-16s board in %zu of %zu pictures, %.3f px, at (%.3f, %.3f, %.3f) m\n", rig.cameras[c].name, harvests[c].found, harvests[c].count, k->rms_px, at.x, at.y, at.z);
        }
    }
    json_end(&w);
    if (is_json && !alone) print_json(&text, &w);
    else buf_free(&text);
    if (alone) return command_fail(context, err_make(ERR_INPUT, "calibration.few", "This camera never saw the board at the same instant as another one that is placed. The pictures of all folders must belong together in order."), alone);
    rig.up = CAMERA_UP_UNKNOWN; /* the board's frame: z goes into it */
    if (!is_json) printf("The world is the board of the first picture used: x along its columns, y down its rows, z into it.\n");
    return write_rig(context, &rig, out);
}

/* ---- places from the scene ---- */

static int places(struct command_context *context, struct arena *mem) {
    const char *out = option_text(context, "out"), *given = option_text(context, "calibration"), *size = option_text(context, "size");
    struct camera_rig rig = {0};
    struct camera_note note = {0};
    struct calibration_rows rows;
    bool with_focal = option_flag(context, "focal"), is_json = option_flag(context, "json");
    double width = 0, height = 0;
    if (context->argument_count != 2 || !out || (!given && !(size && with_focal))) {
        return usage(context, "Say `calibrate points --calibration lenses.json --out rig.json MARKS.csv`; without lenses --focal and --size WxH.", NULL);
    }
    if (size && !two_numbers(size, &width, &height)) return usage(context, "--size is WIDTHxHEIGHT in pixels.", size);
    struct err e = given ? camera_rig_read(mem, given, CAMERA_FORMAT_GUESS, &rig, &note) : ERR_OK;
    if (e.kind) return refuse(context, e, given, &note);
    struct buf text = BUF(64 << 20);
    e = fs_read_file(AT_FDCWD, context->arguments[1], &text);
    if (!e.kind) e = calibration_rows_parse(mem, buf_slice(&text), &rows, &note);
    buf_free(&text);
    if (e.kind) return refuse(context, e, context->arguments[1], &note);
    struct calibration_mark *marks = arena_alloc_array(mem, rows.count, sizeof *marks);
    if (!marks) return command_fail(context, err_memory(), NULL);
    struct json_writer w = json_writer_of(&text);
    json_begin_object(&w);
    json_key(&w, "cameras");
    json_begin_array(&w);
    for (size_t i = 0; i < rows.count; i++) { /* each camera at its first row */
        const char *name = rows.rows[i].camera[0] ? rows.rows[i].camera : option_text(context, "camera");
        size_t count = 0;
        bool is_done = false;
        for (size_t k = 0; k < rows.count; k++) {
            const char *other = rows.rows[k].camera[0] ? rows.rows[k].camera : option_text(context, "camera");
            if (strcmp(name, other)) continue;
            is_done = is_done || k < i;
            marks[count++] = rows.rows[k].mark;
        }
        if (is_done) continue;
        struct camera camera = {.error_px = NAN, .width = width, .height = height, .fixed = {.pose = {.rotation = MAT3_IDENTITY}}};
        const struct camera *known = camera_rig_find(&rig, slice_cstr(name));
        if (known) camera = *known;
        else if (given) return command_fail(context, err_make(ERR_INPUT, "calibration.few", "The calibration has no camera of this name."), name);
        else {
            snprintf(camera.name, sizeof camera.name, "%s", name);
            camera.fixed.lens = (struct camera_lens){.fx = width, .fy = width, .cx = 0.5 * width - 0.5, .cy = 0.5 * height - 0.5};
            if ((e = camera_lens_prepare(&camera.fixed.lens)).kind) return command_fail(context, e, name);
        }
        struct calibration_place place;
        if ((e = calibration_place(mem, &camera.fixed.lens, with_focal, marks, count, &place)).kind) return command_fail(context, e, name);
        camera.fixed.pose = place.pose, camera.fixed.lens = place.lens, camera.error_px = place.rms_px, camera.views = NULL, camera.view_count = 0;
        if (known) rig.cameras[known - rig.cameras] = camera;
        else if ((e = add_camera(mem, &rig, &camera)).kind) return command_fail(context, e, name);
        struct vec3 at = camera_centre(&place.pose);
        size_t seen = 0, worst_line = 0;
        for (size_t k = 0; k < rows.count; k++) {
            const char *other = rows.rows[k].camera[0] ? rows.rows[k].camera : option_text(context, "camera");
            if (!strcmp(name, other) && seen++ == place.worst) worst_line = (size_t)rows.rows[k].line;
        }
        json_begin_object(&w);
        json_put_cstr(&w, "name", name), json_put_number(&w, "marks", (int64_t)count), json_put_double(&w, "rms_px", place.rms_px), json_put_double(&w, "deviation_m", place.deviation_m);
        json_put_double(&w, "focal_px", place.lens.fx), json_put_double(&w, "focal_deviation_px", place.deviation_focal);
        json_put_number(&w, "worst_line", (int64_t)worst_line), json_put_double(&w, "worst_px", place.residual_px[place.worst]);
        json_key(&w, "at");
        json_begin_array(&w);
        json_add_double(&w, at.x), json_add_double(&w, at.y), json_add_double(&w, at.z);
        json_end(&w);
        json_end(&w);
        if (is_json) continue;
        printf("%-16s %zu marks, %.2f px, at (%.3f, %.3f, %.3f) m", name, count, place.rms_px, at.x, at.y, at.z);
        if (isfinite(place.deviation_m)) printf(" +- %.3f m", place.deviation_m);
        if (with_focal) printf(", f %.1f +- %.1f px", place.lens.fx, place.deviation_focal);
        printf("; worst mark %.2f px (line %zu)\n", place.residual_px[place.worst], worst_line);
        if (place.residual_px[place.worst] > 5 * place.rms_px && count > 6) printf("  look at line %zu of %s: it does not fit the others\n", worst_line, context->arguments[1]);
    }
    json_end(&w);
    if (is_json) print_json(&text, &w);
    else buf_free(&text);
    if (rig.up == CAMERA_UP_UNKNOWN) rig.up = CAMERA_UP_Z;
    return write_rig(context, &rig, out);
}

int command_calibrate(struct command_context *context) {
    const char *verb = context->arguments[0];
    struct arena *mem = arena_create((size_t)4 << 30);
    if (!mem) return command_fail(context, err_memory(), NULL);
    int code;
    if (!strcmp(verb, "board")) code = print_board(context);
    else if (!strcmp(verb, "intrinsics")) code = intrinsics(context, mem);
    else if (!strcmp(verb, "extrinsics")) code = extrinsics(context, mem);
    else if (!strcmp(verb, "points") || !strcmp(verb, "lines")) code = places(context, mem);
    else if (!strcmp(verb, "convert") || !strcmp(verb, "check")) code = convert_or_check(context, mem, !strcmp(verb, "convert"));
    else code = usage(context, "Say `calibrate board`, `intrinsics`, `extrinsics`, `points`, `lines`, `convert` or `check`.", verb);
    arena_destroy(&mem);
    return code;
}
