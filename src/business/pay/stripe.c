/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stripe: PaymentIntents, Refunds, Disputes (API of 2024-06-20), and its webhooks. Forms out, JSON in. Our name for a payment travels in metadata[payment], that of a refund in
 * metadata[refund]; every POST has an idempotency key made of them, so that what is said twice is done once. Not run against the live service. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "business/pay/room.h"

enum { F_PUBLISHABLE, F_SECRET, F_WEBHOOK, F_WEBHOOK_OLD, F_BASE };
enum { TOLERANCE_S = 300, FORM_BYTES_MAX = 16 * 1024, REF_BYTES_MAX = 255 };

static const struct provider_field fields[] = {
    [F_PUBLISHABLE] = {.name = "publishable_key", .label = "Publishable key", .is_needed = true},
    [F_SECRET] = {.name = "secret_key", .label = "Secret key", .is_secret = true, .is_needed = true},
    [F_WEBHOOK] = {.name = "webhook_secret", .label = "Webhook signing secret", .is_secret = true, .is_needed = true},
    [F_WEBHOOK_OLD] = {.name = "webhook_secret_old", .label = "Former signing secret, while it is being replaced", .is_secret = true},
    [F_BASE] = {.name = "base_url", .label = "Address of the API", .fallback = "https://api.stripe.com", .check = base_url_check},
};

/* --- amounts: Stripe's smallest unit is not ISO 4217's everywhere --- */

static int currency_steps(const struct currency *c, int64_t *ours, int64_t *theirs) {
    *ours = *theirs = 1;
    if (!strcmp(c->code, "ISK") || !strcmp(c->code, "UGX")) return (*theirs = 100), 1; /* written with two decimals that are always zero */
    if (!strcmp(c->code, "MGA")) return (*ours = 100), 1;                              /* without decimals */
    return c->exponent <= 3;                                                          /* four: not taken at all */
}
static bool amount_out(struct money amount, int64_t *out) {
    const struct currency *c = currency_of(amount.currency);
    int64_t ours, theirs;
    if (!c || !currency_steps(c, &ours, &theirs)) return false;
    if (amount.minor % ours || (c->exponent == 3 && amount.minor % 10)) return false; /* the last of three decimals is zero */
    if (amount.minor / ours > 99999999 / theirs) return false;                       /* at most eight digits */
    *out = amount.minor / ours * theirs;
    return true;
}
static bool amount_in(struct slice code, int64_t amount, int64_t *out) {
    const struct currency *c = currency_find(code);
    int64_t ours, theirs;
    if (!c || !currency_steps(c, &ours, &theirs) || amount % theirs || amount / theirs > INT64_MAX / ours || amount < 0) return false;
    *out = amount / theirs * ours;
    return true;
}
static bool takes(const struct provider_config *config, struct money amount) {
    int64_t out;
    return amount_out(amount, &out);
}

/* --- requests --- */

/* A reference goes into a path: what Stripe hands out is letters, digits and underscores. */
static bool ref_is_fine(struct slice ref) {
    for (size_t i = 0; i < ref.len; i++) {
        char c = ref.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')) return false;
    }
    return ref.len > 0 && ref.len <= REF_BYTES_MAX;
}

struct drawing { /* a request while it is made */
    const struct provider_config *config;
    const struct op *op;
    struct arena *arena;
    struct buf form;
    struct provider_request *out;
};

static void key_put(struct drawing *d, const char *suffix, int64_t number) {
    struct slice key = number ? arena_printf(d->arena, "Idempotency-Key: gs-%lld-%s", (long long)number, suffix)
                              : arena_printf(d->arena, "Idempotency-Key: gs-%.*s-%s", PUBLIC_ID_LEN, d->op->public_id.text, suffix);
    if (key.ptr) d->out->headers[d->out->header_count++] = key.ptr;
}
static void url_put(struct drawing *d, struct slice path) {
    struct slice base = d->config->values[F_BASE];
    while (slice_ends_with(base, SLICE("/"))) base = slice_sub(base, 0, base.len - 1);
    d->out->url = arena_printf(d->arena, "%.*s%.*s", SLICE_ARG(base), SLICE_ARG(path));
}
static void form_number(struct buf *form, const char *name, int64_t n) {
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", (long long)n);
    form_put(form, name, slice_of(text, (size_t)len));
}
static void form_currency(struct drawing *d) {
    char code[4];
    snprintf(code, sizeof code, "%s", currency_code(d->op->amount.currency));
    for (int i = 0; i < 3; i++)
        if (code[i] >= 'A' && code[i] <= 'Z') code[i] = (char)(code[i] - 'A' + 'a');
    form_put(&d->form, "currency", slice_of(code, 3));
}

static void search(struct drawing *d) {
    url_put(d, arena_printf(d->arena, "/v1/payment_intents/search?query=metadata%%5B%%27payment%%27%%5D%%3A%%27%.*s%%27", PUBLIC_ID_LEN, d->op->public_id.text));
}

static struct err create(struct drawing *d) {
    const struct op *op = d->op;
    int64_t amount;
    if (op->ref.len) {
        url_put(d, arena_printf(d->arena, "/v1/payment_intents/%.*s", SLICE_ARG(op->ref)));
        return ERR_OK;
    }
    if (op->now_us - op->first_us > KEY_VALID_S * INT64_C(1000000)) return search(d), ERR_OK; /* Stripe may have forgotten the key: said again, it might be done again */
    d->out->is_post = true;
    if (op->keeps_method && !op->token.len && !op->customer.len) {
        url_put(d, SLICE("/v1/customers"));
        form_number(&d->form, "metadata[household]", op->household_id);
        key_put(d, "customer", 0);
        return ERR_OK;
    }
    if (!amount_out(op->amount, &amount)) return err_make(ERR_INPUT, "pay.currency", "Stripe does not take this amount.");
    url_put(d, SLICE("/v1/payment_intents"));
    form_number(&d->form, "amount", amount);
    form_currency(d);
    form_put(&d->form, "payment_method_types[]", SLICE("card"));
    form_put(&d->form, "metadata[payment]", public_id_slice(&op->public_id));
    form_put(&d->form, "description", op->what);
    size_t slash = slice_find_byte(op->token, '/');
    if (op->token.len && slash != SLICE_NPOS) { /* a saved method: "cus_.../pm_..." */
        form_put(&d->form, "customer", slice_sub(op->token, 0, slash));
        form_put(&d->form, "payment_method", slice_sub(op->token, slash + 1, op->token.len));
        form_put(&d->form, "confirm", SLICE("true"));
        if (op->is_off_session) form_put(&d->form, "off_session", SLICE("true"));
        else if (op->return_url.len) form_put(&d->form, "return_url", op->return_url);
    } else if (op->customer.len) {
        form_put(&d->form, "customer", op->customer);
        form_put(&d->form, "setup_future_usage", SLICE("off_session"));
    }
    key_put(d, "create", 0);
    return ERR_OK;
}

static struct err refund(struct drawing *d) {
    const struct op *op = d->op;
    int64_t amount;
    bool is_old = op->now_us - op->first_us > KEY_VALID_S * INT64_C(1000000);
    if (op->kind == OP_ASK_REFUND && op->refund_ref.len) {
        if (!ref_is_fine(op->refund_ref)) return err_make(ERR_INPUT, "pay.ref", "This is none of Stripe's names.");
        url_put(d, arena_printf(d->arena, "/v1/refunds/%.*s", SLICE_ARG(op->refund_ref)));
        return ERR_OK;
    }
    if (op->kind == OP_ASK_REFUND || (is_old && !op->cursor.len)) { /* Stripe may have forgotten the key: looked for first */
        url_put(d, arena_printf(d->arena, "/v1/refunds?limit=100&payment_intent=%.*s", SLICE_ARG(op->ref)));
        return ERR_OK;
    }
    if (!amount_out(op->refund_amount, &amount)) return err_make(ERR_INPUT, "pay.currency", "Stripe does not take this amount.");
    d->out->is_post = true;
    url_put(d, SLICE("/v1/refunds"));
    form_put(&d->form, "payment_intent", op->ref);
    form_number(&d->form, "amount", amount);
    form_number(&d->form, "metadata[refund]", op->refund_id);
    form_put(&d->form, "metadata[payment]", public_id_slice(&op->public_id));
    key_put(d, "refund", op->refund_id);
    return ERR_OK;
}

/* First all disputes, then all refunds: of those that were done, a bank may have sent some back. The cursor is "d" or "r" and the last name of the page before. */
static struct err sweep(struct drawing *d) {
    struct slice cursor = d->op->cursor, last = slice_sub(cursor, 1, cursor.len);
    bool are_refunds = slice_starts_with(cursor, SLICE("r"));
    if (last.len && !ref_is_fine(last)) return err_make(ERR_INPUT, "pay.ref", "This is none of Stripe's names.");
    url_put(d, arena_printf(d->arena, "/v1/%s?limit=100&created%%5Bgte%%5D=%lld%s%.*s", are_refunds ? "refunds" : "disputes", (long long)(d->op->since_us / 1000000), last.len ? "&starting_after=" : "",
                            SLICE_ARG(last)));
    return ERR_OK;
}

static struct err drawn(struct drawing *d) {
    const struct op *op = d->op;
    bool needs_ref = op->kind == OP_CAPTURE || op->kind == OP_REFUND || op->kind == OP_ASK_REFUND;
    if ((needs_ref || op->ref.len) && !ref_is_fine(op->ref)) return err_make(ERR_INPUT, "pay.ref", "This is none of Stripe's names.");
    switch (op->kind) {
    case OP_CREATE: return create(d);
    case OP_REFUND:
    case OP_ASK_REFUND: return refund(d);
    case OP_CAPTURE:
    case OP_CANCEL:
        if (!op->ref.len) return search(d), ERR_OK;
        d->out->is_post = true;
        url_put(d, arena_printf(d->arena, "/v1/payment_intents/%.*s/%s", SLICE_ARG(op->ref), op->kind == OP_CAPTURE ? "capture" : "cancel"));
        key_put(d, op_name(op->kind), op->id);
        return ERR_OK;
    case OP_ASK:
        if (!op->ref.len) return search(d), ERR_OK;
        url_put(d, arena_printf(d->arena, "/v1/payment_intents/%.*s?expand%%5B%%5D=latest_charge", SLICE_ARG(op->ref)));
        return ERR_OK;
    case OP_SWEEP: return sweep(d);
    }
    return err_make(ERR_BUG, "pay.op", "There is no such call.");
}

static struct err request(const struct provider_config *config, const struct op *op, struct arena *arena, struct provider_request *out) {
    struct slice key = config->values[F_SECRET];
    for (size_t i = 0; i < key.len; i++)
        if ((unsigned char)key.ptr[i] <= ' ' || (unsigned char)key.ptr[i] >= 0x7f) key.len = 0;
    if (!key.len) return err_make(ERR_INPUT, "pay.settings", "Stripe's secret key is missing.");
    struct drawing d = {.config = config, .op = op, .arena = arena, .form = BUF(FORM_BYTES_MAX), .out = out};
    *out = (struct provider_request){0};
    out->headers[out->header_count++] = "Stripe-Version: 2024-06-20";
    struct slice authorization = arena_printf(arena, "Authorization: Bearer %.*s", SLICE_ARG(key));
    if (authorization.ptr) out->headers[out->header_count++] = authorization.ptr;
    struct err e = drawn(&d);
    if (!e.kind && out->is_post) out->headers[out->header_count++] = "Content-Type: application/x-www-form-urlencoded";
    if (!e.kind) e = buf_error(&d.form);
    if (!e.kind) out->body = d.form.len ? arena_copy(arena, buf_slice(&d.form)) : SLICE("");
    buf_free(&d.form);
    return e.kind ? e : arena_overflowed(arena) ? err_memory() : ERR_OK;
}

/* --- objects --- */

static struct slice kept(struct arena *arena, struct slice s) { return s.len ? arena_copy(arena, s) : SLICE(""); }

/* Of an object, or of its id alone where it was not expanded. */
static struct slice id_of(struct arena *arena, const json_t *value) {
    if (json_is_string(value)) return kept(arena, slice_of(json_string_value(value), json_string_length(value)));
    return kept(arena, json_get_string(value, "id"));
}

static const char *decline_code(const json_t *error) {
    struct slice code = json_get_string(error, "decline_code");
    if (!code.len) code = json_get_string(error, "code");
    static const struct {
        const char *theirs, *ours;
    } table[] = {{"insufficient_funds", "card.funds"},  {"expired_card", "card.expires"},     {"invalid_expiry_month", "card.expires"}, {"invalid_expiry_year", "card.expires"},
                 {"incorrect_cvc", "card.cvc"},         {"invalid_cvc", "card.cvc"},          {"incorrect_number", "card.number"},      {"invalid_number", "card.number"},
                 {"authentication_required", "card.step"}, {"payment_intent_authentication_failure", "card.step"}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (slice_eq(code, slice_cstr(table[i].theirs))) return table[i].ours;
    return "card.declined";
}

static void money_read(struct arena *arena, const json_t *object, const char *member, struct word *w) {
    int64_t amount;
    w->currency = capitals(arena, json_get_string(object, "currency"));
    w->has_money = json_get_integer(object, member, &amount) && amount_in(w->currency, amount, &w->amount);
}

static bool intent_word(struct arena *arena, const json_t *intent, struct word *w) {
    *w = (struct word){.about = WORD_PAYMENT, .ref = kept(arena, json_get_string(intent, "id")), .public_id = kept(arena, json_get_string(json_object_get(intent, "metadata"), "payment"))};
    struct slice status = json_get_string(intent, "status");
    const json_t *error = json_object_get(intent, "last_payment_error");
    if (slice_eq(status, SLICE("succeeded"))) {
        w->state = PAY_CAPTURED;
        money_read(arena, intent, "amount_received", w);
    } else if (slice_eq(status, SLICE("requires_capture"))) {
        w->state = PAY_PROCESSING;
        w->is_authorized = true;
        money_read(arena, intent, "amount_capturable", w);
    } else if (slice_eq(status, SLICE("processing"))) w->state = PAY_PROCESSING;
    else if (slice_eq(status, SLICE("canceled"))) w->state = PAY_CANCELLED;
    else if (slice_eq(status, SLICE("requires_payment_method")) && json_is_object(error)) {
        w->state = PAY_FAILED;
        w->code = slice_cstr(decline_code(error));
    } else if (slice_eq(status, SLICE("requires_payment_method")) || slice_eq(status, SLICE("requires_confirmation")) || slice_eq(status, SLICE("requires_action"))) {
        w->state = PAY_REQUIRES_ACTION;
        w->action = PAY_ACTION_STRIPE;
        w->client_secret = kept(arena, json_get_string(intent, "client_secret"));
    } else return false;
    struct slice customer = id_of(arena, json_object_get(intent, "customer")), method = id_of(arena, json_object_get(intent, "payment_method"));
    if (customer.len && method.len) w->token = arena_printf(arena, "%.*s/%.*s", SLICE_ARG(customer), SLICE_ARG(method));
    const json_t *card = json_object_get(json_object_get(json_object_get(intent, "latest_charge"), "payment_method_details"), "card");
    struct slice brand = json_get_string(card, "brand"), last4 = json_get_string(card, "last4");
    if (brand.len && brand.len < 30 && last4.len == 4)
        w->label = arena_printf(arena, "%.*s%.*s %.*s", SLICE_ARG(capitals(arena, slice_sub(brand, 0, 1))), SLICE_ARG(slice_sub(brand, 1, brand.len)), SLICE_ARG(last4));
    return w->ref.len > 0;
}

static bool refund_word(struct arena *arena, const json_t *refund, struct word *w) {
    *w = (struct word){.about = WORD_REFUND, .ref = id_of(arena, json_object_get(refund, "payment_intent")), .refund_ref = kept(arena, json_get_string(refund, "id"))};
    const json_t *metadata = json_object_get(refund, "metadata");
    w->public_id = kept(arena, json_get_string(metadata, "payment"));
    struct slice ours = json_get_string(metadata, "refund");
    if (ours.len && (!slice_to_i64(ours, &w->refund_id) || w->refund_id < 0)) w->refund_id = 0;
    struct slice status = json_get_string(refund, "status");
    w->refund_state = slice_eq(status, SLICE("succeeded")) ? PAY_REFUND_DONE : slice_eq(status, SLICE("failed")) || slice_eq(status, SLICE("canceled")) ? PAY_REFUND_FAILED : PAY_REFUND_PENDING;
    if (w->refund_state == PAY_REFUND_FAILED) w->code = SLICE("refund.refused");
    money_read(arena, refund, "amount", w);
    return w->refund_ref.len > 0 && (w->ref.len > 0 || w->public_id.len > 0);
}

/* False also for inquiries, in which no money has moved. */
static bool dispute_word(struct arena *arena, const json_t *dispute, struct word *w) {
    *w = (struct word){.about = WORD_CHARGEBACK, .ref = id_of(arena, json_object_get(dispute, "payment_intent")), .chargeback_ref = kept(arena, json_get_string(dispute, "id")),
                       .reason = kept(arena, slice_sub(json_get_string(dispute, "reason"), 0, 100))};
    struct slice status = json_get_string(dispute, "status");
    if (slice_eq(status, SLICE("needs_response")) || slice_eq(status, SLICE("under_review"))) w->chargeback_state = PAY_CHARGEBACK_OPEN;
    else if (slice_eq(status, SLICE("won"))) w->chargeback_state = PAY_CHARGEBACK_WON;
    else if (slice_eq(status, SLICE("lost"))) w->chargeback_state = PAY_CHARGEBACK_LOST;
    else return false;
    int64_t due_s;
    if (json_get_integer(json_object_get(dispute, "evidence_details"), "due_by", &due_s) && due_s > 0 && due_s < INT64_MAX / 1000000) w->due_us = due_s * 1000000;
    money_read(arena, dispute, "amount", w);
    return w->ref.len > 0 && w->chargeback_ref.len > 0;
}

/* --- answers --- */

static void refused(const struct op *op, struct arena *arena, int status, const json_t *root, struct provider_answer *out) {
    const json_t *error = json_object_get(root, "error"), *intent = json_object_get(error, "payment_intent");
    struct slice code = json_get_string(error, "code");
    out->message = kept(arena, slice_sub(code.len ? code : json_get_string(error, "type"), 0, 100));
    if (status == 404) {
        out->outcome = ANSWER_UNKNOWN;
        return;
    }
    if (status == 401 || status == 403) { /* nobody here can mend that for a buyer who waits; the rest waits for the operator */
        out->outcome = op->kind == OP_CREATE ? ANSWER_REFUSED : ANSWER_LATER;
        out->code = "pay.settings";
        return;
    }
    /* The object as it stands says more than the refusal: a card that was declined, or an intent that has moved on meanwhile. */
    if (json_is_object(intent) && op->kind != OP_REFUND && intent_word(arena, intent, &out->words[0])) {
        struct word *w = &out->words[0];
        if (status == 402 && (w->state == PAY_REQUIRES_ACTION || w->state == PAY_FAILED)) w->state = PAY_FAILED, w->code = slice_cstr(decline_code(error));
        if (!w->public_id.len) w->public_id = public_id_slice(&op->public_id);
        out->outcome = ANSWER_DONE;
        out->count = 1;
        return;
    }
    out->outcome = ANSWER_REFUSED;
    out->code = status == 402 ? decline_code(error) : op->kind == OP_REFUND ? "refund.refused" : "pay.refused";
}

static void intent_answer(const struct op *op, struct arena *arena, const json_t *intent, struct provider_answer *out) {
    struct word *w = &out->words[0];
    out->outcome = ANSWER_LATER;
    if (!intent_word(arena, intent, w)) return;
    if (!w->public_id.len) w->public_id = public_id_slice(&op->public_id);
    if (!slice_eq(w->public_id, public_id_slice(&op->public_id))) return; /* an answer to another question */
    if (op->is_off_session && w->state == PAY_REQUIRES_ACTION && w->action == PAY_ACTION_STRIPE) w->state = PAY_FAILED, w->code = SLICE("card.step"); /* nobody is there */
    out->outcome = ANSWER_DONE;
    out->count = 1;
}

static void list_answer(const struct op *op, struct arena *arena, const json_t *root, struct provider_answer *out) {
    const json_t *data = json_object_get(root, "data"), *item;
    size_t i, count = json_array_size(data);
    struct slice last = SLICE("");
    out->outcome = ANSWER_UNKNOWN;
    if (op->kind == OP_SWEEP) {
        bool are_refunds = slice_starts_with(op->cursor, SLICE("r"));
        json_array_foreach((json_t *)data, i, item) {
            if (out->count == out->words_max) break; /* more than was asked for */
            struct word *w = &out->words[out->count];
            last = json_get_string(item, "id");
            if (are_refunds ? refund_word(arena, item, w) && w->refund_state == PAY_REFUND_FAILED : dispute_word(arena, item, w)) out->count++;
        }
        bool has_more = json_is_true(json_object_get(root, "has_more")) && ref_is_fine(last) && count <= WORDS_MAX;
        out->outcome = has_more || !are_refunds ? ANSWER_GO_ON : ANSWER_DONE;
        if (has_more) out->cursor = arena_printf(arena, "%s%.*s", are_refunds ? "r" : "d", SLICE_ARG(last));
        else if (!are_refunds) out->cursor = SLICE("r");
        return;
    }
    json_array_foreach((json_t *)data, i, item) {
        struct word w;
        if (op->kind == OP_REFUND || op->kind == OP_ASK_REFUND) {
            if (!refund_word(arena, item, &w) || w.refund_id != op->refund_id) continue;
            out->words[0] = w;
            out->count = 1;
            out->outcome = ANSWER_DONE;
            return;
        }
        if (!intent_word(arena, item, &w) || !slice_eq(w.public_id, public_id_slice(&op->public_id))) continue;
        /* Should there be two, the one that took money counts first: the other shows as parked. */
        if (out->count && w.state != PAY_CAPTURED) continue;
        out->words[0] = w;
        out->count = 1;
        out->outcome = ANSWER_DONE;
    }
    if (op->kind == OP_REFUND && !out->count) out->outcome = ANSWER_GO_ON, out->cursor = SLICE("again"); /* it was never made: now it is */
}

static struct err answer(const struct provider_config *config, const struct op *op, struct arena *arena, int status, struct slice body, struct provider_answer *out) {
    out->outcome = ANSWER_LATER;
    if (status >= 500 || status == 429 || status == 409 || status < 200) return ERR_OK;
    json_t *root = NULL;
    struct err e = json_parse(body, ANSWER_BYTES_MAX, &root);
    if (e.kind == ERR_LIMIT) return e;
    if (e.kind) return ERR_OK;
    struct slice object = json_get_string(root, "object");
    if (status >= 300) refused(op, arena, status, root, out);
    else if (slice_eq(object, SLICE("payment_intent"))) intent_answer(op, arena, root, out);
    else if (slice_eq(object, SLICE("customer")) && op->kind == OP_CREATE) {
        out->customer = id_of(arena, root);
        if (ref_is_fine(out->customer)) out->outcome = ANSWER_GO_ON;
    } else if (slice_eq(object, SLICE("refund"))) {
        struct word w;
        if (refund_word(arena, root, &w) && (!w.refund_id || w.refund_id == op->refund_id)) {
            w.refund_id = op->refund_id;
            w.public_id = public_id_slice(&op->public_id);
            out->words[0] = w;
            out->count = 1;
            out->outcome = ANSWER_DONE;
        }
    } else if (slice_eq(object, SLICE("list")) || slice_eq(object, SLICE("search_result"))) list_answer(op, arena, root, out);
    json_decref(root);
    /* A search may lag behind by a minute: what is not found is not known to be missing, before the buyer's time is over. */
    if (out->outcome == ANSWER_UNKNOWN && op->kind == OP_CREATE) out->outcome = ANSWER_REFUSED, out->code = "pay.unreachable";
    return arena_overflowed(arena) ? err_memory() : ERR_OK;
}

/* --- webhooks --- */

static bool signature_is_one(struct slice header, struct slice stamp, struct slice secret, struct slice body) {
    char expected[65];
    struct slice part;
    bool is_genuine = false;
    if (!secret.len) return false;
    hmac_sha256_hex(secret, stamp, SLICE("."), body, expected);
    if (!expected[0]) return false;
    while (slice_next(&header, ',', &part)) /* all of them, also after one that fits */
        if (slice_starts_with(part, SLICE("v1=")) && slice_eq_secret(slice_sub(part, 3, part.len), slice_cstr(expected))) is_genuine = true;
    return is_genuine;
}

static const char *signature_trouble(const struct provider_config *config, int64_t received_us, struct slice header, struct slice body) {
    struct slice rest = header, part, stamp = SLICE_NONE;
    int64_t at_s = 0;
    while (slice_next(&rest, ',', &part))
        if (slice_starts_with(part, SLICE("t=")) && !stamp.len) stamp = slice_sub(part, 2, part.len);
    if (!header.len || !slice_to_i64(stamp, &at_s) || at_s < 0 || at_s > INT64_MAX / 1000000) return "signature.missing";
    bool is_new = signature_is_one(header, stamp, config->values[F_WEBHOOK], body), is_old = signature_is_one(header, stamp, config->values[F_WEBHOOK_OLD], body);
    if (!is_new && !is_old) return "signature.wrong";
    int64_t off = received_us / 1000000 - at_s;
    return off > TOLERANCE_S || off < -TOLERANCE_S ? "signature.old" : NULL;
}

static struct err webhook(const struct provider_config *config, int64_t received_us, const struct pay_header *headers, size_t count, struct slice body, struct arena *arena, struct provider_event *out) {
    struct slice header = SLICE_NONE;
    for (size_t i = 0; i < count; i++)
        if (slice_eq(headers[i].name, SLICE("stripe-signature"))) header = headers[i].value;
    out->why = signature_trouble(config, received_us, header, body);
    if (out->why) return ERR_OK;
    json_t *root = NULL;
    struct err e = json_parse(body, PAY_WEBHOOK_BYTES_MAX, &root);
    if (e.kind == ERR_LIMIT) return e;
    out->why = "event.malformed";
    if (e.kind) return ERR_OK;
    struct slice id = json_get_string(root, "id"), type = json_get_string(root, "type");
    const json_t *object = json_object_get(json_object_get(root, "data"), "object");
    if (id.len && id.len <= REF_BYTES_MAX) {
        struct slice kind = json_get_string(object, "object");
        struct word *w = &out->words[0];
        bool says = (slice_eq(kind, SLICE("payment_intent")) && slice_starts_with(type, SLICE("payment_intent.")) && intent_word(arena, object, w)) ||
                    (slice_eq(kind, SLICE("refund")) && refund_word(arena, object, w)) || (slice_eq(kind, SLICE("dispute")) && dispute_word(arena, object, w));
        out->verdict = says ? EVENT_WORDS : EVENT_IGNORED;
        out->count = says ? 1 : 0;
        out->id = arena_copy(arena, id);
        out->kind = kept(arena, slice_sub(type, 0, 100));
    }
    json_decref(root);
    return arena_overflowed(arena) ? err_memory() : ERR_OK;
}

const struct provider stripe_provider = {.id = "stripe", .name = "Stripe", .fields = fields, .field_count = ARRAY_LEN(fields), .webhook_answer = "{}", .ask_first_s = 60, .sweeps = true,
                                         .takes = takes, .request = request, .answer = answer, .webhook = webhook};
