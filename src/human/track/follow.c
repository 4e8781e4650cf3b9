/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "human/track/follow.h"

enum { CONFIRM_HITS = 4 }; /* frames until a new person is believed */
static const double allowance_m = 0.10;  /* what a joint may be off its prediction, beside the pixels' noise */
static const double cost_cap = 9;        /* of one joint: three allowances */
static const double cost_gate = 5;       /* of the mean over joints */
static const double ray_gate = 3;        /* median of how far the rays of two pictures miss each other, in deviations */

static const struct pose_point *detection(const struct follower *w, size_t c, size_t d) { return w->copy[c] + d * w->joints; }

/* A predicted joint in a picture. */
struct shadow {
    bool is_there;
    double u, v, inverse; /* one over the squared distance that costs 1 */
};

static void cast(const struct follower *w, const struct track *t, size_t c, struct shadow *out) {
    const struct camera_view *view = w->scope.views[c];
    struct vec3 centre = camera_centre(&view->pose);
    for (size_t k = 0; k < w->joints; k++) {
        out[k].is_there = false;
        if (t->joint[k].age < 0 || t->joint[k].age * w->dt > 0.3) continue;
        struct vec3 at = t->joint[k].at;
        if (!camera_project(view, at, &out[k].u, &out[k].v)) continue;
        double allow = allowance_m * view->lens.fx / fmax(vec3_distance(at, centre), 0.1), noise = w->scope.noise_px[c];
        out[k].inverse = 1 / (allow * allow + 2 * noise * noise);
        out[k].is_there = true;
    }
}

/* Mean cost over the joints that both have; infinite with fewer than four. */
static double match(const struct follower *w, const struct shadow *s, const struct pose_point *p) {
    double sum = 0;
    size_t common = 0;
    for (size_t k = 0; k < w->joints; k++) {
        if (!s[k].is_there || !(p[k].confidence >= 0.1f)) continue;
        double du = p[k].x - s[k].u, dv = p[k].y - s[k].v, cost = (du * du + dv * dv) * s[k].inverse;
        sum += cost < cost_cap ? cost : cost_cap;
        common++;
    }
    size_t least = w->joints < 8 ? (w->joints + 1) / 2 : 4;
    return common >= least ? sum / (double)common : INFINITY;
}

/* Limbs whose left and right a network exchanges together. */
static int limb_of(const struct pose_layout *l, size_t k) {
    switch (l->joint[k]) {
    case POSE_LHIP: case POSE_RHIP: case POSE_LKNEE: case POSE_RKNEE: case POSE_LANKLE: case POSE_RANKLE: case POSE_LBIGTOE: case POSE_RBIGTOE:
    case POSE_LSMALLTOE: case POSE_RSMALLTOE: case POSE_LHEEL: case POSE_RHEEL: return 0;
    case POSE_LSHOULDER: case POSE_RSHOULDER: case POSE_LELBOW: case POSE_RELBOW: case POSE_LWRIST: case POSE_RWRIST: return 1;
    default: return -1;
    }
}

static void repair_sides(struct follower *w, const struct shadow *s, struct pose_point *p) {
    const struct pose_layout *l = &w->layout;
    for (int limb = 0; limb < 2; limb++) {
        double as_is = 0, exchanged = 0;
        size_t common = 0;
        for (size_t k = 0; k < w->joints; k++) {
            size_t o = (size_t)l->mirror[k];
            if (o == k || limb_of(l, k) != limb || !s[k].is_there || !s[o].is_there || !(p[k].confidence >= 0.1f) || !(p[o].confidence >= 0.1f)) continue;
            double a = (pow(p[k].x - s[k].u, 2) + pow(p[k].y - s[k].v, 2)) * s[k].inverse, b = (pow(p[o].x - s[k].u, 2) + pow(p[o].y - s[k].v, 2)) * s[k].inverse;
            as_is += a < cost_cap ? a : cost_cap, exchanged += b < cost_cap ? b : cost_cap;
            common++;
        }
        if (common < 4 || !(as_is > 1.0 * (double)common) || !(exchanged < 0.3 * as_is)) continue;
        for (size_t k = 0; k < w->joints; k++) {
            size_t o = (size_t)l->mirror[k];
            if (o <= k || limb_of(l, k) != limb) continue;
            struct pose_point t = p[k];
            p[k] = p[o], p[o] = t;
        }
        w->swaps++;
    }
}

/* A sight that is far from where its joint must be now belongs to something else, and with two or three cameras nobody but the past can tell.
 * If most are far, it is the prediction that is wrong, and all stay. */
static void drop_strays(const struct follower *w, const struct track *t, const struct shadow *s, struct pose_point *p) {
    const double stray = 16; /* four allowances */
    size_t seen = 0, far = 0;
    bool is_far[POSE_LAYOUT_JOINTS_MAX];
    for (size_t k = 0; k < w->joints; k++) {
        is_far[k] = false;
        if (!s[k].is_there || t->joint[k].age > 4 || !(p[k].confidence >= 0.1f)) continue;
        seen++;
        is_far[k] = (pow(p[k].x - s[k].u, 2) + pow(p[k].y - s[k].v, 2)) * s[k].inverse > stray;
        far += is_far[k];
    }
    for (size_t k = 0; k < w->joints && far * 2 < seen; k++) {
        if (is_far[k]) p[k].confidence = 0;
    }
}

/* ---- a person's frame ---- */

static struct err append(const struct follower *w, struct track *t, const struct track_point *points) {
    if (w->window && t->row_count == 2 * w->window) { /* the older half goes */
        memmove(t->rows, t->rows + w->window * w->joints, w->window * w->joints * sizeof *t->rows);
        memmove(t->chosen, t->chosen + w->window * w->cameras, w->window * w->cameras * sizeof *t->chosen);
        t->row_count -= w->window, t->rows_dropped += w->window;
    }
    if (t->row_count == t->row_capacity) {
        size_t capacity = w->window ? 2 * w->window : t->row_capacity ? t->row_capacity * 2 : 64;
        struct track_point *more = mem_realloc_array(t->rows, capacity * w->joints, sizeof *more);
        if (!more) return err_memory();
        t->rows = more;
        int16_t *chosen = mem_realloc_array(t->chosen, capacity * w->cameras, sizeof *chosen);
        if (!chosen) return err_memory();
        t->chosen = chosen, t->row_capacity = capacity;
    }
    memcpy(t->rows + t->row_count * w->joints, points, w->joints * sizeof *points);
    for (size_t c = 0; c < w->cameras; c++) t->chosen[t->row_count * w->cameras + c] = (int16_t)t->detection[c];
    t->row_count++;
    return ERR_OK;
}

/* What tells people apart who come back: where they were, how tall they are. */
static void remember(const struct follower *w, struct track *t, const struct track_point *p) {
    struct vec3 sum = {0};
    size_t known = 0;
    for (size_t k = 0; k < w->joints; k++) {
        if (vec3_is_known(p[k].at)) sum = vec3_add(sum, p[k].at), known++;
    }
    if (!known) return;
    t->middle = vec3_scale(sum, 1 / (double)known), t->seen_frame = w->frame;
    t->course = t->hits < 12 ? t->velocity : vec3_mix(t->course, t->velocity, 0.08); /* without the ups and downs of a step */
    for (int side = 0; side < 2 && w->chain[side][0] >= 0; side++) {
        double length = 0;
        for (int i = 0; i < 3; i++) length += vec3_distance(p[w->chain[side][i]].at, p[w->chain[side][i + 1]].at);
        if (isfinite(length)) t->height_sum += length, t->height_count++;
    }
}

static double height_of(const struct track *t) { return t->height_count >= 3 ? t->height_sum / (double)t->height_count : NAN; }

static void depart(struct follower *w, const struct track *t) {
    if (w->departed_count == DEPARTED_MAX) memmove(w->departed, w->departed + 1, --w->departed_count * sizeof *w->departed);
    w->departed[w->departed_count++] = (struct departed){t->id, t->seen_frame, t->middle, t->course, height_of(t)};
}

/* How well somebody new, first seen at `at`, fits who left: below 1 is plausible. Runners go on as they went; who was slow may also have turned. */
static double comes_back(const struct follower *w, const struct departed *d, struct vec3 at, int64_t frame, double height) {
    const double back_s = w->options.back_s > 0 ? w->options.back_s : 4, seconds = (double)(frame - d->frame) * w->dt, speed = vec3_norm(d->velocity);
    if (w->options.back_s < 0 || !(seconds > 0) || seconds > back_s) return INFINITY;
    if (fabs(height / d->height - 1) > 0.08) return INFINITY; /* NAN is no reason */
    struct vec3 direction = speed > 0.5 ? vec3_scale(d->velocity, 1 / speed) : vec3_of(0, 0, 0), miss = vec3_sub(at, vec3_add(d->at, vec3_scale(d->velocity, seconds)));
    double ahead = vec3_dot(miss, direction), aside2 = vec3_dot(miss, miss) - ahead * ahead;
    double on = pow(ahead / (0.8 + 0.35 * speed * seconds), 2) + aside2 / pow(0.6 + 0.25 * seconds, 2);
    if (speed < 3) on = fmin(on, pow(vec3_distance(at, d->at) / (0.8 + 1.5 * seconds), 2));
    return on;
}

/* The number of somebody who is believed from now on: their old one, if exactly one who left fits. */
static uint32_t number_of(struct follower *w, const struct track *t, struct vec3 first) {
    size_t best = SIZE_MAX;
    double least = 1, second = INFINITY;
    for (size_t i = 0; i < w->departed_count; i++) {
        double score = comes_back(w, &w->departed[i], first, t->frame_first, height_of(t));
        if (score < least) second = least < 1 ? least : second, least = score, best = i;
        else if (score < second) second = score;
    }
    /* Somebody who is being looked for in vain right now may stand elsewhere than they were expected: the same as if they had left. */
    struct track *missing = NULL;
    for (size_t i = 0; i < w->track_count; i++) {
        struct track *o = w->tracks[i];
        if (!o->is_live || !o->is_confirmed || o == t || o->missed_s < 0.1 || o->seen_frame >= t->frame_first) continue;
        struct departed d = {o->id, o->seen_frame, o->middle, o->course, height_of(o)};
        double score = comes_back(w, &d, first, t->frame_first, height_of(t));
        if (score < least) second = least < 1 ? least : second, least = score, missing = o;
        else if (score < second) second = score;
    }
    if (!(least < 1) || second < 2 * least + 0.1) return ++w->next_id; /* nobody, or nobody can tell */
    if (missing) {
        missing->is_live = false;
        return missing->id;
    }
    uint32_t id = w->departed[best].id;
    memmove(&w->departed[best], &w->departed[best + 1], (--w->departed_count - best) * sizeof *w->departed);
    return id;
}

/* What was measured moves the state; what was not goes along with the person. */
static void learn(struct follower *w, struct track *t, const struct track_point *p, bool is_birth) {
    struct vec3 sum = {0};
    size_t measured = 0;
    for (size_t k = 0; k < w->joints; k++) {
        struct joint_state *j = &t->joint[k];
        if (!vec3_is_known(p[k].at)) {
            if (j->age >= 0) j->age++;
            continue;
        }
        if (is_birth || j->age < 0 || j->age * w->dt > 0.3) *j = (struct joint_state){p[k].at, t->velocity, 0};
        else {
            struct vec3 miss = vec3_sub(p[k].at, j->at);
            double gain = t->hits < 6 ? 0.5 : 0.3; /* quick at first: a sprinter's 12 m/s are not known yet */
            j->at = vec3_add(j->at, vec3_scale(miss, 0.7));
            j->velocity = vec3_add(j->velocity, vec3_scale(miss, gain / w->dt));
            j->age = 0;
        }
        sum = vec3_add(sum, j->velocity), measured++;
    }
    if (measured && !is_birth) t->velocity = vec3_scale(sum, 1 / (double)measured);
}

static void forecast(struct follower *w, struct track *t) {
    for (size_t k = 0; k < w->joints; k++) {
        struct joint_state *j = &t->joint[k];
        if (j->age < 0) continue;
        if (j->age > 0) {
            j->velocity = vec3_mix(j->velocity, t->velocity, 0.5);
            if (w->options.lane_m > 0) j->velocity.y = 0; /* who is not seen keeps to the lane */
        }
        j->at = vec3_add(j->at, vec3_scale(j->velocity, w->dt));
    }
}

static size_t triangulate(struct follower *w, const int *detections, struct track_point *out) {
    const struct pose_point *list[CAMERA_COUNT_MAX];
    for (size_t c = 0; c < w->cameras; c++) list[c] = detections[c] >= 0 ? detection(w, c, (size_t)detections[c]) : NULL;
    return track_triangulate(&w->scope, list, w->joints, out);
}

/* Cameras that disagree with the others on most of a person's joints saw somebody else. Returns whether one was taken away. */
static bool drop_strangers(struct follower *w, int *detections, const struct track_point *p) {
    bool has_dropped = false;
    for (size_t c = 0; c < w->cameras; c++) {
        if (detections[c] < 0) continue;
        size_t seen = 0, agreed = 0;
        const struct pose_point *mine = detection(w, c, (size_t)detections[c]);
        for (size_t k = 0; k < w->joints; k++) {
            if (!(mine[k].confidence >= 0.1f) || !vec3_is_known(p[k].at)) continue;
            seen++, agreed += p[k].cameras >> c & 1;
        }
        if (seen >= 4 && agreed * 3 < seen) detections[c] = -1, has_dropped = true;
    }
    return has_dropped;
}

static void measure_noise(struct follower *w, const int *detections, const struct track_point *p) {
    for (size_t k = 0; k < w->joints; k++) {
        size_t used = (size_t)__builtin_popcountll(p[k].cameras);
        if (!vec3_is_known(p[k].at) || used < 3) continue;
        for (size_t c = 0; c < w->cameras; c++) {
            if (detections[c] < 0 || w->residual_count[c] == RESIDUALS_MAX) continue;
            const struct pose_point *mine = detection(w, c, (size_t)detections[c]) + k;
            const struct camera_view *view = w->scope.views[c];
            double u, v, d[2][3];
            if (!(mine->confidence >= 0.1f) ||
                !camera_lens_project_derivative(&view->lens, vec3_add(mat3_apply(&view->pose.rotation, p[k].at), view->pose.translation), &u, &v, d)) continue;
            /* A camera that takes part pulls the point towards itself: its residual has the variance of its noise less what the point's
             * covariance is in its picture. Without this a camera that is trusted more would seem ever better. */
            double whole = 2 * w->scope.noise_px[c] * w->scope.noise_px[c], left = whole;
            for (int i = 0; i < 2 && (p[k].cameras >> c & 1); i++) {
                left -= sym3_quadratic(p[k].covariance, mat3_apply_transposed(&view->pose.rotation, vec3_of(d[i][0], d[i][1], d[i][2])));
            }
            if (left < 0.2 * whole) continue; /* it alone decides: its residual says nothing */
            w->residuals[c][w->residual_count[c]++] = (float)(sqrt(whole / left) * hypot(mine->x - u, mine->y - v));
        }
    }
}

static int float_order(const void *a_, const void *b_) {
    float a = *(const float *)a_, b = *(const float *)b_;
    return a < b ? -1 : a > b;
}

static void renew_noise(struct follower *w) {
    for (size_t c = 0; c < w->cameras; c++) {
        size_t n = w->residual_count[c];
        if (n < 400) continue;
        qsort(w->residuals[c], n, sizeof(float), float_order);
        double noise = fmin(fmax(w->residuals[c][n / 2] / 1.17741, 0.3), 60), before = w->scope.noise_px[c]; /* the median distance of two normal axes */
        /* half the way, and never by more than a factor of two: the measurement depends on the noise believed so far */
        w->scope.noise_px[c] = sqrt(before * fmin(fmax(noise, before / 4), before * 4));
        w->residual_count[c] = 0;
    }
}

/* ---- new people ---- */

/* How far from the middle of a lane, in half lanes, squared; 0 without lanes. */
static double off_lane(const struct follower *w, double y) {
    if (!(w->options.lane_m > 0)) return 0;
    double lanes = (y - w->options.lane_y) / w->options.lane_m, off = 2 * (lanes - floor(lanes) - 0.5);
    return off * off;
}

/* Median, in deviations, of how far the rays of all common joints miss each other, and a little for standing between two lanes; infinite with fewer than six. */
static double rays_apart(const struct follower *w, size_t c1, size_t d1, size_t c2, size_t d2) {
    struct track_scope two = {.camera_count = 2, .views = {w->scope.views[c1], w->scope.views[c2]}, .noise_px = {w->scope.noise_px[c1], w->scope.noise_px[c2]},
                              .gate = 1e6, .deviation_max_m = 2};
    const struct pose_point *list[2] = {detection(w, c1, d1), detection(w, c2, d2)};
    struct track_point p[POSE_LAYOUT_JOINTS_MAX];
    float miss[POSE_LAYOUT_JOINTS_MAX];
    size_t n = 0, least = w->joints < 12 ? (w->joints + 1) / 2 : 6;
    if (track_triangulate(&two, list, w->joints, p) < least) return INFINITY;
    double y = 0;
    for (size_t k = 0; k < w->joints; k++) {
        if (vec3_is_known(p[k].at)) miss[n++] = (float)sqrt(p[k].chi2), y += p[k].at.y;
    }
    qsort(miss, n, sizeof *miss, float_order);
    return miss[n / 2] + 0.5 * off_lane(w, y / (double)n);
}

/* Human size: what is known of it spans neither less than 0.5 m nor more than 2.8 m, without the one farthest joint. */
static bool is_human(const struct follower *w, const struct track_point *p, size_t known) {
    if (known < (w->joints < 8 ? (w->joints + 1) / 2 : 6)) return false;
    struct vec3 middle = {0};
    for (size_t k = 0; k < w->joints; k++) {
        if (vec3_is_known(p[k].at)) middle = vec3_add(middle, vec3_scale(p[k].at, 1 / (double)known));
    }
    double farthest = 0, second = 0;
    for (size_t k = 0; k < w->joints; k++) {
        if (!vec3_is_known(p[k].at)) continue;
        double d = vec3_distance(p[k].at, middle);
        if (d > farthest) second = farthest, farthest = d;
        else if (d > second) second = d;
    }
    return second > 0.25 && second < 1.4;
}

static bool somebody_is_there(const struct follower *w, const struct track_point *p) {
    for (size_t i = 0; i < w->track_count; i++) {
        const struct track *t = w->tracks[i];
        if (!t->is_live) continue;
        double sum = 0;
        size_t common = 0;
        for (size_t k = 0; k < w->joints; k++) {
            if (!vec3_is_known(p[k].at) || t->joint[k].age < 0 || t->joint[k].age > 10) continue;
            sum += vec3_distance(p[k].at, t->joint[k].at), common++;
        }
        if (common >= 4 && sum / (double)common < 0.35) return true;
    }
    return false;
}

struct edge {
    float cost;
    uint16_t a, b; /* nodes */
};

static int edge_order(const void *a_, const void *b_) {
    const struct edge *a = a_, *b = b_;
    return a->cost < b->cost ? -1 : a->cost > b->cost ? 1 : a->a != b->a ? (int)a->a - (int)b->a : (int)a->b - (int)b->b;
}

static struct err give_birth(struct follower *w, const int *detections, const struct track_point *p) {
    if (w->track_count == w->track_capacity) {
        size_t capacity = w->track_capacity ? w->track_capacity * 2 : 32;
        struct track **more = mem_realloc_array(w->tracks, capacity, sizeof *more);
        if (!more) return err_memory();
        w->tracks = more, w->track_capacity = capacity;
    }
    struct track *t = mem_zalloc(sizeof *t);
    if (!t) return err_memory();
    t->is_live = true, t->hits = 1, t->frame_first = w->frame;
    for (size_t k = 0; k < w->joints; k++) t->joint[k].age = -1;
    memcpy(t->detection, detections, w->cameras * sizeof *detections);
    learn(w, t, p, true);
    remember(w, t, p);
    t->first = t->middle;
    w->tracks[w->track_count++] = t;
    return append(w, t, p);
}

static struct err find_new_people(struct follower *w) {
    enum { NODES_MAX = 256 };
    uint8_t camera[NODES_MAX], index[NODES_MAX];
    uint16_t group[NODES_MAX];
    size_t nodes = 0;
    for (size_t c = 0; c < w->cameras; c++) {
        for (size_t d = 0; d < w->people[c] && nodes < NODES_MAX; d++) {
            if (w->taken[c][d]) continue;
            camera[nodes] = (uint8_t)c, index[nodes] = (uint8_t)d, group[nodes] = (uint16_t)nodes;
            nodes++;
        }
    }
    if (nodes < 2) return ERR_OK;
    struct edge *edges = mem_zalloc_array(nodes * nodes / 2, sizeof *edges);
    if (!edges) return err_memory();
    size_t count = 0;
    for (size_t a = 0; a < nodes; a++) {
        for (size_t b = a + 1; b < nodes; b++) {
            if (camera[a] == camera[b]) continue;
            double cost = rays_apart(w, camera[a], index[a], camera[b], index[b]);
            if (cost < ray_gate) edges[count++] = (struct edge){(float)cost, (uint16_t)a, (uint16_t)b};
        }
    }
    qsort(edges, count, sizeof *edges, edge_order);
    for (size_t e = 0; e < count; e++) { /* closest first; a group has at most one detection of each camera and must agree as a whole */
        uint16_t a = group[edges[e].a], b = group[edges[e].b];
        if (a == b) continue;
        int merged[CAMERA_COUNT_MAX];
        bool is_clash = false;
        for (size_t c = 0; c < w->cameras; c++) merged[c] = -1;
        for (size_t i = 0; i < nodes; i++) {
            if (group[i] != a && group[i] != b) continue;
            is_clash |= merged[camera[i]] >= 0;
            merged[camera[i]] = index[i];
        }
        if (is_clash) continue;
        struct track_point p[POSE_LAYOUT_JOINTS_MAX];
        size_t known = triangulate(w, merged, p), agreed = 0, possible = 0;
        for (size_t k = 0; k < w->joints; k++) {
            if (p[k].seen < 2) continue;
            possible += p[k].seen, agreed += vec3_is_known(p[k].at) ? (size_t)__builtin_popcountll(p[k].cameras) : 0;
        }
        if (!is_human(w, p, known) || agreed * 10 < possible * 7) continue;
        for (size_t i = 0; i < nodes; i++) {
            if (group[i] == b) group[i] = a;
        }
    }
    mem_free(edges);
    /* Groups of many cameras first: a ghost of two must not stand where a person of five will. */
    for (size_t want = w->cameras; want >= 2; want--) {
        for (size_t g = 0; g < nodes; g++) {
            int members[CAMERA_COUNT_MAX];
            size_t size = 0;
            for (size_t c = 0; c < w->cameras; c++) members[c] = -1;
            for (size_t i = 0; i < nodes; i++) {
                if (group[i] == g) members[camera[i]] = index[i], size++;
            }
            if (size != want) continue;
            struct track_point p[POSE_LAYOUT_JOINTS_MAX];
            size_t live = 0;
            for (size_t i = 0; i < w->track_count; i++) live += w->tracks[i]->is_live;
            if (live >= TRACKS_MAX || !is_human(w, p, triangulate(w, members, p)) || somebody_is_there(w, p)) continue;
            struct err e = give_birth(w, members, p);
            if (e.kind) return e;
        }
    }
    return ERR_OK;
}

/* ---- a frame ---- */

struct err follower_step(struct follower *w, const struct pose_frame *const frames[], const struct camera_view *const views[]) {
    const size_t joints = w->joints;
    for (size_t c = 0; c < w->cameras; c++) {
        w->frames[c] = frames[c];
        w->scope.views[c] = views[c];
        w->people[c] = w->frames[c] && w->scope.views[c] ? (w->frames[c]->people < DETECTIONS_MAX ? w->frames[c]->people : DETECTIONS_MAX) : 0;
        if (w->people[c]) memcpy(w->copy[c], w->frames[c]->points, w->people[c] * joints * sizeof(struct pose_point));
        memset(w->taken[c], 0, sizeof w->taken[c]);
    }
    struct track *live[TRACKS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < w->track_count; i++) {
        if (!w->tracks[i]->is_live || count == TRACKS_MAX) continue;
        live[count++] = w->tracks[i];
        forecast(w, w->tracks[i]);
        for (size_t c = 0; c < w->cameras; c++) w->tracks[i]->detection[c] = -1;
    }
    for (size_t c = 0; c < w->cameras; c++) {
        size_t detections = w->people[c];
        if (!count || !detections) continue;
        static _Thread_local double cost[TRACKS_MAX * (TRACKS_MAX + DETECTIONS_MAX)];
        static _Thread_local struct shadow shadows[TRACKS_MAX][POSE_LAYOUT_JOINTS_MAX];
        size_t columns = detections + count; /* each may also go without, at the price of the gate */
        for (size_t i = 0; i < count; i++) {
            cast(w, live[i], c, shadows[i]);
            for (size_t d = 0; d < columns; d++) {
                double m = d < detections ? match(w, shadows[i], detection(w, c, d)) : cost_gate;
                cost[i * columns + d] = m < cost_gate ? m : d < detections ? 1e6 : cost_gate;
            }
        }
        int column[TRACKS_MAX];
        track_assign(cost, count, columns, column);
        for (size_t i = 0; i < count; i++) {
            if (column[i] < 0 || (size_t)column[i] >= detections || cost[i * columns + (size_t)column[i]] >= cost_gate) continue;
            live[i]->detection[c] = column[i];
            w->taken[c][column[i]] = true;
            if (live[i]->hits < CONFIRM_HITS) continue;
            repair_sides(w, shadows[i], w->copy[c] + (size_t)column[i] * joints);
            drop_strays(w, live[i], shadows[i], w->copy[c] + (size_t)column[i] * joints);
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct track *t = live[i];
        struct track_point p[POSE_LAYOUT_JOINTS_MAX];
        size_t known = triangulate(w, t->detection, p);
        if (drop_strangers(w, t->detection, p)) known = triangulate(w, t->detection, p);
        if (known >= (joints < 8 ? 1 : 4)) t->hits++, t->missed_s = 0;
        else t->missed_s += w->dt;
        remember(w, t, p);
        if (t->hits >= CONFIRM_HITS && !t->is_confirmed) t->is_confirmed = true, t->id = number_of(w, t, t->first);
        learn(w, t, p, false);
        if (w->frame % 4 == 0 || w->frame - t->frame_first < 30) measure_noise(w, t->detection, p);
        if ((!t->is_confirmed && t->missed_s > 0) || t->missed_s > 0.5) {
            t->is_live = false;
            if (t->is_confirmed) depart(w, t);
        }
        struct err e = append(w, t, p);
        if (e.kind) return e;
    }
    renew_noise(w);
    struct err e = find_new_people(w);
    w->frame++;
    return e;
}

void track_free(struct track *t) {
    mem_free(t->rows), mem_free(t->chosen);
    mem_free(t);
}

struct err follower_create(const struct pose_layout *layout, size_t cameras, const struct track_options *options, size_t window, struct follower **out) {
    static const enum pose_joint chain[2][4] = {{POSE_LSHOULDER, POSE_LHIP, POSE_LKNEE, POSE_LANKLE}, {POSE_RSHOULDER, POSE_RHIP, POSE_RKNEE, POSE_RANKLE}};
    struct follower *w = mem_zalloc(sizeof *w);
    if (!w) return err_memory();
    *w = (struct follower){.layout = *layout, .cameras = cameras, .joints = layout->joint_count, .dt = 1 / options->rate, .options = *options, .window = window};
    w->scope.camera_count = cameras;
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < 4; i++) {
            w->chain[side][i] = pose_layout_find(layout, chain[side][i]);
            if (w->chain[side][i] < 0) w->chain[side][0] = -1;
        }
    }
    for (size_t c = 0; c < cameras; c++) {
        w->scope.noise_px[c] = options->noise_px > 0 ? options->noise_px : 6;
        w->copy[c] = mem_zalloc_array(DETECTIONS_MAX * w->joints, sizeof *w->copy[c]);
        w->residuals[c] = mem_zalloc_array(RESIDUALS_MAX, sizeof *w->residuals[c]);
        if (!w->copy[c] || !w->residuals[c]) {
            follower_destroy(&w);
            return err_memory();
        }
    }
    *out = w;
    return ERR_OK;
}

void follower_destroy(struct follower **follower) {
    struct follower *w = *follower;
    if (!w) return;
    for (size_t i = 0; i < w->track_count; i++) track_free(w->tracks[i]);
    mem_free(w->tracks);
    for (size_t c = 0; c < w->cameras; c++) mem_free(w->copy[c]), mem_free(w->residuals[c]);
    mem_free(w);
    *follower = NULL;
}

static int by_length(const void *a_, const void *b_) {
    const struct track_person *a = a_, *b = b_;
    return a->frame_count > b->frame_count ? -1 : a->frame_count < b->frame_count ? 1 : (int)a->id - (int)b->id;
}
static int by_id(const void *a_, const void *b_) { return (int)((const struct track_person *)a_)->id - (int)((const struct track_person *)b_)->id; }

/* Rows without the empty end of somebody who left. */
static size_t rows_of(const struct follower *w, const struct track *t) {
    size_t rows = t->row_count;
    for (; rows > 1; rows--) {
        for (size_t k = 0; k < w->joints; k++) {
            if (vec3_is_known(t->rows[(rows - 1) * w->joints + k].at)) return rows;
        }
    }
    return rows;
}

/* Everything that bears one number, unknown in between. */
static struct err gather(struct arena *mem, const struct follower *w, uint32_t id, struct track_people *out) {
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < w->track_count; i++) {
        const struct track *t = w->tracks[i];
        if (!t->is_confirmed || t->id != id) continue;
        int64_t end = t->frame_first + (int64_t)rows_of(w, t);
        first = t->frame_first < first ? t->frame_first : first, last = end > last ? end : last;
    }
    if (first >= last) return ERR_OK;
    size_t rows = (size_t)(last - first);
    struct track_point *points = arena_alloc_array(mem, rows * w->joints, sizeof *points);
    int16_t *chosen = arena_alloc_array(mem, rows * w->cameras, sizeof *chosen);
    if (!points || !chosen) return err_memory();
    for (size_t i = 0; i < rows * w->joints; i++) points[i].at = VEC3_UNKNOWN;
    for (size_t i = 0; i < rows * w->cameras; i++) chosen[i] = -1;
    for (size_t i = 0; i < w->track_count; i++) { /* in the order of birth: who came back replaces what was still looked for */
        const struct track *t = w->tracks[i];
        if (!t->is_confirmed || t->id != id) continue;
        size_t at = (size_t)(t->frame_first - first), count = rows_of(w, t);
        memcpy(points + at * w->joints, t->rows, count * w->joints * sizeof *points);
        memcpy(chosen + at * w->cameras, t->chosen, count * w->cameras * sizeof *chosen);
    }
    out->people[out->count++] = (struct track_person){id, first, rows, points, chosen};
    return ERR_OK;
}

struct err track_follow(struct arena *mem, const struct camera_rig *rig, const struct pose_take *const *takes, const struct track_options *options, struct track_people *out) {
    if (rig->count < 2) return err_make(ERR_INPUT, "track.takes", "At least two cameras are needed.");
    if (!(options->rate > 0)) return err_make(ERR_INPUT, "track.takes", "The rate of the recordings must be above 0.");
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t c = 0; c < rig->count; c++) {
        if (takes[c]->layout.joint_count != takes[0]->layout.joint_count || memcmp(takes[c]->layout.joint, takes[0]->layout.joint, takes[0]->layout.joint_count)) {
            return err_make(ERR_INPUT, "track.takes", "All cameras' key points must have one layout.");
        }
        int64_t end = takes[c]->frame_first + (int64_t)takes[c]->frame_count;
        if (takes[c]->frame_first < first) first = takes[c]->frame_first;
        if (end > last) last = end;
    }
    struct follower *w;
    struct err e = follower_create(&takes[0]->layout, rig->count, options, 0, &w);
    if (e.kind) return e;
    for (w->frame = first; w->frame < last && !e.kind;) {
        const struct pose_frame *frames[CAMERA_COUNT_MAX];
        const struct camera_view *views[CAMERA_COUNT_MAX];
        for (size_t c = 0; c < rig->count; c++) {
            int64_t at = w->frame - takes[c]->frame_first;
            frames[c] = at >= 0 && (uint64_t)at < takes[c]->frame_count ? &takes[c]->frames[at] : NULL;
            views[c] = camera_view_at(&rig->cameras[c], w->frame);
        }
        e = follower_step(w, frames, views);
    }
    struct track_people people = {.layout = takes[0]->layout, .swaps_repaired = w->swaps};
    memcpy(people.noise_px, w->scope.noise_px, sizeof people.noise_px);
    if (!e.kind) {
        people.people = arena_alloc_array(mem, w->next_id ? w->next_id : 1, sizeof *people.people);
        if (!people.people) e = err_memory();
    }
    for (uint32_t id = 1; id <= w->next_id && !e.kind; id++) e = gather(mem, w, id, &people);
    follower_destroy(&w);
    if (e.kind) return e;
    if (options->people_max && people.count > options->people_max) {
        qsort(people.people, people.count, sizeof *people.people, by_length);
        people.count = options->people_max;
    }
    qsort(people.people, people.count, sizeof *people.people, by_id);
    *out = people;
    return ERR_OK;
}

struct err track_motion(struct arena *mem, const struct track_people *people, size_t person, const struct track_state *states, double rate, struct motion *out) {
    const struct track_person *p = &people->people[person];
    struct motion m;
    struct err e = motion_create(mem, p->frame_count, people->layout.joint_count, rate, &m);
    if (e.kind) return e;
    m.frame_first = p->frame_first;
    for (size_t k = 0; k < m.point_count; k++) memcpy(m.point_names[k], people->layout.joint_names[k], MOTION_NAME_MAX);
    for (size_t i = 0; i < p->frame_count * m.point_count; i++) m.at[i] = states ? states[i].at : p->points[i].at;
    *out = m;
    return ERR_OK;
}
