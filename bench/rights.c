/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The compiled index of rights, with 1,000,000 lines of 100,000 titles: time of a decision on hot and on random titles, memory, compiling, contradictions of a
 * line with 10,000 of one title, availability of 1,000 titles in all countries for a year. SQLite and PostgreSQL hold the same lines in indexed tables,
 * are timed on single prepared questions, and answer all of them in one statement: each reason must be the same. Times are processor time of this
 * thread (PostgreSQL's: the wall clock's, it is another process). Everything is made from a seed. Usage: rights_bench FOLDER QUESTIONS [POSTGRES_URL] */
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "business/rights/index.h"

enum { LINES = 1000000, TITLES = 100000, SERIES = 4000, DEALS = 4000, PARTIES = 300, SETS = 400, HOT = 500, SINGLE = 20000, LARGE = 10000, LARGE_TITLE = 1000001, RUNS = 10000 };
static const int64_t from_s = 1735689600, day_s = 86400; /* 2025-01-01 */

static double cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static double now_s(void) { return (double)clock_mono(clock_system()).ns / 1e9; }
static double best(double a, double b) { return a == 0 || b < a ? b : a; }
static void must(struct err e) {
    if (!e.kind) return;
    fprintf(stderr, "%s: %s\n", e.code, e.what);
    exit(1);
}
#define CHECK(condition)                                              \
    do {                                                              \
        if (!(condition)) {                                           \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                  \
        }                                                             \
    } while (0)

/* --- a book --- */

static struct rng rng;
static struct index_deal deals[DEALS];
static struct index_line *lines;
static uint32_t sets[SETS];
static char set_texts[SETS][400];
static const char *const language_texts[] = {"", "de", "en", "zh", "th", "de,en"};
static const char *const tags[] = {"", "de", "en", "zh-Hant", "th"};
static const char *const areas[] = {"", "DE-BY", "US-CA", "US-NY", "CA-ON"};
static uint32_t languages[ARRAY_LEN(language_texts)], tag_numbers[ARRAY_LEN(tags)];

static size_t below(size_t n) { return (size_t)rng_below(&rng, n); }
static int64_t series_of(int64_t title) { return title % 5 < 2 ? TITLES + 1 + title % SERIES : 0; } /* two in five titles are episodes */

static void sets_make(void) {
    struct slice bad;
    for (size_t i = 0; i < SETS; i++)
        do {
            char *text = set_texts[i];
            size_t at = 0, parts = 1 + below(i % 3 ? 12 : 60);
            if (below(3) == 0) at += (size_t)sprintf(text, "WORLD,");
            for (size_t k = 0; k < parts; k++) at += (size_t)sprintf(text + at, "%s%s,", text[0] == 'W' ? "-" : "", rights_country_code((uint8_t)below(RIGHTS_COUNTRIES)));
            if (below(20) == 0) at += (size_t)sprintf(text + at, "%s%s,", below(2) ? "-" : "", areas[1 + below(ARRAY_LEN(areas) - 1)]);
            text[at - 1] = 0;
        } while (rights_territories_of(slice_cstr(set_texts[i]), &sets[i], &bad).kind);
    for (size_t i = 0; i < ARRAY_LEN(language_texts); i++) must(rights_languages_of(slice_cstr(language_texts[i]), &languages[i], &bad));
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) must(rights_tag_of(slice_cstr(tags[i]), &tag_numbers[i]));
}
/* The lines of a deal come in three forms, as annexes of a contract do: what differs from line to line is title and window. */
static struct index_line line_make(int64_t id, int64_t title) {
    struct index_line l = {.id = id, .title_id = title, .deal_id = 1 + (int64_t)below(DEALS)};
    size_t form = below(20), annex = form < 10 ? 0 : form < 17 ? 1 : 2;
    struct rng terms = rng_seeded((uint64_t)l.deal_id * 4 + annex);
    l.territories = sets[rng_below(&terms, SETS)];
    l.media = (uint16_t)(1 + rng_below(&terms, 0xfff));
    l.languages = languages[rng_below(&terms, 5) ? 0 : rng_below(&terms, ARRAY_LEN(language_texts))];
    l.effect = annex < 2 ? RIGHTS_ALLOW : rng_below(&terms, 2) ? RIGHTS_HOLDBACK : RIGHTS_BLACKOUT;
    l.is_exclusive = l.effect == RIGHTS_ALLOW && rng_below(&terms, 8) == 0;
    l.may_sublicense = rng_below(&terms, 2);
    l.counts_plays = l.effect == RIGHTS_ALLOW && rng_below(&terms, 20) == 0;
    l.is_spent = l.counts_plays && below(3) == 0;
    l.starts_s = from_s + day_s * (int64_t)below(3000);
    l.ends_s = below(6) ? l.starts_s + day_s * (int64_t)(l.effect == RIGHTS_ALLOW ? 30 + below(1500) : 1 + below(60)) : RIGHTS_ENDLESS;
    return l;
}
static void book_make(void) {
    rng = rng_seeded(4711);
    sets_make();
    for (int i = 0; i < DEALS; i++)
        deals[i] = (struct index_deal){.id = 1 + i, .party_id = 1 + (int64_t)below(PARTIES), .direction = below(10) < 7 ? RIGHTS_IN : RIGHTS_OUT,
                                       .status = below(12) ? RIGHTS_ACTIVE : (enum rights_status)below(RIGHTS_STATUSES)};
    lines = malloc(LINES * sizeof *lines);
    CHECK(lines);
    for (int64_t i = 0; i < LINES; i++) lines[i] = line_make(1 + i, i % 20 == 0 ? TITLES + 1 + (int64_t)below(SERIES) : 1 + (int64_t)below(TITLES));
}

struct asked {
    struct rights_question q;
    uint8_t tag, area;
};
static struct asked question_make(int64_t title) {
    struct asked a = {.tag = (uint8_t)(below(4) ? 0 : below(ARRAY_LEN(tags))), .area = (uint8_t)(below(8) ? 0 : below(ARRAY_LEN(areas)))};
    a.q = (struct rights_question){.titles = {title, series_of(title)}, .party_id = below(5) ? 0 : 1 + (int64_t)below(PARTIES), .medium = (enum rights_medium)below(RIGHTS_MEDIA),
                                   .language = tag_numbers[a.tag], .at_s = from_s + day_s * (int64_t)below(3500) + (int64_t)below((size_t)day_s)};
    if (a.area) CHECK(rights_place_parse(slice_cstr(areas[a.area]), SLICE_NONE, &a.q.place));
    else a.q.place.country = (uint8_t)below(RIGHTS_COUNTRIES);
    return a;
}

/* --- what sets mean, read plainly, for the peers' tables --- */

static void place_reads(const char *text, const char *country, const char *area, bool *grants, bool *blocks) {
    bool in = false, out = false, some_in = false, some_out = false, area_in = false, area_out = false;
    for (struct slice rest = slice_cstr(text), part; slice_next(&rest, ',', &part);) {
        bool minus = part.ptr[0] == '-';
        if (minus) part = slice_sub(part, 1, part.len);
        if (slice_eq(part, SLICE("WORLD"))) in = true;
        else if (slice_eq(part, slice_cstr(country))) *(minus ? &out : &in) = true;
        else if (part.len > 2 && slice_eq(slice_sub(part, 0, 2), slice_cstr(country))) {
            *(minus ? &some_out : &some_in) = true;
            if (area[0] && slice_eq(part, slice_cstr(area))) *(minus ? &area_out : &area_in) = true;
        }
    }
    bool base = in && !out; /* no text here has an area both ways */
    *grants = area[0] ? (base ? !area_out : area_in) : base && !some_out;
    *blocks = area[0] ? *grants : base || some_in;
}

/* --- the peers --- */

static const char *const tables[] = { /* %s: the type of a key */
    "CREATE TABLE deal(id %s PRIMARY KEY, party BIGINT NOT NULL, direction BIGINT NOT NULL, status BIGINT NOT NULL)",
    "CREATE TABLE line(id %s PRIMARY KEY, title BIGINT NOT NULL, deal BIGINT NOT NULL, effect BIGINT NOT NULL, exclusive BIGINT NOT NULL, territories BIGINT NOT NULL,"
    " languages BIGINT NOT NULL, media BIGINT NOT NULL, starts BIGINT NOT NULL, ends BIGINT NOT NULL, spent BIGINT NOT NULL)",
    "CREATE TABLE place(territories BIGINT, country BIGINT, area BIGINT, grants BIGINT NOT NULL, blocks BIGINT NOT NULL, PRIMARY KEY(territories, country, area))",
    "CREATE TABLE speech(languages BIGINT, tag BIGINT, grants BIGINT NOT NULL, blocks BIGINT NOT NULL, PRIMARY KEY(languages, tag))",
    "CREATE TABLE question(id %s PRIMARY KEY, title BIGINT NOT NULL, series BIGINT NOT NULL, party BIGINT NOT NULL, country BIGINT NOT NULL, area BIGINT NOT NULL,"
    " medium BIGINT NOT NULL, tag BIGINT NOT NULL, at BIGINT NOT NULL)",
};
static void create_text(char *out, size_t bytes, int table, const char *key) {
    const char *at = strstr(tables[table], "%s");
    if (at) snprintf(out, bytes, "%.*s%s%s", (int)(at - tables[table]), tables[table], key, at + 2);
    else snprintf(out, bytes, "%s", tables[table]);
}
static const char *const table_names[] = {"deal", "line", "place", "speech", "question"};
static const int table_columns[] = {4, 11, 5, 4, 9};
static const char index_text[] = "CREATE INDEX line_by_title ON line(title)";

/* The order of reasons in a refusal, as numbers: 0 blackout ... 3 allowed ... 11 none. */
#define REASON                                                                                                                                                      \
    "MIN(CASE"                                                                                                                                                      \
    " WHEN l.effect = 2 AND (d.direction <> 1 OR d.party = q.party) THEN CASE WHEN " BLOCKS " THEN 0 ELSE 11 END"                                                   \
    " WHEN l.effect = 1 AND (d.direction <> 1 OR d.party <> q.party) THEN CASE WHEN " BLOCKS " THEN 1 ELSE 11 END"                                                  \
    " WHEN l.effect = 0 AND d.direction = 1 AND d.party <> q.party AND l.exclusive = 1 THEN CASE WHEN " BLOCKS " THEN 2 ELSE 11 END"                                \
    " WHEN l.effect = 0 AND ((d.direction <> 1 AND q.party = 0) OR (d.direction = 1 AND d.party = q.party)) THEN CASE"                                              \
    " WHEN d.status <> 1 THEN CASE WHEN p.grants = 1 AND (l.media >> CAST(q.medium AS INTEGER)) & 1 = 1 AND s.grants = 1 AND l.starts <= q.at AND q.at < l.ends THEN 6 ELSE 11 END"  \
    " WHEN p.grants = 0 THEN 10 WHEN (l.media >> CAST(q.medium AS INTEGER)) & 1 = 0 THEN 9 WHEN s.grants = 0 THEN 8"                                                                 \
    " WHEN q.at < l.starts THEN 5 WHEN q.at >= l.ends THEN 7 WHEN l.spent = 1 THEN 4 ELSE 3 END"                                                                    \
    " ELSE 11 END)"
#define BLOCKS "d.status = 1 AND p.blocks = 1 AND (l.media >> CAST(q.medium AS INTEGER)) & 1 = 1 AND s.blocks = 1 AND l.starts <= q.at AND q.at < l.ends"
#define JOINS                                                                                                       \
    " JOIN deal d ON d.id = l.deal JOIN place p ON p.territories = l.territories AND p.country = q.country AND p.area = q.area" \
    " JOIN speech s ON s.languages = l.languages AND s.tag = q.tag"
static const char all_text[] = "SELECT q.id, " REASON " FROM (SELECT id, title AS t, party, country, area, medium, tag, at FROM question UNION ALL"
                               " SELECT id, series AS t, party, country, area, medium, tag, at FROM question WHERE series <> 0) q JOIN line l ON l.title = q.t" JOINS " GROUP BY q.id";
#define ONE(mark, cast)                                                                                                                                      \
    "SELECT COALESCE(" REASON ", 11) FROM (SELECT " mark "3" cast " AS party, " mark "4" cast " AS country, " mark "5" cast " AS area, " mark "6" cast          \
    " AS medium, " mark "7" cast " AS tag, " mark "8" cast " AS at) q CROSS JOIN line l" JOINS " WHERE l.title IN (" mark "1" cast ", " mark "2" cast ")"

static uint8_t rank_of(enum rights_reason r) { /* as the statements count them */
    static const uint8_t ranks[RIGHTS_REASONS] = {[RIGHTS_BECAUSE_BLACKOUT] = 0, [RIGHTS_BECAUSE_HOLDBACK] = 1, [RIGHTS_BECAUSE_EXCLUSIVE] = 2, [RIGHTS_BECAUSE_ALLOWED] = 3,
                                                  [RIGHTS_BECAUSE_PLAYS] = 4,    [RIGHTS_BECAUSE_NOT_YET] = 5,  [RIGHTS_BECAUSE_DEAL] = 6,      [RIGHTS_BECAUSE_ENDED] = 7,
                                                  [RIGHTS_BECAUSE_LANGUAGE] = 8, [RIGHTS_BECAUSE_MEDIUM] = 9,   [RIGHTS_BECAUSE_TERRITORY] = 10, [RIGHTS_BECAUSE_NONE] = 11};
    return ranks[r];
}

/* Gives each row of each table to `put`. */
typedef void put_fn(void *peer, int table, const int64_t *row);
static void rows_give(const struct asked *asked, size_t question_count, put_fn *put, void *peer) {
    for (int i = 0; i < DEALS; i++) put(peer, 0, (int64_t[]){deals[i].id, deals[i].party_id, deals[i].direction, deals[i].status});
    for (int i = 0; i < LINES; i++) {
        const struct index_line *l = &lines[i];
        put(peer, 1, (int64_t[]){l->id, l->title_id, l->deal_id, l->effect, l->is_exclusive, l->territories, l->languages, l->media, l->starts_s, l->ends_s, l->is_spent});
    }
    for (size_t i = 0; i < SETS; i++) {
        bool is_again = false;
        for (size_t k = 0; k < i; k++) is_again |= sets[k] == sets[i];
        for (int c = 0; c < RIGHTS_COUNTRIES && !is_again; c++)
            for (size_t a = 0; a < ARRAY_LEN(areas); a++) {
                bool grants, blocks;
                const char *country = rights_country_code((uint8_t)c);
                if (a && strncmp(areas[a], country, 2)) continue;
                place_reads(set_texts[i], country, areas[a], &grants, &blocks);
                put(peer, 2, (int64_t[]){sets[i], c, (int64_t)a, grants, blocks});
            }
    }
    for (size_t i = 0; i < ARRAY_LEN(language_texts); i++)
        for (size_t t = 0; t < ARRAY_LEN(tags); t++) {
            bool is_any = !language_texts[i][0], is_in = tags[t][0] && strstr(language_texts[i], (char[]){tags[t][0], tags[t][1], 0});
            put(peer, 3, (int64_t[]){languages[i], (int64_t)t, is_any || !tags[t][0] || is_in, is_any || is_in});
        }
    for (size_t i = 0; i < question_count; i++) {
        const struct rights_question *q = &asked[i].q;
        put(peer, 4, (int64_t[]){(int64_t)i, q->titles[0], q->titles[1], q->party_id, q->place.country, asked[i].area, q->medium, asked[i].tag, q->at_s});
    }
}
static void one_values(const struct asked *a, int64_t out[8]) {
    const struct rights_question *q = &a->q;
    memcpy(out, (int64_t[]){q->titles[0], q->titles[1], q->party_id, q->place.country, a->area, q->medium, a->tag, q->at_s}, 8 * sizeof *out);
}

static size_t disagreements(const uint8_t *theirs, const struct rights_answer *ours, const struct asked *asked, size_t count, const char *who) {
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        if (theirs[i] != rank_of(ours[i].reason) && wrong++ < 5)
            fprintf(stderr, "%s: question %zu (title %lld) is %d, ours %d (line %lld)\n", who, i, (long long)asked[i].q.titles[0], theirs[i], rank_of(ours[i].reason), (long long)ours[i].line_id);
    return wrong;
}

struct sqlite_peer {
    sqlite3 *db;
    sqlite3_stmt *puts[ARRAY_LEN(tables)];
};
static void sqlite_run(sqlite3 *db, const char *text) {
    if (sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK) return;
    fprintf(stderr, "%s: %s\n", text, sqlite3_errmsg(db));
    exit(1);
}
static void sqlite_put(void *peer, int table, const int64_t *row) {
    sqlite3_stmt *s = ((struct sqlite_peer *)peer)->puts[table];
    for (int i = 0; i < table_columns[table]; i++) sqlite3_bind_int64(s, i + 1, row[i]);
    CHECK(sqlite3_step(s) == SQLITE_DONE);
    sqlite3_reset(s);
}
static double sqlite_measure(const char *folder, const struct asked *asked, size_t count, const struct rights_answer *ours, size_t *wrong, uint8_t *theirs) {
    struct sqlite_peer peer;
    char path[512], text[4096];
    snprintf(path, sizeof path, "%s/peer.db", folder);
    CHECK(sqlite3_open(path, &peer.db) == SQLITE_OK);
    sqlite_run(peer.db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-400000; PRAGMA mmap_size=2000000000; BEGIN");
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        create_text(text, sizeof text, (int)t, "INTEGER"); /* its rows' own key */
        sqlite_run(peer.db, text);
        snprintf(text, sizeof text, "INSERT INTO %s VALUES (?%.*s)", table_names[t], 2 * (table_columns[t] - 1), ",?,?,?,?,?,?,?,?,?,?,?,?");
        CHECK(sqlite3_prepare_v2(peer.db, text, -1, &peer.puts[t], NULL) == SQLITE_OK);
    }
    rows_give(asked, count, sqlite_put, &peer);
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) sqlite3_finalize(peer.puts[t]);
    sqlite_run(peer.db, index_text);
    sqlite_run(peer.db, "COMMIT; ANALYZE");
    sqlite3_stmt *one, *all;
    CHECK(sqlite3_prepare_v2(peer.db, ONE("?", ""), -1, &one, NULL) == SQLITE_OK);
    double spent = 0;
    for (int round = 0; round < 2; round++) { /* the second in a warm cache */
        double start = cpu_s();
        for (size_t i = 0; i < SINGLE && i < count; i++) {
            int64_t values[8];
            one_values(&asked[i], values);
            for (int k = 0; k < 8; k++) sqlite3_bind_int64(one, k + 1, values[k]);
            CHECK(sqlite3_step(one) == SQLITE_ROW);
            theirs[i] = (uint8_t)sqlite3_column_int(one, 0);
            sqlite3_reset(one);
        }
        spent = cpu_s() - start;
    }
    size_t singles = count < SINGLE ? count : SINGLE;
    *wrong = disagreements(theirs, ours, asked, singles, "SQLite, one by one");
    memset(theirs, 11, count);
    CHECK(sqlite3_prepare_v2(peer.db, all_text, -1, &all, NULL) == SQLITE_OK);
    while (sqlite3_step(all) == SQLITE_ROW) theirs[sqlite3_column_int64(all, 0)] = (uint8_t)sqlite3_column_int(all, 1);
    *wrong += disagreements(theirs, ours, asked, count, "SQLite");
    sqlite3_finalize(one);
    sqlite3_finalize(all);
    sqlite3_close(peer.db);
    return spent / (double)singles;
}

struct postgres_peer {
    PGconn *db;
    int table; /* being copied into */
    char buffer[1 << 16];
    size_t used;
};
static PGresult *postgres_run(PGconn *db, const char *text, ExecStatusType expected) {
    PGresult *r = PQexec(db, text);
    if (PQresultStatus(r) == expected) return r;
    fprintf(stderr, "%s: %s\n", text, PQerrorMessage(db));
    exit(1);
}
static void postgres_flush(struct postgres_peer *p, int next) {
    if (p->used) CHECK(PQputCopyData(p->db, p->buffer, (int)p->used) == 1);
    p->used = 0;
    if (p->table == next) return;
    if (p->table >= 0) {
        CHECK(PQputCopyEnd(p->db, NULL) == 1);
        for (PGresult *r; (r = PQgetResult(p->db)); PQclear(r)) CHECK(PQresultStatus(r) == PGRES_COMMAND_OK);
    }
    p->table = next;
    char text[64];
    if (next >= 0) snprintf(text, sizeof text, "COPY %s FROM STDIN", table_names[next]), PQclear(postgres_run(p->db, text, PGRES_COPY_IN));
}
static void postgres_put(void *peer, int table, const int64_t *row) {
    struct postgres_peer *p = peer;
    if (p->table != table || p->used > sizeof p->buffer - 512) postgres_flush(p, table);
    for (int i = 0; i < table_columns[table]; i++) p->used += (size_t)sprintf(p->buffer + p->used, "%lld%c", (long long)row[i], i + 1 < table_columns[table] ? '\t' : '\n');
}
static double postgres_measure(const char *url, const struct asked *asked, size_t count, const struct rights_answer *ours, size_t *wrong, uint8_t *theirs) {
    static struct postgres_peer peer = {.table = -1};
    peer.db = PQconnectdb(url);
    CHECK(PQstatus(peer.db) == CONNECTION_OK);
    PQclear(postgres_run(peer.db, "CREATE SCHEMA bench_rights; SET search_path = bench_rights; SET synchronous_commit = off; SET work_mem = '256MB'; SET max_parallel_workers_per_gather = 0", PGRES_COMMAND_OK));
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        char text[512];
        create_text(text, sizeof text, (int)t, "BIGINT");
        PQclear(postgres_run(peer.db, text, PGRES_COMMAND_OK));
    }
    rows_give(asked, count, postgres_put, &peer);
    postgres_flush(&peer, -1);
    PQclear(postgres_run(peer.db, index_text, PGRES_COMMAND_OK));
    PQclear(postgres_run(peer.db, "ANALYZE", PGRES_COMMAND_OK));
    PGresult *prepared = PQprepare(peer.db, "one", ONE("$", "::bigint"), 8, NULL);
    if (PQresultStatus(prepared) != PGRES_COMMAND_OK) fprintf(stderr, "%s\n", PQerrorMessage(peer.db)), exit(1);
    PQclear(prepared);
    size_t singles = count < SINGLE ? count : SINGLE;
    double start = now_s();
    for (size_t i = 0; i < singles; i++) {
        int64_t values[8];
        char texts[8][24];
        const char *pointers[8];
        one_values(&asked[i], values);
        for (int k = 0; k < 8; k++) {
            snprintf(texts[k], sizeof texts[k], "%lld", (long long)values[k]);
            pointers[k] = texts[k];
        }
        PGresult *r = PQexecPrepared(peer.db, "one", 8, pointers, NULL, NULL, 0);
        CHECK(PQresultStatus(r) == PGRES_TUPLES_OK);
        theirs[i] = (uint8_t)atoi(PQgetvalue(r, 0, 0));
        PQclear(r);
    }
    double spent = now_s() - start;
    *wrong = disagreements(theirs, ours, asked, singles, "PostgreSQL, one by one");
    memset(theirs, 11, count);
    PGresult *r = postgres_run(peer.db, all_text, PGRES_TUPLES_OK);
    for (int i = 0; i < PQntuples(r); i++) theirs[atoll(PQgetvalue(r, i, 0))] = (uint8_t)atoi(PQgetvalue(r, i, 1));
    PQclear(r);
    *wrong += disagreements(theirs, ours, asked, count, "PostgreSQL");
    PQclear(postgres_run(peer.db, "DROP SCHEMA bench_rights CASCADE", PGRES_COMMAND_OK));
    PQfinish(peer.db);
    return spent / (double)singles;
}

/* --- ours --- */

static volatile uint64_t kept; /* so that nothing is left out as unused */

static double decide_time(const struct rights_index *ix, const struct asked *asked, size_t count, size_t times) {
    double least = 0;
    for (int round = 0; round < 3; round++) {
        double start = cpu_s();
        uint64_t sum = 0;
        for (size_t n = 0; n < times; n++)
            for (size_t i = 0; i < count; i++) {
                struct rights_answer a;
                rights_index_decide(ix, &asked[i].q, &a);
                sum += (uint64_t)a.reason + (uint64_t)a.until_s;
            }
        least = best(least, (cpu_s() - start) / (double)(count * times));
        kept += sum;
    }
    return least;
}
static double decide_many_time(const struct rights_index *ix, const struct asked *asked, size_t count) {
    enum { AT_ONCE = 64 };
    double least = 0;
    for (int round = 0; round < 3; round++) {
        struct rights_question q[AT_ONCE];
        struct rights_answer a[AT_ONCE];
        double start = cpu_s();
        for (size_t i = 0; i + AT_ONCE <= count; i += AT_ONCE) {
            for (int k = 0; k < AT_ONCE; k++) q[k] = asked[i + (size_t)k].q;
            rights_index_decide_many(ix, q, AT_ONCE, a);
            kept += (uint64_t)a[7].until_s;
        }
        least = best(least, (cpu_s() - start) / (double)(count / AT_ONCE * AT_ONCE));
    }
    return least;
}

static int by_size(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }

/* 10,000 lines of one title; then 200 new ones, one by one. */
static void conflicts_measure(double *median, double *p99, double *decision, double *mean_found) {
    enum { NEW = 200 };
    struct index_line *many = malloc(LARGE * sizeof *many);
    CHECK(many);
    for (int i = 0; i < LARGE; i++) many[i] = line_make(1 + i, LARGE_TITLE);
    struct rights_index *ix;
    must(rights_index_create(&ix, deals, DEALS, many, LARGE));
    struct arena *mem = arena_create(64 << 20);
    double times[NEW];
    size_t found = 0;
    for (int i = 0; i < NEW; i++) {
        struct index_line n = line_make(0, LARGE_TITLE);
        n.starts_s = from_s + day_s * (int64_t)below(3000);
        n.ends_s = n.starts_s + day_s * 90;
        n.media = (uint16_t)(1u << below(RIGHTS_MEDIA)); /* as such lines are: one medium, a few countries, some months */
        n.territories = sets[1 + 3 * below(SETS / 3)];
        n.is_exclusive = false;
        n.effect = RIGHTS_ALLOW;
        struct index_deal deal = {.id = 99999, .party_id = 9999, .direction = RIGHTS_OUT, .status = RIGHTS_DRAFT};
        int64_t above = LARGE_TITLE;
        struct index_conflicts_ask ask = {.line = &n, .deal = &deal, .above = &above, .above_count = 1, .limit = 100};
        times[i] = 0;
        for (int round = 0; round < 5; round++) {
            struct rights_conflict_list list = {0};
            arena_reset(mem);
            double start = cpu_s();
            must(rights_index_conflicts(ix, mem, &ask, &list));
            times[i] = best(times[i], cpu_s() - start);
            if (!round) found += list.count;
        }
    }
    qsort(times, NEW, sizeof *times, by_size);
    *median = times[NEW / 2];
    *p99 = times[NEW * 99 / 100];
    *mean_found = (double)found / NEW;
    struct asked asked[1000];
    for (int i = 0; i < 1000; i++) asked[i] = question_make(LARGE_TITLE);
    *decision = decide_time(ix, asked, 1000, 20);
    arena_destroy(&mem);
    rights_index_destroy(&ix);
    free(many);
}

/* An exclusive sale of a series whose 10,000 episodes our own service runs, each by a licence of its own. Of every tenth the sale takes something; what the others run it does not touch. */
static double runs_time(size_t *found) {
    struct index_line *licences = malloc(RUNS * sizeof *licences);
    struct index_run *runs = malloc(RUNS * sizeof *runs);
    int64_t *episodes = malloc(RUNS * sizeof *episodes), above = LARGE_TITLE;
    CHECK(licences && runs && episodes);
    struct index_deal parties[] = {{.id = 1, .party_id = 1, .direction = RIGHTS_IN, .status = RIGHTS_ACTIVE}, {.id = 2, .party_id = 2, .direction = RIGHTS_OUT, .status = RIGHTS_DRAFT}};
    uint32_t world;
    struct slice bad;
    must(rights_territories_of(SLICE("WORLD"), &world, &bad));
    const struct index_line terms = {.deal_id = 1, .territories = world, .media = RIGHTS_ALL_MEDIA, .starts_s = from_s, .ends_s = RIGHTS_ENDLESS, .may_sublicense = true};
    for (int i = 0; i < RUNS; i++) {
        episodes[i] = LARGE_TITLE + 1 + i;
        licences[i] = terms;
        licences[i].id = 1 + i;
        licences[i].title_id = episodes[i];
        runs[i] = (struct index_run){.titles = {episodes[i], LARGE_TITLE}, .territories = sets[below(SETS)], .from_s = from_s, .to_s = RIGHTS_ENDLESS,
                                     .media = (uint16_t)(1u << (i % 10 ? RIGHTS_SUBSCRIPTION : RIGHTS_FREE))};
    }
    struct rights_index *ix;
    must(rights_index_create(&ix, parties, 1, licences, RUNS));
    struct index_line sale = {.title_id = LARGE_TITLE, .deal_id = 2, .territories = world, .media = 1u << RIGHTS_FREE, .is_exclusive = true, .starts_s = from_s, .ends_s = RIGHTS_ENDLESS};
    struct index_conflicts_ask ask = {.line = &sale, .deal = &parties[1], .above = &above, .above_count = 1, .below = episodes, .below_count = RUNS, .runs = runs, .run_count = RUNS, .limit = 1000000};
    struct arena *mem = arena_create(64 << 20);
    double least = 0;
    for (int round = 0; round < 5; round++) {
        struct rights_conflict_list list = {0};
        arena_reset(mem);
        double start = cpu_s();
        must(rights_index_conflicts(ix, mem, &ask, &list));
        least = best(least, cpu_s() - start);
        *found = list.count;
    }
    CHECK(*found >= RUNS / 10);
    arena_destroy(&mem);
    rights_index_destroy(&ix);
    free(episodes);
    free(runs);
    free(licences);
    return least;
}

static double avails_time(const struct rights_index *ix, size_t *items) {
    enum { COUNT = 1000 };
    static int64_t titles[COUNT][3];
    double least = 0;
    for (int i = 0; i < COUNT; i++) {
        titles[i][0] = 1 + (int64_t)below(TITLES);
        titles[i][1] = series_of(titles[i][0]);
    }
    for (int round = 0; round < 4; round++) {
        struct arena *mem = arena_create(256 << 20);
        struct rights_avails_ask ask = {.titles = titles, .title_count = COUNT, .from_s = from_s + 700 * day_s, .to_s = from_s + 1065 * day_s, .limit = SIZE_MAX};
        struct rights_avail_list list;
        double start = cpu_s();
        must(rights_index_avails(ix, mem, &ask, &list));
        least = best(least, cpu_s() - start);
        *items = list.count;
        arena_destroy(&mem);
    }
    return least;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: rights_bench FOLDER QUESTIONS [POSTGRES_URL]\n");
        return 2;
    }
    size_t count = (size_t)atoll(argv[2]);
    if (count < HOT) count = HOT;
    book_make();
    struct rights_index *ix = NULL;
    double compile = 0;
    for (int round = 0; round < 2; round++) {
        rights_index_destroy(&ix);
        double start = cpu_s();
        must(rights_index_create(&ix, deals, DEALS, lines, LINES));
        compile = best(compile, cpu_s() - start);
    }
    struct rights_index_stats stats = rights_index_stats(ix);
    struct asked *asked = malloc(count * sizeof *asked), hot[HOT];
    struct rights_answer *answers = malloc(count * sizeof *answers);
    uint8_t *theirs = malloc(count);
    CHECK(asked && answers && theirs);
    for (size_t i = 0; i < HOT; i++) hot[i] = question_make(1 + (int64_t)below(20)); /* what everybody watches tonight */
    for (size_t i = 0; i < count; i++) asked[i] = question_make(1 + (int64_t)below(TITLES));
    size_t reasons[RIGHTS_REASONS] = {0};
    for (size_t i = 0; i < count; i++) {
        rights_index_decide(ix, &asked[i].q, &answers[i]);
        reasons[answers[i].reason]++;
    }
    double hot_s = decide_time(ix, hot, HOT, 1000), random_s = decide_time(ix, asked, count, 1), many_s = decide_many_time(ix, asked, count);
    double conflict_s, conflict_p99_s, large_s, conflicts_found;
    conflicts_measure(&conflict_s, &conflict_p99_s, &large_s, &conflicts_found);
    size_t runs_found;
    double runs_s = runs_time(&runs_found);
    size_t items;
    double avails_s = avails_time(ix, &items);

    size_t sqlite_wrong = 0, postgres_wrong = 0;
    double sqlite_s = sqlite_measure(argv[1], asked, count, answers, &sqlite_wrong, theirs), postgres_s = 0;
    if (argc > 3) postgres_s = postgres_measure(argv[3], asked, count, answers, &postgres_wrong, theirs);

    printf("what (%llu lines of %llu titles, %llu scopes) | ours | SQLite | PostgreSQL | ratio to the faster | aim\n", (unsigned long long)stats.lines, (unsigned long long)stats.titles,
           (unsigned long long)stats.scopes);
    double peer = postgres_s && postgres_s < sqlite_s ? postgres_s : sqlite_s;
    printf("decision, hot titles | %.1f ns | - | - | - | <= 50 ns\n", 1e9 * hot_s);
    printf("decision, random titles | %.1f ns | %.1f us | %.1f us | %.0f | <= 120 ns\n", 1e9 * random_s, 1e6 * sqlite_s, 1e6 * postgres_s, peer / random_s);
    printf("decision, random titles, 64 at once | %.1f ns | - | - | %.0f | -\n", 1e9 * many_s, peer / many_s);
    printf("decision, title with %d lines | %.1f ns | - | - | - | -\n", LARGE, 1e9 * large_s);
    printf("memory | %.1f bytes a line | - | - | - | <= 40\n", (double)stats.bytes / (double)stats.lines);
    printf("compile from rows in memory | %.2f s | - | - | - | -\n", compile);
    printf("contradictions of a line with %d of its title (%.1f found) | median %.1f us, 99 of 100 within %.1f us | - | - | - | <= 20 us\n", LARGE, conflicts_found, 1e6 * conflict_s, 1e6 * conflict_p99_s);
    printf("contradictions of an exclusive sale with %d titles run (%zu found) | %.1f ms | - | - | - | -\n", RUNS, runs_found, 1e3 * runs_s);
    printf("availability, 1000 titles x 249 countries x 1 year (%zu items) | %.1f ms | - | - | - | <= 50 ms\n", items, 1e3 * avails_s);
    printf("answers that differ, of %zu | - | %zu | %zu | - | 0\n", count, sqlite_wrong, postgres_wrong);
    printf("reasons:");
    for (int i = 0; i < RIGHTS_REASONS; i++) printf(" %s %zu", rights_reason_code((enum rights_reason)i), reasons[i]);
    printf("\n");
    free(theirs);
    free(answers);
    free(asked);
    free(lines);
    rights_index_destroy(&ix);
    return sqlite_wrong || postgres_wrong;
}
