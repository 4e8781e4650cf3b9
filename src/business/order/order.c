/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The room as a whole, and the thread "orders": it does what is due by the clock, and follows what other processes have changed. */
#include "base/log.h"
#include "business/order/order_sql.h"
#include "business/order/room.h"

#define LOOK_NS (1 * NS_PER_S)  /* for changes of other processes */
#define TICK_S INT64_C(5)       /* between two looks at the clock */

/* --- what is kept about people --- */

static void put_when(struct json_writer *w, const char *name, int64_t at_s) {
    struct utc_text text = utc_text_of(utc_from_seconds(at_s), 0);
    json_put_cstr(w, name, at_s && at_s < ORDER_ENDLESS ? text.text : NULL);
}

/* Inside the export's reading: orders and subscriptions of the household, with their lines. */
static struct err write_subject(void *room, struct db_tx *tx, struct arena *arena, const struct account_subject *subject, struct json_writer *out) {
    struct db_rows rows;
    struct sub s;
    bool has = false;
    int64_t before_s = INT64_C(1) << 60, before_id = 0;
    struct err e = ERR_OK;
    json_begin_object(out);
    json_key(out, "orders");
    json_begin_array(out);
    do {
        e = DB_QUERY(tx, arena, &rows, &order_head_of_household, DB_INT("household_id", subject->household_id), DB_INT("state", -1), DB_INT("org_id", subject->org_id), DB_INT("from_s", 0),
                     DB_INT("before_s", before_s), DB_INT("before_id", before_id), DB_INT("limit", ORDER_LIST_MAX));
        for (size_t i = 0; !e.kind && i < rows.count; i++) {
            struct head h;
            head_take(&rows, i, &h);
            e = lines_read(tx, arena, &h);
            if (e.kind) break;
            before_s = h.created_s;
            before_id = h.id;
            json_begin_object(out);
            json_put_string(out, "id", public_id_slice(&h.public_id));
            json_put_cstr(out, "state", order_state_name(state_of(&h)));
            put_when(out, "created_at", h.created_s);
            put_when(out, "paid_at", h.paid_s);
            money_put(out, "total", money_of(&h, h.total));
            money_put(out, "refunded", money_of(&h, h.refunded));
            json_put_string(out, "invoice", h.invoice);
            json_put_string(out, "country", h.country);
            json_key(out, "lines");
            json_begin_array(out);
            for (size_t k = 0; k < h.count; k++) {
                json_begin_object(out);
                json_put_string(out, "name", name_in(h.lines[k].names, h.lang));
                json_put_string(out, "title", name_in(h.lines[k].title_names, h.lang));
                money_put(out, "total", money_of(&h, h.lines[k].total));
                json_end(out);
            }
            json_end(out);
            json_end(out);
        }
    } while (!e.kind && rows.count == ORDER_LIST_MAX);
    json_end(out);
    json_key(out, "subscription");
    if (!e.kind) e = sub_find_newest(tx, arena, subject->org_id, subject->household_id, &has, &s);
    if (!e.kind && has) {
        json_begin_object(out);
        json_put_string(out, "plan", name_in(s.names, s.lang));
        json_put_cstr(out, "state", order_sub_state_name((enum order_sub_state)s.state));
        put_when(out, "started_at", s.started_s);
        put_when(out, "ends_at", s.to_s);
        json_end(out);
    } else {
        json_add_null(out);
    }
    json_end(out);
    return e;
}

/* What it has ordered (unless nothing came of it), has been given, or has paid in. */
static struct err keeps_subject(void *room, struct db_tx *tx, struct arena *arena, const struct account_subject *subject, bool *out) {
    struct order_room *r = room;
    struct ledger_accounts accounts;
    int64_t count = DB_GET_INT(tx, 0, &order_household_keeps, DB_INT("household_id", subject->household_id), DB_INT("org_id", subject->org_id), DB_INT("now_s", now_of(r)));
    struct err e = db_tx_error(tx);
    if (!e.kind)
        e = ledger_account_list(r->o.ledger, tx, arena, subject->org_id, &(struct ledger_account_filter){.code = LEDGER_CODE_CREDIT, .owner_id = subject->household_id, .limit = 200}, &accounts);
    for (size_t i = 0; !e.kind && i < accounts.count; i++) count += ledger_available(&accounts.items[i]) > 0;
    if (!e.kind) *out = count > 0;
    return e;
}

/* Orders and invoices stay, as the law wants, under ids that nobody can resolve; nobody is charged any more. */
static struct err erase_subject(void *room, struct db_tx *tx, const struct account_subject *subject) {
    struct order_room *r = room;
    if (!subject->is_whole_household) return ERR_OK;
    struct arena *arena = arena_create(ARENA_BYTES);
    struct sub s;
    bool has = false;
    struct err e = arena ? sub_find_live(tx, arena, subject->org_id, subject->household_id, &has, &s) : err_memory();
    if (!e.kind && has) {
        s.method_id = 0;
        s.method = SLICE("");
        e = sub_end(r, tx, arena, &s, SUB_WHY_ERASED, now_of(r));
    }
    if (!e.kind) e = pay_method_forget_in(r->o.pay, tx, subject->org_id, subject->household_id, 0);
    arena_destroy(&arena);
    return e;
}

/* --- the thread --- */

void order_wake(struct order_room *r) {
    lock_take(&r->lock);
    r->is_wanted = true;
    condition_wake_one(&r->wake);
    lock_give(&r->lock);
}

static void run(void *arg) {
    struct order_room *r = arg;
    int64_t looked_s = 0;
    for (;;) {
        lock_take(&r->lock);
        if (!r->is_wanted && !r->stops) condition_wait_ns(&r->wake, &r->lock, LOOK_NS);
        bool stops = r->stops, is_wanted = r->is_wanted;
        r->is_wanted = false;
        lock_give(&r->lock);
        if (stops) return;
        int64_t now_s = now_of(r);
        bool is_time = is_wanted || now_s >= looked_s + TICK_S || now_s < looked_s; /* a clock that went back is looked at anew */
        struct err e = is_time ? order_tick(r) : helds_follow(r);
        if (is_time) looked_s = now_s;
        if (e.kind) log_warn("order", "not done in time", LOG_ERR(e)); /* and tried again */
    }
}

struct err order_start(struct order_room *r) { return thread_start(&r->thread, "orders", run, r); }

void order_stop(struct order_room *r) {
    lock_take(&r->lock);
    r->stops = true;
    condition_wake_all(&r->wake);
    lock_give(&r->lock);
    thread_join(&r->thread);
}

/* --- counting --- */

static struct err tally_begin(void *room, struct db_tx *tx) {
    struct order_room *r = room;
    r->of_request = (struct tally){0};
    return ERR_OK;
}
static void tally_request(void *room, bool is_kept) {
    struct order_room *r = room;
    if (is_kept) {
        r->of_group.paid += r->of_request.paid;
        r->of_group.renewals += r->of_request.renewals;
        r->of_group.sent_back += r->of_request.sent_back;
    }
    r->of_request = (struct tally){0};
}
static struct err tally_commit(void *room, struct db_tx *tx) { return ERR_OK; }
static void tally_group(void *room, enum db_group_end end) {
    struct order_room *r = room;
    if (end == DB_GROUP_COMMITTED) {
        atomic_fetch_add(&r->paid, r->of_group.paid);
        atomic_fetch_add(&r->renewals, r->of_group.renewals);
        atomic_fetch_add(&r->sent_back, r->of_group.sent_back);
    }
    r->of_group = r->of_request = (struct tally){0};
}

/* --- opening and closing --- */

/* Ids that are written down for orders yet to come: nobody else may get one of them, whatever the clock says. */
static struct err promised_fn(struct db_tx *tx, void *arg) {
    *(int64_t *)arg = DB_GET_INT(tx, 0, &order_sub_promised);
    return db_tx_error(tx);
}

struct err order_open(struct order_room **out, const struct order_options *options) {
    struct order_room *r = mem_zalloc(sizeof *r);
    if (!r) return err_memory();
    r->o = *options;
    helds_init(&r->helds);
    lock_init(&r->lock, LOCK_order_thread);
    condition_init(&r->wake);
    int64_t promised = 0;
    struct err e = db_read(r->o.db, promised_fn, &promised);
    if (!e.kind) id_maker_begin_after(r->o.ids, promised);
    if (!e.kind) e = helds_load(r);
    if (!e.kind) e = sums_open(r);
    if (!e.kind) e = account_add_holder(r->o.account, &(struct account_holder){.name = "orders", .write = write_subject, .erase = erase_subject, .keeps = keeps_subject, .user = r});
    r->participant = (struct db_participant){.self = r, .before_request = tally_begin, .after_request = tally_request, .before_commit = tally_commit, .after_group = tally_group};
    if (!e.kind) {
        e = db_join(r->o.db, &r->participant);
        r->takes_part = !e.kind;
    }
    if (e.kind) {
        order_close(&r);
        return e;
    }
    paid_listen(r);
    *out = r;
    return ERR_OK;
}

void order_close(struct order_room **room) {
    struct order_room *r = *room;
    if (!r) return;
    order_stop(r);
    if (r->takes_part) db_leave(r->o.db, &r->participant);
    helds_destroy(&r->helds);
    condition_destroy(&r->wake);
    lock_destroy(&r->lock);
    MEM_FREE(room);
}

void order_listen(struct order_room *r, void (*fn)(void *user, int64_t org_id, int64_t household_id), void *user) {
    if (r->listener_count == LISTENERS_MAX) return;
    r->listeners[r->listener_count].user = user;
    r->listeners[r->listener_count++].fn = fn;
}

void order_stats(const struct order_room *room, struct order_stats *out) {
    struct order_room *r = (struct order_room *)(uintptr_t)room;
    *out = (struct order_stats){.created = atomic_load(&r->created), .paid = atomic_load(&r->paid), .expired = atomic_load(&r->expired), .cancelled = atomic_load(&r->cancelled),
                                .refunds = atomic_load(&r->refunds), .renewals = atomic_load(&r->renewals), .sent_back = atomic_load(&r->sent_back), .entitlements = atomic_load(&r->helds.count)};
}
