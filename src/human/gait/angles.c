/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <string.h>

#include "human/gait/room.h"

struct frame {
    struct vec3 x, y, z; /* forward, up, right */
};

static struct vec3 without(struct vec3 v, struct vec3 unit) { return vec3_sub(v, vec3_scale(unit, vec3_dot(v, unit))); }
/* NaN stays NaN; rounding past 1 does not become it. */
static double arc_sine(double v) { return v > 1 ? M_PI / 2 : v < -1 ? -M_PI / 2 : asin(v); }
static double degrees(double radians) { return radians / GAIT_DEGREE; }
/* y as given, z as near to the hint as it can be. */
static struct frame frame_of(struct vec3 y, struct vec3 z_hint) {
    struct vec3 z = vec3_unit(without(z_hint, y));
    return (struct frame){vec3_cross(y, z), y, z};
}

/* Cardan Z-X-Y of child in parent: about the parent's Z (flexion), then X, then the child's Y. Radians. */
static struct vec3 cardan(const struct frame *p, const struct frame *c) {
    return vec3_of(atan2(-vec3_dot(p->x, c->y), vec3_dot(p->y, c->y)), arc_sine(vec3_dot(p->z, c->y)),
                   atan2(-vec3_dot(p->z, c->x), vec3_dot(p->z, c->z)));
}

static double flexion(const struct frame *p, const struct frame *c) { return atan2(-vec3_dot(p->x, c->y), vec3_dot(p->y, c->y)); }

static double corner(struct vec3 a, struct vec3 at, struct vec3 b) {
    struct vec3 u = vec3_sub(a, at), v = vec3_sub(b, at);
    return degrees(atan2(vec3_norm(vec3_cross(u, v)), vec3_dot(u, v)));
}

/* The hinge between two bones is at right angles to both, but only while they are bent: below 10 degrees the hint counts alone, above 25
 * the bones. */
static struct vec3 hinge(struct vec3 normal, struct vec3 y, struct vec3 hint, double *trust) {
    double sine = vec3_norm(normal), s = fmin(1, fmax(0, (sine - 0.174) / (0.423 - 0.174)));
    *trust = s * s * (3 - 2 * s);
    struct vec3 from_hint = vec3_unit(without(hint, y)), from_bones = sine > 1e-9 ? vec3_scale(normal, 1 / sine) : from_hint;
    if (!vec3_is_known(from_hint)) return from_bones;
    return vec3_unit(vec3_add(vec3_scale(from_bones, *trust), vec3_scale(from_hint, 1 - *trust)));
}

static double wrapped(double a) { return a > M_PI ? a - 2 * M_PI : a < -M_PI ? a + 2 * M_PI : a; }

/* Of one instant: the joints, where forward is, and the frames that legs and arms hang on. */
struct posture {
    const struct vec3 *j;
    struct vec3 axis, right, spine, shoulder_line;
    struct frame pelvis, trunk;
};

static struct posture posture_of(const struct vec3 j[POSE_JOINTS], struct vec3 axis) {
    struct vec3 middle = vec3_mix(j[POSE_LHIP], j[POSE_RHIP], 0.5), shoulders = vec3_mix(j[POSE_LSHOULDER], j[POSE_RSHOULDER], 0.5);
    struct vec3 neck = vec3_is_known(j[POSE_NECK]) ? j[POSE_NECK] : shoulders, hips = vec3_unit(vec3_sub(j[POSE_RHIP], j[POSE_LHIP]));
    struct posture p = {.j = j,
                        .axis = axis,
                        .right = vec3_cross(axis, vec3_of(0, 0, 1)),
                        .spine = vec3_unit(vec3_sub(neck, middle)),
                        .shoulder_line = vec3_sub(j[POSE_RSHOULDER], j[POSE_LSHOULDER])};
    /* pelvis: Z is the line of the hips, and Y as near to the spine as that allows; trunk: Y is the spine, Z as near to the shoulders */
    struct vec3 front = vec3_unit(vec3_cross(p.spine, hips));
    p.pelvis = (struct frame){front, vec3_cross(hips, front), hips}, p.trunk = frame_of(p.spine, p.shoulder_line);
    return p;
}

static void trunk_angles(const struct posture *p, double out[GAIT_ANGLES]) {
    struct vec3 hips = p->pelvis.z, line = p->shoulder_line;
    double turn_hips = atan2(vec3_dot(hips, p->axis), vec3_dot(hips, p->right)),
           turn_shoulders = atan2(vec3_dot(line, p->axis), vec3_dot(line, p->right));
    out[2 * GAIT_PELVIS_LIST] = degrees(-arc_sine(hips.z));
    out[2 * GAIT_PELVIS_ROTATION] = degrees(turn_hips);
    out[2 * GAIT_TRUNK_LEAN] = degrees(atan2(vec3_dot(p->spine, p->axis), p->spine.z));
    out[2 * GAIT_TRUNK_BEND] = degrees(atan2(vec3_dot(p->spine, p->right), p->spine.z));
    out[2 * GAIT_TRUNK_ROTATION] = degrees(wrapped(turn_shoulders - turn_hips));
}

static void leg_angles(const struct posture *p, size_t s, double out[GAIT_ANGLES]) {
    const struct vec3 *j = p->j;
    double mirror = s == GAIT_LEFT ? -1 : 1, trust;
    struct vec3 hip = j[POSE_LHIP + s], knee = j[POSE_LKNEE + s], ankle = j[POSE_LANKLE + s], heel = j[POSE_LHEEL + s],
                big = j[POSE_LBIGTOE + s], small = j[POSE_LSMALLTOE + s];
    struct vec3 thigh_up = vec3_unit(vec3_sub(hip, knee)), shank_up = vec3_unit(vec3_sub(knee, ankle)),
                z = hinge(vec3_cross(shank_up, thigh_up), thigh_up, p->pelvis.z, &trust);
    struct frame thigh = frame_of(thigh_up, z), shank = frame_of(shank_up, z);
    struct vec3 a = cardan(&p->pelvis, &thigh);
    out[2 * GAIT_HIP_FLEXION + s] = degrees(a.x), out[2 * GAIT_HIP_ADDUCTION + s] = degrees(mirror * a.y);
    if (trust > 0.5) out[2 * GAIT_HIP_ROTATION + s] = degrees(mirror * a.z);
    out[2 * GAIT_KNEE_FLEXION + s] = degrees(atan2(vec3_dot(vec3_cross(shank_up, thigh_up), z), vec3_dot(shank_up, thigh_up)));
    /* foot: X from heel to the middle of the toes; Z across the toes, or that of the shank without the small one, or if one of them is
     * wrong: they are four centimetres apart, and would turn the foot over */
    bool has_small = vec3_is_known(small);
    struct vec3 along = vec3_unit(vec3_sub(has_small ? vec3_mix(big, small, 0.5) : big, heel));
    struct vec3 across = vec3_unit(without(has_small ? vec3_scale(vec3_sub(small, big), mirror) : shank.z, along));
    if (vec3_dot(across, shank.z) < 0.3) across = vec3_unit(without(shank.z, along));
    struct frame foot = {along, vec3_cross(across, along), across};
    out[2 * GAIT_ANKLE_DORSIFLEXION + s] = degrees(flexion(&shank, &foot)), out[2 * GAIT_FOOT + s] = degrees(arc_sine(along.z));
    out[2 * GAIT_THIGH + s] = degrees(atan2(-vec3_dot(thigh_up, p->axis), thigh_up.z)),
                         out[2 * GAIT_SHANK + s] = degrees(atan2(vec3_dot(shank_up, p->axis), shank_up.z));
    out[2 * GAIT_HIP_SIMPLE + s] = corner(j[POSE_LSHOULDER + s], hip, knee), out[2 * GAIT_KNEE_SIMPLE + s] = corner(hip, knee, ankle);
    out[2 * GAIT_ANKLE_SIMPLE + s] = corner(knee, ankle, big);
}

static void arm_angles(const struct posture *p, size_t s, double out[GAIT_ANGLES]) {
    double mirror = s == GAIT_LEFT ? -1 : 1, trust;
    struct vec3 shoulder = p->j[POSE_LSHOULDER + s], elbow = p->j[POSE_LELBOW + s], wrist = p->j[POSE_LWRIST + s];
    struct vec3 arm_up = vec3_unit(vec3_sub(shoulder, elbow)), forearm_up = vec3_unit(vec3_sub(elbow, wrist)),
                z = hinge(vec3_cross(arm_up, forearm_up), arm_up, p->trunk.z, &trust);
    struct frame arm = frame_of(arm_up, vec3_is_known(z) ? z : p->trunk.z); /* without a wrist the upper arm still flexes */
    struct vec3 a = cardan(&p->trunk, &arm);
    out[2 * GAIT_SHOULDER_FLEXION + s] = degrees(a.x), out[2 * GAIT_SHOULDER_ADDUCTION + s] = degrees(mirror * a.y);
    out[2 * GAIT_ELBOW_FLEXION + s] = degrees(atan2(vec3_dot(vec3_cross(arm_up, forearm_up), z), vec3_dot(arm_up, forearm_up)));
    out[2 * GAIT_ELBOW_SIMPLE + s] = corner(shoulder, elbow, wrist);
}

/* Parts of the body, so that a joint's error costs only the angles that depend on it. The rest of `out` is NaN. */
enum { TRUNK = 1, LEGS = 2, ARMS = 4, WHOLE = 7 };

static void angles_of(const struct vec3 j[POSE_JOINTS], struct vec3 axis, unsigned parts, double out[GAIT_ANGLES]) {
    struct posture p = posture_of(j, axis);
    for (size_t i = 0; i < GAIT_ANGLES; i++) out[i] = NAN;
    if (parts & TRUNK) trunk_angles(&p, out);
    for (size_t s = 0; s < GAIT_SIDES; s++) {
        if (parts & LEGS) leg_angles(&p, s, out);
        if (parts & ARMS) arm_angles(&p, s, out);
    }
}

void gait_angles(const struct vec3 joints[POSE_JOINTS], struct vec3 axis, double out[GAIT_ANGLES]) { angles_of(joints, axis, WHOLE, out); }

/* Joints that no angle depends on together, so that they can be moved at once; and the parts they move. */
enum { GROUP_JOINTS = 2 };
static const struct {
    int8_t joints[GROUP_JOINTS];
    unsigned parts;
} groups[] = {
    {{POSE_LHIP, -1}, WHOLE},
    {{POSE_RHIP, -1}, WHOLE},
    {{POSE_NECK, -1}, WHOLE},
    {{POSE_LSHOULDER, -1}, WHOLE},
    {{POSE_RSHOULDER, -1}, WHOLE},
    {{POSE_LKNEE, POSE_RKNEE}, LEGS},
    {{POSE_LANKLE, POSE_RANKLE}, LEGS},
    {{POSE_LHEEL, POSE_RHEEL}, LEGS},
    {{POSE_LBIGTOE, POSE_RBIGTOE}, LEGS},
    {{POSE_LSMALLTOE, POSE_RSMALLTOE}, LEGS},
    {{POSE_LELBOW, POSE_RELBOW}, ARMS},
    {{POSE_LWRIST, POSE_RWRIST}, ARMS},
};

/* Column `c` of the lower Cholesky factor; a covariance that has none gives no uncertainty in that direction. */
static struct vec3 factor_column(struct sym3 a, int c) {
    double xx = sqrt(fmax(a.xx, 1e-18)), xy = a.xy / xx, xz = a.xz / xx, yy = sqrt(fmax(a.yy - xy * xy, 0)),
           yz = yy > 1e-9 ? (a.yz - xy * xz) / yy : 0;
    return c == 0 ? vec3_of(xx, xy, xz) : c == 1 ? vec3_of(0, yy, yz) : vec3_of(0, 0, sqrt(fmax(a.zz - xz * xz - yz * yz, 0)));
}

void gait_angles_of_frame(const struct track_state joints[POSE_JOINTS], struct vec3 axis, struct gait_value out[GAIT_ANGLES]) {
    struct vec3 at[POSE_JOINTS];
    double base[GAIT_ANGLES], moved[GAIT_ANGLES], variance[GAIT_ANGLES] = {0};
    const double step = 1e-3; /* standard deviations: small enough to be linear */
    for (size_t k = 0; k < POSE_JOINTS; k++) at[k] = joints[k].source == TRACK_UNKNOWN ? VEC3_UNKNOWN : joints[k].at;
    gait_angles(at, axis, base);
    for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
        bool is_there = false;
        for (int i = 0; i < GROUP_JOINTS && groups[g].joints[i] >= 0; i++) is_there = is_there || vec3_is_known(at[groups[g].joints[i]]);
        for (int c = 0; c < 3 && is_there; c++) {
            struct vec3 kept[GROUP_JOINTS];
            for (int i = 0; i < GROUP_JOINTS && groups[g].joints[i] >= 0; i++) {
                int k = groups[g].joints[i];
                kept[i] = at[k], at[k] = vec3_add(at[k], vec3_scale(factor_column(joints[k].covariance, c), step));
            }
            angles_of(at, axis, groups[g].parts, moved);
            for (int i = 0; i < GROUP_JOINTS && groups[g].joints[i] >= 0; i++) at[groups[g].joints[i]] = kept[i];
            for (size_t a = 0; a < GAIT_ANGLES; a++) {
                double d = (moved[a] - base[a]) / step;
                if (isfinite(d) && fabs(moved[a] - base[a]) < 90) variance[a] += d * d; /* not over the seam at 180 degrees */
            }
        }
    }
    /* Legs are jolted, and a smoothed jolt is wrong by more than noise: by the errors of synthetic sprints, a third more than the
     * covariances say. */
    for (size_t a = 0; a < GAIT_ANGLES; a++) {
        size_t kind = a / 2;
        bool is_leg = (kind >= GAIT_HIP_FLEXION && kind <= GAIT_ANKLE_DORSIFLEXION) || (kind >= GAIT_THIGH && kind <= GAIT_ANKLE_SIMPLE);
        out[a] = gait_value_of(base[a], variance[a] * (is_leg ? 1.35 * 1.35 : 1));
    }
}
