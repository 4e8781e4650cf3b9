/* SPDX-License-Identifier: AGPL-3.0-or-later
 * A scene that is accepted can be played, if it is small. */
#include <assert.h>
#include <stdlib.h>

#include "human/synth/synth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct synth_scene s;
    if (!synth_scene_parse(slice_of(exact, size), &s).kind) {
        assert(s.athletes >= 1 && s.athletes <= SYNTH_ATHLETES_MAX && s.cameras >= 1 && s.cameras <= SYNTH_CAMERAS_MAX);
        s.seconds = 2 / s.rate;
        struct arena *mem = arena_create(64 << 20);
        struct synth_meeting m;
        struct err e = synth_make(mem, &s, &m);
        if (!e.kind) assert(m.rig.count == s.cameras && m.truth[0].frame_count == 2);
        arena_destroy(&mem);
    }
    free(exact);
    return 0;
}
