/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * room.h: what the files of offer share. Within the room.
 *
 *   root -> shop (one an organisation, by id) -> stock: offers, coupons, settings as they are stored
 *                |                               ^
 *                +- which offers contain a title |  another shop of the same stock, after a change of the catalogue
 *
 *   shop.c      loads stocks, makes shops of them, puts a new root in place of the old one; readers are counted in epochs (base/epoch.h)
 *   ask.c       what is sold here
 *   quote.c     a cart's quote, and its arithmetic
 *   edit.c      offers made and changed; what is wrong with a change
 *   warn.c      what contracts do not cover (any more)
 *   coupon.c, gift.c, settings.c */
#ifndef BUSINESS_OFFER_ROOM_H
#define BUSINESS_OFFER_ROOM_H

#include <stdatomic.h>

#include "base/epoch.h"
#include "base/mem.h"
#include "base/thread.h"
#include "business/offer/offer.h"

enum { OFFER_LISTENERS_MAX = 4, STOCK_BYTES_MAX = 64 << 20 };

/* What is stored, of one organisation; lives in its arena and never changes. */
struct stock {
    struct arena *arena;
    unsigned references; /* shops of it; whoever follows the store has it to himself */
    int64_t org_id, sequence;
    struct offer *offers; /* by id: oldest first */
    size_t count;
    const struct offer **by_public_id; /* ascending */
    struct offer_coupon *coupons;      /* by id */
    size_t coupon_count;
    uint32_t *coupon_slots; /* open addressing by folded code: place + 1 */
    size_t coupon_slot_count;
    struct offer_settings settings;
};

/* Open addressing: which offers contain this title, in order of id. */
struct holding {
    int64_t title_id; /* 0: free */
    uint32_t first, count; /* in shop.held */
};
struct shop {
    struct stock *stock;
    struct holding *holdings; /* a power of two; none: no offer names what it contains */
    size_t holding_count;
    uint16_t *held; /* places in stock.offers */
    uint16_t *all;  /* those that contain all */
    size_t all_count;
    uint64_t members; /* of the collections it was made with: a hash */
};
struct root {
    size_t count;
    struct shop *shops[]; /* by organisation */
};
struct retired {
    struct root *root; /* either */
    struct shop *shop;
    uint64_t epoch;
};

struct offers {
    struct offers_options o;
    struct key gift_key;
    struct root *_Atomic root;
    _Atomic uint64_t generation;
    struct lock lock;
    struct condition turned, ended; /* whoever follows is done; the thread is to stop */
    bool is_following, must_end;
    struct thread *follower;
    struct retired *retired; /* of whoever follows */
    size_t retired_count, retired_room;
    struct {
        void (*fn)(void *user, int64_t org_id);
        void *user;
    } listeners[OFFER_LISTENERS_MAX];
    size_t listener_count;
};

/* --- shop.c --- */
/* Between these two everything that is found stays what it is. NULL: nothing is known of this organisation. */
struct reading {
    struct epoch_place *place;
};
const struct shop *shop_enter(struct offers *, int64_t org_id, struct reading *);
void shop_leave(struct reading *);
const struct offer *shop_find(const struct shop *, struct slice public_id);
const struct offer *shop_find_id(const struct shop *, int64_t id);
const struct holding *shop_holding(const struct shop *, int64_t title_id);
static inline bool shop_has_all(const struct shop *s) { return s->all_count > 0; }
/* A deep copy. False: the arena is full. */
bool offer_copy(struct arena *, const struct offer *, struct offer *out);
/* Coupons are compared without case: capital letters, for ASCII. False: too long, or empty. */
bool coupon_fold(struct slice code, char out[OFFER_CODE_MAX]);
static inline int64_t offers_now_s(const struct offers *o) { return utc_seconds(clock_utc(o->o.clock)); }
/* Within a transaction: something of this organisation has changed. */
MUST_USE struct err offers_note_in(struct db_tx *, int64_t org_id);

/* --- ask.c --- */
uint32_t settings_rate(const struct offer_settings *, struct rights_place);
bool offer_is_open(const struct offer *, int64_t at_s, int64_t *next_s);
/* Can a title like this be had by an offer of this kind at all, rights aside? `is_named`: the offer names it, rather than containing all. */
bool offer_fits(const struct offer *, const struct offer_question *, bool is_named);
/* Does it contain any of these, by this shop? */
bool shop_contains(const struct shop *, const struct offer *, const int64_t titles[3]);
/* May it be sold by this kind, here, now (an event: when it begins)? */
void offer_rights_of(struct offers *, enum offer_kind, const struct offer_question *, struct rights_answer *);

/* Walks the titles to be watched that an offer contains (what holds others is gone into; versions and what is not shown are not told), until fn says enough. Titles that the catalogue does not
 * have are told as NULL with their id. */
typedef bool offer_walk_fn(void *user, const struct catalog_title *, int64_t id);
void offer_walk(const struct catalog_view *, const struct offer *, offer_walk_fn *, void *user);
/* Of an offer that is sold whole (a bundle, a pass for named things): is each title of it allowed here? Of any other: is one? */
bool offer_is_covered(struct offers *, const struct catalog_view *, const struct offer *, struct rights_place, int64_t at_s);

/* --- warn.c: of these offers, saved or not --- */
MUST_USE struct err offer_warn(struct offers *, struct arena *, const struct catalog_view *, const struct offer *offers, size_t count, struct offer_warning **out, size_t *found);

#endif
