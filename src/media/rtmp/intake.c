/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/rtmp/intake.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "media/rtmp/amf.h"
#include "media/rtmp/events.h"
#include "media/rtmp/flv.h"
#include "media/rtmp/params.h"
#include "media/rtmp/sound.h"

enum { CONFIGS_BYTES_MAX = CMAF_CONFIG_BYTES_MAX + 64, AGGREGATE_TAGS_MAX = 4096 };

struct lane { /* one track of the publisher's */
    enum cmaf_kind kind;
    uint8_t number;          /* the publisher's, among tracks of its kind */
    int index;               /* the receiver's; -1: not told yet */
    struct cmaf_track track; /* whole, with hints; good for the receiver once `has_track` */
    struct buf config;       /* what track.config points into */
    struct cmaf_track next;  /* as the publisher describes it now, without hints */
    struct buf next_config;  /* while it is not whole */
    struct buf said;         /* the configuration as it came, to see changes */
    bool has_track, is_ready; /* ready: `track` is what the publisher sends now */
};

struct held {
    struct feed_sample sample; /* `track` is the lane, until there are indexes */
    size_t offset;             /* of its bytes in intake.held_bytes */
};

struct intake {
    struct feed_receiver receiver;
    void *feed;
    struct lane lanes[FEED_TRACKS_MAX]; /* in the order in which they came */
    size_t lane_count, told_count;
    bool has_told, has_changed; /* changed: `tracks` is due before the next sample */
    bool names_video, names_audio, has_metadata;
    uint16_t hint_width, hint_height;
    double hint_rate;
    struct cmaf_colour colour; /* from enhanced metadata */
    struct cmaf_hdr hdr;
    bool has_time;
    int64_t time_ms; /* the latest message's, 64 bits wide */
    struct held *held;
    size_t held_count, held_capacity;
    struct buf held_bytes;
    int64_t first_ms;
    struct timecode timecode;
    uint64_t samples, dropped;
};

struct err intake_create(struct intake **out, const struct feed_receiver *receiver, void *feed) {
    struct intake *k = mem_zalloc(sizeof *k);
    if (!k) return err_memory();
    k->receiver = *receiver;
    k->feed = feed;
    k->held_bytes = BUF(INTAKE_HELD_BYTES_MAX);
    *out = k;
    return ERR_OK;
}

void intake_destroy(struct intake **address) {
    struct intake *k = *address;
    if (!k) return;
    *address = NULL;
    for (size_t i = 0; i < k->lane_count; i++) {
        buf_free(&k->lanes[i].said);
        buf_free(&k->lanes[i].config);
        buf_free(&k->lanes[i].next_config);
    }
    mem_free(k->held);
    buf_free(&k->held_bytes);
    mem_free(k);
}

uint64_t intake_samples(const struct intake *k) { return k->samples; }
uint64_t intake_dropped(const struct intake *k) { return k->dropped; }

/* ---- telling ---- */

/* Tracks that were told keep their places; those that have become ready since come behind them. */
static struct err tell_tracks(struct intake *k) {
    struct cmaf_track tracks[FEED_TRACKS_MAX];
    for (size_t i = 0; i < k->lane_count; i++) {
        struct lane *l = &k->lanes[i];
        if (l->is_ready && l->index < 0) l->index = (int)k->told_count++;
        if (l->index >= 0) tracks[l->index] = l->track;
    }
    k->has_changed = false;
    k->has_told = true;
    return k->receiver.tracks(k->feed, tracks, k->told_count);
}

static struct err pass_on(struct intake *k, struct feed_sample *s) {
    s->track = (size_t)k->lanes[s->track].index;
    return k->receiver.sample(k->feed, s);
}

static struct err tell_held(struct intake *k) {
    struct err e = tell_tracks(k);
    for (size_t i = 0; i < k->held_count && !e.kind; i++) {
        struct feed_sample *s = &k->held[i].sample;
        s->data.ptr = k->held_bytes.ptr + k->held[i].offset;
        e = pass_on(k, s);
    }
    MEM_FREE(&k->held);
    k->held_count = k->held_capacity = 0;
    buf_free(&k->held_bytes);
    return e;
}

static bool knows(const struct intake *k, enum cmaf_kind kind) {
    for (size_t i = 0; i < k->lane_count; i++)
        if (k->lanes[i].is_ready && k->lanes[i].kind == kind) return true;
    return false;
}

static bool is_clear(const struct intake *k) {
    bool has_video = knows(k, CMAF_VIDEO), has_audio = knows(k, CMAF_AUDIO);
    if (has_video && has_audio) return true;
    return k->has_metadata && ((has_video && !k->names_audio) || (has_audio && !k->names_video));
}

static struct err hold(struct intake *k, const struct feed_sample *s) {
    if (k->held_count == k->held_capacity) {
        size_t capacity = k->held_capacity ? k->held_capacity * 2 : 64;
        struct held *more = mem_realloc_array(k->held, capacity, sizeof *more);
        if (!more) return err_memory();
        k->held = more;
        k->held_capacity = capacity;
    }
    struct held *h = &k->held[k->held_count];
    *h = (struct held){.sample = *s, .offset = k->held_bytes.len};
    buf_append(&k->held_bytes, s->data);
    if (k->held_bytes.has_failed) return err_memory(); /* the bound was looked at before */
    k->held_count++;
    return ERR_OK;
}

static struct err hand_on(struct intake *k, struct feed_sample *s) {
    k->samples++;
    if (k->has_told) {
        struct err e = k->has_changed ? tell_tracks(k) : ERR_OK;
        return e.kind ? e : pass_on(k, s);
    }
    if (!k->held_count) k->first_ms = k->time_ms;
    bool has_waited = llabs(k->time_ms - k->first_ms) >= INTAKE_WAIT_MS || k->held_count == INTAKE_HELD_MAX ||
                      k->held_bytes.len + s->data.len > INTAKE_HELD_BYTES_MAX;
    if (!has_waited && !is_clear(k)) return hold(k, s);
    struct err e = tell_held(k);
    return e.kind ? e : pass_on(k, s);
}

struct err intake_finish(struct intake *k) { return k->held_count ? tell_held(k) : ERR_OK; }

/* ---- tracks ---- */

/* The lane of a tag; NULL: a further video track, or one too many, which are left out. */
static struct lane *lane_of(struct intake *k, enum cmaf_kind kind, uint8_t number) {
    size_t audios = 0;
    bool has_video = false;
    for (size_t i = 0; i < k->lane_count; i++) {
        struct lane *l = &k->lanes[i];
        if (l->kind == kind && l->number == number) return l;
        audios += l->kind == CMAF_AUDIO;
        has_video |= l->kind == CMAF_VIDEO;
    }
    if (kind == CMAF_VIDEO ? has_video : audios == FEED_TRACKS_MAX - 1) return NULL;
    struct lane *l = &k->lanes[k->lane_count++];
    *l = (struct lane){.kind = kind,
                       .number = number,
                       .index = -1,
                       .said = BUF(CONFIGS_BYTES_MAX),
                       .config = BUF(CONFIGS_BYTES_MAX),
                       .next_config = BUF(CONFIGS_BYTES_MAX)};
    return l;
}

static struct err bad_config(void) {
    return err_make(
        ERR_INPUT, "rtmp.config",
        "The publisher describes its picture or sound in a way that cannot be read. Restart the encoder, or choose H.264 and AAC.");
}

static struct cmaf_track blank_track(enum cmaf_kind kind, enum cmaf_codec codec) {
    struct cmaf_track t;
    memset(&t, 0, sizeof t); /* padding too: tracks are compared bytewise */
    t.kind = kind;
    t.codec = codec;
    return t;
}

static bool tells_by_frames(enum cmaf_codec codec) { return codec == CMAF_MP3 || codec == CMAF_AC3 || codec == CMAF_EAC3; }
static bool may_lack_size(enum cmaf_codec codec) { return codec == CMAF_VP9 || codec == CMAF_AV1; }

/* Fills in what the stream itself does not say, derives the rest, and checks. False: not enough is known. */
static bool complete(const struct intake *k, struct cmaf_track *t) {
    if (t->kind == CMAF_VIDEO) {
        if (!t->width) t->width = k->hint_width;
        if (!t->height) t->height = k->hint_height;
        if (!t->rate_num) (void)params_rate(k->hint_rate, &t->rate_num, &t->rate_den);
        if (k->colour.has_any) t->colour = k->colour;
        t->hdr = k->hdr;
    }
    t->timescale = INTAKE_VIDEO_TIMESCALE;
    if (cmaf_track_complete(t).kind) return false;
    if (t->kind == CMAF_AUDIO) t->timescale = t->sample_rate;
    return true;
}

static bool is_same_track(const struct cmaf_track *a, const struct cmaf_track *b) {
    struct cmaf_track x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    x.config = y.config = SLICE_NONE;
    return slice_eq(a->config, b->config) && !memcmp(&x, &y, sizeof x);
}

static void become(struct intake *k, struct lane *l, const struct cmaf_track *t) {
    if (!l->has_track || !is_same_track(&l->track, t)) k->has_changed = true;
    memcpy(&l->track, t, sizeof l->track);
    l->has_track = l->is_ready = true;
}

/* Makes `next` the lane's track, if it is whole. */
static void advance(struct intake *k, struct lane *l) {
    struct cmaf_track t;
    memcpy(&t, &l->next, sizeof t);
    t.config = buf_slice(&l->next_config);
    l->is_ready = false;
    if (!complete(k, &t)) return;
    become(k, l, &t);
    struct buf old = l->config;
    l->config = l->next_config; /* with what track.config points into */
    l->next_config = old;
}

static struct err on_config(struct intake *k, struct lane *l, const struct flv_tag *tag) {
    if (l->next.codec == tag->codec && l->said.len && slice_eq(buf_slice(&l->said), tag->body)) return ERR_OK; /* said again */
    if (l->is_ready && k->held_count) { /* what waits was made with the old one */
        struct err e = tell_held(k);
        if (e.kind) return e;
    }
    struct cmaf_track t = blank_track(l->kind, tag->codec);
    buf_clear(&l->next_config);
    if (!params_of_config(&t, tag->body, &l->next_config)) return bad_config();
    buf_clear(&l->said);
    buf_append(&l->said, tag->body);
    if (l->said.has_failed || l->next_config.has_failed) return err_memory();
    memcpy(&l->next, &t, sizeof t);
    advance(k, l);
    return l->is_ready || tells_by_frames(tag->codec) || may_lack_size(tag->codec) ? ERR_OK : bad_config();
}

/* For codecs whose frames describe themselves. */
static struct err learn_from_frame(struct intake *k, struct lane *l, const struct flv_tag *tag) {
    if (tells_by_frames(tag->codec)) {
        struct cmaf_track t = blank_track(l->kind, tag->codec);
        buf_clear(&l->next_config);
        if (!params_of_frame(&t, tag->body, &l->next_config)) return ERR_OK;
        if (l->next_config.has_failed) return err_memory();
        memcpy(&l->next, &t, sizeof t);
        buf_clear(&l->said);
        advance(k, l);
    } else if (!l->is_ready && may_lack_size(tag->codec) && l->next.codec == tag->codec &&
               params_of_frame(&l->next, tag->body, &l->next_config)) {
        advance(k, l);
    }
    return ERR_OK;
}

/* ---- samples ---- */

static int64_t to_timescale(int64_t ms, uint32_t nanoseconds, uint32_t timescale) {
    __int128 ns = (__int128)ms * NS_PER_MS + nanoseconds; /* a day of nanoseconds times 90,000 does not fit 64 bits */
    __int128 ticks = ns * timescale, half = NS_PER_S / 2;
    return (int64_t)((ticks >= 0 ? ticks + half : ticks - half) / NS_PER_S);
}

static struct err on_frame(struct intake *k, struct lane *l, const struct flv_tag *tag, int64_t time_ms, struct utc_time arrived) {
    struct err e = learn_from_frame(k, l, tag);
    if (e.kind) return e;
    struct slice data = tag->body;
    if (tag->codec == CMAF_AV1 && slice_starts_with(data, slice_of("\x12\0", 2))) data = slice_sub(data, 2, data.len); /* a temporal delimiter */
    if (!data.len) return ERR_OK;
    enum params_verdict verdict = l->is_ready && l->track.codec == tag->codec ? params_of_sample(&l->track, data) : PARAMS_BROKEN;
    if (verdict == PARAMS_BROKEN) {
        if (!k->dropped++) log_warn("rtmp", "sample_dropped", LOG_INT("bytes", (int64_t)data.len), LOG_BOOL("has_configuration", l->is_ready));
        return ERR_OK;
    }
    const struct cmaf_track *t = &l->track;
    struct feed_sample s = {.track = (size_t)(l - k->lanes), .data = data, .arrived = arrived, .captured = arrived};
    s.dts = to_timescale(time_ms, tag->nanoseconds, t->timescale);
    s.pts = to_timescale(time_ms + tag->composition_ms, tag->nanoseconds, t->timescale);
    s.is_sync = t->kind == CMAF_AUDIO || tag->is_key || verdict == PARAMS_SYNC;
    if (t->kind == CMAF_AUDIO) s.duration = sound_duration(t, data);
    if (timecode_apply(&k->timecode, time_ms + tag->composition_ms, &s.captured)) s.clock_source = FEED_CLOCK_TIMECODE;
    return hand_on(k, &s);
}

/* ---- metadata ---- */

static uint16_t scaled(double value, double unit) { return value > 0 && value / unit < UINT16_MAX ? (uint16_t)round(value / unit) : 0; }

/* Enhanced RTMP v1, "Metadata Frame": colorInfo with H.273 code points, chromaticities and cd/m2; to the units of our boxes. */
static void read_colour_info(struct intake *k, const struct amf_value *info) {
    struct amf_value config, light, mastering;
    double a, b, c;
    if (amf_find(info, SLICE("colorConfig"), &config) && amf_find_number(&config, SLICE("colorPrimaries"), &a) &&
        amf_find_number(&config, SLICE("transferCharacteristics"), &b) && amf_find_number(&config, SLICE("matrixCoefficients"), &c) &&
        a >= 1 && a < 256 && b >= 1 && b < 256 && c >= 0 && c < 256)
        k->colour = (struct cmaf_colour){.has_any = true, .primaries = (uint16_t)a, .transfer = (uint16_t)b, .matrix = (uint16_t)c};
    if (amf_find(info, SLICE("hdrCll"), &light) && amf_find_number(&light, SLICE("maxFall"), &a) &&
        amf_find_number(&light, SLICE("maxCLL"), &b)) {
        k->hdr.has_light = true;
        k->hdr.light_average = scaled(a, 1);
        k->hdr.light_max = scaled(b, 1);
    }
    if (!amf_find(info, SLICE("hdrMdcv"), &mastering)) return;
    static const struct slice X[3] = {SLICE("greenX"), SLICE("blueX"), SLICE("redX")}, Y[3] = {SLICE("greenY"), SLICE("blueY"), SLICE("redY")};
    struct cmaf_hdr h = k->hdr;
    for (unsigned i = 0; i < 3; i++) {
        if (!amf_find_number(&mastering, X[i], &a) || !amf_find_number(&mastering, Y[i], &b)) return;
        h.primary_x[i] = scaled(a, 0.00002);
        h.primary_y[i] = scaled(b, 0.00002);
    }
    if (!amf_find_number(&mastering, SLICE("whitePointX"), &a) || !amf_find_number(&mastering, SLICE("whitePointY"), &b)) return;
    h.white_x = scaled(a, 0.00002);
    h.white_y = scaled(b, 0.00002);
    if (!amf_find_number(&mastering, SLICE("maxLuminance"), &a) || !amf_find_number(&mastering, SLICE("minLuminance"), &b)) return;
    if (!(a > 0 && a < 400000 && b >= 0 && b < a)) return;
    h.luminance_max = (uint32_t)round(a * 10000);
    h.luminance_min = (uint32_t)round(b * 10000);
    h.has_mastering = true;
    k->hdr = h;
}

/* Hints have changed. */
static void refresh_video(struct intake *k) {
    for (size_t i = 0; i < k->lane_count; i++) {
        struct lane *l = &k->lanes[i];
        if (!l->is_ready || l->kind != CMAF_VIDEO) continue;
        struct cmaf_track t;
        memcpy(&t, &l->next, sizeof t);
        t.config = l->track.config;
        if (complete(k, &t)) become(k, l, &t);
    }
}

static void on_video_metadata(struct intake *k, struct slice body) {
    struct byte_reader r = byte_reader_of(body);
    struct amf_value name, value;
    while (amf_read(&r, &name) && amf_read(&r, &value)) {
        if (name.kind != AMF_TEXT || !slice_eq(name.text, SLICE("colorInfo"))) continue;
        if (value.kind == AMF_OBJECT) {
            read_colour_info(k, &value);
        } else { /* undefined: the colours that the stream itself says count again */
            k->colour = (struct cmaf_colour){0};
            k->hdr = (struct cmaf_hdr){0};
        }
    }
    refresh_video(k);
}

/* Hints only: sizes and rates where the stream does not say them itself, and whether to wait for a second track. */
static void on_metadata(struct intake *k, const struct amf_value *m) {
    double width = 0, height = 0;
    struct amf_value unused;
    static const struct slice VIDEO[] = {SLICE("videocodecid"), SLICE("width"), SLICE("hasVideo"), SLICE("videodatarate")},
                              AUDIO[] = {SLICE("audiocodecid"), SLICE("audiosamplerate"), SLICE("hasAudio"), SLICE("audiodatarate")};
    k->names_video = k->names_audio = false;
    for (size_t i = 0; i < ARRAY_LEN(VIDEO); i++) {
        if (amf_find(m, VIDEO[i], &unused) && !(unused.kind == AMF_BOOLEAN && !unused.boolean)) k->names_video = true;
        if (amf_find(m, AUDIO[i], &unused) && !(unused.kind == AMF_BOOLEAN && !unused.boolean)) k->names_audio = true;
    }
    k->has_metadata = k->names_video || k->names_audio;
    if (amf_find_number(m, SLICE("width"), &width) && amf_find_number(m, SLICE("height"), &height) && width >= 1 && width <= UINT16_MAX &&
        height >= 1 && height <= UINT16_MAX) {
        k->hint_width = (uint16_t)width;
        k->hint_height = (uint16_t)height;
    }
    if (!amf_find_number(m, SLICE("framerate"), &k->hint_rate)) (void)amf_find_number(m, SLICE("videoframerate"), &k->hint_rate);
    refresh_video(k);
}

static void on_data(struct intake *k, struct slice body, int64_t time_ms, struct utc_time arrived) {
    struct byte_reader r = byte_reader_of(body);
    struct amf_value name, value;
    if (!amf_read(&r, &name) || name.kind != AMF_TEXT) return;
    if (slice_eq(name.text, SLICE("@setDataFrame")) && (!amf_read(&r, &name) || name.kind != AMF_TEXT)) return;
    if (!amf_read(&r, &value) || value.kind != AMF_OBJECT) return;
    if (slice_eq(name.text, SLICE("onMetaData"))) on_metadata(k, &value);
    double rate = k->hint_rate;
    for (size_t i = 0; i < k->lane_count; i++)
        if (k->lanes[i].kind == CMAF_VIDEO && k->lanes[i].track.rate_den) rate = (double)k->lanes[i].track.rate_num / k->lanes[i].track.rate_den;
    if (slice_eq(name.text, SLICE("onFI")) || slice_eq(name.text, SLICE("onTimecode")))
        timecode_read(&k->timecode, &value, time_ms, arrived, rate);
    if (slice_eq(name.text, SLICE("onCuePoint")) || slice_eq(name.text, SLICE("onSCTE35"))) {
        uint8_t section[SPLICE_BYTES_MAX];
        size_t bytes = splice_find(&value, section);
        if (bytes && k->receiver.cue && k->has_told)
            k->receiver.cue(k->feed, slice_of(section, bytes), to_timescale(time_ms, 0, INTAKE_VIDEO_TIMESCALE), INTAKE_VIDEO_TIMESCALE);
    }
}

/* ---- messages ---- */

static struct err on_media(struct intake *k, enum cmaf_kind kind, struct slice body, int64_t time_ms, struct utc_time arrived) {
    struct flv_reader reader;
    struct err e = flv_open(&reader, kind, body);
    for (bool has = true; !e.kind && has;) {
        struct flv_tag tag;
        e = flv_next(&reader, &tag, &has);
        if (e.kind || !has || tag.packet == FLV_OTHER || tag.packet == FLV_END) continue;
        if (tag.packet == FLV_METADATA) {
            on_video_metadata(k, tag.body);
            continue;
        }
        struct lane *l = lane_of(k, kind, tag.track);
        if (!l) continue;
        e = tag.packet == FLV_CONFIG ? on_config(k, l, &tag) : on_frame(k, l, &tag, time_ms, arrived);
    }
    return e;
}

static struct err on_single(struct intake *k, uint8_t type, uint32_t timestamp, struct slice body, struct utc_time arrived) {
    k->time_ms = k->has_time ? feed_unwrap(k->time_ms, timestamp, 32) : timestamp;
    k->has_time = true;
    if (type == MESSAGE_DATA) on_data(k, body, k->time_ms, arrived); /* damaged metadata is no reason to end a broadcast */
    if (type == MESSAGE_AUDIO || type == MESSAGE_VIDEO)
        return on_media(k, type == MESSAGE_VIDEO ? CMAF_VIDEO : CMAF_AUDIO, body, k->time_ms, arrived);
    return ERR_OK;
}

/* FLV tags with their headers and back pointers; times are relative to the first one (RTMP 1.0 section 7.1.6). */
static struct err on_aggregate(struct intake *k, const struct chunk_message *m, struct utc_time arrived) {
    struct byte_reader r = byte_reader_of(m->body);
    uint32_t first = 0;
    for (unsigned i = 0; bytes_left(&r); i++) {
        uint8_t type = bytes_u8(&r) & 31;
        uint32_t bytes = bytes_u24be(&r), time = bytes_u24be(&r);
        time |= (uint32_t)bytes_u8(&r) << 24;
        bytes_skip(&r, 3);
        struct slice body = bytes_take(&r, bytes);
        if (r.has_failed || i == AGGREGATE_TAGS_MAX)
            return err_make(ERR_INPUT, "rtmp.aggregate", "The publisher sent a bundle of messages that is damaged.");
        if (bytes_left(&r)) bytes_skip(&r, 4); /* the last one's is sometimes left out */
        if (r.has_failed) return err_make(ERR_INPUT, "rtmp.aggregate", "The publisher sent a bundle of messages that is damaged.");
        if (i == 0) first = time;
        struct err e = on_single(k, type, m->timestamp + (time - first), body, arrived);
        if (e.kind) return e;
    }
    return ERR_OK;
}

struct err intake_message(struct intake *k, const struct chunk_message *m, struct utc_time arrived) {
    return m->type == MESSAGE_AGGREGATE ? on_aggregate(k, m, arrived) : on_single(k, m->type, m->timestamp, m->body, arrived);
}
