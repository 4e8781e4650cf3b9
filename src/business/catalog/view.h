/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * view.h: what is held in memory. Within catalog only.
 *
 *   shelf -> view 3 (present)      titles [ a  b' c  d ]   each title is one block of memory; the arrays are the view's own
 *             ^
 *            view 2                titles [ a  b  c  d ]   retired: b
 *             ^
 *            view 1 (still taken)  titles [ a  b  c ]      retired: nothing
 *
 * Nothing counts who holds a title. A view holds the one that came after it, and owns what that one no longer has ("retired"): so b goes
 * when views 1 and 2 are gone, however the readers come and go, and a change costs a copy of two arrays of pointers and no
 * walk over 100,000 titles. The present view owns all the rest.
 *
 * The table from public ids to places is shared between views as long as places do not move: a changed title stays where it was, and a new one
 * is the last (ids grow). An entry beyond a view's own count is of a later view, and passed over. */
#ifndef BUSINESS_CATALOG_VIEW_H
#define BUSINESS_CATALOG_VIEW_H

#include <stdatomic.h>

#include "business/catalog/catalog.h"

struct search;      /* search.h */
struct view_lists;  /* lists.c: made when they are first asked for */
struct places {
    _Atomic uint32_t references;
    size_t count; /* a power of two */
    _Atomic uint32_t at[];
};

struct view_inner {
    _Atomic uint32_t references;
    struct catalog_view *next; /* held */
    bool is_superseded;
    void *retired[4];
    size_t retired_count;
    struct places *places;
    const struct catalog_title **titles, **children; /* the second by parent, season first, numbers, id */
    size_t child_count;
    const struct catalog_person **people;
    void *rows_block; /* rows with all they point to */
    struct view_lists *_Atomic lists;
    struct search *_Atomic search;
    struct lock *making; /* two of the catalogue's: one at a time makes lists, and one an index */
};

/* The rows of titles with all that hangs on them, each sorted by title; the cursors move on. */
struct title_rows {
    struct db_rows titles, texts, credits, members;
    size_t text, credit, member;
};
struct person_rows {
    struct db_rows people, names;
    size_t name;
};
/* One block each, freed with mem_free. NULL: memory. */
struct catalog_title *title_hold(int64_t org_id, struct title_rows *, size_t row);
struct catalog_person *person_hold(int64_t org_id, struct person_rows *, size_t row);
/* Rows of the home page. Fills in the view's. */
MUST_USE struct err rows_hold(const struct db_rows *, struct catalog_row **rows, size_t *count, void **block);
void title_fields_write(const struct catalog_ratings *, struct buf *out); /* ratings as they are stored */

/* Takes over the titles and people (both by id) and the rows, also when it fails (NULL: memory). */
struct catalog_view *view_create(int64_t org_id, struct lock *making, const struct catalog_title **titles, size_t count, const struct catalog_person **people,
                                 size_t people_count, struct catalog_row *rows, size_t row_count, void *rows_block);

/* What one change changes; the held things are taken over, also when it fails. */
struct view_edit {
    struct slice title; /* public id of a title that is put in, put in place of its former self, or (NULL) taken out; empty: none */
    struct catalog_title *held;
    struct slice person; /* the same of a person */
    struct catalog_person *held_person;
    bool has_rows;
    struct catalog_row *rows;
    size_t row_count;
    void *rows_block;
};
/* The view after `old`. NULL: memory, and `old` is as it was. */
struct catalog_view *view_after(struct catalog_view *old, const struct view_edit *);

void view_lists_free(struct view_lists *);

/* --- the catalogue's own, for the files that change something --- */
struct db *catalog_db(struct catalog *);
struct id_maker *catalog_ids(struct catalog *);
MUST_USE struct err catalog_refresh_person(struct catalog *, int64_t org_id, struct slice public_id);
MUST_USE struct err catalog_refresh_rows(struct catalog *, int64_t org_id);
/* What a refresh after a commit said. */
void catalog_followed(struct err);
/* As catalog_create_in, and tells catalog_on_made. */
MUST_USE struct err catalog_make_in(struct catalog *, struct db_tx *, int64_t org_id, int64_t id, const struct public_id *, const struct catalog_change *,
                                    enum catalog_status);
/* The same for many at once: without a look at how many titles there are, and without parent, people and members, which may not be there yet. *rest
 * gets these, for catalog_change_in. */
MUST_USE struct err catalog_make_bare_in(struct catalog *, struct db_tx *, int64_t org_id, int64_t id, const struct public_id *, const struct catalog_change *,
                                         enum catalog_status, struct catalog_change *rest);
MUST_USE struct err change_check(const struct catalog_change *);
struct err catalog_parent_wrong(void);
/* May a title of the one kind stand over one of the other? `has_parent`: something stands over it itself. */
bool catalog_may_stand_over(enum catalog_kind above, bool has_parent, enum catalog_kind);
MUST_USE struct err person_check(const struct catalog_person_change *);
/* Within a transaction: is there room for so many more people (person.many); makes a person; changes one. Errors as catalog_person_create. */
MUST_USE struct err person_room_in(struct db_tx *, int64_t org_id, int64_t more);
MUST_USE struct err person_names_set_in(struct db_tx *, int64_t org_id, int64_t id, const struct catalog_person_change *);
MUST_USE struct err person_create_in(struct db_tx *, int64_t org_id, int64_t id, const struct public_id *, const struct catalog_person_change *);

#endif
