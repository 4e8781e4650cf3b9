/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * sidx.h: the segment index inside a track file (14496-12 section 8.16.3). For this room only. */
#ifndef MEDIA_CMAF_SIDX_H
#define MEDIA_CMAF_SIDX_H

#include "media/cmaf/cmaf.h"

/* Room for that many entries and a free box behind them; at most what a sidx can hold. */
uint32_t sidx_bytes_for(uint64_t entries);
/* Fills the room exactly: the sidx, then a free box. Where entries are more than fit, each stands for several segments. Returns
 * the bytes of the sidx alone. */
uint32_t sidx_build(const struct cmaf_index *, uint32_t room, struct buf *out);

#endif
