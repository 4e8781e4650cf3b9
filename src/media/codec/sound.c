/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * sound.c: sound of a live source to AAC. Frames are found by FFmpeg's parsers, since broadcasters cut PES packets where they like. */
#include <string.h>

#include "base/mem.h"
#include "media/codec/demux.h"

enum { RUN_LEAP_TICKS = 90000 };

struct codec_sound {
    enum AVCodecID codec;
    struct codec_sound_options options;
    AVCodecParserContext *parser;
    AVCodecContext *context; /* the parser writes what it sees into one */
    struct codec_transcode *run;
    struct buf padded;
    bool has_time;
    int64_t next; /* where the next frame is thought to begin */
    struct cmaf_track told;
    uint8_t told_config[64];
};

static const enum AVCodecID CODECS[] = {[CODEC_SOUND_MPEG] = AV_CODEC_ID_MP2, [CODEC_SOUND_AC3] = AV_CODEC_ID_AC3, [CODEC_SOUND_EAC3] = AV_CODEC_ID_EAC3,
                                        [CODEC_SOUND_ADTS] = AV_CODEC_ID_AAC, [CODEC_SOUND_LATM] = AV_CODEC_ID_AAC_LATM};

/* A new run after a leap has the same track as a rule: then nothing is told. */
static struct err take_track(void *user, const struct cmaf_track *track) {
    struct codec_sound *s = user;
    struct cmaf_track bare = *track;
    bare.config = SLICE_NONE;
    if (s->told.codec == track->codec && s->told.sample_rate == track->sample_rate && s->told.channels == track->channels) return ERR_OK;
    if (track->config.len > sizeof s->told_config) return codec_media_err("media.encode");
    memcpy(s->told_config, track->config.ptr, track->config.len);
    s->told = bare;
    s->told.config = slice_of(s->told_config, track->config.len);
    return s->options.track(s->options.user, &s->told);
}

static struct err take_sample(void *user, const struct cmaf_sample *sample) {
    struct codec_sound *s = user;
    return s->options.sample(s->options.user, sample);
}

static struct err begin_run(struct codec_sound *s) {
    codec_transcode_close(&s->run);
    struct codec_transcode_options options = {.threads = 1, .sample = take_sample, .track = take_track, .user = s};
    return transcode_open_sound(s->codec, (AVRational){1, 90000}, &options, &s->run);
}

struct err codec_sound_open(enum codec_sound_form form, const struct codec_sound_options *options, struct codec_sound **out) {
    struct err e = av_quiet();
    if (e.kind) return e;
    struct codec_sound *s = mem_zalloc(sizeof *s);
    if (!s) return err_memory();
    s->codec = CODECS[form];
    s->options = *options;
    s->padded = BUF(16 << 20);
    s->parser = av_parser_init(s->codec);
    const AVCodec *decoder = avcodec_find_decoder(s->codec);
    s->context = decoder ? avcodec_alloc_context3(decoder) : NULL;
    if (!s->parser || !decoder) e = codec_media_err("media.unsupported");
    else e = s->context ? begin_run(s) : err_memory();
    if (e.kind) codec_sound_close(&s);
    else *out = s;
    return e;
}

void codec_sound_close(struct codec_sound **sound) {
    struct codec_sound *s = *sound;
    if (!s) return;
    *sound = NULL;
    codec_transcode_close(&s->run);
    if (s->parser) av_parser_close(s->parser);
    avcodec_free_context(&s->context);
    buf_free(&s->padded);
    mem_free(s);
}

static struct err decode(struct codec_sound *s, const uint8_t *frame, int len) {
    int64_t pts = s->parser->pts;
    if (pts == AV_NOPTS_VALUE && !s->has_time) return ERR_OK; /* sound before the first time: nobody knows when it belongs */
    struct err e = ERR_OK;
    if (pts == AV_NOPTS_VALUE) pts = s->next;
    else if (s->has_time && (pts - s->next > RUN_LEAP_TICKS || s->next - pts > RUN_LEAP_TICKS)) e = begin_run(s);
    if (e.kind) return e;
    int rate = s->context->sample_rate, samples = s->parser->duration;
    s->has_time = true;
    s->next = pts + (rate > 0 && samples > 0 ? (int64_t)samples * 90000 / rate : 0);
    struct cmaf_sample sample = {.dts = pts, .pts = pts, .is_sync = true};
    e = codec_transcode_sample(s->run, &sample, slice_of(frame, (size_t)len));
    if (!e.kind || !strcmp(e.code, "memory")) return e;
    if (!codec_media_err(e.code).kind) return e; /* a callback's */
    return begin_run(s);                         /* this frame made no sense to decoder or resampler: the next one may */
}

struct err codec_sound_push(struct codec_sound *s, struct slice payload, bool has_pts, int64_t pts) {
    buf_clear(&s->padded);
    char *at = buf_reserve(&s->padded, payload.len + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!at) return err_memory();
    if (payload.len) memcpy(at, payload.ptr, payload.len);
    memset(at + payload.len, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    const uint8_t *from = (const uint8_t *)at;
    int left = (int)payload.len;
    int64_t time = has_pts ? pts : AV_NOPTS_VALUE;
    while (left > 0) {
        uint8_t *frame = NULL;
        int len = 0, used = av_parser_parse2(s->parser, s->context, &frame, &len, from, left, time, time, 0);
        if (used < 0 || (!used && !len)) break;
        time = AV_NOPTS_VALUE;
        from += used;
        left -= used;
        if (!len) continue;
        struct err e = decode(s, frame, len);
        if (e.kind) return e;
    }
    return ERR_OK;
}
