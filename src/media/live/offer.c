/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a channel offers: parts and segments go from the cutter into the rings and to the recorder, the recorder says what is in the files, and what is old leaves
 * memory, window and folder. */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "media/live/channel.h"

#define HOUR_NS (3600 * NS_PER_S)

static const struct clock *clock_of(const struct live_channel *c) { return c->live->options.clock; }

/* ---- memory and window ---- */

static uint64_t held_bytes(const struct live_channel *c) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++) bytes += c->renditions[i].ring.bytes;
    return bytes;
}

static int64_t end_of(const struct rendition *r) {
    const struct ring *ring = &r->ring;
    if (!ring->count) return 0;
    const struct manifest_segment *s = &ring->segments[ring->first + ring->count - 1];
    return s->start + s->duration;
}

/* The rendition whose bytes in memory are the oldest. */
static struct rendition *oldest_of(struct live_channel *c) {
    struct rendition *oldest = NULL;
    int64_t oldest_ns = INT64_MAX;
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++) {
        struct rendition *r = &c->renditions[i];
        if (!r->ring.part_count) continue;
        int64_t ns = timeline_to_ns(ring_parts(&r->ring)[0].start, r->hz);
        if (ns < oldest_ns) oldest_ns = ns, oldest = r;
    }
    return oldest;
}

static void trim_memory(struct live_channel *c, struct rendition *r) {
    while (ring_oldest_is_spent(&r->ring, end_of(r) - (int64_t)MEMORY_MS * r->hz / 1000)) (void)ring_release_oldest(&r->ring);
    while (held_bytes(c) > c->live->options.ring_bytes_max) {
        struct rendition *oldest = oldest_of(c);
        if (!oldest || !ring_release_oldest(&oldest->ring)) break;
    }
}

static void drop_hours(struct live_channel *c, struct rendition *r) {
    size_t gone = 0;
    if (!r->ring.count) return;
    uint32_t first = r->ring.places[r->ring.first].hour;
    while (gone < r->hour_count && r->hours[gone].hour < first) {
        char name[LIVE_FILE_NAME_MAX];
        if (!c->options.is_recorded && c->has_folder) {
            static const char *const suffixes[] = {"m4s", "idx"};
            for (size_t k = 0; k < 2; k++) {
                (void)snprintf(name, sizeof name, "%s-h%u.%s", r->name, r->hours[gone].hour, suffixes[k]);
                struct err e = recorder_remove(c->folder, name);
                if (e.kind) log_warn("live", "file_stays", LOG_TEXT("channel", c->id.text), LOG_TEXT("file", name), LOG_ERR(e));
            }
        }
        http_file_release(&r->hours[gone].file);
        gone++;
    }
    if (gone) memmove(r->hours, r->hours + gone, (r->hour_count - gone) * sizeof *r->hours);
    r->hour_count -= gone;
}

/* Pictures of what has left the window; a recorded channel has them in its folder. */
static void drop_stills(struct live_channel *c, int64_t before_ns) {
    struct still_list *l = &c->stills;
    size_t count = 0;
    for (; count < l->count && l->all[count].end_ns < before_ns; count++) {
        if (!c->options.is_recorded && c->has_folder) {
            char name[LIVE_FILE_NAME_MAX];
            (void)snprintf(name, sizeof name, "thumbs-%u.jpg", l->all[count].number);
            struct err e = recorder_remove(c->folder, name);
            if (e.kind) log_warn("live", "file_stays", LOG_TEXT("channel", c->id.text), LOG_TEXT("file", name), LOG_ERR(e));
        }
        l->bytes -= http_blob_slice(l->all[count].blob).len;
        http_blob_release(&l->all[count].blob);
    }
    if (count) memmove(l->all, l->all + count, (l->count - count) * sizeof *l->all);
    l->count -= count;
}

void offer_slide(struct live_channel *c, struct rendition *r) {
    int64_t before = end_of(r) - (int64_t)c->dvr_ms * r->hz / 1000;
    if (!c->has_folder && r->ring.part_count && ring_parts(&r->ring)[0].start > before) before = ring_parts(&r->ring)[0].start;
    if (!ring_slide(&r->ring, before)) return;
    drop_hours(c, r);
    uint32_t run = UINT32_MAX;
    int64_t before_ns = INT64_MAX;
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++) {
        const struct rendition *other = &c->renditions[i];
        if (!other->ring.count) continue;
        const struct manifest_segment *first = &other->ring.segments[other->ring.first];
        int64_t ns = timeline_to_ns(first->start, other->hz);
        if (first->run < run) run = first->run;
        if (ns < before_ns) before_ns = ns;
    }
    http_blob_release(&c->thumbs);
    if (!c->options.is_recorded) story_forget(&c->story, before_ns, run);
    drop_stills(c, before_ns);
}

/* ---- what the cutter makes ---- */

static void drop_playlist(struct live_channel *c, size_t index, bool is_new_segment) {
    for (int k = 0; k < 2; k++) http_blob_release(&c->renditions[index].texts[k]);
    if (is_new_segment) http_blob_release(&c->mpd), http_blob_release(&c->master);
}

static void note_expected(struct live_channel *c, size_t index) {
    struct cutter_next next;
    struct expected *e = &c->renditions[index].expected;
    e->is_known = cutter_expects(&c->cutter, index, &next);
    if (e->is_known) e->is_new = next.is_new, e->number = next.number, e->open_duration = next.open_duration;
}

static uint32_t hour_of(struct rendition *r, int64_t start) {
    int64_t ns = timeline_to_ns(start, r->hz);
    uint32_t hour = ns > 0 ? (uint32_t)(ns / HOUR_NS) : 0;
    if (hour > r->hour) r->hour = hour;
    return r->hour;
}

static struct journal_head head_of(const struct rendition *r, uint32_t hour) {
    struct journal_head h = {.hour = hour, .timescale = r->hz};
    memcpy(h.name, r->name, sizeof h.name);
    return h;
}

/* Numbers follow each other, whatever memory ran out before. */
static struct err open_in_ring(struct rendition *r, const struct manifest_segment *s) {
    struct ring *ring = &r->ring;
    struct err e = ERR_OK;
    const struct manifest_segment *last = ring_last(ring);
    if (last && last->flags & MANIFEST_OPEN) ring_close(ring, last->duration);
    if (last && s->number <= last->number) return err_make(ERR_BUG, "live.number", "A segment came twice.");
    while (!e.kind && ring->count && ring_last(ring)->number + 1 < s->number) {
        struct manifest_segment gap = *ring_last(ring);
        gap.number++;
        gap.start += gap.duration;
        gap.duration = 2 * r->hz;
        gap.bytes = gap.key_bytes = 0;
        gap.flags = MANIFEST_GAP | MANIFEST_OPEN;
        e = ring_open(ring, &gap, r->hour);
        if (!e.kind) ring_close(ring, gap.duration);
    }
    if (!e.kind) e = ring_open(ring, s, hour_of(r, s->start));
    return e;
}

static void count_part(struct live_channel *c, const struct cutter_part *p, struct rendition *r) {
    int64_t late_ns = clock_mono(clock_of(c)).ns - p->arrived_ns;
    c->health.parts++;
    if (late_ns > LATE_MS * NS_PER_MS) c->health.parts_late++;
    r->recent_bytes += http_blob_slice(p->blob).len;
}

void offer_note_bitrate(struct rendition *r, const struct manifest_segment *s) {
    if (!s->duration || s->flags & MANIFEST_GAP || (uint64_t)s->duration * 2 < r->hz) return; /* too short to say much */
    uint64_t bps = (uint64_t)s->bytes * 8 * r->hz / s->duration;
    if (bps > r->peak_bps) r->peak_bps = bps;
    r->average_bps = r->average_bps ? (r->average_bps * 15 + bps) / 16 : bps;
}

/* With the ring lock: the open segment of the ring is whole. */
static void close_in_ring(struct live_channel *c, size_t index, uint32_t duration) {
    struct rendition *r = &c->renditions[index];
    const struct ring_place *place = &r->ring.places[r->ring.first + r->ring.count - 1];
    ring_close(&r->ring, duration);
    offer_note_bitrate(r, ring_last(&r->ring));
    if (place->is_hole && !place->held_parts) ring_last(&r->ring)->flags |= MANIFEST_GAP;
    r->expected.is_new = true;
    offer_slide(c, r);
    drop_playlist(c, index, true);
    channel_wake(c, index, &c->woken);
}

static void sink_part(void *user, size_t index, const struct cutter_part *p) {
    struct live_channel *c = user;
    struct rendition *r = &c->renditions[index];
    int64_t start_ns = timeline_to_ns(p->start, r->hz);
    int64_t utc_ns = start_ns + (c->has_skew ? c->skew_ns : c->story.epoch.ns);
    size_t bytes = http_blob_slice(p->blob).len;
    lock_take(&c->ring_lock);
    struct err e = ERR_OK;
    struct manifest_segment *open = ring_last(&r->ring);
    bool is_first = !open || !(open->flags & MANIFEST_OPEN) || open->number != p->number;
    if (is_first) {
        struct manifest_segment s = {.number = p->number, .start = p->start, .utc_ns = utc_ns, .key_bytes = p->first_bytes, .run = p->run, .init = p->init,
                                     .flags = MANIFEST_OPEN | (p->is_sync ? MANIFEST_SYNC : 0)};
        e = open_in_ring(r, &s);
    }
    struct manifest_part part = {.start = p->start, .duration = p->duration, .bytes = (uint32_t)bytes, .is_sync = p->is_sync};
    if (!e.kind) e = ring_add(&r->ring, p->blob, &part);
    bool is_recorded = false;
    if (e.kind) {
        c->health.samples_dropped += p->samples;
    } else {
        count_part(c, p, r);
        note_expected(c, index);
        drop_playlist(c, index, is_first);
        /* The last part and the end come in one step: nobody sees the one without the other. */
        if (p->is_last) close_in_ring(c, index, p->segment_duration);
        else channel_wake(c, index, &c->woken);
        is_recorded = c->has_folder && atomic_load(&c->queued_bytes) + bytes <= c->live->options.ring_bytes_max;
        if (c->has_folder && !is_recorded) {
            ring_hole(&r->ring, p->number);
            c->health.lost_parts++;
            c->lost_at = clock_mono(clock_of(c));
        }
    }
    uint32_t hour = r->hour;
    struct http_blob *blob = e.kind ? NULL : http_blob_acquire(p->blob); /* trimming may let go of the ring's */
    if (!e.kind) trim_memory(c, r);
    lock_give(&c->ring_lock);
    if (is_recorded) {
        struct journal_head head = head_of(r, hour);
        struct journal_record record = {.type = JOURNAL_PART, .flags = p->is_sync ? JOURNAL_SYNC : 0, .part = (uint16_t)p->index, .bytes = (uint32_t)bytes, .number = p->number,
                                        .start = p->start, .duration = p->duration, .run = p->run, .init = p->init, .first_bytes = p->first_bytes, .utc_ns = utc_ns};
        atomic_fetch_add(&c->queued_bytes, bytes);
        struct err failed = recorder_part(c->folder, index, &head, &record, blob);
        if (failed.kind) {
            atomic_fetch_sub(&c->queued_bytes, bytes);
            lock_take(&c->ring_lock);
            ring_hole(&r->ring, p->number);
            c->health.lost_parts++;
            c->lost_at = clock_mono(clock_of(c));
            lock_give(&c->ring_lock);
        }
    }
    if (e.kind) {
        struct http_blob *lost = p->blob;
        http_blob_release(&lost);
        log_warn("live", "part_lost", LOG_TEXT("channel", c->id.text), LOG_ERR(e));
    }
    http_blob_release(&blob);
}

static void sink_end(void *user, size_t index, const struct cutter_end *end) {
    struct live_channel *c = user;
    struct rendition *r = &c->renditions[index];
    int64_t utc_ns = timeline_to_ns(end->start, r->hz) + (c->has_skew ? c->skew_ns : c->story.epoch.ns);
    lock_take(&c->ring_lock);
    const struct manifest_segment *last = ring_last(&r->ring);
    bool is_gap = !last || last->number != end->number;
    struct err e = ERR_OK;
    if (is_gap) {
        struct manifest_segment s = {.number = end->number, .start = end->start, .utc_ns = utc_ns, .run = end->run, .init = end->init, .flags = MANIFEST_OPEN | MANIFEST_GAP};
        e = open_in_ring(r, &s);
    }
    struct journal_record record = {.type = JOURNAL_END, .number = end->number, .start = end->start, .duration = end->duration, .run = end->run, .init = end->init,
                                    .flags = is_gap ? JOURNAL_GAP : 0, .utc_ns = utc_ns};
    if (!e.kind) {
        if (ring_last(&r->ring)->flags & MANIFEST_OPEN) close_in_ring(c, index, end->duration);
        record.part = (uint16_t)(is_gap ? 0 : end->parts);
        record.bytes = ring_last(&r->ring)->bytes;
        note_expected(c, index);
    }
    uint32_t hour = r->hour;
    lock_give(&c->ring_lock);
    channel_give_inits(c);
    if (!e.kind && c->has_folder) {
        struct journal_head head = head_of(r, hour);
        e = recorder_end(c->folder, index, &head, &record);
    }
    if (e.kind) log_warn("live", "segment_end_lost", LOG_TEXT("channel", c->id.text), LOG_ERR(e));
}

static void sink_lost(void *user, size_t index, size_t samples) {
    struct live_channel *c = user;
    lock_take(&c->ring_lock);
    c->health.samples_dropped += samples;
    lock_give(&c->ring_lock);
    (void)index;
}

static struct utc_time sink_captured(void *user, size_t index, int64_t ns) {
    const struct live_channel *c = user;
    (void)index;
    return (struct utc_time){ns + (c->has_skew ? c->skew_ns : c->story.epoch.ns)};
}

const struct cutter_sink offer_sink = {.part = sink_part, .end = sink_end, .lost = sink_lost, .captured = sink_captured};

/* ---- what the recorder answers: on its thread ---- */

static void on_recorded(void *user, size_t index, const struct journal_record *r, uint64_t segment_offset) {
    struct live_channel *c = user;
    lock_take(&c->ring_lock);
    ring_recorded(&c->renditions[index].ring, r->number, segment_offset, r->bytes);
    c->health.recorded_bytes += r->bytes;
    c->health.recorded_parts++;
    lock_give(&c->ring_lock);
}

static void on_hole(void *user, size_t index, uint64_t number) {
    struct live_channel *c = user;
    lock_take(&c->ring_lock);
    ring_hole(&c->renditions[index].ring, number);
    c->health.lost_parts++;
    c->lost_at = clock_mono(clock_of(c));
    lock_give(&c->ring_lock);
}

static void on_file(void *user, size_t index, uint32_t hour, struct http_file *file) {
    struct live_channel *c = user;
    struct rendition *r = &c->renditions[index];
    lock_take(&c->ring_lock);
    size_t at = 0;
    while (at < r->hour_count && r->hours[at].hour != hour) at++;
    if (at < r->hour_count) {
        struct http_file *old = r->hours[at].file;
        r->hours[at].file = file;
        file = old;
    } else {
        if (r->hour_count == r->hour_capacity) {
            size_t capacity = r->hour_capacity ? r->hour_capacity * 2 : 4;
            struct library_hour *grown = mem_realloc_array(r->hours, capacity, sizeof *grown);
            if (grown) r->hours = grown, r->hour_capacity = capacity;
        }
        /* Without memory for it the file cannot be read while live; the recording has it all the same. */
        if (r->hour_count < r->hour_capacity) r->hours[r->hour_count++] = (struct library_hour){hour, file}, file = NULL;
    }
    lock_give(&c->ring_lock);
    http_file_release(&file);
}

static void on_trouble(void *user, struct err e) {
    struct live_channel *c = user;
    lock_take(&c->ring_lock);
    c->is_disk_in_trouble = e.kind != 0;
    lock_give(&c->ring_lock);
    if (e.kind) log_error("live", "not_recorded", LOG_TEXT("channel", c->id.text), LOG_ERR(e));
    else log_info("live", "recorded_again", LOG_TEXT("channel", c->id.text));
}

static void on_done(void *user, size_t bytes) { atomic_fetch_sub(&((struct live_channel *)user)->queued_bytes, bytes); }

void offer_answers(struct live_channel *c, struct recorder_answers *out) {
    *out = (struct recorder_answers){.user = c, .recorded = on_recorded, .hole = on_hole, .file = on_file, .trouble = on_trouble, .done = on_done};
}
