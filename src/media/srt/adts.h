/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * adts.h: the framings of sound in transport streams. */
#ifndef SRT_ADTS_H
#define SRT_ADTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* One frame of AAC in ADTS (14496-3 section 1.A.2.2). */
struct adts_frame {
    struct slice raw;      /* without its header */
    uint8_t config[2];     /* AudioSpecificConfig */
    uint32_t rate;
    uint32_t samples;
    bool is_plain;         /* one raw block, channels told in the header: can be carried as it is */
};
enum adts_result { ADTS_FRAME, ADTS_MORE, ADTS_NONE };
/* The next frame in *rest, which moves behind it. ADTS_MORE: a frame begins at *rest and is not whole. ADTS_NONE: nothing more in it. */
enum adts_result adts_next(struct slice *rest, struct adts_frame *out);

/* One Opus packet out of its control header (ETSI TS 103 491 / "Opus in MPEG-2 TS"); false: nothing more, or malformed. */
bool opus_next(struct slice *rest, struct slice *packet);
/* How long a packet lasts, in 1/48000 s (RFC 6716 section 3.1); 0: malformed. */
uint32_t opus_samples(struct slice packet);

#endif
