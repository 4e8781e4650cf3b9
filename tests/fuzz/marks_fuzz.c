/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Any bytes as a table of marks; what is accepted goes through the placing of a camera. */
#include <assert.h>
#include <stdlib.h>

#include "human/calibration/calibration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 1 << 12) return 0;
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct arena *mem = arena_create(16 << 20);
    struct calibration_rows rows;
    struct camera_note note;
    struct err e = calibration_rows_parse(mem, slice_of(exact, size), &rows, &note);
    if (e.kind) assert(e.code && e.what && (e.kind != ERR_INPUT || note.text[0]));
    else {
        struct camera_lens lens = {.fx = 1000, .fy = 1000, .cx = 960, .cy = 540, .radial = {-0.1, 0.01}};
        struct calibration_mark marks[24];
        struct calibration_place place;
        size_t count = rows.count < 24 ? rows.count : 24;
        assert(rows.count > 0 && !camera_lens_prepare(&lens).kind);
        for (size_t i = 0; i < count; i++) marks[i] = rows.rows[i].mark;
        e = calibration_place(mem, &lens, false, marks, count, &place);
        if (!e.kind) assert(vec3_is_known(place.pose.translation) && place.worst < count);
    }
    arena_destroy(&mem);
    free(exact);
    return 0;
}
