/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "human/track/smooth.h"
#include "human/track/track.h"

/* One axis: position, velocity, acceleration. */
struct gauss {
    struct vec3 x;
    struct sym3 p;
};

/* F = [1 dt dt2/2; 0 1 dt; 0 0 1], and the covariance that white jerk of spectral density 1 adds in dt. */
struct model {
    double dt;
    struct sym3 jerk;
};

static struct model model_of(double dt) {
    double d2 = dt * dt, d3 = d2 * dt;
    return (struct model){dt, {d2 * d3 / 20, d2 * d2 / 8, d3 / 6, d3 / 3, d2 / 2, dt}};
}

static struct vec3 move(const struct model *m, struct vec3 x) { return vec3_of(x.x + m->dt * x.y + 0.5 * m->dt * m->dt * x.z, x.y + m->dt * x.z, x.z); }

static struct gauss predict(const struct model *m, const struct gauss *g, double q) {
    double dt = m->dt, h = 0.5 * dt * dt;
    const struct sym3 p = g->p;
    /* F P */
    double a[3][3] = {{p.xx + dt * p.xy + h * p.xz, p.xy + dt * p.yy + h * p.yz, p.xz + dt * p.yz + h * p.zz},
                      {p.xy + dt * p.xz, p.yy + dt * p.yz, p.yz + dt * p.zz},
                      {p.xz, p.yz, p.zz}};
    struct sym3 n = {
        .xx = a[0][0] + dt * a[0][1] + h * a[0][2], .xy = a[0][1] + dt * a[0][2], .xz = a[0][2],
        .yy = a[1][1] + dt * a[1][2], .yz = a[1][2], .zz = a[2][2],
    };
    return (struct gauss){move(m, g->x), sym3_add(n, sym3_scale(m->jerk, q))};
}

static void update(struct gauss *g, double z, double variance) {
    double s = g->p.xx + variance, k0 = g->p.xx / s, k1 = g->p.xy / s, k2 = g->p.xz / s, miss = z - g->x.x;
    g->x = vec3_add(g->x, vec3_scale(vec3_of(k0, k1, k2), miss));
    /* P - K S K', written so that the position's variance stays k0 * variance exactly */
    struct sym3 p = g->p;
    g->p = (struct sym3){k0 * variance, k1 * variance, k2 * variance, p.yy - k1 * p.xy, p.yz - k1 * p.xz, p.zz - k2 * p.xz};
}

/* A first state: the measurement, and a body's speeds and accelerations as uncertainty. */
static struct gauss begin(double z, double variance) { return (struct gauss){{z, 0, 0}, {variance, 0, 0, 144, 0, 2500}}; }

struct work {
    bool *is_known;       /* measured */
    bool *is_used;        /* and not gated */
    bool *is_start;       /* the filter began anew here */
    double *z, *variance; /* [axis * count + frame] */
    struct gauss *before, *after;
};

/* The filter at one joint, over the three axes. */
struct chain {
    struct gauss g[3];
    int refused; /* measurements in a row */
};

/* One frame on: predicts, decides whether the measurement is used (only with_gate; else as *is_used and *is_start say), and learns from it. `before` is the state
 * before the measurement. Returns the log-likelihood of what was used. */
static double step_chain(const struct model *m, struct chain *c, double q, bool is_first, bool is_known, const double z[3], const double variance[3], bool with_gate, bool *is_used, bool *is_start,
                         struct gauss before[3]) {
    double distance = 0, likelihood = 0;
    for (int a = 0; a < 3; a++) {
        c->g[a] = is_first ? begin(z[a], variance[a]) : predict(m, &c->g[a], q);
        before[a] = c->g[a];
        if (is_known) distance += (z[a] - c->g[a].x.x) * (z[a] - c->g[a].x.x) / (c->g[a].p.xx + variance[a]);
    }
    if (with_gate) {
        *is_used = is_known && (is_first || distance < 16.27);
        *is_start = is_first;
        if (is_known) c->refused = *is_used ? 0 : c->refused + 1;
        if (c->refused == 5) { /* five in a row: it is the filter that is wrong */
            c->refused = 0;
            *is_used = *is_start = true;
        }
    }
    if (*is_start && !is_first) {
        for (int a = 0; a < 3; a++) before[a] = c->g[a] = begin(z[a], variance[a]);
    } else if (*is_used && !is_first) {
        double spread = 1;
        for (int a = 0; a < 3; a++) {
            spread *= c->g[a].p.xx + variance[a];
            update(&c->g[a], z[a], variance[a]);
        }
        likelihood -= 0.5 * (log(spread) + distance);
    }
    return likelihood;
}

/* Forward pass with jerk density q; returns the log-likelihood of what was used. Decides gates only if `with_gate`. */
static double forward(const struct model *m, struct work *w, size_t n, size_t first, double q, bool with_gate, bool store) {
    struct chain c = {.refused = 0};
    double likelihood = 0;
    for (size_t f = first; f < n; f++) {
        const double z[3] = {w->z[f], w->z[n + f], w->z[2 * n + f]}, variance[3] = {w->variance[f], w->variance[n + f], w->variance[2 * n + f]};
        struct gauss before[3];
        likelihood += step_chain(m, &c, q, f == first, w->is_known[f], z, variance, with_gate, &w->is_used[f], &w->is_start[f], before);
        for (size_t a = 0; a < 3 && store; a++) w->before[a * n + f] = before[a], w->after[a * n + f] = c.g[a];
    }
    return likelihood;
}

/* Rauch, Tung, Striebel: what the next frame knows flows back. In place: `after` becomes the smoothed state. */
static void backward(const struct model *m, struct work *w, size_t n, size_t first) {
    double dt = m->dt, h = 0.5 * dt * dt;
    for (int a = 0; a < 3; a++) {
        for (size_t f = n - 1; f-- > first;) {
            if (w->is_start[f + 1]) continue; /* the pieces know nothing of each other */
            struct gauss *now = &w->after[a * n + f];
            const struct gauss *next = &w->after[a * n + f + 1], *guess = &w->before[a * n + f + 1];
            struct sym3 inverse;
            if (!sym3_inverse(guess->p, &inverse)) continue;
            const struct sym3 p = now->p;
            /* gain = P F' guess^-1, row by row */
            struct vec3 pf[3] = {vec3_of(p.xx + dt * p.xy + h * p.xz, p.xy + dt * p.xz, p.xz), vec3_of(p.xy + dt * p.yy + h * p.yz, p.yy + dt * p.yz, p.yz),
                                 vec3_of(p.xz + dt * p.yz + h * p.zz, p.yz + dt * p.zz, p.zz)};
            struct vec3 c[3], change = vec3_sub(next->x, guess->x);
            struct sym3 d = sym3_add(next->p, sym3_scale(guess->p, -1));
            for (int i = 0; i < 3; i++) c[i] = sym3_apply(inverse, pf[i]);
            now->x = vec3_add(now->x, vec3_of(vec3_dot(c[0], change), vec3_dot(c[1], change), vec3_dot(c[2], change)));
            struct vec3 dc[3] = {sym3_apply(d, c[0]), sym3_apply(d, c[1]), sym3_apply(d, c[2])};
            now->p = sym3_add(p, (struct sym3){vec3_dot(c[0], dc[0]), vec3_dot(c[0], dc[1]), vec3_dot(c[0], dc[2]), vec3_dot(c[1], dc[1]), vec3_dot(c[1], dc[2]), vec3_dot(c[2], dc[2])});
        }
    }
}

/* A state in the world's axes. */
static void to_world(const struct gauss g[3], const struct mat3 *axes, enum track_source source, struct track_state *s) {
    struct vec3 at = {0}, velocity = {0}, acceleration = {0};
    *s = (struct track_state){.source = source};
    for (int a = 0; a < 3; a++) {
        struct vec3 axis = mat3_row(axes, a);
        at = vec3_add(at, vec3_scale(axis, g[a].x.x)), velocity = vec3_add(velocity, vec3_scale(axis, g[a].x.y)), acceleration = vec3_add(acceleration, vec3_scale(axis, g[a].x.z));
        sym3_add_outer(&s->covariance, axis, g[a].p.xx), sym3_add_outer(&s->velocity_covariance, axis, g[a].p.yy), sym3_add_outer(&s->acceleration_covariance, axis, g[a].p.zz);
    }
    s->at = at, s->velocity = velocity, s->acceleration = acceleration;
}

static const struct track_state unknown_state = {.at = VEC3_UNKNOWN, .velocity = VEC3_UNKNOWN, .acceleration = VEC3_UNKNOWN};

/* A measurement along the axes. */
static void along(const struct mat3 *axes, const struct track_point *p, double z[3], double variance[3]) {
    struct vec3 at = mat3_apply(axes, p->at);
    for (int a = 0; a < 3; a++) z[a] = (&at.x)[a], variance[a] = sym3_quadratic(p->covariance, mat3_row(axes, a)) + 1e-10;
}

static struct work work_create(size_t n) {
    return (struct work){
        .is_known = mem_zalloc_array(n, sizeof(bool)), .is_used = mem_zalloc_array(n, sizeof(bool)), .is_start = mem_zalloc_array(n, sizeof(bool)),
        .z = mem_zalloc_array(n, 3 * sizeof(double)), .variance = mem_zalloc_array(n, 3 * sizeof(double)),
        .before = mem_zalloc_array(n, 3 * sizeof(struct gauss)), .after = mem_zalloc_array(n, 3 * sizeof(struct gauss)),
    };
}
static bool work_is_whole(const struct work *w) { return w->is_known && w->is_used && w->is_start && w->z && w->variance && w->before && w->after; }
static void work_free(struct work *w) {
    mem_free(w->is_known), mem_free(w->is_used), mem_free(w->is_start), mem_free(w->z), mem_free(w->variance), mem_free(w->before), mem_free(w->after);
}

static void measure(struct work *w, const struct track_point *points, size_t stride, size_t n, const struct mat3 *axes) {
    for (size_t f = 0; f < n; f++) {
        double z[3], variance[3];
        if (!(w->is_known[f] = vec3_is_known(points[f * stride].at))) continue;
        along(axes, &points[f * stride], z, variance);
        for (size_t a = 0; a < 3; a++) w->z[a * n + f] = z[a], w->variance[a * n + f] = variance[a];
    }
}

/* The filter with this jerk, there and back, and what is known by it. */
static void smooth(const struct model *m, struct work *w, size_t n, size_t first, double q, double gap_frames, const struct mat3 *axes, struct track_state *out) {
    forward(m, w, n, first, q, true, true);
    backward(m, w, n, first);
    size_t last = n; /* the last frame used */
    for (size_t f = first; f < n; f++) {
        if (w->is_used[f]) last = f;
    }
    size_t before = n;
    for (size_t f = first; f < n && f <= last && last < n; f++) {
        if (w->is_used[f]) before = f;
        else {
            size_t next = f;
            while (next <= last && !w->is_used[next]) next++;
            if (before == n || next > last || (double)(next - before - 1) > gap_frames + 1e-9 || w->is_start[next]) continue;
        }
        const struct gauss g[3] = {w->after[f], w->after[n + f], w->after[2 * n + f]};
        to_world(g, axes, w->is_used[f] ? TRACK_MEASURED : TRACK_FILLED, &out[f]);
    }
}

bool track_smooth(const struct track_point *points, size_t stride, size_t count, double rate, double gap_s, struct track_state *out) {
    size_t n = count, known = 0, first = n;
    struct sym3 mean = {0};
    for (size_t f = 0; f < n; f++) {
        out[f] = unknown_state;
        const struct track_point *p = &points[f * stride];
        if (!vec3_is_known(p->at)) continue;
        if (first == n) first = f;
        mean = sym3_add(mean, p->covariance);
        known++;
    }
    if (known < 3) { /* nothing to smooth: what is measured stays, its speed is unknown */
        for (size_t f = 0; f < n; f++) {
            if (vec3_is_known(points[f * stride].at)) out[f].at = points[f * stride].at, out[f].covariance = points[f * stride].covariance, out[f].source = TRACK_MEASURED;
        }
        return true;
    }
    struct work w = work_create(n);
    bool has_memory = work_is_whole(&w);
    if (has_memory) {
        double values[3];
        struct mat3 axes;
        sym3_eigen(mean, values, &axes);
        measure(&w, points, stride, n, &axes);
        struct model m = model_of(1 / rate);
        /* From a hip that glides to a foot that strikes: jerk of 10^0.5 to 10^5.5 m/s3/sqrt(Hz), squared. Gates by a generous middle one. */
        forward(&m, &w, n, first, 1e6, true, false);
        /* The likelihood has one hill: up it by decades, then by thirds of one, then the top of a parabola. */
        double at[3], best_log = 4;
        for (double size = 1; size > 0.3; size -= 0.67) {
            for (int i = 0; i < 3; i++) at[i] = forward(&m, &w, n, first, pow(10, best_log + size * (i - 1)), false, false);
            while (at[2] > at[1] && best_log < 10) best_log += size, at[0] = at[1], at[1] = at[2], at[2] = forward(&m, &w, n, first, pow(10, best_log + size), false, false);
            while (at[0] > at[1] && best_log > 2) best_log -= size, at[2] = at[1], at[1] = at[0], at[0] = forward(&m, &w, n, first, pow(10, best_log - size), false, false);
            double bend = at[0] - 2 * at[1] + at[2];
            if (bend < 0) best_log += size * fmin(fmax(0.5 * (at[0] - at[2]) / bend, -1), 1);
        }
        smooth(&m, &w, n, first, pow(10, best_log), gap_s * rate, &axes, out);
    }
    work_free(&w);
    return has_memory;
}

bool smooth_fixed(const struct track_point *points, size_t stride, size_t count, double rate, double gap_s, double jerk, const struct mat3 *axes, struct track_state *out) {
    size_t first = count;
    for (size_t f = count; f-- > 0;) {
        out[f] = unknown_state;
        if (vec3_is_known(points[f * stride].at)) first = f;
    }
    struct work w = work_create(count + 1);
    bool has_memory = work_is_whole(&w);
    if (has_memory && first < count) {
        struct model m = model_of(1 / rate);
        measure(&w, points, stride, count, axes);
        smooth(&m, &w, count, first, jerk, gap_s * rate, axes, out);
    }
    work_free(&w);
    return has_memory;
}

/* ---- with a fixed lag, frame by frame ---- */

struct lagged { /* a frame that went through the filter */
    struct gauss before[3], after[3];
    bool is_used, is_start;
};

struct lag_filter {
    struct model model;
    double jerk, gap_frames;
    size_t lag;
    bool has_begun;
    int64_t frame, last_used; /* of the frames pushed; last_used: at or before the one given out, -1 if none */
    struct mat3 axes;
    struct chain chain;
    struct lagged ring[SMOOTH_LAG_MAX + 1];
};

struct lag_filter *lag_filter_create(double rate, double gap_s, double jerk, size_t lag) {
    if (lag > SMOOTH_LAG_MAX) return NULL;
    struct lag_filter *l = mem_zalloc(sizeof *l);
    if (l) l->model = model_of(1 / rate), l->jerk = jerk, l->gap_frames = gap_s * rate, l->lag = lag, l->last_used = -1;
    return l;
}

void lag_filter_destroy(struct lag_filter **l) {
    mem_free(*l);
    *l = NULL;
}

const struct mat3 *lag_filter_axes(const struct lag_filter *l) { return &l->axes; }

void lag_filter_push(struct lag_filter *l, const struct track_point *p, struct track_state *out) {
    const size_t size = l->lag + 1;
    struct lagged *now = &l->ring[(size_t)l->frame % size];
    bool is_known = p && vec3_is_known(p->at), is_first = is_known && !l->has_begun;
    *now = (struct lagged){.is_used = false};
    *out = unknown_state;
    if (is_first) {
        double values[3];
        sym3_eigen(p->covariance, values, &l->axes);
        l->has_begun = true;
    }
    if (l->has_begun) {
        double z[3] = {0}, variance[3] = {0};
        if (is_known) along(&l->axes, p, z, variance);
        (void)step_chain(&l->model, &l->chain, l->jerk, is_first, is_known, z, variance, true, &now->is_used, &now->is_start, now->before);
        memcpy(now->after, l->chain.g, sizeof now->after);
    }
    int64_t wanted = l->frame++ - (int64_t)l->lag;
    if (wanted < 0) return;
    /* back over the lag: the frames from the newest to the one wanted, in a row */
    struct work w;
    bool is_known_row[SMOOTH_LAG_MAX + 1] = {0}, is_used[SMOOTH_LAG_MAX + 1], is_start[SMOOTH_LAG_MAX + 1];
    struct gauss before[3 * (SMOOTH_LAG_MAX + 1)], after[3 * (SMOOTH_LAG_MAX + 1)];
    size_t next = 0; /* the first used one */
    for (size_t i = 0; i < size; i++) {
        const struct lagged *f = &l->ring[(size_t)(wanted + (int64_t)i) % size];
        is_used[i] = f->is_used, is_start[i] = f->is_start;
        for (size_t a = 0; a < 3; a++) before[a * size + i] = f->before[a], after[a * size + i] = f->after[a];
    }
    while (next < size && !is_used[next]) next++;
    if (is_used[0]) l->last_used = wanted;
    bool is_filled = !is_used[0] && l->last_used >= 0 && next < size && (double)(wanted + (int64_t)next - l->last_used - 1) <= l->gap_frames + 1e-9 && !is_start[next];
    if (!is_used[0] && !is_filled) return;
    w = (struct work){.is_known = is_known_row, .is_used = is_used, .is_start = is_start, .before = before, .after = after};
    backward(&l->model, &w, size, 0);
    const struct gauss g[3] = {after[0], after[size], after[2 * size]};
    to_world(g, &l->axes, is_used[0] ? TRACK_MEASURED : TRACK_FILLED, out);
}

struct err track_smooth_all(struct arena *mem, const struct track_people *people, size_t person, double rate, double gap_s, struct track_state **out) {
    const struct track_person *p = &people->people[person];
    const size_t joints = people->layout.joint_count;
    struct track_state *states = arena_alloc_array(mem, p->frame_count * joints, sizeof *states), *row = mem_zalloc_array(p->frame_count + 1, sizeof *row);
    bool has_memory = states && row;
    for (size_t k = 0; k < joints && has_memory; k++) {
        has_memory = track_smooth(p->points + k, joints, p->frame_count, rate, gap_s, row);
        for (size_t f = 0; f < p->frame_count && has_memory; f++) states[f * joints + k] = row[f];
    }
    mem_free(row);
    if (!has_memory) return err_memory();
    *out = states;
    return ERR_OK;
}
