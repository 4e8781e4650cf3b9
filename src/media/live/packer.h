/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * packer.h: the open part of one rendition. Samples are collected, and made into one immutable run of bytes: moof and mdat, with a prft
 * in front where asked for. For this room only.
 *
 *   | prft | moof | mdat: sample sample sample ... |      one http_blob, made once */
#ifndef MEDIA_LIVE_PACKER_H
#define MEDIA_LIVE_PACKER_H

#include "media/cmaf/cmaf.h"
#include "system/http/http.h"

enum { PACKER_BYTES_MAX = 64 << 20, PACKER_SAMPLES_MAX = 4096 };

/* Zeroed is a valid empty one. */
struct packer {
    struct cmaf_sample *samples; /* decode order; data NULL: the payload is in `payload`, one behind the other */
    size_t count, capacity;
    struct buf payload;
    struct buf head;             /* scratch */
    uint32_t sequence;           /* of the newest moof */
};

struct packed {
    struct http_blob *blob;
    int64_t dts;          /* of the first sample */
    int64_t duration;     /* of all, in decode order */
    bool is_sync;         /* begins with a sync sample */
    uint32_t first_bytes; /* from the blob's start to the end of its first sample */
    size_t samples;
};

void packer_free(struct packer *);
/* Copies the payload. Errors: ERR_LIMIT; nothing was added. */
MUST_USE struct err packer_add(struct packer *, const struct cmaf_sample *);
bool packer_is_full(const struct packer *, size_t more_bytes);
/* Makes the first `count` samples a part and keeps the rest. `captured` (UTC, 0: no prft) is when the first one was. On an error these samples are
 * lost all the same. */
MUST_USE struct err packer_take(struct packer *, size_t count, struct utc_time captured, struct packed *out);

#endif
