/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * order_driver: a household that buys, and a process that is killed while it does. tests/unit/business/order/kill_test.c starts it, again and again over the same
 * store; whatever was begun is finished by the next one, under the same idempotency keys, as a client would.
 *
 *   order_driver URL FOLDER walk N    the households up to N each buy a film, rent one and begin it, subscribe and are renewed, get a refund and a charge-back
 *   order_driver URL FOLDER load N    two threads buy films, round N, until the end of the world; each order that was answered as paid is a line on standard output
 *   order_driver URL FOLDER check N   neither
 * Each first does what is due, and checks what must hold; what does not is said on standard error, and the exit is 1. FOLDER keeps the keys, what time it
 * is, which households are through, and what was answered. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "box_office.h"

#define START_S INT64_C(1795305600)
#define DAY_S INT64_C(86400)
#define GOOD "4242424242424242"

static struct shop s;
static const char *folder;

static void die(const char *where, struct err e) {
    fprintf(stderr, "%s: %s: %s\n", where, e.code ? e.code : "-", e.what ? e.what : "-");
    exit(1);
}
static void must(const char *where, struct err e) {
    if (e.kind) die(where, e);
}
static void hold(bool it, const char *what, int64_t household) {
    if (it) return;
    fprintf(stderr, "household %lld: %s\n", (long long)household, what);
    exit(1);
}

/* --- what outlives a process, besides the store --- */

static int64_t number_in(const char *name, int64_t fallback) {
    char path[600];
    struct buf text = BUF(64);
    uint64_t n;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct err e = fs_read_file(AT_FDCWD, path, &text);
    if (e.kind || !slice_to_u64(buf_slice(&text), &n)) n = (uint64_t)fallback;
    buf_free(&text);
    return (int64_t)n;
}
static void number_out(const char *name, int64_t n) {
    char path[600], text[32];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(text, sizeof text, "%lld", (long long)n);
    must(name, fs_write_file_atomic(AT_FDCWD, path, slice_cstr(text), 0600));
}
/* Time goes on, and a process that is started again does not find it earlier. */
static void turn_to(int64_t at_s) {
    if (at_s <= utc_seconds(clock_utc(s.clock))) return;
    number_out("clock", at_s);
    clock_manual_set_utc(s.clock, utc_from_seconds(at_s));
}
static int64_t now(void) { return utc_seconds(clock_utc(s.clock)); }

/* --- the walk --- */

static struct order_item get(const struct public_id *order) {
    struct order_item item;
    must("get", order_get(s.order, s.arena, s.org, 0, public_id_slice(order), SLICE("en"), &item));
    return item;
}

/* Bought before the clock was turned on by a month: its key is forgotten by then, as it should be, and the client knows what he has. */
static bool is_bought(int64_t household, enum shop_offer which, int film, struct order_item *out) {
    struct order_list list;
    must("list", order_list(s.order, s.arena, s.org, &(struct order_filter){.household_id = household, .limit = 100}, &list));
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].paid_s && !list.items[i].is_renewal && list.items[i].q.lines[0].offer_id == s.offer_ids[which] && (film < 0 || list.items[i].q.lines[0].title_id == s.film_ids[film])) {
            *out = list.items[i];
            return true;
        }
    return false;
}

/* Ordered and paid, once, however often it is asked. */
static struct order_item buy(int64_t household, enum shop_offer which, int film, const char *card, const char *name) {
    struct order_item item;
    struct pay_info payment;
    char pay_key[40];
    if (is_bought(household, which, film, &item) && now() > item.paid_s + DAY_S) return item;
    snprintf(pay_key, sizeof pay_key, "pay-%s", name);
    must(name, box_order(&s, household, which, film, name, &item));
    struct err e = box_pay(&s, household, &item.public_id, card, pay_key, &payment);
    if (e.kind && !(e.code && !strcmp(e.code, "order.settled"))) die(pay_key, e);
    must("run", box_run(&s));
    item = get(&item.public_id);
    hold(item.paid_s != 0, name, household);
    return item;
}

static struct order_subscription sub_of(int64_t household) {
    struct order_plan plan;
    struct order_buyer b = box_buyer(&s, household, "DE");
    must("plan", order_plan(s.order, s.arena, &b, &plan));
    hold(plan.has_subscription, "has no subscription", household);
    return plan.subscription;
}
static size_t held_for(int64_t household, int film, struct order_held held[ORDER_HELD_MAX]) {
    int64_t next_s = ORDER_ENDLESS;
    return order_entitlement(s.order, s.org, household, (int64_t[3]){s.film_ids[film], 0, 0}, now(), held, &next_s);
}

static const struct db_statement orders_of = {"driver.orders_of", "SELECT COUNT(*) FROM order_head WHERE household_id = :id"};
static const struct db_statement paid_of = {"driver.paid_of", "SELECT COUNT(*) FROM order_head WHERE household_id = :id AND state = 1"};
static const struct db_statement captured_of = {"driver.captured_of", "SELECT COUNT(*) FROM pay_payment WHERE household_id = :id AND captured_us > 0"};
struct count_work {
    int64_t household, orders, paid, captured;
};
static struct err count_fn(struct db_tx *tx, void *arg) {
    struct count_work *w = arg;
    w->orders = DB_GET_INT(tx, -1, &orders_of, DB_INT("id", w->household));
    w->paid = DB_GET_INT(tx, -1, &paid_of, DB_INT("id", w->household));
    w->captured = DB_GET_INT(tx, -1, &captured_of, DB_INT("id", w->household));
    return db_tx_error(tx);
}

static void walk(int64_t household) {
    struct order_held held[ORDER_HELD_MAX] = {{0}}, started;
    /* a purchase */
    struct order_item film = buy(household, SHOP_PURCHASE, 0, GOOD, "film");
    if (film.state == ORDER_PAID) hold(held_for(household, 0, held) && (held[0].kind == OFFER_PURCHASE || held[1].kind == OFFER_PURCHASE), "has paid a film and not got it", household);
    /* a rental begins */
    struct order_item rental = buy(household, SHOP_RENTAL, 1, GOOD, "rental");
    if (now() < rental.paid_s + 30 * DAY_S && held_for(household, 1, held)) {
        hold(held[0].medium == RIGHTS_RENTAL || held[0].medium == RIGHTS_SUBSCRIPTION, "has a rental in a strange way", household);
        for (int i = 0; i < 2; i++)
            if (held[i].watch_s) {
                must("start", order_started(s.order, s.org, household, held[i].entitlement_id, &started));
                hold(started.ends_s == started.started_s + 48 * 3600, "a rental runs for another time than it should", household);
                break;
            }
    }
    /* a subscription is renewed */
    buy(household, SHOP_MONTH, -1, GOOD, "month");
    struct order_subscription sub = sub_of(household);
    if (sub.from_s == sub.started_s && sub.state == ORDER_SUB_ACTIVE) {
        turn_to(sub.to_s);
        must("renew", box_run(&s));
        sub = sub_of(household);
    }
    hold(sub.from_s != sub.started_s, "was not renewed", household);
    /* the film goes back */
    struct order_refund back;
    struct order_refund_wish wish = {.reason = SLICE("asked for"), .by_user_id = 9};
    struct order_key key = {.key = SLICE("refund"), .owner_id = household};
    must("refund", order_refund(s.order, s.arena, s.org, public_id_slice(&film.public_id), &wish, &key, &back));
    must("run", box_run(&s));
    hold(get(&film.public_id).state == ORDER_REFUNDED, "was not refunded", household);
    size_t count = held_for(household, 0, held);
    for (size_t i = 0; i < count; i++) hold(held[i].kind == OFFER_SUBSCRIPTION, "keeps a film that was given back", household);
    /* and the bank takes another back */
    struct order_item taken = buy(household, SHOP_PURCHASE, 2, "4000000000000259", "taken");
    turn_to(taken.paid_s + 61);
    must("run", box_run(&s));
    hold(get(&taken.public_id).state == ORDER_CHARGED_BACK, "was not charged back", household);
    struct order_buyer b = box_buyer(&s, household, "DE");
    must("cancel", order_plan_cancel(s.order, &b));
    struct count_work w = {.household = household};
    must("count", db_read(s.db, count_fn, &w));
    hold(w.orders == 5 && w.paid == 5 && w.captured == 5, "has bought something twice, or not at all", household);
}

/* --- load --- */

struct buyer {
    int64_t first;
    struct arena *arena;
};
static void load_run(void *arg) {
    struct buyer *w = arg;
    for (int64_t household = w->first;; household++) {
        struct order_item item;
        struct pay_info payment;
        struct order_buyer b = box_buyer(&s, household, "DE");
        struct order_wish wish = {.offer = public_id_slice(&s.offers_made[SHOP_PURCHASE]), .title = public_id_slice(&s.films[household % SHOP_FILMS]), .quantity = 1};
        struct order_payment_wish card = {.provider = SLICE("sandbox"), .card_number = SLICE(GOOD), .card_expires = SLICE("12/99"), .card_cvc = SLICE("123")};
        arena_reset(w->arena);
        must("order", order_create(s.order, w->arena, &b, &(struct order_cart){.lines = &wish, .count = 1}, NULL, &item));
        must("pay", order_pay(s.order, w->arena, &b, public_id_slice(&item.public_id), &card, NULL, &payment));
        must("run", pay_run(s.pay));
        must("get", order_get(s.order, w->arena, s.org, household, public_id_slice(&item.public_id), SLICE("en"), &item));
        if (item.state != ORDER_PAID) continue; /* not answered yet: it may become so */
        char line[64];
        int len = snprintf(line, sizeof line, "%s\n", item.public_id.text);
        if (write(STDOUT_FILENO, line, (size_t)len) != len) _exit(3); /* nobody reads any more */
    }
}

/* What was answered before is still so. */
static void answered_stands(void) {
    char path[600];
    struct buf all = BUF(64 << 20);
    snprintf(path, sizeof path, "%s/answered", folder);
    if (!fs_exists(AT_FDCWD, path)) return;
    must("answered", fs_read_file(AT_FDCWD, path, &all));
    struct slice rest = buf_slice(&all), line;
    struct arena *arena = arena_create(4 << 20);
    struct public_id id;
    while (slice_next(&rest, '\n', &line)) {
        struct order_item item;
        if (!public_id_parse(line, &id)) continue; /* cut off by the end */
        arena_reset(arena);
        struct err e = order_get(s.order, arena, s.org, 0, line, SLICE("en"), &item);
        if (e.kind || item.state != ORDER_PAID) {
            fprintf(stderr, "order %s was answered as paid and is %s\n", id.text, e.kind ? e.code : order_state_name(item.state));
            exit(1);
        }
    }
    arena_destroy(&arena);
    buf_free(&all);
}

static void check(void) {
    struct slice trouble;
    must("recover", box_run(&s));
    answered_stands();
    must("check", box_check(&s, s.arena, &trouble));
    if (!trouble.len) return;
    fprintf(stderr, "%.*s\n", SLICE_ARG(trouble));
    exit(1);
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    folder = argv[2];
    int64_t n = atoll(argv[4]);
    struct db *db;
    log_configure(LOG_WARN, LOG_FORMAT_LOGFMT, STDERR_FILENO);
    must("open", db_open(&db, &(struct db_options){.url = argv[1]}));
    must("migrate", db_migrate(db, box_schemas, SHOP_SCHEMAS));
    struct clock *clock = clock_manual_create(utc_from_seconds(number_in("clock", START_S)));
    must("shop", box_open(&s, db, clock, 0, folder));
    must("stock", number_in("stocked", 0) ? box_find(&s) : box_stock(&s));
    number_out("stocked", 1);
    check();
    if (!strcmp(argv[3], "walk")) {
        for (int64_t i = number_in("through", 0); i < n; i++) {
            walk(1000 + i);
            number_out("through", i + 1);
        }
        check();
    } else if (!strcmp(argv[3], "load")) {
        struct thread *threads[2];
        struct buyer buyers[2];
        must("pay", pay_start(s.pay));
        for (int i = 0; i < 2; i++) {
            buyers[i] = (struct buyer){.first = 1000000 * (n + 1) + i * 500000, .arena = arena_create(4 << 20)};
            must("thread", thread_start(&threads[i], "buyer", load_run, &buyers[i]));
        }
        for (int i = 0; i < 2; i++) thread_join(&threads[i]); /* never */
    }
    box_close(&s);
    db_close(&db);
    clock_manual_destroy(&clock);
    return 0;
}
