/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * When cameras looked: finding it from the movements (track_synchronise), and bringing recordings to one clock. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "human/track/assign.h"
#include "human/track/meet.h"
#include "human/track/track.h"

enum { PEOPLE_MAX = ASSIGN_ROWS_MAX, FRAMES_MAX = 10000000 };

/* ---- the same person in two neighbouring pictures ---- */

struct box {
    double x, y, size; /* mean, and diagonal of what is seen */
    size_t seen;
};

static struct box box_of(const struct pose_point *p, size_t joints) {
    struct box b = {0};
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t k = 0; k < joints; k++) {
        if (!(p[k].confidence >= 0.1f)) continue;
        b.x += p[k].x, b.y += p[k].y, b.seen++;
        low[0] = fmin(low[0], p[k].x), low[1] = fmin(low[1], p[k].y), high[0] = fmax(high[0], p[k].x), high[1] = fmax(high[1], p[k].y);
    }
    if (b.seen) b.x /= (double)b.seen, b.y /= (double)b.seen, b.size = hypot(high[0] - low[0], high[1] - low[1]);
    return b;
}

/* How each person of the frame moved as a whole in the step before; what a new one did is not known. */
struct drift2 {
    float x, y;
};

/* next[d] is the index in frame b of who is d in frame a, or -1. `moved` is that of a's people on entry; `moved_b` is filled for b's. */
static void match_frames(const struct pose_take *t, size_t a, size_t b, const struct drift2 *moved, int16_t *next, struct drift2 *moved_b) {
    const struct pose_frame *fa = &t->frames[a], *fb = &t->frames[b];
    const size_t joints = t->layout.joint_count, rows = fa->people < PEOPLE_MAX ? fa->people : PEOPLE_MAX, columns = fb->people < PEOPLE_MAX ? fb->people : PEOPLE_MAX;
    for (size_t d = 0; d < rows; d++) next[d] = -1;
    for (size_t d = 0; d < columns; d++) moved_b[d] = (struct drift2){0, 0};
    if (!rows || !columns) return;
    static _Thread_local double cost[PEOPLE_MAX * ASSIGN_COLUMNS_MAX];
    const size_t all = columns + rows;
    const double gate = 0.25; /* of the person's size: a joint moves less than that in a frame, beyond what the whole body does */
    for (size_t i = 0; i < rows; i++) {
        const struct pose_point *p = pose_person(t, a, i);
        double size = fmax(box_of(p, joints).size, 1);
        for (size_t j = 0; j < all; j++) {
            double sum = 0;
            size_t n = 0;
            for (size_t k = 0; j < columns && k < joints; k++) {
                const struct pose_point *q = pose_person(t, b, j) + k;
                if (!(p[k].confidence >= 0.1f) || !(q->confidence >= 0.1f)) continue;
                sum += fmin(hypot(q->x - p[k].x - moved[i].x, q->y - p[k].y - moved[i].y) / size, 0.5), n++;
            }
            double c = n >= 4 || (n && n * 2 >= joints) ? sum / (double)n : 1;
            cost[i * all + j] = j >= columns ? gate : c < gate ? c : 1e3;
        }
    }
    int column[PEOPLE_MAX];
    track_assign(cost, rows, all, column);
    for (size_t i = 0; i < rows; i++) {
        if (column[i] < 0 || (size_t)column[i] >= columns || cost[i * all + (size_t)column[i]] >= gate) continue;
        next[i] = (int16_t)column[i];
        double x = 0, y = 0;
        size_t n = 0;
        const struct pose_point *p = pose_person(t, a, i), *q = pose_person(t, b, (size_t)column[i]);
        for (size_t k = 0; k < joints; k++) {
            if (p[k].confidence >= 0.1f && q[k].confidence >= 0.1f) x += q[k].x - p[k].x, y += q[k].y - p[k].y, n++;
        }
        moved_b[column[i]] = (struct drift2){(float)(x / (double)n), (float)(y / (double)n)};
    }
}

/* ---- synchronisation ---- */

/* One camera's movement: frames x joints, how fast each joint rises or falls (picture rows a second over the person's size); NAN: nobody. */
struct movement {
    double *speed;
    size_t count;
    int64_t first; /* of the common grid */
};

static struct err movement_of(const struct camera *c, const struct pose_take *t, double rate, struct movement *out) {
    const size_t joints = t->layout.joint_count, n = t->frame_count;
    struct movement m = {0};
    if (n < 2) {
        *out = m;
        return ERR_OK;
    }
    double *own = mem_zalloc_array(n, joints * sizeof *own);
    /* the middle between two frames, on the camera's own clock without its offset */
    double start = exposure(c, t, rate, 0.5, middle_row(c)) - c->clock.offset_s, end = exposure(c, t, rate, (double)n - 1.5, middle_row(c)) - c->clock.offset_s;
    m.first = (int64_t)ceil(start * rate), m.count = end >= start ? (size_t)fmax(floor(end * rate) - (double)m.first + 1, 0) : 0;
    m.speed = mem_zalloc_array(m.count ? m.count : 1, joints * sizeof *m.speed);
    if (!own || !m.speed) {
        mem_free(own), mem_free(m.speed);
        return err_memory();
    }
    struct drift2 moved[2][PEOPLE_MAX] = {0};
    for (size_t f = 0; f + 1 < n; f++) {
        int16_t next[PEOPLE_MAX];
        double *row = own + f * joints;
        for (size_t k = 0; k < joints; k++) row[k] = NAN;
        match_frames(t, f, f + 1, moved[f % 2], next, moved[(f + 1) % 2]);
        size_t people = t->frames[f].people < PEOPLE_MAX ? t->frames[f].people : PEOPLE_MAX;
        double sizes[PEOPLE_MAX];
        for (size_t d = 0; d < people; d++) sizes[d] = fmax(box_of(pose_person(t, f, d), joints).size, 1);
        for (size_t k = 0; k < joints; k++) {
            double sum = 0;
            size_t seen = 0;
            for (size_t d = 0; d < people; d++) {
                if (next[d] < 0) continue;
                const struct pose_point *p = pose_person(t, f, d), *q = pose_person(t, f + 1, (size_t)next[d]);
                if (!(p[k].confidence >= 0.1f) || !(q[k].confidence >= 0.1f)) continue;
                double by = (q[k].y - p[k].y) / sizes[d];
                if (fabs(by) < 0.2) sum += by, seen++; /* faster is an outlier */
            }
            if (seen) row[k] = sum / (double)seen * rate_of(c, rate);
        }
    }
    /* A mean over some 60 ms: shorter than a step, and the noise of single frames is gone. */
    const size_t half = (size_t)fmin(0.03 * rate_of(c, rate) + 0.25, 20);
    double *mean = mem_zalloc_array(n, joints * sizeof *mean);
    for (size_t f = 0; f + 1 < n && mean; f++) {
        for (size_t k = 0; k < joints; k++) {
            double sum = 0;
            size_t seen = 0;
            for (size_t g = f > half ? f - half : 0; g <= f + half && g + 1 < n; g++) {
                if (!isnan(own[g * joints + k])) sum += own[g * joints + k], seen++;
            }
            mean[f * joints + k] = seen ? sum / (double)seen : NAN;
        }
    }
    mem_free(own);
    if (!(own = mean)) {
        mem_free(m.speed);
        return err_memory();
    }
    double step = rate_of(c, rate) / rate / (1 + c->clock.drift);
    for (size_t i = 0; i < m.count; i++) { /* onto the common grid */
        double at = ((double)m.first + (double)i - start * rate) * step;
        size_t f = (size_t)fmax(at, 0);
        if (f > n - 2) f = n - 2;
        double w = at - (double)f;
        for (size_t k = 0; k < joints; k++) {
            double a = own[f * joints + k], b = f + 1 < n - 1 ? own[(f + 1) * joints + k] : NAN;
            m.speed[i * joints + k] = w < 1e-6 ? a : a * (1 - w) + b * w;
        }
    }
    mem_free(own);
    *out = m;
    return ERR_OK;
}

/* Correlation of a's movement with b's, b started `lag` frames later (b's frame i happened at i + lag); NAN with less than a second or so in common. */
static double correlate(const struct movement *a, const struct movement *b, size_t joints, int64_t lag) {
    int64_t from = a->first > b->first + lag ? a->first : b->first + lag;
    int64_t a_end = a->first + (int64_t)a->count, b_end = b->first + lag + (int64_t)b->count, until = a_end < b_end ? a_end : b_end;
    if (until - from < 30) return NAN;
    double ab = 0, aa = 0, bb = 0;
    size_t n = 0;
    const double *pa = a->speed + (size_t)(from - a->first) * joints, *pb = b->speed + (size_t)(from - lag - b->first) * joints;
    for (size_t i = 0; i < (size_t)(until - from) * joints; i++) {
        if (isnan(pa[i]) || isnan(pb[i])) continue;
        ab += pa[i] * pb[i], aa += pa[i] * pa[i], bb += pb[i] * pb[i], n++;
    }
    if (n < 30 || !(aa > 0) || !(bb > 0)) return NAN;
    double common = (double)(until - from); /* a short stretch fits by chance */
    return ab / sqrt(aa * bb) * common / (common + 30);
}

struct tie {
    double lag, correlation, rival;
    bool is_sure; /* the rays meet at this offset, and at no other that was looked at */
};
/* What the tree of ties grows by. */
static double strength(const struct tie *t) { return t->correlation + (t->is_sure ? 0.5 : 0); }

static int double_order(const void *a_, const void *b_) {
    double a = *(const double *)a_, b = *(const double *)b_;
    return a < b ? -1 : a > b;
}

/* Movement alone takes a runner's next stride for this one; where they stand tells the two apart. */
static struct tie tie_of(const struct camera_rig *rig, const struct pose_take *const *takes, double rate, const struct movement *moves, size_t a, size_t b, int64_t lag_max) {
    enum { HILLS_MAX = 24 };
    struct tie best = {.correlation = -1, .rival = -1};
    const size_t joints = takes[a]->layout.joint_count;
    struct hill {
        int64_t lag;
        double correlation, apart;
    } hills[HILLS_MAX];
    size_t count = 0;
    double last = NAN, now = correlate(&moves[a], &moves[b], joints, -lag_max), top = -1;
    for (int64_t lag = -lag_max; lag <= lag_max; lag++) {
        double next = lag < lag_max ? correlate(&moves[a], &moves[b], joints, lag + 1) : NAN;
        if (now > 0 && !(last >= now) && !(next > now)) {
            size_t at = count < HILLS_MAX ? count++ : HILLS_MAX;
            for (size_t i = 0; at == HILLS_MAX && i < HILLS_MAX; i++) { /* the lowest gives way */
                if (hills[i].correlation < now) at = i;
            }
            if (at < HILLS_MAX) hills[at] = (struct hill){lag, now, NAN};
            top = fmax(top, now);
        }
        last = now, now = next;
    }
    const struct hill *choice = NULL;
    for (size_t i = 0; i < count; i++) {
        if (hills[i].correlation < 0.6 * top) continue;
        hills[i].apart = meeting_of(&rig->cameras[a], takes[a], &rig->cameras[b], takes[b], rate, (double)hills[i].lag).apart;
        if (!choice) choice = &hills[i];
        else if (hills[i].apart < choice->apart - 0.1 || (!(hills[i].apart > choice->apart + 0.1) && hills[i].correlation > choice->correlation)) choice = &hills[i];
    }
    if (!choice) return best;
    double others[HILLS_MAX];
    size_t other_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (&hills[i] != choice && !isnan(hills[i].apart)) others[other_count++] = hills[i].apart;
    }
    if (other_count) qsort(others, other_count, sizeof *others, double_order);
    best.is_sure = choice->apart < 1 && other_count && others[0] > 2 * choice->apart + 0.3;
    for (size_t i = 0; i < count; i++) {
        if (&hills[i] != choice && !(hills[i].apart > 1.3 * choice->apart + 0.3) && hills[i].correlation > best.rival) best.rival = hills[i].correlation;
    }
    double before = correlate(&moves[a], &moves[b], joints, choice->lag - 1), after = correlate(&moves[a], &moves[b], joints, choice->lag + 1), bend = before - 2 * choice->correlation + after;
    best.correlation = choice->correlation;
    best.lag = (double)choice->lag + (bend < -1e-12 ? 0.5 * (before - after) / bend : 0);
    return best;
}

static struct err check_takes(const struct camera_rig *rig, const struct pose_take *const *takes, double rate) {
    if (!(rate > 0 && rate < 1e5)) return err_make(ERR_INPUT, "track.takes", "The rate of the recordings must be above 0.");
    for (size_t c = 0; c < rig->count; c++) {
        if (takes[c]->layout.joint_count != takes[0]->layout.joint_count || memcmp(takes[c]->layout.joint, takes[0]->layout.joint, takes[0]->layout.joint_count)) {
            return err_make(ERR_INPUT, "track.takes", "All cameras' key points must have one layout.");
        }
        if (!(1 + rig->cameras[c].clock.drift > 0)) return err_make(ERR_INPUT, "track.clock", "A camera's clock runs backwards. Drift is a small fraction.");
    }
    return ERR_OK;
}

struct err track_synchronise(const struct camera_rig *rig, const struct pose_take *const *takes, double rate, double offset_max_s, struct track_sync *out) {
    struct err e = check_takes(rig, takes, rate);
    if (e.kind) return e;
    struct track_sync s = {0};
    struct movement moves[CAMERA_COUNT_MAX] = {0};
    struct tie *ties = mem_zalloc_array(rig->count * rig->count, sizeof *ties);
    if (!ties) e = err_memory();
    for (size_t c = 0; c < rig->count && !e.kind; c++) {
        s.clocks[c] = rig->cameras[c].clock, s.correlation[c] = s.rival[c] = NAN;
        e = movement_of(&rig->cameras[c], takes[c], rate, &moves[c]);
    }
    if (!e.kind) {
        double strongest = -INFINITY, sums[CAMERA_COUNT_MAX] = {0};
        for (size_t a = 0; a < rig->count; a++) {
            for (size_t b = a + 1; b < rig->count; b++) {
                struct tie t = tie_of(rig, takes, rate, moves, a, b, (int64_t)(offset_max_s * rate + 0.5));
                ties[a * rig->count + b] = t;
                ties[b * rig->count + a] = (struct tie){-t.lag, t.correlation, t.rival, t.is_sure};
                sums[a] += fmax(strength(&t), 0), sums[b] += fmax(strength(&t), 0);
            }
        }
        for (size_t c = 0; c < rig->count; c++) {
            if (sums[c] > strongest + 1e-12) strongest = sums[c], s.reference = c;
        }
        s.is_known[s.reference] = true, s.correlation[s.reference] = 1;
        for (size_t grown = 1; grown < rig->count; grown++) { /* the strongest tie between those that are in and those that are not */
            size_t from = 0, to = 0;
            double best = 0.3;
            for (size_t a = 0; a < rig->count; a++) {
                for (size_t b = 0; b < rig->count; b++) {
                    if (s.is_known[a] && !s.is_known[b] && strength(&ties[a * rig->count + b]) > best) best = strength(&ties[a * rig->count + b]), from = a, to = b;
                }
            }
            if (from == to) break;
            const struct tie *t = &ties[from * rig->count + to];
            s.is_known[to] = true, s.correlation[to] = t->correlation, s.rival[to] = t->rival;
            s.offset_frames[to] = s.offset_frames[from] + t->lag;
        }
        for (size_t c = 0; c < rig->count; c++) {
            /* Movements were laid on the grid without the cameras' own offsets. */
            if (s.is_known[c]) s.clocks[c].offset_s = rig->cameras[s.reference].clock.offset_s + s.offset_frames[c] / rate;
        }
    }
    for (size_t c = 0; c < rig->count; c++) mem_free(moves[c].speed);
    mem_free(ties);
    if (!e.kind) *out = s;
    return e;
}

/* ---- one clock ---- */

static bool has_own_clock(const struct camera *c, double rate) {
    return c->clock.offset_s != 0 || c->clock.drift != 0 || c->clock.row_s != 0 || rate_of(c, rate) != rate;
}

/* A moving camera's view between two of its frames. */
static struct camera_view view_between(const struct camera_view *a, const struct camera_view *b, double w) {
    struct camera_view v = *a;
    struct mat3 back = mat3_transpose(&a->pose.rotation), turn = mat3_multiply(&b->pose.rotation, &back), part = rotation_from_vector(vec3_scale(rotation_to_vector(&turn), w));
    struct vec3 centre = vec3_mix(camera_centre(&a->pose), camera_centre(&b->pose), w);
    v.pose.rotation = mat3_multiply(&part, &a->pose.rotation);
    v.pose.translation = vec3_scale(mat3_apply(&v.pose.rotation, centre), -1);
    v.lens.fx += w * (b->lens.fx - a->lens.fx), v.lens.fy += w * (b->lens.fy - a->lens.fy), v.lens.cx += w * (b->lens.cx - a->lens.cx), v.lens.cy += w * (b->lens.cy - a->lens.cy);
    for (int i = 0; i < 6; i++) v.lens.radial[i] += w * (b->lens.radial[i] - a->lens.radial[i]);
    for (int i = 0; i < 2; i++) v.lens.tangential[i] += w * (b->lens.tangential[i] - a->lens.tangential[i]);
    return v;
}

static struct err retime_views(struct arena *mem, const struct track_recording *r, size_t c, struct camera *out) {
    const struct camera *given = &r->given_rig->cameras[c];
    const struct pose_take *t = r->given[c];
    double start = exposure(given, t, r->rate, 0, middle_row(given)), step = exposure(given, t, r->rate, 1, middle_row(given)) - start;
    struct camera_view *views = arena_alloc_array(mem, r->frame_count, sizeof *views);
    if (!views) return err_memory();
    size_t first = r->frame_count, end = 0;
    for (size_t f = 0; f < r->frame_count; f++) {
        double at = ((double)(r->frame_first + (int64_t)f) / r->rate - start) / step + (double)(t->frame_first - given->view_first), floor_at = floor(at);
        if (!(floor_at >= 0 && floor_at <= (double)given->view_count - 1)) continue;
        size_t i = (size_t)floor_at;
        if (i + 1 >= given->view_count && at > floor_at + 0.5) continue;
        views[f] = view_between(&given->views[i], &given->views[i + 1 < given->view_count ? i + 1 : i], at - floor_at);
        struct err e = camera_lens_prepare(&views[f].lens);
        if (e.kind) return e;
        if (first == r->frame_count) first = f;
        end = f + 1;
    }
    out->views = first < end ? views + first : given->views;
    out->view_count = first < end ? end - first : given->view_count;
    out->view_first = first < end ? r->frame_first + (int64_t)first : given->view_first;
    return ERR_OK;
}

/* A joint brought to the instant `now`: along the line to the neighbouring frame on that side; where it is not seen there, along that to the other one; else
 * with the person. */
static struct pose_point bring(const struct camera *c, const struct pose_take *t, double rate, size_t f, double now, const struct pose_point *p, const struct pose_point *before,
                               const struct pose_point *after, struct drift2 whole) {
    if (!(p->confidence >= 0.1f)) return *p;
    double at = exposure(c, t, rate, (double)f, p->y), by = now - at;
    const struct pose_point *sides[2] = {by > 0 ? after : before, by > 0 ? before : after};
    for (int i = 0; i < 2; i++) {
        const struct pose_point *q = sides[i];
        if (!q || !(q->confidence >= 0.1f)) continue;
        double apart = exposure(c, t, rate, (double)f + (q == after ? 1 : -1), q->y) - at, w = by / apart;
        return (struct pose_point){(float)(p->x + w * (q->x - p->x)), (float)(p->y + w * (q->y - p->y)), p->confidence};
    }
    double w = by * rate_of(c, rate) / (1 + c->clock.drift);
    return (struct pose_point){(float)(p->x + w * whole.x), (float)(p->y + w * whole.y), p->confidence};
}

static struct err retime_take(struct arena *mem, struct track_recording *r, size_t c, struct pose_take *out) {
    const struct camera *camera = &r->given_rig->cameras[c];
    const struct pose_take *t = r->given[c];
    const size_t joints = t->layout.joint_count;
    double start = exposure(camera, t, r->rate, 0, middle_row(camera)), step = exposure(camera, t, r->rate, 1, middle_row(camera)) - start;
    *out = *t;
    out->frame_first = r->frame_first, out->frame_count = r->frame_count, out->frames = arena_alloc_array(mem, r->frame_count, sizeof *out->frames);
    r->source[c] = arena_alloc_array(mem, r->frame_count, sizeof *r->source[c]);
    /* who is who in neighbouring frames, once for the whole take */
    int16_t(*next)[PEOPLE_MAX] = mem_zalloc_array(t->frame_count + 1, sizeof *next);
    struct drift2(*moved)[PEOPLE_MAX] = mem_zalloc_array(t->frame_count + 1, sizeof *moved);
    struct err e = ERR_OK;
    if (!out->frames || !r->source[c] || !next || !moved) e = err_memory();
    for (size_t f = 0; f + 1 < t->frame_count && !e.kind; f++) match_frames(t, f, f + 1, moved[f], next[f], moved[f + 1]);
    for (size_t i = 0; i < r->frame_count && !e.kind; i++) {
        double now = (double)(r->frame_first + (int64_t)i) / r->rate, nearest = floor((now - start) / step + 0.5);
        r->source[c][i] = -1;
        if (!(nearest >= 0 && nearest < (double)t->frame_count)) continue;
        size_t f = (size_t)nearest, people = t->frames[f].people < PEOPLE_MAX ? t->frames[f].people : PEOPLE_MAX;
        if (!t->frames[f].is_present) continue;
        r->source[c][i] = (int32_t)f;
        struct pose_point *points = arena_alloc_array(mem, people * joints + 1, sizeof *points);
        if (!points) {
            e = err_memory();
            break;
        }
        for (size_t d = 0; d < people; d++) {
            const struct pose_point *p = pose_person(t, f, d), *before = NULL, *after = NULL;
            if (f + 1 < t->frame_count && next[f][d] >= 0) after = pose_person(t, f + 1, (size_t)next[f][d]);
            for (size_t b = 0; f > 0 && b < t->frames[f - 1].people && b < PEOPLE_MAX && !before; b++) {
                if (next[f - 1][b] == (int16_t)d) before = pose_person(t, f - 1, b);
            }
            for (size_t k = 0; k < joints; k++) {
                points[d * joints + k] = bring(camera, t, r->rate, f, now, &p[k], before ? &before[k] : NULL, after ? &after[k] : NULL, moved[f][d]);
            }
        }
        out->frames[i] = (struct pose_frame){true, (uint32_t)people, points};
    }
    mem_free(next), mem_free(moved);
    return e;
}

struct err track_retime(struct arena *mem, const struct camera_rig *rig, const struct pose_take *const *takes, double rate, struct track_recording *out) {
    for (size_t c = 0; c < rig->count && !(rate > 0); c++) rate = fmax(rate, rig->cameras[c].clock.rate);
    struct err e = check_takes(rig, takes, rate);
    if (e.kind) return e;
    struct track_recording r = {.rate = rate, .rig = *rig, .given = takes, .given_rig = rig, .is_as_given = true};
    double first = INFINITY, last = -INFINITY;
    for (size_t c = 0; c < rig->count; c++) {
        const struct camera *k = &rig->cameras[c];
        r.is_as_given = r.is_as_given && !has_own_clock(k, rate);
        if (!takes[c]->frame_count) continue;
        first = fmin(first, exposure(k, takes[c], rate, 0, middle_row(k))), last = fmax(last, exposure(k, takes[c], rate, (double)takes[c]->frame_count - 1, middle_row(k)));
    }
    if (!(first <= last) || !(fabs(first) < 1e9 && fabs(last) < 1e9)) return err_make(ERR_INPUT, "track.takes", "The recordings have no frames.");
    r.takes = arena_alloc_array(mem, rig->count, sizeof *r.takes);
    if (!r.takes) return err_memory();
    if (r.is_as_given) {
        for (size_t c = 0; c < rig->count; c++) r.takes[c] = takes[c];
        r.frame_first = (int64_t)floor(first * rate + 0.5), r.frame_count = (size_t)(floor(last * rate + 0.5) - (double)r.frame_first) + 1;
        *out = r;
        return ERR_OK;
    }
    r.frame_first = (int64_t)ceil(first * rate - 1e-6), r.frame_count = (size_t)fmax(floor(last * rate + 1e-6) - (double)r.frame_first + 1, 1);
    if (r.frame_count > FRAMES_MAX) return err_make(ERR_INPUT, "track.clock", "The recordings share no time: by their clocks they lie days apart. Check the offsets in the calibration.");
    struct camera *cameras = arena_alloc_array(mem, rig->count, sizeof *cameras);
    struct pose_take *brought = arena_alloc_array(mem, rig->count, sizeof *brought);
    if (!cameras || !brought) return err_memory();
    r.rig.cameras = cameras;
    for (size_t c = 0; c < rig->count; c++) {
        cameras[c] = rig->cameras[c];
        cameras[c].clock = (struct camera_clock){0};
        r.takes[c] = &brought[c];
        if (rig->cameras[c].views && (e = retime_views(mem, &r, c, &cameras[c])).kind) return e;
        if ((e = retime_take(mem, &r, c, &brought[c])).kind) return e;
    }
    *out = r;
    return ERR_OK;
}

struct err track_retime_by_motion(struct arena *mem, const struct track_recording *before, const struct track_people *people, struct track_state *const *states, struct track_recording *out) {
    struct track_recording r = *before;
    if (r.is_as_given) {
        *out = r;
        return ERR_OK;
    }
    const size_t joints = people->layout.joint_count, cameras = r.rig.count;
    struct pose_take *brought = arena_alloc_array(mem, cameras, sizeof *brought);
    if (!brought || !(r.takes = arena_alloc_array(mem, cameras, sizeof *r.takes))) return err_memory();
    for (size_t c = 0; c < cameras; c++) {
        brought[c] = *before->takes[c];
        r.takes[c] = &brought[c];
        if (!(brought[c].frames = arena_alloc_array(mem, r.frame_count, sizeof *brought[c].frames))) return err_memory();
        for (size_t i = 0; i < r.frame_count; i++) {
            const struct pose_frame *f = &before->takes[c]->frames[i];
            brought[c].frames[i] = *f;
            if (!(brought[c].frames[i].points = arena_alloc_array(mem, f->people * joints + 1, sizeof *f->points))) return err_memory();
            if (f->people) memcpy(brought[c].frames[i].points, f->points, f->people * joints * sizeof *f->points);
        }
    }
    for (size_t i = 0; i < people->count; i++) {
        const struct track_person *p = &people->people[i];
        for (size_t f = 0; f < p->frame_count * cameras; f++) {
            size_t c = f % cameras, row = f / cameras;
            int64_t at = p->frame_first + (int64_t)row - r.frame_first;
            if (p->detections[f] < 0 || at < 0 || (size_t)at >= r.frame_count || r.source[c][at] < 0) continue;
            size_t source = (size_t)r.source[c][at];
            const struct camera *given = &r.given_rig->cameras[c];
            const struct camera_view *now = camera_view_at(&r.rig.cameras[c], r.frame_first + at), *then = camera_view_at(given, r.given[c]->frame_first + (int64_t)source);
            if (!now || !then) continue;
            const struct pose_point *raw = pose_person(r.given[c], source, (size_t)p->detections[f]);
            struct pose_point *moved = brought[c].frames[at].points + (size_t)p->detections[f] * joints;
            for (size_t k = 0; k < joints; k++) {
                const struct track_state *s = &states[i][row * joints + k];
                if (s->source == TRACK_UNKNOWN || !vec3_is_known(s->velocity) || !(raw[k].confidence >= 0.1f)) continue;
                double by = exposure(given, r.given[c], r.rate, (double)source, raw[k].y) - (double)(r.frame_first + at) / r.rate, u0, v0, u1, v1;
                struct vec3 there = vec3_add(s->at, vec3_add(vec3_scale(s->velocity, by), vec3_scale(s->acceleration, 0.5 * by * by)));
                if (!camera_project(now, s->at, &u0, &v0) || !camera_project(then, there, &u1, &v1)) continue;
                /* A sight that is not this joint's (left taken for right, an outlier) did not go the joint's way. */
                if (hypot(raw[k].x - u1, raw[k].y - v1) > fmax(10 * people->noise_px[c], 0.15 * then->lens.fx / fmax(vec3_distance(there, camera_centre(&then->pose)), 0.1))) continue;
                moved[k].x = (float)(raw[k].x + u0 - u1), moved[k].y = (float)(raw[k].y + v0 - v1);
            }
        }
    }
    *out = r;
    return ERR_OK;
}
