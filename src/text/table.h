/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * table.h: what text/generate.mjs writes into the build folder, seen by text.c alone. */
#ifndef TEXT_TABLE_H
#define TEXT_TABLE_H

#include "text/text.h"

/* `one` is NULL for a text that does not count. */
struct text_forms {
    const char *one, *other;
};
struct text_entry {
    const char *code;
    struct text_forms in[TEXT_LANGUAGE_COUNT];
};

extern const struct text_entry text_table[]; /* sorted bytewise by code */
extern const size_t text_table_count;

#endif
