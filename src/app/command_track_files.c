/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The files of `grandstand track`, and how far two of them are apart. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/command_track.h"
#include "base/fs.h"

static const struct {
    const char *name;
    unsigned bit;
} formats[] = {{"trc", TRACK_TRC}, {"csv", TRACK_CSV}, {"json", TRACK_JSON}, {"c3d", TRACK_C3D}, {"mot", TRACK_MOT}, {"sto", TRACK_STO}, {"bvh", TRACK_BVH}, {"glb", TRACK_GLB}, {"all", TRACK_FORMATS}};

bool track_formats_of(const char *text, unsigned *out) {
    struct slice rest = slice_cstr(text), word;
    unsigned chosen = 0;
    while (slice_next(&rest, ',', &word)) {
        unsigned bit = 0;
        for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
            if (slice_eq_nocase(slice_trim(word), slice_cstr(formats[i].name))) bit = formats[i].bit;
        }
        if (!bit) return false;
        chosen |= bit;
    }
    *out = chosen;
    return chosen != 0;
}

/* One file under the folder: OUT/person-N END. */
struct target {
    const char *out;
    uint32_t id;
    struct buf text;
};

static struct err save(struct target *t, const char *ending) {
    char path[1200];
    struct err e = buf_error(&t->text);
    if (!e.kind && snprintf(path, sizeof path, "%s/person-%u%s", t->out, t->id, ending) >= (int)sizeof path) e = err_make(ERR_INPUT, "option.value", "The path of the output folder is too long.");
    if (!e.kind) e = fs_write_file_atomic(AT_FDCWD, path, buf_slice(&t->text), 0644);
    buf_clear(&t->text);
    return e;
}

/* Standard deviation of each point per axis: what C3D calls a residual. */
static double *deviations(struct arena *mem, const struct track_people *people, size_t person, const struct track_state *states, const struct body_fit *fit) {
    const struct track_person *p = &people->people[person];
    size_t joints = people->layout.joint_count;
    double *out = arena_alloc_array(mem, p->frame_count * joints + 1, sizeof *out);
    for (size_t f = 0; out && f < p->frame_count; f++) {
        for (size_t k = 0; k < joints; k++) {
            int joint = people->layout.joint[k];
            const struct track_state *s = fit && joint >= 0 ? &fit->joints[f * POSE_JOINTS + (size_t)joint] : &states[f * joints + k];
            out[f * joints + k] = s->source == TRACK_UNKNOWN ? NAN : sqrt(fmax(0, sym3_trace(s->covariance)) / 3);
        }
    }
    return out;
}

struct err track_write_person(struct arena *mem, const char *out, unsigned chosen, const struct camera_rig *rig, const struct track_people *people, size_t person,
                              const struct track_state *states, double rate, const struct body_fit *fit) {
    struct target t = {.out = out, .id = people->people[person].id, .text = BUF(1u << 30)};
    struct motion raw, m;
    struct err e = track_motion(mem, people, person, NULL, rate, &raw);
    if (!e.kind) e = track_motion(mem, people, person, states, rate, &m);
    if (e.kind) return e;
    for (size_t k = 0; fit && k < m.point_count; k++) { /* joints that the skeleton knows; others of the layout stay as smoothed */
        int joint = people->layout.joint[k];
        for (size_t f = 0; f < m.frame_count && joint >= 0; f++) *motion_at(&m, f, k) = fit->joints[f * POSE_JOINTS + (size_t)joint].at;
    }
    if (rig->up == CAMERA_UP_Z) motion_to_y_up(&raw), motion_to_y_up(&m);
    snprintf(m.name, sizeof m.name, "person-%u.trc", t.id), snprintf(raw.name, sizeof raw.name, "person-%u_raw.trc", t.id);
    if (chosen & TRACK_TRC) {
        motion_write_trc(&t.text, &m), e = save(&t, ".trc");
        if (!e.kind) motion_write_trc(&t.text, &raw), e = save(&t, "_raw.trc");
    }
    if (!e.kind && chosen & TRACK_CSV) motion_write_csv(&t.text, &m), e = save(&t, ".csv");
    if (!e.kind && chosen & TRACK_JSON) motion_write_json(&t.text, &m), e = save(&t, ".json");
    if (!e.kind && chosen & TRACK_JSON && fit) body_write_json(&t.text, fit), e = save(&t, "_skeleton.json");
    if (!e.kind && chosen & TRACK_C3D) {
        double *residuals = deviations(mem, people, person, states, fit);
        if (!residuals) e = err_memory();
        else motion_write_c3d(&t.text, &m, residuals), e = save(&t, ".c3d");
    }
    if (!e.kind && fit && chosen & (TRACK_MOT | TRACK_STO)) {
        struct motion_table table;
        e = body_table(mem, fit, &table);
        if (!e.kind && chosen & TRACK_MOT) motion_write_mot(&t.text, &table), e = save(&t, ".mot");
        if (!e.kind && chosen & TRACK_STO) motion_write_sto(&t.text, &table), e = save(&t, ".sto");
    }
    if (!e.kind && fit && chosen & (TRACK_BVH | TRACK_GLB)) {
        struct motion_figure figure;
        e = body_figure(mem, fit, &figure);
        if (!e.kind) snprintf(figure.name, sizeof figure.name, "person-%u", t.id);
        if (!e.kind && chosen & TRACK_BVH) motion_write_bvh(&t.text, &figure), e = save(&t, ".bvh");
        if (!e.kind && chosen & TRACK_GLB) motion_write_glb(&t.text, &figure), e = save(&t, ".glb");
    }
    buf_free(&t.text);
    return e;
}

void track_report_skeleton(struct json_writer *w, bool is_json, const struct body_fit *fit, const struct camera_rig *rig) {
    double squares = 0, pixels = 0, joints = 0;
    size_t points = 0;
    for (int k = 0; k < POSE_JOINTS; k++) {
        if (isfinite(fit->distance_m[k])) squares += fit->distance_m[k] * fit->distance_m[k], joints++;
    }
    for (size_t c = 0; c < rig->count; c++) {
        if (fit->camera_points[c]) pixels += fit->camera_px[c] * (double)fit->camera_points[c], points += fit->camera_points[c];
    }
    json_key(w, "skeleton");
    json_begin_object(w);
    json_put_double(w, "height_m", fit->shape.height_m), json_put_double(w, "distance_mm", joints > 0 ? sqrt(squares / joints) * 1e3 : NAN);
    json_put_double(w, "reprojection_px", points ? pixels / (double)points : NAN), json_put_number(w, "iterations", (int64_t)fit->iterations);
    json_key(w, "cameras");
    json_begin_array(w);
    for (size_t c = 0; c < rig->count; c++) {
        json_begin_object(w);
        json_put_cstr(w, "name", rig->cameras[c].name), json_put_double(w, "reprojection_px", fit->camera_px[c]), json_put_number(w, "points", (int64_t)fit->camera_points[c]);
        json_end(w);
    }
    json_end(w);
    json_end(w);
    if (is_json) return;
    printf("        skeleton: %.2f m tall, %.1f mm from the triangulated points (root mean square), %.2f px from what the cameras saw\n", fit->shape.height_m,
           joints > 0 ? sqrt(squares / joints) * 1e3 : NAN, points ? pixels / (double)points : NAN);
}

/* ---- evaluate ---- */

static const struct {
    const char *name, *a, *b;
} bones[] = {
    {"thigh left", "LHip", "LKnee"}, {"thigh right", "RHip", "RKnee"}, {"shank left", "LKnee", "LAnkle"}, {"shank right", "RKnee", "RAnkle"},
    {"foot left", "LHeel", "LBigToe"}, {"foot right", "RHeel", "RBigToe"}, {"upper arm left", "LShoulder", "LElbow"}, {"upper arm right", "RShoulder", "RElbow"},
    {"forearm left", "LElbow", "LWrist"}, {"forearm right", "RElbow", "RWrist"}, {"hips", "LHip", "RHip"}, {"shoulders", "LShoulder", "RShoulder"},
};

struct bone {
    bool is_there[2];
    double median_m[2], deviation_m[2];
};

static struct bone measure(const struct motion m[2], size_t bone) {
    struct bone b = {.median_m = {NAN, NAN}, .deviation_m = {NAN, NAN}};
    for (int i = 0; i < 2; i++) {
        int from = motion_find(&m[i], slice_cstr(bones[bone].a)), to = motion_find(&m[i], slice_cstr(bones[bone].b));
        b.is_there[i] = from >= 0 && to >= 0 && motion_segment_length(&m[i], from, to, &b.median_m[i], &b.deviation_m[i]);
    }
    return b;
}

static void print_json(const struct motion m[2], const struct motion_difference *d, const struct motion_point_difference *each, size_t count) {
    struct buf out = BUF(8 << 20);
    struct json_writer w = json_writer_of(&out);
    json_begin_object(&w);
    json_put_number(&w, "frames", (int64_t)d->frames), json_put_number(&w, "points", (int64_t)d->points), json_put_number(&w, "compared", (int64_t)d->compared);
    json_put_number(&w, "only_a", (int64_t)d->only_a), json_put_number(&w, "only_b", (int64_t)d->only_b);
    json_put_double(&w, "mpjpe_mm", d->mean_m * 1e3), json_put_double(&w, "median_mm", d->median_m * 1e3), json_put_double(&w, "p95_mm", d->p95_m * 1e3);
    json_put_double(&w, "max_mm", d->max_m * 1e3), json_put_double(&w, "rms_mm", d->rms_m * 1e3);
    json_key(&w, "joints");
    json_begin_array(&w);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(&w);
        json_put_cstr(&w, "name", each[i].name);
        json_put_number(&w, "compared", (int64_t)each[i].compared);
        json_put_double(&w, "mean_mm", each[i].mean_m * 1e3), json_put_double(&w, "median_mm", each[i].median_m * 1e3);
        json_put_double(&w, "p95_mm", each[i].p95_m * 1e3), json_put_double(&w, "max_mm", each[i].max_m * 1e3);
        json_end(&w);
    }
    json_end(&w);
    json_key(&w, "bones");
    json_begin_array(&w);
    for (size_t i = 0; i < ARRAY_LEN(bones); i++) {
        struct bone b = measure(m, i);
        if (!b.is_there[0] && !b.is_there[1]) continue;
        json_begin_object(&w);
        json_put_cstr(&w, "name", bones[i].name);
        for (int side = 0; side < 2; side++) {
            json_put_double(&w, side ? "b_median_mm" : "a_median_mm", b.median_m[side] * 1e3), json_put_double(&w, side ? "b_deviation_mm" : "a_deviation_mm", b.deviation_m[side] * 1e3);
        }
        json_end(&w);
    }
    json_end(&w);
    json_end(&w);
    printf("%.*s\n", (int)out.len, out.ptr);
    buf_free(&out);
}

static void print_table(const struct motion m[2], const struct motion_difference *d, const struct motion_point_difference *each, size_t count) {
    printf("%-16s %8s %10s %10s %10s %10s\n", "millimetres", "compared", "mean", "median", "p95", "max");
    for (size_t i = 0; i < count; i++) {
        printf("%-16s %8zu %10.3f %10.3f %10.3f %10.3f\n", each[i].name, each[i].compared, each[i].mean_m * 1e3, each[i].median_m * 1e3, each[i].p95_m * 1e3, each[i].max_m * 1e3);
    }
    printf("%-16s %8zu %10.3f %10.3f %10.3f %10.3f\n", "all", d->compared, d->mean_m * 1e3, d->median_m * 1e3, d->p95_m * 1e3, d->max_m * 1e3);
    printf("known in the first alone: %zu, in the second alone: %zu\n", d->only_a, d->only_b);
    printf("%-16s %10s %10s %10s %10s\n", "lengths, mm", "A median", "A sd", "B median", "B sd");
    for (size_t i = 0; i < ARRAY_LEN(bones); i++) {
        struct bone b = measure(m, i);
        if (b.is_there[0] || b.is_there[1]) printf("%-16s %10.2f %10.3f %10.2f %10.3f\n", bones[i].name, b.median_m[0] * 1e3, b.deviation_m[0] * 1e3, b.median_m[1] * 1e3, b.deviation_m[1] * 1e3);
    }
}

int track_evaluate(struct command_context *context) {
    if (context->argument_count != 3) {
        (void)command_fail(context, err_make(ERR_INPUT, "option.value", "Say `track evaluate A B`: two motions (TRC, C3D, CSV, JSON, BVH or GLB)."), "evaluate");
        return EXIT_CODE_USAGE;
    }
    struct arena *mem = arena_create((size_t)4 << 30);
    if (!mem) return command_fail(context, err_memory(), NULL);
    struct motion m[2];
    struct motion_note note;
    struct motion_difference d;
    struct motion_point_difference *each = NULL;
    size_t count = 0;
    int code = -1;
    for (int i = 0; i < 2 && code < 0; i++) {
        const char *path = context->arguments[1 + i];
        struct err e = motion_read(mem, path, &m[i], &note);
        char about[600];
        if (note.line) snprintf(about, sizeof about, "%s, line %d: %s", path, note.line, note.text);
        else if (e.kind == ERR_INPUT) snprintf(about, sizeof about, "%s: %s", path, note.text);
        else snprintf(about, sizeof about, "%s", path); /* a file that cannot be opened has said why */
        if (e.kind) code = command_fail(context, e, about);
    }
    if (code < 0) {
        each = arena_alloc_array(mem, m[0].point_count, sizeof *each);
        struct err e = each ? motion_compare(&m[0], &m[1], &d, each, &count) : err_memory();
        if (e.kind) code = command_fail(context, e, context->arguments[2]);
    }
    if (code < 0) (option_flag(context, "json") ? print_json : print_table)(m, &d, each, count);
    arena_destroy(&mem);
    return code < 0 ? EXIT_CODE_DONE : code;
}
