/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the files of /finance/ share: how long a list is, of which time, and who is named in it. */
#include <stdlib.h>

#include "api/finance.h"
#include "api/rights_json.h"

struct err finance_limit(struct call *c, size_t usual, size_t max, size_t *out) {
    struct slice wish = call_query(c, "limit");
    uint64_t limit = usual;
    if (wish.len && (!slice_to_u64(wish, &limit) || limit < 1 || limit > max)) return err_make(ERR_INPUT, "request.malformed", "That many cannot be listed at once.");
    *out = (size_t)limit;
    return ERR_OK;
}

struct err finance_period(struct call *c, int64_t *from_s, int64_t *to_s) {
    struct err e = rights_query_time(c, "from", 0, from_s);
    return e.kind ? e : rights_query_time(c, "to", 0, to_s);
}

void finance_list_begin(struct call *c) {
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
}

void finance_list_end(struct call *c, struct slice next) {
    json_end(&c->w);
    json_key(&c->w, "next");
    if (next.len) json_add_string(&c->w, next);
    else json_add_null(&c->w);
    json_end(&c->w);
}

/* --- names --- */

enum { SET_FULL = -1 };

void finance_want(struct call *c, struct finance_set *set, int64_t id) {
    if (!id || (set->count && set->ids[set->count - 1] == id) || set->room == (size_t)SET_FULL) return;
    if (set->count == set->room) {
        size_t room = set->room ? 2 * set->room : 64;
        int64_t *larger = arena_alloc_array(c->arena, room, sizeof *larger);
        if (!larger) {
            set->room = (size_t)SET_FULL;
            return;
        }
        for (size_t i = 0; i < set->count; i++) larger[i] = set->ids[i];
        set->ids = larger;
        set->room = room;
    }
    set->ids[set->count++] = id;
}

static int by_id(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static struct err set_settle(struct finance_set *set) {
    if (set->room == (size_t)SET_FULL) return err_memory();
    if (set->count) qsort(set->ids, set->count, sizeof *set->ids, by_id);
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++)
        if (!kept || set->ids[i] != set->ids[kept - 1]) set->ids[kept++] = set->ids[i];
    set->count = kept;
    return ERR_OK;
}

static struct err orders_read(struct call *c, struct finance_names *n) {
    struct err e = set_settle(&n->orders);
    n->order_names = e.kind ? NULL : arena_alloc_array(c->arena, n->orders.count + 1, sizeof *n->order_names);
    if (!e.kind && !n->order_names) e = err_memory();
    for (size_t from = 0; !e.kind && from < n->orders.count; from += ORDER_LIST_MAX) {
        size_t part = n->orders.count - from < ORDER_LIST_MAX ? n->orders.count - from : ORDER_LIST_MAX;
        e = order_names(c->api->o.order, c->org_id, n->orders.ids + from, part, n->order_names + from);
    }
    return e;
}

struct err finance_names_read(struct call *c, struct finance_names *n) {
    struct err e = orders_read(c, n);
    for (size_t i = 0; !e.kind && n->with_buyers && i < n->orders.count; i++) {
        finance_want(c, &n->households, n->order_names[i].household_id);
        finance_want(c, &n->users, n->order_names[i].user_id);
    }
    if (!e.kind) e = set_settle(&n->households);
    if (!e.kind) e = set_settle(&n->users);
    if (e.kind) return e;
    n->household_names = arena_alloc_array(c->arena, n->households.count + 1, sizeof *n->household_names);
    n->user_names = arena_alloc_array(c->arena, n->users.count + 1, sizeof *n->user_names);
    if (!n->household_names || !n->user_names) return err_memory();
    if (n->households.count) e = account_household_names(c->api->o.account, c->arena, c->org_id, n->households.ids, n->households.count, n->household_names);
    if (!e.kind && n->users.count) e = account_user_names(c->api->o.account, c->arena, c->org_id, n->users.ids, n->users.count, n->user_names);
    return e;
}

/* Where it stands; set->count: nowhere. */
static size_t place_of(const struct finance_set *set, int64_t id) {
    const int64_t *found = id && set->count ? bsearch(&id, set->ids, set->count, sizeof *set->ids, by_id) : NULL;
    return found ? (size_t)(found - set->ids) : set->count;
}

const struct account_named *finance_household(const struct finance_names *n, int64_t id) {
    size_t at = place_of(&n->households, id);
    return at < n->households.count && n->household_names[at].public_id.text[0] ? &n->household_names[at] : NULL;
}

const struct order_name *finance_order(const struct finance_names *n, int64_t id) {
    size_t at = place_of(&n->orders, id);
    return at < n->orders.count && n->order_names[at].id.text[0] ? &n->order_names[at] : NULL;
}

void finance_put_household(struct json_writer *w, const struct finance_names *n, int64_t id) {
    static const struct public_id none;
    const struct account_named *household = finance_household(n, id);
    shop_put_named(w, "household", household ? &household->public_id : &none, household ? household->name : SLICE_NONE);
}

void finance_put_order(struct json_writer *w, const struct finance_names *n, int64_t id) {
    const struct order_name *order = finance_order(n, id);
    json_key(w, "order");
    if (!order) {
        json_add_null(w);
        return;
    }
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&order->id));
    json_put_id(w, "number", order->number);
    json_end(w);
}

void finance_put_by(struct json_writer *w, const struct finance_names *n, int64_t user_id) {
    size_t at = place_of(&n->users, user_id);
    json_key(w, "by");
    if (at == n->users.count || !n->user_names[at].len) {
        json_add_null(w);
        return;
    }
    json_begin_object(w);
    json_put_string(w, "name", n->user_names[at]);
    json_end(w);
}
