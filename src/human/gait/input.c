/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "human/gait/room.h"

/* Smooths every joint of points (frame-major, POSE_JOINTS wide). */
static struct err smooth(struct arena *mem, const struct track_point *points, size_t frames, double rate, struct track_state **out) {
    struct track_state *states = arena_alloc_array(mem, frames * POSE_JOINTS, sizeof *states);
    if (!states) return err_memory();
    struct arena_mark mark = arena_mark(mem);
    struct track_state *row = arena_alloc_array(mem, frames, sizeof *row);
    if (!row) return err_memory();
    for (size_t k = 0; k < POSE_JOINTS; k++) {
        if (!track_smooth(points + k, POSE_JOINTS, frames, rate, 0.2, row)) return err_memory();
        for (size_t f = 0; f < frames; f++) states[f * POSE_JOINTS + k] = row[f];
    }
    arena_rewind(mem, mark);
    *out = states;
    return ERR_OK;
}

/* A person's points in the order of enum pose_joint. */
static struct track_point *points_of(struct arena *mem, const struct track_people *people, const struct track_person *p) {
    size_t joints = people->layout.joint_count;
    struct track_point *points = arena_alloc_array(mem, p->frame_count * POSE_JOINTS, sizeof *points);
    for (size_t f = 0; points && f < p->frame_count; f++) {
        for (size_t k = 0; k < POSE_JOINTS; k++) points[f * POSE_JOINTS + k] = (struct track_point){.at = VEC3_UNKNOWN};
        for (size_t k = 0; k < joints; k++) {
            if (people->layout.joint[k] >= 0) points[f * POSE_JOINTS + (size_t)people->layout.joint[k]] = p->points[f * joints + k];
        }
    }
    return points;
}

struct err gait_from_track(struct arena *mem, const struct track_people *people, size_t person, double rate, struct gait_recording *out) {
    const struct track_person *p = &people->people[person];
    struct track_point *points = points_of(mem, people, p);
    struct track_state *states = NULL;
    if (!points) return err_memory();
    struct err e = smooth(mem, points, p->frame_count, rate, &states);
    if (e.kind) return e;
    struct gait_recording r = {.rate = rate, .frame_first = p->frame_first, .frame_count = p->frame_count, .points = points, .states = states};
    snprintf(r.name, sizeof r.name, "person-%u", p->id);
    *out = r;
    return ERR_OK;
}

struct err gait_from_body(struct arena *mem, const struct track_people *people, size_t person, const struct body_fit *fit, struct gait_recording *out) {
    const struct track_person *p = &people->people[person];
    struct track_point *points = points_of(mem, people, p);
    if (!points) return err_memory();
    struct gait_recording r = {.rate = fit->rate, .frame_first = fit->frame_first, .frame_count = fit->frame_count, .points = points, .states = fit->joints, .is_fitted = true};
    snprintf(r.name, sizeof r.name, "person-%u", p->id);
    *out = r;
    return ERR_OK;
}
