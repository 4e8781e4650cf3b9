/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * body.h: a skeleton with bones that do not change, fitted to one person's whole recording.
 *
 * The skeleton is a tree of 17 rigid segments that move against each other in 40 degrees of freedom; the 26 joints of pose.h are points
 * on it. What an athlete's body is (lengths, and where the key points lie on the segments) are constants, estimated from the recording; what
 * the athlete does is the rest.
 *
 *   pelvis (6: place and orientation) -+- lumbar (3) - thorax -+- neck (3) - head: nose, eyes, ears, head
 *     Hip, hips                        |               Neck    +- clavicle (2) - shoulder (3) - upper arm - elbow (1) - forearm: wrist
 *                                      +- hip (3) - thigh - knee (1) - shank - ankle (3) - foot: heel - toes (1): toes
 *
 * Segment frames are those of the International Society of Biomechanics (Wu et al. 2002, 2005) as OpenSim's gait models simplify
 * them: X forward, Y up, Z to the right when the body stands upright with the arms hanging, on both sides alike; all axes are parallel then and all
 * angles 0. The origin is the proximal joint. Y of a long bone is the line between its joints; the axes of knee, elbow and toes
 * are Z of the segment above. OpenSim's models have an oblique subtalar axis where we have inversion and turn of the foot, as Wu et al. do: with one axis feet that are flat on
 * the ground under a leaning shank cannot be had.
 * The foot is neutral when its sole (heel, big
 * and small toe) is at right angles to the shank; its X goes from the heel to the middle of the toes. Key points say nothing about turns of the hand, nor
 * about the tilt of the pelvis about the line of the hips: by convention it goes with the trunk (the lumbar joint lies between the hips, its extension has a
 * prior of 3 degrees).
 *
 * The fit is the most probable motion under: the triangulated points with their covariances; the pixels of single cameras where
 * no two agree; angles that move smoothly (white jerk, whose strength is estimated for each degree of freedom); joint limits; weak priors at the upright
 * posture. All frames at once, by Gauss-Newton steps with Levenberg's and Marquardt's damping; each step is solved by conjugate gradients over the
 * torso with banded Cholesky factors of the limbs (solve.c).
 *
 * Units are metres, seconds and radians; positions and frames are in the rig's world. What is not known is NaN. Memory is the arena's. Everything is
 * stateless: any thread. */
#ifndef HUMAN_BODY_H
#define HUMAN_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "human/camera/camera.h"
#include "human/linear/linear.h"
#include "human/motion/motion.h"
#include "human/pose/pose.h"
#include "human/track/track.h"

/* Left before right, as in enum pose_joint: side 0 is left. */
enum body_segment {
    BODY_PELVIS, BODY_THORAX, BODY_HEAD,
    BODY_LCLAVICLE, BODY_RCLAVICLE, BODY_LUPPER_ARM, BODY_RUPPER_ARM, BODY_LFOREARM, BODY_RFOREARM,
    BODY_LTHIGH, BODY_RTHIGH, BODY_LSHANK, BODY_RSHANK, BODY_LFOOT, BODY_RFOOT, BODY_LTOES, BODY_RTOES,
    BODY_SEGMENTS, /* 17 */
};
/* "pelvis", "femur_r": OpenSim's names. NULL outside. */
const char *body_segment_name(enum body_segment);
/* The segment it hangs on; -1 for the pelvis. */
int body_segment_parent(enum body_segment);

/* Joint angles with OpenSim's names and signs. Three in a row of one joint are Cardan angles of the segment in its parent, in the
 * order Z, X, Y (flexion, adduction, inner rotation); on the left side X and Y are mirrored, so that the same word means the same
 * movement. The pelvis' are in the world in the order Y, X, Z (rotation, list, tilt; Baker 2001), which stay what they are called for an athlete who
 * runs in any direction: rotation 0 faces the world's x axis. */
enum body_angle {
    BODY_PELVIS_TILT, /* + backwards */ BODY_PELVIS_LIST, /* + right side down */ BODY_PELVIS_ROTATION, /* + to the left */
    BODY_LUMBAR_EXTENSION, /* + backwards */ BODY_LUMBAR_BENDING, /* + to the right */ BODY_LUMBAR_ROTATION, /* + to the left */
    BODY_NECK_EXTENSION, BODY_NECK_BENDING, BODY_NECK_ROTATION, /* as lumbar */
    BODY_CLAVICLE_PROTRACTION_L, /* + forwards */ BODY_CLAVICLE_ELEVATION_L, /* + up */
    BODY_ARM_FLEX_L, /* + forwards */ BODY_ARM_ADD_L, /* + towards the middle */ BODY_ARM_ROT_L, /* + inwards */ BODY_ELBOW_FLEX_L,
    BODY_CLAVICLE_PROTRACTION_R, BODY_CLAVICLE_ELEVATION_R, BODY_ARM_FLEX_R, BODY_ARM_ADD_R, BODY_ARM_ROT_R, BODY_ELBOW_FLEX_R,
    BODY_HIP_FLEXION_L, BODY_HIP_ADDUCTION_L, BODY_HIP_ROTATION_L, BODY_KNEE_ANGLE_L, /* + bent */ BODY_ANKLE_ANGLE_L, /* + toes up */
    BODY_SUBTALAR_ANGLE_L, /* + inversion */ BODY_ANKLE_ROTATION_L, /* + toes inwards */ BODY_MTP_ANGLE_L, /* + toes up */
    BODY_HIP_FLEXION_R, BODY_HIP_ADDUCTION_R, BODY_HIP_ROTATION_R, BODY_KNEE_ANGLE_R, BODY_ANKLE_ANGLE_R, BODY_SUBTALAR_ANGLE_R, BODY_ANKLE_ROTATION_R, BODY_MTP_ANGLE_R,
    BODY_ANGLES, /* 37 */
};
/* "hip_flexion_r". NULL outside. */
const char *body_angle_name(enum body_angle);

/* What an athlete is. */
struct body_shape {
    double height_m;                       /* floor to top of the head, from the lengths below */
    struct vec3 origin[BODY_SEGMENTS];     /* where the segment's origin lies in its parent's frame; pelvis: 0 */
    struct vec3 point[POSE_JOINTS];        /* where each joint lies in the frame of its segment (body_point_segment) */
    double error_m[POSE_JOINTS];           /* standard error of the distance from the joint to its neighbour towards the pelvis; NAN where the length is a prior's alone */
    uint32_t measured;                     /* bit k: joint k was seen at all; the others' places come from body proportions (Drillis and Contini 1966) */
};
/* The segment that carries a joint. */
enum body_segment body_point_segment(enum pose_joint);

struct body_segment_state {
    struct vec3 at, end;   /* proximal and distal end: joint centres; trunk: middle between the hips, neck; head: neck, top; foot: ankle, toes' joint */
    struct mat3 rotation;  /* columns are X, Y and Z of the segment in the world; NaN where its angles are unknown */
};

struct body_fit {
    uint32_t id;             /* the person's */
    int64_t frame_first;
    size_t frame_count;
    double rate;
    enum camera_up up;       /* of the world; CAMERA_UP_UNKNOWN is taken as z */
    struct body_shape shape;
    struct track_state *joints;           /* frame_count x POSE_JOINTS: places, velocities and accelerations of the joints on the skeleton. MEASURED: seen in this frame;
                                             FILLED: determined by the rest; UNKNOWN otherwise */
    struct body_segment_state *segments;  /* frame_count x BODY_SEGMENTS */
    float *angles, *angle_errors, *angle_rates; /* frame_count x BODY_ANGLES: rad, standard errors, rad/s; NAN: unknown */

    /* How well it fits. */
    double distance_m[POSE_JOINTS];       /* root mean square from the triangulated point to the skeleton's joint; NAN: never triangulated */
    double noise_scale[POSE_JOINTS];      /* by how much the points scatter more than their covariance says, >= 1: what the weights were divided by (variance) */
    double camera_px[CAMERA_COUNT_MAX];   /* mean distance of what each camera saw from the skeleton in its picture; NAN: nothing */
    size_t camera_points[CAMERA_COUNT_MAX];
    size_t iterations;
};

struct body_options {
    double rate;         /* frames a second; needed */
    double gap_s;        /* frames without any joint: longer gaps stay unknown; 0 means 0.2 */
    double fill_max_m;   /* a joint that was not seen is known while its standard deviation stays below; 0 means 0.03. Not seen for longer than gap_s: below that for
                            somebody who may move like a sprinter at any moment, however still it was before and after */
    bool without_pixels; /* leave out the reprojection residuals and camera_px: the points alone */
    enum camera_up up;   /* of the world, where no rig says it; CAMERA_UP_UNKNOWN is z */
};

/* Fits the skeleton to person `person` of track_follow. takes[c] and the rig are those that `people` was found with; both may be NULL together with
 * without_pixels. Any layout: what it does not have is not seen. *out lives in `mem`: 8 kB a frame; while it runs, another 20 kB a frame are taken and given back.
 * Errors: ERR_INPUT body.rate (not above 0), body.empty (fewer than 4 different joints were ever triangulated, or no two that a bone joins), body.scale (the person is
 * shorter than 0.5 m or taller than 2.9 m: the calibration's unit is wrong); ERR_LIMIT (memory). On an error *out is untouched. */
MUST_USE struct err body_fit(struct arena *mem, const struct camera_rig *rig, const struct pose_take *const *takes, const struct track_people *people, size_t person,
                             const struct body_options *, struct body_fit *out);

/* The same from points alone: frame_count x POSE_JOINTS in the order of enum pose_joint, as gait_read_points and gait_from_track give them. */
MUST_USE struct err body_fit_points(struct arena *mem, const struct track_point *points, int64_t frame_first, size_t frame_count, const struct body_options *, struct body_fit *out);

/* The joints as a motion: those of the source layout, or all 26 (`layout` NULL), with the skeleton's places. */
MUST_USE struct err body_motion(struct arena *, const struct body_fit *, const struct pose_layout *layout, struct motion *out);
/* The skeleton as nodes that turn: what BVH and glTF hold (motion.h). Y-up. */
MUST_USE struct err body_figure(struct arena *, const struct body_fit *, struct motion_figure *out);
/* Joint angles as OpenSim's gait models name them, in degrees, and the pelvis' place in metres: what MOT and STO hold. Y-up, as body_figure and our TRC files.
 * The pelvis' three angles are in OpenSim's own order (Z, X, Y) here. Unknown is NaN. */
MUST_USE struct err body_table(struct arena *, const struct body_fit *, struct motion_table *out);
/* Everything: shape, joints, angles with standard errors, residuals. */
void body_write_json(struct buf *, const struct body_fit *);

#endif
