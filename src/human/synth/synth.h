/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * synth.h: a meeting that never took place. Runners whose every joint is known, seen by cameras that are known, through a network
 * that errs as real ones do: the ground truth that accuracy is measured against. It shares file formats and the camera
 * model with the estimator, and nothing else.
 *
 * There are two kinds of people. Gliding ones (the scene's default) are chains of rigid segments driven by joint angles that are smooth functions of
 * the stride's phase; their feet do not stand still on the ground, so contacts must not be measured on them. All others stand on their
 * feet: a planted foot does not move to the last bit, without one the centre of mass flies by gravity alone, and legs bend to reach the
 * ground; their contacts, centre of mass and joint angles are known. World z-up, x along the lanes, metres; joints in HALPE_26 order. */
#ifndef HUMAN_SYNTH_H
#define HUMAN_SYNTH_H

#include "base/arena.h"
#include "base/err.h"
#include "human/camera/camera.h"
#include "human/motion/motion.h"
#include "human/pose/pose.h"

enum { SYNTH_CAMERAS_MAX = 32, SYNTH_ATHLETES_MAX = 32 };

enum synth_move {
    SYNTH_MOVE_GLIDE,   /* "glide" */
    SYNTH_MOVE_SPRINT,  /* from a crouch at 0.35 s towards top speed; contacts of 80 to 200 ms, flights between */
    SYNTH_MOVE_RUN,     /* at steady speed */
    SYNTH_MOVE_WALK,    /* with both feet on the ground between steps */
    SYNTH_MOVE_STAND,
    SYNTH_MOVE_JUMP,    /* from both feet, again and again */
    SYNTH_MOVE_HURDLES, /* a sprint with a long flight after eight steps and after each four */
    SYNTH_MOVES,
};

struct synth_scene {
    uint64_t seed;
    double rate, seconds;
    size_t athletes;
    double lane_m;                 /* between neighbours */
    double speed_min, speed_max;   /* m/s, each athlete has one of them in between */
    enum synth_move moves[SYNTH_ATHLETES_MAX]; /* "move": "sprint", or a list that is gone through in turn */
    bool on_the_spot;              /* as on a treadmill: x stays */
    size_t cameras;
    struct vec3 at[SYNTH_CAMERAS_MAX], look[SYNTH_CAMERAS_MAX];
    bool does_follow;              /* cameras pan with the middle of the field: a view per frame */
    double focal_px, width, height, radial[3], tangential[2];
    struct camera_clock clock[SYNTH_CAMERAS_MAX]; /* when each camera really looks: "offset_s", "drift", "row_s" (rolling shutter), "rate" of the camera */
    double noise_px;               /* per axis, normal */
    double missing;                /* chance that a joint is not seen in a picture */
    double outliers, outlier_px;   /* chance and size, in a random direction */
    double swaps;                  /* chance per person and picture that the legs are exchanged for three to eight frames */
};

/* Reads a scene from JSON (bench/scenes). Errors: ERR_INPUT synth.scene with `what` naming the member, and those of json_parse. */
MUST_USE struct err synth_scene_parse(struct slice text, struct synth_scene *out);

/* Joint angles in degrees, left then right where there are two. Flexion positive; Cardan Z-X-Y between frames X forward, Y up, Z right. */
enum synth_angle {
    SYNTH_TRUNK_LEAN, SYNTH_HIP_FLEXION, SYNTH_KNEE_FLEXION = SYNTH_HIP_FLEXION + 2, SYNTH_ANKLE_DORSIFLEXION = SYNTH_KNEE_FLEXION + 2,
    SYNTH_SHOULDER_FLEXION = SYNTH_ANKLE_DORSIFLEXION + 2, SYNTH_ELBOW_FLEXION = SYNTH_SHOULDER_FLEXION + 2,
    SYNTH_THIGH = SYNTH_ELBOW_FLEXION + 2, SYNTH_SHANK = SYNTH_THIGH + 2, SYNTH_ANGLES = SYNTH_SHANK + 2,
};

struct synth_contact {
    int side; /* 0 left, 1 right */
    double touch_down_s, toe_off_s;
    struct vec3 toe; /* on the ground, below the middle of the toes */
};

/* What is known of an athlete with planted feet; all NULL for a gliding one. */
struct synth_truth {
    enum synth_move move;
    double height_m;
    bool is_female;
    struct synth_contact *contacts; /* those that overlap the recording, in order of touch-down */
    size_t contact_count;
    struct vec3 *com, *com_velocity; /* per frame */
    double (*angles)[SYNTH_ANGLES];  /* per frame */
    double stretch;                  /* longest a leg had to be over what it is; at most 1 */
};

struct synth_meeting {
    struct camera_rig rig;       /* the true one, clocks included */
    struct pose_take *takes;     /* one per camera */
    struct motion *truth;        /* one per athlete, z-up */
    struct synth_truth *athletes; /* one per athlete */
    double bound_m;              /* root mean square over all joints and frames of the Cramer-Rao bound of one instant: noise_px in the cameras that really
                                    saw the joint without an outlier; joints with fewer than two such are left out */
    double *bounds_m2;           /* the same for each point, squared: [(athlete * frames + frame) * POSE_JOINTS + joint]; NAN with fewer than two */
};
/* Camera c's take has as many frames as its clock fits into the time of the truth; what it sees before or behind that is nobody. */
MUST_USE struct err synth_make(struct arena *, const struct synth_scene *, struct synth_meeting *out);

/* Contacts, joint angles, path and speed of the centre of mass of one athlete as JSON. */
void synth_write_truth(struct buf *, const struct synth_meeting *, size_t athlete);

/* One camera's frame as OpenPose writes it. */
void synth_write_openpose(struct buf *, const struct pose_take *, size_t frame);

#endif
