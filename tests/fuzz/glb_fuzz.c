/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What is accepted as binary glTF can be played back, written, and read again. */
#include <assert.h>
#include <stdlib.h>

#include "human/motion/motion.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct arena *mem = arena_create(48 << 20);
    struct motion_figure g, again;
    struct motion m;
    struct motion_note note;
    if (!motion_parse_glb(mem, slice_of(exact, size), &g, &note).kind) {
        struct buf bytes = BUF(16 << 20);
        for (size_t i = 0; i < g.node_count; i++) assert(g.nodes[i].parent < (int)i && (i == 0) == (g.nodes[i].parent < 0));
        (void)!motion_of_figure(mem, &g, &m).kind;
        motion_write_glb(&bytes, &g);
        if (!buf_error(&bytes).kind && !motion_parse_glb(mem, buf_slice(&bytes), &again, &note).kind) assert(again.node_count == g.node_count);
        buf_free(&bytes);
    }
    arena_destroy(&mem);
    free(exact);
    return 0;
}
