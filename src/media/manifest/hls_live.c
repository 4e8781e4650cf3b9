/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * HLS playlists of live events and their recordings (draft-pantos-hls-rfc8216bis). A playlist of two hours has 3,600 segments and is made
 * up to three times a second and rendition, so what stands once per segment is put together without printf. */
#include "media/manifest/views.h"

/* A date now and then is enough: players count on from it. */
enum { DATE_EVERY = 8 };

static int64_t us_of(const struct manifest_rendition *r, int64_t ticks) {
    return (int64_t)(((__int128)ticks * 1000000 + r->timescale / 2) / r->timescale);
}
/* Differences of rounded times: they add up without drift. */
static int64_t span_us(const struct manifest_rendition *r, int64_t start, uint32_t duration) { return us_of(r, start + duration) - us_of(r, start); }

static void put_tag_u64(struct buf *out, const char *tag, uint64_t value) {
    buf_cstr(out, tag);
    buf_u64_text(out, value);
    buf_bytes(out, "\n", 1);
}

static void put_segment_name(const struct manifest_rendition *r, uint64_t number, struct buf *out) {
    buf_cstr(out, r->name);
    buf_bytes(out, "-", 1);
    buf_u64_text(out, number);
    buf_bytes(out, ".m4s", 4);
}

static void put_date(struct buf *out, int64_t utc_ns) {
    buf_cstr(out, "#EXT-X-PROGRAM-DATE-TIME:");
    utc_format(out, (struct utc_time){utc_ns}, 3);
    buf_bytes(out, "\n", 1);
}

/* ---- one segment ---- */

/* What must be known before its media: section 4.4.4. `before` is the segment before it in this playlist, or NULL. */
static void put_context(const struct manifest_rendition *r, const struct manifest_segment *s, const struct manifest_segment *before, struct buf *out) {
    if (before && s->run != before->run) buf_cstr(out, "#EXT-X-DISCONTINUITY\n");
    bool is_gap = s->flags & MANIFEST_GAP;
    if (!is_gap && (!before || s->init != before->init || before->flags & MANIFEST_GAP || s->run != before->run)) {
        buf_cstr(out, "#EXT-X-MAP:URI=\"");
        buf_cstr(out, r->name);
        buf_cstr(out, "-i");
        buf_u64_text(out, s->init);
        buf_cstr(out, ".mp4\"\n");
    }
    if (!before || s->run != before->run || s->number % DATE_EVERY == 0) put_date(out, s->utc_ns);
}

static void put_part(const struct manifest_live *m, const struct manifest_rendition *r, const struct manifest_segment *s, const struct manifest_part *p, struct buf *out) {
    int64_t us = span_us(r, p->start, p->duration);
    if (us > m->part_ms * 1000) us = m->part_ms * 1000; /* one picture that stands longer than a part may last */
    buf_cstr(out, "#EXT-X-PART:DURATION=");
    hls_put_seconds(out, us);
    buf_cstr(out, ",URI=\"");
    put_segment_name(r, s->number, out);
    buf_cstr(out, "\",BYTERANGE=\"");
    buf_u64_text(out, p->bytes);
    buf_bytes(out, "@", 1);
    buf_u64_text(out, p->offset);
    buf_cstr(out, p->is_sync ? "\",INDEPENDENT=YES\n" : "\"\n");
}

static void put_parts(const struct manifest_live *m, const struct manifest_rendition *r, const struct manifest_segment *s, struct buf *out) {
    for (unsigned i = 0; i < s->part_count; i++) put_part(m, r, s, &r->parts[s->part_first - r->parts_from + i], out);
}

static void put_whole(const struct manifest_rendition *r, const struct manifest_segment *s, struct buf *out) {
    if (s->flags & MANIFEST_GAP) buf_cstr(out, "#EXT-X-GAP\n");
    buf_cstr(out, "#EXTINF:");
    hls_put_seconds(out, span_us(r, s->start, s->duration));
    buf_bytes(out, ",\n", 2);
    put_segment_name(r, s->number, out);
    buf_bytes(out, "\n", 1);
}

/* ---- the playlist ---- */

/* The segment in which what lies `us` before the end of the playlist begins. Playlists count durations: where nobody published for a while, the timeline leaps and
 * they do not (section 6.2.5.1). *rest: from that segment's start to the end. */
static size_t back_from_end(const struct manifest_rendition *r, int64_t us, int64_t *rest) {
    size_t at = r->segment_count;
    *rest = 0;
    while (at > 0 && (*rest < us || at == r->segment_count)) at--, *rest += span_us(r, r->segments[at].start, r->segments[at].duration);
    return at;
}

static void put_hex(struct buf *out, const char *name, struct slice section) {
    if (!section.len) return;
    static const char digits[] = "0123456789ABCDEF";
    buf_printf(out, ",%s=0x", name);
    for (size_t i = 0; i < section.len; i++) {
        uint8_t byte = (uint8_t)section.ptr[i];
        buf_bytes(out, (char[]){digits[byte >> 4], digits[byte & 15]}, 2);
    }
}

/* Section 5.1 of the appendix on SCTE 35: one date range an avail, told again with more as more becomes known. */
static void put_cue(const struct manifest_cue *c, struct buf *out) {
    buf_cstr(out, "#EXT-X-DATERANGE:ID=\"splice-");
    buf_u64_text(out, c->id);
    buf_cstr(out, "\",START-DATE=\"");
    utc_format(out, (struct utc_time){c->utc_ns}, 3);
    buf_bytes(out, "\"", 1);
    if (c->end_ns >= c->start_ns) buf_cstr(out, ",DURATION="), hls_put_seconds(out, (c->end_ns - c->start_ns) / 1000);
    if (c->planned_ns >= 0) buf_cstr(out, ",PLANNED-DURATION="), hls_put_seconds(out, c->planned_ns / 1000);
    put_hex(out, "SCTE35-CMD", c->command);
    put_hex(out, "SCTE35-OUT", c->out);
    put_hex(out, "SCTE35-IN", c->in);
    buf_bytes(out, "\n", 1);
}

static void put_cues(const struct manifest_live *m, const struct manifest_rendition *r, struct buf *out) {
    int64_t from_us = us_of(r, r->segments[0].start);
    for (size_t i = 0; i < m->cue_count; i++) {
        const struct manifest_cue *c = &m->cues[i];
        int64_t end = c->end_ns >= 0 ? c->end_ns : c->planned_ns >= 0 ? c->start_ns + c->planned_ns : c->start_ns;
        if (end / 1000 >= from_us) put_cue(c, out);
    }
}

/* Section 4.4.5.4: where the siblings are, so that a player may switch without asking for an old playlist first. */
static void put_reports(const struct manifest_live *m, size_t self, struct buf *out) {
    for (size_t i = 0; i < m->rendition_count; i++) {
        const struct manifest_rendition *r = &m->renditions[i];
        if (i == self || !r->segment_count) continue;
        const struct manifest_segment *last = &r->segments[r->segment_count - 1];
        buf_cstr(out, "#EXT-X-RENDITION-REPORT:URI=\"");
        buf_cstr(out, r->name);
        buf_cstr(out, ".m3u8\",LAST-MSN=");
        buf_u64_text(out, last->number);
        buf_cstr(out, ",LAST-PART=");
        buf_u64_text(out, last->part_count ? last->part_count - 1u : 0u);
        buf_bytes(out, "\n", 1);
    }
}

static void put_ms(struct buf *out, const char *name, uint32_t ms) { buf_printf(out, "%s%u.%03u", name, ms / 1000, ms % 1000); }

static void put_control(const struct manifest_live *m, struct buf *out) {
    buf_cstr(out, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES");
    put_ms(out, ",PART-HOLD-BACK=", 3 * m->part_ms);
    put_ms(out, ",HOLD-BACK=", 3 * m->target_ms);
    put_ms(out, ",CAN-SKIP-UNTIL=", 6 * m->target_ms);
    put_ms(out, "\n#EXT-X-PART-INF:PART-TARGET=", m->part_ms);
    buf_bytes(out, "\n", 1);
}

static bool is_independent(const struct manifest_rendition *r) {
    for (size_t i = 0; i < r->segment_count; i++)
        if (!(r->segments[i].flags & (MANIFEST_SYNC | MANIFEST_GAP))) return false;
    return true;
}

static const struct manifest_segment *segment_numbered(const struct manifest_rendition *r, uint64_t number) {
    uint64_t first = r->segments[0].number;
    return number >= first && number - first < r->segment_count ? &r->segments[number - first] : NULL;
}

/* Section 4.4.2.2: where to begin. Who follows the usual distance from the end may land in a long group of pictures, with nothing to see until the next key frame;
 * better to be some seconds late at first. Sound says the same, so that both begin together. */
static void put_start(const struct manifest_live *m, const struct manifest_rendition *self, struct buf *out) {
    const struct manifest_rendition *picture = NULL;
    for (size_t i = 0; i < m->rendition_count && !picture; i++)
        if (m->renditions[i].inits[0].track.kind == CMAF_VIDEO && m->renditions[i].segment_count) picture = &m->renditions[i];
    if (!picture) return;
    int64_t back;
    size_t at = back_from_end(self, 3 * (int64_t)m->part_ms * 1000, &back);
    for (bool is_first = true;; is_first = false) {
        const struct manifest_segment *s = segment_numbered(picture, self->segments[at].number);
        if (!s || (is_first && s->flags & MANIFEST_SYNC)) return;
        if (s->flags & MANIFEST_SYNC) break;
        if (!at--) return;
        back += span_us(self, self->segments[at].start, self->segments[at].duration);
    }
    back -= 10000; /* a little inside, whatever is rounded */
    buf_cstr(out, "#EXT-X-START:TIME-OFFSET=-");
    hls_put_seconds(out, back > 0 ? back : 0);
    buf_bytes(out, "\n", 1);
}

void manifest_live_media(const struct manifest_live *m, size_t index, enum manifest_skip skip, struct buf *out) {
    const struct manifest_rendition *r = &m->renditions[index];
    const struct manifest_segment *before = NULL;
    bool is_live = !m->is_recording;
    int64_t rest;
    size_t skipped = skip == MANIFEST_DELTA && is_live && !m->is_ended ? back_from_end(r, 6 * (int64_t)m->target_ms * 1000, &rest) : 0;
    buf_cstr(out, is_live ? "#EXTM3U\n#EXT-X-VERSION:9\n" : "#EXTM3U\n#EXT-X-VERSION:8\n");
    put_tag_u64(out, "#EXT-X-TARGETDURATION:", m->target_ms / 1000);
    if (is_live) put_control(m, out);
    if (is_live && !m->is_ended) put_start(m, r, out);
    put_tag_u64(out, "#EXT-X-MEDIA-SEQUENCE:", r->segments[0].number);
    if (r->segments[0].run) put_tag_u64(out, "#EXT-X-DISCONTINUITY-SEQUENCE:", r->segments[0].run);
    if (!is_live) {
        buf_cstr(out, "#EXT-X-PLAYLIST-TYPE:VOD\n");
        if (is_independent(r)) buf_cstr(out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    put_cues(m, r, out);
    if (skipped) {
        put_tag_u64(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS=", skipped);
        before = &r->segments[skipped - 1];
    }
    for (size_t i = skipped; i < r->segment_count; i++) {
        const struct manifest_segment *s = &r->segments[i];
        put_context(r, s, before, out);
        if (is_live && s->part_count) put_parts(m, r, s, out);
        if (!(s->flags & MANIFEST_OPEN)) put_whole(r, s, out);
        before = s;
    }
    if (m->is_ended || !is_live) {
        buf_cstr(out, "#EXT-X-ENDLIST\n");
        return;
    }
    if (r->has_hint) {
        buf_cstr(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"");
        put_segment_name(r, r->hint_number, out);
        buf_cstr(out, "\",BYTERANGE-START=");
        buf_u64_text(out, r->hint_offset);
        buf_bytes(out, "\n", 1);
    }
    put_reports(m, index, out);
}

/* Section 4.3.3.6 of RFC 8216: each key picture stands until the next one. */
void manifest_live_iframes(const struct manifest_live *m, size_t index, struct buf *out) {
    const struct manifest_rendition *r = &m->renditions[index];
    uint64_t first = 0;
    int64_t target = 1;
    uint32_t first_run = 0;
    for (int round = 0; round < 2; round++) { /* the first one measures */
        const struct manifest_segment *before = NULL;
        for (size_t i = 0, next; i < r->segment_count; i = next) {
            const struct manifest_segment *s = &r->segments[i];
            next = i + 1;
            if (!s->key_bytes || s->flags & MANIFEST_GAP) continue;
            int64_t end = s->start + s->duration;
            while (next < r->segment_count && r->segments[next].run == s->run && (!r->segments[next].key_bytes || r->segments[next].flags & MANIFEST_GAP))
                end = r->segments[next].start + r->segments[next].duration, next++;
            int64_t us = us_of(r, end) - us_of(r, s->start);
            if (!round) {
                if ((us + 500000) / 1000000 > target) target = (us + 500000) / 1000000;
                if (!before) first = s->number, first_run = s->run;
            } else {
                put_context(r, s, before, out);
                buf_cstr(out, "#EXTINF:");
                hls_put_seconds(out, us);
                buf_cstr(out, ",\n#EXT-X-BYTERANGE:");
                buf_u64_text(out, s->key_bytes);
                buf_cstr(out, "@0\n");
                put_segment_name(r, s->number, out);
                buf_bytes(out, "\n", 1);
            }
            before = s;
        }
        if (round) break;
        buf_cstr(out, "#EXTM3U\n#EXT-X-VERSION:8\n");
        put_tag_u64(out, "#EXT-X-TARGETDURATION:", (uint64_t)target);
        put_tag_u64(out, "#EXT-X-MEDIA-SEQUENCE:", first);
        if (first_run) put_tag_u64(out, "#EXT-X-DISCONTINUITY-SEQUENCE:", first_run);
        buf_cstr(out, "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-I-FRAMES-ONLY\n");
    }
    buf_cstr(out, "#EXT-X-ENDLIST\n");
}

/* ---- the master playlist ---- */

static const struct cmaf_track *newest(const struct manifest_rendition *r) { return &r->inits[r->init_count - 1].track; }
static bool is_picture(const struct manifest_rendition *r) { return r->inits[0].track.kind == CMAF_VIDEO; }

/* Sounds of one codec form a group, so that a player that lacks the codec can leave the group aside. */
static bool is_in_group(const struct manifest_rendition *r, enum cmaf_codec codec) { return !is_picture(r) && newest(r)->codec == codec; }

static void put_sound(const struct manifest_live *m, size_t index, struct buf *out) {
    const struct manifest_rendition *r = &m->renditions[index];
    const struct cmaf_track *t = newest(r);
    char name[CMAF_LABEL_MAX + 8];
    size_t before = 0;
    bool is_said = false;
    for (size_t i = 0; i < index; i++) before += is_in_group(&m->renditions[i], t->codec);
    view_name(t->label, t->language, "Audio", before, name);
    for (size_t i = 0; i < index && !is_said; i++) { /* names in a group differ */
        char other[CMAF_LABEL_MAX + 8];
        if (!is_in_group(&m->renditions[i], t->codec)) continue;
        view_name(newest(&m->renditions[i])->label, newest(&m->renditions[i])->language, "Audio", 0, other);
        is_said = !strcmp(name, other);
    }
    if (is_said) view_name("", "", "Audio", before, name);
    buf_printf(out, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"%s\",NAME=", hls_group_name(t->codec));
    hls_put_quoted(out, name);
    if (t->language[0]) buf_cstr(out, ",LANGUAGE="), hls_put_quoted(out, t->language);
    buf_printf(out, ",DEFAULT=%s,AUTOSELECT=YES,CHANNELS=\"%u\",URI=\"%s.m3u8\"\n", before ? "NO" : "YES", t->channels, r->name);
}

static void put_codecs(struct buf *out, const char *codec, const char **said, size_t *count) {
    for (size_t i = 0; i < *count; i++)
        if (!strcmp(said[i], codec)) return;
    buf_printf(out, "%s%s", *count ? "," : "", codec);
    said[(*count)++] = codec;
}

/* A picture with the sounds of one codec (CMAF_CODEC_NONE: silent), or, `video` NULL, these sounds alone. */
static void put_variant(const struct manifest_live *m, const struct manifest_rendition *video, enum cmaf_codec codec, struct buf *out) {
    const struct manifest_rendition *first_sound = NULL;
    uint64_t peak = 0, average = 0;
    for (size_t i = 0; i < m->rendition_count; i++) {
        const struct manifest_rendition *r = &m->renditions[i];
        if (!is_in_group(r, codec)) continue;
        if (!first_sound) first_sound = r;
        if (r->peak_bps > peak) peak = r->peak_bps;
        if (r->average_bps > average) average = r->average_bps;
    }
    if (video) peak += video->peak_bps, average += video->average_bps;
    buf_cstr(out, "#EXT-X-STREAM-INF:BANDWIDTH=");
    buf_u64_text(out, peak ? peak : 1);
    if (average) buf_cstr(out, ",AVERAGE-BANDWIDTH="), buf_u64_text(out, average);
    buf_cstr(out, ",CODECS=\"");
    const char *said[CMAF_TRACKS_MAX];
    size_t count = 0;
    if (video) put_codecs(out, newest(video)->codec_string, said, &count);
    for (size_t i = 0; i < m->rendition_count; i++)
        if (is_in_group(&m->renditions[i], codec)) put_codecs(out, newest(&m->renditions[i])->codec_string, said, &count);
    buf_cstr(out, "\"");
    if (video) {
        hls_put_video_attributes(out, newest(video));
        hls_put_frame_rate(out, newest(video));
    }
    if (first_sound) buf_printf(out, ",AUDIO=\"%s\"", hls_group_name(codec));
    if (video) buf_cstr(out, ",CLOSED-CAPTIONS=NONE");
    buf_printf(out, "\n%s.m3u8\n", video ? video->name : first_sound->name);
}

static void put_iframe_variant(const struct manifest_rendition *r, struct buf *out) {
    uint64_t peak = 0;
    for (size_t i = 0; i < r->segment_count; i++) {
        int64_t us = span_us(r, r->segments[i].start, r->segments[i].duration);
        uint64_t bits = us > 0 ? (uint64_t)r->segments[i].key_bytes * 8 * 1000000 / (uint64_t)us : 0;
        if (bits > peak) peak = bits;
    }
    if (!peak) return;
    buf_printf(out, "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=%llu,CODECS=\"%s\"", (unsigned long long)peak, newest(r)->codec_string);
    hls_put_video_attributes(out, newest(r));
    buf_printf(out, ",URI=\"%s-iframes.m3u8\"\n", r->name);
}

void manifest_live_master(const struct manifest_live *m, struct buf *out) {
    buf_cstr(out, m->is_recording ? "#EXTM3U\n#EXT-X-VERSION:8\n" : "#EXTM3U\n#EXT-X-VERSION:9\n");
    bool has_codec[CMAF_CODECS] = {false};
    size_t codec_count = 0;
    for (size_t i = 0; i < m->rendition_count; i++) {
        if (is_picture(&m->renditions[i])) continue;
        enum cmaf_codec codec = newest(&m->renditions[i])->codec;
        codec_count += !has_codec[codec];
        has_codec[codec] = true;
        put_sound(m, i, out);
    }
    for (size_t i = 0; i < m->rendition_count; i++) {
        const struct manifest_rendition *r = &m->renditions[i];
        if (is_picture(r) && !codec_count) put_variant(m, r, CMAF_CODEC_NONE, out);
        for (int codec = 1; is_picture(r) && codec < CMAF_CODECS; codec++)
            if (has_codec[codec]) put_variant(m, r, (enum cmaf_codec)codec, out);
    }
    for (int codec = 1; codec < CMAF_CODECS; codec++) /* for who only listens, or has no room for more */
        if (has_codec[codec]) put_variant(m, NULL, (enum cmaf_codec)codec, out);
    for (size_t i = 0; i < m->rendition_count && m->is_recording; i++)
        if (is_picture(&m->renditions[i])) put_iframe_variant(&m->renditions[i], out);
}
