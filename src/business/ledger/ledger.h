/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * ledger.h: the only place where value moves. Money, coins and vouchers go from account to account by transfers that never change.
 *
 * The model
 *   ledger    a unit in which is counted: the numeric code of ISO 4217 for a currency (EUR 978), LEDGER_COINS, LEDGER_VOUCHERS.
 *             Amounts are whole numbers of its smallest part (cents, fen, vouchers). Nothing moves from one ledger into another.
 *   account   belongs to an organisation and to one ledger; has a code (what it is for, see below), perhaps an owner, and four counters: debits and
 *             credits, pending and posted. Counters only ever follow from transfers. What it is worth is credits_posted - debits_posted.
 *   transfer  moves an amount: debits one account, credits another. It is written once and stands for ever.
 *               single-phase      posted at once
 *               pending           holds the amount (in the pending counters) until it is
 *                 post_pending      posted, in whole or in part: the rest is released; or
 *                 void_pending      released; or
 *                 its timeout       has passed: released by itself ("expired")
 *               balancing         "up to this much": only what the account has (debit), or lacks (credit), moves
 *               closing           pending, and closes its account for all but voids, until it is voided or expires
 *   chain     transfers after one another of which all but the last are `linked`: all of them, or none.
 *   id        of a transfer: chosen by the caller (id_maker), stored by the caller with the step that it belongs to. It is the idempotency key: the
 *             same transfer again answers LEDGER_EXISTS and moves nothing; another transfer with a used id names the first field that differs.
 *
 * Calls run inside the caller's db_write, so that an order, its transfers and its entitlements stand or fall together. Accounts are cached and
 * transfers validated in memory on the writer thread; rows are written once for each *group* of requests, each touched account once (the ledger
 * takes part in the groups: db_join). A request that fails takes back its own transfers. Therefore, inside a db_write, ask for counters and transfers by the calls
 * below and never by SQL: the tables do not show what this group has moved so far.
 * In a db_read the same look-up calls show what was committed last. Any thread.
 *
 * Time: nanoseconds since 1970, UTC, from the clock that was given. Each account and transfer has a moment of its own (at_ns), and they strictly
 * grow in the order in which they were made, also when the clock stands still or goes back.
 *
 * Several processes over one PostgreSQL database: the state row carries a fencing number. A process that finds that another has written since throws
 * its cache away before it does anything and takes the next number; two that write at the same moment collide in the database and one of the groups is
 * run again. Nothing is ever written from stale counters.
 *
 * Errors of all calls besides those named: those of system/db, memory (ERR_LIMIT). */
#ifndef BUSINESS_LEDGER_LEDGER_H
#define BUSINESS_LEDGER_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "system/db/db.h"

struct ledger;

extern const struct db_schema ledger_schema; /* for db_migrate */

enum { LEDGER_COINS = 10001, LEDGER_VOUCHERS = 10002 }; /* units that are no currency */

/* What an account is for. One per organisation, ledger and code, and owner where said: ledger_account_for makes it when it is first needed. */
enum ledger_code {
    LEDGER_CODE_CLEARING = 100,        /* what a provider has for us; owner: the provider's number */
    LEDGER_CODE_CREDIT = 200,          /* household credit: gift cards redeemed, overpayments; owner: household; cannot be overdrawn */
    LEDGER_CODE_GIFT_CARDS = 210,      /* not yet redeemed */
    LEDGER_CODE_ORDER = 300,           /* an order in progress; owner: order; ends at zero */
    LEDGER_CODE_REVENUE = 400,
    LEDGER_CODE_REFUNDED = 410,        /* revenue refunded */
    LEDGER_CODE_CHARGED_BACK = 420,    /* lost to charge-backs */
    LEDGER_CODE_TAX = 500,             /* owed */
    LEDGER_CODE_VOUCHERS_ISSUED = 600, /* of the organisation */
    LEDGER_CODE_VOUCHERS = 610,        /* of a household; owner: household; cannot be overdrawn */
    LEDGER_CODE_VOUCHERS_USED = 620,
    LEDGER_CODE_VOUCHERS_EXPIRED = 630,
    LEDGER_CODE_LIQUIDITY = 700,       /* crossing units */
    LEDGER_CODE_OPENING = 900,         /* opening balances and example data */
};

enum ledger_account_flags {
    LEDGER_ACCOUNT_LINKED = 1,                 /* only when opening several: as of transfers */
    LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS = 2, /* pending debits count: nothing can be promised twice */
    LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS = 4,
    LEDGER_CLOSED = 8,
};
struct ledger_account {
    int64_t id;                           /* 63-bit, by an id_maker */
    int64_t org_id;
    int64_t owner_id;                     /* 0: none */
    int64_t about_id, tag;                /* the caller's, not looked at */
    int32_t ledger, code;
    uint32_t flags;
    int64_t debits_pending, debits_posted, credits_pending, credits_posted; /* 0 when opening */
    int64_t at_ns;                                                          /* 0 when opening */
    struct public_id public_id;           /* what it is called outside the house; made when opening */
};
/* credits_posted - debits_posted. */
static inline int64_t ledger_balance(const struct ledger_account *a) { return a->credits_posted - a->debits_posted; }
/* What may still be debited of an account that cannot be overdrawn: credits_posted less debits, posted and pending. */
static inline int64_t ledger_available(const struct ledger_account *a) { return a->credits_posted - a->debits_posted - a->debits_pending; }

enum ledger_transfer_flags {
    LEDGER_LINKED = 1,         /* to the next one of the same call */
    LEDGER_PENDING = 2,
    LEDGER_POST_PENDING = 4,   /* amount: at most the pending one; LEDGER_AMOUNT_MAX: all of it */
    LEDGER_VOID_PENDING = 8,   /* amount: 0 or the pending one */
    LEDGER_BALANCING_DEBIT = 16,
    LEDGER_BALANCING_CREDIT = 32,
    LEDGER_CLOSING_DEBIT = 64, /* these two: with LEDGER_PENDING */
    LEDGER_CLOSING_CREDIT = 128,
};
#define LEDGER_AMOUNT_MAX INT64_MAX
struct ledger_transfer {
    int64_t id;                 /* 1 .. 2^63-2 */
    int64_t debit_id, credit_id; /* accounts; 0 with post and void: those of the pending one */
    int64_t amount;             /* 0 or more. Zero moves nothing and is kept like any other (a closing, a balancing one that found nothing) */
    int64_t pending_id;         /* of post and void */
    int64_t order_id;           /* what it is for; 0: nothing. Post and void: 0 takes over what the pending one has; the same for the next two */
    int64_t about_id, tag;      /* the caller's: payment, line, period ... */
    int32_t timeout_s;          /* of pending ones; 0: never */
    int32_t ledger, code;       /* code: what kind of movement, the caller's, not 0. Post and void: 0 as above */
    uint32_t flags;
    /* filled in by the ledger, not looked at when given */
    int64_t at_ns;
    int64_t debit_balance, credit_balance; /* ledger_balance of both accounts after it */
};

/* What became of an account or a transfer, in the order in which they are asked: the first that holds is the answer. Those marked *
 * depend on the moment, and use the transfer's id up if the request is kept: it can only ever answer LEDGER_ID_ALREADY_FAILED, so that nobody who
 * was told "no" finds it done later. To try again, take a new id (or let the request fail: then it has never been). */
#define LEDGER_RESULTS(X)                                                                                                           \
    X(CREATED, created, "")                                                                                                         \
    X(LINKED_EVENT_FAILED, linked_event_failed, "Another step of the same booking failed, so none was done.")                       \
    X(LINKED_EVENT_CHAIN_OPEN, linked_event_chain_open, "The last step of a booking says that another one follows.")                \
    X(RESERVED_FLAG, reserved_flag, "A flag is set that has no meaning.")                                                           \
    X(TIMESTAMP_MUST_BE_ZERO, timestamp_must_be_zero, "An account gets its time from the ledger.")                                  \
    X(NUMBER_MUST_NOT_BE_NEGATIVE, number_must_not_be_negative, "A number of a booking is negative.")                               \
    X(ID_MUST_NOT_BE_ZERO, id_must_not_be_zero, "The id is missing.")                                                               \
    X(ID_MUST_NOT_BE_INT_MAX, id_must_not_be_int_max, "The id is out of range.")                                                    \
    X(EXISTS_WITH_DIFFERENT_FLAGS, exists_with_different_flags, "This id belongs to something of another kind.")                    \
    X(EXISTS_WITH_DIFFERENT_PENDING_ID, exists_with_different_pending_id, "This id belongs to a booking that ended another hold.")  \
    X(EXISTS_WITH_DIFFERENT_TIMEOUT, exists_with_different_timeout, "This id belongs to a booking with another timeout.")           \
    X(EXISTS_WITH_DIFFERENT_DEBIT_ID, exists_with_different_debit_id, "This id belongs to a booking from another account.")         \
    X(EXISTS_WITH_DIFFERENT_CREDIT_ID, exists_with_different_credit_id, "This id belongs to a booking to another account.")         \
    X(EXISTS_WITH_DIFFERENT_AMOUNT, exists_with_different_amount, "This id belongs to a booking of another amount.")                \
    X(EXISTS_WITH_DIFFERENT_OWNER, exists_with_different_owner, "This id belongs to another owner's account, or another order.")    \
    X(EXISTS_WITH_DIFFERENT_ABOUT, exists_with_different_about, "This id belongs to something about something else.")               \
    X(EXISTS_WITH_DIFFERENT_TAG, exists_with_different_tag, "This id belongs to something with another tag.")                       \
    X(EXISTS_WITH_DIFFERENT_LEDGER, exists_with_different_ledger, "This id belongs to another unit.")                               \
    X(EXISTS_WITH_DIFFERENT_CODE, exists_with_different_code, "This id belongs to something with another code.")                    \
    X(EXISTS, exists, "It was done before.")                                                                                        \
    X(ID_ALREADY_FAILED, id_already_failed, "A booking with this id was refused before. Take a new id.")                            \
    X(FLAGS_ARE_MUTUALLY_EXCLUSIVE, flags_are_mutually_exclusive, "The flags of a booking contradict each other.")                  \
    X(COUNTERS_MUST_BE_ZERO, counters_must_be_zero, "A new account has nothing in it.")                                             \
    X(DEBIT_ID_MUST_NOT_BE_ZERO, debit_id_must_not_be_zero, "The account to debit is missing.")                                     \
    X(DEBIT_ID_MUST_NOT_BE_INT_MAX, debit_id_must_not_be_int_max, "The account to debit is out of range.")                          \
    X(CREDIT_ID_MUST_NOT_BE_ZERO, credit_id_must_not_be_zero, "The account to credit is missing.")                                  \
    X(CREDIT_ID_MUST_NOT_BE_INT_MAX, credit_id_must_not_be_int_max, "The account to credit is out of range.")                       \
    X(ACCOUNTS_MUST_BE_DIFFERENT, accounts_must_be_different, "An account cannot pay itself.")                                      \
    X(PENDING_ID_MUST_BE_ZERO, pending_id_must_be_zero, "Only what ends a hold names one.")                                         \
    X(PENDING_ID_MUST_NOT_BE_ZERO, pending_id_must_not_be_zero, "What ends a hold must name it.")                                   \
    X(PENDING_ID_MUST_NOT_BE_INT_MAX, pending_id_must_not_be_int_max, "The id of the hold is out of range.")                        \
    X(PENDING_ID_MUST_BE_DIFFERENT, pending_id_must_be_different, "A booking cannot end itself.")                                   \
    X(TIMEOUT_RESERVED_FOR_PENDING, timeout_reserved_for_pending, "Only a hold has a timeout.")                                     \
    X(CLOSING_MUST_BE_PENDING, closing_must_be_pending, "Only a hold can close an account.")                                        \
    X(LEDGER_MUST_NOT_BE_ZERO, ledger_must_not_be_zero, "The unit is missing.")                                                     \
    X(CODE_MUST_NOT_BE_ZERO, code_must_not_be_zero, "The code is missing.")                                                         \
    X(ORGANISATION_MUST_NOT_BE_ZERO, organisation_must_not_be_zero, "An account belongs to an organisation.")                       \
    X(DEBIT_NOT_FOUND, debit_not_found, "The account to debit does not exist.") /* * */                                             \
    X(CREDIT_NOT_FOUND, credit_not_found, "The account to credit does not exist.") /* * */                                          \
    X(ACCOUNTS_MUST_HAVE_THE_SAME_ORGANISATION, accounts_must_have_the_same_organisation, "The two accounts belong to different organisations.") \
    X(ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER, accounts_must_have_the_same_ledger, "The two accounts count in different units.")         \
    X(TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS, transfer_must_have_the_same_ledger_as_accounts, "The accounts count in another unit.") \
    X(PENDING_NOT_FOUND, pending_not_found, "The hold does not exist.") /* * */                                                     \
    X(PENDING_NOT_PENDING, pending_not_pending, "What is to be ended is no hold.")                                                  \
    X(PENDING_HAS_DIFFERENT_DEBIT_ID, pending_has_different_debit_id, "The hold is on another account.")                            \
    X(PENDING_HAS_DIFFERENT_CREDIT_ID, pending_has_different_credit_id, "The hold is for another account.")                         \
    X(PENDING_HAS_DIFFERENT_LEDGER, pending_has_different_ledger, "The hold counts in another unit.")                               \
    X(PENDING_HAS_DIFFERENT_CODE, pending_has_different_code, "The hold has another code.")                                         \
    X(EXCEEDS_PENDING_AMOUNT, exceeds_pending_amount, "More is asked for than is held.")                                            \
    X(PENDING_HAS_DIFFERENT_AMOUNT, pending_has_different_amount, "A hold is released whole.")                                      \
    X(PENDING_ALREADY_POSTED, pending_already_posted, "The hold was already taken.")                                                \
    X(PENDING_ALREADY_VOIDED, pending_already_voided, "The hold was already released.")                                             \
    X(PENDING_EXPIRED, pending_expired, "The hold has expired.")                                                                    \
    X(DEBIT_ALREADY_CLOSED, debit_already_closed, "The account to debit is closed.") /* * */                                        \
    X(CREDIT_ALREADY_CLOSED, credit_already_closed, "The account to credit is closed.") /* * */                                     \
    X(OVERFLOWS_DEBITS_PENDING, overflows_debits_pending, "The amount is larger than the account can count.")                       \
    X(OVERFLOWS_CREDITS_PENDING, overflows_credits_pending, "The amount is larger than the account can count.")                     \
    X(OVERFLOWS_DEBITS_POSTED, overflows_debits_posted, "The amount is larger than the account can count.")                         \
    X(OVERFLOWS_CREDITS_POSTED, overflows_credits_posted, "The amount is larger than the account can count.")                       \
    X(OVERFLOWS_DEBITS, overflows_debits, "The amount is larger than the account can count.")                                       \
    X(OVERFLOWS_CREDITS, overflows_credits, "The amount is larger than the account can count.")                                     \
    X(OVERFLOWS_TIMEOUT, overflows_timeout, "The timeout is too far in the future.")                                                \
    X(EXCEEDS_CREDITS, exceeds_credits, "There is not enough in the account.") /* * */                                              \
    X(EXCEEDS_DEBITS, exceeds_debits, "More would be paid back than was taken.") /* * */
enum ledger_result {
#define X(name, word, sentence) LEDGER_##name,
    LEDGER_RESULTS(X)
#undef X
        LEDGER_RESULT_COUNT
};
const char *ledger_result_word(enum ledger_result); /* "exceeds_credits" */
/* ERR_OK for LEDGER_CREATED and LEDGER_EXISTS; else ERR_CONFLICT "ledger.exceeds_credits" and its sentence. */
struct err ledger_result_error(enum ledger_result);

/* --- opening --- */

struct ledger_options { /* all must outlive it */
    struct db *db;      /* migrated with ledger_schema */
    const struct clock *clock;
    struct id_maker *ids;
    size_t accounts_max;  /* in the cache; 0: 200,000 (about 40 MB) */
    size_t transfers_max; /* the newest ones kept in memory; 0: 65,536 (9 MB). A quarter of it is what one request may carry */
    int64_t block_transfers; /* how many make a block, with its sum; 0: 4096. Others for tests */
};
/* Takes part in the groups of the database from now on. One for each struct db: of two that move value in one group, the group fails with
 * ERR_BUSY ledger.lost. */
MUST_USE struct err ledger_open(struct ledger **out, const struct ledger_options *);
/* Starts the thread "ledger": expires holds within a second of their timeout, and keeps the list of each account's transfers. Only in a server. */
MUST_USE struct err ledger_start(struct ledger *);
/* What the thread does besides expiring, until nothing is left to do: for commands and tests. Workers only. */
MUST_USE struct err ledger_list_all(struct ledger *);
/* Time was turned by hand: look again. Any thread, does not block. */
void ledger_wake(struct ledger *);
void ledger_stop(struct ledger *); /* ends the thread; twice is fine */
/* When nobody writes by it any more. NULL is fine. */
void ledger_close(struct ledger **);

/* --- inside the caller's db_write --- */

enum { LEDGER_BATCH_MAX = 8192 };

/* The one account of this organisation, ledger, code and owner (0: none); opened now, with `flags`, if there is none yet (those of a
 * household's credit and vouchers cannot be overdrawn, whatever `flags` says). Flags of one that exists are not looked at. ERR_INPUT ledger.account (a number out of range). */
MUST_USE struct err ledger_account_for(struct ledger *, struct db_tx *, int64_t org_id, int32_t ledger, int32_t code, int64_t owner_id, uint32_t flags,
                                       int64_t *id);
/* Opens accounts with ids of the caller's choice. results[i] is what became of accounts[i]. ERR_LIMIT ledger.batch: more than LEDGER_BATCH_MAX. */
MUST_USE struct err ledger_accounts_open(struct ledger *, struct db_tx *, const struct ledger_account *, size_t count, enum ledger_result *results);

/* Moves value. results[i] is what became of transfers[i]; that some were refused is no error of the call. Chains do not reach over calls.
 * ERR_LIMIT ledger.batch: more than LEDGER_BATCH_MAX at once, or 16,384 in one request (see transfers_max). */
MUST_USE struct err ledger_transfer(struct ledger *, struct db_tx *, const struct ledger_transfer *, size_t count, enum ledger_result *results);

/* All of them or an error, as one chain (`linked` is set here). Also ERR_OK when all of them were done before: a step that is run again. Else
 * the error of the first that was refused: ERR_CONFLICT ledger.exceeds_credits ... Return it from the db_fn, and nothing of it stands. At most 64. */
MUST_USE struct err ledger_move(struct ledger *, struct db_tx *, const struct ledger_transfer *, size_t count);

/* From one unit into another: `amount` from `from_id` into the liquidity account of its ledger, and amount * numerator / denominator, rounded
 * down, from the liquidity account of the other ledger to `to_id`. Both transfers are one chain; the rate is kept beside them; what rounding leaves stays in
 * the liquidity account of the unit that was paid out. Idempotent as ledger_move. ERR_INPUT ledger.rate (not positive), ERR_LIMIT ledger.rate
 * (the result is out of range), those of ledger_move. */
struct ledger_crossing {
    int64_t id_out, id_in;      /* of the two transfers */
    int64_t from_id, to_id;     /* accounts of the same organisation in different ledgers */
    int64_t amount;             /* in the unit of from_id */
    int64_t numerator, denominator;
    int64_t order_id, about_id, tag;
    int32_t code;
};
MUST_USE struct err ledger_cross(struct ledger *, struct db_tx *, const struct ledger_crossing *, int64_t *amount_in);

/* Releases holds whose timeout is at or before now, at most LEDGER_BATCH_MAX of them; *count (may be NULL): how many. */
MUST_USE struct err ledger_expire(struct ledger *, struct db_tx *, struct utc_time now, size_t *count);

/* --- looking: inside a db_write (what this group has done is seen) or a db_read (what was committed) --- */

/* ERR_NOT_FOUND ledger.missing. */
MUST_USE struct err ledger_account_get(struct ledger *, struct db_tx *, int64_t id, struct ledger_account *out);
/* By key; ERR_NOT_FOUND ledger.missing when nothing was ever booked there. */
MUST_USE struct err ledger_account_find(struct ledger *, struct db_tx *, int64_t org_id, int32_t ledger, int32_t code, int64_t owner_id,
                                        struct ledger_account *out);
enum ledger_hold { LEDGER_HOLD_NONE /* it is no pending transfer */, LEDGER_HOLD_OPEN, LEDGER_HOLD_POSTED, LEDGER_HOLD_VOIDED, LEDGER_HOLD_EXPIRED };
/* *hold may be NULL. ERR_NOT_FOUND ledger.missing (also for an id that failed). */
MUST_USE struct err ledger_transfer_get(struct ledger *, struct db_tx *, int64_t id, struct ledger_transfer *out, enum ledger_hold *hold);

/* --- lists, for pages: inside a db_read of a worker --- */

struct ledger_accounts {
    const struct ledger_account *items;
    size_t count;
    int64_t next; /* `after_id` of the next page; 0: that was all */
};
struct ledger_account_filter {
    int64_t after_id;
    int32_t ledger, code; /* 0: all */
    int64_t owner_id;     /* 0: all */
    bool is_owned_left_out; /* without those of single orders and households */
    size_t limit;         /* 1 .. 500 */
};
/* By ledger, code and owner. Errors: ERR_NOT_FOUND ledger.missing (after_id is none of this organisation's). */
MUST_USE struct err ledger_account_list(struct ledger *, struct db_tx *, struct arena *, int64_t org_id, const struct ledger_account_filter *,
                                        struct ledger_accounts *out);
MUST_USE struct err ledger_account_by_public_id(struct ledger *, struct db_tx *, int64_t org_id, struct slice public_id, struct ledger_account *out);

/* Posted movements of one account, oldest first. A hold shows when it is posted. */
struct ledger_statement_row {
    struct ledger_transfer transfer;
    struct ledger_account counter; /* the other account: without counters */
    int64_t debit, credit;         /* one of them is 0 */
    int64_t balance;               /* after it */
    int64_t rate_numerator, rate_denominator; /* of a crossing; else 0 */
};
struct ledger_statement {
    struct ledger_account account;    /* as it is now */
    int64_t opening, closing;         /* balances at from_ns and before to_ns, whatever the page */
    const struct ledger_statement_row *rows;
    size_t count;
    int64_t next; /* `after_ns` of the next page; 0: that was all */
};
/* Movements with from_ns <= at < to_ns and at > after_ns (0: from the first), at most `limit` (1 .. 1000). ERR_NOT_FOUND ledger.missing (also
 * another organisation's account), ERR_INPUT ledger.period (from after to). */
MUST_USE struct err ledger_statement(struct ledger *, struct db_tx *, struct arena *, int64_t org_id, int64_t account_id, int64_t from_ns, int64_t to_ns,
                                     int64_t after_ns, size_t limit, struct ledger_statement *out);
/* All transfers of one account, holds and what ended them too, oldest first. Of an order: those of its account (LEDGER_CODE_ORDER, owner: the order).
 * ERR_NOT_FOUND ledger.missing. */
struct ledger_transfer_row {
    struct ledger_transfer transfer;
    enum ledger_hold hold;
};
struct ledger_transfers {
    const struct ledger_transfer_row *items;
    size_t count;
    int64_t next; /* `after_ns` of the next page; 0: that was all */
};
MUST_USE struct err ledger_transfers_of_account(struct ledger *, struct db_tx *, struct arena *, int64_t org_id, int64_t account_id, int64_t after_ns,
                                                size_t limit, struct ledger_transfers *out);

/* --- the check --- */

/* Replays all transfers from the first, as of one moment, and compares with what is stored. It finds: a counter that does not follow from the
 * transfers; a transfer that was changed, added or removed by other hands than the ledger's (each block of 4096 has a sum over all fields); a hold whose
 * state does not fit its ending; a ledger whose accounts do not add up to zero. It does not find what somebody made who also
 * recomputed all sums from there on: for that, compare `seal` with one that was noted before, elsewhere: it covers every transfer up to `seal_transfers`. */
enum ledger_difference_kind {
    LEDGER_DIFFERENT_COUNTER,  /* account_id; stored, replayed; `field` */
    LEDGER_DIFFERENT_BLOCK,    /* block; stored, replayed: how many transfers, or sums when these are equal */
    LEDGER_DIFFERENT_HOLD,     /* transfer_id: a hold, and what ended it */
    LEDGER_DIFFERENT_ACCOUNT,  /* transfer_id names an account that is not there, or of another ledger */
    LEDGER_DIFFERENT_TOTAL,    /* ledger; stored: what is there instead of zero */
    LEDGER_DIFFERENT_SEAL,     /* block: its seal does not follow from the one before */
};
const char *ledger_difference_word(enum ledger_difference_kind); /* "counter" ... */
struct ledger_difference {
    enum ledger_difference_kind kind;
    const char *field;    /* static; "" where there is none */
    int64_t account_id, transfer_id, block;
    int64_t from_ns, to_ns; /* of a block: its transfers were made after the one and up to the other */
    int32_t ledger;
    int64_t stored, replayed;
};
struct ledger_check {
    int64_t transfers, accounts, holds, blocks;
    int64_t at_ns;                   /* of the newest transfer */
    const struct ledger_difference *differences; /* the first 100 */
    size_t difference_count, differences_total;
    char seal[33];                   /* 32 hex digits; of the newest whole block */
    int64_t seal_transfers;          /* how many transfers are in whole blocks */
    double seconds;
};
/* Opens a reader of its own: not inside a db_fn. Workers only; *should_stop (may be NULL) ends it with ERR_CANCELLED. `progress` may be NULL. */
MUST_USE struct err ledger_verify(struct ledger *, struct arena *, const atomic_bool *should_stop, void (*progress)(void *user, double fraction),
                                  void *user, struct ledger_check *out);

/* What checks have found, noted: the nightly one notes itself. Newest first, at most `limit` (1 .. 100); `differences` is empty there. */
MUST_USE struct err ledger_check_note(struct ledger *, struct db_tx *, const struct ledger_check *);
struct ledger_checks {
    const struct ledger_noted_check {
        int64_t noted_ns;
        int64_t transfers, accounts, differences;
        char seal[33];
        int64_t seal_transfers;
        double seconds;
    } *items;
    size_t count;
};
MUST_USE struct err ledger_checks(struct ledger *, struct db_tx *, struct arena *, size_t limit, struct ledger_checks *out);

struct ledger_stats { /* counters since opening; a snapshot that any thread may take */
    uint64_t transfers, refused, accounts_loaded, transfers_looked_up, flushes, takeovers, undone, expired, listed;
};
struct ledger_stats ledger_stats(const struct ledger *);

#endif
