/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <string.h>

#include "human/gait/room.h"

void gait_note(struct gait_run *run, const char *code) {
    for (size_t i = 0; i < run->note_count; i++) {
        if (!strcmp(run->notes[i], code)) return;
    }
    if (run->note_count < GAIT_NOTES_MAX) run->notes[run->note_count++] = code;
}

/* Horizontal direction from where it began to where it ended; along a world axis if it nearly is. Somebody who stays where he is faces
 * where the pelvis faces. */
static struct vec3 direction(const struct gait_recording *r, const struct gait_run *run) {
    struct vec3 first = VEC3_UNKNOWN, last = VEC3_UNKNOWN, facing = {0};
    for (size_t f = 0; f < r->frame_count; f++) {
        struct vec3 at = run->samples[f].com;
        const struct track_state *left = gait_state(r, f, POSE_LHIP), *right = gait_state(r, f, POSE_RHIP);
        if (vec3_is_known(left->at) && vec3_is_known(right->at))
            facing = vec3_add(facing, vec3_cross(vec3_of(0, 0, 1), vec3_sub(right->at, left->at)));
        if (!vec3_is_known(at)) at = vec3_mix(left->at, right->at, 0.5);
        if (!vec3_is_known(at)) continue;
        if (!vec3_is_known(first)) first = at;
        last = at;
    }
    struct vec3 way = vec3_sub(last, first);
    way.z = facing.z = 0;
    if (!vec3_is_known(way) || vec3_norm(way) < 1) way = facing;
    way = vec3_unit(way);
    if (!vec3_is_known(way)) return vec3_of(1, 0, 0);
    const double near = cos(10 * GAIT_DEGREE);
    if (fabs(way.x) > near) return vec3_of(way.x > 0 ? 1 : -1, 0, 0);
    if (fabs(way.y) > near) return vec3_of(0, way.y > 0 ? 1 : -1, 0);
    return way;
}

struct err gait_analyse(struct arena *mem, const struct gait_recording *r, const struct gait_options *o, struct gait_run *out) {
    struct gait_options none = GAIT_OPTIONS;
    if (!o) o = &none;
    if (!(r->rate > 0 && isfinite(r->rate))) return err_make(ERR_INPUT, "gait.rate", "The frames a second must be a number above 0.");
    if (o->line_count > GAIT_LINES_MAX) return err_make(ERR_INPUT, "gait.lines", "There are more split lines than 64.");
    for (size_t i = 0; i < o->line_count; i++) {
        if (!isfinite(o->lines_m[i]) || (i && o->lines_m[i] <= o->lines_m[i - 1]))
            return err_make(ERR_INPUT, "gait.lines", "The split lines must be numbers that rise: 10,20,30.");
    }
    struct gait_run run = {.rate = r->rate,
                           .frame_first = r->frame_first,
                           .frame_count = r->frame_count,
                           .sex = o->sex,
                           .start_m = o->start_m,
                           .start_s = o->start_s,
                           .ground_m = o->ground_m,
                           .states = r->states};
    memcpy(run.name, r->name, sizeof run.name);
    run.samples = arena_alloc_array(mem, r->frame_count + 1, sizeof *run.samples);
    if (!run.samples) return err_memory();
    for (size_t f = 0; f < r->frame_count; f++) {
        struct gait_sample *s = &run.samples[f];
        *s = (struct gait_sample){.time_s = gait_time(r, (double)f),
                                  .com = VEC3_UNKNOWN,
                                  .com_velocity = VEC3_UNKNOWN,
                                  .com_acceleration = VEC3_UNKNOWN,
                                  .distance = GAIT_UNKNOWN,
                                  .speed = GAIT_UNKNOWN};
    }
    struct track_point *balance;
    struct err e = gait_balance(mem, r, &run, &balance);
    if (e.kind) return e;
    struct vec3 axis = o->axis;
    axis.z = 0;
    run.axis = vec3_norm(axis) > 1e-9 ? vec3_unit(axis) : direction(r, &run);
    /* contacts from a first, careless smoothing; everything else from a second one that knows of them */
    struct gait_strengths strengths;
    for (size_t i = 0; i < sizeof strengths / sizeof(double); i++) (&strengths.of[0][0][0])[i] = NAN;
    if ((e = gait_smooth_legs(mem, r, &run, &strengths)).kind) return e;
    if ((e = gait_find_contacts(mem, r, &run)).kind) return e;
    if ((e = gait_smooth_legs(mem, r, &run, &strengths)).kind) return e;
    if (balance && (e = gait_smooth_balance(mem, r, balance, &run)).kind) return e;
    for (size_t f = 0; f < r->frame_count; f++) {
        struct gait_sample *s = &run.samples[f];
        gait_angles_of_frame(&run.states[f * POSE_JOINTS], run.axis, s->angles);
        if (!vec3_is_known(s->com)) continue;
        s->distance = gait_value_of(vec3_dot(s->com, run.axis) - run.start_m, sym3_quadratic(s->com_covariance, run.axis));
        if (!vec3_is_known(s->com_velocity)) continue;
        struct vec3 v = {s->com_velocity.x, s->com_velocity.y, 0};
        double speed = vec3_norm(v);
        struct vec3 along = speed > 0.1 ? vec3_scale(v, 1 / speed) : run.axis;
        s->speed = gait_value_of(speed, sym3_quadratic(s->com_velocity_covariance, along));
    }
    if ((e = gait_find_steps(mem, r, &run)).kind) return e;
    if ((e = gait_find_jumps(mem, &run)).kind) return e;
    gait_summarise(&run);
    if ((e = gait_find_splits(mem, r, o, &run)).kind) return e;
    gait_fit_speed(&run);
    *out = run;
    return ERR_OK;
}
