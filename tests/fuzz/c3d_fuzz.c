/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What is accepted as C3D is written and read again to the same known and unknown points. */
#include <assert.h>
#include <stdlib.h>

#include "human/motion/motion.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct arena *mem = arena_create(64 << 20);
    struct motion m, again;
    struct motion_note note;
    if (!motion_parse_c3d(mem, slice_of(exact, size), &m, &note).kind) {
        struct buf bytes = BUF(64 << 20);
        motion_write_c3d(&bytes, &m, NULL);
        if (!buf_error(&bytes).kind && !motion_parse_c3d(mem, buf_slice(&bytes), &again, &note).kind) {
            assert(again.frame_count == m.frame_count && again.point_count == m.point_count);
            for (size_t i = 0; i < m.frame_count * m.point_count; i++) {
                bool is_storable = vec3_norm(m.at[i]) < 1e30; /* in the float's range, in millimetres */
                assert(!vec3_is_known(m.at[i]) || !is_storable || vec3_is_known(again.at[i]));
            }
        }
        buf_free(&bytes);
    }
    arena_destroy(&mem);
    free(exact);
    return 0;
}
