/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * part.h: for this room only. */
#ifndef MEDIA_CMAF_PART_H
#define MEDIA_CMAF_PART_H

#include "media/cmaf/cmaf.h"

/* How far behind the start of the moof the boxes of a transform stand. */
uint32_t part_traf_boxes_at(void);

#endif
