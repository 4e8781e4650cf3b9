/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/synth/synth.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/rng.h"
#include "human/synth/runner.h"

static struct err bad(const char *what) { return err_make(ERR_INPUT, "synth.scene", what); }

static double number(const json_t *o, const char *name, double otherwise) {
    const json_t *v = json_object_get(o, name);
    return json_is_number(v) ? json_number_value(v) : v ? NAN : otherwise;
}

static bool triple(const json_t *o, const char *name, struct vec3 *out) {
    const json_t *v = json_object_get(o, name);
    if (json_array_size(v) != 3) return false;
    *out = vec3_of(json_number_value(json_array_get(v, 0)), json_number_value(json_array_get(v, 1)), json_number_value(json_array_get(v, 2)));
    return vec3_is_known(*out);
}

static bool move_of(const json_t *v, enum synth_move *out) {
    static const char *const names[SYNTH_MOVES] = {"glide", "sprint", "run", "walk", "stand", "jump", "hurdles"};
    for (size_t i = 0; json_is_string(v) && i < SYNTH_MOVES; i++) {
        if (!strcmp(json_string_value(v), names[i])) {
            *out = (enum synth_move)i;
            return true;
        }
    }
    return false;
}

struct err synth_scene_parse(struct slice text, struct synth_scene *out) {
    json_t *root;
    struct err e = json_parse(text, 1 << 20, &root);
    if (e.kind) return e;
    struct synth_scene s = {
        .rate = number(root, "rate", 60), .seconds = number(root, "seconds", 10),
        .lane_m = number(root, "lane_m", 1.22), .speed_min = number(root, "speed_min", 9), .speed_max = number(root, "speed_max", 10.5),
        .on_the_spot = json_is_true(json_object_get(root, "on_the_spot")), .does_follow = json_is_true(json_object_get(root, "does_follow")),
        .focal_px = number(root, "focal_px", 2000), .width = number(root, "width", 3840), .height = number(root, "height", 2160),
        .noise_px = number(root, "noise_px", 2), .missing = number(root, "missing", 0), .outliers = number(root, "outliers", 0),
        .outlier_px = number(root, "outlier_px", 100), .swaps = number(root, "swaps", 0),
    };
    double athletes = number(root, "athletes", 9), seed = number(root, "seed", 1);
    struct vec3 radial = {0};
    if (json_object_get(root, "radial") && !triple(root, "radial", &radial)) e = bad("\"radial\" must hold three numbers.");
    s.radial[0] = radial.x, s.radial[1] = radial.y, s.radial[2] = radial.z;
    const json_t *tangential = json_object_get(root, "tangential");
    for (size_t i = 0; i < 2 && tangential; i++) s.tangential[i] = json_number_value(json_array_get(tangential, i));
    const json_t *cameras = json_object_get(root, "cameras");
    if (!(s.rate > 0 && s.rate <= 1000) || !(s.seconds > 0 && s.seconds <= 600)) e = bad("\"rate\" or \"seconds\" makes no sense.");
    else if (!(seed >= 0 && seed <= 0x1p53)) e = bad("\"seed\" must be 0 to 2^53.");
    else if (!(athletes >= 1 && athletes <= SYNTH_ATHLETES_MAX)) e = bad("\"athletes\" must be 1 to 32.");
    else if (json_array_size(cameras) < 1 || json_array_size(cameras) > SYNTH_CAMERAS_MAX) e = bad("\"cameras\" must be a list of 1 to 32.");
    else if (!(s.focal_px > 0) || !(s.width > 0) || !(s.height > 0) || !(s.noise_px > 0) || !(s.missing >= 0 && s.missing <= 1) || !(s.outliers >= 0 && s.outliers <= 1) ||
             !(s.swaps >= 0 && s.swaps <= 1) || !(s.speed_min >= 0 && s.speed_max >= s.speed_min) || !isfinite(s.lane_m) || !isfinite(s.outlier_px)) {
        e = bad("A number of the scene makes no sense.");
    }
    for (size_t i = 0; !e.kind && i < json_array_size(cameras); i++) {
        const json_t *c = json_array_get(cameras, i);
        if (!triple(c, "at", &s.at[i]) || !triple(c, "look", &s.look[i])) e = bad("Each camera needs \"at\" and \"look\", three numbers each.");
        struct camera_clock *k = &s.clock[i];
        *k = (struct camera_clock){number(c, "offset_s", 0), number(c, "drift", 0), number(c, "row_s", 0), number(c, "rate", 0)};
        if (!e.kind && (!(fabs(k->offset_s) <= 60) || !(fabs(k->drift) <= 0.01) || !(fabs(k->row_s) * s.height <= 0.1) || !(k->rate >= 0 && k->rate <= 1000))) {
            e = bad("A camera's \"offset_s\", \"drift\", \"row_s\" or \"rate\" makes no sense.");
        }
    }
    const json_t *move = json_object_get(root, "move");
    for (size_t i = 0; !e.kind && move && i < SYNTH_ATHLETES_MAX; i++) {
        const json_t *m = json_is_array(move) && json_array_size(move) ? json_array_get(move, i % json_array_size(move)) : move;
        if (!move_of(m, &s.moves[i])) e = bad("\"move\" must be glide, sprint, run, walk, stand, jump or hurdles, or a list of them.");
    }
    s.athletes = e.kind ? 0 : (size_t)athletes, s.seed = e.kind ? 0 : (uint64_t)seed, s.cameras = json_array_size(cameras);
    json_decref(root);
    if (!e.kind) *out = s;
    return e;
}

/* ---- a runner ---- */

struct runner {
    double height, top_speed, lane_y, start_x, phase, lean;
};

/* Forward from the pelvis in the runner's plane: angle 0 hangs down, positive swings forward (x). */
static struct vec3 hang(struct vec3 from, double length, double angle) { return vec3_add(from, vec3_of(length * sin(angle), 0, -length * cos(angle))); }

static void posture(const struct runner *r, double t, bool on_the_spot, struct vec3 out[POSE_JOINTS]) {
    const double h = r->height, rise_s = 1.6; /* time constant of the acceleration */
    double run = r->top_speed * (t - rise_s * (1 - exp(-t / rise_s))), speed = r->top_speed * (1 - exp(-t / rise_s));
    /* phase from distance: a stride is 2.6 times the height at top speed, and the first ones are shorter */
    double strides = on_the_spot ? 2.1 * t : 2.1 * t - 0.4 * (1 - exp(-t / 0.8)), phi = 2 * M_PI * (strides + r->phase);
    double effort = on_the_spot ? 1 : 0.55 + 0.45 * speed / r->top_speed;
    struct vec3 pelvis = {r->start_x + (on_the_spot ? 0.05 * sin(phi / 3) : run), r->lane_y + 0.015 * sin(phi), 0.53 * h + 0.025 * cos(2 * phi)};
    double twist = 0.12 * sin(phi), lean = r->lean + 0.03 * cos(2 * phi);
    out[POSE_HIP] = pelvis;
    struct vec3 neck = vec3_add(pelvis, vec3_of(0.29 * h * sin(lean), 0, 0.29 * h * cos(lean)));
    out[POSE_NECK] = neck;
    out[POSE_HEAD] = vec3_add(neck, vec3_of(0.16 * h * sin(0.4 * lean), 0, 0.16 * h * cos(0.4 * lean)));
    struct vec3 face = vec3_mix(neck, out[POSE_HEAD], 0.45);
    out[POSE_NOSE] = vec3_add(face, vec3_of(0.065 * h, 0, 0));
    for (int side = 0; side < 2; side++) { /* 0 left (+y), 1 right */
        double sign = side ? -1 : 1, p = phi + (side ? M_PI : 0);
        out[POSE_LEYE + side] = vec3_add(face, vec3_of(0.055 * h, sign * 0.018 * h, 0.02 * h));
        out[POSE_LEAR + side] = vec3_add(face, vec3_of(0.0, sign * 0.042 * h, 0.01 * h));
        double hip_angle = effort * (0.25 + 0.75 * sin(p)), knee = effort * (0.75 - 0.65 * cos(p - 0.35) + 0.15 * sin(2 * p)) + 0.15, ankle = 0.35 * sin(p + 0.8);
        struct vec3 hip = vec3_add(pelvis, vec3_of(-sign * 0.055 * h * sin(twist), sign * 0.055 * h * cos(twist), 0));
        struct vec3 knee_at = hang(hip, 0.245 * h, hip_angle), ankle_at = hang(knee_at, 0.246 * h, hip_angle - knee);
        double foot = hip_angle - knee + ankle; /* 0: at right angles to the shank */
        struct vec3 along = {cos(foot), 0, sin(foot)}, down = {sin(foot), 0, -cos(foot)};
        out[POSE_LHIP + side] = hip, out[POSE_LKNEE + side] = knee_at, out[POSE_LANKLE + side] = ankle_at;
        out[POSE_LHEEL + side] = vec3_add(ankle_at, vec3_add(vec3_scale(along, -0.03 * h), vec3_scale(down, 0.035 * h)));
        struct vec3 ball = vec3_add(ankle_at, vec3_add(vec3_scale(along, 0.105 * h), vec3_scale(down, 0.035 * h)));
        out[POSE_LBIGTOE + side] = vec3_add(ball, vec3_of(0, -sign * 0.012 * h, 0));
        out[POSE_LSMALLTOE + side] = vec3_add(vec3_add(ball, vec3_scale(along, -0.02 * h)), vec3_of(0, sign * 0.025 * h, 0));
        double arm = -effort * 0.85 * sin(p) - 0.15, elbow = 1.55 + 0.25 * sin(p);
        struct vec3 shoulder = vec3_add(neck, vec3_of(sign * 0.11 * h * sin(1.5 * twist), sign * 0.11 * h * cos(1.5 * twist), -0.02 * h));
        struct vec3 elbow_at = hang(shoulder, 0.172 * h, arm);
        out[POSE_LSHOULDER + side] = shoulder, out[POSE_LELBOW + side] = elbow_at;
        out[POSE_LWRIST + side] = hang(elbow_at, 0.157 * h, arm + elbow);
    }
}

enum { FINE = 10 }; /* instants a frame */

static struct err plant(struct arena *mem, const struct synth_scene *s, size_t i, double height, double speed, double lane_y, double start_x, struct rng *r, struct motion *m,
                        struct motion *fine, struct synth_truth *out) {
    struct synth_truth t = {.move = s->moves[i], .height_m = height, .is_female = rng_unit(r) < 0.5};
    struct plan *plan = NULL;
    for (int try = 0; try < 6; try++) { /* with bent knees everybody reaches the ground */
        struct arena_mark mark = arena_mark(mem);
        struct rng again = *r;
        struct plan_pose pose;
        if (!(plan = plan_make(mem, t.move, s->seconds, height, speed, lane_y, start_x, t.is_female, 0.006 * try, &again))) return err_memory();
        double stretch = 0;
        for (double time = 0; time < s->seconds && stretch <= 0.998; time += 0.004) plan_pose(plan, time, &pose), stretch = fmax(stretch, pose.stretch);
        if (stretch <= 0.998 || try == 5) {
            *r = again;
            break;
        }
        arena_rewind(mem, mark);
    }
    t.contact_count = plan_contacts(plan, NULL, 0);
    t.contacts = arena_alloc_array(mem, t.contact_count, sizeof *t.contacts), t.angles = arena_alloc_array(mem, m->frame_count, sizeof *t.angles);
    t.com = arena_alloc_array(mem, m->frame_count, sizeof *t.com), t.com_velocity = arena_alloc_array(mem, m->frame_count, sizeof *t.com_velocity);
    if (!t.contacts || !t.angles || !t.com || !t.com_velocity) return err_memory();
    (void)plan_contacts(plan, t.contacts, t.contact_count);
    for (size_t f = 0; f < m->frame_count; f++) {
        struct plan_pose pose;
        plan_pose(plan, (double)f / s->rate, &pose);
        memcpy(motion_at(m, f, 0), pose.joints, sizeof pose.joints), memcpy(t.angles[f], pose.angles, sizeof pose.angles);
        t.com[f] = pose.com, t.com_velocity[f] = pose.com_velocity, t.stretch = fmax(t.stretch, pose.stretch);
    }
    bool is_between = false; /* does any camera look between the frames? */
    for (size_t c = 0; c < s->cameras; c++) {
        const struct camera_clock *k = &s->clock[c];
        is_between = is_between || k->offset_s != 0 || k->drift != 0 || k->row_s != 0 || (k->rate > 0 && k->rate != s->rate);
    }
    if (is_between) {
        struct err e = motion_create(mem, m->frame_count * FINE, POSE_JOINTS, s->rate * FINE, fine);
        if (e.kind) return e;
        for (size_t f = 0; f < fine->frame_count; f++) {
            struct plan_pose pose;
            plan_pose(plan, (double)f / fine->rate, &pose);
            memcpy(motion_at(fine, f, 0), pose.joints, sizeof pose.joints);
        }
    }
    *out = t;
    return ERR_OK;
}

/* ---- the meeting ---- */

/* Where a joint is between the frames; unknown before the first and behind the last. For those who glide by Lagrange's polynomial through six frames; a foot that
 * strikes the ground has a corner there, so those with planted feet bring `fine`, a motion at ten times the rate. */
static struct vec3 truth_at(const struct motion *m, const struct motion *fine, double frame, size_t joint) {
    if (!(frame >= -1e-9 && frame <= (double)(m->frame_count - 1) + 1e-9)) return VEC3_UNKNOWN;
    double nearest = floor(frame + 0.5);
    if (fabs(frame - nearest) < 1e-9 || m->frame_count < 6) return *motion_at(m, (size_t)nearest, joint);
    if (fine->frame_count) {
        size_t at = (size_t)(frame * FINE);
        if (at + 2 > fine->frame_count) at = fine->frame_count - 2;
        return vec3_mix(*motion_at(fine, at, joint), *motion_at(fine, at + 1, joint), frame * FINE - (double)at);
    }
    size_t first = frame < 2 ? 0 : (size_t)frame - 2;
    if (first > m->frame_count - 6) first = m->frame_count - 6;
    struct vec3 sum = {0};
    for (size_t i = 0; i < 6; i++) {
        double w = 1;
        for (size_t j = 0; j < 6; j++) w *= j == i ? 1 : (frame - (double)(first + j)) / ((double)i - (double)j);
        sum = vec3_add(sum, vec3_scale(*motion_at(m, first + i, joint), w));
    }
    return sum;
}

static size_t frames_of(const struct synth_scene *s, size_t c) {
    double rate = s->clock[c].rate > 0 ? s->clock[c].rate : s->rate;
    return (size_t)(s->seconds * rate + 0.5);
}

static struct err make_cameras(struct arena *mem, const struct synth_scene *s, size_t frames, const struct motion *truth, struct camera_rig *rig) {
    *rig = (struct camera_rig){.count = s->cameras, .up = CAMERA_UP_Z, .cameras = arena_alloc_array(mem, s->cameras, sizeof *rig->cameras)};
    if (!rig->cameras) return err_memory();
    for (size_t c = 0; c < s->cameras; c++) {
        struct camera *camera = &rig->cameras[c];
        *camera = (struct camera){.width = s->width, .height = s->height, .error_px = NAN};
        snprintf(camera->name, sizeof camera->name, "cam%02zu", c + 1);
        camera->fixed.lens = (struct camera_lens){.fx = s->focal_px, .fy = s->focal_px, .cx = s->width / 2 - 0.5, .cy = s->height / 2 - 0.5};
        memcpy(camera->fixed.lens.radial, s->radial, sizeof s->radial), memcpy(camera->fixed.lens.tangential, s->tangential, sizeof s->tangential);
        camera->clock = s->clock[c];
        struct err e = camera_lens_prepare(&camera->fixed.lens);
        if (e.kind) return e;
        camera->fixed.pose = camera_pose_look_at(s->at[c], s->look[c], vec3_of(0, 0, 1));
        if (!s->does_follow) continue;
        size_t own = frames_of(s, c);
        struct camera_view *views = arena_alloc_array(mem, own, sizeof *views);
        if (!views) return err_memory();
        for (size_t f = 0; f < own; f++) {
            double x = 0;
            size_t now = (size_t)((double)f * (double)frames / (double)own);
            for (size_t i = 0; i < s->athletes; i++) x += motion_at(&truth[i], now, POSE_HIP)->x / (double)s->athletes;
            views[f] = camera->fixed;
            views[f].pose = camera_pose_look_at(s->at[c], vec3_add(s->look[c], vec3_of(x, 0, 0)), vec3_of(0, 0, 1));
        }
        camera->views = views, camera->view_count = own, camera->view_first = 0;
    }
    return ERR_OK;
}

struct err synth_make(struct arena *mem, const struct synth_scene *s, struct synth_meeting *out) {
    struct rng r = rng_seeded(s->seed);
    size_t frames = (size_t)(s->seconds * s->rate + 0.5);
    struct pose_layout layout;
    if (!pose_layout_named(SLICE("HALPE_26"), &layout)) return err_make(ERR_BUG, "synth.layout", "The layout of the joints is missing.");
    struct synth_meeting m = {.truth = arena_alloc_array(mem, s->athletes, sizeof *m.truth), .takes = arena_alloc_array(mem, s->cameras, sizeof *m.takes),
                              .athletes = arena_alloc_array(mem, s->athletes, sizeof *m.athletes)};
    struct motion *fine = arena_alloc_array(mem, s->athletes, sizeof *fine);
    if (!m.truth || !m.takes || !m.athletes || !fine) return err_memory();
    for (size_t i = 0; i < s->athletes; i++) {
        struct runner who = {.height = 1.62 + 0.34 * rng_unit(&r), .top_speed = s->speed_min + (s->speed_max - s->speed_min) * rng_unit(&r),
                             .lane_y = s->lane_m * ((double)i - 0.5 * (double)(s->athletes - 1)), .start_x = 0.1 * rng_normal(&r), .phase = rng_unit(&r), .lean = 0.08 + 0.1 * rng_unit(&r)};
        struct err e = motion_create(mem, frames, POSE_JOINTS, s->rate, &m.truth[i]);
        if (e.kind) return e;
        snprintf(m.truth[i].name, MOTION_NAME_MAX, "truth-%zu", i + 1);
        for (int k = 0; k < POSE_JOINTS; k++) memcpy(m.truth[i].point_names[k], layout.joint_names[k], MOTION_NAME_MAX);
        if (s->moves[i] != SYNTH_MOVE_GLIDE) {
            e = plant(mem, s, i, fmax(who.height, 1.76), who.top_speed, who.lane_y, who.start_x, &r, &m.truth[i], &fine[i], &m.athletes[i]);
            if (e.kind) return e;
            continue;
        }
        for (size_t f = 0; f < frames; f++) posture(&who, (double)f / s->rate, s->on_the_spot, motion_at(&m.truth[i], f, 0));
    }
    struct err e = make_cameras(mem, s, frames, m.truth, &m.rig);
    if (e.kind) return e;
    /* information of each joint and frame, for the bound */
    struct sym3 *information = arena_alloc_array(mem, s->athletes * frames * POSE_JOINTS, sizeof *information);
    uint8_t *clean = arena_alloc_array(mem, s->athletes * frames * POSE_JOINTS, 1);
    if (!information || !clean) return err_memory();
    for (size_t c = 0; c < s->cameras; c++) {
        struct pose_take *t = &m.takes[c];
        const struct camera_clock *clock = &s->clock[c];
        const double rate = clock->rate > 0 ? clock->rate : s->rate;
        const size_t own = frames_of(s, c);
        *t = (struct pose_take){.layout = layout, .frame_count = own, .frames = arena_alloc_array(mem, own, sizeof *t->frames)};
        snprintf(t->name, sizeof t->name, "cam%02zu", c + 1);
        if (!t->frames) return err_memory();
        int swapped[SYNTH_ATHLETES_MAX] = {0};
        for (size_t f = 0; f < own; f++) {
            const double start = ((double)f / rate * (1 + clock->drift) + clock->offset_s) * s->rate; /* of the exposure of row 0, in frames of the truth */
            size_t order[SYNTH_ATHLETES_MAX], people = 0;
            for (size_t i = 0; i < s->athletes; i++) order[i] = i;
            for (size_t i = s->athletes; i > 1; i--) { /* the network lists people in any order */
                size_t j = (size_t)rng_below(&r, i), o = order[i - 1];
                order[i - 1] = order[j], order[j] = o;
            }
            const struct camera_view *view = camera_view_at(&m.rig.cameras[c], (int64_t)f);
            struct pose_point *points = arena_alloc_array(mem, s->athletes * POSE_JOINTS, sizeof *points);
            if (!points) return err_memory();
            for (size_t i = 0; i < s->athletes; i++) {
                size_t who = order[i], seen = 0;
                struct pose_point *p = points + people * POSE_JOINTS;
                if (swapped[who] > 0) swapped[who]--;
                else if (s->swaps > 0 && rng_unit(&r) < s->swaps) swapped[who] = 3 + (int)rng_below(&r, 6);
                for (int k = 0; k < POSE_JOINTS; k++) {
                    const struct camera_pose *pose = &view->pose;
                    double u = 0, v = 0.5 * s->height, d[2][3], now = start;
                    bool is_seen = false;
                    for (int turn = 0; turn < (clock->row_s != 0 ? 4 : 1); turn++) { /* the row decides the time, which decides the row */
                        now = start + v * clock->row_s * s->rate;
                        struct vec3 at = truth_at(&m.truth[who], &fine[who], now, (size_t)k);
                        is_seen = vec3_is_known(at) && camera_lens_project_derivative(&view->lens, vec3_add(mat3_apply(&pose->rotation, at), pose->translation), &u, &v, d);
                        if (!is_seen) break;
                    }
                    is_seen = is_seen && u > 0 && v > 0 && u < s->width && v < s->height;
                    bool is_missing = rng_unit(&r) < s->missing, is_outlier = rng_unit(&r) < s->outliers;
                    double angle = 2 * M_PI * rng_unit(&r), nu = s->noise_px * rng_normal(&r), nv = s->noise_px * rng_normal(&r);
                    p[k] = (struct pose_point){0, 0, 0};
                    if (!is_seen || is_missing) continue;
                    if (is_outlier) nu += s->outlier_px * cos(angle), nv += s->outlier_px * sin(angle);
                    p[k] = (struct pose_point){(float)(u + nu), (float)(v + nv), 0.9f};
                    seen++;
                    if (is_outlier || swapped[who]) continue;
                    size_t nearest = (size_t)(now + 0.5) < frames ? (size_t)(now + 0.5) : frames - 1, at_index = (who * frames + nearest) * POSE_JOINTS + (size_t)k;
                    for (int q = 0; q < 2; q++) {
                        sym3_add_outer(&information[at_index], mat3_apply_transposed(&pose->rotation, vec3_of(d[q][0], d[q][1], d[q][2])), 1 / (s->noise_px * s->noise_px));
                    }
                    clean[at_index]++;
                }
                if (swapped[who]) {
                    for (int k = POSE_LHIP; k <= POSE_RHEEL; k++) {
                        int o = layout.mirror[k];
                        if (o <= k) continue;
                        struct pose_point q = p[k];
                        p[k] = p[o], p[o] = q;
                    }
                }
                people += seen >= 6; /* fewer: nobody is found */
            }
            t->frames[f] = (struct pose_frame){.is_present = true, .people = (uint32_t)people, .points = points};
        }
    }
    double sum = 0;
    size_t count = 0;
    if (!(m.bounds_m2 = arena_alloc_array(mem, s->athletes * frames * POSE_JOINTS, sizeof *m.bounds_m2))) return err_memory();
    for (size_t i = 0; i < s->athletes * frames * POSE_JOINTS; i++) {
        struct sym3 bound;
        m.bounds_m2[i] = NAN;
        if (clean[i] >= 2 && sym3_inverse(information[i], &bound)) sum += m.bounds_m2[i] = sym3_trace(bound), count++;
    }
    m.bound_m = count ? sqrt(sum / (double)count) : NAN;
    *out = m;
    return ERR_OK;
}

void synth_write_truth(struct buf *out, const struct synth_meeting *m, size_t athlete) {
    static const char *const moves[SYNTH_MOVES] = {"glide", "sprint", "run", "walk", "stand", "jump", "hurdles"};
    static const char *const angles[SYNTH_ANGLES] = {"trunk_lean", "hip_flexion_l", "hip_flexion_r", "knee_flexion_l", "knee_flexion_r", "ankle_dorsiflexion_l", "ankle_dorsiflexion_r",
                                                     "shoulder_flexion_l", "shoulder_flexion_r", "elbow_flexion_l", "elbow_flexion_r", "thigh_l", "thigh_r", "shank_l", "shank_r"};
    const struct synth_truth *t = &m->athletes[athlete];
    const struct motion *motion = &m->truth[athlete];
    struct json_writer w = json_writer_of(out);
    json_begin_object(&w);
    json_put_cstr(&w, "move", moves[t->move]);
    if (t->com) {
        json_put_cstr(&w, "sex", t->is_female ? "f" : "m"), json_put_double(&w, "height_m", t->height_m), json_put_double(&w, "rate", motion->rate);
        json_key(&w, "contacts");
        json_begin_array(&w);
        for (size_t i = 0; i < t->contact_count; i++) {
            json_begin_object(&w);
            json_put_cstr(&w, "side", t->contacts[i].side ? "right" : "left");
            json_put_double(&w, "touch_down_s", t->contacts[i].touch_down_s), json_put_double(&w, "toe_off_s", t->contacts[i].toe_off_s);
            json_put_double(&w, "x", t->contacts[i].toe.x), json_put_double(&w, "y", t->contacts[i].toe.y);
            json_end(&w);
        }
        json_end(&w);
        json_key(&w, "angle_names");
        json_begin_array(&w);
        for (int k = 0; k < SYNTH_ANGLES; k++) json_add_cstr(&w, angles[k]);
        json_end(&w);
        json_key(&w, "frames");
        json_begin_array(&w);
        for (size_t f = 0; f < motion->frame_count; f++) {
            const struct vec3 *at = &t->com[f], *v = &t->com_velocity[f];
            json_begin_object(&w);
            json_key(&w, "com");
            json_begin_array(&w), json_add_double(&w, at->x), json_add_double(&w, at->y), json_add_double(&w, at->z), json_end(&w);
            json_put_double(&w, "speed", hypot(v->x, v->y));
            json_key(&w, "angles");
            json_begin_array(&w);
            for (int k = 0; k < SYNTH_ANGLES; k++) json_add_double(&w, t->angles[f][k]);
            json_end(&w);
            json_end(&w);
        }
        json_end(&w);
    }
    json_end(&w);
}

void synth_write_openpose(struct buf *out, const struct pose_take *t, size_t frame) {
    buf_cstr(out, "{\"version\":1.3,\"people\":[");
    for (size_t p = 0; p < t->frames[frame].people; p++) {
        buf_printf(out, "%s{\"person_id\":[-1],\"pose_keypoints_2d\":[", p ? "," : "");
        const struct pose_point *points = pose_person(t, frame, p);
        for (size_t k = 0; k < t->layout.joint_count; k++) {
            buf_printf(out, "%s%.3f,%.3f,%.3g", k ? "," : "", (double)points[k].x, (double)points[k].y, (double)points[k].confidence);
        }
        buf_cstr(out, "]}");
    }
    buf_cstr(out, "]}\n");
}
