/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/srt/programme.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "media/codec/codec_stranger.h"
#include "media/srt/adts.h"

enum { TICKS = 90000, TIME_BITS = 33, HELD_BYTES_MAX = 16 << 20, CARRY_BYTES_MAX = 16384, BYTES_WITHOUT_PROGRAMME_MAX = 4 << 20, SCRAMBLED_MAX = 500 };
#define SOUND_WAIT_NS (500 * NS_PER_MS)
#define PICTURE_WAIT_NS (5000 * NS_PER_MS)

struct stream {
    struct programme *of;
    struct ts_stream about;
    bool is_wanted, is_ready;
    struct cmaf_track track;
    uint8_t config[64]; /* of sound; a picture's lies in its codec_annexb */
    size_t out;         /* which track it is, once told */
    int64_t stamp;

    struct codec_annexb *picture;
    struct codec_sound *sound;
    struct buf carry;   /* the beginning of an ADTS frame that ends in the next packet */
    bool has_next;
    int64_t next;       /* where the next frame begins if nothing is missing, in the track's timescale */
};

struct programme {
    struct programme_handler handler;
    struct ts ts;
    struct stream streams[TS_STREAMS_MAX];
    size_t count;
    bool has_programme, is_told, has_samples;
    bool has_clock;
    int64_t clock;       /* the newest decode time, 64 bits wide */
    bool has_began;
    int64_t began, now;  /* stamps */
    uint64_t bytes;
    struct buf held;     /* before tracks are told: struct held and its payload, one behind the other */
};

struct held {
    struct record_sample sample; /* `track`: the stream */
    size_t bytes;
};

/* ---- out ---- */

static bool is_picture(const struct stream *s) { return s->about.form == TS_H264 || s->about.form == TS_HEVC; }
static bool needs_codec(enum ts_form form) { return form == TS_AAC_LATM || form == TS_MPEG_AUDIO || form == TS_AC3 || form == TS_EAC3; }

static struct err put_sample(struct programme *p, struct stream *s, struct record_sample sample, struct slice data) {
    sample.stamp = s->stamp;
    p->has_samples = true;
    if (p->is_told) {
        if (s->out >= FEED_TRACKS_MAX) return ERR_OK;
        sample.track = (uint32_t)s->out;
        return p->handler.sample(p->handler.user, &sample, data);
    }
    struct held held = {.sample = sample, .bytes = data.len};
    held.sample.track = (uint32_t)(s - p->streams);
    if (p->held.len + sizeof held + data.len > p->held.bytes_max) buf_clear(&p->held); /* no key frame for very long: nobody could show it */
    buf_bytes(&p->held, &held, sizeof held);
    buf_append(&p->held, data);
    if (!p->held.has_failed) return ERR_OK;
    buf_clear(&p->held);
    return err_memory();
}

static struct err tell(struct programme *p) {
    struct cmaf_track tracks[FEED_TRACKS_MAX];
    size_t count = 0;
    for (int round = 0; round < 2; round++) /* pictures first */
        for (size_t i = 0; i < p->count; i++) {
            struct stream *s = &p->streams[i];
            if (is_picture(s) != (round == 0)) continue;
            s->out = SIZE_MAX;
            if (!s->is_ready || !s->is_wanted || count == FEED_TRACKS_MAX) continue;
            s->out = count;
            tracks[count++] = s->track;
        }
    if (!count) return ERR_OK;
    p->is_told = true;
    struct err e = p->handler.tracks(p->handler.user, tracks, count);
    for (size_t at = 0; !e.kind && at < p->held.len;) {
        struct held held;
        memcpy(&held, p->held.ptr + at, sizeof held);
        struct stream *s = &p->streams[held.sample.track];
        struct slice data = slice_of(p->held.ptr + at + sizeof held, held.bytes);
        at += sizeof held + held.bytes;
        if (s->out == SIZE_MAX) continue;
        held.sample.track = (uint32_t)s->out;
        e = p->handler.sample(p->handler.user, &held.sample, data);
    }
    buf_clear(&p->held);
    return e;
}

/* Tells tracks once it is time to. */
static struct err tell_when_due(struct programme *p) {
    if (p->is_told || !p->has_programme) return ERR_OK;
    bool is_all = true, has_picture = false, is_picture_ready = false, is_any = false;
    for (size_t i = 0; i < p->count; i++) {
        struct stream *s = &p->streams[i];
        if (!s->is_wanted) continue;
        is_all &= s->is_ready;
        is_any |= s->is_ready;
        if (is_picture(s)) has_picture = true, is_picture_ready = s->is_ready;
    }
    int64_t waited = p->now - p->began;
    bool is_due = is_all || (is_any && waited >= (has_picture && !is_picture_ready ? PICTURE_WAIT_NS : SOUND_WAIT_NS));
    return is_due ? tell(p) : ERR_OK;
}

static struct err take_track(struct programme *p, struct stream *s, struct cmaf_track track) {
    memcpy(track.language, s->about.language, sizeof s->about.language);
    cmaf_language_normalise(track.language, sizeof track.language);
    track.flags |= s->about.audio_type == 2 ? CMAF_HEARING_IMPAIRED : s->about.audio_type == 3 ? CMAF_VISUAL_IMPAIRED : 0;
    s->track = track;
    s->is_ready = true;
    if (p->is_told) return tell(p);
    return tell_when_due(p);
}

/* ---- times ---- */

static int64_t unwrap(struct programme *p, uint64_t raw) {
    if (!p->has_clock) p->clock = (int64_t)raw;
    p->has_clock = true;
    return feed_unwrap(p->clock, raw, TIME_BITS);
}

static int64_t rescale(int64_t ticks, uint32_t to) {
    __int128 v = (__int128)ticks * to * 2 + TICKS;
    int64_t twice = 2 * TICKS;
    return (int64_t)(v >= 0 ? v / twice : -((-v + twice - 1) / twice));
}

/* Sound is told in whole samples: its frames follow each other without a gap, as long as the source's clock, which is coarser, does not
 * say that something is missing. */
static int64_t sound_time(struct stream *s, bool has_pts, int64_t pts, uint32_t rate) {
    if (!has_pts) return s->next;
    int64_t time = rescale(pts, rate), tolerance = rate / 500 + 2;
    return s->has_next && time - s->next <= tolerance && s->next - time <= tolerance ? s->next : time;
}

static struct err put_sound(struct programme *p, struct stream *s, bool has_pts, int64_t pts, uint32_t rate, uint32_t samples, struct slice data) {
    if (!has_pts && !s->has_next) return ERR_OK;
    struct record_sample sample = {.duration = samples, .is_sync = 1};
    sample.dts = sample.pts = sound_time(s, has_pts, pts, rate);
    s->next = sample.dts + samples;
    s->has_next = true;
    return put_sample(p, s, sample, data);
}

/* ---- each form ---- */

static struct err srt_of_codec(struct err e) {
    if (!strcmp(e.code, "media.unsupported")) return srt_err("srt.profile");
    return e;
}

static struct err take_picture(struct programme *p, struct stream *s, const struct ts_pes *pes) {
    if (!pes->has_pts) return ERR_OK;
    struct codec_annexb_picture picture;
    struct err e = codec_annexb_push(s->picture, pes->payload, &picture);
    if (e.kind) return srt_of_codec(e);
    int64_t dts = unwrap(p, pes->dts);
    p->clock = dts;
    if (picture.has_new_track && (e = take_track(p, s, *codec_annexb_track(s->picture))).kind) return e;
    if (!picture.data.len) return ERR_OK;
    struct record_sample sample = {.dts = dts, .pts = feed_unwrap(dts, pes->pts, TIME_BITS), .is_sync = picture.is_sync, .utc_us = picture.utc_us};
    return put_sample(p, s, sample, picture.data);
}

static struct err encoded_track(void *user, const struct cmaf_track *track) {
    struct stream *s = user;
    return take_track(s->of, s, *track);
}

static struct err encoded_sample(void *user, const struct cmaf_sample *sample) {
    struct stream *s = user;
    struct record_sample out = {.dts = sample->dts, .pts = sample->pts, .duration = sample->duration, .is_sync = 1};
    return put_sample(s->of, s, out, slice_of(sample->data, sample->bytes));
}

static struct err encode_sound(struct programme *p, struct stream *s, const struct ts_pes *pes, enum codec_sound_form form) {
    struct err e = ERR_OK;
    if (p->handler.codec != PROGRAMME_HAS_IT) return p->handler.codec == PROGRAMME_ASKS ? srt_err("srt.needs_codec") : ERR_OK;
    if (!s->sound) {
        struct codec_sound_options options = {.track = encoded_track, .sample = encoded_sample, .user = s};
        e = codec_sound_open(form, &options, &s->sound);
        if (e.kind) return srt_of_codec(e);
    }
    int64_t pts = pes->has_pts ? unwrap(p, pes->pts) : 0;
    return codec_sound_push(s->sound, pes->payload, pes->has_pts, pts);
}

/* The track is the one of this frame from now on. */
static struct err set_sound_track(struct programme *p, struct stream *s, enum cmaf_codec codec, struct slice config, uint32_t timescale) {
    if (s->is_ready && slice_eq(s->track.config, config)) return ERR_OK;
    struct cmaf_track t = {.kind = CMAF_AUDIO, .codec = codec, .timescale = timescale};
    memcpy(s->config, config.ptr, config.len);
    t.config = slice_of(s->config, config.len);
    if (cmaf_track_complete(&t).kind) return ERR_OK;
    s->has_next = false;
    return take_track(p, s, t);
}

static struct err take_adts(struct programme *p, struct stream *s, const struct ts_pes *pes) {
    if (s->sound) return encode_sound(p, s, pes, CODEC_SOUND_ADTS);
    bool has_pts = pes->has_pts, was_carried = s->carry.len > 0;
    int64_t pts = has_pts ? unwrap(p, pes->pts) : 0;
    struct slice rest = pes->payload;
    if (was_carried) {
        buf_append(&s->carry, rest);
        if (s->carry.has_failed) {
            buf_clear(&s->carry);
            return ERR_OK;
        }
        rest = buf_slice(&s->carry);
    }
    struct adts_frame frame;
    enum adts_result result;
    struct err e = ERR_OK;
    while (!e.kind && (result = adts_next(&rest, &frame)) == ADTS_FRAME) {
        struct cmaf_track probe = {.kind = CMAF_AUDIO, .codec = CMAF_AAC, .config = slice_of(frame.config, 2)};
        if (!frame.is_plain || !codec_is_playable(&probe)) { /* decoded and encoded anew, from here on */
            buf_clear(&s->carry);
            return encode_sound(p, s, pes, CODEC_SOUND_ADTS);
        }
        e = set_sound_track(p, s, CMAF_AAC, slice_of(frame.config, 2), frame.rate);
        bool is_first_of_packet = !was_carried; /* what began in the packet before continues there */
        if (!e.kind) e = put_sound(p, s, has_pts && is_first_of_packet, pts, frame.rate, frame.samples, frame.raw);
        if (is_first_of_packet) has_pts = false;
        was_carried = false;
    }
    if (e.kind) return e;
    char kept[CARRY_BYTES_MAX];
    size_t len = result == ADTS_MORE && rest.len <= sizeof kept ? rest.len : 0;
    if (len) memcpy(kept, rest.ptr, len);
    buf_clear(&s->carry);
    buf_bytes(&s->carry, kept, len);
    return ERR_OK;
}

/* dOps (Encapsulation of Opus in ISOBMFF section 4.3.2), from the code of TS 103 491: up to 8 channels in Vorbis' order. */
static size_t make_dops(uint8_t code, uint8_t *out) {
    static const uint8_t COUPLED[] = {0, 0, 1, 1, 2, 2, 2, 3, 3}, STREAMS[] = {0, 1, 1, 2, 2, 3, 4, 4, 5};
    static const uint8_t MAPS[9][8] = {{0}, {0}, {0, 1}, {0, 2, 1}, {0, 1, 2, 3}, {0, 4, 1, 2, 3}, {0, 4, 1, 2, 3, 5}, {0, 4, 1, 2, 3, 5, 6}, {0, 6, 1, 2, 3, 4, 5, 7}};
    uint8_t channels = code >= 1 && code <= 8 ? code : 2;
    static const uint8_t RATE[] = {0x00, 0x00, 0xbb, 0x80};
    size_t len = 0;
    out[len++] = 0;
    out[len++] = channels;
    out[len++] = 0, out[len++] = 0; /* pre-skip: a live stream has begun long ago */
    memcpy(out + len, RATE, 4), len += 4;
    out[len++] = 0, out[len++] = 0; /* gain */
    out[len++] = channels > 2;
    if (channels > 2) {
        out[len++] = STREAMS[channels];
        out[len++] = COUPLED[channels];
        memcpy(out + len, MAPS[channels], channels), len += channels;
    }
    return len;
}

static struct err take_opus(struct programme *p, struct stream *s, const struct ts_pes *pes) {
    uint8_t dops[32];
    struct err e = set_sound_track(p, s, CMAF_OPUS, slice_of(dops, make_dops(s->about.opus_channels, dops)), 48000);
    bool has_pts = pes->has_pts;
    int64_t pts = has_pts ? unwrap(p, pes->pts) : 0;
    struct slice rest = pes->payload, packet;
    while (!e.kind && opus_next(&rest, &packet)) {
        uint32_t samples = opus_samples(packet);
        if (!samples) break;
        e = put_sound(p, s, has_pts, pts, 48000, samples, packet);
        has_pts = false;
    }
    return e;
}

/* ---- what the transport stream says ---- */

static void forget_stream(struct stream *s) {
    codec_annexb_close(&s->picture);
    codec_sound_close(&s->sound);
    buf_free(&s->carry);
    *s = (struct stream){0};
}

static struct err take_programme(void *user, const struct ts_stream *streams, size_t count) {
    struct programme *p = user;
    struct stream next[TS_STREAMS_MAX] = {{0}};
    struct err e = ERR_OK;
    bool has_picture = false, is_any = false;
    for (size_t i = 0; !e.kind && i < count; i++) {
        struct stream *s = &next[i];
        for (size_t j = 0; j < p->count; j++)
            if (p->streams[j].about.pid == streams[i].pid && p->streams[j].about.form == streams[i].form && p->streams[j].of) {
                *s = p->streams[j];
                p->streams[j] = (struct stream){0};
            }
        bool is_new = !s->of;
        s->of = p;
        s->about = streams[i];
        s->is_wanted = s->about.form != TS_SCTE35 && !(is_picture(s) && has_picture) && (p->handler.codec != PROGRAMME_LACKS || !needs_codec(s->about.form));
        if (s->is_wanted && needs_codec(s->about.form) && p->handler.codec == PROGRAMME_ASKS) e = srt_err("srt.needs_codec"); /* at once: nothing is told yet */
        s->out = SIZE_MAX;
        has_picture |= is_picture(s);
        is_any |= s->is_wanted;
        if (is_new) s->carry = BUF(CARRY_BYTES_MAX + (1 << 20));
        if (is_new && is_picture(s) && s->is_wanted) e = codec_annexb_open(s->about.form == TS_H264 ? CMAF_H264 : CMAF_HEVC, &s->picture);
    }
    for (size_t i = 0; i < p->count; i++) forget_stream(&p->streams[i]);
    memcpy(p->streams, next, sizeof next);
    for (size_t i = 0; i < count; i++) {
        struct stream *s = &p->streams[i];
        if (s->is_ready && s->track.codec != CMAF_H264 && s->track.codec != CMAF_HEVC && !s->sound) s->track.config = slice_of(s->config, s->track.config.len);
        if (s->sound) { /* its callbacks know it by its old place */
            codec_sound_close(&s->sound);
            s->is_ready = false;
        }
    }
    p->count = count;
    p->has_programme = true;
    p->is_told = false;
    p->has_began = false;
    buf_clear(&p->held);
    if (!e.kind && !is_any) e = srt_err("srt.nothing");
    return e;
}

static struct err take_programmes(void *user, const uint16_t *numbers, size_t count) {
    struct programme *p = user;
    return p->handler.programmes(p->handler.user, numbers, count);
}

static struct err take_pes(void *user, size_t stream, const struct ts_pes *pes) {
    struct programme *p = user;
    struct stream *s = &p->streams[stream];
    if (!s->is_wanted) return ERR_OK;
    if (!p->has_began) p->began = pes->stamp;
    p->has_began = true;
    p->now = pes->stamp;
    s->stamp = pes->stamp;
    struct err e = ERR_OK;
    switch (s->about.form) {
    case TS_H264:
    case TS_HEVC: e = take_picture(p, s, pes); break;
    case TS_AAC: e = take_adts(p, s, pes); break;
    case TS_AAC_LATM: e = encode_sound(p, s, pes, CODEC_SOUND_LATM); break;
    case TS_MPEG_AUDIO: e = encode_sound(p, s, pes, CODEC_SOUND_MPEG); break;
    case TS_AC3: e = encode_sound(p, s, pes, CODEC_SOUND_AC3); break;
    case TS_EAC3: e = encode_sound(p, s, pes, CODEC_SOUND_EAC3); break;
    case TS_OPUS: e = take_opus(p, s, pes); break;
    default: break;
    }
    bool has_picture = false;
    for (size_t i = 0; i < p->count; i++) has_picture |= is_picture(&p->streams[i]) && p->streams[i].is_wanted;
    if (!e.kind && pes->has_pts && !has_picture) p->clock = unwrap(p, pes->dts);
    return e.kind ? e : tell_when_due(p);
}

static struct err take_section(void *user, size_t stream, struct slice section) {
    struct programme *p = user;
    return p->has_clock && p->is_told ? p->handler.cue(p->handler.user, p->clock, section) : ERR_OK;
}

struct err programme_open(const struct programme_handler *handler, struct programme **out) {
    struct programme *p = mem_zalloc(sizeof *p);
    if (!p) return err_memory();
    p->handler = *handler;
    p->held = BUF(HELD_BYTES_MAX);
    struct ts_handler events = {.user = p, .programme = take_programme, .programmes = take_programmes, .pes = take_pes, .section = take_section};
    ts_init(&p->ts, &events);
    *out = p;
    return ERR_OK;
}

void programme_close(struct programme **programme) {
    struct programme *p = *programme;
    if (!p) return;
    *programme = NULL;
    for (size_t i = 0; i < p->count; i++) forget_stream(&p->streams[i]);
    ts_free(&p->ts);
    buf_free(&p->held);
    mem_free(p);
}

struct err programme_push(struct programme *p, struct slice bytes, int64_t stamp) {
    struct err e = ts_push(&p->ts, bytes, stamp);
    if (e.kind || p->has_samples) return e;
    p->bytes += bytes.len;
    if (p->ts.counts.scrambled > SCRAMBLED_MAX) return srt_err("srt.scrambled");
    return p->bytes > BYTES_WITHOUT_PROGRAMME_MAX && !p->has_programme ? srt_err("srt.damaged") : ERR_OK;
}

struct err programme_finish(struct programme *p) {
    struct err e = ts_finish(&p->ts);
    return e.kind || p->is_told ? e : tell(p);
}

struct ts_counts programme_counts(const struct programme *p) { return p->ts.counts; }
