/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/live/channel.h"

#include <assert.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

#define HOUR_NS (3600 * NS_PER_S)

static const struct clock *clock_of(const struct live_channel *c) { return c->live->options.clock; }

/* ---- leaving: what was collected is called without a lock ---- */

static void call_taps(struct live_channel *c, struct tapped *taps, size_t count, const struct cmaf_track *tracks, size_t track_count, const struct public_id *id) {
    const struct live_options *o = &c->live->options;
    if (track_count && o->tap_tracks) o->tap_tracks(o->user, id, tracks, track_count);
    for (size_t i = 0; i < count; i++) {
        if (o->tap_sample) o->tap_sample(o->user, id, taps[i].track, &taps[i].sample);
        mem_free(taps[i].owned);
    }
}

void channel_leave(struct live_channel *c) {
    struct live_waiter *woken = c->woken;
    struct tapped *taps = c->taps;
    size_t tap_count = c->tap_count, track_count = c->has_tap_tracks ? c->tap_track_count : 0;
    struct cmaf_track tracks[TIMELINE_TRACKS_MAX];
    uint32_t notices = c->notices;
    struct public_id id = c->id;
    if (track_count) memcpy(tracks, c->tap_tracks, sizeof tracks);
    char *configs = c->has_tap_tracks ? c->tap_configs : NULL;
    if (c->has_tap_tracks) c->tap_configs = NULL;
    c->woken = NULL;
    c->notices = 0;
    c->has_tap_tracks = false;
    c->taps = NULL;
    c->tap_count = c->tap_capacity = 0;
    lock_give(&c->feed_lock);
    channel_call(woken);
    if (track_count || tap_count) call_taps(c, taps, tap_count, tracks, track_count, &id);
    mem_free(taps);
    mem_free(configs);
    const struct live_options *o = &c->live->options;
    for (unsigned i = 0; notices && o->notice && i < 8; i++)
        if (notices >> i & 1) o->notice(o->user, &id, (enum live_notice)i);
}

/* A record that memory ran out for would be missing for ever, and without it the recording may not play: the whole log is written anew as soon as that is
 * possible. With the feed lock held, which is what the story changes under. */
static void mend_log(struct live_channel *c) {
    struct buf whole = BUF(64 << 20);
    story_write(&c->story, &whole);
    struct err e = buf_error(&whole);
    if (!e.kind) e = recorder_log_anew(c->folder, buf_slice(&whole));
    c->is_log_behind = e.kind != 0;
    buf_free(&whole);
}

void channel_log(struct live_channel *c, struct buf *records) {
    struct err e = buf_error(records);
    if (c->has_folder && !e.kind && records->len && !c->is_log_behind) e = recorder_log(c->folder, buf_slice(records));
    c->is_log_behind |= e.kind != 0;
    if (c->has_folder && c->is_log_behind) mend_log(c);
    buf_free(records);
}

void channel_set_state(struct live_channel *c, enum live_state state) {
    if (c->state == state) return;
    c->state = state;
    c->health.state_since = clock_utc(clock_of(c));
    c->notices |= 1u << LIVE_NOTICE_STATE;
}

void channel_drop_texts(struct live_channel *c) {
    http_blob_release(&c->master);
    http_blob_release(&c->mpd);
    http_blob_release(&c->thumbs);
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++)
        for (int k = 0; k < 2; k++) http_blob_release(&c->renditions[i].texts[k]);
}

static void drop_playlist(struct live_channel *c, size_t index, bool is_new_segment) {
    for (int k = 0; k < 2; k++) http_blob_release(&c->renditions[index].texts[k]);
    if (is_new_segment) http_blob_release(&c->mpd), http_blob_release(&c->master);
}

/* ---- renditions and init segments ---- */

size_t channel_rendition(struct live_channel *c, const char *name, bool is_video, uint32_t hz) {
    size_t free_one = SIZE_MAX;
    for (size_t i = LIVE_RENDITIONS_MAX; i-- > 0;) {
        struct rendition *r = &c->renditions[i];
        if (!r->is_used) free_one = i;
        else if (!strcmp(r->name, name)) return r->hz == hz ? i : SIZE_MAX;
    }
    if (free_one == SIZE_MAX) return SIZE_MAX;
    struct rendition *r = &c->renditions[free_one];
    lock_take(&c->ring_lock);
    r->is_used = true;
    r->hz = hz;
    (void)snprintf(r->name, sizeof r->name, "%s", name);
    lock_give(&c->ring_lock);
    cutter_use(&c->cutter, free_one, is_video, hz, UINT64_MAX);
    return free_one;
}

static struct http_blob *init_blob(const struct rendition *r, uint16_t number) {
    for (size_t i = r->init_count; i-- > 0;)
        if (r->inits[i].number == number) return r->inits[i].blob;
    return NULL;
}

static struct err keep_init(struct rendition *r, uint16_t number, struct http_blob *blob) {
    if (r->init_count == r->init_capacity) {
        size_t capacity = r->init_capacity ? r->init_capacity * 2 : 4;
        struct init_blob *grown = mem_realloc_array(r->inits, capacity, sizeof *grown);
        if (!grown) return err_memory();
        r->inits = grown;
        r->init_capacity = capacity;
    }
    r->inits[r->init_count++] = (struct init_blob){number, blob};
    return ERR_OK;
}

/* Init segments go to the recorder; where memory ran out, the next time that one is looked for. Without them nothing would play. */
static void give_inits(struct live_channel *c) {
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX && c->has_folder; i++) {
        struct rendition *r = &c->renditions[i];
        for (; r->inits_given < r->init_count; r->inits_given++) {
            char name[LIVE_FILE_NAME_MAX];
            const struct init_blob *init = &r->inits[r->inits_given];
            (void)snprintf(name, sizeof name, "%s-i%u.mp4", r->name, init->number);
            if (recorder_file(c->folder, name, init->blob, true).kind) return;
        }
    }
}

struct err channel_use_init(struct live_channel *c, size_t index, const struct cmaf_track *track) {
    struct rendition *r = &c->renditions[index];
    struct buf bytes = BUF(1 << 20), log = BUF(1 << 16);
    struct err e = cmaf_init_build(track, 0, SLICE_NONE, &bytes);
    if (!e.kind) e = buf_error(&bytes);
    if (!e.kind && r->has_init) {
        struct http_blob *same = init_blob(r, r->init);
        if (same && slice_eq(http_blob_slice(same), buf_slice(&bytes))) {
            buf_free(&bytes);
            return ERR_OK;
        }
    }
    struct http_blob *blob = e.kind ? NULL : http_blob_copy(buf_slice(&bytes));
    buf_free(&bytes);
    if (!e.kind && !blob) e = err_memory();
    if (e.kind) return e;
    uint16_t number = r->has_init ? (uint16_t)(r->init + 1) : 1;
    lock_take(&c->ring_lock);
    e = keep_init(r, number, blob);
    if (!e.kind) {
        e = story_add_init(&c->story, r->name, number, track, &log);
        if (e.kind) r->init_count--;
    }
    channel_drop_texts(c);
    lock_give(&c->ring_lock);
    if (!e.kind) {
        r->init = number;
        r->has_init = true;
        c->notices |= 1u << LIVE_NOTICE_TRACKS;
        give_inits(c);
    } else {
        http_blob_release(&blob);
    }
    channel_log(c, &log);
    return e;
}

void channel_begin_run(struct live_channel *c, uint32_t run, int64_t start_ns, int64_t wall_ns) {
    struct buf log = BUF(1 << 16);
    struct manifest_run m = {.run = run, .start_ns = start_ns, .wall_ns = wall_ns};
    lock_take(&c->ring_lock);
    struct err e = story_add_run(&c->story, &m, &log);
    c->health.discontinuities += c->run != 0;
    lock_give(&c->ring_lock);
    if (e.kind) log_error("live", "run_lost", LOG_TEXT("channel", c->id.text), LOG_ERR(e));
    c->run = run;
    channel_log(c, &log);
}

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
            (void)e; /* a picture too many on the disk */
        }
        l->bytes -= http_blob_slice(l->all[count].blob).len;
        http_blob_release(&l->all[count].blob);
    }
    if (count) memmove(l->all, l->all + count, (l->count - count) * sizeof *l->all);
    l->count -= count;
}

static void slide_window(struct live_channel *c, struct rendition *r) {
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
static struct err open_in_ring(struct live_channel *c, struct rendition *r, const struct manifest_segment *s) {
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
    (void)c;
    return e;
}

static void count_part(struct live_channel *c, const struct cutter_part *p, struct rendition *r) {
    int64_t late_ns = clock_mono(clock_of(c)).ns - p->arrived_ns;
    c->health.parts++;
    if (late_ns > LATE_MS * NS_PER_MS) c->health.parts_late++;
    r->recent_bytes += http_blob_slice(p->blob).len;
}

static void note_bitrate(struct rendition *r, const struct manifest_segment *s) {
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
    note_bitrate(r, ring_last(&r->ring));
    if (place->is_hole && !place->held_parts) ring_last(&r->ring)->flags |= MANIFEST_GAP;
    r->expected.is_new = true;
    slide_window(c, r);
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
        e = open_in_ring(c, r, &s);
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
        e = open_in_ring(c, r, &s);
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
    give_inits(c);
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

const struct cutter_sink channel_sink = {.part = sink_part, .end = sink_end, .lost = sink_lost, .captured = sink_captured};

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

/* ---- open, end, close ---- */

static void forget_all(struct live_channel *c) {
    channel_drop_texts(c);
    http_blob_release(&c->poster);
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++) {
        struct rendition *r = &c->renditions[i];
        ring_free(&r->ring);
        for (size_t k = 0; k < r->hour_count; k++) http_file_release(&r->hours[k].file);
        for (size_t k = 0; k < r->init_count; k++) http_blob_release(&r->inits[k].blob);
        mem_free(r->hours);
        mem_free(r->inits);
        *r = (struct rendition){0};
    }
    for (size_t i = 0; i < c->stills.count; i++) http_blob_release(&c->stills.all[i].blob);
    mem_free(c->stills.all);
    c->stills = (struct still_list){0};
    story_free(&c->story);
    buf_free(&c->scratch);
    cutter_free(&c->cutter);
    MEM_FREE(&c->tap_configs);
}

static struct err read_blob(int dir_fd, const char *name, size_t bytes_max, struct http_blob **out) {
    struct buf b = BUF(bytes_max);
    struct err e = fs_read_file(dir_fd, name, &b);
    if (!e.kind && !(*out = http_blob_copy(buf_slice(&b)))) e = err_memory();
    buf_free(&b);
    return e;
}

/* Takes over what the library found. */
static struct err restore_rendition(struct live_channel *c, int dir_fd, size_t index, const struct story_rendition *story, struct library_rendition *found) {
    struct rendition *r = &c->renditions[index];
    r->is_used = true;
    r->hz = story->timescale;
    memcpy(r->name, story->name, sizeof r->name);
    r->ring = found->ring;
    r->hours = found->hours;
    r->hour_count = found->hour_count;
    r->hour_capacity = found->hour_capacity;
    found->ring = (struct ring){0};
    found->hours = NULL;
    found->hour_count = 0;
    if (found->has_newest) r->hour = found->newest.hour;
    for (size_t i = 0; i < r->ring.count; i++) note_bitrate(r, &r->ring.segments[r->ring.first + i]);
    for (size_t i = 0; i < story->init_count; i++) {
        char name[LIVE_FILE_NAME_MAX];
        struct http_blob *blob = NULL;
        (void)snprintf(name, sizeof name, "%s-i%u.mp4", r->name, story->inits[i].number);
        struct err e = read_blob(dir_fd, name, 1 << 20, &blob);
        if (!e.kind) e = keep_init(r, story->inits[i].number, blob);
        if (e.kind) http_blob_release(&blob);
        if (e.kind && e.kind != ERR_NOT_FOUND) return e;
        r->init = story->inits[i].number;
        r->has_init = true;
        r->inits_given = r->init_count;
    }
    const struct manifest_segment *last = ring_last(&r->ring);
    cutter_use(&c->cutter, index, r->name[0] == 'v', r->hz, last ? last->number : UINT64_MAX);
    if (last) {
        int64_t end = timeline_to_ns(last->start + last->duration, r->hz);
        if (end > c->end_ns) c->end_ns = end;
        if (last->run > c->run) c->run = last->run;
        c->skew_ns = last->utc_ns - timeline_to_ns(last->start, r->hz);
        c->has_skew = true;
    }
    if (found->has_newest) recorder_folder_continue(c->folder, index, &found->newest, found->media_bytes, found->index_bytes);
    return ERR_OK;
}

static struct err restore_stills(struct live_channel *c, int dir_fd) {
    struct err e = ERR_OK;
    struct story *s = &c->story;
    c->stills.all = s->still_count ? mem_zalloc_array(s->still_count, sizeof *c->stills.all) : NULL;
    if (s->still_count && !c->stills.all) return err_memory();
    c->stills.capacity = s->still_count;
    for (size_t i = 0; i < s->still_count && !e.kind; i++) {
        char name[LIVE_FILE_NAME_MAX];
        struct http_blob *blob = NULL;
        (void)snprintf(name, sizeof name, "thumbs-%u.jpg", s->stills[i].number);
        e = c->stills.bytes < STILLS_BYTES_MAX ? read_blob(dir_fd, name, 4 << 20, &blob) : err_make(ERR_NOT_FOUND, "live.still", "");
        if (s->stills[i].number >= c->still_number) c->still_number = s->stills[i].number + 1;
        if (!e.kind) {
            c->stills.all[c->stills.count++] = (struct still_blob){s->stills[i].number, story_still_end(&s->stills[i]), blob};
            c->stills.bytes += http_blob_slice(blob).len;
        }
        if (e.kind == ERR_NOT_FOUND) e = ERR_OK;
    }
    return e;
}

static struct err restore(struct live_channel *c, int dir_fd, struct library *found) {
    uint64_t next = 0;
    for (size_t i = 0; i < found->story.rendition_count; i++) {
        const struct manifest_segment *last = ring_last(&found->renditions[i].ring);
        if (last && last->number + 1 > next) next = last->number + 1;
    }
    struct cutter_sink sink = channel_sink;
    sink.user = c;
    cutter_init(&c->cutter, &sink, next);
    c->story = found->story;
    found->story = (struct story){0};
    for (size_t i = 0; i < c->story.run_count; i++)
        if (c->story.runs[i].run > c->run) c->run = c->story.runs[i].run;
    struct err e = ERR_OK;
    for (size_t i = 0; i < c->story.rendition_count && !e.kind; i++) e = restore_rendition(c, dir_fd, i, &c->story.renditions[i], &found->renditions[i]);
    if (!e.kind) e = restore_stills(c, dir_fd);
    if (!e.kind && c->story.has_poster) {
        e = read_blob(dir_fd, "poster.jpg", 8 << 20, &c->poster);
        if (e.kind == ERR_NOT_FOUND) e = ERR_OK;
    }
    if (e.kind) return e;
    if (!c->has_folder) return ERR_OK;
    recorder_folder_continue_log(c->folder, found->log_bytes);
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++)
        if (c->renditions[i].is_used) slide_window(c, &c->renditions[i]);
    if (!c->options.is_recorded && c->story.has_epoch && !c->story.is_ended) { /* an endless channel's log without what has left the window */
        struct buf log = BUF(64 << 20);
        story_write(&c->story, &log);
        struct err written = buf_error(&log);
        if (!written.kind) written = fs_write_file_atomic(dir_fd, "live.idx", buf_slice(&log), 0644);
        if (!written.kind) recorder_folder_continue_log(c->folder, log.len);
        buf_free(&log);
    }
    return ERR_OK;
}

struct err channel_open(struct live_channel *c, const struct public_id *id, const struct live_channel_options *o) {
    struct library found = {0};
    int dir_fd = -1;
    struct err e = ERR_OK;
    if (o->dir_fd >= 0) {
        e = fs_open(o->dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, &dir_fd);
        if (!e.kind) e = library_read(dir_fd, &found);
        if (e.kind == ERR_NOT_FOUND) e = ERR_OK;
        if (e.kind) {
            fs_close(&dir_fd);
            return e;
        }
    }
    lock_take(&c->feed_lock);
    lock_take(&c->ring_lock);
    c->id = *id;
    c->options = *o;
    c->dvr_ms = o->dvr_ms ? o->dvr_ms : 2 * 3600 * 1000;
    c->run = 0;
    c->end_ns = c->skew_ns = 0;
    c->has_skew = false;
    c->still_number = 0;
    c->scratch = BUF(TEXT_BYTES_MAX);
    c->health = (struct live_health){.level_dbfs = NAN, .state_since = clock_utc(clock_of(c))};
    c->alarms = c->told_alarms = 0;
    c->has_key = c->is_disk_in_trouble = c->is_log_behind = false;
    c->lost_at = c->loss_at = c->live_at = c->sample_at = (struct mono_time){INT64_MIN / 2};
    c->loss_count = 0;
    c->has_folder = dir_fd >= 0;
    struct recorder_answers answers = {.user = c, .recorded = on_recorded, .hole = on_hole, .file = on_file, .trouble = on_trouble, .done = on_done};
    if (c->has_folder) e = recorder_folder_open(c->live->recorder, dir_fd, &answers, &c->folder);
    if (e.kind) fs_close(&dir_fd), c->has_folder = false;
    if (!e.kind) e = restore(c, dir_fd, &found);
    c->state = c->story.is_ended ? LIVE_STATE_ENDED : LIVE_STATE_WAITING;
    if (!e.kind) c->is_open = true;
    lock_give(&c->ring_lock);
    lock_give(&c->feed_lock);
    library_free(&found);
    if (!e.kind) return e;
    if (c->has_folder) (void)recorder_folder_close(&c->folder);
    lock_take(&c->feed_lock);
    lock_take(&c->ring_lock);
    forget_all(c);
    lock_give(&c->ring_lock);
    lock_give(&c->feed_lock);
    return e;
}

/* With the feed lock held, which it gives back. */
static struct err wait_for_recorder(struct live_channel *c) {
    struct recorder_folder *folder = c->has_folder ? c->folder : NULL;
    c->folder_users++; /* it is not closed meanwhile */
    channel_leave(c);
    struct err e = folder ? recorder_folder_flush(folder) : ERR_OK;
    lock_take(&c->feed_lock);
    c->folder_users--;
    condition_wake_all(&c->folder_free);
    lock_give(&c->feed_lock);
    return e;
}

void channel_flush(struct live_channel *c) {
    lock_take(&c->feed_lock);
    (void)wait_for_recorder(c);
}

struct err channel_end(struct live_channel *c, const struct public_id *id) {
    lock_take(&c->feed_lock);
    if (!channel_is(c, id)) {
        lock_give(&c->feed_lock);
        return live_no_channel();
    }
    if (c->state != LIVE_STATE_ENDED) {
        struct buf log = BUF(1 << 16);
        cutter_flush(&c->cutter);
        if (c->feed) feed_abandon(c->feed, err_make(ERR_CANCELLED, "live.ended", "The event is over."));
        for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++) c->renditions[i].writer = NULL;
        lock_take(&c->ring_lock);
        struct err e = story_end(&c->story, clock_utc(clock_of(c)), &log);
        (void)e; /* needs no memory beside the record's, which channel_log looks after */
        channel_set_state(c, LIVE_STATE_ENDED);
        channel_drop_texts(c);
        channel_wake_all(c, &c->woken);
        lock_give(&c->ring_lock);
        give_inits(c);
        channel_log(c, &log);
    }
    return wait_for_recorder(c);
}

void channel_close(struct live_channel *c) {
    lock_take(&c->feed_lock);
    if (!c->is_open) {
        lock_give(&c->feed_lock);
        return;
    }
    if (c->state != LIVE_STATE_ENDED) cutter_flush(&c->cutter); /* what was begun is recorded as far as it came */
    if (c->feed) feed_abandon(c->feed, err_make(ERR_CANCELLED, "live.closed", "The channel is being closed. Try again in a moment."));
    lock_take(&c->ring_lock);
    c->is_open = false;
    channel_wake_all(c, &c->woken);
    lock_give(&c->ring_lock);
    struct recorder_folder *folder = c->has_folder ? c->folder : NULL;
    channel_leave(c);
    lock_take(&c->feed_lock);
    while (c->folder_users) condition_wait(&c->folder_free, &c->feed_lock);
    lock_give(&c->feed_lock);
    if (folder) {
        struct err e = recorder_folder_close(&folder);
        if (e.kind) log_error("live", "recording_incomplete", LOG_TEXT("channel", c->id.text), LOG_ERR(e));
    }
    lock_take(&c->feed_lock);
    lock_take(&c->ring_lock);
    c->folder = NULL;
    c->has_folder = false;
    forget_all(c);
    lock_give(&c->ring_lock);
    lock_give(&c->feed_lock);
}

/* ---- the keeper's round ---- */

static bool is_recent(struct mono_time then, struct mono_time now, int64_t ms) { return mono_diff_ns(now, then) < ms * NS_PER_MS; }

static uint32_t alarms_now(const struct live_channel *c, struct mono_time now) {
    uint32_t alarms = c->told_alarms;
    bool was_live = c->live_at.ns > INT64_MIN / 2;
    if (c->state != LIVE_STATE_ENDED && was_live && !is_recent(c->sample_at, now, STALL_MS)) alarms |= LIVE_ALARM_STALLED;
    if (c->state == LIVE_STATE_LIVE && c->health.has_video && c->has_key && !is_recent(c->key_at, now, KEYFRAME_MS)) alarms |= LIVE_ALARM_KEYFRAMES;
    if (c->is_disk_in_trouble || is_recent(c->lost_at, now, LOSS_MS) || atomic_load(&c->queued_bytes) > c->live->options.ring_bytes_max / 2) alarms |= LIVE_ALARM_DISK;
    if (is_recent(c->loss_at, now, LOSS_MS)) alarms |= LIVE_ALARM_LOSS;
    return alarms;
}

void channel_tick(struct live_channel *c) {
    lock_take(&c->feed_lock);
    if (c->is_open) {
        lock_take(&c->ring_lock);
        uint32_t alarms = alarms_now(c, clock_mono(clock_of(c))), changed = alarms ^ c->alarms;
        for (unsigned i = 0; i < 8; i++)
            if (changed & alarms & 1u << i) c->health.alarm_since[i] = clock_utc(clock_of(c));
        c->alarms = alarms;
        if (changed) c->notices |= 1u << LIVE_NOTICE_ALARMS;
        lock_give(&c->ring_lock);
    }
    channel_leave(c);
}
