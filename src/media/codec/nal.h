/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * nal.h: H.264 and HEVC in their two framings. Broadcast streams separate NAL units by start codes (H.264 Annex B) and
 * repeat parameter sets; files prefix each unit with its length and keep the sets in a record (14496-15). */
#ifndef CODEC_NAL_H
#define CODEC_NAL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"
#include "media/cmaf/cmaf.h"

enum nal_set { NAL_VPS, NAL_SPS, NAL_PPS, NAL_SETS };
enum { NAL_SETS_EACH_MAX = 16 };

/* The parameter sets of one stream, by content; slices borrow from where they were found unless copied in. */
struct nal_sets {
    struct buf bytes; /* all of them, copied */
    struct {
        size_t at, len;
    } set[NAL_SETS][NAL_SETS_EACH_MAX];
    size_t count[NAL_SETS];
};

/* Next unit of an Annex B stream, without start code and trailing zeros. False at the end. Begin with *rest = all. */
bool nal_next(struct slice *rest, struct slice *unit);
bool nal_is_annexb(struct slice); /* begins with a start code */

/* The payload of a unit without emulation prevention (00 00 03), as far as fits. */
struct slice nal_unescape(struct slice unit, uint8_t *out, size_t size);

enum nal_role { NAL_ROLE_PICTURE, NAL_ROLE_SYNC, NAL_ROLE_SET, NAL_ROLE_OTHER };
/* SYNC: a picture from which decoding can start: IDR, or IRAP in HEVC. An H.264 recovery point (SEI) that is at once counts as SYNC too. */
enum nal_role nal_role(struct slice unit, bool is_hevc);

/* Collects the sets found in an Annex B stream. False when there are too many or memory ran out. */
bool nal_sets_collect(struct nal_sets *, bool is_hevc, struct slice annexb);
void nal_sets_free(struct nal_sets *);

/* Appends avcC or hvcC content with 4-byte lengths. False if a set is missing or malformed. */
bool nal_make_config(const struct nal_sets *, bool is_hevc, struct buf *out);

/* Annex B -> length-prefixed, without access unit delimiters, fillers and parameter sets that are known already.
 * *has_new_sets: a set came that is not among the known ones (appended nowhere). False when memory ran out. */
bool nal_to_lengths(const struct nal_sets *known, bool is_hevc, struct slice annexb, struct buf *out, bool *has_new_sets);

/* HEVC: mastering display and light level from the SEI messages of a picture (H.265 D.2.28, D.2.35), where it has them. */
void nal_read_hdr(struct slice sample, bool is_annexb, unsigned length_bytes, struct cmaf_hdr *out);

/* The precision time stamp of MISB ST 0604 in this unit, if it is an SEI with one: microseconds since 1970; 0: none. */
int64_t nal_read_time_us(struct slice unit, bool is_hevc);

/* Do browsers play it? 8 bit 4:2:0 H.264; HEVC Main and Main 10. By the configuration record. */
bool nal_config_is_playable(struct slice config, bool is_hevc);

#endif
