/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within account only: what is answered from memory.
 *
 * Two tables, each in 64 parts with a lock of their own and in buckets of eight: who stands behind a secret (by its hash), and the facts of
 * households (by id). Both are of fixed size; a full bucket forgets what was used longest ago.
 *
 * How an entry becomes worthless: there are 8,192 stamps, numbers that only grow. Each id has one (others may share it). An entry remembers the stamps of
 * the ids it depends on (session or token, user, household); a change of one of them pushes its stamp on, which makes all entries that remember
 * the old one worthless in one step, wherever they are. The order that keeps old news out:
 *
 *     a change:   commit; epoch + 1; stamp + 1
 *     a loader:   reads epoch; reads the store; puts the entry with the stamps of now, unless epoch has moved
 *
 * A loader that read the store before the commit either sees that epoch moved and keeps nothing, or has remembered the stamp from before it. */
#ifndef BUSINESS_ACCOUNT_TABLE_H
#define BUSINESS_ACCOUNT_TABLE_H

#include "business/account/account.h"

enum { TABLE_HASH_BYTES = 32 };

struct tables;
/* `places`: how many entries at most, of each kind; 0: 65,536. NULL: memory. */
struct tables *tables_create(size_t places);
void tables_destroy(struct tables **);

uint64_t tables_epoch(const struct tables *);
/* These ids have changed. */
void tables_bump(struct tables *, const int64_t *ids, size_t count);
/* Anything may have. */
void tables_bump_all(struct tables *);

/* `*is_due`: it was last seen ten minutes ago or more, and is noted as seen now. */
enum account_peek tables_find(struct tables *, const uint8_t hash[TABLE_HASH_BYTES], int64_t org_id, int64_t now_s, struct mono_time now, struct account_who *out,
                              bool *is_due);
void tables_put(struct tables *, uint64_t epoch, const uint8_t hash[TABLE_HASH_BYTES], const struct account_who *, int64_t expires_s, int64_t seen_s);
/* Nobody has this secret: remembered until then, where there is a free place. */
void tables_put_nobody(struct tables *, const uint8_t hash[TABLE_HASH_BYTES], int64_t org_id, struct mono_time until);
void tables_remove(struct tables *, const uint8_t hash[TABLE_HASH_BYTES]);

bool tables_household_find(struct tables *, int64_t org_id, int64_t household_id, struct account_household_facts *out);
void tables_household_put(struct tables *, uint64_t epoch, const struct account_household_facts *);

#endif
