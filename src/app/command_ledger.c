/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `grandstand ledger`: the books for scripts and auditors. Reads only, also beside a running server.
 *
 *   verify              replays all transfers and compares; ends with 0 where all agrees, 3 where anything differs
 *   accounts            what there is, with balances
 *   statement ACCOUNT   posted movements of one account between two moments: a table, CSV or JSON */
#include <stdio.h>
#include <string.h>

#include "app/house.h"
#include "base/json.h"
#include "business/ledger/ledger.h"
#include "business/money/money.h"
#include "business/rights/rights.h"

const struct option command_ledger_options[] = {
    HOUSE_OPTIONS,
    {"host", OPTION_TEXT, "NAME", NULL, "the organisation of this host name; without it the first one"},
    {"unit", OPTION_TEXT, "UNIT", NULL, "accounts: a currency as in EUR, coins, or vouchers; without it all"},
    {"code", OPTION_NUMBER, "N", "0", "accounts: what they are for, as in 400; see docs/ledger.md"},
    {"owned", OPTION_FLAG, NULL, NULL, "accounts: also those of single orders and households"},
    {"from", OPTION_TEXT, "TIME", NULL, "statement: from then; without it from the first movement"},
    {"to", OPTION_TEXT, "TIME", NULL, "statement: until then; without it until now"},
    {"csv", OPTION_FLAG, NULL, NULL, "statement: as comma-separated values"},
    OPTION_JSON,
    OPTION_END,
};

enum { PAGE = 500, ARENA_BYTES_MAX = 256 << 20 };

struct books {
    struct command_context *command;
    struct house house;
    struct ledger *ledger;
    struct arena *arena;
    int64_t org_id;
};

/* --- amounts, times, units --- */

static const char *unit_of(int32_t ledger) {
    return ledger == LEDGER_COINS ? "coins" : ledger == LEDGER_VOUCHERS ? "vouchers" : currency_code((uint16_t)ledger);
}
static bool is_money(int32_t ledger) { return ledger > 0 && ledger <= UINT16_MAX && currency_of((uint16_t)ledger); }

static void amount_append(struct buf *out, int32_t ledger, int64_t minor) {
    if (is_money(ledger)) money_append(out, MONEY(minor, (uint16_t)ledger));
    else buf_printf(out, "%lld", (long long)minor);
}
static void amount_print(int32_t ledger, int64_t minor, int width) {
    struct buf text = BUF(64);
    amount_append(&text, ledger, minor);
    printf("%*.*s", width, (int)text.len, text.ptr ? text.ptr : "");
    buf_free(&text);
}
static void time_print(FILE *out, int64_t ns) {
    struct buf text = BUF(64);
    utc_format(&text, (struct utc_time){ns}, 6);
    fprintf(out, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
    buf_free(&text);
}
static void time_put(struct json_writer *w, const char *name, int64_t ns) {
    struct buf text = BUF(64);
    utc_format(&text, (struct utc_time){ns}, 9);
    json_put_string(w, name, buf_slice(&text));
    buf_free(&text);
}
static struct err time_option(const struct command_context *c, const char *name, int64_t fallback, int64_t *ns) {
    const char *text = option_text(c, name);
    int64_t s;
    *ns = fallback;
    if (!text) return ERR_OK;
    if (!rights_time_parse(slice_cstr(text), &s)) return err_make(ERR_INPUT, "ledger.time", "A time is a date as 2026-02-28, or has its zone, as 2026-02-28T19:00:00+01:00.");
    *ns = s * NS_PER_S;
    return ERR_OK;
}
static void json_print(struct buf *out) {
    printf("%.*s\n", (int)out->len, out->ptr ? out->ptr : "");
    buf_free(out);
}

/* --- verify --- */

static void difference_print(const struct ledger_difference *d) {
    switch (d->kind) {
    case LEDGER_DIFFERENT_COUNTER:
        printf("account %lld: %s is stored as %lld, its transfers give %lld\n", (long long)d->account_id, d->field, (long long)d->stored, (long long)d->replayed);
        break;
    case LEDGER_DIFFERENT_BLOCK:
        printf("block %lld, made after ", (long long)d->block);
        time_print(stdout, d->from_ns);
        printf(" and up to ");
        time_print(stdout, d->to_ns);
        if (!strcmp(d->field, "transfers")) printf(": had %lld transfers, there are %lld\n", (long long)d->stored, (long long)d->replayed);
        else printf(": a transfer was changed\n");
        break;
    case LEDGER_DIFFERENT_HOLD: printf("hold %lld: %s does not fit\n", (long long)d->transfer_id, d->field); break;
    case LEDGER_DIFFERENT_ACCOUNT: printf("transfer %lld: an account that is not there, or counts in another unit\n", (long long)d->transfer_id); break;
    case LEDGER_DIFFERENT_TOTAL: printf("all accounts in %s: %s balances add up to %lld instead of 0\n", unit_of(d->ledger), d->field, (long long)d->stored); break;
    case LEDGER_DIFFERENT_SEAL: printf("block %lld: its seal does not follow from the one before\n", (long long)d->block); break;
    }
}

static void difference_put(struct json_writer *w, const struct ledger_difference *d) {
    json_begin_object(w);
    json_put_cstr(w, "kind", ledger_difference_word(d->kind));
    if (*d->field) json_put_cstr(w, "field", d->field);
    if (d->account_id) json_put_id(w, "account", d->account_id);
    if (d->transfer_id) json_put_id(w, "transfer", d->transfer_id);
    if (d->block) json_put_id(w, "block", d->block);
    if (d->ledger) json_put_cstr(w, "ledger", unit_of(d->ledger));
    json_put_id(w, "stored", d->stored);
    json_put_id(w, "replayed", d->replayed);
    if (d->to_ns) {
        time_put(w, "after", d->from_ns);
        time_put(w, "until", d->to_ns);
    }
    json_end(w);
}

static int run_verify(struct books *b) {
    struct ledger_check c;
    struct err e = ledger_verify(b->ledger, b->arena, NULL, NULL, NULL, &c);
    if (e.kind) return command_fail(b->command, e, NULL);
    if (option_flag(b->command, "json")) {
        struct buf out = BUF(1 << 20);
        struct json_writer w = json_writer_of(&out);
        json_begin_object(&w);
        json_put_bool(&w, "is_sound", !c.differences_total);
        json_put_number(&w, "transfers", c.transfers);
        json_put_number(&w, "accounts", c.accounts);
        json_put_number(&w, "holds", c.holds);
        json_put_number(&w, "differences_total", c.differences_total);
        json_key(&w, "differences");
        json_begin_array(&w);
        for (size_t i = 0; i < c.difference_count; i++) difference_put(&w, &c.differences[i]);
        json_end(&w);
        json_put_cstr(&w, "seal", c.seal);
        json_put_number(&w, "seal_transfers", c.seal_transfers);
        json_put_double(&w, "seconds", c.seconds);
        json_end(&w);
        json_print(&out);
    } else {
        for (size_t i = 0; i < c.difference_count; i++) difference_print(&c.differences[i]);
        if ((size_t)c.differences_total > c.difference_count) printf("... and %lld more\n", (long long)(c.differences_total - (int64_t)c.difference_count));
        printf("%lld transfers between %lld accounts replayed in %.1f s: %s\n", (long long)c.transfers, (long long)c.accounts, c.seconds,
               c.differences_total ? "they do not agree with what is stored" : "all agrees");
        printf("seal %s over the first %lld\n", c.seal, (long long)c.seal_transfers);
    }
    return c.differences_total ? EXIT_CODE_NO_SUCH : EXIT_CODE_DONE;
}

/* --- accounts --- */

struct account_page {
    struct books *books;
    struct ledger_account_filter filter;
    struct ledger_accounts list;
};
static struct err accounts_read(struct db_tx *tx, void *arg) {
    struct account_page *p = arg;
    return ledger_account_list(p->books->ledger, tx, p->books->arena, p->books->org_id, &p->filter, &p->list);
}

static struct err unit_option(const struct command_context *c, int32_t *ledger) {
    const char *text = option_text(c, "unit");
    *ledger = 0;
    if (!text) return ERR_OK;
    const struct currency *currency = currency_find(slice_cstr(text));
    *ledger = !strcmp(text, "coins") ? LEDGER_COINS : !strcmp(text, "vouchers") ? LEDGER_VOUCHERS : currency ? currency->numeric : 0;
    return *ledger ? ERR_OK : err_make(ERR_INPUT, "ledger.unit", "A unit is a currency as in EUR, coins, or vouchers.");
}

static int run_accounts(struct books *b) {
    struct account_page p = {.books = b, .filter = {.code = (int32_t)option_number(b->command, "code"), .is_owned_left_out = !option_flag(b->command, "owned"), .limit = PAGE}};
    struct err e = unit_option(b->command, &p.filter.ledger);
    if (e.kind) return command_fail(b->command, e, option_text(b->command, "unit")), EXIT_CODE_USAGE;
    bool as_json = option_flag(b->command, "json");
    struct buf out = BUF(256 << 20);
    struct json_writer w = json_writer_of(&out);
    if (as_json) json_begin_array(&w);
    else printf("%-16s  %4s  %-8s  %19s  %16s  %16s\n", "account", "code", "unit", "owner", "balance", "on hold");
    do {
        arena_reset(b->arena);
        e = db_read(b->house.db, accounts_read, &p);
        if (e.kind) break;
        for (size_t i = 0; i < p.list.count; i++) {
            const struct ledger_account *a = &p.list.items[i];
            if (as_json) {
                json_begin_object(&w);
                json_put_cstr(&w, "id", a->public_id.text);
                json_put_number(&w, "code", a->code);
                json_put_cstr(&w, "ledger", unit_of(a->ledger));
                json_put_id(&w, "owner", a->owner_id);
                json_put_bool(&w, "is_closed", a->flags & LEDGER_CLOSED);
                json_put_id(&w, "debits_pending", a->debits_pending);
                json_put_id(&w, "debits_posted", a->debits_posted);
                json_put_id(&w, "credits_pending", a->credits_pending);
                json_put_id(&w, "credits_posted", a->credits_posted);
                json_put_id(&w, "balance", ledger_balance(a));
                json_end(&w);
                continue;
            }
            printf("%-16s  %4d  %-8s  %19lld  ", a->public_id.text, a->code, unit_of(a->ledger), (long long)a->owner_id);
            amount_print(a->ledger, ledger_balance(a), 16);
            printf("  ");
            amount_print(a->ledger, a->credits_pending - a->debits_pending, 16);
            printf("%s\n", a->flags & LEDGER_CLOSED ? "  closed" : "");
        }
        p.filter.after_id = p.list.next;
    } while (p.list.next);
    if (e.kind) {
        buf_free(&out);
        return command_fail(b->command, e, NULL);
    }
    if (as_json) {
        json_end(&w);
        json_print(&out);
    }
    return EXIT_CODE_DONE;
}

/* --- statement --- */

struct statement_page {
    struct books *books;
    struct slice name;
    int64_t from_ns, to_ns, after_ns;
    struct ledger_statement s;
};
static struct err statement_read(struct db_tx *tx, void *arg) {
    struct statement_page *p = arg;
    struct ledger_account account;
    struct err e = ledger_account_by_public_id(p->books->ledger, tx, p->books->org_id, p->name, &account);
    if (e.kind) return e;
    return ledger_statement(p->books->ledger, tx, p->books->arena, p->books->org_id, account.id, p->from_ns, p->to_ns, p->after_ns, PAGE, &p->s);
}

enum form { FORM_TABLE, FORM_CSV, FORM_JSON };

static void row_csv(const struct ledger_statement_row *r, int32_t ledger) {
    struct buf amounts = BUF(200);
    if (r->debit) amount_append(&amounts, ledger, r->debit);
    buf_printf(&amounts, ",");
    if (r->credit || !r->debit) amount_append(&amounts, ledger, r->credit);
    buf_printf(&amounts, ",");
    amount_append(&amounts, ledger, r->balance);
    time_print(stdout, r->transfer.at_ns);
    printf(",%lld,%d,%s,%d,%lld,%.*s\r\n", (long long)r->transfer.id, r->transfer.code, r->counter.public_id.text, r->counter.code, (long long)r->transfer.order_id,
           (int)amounts.len, amounts.ptr ? amounts.ptr : "");
    buf_free(&amounts);
}
static void row_table(const struct ledger_statement_row *r, int32_t ledger) {
    time_print(stdout, r->transfer.at_ns);
    printf("  %4d  %-16s %4d  ", r->transfer.code, r->counter.public_id.text, r->counter.code);
    if (r->debit) amount_print(ledger, r->debit, 14);
    else printf("%14s", "");
    printf("  ");
    if (r->credit || !r->debit) amount_print(ledger, r->credit, 14);
    else printf("%14s", "");
    printf("  ");
    amount_print(ledger, r->balance, 14);
    printf("\n");
}
static void row_json(struct json_writer *w, const struct ledger_statement_row *r) {
    json_begin_object(w);
    json_put_id(w, "id", r->transfer.id);
    time_put(w, "at", r->transfer.at_ns);
    json_put_number(w, "code", r->transfer.code);
    json_put_cstr(w, "counter", r->counter.public_id.text);
    json_put_number(w, "counter_code", r->counter.code);
    json_put_id(w, "order", r->transfer.order_id);
    json_put_id(w, "debit", r->debit);
    json_put_id(w, "credit", r->credit);
    json_put_id(w, "balance", r->balance);
    if (r->rate_denominator) {
        json_put_id(w, "rate_numerator", r->rate_numerator);
        json_put_id(w, "rate_denominator", r->rate_denominator);
    }
    json_end(w);
}

static void statement_head(const struct statement_page *p, enum form form, struct json_writer *w) {
    const struct ledger_account *a = &p->s.account;
    if (form == FORM_CSV) {
        printf("at,transfer,code,counter,counter_code,order,debit,credit,balance\r\n");
    } else if (form == FORM_JSON) {
        json_begin_object(w);
        json_put_cstr(w, "account", a->public_id.text);
        json_put_number(w, "code", a->code);
        json_put_cstr(w, "ledger", unit_of(a->ledger));
        json_put_id(w, "opening", p->s.opening);
        json_put_id(w, "closing", p->s.closing);
        json_key(w, "items");
        json_begin_array(w);
    } else {
        printf("account %s, code %d, in %s\n%-27s  %4s  %-16s %4s  %14s  %14s  %14s\n%-84sopening ", a->public_id.text, a->code, unit_of(a->ledger), "at", "code",
               "counter", "", "debit", "credit", "balance", "");
        amount_print(a->ledger, p->s.opening, 14);
        printf("\n");
    }
}

static int run_statement(struct books *b) {
    struct command_context *c = b->command;
    enum form form = option_flag(c, "json") ? FORM_JSON : option_flag(c, "csv") ? FORM_CSV : FORM_TABLE;
    if (c->argument_count != 2)
        return command_fail(c, err_make(ERR_INPUT, "option.arguments", "Which account? `grandstand ledger accounts` lists them."), NULL), EXIT_CODE_USAGE;
    struct statement_page p = {.books = b, .name = slice_cstr(c->arguments[1])};
    struct err e = time_option(c, "from", 0, &p.from_ns);
    if (!e.kind) e = time_option(c, "to", INT64_MAX, &p.to_ns);
    if (e.kind) return command_fail(c, e, NULL), EXIT_CODE_USAGE;
    struct buf out = BUF(512 << 20);
    struct json_writer w = json_writer_of(&out);
    bool has_begun = false;
    do { /* later pages are read later, but what is posted never changes */
        arena_reset(b->arena);
        e = db_read(b->house.db, statement_read, &p);
        if (e.kind) break;
        if (!has_begun) statement_head(&p, form, &w);
        has_begun = true;
        for (size_t i = 0; i < p.s.count; i++) {
            if (form == FORM_JSON) row_json(&w, &p.s.rows[i]);
            else if (form == FORM_CSV) row_csv(&p.s.rows[i], p.s.account.ledger);
            else row_table(&p.s.rows[i], p.s.account.ledger);
        }
        p.after_ns = p.s.next;
    } while (p.s.next);
    if (e.kind) {
        buf_free(&out);
        return command_fail(c, e, c->arguments[1]);
    }
    if (form == FORM_JSON) {
        json_end(&w);
        json_end(&w);
        json_print(&out);
    } else if (form == FORM_TABLE) {
        printf("%-84sclosing ", "");
        amount_print(p.s.account.ledger, p.s.closing, 14);
        printf("\n");
    }
    return EXIT_CODE_DONE;
}

/* --- the whole --- */

int command_ledger(struct command_context *c) {
    static const struct {
        const char *word;
        int (*run)(struct books *);
        size_t arguments_max;
    } all[] = {{"verify", run_verify, 1}, {"accounts", run_accounts, 1}, {"statement", run_statement, 2}};
    size_t which = 0;
    while (which < ARRAY_LEN(all) && strcmp(all[which].word, c->arguments[0]) != 0) which++;
    if (which == ARRAY_LEN(all) || c->argument_count > all[which].arguments_max) {
        command_fail(c, err_make(ERR_INPUT, "command.unknown", "This is verify, accounts or statement ACCOUNT. `grandstand ledger --help` explains."), c->arguments[0]);
        return EXIT_CODE_USAGE;
    }
    struct books b = {.command = c};
    struct house_options options = house_options_of(c);
    options.must_exist = true;
    char about[512];
    struct err e = house_open_database(&b.house, &options, about);
    if (e.kind) return command_fail(c, e, about);
    const char *host = option_text(c, "host");
    b.org_id = host ? account_org_of_host(b.house.account, slice_cstr(host)) : b.house.org_id;
    b.arena = arena_create(ARENA_BYTES_MAX);
    b.ledger = b.house.ledger;
    e = b.arena ? ERR_OK : err_memory();
    int code = e.kind ? command_fail(c, e, NULL) : all[which].run(&b);
    arena_destroy(&b.arena);
    house_close(&b.house);
    return code;
}
