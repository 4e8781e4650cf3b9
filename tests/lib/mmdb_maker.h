/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * mmdb_maker.h: writes small MaxMind DB files (specification version 2.0), so that tests need nobody's. */
#ifndef TESTS_LIB_MMDB_MAKER_H
#define TESTS_LIB_MMDB_MAKER_H

#include <stddef.h>

#include "base/buf.h"

struct mmdb_net {
    const char *address; /* "203.0.113.0" or "2001:db8::" */
    unsigned bits;       /* of the prefix */
    const char *country; /* "TH"; NULL: a record without a country */
    const char *area;    /* "10", without the country; NULL: none */
};
/* A file of IPv6 in which IPv4 lies at ::/96. Nets may not overlap. */
void mmdb_make(struct buf *out, const struct mmdb_net *nets, size_t count);

#endif
