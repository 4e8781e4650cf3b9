/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * model.h (this room's own): the tree in numbers. */
#ifndef HUMAN_BODY_MODEL_H
#define HUMAN_BODY_MODEL_H

#include "human/body/body.h"

/* Degrees of freedom in the order of the solver: the torso, and five limbs that touch each other only through it. A ball joint has three: a small turn about the axes
 * of its parent segment (the pelvis: of the world). */
enum {
    DOF_PELVIS_AT = 0, DOF_PELVIS = 3, DOF_LUMBAR = 6, TORSO_DOFS = 9,
    DOF_NECK = 9, DOF_ARM = 12, DOF_LEG = 24, /* left; the right one follows */
    ARM_DOFS = 6, LEG_DOFS = 8, HEAD_DOFS = 3, DOFS = 40,
    LIMBS = 5, LIMB_DOFS_MAX = 8,
};
/* Within an arm: protraction, elevation, shoulder (3), elbow. Within a leg: hip (3), knee, ankle (3), toes. */

struct limb {
    int first, count;
};
extern const struct limb body_limbs[LIMBS];

enum dof_kind { DOF_SLIDE, DOF_BALL, DOF_HINGE };

struct dof {
    enum dof_kind kind;
    int8_t segment;     /* that it moves */
    int8_t angle;       /* hinge: enum body_angle; ball: that of its first axis; slide: -1 */
    int8_t ball;        /* index of the ball joint, -1 for others */
    int8_t hinge;       /* index of the hinge, -1 for others */
    struct vec3 axis;   /* in the frame of the parent, or of what the hinge before it has turned */
    double jerk;        /* first guess of the density of white jerk: rad2/s5 or m2/s5 */
};
extern const struct dof body_dofs[DOFS];
/* Of the first angle of a ball joint: on the left, where adduction and rotation change their signs. */
static inline bool body_is_mirrored(int angle) { return angle == BODY_ARM_FLEX_L || angle == BODY_HIP_FLEXION_L || angle == BODY_ANKLE_ANGLE_L; }

enum { BALLS = 9, HINGES = 10 }; /* pelvis, lumbar, neck, shoulders, hips, ankles; per arm protraction, elevation, elbow; per leg knee, toes */

/* Of each angle: where it rests, how far it is expected from there (a weak prior), and where the joint ends. */
struct angle_range {
    double rest, deviation, least, most; /* rad */
};
extern const struct angle_range body_ranges[BODY_ANGLES];

/* Lengths and offsets that make a shape, metres. Heel and toes lie in one plane, and the heel's Z is the middle of the toes': that is what the foot's frame is. (Left to the
 * priors of single sizes, the frame would turn until the angles are 0 on average, for these have a prior in each frame.) */
enum shape_size {
    SIZE_HIP_X, SIZE_HIP_Y, SIZE_HIP_WIDTH, SIZE_TRUNK, SIZE_SHOULDER_X, SIZE_SHOULDER_Y, SIZE_SHOULDER_Z, SIZE_HEAD, SIZE_NOSE_X, SIZE_NOSE_Y,
    SIZE_EYE_X, SIZE_EYE_Y, SIZE_EYE_Z, SIZE_EAR_X, SIZE_EAR_Y, SIZE_EAR_Z, SIZE_UPPER_ARM, SIZE_FOREARM, SIZE_THIGH, SIZE_SHANK,
    SIZE_ANKLE_Y, SIZE_HEEL_X, SIZE_TOE_X, SIZE_SMALL_TOE_X, SIZE_FOOT_Z, SIZE_TOES_Z,
    SIZE_UPPER_ARM_ODD, SIZE_FOREARM_ODD, SIZE_THIGH_ODD, SIZE_SHANK_ODD, /* left less right */
    SIZES, /* 29 */
};
struct size_prior {
    double mean, deviation; /* of the height */
};
extern const struct size_prior body_size_priors[SIZES];

/* A place in a segment's frame is a sum of sizes times vectors. */
enum { TERMS_MAX = 4 };
struct place {
    struct {
        int8_t size; /* -1: no more */
        struct vec3 by;
    } term[TERMS_MAX];
};
struct place body_segment_place(enum body_segment);  /* the origin, in the parent's frame */
struct place body_point_place(enum pose_joint);      /* in its segment's frame */
void body_shape_of(const double sizes[SIZES], struct body_shape *); /* origin, point, height_m */

struct mat3 body_rotation(int axis, double angle); /* about x (0), y, z */
/* a = Rz(a[0]) Rx(a[1]) Ry(a[2]) and back. At the poles (a[1] = +-90 degrees) a[2] is 0. */
struct mat3 body_cardan(const double a[3]);
void body_cardan_of(const struct mat3 *, double a[3]);
/* Y, X, Z: the pelvis' order; a[0] is still about Z, a[1] about X, a[2] about Y. */
void body_cardan_yxz_of(const struct mat3 *, double a[3]);
/* World to the frame of the pelvis' angles: x, up, right. */
struct mat3 body_upright(enum camera_up);

#endif
