/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * url.h: percent-encoding, as paths and queries use it (RFC 3986). Pure. */
#ifndef SYSTEM_HTTP_URL_H
#define SYSTEM_HTTP_URL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"

/* Decodes a path in place and returns its new length, or -1: a broken escape, %00, %2F or %5C, a control character, a
 * backslash, a segment "." or "..", not UTF-8. The path must begin with "/". */
ptrdiff_t url_path_decode(char *path, size_t len);

/* The first value of `name` in a query text, decoded ("+" is a blank) into the arena if need be. False: none, broken
 * escapes, control character 0, not UTF-8, or memory ran out. */
bool url_query_find(struct slice query, struct slice name, struct arena *, struct slice *value) MUST_USE;

#endif
