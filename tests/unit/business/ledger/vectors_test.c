/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The published vectors of a ledger of the same kind, row by row, on both databases. Each row that is not ours to answer is left out by
 * name, with its reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "business/ledger/ledger.h"
#include "store.h"

enum { WORDS_MAX = 32, BATCH_MAX = 64, ORG = 7 };
static const int64_t start_ns = INT64_C(1760000000) * NS_PER_S;

static const struct db_statement statement_clear[] = {
    {"test.clear_0", "DELETE FROM ledger_balance"}, {"test.clear_1", "DELETE FROM ledger_account"},  {"test.clear_2", "DELETE FROM ledger_transfer"},
    {"test.clear_3", "DELETE FROM ledger_hold"},    {"test.clear_4", "DELETE FROM ledger_refusal"},  {"test.clear_5", "DELETE FROM ledger_block"},
    {"test.clear_6", "DELETE FROM ledger_history"}, {"test.clear_7", "UPDATE ledger_listed SET blocks = 0, id_max = 0"},
    /* Another fence: the ledger finds that somebody else has written, and reads anew. */
    {"test.clear_8", "UPDATE ledger_state SET fence = fence + 1, at_last = 0, id_max = 0, blocks = 0, block_id_max = 0, open_transfers = 0, open_sum = 0, seal_high = 0, seal_low = 0"},
};
static const struct db_statement setup_balance = {
    "test.setup", "UPDATE ledger_balance SET debits_pending = :dp, debits_posted = :dd, credits_pending = :cp, credits_posted = :cc WHERE id = :id"};
static const struct db_statement fence_up = {"test.fence_up", "UPDATE ledger_state SET fence = fence + 1"};
static const struct db_statement at_last = {"test.at_last", "SELECT at_last FROM ledger_state"};

struct vectors {
    struct db *db;
    struct ledger *ledger;
    struct clock *clock;
    struct id_maker *ids;
    int line;
    bool is_left_out; /* this section */
    struct ledger_account accounts[BATCH_MAX];
    struct ledger_transfer transfers[BATCH_MAX];
    const char *expected[BATCH_MAX];
    int lines[BATCH_MAX];
    size_t account_count, transfer_count;
    char *words[WORDS_MAX];
    size_t word_count;
    int64_t listed[16];
    size_t listed_count, listed_at;
    int applied, left_out;
};

static void leave_out(struct vectors *v, const char *reason) {
    v->left_out++;
    print_message("# row %d left out: %s\n", v->line, reason);
}

/* "A1", "-0", "_", "123", "L2": a number with a letter for its kind before it; -n is the largest less n. */
static int64_t number(const char *word) {
    if (!strcmp(word, "_")) return 0;
    while (*word >= 'A' && *word <= 'Z') word++;
    return *word == '-' ? INT64_MAX - strtoll(word + 1, NULL, 10) : strtoll(word, NULL, 10);
}
static bool is_set(const char *word) { return strcmp(word, "_") != 0; }

/* The names of results that we call otherwise. */
static const char *our_word(char *word) {
    static const char *const pairs[][2] = {{"_account_id", "_id"},          {"_account_already", "_already"}, {"_account_not", "_not"},
                                           {"pending_transfer", "pending"}, {"closing_transfer", "closing"},  {"user_data_128", "owner"},
                                           {"user_data_64", "about"},       {"user_data_32", "tag"},          {"debits_pending_must", "counters_must"},
                                           {"debits_posted_must", "counters_must"}, {"credits_pending_must", "counters_must"},
                                           {"credits_posted_must", "counters_must"}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        char *at = strstr(word, pairs[i][0]);
        if (!at) continue;
        size_t from = strlen(pairs[i][0]), to = strlen(pairs[i][1]);
        memmove(at + to, at + from, strlen(at + from) + 1);
        memcpy(at, pairs[i][1], to);
    }
    return word;
}

/* --- rows --- */

static void account_row(struct vectors *v) {
    assert_int_equal(v->word_count, 21);
    char **w = v->words;
    if (is_set(w[9])) { leave_out(v, "our accounts have no reserved field"); return; }
    struct ledger_account *a = &v->accounts[v->account_count];
    *a = (struct ledger_account){.id = number(w[1]), .org_id = ORG, .debits_pending = number(w[2]), .debits_posted = number(w[3]), .credits_pending = number(w[4]),
                                 .credits_posted = number(w[5]), .owner_id = number(w[6]), .about_id = number(w[7]), .tag = number(w[8]),
                                 .ledger = (int32_t)number(w[10]), .code = (int32_t)number(w[11]), .at_ns = number(w[19])};
    if (is_set(w[12])) a->flags |= LEDGER_ACCOUNT_LINKED;
    if (is_set(w[13])) a->flags |= LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS;
    if (is_set(w[14])) a->flags |= LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS;
    if (is_set(w[17])) a->flags |= LEDGER_CLOSED;
    if (is_set(w[18])) a->flags |= 1u << 30;
    v->expected[v->account_count] = mem_strdup(our_word(w[20]));
    v->lines[v->account_count++] = v->line;
}

static void transfer_row(struct vectors *v) {
    assert_int_equal(v->word_count, 24);
    char **w = v->words;
    if (is_set(w[22])) { leave_out(v, "the time of a transfer that is given is not looked at"); return; }
    static const uint32_t flags[] = {LEDGER_LINKED, LEDGER_PENDING, LEDGER_POST_PENDING, LEDGER_VOID_PENDING, LEDGER_BALANCING_DEBIT, LEDGER_BALANCING_CREDIT,
                                     0 /* imported */, LEDGER_CLOSING_DEBIT, LEDGER_CLOSING_CREDIT, 1u << 30};
    struct ledger_transfer *t = &v->transfers[v->transfer_count];
    *t = (struct ledger_transfer){.id = number(w[1]), .debit_id = number(w[2]), .credit_id = number(w[3]), .amount = number(w[4]), .pending_id = number(w[5]),
                                  .order_id = number(w[6]), .about_id = number(w[7]), .tag = number(w[8]), .timeout_s = (int32_t)number(w[9]),
                                  .ledger = (int32_t)number(w[10]), .code = (int32_t)number(w[11])};
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (is_set(w[12 + i])) t->flags |= flags[i];
    v->expected[v->transfer_count] = mem_strdup(our_word(w[23]));
    v->lines[v->transfer_count++] = v->line;
}

static struct err clear(struct db_tx *tx, void *arg) {
    struct err e = ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(statement_clear) && !e.kind; i++) e = DB_RUN(tx, &statement_clear[i]);
    return e;
}

static struct err setup(struct db_tx *tx, void *arg) {
    char **w = ((struct vectors *)arg)->words;
    struct err e = DB_RUN(tx, &setup_balance, DB_INT("id", number(w[1])), DB_INT("dp", number(w[2])), DB_INT("dd", number(w[3])), DB_INT("cp", number(w[4])),
                          DB_INT("cc", number(w[5])));
    return e.kind ? e : DB_RUN(tx, &fence_up);
}

static struct err accounts_commit(struct db_tx *tx, void *arg) {
    struct vectors *v = arg;
    enum ledger_result results[BATCH_MAX];
    struct err e = ledger_accounts_open(v->ledger, tx, v->accounts, v->account_count, results);
    for (size_t i = 0; i < v->account_count && !e.kind; i++)
        if (strcmp(ledger_result_word(results[i]), v->expected[i]) != 0) {
            print_message("# row %d: %s, expected %s\n", v->lines[i], ledger_result_word(results[i]), v->expected[i]);
            return err_make(ERR_BUG, "test.row", "A row differs.");
        }
    return e;
}
static struct err transfers_commit(struct db_tx *tx, void *arg) {
    struct vectors *v = arg;
    enum ledger_result results[BATCH_MAX];
    struct err e = ledger_transfer(v->ledger, tx, v->transfers, v->transfer_count, results);
    for (size_t i = 0; i < v->transfer_count && !e.kind; i++)
        if (strcmp(ledger_result_word(results[i]), v->expected[i]) != 0) {
            print_message("# row %d: %s, expected %s\n", v->lines[i], ledger_result_word(results[i]), v->expected[i]);
            return err_make(ERR_BUG, "test.row", "A row differs.");
        }
    return e;
}

static struct err now_read(struct db_tx *tx, void *out) {
    *(int64_t *)out = DB_GET_INT(tx, 0, &at_last);
    return ERR_OK;
}
static struct err expire(struct db_tx *tx, void *arg) {
    struct vectors *v = arg;
    return ledger_expire(v->ledger, tx, clock_utc(v->clock), NULL);
}
static void tick(struct vectors *v) {
    char **w = v->words;
    int64_t count = strtoll(w[1], NULL, 10), last = 0, now = clock_utc(v->clock).ns;
    assert_string_equal(w[2], "seconds");
    assert_int_equal(db_read(v->db, now_read, &last).kind, ERR_NONE);
    if (last > now) now = last;
    /* "-3": three seconds before the end of time. */
    clock_manual_set_utc(v->clock, (struct utc_time){count < 0 ? INT64_MAX + count * NS_PER_S : now + count * NS_PER_S});
    assert_int_equal(db_write(v->db, expire, v).kind, ERR_NONE);
}

struct look {
    struct vectors *v;
    int64_t id;
    struct ledger_account account;
    struct ledger_transfer transfer;
    struct err e;
};
static struct err look_account(struct db_tx *tx, void *arg) {
    struct look *l = arg;
    l->e = ledger_account_get(l->v->ledger, tx, l->id, &l->account);
    return ERR_OK;
}
static struct err look_transfer(struct db_tx *tx, void *arg) {
    struct look *l = arg;
    l->e = ledger_transfer_get(l->v->ledger, tx, l->id, &l->transfer, NULL);
    return ERR_OK;
}

/* Both ways: as the writer sees it, and as a reader does. */
static void account_look(struct vectors *v) {
    char **w = v->words;
    for (int way = 0; way < 2; way++) {
        struct look l = {.v = v, .id = number(w[1])};
        assert_int_equal((way ? db_read(v->db, look_account, &l) : db_write(v->db, look_account, &l)).kind, ERR_NONE);
        if (v->word_count == 3) {
            assert_int_equal(l.e.kind, ERR_NOT_FOUND);
            continue;
        }
        const struct ledger_account *a = &l.account;
        bool is_right = !l.e.kind && a->debits_pending == number(w[2]) && a->debits_posted == number(w[3]) && a->credits_pending == number(w[4]) &&
                        a->credits_posted == number(w[5]) && !(a->flags & LEDGER_CLOSED) == !is_set(w[6]);
        if (!is_right)
            fail_msg("row %d: %lld %lld %lld %lld%s", v->line, (long long)a->debits_pending, (long long)a->debits_posted, (long long)a->credits_pending,
                     (long long)a->credits_posted, a->flags & LEDGER_CLOSED ? " closed" : "");
    }
}
static void transfer_look(struct vectors *v) {
    char **w = v->words;
    for (int way = 0; way < 2; way++) {
        struct look l = {.v = v, .id = number(w[1])};
        assert_int_equal((way ? db_read(v->db, look_transfer, &l) : db_write(v->db, look_transfer, &l)).kind, ERR_NONE);
        bool is_right = !strcmp(w[2], "exists") ? (l.e.kind == ERR_NONE) == !strcmp(w[3], "true") : !l.e.kind && l.transfer.amount == number(w[3]);
        if (!is_right) fail_msg("row %d: %lld", v->line, (long long)l.transfer.amount);
    }
}

static struct err list_read(struct db_tx *tx, void *arg) {
    struct vectors *v = arg;
    struct arena *arena = arena_create(1 << 20);
    struct ledger_transfers list = {0};
    struct err e = ledger_transfers_of_account(v->ledger, tx, arena, ORG, number(v->words[1]), 0, (size_t)number(v->words[8]), &list);
    v->listed_count = v->listed_at = 0;
    for (size_t i = 0; i < list.count; i++) v->listed[v->listed_count++] = list.items[i].transfer.id;
    arena_destroy(&arena);
    return e.kind == ERR_NOT_FOUND ? ERR_OK : e;
}

static void row_run(struct vectors *v) {
    char **w = v->words;
    v->applied++;
    if (!strcmp(w[0], "account")) account_row(v);
    else if (!strcmp(w[0], "transfer")) transfer_row(v);
    else if (!strcmp(w[0], "setup")) assert_int_equal(db_write(v->db, setup, v).kind, ERR_NONE);
    else if (!strcmp(w[0], "tick")) tick(v);
    else if (!strcmp(w[0], "lookup_account")) account_look(v);
    else if (!strcmp(w[0], "lookup_transfer")) transfer_look(v);
    else if (!strcmp(w[0], "get_account_transfers")) {
        bool is_plain = !is_set(w[2]) && !is_set(w[3]) && !is_set(w[4]) && !is_set(w[5]) && !is_set(w[6]) && !is_set(w[7]) && number(w[8]) > 0 && is_set(w[9]) && is_set(w[10]);
        v->listed_count = SIZE_MAX;
        if (is_plain) assert_int_equal(db_read(v->db, list_read, v).kind, ERR_NONE);
        else leave_out(v, "our list of an account's transfers has no such filter");
    } else if (!strcmp(w[0], "get_account_transfers_result")) {
        if (v->listed_count == SIZE_MAX) { leave_out(v, "the answer to a row left out"); return; }
        assert_true(v->listed_at < v->listed_count);
        assert_int_equal(v->listed[v->listed_at++], number(w[1]));
    } else if (!strcmp(w[0], "commit")) {
        if (v->account_count) assert_int_equal(db_write(v->db, accounts_commit, v).kind, ERR_NONE);
        if (v->transfer_count) assert_int_equal(db_write(v->db, transfers_commit, v).kind, ERR_NONE);
        for (size_t i = 0; i < v->account_count + v->transfer_count; i++) mem_free((void *)v->expected[i]);
        v->account_count = v->transfer_count = 0;
        if (!strcmp(w[1], "get_account_transfers") && v->listed_count != SIZE_MAX) assert_int_equal(v->listed_at, v->listed_count);
    } else if (slice_starts_with(slice_cstr(w[0]), SLICE("get_account_balances"))) leave_out(v, "there is no history flag: each transfer carries both balances");
    else if (slice_starts_with(slice_cstr(w[0]), SLICE("query_transfers"))) leave_out(v, "transfers are listed by account, not by filter");
    else if (slice_starts_with(slice_cstr(w[0]), SLICE("get_change_events"))) leave_out(v, "there is no feed of changes");
    else fail_msg("row %d: %s?", v->line, w[0]);
}

static void vectors_hold(void **state) {
    struct test_store *s = test_store_of(state);
    const char *shared = getenv("GRANDSTAND_SHARED_DATA");
    char path[600];
    snprintf(path, sizeof path, "%s/ledger/transfer_vectors.txt", shared ? shared : "../shared/data");
    if (!fs_exists(AT_FDCWD, path)) {
        print_message("# skipped: no vectors at %s\n", path);
        skip();
    }
    struct buf text = BUF(1 << 20);
    assert_int_equal(fs_read_file(AT_FDCWD, path, &text).kind, ERR_NONE);
    static const struct db_schema *const schemas[] = {&ledger_schema};
    struct vectors *v = mem_zalloc(sizeof *v);
    v->db = test_store_open(s, schemas, 1);
    v->clock = clock_manual_create((struct utc_time){start_ns});
    v->ids = id_maker_create(v->clock, 1);
    assert_int_equal(ledger_open(&v->ledger, &(struct ledger_options){.db = v->db, .clock = v->clock, .ids = v->ids}).kind, ERR_NONE);

    for (struct slice rest = buf_slice(&text), line; slice_next(&rest, '\n', &line);) {
        v->line++;
        size_t comment = slice_find(line, SLICE("//"));
        line = slice_trim(comment == SLICE_NPOS ? line : slice_sub(line, 0, comment));
        bool is_section = slice_starts_with(line, SLICE("## ")), is_part = slice_starts_with(line, SLICE("--- "));
        if (is_section || is_part) {
            if (is_section) v->is_left_out = slice_starts_with(line, SLICE("## imported events"));
            if (v->is_left_out) print_message("# rows from %d left out: there are no imported events\n", v->line);
            clock_manual_set_utc(v->clock, (struct utc_time){start_ns});
            assert_int_equal(db_write(v->db, clear, NULL).kind, ERR_NONE);
            continue;
        }
        if (!line.len || line.ptr[0] == '#') continue;
        if (v->is_left_out) { v->left_out++; continue; }
        char copy[512];
        assert_true(line.len < sizeof copy);
        snprintf(copy, sizeof copy, "%.*s", SLICE_ARG(line));
        v->word_count = 0;
        for (char *save = NULL, *word = strtok_r(copy, " \t", &save); word; word = strtok_r(NULL, " \t", &save)) v->words[v->word_count++] = word;
        row_run(v);
    }
    print_message("# %d rows answered, %d left out\n", v->applied, v->left_out);
    assert_true(v->applied > 600);
    ledger_close(&v->ledger);
    db_close(&v->db);
    id_maker_destroy(&v->ids);
    clock_manual_destroy(&v->clock);
    mem_free(v);
    buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {ON_BOTH(vectors_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
