/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/body/model.h"

static const char *const segment_names[BODY_SEGMENTS] = {
    "pelvis", "torso", "head", "clavicle_l", "clavicle_r", "humerus_l", "humerus_r", "radius_l", "radius_r",
    "femur_l", "femur_r", "tibia_l", "tibia_r", "calcn_l", "calcn_r", "toes_l", "toes_r",
};
static const int8_t segment_parents[BODY_SEGMENTS] = {
    -1, BODY_PELVIS, BODY_THORAX, BODY_THORAX, BODY_THORAX, BODY_LCLAVICLE, BODY_RCLAVICLE, BODY_LUPPER_ARM, BODY_RUPPER_ARM,
    BODY_PELVIS, BODY_PELVIS, BODY_LTHIGH, BODY_RTHIGH, BODY_LSHANK, BODY_RSHANK, BODY_LFOOT, BODY_RFOOT,
};
const char *body_segment_name(enum body_segment s) { return (unsigned)s < BODY_SEGMENTS ? segment_names[s] : NULL; }
int body_segment_parent(enum body_segment s) { return segment_parents[s]; }

static const char *const angle_names[BODY_ANGLES] = {
    "pelvis_tilt", "pelvis_list", "pelvis_rotation", "lumbar_extension", "lumbar_bending", "lumbar_rotation", "neck_extension", "neck_bending", "neck_rotation",
    "clavicle_protraction_l", "clavicle_elevation_l", "arm_flex_l", "arm_add_l", "arm_rot_l", "elbow_flex_l",
    "clavicle_protraction_r", "clavicle_elevation_r", "arm_flex_r", "arm_add_r", "arm_rot_r", "elbow_flex_r",
    "hip_flexion_l", "hip_adduction_l", "hip_rotation_l", "knee_angle_l", "ankle_angle_l", "subtalar_angle_l", "ankle_rotation_l", "mtp_angle_l",
    "hip_flexion_r", "hip_adduction_r", "hip_rotation_r", "knee_angle_r", "ankle_angle_r", "subtalar_angle_r", "ankle_rotation_r", "mtp_angle_r",
};
const char *body_angle_name(enum body_angle a) { return (unsigned)a < BODY_ANGLES ? angle_names[a] : NULL; }

enum body_segment body_point_segment(enum pose_joint k) {
    switch (k) {
    case POSE_NOSE: case POSE_LEYE: case POSE_REYE: case POSE_LEAR: case POSE_REAR: case POSE_HEAD: return BODY_HEAD;
    case POSE_LSHOULDER: return BODY_LCLAVICLE;
    case POSE_RSHOULDER: return BODY_RCLAVICLE;
    case POSE_LELBOW: return BODY_LUPPER_ARM;
    case POSE_RELBOW: return BODY_RUPPER_ARM;
    case POSE_LWRIST: return BODY_LFOREARM;
    case POSE_RWRIST: return BODY_RFOREARM;
    case POSE_LKNEE: return BODY_LTHIGH;
    case POSE_RKNEE: return BODY_RTHIGH;
    case POSE_LANKLE: return BODY_LSHANK;
    case POSE_RANKLE: return BODY_RSHANK;
    case POSE_NECK: return BODY_THORAX;
    case POSE_LHEEL: return BODY_LFOOT;
    case POSE_RHEEL: return BODY_RFOOT;
    case POSE_LBIGTOE: case POSE_LSMALLTOE: return BODY_LTOES;
    case POSE_RBIGTOE: case POSE_RSMALLTOE: return BODY_RTOES;
    default: return BODY_PELVIS; /* hip, hips */
    }
}

const struct limb body_limbs[LIMBS] = {{DOF_NECK, HEAD_DOFS}, {DOF_ARM, ARM_DOFS}, {DOF_ARM + ARM_DOFS, ARM_DOFS}, {DOF_LEG, LEG_DOFS}, {DOF_LEG + LEG_DOFS, LEG_DOFS}};

/* First guesses of the jerk are what sprinters and runners have, a little high: what was smoothed away cannot be learnt from. */
#define SLIDE(x, y, z) {DOF_SLIDE, BODY_PELVIS, -1, -1, -1, {x, y, z}, 2e3}
#define BALL(segment, angle, ball, jerk_x, jerk_y, jerk_z)                                                                    \
    {DOF_BALL, segment, angle, ball, -1, {1, 0, 0}, jerk_x}, {DOF_BALL, segment, angle, ball, -1, {0, 1, 0}, jerk_y},          \
    {DOF_BALL, segment, angle, ball, -1, {0, 0, 1}, jerk_z}
#define HINGE(segment, angle, hinge, x, y, z, jerk) {DOF_HINGE, segment, angle, -1, hinge, {x, y, z}, jerk}
#define ARM(s, sign, ball, hinge)                                                                                                                                                      \
    HINGE(BODY_##s##CLAVICLE, BODY_CLAVICLE_PROTRACTION_##s, hinge, 0, sign 1, 0, 30), HINGE(BODY_##s##CLAVICLE, BODY_CLAVICLE_ELEVATION_##s, hinge + 1, -(sign 1), 0, 0, 100),          \
    BALL(BODY_##s##UPPER_ARM, BODY_ARM_FLEX_##s, ball, 2e4, 2e4, 1.5e5), HINGE(BODY_##s##FOREARM, BODY_ELBOW_FLEX_##s, hinge + 2, 0, 0, 1, 3e4)
#define LEG(s, hip, ankle, hinge)                                                                                                                                                      \
    BALL(BODY_##s##THIGH, BODY_HIP_FLEXION_##s, hip, 2e4, 2e4, 2e5), HINGE(BODY_##s##SHANK, BODY_KNEE_ANGLE_##s, hinge, 0, 0, -1, 5e5),                                                \
    BALL(BODY_##s##FOOT, BODY_ANKLE_ANGLE_##s, ankle, 2e4, 2e4, 3e5), HINGE(BODY_##s##TOES, BODY_MTP_ANGLE_##s, hinge + 1, 0, 0, 1, 100)
const struct dof body_dofs[DOFS] = {
    SLIDE(1, 0, 0), SLIDE(0, 1, 0), SLIDE(0, 0, 1),
    BALL(BODY_PELVIS, BODY_PELVIS_TILT, 0, 3e3, 3e3, 3e3), BALL(BODY_THORAX, BODY_LUMBAR_EXTENSION, 1, 1e3, 1.5e4, 2e3), BALL(BODY_HEAD, BODY_NECK_EXTENSION, 2, 5e3, 1e4, 8e3),
    ARM(L, -, 3, 0), ARM(R, +, 4, 3), LEG(L, 5, 7, 6), LEG(R, 6, 8, 8),
};

/* From the ranges of motion that the clinics use (American Academy of Orthopaedic Surgeons 1965), widened for athletes. The deviations are
 * wide wherever key points say something; where they say little (turns about a straight limb, pelvis against trunk) they decide. */
#define DEG * (M_PI / 180)
#define ARM_RANGES {0, 10 DEG, -35 DEG, 35 DEG}, {0, 10 DEG, -25 DEG, 45 DEG}, {0, 120 DEG, -400 DEG, 400 DEG}, {0, 120 DEG, -400 DEG, 400 DEG}, {0, 60 DEG, -400 DEG, 400 DEG}, {40 DEG, 80 DEG, -8 DEG, 160 DEG}
#define LEG_RANGES {0, 90 DEG, -45 DEG, 145 DEG}, {0, 30 DEG, -75 DEG, 50 DEG}, {0, 15 DEG, -55 DEG, 55 DEG}, {30 DEG, 80 DEG, -8 DEG, 165 DEG}, {0, 30 DEG, -65 DEG, 45 DEG}, {0, 20 DEG, -45 DEG, 45 DEG}, {0, 15 DEG, -40 DEG, 40 DEG}, {0, 8 DEG, -45 DEG, 75 DEG}
const struct angle_range body_ranges[BODY_ANGLES] = {
    {0, 1e3 DEG, -1e6, 1e6}, {0, 1e3 DEG, -1e6, 1e6}, {0, 1e6, -1e6, 1e6},
    {0, 3 DEG, -90 DEG, 50 DEG}, {0, 12 DEG, -50 DEG, 50 DEG}, {0, 20 DEG, -60 DEG, 60 DEG},
    {0, 30 DEG, -80 DEG, 80 DEG}, {0, 25 DEG, -60 DEG, 60 DEG}, {0, 40 DEG, -100 DEG, 100 DEG},
    ARM_RANGES, ARM_RANGES, LEG_RANGES, LEG_RANGES,
};

const struct size_prior body_size_priors[SIZES] = {
    [SIZE_HIP_X] = {0, 0.012}, [SIZE_HIP_Y] = {0, 0.012}, [SIZE_HIP_WIDTH] = {0.052, 0.010}, [SIZE_TRUNK] = {0.288, 0.030},
    [SIZE_SHOULDER_X] = {0, 0.012}, [SIZE_SHOULDER_Y] = {-0.015, 0.015}, [SIZE_SHOULDER_Z] = {0.108, 0.018},
    [SIZE_HEAD] = {0.170, 0.025}, [SIZE_NOSE_X] = {0.062, 0.015}, [SIZE_NOSE_Y] = {0.078, 0.020}, [SIZE_EYE_X] = {0.052, 0.015}, [SIZE_EYE_Y] = {0.096, 0.020},
    [SIZE_EYE_Z] = {0.018, 0.006}, [SIZE_EAR_X] = {0.004, 0.015}, [SIZE_EAR_Y] = {0.085, 0.020}, [SIZE_EAR_Z] = {0.042, 0.010},
    [SIZE_UPPER_ARM] = {0.180, 0.020}, [SIZE_FOREARM] = {0.150, 0.020}, [SIZE_THIGH] = {0.245, 0.025}, [SIZE_SHANK] = {0.246, 0.025},
    [SIZE_ANKLE_Y] = {0.036, 0.012}, [SIZE_HEEL_X] = {-0.035, 0.015}, [SIZE_TOE_X] = {0.110, 0.020}, [SIZE_SMALL_TOE_X] = {0.090, 0.020}, [SIZE_FOOT_Z] = {0, 0.008},
    [SIZE_TOES_Z] = {0.020, 0.006},
    [SIZE_UPPER_ARM_ODD] = {0, 0.003}, [SIZE_FOREARM_ODD] = {0, 0.003}, [SIZE_THIGH_ODD] = {0, 0.003}, [SIZE_SHANK_ODD] = {0, 0.003},
};

/* Of the way from the hips to the neck. Higher up (L5/S1 is at 0.18) the distance from hips to neck would depend on the lumbar angle, and so every millimetre of
 * error in it would become degrees of pelvic tilt. */
static const double lumbar_share = 0;
static const double toes_share = 0.65;   /* of the way from under the ankle to the big toe */

#define TERM(size, x, y, z) {size, {x, y, z}}
#define END {-1, {0, 0, 0}}
struct place body_segment_place(enum body_segment s) {
    double left = s == BODY_LCLAVICLE || s == BODY_LUPPER_ARM || s == BODY_LFOREARM || s == BODY_LTHIGH || s == BODY_LSHANK || s == BODY_LFOOT || s == BODY_LTOES ? 1 : 0;
    double side = left > 0 ? -1 : 1, half = left > 0 ? 0.5 : -0.5;
    switch (s) {
    case BODY_THORAX: return (struct place){{TERM(SIZE_TRUNK, 0, lumbar_share, 0), END}};
    case BODY_HEAD: case BODY_LCLAVICLE: case BODY_RCLAVICLE: return (struct place){{TERM(SIZE_TRUNK, 0, 1 - lumbar_share, 0), END}};
    case BODY_LUPPER_ARM: case BODY_RUPPER_ARM: return (struct place){{TERM(SIZE_SHOULDER_X, 1, 0, 0), TERM(SIZE_SHOULDER_Y, 0, 1, 0), TERM(SIZE_SHOULDER_Z, 0, 0, side), END}};
    case BODY_LFOREARM: case BODY_RFOREARM: return (struct place){{TERM(SIZE_UPPER_ARM, 0, -1, 0), TERM(SIZE_UPPER_ARM_ODD, 0, -half, 0), END}};
    case BODY_LTHIGH: case BODY_RTHIGH: return (struct place){{TERM(SIZE_HIP_WIDTH, 0, 0, side), END}};
    case BODY_LSHANK: case BODY_RSHANK: return (struct place){{TERM(SIZE_THIGH, 0, -1, 0), TERM(SIZE_THIGH_ODD, 0, -half, 0), END}};
    case BODY_LFOOT: case BODY_RFOOT: return (struct place){{TERM(SIZE_SHANK, 0, -1, 0), TERM(SIZE_SHANK_ODD, 0, -half, 0), END}};
    case BODY_LTOES: case BODY_RTOES: return (struct place){{TERM(SIZE_TOE_X, toes_share, 0, 0), TERM(SIZE_ANKLE_Y, 0, -1, 0), END}};
    default: return (struct place){{END}};
    }
}

struct place body_point_place(enum pose_joint k) {
    double side = k == POSE_LEYE || k == POSE_LEAR || k == POSE_LHIP || k == POSE_LBIGTOE || k == POSE_LSMALLTOE || k == POSE_LHEEL || k == POSE_LSHOULDER ? -1 : 1;
    switch (k) {
    case POSE_HIP: return (struct place){{TERM(SIZE_HIP_X, 1, 0, 0), TERM(SIZE_HIP_Y, 0, 1, 0), END}};
    case POSE_LHIP: case POSE_RHIP: return (struct place){{TERM(SIZE_HIP_WIDTH, 0, 0, side), END}};
    case POSE_NECK: return (struct place){{TERM(SIZE_TRUNK, 0, 1 - lumbar_share, 0), END}};
    case POSE_HEAD: return (struct place){{TERM(SIZE_HEAD, 0, 1, 0), END}};
    case POSE_NOSE: return (struct place){{TERM(SIZE_NOSE_X, 1, 0, 0), TERM(SIZE_NOSE_Y, 0, 1, 0), END}};
    case POSE_LEYE: case POSE_REYE: return (struct place){{TERM(SIZE_EYE_X, 1, 0, 0), TERM(SIZE_EYE_Y, 0, 1, 0), TERM(SIZE_EYE_Z, 0, 0, side), END}};
    case POSE_LEAR: case POSE_REAR: return (struct place){{TERM(SIZE_EAR_X, 1, 0, 0), TERM(SIZE_EAR_Y, 0, 1, 0), TERM(SIZE_EAR_Z, 0, 0, side), END}};
    case POSE_LSHOULDER: return body_segment_place(BODY_LUPPER_ARM);
    case POSE_RSHOULDER: return body_segment_place(BODY_RUPPER_ARM);
    case POSE_LELBOW: return body_segment_place(BODY_LFOREARM);
    case POSE_RELBOW: return body_segment_place(BODY_RFOREARM);
    case POSE_LWRIST: case POSE_RWRIST:
        return (struct place){{TERM(SIZE_FOREARM, 0, -1, 0), TERM(SIZE_FOREARM_ODD, 0, k == POSE_LWRIST ? -0.5 : 0.5, 0), END}};
    case POSE_LKNEE: return body_segment_place(BODY_LSHANK);
    case POSE_RKNEE: return body_segment_place(BODY_RSHANK);
    case POSE_LANKLE: return body_segment_place(BODY_LFOOT);
    case POSE_RANKLE: return body_segment_place(BODY_RFOOT);
    case POSE_LHEEL: case POSE_RHEEL: return (struct place){{TERM(SIZE_HEEL_X, 1, 0, 0), TERM(SIZE_ANKLE_Y, 0, -1, 0), TERM(SIZE_FOOT_Z, 0, 0, side), END}};
    case POSE_LBIGTOE: case POSE_RBIGTOE: return (struct place){{TERM(SIZE_TOE_X, 1 - toes_share, 0, 0), TERM(SIZE_FOOT_Z, 0, 0, side), TERM(SIZE_TOES_Z, 0, 0, -side), END}};
    case POSE_LSMALLTOE: case POSE_RSMALLTOE:
        return (struct place){{TERM(SIZE_SMALL_TOE_X, 1, 0, 0), TERM(SIZE_TOE_X, -toes_share, 0, 0), TERM(SIZE_FOOT_Z, 0, 0, side), TERM(SIZE_TOES_Z, 0, 0, side)}};
    default: return (struct place){{END}};
    }
}

static struct vec3 place_at(struct place p, const double sizes[SIZES]) {
    struct vec3 at = {0};
    for (int i = 0; i < TERMS_MAX && p.term[i].size >= 0; i++) at = vec3_add(at, vec3_scale(p.term[i].by, sizes[p.term[i].size]));
    return at;
}

void body_shape_of(const double sizes[SIZES], struct body_shape *shape) {
    for (int s = 0; s < BODY_SEGMENTS; s++) shape->origin[s] = place_at(body_segment_place((enum body_segment)s), sizes);
    for (int k = 0; k < POSE_JOINTS; k++) shape->point[k] = place_at(body_point_place((enum pose_joint)k), sizes);
    shape->height_m = sizes[SIZE_ANKLE_Y] + sizes[SIZE_SHANK] + sizes[SIZE_THIGH] + sizes[SIZE_TRUNK] + sizes[SIZE_HEAD];
}

struct mat3 body_rotation(int axis, double angle) {
    double c = cos(angle), s = sin(angle);
    switch (axis) {
    case 0: return (struct mat3){{{1, 0, 0}, {0, c, -s}, {0, s, c}}};
    case 1: return (struct mat3){{{c, 0, s}, {0, 1, 0}, {-s, 0, c}}};
    default: return (struct mat3){{{c, -s, 0}, {s, c, 0}, {0, 0, 1}}};
    }
}

struct mat3 body_cardan(const double a[3]) {
    struct mat3 z = body_rotation(2, a[0]), x = body_rotation(0, a[1]), y = body_rotation(1, a[2]), zx = mat3_multiply(&z, &x);
    return mat3_multiply(&zx, &y);
}

/* Rz(a) Rx(b) Ry(c): the third row is (-cos b sin c, sin b, cos b cos c), the second column (-sin a cos b, cos a cos b, sin b). */
void body_cardan_of(const struct mat3 *r, double a[3]) {
    double s = fmax(-1, fmin(1, r->m[2][1]));
    a[1] = asin(s);
    if (fabs(s) > 1 - 1e-12) {
        a[0] = atan2(r->m[1][0], r->m[0][0]), a[2] = 0;
        return;
    }
    a[0] = atan2(-r->m[0][1], r->m[1][1]);
    a[2] = atan2(-r->m[2][0], r->m[2][2]);
}

/* Ry(c) Rx(b) Rz(a): the second row is (cos b sin a, cos b cos a, -sin b), the third column (sin c cos b, -sin b, cos c cos b). */
void body_cardan_yxz_of(const struct mat3 *r, double a[3]) {
    double s = fmax(-1, fmin(1, -r->m[1][2]));
    a[1] = asin(s);
    if (fabs(s) > 1 - 1e-12) {
        a[2] = 0, a[0] = atan2(-r->m[0][1], r->m[0][0]);
        return;
    }
    a[0] = atan2(r->m[1][0], r->m[1][1]);
    a[2] = atan2(r->m[0][2], r->m[2][2]);
}

struct mat3 body_upright(enum camera_up up) {
    if (up == CAMERA_UP_Y) return MAT3_IDENTITY;
    return (struct mat3){{{1, 0, 0}, {0, 0, 1}, {0, -1, 0}}};
}
