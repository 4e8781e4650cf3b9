/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * flv.h: the bodies of audio and video messages: the tag headers of FLV 10.1 (annex E.4.2.1 and E.4.3.1), and those of enhanced RTMP v1 and v2
 * with FourCC codecs, nanosecond offsets and several tracks in one message. */
#ifndef MEDIA_RTMP_FLV_H
#define MEDIA_RTMP_FLV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "media/cmaf/cmaf.h"

enum flv_packet {
    FLV_CONFIG,   /* `body`: the decoder configuration in FLV's form (params.h turns it into ours) */
    FLV_FRAME,    /* one access unit */
    FLV_END,      /* the sequence ends; a new configuration follows, or nothing */
    FLV_METADATA, /* video only: AMF with the colours */
    FLV_OTHER     /* commands of players, channel layouts and what later versions add: nothing for us */
};

struct flv_tag {
    enum flv_packet packet;
    enum cmaf_codec codec;
    uint8_t track;          /* 0 unless the message has several */
    bool is_key;            /* video: the publisher's word */
    int32_t composition_ms; /* pts - dts */
    uint32_t nanoseconds;   /* to add to the message's time: 0 to 999,999 */
    struct slice body;      /* borrowed */
};

struct flv_reader {
    struct byte_reader r;
    enum cmaf_kind kind;
    enum cmaf_codec codec;
    bool is_enhanced, is_multitrack, has_sizes, has_codecs, is_key, is_done;
    uint8_t packet;
    uint32_t nanoseconds;
    unsigned tracks;
};

enum { FLV_TRACKS_MAX = 32 }; /* in one message; more is malformed */

/* Begins to read the body of an audio or video message. Errors: ERR_INPUT rtmp.tag (malformed), rtmp.codec (a coding that is not carried). */
MUST_USE struct err flv_open(struct flv_reader *, enum cmaf_kind kind, struct slice body);
/* The next tag; *has false at the end. Errors: as flv_open. */
MUST_USE struct err flv_next(struct flv_reader *, struct flv_tag *out, bool *has);

/* Appends the header that stands before a body. H.264, AAC and MP3 of track 0 in the old form, all else enhanced; a `track` above 0 as a
 * message of one track. `packet` is FLV_CONFIG, FLV_FRAME or FLV_END. */
void flv_put_head(struct buf *, const struct cmaf_track *, enum flv_packet, uint8_t track, bool is_key, int32_t composition_ms);

uint32_t flv_fourcc(enum cmaf_codec); /* 'hvc1' ...; 0: none */

#endif
