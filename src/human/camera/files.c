/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading calibrations: from the tree of a TOML, YAML or JSON file to a rig that has been checked. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "human/camera/tree.h"

static const char *const format_names[CAMERA_FORMATS] = {"guess", "toml", "qualisys", "opencv", "json"};

const char *camera_format_name(enum camera_format f) { return f >= 0 && f < CAMERA_FORMATS ? format_names[f] : "unknown"; }

static struct err field_error(struct camera_note *note) {
    (void)note; /* says which and where */
    return err_make(ERR_INPUT, "camera.field", "A value of the calibration is missing or not what it should be.");
}

struct err camera_pose_from(const double *rotation, size_t rotation_count, const double translation[3], struct camera_pose *out, struct camera_note *note,
                            int line, const char *name) {
    struct camera_pose p;
    p.translation = vec3_of(translation[0], translation[1], translation[2]);
    bool is_finite = vec3_is_known(p.translation) && vec3_norm(p.translation) < 1e9;
    for (size_t i = 0; i < rotation_count; i++) is_finite = is_finite && isfinite(rotation[i]) && fabs(rotation[i]) < 1e6;
    if (!is_finite) {
        camera_note_set(note, line, "Camera %s: its position or rotation holds a number that is not finite.", name);
        return err_make(ERR_INPUT, "camera.pose", "The pose of a camera is not usable.");
    }
    if (rotation_count == 3) {
        p.rotation = rotation_from_vector(vec3_of(rotation[0], rotation[1], rotation[2]));
    } else {
        struct mat3 given;
        for (int i = 0; i < 9; i++) given.m[i / 3][i % 3] = rotation[i];
        double det = mat3_determinant(&given);
        /* Files carry 5 to 17 digits: 1e-3 lets roundings pass and scaled or sheared matrices not. */
        if (!rotation_nearest(&given, 1e-3, &p.rotation)) {
            if (det < -0.5) {
                camera_note_set(note, line, "Camera %s: its rotation matrix is a mirror image (determinant %.2f). One axis of the world or of the camera has "
                                "the wrong sign.", name, det);
            } else camera_note_set(note, line, "Camera %s: its rotation matrix (determinant %.3g) is no rotation. Are rows or cameras mixed up?", name, det);
            return err_make(ERR_INPUT, "camera.pose", "The pose of a camera is not usable.");
        }
    }
    *out = p;
    return ERR_OK;
}

static void set_name(struct camera *c, struct slice name) {
    size_t len = name.len < CAMERA_NAME_MAX - 1 ? name.len : CAMERA_NAME_MAX - 1;
    while (len && len < name.len && (name.ptr[len] & 0xc0) == 0x80) len--; /* not through the middle of a character */
    memcpy(c->name, name.ptr, len);
    c->name[len] = 0;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)c->name[i] < 0x20 || c->name[i] == 0x7f) c->name[i] = '_';
    }
}

/* Numbers of one named member: exactly one of the counts allowed. */
static struct err numbers_of(const struct tree *table, const char *camera, const char *key, double *out, const size_t *counts, size_t counts_len,
                             size_t *count, struct camera_note *note) {
    struct tree *t = tree_get(table, slice_cstr(key));
    if (!t) {
        camera_note_set(note, table->line, "Camera %s: \"%s\" is missing.", camera, key);
        return field_error(note);
    }
    *count = 0;
    double values[16];
    bool is_right = tree_numbers(t, values, ARRAY_LEN(values), count);
    for (size_t i = 0; i < counts_len && is_right; i++) {
        if (*count == counts[i]) {
            memcpy(out, values, *count * sizeof *out);
            return ERR_OK;
        }
    }
    camera_note_set(note, t->line, "Camera %s: \"%s\" must hold %zu numbers%s.", camera, key, counts[0], counts_len > 1 ? " (or another count the format knows)" : "");
    return field_error(note);
}
#define COUNTS(...) (const size_t[]){__VA_ARGS__}, sizeof((const size_t[]){__VA_ARGS__}) / sizeof(size_t)

/* k1 k2 p1 p2 [k3 [k4 k5 k6]], OpenCV's order; fisheye k1..k4. */
static void lens_set_distortion(struct camera_lens *l, const double *d, size_t count) {
    if (l->is_fisheye) {
        for (size_t i = 0; i < count && i < 4; i++) l->radial[i] = d[i];
        return;
    }
    if (count > 0) l->radial[0] = d[0];
    if (count > 1) l->radial[1] = d[1];
    if (count > 3) l->tangential[0] = d[2], l->tangential[1] = d[3];
    if (count > 4) l->radial[2] = d[4];
    for (size_t i = 5; i < count && i < 8; i++) l->radial[i - 2] = d[i];
}

static struct err lens_from_matrix(struct camera *c, const double m[9], int line, struct camera_note *note) {
    struct camera_lens *l = &c->fixed.lens;
    if (!(fabs(m[3]) < 1e-9) || !(fabs(m[6]) < 1e-9) || !(fabs(m[7]) < 1e-9) || !(fabs(m[8] - 1) < 1e-9)) {
        camera_note_set(note, line, "Camera %s: the camera matrix must read [fx s cx; 0 fy cy; 0 0 1]. Is it transposed?", c->name);
        return field_error(note);
    }
    l->fx = m[0], l->skew = m[1], l->cx = m[2], l->fy = m[4], l->cy = m[5];
    return ERR_OK;
}

static struct err lens_finish(struct camera *c, int line, struct camera_note *note) {
    struct err e = camera_lens_prepare(&c->fixed.lens);
    if (e.kind) camera_note_set(note, line, "Camera %s: %s", c->name, e.what);
    return e;
}

/* ---- TOML: Pose2Sim, Anipose, Caliscope ---- */

/* A camera is any table with a "matrix". */
static struct err camera_from_table(const struct tree *t, struct camera *c, struct camera_note *note) {
    struct err e;
    struct tree *name = tree_get(t, SLICE("name")), *fisheye = tree_get(t, SLICE("fisheye")), *error = tree_get(t, SLICE("error"));
    *c = (struct camera){.error_px = error && error->kind == TREE_NUMBER ? error->number : NAN};
    set_name(c, name && name->kind == TREE_STRING && name->text.len ? name->text : t->key);
    double size[16], matrix[16], distortion[16], rotation[16], translation[16];
    size_t count, rotation_count;
    if (tree_get(t, SLICE("size"))) {
        if ((e = numbers_of(t, c->name, "size", size, COUNTS(2), &count, note)).kind) return e;
        c->width = size[0], c->height = size[1];
    }
    if ((e = numbers_of(t, c->name, "matrix", matrix, COUNTS(9), &count, note)).kind) return e;
    if ((e = lens_from_matrix(c, matrix, tree_get(t, SLICE("matrix"))->line, note)).kind) return e;
    c->fixed.lens.is_fisheye = fisheye && fisheye->kind == TREE_BOOL && fisheye->number != 0;
    if (tree_get(t, SLICE("distortions"))) {
        if ((e = numbers_of(t, c->name, "distortions", distortion, COUNTS(4, 5, 8, 0, 1, 2), &count, note)).kind) return e;
        lens_set_distortion(&c->fixed.lens, distortion, count);
    }
    if ((e = numbers_of(t, c->name, "rotation", rotation, COUNTS(3, 9), &rotation_count, note)).kind) return e;
    if ((e = numbers_of(t, c->name, "translation", translation, COUNTS(3), &count, note)).kind) return e;
    if ((e = camera_pose_from(rotation, rotation_count, translation, &c->fixed.pose, note, tree_get(t, SLICE("rotation"))->line, c->name)).kind) return e;
    return lens_finish(c, t->line, note);
}

/* Counts the cameras below `t`, and reads them if `cameras` is given. Caliscope nests them one level down. */
static struct err each_table(const struct tree *t, int depth, struct camera *cameras, size_t *count, struct camera_note *note) {
    for (const struct tree *c = t->first; c; c = c->next) {
        if (c->kind != TREE_TABLE) continue;
        if (!tree_get(c, SLICE("matrix"))) {
            if (depth < 2) {
                struct err e = each_table(c, depth + 1, cameras, count, note);
                if (e.kind) return e;
            }
            continue;
        }
        if (*count == CAMERA_COUNT_MAX) {
            camera_note_set(note, c->line, "The file holds more than %d cameras.", CAMERA_COUNT_MAX);
            return err_make(ERR_LIMIT, "camera.large", "The calibration holds more cameras than are accepted.");
        }
        if (cameras) {
            struct err e = camera_from_table(c, &cameras[*count], note);
            if (e.kind) return e;
        }
        (*count)++;
    }
    return ERR_OK;
}

struct err camera_read_tables(struct arena *mem, const struct tree *root, struct camera_rig *out, struct camera_note *note) {
    size_t count = 0;
    struct err e = each_table(root, 0, NULL, &count, note);
    if (e.kind) return e;
    if (!count) {
        camera_note_set(note, 0, "No camera is in it: a camera is a table with \"matrix\", \"rotation\" and \"translation\".");
        return field_error(note);
    }
    struct camera_rig rig = {.count = count, .up = CAMERA_UP_Z};
    if (!(rig.cameras = arena_alloc_array(mem, count, sizeof *rig.cameras))) return err_memory();
    count = 0;
    if ((e = each_table(root, 0, rig.cameras, &count, note)).kind) return e;
    *out = rig;
    return ERR_OK;
}

/* ---- OpenCV YAML ---- */

/* The numbers of an "!!opencv-matrix" {rows, cols, dt, data} or of a plain (nested) list. */
static bool matrix_of(const struct tree *t, double *out, size_t limit, size_t *count) {
    *count = 0;
    if (!t) return false;
    const struct tree *data = t->kind == TREE_TABLE ? tree_get(t, SLICE("data")) : t;
    return data && tree_numbers(data, out, limit, count);
}

/* The first member of several names, each with `suffix`. */
static const struct tree *any_of(const struct tree *root, const char *const *names, size_t names_len, const char *suffix) {
    for (size_t i = 0; i < names_len; i++) {
        char key[160];
        snprintf(key, sizeof key, "%s%s", names[i], suffix);
        const struct tree *t = tree_get(root, slice_cstr(key));
        if (t) return t;
    }
    return NULL;
}
#define ANY_OF(root, suffix, ...) \
    any_of(root, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), suffix)

static struct err camera_from_opencv(const struct tree *root, struct slice name, const char *suffix, struct camera *c, struct camera_note *note) {
    *c = (struct camera){.error_px = NAN};
    set_name(c, name);
    double v[16];
    size_t count;
    const struct tree *k = ANY_OF(root, suffix, "camera_matrix", "K", "Camera_Matrix", "cameraMatrix", "intrinsic_matrix");
    if (!matrix_of(k, v, ARRAY_LEN(v), &count) || count != 9) {
        camera_note_set(note, k ? k->line : 0, "Camera %s: a 3 x 3 \"camera_matrix%s\" or \"K%s\" is needed.", c->name, suffix, suffix);
        return field_error(note);
    }
    struct err e = lens_from_matrix(c, v, k->line, note);
    if (e.kind) return e;
    const struct tree *model = ANY_OF(root, suffix, "distortion_model", "camera_model");
    c->fixed.lens.is_fisheye = model && model->kind == TREE_STRING && (slice_eq_nocase(model->text, SLICE("fisheye")) || slice_eq_nocase(model->text, SLICE("equidistant")));
    const struct tree *d = ANY_OF(root, suffix, "distortion_coefficients", "dist", "D", "Distortion_Coefficients", "distCoeffs", "distortion");
    if (d) {
        if (!matrix_of(d, v, ARRAY_LEN(v), &count) || (count > 8 && count != 12 && count != 14)) {
            camera_note_set(note, d->line, "Camera %s: the distortion must hold 4, 5 or 8 numbers (k1 k2 p1 p2 k3 k4 k5 k6).", c->name);
            return field_error(note);
        }
        for (size_t i = 8; i < count; i++) {
            if (v[i] == 0) continue;
            camera_note_set(note, d->line, "Camera %s: thin-prism and tilted-sensor terms are not known here. Calibrate without them.", c->name);
            return field_error(note);
        }
        lens_set_distortion(&c->fixed.lens, v, count);
    }
    const struct tree *w = ANY_OF(root, suffix, "image_width", "imageWidth", "W", "width"), *h = ANY_OF(root, suffix, "image_height", "imageHeight", "H", "height");
    if (w && h && w->kind == TREE_NUMBER && h->kind == TREE_NUMBER) c->width = w->number, c->height = h->number;
    const struct tree *r = ANY_OF(root, suffix, "Rot", "R", "rvec", "rotation", "rotation_matrix", "rotation_vector");
    const struct tree *t = ANY_OF(root, suffix, "T", "tvec", "t", "translation", "translation_vector");
    double translation[16];
    size_t translation_count;
    if (!matrix_of(r, v, ARRAY_LEN(v), &count) || (count != 3 && count != 9) || !matrix_of(t, translation, ARRAY_LEN(translation), &translation_count) ||
        translation_count != 3) {
        camera_note_set(note, r ? r->line : 0, "Camera %s: where it stands is missing: a rotation (\"rvec%s\", \"R%s\" or \"Rot%s\") and a translation "
                        "(\"tvec%s\" or \"T%s\"). Files of one camera's lens alone are not enough.", c->name, suffix, suffix, suffix, suffix, suffix);
        return field_error(note);
    }
    if ((e = camera_pose_from(v, count, translation, &c->fixed.pose, note, r->line, c->name)).kind) return e;
    return lens_finish(c, k->line, note);
}

struct err camera_read_opencv(struct arena *mem, const struct tree *root, struct camera_rig *out, struct camera_note *note) {
    const struct tree *names = tree_get(root, SLICE("names"));
    bool has_names = names && names->kind == TREE_ARRAY && names->first;
    size_t count = has_names ? names->count : 1;
    if (count > CAMERA_COUNT_MAX) {
        camera_note_set(note, names->line, "The file names more than %d cameras.", CAMERA_COUNT_MAX);
        return err_make(ERR_LIMIT, "camera.large", "The calibration holds more cameras than are accepted.");
    }
    struct camera_rig rig = {.count = count, .up = CAMERA_UP_Z};
    if (!(rig.cameras = arena_alloc_array(mem, count, sizeof *rig.cameras))) return err_memory();
    if (!has_names) {
        const struct tree *name = ANY_OF(root, "", "camera_name", "name");
        struct err e = camera_from_opencv(root, name && name->kind == TREE_STRING && name->text.len ? name->text : SLICE("camera"), "", &rig.cameras[0], note);
        if (e.kind) return e;
    }
    size_t i = 0;
    for (const struct tree *n = has_names ? names->first : NULL; n; n = n->next, i++) {
        char plain[96], suffix[97];
        if (n->kind == TREE_NUMBER) snprintf(plain, sizeof plain, "%.0f", n->number); /* names: [ 1, 2 ] */
        else if (n->kind == TREE_STRING && n->text.len && n->text.len < sizeof plain) snprintf(plain, sizeof plain, "%.*s", SLICE_ARG(n->text));
        else {
            camera_note_set(note, n->line, "A camera's name must be a text of 1 to 95 bytes.");
            return field_error(note);
        }
        snprintf(suffix, sizeof suffix, "_%s", plain);
        struct err e = camera_from_opencv(root, slice_cstr(plain), suffix, &rig.cameras[i], note);
        if (e.kind) return e;
    }
    *out = rig;
    return ERR_OK;
}

/* ---- our JSON ---- */

static double number_or(const struct tree *table, struct slice key, double otherwise) {
    const struct tree *t = tree_get(table, key);
    return t && t->kind == TREE_NUMBER ? t->number : otherwise;
}

/* {"lens": {...}, "rotation": [9], "translation": [3]}; what is left out is as in `base`. */
static struct err view_from_json(const struct tree *t, const char *name, const struct camera_view *base, struct camera_view *out, struct camera_note *note) {
    struct err e;
    struct camera_view v = *base;
    const struct tree *lens = tree_get(t, SLICE("lens"));
    double n[16], translation[16];
    size_t count, translation_count;
    if (lens) {
        const struct tree *model = tree_get(lens, SLICE("model"));
        v.lens = (struct camera_lens){
            .is_fisheye = model && model->kind == TREE_STRING && slice_eq(model->text, SLICE("fisheye")),
            .fx = number_or(lens, SLICE("fx"), NAN), .fy = number_or(lens, SLICE("fy"), NAN),
            .cx = number_or(lens, SLICE("cx"), NAN), .cy = number_or(lens, SLICE("cy"), NAN), .skew = number_or(lens, SLICE("skew"), 0),
        };
        if (tree_get(lens, SLICE("radial"))) {
            if ((e = numbers_of(lens, name, "radial", v.lens.radial, COUNTS(6, 0, 1, 2, 3, 4, 5), &count, note)).kind) return e;
        }
        if (tree_get(lens, SLICE("tangential"))) {
            if ((e = numbers_of(lens, name, "tangential", v.lens.tangential, COUNTS(2, 0), &count, note)).kind) return e;
        }
        if ((e = camera_lens_prepare(&v.lens)).kind) {
            camera_note_set(note, 0, "Camera %s: %s", name, e.what);
            return e;
        }
    }
    if ((e = numbers_of(t, name, "rotation", n, COUNTS(9, 3), &count, note)).kind) return e;
    if ((e = numbers_of(t, name, "translation", translation, COUNTS(3), &translation_count, note)).kind) return e;
    if ((e = camera_pose_from(n, count, translation, &v.pose, note, 0, name)).kind) return e;
    *out = v;
    return ERR_OK;
}

static struct err camera_from_json(struct arena *mem, const struct tree *t, struct camera *c, struct camera_note *note) {
    const struct tree *name = tree_get(t, SLICE("name")), *views = tree_get(t, SLICE("views")), *clock = tree_get(t, SLICE("clock"));
    *c = (struct camera){.error_px = number_or(t, SLICE("error_px"), NAN), .width = number_or(t, SLICE("width"), 0), .height = number_or(t, SLICE("height"), 0)};
    if (!name || name->kind != TREE_STRING || !name->text.len) {
        camera_note_set(note, 0, "Every camera needs a \"name\".");
        return field_error(note);
    }
    set_name(c, name->text);
    if (!tree_get(t, SLICE("lens"))) {
        camera_note_set(note, 0, "Camera %s: \"lens\" is missing.", c->name);
        return field_error(note);
    }
    struct camera_view none = {.lens = {.fx = NAN}};
    struct err e = view_from_json(t, c->name, &none, &c->fixed, note);
    if (e.kind) return e;
    if (clock) {
        c->clock = (struct camera_clock){number_or(clock, SLICE("offset_s"), 0), number_or(clock, SLICE("drift"), 0), number_or(clock, SLICE("row_s"), 0), number_or(clock, SLICE("rate"), 0)};
        if (!(fabs(c->clock.offset_s) < 1e6) || !(fabs(c->clock.drift) <= 0.5) || !(fabs(c->clock.row_s) < 1) || !(c->clock.rate >= 0 && c->clock.rate < 1e5)) {
            camera_note_set(note, 0, "Camera %s: its clock is not usable: offset_s and row_s are seconds, drift is a small fraction, rate is frames a second.", c->name);
            return field_error(note);
        }
    }
    if (views && views->kind == TREE_ARRAY && views->first) {
        struct camera_view *list = arena_alloc_array(mem, views->count, sizeof *list);
        if (!list) return err_memory();
        size_t i = 0;
        for (const struct tree *v = views->first; v; v = v->next, i++) {
            if ((e = view_from_json(v, c->name, &c->fixed, &list[i], note)).kind) return e;
        }
        double first = number_or(t, SLICE("view_first"), 0);
        if (!(fabs(first) < 1e15)) {
            camera_note_set(note, 0, "Camera %s: \"view_first\" is not a frame number.", c->name);
            return field_error(note);
        }
        c->views = list, c->view_count = views->count, c->view_first = (int64_t)first;
    }
    return ERR_OK;
}

struct err camera_read_json(struct arena *mem, const struct tree *root, struct camera_rig *out, struct camera_note *note) {
    const struct tree *list = tree_get(root, SLICE("cameras")), *up = tree_get(root, SLICE("up"));
    if (!list || list->kind != TREE_ARRAY || !list->first) {
        camera_note_set(note, 0, "It holds no list \"cameras\".");
        return field_error(note);
    }
    if (list->count > CAMERA_COUNT_MAX) {
        camera_note_set(note, 0, "The file holds more than %d cameras.", CAMERA_COUNT_MAX);
        return err_make(ERR_LIMIT, "camera.large", "The calibration holds more cameras than are accepted.");
    }
    struct camera_rig rig = {.count = list->count};
    if (up && up->kind == TREE_STRING) rig.up = slice_eq(up->text, SLICE("z")) ? CAMERA_UP_Z : slice_eq(up->text, SLICE("y")) ? CAMERA_UP_Y : CAMERA_UP_UNKNOWN;
    if (!(rig.cameras = arena_alloc_array(mem, rig.count, sizeof *rig.cameras))) return err_memory();
    size_t i = 0;
    for (const struct tree *t = list->first; t; t = t->next, i++) {
        struct err e = camera_from_json(mem, t, &rig.cameras[i], note);
        if (e.kind) return e;
    }
    *out = rig;
    return ERR_OK;
}

/* ---- any of them ---- */

static enum camera_format guess(struct slice text) {
    struct slice s = slice_trim(text);
    if (slice_starts_with(s, SLICE("\xef\xbb\xbf"))) s = slice_trim(slice_sub(s, 3, s.len));
    if (slice_starts_with(s, SLICE("<"))) return CAMERA_FORMAT_QUALISYS;
    if (slice_starts_with(s, SLICE("{"))) return CAMERA_FORMAT_JSON;
    if (slice_starts_with(s, SLICE("%YAML")) || slice_starts_with(s, SLICE("---"))) return CAMERA_FORMAT_OPENCV;
    /* TOML assigns with "=", YAML with ":"; whichever comes first outside comments decides. */
    struct slice line;
    while (slice_next(&s, '\n', &line)) {
        line = slice_trim(line);
        if (!line.len || line.ptr[0] == '#') continue;
        if (line.ptr[0] == '[') return CAMERA_FORMAT_TOML;
        size_t equals = slice_find_byte(line, '='), colon = slice_find_byte(line, ':');
        if (equals < colon) return CAMERA_FORMAT_TOML;
        if (colon < equals) return CAMERA_FORMAT_OPENCV;
        break;
    }
    return CAMERA_FORMAT_GUESS;
}

struct err camera_rig_parse(struct arena *mem, struct slice text, enum camera_format format, struct camera_rig *out, struct camera_note *note) {
    struct camera_note unused;
    if (!note) note = &unused;
    *note = (struct camera_note){0};
    if (format == CAMERA_FORMAT_GUESS) format = guess(text);
    struct tree *root = NULL;
    struct camera_rig rig = {0};
    struct err e;
    switch (format) {
    case CAMERA_FORMAT_TOML:
        e = tree_parse_toml(mem, text, &root, note);
        if (!e.kind) e = camera_read_tables(mem, root, &rig, note);
        break;
    case CAMERA_FORMAT_OPENCV:
        e = tree_parse_yaml(mem, text, &root, note);
        if (!e.kind) e = camera_read_opencv(mem, root, &rig, note);
        break;
    case CAMERA_FORMAT_JSON:
        e = tree_parse_json(mem, text, &root, note);
        if (!e.kind) e = camera_read_json(mem, root, &rig, note);
        break;
    case CAMERA_FORMAT_QUALISYS: e = camera_read_qualisys(mem, text, &rig, note); break;
    default:
        camera_note_set(note, 0, "It is no calibration that is known here: Pose2Sim, Anipose or Caliscope TOML, Qualisys .qca.txt, OpenCV YAML, or Grandstand JSON.");
        return err_make(ERR_INPUT, "camera.format", "The file is in no calibration format that is known here.");
    }
    if (e.kind) return e;
    for (size_t i = 0; i < rig.count; i++) {
        struct camera *c = &rig.cameras[i];
        if (!(c->width >= 0 && c->width < 1e6 && c->height >= 0 && c->height < 1e6)) {
            camera_note_set(note, 0, "Camera %s: its picture size makes no sense.", c->name);
            return field_error(note);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(c->name, rig.cameras[j].name)) continue;
            camera_note_set(note, 0, "Two cameras are both called %s.", c->name);
            return field_error(note);
        }
    }
    *out = rig;
    return ERR_OK;
}

struct err camera_rig_read(struct arena *mem, const char *path, enum camera_format format, struct camera_rig *out, struct camera_note *note) {
    struct buf text = BUF(64 << 20);
    struct camera_note unused;
    if (!note) note = &unused;
    *note = (struct camera_note){0};
    struct err e = fs_read_file(AT_FDCWD, path, &text);
    if (e.kind) note->text[0] = 0; /* the error says it all */
    else {
        /* names and trees borrow from the text only while they are built; the rig itself copies */
        e = camera_rig_parse(mem, buf_slice(&text), format, out, note);
    }
    buf_free(&text);
    return e;
}
