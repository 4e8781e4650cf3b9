/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Whatever cameras saw, in any order and number, with any clocks: following, synchronising and checking end, and invent nothing that is not a number. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "human/track/track.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAMERAS = 3, FRAMES = 24, PEOPLE = 3 };

struct input {
    const uint8_t *at, *end;
};
static unsigned byte_of(struct input *in) { return in->at < in->end ? *in->at++ : 0; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input in = {data, data + size};
    struct pose_layout layout;
    if (size > 1 << 14 || !pose_layout_named(SLICE("COCO_17"), &layout)) return 0;
    static struct pose_point points[CAMERAS][FRAMES][PEOPLE * 17];
    static struct pose_frame frames[CAMERAS][FRAMES];
    struct pose_take takes[CAMERAS];
    const struct pose_take *list[CAMERAS];
    struct camera cameras[CAMERAS];
    struct camera_rig rig = {cameras, CAMERAS, CAMERA_UP_Z};
    for (size_t c = 0; c < CAMERAS; c++) {
        unsigned kind = byte_of(&in);
        double angle = 2.1 * (double)c + (kind & 3) * 0.1;
        cameras[c] = (struct camera){.name = {(char)('a' + c)}, .width = 640, .height = 480};
        cameras[c].fixed.lens = (struct camera_lens){.is_fisheye = (kind & 4) != 0, .fx = 500, .fy = 500, .cx = 320, .cy = 240, .radial = {(kind & 8) ? -0.2 : 0}};
        assert(!camera_lens_prepare(&cameras[c].fixed.lens).kind);
        cameras[c].fixed.pose = camera_pose_look_at(vec3_of(5 * cos(angle), 5 * sin(angle), 2), vec3_of(0, 0, 1), vec3_of(0, 0, 1));
        if (kind & 16) cameras[c].clock = (struct camera_clock){.offset_s = (double)byte_of(&in) / 100 - 1, .drift = (double)byte_of(&in) / 1000 - 0.1, .row_s = 1e-5 * byte_of(&in), .rate = byte_of(&in)};
        takes[c] = (struct pose_take){.layout = layout, .frame_first = (int64_t)byte_of(&in) % 5 - 2, .frame_count = byte_of(&in) % (FRAMES + 1), .frames = frames[c]};
        list[c] = &takes[c];
        for (size_t f = 0; f < takes[c].frame_count; f++) {
            unsigned what = byte_of(&in);
            frames[c][f] = (struct pose_frame){.is_present = what & 1, .people = (what & 1) ? (what >> 1) % (PEOPLE + 1) : 0, .points = points[c][f]};
            for (size_t p = 0; p < frames[c][f].people; p++) {
                unsigned x = byte_of(&in), y = byte_of(&in), odd = byte_of(&in);
                for (size_t k = 0; k < 17; k++) { /* a stick figure that stands there, and what may be wrong with it */
                    struct pose_point *q = &points[c][f][p * 17 + k];
                    *q = (struct pose_point){(float)(2 * x + 12 * (k % 3)), (float)(y + 9 * k), 0.8f};
                    if (odd == k) q->x = NAN;
                    if (odd == 20 + k) q->confidence = 0;
                    if (odd == 40 + k) q->y = 1e30f;
                    if (odd == 60) q->x = q->y = 7;
                }
            }
        }
    }
    struct arena *mem = arena_create(256 << 20);
    struct track_plan plan = {.rate = 60, .with_sync = byte_of(&in) & 1, .offset_max_s = 0.2, .with_refinement = byte_of(&in) & 1, .refine = {.held = 0.3, .with_clocks = true}};
    struct track_result r;
    struct err e = track_everybody(mem, &rig, list, &plan, &r);
    if (e.kind) assert(e.code && e.what);
    else {
        for (size_t i = 0; i < r.people.count; i++) {
            const struct track_person *p = &r.people.people[i];
            assert(p->frame_count > 0);
            for (size_t k = 0; k < p->frame_count * 17; k++) {
                const struct track_point *q = &p->points[k];
                if (vec3_is_known(q->at)) assert(__builtin_popcountll(q->cameras) >= 2 && sym3_trace(q->covariance) >= 0);
                else assert(!q->cameras);
                assert(r.states[i][k].source == TRACK_UNKNOWN || vec3_is_known(r.states[i][k].at));
            }
        }
    }
    struct track_note notes[4];
    (void)track_check(&rig, list, 60, notes, 4);
    arena_destroy(&mem);
    return 0;
}
