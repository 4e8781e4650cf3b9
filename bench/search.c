/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Searching a catalogue of 100,000 titles with names, people and synopses in four languages, as a viewer types: beginnings of names letter by
 * letter, whole names, two words, people, slips of the finger, Chinese and Thai. The peer, in the same run, is SQLite's FTS5 with
 * trigrams over the same texts, asked the same questions in turns (where a question is shorter than a trigram it scans with LIKE, as its
 * documentation says). Everything is made from a seed. Usage: search_bench FOLDER [TITLES] */
#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "business/catalog/catalog.h"

enum { WORDS = 12000, PERSONS = 20000, ORG = 1, QUERIES = 3000, PEER_EACH = 12, CHANGES = 200 };

static double now_s(void) { return (double)clock_mono(clock_system()).ns / 1e9; }
/* What a question costs is processor time of this thread: on a machine that others use too, the rest is theirs. */
static double cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static void must(struct err e) {
    if (!e.kind) return;
    fprintf(stderr, "%s: %s\n", e.code, e.what);
    exit(1);
}

/* --- a catalogue --- */

static struct rng rng;
static char latin[2][WORDS][24];
static const char *const thai[] = {"รัก", "สยาม", "ภูเขา", "แม่น้ำ", "ดวงจันทร์", "ฟุตบอล", "โลก", "การแข่งขัน", "กรุงเทพ", "ทะเล", "เพื่อน", "บ้าน", "โรงเรียน", "ตำรวจ", "หมอ", "ครู", "เด็ก",
                                   "ผู้หญิง", "ผู้ชาย", "วันหยุด", "ความฝัน", "ความลับ", "สงคราม", "สันติภาพ", "เพลง", "ดนตรี", "อาหาร", "ตลาด", "ช้าง", "เสือ", "นก", "ปลา", "ดอกไม้", "ต้นไม้",
                                   "ฝน", "หิมะ", "ลม", "ไฟ", "น้ำ", "ดิน", "เมือง", "หมู่บ้าน", "ถนน", "รถไฟ", "เครื่องบิน", "เรือ", "จักรยาน", "นักวิ่ง", "นักร้อง", "พระจันทร์", "ดาว", "ฟ้า",
                                   "ราตรี", "เช้า", "เย็น", "ปีใหม่", "เทศกาล", "สุดท้าย", "แรก", "ใหม่", "เก่า", "ใหญ่", "เล็ก", "แดง", "ขาว", "ดำ", "ทอง", "เงิน"};

static void words_make(void) {
    static const char *const en[] = {"sta", "mo", "ri", "ver", "lo", "ne", "gra", "th", "ing", "er", "ar", "den", "ship", "win", "ter", "sum", "mer", "ca", "lle", "be", "tor", "ny", "qua", "st"};
    static const char *const de[] = {"schl", "ö", "ber", "ge", "stra", "ße", "en", "lich", "wald", "see", "rei", "fü", "hr", "ung", "kei", "mä", "tor", "haus", "zeit", "wun", "der", "stern", "pf", "au"};
    for (int lang = 0; lang < 2; lang++)
        for (int i = 0; i < WORDS; i++) {
            int parts = 2 + (int)rng_below(&rng, 3);
            latin[lang][i][0] = 0;
            for (int k = 0; k < parts; k++) {
                const char *part = lang ? de[rng_below(&rng, ARRAY_LEN(de))] : en[rng_below(&rng, ARRAY_LEN(en))];
                if (strlen(latin[lang][i]) + strlen(part) < 22) strcat(latin[lang][i], part);
            }
        }
}
/* By Zipf's law, near enough: the k-th word about 1/k as often as the first. */
static size_t zipf(size_t n) {
    double u = rng_unit(&rng);
    double at = 1;
    for (double x = (double)n; u > 0; u -= 0.12) at = at * (1 + rng_unit(&rng) * 3.2 * (x > at));
    return (size_t)at % n;
}
static void latin_put(struct buf *out, int lang, int count) {
    for (int i = 0; i < count; i++) buf_printf(out, "%s%s", i ? " " : "", latin[lang][zipf(WORDS)]);
}
static void chinese_put(struct buf *out, int count) {
    for (int i = 0; i < count; i++) {
        char c[4];
        buf_bytes(out, c, utf8_encode((uint32_t)(0x4E00 + zipf(3000) * 5), c));
    }
}
static void thai_put(struct buf *out, int count) {
    for (int i = 0; i < count; i++) buf_cstr(out, thai[rng_below(&rng, ARRAY_LEN(thai))]);
}
static int some(int from, int to) { return from + (int)rng_below(&rng, (uint64_t)(to - from + 1)); }

static char persons[PERSONS][50];
static void catalogue_make(struct buf *out, int titles) {
    static const char *const genres[] = {"drama", "sport", "comedy", "documentary", "nature", "music", "history", "thriller"};
    for (int i = 0; i < PERSONS; i++) snprintf(persons[i], sizeof persons[i], "%s %s %d", latin[0][rng_below(&rng, 400)], latin[1][rng_below(&rng, WORDS)], i);
    buf_cstr(out, "external_id,kind,year,genres,name_en,name_de,name_zh,name_th,synopsis_en,synopsis_de,synopsis_zh,synopsis_th,people\n");
    for (int i = 0; i < titles; i++) {
        buf_printf(out, "n:%d,collection,%d,%s,", i, some(1950, 2026), genres[rng_below(&rng, ARRAY_LEN(genres))]);
        latin_put(out, 0, some(1, 4));
        buf_cstr(out, ",");
        latin_put(out, 1, some(1, 3));
        buf_cstr(out, ",");
        chinese_put(out, some(2, 8));
        buf_cstr(out, ",");
        thai_put(out, some(1, 4));
        buf_cstr(out, ",");
        latin_put(out, 0, some(8, 16));
        buf_cstr(out, ",");
        latin_put(out, 1, some(8, 16));
        buf_cstr(out, ",");
        chinese_put(out, some(15, 30));
        buf_cstr(out, ",");
        thai_put(out, some(5, 10));
        buf_cstr(out, ",");
        for (int k = some(1, 3); k > 0; k--) buf_printf(out, "cast: %s%s", persons[rng_below(&rng, PERSONS)], k > 1 ? "; " : "");
        buf_cstr(out, "\n");
    }
}

/* --- questions --- */

enum sort { LETTER, BEGINNING, NAME, TWO_WORDS, PERSON, SLIP, CHINESE, THAI, SORTS };
static const char *const sort_names[] = {"one or two letters", "a beginning", "a whole name", "two words", "a person", "with a slip", "Chinese", "Thai"};
struct question {
    enum sort sort;
    char text[400];
    int64_t meant; /* the title whose texts it was made from */
    double ours_ms, peer_ms;
    bool ours_has, peer_has, asked_peer;
};

static size_t cut_at_char(struct slice s, size_t chars) {
    size_t at = 0;
    while (chars-- && at < s.len) at += utf8_step(slice_sub(s, at, s.len));
    return at;
}
static void question_make(struct question *q, const struct catalog_view *v) {
    const struct catalog_title *t = v->titles[rng_below(&rng, v->count)];
    struct slice name = t->texts[rng_below(&rng, 2)].name;
    q->meant = t->id;
    q->sort = (enum sort)rng_below(&rng, SORTS);
    switch (q->sort) {
    case LETTER: name = slice_sub(name, 0, cut_at_char(name, (size_t)some(1, 2))); break;
    case BEGINNING: name = slice_sub(name, 0, cut_at_char(name, (size_t)some(3, 7))); break;
    case TWO_WORDS:
        name = t->texts[0].name;
        snprintf(q->text, sizeof q->text, "%.*s %.*s", SLICE_ARG(slice_sub(name, 0, slice_find_byte(name, ' '))), SLICE_ARG(slice_sub(t->texts[1].name, 0, slice_find_byte(t->texts[1].name, ' '))));
        return;
    case PERSON: name = catalog_find_person(v, t->people[0].person_id)->names[0]; break;
    case CHINESE: name = slice_sub(t->texts[2].name, 0, cut_at_char(t->texts[2].name, (size_t)some(2, 4))); break;
    case THAI: name = slice_sub(t->texts[3].name, 0, cut_at_char(t->texts[3].name, (size_t)some(3, 12))); break;
    default: break;
    }
    snprintf(q->text, sizeof q->text, "%.*s", SLICE_ARG(name));
    size_t len = strlen(q->text);
    for (int tries = 0; q->sort == SLIP && tries < 50; tries++) { /* two neighbouring letters change places, in a word long enough */
        size_t at = rng_below(&rng, len);
        size_t from = at, to = at;
        while (from && q->text[from - 1] != ' ') from--;
        while (to < len && q->text[to] != ' ') to++;
        if (to - from < 5 || at + 1 >= to || q->text[at] == q->text[at + 1] || ((q->text[at] | q->text[at + 1]) & 0x80)) continue;
        char c = q->text[at];
        q->text[at] = q->text[at + 1];
        q->text[at + 1] = c;
        break;
    }
}

/* --- the peer --- */

struct peer {
    sqlite3 *db;
    sqlite3_stmt *match, *like;
};
static void sql(sqlite3 *db, const char *text) {
    char *wrong = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &wrong) == SQLITE_OK) return;
    fprintf(stderr, "%s\n", wrong);
    exit(1);
}
static double peer_open(struct peer *p, const struct catalog_view *v) {
    double start = cpu_s();
    sqlite3_stmt *add;
    if (sqlite3_open(":memory:", &p->db) != SQLITE_OK) exit(1);
    sql(p->db, "CREATE VIRTUAL TABLE title USING fts5(name, people, synopsis, tokenize='trigram'); BEGIN");
    if (sqlite3_prepare_v2(p->db, "INSERT INTO title(rowid, name, people, synopsis) VALUES(?1, ?2, ?3, ?4)", -1, &add, NULL) != SQLITE_OK) exit(1);
    struct buf name = BUF(1 << 16), people = BUF(1 << 16), synopsis = BUF(1 << 16);
    for (size_t i = 0; i < v->count; i++) {
        const struct catalog_title *t = v->titles[i];
        buf_clear(&name);
        buf_clear(&people);
        buf_clear(&synopsis);
        for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++) {
            buf_printf(&name, "%.*s\n", SLICE_ARG(t->texts[lang].name));
            buf_printf(&synopsis, "%.*s\n", SLICE_ARG(t->texts[lang].synopsis));
        }
        for (size_t k = 0; k < t->people_count; k++) buf_printf(&people, "%.*s\n", SLICE_ARG(catalog_find_person(v, t->people[k].person_id)->names[0]));
        sqlite3_bind_int64(add, 1, t->id);
        sqlite3_bind_text(add, 2, name.ptr, (int)name.len, SQLITE_STATIC);
        sqlite3_bind_text(add, 3, people.ptr ? people.ptr : "", (int)people.len, SQLITE_STATIC);
        sqlite3_bind_text(add, 4, synopsis.ptr, (int)synopsis.len, SQLITE_STATIC);
        if (sqlite3_step(add) != SQLITE_DONE) exit(1);
        sqlite3_reset(add);
    }
    sqlite3_finalize(add);
    sql(p->db, "COMMIT");
    if (sqlite3_prepare_v2(p->db, "SELECT rowid FROM title WHERE title MATCH ?1 ORDER BY bm25(title, 10.0, 5.0, 1.0) LIMIT 20", -1, &p->match, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(p->db, "SELECT rowid FROM title WHERE name LIKE '%' || ?1 || '%' LIMIT 20", -1, &p->like, NULL) != SQLITE_OK)
        exit(1);
    buf_free(&name);
    buf_free(&people);
    buf_free(&synopsis);
    return cpu_s() - start;
}
static void peer_ask(struct peer *p, struct question *q) {
    char match[900] = "";
    size_t chars = 0;
    for (const char *c = q->text; *c; c++) chars += ((unsigned char)*c & 0xc0) != 0x80;
    char words[400];
    snprintf(words, sizeof words, "%s", q->text);
    bool has_short = chars < 3;
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) /* every word, anywhere */
        snprintf(match + strlen(match), sizeof match - strlen(match), "\"%s\" ", word);
    double start = cpu_s();
    sqlite3_stmt *s = has_short ? p->like : p->match;
    sqlite3_bind_text(s, 1, has_short ? q->text : match, -1, SQLITE_TRANSIENT);
    while (sqlite3_step(s) == SQLITE_ROW) q->peer_has |= sqlite3_column_int64(s, 0) == q->meant;
    sqlite3_reset(s);
    q->peer_ms = (cpu_s() - start) * 1000;
    q->asked_peer = true;
}

/* --- measuring --- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}
static void row(const char *name, const struct question *questions, int sort) {
    static double ours[QUERIES], theirs[QUERIES];
    size_t count = 0, peers = 0, ours_has = 0, theirs_has = 0;
    for (int i = 0; i < QUERIES; i++) {
        if (sort >= 0 && (int)questions[i].sort != sort) continue;
        ours[count++] = questions[i].ours_ms;
        if (!questions[i].asked_peer) continue;
        theirs[peers++] = questions[i].peer_ms;
        ours_has += questions[i].ours_has;
        theirs_has += questions[i].peer_has;
    }
    if (!count || !peers) return;
    qsort(ours, count, sizeof *ours, by_size);
    qsort(theirs, peers, sizeof *theirs, by_size);
    printf("%-20s | %6.2f %6.2f %6.2f | %7.2f %7.2f %7.2f | %5.1f | %3zu%% %3zu%%\n", name, ours[count / 2], ours[count * 99 / 100], ours[count - 1], theirs[peers / 2],
           theirs[peers * 99 / 100], theirs[peers - 1], theirs[peers * 99 / 100] / ours[count * 99 / 100], ours_has * 100 / peers, theirs_has * 100 / peers);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: search_bench FOLDER [TITLES]\n");
        return 2;
    }
    int titles = argc > 2 ? atoi(argv[2]) : 100000;
    rng = rng_seeded(20261121);
    words_make();
    struct buf file = BUF(1 << 30);
    catalogue_make(&file, titles);
    char path[512];
    snprintf(path, sizeof path, "%s/ours.db", argv[1]);
    struct db *db;
    must(db_open(&db, &(struct db_options){.url = path}));
    static const struct db_schema *const schemas[] = {&catalog_schema};
    must(db_migrate(db, schemas, 1));
    struct id_maker *ids = id_maker_create(clock_system(), 0);
    struct catalog *catalog;
    must(catalog_open(&catalog, db, ids));
    struct arena *arena = arena_create((size_t)3 << 30);
    struct catalog_import_report report;
    double start = now_s();
    must(catalog_import(catalog, arena, ORG, CATALOG_CSV, buf_slice(&file), false, &report));
    printf("%zu titles and %zu people come in from %.0f MB of CSV in %.1f s\n", report.created, report.people, (double)file.len / 1e6, now_s() - start);
    buf_free(&file);
    arena_reset(arena);
    catalog_close(&catalog);

    must(catalog_open(&catalog, db, ids));
    struct catalog_view *v;
    start = now_s();
    must(catalog_view_take(catalog, ORG, &v));
    printf("first load of the view %.2f s; ", now_s() - start);
    struct catalog_hits hits;
    start = cpu_s();
    must(catalog_search(v, arena, &(struct catalog_question){.query = SLICE("x"), .lang = SLICE("en"), .shows_all = true}, &hits));
    printf("index of %zu MB made in %.2f s of processor time\n", catalog_search_bytes(v) >> 20, cpu_s() - start);
    struct peer peer;
    double peer_s = peer_open(&peer, v);
    printf("peer: FTS5 trigram, %lld MB made in %.2f s\n", (long long)sqlite3_memory_used() >> 20, peer_s);

    static struct question questions[QUERIES];
    for (int i = 0; i < QUERIES; i++) question_make(&questions[i], v);
    for (int i = 0; i < QUERIES; i++) {
        struct question *q = &questions[i];
        start = cpu_s();
        must(catalog_search(v, arena, &(struct catalog_question){.query = slice_cstr(q->text), .lang = SLICE("en"), .shows_all = true}, &hits));
        q->ours_ms = (cpu_s() - start) * 1000;
        for (size_t k = 0; k < hits.title_count; k++) q->ours_has |= hits.titles[k].title->id == q->meant;
        arena_reset(arena);
        if (i % PEER_EACH == 0) peer_ask(&peer, q);
    }
    printf("milliseconds of processor time: median, 99 of 100, longest   ours | peer | peer's p99 / ours | the title that was meant is among the first 20, ours, peer\n");
    for (int sort = 0; sort < SORTS; sort++) row(sort_names[sort], questions, sort);
    row("all (aim p99 <= 5)", questions, -1);

    double sum = 0, longest = 0;
    for (int i = 0; i < CHANGES; i++) {
        struct catalog_change ch = {.has_year = true, .year = 1900 + i % 100};
        struct public_id id = v->titles[rng_below(&rng, v->count)]->public_id;
        start = now_s();
        must(catalog_change(catalog, ORG, public_id_slice(&id), &ch));
        double ms = (now_s() - start) * 1000;
        sum += ms;
        if (ms > longest) longest = ms;
    }
    printf("one title changed, on disk, in the view and in the index: %.2f ms, longest %.2f ms\n", sum / CHANGES, longest);
    catalog_view_give(&v);
    catalog_close(&catalog);
    id_maker_destroy(&ids);
    db_close(&db);
    sqlite3_finalize(peer.match);
    sqlite3_finalize(peer.like);
    sqlite3_close(peer.db);
    arena_destroy(&arena);
    return 0;
}
