/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * All of it. Each pass over a recording makes a result of its own, which only the next pass needs: they live in arenas that are emptied in turn, and the last
 * one is copied to the caller's. A minute of nine people is 300 MB a pass. */
#include <math.h>
#include <string.h>

#include "human/track/track.h"

enum { PASS_BYTES_MAX_GB = 8 };

struct work {
    struct arena *passes[2]; /* [0] holds the newest */
    struct arena *scratch;
    const struct pose_take *const *takes;
    const struct track_plan *plan;
    struct track_result *r;
};

static struct err follow(struct work *w, struct arena *mem) {
    struct track_result *r = w->r;
    const struct track_options options = {.rate = r->recording.rate, .back_s = w->plan->back_s, .lane_m = w->plan->lane_m, .lane_y = w->plan->lane_y};
    struct err e = track_follow(mem, &r->recording.rig, r->recording.takes, &options, &r->people);
    if (e.kind) return e;
    if (!(r->states = arena_alloc_array(mem, r->people.count + 1, sizeof *r->states))) return err_memory();
    for (size_t i = 0; i < r->people.count && !e.kind; i++) {
        e = track_smooth_all(mem, &r->people, i, r->recording.rate, w->plan->gap_s > 0 ? w->plan->gap_s : 0.2, &r->states[i]);
    }
    return e;
}

/* Follows everybody by the clocks of r->rig, the second time with the joints moved by their own motion. What there was before is gone afterwards. */
static struct err follow_retimed(struct work *w) {
    struct track_result *r = w->r;
    arena_reset(w->scratch), arena_reset(w->passes[1]);
    struct err e = track_retime(w->scratch, &r->rig, w->takes, w->plan->rate, &r->recording);
    if (!e.kind && r->recording.is_as_given) e = track_retime(w->passes[1], &r->rig, w->takes, w->plan->rate, &r->recording);
    if (!e.kind) e = follow(w, r->recording.is_as_given ? w->passes[1] : w->scratch);
    if (!e.kind && !r->recording.is_as_given) {
        /* The rig and the sources, which by_motion shares, must outlive the scratch: made once more beside the new takes. */
        struct track_people people = r->people;
        struct track_state **states = r->states;
        e = track_retime(w->passes[1], &r->rig, w->takes, w->plan->rate, &r->recording);
        if (!e.kind) e = track_retime_by_motion(w->passes[1], &r->recording, &people, states, &r->recording);
        if (!e.kind) e = follow(w, w->passes[1]);
    }
    struct arena *newest = w->passes[1];
    w->passes[1] = w->passes[0], w->passes[0] = newest;
    return e;
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

static struct err refine(struct work *w, struct arena *mem) {
    struct track_result *r = w->r;
    const struct track_refine_options options = w->plan->refine;
    struct track_refinement total = {0};
    const struct camera_rig given = r->rig;
    double scale = 1;
    for (int round = 0; round < 4; round++) {
        struct track_refinement now;
        struct camera_rig *rig = ARENA_NEW(mem, struct camera_rig);
        if (!rig) return err_memory();
        arena_reset(w->scratch);
        struct err e = track_refine(w->scratch, &r->recording, &r->people, &options, rig, &now);
        if (e.kind) return e;
        struct camera *cameras = arena_alloc_array(mem, rig->count, sizeof *cameras);
        if (!cameras) return err_memory();
        memcpy(cameras, rig->cameras, rig->count * sizeof *cameras);
        rig->cameras = cameras;
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

static void *copied(struct arena *mem, const void *from, size_t count, size_t bytes) {
    void *to = arena_alloc_array(mem, count + 1, bytes);
    if (to && count) memcpy(to, from, count * bytes);
    return to;
}

/* The result, as it lies in the arenas of the passes, into the caller's. */
static struct err adopt(struct arena *mem, struct track_result *r) {
    const size_t joints = r->people.layout.joint_count, cameras = r->recording.rig.count;
    bool is_whole = (r->people.people = copied(mem, r->people.people, r->people.count, sizeof *r->people.people)) && (r->states = copied(mem, r->states, r->people.count, sizeof *r->states));
    for (size_t i = 0; i < r->people.count && is_whole; i++) {
        struct track_person *p = &r->people.people[i];
        is_whole = (p->points = copied(mem, p->points, p->frame_count * joints, sizeof *p->points)) && (p->detections = copied(mem, p->detections, p->frame_count * cameras, sizeof *p->detections)) &&
                   (r->states[i] = copied(mem, r->states[i], p->frame_count * joints, sizeof **r->states));
    }
    struct track_recording *t = &r->recording;
    if (is_whole) is_whole = (t->takes = copied(mem, t->takes, cameras, sizeof *t->takes)) && (t->rig.cameras = copied(mem, t->rig.cameras, cameras, sizeof *t->rig.cameras));
    for (size_t c = 0; c < cameras && is_whole && !t->is_as_given; c++) {
        struct pose_take *take = copied(mem, t->takes[c], 1, sizeof *take);
        struct camera *camera = &t->rig.cameras[c];
        is_whole = take && (take->frames = copied(mem, take->frames, take->frame_count, sizeof *take->frames)) && (t->source[c] = copied(mem, t->source[c], t->frame_count, sizeof *t->source[c]));
        for (size_t f = 0; is_whole && f < take->frame_count; f++) {
            is_whole = (take->frames[f].points = copied(mem, take->frames[f].points, take->frames[f].people * joints, sizeof *take->frames[f].points));
        }
        if (is_whole && camera->views) is_whole = (camera->views = copied(mem, camera->views, camera->view_count, sizeof *camera->views));
        t->takes[c] = take;
    }
    return is_whole ? ERR_OK : err_memory();
}

struct err track_everybody(struct arena *mem, const struct camera_rig *rig, const struct pose_take *const *takes, const struct track_plan *plan, struct track_result *out) {
    if (rig->count < 2) return err_make(ERR_INPUT, "track.takes", "At least two cameras are needed.");
    struct track_result *r = ARENA_NEW(mem, struct track_result); /* what it holds points into itself */
    struct work w = {.takes = takes, .plan = plan, .r = r};
    struct err e = r ? ERR_OK : err_memory();
    for (int i = 0; i < 2 && !e.kind; i++) {
        if (!(w.passes[i] = arena_create((size_t)PASS_BYTES_MAX_GB << 30))) e = err_memory();
    }
    if (!e.kind && !(w.scratch = arena_create((size_t)PASS_BYTES_MAX_GB << 30))) e = err_memory();
    if (!e.kind) r->rig = *rig;
    if (!e.kind && plan->with_sync) {
        struct camera *cameras = arena_alloc_array(mem, rig->count, sizeof *cameras);
        e = cameras ? track_synchronise(rig, takes, plan->rate, plan->offset_max_s > 0 ? plan->offset_max_s : 3, &r->sync) : err_memory();
        for (size_t c = 0; c < rig->count && !e.kind; c++) cameras[c] = rig->cameras[c], cameras[c].clock = r->sync.clocks[c];
        if (!e.kind) r->rig.cameras = cameras;
    }
    if (!e.kind) e = follow_retimed(&w);
    if (!e.kind && plan->with_refinement) e = refine(&w, mem);
    if (!e.kind) {
        keep_longest(r, plan->people_max);
        r->recording.given_rig = &r->rig;
        e = adopt(mem, r);
    }
    arena_destroy(&w.passes[0]), arena_destroy(&w.passes[1]), arena_destroy(&w.scratch);
    if (!e.kind) *out = *r;
    return e;
}
