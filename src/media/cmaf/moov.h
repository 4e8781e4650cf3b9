/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * moov.h: what a moov says, of our own files and of other people's. For this room only. */
#ifndef MEDIA_CMAF_MOOV_H
#define MEDIA_CMAF_MOOV_H

#include "media/cmaf/cmaf.h"

struct trex { /* movie fragment defaults, 14496-12 section 8.8.3 */
    uint32_t duration, size, flags;
};

/* One trak. Slices point into the moov; a table that is not there has ptr NULL. */
struct moov_trak {
    struct cmaf_track track; /* codec CMAF_CODEC_NONE where it is not one of ours; not yet completed */
    uint32_t id, fourcc, entry_count;
    bool is_enabled, is_encrypted, is_elsewhere; /* elsewhere: samples in another file */
    bool is_known_kind;                          /* handler is video or sound */
    uint64_t duration;                           /* mdhd */
    struct slice stts, ctts, stsc, stsz, stz2, stco, co64, stss, elst;
    bool has_sync_table;
    struct trex trex;
};

struct moov {
    uint32_t timescale;
    bool has_fragments; /* mvex */
    size_t trak_count;
    struct moov_trak *traks; /* the caller's memory */
};

/* `body` is the content of the moov. Tracks beyond `trak_max` are an error. Errors: ERR_INPUT "moov.malformed". */
MUST_USE struct err moov_parse(struct slice body, struct moov_trak *traks, size_t trak_max, struct moov *out);

#endif
