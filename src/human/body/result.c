/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * From the fitted postures to what the door promises: places, speeds, angles, how sure they are, and what is unknown. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "human/body/fit.h"

enum { RESIDUAL_FRAMES_MAX = 100 };
static const double angle_error_max = 0.35; /* rad: beyond, an angle says nothing */
static const double outlier_weight = 0.3;

/* Standard errors at one frame; those between are interpolated. */
struct anchor {
    struct sym3 at[POSE_JOINTS], rate[POSE_JOINTS], acceleration[POSE_JOINTS];
    double angle[BODY_ANGLES]; /* variance */
    double cautious[POSE_JOINTS]; /* variance of the place for somebody who may move at any moment */
};

/* Derivatives of a ball's three Cardan angles by its small turns; rows Z, X, Y. False near the pole. */
static bool ball_duals(const struct mat3 *upright, int dof, const struct mat3 *r, double a[3], struct vec3 by[3]) {
    if (dof == DOF_PELVIS) {
        struct mat3 u = mat3_multiply(upright, r);
        body_cardan_yxz_of(&u, a);
        double cc = cos(a[2]), sc = sin(a[2]), cb = cos(a[1]), sb = sin(a[1]);
        if (fabs(cb) < 0.05) return false;
        by[0] = vec3_of(sc / cb, 0, cc / cb), by[1] = vec3_of(cc, 0, -sc), by[2] = vec3_add(vec3_of(0, 1, 0), vec3_scale(by[0], sb));
        for (int i = 0; i < 3; i++) by[i] = mat3_apply_transposed(upright, by[i]);
        return true;
    }
    body_cardan_of(r, a);
    double ca = cos(a[0]), sa = sin(a[0]), cb = cos(a[1]), sb = sin(a[1]);
    if (fabs(cb) < 0.05) return false;
    by[1] = vec3_of(ca, sa, 0), by[2] = vec3_of(-sa / cb, ca / cb, 0), by[0] = vec3_add(vec3_of(0, 0, 1), vec3_scale(by[2], -sb));
    if (body_is_mirrored(body_dofs[dof].angle)) {
        for (int i = 1; i < 3; i++) a[i] = -a[i], by[i] = vec3_scale(by[i], -1);
    }
    return true;
}

static const double *block(const struct normal *n, int dof, size_t *pitch) {
    if (dof < TORSO_DOFS) {
        *pitch = TORSO_DOFS;
        return &n->torso[dof][dof];
    }
    *pitch = LIMB_DOFS_MAX;
    int l = 0;
    while (dof >= body_limbs[l].first + body_limbs[l].count) l++;
    return &n->limb[l].own[dof - body_limbs[l].first][dof - body_limbs[l].first];
}

static void anchor_of(const struct task *t, size_t f, const struct spread *spread, struct anchor *out) {
    struct stance s;
    body_stand(&t->shape, &t->postures[f], &s);
    for (int k = 0; k < POSE_JOINTS; k++) {
        enum body_segment segment = body_point_segment((enum pose_joint)k);
        int limb = body_segment_limb(segment);
        struct vec3 by[TORSO_DOFS + LIMB_DOFS_MAX];
        for (int i = 0; i < TORSO_DOFS + (limb < 0 ? 0 : body_limbs[limb].count); i++) {
            int dof = i < TORSO_DOFS ? i : body_limbs[limb].first + i - TORSO_DOFS;
            by[i] = (struct vec3){0};
            if (!body_dof_moves(dof, segment)) continue;
            by[i] = body_dofs[dof].kind == DOF_SLIDE ? s.axis[dof] : vec3_cross(s.axis[dof], vec3_sub(s.point[k], s.pivot[dof]));
        }
        out->at[k] = body_spread_point(&spread->at, limb, by);
        out->rate[k] = body_spread_point(&spread->rate, limb, by), out->acceleration[k] = body_spread_point(&spread->acceleration, limb, by);
    }
    for (int i = DOF_PELVIS; i < DOFS; i++) {
        const struct dof *d = &body_dofs[i];
        size_t pitch;
        const double *c = block(&spread->at, i, &pitch);
        if (d->kind == DOF_HINGE) out->angle[d->angle] = c[0];
        else if (d->axis.x == 1) {
            double a[3];
            struct vec3 by[3];
            bool is_fine = ball_duals(&t->upright, i, &t->postures[f].ball[d->ball], a, by);
            for (int j = 0; j < 3; j++) {
                struct sym3 m = {c[0], c[1], c[2], c[pitch + 1], c[pitch + 2], c[2 * pitch + 2]};
                out->angle[d->angle + j] = is_fine ? sym3_quadratic(m, by[j]) : 1e6;
            }
        }
    }
}

/* The information around a frame, averaged over `reach` frames on both sides. */
static void average(const struct task *t, size_t f, size_t reach, struct normal *out) {
    size_t from = f > reach ? f - reach : 0, to = f + reach + 1 < t->frames ? f + reach + 1 : t->frames;
    double *sum = &out->torso[0][0];
    memset(out, 0, sizeof *out);
    for (size_t g = from; g < to; g++) {
        const double *one = &t->normals[g].torso[0][0];
        for (size_t i = 0; i < sizeof *out / sizeof *sum; i++) sum[i] += one[i];
    }
    for (size_t i = 0; i < sizeof *out / sizeof *sum; i++) sum[i] /= (double)(to - from);
}

bool body_spread_around(const struct task *t, size_t frame, const struct smoothness *smooth, bool is_cautious, struct spread *out) {
    struct normal around;
    size_t reach = (size_t)(0.05 / t->dt + 0.5);
    average(t, frame, reach, &around);
    struct smoothness here = {.local = NULL};
    size_t from = frame > reach + 3 ? frame - reach - 3 : 0, to = frame + reach < t->frames ? frame + reach : t->frames; /* differences that reach these frames */
    if (to + 3 > t->frames) to = t->frames > 3 ? t->frames - 3 : 0;
    for (int i = 0; i < DOFS; i++) {
        double sum = 0;
        for (size_t f = from; f < to; f++) sum += body_weight(smooth, f, i);
        here.weight[i] = to > from ? sum / (double)(to - from) : smooth->weight[i];
        if (is_cautious) here.weight[i] = fmin(here.weight[i], 1 / (body_dofs[i].jerk * pow(t->dt, 5)));
    }
    return body_spread(&around, &here, t->dt, t->frames < 4, out);
}

static struct sym3 mix(struct sym3 a, struct sym3 b, double s, double factor) { return sym3_add(sym3_scale(a, (1 - s) * factor), sym3_scale(b, s * factor)); }

static double deviation_max(struct sym3 c) { /* an upper bound: the trace, without eigenvalues */
    return sqrt(fmax(0, sym3_trace(c)));
}

/* First and second derivatives over time by five points, exact for polynomials of fourth degree: the fitted curve has no more in it. Fewer points near the ends. */
static void derivatives(const struct vec3 *at, size_t stride, size_t f, size_t n, double dt, struct vec3 *velocity, struct vec3 *acceleration) {
    *velocity = *acceleration = VEC3_UNKNOWN;
    if (n < 3) return;
#define AT(i) at[(size_t)(i) * stride]
    if (f >= 2 && f + 2 < n) {
        struct vec3 a = vec3_sub(AT(f + 1), AT(f - 1)), b = vec3_sub(AT(f + 2), AT(f - 2)), c = vec3_add(AT(f + 1), AT(f - 1)), d = vec3_add(AT(f + 2), AT(f - 2));
        *velocity = vec3_scale(vec3_sub(vec3_scale(a, 8), b), 1 / (12 * dt));
        *acceleration = vec3_scale(vec3_sub(vec3_sub(vec3_scale(c, 16), d), vec3_scale(AT(f), 30)), 1 / (12 * dt * dt));
        return;
    }
    size_t m = f < 1 ? 1 : f + 1 < n ? f : n - 2;
    struct vec3 slope = vec3_scale(vec3_sub(AT(m + 1), AT(m - 1)), 1 / (2 * dt)), bend = vec3_scale(vec3_add(vec3_sub(AT(m + 1), vec3_scale(AT(m), 2)), AT(m - 1)), 1 / (dt * dt));
    *velocity = vec3_add(slope, vec3_scale(bend, ((double)f - (double)m) * dt)), *acceleration = bend;
#undef AT
}

/* Which joints must be known for a segment to have a direction: any of the second where there are two. */
static const struct {
    int8_t near, far, other;
} holders[BODY_SEGMENTS] = {
    {POSE_LHIP, POSE_RHIP, -1}, {POSE_NECK, POSE_LSHOULDER, POSE_RSHOULDER}, {POSE_NOSE, POSE_LEAR, POSE_REAR},
    {POSE_NECK, POSE_LSHOULDER, -1}, {POSE_NECK, POSE_RSHOULDER, -1}, {POSE_LSHOULDER, POSE_LELBOW, -1}, {POSE_RSHOULDER, POSE_RELBOW, -1},
    {POSE_LELBOW, POSE_LWRIST, -1}, {POSE_RELBOW, POSE_RWRIST, -1}, {POSE_LHIP, POSE_LKNEE, -1}, {POSE_RHIP, POSE_RKNEE, -1}, {POSE_LKNEE, POSE_LANKLE, -1},
    {POSE_RKNEE, POSE_RANKLE, -1}, {POSE_LANKLE, POSE_LHEEL, POSE_LBIGTOE}, {POSE_RANKLE, POSE_RHEEL, POSE_RBIGTOE}, {POSE_LANKLE, POSE_LBIGTOE, -1}, {POSE_RANKLE, POSE_RBIGTOE, -1},
};

/* hidden[frame][joint]: neither point nor pixel of it for longer than a gap may be. Returns whether there is any. */
static bool find_hidden(const struct task *t, bool (*hidden)[POSE_JOINTS]) {
    double gap = t->options->gap_s > 0 ? t->options->gap_s : 0.2;
    bool is_any = false;
    for (size_t f = 0, pixel = 0; f < t->frames; f++) {
        for (size_t k = 0; k < POSE_JOINTS; k++) hidden[f][k] = (t->measured >> k & 1) && !(t->sights[f * POSE_JOINTS + k].information.xx > 0);
        for (; pixel < t->pixel_count && t->pixels[pixel].frame == f; pixel++) hidden[f][t->pixels[pixel].joint] = false;
    }
    for (size_t k = 0; k < POSE_JOINTS; k++) {
        for (size_t f = 0; f < t->frames;) {
            size_t end = f;
            while (end < t->frames && hidden[end][k]) end++;
            bool is_long = (double)(end - f) * t->dt > gap + 1e-9;
            for (size_t g = f; g < end; g++) hidden[g][k] = is_long;
            is_any = is_any || (is_long && end > f);
            f = end + 1;
        }
    }
    return is_any;
}

static void name_sources(const struct task *t, bool (*hidden)[POSE_JOINTS], const double *cautious, struct body_fit *fit) {
    double fill = t->options->fill_max_m > 0 ? t->options->fill_max_m : 0.03, gap = t->options->gap_s > 0 ? t->options->gap_s : 0.2;
    size_t last = SIZE_MAX;
    for (size_t f = 0; f <= t->frames; f++) {
        bool is_there = f == t->frames;
        for (size_t k = 0; k < POSE_JOINTS && f < t->frames; k++) is_there |= t->sights[f * POSE_JOINTS + k].information.xx > 0;
        if (!is_there) continue;
        /* frames last + 1 .. f - 1 have nothing */
        size_t from = last == SIZE_MAX ? 0 : last + 1;
        bool is_open = last == SIZE_MAX || f == t->frames || (double)(f - from) * t->dt > gap + 1e-9;
        for (size_t g = from; g < f && is_open; g++) {
            for (size_t k = 0; k < POSE_JOINTS; k++) fit->joints[g * POSE_JOINTS + k].source = TRACK_UNKNOWN;
        }
        for (size_t g = from; g < f && !is_open; g++) {
            for (size_t k = 0; k < POSE_JOINTS; k++) fit->joints[g * POSE_JOINTS + k].source = TRACK_FILLED;
        }
        if (f == t->frames) break;
        last = f;
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            struct track_state *s = &fit->joints[f * POSE_JOINTS + k];
            const struct sight *g = &t->sights[f * POSE_JOINTS + k];
            double d2 = g->information.xx > 0 ? sym3_quadratic(g->information, vec3_sub(s->at, g->at)) / t->noise_scale[k] : INFINITY;
            s->source = 1 / (1 + d2 / t->cauchy2) > outlier_weight ? TRACK_MEASURED : TRACK_FILLED;
        }
    }
    uint32_t seen = t->measured;
    if ((seen >> POSE_LHIP & 1) && (seen >> POSE_RHIP & 1)) seen |= 1u << POSE_HIP;
    if ((seen >> POSE_LSHOULDER & 1) && (seen >> POSE_RSHOULDER & 1)) seen |= 1u << POSE_NECK;
    for (size_t i = 0; i < t->frames * POSE_JOINTS; i++) {
        struct track_state *s = &fit->joints[i];
        if (s->source != TRACK_FILLED) continue;
        /* What was hidden for long may have moved in ways that it did not before: then it must be the rest of the skeleton that determines it. */
        double deviation = hidden[i / POSE_JOINTS][i % POSE_JOINTS] ? sqrt(cautious[i]) : deviation_max(s->covariance);
        if (!(seen >> i % POSE_JOINTS & 1) || !(deviation <= fill)) s->source = TRACK_UNKNOWN;
    }
}

static bool is_known(const struct body_fit *fit, size_t f, int joint) { return joint >= 0 && fit->joints[f * POSE_JOINTS + (size_t)joint].source != TRACK_UNKNOWN; }

static void residuals(const struct task *t, struct body_fit *fit) {
    double sum[POSE_JOINTS] = {0}, px[CAMERA_COUNT_MAX] = {0};
    size_t count[POSE_JOINTS] = {0};
    for (size_t f = 0; f < t->frames; f++) {
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            const struct sight *g = &t->sights[f * POSE_JOINTS + k];
            if (!(g->information.xx > 0)) continue;
            struct vec3 miss = vec3_sub(g->at, fit->joints[f * POSE_JOINTS + k].at);
            sum[k] += vec3_dot(miss, miss), count[k]++;
        }
    }
    for (int k = 0; k < POSE_JOINTS; k++) fit->distance_m[k] = count[k] ? sqrt(sum[k] / (double)count[k]) : NAN, fit->noise_scale[k] = t->noise_scale[k];
    for (size_t c = 0; c < CAMERA_COUNT_MAX; c++) fit->camera_px[c] = NAN;
    if (!t->rig) return;
    size_t stride = t->frames / RESIDUAL_FRAMES_MAX + 1;
    for (size_t c = 0; c < t->rig->count; c++) {
        for (size_t f = 0; f < t->frames; f += stride) {
            const struct camera_view *view = camera_view_at(&t->rig->cameras[c], t->person->frame_first + (int64_t)f);
            const struct pose_point *mine = view ? body_sighting(t, f, c) : NULL;
            for (size_t k = 0; k < POSE_JOINTS && mine; k++) {
                int at = t->column[k];
                double u, v;
                if (at < 0 || !(mine[at].confidence >= 0.3f) || fit->joints[f * POSE_JOINTS + k].source == TRACK_UNKNOWN) continue;
                if (!camera_project(view, fit->joints[f * POSE_JOINTS + k].at, &u, &v)) continue;
                px[c] += hypot(mine[at].x - u, mine[at].y - v), fit->camera_points[c]++;
            }
        }
        if (fit->camera_points[c]) fit->camera_px[c] = px[c] / (double)fit->camera_points[c];
    }
}

struct err body_result(struct arena *mem, const struct task *t, const struct smoothness *smooth, struct body_fit *fit) {
    size_t n = t->frames, step = (size_t)(t->dt < 0.1 ? 0.1 / t->dt : 1), anchors = n ? (n - 1) / step + 2 : 1;
    fit->shape = t->shape;
    fit->shape.measured = t->measured;
    fit->joints = arena_alloc_array(mem, n * POSE_JOINTS, sizeof *fit->joints);
    fit->segments = arena_alloc_array(mem, n * BODY_SEGMENTS, sizeof *fit->segments);
    fit->angles = arena_alloc_array(mem, n * BODY_ANGLES, sizeof *fit->angles);
    fit->angle_errors = arena_alloc_array(mem, n * BODY_ANGLES, sizeof *fit->angle_errors);
    fit->angle_rates = arena_alloc_array(mem, n * BODY_ANGLES, sizeof *fit->angle_rates);
    struct anchor *sure = mem_alloc(anchors * sizeof *sure);
    struct vec3 *points = mem_alloc((n ? n : 1) * POSE_JOINTS * sizeof *points);
    struct spread *spread = mem_alloc(sizeof *spread);
    bool(*hidden)[POSE_JOINTS] = mem_alloc((n ? n : 1) * sizeof *hidden);
    double *cautious = mem_alloc((n ? n : 1) * POSE_JOINTS * sizeof *cautious);
    struct err e = ERR_OK;
    if (!fit->joints || !fit->segments || !fit->angles || !fit->angle_errors || !fit->angle_rates || !sure || !points || !spread || !hidden || !cautious) e = err_memory();
    bool has_hidden = !e.kind && find_hidden(t, hidden);
    for (size_t a = 0; a < anchors && !e.kind; a++) {
        size_t f = a * step < n ? a * step : n - 1;
        if (body_spread_around(t, f, smooth, has_hidden, spread)) anchor_of(t, f, spread, &sure[a]);
        else { /* rounding ate the matrix: whatever was measured there, it says nothing about how sure it is */
            struct sym3 anything = {.xx = 1e6, .yy = 1e6, .zz = 1e6};
            for (int k = 0; k < POSE_JOINTS; k++) sure[a].at[k] = sure[a].rate[k] = sure[a].acceleration[k] = anything;
            for (int k = 0; k < BODY_ANGLES; k++) sure[a].angle[k] = 1e6;
        }
        for (int k = 0; k < POSE_JOINTS; k++) sure[a].cautious[k] = sym3_trace(sure[a].at[k]);
        if (has_hidden && body_spread_around(t, f, smooth, false, spread)) anchor_of(t, f, spread, &sure[a]);
    }
    for (size_t f = 0; f < n && !e.kind; f++) {
        struct stance s;
        body_stand(&t->shape, &t->postures[f], &s);
        memcpy(points + f * POSE_JOINTS, s.point, sizeof s.point);
        struct body_segment_state *segment = fit->segments + f * BODY_SEGMENTS;
        for (int i = 0; i < BODY_SEGMENTS; i++) segment[i].at = s.origin[i], segment[i].rotation = s.rotation[i];
        static const int8_t next[BODY_SEGMENTS] = {BODY_THORAX, BODY_HEAD, -1, BODY_LUPPER_ARM, BODY_RUPPER_ARM, BODY_LFOREARM, BODY_RFOREARM, -1, -1,
                                                   BODY_LSHANK, BODY_RSHANK, BODY_LFOOT, BODY_RFOOT, BODY_LTOES, BODY_RTOES, -1, -1};
        for (int i = 0; i < BODY_SEGMENTS; i++) {
            if (next[i] >= 0) segment[i].end = s.origin[next[i]];
        }
        segment[BODY_HEAD].end = s.point[POSE_HEAD];
        for (int side = 0; side < 2; side++) segment[BODY_LFOREARM + side].end = s.point[POSE_LWRIST + side], segment[BODY_LTOES + side].end = s.point[POSE_LBIGTOE + side];
        /* At the ends only one side of time helps: the variance of a filter instead of a smoother's, six times that (third differences). */
        double ends = n < 4 ? 1 : 1 + 5 * exp(-(double)f / (0.05 / t->dt)) + 5 * exp(-(double)(n - 1 - f) / (0.05 / t->dt));
        size_t a = f / step;
        double share = (double)(f - a * step) / (double)step;
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            struct track_state *j = &fit->joints[f * POSE_JOINTS + k];
            j->at = s.point[k];
            cautious[f * POSE_JOINTS + k] = ((1 - share) * sure[a].cautious[k] + share * sure[a + 1].cautious[k]) * ends;
            j->covariance = mix(sure[a].at[k], sure[a + 1].at[k], share, ends);
            j->velocity_covariance = mix(sure[a].rate[k], sure[a + 1].rate[k], share, ends), j->acceleration_covariance = mix(sure[a].acceleration[k], sure[a + 1].acceleration[k], share, ends);
        }
        float *angle = fit->angles + f * BODY_ANGLES, *error = fit->angle_errors + f * BODY_ANGLES, *rate = fit->angle_rates + f * BODY_ANGLES;
        size_t before = f ? f - 1 : 0, after = f + 1 < n ? f + 1 : f;
        double span = (double)(after - before) * t->dt;
        const struct posture *p = &t->postures[f], *p0 = &t->postures[before], *p1 = &t->postures[after];
        for (int i = DOF_PELVIS; i < DOFS; i++) {
            const struct dof *d = &body_dofs[i];
            if (d->kind == DOF_HINGE) {
                angle[d->angle] = (float)p->hinge[d->hinge];
                rate[d->angle] = span > 0 ? (float)((p1->hinge[d->hinge] - p0->hinge[d->hinge]) / span) : NAN;
            } else if (d->axis.x == 1) {
                double v[3] = {NAN, NAN, NAN};
                struct vec3 by[3];
                bool is_fine = ball_duals(&t->upright, i, &p->ball[d->ball], v, by);
                struct mat3 back = mat3_transpose(&p0->ball[d->ball]), turn = mat3_multiply(&p1->ball[d->ball], &back);
                struct vec3 speed = rotation_to_vector(&turn);
                for (int j = 0; j < 3; j++) {
                    angle[d->angle + j] = (float)v[j];
                    rate[d->angle + j] = is_fine && span > 0 ? (float)(vec3_dot(by[j], speed) / span) : NAN;
                }
            }
        }
        for (int i = 0; i < BODY_ANGLES; i++) error[i] = (float)sqrt(((1 - share) * sure[a].angle[i] + share * sure[a + 1].angle[i]) * ends);
    }
    if (!e.kind) {
        name_sources(t, hidden, cautious, fit);
        residuals(t, fit);
    }
    for (size_t f = 0; f < n && !e.kind; f++) {
        bool known[BODY_SEGMENTS];
        for (int i = 0; i < BODY_SEGMENTS; i++) {
            known[i] = is_known(fit, f, holders[i].near) && (is_known(fit, f, holders[i].far) || is_known(fit, f, holders[i].other));
            if (known[i]) continue;
            struct body_segment_state *s = &fit->segments[f * BODY_SEGMENTS + (size_t)i];
            s->at = s->end = VEC3_UNKNOWN;
            for (int j = 0; j < 9; j++) s->rotation.m[j / 3][j % 3] = NAN;
        }
        for (int i = DOF_PELVIS; i < DOFS; i++) {
            const struct dof *d = &body_dofs[i];
            int parent = body_segment_parent((enum body_segment)d->segment);
            if (d->kind == DOF_BALL && d->axis.x != 1) continue;
            for (int j = d->angle; j < d->angle + (d->kind == DOF_BALL ? 3 : 1); j++) {
                size_t at = f * BODY_ANGLES + (size_t)j;
                /* An angle that is hardly surer than it was before anything was measured is not measured. Trunk against pelvis is the exception, stated in the door. */
                double most = fmin(angle_error_max, i < DOF_NECK ? angle_error_max : 0.8 * body_ranges[j].deviation);
                if (known[d->segment] && (parent < 0 || known[parent]) && fit->angle_errors[at] <= most && isfinite(fit->angles[at])) continue;
                fit->angles[at] = fit->angle_errors[at] = fit->angle_rates[at] = NAN;
            }
        }
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            struct track_state *j = &fit->joints[f * POSE_JOINTS + k];
            derivatives(points + k, POSE_JOINTS, f, n, t->dt, &j->velocity, &j->acceleration);
            if (j->source != TRACK_UNKNOWN) continue;
            *j = (struct track_state){.at = VEC3_UNKNOWN, .velocity = VEC3_UNKNOWN, .acceleration = VEC3_UNKNOWN};
        }
    }
    for (int k = 0; k < POSE_JOINTS && !e.kind; k++) {
        /* the sizes that only this joint's own place has */
        struct place p = body_point_place((enum pose_joint)k);
        double variance = 0;
        for (int i = 0; i < TERMS_MAX && p.term[i].size >= 0; i++) variance += t->size_errors[p.term[i].size] * t->size_errors[p.term[i].size] * vec3_dot(p.term[i].by, p.term[i].by);
        fit->shape.error_m[k] = t->measured >> k & 1 ? sqrt(variance) : NAN;
    }
    mem_free(sure), mem_free(points), mem_free(spread), mem_free(hidden), mem_free(cautious);
    return e;
}
