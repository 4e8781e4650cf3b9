/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * smooth.h: for this room and its tests: the smoother with everything given, and frame by frame. */
#ifndef TRACK_SMOOTH_H
#define TRACK_SMOOTH_H

#include "human/track/track.h"

enum { SMOOTH_LAG_MAX = 12 };

/* track_smooth with the density of the jerk and the axes given. False when memory ran out. */
bool smooth_fixed(const struct track_point *points, size_t stride, size_t count, double rate, double gap_s, double jerk, const struct mat3 *axes, struct track_state *out);

/* One joint, frame by frame: what smooth_fixed would say of a frame if the recording ended `lag` frames behind it. The axes are those of the first measurement's
 * covariance. */
struct lag_filter;
struct lag_filter *lag_filter_create(double rate, double gap_s, double jerk, size_t lag) MUST_USE; /* lag <= SMOOTH_LAG_MAX; NULL when memory ran out */
void lag_filter_destroy(struct lag_filter **);
/* The next frame's point (NULL: none); *out is the state of the frame `lag` before it, unknown while there is none. */
void lag_filter_push(struct lag_filter *, const struct track_point *, struct track_state *out);
const struct mat3 *lag_filter_axes(const struct lag_filter *);

#endif
