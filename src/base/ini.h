/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * ini.h: reads a small configuration file:
 *     # a comment
 *     data = /var/lib/grandstand
 *     [http]
 *     listen = 127.0.0.1:8080
 * Keys inside a section are reported as "section.key". A value runs to the end of its line, blanks trimmed; quotes
 * around it keep inner blanks and are removed. No continuation lines, no escapes, no includes. */
#ifndef BASE_INI_H
#define BASE_INI_H

#include "base/err.h"
#include "base/slice.h"

struct ini_position {
    int line; /* from 1 */
};

/* Calls `on_value` for each key in order; `key` lives during the call, `value` as long as `text`. If on_value returns an error, reading
 * stops with it. On an error *where is the line. Errors: ERR_INPUT (ini.syntax: not UTF-8, a line that is neither
 * comment, section nor key = value, a key longer than 128 bytes), and those of on_value. */
MUST_USE struct err ini_read(struct slice text, struct err (*on_value)(void *user, struct slice key, struct slice value),
                             void *user, struct ini_position *where);

#endif
