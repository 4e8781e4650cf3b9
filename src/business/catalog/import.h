/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * import.h: a catalogue on its way in. Within catalog only: import.c tells the story, import_csv.c and import_json.c make items of cells, each with its place. */
#ifndef BUSINESS_CATALOG_IMPORT_H
#define BUSINESS_CATALOG_IMPORT_H

#include "business/catalog/exchange.h"

struct cell_in {
    const char *ptr; /* NULL: not given */
    uint32_t len, line, column;
};
struct credit_in {
    size_t person; /* of work.people */
    enum catalog_part part;
    struct slice character;
};
struct item {
    size_t line, column;
    struct cell_in cells[CELLS];
    const struct catalog_title *title; /* NULL: a new one */
    int64_t id;
    struct public_id public_id;
    enum catalog_kind kind;
    struct item *above_item; /* its parent, when that is an item */
    const struct catalog_title *above_title;
    struct catalog_change change, rest; /* rest: of a new one, what its row does not hold */
    bool changes_anything;
};
struct person_in { /* somebody who is named in the file */
    struct slice key;
    const struct catalog_person *person; /* NULL: a new one */
    int64_t id;
    struct public_id public_id;
    struct catalog_person_change change;
    bool is_changed;
};
struct key {
    struct slice text;
    size_t at; /* + 1; 0: free */
};
struct keys { /* from text to a number */
    struct key *table;
    size_t room, count;
};
struct work {
    struct catalog *catalog;
    struct arena *arena;
    int64_t org_id;
    const struct catalog_view *view;
    struct catalog_import_report *report;
    struct item **items;
    size_t count, room;
    struct keys item_keys, person_keys;
    struct person_in **people;
    size_t people_count, people_room;
    struct person_names *names;
    int columns[256]; /* of the CSV: which cell */
    size_t column_count;
    bool has_header;
    const struct item *failing; /* what the transaction was at, when it failed */
};

/* --- import.c --- */
/* One more fault, told with all others at the end. Errors: memory. */
MUST_USE struct err import_fault(struct work *, size_t line, size_t column, struct slice field, struct err);
MUST_USE struct err import_cell_fault(struct work *, const struct item *, int cell, struct err); /* at the cell, where it is given; else at the item */
struct err import_value_wrong(void);
struct item *import_item_new(struct work *, size_t line, size_t column);                  /* NULL: memory */
struct person_in *import_person_new(struct work *, struct slice key, size_t *at);         /* NULL: memory */
size_t import_key_put(struct work *, struct keys *, struct slice text, size_t fresh);     /* SIZE_MAX: memory */
bool import_key_find(const struct keys *, struct slice text, size_t *out);
bool import_names_are_new(const struct person_in *);

/* --- import_csv.c, import_json.c --- */
/* Items of all rows, and people of a JSON; what is not of the form is told as faults. Errors: memory. */
MUST_USE struct err import_csv_read(struct work *, struct slice bytes);
MUST_USE struct err import_json_read(struct work *, struct slice bytes);

#endif
