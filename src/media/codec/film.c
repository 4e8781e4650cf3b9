/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * film.c: our own pictures and sound into one file. The container is written by libavformat through base/fs. */
#include "media/codec/codec.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "media/codec/av.h"
#include "media/codec/encoder.h"

enum { AUDIO_MAX = 16, TEXT_MAX = 16, PLANES_MAX = 6 };

struct film_audio {
    AVCodecContext *encoder;
    AVStream *stream;
    AVFrame *frame; /* being filled: frame->nb_samples is its capacity */
    int filled;
    int64_t frames_done;
};

struct codec_film {
    struct err error; /* the first one */
    struct av_file file;
    int fd, dir_fd;
    char *path;
    AVFormatContext *muxer;
    bool has_header;
    AVPacket *packet;
    AVCodecContext *video;
    AVStream *video_stream;
    AVFrame *picture;
    struct SwsContext *scaler;
    int scaler_format;
    int64_t pictures_done;
    struct film_audio audio[AUDIO_MAX];
    size_t audio_count;
    AVStream *text[TEXT_MAX];
    size_t text_count;
};

static void fail(struct codec_film *f, struct err e) {
    if (!f->error.kind) f->error = e;
}

static struct err refused(int av) { return av_err(av, ERR_BUG, "film.encode", "The encoder refused what it was given."); }

static struct err wrong_options(void) {
    return err_make(ERR_INPUT, "film.options", "This picture size, picture rate or sound format cannot be encoded.");
}
static bool tag(AVStream *stream, const char *language, const char *title, bool is_default) {
    if (language && av_dict_set(&stream->metadata, "language", language, 0) < 0) return false;
    if (title && (av_dict_set(&stream->metadata, "title", title, 0) < 0 || av_dict_set(&stream->metadata, "handler_name", title, 0) < 0))
        return false;
    stream->disposition = is_default ? AV_DISPOSITION_DEFAULT : 0;
    return true;
}

static struct err open_video(struct codec_film *f, const struct codec_film_options *o) {
    f->video_stream = avformat_new_stream(f->muxer, NULL);
    f->picture = av_frame_alloc();
    if (!f->video_stream || !f->picture) return err_memory();
    struct err e = encoder_h264_make(o->width, o->height, o->rate_num, o->rate_den, &f->video);
    if (e.kind) return e;
    AVCodecContext *v = f->video;
    v->gop_size = o->key_frames_every ? o->key_frames_every : (2 * o->rate_num + o->rate_den / 2) / o->rate_den;
    if (v->gop_size < 1) v->gop_size = 1;
    v->keyint_min = v->gop_size;
    v->thread_count = o->threads ? o->threads : 0;
    if (v->thread_count == 0) v->thread_count = sysconf(_SC_NPROCESSORS_ONLN) < 4 ? (int)sysconf(_SC_NPROCESSORS_ONLN) : 4;
    v->flags |= AV_CODEC_FLAG_CLOSED_GOP;
    if (f->muxer->oformat->flags & AVFMT_GLOBALHEADER) v->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    char crf[16];
    snprintf(crf, sizeof crf, "%d", o->crf ? o->crf : 20);
    if (av_opt_set(v->priv_data, "preset", o->preset ? o->preset : "veryfast", 0) < 0 || av_opt_set(v->priv_data, "crf", crf, 0) < 0)
        return wrong_options();
    if (av_opt_set(v->priv_data, "sc_threshold", "0", 0) < 0) return refused(-1); /* groups of equal length */
    int av = avcodec_open2(v, NULL, NULL);
    if (av < 0) return av_err(av, ERR_INPUT, "film.options", wrong_options().what);
    if (avcodec_parameters_from_context(f->video_stream->codecpar, v) < 0) return err_memory();
    f->video_stream->time_base = v->time_base;
    f->video_stream->avg_frame_rate = v->framerate;
    f->video_stream->sample_aspect_ratio = v->sample_aspect_ratio;
    f->video_stream->disposition = AV_DISPOSITION_DEFAULT;
    return encoder_picture_alloc(v, f->picture);
}

static struct err open_audio(struct codec_film *f, const struct codec_film_audio *o, bool is_default) {
    if (o->channels != 1 && o->channels != 2 && o->channels != 6) return wrong_options();
    struct film_audio *a = &f->audio[f->audio_count++];
    a->stream = avformat_new_stream(f->muxer, NULL);
    a->frame = av_frame_alloc();
    if (!a->stream || !a->frame) return err_memory();
    struct err e = encoder_aac_make(o->rate, o->channels, o->bits_per_s, &a->encoder);
    if (e.kind) return e;
    AVCodecContext *c = a->encoder;
    if (f->muxer->oformat->flags & AVFMT_GLOBALHEADER) c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (o->rate <= 0) return wrong_options();
    int av = avcodec_open2(c, NULL, NULL);
    if (av < 0) return av_err(av, ERR_INPUT, "film.options", wrong_options().what);
    if (avcodec_parameters_from_context(a->stream->codecpar, c) < 0) return err_memory();
    a->stream->time_base = c->time_base;
    if (!tag(a->stream, o->language, o->title, is_default)) return err_memory();
    return encoder_sound_alloc(c, a->frame);
}

/* The sample description that QuickTime-family files demand for text: tx3g of 3GPP TS 26.245 section 5.16 without the
 * box header: white, 18 points, centred at the bottom, one font. */
static const uint8_t TX3G[] = {
    0, 0, 0, 0,             /* display flags */
    1, 0xff,                /* centred, bottom */
    0, 0, 0, 0,             /* background */
    0, 0, 0, 0, 0, 0, 0, 0, /* box */
    0, 0, 0, 0, 0, 1, 0, 18, 255, 255, 255, 255,               /* style */
    0, 0, 0, 18, 'f', 't', 'a', 'b', 0, 1, 0, 1, 5, 'S', 'e', 'r', 'i', 'f',
};

static struct err open_text(struct codec_film *f, const struct codec_film_text *o) {
    AVStream *stream = avformat_new_stream(f->muxer, NULL);
    if (!stream) return err_memory();
    f->text[f->text_count++] = stream;
    bool is_mp4 = !strcmp(f->muxer->oformat->name, "mp4");
    stream->codecpar->codec_type = AVMEDIA_TYPE_SUBTITLE;
    stream->codecpar->codec_id = is_mp4 ? AV_CODEC_ID_MOV_TEXT : AV_CODEC_ID_SUBRIP;
    stream->time_base = (AVRational){1, 1000};
    if (is_mp4) {
        stream->codecpar->extradata = av_mallocz(sizeof TX3G + AV_INPUT_BUFFER_PADDING_SIZE);
        if (!stream->codecpar->extradata) return err_memory();
        memcpy(stream->codecpar->extradata, TX3G, sizeof TX3G);
        stream->codecpar->extradata_size = sizeof TX3G;
    }
    return tag(stream, o->language, o->title, o->is_default) ? ERR_OK : err_memory();
}

static struct err open_film(struct codec_film *f, const struct codec_film_options *o) {
    enum codec_film_format format = o->format;
    if (!format) format = slice_ends_with(slice_cstr(f->path), SLICE(".mkv")) ? CODEC_FILM_MKV : CODEC_FILM_MP4;
    if (!(f->packet = av_packet_alloc())) return err_memory();
    int av = avformat_alloc_output_context2(&f->muxer, NULL, format == CODEC_FILM_MKV ? "matroska" : "mp4", NULL);
    if (av < 0) return av_err(av, ERR_BUG, "codec.missing", encoder_missing().what);
    struct err e = av_file_open(&f->file, f->fd, true);
    if (e.kind) return e;
    f->muxer->pb = f->file.io;
    f->muxer->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT; /* the same input gives the same file */
    if (o->text_count == 0) f->muxer->max_interleave_delta = 0; /* order by time, always; captions may have long gaps, and are not waited for */
    if (o->width || o->height) {
        if ((e = open_video(f, o)).kind) return e;
    }
    bool somebody_is_default = false;
    for (size_t i = 0; i < o->audio_count; i++) somebody_is_default |= o->audio[i].is_default;
    for (size_t i = 0; i < o->audio_count; i++) {
        e = open_audio(f, &o->audio[i], somebody_is_default ? o->audio[i].is_default : i == 0);
        if (e.kind) return e;
    }
    for (size_t i = 0; i < o->text_count; i++)
        if ((e = open_text(f, &o->text[i])).kind) return e;
    AVDictionary *options = NULL;
    if (format == CODEC_FILM_MP4) av_dict_set(&options, "movflags", "+write_colr", 0);
    av = avformat_write_header(f->muxer, &options);
    av_dict_free(&options);
    if (av < 0) return f->file.first_error.kind ? f->file.first_error : av_err(av, ERR_BUG, "film.encode", refused(-1).what);
    f->has_header = true;
    return ERR_OK;
}

static void destroy(struct codec_film *f) {
    for (size_t i = 0; i < f->audio_count; i++) {
        avcodec_free_context(&f->audio[i].encoder);
        av_frame_free(&f->audio[i].frame);
    }
    avcodec_free_context(&f->video);
    av_frame_free(&f->picture);
    sws_freeContext(f->scaler);
    av_packet_free(&f->packet);
    avformat_free_context(f->muxer);
    av_file_close(&f->file);
    fs_close(&f->fd);
    mem_free(f->path);
    mem_free(f);
}

void codec_film_cancel(struct codec_film **film) {
    struct codec_film *f = *film;
    if (!f) return;
    *film = NULL;
    unlinkat(f->dir_fd, f->path, 0);
    destroy(f);
}

static bool are_options_sane(const struct codec_film_options *o) {
    if (o->audio_count > AUDIO_MAX || o->text_count > TEXT_MAX) return false;
    if (!o->width && !o->height) return o->audio_count > 0;
    return o->width >= 16 && o->width <= 8192 && o->height >= 16 && o->height <= 8192 && o->width % 2 == 0 && o->height % 2 == 0 &&
           o->rate_num > 0 && o->rate_den > 0 && o->rate_num / o->rate_den <= 1000 && o->crf >= 0 && o->crf <= 51 &&
           o->key_frames_every >= 0 && o->threads >= 0;
}

struct err codec_film_open(int dir_fd, const char *path, const struct codec_film_options *options, struct codec_film **out) {
    if (!are_options_sane(options)) return wrong_options();
    struct err e = av_quiet();
    if (e.kind) return e;
    struct codec_film *f = mem_zalloc(sizeof *f);
    if (!f) return err_memory();
    f->fd = -1;
    f->dir_fd = dir_fd;
    f->path = mem_strdup(path);
    e = f->path ? fs_open(dir_fd, path, O_RDWR | O_CREAT | O_TRUNC, 0644, &f->fd) : err_memory();
    if (e.kind) {
        destroy(f);
        return e;
    }
    e = open_film(f, options);
    if (e.kind) {
        codec_film_cancel(&f);
        return e;
    }
    *out = f;
    return ERR_OK;
}

/* Takes from `encoder` what it has ready and hands it to the container. */
static void drain(struct codec_film *f, AVCodecContext *encoder, AVStream *stream) {
    for (;;) {
        int av = avcodec_receive_packet(encoder, f->packet);
        if (av == AVERROR(EAGAIN) || av == AVERROR_EOF) return;
        if (av < 0) return fail(f, refused(av));
        av_packet_rescale_ts(f->packet, encoder->time_base, stream->time_base);
        f->packet->stream_index = stream->index;
        if (stream == f->video_stream && !f->packet->duration) f->packet->duration = av_rescale_q(1, encoder->time_base, stream->time_base);
        av = av_interleaved_write_frame(f->muxer, f->packet);
        av_packet_unref(f->packet);
        if (av < 0) return fail(f, f->file.first_error.kind ? f->file.first_error : refused(av));
    }
}

static void push(struct codec_film *f, AVCodecContext *encoder, AVStream *stream, AVFrame *frame) {
    int av = avcodec_send_frame(encoder, frame);
    if (av < 0) return fail(f, refused(av));
    drain(f, encoder, stream);
}

static void push_picture(struct codec_film *f, const void *pixels, size_t stride, int format) {
    assert(f->video && stride >= (size_t)f->video->width * 4 && stride <= INT32_MAX);
    if (f->error.kind) return;
    if (!f->scaler || f->scaler_format != format) {
        sws_freeContext(f->scaler);
        f->scaler = sws_getContext(f->video->width, f->video->height, (enum AVPixelFormat)format, f->video->width, f->video->height,
                                   AV_PIX_FMT_YUV420P, SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL, NULL, NULL);
        if (!f->scaler) return fail(f, err_memory());
        f->scaler_format = format;
        const int *bt709 = sws_getCoefficients(SWS_CS_ITU709);
        sws_setColorspaceDetails(f->scaler, bt709, 1, bt709, 0, 0, 1 << 16, 1 << 16);
    }
    if (av_frame_make_writable(f->picture) < 0) return fail(f, err_memory());
    const uint8_t *planes[4] = {pixels};
    const int strides[4] = {(int)stride};
    sws_scale(f->scaler, planes, strides, 0, f->video->height, f->picture->data, f->picture->linesize);
    f->picture->pts = f->pictures_done++;
    push(f, f->video, f->video_stream, f->picture);
}

void codec_film_picture(struct codec_film *f, const void *bgra, size_t stride) { push_picture(f, bgra, stride, AV_PIX_FMT_BGR0); }
void codec_film_picture_rgba(struct codec_film *f, const void *rgba, size_t stride) { push_picture(f, rgba, stride, AV_PIX_FMT_RGB0); }

static void push_sound(struct codec_film *f, size_t track, const int16_t *s16, const float *f32, size_t frames) {
    assert(track < f->audio_count);
    struct film_audio *a = &f->audio[track];
    size_t channels = (size_t)a->encoder->ch_layout.nb_channels;
    /* The interface promises L R C LFE Ls Rs, which is the order of FFmpeg's 5.1 planes too. */
    for (size_t at = 0; at < frames && !f->error.kind;) {
        if (a->filled == 0 && av_frame_make_writable(a->frame) < 0) return fail(f, err_memory());
        size_t room = (size_t)(a->encoder->frame_size - a->filled);
        size_t count = frames - at < room ? frames - at : room;
        for (size_t c = 0; c < channels; c++) {
            float *plane = (float *)a->frame->extended_data[c] + a->filled;
            if (s16)
                for (size_t i = 0; i < count; i++) plane[i] = (float)s16[(at + i) * channels + c] * (1.0f / 32768.0f);
            else
                for (size_t i = 0; i < count; i++) plane[i] = f32[(at + i) * channels + c];
        }
        a->filled += (int)count;
        at += count;
        if (a->filled < a->encoder->frame_size) continue;
        a->frame->pts = a->frames_done;
        a->frames_done += a->filled;
        a->filled = 0;
        push(f, a->encoder, a->stream, a->frame);
    }
}

void codec_film_sound_s16(struct codec_film *f, size_t track, const int16_t *samples, size_t frames) {
    push_sound(f, track, samples, NULL, frames);
}
void codec_film_sound_f32(struct codec_film *f, size_t track, const float *samples, size_t frames) {
    push_sound(f, track, NULL, samples, frames);
}

void codec_film_caption(struct codec_film *f, size_t track, int64_t start_ms, int64_t end_ms, struct slice text) {
    assert(track < f->text_count && end_ms > start_ms && text.len < 16384 && utf8_is_valid(text));
    if (f->error.kind) return;
    AVStream *stream = f->text[track];
    bool is_mp4 = stream->codecpar->codec_id == AV_CODEC_ID_MOV_TEXT;
    int head = is_mp4 ? 2 : 0; /* 3GPP: a 16-bit length first */
    int av = av_new_packet(f->packet, (int)text.len + head);
    if (av < 0) return fail(f, err_memory());
    if (is_mp4) {
        f->packet->data[0] = (uint8_t)(text.len >> 8);
        f->packet->data[1] = (uint8_t)text.len;
    }
    memcpy(f->packet->data + head, text.ptr, text.len);
    f->packet->pts = f->packet->dts = av_rescale_q(start_ms, (AVRational){1, 1000}, stream->time_base);
    f->packet->duration = av_rescale_q(end_ms - start_ms, (AVRational){1, 1000}, stream->time_base);
    f->packet->stream_index = stream->index;
    f->packet->flags |= AV_PKT_FLAG_KEY;
    av = av_interleaved_write_frame(f->muxer, f->packet);
    av_packet_unref(f->packet);
    if (av < 0) fail(f, f->file.first_error.kind ? f->file.first_error : refused(av));
}

struct err codec_film_error(const struct codec_film *f) { return f->error; }

struct err codec_film_finish(struct codec_film **film) {
    struct codec_film *f = *film;
    for (size_t i = 0; i < f->audio_count; i++) {
        struct film_audio *a = &f->audio[i];
        if (!f->error.kind && a->filled) { /* the last frame is as long as there is sound; the edit list tells players */
            a->frame->nb_samples = a->filled;
            a->frame->pts = a->frames_done;
            push(f, a->encoder, a->stream, a->frame);
        }
        if (!f->error.kind) push(f, a->encoder, a->stream, NULL);
    }
    if (!f->error.kind && f->video) push(f, f->video, f->video_stream, NULL);
    if (!f->error.kind) {
        int av = av_write_trailer(f->muxer);
        avio_flush(f->muxer->pb);
        if (f->file.first_error.kind) fail(f, f->file.first_error);
        else if (av < 0) fail(f, refused(av));
    }
    if (!f->error.kind) {
        struct err e = fs_sync(f->fd);
        if (e.kind) fail(f, e);
    }
    if (f->error.kind) {
        struct err e = f->error;
        codec_film_cancel(film);
        return e;
    }
    *film = NULL;
    destroy(f);
    return ERR_OK;
}
