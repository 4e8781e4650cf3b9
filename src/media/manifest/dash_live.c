/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * DASH manifests of live events and their recordings (ISO/IEC 23009-1, live profile; low latency as DASH-IF "Low-latency Modes for DASH" has it).
 *
 * A period is a stretch of segments in which nothing changes: no discontinuity, no init segment, no hole in any rendition. Segments are addressed by
 * number, and the growing one stands in the timeline with the length it is going to have: who asks for it gets it as it grows. */
#include "media/manifest/views.h"

static void put_duration(struct buf *out, int64_t ns) {
    if (ns < 0) ns = 0;
    buf_printf(out, "PT%lld.%06lldS", (long long)(ns / NS_PER_S), (long long)(ns % NS_PER_S / 1000));
}

static void put_time(struct buf *out, const char *name, struct utc_time t) {
    buf_printf(out, " %s=\"", name);
    utc_format(out, t, 3);
    buf_cstr(out, "\"");
}

static int64_t ticks_of(const struct manifest_rendition *r, int64_t ns) {
    return (int64_t)(((__int128)ns * r->timescale + NS_PER_S / 2) / NS_PER_S);
}
static int64_t ns_of(const struct manifest_rendition *r, int64_t ticks) {
    static const int64_t far_ns = INT64_C(1) << 60; /* a damaged index may say anything; sums of these do not overflow */
    __int128 ns = ((__int128)ticks * NS_PER_S + r->timescale / 2) / r->timescale;
    return ns > far_ns ? far_ns : ns < -far_ns ? -far_ns : (int64_t)ns;
}

static const struct manifest_segment *segment_at(const struct manifest_rendition *r, uint64_t number) {
    if (!r->segment_count || number < r->segments[0].number || number - r->segments[0].number >= r->segment_count) return NULL;
    return &r->segments[number - r->segments[0].number];
}
static bool has_media(const struct manifest_segment *s) { return s && !(s->flags & MANIFEST_GAP) && s->duration; }
static bool is_picture(const struct manifest_rendition *r) { return r->inits[0].track.kind == CMAF_VIDEO; }

static const struct cmaf_track *track_of(const struct manifest_rendition *r, uint16_t init) {
    for (size_t i = 0; i < r->init_count; i++)
        if (r->inits[i].number == init) return &r->inits[i].track;
    return &r->inits[r->init_count - 1].track;
}

/* ---- which segments are in a period ---- */

struct period {
    uint64_t first, end;   /* numbers [first, end) */
    uint32_t run;
    bool begins_run;
    int64_t start_ns;      /* on the channel's timeline: what presentation times in it count from */
    int64_t wall_ns;       /* Period@start */
    int64_t end_ns;
};

/* Is segment `number` of any rendition of another kind than the one before it? */
static bool changes_at(const struct manifest_live *m, uint64_t number) {
    for (size_t i = 0; i < m->rendition_count; i++) {
        const struct manifest_segment *a = segment_at(&m->renditions[i], number - 1), *b = segment_at(&m->renditions[i], number);
        if (!a || !b) continue; /* a rendition that comes later, or is behind: no change for the others */
        if (has_media(a) != has_media(b) || (has_media(a) && (a->run != b->run || a->init != b->init))) return true;
    }
    return false;
}

static bool numbers_of(const struct manifest_live *m, uint64_t *first, uint64_t *end) {
    *first = UINT64_MAX, *end = 0;
    for (size_t i = 0; i < m->rendition_count; i++) {
        const struct manifest_rendition *r = &m->renditions[i];
        if (!r->segment_count) continue;
        if (r->segments[0].number < *first) *first = r->segments[0].number;
        if (r->segments[r->segment_count - 1].number >= *end) *end = r->segments[r->segment_count - 1].number + 1;
    }
    return *first < *end;
}

static const struct manifest_run *run_of(const struct manifest_live *m, uint32_t run) {
    for (size_t i = 0; i < m->run_count; i++)
        if (m->runs[i].run == run) return &m->runs[i];
    return NULL;
}

/* The period that begins at p->first; false: there is nothing to play in it. */
static bool measure(const struct manifest_live *m, struct period *p, uint64_t end) {
    bool has_any = false;
    for (p->end = p->first + 1; p->end < end && !changes_at(m, p->end); p->end++) {}
    p->start_ns = INT64_MAX, p->end_ns = 0;
    for (size_t i = 0; i < m->rendition_count; i++) {
        const struct manifest_rendition *r = &m->renditions[i];
        const struct manifest_segment *before = segment_at(r, p->first - 1);
        for (uint64_t n = p->first; n < p->end; n++) {
            const struct manifest_segment *s = segment_at(r, n);
            if (!has_media(s)) continue;
            if (!has_any) p->run = s->run, p->begins_run = !before || before->run != s->run;
            has_any = true;
            if (ns_of(r, s->start) < p->start_ns) p->start_ns = ns_of(r, s->start);
            int64_t stop = ns_of(r, s->start + s->duration);
            if (stop > p->end_ns) p->end_ns = stop;
        }
    }
    if (!has_any) return false;
    const struct manifest_run *run = run_of(m, p->run);
    /* What presentation times count from must stay while segments leave the window: the beginning of the run does. */
    if (run && p->begins_run && !m->is_recording && run->start_ns <= p->start_ns) p->start_ns = run->start_ns;
    p->wall_ns = p->start_ns + (run ? run->wall_ns - run->start_ns : 0);
    return true;
}

/* ---- inside a period ---- */

static void put_timeline(const struct manifest_rendition *r, const struct period *p, struct buf *out) {
    int64_t next = INT64_MIN;
    uint32_t repeated = 0, duration = 0;
    buf_cstr(out, "            <SegmentTimeline>\n");
    for (uint64_t n = p->first; n < p->end; n++) {
        const struct manifest_segment *s = segment_at(r, n);
        if (!has_media(s)) continue;
        uint32_t d = s->flags & MANIFEST_OPEN && r->open_duration > s->duration ? r->open_duration : s->duration;
        if (s->start == next && d == duration) {
            repeated++;
        } else {
            if (duration && repeated) buf_cstr(out, " r=\""), buf_u64_text(out, repeated), buf_cstr(out, "\"");
            if (duration) buf_cstr(out, "/>\n");
            buf_cstr(out, "              <S");
            if (s->start != next) buf_cstr(out, " t=\""), buf_u64_text(out, (uint64_t)s->start), buf_cstr(out, "\"");
            buf_cstr(out, " d=\""), buf_u64_text(out, d), buf_cstr(out, "\"");
            duration = d;
            repeated = 0;
        }
        next = s->start + d;
    }
    if (duration && repeated) buf_cstr(out, " r=\""), buf_u64_text(out, repeated), buf_cstr(out, "\"");
    buf_cstr(out, "/>\n            </SegmentTimeline>\n");
}

static void put_template(const struct manifest_live *m, const struct manifest_rendition *r, const struct period *p, const struct manifest_segment *first, struct buf *out) {
    buf_printf(out, "          <SegmentTemplate timescale=\"%u\" presentationTimeOffset=\"%lld\" startNumber=\"%llu\" initialization=\"%s-i%u.mp4\" media=\"%s-$Number$.m4s\"",
               r->timescale, (long long)ticks_of(r, p->start_ns), (unsigned long long)first->number, r->name, first->init, r->name);
    if (!m->is_ended && !m->is_recording)
        buf_printf(out, " availabilityTimeOffset=\"%u.%03u\" availabilityTimeComplete=\"false\"", (m->target_ms - m->part_ms) / 1000, (m->target_ms - m->part_ms) % 1000);
    buf_cstr(out, ">\n");
    put_timeline(r, p, out);
    buf_cstr(out, "          </SegmentTemplate>\n");
}

static void put_representation(const struct manifest_live *m, const struct manifest_rendition *r, const struct period *p, const struct manifest_segment *first, struct buf *out) {
    const struct cmaf_track *t = track_of(r, first->init);
    buf_printf(out, "        <Representation id=\"%s\" codecs=\"%s\" bandwidth=\"%llu\"", r->name, t->codec_string, (unsigned long long)(r->peak_bps ? r->peak_bps : 1));
    if (t->kind == CMAF_VIDEO) {
        buf_printf(out, " width=\"%u\" height=\"%u\" sar=\"%u:%u\"", t->width, t->height, t->aspect_x && t->aspect_y ? t->aspect_x : 1,
                   t->aspect_x && t->aspect_y ? t->aspect_y : 1);
        if (t->rate_num && t->rate_den > 1) buf_printf(out, " frameRate=\"%u/%u\"", t->rate_num, t->rate_den);
        else if (t->rate_num && t->rate_den) buf_printf(out, " frameRate=\"%u\"", t->rate_num);
    } else {
        buf_printf(out, " audioSamplingRate=\"%u\"", t->sample_rate);
    }
    buf_cstr(out, ">\n");
    unsigned configuration = t->kind == CMAF_AUDIO ? dash_channel_configuration(t->channels) : 0;
    if (configuration)
        buf_printf(out, "          <AudioChannelConfiguration schemeIdUri=\"urn:mpeg:mpegB:cicp:ChannelConfiguration\" value=\"%u\"/>\n", configuration);
    put_template(m, r, p, first, out);
    buf_cstr(out, "        </Representation>\n");
}

static const struct manifest_segment *first_in(const struct manifest_rendition *r, const struct period *p) {
    for (uint64_t n = p->first; n < p->end; n++)
        if (has_media(segment_at(r, n))) return segment_at(r, n);
    return NULL;
}

/* Which moment the times of this period mean: capture, as far as it is known (section 5.12). Its UTCTiming says that the time is written as a
 * date: without one Shaka Player reads a number of NTP. */
static void put_producer(const struct manifest_live *m, const struct manifest_rendition *r, const struct manifest_segment *s, struct buf *out) {
    if (m->is_recording || m->is_ended) return;
    buf_printf(out, "        <ProducerReferenceTime id=\"0\" inband=\"true\" type=\"captured\" wallClockTime=\"");
    utc_format(out, (struct utc_time){s->utc_ns}, 3);
    buf_printf(out, "\" presentationTime=\"%lld\"><UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:direct:2014\" value=\"", (long long)s->start);
    utc_format(out, m->now, 3);
    buf_cstr(out, "\"/></ProducerReferenceTime>\n");
    (void)r;
}

/* All pictures are one set: their segments are aligned. Each sound is one of its own. */
static void put_set(const struct manifest_live *m, const struct period *p, size_t from, size_t to, unsigned id, struct buf *out) {
    const struct manifest_rendition *leader = NULL;
    bool is_sync = true;
    for (size_t i = from; i < to; i++) {
        const struct manifest_rendition *r = &m->renditions[i];
        if (!first_in(r, p)) continue;
        if (!leader) leader = r;
        for (uint64_t n = p->first; n < p->end; n++) {
            const struct manifest_segment *s = segment_at(r, n);
            if (has_media(s)) is_sync &= !!(s->flags & MANIFEST_SYNC);
        }
    }
    if (!leader) return;
    const struct manifest_segment *first = first_in(leader, p);
    const struct cmaf_track *t = track_of(leader, first->init);
    const char *kind = t->kind == CMAF_VIDEO ? "video" : "audio";
    buf_printf(out, "      <AdaptationSet id=\"%u\" contentType=\"%s\" mimeType=\"%s/mp4\" segmentAlignment=\"true\"", id, kind, kind);
    if (t->language[0]) buf_cstr(out, " lang=\""), dash_put_escaped(out, t->language), buf_cstr(out, "\"");
    if (is_sync) buf_cstr(out, " startWithSAP=\"1\"");
    buf_cstr(out, ">\n");
    if (t->label[0]) buf_cstr(out, "        <Label>"), dash_put_escaped(out, t->label), buf_cstr(out, "</Label>\n");
    put_producer(m, leader, first, out);
    buf_printf(out, "        <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"%s\"/>\n", t->kind == CMAF_VIDEO || id <= 1 ? "main" : "alternate");
    for (size_t i = from; i < to; i++) {
        const struct manifest_segment *s = first_in(&m->renditions[i], p);
        if (s) put_representation(m, &m->renditions[i], p, s, out);
    }
    buf_cstr(out, "      </AdaptationSet>\n");
}

static void put_base64(struct buf *out, struct slice s) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.len; i += 3) {
        uint32_t v = (uint32_t)(uint8_t)s.ptr[i] << 16 | (i + 1 < s.len ? (uint32_t)(uint8_t)s.ptr[i + 1] << 8 : 0) | (i + 2 < s.len ? (uint8_t)s.ptr[i + 2] : 0);
        char four[4] = {digits[v >> 18], digits[v >> 12 & 63], i + 1 < s.len ? digits[v >> 6 & 63] : '=', i + 2 < s.len ? digits[v & 63] : '='};
        buf_bytes(out, four, 4);
    }
}

static void put_event(struct buf *out, uint64_t id, int64_t at_ns, int64_t duration_ns, struct slice section) {
    if (!section.len) return;
    buf_printf(out, "        <Event presentationTime=\"%lld\"", (long long)(at_ns * 9 / 100000));
    if (duration_ns >= 0) buf_printf(out, " duration=\"%lld\"", (long long)(duration_ns * 9 / 100000));
    buf_printf(out, " id=\"%llu\"><Signal xmlns=\"http://www.scte.org/schemas/35/2016\"><Binary>", (unsigned long long)id);
    put_base64(out, section);
    buf_cstr(out, "</Binary></Signal></Event>\n");
}

/* ANSI/SCTE 214-1 section 6.7: the sections as they came, in the period where they take effect. */
static void put_events(const struct manifest_live *m, const struct period *p, int64_t until_ns, struct buf *out) {
    bool has_any = false;
    for (size_t i = 0; i < m->cue_count; i++) {
        const struct manifest_cue *c = &m->cues[i];
        const struct {
            int64_t at, duration;
            struct slice section;
        } events[] = {{c->start_ns, c->planned_ns, c->out}, {c->start_ns, -1, c->command}, {c->end_ns, -1, c->in}};
        for (size_t k = 0; k < ARRAY_LEN(events); k++) {
            if (!events[k].section.len || events[k].at < p->start_ns || events[k].at >= until_ns) continue;
            if (!has_any)
                buf_printf(out, "      <EventStream schemeIdUri=\"urn:scte:scte35:2014:xml+bin\" timescale=\"90000\" presentationTimeOffset=\"%lld\">\n",
                           (long long)(p->start_ns * 9 / 100000));
            has_any = true;
            put_event(out, c->id * 4 + k, events[k].at, events[k].duration, events[k].section);
        }
    }
    if (has_any) buf_cstr(out, "      </EventStream>\n");
}

static void put_period(const struct manifest_live *m, const struct period *p, int64_t start_ns, int64_t until_ns, struct buf *out) {
    buf_printf(out, "  <Period id=\"%u", p->run);
    if (!p->begins_run) buf_printf(out, "-%llu", (unsigned long long)p->first);
    buf_cstr(out, "\" start=\"");
    put_duration(out, start_ns);
    if (m->is_recording) buf_cstr(out, "\" duration=\""), put_duration(out, p->end_ns - p->start_ns);
    buf_cstr(out, "\">\n");
    put_events(m, p, until_ns, out);
    size_t pictures = 0;
    unsigned id = 0;
    while (pictures < m->rendition_count && is_picture(&m->renditions[pictures])) pictures++;
    put_set(m, p, 0, pictures, id++, out);
    for (size_t i = pictures; i < m->rendition_count; i++) put_set(m, p, i, i + 1, id++, out);
    buf_cstr(out, "  </Period>\n");
}

/* ---- the whole ---- */

/* The first period from segment `from` on in which there is something to play. */
static bool next_period(const struct manifest_live *m, uint64_t from, uint64_t end, struct period *out) {
    for (; from < end; from = out->end) {
        *out = (struct period){.first = from};
        if (measure(m, out, end)) return true;
    }
    return false;
}

/* A recording's periods follow each other without the time in which nobody published; those of a channel that has just ended stay where they are. */
static int64_t total_ns(const struct manifest_live *m, uint64_t first, uint64_t end) {
    int64_t total = 0;
    struct period p = {.end = first};
    while (next_period(m, p.end, end, &p)) total = (m->is_recording ? total : p.wall_ns) + p.end_ns - p.start_ns;
    return total;
}

void manifest_live_dash(const struct manifest_live *m, struct buf *out) {
    uint64_t first, end;
    bool has_any = numbers_of(m, &first, &end);
    bool is_static = m->is_recording || m->is_ended;
    buf_cstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"urn:mpeg:dash:profile:isoff-live:2011\"");
    if (is_static) {
        buf_cstr(out, " type=\"static\" mediaPresentationDuration=\"");
        put_duration(out, has_any ? total_ns(m, first, end) : 0);
    } else {
        buf_cstr(out, " type=\"dynamic\"");
        put_time(out, "availabilityStartTime", m->epoch);
        put_time(out, "publishTime", m->now);
        buf_cstr(out, " minimumUpdatePeriod=\"PT1S\" timeShiftBufferDepth=\"");
        put_duration(out, (int64_t)m->window_ms * NS_PER_MS);
        buf_printf(out, "\" suggestedPresentationDelay=\"PT%uS", 3 * m->target_ms / 1000);
    }
    buf_printf(out, "\" minBufferTime=\"PT1S\" maxSegmentDuration=\"PT%u.%03uS\">\n", (m->target_ms + 500) / 1000, (m->target_ms + 499) % 1000);
    if (!is_static)
        buf_cstr(out, "  <ServiceDescription id=\"0\">\n    <Latency referenceId=\"0\" target=\"2000\" min=\"1000\" max=\"6000\"/>\n    <PlaybackRate min=\"0.96\" max=\"1.04\"/>\n  </ServiceDescription>\n");
    int64_t start = 0;
    struct period p, next;
    bool is_there = has_any && next_period(m, first, end, &next);
    while (is_there) {
        p = next;
        is_there = next_period(m, p.end, end, &next);
        put_period(m, &p, m->is_recording ? start : p.wall_ns, is_there ? next.start_ns : INT64_MAX, out);
        start += p.end_ns - p.start_ns;
    }
    if (!has_any) buf_cstr(out, "  <Period id=\"0\" start=\"PT0S\"/>\n");
    if (!is_static) {
        buf_cstr(out, "  <UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:direct:2014\" value=\"");
        utc_format(out, m->now, 3);
        buf_cstr(out, "\"/>\n");
    }
    buf_cstr(out, "</MPD>\n");
}
