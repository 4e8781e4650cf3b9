/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <string.h>

#include "base/mem.h"
#include "human/track/follow.h"
#include "human/track/smooth.h"

/* What a person's joints are smoothed by, and what the last frames gave. */
struct smoothing {
    int64_t pushed;    /* frames, from the track's first one */
    size_t lag;
    struct lag_filter *filters[POSE_LAYOUT_JOINTS_MAX];
    struct track_point points[(SMOOTH_LAG_MAX + 1) * POSE_LAYOUT_JOINTS_MAX]; /* ring of frames */
    struct track_state states[POSE_LAYOUT_JOINTS_MAX];
};

struct track_live {
    struct follower *follower;
    struct track_live_options options;
    size_t joints;
    struct track_live_person people[2 * TRACKS_MAX];
};

double track_live_jerk(const struct pose_layout *l, size_t joint) {
    switch (l->joint[joint]) { /* a little above what maximum likelihood finds in sprinters */
    case POSE_LANKLE: case POSE_RANKLE: case POSE_LBIGTOE: case POSE_RBIGTOE: case POSE_LSMALLTOE: case POSE_RSMALLTOE: case POSE_LHEEL: case POSE_RHEEL: return 2e5;
    case POSE_LELBOW: case POSE_RELBOW: case POSE_LWRIST: case POSE_RWRIST: case POSE_LKNEE: case POSE_RKNEE: return 3e4;
    default: return 1e4;
    }
}

static void smoothing_destroy(struct smoothing *s) {
    if (!s) return;
    for (size_t k = 0; k < POSE_LAYOUT_JOINTS_MAX; k++) lag_filter_destroy(&s->filters[k]);
    mem_free(s);
}

static struct smoothing *smoothing_create(const struct track_live *l) {
    struct smoothing *s = mem_zalloc(sizeof *s);
    if (!s) return NULL;
    s->lag = l->options.lag_frames;
    for (size_t k = 0; k < l->joints; k++) {
        s->filters[k] = lag_filter_create(l->options.follow.rate, l->options.gap_s, track_live_jerk(&l->follower->layout, k), s->lag);
        if (s->filters[k]) continue;
        smoothing_destroy(s);
        return NULL;
    }
    return s;
}

/* The track's next frame; `points` NULL: it is gone. */
static void smoothing_push(struct smoothing *s, size_t joints, const struct track_point *points) {
    struct track_point *kept = s->points + (size_t)(s->pushed % (int64_t)(s->lag + 1)) * joints;
    for (size_t k = 0; k < joints; k++) {
        kept[k] = points ? points[k] : (struct track_point){.at = VEC3_UNKNOWN};
        lag_filter_push(s->filters[k], points ? &points[k] : NULL, &s->states[k]);
    }
    s->pushed++;
}

struct err track_live_open(const struct pose_layout *layout, size_t cameras, const struct track_live_options *options, struct track_live **out) {
    if (cameras < 2 || cameras > CAMERA_COUNT_MAX) return err_make(ERR_INPUT, "track.takes", "At least two cameras are needed, and at most 64.");
    if (!(options->follow.rate > 0 && options->follow.rate < 1e5)) return err_make(ERR_INPUT, "track.takes", "The rate of the recordings must be above 0.");
    if (options->lag_frames > SMOOTH_LAG_MAX) return err_make(ERR_INPUT, "track.takes", "The lag is at most 12 frames.");
    struct track_live *l = mem_zalloc(sizeof *l);
    if (!l) return err_memory();
    l->options = *options, l->joints = layout->joint_count;
    if (!l->options.lag_frames) l->options.lag_frames = 8;
    if (!(l->options.gap_s > 0)) l->options.gap_s = 0.2;
    struct err e = follower_create(layout, cameras, &l->options.follow, SMOOTH_LAG_MAX + 2, &l->follower);
    if (e.kind) mem_free(l);
    else *out = l;
    return e;
}

void track_live_close(struct track_live **live) {
    struct track_live *l = *live;
    if (!l) return;
    for (size_t i = 0; i < l->follower->track_count; i++) smoothing_destroy(l->follower->tracks[i]->user);
    follower_destroy(&l->follower);
    mem_free(l);
    *live = NULL;
}

struct err track_live_push(struct track_live *l, const struct pose_frame *const frames[], const struct camera_view *const views[], struct track_live_frame *out, bool *has_frame) {
    struct follower *w = l->follower;
    const int64_t now = w->frame, lag = (int64_t)l->options.lag_frames;
    struct err e = follower_step(w, frames, views);
    if (e.kind) return e;
    size_t kept = 0, count = 0;
    for (size_t i = 0; i < w->track_count; i++) {
        struct track *t = w->tracks[i];
        struct smoothing *s = t->user;
        if (!s && !(s = t->user = smoothing_create(l))) return err_memory(); /* the follower stays whole */
        size_t rows = t->rows_dropped + t->row_count; /* ever appended */
        bool has_row = t->frame_first + (int64_t)rows == now + 1;
        if (t->frame_first + s->pushed <= now) smoothing_push(s, l->joints, has_row ? t->rows + (t->row_count - 1) * l->joints : NULL);
        if (t->is_confirmed && s->pushed > lag && t->frame_first <= now - lag && count < ARRAY_LEN(l->people)) {
            bool is_there = false; /* what is unknown in every joint is nobody */
            const struct track_point *points = s->points + (size_t)((s->pushed - 1 - lag) % (lag + 1)) * l->joints;
            for (size_t k = 0; k < l->joints && !is_there; k++) is_there = s->states[k].source != TRACK_UNKNOWN || vec3_is_known(points[k].at);
            if (is_there) l->people[count++] = (struct track_live_person){t->id, points, s->states};
        }
        w->tracks[kept++] = t;
    }
    w->track_count = kept;
    for (size_t i = kept = 0; i < w->track_count; i++) { /* who left, once the last of them is out. What is given out now stays until the next call */
        struct track *t = w->tracks[i];
        struct smoothing *s = t->user;
        if (!t->is_live && (!t->is_confirmed || s->pushed > (int64_t)(t->rows_dropped + t->row_count) + lag)) smoothing_destroy(s), track_free(t);
        else w->tracks[kept++] = t;
    }
    w->track_count = kept;
    *has_frame = now >= lag;
    if (*has_frame) *out = (struct track_live_frame){now - lag, l->people, count};
    return ERR_OK;
}
