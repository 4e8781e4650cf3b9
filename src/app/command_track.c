/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * grandstand track --calibration FILE --keypoints DIR DIR... --out DIR: from joints in pictures to people in space.
 * grandstand track synth SCENE --out DIR: a meeting that never took place, with its truth.
 * grandstand track report DIR --out report.html: contacts, steps, speed and angles on a page (command_track_report.c).
 * grandstand track evaluate A B: how far two motions are apart (command_track_files.c). */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/command_track.h"
#include "base/fs.h"
#include "base/json.h"
#include "human/synth/synth.h"
#include "human/track/track.h"

const struct option command_track_options[] = {
    {"calibration", OPTION_TEXT, "FILE", NULL, "the cameras: Pose2Sim, Anipose or Caliscope TOML, Qualisys .qca.txt, OpenCV YAML, Grandstand JSON"},
    {"keypoints", OPTION_TEXT, "DIR...", NULL, "one folder (OpenPose) or file (MMPose, AlphaPose, DeepLabCut) per camera; paired by name, else in the order of the calibration"},
    {"layout", OPTION_TEXT, "NAME", NULL, "BODY_25, BODY_25B, COCO_17, COCO_18 or HALPE_26; without it the number of points decides"},
    {"out", OPTION_TEXT, "DIR", NULL, "where the files go"},
    {"format", OPTION_TEXT, "LIST", "trc,csv,json,mot", "what to write of each person: trc, csv, json, c3d; with the skeleton also mot, sto (OpenSim's joint angles), bvh, glb; all"},
    {"no-skeleton", OPTION_FLAG, NULL, NULL, "leave out the skeleton with constant bones; the joints are then smoothed one by one"},
    {"fps", OPTION_TEXT, "N", "60", "frames a second of the recordings; several, one for each camera, separated by commas"},
    {"sync", OPTION_FLAG, NULL, NULL, "the cameras did not start together: find out from the movements when each did; with --refine to a fraction of a frame"},
    {"refine", OPTION_FLAG, NULL, NULL, "improve the calibration from the people themselves: poses, principal points, time offsets, drift, rolling shutter; says what it brought on frames it did not use, writes calibration.json"},
    {"genlock", OPTION_FLAG, NULL, NULL, "with --refine: the cameras share one clock and a global shutter; time is left alone"},
    {"height", OPTION_TEXT, "M", NULL, "with --refine: how tall these people are on average, in metres; sets the scale"},
    {"length", OPTION_TEXT, "A-B=M", NULL, "with --refine: the known distance between two joints, such as RHip-RKnee=0.45; sets the scale"},
    {"lanes", OPTION_TEXT, "M", NULL, "runners keep to lanes of this width along x, with a line at y = 0 (1.22 on a track): decides who is who where pictures leave it open"},
    {"people", OPTION_NUMBER, "N", "0", "keep only the N people seen longest; 0: all"},
    {"compat", OPTION_TEXT, "pose2sim", NULL, "another method than ours: pose2sim repeats Pose2Sim's own (one person, lens distortion ignored)"},
    {"cutoff", OPTION_TEXT, "HZ", "6", "with --compat: cutoff of the zero-lag Butterworth filter of the second TRC; 0: none is written"},
    {"sex", OPTION_TEXT, "f|m", NULL, "whose body masses the centre of mass is made of; without it the mean of women and men"},
    {"lines", OPTION_TEXT, "M,M,..", NULL, "split lines in metres from the start line, such as 10,20,30; the last one is the finish"},
    {"start-line", OPTION_TEXT, "M", "0", "where the start line lies along the run, from the world's origin"},
    {"gun", OPTION_TEXT, "S", NULL, "when the gun went, in seconds of the recording; without it split times count from its first frame"},
    {"ground", OPTION_TEXT, "M", "0", "height of the ground in the world"},
    {"compare", OPTION_TEXT, "DIR|FILE", NULL, "report: another run or athlete to compare with, step by step"},
    {"lang", OPTION_TEXT, "CODE", "en", "report: en, de, zh or th"},
    {"title", OPTION_TEXT, "TEXT", NULL, "report: what stands at the top"},
    {"up", OPTION_TEXT, "y|z", "y", "report: which axis points up in a file that is not from `grandstand track`"},
    {"csv", OPTION_FLAG, NULL, NULL, "report: frames and steps as CSV beside the page"},
    OPTION_JSON,
    OPTION_END,
};

static int usage(struct command_context *context, const char *what, const char *about) {
    (void)command_fail(context, err_make(ERR_INPUT, "option.value", what), about);
    return EXIT_CODE_USAGE;
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

static void report_clocks(struct json_writer *w, bool is_json, const struct camera_rig *rig, const struct track_plan *plan, const struct track_result *r) {
    if (!plan->with_sync) return;
    json_key(w, "synchronisation");
    json_begin_array(w);
    for (size_t c = 0; c < rig->count; c++) {
        json_begin_object(w);
        json_put_cstr(w, "name", rig->cameras[c].name), json_put_bool(w, "is_known", r->sync.is_known[c]);
        json_put_double(w, "offset_s", r->sync.clocks[c].offset_s), json_put_double(w, "correlation", r->sync.correlation[c]), json_put_double(w, "rival", r->sync.rival[c]);
        json_end(w);
        if (is_json) continue;
        if (!r->sync.is_known[c]) printf("%s: its movements fit no other camera's; it keeps the time that the calibration says. Does it show the same people?\n", rig->cameras[c].name);
        else if (c == r->sync.reference) printf("%s: its clock is the common one\n", rig->cameras[c].name);
        else {
            printf("%s: started %+.3f s against %s, correlation %.2f%s\n", rig->cameras[c].name, r->sync.clocks[c].offset_s - r->sync.clocks[r->sync.reference].offset_s,
                   rig->cameras[r->sync.reference].name, r->sync.correlation[c], r->sync.rival[c] > 0.7 * r->sync.correlation[c] ? "; doubtful: another offset fits as well" : "");
        }
    }
    json_end(w);
}

static void report_refinement(struct json_writer *w, bool is_json, const struct camera_rig *rig, const struct track_refinement *r) {
    json_key(w, "refinement");
    json_begin_object(w);
    json_put_number(w, "frames", (int64_t)r->frames), json_put_number(w, "frames_held", (int64_t)r->frames_held);
    json_put_double(w, "before_px", r->all_before_px), json_put_double(w, "after_px", r->all_after_px), json_put_double(w, "scale", r->scale);
    json_key(w, "cameras");
    json_begin_array(w);
    for (size_t c = 0; c < rig->count; c++) {
        const struct camera_clock *k = &r->clock_after[c];
        json_begin_object(w);
        json_put_cstr(w, "name", rig->cameras[c].name), json_put_double(w, "before_px", r->before_px[c]), json_put_double(w, "after_px", r->after_px[c]);
        json_put_double(w, "moved_m", r->moved_m[c]), json_put_double(w, "turned_degrees", r->turned_rad[c] * 180 / M_PI);
        json_put_double(w, "offset_s", k->offset_s), json_put_double(w, "offset_deviation_s", r->offset_deviation_s[c]);
        json_put_double(w, "drift", k->drift), json_put_double(w, "drift_deviation", r->drift_deviation[c]);
        json_put_double(w, "row_s", k->row_s), json_put_double(w, "row_deviation_s", r->row_deviation_s[c]);
        json_end(w);
        if (is_json) continue;
        printf("refined %s: moved %.3f m, turned %.2f degrees; mean reprojection %.2f px before, %.2f px after\n", rig->cameras[c].name, r->moved_m[c], r->turned_rad[c] * 180 / M_PI,
               r->before_px[c], r->after_px[c]);
        if (isfinite(r->offset_deviation_s[c])) {
            printf("        offset %+.2f ms (+- %.2f), drift %+.0f ppm (+- %.0f), a row takes %.1f us (+- %.1f)\n", k->offset_s * 1e3, r->offset_deviation_s[c] * 1e3, k->drift * 1e6,
                   r->drift_deviation[c] * 1e6, k->row_s * 1e6, r->row_deviation_s[c] * 1e6);
        }
    }
    json_end(w);
    json_end(w);
    if (!is_json) printf("all cameras, on %zu frames not used for it: %.2f px before, %.2f px after\n", r->frames_held, r->all_before_px, r->all_after_px);
    if (!is_json && r->scale != 1) printf("scaled by %.4f to the size given\n", r->scale);
}

/* --fps: one number for all, or one for each camera, which goes into its clock. The highest is the rate of the answer. */
static struct err rates_of(const char *text, struct camera_rig *rig, double *rate) {
    const struct err bad = err_make(ERR_INPUT, "option.value", "--fps must be a number above 0, or as many of them, separated by commas, as there are cameras.");
    double rates[CAMERA_COUNT_MAX];
    size_t count = 0;
    char *end = (char *)text;
    do {
        const char *at = count ? end + 1 : text;
        double v = strtod(at, &end);
        if (end == at || !(v > 0 && v < 1e5) || count == CAMERA_COUNT_MAX) return bad;
        rates[count++] = v;
    } while (*end == ',');
    if (*end || (count != 1 && count != rig->count)) return bad;
    *rate = rates[0];
    for (size_t i = 1; i < count; i++) *rate = fmax(*rate, rates[i]);
    for (size_t i = 0; i < count && count > 1; i++) rig->cameras[i].clock.rate = rates[i];
    return ERR_OK;
}

static struct err sizes_of(struct command_context *context, const struct pose_layout *layout, struct track_refine_options *out) {
    const char *height = option_text(context, "height"), *length = option_text(context, "length");
    char *end;
    if (height && (!((out->height_m = strtod(height, &end)) > 0.3 && out->height_m < 3) || *end)) return err_make(ERR_INPUT, "option.value", "--height is metres, such as 1.78.");
    if (!length) return ERR_OK;
    const char *dash = strchr(length, '-'), *is = strchr(length, '=');
    out->length_from = out->length_to = -1;
    for (size_t k = 0; dash && is > dash && k < layout->joint_count; k++) {
        struct slice name = slice_cstr(layout->joint_names[k]);
        if (slice_eq_nocase(name, slice_of(length, (size_t)(dash - length)))) out->length_from = (int)k;
        if (slice_eq_nocase(name, slice_of(dash + 1, (size_t)(is - dash - 1)))) out->length_to = (int)k;
    }
    out->length_m = is ? strtod(is + 1, &end) : 0;
    if (out->length_from < 0 || out->length_to < 0 || !(out->length_m > 0 && out->length_m < 5) || *end) {
        return err_make(ERR_INPUT, "option.value", "--length is two joints of the key points and metres, such as RHip-RKnee=0.45.");
    }
    return ERR_OK;
}

/* Our own method: everybody, smoothed; the measured points beside it. */
static int follow(struct command_context *context, struct arena *mem, const struct camera_rig *rig, const struct pose_take *const *takes, double rate, const char *out) {
    int64_t limit = option_number(context, "people");
    bool is_json = option_flag(context, "json");
    bool with_skeleton = !option_flag(context, "no-skeleton");
    unsigned formats;
    if (limit < 0) return usage(context, "--people must not be negative.", NULL);
    if (!track_formats_of(option_text(context, "format"), &formats)) return usage(context, "--format knows trc, csv, json, c3d, mot, sto, bvh, glb and all.", option_text(context, "format"));
    struct track_plan plan = {.rate = rate, .people_max = (size_t)limit, .with_sync = option_flag(context, "sync"), .with_refinement = option_flag(context, "refine"),
                              .refine = {.held = 0.3, .with_clocks = !option_flag(context, "genlock")}};
    struct track_result result;
    if (option_text(context, "lanes")) {
        char *end;
        plan.lane_m = strtod(option_text(context, "lanes"), &end);
        if (*end || !(plan.lane_m >= 0.3 && plan.lane_m < 20)) return usage(context, "--lanes is the width of a lane in metres, such as 1.22.", option_text(context, "lanes"));
    }
    struct err e = sizes_of(context, &takes[0]->layout, &plan.refine);
    if (e.kind) return usage(context, e.what, NULL);
    if (!(e = track_everybody(mem, rig, takes, &plan, &result)).kind) e = fs_make_dirs(AT_FDCWD, out, 0755);
    if (!e.kind && (plan.with_sync || plan.with_refinement)) e = write_rig(out, &result.rig);
    if (e.kind) return command_fail(context, e, out);
    const struct track_people people = result.people;
    bool is_odd = !people.count;
    for (size_t c = 0; c < rig->count; c++) is_odd = is_odd || people.noise_px[c] > 20;
    struct track_note notes[16];
    size_t noted = is_odd ? track_check(rig, takes, rate, notes, ARRAY_LEN(notes)) : 0;
    for (size_t i = 0; i < noted && i < ARRAY_LEN(notes); i++) fprintf(stderr, "warning: %s\n", notes[i].text);
    size_t joints = people.layout.joint_count;
    rate = result.recording.rate;
    struct buf report = BUF(1 << 20);
    struct json_writer w = json_writer_of(&report);
    json_begin_object(&w);
    report_clocks(&w, is_json, rig, &plan, &result);
    if (plan.with_refinement) report_refinement(&w, is_json, rig, &result.refinement);
    json_key(&w, "people");
    json_begin_array(&w);
    for (size_t i = 0; i < people.count && !e.kind; i++) {
        const struct track_person *p = &people.people[i];
        const struct track_state *states = result.states[i];
        size_t measured = 0, filled = 0;
        for (size_t k = 0; k < p->frame_count * joints; k++) measured += states[k].source == TRACK_MEASURED, filled += states[k].source == TRACK_FILLED;
        struct arena_mark mark = arena_mark(mem); /* nobody's files need anybody else's memory */
        struct body_fit fit;
        struct err refused = {0};
        if (with_skeleton) refused = body_fit(mem, &result.recording.rig, result.recording.takes, &people, i, &(struct body_options){.rate = rate}, &fit);
        bool has_skeleton = with_skeleton && !refused.kind;
        if (refused.kind && refused.kind != ERR_INPUT) e = refused;
        if (!e.kind) e = track_write_person(mem, out, formats, rig, &people, i, states, rate, has_skeleton ? &fit : NULL);
        struct gait_run gait;
        if (!e.kind) e = track_write_gait(mem, out, formats, context, rig->up, &people, i, rate, has_skeleton ? &fit : NULL, &gait);
        if (e.kind) break;
        double whole = (double)(p->frame_count * joints);
        if (!option_flag(context, "json")) {
            printf("person %u: frames %lld to %lld, %.1f %% of the points measured, %.1f %% filled, the rest unknown\n", p->id, (long long)p->frame_first,
                   (long long)p->frame_first + (long long)p->frame_count - 1, 100 * (double)measured / whole, 100 * (double)filled / whole);
        }
        json_begin_object(&w);
        json_put_number(&w, "id", p->id), json_put_number(&w, "frame_first", p->frame_first), json_put_number(&w, "frames", (int64_t)p->frame_count);
        json_put_double(&w, "measured", (double)measured / whole), json_put_double(&w, "filled", (double)filled / whole);
        if (has_skeleton) track_report_skeleton(&w, is_json, &fit, rig);
        else if (with_skeleton) { /* a person without a skeleton is no reason to lose the points */
            json_put_cstr(&w, "skeleton", NULL), json_put_cstr(&w, "skeleton_refused", refused.code);
            if (!is_json) printf("        no skeleton: %s\n", refused.what);
        }
        track_report_gait(&w, is_json, &gait);
        json_end(&w);
        arena_rewind(mem, mark);
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

/* The rig as somebody would have it who calibrated the cameras but could not start them together: beside the true one, where clocks differ. */
static struct err write_unsynchronised(const struct camera_rig *rig, const char *out, struct buf *text) {
    struct camera cameras[SYNTH_CAMERAS_MAX];
    char path[1200];
    bool is_needed = false;
    for (size_t c = 0; c < rig->count; c++) {
        const struct camera_clock *k = &rig->cameras[c].clock;
        is_needed = is_needed || k->offset_s != 0 || k->drift != 0 || k->row_s != 0;
        cameras[c] = rig->cameras[c], cameras[c].clock = (struct camera_clock){.rate = k->rate};
    }
    if (!is_needed) return ERR_OK;
    buf_clear(text);
    struct err e = camera_rig_write(text, &(struct camera_rig){cameras, rig->count, rig->up}, CAMERA_FORMAT_JSON, NULL);
    snprintf(path, sizeof path, "%s/calibration-unsynchronised.json", out);
    if (!e.kind) e = fs_write_file_atomic(AT_FDCWD, path, buf_slice(text), 0644);
    return e;
}

static struct err write_meeting(const struct synth_meeting *m, const char *out) {
    char path[1200];
    struct buf text = BUF(64 << 20);
    struct err e = camera_rig_write(&text, &m->rig, CAMERA_FORMAT_JSON, NULL);
    if (!e.kind) e = fs_make_dirs(AT_FDCWD, out, 0755);
    if (!e.kind && snprintf(path, sizeof path, "%s/calibration.json", out) >= (int)sizeof path - 64) e = err_make(ERR_INPUT, "option.value", "The path of the output folder is too long.");
    if (!e.kind) e = fs_write_file_atomic(AT_FDCWD, path, buf_slice(&text), 0644);
    if (!e.kind) e = write_unsynchronised(&m->rig, out, &text);
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
    char *cutoff_end;
    double rate = 60, cutoff = strtod(option_text(context, "cutoff"), &cutoff_end);
    if (!calibration || !first || !out) return usage(context, "--calibration, --keypoints and --out are needed.", NULL);
    if (compat && strcmp(compat, "pose2sim")) return usage(context, "--compat knows pose2sim alone.", compat);
    if (*cutoff_end || !(cutoff >= 0)) return usage(context, "--cutoff must lie below half of the frames a second.", option_text(context, "cutoff"));
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
    if ((e = rates_of(option_text(context, "fps"), &rig, &rate)).kind) return usage(context, e.what, option_text(context, "fps"));
    if (compat && cutoff >= rate / 2) return usage(context, "--cutoff must lie below half of the frames a second.", option_text(context, "cutoff"));
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
    if (context->argument_count && !strcmp(context->arguments[0], "evaluate") && !option_is_given(context, "keypoints")) return track_evaluate(context);
    if (context->argument_count && !strcmp(context->arguments[0], "report") && !option_is_given(context, "keypoints")) return track_report(context);
    if (context->argument_count && !strcmp(context->arguments[0], "synth") && !option_is_given(context, "keypoints")) return synth(context);
    struct arena *mem = arena_create((size_t)4 << 30);
    if (!mem) return command_fail(context, err_memory(), NULL);
    int code = run(context, mem);
    arena_destroy(&mem);
    return code;
}
