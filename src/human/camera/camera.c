/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/camera/camera.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

const struct camera_view *camera_view_at(const struct camera *c, int64_t frame) {
    if (!c->views) return &c->fixed;
    if (frame < c->view_first || (uint64_t)(frame - c->view_first) >= c->view_count) return NULL;
    return &c->views[frame - c->view_first];
}

/* ---- the radial curve ---- */

/* Perspective: value and slope by r2 of the radial factor g. */
static void radial_factor(const double k[6], double r2, double *g, double *slope) {
    double top = 1 + r2 * (k[0] + r2 * (k[1] + r2 * k[2])), top_slope = k[0] + r2 * (2 * k[1] + 3 * r2 * k[2]);
    if (k[3] == 0 && k[4] == 0 && k[5] == 0) { /* most lenses: no division */
        *g = top, *slope = top_slope;
        return;
    }
    double bottom = 1 + r2 * (k[3] + r2 * (k[4] + r2 * k[5])), bottom_slope = k[3] + r2 * (2 * k[4] + 3 * r2 * k[5]);
    *g = top / bottom;
    *slope = (top_slope - *g * bottom_slope) / bottom;
}

/* Radius in the picture for a radius (fisheye: angle) in the world, and its derivative. */
static double radial_curve(const struct camera_lens *l, double r, double *slope) {
    double r2 = r * r;
    if (l->is_fisheye) {
        const double *k = l->radial;
        *slope = 1 + r2 * (3 * k[0] + r2 * (5 * k[1] + r2 * (7 * k[2] + r2 * 9 * k[3])));
        return r * (1 + r2 * (k[0] + r2 * (k[1] + r2 * (k[2] + r2 * k[3]))));
    }
    double g, g_slope;
    radial_factor(l->radial, r2, &g, &g_slope);
    *slope = g + 2 * r2 * g_slope;
    return r * g;
}

/* Where the curve stops rising: walked outward in equal angles, then bisected. A pole of the rational model counts as a
 * turn, because the slope is not positive on one side of it. */
static double radius_where_it_turns(const struct camera_lens *l) {
    enum { STEPS = 4096 };
    const double end = l->is_fisheye ? M_PI : 89.95 * M_PI / 180;
    double low = 0;
    for (int i = 1; i <= STEPS; i++) {
        double angle = end * i / STEPS, high = l->is_fisheye ? angle : tan(angle), slope;
        double at = radial_curve(l, high, &slope), low_slope, before = radial_curve(l, low, &low_slope);
        if (slope > 0 && at > before) {
            low = high;
            continue;
        }
        for (int k = 0; k < 60; k++) {
            double middle = 0.5 * (low + high);
            radial_curve(l, middle, &slope);
            if (slope > 0) low = middle;
            else high = middle;
        }
        return low;
    }
    return l->is_fisheye ? M_PI : INFINITY;
}

struct err camera_lens_prepare(struct camera_lens *l) {
    const double numbers[] = {l->fx, l->fy, l->cx, l->cy, l->skew, l->radial[0], l->radial[1], l->radial[2], l->radial[3], l->radial[4],
                              l->radial[5], l->tangential[0], l->tangential[1]};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (!isfinite(numbers[i]) || fabs(numbers[i]) > 1e9) {
            return err_make(ERR_INPUT, "camera.lens", "A number of the lens is not finite or absurdly large. Calibrate this camera again.");
        }
    }
    if (!(l->fx > 1e-3) || !(l->fy > 1e-3)) {
        return err_make(ERR_INPUT, "camera.lens", "A focal length is not above zero. It is needed in pixels; calibrate this camera again.");
    }
    l->radius_max = radius_where_it_turns(l);
    return ERR_OK;
}

/* ---- forward ---- */

/* Distorts (x, y) and gives the 2 x 2 derivative. False beyond the model. */
static bool distort(const struct camera_lens *l, double x, double y, double *xd, double *yd, double j[2][2]) {
    double r2 = x * x + y * y, g, slope;
    if (!(r2 <= l->radius_max * l->radius_max)) return false;
    radial_factor(l->radial, r2, &g, &slope);
    double p1 = l->tangential[0], p2 = l->tangential[1];
    *xd = x * g + 2 * p1 * x * y + p2 * (r2 + 2 * x * x);
    *yd = y * g + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y;
    j[0][0] = g + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x;
    j[0][1] = j[1][0] = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y;
    j[1][1] = g + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x;
    /* The tangential part may fold where the radial one does not yet. */
    return j[0][0] * j[1][1] - j[0][1] * j[1][0] > 0;
}

static void to_pixels(const struct camera_lens *l, double xd, double yd, double *u, double *v) {
    *u = l->fx * xd + l->skew * yd + l->cx;
    *v = l->fy * yd + l->cy;
}

bool camera_lens_project_derivative(const struct camera_lens *l, struct vec3 p, double *u, double *v, double by_point[2][3]) {
    assert(l->radius_max > 0); /* camera_lens_prepare has seen it */
    double d[2][3]; /* of the distorted coordinates by the point */
    double xd, yd;
    if (l->is_fisheye) {
        double rho2 = p.x * p.x + p.y * p.y, rho = sqrt(rho2), n2 = rho2 + p.z * p.z;
        if (!(n2 > 0) || !isfinite(n2)) return false;
        double angle = atan2(rho, p.z), slope;
        if (!(angle <= l->radius_max)) return false;
        double image = radial_curve(l, angle, &slope);
        if (rho < 1e-9 * sqrt(n2)) { /* on the axis: image / rho tends to 1 / z */
            if (p.z <= 0) return false;
            xd = p.x / p.z, yd = p.y / p.z;
            d[0][0] = d[1][1] = 1 / p.z;
            d[0][1] = d[1][0] = 0;
            d[0][2] = -xd / p.z, d[1][2] = -yd / p.z;
        } else {
            double cosine = p.x / rho, sine = p.y / rho, per_rho = image / rho;
            double by_rho = slope * p.z / n2, by_z = -slope * rho / n2; /* of the image radius */
            xd = image * cosine, yd = image * sine;
            d[0][0] = by_rho * cosine * cosine + per_rho * sine * sine;
            d[0][1] = d[1][0] = (by_rho - per_rho) * cosine * sine;
            d[1][1] = by_rho * sine * sine + per_rho * cosine * cosine;
            d[0][2] = by_z * cosine, d[1][2] = by_z * sine;
        }
    } else {
        if (!(p.z > 1e-9 * (fabs(p.x) + fabs(p.y))) || !(p.z > 1e-12)) return false;
        double x = p.x / p.z, y = p.y / p.z, j[2][2];
        if (!distort(l, x, y, &xd, &yd, j)) return false;
        for (int i = 0; i < 2; i++) {
            d[i][0] = j[i][0] / p.z, d[i][1] = j[i][1] / p.z;
            d[i][2] = -(j[i][0] * x + j[i][1] * y) / p.z;
        }
    }
    to_pixels(l, xd, yd, u, v);
    for (int k = 0; k < 3; k++) {
        by_point[0][k] = l->fx * d[0][k] + l->skew * d[1][k];
        by_point[1][k] = l->fy * d[1][k];
    }
    return true;
}

bool camera_lens_project(const struct camera_lens *l, struct vec3 ray, double *u, double *v) {
    double unused[2][3];
    return camera_lens_project_derivative(l, ray, u, v, unused);
}

bool camera_project(const struct camera_view *view, struct vec3 world, double *u, double *v) {
    struct vec3 p = vec3_add(mat3_apply(&view->pose.rotation, world), view->pose.translation);
    return camera_lens_project(&view->lens, p, u, v);
}

/* ---- back ---- */

/* Inverts the radial curve on [0, radius_max]: Newton kept inside a bracket, so that it always ends. False when no radius
 * of the model reaches `image`. */
static bool radial_invert(const struct camera_lens *l, double image, double *radius) {
    double slope, low = 0, high = l->radius_max;
    if (!isfinite(high)) {
        high = 1;
        while (radial_curve(l, high, &slope) < image) {
            if ((high *= 2) > 1e6) return false;
        }
    } else if (!(radial_curve(l, high, &slope) >= image)) return false;
    double r = fmin(image, high);
    for (int i = 0; i < 100; i++) {
        double miss = radial_curve(l, r, &slope) - image;
        if (miss > 0) high = r;
        else low = r;
        double next = slope > 0 ? r - miss / slope : -1;
        if (!(next > low && next < high)) next = 0.5 * (low + high);
        if (fabs(next - r) <= 1e-16 * (1 + r)) break;
        r = next;
    }
    *radius = r;
    return true;
}

/* Newton's steps from (*x, *y), halved while they would leave the model or miss by more than before; j is the derivative of the
 * distortion where they end. */
static bool newton(const struct camera_lens *l, double xd, double yd, double *x, double *y, double j[2][2]) {
    const double size = 1 + fabs(xd) + fabs(yd);
    double at_x, at_y;
    if (!distort(l, *x, *y, &at_x, &at_y, j)) return false;
    double ex = at_x - xd, ey = at_y - yd, miss = sqrt(ex * ex + ey * ey);
    const double enough = 1e-13 * size; /* of 1e-12 promised; nearer, rounding decides whether a step is better */
    for (int i = 0; i < 40 && miss > enough; i++) {
        double det = j[0][0] * j[1][1] - j[0][1] * j[1][0];
        double dx = (j[1][1] * ex - j[0][1] * ey) / det, dy = (j[0][0] * ey - j[1][0] * ex) / det;
        bool is_better = false;
        for (double part = 1; part > 1e-4 && !is_better; part *= 0.5) {
            double next_j[2][2], nx = *x - part * dx, ny = *y - part * dy;
            if (!distort(l, nx, ny, &at_x, &at_y, next_j)) continue;
            double next_miss = sqrt((at_x - xd) * (at_x - xd) + (at_y - yd) * (at_y - yd));
            if (!(next_miss < miss)) continue;
            *x = nx, *y = ny, ex = at_x - xd, ey = at_y - yd, miss = next_miss, is_better = true;
            memcpy(j, next_j, sizeof next_j);
        }
        if (!is_better) break; /* rounding is all that is left, or there is no such point */
    }
    return miss <= 1e-12 * size;
}

static bool undistort(const struct camera_lens *l, double xd, double yd, double *x_out, double *y_out, double j[2][2]) {
    double x = xd, y = yd, image = sqrt(xd * xd + yd * yd);
    bool is_found = false;
    for (int i = 0; i < 6 && !is_found; i++) { /* fixed point: divide by what the last guess would have been multiplied with */
        if (i == 2 || i == 5) { /* near enough for Newton, mostly already after two */
            double nx = x, ny = y;
            if ((is_found = newton(l, xd, yd, &nx, &ny, j))) x = nx, y = ny;
            if (is_found || i == 5) break;
        }
        double r2 = x * x + y * y, g, slope, p1 = l->tangential[0], p2 = l->tangential[1];
        radial_factor(l->radial, r2, &g, &slope);
        double dx = 2 * p1 * x * y + p2 * (r2 + 2 * x * x), dy = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y;
        x = (xd - dx) / g, y = (yd - dy) / g;
    }
    if (!is_found) { /* it diverged (strong distortion near the border): follow the solution from a lens without tangential part */
        enum { STAGES = 16 };
        double r;
        if (!radial_invert(l, image, &r)) r = l->radius_max * (1 - 1e-6);
        struct camera_lens part = *l;
        x = image > 0 ? xd * r / image : 0, y = image > 0 ? yd * r / image : 0;
        for (int i = 0; i <= STAGES; i++) {
            for (int k = 0; k < 2; k++) part.tangential[k] = l->tangential[k] * i / STAGES;
            is_found = newton(&part, xd, yd, &x, &y, j);
        }
    }
    if (is_found) *x_out = x, *y_out = y;
    return is_found;
}

bool camera_unproject(const struct camera_lens *l, double u, double v, struct vec3 *ray) {
    assert(l->radius_max > 0);
    if (!isfinite(u) || !isfinite(v)) return false;
    double yd = (v - l->cy) / l->fy, xd = (u - l->cx - l->skew * yd) / l->fx;
    if (l->is_fisheye) {
        double image = sqrt(xd * xd + yd * yd), angle;
        if (!radial_invert(l, image, &angle)) return false;
        double scale = image > 1e-12 ? sin(angle) / image : 1;
        *ray = vec3_unit(vec3_of(xd * scale, yd * scale, cos(angle)));
        return true;
    }
    double x, y, unused[2][2];
    if (!undistort(l, xd, yd, &x, &y, unused)) return false;
    *ray = vec3_unit(vec3_of(x, y, 1));
    return true;
}

bool camera_line_of(const struct camera_view *view, double u, double v, struct camera_line *out) {
    const struct camera_lens *l = &view->lens;
    double d[2][3]; /* of the pixel by the point in the camera's frame */
    struct vec3 axis;
    if (l->is_fisheye) {
        double u_again, v_again;
        if (!camera_unproject(l, u, v, &axis) || !camera_lens_project_derivative(l, axis, &u_again, &v_again, d)) return false;
    } else {
        /* Through the plane z = 1, where the form is exact for a lens without distortion; the derivative is the one that the
         * inversion ended with. */
        assert(l->radius_max > 0);
        double yd = (v - l->cy) / l->fy, xd = (u - l->cx - l->skew * yd) / l->fx, x, y, j[2][2];
        if (!isfinite(xd) || !isfinite(yd) || !undistort(l, xd, yd, &x, &y, j)) return false;
        for (int k = 0; k < 2; k++) {
            d[0][k] = l->fx * j[0][k] + l->skew * j[1][k];
            d[1][k] = l->fy * j[1][k];
        }
        for (int i = 0; i < 2; i++) d[i][2] = -(d[i][0] * x + d[i][1] * y);
        axis = vec3_of(0, 0, 1);
    }
    const struct mat3 *r = &view->pose.rotation;
    struct vec3 t = view->pose.translation;
    struct vec3 du = vec3_of(d[0][0], d[0][1], d[0][2]), dv = vec3_of(d[1][0], d[1][1], d[1][2]);
    *out = (struct camera_line){
        .a = mat3_apply_transposed(r, du), .b = mat3_apply_transposed(r, dv), .w = mat3_apply_transposed(r, axis),
        .a0 = -vec3_dot(du, t), .b0 = -vec3_dot(dv, t), .w0 = -vec3_dot(axis, t),
    };
    return true;
}

/* ---- poses ---- */

struct vec3 camera_centre(const struct camera_pose *p) { return vec3_scale(mat3_apply_transposed(&p->rotation, p->translation), -1); }

struct camera_pose camera_pose_look_at(struct vec3 centre, struct vec3 target, struct vec3 up) {
    struct vec3 z = vec3_unit(vec3_sub(target, centre));
    struct vec3 x = vec3_unit(vec3_cross(z, up));
    if (!vec3_is_known(x)) x = vec3_unit(vec3_cross(z, fabs(z.x) < 0.9 ? vec3_of(1, 0, 0) : vec3_of(0, 1, 0))); /* straight up or down */
    struct vec3 y = vec3_cross(z, x);
    struct camera_pose p = {.rotation = {{{x.x, x.y, x.z}, {y.x, y.y, y.z}, {z.x, z.y, z.z}}}};
    p.translation = vec3_scale(mat3_apply(&p.rotation, centre), -1);
    return p;
}

const struct camera *camera_rig_find(const struct camera_rig *rig, struct slice name) {
    for (size_t i = 0; i < rig->count; i++) {
        if (slice_eq(slice_cstr(rig->cameras[i].name), name)) return &rig->cameras[i];
    }
    return NULL;
}

/* ---- does it look right ---- */

static void note_add(struct camera_note *notes, size_t limit, size_t *count, struct camera_note note) {
    if (*count < limit) notes[*count] = note;
    (*count)++;
}

size_t camera_rig_check(const struct camera_rig *rig, struct camera_note *notes, size_t limit) {
    size_t count = 0;
    double widest = 0;
    for (size_t i = 0; i < rig->count; i++) {
        const struct camera *c = &rig->cameras[i];
        const struct camera_lens *l = &c->fixed.lens;
        struct camera_note n = {0};
        if (c->width > 0 && (l->cx < 0 || l->cx > c->width || l->cy < 0 || l->cy > c->height)) {
            snprintf(n.text, sizeof n.text,
                     "Camera %s: the optical axis meets the picture plane at (%.0f, %.0f), outside its %.0f x %.0f pixels. Are the sizes or the "
                     "cameras swapped?", c->name, l->cx, l->cy, c->width, c->height);
            note_add(notes, limit, &count, n);
        }
        if (c->width > 0 && (l->fx < 0.2 * c->width || l->fx > 100 * c->width)) {
            snprintf(n.text, sizeof n.text, "Camera %s: a focal length of %.1f is unusual for a picture %.0f pixels wide. It must be in pixels.", c->name,
                     l->fx, c->width);
            note_add(notes, limit, &count, n);
        }
        if (fabs(l->fx / l->fy - 1) > 0.2) {
            snprintf(n.text, sizeof n.text, "Camera %s: its pixels would be %.2f times as wide as high.", c->name, l->fy / l->fx);
            note_add(notes, limit, &count, n);
        }
        for (size_t j = 0; j < i; j++) {
            struct vec3 a = camera_centre(&c->fixed.pose), b = camera_centre(&rig->cameras[j].fixed.pose);
            double d = vec3_distance(a, b);
            widest = fmax(widest, d);
            if (d < 1e-6) {
                snprintf(n.text, sizeof n.text, "Cameras %s and %s stand in the same place: together they see no depth. Was one of them copied?",
                         rig->cameras[j].name, c->name);
                note_add(notes, limit, &count, n);
            }
        }
    }
    if (widest > 2000) {
        struct camera_note n = {0};
        snprintf(n.text, sizeof n.text, "The cameras stand up to %.0f m apart. The file is probably in millimetres; convert it with --scale 0.001.", widest);
        note_add(notes, limit, &count, n);
    }
    if (rig->count >= 3 && widest > 0) { /* centres on one line: points on it have no depth, and people beside it little */
        struct vec3 mean = {0};
        for (size_t i = 0; i < rig->count; i++) mean = vec3_add(mean, vec3_scale(camera_centre(&rig->cameras[i].fixed.pose), 1.0 / (double)rig->count));
        struct sym3 spread = {0};
        for (size_t i = 0; i < rig->count; i++) sym3_add_outer(&spread, vec3_sub(camera_centre(&rig->cameras[i].fixed.pose), mean), 1);
        double values[3];
        struct mat3 axes;
        sym3_eigen(spread, values, &axes);
        if (values[1] < 1e-6 * values[0]) {
            struct camera_note n = {0};
            snprintf(n.text, sizeof n.text, "All cameras stand on one line. Whoever is on that line cannot be placed; move one camera aside if you can.");
            note_add(notes, limit, &count, n);
        }
    }
    return count;
}
