/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "shop_double.h"

#include <string.h>

#include "base/thread.h"

struct order_room {
    char mark;
};
struct offers {
    char mark;
};
static struct order_room order;
static struct offers offers;
struct order_room *const double_order = &order;
struct offers *const double_offers = &offers;

enum { HELD_MAX = 32 };
static struct {
    int64_t household_id, title_id;
    struct order_held held;
} holds[HELD_MAX];
static size_t hold_count;
static struct lock held_lock = LOCK_INIT(LOCK_test_inner);
static struct offer_sale sale;
static struct err failure;
static void (*listener)(void *, int64_t, int64_t);
static void *listener_user;
int shop_double_starts;

void shop_double_reset(void) {
    hold_count = 0;
    sale = (struct offer_sale){.next_s = OFFER_ENDLESS};
    failure = ERR_OK;
    listener = NULL;
    shop_double_starts = 0;
}

void shop_double_hold(int64_t household_id, int64_t title_id, const struct order_held *held) {
    size_t at = 0;
    lock_take(&held_lock);
    while (at < hold_count && holds[at].held.entitlement_id != held->entitlement_id) at++;
    if (at == hold_count) hold_count++;
    holds[at].household_id = household_id;
    holds[at].title_id = title_id;
    holds[at].held = *held;
    lock_give(&held_lock);
    if (listener) listener(listener_user, 3, household_id);
}

void shop_double_sell(const struct offer_sale *sold) { sale = *sold; }
void shop_double_fail(struct err e) { failure = e; }

void order_listen(struct order_room *o, void (*fn)(void *, int64_t, int64_t), void *user) {
    listener = fn;
    listener_user = user;
}

size_t order_entitlement(struct order_room *o, int64_t org_id, int64_t household_id, const int64_t titles[3], int64_t at_s, struct order_held out[ORDER_HELD_MAX],
                         int64_t *next_s) {
    size_t count = 0;
    lock_take(&held_lock);
    for (size_t i = 0; i < hold_count && count < ORDER_HELD_MAX; i++) {
        int64_t title = holds[i].title_id;
        bool is_for_it = !title || title == titles[0] || title == titles[1] || title == titles[2];
        if (holds[i].household_id == household_id && is_for_it && holds[i].held.ends_s > at_s) out[count++] = holds[i].held;
    }
    lock_give(&held_lock);
    return count;
}

struct err order_started(struct order_room *o, int64_t org_id, int64_t household_id, int64_t entitlement_id, struct order_held *held) {
    if (failure.kind) return failure;
    lock_take(&held_lock);
    for (size_t i = 0; i < hold_count; i++) {
        struct order_held *one = &holds[i].held;
        if (one->entitlement_id != entitlement_id || holds[i].household_id != household_id) continue;
        if (!one->started_s) {
            one->started_s = 1;
            shop_double_starts++;
        }
        *held = *one;
    }
    lock_give(&held_lock);
    return ERR_OK;
}

void offer_question_of(const struct catalog_view *view, const struct catalog_title *t, struct rights_place place, int64_t at_s, struct offer_question *out) {
    *out = (struct offer_question){.org_id = t->org_id, .place = place, .at_s = at_s};
    catalog_above(view, t, out->titles);
}

void offer_sale(struct offers *o, const struct offer_question *q, struct offer_sale *out) { *out = sale; }
