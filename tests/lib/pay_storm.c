/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Payments, refunds and renewals by the dozen, for tests/scenario/pay_storm.test.mjs: the rooms pay and ledger behind a real HTTP server that takes webhooks, with the thread "pay" and a clock
 * turned by hand. Started with a database, a folder for keys, a seed, the time, and a file of settings; obeys lines on its standard input and answers each with one line of JSON:
 *
 *   make N      N payments, by Stripe and by Alipay, some of which keep a method        refund     parts of what was captured go back
 *   renew N     N payments by kept methods                                              drop N     the orders of N open payments are cancelled
 *   run         until nothing is due                                                    advance S  the clock, then run
 *   urls        where buyers of Alipay have been sent                                   open       how many payments and refunds are not settled
 *   book        all there is
 *
 * Between two lines it may be killed: started again over the same database it goes on. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/thread.h"
#include "business/ledger/ledger.h"
#include "business/pay/pay.h"
#include "system/http/http.h"

enum { ORG = 7, LIST_MAX = 200 };

static struct db *db;
static struct clock *manual;
static struct id_maker *ids;
static struct keys *keys;
static struct ledger *ledger;
static struct pay *pay;
static struct http_server *server;
static struct rng rng;

static void must(struct err e) {
    if (!e.kind) return;
    fprintf(stderr, "%s: %s\n", e.code, e.what);
    exit(1);
}

/* --- as much of orders as money needs --- */

static struct err move(struct db_tx *tx, const struct pay_info *p, enum ledger_code from, enum ledger_code to, int64_t amount) {
    struct ledger_transfer t = {.id = id_next(ids), .amount = amount, .ledger = p->amount.currency, .code = 1, .order_id = p->order_id};
    struct err e = ledger_account_for(ledger, tx, ORG, p->amount.currency, from, from == LEDGER_CODE_ORDER ? p->order_id : 0, 0, &t.debit_id);
    if (!e.kind) e = ledger_account_for(ledger, tx, ORG, p->amount.currency, to, to == LEDGER_CODE_ORDER ? p->order_id : 0, 0, &t.credit_id);
    return e.kind ? e : ledger_move(ledger, tx, &t, 1);
}
static struct err on_captured(void *user, struct db_tx *tx, const struct pay_info *p) { return move(tx, p, LEDGER_CODE_ORDER, LEDGER_CODE_REVENUE, p->amount.minor); }
static struct err on_refund_failed(void *user, struct db_tx *tx, const struct pay_info *p, const struct pay_refund *r, bool was_done) {
    return move(tx, p, LEDGER_CODE_ORDER, LEDGER_CODE_REFUNDED, r->amount.minor);
}

/* --- webhooks --- */

static void webhook(struct http_request *r, void *arg) {
    struct pay_header headers[8];
    size_t count = 0;
    for (size_t i = 0; i < pay_webhook_header_count; i++) {
        headers[count].name = slice_cstr(pay_webhook_headers[i]);
        if (http_request_header(r, headers[count].name, &headers[count].value)) count++;
    }
    struct slice answer = SLICE("");
    struct err e = pay_webhook_in(pay, ORG, http_request_param(r, SLICE("provider")), headers, count, http_request_body(r), &answer);
    http_respond_bytes(r, e.kind ? 500 : 200, SLICE("text/plain"), answer);
}

/* --- making, refunding, dropping --- */

struct work {
    struct arena *arena;
    struct pay_new new;
    struct pay_info info;
    struct pay_method_list methods;
    int64_t refund_id, household;
    struct money amount;
};
static struct err create_fn(struct db_tx *tx, void *arg) {
    struct work *w = arg;
    return pay_create_in(pay, tx, w->arena, &w->new, &w->info);
}
static struct err methods_fn(struct db_tx *tx, void *arg) {
    struct work *w = arg;
    return pay_methods_in(pay, tx, w->arena, ORG, w->household, &w->methods);
}
static struct err cancel_fn(struct db_tx *tx, void *arg) {
    struct work *w = arg;
    return pay_cancel_in(pay, tx, ORG, w->info.id);
}
static struct err refund_fn(struct db_tx *tx, void *arg) {
    struct work *w = arg;
    struct pay_info p;
    struct err e = pay_find_in(pay, tx, w->arena, ORG, w->info.id, &p);
    if (!e.kind) e = pay_refund_in(pay, tx, ORG, w->info.id, w->refund_id, w->amount);
    return e.kind ? e : move(tx, &p, LEDGER_CODE_REFUNDED, LEDGER_CODE_ORDER, w->amount.minor);
}

static void make(long count) {
    static const uint16_t currencies[] = {CURRENCY_EUR, CURRENCY_USD, CURRENCY_JPY, CURRENCY_KWD};
    for (long i = 0; i < count; i++) {
        struct work w = {.arena = arena_create(1 << 20)};
        bool is_alipay = rng_below(&rng, 3) == 0;
        int64_t amount = (int64_t)(1 + rng_below(&rng, 5000)) * 10 + 20; /* dinars end in a zero at Stripe */
        w.new = (struct pay_new){.org_id = ORG, .household_id = 100 + (int64_t)rng_below(&rng, 20), .order_id = id_next(ids), .provider = is_alipay ? PAY_ALIPAY : PAY_STRIPE,
                                 .amount = MONEY(amount, is_alipay ? CURRENCY_CNY : currencies[rng_below(&rng, 4)]), .what = SLICE("Order"), .return_url = SLICE("http://127.0.0.1/back"),
                                 .keeps_method = !is_alipay && rng_below(&rng, 3) == 0};
        must(db_write(db, create_fn, &w));
        arena_destroy(&w.arena);
    }
    pay_wake(pay);
}

static void renew(long count) {
    for (long i = 0; i < count; i++) {
        struct work w = {.arena = arena_create(1 << 20), .household = 100 + (int64_t)rng_below(&rng, 20)};
        must(db_read(db, methods_fn, &w));
        if (w.methods.count) {
            w.new = (struct pay_new){.id = id_next(ids), .org_id = ORG, .household_id = w.household, .order_id = id_next(ids), .provider = PAY_STRIPE, .amount = MONEY(990, CURRENCY_EUR),
                                     .method_id = w.methods.items[0].id, .is_off_session = true};
            must(db_write(db, create_fn, &w));
        }
        arena_destroy(&w.arena);
    }
    pay_wake(pay);
}

/* Calls `each` for every payment. */
static void payments_walk(struct arena *arena, void (*each)(const struct pay_info *, void *), void *user) {
    struct pay_filter filter = {.limit = LIST_MAX};
    do {
        struct pay_list list;
        must(pay_payments(pay, arena, ORG, &filter, &list));
        for (size_t i = 0; i < list.count; i++) each(&list.items[i], user);
        filter.after = list.next;
    } while (filter.after);
}

static void refund_one(const struct pay_info *p, void *user) {
    int64_t left = p->amount.minor - p->refunded.minor - p->refund_pending.minor - p->charged_back.minor;
    if (!pay_state_has_money(p->state) || left <= 0 || rng_below(&rng, 3)) return;
    int64_t amount = rng_below(&rng, 2) ? left : (left + 9) / 20 * 10;
    if (amount <= 0) return;
    struct work w = {.arena = user, .info = *p, .refund_id = id_next(ids), .amount = MONEY(amount, p->amount.currency)};
    struct err e = db_write(db, refund_fn, &w);
    if (e.kind != ERR_CONFLICT) must(e); /* a webhook may have been quicker */
}

static void drop_one(const struct pay_info *p, void *user) {
    long *left = user;
    if (*left <= 0 || !pay_state_is_open(p->state)) return;
    (*left)--;
    struct work w = {.info = *p};
    must(db_write(db, cancel_fn, &w));
}

/* --- telling --- */

static void url_put(const struct pay_info *p, void *user) {
    if (p->state == PAY_REQUIRES_ACTION && p->action == PAY_ACTION_REDIRECT) json_add_string(user, p->url);
}

static void open_count(const struct pay_info *p, void *user) { *(long *)user += (pay_state_is_open(p->state) && !p->is_parked) || p->refund_pending.minor; }

static void payment_put(const struct pay_info *p, void *user) {
    struct json_writer *w = user;
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&p->public_id));
    json_put_cstr(w, "provider", pay_provider_id(p->provider));
    json_put_cstr(w, "state", pay_state_name(p->state));
    json_put_cstr(w, "currency", currency_code(p->amount.currency));
    json_put_number(w, "amount", p->amount.minor);
    json_put_number(w, "refunded", p->refunded.minor);
    json_put_number(w, "refund_pending", p->refund_pending.minor);
    json_put_number(w, "charged_back", p->charged_back.minor);
    json_put_string(w, "ref", p->provider_ref);
    json_put_string(w, "label", p->label);
    json_put_bool(w, "was_captured", p->captured_us != 0);
    json_put_bool(w, "is_parked", p->is_parked);
    json_put_bool(w, "is_open", pay_state_is_open(p->state));
    json_end(w);
}

struct accounts_work {
    struct arena *arena;
    struct json_writer *w;
};
static struct err accounts_fn(struct db_tx *tx, void *arg) {
    struct accounts_work *a = arg;
    struct ledger_account_filter filter = {.limit = 500};
    json_begin_array(a->w);
    do {
        struct ledger_accounts list;
        struct err e = ledger_account_list(ledger, tx, a->arena, ORG, &filter, &list);
        if (e.kind) return e;
        for (size_t i = 0; i < list.count; i++) {
            const struct ledger_account *one = &list.items[i];
            json_begin_object(a->w);
            json_put_number(a->w, "code", one->code);
            json_put_cstr(a->w, "currency", currency_code((uint16_t)one->ledger));
            json_put_cstr(a->w, "owner", one->code == LEDGER_CODE_CLEARING ? pay_provider_id((enum pay_provider)one->owner_id) : "");
            json_put_number(a->w, "balance", ledger_balance(one));
            json_put_number(a->w, "pending", one->debits_pending + one->credits_pending);
            json_end(a->w);
        }
        filter.after_id = list.next;
    } while (filter.after_id);
    json_end(a->w);
    return ERR_OK;
}

/* All of them, as finance and buyers see them only by their order. */
static const struct db_statement refund_all = {"storm.refund_all", "SELECT id, amount, state FROM pay_refund WHERE org_id = :org_id ORDER BY id DESC"};
struct refunds_work {
    struct arena *arena;
    struct json_writer *w;
};
static struct err refunds_fn(struct db_tx *tx, void *arg) {
    struct refunds_work *r = arg;
    struct db_rows rows;
    struct err e = DB_QUERY(tx, r->arena, &rows, &refund_all, DB_INT("org_id", ORG));
    for (size_t i = 0; !e.kind && i < rows.count; i++) {
        json_begin_object(r->w);
        json_put_id(r->w, "id", db_int(&rows, i, "id"));
        json_put_number(r->w, "amount", db_int(&rows, i, "amount"));
        json_put_cstr(r->w, "state", pay_refund_state_name((enum pay_refund_state)db_int(&rows, i, "state")));
        json_end(r->w);
    }
    return e;
}

static void book_tell(struct json_writer *w, struct arena *arena) {
    struct ledger_check check;
    json_begin_object(w);
    json_key(w, "payments");
    json_begin_array(w);
    payments_walk(arena, payment_put, w);
    json_end(w);
    json_key(w, "refunds");
    json_begin_array(w);
    must(db_read(db, refunds_fn, (&(struct refunds_work){arena, w})));
    json_end(w);
    json_key(w, "accounts");
    struct accounts_work accounts = {arena, w};
    must(db_read(db, accounts_fn, &accounts));
    must(ledger_verify(ledger, arena, NULL, NULL, NULL, &check));
    json_put_number(w, "differences", (int64_t)check.differences_total);
    struct pay_stats stats = pay_stats(pay);
    json_put_number(w, "forged", (int64_t)stats.webhooks_forged);
    json_put_number(w, "duplicates", (int64_t)stats.webhooks_duplicate);
    json_put_number(w, "webhooks", (int64_t)stats.webhooks);
    json_put_number(w, "retried", (int64_t)stats.calls_retried);
    json_end(w);
}

static void obey(const char *line) {
    struct buf out = BUF(64 << 20);
    struct json_writer w = json_writer_of(&out);
    struct arena *arena = arena_create(256 << 20);
    const char *space = strchr(line, ' ');
    long number = space ? atol(space + 1) : 0;
    if (!strncmp(line, "make", 4)) make(number);
    else if (!strncmp(line, "renew", 5)) renew(number);
    else if (!strncmp(line, "refund", 6)) payments_walk(arena, refund_one, arena);
    else if (!strncmp(line, "drop", 4)) payments_walk(arena, drop_one, &number);
    else if (!strncmp(line, "advance", 7)) clock_manual_advance(manual, number * NS_PER_S);
    if (!strncmp(line, "run", 3) || !strncmp(line, "advance", 7)) must(pay_run(pay));
    if (!strncmp(line, "urls", 4)) {
        json_begin_array(&w);
        payments_walk(arena, url_put, &w);
        json_end(&w);
    } else if (!strncmp(line, "open", 4)) {
        long open = 0;
        payments_walk(arena, open_count, &open);
        json_add_number(&w, open);
    } else if (!strncmp(line, "book", 4)) book_tell(&w, arena);
    else json_begin_object(&w), json_end(&w);
    must(buf_error(&out));
    printf("%.*s\n", (int)out.len, out.ptr);
    fflush(stdout);
    buf_free(&out);
    arena_destroy(&arena);
}

static void settings_take(const char *path) {
    static const struct {
        enum pay_provider provider;
        const char *name;
    } providers[] = {{PAY_STRIPE, "stripe"}, {PAY_ALIPAY, "alipay"}};
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error), *value;
    const char *name;
    if (!root) exit(2);
    for (size_t i = 0; i < ARRAY_LEN(providers); i++) {
        struct pay_field_change changes[8];
        size_t count = 0;
        json_object_foreach(json_object_get(root, providers[i].name), name, value) {
            changes[count].name = slice_cstr(name);
            changes[count++].value = slice_cstr(json_string_value(value));
        }
        must(pay_settings_change(pay, ORG, providers[i].provider, true, changes, count));
    }
    json_decref(root);
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    log_configure(LOG_ERROR, LOG_FORMAT_LOGFMT, 2);
    static const struct db_schema *const schemas[] = {&ledger_schema, &pay_schema};
    rng = rng_seeded(strtoull(argv[3], NULL, 10));
    manual = clock_manual_create(utc_from_seconds(atoll(argv[4])));
    must(db_open(&db, &(struct db_options){.url = argv[1]}));
    must(db_migrate(db, schemas, ARRAY_LEN(schemas)));
    ids = id_maker_create(manual, (unsigned)(strtoull(argv[3], NULL, 10) % 64)); /* each start has the next seed: ids stay unique although time stands still over a start */
    must(keys_open(&keys, argv[2]));
    must(ledger_open(&ledger, &(struct ledger_options){.db = db, .clock = manual, .ids = ids}));
    must(pay_open(&pay, &(struct pay_options){.db = db, .clock = manual, .ids = ids, .keys = keys, .ledger = ledger, .site_url = "http://127.0.0.1", .calls_max = 8}));
    pay_listen(pay, &(struct pay_listener){.captured = on_captured, .refund_failed = on_refund_failed});
    settings_take(argv[5]);
    must(http_server_create(&server, &(struct http_options){.listens = (struct http_listen[]){{.address = "127.0.0.1:0"}}, .listen_count = 1, .loops = 1}));
    must(http_server_route(server, &(struct http_route){.method = HTTP_POST, .pattern = "/{provider}", .handle = webhook, .where = HTTP_ON_WORKER, .body_bytes_max = PAY_WEBHOOK_BYTES_MAX}));
    must(http_server_start(server));
    must(pay_start(pay));
    printf("{\"port\":%u}\n", http_server_port(server, 0));
    fflush(stdout);
    char line[128];
    while (fgets(line, sizeof line, stdin)) obey(line);
    http_server_stop(server, 2000);
    pay_close(&pay);
    http_server_destroy(&server);
    ledger_close(&ledger);
    keys_close(&keys);
    id_maker_destroy(&ids);
    db_close(&db);
    clock_manual_destroy(&manual);
    return 0;
}
