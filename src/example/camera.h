/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * camera.h: a place in space seen on the stage. Right-handed, y up, metres. */
#ifndef EXAMPLE_CAMERA_H
#define EXAMPLE_CAMERA_H

#include <stdbool.h>

#include "example/motion.h"

struct camera {
    struct vec3 eye, right, up, forward;
    double focal; /* units on the stage for something 1 m wide, 1 m away */
    double cx, cy;
};
/* Looks from eye to target; `degrees` is the height of the view, `roll` leans it (radians). */
struct camera camera_look(struct vec3 eye, struct vec3 target, double degrees, double roll);

struct seen {
    double x, y;  /* on the stage */
    double depth; /* metres in front; <= 0: behind */
    double scale; /* units per metre there */
};
struct seen camera_see(const struct camera *, struct vec3);
/* Cuts the segment at the plane `near` metres before the camera; false if all of it lies behind. */
bool camera_clip(const struct camera *, struct vec3 *a, struct vec3 *b, double near);

#endif
