/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Part of the door text.h: moments as people say them, in their language and in the zone of whoever reads. Any thread. */
#ifndef TEXT_MOMENT_H
#define TEXT_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/zone.h"

/* {0}: UTC, and that is said. */
struct text_zone {
    const struct zone *zone; /* NULL: UTC */
    bool is_readers;         /* of the device on which it is read: then the zone need not be said beside a time */
};
/* "3 March"; with the year where it is another one than that of `now_s`, with the time where less than a day is between: "3 March at 20:05", "3 March, 20:05 UTC+1". The
 * pages say the same in the zone of their device (web/src/lib/time.svelte.ts, moment). In Thai years are of the Buddhist era. */
void text_moment(struct buf *, struct slice language, int64_t at_s, int64_t now_s, struct text_zone);
/* "3 March 2027, 20:05 UTC+1": for what is read at another time, as a letter is. */
void text_moment_whole(struct buf *, struct slice language, int64_t at_s, struct text_zone);

/* "3 March 2027", with the time only where the day does not begin with it there: for contracts, which run from day to day. */
void text_moment_of_day(struct buf *, struct slice language, int64_t at_s, struct text_zone);

#endif
