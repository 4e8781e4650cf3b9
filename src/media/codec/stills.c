/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * stills.c: single key pictures, and JPEG. */
#include <string.h>

#include "base/mem.h"
#include "media/codec/codec.h"
#include "media/codec/demux.h"
#include "media/codec/filter.h"

struct codec_stills {
    struct cmaf_track track;
    AVCodecContext *decoder;
    AVFrame *frame, *scaled;
    AVPacket *packet;
    struct filter filter;
    struct filter_target target;
    uint8_t *rgb;
    size_t rgb_bytes;
};

enum AVCodecID av_codec_of(enum cmaf_codec codec) {
    switch (codec) {
    case CMAF_H264: return AV_CODEC_ID_H264;
    case CMAF_HEVC: return AV_CODEC_ID_HEVC;
    case CMAF_AV1: return AV_CODEC_ID_AV1;
    case CMAF_VP9: return AV_CODEC_ID_VP9;
    case CMAF_AAC: return AV_CODEC_ID_AAC;
    case CMAF_OPUS: return AV_CODEC_ID_OPUS;
    case CMAF_MP3: return AV_CODEC_ID_MP3;
    case CMAF_AC3: return AV_CODEC_ID_AC3;
    case CMAF_EAC3: return AV_CODEC_ID_EAC3;
    case CMAF_FLAC: return AV_CODEC_ID_FLAC;
    default: return AV_CODEC_ID_NONE;
    }
}

struct err av_set_config(AVCodecContext *decoder, const struct cmaf_track *track) {
    if (!track->config.len || track->codec == CMAF_VP9) return ERR_OK; /* VP9 tells all in its frames */
    decoder->extradata = av_mallocz(track->config.len + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!decoder->extradata) return err_memory();
    memcpy(decoder->extradata, track->config.ptr, track->config.len);
    decoder->extradata_size = (int)track->config.len;
    return ERR_OK;
}

struct err codec_stills_open(const struct cmaf_track *track, int threads, struct codec_stills **out) {
    struct err e = av_quiet();
    if (e.kind) return e;
    const AVCodec *codec = avcodec_find_decoder(av_codec_of(track->codec));
    if (!codec) return codec_media_err("media.unsupported");
    struct codec_stills *s = mem_zalloc(sizeof *s);
    if (!s) return err_memory();
    s->track = *track;
    s->decoder = avcodec_alloc_context3(codec);
    s->frame = av_frame_alloc();
    s->scaled = av_frame_alloc();
    s->packet = av_packet_alloc();
    bool has_failed = !s->decoder || !s->frame || !s->scaled || !s->packet;
    if (!has_failed) has_failed = av_set_config(s->decoder, track).kind != ERR_NONE;
    if (has_failed) {
        codec_stills_close(&s);
        return err_memory();
    }
    s->decoder->thread_count = threads > 0 ? threads : 1;
    s->decoder->thread_type = FF_THREAD_SLICE; /* one picture at a time */
    s->decoder->max_pixels = CODEC_PIXELS_MAX;
    s->decoder->skip_loop_filter = AVDISCARD_NONKEY;
    s->decoder->pkt_timebase = (AVRational){1, (int)track->timescale};
    if (avcodec_open2(s->decoder, codec, NULL) < 0) {
        codec_stills_close(&s);
        return codec_media_err("media.unsupported");
    }
    *out = s;
    return ERR_OK;
}

void codec_stills_close(struct codec_stills **stills) {
    struct codec_stills *s = *stills;
    if (!s) return;
    *stills = NULL;
    avcodec_free_context(&s->decoder);
    av_frame_free(&s->frame);
    av_frame_free(&s->scaled);
    av_packet_free(&s->packet);
    filter_free(&s->filter);
    mem_free(s->rgb);
    mem_free(s);
}

/* Copies a tightly packed picture turned clockwise by right angles. */
static void turn(const AVFrame *in, uint32_t degrees, uint8_t *out) {
    uint32_t w = (uint32_t)in->width, h = (uint32_t)in->height, out_width = degrees % 180 ? h : w;
    for (uint32_t y = 0; y < h; y++) {
        const uint8_t *row = in->data[0] + (ptrdiff_t)in->linesize[0] * (ptrdiff_t)y;
        if (degrees == 0) {
            memcpy(out + (size_t)y * w * 3, row, (size_t)w * 3);
            continue;
        }
        for (uint32_t x = 0; x < w; x++) {
            uint32_t to_x = degrees == 90 ? h - 1 - y : degrees == 180 ? w - 1 - x : y;
            uint32_t to_y = degrees == 90 ? x : degrees == 180 ? h - 1 - y : w - 1 - x;
            memcpy(out + ((size_t)to_y * out_width + to_x) * 3, row + (size_t)x * 3, 3);
        }
    }
}

/* Square pixels, upright, inside the box. */
static void choose_size(struct codec_stills *s, uint32_t width_max, uint32_t height_max) {
    struct cmaf_track as_is = s->track;
    as_is.width = (uint16_t)(s->frame->width < 65535 ? s->frame->width : 65535);
    as_is.height = (uint16_t)(s->frame->height < 65535 ? s->frame->height : 65535);
    uint32_t width, height;
    cmaf_track_display_size(&as_is, &width, &height);
    double factor = 1;
    if (width > width_max) factor = (double)width_max / width;
    if (height * factor > height_max) factor = (double)height_max / height;
    uint32_t w = (uint32_t)(width * factor + 0.5), h = (uint32_t)(height * factor + 0.5);
    if (w < 1) w = 1;
    if (h < 1) h = 1;
    bool is_sideways = s->track.rotation % 180 != 0;
    int target_width = (int)(is_sideways ? h : w), target_height = (int)(is_sideways ? w : h);
    if (target_width != s->target.width || target_height != s->target.height) filter_free(&s->filter);
    s->target = (struct filter_target){.width = target_width, .height = target_height, .format = "rgb24", .time_base = s->decoder->pkt_timebase};
}

struct err codec_stills_decode(struct codec_stills *s, struct slice sample, uint32_t width_max, uint32_t height_max, struct codec_still *out) {
    if (sample.len > INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE || av_new_packet(s->packet, (int)sample.len) < 0) return err_memory();
    memcpy(s->packet->data, sample.ptr, sample.len);
    s->packet->flags |= AV_PKT_FLAG_KEY;
    s->packet->pts = s->packet->dts = 0;
    avcodec_flush_buffers(s->decoder);
    int av = avcodec_send_packet(s->decoder, s->packet);
    av_packet_unref(s->packet);
    if (av >= 0) av = avcodec_send_packet(s->decoder, NULL); /* no other picture follows: do not wait for it */
    if (av >= 0) av = avcodec_receive_frame(s->decoder, s->frame);
    if (av == AVERROR(ENOMEM)) return err_memory();
    if (av < 0) return codec_media_err("media.damaged");
    choose_size(s, width_max, height_max);
    s->frame->pts = 0;
    struct err e = filter_prepare(&s->filter, s->frame, &s->target);
    if (!e.kind) e = filter_push(&s->filter, s->frame);
    av_frame_unref(s->frame);
    bool has_picture = !e.kind && filter_pull(&s->filter, s->scaled);
    if (!e.kind && !has_picture) { /* a deinterlacer waits for the next picture: tell it that none comes */
        e = filter_push(&s->filter, NULL);
        has_picture = !e.kind && filter_pull(&s->filter, s->scaled);
        if (!has_picture && !e.kind) e = codec_media_err("media.damaged");
    }
    if (e.kind) return e;
    size_t bytes = (size_t)s->scaled->width * (size_t)s->scaled->height * 3;
    if (bytes > s->rgb_bytes) {
        uint8_t *larger = mem_realloc(s->rgb, bytes);
        if (!larger) {
            av_frame_unref(s->scaled);
            return err_memory();
        }
        s->rgb = larger;
        s->rgb_bytes = bytes;
    }
    turn(s->scaled, s->track.rotation, s->rgb);
    bool is_sideways = s->track.rotation % 180 != 0;
    out->width = (uint32_t)(is_sideways ? s->scaled->height : s->scaled->width);
    out->height = (uint32_t)(is_sideways ? s->scaled->width : s->scaled->height);
    out->rgb = s->rgb;
    av_frame_unref(s->scaled);
    if (s->filter.is_interlaced) filter_free(&s->filter); /* it was told that nothing follows */
    return ERR_OK;
}

/* --- JPEG --- */

struct err codec_still_jpeg(enum codec_pixels pixels, const void *data, int width, int height, size_t stride, int quality, struct buf *out) {
    struct err e = av_quiet();
    if (e.kind) return e;
    int each = pixels == CODEC_RGB ? 3 : 4;
    if (width < 1 || height < 1 || width > CODEC_SIDE_MAX || height > CODEC_SIDE_MAX || stride < (size_t)width * (size_t)each || stride > INT32_MAX ||
        quality < 1 || quality > 100)
        return err_make(ERR_INPUT, "still.size", "A picture of this size cannot be written as JPEG.");
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    if (!codec) return err_make(ERR_BUG, "codec.missing", "This FFmpeg has no JPEG encoder. Install Debian's FFmpeg libraries.");
    AVCodecContext *c = avcodec_alloc_context3(codec);
    AVFrame *f = av_frame_alloc();
    AVPacket *p = av_packet_alloc();
    struct SwsContext *scaler = NULL;
    e = !c || !f || !p ? err_memory() : ERR_OK;
    if (e.kind) goto end;
    c->width = f->width = width;
    c->height = f->height = height;
    c->pix_fmt = AV_PIX_FMT_YUVJ420P;
    c->color_range = AVCOL_RANGE_JPEG;
    c->time_base = (AVRational){1, 25};
    c->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
    c->thread_count = 1;
    /* FFmpeg's scale runs from 2 (best) to 31 */
    c->global_quality = FF_QP2LAMBDA * (2 + (100 - quality) * 29 / 99);
    f->format = c->pix_fmt;
    f->quality = c->global_quality;
    e = avcodec_open2(c, codec, NULL) < 0 || av_frame_get_buffer(f, 0) < 0 ? err_memory() : ERR_OK;
    if (e.kind) goto end;
    enum AVPixelFormat format = pixels == CODEC_RGB ? AV_PIX_FMT_RGB24 : pixels == CODEC_RGBA ? AV_PIX_FMT_RGB0 : AV_PIX_FMT_BGR0;
    scaler = sws_getContext(width, height, format, width, height, AV_PIX_FMT_YUV420P, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP, NULL, NULL, NULL);
    if (!scaler) {
        e = err_memory();
        goto end;
    }
    const int *bt601 = sws_getCoefficients(SWS_CS_ITU601); /* JFIF */
    sws_setColorspaceDetails(scaler, bt601, 1, bt601, 1, 0, 1 << 16, 1 << 16);
    const uint8_t *planes[4] = {data};
    const int strides[4] = {(int)stride};
    sws_scale(scaler, planes, strides, 0, height, f->data, f->linesize);
    f->pts = 0;
    if (avcodec_send_frame(c, f) < 0 || avcodec_receive_packet(c, p) < 0) {
        e = codec_media_err("media.encode");
        goto end;
    }
    buf_bytes(out, p->data, (size_t)p->size);
    e = buf_error(out);
end:
    sws_freeContext(scaler);
    av_packet_free(&p);
    av_frame_free(&f);
    avcodec_free_context(&c);
    return e;
}
