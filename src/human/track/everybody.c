/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "human/track/track.h"

struct work {
    struct arena *mem;
    const struct pose_take *const *takes;
    const struct track_plan *plan;
    struct track_result *r;
};

static struct err follow(struct work *w) {
    struct track_result *r = w->r;
    struct track_options options = {.rate = r->recording.rate};
    struct err e = track_follow(w->mem, &r->recording.rig, r->recording.takes, &options, &r->people);
    if (e.kind) return e;
    if (!(r->states = arena_alloc_array(w->mem, r->people.count + 1, sizeof *r->states))) return err_memory();
    for (size_t i = 0; i < r->people.count && !e.kind; i++) {
        e = track_smooth_all(w->mem, &r->people, i, r->recording.rate, w->plan->gap_s > 0 ? w->plan->gap_s : 0.2, &r->states[i]);
    }
    return e;
}

/* Follows everybody by the clocks of r->rig, the second time with the joints moved by their own motion. */
static struct err follow_retimed(struct work *w) {
    struct err e = track_retime(w->mem, &w->r->rig, w->takes, w->plan->rate, &w->r->recording);
    if (!e.kind) e = follow(w);
    if (e.kind || w->r->recording.is_as_given) return e;
    if ((e = track_retime_by_motion(w->mem, &w->r->recording, &w->r->people, w->r->states, &w->r->recording)).kind) return e;
    return follow(w);
}

/* Those seen longest; everybody was of use until now. */
static void keep_longest(struct track_result *r, size_t limit) {
    while (limit && r->people.count > limit) {
        size_t shortest = 0;
        for (size_t i = 1; i < r->people.count; i++) {
            if (r->people.people[i].frame_count <= r->people.people[shortest].frame_count) shortest = i;
        }
        r->people.count--;
        memmove(&r->people.people[shortest], &r->people.people[shortest + 1], (r->people.count - shortest) * sizeof *r->people.people);
        memmove(&r->states[shortest], &r->states[shortest + 1], (r->people.count - shortest) * sizeof(struct track_state *));
    }
}

static struct err refine(struct work *w) {
    struct track_result *r = w->r;
    struct track_refine_options options = w->plan->refine;
    struct track_refinement total = {0};
    const struct camera_rig given = r->rig;
    double scale = 1;
    for (int round = 0; round < 4; round++) {
        struct track_refinement now;
        struct camera_rig *rig = ARENA_NEW(w->mem, struct camera_rig); /* the recording keeps its rig */
        if (!rig) return err_memory();
        struct err e = track_refine(w->mem, &r->recording, &r->people, &options, rig, &now);
        if (e.kind) return e;
        scale *= now.scale;
        if (!round) total = now;
        else {
            memcpy(now.before_px, total.before_px, sizeof now.before_px), memcpy(now.clock_before, total.clock_before, sizeof now.clock_before);
            now.all_before_px = total.all_before_px;
            total = now;
        }
        double moved = 0;
        for (size_t c = 0; c < rig->count; c++) {
            moved = fmax(moved, fabs(rig->cameras[c].clock.offset_s - r->rig.cameras[c].clock.offset_s));
            moved = fmax(moved, rig->cameras[c].height * fabs(rig->cameras[c].clock.row_s - r->rig.cameras[c].clock.row_s));
        }
        r->rig = *rig;
        if ((e = follow_retimed(w)).kind) return e;
        if (moved < 0.02 / r->recording.rate) break;
    }
    total.scale = scale;
    for (size_t c = 0; c < given.count; c++) { /* over all rounds */
        const struct camera_pose *a = &given.cameras[c].fixed.pose, *b = &r->rig.cameras[c].fixed.pose;
        struct mat3 back = mat3_transpose(&a->rotation), turn = mat3_multiply(&b->rotation, &back);
        total.turned_rad[c] = vec3_norm(rotation_to_vector(&turn)), total.moved_m[c] = vec3_distance(camera_centre(a), camera_centre(b));
    }
    r->refinement = total;
    return ERR_OK;
}

struct err track_everybody(struct arena *mem, const struct camera_rig *rig, const struct pose_take *const *takes, const struct track_plan *plan, struct track_result *out) {
    struct track_result *r = ARENA_NEW(mem, struct track_result); /* what it holds points into itself */
    if (!r) return err_memory();
    if (rig->count < 2) return err_make(ERR_INPUT, "track.takes", "At least two cameras are needed.");
    struct work w = {mem, takes, plan, r};
    r->rig = *rig;
    struct err e = ERR_OK;
    if (plan->with_sync) {
        if ((e = track_synchronise(rig, takes, plan->rate, plan->offset_max_s > 0 ? plan->offset_max_s : 3, &r->sync)).kind) return e;
        struct camera *cameras = arena_alloc_array(mem, rig->count, sizeof *cameras);
        if (!cameras) return err_memory();
        for (size_t c = 0; c < rig->count; c++) cameras[c] = rig->cameras[c], cameras[c].clock = r->sync.clocks[c];
        r->rig.cameras = cameras;
    }
    if (!(e = follow_retimed(&w)).kind && plan->with_refinement) e = refine(&w);
    if (e.kind) return e;
    keep_longest(r, plan->people_max);
    *out = *r;
    return e;
}
