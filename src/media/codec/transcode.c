/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * transcode.c: any picture to H.264, any sound to AAC, as samples of a CMAF track. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "media/codec/demux.h"
#include "media/codec/filter.h"

enum { AAC_FRAME = 1024, GAP_MS_MAX = 60, LEAP_S_MAX = 3600, LIVE_KEYS_MAX = 32 };

struct codec_transcode {
    enum codec_kind kind;
    AVRational rate; /* pictures a second; 0/0: not known */
    struct codec_transcode_options options;
    AVRational source_ticks;
    int64_t origin; /* in source_ticks */
    AVCodecContext *decoder, *encoder;
    AVFrame *decoded, *frame;
    AVPacket *packet;
    struct cmaf_track track;
    struct buf config, scratch, held_bytes;
    struct nal_sets sets;
    bool has_decoded;

    /* one sample waits for its duration */
    struct cmaf_sample held;
    bool has_held;

    /* video */
    struct filter filter;
    struct filter_target target;
    size_t key_at;
    int64_t next_key, last_pts;
    bool has_pts;

    /* live: several of these are fed by one decoder, which belongs to the first */
    bool is_live;
    int64_t live_keys[LIVE_KEYS_MAX]; /* times in source_ticks at which key pictures are due, ascending */
    size_t live_key_count;
    struct codec_transcode *next;

    /* audio */
    SwrContext *resampler;
    AVAudioFifo *fifo;
    int64_t fifo_pts; /* of the fifo's first sample, in samples of the output rate */
    int in_rate, in_format, in_channels;
};

static struct err refused(int av) { return av == AVERROR(ENOMEM) ? err_memory() : codec_media_err("media.encode"); }

/* `av` or, without it, the track's own config tells the decoder what comes. */
static struct err open_decoder(struct codec_transcode *t, const AVCodec *codec, const AVCodecParameters *av, struct codec_transcode **out) {
    struct err e = codec ? ERR_OK : codec_media_err("media.unsupported");
    t->config = BUF(CMAF_CONFIG_BYTES_MAX);
    t->scratch = BUF((size_t)256 << 20);
    t->held_bytes = BUF((size_t)256 << 20);
    if (!e.kind) {
        t->decoder = avcodec_alloc_context3(codec);
        t->decoded = av_frame_alloc();
        t->frame = av_frame_alloc();
        t->packet = av_packet_alloc();
        if (!t->decoder || !t->decoded || !t->frame || !t->packet) e = err_memory();
    }
    if (!e.kind && av && avcodec_parameters_to_context(t->decoder, av) < 0) e = err_memory();
    if (!e.kind && !av) e = av_set_config(t->decoder, &t->track);
    if (!e.kind) {
        t->decoder->pkt_timebase = t->source_ticks;
        t->decoder->thread_count = t->options.threads > 0 ? t->options.threads : 1;
        t->decoder->max_pixels = CODEC_PIXELS_MAX;
        if (avcodec_open2(t->decoder, codec, NULL) < 0) e = codec_media_err("media.unsupported");
    }
    t->track.config = SLICE_NONE;
    if (e.kind) codec_transcode_close(&t);
    else *out = t;
    return e;
}

struct err codec_transcode_open(const struct codec_source *source, size_t stream, const struct codec_transcode_options *options,
                                struct codec_transcode **out) {
    const struct source_stream *s = &source->streams[stream];
    if (s->about.kind != CODEC_VIDEO && s->about.kind != CODEC_AUDIO) return codec_media_err("media.unsupported");
    struct codec_transcode *t = mem_zalloc(sizeof *t);
    if (!t) return err_memory();
    t->kind = s->about.kind;
    t->rate = s->av->avg_frame_rate;
    t->options = *options;
    t->source_ticks = s->av->time_base;
    t->origin = source_origin(source, t->source_ticks);
    t->track = s->about.track;
    return open_decoder(t, avcodec_find_decoder(s->av->codecpar->codec_id), s->av->codecpar, out);
}

struct err codec_transcode_open_track(const struct cmaf_track *track, const struct codec_transcode_options *options, struct codec_transcode **out) {
    struct err e = av_quiet();
    if (e.kind) return e;
    struct codec_transcode *t = mem_zalloc(sizeof *t);
    if (!t) return err_memory();
    t->kind = track->kind == CMAF_VIDEO ? CODEC_VIDEO : CODEC_AUDIO;
    t->rate = (AVRational){(int)track->rate_num, (int)track->rate_den};
    t->options = *options;
    t->source_ticks = (AVRational){1, (int)track->timescale};
    t->track = *track;
    return open_decoder(t, avcodec_find_decoder(av_codec_of(track->codec)), NULL, out);
}

struct err transcode_open_sound(enum AVCodecID codec, AVRational ticks, const struct codec_transcode_options *options, struct codec_transcode **out) {
    struct codec_transcode *t = mem_zalloc(sizeof *t);
    if (!t) return err_memory();
    t->kind = CODEC_AUDIO;
    t->options = *options;
    t->source_ticks = ticks;
    t->track.kind = CMAF_AUDIO;
    return open_decoder(t, avcodec_find_decoder(codec), NULL, out);
}

void codec_transcode_close(struct codec_transcode **transcode) {
    struct codec_transcode *t = *transcode;
    if (!t) return;
    *transcode = NULL;
    avcodec_free_context(&t->decoder);
    avcodec_free_context(&t->encoder);
    av_frame_free(&t->decoded);
    av_frame_free(&t->frame);
    av_packet_free(&t->packet);
    filter_free(&t->filter);
    swr_free(&t->resampler);
    if (t->fifo) av_audio_fifo_free(t->fifo);
    buf_free(&t->config);
    buf_free(&t->scratch);
    buf_free(&t->held_bytes);
    nal_sets_free(&t->sets);
    mem_free(t);
}

/* --- out: encoded packets as samples --- */

static struct err give_held(struct codec_transcode *t, int64_t duration) {
    if (!t->has_held) return ERR_OK;
    t->has_held = false;
    t->held.duration = duration > 0 && duration < UINT32_MAX ? (uint32_t)duration : 1;
    t->held.data = t->held_bytes.ptr;
    return t->options.sample(t->options.user, &t->held);
}

static struct err hold(struct codec_transcode *t) {
    const AVPacket *p = t->packet;
    bool is_video = t->kind == CODEC_VIDEO;
    struct slice payload = slice_of(p->data, (size_t)p->size);
    if (is_video) {
        bool has_new_sets;
        buf_clear(&t->scratch);
        if (!nal_to_lengths(&t->sets, false, payload, &t->scratch, &has_new_sets)) return err_memory();
        payload = buf_slice(&t->scratch);
    }
    if (!payload.len) return ERR_OK;
    struct err e = give_held(t, t->has_held ? p->dts - t->held.dts : 0);
    if (e.kind) return e;
    buf_clear(&t->held_bytes);
    buf_append(&t->held_bytes, payload);
    if (t->held_bytes.has_failed) return err_memory();
    t->held = (struct cmaf_sample){.dts = p->dts, .pts = p->pts, .bytes = (uint32_t)payload.len, .is_sync = !is_video || p->flags & AV_PKT_FLAG_KEY};
    t->held.duration = (uint32_t)(p->duration > 0 ? p->duration : 0);
    t->has_held = true;
    return ERR_OK;
}

static struct err encode(struct codec_transcode *t, AVFrame *frame) {
    int av = avcodec_send_frame(t->encoder, frame);
    if (av < 0) return refused(av);
    for (;;) {
        av = avcodec_receive_packet(t->encoder, t->packet);
        if (av == AVERROR(EAGAIN) || av == AVERROR_EOF) return ERR_OK;
        if (av < 0) return refused(av);
        struct err e = hold(t);
        av_packet_unref(t->packet);
        if (e.kind) return e;
    }
}

static struct err tell_track(struct codec_transcode *t) {
    t->track.config = buf_slice(&t->config);
    t->track.codec_string[0] = 0;
    struct err e = cmaf_track_complete(&t->track);
    if (e.kind && !strcmp(e.code, "track.language")) {
        t->track.language[0] = 0;
        e = cmaf_track_complete(&t->track);
    }
    return e.kind ? e : t->options.track(t->options.user, &t->track);
}

/* --- video --- */

static int even(double v) { return v < 2 ? 2 : (int)(v / 2 + 0.5) * 2; }

/* Enough that pictures look clean, and a bound that a phone's network carries; bits a second by picture size. */
static int64_t rate_max(int width, int height, AVRational rate) {
    static const struct {
        int pixels;
        int64_t bits;
    } STEPS[] = {{426 * 240, 600000}, {640 * 360, 1000000}, {854 * 480, 1700000}, {1280 * 720, 3500000}, {1920 * 1080, 6500000}, {2560 * 1440, 11000000}};
    int64_t bits = 20000000;
    for (size_t i = ARRAY_LEN(STEPS); i-- > 0;)
        if ((int64_t)width * height <= (int64_t)STEPS[i].pixels * 11 / 10) bits = STEPS[i].bits;
    return rate.den && av_q2d(rate) > 40 ? bits * 3 / 2 : bits;
}

static struct err open_video_encoder(struct codec_transcode *t, const AVFrame *first) {
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    t->encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!t->encoder) return codec ? err_memory() : codec_media_err("media.encode");
    AVCodecContext *c = t->encoder;
    bool was_hdr = t->filter.transfer == AVCOL_TRC_SMPTE2084 || t->filter.transfer == AVCOL_TRC_ARIB_STD_B67;
    c->width = first->width;
    c->height = first->height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = t->target.time_base;
    c->framerate = t->rate.num > 0 && t->rate.den > 0 ? t->rate : (AVRational){25, 1};
    c->color_range = AVCOL_RANGE_MPEG;
    c->color_primaries = was_hdr ? AVCOL_PRI_BT709 : first->color_primaries;
    c->color_trc = was_hdr ? AVCOL_TRC_BT709 : first->color_trc;
    c->colorspace = was_hdr ? AVCOL_SPC_BT709 : first->colorspace == AVCOL_SPC_RGB ? AVCOL_SPC_UNSPECIFIED : first->colorspace;
    if (t->track.aspect_x && t->track.aspect_y) c->sample_aspect_ratio = (AVRational){(int)t->track.aspect_x, (int)t->track.aspect_y};
    c->gop_size = t->is_live ? 1 << 20 : 600; /* key pictures come where they are asked for */
    c->keyint_min = 1;
    c->thread_count = t->options.threads > 0 ? t->options.threads : 1;
    c->rc_max_rate = rate_max(c->width, c->height, c->framerate);
    c->rc_buffer_size = (int)(t->is_live ? c->rc_max_rate : c->rc_max_rate * 2);
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP;
    char crf[16];
    snprintf(crf, sizeof crf, "%d", t->options.crf ? t->options.crf : 21);
    av_opt_set(c->priv_data, "preset", "veryfast", 0);
    if (t->is_live) av_opt_set(c->priv_data, "tune", "zerolatency", 0);
    av_opt_set(c->priv_data, "crf", crf, 0);
    av_opt_set(c->priv_data, "forced-idr", "1", 0);
    av_opt_set(c->priv_data, "x264-params", "scenecut=0", 0);
    int av = avcodec_open2(c, codec, NULL);
    if (av < 0) return refused(av);
    if (!nal_sets_collect(&t->sets, false, slice_of(c->extradata, (size_t)c->extradata_size)) || !nal_make_config(&t->sets, false, &t->config))
        return codec_media_err("media.encode");
    t->track.codec = CMAF_H264;
    t->track.timescale = (uint32_t)c->time_base.den;
    t->track.width = (uint16_t)c->width;
    t->track.height = (uint16_t)c->height;
    t->track.colour = (struct cmaf_colour){.has_any = c->color_primaries != AVCOL_PRI_UNSPECIFIED || c->colorspace != AVCOL_SPC_UNSPECIFIED,
                                           .primaries = (uint16_t)c->color_primaries, .transfer = (uint16_t)c->color_trc, .matrix = (uint16_t)c->colorspace};
    t->track.hdr = (struct cmaf_hdr){0};
    return tell_track(t);
}

/* Sizes are decided by the first picture; later ones of other sizes are scaled to it. */
static void choose_size(struct codec_transcode *t, const AVFrame *first) {
    uint32_t width = (uint32_t)first->width, height = (uint32_t)first->height;
    struct cmaf_track as_is = t->track;
    as_is.width = (uint16_t)width;
    as_is.height = (uint16_t)height;
    uint32_t shown_width, shown_height;
    cmaf_track_display_size(&as_is, &shown_width, &shown_height);
    uint32_t lines = shown_width < shown_height ? shown_width : shown_height;
    double factor = t->options.height && lines > t->options.height ? (double)t->options.height / lines : 1;
    t->target.width = even(width * factor);
    t->target.height = even(height * factor);
    t->target.format = "yuv420p";
}

static bool is_key_due(struct codec_transcode *t, int64_t pts) {
    AVRational ticks = t->target.time_base;
    if (t->is_live) {
        size_t due = 0;
        while (due < t->live_key_count && av_compare_ts(pts, ticks, t->live_keys[due], t->source_ticks) >= 0) due++;
        t->live_key_count -= due;
        memmove(t->live_keys, t->live_keys + due, t->live_key_count * sizeof *t->live_keys);
        return due > 0;
    }
    if (t->options.key_time_count) {
        bool is_due = false;
        while (t->key_at < t->options.key_time_count &&
               av_compare_ts(pts, ticks, t->options.key_times[t->key_at], (AVRational){1, (int)t->options.key_timescale}) >= 0) {
            is_due = true;
            t->key_at++;
        }
        return is_due;
    }
    if (pts < t->next_key) return false;
    int64_t step = av_rescale(t->options.segment_ms ? t->options.segment_ms : 2000, ticks.den, 1000);
    t->next_key = (pts / step + 1) * step;
    return true;
}

static struct err take_filtered(struct codec_transcode *t) {
    struct err e = ERR_OK;
    while (!e.kind && filter_pull(&t->filter, t->frame)) {
        int64_t pts = t->frame->pts;
        if (!t->encoder) {
            t->next_key = INT64_MIN;
            e = open_video_encoder(t, t->frame);
        }
        if (!e.kind && !(t->has_pts && pts <= t->last_pts)) { /* two pictures at one moment: the first is shown */
            t->has_pts = true;
            t->last_pts = pts;
            t->frame->pict_type = is_key_due(t, pts) ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
            e = encode(t, t->frame);
        }
        av_frame_unref(t->frame);
    }
    return e;
}

static struct err take_picture(struct codec_transcode *t) {
    AVFrame *f = t->decoded;
    if (!t->target.width) {
        int den = t->source_ticks.num == 1 && t->source_ticks.den >= 600 && t->source_ticks.den <= 10000000 ? t->source_ticks.den : 90000;
        t->target.time_base = (AVRational){1, den};
        choose_size(t, f);
    }
    int64_t pts = f->best_effort_timestamp;
    if (pts == AV_NOPTS_VALUE) { /* a stream without times: one picture after the other */
        AVRational rate = t->rate.num > 0 && t->rate.den > 0 ? t->rate : (AVRational){25, 1};
        pts = t->has_pts ? t->last_pts + av_rescale_q(1, av_inv_q(rate), t->target.time_base) : 0;
    } else {
        pts = av_rescale_q(pts - t->origin, t->source_ticks, t->target.time_base);
    }
    if (t->has_pts && (pts > t->last_pts + (int64_t)LEAP_S_MAX * t->target.time_base.den || pts < t->last_pts - (int64_t)60 * t->target.time_base.den))
        return codec_media_err("media.timestamps");
    f->pts = pts;
    struct err e = filter_prepare(&t->filter, f, &t->target);
    if (!e.kind) e = filter_push(&t->filter, f);
    return e.kind ? e : take_filtered(t);
}

/* --- audio --- */

static struct err open_audio_encoder(struct codec_transcode *t, const AVFrame *first) {
    const AVCodec *codec = avcodec_find_encoder_by_name("aac");
    t->encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!t->encoder) return codec ? err_memory() : codec_media_err("media.encode");
    AVCodecContext *c = t->encoder;
    static const int RATES[] = {48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000};
    c->sample_rate = 48000;
    for (size_t i = 0; i < ARRAY_LEN(RATES); i++)
        if (first->sample_rate == RATES[i]) c->sample_rate = RATES[i];
    int channels = first->ch_layout.nb_channels;
    AVChannelLayout layout = channels == 1   ? (AVChannelLayout)AV_CHANNEL_LAYOUT_MONO
                             : channels == 2 ? (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO
                                             : (AVChannelLayout)AV_CHANNEL_LAYOUT_5POINT1_BACK;
    if (av_channel_layout_copy(&c->ch_layout, &layout) < 0) return err_memory();
    c->sample_fmt = AV_SAMPLE_FMT_FLTP;
    c->bit_rate = layout.nb_channels == 1 ? 96000 : layout.nb_channels == 2 ? 160000 : 384000;
    c->time_base = (AVRational){1, c->sample_rate};
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    int av = avcodec_open2(c, codec, NULL);
    if (av < 0) return refused(av);
    t->fifo = av_audio_fifo_alloc(c->sample_fmt, c->ch_layout.nb_channels, AAC_FRAME * 8);
    if (!t->fifo) return err_memory();
    buf_bytes(&t->config, c->extradata, (size_t)c->extradata_size);
    if (t->config.has_failed) return err_memory();
    t->track.codec = CMAF_AAC;
    t->track.timescale = t->track.sample_rate = (uint32_t)c->sample_rate;
    t->track.channels = (uint16_t)c->ch_layout.nb_channels;
    return tell_track(t);
}

static struct err prepare_resampler(struct codec_transcode *t, const AVFrame *f) {
    if (t->resampler && t->in_rate == f->sample_rate && t->in_format == f->format && t->in_channels == f->ch_layout.nb_channels) return ERR_OK;
    swr_free(&t->resampler);
    AVChannelLayout in = {0}; /* copying into one gives back what it held before */
    if (f->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) av_channel_layout_default(&in, f->ch_layout.nb_channels);
    else if (av_channel_layout_copy(&in, &f->ch_layout) < 0) return err_memory();
    int av = swr_alloc_set_opts2(&t->resampler, &t->encoder->ch_layout, t->encoder->sample_fmt, t->encoder->sample_rate, &in,
                                 (enum AVSampleFormat)f->format, f->sample_rate, 0, NULL);
    av_channel_layout_uninit(&in);
    if (av >= 0) av = swr_init(t->resampler);
    if (av == AVERROR(ENOMEM)) return err_memory();
    if (av < 0) return codec_media_err("media.unsupported");
    t->in_rate = f->sample_rate;
    t->in_format = f->format;
    t->in_channels = f->ch_layout.nb_channels;
    return ERR_OK;
}

/* Encodes whole frames out of the fifo; with `all` also the last, shorter one. */
static struct err empty_fifo(struct codec_transcode *t, bool all) {
    int size;
    while ((size = av_audio_fifo_size(t->fifo)) >= AAC_FRAME || (all && size > 0)) {
        AVFrame *f = t->frame;
        f->nb_samples = size < AAC_FRAME ? size : AAC_FRAME;
        f->format = t->encoder->sample_fmt;
        f->sample_rate = t->encoder->sample_rate;
        if (av_channel_layout_copy(&f->ch_layout, &t->encoder->ch_layout) < 0 || av_frame_get_buffer(f, 0) < 0) return err_memory();
        if (av_audio_fifo_read(t->fifo, (void **)f->extended_data, f->nb_samples) < f->nb_samples) return codec_media_err("media.bug");
        f->pts = t->fifo_pts;
        t->fifo_pts += f->nb_samples;
        struct err e = encode(t, f);
        av_frame_unref(f);
        if (e.kind) return e;
    }
    return ERR_OK;
}

static struct err put_samples(struct codec_transcode *t, uint8_t **data, int count) {
    while (count > 0) { /* in pieces, so that a long silence does not sit in memory whole */
        if (av_audio_fifo_write(t->fifo, (void **)data, count) < count) return err_memory();
        count = 0;
    }
    return empty_fifo(t, false);
}

static struct err put_silence(struct codec_transcode *t, int64_t count) {
    AVFrame *quiet = av_frame_alloc();
    if (!quiet) return err_memory();
    quiet->nb_samples = AAC_FRAME;
    quiet->format = t->encoder->sample_fmt;
    bool has_failed = av_channel_layout_copy(&quiet->ch_layout, &t->encoder->ch_layout) < 0 || av_frame_get_buffer(quiet, 0) < 0;
    struct err e = has_failed ? err_memory() : ERR_OK;
    if (!e.kind) av_samples_set_silence(quiet->extended_data, 0, AAC_FRAME, t->encoder->ch_layout.nb_channels, t->encoder->sample_fmt);
    for (; !e.kind && count > 0; count -= AAC_FRAME) e = put_samples(t, quiet->extended_data, count < AAC_FRAME ? (int)count : AAC_FRAME);
    av_frame_free(&quiet);
    return e;
}

static struct err take_sound(struct codec_transcode *t) {
    AVFrame *f = t->decoded;
    if (f->ch_layout.nb_channels < 1 || f->ch_layout.nb_channels > 64 || f->sample_rate < 1 || f->sample_rate > 768000)
        return codec_media_err("media.unsupported");
    bool is_first = !t->encoder;
    struct err e = is_first ? open_audio_encoder(t, f) : ERR_OK;
    if (!e.kind) e = prepare_resampler(t, f);
    if (e.kind) return e;
    int64_t rate = t->encoder->sample_rate, ahead = 0;
    if (f->best_effort_timestamp != AV_NOPTS_VALUE) {
        int64_t pts = av_rescale_q(f->best_effort_timestamp - t->origin, t->source_ticks, (AVRational){1, (int)rate});
        if (is_first) t->fifo_pts = pts;
        ahead = pts - (t->fifo_pts + av_audio_fifo_size(t->fifo) + swr_get_delay(t->resampler, rate));
        if (ahead > LEAP_S_MAX * rate || ahead < -(int64_t)LEAP_S_MAX * rate) return codec_media_err("media.timestamps");
    }
    if (ahead > GAP_MS_MAX * rate / 1000 && (e = put_silence(t, ahead)).kind) return e;
    int room = (int)av_rescale_rnd(swr_get_delay(t->resampler, f->sample_rate) + f->nb_samples, rate, f->sample_rate, AV_ROUND_UP) + 32;
    uint8_t **out = NULL;
    if (av_samples_alloc_array_and_samples(&out, NULL, t->encoder->ch_layout.nb_channels, room, t->encoder->sample_fmt, 0) < 0) return err_memory();
    int got = swr_convert(t->resampler, out, room, (const uint8_t **)f->extended_data, f->nb_samples);
    if (got < 0) e = codec_media_err("media.damaged");
    else if (ahead < -(int64_t)GAP_MS_MAX * rate / 1000) got = 0; /* this moment is filled already */
    if (!e.kind && got > 0) e = put_samples(t, out, got);
    av_freep(&out[0]);
    av_freep(&out);
    return e;
}

/* --- in --- */

static struct err take_decoded(struct codec_transcode *t) {
    for (;;) {
        int av = avcodec_receive_frame(t->decoder, t->decoded);
        if (av == AVERROR(EAGAIN) || av == AVERROR_EOF) return ERR_OK;
        if (av == AVERROR(ENOMEM)) return err_memory();
        if (av < 0) return ERR_OK; /* a damaged picture is left out */
        t->has_decoded = true;
        struct err e = ERR_OK;
        for (struct codec_transcode *other = t->next; !e.kind && other; other = other->next) {
            if (av_frame_ref(other->decoded, t->decoded) < 0) e = err_memory();
            if (!e.kind) e = take_picture(other);
            av_frame_unref(other->decoded);
        }
        if (!e.kind) e = t->kind == CODEC_VIDEO ? take_picture(t) : take_sound(t);
        av_frame_unref(t->decoded);
        if (e.kind) return e;
    }
}

static struct err finish(struct codec_transcode *t) {
    avcodec_send_packet(t->decoder, NULL);
    struct err e = take_decoded(t);
    if (e.kind) return e;
    if (!t->has_decoded) return codec_media_err("media.damaged");
    if (t->kind == CODEC_VIDEO) {
        e = filter_push(&t->filter, NULL);
        if (!e.kind) e = take_filtered(t);
    } else {
        e = empty_fifo(t, true);
    }
    if (!e.kind && t->encoder) e = encode(t, NULL);
    int64_t last = t->held.duration;
    if (!last && t->encoder && t->encoder->framerate.num > 0) last = av_rescale_q(1, av_inv_q(t->encoder->framerate), t->encoder->time_base);
    if (t->kind == CODEC_AUDIO) last = AAC_FRAME;
    return e.kind ? e : give_held(t, last);
}

static struct err decode(struct codec_transcode *t, const AVPacket *packet) {
    int av = avcodec_send_packet(t->decoder, packet);
    struct err e = ERR_OK;
    if (av == AVERROR(EAGAIN)) {
        e = take_decoded(t);
        if (!e.kind) av = avcodec_send_packet(t->decoder, packet);
    }
    if (av == AVERROR(ENOMEM)) return err_memory();
    return e.kind ? e : take_decoded(t);
}

struct err codec_transcode_push(struct codec_transcode *t, struct codec_packet *in) {
    if (!in) return finish(t);
    struct err e = decode(t, packet_av(in));
    codec_packet_free(&in);
    return e;
}

struct err codec_transcode_sample(struct codec_transcode *t, const struct cmaf_sample *sample, struct slice payload) {
    AVPacket *packet = av_packet_alloc();
    if (!packet || payload.len > INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE || av_new_packet(packet, (int)payload.len) < 0) {
        av_packet_free(&packet);
        return err_memory();
    }
    if (payload.len) memcpy(packet->data, payload.ptr, payload.len);
    packet->pts = sample->pts;
    packet->dts = sample->dts;
    packet->duration = sample->duration;
    packet->flags = sample->is_sync ? AV_PKT_FLAG_KEY : 0;
    struct err e = decode(t, packet);
    av_packet_free(&packet);
    return e;
}

/* --- a ladder: one decoder, several encoders --- */

struct codec_ladder {
    struct codec_ladder_options options;
    struct rung {
        struct codec_ladder *ladder;
        size_t index;
        struct codec_transcode *transcode;
    } rungs[CODEC_LADDER_MAX];
};

static struct err rung_sample(void *user, const struct cmaf_sample *sample) {
    const struct rung *r = user;
    return r->ladder->options.sample(r->ladder->options.user, r->index, sample);
}
static struct err rung_track(void *user, const struct cmaf_track *track) {
    const struct rung *r = user;
    return r->ladder->options.track(r->ladder->options.user, r->index, track);
}

struct err codec_ladder_open(const struct cmaf_track *track, const struct codec_ladder_options *options, struct codec_ladder **out) {
    if (track->kind != CMAF_VIDEO || !options->count || options->count > CODEC_LADDER_MAX) return codec_media_err("media.unsupported");
    struct codec_ladder *l = mem_zalloc(sizeof *l);
    if (!l) return err_memory();
    l->options = *options;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < options->count; i++) {
        struct rung *r = &l->rungs[i];
        *r = (struct rung){.ladder = l, .index = i};
        struct codec_transcode_options one = {.height = options->heights[i], .crf = 23, .sample = rung_sample, .track = rung_track, .user = r};
        e = codec_transcode_open_track(track, &one, &r->transcode);
        if (e.kind) break;
        r->transcode->is_live = true;
        if (i) {
            avcodec_free_context(&r->transcode->decoder);
            l->rungs[i - 1].transcode->next = r->transcode;
        } else {
            r->transcode->decoder->flags |= AV_CODEC_FLAG_LOW_DELAY;
        }
    }
    if (e.kind) codec_ladder_close(&l);
    else *out = l;
    return e;
}

void codec_ladder_close(struct codec_ladder **ladder) {
    if (!*ladder) return;
    for (size_t i = 0; i < CODEC_LADDER_MAX; i++) codec_transcode_close(&(*ladder)->rungs[i].transcode);
    MEM_FREE(ladder);
}

struct err codec_ladder_sample(struct codec_ladder *l, const struct cmaf_sample *sample, struct slice payload) {
    for (size_t i = 0; sample->is_sync && i < l->options.count; i++) {
        struct codec_transcode *t = l->rungs[i].transcode;
        if (t->live_key_count == LIVE_KEYS_MAX) memmove(t->live_keys, t->live_keys + 1, --t->live_key_count * sizeof *t->live_keys);
        t->live_keys[t->live_key_count++] = sample->pts;
    }
    return codec_transcode_sample(l->rungs[0].transcode, sample, payload);
}
