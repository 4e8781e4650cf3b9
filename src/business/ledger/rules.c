/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What becomes of one account or transfer. The order of the questions is part of the contract: who sends the same thing twice gets the same
 * answer, and tests hold each of them to vectors. Idempotence is asked before anything that can change with time. */
#include <assert.h>

#include "base/clock.h"
#include "business/ledger/room.h"

enum {
    ACCOUNT_FLAGS = LEDGER_ACCOUNT_LINKED | LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS | LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS | LEDGER_CLOSED,
    TRANSFER_FLAGS = LEDGER_LINKED | LEDGER_PENDING | LEDGER_POST_PENDING | LEDGER_VOID_PENDING | LEDGER_BALANCING_DEBIT | LEDGER_BALANCING_CREDIT |
                     LEDGER_CLOSING_DEBIT | LEDGER_CLOSING_CREDIT,
    ENDING_FLAGS = LEDGER_POST_PENDING | LEDGER_VOID_PENDING,
};

/* --- accounts --- */

static enum ledger_result account_exists(const struct ledger_account *a, const struct ledger_account *e) {
    /* Closing and linking are states of a moment; the account that was closed since is still the same account. */
    const uint32_t lasting = LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS | LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS;
    if ((a->flags ^ e->flags) & (lasting | LEDGER_ACCOUNT_LINKED)) return LEDGER_EXISTS_WITH_DIFFERENT_FLAGS;
    if (a->org_id != e->org_id || a->owner_id != e->owner_id) return LEDGER_EXISTS_WITH_DIFFERENT_OWNER;
    if (a->about_id != e->about_id) return LEDGER_EXISTS_WITH_DIFFERENT_ABOUT;
    if (a->tag != e->tag) return LEDGER_EXISTS_WITH_DIFFERENT_TAG;
    if (a->ledger != e->ledger) return LEDGER_EXISTS_WITH_DIFFERENT_LEDGER;
    if (a->code != e->code) return LEDGER_EXISTS_WITH_DIFFERENT_CODE;
    return LEDGER_EXISTS;
}

enum ledger_result account_judge(const struct ledger_account *a, const struct account *existing) {
    if (a->at_ns) return LEDGER_TIMESTAMP_MUST_BE_ZERO;
    if (a->flags & ~(uint32_t)ACCOUNT_FLAGS) return LEDGER_RESERVED_FLAG;
    if (a->id < 0 || a->org_id < 0 || a->ledger < 0 || a->code < 0) return LEDGER_NUMBER_MUST_NOT_BE_NEGATIVE;
    if (a->id == 0) return LEDGER_ID_MUST_NOT_BE_ZERO;
    if (a->id == INT64_MAX) return LEDGER_ID_MUST_NOT_BE_INT_MAX;
    if (existing) return account_exists(a, &existing->a);
    const uint32_t both = LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS | LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS;
    if ((a->flags & both) == both) return LEDGER_FLAGS_ARE_MUTUALLY_EXCLUSIVE;
    if (a->debits_pending || a->debits_posted || a->credits_pending || a->credits_posted) return LEDGER_COUNTERS_MUST_BE_ZERO;
    if (a->ledger == 0) return LEDGER_LEDGER_MUST_NOT_BE_ZERO;
    if (a->code == 0) return LEDGER_CODE_MUST_NOT_BE_ZERO;
    if (a->org_id == 0) return LEDGER_ORGANISATION_MUST_NOT_BE_ZERO;
    return LEDGER_CREATED;
}

/* --- transfers that are there already --- */

static enum ledger_result facts_exist(const struct ledger_transfer *t, const struct ledger_transfer *e, const struct ledger_transfer *inherited) {
    if ((t->order_id ? t->order_id : inherited->order_id) != e->order_id) return LEDGER_EXISTS_WITH_DIFFERENT_OWNER;
    if ((t->about_id ? t->about_id : inherited->about_id) != e->about_id) return LEDGER_EXISTS_WITH_DIFFERENT_ABOUT;
    if ((t->tag ? t->tag : inherited->tag) != e->tag) return LEDGER_EXISTS_WITH_DIFFERENT_TAG;
    return LEDGER_EXISTS;
}

static enum ledger_result ending_exists(const struct ledger_transfer *t, const struct ledger_transfer *e, const struct ledger_transfer *pending) {
    if (t->debit_id && t->debit_id != e->debit_id) return LEDGER_EXISTS_WITH_DIFFERENT_DEBIT_ID;
    if (t->credit_id && t->credit_id != e->credit_id) return LEDGER_EXISTS_WITH_DIFFERENT_CREDIT_ID;
    bool is_all = t->amount == (t->flags & LEDGER_VOID_PENDING ? 0 : LEDGER_AMOUNT_MAX);
    if (e->amount != (is_all ? pending->amount : t->amount)) return LEDGER_EXISTS_WITH_DIFFERENT_AMOUNT;
    enum ledger_result r = facts_exist(t, e, pending);
    if (r != LEDGER_EXISTS) return r;
    if (t->ledger && t->ledger != e->ledger) return LEDGER_EXISTS_WITH_DIFFERENT_LEDGER;
    if (t->code && t->code != e->code) return LEDGER_EXISTS_WITH_DIFFERENT_CODE;
    return LEDGER_EXISTS;
}

/* `pending`: of post and void. */
static enum ledger_result transfer_exists(const struct ledger_transfer *t, const struct ledger_transfer *e, const struct ledger_transfer *pending) {
    if (t->flags != e->flags) return LEDGER_EXISTS_WITH_DIFFERENT_FLAGS;
    if (t->pending_id != e->pending_id) return LEDGER_EXISTS_WITH_DIFFERENT_PENDING_ID;
    if (t->flags & ENDING_FLAGS) return ending_exists(t, e, pending);
    if (t->debit_id != e->debit_id) return LEDGER_EXISTS_WITH_DIFFERENT_DEBIT_ID;
    if (t->credit_id != e->credit_id) return LEDGER_EXISTS_WITH_DIFFERENT_CREDIT_ID;
    /* A balancing one may have moved less than was asked for; what was asked for is not kept. */
    bool is_balancing = t->flags & (LEDGER_BALANCING_DEBIT | LEDGER_BALANCING_CREDIT);
    if (is_balancing ? t->amount < e->amount : t->amount != e->amount) return LEDGER_EXISTS_WITH_DIFFERENT_AMOUNT;
    const struct ledger_transfer nothing = {0};
    enum ledger_result r = facts_exist(t, e, &nothing);
    if (r != LEDGER_EXISTS) return r;
    if (t->timeout_s != e->timeout_s) return LEDGER_EXISTS_WITH_DIFFERENT_TIMEOUT;
    if (t->ledger != e->ledger) return LEDGER_EXISTS_WITH_DIFFERENT_LEDGER;
    if (t->code != e->code) return LEDGER_EXISTS_WITH_DIFFERENT_CODE;
    return LEDGER_EXISTS;
}

/* --- new transfers --- */

static bool overflows(int64_t a, int64_t b) { return a > INT64_MAX - b; } /* both are 0 or more */
static int64_t less(int64_t a, int64_t b) { return a > b ? a - b : 0; }

/* A refusal that depends on the moment: asked again it could be a yes, so the id is used up. */
static struct err refuse_for_good(struct judgement *j, enum ledger_result result) {
    j->result = result;
    j->is_final = true;
    return ERR_OK;
}
static struct err refuse(struct judgement *j, enum ledger_result result) {
    j->result = result;
    return ERR_OK;
}

static struct err plain_judge(struct ledger *l, struct db_tx *tx, const struct ledger_transfer *t, int64_t at, struct judgement *j) {
    if (t->debit_id == 0) return refuse(j, LEDGER_DEBIT_ID_MUST_NOT_BE_ZERO);
    if (t->debit_id == INT64_MAX) return refuse(j, LEDGER_DEBIT_ID_MUST_NOT_BE_INT_MAX);
    if (t->credit_id == 0) return refuse(j, LEDGER_CREDIT_ID_MUST_NOT_BE_ZERO);
    if (t->credit_id == INT64_MAX) return refuse(j, LEDGER_CREDIT_ID_MUST_NOT_BE_INT_MAX);
    if (t->debit_id == t->credit_id) return refuse(j, LEDGER_ACCOUNTS_MUST_BE_DIFFERENT);
    if (t->pending_id) return refuse(j, LEDGER_PENDING_ID_MUST_BE_ZERO);
    bool is_pending = t->flags & LEDGER_PENDING;
    if (!is_pending && t->timeout_s) return refuse(j, LEDGER_TIMEOUT_RESERVED_FOR_PENDING);
    if (!is_pending && t->flags & (LEDGER_CLOSING_DEBIT | LEDGER_CLOSING_CREDIT)) return refuse(j, LEDGER_CLOSING_MUST_BE_PENDING);
    if (t->ledger == 0) return refuse(j, LEDGER_LEDGER_MUST_NOT_BE_ZERO);
    if (t->code == 0) return refuse(j, LEDGER_CODE_MUST_NOT_BE_ZERO);

    struct err e = account_need(l, tx, t->debit_id, &j->debit);
    if (e.kind) return e;
    if (!j->debit) return refuse_for_good(j, LEDGER_DEBIT_NOT_FOUND);
    e = account_need(l, tx, t->credit_id, &j->credit);
    if (e.kind) return e;
    if (!j->credit) return refuse_for_good(j, LEDGER_CREDIT_NOT_FOUND);
    const struct ledger_account *dr = &j->debit->a, *cr = &j->credit->a;
    if (dr->org_id != cr->org_id) return refuse(j, LEDGER_ACCOUNTS_MUST_HAVE_THE_SAME_ORGANISATION);
    if (dr->ledger != cr->ledger) return refuse(j, LEDGER_ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER);
    if (t->ledger != dr->ledger) return refuse(j, LEDGER_TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS);
    if (dr->flags & LEDGER_CLOSED) return refuse_for_good(j, LEDGER_DEBIT_ALREADY_CLOSED);
    if (cr->flags & LEDGER_CLOSED) return refuse_for_good(j, LEDGER_CREDIT_ALREADY_CLOSED);

    int64_t amount = t->amount;
    int64_t debits = dr->debits_pending + dr->debits_posted, credits = cr->credits_pending + cr->credits_posted; /* never overflow: see below */
    if (t->flags & LEDGER_BALANCING_DEBIT && amount > less(dr->credits_posted, debits)) amount = less(dr->credits_posted, debits);
    if (t->flags & LEDGER_BALANCING_CREDIT && amount > less(cr->debits_posted, credits)) amount = less(cr->debits_posted, credits);

    if (is_pending && overflows(amount, dr->debits_pending)) return refuse(j, LEDGER_OVERFLOWS_DEBITS_PENDING);
    if (is_pending && overflows(amount, cr->credits_pending)) return refuse(j, LEDGER_OVERFLOWS_CREDITS_PENDING);
    if (overflows(amount, dr->debits_posted)) return refuse(j, LEDGER_OVERFLOWS_DEBITS_POSTED);
    if (overflows(amount, cr->credits_posted)) return refuse(j, LEDGER_OVERFLOWS_CREDITS_POSTED);
    if (overflows(amount, debits)) return refuse(j, LEDGER_OVERFLOWS_DEBITS);
    if (overflows(amount, credits)) return refuse(j, LEDGER_OVERFLOWS_CREDITS);
    if (overflows(at, t->timeout_s * NS_PER_S)) return refuse(j, LEDGER_OVERFLOWS_TIMEOUT);
    if (dr->flags & LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS && debits + amount > dr->credits_posted) return refuse_for_good(j, LEDGER_EXCEEDS_CREDITS);
    if (cr->flags & LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS && credits + amount > cr->debits_posted) return refuse_for_good(j, LEDGER_EXCEEDS_DEBITS);

    j->stored = *t;
    j->stored.amount = amount;
    j->expires_at = t->timeout_s ? at + t->timeout_s * NS_PER_S : 0;
    return refuse(j, LEDGER_CREATED);
}

static struct err ending_judge(struct ledger *l, struct db_tx *tx, const struct ledger_transfer *t, int64_t at, struct judgement *j) {
    bool is_void = t->flags & LEDGER_VOID_PENDING;
    if ((t->flags & ENDING_FLAGS) == ENDING_FLAGS || t->flags & ~(uint32_t)(ENDING_FLAGS | LEDGER_LINKED)) return refuse(j, LEDGER_FLAGS_ARE_MUTUALLY_EXCLUSIVE);
    if (t->pending_id == 0) return refuse(j, LEDGER_PENDING_ID_MUST_NOT_BE_ZERO);
    if (t->pending_id == INT64_MAX) return refuse(j, LEDGER_PENDING_ID_MUST_NOT_BE_INT_MAX);
    if (t->pending_id == t->id) return refuse(j, LEDGER_PENDING_ID_MUST_BE_DIFFERENT);
    if (t->timeout_s) return refuse(j, LEDGER_TIMEOUT_RESERVED_FOR_PENDING);

    struct err e = hold_need(l, tx, t->pending_id, &j->hold);
    if (e.kind) return e;
    if (!j->hold) {
        struct recent other;
        bool was_found;
        e = transfer_need(l, tx, t->pending_id, &other, &was_found);
        if (e.kind) return e;
        if (was_found && !other.is_refused) return refuse(j, LEDGER_PENDING_NOT_PENDING);
        return refuse_for_good(j, LEDGER_PENDING_NOT_FOUND);
    }
    const struct ledger_transfer *p = &j->hold->t;
    if (t->debit_id && t->debit_id != p->debit_id) return refuse(j, LEDGER_PENDING_HAS_DIFFERENT_DEBIT_ID);
    if (t->credit_id && t->credit_id != p->credit_id) return refuse(j, LEDGER_PENDING_HAS_DIFFERENT_CREDIT_ID);
    if (t->ledger && t->ledger != p->ledger) return refuse(j, LEDGER_PENDING_HAS_DIFFERENT_LEDGER);
    if (t->code && t->code != p->code) return refuse(j, LEDGER_PENDING_HAS_DIFFERENT_CODE);
    int64_t amount = t->amount == (is_void ? 0 : LEDGER_AMOUNT_MAX) ? p->amount : t->amount;
    if (amount > p->amount) return refuse(j, LEDGER_EXCEEDS_PENDING_AMOUNT);
    if (is_void && amount < p->amount) return refuse(j, LEDGER_PENDING_HAS_DIFFERENT_AMOUNT);
    switch (j->hold->state) {
    case LEDGER_HOLD_POSTED: return refuse(j, LEDGER_PENDING_ALREADY_POSTED);
    case LEDGER_HOLD_VOIDED: return refuse(j, LEDGER_PENDING_ALREADY_VOIDED);
    case LEDGER_HOLD_EXPIRED: return refuse(j, LEDGER_PENDING_EXPIRED);
    case LEDGER_HOLD_NONE:
    case LEDGER_HOLD_OPEN: break;
    }
    /* Also before whoever runs at that second has come to it. */
    if (j->hold->expires_at && j->hold->expires_at <= at) return refuse(j, LEDGER_PENDING_EXPIRED);

    e = account_need(l, tx, p->debit_id, &j->debit);
    if (!e.kind) e = account_need(l, tx, p->credit_id, &j->credit);
    if (e.kind) return e;
    if (!j->debit || !j->credit) /* the check names such a hold */
        return err_make(ERR_IO, "ledger.damaged", "The account of a hold is gone from the database. Run `grandstand ledger verify`.");
    if (!is_void && j->debit->a.flags & LEDGER_CLOSED) return refuse_for_good(j, LEDGER_DEBIT_ALREADY_CLOSED);
    if (!is_void && j->credit->a.flags & LEDGER_CLOSED) return refuse_for_good(j, LEDGER_CREDIT_ALREADY_CLOSED);

    j->stored = *p;
    j->stored.id = t->id;
    j->stored.pending_id = t->pending_id;
    j->stored.flags = t->flags;
    j->stored.timeout_s = 0;
    j->stored.amount = amount;
    if (t->order_id) j->stored.order_id = t->order_id;
    if (t->about_id) j->stored.about_id = t->about_id;
    if (t->tag) j->stored.tag = t->tag;
    return refuse(j, LEDGER_CREATED);
}

struct err transfer_judge(struct ledger *l, struct db_tx *tx, const struct ledger_transfer *t, int64_t at, struct judgement *j) {
    *j = (struct judgement){.result = LEDGER_CREATED};
    if (t->flags & ~(uint32_t)TRANSFER_FLAGS) return refuse(j, LEDGER_RESERVED_FLAG);
    if (t->id < 0 || t->debit_id < 0 || t->credit_id < 0 || t->amount < 0 || t->pending_id < 0 || t->timeout_s < 0 || t->ledger < 0 || t->code < 0)
        return refuse(j, LEDGER_NUMBER_MUST_NOT_BE_NEGATIVE);
    if (t->id == 0) return refuse(j, LEDGER_ID_MUST_NOT_BE_ZERO);
    if (t->id == INT64_MAX) return refuse(j, LEDGER_ID_MUST_NOT_BE_INT_MAX);

    struct recent known;
    bool is_known;
    struct err e = transfer_need(l, tx, t->id, &known, &is_known);
    if (e.kind) return e;
    if (is_known && known.is_refused) return refuse(j, LEDGER_ID_ALREADY_FAILED);
    if (is_known) {
        struct hold *hold = NULL;
        if (known.t.flags & ENDING_FLAGS) e = hold_need(l, tx, known.t.pending_id, &hold);
        if (e.kind) return e;
        return refuse(j, transfer_exists(t, &known.t, hold ? &hold->t : &known.t));
    }
    e = t->flags & ENDING_FLAGS ? ending_judge(l, tx, t, at, j) : plain_judge(l, tx, t, at, j);
    j->stored.at_ns = at;
    return e;
}
