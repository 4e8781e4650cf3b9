/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * level.c: how loud a sound is, second by second. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "media/codec/demux.h"

#define QUIETEST_DBFS (-100.0)

struct codec_level {
    AVCodecContext *decoder;
    AVFrame *frame;
    AVPacket *packet;
    SwrContext *resampler; /* to interleaved floats, nothing else */
    int rate, format, channels;
    float *out;
    size_t out_count;
    double sum, peak;
    int64_t frames; /* of the second under way */
};

struct err codec_level_open(const struct cmaf_track *track, struct codec_level **out) {
    struct err e = av_quiet();
    if (e.kind) return e;
    const AVCodec *codec = track->kind == CMAF_AUDIO ? avcodec_find_decoder(av_codec_of(track->codec)) : NULL;
    if (!codec) return codec_media_err("media.unsupported");
    struct codec_level *l = mem_zalloc(sizeof *l);
    if (!l) return err_memory();
    l->decoder = avcodec_alloc_context3(codec);
    l->frame = av_frame_alloc();
    l->packet = av_packet_alloc();
    if (!l->decoder || !l->frame || !l->packet) e = err_memory();
    if (!e.kind) e = av_set_config(l->decoder, track);
    if (!e.kind) {
        l->decoder->thread_count = 1;
        l->decoder->sample_rate = (int)track->sample_rate; /* AC-3 and MP3 say it themselves */
        av_channel_layout_default(&l->decoder->ch_layout, track->channels);
        if (avcodec_open2(l->decoder, codec, NULL) < 0) e = codec_media_err("media.unsupported");
    }
    if (e.kind) codec_level_close(&l);
    else *out = l;
    return e;
}

void codec_level_close(struct codec_level **level) {
    struct codec_level *l = *level;
    if (!l) return;
    avcodec_free_context(&l->decoder);
    av_frame_free(&l->frame);
    av_packet_free(&l->packet);
    swr_free(&l->resampler);
    mem_free(l->out);
    MEM_FREE(level);
}

static struct err prepare(struct codec_level *l) {
    const AVFrame *f = l->frame;
    size_t count = (size_t)f->nb_samples * (size_t)f->ch_layout.nb_channels;
    if (count > l->out_count) {
        float *larger = mem_realloc(l->out, count * sizeof *larger);
        if (!larger) return err_memory();
        l->out = larger;
        l->out_count = count;
    }
    if (l->resampler && l->rate == f->sample_rate && l->format == f->format && l->channels == f->ch_layout.nb_channels) return ERR_OK;
    swr_free(&l->resampler);
    AVChannelLayout layout = {0}; /* copying into one gives back what it held before */
    if (f->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) av_channel_layout_default(&layout, f->ch_layout.nb_channels);
    else if (av_channel_layout_copy(&layout, &f->ch_layout) < 0) return err_memory();
    int av = swr_alloc_set_opts2(&l->resampler, &layout, AV_SAMPLE_FMT_FLT, f->sample_rate, &layout, (enum AVSampleFormat)f->format, f->sample_rate, 0, NULL);
    av_channel_layout_uninit(&layout);
    if (av >= 0) av = swr_init(l->resampler);
    if (av < 0) return av == AVERROR(ENOMEM) ? err_memory() : codec_media_err("media.unsupported");
    l->rate = f->sample_rate;
    l->format = f->format;
    l->channels = f->ch_layout.nb_channels;
    l->sum = l->peak = 0;
    l->frames = 0;
    return ERR_OK;
}

static double decibels(double amplitude) { return amplitude > 1e-5 ? 20 * log10(amplitude) : QUIETEST_DBFS; }

static struct err measure(struct codec_level *l, void (*second)(void *, const struct codec_loudness *), void *user) {
    const AVFrame *f = l->frame;
    if (f->nb_samples < 1 || f->sample_rate < 1 || f->ch_layout.nb_channels < 1 || f->ch_layout.nb_channels > 64) return ERR_OK;
    struct err e = prepare(l);
    if (e.kind) return !strcmp(e.code, "memory") ? e : ERR_OK;
    uint8_t *out = (uint8_t *)l->out;
    int got = swr_convert(l->resampler, &out, f->nb_samples, (const uint8_t **)f->extended_data, f->nb_samples);
    for (int i = 0; i < got; i++) {
        for (int c = 0; c < l->channels; c++) {
            double v = l->out[i * l->channels + c];
            if (!(fabs(v) < 1e6)) continue; /* a damaged frame of floats may hold anything */
            l->sum += v * v;
            if (fabs(v) > l->peak) l->peak = fabs(v);
        }
        if (++l->frames < l->rate) continue;
        struct codec_loudness told = {.rms_dbfs = decibels(sqrt(l->sum / ((double)l->frames * l->channels))), .peak_dbfs = decibels(l->peak)};
        l->sum = l->peak = 0;
        l->frames = 0;
        second(user, &told);
    }
    return ERR_OK;
}

struct err codec_level_sample(struct codec_level *l, struct slice payload, void (*second)(void *, const struct codec_loudness *), void *user) {
    if (payload.len > INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE || av_new_packet(l->packet, (int)payload.len) < 0) return err_memory();
    if (payload.len) memcpy(l->packet->data, payload.ptr, payload.len);
    int av = avcodec_send_packet(l->decoder, l->packet);
    av_packet_unref(l->packet);
    if (av == AVERROR(ENOMEM)) return err_memory();
    struct err e = ERR_OK;
    while (!e.kind && avcodec_receive_frame(l->decoder, l->frame) >= 0) {
        e = measure(l, second, user);
        av_frame_unref(l->frame);
    }
    return e;
}
