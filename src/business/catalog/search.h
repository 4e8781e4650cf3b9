/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * search.h: the index for searching. Within catalog only. */
#ifndef BUSINESS_CATALOG_SEARCH_H
#define BUSINESS_CATALOG_SEARCH_H

#include "business/catalog/catalog.h"

/* What one view searches in; never changes, counted. */
struct search;
/* The view's index, made now if it has none; borrowed. NULL: memory. */
struct search *search_of(const struct catalog_view *);
void search_give(struct search **); /* NULL is fine */
/* The index after one change of a title or of a person; NULL: memory. `now` is the view after it. */
struct search *search_after(struct search *, const struct catalog_view *now, const struct catalog_title *former, const struct catalog_title *held,
                            const struct catalog_person *former_person, const struct catalog_person *held_person);

#endif
