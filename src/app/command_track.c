/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * grandstand track --calibration FILE --keypoints DIR DIR... --out DIR: from joints in pictures to people in space.
 * grandstand track synth SCENE --out DIR: a meeting that never took place, with its truth.
 * grandstand track evaluate A B: how far two motions (TRC) are apart. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "base/fs.h"
#include "base/json.h"
#include "human/synth/synth.h"
#include "human/track/track.h"

const struct option command_track_options[] = {
    {"calibration", OPTION_TEXT, "FILE", NULL, "the cameras: Pose2Sim, Anipose or Caliscope TOML, Qualisys .qca.txt, OpenCV YAML, Grandstand JSON"},
    {"keypoints", OPTION_TEXT, "DIR...", NULL, "one folder (OpenPose) or file (MMPose, AlphaPose, DeepLabCut) per camera; paired by name, else in the order of the calibration"},
    {"layout", OPTION_TEXT, "NAME", NULL, "BODY_25, BODY_25B, COCO_17, COCO_18 or HALPE_26; without it the number of points decides"},
    {"out", OPTION_TEXT, "DIR", NULL, "where the TRC, CSV and JSON files go"},
    {"fps", OPTION_TEXT, "N", "60", "frames a second of the recordings"},
    {"refine", OPTION_FLAG, NULL, NULL, "improve the calibration from the people themselves first; says what it brought on frames it did not use, writes calibration.json"},
    {"people", OPTION_NUMBER, "N", "0", "keep only the N people seen longest; 0: all"},
    {"compat", OPTION_TEXT, "pose2sim", NULL, "another method than ours: pose2sim repeats Pose2Sim's own (one person, lens distortion ignored)"},
    {"cutoff", OPTION_TEXT, "HZ", "6", "with --compat: cutoff of the zero-lag Butterworth filter of the second TRC; 0: none is written"},
    OPTION_JSON,
    OPTION_END,
};

static int usage(struct command_context *context, const char *what, const char *about) {
    (void)command_fail(context, err_make(ERR_INPUT, "option.value", what), about);
    return EXIT_CODE_USAGE;
}

static int refuse_motion(struct command_context *context, struct err e, const char *path, const struct motion_note *note) {
    char about[600];
    if (note->line) snprintf(about, sizeof about, "%s, line %d: %s", path, note->line, note->text);
    else snprintf(about, sizeof about, "%s", path);
    return command_fail(context, e, about);
}

static int evaluate(struct command_context *context) {
    if (context->argument_count != 3) return usage(context, "Say `track evaluate A.trc B.trc`.", "evaluate");
    struct arena *mem = arena_create((size_t)4 << 30);
    if (!mem) return command_fail(context, err_memory(), NULL);
    struct motion m[2];
    struct motion_note note;
    struct motion_difference d;
    struct motion_point_difference *each = NULL;
    size_t count = 0;
    int code = -1;
    for (int i = 0; i < 2 && code < 0; i++) {
        struct err e = motion_read(mem, context->arguments[1 + i], &m[i], &note);
        if (e.kind) code = refuse_motion(context, e, context->arguments[1 + i], &note);
    }
    if (code < 0) {
        each = arena_alloc_array(mem, m[0].point_count, sizeof *each);
        struct err e = each ? motion_compare(&m[0], &m[1], &d, each, &count) : err_memory();
        if (e.kind) code = command_fail(context, e, context->arguments[2]);
    }
    if (code < 0 && option_flag(context, "json")) {
        struct buf out = BUF(8 << 20);
        struct json_writer w = json_writer_of(&out);
        json_begin_object(&w);
        json_put_number(&w, "frames", (int64_t)d.frames), json_put_number(&w, "points", (int64_t)d.points), json_put_number(&w, "compared", (int64_t)d.compared);
        json_put_number(&w, "only_a", (int64_t)d.only_a), json_put_number(&w, "only_b", (int64_t)d.only_b);
        json_put_double(&w, "mpjpe_mm", d.mean_m * 1e3), json_put_double(&w, "median_mm", d.median_m * 1e3), json_put_double(&w, "p95_mm", d.p95_m * 1e3);
        json_put_double(&w, "max_mm", d.max_m * 1e3), json_put_double(&w, "rms_mm", d.rms_m * 1e3);
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
        json_end(&w);
        printf("%.*s\n", (int)out.len, out.ptr);
        buf_free(&out);
    } else if (code < 0) {
        printf("%-16s %8s %10s %10s %10s %10s\n", "millimetres", "compared", "mean", "median", "p95", "max");
        for (size_t i = 0; i < count; i++) {
            printf("%-16s %8zu %10.3f %10.3f %10.3f %10.3f\n", each[i].name, each[i].compared, each[i].mean_m * 1e3, each[i].median_m * 1e3, each[i].p95_m * 1e3, each[i].max_m * 1e3);
        }
        printf("%-16s %8zu %10.3f %10.3f %10.3f %10.3f\n", "all", d.compared, d.mean_m * 1e3, d.median_m * 1e3, d.p95_m * 1e3, d.max_m * 1e3);
        printf("known in the first alone: %zu, in the second alone: %zu\n", d.only_a, d.only_b);
    }
    arena_destroy(&mem);
    return code < 0 ? EXIT_CODE_DONE : code;
}

/* "cam_01" and "Cam01" are the same camera. */
static bool same_camera(const char *a, const char *b) {
    for (;;) {
        while (*a && !(*a >= '0' && *a <= '9') && !((*a | 32) >= 'a' && (*a | 32) <= 'z')) a++;
        while (*b && !(*b >= '0' && *b <= '9') && !((*b | 32) >= 'a' && (*b | 32) <= 'z')) b++;
        if (!*a || !*b) return !*a && !*b;
        if ((*a | 32) != (*b | 32)) return false;
        a++, b++;
    }
}

/* takes[camera] for each camera of the rig: by name when all names fit, else in the order given. */
static void pair(const struct camera_rig *rig, const struct pose_take *read, const struct pose_take **takes) {
    bool is_by_name = true;
    for (size_t c = 0; c < rig->count; c++) {
        takes[c] = NULL;
        for (size_t i = 0; i < rig->count; i++) {
            if (same_camera(rig->cameras[c].name, read[i].name)) takes[c] = &read[i];
        }
        is_by_name = is_by_name && takes[c];
    }
    for (size_t c = 0; c < rig->count && !is_by_name; c++) takes[c] = &read[c];
}

static struct err write_one(const char *dir, const char *name, void (*write)(struct buf *, const struct motion *), const struct motion *m) {
    char path[1200];
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path) return err_make(ERR_INPUT, "option.value", "The path of the output folder is too long.");
    struct buf text = BUF(1u << 30);
    write(&text, m);
    struct err e = buf_error(&text);
    if (!e.kind) e = fs_write_file_atomic(AT_FDCWD, path, buf_slice(&text), 0644);
    buf_free(&text);
    return e;
}

static struct err write_rig(const char *out, const struct camera_rig *rig) {
    char path[1200];
    if (snprintf(path, sizeof path, "%s/calibration.json", out) >= (int)sizeof path) return err_make(ERR_INPUT, "option.value", "The path of the output folder is too long.");
    struct buf text = BUF(16 << 20);
    struct err e = camera_rig_write(&text, rig, CAMERA_FORMAT_JSON, NULL);
    if (!e.kind) e = fs_write_file_atomic(AT_FDCWD, path, buf_slice(&text), 0644);
    buf_free(&text);
    return e;
}

/* Our own method: everybody, smoothed; the measured points beside it. */
static int follow(struct command_context *context, struct arena *mem, const struct camera_rig *rig, const struct pose_take *const *takes, double rate, const char *out) {
    int64_t limit = option_number(context, "people");
    if (limit < 0) return usage(context, "--people must not be negative.", NULL);
    struct track_people people;
    struct err e = track_follow(mem, rig, takes, &(struct track_options){.rate = rate, .people_max = (size_t)limit}, &people);
    if (!e.kind) e = fs_make_dirs(AT_FDCWD, out, 0755);
    if (e.kind) return command_fail(context, e, out);
    size_t joints = people.layout.joint_count;
    struct buf report = BUF(1 << 20);
    struct json_writer w = json_writer_of(&report);
    json_begin_object(&w);
    struct camera_rig refined;
    if (option_flag(context, "refine")) {
        struct track_refinement r;
        if (!(e = track_refine(mem, rig, takes, &people, 0.3, &refined, &r)).kind) e = write_rig(out, &refined);
        if (!e.kind) e = track_follow(mem, &refined, takes, &(struct track_options){.rate = rate, .people_max = (size_t)limit}, &people);
        if (e.kind) {
            buf_free(&report);
            return command_fail(context, e, out);
        }
        json_key(&w, "refinement");
        json_begin_object(&w);
        json_put_number(&w, "frames", (int64_t)r.frames), json_put_number(&w, "frames_held", (int64_t)r.frames_held);
        json_put_double(&w, "before_px", r.all_before_px), json_put_double(&w, "after_px", r.all_after_px);
        json_end(&w);
        for (size_t c = 0; c < rig->count && !option_flag(context, "json"); c++) {
            printf("refined %s: moved %.3f m, turned %.2f degrees; mean reprojection %.2f px before, %.2f px after\n", rig->cameras[c].name, r.moved_m[c], r.turned_rad[c] * 180 / M_PI,
                   r.before_px[c], r.after_px[c]);
        }
        if (!option_flag(context, "json")) printf("all cameras, on %zu frames not used for it: %.2f px before, %.2f px after\n", r.frames_held, r.all_before_px, r.all_after_px);
        rig = &refined;
    }
    json_key(&w, "people");
    json_begin_array(&w);
    for (size_t i = 0; i < people.count && !e.kind; i++) {
        const struct track_person *p = &people.people[i];
        struct track_state *states = arena_alloc_array(mem, p->frame_count * joints, sizeof *states), *row = arena_alloc_array(mem, p->frame_count, sizeof *row);
        if (!states || !row) {
            e = err_memory();
            break;
        }
        size_t measured = 0, filled = 0;
        for (size_t k = 0; k < joints && !e.kind; k++) {
            if (!track_smooth(p->points + k, joints, p->frame_count, rate, 0.2, row)) e = err_memory();
            for (size_t f = 0; f < p->frame_count && !e.kind; f++) {
                states[f * joints + k] = row[f];
                measured += row[f].source == TRACK_MEASURED, filled += row[f].source == TRACK_FILLED;
            }
        }
        struct motion raw, smooth;
        if (!e.kind) e = track_motion(mem, &people, i, NULL, rate, &raw);
        if (!e.kind) e = track_motion(mem, &people, i, states, rate, &smooth);
        if (e.kind) break;
        if (rig->up == CAMERA_UP_Z) motion_to_y_up(&raw), motion_to_y_up(&smooth);
        char name[64];
        snprintf(smooth.name, sizeof smooth.name, "person-%u.trc", p->id), snprintf(raw.name, sizeof raw.name, "person-%u_raw.trc", p->id);
        if (!(e = write_one(out, smooth.name, motion_write_trc, &smooth)).kind) e = write_one(out, raw.name, motion_write_trc, &raw);
        snprintf(name, sizeof name, "person-%u.csv", p->id);
        if (!e.kind) e = write_one(out, name, motion_write_csv, &smooth);
        snprintf(name, sizeof name, "person-%u.json", p->id);
        if (!e.kind) e = write_one(out, name, motion_write_json, &smooth);
        double whole = (double)(p->frame_count * joints);
        if (!option_flag(context, "json")) {
            printf("person %u: frames %lld to %lld, %.1f %% of the points measured, %.1f %% filled, the rest unknown\n", p->id, (long long)p->frame_first,
                   (long long)p->frame_first + (long long)p->frame_count - 1, 100 * (double)measured / whole, 100 * (double)filled / whole);
        }
        json_begin_object(&w);
        json_put_number(&w, "id", p->id), json_put_number(&w, "frame_first", p->frame_first), json_put_number(&w, "frames", (int64_t)p->frame_count);
        json_put_double(&w, "measured", (double)measured / whole), json_put_double(&w, "filled", (double)filled / whole);
        json_end(&w);
    }
    json_end(&w);
    json_key(&w, "cameras");
    json_begin_array(&w);
    for (size_t c = 0; c < rig->count; c++) {
        json_begin_object(&w);
        json_put_cstr(&w, "name", rig->cameras[c].name), json_put_double(&w, "noise_px", people.noise_px[c]);
        json_end(&w);
        if (!e.kind && !option_flag(context, "json")) printf("camera %s: noise %.2f px\n", rig->cameras[c].name, people.noise_px[c]);
    }
    json_end(&w);
    json_put_number(&w, "limbs_repaired", (int64_t)people.swaps_repaired);
    json_end(&w);
    int code = EXIT_CODE_DONE;
    if (e.kind) code = command_fail(context, e, out);
    else if (option_flag(context, "json")) printf("%.*s\n", (int)report.len, report.ptr);
    else printf("%zu people, %zu limbs with left and right repaired; written to %s\n", people.count, people.swaps_repaired, out);
    buf_free(&report);
    return code;
}

static struct err write_meeting(const struct synth_meeting *m, const char *out) {
    char path[1200];
    struct buf text = BUF(64 << 20);
    struct err e = camera_rig_write(&text, &m->rig, CAMERA_FORMAT_JSON, NULL);
    if (!e.kind) e = fs_make_dirs(AT_FDCWD, out, 0755);
    if (!e.kind && snprintf(path, sizeof path, "%s/calibration.json", out) >= (int)sizeof path - 64) e = err_make(ERR_INPUT, "option.value", "The path of the output folder is too long.");
    if (!e.kind) e = fs_write_file_atomic(AT_FDCWD, path, buf_slice(&text), 0644);
    for (size_t c = 0; c < m->rig.count && !e.kind; c++) {
        snprintf(path, sizeof path, "%s/%s_json", out, m->takes[c].name);
        e = fs_make_dirs(AT_FDCWD, path, 0755);
        for (size_t f = 0; f < m->takes[c].frame_count && !e.kind; f++) {
            int fd = -1;
            snprintf(path, sizeof path, "%s/%s_json/%s.%05zu.json", out, m->takes[c].name, m->takes[c].name, f);
            buf_clear(&text);
            synth_write_openpose(&text, &m->takes[c], f);
            /* thousands of files that can be made again: without waiting for the disk each time */
            e = fs_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd);
            if (!e.kind) e = fs_write_all(fd, buf_slice(&text));
            fs_close(&fd);
        }
    }
    buf_free(&text);
    return e;
}

static int synth(struct command_context *context) {
    const char *out = option_text(context, "out");
    if (context->argument_count != 2 || !out) return usage(context, "Say `track synth SCENE.json --out DIR`.", "synth");
    struct arena *mem = arena_create((size_t)4 << 30);
    if (!mem) return command_fail(context, err_memory(), NULL);
    struct buf text = BUF(1 << 20);
    struct synth_scene scene;
    struct synth_meeting m;
    struct err e = fs_read_file(AT_FDCWD, context->arguments[1], &text);
    if (!e.kind) e = synth_scene_parse(buf_slice(&text), &scene);
    int code = EXIT_CODE_DONE;
    if (e.kind) code = command_fail(context, e, context->arguments[1]);
    else {
        if (!(e = synth_make(mem, &scene, &m)).kind) e = write_meeting(&m, out);
        for (size_t i = 0; i < scene.athletes && !e.kind; i++) {
            char name[64];
            snprintf(name, sizeof name, "truth-%zu.trc", i + 1);
            motion_to_y_up(&m.truth[i]);
            e = write_one(out, name, motion_write_trc, &m.truth[i]);
            char path[1200];
            struct buf truth = BUF(256 << 20);
            snprintf(path, sizeof path, "%s/truth-%zu.json", out, i + 1);
            synth_write_truth(&truth, &m, i);
            if (!e.kind) e = buf_error(&truth);
            if (!e.kind) e = fs_write_file_atomic(AT_FDCWD, path, buf_slice(&truth), 0644);
            buf_free(&truth);
        }
        if (e.kind) code = command_fail(context, e, out);
        else if (option_flag(context, "json")) printf("{\"athletes\":%zu,\"cameras\":%zu,\"frames\":%zu,\"bound_mm\":%.4f}\n", scene.athletes, scene.cameras, m.truth[0].frame_count, m.bound_m * 1e3);
        else printf("%zu athletes, %zu cameras, %zu frames; no unbiased method can be nearer than %.2f mm (root mean square) from single frames\n", scene.athletes, scene.cameras,
                    m.truth[0].frame_count, m.bound_m * 1e3);
    }
    buf_free(&text);
    arena_destroy(&mem);
    return code;
}

static int run(struct command_context *context, struct arena *mem) {
    const char *out = option_text(context, "out"), *calibration = option_text(context, "calibration"), *first = option_text(context, "keypoints");
    const char *compat = option_text(context, "compat");
    char *rate_end, *cutoff_end;
    double rate = strtod(option_text(context, "fps"), &rate_end), cutoff = strtod(option_text(context, "cutoff"), &cutoff_end);
    if (!calibration || !first || !out) return usage(context, "--calibration, --keypoints and --out are needed.", NULL);
    if (compat && strcmp(compat, "pose2sim")) return usage(context, "--compat knows pose2sim alone.", compat);
    if (*rate_end || !(rate > 0 && rate < 1e5)) return usage(context, "--fps must be a number above 0.", option_text(context, "fps"));
    if (*cutoff_end || !(cutoff >= 0 && cutoff < rate / 2)) return usage(context, "--cutoff must lie below half of the frames a second.", option_text(context, "cutoff"));
    struct camera_rig rig;
    struct camera_note camera_note;
    struct err e = camera_rig_read(mem, calibration, CAMERA_FORMAT_GUESS, &rig, &camera_note);
    if (e.kind) {
        char about[800];
        if (camera_note.line) snprintf(about, sizeof about, "%s, line %d: %s", calibration, camera_note.line, camera_note.text);
        else snprintf(about, sizeof about, "%s%s%s", calibration, camera_note.text[0] ? ": " : "", camera_note.text);
        return command_fail(context, e, about);
    }
    if (context->argument_count + 1 != rig.count) {
        char about[300];
        snprintf(about, sizeof about, "%zu cameras, %zu recordings", rig.count, context->argument_count + 1);
        return usage(context, "Give as many recordings of key points as the calibration has cameras.", about);
    }
    struct camera_note warnings[16];
    size_t warned = camera_rig_check(&rig, warnings, ARRAY_LEN(warnings));
    for (size_t i = 0; i < warned && i < ARRAY_LEN(warnings); i++) fprintf(stderr, "warning: %s: %s\n", calibration, warnings[i].text);
    struct pose_take *read = arena_alloc_array(mem, rig.count, sizeof *read);
    const struct pose_take **takes = arena_alloc_array(mem, rig.count, sizeof *takes);
    if (!read || !takes) return command_fail(context, err_memory(), NULL);
    for (size_t i = 0; i < rig.count; i++) {
        struct pose_note note;
        if ((e = pose_take_read(mem, i ? context->arguments[i - 1] : first, &(struct pose_options){.layout = option_text(context, "layout")}, &read[i], &note)).kind) {
            char about[700];
            snprintf(about, sizeof about, "%s%s%s", note.file, note.text[0] ? ": " : "", note.text);
            return command_fail(context, e, about);
        }
    }
    pair(&rig, read, takes);
    if (!compat) return follow(context, mem, &rig, takes, rate, out);
    struct motion m;
    if ((e = track_pose2sim(mem, &rig, takes, rate, NULL, &m)).kind) return command_fail(context, e, first);
    size_t known = 0;
    for (size_t i = 0; i < m.frame_count * m.point_count; i++) known += vec3_is_known(m.at[i]);
    snprintf(m.name, sizeof m.name, "person-1.trc");
    if (!(e = fs_make_dirs(AT_FDCWD, out, 0755)).kind) e = write_one(out, "person-1.trc", motion_write_trc, &m);
    if (!e.kind) e = write_one(out, "person-1.csv", motion_write_csv, &m);
    if (!e.kind) e = write_one(out, "person-1.json", motion_write_json, &m);
    if (!e.kind && cutoff > 0) {
        if (!motion_butterworth(&m, 2, cutoff, false)) e = err_memory();
        else e = write_one(out, "person-1_filtered.trc", motion_write_trc, &m);
    }
    if (e.kind) return command_fail(context, e, out);
    if (option_flag(context, "json")) {
        printf("{\"frames\":%zu,\"points\":%zu,\"known\":%zu}\n", m.frame_count, m.point_count, known);
    } else {
        printf("%zu frames, %zu joints, %.1f %% of the points known; written to %s\n", m.frame_count, m.point_count,
               m.frame_count ? 100.0 * (double)known / (double)(m.frame_count * m.point_count) : 0.0, out);
    }
    return EXIT_CODE_DONE;
}

int command_track(struct command_context *context) {
    if (context->argument_count && !strcmp(context->arguments[0], "evaluate") && !option_is_given(context, "keypoints")) return evaluate(context);
    if (context->argument_count && !strcmp(context->arguments[0], "synth") && !option_is_given(context, "keypoints")) return synth(context);
    struct arena *mem = arena_create((size_t)4 << 30);
    if (!mem) return command_fail(context, err_memory(), NULL);
    int code = run(context, mem);
    arena_destroy(&mem);
    return code;
}
