/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * zone.h: what a clock on the wall of some place shows, by the system's time zone database (/usr/share/zoneinfo, Debian's tzdata).
 *
 * A zone is read once, from its TZif file (RFC 9636), and stays as it is for as long as the program runs; the process's own zone (TZ, tzset) is neither read nor set, so
 * any thread may ask for any place at any time. Instants after the last one in the file follow the rule in its footer. Where there is no database there are no zones:
 * whoever asks says UTC then, and says that it is.
 *
 * NULL is UTC in all functions that take a zone. All may be called from any thread; zone_find and zone_of_country may read a small file. */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum { ZONE_NAME_MAX = 63 };
struct zone;

/* By its name in the database: "Europe/Berlin"; also names of former days ("Asia/Calcutta"). Any bytes may be passed: letters, digits, '_', '+', '-' and '/' between
 * them make a name, so none leads out of the folder. NULL: there is none, or there was no memory for it. Lives as long as the program. */
const struct zone *zone_find(struct slice name);
/* Where most people of a country live, as far as one zone can say ("DE": Europe/Berlin; "US": America/New_York); NULL. `country`: ISO 3166-1 alpha-2. */
const struct zone *zone_of_country(struct slice country);
struct slice zone_name(const struct zone *); /* "UTC" of NULL */

/* A date of the Gregorian calendar and the time of day there. */
struct zone_time {
    int64_t year;
    int month, day, hour, minute; /* from 1; the hour from 0 */
    int32_t offset_s;             /* east of UTC */
};
/* Seconds since 1970 UTC, within 100,000 years of them. */
struct zone_time zone_time_of(const struct zone *, int64_t at_s);

/* For tests and the fuzzer: a zone of its own from a file's bytes. ERR_INPUT zone.file, ERR_MEMORY. */
MUST_USE struct err zone_parse(struct slice file, struct slice name, struct zone **out);
void zone_free(struct zone **);

#endif
