/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * room.h: the ledger's inside, for this room only.
 *
 *   cache.c    what the writer thread has in memory: accounts, the newest transfers, holds
 *   rules.c    what becomes of one transfer: asks memory, changes nothing
 *   book.c     batches, chains, undoing; the calls that move value
 *   group.c    the writer's groups: the state row and its fence, flushing, blocks and their sums
 *   follow.c   behind the writer: the thread, which has holds expire and keeps the list of each account's transfers
 *   list.c     statements and lists
 *   verify.c   the check
 *   ledger_sql.c  every statement
 *
 * All of struct book belongs to the database's writer thread. */
#ifndef BUSINESS_LEDGER_ROOM_H
#define BUSINESS_LEDGER_ROOM_H

#include "base/thread.h"
#include "business/ledger/ledger.h"

enum {
    TRANSFER_COLUMNS = 15,
    BLOCK_TRANSFERS = 4096,      /* a sealed block has so many */
    RING_DEFAULT = 65536,
    RING_MIN = 1024,
    HOLDS_MAX = 65536,           /* in the cache */
    DUE_MAX = LEDGER_BATCH_MAX,
};

/* --- cache.c --- */

/* Items by their id, which is their first member. */
struct map {
    void **slots;
    size_t capacity, count; /* a power of two, at most half full */
};
void *map_find(const struct map *, int64_t id);
MUST_USE bool map_put(struct map *, void *item); /* false: no memory; nothing changed */
void map_empty(struct map *);
void map_free(struct map *);

struct account {
    struct ledger_account a; /* first: its id is the map's key */
    struct account *key_next;
    bool is_by_key;          /* ledger_account_for finds it */
    bool is_absent;          /* its opening was undone: as if it were not in the map */
    bool is_dirty;           /* in book.dirty */
    uint64_t touched;        /* number of the group that used it last */
};
struct hold {
    struct ledger_transfer t; /* the pending transfer; first */
    enum ledger_hold state;
    int64_t expires_at, ended_at, ended_by; /* 0: never, not yet, nobody (it expired) */
    bool is_absent, is_dirty;
    uint64_t touched;
};
/* One of the newest ids: a transfer, or one that was refused for good. */
struct recent {
    struct ledger_transfer t; /* of a refused one: id and at_ns */
    bool is_refused;
};

struct pool { /* of items of one size; addresses stay */
    size_t item_bytes;
    void **slabs;
    size_t slab_count;
    void *free;
};
void *pool_take(struct pool *); /* zero-filled; NULL: no memory */
void pool_give(struct pool *, void *);
void pool_free(struct pool *);

struct undo {
    enum { UNDO_ACCOUNT, UNDO_OPENED, UNDO_HOLD, UNDO_HELD } what;
    uint32_t flags;
    union {
        struct account *account;
        struct hold *hold;
    };
    int64_t before[4]; /* counters; of a hold: state, ended_at, ended_by */
};

struct vector { /* of pointers */
    void **items;
    size_t count, capacity;
};
MUST_USE bool vector_push(struct vector *, void *);

/* What the state row says: how far the book has come. */
struct book_state {
    int64_t fence;
    int64_t at_last, id_max;
    int64_t blocks;                /* sealed */
    int64_t block_id_max;          /* id_max when the newest block was sealed */
    int64_t open_transfers, open_sum; /* since then; the sum wraps */
    uint64_t seal[2];
};

struct book {
    struct map accounts, holds;
    struct pool account_pool, hold_pool;
    struct account **by_key; /* KEY_BUCKETS chains */
    struct vector dirty, dirty_holds;

    /* The newest ids in the order in which they came: ring[n & (ring_size - 1)] for ring_tail <= n < ring_head. Everything above window_low that was
     * ever used is among them, so that an id above it which is not there is new. */
    struct recent *ring;
    uint32_t *ring_slots;    /* open addressing: index into the ring + 1 */
    size_t ring_size;
    uint64_t ring_tail, ring_head, ring_flushed;
    int64_t window_low;

    struct undo *undo;
    size_t undo_count, undo_capacity;
    uint64_t request_head;   /* ring_head when this request began */

    struct book_state state;
    int64_t stored_fence, stored_at; /* what the state row says: nobody but us may have changed it when we write */
    bool is_loaded;          /* state and cache are those of the fence in state.fence */
    bool is_entered;         /* the state row was read in this group */
    bool is_fence_new;       /* taken in this group, not written yet */
    bool has_flushed;        /* something of this group is in the transaction */
    uint64_t group;          /* number */

    int64_t *columns;        /* for flushing */
    size_t columns_capacity;
};

enum { KEY_BUCKETS = 1 << 15 };
MUST_USE struct err book_open(struct book *, size_t ring_size);
void book_free(struct book *);
void book_forget(struct book *);                       /* everything: to be read anew */
void book_sweep(struct book *, size_t accounts_max);   /* between groups: drops what was not used for longest */

struct account *book_account(const struct book *, int64_t id); /* NULL: not in memory */
struct account *book_account_by_key(const struct book *, int64_t org_id, int32_t ledger, int32_t code, int64_t owner_id);
void book_key_add(struct book *, struct account *);
/* A new item, or the absent one of that id, zero-filled but for its id. NULL: no memory. */
struct account *book_account_add(struct book *, int64_t id);
struct hold *book_hold(const struct book *, int64_t id);
struct hold *book_hold_add(struct book *, int64_t id);

const struct recent *book_recent(const struct book *, int64_t id);
struct recent *book_recent_push(struct book *, int64_t id); /* evicts the oldest; room was asked for (book_has_room) */
bool book_has_room(const struct book *, size_t count);      /* for so many more in this request */
bool book_is_full(const struct book *);                     /* what waits should be written before the next request begins */

MUST_USE bool book_reserve_undo(struct book *, size_t count);
void book_touch(struct book *, struct account *);  /* notes how it was; there is room */
void book_touch_hold(struct book *, struct hold *);
void book_undo(struct book *, size_t undo_count, uint64_t ring_head);

/* --- ledger.c --- */

struct ledger {
    struct ledger_options options;
    struct db_participant participant;
    struct book book;

    struct lock lock;          /* of the thread "ledger" */
    struct condition rung;
    struct thread *thread;
    bool must_stop, is_rung;

    struct {
        atomic_uint_fast64_t transfers, refused, accounts_loaded, transfers_looked_up, flushes, takeovers, undone, expired, listed;
    } counters;
};
static inline void count_up(atomic_uint_fast64_t *c, uint64_t n) { atomic_fetch_add_explicit(c, n, memory_order_relaxed); }

/* --- ledger_sql.c --- */

struct err ledger_missing(void);
/* One row from the tables, *was_found. */
struct err sql_account(struct db_tx *, struct arena *, int64_t id, struct ledger_account *out, bool *was_found);
struct err sql_account_by_key(struct db_tx *, struct arena *, int64_t org_id, int32_t ledger, int32_t code, int64_t owner_id, struct ledger_account *out,
                              bool *was_found);
struct err sql_transfer(struct db_tx *, struct arena *, int64_t id, struct recent *out, bool *was_found);
struct err sql_hold(struct db_tx *, struct arena *, int64_t id, struct hold *out, bool *was_found);
void row_account(const struct db_rows *, size_t row, struct ledger_account *out);
void row_transfer(const struct db_rows *, size_t row, struct ledger_transfer *out);
void row_hold(const struct db_rows *, size_t row, struct hold *out);

extern const struct db_statement accounts_by_ids, holds_by_ids, account_insert, balance_insert, balance_put, transfer_insert, hold_put, refusal_insert, history_insert,
    block_insert, state_get, state_put, holds_due, hold_next_due, rate_insert;
extern const char *const transfer_columns[TRANSFER_COLUMNS];

/* --- book.c --- */

/* Found in memory or stored; *out NULL: there is none. */
struct err account_need(struct ledger *, struct db_tx *, int64_t id, struct account **out);
struct err hold_need(struct ledger *, struct db_tx *, int64_t id, struct hold **out);
struct err transfer_need(struct ledger *, struct db_tx *, int64_t id, struct recent *out, bool *was_found);
int64_t book_now(struct ledger *); /* strictly grows */

/* --- rules.c --- */

struct judgement {
    enum ledger_result result;
    bool is_final;                 /* a refusal that uses the id up */
    struct ledger_transfer stored; /* LEDGER_CREATED: as it will be kept, without its balances */
    struct account *debit, *credit;
    struct hold *hold;             /* of post and void */
    int64_t expires_at;            /* of a pending one */
};
/* Errors are the database's: what became of the transfer stands in out->result. */
struct err transfer_judge(struct ledger *, struct db_tx *, const struct ledger_transfer *, int64_t at, struct judgement *out);
enum ledger_result account_judge(const struct ledger_account *, const struct account *existing);

/* --- group.c --- */

/* First of all in each call on the writer thread: reads the state row once per group, and forgets the cache if somebody else has written since. */
struct err book_enter(struct ledger *, struct db_tx *);
extern const struct db_participant participant_functions;
uint64_t transfer_sum(const struct ledger_transfer *);
void seal_next(uint64_t seal[2], int64_t block, int64_t transfers, int64_t sum, int64_t at_last);

#endif
