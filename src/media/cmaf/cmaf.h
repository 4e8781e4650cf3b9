/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * cmaf.h: media at rest. Our own fragmented-MP4 writer, reader and index (ISO/IEC 14496-12, 23000-19), and a reader of
 * the sample tables of other people's MP4 and MOV files.
 *
 * The objects, and who holds whom:
 *
 *   cmaf_track         what one track is: codec, size, colour, language ... A plain value; slices in it are borrowed.
 *   cmaf_writer        samples in, one CMAF track file and its index out. Holds the samples of the open part only.
 *   cmaf_index         what a finished track file contains: track, init segment, where each segment lies. Plain value
 *                      in an arena; kept in `v0.idx` beside `v0.mp4`.
 *   cmaf_presentation  a folder of such tracks, with text tracks and thumbnails: all that a manifest needs.
 *   cmaf_source        an MP4 or MOV file of somebody else's, read without libavformat: tracks and where samples lie.
 *
 * A track file, v0.mp4:
 *
 *   | ftyp | moov | sidx | free | styp | moof mdat | styp | moof mdat | moof mdat | ...
 *   '-- init ----'  '- room --'  '--- segment 0 ---' '--------- segment 1 ---------'
 *
 * A segment is a styp and one or more parts, a part one moof and mdat. Segments on demand have one part, unless they are huge.
 *
 * Time. A sample has a decode time and a presentation time in its track's timescale, on one presentation timeline shared
 * by all tracks of a folder: 0 is where playing starts. Times before 0 are allowed: encoder priming (AAC, Opus) and pictures
 * that are decoded but not shown. In the file decode times cannot be negative, so
 *   - all media times are moved up by `media_time`, the amount by which decoding of the first part begins before 0, and an edit
 *     list in the init segment moves them back (one entry, media_time, rate 1; none when nothing begins before 0);
 *   - where a picture of the first part is shown before it is decoded (some cameras write so), all decode times are moved down until
 *     none is; later composition offsets may still be negative (trun version 1).
 * Presentation times are thus exact to the tick. The other way, decode times moved up to the first presentation time with signed
 * offsets and no edit list, was tried: browsers read it, FFmpeg shows every fragment late by the largest negative offset.
 *
 * Threads: any, but each object belongs to one thread at a time. Everything that opens files may block.
 * Every byte that is read is taken for hostile: wrong ones end in ERR_INPUT, never in a crash or in unbounded memory. */
#ifndef MEDIA_CMAF_CMAF_H
#define MEDIA_CMAF_CMAF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* ---- what a track is ---- */

enum cmaf_kind { CMAF_KIND_NONE, CMAF_VIDEO, CMAF_AUDIO };

enum cmaf_codec {
    CMAF_CODEC_NONE, /* not chosen, or not one of ours */
    CMAF_H264,       /* config: AVCDecoderConfigurationRecord, 14496-15 section 5.3.3 (content of avcC); samples are length-prefixed */
    CMAF_HEVC,       /* config: HEVCDecoderConfigurationRecord, 14496-15 section 8.3.3 (content of hvcC) */
    CMAF_AV1,        /* config: content of av1C; samples are temporal units without temporal delimiters */
    CMAF_VP9,        /* config: content of vpcC, with its version and flags */
    CMAF_AAC,        /* config: AudioSpecificConfig, 14496-3 section 1.6.2.1 */
    CMAF_OPUS,       /* config: content of dOps */
    CMAF_MP3,        /* no config */
    CMAF_AC3,        /* config: content of dac3 */
    CMAF_EAC3,       /* config: content of dec3 */
    CMAF_FLAC,       /* config: content of dfLa, with its version and flags */
    CMAF_CODECS
};

enum cmaf_flags {
    CMAF_DEFAULT = 1,          /* play this one unless somebody chooses otherwise */
    CMAF_FORCED = 2,           /* text for foreign dialogue only: shown also when captions are off */
    CMAF_HEARING_IMPAIRED = 4, /* captions that describe sounds; audio with clearer speech */
    CMAF_VISUAL_IMPAIRED = 8,  /* audio that describes the picture */
    CMAF_ORIGINAL = 16,        /* the language the work was made in */
    CMAF_DUB = 32,
    CMAF_COMMENTARY = 64,
};

enum { CMAF_LANGUAGE_MAX = 36, CMAF_LABEL_MAX = 128, CMAF_CODEC_STRING_MAX = 64, CMAF_CONFIG_BYTES_MAX = 16384 };

struct cmaf_colour { /* code points of ITU-T H.273; has_any false: not known */
    bool has_any, is_full_range;
    uint16_t primaries, transfer, matrix;
};

struct cmaf_hdr { /* SMPTE ST 2086 and CTA-861.3, in the units of the mdcv and clli boxes */
    bool has_mastering, has_light;
    uint16_t primary_x[3], primary_y[3]; /* green, blue, red; 0.00002 */
    uint16_t white_x, white_y;
    uint32_t luminance_max, luminance_min; /* 0.0001 cd/m2 */
    uint16_t light_max, light_average;     /* cd/m2 */
};

struct cmaf_track {
    enum cmaf_kind kind;
    enum cmaf_codec codec;
    uint32_t timescale;                       /* ticks per second, > 0 */
    struct slice config;                      /* borrowed; see enum cmaf_codec */
    char language[CMAF_LANGUAGE_MAX];         /* BCP 47, "" or "und": not known */
    char label[CMAF_LABEL_MAX];               /* UTF-8 for people, may be "" */
    uint32_t flags;                           /* of enum cmaf_flags */
    char codec_string[CMAF_CODEC_STRING_MAX]; /* RFC 6381; cmaf_track_complete derives it */

    /* video */
    uint16_t width, height;         /* coded, before aspect and rotation */
    uint32_t aspect_x, aspect_y;    /* pixel aspect; 0:0 or 1:1 square */
    uint16_t rotation;              /* 0, 90, 180, 270: clockwise, to be done when showing */
    uint32_t rate_num, rate_den;    /* frames per second; 0: the writer counts */
    bool has_inband_parameters;     /* avc3, hev1: parameter sets also stand in the samples */
    struct cmaf_colour colour;
    struct cmaf_hdr hdr;

    /* audio */
    uint32_t sample_rate;
    uint16_t channels;
};

/* Checks what the caller filled in, and derives codec_string (and, where they are 0, size, channels and sample rate) from
 * the config. Errors: ERR_INPUT (track.codec, track.config, track.language, track.label, ... each with a sentence). */
MUST_USE struct err cmaf_track_complete(struct cmaf_track *);
/* What a picture's set-up data says: size, shape of pixels, colour, rate go into the track; what is not told stays as it is. False: the bytes are
 * malformed or do not tell the size. */
bool cmaf_picture_of_avcc(struct cmaf_track *, struct slice record); /* AVCDecoderConfigurationRecord */
bool cmaf_picture_of_hvcc(struct cmaf_track *, struct slice record); /* HEVCDecoderConfigurationRecord */
bool cmaf_picture_of_av1(struct cmaf_track *, struct slice units);   /* open bitstream units: behind av1C's four bytes, or a key frame */
bool cmaf_picture_of_vp9(struct cmaf_track *, struct slice frame);   /* only key frames say their size */
/* Brings a language tag into its usual form in place ("ENG", "eng" become "en"); what is no tag becomes "". */
void cmaf_language_normalise(char *tag, size_t size);
/* The size on a screen with square pixels, turned upright. */
void cmaf_track_display_size(const struct cmaf_track *, uint32_t *width, uint32_t *height);

/* ---- one sample ---- */

struct cmaf_sample {
    int64_t dts, pts; /* timescale units on the presentation timeline; dts never falls within a track */
    uint32_t duration;
    uint32_t bytes;
    bool is_sync;           /* decoding can start here */
    const void *data;       /* the payload in memory, or NULL: it is at source_offset of the writer's source */
    uint64_t source_offset;
    void *owner;            /* given back through `release` once `data` is no longer needed; may be NULL */
};

/* ---- a part: moof and mdat header, without any file. What live channels are made of. ---- */

/* A step that may change payloads before they are written (encryption). It may point `data` of each sample to memory of its
 * own, which must stay until the next call, change `bytes`, and append boxes to the track fragment (senc, saiz, saio):
 * `moof_offset` is how far behind the start of the moof the first appended byte will stand. The sample entry then needs its
 * own sinf: see cmaf_writer_options. */
typedef struct err cmaf_transform(void *user, struct cmaf_sample *samples, size_t count, uint32_t moof_offset, struct buf *traf_boxes);

/* Appends the moof and the 8-byte mdat header of a part (count > 0) to `head`; the payloads follow in order. `decode_shift` is
 * added to decode times, `media_time` to all times, to give tfdt. `traf_boxes` are put before the trun (may be empty).
 * Errors: ERR_INPUT (sample.time: before the track's start, or composition offsets beyond 31 bits), ERR_LIMIT (more than 4 GB,
 * memory). */
MUST_USE struct err cmaf_part_build(const struct cmaf_sample *samples, size_t count, uint32_t sequence, int64_t media_time,
                                    int64_t decode_shift, struct slice traf_boxes, struct buf *head);
/* Appends ftyp and moov. `sinf` is empty, or a whole sinf box: the sample entry is then encv or enca. */
MUST_USE struct err cmaf_init_build(const struct cmaf_track *, int64_t media_time, struct slice sinf, struct buf *out);

/* ---- the index ---- */

enum cmaf_segment_flags {
    CMAF_SEGMENT_SYNC = 1, /* begins with a sync sample: playing can start here */
    CMAF_SEGMENT_PART = 2, /* continues the segment of the record before it (live; files on demand have none) */
};

struct cmaf_segment {
    uint64_t offset;    /* of the styp in the track file */
    int64_t start;      /* earliest presentation time, timescale units, on the presentation timeline */
    uint32_t bytes;
    uint32_t duration;  /* timescale units, to the start of the next one */
    uint32_t key_bytes; /* from `offset` to the end of the first picture; 0 where it is no sync sample or not video */
    uint32_t flags;
};

enum { CMAF_SEGMENTS_MAX = 1 << 20 }; /* 24 days of 2 s */

struct cmaf_index {
    struct cmaf_track track;              /* its slices point into `init` */
    struct slice init;                    /* ftyp and moov, as at the start of the track file */
    uint64_t sidx_offset, sidx_bytes;     /* for DASH */
    uint64_t file_bytes;
    int64_t media_time;                   /* see above */
    const struct cmaf_segment *segments;  /* in time order, without gaps in the file */
    size_t segment_count;
};

/* Whole index from our own .idx file; everything lives in the arena (about 32 bytes a segment). Checksums, bounds and order
 * are verified. Errors: ERR_NOT_FOUND, ERR_INPUT (index.*), ERR_LIMIT, ERR_IO. */
MUST_USE struct err cmaf_index_read(int dir_fd, const char *path, struct arena *, struct cmaf_index *out);
/* The same from bytes; the slice may go afterwards. */
MUST_USE struct err cmaf_index_parse(struct slice, struct arena *, struct cmaf_index *out);
/* Atomically: an index that can be seen is whole, and so is the track file that the writer synced before. */
MUST_USE struct err cmaf_index_write(int dir_fd, const char *path, const struct cmaf_index *);
/* Rebuilds the index from a track file of ours: reads the init segment and each moof. Errors: ERR_INPUT (track_file.*), ERR_LIMIT,
 * ERR_IO. */
MUST_USE struct err cmaf_index_rebuild(int file_fd, struct arena *, struct cmaf_index *out);
/* Does this index describe this file? Reads what cmaf_index_rebuild reads. ERR_INPUT "index.mismatch" if not. */
MUST_USE struct err cmaf_index_verify(const struct cmaf_index *, int file_fd);

/* As RFC 8216 section 4.3.4.2 defines them, in bits per second: the peak over every run of segments that lasts 0.5 to 1.5
 * target durations, and the average. */
void cmaf_index_bitrates(const struct cmaf_index *, uint64_t *peak, uint64_t *average);
/* End of the last segment on the presentation timeline. */
int64_t cmaf_index_end_ns(const struct cmaf_index *);

/* ---- the writer ---- */

/* The file that samples without `data` are copied from. Writers of tracks that lie among each other there share one, so that bytes are
 * read once: on one thread. Errors: ERR_LIMIT. `fd` stays the caller's. */
struct cmaf_window;
MUST_USE struct err cmaf_window_open(int fd, struct cmaf_window **out);
void cmaf_window_close(struct cmaf_window **); /* after its writers */

struct cmaf_writer_options {
    int fd;               /* the track file, open for reading and writing, empty; stays the caller's */
    struct cmaf_window *source; /* where samples without `data` come from; NULL: none; stays the caller's */
    uint32_t segment_ms;  /* 0: 2000. Segments are whole GOPs as near to it as they come */
    uint64_t duration_ms; /* an upper bound if known: how much room the sidx gets; 0: room for 2 hours. Too little is not
                           * an error: entries then span several segments */
    bool follows;         /* cut only where cmaf_writer_cut_at says: for audio beside video */
    bool leaves_sync;     /* do not wait for the disk at the end: for what can simply be made again */
    uint32_t part_bytes_max;              /* 0: 64 MB. An open part that grows beyond is closed; the segment goes on */
    void (*release)(void *user, void *owner); /* for each sample with an owner, once its payload is written or dropped */
    cmaf_transform *transform;            /* NULL: payload as it is */
    void *user;                           /* of release and transform */
    struct slice sinf;                    /* for transform; borrowed until the writer is closed */
};

struct cmaf_writer;

/* The track is copied. On error *out is untouched. Errors: as cmaf_track_complete; ERR_LIMIT. */
MUST_USE struct err cmaf_writer_open(const struct cmaf_track *, const struct cmaf_writer_options *, struct cmaf_writer **out);
/* Takes the sample in decode order. `data` is borrowed until released. After an error the writer only takes
 * cmaf_writer_close; the sample was taken (it will be released).
 * Errors: ERR_INPUT (sample.order: decode times fall; sample.time), ERR_LIMIT, ERR_IO. */
MUST_USE struct err cmaf_writer_add(struct cmaf_writer *, const struct cmaf_sample *);
/* For a writer that follows: a segment ends before the first sample that begins at or after `time` / `timescale`. In growing
 * order; may come before or after the samples. */
MUST_USE struct err cmaf_writer_cut_at(struct cmaf_writer *, int64_t time, uint32_t timescale);
/* Writes what is held as a part of the open segment (live: at part ends). Nothing held: does nothing. */
MUST_USE struct err cmaf_writer_close_part(struct cmaf_writer *);
/* Writes what is held and ends the segment; the next sample should be a sync sample. */
MUST_USE struct err cmaf_writer_close_segment(struct cmaf_writer *);
/* Ends the last segment, writes the sidx, syncs the file, and gives the index (in the arena). No samples at all: ERR_INPUT
 * "track.empty". */
MUST_USE struct err cmaf_writer_finish(struct cmaf_writer *, struct arena *, struct cmaf_index *out);
/* The segments closed so far; valid until the next call. For boundaries and progress. */
const struct cmaf_segment *cmaf_writer_segments(const struct cmaf_writer *, size_t *count);
/* Releases held samples and frees; unfinished files are the caller's to remove. */
void cmaf_writer_close(struct cmaf_writer **);

/* ---- other people's MP4 and MOV files ---- */

enum { CMAF_SOURCE_TRACKS_MAX = 64, CMAF_SOURCE_MOOV_BYTES_MAX = 512 << 20 };

struct cmaf_source;

struct cmaf_source_track {
    struct cmaf_track track;  /* codec CMAF_CODEC_NONE: something that we do not carry (text, timecode, ProRes ...) */
    uint32_t id;              /* track_ID */
    uint32_t fourcc;          /* of the sample entry, as text big-endian: 'avc1' */
    bool is_enabled;
    bool is_encrypted;
    const char *why_not;      /* NULL: samples can be copied with cmaf_cursor. Else a code saying why libavformat must read it:
                               * "source.codec", "source.edits", "source.entries", "source.encrypted", "source.tables" */
    uint64_t duration_ms;     /* as the file says; not to be trusted */
    uint64_t sample_count;    /* of the sample tables; 0 in fragmented files */
};

/* Reads the moov into memory. Errors: ERR_INPUT: source.not_mp4 (no moov or ftyp: not for us), source.truncated, source.malformed;
 * ERR_LIMIT (source.large, memory); ERR_IO. `fd` stays the caller's and must stay open. */
MUST_USE struct err cmaf_source_open(int fd, struct cmaf_source **out);
void cmaf_source_close(struct cmaf_source **);
size_t cmaf_source_track_count(const struct cmaf_source *);
const struct cmaf_source_track *cmaf_source_track_at(const struct cmaf_source *, size_t index);
bool cmaf_source_is_fragmented(const struct cmaf_source *);

/* The samples of one track in decode order: data NULL, source_offset set and inside the file; edit list applied. */
struct cmaf_cursor;
MUST_USE struct err cmaf_cursor_open(struct cmaf_source *, size_t track_index, struct cmaf_cursor **out); /* the source must outlive it */
void cmaf_cursor_close(struct cmaf_cursor **);
/* *has_sample false at the end. Errors: ERR_INPUT: source.malformed, source.truncated (the sample lies beyond the end of the file);
 * ERR_LIMIT; ERR_IO. */
MUST_USE struct err cmaf_cursor_next(struct cmaf_cursor *, struct cmaf_sample *out, bool *has_sample);

/* ---- a presentation: a folder ---- */

enum { CMAF_TRACKS_MAX = 32, CMAF_TEXTS_MAX = 64, CMAF_FILE_NAME_MAX = 32 };

struct cmaf_rendition {
    char name[8]; /* "v0": v0.mp4, v0.idx, v0.m3u8 */
    struct cmaf_index index;
    uint64_t peak_bps, average_bps;
};

struct cmaf_text { /* "t0": a WebVTT file, whole */
    char name[8];
    char language[CMAF_LANGUAGE_MAX];
    char label[CMAF_LABEL_MAX];
    uint32_t flags; /* of enum cmaf_flags */
    uint64_t bytes; /* filled in on loading */
};

struct cmaf_thumbnails { /* sprites thumbs-0.jpg, thumbs-1.jpg ... and thumbs.vtt that says which picture is where */
    uint32_t width, height;  /* of one picture; 0: there are none */
    uint32_t columns, rows;  /* of one sprite */
    uint32_t interval_ms;    /* from picture to picture */
    uint32_t count;          /* of pictures, in all sprites */
    uint64_t bytes;          /* of all sprites together */
};

/* What the track files do not say; kept in presentation.json. */
struct cmaf_extras {
    struct cmaf_text texts[CMAF_TEXTS_MAX];
    size_t text_count;
    struct cmaf_thumbnails thumbnails;
};

struct cmaf_presentation {
    const struct cmaf_rendition *videos, *audios; /* videos by falling height, then bandwidth; audios by number */
    size_t video_count, audio_count;
    const struct cmaf_text *texts;
    size_t text_count;
    struct cmaf_thumbnails thumbnails;
    int64_t duration_ms; /* of the longest track, rounded up */
};

/* Loads v0.idx to v31.idx, a0.idx to a31.idx and presentation.json, those that are there, into the arena; its ceiling is the
 * bound. A folder without a single track is ERR_NOT_FOUND "presentation.empty". Errors: as cmaf_index_read;
 * ERR_INPUT "presentation.extras". */
MUST_USE struct err cmaf_presentation_load(int dir_fd, struct arena *, struct cmaf_presentation *out);
/* Writes presentation.json atomically. Errors: ERR_INPUT (a language, label or number that cannot be), ERR_LIMIT, ERR_IO. */
MUST_USE struct err cmaf_extras_write(int dir_fd, const struct cmaf_extras *);
/* Nothing there gives empty extras. */
MUST_USE struct err cmaf_extras_read(int dir_fd, struct cmaf_extras *out);

#endif
