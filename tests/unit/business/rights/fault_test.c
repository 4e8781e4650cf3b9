/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A deal's life while memory runs out or the disk refuses at one place after the other. What was answered with an error is not in the book; what was answered as done is, whole.
 * SQL over the tables is the truth, and the index answers as it did before or as it does after, never anything between; asked to follow again, it has followed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "business/rights/book.h"
#include "fault_walk.h"
#include "rights_fixture.h"
#include "sqlite_faults.h"

enum { STEPS_MAX = 16, LIVES_OF_A_STORE = 24 };

struct truth { /* what the tables say of one life's title and deal */
    char book[160];  /* what there is */
    char yes[64];    /* a digit for each question */
};
struct world {
    struct test_store store; /* another each LIVES_OF_A_STORE, so that what is read does not grow as fast as the walk goes */
    struct rights_fixture shelf;
    struct truth path[STEPS_MAX]; /* where nothing fails */
    int64_t title_id;
    char name[32]; /* of this life's title, party and deal */
    int64_t turns_before; /* of the book, when this life began */
    bool is_replaced; /* the index, by a step */
    int told; /* how often whoever listens */
};

/* --- the truth, by SQL alone --- */

static const char *const countries[] = {"DE", "CH", "TH", "US"};
static const enum rights_medium media[] = {RIGHTS_FREE, RIGHTS_RENTAL, RIGHTS_PURCHASE};
static const int64_t moments[] = {-2, 0, 40}; /* days from START */

static const struct db_statement book_of_life = {
    "test.book_of_life",
    "SELECT (SELECT b.sequence FROM rights_book b WHERE b.org_id = 7) AS sequence, (SELECT COUNT(*) FROM rights_party y WHERE y.org_id = 7 AND y.name = :name) AS parties, "
    "(SELECT COUNT(*) FROM rights_deal d WHERE d.org_id = 7 AND d.reference = :name) AS deals, "
    "COALESCE((SELECT d.status FROM rights_deal d WHERE d.org_id = 7 AND d.reference = :name), -1) AS status, "
    "(SELECT COUNT(*) FROM rights_deal_version v JOIN rights_deal d ON d.id = v.deal_id WHERE d.reference = :name) AS versions, "
    "(SELECT COUNT(*) FROM rights_line l WHERE l.title_id = :title_id) AS lines, "
    "(SELECT COUNT(*) FROM rights_withdrawal w JOIN rights_line l ON l.id = w.line_id WHERE l.title_id = :title_id) AS withdrawn, "
    "COALESCE((SELECT SUM(p.plays) FROM rights_play p JOIN rights_line l ON l.id = p.line_id WHERE l.title_id = :title_id), 0) AS plays"};
static const struct db_statement asked_of_sql = {
    "test.asked",
    "WITH place(nr, code) AS (VALUES(0, 'DE'), (1, 'CH'), (2, 'TH'), (3, 'US')), medium(nr, bit) AS (VALUES(0, :first), (1, :second), (2, :third)), "
    "moment(nr, at_s) AS (VALUES(0, :early), (1, :now), (2, :late)), "
    "line AS (SELECT l.effect, l.media, l.starts_s, l.ends_s, ',' || s.text || ',' AS places FROM rights_line l JOIN rights_deal d ON d.id = l.deal_id "
    "JOIN rights_set s ON s.id = l.territories_id LEFT JOIN rights_withdrawal w ON w.line_id = l.id LEFT JOIN rights_play p ON p.line_id = l.id "
    "WHERE l.title_id = :title_id AND d.status = 1 AND w.line_id IS NULL AND (l.plays_max = 0 OR COALESCE(p.plays, 0) < l.plays_max)), "
    "fits AS (SELECT place.nr AS place, medium.nr AS medium, moment.nr AS moment, line.effect FROM line, place, medium, moment "
    "WHERE (line.media >> medium.bit) & 1 = 1 AND line.starts_s <= moment.at_s AND moment.at_s < line.ends_s AND line.places NOT LIKE '%,-' || place.code || ',%' "
    "AND (line.places LIKE '%,WORLD,%' OR line.places LIKE '%,' || place.code || ',%')) "
    "SELECT (SELECT COUNT(*) FROM fits f WHERE f.place = place.nr AND f.medium = medium.nr AND f.moment = moment.nr AND f.effect = 0) > 0 AND "
    "(SELECT COUNT(*) FROM fits f WHERE f.place = place.nr AND f.medium = medium.nr AND f.moment = moment.nr AND f.effect > 0) = 0 AS yes "
    "FROM place, medium, moment ORDER BY place.nr, medium.nr, moment.nr"};

struct truth_ask {
    struct world *f;
    struct truth *out;
};
static struct err truth_fn(struct db_tx *tx, void *arg) {
    struct truth_ask *a = arg;
    struct db_rows rows;
    struct err e = DB_QUERY(tx, a->f->shelf.arena, &rows, &book_of_life, DB_CSTR("name", a->f->name), DB_INT("title_id", a->f->title_id));
    if (e.kind) return e;
    snprintf(a->out->book, sizeof a->out->book, "turn %lld: %lld parties, %lld deals, status %lld, %lld versions, %lld lines, %lld withdrawn, %lld plays",
             (long long)(db_int(&rows, 0, "sequence") - a->f->turns_before), (long long)db_int(&rows, 0, "parties"),
             (long long)db_int(&rows, 0, "deals"), (long long)db_int(&rows, 0, "status"), (long long)db_int(&rows, 0, "versions"), (long long)db_int(&rows, 0, "lines"),
             (long long)db_int(&rows, 0, "withdrawn"), (long long)db_int(&rows, 0, "plays"));
    e = DB_QUERY(tx, a->f->shelf.arena, &rows, &asked_of_sql, DB_INT("title_id", a->f->title_id), DB_INT("first", media[0]), DB_INT("second", media[1]), DB_INT("third", media[2]),
                 DB_INT("early", START + moments[0] * DAY), DB_INT("now", START), DB_INT("late", START + moments[2] * DAY));
    if (e.kind) return e;
    assert_int_equal(rows.count, ARRAY_LEN(countries) * ARRAY_LEN(media) * ARRAY_LEN(moments));
    for (size_t i = 0; i < rows.count; i++) a->out->yes[i] = db_int(&rows, i, "yes") ? '1' : '0';
    a->out->yes[rows.count] = 0;
    return ERR_OK;
}
static struct truth truth_of(struct world *f) {
    struct truth t;
    arena_reset(f->shelf.arena);
    struct truth_ask ask = {f, &t};
    assert_ok(db_read(f->shelf.db, truth_fn, &ask));
    return t;
}

static struct err turns_fn(struct db_tx *tx, void *arg) {
    *(int64_t *)arg = DB_GET_INT(tx, 0, &book_sequence, DB_INT("org_id", ORG));
    return db_tx_error(tx);
}
static int64_t turns(struct world *f) {
    int64_t turn;
    assert_ok(db_read(f->shelf.db, turns_fn, &turn));
    return turn;
}

/* The same questions, asked of an index. */
static void answers_of(struct world *f, const struct rights *r, char out[64]) {
    size_t n = 0;
    for (size_t c = 0; c < ARRAY_LEN(countries); c++)
        for (size_t m = 0; m < ARRAY_LEN(media); m++)
            for (size_t t = 0; t < ARRAY_LEN(moments); t++) {
                struct rights_question q = {.titles = {f->title_id}, .medium = media[m], .at_s = START + moments[t] * DAY};
                struct rights_answer a;
                assert_true(rights_place_parse(slice_cstr(countries[c]), SLICE_NONE, &q.place));
                rights_decide(r, &q, &a);
                out[n++] = a.is_allowed ? '1' : '0';
            }
    out[n] = 0;
}

/* --- the steps --- */

static struct err import(struct world *f) {
    char text[1024];
    snprintf(text, sizeof text,
             "deal,party,direction,title,effect,territories,media,starts,ends,plays\n"
             "%1$s,%1$s,in,%1$s,allow,\"WORLD,-US\",\"free,rental\",2027-01-01,2027-02-20,\n"
             "%1$s,,,%1$s,allow,\"DE,US\",purchase,2027-01-01,,1\n"
             "%1$s,,,%1$s,blackout,CH,free,2027-01-01,,\n", f->name);
    struct rights_import job = {.status = RIGHTS_DRAFT};
    return import_lines(&f->shelf, slice_cstr(text), sizeof text, &job);
}

static struct err deal_id(struct world *f, struct public_id *out) {
    struct rights_deal_list deals;
    struct err e = rights_deals(f->shelf.rights, f->shelf.arena, ORG, &(struct rights_deal_ask){0}, &deals);
    for (size_t i = 0; !e.kind && i < deals.count; i++)
        if (slice_eq(deals.items[i].reference, slice_cstr(f->name))) {
            *out = deals.items[i].public_id;
            return e;
        }
    return e.kind ? e : err_make(ERR_BUG, "test.deal", "There is no such deal.");
}
static struct err status_set(struct world *f, enum rights_status status) {
    struct public_id deal;
    struct err e = deal_id(f, &deal);
    return e.kind ? e : rights_deal_change(f->shelf.rights, ORG, public_id_slice(&deal), &(struct rights_deal_change){.has_status = true, .status = status}, 0);
}
static struct err activate(struct world *f) {
    struct public_id deal;
    struct rights_standing_conflict_list why;
    struct err e = deal_id(f, &deal);
    struct rights_deal_change ch = {.has_status = true, .status = RIGHTS_ACTIVE};
    return e.kind ? e : rights_deal_change_checked(f->shelf.rights, f->shelf.arena, ORG, public_id_slice(&deal), &ch, 0, &why);
}
static struct err suspend(struct world *f) { return status_set(f, RIGHTS_SUSPENDED); }
static struct err resume(struct world *f) { return status_set(f, RIGHTS_ACTIVE); }
static struct err terminate(struct world *f) { return status_set(f, RIGHTS_TERMINATED); }

static struct err lines_of(struct world *f, struct rights_line_row_list *out) {
    struct err e = rights_lines(f->shelf.rights, f->shelf.arena, ORG, &(struct rights_lines_ask){.titles = {f->title_id}, .known_s = RIGHTS_KNOWN_NOW}, out);
    return e.kind || out->count ? e : err_make(ERR_BUG, "test.lines", "There are no lines.");
}
/* Rentals in Thailand alone, instead of what was there; and something new. */
static struct err amend(struct world *f) {
    struct public_id deal;
    struct rights_line_row_list rows;
    struct rights_appended made;
    struct slice bad;
    size_t at;
    struct err e = deal_id(f, &deal);
    if (!e.kind) e = lines_of(f, &rows);
    if (e.kind) return e;
    struct rights_line_new items[2] = {{.terms = {.title_id = f->title_id, .media = 1u << RIGHTS_RENTAL, .starts_s = START - 5 * DAY, .ends_s = START + DAY}, .replaces = rows.items[0].line.public_id},
                                       {.terms = {.title_id = f->title_id, .media = 1u << RIGHTS_FREE, .starts_s = START - DAY, .ends_s = RIGHTS_ENDLESS}}};
    e = rights_territories_of(SLICE("TH"), &items[0].terms.territories, &bad);
    if (!e.kind) e = rights_territories_of(SLICE("WORLD"), &items[1].terms.territories, &bad);
    struct rights_lines_new lines = {.deal = public_id_slice(&deal), .items = items, .count = 2};
    return e.kind ? e : rights_lines_append(f->shelf.rights, f->shelf.arena, ORG, &lines, &made, &at);
}
static struct err withdraw(struct world *f) { /* the blackout */
    struct rights_line_row_list rows;
    struct err e = lines_of(f, &rows);
    for (size_t i = 0; !e.kind && i < rows.count; i++)
        if (rows.items[i].line.terms.effect == RIGHTS_BLACKOUT) return rights_line_withdraw(f->shelf.rights, ORG, public_id_slice(&rows.items[i].line.public_id));
    return e.kind ? e : err_make(ERR_BUG, "test.blackout", "There is no such line.");
}
static struct err play(struct world *f) { /* the only one */
    struct rights_line_row_list rows;
    struct err e = lines_of(f, &rows);
    for (size_t i = 0; !e.kind && i < rows.count; i++)
        if (rows.items[i].line.terms.plays_max) return rights_play(f->shelf.rights, ORG, rows.items[i].line.id);
    return e.kind ? e : err_make(ERR_BUG, "test.plays", "There is no such line.");
}
/* As an import of thousands of titles notes it: nothing of this title, and so much else that the index is made anew. */
static struct err whole_fn(struct db_tx *tx, void *arg) {
    struct rights_turn turn;
    struct err e = rights_turn_begin(arg, tx, ORG, &turn);
    return e.kind ? e : rights_turn_note(tx, ORG, &turn, CHANGE_WHOLE, 0);
}
static struct err whole(struct world *f) {
    uint64_t compiled = rights_stats(f->shelf.rights).compiled;
    struct err e = db_write(f->shelf.db, whole_fn, f->shelf.rights);
    if (e.kind) return e;
    rights_turned(f->shelf.rights);
    f->is_replaced |= rights_stats(f->shelf.rights).compiled > compiled;
    return e;
}
static struct err (*const steps[])(struct world *) = {import, activate, amend, whole, withdraw, play, suspend, whole, resume, terminate};

/* --- a life --- */

static void same(const char *what, size_t step, const char *is, const char *wanted) {
    if (strcmp(is, wanted)) fail_msg("after step %zu %s is \"%s\", not \"%s\"", step, what, is, wanted);
}

static void old_or_new(struct world *f, size_t step, const struct truth *before, const struct truth *now) {
    char answers[64];
    answers_of(f, f->shelf.rights, answers);
    if (strcmp(answers, before->yes) && strcmp(answers, now->yes)) fail_msg("at step %zu the index says %s: neither %s nor %s", step, answers, before->yes, now->yes);
}

static void compile_again(struct world *f, struct fault_walk *w, const char *yes) {
    char answers[64];
    struct rights_options options = rights_options_of(&f->shelf);
    struct rights *other = NULL;
    struct err e = FAULT_STEP(w, rights_open(&other, &options));
    assert_true(!e.kind == !!other);
    if (e.kind) assert_ok(rights_open(&other, &options));
    answers_of(f, other, answers);
    same("what was compiled anew", ARRAY_LEN(steps), answers, yes);
    rights_close(&other);
}

static void on_change(void *user, int64_t org_id) { ((struct world *)user)->told++; }

static void world_open(struct world *f, int64_t life) {
    snprintf(f->store.url, sizeof f->store.url, "%s/book-%lld.db", f->store.folder, (long long)life);
    rights_fixture_open(&f->shelf, &f->store);
    rights_listen(f->shelf.rights, on_change, f);
}

static void live(void *world, struct fault_walk *w) {
    struct world *f = world;
    if (w->life % LIVES_OF_A_STORE == 0) {
        rights_fixture_close(&f->shelf);
        world_open(f, w->life);
    }
    snprintf(f->name, sizeof f->name, "film-%lld", (long long)w->life);
    f->title_id = title(&f->shelf, ORG, f->name, NULL);
    f->turns_before = turns(f);
    struct truth before = truth_of(f);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        clock_manual_advance(f->shelf.clock, NS_PER_S);
        char answers[64];
        arena_reset(f->shelf.arena);
        f->told = 0;
        struct err e = FAULT_STEP(w, steps[i](f));
        struct truth now = truth_of(f);
        if (!w->nth) f->path[i] = now;
        old_or_new(f, i, &before, &now);
        if (e.kind && !(fault_is_in_doubt(e) && !strcmp(now.book, f->path[i].book))) {
            same("the book", i, now.book, before.book);
            assert_ok(steps[i](f)); /* he asks again */
            now = truth_of(f);
            old_or_new(f, i, &before, &now);
        }
        same("the book", i, now.book, f->path[i].book);
        same("what SQL says", i, now.yes, f->path[i].yes);
        (void)FAULT_STEP(w, rights_refresh(f->shelf.rights));
        old_or_new(f, i, &before, &now);
        assert_ok(rights_refresh(f->shelf.rights));
        answers_of(f, f->shelf.rights, answers);
        same("what the index says", i, answers, now.yes);
        if (!f->told) fail_msg("nobody was told of step %zu", i);
        before = now;
    }
    compile_again(f, w, before.yes);
}

static void whatever_fails_the_book_is_whole_and_the_index_agrees(void **state) {
    struct world f = {.store = *test_store_of(state), .shelf = rights_fixture_make()};
    world_open(&f, 0);
    fault_walk(live, &f, (const uint64_t[FAULT_POINTS]){[FAULT_ALLOC] = 9, [FAULT_WRITE] = 3, [FAULT_READ] = 4, [FAULT_SYNC] = 1});
    assert_true(f.is_replaced);
    rights_fixture_close(&f.shelf);
    rights_fixture_free(&f.shelf);
}

int main(void) {
    const struct CMUnitTest tests[] = {ON_SQLITE(whatever_fails_the_book_is_whole_and_the_index_agrees)};
    return cmocka_run_group_tests(tests, layer_put_in, NULL);
}
