/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * track.h: from joints in several cameras' pictures to people in space.
 *
 * In comes a rig (camera.h) and one take per camera (pose.h); out come people, each a motion (motion.h). The way there, of which each part can be used by itself:
 *
 *   takes -> track_synchronise (when did each camera look?) -> track_retime (one clock) -> track_follow (who is who, and where: track_triangulate) ->
 *   track_smooth -> track_retime_by_motion and track_follow again, nearer -> track_refine (the rig and its clocks, from the people) -> and again
 *
 * track_everybody goes all of it; track_live_* does following and smoothing frame by frame while cameras run; track_check says what is wrong when nobody comes out.
 *
 * Units are metres, seconds and pixels; the frame is the rig's world. What the cameras cannot say is VEC3_UNKNOWN, never
 * a guess. Everything but track_live is stateless: any thread. */
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

/* ---- one instant ---- */

struct track_point {
    struct vec3 at;         /* VEC3_UNKNOWN: not enough cameras, rays too parallel, or no two that agree */
    struct sym3 covariance; /* m2, from the cameras' noise; nothing if unknown */
    double chi2;            /* squared residuals over noise, summed over the cameras used: about 2 n - 3 of a good fit */
    uint64_t cameras;       /* bit c: camera c was used */
    uint8_t seen;           /* cameras that saw the joint, used or not */
};

/* The cameras of an instant and how far they are trusted. */
struct track_scope {
    size_t camera_count;                            /* at most CAMERA_COUNT_MAX */
    const struct camera_view *views[CAMERA_COUNT_MAX]; /* NULL: this camera has no view now */
    double noise_px[CAMERA_COUNT_MAX];              /* standard deviation per axis; > 0 */
    double gate;            /* residuals beyond this many deviations are outliers; 0 means 4 */
    double confidence_min;  /* points below are not seen; 0 means 0.1 */
    double deviation_max_m; /* points whose largest standard deviation is above stay unknown; 0 means 0.5 */
};

/* Triangulates `count` joints. points[c] are camera c's (NULL if it saw nobody); out has room for `count`.
 * Closed-form least squares over all rays, Gauss-Newton steps on the pixels, and a test of every residual. A point that
 * fails it goes through hypotheses of camera pairs (at most all of them: O(cameras^2) solutions, never subsets), the best of
 * which is refined with robust weights until the set of agreeing cameras stands. Where only two of three or more cameras
 * agree and another two agree as well on another point, it is unknown. Returns how many points became known. */
size_t track_triangulate(const struct track_scope *, const struct pose_point *const points[], size_t count, struct track_point *out);

/* Covariance that the best unbiased estimator could reach from these cameras at this point (Cramer and Rao), all of them seeing it
 * without outliers. False behind a camera or where rays are parallel. */
bool track_bound(const struct track_scope *, uint64_t cameras, struct vec3 at, struct sym3 *covariance);

/* ---- one clock ---- */

/* Recordings brought to the instants n / rate of one clock. Where a camera looked between them, or row by row, its joints are moved to the instant along the
 * way that they went. Everything below takes recordings and rig in this form. */
struct track_recording {
    double rate;
    struct camera_rig rig;                /* on this clock: no camera has one of its own any more */
    const struct pose_take **takes;       /* one for each camera; person d of a frame is person d of the source's frame */
    bool is_as_given;                     /* nothing was to be done: takes and rig are those given */
    const struct pose_take *const *given; /* the recordings as they were */
    const struct camera_rig *given_rig;
    int64_t frame_first;
    size_t frame_count;
    int32_t *source[CAMERA_COUNT_MAX];    /* frame_count: the index in the given take of the frame nearest in time, -1 if none; NULL if is_as_given */
};

struct track_person;
struct track_people;
struct track_state;

/* By the clocks of `rig` (camera.h). Within a picture a joint is moved along the straight line between two neighbouring frames of its camera, in which the same person
 * is found by the assignment of least cost. rig, takes and what they hold must outlive *out. `rate` 0: the highest of the cameras' own.
 * Errors: ERR_INPUT track.takes (no frames, no rate), track.clock (the recordings share no time), ERR_LIMIT. */
MUST_USE struct err track_retime(struct arena *, const struct camera_rig *, const struct pose_take *const *takes, double rate, struct track_recording *out);

/* The same, nearer, once people are known: each joint of theirs is moved by what its smoothed motion in space, second order in time, does to the
 * picture. The noise of a sight then stays its own, where a line between two sights mixes theirs. states[i] are person i's, frame_count x joints (track_smooth_all).
 * *out may be *before. */
MUST_USE struct err track_retime_by_motion(struct arena *, const struct track_recording *before, const struct track_people *, struct track_state *const *states,
                                           struct track_recording *out);

struct track_sync {
    struct camera_clock clocks[CAMERA_COUNT_MAX]; /* rate, drift and row_s as the rig says, with the offset found */
    double offset_frames[CAMERA_COUNT_MAX];       /* the same in frames, against the reference */
    double correlation[CAMERA_COUNT_MAX];         /* of the movement with that of the camera it was tied to; 1 for the reference, NAN: not known */
    double rival[CAMERA_COUNT_MAX];               /* the best correlation at another offset at which rays meet as well: near `correlation`, the answer is doubtful */
    bool is_known[CAMERA_COUNT_MAX];
    size_t reference;
};

/* When the cameras were started, from the recordings alone: how fast each joint moves up and down, as a fraction of the person's size and averaged over everybody in
 * the picture, is correlated between every two cameras over all offsets up to offset_max_s; of the hills of the correlation (a runner's next stride looks like
 * this one) that is taken where the rays of the two cameras meet best, and of the pairs the best tree, to a fraction of a frame by a parabola. Cameras whose movements fit no other (a correlation below 0.3, and rays that meet no better at one offset than at others) stay where the rig
 * says: is_known false. People who do the same again and again, all at once and on the spot, leave it open which time is which: `rival` tells.
 * Errors: ERR_INPUT track.takes, ERR_LIMIT. */
MUST_USE struct err track_synchronise(const struct camera_rig *, const struct pose_take *const *takes, double rate, double offset_max_s, struct track_sync *out);

/* ---- people over time ---- */

struct track_options {
    double rate;        /* frames a second; needed */
    double noise_px;    /* first guess of every camera's noise, replaced by what is measured on the way; 0 means 6 */
    size_t people_max;  /* 0: no limit; otherwise those seen longest are kept */
    double back_s;      /* who left and comes back within so many seconds at a plausible place is the same person; 0 means 4, below 0: never */
    double lane_m, lane_y; /* runners keep to lanes along x: their width, and the y of any line between two; 0: no lanes. Decides only between what is nearly equal */
};

/* One person: a row of frames, each with one point per joint of the layout. */
struct track_person {
    uint32_t id;          /* from 1, in the order of appearance */
    int64_t frame_first;
    size_t frame_count;
    struct track_point *points; /* frame_count x joint_count */
    int16_t *detections;        /* frame_count x cameras: index of the person in that camera's frame, -1 for none */
};

struct track_people {
    struct pose_layout layout;
    struct track_person *people;
    size_t count;
    double noise_px[CAMERA_COUNT_MAX]; /* of each camera, as measured at the end */
    size_t swaps_repaired;             /* limbs of one camera and frame whose left and right were exchanged */
};

/* Follows everybody through the recordings, each frame from the past alone. In time first: every known person is
 * predicted, projected, and given each camera's detection by the assignment of least cost (Hungarian method) over the mean
 * distance of joints. Left and right of a limb are exchanged where the prediction says so. What remains is grouped across cameras by how
 * well the rays of all common joints meet; a group of two cameras or more, of human size and not where somebody already is, becomes a new
 * person, and is kept if it is seen again in the next frames. Who is in no picture for half a second has left; who comes
 * back soon, where they went or stood and about as tall, has the same number again (points unknown in between), unless two could be meant. The noise of each camera is measured by the median of its residuals.
 * takes[c] belongs to rig->cameras[c]; one layout, any lengths. Errors: ERR_INPUT track.takes, ERR_LIMIT. */
MUST_USE struct err track_follow(struct arena *, const struct camera_rig *, const struct pose_take *const *takes, const struct track_options *,
                                 struct track_people *out);

enum track_source { TRACK_UNKNOWN, TRACK_MEASURED, TRACK_FILLED };

/* A joint at one instant after smoothing. */
struct track_state {
    struct vec3 at, velocity, acceleration; /* m, m/s, m/s2; unknown where source is TRACK_UNKNOWN */
    struct sym3 covariance, velocity_covariance, acceleration_covariance;
    enum track_source source;               /* FILLED: no measurement here, but one within gap_s on both sides together */
};

/* Smooths one joint: points[i * stride], i < count, one per frame. Constant acceleration driven by white jerk whose strength is chosen by maximum likelihood for
 * this joint; every measurement weighs by its covariance, seen along the axes of the joint's mean covariance (Kalman filter forward,
 * Rauch, Tung and Striebel back). Measurements further than the 0.999 quantile from the prediction are left out, unless five in a row
 * say the same: then the filter was wrong and begins again. Gaps longer than gap_s stay unknown. False when memory ran out. */
bool track_smooth(const struct track_point *points, size_t stride, size_t count, double rate, double gap_s, struct track_state *out);

/* All joints of a person: *out is frame_count x joints, in the arena. ERR_LIMIT. */
MUST_USE struct err track_smooth_all(struct arena *, const struct track_people *, size_t person, double rate, double gap_s, struct track_state **out);

/* ---- as the pictures come ---- */

/* Follows and smooths while the cameras still run: frames go in one by one, and states come out a few frames later, as good as those frames can make them.
 * One thread at a time. */
struct track_live;

struct track_live_options {
    struct track_options follow; /* rate is needed; people_max does not apply */
    size_t lag_frames;           /* 1 to 12; 0 means 8 */
    double gap_s;                /* as in track_smooth; 0 means 0.2 */
};

struct track_live_person {
    uint32_t id;
    const struct track_point *points;  /* one per joint: what was measured */
    const struct track_state *states;  /* one per joint, by all frames up to lag_frames later */
};

struct track_live_frame {
    int64_t frame; /* counted from 0, the first one pushed */
    const struct track_live_person *people;
    size_t count;
};

/* Errors: ERR_INPUT track.takes (fewer than two cameras, no rate, lag out of range), ERR_LIMIT. */
MUST_USE struct err track_live_open(const struct pose_layout *, size_t cameras, const struct track_live_options *, struct track_live **out);
void track_live_close(struct track_live **);
/* The next frame: what each camera saw of whom (NULL: nothing, or the picture was lost) and how it stood (NULL: unknown). *has_frame: *out is the frame
 * lag_frames before this one, valid until the next call. frames all NULL lets the last ones out. The people are those of track_follow over the same frames, the states those
 * that a forward filter and a smoother over the lag give, with a jerk fixed for each joint. Errors: ERR_LIMIT. */
MUST_USE struct err track_live_push(struct track_live *, const struct pose_frame *const frames[], const struct camera_view *const views[], struct track_live_frame *out, bool *has_frame);
/* Density of the jerk (m2/s5) that is expected of a joint. */
double track_live_jerk(const struct pose_layout *, size_t joint);

/* ---- the rig, from the people themselves ---- */

struct track_refine_options {
    double held;          /* 0 to 0.9: the last frames, not used; the report is about them */
    bool with_clocks;     /* also time offset, drift and row time */
    double height_m;      /* scale: how tall these people are on average; 0: not known */
    double length_m;      /* scale: how long the segment between two joints of the layout is; 0: not known */
    int length_from, length_to;
};

struct track_refinement {
    size_t frames, frames_held;       /* used for refining, and kept apart */
    double before_px[CAMERA_COUNT_MAX], after_px[CAMERA_COUNT_MAX]; /* mean reprojection of everything each camera saw, on the frames kept apart; NAN: nothing */
    double all_before_px, all_after_px;
    double moved_m[CAMERA_COUNT_MAX], turned_rad[CAMERA_COUNT_MAX];
    struct camera_clock clock_before[CAMERA_COUNT_MAX], clock_after[CAMERA_COUNT_MAX];
    double offset_deviation_s[CAMERA_COUNT_MAX], drift_deviation[CAMERA_COUNT_MAX], row_deviation_s[CAMERA_COUNT_MAX]; /* standard deviations; NAN without clocks */
    double scale; /* by which the rig was made larger for height_m or length_m; 1: neither given */
};

/* Improves poses and principal points, and with `with_clocks` the cameras' clocks, by bundle adjustment over the joints of everybody that `people` (found in
 * this recording) holds: points eliminated, Cauchy's robust weights, weak priors at what the calibration said (0.05 rad, 0.2 m, 15 px; 1 frame, 100 ppm,
 * 5 ms a picture). Focal lengths and distortion stay: people alone do not determine them; nor do they the row time that all cameras share.
 * The scale stays that of the rig's own baselines unless a height or length is given. The camera seen most keeps its clock. The report is
 * about the frames held, after triangulating anew with each rig. Only for cameras without a view per frame. The new rig lives in `mem` and
 * has clocks to go on with: track_retime with the recordings as given. Errors: ERR_INPUT track.refine (cameras move; fewer than 200 joints seen by two
 * cameras; nobody's height or length can be measured), ERR_LIMIT. */
MUST_USE struct err track_refine(struct arena *mem, const struct track_recording *, const struct track_people *people, const struct track_refine_options *,
                                 struct camera_rig *out, struct track_refinement *report);

/* How tall a person is: the median over the frames of trunk, thigh and shank, of which proportions are known (Drillis and Contini 1966). NAN if they were never
 * seen together. */
double track_height(const struct track_people *, size_t person);

/* ---- all of it ---- */

struct track_plan {
    double rate;          /* frames a second of the answer, and of cameras whose clock names none; needed */
    size_t people_max;    /* as in track_options */
    bool with_sync;       /* find the cameras' offsets first; else those of the rig hold */
    double offset_max_s;  /* for it; 0 means 3 */
    bool with_refinement;
    struct track_refine_options refine;
    double gap_s;         /* as in track_smooth; 0 means 0.2 */
    double back_s, lane_m, lane_y; /* as in track_options */
};

struct track_result {
    struct camera_rig rig;            /* as it came out: refined, with the clocks found */
    struct track_recording recording; /* by that rig; people's detections are those of recording.takes */
    struct track_people people;
    struct track_state **states;      /* one row for each person, frame_count x joints */
    struct track_sync sync;           /* with_sync */
    struct track_refinement refinement; /* with_refinement: from the rig as given to the one that came out */
};

/* From recordings to smoothed people: synchronise, bring to one clock, follow, smooth, and again with what was learned about motion, rig and clocks, until
 * the clocks stand (at most four times). Errors: those of the parts. */
MUST_USE struct err track_everybody(struct arena *, const struct camera_rig *, const struct pose_take *const *takes, const struct track_plan *, struct track_result *out);

/* A person's positions: measured ones alone (`states` NULL), or the smoothed states (frame_count x joint_count). */
MUST_USE struct err track_motion(struct arena *, const struct track_people *, size_t person, const struct track_state *states, double rate, struct motion *out);

/* ---- when nothing fits ---- */

struct track_note {
    int camera; /* which one; -1: all */
    char text[300];
};
/* What is wrong with the recordings and the rig as a whole, in sentences that say what to do: cameras that saw nobody, pictures missing, units (by how tall people would
 * be), recordings exchanged between two cameras, a camera that fits no other. For when track_follow finds nobody or a camera's noise is high. Writes at most
 * `limit` notes, returns how many there are. */
size_t track_check(const struct camera_rig *, const struct pose_take *const *takes, double rate, struct track_note *notes, size_t limit);

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
