/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "human/pose/pose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { LIMIT = 500 };
    char *exact = malloc(size ? size : 1);
    struct pose_point *points = malloc(LIMIT * sizeof *points);
    if (size) memcpy(exact, data, size);
    size_t people, joints, at = 0;
    struct err e = pose_parse_openpose(slice_of(exact, size), points, LIMIT, &people, &joints, &at);
    assert(at <= size);
    if (!e.kind) {
        assert(people * joints <= LIMIT);
        for (size_t i = 0; i < people * joints; i++) {
            assert(points[i].confidence >= 0 && points[i].confidence <= 1);
            assert(isfinite(points[i].x) && isfinite(points[i].y));
        }
    }
    free(points);
    free(exact);
    return 0;
}
