/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What webhooks lost: payments and refunds that have been open for too long are asked about, less and less often; what its order no longer wants is cancelled; charge-backs, which
 * nobody waits for, are listed each hour. All of it goes through the outbox. */
#include "business/pay/room.h"

enum { ASKED_AT_ONCE = 100, SWEEP_S = 3600, SWEEP_BACK_S = 3 * 24 * 3600, ASK_PARKED_S = 24 * 3600 };

static int64_t ask_next_us(const struct pay *p, enum pay_provider provider, int64_t asks) {
    int64_t wait = provider_at(provider)->ask_first_s;
    for (int64_t i = 0; i < asks && wait < ASK_MAX_S; i++) wait *= 2;
    if (wait > ASK_MAX_S) wait = ASK_MAX_S;
    return now_us(p) + (asks >= ASKS_MAX ? ASK_PARKED_S : wait) * 1000000;
}

struct ask_work {
    struct pay *p;
    struct arena *arena;
    size_t asked;
    struct word_effects effects;
};

static struct err payments_ask(struct ask_work *w, struct db_tx *tx) {
    struct pay *p = w->p;
    struct db_rows rows;
    int64_t now = now_us(p);
    struct err e = DB_QUERY(tx, w->arena, &rows, &pay_ask_due, DB_INT("now_us", now), DB_INT("far_us", now + 2 * ASK_PARKED_S * INT64_C(1000000)), DB_INT("limit", ASKED_AT_ONCE));
    for (size_t i = 0; !e.kind && i < rows.count; i++) {
        struct payment payment;
        if (!payment_at(&rows, i, &payment)) continue;
        const struct pay_info *info = &payment.info;
        e = DB_RUN(tx, &pay_set_ask, DB_INT("id", info->id), DB_INT("ask_us", ask_next_us(p, info->provider, payment.asks + 1)));
        if (!e.kind && payment.asks + 1 == ASKS_MAX) {
            struct word_context context = {.org_id = info->org_id, .provider = info->provider, .source = SOURCE_QUERY, .kind = SLICE("")};
            e = park(p, tx, &context, info->id, "parked.silent", info->provider_ref, info->amount, MONEY(0, CURRENCY_NONE), &w->effects);
        }
        if (e.kind || DB_GET_INT(tx, 0, &pay_outbox_of_payment, DB_INT("payment_id", info->id), DB_INT("kind", 0))) continue; /* something is being said already */
        bool is_over = now > payment.expires_us && !payment.wants_cancel;
        if (is_over) e = DB_RUN(tx, &pay_set_cancel, DB_INT("id", info->id));
        if (!e.kind) e = outbox_add(p, tx, info->org_id, info->provider, is_over ? OP_CANCEL : OP_ASK, info->id, 0);
    }
    w->asked += rows.count;
    return e;
}

static struct err refunds_ask(struct ask_work *w, struct db_tx *tx) {
    struct pay *p = w->p;
    struct db_rows rows;
    int64_t now = now_us(p);
    struct err e = DB_QUERY(tx, w->arena, &rows, &pay_refund_ask_due, DB_INT("now_us", now), DB_INT("far_us", now + 2 * ASK_PARKED_S * INT64_C(1000000)), DB_INT("limit", ASKED_AT_ONCE));
    for (size_t i = 0; !e.kind && i < rows.count; i++) {
        int64_t id = db_int(&rows, i, "id"), org_id = db_int(&rows, i, "org_id"), payment_id = db_int(&rows, i, "payment_id"), asks = db_int(&rows, i, "asks");
        enum pay_provider provider = (enum pay_provider)db_int(&rows, i, "provider");
        e = DB_RUN(tx, &pay_refund_set_ask, DB_INT("id", id), DB_INT("ask_us", ask_next_us(p, provider, asks + 1)));
        if (!e.kind && asks + 1 == ASKS_MAX) {
            struct word_context context = {.org_id = org_id, .provider = provider, .source = SOURCE_QUERY, .kind = SLICE("")};
            struct money amount = MONEY(db_int(&rows, i, "amount"), (uint16_t)db_int(&rows, i, "currency"));
            e = park(p, tx, &context, payment_id, "parked.silent", SLICE("refund"), amount, MONEY(0, CURRENCY_NONE), &w->effects);
        }
        if (!e.kind && !DB_GET_INT(tx, 0, &pay_outbox_of_refund, DB_INT("payment_id", payment_id), DB_INT("refund_id", id))) e = outbox_add(p, tx, org_id, provider, OP_ASK_REFUND, payment_id, id);
    }
    w->asked += rows.count;
    return e;
}

static struct err ask_fn(struct db_tx *tx, void *arg) {
    struct ask_work *w = arg;
    w->asked = 0;
    w->effects = (struct word_effects){0};
    struct err e = payments_ask(w, tx);
    return e.kind ? e : refunds_ask(w, tx);
}

/* From the oldest charge-back that is open, or three days back: what happened since. */
static struct err sweep_fn(struct db_tx *tx, void *arg) {
    struct ask_work *w = arg;
    struct pay *p = w->p;
    struct err e = ERR_OK;
    int64_t now = now_us(p);
    for (int which = PAY_SANDBOX; !e.kind && which <= PAY_ALIPAY; which++) {
        if (!provider_at((enum pay_provider)which)->sweeps) continue;
        struct db_rows rows;
        e = DB_QUERY(tx, w->arena, &rows, &pay_settings_orgs, DB_INT("provider", which));
        for (size_t i = 0; !e.kind && i < rows.count; i++) {
            int64_t org_id = db_int(&rows, i, "org_id"), since = now - SWEEP_BACK_S * INT64_C(1000000);
            if (DB_GET_INT(tx, 0, &pay_outbox_sweeping, DB_INT("org_id", org_id), DB_INT("provider", which))) continue;
            int64_t oldest = DB_GET_INT(tx, 0, &pay_chargeback_oldest_open, DB_INT("org_id", org_id), DB_INT("provider", which));
            if (oldest && oldest - INT64_C(3600000000) < since) since = oldest - INT64_C(3600000000); /* opened there before we heard of it */
            e = outbox_add(p, tx, org_id, (enum pay_provider)which, OP_SWEEP, 0, since);
        }
    }
    return e;
}

struct err reconcile_due(struct pay *p, struct arena *arena, size_t *did) {
    struct ask_work w = {.p = p, .arena = arena};
    struct err e = db_write(p->o.db, ask_fn, &w);
    if (e.kind) return e;
    effects_count(p, &w.effects);
    *did += w.asked;
    int64_t now = now_us(p);
    bool is_turned_back = p->sweep_due_us - now > SWEEP_S * INT64_C(1000000);
    if (now < p->sweep_due_us && !is_turned_back) return ERR_OK;
    e = db_write(p->o.db, sweep_fn, &w);
    if (!e.kind) p->sweep_due_us = now + SWEEP_S * INT64_C(1000000);
    return e;
}
