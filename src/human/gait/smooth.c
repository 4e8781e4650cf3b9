/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Smoothing by somebody who knows when the feet strike. A filter for all seasons takes a leg's jolt at touch-down for noise and rounds it
 * off, and takes the flight of the body for a struggle; here the jolts stand where the contacts begin, and in the air the centre of mass
 * falls.
 *
 * Kalman filter forward, Rauch, Tung and Striebel back, each axis by itself: position, velocity, acceleration, driven by white jerk. The
 * time line has a node for each frame and one for each jolt between the frames. The strength of the jerk is the one that makes the
 * measurements most probable. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "human/gait/room.h"

/* In the air: how well the acceleration is known (m/s2), and how calm the rest is against the ground. At both ends of a contact the
 * acceleration may jump (m/s2), the more the faster the body. */
static const double fall_deviation = 0.7, calm = 1e-2, kick_slow = 2, kick_per_mps = 1.2;

struct gauss {
    struct vec3 x; /* position, velocity, acceleration */
    struct sym3 p;
};

static struct gauss predict(const struct gauss *g, double dt, double q) {
    double h = 0.5 * dt * dt, d3 = dt * dt * dt;
    const struct sym3 p = g->p;
    double a0 = p.xx + dt * p.xy + h * p.xz, a1 = p.xy + dt * p.yy + h * p.yz, a2 = p.xz + dt * p.yz + h * p.zz, b1 = p.yy + dt * p.yz,
           b2 = p.yz + dt * p.zz;
    struct sym3 n = {a0 + dt * a1 + h * a2, a1 + dt * a2, a2, b1 + dt * b2, b2, p.zz};
    struct sym3 jerk = {d3 * dt * dt / 20, d3 * dt / 8, d3 / 6, d3 / 3, dt * dt / 2, dt};
    return (struct gauss){vec3_of(g->x.x + dt * g->x.y + h * g->x.z, g->x.y + dt * g->x.z, g->x.z), sym3_add(n, sym3_scale(jerk, q))};
}

static void update_position(struct gauss *g, double z, double variance) {
    double s = g->p.xx + variance, k0 = g->p.xx / s, k1 = g->p.xy / s, k2 = g->p.xz / s;
    struct sym3 p = g->p;
    g->x = vec3_add(g->x, vec3_scale(vec3_of(k0, k1, k2), z - g->x.x));
    g->p = (struct sym3){k0 * variance, k1 * variance, k2 * variance, p.yy - k1 * p.xy, p.yz - k1 * p.xz, p.zz - k2 * p.xz};
}

static void update_acceleration(struct gauss *g, double z, double variance) {
    double s = g->p.zz + variance, k0 = g->p.xz / s, k1 = g->p.yz / s, k2 = g->p.zz / s;
    struct sym3 p = g->p;
    g->x = vec3_add(g->x, vec3_scale(vec3_of(k0, k1, k2), z - g->x.z));
    g->p = (struct sym3){p.xx - k0 * p.xz, p.xy - k0 * p.yz, k0 * variance, p.yy - k1 * p.yz, k1 * variance, k2 * variance};
}

struct work {
    const struct gait_node *nodes;
    size_t count;
    double *z, *variance; /* this axis' measurements */
    bool *use;
    struct gauss *before, *after;
};

/* One axis, with jerk density q; log-probability of what was used. */
static double forward(const struct work *w, int axis, double q, bool store) {
    double sum = 0, product = 1; /* of variances: one logarithm for many */
    struct gauss g = {{w->z[0], 0, 0}, {w->variance[0], 0, 0, 144, 0, 2500}};
    for (size_t i = 0; i < w->count; i++) {
        const struct gait_node *n = &w->nodes[i];
        if (i) {
            g = predict(&g, n->time - w->nodes[i - 1].time, q * n->calm);
            g.p.yy += n->kick_velocity[axis] * n->kick_velocity[axis], g.p.zz += n->kick_acceleration[axis] * n->kick_acceleration[axis];
        }
        if (store) w->before[i] = g;
        if (i && w->use[i]) {
            double s = g.p.xx + w->variance[i], miss = w->z[i] - g.x.x;
            sum -= 0.5 * miss * miss / s, product *= s;
            if (product < 1e-250 || product > 1e250) sum -= 0.5 * log(product), product = 1;
            update_position(&g, w->z[i], w->variance[i]);
        }
        if (n->is_falling) update_acceleration(&g, n->fall[axis], n->fall_deviation[axis] * n->fall_deviation[axis]);
        if (store) w->after[i] = g;
    }
    return sum - 0.5 * log(product);
}

static void backward(const struct work *w) {
    for (size_t i = w->count - 1; i-- > 0;) {
        double dt = w->nodes[i + 1].time - w->nodes[i].time, h = 0.5 * dt * dt;
        struct gauss *now = &w->after[i];
        const struct gauss *next = &w->after[i + 1], *guess = &w->before[i + 1];
        struct sym3 inverse, p = now->p;
        /* A guess that is known exactly in some direction (two nodes at one time) has no inverse: what is known next is known now. */
        if (!sym3_inverse(guess->p, &inverse)) continue;
        struct vec3 rows[3] = {vec3_of(p.xx + dt * p.xy + h * p.xz, p.xy + dt * p.xz, p.xz),
                               vec3_of(p.xy + dt * p.yy + h * p.yz, p.yy + dt * p.yz, p.yz),
                               vec3_of(p.xz + dt * p.yz + h * p.zz, p.yz + dt * p.zz, p.zz)};
        struct vec3 c[3], change = vec3_sub(next->x, guess->x);
        struct sym3 d = sym3_add(next->p, sym3_scale(guess->p, -1));
        for (int k = 0; k < 3; k++) c[k] = sym3_apply(inverse, rows[k]);
        now->x = vec3_add(now->x, vec3_of(vec3_dot(c[0], change), vec3_dot(c[1], change), vec3_dot(c[2], change)));
        struct vec3 dc[3] = {sym3_apply(d, c[0]), sym3_apply(d, c[1]), sym3_apply(d, c[2])};
        now->p = sym3_add(p, (struct sym3){vec3_dot(c[0], dc[0]), vec3_dot(c[0], dc[1]), vec3_dot(c[0], dc[2]), vec3_dot(c[1], dc[1]),
                                           vec3_dot(c[1], dc[2]), vec3_dot(c[2], dc[2])});
    }
}

bool gait_smooth(const struct gait_node *nodes, size_t count, const struct mat3 *axes, bool is_settled, double strength[3],
                 struct track_state *out) {
    struct work w = {.z = mem_zalloc_array(count, sizeof *w.z),
                     .variance = mem_zalloc_array(count, sizeof *w.variance),
                     .use = mem_zalloc_array(count, sizeof *w.use),
                     .before = mem_zalloc_array(count, sizeof *w.before),
                     .after = mem_zalloc_array(count, sizeof *w.after)};
    bool has_memory = w.z && w.variance && w.use && w.before && w.after;
    size_t first = 0, last = count;
    while (first < count && !nodes[first].is_measured) first++;
    while (last > first && !nodes[last - 1].is_measured) last--;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct track_state){.at = VEC3_UNKNOWN, .velocity = VEC3_UNKNOWN, .acceleration = VEC3_UNKNOWN};
    if (has_memory && last - first >= 4) {
        w.nodes = nodes + first, w.count = last - first;
        for (size_t i = first; i < last; i++) out[i].at = out[i].velocity = out[i].acceleration = vec3_of(0, 0, 0);
        for (int a = 0; a < 3; a++) {
            struct vec3 axis = mat3_row(axes, a);
            for (size_t i = 0; i < w.count; i++) {
                const struct gait_node *n = &w.nodes[i];
                if ((w.use[i] = n->is_measured))
                    w.z[i] = vec3_dot(n->at, axis), w.variance[i] = sym3_quadratic(n->covariance, axis) + 1e-10;
            }
            double best = -INFINITY, best_log = 4;
            bool is_new = !isfinite(strength[a]);
            if (is_settled && !is_new) best_log = strength[a];
            for (int stage = is_new ? 0 : 1; stage < 2 && (is_new || !is_settled); stage++) {
                double centre = is_new ? best_log : strength[a];
                for (int i = stage ? -1 : 0; i <= (stage ? 1 : 8); i++) {
                    double log_q = stage ? centre + 0.4 * i : i, l = forward(&w, a, pow(10, log_q), false);
                    if (l > best) best = l, best_log = log_q;
                }
            }
            strength[a] = best_log;
            forward(&w, a, pow(10, best_log), true);
            backward(&w);
            for (size_t i = 0; i < w.count; i++) {
                struct track_state *s = &out[first + i];
                const struct gauss *g = &w.after[i];
                s->at = vec3_add(s->at, vec3_scale(axis, g->x.x)), s->velocity = vec3_add(s->velocity, vec3_scale(axis, g->x.y));
                s->acceleration = vec3_add(s->acceleration, vec3_scale(axis, g->x.z));
                sym3_add_outer(&s->covariance, axis, g->p.xx), sym3_add_outer(&s->velocity_covariance, axis, g->p.yy),
                    sym3_add_outer(&s->acceleration_covariance, axis, g->p.zz);
                s->source = w.nodes[i].is_measured ? TRACK_MEASURED : TRACK_FILLED;
            }
        }
    }
    mem_free(w.z), mem_free(w.variance), mem_free(w.use), mem_free(w.before), mem_free(w.after);
    return has_memory;
}

/* ---- the time line ---- */

static int by_time(const void *a, const void *b) {
    const struct gait_node *x = a, *y = b;
    return x->time != y->time ? (x->time > y->time) - (x->time < y->time) : (x->frame > y->frame) - (x->frame < y->frame);
}

/* A node for each frame and each jolt; `side` GAIT_SIDES: of both feet. */
static size_t line_of(const struct gait_recording *r, const struct gait_run *run, size_t side, struct gait_node *nodes) {
    size_t count = 0;
    for (size_t f = 0; f < r->frame_count; f++)
        nodes[count++] = (struct gait_node){.time = gait_time(r, (double)f), .frame = (int64_t)f, .calm = 1};
    double from = nodes[0].time, to = nodes[count - 1].time;
    for (size_t i = 0; i < run->contact_count; i++) {
        const struct gait_contact *c = &run->contacts[i];
        if (side != GAIT_SIDES && (size_t)c->side != side) continue;
        for (int end = 0; end < 2; end++) {
            double t = end ? c->toe_off_s.value : c->touch_down_s.value;
            if (isfinite(t) && t > from && t < to) nodes[count++] = (struct gait_node){.time = t, .frame = end ? -2 : -1, .calm = 1};
        }
    }
    qsort(nodes, count, sizeof *nodes, by_time);
    for (size_t i = 1; i < count; i++) nodes[i].time = fmax(nodes[i].time, nodes[i - 1].time + 1e-6);
    return count;
}

size_t gait_nodes_max(const struct gait_recording *r, const struct gait_run *run) { return r->frame_count + 2 * run->contact_count; }

/* Which frames may be used, and where gaps are too long to be filled: `row` into the frames of a joint, one of `wide`. */
static void mark_sources(const struct gait_recording *r, const struct gait_node *nodes, size_t count, const struct track_state *row,
                         struct track_state *states, size_t wide, size_t joint) {
    double last = -INFINITY;
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].frame < 0) continue;
        struct track_state *s = &states[(size_t)nodes[i].frame * wide + joint];
        *s = row[i];
        if (nodes[i].is_measured) last = nodes[i].time;
        if (next < i) next = i;
        while (next < count && !nodes[next].is_measured) next++;
        bool is_near = next < count && nodes[next].time - last <= 0.2 + 1.5 / r->rate;
        if (row[i].source == TRACK_UNKNOWN || !is_near)
            *s = (struct track_state){.at = VEC3_UNKNOWN, .velocity = VEC3_UNKNOWN, .acceleration = VEC3_UNKNOWN};
        else
            s->source = nodes[i].is_measured ? TRACK_MEASURED : TRACK_FILLED;
    }
}

/* ---- bones ---- */

enum { LEG = 6, DIM = 3 * LEG }; /* hip, knee, ankle, heel, big toe, small toe */
static const int8_t leg_joints[LEG] = {POSE_LHIP, POSE_LKNEE, POSE_LANKLE, POSE_LHEEL, POSE_LBIGTOE, POSE_LSMALLTOE};
static const int8_t bones[][2] = {{0, 1}, {1, 2}, {2, 3}, {2, 4}, {2, 5}, {3, 4}, {3, 5}, {4, 5}};

/* A joint that is at odds with its bones is not where it seems to be, and the others would suffer for it: the one with most bones of a
 * length that nobody has goes first. */
static void drop_strangers(const double *length, const struct vec3 at[LEG], double p[DIM][DIM], bool is_known[LEG]) {
    for (;;) {
        int odds[LEG] = {0};
        size_t worst = LEG;
        double least = 0;
        for (size_t b = 0; b < ARRAY_LEN(bones); b++) {
            size_t i = (size_t)bones[b][0], k = (size_t)bones[b][1];
            if (!is_known[i] || !is_known[k] || !isfinite(length[b])) continue;
            struct vec3 way = vec3_sub(at[i], at[k]), u = vec3_unit(way);
            const double v[3] = {u.x, u.y, u.z};
            double miss = length[b] - vec3_norm(way), s = 1e-6;
            for (size_t x = 0; x < 3; x++) {
                for (size_t y = 0; y < 3; y++) s += v[x] * v[y] * (p[3 * i + x][3 * i + y] + p[3 * k + x][3 * k + y]);
            }
            if (miss * miss > 12 * s) odds[i]++, odds[k]++;
        }
        for (size_t k = 0; k < LEG; k++) {
            double trace = p[3 * k][3 * k] + p[3 * k + 1][3 * k + 1] + p[3 * k + 2][3 * k + 2];
            if (odds[k] && (worst == LEG || odds[k] > odds[worst] || (odds[k] == odds[worst] && trace > least))) worst = k, least = trace;
        }
        if (worst == LEG) return;
        is_known[worst] = false;
    }
}

/* Thigh and shank, and the foot as a rigid triangle, do not change their lengths: each frame's leg moves to where they have them, within
 * what its covariances allow (a linear update for each bone, twice). The lengths are those of the recording itself, without what noise adds
 * to a distance. */
static void stiffen(const struct gait_recording *r, struct track_state *states, size_t side) {
    double length[ARRAY_LEN(bones)];
    size_t n = r->frame_count;
    for (size_t b = 0; b < ARRAY_LEN(bones); b++) {
        double sum = 0, weight = 0;
        size_t i = (size_t)leg_joints[bones[b][0]] + side, k = (size_t)leg_joints[bones[b][1]] + side, count = 0;
        for (size_t f = 0; f < n; f++) {
            const struct track_state *p = &states[f * POSE_JOINTS + i], *q = &states[f * POSE_JOINTS + k];
            if (p->source != TRACK_MEASURED || q->source != TRACK_MEASURED) continue;
            double noise = sym3_trace(p->covariance) + sym3_trace(q->covariance), d = vec3_distance(p->at, q->at),
                   w = 1 / (noise * noise + 1e-12);
            sum += w * (d * d - noise), weight += w, count++;
        }
        length[b] = count >= 10 && sum > 0 ? sqrt(sum / weight) : NAN;
    }
    for (size_t f = 0; f < n; f++) {
        struct vec3 at[LEG];
        double p[DIM][DIM] = {{0}};
        bool is_known[LEG];
        for (size_t k = 0; k < LEG; k++) {
            const struct track_state *s = &states[f * POSE_JOINTS + (size_t)leg_joints[k] + side];
            is_known[k] = s->source != TRACK_UNKNOWN && sym3_trace(s->covariance) < 0.05 * 0.05,
            at[k] = s->at; /* further apart, a foot may turn inside out */
            const struct sym3 c = s->covariance;
            const double rows[3][3] = {{c.xx, c.xy, c.xz}, {c.xy, c.yy, c.yz}, {c.xz, c.yz, c.zz}};
            for (int a = 0; a < 3; a++) memcpy(&p[3 * k + (size_t)a][3 * k], rows[a], sizeof rows[a]);
        }
        drop_strangers(length, at, p, is_known);
        for (int turn = 0; turn < 2; turn++) {
            for (size_t b = 0; b < ARRAY_LEN(bones); b++) {
                size_t i = (size_t)bones[b][0], k = (size_t)bones[b][1];
                if (!is_known[i] || !is_known[k] || !isfinite(length[b])) continue;
                struct vec3 way = vec3_sub(at[i], at[k]), u = vec3_unit(way);
                double miss = length[b] - vec3_norm(way), gain[DIM],
                       s = 1e-6;    /* bones give a millimetre: soft tissue, and joints that are no points */
                if (turn) s = 4e-6; /* the second turn is for the bend of the first */
                const double h[6] = {u.x, u.y, u.z, -u.x, -u.y, -u.z};
                for (size_t x = 0; x < DIM; x++) {
                    gain[x] = 0;
                    for (size_t y = 0; y < 3; y++) gain[x] += p[x][3 * i + y] * h[y] + p[x][3 * k + y] * h[3 + y];
                }
                for (size_t y = 0; y < 3; y++) s += h[y] * gain[3 * i + y] + h[3 + y] * gain[3 * k + y];
                for (size_t x = 0; x < LEG; x++) {
                    if (is_known[x]) at[x] = vec3_add(at[x], vec3_scale(vec3_of(gain[3 * x], gain[3 * x + 1], gain[3 * x + 2]), miss / s));
                }
                for (size_t x = 0; x < DIM && !turn; x++) {
                    for (size_t y = 0; y < DIM; y++) p[x][y] -= gain[x] * gain[y] / s;
                }
            }
        }
        for (size_t k = 0; k < LEG; k++) {
            struct track_state *s = &states[f * POSE_JOINTS + (size_t)leg_joints[k] + side];
            if (!is_known[k] || !vec3_is_known(at[k])) {
                if (s->source != TRACK_UNKNOWN)
                    *s = (struct track_state){.at = VEC3_UNKNOWN, .velocity = VEC3_UNKNOWN, .acceleration = VEC3_UNKNOWN};
                continue;
            }
            double(*c)[DIM] = &p[3 * k];
            s->at = at[k];
            s->covariance = (struct sym3){c[0][3 * k], c[0][3 * k + 1], c[0][3 * k + 2], c[1][3 * k + 1], c[1][3 * k + 2], c[2][3 * k + 2]};
        }
    }
    /* One frame alone is bridged from both sides, by the cubic through places and velocities; more stays unknown. */
    for (size_t f = 1; f + 1 < n; f++) {
        for (size_t k = 0; k < LEG; k++) {
            struct track_state *s = &states[f * POSE_JOINTS + (size_t)leg_joints[k] + side], *a = s - POSE_JOINTS, *b = s + POSE_JOINTS;
            if (s->source != TRACK_UNKNOWN || a->source == TRACK_UNKNOWN || b->source == TRACK_UNKNOWN || !vec3_is_known(a->velocity) ||
                !vec3_is_known(b->velocity))
                continue;
            const double give = 0.01 * 0.01; /* a centimetre: what a foot's change of acceleration makes of two frames */
            *s = (struct track_state){
                .at = vec3_add(vec3_mix(a->at, b->at, 0.5), vec3_scale(vec3_sub(a->velocity, b->velocity), 0.25 / r->rate)),
                .velocity = vec3_mix(a->velocity, b->velocity, 0.5),
                .acceleration = vec3_mix(a->acceleration, b->acceleration, 0.5),
                .covariance = sym3_scale(sym3_add(a->covariance, b->covariance), 0.5),
                .velocity_covariance = sym3_add(a->velocity_covariance, b->velocity_covariance),
                .acceleration_covariance = sym3_add(a->acceleration_covariance, b->acceleration_covariance),
                .source = TRACK_FILLED};
            s->covariance.xx += give, s->covariance.yy += give, s->covariance.zz += give;
        }
    }
}

struct err gait_smooth_point(struct arena *mem, const struct gait_recording *r, const struct track_point *points, struct track_state *out) {
    size_t n = r->frame_count;
    if (!n) return ERR_OK;
    struct arena_mark mark = arena_mark(mem);
    struct gait_node *nodes = arena_alloc_array(mem, n + 1, sizeof *nodes);
    struct track_state *row = arena_alloc_array(mem, n + 1, sizeof *row);
    if (!nodes || !row) return err_memory();
    for (size_t f = 0; f < n; f++) {
        nodes[f] =
            (struct gait_node){.time = gait_time(r, (double)f), .frame = (int64_t)f, .calm = 1, .is_measured = vec3_is_known(points[f].at)};
        nodes[f].at = points[f].at, nodes[f].covariance = points[f].covariance;
    }
    double strength[3] = {NAN, NAN, NAN};
    if (!gait_smooth(nodes, n, &MAT3_IDENTITY, false, strength, row)) return err_memory();
    mark_sources(r, nodes, n, row, out, 1, 0);
    arena_rewind(mem, mark);
    return ERR_OK;
}

/* Is a measurement further from what all others say of its place than noise and three centimetres of a foot's jolt explain? What the others
 * say is the smoothed place without the measurement's own part in it, which at the ends of a recording is nearly all. */
static bool is_wild(const struct gait_node *n, const struct track_state *s, const struct mat3 *axes, double limit) {
    double distance = 0;
    for (int a = 0; a < 3; a++) {
        struct vec3 axis = mat3_row(axes, a);
        double noise = sym3_quadratic(n->covariance, axis) + 1e-10, left = fmax(noise - sym3_quadratic(s->covariance, axis), 1e-3 * noise),
               own = noise / left;
        double miss = vec3_dot(vec3_sub(n->at, s->at), axis) * own;
        distance += miss * miss / (noise * own + 0.03 * 0.03);
    }
    return distance > limit * limit;
}

/* Legs: the jolt of a touch-down is strongest in the foot. A measurement far from the curve is left out, and the curve drawn anew. */
struct err gait_smooth_legs(struct arena *mem, const struct gait_recording *r, struct gait_run *run, struct gait_strengths *strengths) {
    static const struct {
        int8_t joint;
        double share;
    } leg[] = {{POSE_LHIP, 0.08}, {POSE_LKNEE, 0.5}, {POSE_LANKLE, 1}, {POSE_LHEEL, 1}, {POSE_LBIGTOE, 1}, {POSE_LSMALLTOE, 1}};
    size_t n = r->frame_count;
    if (!r->points || n < 4) return ERR_OK;
    struct track_state *states = arena_alloc_array(mem, n * POSE_JOINTS, sizeof *states);
    if (!states) return err_memory();
    struct arena_mark mark = arena_mark(mem);
    struct gait_node *nodes = arena_alloc_array(mem, gait_nodes_max(r, run), sizeof *nodes);
    struct track_state *row = arena_alloc_array(mem, gait_nodes_max(r, run), sizeof *row);
    if (!nodes || !row) return err_memory();
    memcpy(states, r->states, n * POSE_JOINTS * sizeof *states);
    for (size_t side = 0; side < GAIT_SIDES; side++) {
        for (size_t j = r->is_fitted; j < ARRAY_LEN(leg); j++) { /* hips on a fitted skeleton are better than any smoothing */
            size_t k = (size_t)leg[j].joint + side, count = line_of(r, run, side, nodes), measured = 0;
            struct sym3 mean = {0};
            for (size_t i = 0; i < count; i++) {
                struct gait_node *node = &nodes[i];
                if (node->frame < 0) {
                    bool is_landing = node->frame == -1;
                    size_t f = (size_t)fmin(fmax(gait_frame(run, node->time), 0), (double)n - 1);
                    struct vec3 v = run->samples[f].com_velocity;
                    double speed = vec3_is_known(v) ? vec3_norm(v) : 1;
                    for (int a = 0; a < 3; a++) {
                        node->kick_velocity[a] = is_landing ? leg[j].share * (0.3 + 0.15 * speed) : 0;
                        node->kick_acceleration[a] = leg[j].share * (15 + 12 * speed);
                    }
                    continue;
                }
                const struct track_point *p = &r->points[(size_t)node->frame * POSE_JOINTS + k];
                if (!vec3_is_known(p->at)) continue;
                node->is_measured = true, node->at = p->at, node->covariance = p->covariance, mean = sym3_add(mean, p->covariance),
                measured++;
            }
            if (measured < 4) continue;
            double values[3];
            struct mat3 axes;
            sym3_eigen(mean, values, &axes);
            double *strength = strengths->of[side][j];
            for (int pass = 0; pass < 3; pass++) {
                if (!gait_smooth(nodes, count, &axes, pass > 0, strength, row)) return err_memory();
                size_t wild = 0;
                for (size_t i = 0; i < count && pass < 2; i++) {
                    if (nodes[i].is_measured && is_wild(&nodes[i], &row[i], &axes, pass ? 3.5 : 5)) nodes[i].is_measured = false, wild++;
                }
                if (!wild) break;
            }
            mark_sources(r, nodes, count, row, states, POSE_JOINTS, k);
        }
        if (run->contact_count) stiffen(r, states, side);
    }
    arena_rewind(mem, mark);
    run->states = states;
    return ERR_OK;
}

/* Marks the nodes that are reached with a foot on the ground: those between whose time and that of the node before a contact lies. Ends
 * that are unknown count as far as the frames reach. */
static void mark_grounded(const struct gait_run *run, const struct gait_node *nodes, size_t count, bool *grounded) {
    for (size_t k = 0; k < run->contact_count; k++) {
        const struct gait_contact *c = &run->contacts[k];
        double down =
            gait_is_known(c->touch_down_s) ? c->touch_down_s.value : ((double)run->frame_first + (double)c->frame_from - 1) / run->rate;
        double off = gait_is_known(c->toe_off_s) ? c->toe_off_s.value : ((double)run->frame_first + (double)c->frame_to) / run->rate;
        size_t low = 0, high = count; /* the first node behind the touch-down */
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (nodes[middle].time > down)
                high = middle;
            else
                low = middle + 1;
        }
        for (size_t i = low; i < count && (i == low || nodes[i - 1].time < off); i++) grounded[i] = true;
    }
}

static bool sees_feet(const struct gait_run *run, size_t frame) {
    for (size_t side = 0; side < GAIT_SIDES; side++) {
        const struct track_state *s = &run->states[frame * POSE_JOINTS];
        if (s[POSE_LBIGTOE + side].source == TRACK_UNKNOWN && s[POSE_LSMALLTOE + side].source == TRACK_UNKNOWN &&
            s[POSE_LHEEL + side].source == TRACK_UNKNOWN)
            return false;
    }
    return true;
}

/* Nobody flies because a contact was missed. A flight that lasts longer than 0.7 s, in which a foot was not seen, or in which the body does
 * not fall at about the rate that bodies do is none: its nodes are marked as well. */
static void mark_doubtful(const struct gait_run *run, const struct gait_node *nodes, size_t count, bool *grounded) {
    for (size_t i = 1; i < count;) {
        size_t from = i;
        while (i < count && !grounded[i]) i++;
        if (i == from) {
            i++;
            continue;
        }
        double T = nodes[i - 1].time - nodes[from - 1].time, last = (double)run->frame_count - 1;
        size_t a = (size_t)fmin(fmax(ceil(gait_frame(run, nodes[from - 1].time)), 0), last),
               b = (size_t)fmin(fmax(floor(gait_frame(run, nodes[i - 1].time)), 0), last);
        bool is_flight = T < 0.7;
        for (size_t f = a; f <= b && is_flight; f++) is_flight = sees_feet(run, f);
        if (is_flight && b > a + 2) { /* the first smoothing is careless, so with room */
            struct vec3 v0 = run->samples[a].com_velocity, v1 = run->samples[b].com_velocity;
            double t = (double)(b - a) / run->rate, rate = (v1.z - v0.z) / t;
            is_flight = !isfinite(rate) || fabs(rate + GAIT_GRAVITY) < 3 + 0.5 / t;
        }
        for (size_t k = from; k < i && !is_flight; k++) grounded[k] = true;
    }
}

struct err gait_smooth_balance(struct arena *mem, const struct gait_recording *r, const struct track_point *points, struct gait_run *run) {
    size_t n = r->frame_count, most = gait_nodes_max(r, run);
    if (n < 4) return ERR_OK;
    struct arena_mark mark = arena_mark(mem);
    struct gait_node *nodes = arena_alloc_array(mem, most, sizeof *nodes);
    struct track_state *row = arena_alloc_array(mem, most, sizeof *row);
    bool *grounded = arena_alloc_array(mem, most + 1, sizeof *grounded);
    if (!nodes || !row || !grounded) return err_memory();
    size_t count = line_of(r, run, GAIT_SIDES, nodes);
    if (run->contact_count) mark_grounded(run, nodes, count, grounded), mark_doubtful(run, nodes, count, grounded);
    struct vec3 along = run->axis, left = {-along.y, along.x, 0};
    struct mat3 axes = {{{along.x, along.y, 0}, {left.x, left.y, 0}, {0, 0, 1}}};
    for (size_t i = 0; i < count; i++) {
        struct gait_node *node = &nodes[i];
        bool was_airborne = i && run->contact_count && !grounded[i];
        if (was_airborne) node->calm = calm;
        if (node->frame < 0) {
            struct vec3 v = run->samples[(size_t)fmin(fmax(gait_frame(run, node->time), 0), (double)n - 1)].com_velocity;
            double kick = kick_slow + kick_per_mps * (vec3_is_known(v) ? vec3_norm(v) : 5);
            node->kick_acceleration[0] = node->kick_acceleration[1] = kick, node->kick_acceleration[2] = 3 * kick;
            continue;
        }
        if (was_airborne || (run->contact_count && i + 1 < count && !grounded[i + 1])) {
            node->is_falling = true, node->fall[2] = -GAIT_GRAVITY;
            struct vec3 v = run->samples[node->frame].com_velocity;
            /* air: somewhere between nothing (wind from behind) and twice what it costs a runner on a calm day, 0.003 v2 (Pugh 1971) */
            double drag = 0.0015 * (vec3_is_known(v) ? v.x * v.x + v.y * v.y : 0);
            node->fall[0] = -drag, node->fall_deviation[0] = hypot(fall_deviation, drag),
            node->fall_deviation[1] = node->fall_deviation[2] = fall_deviation;
        }
        const struct track_point *p = &points[node->frame];
        if (vec3_is_known(p->at) && vec3_is_known(run->samples[node->frame].com))
            node->is_measured = true, node->at = p->at, node->covariance = p->covariance;
    }
    double strength[3] = {NAN, NAN, NAN};
    if (!gait_smooth(nodes, count, &axes, false, strength, row)) return err_memory();
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].frame < 0 || row[i].source == TRACK_UNKNOWN) continue;
        struct gait_sample *s = &run->samples[nodes[i].frame];
        if (!vec3_is_known(s->com)) continue;
        s->com = row[i].at, s->com_velocity = row[i].velocity, s->com_acceleration = row[i].acceleration;
        s->com_covariance = row[i].covariance, s->com_velocity_covariance = row[i].velocity_covariance,
        s->com_acceleration_covariance = row[i].acceleration_covariance;
    }
    arena_rewind(mem, mark);
    return ERR_OK;
}
