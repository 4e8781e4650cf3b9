/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/live/cutter.h"

#include <assert.h>

#include "base/mem.h"

static int64_t ns_of(const struct cutter_rendition *r, int64_t ticks) {
    __int128 scaled = (__int128)ticks * NS_PER_S;
    return (int64_t)(scaled / r->hz);
}
static int64_t ticks_of(const struct cutter_rendition *r, int64_t ns) { return (int64_t)((__int128)ns * r->hz / NS_PER_S); }
static bool is_longer(const struct cutter_rendition *r, int64_t ticks, int64_t ns) { return (__int128)ticks * NS_PER_S > (__int128)ns * r->hz; }

void cutter_init(struct cutter *c, const struct cutter_sink *sink, uint64_t first_number) {
    *c = (struct cutter){.leader = CUTTER_RENDITIONS_MAX, .next_number = first_number, .sink = *sink};
}

static void drop_queue(struct cutter *c, size_t index) {
    struct cutter_rendition *r = &c->renditions[index];
    while (r->queue) {
        struct cutter_queued *q = r->queue;
        r->queue = q->next;
        mem_free(q);
    }
    r->queue_end = &r->queue;
    r->queued = 0;
}

void cutter_free(struct cutter *c) {
    for (size_t i = 0; i < CUTTER_RENDITIONS_MAX; i++) {
        drop_queue(c, i);
        packer_free(&c->renditions[i].packer);
    }
}

void cutter_use(struct cutter *c, size_t index, bool is_video, uint32_t hz, uint64_t last_number) {
    struct cutter_rendition *r = &c->renditions[index];
    assert(hz && !r->is_open && !r->packer.count && !r->queue);
    r->is_used = true;
    r->is_video = is_video;
    r->hz = hz;
    r->queue_end = &r->queue;
    r->frame = 0;
    if (!r->has_number && last_number != UINT64_MAX) r->has_number = true, r->number = last_number;
}

void cutter_lead(struct cutter *c, size_t index) {
    if (c->leader == index) return;
    c->leader = index;
    c->is_cut_forced = true;
}

/* ---- boundaries ---- */

static const struct cutter_boundary *boundary_at(const struct cutter *c, uint64_t number) {
    const struct cutter_boundary *b = &c->boundaries[number % CUTTER_BOUNDARIES];
    return c->has_boundary && number < c->next_number && b->number == number ? b : NULL;
}
uint64_t cutter_newest(const struct cutter *c) { return c->has_boundary ? c->next_number - 1 : UINT64_MAX; }

static void close_reached(struct cutter *, size_t index);
static void catch_up(struct cutter *, size_t index);

static void make_boundary(struct cutter *c, int64_t start_ns, uint32_t run) {
    c->boundaries[c->next_number % CUTTER_BOUNDARIES] = (struct cutter_boundary){c->next_number, start_ns, run};
    c->next_number++;
    c->has_boundary = true;
}

/* Rule 2: the last boundary of its run that is not later; the first one of its run is in any case. A run that has none yet: the last boundary
 * of an earlier one. */
static uint64_t number_for(const struct cutter *c, uint32_t run, int64_t ns) {
    uint64_t oldest = c->next_number > CUTTER_BOUNDARIES ? c->next_number - CUTTER_BOUNDARIES : 0, found = UINT64_MAX;
    for (uint64_t n = c->next_number; n-- > oldest;) {
        const struct cutter_boundary *b = boundary_at(c, n);
        if (!b) break;
        if (b->run > run) continue;
        if (b->run < run) return found != UINT64_MAX ? found : n;
        found = n;
        if (b->start_ns <= ns + NS_PER_US) return n;
    }
    return found != UINT64_MAX ? found : c->next_number - 1;
}

/* ---- parts and segments of one rendition ---- */

static void emit(struct cutter *c, size_t index, size_t count, bool is_last) {
    struct cutter_rendition *r = &c->renditions[index];
    struct packer *p = &r->packer;
    if (!count) return;
    int64_t start = p->samples[0].dts + r->delay;
    struct utc_time captured = {0};
    if (!r->parts && c->sink.captured) captured = c->sink.captured(c->sink.user, index, ns_of(r, start));
    struct packed made;
    struct err e = packer_take(p, count, captured, &made);
    if (e.kind) {
        c->sink.lost(c->sink.user, index, count);
        return;
    }
    struct cutter_part part = {.number = r->number, .index = r->parts++, .blob = made.blob, .start = start, .duration = (uint32_t)made.duration,
                               .is_sync = made.is_sync, .first_bytes = r->is_video && made.is_sync ? made.first_bytes : 0, .run = r->run,
                               .init = r->init, .samples = count, .arrived_ns = r->part_arrived_ns, .is_last = is_last};
    part.segment_duration = (uint32_t)(r->end_dts - r->first_dts);
    c->sink.part(c->sink.user, index, &part);
}

static void emit_part(struct cutter *c, size_t index, size_t count) { emit(c, index, count, false); }

/* The newest sample's duration will not be told any more. */
static void settle_pending(struct cutter_rendition *r, int64_t duration) {
    if (!r->is_pending) return;
    r->is_pending = false;
    if (duration <= 0) duration = r->frame > 0 ? r->frame : r->hz / 30;
    if (duration < 1) duration = 1;
    struct cmaf_sample *last = &r->packer.samples[r->packer.count - 1];
    last->duration = (uint32_t)duration;
    r->end_dts = last->dts + duration;
    r->frame = duration;
}

static void end_segment(struct cutter *c, size_t index) {
    struct cutter_rendition *r = &c->renditions[index];
    if (!r->is_open) return;
    settle_pending(r, 0);
    emit(c, index, r->packer.count, true);
    r->is_open = false;
    struct cutter_end end = {.number = r->number, .start = r->start, .duration = (uint32_t)(r->end_dts - r->first_dts), .parts = r->parts, .is_gap = !r->parts,
                             .run = r->run, .init = r->init};
    c->sink.end(c->sink.user, index, &end);
}

/* Rule 5, and a rendition that comes back: empty segments up to, and without, `number`. */
static void fill_gaps(struct cutter *c, size_t index, uint64_t number) {
    struct cutter_rendition *r = &c->renditions[index];
    if (!r->has_number) return;
    while (r->number + 1 < number) {
        const struct cutter_boundary *b = boundary_at(c, r->number + 1), *after = boundary_at(c, r->number + 2);
        int64_t start = b ? ticks_of(r, b->start_ns) : r->end_dts + r->delay, stop = after ? ticks_of(r, after->start_ns) : start + 2 * (int64_t)r->hz;
        if (stop <= start) stop = start + r->hz / 10;
        if (is_longer(r, stop - start, CUTTER_STRETCH_NS)) stop = start + 2 * (int64_t)r->hz; /* a run begins behind it */
        r->number++;
        r->has_end = false;
        struct cutter_end end = {.number = r->number, .start = start, .duration = (uint32_t)(stop - start), .is_gap = true, .run = b ? b->run : r->run, .init = r->init};
        c->sink.end(c->sink.user, index, &end);
    }
}

/* How much later than it is decoded the segment's first picture is shown. Pictures that are shown before they are decoded count as at once. */
static void note_delay(struct cutter_rendition *r, const struct cutter_sample *s) {
    if (s->is_sync || !r->frame) r->delay = s->pts > s->dts ? s->pts - s->dts : 0;
}

static void open_segment(struct cutter *c, size_t index, uint64_t number, const struct cutter_sample *s) {
    struct cutter_rendition *r = &c->renditions[index];
    if (r->is_open) end_segment(c, index);
    fill_gaps(c, index, number);
    r->is_open = true;
    r->number = number;
    r->has_number = true;
    r->run = s->run;
    r->init = s->init;
    r->parts = 0;
    note_delay(r, s);
    r->start = s->dts + r->delay;
    r->first_dts = r->end_dts = s->dts;
}

static int64_t part_ticks(const struct cutter_rendition *r) {
    return r->packer.count ? r->end_dts - r->packer.samples[0].dts : 0;
}

/* Before the sample: what its time says about the one before it, and whether it still fits into the open part. `end`: where the open segment ends at the
 * latest. */
static void meet(struct cutter *c, size_t index, const struct cutter_sample *s, int64_t end) {
    struct cutter_rendition *r = &c->renditions[index];
    if (!r->packer.count) return;
    struct cmaf_sample *last = &r->packer.samples[r->packer.count - 1];
    int64_t duration = s->dts - last->dts, before = last->dts - r->packer.samples[0].dts;
    if (duration > end - last->dts && end > last->dts) duration = end - last->dts;
    if (r->run != s->run || is_longer(r, duration, CUTTER_HOLE_NS)) duration = r->is_pending ? 0 : last->duration;
    else if (duration <= 0) duration = 1; /* moved behind what was there, which it has not caught up with yet */
    if (r->is_pending) {
        if (before && duration && is_longer(r, before + duration, CUTTER_PART_NS) && r->parts < CUTTER_PARTS_MAX) emit_part(c, index, r->packer.count - 1);
        settle_pending(r, duration);
    } else if (duration != last->duration) { /* a small hole: within a part it lengthens the sample before it */
        if (is_longer(r, before + duration, CUTTER_PART_NS) && r->parts < CUTTER_PARTS_MAX) emit_part(c, index, r->packer.count);
        else last->duration = (uint32_t)duration, r->end_dts = last->dts + duration;
    }
    if (r->packer.count && packer_is_full(&r->packer, s->data.len)) emit_part(c, index, r->packer.count);
    if (r->packer.count && r->parts < CUTTER_PARTS_MAX && is_longer(r, part_ticks(r) + r->frame, CUTTER_PART_NS)) emit_part(c, index, r->packer.count);
}

/* Rule 6; and the other way round, a sample that comes sooner than the one before it was said to last (a rate that changes, a run that begins) begins where
 * that ends. */
static void join_up(const struct cutter_rendition *r, struct cutter_sample *s) {
    int64_t hole = s->dts - r->end_dts;
    if (!r->has_number) return;
    if (hole < 0) {
        s->dts = r->end_dts;
        if (s->pts < s->dts) s->pts = s->dts;
        if (s->duration) s->duration = -hole < s->duration ? s->duration - (uint32_t)-hole : 1;
        return;
    }
    if (!hole || !r->has_end || r->packer.count || s->run != r->run || is_longer(r, hole, CUTTER_HOLE_NS)) return;
    s->dts -= hole;
    if (s->duration) s->duration += (uint32_t)hole;
    if (s->is_sync) s->pts -= hole; /* nothing that is decoded later is shown before it; of others the order of showing must stay */
}

/* `frame`: how long it lasts by itself. */
static void append(struct cutter *c, size_t index, const struct cutter_sample *s, int64_t frame) {
    struct cutter_rendition *r = &c->renditions[index];
    struct cmaf_sample sample = {.dts = s->dts, .pts = s->pts, .duration = s->duration, .bytes = (uint32_t)s->data.len, .is_sync = s->is_sync, .data = s->data.ptr};
    struct err e = packer_add(&r->packer, &sample);
    if (e.kind) {
        c->sink.lost(c->sink.user, index, 1);
        return;
    }
    r->part_arrived_ns = s->arrived_ns;
    r->is_pending = !s->duration;
    r->has_end = true;
    r->end_dts = s->dts + s->duration;
    if (s->duration && frame) r->frame = frame;
    /* Rule 3. */
    if (s->duration && r->parts < CUTTER_PARTS_MAX && is_longer(r, part_ticks(r) + r->frame, CUTTER_PART_NS)) emit_part(c, index, r->packer.count);
}

/* ---- the leader ---- */

static int64_t longest_gop(const struct cutter_rendition *r) {
    int64_t longest = 0;
    unsigned known = r->gop_count < CUTTER_GOPS ? r->gop_count : CUTTER_GOPS;
    for (unsigned i = 0; i < known; i++)
        if (r->gops[i] > longest) longest = r->gops[i];
    return longest;
}

static int64_t limit_ns(const struct cutter_rendition *r) {
    int64_t gop = longest_gop(r);
    return is_longer(r, gop, CUTTER_TARGET_NS) && !is_longer(r, gop, CUTTER_STRETCH_NS) ? CUTTER_STRETCH_NS : CUTTER_TARGET_NS;
}

static void note_key(struct cutter_rendition *r, const struct cutter_sample *s) {
    if (r->has_key && s->dts > r->key_dts && s->run == r->run) r->gops[r->gop_count++ % CUTTER_GOPS] = s->dts - r->key_dts;
    r->has_key = true;
    r->key_dts = s->dts;
}

/* Sound of this segment may have begun before its picture, and is to be no longer than the rest. */
static bool is_long_since_boundary(const struct cutter *c, const struct cutter_rendition *r, int64_t end_dts) {
    const struct cutter_boundary *b = boundary_at(c, r->number);
    return b && b->run == r->run && ns_of(r, end_dts + r->delay) - b->start_ns > CUTTER_STRETCH_NS;
}

/* Rule 1. */
static bool should_cut(const struct cutter *c, const struct cutter_rendition *r, const struct cutter_sample *s) {
    if (!r->is_open || c->is_cut_forced || s->run != r->run || s->init != r->init) return true;
    int64_t begins = s->dts > r->end_dts ? s->dts : r->end_dts, elapsed = begins - r->first_dts, frame = s->duration ? s->duration : r->frame;
    if (s->is_sync && elapsed > 0 && is_longer(r, elapsed + longest_gop(r), CUTTER_TARGET_NS)) return true;
    return is_longer(r, elapsed + frame, limit_ns(r)) || is_long_since_boundary(c, r, begins + frame);
}

static void lead(struct cutter *c, size_t index, const struct cutter_sample *in) {
    struct cutter_rendition *r = &c->renditions[index];
    if (r->is_open) meet(c, index, in, r->first_dts + ticks_of(r, limit_ns(r)));
    struct cutter_sample sample = *in;
    const struct cutter_sample *s = &sample;
    if (in->is_sync) note_key(r, in);
    bool cuts = should_cut(c, r, in);
    if (cuts) end_segment(c, index);
    join_up(r, &sample);
    if (cuts) {
        const struct cutter_boundary *newest = boundary_at(c, c->next_number - 1);
        /* Boundaries that were made without the leader are its own, too, until it has used them; and more of them, if it was away for longer than the others
         * have come. */
        bool was_away = newest && newest->run == s->run && r->has_number && r->number < newest->number;
        while (was_away && ns_of(r, s->dts) - newest->start_ns >= CUTTER_TARGET_NS) {
            make_boundary(c, newest->start_ns + 2 * NS_PER_S, s->run);
            newest = boundary_at(c, c->next_number - 1);
        }
        bool is_there = newest && newest->run == s->run && (!r->has_number || r->number < newest->number) && !c->is_cut_forced;
        note_delay(r, s);
        if (!is_there) {
            bool begins_run = !newest || newest->run != s->run;
            make_boundary(c, begins_run && s->run_start_ns <= ns_of(r, s->dts + r->delay) ? s->run_start_ns : ns_of(r, s->dts + r->delay), s->run);
        }
        c->is_cut_forced = false;
        open_segment(c, index, c->next_number - 1, s);
    }
    append(c, index, s, in->duration);
    int64_t progress = ns_of(r, s->dts + r->delay + (s->duration ? s->duration : 1));
    if (s->run > c->progress_run || progress > c->progress_ns) c->progress_ns = progress;
    c->progress_run = s->run;
    /* The limit is reached: nothing more can come into this segment. */
    if (s->duration && r->is_open && (is_longer(r, r->end_dts - r->first_dts + r->frame, limit_ns(r)) || is_long_since_boundary(c, r, r->end_dts + r->frame))) end_segment(c, index);
    for (size_t i = 0; i < CUTTER_RENDITIONS_MAX; i++)
        if (i != index && c->renditions[i].is_used) catch_up(c, i);
}

/* ---- followers ---- */

static void follow(struct cutter *c, size_t index, const struct cutter_sample *s) {
    struct cutter_rendition *r = &c->renditions[index];
    uint64_t number = number_for(c, s->run, ns_of(r, s->pts));
    /* Too late: its segment is behind us. Or its parameters are new, and the next segment is not there yet. */
    if ((r->has_number && number < r->number) || (r->is_open && number == r->number && (s->init != r->init || s->run < r->run))) {
        c->sink.lost(c->sink.user, index, 1);
        return;
    }
    /* Where a run has ended, sound that goes on without picture has no segment to go to. */
    int64_t begins = r->is_open && r->end_dts > s->dts ? r->end_dts : s->dts;
    if (r->is_open && number == r->number && is_longer(r, begins + (s->duration ? s->duration : r->frame) - r->first_dts, CUTTER_LONGEST_NS)) {
        c->sink.lost(c->sink.user, index, 1);
        return;
    }
    if (r->is_open) {
        const struct cutter_boundary *after = boundary_at(c, r->number + 1);
        int64_t end = r->first_dts + ticks_of(r, CUTTER_LONGEST_NS);
        if (after && after->run == r->run && ticks_of(r, after->start_ns) - r->delay < end) end = ticks_of(r, after->start_ns) - r->delay;
        meet(c, index, s, end);
    }
    if (!r->is_open && r->has_number && number == r->number) { /* its segment is closed already: into the one behind it, if there is one */
        if (number + 1 >= c->next_number) {
            c->sink.lost(c->sink.user, index, 1);
            return;
        }
        number++;
    }
    struct cutter_sample sample = *s;
    if (r->is_open && number != r->number) end_segment(c, index);
    /* What is added before a segment makes it longer than its boundaries say: only as much as rounding forgives. */
    if (number > r->number + 1 || (!r->is_open && is_longer(r, s->dts - r->end_dts, CUTTER_STRETCH_NS - CUTTER_TARGET_NS))) r->has_end = false;
    join_up(r, &sample);
    if (!r->is_open) open_segment(c, index, number, &sample);
    append(c, index, &sample, s->duration);
    close_reached(c, index);
}

/* The next boundary is known, and what comes next lies behind it. */
static void close_reached(struct cutter *c, size_t index) {
    struct cutter_rendition *r = &c->renditions[index];
    if (!r->is_open || r->is_pending) return;
    const struct cutter_boundary *after = boundary_at(c, r->number + 1);
    if (after && (after->run == r->run ? ns_of(r, r->end_dts + r->delay) + NS_PER_US >= after->start_ns
                                       : false)) /* stragglers of an ended run may still come */
        end_segment(c, index);
}

static bool is_determined(const struct cutter *c, const struct cutter_rendition *r, const struct cutter_sample *s) {
    if (!c->has_boundary || s->run > c->progress_run) return false;
    if (s->run < c->progress_run) return true;
    return ns_of(r, s->pts) < c->progress_ns;
}

static void put_queued(struct cutter *c, size_t index) {
    struct cutter_rendition *r = &c->renditions[index];
    struct cutter_queued *q = r->queue;
    r->queue = q->next;
    if (!r->queue) r->queue_end = &r->queue;
    r->queued--;
    follow(c, index, &q->sample);
    mem_free(q);
}

static void catch_up(struct cutter *c, size_t index) {
    struct cutter_rendition *r = &c->renditions[index];
    while (r->queue && is_determined(c, r, &r->queue->sample)) put_queued(c, index);
    close_reached(c, index);
    if (r->queue || !r->has_number) return;
    uint64_t newest = cutter_newest(c);
    if (newest != UINT64_MAX && r->number + CUTTER_LAG <= newest) {
        end_segment(c, index);
        fill_gaps(c, index, newest - 1);
    }
}

/* Rule 4: the others have gone on for so long that the leader's boundaries are made for it. */
static void go_on_without_leader(struct cutter *c, size_t index, const struct cutter_sample *s) {
    struct cutter_rendition *r = &c->renditions[index];
    int64_t ns = ns_of(r, s->pts);
    const struct cutter_sample *oldest = r->queue ? &r->queue->sample : s;
    if (!c->has_boundary || s->run > c->progress_run) {
        if (ns - ns_of(r, oldest->pts) < CUTTER_STALL_NS || oldest->run != s->run) return;
        make_boundary(c, ns_of(r, oldest->pts), s->run);
        c->progress_run = s->run;
        c->progress_ns = ns_of(r, oldest->pts);
    }
    if (s->run != c->progress_run || ns - c->progress_ns < CUTTER_STALL_NS) return;
    c->progress_ns = ns - CUTTER_STALL_NS + 1;
    if (c->leader < CUTTER_RENDITIONS_MAX && c->leader != index && c->renditions[c->leader].run != c->progress_run) end_segment(c, c->leader);
    const struct cutter_boundary *newest;
    while ((newest = boundary_at(c, c->next_number - 1)) && newest->run == s->run && c->progress_ns - newest->start_ns >= CUTTER_TARGET_NS) {
        if (c->leader < CUTTER_RENDITIONS_MAX && c->leader != index) {
            end_segment(c, c->leader);
            fill_gaps(c, c->leader, c->next_number);
        }
        make_boundary(c, newest->start_ns + 2 * NS_PER_S, s->run);
    }
}

static void enqueue(struct cutter *c, size_t index, const struct cutter_sample *s) {
    struct cutter_rendition *r = &c->renditions[index];
    struct cutter_queued *q = r->queued < CUTTER_QUEUE_MAX ? mem_alloc(sizeof *q + s->data.len) : NULL;
    if (!q) {
        c->sink.lost(c->sink.user, index, 1);
        return;
    }
    *q = (struct cutter_queued){.sample = *s};
    if (s->data.len) memcpy(q + 1, s->data.ptr, s->data.len);
    q->sample.data = slice_of(q + 1, s->data.len);
    *r->queue_end = q;
    r->queue_end = &q->next;
    r->queued++;
}

void cutter_add(struct cutter *c, size_t index, const struct cutter_sample *s) {
    struct cutter_rendition *r = &c->renditions[index];
    assert(r->is_used);
    if (index == c->leader) {
        while (r->queue) put_queued(c, index); /* from when it was a follower */
        lead(c, index, s);
        return;
    }
    if (!r->queue && is_determined(c, r, s)) {
        follow(c, index, s);
        return;
    }
    enqueue(c, index, s);
    go_on_without_leader(c, index, s);
    catch_up(c, index);
}

void cutter_flush_one(struct cutter *c, size_t index) {
    struct cutter_rendition *r = &c->renditions[index];
    if (!r->is_used) return;
    if (!c->has_boundary && r->queue) make_boundary(c, ns_of(r, r->queue->sample.pts), r->queue->sample.run), c->progress_run = r->queue->sample.run;
    while (r->queue) put_queued(c, index);
    end_segment(c, index);
}

void cutter_flush(struct cutter *c) {
    if (c->leader < CUTTER_RENDITIONS_MAX) cutter_flush_one(c, c->leader);
    for (size_t i = 0; i < CUTTER_RENDITIONS_MAX; i++) cutter_flush_one(c, i);
    for (size_t i = 0; i < CUTTER_RENDITIONS_MAX; i++) c->renditions[i].has_key = false, c->renditions[i].gop_count = 0;
}

/* ---- what comes next ---- */

static bool expects_key(const struct cutter_rendition *r) {
    if (!r->gop_count) return false;
    int64_t gop = r->gops[(r->gop_count - 1) % CUTTER_GOPS];
    return r->end_dts - r->key_dts + r->frame / 2 >= gop && is_longer(r, r->end_dts - r->first_dts + longest_gop(r), CUTTER_TARGET_NS);
}

static int64_t expected_duration(const struct cutter_rendition *r) {
    int64_t gop = r->gop_count ? r->gops[(r->gop_count - 1) % CUTTER_GOPS] : 0, target = 2 * (int64_t)r->hz;
    if (gop > 0 && !is_longer(r, gop, CUTTER_STRETCH_NS)) {
        int64_t gops = is_longer(r, gop, CUTTER_TARGET_NS) ? 1 : ticks_of(r, CUTTER_TARGET_NS) / gop;
        target = gops * gop;
    } else if (r->frame > 0) {
        target = ticks_of(r, CUTTER_TARGET_NS) / r->frame * r->frame;
    }
    int64_t so_far = r->end_dts - r->first_dts;
    return so_far > target ? so_far : target;
}

/* A follower's part has just been closed: does the leader's segment end there, too, by all we know? */
static bool expects_boundary(const struct cutter *c, const struct cutter_rendition *r) {
    if (c->leader == CUTTER_RENDITIONS_MAX || r->packer.count) return false;
    const struct cutter_rendition *l = &c->renditions[c->leader];
    if (!l->is_open || l->number != r->number || l->run != r->run) return false;
    return ns_of(r, r->end_dts + r->delay) + NS_PER_US >= ns_of(l, l->start + expected_duration(l));
}

bool cutter_expects(const struct cutter *c, size_t index, struct cutter_next *out) {
    const struct cutter_rendition *r = &c->renditions[index];
    if (!r->is_used || !r->has_number) return false;
    *out = (struct cutter_next){.number = r->number, .is_new = false};
    bool is_new = !r->is_open || (index == c->leader ? r->is_video && !r->packer.count && expects_key(r) : expects_boundary(c, r));
    if (is_new) out->number++, out->is_new = true;
    if (r->is_open) out->open_duration = expected_duration(index == c->leader || c->leader == CUTTER_RENDITIONS_MAX ? r : &c->renditions[c->leader]);
    if (r->is_open && index != c->leader && c->leader < CUTTER_RENDITIONS_MAX) {
        const struct cutter_rendition *l = &c->renditions[c->leader];
        out->open_duration = (int64_t)((__int128)out->open_duration * r->hz / l->hz);
    }
    return true;
}

uint32_t cutter_gop_ms(const struct cutter *c) {
    if (c->leader == CUTTER_RENDITIONS_MAX) return 0;
    const struct cutter_rendition *r = &c->renditions[c->leader];
    return r->is_video && r->gop_count ? (uint32_t)(r->gops[(r->gop_count - 1) % CUTTER_GOPS] * 1000 / r->hz) : 0;
}
