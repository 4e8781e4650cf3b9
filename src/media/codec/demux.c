/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * demux.c: a stranger's file as streams and packets. */
#include "media/codec/demux.h"

#include <math.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/utf8.h"

/* Formats that hold films and sound. What plays other files or other people's networks (playlists, concat, images by
 * pattern) is not among them, nor what takes any text for a picture. */
static const char FORMATS[] =
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,mpegvideo,avi,flv,live_flv,kux,ogg,asf,wtv,mxf,gxf,nut,dv,rm,ivf,obu,av1,h264,hevc,m4v,"
    "wav,w64,flac,mp3,aac,ac3,eac3,aiff,caf,au,tta,wv,ape,dts,truehd,amr,nsv,viv,y4m,yuv4mpegpipe,dvbsub,srt,webvtt,ass";

static struct err media(const char *code) { return codec_media_err(code); }

/* No format may open anything beside the file it was given. */
static int refuse_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags, AVDictionary **options) { return AVERROR(EPERM); }

static enum codec_text text_of(enum AVCodecID id) {
    switch (id) {
    case AV_CODEC_ID_SUBRIP:
    case AV_CODEC_ID_SRT: return CODEC_TEXT_SUBRIP;
    case AV_CODEC_ID_ASS:
    case AV_CODEC_ID_SSA: return CODEC_TEXT_ASS;
    case AV_CODEC_ID_MOV_TEXT: return CODEC_TEXT_TX3G;
    case AV_CODEC_ID_WEBVTT: return CODEC_TEXT_WEBVTT;
    case AV_CODEC_ID_TEXT: return CODEC_TEXT_PLAIN;
    default: return CODEC_TEXT_NONE;
    }
}

static void copy_text(char *out, size_t size, const char *in) {
    struct slice s = slice_trim(slice_cstr(in));
    while (s.len >= size || (s.len && !utf8_is_valid(s))) s.len--; /* cut at a character's end */
    if (!utf8_is_display_text(s, size)) s.len = 0;
    memcpy(out, s.ptr ? s.ptr : "", s.len);
    out[s.len] = 0;
}

static uint32_t flags_of(const AVStream *av) {
    static const struct {
        int av;
        uint32_t ours;
    } MAP[] = {{AV_DISPOSITION_DEFAULT, CMAF_DEFAULT}, {AV_DISPOSITION_FORCED, CMAF_FORCED}, {AV_DISPOSITION_HEARING_IMPAIRED, CMAF_HEARING_IMPAIRED},
               {AV_DISPOSITION_VISUAL_IMPAIRED, CMAF_VISUAL_IMPAIRED}, {AV_DISPOSITION_DESCRIPTIONS, CMAF_VISUAL_IMPAIRED},
               {AV_DISPOSITION_ORIGINAL, CMAF_ORIGINAL}, {AV_DISPOSITION_DUB, CMAF_DUB}, {AV_DISPOSITION_COMMENT, CMAF_COMMENTARY}};
    uint32_t flags = 0;
    for (size_t i = 0; i < ARRAY_LEN(MAP); i++)
        if (av->disposition & MAP[i].av) flags |= MAP[i].ours;
    return flags;
}

static uint32_t scaled(AVRational q, double unit, uint32_t max) {
    double v = q.den ? (double)q.num / q.den / unit : 0;
    return v <= 0 ? 0 : v >= max ? max : (uint32_t)lround(v);
}

static void describe_hdr(const AVStream *av, struct cmaf_hdr *hdr) {
    size_t size;
    const uint8_t *data = av_stream_get_side_data(av, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, &size);
    if (data && size >= sizeof(AVMasteringDisplayMetadata)) {
        const AVMasteringDisplayMetadata *m = (const void *)data;
        if (m->has_primaries && m->has_luminance) {
            static const int GREEN_BLUE_RED[3] = {1, 2, 0};
            for (int i = 0; i < 3; i++) {
                hdr->primary_x[i] = (uint16_t)scaled(m->display_primaries[GREEN_BLUE_RED[i]][0], 0.00002, 65535);
                hdr->primary_y[i] = (uint16_t)scaled(m->display_primaries[GREEN_BLUE_RED[i]][1], 0.00002, 65535);
            }
            hdr->white_x = (uint16_t)scaled(m->white_point[0], 0.00002, 65535);
            hdr->white_y = (uint16_t)scaled(m->white_point[1], 0.00002, 65535);
            hdr->luminance_max = scaled(m->max_luminance, 0.0001, UINT32_MAX);
            hdr->luminance_min = scaled(m->min_luminance, 0.0001, UINT32_MAX);
            hdr->has_mastering = true;
        }
    }
    data = av_stream_get_side_data(av, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, &size);
    if (data && size >= sizeof(AVContentLightMetadata)) {
        const AVContentLightMetadata *l = (const void *)data;
        hdr->light_max = (uint16_t)(l->MaxCLL < 65535 ? l->MaxCLL : 65535);
        hdr->light_average = (uint16_t)(l->MaxFALL < 65535 ? l->MaxFALL : 65535);
        hdr->has_light = true;
    }
}

/* The display matrix turns counter-clockwise; ours is how far to turn clockwise when showing. Only right angles are
 * carried, mirroring is not. */
static uint16_t rotation_of(const AVStream *av) {
    size_t size;
    const uint8_t *matrix = av_stream_get_side_data(av, AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (!matrix || size < 9 * sizeof(int32_t)) return 0;
    double angle = -av_display_rotation_get((const int32_t *)(const void *)matrix);
    if (isnan(angle)) return 0;
    long quarter = lround(angle / 90);
    return (uint16_t)((quarter % 4 + 4) % 4 * 90);
}

static void describe(struct source_stream *s, AVFormatContext *format) {
    AVStream *av = s->av;
    const AVCodecParameters *p = av->codecpar;
    struct codec_stream *a = &s->about;
    struct cmaf_track *t = &a->track;
    snprintf(a->codec, sizeof a->codec, "%s", avcodec_get_name(p->codec_id));
    a->has_decoder = avcodec_find_decoder(p->codec_id) != NULL;
    a->is_picture = av->disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS | AV_DISPOSITION_STILL_IMAGE);
    const AVDictionaryEntry *entry = av_dict_get(av->metadata, "language", NULL, 0);
    if (entry) copy_text(t->language, sizeof t->language, entry->value);
    for (char *c = t->language; *c; c++)
        if ((uint8_t)*c > 0x7e) t->language[0] = 0;
    entry = av_dict_get(av->metadata, "title", NULL, 0);
    if (!entry && (entry = av_dict_get(av->metadata, "handler_name", NULL, 0))) {
        /* what muxers write there when nobody named the track */
        static const char *const DULL[] = {"VideoHandler", "SoundHandler", "SubtitleHandler", "Core Media", "Apple", "GPAC", "ISO Media", "Handler", "Mainconcept"};
        for (size_t i = 0; entry && i < ARRAY_LEN(DULL); i++)
            if (strcasestr(entry->value, DULL[i])) entry = NULL;
    }
    if (entry) copy_text(t->label, sizeof t->label, entry->value);
    t->flags = flags_of(av);
    a->is_encrypted = av_stream_get_side_data(av, AV_PKT_DATA_ENCRYPTION_INIT_INFO, NULL) != NULL;
    if (av->duration > 0) a->duration_ms = av_rescale_q(av->duration, av->time_base, (AVRational){1, 1000});
    else if (format->duration > 0) a->duration_ms = format->duration / 1000;

    switch (p->codec_type) {
    case AVMEDIA_TYPE_VIDEO: {
        a->kind = CODEC_VIDEO;
        t->kind = CMAF_VIDEO;
        t->width = (uint16_t)(p->width > 0 && p->width <= 65535 ? p->width : 0);
        t->height = (uint16_t)(p->height > 0 && p->height <= 65535 ? p->height : 0);
        AVRational aspect = av_guess_sample_aspect_ratio(format, av, NULL);
        if (aspect.num > 0 && aspect.den > 0) t->aspect_x = (uint32_t)aspect.num, t->aspect_y = (uint32_t)aspect.den;
        t->rotation = rotation_of(av);
        AVRational rate = av->avg_frame_rate.num > 0 && av->avg_frame_rate.den > 0 ? av->avg_frame_rate : av->r_frame_rate;
        if (rate.num > 0 && rate.den > 0) t->rate_num = (uint32_t)rate.num, t->rate_den = (uint32_t)rate.den;
        bool is_known = p->color_primaries != AVCOL_PRI_UNSPECIFIED || p->color_trc != AVCOL_TRC_UNSPECIFIED || p->color_space != AVCOL_SPC_UNSPECIFIED;
        t->colour = (struct cmaf_colour){.has_any = is_known, .is_full_range = p->color_range == AVCOL_RANGE_JPEG,
                                         .primaries = (uint16_t)p->color_primaries, .transfer = (uint16_t)p->color_trc, .matrix = (uint16_t)p->color_space};
        describe_hdr(av, &t->hdr);
        if (t->width) cmaf_track_display_size(t, &a->width, &a->height);
        break;
    }
    case AVMEDIA_TYPE_AUDIO:
        a->kind = CODEC_AUDIO;
        t->kind = CMAF_AUDIO;
        t->sample_rate = (uint32_t)(p->sample_rate > 0 ? p->sample_rate : 0);
        t->channels = (uint16_t)(p->ch_layout.nb_channels > 0 && p->ch_layout.nb_channels < 256 ? p->ch_layout.nb_channels : 0);
        break;
    case AVMEDIA_TYPE_SUBTITLE:
        a->kind = CODEC_TEXT;
        a->text = text_of(p->codec_id);
        break;
    default: a->kind = CODEC_OTHER; break;
    }
}

uint32_t packet_skip_samples(const AVPacket *p) {
    size_t size;
    const uint8_t *data = av_packet_get_side_data(p, AV_PKT_DATA_SKIP_SAMPLES, &size);
    return data && size >= 10 ? AV_RL32(data) : 0;
}

int64_t source_origin(const struct codec_source *s, AVRational time_base) { return av_rescale_q(s->origin_us, AV_TIME_BASE_Q, time_base); }

static bool is_played(const struct source_stream *s) {
    return (s->about.kind == CODEC_VIDEO || s->about.kind == CODEC_AUDIO) && !s->about.is_picture;
}

/* One packet from the file; NULL at the end. Damage is stepped over for a while. */
static struct err read_packet(struct codec_source *s, AVPacket **out) {
    *out = NULL;
    AVPacket *packet = av_packet_alloc();
    if (!packet) return err_memory();
    for (;;) {
        int av = av_read_frame(s->format, packet);
        if (av >= 0) {
            if (packet->pos > s->furthest) s->furthest = packet->pos;
            s->damaged_in_a_row = 0;
            if (packet->stream_index < 0 || (size_t)packet->stream_index >= s->count || !packet->size) {
                av_packet_unref(packet);
                continue;
            }
            if (packet->flags & AV_PKT_FLAG_CORRUPT) packet->flags &= ~AV_PKT_FLAG_KEY;
            *out = packet;
            return ERR_OK;
        }
        if (av == AVERROR(EAGAIN) || (av == AVERROR_INVALIDDATA && ++s->damaged_in_a_row < 100 && !avio_feof(s->format->pb))) continue;
        av_packet_free(&packet);
        s->has_ended = true;
        if (av == AVERROR_EOF || av == AVERROR_INVALIDDATA) return s->file.first_error.kind ? media("media.read") : ERR_OK;
        if (av == AVERROR(ENOMEM)) return err_memory();
        return s->file.first_error.kind ? media("media.read") : ERR_OK; /* a file that ends in a broken packet has ended */
    }
}

/* Reads until each stream that plays has shown its first packet, or the bound is reached. */
static struct err peek(struct codec_source *s) {
    size_t missing = 0;
    int64_t bytes = 0;
    for (size_t i = 0; i < s->count; i++) missing += is_played(&s->streams[i]);
    while (missing && s->peeked_count < PEEKED_MAX && bytes < (64 << 20) && !s->has_ended) {
        AVPacket *packet;
        struct err e = read_packet(s, &packet);
        if (e.kind) return e;
        if (!packet) break;
        bytes += packet->size;
        s->peeked[s->peeked_count++] = packet;
        struct source_stream *stream = &s->streams[packet->stream_index];
        if (!stream->first) {
            stream->first = packet;
            missing -= is_played(stream);
        }
    }
    return ERR_OK;
}

/* The moment the first picture or sound is shown. A container's start time may count sound that is only there to prime
 * the decoder, so that is taken off again. */
static void find_origin(struct codec_source *s) {
    int64_t origin = INT64_MAX;
    for (size_t i = 0; i < s->count; i++) {
        const struct source_stream *stream = &s->streams[i];
        if (!is_played(stream)) continue;
        AVRational tb = stream->av->time_base;
        int64_t start = stream->av->start_time;
        if (stream->about.kind == CODEC_AUDIO && stream->first && stream->first->pts != AV_NOPTS_VALUE && stream->av->codecpar->sample_rate > 0)
            start = stream->first->pts + av_rescale_q(packet_skip_samples(stream->first), (AVRational){1, stream->av->codecpar->sample_rate}, tb);
        if (start == AV_NOPTS_VALUE && stream->first) start = stream->first->pts != AV_NOPTS_VALUE ? stream->first->pts : stream->first->dts;
        if (start == AV_NOPTS_VALUE) continue;
        start = av_rescale_q(start, tb, AV_TIME_BASE_Q);
        if (start < origin) origin = start;
    }
    bool is_sane = origin != INT64_MAX && origin > INT64_MIN / 8 && origin < INT64_MAX / 8;
    s->origin_us = is_sane ? origin : 0;
}

static struct err open_format(struct codec_source *s) {
    if (!(s->format = avformat_alloc_context())) return err_memory();
    s->format->pb = s->file.io;
    s->format->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_GENPTS;
    s->format->io_open = refuse_open;
    s->format->probesize = 32 << 20;
    s->format->max_analyze_duration = 10 * AV_TIME_BASE;
    s->format->max_streams = CODEC_STREAMS_MAX;
    s->format->max_index_size = 256 << 20;
    AVDictionary *options = NULL;
    av_dict_set(&options, "format_whitelist", FORMATS, 0);
    av_dict_set(&options, "protocol_whitelist", "", 0);
    int av = avformat_open_input(&s->format, NULL, NULL, &options); /* frees the context when it fails */
    av_dict_free(&options);
    if (s->file.first_error.kind) return media("media.read");
    if (av == AVERROR(ENOMEM)) return err_memory();
    if (av == AVERROR_EOF || av == AVERROR(EIO)) return media("media.truncated");
    if (av == AVERROR_INVALIDDATA && s->file.size > 0) {
        /* An MP4 whose table of contents was to be written last and is not there is recognised and then refused. */
        uint8_t head[12] = {0};
        struct err e = fs_pread_all(s->file.fd, head, sizeof head, 0);
        if (!e.kind && !memcmp(head + 4, "ftyp", 4)) return media("media.truncated");
    }
    if (av < 0) return media("media.unknown");
    if (s->format->nb_streams > CODEC_STREAMS_MAX) return media("media.too_large");
    av = avformat_find_stream_info(s->format, NULL);
    if (av == AVERROR(ENOMEM)) return err_memory();
    return s->file.first_error.kind ? media("media.read") : ERR_OK;
}

struct err codec_source_open(int fd, struct codec_source **out) {
    struct err e = av_quiet();
    if (e.kind) return e;
    struct codec_source *s = mem_zalloc(sizeof *s);
    if (!s) return err_memory();
    e = av_file_open(&s->file, fd, false);
    if (!e.kind) e = open_format(s);
    if (!e.kind) {
        s->count = s->format->nb_streams < CODEC_STREAMS_MAX ? s->format->nb_streams : CODEC_STREAMS_MAX;
        for (size_t i = 0; i < s->count; i++) {
            s->streams[i].av = s->format->streams[i];
            describe(&s->streams[i], s->format);
            const AVCodecParameters *p = s->streams[i].av->codecpar;
            bool is_huge = p->width > CODEC_SIDE_MAX || p->height > CODEC_SIDE_MAX || (int64_t)p->width * p->height > CODEC_PIXELS_MAX;
            if (s->streams[i].about.kind == CODEC_VIDEO && is_huge) e = media("media.too_large");
            if (s->streams[i].about.duration_ms > INT64_C(3600000) * CODEC_HOURS_MAX) e = media("media.too_large");
        }
    }
    if (!e.kind) e = peek(s);
    if (e.kind) {
        codec_source_close(&s);
        return e;
    }
    find_origin(s);
    for (size_t i = 0; i < s->count; i++) config_find(s, &s->streams[i]);
    for (size_t i = 0; i < s->count; i++) s->streams[i].first = NULL; /* the queue gives them away now */
    *out = s;
    return ERR_OK;
}

void codec_source_close(struct codec_source **source) {
    struct codec_source *s = *source;
    if (!s) return;
    *source = NULL;
    for (size_t i = s->peeked_at; i < s->peeked_count; i++) av_packet_free(&s->peeked[i]);
    for (size_t i = 0; i < s->count; i++) {
        buf_free(&s->streams[i].config);
        nal_sets_free(&s->streams[i].sets);
    }
    avformat_close_input(&s->format);
    av_file_close(&s->file);
    mem_free(s);
}

size_t codec_source_count(const struct codec_source *s) { return s->count; }
const struct codec_stream *codec_source_stream(const struct codec_source *s, size_t i) { return i < s->count ? &s->streams[i].about : NULL; }

int64_t codec_source_duration_ms(const struct codec_source *s) {
    int64_t longest = s->format->duration > 0 ? s->format->duration / 1000 : 0;
    for (size_t i = 0; i < s->count && !longest; i++)
        if (s->streams[i].about.duration_ms > longest) longest = s->streams[i].about.duration_ms;
    return longest;
}

void codec_source_want(struct codec_source *s, size_t i, bool is_wanted) {
    if (i < s->count) s->streams[i].av->discard = is_wanted ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
}

struct err codec_source_next(struct codec_source *s, struct codec_packet **out) {
    *out = NULL;
    while (s->peeked_at < s->peeked_count) {
        AVPacket *packet = s->peeked[s->peeked_at];
        s->peeked[s->peeked_at++] = NULL;
        if (s->streams[packet->stream_index].av->discard != AVDISCARD_ALL) {
            *out = (struct codec_packet *)(void *)packet;
            return ERR_OK;
        }
        av_packet_free(&packet);
    }
    if (s->has_ended) return ERR_OK;
    AVPacket *packet;
    struct err e = read_packet(s, &packet);
    if (!e.kind) *out = (struct codec_packet *)(void *)packet;
    return e;
}

int64_t codec_source_origin_us(const struct codec_source *s) { return s->origin_us; }
int64_t codec_source_stream_id(const struct codec_source *s, size_t i) { return i < s->count ? s->streams[i].av->id : -1; }

double codec_source_done(const struct codec_source *s) {
    if (s->has_ended) return 1;
    return s->file.size > 0 ? (double)s->furthest / (double)s->file.size : 0;
}

size_t codec_packet_stream(const struct codec_packet *p) { return (size_t)packet_av_const(p)->stream_index; }
struct slice codec_packet_payload(const struct codec_packet *p) {
    return slice_of(packet_av_const(p)->data, (size_t)packet_av_const(p)->size);
}

bool codec_packet_times_ms(const struct codec_source *s, const struct codec_packet *packet, int64_t *start_ms, int64_t *end_ms) {
    const AVPacket *p = packet_av_const(packet);
    if (p->pts == AV_NOPTS_VALUE) return false;
    const AVStream *av = s->streams[p->stream_index].av;
    const AVRational ms = {1, 1000};
    *start_ms = av_rescale_q(p->pts - source_origin(s, av->time_base), av->time_base, ms);
    *end_ms = *start_ms + av_rescale_q(p->duration > 0 ? p->duration : 0, av->time_base, ms);
    return true;
}

struct slice codec_packet_webvtt_settings(const struct codec_packet *p) {
    size_t size;
    const uint8_t *data = av_packet_get_side_data(packet_av_const(p), AV_PKT_DATA_WEBVTT_SETTINGS, &size);
    return data ? slice_of(data, size) : SLICE_NONE;
}

void codec_packet_free(struct codec_packet **p) {
    AVPacket *packet = packet_av(*p);
    av_packet_free(&packet);
    *p = NULL;
}
