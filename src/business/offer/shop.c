/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * shop.c: from the store into memory. One at a time loads and publishes ("follows"); readers see the root of before or the one of after, and what was replaced is freed when
 * none of them can have it any more. */
#include "business/offer/offer_sql.h"
#include "business/offer/room.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"

/* --- reading --- */

const struct shop *shop_enter(struct offers *o, int64_t org_id, struct reading *reading) {
    reading->place = epoch_enter();
    const struct root *root = atomic_load(&o->root);
    size_t low = 0, high = root ? root->count : 0;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int64_t id = root->shops[mid]->stock->org_id;
        if (id == org_id) return root->shops[mid];
        if (id < org_id) low = mid + 1;
        else high = mid;
    }
    return NULL;
}
void shop_leave(struct reading *reading) { epoch_leave(reading->place); }

const struct offer *shop_find(const struct shop *shop, struct slice public_id) {
    size_t low = 0, high = shop ? shop->stock->count : 0;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = slice_compare(public_id_slice(&shop->stock->by_public_id[mid]->public_id), public_id);
        if (order == 0) return shop->stock->by_public_id[mid];
        if (order < 0) low = mid + 1;
        else high = mid;
    }
    return NULL;
}

const struct offer *shop_find_id(const struct shop *shop, int64_t id) {
    size_t low = 0, high = shop ? shop->stock->count : 0;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (shop->stock->offers[mid].id == id) return &shop->stock->offers[mid];
        if (shop->stock->offers[mid].id < id) low = mid + 1;
        else high = mid;
    }
    return NULL;
}

static size_t slot_of(int64_t id, size_t count) {
    uint64_t h = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15);
    return (h ^ h >> 32) & (count - 1);
}
const struct holding *shop_holding(const struct shop *shop, int64_t title_id) {
    if (!shop->holding_count || !title_id) return NULL;
    for (size_t at = slot_of(title_id, shop->holding_count);; at = (at + 1) & (shop->holding_count - 1)) {
        if (shop->holdings[at].title_id == title_id) return &shop->holdings[at];
        if (!shop->holdings[at].title_id) return NULL; /* at least half are free */
    }
}

/* --- a stock from rows --- */

struct stock_rows {
    struct db_rows offers, texts, prices, titles, coupons, coupon_offers, setting, taxes;
};

static struct err stock_read(struct db_tx *tx, struct arena *arena, int64_t org_id, struct stock_rows *r) {
    struct err e = DB_QUERY(tx, arena, &r->offers, &offer_all, DB_INT("org_id", org_id), DB_INT("limit", OFFER_OFFERS_MAX));
    const struct {
        struct db_rows *rows;
        const struct db_statement *statement;
    } others[] = {{&r->texts, &offer_text_all}, {&r->prices, &offer_price_all}, {&r->titles, &offer_title_all}, {&r->coupon_offers, &offer_coupon_offer_all},
                  {&r->setting, &offer_setting_one}, {&r->taxes, &offer_tax_all}};
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(others); i++) e = DB_QUERY(tx, arena, others[i].rows, others[i].statement, DB_INT("org_id", org_id));
    if (!e.kind) e = DB_QUERY(tx, arena, &r->coupons, &offer_coupon_all, DB_INT("org_id", org_id), DB_INT("limit", OFFER_COUPONS_MAX));
    return e;
}

/* The rows of `id`, which rows are sorted by: *at moves past them. */
static size_t rows_of(const struct db_rows *rows, int64_t id, size_t *at, size_t *end) {
    while (*at < rows->count && db_cell(rows, *at, 0)->integer < id) (*at)++;
    size_t first = *at;
    for (*end = first; *end < rows->count && db_cell(rows, *end, 0)->integer == id;) (*end)++;
    *at = *end;
    return first;
}

static int64_t bounded(int64_t v, int64_t max) { return v < 0 ? 0 : v > max ? max : v; }

/* Rows live in an arena that stays, so their texts are borrowed. */
MUST_USE static struct err offer_hold(struct arena *arena, int64_t org_id, struct stock_rows *r, size_t i, size_t *text_at, size_t *price_at, size_t *title_at, struct offer *out) {
    const struct db_rows *rows = &r->offers;
    struct offer o = {.id = db_int(rows, i, "id"), .org_id = org_id, .version = db_int(rows, i, "version")};
    size_t text_end, price_end, title_end;
    size_t text = rows_of(&r->texts, o.id, text_at, &text_end), price = rows_of(&r->prices, o.id, price_at, &price_end), title = rows_of(&r->titles, o.id, title_at, &title_end);
    int64_t kind = db_int(rows, i, "kind"), contents = db_int(rows, i, "contents"), unit = db_int(rows, i, "unit");
    bool is_known = kind >= 0 && kind < OFFER_KINDS && contents >= 0 && contents < OFFER_CONTENTS && unit >= 0 && unit < OFFER_UNITS;
    o.kind = is_known ? (enum offer_kind)kind : OFFER_GIFT_CARD; /* of a newer program: nobody is sold what we do not know */
    o.contents = is_known ? (enum offer_contents)contents : OFFER_ALL;
    o.unit = is_known ? (enum offer_unit)unit : OFFER_MONTH;
    o.is_on_sale = is_known && db_int(rows, i, "is_on_sale") != 0;
    o.starts_s = db_int(rows, i, "starts_s");
    o.ends_s = db_int(rows, i, "ends_s");
    o.holder_id = db_int(rows, i, "holder_id");
    o.period = (int)bounded(db_int(rows, i, "period"), 1200);
    if (!o.period) o.period = 1;
    o.trial_days = (int)bounded(db_int(rows, i, "trial_days"), 10000);
    o.grace_days = (int)bounded(db_int(rows, i, "grace_days"), 10000);
    o.vouchers = (int)bounded(db_int(rows, i, "vouchers"), 1000000);
    o.start_within_days = (int)bounded(db_int(rows, i, "start_within_days"), 10000);
    o.watch_hours = (int)bounded(db_int(rows, i, "watch_hours"), 100000);
    if (!public_id_parse(db_text(rows, i, "public_id"), &o.public_id)) o.public_id = (struct public_id){0};
    for (size_t t = text; t < text_end; t++) {
        int64_t lang = db_int(&r->texts, t, "lang");
        if (lang >= 0 && lang < TEXT_LANGUAGE_COUNT) o.texts[lang] = (struct offer_text){db_text(&r->texts, t, "name"), db_text(&r->texts, t, "description")};
    }
    struct offer_price *prices = arena_alloc_array(arena, price_end - price + 1, sizeof *prices);
    int64_t *titles = arena_alloc_array(arena, title_end - title + 1, sizeof *titles);
    if (!prices || !titles) return err_memory();
    for (size_t p = price; p < price_end; p++) {
        struct slice bad;
        struct offer_price one = {.amount = MONEY(db_int(&r->prices, p, "minor"), (uint16_t)bounded(db_int(&r->prices, p, "currency"), UINT16_MAX))};
        struct err e = rights_territories_of(db_text(&r->prices, p, "territories"), &one.territories, &bad);
        if (e.kind == ERR_LIMIT) return e;
        if (!e.kind && currency_of(one.amount.currency)) prices[o.price_count++] = one;
    }
    for (size_t t = title; t < title_end; t++) titles[o.title_count++] = db_int(&r->titles, t, "title_id");
    o.prices = prices;
    o.titles = titles;
    *out = o;
    return ERR_OK;
}

static int by_public_id(const void *a, const void *b) {
    return memcmp((*(const struct offer *const *)a)->public_id.text, (*(const struct offer *const *)b)->public_id.text, PUBLIC_ID_LEN);
}

static uint64_t coupon_hash(const char folded[OFFER_CODE_MAX]) { return slice_hash(slice_of(folded, OFFER_CODE_MAX)); }

MUST_USE static struct err coupons_hold(struct stock *s, const struct stock_rows *r) {
    s->coupons = arena_alloc_array(s->arena, r->coupons.count + 1, sizeof *s->coupons);
    s->coupon_slot_count = 16;
    while (s->coupon_slot_count < r->coupons.count * 2) s->coupon_slot_count *= 2;
    s->coupon_slots = arena_alloc_array(s->arena, s->coupon_slot_count, sizeof *s->coupon_slots);
    int64_t *offers = arena_alloc_array(s->arena, r->coupon_offers.count + 1, sizeof *offers);
    if (!s->coupons || !s->coupon_slots || !offers) return err_memory();
    for (size_t i = 0; i < r->coupon_offers.count; i++) offers[i] = db_int(&r->coupon_offers, i, "offer_id");
    for (size_t i = 0, at = 0; i < r->coupons.count; i++) {
        const struct db_rows *rows = &r->coupons;
        struct offer_coupon *c = &s->coupons[i];
        *c = (struct offer_coupon){.id = db_int(rows, i, "id"), .org_id = s->org_id, .code = db_text(rows, i, "code"), .percent = (int)bounded(db_int(rows, i, "percent"), 100),
                                   .amount = MONEY(db_int(rows, i, "minor"), (uint16_t)bounded(db_int(rows, i, "currency"), UINT16_MAX)), .starts_s = db_int(rows, i, "starts_s"),
                                   .ends_s = db_int(rows, i, "ends_s"), .uses_max = db_int(rows, i, "uses_max"), .per_household_max = db_int(rows, i, "per_household_max"),
                                   .is_active = db_int(rows, i, "is_active") != 0, .created_s = db_int(rows, i, "created_s")};
        if (!public_id_parse(db_text(rows, i, "public_id"), &c->public_id)) c->public_id = (struct public_id){0};
        size_t end, first = rows_of(&r->coupon_offers, c->id, &at, &end);
        c->offers = offers + first;
        c->offer_count = end - first;
        char folded[OFFER_CODE_MAX];
        if (!coupon_fold(c->code, folded)) continue;
        size_t slot = coupon_hash(folded) & (s->coupon_slot_count - 1);
        while (s->coupon_slots[slot]) slot = (slot + 1) & (s->coupon_slot_count - 1);
        s->coupon_slots[slot] = (uint32_t)i + 1;
    }
    s->coupon_count = r->coupons.count;
    return ERR_OK;
}

MUST_USE static struct err settings_hold(struct stock *s, const struct stock_rows *r) {
    struct offer_tax *taxes = arena_alloc_array(s->arena, r->taxes.count + 1, sizeof *taxes);
    if (!taxes) return err_memory();
    s->settings = (struct offer_settings){.is_tax_included = true, .taxes = taxes};
    if (!r->setting.count) return ERR_OK;
    struct offer_settings *st = &s->settings;
    st->version = db_int(&r->setting, 0, "version");
    st->seller_name = db_text(&r->setting, 0, "seller_name");
    st->seller_address = db_text(&r->setting, 0, "seller_address");
    st->seller_tax_id = db_text(&r->setting, 0, "seller_tax_id");
    st->invoice_prefix = db_text(&r->setting, 0, "invoice_prefix");
    st->is_tax_included = db_int(&r->setting, 0, "is_tax_included") != 0;
    struct slice country = db_text(&r->setting, 0, "seller_country");
    if (country.len == 2) memcpy(st->seller_country, country.ptr, 2);
    for (size_t i = 0; i < r->taxes.count; i++) {
        country = db_text(&r->taxes, i, "country");
        if (country.len != 2) continue;
        memcpy(taxes[st->tax_count].country, country.ptr, 2);
        taxes[st->tax_count++].rate_ppm = (uint32_t)bounded(db_int(&r->taxes, i, "rate_ppm"), MONEY_RATE_PPM_MAX);
    }
    return ERR_OK;
}

static void stock_give(struct stock *s) {
    if (!s || --s->references) return;
    struct arena *arena = s->arena; /* it lies in it */
    arena_destroy(&arena);
}

/* Takes over the arena, also when it fails. */
MUST_USE static struct err stock_make(struct arena *arena, int64_t org_id, int64_t sequence, struct stock_rows *r, struct stock **out) {
    struct stock *s = ARENA_NEW(arena, struct stock);
    struct err e = s ? ERR_OK : err_memory();
    if (!e.kind) {
        *s = (struct stock){.arena = arena, .references = 1, .org_id = org_id, .sequence = sequence};
        s->offers = arena_alloc_array(arena, r->offers.count + 1, sizeof *s->offers);
        s->by_public_id = arena_alloc_array(arena, r->offers.count + 1, sizeof *s->by_public_id);
        if (!s->offers || !s->by_public_id) e = err_memory();
    }
    for (size_t i = 0, text = 0, price = 0, title = 0; !e.kind && i < r->offers.count; i++) {
        e = offer_hold(arena, org_id, r, i, &text, &price, &title, &s->offers[i]);
        s->by_public_id[i] = &s->offers[i];
        s->count = i + 1;
    }
    if (!e.kind) {
        qsort(s->by_public_id, s->count, sizeof *s->by_public_id, by_public_id);
        e = coupons_hold(s, r);
    }
    if (!e.kind) e = settings_hold(s, r);
    if (e.kind) arena_destroy(&arena);
    else *out = s;
    return e;
}

/* --- a shop from a stock --- */

struct pair {
    int64_t title_id;
    uint16_t offer;
};
static int by_title(const void *a, const void *b) {
    const struct pair *x = a, *y = b;
    return x->title_id != y->title_id ? (x->title_id < y->title_id ? -1 : 1) : (int)x->offer - (int)y->offer;
}

static const struct catalog_title *holder_of(const struct catalog_view *view, const struct offer *o) { return view ? catalog_find_id(view, o->holder_id) : NULL; }

/* What an offer names: titles, a series, the members of a collection. */
static size_t named_by(const struct catalog_view *view, const struct offer *o, const int64_t **ids) {
    if (o->contents == OFFER_TITLES) return *ids = o->titles, o->title_count;
    if (o->contents == OFFER_SERIES) return *ids = &o->holder_id, 1;
    const struct catalog_title *holder = o->contents == OFFER_COLLECTION ? holder_of(view, o) : NULL;
    return holder ? (*ids = holder->members, holder->member_count) : 0;
}

static uint64_t members_hash(const struct catalog_view *view, const struct stock *s) {
    uint64_t h = 1;
    for (size_t i = 0; i < s->count; i++) {
        const struct catalog_title *holder = s->offers[i].contents == OFFER_COLLECTION ? holder_of(view, &s->offers[i]) : NULL;
        if (holder) h = h * UINT64_C(0x9e3779b97f4a7c15) + slice_hash(slice_of(holder->members, holder->member_count * sizeof *holder->members));
    }
    return h;
}

static void shop_free(struct shop *shop) {
    if (!shop) return;
    stock_give(shop->stock);
    mem_free(shop->holdings);
    mem_free(shop->held);
    mem_free(shop->all);
    mem_free(shop);
}

/* Holds the stock once more. */
MUST_USE static struct err shop_make(struct stock *stock, const struct catalog_view *view, struct shop **out) {
    size_t total = 0, distinct = 0;
    const int64_t *ids;
    for (size_t i = 0; i < stock->count; i++) total += named_by(view, &stock->offers[i], &ids);
    struct shop *shop = mem_zalloc(sizeof *shop);
    struct pair *pairs = mem_alloc((total + 1) * sizeof *pairs);
    bool is_made = shop && pairs;
    if (is_made) {
        shop->held = mem_zalloc_array(total + 1, sizeof *shop->held);
        shop->all = mem_zalloc_array(stock->count + 1, sizeof *shop->all);
        is_made = shop->held && shop->all;
    }
    size_t count = 0;
    for (size_t i = 0; is_made && i < stock->count; i++) {
        const struct offer *o = &stock->offers[i];
        if (o->kind == OFFER_GIFT_CARD) continue;
        if (o->contents == OFFER_ALL) shop->all[shop->all_count++] = (uint16_t)i;
        size_t named = named_by(view, o, &ids);
        for (size_t k = 0; k < named; k++)
            if (ids[k]) pairs[count++] = (struct pair){ids[k], (uint16_t)i};
    }
    if (is_made) qsort(pairs, count, sizeof *pairs, by_title);
    for (size_t i = 0; is_made && i < count; i++) distinct += i == 0 || pairs[i].title_id != pairs[i - 1].title_id;
    if (is_made && distinct) {
        shop->holding_count = 16;
        while (shop->holding_count < distinct * 2) shop->holding_count *= 2;
        shop->holdings = mem_zalloc_array(shop->holding_count, sizeof *shop->holdings);
        is_made = shop->holdings != NULL;
    }
    for (size_t i = 0, next; is_made && i < count; i = next) {
        size_t slot = slot_of(pairs[i].title_id, shop->holding_count);
        while (shop->holdings[slot].title_id) slot = (slot + 1) & (shop->holding_count - 1);
        struct holding *h = &shop->holdings[slot];
        *h = (struct holding){.title_id = pairs[i].title_id, .first = (uint32_t)i};
        for (next = i; next < count && pairs[next].title_id == pairs[i].title_id; next++) shop->held[next] = pairs[next].offer;
        h->count = (uint32_t)(next - i);
    }
    mem_free(pairs);
    if (!is_made) {
        shop_free(shop); /* has no stock yet */
        return err_memory();
    }
    stock->references++;
    shop->stock = stock;
    shop->members = members_hash(view, stock);
    *out = shop;
    return ERR_OK;
}

/* --- publishing: only by whoever follows --- */

static void retired_free(struct offers *o, uint64_t oldest) {
    size_t kept = 0;
    for (size_t i = 0; i < o->retired_count; i++) {
        if (o->retired[i].epoch >= oldest) {
            o->retired[kept++] = o->retired[i];
            continue;
        }
        mem_free(o->retired[i].root);
        shop_free(o->retired[i].shop);
    }
    o->retired_count = kept;
}

/* Room for two more, before anything is taken out of sight. */
static bool retired_reserve(struct offers *o) {
    if (o->retired_count + 2 <= o->retired_room) return true;
    struct retired *grown = mem_realloc_array(o->retired, o->retired_room + 16, sizeof *grown);
    if (!grown) return false;
    o->retired = grown;
    o->retired_room += 16;
    return true;
}

/* Takes the shop over, also when it fails. */
MUST_USE static struct err publish(struct offers *o, struct shop *shop) {
    struct root *old = atomic_load(&o->root);
    size_t count = old ? old->count : 0, at = 0;
    while (at < count && old->shops[at]->stock->org_id < shop->stock->org_id) at++;
    bool is_there = at < count && old->shops[at]->stock->org_id == shop->stock->org_id;
    struct root *root = mem_zalloc(sizeof *root + (count + 1) * sizeof(struct shop *));
    if (!root || !retired_reserve(o)) {
        mem_free(root);
        shop_free(shop);
        return err_memory();
    }
    for (size_t i = 0; i < at; i++) root->shops[root->count++] = old->shops[i];
    root->shops[root->count++] = shop;
    for (size_t i = at + is_there; i < count; i++) root->shops[root->count++] = old->shops[i];
    struct shop *replaced = is_there ? old->shops[at] : NULL;
    atomic_store(&o->root, root);
    uint64_t epoch = epoch_end();
    if (old) o->retired[o->retired_count++] = (struct retired){.root = old, .epoch = epoch};
    if (replaced) o->retired[o->retired_count++] = (struct retired){.shop = replaced, .epoch = epoch};
    retired_free(o, epoch_oldest());
    atomic_fetch_add(&o->generation, 1);
    return ERR_OK;
}

static void follow_begin(struct offers *o) {
    lock_take(&o->lock);
    while (o->is_following) condition_wait(&o->turned, &o->lock);
    o->is_following = true;
    lock_give(&o->lock);
}
static void follow_end(struct offers *o) {
    lock_take(&o->lock);
    o->is_following = false;
    condition_wake_all(&o->turned);
    lock_give(&o->lock);
}

static void tell(struct offers *o, int64_t org_id) {
    for (size_t i = 0; i < o->listener_count; i++) o->listeners[i].fn(o->listeners[i].user, org_id);
}

/* --- following the store --- */

static const struct stock *stock_of(struct offers *o, int64_t org_id) { /* whoever follows */
    const struct root *root = atomic_load(&o->root);
    for (size_t i = 0; root && i < root->count; i++)
        if (root->shops[i]->stock->org_id == org_id) return root->shops[i]->stock;
    return NULL;
}

struct refresh_work {
    struct offers *o;
    struct arena *list, *arena; /* arena: of one stock */
    struct db_rows sequences;
    int64_t org_id, sequence;
    struct stock_rows rows;
};
static struct err sequences_fn(struct db_tx *tx, void *arg) {
    struct refresh_work *w = arg;
    return DB_QUERY(tx, w->list, &w->sequences, &offer_sequences);
}
static const struct db_statement one_sequence = {"offer.one_sequence", "SELECT sequence FROM offer_book WHERE org_id = :org_id"};
static struct err stock_fn(struct db_tx *tx, void *arg) {
    struct refresh_work *w = arg;
    w->sequence = DB_GET_INT(tx, 0, &one_sequence, DB_INT("org_id", w->org_id)); /* of the same moment as the rows */
    return stock_read(tx, w->arena, w->org_id, &w->rows);
}

static struct err load(struct offers *o, int64_t org_id) {
    struct refresh_work w = {.o = o, .org_id = org_id, .arena = arena_create(STOCK_BYTES_MAX)};
    if (!w.arena) return err_memory();
    struct err e = db_read(o->o.db, stock_fn, &w);
    if (e.kind) {
        arena_destroy(&w.arena);
        return e;
    }
    struct stock *stock;
    e = stock_make(w.arena, org_id, w.sequence, &w.rows, &stock);
    if (e.kind) return e;
    struct catalog_view *view = NULL;
    e = catalog_view_take(o->o.catalog, org_id, &view);
    struct shop *shop;
    if (!e.kind) e = shop_make(stock, view, &shop);
    catalog_view_give(&view);
    stock_give(stock);
    return e.kind ? e : publish(o, shop);
}

struct err offers_refresh(struct offers *o) {
    struct refresh_work w = {.o = o, .list = arena_create(8 << 20)};
    int64_t changed[64]; /* the rest next time */
    size_t count = 0;
    if (!w.list) return err_memory();
    follow_begin(o);
    struct err e = db_read(o->o.db, sequences_fn, &w);
    bool is_more = false;
    for (size_t i = 0; !e.kind && i < w.sequences.count; i++) {
        int64_t org_id = db_cell(&w.sequences, i, 0)->integer;
        const struct stock *known = stock_of(o, org_id);
        if (known && known->sequence == db_cell(&w.sequences, i, 1)->integer) continue;
        if (count == ARRAY_LEN(changed)) {
            is_more = true;
            break;
        }
        e = load(o, org_id);
        if (!e.kind) changed[count++] = org_id;
    }
    retired_free(o, epoch_oldest());
    follow_end(o);
    arena_destroy(&w.list);
    for (size_t i = 0; i < count; i++) tell(o, changed[i]);
    return !e.kind && is_more ? offers_refresh(o) : e;
}

/* A collection may have other members now. */
static void on_titles(void *user, int64_t org_id) {
    struct offers *o = user;
    follow_begin(o);
    struct stock *stock = (struct stock *)stock_of(o, org_id);
    bool has_collections = false, has_changed = false;
    for (size_t i = 0; stock && i < stock->count; i++) has_collections |= stock->offers[i].contents == OFFER_COLLECTION;
    struct catalog_view *view = NULL;
    struct err e = ERR_OK;
    if (has_collections) e = catalog_view_take(o->o.catalog, org_id, &view);
    if (view) {
        struct reading reading;
        const struct shop *present = shop_enter(o, org_id, &reading);
        has_changed = present && present->members != members_hash(view, stock);
        shop_leave(&reading);
        struct shop *shop;
        if (has_changed) e = shop_make(stock, view, &shop);
        if (has_changed && !e.kind) e = publish(o, shop);
        catalog_view_give(&view);
    }
    follow_end(o);
    if (e.kind) log_warn("offer", "not_followed", LOG_ERR(e));
    else if (has_changed) tell(o, org_id);
}

static void follower_run(void *arg) {
    struct offers *o = arg;
    for (;;) {
        lock_take(&o->lock);
        if (!o->must_end) condition_wait_ns(&o->ended, &o->lock, OFFER_FOLLOW_MS * NS_PER_MS);
        bool must_end = o->must_end;
        lock_give(&o->lock);
        if (must_end) return;
        struct err e = offers_refresh(o);
        if (e.kind) log_warn("offer", "not_followed", LOG_ERR(e));
    }
}

struct err offers_note_in(struct db_tx *tx, int64_t org_id) { return DB_RUN(tx, &offer_sequence_up, DB_INT("org_id", org_id)); }

/* --- the door --- */

struct err offers_open(struct offers **out, const struct offers_options *options) {
    struct offers *o = mem_zalloc(sizeof *o);
    if (!o) return err_memory();
    o->o = *options;
    lock_init(&o->lock, LOCK_offer);
    condition_init(&o->turned);
    condition_init(&o->ended);
    struct err e = keys_named(options->keys, "gift", &o->gift_key);
    if (!e.kind) e = offers_refresh(o);
    if (!e.kind && options->follows) e = thread_start(&o->follower, "offer-follow", follower_run, o);
    if (e.kind) {
        offers_close(&o);
        return e;
    }
    catalog_on_change(options->catalog, on_titles, o);
    *out = o;
    return ERR_OK;
}

void offers_close(struct offers **offers) {
    struct offers *o = *offers;
    if (!o) return;
    lock_take(&o->lock);
    o->must_end = true;
    condition_wake_all(&o->ended);
    lock_give(&o->lock);
    thread_join(&o->follower);
    retired_free(o, UINT64_MAX);
    struct root *root = atomic_load(&o->root);
    for (size_t i = 0; root && i < root->count; i++) shop_free(root->shops[i]);
    mem_free(root);
    mem_free(o->retired);
    condition_destroy(&o->turned);
    condition_destroy(&o->ended);
    lock_destroy(&o->lock);
    MEM_FREE(offers);
}

uint64_t offers_generation(const struct offers *o) { return atomic_load_explicit(&o->generation, memory_order_acquire); }

void offers_listen(struct offers *o, void (*fn)(void *user, int64_t org_id), void *user) {
    assert(o->listener_count < OFFER_LISTENERS_MAX);
    o->listeners[o->listener_count].fn = fn;
    o->listeners[o->listener_count++].user = user;
}

/* --- coupons and settings, from memory --- */

bool offer_coupon_find(struct offers *o, struct arena *arena, int64_t org_id, struct slice code, struct offer_coupon *out) {
    char folded[OFFER_CODE_MAX], other[OFFER_CODE_MAX];
    if (!coupon_fold(slice_trim(code), folded)) return false;
    struct reading reading;
    const struct shop *shop = shop_enter(o, org_id, &reading);
    bool is_found = false;
    const struct stock *s = shop ? shop->stock : NULL;
    for (size_t at = s ? coupon_hash(folded) & (s->coupon_slot_count - 1) : 0; s && s->coupon_slots[at]; at = (at + 1) & (s->coupon_slot_count - 1)) {
        const struct offer_coupon *c = &s->coupons[s->coupon_slots[at] - 1];
        if (!coupon_fold(c->code, other) || memcmp(folded, other, sizeof folded)) continue;
        int64_t *offers = arena_alloc_array(arena, c->offer_count + 1, sizeof *offers);
        struct slice text = arena_copy(arena, c->code);
        if (!offers || !text.ptr) break;
        memcpy(offers, c->offers, c->offer_count * sizeof *offers);
        *out = *c;
        out->offers = offers;
        out->code = text;
        is_found = true;
        break;
    }
    shop_leave(&reading);
    return is_found;
}

/* --- versions --- */

struct version_work {
    struct arena *arena;
    int64_t org_id, id, version;
    struct stock_rows rows;
};
static struct err version_fn(struct db_tx *tx, void *arg) {
    struct version_work *w = arg;
    const struct {
        struct db_rows *rows;
        const struct db_statement *statement;
    } queries[] = {{&w->rows.offers, &offer_one_version}, {&w->rows.texts, &offer_text_version}, {&w->rows.prices, &offer_price_version}, {&w->rows.titles, &offer_title_version}};
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(queries); i++)
        e = DB_QUERY(tx, w->arena, queries[i].rows, queries[i].statement, DB_INT("org_id", w->org_id), DB_INT("id", w->id), DB_INT("version", w->version));
    return e;
}
struct err offer_version(struct offers *o, struct arena *arena, int64_t org_id, int64_t offer_id, int64_t version, struct offer *out) {
    struct version_work w = {.arena = arena, .org_id = org_id, .id = offer_id, .version = version};
    struct err e = db_read(o->o.db, version_fn, &w);
    if (e.kind) return e;
    if (!w.rows.offers.count) return err_make(ERR_NOT_FOUND, "offer.not_found", "There is no such offer.");
    size_t text = 0, price = 0, title = 0;
    return offer_hold(arena, org_id, &w.rows, 0, &text, &price, &title, out);
}
