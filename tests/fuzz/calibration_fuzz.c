/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Any bytes as a calibration in every format; what is accepted must be usable and survive being written and read. */
#include <assert.h>
#include <stdlib.h>

#include "human/camera/camera.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 1 << 16) return 0;
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    for (enum camera_format f = CAMERA_FORMAT_GUESS; f < CAMERA_FORMATS; f++) {
        struct arena *mem = arena_create(64 << 20);
        struct camera_rig rig;
        struct camera_note note;
        struct err e = camera_rig_parse(mem, slice_of(exact, size), f, &rig, &note);
        if (e.kind) assert(e.code && e.what);
        else {
            assert(rig.count > 0 && rig.count <= CAMERA_COUNT_MAX);
            for (size_t i = 0; i < rig.count; i++) {
                const struct camera_view *v = &rig.cameras[i].fixed;
                struct vec3 ray;
                double x, y;
                assert(v->lens.radius_max >= 0);
                if (v->lens.radius_max > 0 && camera_unproject(&v->lens, 300, 200, &ray)) (void)camera_lens_project(&v->lens, ray, &x, &y);
            }
            struct buf text = BUF(16 << 20);
            if (!camera_rig_write(&text, &rig, CAMERA_FORMAT_JSON, &note).kind) {
                struct camera_rig again;
                struct err second = camera_rig_parse(mem, buf_slice(&text), CAMERA_FORMAT_JSON, &again, &note);
                assert(!second.kind || second.kind == ERR_LIMIT);
            }
            buf_free(&text);
        }
        arena_destroy(&mem);
    }
    free(exact);
    return 0;
}
