/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Our .idx files. Checksums are put right first, or nothing behind them would ever be reached. */
#include <assert.h>
#include <stdlib.h>

#include "base/crc.h"
#include "media/cmaf/cmaf.h"
#include "media/manifest/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_crc(char *at, uint32_t crc) {
    for (int i = 0; i < 4; i++) at[i] = (char)(crc >> 8 * i);
}

static void mend(char *bytes, size_t size) {
    if (size < 64) return;
    size_t init = (uint8_t)bytes[16] | (size_t)(uint8_t)bytes[17] << 8;
    bytes[18] = bytes[19] = 0;
    if (init > size - 64) return;
    memset(bytes + 12, 0, 4);
    put_crc(bytes + 12, crc32c(0, bytes, 64 + init));
    for (size_t at = 64 + (init + 7) / 8 * 8; at + 40 <= size; at += 40) put_crc(bytes + at + 36, crc32c(0, bytes + at, 36));
}

static struct err make(void *user, const char *file_name) {
    struct buf out = BUF(8 << 20);
    struct err e = manifest_make(user, slice_cstr(file_name), &out);
    assert(!e.kind || e.kind == ERR_LIMIT);
    buf_free(&out);
    return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    mend(exact, size);
    struct arena *arena = arena_create(16 << 20);
    struct cmaf_rendition r = {.name = "v0"};
    if (!cmaf_index_parse(slice_of(exact, size), arena, &r.index).kind) {
        uint64_t end = 0;
        for (size_t i = 0; i < r.index.segment_count; i++) {
            const struct cmaf_segment *s = &r.index.segments[i];
            assert(s->offset >= end && s->bytes <= r.index.file_bytes - s->offset && s->key_bytes <= s->bytes);
            end = s->offset + s->bytes;
        }
        cmaf_index_bitrates(&r.index, &r.peak_bps, &r.average_bps);
        bool is_video = r.index.track.kind == CMAF_VIDEO;
        if (!is_video) r.name[0] = 'a';
        struct cmaf_presentation p = {.videos = &r, .audios = &r, .video_count = is_video, .audio_count = !is_video,
                                      .duration_ms = cmaf_index_end_ns(&r.index) / 1000000};
        struct err e = manifest_each(&p, make, &p);
        assert(!e.kind);
    }
    arena_destroy(&arena);
    free(exact);
    return 0;
}
