/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * ts.h: an MPEG transport stream taken apart (ISO/IEC 13818-1), for one programme of a live source. Runs in the sandboxed child.
 *
 * Why not libavformat: it holds a picture back until the one after the next has begun, wants to look at seconds of a stream before it says what is
 * in it, keeps continuity errors to itself, and straightens times that are the source's to tell. What is left is little more than this.
 *
 *   packets of 188 bytes -> sections (PAT, PMT, SCTE 35) and PES packets, each handed out whole, as soon as it is whole
 *
 * When is a PES packet whole? Sound says its length. Pictures do not: the next one's beginning tells, a frame late. But nearly all multiplexers
 * fill up the last packet of a picture with stuffing and put none elsewhere; where a stream has kept to this for a while, it is believed, and the
 * picture is handed out at once. The first time that it does not hold, the picture is counted as damaged and the stream never believed again. */
#ifndef SRT_TS_H
#define SRT_TS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum ts_form { TS_NONE, TS_H264, TS_HEVC, TS_AAC, TS_AAC_LATM, TS_MPEG_AUDIO, TS_AC3, TS_EAC3, TS_OPUS, TS_SCTE35, TS_FORMS };

enum { TS_PACKET_BYTES = 188, TS_STREAMS_MAX = 16, TS_PROGRAMMES_MAX = 32, TS_SECTION_BYTES_MAX = 4096, TS_PES_BYTES_MAX = 32 << 20 };

struct ts_stream {
    uint16_t pid;
    enum ts_form form;       /* never TS_NONE */
    char language[4];        /* ISO 639-2 as it stands there, or "" */
    uint8_t audio_type;      /* 13818-1 table 2-60: 1 clean, 2 hearing impaired, 3 visual impaired */
    uint8_t opus_channels;   /* channel_config_code */
};

struct ts_pes {
    struct slice payload;
    bool has_pts;
    uint64_t pts, dts;       /* 33 bits; dts is pts where it is not told */
    int64_t stamp;           /* of the bytes that its last byte came with */
};

struct ts_handler {
    void *user;
    /* What is in the programme; again when that changes. An error ends ts_push with it, as with all of these. */
    struct err (*programme)(void *user, const struct ts_stream *, size_t count);
    /* More than one programme. */
    struct err (*programmes)(void *user, const uint16_t *numbers, size_t count);
    /* `stream`: index into what `programme` told. */
    struct err (*pes)(void *user, size_t stream, const struct ts_pes *);
    /* table_id to CRC, which is right. */
    struct err (*section)(void *user, size_t stream, struct slice section);
};

struct ts_counts {
    uint64_t packets;
    uint64_t lost;       /* by continuity counters: at least so many */
    uint64_t damaged;    /* PES packets and sections that were not handed out since something is missing */
    uint64_t scrambled;  /* packets that were encrypted */
    uint64_t skipped;    /* bytes that were no packets */
};

struct ts_assembly {     /* a section under way */
    struct buf bytes;
    bool is_open;
};

struct ts_pid {
    uint16_t pid;
    bool has_counter, was_repeated;
    uint8_t counter;
    struct ts_assembly section;
};

struct ts_elementary {
    struct ts_stream about;
    struct ts_pid at;
    struct buf pes;
    int64_t stamp;
    bool is_open, is_damaged;
    bool was_stuffed;        /* the last packet of it */
    bool was_given_early;
    bool is_never_believed;
    uint32_t confirmed;      /* how many in a row ended with stuffing and had none before */
};

struct ts {
    struct ts_handler handler;
    struct ts_counts counts;
    uint8_t partial[TS_PACKET_BYTES];
    size_t partial_bytes;
    struct ts_pid pat, pmt;
    bool has_pmt;
    uint32_t pmt_crc;
    struct ts_elementary streams[TS_STREAMS_MAX];
    size_t count;
};

void ts_init(struct ts *, const struct ts_handler *);
void ts_free(struct ts *);
/* Bytes in any cut; `stamp` is handed through. Errors: those of the handler, "memory". */
MUST_USE struct err ts_push(struct ts *, struct slice bytes, int64_t stamp);
/* The stream has ended: hands out what is whole. */
MUST_USE struct err ts_finish(struct ts *);

#endif
