/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "base/mem.h"
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

/* Forward pass over all three axes with jerk density q; returns the log-likelihood of what was used. Decides gates only if `with_gate`. */
static double forward(const struct model *m, struct work *w, size_t n, size_t first, double q, bool with_gate, bool store) {
    struct gauss g[3];
    double likelihood = 0;
    int refused = 0;
    for (int a = 0; a < 3; a++) g[a] = begin(w->z[a * n + first], w->variance[a * n + first]);
    for (size_t f = first; f < n; f++) {
        bool is_first = f == first;
        double distance = 0;
        for (int a = 0; a < 3; a++) {
            if (!is_first) g[a] = predict(m, &g[a], q);
            if (store) w->before[a * n + f] = g[a];
            if (w->is_known[f]) {
                double miss = w->z[a * n + f] - g[a].x.x;
                distance += miss * miss / (g[a].p.xx + w->variance[a * n + f]);
            }
        }
        if (with_gate) {
            w->is_used[f] = w->is_known[f] && (is_first || distance < 16.27);
            w->is_start[f] = is_first;
            if (w->is_known[f]) refused = w->is_used[f] ? 0 : refused + 1;
            if (refused == 5) { /* five in a row: it is the filter that is wrong */
                refused = 0;
                w->is_used[f] = w->is_start[f] = true;
            }
        }
        if (w->is_start[f] && !is_first) {
            for (int a = 0; a < 3; a++) {
                g[a] = begin(w->z[a * n + f], w->variance[a * n + f]);
                if (store) w->before[a * n + f] = g[a];
            }
        } else if (w->is_used[f] && !is_first) {
            for (int a = 0; a < 3; a++) {
                double s = g[a].p.xx + w->variance[a * n + f];
                likelihood -= 0.5 * log(s);
                update(&g[a], w->z[a * n + f], w->variance[a * n + f]);
            }
            likelihood -= 0.5 * distance;
        }
        for (int a = 0; a < 3 && store; a++) w->after[a * n + f] = g[a];
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

bool track_smooth(const struct track_point *points, size_t stride, size_t count, double rate, double gap_s, struct track_state *out) {
    size_t n = count, known = 0, first = n;
    struct sym3 mean = {0};
    for (size_t f = 0; f < n; f++) {
        out[f] = (struct track_state){.at = VEC3_UNKNOWN, .velocity = VEC3_UNKNOWN, .acceleration = VEC3_UNKNOWN};
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
    struct work w = {
        .is_known = mem_zalloc_array(n, sizeof *w.is_known), .is_used = mem_zalloc_array(n, sizeof *w.is_used), .is_start = mem_zalloc_array(n, sizeof *w.is_start),
        .z = mem_zalloc_array(n, 3 * sizeof *w.z), .variance = mem_zalloc_array(n, 3 * sizeof *w.variance),
        .before = mem_zalloc_array(n, 3 * sizeof *w.before), .after = mem_zalloc_array(n, 3 * sizeof *w.after),
    };
    bool has_memory = w.is_known && w.is_used && w.is_start && w.z && w.variance && w.before && w.after;
    if (has_memory) {
        double values[3];
        struct mat3 axes;
        sym3_eigen(mean, values, &axes);
        for (size_t f = 0; f < n; f++) {
            const struct track_point *p = &points[f * stride];
            if (!(w.is_known[f] = vec3_is_known(p->at))) continue;
            struct vec3 z = mat3_apply(&axes, p->at);
            for (int a = 0; a < 3; a++) w.z[(size_t)a * n + f] = (&z.x)[a], w.variance[(size_t)a * n + f] = sym3_quadratic(p->covariance, mat3_row(&axes, a)) + 1e-10;
        }
        struct model m = model_of(1 / rate);
        /* From a hip that glides to a foot that strikes: jerk of 10^0.5 to 10^5.5 m/s3/sqrt(Hz), squared. Gates by a generous middle one. */
        forward(&m, &w, n, first, 1e6, true, false);
        double best = -INFINITY, best_log = 6;
        for (int stage = 0; stage < 2; stage++) {
            double centre = best_log;
            for (int i = stage ? -2 : 0; i <= (stage ? 2 : 10); i++) {
                double log_q = stage ? centre + 0.33 * i : 1 + i, l = forward(&m, &w, n, first, pow(10, log_q), false, false);
                if (l > best) best = l, best_log = log_q;
            }
        }
        double q = pow(10, best_log);
        forward(&m, &w, n, first, q, true, true);
        backward(&m, &w, n, first);
        size_t last = n; /* the last frame used */
        for (size_t f = first; f < n; f++) {
            if (w.is_used[f]) last = f;
        }
        size_t before = n;
        for (size_t f = first; f < n && f <= last && last < n; f++) {
            if (w.is_used[f]) before = f;
            else {
                size_t next = f;
                while (next <= last && !w.is_used[next]) next++;
                if (before == n || next > last || (double)(next - before - 1) > gap_s * rate + 1e-9 || w.is_start[next]) continue;
            }
            struct track_state *s = &out[f];
            s->source = w.is_used[f] ? TRACK_MEASURED : TRACK_FILLED;
            struct vec3 at = {0}, velocity = {0}, acceleration = {0};
            for (int a = 0; a < 3; a++) {
                const struct gauss *g = &w.after[(size_t)a * n + f];
                struct vec3 axis = mat3_row(&axes, a);
                at = vec3_add(at, vec3_scale(axis, g->x.x)), velocity = vec3_add(velocity, vec3_scale(axis, g->x.y));
                acceleration = vec3_add(acceleration, vec3_scale(axis, g->x.z));
                sym3_add_outer(&s->covariance, axis, g->p.xx), sym3_add_outer(&s->velocity_covariance, axis, g->p.yy);
                sym3_add_outer(&s->acceleration_covariance, axis, g->p.zz);
            }
            s->at = at, s->velocity = velocity, s->acceleration = acceleration;
        }
    }
    mem_free(w.is_known), mem_free(w.is_used), mem_free(w.is_start), mem_free(w.z), mem_free(w.variance), mem_free(w.before), mem_free(w.after);
    return has_memory;
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
