/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a transcoder's child might say: one byte for what it may speak of, then messages of a type, a length and a body. */
#include <stdlib.h>
#include <string.h>

#include "media/transcoder/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    struct said_state state = {.renditions = data[0] & 3, .may_make_sound = data[0] & 4};
    for (data++, size--; size >= 3;) {
        size_t len = data[1] | data[2] << 8;
        if (len > size - 3) len = size - 3;
        char *body = malloc(len + 1); /* its own, so that reading beyond is seen */
        memcpy(body, data + 3, len);
        struct child_message message = {.type = data[0], .body = slice_of(body, len)};
        struct said said;
        if (said_check(&state, &message, &said)) {
            if (said.type == SAID_RENDITION_SAMPLE && (said.rendition >= state.renditions || !said.sample.bytes)) abort();
            if (said.type == SAID_RENDITION && said.track.codec != CMAF_H264) abort();
            if (said.type == SAID_STILL && (!said.still.width || !said.still.timescale)) abort();
        }
        free(body);
        data += 3 + len;
        size -= 3 + len;
    }
    return 0;
}
