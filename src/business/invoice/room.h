/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within the room: what both documents are made with. */
#ifndef BUSINESS_INVOICE_ROOM_H
#define BUSINESS_INVOICE_ROOM_H

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "business/invoice/invoice.h"
#include "system/paper/paper.h"
#include "text/text.h"

struct slice paper_word(struct slice lang, const char *code);
void page_words(void *user, int page, int count, struct buf *out); /* user: struct slice, the language */
void day_print(struct buf *, int64_t at_s, struct slice lang);
/* What was written, in the arena, and the buffer is free. What could not be written whole is nothing, and the arena knows: no document is printed with less than all of it. */
struct slice text_take(struct arena *, struct buf *);
struct slice amount_text(struct arena *, struct money, struct slice lang);

#endif
