/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Writing calibrations. A format that cannot hold something of the rig refuses it: a calibration that silently lost a term
 * would be found out only in the athletes' bones. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "human/camera/tree.h"

/* Shortest text that reads back as the same double, with a point so that TOML takes it for a float. */
static void number(struct buf *out, double x) {
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    buf_cstr(out, text);
    if (!strpbrk(text, ".einf")) buf_cstr(out, ".0");
}

static void numbers(struct buf *out, const double *v, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i) buf_cstr(out, ", ");
        number(out, v[i]);
    }
}

static void quoted(struct buf *out, const char *text) {
    buf_u8(out, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\') buf_u8(out, '\\');
        buf_u8(out, (uint8_t)*p);
    }
    buf_u8(out, '"');
}

static size_t distortion_of(const struct camera_lens *l, double d[8]) {
    if (l->is_fisheye) {
        memcpy(d, l->radial, 4 * sizeof *d);
        return 4;
    }
    const double *k = l->radial;
    memcpy(d, (double[]){k[0], k[1], l->tangential[0], l->tangential[1], k[2], k[3], k[4], k[5]}, 8 * sizeof *d);
    return k[3] != 0 || k[4] != 0 || k[5] != 0 ? 8 : k[2] != 0 ? 5 : 4;
}

static void write_toml(struct buf *out, const struct camera_rig *rig) {
    for (size_t i = 0; i < rig->count; i++) {
        const struct camera *c = &rig->cameras[i];
        const struct camera_lens *l = &c->fixed.lens;
        double d[8];
        size_t count = distortion_of(l, d);
        struct vec3 r = rotation_to_vector(&c->fixed.pose.rotation), t = c->fixed.pose.translation;
        buf_printf(out, "[cam_%02zu]\nname = ", i + 1);
        quoted(out, c->name);
        if (c->width > 0) {
            buf_cstr(out, "\nsize = [ ");
            numbers(out, (double[]){c->width, c->height}, 2);
            buf_cstr(out, "]");
        }
        buf_cstr(out, "\nmatrix = [ [ ");
        numbers(out, (double[]){l->fx, l->skew, l->cx}, 3);
        buf_cstr(out, "], [ ");
        numbers(out, (double[]){0, l->fy, l->cy}, 3);
        buf_cstr(out, "], [ 0.0, 0.0, 1.0]]\ndistortions = [ ");
        numbers(out, d, count);
        buf_cstr(out, "]\nrotation = [ ");
        numbers(out, (double[]){r.x, r.y, r.z}, 3);
        buf_cstr(out, "]\ntranslation = [ ");
        numbers(out, (double[]){t.x, t.y, t.z}, 3);
        buf_printf(out, "]\nfisheye = %s\n\n", l->is_fisheye ? "true" : "false");
    }
    buf_cstr(out, "[metadata]\nadjusted = false\nerror = 0.0\n");
}

static void write_qualisys(struct buf *out, const struct camera_rig *rig) {
    buf_cstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<calibration source=\"Grandstand\" type=\"regular\">\n  <cameras>\n");
    for (size_t i = 0; i < rig->count; i++) {
        const struct camera *c = &rig->cameras[i];
        const struct camera_lens *l = &c->fixed.lens;
        struct vec3 at = camera_centre(&c->fixed.pose);
        buf_cstr(out, "    <camera active=\"1\" model=\"none\" serial=\"");
        for (const char *p = c->name; *p; p++) {
            if (*p == '&') buf_cstr(out, "&amp;");
            else if (*p == '<') buf_cstr(out, "&lt;");
            else if (*p == '"') buf_cstr(out, "&quot;");
            else buf_u8(out, (uint8_t)*p);
        }
        buf_printf(out, "\" viewrotation=\"0\">\n      <fov_video left=\"0\" top=\"0\" right=\"%.0f\" bottom=\"%.0f\"/>\n      <transform", c->width - 1, c->height - 1);
        struct {
            const char *name;
            double value;
        } in[] = {{"focalLengthU", l->fx}, {"focalLengthV", l->fy}, {"centerPointU", l->cx}, {"centerPointV", l->cy}, {"skew", l->skew},
                  {"radialDistortion1", l->radial[0]}, {"radialDistortion2", l->radial[1]}, {"radialDistortion3", l->radial[2]},
                  {"tangentalDistortion1", l->tangential[0]}, {"tangentalDistortion2", l->tangential[1]}},
          pose[] = {{"x", at.x}, {"y", at.y}, {"z", at.z}};
        for (int k = 0; k < 9; k++) {
            buf_printf(out, " r%d%d=\"", k / 3 + 1, k % 3 + 1);
            number(out, (k < 3 ? 1 : -1) * c->fixed.pose.rotation.m[k / 3][k % 3]);
            buf_u8(out, '"');
        }
        for (size_t k = 0; k < ARRAY_LEN(pose); k++) {
            buf_printf(out, " %s=\"", pose[k].name);
            number(out, pose[k].value * 1000);
            buf_u8(out, '"');
        }
        buf_cstr(out, "/>\n      <intrinsic");
        for (size_t k = 0; k < ARRAY_LEN(in); k++) {
            buf_printf(out, " %s=\"", in[k].name);
            number(out, in[k].value * 64);
            buf_u8(out, '"');
        }
        buf_cstr(out, "/>\n    </camera>\n");
    }
    buf_cstr(out, "  </cameras>\n</calibration>\n");
}

static void write_matrix(struct buf *out, const char *name, const char *suffix, int rows, int columns, const double *v) {
    buf_printf(out, "%s%s: !!opencv-matrix\n   rows: %d\n   cols: %d\n   dt: d\n   data: [ ", name, suffix, rows, columns);
    numbers(out, v, (size_t)(rows * columns));
    buf_cstr(out, " ]\n");
}

static void write_opencv(struct buf *out, const struct camera_rig *rig) {
    buf_cstr(out, "%YAML:1.0\n---\nnames:\n");
    for (size_t i = 0; i < rig->count; i++) {
        buf_cstr(out, "   - ");
        quoted(out, rig->cameras[i].name);
        buf_u8(out, '\n');
    }
    for (size_t i = 0; i < rig->count; i++) {
        const struct camera *c = &rig->cameras[i];
        const struct camera_lens *l = &c->fixed.lens;
        char suffix[CAMERA_NAME_MAX + 1];
        snprintf(suffix, sizeof suffix, "_%s", c->name);
        double d[8];
        size_t count = distortion_of(l, d);
        struct vec3 r = rotation_to_vector(&c->fixed.pose.rotation), t = c->fixed.pose.translation;
        write_matrix(out, "K", suffix, 3, 3, (double[]){l->fx, l->skew, l->cx, 0, l->fy, l->cy, 0, 0, 1});
        write_matrix(out, "dist", suffix, 1, (int)count, d);
        if (l->is_fisheye) buf_printf(out, "distortion_model%s: fisheye\n", suffix);
        if (c->width > 0) buf_printf(out, "W%s: %.0f\nH%s: %.0f\n", suffix, c->width, suffix, c->height);
        write_matrix(out, "R", suffix, 3, 1, (double[]){r.x, r.y, r.z});
        write_matrix(out, "Rot", suffix, 3, 3, &c->fixed.pose.rotation.m[0][0]);
        write_matrix(out, "T", suffix, 3, 1, (double[]){t.x, t.y, t.z});
    }
}

static void json_numbers(struct json_writer *w, const char *key, const double *v, size_t count) {
    json_key(w, key);
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) json_add_double(w, v[i]);
    json_end(w);
}

static void json_view(struct json_writer *w, const struct camera_view *v) {
    const struct camera_lens *l = &v->lens;
    json_key(w, "lens");
    json_begin_object(w);
    json_put_cstr(w, "model", l->is_fisheye ? "fisheye" : "perspective");
    json_put_double(w, "fx", l->fx), json_put_double(w, "fy", l->fy), json_put_double(w, "cx", l->cx), json_put_double(w, "cy", l->cy);
    json_put_double(w, "skew", l->skew);
    json_numbers(w, "radial", l->radial, 6);
    json_numbers(w, "tangential", l->tangential, 2);
    json_end(w);
    json_numbers(w, "rotation", &v->pose.rotation.m[0][0], 9);
    json_numbers(w, "translation", (double[]){v->pose.translation.x, v->pose.translation.y, v->pose.translation.z}, 3);
}

static void write_json(struct buf *out, const struct camera_rig *rig) {
    struct json_writer w = json_writer_of(out);
    json_begin_object(&w);
    json_put_cstr(&w, "format", "grandstand calibration 1");
    json_put_cstr(&w, "up", rig->up == CAMERA_UP_Z ? "z" : rig->up == CAMERA_UP_Y ? "y" : "unknown");
    json_key(&w, "cameras");
    json_begin_array(&w);
    for (size_t i = 0; i < rig->count; i++) {
        const struct camera *c = &rig->cameras[i];
        json_begin_object(&w);
        json_put_cstr(&w, "name", c->name);
        json_put_double(&w, "width", c->width), json_put_double(&w, "height", c->height);
        json_put_double(&w, "error_px", c->error_px);
        json_key(&w, "clock");
        json_begin_object(&w);
        json_put_double(&w, "offset_s", c->clock.offset_s), json_put_double(&w, "drift", c->clock.drift), json_put_double(&w, "row_s", c->clock.row_s);
        if (c->clock.rate > 0) json_put_double(&w, "rate", c->clock.rate);
        json_end(&w);
        json_view(&w, &c->fixed);
        if (c->views) {
            json_put_number(&w, "view_first", c->view_first);
            json_key(&w, "views");
            json_begin_array(&w);
            for (size_t k = 0; k < c->view_count; k++) {
                json_begin_object(&w);
                json_view(&w, &c->views[k]);
                json_end(&w);
            }
            json_end(&w);
        }
        json_end(&w);
    }
    json_end(&w);
    json_end(&w);
    buf_u8(out, '\n');
}

static const char *what_is_lost(const struct camera *c, enum camera_format f) {
    const struct camera_lens *l = &c->fixed.lens;
    if (f == CAMERA_FORMAT_JSON) return NULL;
    if (c->views) return "its view changes from frame to frame";
    if (c->clock.offset_s != 0 || c->clock.drift != 0 || c->clock.row_s != 0 || c->clock.rate != 0) return "it has a clock of its own";
    if (f == CAMERA_FORMAT_QUALISYS) {
        if (l->is_fisheye) return "it is a fisheye";
        if (l->radial[3] != 0 || l->radial[4] != 0 || l->radial[5] != 0) return "its distortion is rational (k4 to k6)";
        if (!(c->width > 0)) return "its picture size is unknown";
    }
    return NULL;
}

struct err camera_rig_write(struct buf *out, const struct camera_rig *rig, enum camera_format f, struct camera_note *note) {
    struct camera_note unused;
    if (!note) note = &unused;
    *note = (struct camera_note){0};
    for (size_t i = 0; i < rig->count; i++) {
        const char *lost = what_is_lost(&rig->cameras[i], f);
        if (!lost) continue;
        camera_note_set(note, 0, "Camera %s: %s, which %s files cannot hold. Write JSON.", rig->cameras[i].name, lost, camera_format_name(f));
        return err_make(ERR_INPUT, "camera.format", "The calibration holds something that this format cannot.");
    }
    switch (f) {
    case CAMERA_FORMAT_TOML: write_toml(out, rig); break;
    case CAMERA_FORMAT_QUALISYS: write_qualisys(out, rig); break;
    case CAMERA_FORMAT_OPENCV: write_opencv(out, rig); break;
    case CAMERA_FORMAT_JSON: write_json(out, rig); break;
    default: return err_make(ERR_INPUT, "camera.format", "Name the format to write: toml, qualisys, opencv or json.");
    }
    return buf_error(out);
}
