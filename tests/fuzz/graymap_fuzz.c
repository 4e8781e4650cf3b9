/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Any bytes as a portable graymap, and any small picture as one of a board. */
#include <assert.h>
#include <stdlib.h>

#include "human/calibration/calibration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct calibration_board boards[2] = {{.columns = 4, .rows = 3, .square_m = 0.03}, {.columns = 4, .rows = 3, .square_m = 0.03, .marker_m = 0.022}};
    if (size > 1 << 14) return 0;
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct arena *mem = arena_create(32 << 20);
    struct calibration_picture picture;
    struct err e = calibration_picture_parse(mem, slice_of(exact, size), &picture);
    if (e.kind) assert(e.code && e.what);
    else if (picture.width <= 160 && picture.height <= 120) {
        for (int i = 0; i < 2; i++) {
            struct calibration_sight sight;
            e = calibration_find_board(mem, &picture, &boards[i], &sight);
            if (e.kind) continue;
            assert(sight.count > 0 && sight.count <= (size_t)calibration_corner_count(&boards[i]));
            for (size_t k = 0; k < sight.count; k++) {
                const struct calibration_corner *c = &sight.corners[k];
                assert(c->id >= 0 && c->id < calibration_corner_count(&boards[i]) && c->u >= 0 && c->v >= 0 && c->u < picture.width && c->v < picture.height);
            }
        }
    }
    arena_destroy(&mem);
    free(exact);
    return 0;
}
