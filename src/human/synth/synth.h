/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * synth.h: a meeting that never took place. Runners whose every joint is known, seen by cameras that are known, through a network
 * that errs as real ones do: the ground truth that accuracy is measured against. It shares file formats and the camera
 * model with the estimator, and nothing else.
 *
 * A runner is a chain of rigid segments with constant lengths, driven by joint angles that are smooth functions of the stride's phase; the
 * pelvis accelerates from the start towards the runner's own top speed. Plausible in lengths, angles, speeds and cadence; feet do
 * not stand still on the ground during contact, so ground contacts must not be measured on it. World z-up, x along
 * the lanes, metres; joints in HALPE_26 order. */
#ifndef HUMAN_SYNTH_H
#define HUMAN_SYNTH_H

#include "base/arena.h"
#include "base/err.h"
#include "human/camera/camera.h"
#include "human/motion/motion.h"
#include "human/pose/pose.h"

enum { SYNTH_CAMERAS_MAX = 32, SYNTH_ATHLETES_MAX = 32 };

struct synth_scene {
    uint64_t seed;
    double rate, seconds;
    size_t athletes;
    double lane_m;                 /* between neighbours */
    double speed_min, speed_max;   /* m/s, each athlete has one of them in between */
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

struct synth_meeting {
    struct camera_rig rig;       /* the true one, clocks included */
    struct pose_take *takes;     /* one per camera */
    struct motion *truth;        /* one per athlete, z-up */
    double bound_m;              /* root mean square over all joints and frames of the Cramer-Rao bound of one instant: noise_px in the cameras that really
                                    saw the joint without an outlier; joints with fewer than two such are left out */
    double *bounds_m2;           /* the same for each point, squared: [(athlete * frames + frame) * POSE_JOINTS + joint]; NAN with fewer than two */
};
/* Camera c's take has as many frames as its clock fits into the time of the truth; what it sees before or behind that is nobody. */
MUST_USE struct err synth_make(struct arena *, const struct synth_scene *, struct synth_meeting *out);

/* One camera's frame as OpenPose writes it. */
void synth_write_openpose(struct buf *, const struct pose_take *, size_t frame);

#endif
