/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The sandbox: a provider that is built in, takes play money only, and keeps a book of its own in its own tables. It is told through the outbox and answers by signed webhooks through the
 * same door as any other, so that what works with it has gone the whole way. Cards:
 *
 *   a card is read when it is typed, becomes a token ("ok", "declined" ...) at once, and its number is forgotten: nothing but test numbers is taken at all. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/step.h"
#include "business/pay/room.h"

enum { CHARGEBACK_AFTER_S = 60, CHARGEBACK_OVER_S = 7 * 24 * 3600, TOLERANCE_S = 300 };
enum send_step { SEND_BODY = 1, SEND_CHARGEBACK, SEND_LOST, SEND_WON };

/* Who does what: the number, the token kept instead of it, and what is shown of it. */
static const struct {
    const char *number, *token, *label, *what;
} cards[] = {
    {"4242424242424242", "ok", "Visa 4242", "succeeds"},
    {"5555555555554444", "ok5", "Mastercard 4444", "succeeds"},
    {"4000000000000002", "declined", "Visa 0002", "declined"},
    {"4000000000009995", "funds", "Visa 9995", "insufficient_funds"},
    {"4000000000003220", "step", "Visa 3220", "second_step"},
    {"4000000000000259", "chargeback", "Visa 0259", "charged_back"},
    {"4000000000002685", "chargeback_won", "Visa 2685", "charged_back_won"},
    {"4000000000005126", "refund_fails", "Visa 5126", "refund_fails"},
    {"4000000000000341", "renewal_fails", "Visa 0341", "renewal_fails"},
};
const struct pay_test_card sandbox_cards[] = {
    {"4242424242424242", "succeeds"},        {"5555555555554444", "succeeds"},        {"4000000000000002", "declined"},     {"4000000000009995", "insufficient_funds"},
    {"4000000000003220", "second_step"},     {"4000000000000259", "charged_back"},    {"4000000000002685", "charged_back_won"}, {"4000000000005126", "refund_fails"},
    {"4000000000000341", "renewal_fails"},
};
const size_t sandbox_card_count = ARRAY_LEN(sandbox_cards);

/* --- a card --- */

static bool digits_of(struct slice s, char *out, size_t size, size_t *len) {
    *len = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == ' ' || s.ptr[i] == '-') continue;
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || *len + 1 >= size) return false;
        out[(*len)++] = s.ptr[i];
    }
    out[*len] = 0;
    return true;
}

struct err sandbox_card(const struct pay_card *card, int64_t now, struct slice *token, struct slice *label) {
    char number[24], cvc[8];
    size_t len, found = 0;
    bool is_number = digits_of(card->number, number, sizeof number, &len) && len > 0;
    while (is_number && found < ARRAY_LEN(cards) && strcmp(number, cards[found].number)) found++;
    memset(number, 0, sizeof number);
    if (!is_number || found == ARRAY_LEN(cards))
        return err_make(ERR_INPUT, "card.number", "This shop takes play money: type one of the test cards. Never type a real card here; nothing of it was kept.");
    struct slice month, rest = slice_trim(card->expires);
    uint64_t m = 0, y = 0;
    bool is_date = slice_next(&rest, '/', &month) && slice_to_u64(slice_trim(month), &m) && slice_to_u64(slice_trim(rest), &y) && m >= 1 && m <= 12 && (y < 100 || (y >= 2000 && y < 2100));
    struct buf first = BUF(64);
    if (is_date) { /* good to the end of its month */
        if (y < 100) y += 2000;
        uint64_t next_y = m == 12 ? y + 1 : y, next_m = m == 12 ? 1 : m + 1;
        buf_printf(&first, "%04llu-%02llu-01T00:00:00Z", (unsigned long long)next_y, (unsigned long long)next_m);
        struct utc_time end;
        is_date = !first.has_failed && utc_parse(buf_slice(&first), &end) && end.ns / NS_PER_US > now;
    }
    struct err e = buf_error(&first);
    buf_free(&first);
    if (e.kind) return e;
    if (!is_date) return err_make(ERR_INPUT, "card.expires", "The card has expired, or this is no date. Type month and year, as 12/30.");
    if (!digits_of(card->cvc, cvc, sizeof cvc, &len) || (len != 3 && len != 4)) return err_make(ERR_INPUT, "card.cvc", "The security code has three digits, or four.");
    *token = slice_cstr(cards[found].token);
    *label = slice_cstr(cards[found].label);
    return ERR_OK;
}

/* --- its book --- */

struct entry {
    struct slice card;
    enum pay_state state;
    struct money amount;
    int64_t refunded;
};
static struct err entry_read(struct db_tx *tx, struct arena *arena, int64_t org_id, struct slice public_id, struct entry *out, bool *is_found) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &sandbox_find, DB_INT("org_id", org_id), DB_TEXT("public_id", public_id));
    *is_found = !e.kind && rows.count > 0;
    if (*is_found)
        *out = (struct entry){db_text(&rows, 0, "card"), (enum pay_state)db_int(&rows, 0, "state"), MONEY(db_int(&rows, 0, "amount"), (uint16_t)db_int(&rows, 0, "currency")), db_int(&rows, 0, "refunded")};
    return e;
}

static struct slice ref_of(struct arena *arena, struct slice public_id) { return arena_printf(arena, "sandbox_%.*s", SLICE_ARG(public_id)); }

struct message {
    const char *type;
    struct slice public_id, code;
    struct money amount;
    int64_t refund_id;
    bool is_chargeback;
};
/* A webhook on its way. */
static struct err send_add(struct pay *p, struct db_tx *tx, struct arena *arena, int64_t org_id, const struct message *m) {
    int64_t id = id_next(p->o.ids);
    struct public_id event = public_id_near(id);
    struct slice body = arena_printf(arena, "{\"id\":\"evt_%.*s\",\"type\":\"%s\",\"payment\":\"%.*s\",\"amount\":\"%lld\",\"currency\":\"%s\",\"code\":\"%.*s\",\"refund\":\"%lld\",\"chargeback\":\"%s%.*s\"}",
                                     PUBLIC_ID_LEN, event.text, m->type, SLICE_ARG(m->public_id), (long long)m->amount.minor, currency_code(m->amount.currency), SLICE_ARG(m->code), (long long)m->refund_id,
                                     m->is_chargeback ? "sandbox_cb_" : "", m->is_chargeback ? (int)m->public_id.len : 0, m->public_id.ptr);
    if (!body.ptr) return err_memory();
    return DB_RUN(tx, &sandbox_send_insert, DB_INT("id", id), DB_INT("org_id", org_id), DB_INT("due_us", now_us(p)), DB_INT("step", SEND_BODY), DB_TEXT("public_id", m->public_id), DB_TEXT("body", body));
}
static struct err send_later(struct pay *p, struct db_tx *tx, int64_t org_id, struct slice public_id, enum send_step step, int64_t after_s) {
    return DB_RUN(tx, &sandbox_send_insert, DB_INT("id", id_next(p->o.ids)), DB_INT("org_id", org_id), DB_INT("due_us", now_us(p) + after_s * 1000000), DB_INT("step", step), DB_TEXT("public_id", public_id),
                  DB_TEXT_OR_NULL("body", SLICE_NONE));
}

static struct err captured(struct pay *p, struct db_tx *tx, struct arena *arena, int64_t org_id, struct slice public_id, struct slice card, struct money amount) {
    struct message m = {.type = "payment.captured", .public_id = public_id, .amount = amount, .code = SLICE("")};
    struct err e = send_add(p, tx, arena, org_id, &m);
    bool is_taken_back = slice_starts_with(card, SLICE("chargeback"));
    return e.kind || !is_taken_back ? e : send_later(p, tx, org_id, public_id, SEND_CHARGEBACK, CHARGEBACK_AFTER_S);
}

static struct word payment_word(struct arena *arena, struct slice public_id, const struct entry *entry, const char *code) {
    struct slice name = arena_copy(arena, public_id);
    struct word w = {.about = WORD_PAYMENT, .public_id = name, .ref = ref_of(arena, public_id), .state = entry->state, .has_money = true, .currency = slice_cstr(currency_code(entry->amount.currency)),
                     .amount = entry->amount.minor, .code = slice_cstr(code)};
    if (entry->state == PAY_REQUIRES_ACTION) {
        w.action = PAY_ACTION_CONFIRM;
        w.url = arena_printf(arena, "/pay/step/%.*s", SLICE_ARG(public_id));
    }
    return w;
}

static const char *decline_code(struct slice card) { return slice_eq(card, SLICE("funds")) ? "card.funds" : slice_eq(card, SLICE("step")) ? "card.step" : "card.declined"; }

static struct err create(struct pay *p, struct db_tx *tx, struct arena *arena, const struct op *op, struct provider_answer *out) {
    struct slice id = public_id_slice(&op->public_id), card = op->token;
    bool is_declined = slice_eq(card, SLICE("declined")) || slice_eq(card, SLICE("funds")) || (op->is_off_session && (slice_eq(card, SLICE("renewal_fails")) || slice_eq(card, SLICE("step"))));
    bool has_step = slice_eq(card, SLICE("step")) && !op->is_off_session;
    struct entry entry = {.card = card, .state = is_declined ? PAY_FAILED : has_step ? PAY_REQUIRES_ACTION : PAY_CAPTURED, .amount = op->amount};
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &sandbox_insert, DB_INT("id", id_next(p->o.ids)), DB_INT("org_id", op->org_id), DB_TEXT("public_id", id), DB_TEXT("card", card), DB_INT("state", entry.state),
                             DB_INT("currency", op->amount.currency), DB_INT("amount", op->amount.minor));
    bool is_found = true;
    if (!e.kind && !changed) e = entry_read(tx, arena, op->org_id, id, &entry, &is_found); /* said a second time: as it stands */
    else if (!e.kind && entry.state == PAY_CAPTURED) e = captured(p, tx, arena, op->org_id, id, card, op->amount);
    if (e.kind) return e;
    out->outcome = ANSWER_DONE;
    out->words[out->count] = payment_word(arena, id, &entry, entry.state == PAY_FAILED ? decline_code(card) : "");
    if (entry.state == PAY_CAPTURED) out->words[out->count].state = PAY_PROCESSING; /* that it came says the webhook, as elsewhere */
    out->count++;
    return ERR_OK;
}

static struct err stand(struct db_tx *tx, struct arena *arena, const struct op *op, struct provider_answer *out, bool is_cancelling) {
    struct slice id = public_id_slice(&op->public_id);
    struct entry entry;
    bool is_found;
    struct err e = entry_read(tx, arena, op->org_id, id, &entry, &is_found);
    if (e.kind) return e;
    out->outcome = is_found ? ANSWER_DONE : ANSWER_UNKNOWN;
    if (!is_found) return ERR_OK;
    if (is_cancelling && pay_state_is_open(entry.state)) {
        entry.state = PAY_CANCELLED;
        e = DB_RUN(tx, &sandbox_update, DB_INT("state", entry.state), DB_INT("refunded", 0), DB_INT("org_id", op->org_id), DB_TEXT("public_id", id));
    }
    out->words[out->count++] = payment_word(arena, id, &entry, entry.state == PAY_FAILED ? decline_code(entry.card) : "");
    return e;
}

static struct word refund_word(struct arena *arena, const struct op *op, enum pay_refund_state state) {
    return (struct word){.about = WORD_REFUND, .public_id = public_id_slice(&op->public_id), .refund_id = op->refund_id, .refund_ref = arena_printf(arena, "sandbox_re_%lld", (long long)op->refund_id),
                         .refund_state = state, .has_money = true, .currency = slice_cstr(currency_code(op->refund_amount.currency)), .amount = op->refund_amount.minor,
                         .code = state == PAY_REFUND_FAILED ? SLICE("refund.refused") : SLICE("")};
}

static struct err refund(struct pay *p, struct db_tx *tx, struct arena *arena, const struct op *op, struct provider_answer *out) {
    struct slice id = public_id_slice(&op->public_id);
    struct entry entry;
    bool is_found;
    struct db_rows rows;
    struct err e = entry_read(tx, arena, op->org_id, id, &entry, &is_found);
    if (!e.kind) e = DB_QUERY(tx, arena, &rows, &sandbox_refund_find, DB_INT("id", op->refund_id), DB_INT("org_id", op->org_id));
    if (e.kind) return e;
    out->outcome = ANSWER_DONE;
    if (rows.count || op->kind == OP_ASK_REFUND) {
        if (!rows.count) out->outcome = ANSWER_UNKNOWN;
        else out->words[out->count++] = refund_word(arena, op, (enum pay_refund_state)db_int(&rows, 0, "state"));
        return ERR_OK;
    }
    if (!is_found || entry.state != PAY_CAPTURED || entry.amount.currency != op->refund_amount.currency || op->refund_amount.minor > entry.amount.minor - entry.refunded) {
        out->outcome = ANSWER_REFUSED, out->code = "refund.refused", out->message = SLICE("more than there is");
        return ERR_OK;
    }
    bool fails = slice_eq(entry.card, SLICE("refund_fails"));
    e = DB_RUN(tx, &sandbox_refund_insert, DB_INT("id", op->refund_id), DB_INT("org_id", op->org_id), DB_TEXT("public_id", id), DB_INT("amount", op->refund_amount.minor),
               DB_INT("state", fails ? PAY_REFUND_FAILED : PAY_REFUND_DONE));
    if (!e.kind && !fails)
        e = DB_RUN(tx, &sandbox_update, DB_INT("state", entry.state), DB_INT("refunded", entry.refunded + op->refund_amount.minor), DB_INT("org_id", op->org_id), DB_TEXT("public_id", id));
    struct message m = {.type = fails ? "refund.failed" : "refund.done", .public_id = id, .amount = op->refund_amount, .refund_id = op->refund_id, .code = fails ? SLICE("refund.refused") : SLICE("")};
    if (!e.kind) e = send_add(p, tx, arena, op->org_id, &m);
    out->words[out->count++] = refund_word(arena, op, PAY_REFUND_PENDING);
    return e;
}

struct err sandbox_perform(struct pay *p, struct db_tx *tx, struct arena *arena, const struct op *op, struct provider_answer *out) {
    switch (op->kind) {
    case OP_CREATE: return create(p, tx, arena, op, out);
    case OP_CANCEL: return stand(tx, arena, op, out, true);
    case OP_CAPTURE:
    case OP_ASK: return stand(tx, arena, op, out, false);
    case OP_REFUND:
    case OP_ASK_REFUND: return refund(p, tx, arena, op, out);
    case OP_SWEEP: break;
    }
    out->outcome = ANSWER_DONE;
    return ERR_OK;
}

/* --- the second step --- */

struct confirm_work {
    struct pay *p;
    struct arena *arena;
    int64_t org_id, household_id;
    struct slice public_id;
    bool is_confirmed;
};
static struct err confirm_fn(struct db_tx *tx, void *arg) {
    struct confirm_work *w = arg;
    static const struct err none = {.kind = ERR_NOT_FOUND, .code = "pay.payment", .what = "There is no such payment."};
    struct db_rows rows;
    struct payment payment;
    struct err e = DB_QUERY(tx, w->arena, &rows, &pay_by_public_id, DB_TEXT("public_id", w->public_id), DB_INT("org_id", w->org_id));
    if (e.kind) return e;
    if (!payment_at(&rows, 0, &payment) || payment.info.household_id != w->household_id || payment.info.provider != PAY_SANDBOX) return none;
    struct entry entry;
    bool is_found;
    e = entry_read(tx, w->arena, w->org_id, w->public_id, &entry, &is_found);
    if (e.kind) return e;
    if (!is_found || entry.state != PAY_REQUIRES_ACTION) return err_make(ERR_CONFLICT, "pay.step", "This payment waits for no second step any more.");
    e = DB_RUN(tx, &sandbox_update, DB_INT("state", w->is_confirmed ? PAY_CAPTURED : PAY_FAILED), DB_INT("refunded", 0), DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->public_id));
    if (e.kind) return e;
    if (w->is_confirmed) return captured(w->p, tx, w->arena, w->org_id, w->public_id, entry.card, entry.amount);
    struct message m = {.type = "payment.failed", .public_id = w->public_id, .amount = entry.amount, .code = SLICE("card.step")};
    return send_add(w->p, tx, w->arena, w->org_id, &m);
}

struct err pay_sandbox_confirm(struct pay *p, struct arena *arena, int64_t org_id, int64_t household_id, struct slice public_id, bool is_confirmed, struct pay_info *out) {
    struct public_id parsed;
    if (!public_id_parse(public_id, &parsed)) return err_make(ERR_NOT_FOUND, "pay.payment", "There is no such payment.");
    struct confirm_work w = {p, arena, org_id, household_id, public_id_slice(&parsed), is_confirmed};
    struct err e = db_write(p->o.db, confirm_fn, &w);
    if (e.kind) return e;
    pay_wake(p);
    return pay_find(p, arena, org_id, w.public_id, out);
}

/* --- its webhooks --- */

static void signing_key(const uint8_t *house_key, int64_t org_id, char out[65]) {
    char org[32];
    int len = snprintf(org, sizeof org, "%lld", (long long)org_id);
    hmac_sha256_hex(slice_of(house_key, KEY_BYTES), SLICE("sandbox webhook "), slice_of(org, (size_t)len), SLICE(""), out);
}

/* What has become due in the sandbox itself: a bank that takes money back, and one that decides. Its message goes into the same transaction. */
static struct err step_take(struct pay *p, struct db_tx *tx, struct arena *arena, int64_t org_id, struct slice public_id, enum send_step step) {
    struct entry entry;
    struct db_rows rows;
    bool is_found;
    struct err e = entry_read(tx, arena, org_id, public_id, &entry, &is_found);
    if (!e.kind) e = DB_QUERY(tx, arena, &rows, &sandbox_dispute_find, DB_INT("org_id", org_id), DB_TEXT("public_id", public_id));
    if (e.kind || !is_found) return e;
    int64_t amount = rows.count ? db_int(&rows, 0, "amount") : entry.amount.minor - entry.refunded;
    if (amount <= 0) return ERR_OK; /* all refunded before the bank came */
    enum pay_chargeback_state state = step == SEND_CHARGEBACK ? PAY_CHARGEBACK_OPEN : step == SEND_WON ? PAY_CHARGEBACK_WON : PAY_CHARGEBACK_LOST;
    e = DB_RUN(tx, &sandbox_dispute_insert, DB_INT("id", id_next(p->o.ids)), DB_INT("org_id", org_id), DB_TEXT("public_id", public_id), DB_INT("amount", amount), DB_INT("state", state));
    struct message m = {.type = step == SEND_CHARGEBACK ? "chargeback.opened" : step == SEND_WON ? "chargeback.won" : "chargeback.lost", .public_id = public_id,
                        .amount = MONEY(amount, entry.amount.currency), .code = SLICE("fraudulent"), .is_chargeback = true};
    if (!e.kind) e = send_add(p, tx, arena, org_id, &m);
    if (!e.kind && step == SEND_CHARGEBACK) e = send_later(p, tx, org_id, public_id, slice_eq(entry.card, SLICE("chargeback_won")) ? SEND_WON : SEND_LOST, CHARGEBACK_OVER_S);
    return e;
}

struct send_work {
    struct pay *p;
    struct arena *arena;
    struct db_rows rows;
    bool is_beaten;
};
static struct err send_list_fn(struct db_tx *tx, void *arg) {
    struct send_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &sandbox_send_list, DB_INT("now_us", now_us(w->p)), DB_INT("limit", BATCH_MAX));
}
static struct err send_fn(struct db_tx *tx, void *arg) {
    struct send_work *w = arg;
    int64_t ids[BATCH_MAX], changed = 0;
    for (size_t i = 0; i < w->rows.count; i++) ids[i] = db_int(&w->rows, i, "id");
    struct err e = db_run_rows(tx, &changed, &sandbox_send_delete, &(struct db_ints){"id", ids}, 1, w->rows.count);
    w->is_beaten = !e.kind && changed != (int64_t)w->rows.count;
    if (w->is_beaten) return err_make(ERR_CONFLICT, "pay.taken", "Another process was quicker.");
    for (size_t i = 0; !e.kind && i < w->rows.count; i++) {
        int64_t org_id = db_int(&w->rows, i, "org_id");
        enum send_step step = (enum send_step)db_int(&w->rows, i, "step");
        if (step != SEND_BODY) {
            e = step_take(w->p, tx, w->arena, org_id, db_text(&w->rows, i, "public_id"), step);
            continue;
        }
        struct slice body = db_text(&w->rows, i, "body"), stamp = arena_printf(w->arena, "%lld", (long long)(now_us(w->p) / 1000000));
        char key[65], mac[65];
        signing_key(w->p->key.bytes, org_id, key);
        hmac_sha256_hex(slice_cstr(key), stamp, SLICE("."), body, mac);
        struct webhook_new new = {org_id, PAY_SANDBOX, arena_printf(w->arena, "grandstand-sandbox-signature: t=%.*s,v1=%s\n", SLICE_ARG(stamp), mac), body};
        e = new.headers.ptr ? webhooks_store(w->p, tx, &new, 1) : err_memory();
    }
    return e;
}

struct err sandbox_send_due(struct pay *p, struct arena *arena, size_t *did) {
    struct send_work w = {.p = p, .arena = arena};
    struct err e = db_read(p->o.db, send_list_fn, &w);
    if (e.kind || !w.rows.count) return e;
    e = db_write(p->o.db, send_fn, &w);
    if (w.is_beaten) return ERR_OK; /* what is left is found in the next round */
    if (e.kind) return e;
    STEP(pay_webhook_stored);
    *did += w.rows.count;
    atomic_fetch_add(&p->counts[COUNT_WEBHOOKS], w.rows.count);
    return ERR_OK;
}

/* --- reading them --- */

static bool signature_read(struct slice header, int64_t *at_s, struct slice *mac) {
    struct slice part;
    bool has_time = false, has_mac = false;
    while (slice_next(&header, ',', &part)) {
        if (slice_starts_with(part, SLICE("t="))) has_time = slice_to_i64(slice_sub(part, 2, part.len), at_s);
        if (slice_starts_with(part, SLICE("v1="))) *mac = slice_sub(part, 3, part.len), has_mac = true;
    }
    return has_time && has_mac;
}

static bool word_of(json_t *body, struct arena *arena, struct word *w) {
    struct slice type = json_get_string(body, "type");
    static const struct {
        const char *type;
        enum word_about about;
        int state;
    } types[] = {{"payment.captured", WORD_PAYMENT, PAY_CAPTURED}, {"payment.failed", WORD_PAYMENT, PAY_FAILED}, {"refund.done", WORD_REFUND, PAY_REFUND_DONE},
                 {"refund.failed", WORD_REFUND, PAY_REFUND_FAILED}, {"chargeback.opened", WORD_CHARGEBACK, PAY_CHARGEBACK_OPEN}, {"chargeback.won", WORD_CHARGEBACK, PAY_CHARGEBACK_WON},
                 {"chargeback.lost", WORD_CHARGEBACK, PAY_CHARGEBACK_LOST}};
    size_t i = 0;
    while (i < ARRAY_LEN(types) && !slice_eq(type, slice_cstr(types[i].type))) i++;
    if (i == ARRAY_LEN(types)) return false;
    *w = (struct word){.about = types[i].about, .public_id = arena_copy(arena, json_get_string(body, "payment")), .currency = arena_copy(arena, json_get_string(body, "currency")),
                       .code = arena_copy(arena, json_get_string(body, "code"))};
    w->ref = ref_of(arena, w->public_id);
    w->has_money = slice_to_i64(json_get_string(body, "amount"), &w->amount);
    if (w->about == WORD_PAYMENT) w->state = (enum pay_state)types[i].state;
    if (w->about == WORD_REFUND) {
        w->refund_state = (enum pay_refund_state)types[i].state;
        if (!slice_to_i64(json_get_string(body, "refund"), &w->refund_id)) return false;
        w->refund_ref = arena_printf(arena, "sandbox_re_%lld", (long long)w->refund_id);
    }
    if (w->about == WORD_CHARGEBACK) {
        w->chargeback_state = (enum pay_chargeback_state)types[i].state;
        w->chargeback_ref = arena_copy(arena, json_get_string(body, "chargeback"));
        w->reason = w->code;
    }
    return true;
}

static struct err webhook(const struct provider_config *config, int64_t received_us, const struct pay_header *headers, size_t count, struct slice body, struct arena *arena, struct provider_event *out) {
    struct slice header = SLICE_NONE, mac;
    int64_t at_s = 0;
    for (size_t i = 0; i < count; i++)
        if (slice_eq(headers[i].name, SLICE("grandstand-sandbox-signature"))) header = headers[i].value;
    if (!header.len || !signature_read(header, &at_s, &mac)) {
        out->why = "signature.missing";
        return ERR_OK;
    }
    char key[65], expected[65];
    struct slice stamp = arena_printf(arena, "%lld", (long long)at_s);
    signing_key(config->house_key, config->org_id, key);
    hmac_sha256_hex(slice_cstr(key), stamp, SLICE("."), body, expected);
    if (!expected[0] || !slice_eq_secret(mac, slice_cstr(expected))) {
        out->why = "signature.wrong";
        return ERR_OK;
    }
    int64_t off = received_us / 1000000 - at_s;
    if (off > TOLERANCE_S || off < -TOLERANCE_S) {
        out->why = "signature.old";
        return ERR_OK;
    }
    json_t *root = NULL;
    struct err e = json_parse(body, PAY_WEBHOOK_BYTES_MAX, &root);
    if (e.kind == ERR_LIMIT) return e;
    out->why = "event.malformed";
    if (e.kind) return ERR_OK;
    struct slice id = json_get_string(root, "id");
    if (id.len && word_of(root, arena, &out->words[0])) {
        out->verdict = EVENT_WORDS;
        out->count = 1;
        out->id = arena_copy(arena, id);
        out->kind = arena_copy(arena, json_get_string(root, "type"));
    }
    json_decref(root);
    return arena_overflowed(arena) ? err_memory() : ERR_OK;
}

static bool takes(const struct provider_config *config, struct money amount) { return true; }

const struct provider sandbox_provider = {.id = "sandbox", .name = "Sandbox", .is_play_money = true, .webhook_answer = "{}", .ask_first_s = 60, .takes = takes, .webhook = webhook};
