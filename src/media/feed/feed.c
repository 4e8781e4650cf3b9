/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/feed/feed.h"

int64_t feed_unwrap(int64_t last, uint64_t raw, unsigned bits) {
    uint64_t mask = (UINT64_C(1) << bits) - 1, half = UINT64_C(1) << (bits - 1);
    uint64_t ahead = (raw - (uint64_t)last) & mask;
    return (int64_t)((uint64_t)last + (ahead < half ? ahead : ahead - mask - 1));
}
