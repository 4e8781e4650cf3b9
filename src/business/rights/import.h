/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * import.h: a file of lines on its way into the book. Within the room, for the two halves of it: import.c reads the file into what stands here;
 * import_save.c knows what is there already, holds the lines against it and against each other, and writes them. */
#ifndef BUSINESS_RIGHTS_IMPORT_H
#define BUSINESS_RIGHTS_IMPORT_H

#include "business/rights/book.h"
#include "business/rights/names.h"

struct staged { /* a line */
    int64_t title_id;
    uint64_t at_line : 40, at_column : 24; /* where the file names its title */
    uint32_t deal, territories, languages, starts_s, ends_s, plays_max, note_len;
    uint16_t media;
    uint8_t effect;
    bool is_exclusive, may_sublicense;
    size_t note_at;
};
struct staged_deal {
    int64_t id; /* 0: to be made */
    size_t reference_at;
    uint32_t reference_len, party;
    enum rights_direction direction;
    enum rights_status status;
    bool may_sublicense;
};
struct staged_party {
    int64_t id; /* 0: to be made */
    size_t name_at;
    uint32_t name_len;
    bool is_us;
};
#define LIST_OF(type) struct { type *items; size_t count, room; }

enum rights_column {
    COLUMN_DEAL, COLUMN_PARTY, COLUMN_DIRECTION, COLUMN_TITLE, COLUMN_EFFECT, COLUMN_TERRITORIES, COLUMN_MEDIA, COLUMN_LANGUAGES, COLUMN_STARTS, COLUMN_ENDS,
    COLUMN_EXCLUSIVE, COLUMN_SUBLICENSE, COLUMN_PLAYS, COLUMN_NOTE, COLUMNS
};

struct importer {
    struct rights *rights;
    struct arena *arena;
    struct rights_import *job;
    struct catalog_view *view;
    bool has_header;
    int places[COLUMNS]; /* which field; -1: there is none */
    size_t field_count;
    struct rights_names deals, parties; /* deals by reference; parties by name, and by public id */
    LIST_OF(struct staged) lines;       /* in the order of the file */
    LIST_OF(struct staged_deal) deal_list; /* first those that are there, by id */
    LIST_OF(struct staged_party) party_list;
    struct buf notes, words; /* of lines; references and names */
    size_t us_name_at;       /* our own name, among the words */
    uint32_t us_name_len;
    struct cached {
        uint64_t hash;
        struct slice text;
        uint32_t set;
    } *territories, *languages; /* by hash: most lines say what another said */
    struct rights_import_fault *faults;
    size_t fault_kept;
    uint32_t *order;       /* places of `lines` as they will be written: first what we get, then what we sell */
    bool *does_contradict; /* for each place of `order` */
};

static inline struct slice import_words(const struct importer *m, size_t at, size_t len) { return slice_of(m->words.ptr + at, len); }
bool rights_import_room(void **items, size_t *room, size_t count, size_t bytes_each);
#define LIST_ROOM(list) rights_import_room((void **)&(list).items, &(list).room, (list).count, sizeof *(list).items)

/* Deals and parties that are there. */
MUST_USE struct err rights_import_known(struct importer *);
/* What the lines would contradict, as the book is now: into the job and does_contradict. *sequence is how far the book was. ERR_BUSY rights.moved: a deal was
 * terminated meanwhile. */
MUST_USE struct err rights_import_look(struct importer *, int64_t *sequence);
/* The note of a line, by its place in `order`; until `room` is used again. */
struct slice rights_import_note(const struct importer *, size_t place, struct buf *room);
/* Writes all of it. `sequence_seen` < 0: whatever others have done; else ERR_BUSY rights.moved and *has_moved where the book has gone on since. */
MUST_USE struct err rights_import_save(struct importer *, int64_t sequence_seen, bool *has_moved);

#endif
