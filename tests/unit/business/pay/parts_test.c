/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What providers' bytes mean: signatures by vectors and by keys made here, requests, answers, webhooks, amounts; and the picture of states as a property. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "business/pay/room.h"
#include "store.h"

static struct arena *arena;
static int setup(void **state) { return (arena = arena_create(64 << 20)) ? 0 : -1; }
static int teardown(void **state) {
    arena_destroy(&arena);
    return 0;
}
#define TEXT(...) arena_printf(arena, __VA_ARGS__)

/* --- hashes and signatures --- */

static void the_vector_of_stripe(void **state) {
    char mac[65];
    hmac_sha256_hex(SLICE("whsec_test_secret"), SLICE("1700000000"), SLICE("."), SLICE("{\"id\":\"evt_1\"}"), mac);
    assert_string_equal(mac, "248a374f50f943a28b0f6ab50faf9a7e7e29b710fa26df9fb1618b9bf8ea9c9a");
}

static struct provider_config stripe_config(void) {
    return (struct provider_config){.org_id = 7, .provider = PAY_STRIPE, .is_enabled = true,
                                    .values = {SLICE("pk_test"), SLICE("sk_test"), SLICE("whsec_test_secret"), SLICE(""), SLICE("http://127.0.0.1:9/")}};
}

static struct provider_event stripe_event(const struct provider_config *config, const char *header, const char *body, int64_t now_s) {
    struct pay_header h = {SLICE("stripe-signature"), slice_cstr(header)};
    struct provider_event event = {0};
    assert_ok(stripe_provider.webhook(config, now_s * 1000000, &h, 1, slice_cstr(body), arena, &event));
    return event;
}

static void signatures_of_stripe(void **state) {
    struct provider_config config = stripe_config();
    static const char body[] = "{\"id\":\"evt_1\"}", good[] = "248a374f50f943a28b0f6ab50faf9a7e7e29b710fa26df9fb1618b9bf8ea9c9a";
    static const struct {
        const char *header; /* %s: the good one */
        int64_t now_s;
        const char *why; /* NULL: genuine */
    } rows[] = {
        {"t=1700000000,v1=%s", 1700000000, NULL},
        {"t=1700000000,v1=%s", 1700000300, NULL},
        {"t=1700000000,v1=%s", 1699999700, NULL},
        {"t=1700000000,v1=%s", 1700000301, "signature.old"},
        {"t=1700000000,v1=%s", 1699999699, "signature.old"},
        {"t=1700000001,v1=%s", 1700000000, "signature.wrong"},
        {"t=1700000000,v1=00,v1=%s,v0=aa", 1700000000, NULL}, /* rotation: any of them */
        {"t=1700000000,v0=%s", 1700000000, "signature.wrong"},
        {"v1=%s", 1700000000, "signature.missing"},
        {"t=,v1=%s", 1700000000, "signature.missing"},
        {"t=99999999999999999999,v1=%s", 1700000000, "signature.missing"},
        {"t=-1,v1=%s", 1700000000, "signature.missing"},
        {"", 1700000000, "signature.missing"},
        {"t=1700000000", 1700000000, "signature.wrong"},
        {"t=1700000000,v1=248A374F", 1700000000, "signature.wrong"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char header[300];
        const char *place = strstr(rows[i].header, "%s");
        if (place) snprintf(header, sizeof header, "%.*s%s%s", (int)(place - rows[i].header), rows[i].header, good, place + 2);
        else snprintf(header, sizeof header, "%s", rows[i].header);
        struct provider_event event = stripe_event(&config, header, body, rows[i].now_s);
        if (rows[i].why) {
            assert_int_equal(event.verdict, EVENT_FORGED);
            assert_string_equal(event.why, rows[i].why);
        } else assert_int_equal(event.verdict, EVENT_IGNORED);
    }
    config.values[3] = config.values[2], config.values[2] = SLICE("whsec_new"); /* the former secret, while it is being replaced */
    assert_int_equal(stripe_event(&config, "t=1700000000,v1=248a374f50f943a28b0f6ab50faf9a7e7e29b710fa26df9fb1618b9bf8ea9c9a", body, 1700000000).verdict, EVENT_IGNORED);
    config.values[3] = SLICE("");
    assert_int_equal(stripe_event(&config, "t=1700000000,v1=248a374f50f943a28b0f6ab50faf9a7e7e29b710fa26df9fb1618b9bf8ea9c9a", body, 1700000000).verdict, EVENT_FORGED);
    config.values[2] = SLICE(""); /* without any secret nothing is genuine: not even what is signed with an empty one */
    char mac[65], header[120];
    hmac_sha256_hex(SLICE(""), SLICE("1700000000"), SLICE("."), slice_cstr(body), mac);
    snprintf(header, sizeof header, "t=1700000000,v1=%s", mac);
    assert_int_equal(stripe_event(&config, header, body, 1700000000).verdict, EVENT_FORGED);
}

/* --- RSA --- */

struct rsa_pair {
    struct slice private_pem, public_pem, private_base64, public_base64;
};
static struct slice bio_text(BIO *bio) {
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    struct slice s = arena_copy(arena, slice_of(data, (size_t)len));
    BIO_free(bio);
    return s;
}
static struct slice base64_text(const uint8_t *bytes, int len) {
    char *out = arena_alloc(arena, (size_t)len * 2 + 8);
    return slice_of(out, (size_t)EVP_EncodeBlock((uint8_t *)out, bytes, len));
}
static struct rsa_pair pair_make(unsigned bits) {
    EVP_PKEY *key = EVP_RSA_gen(bits);
    struct rsa_pair p;
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    p.private_pem = bio_text(bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    p.public_pem = bio_text(bio);
    uint8_t *der = NULL;
    int len = i2d_PrivateKey(key, &der); /* PKCS#1 */
    p.private_base64 = base64_text(der, len);
    OPENSSL_free(der);
    der = NULL;
    len = i2d_PUBKEY(key, &der);
    p.public_base64 = base64_text(der, len);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    return p;
}

static void rsa_signatures(void **state) {
    struct rsa_pair a = pair_make(2048), b = pair_make(2048), weak = pair_make(1024);
    struct slice text = SLICE("app_id=1&total_amount=2.00&subject=\xe4\xbd\xa0\xe5\xa5\xbd"), sign, other;
    assert_ok(rsa_sign(a.private_pem, text, arena, &sign));
    assert_ok(rsa_sign(a.private_base64, text, arena, &other));
    assert_true(slice_eq(sign, other)); /* PKCS#1 v1.5 has no salt */
    assert_true(rsa_verify(a.public_pem, text, sign));
    assert_true(rsa_verify(a.public_base64, text, sign));
    assert_false(rsa_verify(b.public_pem, text, sign));
    assert_false(rsa_verify(a.public_pem, SLICE("app_id=1&total_amount=2.01"), sign));
    assert_false(rsa_verify(a.public_pem, text, SLICE("")));
    assert_false(rsa_verify(a.public_pem, text, SLICE("!!!!")));
    assert_false(rsa_verify(a.public_pem, text, slice_sub(sign, 0, sign.len - 4)));
    assert_false(rsa_verify(SLICE("nothing"), text, sign));
    assert_ok(rsa_private_check(a.private_base64));
    assert_error(rsa_private_check(a.public_base64), "pay.key");
    assert_error(rsa_public_check(SLICE("-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----")), "pay.key");
    assert_error(rsa_private_check(weak.private_pem), "pay.key");
    assert_error(rsa_public_check(weak.public_pem), "pay.key");
}

/* --- Alipay --- */

static struct op some_op(enum pay_provider provider, enum op_kind kind, struct money amount) {
    struct op op = {.id = 5, .org_id = 7, .payment_id = 6, .refund_id = 42, .provider = provider, .kind = kind, .amount = amount, .refund_amount = amount, .ref = SLICE(""), .refund_ref = SLICE(""),
                    .token = SLICE(""), .customer = SLICE(""), .what = SLICE("Order 1042 & more"), .return_url = SLICE("https://shop.example/checkout/1?a=b"), .notify_url = SLICE("https://shop.example/n"),
                    .cursor = SLICE(""), .created_us = 1700000000000000, .expires_us = 1700001800000000, .now_us = 1700000000000000, .first_us = 1700000000000000, .attempts = 1};
    snprintf(op.public_id.text, sizeof op.public_id.text, "%s", "7zr3v9k2m8qd41xh");
    return op;
}
static struct provider_config alipay_config(const struct rsa_pair *ours, const struct rsa_pair *theirs) {
    return (struct provider_config){.org_id = 7, .provider = PAY_ALIPAY, .is_enabled = true, .values = {SLICE("2021001"), SLICE("2088001"), ours->private_pem, theirs->public_pem, SLICE("http://127.0.0.1:9/gateway.do")}};
}

static void a_page_pay_of_alipay(void **state) {
    struct rsa_pair ours = pair_make(2048);
    struct provider_config config = alipay_config(&ours, &ours);
    struct op op = some_op(PAY_ALIPAY, OP_CREATE, MONEY(200, CURRENCY_CNY));
    struct provider_request request;
    struct provider_answer *answer = answer_make(arena, WORDS_MAX);
    assert_ok(alipay_provider.request(&config, &op, arena, &request));
    assert_true(request.is_local);
    assert_ok(alipay_provider.answer(&config, &op, arena, 0, SLICE(""), answer));
    assert_int_equal(answer->outcome, ANSWER_DONE);
    assert_int_equal(answer->words[0].state, PAY_REQUIRES_ACTION);
    struct slice url = answer->words[0].url, rest, name, value, signed_text = SLICE(""), sign = SLICE("");
    rest = slice_sub(url, slice_find_byte(url, '?') + 1, url.len);
    bool is_bad = false, has_type = false;
    struct slice last = SLICE("");
    while (form_next(&rest, arena, &name, &value, &is_bad)) { /* they stand sorted already */
        if (slice_eq(name, SLICE("sign"))) {
            sign = value;
            continue;
        }
        has_type |= slice_eq(name, SLICE("sign_type")); /* of a request it is signed too */
        assert_true(slice_compare(last, name) < 0);
        last = name;
        signed_text = TEXT("%.*s%s%.*s=%.*s", SLICE_ARG(signed_text), signed_text.len ? "&" : "", SLICE_ARG(name), SLICE_ARG(value));
    }
    assert_false(is_bad);
    assert_true(has_type);
    assert_true(rsa_verify(ours.public_pem, signed_text, sign));
    assert_true(slice_find(signed_text, SLICE("\"total_amount\":\"2.00\"")) != SLICE_NPOS);
    assert_true(slice_find(signed_text, SLICE("timestamp=2023-11-15 06:13:20")) != SLICE_NPOS); /* Beijing */
    assert_true(slice_find(signed_text, SLICE("\"time_expire\":\"2023-11-15 06:43:20\"")) != SLICE_NPOS);
    assert_false(alipay_provider.takes(&config, MONEY(200, CURRENCY_EUR)));
}

/* Signs what the rows say, as Alipay does: without sign and sign_type. */
static struct slice notify_of(const struct rsa_pair *key, const char *sorted) {
    struct slice sign;
    assert_ok(rsa_sign(key->private_pem, slice_cstr(sorted), arena, &sign));
    struct buf form = BUF(65536);
    struct slice rest = slice_cstr(sorted), part;
    while (slice_next(&rest, '&', &part)) {
        size_t at = slice_find_byte(part, '=');
        form_put(&form, arena_cstr(arena, slice_sub(part, 0, at)), slice_sub(part, at + 1, part.len));
    }
    form_put(&form, "sign_type", SLICE("RSA2"));
    form_put(&form, "sign", sign);
    struct slice s = arena_copy(arena, buf_slice(&form));
    buf_free(&form);
    return s;
}

static struct provider_event alipay_event(const struct provider_config *config, struct slice body) {
    struct provider_event event = {0};
    assert_ok(alipay_provider.webhook(config, 0, NULL, 0, body, arena, &event));
    return event;
}

static void notifies_of_alipay(void **state) {
    struct rsa_pair theirs = pair_make(2048), others = pair_make(2048);
    struct provider_config config = alipay_config(&theirs, &theirs);
    static const char good[] = "app_id=2021001&notify_id=n1&out_trade_no=7zr3v9k2m8qd41xh&seller_id=2088001&subject=a b+c&total_amount=12.30&trade_no=T1&trade_status=TRADE_SUCCESS";
    struct provider_event event = alipay_event(&config, notify_of(&theirs, good));
    assert_int_equal(event.verdict, EVENT_WORDS);
    assert_int_equal(event.words[0].state, PAY_CAPTURED);
    assert_int_equal(event.words[0].amount, 1230);
    assert_true(event.words[0].has_money && slice_eq(event.words[0].currency, SLICE("CNY")) && slice_eq(event.words[0].ref, SLICE("T1")));
    assert_int_equal(alipay_event(&config, notify_of(&others, good)).verdict, EVENT_FORGED);
    struct slice body = notify_of(&theirs, good);
    char *altered = arena_cstr(arena, body);
    strstr(altered, "12.30")[0] = '9';
    assert_string_equal(alipay_event(&config, slice_cstr(altered)).why, "signature.wrong");
    assert_string_equal(alipay_event(&config, TEXT("%.*s&total_amount=99.00", SLICE_ARG(body))).why, "event.malformed"); /* said twice */
    assert_string_equal(alipay_event(&config, SLICE("a=b")).why, "signature.missing");
    assert_string_equal(alipay_event(&config, SLICE("a=%4")).why, "event.malformed");
    assert_string_equal(alipay_event(&config, SLICE("")).why, "event.malformed");
    assert_string_equal(alipay_event(&config, notify_of(&theirs, "app_id=666&notify_id=n1&out_trade_no=7zr3v9k2m8qd41xh&seller_id=2088001&total_amount=1.00&trade_status=TRADE_SUCCESS")).why, "event.account");
    assert_string_equal(alipay_event(&config, notify_of(&theirs, "app_id=2021001&notify_id=n1&out_trade_no=7zr3v9k2m8qd41xh&seller_id=666&total_amount=1.00&trade_status=TRADE_SUCCESS")).why, "event.account");
    assert_int_equal(alipay_event(&config, notify_of(&theirs, "app_id=2021001&notify_id=n1&out_trade_no=x&seller_id=2088001&trade_status=WAIT_BUYER_PAY")).verdict, EVENT_IGNORED);
    assert_int_equal(alipay_event(&config, notify_of(&theirs, "app_id=2021001&notify_id=n1&out_trade_no=x&refund_fee=1.00&seller_id=2088001&trade_status=TRADE_CLOSED")).verdict, EVENT_IGNORED);
    static const char *const amounts[] = {"12.345", "1e3", "-", "+1.00", "", "0x10", "92233720368547758.08", "1,00"};
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++) { /* no amount, so nothing is captured */
        event = alipay_event(&config, notify_of(&theirs, TEXT("app_id=2021001&notify_id=n&out_trade_no=x&seller_id=2088001&total_amount=%s&trade_no=T&trade_status=TRADE_FINISHED", amounts[i]).ptr));
        assert_int_equal(event.verdict, EVENT_WORDS);
        assert_false(event.words[0].has_money);
    }
}

static struct provider_answer *alipay_says(const struct provider_config *config, const struct rsa_pair *key, enum op_kind kind, const char *method, const char *inner) {
    struct op op = some_op(PAY_ALIPAY, kind, MONEY(1230, CURRENCY_CNY));
    struct slice sign;
    assert_ok(rsa_sign(key->private_pem, slice_cstr(inner), arena, &sign));
    struct provider_answer *answer = answer_make(arena, WORDS_MAX);
    assert_ok(alipay_provider.answer(config, &op, arena, 200, TEXT("{\"%s_response\":%s,\"sign\":\"%.*s\"}", method, inner, SLICE_ARG(sign)), answer));
    return answer;
}

static void answers_of_alipay(void **state) {
    struct rsa_pair theirs = pair_make(2048), others = pair_make(2048);
    struct provider_config config = alipay_config(&theirs, &theirs);
    /* Blanks and escapes stay as they are: the raw bytes are signed, not what they mean. */
    static const char paid[] = "{ \"code\":\"10000\", \"msg\":\"a \\\"quoted\\\" } brace\",\"out_trade_no\":\"7zr3v9k2m8qd41xh\",\"trade_no\":\"T1\",\"trade_status\":\"TRADE_SUCCESS\",\"total_amount\":\"12.30\"}";
    struct provider_answer *a = alipay_says(&config, &theirs, OP_ASK, "alipay_trade_query", paid);
    assert_int_equal(a->outcome, ANSWER_DONE);
    assert_int_equal(a->words[0].state, PAY_CAPTURED);
    assert_int_equal(a->words[0].amount, 1230);
    assert_int_equal(alipay_says(&config, &others, OP_ASK, "alipay_trade_query", paid)->outcome, ANSWER_LATER); /* not believed */
    assert_int_equal(alipay_says(&config, &theirs, OP_ASK, "alipay_trade_close", paid)->outcome, ANSWER_LATER);
    assert_int_equal(alipay_says(&config, &theirs, OP_ASK, "alipay_trade_query", "{\"code\":\"40004\",\"sub_code\":\"ACQ.TRADE_NOT_EXIST\"}")->outcome, ANSWER_UNKNOWN);
    assert_int_equal(alipay_says(&config, &theirs, OP_ASK, "alipay_trade_query", "{\"code\":\"20000\"}")->outcome, ANSWER_LATER);
    a = alipay_says(&config, &theirs, OP_ASK, "alipay_trade_query", "{\"code\":\"10000\",\"out_trade_no\":\"7zr3v9k2m8qd41xh\",\"trade_status\":\"WAIT_BUYER_PAY\",\"total_amount\":\"12.30\"}");
    assert_int_equal(a->outcome, ANSWER_DONE);
    assert_int_equal(a->count, 0);
    assert_int_equal(alipay_says(&config, &theirs, OP_ASK, "alipay_trade_query", "{\"code\":\"10000\",\"out_trade_no\":\"another\",\"trade_status\":\"TRADE_SUCCESS\"}")->outcome, ANSWER_LATER);
    a = alipay_says(&config, &theirs, OP_REFUND, "alipay_trade_refund", "{\"code\":\"10000\",\"out_trade_no\":\"7zr3v9k2m8qd41xh\",\"fund_change\":\"Y\",\"refund_fee\":\"12.30\"}");
    assert_int_equal(a->words[0].refund_state, PAY_REFUND_DONE);
    a = alipay_says(&config, &theirs, OP_REFUND, "alipay_trade_refund", "{\"code\":\"10000\",\"out_trade_no\":\"7zr3v9k2m8qd41xh\",\"fund_change\":\"N\",\"refund_fee\":\"12.30\"}");
    assert_int_equal(a->words[0].refund_state, PAY_REFUND_PENDING); /* it was done before, or not: asked */
    assert_int_equal(alipay_says(&config, &theirs, OP_REFUND, "alipay_trade_refund", "{\"code\":\"40004\",\"sub_code\":\"ACQ.REFUND_AMT_NOT_EQUAL_TOTAL\"}")->outcome, ANSWER_REFUSED);
    assert_int_equal(alipay_says(&config, &theirs, OP_ASK_REFUND, "alipay_trade_fastpay_refund_query", "{\"code\":\"10000\",\"out_trade_no\":\"7zr3v9k2m8qd41xh\"}")->outcome, ANSWER_UNKNOWN);
    a = alipay_says(&config, &theirs, OP_ASK_REFUND, "alipay_trade_fastpay_refund_query", "{\"code\":\"10000\",\"out_trade_no\":\"7zr3v9k2m8qd41xh\",\"refund_status\":\"REFUND_SUCCESS\",\"refund_amount\":\"12.30\"}");
    assert_int_equal(a->words[0].refund_state, PAY_REFUND_DONE);
}

/* --- Stripe --- */

static struct provider_request stripe_request(struct op op) {
    struct provider_config config = stripe_config();
    struct provider_request request;
    assert_ok(stripe_provider.request(&config, &op, arena, &request));
    return request;
}
static bool has(struct slice text, const char *part) { return slice_find(text, slice_cstr(part)) != SLICE_NPOS; }
static bool has_header(const struct provider_request *r, const char *line) {
    for (size_t i = 0; i < r->header_count; i++)
        if (!strcmp(r->headers[i], line)) return true;
    return false;
}

static void requests_to_stripe(void **state) {
    struct op op = some_op(PAY_STRIPE, OP_CREATE, MONEY(1299, CURRENCY_EUR));
    struct provider_request r = stripe_request(op);
    assert_true(r.is_post && slice_eq(r.url, SLICE("http://127.0.0.1:9/v1/payment_intents")));
    assert_true(has(r.body, "amount=1299&currency=eur&") && has(r.body, "metadata[payment]=7zr3v9k2m8qd41xh") && has(r.body, "description=Order%201042%20%26%20more"));
    assert_true(has_header(&r, "Idempotency-Key: gs-7zr3v9k2m8qd41xh-create") && has_header(&r, "Authorization: Bearer sk_test"));
    op.keeps_method = true;
    r = stripe_request(op);
    assert_true(slice_ends_with(r.url, SLICE("/v1/customers")) && has_header(&r, "Idempotency-Key: gs-7zr3v9k2m8qd41xh-customer"));
    op.customer = SLICE("cus_1");
    assert_true(has(stripe_request(op).body, "customer=cus_1&setup_future_usage=off_session"));
    op.token = SLICE("cus_1/pm_2"), op.is_off_session = true;
    assert_true(has(stripe_request(op).body, "customer=cus_1&payment_method=pm_2&confirm=true&off_session=true"));
    op.now_us += (KEY_VALID_S + 1) * INT64_C(1000000); /* the key may be forgotten by now: nothing is said a second time */
    r = stripe_request(op);
    assert_true(!r.is_post && has(r.url, "/v1/payment_intents/search?query=metadata%5B%27payment%27%5D%3A%277zr3v9k2m8qd41xh%27"));
    op = some_op(PAY_STRIPE, OP_REFUND, MONEY(500, CURRENCY_JPY));
    op.ref = SLICE("pi_1");
    r = stripe_request(op);
    assert_true(has(r.body, "payment_intent=pi_1&amount=500&metadata[refund]=42") && has_header(&r, "Idempotency-Key: gs-42-refund"));
    op.now_us += (KEY_VALID_S + 1) * INT64_C(1000000);
    assert_true(has(stripe_request(op).url, "/v1/refunds?limit=100&payment_intent=pi_1"));
    op = some_op(PAY_STRIPE, OP_CANCEL, MONEY(500, CURRENCY_JPY));
    op.ref = SLICE("pi_1/../../x");
    struct provider_config config = stripe_config();
    assert_error(stripe_provider.request(&config, &op, arena, &r), "pay.ref"); /* no way into another path */
    config.values[1] = SLICE("sk\r\nX-Evil: 1");
    op.ref = SLICE("pi_1");
    assert_error(stripe_provider.request(&config, &op, arena, &r), "pay.settings");
}

static struct provider_answer *stripe_says(struct op op, int status, const char *body) {
    struct provider_config config = stripe_config();
    struct provider_answer *answer = answer_make(arena, WORDS_MAX);
    assert_ok(stripe_provider.answer(&config, &op, arena, status, slice_cstr(body), answer));
    return answer;
}

static void answers_of_stripe(void **state) {
    struct op op = some_op(PAY_STRIPE, OP_CREATE, MONEY(1299, CURRENCY_EUR));
#define INTENT(status, more) "{\"object\":\"payment_intent\",\"id\":\"pi_1\",\"currency\":\"eur\",\"amount\":1299,\"status\":\"" status "\",\"metadata\":{\"payment\":\"7zr3v9k2m8qd41xh\"}" more "}"
    static const struct {
        const char *body;
        enum pay_state state;
    } rows[] = {
        {INTENT("requires_payment_method", ",\"client_secret\":\"cs\""), PAY_REQUIRES_ACTION}, {INTENT("requires_confirmation", ""), PAY_REQUIRES_ACTION}, {INTENT("requires_action", ""), PAY_REQUIRES_ACTION},
        {INTENT("processing", ""), PAY_PROCESSING}, {INTENT("requires_capture", ",\"amount_capturable\":1299"), PAY_PROCESSING}, {INTENT("succeeded", ",\"amount_received\":1299"), PAY_CAPTURED},
        {INTENT("canceled", ""), PAY_CANCELLED}, {INTENT("requires_payment_method", ",\"last_payment_error\":{\"code\":\"card_declined\",\"decline_code\":\"insufficient_funds\"}"), PAY_FAILED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct provider_answer *a = stripe_says(op, 200, rows[i].body);
        assert_int_equal(a->outcome, ANSWER_DONE);
        assert_int_equal(a->words[0].state, rows[i].state);
    }
    assert_true(slice_eq(stripe_says(op, 200, rows[7].body)->words[0].code, SLICE("card.funds")));
    assert_true(stripe_says(op, 200, rows[4].body)->words[0].is_authorized);
    assert_int_equal(stripe_says(op, 200, INTENT("something_new", ""))->outcome, ANSWER_LATER);
    static const int later[] = {500, 502, 429, 409, 301, 199};
    for (size_t i = 0; i < ARRAY_LEN(later); i++) assert_int_equal(stripe_says(op, later[i], "{}")->outcome, later[i] == 301 ? ANSWER_REFUSED : ANSWER_LATER);
    assert_int_equal(stripe_says(op, 200, "not json")->outcome, ANSWER_LATER);
    assert_int_equal(stripe_says(op, 200, "{\"object\":\"payment_intent\",\"id\":\"pi_2\",\"status\":\"succeeded\",\"metadata\":{\"payment\":\"0000000000000000\"}}")->outcome, ANSWER_LATER);
    assert_string_equal(stripe_says(op, 401, "{\"error\":{}}")->code, "pay.settings");
    struct provider_answer *a = stripe_says(op, 402, "{\"error\":{\"code\":\"card_declined\",\"decline_code\":\"expired_card\",\"payment_intent\":" INTENT("requires_payment_method", "") "}}");
    assert_int_equal(a->outcome, ANSWER_DONE);
    assert_int_equal(a->words[0].state, PAY_FAILED);
    assert_true(slice_eq(a->words[0].code, SLICE("card.expires")));
    op.is_off_session = true; /* a second step that nobody can take */
    assert_int_equal(stripe_says(op, 200, rows[2].body)->words[0].state, PAY_FAILED);
    op = some_op(PAY_STRIPE, OP_CANCEL, MONEY(1299, CURRENCY_EUR));
    a = stripe_says(op, 400, "{\"error\":{\"code\":\"payment_intent_unexpected_state\",\"payment_intent\":" INTENT("succeeded", ",\"amount_received\":1299") "}}");
    assert_int_equal(a->words[0].state, PAY_CAPTURED); /* too late to cancel: the money is there */
    op = some_op(PAY_STRIPE, OP_REFUND, MONEY(1299, CURRENCY_EUR));
    a = stripe_says(op, 200, "{\"object\":\"refund\",\"id\":\"re_1\",\"payment_intent\":\"pi_1\",\"amount\":1299,\"currency\":\"eur\",\"status\":\"succeeded\",\"metadata\":{\"refund\":\"42\"}}");
    assert_int_equal(a->words[0].refund_state, PAY_REFUND_DONE);
    assert_int_equal(a->words[0].refund_id, 42);
    assert_int_equal(stripe_says(op, 400, "{\"error\":{\"code\":\"charge_already_refunded\"}}")->outcome, ANSWER_REFUSED);
    a = stripe_says(op, 200, "{\"object\":\"list\",\"data\":[{\"object\":\"refund\",\"id\":\"re_9\",\"payment_intent\":\"pi_1\",\"amount\":1,\"currency\":\"eur\",\"status\":\"succeeded\",\"metadata\":{}},"
                             "{\"object\":\"refund\",\"id\":\"re_1\",\"payment_intent\":\"pi_1\",\"amount\":1299,\"currency\":\"eur\",\"status\":\"failed\",\"metadata\":{\"refund\":\"42\"}}]}");
    assert_int_equal(a->words[0].refund_state, PAY_REFUND_FAILED);
    a = stripe_says(op, 200, "{\"object\":\"list\",\"data\":[]}"); /* looked for since its key is old, and not there: said after all */
    assert_int_equal(a->outcome, ANSWER_GO_ON);
    op.ref = SLICE("pi_1"), op.cursor = a->cursor, op.now_us += (KEY_VALID_S + 1) * INT64_C(1000000);
    assert_true(stripe_request(op).is_post);
    op = some_op(PAY_STRIPE, OP_SWEEP, MONEY(0, 0));
    a = stripe_says(op, 200, "{\"object\":\"list\",\"has_more\":true,\"data\":[{\"object\":\"dispute\",\"id\":\"dp_1\",\"payment_intent\":\"pi_1\",\"amount\":1299,\"currency\":\"eur\",\"status\":\"lost\"},"
                             "{\"object\":\"dispute\",\"id\":\"dp_2\",\"payment_intent\":\"pi_2\",\"amount\":1,\"currency\":\"eur\",\"status\":\"warning_needs_response\"}]}");
    assert_int_equal(a->outcome, ANSWER_GO_ON);
    assert_int_equal(a->count, 1); /* an inquiry moves no money */
    assert_true(slice_eq(a->cursor, SLICE("ddp_2")));
    op.cursor = a->cursor;
    assert_true(has(stripe_request(op).url, "/v1/disputes?limit=100&created%5Bgte%5D=0&starting_after=dp_2"));
    a = stripe_says(op, 200, "{\"object\":\"list\",\"has_more\":false,\"data\":[]}"); /* then the refunds */
    assert_int_equal(a->outcome, ANSWER_GO_ON);
    op.cursor = a->cursor;
    assert_true(has(stripe_request(op).url, "/v1/refunds?limit=100&created%5Bgte%5D=0"));
    a = stripe_says(op, 200, "{\"object\":\"list\",\"has_more\":false,\"data\":[{\"object\":\"refund\",\"id\":\"re_1\",\"payment_intent\":\"pi_1\",\"amount\":5,\"currency\":\"eur\",\"status\":\"succeeded\"},"
                             "{\"object\":\"refund\",\"id\":\"re_2\",\"payment_intent\":\"pi_1\",\"amount\":5,\"currency\":\"eur\",\"status\":\"failed\"}]}");
    assert_int_equal(a->outcome, ANSWER_DONE);
    assert_int_equal(a->count, 1); /* the one that came back */
}

static void amounts_of_stripe(void **state) {
    static const struct {
        struct money ours;
        const char *theirs; /* NULL: not taken */
    } rows[] = {
        {{1299, CURRENCY_EUR}, "amount=1299&"}, {{500, CURRENCY_JPY}, "amount=500&"}, {{1250, CURRENCY_KWD}, "amount=1250&"}, {{1251, CURRENCY_KWD}, NULL},
        {{7, 352 /* ISK */}, "amount=700&"}, {{7, 800 /* UGX */}, "amount=700&"}, {{700, 969 /* MGA */}, "amount=7&"}, {{701, 969}, NULL}, {{10000, 990 /* CLF */}, NULL},
        {{INT64_MAX, CURRENCY_USD}, NULL}, {{99999999, CURRENCY_USD}, "amount=99999999&"}, {{100000000, CURRENCY_USD}, NULL},
    };
    struct provider_config config = stripe_config();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(stripe_provider.takes(&config, rows[i].ours), rows[i].theirs != NULL);
        if (rows[i].theirs) assert_true(slice_starts_with(stripe_request(some_op(PAY_STRIPE, OP_CREATE, rows[i].ours)).body, slice_cstr(rows[i].theirs)));
    }
    struct op op = some_op(PAY_STRIPE, OP_ASK, MONEY(7, 352));
    op.ref = SLICE("pi_1");
    struct provider_answer *a = stripe_says(op, 200, "{\"object\":\"payment_intent\",\"id\":\"pi_1\",\"currency\":\"isk\",\"amount_received\":700,\"status\":\"succeeded\",\"metadata\":{\"payment\":\"7zr3v9k2m8qd41xh\"}}");
    assert_true(a->words[0].has_money && a->words[0].amount == 7 && slice_eq(a->words[0].currency, SLICE("ISK")));
    a = stripe_says(op, 200, "{\"object\":\"payment_intent\",\"id\":\"pi_1\",\"currency\":\"isk\",\"amount_received\":701,\"status\":\"succeeded\",\"metadata\":{\"payment\":\"7zr3v9k2m8qd41xh\"}}");
    assert_false(a->words[0].has_money); /* no whole number of ours: parked, never captured */
}

/* --- states --- */

static void states_only_go_where_the_picture_says(void **state) {
    for (int from = PAY_CREATED; from <= PAY_CHARGED_BACK; from++)
        for (int to = PAY_CREATED; to <= PAY_CHARGED_BACK; to++) {
            bool may = state_may_become((enum pay_state)from, (enum pay_state)to);
            bool was_paid = from == PAY_CAPTURED || from >= PAY_REFUNDED, is_paid = to == PAY_CAPTURED || to >= PAY_REFUNDED;
            if (from == to || to == PAY_CREATED) assert_false(may);
            if (was_paid && !is_paid) assert_false(may);                                  /* money that came is not unmade by a word about the attempt */
            if (!was_paid && is_paid && to != PAY_CAPTURED) assert_false(may);            /* nothing is refunded before it was captured */
            if ((from == PAY_FAILED || from == PAY_CANCELLED) && to != PAY_CAPTURED) assert_false(may);
            if (!was_paid && to == PAY_CAPTURED) assert_true(may);                        /* what a provider took is taken */
        }
    for (int s = PAY_CREATED; s <= PAY_CHARGED_BACK; s++) {
        enum pay_state back;
        assert_true(pay_state_of(slice_cstr(pay_state_name((enum pay_state)s)), &back) && (int)back == s);
    }
    assert_int_equal(retry_us(1), 1000000);
    assert_int_equal(retry_us(5), 16000000);
    assert_int_equal(retry_us(1000000), RETRY_MAX_S * INT64_C(1000000));
}

/* Forms: what is put is read back, whatever the bytes. */
static void forms_come_back(void **state) {
    struct rng rng = rng_seeded(20261121);
    for (int round = 0; round < 200; round++) {
        char bytes[64];
        size_t len = rng_below(&rng, sizeof bytes);
        for (size_t i = 0; i < len; i++) bytes[i] = (char)rng_below(&rng, 256);
        struct buf form = BUF(4096);
        form_put(&form, "name", slice_of(bytes, len));
        struct slice rest = buf_slice(&form), name, value;
        bool is_bad = false;
        assert_true(form_next(&rest, arena, &name, &value, &is_bad));
        assert_true(slice_eq(name, SLICE("name")) && slice_eq(value, slice_of(bytes, len)));
        assert_false(form_next(&rest, arena, &name, &value, &is_bad));
        buf_free(&form);
    }
    static const char *const bad[] = {"a", "a=%", "a=%4", "a=%4g", "=%", "a=b&", "a=b&&c=d"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct slice rest = slice_cstr(bad[i]), name, value;
        bool is_bad = false;
        for (int k = 0; k < 4 && form_next(&rest, arena, &name, &value, &is_bad); k++) {}
        if (i < 5) assert_true(is_bad);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_vector_of_stripe, setup, teardown), cmocka_unit_test_setup_teardown(signatures_of_stripe, setup, teardown),
        cmocka_unit_test_setup_teardown(rsa_signatures, setup, teardown), cmocka_unit_test_setup_teardown(a_page_pay_of_alipay, setup, teardown),
        cmocka_unit_test_setup_teardown(notifies_of_alipay, setup, teardown), cmocka_unit_test_setup_teardown(answers_of_alipay, setup, teardown),
        cmocka_unit_test_setup_teardown(requests_to_stripe, setup, teardown), cmocka_unit_test_setup_teardown(answers_of_stripe, setup, teardown),
        cmocka_unit_test_setup_teardown(amounts_of_stripe, setup, teardown), cmocka_unit_test_setup_teardown(states_only_go_where_the_picture_says, setup, teardown),
        cmocka_unit_test_setup_teardown(forms_come_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
