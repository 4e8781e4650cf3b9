/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a provider says, compared with what stands. All words take this one way, whether they came as an answer, by webhook or because they were asked for; so it does not matter
 * which of them comes first, nor how often. Row, ledger and listener change in the caller's transaction. */
#include <string.h>

#include "base/log.h"
#include "base/step.h"
#include "business/pay/room.h"

/* What a word about a payment may turn it into: the picture in pay.h. Money that came is never refused: not even after "failed" or "cancelled". Backwards
 * (processing to requires_action) goes only what was asked for just now, since webhooks overtake each other. */
bool state_may_become(enum pay_state from, enum pay_state to) {
    switch (to) {
    case PAY_CREATED: return false;
    case PAY_REQUIRES_ACTION: return from == PAY_CREATED || from == PAY_PROCESSING;
    case PAY_PROCESSING: return from == PAY_CREATED || from == PAY_REQUIRES_ACTION;
    case PAY_FAILED:
    case PAY_CANCELLED: return pay_state_is_open(from);
    case PAY_CAPTURED: return pay_state_is_open(from) || from == PAY_FAILED || from == PAY_CANCELLED || from == PAY_CHARGED_BACK;
    case PAY_PART_REFUNDED: return from == PAY_CAPTURED || from == PAY_REFUNDED || from == PAY_CHARGED_BACK;
    case PAY_REFUNDED: return from == PAY_CAPTURED || from == PAY_PART_REFUNDED || from == PAY_CHARGED_BACK;
    case PAY_CHARGED_BACK: return from == PAY_CAPTURED || from == PAY_PART_REFUNDED || from == PAY_REFUNDED;
    }
    return false;
}

/* Once there was money: what has become of it. */
static enum pay_state state_of_money(const struct pay_info *i) {
    if (i->charged_back.minor > 0) return PAY_CHARGED_BACK;
    if (i->refunded.minor >= i->amount.minor) return PAY_REFUNDED;
    return i->refunded.minor > 0 ? PAY_PART_REFUNDED : PAY_CAPTURED;
}

struct applying {
    struct pay *p;
    struct db_tx *tx;
    struct arena *arena;
    const struct word_context *context;
    const struct word *word;
    struct word_effects *effects;
    struct payment payment;
};

static struct err payment_put(struct applying *a) {
    const struct payment *p = &a->payment;
    const struct pay_info *i = &p->info;
    return DB_RUN(a->tx, &pay_update, DB_INT("id", i->id), DB_INT("state", i->state), DB_INT("refunded", i->refunded.minor), DB_INT("refund_pending", i->refund_pending.minor),
                  DB_INT("charged_back", i->charged_back.minor), DB_TEXT("ref", i->provider_ref), DB_INT("action", i->action), DB_TEXT_OR_NULL("url", i->url.len ? i->url : SLICE_NONE),
                  DB_TEXT_OR_NULL("client_secret", i->client_secret.len ? i->client_secret : SLICE_NONE), DB_TEXT_OR_NULL("code", i->code.len ? i->code : SLICE_NONE),
                  DB_TEXT_OR_NULL("label", i->label.len ? i->label : SLICE_NONE), DB_TEXT_OR_NULL("token", p->token.len ? p->token : SLICE_NONE), DB_INT("method_id", i->method_id),
                  DB_INT("captured_us", i->captured_us), DB_INT_IF("ask_us", p->ask_us != 0, p->ask_us));
}

static struct err noted(struct applying *a, enum judgement judgement, const char *ours, struct slice message) {
    struct slice kind = a->context->kind.len ? a->context->kind : slice_cstr(ours);
    return event_add(a->p, a->tx, a->context->org_id, a->payment.info.id, a->context->source, judgement, kind, message, a->context->webhook_id);
}

struct err park(struct pay *p, struct db_tx *tx, const struct word_context *c, int64_t payment_id, const char *code, struct slice ref, struct money ours, struct money theirs, struct word_effects *effects) {
    if (!ref.ptr) ref = SLICE("");
    if (DB_GET_INT(tx, 0, &pay_parked_same, DB_INT("org_id", c->org_id), DB_INT("payment_id", payment_id), DB_CSTR("code", code), DB_TEXT("ref", ref), DB_INT("their_amount", theirs.minor),
                   DB_INT("their_currency", theirs.currency)))
        return db_tx_error(tx);
    struct err e = DB_RUN(tx, &pay_parked_insert, DB_INT("id", id_next(p->o.ids)), DB_INT("org_id", c->org_id), DB_INT("now_us", now_us(p)), DB_INT("provider", c->provider),
                          DB_INT("payment_id", payment_id), DB_INT("webhook_id", c->webhook_id), DB_CSTR("code", code), DB_TEXT("ref", ref), DB_INT("currency", ours.currency), DB_INT("amount", ours.minor),
                          DB_INT("their_currency", theirs.currency), DB_INT("their_amount", theirs.minor));
    if (!e.kind && payment_id) e = DB_RUN(tx, &pay_set_parked, DB_INT("id", payment_id));
    if (!e.kind && payment_id)
        e = event_add(p, tx, c->org_id, payment_id, c->source, JUDGED_PARKED, c->kind.len ? c->kind : slice_cstr(code), slice_cstr(code), c->webhook_id);
    effects->parked++;
    return e;
}

static struct money their_money(const struct word *w) {
    const struct currency *currency = w->has_money ? currency_find(w->currency) : NULL;
    return MONEY(w->has_money ? w->amount : 0, currency ? currency->numeric : CURRENCY_NONE);
}

static struct err parked_as(struct applying *a, const char *code, struct slice ref, enum judgement *judgement) {
    *judgement = JUDGED_PARKED;
    return park(a->p, a->tx, a->context, a->payment.info.id, code, ref, a->payment.info.id ? a->payment.info.amount : MONEY(0, CURRENCY_NONE), their_money(a->word), a->effects);
}

/* --- a payment --- */

static struct err method_keep(struct applying *a) {
    struct pay_info *i = &a->payment.info;
    struct slice token = a->word->token.len ? a->word->token : a->payment.token;
    if (!a->payment.keeps_method || i->method_id || !token.len) return ERR_OK;
    i->method_id = DB_GET_INT(a->tx, 0, &pay_method_by_token, DB_INT("org_id", i->org_id), DB_INT("household_id", i->household_id), DB_INT("provider", i->provider), DB_TEXT("token", token));
    if (i->method_id) return db_tx_error(a->tx);
    i->method_id = id_next(a->p->o.ids);
    return DB_RUN(a->tx, &pay_method_insert, DB_INT("id", i->method_id), DB_INT("org_id", i->org_id), DB_INT("household_id", i->household_id), DB_INT("provider", i->provider), DB_TEXT("token", token),
                  DB_TEXT("label", i->label), DB_INT("now_us", now_us(a->p)));
}

static struct err captured(struct applying *a) {
    struct pay_info *i = &a->payment.info;
    i->state = PAY_CAPTURED;
    i->captured_us = now_us(a->p);
    i->action = PAY_ACTION_NONE;
    i->url = i->client_secret = i->code = SLICE("");
    a->payment.ask_us = 0;
    struct err e = method_keep(a);
    if (!e.kind) e = payment_put(a);
    if (!e.kind) e = book_capture(a->p, a->tx, &a->payment);
    if (!e.kind) e = noted(a, JUDGED_APPLIED, "payment.captured", SLICE_NONE);
    /* Stripe's webhooks do not say which card it was: asked once, since people recognise their payments by it. */
    if (!e.kind && i->provider == PAY_STRIPE && !i->label.len) e = outbox_add(a->p, a->tx, i->org_id, i->provider, OP_ASK, i->id, 0);
    a->effects->captured++;
    STEP(pay_captured_inside);
    if (!e.kind && a->p->listener.captured) {
        a->effects->told = true;
        e = a->p->listener.captured(a->p->listener.user, a->tx, i);
    }
    return e;
}

static struct err ended(struct applying *a, enum pay_state state, struct slice code, struct slice message) {
    struct pay_info *i = &a->payment.info;
    i->state = state;
    i->code = state == PAY_FAILED ? code.len ? code : SLICE("pay.refused") : SLICE("");
    i->action = PAY_ACTION_NONE;
    i->url = i->client_secret = SLICE("");
    a->payment.ask_us = 0;
    struct err e = payment_put(a);
    if (!e.kind) e = noted(a, JUDGED_APPLIED, state == PAY_FAILED ? "payment.failed" : "payment.cancelled", message.len ? message : i->code);
    /* What failed with a provider that would let the buyer try again is closed there: another attempt is another payment. */
    if (!e.kind && state == PAY_FAILED && i->provider == PAY_STRIPE && i->provider_ref.len && !a->payment.wants_cancel)
        e = outbox_add(a->p, a->tx, i->org_id, i->provider, OP_CANCEL, i->id, 0);
    a->effects->failed++;
    if (!e.kind && a->p->listener.failed) {
        a->effects->told = true;
        e = a->p->listener.failed(a->p->listener.user, a->tx, i);
    }
    return e;
}

static struct err payment_word(struct applying *a, enum judgement *judgement) {
    const struct word *w = a->word;
    struct payment *p = &a->payment;
    struct pay_info *i = &p->info;
    bool is_new_ref = w->ref.len && !i->provider_ref.len;
    if (w->ref.len && i->provider_ref.len && !slice_eq(w->ref, i->provider_ref)) {
        /* A second object at the provider for one payment of ours. Only if it took money is there something to look after. */
        if (w->state == PAY_CAPTURED || w->is_authorized) return parked_as(a, "parked.payment", w->ref, judgement);
        *judgement = JUDGED_IGNORED;
        return noted(a, JUDGED_IGNORED, "payment.other", w->ref);
    }
    if (is_new_ref) i->provider_ref = w->ref;
    if ((w->state == PAY_CAPTURED || w->is_authorized) && !i->captured_us) {
        struct money theirs = their_money(w);
        const char *code = !w->has_money || theirs.currency != i->amount.currency ? "parked.currency" : theirs.minor != i->amount.minor ? "parked.amount" : NULL;
        if (code) {
            p->ask_us = 0; /* asking again would say the same */
            struct err e = payment_put(a);
            return e.kind ? e : parked_as(a, code, w->ref, judgement);
        }
    }
    bool is_new_label = w->label.len && !i->label.len;
    if (is_new_label) i->label = w->label;
    if (w->token.len && !p->token.len) p->token = w->token;
    bool was_asked = a->context->source == SOURCE_QUERY || a->context->source == SOURCE_ANSWER;
    bool goes_back = i->state == PAY_PROCESSING && w->state == PAY_REQUIRES_ACTION && !was_asked;
    bool is_about_money = w->state == PAY_CAPTURED && i->captured_us;
    if (w->state == i->state || is_about_money || goes_back || !state_may_become(i->state, w->state)) {
        *judgement = w->state == i->state || is_about_money ? JUDGED_DUPLICATE : JUDGED_LATE;
        struct err e = is_new_ref || is_new_label ? payment_put(a) : ERR_OK;
        if (!e.kind && is_new_label && i->method_id) e = DB_RUN(a->tx, &pay_method_label, DB_INT("id", i->method_id), DB_TEXT("label", i->label));
        if (!e.kind && w->is_authorized && pay_state_is_open(i->state) &&
            !DB_GET_INT(a->tx, 0, &pay_outbox_of_payment, DB_INT("payment_id", i->id), DB_INT("kind", OP_CAPTURE)))
            e = outbox_add(a->p, a->tx, i->org_id, i->provider, OP_CAPTURE, i->id, 0);
        /* That nothing has changed is no news when we asked. */
        return e.kind || was_asked ? e : noted(a, *judgement, "payment.word", SLICE_NONE);
    }
    *judgement = JUDGED_APPLIED;
    if (w->state == PAY_CAPTURED) return captured(a);
    if (w->state == PAY_FAILED || w->state == PAY_CANCELLED) return ended(a, w->state, w->code, SLICE_NONE);
    i->state = w->state;
    i->action = w->state == PAY_REQUIRES_ACTION ? w->action : PAY_ACTION_NONE;
    i->url = i->action == PAY_ACTION_REDIRECT || i->action == PAY_ACTION_CONFIRM ? w->url : SLICE("");
    i->client_secret = i->action == PAY_ACTION_STRIPE ? w->client_secret : SLICE("");
    struct err e = payment_put(a);
    if (!e.kind && w->is_authorized) e = outbox_add(a->p, a->tx, i->org_id, i->provider, OP_CAPTURE, i->id, 0);
    return e.kind ? e : noted(a, JUDGED_APPLIED, w->state == PAY_PROCESSING ? "payment.processing" : "payment.requires_action", SLICE_NONE);
}

/* --- a refund --- */

struct refund {
    struct pay_refund r;
    struct slice ref;
    int64_t hold_id, settle_id, back_id;
};
static bool refund_row(const struct db_rows *rows, struct refund *out) {
    if (!rows->count) return false;
    *out = (struct refund){.r = {.id = db_int(rows, 0, "id"), .org_id = db_int(rows, 0, "org_id"), .payment_id = db_int(rows, 0, "payment_id"), .order_id = db_int(rows, 0, "order_id"),
                                 .amount = MONEY(db_int(rows, 0, "amount"), (uint16_t)db_int(rows, 0, "currency")), .state = (enum pay_refund_state)db_int(rows, 0, "state"), .code = SLICE(""),
                                 .created_us = db_int(rows, 0, "created_us"), .settled_us = db_int(rows, 0, "settled_us")},
                           .ref = db_text(rows, 0, "provider_ref"), .hold_id = db_int(rows, 0, "hold_transfer_id"), .settle_id = db_int(rows, 0, "settle_transfer_id"),
                           .back_id = db_int(rows, 0, "back_transfer_id")};
    return true;
}

static struct err refund_put(struct applying *a, const struct refund *r) {
    return DB_RUN(a->tx, &pay_refund_update, DB_INT("id", r->r.id), DB_INT("state", r->r.state), DB_TEXT("ref", r->ref.ptr ? r->ref : SLICE("")),
                  DB_TEXT_OR_NULL("code", r->r.code.len ? r->r.code : SLICE_NONE), DB_INT("settled_us", r->r.settled_us), DB_INT_IF("ask_us", false, 0));
}

static struct err refund_done(struct applying *a, struct refund *r) {
    struct pay_info *i = &a->payment.info;
    r->r.state = PAY_REFUND_DONE;
    r->r.settled_us = now_us(a->p);
    i->refund_pending.minor -= r->r.amount.minor;
    i->refunded.minor += r->r.amount.minor;
    i->state = state_of_money(i);
    struct err e = refund_put(a, r);
    if (!e.kind) e = payment_put(a);
    if (!e.kind) e = book_refund_settle(a->p, a->tx, i, r->r.id, r->hold_id, r->settle_id, true);
    if (!e.kind) e = noted(a, JUDGED_APPLIED, "refund.done", SLICE_NONE);
    a->effects->refunded++;
    STEP(pay_refunded_inside);
    if (!e.kind && a->p->listener.refund_done) {
        a->effects->told = true;
        e = a->p->listener.refund_done(a->p->listener.user, a->tx, i, &r->r);
    }
    return e;
}

static struct err refund_failed(struct applying *a, struct refund *r, struct slice code, struct slice message) {
    struct pay_info *i = &a->payment.info;
    bool was_done = r->r.state == PAY_REFUND_DONE;
    r->r.state = PAY_REFUND_FAILED;
    r->r.settled_us = now_us(a->p);
    r->r.code = code.len ? code : SLICE("refund.refused");
    if (was_done) i->refunded.minor -= r->r.amount.minor;
    else i->refund_pending.minor -= r->r.amount.minor;
    i->state = state_of_money(i);
    struct err e = refund_put(a, r);
    if (!e.kind) e = payment_put(a);
    if (!e.kind) e = was_done ? book_refund_back(a->p, a->tx, i, r->r.id, r->back_id, r->r.amount.minor) : book_refund_settle(a->p, a->tx, i, r->r.id, r->hold_id, r->settle_id, false);
    if (!e.kind) e = noted(a, JUDGED_APPLIED, "refund.failed", message.len ? message : r->r.code);
    if (!e.kind && a->p->listener.refund_failed) {
        a->effects->told = true;
        e = a->p->listener.refund_failed(a->p->listener.user, a->tx, i, &r->r, was_done);
    }
    return e;
}

static struct err refund_word(struct applying *a, enum judgement *judgement) {
    const struct word *w = a->word;
    struct db_rows rows = {0};
    struct refund r;
    struct err e = ERR_OK;
    if (w->refund_id) e = DB_QUERY(a->tx, a->arena, &rows, &pay_refund_by_id, DB_INT("id", w->refund_id), DB_INT("org_id", a->context->org_id));
    if (!e.kind && !rows.count && w->refund_ref.len) e = DB_QUERY(a->tx, a->arena, &rows, &pay_refund_by_ref, DB_INT("payment_id", a->payment.info.id), DB_TEXT("ref", w->refund_ref));
    if (e.kind) return e;
    if (!refund_row(&rows, &r) || r.r.payment_id != a->payment.info.id) return parked_as(a, "parked.refund", w->refund_ref, judgement); /* made by hand at the provider */
    if (r.ref.len && w->refund_ref.len && !slice_eq(r.ref, w->refund_ref)) return parked_as(a, "parked.refund", w->refund_ref, judgement); /* a second one for ours */
    if (!r.ref.len) r.ref = w->refund_ref;
    if (w->has_money) {
        struct money theirs = their_money(w);
        if (theirs.currency != r.r.amount.currency) return parked_as(a, "parked.currency", w->refund_ref, judgement);
        if (theirs.minor != r.r.amount.minor) return parked_as(a, "parked.amount", w->refund_ref, judgement);
    }
    bool may = (r.r.state == PAY_REFUND_PENDING && w->refund_state != PAY_REFUND_PENDING) || (r.r.state == PAY_REFUND_DONE && w->refund_state == PAY_REFUND_FAILED);
    if (!may) {
        *judgement = r.r.state == w->refund_state ? JUDGED_DUPLICATE : JUDGED_LATE;
        if (r.r.state == PAY_REFUND_PENDING && w->refund_ref.len) /* the provider has it, and says more later */
            return DB_RUN(a->tx, &pay_refund_update, DB_INT("id", r.r.id), DB_INT("state", r.r.state), DB_TEXT("ref", r.ref), DB_TEXT_OR_NULL("code", SLICE_NONE), DB_INT("settled_us", 0),
                          DB_INT("ask_us", now_us(a->p) + provider_at(a->payment.info.provider)->ask_first_s * 1000000));
        return a->context->webhook_id ? noted(a, *judgement, "refund.word", SLICE_NONE) : ERR_OK;
    }
    *judgement = JUDGED_APPLIED;
    return w->refund_state == PAY_REFUND_DONE ? refund_done(a, &r) : refund_failed(a, &r, w->code, SLICE_NONE);
}

/* --- a charge-back --- */

static struct err chargeback_open(struct applying *a, const struct word *w, enum judgement *judgement) {
    struct pay_info *i = &a->payment.info;
    struct money theirs = their_money(w);
    if (theirs.currency != i->amount.currency) return parked_as(a, "parked.currency", w->chargeback_ref, judgement);
    if (theirs.minor <= 0 || theirs.minor > i->amount.minor - i->charged_back.minor) return parked_as(a, "parked.chargeback", w->chargeback_ref, judgement);
    int64_t id = id_next(a->p->o.ids), transfer_id = id_next(a->p->o.ids), now = now_us(a->p);
    bool is_over = w->chargeback_state != PAY_CHARGEBACK_OPEN;
    struct pay_chargeback c = {.id = id, .org_id = i->org_id, .payment_id = i->id, .order_id = i->order_id, .household_id = i->household_id, .provider = i->provider, .payment = i->public_id,
                               .amount = theirs, .state = w->chargeback_state, .reason = w->reason.ptr ? w->reason : SLICE(""), .at_us = now, .settled_us = is_over ? now : 0, .due_us = w->due_us};
    struct err e = DB_RUN(a->tx, &pay_chargeback_insert, DB_INT("id", id), DB_INT("org_id", i->org_id), DB_INT("payment_id", i->id), DB_INT("provider", i->provider), DB_TEXT("ref", w->chargeback_ref),
                          DB_INT("currency", theirs.currency), DB_INT("amount", theirs.minor), DB_INT("state", w->chargeback_state), DB_TEXT("reason", c.reason), DB_INT("now_us", now),
                          DB_INT("settled_us", c.settled_us), DB_INT("due_us", c.due_us), DB_INT("transfer_id", transfer_id), DB_INT("back_transfer_id", id_next(a->p->o.ids)));
    *judgement = JUDGED_APPLIED;
    if (e.kind || w->chargeback_state == PAY_CHARGEBACK_WON) return e.kind ? e : noted(a, JUDGED_APPLIED, "chargeback.won", c.reason); /* came and went before we heard of it */
    i->charged_back.minor += theirs.minor;
    i->state = PAY_CHARGED_BACK;
    e = payment_put(a);
    if (!e.kind) e = book_chargeback(a->p, a->tx, i, transfer_id, theirs.minor, false);
    if (!e.kind) e = noted(a, JUDGED_APPLIED, "chargeback.open", c.reason);
    a->effects->chargebacks++;
    STEP(pay_charged_back_inside);
    if (!e.kind && a->p->listener.charged_back) {
        a->effects->told = true;
        e = a->p->listener.charged_back(a->p->listener.user, a->tx, i, &c);
    }
    return e;
}

static struct err chargeback_word(struct applying *a, enum judgement *judgement) {
    const struct word *w = a->word;
    struct pay_info *i = &a->payment.info;
    if (!w->chargeback_ref.len) {
        *judgement = JUDGED_IGNORED;
        return ERR_OK;
    }
    if (!i->captured_us) { /* it has overtaken the capture: that is asked for, and this waits */
        *judgement = JUDGED_WAIT;
        return DB_GET_INT(a->tx, 0, &pay_outbox_of_payment, DB_INT("payment_id", i->id), DB_INT("kind", 0)) ? db_tx_error(a->tx) : outbox_add(a->p, a->tx, i->org_id, i->provider, OP_ASK, i->id, 0);
    }
    struct db_rows rows;
    struct err e = DB_QUERY(a->tx, a->arena, &rows, &pay_chargeback_by_ref, DB_INT("org_id", i->org_id), DB_INT("provider", i->provider), DB_TEXT("ref", w->chargeback_ref));
    if (e.kind) return e;
    if (!rows.count) return chargeback_open(a, w, judgement);
    enum pay_chargeback_state state = (enum pay_chargeback_state)db_int(&rows, 0, "state");
    if (state != PAY_CHARGEBACK_OPEN || w->chargeback_state == PAY_CHARGEBACK_OPEN) {
        *judgement = state == w->chargeback_state ? JUDGED_DUPLICATE : JUDGED_LATE;
        return a->context->webhook_id ? noted(a, *judgement, "chargeback.word", SLICE_NONE) : ERR_OK;
    }
    int64_t amount = db_int(&rows, 0, "amount"), now = now_us(a->p);
    struct pay_chargeback c = {.id = db_int(&rows, 0, "id"), .org_id = i->org_id, .payment_id = i->id, .order_id = i->order_id, .household_id = i->household_id, .provider = i->provider,
                               .payment = i->public_id, .amount = MONEY(amount, i->amount.currency), .state = w->chargeback_state, .reason = db_text(&rows, 0, "reason"),
                               .at_us = db_int(&rows, 0, "at_us"), .settled_us = now, .due_us = db_int(&rows, 0, "due_us")};
    *judgement = JUDGED_APPLIED;
    e = DB_RUN(a->tx, &pay_chargeback_update, DB_INT("id", c.id), DB_INT("state", c.state), DB_INT("now_us", now));
    if (e.kind || c.state == PAY_CHARGEBACK_LOST) return e.kind ? e : noted(a, JUDGED_APPLIED, "chargeback.lost", SLICE_NONE);
    i->charged_back.minor -= amount;
    i->state = state_of_money(i);
    e = payment_put(a);
    if (!e.kind) e = book_chargeback(a->p, a->tx, i, db_int(&rows, 0, "back_transfer_id"), amount, true);
    if (!e.kind) e = noted(a, JUDGED_APPLIED, "chargeback.won", SLICE_NONE);
    if (!e.kind && a->p->listener.chargeback_won) {
        a->effects->told = true;
        e = a->p->listener.chargeback_won(a->p->listener.user, a->tx, i, &c);
    }
    return e;
}

/* --- the one way --- */

static struct err payment_of_word(struct applying *a, bool *is_found) {
    const struct word *w = a->word;
    struct db_rows rows = {0};
    struct public_id public_id;
    struct err e = ERR_OK;
    if (public_id_parse(w->public_id, &public_id))
        e = DB_QUERY(a->tx, a->arena, &rows, &pay_by_public_id, DB_TEXT("public_id", public_id_slice(&public_id)), DB_INT("org_id", a->context->org_id));
    else if (w->ref.len)
        e = DB_QUERY(a->tx, a->arena, &rows, &pay_by_ref, DB_INT("org_id", a->context->org_id), DB_INT("provider", a->context->provider), DB_TEXT("ref", w->ref));
    if (e.kind) return e;
    *is_found = payment_at(&rows, 0, &a->payment) && a->payment.info.provider == a->context->provider;
    if (!*is_found) a->payment = (struct payment){0};
    return ERR_OK;
}

static struct err word_judge(struct pay *p, struct db_tx *tx, struct arena *arena, const struct word_context *context, const struct word *word, struct word_effects *effects, enum judgement *judgement,
                      int64_t *payment_id) {
    struct applying a = {.p = p, .tx = tx, .arena = arena, .context = context, .word = word, .effects = effects};
    bool is_found = false;
    struct err e = payment_of_word(&a, &is_found);
    if (e.kind) return e;
    if (payment_id) *payment_id = a.payment.info.id;
    if (!is_found) {
        bool names_us = word->public_id.len > 0;
        *judgement = JUDGED_IGNORED; /* of another shop on the same account */
        if (names_us && (word->about != WORD_PAYMENT || word->state == PAY_CAPTURED)) return parked_as(&a, "parked.payment", word->ref, judgement);
        if (!names_us && word->about != WORD_PAYMENT) *judgement = JUDGED_WAIT; /* it may have overtaken our own answer, which would tell us the name */
        return ERR_OK;
    }
    switch (word->about) {
    case WORD_PAYMENT: return payment_word(&a, judgement);
    case WORD_REFUND: return refund_word(&a, judgement);
    case WORD_CHARGEBACK: return chargeback_word(&a, judgement);
    }
    *judgement = JUDGED_IGNORED;
    return ERR_OK;
}

struct err word_apply(struct pay *p, struct db_tx *tx, struct arena *arena, const struct word_context *context, const struct word *word, struct word_effects *effects, enum judgement *judgement,
                      int64_t *payment_id) {
    struct err e = word_judge(p, tx, arena, context, word, effects, judgement, payment_id);
    if (!e.kind && *judgement == JUDGED_APPLIED && context->source == SOURCE_QUERY) effects->corrected++;
    return e;
}

/* --- failures of our own --- */

struct err payment_fail(struct pay *p, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t payment_id, const char *code, struct slice message, struct word_effects *effects) {
    struct word_context context = {.org_id = org_id, .source = SOURCE_ANSWER};
    struct applying a = {.p = p, .tx = tx, .arena = arena, .context = &context, .effects = effects};
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &pay_by_id, DB_INT("id", payment_id), DB_INT("org_id", org_id));
    if (e.kind || !payment_at(&rows, 0, &a.payment) || !pay_state_is_open(a.payment.info.state)) return e;
    return ended(&a, PAY_FAILED, slice_cstr(code), message);
}

struct err refund_fail(struct pay *p, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t refund_id, const char *code, struct slice message, struct word_effects *effects) {
    struct word_context context = {.org_id = org_id, .source = SOURCE_ANSWER};
    struct applying a = {.p = p, .tx = tx, .arena = arena, .context = &context, .effects = effects};
    struct db_rows rows;
    struct refund r;
    struct err e = DB_QUERY(tx, arena, &rows, &pay_refund_by_id, DB_INT("id", refund_id), DB_INT("org_id", org_id));
    if (e.kind || !refund_row(&rows, &r) || r.r.state != PAY_REFUND_PENDING) return e;
    e = DB_QUERY(tx, arena, &rows, &pay_by_id, DB_INT("id", r.r.payment_id), DB_INT("org_id", org_id));
    if (e.kind || !payment_at(&rows, 0, &a.payment)) return e;
    return refund_failed(&a, &r, slice_cstr(code), message);
}

void effects_count(struct pay *p, const struct word_effects *x) {
    atomic_fetch_add(&p->counts[COUNT_CAPTURED], x->captured);
    atomic_fetch_add(&p->counts[COUNT_FAILED], x->failed);
    atomic_fetch_add(&p->counts[COUNT_REFUNDED], x->refunded);
    atomic_fetch_add(&p->counts[COUNT_CHARGEBACKS], x->chargebacks);
    atomic_fetch_add(&p->counts[COUNT_PARKED], x->parked);
    atomic_fetch_add(&p->counts[COUNT_CORRECTED], x->corrected);
}
