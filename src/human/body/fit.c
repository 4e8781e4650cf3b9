/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "human/body/fit.h"

enum { SAMPLES_MAX = 40, SAMPLE_STEPS = 3, STEPS_MAX = 12, JERK_SAMPLES = 8, JERK_FRAMES_MIN = 24, LESSONS = 3, NOISE_FRAMES_MAX = 256 };
static const double tails = 2; /* degrees of freedom of Student's t; normal would be infinite */
static const double cauchy2_first = 200, cauchy2 = 12;
static const double solve_tolerance = 3e-3; /* a Newton step need not be nearer: the next one begins where it ends */
static const double chi2_median = 2.366; /* of three degrees of freedom */
static const double floor_m = 0.001;  /* no triangulated point is surer than this */

/* ---- what was measured ---- */

const struct pose_point *body_sighting(const struct task *t, size_t frame, size_t camera) {
    const struct track_person *p = t->person;
    int d = p->detections[frame * t->rig->count + camera];
    int64_t at = p->frame_first + (int64_t)frame - t->takes[camera]->frame_first;
    if (d < 0 || at < 0 || (uint64_t)at >= t->takes[camera]->frame_count || (uint32_t)d >= t->takes[camera]->frames[at].people) return NULL;
    return pose_person(t->takes[camera], (size_t)at, (size_t)d);
}

static struct err gather(struct task *t) {
    const struct pose_layout *l = &t->people->layout;
    size_t joints = l->joint_count, capacity = 0;
    for (int k = 0; k < POSE_JOINTS; k++) t->column[k] = pose_layout_find(l, (enum pose_joint)k);
    for (size_t f = 0; f < t->frames; f++) {
        size_t open = 0;
        int missing[POSE_JOINTS];
        for (int k = 0; k < POSE_JOINTS; k++) {
            if (t->column[k] < 0) continue;
            const struct track_point *p = &t->person->points[f * joints + (size_t)t->column[k]];
            struct sym3 c = p->covariance, information;
            c.xx += floor_m * floor_m, c.yy += floor_m * floor_m, c.zz += floor_m * floor_m;
            if (vec3_is_known(p->at) && vec3_norm(p->at) < 1e6 && sym3_inverse(c, &information)) t->sights[f * POSE_JOINTS + (size_t)k] = (struct sight){p->at, information, sqrt(sym3_trace(c))};
            else missing[open++] = k;
        }
        for (size_t c = 0; t->rig && open && c < t->rig->count; c++) {
            const struct pose_point *mine = camera_view_at(&t->rig->cameras[c], t->person->frame_first + (int64_t)f) ? body_sighting(t, f, c) : NULL;
            for (size_t i = 0; i < open && mine; i++) {
                const struct pose_point *q = &mine[t->column[missing[i]]];
                if (!(q->confidence >= 0.1f) || !isfinite(q->x) || !isfinite(q->y)) continue;
                if (t->pixel_count == capacity) {
                    struct pixel *more = mem_realloc_array(t->pixels, capacity = capacity ? capacity * 2 : 256, sizeof *more);
                    if (!more) return err_memory();
                    t->pixels = more;
                }
                t->pixels[t->pixel_count++] = (struct pixel){(uint32_t)f, (uint8_t)missing[i], (uint8_t)c, q->x, q->y};
            }
        }
    }
    return ERR_OK;
}

/* The frame of each stretch of time in which most was seen. */
static size_t choose(const struct task *t, size_t most, size_t *out) {
    size_t bins = t->frames < most ? t->frames : most, count = 0;
    for (size_t b = 0; b < bins; b++) {
        size_t best = 0, best_seen = 0;
        for (size_t f = b * t->frames / bins; f < (b + 1) * t->frames / bins; f++) {
            size_t seen = 0;
            for (size_t k = 0; k < POSE_JOINTS; k++) seen += t->sights[f * POSE_JOINTS + k].information.xx > 0;
            if (seen > best_seen) best = f, best_seen = seen;
        }
        if (best_seen >= 3) out[count++] = best;
    }
    return count;
}

/* ---- steps ---- */

static double linearise(struct task *t, const struct smoothness *smooth) {
    double cost = 0;
    size_t pixel = 0;
    for (size_t f = 0; f < t->frames; f++) {
        struct stance s;
        memset(&t->normals[f], 0, sizeof t->normals[f]);
        body_stand(&t->shape, &t->postures[f], &s);
        cost += body_normal(t, f, &s, &t->normals[f]);
        if (t->pixel_count) cost += body_normal_pixels(t, f, &pixel, &s, &t->normals[f]);
    }
    return cost + body_smoothness(t->postures, t->frames, smooth, t->normals);
}

static int double_order(const void *a_, const void *b_) {
    double a = *(const double *)a_, b = *(const double *)b_;
    return a < b ? -1 : a > b;
}

/* What the points scatter around the skeleton more than their covariances say: a network's own bias, a calibration that is a little wrong. By the median, over a
 * few hundred frames of the recording. */
static void scale_noise(struct task *t) {
    double d2[POSE_JOINTS][NOISE_FRAMES_MAX];
    size_t count[POSE_JOINTS] = {0}, stride = t->frames / NOISE_FRAMES_MAX + 1;
    for (size_t f = 0; f < t->frames; f += stride) {
        struct stance s;
        body_stand(&t->shape, &t->postures[f], &s);
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            const struct sight *g = &t->sights[f * POSE_JOINTS + k];
            if (g->information.xx > 0) d2[k][count[k]++] = sym3_quadratic(g->information, vec3_sub(s.point[k], g->at));
        }
    }
    for (size_t k = 0; k < POSE_JOINTS; k++) {
        if (count[k] < 8) continue;
        qsort(d2[k], count[k], sizeof d2[k][0], double_order);
        t->noise_scale[k] = fmin(fmax(1, d2[k][count[k] / 2] / chi2_median), 1e4);
    }
}

static struct smoothness smoothness_of(const struct task *t) {
    struct smoothness s = {.local = NULL};
    for (int i = 0; i < DOFS; i++) s.weight[i] = 1 / (t->jerk[i] * pow(t->dt, 5));
    return s;
}

/* How strongly each degree of freedom jerks: MacKay's fixed point (1992) of the evidence, weight = decided degrees / sum of squares. And where it jerks more than
 * that: third differences with the tails of Student's t, whose weights come from expectation and maximisation (Lange, Little and Taylor 1989). A foot that
 * strikes the ground stops within a frame; were that smoothed away, so would be the time of the contact. */
static bool learn_jerk(struct task *t, struct smoothness *smooth) {
    if (t->frames < JERK_FRAMES_MIN) return true;
    double share[DOFS] = {0};
    struct spread *spread = mem_alloc(sizeof *spread);
    if (!spread) return false;
    size_t count = 0, rows = t->frames - 3;
    for (int i = 0; i < JERK_SAMPLES; i++) {
        size_t f = (2 * (size_t)i + 1) * t->frames / (2 * JERK_SAMPLES);
        if (!body_spread_around(t, f, smooth, false, spread)) continue;
        for (int d = 0; d < DOFS; d++) share[d] += spread->share[d];
        count++;
    }
    mem_free(spread);
    if (!count) return true;
    double squares[DOFS] = {0};
    body_thirds(t->postures, t->frames, t->thirds);
    for (size_t f = 0; f < rows; f++) {
        for (size_t d = 0; d < DOFS; d++) squares[d] += (double)(smooth->local ? t->local[f * DOFS + d] : 1) * (double)t->thirds[f * DOFS + d] * (double)t->thirds[f * DOFS + d];
    }
    for (int d = 0; d < DOFS; d++) {
        share[d] = fmin(fmax(share[d] / (double)count, 1e-3), 1);
        double jerk = squares[d] / (share[d] * (double)rows * pow(t->dt, 5));
        jerk = fmin(fmax(jerk, t->jerk[d] / 100), t->jerk[d] * 100); /* not all the way at once */
        t->jerk[d] = fmin(fmax(jerk, 1e-3), 1e12);
    }
    *smooth = smoothness_of(t);
    for (size_t f = 0; f < rows; f++) {
        for (size_t d = 0; d < DOFS; d++) {
            double third = (double)t->thirds[f * DOFS + d], expected = smooth->weight[d] * third * third + 1 - share[d]; /* what is not known of it adds its variance */
            t->local[f * DOFS + d] = (float)((tails + 1) / (tails + expected));
        }
    }
    smooth->local = t->local;
    return true;
}

static struct err iterate(struct task *t, struct smoothness *smooth, size_t *iterations) {
    size_t samples[SAMPLES_MAX], size_frames[SIZE_FRAMES_MAX], sample_count = choose(t, SAMPLES_MAX, samples), size_count = choose(t, SIZE_FRAMES_MAX, size_frames);
    for (int i = 0; i < SAMPLE_STEPS; i++) {
        if (!body_fit_sizes(t, samples, sample_count, true)) return err_memory();
    }
    double *step = mem_alloc(t->frames * DOFS * sizeof *step);
    if (!step) return err_memory();
    *smooth = smoothness_of(t);
    t->cauchy2 = cauchy2_first;
    double damping = 1e-4, cost = linearise(t, smooth);
    struct err e = ERR_OK;
    for (size_t i = 0; i < STEPS_MAX && !e.kind; i++) {
        bool is_memory;
        if (!body_solve(t->normals, t->frames, smooth, damping, solve_tolerance, step, &is_memory)) {
            if (is_memory) e = err_memory();
            else if (damping > 1e6) e = err_make(ERR_BUG, "body.solve", "The equations of the skeleton have no solution.");
            damping = fmax(damping, 1e-6) * 100;
            continue;
        }
        memcpy(t->before, t->postures, t->frames * sizeof *t->before);
        for (size_t f = 0; f < t->frames; f++) body_move(&t->postures[f], step + f * DOFS);
        (*iterations)++;
        if (i == 0) { /* far from the beginning already: sizes and weights as they are seen from here, before anything is worked out anew */
            t->cauchy2 = cauchy2;
            scale_noise(t);
            if (!body_fit_sizes(t, size_frames, size_count, false) || !learn_jerk(t, smooth)) e = err_memory();
        }
        double now = linearise(t, smooth);
        if (!(now < cost)) { /* too far: back, and shorter */
            bool is_end = now - cost < 1e-6 * cost;
            memcpy(t->postures, t->before, t->frames * sizeof *t->before);
            cost = linearise(t, smooth);
            if (is_end) break;
            damping = fmax(damping, 1e-6) * 30;
            continue;
        }
        bool is_near = cost - now < 0.1 * now;
        cost = now, damping *= 0.1;
        if (i > 0 && i < LESSONS) { /* what the points say stays; the old smoothness is taken out of gradients and cost, and the new one put in */
            struct smoothness less = *smooth;
            for (int d = 0; d < DOFS; d++) less.weight[d] = -less.weight[d];
            cost += body_smoothness(t->postures, t->frames, &less, t->normals);
            if (!learn_jerk(t, smooth)) e = err_memory();
            cost += body_smoothness(t->postures, t->frames, smooth, t->normals);
        } else if (i > 0 && is_near) break;
    }
    mem_free(step);
    return e;
}

struct err body_fit(struct arena *mem, const struct camera_rig *rig, const struct pose_take *const *takes, const struct track_people *people, size_t person,
                    const struct body_options *options, struct body_fit *out) {
    if (!(options->rate > 0) || !isfinite(options->rate)) return err_make(ERR_INPUT, "body.rate", "The rate of the recording must be above 0.");
    const struct track_person *who = &people->people[person];
    struct task t = {
        .options = options, .people = people, .person = who, .dt = 1 / options->rate, .frames = who->frame_count, .rig = options->without_pixels ? NULL : rig, .takes = takes,
        .upright = body_upright(rig ? rig->up : options->up), .cauchy2 = cauchy2,
    };
    for (int k = 0; k < POSE_JOINTS; k++) t.noise_scale[k] = 1;
    for (int i = 0; i < DOFS; i++) t.jerk[i] = body_dofs[i].jerk;
    size_t frames = t.frames ? t.frames : 1, iterations = 0;
    t.sights = mem_zalloc_array(frames * POSE_JOINTS, sizeof *t.sights), t.postures = mem_zalloc_array(frames, sizeof *t.postures);
    t.before = mem_zalloc_array(frames, sizeof *t.before), t.normals = mem_alloc(frames * sizeof *t.normals);
    t.thirds = mem_alloc(frames * DOFS * sizeof *t.thirds), t.local = mem_alloc(frames * DOFS * sizeof *t.local);
    struct err e = t.sights && t.postures && t.before && t.normals && t.thirds && t.local ? gather(&t) : err_memory();
    if (!e.kind) e = body_begin(&t);
    struct smoothness smooth;
    if (!e.kind) e = iterate(&t, &smooth, &iterations);
    if (!e.kind) {
        struct body_fit fit = {.id = who->id, .frame_first = who->frame_first, .frame_count = who->frame_count, .rate = options->rate, .up = rig ? rig->up : options->up, .iterations = iterations};
        if (!(e = body_result(mem, &t, &smooth, &fit)).kind) *out = fit;
    }
    mem_free(t.sights), mem_free(t.postures), mem_free(t.before), mem_free(t.normals), mem_free(t.pixels), mem_free(t.thirds), mem_free(t.local);
    return e;
}

struct err body_fit_points(struct arena *mem, const struct track_point *points, int64_t frame_first, size_t frame_count, const struct body_options *options, struct body_fit *out) {
    struct track_person person = {.id = 1, .frame_first = frame_first, .frame_count = frame_count, .points = (struct track_point *)points}; /* only read */
    struct track_people people = {.people = &person, .count = 1};
    struct body_options alone = *options;
    alone.without_pixels = true;
    if (!pose_layout_named(SLICE("HALPE_26"), &people.layout)) return err_make(ERR_BUG, "body.layout", "The layout of the joints is missing.");
    return body_fit(mem, NULL, NULL, &people, 0, &alone, out);
}
