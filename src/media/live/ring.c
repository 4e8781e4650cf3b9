/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/live/ring.h"

#include <assert.h>

#include "base/mem.h"

void ring_free(struct ring *r) {
    for (size_t i = 0; i < r->part_count; i++) http_blob_release(&r->blobs[r->part_at + i]);
    mem_free(r->segments);
    mem_free(r->places);
    mem_free(r->parts);
    mem_free(r->blobs);
    *r = (struct ring){0};
}

size_t ring_find(const struct ring *r, uint64_t number) {
    if (!r->count || number < r->segments[r->first].number) return SIZE_MAX;
    uint64_t at = number - r->segments[r->first].number;
    return at < r->count ? (size_t)at : SIZE_MAX;
}

struct manifest_segment *ring_last(struct ring *r) { return r->count ? &r->segments[r->first + r->count - 1] : NULL; }

static bool is_open(const struct manifest_segment *s) { return s && s->flags & MANIFEST_OPEN; }

/* Grows both arrays, or neither as far as anybody can tell. */
static bool grow(void **a, size_t a_bytes, void **b, size_t b_bytes, size_t *capacity) {
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = mem_realloc_array(*a, wanted, a_bytes);
    if (!grown) return false;
    *a = grown;
    grown = mem_realloc_array(*b, wanted, b_bytes);
    if (!grown) return false;
    *b = grown;
    *capacity = wanted;
    return true;
}

struct err ring_open(struct ring *r, const struct manifest_segment *s, uint32_t hour) {
    assert(!is_open(ring_last(r)) && (!r->count || s->number == ring_last(r)->number + 1));
    if (r->first && r->first + r->count == r->capacity) { /* slide to the front once half the room is free, else grow */
        if (r->first >= r->capacity / 2) {
            memmove(r->segments, r->segments + r->first, r->count * sizeof *r->segments);
            memmove(r->places, r->places + r->first, r->count * sizeof *r->places);
            r->first = 0;
        }
    }
    if (r->first + r->count == r->capacity) {
        if (r->count >= RING_SEGMENTS_MAX) return err_make(ERR_LIMIT, "live.long", "A channel has more segments than are allowed. End the event and start another.");
        if (!grow((void **)&r->segments, sizeof *r->segments, (void **)&r->places, sizeof *r->places, &r->capacity)) return err_memory();
    }
    size_t at = r->first + r->count++;
    r->segments[at] = *s;
    r->segments[at].part_first = r->parts_from + r->part_count;
    r->segments[at].part_count = 0;
    r->places[at] = (struct ring_place){.hour = hour, .part_first = r->segments[at].part_first};
    return ERR_OK;
}

struct err ring_add(struct ring *r, struct http_blob *blob, const struct manifest_part *part) {
    struct manifest_segment *s = ring_last(r);
    assert(is_open(s));
    if (r->part_at + r->part_count == r->part_capacity) {
        if (r->part_at >= r->part_capacity / 2 && r->part_at) {
            memmove(r->parts, r->parts + r->part_at, r->part_count * sizeof *r->parts);
            memmove(r->blobs, r->blobs + r->part_at, r->part_count * sizeof *r->blobs);
            r->part_at = 0;
        } else if (!grow((void **)&r->parts, sizeof *r->parts, (void **)&r->blobs, sizeof *r->blobs, &r->part_capacity)) {
            return err_memory();
        }
    }
    size_t at = r->part_at + r->part_count++;
    r->parts[at] = *part;
    r->parts[at].offset = s->bytes;
    r->blobs[at] = blob;
    s->bytes += part->bytes;
    s->duration = (uint32_t)(part->start + part->duration - s->start);
    s->part_count++;
    r->places[r->first + r->count - 1].held_parts++;
    r->bytes += part->bytes;
    return ERR_OK;
}

void ring_close(struct ring *r, uint32_t duration) {
    struct manifest_segment *s = ring_last(r);
    assert(is_open(s));
    s->flags &= (uint8_t)~MANIFEST_OPEN;
    s->duration = duration;
    ring_offer(r);
}

void ring_recorded(struct ring *r, uint64_t number, uint64_t file_offset, uint32_t bytes) {
    size_t at = ring_find(r, number);
    if (at == SIZE_MAX) return;
    struct ring_place *p = &ring_places(r)[at];
    if (!p->recorded) p->file_offset = file_offset;
    p->recorded += bytes;
}

void ring_hole(struct ring *r, uint64_t number) {
    size_t at = ring_find(r, number);
    if (at == SIZE_MAX) return;
    ring_places(r)[at].is_hole = true;
    if (!ring_places(r)[at].held_parts && !is_open(&ring_segments(r)[at])) ring_segments(r)[at].flags |= MANIFEST_GAP;
}

/* The segments with bytes in memory are the last ones: the first of them holds the first part. */
static size_t oldest_held(const struct ring *r) {
    if (!r->part_count) return SIZE_MAX;
    size_t at = r->count;
    while (at > 0 && r->places[r->first + at - 1].part_first > r->parts_from) at--;
    /* Gaps have no parts and lie anywhere. */
    while (at > 0 && !r->places[r->first + at - 1].held_parts) at--;
    return at ? at - 1 : SIZE_MAX;
}

bool ring_oldest_is_spent(const struct ring *r, int64_t before) {
    size_t at = oldest_held(r);
    if (at == SIZE_MAX) return false;
    const struct manifest_segment *s = &r->segments[r->first + at];
    const struct ring_place *p = &r->places[r->first + at];
    return !is_open(s) && s->start + s->duration <= before && p->recorded == s->bytes && !p->is_hole;
}

static void drop_parts(struct ring *r, size_t count) {
    for (size_t i = 0; i < count; i++) {
        r->bytes -= r->parts[r->part_at + i].bytes;
        http_blob_release(&r->blobs[r->part_at + i]);
    }
    r->part_at += count;
    r->part_count -= count;
    r->parts_from += count;
}

bool ring_release_oldest(struct ring *r) {
    size_t at = oldest_held(r);
    if (at == SIZE_MAX || is_open(&r->segments[r->first + at])) return false;
    struct manifest_segment *s = &r->segments[r->first + at];
    struct ring_place *p = &r->places[r->first + at];
    assert(p->part_first == r->parts_from);
    drop_parts(r, p->held_parts);
    p->held_parts = 0;
    s->part_count = 0;
    if (p->is_hole || p->recorded < s->bytes) { /* the recorder may be behind, but nobody can have it until it has caught up: no player waits for that */
        s->flags |= MANIFEST_GAP;
        p->is_hole = true;
    }
    return true;
}

size_t ring_slide(struct ring *r, int64_t before) {
    size_t gone = 0;
    while (r->count > 3 && !is_open(&r->segments[r->first])) {
        struct manifest_segment *s = &r->segments[r->first];
        if (s->start + s->duration > before) break;
        if (r->places[r->first].held_parts) drop_parts(r, r->places[r->first].held_parts);
        r->first++;
        r->count--;
        gone++;
    }
    return gone;
}

void ring_offer(struct ring *r) {
    if (r->count <= RING_OFFERED_SEGMENTS) return;
    for (size_t i = r->first + r->count - RING_OFFERED_SEGMENTS; i-- > r->first && r->segments[i].part_count;) r->segments[i].part_count = 0;
}

struct http_blob *ring_blob(const struct ring *r, uint64_t part) {
    assert(part >= r->parts_from && part - r->parts_from < r->part_count);
    return r->blobs[r->part_at + (part - r->parts_from)];
}
