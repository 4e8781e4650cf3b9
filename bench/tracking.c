/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Athletes in 3D: CPU time of one core and accuracy. The peer is Pose2Sim, which is Python and no package here: its figures
 * (18 frames/s clean, 11 with outliers) were measured once on this class of machine, on a ring like these. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/rng.h"
#include "human/body/body.h"
#include "human/gait/gait.h"
#include "human/synth/synth.h"
#include "human/track/triangulate.h"

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void row(const char *what, double ours, const char *unit, const char *peer, const char *aim) { printf("%s | %.4g %s | %s | - | %s\n", what, ours, unit, peer, aim); }

static void must(struct err e, const char *what) {
    if (!e.kind) return;
    fprintf(stderr, "%s: %s\n", what, e.what);
    exit(1);
}

/* Frames of 9 athletes x 26 joints a CPU second: `cameras` on a ring of 15 m, 2 px. */
static double triangulation(enum triangulate_way way, size_t cameras, double missing, double outliers, size_t bad, size_t frames) {
    enum { COUNT = 234 };
    static struct camera_view views[CAMERA_COUNT_MAX];
    static struct pose_point points[CAMERA_COUNT_MAX][COUNT];
    struct track_scope scope = {.camera_count = cameras};
    const struct pose_point *list[CAMERA_COUNT_MAX];
    struct rng r = rng_seeded(1);
    for (size_t c = 0; c < cameras; c++) {
        double a = 2 * M_PI * (double)c / (double)cameras;
        views[c].lens = (struct camera_lens){.fx = 2000, .fy = 2000, .cx = 1920, .cy = 1080, .radial = {-0.08, 0.02}, .tangential = {0.0005, -0.0003}};
        must(camera_lens_prepare(&views[c].lens), "lens");
        views[c].pose = camera_pose_look_at(vec3_of(15 * cos(a), 15 * sin(a), 3), vec3_of(0, 0, 1), vec3_of(0, 0, 1));
        scope.views[c] = &views[c], scope.noise_px[c] = 2, list[c] = points[c];
    }
    double seconds = 0;
    for (size_t f = 0; f < frames; f++) {
        struct track_point out[COUNT];
        for (size_t k = 0; k < COUNT; k++) {
            struct vec3 at = {4 * (rng_unit(&r) - 0.5), 10 * (rng_unit(&r) - 0.5), 2 * rng_unit(&r)};
            for (size_t c = 0; c < cameras; c++) {
                double u = 0, v = 0, angle = 2 * M_PI * rng_unit(&r), wrong = c < bad || rng_unit(&r) < outliers ? 100 : 0;
                bool is_seen = camera_project(&views[c], at, &u, &v) && rng_unit(&r) >= missing;
                points[c][k] = (struct pose_point){(float)(u + 2 * rng_normal(&r) + wrong * cos(angle)), (float)(v + 2 * rng_normal(&r) + wrong * sin(angle)), is_seen ? 0.9f : 0};
            }
        }
        double t = cpu();
        (void)triangulate_by(way, &scope, list, COUNT, out);
        seconds += cpu() - t;
    }
    return (double)frames / seconds;
}

static double bend_of(struct vec3 a, struct vec3 b, struct vec3 c) {
    struct vec3 u = vec3_unit(vec3_sub(b, a)), v = vec3_unit(vec3_sub(c, b));
    return atan2(vec3_norm(vec3_cross(u, v)), vec3_dot(u, v)) * 180 / M_PI;
}

struct skeletons {
    double fit_s, gait_s, sum, squares, angles;
    size_t count, angle_count;
};

/* The skeleton of one person, its metrics, and how near it is to `truth`. */
static void skeleton(struct arena *mem, const struct synth_meeting *m, const struct pose_take *const *takes, const struct track_people *people, size_t person, double rate,
                     const struct motion *truth, struct skeletons *out) {
    static const int joints[4][3] = {{POSE_LHIP, POSE_LKNEE, POSE_LANKLE}, {POSE_RHIP, POSE_RKNEE, POSE_RANKLE}, {POSE_LSHOULDER, POSE_LELBOW, POSE_LWRIST}, {POSE_RSHOULDER, POSE_RELBOW, POSE_RWRIST}};
    static const int angles[4] = {BODY_KNEE_ANGLE_L, BODY_KNEE_ANGLE_R, BODY_ELBOW_FLEX_L, BODY_ELBOW_FLEX_R};
    const struct track_person *p = &people->people[person];
    struct body_fit fit;
    struct gait_run run;
    double t = cpu();
    must(body_fit(mem, &m->rig, takes, people, person, &(struct body_options){.rate = rate}, &fit), "skeleton");
    out->fit_s += cpu() - t;
    t = cpu();
    struct gait_recording recording;
    must(gait_from_body(mem, people, person, &fit, &recording), "metrics");
    must(gait_analyse(mem, &recording, NULL, &run), "metrics");
    out->gait_s += cpu() - t;
    for (size_t f = 0; f < p->frame_count; f++) {
        const struct vec3 *there = motion_at(truth, (size_t)p->frame_first + f, 0);
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            double d = vec3_distance(fit.joints[f * POSE_JOINTS + k].at, there[k]);
            if (isfinite(d)) out->sum += d, out->squares += d * d, out->count++;
        }
        for (size_t i = 0; i < ARRAY_LEN(angles); i++) {
            double off = (double)fit.angles[f * BODY_ANGLES + (size_t)angles[i]] * 180 / M_PI - bend_of(there[joints[i][0]], there[joints[i][1]], there[joints[i][2]]);
            if (isfinite(off)) out->angles += off * off, out->angle_count++;
        }
    }
}

/* Follows a scene, smooths it, and fits skeletons: accuracy against its truth. */
static void identities(const char *name, const struct synth_scene *s, const struct synth_meeting *m, const struct track_people *people, struct arena *mem) {
    size_t frames = m->truth[0].frame_count, swapped = 0, longest = 0;
    uint8_t *covered = arena_alloc_array(mem, s->athletes * frames, 1);
    char what[200];
    for (size_t i = 0; i < people->count && covered; i++) {
        const struct track_person *p = &people->people[i];
        size_t votes[SYNTH_ATHLETES_MAX] = {0}, whose = 0;
        int16_t *nearest = arena_alloc_array(mem, p->frame_count, sizeof *nearest);
        for (size_t f = 0; nearest && f < p->frame_count; f++) {
            double least = INFINITY;
            nearest[f] = -1;
            for (size_t a = 0; a < s->athletes; a++) {
                double sum = 0;
                size_t n = 0;
                for (size_t k = 0; k < POSE_JOINTS; k++) {
                    struct vec3 at = p->points[f * POSE_JOINTS + k].at;
                    if (vec3_is_known(at)) sum += vec3_distance(at, *motion_at(&m->truth[a], (size_t)p->frame_first + f, k)), n++;
                }
                if (n >= 4 && sum / (double)n < least) least = sum / (double)n, nearest[f] = (int16_t)a;
            }
            if (nearest[f] >= 0) votes[nearest[f]]++;
        }
        for (size_t a = 1; a < s->athletes; a++) whose = votes[a] > votes[whose] ? a : whose;
        for (size_t f = 0; nearest && f < p->frame_count; f++) {
            if (nearest[f] < 0) continue;
            swapped += (size_t)nearest[f] != whose;
            covered[(size_t)nearest[f] * frames + (size_t)p->frame_first + f] = 1;
        }
    }
    for (size_t a = 0; a < s->athletes && covered; a++) {
        for (size_t f = 0, run = 0; f < frames; f++) {
            run = covered[a * frames + f] ? 0 : run + 1;
            longest = run > longest ? run : longest;
        }
    }
    snprintf(what, sizeof what, "%s: %zu people, %zu athletes; frames of somebody else", name, people->count, s->athletes);
    row(what, (double)swapped, "", "-", "0");
    snprintf(what, sizeof what, "%s: longest time that an athlete was nobody", name);
    row(what, (double)longest / s->rate, "s", "-", "<= 0.3");
}

static void scene(const char *name) {
    struct arena *mem = arena_create((size_t)4 << 30);
    struct buf text = BUF(1 << 20);
    char path[300], what[200];
    struct synth_scene s;
    struct synth_meeting m;
    snprintf(path, sizeof path, "bench/scenes/%s.json", name);
    must(fs_read_file(AT_FDCWD, path, &text), path);
    must(synth_scene_parse(buf_slice(&text), &s), path);
    must(synth_make(mem, &s, &m), path);
    buf_free(&text);
    const struct pose_take *takes[SYNTH_CAMERAS_MAX];
    for (size_t c = 0; c < s.cameras; c++) takes[c] = &m.takes[c];
    struct track_people people;
    double t = cpu();
    must(track_follow(mem, &m.rig, takes, &(struct track_options){.rate = s.rate}, &people), path);
    double follow = cpu() - t, smooth = 0, raw2 = 0, bound2 = 0, smooth2 = 0, smooth1 = 0;
    size_t raw_n = 0, smooth_n = 0;
    struct skeletons bodies = {0};
    for (size_t i = 0; i < people.count; i++) {
        const struct track_person *p = &people.people[i];
        size_t best = 0, half = p->frame_count / 2;
        double least = INFINITY;
        for (size_t a = 0; a < s.athletes; a++) { /* whose is it, in the middle */
            struct vec3 x = p->points[half * POSE_JOINTS + POSE_HIP].at;
            double d = vec3_distance(x, *motion_at(&m.truth[a], (size_t)p->frame_first + half, POSE_HIP));
            if (d < least) least = d, best = a;
        }
        skeleton(mem, &m, takes, &people, i, s.rate, &m.truth[best], &bodies);
        struct track_state *row_of = arena_alloc_array(mem, p->frame_count, sizeof *row_of);
        for (size_t k = 0; row_of && k < POSE_JOINTS; k++) {
            t = cpu();
            (void)track_smooth(p->points + k, POSE_JOINTS, p->frame_count, s.rate, 0.2, row_of);
            smooth += cpu() - t;
            for (size_t f = 0; f < p->frame_count; f++) {
                struct vec3 truth = *motion_at(&m.truth[best], (size_t)p->frame_first + f, k), raw = p->points[f * POSE_JOINTS + k].at;
                double d = vec3_distance(row_of[f].at, truth);
                double bound = m.bounds_m2[(best * m.truth[0].frame_count + (size_t)p->frame_first + f) * POSE_JOINTS + k];
                if (vec3_is_known(raw) && isfinite(bound)) {
                    double e2 = pow(vec3_distance(raw, truth), 2);
                    raw2 += e2, bound2 += bound, raw_n++;
                }
                if (row_of[f].source != TRACK_UNKNOWN) smooth2 += d * d, smooth1 += d, smooth_n++;
            }
        }
    }
    identities(name, &s, &m, &people, mem);
    /* The bound is that of the same points: what cameras without an outlier there determine. */
    snprintf(what, sizeof what, "%s: raw error over the bound of %.1f mm, root mean square", name, sqrt(bound2 / (double)raw_n) * 1e3);
    row(what, sqrt(raw2 / bound2), "", "-", "<= 1.03");
    snprintf(what, sizeof what, "%s: smoothed, mean distance (root mean square %.2f mm)", name, sqrt(smooth2 / (double)smooth_n) * 1e3);
    row(what, smooth1 / (double)smooth_n * 1e3, "mm", strcmp(name, "ring") ? "12.0 (5 %)" : "8.8", strcmp(name, "race") ? "<= 8 (8.5 with outliers)" : "-");
    snprintf(what, sizeof what, "%s: association, triangulation and tracking", name);
    row(what, follow * 1e3 / (double)m.truth[0].frame_count, "ms/frame", "-", "<= 0.5");
    snprintf(what, sizeof what, "%s: %.0f s of %zu athletes to smoothed motion", name, s.seconds, people.count);
    row(what, follow + smooth, "s", "-", "<= 1");
    snprintf(what, sizeof what, "%s: skeleton, mean distance (root mean square %.2f mm)", name, sqrt(bodies.squares / (double)bodies.count) * 1e3);
    row(what, bodies.sum / (double)bodies.count * 1e3, "mm", "-", "<= 6");
    snprintf(what, sizeof what, "%s: skeleton, angles of knees and elbows, root mean square", name);
    row(what, sqrt(bodies.angles / (double)bodies.angle_count), "degrees", "-", "<= 2");
    snprintf(what, sizeof what, "%s: skeleton, a frame of one athlete", name);
    row(what, bodies.fit_s * 1e6 / (double)(m.truth[0].frame_count * people.count), "us", "-", "-");
    snprintf(what, sizeof what, "%s: %.0f s of %zu athletes to skeletons and metrics (skeletons %.2f s, metrics %.2f s)", name, s.seconds, people.count, bodies.fit_s, bodies.gait_s);
    row(what, follow + bodies.fit_s + bodies.gait_s, "s", "-", "<= 1");
    arena_destroy(&mem);
}

struct error {
    double squares, z, values[4096];
    size_t count;
};
static void off_by(struct error *e, struct gait_value v, double truth) {
    if (!gait_is_known(v)) return;
    double d = v.value - truth;
    if (e->count < ARRAY_LEN(e->values)) e->values[e->count] = fabs(d);
    e->squares += d * d, e->z += d * d / (v.error * v.error), e->count++;
}
static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static void error_row(const char *what, struct error *e, double scale, const char *unit, bool is_p95, const char *aim) {
    char text[200];
    size_t kept = e->count < ARRAY_LEN(e->values) ? e->count : ARRAY_LEN(e->values);
    qsort(e->values, kept, sizeof *e->values, by_value);
    snprintf(text, sizeof text, "%s, %s (%zu; error over standard error %.2f)", what, is_p95 ? "95th percentile" : "root mean square", e->count, sqrt(e->z / (double)e->count));
    row(text, scale * (is_p95 ? e->values[(size_t)(0.95 * (double)kept)] : sqrt(e->squares / (double)e->count)), unit, "-", aim);
}

/* Sprinters with planted feet, through the whole chain: what a coach reads against what was so. */
static void metrics(const char *name, const uint64_t *seeds, size_t seed_count) {
    static struct error speed, down, off, angles[3];
    static const struct {
        enum synth_angle truth;
        enum gait_angle kind;
    } compared[3] = {{SYNTH_HIP_FLEXION, GAIT_HIP_FLEXION}, {SYNTH_KNEE_FLEXION, GAIT_KNEE_FLEXION}, {SYNTH_ANKLE_DORSIFLEXION, GAIT_ANKLE_DORSIFLEXION}};
    size_t missed = 0;
    for (size_t turn = 0; turn < seed_count; turn++) {
        struct arena *mem = arena_create((size_t)4 << 30);
        struct buf text = BUF(1 << 20);
        char path[300];
        struct synth_scene s;
        struct synth_meeting m;
        snprintf(path, sizeof path, "bench/scenes/%s.json", name);
        must(fs_read_file(AT_FDCWD, path, &text), path);
        must(synth_scene_parse(buf_slice(&text), &s), path);
        buf_free(&text);
        if (seeds[turn]) s.seed = seeds[turn];
        must(synth_make(mem, &s, &m), path);
        const struct pose_take *takes[SYNTH_CAMERAS_MAX];
        for (size_t c = 0; c < s.cameras; c++) takes[c] = &m.takes[c];
        struct track_people people;
        must(track_follow(mem, &m.rig, takes, &(struct track_options){.rate = s.rate}, &people), path);
        for (size_t i = 0; i < people.count; i++) {
            const struct track_person *p = &people.people[i];
            size_t best = 0, half = p->frame_count / 2;
            double least = INFINITY;
            for (size_t a = 0; a < s.athletes; a++) {
                double d = vec3_distance(p->points[half * POSE_JOINTS + POSE_HIP].at, *motion_at(&m.truth[a], (size_t)p->frame_first + half, POSE_HIP));
                if (d < least) least = d, best = a;
            }
            const struct synth_truth *who = &m.athletes[best];
            struct body_fit fit;
            struct gait_recording recording;
            struct gait_run run;
            struct gait_options o = GAIT_OPTIONS;
            o.sex = who->is_female ? GAIT_FEMALE : GAIT_MALE;
            must(body_fit(mem, &m.rig, takes, &people, i, &(struct body_options){.rate = s.rate}, &fit), "skeleton");
            must(gait_from_body(mem, &people, i, &fit, &recording), "metrics");
            must(gait_analyse(mem, &recording, &o, &run), "metrics");
            for (size_t f = 0; f < run.frame_count; f++) {
                size_t g = f + (size_t)run.frame_first;
                double v = hypot(who->com_velocity[g].x, who->com_velocity[g].y);
                if (v >= 10 && v <= 12) off_by(&speed, run.samples[f].speed, v);
                for (size_t k = 0; k < ARRAY_LEN(compared); k++) {
                    for (int side = 0; side < 2; side++) off_by(&angles[k], run.samples[f].angles[2 * (size_t)compared[k].kind + (size_t)side], who->angles[g][(int)compared[k].truth + side]);
                }
            }
            for (size_t c = 0; c < who->contact_count; c++) {
                const struct synth_contact *t = &who->contacts[c];
                if (t->touch_down_s < 0.2 || t->toe_off_s > s.seconds - 0.2) continue;
                bool is_found = false;
                for (size_t k = 0; k < run.contact_count; k++) {
                    const struct gait_contact *q = &run.contacts[k];
                    if ((int)q->side != t->side || !gait_is_known(q->touch_down_s) || !gait_is_known(q->toe_off_s)) continue;
                    double middle = 0.5 * (q->touch_down_s.value + q->toe_off_s.value);
                    if (middle < t->touch_down_s || middle > t->toe_off_s) continue;
                    is_found = true;
                    off_by(&down, q->touch_down_s, t->touch_down_s), off_by(&off, q->toe_off_s, t->toe_off_s);
                }
                missed += !is_found;
            }
        }
        arena_destroy(&mem);
    }
    error_row("sprint: speed of the centre of mass, 10 to 12 m/s", &speed, 1, "m/s", false, "<= 0.05");
    error_row("sprint: touch-down", &down, 1e3, "ms", true, "<= 8");
    error_row("sprint: toe-off", &off, 1e3, "ms", true, "<= 8");
    row("sprint: contacts that were not found", (double)missed, "", "-", "0");
    error_row("sprint: hip flexion", &angles[0], 1, "degrees", false, "<= 2");
    error_row("sprint: knee flexion", &angles[1], 1, "degrees", false, "<= 2");
    error_row("sprint: ankle dorsiflexion", &angles[2], 1, "degrees", false, "<= 2");
}

/* Frame by frame, with states eight frames later: CPU time of one frame, and how near they are. */
static void live(const char *name) {
    struct arena *mem = arena_create((size_t)4 << 30);
    struct buf text = BUF(1 << 20);
    char path[300], what[200];
    struct synth_scene s;
    struct synth_meeting m;
    struct track_live *l;
    snprintf(path, sizeof path, "bench/scenes/%s.json", name);
    must(fs_read_file(AT_FDCWD, path, &text), path);
    must(synth_scene_parse(buf_slice(&text), &s), path);
    must(synth_make(mem, &s, &m), path);
    buf_free(&text);
    must(track_live_open(&m.takes[0].layout, s.cameras, &(struct track_live_options){.follow = {.rate = s.rate}, .lag_frames = 8}, &l), path);
    size_t frames = m.truth[0].frame_count, n = 0;
    double seconds = 0, sum = 0;
    for (size_t f = 0; f < frames; f++) {
        const struct pose_frame *list[SYNTH_CAMERAS_MAX];
        const struct camera_view *views[SYNTH_CAMERAS_MAX];
        struct track_live_frame out;
        bool has_frame;
        for (size_t c = 0; c < s.cameras; c++) list[c] = &m.takes[c].frames[f], views[c] = camera_view_at(&m.rig.cameras[c], (int64_t)f);
        double t = cpu();
        must(track_live_push(l, list, views, &out, &has_frame), path);
        seconds += cpu() - t;
        for (size_t i = 0; has_frame && i < out.count; i++) {
            const struct track_state *states = out.people[i].states;
            size_t who = 0;
            if (states[POSE_HIP].source == TRACK_UNKNOWN) continue;
            for (size_t a = 1; a < s.athletes; a++) {
                if (vec3_distance(states[POSE_HIP].at, *motion_at(&m.truth[a], f - 8, POSE_HIP)) < vec3_distance(states[POSE_HIP].at, *motion_at(&m.truth[who], f - 8, POSE_HIP))) who = a;
            }
            for (size_t k = 0; k < POSE_JOINTS; k++) {
                if (states[k].source != TRACK_UNKNOWN) sum += vec3_distance(states[k].at, *motion_at(&m.truth[who], f - 8, k)), n++;
            }
        }
    }
    snprintf(what, sizeof what, "%s: live, a frame of %zu athletes (%.2f mm mean after 8 frames)", name, s.athletes, sum / (double)n * 1e3);
    row(what, seconds * 1e3 / (double)frames, "ms", "-", "-");
    track_live_close(&l);
    arena_destroy(&mem);
}

/* Cameras that started when they liked, drift and expose row by row: how near their clocks are found. */
static void clocks(const char *name) {
    struct arena *mem = arena_create((size_t)4 << 30);
    struct buf text = BUF(1 << 20);
    char path[300], what[200];
    struct synth_scene s;
    struct synth_meeting m;
    snprintf(path, sizeof path, "bench/scenes/%s.json", name);
    must(fs_read_file(AT_FDCWD, path, &text), path);
    must(synth_scene_parse(buf_slice(&text), &s), path);
    must(synth_make(mem, &s, &m), path);
    buf_free(&text);
    const struct pose_take *takes[SYNTH_CAMERAS_MAX];
    struct camera cameras[SYNTH_CAMERAS_MAX];
    struct camera_rig rig = {cameras, m.rig.count, m.rig.up};
    for (size_t c = 0; c < s.cameras; c++) takes[c] = &m.takes[c], cameras[c] = m.rig.cameras[c], cameras[c].clock = (struct camera_clock){.rate = m.rig.cameras[c].clock.rate};
    struct track_plan plan = {.rate = s.rate, .with_sync = true, .offset_max_s = 2, .with_refinement = true, .refine = {.held = 0.2, .with_clocks = true}};
    struct track_result r;
    double t = cpu(), worst[2] = {0}, mean[2] = {0};
    must(track_everybody(mem, &rig, takes, &plan, &r), path);
    t = cpu() - t;
    for (int turn = 0; turn < 2; turn++) { /* in the middle of picture and take, against the mean of all cameras: the common clock is nobody's */
        for (size_t c = 0; c < s.cameras; c++) {
            const struct camera_clock *truth = &m.rig.cameras[c].clock, *found[2] = {&r.sync.clocks[c], &r.rig.cameras[c].clock};
            for (int i = 0; i < 2; i++) {
                double off = (found[i]->offset_s - truth->offset_s + (found[i]->drift - truth->drift) * s.seconds / 2 + (found[i]->row_s - truth->row_s) * s.height / 2) * s.rate;
                if (turn) worst[i] = fmax(worst[i], fabs(off - mean[i]));
                else mean[i] += off / (double)s.cameras;
            }
        }
    }
    snprintf(what, sizeof what, "%s: worst time offset by correlation alone", name);
    row(what, worst[0], "frames", "1 (whole frames)", "-");
    snprintf(what, sizeof what, "%s: worst time offset, refined (%.0f s of CPU)", name, t);
    row(what, worst[1], "frames", "-", "<= 0.1");
    arena_destroy(&mem);
}

int main(int argc, char **argv) {
    printf("what (CPU time of one core) | ours | Pose2Sim | ratio | aim\n");
    enum triangulate_way best = triangulate_can(TRIANGULATE_AVX512) ? TRIANGULATE_AVX512 : triangulate_can(TRIANGULATE_AVX2) ? TRIANGULATE_AVX2 : TRIANGULATE_PLAIN;
    char what[100];
    snprintf(what, sizeof what, "triangulation (%s), 5 cameras, 234 points, 20 %% missing", triangulate_way_name(best));
    row(what, triangulation(best, 5, 0.2, 0, 0, 1000), "frames/s", "18", ">= 10,000");
    row("the same, 10 % outliers of 100 px", triangulation(best, 5, 0.2, 0.1, 0, 600), "frames/s", "11 (5 %)", ">= 6,000");
    row("16 cameras, 4 of them wrong", triangulation(best, 16, 0, 0, 4, 100), "frames/s", "-", ">= 1,500");
    row("the first in plain C", triangulation(TRIANGULATE_PLAIN, 5, 0.2, 0, 0, 300), "frames/s", "18", "-");
    if (best == TRIANGULATE_AVX512) row("the first in AVX2", triangulation(TRIANGULATE_AVX2, 5, 0.2, 0, 0, 500), "frames/s", "18", "-");
    static const char *const names[] = {"ring", "ring-outliers", "race"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) scene(names[i]);
    live("ring");
    clocks("unsynchronised");
    static const uint64_t seeds[] = {0, 5, 6};
    metrics("sprint", seeds, ARRAY_LEN(seeds));
    if (argc > 1) {
        struct arena *mem = arena_create((size_t)1 << 30);
        size_t files = 0;
        double t = cpu();
        for (int c = 1; c <= 5; c++) {
            char path[600];
            struct pose_take take;
            struct pose_note note;
            snprintf(path, sizeof path, "%s/cam%02d_json", argv[1], c);
            must(pose_take_read(mem, path, NULL, &take, &note), path);
            files += take.frame_count;
        }
        snprintf(what, sizeof what, "reading %zu OpenPose files of 9 people", files);
        row(what, cpu() - t, "s", "-", "<= 1");
        arena_destroy(&mem);
    }
    return 0;
}
