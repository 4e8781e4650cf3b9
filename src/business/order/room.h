/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * room.h: the insides of struct order_room. Within order only.
 *
 *   order.c      opening, listening, the thread
 *   rows.c       orders, lines and terms as they are stored and as they are shown
 *   book.c       numbers, keys, accounts, movements: what every transaction here is made of
 *   held.c       entitlements: the store is the truth, a table by household answers
 *   quote.c      what a cart costs: the facts that only this room knows, and offer's arithmetic
 *   checkout.c   an order is made, paid for, given up
 *   paid.c       an order becomes paid; money that comes too late, twice or for nothing
 *   voucher.c    lots of vouchers: given, set aside, used, given back, ended
 *   sub.c        subscriptions: begun, renewed, cancelled, resumed, switched
 *   renew.c      what is due by the clock
 *   refund.c     money goes back; charge-backs
 *   gift.c       gift cards
 *   lists.c      orders and plans for pages
 *   figures.c    sums for finance
 *   print.c      invoices and credit notes
 *   letter.c     what a household is told */
#ifndef BUSINESS_ORDER_ROOM_H
#define BUSINESS_ORDER_ROOM_H

#include <stdatomic.h>

#include "base/mem.h"
#include "base/thread.h"
#include "business/ledger/ledger.h"
#include "business/offer/offer.h"
#include "business/order/order.h"
#include "business/pay/pay.h"

#define DAY_S INT64_C(86400)
enum { LISTENERS_MAX = 4, ARENA_BYTES = 4 << 20, SCOPE_MAX = OFFER_TITLES_MAX };

/* --- held.c --- */
struct held {
    int64_t id, order_id, offer_id, title_id, starts_s, ends_s, watch_s, started_s;
    uint8_t kind, medium;
    bool renews;
};
/* One household's, plans (title 0) first, then by title and id. */
struct home {
    struct home *next;
    int64_t household_id, org_id;
    uint32_t count, capacity;
    struct held *list;
};
enum { SHARDS = 64 };
struct shard {
    _Alignas(64) struct lock lock;
    struct home **buckets;
    size_t bucket_count, home_count;
};
struct helds {
    struct shard shards[SHARDS];
    _Atomic int64_t seq;
    _Atomic uint64_t count, made; /* in memory; since the start, by us */
    struct lock following;
};

struct order_room {
    struct order_options o;
    struct helds helds;
    struct {
        void (*fn)(void *user, int64_t org_id, int64_t household_id);
        void *user;
    } listeners[LISTENERS_MAX];
    size_t listener_count;
    struct lock lock; /* the thread's */
    struct condition wake;
    bool stops, is_wanted;
    struct thread *thread;
    _Atomic int64_t pruned_s; /* when old keys were last forgotten */
    _Atomic int64_t summed_until_s; /* at least where the sums of any organisation end: what is noted before it looks into the store */
    _Atomic int64_t summed_month_s; /* the month in which all that is over was added up */
    _Atomic uint64_t created, paid, expired, cancelled, refunds, renewals, sent_back;
    /* What requests have done within their transactions counts when it is durable, however often they were run: the writer thread's own until then. */
    struct tally {
        uint64_t paid, renewals, sent_back;
    } of_request, of_group;
    struct db_participant participant;
    bool takes_part;
};
static inline int64_t now_of(const struct order_room *r) { return utc_seconds(clock_utc(r->o.clock)); }

/* --- rows.c --- */

/* What an offer promised when it was sold; frozen in the line. */
struct terms {
    int unit, period, trial_days, grace_days, vouchers, start_within_days, watch_hours; /* enum offer_unit ... */
    bool is_trial;
    int medium;
    int64_t scope[SCOPE_MAX]; /* none: whatever the offer contains */
    size_t scope_count;
};
struct line {
    int n;
    int64_t offer_id, title_id, quantity, unit_price, discount, tax, total, vouchers, refunded, refunded_tax, refunded_vouchers;
    struct public_id offer, title;
    enum offer_kind kind;
    struct slice names, title_names; /* one a language, LF between */
    uint32_t rate_ppm;
    bool is_included;
    struct terms t;
};
enum head_flags { HEAD_RENEWAL = 1, HEAD_SWITCH = 2, HEAD_PLAN = 4 }; /* HEAD_PLAN: a line is a subscription */
enum head_state { HEAD_WAITS, HEAD_PAID, HEAD_CANCELLED, HEAD_EXPIRED }; /* stored */
struct head {
    int64_t id, org_id, household_id, user_id, number, created_s, expires_s, paid_s;
    struct public_id public_id;
    int state, flags;
    struct slice lang, country, area, coupon, invoice; /* invoice.ptr NULL: none */
    uint16_t currency;
    int64_t subtotal, discount, tax, total, unused, credit, due, vouchers, refunded, refunded_credit, lost;
    int64_t coupon_id, sub_id, switch_of, period_no, payment_id, hold_id, renews_s, renews_price;
    struct line *lines;
    size_t count;
};
static inline int64_t proration_of(const struct head *h) { return h->unused < h->total ? h->unused : h->total; }
static inline struct money money_of(const struct head *h, int64_t minor) { return MONEY(minor, h->currency); }

/* ERR_NOT_FOUND order.not_found. `household_id` 0: anybody's of the organisation. head_find and head_get with its lines. */
MUST_USE struct err head_find_bare(struct db_tx *, struct arena *, int64_t org_id, int64_t household_id, struct slice public_id, struct head *out);
MUST_USE struct err head_find(struct db_tx *, struct arena *, int64_t org_id, int64_t household_id, struct slice public_id, struct head *out);
MUST_USE struct err head_get(struct db_tx *, struct arena *, int64_t org_id, int64_t id, struct head *out);
void head_take(const struct db_rows *, size_t row, struct head *out); /* without lines; borrows from the rows */
MUST_USE struct err lines_read(struct db_tx *, struct arena *, struct head *);
MUST_USE struct err head_write(struct db_tx *, struct arena *, const struct head *); /* a new one, with its lines */
/* As it is shown. `tx` for its payment. */
MUST_USE struct err item_of(struct order_room *, struct db_tx *, struct arena *, const struct head *, struct slice lang, struct order_item *out);
struct slice names_join(struct arena *, const struct slice names[TEXT_LANGUAGE_COUNT]);
struct slice name_in(struct slice names, struct slice lang);
const struct line *head_plan(const struct head *); /* the line of a subscription; NULL */
enum order_state state_of(const struct head *);
void public_id_take(struct slice text, struct public_id *out);

/* --- book.c --- */

/* What a key was used for before: *result_id, 0 for nothing. idempotency.mismatch, idempotency.key (its form). */
MUST_USE struct err key_look(struct order_room *, struct db_tx *, int64_t org_id, const struct order_key *, int64_t now_s, int64_t *result_id);
MUST_USE struct err key_keep(struct db_tx *, int64_t org_id, const struct order_key *, int64_t now_s, int64_t result_id);

enum number_kind { NUMBER_ORDER, NUMBER_INVOICE, NUMBER_NOTE };
MUST_USE struct err number_next(struct db_tx *, struct arena *, int64_t org_id, int year, enum number_kind, int64_t *out, int *out_year);
int year_of(int64_t at_s);

/* Movements of one step, as one chain. Nothing moves until moves_run; amounts of 0 are left out. Sticky. */
enum { MOVES_MAX = 60 };
struct moves {
    struct order_room *r;
    struct db_tx *tx;
    int64_t org_id, order_id;
    int32_t ledger;
    struct ledger_transfer list[MOVES_MAX];
    size_t count;
    struct err error;
};
struct moves moves_begin(struct order_room *, struct db_tx *, int64_t org_id, int32_t ledger, int64_t order_id);
/* From (debit) to (credit), by code and owner. Returns the transfer, to be changed; never NULL. */
struct ledger_transfer *moves_add(struct moves *, int32_t from, int64_t from_owner, int32_t to, int64_t to_owner, int64_t amount, enum order_move);
void moves_hold_end(struct moves *, int64_t hold_id, bool posts);
MUST_USE struct err moves_run(struct moves *);
/* What may be taken from an account: ledger_available, 0 where there is none. */
MUST_USE struct err available(struct order_room *, struct db_tx *, int64_t org_id, int32_t ledger, int32_t code, int64_t owner, int64_t *out);

/* One fact for figures, on the day of now_s. */
MUST_USE struct err revenue_note(struct order_room *, struct db_tx *, const struct head *, const struct line *, int64_t now_s, int64_t gross, int64_t tax, int64_t refunded, int64_t lost, int64_t orders);

/* --- held.c --- */
void helds_init(struct helds *);
void helds_destroy(struct helds *);
MUST_USE struct err helds_load(struct order_room *);
/* Takes in what has changed and tells listeners. Workers, and after commits. */
MUST_USE struct err helds_follow(struct order_room *);
MUST_USE struct err held_add(struct order_room *, struct db_tx *, const struct head *, const struct line *, int64_t title_id, int64_t starts_s, int64_t ends_s, int64_t watch_s, bool renews, int64_t *id);
MUST_USE struct err held_note(struct db_tx *, int64_t held_id); /* the next number of the sequence */
MUST_USE struct err held_set_end(struct db_tx *, int64_t held_id, int64_t ends_s, bool renews);
/* All of an order, or (line >= 0) of a line of it: taken away, or given back. */
MUST_USE struct err helds_of_order(struct db_tx *, struct arena *, int64_t order_id, int line, bool revokes, int64_t now_s);

/* --- quote.c --- */
struct quoted {
    struct offer_quote q;
    int64_t credit;    /* of the household, that is used */
    int64_t unused;    /* of the plan that gives way */
    bool has_plan;     /* a subscription of the household runs */
};
/* `fixed` >= 0: this price instead of the offer's (of one line). `unused`: see head. `is_free_to_have`: nobody is asked whether he has it already, or has a subscription. Workers. */
struct quote_terms {
    int64_t fixed, unused;
    uint16_t fixed_currency;
    bool is_free_to_have, is_without_trial;
};
MUST_USE struct err quote_make(struct order_room *, struct arena *, const struct order_buyer *, const struct order_cart *, const struct quote_terms *, struct quoted *out);
/* The head and its lines of it, not stored: ids and numbers are missing. */
MUST_USE struct err head_of_quote(struct arena *, const struct order_buyer *, const struct quoted *, int64_t now_s, struct head *out);
void quote_of_head(struct arena *, const struct head *, struct slice lang, struct order_quote *out);

/* --- checkout.c --- */
/* Inside: takes a number, sets aside, writes it, pays it where nothing is due. `h->id` and `public_id` are there. */
struct coupon_limits {
    int64_t uses_max, per_household_max; /* 0: any number */
};
MUST_USE struct err head_place(struct order_room *, struct db_tx *, struct arena *, struct head *, struct coupon_limits, int64_t now_s);
/* A new order: head_place under its key. *order_id: of the first one where the key was used before. */
MUST_USE struct err order_place(struct order_room *, struct arena *, struct head *, struct coupon_limits, const struct order_key *, int64_t now_s, int64_t *order_id);
MUST_USE struct err order_key_result(struct order_room *, int64_t org_id, const struct order_key *, int64_t now_s, int64_t *result_id);
/* Of an order that had expired: can it all be had again? Then it is set aside. */
MUST_USE struct err set_aside_again(struct order_room *, struct db_tx *, struct arena *, struct head *, int64_t now_s, bool *can);
/* Not wanted or not in time: what it set aside goes back; open payments are given up. */
MUST_USE struct err head_close(struct order_room *, struct db_tx *, struct arena *, struct head *, enum head_state);
MUST_USE struct err expire_due(struct order_room *, int64_t now_s, size_t *count);

/* --- paid.c --- */
MUST_USE struct err paid_in(struct order_room *, struct db_tx *, struct arena *, struct head *, const struct pay_info *, int64_t now_s);
void paid_listen(struct order_room *); /* to pay */

/* --- voucher.c --- */
MUST_USE struct err vouchers_give(struct order_room *, struct db_tx *, int64_t org_id, int64_t household_id, int64_t sub_id, int64_t order_id, int64_t count, int64_t ends_s);
MUST_USE struct err vouchers_usable(struct db_tx *, int64_t org_id, int64_t household_id, int64_t now_s, int64_t *out);
MUST_USE struct err vouchers_set_aside(struct order_room *, struct db_tx *, struct arena *, const struct head *, int64_t now_s);
MUST_USE struct err vouchers_settle(struct order_room *, struct db_tx *, struct arena *, const struct head *, bool are_used);
/* Those that were used for a line come back, as far as they have not ended meanwhile. */
MUST_USE struct err vouchers_return(struct order_room *, struct db_tx *, struct arena *, const struct head *, int n, int64_t now_s);
/* Those that an order gave and that nobody has used are taken (or given back after that). */
MUST_USE struct err vouchers_take(struct order_room *, struct db_tx *, struct arena *, const struct head *, bool gives_back);
MUST_USE struct err vouchers_end_due(struct order_room *, int64_t now_s, size_t *count);

/* --- sub.c --- */
enum sub_why { SUB_WHY_NONE, SUB_WHY_CANCELLED, SUB_WHY_UNPAID, SUB_WHY_REFUNDED, SUB_WHY_CHARGED_BACK, SUB_WHY_LATE, SUB_WHY_ERASED }; /* stored */
struct sub {
    int64_t id, org_id, household_id, user_id;
    struct public_id public_id, offer, next_offer;
    int state, before_state;
    int64_t offer_id, next_offer_id;
    struct slice names, lang, country, area, method;
    uint16_t currency;
    int64_t price, shown_price;      /* price tag and with tax, of the next renewal as told */
    int64_t told_price, told_from_s; /* a higher one that has been told; 0: none */
    int64_t checked_no;              /* the period in which prices were compared */
    int unit, period;
    int64_t grace_s;
    int64_t anchor_s, months;        /* to_s is so many months after the anchor */
    int64_t period_no, from_s, to_s, due_s, tries, next_from_s;
    int64_t order_id, held_id, next_order_id, open_order_id, provider, method_id, started_s, ended_s;
    int ended_why;
};
/* *has false: none. */
MUST_USE struct err sub_find_live(struct db_tx *, struct arena *, int64_t org_id, int64_t household_id, bool *has, struct sub *out);
MUST_USE struct err sub_find_newest(struct db_tx *, struct arena *, int64_t org_id, int64_t household_id, bool *has, struct sub *out);
MUST_USE struct err sub_get(struct db_tx *, struct arena *, int64_t org_id, int64_t id, bool *has, struct sub *out);
MUST_USE struct err sub_put(struct db_tx *, const struct sub *);
static inline int64_t sub_lag_s(const struct sub *s) { return s->grace_s > ORDER_LAG_S ? s->grace_s : ORDER_LAG_S; }
int64_t sub_next_due(const struct sub *); /* when something is next to be done, while no renewal is open */
int64_t period_end(int64_t anchor_s, int64_t months);
int64_t period_months(int unit, int period);
/* The line of a subscription of an order that has just been paid. */
MUST_USE struct err sub_paid(struct order_room *, struct db_tx *, struct arena *, struct head *, const struct line *, const struct pay_info *, int64_t now_s);
/* May it still be paid: is what it renews, replaces or begins as it was when it was made? */
MUST_USE struct err sub_fits(struct db_tx *, struct arena *, const struct head *, bool *fits);
MUST_USE struct err sub_end(struct order_room *, struct db_tx *, struct arena *, struct sub *, enum sub_why, int64_t now_s);
MUST_USE struct err sub_lost(struct order_room *, struct db_tx *, struct arena *, const struct head *, enum sub_why, int64_t now_s);
MUST_USE struct err sub_won(struct order_room *, struct db_tx *, struct arena *, const struct head *, int64_t now_s);
/* The charge of a renewal has failed. */
MUST_USE struct err sub_charge_failed(struct order_room *, struct db_tx *, struct arena *, const struct head *, int64_t now_s);
MUST_USE struct err renew_due(struct order_room *, int64_t now_s, size_t *count);

/* --- refund.c --- */
/* The unused part of a plan's period goes to credit, in the transaction of what replaces it. */
MUST_USE struct err refund_unused(struct order_room *, struct db_tx *, struct arena *, struct head *of, int64_t amount, int64_t now_s);
/* Money that came for nothing. */
MUST_USE struct err send_back(struct order_room *, struct db_tx *, struct arena *, const struct head *, const struct pay_info *, int64_t now_s);
struct err refund_done(void *room, struct db_tx *, const struct pay_info *, const struct pay_refund *);
struct err refund_failed(void *room, struct db_tx *, const struct pay_info *, const struct pay_refund *, bool was_done);
struct err charged_back(void *room, struct db_tx *, const struct pay_info *, const struct pay_chargeback *);
struct err chargeback_won(void *room, struct db_tx *, const struct pay_info *, const struct pay_chargeback *);

/* --- letter.c --- */
/* "mail.order_paid" ... with {order}, {amount}, {what}, {until}. Nobody to write to is no error. */
struct letter {
    const char *code;
    int64_t org_id, household_id, user_id;
    struct slice lang, what, order;
    const char *path; /* of the link: "/account/orders" */
    struct money amount; /* currency 0: none */
    int64_t until_s;     /* 0: none */
};
MUST_USE struct err letter_send(struct order_room *, struct db_tx *, struct arena *, const struct letter *);

/* --- sums.c --- */

MUST_USE struct err sums_open(struct order_room *); /* learns what was added up, here or by another process */
MUST_USE struct err sums_tick(struct order_room *); /* adds up months that are over, a month a transaction */
/* Something is noted on this day: sums that would not have it are forgotten. */
MUST_USE struct err sums_forget(struct order_room *, struct db_tx *, int64_t org_id, int64_t day_s);
/* Days [from_s, sums_from_s) and [sums_to_s, to_s) are in order_revenue, months [sums_from_s, sums_to_s) in order_sum; together they are the days asked for. */
struct sums_span {
    int64_t from_s, sums_from_s, sums_to_s, to_s;
};
struct sums_span sums_span_of(struct db_tx *, int64_t org_id, int64_t from_s, int64_t to_s);

#endif
