/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /finance/accounts, their statements as a page, CSV and PDF, /finance/verify: the ledger as those see it who keep the books. */
#include <stdio.h>
#include <string.h>

#include "api/finance.h"
#include "api/rights_json.h"
#include "base/mem.h"

enum {
    ACCOUNTS_USUAL = 100, ACCOUNTS_MAX = 500, ROWS_USUAL = 100, ROWS_MAX = 1000,
    FILE_ROWS_MAX = 200000, /* of a CSV file; a PDF has at most 2,000 pages */
    FILE_BYTES_MAX = 64 << 20,
};

/* --- words --- */

const char *finance_unit_name(int32_t ledger) {
    return ledger == LEDGER_COINS ? "coins" : ledger == LEDGER_VOUCHERS ? "vouchers" : currency_code((uint16_t)ledger);
}

static bool unit_parse(struct slice name, int32_t *out) {
    const struct currency *currency = currency_find(name);
    if (slice_eq(name, SLICE("coins"))) *out = LEDGER_COINS;
    else if (slice_eq(name, SLICE("vouchers"))) *out = LEDGER_VOUCHERS;
    else if (currency) *out = currency->numeric;
    else return false;
    return true;
}

/* On which side an account grows: what others owe us and what we lost by debits, all else by credits. */
static bool is_debit_normal(int32_t code) {
    return code == LEDGER_CODE_CLEARING || code == LEDGER_CODE_REFUNDED || code == LEDGER_CODE_CHARGED_BACK || code == LEDGER_CODE_VOUCHERS_ISSUED ||
           code == LEDGER_CODE_OPENING;
}
static int64_t shown(int32_t code, int64_t balance) { return is_debit_normal(code) ? -balance : balance; }

/* Amounts are texts: they may pass 2^53. */
static void put_amount(struct json_writer *w, const char *name, int64_t amount) { json_put_id(w, name, amount); }

static struct slice account_label(struct call *c, int32_t code) {
    char text_code[24];
    snprintf(text_code, sizeof text_code, "book.%d", (int)code);
    struct slice text = text_lookup(c->lang, slice_cstr(text_code));
    if (text.len) return text;
    struct buf out = BUF(200);
    char digits[16];
    int len = snprintf(digits, sizeof digits, "%d", (int)code);
    struct text_param params[] = {{SLICE("code"), slice_of(digits, (size_t)len)}};
    text_format(&out, c->lang, SLICE("book.other"), params, ARRAY_LEN(params));
    struct slice copy = arena_copy(c->arena, buf_slice(&out));
    buf_free(&out);
    return copy;
}

/* Order's and pay's movements have words; those of other rooms, and of newer programs, are transfers. */
static struct slice movement_label(struct call *c, int32_t code) {
    static const char *const of_pay[] = {"captured", "refunded", "refund_returned", "charged_back", "chargeback_won"};
    const char *name = code >= PAY_MOVE_CAPTURED && code <= PAY_MOVE_CHARGEBACK_WON ? of_pay[code - PAY_MOVE_CAPTURED] : order_move_name(code);
    char text_code[48];
    snprintf(text_code, sizeof text_code, "move.%s", name ? name : "other");
    struct slice text = text_lookup(c->lang, slice_cstr(text_code));
    return text.len ? text : text_lookup(c->lang, SLICE("move.other"));
}

/* Whose an account is: a provider, a household, an order. */
struct owner {
    const char *kind;
    struct slice id, name; /* name empty: it has none */
};

static void owner_want(struct call *c, struct finance_names *names, const struct ledger_account *a) {
    if (a->code == LEDGER_CODE_CREDIT || a->code == LEDGER_CODE_VOUCHERS) finance_want(c, &names->households, a->owner_id);
    if (a->code == LEDGER_CODE_ORDER) finance_want(c, &names->orders, a->owner_id);
}

static struct slice order_label(struct call *c, const struct order_name *order) {
    struct buf out = BUF(200);
    struct text_param params[] = {{SLICE("number"), arena_printf(c->arena, "%lld", (long long)order->number)}};
    text_format(&out, c->lang, SLICE("book.of_order"), params, ARRAY_LEN(params));
    struct slice copy = arena_copy(c->arena, buf_slice(&out));
    buf_free(&out);
    return copy;
}

static bool owner_of(struct call *c, const struct finance_names *names, const struct ledger_account *a, struct owner *out) {
    const struct account_named *household = a->code == LEDGER_CODE_CREDIT || a->code == LEDGER_CODE_VOUCHERS ? finance_household(names, a->owner_id) : NULL;
    const struct order_name *order = a->code == LEDGER_CODE_ORDER ? finance_order(names, a->owner_id) : NULL;
    const char *provider = a->code == LEDGER_CODE_CLEARING && a->owner_id ? pay_provider_id((enum pay_provider)a->owner_id) : NULL;
    if (household) *out = (struct owner){"household", public_id_slice(&household->public_id), household->name};
    else if (order) *out = (struct owner){"order", public_id_slice(&order->id), order_label(c, order)};
    else if (provider) *out = (struct owner){"provider", slice_cstr(provider), slice_cstr(provider)};
    return household || order || provider;
}

static struct slice with_owner(struct call *c, const struct finance_names *names, const struct ledger_account *a) {
    struct slice label = account_label(c, a->code);
    struct owner owner;
    bool is_named = owner_of(c, names, a, &owner) && owner.name.len;
    return is_named ? arena_printf(c->arena, "%.*s: %.*s", SLICE_ARG(label), SLICE_ARG(owner.name)) : label;
}

static void put_account(struct call *c, const struct finance_names *names, const struct ledger_account *a) {
    struct json_writer *w = &c->w;
    struct owner owner;
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&a->public_id));
    json_put_number(w, "code", a->code);
    json_put_string(w, "name", account_label(c, a->code));
    json_key(w, "owner");
    if (owner_of(c, names, a, &owner)) {
        json_begin_object(w);
        json_put_cstr(w, "kind", owner.kind);
        json_put_string(w, "id", owner.id);
        json_put_string(w, "name", owner.name);
        json_end(w);
    } else {
        json_add_null(w);
    }
    json_put_cstr(w, "ledger", finance_unit_name(a->ledger));
    json_put_cstr(w, "side", is_debit_normal(a->code) ? "debit" : "credit");
    put_amount(w, "debits_pending", a->debits_pending);
    put_amount(w, "debits_posted", a->debits_posted);
    put_amount(w, "credits_pending", a->credits_pending);
    put_amount(w, "credits_posted", a->credits_posted);
    put_amount(w, "balance", shown(a->code, ledger_balance(a)));
    json_end(w);
}

/* --- the accounts --- */

struct accounts_work {
    struct call *c;
    struct ledger_account_filter filter;
    struct slice after;
    struct ledger_accounts list;
};

static struct err accounts_fn(struct db_tx *tx, void *arg) {
    struct accounts_work *w = arg;
    struct ledger *ledger = w->c->api->o.ledger;
    if (w->after.len) {
        struct ledger_account last;
        struct err e = ledger_account_by_public_id(ledger, tx, w->c->org_id, w->after, &last);
        if (e.kind) return e;
        w->filter.after_id = last.id;
    }
    return ledger_account_list(ledger, tx, w->c->arena, w->c->org_id, &w->filter, &w->list);
}

static struct err accounts_get(struct call *c) {
    struct accounts_work w = {.c = c, .after = call_query(c, "after")};
    struct slice unit = call_query(c, "ledger"), code = call_query(c, "code");
    int64_t number = 0;
    if (unit.len && !unit_parse(unit, &w.filter.ledger)) return err_make(ERR_INPUT, "money.currency", "There is no such currency.");
    if (code.len && (!slice_to_i64(code, &number) || number < 1 || number > 9999)) return err_make(ERR_INPUT, "ledger.code", "An account's code is a number such as 400.");
    w.filter.code = (int32_t)number;
    w.filter.is_owned_left_out = !slice_eq(call_query(c, "owned"), SLICE("1")) && !w.filter.code;
    struct err e = finance_limit(c, ACCOUNTS_USUAL, ACCOUNTS_MAX, &w.filter.limit);
    if (!e.kind) e = db_read(c->api->o.db, accounts_fn, &w);
    struct finance_names names = {0};
    for (size_t i = 0; !e.kind && i < w.list.count; i++) owner_want(c, &names, &w.list.items[i]);
    if (!e.kind) e = finance_names_read(c, &names);
    if (e.kind) return e;
    finance_list_begin(c);
    for (size_t i = 0; i < w.list.count; i++) put_account(c, &names, &w.list.items[i]);
    finance_list_end(c, w.list.next && w.list.count ? public_id_slice(&w.list.items[w.list.count - 1].public_id) : SLICE_NONE);
    return ERR_OK;
}

/* --- a statement --- */

struct statement_work {
    struct call *c;
    struct slice account;
    int64_t from_ns, to_ns, after_ns;
    size_t limit;
    struct arena *arena;
    struct ledger_statement page;
};

static struct err statement_fn(struct db_tx *tx, void *arg) {
    struct statement_work *w = arg;
    struct ledger_account account;
    struct err e = ledger_account_by_public_id(w->c->api->o.ledger, tx, w->c->org_id, w->account, &account);
    if (e.kind) return e;
    return ledger_statement(w->c->api->o.ledger, tx, w->arena, w->c->org_id, account.id, w->from_ns, w->to_ns, w->after_ns, w->limit, &w->page);
}

/* What a page of rows names: its account's owner, the other accounts', the orders. */
static struct err page_names(struct call *c, const struct ledger_statement *page, struct finance_names *names) {
    *names = (struct finance_names){0};
    owner_want(c, names, &page->account);
    for (size_t i = 0; i < page->count; i++) {
        owner_want(c, names, &page->rows[i].counter);
        finance_want(c, &names->orders, page->rows[i].transfer.order_id);
    }
    return finance_names_read(c, names);
}

static void put_row(struct call *c, const struct finance_names *names, const struct ledger_statement *page, const struct ledger_statement_row *row) {
    struct json_writer *w = &c->w;
    json_begin_object(w);
    call_put_name(c, "id", NAME_TRANSFER, row->transfer.id);
    put_time_or_null(w, "at", row->transfer.at_ns / NS_PER_MS);
    json_put_number(w, "code", row->transfer.code);
    json_put_string(w, "text", movement_label(c, row->transfer.code));
    shop_put_named(w, "counter", &row->counter.public_id, with_owner(c, names, &row->counter));
    json_key(w, "debit");
    if (row->debit) json_add_id(w, row->debit);
    else json_add_null(w);
    json_key(w, "credit");
    if (row->credit) json_add_id(w, row->credit);
    else json_add_null(w);
    put_amount(w, "balance", shown(page->account.code, row->balance));
    finance_put_order(w, names, row->transfer.order_id);
    json_end(w);
}

static struct err statement_json(struct call *c, struct statement_work *work) {
    struct finance_names names;
    work->arena = c->arena;
    struct err e = call_after(c, NAME_STATEMENT, &work->after_ns);
    if (!e.kind) e = finance_limit(c, ROWS_USUAL, ROWS_MAX, &work->limit);
    if (!e.kind) e = db_read(c->api->o.db, statement_fn, work);
    const struct ledger_statement *page = &work->page;
    if (!e.kind) e = page_names(c, page, &names);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_key(w, "account");
    put_account(c, &names, &page->account);
    put_amount(w, "opening", shown(page->account.code, page->opening));
    put_amount(w, "closing", shown(page->account.code, page->closing));
    json_key(w, "items");
    json_begin_array(w);
    for (size_t i = 0; i < page->count; i++) put_row(c, &names, page, &page->rows[i]);
    json_end(w);
    call_put_name(c, "next", NAME_STATEMENT, page->next);
    json_end(w);
    return ERR_OK;
}

/* --- as a file --- */

/* RFC 4180; a cell that a spreadsheet would take for a formula begins with an apostrophe. */
static void csv_cell(struct buf *out, struct slice text, bool is_last) {
    bool is_formula = text.len && strchr("=+-@\t\r", text.ptr[0]);
    buf_cstr(out, is_formula ? "\"'" : "\"");
    for (size_t i = 0; i < text.len; i++) buf_bytes(out, text.ptr[i] == '"' ? "\"\"" : &text.ptr[i], text.ptr[i] == '"' ? 2 : 1);
    buf_cstr(out, is_last ? "\"\r\n" : "\",");
}

/* In whole units with the currency's decimals; vouchers and coins are counted. */
static void csv_amount(struct buf *out, int32_t ledger, int64_t amount, bool is_there) {
    if (is_there && currency_of((uint16_t)ledger) && ledger < LEDGER_COINS) money_append(out, MONEY(amount, (uint16_t)ledger));
    else if (is_there) buf_printf(out, "%lld", (long long)amount);
    buf_cstr(out, ",");
}

static void csv_rows(struct call *c, struct buf *out, const struct ledger_statement *page, const struct finance_names *names) {
    for (size_t i = 0; i < page->count; i++) {
        const struct ledger_statement_row *row = &page->rows[i];
        const struct order_name *order = finance_order(names, row->transfer.order_id);
        utc_format(out, (struct utc_time){row->transfer.at_ns}, 3);
        buf_printf(out, ",%.*s,%d,", SLICE_ARG(call_name(c, NAME_TRANSFER, row->transfer.id)), (int)row->transfer.code);
        csv_cell(out, movement_label(c, row->transfer.code), false);
        csv_cell(out, with_owner(c, names, &row->counter), false);
        csv_amount(out, page->account.ledger, row->debit, row->debit);
        csv_amount(out, page->account.ledger, row->credit, row->credit);
        csv_amount(out, page->account.ledger, shown(page->account.code, row->balance), true);
        csv_cell(out, slice_cstr(finance_unit_name(page->account.ledger)), false);
        csv_cell(out, order ? arena_printf(c->arena, "%lld", (long long)order->number) : SLICE_NONE, true);
    }
}

/* Items for a PDF, as many as there are rows. */
struct statement_items {
    struct statement_item *items;
    size_t count, room;
};

static struct err items_add(struct call *c, struct statement_items *all, const struct ledger_statement *page, const struct finance_names *names) {
    if (all->count + page->count > all->room) {
        size_t room = all->room ? all->room * 2 : ROWS_MAX;
        struct statement_item *larger = mem_realloc_array(all->items, room, sizeof *larger);
        if (!larger) return err_memory();
        all->items = larger;
        all->room = room;
    }
    for (size_t i = 0; i < page->count; i++) {
        const struct ledger_statement_row *row = &page->rows[i];
        const struct order_name *order = finance_order(names, row->transfer.order_id);
        struct slice text = movement_label(c, row->transfer.code);
        if (order) text = arena_printf(c->arena, "%.*s · %lld", SLICE_ARG(text), (long long)order->number);
        all->items[all->count++] = (struct statement_item){.at_s = row->transfer.at_ns / NS_PER_S, .text = text, .counter = with_owner(c, names, &row->counter), .is_debit = row->debit > 0,
                                                           .amount = row->debit ? row->debit : row->credit, .balance = shown(page->account.code, row->balance)};
    }
    return ERR_OK;
}

/* All rows of the period, a thousand at a time. Each page is read at its own moment; what is behind to_ns does not change any more, and to_ns is at most now. */
static struct err rows_walk(struct call *c, struct statement_work *work, struct buf *csv, struct statement_items *items, struct ledger_statement *whole) {
    size_t rows = 0;
    struct err e = ERR_OK;
    struct arena_mark mark = arena_mark(c->arena);
    do {
        struct finance_names names;
        if (csv) arena_rewind(c->arena, mark); /* what was written stands in `csv` */
        work->limit = ROWS_MAX;
        e = db_read(c->api->o.db, statement_fn, work);
        if (!e.kind) e = page_names(c, &work->page, &names);
        if (e.kind) return e;
        if (!rows) *whole = work->page;
        rows += work->page.count;
        if (rows > FILE_ROWS_MAX) return err_make(ERR_INPUT, "ledger.rows", "This statement has more than 200,000 lines. Ask for a shorter time.");
        if (csv) csv_rows(c, csv, &work->page, &names);
        else e = items_add(c, items, &work->page, &names);
        work->after_ns = work->page.next;
    } while (!e.kind && work->page.next);
    return e;
}

static struct err statement_csv(struct call *c, struct statement_work *work) {
    struct buf csv = BUF(FILE_BYTES_MAX);
    struct ledger_statement whole;
    buf_cstr(&csv, "at,id,code,text,counter,debit,credit,balance,unit,order\r\n");
    struct err e = rows_walk(c, work, &csv, NULL, &whole);
    if (!e.kind) e = buf_error(&csv);
    if (!e.kind) call_answer_file(c, SLICE("text/csv; charset=utf-8"), SLICE("statement.csv"), false, buf_slice(&csv));
    buf_free(&csv);
    return e;
}

static struct err statement_pdf(struct call *c, struct statement_work *work) {
    struct buf pdf = BUF(FILE_BYTES_MAX);
    struct statement_items all = {0};
    struct ledger_statement whole;
    struct offer_settings settings = {0};
    struct finance_names names = {0};
    struct err e = rows_walk(c, work, NULL, &all, &whole);
    if (!e.kind) owner_want(c, &names, &whole.account);
    if (!e.kind) e = finance_names_read(c, &names);
    if (!e.kind) e = offer_settings_get(c->api->o.offers, c->arena, c->org_id, &settings);
    if (!e.kind) {
        int32_t unit = whole.account.ledger;
        struct statement s = {
            .lang = c->lang,
            .organisation = settings.seller_name.len ? settings.seller_name : slice_cstr(c->api->o.name),
            .account = arena_printf(c->arena, "%d %.*s", (int)whole.account.code, SLICE_ARG(with_owner(c, &names, &whole.account))),
            .currency = unit < LEDGER_COINS ? (uint16_t)unit : 0,
            .unit = unit == LEDGER_VOUCHERS ? text_lookup(c->lang, SLICE("book.vouchers")) : unit == LEDGER_COINS ? text_lookup(c->lang, SLICE("book.coins")) : SLICE_NONE,
            .from_s = work->from_ns / NS_PER_S, .to_s = work->to_ns / NS_PER_S, .made_s = rights_call_now(c),
            .opening = shown(whole.account.code, whole.opening), .closing = shown(whole.account.code, whole.closing),
            .items = all.items, .item_count = all.count, .is_credit_normal = !is_debit_normal(whole.account.code),
        };
        if (!s.from_s && all.count) s.from_s = all.items[0].at_s; /* asked for from the beginning */
        e = statement_render(&pdf, &s);
    }
    if (!e.kind) e = buf_error(&pdf);
    if (!e.kind) call_answer_file(c, SLICE("application/pdf"), SLICE("statement.pdf"), true, buf_slice(&pdf));
    mem_free(all.items);
    buf_free(&pdf);
    return e;
}

static struct err statement_get(struct call *c) {
    struct statement_work work = {.c = c, .account = call_param(c, "id"), .arena = c->arena};
    struct slice format = call_query(c, "format");
    int64_t from_s, to_s, now_ns = clock_utc(c->api->o.clock).ns;
    struct err e = finance_period(c, &from_s, &to_s);
    if (e.kind) return e;
    work.from_ns = from_s * NS_PER_S;
    work.to_ns = to_s ? to_s * NS_PER_S : INT64_MAX;
    bool is_file = slice_eq(format, SLICE("csv")) || slice_eq(format, SLICE("pdf"));
    if (is_file && work.to_ns > now_ns) work.to_ns = now_ns + 1;
    if (is_file) return slice_eq(format, SLICE("csv")) ? statement_csv(c, &work) : statement_pdf(c, &work);
    if (format.len && !slice_eq(format, SLICE("json"))) return err_make(ERR_INPUT, "request.malformed", "A statement comes as json, csv or pdf.");
    return statement_json(c, &work);
}

/* --- what belongs to an order --- */

struct transfers_work {
    struct call *c;
    int64_t order_id;
    struct ledger_transfers *of; /* one an account */
    struct ledger_account *sides; /* of both sides of all, two each */
    size_t total;
};

/* An order's account exists once for each unit that it moved: its currency, perhaps vouchers. */
static struct err transfers_fn(struct db_tx *tx, void *arg) {
    struct transfers_work *w = arg;
    struct ledger *ledger = w->c->api->o.ledger;
    struct ledger_account_filter filter = {.owner_id = w->order_id, .code = LEDGER_CODE_ORDER, .limit = 10};
    struct ledger_accounts accounts;
    struct err e = ledger_account_list(ledger, tx, w->c->arena, w->c->org_id, &filter, &accounts);
    w->of = e.kind ? NULL : arena_alloc_array(w->c->arena, accounts.count + 1, sizeof *w->of);
    if (e.kind || !w->of) return e.kind ? e : err_memory();
    w->total = 0;
    size_t at = 0;
    for (size_t i = 0; !e.kind && i < accounts.count; i++) {
        e = ledger_transfers_of_account(ledger, tx, w->c->arena, w->c->org_id, accounts.items[i].id, 0, ROWS_MAX, &w->of[i]);
        if (!e.kind) w->total += w->of[i].count;
    }
    w->sides = e.kind ? NULL : arena_alloc_array(w->c->arena, 2 * w->total + 1, sizeof *w->sides);
    if (!e.kind && !w->sides) e = err_memory();
    for (size_t i = 0; !e.kind && i < accounts.count; i++)
        for (size_t k = 0; !e.kind && k < w->of[i].count; k++, at += 2) {
            e = ledger_account_get(ledger, tx, w->of[i].items[k].transfer.debit_id, &w->sides[at]);
            if (!e.kind) e = ledger_account_get(ledger, tx, w->of[i].items[k].transfer.credit_id, &w->sides[at + 1]);
        }
    return e;
}

static const char *transfer_state(const struct ledger_transfer_row *row) {
    static const char *const holds[] = {[LEDGER_HOLD_NONE] = "posted", [LEDGER_HOLD_OPEN] = "pending", [LEDGER_HOLD_POSTED] = "posted", [LEDGER_HOLD_VOIDED] = "voided",
                                        [LEDGER_HOLD_EXPIRED] = "voided"};
    return holds[row->hold];
}

struct err finance_put_transfers(struct call *c, int64_t order_id) {
    struct transfers_work work = {.c = c, .order_id = order_id};
    struct finance_names names = {0};
    struct err e = db_read(c->api->o.db, transfers_fn, &work);
    for (size_t i = 0; !e.kind && i < 2 * work.total; i++) owner_want(c, &names, &work.sides[i]);
    if (!e.kind) e = finance_names_read(c, &names);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_key(w, "transfers");
    json_begin_array(w);
    for (size_t at = 0, account = 0, k = 0; at < work.total; at++, k++) {
        while (k >= work.of[account].count) account++, k = 0;
        const struct ledger_transfer_row *row = &work.of[account].items[k];
        const struct ledger_transfer *t = &row->transfer;
        if (t->flags & (LEDGER_POST_PENDING | LEDGER_VOID_PENDING)) continue; /* said by the hold that they ended */
        const struct ledger_account *sides = &work.sides[2 * at];
        json_begin_object(w);
        call_put_name(c, "id", NAME_TRANSFER, t->id);
        put_time_or_null(w, "at", t->at_ns / NS_PER_MS);
        json_put_number(w, "code", t->code);
        json_put_string(w, "text", movement_label(c, t->code));
        shop_put_named(w, "debit", &sides[0].public_id, with_owner(c, &names, &sides[0]));
        shop_put_named(w, "credit", &sides[1].public_id, with_owner(c, &names, &sides[1]));
        json_key(w, "amount");
        json_begin_object(w);
        put_amount(w, "amount", t->amount);
        json_put_cstr(w, "ledger", finance_unit_name(t->ledger));
        json_end(w);
        json_put_cstr(w, "state", transfer_state(row));
        json_end(w);
    }
    json_end(w);
    return ERR_OK;
}

/* --- the check --- */

struct noting {
    struct ledger *ledger;
    const struct ledger_check *check;
};

static struct err note_fn(struct db_tx *tx, void *arg) {
    const struct noting *n = arg;
    return ledger_check_note(n->ledger, tx, n->check);
}

static struct err verify_post(struct call *c) {
    struct ledger_check check;
    struct err e = ledger_verify(c->api->o.ledger, c->arena, NULL, NULL, NULL, &check);
    struct noting noting = {c->api->o.ledger, &check};
    if (!e.kind) e = db_write(c->api->o.db, note_fn, &noting); /* among those of the nights */
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_put_number(w, "transfers", check.transfers);
    json_put_number(w, "accounts", check.accounts);
    json_put_number(w, "holds", check.holds);
    put_time_or_null(w, "at", rights_call_now(c) * 1000);
    json_put_cstr(w, "seal", check.seal);
    json_put_number(w, "seal_transfers", check.seal_transfers);
    json_put_number(w, "differences_total", (int64_t)check.differences_total);
    json_key(w, "differences");
    json_begin_array(w);
    for (size_t i = 0; i < check.difference_count; i++) { /* without accounts: the book may be of several organisations */
        const struct ledger_difference *d = &check.differences[i];
        json_begin_object(w);
        json_put_cstr(w, "kind", ledger_difference_word(d->kind));
        json_put_cstr(w, "field", d->field);
        json_put_cstr(w, "ledger", d->ledger ? finance_unit_name(d->ledger) : NULL);
        call_put_name(c, "transfer", NAME_TRANSFER, d->transfer_id);
        put_amount(w, "stored", d->stored);
        put_amount(w, "replayed", d->replayed);
        json_end(w);
    }
    json_end(w);
    json_end(w);
    return ERR_OK;
}

const struct route finance_ledger_routes[] = {
    {HTTP_GET, "/api/v1/finance/accounts", accounts_get, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/accounts/{id}/statement", statement_get, CALL_FINANCE},
    {HTTP_POST, "/api/v1/finance/verify", verify_post, CALL_FINANCE | CALL_CHANGES | CALL_EMPTY},
    {0},
};
