/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * init.h: reading an init segment of ours back. For this room only. */
#ifndef MEDIA_CMAF_INIT_H
#define MEDIA_CMAF_INIT_H

#include "media/cmaf/cmaf.h"

enum { INIT_BYTES_MAX = 1 << 20 };

/* `init` is ftyp and moov with one track. The track's slices point into it. Errors: ERR_INPUT "track_file.init". */
MUST_USE struct err init_parse(struct slice init, struct cmaf_track *, int64_t *media_time);

#endif
