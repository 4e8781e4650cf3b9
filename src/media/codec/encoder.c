/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/codec/encoder.h"

struct err encoder_missing(void) {
    return err_make(ERR_BUG, "codec.missing", "This FFmpeg has no H.264 or AAC encoder. Install Debian's FFmpeg libraries.");
}

static struct err make(const char *name, AVCodecContext **out) {
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    if (!codec) return encoder_missing();
    *out = avcodec_alloc_context3(codec);
    return *out ? ERR_OK : err_memory();
}

struct err encoder_h264_make(int width, int height, int rate_num, int rate_den, AVCodecContext **out) {
    struct err e = make("libx264", out);
    if (e.kind) return e;
    AVCodecContext *v = *out;
    v->width = width;
    v->height = height;
    v->pix_fmt = AV_PIX_FMT_YUV420P;
    v->time_base = (AVRational){rate_den, rate_num};
    v->framerate = (AVRational){rate_num, rate_den};
    v->sample_aspect_ratio = (AVRational){1, 1};
    v->color_range = AVCOL_RANGE_MPEG;
    v->colorspace = AVCOL_SPC_BT709;
    v->color_primaries = AVCOL_PRI_BT709;
    v->color_trc = AVCOL_TRC_BT709;
    return ERR_OK;
}

struct err encoder_aac_make(int rate, int channels, int64_t bits_per_s, AVCodecContext **out) {
    struct err e = make("aac", out);
    if (e.kind) return e;
    AVCodecContext *a = *out;
    a->sample_rate = rate;
    a->sample_fmt = AV_SAMPLE_FMT_FLTP;
    a->bit_rate = bits_per_s ? bits_per_s : INT64_C(64000) * channels;
    a->time_base = (AVRational){1, rate};
    AVChannelLayout layout = channels == 1   ? (AVChannelLayout)AV_CHANNEL_LAYOUT_MONO
                             : channels == 2 ? (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO
                                             : (AVChannelLayout)AV_CHANNEL_LAYOUT_5POINT1_BACK;
    return av_channel_layout_copy(&a->ch_layout, &layout) < 0 ? err_memory() : ERR_OK;
}

struct err encoder_picture_alloc(const AVCodecContext *v, AVFrame *picture) {
    picture->format = v->pix_fmt;
    picture->width = v->width;
    picture->height = v->height;
    return av_frame_get_buffer(picture, 0) < 0 ? err_memory() : ERR_OK;
}

struct err encoder_sound_alloc(const AVCodecContext *a, AVFrame *sound) {
    sound->format = a->sample_fmt;
    sound->sample_rate = a->sample_rate;
    sound->nb_samples = a->frame_size;
    return av_channel_layout_copy(&sound->ch_layout, &a->ch_layout) < 0 || av_frame_get_buffer(sound, 0) < 0 ? err_memory() : ERR_OK;
}
