/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "example/camera.h"

#include "example/canvas.h"

struct camera camera_look(struct vec3 eye, struct vec3 target, double degrees, double roll) {
    struct camera c = {.eye = eye, .cx = STAGE_WIDTH / 2, .cy = STAGE_HEIGHT / 2};
    c.forward = unit3(sub3(target, eye));
    struct vec3 right = unit3(cross3(c.forward, vec3(0, 1, 0))), up = cross3(right, c.forward);
    c.right = add3(scale3(right, cos(roll)), scale3(up, sin(roll)));
    c.up = sub3(scale3(up, cos(roll)), scale3(right, sin(roll)));
    c.focal = STAGE_HEIGHT / 2 / tan(degrees * TAU / 720);
    return c;
}

struct seen camera_see(const struct camera *c, struct vec3 p) {
    struct vec3 d = sub3(p, c->eye);
    double depth = dot3(d, c->forward), scale = depth > 1e-6 ? c->focal / depth : 0;
    return (struct seen){c->cx + dot3(d, c->right) * scale, c->cy - dot3(d, c->up) * scale, depth, scale};
}

bool camera_clip(const struct camera *c, struct vec3 *a, struct vec3 *b, double near) {
    double da = dot3(sub3(*a, c->eye), c->forward) - near, db = dot3(sub3(*b, c->eye), c->forward) - near;
    if (da <= 0 && db <= 0) return false;
    if (da <= 0) *a = mix3(*a, *b, da / (da - db));
    else if (db <= 0) *b = mix3(*b, *a, db / (db - da));
    return true;
}
