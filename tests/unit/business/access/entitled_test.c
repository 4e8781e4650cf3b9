/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Why something is his: grants by hand, and what was bought. */
#include "fixture.h"

/* --- grants --- */

static void grants_are_checked(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct access_grant grant, *list;
    int64_t id = title_id(&f, &title);
    assert_error(access_grant_add(f.access, ORG, HOME, id, RIGHTS_RENTAL, START_S, 0, &grant), "grant.ends");
    assert_error(access_grant_add(f.access, ORG, HOME, id, RIGHTS_RENTAL, INT64_MAX, 0, &grant), "grant.ends");
    assert_error(access_grant_add(f.access, ORG, HOME, id, RIGHTS_THEATRICAL, ACCESS_ENDLESS, 0, &grant), "grant.medium");
    for (int i = 0; i < 3; i++) assert_ok(access_grant_add(f.access, ORG, HOME, id, RIGHTS_RENTAL, START_S + 10 + i, 0, &grant));
    struct arena *arena = arena_create(1 << 20);
    size_t count;
    assert_ok(access_grants(f.access, arena, ORG, HOME, &list, &count));
    assert_int_equal(count, 3);
    assert_true(list[0].id > list[1].id && list[0].ends_s == START_S + 12);
    clock_manual_advance(f.clock, 11 * NS_PER_S);
    assert_ok(access_grants(f.access, arena, ORG, HOME, &list, &count));
    assert_int_equal(count, 1);
    assert_ok(access_grants(f.access, arena, ORG + 1, HOME, &list, &count));
    assert_int_equal(count, 0);
    arena_destroy(&arena);
    end(&f);
}

static struct err erase_fn(struct db_tx *tx, void *arg) { return double_holder.erase(double_holder.user, tx, arg); }
struct export_work {
    struct arena *arena;
    struct buf out;
    struct account_subject *subject;
};
static struct err export_fn(struct db_tx *tx, void *arg) {
    struct export_work *w = arg;
    struct json_writer writer = json_writer_of(&w->out);
    return double_holder.write(double_holder.user, tx, w->arena, w->subject, &writer);
}
static void people_may_take_along_and_be_forgotten(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct access_grant grant;
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &title), RIGHTS_RENTAL, START_S + DAY_S, 0, &grant));
    struct delivery_pass pass = must_start(&f, &title, somebody(GROWN_UP));
    struct account_subject subject = {.org_id = ORG, .household_id = HOME};
    struct export_work work = {.arena = arena_create(1 << 20), .out = BUF(10000), .subject = &subject};
    assert_ok(db_read(f.db, export_fn, &work));
    struct slice wanted = arena_printf(work.arena, "[{\"title\":\"%s\",\"medium\":\"rental\",\"starts_at\":\"2026-11-22T00:00:00Z\",\"ends_at\":\"2026-11-23T00:00:00Z\"}]", title.text);
    assert_true(slice_eq(buf_slice(&work.out), wanted));
    buf_free(&work.out);
    arena_destroy(&work.arena);
    struct delivery_session session;
    assert_ok(db_write(f.db, erase_fn, &subject)); /* one of several users: the household stays */
    assert_ok(delivery_session_find(f.delivery, ORG, public_id_slice(&pass.session), &session));
    assert_int_equal(session.viewer.household_id, HOME);
    subject.is_whole_household = true;
    assert_ok(db_write(f.db, erase_fn, &subject));
    assert_ok(delivery_session_find(f.delivery, ORG, public_id_slice(&pass.session), &session));
    assert_int_equal(session.viewer.household_id, 0);
    assert_string_equal(session.viewer.device, "");
    end(&f);
}

/* --- what was bought --- */

static struct order_held held_of(int64_t id, enum offer_kind kind, enum rights_medium medium, int64_t ends_s) {
    return (struct order_held){.entitlement_id = id, .order_id = id + 100, .offer_id = id + 200, .kind = kind, .medium = medium, .starts_s = START_S - DAY_S, .ends_s = ends_s};
}

static struct access_sale sale_of(struct fixture *f, const struct public_id *title, struct access_viewer viewer, struct access_answer *answer) {
    struct catalog_view *view;
    struct access_sale sale;
    assert_ok(catalog_view_take(f->catalog, ORG, &view));
    struct access_question q = {.viewer = &viewer, .view = view, .title = catalog_find(view, public_id_slice(title)), .at_s = utc_seconds(clock_utc(f->clock)), .without_streams = true};
    *answer = access_decide(f->access, &q);
    access_sale(f->access, &q, answer, &sale);
    if (answer->until_s < ACCESS_ENDLESS) access_outlook(f->access, &q, answer);
    catalog_view_give(&view);
    return sale;
}

static void a_plan_opens_what_rights_allow_by_subscription(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true, .has_no_rights = true});
    deal_make(&f, &title, (struct line_wish){.territories = "DE", .media = 1 << RIGHTS_SUBSCRIPTION}, NULL);
    struct order_held plan = held_of(1, OFFER_SUBSCRIPTION, RIGHTS_SUBSCRIPTION, START_S + 30 * DAY_S);
    plan.renews = true;
    shop_double_hold(HOME, 0, &plan);
    struct access_answer answer = ask(&f, &title, somebody(GROWN_UP));
    expect(answer, "playable", "access.subscribed");
    assert_int_equal(answer.medium, RIGHTS_SUBSCRIPTION);
    assert_int_equal(answer.until_s, START_S + 30 * DAY_S); /* no token goes beyond it, */
    assert_int_equal(answer.turns_s, 0);                    /* and nobody is told of an end, since it renews itself */
    assert_true(answer.held.order_id == 101 && answer.held.offer_id == 201);
    plan.renews = false;
    shop_double_hold(HOME, 0, &plan);
    assert_int_equal(ask(&f, &title, somebody(GROWN_UP)).turns_s, START_S + 30 * DAY_S);
    struct access_viewer other = somebody(GROWN_UP), away = other;
    other.household_id = OTHER_HOME;
    away.place = thailand;
    expect(ask(&f, &title, other), "locked", "access.entitlement");
    expect(ask(&f, &title, away), "unavailable", "rights.territory");
    expect(ask_at(&f, &title, somebody(GROWN_UP), START_S + 30 * DAY_S), "locked", "access.entitlement");
    /* What may only be rented does not come with a plan. */
    struct public_id rented = title_make(&f, (struct title_wish){.is_paid = true, .has_no_rights = true});
    deal_make(&f, &rented, (struct line_wish){.territories = "DE", .media = 1 << RIGHTS_RENTAL}, NULL);
    expect(ask(&f, &rented, somebody(GROWN_UP)), "unavailable", "rights.medium");
    end(&f);
}

static void a_rental_runs_from_the_first_play(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct order_held rental = held_of(1, OFFER_RENTAL, RIGHTS_RENTAL, START_S + 30 * DAY_S);
    rental.watch_s = 120;
    shop_double_hold(HOME, title_id(&f, &title), &rental);
    struct access_answer answer = ask(&f, &title, somebody(GROWN_UP));
    expect(answer, "playable", "access.rented");
    assert_int_equal(answer.until_s, START_S + 120);          /* as long as a play that begins now may last; */
    assert_int_equal(answer.turns_s, START_S + 30 * DAY_S);   /* it may be begun until then */
    assert_int_equal(shop_double_starts, 0);
    struct delivery_pass pass = must_start(&f, &title, somebody(GROWN_UP));
    assert_int_equal(shop_double_starts, 1);
    assert_int_equal(pass.token.expires_s, START_S + 120);
    must_start(&f, &title, somebody(GROWN_UP));
    assert_int_equal(shop_double_starts, 1);
    end(&f);
}

static void a_rental_that_is_gone_gives_no_token(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct order_held rental = held_of(1, OFFER_RENTAL, RIGHTS_RENTAL, START_S + 30 * DAY_S);
    rental.watch_s = 3600;
    shop_double_hold(HOME, title_id(&f, &title), &rental);
    struct access_answer answer;
    struct delivery_pass pass;
    struct access_stats stats;
    /* The store cannot be asked: an error, no place taken, nothing begun. */
    shop_double_fail(err_make(ERR_IO, "db.lost", "No connection."));
    struct err e = start(&f, &title, somebody(GROWN_UP), &answer, &pass);
    assert_string_equal(e.code, "db.lost");
    access_stats(f.access, &stats);
    assert_int_equal(stats.streams, 0);
    /* It was taken back in this moment: a refusal like any other, as soon as memory knows. */
    shop_double_fail(err_make(ERR_NOT_FOUND, "order.entitlement", "Gone."));
    e = start(&f, &title, somebody(GROWN_UP), &answer, &pass);
    assert_string_equal(e.code, "order.entitlement"); /* memory still says yes */
    rental.ends_s = START_S;
    shop_double_hold(HOME, title_id(&f, &title), &rental);
    assert_ok(start(&f, &title, somebody(GROWN_UP), &answer, &pass));
    expect(answer, "locked", "access.entitlement");
    access_stats(f.access, &stats);
    assert_int_equal(stats.streams, 0);
    assert_int_equal(shop_double_starts, 0);
    end(&f);
}

static void nothing_is_used_up_in_vain(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct order_held rental = held_of(1, OFFER_RENTAL, RIGHTS_RENTAL, START_S + 30 * DAY_S), begun = held_of(2, OFFER_RENTAL, RIGHTS_RENTAL, START_S + DAY_S),
                      kept = held_of(3, OFFER_PURCHASE, RIGHTS_PURCHASE, ORDER_ENDLESS), plan = held_of(4, OFFER_SUBSCRIPTION, RIGHTS_SUBSCRIPTION, START_S + 3 * DAY_S);
    rental.watch_s = begun.watch_s = 3600;
    begun.started_s = START_S - 60;
    int64_t id = title_id(&f, &title);
    const struct order_held *const all[] = {&rental, &begun, &kept, &plan};
    static const char *const reasons[] = {"access.rented", "access.rented", "access.bought", "access.subscribed"};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) { /* each one that comes is better than those there are */
        shop_double_hold(HOME, id, all[i]);
        struct access_answer answer = ask(&f, &title, somebody(GROWN_UP));
        expect(answer, "playable", reasons[i]);
        assert_true(answer.held.entitlement_id == all[i]->entitlement_id);
    }
    must_start(&f, &title, somebody(GROWN_UP));
    assert_int_equal(shop_double_starts, 0);
    struct access_grant grant;
    assert_ok(access_grant_add(f.access, ORG, HOME, id, RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &grant));
    expect(ask(&f, &title, somebody(GROWN_UP)), "playable", "access.granted");
    end(&f);
}

static void what_is_taken_back_ends_what_plays(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct order_held kept = held_of(1, OFFER_PURCHASE, RIGHTS_PURCHASE, ORDER_ENDLESS), rental = held_of(2, OFFER_RENTAL, RIGHTS_RENTAL, START_S + 30 * DAY_S);
    rental.watch_s = 3600;
    shop_double_hold(HOME, title_id(&f, &title), &kept);
    struct delivery_pass pass = must_start(&f, &title, somebody(GROWN_UP)), fresh;
    assert_int_equal(access_sweep(f.access), 0);
    kept.ends_s = START_S; /* refunded, or charged back */
    shop_double_hold(HOME, title_id(&f, &title), &kept);
    assert_int_equal(access_sweep(f.access), 1);
    expect(renew(&f, &pass, somebody(GROWN_UP), &fresh), "locked", "access.entitlement");
    /* With a rental beside it he goes on under that, which begins then. */
    kept.ends_s = ORDER_ENDLESS;
    shop_double_hold(HOME, title_id(&f, &title), &kept);
    pass = must_start(&f, &title, somebody(GROWN_UP));
    shop_double_hold(HOME, title_id(&f, &title), &rental);
    kept.ends_s = START_S;
    shop_double_hold(HOME, title_id(&f, &title), &kept);
    assert_int_equal(access_sweep(f.access), 0);
    expect(renew(&f, &pass, somebody(GROWN_UP), &fresh), "playable", "access.rented");
    assert_int_equal(shop_double_starts, 1);
    end(&f);
}

static void a_tile_says_what_it_costs(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true, .fsk = "18"}), free = title_make(&f, (struct title_wish){0});
    struct access_answer answer;
    struct access_sale sale = sale_of(&f, &title, somebody(GROWN_UP), &answer);
    assert_string_equal(access_badge_name(sale.badge), "none"); /* nobody sells it */
    assert_int_equal(sale.price.currency, 0);
    assert_string_equal(access_badge_name(sale_of(&f, &free, somebody(GROWN_UP), &answer).badge), "free");
    static const struct {
        uint16_t kinds;
        const char *badge, *sentence;
        int64_t lowest;
    } cases[] = {
        {1 << OFFER_SUBSCRIPTION, "subscribe", "Watch this title with a subscription.", 999},
        {1 << OFFER_RENTAL, "rent", "Rent this title to watch it.", 399},
        {1 << OFFER_PURCHASE, "buy", "Buy this title to watch it.", 1299},
        {1 << OFFER_LIVE_PASS, "buy", "Buy this title to watch it.", 1500},
        {1 << OFFER_SUBSCRIPTION | 1 << OFFER_RENTAL, "subscribe", "Watch this title with a subscription, or rent it.", 399},
        {1 << OFFER_SUBSCRIPTION | 1 << OFFER_BUNDLE, "subscribe", "Watch this title with a subscription, or buy it.", 999},
        {1 << OFFER_RENTAL | 1 << OFFER_PURCHASE, "rent", "Rent or buy this title to watch it.", 399},
        {1 << OFFER_SUBSCRIPTION | 1 << OFFER_RENTAL | 1 << OFFER_PURCHASE, "subscribe", "Watch this title with a subscription, or rent or buy it.", 399},
        {1 << OFFER_GIFT_CARD, "none", "This title is not among those that your household may watch.", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct offer_sale sold = {.kinds = cases[i].kinds, .next_s = OFFER_ENDLESS};
        sold.lowest[OFFER_SUBSCRIPTION] = MONEY(999, CURRENCY_EUR);
        sold.lowest[OFFER_RENTAL] = MONEY(399, CURRENCY_EUR);
        sold.lowest[OFFER_PURCHASE] = MONEY(1299, CURRENCY_EUR);
        sold.lowest[OFFER_LIVE_PASS] = MONEY(1500, CURRENCY_EUR);
        sold.lowest[OFFER_BUNDLE] = MONEY(4999, CURRENCY_EUR);
        shop_double_sell(&sold);
        sale = sale_of(&f, &title, somebody(GROWN_UP), &answer);
        assert_string_equal(access_badge_name(sale.badge), cases[i].badge);
        assert_int_equal(sale.price.minor, cases[i].lowest);
        struct buf text = BUF(400);
        access_sentence(&text, SLICE("en"), &answer, &germany, START_S, (struct text_zone){0});
        assert_memory_equal(text.ptr, cases[i].sentence, text.len);
        assert_int_equal(text.len, strlen(cases[i].sentence));
        buf_free(&text);
    }
    struct order_held rental = held_of(1, OFFER_RENTAL, RIGHTS_RENTAL, START_S + 30 * DAY_S), plan = held_of(2, OFFER_SUBSCRIPTION, RIGHTS_SUBSCRIPTION, START_S + 9 * DAY_S);
    rental.watch_s = 3600;
    plan.renews = true;
    shop_double_hold(HOME, title_id(&f, &title), &rental);
    sale = sale_of(&f, &title, somebody(GROWN_UP), &answer);
    assert_string_equal(access_badge_name(sale.badge), "rented");
    assert_true(sale.until_s == START_S + 30 * DAY_S && sale.price.currency == 0);
    struct buf text = BUF(400);
    access_sentence(&text, SLICE("en"), &answer, &germany, START_S, (struct text_zone){0});
    assert_true(slice_eq(buf_slice(&text), SLICE("Rented. Begin to watch by 22 December.")));
    buf_free(&text);
    assert_string_equal(access_badge_name(sale_of(&f, &title, somebody(CHILD), &answer).badge), "rented"); /* it is theirs, though not for him */
    expect(answer, "rating", "access.rating");
    shop_double_hold(HOME, 0, &plan);
    sale = sale_of(&f, &title, somebody(GROWN_UP), &answer);
    assert_string_equal(access_badge_name(sale.badge), "included");
    assert_true(sale.until_s == ACCESS_ENDLESS);
    struct public_id abroad = title_make(&f, (struct title_wish){.has_no_rights = true}); /* free, and nobody may show it */
    assert_string_equal(access_badge_name(sale_of(&f, &abroad, somebody(GROWN_UP), &answer).badge), "none");
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(grants_are_checked),
        ON_BOTH(people_may_take_along_and_be_forgotten),
        ON_SQLITE(a_plan_opens_what_rights_allow_by_subscription),
        ON_BOTH(a_rental_runs_from_the_first_play),
        ON_SQLITE(a_rental_that_is_gone_gives_no_token),
        ON_SQLITE(nothing_is_used_up_in_vain),
        ON_BOTH(what_is_taken_back_ends_what_plays),
        ON_SQLITE(a_tile_says_what_it_costs),
    };
    return cmocka_run_group_tests_name("access entitled", tests, NULL, NULL);
}
