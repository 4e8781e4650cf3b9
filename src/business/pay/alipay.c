/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Alipay's open platform with RSA2 keys (certificate mode is not spoken): page pay, notify, and the calls query, close, refund, refund query. Every request is signed over its sorted
 * parameters, every answer over the raw bytes of its inner object, every notify over its decoded parameters. Amounts are decimal yuan text, read as whole fen. Not run against the
 * live service. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "business/pay/room.h"

enum { F_APP, F_SELLER, F_PRIVATE, F_PUBLIC, F_GATEWAY };
enum { PARAMS_MAX = 64, TEXT_BYTES_MAX = 64 * 1024, BEIJING_S = 8 * 3600 };

static const struct provider_field fields[] = {
    [F_APP] = {.name = "app_id", .label = "App id", .is_needed = true},
    [F_SELLER] = {.name = "seller_id", .label = "Seller id (PID, 2088...)"},
    [F_PRIVATE] = {.name = "private_key", .label = "Your application's private key", .is_secret = true, .is_needed = true, .check = rsa_private_check},
    [F_PUBLIC] = {.name = "alipay_public_key", .label = "Alipay's public key", .is_needed = true, .check = rsa_public_check},
    [F_GATEWAY] = {.name = "base_url", .label = "Address of the gateway", .fallback = "https://openapi.alipay.com/gateway.do", .check = base_url_check},
};

static bool takes(const struct provider_config *config, struct money amount) { return amount.currency == CURRENCY_CNY && amount.minor <= INT64_C(10000000000); } /* 100,000,000.00 */

/* --- parameters: sorted by name, joined as they are, signed --- */

struct param {
    struct slice name, value;
};
static int param_compare(const void *a, const void *b) { return slice_compare(((const struct param *)a)->name, ((const struct param *)b)->name); }

static void params_join(struct param *params, size_t count, bool with_empty, struct buf *out) {
    qsort(params, count, sizeof *params, param_compare);
    for (size_t i = 0; i < count; i++) {
        if (!params[i].value.len && !with_empty) continue;
        if (out->len) buf_u8(out, '&');
        buf_append(out, params[i].name);
        buf_u8(out, '=');
        buf_append(out, params[i].value);
    }
}

/* "2026-11-21 14:05:00" in Beijing. */
static struct slice beijing(struct arena *arena, int64_t us) {
    struct buf text = BUF(64);
    utc_format(&text, utc_from_seconds(us / 1000000 + BEIJING_S), 0);
    struct slice s = text.has_failed || text.len < 19 ? SLICE("") : arena_copy(arena, slice_sub(buf_slice(&text), 0, 19));
    buf_free(&text);
    if (s.len == 19) ((char *)s.ptr)[10] = ' ';
    return s;
}

static struct slice yuan(struct arena *arena, struct money amount) {
    struct buf text = BUF(64);
    money_append(&text, amount);
    struct slice s = arena_copy(arena, buf_slice(&text));
    buf_free(&text);
    return s;
}

static const char *method_of(enum op_kind kind) {
    switch (kind) {
    case OP_CREATE: return "alipay.trade.page.pay";
    case OP_CANCEL: return "alipay.trade.close";
    case OP_REFUND: return "alipay.trade.refund";
    case OP_ASK_REFUND: return "alipay.trade.fastpay.refund.query";
    case OP_ASK: return "alipay.trade.query";
    case OP_CAPTURE:
    case OP_SWEEP: break;
    }
    return NULL;
}

static struct err content_of(const struct op *op, struct arena *arena, struct slice *out) {
    struct buf text = BUF(TEXT_BYTES_MAX);
    struct json_writer w = json_writer_of(&text);
    char refund[24];
    int refund_len = snprintf(refund, sizeof refund, "%lld", (long long)op->refund_id);
    json_begin_object(&w);
    json_put_string(&w, "out_trade_no", public_id_slice(&op->public_id));
    if (op->kind == OP_CREATE) {
        json_put_string(&w, "total_amount", yuan(arena, op->amount));
        json_put_string(&w, "subject", op->what);
        json_put_cstr(&w, "product_code", "FAST_INSTANT_TRADE_PAY");
        json_put_string(&w, "time_expire", beijing(arena, op->expires_us));
    }
    if (op->kind == OP_REFUND) json_put_string(&w, "refund_amount", yuan(arena, op->refund_amount));
    if (op->kind == OP_REFUND || op->kind == OP_ASK_REFUND) json_put_string(&w, "out_request_no", slice_of(refund, (size_t)refund_len));
    json_end(&w);
    struct err e = buf_error(&text);
    if (!e.kind) *out = arena_copy(arena, buf_slice(&text));
    buf_free(&text);
    return e;
}

/* The signed parameters as a form. */
static struct err form_of(const struct provider_config *config, const struct op *op, struct arena *arena, struct slice *out) {
    const char *method = method_of(op->kind);
    struct slice content;
    if (!method) return err_make(ERR_BUG, "pay.op", "There is no such call.");
    struct err e = content_of(op, arena, &content);
    if (e.kind) return e;
    struct param params[] = {
        {SLICE("app_id"), config->values[F_APP]}, {SLICE("method"), slice_cstr(method)}, {SLICE("format"), SLICE("JSON")}, {SLICE("charset"), SLICE("utf-8")},
        {SLICE("sign_type"), SLICE("RSA2")}, {SLICE("timestamp"), beijing(arena, op->now_us)}, {SLICE("version"), SLICE("1.0")}, {SLICE("biz_content"), content},
        {SLICE("notify_url"), op->kind == OP_CREATE ? op->notify_url : SLICE("")}, {SLICE("return_url"), op->kind == OP_CREATE ? op->return_url : SLICE("")},
    };
    struct buf text = BUF(TEXT_BYTES_MAX);
    params_join(params, ARRAY_LEN(params), false, &text);
    struct slice sign;
    e = buf_error(&text);
    if (!e.kind) e = rsa_sign(config->values[F_PRIVATE], buf_slice(&text), arena, &sign);
    buf_clear(&text);
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(params); i++)
        if (params[i].value.len) form_put(&text, params[i].name.ptr, params[i].value);
    if (!e.kind) form_put(&text, "sign", sign);
    if (!e.kind) e = buf_error(&text);
    if (!e.kind) *out = arena_copy(arena, buf_slice(&text));
    buf_free(&text);
    return e.kind ? e : arena_overflowed(arena) ? err_memory() : ERR_OK;
}

static struct err request(const struct provider_config *config, const struct op *op, struct arena *arena, struct provider_request *out) {
    struct slice form;
    struct err e = form_of(config, op, arena, &form); /* also of a page pay: whether the key signs is found out here */
    if (e.kind == ERR_INPUT) return err_make(ERR_INPUT, "pay.settings", "Alipay's keys do not do.");
    if (e.kind) return e;
    *out = (struct provider_request){.is_local = op->kind == OP_CREATE, .is_post = true, .url = config->values[F_GATEWAY], .body = form};
    out->headers[out->header_count++] = "Content-Type: application/x-www-form-urlencoded;charset=utf-8";
    return ERR_OK;
}

/* --- answers --- */

/* The raw bytes of the member NAME_response of an answer: what is signed. */
static struct slice inner_of(struct slice body, const char *method) {
    char name[64] = "\"";
    size_t len = 1;
    for (const char *c = method; *c && len < sizeof name - 14; c++) name[len++] = *c == '.' ? '_' : *c;
    snprintf(name + len, sizeof name - len, "_response\"");
    size_t at = slice_find(body, slice_cstr(name));
    if (at == SLICE_NPOS) return SLICE_NONE;
    at += strlen(name);
    while (at < body.len && (body.ptr[at] == ' ' || body.ptr[at] == ':' || body.ptr[at] == '\n' || body.ptr[at] == '\r' || body.ptr[at] == '\t')) at++;
    if (at >= body.len || body.ptr[at] != '{') return SLICE_NONE;
    int depth = 0;
    bool in_string = false;
    for (size_t i = at; i < body.len; i++) {
        char c = body.ptr[i];
        if (in_string) {
            if (c == '\\') i++;
            else if (c == '"') in_string = false;
        } else if (c == '"') in_string = true;
        else if (c == '{') depth++;
        else if (c == '}' && --depth == 0) return slice_sub(body, at, i + 1);
    }
    return SLICE_NONE;
}

static bool fen_of(struct slice text, struct word *w) {
    struct money amount;
    w->currency = SLICE("CNY");
    w->has_money = text.len && !money_parse(text, CURRENCY_CNY, &amount).kind && amount.minor >= 0;
    if (w->has_money) w->amount = amount.minor;
    return w->has_money;
}

static struct slice kept(struct arena *arena, struct slice s) { return s.len ? arena_copy(arena, s) : SLICE(""); }

static bool trade_state(struct slice status, enum pay_state *out) {
    if (slice_eq(status, SLICE("TRADE_SUCCESS")) || slice_eq(status, SLICE("TRADE_FINISHED"))) *out = PAY_CAPTURED;
    else if (slice_eq(status, SLICE("TRADE_CLOSED"))) *out = PAY_CANCELLED;
    else return false;
    return true;
}

static void business_answer(const struct op *op, struct arena *arena, const json_t *inner, struct provider_answer *out) {
    struct slice code = json_get_string(inner, "code"), sub = json_get_string(inner, "sub_code");
    struct word *w = &out->words[0];
    out->message = kept(arena, slice_sub(sub.len ? sub : code, 0, 100));
    if (!slice_eq(code, SLICE("10000"))) {
        bool is_missing = slice_eq(sub, SLICE("ACQ.TRADE_NOT_EXIST"));
        bool is_trouble = slice_eq(code, SLICE("20000")) || slice_eq(sub, SLICE("ACQ.SYSTEM_ERROR")) || slice_eq(sub, SLICE("aop.ACQ.SYSTEM_ERROR"));
        bool is_ours = slice_starts_with(code, SLICE("2")) || slice_eq(code, SLICE("40001")) || slice_eq(code, SLICE("40002")); /* signature, permission: the operator's to mend */
        out->outcome = is_missing ? ANSWER_UNKNOWN : is_trouble || is_ours ? ANSWER_LATER : ANSWER_REFUSED;
        out->code = op->kind == OP_REFUND ? "refund.refused" : "pay.refused";
        return;
    }
    struct slice number = json_get_string(inner, "out_trade_no");
    if (number.len && !slice_eq(number, public_id_slice(&op->public_id))) return; /* an answer to another question */
    *w = (struct word){.about = WORD_PAYMENT, .public_id = public_id_slice(&op->public_id), .ref = kept(arena, json_get_string(inner, "trade_no"))};
    if (op->kind == OP_CANCEL) w->state = PAY_CANCELLED;
    else if (op->kind == OP_ASK) {
        if (!trade_state(json_get_string(inner, "trade_status"), &w->state)) { /* WAIT_BUYER_PAY: as we know it */
            out->outcome = ANSWER_DONE;
            return;
        }
        fen_of(json_get_string(inner, "total_amount"), w);
    } else {
        *w = (struct word){.about = WORD_REFUND, .public_id = public_id_slice(&op->public_id), .refund_id = op->refund_id, .refund_state = PAY_REFUND_PENDING};
        w->refund_ref = arena_printf(arena, "%lld", (long long)op->refund_id);
        if (op->kind == OP_REFUND && slice_eq(json_get_string(inner, "fund_change"), SLICE("Y"))) w->refund_state = PAY_REFUND_DONE; /* refund_fee is the sum of all: not compared */
        if (op->kind == OP_ASK_REFUND) {
            bool is_done = slice_eq(json_get_string(inner, "refund_status"), SLICE("REFUND_SUCCESS"));
            if (!is_done) { /* nothing is said of one that was not made */
                out->outcome = ANSWER_UNKNOWN;
                return;
            }
            w->refund_state = PAY_REFUND_DONE;
            fen_of(json_get_string(inner, "refund_amount"), w);
        }
    }
    out->outcome = ANSWER_DONE;
    out->count = 1;
}

static struct err answer(const struct provider_config *config, const struct op *op, struct arena *arena, int status, struct slice body, struct provider_answer *out) {
    out->outcome = ANSWER_LATER;
    if (op->kind == OP_CREATE) { /* the buyer brings it there himself */
        struct slice form;
        struct err e = form_of(config, op, arena, &form);
        if (e.kind) return e;
        struct slice gateway = config->values[F_GATEWAY];
        struct word *w = &out->words[out->count++];
        *w = (struct word){.about = WORD_PAYMENT, .public_id = public_id_slice(&op->public_id), .state = PAY_REQUIRES_ACTION, .action = PAY_ACTION_REDIRECT};
        w->url = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(gateway), slice_find_byte(gateway, '?') == SLICE_NPOS ? "?" : "&", SLICE_ARG(form));
        w->label = SLICE("Alipay");
        out->outcome = ANSWER_DONE;
        return w->url.ptr ? ERR_OK : err_memory();
    }
    if (status != 200) return ERR_OK;
    json_t *root = NULL, *inner = NULL;
    struct err e = json_parse(body, ANSWER_BYTES_MAX, &root);
    if (e.kind == ERR_LIMIT) return e;
    if (e.kind) return ERR_OK;
    struct slice raw = inner_of(body, method_of(op->kind)), sign = kept(arena, json_get_string(root, "sign"));
    json_decref(root);
    if (!raw.len || !rsa_verify(config->values[F_PUBLIC], raw, sign)) return ERR_OK; /* not believed, and asked again */
    e = json_parse(raw, ANSWER_BYTES_MAX, &inner);
    if (e.kind == ERR_LIMIT) return e;
    if (e.kind) return ERR_OK;
    business_answer(op, arena, inner, out);
    json_decref(inner);
    return arena_overflowed(arena) ? err_memory() : ERR_OK;
}

/* --- notify --- */

static struct slice param_of(const struct param *params, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (slice_eq(params[i].name, slice_cstr(name))) return params[i].value;
    return SLICE("");
}

static struct err webhook(const struct provider_config *config, int64_t received_us, const struct pay_header *headers, size_t header_count, struct slice body, struct arena *arena, struct provider_event *out) {
    struct param *params = arena_alloc_array(arena, PARAMS_MAX, sizeof *params);
    if (!params) return err_memory();
    struct slice rest = body, name, value, sign = SLICE("");
    size_t count = 0;
    bool is_bad = false;
    out->why = "event.malformed";
    while (count < PARAMS_MAX && form_next(&rest, arena, &name, &value, &is_bad)) {
        for (size_t i = 0; i < count; i++)
            if (slice_eq(params[i].name, name)) return ERR_OK; /* said twice: which one was signed? */
        if (slice_eq(name, SLICE("sign"))) sign = value;
        else if (!slice_eq(name, SLICE("sign_type"))) params[count++] = (struct param){name, value};
    }
    if (is_bad || rest.len || !count) return arena_overflowed(arena) ? err_memory() : ERR_OK;
    out->why = "signature.missing";
    if (!sign.len) return ERR_OK;
    struct buf text = BUF(PAY_WEBHOOK_BYTES_MAX + 1024);
    struct err e = ERR_OK;
    bool is_genuine = false;
    /* Whether what is empty was signed, Alipay's own libraries do not agree: in either form nothing that says something can be slipped in. */
    for (int with_empty = 0; !e.kind && !is_genuine && with_empty <= 1; with_empty++) {
        buf_clear(&text);
        params_join(params, count, with_empty, &text);
        e = buf_error(&text);
        is_genuine = !e.kind && rsa_verify(config->values[F_PUBLIC], buf_slice(&text), sign);
    }
    buf_free(&text);
    if (e.kind) return e;
    out->why = "signature.wrong";
    if (!is_genuine) return ERR_OK;
    struct slice seller = config->values[F_SELLER];
    out->why = "event.account"; /* genuine, and another shop's */
    if (!slice_eq(param_of(params, count, "app_id"), config->values[F_APP]) || (seller.len && !slice_eq(param_of(params, count, "seller_id"), seller))) return ERR_OK;
    struct slice status = param_of(params, count, "trade_status");
    struct word *w = &out->words[0];
    *w = (struct word){.about = WORD_PAYMENT, .public_id = param_of(params, count, "out_trade_no"), .ref = param_of(params, count, "trade_no")};
    fen_of(param_of(params, count, "total_amount"), w);
    bool says = trade_state(status, &w->state) && w->public_id.len > 0;
    if (w->state == PAY_CANCELLED && param_of(params, count, "refund_fee").len) says = false; /* closed since all of it was refunded: that is no cancelling */
    out->verdict = says ? EVENT_WORDS : EVENT_IGNORED;
    out->count = says ? 1 : 0;
    out->id = slice_sub(param_of(params, count, "notify_id"), 0, 250);
    out->kind = slice_sub(status.len ? status : SLICE("notify"), 0, 100);
    return ERR_OK;
}

const struct provider alipay_provider = {.id = "alipay", .name = "Alipay", .is_redirect = true, .fields = fields, .field_count = ARRAY_LEN(fields), .webhook_answer = "success", .ask_first_s = 15,
                                         .takes = takes, .request = request, .answer = answer, .webhook = webhook};
