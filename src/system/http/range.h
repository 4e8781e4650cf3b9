/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * range.h: byte ranges (RFC 9110 section 14). Pure. */
#ifndef SYSTEM_HTTP_RANGE_H
#define SYSTEM_HTTP_RANGE_H

#include <stdint.h>

#include "base/slice.h"

enum range_result {
    RANGE_WHOLE,         /* no range, one that is malformed, of another unit, or several: answer with 200 and all of it */
    RANGE_PART,          /* 206 */
    RANGE_UNSATISFIABLE, /* 416 */
};
struct range {
    uint64_t first, length; /* for RANGE_PART; length > 0 */
};

/* `text` is the field's value ("bytes=0-499"). A server may ignore a Range field (section 14.2); we do so for several
 * ranges, which no player sends and which cost more than they give. */
enum range_result range_parse(struct slice text, uint64_t bytes_total, struct range *out);

#endif
