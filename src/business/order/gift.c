/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Gift cards: offer knows the cards and their codes, the ledger the money; here they meet in one transaction. */
#include <stdio.h>
#include <string.h>

#include "business/order/order_sql.h"
#include "business/order/room.h"

struct redeem_work {
    struct order_room *r;
    const struct order_buyer *buyer;
    const struct order_key *key;
    struct arena *arena;
    struct slice code;
    int64_t now_s;
    struct money redeemed;
};

/* A key used before names the card: its amount is the answer, without being redeemed again. */
static struct err redeemed_before(struct redeem_work *w, struct db_tx *tx, int64_t card_id) {
    struct ledger_transfer t;
    struct err e = ledger_transfer_get(w->r->o.ledger, tx, card_id, &t, NULL);
    if (!e.kind) w->redeemed = MONEY(t.amount, (uint16_t)t.ledger);
    return e;
}

static struct err redeem_fn(struct db_tx *tx, void *arg) {
    struct redeem_work *w = arg;
    const struct order_buyer *b = w->buyer;
    struct offer_gift_card card;
    int64_t before = 0;
    struct err e = key_look(w->r, tx, b->org_id, w->key, w->now_s, &before);
    if (!e.kind && before) return redeemed_before(w, tx, before);
    if (!e.kind) e = offer_gift_card_redeem_in(w->r->o.offers, tx, b->org_id, w->code, b->household_id, w->now_s, &card);
    if (e.kind) return e;
    struct moves m = moves_begin(w->r, tx, b->org_id, card.amount.currency, card.order_id);
    struct ledger_transfer *t = moves_add(&m, LEDGER_CODE_GIFT_CARDS, 0, LEDGER_CODE_CREDIT, b->household_id, card.amount.minor, ORDER_MOVE_GIFT_REDEEMED);
    t->about_id = card.id;
    int64_t id = t->id;
    e = moves_run(&m);
    if (!e.kind) e = key_keep(tx, b->org_id, w->key, w->now_s, id);
    w->redeemed = card.amount;
    return e;
}

struct err order_gift_card_redeem(struct order_room *r, const struct order_buyer *b, struct slice code, const struct order_key *key, struct money *redeemed) {
    struct redeem_work w = {.r = r, .buyer = b, .key = key, .code = code, .now_s = now_of(r)};
    struct err e = db_write(r->o.db, redeem_fn, &w);
    if (!e.kind) *redeemed = w.redeemed;
    return e;
}

/* --- made by hand --- */

struct make_work {
    struct order_room *r;
    const struct order_key *key;
    int64_t org_id, now_s;
    struct money amount;
    size_t count;
    int64_t ids[OFFER_GIFT_CARDS_MAX], fresh[OFFER_GIFT_CARDS_MAX];
};

/* Which cards a key made: a row for each, under the key, a blank (which no key of a client has) and its place. */
static void place_key(const struct make_work *w, size_t i, struct order_key *out, char text[ORDER_KEY_MAX + 24]) {
    int len = snprintf(text, ORDER_KEY_MAX + 24, "%.*s %zu", SLICE_ARG(w->key->key), i);
    *out = *w->key;
    out->key = slice_of(text, (size_t)len);
}

static struct err made_before(struct make_work *w, struct db_tx *tx) {
    struct arena *arena = arena_create(1 << 20);
    struct err e = arena ? ERR_OK : err_memory();
    for (size_t i = 0; !e.kind && i < w->count; i++) {
        char text[ORDER_KEY_MAX + 24];
        struct order_key place;
        struct db_rows rows;
        place_key(w, i, &place, text);
        e = DB_QUERY(tx, arena, &rows, &order_key_find, DB_INT("owner_id", place.owner_id), DB_TEXT("key", place.key), DB_INT("org_id", w->org_id));
        if (!e.kind) w->ids[i] = rows.count ? db_int(&rows, 0, "result_id") : 0;
    }
    arena_destroy(&arena);
    return e;
}

static struct err make_fn(struct db_tx *tx, void *arg) {
    struct make_work *w = arg;
    int64_t before = 0;
    struct err e = key_look(w->r, tx, w->org_id, w->key, w->now_s, &before);
    if (e.kind) return e;
    if (before) return made_before(w, tx);
    memcpy(w->ids, w->fresh, sizeof w->ids);
    e = offer_gift_cards_make_in(w->r->o.offers, tx, w->org_id, w->ids, w->count, w->amount, 0, w->now_s);
    for (size_t i = 0; !e.kind && i < w->count; i += MOVES_MAX) {
        struct moves m = moves_begin(w->r, tx, w->org_id, w->amount.currency, 0);
        for (size_t k = i; k < w->count && k < i + MOVES_MAX; k++)
            moves_add(&m, LEDGER_CODE_REFUNDED, 0, LEDGER_CODE_GIFT_CARDS, 0, w->amount.minor, ORDER_MOVE_GIFT_MADE)->about_id = w->ids[k];
        e = moves_run(&m);
    }
    if (!e.kind) e = key_keep(tx, w->org_id, w->key, w->now_s, w->ids[0]);
    for (size_t i = 0; !e.kind && w->key && w->key->key.len && i < w->count; i++) {
        char text[ORDER_KEY_MAX + 24];
        struct order_key place;
        place_key(w, i, &place, text);
        e = key_keep(tx, w->org_id, &place, w->now_s, w->ids[i]);
    }
    return e;
}

struct err order_gift_cards_make(struct order_room *r, int64_t org_id, int64_t user_id, struct money amount, size_t count, const struct order_key *key,
                                 char (*codes)[OFFER_GIFT_CODE_LEN + 1]) {
    if (!count || count > OFFER_GIFT_CARDS_MAX) return err_make(ERR_INPUT, "order.quantity", "One makes 1 to 100 gift cards at once.");
    struct make_work w = {.r = r, .key = key, .org_id = org_id, .now_s = now_of(r), .amount = amount, .count = count};
    for (size_t i = 0; i < count; i++) w.fresh[i] = id_next(r->o.ids);
    struct err e = db_write(r->o.db, make_fn, &w);
    for (size_t i = 0; !e.kind && i < count; i++) offer_gift_code(r->o.offers, w.ids[i], codes[i]);
    return e;
}

/* --- of an order --- */

struct codes_work {
    struct order_room *r;
    struct arena *arena;
    int64_t org_id, household_id;
    struct slice order;
    struct offer_gift_card *cards;
    size_t count;
};
static struct err codes_fn(struct db_tx *tx, void *arg) {
    struct codes_work *w = arg;
    struct head h;
    w->count = 0;
    struct err e = head_find(tx, w->arena, w->org_id, w->household_id, w->order, &h);
    if (e.kind || h.state != HEAD_PAID || h.lost) return e;
    return offer_gift_cards_of_in(w->r->o.offers, tx, w->arena, w->org_id, h.id, &w->cards, &w->count);
}

struct err order_gift_codes(struct order_room *r, struct arena *arena, int64_t org_id, int64_t household_id, struct slice order, char (**codes)[OFFER_GIFT_CODE_LEN + 1], size_t *count) {
    struct codes_work w = {.r = r, .arena = arena, .org_id = org_id, .household_id = household_id, .order = order};
    struct err e = db_read(r->o.db, codes_fn, &w);
    char (*list)[OFFER_GIFT_CODE_LEN + 1] = e.kind ? NULL : arena_alloc_array(arena, w.count + 1, sizeof *list);
    if (!list) return e.kind ? e : err_memory();
    size_t n = 0;
    for (size_t i = 0; i < w.count; i++)
        if (w.cards[i].state != OFFER_GIFT_CANCELLED) offer_gift_code(r->o.offers, w.cards[i].id, list[n++]);
    *codes = list;
    *count = n;
    return ERR_OK;
}
