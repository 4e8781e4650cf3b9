/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/cmaf/segments.h"

#include <assert.h>

#include "base/mem.h"

void segment_list_free(struct segment_list *list) {
    mem_free(list->all);
    *list = (struct segment_list){0};
}

struct err segment_list_open(struct segment_list *list, uint64_t offset, bool is_sync) {
    if (list->count == CMAF_SEGMENTS_MAX) return err_make(ERR_LIMIT, "track.long", "A track has more segments than are allowed: 24 days of two seconds each.");
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        struct cmaf_segment *grown = mem_realloc_array(list->all, capacity, sizeof *grown);
        if (!grown) return err_memory();
        list->all = grown;
        list->capacity = capacity;
    }
    list->all[list->count++] = (struct cmaf_segment){.offset = offset, .start = INT64_MAX, .flags = is_sync ? CMAF_SEGMENT_SYNC : 0};
    list->end = INT64_MIN;
    return ERR_OK;
}

struct err segment_list_add_part(struct segment_list *list, uint64_t file_end, uint64_t key_end, bool is_video,
                                 const struct cmaf_sample *samples, size_t count) {
    assert(list->count > 0);
    struct cmaf_segment *s = &list->all[list->count - 1];
    if (file_end - s->offset > UINT32_MAX) return err_make(ERR_LIMIT, "segment.large", "A segment is larger than 4 GB.");
    if (!s->bytes && is_video && s->flags & CMAF_SEGMENT_SYNC) s->key_bytes = (uint32_t)(key_end - s->offset);
    s->bytes = (uint32_t)(file_end - s->offset);
    for (size_t i = 0; i < count; i++) {
        if (samples[i].pts < s->start) s->start = samples[i].pts;
        if (samples[i].pts + samples[i].duration > list->end) list->end = samples[i].pts + samples[i].duration;
        /* The one before is known to be not the last of the track now. */
        if (list->sample_count == 1) list->constant_ticks = list->last_ticks;
        else if (list->sample_count > 1 && list->constant_ticks != list->last_ticks) list->constant_ticks = 0;
        list->last_ticks = samples[i].duration;
        list->sample_count++;
        list->sample_ticks += samples[i].duration;
    }
    int64_t lasts = list->end - s->start; /* until the next one says more */
    s->duration = lasts < UINT32_MAX ? (uint32_t)lasts : UINT32_MAX;
    return ERR_OK;
}

void segment_list_settle(struct segment_list *list) {
    for (size_t i = 0; i + 1 < list->count; i++) {
        struct cmaf_segment *s = &list->all[i], *next = s + 1;
        if (next->start < s->start) next->start = s->start; /* pictures shown before the whole previous segment: damaged, but bounded */
        int64_t lasts = next->start - s->start;
        s->duration = lasts < UINT32_MAX ? (uint32_t)lasts : UINT32_MAX;
    }
    if (!list->count) return;
    struct cmaf_segment *last = &list->all[list->count - 1];
    int64_t lasts = list->end - last->start;
    last->duration = lasts <= 0 ? 0 : lasts < UINT32_MAX ? (uint32_t)lasts : UINT32_MAX;
}

void segment_list_rate(const struct segment_list *list, uint32_t timescale, uint32_t *num, uint32_t *den) {
    uint64_t n = timescale, d = list->sample_count == 1 ? list->last_ticks : list->constant_ticks;
    if (!d) n = list->sample_count * timescale, d = list->sample_ticks;
    if (!d) n = 0, d = 1;
    uint64_t a = n, b = d;
    while (b) {
        uint64_t rest = a % b;
        a = b, b = rest;
    }
    if (a > 1) n /= a, d /= a;
    while (n > UINT32_MAX || d > UINT32_MAX) n >>= 1, d >>= 1;
    if (!d) n = 0, d = 1;
    *num = (uint32_t)n;
    *den = (uint32_t)d;
}
