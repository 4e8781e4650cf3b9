/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * offer.h: what is sold, where, for how much.
 *
 * The model
 *   offer      something with a price: a plan, a rental, a purchase, a pass, a bundle, a gift card. It names what it contains and has a price per currency and
 *              territory, names in four languages, and a window in which it is on sale. Each change makes a new version; old ones stay, so that an order can
 *              name the one it was sold by. An offer is never removed: it is taken off sale, and goes on containing what it contains for those who have it.
 *   contents   `all` that rights allow by the offer's medium, the members of a collection, what hangs on a series (or season), or titles named one by one (and what
 *              hangs on these). Whether rights allow a title to be sold that way is asked at the moment of the question, never stored.
 *   settings   of the organisation: who sells, tax per country, whether prices include it, how invoices are numbered.
 *   coupon     a code that lowers what is due now; never a renewal. gift card: a code that becomes credit, once.
 *   view       all offers and coupons compiled, in memory: a fold of the store and of the catalogue's collections. Asking takes no lock, no database and no memory.
 *   quote      arithmetic over values: nothing stored, nothing asked.
 *
 *   kind          medium for rights   sells
 *   subscription  subscription        a period of watching what it contains; trial, film vouchers inside, days of grace
 *   rental        rental              one title: to be begun within N days, then M hours
 *   purchase      purchase            one title for good
 *   season_pass   purchase            a series or season for good, with what is still to come
 *   live_pass     live                events: one, or those that it contains
 *   bundle        purchase            titles together, for good
 *   gift_card     (none)              an amount of credit
 *
 * Money and tax: every price is of one currency; a cart has one currency. Tax is worked out per line, on what is left of it after discounts, rounded half up (away from
 * zero); included, the net amount takes the rest, added, the total does. A percentage is taken of the sum of the lines it is for, rounded down, and spread over
 * them by the largest remainder: sums agree to the unit, and no line, tax or total is ever negative.
 *
 * Following: who changes something by the calls below finds it in the view when the call returns; changes of other processes are found by offer_refresh, or within
 * OFFER_FOLLOW_MS by the thread "offer-follow" where it was asked for. Listeners are told after the readers see it.
 *
 * Threads: any. Calls marked "memory" may be made by loop threads and inside a db_fn; all others ask the database: workers only. Times are seconds since 1970, UTC.
 * Errors besides those named: of the database, memory. What belongs to another organisation is simply not found. */
#ifndef BUSINESS_OFFER_OFFER_H
#define BUSINESS_OFFER_OFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "business/catalog/catalog.h"
#include "business/money/money.h"
#include "business/rights/rights.h"
#include "system/db/db.h"
#include "system/keys/keys.h"
#include "text/text.h"

extern const struct db_schema offer_schema; /* for db_migrate, after rights */

#define OFFER_ENDLESS RIGHTS_ENDLESS
enum {
    OFFER_NAME_MAX = 120, /* characters */
    OFFER_DESCRIPTION_MAX = 1000,
    OFFER_PRICES_MAX = 60,   /* of one offer */
    OFFER_TITLES_MAX = 200,  /* of contents named one by one */
    OFFER_OFFERS_MAX = 1000, /* of one organisation, on sale or not */
    OFFER_COUPONS_MAX = 20000,
    OFFER_COUPON_OFFERS_MAX = 50,
    OFFER_CODE_MAX = 32,     /* bytes of a coupon's code */
    OFFER_TAXES_MAX = RIGHTS_COUNTRIES,
    OFFER_LINES_MAX = 20,    /* of one quote */
    OFFER_QUANTITY_MAX = 20,
    OFFER_WARNINGS_MAX = 200,
    OFFER_GIFT_CODE_LEN = 19, /* "7ZR3-V9K2-M8QD-41XH" */
    OFFER_GIFT_CARDS_MAX = 100, /* in one call */
    OFFER_FOLLOW_MS = 1000,
};

/* --- the words; numbers are stored: append only --- */

enum offer_kind { OFFER_SUBSCRIPTION, OFFER_RENTAL, OFFER_PURCHASE, OFFER_SEASON_PASS, OFFER_LIVE_PASS, OFFER_BUNDLE, OFFER_GIFT_CARD, OFFER_KINDS };
enum offer_contents { OFFER_ALL, OFFER_COLLECTION, OFFER_SERIES, OFFER_TITLES, OFFER_CONTENTS };
enum offer_unit { OFFER_MONTH, OFFER_YEAR, OFFER_UNITS };
const char *offer_kind_name(enum offer_kind);         /* "subscription", "rental", "purchase", "season_pass", "live_pass", "bundle", "gift_card" */
const char *offer_contents_name(enum offer_contents); /* "all", "collection", "series", "titles" */
const char *offer_unit_name(enum offer_unit);         /* "month", "year" */
bool offer_kind_parse(struct slice, enum offer_kind *out);
bool offer_contents_parse(struct slice, enum offer_contents *out);
bool offer_unit_parse(struct slice, enum offer_unit *out);
/* How it is asked of rights. Not of gift cards. */
enum rights_medium offer_medium(enum offer_kind);

/* --- an offer --- */

struct offer_price {
    struct money amount;
    uint32_t territories; /* a set of rights; those of one offer never overlap */
};
struct offer_text {
    struct slice name, description; /* empty: none in this language */
};
struct offer {
    int64_t id, org_id, version; /* version from 1 */
    struct public_id public_id;
    enum offer_kind kind;
    struct offer_text texts[TEXT_LANGUAGE_COUNT];
    bool is_on_sale;
    int64_t starts_s, ends_s; /* the window of being on sale; OFFER_ENDLESS: no end */
    enum offer_contents contents; /* of gift cards: OFFER_ALL, and means nothing */
    int64_t holder_id;            /* the collection or series; 0: none */
    const int64_t *titles;        /* of OFFER_TITLES, in order */
    size_t title_count;
    const struct offer_price *prices;
    size_t price_count;
    /* subscription */
    enum offer_unit unit;
    int period; /* in units: 1 month, 1 year, 3 months */
    int trial_days, grace_days, vouchers;
    /* rental */
    int start_within_days, watch_hours;
};
/* The text in this language; where it has none in English, else in any. */
struct offer_text offer_text_in(const struct offer *, struct slice lang);
/* The price at this place; NULL: it is not sold there. Memory. */
const struct offer_price *offer_price_at(const struct offer *, struct rights_place);
/* Must a line of it say which title? A rental, a purchase, unless it contains exactly one title; passes, unless they are for a series or titles. */
bool offer_needs_title(const struct offer *);
/* When the n-th period ends (n from 1) of those that began at first_s: on the same day of the month and second of the day, in UTC, or on the month's last day where it has no such
 * (31 January, 28 or 29 February, 31 March). */
int64_t offer_period_end(const struct offer *, int64_t first_s, int64_t n);

struct offers;
struct offers_options { /* all must outlive it */
    struct db *db; /* migrated */
    const struct clock *clock;
    struct id_maker *ids;
    struct keys *keys; /* the house's key "gift" makes the codes of gift cards */
    struct catalog *catalog;
    struct rights *rights;
    bool follows; /* starts "offer-follow": for servers */
};
MUST_USE struct err offers_open(struct offers **out, const struct offers_options *);
void offers_close(struct offers **); /* nobody asks any more; catalogue and rights still stand, and change nothing. NULL is fine */
MUST_USE struct err offers_refresh(struct offers *);
/* Grows whenever the view has changed. Memory. */
uint64_t offers_generation(const struct offers *);
/* `fn` is called after readers see a change, on the thread that brought it, without locks of ours. Up to 4, before other threads use it. */
void offers_listen(struct offers *, void (*fn)(void *user, int64_t org_id), void *user);

/* --- what is sold here: memory, no allocation --- */

struct offer_question {
    int64_t org_id;
    int64_t titles[3];  /* catalog_above; of a series or season those of one of its episodes, so that rights have something to be asked about */
    int64_t event_s;    /* of an event: when it begins; else 0. It is sold before: rights are asked about that moment */
    bool is_holder;     /* a series, season or collection: sold by passes and plans, not by itself */
    bool is_event;
    struct rights_place place;
    int64_t at_s;
};
void offer_question_of(const struct catalog_view *, const struct catalog_title *, struct rights_place, int64_t at_s, struct offer_question *out);

/* What a tile says. */
struct offer_sale {
    uint16_t kinds;                   /* bits 1 << offer_kind by which it can be had now: on sale, priced here, allowed by rights */
    struct money lowest[OFFER_KINDS]; /* of each of them the lowest price; of a pass or bundle that of the whole. currency 0: none */
    int64_t next_s;                   /* the next instant at which this may change by itself; OFFER_ENDLESS */
};
void offer_sale(struct offers *, const struct offer_question *, struct offer_sale *out);

/* What is on sale of a title, now or from some day on, whoever may have bought it then: for rights_runs_from, with the offers as `user`. Where a title may be had by an offer only because it
 * was bought before the offer was taken off sale, is not told. */
MUST_USE struct err offer_runs(void *offers, const struct catalog_view *, const struct catalog_title *, int64_t now_s, struct rights_runs *);

/* Does this offer (on sale or not) contain any of the titles (catalog_above)? Rights are not asked. False for gift cards and for offers of another organisation. */
bool offer_contains(struct offers *, int64_t org_id, int64_t offer_id, const int64_t titles[3]);

/* An offer with what holds for whoever asks. Lives in the arena. */
struct offer_here {
    struct offer offer;
    struct money price;     /* at this place */
    uint32_t rate_ppm;      /* tax there */
    bool is_tax_included;
};
struct offer_here_list {
    struct offer_here *items;
    size_t count;
};
/* Those on sale here by which this title can be had, plans first, then rentals, purchases, passes and bundles, the cheapest first. Errors: memory. */
MUST_USE struct err offers_for_title(struct offers *, struct arena *, const struct offer_question *, struct offer_here_list *out);
/* The plans (kind OFFER_SUBSCRIPTION), or the gift cards, on sale here, the cheapest first. Plans with rights to nothing here are left out. */
MUST_USE struct err offers_of_kind(struct offers *, struct arena *, int64_t org_id, enum offer_kind, struct rights_place, int64_t at_s, struct offer_here_list *out);
/* One, on sale or not, priced here or not (price.currency 0). ERR_NOT_FOUND offer.not_found. */
MUST_USE struct err offer_get(struct offers *, struct arena *, int64_t org_id, struct slice public_id, struct rights_place, struct offer_here *out);
MUST_USE struct err offer_get_id(struct offers *, struct arena *, int64_t org_id, int64_t id, struct rights_place, struct offer_here *out);

/* --- coupons: rules here, uses counted by who sells --- */

struct offer_coupon {
    int64_t id, org_id;
    struct public_id public_id;
    struct slice code;      /* as it was typed when it was made; compared without case */
    int percent;            /* 1..100; 0: an amount */
    struct money amount;    /* currency 0: a percentage */
    const int64_t *offers;  /* ids; none: for all */
    size_t offer_count;
    int64_t starts_s, ends_s;
    int64_t uses_max, per_household_max; /* 0: any number */
    bool is_active;
    int64_t created_s;
};
/* Memory. False: there is none of this code, or the arena is full. Lives in the arena. */
bool offer_coupon_find(struct offers *, struct arena *, int64_t org_id, struct slice code, struct offer_coupon *out);

/* --- quotes --- */

/* What the buyer is, which only his own room knows. */
struct offer_buyer {
    int64_t org_id;
    struct rights_place place;
    int64_t at_s;
    bool had_trial;         /* a trial is given once */
    int64_t vouchers;       /* that may be used; 0: none, or he does not want to */
    struct money credit;    /* that may be used, of the cart's currency; minor 0 or another currency: none */
    int64_t coupon_uses, coupon_uses_household; /* so far, of the coupon */
};
struct offer_wish {
    struct slice offer, title; /* public ids; title empty: none said */
    int64_t quantity;          /* 1; of gift cards up to OFFER_QUANTITY_MAX */
    struct money fixed;        /* currency 0: the offer's price here. Else this price instead, whether it is on sale or not: a renewal */
};
struct offer_cart {
    const struct offer_wish *lines;
    size_t count;
    struct slice coupon; /* empty: none */
};
struct offer_line {
    struct offer offer;             /* as of now: terms to be frozen */
    int64_t title_id;               /* named by the line, or the one that the offer contains; 0: none */
    struct public_id title;
    struct slice title_names[TEXT_LANGUAGE_COUNT];
    int64_t scope[OFFER_TITLES_MAX]; /* what it entitles to: titles, series, seasons; none: whatever the offer contains */
    size_t scope_count;
    enum rights_medium medium;
    int64_t quantity;
    struct money unit_price;        /* as on the price tag, tax included or not */
    struct money discount;          /* of quantity * unit_price: coupon, trial, or all of it by a voucher */
    struct money tax;               /* of what is left; part of total */
    struct money total;             /* what is paid: tax included */
    uint32_t rate_ppm;
    bool is_tax_included;
    bool is_trial;                  /* the first trial_days are free: all of the price is discount */
    int64_t vouchers;               /* used: 1 or 0 */
};
struct offer_quote {
    struct offer_line *lines;
    size_t count;
    uint16_t currency;
    struct money subtotal;          /* sum of quantity * unit_price */
    struct money discount, tax, total; /* sums of the lines; total = subtotal - discount (+ tax, where it is added) */
    struct money credit, due;       /* total = credit + due */
    int64_t vouchers;
    bool renews;                    /* a line is a subscription */
    int64_t renews_s;
    struct money renews_price;      /* with tax; at the price of today, without coupon */
    int64_t coupon_id;              /* 0: none, or no good */
    int64_t coupon_uses_max, coupon_per_household_max; /* 0: any number */
    const char *coupon_trouble;     /* NULL, or code: "coupon.unknown", "coupon.not_yet", "coupon.ended", "coupon.used", "coupon.used_by_you", "coupon.offers" (for other
                                       offers), "coupon.currency" */
    char country[3];                /* "" where it is not known */
};
/* Memory, but for reading the catalogue's view. Lives in the arena.
 * Errors: ERR_INPUT offer.lines (none, or too many), offer.quantity, offer.title (it needs one, does not contain this one, or this one cannot be had so), offer.not_on_sale (no such offer, or not now),
 * offer.territory (no price here), offer.currency (two in one cart), offer.plans (two subscriptions in one cart), offer.rights (contracts do not allow it here now), money.range. */
MUST_USE struct err offer_quote(struct offers *, struct arena *, const struct offer_buyer *, const struct offer_cart *, struct offer_quote *out);

/* The arithmetic of it alone: lines come with offer, quantity, unit_price, rate and is_tax_included; discount, tax, total, vouchers and the sums are filled in.
 * `coupon` NULL: none. Errors: ERR_INPUT offer.lines, offer.quantity, offer.currency, money.range (any sum beyond 63 bits; or a negative price). */
MUST_USE struct err offer_sum(const struct offer_buyer *, const struct offer_coupon *coupon, struct offer_quote *);

/* --- settings --- */

struct offer_tax {
    char country[3];
    uint32_t rate_ppm;
};
struct offer_settings {
    struct slice seller_name, seller_address, seller_tax_id; /* address: lines with LF between */
    char seller_country[3];
    struct slice invoice_prefix; /* 0..12 of letters, digits, "-" */
    bool is_tax_included;
    const struct offer_tax *taxes; /* by country; a country without one: 0 */
    size_t tax_count;
    int64_t version; /* 0: never set */
};
/* From memory; before they were set: no seller, no tax, included. */
MUST_USE struct err offer_settings_get(struct offers *, struct arena *, int64_t org_id, struct offer_settings *out);
/* All of them. Errors: ERR_INPUT settings.seller, settings.country, settings.prefix, settings.taxes. */
MUST_USE struct err offer_settings_set(struct offers *, int64_t org_id, const struct offer_settings *);

/* --- the editor's side: database --- */

struct offer_list {
    struct offer *items; /* oldest first */
    size_t count;
};
/* All, from memory. */
MUST_USE struct err offers_list(struct offers *, struct arena *, int64_t org_id, struct offer_list *out);
/* As it was in that version. ERR_NOT_FOUND offer.not_found. */
MUST_USE struct err offer_version(struct offers *, struct arena *, int64_t org_id, int64_t offer_id, int64_t version, struct offer *out);

struct offer_price_new {
    struct money amount;
    struct slice territories; /* text of rights: "WORLD,-US" */
};
struct offer_change { /* what is not set stays; a new offer needs kind, a name and prices */
    bool has_kind, has_is_on_sale, has_window, has_contents, has_prices, has_period, has_trial, has_grace, has_vouchers, has_rental;
    enum offer_kind kind; /* only when it is made */
    bool is_on_sale;
    int64_t starts_s, ends_s;
    enum offer_contents contents;
    struct slice holder;        /* public id of the collection or series */
    const struct slice *titles; /* public ids */
    size_t title_count;
    const struct offer_price_new *prices; /* all of them */
    size_t price_count;
    enum offer_unit unit;
    int64_t period, trial_days, grace_days, vouchers, start_within_days, watch_hours;
    struct {
        bool has_name, has_description;
        struct slice name, description; /* empty: removed */
    } texts[TEXT_LANGUAGE_COUNT];
};
/* What is wrong with a change, field by field, as JSON names them: "prices[1].territories", "names.en", "contains.titles", "rental.watch_hours". Codes: offer.name, offer.description,
 * offer.kind, offer.contents, offer.title_unknown, offer.prices, offer.price (not above zero, unless it is a free plan's), offer.overlap (two prices for one territory), rights.territories,
 * rights.territory_unknown, offer.period, offer.trial, offer.grace, offer.vouchers, offer.rental, offer.window. Each has a sentence in text/. */
struct offer_problem {
    struct slice field;
    const char *code, *what;
    struct slice about; /* "DE,AT": what overlaps; the title or word that is not known; may be empty */
};
/* What is right but will not sell as one may think. Codes: offer.rights_lost (contracts do not allow this title to be sold this way there now), offer.rights_ending (they will not, from until_s on),
 * offer.rights_later (not before until_s), offer.empty (nothing that it contains may be sold there), offer.title_gone (it is not in the catalogue any more), offer.no_tax (countries without a tax rate, while others have one). */
struct offer_warning {
    const char *code, *what;
    int64_t offer_id;
    int64_t title_id;         /* 0: of the offer as a whole */
    struct public_id title;
    struct slice territories; /* where: "DE,AT"; empty: everywhere that it is sold */
    int64_t until_s;          /* 0: now */
    enum rights_reason reason;
};
struct offer_report {
    struct offer_problem *problems;
    size_t problem_count;
    struct offer_warning *warnings; /* the first OFFER_WARNINGS_MAX */
    size_t warning_count;
};
/* What would come of a change; nothing is saved. `offer` empty: of making one. ERR_NOT_FOUND offer.not_found. */
MUST_USE struct err offer_check(struct offers *, struct arena *, int64_t org_id, struct slice offer, const struct offer_change *, struct offer_report *out);
/* Makes one, or a new version. With problems: ERR_INPUT and the code of the first, *report (where asked for) has all, and nothing is saved; ERR_LIMIT offer.many. */
MUST_USE struct err offer_create(struct offers *, struct arena *, int64_t org_id, const struct offer_change *, struct offer_report *report, struct public_id *out);
MUST_USE struct err offer_change(struct offers *, struct arena *, int64_t org_id, struct slice offer, const struct offer_change *, struct offer_report *report);
/* Warnings of one offer, or (id 0) of all that are on sale. Walks the titles that are contained. */
MUST_USE struct err offer_warnings(struct offers *, struct arena *, int64_t org_id, int64_t offer_id, struct offer_warning **out, size_t *count);

struct offer_coupon_new {
    struct slice code; /* 3..32 of letters, digits, "-", "_"; empty: one is made up */
    int64_t percent;
    struct money amount;
    const struct slice *offers; /* public ids */
    size_t offer_count;
    int64_t starts_s, ends_s; /* OFFER_ENDLESS: no end */
    int64_t uses_max, per_household_max;
};
/* Errors: ERR_INPUT coupon.code, coupon.value (neither a percentage of 1..100 nor an amount above zero, or both), coupon.offers, coupon.window, coupon.uses; ERR_CONFLICT coupon.taken; ERR_LIMIT coupon.many. */
MUST_USE struct err offer_coupon_create(struct offers *, int64_t org_id, const struct offer_coupon_new *, struct public_id *out);
struct offer_coupon_change {
    bool has_is_active, has_ends, has_uses_max, has_per_household_max;
    bool is_active;
    int64_t ends_s, uses_max, per_household_max;
};
/* ERR_NOT_FOUND coupon.not_found. */
MUST_USE struct err offer_coupon_change(struct offers *, int64_t org_id, struct slice coupon, const struct offer_coupon_change *);
struct offer_coupon_list {
    struct offer_coupon *items; /* newest first */
    size_t count;
};
MUST_USE struct err offer_coupons(struct offers *, struct arena *, int64_t org_id, struct offer_coupon_list *out); /* from memory */

/* --- gift cards ---
 *
 * A code is 80 bits of a keyed hash of the card's id under the house's key "gift", which lies apart from the database; the database has a hash of the code alone. So who may see it again
 * (its buyer) is shown it again, and who steals the database has no money. Money moves in the ledger, by who sells. */

enum offer_gift_state { OFFER_GIFT_OPEN, OFFER_GIFT_REDEEMED, OFFER_GIFT_CANCELLED };
const char *offer_gift_state_name(enum offer_gift_state); /* "open", "redeemed", "cancelled" */
struct offer_gift_card {
    int64_t id, org_id, order_id; /* order_id 0: made by hand */
    struct public_id public_id;
    struct money amount;
    enum offer_gift_state state;
    char last4[5];
    int64_t created_s, redeemed_s, household_id; /* by whom; 0: not redeemed */
};
/* Inside the caller's transaction. The ids are his, made before (id_next): a transaction that runs again makes the same cards. Errors: ERR_INPUT offer.gift_amount (not above zero). */
MUST_USE struct err offer_gift_cards_make_in(struct offers *, struct db_tx *, int64_t org_id, const int64_t *ids, size_t count, struct money amount, int64_t order_id, int64_t now_s);
/* Marks it redeemed, once. The code in any case, with or without dashes and blanks; O is 0, I and L are 1. Errors: ERR_NOT_FOUND gift_card.unknown (also a cancelled one), ERR_CONFLICT gift_card.redeemed. */
MUST_USE struct err offer_gift_card_redeem_in(struct offers *, struct db_tx *, int64_t org_id, struct slice code, int64_t household_id, int64_t now_s, struct offer_gift_card *out);
/* Its order is being refunded: it cannot be redeemed any more. Twice is fine. ERR_CONFLICT gift_card.redeemed. */
MUST_USE struct err offer_gift_card_cancel_in(struct offers *, struct db_tx *, int64_t org_id, int64_t id);
/* Those of an order, oldest first. */
MUST_USE struct err offer_gift_cards_of_in(struct offers *, struct db_tx *, struct arena *, int64_t org_id, int64_t order_id, struct offer_gift_card **out, size_t *count);
/* The code again, for its buyer. Memory. */
void offer_gift_code(struct offers *, int64_t card_id, char out[OFFER_GIFT_CODE_LEN + 1]);
/* For finance: newest first, before `before_id` (0: from the newest), at most `limit` (0: 50; 200). */
MUST_USE struct err offer_gift_cards(struct offers *, struct arena *, int64_t org_id, int64_t before_id, size_t limit, struct offer_gift_card **out, size_t *count, int64_t *next);

#endif
