/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within rights only: the store's half. */
#ifndef BUSINESS_RIGHTS_BOOK_H
#define BUSINESS_RIGHTS_BOOK_H

#include <stdatomic.h>

#include "base/thread.h"
#include "business/rights/index.h"
#include "business/rights/rights.h"
#include "business/rights/rights_sql.h"

enum { LISTENERS_MAX = 8, BOOK_ARENA_MAX = 256 << 20 };

struct rights_seen { /* how far an organisation's book is in the index */
    int64_t org_id, sequence;
};
struct rights {
    struct rights_options o;
    struct rights_index *index;
    struct lock lock;
    struct condition turned;
    bool is_following, must_end; /* under lock: somebody brings the index up to date; the thread is to stop */
    struct rights_seen *seen;    /* under lock to be read, changed by who is following; by org_id */
    size_t seen_count;
    struct {
        void (*fn)(void *user, int64_t org_id);
        void *user;
    } listeners[LISTENERS_MAX];
    size_t listener_count;
    rights_runs_fn *runs_fn; /* NULL: nothing is sold */
    void *runs_user;
    struct thread *follower;
    _Atomic uint64_t generation, compiled, followed;
    _Atomic int64_t compile_ns;
};

/* --- turns: every change of the book is one --- */

struct rights_turn {
    int64_t sequence, known_s;
};
/* At the beginning of a transaction that changes something. */
MUST_USE struct err rights_turn_begin(struct rights *, struct db_tx *, int64_t org_id, struct rights_turn *out);
/* What was touched. `kind` is one of CHANGE_... */
MUST_USE struct err rights_turn_note(struct db_tx *, int64_t org_id, const struct rights_turn *, int kind, int64_t thing_id);
int64_t rights_now_s(const struct rights *);
/* How far the index has come with this organisation's book. */
int64_t rights_seen_sequence(struct rights *, int64_t org_id);
/* After a commit: the index follows. A failure is logged and made good by the next refresh: what was saved is saved. */
void rights_turned(struct rights *);

/* --- folding (fold.c) --- */

MUST_USE struct err rights_fold_all(struct rights *, bool is_first, struct rights_seen **seen, size_t *seen_count);
/* What has changed since `seen`, into the index. *orgs (arena) are those that changed; *fresh is the new state of seen, or NULL where nothing changed. */
MUST_USE struct err rights_fold_changes(struct rights *, struct arena *, struct rights_seen **fresh, size_t *fresh_count, int64_t **orgs, size_t *org_count);
/* A line as the index wants it. */
struct index_line rights_index_line(const struct rights_line_row *);
struct index_deal rights_index_deal(const struct rights_deal *);

/* Makes the house deal of organisations that had titles before there were contracts. */
MUST_USE struct err rights_adopt(struct rights *);

/* --- contradictions of many lines before they are saved (check.c) --- */

struct rights_ahead {
    const struct index_deal *deals; /* their ids are 1, 2, 3 ...; parties by their ids in the book, or by what no party has */
    size_t deal_count;
    const struct index_line *lines; /* their ids are 1, 2, 3 ... in the order in which they would be written */
    size_t line_count;
    bool *does_contradict; /* of each line: is anything found? */
    /* found, by title: `at` and `other` are places in `lines`; to be freed */
    struct rights_conflict *found;
    size_t found_count;
    uint64_t conflict_count, contradicting_count; /* contradictions, and lines that have some */
    bool is_whole;                                /* all were counted; else there are more, and those of most lines were not listed */
};
/* With what stands, and with each other; what the lines of a draft contradict, as if all drafts among these deals took effect. Errors: memory, ERR_LIMIT (sets), those
 * of the catalogue and of what our own service runs. */
MUST_USE struct err rights_ahead_conflicts(struct rights *, const struct catalog_view *, struct rights_ahead *);

/* --- within a transaction --- */

MUST_USE struct err rights_us_in(struct rights *, struct db_tx *, int64_t org_id, int64_t *party_id);
struct rights_deal_row { /* a deal as a transaction wants it */
    struct public_id public_id;
    int64_t id, party_id, parent_id;
    struct slice reference;
    enum rights_direction direction;
    enum rights_status status;
    bool may_sublicense, is_house;
};
/* Makes the deal with its first version and notes it. `public_id` and `id` are given. ERR_CONFLICT rights.reference_taken. */
MUST_USE struct err rights_deal_make_in(struct db_tx *, int64_t org_id, const struct rights_turn *, const struct rights_deal_row *, int64_t user_id);
/* The stored id of a set's text, made where it is missing. */
MUST_USE struct err rights_set_in(struct rights *, struct db_tx *, int64_t org_id, bool is_language, struct slice text, int64_t *out);
MUST_USE struct err rights_line_make_in(struct rights *, struct db_tx *, int64_t org_id, const struct rights_turn *, const struct rights_line *);

/* --- reading rows --- */

void rights_party_read(const struct db_rows *, size_t row, struct rights_party *out);
/* Of DEAL_COLUMNS. */
void rights_deal_read(const struct db_rows *, size_t row, struct rights_deal *out);

struct err rights_error_no_deal(void);
struct err rights_error_no_line(void);
struct err rights_error_no_party(void);

/* Checks what needs no store: windows, masks, blocks. */
struct err rights_window_fault(void); /* of a line that ends before it begins */
MUST_USE struct err rights_terms_check(const struct rights_terms *);
bool rights_is_note(struct slice);
MUST_USE struct err rights_reference_check(struct slice);
MUST_USE struct err rights_party_check(const struct rights_party_change *, bool is_new);

#endif
