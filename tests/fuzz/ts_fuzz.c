/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A transport stream of a stranger's, through to tracks and samples, in messages of a length that the first byte says. The second byte's lowest bit
 * makes the CRC of each section right, so that tables can be anything. Sound is not decoded here: FFmpeg has fuzzers
 * of its own. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "media/srt/programme.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t tracks;
};

static struct err take_tracks(void *user, const struct cmaf_track *tracks, size_t count) {
    struct seen *s = user;
    assert(count >= 1 && count <= FEED_TRACKS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct cmaf_track again = tracks[i];
        assert(!cmaf_track_complete(&again).kind && tracks[i].codec_string[0]);
    }
    s->tracks = count;
    return ERR_OK;
}
static struct err take_sample(void *user, const struct record_sample *sample, struct slice data) {
    struct seen *s = user;
    volatile uint8_t last = (uint8_t)data.ptr[data.len - 1];
    (void)last;
    assert(sample->track < s->tracks && data.len);
    return ERR_OK;
}
static struct err take_cue(void *user, int64_t clock, struct slice section) {
    assert(section.len >= 8);
    return ERR_OK;
}
static struct err take_programmes(void *user, const uint16_t *numbers, size_t count) {
    assert(count > 1 && count <= TS_PROGRAMMES_MAX);
    return srt_err("srt.programmes");
}

/* Sections that begin right behind a pointer_field of 0 and end in the same packet. */
static void mend_sections(uint8_t *bytes, size_t size) {
    for (size_t at = 0; at + TS_PACKET_BYTES <= size; at += TS_PACKET_BYTES) {
        uint8_t *p = bytes + at;
        if (p[0] != 0x47 || !(p[1] & 0x40) || (p[3] & 0x30) != 0x10 || p[4]) continue;
        size_t len = (p[6] & 15u) << 8 | p[7];
        if (len < 9 || 8 + len > TS_PACKET_BYTES) continue;
        uint32_t crc = bytes_crc32_mpeg(slice_of(p + 5, len - 1));
        for (size_t i = 0; i < 4; i++) p[5 + len - 1 + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    size_t step = data[0] ? (size_t)data[0] * 7 : 1316;
    bool mends = data[1] & 1;
    data += 2, size -= 2;
    uint8_t *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    if (mends) mend_sections(exact, size);
    struct seen seen = {0};
    struct programme_handler handler = {.user = &seen, .codec = PROGRAMME_LACKS, .tracks = take_tracks, .sample = take_sample, .cue = take_cue, .programmes = take_programmes};
    struct programme *p = NULL;
    struct err e = programme_open(&handler, &p);
    assert(!e.kind);
    for (size_t at = 0; !e.kind && at < size; at += step) e = programme_push(p, slice_of(exact + at, size - at < step ? size - at : step), (int64_t)at * 100000);
    if (!e.kind) e = programme_finish(p);
    programme_close(&p);
    free(exact);
    return 0;
}
