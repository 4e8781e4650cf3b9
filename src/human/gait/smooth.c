/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Smoothing by somebody who knows when the feet strike. A filter for all seasons takes a leg's jolt at touch-down for noise and rounds it off, and takes the flight of the body for
 * a struggle; here the jolts stand where the contacts begin, and in the air the centre of mass falls.
 *
 * Kalman filter forward, Rauch, Tung and Striebel back, each axis by itself: position, velocity, acceleration, driven by white jerk. The time line has a node for each frame and one
 * for each jolt between the frames. The strength of the jerk is the one that makes the measurements most probable. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "human/gait/room.h"

/* In the air: how well the acceleration is known (m/s2), and how calm the rest is against the ground. At both ends of a contact the acceleration may jump (m/s2). */
static const double fall_deviation = 0.7, calm = 1e-2, kick = 15;

struct gauss {
    struct vec3 x; /* position, velocity, acceleration */
    struct sym3 p;
};

static struct gauss predict(const struct gauss *g, double dt, double q) {
    double h = 0.5 * dt * dt, d3 = dt * dt * dt;
    const struct sym3 p = g->p;
    double a0 = p.xx + dt * p.xy + h * p.xz, a1 = p.xy + dt * p.yy + h * p.yz, a2 = p.xz + dt * p.yz + h * p.zz, b1 = p.yy + dt * p.yz, b2 = p.yz + dt * p.zz;
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
    double sum = 0;
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
            sum -= 0.5 * (log(s) + miss * miss / s);
            update_position(&g, w->z[i], w->variance[i]);
        }
        if (n->is_falling) update_acceleration(&g, n->fall[axis], n->fall_deviation[axis] * n->fall_deviation[axis]);
        if (store) w->after[i] = g;
    }
    return sum;
}

static void backward(const struct work *w) {
    for (size_t i = w->count - 1; i-- > 0;) {
        double dt = w->nodes[i + 1].time - w->nodes[i].time, h = 0.5 * dt * dt;
        struct gauss *now = &w->after[i];
        const struct gauss *next = &w->after[i + 1], *guess = &w->before[i + 1];
        struct sym3 inverse, p = now->p;
        /* A guess that is known exactly in some direction (two nodes at one time) has no inverse: what is known next is known now. */
        if (!sym3_inverse(guess->p, &inverse)) continue;
        struct vec3 rows[3] = {vec3_of(p.xx + dt * p.xy + h * p.xz, p.xy + dt * p.xz, p.xz), vec3_of(p.xy + dt * p.yy + h * p.yz, p.yy + dt * p.yz, p.yz),
                               vec3_of(p.xz + dt * p.yz + h * p.zz, p.yz + dt * p.zz, p.zz)};
        struct vec3 c[3], change = vec3_sub(next->x, guess->x);
        struct sym3 d = sym3_add(next->p, sym3_scale(guess->p, -1));
        for (int k = 0; k < 3; k++) c[k] = sym3_apply(inverse, rows[k]);
        now->x = vec3_add(now->x, vec3_of(vec3_dot(c[0], change), vec3_dot(c[1], change), vec3_dot(c[2], change)));
        struct vec3 dc[3] = {sym3_apply(d, c[0]), sym3_apply(d, c[1]), sym3_apply(d, c[2])};
        now->p = sym3_add(p, (struct sym3){vec3_dot(c[0], dc[0]), vec3_dot(c[0], dc[1]), vec3_dot(c[0], dc[2]), vec3_dot(c[1], dc[1]), vec3_dot(c[1], dc[2]), vec3_dot(c[2], dc[2])});
    }
}

bool gait_smooth(const struct gait_node *nodes, size_t count, const struct mat3 *axes, struct track_state *out) {
    struct work w = {.z = mem_zalloc_array(count, sizeof *w.z), .variance = mem_zalloc_array(count, sizeof *w.variance), .use = mem_zalloc_array(count, sizeof *w.use),
                     .before = mem_zalloc_array(count, sizeof *w.before), .after = mem_zalloc_array(count, sizeof *w.after)};
    bool has_memory = w.z && w.variance && w.use && w.before && w.after;
    size_t first = 0, last = count;
    while (first < count && !nodes[first].is_measured) first++;
    while (last > first && !nodes[last - 1].is_measured) last--;
    for (size_t i = 0; i < count; i++) out[i] = (struct track_state){.at = VEC3_UNKNOWN, .velocity = VEC3_UNKNOWN, .acceleration = VEC3_UNKNOWN};
    if (has_memory && last - first >= 4) {
        w.nodes = nodes + first, w.count = last - first;
        for (size_t i = first; i < last; i++) out[i].at = out[i].velocity = out[i].acceleration = vec3_of(0, 0, 0);
        for (int a = 0; a < 3; a++) {
            struct vec3 axis = mat3_row(axes, a);
            for (size_t i = 0; i < w.count; i++) {
                const struct gait_node *n = &w.nodes[i];
                if ((w.use[i] = n->is_measured)) w.z[i] = vec3_dot(n->at, axis), w.variance[i] = sym3_quadratic(n->covariance, axis) + 1e-10;
            }
            double best = -INFINITY, best_log = 4;
            for (int stage = 0; stage < 2; stage++) {
                double centre = best_log;
                for (int i = stage ? -2 : 0; i <= (stage ? 2 : 8); i++) {
                    double log_q = stage ? centre + 0.33 * i : i, l = forward(&w, a, pow(10, log_q), false);
                    if (l > best) best = l, best_log = log_q;
                }
            }
            forward(&w, a, pow(10, best_log), true);
            backward(&w);
            for (size_t i = 0; i < w.count; i++) {
                struct track_state *s = &out[first + i];
                const struct gauss *g = &w.after[i];
                s->at = vec3_add(s->at, vec3_scale(axis, g->x.x)), s->velocity = vec3_add(s->velocity, vec3_scale(axis, g->x.y));
                s->acceleration = vec3_add(s->acceleration, vec3_scale(axis, g->x.z));
                sym3_add_outer(&s->covariance, axis, g->p.xx), sym3_add_outer(&s->velocity_covariance, axis, g->p.yy), sym3_add_outer(&s->acceleration_covariance, axis, g->p.zz);
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
    for (size_t f = 0; f < r->frame_count; f++) nodes[count++] = (struct gait_node){.time = gait_time(r, (double)f), .frame = (int64_t)f, .calm = 1};
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

/* Which frames may be used, and where gaps are too long to be filled: sources of `row` for the frames of a joint. */
static void mark_sources(const struct gait_recording *r, const struct gait_node *nodes, size_t count, const struct track_state *row, struct track_state *states, size_t joint) {
    double last = -INFINITY;
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].frame < 0) continue;
        struct track_state *s = &states[(size_t)nodes[i].frame * POSE_JOINTS + joint];
        *s = row[i];
        if (nodes[i].is_measured) last = nodes[i].time;
        if (next < i) next = i;
        while (next < count && !nodes[next].is_measured) next++;
        bool is_near = next < count && nodes[next].time - last <= 0.2 + 1.5 / r->rate;
        if (row[i].source == TRACK_UNKNOWN || !is_near) *s = (struct track_state){.at = VEC3_UNKNOWN, .velocity = VEC3_UNKNOWN, .acceleration = VEC3_UNKNOWN};
        else s->source = nodes[i].is_measured ? TRACK_MEASURED : TRACK_FILLED;
    }
}

/* Legs: the jolt of a touch-down is strongest in the foot. A measurement far from the curve is left out, and the curve drawn anew. */
struct err gait_smooth_legs(struct arena *mem, const struct gait_recording *r, struct gait_run *run) {
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
        for (size_t j = 0; j < ARRAY_LEN(leg); j++) {
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
                node->is_measured = true, node->at = p->at, node->covariance = p->covariance, mean = sym3_add(mean, p->covariance), measured++;
            }
            if (measured < 4) continue;
            double values[3];
            struct mat3 axes;
            sym3_eigen(mean, values, &axes);
            for (int pass = 0; pass < 3; pass++) {
                if (!gait_smooth(nodes, count, &axes, row)) return err_memory();
                size_t wild = 0;
                for (size_t i = 0; i < count && pass < 2; i++) {
                    if (!nodes[i].is_measured) continue;
                    double far = vec3_distance(nodes[i].at, row[i].at), deviation = sqrt(sym3_trace(nodes[i].covariance));
                    if (far > 0.03 + (pass ? 3.5 : 5) * deviation) nodes[i].is_measured = false, wild++;
                }
                if (!wild) break;
            }
            mark_sources(r, nodes, count, row, states, k);
        }
    }
    arena_rewind(mem, mark);
    run->states = states;
    return ERR_OK;
}

/* Is nobody's foot down at t? Unknown ends of contacts and unseen feet mean that it cannot be said. */
static bool is_airborne(const struct gait_run *run, double from, double to) {
    for (size_t i = 0; i < run->contact_count; i++) {
        const struct gait_contact *c = &run->contacts[i];
        double down = gait_is_known(c->touch_down_s) ? c->touch_down_s.value : ((double)run->frame_first + (double)c->frame_from - 1) / run->rate;
        double off = gait_is_known(c->toe_off_s) ? c->toe_off_s.value : ((double)run->frame_first + (double)c->frame_to) / run->rate;
        if (from < off && to > down) return false;
    }
    return true;
}

struct err gait_smooth_balance(struct arena *mem, const struct gait_recording *r, const struct track_point *points, struct gait_run *run) {
    size_t n = r->frame_count, most = gait_nodes_max(r, run);
    if (n < 4) return ERR_OK;
    struct arena_mark mark = arena_mark(mem);
    struct gait_node *nodes = arena_alloc_array(mem, most, sizeof *nodes);
    struct track_state *row = arena_alloc_array(mem, most, sizeof *row);
    if (!nodes || !row) return err_memory();
    size_t count = line_of(r, run, GAIT_SIDES, nodes);
    bool has_feet = true;
    for (size_t i = 0; i < run->note_count; i++) has_feet = has_feet && strcmp(run->notes[i], "gait.no_left_foot") && strcmp(run->notes[i], "gait.no_right_foot") && strcmp(run->notes[i], "gait.no_contact");
    struct vec3 along = run->axis, left = {-along.y, along.x, 0};
    struct mat3 axes = {{{along.x, along.y, 0}, {left.x, left.y, 0}, {0, 0, 1}}};
    for (size_t i = 0; i < count; i++) {
        struct gait_node *node = &nodes[i];
        double before = i ? nodes[i - 1].time : node->time;
        bool was_airborne = i && has_feet && node->time - before < 0.1 && is_airborne(run, before, node->time);
        /* a flight longer than 0.9 s is a foot that was not seen */
        if (was_airborne) node->calm = calm;
        if (node->frame < 0) {
            node->kick_acceleration[0] = node->kick_acceleration[1] = kick, node->kick_acceleration[2] = 3 * kick;
            continue;
        }
        if (was_airborne || (has_feet && i + 1 < count && is_airborne(run, node->time, nodes[i + 1].time))) {
            node->is_falling = true, node->fall[2] = -GAIT_GRAVITY;
            struct vec3 v = run->samples[node->frame].com_velocity;
            /* air: somewhere between nothing (wind from behind) and twice what it costs a runner on a calm day, 0.003 v2 (Pugh 1971) */
            double drag = 0.0015 * (vec3_is_known(v) ? v.x * v.x + v.y * v.y : 0);
            node->fall[0] = -drag, node->fall_deviation[0] = hypot(fall_deviation, drag), node->fall_deviation[1] = node->fall_deviation[2] = fall_deviation;
        }
        const struct track_point *p = &points[node->frame];
        if (vec3_is_known(p->at) && vec3_is_known(run->samples[node->frame].com)) node->is_measured = true, node->at = p->at, node->covariance = p->covariance;
    }
    if (!gait_smooth(nodes, count, &axes, row)) return err_memory();
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].frame < 0 || row[i].source == TRACK_UNKNOWN) continue;
        struct gait_sample *s = &run->samples[nodes[i].frame];
        if (!vec3_is_known(s->com)) continue;
        s->com = row[i].at, s->com_velocity = row[i].velocity, s->com_acceleration = row[i].acceleration;
        s->com_covariance = row[i].covariance, s->com_velocity_covariance = row[i].velocity_covariance, s->com_acceleration_covariance = row[i].acceleration_covariance;
    }
    arena_rewind(mem, mark);
    return ERR_OK;
}
