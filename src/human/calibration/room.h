/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * room.h: for this room's own files. */
#ifndef CALIBRATION_ROOM_H
#define CALIBRATION_ROOM_H

#include "human/calibration/calibration.h"

extern const uint16_t marker_words[CALIBRATION_MARKERS];
int marker_of_square(const struct calibration_board *, int column, int row);

/* ---- gray pictures as floats ---- */

struct plane {
    int width, height;
    float *at; /* width x height */
};
/* Bilinear; coordinates outside are moved to the border. */
float plane_at(const struct plane *, double x, double y);

/* ---- places ---- */

/* The rotation vector's way of moving a pose: rotation becomes exp(turn) * rotation. */
void pose_move(struct camera_pose *, struct vec3 turn, struct vec3 shift);

#endif
