/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * checkout_bench FOLDER [ORDERS [CALLERS]]: from order to entitlement with the sandbox, in process, through outbox and webhook like any provider. ORDERS orders by CALLERS
 * threads that each wait for every answer, as request handlers do; it ends when the last of them is paid and its entitlement answers from memory. With a
 * database named by GRANDSTAND_BENCH_POSTGRES the same there, with a tenth of the orders. Prints rows "what | ours | peer | ratio | aim" for bench/checkout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "box_office.h"

static void must(const char *what, struct err e) {
    if (!e.kind) return;
    fprintf(stderr, "checkout_bench: %s: %s: %s\n", what, e.code ? e.code : "-", e.what ? e.what : "-");
    exit(1);
}

struct caller {
    struct shop *s;
    int64_t first, count;
    struct thread *thread;
};

static void call_run(void *arg) {
    struct caller *c = arg;
    struct shop *s = c->s;
    struct arena *arena = arena_create(1 << 20);
    for (int64_t i = 0; i < c->count; i++) {
        struct order_item item;
        struct pay_info payment;
        struct order_buyer b = box_buyer(s, c->first + i, "DE");
        struct order_wish wish = {.offer = public_id_slice(&s->offers_made[SHOP_PURCHASE]), .title = public_id_slice(&s->films[i % SHOP_FILMS]), .quantity = 1};
        struct order_payment_wish card = {.provider = SLICE("sandbox"), .card_number = SLICE("4242424242424242"), .card_expires = SLICE("12/39"), .card_cvc = SLICE("123")};
        arena_reset(arena);
        must("order", order_create(s->order, arena, &b, &(struct order_cart){.lines = &wish, .count = 1}, NULL, &item));
        must("pay", order_pay(s->order, arena, &b, public_id_slice(&item.public_id), &card, NULL, &payment));
    }
    arena_destroy(&arena);
}

static double seconds(struct mono_time since) { return (double)mono_diff_ns(clock_mono(clock_system()), since) / 1e9; }

static void bench(const char *name, const char *url, const char *folder, int64_t orders, int callers_count, const char *aim) {
    struct shop s;
    struct db *db;
    must("open", db_open(&db, &(struct db_options){.url = url, .readers_max = 8}));
    must("migrate", db_migrate(db, box_schemas, SHOP_SCHEMAS));
    must("shop", box_open(&s, db, clock_system(), 0, folder));
    must("stock", box_stock(&s));
    must("pay", pay_start(s.pay));
    struct caller *callers = mem_zalloc_array((size_t)callers_count, sizeof *callers);
    struct mono_time start = clock_mono(clock_system());
    int64_t each = orders / callers_count;
    for (int i = 0; i < callers_count; i++) {
        callers[i] = (struct caller){.s = &s, .first = 1000000 + i * each, .count = each};
        must("thread", thread_start(&callers[i].thread, "caller", call_run, &callers[i]));
    }
    for (int i = 0; i < callers_count; i++) thread_join(&callers[i].thread);
    double ordered = seconds(start);
    must("run", pay_run(s.pay));
    double all = seconds(start);
    struct order_stats stats;
    order_stats(s.order, &stats);
    struct db_stats ds = db_stats(db);
    if (stats.paid != (uint64_t)(each * callers_count) || stats.entitlements != stats.paid) {
        fprintf(stderr, "checkout_bench: %llu paid, %llu entitlements of %lld orders\n", (unsigned long long)stats.paid, (unsigned long long)stats.entitlements, (long long)orders);
        exit(1);
    }
    struct slice trouble;
    must("check", box_check(&s, s.arena, &trouble));
    if (trouble.len) {
        fprintf(stderr, "checkout_bench: %.*s\n", SLICE_ARG(trouble));
        exit(1);
    }
    printf("checkout in process, order to entitlement, %s, %lld orders, %d callers | %.0f orders/s | - | - | %s\n", name, (long long)stats.paid, callers_count, (double)stats.paid / all, aim);
    fprintf(stderr, "  %s: %.2f s until all were ordered, %.2f s until all were paid; %llu writes in %llu groups, %llu statements (%.1f an order), commits %.2f s, %llu checkpoints\n", name, ordered, all,
            (unsigned long long)ds.writes, (unsigned long long)ds.groups, (unsigned long long)ds.statements, (double)ds.statements / (double)stats.paid, (double)ds.commit_ns / 1e9, (unsigned long long)ds.checkpoints);

    /* The question of access: what does this household have of this title? */
    enum { ASKED = 2000000 };
    uint64_t found = 0;
    start = clock_mono(clock_system());
    for (int64_t i = 0; i < ASKED; i++) {
        struct order_held held[ORDER_HELD_MAX];
        int64_t next_s = ORDER_ENDLESS, household = 1000000 + i * 7919 % (int64_t)stats.paid;
        found += order_entitlement(s.order, s.org, household, (int64_t[3]){s.film_ids[i % SHOP_FILMS], 0, s.series_id}, 1795305600, held, &next_s);
    }
    printf("entitlement of a household for a title, %llu households, %s | %.0f ns | - | - | tens of ns\n", (unsigned long long)stats.paid, name, seconds(start) * 1e9 / ASKED);
    if (found == 0) fprintf(stderr, "  (found none)\n");
    mem_free(callers);
    box_close(&s);
    db_close(&db);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: checkout_bench FOLDER [ORDERS [CALLERS]]\n");
        return 2;
    }
    char path[600];
    int64_t orders = argc > 2 ? atoll(argv[2]) : 50000;
    int callers = argc > 3 ? atoi(argv[3]) : 64;
    log_configure(LOG_WARN, LOG_FORMAT_LOGFMT, STDERR_FILENO);
    must("folder", fs_make_dirs(AT_FDCWD, argv[1], 0700));
    snprintf(path, sizeof path, "%s/checkout.db", argv[1]);
    bench("SQLite", path, argv[1], orders, callers, ">= 5000");
    const char *postgres = getenv("GRANDSTAND_BENCH_POSTGRES");
    if (postgres) bench("PostgreSQL", postgres, argv[1], orders / 10, callers, "printed");
    return 0;
}
