/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Any bytes as messages of one publisher: a type, a time and a length each, then the body. What comes out must be what a receiver was
 * promised: tracks before samples, indexes that exist, complete tracks, bytes inside the message. */
#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "media/rtmp/intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t told;
static enum cmaf_kind kinds[FEED_TRACKS_MAX];

static struct err on_tracks(void *feed, const struct cmaf_track *tracks, size_t count) {
    assert(count >= 1 && count <= FEED_TRACKS_MAX && count >= told);
    for (size_t i = 0; i < count; i++) {
        struct cmaf_track t = tracks[i];
        assert(!cmaf_track_complete(&t).kind);
        assert(i >= told || kinds[i] == t.kind); /* a place stays that kind's */
        assert(t.timescale == (t.kind == CMAF_VIDEO ? INTAKE_VIDEO_TIMESCALE : t.sample_rate));
        kinds[i] = t.kind;
        volatile char last = t.config.len ? t.config.ptr[t.config.len - 1] : 0; /* for the sanitizer */
        (void)last;
    }
    told = count;
    return ERR_OK;
}

static struct err on_sample(void *feed, const struct feed_sample *s) {
    assert(told && s->track < told && s->data.len);
    volatile char both = (char)(s->data.ptr[0] ^ s->data.ptr[s->data.len - 1]);
    (void)both;
    return ERR_OK;
}

static void on_cue(void *feed, struct slice section, int64_t pts, uint32_t timescale) { assert(section.len >= 15 && (uint8_t)section.ptr[0] == 0xfc); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t TYPES[] = {MESSAGE_AUDIO, MESSAGE_VIDEO, MESSAGE_DATA, MESSAGE_AGGREGATE};
    log_configure(LOG_ERROR, LOG_FORMAT_LOGFMT, 2);
    struct feed_receiver receiver = {.tracks = on_tracks, .sample = on_sample, .cue = on_cue};
    struct intake *k;
    told = 0;
    if (intake_create(&k, &receiver, NULL).kind) return 0;
    struct byte_reader r = byte_reader_of(slice_of(data, size));
    for (unsigned i = 0; i < 200 && bytes_left(&r); i++) {
        uint8_t head = bytes_u8(&r);
        uint32_t time = head & 0x80 ? bytes_u32be(&r) : i * 40;
        struct slice body = bytes_take(&r, bytes_u16be(&r));
        char *exact = malloc(body.len ? body.len : 1);
        if (body.len) memcpy(exact, body.ptr, body.len);
        struct chunk_message m = {.type = TYPES[head & 3], .timestamp = time, .stream = 1, .body = slice_of(exact, body.len)};
        struct err e = intake_message(k, &m, (struct utc_time){INT64_C(1800000000) * NS_PER_S});
        free(exact);
        if (e.kind) {
            assert(e.kind == ERR_INPUT || e.kind == ERR_LIMIT);
            break;
        }
    }
    (void)intake_finish(k);
    intake_destroy(&k);
    return 0;
}
