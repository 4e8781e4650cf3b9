/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * follow.h: for this room: everybody, frame by frame. track_follow runs it over a recording, track_live_* as the pictures come. */
#ifndef TRACK_FOLLOW_H
#define TRACK_FOLLOW_H

#include "human/track/assign.h"
#include "human/track/track.h"

enum {
    TRACKS_MAX = ASSIGN_ROWS_MAX,                     /* at once */
    DETECTIONS_MAX = ASSIGN_COLUMNS_MAX - TRACKS_MAX, /* in one picture */
    DEPARTED_MAX = 64,                                /* remembered */
    RESIDUALS_MAX = 2000,
};

struct joint_state {
    struct vec3 at, velocity;
    int age; /* frames since it was measured; -1: never */
};

struct track {
    uint32_t id; /* that of somebody who left, if it is them again */
    bool is_live, is_confirmed;
    int hits;
    double missed_s;
    int64_t frame_first;
    struct vec3 velocity; /* of the whole person */
    struct joint_state joint[POSE_LAYOUT_JOINTS_MAX];
    struct vec3 course;       /* the velocity, averaged over some steps */
    struct vec3 first;        /* where it was seen first */
    struct vec3 middle;       /* where it was seen last: the mean of what was known */
    int64_t seen_frame;       /* and when */
    double height_sum;        /* of trunk, thigh and shank, as often as they were seen together */
    size_t height_count;
    struct track_point *rows; /* grown by doubling; with a window, only the last ones */
    int16_t *chosen;          /* row_capacity x cameras */
    size_t row_count, row_capacity, rows_dropped; /* row_count: of those in memory */
    void *user;               /* of who runs the follower */
    int detection[CAMERA_COUNT_MAX]; /* of this frame; -1: none */
};

/* Somebody who is in no picture any more. */
struct departed {
    uint32_t id;
    int64_t frame;
    struct vec3 at, velocity;
    double height; /* NAN: never measured */
};

struct follower {
    struct pose_layout layout;
    size_t cameras, joints;
    double dt;
    struct track_options options;
    size_t window; /* rows that a track keeps; 0: all */
    struct departed departed[DEPARTED_MAX];
    size_t departed_count;
    int chain[2][4]; /* joints from shoulder to ankle; -1: the layout has none */
    struct track_scope scope;
    struct track **tracks; /* all there ever were */
    size_t track_count, track_capacity;
    uint32_t next_id;
    int64_t frame;
    const struct pose_frame *frames[CAMERA_COUNT_MAX];
    struct pose_point *copy[CAMERA_COUNT_MAX]; /* this frame's points, in which left and right may be exchanged */
    bool taken[CAMERA_COUNT_MAX][DETECTIONS_MAX];
    size_t people[CAMERA_COUNT_MAX];
    size_t swaps;
    float *residuals[CAMERA_COUNT_MAX]; /* pixels, for the noise */
    size_t residual_count[CAMERA_COUNT_MAX];
};

/* Errors: ERR_LIMIT. */
MUST_USE struct err follower_create(const struct pose_layout *, size_t cameras, const struct track_options *, size_t window, struct follower **out);
void follower_destroy(struct follower **);
/* The next frame: w->frame, from these cameras' people and views (NULL: none). */
MUST_USE struct err follower_step(struct follower *w, const struct pose_frame *const frames[], const struct camera_view *const views[]);
void track_free(struct track *);

#endif
