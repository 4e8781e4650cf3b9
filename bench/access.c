/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The whole decision to play, from memory, against the same decision asked of the database: 10,000 titles of which half are free, a third blacked out
 * somewhere; 64 households with profiles and grants; viewers in eight countries, titles drawn by Zipf's law. The peer reads the lines of the
 * title, the household and its profiles, its grants and its running streams from the same store (SQLite, all of it in the page cache), and must come to
 * the same answer each time. Prints medians of interleaved rounds. Started by bench/access. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/rng.h"
#include "business/access/access.h"
#include "system/keys/keys.h"
#include "system/mail/mail.h"

enum { TITLES = 10000, HOUSEHOLDS = 64, QUESTIONS = 1 << 16, ROUNDS = 5, ASKED_OF_STORE = 400, LINES_AT_ONCE = 500 };

static void must(struct err e) {
    if (!e.kind) return;
    fprintf(stderr, "access_bench: %s: %s\n", e.code, e.what);
    exit(1);
}
static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct bench {
    struct db *db;
    struct id_maker *ids;
    struct keys *keys;
    struct mail *mail;
    struct account *account;
    struct catalog *catalog;
    struct rights *rights;
    struct delivery *delivery;
    struct access *access;
    struct catalog_view *view;
    int64_t org_id, titles[TITLES], households[HOUSEHOLDS], profiles[HOUSEHOLDS];
};

struct batch {
    struct bench *b;
    size_t from;
};
static struct err titles_fn(struct db_tx *tx, void *arg) {
    struct batch *batch = arg;
    struct bench *b = batch->b;
    struct err e = ERR_OK;
    for (size_t i = batch->from; !e.kind && i < batch->from + 1000; i++) {
        struct public_id id = public_id_random();
        struct catalog_change ch = {.has_kind = true, .kind = CATALOG_FILM, .has_is_free = true, .is_free = i % 2};
        ch.texts[0].has_name = true;
        ch.texts[0].name = SLICE("The Long Run");
        e = catalog_create_in(tx, b->org_id, b->titles[i], &id, &ch, CATALOG_READY);
        if (!e.kind) e = rights_house_line_in(b->rights, tx, b->org_id, b->titles[i]);
    }
    return e;
}

/* A third of the titles are blacked out in two countries for a while. */
static void blackouts_make(struct bench *b, int64_t now) {
    struct public_id party, deal;
    static struct rights_line_new lines[LINES_AT_ONCE];
    struct slice bad;
    uint32_t where;
    must(rights_territories_of(SLICE("TH,AT"), &where, &bad));
    must(rights_party_create(b->rights, b->org_id, &(struct rights_party_change){.has_name = true, .name = SLICE("Studio")}, &party));
    must(rights_deal_create(b->rights, b->org_id, &(struct rights_deal_new){.reference = SLICE("S-1"), .party = public_id_slice(&party), .direction = RIGHTS_IN,
                                                                           .status = RIGHTS_ACTIVE}, 0, &deal));
    for (size_t at = 0; at < TITLES;) {
        size_t count = 0, wrong;
        for (; count < LINES_AT_ONCE && at < TITLES; at += 3)
            lines[count++].terms = (struct rights_terms){.title_id = b->titles[at], .effect = RIGHTS_BLACKOUT, .media = RIGHTS_ALL_MEDIA, .territories = where,
                                                         .starts_s = now - 86400, .ends_s = now + 86400 * (int64_t)(1 + at % 30), .note = SLICE("")};
        struct arena *arena = arena_create(64 << 20);
        struct rights_appended appended;
        must(rights_lines_append(b->rights, arena, b->org_id, &(struct rights_lines_new){.deal = public_id_slice(&deal), .items = lines, .count = count,
                                                                                        .accepts_conflicts = true}, &appended, &wrong));
        arena_destroy(&arena);
    }
}

/* As a viewer does it: signs up, finds the code in the letter, confirms. */
static void household_make(struct bench *b, size_t n) {
    char email[64], peer[32];
    snprintf(email, sizeof email, "viewer%zu@example.org", n);
    snprintf(peer, sizeof peer, "192.0.2.%zu", n);
    struct account_from from = {.peer = slice_cstr(peer), .origin = SLICE("http://localhost:8080"), .lang = SLICE("en")};
    struct account_sign_up wish = {.email = slice_cstr(email), .password = SLICE("vier Birnen im Regen"), .name = SLICE("Erika"), .country = SLICE("DE"), .lang = SLICE("en")};
    must(account_sign_up(b->account, b->org_id, &wish, &from));
    struct arena *arena = arena_create(8 << 20);
    struct mail_list mails;
    must(mail_list(b->mail, arena, b->org_id, 0, 1, &mails));
    size_t at = mails.count ? slice_find(mails.items[0].text, SLICE("#code=")) : SLICE_NPOS;
    assert(at != SLICE_NPOS);
    struct slice code = slice_sub(mails.items[0].text, at + 6, at + 6 + ACCOUNT_SECRET_LEN);
    struct account_entry entry;
    must(account_confirm(b->account, b->org_id, code, &from, &entry));
    b->households[n] = entry.who.household_id;
    struct account_household_facts facts;
    must(account_household_load(b->account, b->org_id, entry.who.household_id, &facts));
    b->profiles[n] = facts.profiles[0].profile_id;
    arena_destroy(&arena);
}

static void bench_open(struct bench *b, const char *folder) {
    static const struct db_schema *const schemas[] = {&mail_schema, &account_schema, &catalog_schema, &rights_schema, &delivery_schema, &access_schema};
    char path[512];
    snprintf(path, sizeof path, "%s/bench.db", folder);
    must(db_open(&b->db, &(struct db_options){.url = path}));
    must(db_migrate(b->db, schemas, ARRAY_LEN(schemas)));
    const struct clock *clock = clock_system();
    b->ids = id_maker_create(clock, 0);
    snprintf(path, sizeof path, "%s/keys", folder);
    must(keys_open(&b->keys, path));
    must(mail_open(&b->mail, &(struct mail_options){.db = b->db, .clock = clock, .ids = b->ids, .keys = b->keys}));
    must(account_open(&b->account, &(struct account_options){.db = b->db, .clock = clock, .ids = b->ids, .keys = b->keys, .mail = b->mail,
                                                            .password_bytes = 8192, .password_passes = 1}));
    b->org_id = account_org_of_host(b->account, SLICE_NONE);
    must(catalog_open(&b->catalog, b->db, b->ids));
    must(rights_open(&b->rights, &(struct rights_options){.db = b->db, .clock = clock, .ids = b->ids, .catalog = b->catalog}));
    must(delivery_open(&b->delivery, &(struct delivery_options){.db = b->db, .clock = clock, .ids = b->ids}));
    must(access_open(&b->access, &(struct access_options){.db = b->db, .clock = clock, .ids = b->ids, .account = b->account, .catalog = b->catalog,
                                                          .rights = b->rights, .delivery = b->delivery}));
    for (size_t i = 0; i < TITLES; i++) b->titles[i] = id_next(b->ids);
    for (size_t i = 0; i < TITLES; i += 1000) {
        struct batch batch = {b, i};
        must(db_write(b->db, titles_fn, &batch));
    }
    must(rights_refresh(b->rights));
    must(catalog_view_take(b->catalog, b->org_id, &b->view));
    int64_t now = utc_seconds(clock_utc(clock));
    blackouts_make(b, now);
    for (size_t i = 0; i < HOUSEHOLDS; i++) {
        household_make(b, i);
        for (size_t g = 0; g < 8; g++) {
            struct access_grant grant;
            must(access_grant_add(b->access, b->org_id, b->households[i], b->titles[(i * 8 + g) * 7 % TITLES], RIGHTS_RENTAL, now + 86400, 0, &grant));
        }
    }
}

static void bench_close(struct bench *b) {
    catalog_view_give(&b->view);
    access_stop(b->access);
    rights_close(&b->rights);
    catalog_close(&b->catalog);
    account_close(&b->account);
    access_close(&b->access);
    delivery_close(&b->delivery);
    mail_close(&b->mail);
    keys_close(&b->keys);
    id_maker_destroy(&b->ids);
    db_close(&b->db);
}

/* --- questions --- */

struct asked {
    struct access_viewer viewer;
    const struct catalog_title *title;
};

static void questions_make(struct bench *b, struct asked *out, bool is_zipf) {
    static const char *const countries[] = {"DE", "DE", "DE", "TH", "AT", "US", "CN", "FR"};
    struct rng rng = rng_seeded(is_zipf ? 1 : 2);
    for (size_t i = 0; i < QUESTIONS; i++) {
        /* Zipf with exponent 1 by its inverse: rank r with probability 1 / (r ln n). */
        size_t rank = is_zipf ? (size_t)exp(rng_unit(&rng) * log(TITLES)) - 1 : rng_below(&rng, TITLES), home = rng_below(&rng, HOUSEHOLDS + 8);
        out[i].title = catalog_find_id(b->view, b->titles[rank * 7919 % TITLES]);
        out[i].viewer = (struct access_viewer){.org_id = b->org_id, .has_shown_pin = true};
        if (home < HOUSEHOLDS) {
            out[i].viewer.household_id = b->households[home];
            out[i].viewer.profile_id = b->profiles[home];
        }
        memcpy(out[i].viewer.place.country, countries[rng_below(&rng, ARRAY_LEN(countries))], 3);
    }
}

static struct access_question question_of(struct bench *b, const struct asked *a, int64_t at_s) {
    return (struct access_question){.viewer = &a->viewer, .view = b->view, .title = a->title, .at_s = at_s};
}

static double from_memory_ns(struct bench *b, const struct asked *asked, int64_t at_s, uint64_t *allowed) {
    double start = now_s();
    for (size_t i = 0; i < QUESTIONS; i++) {
        struct access_question q = question_of(b, &asked[i], at_s);
        *allowed += access_decide(b->access, &q).is_allowed;
    }
    return (now_s() - start) / QUESTIONS * 1e9;
}

/* --- the peer: the same, asked of the store --- */

struct peer_work {
    struct bench *b;
    struct arena *arena;
    const struct asked *asked;
    int64_t at_s;
    struct db_rows grants, profiles, streams;
};
static const struct db_statement peer_grants = {
    "bench.grants", "SELECT medium FROM access_grant WHERE household_id = :household_id AND title_id = :title_id AND removed_s IS NULL AND starts_s <= :now_s AND ends_s > :now_s"};
static const struct db_statement peer_profiles = {"bench.profiles", "SELECT * FROM profile WHERE household_id = :household_id"};
static const struct db_statement peer_streams = {
    "bench.streams", "SELECT COUNT(*) AS count FROM playback WHERE household_id = :household_id AND ended_s IS NULL AND renewed_s > :now_s - 300"};
static struct err peer_fn(struct db_tx *tx, void *arg) {
    struct peer_work *w = arg;
    int64_t household_id = w->asked->viewer.household_id;
    struct err e = DB_QUERY(tx, w->arena, &w->grants, &peer_grants, DB_INT("household_id", household_id), DB_INT("title_id", w->asked->title->id), DB_INT("now_s", w->at_s));
    if (!e.kind) e = DB_QUERY(tx, w->arena, &w->profiles, &peer_profiles, DB_INT("household_id", household_id));
    return e.kind ? e : DB_QUERY(tx, w->arena, &w->streams, &peer_streams, DB_INT("household_id", household_id), DB_INT("now_s", w->at_s));
}

static bool from_store(struct bench *b, struct arena *arena, const struct asked *a, int64_t at_s) {
    struct peer_work w = {.b = b, .arena = arena, .asked = a, .at_s = at_s};
    must(db_read(b->db, peer_fn, &w));
    struct rights_question q = {.titles = {a->title->id}, .at_s = at_s};
    bool has_place = rights_place_parse(slice_cstr(a->viewer.place.country), SLICE_NONE, &q.place), is_allowed = false;
    assert(has_place);
    size_t ways = w.grants.count + a->title->is_free;
    for (size_t i = 0; i < ways && !is_allowed; i++) {
        struct rights_answer answer;
        q.medium = i < w.grants.count ? (enum rights_medium)db_int(&w.grants, i, "medium") : RIGHTS_FREE;
        must(rights_decide_known(b->rights, b->org_id, &q, 1, at_s + 5, &answer)); /* lines that were written in this second are known */
        is_allowed = answer.is_allowed;
    }
    bool has_profile = !a->viewer.household_id || w.profiles.count > 0;
    return is_allowed && has_profile && db_int(&w.streams, 0, "count") < ACCOUNT_STREAMS_DEFAULT;
}

static int by_size(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }
static double median(double *list) {
    qsort(list, ROUNDS, sizeof *list, by_size);
    return list[ROUNDS / 2];
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: access_bench FOLDER\n");
        return 2;
    }
    log_configure(LOG_WARN, LOG_FORMAT_LOGFMT, 2);
    static struct bench b;
    bench_open(&b, argv[1]);
    int64_t at_s = utc_seconds(clock_utc(clock_system()));
    struct asked *hot = malloc(QUESTIONS * sizeof *hot), *random = malloc(QUESTIONS * sizeof *random);
    assert(hot && random);
    questions_make(&b, hot, true);
    questions_make(&b, random, false);
    double hot_ns[ROUNDS], random_ns[ROUNDS], store_ns[ROUNDS];
    uint64_t allowed = 0, differ = 0, yes = 0;
    from_memory_ns(&b, random, at_s, &allowed); /* warm */
    for (int r = 0; r < ROUNDS; r++) {
        hot_ns[r] = from_memory_ns(&b, hot, at_s, &allowed);
        random_ns[r] = from_memory_ns(&b, random, at_s, &allowed);
        struct arena *arena = arena_create(64 << 20);
        bool answers[ASKED_OF_STORE];
        const struct asked *asked = random + r * ASKED_OF_STORE;
        double start = now_s();
        for (size_t i = 0; i < ASKED_OF_STORE; i++) answers[i] = from_store(&b, arena, &asked[i], at_s);
        store_ns[r] = (now_s() - start) / ASKED_OF_STORE * 1e9;
        arena_destroy(&arena);
        for (size_t i = 0; i < ASKED_OF_STORE; i++) {
            struct access_question q = question_of(&b, &asked[i], at_s);
            bool ours = access_decide(b.access, &q).is_allowed;
            differ += ours != answers[i];
            yes += ours;
        }
    }
    double ours = median(random_ns), peer = median(store_ns);
    printf("what (one decision to play, 10,000 titles; peer: the same asked of SQLite) | ours | peer | ratio | aim\n");
    printf("titles by Zipf's law | %.0f ns | %.0f ns | %.0f | <= 1000 ns\n", median(hot_ns), peer, peer / median(hot_ns));
    printf("titles at random | %.0f ns | %.0f ns | %.0f | <= 1000 ns\n", ours, peer, peer / ours);
    printf("%d decisions asked of both, %d of them yes, %d differ (aim 0)\n", ROUNDS * ASKED_OF_STORE, (int)yes, (int)differ);
    free(hot);
    free(random);
    bench_close(&b);
    return differ ? 1 : 0;
}
