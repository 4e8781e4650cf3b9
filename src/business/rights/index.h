/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * index.h: the book compiled: who may show what, where and when, from memory. Within the room; rights.h says what the answers mean, and role.h
 * what a line is to whom.
 *
 *   table    title id -> block. Titles stand on shelves of 32 in the order of their ids, which are given one after the other; a byte for each title tells how
 *            far from where its shelf's blocks begin its own lies. 112 KB for a hundred thousand titles: it stays in the caches. What came or changed since the
 *            book was compiled as a whole, and what is large, is hashed instead; so is all of it where ids lie too far apart.
 *   slab     the blocks of a whole book, one after the other, in the order of the titles' ids; each begins on a cache line of its own.
 *   block    the lines of one title, 16 bytes each, by columns (ends, what they are, starts, scopes), by their starts; behind them the lines' ids in
 *            the same order. A block is never changed: a title's new lines are a new block.
 *   scope    what many lines have in common: deal, territories, media, languages, what kind of line it is. One cache line, interned; a
 *            line names it by number. What most questions need of it stands in the line too: media, kind, flags, whether its deal is active, and a number of
 *            its territories.
 *   places   for each country a row, two bits for each set of territories: is the country in it, or an area of the country? Hundreds of sets are a cache line or two.
 *   deal     party, direction, status.
 *
 * What a decision about a title with ten lines touches: a byte and a word of the table, four or five cache lines of the block, which are asked for together, one or
 * two of the country's row. In a book that is larger than the processor's caches it costs one access to memory. The rest is reckoned sixteen lines at once and
 * all but without guesses (few.h), so that one decision's wait overlaps the next one's.
 *
 * Since a line tells whether its deal is active, a deal that comes into force or goes out of it has the blocks of all its titles made anew. They lie in a new
 * table, and that is put in place of the old one by one store: all lines of a deal turn in the same moment. It happens seldom, and takes a walk through the
 * whole book: milliseconds for a million lines, while readers go on.
 *
 * A block of more than INDEX_FEW lines also has rows of bits, one bit a line: for each class of countries that no line of the title tells apart, for each
 * medium, for each kind. Those that can concern a question are the rows' intersection, 64 lines to a word. Since lines lie by their starts, those that
 * have begun are a prefix, and each word knows its latest end: words that are over are passed by. So of ten thousand lines a decision looks at a
 * few words and at the lines that answer it. (Elementary intervals alone do not do that: where a title has thousands of lines, most of them
 * stand at the same time and differ by country and medium; and the lists of all intervals together grow with the square.)
 *
 * Readers take no lock and are never kept waiting: updates put new blocks, tables and scopes in place of old ones by one atomic store, and give
 * the old ones back when the last reader that could have seen them is gone (epoch.h). Each title changes in one step.
 *
 * Several handles may exist; a handful of lines makes a cheap one. */
#ifndef BUSINESS_RIGHTS_INDEX_H
#define BUSINESS_RIGHTS_INDEX_H

#include "business/rights/rights.h"

enum { INDEX_FEW = 48 };

struct index_deal {
    int64_t id, party_id;            /* not 0; do not change */
    enum rights_direction direction; /* does not change */
    enum rights_status status;
    bool may_sublicense;
};
struct index_line {
    int64_t id, title_id, deal_id; /* not 0 */
    uint32_t territories, languages;
    uint16_t media;
    uint8_t effect; /* enum rights_effect */
    bool is_exclusive, may_sublicense;
    bool counts_plays, is_spent; /* it has a number of plays; they are used up */
    int64_t starts_s, ends_s;    /* 0 <= starts_s < ends_s <= RIGHTS_ENDLESS */
};

struct rights_index;

/* Lines in any order (fastest by id); their deals must be among `deals`. Errors: ERR_LIMIT (memory), ERR_INPUT rights.deal (a line names a deal that is not
 * there), rights.window, rights.title. */
MUST_USE struct err rights_index_create(struct rights_index **out, const struct index_deal *deals, size_t deal_count, const struct index_line *lines,
                                        size_t line_count);
void rights_index_destroy(struct rights_index **); /* nobody reads any more; NULL is fine */

struct index_change {
    const struct index_deal *deals; /* new ones, and those whose status or may_sublicense is another: their lines need not be given again */
    size_t deal_count;
    const int64_t *titles; /* each once; all lines that stand for them now are among `lines`, of other titles none is */
    size_t title_count;
    const struct index_line *lines;
    size_t line_count;
};
/* All of it or, on an error, none. Any thread; one after the other. Errors as of create. */
MUST_USE struct err rights_index_update(struct rights_index *, const struct index_change *);
/* A whole new book in place of all that was there, as create; readers go on, each call in the old or in the new one. */
MUST_USE struct err rights_index_replace(struct rights_index *, const struct index_deal *deals, size_t deal_count, const struct index_line *lines,
                                         size_t line_count);

/* Any thread, no lock, no allocation, also while somebody updates. Titles that are not known have no lines. */
void rights_index_decide(const struct rights_index *, const struct rights_question *, struct rights_answer *out);
/* The same for many at once, as lists of titles need them: memory is fetched ahead. */
void rights_index_decide_many(const struct rights_index *, const struct rights_question *, size_t count, struct rights_answer *out);

/* --- contradictions of one line --- */

struct index_run { /* something of a title that our own service runs */
    int64_t titles[3]; /* whose contracts hold for it: itself, its season, its series; 0: none */
    uint32_t territories;
    uint16_t media;
    int64_t from_s, to_s;
};
struct index_conflicts_ask {
    const struct index_line *line; /* its id may be 0 */
    const struct index_deal *deal; /* whose line it is */
    const int64_t *above;          /* the line's title first, then its season and series: what covers a sale hangs on one of these */
    size_t above_count;
    const int64_t *below; /* all titles under it: what contradicts may also hang there */
    size_t below_count;
    const int64_t *withdrawn; /* lines that are to be looked past */
    size_t withdrawn_count;
    const struct index_run *runs; /* for an exclusive sale: of the line's title and all under it */
    size_t run_count;
    const struct rights_index *ahead; /* lines that would be written together with this one, by their ids in that order; NULL: it comes alone */
    size_t limit; /* of conflicts listed */
};
/* Lines of active and suspended deals count. Those of `ahead` count for what a sale rests on whenever they would be written; what two of them contradict is told by the
 * later one, with line_id 0 and `other` the place of the earlier, its id less one. Contradictions by title, in the order of the lines' starts; then, for a sale, what it is not covered
 * by; then, for an exclusive one, the grants by which our own service runs what is sold, with what of it. out->items are in `mem`; `at` is 0, `other` SIZE_MAX. No lock; as of one moment for each title. Errors: ERR_LIMIT (memory, sets). */
MUST_USE struct err rights_index_conflicts(const struct rights_index *, struct arena *mem, const struct index_conflicts_ask *, struct rights_conflict_list *out);

/* --- availability --- */

/* As rights_avails of rights.h: wherever rights_index_decide says yes (without a language, or in one of those an item names), and nowhere else.
 * Items by title, then by start; a country, area, medium and language stand in an item from the first to the last second of what is allowed without
 * a gap. Errors: ERR_LIMIT (memory, sets), ERR_INPUT rights.window. */
MUST_USE struct err rights_index_avails(const struct rights_index *, struct arena *mem, const struct rights_avails_ask *, struct rights_avail_list *out);

struct rights_index_stats {
    uint64_t lines, titles, deals, scopes, bytes; /* bytes: everything but the sets that are interned for the process */
    uint64_t bytes_waiting;                       /* out of sight, and not yet given back */
};
struct rights_index_stats rights_index_stats(const struct rights_index *);

#endif
