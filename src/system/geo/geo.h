/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * geo.h: in which country, and in which part of it, an address lies. The operator brings the database (a MaxMind DB file with
 * countries, with subdivisions where areas matter); we bring none.
 *
 * The model
 *   place  a country (ISO 3166-1, two letters) and, where the database says it, its first subdivision (ISO 3166-2: "US-CA").
 *          Not known is the empty text.
 *   geo    the open file. A new file under its name is taken up by geo_tick; who is looking in the old one meanwhile is not disturbed.
 *
 * An address that the database does not know (a private network, the machine itself) has no place; what then holds is the caller's
 * business. Any thread; a look-up takes about a microsecond and waits for nobody. */
#ifndef SYSTEM_GEO_GEO_H
#define SYSTEM_GEO_GEO_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

enum { GEO_COUNTRY_LEN = 2, GEO_AREA_MAX = 6 };

struct geo_place {
    char country[GEO_COUNTRY_LEN + 1]; /* "DE"; "": not known */
    char area[GEO_AREA_MAX + 1];       /* "DE-BY"; "": not known */
};

/* "DE" or "DE-BY" (letters of either size); false, and untouched, unless it has one of these two forms. Whether such a country exists is
 * not looked at. */
bool geo_place_parse(struct slice, struct geo_place *out);
/* Is this country in the European Union (as of 2026; Regulation (EU) 2017/1128 on portability holds among them)? */
bool geo_is_eu(const char *country);

struct geo;
/* `path`: the file, NULL: none, then no address has a place. Errors: ERR_NOT_FOUND, ERR_DENIED, ERR_INPUT geo.file (it is no such
 * database, or a damaged one), ERR_LIMIT (memory). May block. */
MUST_USE struct err geo_open(struct geo **out, const char *path);
void geo_close(struct geo **); /* nobody may be looking any more; NULL is fine */

/* `address` as text, IPv4 or IPv6 (an IPv4 address in an IPv6 one is the former). False, and *out empty: it has no place that we know,
 * or it is no address. */
bool geo_find(struct geo *, struct slice address, struct geo_place *out);

/* From time to time (seconds): if the file has changed it is opened anew. A new file that cannot be read is left alone, and the log says
 * so once; the old one goes on. May block. */
void geo_tick(struct geo *);

#endif
