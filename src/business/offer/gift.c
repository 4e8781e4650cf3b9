/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * gift.c: gift cards. id --keyed hash, key "gift"--> 80 bits: the code --hash--> what is stored. */
#include <sodium.h>
#include <stdio.h>

#include "business/offer/offer_sql.h"
#include "business/offer/room.h"

enum { SYMBOLS = 16, HASH_BYTES = 32 };
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford's base 32 */

static void symbols_of(const struct offers *o, int64_t card_id, char out[SYMBOLS]) {
    uint8_t hash[crypto_generichash_BYTES_MIN], id[8];
    for (int i = 0; i < 8; i++) id[i] = (uint8_t)((uint64_t)card_id >> (56 - 8 * i));
    crypto_generichash(hash, sizeof hash, id, sizeof id, o->gift_key.bytes, sizeof o->gift_key.bytes);
    for (int i = 0; i < SYMBOLS; i++) { /* five bits each, of the first ten bytes */
        int bit = i * 5;
        unsigned two = (unsigned)hash[bit / 8] << 8 | hash[bit / 8 + 1];
        out[i] = alphabet[two >> (11 - bit % 8) & 31];
    }
}
static void hash_of(const char symbols[SYMBOLS], uint8_t out[HASH_BYTES]) { crypto_generichash(out, HASH_BYTES, (const uint8_t *)symbols, SYMBOLS, NULL, 0); }

void offer_gift_code(struct offers *o, int64_t card_id, char out[OFFER_GIFT_CODE_LEN + 1]) {
    char symbols[SYMBOLS];
    symbols_of(o, card_id, symbols);
    snprintf(out, OFFER_GIFT_CODE_LEN + 1, "%.4s-%.4s-%.4s-%.4s", symbols, symbols + 4, symbols + 8, symbols + 12);
}

/* As people type it. */
static bool symbols_parse(struct slice code, char out[SYMBOLS]) {
    size_t count = 0;
    for (size_t i = 0; i < code.len; i++) {
        char c = code.ptr[i];
        if (c == '-' || c == ' ') continue;
        if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
        if (c == 'O') c = '0';
        if (c == 'I' || c == 'L') c = '1';
        if (!c || !strchr(alphabet, c) || count == SYMBOLS) return false;
        out[count++] = c;
    }
    return count == SYMBOLS;
}

struct err offer_gift_cards_make_in(struct offers *o, struct db_tx *tx, int64_t org_id, const int64_t *ids, size_t count, struct money amount, int64_t order_id, int64_t now_s) {
    if (amount.minor <= 0 || !currency_of(amount.currency)) return err_make(ERR_INPUT, "offer.gift_amount", "A gift card is worth more than nothing.");
    if (count > OFFER_GIFT_CARDS_MAX) return err_make(ERR_INPUT, "offer.quantity", "At most 100 gift cards are made at a time.");
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < count; i++) {
        char symbols[SYMBOLS];
        uint8_t hash[HASH_BYTES];
        struct public_id public_id = public_id_random();
        symbols_of(o, ids[i], symbols);
        hash_of(symbols, hash);
        e = DB_RUN(tx, &gift_insert, DB_INT("id", ids[i]), DB_INT("org_id", org_id), DB_TEXT("public_id", public_id_slice(&public_id)),
                   DB_BLOB("code_hash", slice_of(hash, sizeof hash)), DB_TEXT("last4", slice_of(symbols + 12, 4)), DB_INT("minor", amount.minor),
                   DB_INT("currency", amount.currency), DB_INT("order_id", order_id), DB_INT("now_s", now_s));
    }
    return e;
}

static void card_read(const struct db_rows *rows, size_t i, int64_t org_id, struct offer_gift_card *out) {
    *out = (struct offer_gift_card){.id = db_int(rows, i, "id"), .org_id = org_id, .order_id = db_int(rows, i, "order_id"),
                                    .amount = MONEY(db_int(rows, i, "minor"), (uint16_t)db_int(rows, i, "currency")), .state = (enum offer_gift_state)db_int(rows, i, "state"),
                                    .created_s = db_int(rows, i, "created_s"), .redeemed_s = db_int(rows, i, "redeemed_s"), .household_id = db_int(rows, i, "household_id")};
    struct slice last4 = db_text(rows, i, "last4");
    memcpy(out->last4, last4.ptr, last4.len < 4 ? last4.len : 4);
    if (!public_id_parse(db_text(rows, i, "public_id"), &out->public_id)) out->public_id = (struct public_id){0};
}

static struct err unknown_card(void) { return err_make(ERR_NOT_FOUND, "gift_card.unknown", "There is no gift card with this code. Look at each letter again."); }
static struct err redeemed_card(void) { return err_make(ERR_CONFLICT, "gift_card.redeemed", "This gift card has been redeemed already."); }

struct err offer_gift_card_redeem_in(struct offers *o, struct db_tx *tx, int64_t org_id, struct slice code, int64_t household_id, int64_t now_s, struct offer_gift_card *out) {
    char symbols[SYMBOLS];
    uint8_t hash[HASH_BYTES];
    if (!symbols_parse(code, symbols)) return unknown_card();
    hash_of(symbols, hash);
    struct arena *arena = arena_create(1 << 16);
    if (!arena) return err_memory();
    struct db_rows rows;
    struct offer_gift_card card = {0};
    struct err e = DB_QUERY(tx, arena, &rows, &gift_of_hash, DB_INT("org_id", org_id), DB_BLOB("code_hash", slice_of(hash, sizeof hash)));
    if (!e.kind && !rows.count) e = unknown_card();
    if (!e.kind) card_read(&rows, 0, org_id, &card);
    arena_destroy(&arena);
    if (!e.kind && card.state == OFFER_GIFT_CANCELLED) e = unknown_card();
    if (!e.kind && card.state != OFFER_GIFT_OPEN) e = redeemed_card();
    int64_t changed = 0;
    if (!e.kind) e = DB_CHANGE(tx, &changed, &gift_redeem, DB_INT("org_id", org_id), DB_INT("id", card.id), DB_INT("household_id", household_id), DB_INT("now_s", now_s));
    if (!e.kind && !changed) e = redeemed_card();
    if (e.kind) return e;
    card.state = OFFER_GIFT_REDEEMED;
    card.household_id = household_id;
    card.redeemed_s = now_s;
    *out = card;
    return ERR_OK;
}

struct err offer_gift_card_cancel_in(struct offers *o, struct db_tx *tx, int64_t org_id, int64_t id) {
    int64_t state = DB_GET_INT(tx, -1, &gift_state, DB_INT("org_id", org_id), DB_INT("id", id));
    struct err e = db_tx_error(tx);
    if (e.kind) return e;
    if (state < 0) return unknown_card();
    if (state == OFFER_GIFT_REDEEMED) return redeemed_card();
    return DB_RUN(tx, &gift_cancel, DB_INT("org_id", org_id), DB_INT("id", id));
}

static struct err cards_of(const struct db_rows *rows, struct arena *arena, int64_t org_id, struct offer_gift_card **out, size_t *count) {
    struct offer_gift_card *cards = arena_alloc_array(arena, rows->count + 1, sizeof *cards);
    if (!cards) return err_memory();
    for (size_t i = 0; i < rows->count; i++) card_read(rows, i, org_id, &cards[i]);
    *out = cards;
    *count = rows->count;
    return ERR_OK;
}

struct err offer_gift_cards_of_in(struct offers *o, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t order_id, struct offer_gift_card **out, size_t *count) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &gift_of_order, DB_INT("org_id", org_id), DB_INT("order_id", order_id));
    return e.kind ? e : cards_of(&rows, arena, org_id, out, count);
}

struct page_work {
    struct arena *arena;
    int64_t org_id, before_id;
    size_t limit;
    struct db_rows rows;
};
static struct err page_fn(struct db_tx *tx, void *arg) {
    struct page_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &gift_page, DB_INT("org_id", w->org_id), DB_INT("before_id", w->before_id), DB_INT("limit", (int64_t)w->limit + 1));
}
struct err offer_gift_cards(struct offers *o, struct arena *arena, int64_t org_id, int64_t before_id, size_t limit, struct offer_gift_card **out, size_t *count, int64_t *next) {
    struct page_work w = {.arena = arena, .org_id = org_id, .before_id = before_id ? before_id : INT64_MAX, .limit = !limit ? 50 : limit < 200 ? limit : 200};
    struct err e = db_read(o->o.db, page_fn, &w);
    bool is_more = !e.kind && w.rows.count > w.limit;
    if (is_more) w.rows.count = w.limit;
    if (!e.kind) e = cards_of(&w.rows, arena, org_id, out, count);
    if (!e.kind) *next = is_more ? (*out)[*count - 1].id : 0;
    return e;
}
