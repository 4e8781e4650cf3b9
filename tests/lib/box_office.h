/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * box_office.h: everything that sells, opened over one database, with a few films and offers: for the tests and the benchmark of business/order and for the
 * program that is killed. Knows nothing of any test framework: errors come back. */
#ifndef TESTS_LIB_BOX_OFFICE_H
#define TESTS_LIB_BOX_OFFICE_H

#include "business/order/order.h"

enum { SHOP_FILMS = 8, SHOP_SCHEMAS = 8 };
extern const struct db_schema *const box_schemas[SHOP_SCHEMAS];

enum shop_offer { SHOP_MONTH, SHOP_YEAR, SHOP_TRIAL, SHOP_RENTAL, SHOP_PURCHASE, SHOP_BUNDLE, SHOP_PASS, SHOP_GIFT, SHOP_CHEAP, SHOP_OFFERS };

struct shop {
    struct db *db;
    struct clock *clock;
    struct id_maker *ids;
    struct keys *keys;
    struct mail *mail;
    struct account *account;
    struct catalog *catalog;
    struct rights *rights;
    struct offers *offers;
    struct ledger *ledger;
    struct pay *pay;
    struct order_room *order;
    struct arena *arena; /* for whoever asks something */
    int64_t org;
    struct public_id films[SHOP_FILMS], series, episode, offers_made[SHOP_OFFERS];
    int64_t film_ids[SHOP_FILMS], series_id, episode_id, offer_ids[SHOP_OFFERS];
};

/* The database is open and migrated with box_schemas; `folder` has the keys. Neither pay nor orders have threads: box_run does all that is due. */
MUST_USE struct err box_open(struct shop *, struct db *, struct clock *, unsigned node, const char *folder);
void box_close(struct shop *);
/* Films (sold in DE by euro, in CN by yuan), a series with one episode, and one offer of each kind; once for a database. */
MUST_USE struct err box_stock(struct shop *);
/* What box_stock made, found again. */
MUST_USE struct err box_find(struct shop *);

/* pay and orders, until neither has anything to do now. */
MUST_USE struct err box_run(struct shop *);

struct order_buyer box_buyer(const struct shop *, int64_t household_id, const char *country);
/* One offer, to be paid whole; `film` < 0: no title. key may be NULL. */
MUST_USE struct err box_order(struct shop *, int64_t household_id, enum shop_offer, int film, const char *key, struct order_item *out);
MUST_USE struct err box_pay(struct shop *, int64_t household_id, const struct public_id *order, const char *card, const char *key, struct pay_info *out);

/* What must hold whatever happened: the ledger's replay agrees; each ledger adds up to nothing; orders in progress have nothing; an order is paid if and only if one payment of it is captured and
 * not on its way back (or nothing was due), and its entitlements are there; what vouchers are unused is what the ledger says. *trouble: the first that does not. */
MUST_USE struct err box_check(struct shop *, struct arena *, struct slice *trouble);

#endif
