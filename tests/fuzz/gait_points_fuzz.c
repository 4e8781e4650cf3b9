/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Whatever is accepted as measured points can be analysed, written and shown, and its points come back from their own file. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "human/gait/gait.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct arena *mem = arena_create(256 << 20);
    struct gait_recording r, again;
    struct gait_run run;
    if (!gait_read_points(mem, slice_of(exact, size), &r).kind && r.frame_count < 200) {
        struct buf text = BUF(64 << 20);
        gait_write_points(&text, &r);
        if (!buf_error(&text).kind && !gait_read_points(mem, buf_slice(&text), &again).kind) {
            assert(again.frame_count == r.frame_count);
            for (size_t i = 0; i < r.frame_count * POSE_JOINTS; i++)
                assert(vec3_is_known(r.points[i].at) == vec3_is_known(again.points[i].at));
        }
        static const double lines[] = {1, 2};
        struct gait_options o = GAIT_OPTIONS;
        o.lines_m = lines, o.line_count = 2;
        if (!gait_analyse(mem, &r, &o, &run).kind) {
            for (size_t f = 0; f < run.frame_count; f++) {
                for (size_t a = 0; a < GAIT_ANGLES; a++)
                    assert(!gait_is_known(run.samples[f].angles[a]) || run.samples[f].angles[a].error >= 0);
            }
            buf_clear(&text), gait_write_json(&text, &run);
            json_t *root;
            if (!buf_error(&text).kind) {
                assert(!json_parse(buf_slice(&text), 64 << 20, &root).kind);
                json_decref(root);
            }
            buf_clear(&text);
            struct err e = gait_write_report(mem, &text, &run, 1, &run, 1, SLICE("th"), SLICE_NONE);
            assert(!e.kind || e.kind == ERR_LIMIT);
        }
        buf_free(&text);
    }
    arena_destroy(&mem);
    free(exact);
    return 0;
}
