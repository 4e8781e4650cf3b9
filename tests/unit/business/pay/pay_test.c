/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Payments by the sandbox, the whole way: outbox, its own book, signed webhooks, ledger, listener; on both databases. */
#include "shop.h"

#include "base/fault.h"
#include "business/pay/room.h"

#define EUR(n) MONEY((n), CURRENCY_EUR)

static void a_payment_is_captured(void **state) {
    struct shop *s = shop_open(state);
    struct pay_info p = shop_begin(s, "4242 4242 4242 4242", EUR(1299));
    assert_int_equal(p.state, PAY_CREATED);
    assert_true(slice_eq(p.label, SLICE("Visa 4242")));
    assert_int_equal(s->captured, 0);
    assert_ok(pay_run(s->pay));
    struct pay_info after = shop_find(s, p.id);
    assert_int_equal(after.state, PAY_CAPTURED);
    assert_true(after.captured_us > 0 && after.method_id != 0);
    assert_int_equal(s->captured, 1);
    assert_true(s->committed >= 1);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), -1299);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_REVENUE, 0), 1299);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_ORDER, p.order_id), 0);
    shop_advance(s, 3600); /* nothing is left to ask */
    assert_int_equal(s->captured, 1);
    struct shop_act a = {.s = s, .id = p.id};
    assert_ok(db_read(s->db, events_fn, &a));
    assert_int_equal(a.events.count, 2);
    assert_string_equal(a.events.items[1].source, "webhook");
    assert_true(slice_eq(a.events.items[1].kind, SLICE("payment.captured")));
    struct slice raw;
    assert_ok(pay_webhook_raw(s->pay, s->arena, ORG, a.events.items[1].webhook_id, &raw));
    assert_true(slice_find(raw, SLICE("payment.captured")) != SLICE_NPOS);
    assert_error(pay_webhook_raw(s->pay, s->arena, OTHER_ORG, a.events.items[1].webhook_id, &raw), "pay.webhook");
    struct pay_info found;
    assert_ok(pay_find(s->pay, s->arena, ORG, public_id_slice(&p.public_id), &found));
    assert_error(pay_find(s->pay, s->arena, OTHER_ORG, public_id_slice(&p.public_id), &found), "pay.payment");
    shop_verify(s);
    shop_close(s);
}

static void cards_that_do_not_do(void **state) {
    struct shop *s = shop_open(state);
    struct pay_info p = shop_pay(s, "4000000000000002", EUR(500));
    assert_int_equal(p.state, PAY_FAILED);
    assert_true(slice_eq(p.code, SLICE("card.declined")));
    p = shop_pay(s, "4000000000009995", EUR(500));
    assert_true(slice_eq(p.code, SLICE("card.funds")));
    assert_int_equal(s->failed, 2);
    assert_int_equal(s->captured, 0);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), 0);
    static const struct {
        struct pay_card card;
        const char *code;
    } wrong[] = {
        {{SLICE("4111111111111111"), SLICE("12/39"), SLICE("123"), SLICE("")}, "card.number"}, {{SLICE(""), SLICE("12/39"), SLICE("123"), SLICE("")}, "card.number"},
        {{SLICE("4242424242424242x"), SLICE("12/39"), SLICE("123"), SLICE("")}, "card.number"}, {{SLICE("4242424242424242"), SLICE("12/20"), SLICE("123"), SLICE("")}, "card.expires"},
        {{SLICE("4242424242424242"), SLICE("13/39"), SLICE("123"), SLICE("")}, "card.expires"}, {{SLICE("4242424242424242"), SLICE("1239"), SLICE("123"), SLICE("")}, "card.expires"},
        {{SLICE("4242424242424242"), SLICE("12/39"), SLICE("12"), SLICE("")}, "card.cvc"},      {{SLICE("4242424242424242"), SLICE("12/39"), SLICE("12345"), SLICE("")}, "card.cvc"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_error(shop_try(s, &(struct pay_new){.org_id = ORG, .household_id = HOUSE, .order_id = 5, .provider = PAY_SANDBOX, .amount = EUR(1), .card = &wrong[i].card}, &p), wrong[i].code);
    struct pay_card card = card_of("4242424242424242");
    struct pay_new n = {.org_id = ORG, .household_id = HOUSE, .order_id = 5, .provider = PAY_SANDBOX, .amount = EUR(0), .card = &card};
    assert_error(shop_try(s, &n, &p), "pay.amount");
    n.amount = EUR(-5);
    assert_error(shop_try(s, &n, &p), "pay.amount");
    n.amount = MONEY(5, 4711);
    assert_error(shop_try(s, &n, &p), "pay.currency");
    n.amount = EUR(5), n.provider = PAY_STRIPE;
    assert_error(shop_try(s, &n, &p), "pay.provider"); /* not switched on */
    n.provider = (enum pay_provider)9;
    assert_error(shop_try(s, &n, &p), "pay.provider");
    shop_close(s);
}

static void the_second_step(void **state) {
    struct shop *s = shop_open(state);
    struct pay_info p = shop_pay(s, "4000000000003220", EUR(700)), out;
    assert_int_equal(p.state, PAY_REQUIRES_ACTION);
    assert_int_equal(p.action, PAY_ACTION_CONFIRM);
    assert_true(slice_starts_with(p.url, SLICE("/pay/step/")));
    assert_error(pay_sandbox_confirm(s->pay, s->arena, ORG, HOUSE + 1, public_id_slice(&p.public_id), true, &out), "pay.payment");
    assert_error(pay_sandbox_confirm(s->pay, s->arena, OTHER_ORG, HOUSE, public_id_slice(&p.public_id), true, &out), "pay.payment");
    assert_ok(pay_sandbox_confirm(s->pay, s->arena, ORG, HOUSE, public_id_slice(&p.public_id), true, &out));
    assert_error(pay_sandbox_confirm(s->pay, s->arena, ORG, HOUSE, public_id_slice(&p.public_id), true, &out), "pay.step");
    assert_ok(pay_run(s->pay));
    assert_int_equal(shop_find(s, p.id).state, PAY_CAPTURED);
    p = shop_pay(s, "4000000000003220", EUR(700));
    assert_ok(pay_sandbox_confirm(s->pay, s->arena, ORG, HOUSE, public_id_slice(&p.public_id), false, &out));
    assert_ok(pay_run(s->pay));
    p = shop_find(s, p.id);
    assert_int_equal(p.state, PAY_FAILED);
    assert_true(slice_eq(p.code, SLICE("card.step")));
    assert_int_equal(s->captured, 1);
    p = shop_pay(s, "4000000000003220", EUR(700)); /* nobody comes back: given up when its time is over */
    shop_advance(s, 25 * 3600);
    assert_int_equal(shop_find(s, p.id).state, PAY_CANCELLED);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_REVENUE, 0), 700);
    shop_close(s);
}

static void cancelling(void **state) {
    struct shop *s = shop_open(state);
    struct pay_info p = shop_begin(s, "4242424242424242", EUR(700));
    struct shop_act a = {.s = s, .id = p.id};
    assert_ok(db_write(s->db, cancel_fn, &a)); /* before anything was said */
    assert_int_equal(shop_find(s, p.id).state, PAY_CANCELLED);
    assert_ok(pay_run(s->pay));
    assert_int_equal(s->captured, 0);
    p = shop_pay(s, "4000000000003220", EUR(700));
    a.id = p.id;
    assert_ok(db_write(s->db, cancel_fn, &a));
    assert_ok(db_write(s->db, cancel_fn, &a)); /* twice is fine */
    assert_ok(pay_run(s->pay));
    assert_int_equal(shop_find(s, p.id).state, PAY_CANCELLED);
    assert_int_equal(s->failed, 1);
    p = shop_pay(s, "4242424242424242", EUR(700));
    a.id = p.id;
    assert_ok(db_write(s->db, cancel_fn, &a)); /* too late */
    assert_ok(pay_run(s->pay));
    assert_int_equal(shop_find(s, p.id).state, PAY_CAPTURED);
    shop_close(s);
}

static void refunds(void **state) {
    struct shop *s = shop_open(state);
    struct pay_info p = shop_pay(s, "4242424242424242", EUR(1000));
    assert_error(shop_refund(s, p.id, 5001, EUR(1001)), "refund.too_much");
    assert_error(shop_refund(s, p.id, 5001, MONEY(10, CURRENCY_USD)), "refund.too_much");
    assert_error(shop_refund(s, p.id, 5001, EUR(0)), "refund.too_much");
    assert_error(shop_refund(s, p.id + 999, 5001, EUR(1)), "pay.payment");
    assert_ok(shop_refund(s, p.id, 5001, EUR(400)));
    assert_int_equal(shop_pending(s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), 400);
    assert_int_equal(shop_find(s, p.id).refund_pending.minor, 400);
    assert_error(shop_refund(s, p.id, 5002, EUR(601)), "refund.too_much");
    struct shop_act a = {.s = s, .id = p.id, .refund_id = 5001, .amount = EUR(400)};
    assert_ok(db_write(s->db, refund_twice_fn, &a)); /* the same step again */
    a.amount = EUR(300);
    assert_error(db_write(s->db, refund_twice_fn, &a), "refund.id");
    assert_ok(pay_run(s->pay));
    assert_int_equal(shop_refund_find(s, 5001).state, PAY_REFUND_DONE);
    p = shop_find(s, p.id);
    assert_int_equal(p.state, PAY_PART_REFUNDED);
    assert_int_equal(p.refunded.minor, 400);
    assert_int_equal(p.refund_pending.minor, 0);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), -600);
    assert_ok(shop_refund(s, p.id, 5003, EUR(600)));
    assert_ok(pay_run(s->pay));
    assert_int_equal(shop_find(s, p.id).state, PAY_REFUNDED);
    assert_int_equal(s->refund_done, 2);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), 0);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_ORDER, p.order_id), 0);
    p = shop_pay(s, "4000000000000002", EUR(10));
    assert_error(shop_refund(s, p.id, 5004, EUR(10)), "refund.state");
    p = shop_pay(s, "4000000000005126", EUR(900)); /* its refunds fail */
    assert_ok(shop_refund(s, p.id, 5005, EUR(900)));
    assert_ok(pay_run(s->pay));
    assert_int_equal(shop_refund_find(s, 5005).state, PAY_REFUND_FAILED);
    assert_int_equal(s->refund_failed, 1);
    assert_false(s->was_done);
    p = shop_find(s, p.id);
    assert_int_equal(p.state, PAY_CAPTURED);
    assert_int_equal(p.refund_pending.minor, 0);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), -900);
    assert_int_equal(shop_pending(s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), 0);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_ORDER, p.order_id), 0);
    shop_verify(s);
    shop_close(s);
}

static void charge_backs(void **state) {
    struct shop *s = shop_open(state);
    struct pay_info lost = shop_pay(s, "4000000000000259", EUR(800)), won = shop_pay(s, "4000000000002685", EUR(500));
    assert_int_equal(lost.state, PAY_CAPTURED);
    assert_ok(shop_refund(s, won.id, 6001, EUR(100)));
    shop_advance(s, 61);
    assert_int_equal(s->charged_back, 2);
    assert_int_equal(shop_find(s, lost.id).state, PAY_CHARGED_BACK);
    assert_int_equal(shop_find(s, won.id).charged_back.minor, 400); /* what was left of it */
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_CHARGED_BACK, 0), -1200);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), 0);
    assert_error(shop_refund(s, lost.id, 6002, EUR(1)), "refund.too_much");
    shop_advance(s, 8 * 24 * 3600);
    assert_int_equal(s->won, 1);
    assert_int_equal(shop_find(s, lost.id).state, PAY_CHARGED_BACK);
    assert_int_equal(shop_find(s, won.id).state, PAY_PART_REFUNDED);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_CHARGED_BACK, 0), -800);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), -400);
    struct pay_chargeback_list list;
    assert_ok(pay_chargebacks(s->pay, s->arena, ORG, 0, 10, &list));
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].state + list.items[1].state, PAY_CHARGEBACK_WON + PAY_CHARGEBACK_LOST);
    assert_ok(pay_chargebacks(s->pay, s->arena, OTHER_ORG, 0, 10, &list));
    assert_int_equal(list.count, 0);
    shop_verify(s);
    shop_close(s);
}

static void renewals_by_a_saved_method(void **state) {
    struct shop *s = shop_open(state);
    struct pay_info first = shop_pay(s, "4242424242424242", EUR(900)), bad = shop_pay(s, "4000000000000341", EUR(900)), p;
    assert_true(first.method_id && bad.method_id && first.method_id != bad.method_id);
    assert_int_equal(shop_pay(s, "4242424242424242", EUR(900)).method_id, first.method_id); /* the same card is kept once */
    struct shop_act a = {.s = s};
    assert_ok(db_read(s->db, methods_fn, &a));
    assert_int_equal(a.methods.count, 2);
    int64_t id = id_next(s->ids);
    struct pay_new n = {.id = id, .org_id = ORG, .household_id = HOUSE, .order_id = 77, .provider = PAY_SANDBOX, .amount = EUR(900), .method_id = first.method_id, .is_off_session = true};
    assert_ok(shop_try(s, &n, &p));
    assert_int_equal(p.id, id);
    assert_ok(shop_try(s, &n, &p)); /* the step runs again: one payment */
    assert_ok(pay_run(s->pay));
    assert_ok(shop_try(s, &n, &p));
    assert_ok(pay_run(s->pay));
    assert_int_equal(p.state, PAY_CAPTURED);
    assert_int_equal(s->captured, 4);
    n.amount = EUR(901);
    assert_error(shop_try(s, &n, &p), "pay.id");
    n = (struct pay_new){.org_id = ORG, .household_id = HOUSE, .order_id = 78, .provider = PAY_SANDBOX, .amount = EUR(900), .method_id = bad.method_id, .is_off_session = true};
    assert_ok(shop_try(s, &n, &p));
    assert_ok(pay_run(s->pay));
    p = shop_find(s, p.id);
    assert_int_equal(p.state, PAY_FAILED);
    n.household_id = HOUSE + 1;
    assert_error(shop_try(s, &n, &p), "pay.method"); /* another's */
    n.method_id = 0;
    assert_error(shop_try(s, &n, &p), "pay.method");
    shop_close(s);
}

/* --- webhooks --- */

static struct pay_info stands(struct shop *s, int64_t id) {
    assert_ok(pay_run(s->pay));
    return shop_find(s, id);
}

static void say(struct shop *s, const char *provider, const char *header, const char *value, struct slice body) {
    struct slice answer;
    struct pay_header headers[] = {{slice_cstr(header), slice_cstr(value)}};
    assert_ok(pay_webhook_in(s->pay, ORG, slice_cstr(provider), headers, 1, body, &answer));
    assert_ok(pay_run(s->pay));
}

/* A webhook of the sandbox as the sandbox signs it. */
static void sandbox_says(struct shop *s, struct slice body, int64_t at_s) {
    struct key key;
    char org[32], secret[65], mac[65], stamp[24], header[160];
    assert_ok(keys_named(s->keys, "pay", &key));
    snprintf(org, sizeof org, "%d", ORG);
    snprintf(stamp, sizeof stamp, "%lld", (long long)at_s);
    hmac_sha256_hex(slice_of(key.bytes, KEY_BYTES), SLICE("sandbox webhook "), slice_cstr(org), SLICE(""), secret);
    hmac_sha256_hex(slice_cstr(secret), slice_cstr(stamp), SLICE("."), body, mac);
    snprintf(header, sizeof header, "t=%s,v1=%s", stamp, mac);
    say(s, "sandbox", "grandstand-sandbox-signature", header, body);
}

static struct slice event_of(struct shop *s, const char *id, const char *type, const struct pay_info *p, const char *amount, const char *currency) {
    return arena_printf(s->arena, "{\"id\":\"%s\",\"type\":\"%s\",\"payment\":\"%s\",\"amount\":\"%s\",\"currency\":\"%s\",\"code\":\"\",\"refund\":\"0\",\"chargeback\":\"\"}", id, type, p->public_id.text,
                        amount, currency);
}

static void webhooks_of_every_kind(void **state) {
    struct shop *s = shop_open(state);
    struct pay_info p = shop_pay(s, "4000000000003220", EUR(700));
    struct slice genuine = event_of(s, "evt_a", "payment.captured", &p, "700", "EUR");
    say(s, "sandbox", "grandstand-sandbox-signature", "t=1800000000,v1=00", genuine); /* forged, and it names the event first */
    say(s, "sandbox", "x", "y", genuine);
    say(s, "stripe", "stripe-signature", "t=1800000000,v1=aa", genuine);
    say(s, "alipay", "x", "y", SLICE("a=b&c=%zz"));
    sandbox_says(s, genuine, START_S - 301); /* old */
    sandbox_says(s, genuine, START_S + 301);
    sandbox_says(s, SLICE("{\"id\":"), START_S);
    assert_int_equal(stands(s, p.id).state, PAY_REQUIRES_ACTION);
    assert_int_equal(pay_stats(s->pay).webhooks_forged, 7);
    sandbox_says(s, event_of(s, "evt_b", "payment.captured", &p, "699", "EUR"), START_S); /* another amount */
    assert_int_equal(shop_find(s, p.id).state, PAY_REQUIRES_ACTION);
    sandbox_says(s, event_of(s, "evt_c", "payment.captured", &p, "700", "USD"), START_S);
    assert_true(shop_find(s, p.id).is_parked);
    assert_int_equal(shop_parked(s).count, 2);
    assert_true(slice_eq(shop_parked(s).items[0].code, SLICE("parked.currency")));
    assert_int_equal(shop_parked(s).items[1].theirs.minor, 699);
    assert_int_equal(s->captured, 0);
    sandbox_says(s, genuine, START_S);
    assert_int_equal(shop_find(s, p.id).state, PAY_CAPTURED);
    sandbox_says(s, genuine, START_S);
    sandbox_says(s, event_of(s, "evt_d", "payment.captured", &p, "700", "EUR"), START_S); /* another event, the same news */
    sandbox_says(s, event_of(s, "evt_e", "payment.failed", &p, "700", "EUR"), START_S);   /* late */
    assert_int_equal(shop_find(s, p.id).state, PAY_CAPTURED);
    assert_int_equal(s->captured, 1);
    assert_int_equal(s->failed, 0);
    assert_int_equal(pay_stats(s->pay).webhooks_duplicate, 2);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_REVENUE, 0), 700);
    struct pay_parked_list parked = shop_parked(s);
    assert_ok(pay_parked_settle(s->pay, ORG, parked.items[0].id, 1, SLICE("looked after")));
    assert_true(shop_find(s, p.id).is_parked);
    assert_ok(pay_parked_settle(s->pay, ORG, parked.items[1].id, 1, SLICE("looked after")));
    assert_false(shop_find(s, p.id).is_parked);
    assert_error(pay_parked_settle(s->pay, OTHER_ORG, parked.items[1].id, 1, SLICE("")), "pay.parked");
    struct slice answer;
    assert_error(pay_webhook_in(s->pay, ORG, SLICE("paypal"), NULL, 0, SLICE("{}"), &answer), "pay.provider");
    shop_advance(s, 8 * 24 * 3600);
    assert_ok(pay_tick(s->pay));
    shop_close(s);
}

/* Strangers who send a lot do not keep the others out. */
static void a_flood_of_forgeries(void **state) {
    struct shop *s = shop_open(state);
    char *junk = mem_zalloc(PAY_WEBHOOK_BYTES_MAX + 1);
    assert_non_null(junk);
    memset(junk, 'a', PAY_WEBHOOK_BYTES_MAX + 1);
    struct slice answer;
    struct pay_header header = {SLICE("stripe-signature"), SLICE("t=1,v1=00")};
    assert_error(pay_webhook_in(s->pay, ORG, SLICE("stripe"), &header, 1, slice_of(junk, PAY_WEBHOOK_BYTES_MAX + 1), &answer), "pay.webhook_large");
    for (int i = 0; i < 80; i++) /* more than one round has memory for */
        assert_ok(pay_webhook_in(s->pay, ORG, i % 2 ? SLICE("stripe") : SLICE("alipay"), &header, 1, slice_of(junk, PAY_WEBHOOK_BYTES_MAX), &answer));
    assert_int_equal(shop_pay(s, "4242424242424242", EUR(700)).state, PAY_CAPTURED);
    assert_int_equal(pay_stats(s->pay).webhooks_forged, 80);
    mem_free(junk);
    shop_close(s);
}

/* Ids that are promised are not made again by who starts at the same moment. */
static void promised_ids_stay_promised(void **state) {
    struct shop *s = shop_open(state);
    struct pay_info first = shop_begin(s, "4242424242424242", EUR(100));
    shop_pay_close(s);
    id_maker_destroy(&s->ids);
    s->ids = id_maker_create(s->clock, 0); /* a new process, and time has stood still */
    s->next_order = 5000;
    shop_pay_open(s);
    struct pay_info second = shop_begin(s, "4242424242424242", EUR(200));
    assert_ok(pay_run(s->pay));
    assert_int_equal(shop_find(s, first.id).state, PAY_CAPTURED);
    assert_int_equal(shop_find(s, second.id).state, PAY_CAPTURED);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_REVENUE, 0), 300);
    shop_close(s);
}

/* A webhook comes before our own call was answered; and for a payment that was thought to be cancelled. */
static void money_that_comes_is_taken(void **state) {
    struct shop *s = shop_open(state);
    struct pay_info p = shop_begin(s, "4242424242424242", EUR(700));
    sandbox_says(s, event_of(s, "evt_first", "payment.captured", &p, "700", "EUR"), START_S); /* and the outbox runs in the same breath */
    assert_int_equal(shop_find(s, p.id).state, PAY_CAPTURED);
    assert_int_equal(s->captured, 1);
    p = shop_pay(s, "4000000000003220", EUR(300));
    struct shop_act a = {.s = s, .id = p.id};
    assert_ok(db_write(s->db, cancel_fn, &a));
    assert_int_equal(stands(s, p.id).state, PAY_CANCELLED);
    sandbox_says(s, event_of(s, "evt_late", "payment.captured", &p, "300", "EUR"), START_S);
    assert_int_equal(shop_find(s, p.id).state, PAY_CAPTURED);
    assert_int_equal(s->captured, 2);
    struct pay_info other = p;
    other.public_id = public_id_random();
    sandbox_says(s, event_of(s, "evt_nobody", "payment.captured", &other, "300", "EUR"), START_S);
    assert_int_equal(shop_parked(s).count, 1);
    assert_true(slice_eq(shop_parked(s).items[0].code, SLICE("parked.payment")));
    shop_verify(s);
    shop_close(s);
}

static void who_listens_may_say_no(void **state) {
    struct shop *s = shop_open(state);
    s->refuses = true;
    struct pay_info p = shop_pay(s, "4242424242424242", EUR(700));
    assert_int_equal(p.state, PAY_PROCESSING);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), 0); /* nothing of it stands */
    s->refuses = false;
    shop_advance(s, 2);
    assert_int_equal(shop_find(s, p.id).state, PAY_CAPTURED);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), -700);
    shop_verify(s);
    shop_close(s);
}

static void currencies_and_limits(void **state) {
    struct shop *s = shop_open(state);
    assert_int_equal(shop_pay(s, "4242424242424242", MONEY(1300, CURRENCY_JPY)).state, PAY_CAPTURED);
    assert_int_equal(shop_pay(s, "4242424242424242", MONEY(1250, CURRENCY_KWD)).state, PAY_CAPTURED);
    assert_int_equal(shop_pay(s, "4242424242424242", MONEY(INT64_MAX, CURRENCY_USD)).state, PAY_CAPTURED);
    assert_int_equal(shop_balance(s, CURRENCY_USD, LEDGER_CODE_REVENUE, 0), INT64_MAX);
    struct pay_info p = shop_pay(s, "4242424242424242", MONEY(1, CURRENCY_USD)); /* the ledger cannot count that: not captured, and tried again */
    assert_int_equal(p.state, PAY_PROCESSING);
    assert_int_equal(shop_balance(s, CURRENCY_JPY, LEDGER_CODE_CLEARING, PAY_SANDBOX), -1300);
    shop_close(s);
}

static void the_clock_goes_back(void **state) {
    struct shop *s = shop_open(state);
    s->refuses = true;
    struct pay_info p = shop_pay(s, "4242424242424242", EUR(700));
    clock_manual_set_utc(s->clock, utc_from_seconds(START_S - 365 * 24 * 3600));
    s->refuses = false;
    assert_int_equal(stands(s, p.id).state, PAY_CAPTURED); /* what was put off is not put off by a year */
    p = shop_pay(s, "4242424242424242", EUR(100));
    assert_int_equal(p.state, PAY_CAPTURED);
    p = shop_pay(s, "4000000000003220", EUR(100));
    assert_int_equal(p.state, PAY_REQUIRES_ACTION);
    shop_verify(s);
    shop_close(s);
}

static struct err run_statement_fn(struct db_tx *tx, void *arg) { return DB_RUN(tx, (const struct db_statement *)arg); }

/* Closed with something in hand, as after kill -9: the next one says it again, and it is done once. */
static void what_was_in_hand_is_said_again(void **state) {
    struct shop *s = shop_open(state);
    static const struct db_statement claim = {"test.claim", "UPDATE pay_outbox SET claim = 99, due_us = due_us + 120000000, attempts = 1"};
    struct pay_info p = shop_begin(s, "4242424242424242", EUR(700));
    assert_ok(db_write(s->db, run_statement_fn, (void *)&claim));
    assert_int_equal(stands(s, p.id).state, PAY_CREATED);
    shop_pay_close(s);
    shop_pay_open(s);
    assert_int_equal(stands(s, p.id).state, PAY_CAPTURED);
    assert_int_equal(s->captured, 1);
    shop_close(s);
}

/* Memory runs out at the n-th allocation while a payment is made and refunded: whatever was reported, in the end it is done, and done once. */
static void memory_runs_out_in_between(void **state) {
    struct shop *s = shop_open(state);
    int hits = 0, rounds = 0;
    for (uint64_t nth = 1; nth < 45; nth++, rounds++) {
        struct pay_info p = shop_begin(s, "4242424242424242", EUR(100));
        fault_arm(FAULT_ALLOC, nth, false);
        struct err e = pay_run(s->pay);
        bool has_hit = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_true(!e.kind || has_hit); /* it may have been told, or have been tried again */
        hits += has_hit;
        shop_advance(s, 700); /* what was claimed is free again */
        assert_int_equal(shop_find(s, p.id).state, PAY_CAPTURED);
        int64_t refund_id = id_next(s->ids);
        assert_ok(shop_refund(s, p.id, refund_id, EUR(40)));
        fault_arm(FAULT_ALLOC, nth, false);
        e = pay_run(s->pay);
        assert_true(!e.kind || fault_fired(FAULT_ALLOC));
        fault_disarm_all();
        shop_advance(s, 700);
        assert_int_equal(shop_refund_find(s, refund_id).state, PAY_REFUND_DONE);
    }
    print_message("# %d of %d met a failure\n", hits, rounds);
    assert_true(hits > 10 && hits < rounds); /* up to a run that meets no failure */
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), -60 * rounds);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_REVENUE, 0), 100 * rounds);
    shop_verify(s);
    shop_close(s);
}

/* The database goes away in the middle of a capture. */
static struct err on_captured_lost(void *user, struct db_tx *tx, const struct pay_info *p) {
    static const struct db_statement end = {"test.end", "SELECT pg_terminate_backend(pg_backend_pid())"};
    struct shop *s = user;
    if (s->was_done) return on_captured(user, tx, p);
    s->was_done = true;
    return DB_RUN(tx, &end);
}
static void the_database_is_gone(void **state) {
    struct shop *s = shop_open(state);
    pay_listen(s->pay, &(struct pay_listener){.user = s, .captured = on_captured_lost, .committed = on_committed});
    struct pay_info p = shop_begin(s, "4242424242424242", EUR(700));
    struct err e = pay_run(s->pay); /* the writer may have found a new connection by itself, and run it again */
    assert_true(!e.kind || e.kind == ERR_IO || e.kind == ERR_BUSY);
    shop_advance(s, 700);
    shop_advance(s, 700);
    assert_true(s->was_done);
    assert_int_equal(shop_find(s, p.id).state, PAY_CAPTURED);
    assert_int_equal(s->captured, 1);
    assert_int_equal(shop_balance(s, CURRENCY_EUR, LEDGER_CODE_REVENUE, 0), 700);
    shop_verify(s);
    shop_close(s);
}

/* Settings: secrets are kept, used, and never shown; not even in the database's bytes. */
static void settings(void **state) {
    struct shop *s = shop_open(state);
    struct pay_settings_list list;
    struct pay_choice_list choices;
    assert_ok(pay_choices(s->pay, ORG, &choices));
    assert_int_equal(choices.count, 1);
    assert_true(choices.items[0].is_play_money && choices.items[0].card_count >= 9);
    struct pay_field_change some[] = {{SLICE("publishable_key"), SLICE("pk_test_1")}, {SLICE("secret_key"), SLICE("sk_test_very_secret")}};
    assert_error(pay_settings_change(s->pay, ORG, PAY_STRIPE, true, some, 2), "pay.incomplete");
    assert_ok(pay_settings_change(s->pay, ORG, PAY_STRIPE, false, some, 2));
    struct pay_field_change more[] = {{SLICE("webhook_secret"), SLICE("whsec_very_secret")}, {SLICE("base_url"), SLICE("http://127.0.0.1:1")}};
    assert_ok(pay_settings_change(s->pay, ORG, PAY_STRIPE, true, more, 2));
    struct pay_field_change wrong = {SLICE("nothing"), SLICE("x")};
    assert_error(pay_settings_change(s->pay, ORG, PAY_STRIPE, true, &wrong, 1), "pay.field");
    wrong = (struct pay_field_change){SLICE("base_url"), SLICE("http://example.org")};
    assert_error(pay_settings_change(s->pay, ORG, PAY_STRIPE, true, &wrong, 1), "pay.base_url");
    wrong = (struct pay_field_change){SLICE("base_url"), SLICE("http://127.0.0.1.evil.example")};
    assert_error(pay_settings_change(s->pay, ORG, PAY_STRIPE, true, &wrong, 1), "pay.base_url");
    wrong = (struct pay_field_change){SLICE("private_key"), SLICE("no key")};
    assert_error(pay_settings_change(s->pay, ORG, PAY_ALIPAY, false, &wrong, 1), "pay.key");
    assert_ok(pay_settings(s->pay, s->arena, ORG, &list));
    assert_int_equal(list.count, 3);
    for (size_t i = 0; i < list.count; i++)
        for (size_t f = 0; f < list.items[i].field_count; f++) assert_true(!list.items[i].fields[f].is_secret || list.items[i].fields[f].value.len == 0);
    assert_true(list.items[1].is_enabled && list.items[1].is_ready && list.items[1].fields[1].is_set);
    assert_true(slice_eq(list.items[1].fields[0].value, SLICE("pk_test_1")));
    assert_ok(pay_choices(s->pay, ORG, &choices));
    assert_int_equal(choices.count, 2);
    assert_int_equal(choices.items[0].provider, PAY_STRIPE);
    assert_ok(pay_choices(s->pay, OTHER_ORG, &choices));
    assert_int_equal(choices.count, 1);
    struct pay_new n = {.org_id = ORG, .household_id = HOUSE, .order_id = 5, .provider = PAY_STRIPE, .amount = EUR(5)};
    struct pay_info made;
    static const char *const away[] = {"http://evil.example/", "http://localhost:8080.evil.example/", "javascript:alert(1)", "https://a b/", "//evil.example"};
    for (size_t i = 0; i < ARRAY_LEN(away); i++) {
        n.return_url = slice_cstr(away[i]);
        assert_error(shop_try(s, &n, &made), "pay.return_url");
    }
    n.return_url = SLICE("http://localhost:8080/checkout/1"); /* this site */
    assert_ok(shop_try(s, &n, &made));
    shop_pay_close(s); /* and they are there after a restart */
    shop_pay_open(s);
    assert_ok(pay_settings(s->pay, s->arena, ORG, &list));
    assert_true(list.items[1].fields[2].is_set);
    assert_ok(pay_settings_change(s->pay, ORG, PAY_SANDBOX, false, NULL, 0));
    struct pay_card card = card_of("4242424242424242");
    struct pay_info p;
    assert_error(shop_try(s, &(struct pay_new){.org_id = ORG, .household_id = HOUSE, .order_id = 5, .provider = PAY_SANDBOX, .amount = EUR(5), .card = &card}, &p), "pay.provider");
    shop_close(s);
}

/* With the thread, and with many at once. */
static void the_thread_does_it(void **state) {
    struct shop *s = shop_open(state);
    assert_ok(pay_start(s->pay));
    struct pay_info p[40];
    for (size_t i = 0; i < ARRAY_LEN(p); i++) {
        p[i] = shop_begin(s, i % 4 == 3 ? "4000000000000002" : "4242424242424242", EUR(100));
        pay_wake(s->pay);
    }
    assert_ok(pay_run(s->pay));
    for (size_t i = 0; i < ARRAY_LEN(p); i++) assert_int_equal(shop_find(s, p[i].id).state, i % 4 == 3 ? PAY_FAILED : PAY_CAPTURED);
    struct pay_list list;
    assert_ok(pay_payments(s->pay, s->arena, ORG, &(struct pay_filter){.state = PAY_FAILED, .limit = 6}, &list));
    assert_int_equal(list.count, 6);
    assert_int_equal(list.items[0].id, p[39].id);
    assert_ok(pay_payments(s->pay, s->arena, ORG, &(struct pay_filter){.state = PAY_FAILED, .limit = 6, .after = list.next}, &list));
    assert_int_equal(list.count, 4);
    assert_int_equal(list.next, 0);
    assert_ok(pay_payments(s->pay, s->arena, ORG, &(struct pay_filter){.state = PAY_CAPTURED, .provider = PAY_SANDBOX}, &list));
    assert_int_equal(list.count, 30);
    assert_ok(pay_payments(s->pay, s->arena, ORG, &(struct pay_filter){.provider = PAY_STRIPE}, &list));
    assert_int_equal(list.count, 0);
    /* Of every state, also while it is asked after; the newest first, each once. */
    struct pay_info open = shop_begin(s, "4000000000003220", EUR(100));
    assert_ok(pay_payments(s->pay, s->arena, ORG, &(struct pay_filter){.state = PAY_CREATED}, &list));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].id, open.id);
    assert_ok(pay_run(s->pay));
    assert_ok(pay_payments(s->pay, s->arena, ORG, &(struct pay_filter){.state = PAY_CREATED}, &list));
    assert_int_equal(list.count, 0);
    assert_ok(pay_payments(s->pay, s->arena, ORG, &(struct pay_filter){.state = PAY_REQUIRES_ACTION}, &list));
    assert_int_equal(list.count, 1);
    assert_ok(pay_payments(s->pay, s->arena, ORG, &(struct pay_filter){0}, &list));
    assert_int_equal(list.count, 41);
    for (size_t i = 1; i < list.count; i++) assert_true(list.items[i].id < list.items[i - 1].id);
    assert_ok(pay_payments(s->pay, s->arena, ORG, &(struct pay_filter){.is_parked = true}, &list));
    assert_int_equal(list.count, 0);
    assert_ok(pay_payments(s->pay, s->arena, ORG + 1, &(struct pay_filter){0}, &list));
    assert_int_equal(list.count, 0);
    shop_verify(s);
    shop_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_payment_is_captured), ON_BOTH(cards_that_do_not_do), ON_BOTH(the_second_step), ON_BOTH(cancelling), ON_BOTH(refunds), ON_BOTH(charge_backs),
        ON_BOTH(renewals_by_a_saved_method), ON_BOTH(webhooks_of_every_kind), ON_BOTH(money_that_comes_is_taken), ON_BOTH(who_listens_may_say_no), ON_BOTH(currencies_and_limits),
        ON_BOTH(the_clock_goes_back), ON_BOTH(what_was_in_hand_is_said_again), ON_BOTH(promised_ids_stay_promised), ON_SQLITE(a_flood_of_forgeries), ON_SQLITE(memory_runs_out_in_between), ON_POSTGRES(the_database_is_gone), ON_BOTH(settings), ON_BOTH(the_thread_does_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
