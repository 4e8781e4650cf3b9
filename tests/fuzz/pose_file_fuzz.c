/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "human/pose/pose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct arena *mem = arena_create(64 << 20);
    struct pose_take t;
    struct pose_note note = {0};
    struct err e = pose_parse_file(mem, slice_of(exact, size), &(struct pose_options){.frames_max = 10000}, &t, &note);
    if (!e.kind) {
        assert(t.frame_count > 0 && t.frame_count <= 10000 && t.layout.joint_count > 0 && t.layout.joint_count <= POSE_LAYOUT_JOINTS_MAX);
        for (size_t f = 0; f < t.frame_count; f++) {
            for (size_t i = 0; i < t.frames[f].people * t.layout.joint_count; i++) assert(isfinite(t.frames[f].points[i].x));
        }
        for (size_t k = 0; k < t.layout.joint_count; k++) assert((size_t)t.layout.mirror[k] < t.layout.joint_count);
    }
    arena_destroy(&mem);
    free(exact);
    return 0;
}
