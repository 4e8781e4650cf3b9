/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * codec_stranger.h: what reads and decodes other people's bytes. For sandboxed children (media/child) only: FFmpeg's
 * demuxers and decoders are large and the files may be made to break them.
 *
 *   codec_source     a file, its streams, and its packets in file order
 *   codec_pass       one stream's packets as samples of a CMAF track, payload untouched but for its framing
 *   codec_transcode  one stream's packets decoded and encoded again, as samples of a CMAF track
 *   codec_annexb     access units of a live H.264 or HEVC stream as samples
 *   codec_sound      sound of a live stream as AAC
 *   codec_stills     single pictures out of a CMAF video track
 *
 * Times are those of the house: ticks on a presentation timeline on which the first picture or sound of the file that
 * is shown is at 0 (media/cmaf/cmaf.h). One thread at a time for each object. */
#ifndef MEDIA_CODEC_STRANGER_H
#define MEDIA_CODEC_STRANGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "media/cmaf/cmaf.h"

/* Loads FFmpeg: before the sandbox closes, since afterwards no library can be opened. ERR_BUG "codec.missing". */
MUST_USE struct err codec_load(void);

/* The error of errors.tbl.h with this code; ERR_NONE if there is none. */
struct err codec_media_err(const char *code);

enum {
    CODEC_STREAMS_MAX = 64,
    CODEC_SIDE_MAX = 16384,                  /* pixels */
    CODEC_HOURS_MAX = 1000,
};
#define CODEC_PIXELS_MAX ((int64_t)8192 * 8192)

enum codec_kind { CODEC_VIDEO, CODEC_AUDIO, CODEC_TEXT, CODEC_OTHER };
enum codec_text { CODEC_TEXT_NONE, CODEC_TEXT_SUBRIP, CODEC_TEXT_ASS, CODEC_TEXT_TX3G, CODEC_TEXT_WEBVTT, CODEC_TEXT_PLAIN };

struct codec_stream {
    enum codec_kind kind;
    enum codec_text text;   /* how its packets are to be read */
    char codec[32];         /* "h264", "hdmv_pgs_subtitle" */
    struct cmaf_track track; /* language, label, flags; for video and audio what FFmpeg knows of them; config if can_pass */
    bool can_pass;          /* browsers play it, and all that a CMAF track needs is known */
    bool has_decoder;
    bool is_picture;        /* a cover, not a film */
    bool is_encrypted;
    const char *why;        /* code why it cannot pass: "ingest.codec", "ingest.profile", "ingest.config", ... */
    uint32_t width, height; /* on a screen: upright, square pixels */
    int64_t duration_ms;    /* 0: not known */
};

/* --- source --- */
struct codec_source;
struct codec_packet; /* opaque; given back with codec_packet_free */

/* Reads the head of the file and the first packets. `fd` stays the caller's. Errors: media.unknown, media.truncated,
 * media.too_large, media.damaged, media.read, "memory". */
MUST_USE struct err codec_source_open(int fd, struct codec_source **out);
void codec_source_close(struct codec_source **);
size_t codec_source_count(const struct codec_source *);
const struct codec_stream *codec_source_stream(const struct codec_source *, size_t stream);
int64_t codec_source_duration_ms(const struct codec_source *);
/* What the file calls the moment that is 0 here, in microseconds. */
int64_t codec_source_origin_us(const struct codec_source *);
/* The number that the container gives the stream (track_ID in MP4). */
int64_t codec_source_stream_id(const struct codec_source *, size_t stream);
/* Streams that are not wanted cost little. All are wanted at first. */
void codec_source_want(struct codec_source *, size_t stream, bool is_wanted);
/* NULL at the end. Errors: media.read, media.damaged (nothing more can be read), "memory". */
MUST_USE struct err codec_source_next(struct codec_source *, struct codec_packet **out);
double codec_source_done(const struct codec_source *); /* 0..1 of the file's bytes */

size_t codec_packet_stream(const struct codec_packet *);
struct slice codec_packet_payload(const struct codec_packet *);
/* In milliseconds on the house's timeline; false if the packet has no time. For text. */
bool codec_packet_times_ms(const struct codec_source *, const struct codec_packet *, int64_t *start_ms, int64_t *end_ms);
/* WebVTT's cue settings and identifier, where the container carries them; else empty. */
struct slice codec_packet_webvtt_settings(const struct codec_packet *);
void codec_packet_free(struct codec_packet **);

/* Do browsers play a track with this codec and configuration? (8-bit 4:2:0 H.264, HEVC Main and Main 10, AV1 Main, VP9
 * profiles 0 and 2, AAC-LC and HE-AAC, Opus, MP3.) */
bool codec_is_playable(const struct cmaf_track *);

/* --- passing through --- */
struct codec_pass;

/* For a stream with can_pass; its track is what the samples belong to. */
MUST_USE struct err codec_pass_open(const struct codec_source *, size_t stream, struct codec_pass **out);
void codec_pass_close(struct codec_pass **);
/* Takes a packet (in any case); NULL: there are no more. Some containers leave out decode times at the start: such
 * packets wait until the first one tells.
 * Errors: media.changes (parameters change on the way), media.timestamps, media.damaged: transcode the stream instead. */
MUST_USE struct err codec_pass_push(struct codec_pass *, struct codec_packet *);
/* The next sample, if there is one: call until there is none. Its duration is known only when the next packet is, so it
 * comes one packet late. sample->owner is a codec_packet that the caller frees. */
bool codec_pass_pull(struct codec_pass *, struct cmaf_sample *);

/* --- transcoding --- */
struct codec_transcode;

struct codec_transcode_options {
    int threads;
    uint32_t height;               /* of the picture; 0: as it is. Width follows; never enlarged */
    int crf;                       /* 0: 21 */
    uint32_t segment_ms;           /* a key picture at every multiple of it; 0: 2000 */
    const int64_t *key_times;      /* or at the first picture at or after each of these, ascending */
    size_t key_time_count;
    uint32_t key_timescale;
    /* Each sample in decode order; data is valid during the call. */
    struct err (*sample)(void *user, const struct cmaf_sample *);
    /* The track, once it is known, before the first sample; valid during the call. */
    struct err (*track)(void *user, const struct cmaf_track *);
    void *user;
};

/* Errors: media.unsupported (no decoder), media.too_large, "memory". Options are copied, key_times borrowed. */
MUST_USE struct err codec_transcode_open(const struct codec_source *, size_t stream, const struct codec_transcode_options *,
                                         struct codec_transcode **out);
/* The same for a CMAF track of ours, whose samples come through codec_transcode_sample: their times are taken as they are. */
MUST_USE struct err codec_transcode_open_track(const struct cmaf_track *, const struct codec_transcode_options *, struct codec_transcode **out);
/* `payload` is copied. Errors as codec_transcode_push, which is called with NULL at the end. */
MUST_USE struct err codec_transcode_sample(struct codec_transcode *, const struct cmaf_sample *, struct slice payload);
void codec_transcode_close(struct codec_transcode **);
/* Takes the packet; NULL at the end: everything is flushed. Damaged packets are skipped.
 * Errors: media.damaged (at the end, when nothing could be decoded), media.encode, media.too_large, "memory", those of the callbacks. */
MUST_USE struct err codec_transcode_push(struct codec_transcode *, struct codec_packet *);

/* --- several sizes of a live picture, decoded once --- */
struct codec_ladder;

enum { CODEC_LADDER_MAX = 4 };

struct codec_ladder_options {
    uint16_t heights[CODEC_LADDER_MAX]; /* lines of each; width follows; never enlarged */
    size_t count;
    /* `rendition`: index into heights. As in codec_transcode_options. Pictures keep their times to the tick, key pictures stand exactly where the source's
     * do, and nothing waits for a later picture but the last one for its duration. */
    struct err (*sample)(void *user, size_t rendition, const struct cmaf_sample *);
    struct err (*track)(void *user, size_t rendition, const struct cmaf_track *);
    void *user;
};
/* Errors: media.unsupported, "memory". Options are copied. */
MUST_USE struct err codec_ladder_open(const struct cmaf_track *, const struct codec_ladder_options *, struct codec_ladder **out);
void codec_ladder_close(struct codec_ladder **); /* what was not given out is dropped */
/* In decode order, from a key picture on. Damaged pictures are left out. Errors: media.encode, media.too_large, "memory", those of the callbacks. */
MUST_USE struct err codec_ladder_sample(struct codec_ladder *, const struct cmaf_sample *, struct slice payload);

/* --- how loud a sound is --- */
struct codec_level;

struct codec_loudness { /* of one second, over all channels, dB below full scale; -100 at the least */
    double rms_dbfs, peak_dbfs;
};
MUST_USE struct err codec_level_open(const struct cmaf_track *, struct codec_level **out);
void codec_level_close(struct codec_level **);
/* Damaged frames are left out. After each full second of sound `second` is called. Errors: "memory". */
MUST_USE struct err codec_level_sample(struct codec_level *, struct slice payload, void (*second)(void *user, const struct codec_loudness *), void *user);

/* --- live sources: pictures as they come, sound to AAC --- */

/* Access units of H.264 or HEVC in Annex B form -> samples. Needs nothing of FFmpeg. */
struct codec_annexb;
struct codec_annexb_picture {
    struct slice data;   /* valid until the next call; empty: no picture was in it, or its parameters are not known yet */
    bool is_sync;
    bool has_new_track;  /* the track is known now, or another one from this picture on */
    int64_t utc_us;      /* when it was taken, microseconds since 1970, where the encoder says it (MISB ST 0604); 0: it does not */
};
/* Errors: media.unsupported (neither H.264 nor HEVC), "memory". */
MUST_USE struct err codec_annexb_open(enum cmaf_codec, struct codec_annexb **out);
void codec_annexb_close(struct codec_annexb **);
/* Errors: media.unsupported (a profile that browsers do not play), "memory". */
MUST_USE struct err codec_annexb_push(struct codec_annexb *, struct slice unit, struct codec_annexb_picture *out);
/* Timescale 90,000; NULL before the first parameter sets. Its config is valid until the next push. */
const struct cmaf_track *codec_annexb_track(const struct codec_annexb *);

/* Sound in any packaging -> AAC: frames are found in the payload, decoded, resampled where they must be, encoded. */
enum codec_sound_form { CODEC_SOUND_MPEG, CODEC_SOUND_AC3, CODEC_SOUND_EAC3, CODEC_SOUND_ADTS, CODEC_SOUND_LATM };
struct codec_sound;
struct codec_sound_options {
    /* As codec_transcode_options. The track again whenever it changes. */
    struct err (*sample)(void *user, const struct cmaf_sample *);
    struct err (*track)(void *user, const struct cmaf_track *);
    void *user;
};
/* Errors: media.unsupported (this FFmpeg does not decode it), "memory". */
MUST_USE struct err codec_sound_open(enum codec_sound_form, const struct codec_sound_options *, struct codec_sound **out);
void codec_sound_close(struct codec_sound **);
/* Payload in any cut; `pts` in 1/90000 s is of the first frame that begins in it. Leaps of more than a second begin a new run. Damaged frames are
 * left out. Errors: "memory", those of the callbacks. */
MUST_USE struct err codec_sound_push(struct codec_sound *, struct slice payload, bool has_pts, int64_t pts);

/* --- stills --- */
struct codec_stills;

/* Decodes single key pictures of a track and gives them upright, with square pixels, scaled into width_max x height_max
 * (never enlarged), in BT.709 SDR (HDR is mapped). Errors: media.unsupported, "memory". */
MUST_USE struct err codec_stills_open(const struct cmaf_track *, int threads, struct codec_stills **out);
void codec_stills_close(struct codec_stills **);
struct codec_still {
    uint32_t width, height;
    const uint8_t *rgb; /* 3 bytes a pixel, rows without gaps; valid until the next call */
};
/* Errors: media.damaged (no picture came out), media.too_large, "memory". */
MUST_USE struct err codec_stills_decode(struct codec_stills *, struct slice sample, uint32_t width_max, uint32_t height_max, struct codec_still *out);

/* --- gray pictures --- */
struct codec_gray;
struct codec_gray_picture {
    uint32_t width, height;
    const uint8_t *gray; /* rows without gaps, brightness as the stream has it (most videos: black 16, white 235); valid until the next call */
    int64_t time_us;
};

/* Every picture of a video stream in its own size, upright, as players show it. Errors: media.unsupported, "memory". */
MUST_USE struct err codec_gray_open(const struct codec_source *, size_t stream, struct codec_gray **out);
/* A JPEG or PNG file: pull gives its one picture. Errors: media.unknown (neither), media.unsupported, media.damaged, "memory". */
MUST_USE struct err codec_gray_open_still(struct slice file, struct codec_gray **out);
void codec_gray_close(struct codec_gray **);
/* NULL at the end. Damaged packets give no picture. Errors: "memory". */
MUST_USE struct err codec_gray_push(struct codec_gray *, struct codec_packet *);
/* Call until there is none. Errors: media.too_large, "memory", those of filters. */
MUST_USE struct err codec_gray_pull(struct codec_gray *, struct codec_gray_picture *out, bool *has_picture);

#endif
