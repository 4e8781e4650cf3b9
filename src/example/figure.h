/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * figure.h: a drawn athlete. A figure is its joints on the stage (y down); poses are made by the functions below, by
 * a film's own physics, or by reaching (joint_between). Sizes follow from `height`. Index 0 is the far side of the
 * body, 1 the near side. */
#ifndef EXAMPLE_FIGURE_H
#define EXAMPLE_FIGURE_H

#include "example/draw.h"

struct figure {
    double height;
    struct vec2 head, neck, pelvis;
    struct vec2 shoulder[2], elbow[2], hand[2];
    struct vec2 hip[2], knee[2], ankle[2], toe[2];
};

struct kit {
    struct colour skin, vest, shorts, shoes, hair;
    struct colour rim;      /* light from behind; alpha 0: none */
    struct vec2 rim_from;   /* where it comes from, in units of offset */
    double far_dark;        /* how much darker the far limbs are, 0 to 1 */
    bool is_flat;           /* a silhouette: all in `skin` */
    bool has_ponytail;
};

/* Seen from the side, running to the right. `turn` counts strides (two steps each); `effort` 0 jogs, 1 sprints.
 * `ground` is where feet touch. */
struct figure figure_run(struct vec2 ground, double height, double turn, double effort);
/* The crouch in the blocks: p from 0 (on your marks) over 0.5 (set) to 1 (leaving). */
struct figure figure_start(struct vec2 ground, double height, double p);
/* Seen from the side, on a bicycle: `hips` on the saddle, `hands` on the bar, crank at `crank` with a pedal turn. */
struct figure figure_ride(struct vec2 hips, struct vec2 hands, struct vec2 crank, double crank_length, double turn, double height);
/* Standing easy, facing right; `sway` in radians. */
struct figure figure_stand(struct vec2 ground, double height, double sway);
/* Between two poses, joint by joint. */
struct figure figure_mix(const struct figure *a, const struct figure *b, double p);
void figure_mirror(struct figure *, double x); /* about the vertical line at x */

void figure_draw(struct canvas *, const struct figure *, const struct kit *);

#endif
