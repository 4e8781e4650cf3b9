/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * exchange.h: a title as a row of cells, on its way out and in. Within catalog only.
 *
 * Both ways and both formats share the text of a cell: what comes in is compared with what would go out, and only what differs is changed.
 *
 *   words (genres, countries)  parted by blanks
 *   members                    ids parted by ";"
 *   people                     "director: Jane Doe; cast: Siriporn = Nok": part, person, and whom they play. In a name ; = \ stand behind a \ */
#ifndef BUSINESS_CATALOG_EXCHANGE_H
#define BUSINESS_CATALOG_EXCHANGE_H

#include "business/catalog/catalog.h"

enum cell {
    CELL_ID, CELL_EXTERNAL_ID, CELL_EIDR, CELL_KIND, CELL_PARENT, CELL_SEASON, CELL_EPISODE, CELL_EDIT, CELL_YEAR, CELL_GENRES, CELL_COUNTRIES,
    CELL_ORIGINAL_LANG, CELL_ORIGINAL_NAME, CELL_IS_FREE,
    CELL_RATING, /* one for each system */
    CELL_NAME = CELL_RATING + CATALOG_SYSTEMS, /* one for each language */
    CELL_SYNOPSIS = CELL_NAME + TEXT_LANGUAGE_COUNT,
    CELL_PEOPLE = CELL_SYNOPSIS + TEXT_LANGUAGE_COUNT,
    CELL_MEMBERS,
    CELLS,
};
extern const char *const cell_names[CELLS]; /* "name_en", "rating_fsk", ... */

/* How a person is called in cells: by a name, where that names nobody else and can be told from an id; else by id. Made once for a whole export or
 * import; lives in the arena. */
struct person_names;
MUST_USE struct err person_names_create(struct arena *, const struct catalog_view *, struct person_names **out);
struct slice person_names_of(const struct person_names *, const struct catalog_person *);
/* Who is called so: an id, or a name in any language that only one person has. False: nobody, or (is_ambiguous) several. */
bool person_names_find(const struct person_names *, struct slice name, const struct catalog_person **out, bool *is_ambiguous);

/* Appends the text of a cell; nothing where it is empty. */
void cell_put(struct buf *, const struct catalog_view *, const struct person_names *, const struct catalog_title *, enum cell);
/* One name in a cell of people. */
void people_escape(struct buf *, struct slice);

#endif
