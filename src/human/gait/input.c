/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "human/gait/room.h"

/* Smooths every joint of points (frame-major, POSE_JOINTS wide). */
static struct err smooth(struct arena *mem, const struct track_point *points, size_t frames, double rate, struct track_state **out) {
    struct track_state *states = arena_alloc_array(mem, frames * POSE_JOINTS, sizeof *states);
    if (!states) return err_memory();
    struct arena_mark mark = arena_mark(mem);
    struct track_state *row = arena_alloc_array(mem, frames, sizeof *row);
    if (!row) return err_memory();
    for (size_t k = 0; k < POSE_JOINTS; k++) {
        if (!track_smooth(points + k, POSE_JOINTS, frames, rate, 0.2, row)) return err_memory();
        for (size_t f = 0; f < frames; f++) states[f * POSE_JOINTS + k] = row[f];
    }
    arena_rewind(mem, mark);
    *out = states;
    return ERR_OK;
}

/* A person's points in the order of enum pose_joint. */
static struct track_point *points_of(struct arena *mem, const struct track_people *people, const struct track_person *p) {
    size_t joints = people->layout.joint_count;
    struct track_point *points = arena_alloc_array(mem, p->frame_count * POSE_JOINTS, sizeof *points);
    for (size_t f = 0; points && f < p->frame_count; f++) {
        for (size_t k = 0; k < POSE_JOINTS; k++) points[f * POSE_JOINTS + k] = (struct track_point){.at = VEC3_UNKNOWN};
        for (size_t k = 0; k < joints; k++) {
            if (people->layout.joint[k] >= 0) points[f * POSE_JOINTS + (size_t)people->layout.joint[k]] = p->points[f * joints + k];
        }
    }
    return points;
}

struct err gait_from_track(struct arena *mem, const struct track_people *people, size_t person, double rate, struct gait_recording *out) {
    const struct track_person *p = &people->people[person];
    struct track_point *points = points_of(mem, people, p);
    struct track_state *states = NULL;
    if (!points) return err_memory();
    struct err e = smooth(mem, points, p->frame_count, rate, &states);
    if (e.kind) return e;
    struct gait_recording r = {
        .rate = rate, .frame_first = p->frame_first, .frame_count = p->frame_count, .points = points, .states = states};
    snprintf(r.name, sizeof r.name, "person-%u", p->id);
    *out = r;
    return ERR_OK;
}

struct err gait_from_body(struct arena *mem, const struct track_people *people, size_t person, const struct body_fit *fit,
                          struct gait_recording *out) {
    const struct track_person *p = &people->people[person];
    struct track_point *points = points_of(mem, people, p);
    if (!points) return err_memory();
    struct gait_recording r = {.rate = fit->rate,
                               .frame_first = fit->frame_first,
                               .frame_count = fit->frame_count,
                               .points = points,
                               .states = fit->joints,
                               .is_fitted = true};
    snprintf(r.name, sizeof r.name, "person-%u", p->id);
    *out = r;
    return ERR_OK;
}

/* ---- files ---- */

static struct err bad(const char *what) { return err_make(ERR_INPUT, "gait.points", what); }

struct err gait_read_points(struct arena *mem, struct slice text, struct gait_recording *out) {
    json_t *root;
    struct err e = json_parse(text, (size_t)512 << 20, &root);
    if (e.kind) return e;
    struct gait_recording r = {0};
    int64_t first = 0, frames = 0;
    const json_t *joints = json_object_get(root, "joints"), *points = json_object_get(root, "points"),
                 *rate = json_object_get(root, "rate");
    struct slice name = json_get_string(root, "name");
    int8_t place[POSE_LAYOUT_JOINTS_MAX];
    size_t wide = json_array_size(joints);
    if (!slice_eq(json_get_string(root, "format"), SLICE("grandstand-points-1")))
        e = bad("This is no file of measured points as `grandstand track` writes it (person-N.points.json).");
    else if (!json_is_number(rate) || !(json_number_value(rate) > 0 && json_number_value(rate) < 1e5) ||
             !json_get_integer(root, "frame_first", &first) || first < -1000000000 || first > 1000000000)
        e = bad("\"rate\" or \"frame_first\" makes no sense.");
    else if (!json_get_integer(root, "frames", &frames) || frames < 0 || frames > MOTION_FRAMES_MAX || wide < 1 ||
             wide > POSE_LAYOUT_JOINTS_MAX || json_array_size(points) != (size_t)frames * wide)
        e = bad("\"points\" does not hold frames x joints entries.");
    for (size_t k = 0; !e.kind && k < wide; k++) {
        place[k] = -1;
        for (int j = 0; j < POSE_JOINTS; j++) {
            if (slice_eq_nocase(slice_cstr(json_string_value(json_array_get(joints, k))), slice_cstr(pose_joint_name((enum pose_joint)j))))
                place[k] = (int8_t)j;
        }
    }
    struct track_point *list = e.kind ? NULL : arena_alloc_array(mem, (size_t)frames * POSE_JOINTS + 1, sizeof *list);
    if (!e.kind && !list) e = err_memory();
    for (size_t i = 0; !e.kind && i < (size_t)frames * POSE_JOINTS; i++) list[i] = (struct track_point){.at = VEC3_UNKNOWN};
    for (size_t i = 0; !e.kind && i < (size_t)frames * wide; i++) {
        const json_t *p = json_array_get(points, i);
        if (json_is_null(p)) continue;
        double v[9];
        if (json_array_size(p) != ARRAY_LEN(v)) {
            e = bad("A point must be null or nine numbers.");
            break;
        }
        bool is_fine = true;
        for (size_t k = 0; k < ARRAY_LEN(v); k++) {
            const json_t *n = json_array_get(p, k);
            v[k] = json_number_value(n) * (k < 3 ? 1 : 1e-6), is_fine = is_fine && json_is_number(n) && fabs(v[k]) < 1e6;
        }
        struct sym3 c = {v[3], v[4], v[5], v[6], v[7], v[8]}, inverse;
        if (!is_fine || !sym3_inverse(c, &inverse)) {
            e = bad("A point's numbers make no sense: nine are needed, of which the last six are a covariance.");
            break;
        }
        int8_t joint = place[i % wide];
        if (joint >= 0) list[i / wide * POSE_JOINTS + (size_t)joint] = (struct track_point){.at = {v[0], v[1], v[2]}, .covariance = c};
    }
    if (!e.kind) {
        r.rate = json_number_value(rate), r.frame_first = first, r.frame_count = (size_t)frames, r.points = list;
        snprintf(r.name, sizeof r.name, "%.*s", (int)(name.len < sizeof r.name - 1 ? name.len : sizeof r.name - 1),
                 name.ptr ? name.ptr : "");
    }
    json_decref(root);
    struct track_state *states = NULL;
    if (!e.kind) e = smooth(mem, list, r.frame_count, r.rate, &states);
    if (e.kind) return e;
    r.states = states;
    *out = r;
    return ERR_OK;
}

static struct vec3 turn(struct vec3 v) { return vec3_of(v.z, v.x, v.y); }
static struct sym3 turn_covariance(struct sym3 c) { return (struct sym3){c.zz, c.xz, c.yz, c.xx, c.xy, c.yy}; }

struct err gait_to_z_up(struct arena *mem, struct gait_recording *r) {
    size_t n = r->frame_count * POSE_JOINTS;
    struct track_point *points = r->points ? arena_alloc_array(mem, n + 1, sizeof *points) : NULL;
    struct track_state *states = arena_alloc_array(mem, n + 1, sizeof *states);
    if (!states || (r->points && !points)) return err_memory();
    for (size_t i = 0; i < n; i++) {
        if (points)
            points[i] = r->points[i], points[i].at = turn(points[i].at), points[i].covariance = turn_covariance(points[i].covariance);
        struct track_state *s = &states[i];
        *s = r->states[i];
        s->at = turn(s->at), s->velocity = turn(s->velocity), s->acceleration = turn(s->acceleration);
        s->covariance = turn_covariance(s->covariance), s->velocity_covariance = turn_covariance(s->velocity_covariance),
        s->acceleration_covariance = turn_covariance(s->acceleration_covariance);
    }
    r->points = points, r->states = states;
    return ERR_OK;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Noise of one point from itself: the third differences of a smooth curve are small, and those of white noise have 20 times its variance.
 * Median, so that jolts do not count. */
static double noise_of(const struct motion *m, size_t point, double *scratch) {
    size_t count = 0;
    for (size_t f = 3; f < m->frame_count; f++) {
        struct vec3 d = vec3_add(vec3_sub(*motion_at(m, f, point), *motion_at(m, f - 3, point)),
                                 vec3_scale(vec3_sub(*motion_at(m, f - 2, point), *motion_at(m, f - 1, point)), 3));
        if (vec3_is_known(d)) scratch[count++] = vec3_dot(d, d) / 3;
    }
    if (!count) return 1e-4;
    qsort(scratch, count, sizeof *scratch, by_value);
    /* the median of a mean of three squares is 0.789 of its mean; half a millimetre is what a file may keep to itself */
    return fmax(scratch[count / 2] / 0.789 / 20, 2.5e-7);
}

struct err gait_from_motion(struct arena *mem, const struct motion *m, struct gait_recording *out) {
    size_t n = m->frame_count;
    int place[POSE_JOINTS];
    for (int k = 0; k < POSE_JOINTS; k++) place[k] = motion_find(m, slice_cstr(pose_joint_name((enum pose_joint)k)));
    static const int8_t needed[] = {POSE_LHIP, POSE_RHIP, POSE_LKNEE, POSE_RKNEE, POSE_LANKLE, POSE_RANKLE};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (place[needed[i]] < 0)
            return err_make(ERR_INPUT, "gait.joints",
                            "The file has no hips, knees and ankles by the names LHip, RHip, LKnee, RKnee, LAnkle, RAnkle.");
    }
    struct track_point *points = arena_alloc_array(mem, n * POSE_JOINTS + 1, sizeof *points);
    struct arena_mark mark = arena_mark(mem);
    double *scratch = arena_alloc_array(mem, n + 1, sizeof *scratch);
    if (!points || !scratch) return err_memory();
    for (size_t k = 0; k < POSE_JOINTS; k++) {
        double noise = place[k] >= 0 ? noise_of(m, (size_t)place[k], scratch) : 0;
        for (size_t f = 0; f < n; f++) {
            struct track_point *p = &points[f * POSE_JOINTS + k];
            *p = (struct track_point){.at = place[k] >= 0 ? *motion_at(m, f, (size_t)place[k]) : VEC3_UNKNOWN,
                                      .covariance = {noise, 0, 0, noise, 0, noise}};
        }
    }
    arena_rewind(mem, mark);
    struct track_state *states = NULL;
    struct err e = smooth(mem, points, n, m->rate, &states);
    if (e.kind) return e;
    *out = (struct gait_recording){.rate = m->rate, .frame_first = m->frame_first, .frame_count = n, .points = points, .states = states};
    memcpy(out->name, m->name, sizeof out->name);
    return ERR_OK;
}
