/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * live.c: our own pictures and sound, encoded as they happen. */
#include <stdio.h>

#include "base/mem.h"
#include "media/codec/av.h"
#include "media/codec/codec.h"
#include "media/codec/encoder.h"
#include "media/codec/nal.h"

enum { SAMPLE_BYTES_MAX = 32 << 20, CONFIG_BYTES_MAX = 4096 };

struct codec_live {
    codec_live_sink *sink;
    void *user;
    AVCodecContext *video, *audio;
    AVFrame *picture, *sound; /* sound: being filled */
    int filled, key_frames_every;
    int64_t sound_done, last_key;
    AVPacket *packet;
    struct nal_sets sets;
    struct buf config, sample;
};

static struct err wrong_options(void) { return err_make(ERR_INPUT, "live.options", "This picture size, picture rate or sound format cannot be encoded."); }
static struct err refused(int av) { return av_err(av, ERR_BUG, "live.encode", "The encoder refused what it was given."); }

static bool is_sane(const struct codec_live_options *o) {
    bool has_picture = o->width || o->height, has_sound = o->sound_rate || o->sound_channels;
    if (has_picture && (o->width < 16 || o->width > 8192 || o->height < 16 || o->height > 8192 || o->width % 2 || o->height % 2 || o->rate_num <= 0 ||
                        o->rate_den <= 0 || o->rate_num / o->rate_den > 1000 || o->key_frames_every < 1 || o->bits_per_s < 10000 || o->bits_per_s > INT32_MAX))
        return false;
    if (has_sound && (o->sound_rate <= 0 || (o->sound_channels != 1 && o->sound_channels != 2 && o->sound_channels != 6))) return false;
    return has_picture || has_sound;
}

static struct err open_video(struct codec_live *l, const struct codec_live_options *o) {
    l->picture = av_frame_alloc();
    if (!l->picture) return err_memory();
    struct err e = encoder_h264_make(o->width, o->height, o->rate_num, o->rate_den, &l->video);
    if (e.kind) return e;
    AVCodecContext *v = l->video;
    v->gop_size = o->key_frames_every;
    v->bit_rate = v->rc_max_rate = o->bits_per_s;
    v->rc_buffer_size = (int)(o->bits_per_s / 2); /* half a second: a key frame may not delay what follows it */
    v->max_b_frames = 0;
    v->thread_count = 1;
    v->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP;
    l->key_frames_every = o->key_frames_every;
    l->last_key = INT64_MIN;
    if (av_opt_set(v->priv_data, "preset", o->preset ? o->preset : "superfast", 0) < 0 || av_opt_set(v->priv_data, "tune", "zerolatency", 0) < 0 ||
        av_opt_set(v->priv_data, "sc_threshold", "0", 0) < 0 || av_opt_set(v->priv_data, "forced-idr", "1", 0) < 0)
        return wrong_options();
    int av = avcodec_open2(v, NULL, NULL);
    if (av < 0) return av_err(av, ERR_INPUT, "live.options", wrong_options().what);
    struct slice header = slice_of(v->extradata, (size_t)v->extradata_size);
    if (!nal_sets_collect(&l->sets, false, header) || !nal_make_config(&l->sets, false, &l->config)) return refused(-1);
    return encoder_picture_alloc(v, l->picture);
}

static struct err open_audio(struct codec_live *l, const struct codec_live_options *o) {
    l->sound = av_frame_alloc();
    if (!l->sound) return err_memory();
    struct err e = encoder_aac_make(o->sound_rate, o->sound_channels, o->sound_bits_per_s, &l->audio);
    if (e.kind) return e;
    AVCodecContext *c = l->audio;
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    int av = avcodec_open2(c, NULL, NULL);
    if (av < 0) return av_err(av, ERR_INPUT, "live.options", wrong_options().what);
    return encoder_sound_alloc(c, l->sound);
}

struct err codec_live_open(struct codec_live **out, const struct codec_live_options *o, codec_live_sink *sink, void *user) {
    if (!is_sane(o)) return wrong_options();
    struct err e = av_quiet();
    if (e.kind) return e;
    struct codec_live *l = mem_zalloc(sizeof *l);
    if (!l) return err_memory();
    l->sink = sink;
    l->user = user;
    l->config = BUF(CONFIG_BYTES_MAX);
    l->sample = BUF(SAMPLE_BYTES_MAX);
    l->packet = av_packet_alloc();
    if (!l->packet) e = err_memory();
    if (!e.kind && o->width) e = open_video(l, o);
    if (!e.kind && o->sound_rate) e = open_audio(l, o);
    if (e.kind) {
        codec_live_close(&l);
        return e;
    }
    *out = l;
    return ERR_OK;
}

void codec_live_close(struct codec_live **address) {
    struct codec_live *l = *address;
    if (!l) return;
    *address = NULL;
    avcodec_free_context(&l->video);
    avcodec_free_context(&l->audio);
    av_frame_free(&l->picture);
    av_frame_free(&l->sound);
    av_packet_free(&l->packet);
    nal_sets_free(&l->sets);
    buf_free(&l->config);
    buf_free(&l->sample);
    mem_free(l);
}

struct slice codec_live_picture_config(const struct codec_live *l) { return buf_slice(&l->config); }
struct slice codec_live_sound_config(const struct codec_live *l) {
    return l->audio ? slice_of(l->audio->extradata, (size_t)l->audio->extradata_size) : SLICE_NONE;
}

static struct err drain(struct codec_live *l, AVCodecContext *encoder) {
    for (;;) {
        int av = avcodec_receive_packet(encoder, l->packet);
        if (av == AVERROR(EAGAIN) || av == AVERROR_EOF) return ERR_OK;
        if (av < 0) return refused(av);
        struct codec_live_sample s = {.is_sound = encoder == l->audio, .is_sync = l->packet->flags & AV_PKT_FLAG_KEY, .time = l->packet->pts,
                                      .data = slice_of(l->packet->data, (size_t)l->packet->size)};
        struct err e = ERR_OK;
        if (!s.is_sound) {
            bool has_new_sets;
            buf_clear(&l->sample);
            if (!nal_to_lengths(&l->sets, false, s.data, &l->sample, &has_new_sets)) e = err_memory();
            s.data = buf_slice(&l->sample);
        }
        if (!e.kind) e = l->sink(l->user, &s);
        av_packet_unref(l->packet);
        if (e.kind) return e;
    }
}

static struct err push(struct codec_live *l, AVCodecContext *encoder, const AVFrame *frame) {
    int av = avcodec_send_frame(encoder, frame);
    return av < 0 ? refused(av) : drain(l, encoder);
}

struct err codec_live_picture(struct codec_live *l, const uint8_t *const planes[3], const int strides[3], int64_t time) {
    AVFrame *p = l->picture;
    if (av_frame_make_writable(p) < 0) return err_memory();
    for (int i = 0; i < 3; i++) {
        int width = i ? p->width / 2 : p->width, height = i ? p->height / 2 : p->height;
        for (int y = 0; y < height; y++) memcpy(p->data[i] + (ptrdiff_t)y * p->linesize[i], planes[i] + (ptrdiff_t)y * strides[i], (size_t)width);
    }
    p->pts = time;
    bool is_key = l->last_key == INT64_MIN || time / l->key_frames_every != l->last_key / l->key_frames_every;
    p->pict_type = is_key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    if (is_key) l->last_key = time;
    return push(l, l->video, p);
}

struct err codec_live_sound(struct codec_live *l, const float *samples, size_t frames) {
    size_t channels = (size_t)l->audio->ch_layout.nb_channels;
    for (size_t at = 0; at < frames;) {
        if (l->filled == 0 && av_frame_make_writable(l->sound) < 0) return err_memory();
        size_t room = (size_t)(l->audio->frame_size - l->filled), count = frames - at < room ? frames - at : room;
        for (size_t c = 0; c < channels; c++) {
            float *plane = (float *)l->sound->extended_data[c] + l->filled;
            for (size_t i = 0; i < count; i++) plane[i] = samples[(at + i) * channels + c];
        }
        l->filled += (int)count;
        at += count;
        if (l->filled < l->audio->frame_size) continue;
        l->sound->pts = l->sound_done;
        l->sound_done += l->filled;
        l->filled = 0;
        struct err e = push(l, l->audio, l->sound);
        if (e.kind) return e;
    }
    return ERR_OK;
}
