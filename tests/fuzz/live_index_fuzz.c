/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The indexes of live recordings: live.idx and an hour's .idx, one behind the other (4 bytes say where the first ends), and all views made from what they
 * say. Checksums are put right first, or nothing behind them would ever be reached. */
#include <assert.h>
#include <stdlib.h>

#include "base/crc.h"
#include "media/live/library.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_be32(char *at, uint32_t v) {
    for (int i = 0; i < 4; i++) at[i] = (char)(v >> (24 - 8 * i));
}
static uint32_t be32(const char *at) {
    return (uint32_t)(uint8_t)at[0] << 24 | (uint32_t)(uint8_t)at[1] << 16 | (uint32_t)(uint8_t)at[2] << 8 | (uint8_t)at[3];
}

static void mend_log(char *bytes, size_t size) {
    if (size < JOURNAL_LOG_HEAD_BYTES) return;
    memcpy(bytes, "GSLIVEC1", 8);
    put_be32(bytes + 12, crc32c(0, bytes, 12));
    for (size_t at = JOURNAL_LOG_HEAD_BYTES; size - at >= 12;) {
        size_t length = be32(bytes + at + 4);
        if (length > size - at - 12) break;
        put_be32(bytes + at + 8 + length, crc32c(0, bytes + at, 8 + length));
        at += 12 + length;
    }
}

static void mend_hour(char *bytes, size_t size) {
    if (size >= JOURNAL_RECORD_BYTES) memcpy(bytes, "GSLIVEP1", 8);
    for (size_t at = 0; at + JOURNAL_RECORD_BYTES <= size; at += JOURNAL_RECORD_BYTES)
        put_be32(bytes + at + JOURNAL_RECORD_BYTES - 4, crc32c(0, bytes + at, JOURNAL_RECORD_BYTES - 4));
}

/* A copy of exactly this size, so that one byte too far is seen. */
static char *copy(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    return exact;
}

static void check_ring(struct ring *ring) {
    const struct manifest_segment *s = ring_segments(ring);
    for (size_t i = 0; i < ring->count; i++) {
        assert(i == 0 || s[i].number == s[i - 1].number + 1);
        assert(s[i].start >= 0 && !(s[i].flags & MANIFEST_OPEN));
        assert(ring_find(ring, s[i].number) == i);
    }
}

static void make_views(const struct story *story, struct ring *ring) {
    struct manifest_rendition renditions[LIVE_RENDITIONS_MAX] = {0};
    size_t count = 0;
    for (size_t i = 0; i < story->rendition_count && ring->count; i++) {
        struct manifest_rendition *r = &renditions[count];
        *r = (struct manifest_rendition){.timescale = story->renditions[i].timescale, .inits = story->renditions[i].inits, .init_count = story->renditions[i].init_count,
                                         .segments = ring_segments(ring), .segment_count = ring->count};
        memcpy(r->name, story->renditions[i].name, sizeof r->name);
        assert(r->init_count);
        count++;
    }
    struct manifest_live m = {.epoch = story->epoch, .now = story->epoch, .target_ms = 2000, .part_ms = 334, .window_ms = 7200000, .renditions = renditions, .rendition_count = count,
                              .runs = story->runs, .run_count = story->run_count, .cues = story->cues, .cue_count = story->cue_count};
    for (int kind = 0; kind < 3; kind++) {
        struct buf out = BUF(1 << 20);
        m.is_ended = kind == 1, m.is_recording = kind == 2;
        manifest_live_master(&m, &out);
        buf_clear(&out);
        manifest_live_dash(&m, &out);
        for (size_t i = 0; i < count; i++) {
            buf_clear(&out);
            manifest_live_media(&m, i, kind ? MANIFEST_WHOLE : MANIFEST_DELTA, &out);
            buf_clear(&out);
            manifest_live_iframes(&m, i, &out);
        }
        buf_free(&out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4) return 0;
    size_t log_size = be32((const char *)data) % (size - 3), hour_size = size - 4 - log_size;
    char *log = copy(data + 4, log_size), *hour = copy(data + 4 + log_size, hour_size);
    mend_log(log, log_size);
    mend_hour(hour, hour_size);
    struct story story = {0};
    struct ring ring = {0};
    size_t good = 0;
    struct err e = story_read(&story, slice_of(log, log_size), &good);
    assert(good <= log_size);
    struct journal_head head;
    uint64_t good_index, good_media;
    struct err h = library_read_hour(slice_of(hour, hour_size), UINT64_C(1) << 40, &ring, &head, &good_index, &good_media);
    if (!h.kind) {
        assert(good_index <= hour_size && good_media <= UINT64_C(1) << 40);
        check_ring(&ring);
    }
    if (!e.kind && !h.kind) {
        struct buf again = BUF(16 << 20);
        story_write(&story, &again); /* what was read can be written and read again */
        if (!again.has_failed) {
            struct story second = {0};
            struct err re = story_read(&second, buf_slice(&again), &good);
            assert(!re.kind && good == again.len && second.run_count == story.run_count && second.cue_count == story.cue_count);
            story_free(&second);
        }
        buf_free(&again);
        make_views(&story, &ring);
    }
    story_free(&story);
    ring_free(&ring);
    free(log);
    free(hour);
    return 0;
}
