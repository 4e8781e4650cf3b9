/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What is accepted as TRC is written and read again to the same points. */
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
    if (!motion_parse_trc(mem, slice_of(exact, size), &m, &note).kind) {
        struct buf text = BUF(64 << 20);
        motion_write_trc(&text, &m);
        if (!buf_error(&text).kind && !motion_parse_trc(mem, buf_slice(&text), &again, &note).kind) {
            assert(again.frame_count == m.frame_count && again.point_count == m.point_count);
            for (size_t i = 0; i < m.frame_count * m.point_count; i++) assert(vec3_is_known(m.at[i]) == vec3_is_known(again.at[i]));
        }
        buf_free(&text);
    }
    arena_destroy(&mem);
    free(exact);
    return 0;
}
