/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * track.h: from joints in several cameras' pictures to people in space.
 *
 * In comes a rig (camera.h) and one take per camera (pose.h); out come people, each a motion (motion.h).
 *
 * Units are metres, seconds and pixels; the frame is the rig's world. What the cameras cannot say is VEC3_UNKNOWN, never
 * a guess. Everything is stateless: any thread. */
#ifndef HUMAN_TRACK_H
#define HUMAN_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "human/camera/camera.h"
#include "human/linear/linear.h"
#include "human/motion/motion.h"
#include "human/pose/pose.h"

/* ---- Pose2Sim's method ---- */

struct track_pose2sim_options {
    double likelihood_min;    /* 0.3 */
    double error_max_px;      /* 15: mean reprojection error of a joint */
    double person_error_max_px; /* 20: of the tracked joint, when the person is chosen among several */
    size_t cameras_min;       /* 2 */
    size_t gap_frames_max;    /* 10: shorter and equal gaps are filled by a cubic */
};
#define TRACK_POSE2SIM_DEFAULTS ((struct track_pose2sim_options){0.3, 15, 20, 2, 10})

/* One person, by Pose2Sim 0.9's own way: the person whose neck fits best, direct linear transform weighted by likelihood, cameras left out one by
 * one over all subsets while the mean error is too large, gaps filled by a cubic, axes turned y-up. Lens distortion is ignored, as its defaults do.
 * takes[c] belongs to rig->cameras[c]; all must have one layout and the same first frame. Points are the layout's joints in the order
 * of Pose2Sim's markers; frame 0 of the key points is frame 1 of the motion, as in its TRC files. Errors: ERR_INPUT track.takes, ERR_LIMIT. */
MUST_USE struct err track_pose2sim(struct arena *, const struct camera_rig *, const struct pose_take *const *takes, double rate,
                                   const struct track_pose2sim_options *, struct motion *out);

#endif
