/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * gray.c: pictures of a video stream, or of a JPEG or PNG, as gray bytes in their own size: for those who measure in pictures. */
#include <string.h>

#include "base/mem.h"
#include "media/codec/demux.h"
#include "media/codec/filter.h"

struct codec_gray {
    AVCodecContext *decoder;
    AVFrame *frame, *plain;
    AVPacket *packet;
    AVRational ticks;
    int64_t origin; /* in ticks */
    uint32_t rotation;
    struct filter filter;
    uint8_t *gray;
    size_t gray_bytes;
    bool has_ended;
};

static struct err open_decoder(enum AVCodecID id, const AVCodecParameters *parameters, struct codec_gray *g, struct codec_gray **out) {
    const AVCodec *codec = avcodec_find_decoder(id);
    struct err e = codec ? ERR_OK : codec_media_err("media.unsupported");
    if (!e.kind) {
        g->decoder = avcodec_alloc_context3(codec);
        g->frame = av_frame_alloc(), g->plain = av_frame_alloc(), g->packet = av_packet_alloc();
        if (!g->decoder || !g->frame || !g->plain || !g->packet || (parameters && avcodec_parameters_to_context(g->decoder, parameters) < 0)) e = err_memory();
    }
    if (!e.kind) {
        g->decoder->thread_count = 1;
        g->decoder->max_pixels = CODEC_PIXELS_MAX;
        g->decoder->pkt_timebase = g->ticks;
        if (avcodec_open2(g->decoder, codec, NULL) < 0) e = codec_media_err("media.unsupported");
    }
    if (e.kind) codec_gray_close(&g);
    else *out = g;
    return e;
}

struct err codec_gray_open(const struct codec_source *source, size_t stream, struct codec_gray **out) {
    const struct source_stream *s = &source->streams[stream];
    if (s->about.kind != CODEC_VIDEO) return codec_media_err("media.unsupported");
    struct codec_gray *g = mem_zalloc(sizeof *g);
    if (!g) return err_memory();
    g->ticks = s->av->time_base, g->origin = source_origin(source, g->ticks), g->rotation = s->about.track.rotation;
    return open_decoder(s->av->codecpar->codec_id, s->av->codecpar, g, out);
}

struct err codec_gray_open_still(struct slice file, struct codec_gray **out) {
    struct err e = av_quiet();
    if (e.kind) return e;
    bool is_jpeg = slice_starts_with(file, SLICE("\xff\xd8\xff")), is_png = slice_starts_with(file, SLICE("\x89PNG\r\n\x1a\n"));
    if (!is_jpeg && !is_png) return codec_media_err("media.unknown");
    struct codec_gray *g = mem_zalloc(sizeof *g), *opened = NULL;
    if (!g) return err_memory();
    g->ticks = (AVRational){1, 1000};
    e = open_decoder(is_jpeg ? AV_CODEC_ID_MJPEG : AV_CODEC_ID_PNG, NULL, g, &opened);
    if (e.kind) return e;
    if (file.len > INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE || av_new_packet(opened->packet, (int)file.len) < 0) e = err_memory();
    else {
        memcpy(opened->packet->data, file.ptr, file.len);
        opened->packet->pts = opened->packet->dts = 0, opened->packet->flags |= AV_PKT_FLAG_KEY;
        int av = avcodec_send_packet(opened->decoder, opened->packet);
        av_packet_unref(opened->packet);
        if (av == AVERROR(ENOMEM)) e = err_memory();
        else if (av < 0) e = codec_media_err("media.damaged");
        else e = codec_gray_push(opened, NULL);
    }
    if (e.kind) codec_gray_close(&opened);
    else *out = opened;
    return e;
}

void codec_gray_close(struct codec_gray **gray) {
    struct codec_gray *g = *gray;
    if (!g) return;
    *gray = NULL;
    avcodec_free_context(&g->decoder);
    av_frame_free(&g->frame), av_frame_free(&g->plain);
    av_packet_free(&g->packet);
    filter_free(&g->filter);
    mem_free(g->gray);
    mem_free(g);
}

struct err codec_gray_push(struct codec_gray *g, struct codec_packet *packet) {
    if (!packet && g->has_ended) return ERR_OK;
    g->has_ended = !packet;
    int av = avcodec_send_packet(g->decoder, packet ? packet_av(packet) : NULL);
    return av == AVERROR(ENOMEM) ? err_memory() : ERR_OK; /* a damaged packet gives no picture */
}

/* Copies the picture turned clockwise by right angles, as players show it. */
static struct err turned(struct codec_gray *g, struct codec_gray_picture *out) {
    const AVFrame *in = g->plain;
    size_t w = (size_t)in->width, h = (size_t)in->height;
    if (w * h > g->gray_bytes) {
        uint8_t *more = mem_realloc(g->gray, w * h);
        if (!more) return err_memory();
        g->gray = more, g->gray_bytes = w * h;
    }
    bool is_sideways = g->rotation % 180 != 0;
    size_t width = is_sideways ? h : w;
    for (size_t y = 0; y < h; y++) {
        const uint8_t *row = in->data[0] + (ptrdiff_t)in->linesize[0] * (ptrdiff_t)y;
        for (size_t x = 0; x < w; x++) {
            size_t to_x = g->rotation == 90 ? h - 1 - y : g->rotation == 180 ? w - 1 - x : g->rotation == 270 ? y : x;
            size_t to_y = g->rotation == 90 ? x : g->rotation == 180 ? h - 1 - y : g->rotation == 270 ? w - 1 - x : y;
            g->gray[to_y * width + to_x] = row[x];
        }
    }
    out->width = (uint32_t)width, out->height = (uint32_t)(is_sideways ? w : h), out->gray = g->gray;
    return ERR_OK;
}

struct err codec_gray_pull(struct codec_gray *g, struct codec_gray_picture *out, bool *has_picture) {
    *has_picture = false;
    for (;;) {
        if (filter_pull(&g->filter, g->plain)) break;
        int av = avcodec_receive_frame(g->decoder, g->frame);
        if (av == AVERROR(ENOMEM)) return err_memory();
        if (av == AVERROR(EAGAIN) || av == AVERROR_EOF) return ERR_OK;
        if (av < 0) continue; /* the next one may be whole */
        struct filter_target target = {.width = g->frame->width, .height = g->frame->height, .format = "gray", .time_base = g->ticks};
        g->frame->pts = g->frame->best_effort_timestamp == AV_NOPTS_VALUE ? g->origin : g->frame->best_effort_timestamp;
        struct err e = filter_prepare(&g->filter, g->frame, &target);
        if (!e.kind) e = filter_push(&g->filter, g->frame);
        av_frame_unref(g->frame);
        if (e.kind) return e;
    }
    struct err e = turned(g, out);
    out->time_us = av_rescale_q(g->plain->pts - g->origin, g->ticks, (AVRational){1, 1000000});
    av_frame_unref(g->plain);
    *has_picture = !e.kind;
    return e;
}
