/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Coupons made, changed, listed. Looking one up is in shop.c, its rules in quote.c. */
#include "base/rng.h"
#include "business/offer/offer_sql.h"
#include "business/offer/room.h"

enum { MADE_UP_LEN = 8 };

struct coupon_work {
    int64_t org_id, id, now_s;
    struct public_id public_id;
    struct slice code, folded, name; /* name: of the one that is changed */
    const struct offer_coupon_new *fresh;
    const struct offer_coupon_change *change;
    const int64_t *offers;
};

static struct err coupon_create_fn(struct db_tx *tx, void *arg) {
    const struct coupon_work *w = arg;
    const struct offer_coupon_new *n = w->fresh;
    if (DB_GET_INT(tx, 0, &coupon_count, DB_INT("org_id", w->org_id)) >= OFFER_COUPONS_MAX)
        return err_make(ERR_LIMIT, "coupon.many", "There are at most 20,000 coupons. Give one code to many people instead of a code each.");
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &coupon_insert, DB_INT("id", w->id), DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(&w->public_id)),
                             DB_TEXT("code", w->code), DB_TEXT("folded", w->folded), DB_INT("percent", n->percent), DB_INT("minor", n->percent ? 0 : n->amount.minor),
                             DB_INT("currency", n->percent ? 0 : n->amount.currency), DB_INT("starts_s", n->starts_s), DB_INT("ends_s", n->ends_s), DB_INT("uses_max", n->uses_max),
                             DB_INT("per_household_max", n->per_household_max), DB_INT("now_s", w->now_s));
    if (!e.kind && !changed) e = err_make(ERR_CONFLICT, "coupon.taken", "There is a coupon with this code. Codes are compared without case.");
    for (size_t i = 0; !e.kind && i < n->offer_count; i++)
        e = DB_RUN(tx, &coupon_offer_insert, DB_INT("id", w->id), DB_INT("offer_id", w->offers[i]), DB_INT("org_id", w->org_id));
    return e.kind ? e : offers_note_in(tx, w->org_id);
}

static bool is_code(struct slice code) {
    if (code.len < 3 || code.len > OFFER_CODE_MAX) return false;
    for (size_t i = 0; i < code.len; i++) {
        char c = code.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_')) return false;
    }
    return true;
}

struct err offer_coupon_create(struct offers *o, int64_t org_id, const struct offer_coupon_new *n, struct public_id *out) {
    static const char alphabet[] = "23456789ABCDEFGHJKMNPQRSTVWXYZ"; /* none that looks like another */
    char made_up[MADE_UP_LEN], folded[OFFER_CODE_MAX];
    struct slice code = slice_trim(n->code);
    if (!code.len) {
        for (int i = 0; i < MADE_UP_LEN; i++) {
            uint8_t byte;
            do rng_secure(&byte, 1);
            while (byte >= 240); /* a multiple of 30: without bias */
            made_up[i] = alphabet[byte % 30];
        }
        code = slice_of(made_up, sizeof made_up);
    }
    if (!is_code(code) || !coupon_fold(code, folded)) return err_make(ERR_INPUT, "coupon.code", "A code has 3 to 32 letters, digits, dashes and underscores.");
    bool has_percent = n->percent != 0, has_amount = n->amount.currency != CURRENCY_NONE;
    if (has_percent == has_amount || (has_percent && (n->percent < 1 || n->percent > 100)) || (has_amount && (n->amount.minor <= 0 || !currency_of(n->amount.currency))))
        return err_make(ERR_INPUT, "coupon.value", "A coupon takes off a percentage between 1 and 100, or an amount.");
    if (n->starts_s < 0 || n->starts_s >= n->ends_s || n->ends_s > OFFER_ENDLESS)
        return err_make(ERR_INPUT, "coupon.window", "A coupon is good from one moment to a later one, or without end.");
    if (n->uses_max < 0 || n->per_household_max < 0 || n->uses_max > 1000000000 || n->per_household_max > 1000000)
        return err_make(ERR_INPUT, "coupon.uses", "How often a coupon may be used is a whole number; 0 means any number of times.");
    if (n->offer_count > OFFER_COUPON_OFFERS_MAX) return err_make(ERR_INPUT, "coupon.offers", "A coupon is for all offers, or for up to 50 that there are.");
    int64_t offers[OFFER_COUPON_OFFERS_MAX] = {0};
    struct reading reading;
    const struct shop *shop = shop_enter(o, org_id, &reading);
    bool are_known = true;
    for (size_t i = 0; i < n->offer_count && are_known; i++) {
        const struct offer *one = shop_find(shop, n->offers[i]);
        are_known = one != NULL;
        if (one) offers[i] = one->id;
    }
    shop_leave(&reading);
    if (!are_known) return err_make(ERR_INPUT, "coupon.offers", "A coupon is for all offers, or for up to 50 that there are.");

    struct coupon_work w = {.org_id = org_id, .id = id_next(o->o.ids), .now_s = offers_now_s(o), .public_id = public_id_random(), .code = code,
                            .folded = slice_of(folded, code.len), .fresh = n, .offers = offers};
    struct err e = db_write(o->o.db, coupon_create_fn, &w);
    if (!e.kind) e = offers_refresh(o);
    if (!e.kind) *out = w.public_id;
    return e;
}

static struct err coupon_change_fn(struct db_tx *tx, void *arg) {
    const struct coupon_work *w = arg;
    const struct offer_coupon_change *ch = w->change;
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &coupon_update, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->name), DB_INT_IF("is_active", ch->has_is_active, ch->is_active ? 1 : 0),
                             DB_INT_IF("ends_s", ch->has_ends, ch->ends_s), DB_INT_IF("uses_max", ch->has_uses_max, ch->uses_max),
                             DB_INT_IF("per_household_max", ch->has_per_household_max, ch->per_household_max));
    if (!e.kind && !changed) e = err_make(ERR_INPUT, "coupon.window", "A coupon is good from one moment to a later one, or without end.");
    return e.kind ? e : offers_note_in(tx, w->org_id);
}

struct err offer_coupon_change(struct offers *o, int64_t org_id, struct slice coupon, const struct offer_coupon_change *change) {
    struct reading reading;
    const struct shop *shop = shop_enter(o, org_id, &reading);
    bool is_there = false;
    for (size_t i = 0; shop && i < shop->stock->coupon_count && !is_there; i++) is_there = slice_eq(public_id_slice(&shop->stock->coupons[i].public_id), coupon);
    shop_leave(&reading);
    if (!is_there) return err_make(ERR_NOT_FOUND, "coupon.not_found", "There is no such coupon.");
    if ((change->has_uses_max && (change->uses_max < 0 || change->uses_max > 1000000000)) || (change->has_per_household_max && (change->per_household_max < 0 || change->per_household_max > 1000000)))
        return err_make(ERR_INPUT, "coupon.uses", "How often a coupon may be used is a whole number; 0 means any number of times.");
    if (change->has_ends && (change->ends_s <= 0 || change->ends_s > OFFER_ENDLESS))
        return err_make(ERR_INPUT, "coupon.window", "A coupon is good from one moment to a later one, or without end.");
    struct coupon_work w = {.org_id = org_id, .name = coupon, .change = change};
    struct err e = db_write(o->o.db, coupon_change_fn, &w);
    return e.kind ? e : offers_refresh(o);
}

struct err offer_coupons(struct offers *o, struct arena *arena, int64_t org_id, struct offer_coupon_list *out) {
    struct reading reading;
    const struct shop *shop = shop_enter(o, org_id, &reading);
    size_t count = shop ? shop->stock->coupon_count : 0;
    struct offer_coupon *items = arena_alloc_array(arena, count + 1, sizeof *items);
    for (size_t i = 0; items && i < count; i++) {
        const struct offer_coupon *from = &shop->stock->coupons[count - 1 - i];
        int64_t *offers = arena_alloc_array(arena, from->offer_count + 1, sizeof *offers);
        if (!offers) break;
        memcpy(offers, from->offers, from->offer_count * sizeof *offers);
        items[i] = *from;
        items[i].offers = offers;
        items[i].code = arena_copy(arena, from->code);
    }
    shop_leave(&reading);
    if (arena_overflowed(arena)) return err_memory();
    *out = (struct offer_coupon_list){items, count};
    return ERR_OK;
}
