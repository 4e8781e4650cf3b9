/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * demux.h: what the files behind codec_stranger.h share. */
#ifndef CODEC_DEMUX_H
#define CODEC_DEMUX_H


#include "media/codec/av.h"
#include "media/codec/av_api.h"
#include "media/codec/codec_stranger.h"
#include "media/codec/nal.h"

/* A codec_packet is an AVPacket under another name, so that nobody outside this room needs FFmpeg's headers. */
static inline AVPacket *packet_av(struct codec_packet *p) { return (AVPacket *)(void *)p; }
static inline const AVPacket *packet_av_const(const struct codec_packet *p) { return (const AVPacket *)(const void *)p; }

struct source_stream {
    struct codec_stream about;
    AVStream *av;
    AVPacket *first;      /* borrowed from the queue while that lasts; NULL if none was seen */
    struct buf config;    /* track.config */
    struct nal_sets sets; /* Annex B: those that stand in the config */
    bool is_annexb, is_adts;
};

enum { PEEKED_MAX = 4096 };

struct codec_source {
    AVFormatContext *format;
    struct av_file file;
    struct source_stream streams[CODEC_STREAMS_MAX];
    size_t count;
    AVPacket *peeked[PEEKED_MAX]; /* read ahead on opening */
    size_t peeked_at, peeked_count;
    bool has_ended;
    int64_t origin_us;     /* what the file calls the moment that we call 0 */
    int64_t furthest;      /* byte position of the last packet */
    int damaged_in_a_row;
};

/* Fills in what a CMAF track needs from codec parameters and the first packet (config.c). */
void config_find(struct codec_source *, struct source_stream *);
/* AudioSpecificConfig of an ADTS frame and the length of its header; 0 if it is none. */
size_t config_adts(struct slice frame, uint8_t asc[2]);
/* Ticks of a stream's time base -> the house's timeline in the same ticks. */
int64_t source_origin(const struct codec_source *, AVRational time_base);
/* FFmpeg's decoder for a track of ours, and its configuration. */
enum AVCodecID av_codec_of(enum cmaf_codec);
MUST_USE struct err av_set_config(AVCodecContext *, const struct cmaf_track *);
/* As codec_transcode_open_track for a sound that says all in its frames (transcode.c). */
MUST_USE struct err transcode_open_sound(enum AVCodecID, AVRational ticks, const struct codec_transcode_options *, struct codec_transcode **out);
/* An AV_PKT_DATA_SKIP_SAMPLES at the packet's start, in samples. */
uint32_t packet_skip_samples(const AVPacket *);

#endif
