/* SPDX-License-Identifier: AGPL-3.0-or-later
 * For this room only. */
#ifndef HUMAN_POSE_ROOM_H
#define HUMAN_POSE_ROOM_H

#include "human/pose/pose.h"

enum { POSE_PEOPLE_MAX = 1000, POSE_FRAMES_MAX = 1000000 };

void pose_layout_finish(struct pose_layout *); /* fills mirror[] from the names */
void pose_layout_name_joint(struct pose_layout *, size_t index, struct slice name);
/* Chooses the layout for `joints` points a person; false if there is none. */
bool pose_layout_guess(struct pose_take *, size_t joints, const char *wanted);

/* Decimal number at *at; false, and *at untouched, if there is none. Correctly rounded for up to 15 digits, within an
 * ulp of float beyond. */
bool pose_scan_number(const char **at, const char *end, double *out);

static inline struct pose_point pose_point_of(double x, double y, double confidence) {
    bool is_seen = x - x == 0 && y - y == 0 && confidence > 0 && !(x == 0 && y == 0) && x < 1e6 && x > -1e6 && y < 1e6 && y > -1e6;
    return is_seen ? (struct pose_point){(float)x, (float)y, confidence < 1 ? (float)confidence : 1} : (struct pose_point){0, 0, 0};
}

void pose_note_set(struct pose_note *, size_t offset, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
