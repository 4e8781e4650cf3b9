/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Pose2Sim's own method, repeated for comparison, its habits included: the search over camera subsets, the mean error
 * as the only test, and the first person that fits well enough. Do not use it where you have the choice. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "human/track/track.h"

struct projection {
    double row[3][4]; /* K [R | t], without distortion */
};

static struct projection projection_of(const struct camera_view *v) {
    const struct camera_lens *l = &v->lens;
    struct projection p;
    for (int c = 0; c < 4; c++) {
        double x = c < 3 ? v->pose.rotation.m[0][c] : v->pose.translation.x, y = c < 3 ? v->pose.rotation.m[1][c] : v->pose.translation.y,
               z = c < 3 ? v->pose.rotation.m[2][c] : v->pose.translation.z;
        p.row[0][c] = l->fx * x + l->skew * y + l->cx * z;
        p.row[1][c] = l->fy * y + l->cy * z;
        p.row[2][c] = z;
    }
    return p;
}

struct sight {
    double x, y, weight; /* weight 0: not seen */
};

/* Direct linear transform: the unit vector that the weighted rows x P2 - P0 and y P2 - P1 make smallest. */
static bool transform(const struct projection *p, const struct sight *s, size_t cameras, struct vec3 *out) {
    double normal[4][4] = {{0}};
    size_t used = 0;
    for (size_t c = 0; c < cameras; c++) {
        if (!(s[c].weight > 0)) continue;
        used++;
        for (int k = 0; k < 2; k++) {
            double row[4];
            for (int i = 0; i < 4; i++) row[i] = s[c].weight * (p[c].row[k][i] - (k ? s[c].y : s[c].x) * p[c].row[2][i]);
            for (int i = 0; i < 4; i++) {
                for (int j = 0; j < 4; j++) normal[i][j] += row[i] * row[j];
            }
        }
    }
    if (used < 2) return false;
    double q[4];
    sym4_smallest(normal, q);
    if (fabs(q[3]) < 1e-12) return false;
    *out = vec3_of(q[0] / q[3], q[1] / q[3], q[2] / q[3]);
    return true;
}

static double mean_error(const struct projection *p, const struct sight *s, size_t cameras, struct vec3 at) {
    double sum = 0;
    size_t used = 0;
    for (size_t c = 0; c < cameras; c++) {
        if (!(s[c].weight > 0)) continue;
        double h[3];
        for (int k = 0; k < 3; k++) h[k] = p[c].row[k][0] * at.x + p[c].row[k][1] * at.y + p[c].row[k][2] * at.z + p[c].row[k][3];
        sum += hypot(h[0] / h[2] - s[c].x, h[1] / h[2] - s[c].y);
        used++;
    }
    return sum / (double)used;
}

/* Subsets of `count` out of n as rising indices; false after the last. */
static bool next_subset(size_t *index, size_t count, size_t n) {
    for (size_t i = count; i-- > 0;) {
        if (index[i] < n - count + i) {
            index[i]++;
            for (size_t k = i + 1; k < count; k++) index[k] = index[k - 1] + 1;
            return true;
        }
    }
    return false;
}

/* Least mean error over all ways of leaving `off` cameras out. */
static double best_subset(const struct projection *p, const struct sight *s, size_t cameras, size_t off, struct vec3 *at, uint64_t *left_out) {
    size_t index[CAMERA_COUNT_MAX];
    for (size_t i = 0; i < off; i++) index[i] = i;
    double best = INFINITY;
    do {
        struct sight some[CAMERA_COUNT_MAX];
        memcpy(some, s, cameras * sizeof *s);
        uint64_t mask = 0;
        for (size_t i = 0; i < off; i++) some[index[i]].weight = 0, mask |= UINT64_C(1) << index[i];
        struct vec3 q;
        if (!transform(p, some, cameras, &q)) continue;
        double error = mean_error(p, some, cameras, q);
        if (error < best) best = error, *at = q, *left_out = mask;
    } while (off && next_subset(index, off, cameras));
    return best;
}

static struct vec3 triangulate(const struct projection *p, const struct sight *s, size_t cameras, const struct track_pose2sim_options *o) {
    double error = INFINITY;
    struct vec3 at = VEC3_UNKNOWN;
    size_t missing = 0;
    uint64_t unused;
    for (size_t c = 0; c < cameras; c++) missing += !(s[c].weight > 0);
    for (size_t off = 0; error > o->error_max_px && missing + off + o->cameras_min <= cameras; off++) error = best_subset(p, s, cameras, off, &at, &unused);
    return error > o->error_max_px ? VEC3_UNKNOWN : at;
}

static struct sight sight_of(const struct pose_point *p, double likelihood_min) {
    return p && p->confidence >= (float)likelihood_min ? (struct sight){p->x, p->y, p->confidence} : (struct sight){0, 0, 0};
}

/* The person of each camera (-1: none) whose tracked joint fits: the first combination below the limit, fewest cameras left out first. */
static void choose_people(const struct projection *p, const struct pose_take *const *takes, size_t cameras, size_t frame, int joint,
                          const struct track_pose2sim_options *o, int *chosen) {
    size_t people[CAMERA_COUNT_MAX], pick[CAMERA_COUNT_MAX];
    for (size_t c = 0; c < cameras; c++) {
        chosen[c] = -1;
        people[c] = frame < takes[c]->frame_count ? takes[c]->frames[frame].people : 0;
    }
    double error = INFINITY;
    for (size_t off = 0; error > o->person_error_max_px && cameras - off >= o->cameras_min; off++) {
        memset(pick, 0, sizeof pick);
        for (bool is_done = false; !is_done;) {
            struct sight s[CAMERA_COUNT_MAX];
            for (size_t c = 0; c < cameras; c++) s[c] = sight_of(people[c] ? pose_person(takes[c], frame, pick[c]) + joint : NULL, o->likelihood_min);
            struct vec3 at;
            uint64_t left_out = 0;
            double e = best_subset(p, s, cameras, off, &at, &left_out);
            error = e; /* of this combination, not the best so far: as Pose2Sim */
            if (isfinite(e)) {
                for (size_t c = 0; c < cameras; c++) chosen[c] = s[c].weight > 0 && !(left_out >> c & 1) ? (int)pick[c] : -1;
            }
            if (e < o->person_error_max_px) break;
            is_done = true;
            for (size_t c = cameras; c-- > 0 && is_done;) { /* the last camera's people turn fastest */
                if (pick[c] + 1 < people[c]) pick[c]++, is_done = false;
                else pick[c] = 0;
            }
        }
    }
}

/* Pose2Sim's order of markers, as its skeletons walk their trees. */
static const enum pose_joint marker_order[] = {
    POSE_HIP, POSE_RHIP, POSE_RKNEE, POSE_RANKLE, POSE_RBIGTOE, POSE_RSMALLTOE, POSE_RHEEL, POSE_LHIP, POSE_LKNEE, POSE_LANKLE, POSE_LBIGTOE, POSE_LSMALLTOE, POSE_LHEEL,
    POSE_NECK, POSE_HEAD, POSE_NOSE, POSE_RSHOULDER, POSE_RELBOW, POSE_RWRIST, POSE_LSHOULDER, POSE_LELBOW, POSE_LWRIST,
};

struct err track_pose2sim(struct arena *mem, const struct camera_rig *rig, const struct pose_take *const *takes, double rate,
                          const struct track_pose2sim_options *options, struct motion *out) {
    const struct track_pose2sim_options o = options ? *options : TRACK_POSE2SIM_DEFAULTS;
    size_t frames = 0;
    if (rig->count < 2) return err_make(ERR_INPUT, "track.takes", "At least two cameras are needed.");
    for (size_t c = 0; c < rig->count; c++) {
        if (takes[c]->layout.joint_count != takes[0]->layout.joint_count || strcmp(takes[c]->layout.name, takes[0]->layout.name) ||
            takes[c]->frame_first != takes[0]->frame_first) {
            return err_make(ERR_INPUT, "track.takes", "All cameras' key points must have one layout and begin with the same frame number.");
        }
        if (takes[c]->frame_count > frames) frames = takes[c]->frame_count;
    }
    const struct pose_layout *l = &takes[0]->layout;
    int joints[POSE_LAYOUT_JOINTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(marker_order); i++) {
        int j = pose_layout_find(l, marker_order[i]);
        if (j >= 0) joints[count++] = j;
    }
    int tracked = pose_layout_find(l, POSE_NECK);
    if (tracked < 0) tracked = pose_layout_find(l, POSE_NOSE);
    if (!count || tracked < 0) return err_make(ERR_INPUT, "track.takes", "The key points have neither neck nor nose to tell people apart by.");
    struct motion m;
    struct err e = motion_create(mem, frames, count, rate, &m);
    if (e.kind) return e;
    m.frame_first = takes[0]->frame_first;
    for (size_t k = 0; k < count; k++) memcpy(m.point_names[k], l->joint_names[joints[k]], MOTION_NAME_MAX);
    struct projection p[CAMERA_COUNT_MAX];
    for (size_t f = 0; f < frames; f++) {
        for (size_t c = 0; c < rig->count; c++) {
            const struct camera_view *v = camera_view_at(&rig->cameras[c], m.frame_first + (int64_t)f);
            p[c] = projection_of(v ? v : &rig->cameras[c].fixed);
        }
        int chosen[CAMERA_COUNT_MAX];
        choose_people(p, takes, rig->count, f, tracked, &o, chosen);
        for (size_t k = 0; k < count; k++) {
            struct sight s[CAMERA_COUNT_MAX];
            for (size_t c = 0; c < rig->count; c++) {
                s[c] = sight_of(chosen[c] >= 0 ? pose_person(takes[c], f, (size_t)chosen[c]) + joints[k] : NULL, o.likelihood_min);
            }
            *motion_at(&m, f, k) = triangulate(p, s, rig->count, &o);
        }
    }
    if (motion_fill_cubic(&m, o.gap_frames_max, true) == SIZE_MAX) return err_memory();
    motion_to_y_up(&m);
    m.frame_first++; /* files of key points count from 0, TRC files from 1 */
    *out = m;
    return ERR_OK;
}
