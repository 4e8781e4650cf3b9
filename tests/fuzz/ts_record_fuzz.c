/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A child that says anything at all. The input is a row of: type (1 byte), length (2 bytes), body. What passes the check must be something that the
 * receiver can act on without looking again. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "media/srt/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct record_talk *talk, const struct record *r) {
    switch (r->type) {
    case RECORD_TRACKS:
        assert(talk->count >= 1 && talk->count <= FEED_TRACKS_MAX);
        for (size_t i = 0; i < talk->count; i++) {
            struct cmaf_track t = talk->tracks[i];
            assert(!cmaf_track_complete(&t).kind && t.timescale && t.config.ptr == talk->configs[i] && t.codec_string[0]);
        }
        break;
    case RECORD_SAMPLE:
        assert(r->sample.track < talk->count && r->sample.data.len >= 1 && r->sample.data.len <= FEED_SAMPLE_BYTES_MAX);
        assert(r->sample.pts - r->sample.dts <= (int64_t)RECORD_SAMPLE_LAG_S_MAX * talk->tracks[r->sample.track].timescale);
        break;
    case RECORD_CUE: assert(r->section.len >= 11); break;
    case RECORD_REFUSED: assert(srt_err(r->refused.code).kind && r->refused.programme_count <= TS_PROGRAMMES_MAX); break;
    default: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct record_talk *talk = calloc(1, sizeof *talk);
    while (size >= 3) {
        size_t len = (size_t)data[1] << 8 | data[2];
        uint32_t type = data[0];
        data += 3, size -= 3;
        if (len > size) len = size;
        char *exact = malloc(len ? len : 1);
        if (len) memcpy(exact, data, len);
        struct child_message m = {.type = type, .body = slice_of(exact, len)};
        struct record r;
        bool was_over = talk->has_ended, is_good = talk_check(talk, &m, &r);
        assert(!(is_good && was_over));
        if (is_good) check(talk, &r);
        free(exact);
        if (!is_good) break;
        data += len, size -= len;
    }
    free(talk);
    return 0;
}
