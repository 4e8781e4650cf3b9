/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * order.h: what a household has bought: orders, entitlements, subscriptions, vouchers, refunds, invoices.
 *
 * The model
 *   cart          what somebody wants: offers, a title where the offer asks for one, a coupon, whether credit and vouchers are used.
 *   quote         what that costs him, here and now. Nothing is stored.
 *   order         a quote that holds for 30 minutes: its prices, names and terms are frozen in it, whatever happens to the offers meanwhile. Credit, vouchers
 *                 and the coupon's use are set aside when it is made, and go back when it is not paid.
 *
 *                      awaiting_payment --captured, or nothing due--> paid --refunds--> part_refunded --> refunded
 *                        |         |                                   |
 *                        |         +--30 minutes--> expired            +--charge-back--> charged_back --won--> paid
 *                        +--cancel--> cancelled
 *
 *                 Exactly one captured payment makes it paid. In that one transaction stand: the ledger's transfers, the entitlements, the invoice's number, the
 *                 subscription's period and vouchers, the use of the coupon, the letter. Money that comes a second time, or for an order that was cancelled, is sent
 *                 back whole by itself. Money that comes for an order that has expired still buys it, as long as what it had set aside can be had again (credit,
 *                 vouchers, coupon, no other subscription meanwhile); else it is sent back whole.
 *   entitlement   {household, what for: what an offer contains now (plan, live pass) | a title | a series or season; medium; from, until; taken back}. A row in the
 *                 store with a change sequence, folded into memory: order_entitlement answers from there. A rental runs out after N days; when it
 *                 is first watched (order_started) it runs M hours from then.
 *   subscription  one of a household at a time. Its periods end on the day of the month on which it began, in UTC (31 January, 28 February, 31 March).
 *
 *                      trial --> active <--> grace --> ended
 *                        |         |  ^
 *                        +---------+  |resume
 *                             cancelled --period's end--> ended
 *
 *                 At a period's end it is renewed: an order of its own, whose id was written with the period before, and unique for (subscription, period): so it
 *                 is charged once, whoever is killed when. The charge goes to the payment method that is kept; where there is none (after a trial, or
 *                 a provider that keeps none) the order waits for the household to pay it. Not paid: grace, with further tries after 1, 3 and 5 days, while
 *                 watching goes on; when the offer's grace days are over it has ended. A household that pays within grace pays from the old end.
 *                 Nobody pays for what we did not do: where no try was made for longer than ORDER_LATE_S (the server was down), the next period begins
 *                 now instead of then, once; a subscription that lay still for a whole period of its own ends instead.
 *                 A dearer plan begins now: the unused part of what was paid, by the second, half even, goes against it, and what is more than that becomes
 *                 credit. A cheaper one begins at the period's end. A new price holds from the first renewal that lies at least ORDER_NOTICE_S after the letter about it;
 *                 a lower one at once.
 *   vouchers      units of ledger 10002 with an end; the earliest end is used first.
 *   refund        of lines, or of an amount (spread over the lines by what is left of each). Tax goes back in the same proportion; the sum is never more than was
 *                 paid. It goes where the money came from: first to the card, then to credit. A line that has been given back whole, vouchers
 *                 included, takes its entitlement along at once. What the provider cannot pay back becomes the household's credit.
 *
 * Ids: an order is named outside by its public id; its number ("number") counts per organisation, for people; so do invoices ("2026-000123") and credit notes, without gaps.
 * Every call names the organisation, and the household where one asks; what belongs to another is ERR_NOT_FOUND order.not_found. household_id 0: for finance.
 *
 * Threads: any. Calls that are not marked "memory" ask the database: workers only. Times are seconds since 1970, UTC.
 * Errors besides those named: of the database, of ledger, pay and offer, memory. */
#ifndef BUSINESS_ORDER_ORDER_H
#define BUSINESS_ORDER_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "business/account/account.h"
#include "business/catalog/catalog.h"
#include "business/ledger/ledger.h"
#include "business/money/money.h"
#include "business/offer/offer.h"
#include "business/pay/pay.h"
#include "business/rights/rights.h"
#include "system/db/db.h"
#include "system/mail/mail.h"
#include "text/text.h"

struct order_room;

extern const struct db_schema order_schema; /* for db_migrate, after ledger, pay and offer */

#define ORDER_ENDLESS RIGHTS_ENDLESS
enum {
    ORDER_LINES_MAX = 20,
    ORDER_KEY_MAX = 64,
    ORDER_EXPIRES_S = 30 * 60,
    ORDER_KEY_KEPT_S = 48 * 3600,
    ORDER_NOTICE_S = 14 * 24 * 3600, /* between the letter about a higher price and the renewal that has it */
    ORDER_LATE_S = 24 * 3600,        /* a renewal tried later than this for the first time begins its period anew */
    ORDER_LAG_S = 3600,              /* watching goes on for at least so long after a period's end, while it is being renewed */
    ORDER_TRIES_MAX = 4,             /* charges of one renewal: at once, and after 1, 3 and 5 days */
    ORDER_LIST_MAX = 200,
    ORDER_HELD_MAX = 8,              /* what order_entitlement gives at most */
};

struct order_options { /* all must outlive it */
    struct db *db;
    const struct clock *clock;
    struct id_maker *ids;
    struct account *account;
    struct catalog *catalog;
    struct mail *mail;
    struct ledger *ledger;
    struct pay *pay;
    struct offers *offers;
    const char *site_url; /* of links in letters; NULL: none */
};
/* Loads the entitlements and begins to listen to pay: before pay is started and before anybody is served. */
MUST_USE struct err order_open(struct order_room **out, const struct order_options *);
/* Starts the thread "orders": renewals, expiries, vouchers that end, price notices. */
MUST_USE struct err order_start(struct order_room *);
void order_stop(struct order_room *); /* twice is fine */
void order_close(struct order_room **); /* after pay is stopped; NULL is fine */
/* Does now all that is due by the clock, until nothing is: what the thread does, for tests and for who has turned the clock. *more: another call would
 * find more to do once payments are answered. Safe beside the thread and beside other processes. */
MUST_USE struct err order_tick(struct order_room *);
void order_wake(struct order_room *); /* memory; wakes the thread */

/* Somebody's entitlements have changed: bought, taken back, ended, begun. After the commit, without locks of ours, any thread. Set before anybody is served; up to four. */
void order_listen(struct order_room *, void (*fn)(void *user, int64_t org_id, int64_t household_id), void *user);

/* --- entitlements: memory --- */

struct order_held {
    int64_t entitlement_id, order_id, offer_id;
    enum offer_kind kind;
    enum rights_medium medium;
    int64_t starts_s;
    int64_t ends_s;     /* ORDER_ENDLESS: never. A rental that was not begun: until when it may be begun */
    int64_t watch_s;    /* of a rental: seconds from its first play; else 0 */
    int64_t started_s;  /* of a rental that was begun; else 0 */
    bool renews;        /* of a subscription: it will be renewed by itself; ends_s has the days of grace in it then */
};
/* Those of the household that hold at `at_s` for any of the titles (catalog_above; 0: none), the one that ends last of each medium first. *next_s becomes smaller where another one begins
 * earlier than it. Any thread, no database, no allocation. Returns how many. */
size_t order_entitlement(struct order_room *, int64_t org_id, int64_t household_id, const int64_t titles[3], int64_t at_s, struct order_held out[ORDER_HELD_MAX],
                         int64_t *next_s);
/* Does the household have a subscription that lets it watch now, whatever it contains? Memory. */
bool order_has_plan(struct order_room *, int64_t org_id, int64_t household_id, int64_t at_s);
/* A play begins under this entitlement: a rental that was not begun runs from now, exactly once, stored before this returns. Anything else
 * is left as it is. *held is how it stands then. Errors: ERR_NOT_FOUND order.entitlement (gone, or taken back), ERR_DENIED order.rental_over. */
MUST_USE struct err order_started(struct order_room *, int64_t org_id, int64_t household_id, int64_t entitlement_id, struct order_held *held);

struct order_entitlement_item {
    struct order_held held;
    int64_t title_id;             /* 0: what the offer contains; else a title, series or season */
    struct public_id offer, order; /* order.text "": of an order that is gone */
    struct slice offer_name, title_name; /* as they were when it was bought, in the language asked for */
    int64_t revoked_s;            /* 0: it holds */
};

/* --- buying --- */

/* Who buys: always of a session; whatever it names is looked up under these. */
struct order_buyer {
    int64_t org_id, household_id, user_id;
    struct rights_place place; /* where he is: prices, tax */
    struct slice lang;         /* one of text_languages: of names, letters and the invoice */
};

/* Idempotency (HTTP Idempotency-Key). The same key and body of the same owner: the first answer again. Another body: ERR_CONFLICT idempotency.mismatch. Kept 48 h. */
struct order_key {
    struct slice key;     /* 1..64 bytes of visible ASCII; empty: none */
    int64_t owner_id;     /* household or user */
    uint8_t body[32];     /* a hash of method, path and body */
};

struct order_wish {
    struct slice offer, title; /* public ids; title empty where the offer names what it contains */
    int64_t quantity;          /* 1 but for gift cards (1..20) */
};
struct order_cart {
    const struct order_wish *lines;
    size_t count;
    struct slice coupon; /* empty: none */
    bool uses_credit, uses_voucher;
};

struct order_line {
    int64_t offer_id, title_id;   /* title_id 0: none */
    struct public_id offer, title;
    enum offer_kind kind;
    struct slice name, title_name; /* as they were, in the language asked for */
    int64_t quantity;
    struct money unit_price, discount, tax, total; /* total: what is paid, tax included; tax: part of it */
    uint32_t rate_ppm;
    bool is_tax_included;
    int64_t vouchers;              /* used for it; total is 0 then */
    struct money refunded;         /* of the total */
    int start_within_days, watch_hours; /* of a rental */
    bool is_trial;
};
struct order_quote {
    struct order_line *lines;
    size_t count;
    struct money subtotal, discount, tax, total; /* total = subtotal - discount + tax added */
    struct money proration;                      /* unused part of the plan that this one replaces; part of credit. What is more than the total becomes credit besides */
    struct money credit, due;                    /* total = credit + due */
    int64_t vouchers;
    bool renews;
    int64_t renews_s;
    struct money renews_price;
    struct slice coupon;                         /* as it was typed, where it is good */
    const char *coupon_trouble;                  /* of offer_quote: "coupon.unknown" ...; NULL: none, or it is good */
    char country[3];
};
/* Errors: those of offer_quote; ERR_CONFLICT order.subscribed (there is a subscription: switch), order.owned (the household has it for good), voucher.none (a voucher was wanted, and there is none or
 * it buys nothing here). */
MUST_USE struct err order_quote(struct order_room *, struct arena *, const struct order_buyer *, const struct order_cart *, struct order_quote *out);

enum order_state { ORDER_AWAITING_PAYMENT, ORDER_PAID, ORDER_CANCELLED, ORDER_EXPIRED, ORDER_PART_REFUNDED, ORDER_REFUNDED, ORDER_CHARGED_BACK, ORDER_STATES };
const char *order_state_name(enum order_state); /* "awaiting_payment", "paid", ... as in JSON */
bool order_state_parse(struct slice, enum order_state *out);

struct order_item {
    int64_t id, org_id, household_id;
    struct public_id public_id;
    int64_t number;
    enum order_state state;
    bool is_renewal, is_switch;
    int64_t created_s, expires_s, paid_s; /* paid_s 0: not paid */
    struct order_quote q;                 /* coupon_trouble NULL */
    struct money refunded;
    const struct pay_info *payment;       /* the one that was captured, else the newest attempt; NULL: none */
    struct slice invoice;                 /* "2026-000123"; empty: none yet */
};
/* Makes it, sets aside what it uses, and where nothing is due pays it at once. Errors: those of order_quote, and ERR_INPUT coupon.* (a coupon that is no good is refused here),
 * ERR_CONFLICT idempotency.mismatch, ledger's where credit or vouchers have been used elsewhere meanwhile; ERR_LIMIT order.many (20 unpaid ones). */
MUST_USE struct err order_create(struct order_room *, struct arena *, const struct order_buyer *, const struct order_cart *, const struct order_key *, struct order_item *out);

struct order_payment_wish {
    struct slice provider;   /* "sandbox", "stripe", "alipay" */
    struct slice card_number, card_expires, card_cvc, card_name; /* the sandbox's */
    struct slice return_url; /* where the provider sends him back to */
};
/* A further attempt to pay; those before it that are still open are given up. Errors: ERR_CONFLICT order.settled (paid, cancelled, expired), idempotency.mismatch; pay's. */
MUST_USE struct err order_pay(struct order_room *, struct arena *, const struct order_buyer *, struct slice order, const struct order_payment_wish *, const struct order_key *,
                              struct pay_info *out);
/* Cancelling twice is fine. ERR_CONFLICT order.settled (it is paid, or has expired). */
MUST_USE struct err order_cancel(struct order_room *, struct arena *, const struct order_buyer *, struct slice order, struct order_item *out);

/* What it says of an order that was paid, order_entitlement knows. */
MUST_USE struct err order_get(struct order_room *, struct arena *, int64_t org_id, int64_t household_id, struct slice order, struct slice lang, struct order_item *out);
/* By the id inside, for whoever has one from pay or ledger (owner of account 300). */
MUST_USE struct err order_get_id(struct order_room *, struct arena *, int64_t org_id, int64_t order_id, struct slice lang, struct order_item *out);
/* What an order is called, for pages of pay and ledger, without its lines: out[i] of order_ids[i]; id.text "" of those that are not there. count <= ORDER_LIST_MAX. */
struct order_name {
    struct public_id id;
    int64_t number, household_id, user_id;
};
MUST_USE struct err order_names(struct order_room *, int64_t org_id, const int64_t *order_ids, size_t count, struct order_name *out);

struct order_filter {
    int64_t household_id;   /* 0: all */
    bool has_state;
    enum order_state state;
    int64_t from_s, to_s;   /* made in [from_s, to_s); 0: no bound */
    struct slice query;     /* public id, number, invoice, or empty */
    int64_t before_id;      /* cursor: what `next` said; 0: from the newest */
    size_t limit;           /* 0: 50; at most ORDER_LIST_MAX */
    struct slice lang;
};
struct order_list {
    struct order_item *items; /* newest first, with their lines */
    size_t count;
    int64_t next;             /* 0: that was all */
};
MUST_USE struct err order_list(struct order_room *, struct arena *, int64_t org_id, const struct order_filter *, struct order_list *out);

/* The invoice as PDF, in the language of the order; of a credit note by `note` ("2026-C00012"), empty: the invoice. ERR_NOT_FOUND order.invoice (not paid, or nothing was). */
MUST_USE struct err order_invoice_pdf(struct order_room *, int64_t org_id, int64_t household_id, struct slice order, struct slice note, struct buf *out);

/* --- refunds and charge-backs --- */

enum order_refund_state { ORDER_REFUND_PENDING, ORDER_REFUND_DONE, ORDER_REFUND_FAILED };
const char *order_refund_state_name(enum order_refund_state); /* "pending", "done", "failed" */
struct order_refund_wish {
    bool has_amount;
    int64_t amount_minor;   /* in the order's currency; else */
    const size_t *lines;    /* the rest of these lines; neither: of the whole order */
    size_t line_count;
    struct slice reason;    /* 1..200 characters, kept */
    int64_t by_user_id;
};
enum order_refund_kind { ORDER_REFUND_BY_FINANCE, ORDER_REFUND_UNUSED, ORDER_REFUND_SENT_BACK }; /* the last two by themselves: a plan that gave way; money that came for nothing */
const char *order_refund_kind_name(enum order_refund_kind); /* "finance", "unused", "sent_back" */
struct order_refund {
    int64_t id, order_id;
    struct public_id public_id;
    enum order_refund_kind kind;
    enum order_refund_state state;
    struct money amount, tax;     /* tax: part of it */
    struct money to_credit;       /* part of it that went to the household's credit */
    int64_t vouchers;             /* given back */
    struct slice reason, note;    /* note: the credit note's number. Reason of those made by themselves: "switch", "paid twice", "cancelled", "too late" */
    struct slice code;            /* of lists, where the provider refused: why ("pay.refused") */
    int64_t by_user_id;           /* 0: by itself, or by who has no account (the operator's link, a token) */
    int64_t created_s, settled_s; /* settled_s 0: pending */
};
/* Errors: ERR_INPUT refund.amount (not positive), refund.lines, refund.reason; ERR_CONFLICT refund.too_much (more than is left, two at once included), refund.unpaid, refund.charged_back,
 * refund.gift_card (it has been redeemed), idempotency.mismatch. */
MUST_USE struct err order_refund(struct order_room *, struct arena *, int64_t org_id, struct slice order, const struct order_refund_wish *, const struct order_key *,
                                 struct order_refund *out);
/* What it would be, and nothing moves: the same errors. *left: what could still be given back after it; ends[]: the lines (their numbers) whose entitlement would go, at most ORDER_LINES_MAX. */
MUST_USE struct err order_refund_preview(struct order_room *, struct arena *, int64_t org_id, struct slice order, const struct order_refund_wish *, struct order_refund *out,
                                         struct money *left, size_t ends[ORDER_LINES_MAX], size_t *end_count);
/* Of one order, as they were made. */
MUST_USE struct err order_refunds(struct order_room *, struct arena *, int64_t org_id, int64_t order_id, struct order_refund **out, size_t *count);
bool order_refund_state_parse(struct slice, enum order_refund_state *out);
struct order_refund_filter {
    bool has_state;
    enum order_refund_state state;
    struct slice after; /* public id of the last of the page before; empty: from the newest */
    size_t limit;       /* 0: 50; at most ORDER_LIST_MAX */
};
struct order_refund_list {
    struct order_refund *items; /* newest first; whichever way it went: to the card, to credit, vouchers */
    size_t count;
    bool has_more;
};
/* ERR_NOT_FOUND order.refund (after). */
MUST_USE struct err order_refund_list(struct order_room *, struct arena *, int64_t org_id, const struct order_refund_filter *, struct order_refund_list *out);

/* --- my plan --- */

enum order_sub_state { ORDER_SUB_TRIAL, ORDER_SUB_ACTIVE, ORDER_SUB_GRACE, ORDER_SUB_CANCELLED, ORDER_SUB_ENDED, ORDER_SUB_STATES };
const char *order_sub_state_name(enum order_sub_state); /* "trial", "active", "grace", "cancelled", "ended" */
struct order_subscription {
    int64_t id;
    struct public_id public_id, offer, next_offer; /* next_offer.text "": none */
    int64_t offer_id, next_offer_id;
    struct slice offer_name;
    enum order_sub_state state;
    int64_t from_s, to_s;         /* the present period */
    int64_t renews_s;             /* 0: it does not */
    struct money price;           /* of the next renewal, as far as the household has been told */
    struct slice method;          /* "Visa 4242"; empty: none is kept */
    int64_t started_s;
    struct public_id open_order;  /* the renewal that waits for being paid; "": none */
};
struct order_plan {
    bool has_subscription;
    struct order_subscription subscription;
    int64_t vouchers, vouchers_end_s; /* balance; the earliest end (0: none) */
    struct money *credit;             /* one a currency that is not zero */
    size_t credit_count;
    struct order_entitlement_item *entitlements; /* those that hold, the newest first; at most ORDER_LIST_MAX */
    size_t entitlement_count;
};
MUST_USE struct err order_plan(struct order_room *, struct arena *, const struct order_buyer *, struct order_plan *out);
/* Which of these plans' trials has the household had? Asks the database. */
MUST_USE struct err order_had_trial(struct order_room *, int64_t org_id, int64_t household_id, const int64_t *offer_ids, size_t count, bool *out);
/* How many vouchers there are to use now. For title pages; asks the database. */
MUST_USE struct err order_vouchers(struct order_room *, int64_t org_id, int64_t household_id, int64_t *balance);

/* It runs to the period's end and no further. Within grace it ends now. Errors of these: ERR_NOT_FOUND subscription.none; ERR_CONFLICT subscription.not_cancelled, subscription.over. */
MUST_USE struct err order_plan_cancel(struct order_room *, const struct order_buyer *);
MUST_USE struct err order_plan_resume(struct order_room *, const struct order_buyer *);

struct order_switch {
    bool is_now;               /* dearer, or as dear: begins when its order is paid; else at the period's end */
    struct order_quote quote;
    bool has_order;
    struct order_item order;   /* is_now, and not a dry run: to be paid like any (or already paid) */
};
/* Errors: subscription.none, ERR_CONFLICT subscription.same, subscription.grace (pay first), those of order_create. To the present offer while another one waits: it stays. */
MUST_USE struct err order_plan_switch(struct order_room *, struct arena *, const struct order_buyer *, struct slice offer, bool is_dry_run, const struct order_key *,
                                      struct order_switch *out);

/* Into the household's credit, once. Errors: ERR_NOT_FOUND gift_card.unknown (also a wrong code), ERR_CONFLICT gift_card.redeemed. The caller slows down who guesses. */
MUST_USE struct err order_gift_card_redeem(struct order_room *, const struct order_buyer *, struct slice code, const struct order_key *, struct money *redeemed);

/* Made by hand by finance, in one go: 410 (given away) -> 210. The codes are shown once; the same key gives the same cards again. count 1..OFFER_GIFT_CARDS_MAX. Errors: ERR_INPUT offer.gift_amount,
 * order.quantity; idempotency.mismatch. */
MUST_USE struct err order_gift_cards_make(struct order_room *, int64_t org_id, int64_t user_id, struct money amount, size_t count, const struct order_key *,
                                          char (*codes)[OFFER_GIFT_CODE_LEN + 1]);
/* Those of a paid order, for its buyer. None where there are none, or it is not paid. */
MUST_USE struct err order_gift_codes(struct order_room *, struct arena *, int64_t org_id, int64_t household_id, struct slice order, char (**codes)[OFFER_GIFT_CODE_LEN + 1],
                                     size_t *count);

/* --- figures for finance --- */

/* What kind of movement a transfer is (ledger_transfer.code). Stored. Codes below ORDER_MOVE_FIRST are of other rooms. */
enum order_move {
    ORDER_MOVE_FIRST = 100,
    ORDER_MOVE_SALE = 100, ORDER_MOVE_TAX, ORDER_MOVE_CREDIT_USED, ORDER_MOVE_GIFT_SOLD, ORDER_MOVE_GIFT_MADE, ORDER_MOVE_GIFT_REDEEMED,
    ORDER_MOVE_REFUND, ORDER_MOVE_REFUND_TAX, ORDER_MOVE_REFUND_GIFT, ORDER_MOVE_TO_CREDIT,
    ORDER_MOVE_VOUCHERS_GIVEN, ORDER_MOVE_VOUCHERS_USED, ORDER_MOVE_VOUCHERS_ENDED, ORDER_MOVE_VOUCHERS_RETURNED,
    ORDER_MOVE_LAST,
};
const char *order_move_name(int code); /* "sale", "tax", "credit_used" ...; NULL: not one of ours */


enum order_revenue_by { ORDER_BY_DAY, ORDER_BY_TITLE, ORDER_BY_TERRITORY, ORDER_BY_OFFER };
bool order_revenue_by_parse(struct slice, enum order_revenue_by *out); /* "day", "title", "territory", "offer" */
struct order_revenue_row {
    char country[3];       /* by territory */
    int64_t day_s;         /* by day: its first second, UTC */
    int64_t id;            /* by title (0: without one) or offer */
    struct money gross;    /* what was paid, tax included, on the day it was paid */
    struct money tax;      /* of it, less what went back; refunds count on the day on which they were made */
    struct money refunded; /* went back, tax included */
    struct money lost;     /* to charge-backs */
    struct money net;      /* gross - refunded - tax - lost */
    int64_t orders;
};
struct order_revenue {
    struct money *currencies; /* those that occur, with their net sums */
    size_t currency_count;
    struct order_revenue_row *rows; /* by day: the earliest first; else the highest net first, at most 1000 */
    size_t count;
};
/* Days [from_s, to_s), whole days UTC. currency 0: all. */
MUST_USE struct err order_revenue(struct order_room *, struct arena *, int64_t org_id, int64_t from_s, int64_t to_s, enum order_revenue_by, uint16_t currency,
                                  struct order_revenue *out);
/* In which currencies something was sold on these days, with its net sum. */
MUST_USE struct err order_currencies(struct order_room *, struct arena *, int64_t org_id, int64_t from_s, int64_t to_s, struct money **out, size_t *count);
/* How many of these offers were ever sold (paid lines, renewals counted). */
MUST_USE struct err order_sold(struct order_room *, int64_t org_id, const int64_t *offer_ids, size_t count, int64_t *sold);
/* How often a coupon was used, in all. */
MUST_USE struct err order_coupon_uses(struct order_room *, int64_t org_id, const int64_t *coupon_ids, size_t count, int64_t *uses);

/* Subscriptions by state; of them those begun, and those ended, since `since_s`. Of one offer, or (0) of all. */
struct order_sub_counts {
    int64_t states[ORDER_SUB_STATES], fresh, gone;
};
MUST_USE struct err order_sub_counts(struct order_room *, int64_t org_id, int64_t offer_id, int64_t since_s, struct order_sub_counts *out);

struct order_stats { /* counters since it was opened */
    uint64_t created, paid, expired, cancelled, refunds, renewals, sent_back, entitlements; /* sent_back: captures refunded by themselves; entitlements: in memory */
};
void order_stats(const struct order_room *, struct order_stats *out);

#endif
