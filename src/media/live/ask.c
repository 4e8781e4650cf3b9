/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What players ask for. All of this runs on loop threads, under the channel's ring lock for moments at a time. */
#include <assert.h>
#include <stdio.h>

#include "media/live/channel.h"

#define NO_PART UINT32_MAX
#define FOR_PLAYLIST UINT64_MAX

static struct err not_there(const char *code, const char *what) { return err_make(ERR_NOT_FOUND, code, what); }
struct err live_no_channel(void) { return not_there("live.channel", "There is no such channel, or it is not open."); }

/* ---- views ---- */

static struct rendition *rendition_named(struct live_channel *c, struct slice name) {
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++)
        if (c->renditions[i].is_used && slice_eq(name, slice_cstr(c->renditions[i].name))) return &c->renditions[i];
    return NULL;
}

static void view_rendition(const struct live_channel *c, const struct story_rendition *story, struct rendition *r, struct manifest_rendition *out) {
    struct ring *ring = &r->ring;
    *out = (struct manifest_rendition){.timescale = r->hz, .inits = story->inits, .init_count = story->init_count, .segments = ring_segments(ring),
                                       .segment_count = ring->count, .parts = ring_parts(ring), .parts_from = ring->parts_from,
                                       .peak_bps = r->peak_bps, .average_bps = r->average_bps};
    memcpy(out->name, r->name, sizeof out->name);
    const struct manifest_segment *last = ring_last(ring);
    if (!out->peak_bps && last->duration) /* the first segment: by what there is of it, and a quarter more */
        out->peak_bps = out->average_bps = (uint64_t)last->bytes * 10 * r->hz / last->duration;
    bool is_open = last->flags & MANIFEST_OPEN;
    const struct expected *e = &r->expected;
    out->has_hint = c->state != LIVE_STATE_ENDED && e->is_known;
    out->hint_number = is_open && !e->is_new ? last->number : last->number + 1;
    out->hint_offset = is_open && !e->is_new ? last->bytes : 0;
    out->open_duration = is_open && e->open_duration > 0 && e->open_duration < UINT32_MAX ? (uint32_t)e->open_duration : 0;
}

void channel_view(struct live_channel *c, struct view *v) {
    v->live = (struct manifest_live){.epoch = c->story.epoch, .now = clock_utc(c->live->options.clock), .is_ended = c->state == LIVE_STATE_ENDED,
                                     .target_ms = LIVE_SEGMENT_MS, .part_ms = LIVE_PART_MS, .window_ms = c->dvr_ms, .renditions = v->renditions,
                                     .runs = c->story.runs, .run_count = c->story.run_count, .cues = c->story.cues, .cue_count = c->story.cue_count};
    size_t count = 0;
    for (size_t i = 0; i < c->story.rendition_count; i++) {
        struct rendition *r = rendition_named(c, slice_cstr(c->story.renditions[i].name));
        if (!r || !r->ring.count || !c->story.renditions[i].init_count) continue;
        view_rendition(c, &c->story.renditions[i], r, &v->renditions[count]);
        v->from[count++] = (size_t)(r - c->renditions);
    }
    v->live.rendition_count = count;
}

void thumbs_text(const struct story *s, int64_t from_ns, struct buf *out) {
    buf_cstr(out, "WEBVTT\n");
    for (size_t i = 0; i < s->still_count; i++) {
        const struct story_still *still = &s->stills[i];
        for (uint32_t k = 0; k < still->count; k++) {
            int64_t start = still->time_ns + (int64_t)k * still->interval_ms * NS_PER_MS;
            /* One picture stands until the next one begins, wherever that was made. */
            int64_t end = start + (int64_t)still->interval_ms * NS_PER_MS;
            if (k + 1 == still->count && i + 1 < s->still_count && (still->count == 1 || s->stills[i + 1].time_ns < end)) end = s->stills[i + 1].time_ns;
            if (end <= from_ns || end <= start) continue;
            const int64_t times[2] = {start / NS_PER_MS, end / NS_PER_MS};
            buf_cstr(out, "\n");
            for (int t = 0; t < 2; t++)
                buf_printf(out, "%s%02lld:%02lld:%02lld.%03lld", t ? " --> " : "", (long long)(times[t] / 3600000), (long long)(times[t] / 60000 % 60),
                           (long long)(times[t] / 1000 % 60), (long long)(times[t] % 1000));
            buf_printf(out, "\nthumbs-%u.jpg#xywh=%u,%u,%u,%u\n", still->number, k % still->columns * still->width, k / still->columns * still->height, still->width, still->height);
        }
    }
}

/* The text once it is made stays until something changes, and is everybody's. */
static struct err give_text(struct live_channel *c, struct http_blob **kept, struct live_answer *out) {
    struct err e = buf_error(&c->scratch);
    if (!e.kind && !*kept && !(*kept = http_blob_copy(buf_slice(&c->scratch)))) e = err_memory();
    if (e.kind) return e;
    *out = (struct live_answer){.kind = LIVE_ANSWER_BLOBS, .piece_count = 1, .pieces = {{http_blob_acquire(*kept), http_blob_slice(*kept)}}};
    out->bytes = out->total = out->pieces[0].bytes.len;
    return ERR_OK;
}

static struct err answer_view(struct live_channel *c, enum live_file kind, struct live_answer *out) {
    struct http_blob **kept = kind == FILE_MASTER ? &c->master : kind == FILE_MPD ? &c->mpd : &c->thumbs;
    struct mono_time now = clock_mono(c->live->options.clock);
    if (kind == FILE_MPD && *kept && mono_diff_ns(now, c->mpd_at) > MPD_FRESH_MS * NS_PER_MS) http_blob_release(kept); /* it tells the time */
    if (!*kept) {
        struct view v;
        channel_view(c, &v);
        if (!v.live.rendition_count) return err_make(ERR_BUSY, "live.waiting", "The event has not begun.");
        const struct manifest_rendition *first = &v.renditions[0];
        buf_clear(&c->scratch);
        if (kind == FILE_MASTER) manifest_live_master(&v.live, &c->scratch);
        else if (kind == FILE_MPD) manifest_live_dash(&v.live, &c->scratch), c->mpd_at = now;
        else thumbs_text(&c->story, timeline_to_ns(first->segments[0].start, first->timescale), &c->scratch);
    }
    return give_text(c, kept, out);
}

/* ---- waiting ---- */

static bool is_there(const struct rendition *r, uint64_t number, uint32_t part) {
    const struct ring *ring = &r->ring;
    if (!ring->count) return false;
    const struct manifest_segment *last = &ring->segments[ring->first + ring->count - 1];
    const struct ring_place *place = &ring->places[ring->first + ring->count - 1];
    if (last->number != number) return last->number > number;
    if (last->flags & MANIFEST_OPEN) return part != NO_PART && place->held_parts > part;
    return part == NO_PART || place->held_parts > part; /* a part behind the last one is the first of the next segment */
}

static bool has_more_bytes(const struct rendition *r, uint64_t number, uint64_t bytes) {
    size_t at = ring_find(&r->ring, number);
    if (at == SIZE_MAX) return r->ring.count && number < r->ring.segments[r->ring.first].number;
    const struct manifest_segment *s = &r->ring.segments[r->ring.first + at];
    return !(s->flags & MANIFEST_OPEN) || s->bytes > bytes;
}

static bool is_due(const struct live_channel *c, const struct rendition *r, const struct live_waiter *w) {
    if (c->state == LIVE_STATE_ENDED || !c->is_open) return true;
    return w->bytes == FOR_PLAYLIST ? is_there(r, w->msn, w->part) : has_more_bytes(r, w->msn, w->bytes);
}

static void unlink_waiter(struct live_channel *c, struct live_waiter *w) {
    *w->at = w->next;
    if (w->next) w->next->at = w->at;
    w->at = NULL;
    w->next = NULL;
    c->waiter_count--;
}

void channel_wake(struct live_channel *c, size_t index, struct live_waiter **woken) {
    struct rendition *r = &c->renditions[index];
    struct live_waiter *next;
    for (struct live_waiter *w = r->waiters; w; w = next) {
        next = w->next;
        if (!is_due(c, r, w)) continue;
        unlink_waiter(c, w);
        w->next = *woken;
        *woken = w;
    }
}

void channel_wake_all(struct live_channel *c, struct live_waiter **woken) {
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++) channel_wake(c, i, woken);
}

void channel_call(struct live_waiter *woken) {
    while (woken) {
        struct live_waiter *w = woken;
        woken = w->next;
        w->next = NULL;
        w->ready(w); /* from here on it may be gone, or waiting again */
    }
}

static void wait_for(struct live_channel *c, struct rendition *r, uint64_t msn, uint32_t part, uint64_t bytes, struct live_waiter *w, struct live_answer *out) {
    out->kind = LIVE_ANSWER_WAIT;
    if (!w) return;
    assert(!w->at && w->ready);
    w->msn = msn;
    w->part = part;
    w->bytes = bytes;
    w->where = c;
    w->next = r->waiters;
    w->at = &r->waiters;
    if (w->next) w->next->at = &w->next;
    r->waiters = w;
    c->waiter_count++;
}

bool live_waiter_cancel(struct live *live, struct live_waiter *w) {
    (void)live;
    struct live_channel *c = w->where;
    if (!c) return false;
    lock_take(&c->ring_lock);
    bool was_queued = w->at != NULL;
    if (was_queued) unlink_waiter(c, w);
    lock_give(&c->ring_lock);
    return was_queued;
}

/* ---- playlists ---- */

static struct err answer_playlist(struct live_channel *c, struct rendition *r, const struct live_ask *ask, struct live_waiter *w, struct live_answer *out) {
    if (ask->has_part && !ask->has_msn) return err_make(ERR_INPUT, "live.msn", "_HLS_part needs _HLS_msn beside it.");
    const struct manifest_segment *last = ring_last(&r->ring);
    if (!last) return err_make(ERR_BUSY, "live.waiting", "The event has not begun.");
    if (ask->has_msn && c->state != LIVE_STATE_ENDED) {
        uint32_t part = ask->has_part ? ask->part : NO_PART;
        if (ask->msn > last->number + 2) return err_make(ERR_INPUT, "live.msn", "This lies too far in the future.");
        if (!is_there(r, ask->msn, part)) {
            wait_for(c, r, ask->msn, part, FOR_PLAYLIST, w, out);
            return ERR_OK;
        }
    }
    enum manifest_skip skip = ask->skip == LIVE_SKIP_NO ? MANIFEST_WHOLE : MANIFEST_DELTA;
    if (!r->texts[skip]) {
        struct view v;
        channel_view(c, &v);
        size_t at = 0;
        while (at < v.live.rendition_count && &c->renditions[v.from[at]] != r) at++;
        if (at == v.live.rendition_count) return err_make(ERR_BUSY, "live.waiting", "The event has not begun.");
        buf_clear(&c->scratch);
        manifest_live_media(&v.live, at, skip, &c->scratch);
    }
    return give_text(c, &r->texts[skip], out);
}

/* ---- segments ---- */

static struct http_file *hour_file(const struct library_hour *hours, size_t count, uint32_t hour) {
    for (size_t i = count; i-- > 0;)
        if (hours[i].hour == hour) return hours[i].file;
    return NULL;
}

/* [first, end) of a segment from the parts in memory. */
static void give_pieces(const struct ring *ring, const struct ring_place *place, uint64_t first, uint64_t end, struct live_answer *out) {
    for (uint32_t i = 0; i < place->held_parts && out->piece_count < LIVE_PIECES_MAX; i++) {
        const struct manifest_part *p = &ring_parts(ring)[place->part_first - ring->parts_from + i];
        uint64_t from = p->offset > first ? p->offset : first, to = p->offset + p->bytes < end ? p->offset + p->bytes : end;
        if (from >= to) continue;
        struct http_blob *blob = ring_blob(ring, place->part_first + i);
        out->pieces[out->piece_count++] = (struct live_piece){http_blob_acquire(blob), slice_sub(http_blob_slice(blob), (size_t)(from - p->offset), (size_t)(to - p->offset))};
        out->bytes += to - from;
    }
}

static struct err answer_span(struct rendition *r, size_t at, const struct live_ask *ask, uint64_t first, uint64_t end, struct live_answer *out) {
    const struct manifest_segment *s = &ring_segments(&r->ring)[at];
    const struct ring_place *place = &ring_places(&r->ring)[at];
    out->kind = LIVE_ANSWER_BLOBS;
    out->first = first;
    out->total = s->flags & MANIFEST_OPEN ? 0 : s->bytes;
    out->is_final = true;
    struct http_file *file = place->recorded >= end ? hour_file(r->hours, r->hour_count, place->hour) : NULL;
    /* One part goes out of memory; more of them are one piece in the file. */
    const struct manifest_part *parts = place->held_parts ? &ring_parts(&r->ring)[place->part_first - r->ring.parts_from] : NULL;
    bool is_one_part = false;
    for (uint32_t i = 0; i < place->held_parts; i++) is_one_part |= parts[i].offset <= first && end <= parts[i].offset + parts[i].bytes;
    if (place->held_parts && (is_one_part || !file || ask->wants_pieces)) {
        give_pieces(&r->ring, place, first, end, out);
        return ERR_OK;
    }
    if (!file) return not_there("live.file", "This part of the event could not be kept.");
    out->kind = LIVE_ANSWER_FILE;
    out->file = http_file_acquire(file);
    out->file_offset = place->file_offset + first;
    out->bytes = end - first;
    return ERR_OK;
}

static struct err answer_segment(struct live_channel *c, struct rendition *r, uint64_t number, const struct live_ask *ask, struct live_waiter *w, struct live_answer *out) {
    const struct manifest_segment *last = ring_last(&r->ring);
    if (!last) return err_make(ERR_BUSY, "live.waiting", "The event has not begun.");
    uint64_t first = ask->has_range ? ask->range_first : 0, until = ask->has_range ? ask->range_last : UINT64_MAX;
    if (until < first) return not_there("live.range", "This range ends before it begins.");
    if (number < ring_segments(&r->ring)->number) return not_there("live.expired", "This part of the event is no longer kept.");
    size_t at = ring_find(&r->ring, number);
    if (at == SIZE_MAX) {
        if (number > last->number + 2 || c->state == LIVE_STATE_ENDED) return not_there("live.file", "There is no such segment.");
        wait_for(c, r, number, NO_PART, first, w, out);
        return ERR_OK;
    }
    const struct manifest_segment *s = &ring_segments(&r->ring)[at];
    if (s->flags & MANIFEST_GAP) return not_there("live.file", "This part of the event could not be kept.");
    bool is_open = s->flags & MANIFEST_OPEN && c->state != LIVE_STATE_ENDED;
    if (!is_open) {
        if (first >= s->bytes) return not_there("live.range", "The segment ends before this.");
        return answer_span(r, at, ask, first, until < s->bytes ? until + 1 : s->bytes, out);
    }
    if (until < s->bytes) return answer_span(r, at, ask, first, until + 1, out);
    if (s->bytes <= first || until != UINT64_MAX) {
        wait_for(c, r, number, NO_PART, until != UINT64_MAX ? until : first, w, out);
        return ERR_OK;
    }
    struct err e = answer_span(r, at, ask, first, s->bytes, out);
    out->kind = LIVE_ANSWER_GROWING;
    out->next = first + out->bytes;
    return e;
}

/* ---- the rest ---- */

static void give_blob(struct http_blob *blob, const struct live_ask *ask, bool is_final, struct live_answer *out) {
    struct slice all = http_blob_slice(blob);
    uint64_t first = ask->has_range ? ask->range_first : 0, until = ask->has_range && ask->range_last < all.len ? ask->range_last + 1 : all.len;
    if (first >= until) {
        out->kind = LIVE_ANSWER_ERROR;
        out->error = not_there("live.range", "The file ends before this.");
        return;
    }
    *out = (struct live_answer){.kind = LIVE_ANSWER_BLOBS, .piece_count = 1, .first = first, .total = all.len, .bytes = until - first, .is_final = is_final,
                                .pieces = {{http_blob_acquire(blob), slice_sub(all, (size_t)first, (size_t)until)}}};
}

static struct err answer(struct live_channel *c, const struct live_name *name, const struct live_ask *ask, struct live_waiter *w, struct live_answer *out) {
    struct rendition *r = name->rendition.len ? rendition_named(c, name->rendition) : NULL;
    struct http_blob *blob = NULL;
    switch (name->kind) {
    case FILE_MASTER:
    case FILE_MPD:
    case FILE_THUMBS: return answer_view(c, name->kind, out);
    case FILE_PLAYLIST:
        if (r) return answer_playlist(c, r, ask, w, out);
        break;
    case FILE_SEGMENT:
        if (r) return answer_segment(c, r, name->number, ask, w, out);
        break;
    case FILE_INIT:
        for (size_t i = 0; r && i < r->init_count; i++)
            if (r->inits[i].number == name->number) blob = r->inits[i].blob;
        break;
    case FILE_STILL:
        for (size_t i = 0; i < c->stills.count; i++)
            if (c->stills.all[i].number == name->number) blob = c->stills.all[i].blob;
        break;
    case FILE_POSTER: blob = c->poster; break;
    default: break;
    }
    if (blob) {
        give_blob(blob, ask, name->kind != FILE_POSTER, out);
        return ERR_OK;
    }
    return not_there("live.file", "This channel has no such file.");
}

void live_ask(struct live *live, const struct public_id *id, const struct live_ask *ask, struct live_waiter *w, struct live_answer *out) {
    *out = (struct live_answer){0};
    struct live_name name;
    struct err e = ERR_OK;
    struct live_channel *c = NULL;
    if (!live_name_parse(ask->file, &name)) e = not_there("live.file", "This channel has no such file.");
    else if (!(c = live_find(live, id))) e = live_no_channel();
    if (!e.kind) {
        lock_take(&c->ring_lock);
        e = channel_is(c, id) ? answer(c, &name, ask, w, out) : live_no_channel();
        lock_give(&c->ring_lock);
    }
    if (e.kind) *out = (struct live_answer){.kind = LIVE_ANSWER_ERROR, .error = e};
    else out->content_type = live_content_type(ask->file);
}

void live_answer_release(struct live_answer *a) {
    for (size_t i = 0; i < a->piece_count; i++) http_blob_release(&a->pieces[i].blob);
    http_file_release(&a->file);
    *a = (struct live_answer){0};
}
