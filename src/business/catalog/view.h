/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * view.h: titles in memory. Within catalog only. */
#ifndef BUSINESS_CATALOG_VIEW_H
#define BUSINESS_CATALOG_VIEW_H

#include <stdatomic.h>

#include "business/catalog/catalog.h"

/* A title with its strings behind it, in one piece; shared by all the views it stands in. */
struct held_title {
    struct catalog_title title; /* first: a catalog_title of a view is one of these */
    _Atomic uint32_t references;
    char strings[];
};
/* `row` of the titles, with all rows of the texts that are its own: they begin at *text_row, which is moved past them.
 * NULL: memory. */
struct held_title *held_title_create(int64_t org_id, const struct db_rows *titles, size_t row, const struct db_rows *texts, size_t *text_row);
void held_title_give(const struct catalog_title *);

/* Takes over the titles' references, also when it fails (NULL: memory). */
struct catalog_view *view_create(const struct catalog_title **titles, size_t count);
/* A new view in which `title` (its reference is taken over; NULL: none) stands in place of the one of this public id. */
struct catalog_view *view_with(const struct catalog_view *, struct slice public_id, const struct catalog_title *title);

#endif
