/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * pass.c: packets as samples, payload untouched but for its framing. */
#include <string.h>

#include "base/mem.h"
#include "media/codec/demux.h"

enum { LEAP_S_MAX = 24 * 3600, WAITING_MAX = 64 };

/* A packet on its way out, in ticks of the track. */
struct waiting {
    AVPacket *packet;
    int64_t dts, pts, duration; /* dts may be NO_DTS */
};
#define NO_DTS INT64_MIN

struct codec_pass {
    const struct codec_source *source;
    const struct source_stream *stream;
    AVRational ticks; /* of the track */
    int64_t origin;   /* in the stream's time base */
    struct buf scratch;
    struct waiting queue[WAITING_MAX];
    size_t count;
    bool has_begun, has_ended;
    int64_t expected; /* audio: where the next frame begins if nothing is missing */
};

struct err codec_pass_open(const struct codec_source *source, size_t stream, struct codec_pass **out) {
    struct codec_pass *p = mem_zalloc(sizeof *p);
    if (!p) return err_memory();
    p->source = source;
    p->stream = &source->streams[stream];
    p->ticks = (AVRational){1, (int)p->stream->about.track.timescale};
    p->origin = source_origin(source, p->stream->av->time_base);
    p->scratch = BUF((size_t)512 << 20);
    *out = p;
    return ERR_OK;
}

void codec_pass_close(struct codec_pass **pass) {
    struct codec_pass *p = *pass;
    if (!p) return;
    *pass = NULL;
    for (size_t i = 0; i < p->count; i++) av_packet_free(&p->queue[i].packet);
    buf_free(&p->scratch);
    mem_free(p);
}

/* Puts `payload` in the packet's place. */
static struct err replace(AVPacket *packet, struct slice payload) {
    if (!payload.len || payload.len > INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE) return codec_media_err("media.damaged");
    AVBufferRef *buffer = av_buffer_alloc(payload.len + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!buffer) return err_memory();
    memcpy(buffer->data, payload.ptr, payload.len);
    memset(buffer->data + payload.len, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    av_buffer_unref(&packet->buf);
    packet->buf = buffer;
    packet->data = buffer->data;
    packet->size = (int)payload.len;
    return ERR_OK;
}

static struct err reframe(struct codec_pass *p, AVPacket *packet) {
    const struct source_stream *s = p->stream;
    struct slice payload = slice_of(packet->data, (size_t)packet->size);
    switch (s->about.track.codec) {
    case CMAF_H264:
    case CMAF_HEVC: {
        if (!s->is_annexb) return ERR_OK;
        bool has_new_sets;
        buf_clear(&p->scratch);
        if (!nal_to_lengths(&s->sets, s->about.track.codec == CMAF_HEVC, payload, &p->scratch, &has_new_sets)) return err_memory();
        if (has_new_sets) return codec_media_err("media.changes");
        if (!p->scratch.len) return ERR_OK; /* nothing but delimiters: the caller drops it */
        return replace(packet, buf_slice(&p->scratch));
    }
    case CMAF_AAC: {
        if (!s->is_adts) return ERR_OK;
        uint8_t asc[2];
        size_t header = config_adts(payload, asc);
        if (!header) return codec_media_err("media.damaged");
        if (memcmp(asc, s->config.ptr, 2)) return codec_media_err("media.changes");
        packet->data += header;
        packet->size -= (int)header;
        return ERR_OK;
    }
    case CMAF_AV1: /* temporal delimiters stay outside files */
        if (payload.len > 2 && payload.ptr[0] == 0x12 && !payload.ptr[1]) packet->data += 2, packet->size -= 2;
        return ERR_OK;
    default: return ERR_OK;
    }
}

bool codec_pass_pull(struct codec_pass *p, struct cmaf_sample *out) {
    struct waiting *first = &p->queue[0], *second = &p->queue[1];
    if (!p->count || first->dts == NO_DTS || (p->count == 1 && !p->has_ended) || (p->count > 1 && second->dts == NO_DTS)) return false;
    int64_t duration = p->count > 1 ? second->dts - first->dts : first->duration > 0 ? first->duration : 1;
    *out = (struct cmaf_sample){.dts = first->dts, .pts = first->pts, .duration = duration < UINT32_MAX ? (uint32_t)duration : UINT32_MAX,
                                .bytes = (uint32_t)first->packet->size, .data = first->packet->data, .owner = first->packet,
                                .is_sync = first->packet->flags & AV_PKT_FLAG_KEY || p->stream->about.kind == CODEC_AUDIO};
    memmove(p->queue, p->queue + 1, --p->count * sizeof *p->queue);
    return true;
}

/* Matroska and AVI have no decode times; libavformat works them out, but only once it has seen as many pictures as the
 * decoder reorders. Those before lie one picture's length apart, as what follows does. */
static bool fill_in_times(struct codec_pass *p) {
    size_t known = 0;
    while (known < p->count && p->queue[known].dts == NO_DTS) known++;
    if (known == p->count || !known) return true;
    AVRational rate = p->stream->av->avg_frame_rate;
    int64_t step = rate.num > 0 && rate.den > 0 ? av_rescale_q(1, av_inv_q(rate), p->ticks) : p->queue[known].duration;
    if (step < 1) step = 1;
    for (size_t i = known; i-- > 0;) {
        p->queue[i].dts = p->queue[i + 1].dts - step;
        if (p->queue[i].dts > p->queue[i].pts) return false;
    }
    return true;
}

/* Does side data of the packet announce other parameters than ours? */
static bool has_new_parameters(const struct source_stream *s, const AVPacket *packet) {
    size_t size;
    const uint8_t *data = av_packet_get_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, &size);
    const AVCodecParameters *par = s->av->codecpar;
    if (data && size && ((size_t)par->extradata_size != size || memcmp(data, par->extradata, size)) &&
        !slice_eq(slice_of(data, size), buf_slice(&s->config)))
        return true;
    data = av_packet_get_side_data(packet, AV_PKT_DATA_PARAM_CHANGE, &size);
    return data && size > 4;
}

struct err codec_pass_push(struct codec_pass *p, struct codec_packet *in) {
    if (!in) {
        p->has_ended = true;
        /* a stream so short that no decode time ever came: pictures are shown as they come */
        for (size_t i = 0; i < p->count; i++)
            if (p->queue[i].dts == NO_DTS) p->queue[i].dts = p->queue[i].pts;
        for (size_t i = 1; i < p->count; i++)
            if (p->queue[i].dts <= p->queue[i - 1].dts) return codec_media_err("media.timestamps");
        return ERR_OK;
    }
    AVPacket *packet = packet_av(in);
    const struct source_stream *s = p->stream;
    bool is_audio = s->about.kind == CODEC_AUDIO;
    struct err e = has_new_parameters(s, packet) ? codec_media_err("media.changes") : ERR_OK;
    if (!e.kind && !p->has_begun && !is_audio && !(packet->flags & AV_PKT_FLAG_KEY)) goto drop;
    if (!e.kind) e = reframe(p, packet);
    if (!e.kind && s->is_annexb && !p->scratch.len) goto drop;
    if (packet->pts == AV_NOPTS_VALUE && is_audio) packet->pts = packet->dts;
    if (packet->dts == AV_NOPTS_VALUE && is_audio) packet->dts = packet->pts;
    bool is_first_known = p->count && p->queue[p->count - 1].dts == NO_DTS;
    bool may_wait = !p->has_begun || is_first_known;
    if (!e.kind && (packet->pts == AV_NOPTS_VALUE || (packet->dts == AV_NOPTS_VALUE && !may_wait) || p->count == WAITING_MAX))
        e = codec_media_err("media.timestamps");
    if (e.kind) goto failed;

    AVRational tb = s->av->time_base;
    struct waiting *w = &p->queue[p->count];
    w->packet = packet;
    w->pts = av_rescale_q(packet->pts - p->origin, tb, p->ticks);
    w->dts = packet->dts == AV_NOPTS_VALUE ? NO_DTS : av_rescale_q(packet->dts - p->origin, tb, p->ticks);
    w->duration = av_rescale_q(packet->duration, tb, p->ticks);
    if (is_audio) {
        /* Containers round to milliseconds or 90 kHz; what follows without a gap is put exactly behind, as the decoder will */
        int64_t samples = av_get_audio_frame_duration2(s->av->codecpar, packet->size);
        int64_t frame = samples > 0 && s->av->codecpar->sample_rate > 0 ? av_rescale(samples, p->ticks.den, s->av->codecpar->sample_rate) : w->duration;
        int64_t tolerance = av_rescale_q(2, tb, p->ticks) + p->ticks.den / 500;
        if (p->has_begun && w->dts - p->expected <= tolerance && p->expected - w->dts <= tolerance) w->dts = p->expected;
        w->pts = w->dts;
        if (frame > 0) w->duration = frame;
        p->expected = w->dts + w->duration;
    }
    if (p->count && w->dts != NO_DTS && p->queue[p->count - 1].dts != NO_DTS) {
        int64_t gap = w->dts - p->queue[p->count - 1].dts;
        if (gap <= 0 || gap > (int64_t)LEAP_S_MAX * p->ticks.den) {
            e = codec_media_err("media.timestamps");
            goto failed;
        }
    }
    p->has_begun = true;
    p->count++;
    return fill_in_times(p) ? ERR_OK : codec_media_err("media.timestamps");
failed:
    codec_packet_free(&in);
    return e;
drop:
    codec_packet_free(&in);
    return ERR_OK;
}
