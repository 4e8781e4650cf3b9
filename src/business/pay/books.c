/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The clearing side of each payment in the ledger. What a provider has for us is the debit of its clearing account: money comes in from outside by a debit there. */
#include "business/pay/room.h"

static struct err account_of(struct pay *p, struct db_tx *tx, const struct pay_info *i, enum ledger_code code, int64_t *id) {
    int64_t owner = code == LEDGER_CODE_CLEARING ? (int64_t)i->provider : code == LEDGER_CODE_ORDER ? i->order_id : 0;
    return ledger_account_for(p->o.ledger, tx, i->org_id, i->amount.currency, code, owner, 0, id);
}

static struct err book_move(struct pay *p, struct db_tx *tx, const struct pay_info *i, enum ledger_code from, enum ledger_code to, struct ledger_transfer t) {
    struct err e = account_of(p, tx, i, from, &t.debit_id);
    if (!e.kind) e = account_of(p, tx, i, to, &t.credit_id);
    if (e.kind) return e;
    t.ledger = i->amount.currency;
    t.order_id = i->order_id;
    t.about_id = i->id;
    return ledger_move(p->o.ledger, tx, &t, 1);
}

struct err book_capture(struct pay *p, struct db_tx *tx, const struct payment *payment) {
    return book_move(p, tx, &payment->info, LEDGER_CODE_CLEARING, LEDGER_CODE_ORDER,
                     (struct ledger_transfer){.id = payment->capture_transfer_id, .amount = payment->info.amount.minor, .code = PAY_MOVE_CAPTURED});
}

struct err book_refund_hold(struct pay *p, struct db_tx *tx, const struct pay_info *i, int64_t refund_id, int64_t hold_id, int64_t amount) {
    return book_move(p, tx, i, LEDGER_CODE_ORDER, LEDGER_CODE_CLEARING,
                     (struct ledger_transfer){.id = hold_id, .amount = amount, .code = PAY_MOVE_REFUNDED, .tag = refund_id, .flags = LEDGER_PENDING});
}

struct err book_refund_settle(struct pay *p, struct db_tx *tx, const struct pay_info *i, int64_t refund_id, int64_t hold_id, int64_t settle_id, bool is_done) {
    struct ledger_transfer t = {.id = settle_id, .pending_id = hold_id, .amount = is_done ? LEDGER_AMOUNT_MAX : 0, .flags = is_done ? LEDGER_POST_PENDING : LEDGER_VOID_PENDING, .about_id = i->id, .tag = refund_id};
    return ledger_move(p->o.ledger, tx, &t, 1);
}

struct err book_refund_back(struct pay *p, struct db_tx *tx, const struct pay_info *i, int64_t refund_id, int64_t back_id, int64_t amount) {
    return book_move(p, tx, i, LEDGER_CODE_CLEARING, LEDGER_CODE_ORDER, (struct ledger_transfer){.id = back_id, .amount = amount, .code = PAY_MOVE_REFUND_RETURNED, .tag = refund_id});
}

struct err book_chargeback(struct pay *p, struct db_tx *tx, const struct pay_info *i, int64_t transfer_id, int64_t amount, bool is_won) {
    return is_won ? book_move(p, tx, i, LEDGER_CODE_CLEARING, LEDGER_CODE_CHARGED_BACK, (struct ledger_transfer){.id = transfer_id, .amount = amount, .code = PAY_MOVE_CHARGEBACK_WON})
                  : book_move(p, tx, i, LEDGER_CODE_CHARGED_BACK, LEDGER_CODE_CLEARING, (struct ledger_transfer){.id = transfer_id, .amount = amount, .code = PAY_MOVE_CHARGED_BACK});
}
