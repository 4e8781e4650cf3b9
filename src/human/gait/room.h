/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * room.h: what the files of gait share. */
#ifndef HUMAN_GAIT_ROOM_H
#define HUMAN_GAIT_ROOM_H

#include "human/gait/gait.h"

#define GAIT_DEGREE (M_PI / 180)
#define GAIT_GRAVITY 9.80665

static inline struct gait_value gait_value_of(double value, double variance) {
    return isfinite(value) && isfinite(variance) ? (struct gait_value){value, sqrt(fmax(variance, 0))} : GAIT_UNKNOWN;
}
static inline const struct track_state *gait_state(const struct gait_recording *r, size_t frame, size_t joint) {
    return &r->states[frame * POSE_JOINTS + joint];
}
static inline double gait_time(const struct gait_recording *r, double frame) { return ((double)r->frame_first + frame) / r->rate; }
/* Frames since the first one of the recording. */
static inline double gait_frame(const struct gait_run *run, double time_s) { return time_s * run->rate - (double)run->frame_first; }
void gait_note(struct gait_run *, const char *code); /* once each */

/* mass.c: fills the samples' centre of mass; joints that are never known are left out as gait_mass_weights says. *points: as measured, one
 * per frame; NULL when there is none. */
MUST_USE struct err gait_balance(struct arena *, const struct gait_recording *, struct gait_run *, struct track_point **points);

/* smooth.c */
struct gait_node {
    double time;
    int64_t frame; /* -1: a touch-down, -2: a toe-off */
    bool is_measured, is_falling;
    struct vec3 at;
    struct sym3 covariance;
    double calm;                                   /* jerk up to here, over what it is elsewhere */
    double kick_velocity[3], kick_acceleration[3]; /* standard deviations of what may jump here, along the axes */
    double fall[3], fall_deviation[3];             /* acceleration along the axes, known because nobody touches anything */
};
/* out has room for `count`. Axes: rows. False when memory ran out. */
/* `strength`: logarithm (base 10) of the jerk's density along each axis; NAN: from the measurements; else it is looked for around that, or
 * kept if `is_settled`. Holds what was found behind. */
bool gait_smooth(const struct gait_node *, size_t count, const struct mat3 *axes, bool is_settled, double strength[3],
                 struct track_state *out);
/* One point over the frames, without knowledge of contacts; gaps longer than 0.2 s stay unknown. */
MUST_USE struct err gait_smooth_point(struct arena *, const struct gait_recording *, const struct track_point *points,
                                      struct track_state *out);
struct gait_strengths {
    double of[GAIT_SIDES][6][3]; /* of each joint of the legs */
};
size_t gait_nodes_max(const struct gait_recording *, const struct gait_run *);
/* With the contacts known: the legs once more (run->states), and the centre of mass, which flies by gravity between them. */
MUST_USE struct err gait_smooth_legs(struct arena *, const struct gait_recording *, struct gait_run *, struct gait_strengths *);
MUST_USE struct err gait_smooth_balance(struct arena *, const struct gait_recording *, const struct track_point *points, struct gait_run *);

/* angles.c: the same with standard errors from the joints' covariances. */
void gait_angles_of_frame(const struct track_state joints[POSE_JOINTS], struct vec3 axis, struct gait_value out[GAIT_ANGLES]);

/* contact.c */
MUST_USE struct err gait_find_contacts(struct arena *, const struct gait_recording *, struct gait_run *);

/* steps.c */
MUST_USE struct err gait_find_steps(struct arena *, const struct gait_recording *, struct gait_run *);
MUST_USE struct err gait_find_jumps(struct arena *, struct gait_run *);
void gait_summarise(struct gait_run *);
/* A value at an instant between two frames, linear; its error holds that of the time. */
struct gait_value gait_at(const struct gait_run *, struct gait_value time_s, struct gait_value (*get)(const struct gait_sample *, size_t),
                          size_t which);

struct gait_value gait_angle_at_sample(const struct gait_sample *, size_t angle);

/* compare.c: the steps of the fastest part of a run whose speed changes; all of them when it is steady. */
struct gait_fast {
    double from_s, to_s; /* touch-downs in here */
    bool is_part;
};
struct gait_fast gait_fast_of(const struct gait_run *);

/* write.c */
const char *gait_phase_name(size_t phase);
/* Of the centre of mass, along its way. */
struct gait_value gait_acceleration(const struct gait_run *, size_t frame);

/* sprint.c */
MUST_USE struct err gait_find_splits(struct arena *, const struct gait_recording *, const struct gait_options *, struct gait_run *);
void gait_fit_speed(struct gait_run *);

#endif
