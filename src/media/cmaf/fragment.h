/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * fragment.h: the samples of a moof (14496-12 section 8.8). For this room only. */
#ifndef MEDIA_CMAF_FRAGMENT_H
#define MEDIA_CMAF_FRAGMENT_H

#include "base/bytes.h"
#include "media/cmaf/moov.h"

/* Walks the samples of one track in one moof; a plain value. Times are media times: without edit list. */
struct fragment {
    uint32_t track_id;
    struct trex trex;
    uint64_t moof_offset;
    int64_t dts; /* of the next sample; goes on from fragment to fragment where there is no tfdt */

    struct byte_reader moof, traf, trun;
    bool is_ours, has_base, base_is_moof, is_in_trun;
    uint64_t base, data_end; /* data_end: where the data of the run before ended */
    struct trex defaults;
    uint32_t run_flags, run_first_flags, run_left;
    uint8_t run_version;
    bool is_run_first;
};

/* `dts` is where decode time stands if the moof does not say. `body` is the moof's content and must outlive the walk. */
struct fragment fragment_of(struct slice body, uint64_t moof_offset, uint32_t track_id, struct trex, int64_t dts);
/* *has_sample false at the end. Errors: ERR_INPUT "fragment.malformed". */
MUST_USE struct err fragment_next(struct fragment *, struct cmaf_sample *out, bool *has_sample);

#endif
