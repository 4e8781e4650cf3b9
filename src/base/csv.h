/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * csv.h: reads comma-separated values, strictly (RFC 4180), as a stream: a file of any length in the memory of one record.
 *
 * Lines end with CR LF or LF; a mark of byte order at the very beginning is left out; blank lines are. A field that begins with a quote runs to the
 * closing one and may hold separators, line ends and doubled quotes. All text is UTF-8 without zero bytes.
 *
 * What breaks the rules is told and the record it stands in left out; reading goes on with the next line, so that all faults of a file are
 * found in one go. Faults (code, what): csv.quote (a quote inside a bare field, or text behind a closing one), csv.unterminated (the
 * file ends inside quotes), csv.text (no UTF-8, a zero byte, a bare CR), csv.field (longer than allowed), csv.fields (too many in
 * one record). One thread at a time. */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct csv_place {
    uint64_t line, column; /* from 1: the physical line, and the character in it */
};
struct csv_field {
    struct slice text; /* without its quotes; lives during the call */
    struct csv_place at, end; /* of its first character, and of what follows it: a separator, or the end of the line */
};
struct csv_options {
    char separator;         /* 0: a comma */
    size_t field_bytes_max; /* 0: 65,536 */
    size_t fields_max;      /* of one record; 0: 256 */
    /* Either may end the reading with an error of its own. */
    struct err (*on_record)(void *user, const struct csv_field *, size_t count);
    struct err (*on_fault)(void *user, struct csv_place, struct err fault);
    void *user;
};

struct csv_reader;
MUST_USE struct err csv_open(struct csv_reader **out, const struct csv_options *);
/* The next bytes, cut anywhere. Errors: those of the callbacks, memory; after one the reader is only good for closing. */
MUST_USE struct err csv_feed(struct csv_reader *, struct slice bytes);
MUST_USE struct err csv_end(struct csv_reader *); /* that was all */
void csv_close(struct csv_reader **);             /* NULL is fine */

/* Where a record of another number of fields than `expected` goes wrong: at the first field too many, or where the line ends. `count` is not 0. */
static inline struct csv_place csv_uneven_place(const struct csv_field *fields, size_t count, size_t expected) { return count > expected ? fields[expected].at : fields[count - 1].end; }

#endif
