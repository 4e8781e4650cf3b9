/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/track/meet.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int float_order(const void *a_, const void *b_) {
    float a = *(const float *)a_, b = *(const float *)b_;
    return a < b ? -1 : a > b;
}

static double median(float *list, size_t n) {
    if (!n) return NAN;
    qsort(list, n, sizeof *list, float_order);
    return (double)list[n / 2];
}

struct meeting meeting_of(const struct camera *a, const struct pose_take *of_a, const struct camera *b, const struct pose_take *of_b, double rate, double lag) {
    enum { INSTANTS = 12, SOME = 12 };
    const struct camera *cameras[2] = {a, b};
    const struct pose_take *takes[2] = {of_a, of_b};
    const size_t joints = of_a->layout.joint_count;
    double first[2], step[2], sum = 0;
    float sizes[INSTANTS * SOME];
    size_t n = 0, size_count = 0;
    if (!of_a->frame_count || !of_b->frame_count) return (struct meeting){NAN, NAN};
    for (int e = 0; e < 2; e++) { /* without the cameras' own offsets */
        first[e] = exposure(cameras[e], takes[e], rate, 0, middle_row(cameras[e])) - cameras[e]->clock.offset_s + (e ? lag / rate : 0);
        step[e] = (1 + cameras[e]->clock.drift) / rate_of(cameras[e], rate);
    }
    double from = fmax(first[0], first[1]), until = fmin(first[0] + step[0] * (double)(of_a->frame_count - 1), first[1] + step[1] * (double)(of_b->frame_count - 1));
    for (int i = 0; i < INSTANTS && until >= from; i++) {
        double now = from + (until - from) * (i + 0.5) / INSTANTS;
        size_t f[2], people[2];
        struct track_scope two = {.camera_count = 2, .noise_px = {6, 6}, .gate = 1e6, .deviation_max_m = 1e9};
        for (int e = 0; e < 2; e++) {
            f[e] = (size_t)fmin(fmax(floor((now - first[e]) / step[e] + 0.5), 0), (double)(takes[e]->frame_count - 1));
            two.views[e] = camera_view_at(cameras[e], takes[e]->frame_first + (int64_t)f[e]);
            people[e] = takes[e]->frames[f[e]].people < SOME ? takes[e]->frames[f[e]].people : SOME;
        }
        for (size_t p = 0; p < people[0] && two.views[0] && two.views[1]; p++) {
            double best = INFINITY, size = NAN;
            for (size_t q = 0; q < people[1]; q++) {
                const struct pose_point *list[2] = {pose_person(of_a, f[0], p), pose_person(of_b, f[1], q)};
                struct track_point out[POSE_LAYOUT_JOINTS_MAX];
                float miss[POSE_LAYOUT_JOINTS_MAX];
                size_t known = 0;
                double span = 0;
                (void)track_triangulate(&two, list, joints, out);
                for (size_t k = 0; k < joints; k++) {
                    if (vec3_is_known(out[k].at)) miss[known++] = (float)sqrt(out[k].chi2);
                    for (size_t j = 0; j < k; j++) span = fmax(span, vec3_is_known(out[k].at) && vec3_is_known(out[j].at) ? vec3_distance(out[k].at, out[j].at) : 0);
                }
                if (known < 6 && known * 2 < joints) continue;
                double m = median(miss, known);
                if (m < best) best = m, size = span;
            }
            if (!people[1]) continue;
            sum += fmin(best, 10), n++;
            if (best < 4) sizes[size_count++] = (float)size;
        }
    }
    return (struct meeting){n ? sum / (double)n : NAN, median(sizes, size_count)};
}

/* ---- what does not fit ---- */

static void say(struct track_note *notes, size_t limit, size_t *count, int camera, const char *format, ...) PRINTF_LIKE(5, 6);
static void say(struct track_note *notes, size_t limit, size_t *count, int camera, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (*count < limit) {
        notes[*count].camera = camera;
        vsnprintf(notes[*count].text, sizeof notes[*count].text, format, args);
    }
    va_end(args);
    (*count)++;
}

size_t track_check(const struct camera_rig *rig, const struct pose_take *const *takes, double rate, struct track_note *notes, size_t limit) {
    enum { OTHERS_MAX = 6 };
    size_t count = 0;
    bool is_empty[CAMERA_COUNT_MAX] = {0}, is_stranger[CAMERA_COUNT_MAX] = {0};
    float sizes[CAMERA_COUNT_MAX * OTHERS_MAX];
    size_t size_count = 0, seeing = 0, fitting = 0;
    for (size_t c = 0; c < rig->count; c++) {
        size_t people = 0, missing = 0;
        for (size_t f = 0; f < takes[c]->frame_count; f++) people += takes[c]->frames[f].people, missing += !takes[c]->frames[f].is_present;
        is_empty[c] = !people, seeing += people > 0;
        if (!people) say(notes, limit, &count, (int)c, "Camera %s: nobody was found in any of its %zu pictures. Is it the right folder, and does the camera see the people?", rig->cameras[c].name, takes[c]->frame_count);
        else if (missing * 10 > takes[c]->frame_count) say(notes, limit, &count, (int)c, "Camera %s: %zu of %zu pictures are missing.", rig->cameras[c].name, missing, takes[c]->frame_count);
    }
    double closest = INFINITY, bests[CAMERA_COUNT_MAX];
    struct {
        double apart;
        float size;
    } found[CAMERA_COUNT_MAX * OTHERS_MAX];
    size_t found_count = 0;
    for (size_t c = 0; c < rig->count; c++) {
        double best = INFINITY;
        size_t compared = 0;
        for (size_t k = 1; k < rig->count && compared < OTHERS_MAX && !is_empty[c]; k++) {
            size_t o = (c + k) % rig->count;
            if (is_empty[o]) continue;
            struct meeting m = meeting_of(&rig->cameras[c], takes[c], &rig->cameras[o], takes[o], rate, (rig->cameras[o].clock.offset_s - rig->cameras[c].clock.offset_s) * rate);
            if (isnan(m.apart)) continue;
            compared++, best = fmin(best, m.apart);
            found[found_count].apart = m.apart, found[found_count++].size = (float)m.size;
        }
        bests[c] = compared ? best : NAN;
        closest = fmin(closest, best);
    }
    /* By chance rays of two cameras meet within some ten pixels; those that belong together as near as noise and calibration allow, which the best two show. */
    const double good = fmax(0.7, fmin(3 * closest, 3));
    for (size_t c = 0; c < rig->count; c++) is_stranger[c] = bests[c] >= good, fitting += bests[c] < good;
    for (size_t i = 0; i < found_count; i++) {
        if (found[i].apart < good && isfinite(found[i].size)) sizes[size_count++] = found[i].size;
    }
    double size = median(sizes, size_count);
    if (size > 400 && size < 4000) say(notes, limit, &count, -1, "People are %.0f units tall: the positions in the calibration are millimetres, and must be metres. Say `calibrate convert IN OUT --scale 0.001`.", size);
    else if (size > 40 && size <= 400) say(notes, limit, &count, -1, "People are %.0f units tall: the positions in the calibration are centimetres or inches, and must be metres. Say `calibrate convert IN OUT --scale 0.01` (0.0254).", size);
    else if (isfinite(size) && (size > 3 || size < 0.7)) say(notes, limit, &count, -1, "People are %.2f units tall: are the positions in the calibration metres? `calibrate convert IN OUT --scale FACTOR` changes them.", size);
    bool is_told[CAMERA_COUNT_MAX] = {0};
    for (size_t c = 0; c < rig->count; c++) { /* would two fit if their recordings were exchanged? */
        for (size_t o = c + 1; o < rig->count && is_stranger[c]; o++) {
            if (is_empty[o] || (!is_stranger[o] && fitting)) continue;
            for (size_t k = 0; k < rig->count; k++) { /* a third one is the witness; with two cameras they are their own */
                bool is_pair = rig->count == 2;
                if (((k == c || k == o) && !is_pair) || (is_pair && k != o) || is_empty[k]) continue;
                struct meeting a = meeting_of(&rig->cameras[c], takes[o], &rig->cameras[k], takes[is_pair ? c : k], rate, 0);
                if (!(a.apart < good)) continue;
                say(notes, limit, &count, (int)c, "Cameras %s and %s: their recordings look exchanged. Name the folders after the cameras, or give them in the order of the calibration.", rig->cameras[c].name, rig->cameras[o].name);
                is_told[c] = is_told[o] = true, is_stranger[c] = is_stranger[o] = false;
                break;
            }
        }
    }
    for (size_t c = 0; c < rig->count; c++) {
        if (!is_stranger[c] || is_told[c]) continue;
        say(notes, limit, &count, (int)c, "Camera %s: what it saw fits no other camera. It was moved after the calibration, its axes are mirrored, its recording is another one's, or it did not start with the others (--sync).",
            rig->cameras[c].name);
    }
    if (seeing < 2) say(notes, limit, &count, -1, "Fewer than two cameras saw anybody: nobody can be placed in space.");
    return count;
}
