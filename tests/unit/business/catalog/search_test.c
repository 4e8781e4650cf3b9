/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/rng.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "business/catalog/search.h"
#include "business/catalog/typo.h"
#include "business/catalog/view.h"
#include "business/catalog/words.h"

enum { EN, DE, ZH, TH };
enum { ORG = 7 };

/* --- views without a database --- */

struct spec {
    const char *en, *de, *zh, *th, *original, *genres, *synopsis;
    int64_t person;
};
static struct slice keep(char **at, const char *text) {
    size_t len = text ? strlen(text) : 0;
    if (len) memcpy(*at, text, len);
    struct slice s = len ? slice_of(*at, len) : SLICE_NONE;
    *at += len;
    return s;
}
static struct public_id public_id_of(int64_t id) {
    char text[17];
    snprintf(text, sizeof text, "%016lld", (long long)id);
    struct public_id public_id;
    assert_true(public_id_parse(slice_cstr(text), &public_id));
    return public_id;
}
static struct catalog_title *title_of(int64_t id, const struct spec *s) {
    char *block = calloc(1, sizeof(struct catalog_title) + sizeof(struct catalog_credit) + 8000);
    struct catalog_title *t = (struct catalog_title *)block;
    struct catalog_credit *credit = (struct catalog_credit *)(t + 1);
    char *at = (char *)(credit + 1);
    t->id = id;
    t->org_id = ORG;
    t->public_id = public_id_of(id);
    const char *const names[] = {s->en, s->de, s->zh, s->th};
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) t->texts[i].name = keep(&at, names[i]);
    t->original_name = keep(&at, s->original);
    t->genres = keep(&at, s->genres);
    t->texts[EN].synopsis = keep(&at, s->synopsis);
    t->people = credit;
    credit->person_id = s->person;
    t->people_count = s->person != 0;
    return t;
}
static struct catalog_person *person_of(int64_t id, const char *en, const char *th) {
    struct catalog_person *p = calloc(1, sizeof *p + 400);
    char *at = (char *)(p + 1);
    p->id = id;
    p->org_id = ORG;
    p->public_id = public_id_of(id);
    p->names[EN] = keep(&at, en);
    p->names[TH] = keep(&at, th);
    return p;
}

static struct lock making[2] = {LOCK_INIT(LOCK_catalog_making), LOCK_INIT(LOCK_catalog_making)};
static struct catalog_view *view_of(const struct spec *specs, size_t count, struct catalog_person *person) {
    const struct catalog_title **titles = calloc(count + 1, sizeof *titles);
    const struct catalog_person *people[] = {person};
    for (size_t i = 0; i < count; i++) titles[i] = title_of((int64_t)i + 1, &specs[i]);
    struct catalog_view *v = view_create(ORG, making, titles, count, people, person != NULL, NULL, 0, NULL);
    free(titles);
    assert_non_null(v);
    return v;
}

/* --- asking --- */

static struct arena *arena;
static struct catalog_hits ask_in(const struct catalog_view *v, const char *query, const char *lang) {
    struct catalog_hits hits;
    struct catalog_question q = {.query = slice_cstr(query), .lang = slice_cstr(lang), .limit = 100};
    struct err e = catalog_search(v, arena, &q, &hits);
    assert_int_equal(e.kind, ERR_NONE);
    return hits;
}
static struct catalog_hits ask(const struct catalog_view *v, const char *query) { return ask_in(v, query, "en"); }
/* The ids that are found, best first: "3 1". */
static const char *ids_of(const struct catalog_hits *hits) {
    static char text[2000];
    size_t at = 0;
    text[0] = 0;
    for (size_t i = 0; i < hits->title_count && at < sizeof text - 24; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld", i ? " " : "", (long long)hits->titles[i].title->id);
    return text;
}
static void finds(const struct catalog_view *v, const char *query, const char *ids) {
    struct catalog_hits hits = ask(v, query);
    if (strcmp(ids_of(&hits), ids)) fail_msg("\"%s\" finds %s, not %s", query, ids_of(&hits), ids);
}
/* The found text with its ranges in brackets. */
static const char *marked(const struct catalog_match *m) {
    static char out[1200];
    size_t at = 0;
    uint32_t unit = 0;
    size_t range = 0;
    for (size_t i = 0; i < m->text.len && at < sizeof out - 8;) {
        uint32_t c;
        size_t step = utf8_decode(slice_sub(m->text, i, m->text.len), &c);
        if (range < m->range_count && unit == m->ranges[range].from) out[at++] = '[';
        memcpy(out + at, m->text.ptr + i, step);
        at += step;
        i += step;
        unit += c > 0xFFFF ? 2 : 1;
        if (range < m->range_count && unit == m->ranges[range].to) {
            out[at++] = ']';
            range++;
        }
    }
    out[at] = 0;
    return out;
}
static void shows(const struct catalog_view *v, const char *query, const char *lang, const char *text) {
    struct catalog_hits hits = ask_in(v, query, lang);
    assert_true(hits.title_count > 0);
    if (strcmp(marked(&hits.titles[0].match), text)) fail_msg("\"%s\" shows %s, not %s", query, marked(&hits.titles[0].match), text);
}

/* --- words --- */

struct listing {
    char text[1000];
    bool with_more;
};
static bool list_word(void *user, const struct word *w) {
    struct listing *l = user;
    if (w->is_more && !l->with_more) return true;
    size_t at = strlen(l->text);
    snprintf(l->text + at, sizeof l->text - at, "%s%.*s", at ? "|" : "", (int)w->len, w->term);
    return true;
}
static void words_are(const char *text, const char *expected, bool with_more) {
    struct listing l = {.with_more = with_more};
    words_walk(slice_cstr(text), list_word, &l);
    assert_string_equal(l.text, expected);
}

static void texts_become_words(void **state) {
    words_are("Straße nach ZÜRICH – 1. Teil", "strasse|nach|zurich|1|teil", false);
    words_are("L'Été à Łódź, Cœur d’Ørsted", "lete|a|lodz|coeur|dorsted", false);
    words_are("Nguyễn Ðặng Ｆｕｌｌ Ｗｉｄｔｈ", "nguyen|dang|full|width", false);
    words_are("Ёлка ΑΘΉΝΑΣ Война", "елка|αθηνασ|война", false);
    words_are("cafe\xcc\x81 ca\xcc\x81" "fe", "cafe|cafe", false); /* marks that stand for themselves */
    words_are("世界杯2026决赛", "世界|界杯|杯|2026|决赛|赛", true);
    words_are("山", "山", true);
    words_are("《流浪地球》", "流浪|浪地|地球", false);
    words_are("รักแห่งสยาม", "รัก|แห่ง|สยาม", false);
    words_are("รักแห่งสยาม", "รัก|รักแห่งสยาม|แห่ง|แห่งสยาม|สยาม", true);
    words_are("ฟุตบอลโลก ๒๕๖๙", "ฟุตบอล|โลก|2569", false);
    words_are("\xff\xfe ab\xc3 " "cd \xed\xa0\x80", "ab|cd", false); /* no UTF-8 */
    words_are("", "", true);
    words_are("…—!?", "", true);
}

/* --- distances --- */

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }
/* Optimal string alignment by its definition. */
static unsigned distance_plain(const uint32_t *a, size_t m, const uint32_t *b, size_t n, bool is_prefix) {
    static unsigned d[64][64];
    for (size_t i = 0; i <= m; i++) d[i][0] = (unsigned)i;
    for (size_t j = 0; j <= n; j++) d[0][j] = (unsigned)j;
    for (size_t i = 1; i <= m; i++)
        for (size_t j = 1; j <= n; j++) {
            d[i][j] = least(least(d[i - 1][j] + 1, d[i][j - 1] + 1), d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    unsigned best = d[m][n];
    for (size_t j = 0; is_prefix && j <= n; j++) best = least(best, d[m][j]);
    return best;
}
static size_t decode(struct slice s, uint32_t out[64]) {
    size_t count = 0;
    for (size_t at = 0; at < s.len;) {
        at += utf8_decode(slice_sub(s, at, s.len), &out[count]);
        count++;
    }
    return count;
}
static struct slice random_word(struct rng *rng, char *room, size_t chars_max) {
    static const char *const letters[] = {"a", "b", "c", "e", "n", "r", "s", "é", "я", "ก", "ข", "1"};
    size_t chars = 1 + rng_below(rng, chars_max), at = 0;
    for (size_t i = 0; i < chars; i++) {
        const char *one = letters[rng_below(rng, ARRAY_LEN(letters))];
        memcpy(room + at, one, strlen(one));
        at += strlen(one);
    }
    return slice_of(room, at);
}
static void distances_are_those_of_the_definition(void **state) {
    struct rng rng = rng_seeded(20261121);
    for (int round = 0; round < 60000; round++) {
        char x[200], y[200];
        uint32_t a[64], b[64];
        struct slice p = random_word(&rng, x, 12), t = random_word(&rng, y, 14);
        if (rng_below(&rng, 2)) { /* near: a changed copy */
            size_t n = decode(p, a);
            (void)n;
            memcpy(y, x, p.len);
            t = slice_of(y, p.len);
            for (size_t i = 0; i + 1 < t.len; i++)
                if ((y[i] | y[i + 1]) >= 0 && rng_below(&rng, 6) == 0) {
                    char c = y[i];
                    y[i] = y[i + 1];
                    y[i + 1] = c;
                }
        }
        struct typo typo;
        typo_begin(&typo, p);
        size_t m = decode(p, a), n = decode(t, b);
        for (int is_prefix = 0; is_prefix < 2; is_prefix++) {
            unsigned expected = distance_plain(a, m, b, n, is_prefix), got = typo_distance(&typo, t, is_prefix);
            if (expected != got && (expected <= typo.edits || got <= typo.edits))
                fail_msg("%.*s to %.*s%s: %u, not %u", SLICE_ARG(p), SLICE_ARG(t), is_prefix ? "..." : "", got, expected);
            if (expected <= typo.edits && !typo_may_be(typo.mask, typo_mask(t), typo.edits, is_prefix)) fail_msg("%.*s is kept from %.*s", SLICE_ARG(p), SLICE_ARG(t));
        }
    }
}

/* Eight masks at once tell what one after the other tells, wherever a row of them begins and ends. */
static void masks_are_sifted_as_one_by_one(void **state) {
    struct rng rng = rng_seeded(20261122);
    uint64_t masks[75];
    uint32_t near[75];
    size_t found_in_all = 0;
    for (int round = 0; round < 4000; round++) {
        uint64_t pattern = rng_u64(&rng) & rng_u64(&rng) & rng_u64(&rng);
        for (size_t i = 0; i < ARRAY_LEN(masks); i++) { /* near: a bit or a few differ */
            masks[i] = rng_below(&rng, 4) ? pattern : rng_u64(&rng);
            for (uint64_t changes = rng_below(&rng, 5); changes; changes--) masks[i] ^= UINT64_C(1) << rng_below(&rng, 64);
        }
        size_t from = rng_below(&rng, 9), count = rng_below(&rng, ARRAY_LEN(masks) - from + 1);
        unsigned edits = 1 + (unsigned)rng_below(&rng, 2);
        for (int is_prefix = 0; is_prefix < 2; is_prefix++) {
            size_t found = typo_sift(pattern, masks + from, count, edits, is_prefix, near), expected = 0;
            for (size_t i = 0; i < count; i++) {
                if (!typo_may_be(pattern, masks[from + i], edits, is_prefix)) continue;
                assert_true(expected < found);
                assert_int_equal(near[expected++], i);
            }
            assert_int_equal(found, expected);
            found_in_all += found;
        }
    }
    assert_true(found_in_all > 10000);
}

/* --- what a viewer expects --- */

static const struct spec library[] = {
    {.en = "Mountain", .de = "Berg", .zh = "山", .th = "ภูเขา", .synopsis = "A river runs through the valley."},            /* 1 */
    {.en = "The Mountain Race", .de = "Das Bergrennen", .zh = "山地大赛", .th = "การแข่งขันบนภูเขา", .genres = "sport"},      /* 2 */
    {.en = "Mountains of the Moon", .de = "Mondgebirge", .zh = "月亮山", .th = "ภูเขาแห่งดวงจันทร์"},                      /* 3 */
    {.en = "River", .de = "Der Fluss", .zh = "大河", .th = "แม่น้ำ", .person = 900},                                         /* 4 */
    {.en = "World Cup Final", .de = "WM-Finale", .zh = "世界杯决赛", .th = "ฟุตบอลโลกนัดชิงชนะเลิศ", .genres = "sport"},    /* 5 */
    {.en = "The Love of Siam", .de = "Liebe in Siam", .zh = "暹罗之恋", .th = "รักแห่งสยาม", .original = "รักแห่งสยาม", .genres = "drama romance"}, /* 6 */
    {.en = "Springfield", .de = "Straßenkinder", .zh = "春田", .th = "สปริงฟิลด์"},                                          /* 7 */
};
static struct catalog_view *library_view(void) { return view_of(library, ARRAY_LEN(library), person_of(900, "Siriporn Mountainer", "ศิริพร")); }

static void a_viewer_finds_what_is_meant(void **state) {
    struct catalog_view *v = library_view();
    assert_int_equal(catalog_search_bytes(v), 0);
    finds(v, "mountain", "1 2 3 4"); /* the very name; a word of one; a beginning; a person */
    assert_true(catalog_search_bytes(v) > 0);
    finds(v, "MOUNTAINS", "3 1 2 4"); /* one letter less is a typing error */
    finds(v, "montain", "1 3 2 4"); /* first in its name */
    finds(v, "river", "4 1");         /* its name before somebody's synopsis */
    finds(v, "rive", "4 1");
    finds(v, "riv mount", "");        /* only the last word may be cut */
    finds(v, "mountain riv", "1 4");   /* synopsis; his name and its */
    finds(v, "berg", "1 2");
    finds(v, "strassen", "7");
    finds(v, "straßenkidner", "7");   /* two letters that changed places */
    finds(v, "sprignfeild", "7");     /* two of them, from eight letters on */
    finds(v, "spxyzfield", "");
    finds(v, "teh", "");              /* three letters are taken as they stand */
    finds(v, "世界杯", "5");
    finds(v, "山", "1 3 2"); /* a character that ends a name stands for itself */
    finds(v, "山地", "2");
    finds(v, "地山", "");
    finds(v, "สยาม", "6");
    finds(v, "สยา", "6");              /* as one types */
    finds(v, "รักแห่ง", "6");
    finds(v, "รักสยาม", "6");           /* not in a row */
    finds(v, "ภูเขา", "1 3 2");
    finds(v, "sport", "5 2");
    finds(v, "体育", "5 2");            /* a genre, in another language */
    finds(v, "siriporn", "4");
    finds(v, "ศิริพร", "4");
    finds(v, "", "");
    finds(v, " \t\xff%", "");
    finds(v, "a", "1");
    catalog_view_give(&v);
}

static void marks_show_where(void **state) {
    struct catalog_view *v = library_view();
    shows(v, "mount", "en", "[Mount]ain");
    shows(v, "berg", "en", "[Berg]");            /* the text in which it was found */
    shows(v, "strass", "de", "[Straß]enkinder"); /* as much as was typed */
    shows(v, "世界杯决", "zh", "[世界杯决]赛");
    shows(v, "สยา", "th", "รักแห่ง[สยา]ม");
    shows(v, "valley", "en", "A river runs through the [valley].");
    shows(v, "mondgebrige", "en", "[Mondgebirge]");
    catalog_view_give(&v);
}

static void long_texts_and_wide_characters_are_marked_right(void **state) {
    char long_text[1500] = "";
    for (int i = 0; i < 60; i++) strcat(long_text, "Über den 😀 Wolken, ");
    strcat(long_text, "dahinter das Ziel");
    const struct spec specs[] = {{.en = "😀🎬 Smile 😀 again", .synopsis = long_text}};
    struct catalog_view *v = view_of(specs, 1, NULL);
    shows(v, "again", "en", "😀🎬 Smile 😀 [again]");
    struct catalog_hits hits = ask(v, "ziel");
    assert_int_equal(hits.titles[0].match.field, CATALOG_IN_SYNOPSIS);
    assert_true(hits.titles[0].match.text.len < 300);
    assert_non_null(strstr(marked(&hits.titles[0].match), "[Ziel]"));
    catalog_view_give(&v);
}

/* --- against a matcher that knows no index --- */

/* Small, so that everything is near to everything else. */
static const char *const vocabulary[] = {"star", "stars", "start", "stare", "strasse", "Straße", "river", "rivers", "riven", "mountain", "mountains", "fountain", "été", "ete", "a", "an",
                                         "世界", "世界杯", "界杯", "山", "山地", "大山", "รักสยาม", "สยาม", "ภูเขา", "แม่น้ำ", "2026", "Война"};
static void random_text(struct rng *rng, char *out, size_t words_max) {
    size_t words = rng_below(rng, words_max + 1);
    out[0] = 0;
    for (size_t i = 0; i < words; i++) {
        if (i && rng_below(rng, 8)) strcat(out, " ");
        strcat(out, vocabulary[rng_below(rng, ARRAY_LEN(vocabulary))]);
    }
}

struct plain_word {
    char term[TERM_BYTES_MAX];
    size_t len;
    enum script script;
    bool is_first, is_more;
};
struct plain_field {
    enum catalog_field field;
    int lang;
    unsigned words; /* plain ones, up to fifteen */
    struct plain_word list[200];
    size_t count, first_at;
};
static bool plain_add(void *user, const struct word *w) {
    struct plain_field *f = user;
    if (f->first_at == SIZE_MAX) f->first_at = w->from;
    f->words += !w->is_more && f->words < 15;
    if (f->field == CATALOG_IN_SYNOPSIS && w->is_more && w->script == SCRIPT_THAI) return true;
    struct plain_word *p = &f->list[f->count++];
    memcpy(p->term, w->term, w->len);
    p->len = w->len;
    p->script = w->script;
    p->is_more = w->is_more;
    p->is_first = w->from == f->first_at;
    return f->count < ARRAY_LEN(f->list);
}
struct plain_unit {
    struct slice term;
    bool is_prefix, may_err;
};
static unsigned plain_score(const struct plain_unit *u, const struct plain_field *f, unsigned query_words) {
    static const unsigned exact[] = {1000, 950, 900, 600, 300}, beginning[] = {800, 760, 700, 450, 150}, one[] = {500, 470, 400, 0, 0}, two[] = {350, 330, 280, 0, 0};
    unsigned best = 0;
    uint32_t a[64], b[64];
    size_t m = decode(u->term, a);
    unsigned edits = !u->may_err || m < 4 ? 0 : m < 8 ? 1 : 2;
    for (size_t i = 0; i < f->count; i++) {
        struct slice term = slice_of(f->list[i].term, f->list[i].len);
        size_t n = decode(term, b);
        unsigned score = 0;
        bool is_exact = slice_eq(term, u->term);
        if (is_exact) score = exact[f->field];
        else if (u->is_prefix && slice_starts_with(term, u->term)) score = f->field == CATALOG_IN_SYNOPSIS && m < 3 ? 0 : beginning[f->field];
        else if (edits && !f->list[i].is_more) {
            unsigned d = distance_plain(a, m, b, n, u->is_prefix);
            score = d > edits ? 0 : d <= 1 ? one[f->field] : two[f->field];
        }
        if (!score) continue;
        score += f->list[i].is_first ? 40 : 0;
        score += f->lang == EN ? 9 : 0;
        if (f->field <= CATALOG_IN_ORIGINAL) score += (15 - f->words) * 2 + (is_exact && f->words == query_words ? 300 : 0);
        if (score > best) best = score;
    }
    return best;
}
static size_t plain_fields(const struct catalog_view *v, const struct catalog_title *t, struct plain_field *fields) {
    size_t count = 0;
#define FIELD(kind, language, text)                                                                       \
    do {                                                                                                  \
        struct slice the_text = (text);                                                                   \
        fields[count] = (struct plain_field){.field = (kind), .lang = (language), .first_at = SIZE_MAX}; \
        if (the_text.len) words_walk(the_text, plain_add, &fields[count++]);                              \
    } while (0)
    for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++) FIELD(CATALOG_IN_NAME, lang, t->texts[lang].name);
    FIELD(CATALOG_IN_ORIGINAL, 0, t->original_name);
    const struct catalog_person *p = t->people_count ? catalog_find_person(v, t->people[0].person_id) : NULL;
    for (int lang = 0; p && lang < TEXT_LANGUAGE_COUNT; lang++) FIELD(CATALOG_IN_PERSON, lang, p->names[lang]);
    FIELD(CATALOG_IN_SYNOPSIS, EN, t->texts[EN].synopsis);
    return count;
}

struct plain_query {
    struct plain_unit units[CATALOG_QUERY_WORDS_MAX];
    char rooms[CATALOG_QUERY_WORDS_MAX][TERM_BYTES_MAX];
    size_t count;
    unsigned words;
    struct slice text;
    const struct catalog_view *v;
};
static bool plain_unit_add(struct plain_query *q, const struct word *w, bool is_prefix) {
    if (q->count == CATALOG_QUERY_WORDS_MAX) return false;
    memcpy(q->rooms[q->count], w->term, w->len);
    q->units[q->count] = (struct plain_unit){slice_of(q->rooms[q->count], w->len), is_prefix, w->script != SCRIPT_PAIRS};
    q->count++;
    return true;
}
static bool plain_count(void *user, const struct word *w) {
    ((struct plain_query *)user)->words += !w->is_more;
    return true;
}
static bool plain_sub(void *user, const struct word *w) { return w->is_more || plain_unit_add(user, w, w->script == SCRIPT_THAI || w->chars == 1); }
static bool anything_begins(const struct catalog_view *v, struct slice prefix) {
    static struct plain_field fields[16];
    for (size_t i = 0; i < v->count; i++) {
        size_t count = plain_fields(v, v->titles[i], fields);
        for (size_t k = 0; k < count; k++)
            for (size_t j = 0; j < fields[k].count; j++)
                if (slice_starts_with(slice_of(fields[k].list[j].term, fields[k].list[j].len), prefix)) return true;
    }
    for (size_t i = 0; i < v->people_count; i++) {
        struct plain_field f = {.first_at = SIZE_MAX};
        for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++) words_walk(v->people[i]->names[lang], plain_add, &f);
        for (size_t j = 0; j < f.count; j++)
            if (slice_starts_with(slice_of(f.list[j].term, f.list[j].len), prefix)) return true;
    }
    return false;
}
static bool plain_run(void *user, const struct word *w) {
    struct plain_query *q = user;
    struct slice run = slice_sub(q->text, w->from, w->to);
    size_t before = q->count;
    if (w->script == SCRIPT_LETTERS) plain_unit_add(q, w, w->to == q->text.len);
    else if (w->script == SCRIPT_THAI && w->chars < TERM_CHARS_MAX && anything_begins(q->v, word_term(w))) plain_unit_add(q, w, true);
    else words_walk(run, plain_sub, q);
    return q->count > before;
}
struct plain_hit {
    int64_t id;
    unsigned score;
};
static int compare_hits(const void *a, const void *b) {
    const struct plain_hit *x = a, *y = b;
    return x->score != y->score ? (x->score > y->score ? -1 : 1) : x->id > y->id ? -1 : x->id < y->id;
}
static void same_as_plain(const struct catalog_view *v, const char *query) {
    static struct plain_field fields[16];
    static struct plain_hit expected[400];
    struct plain_query q = {.text = slice_trim(slice_cstr(query)), .v = v};
    runs_walk(q.text, plain_run, &q);
    words_walk(q.text, plain_count, &q);
    size_t found = 0;
    for (size_t i = 0; i < v->count; i++) {
        size_t count = plain_fields(v, v->titles[i], fields);
        unsigned total = 0;
        bool has_all = q.count > 0;
        for (size_t u = 0; u < q.count && has_all; u++) {
            unsigned best = 0;
            for (size_t k = 0; k < count; k++) {
                unsigned score = plain_score(&q.units[u], &fields[k], q.words);
                if (score > best) best = score;
            }
            has_all = best > 0;
            total += best;
        }
        if (has_all) expected[found++] = (struct plain_hit){v->titles[i]->id, total};
    }
    qsort(expected, found, sizeof *expected, compare_hits);
    struct catalog_hits hits = ask(v, query);
    size_t shown = found < 100 ? found : 100;
    if (hits.title_count != shown) fail_msg("\"%s\" finds %zu, not %zu", query, hits.title_count, shown);
    for (size_t i = 0; i < shown; i++)
        if (hits.titles[i].title->id != expected[i].id || (unsigned)hits.titles[i].score != expected[i].score)
            fail_msg("\"%s\", place %zu: %lld with %d, not %lld with %u", query, i, (long long)hits.titles[i].title->id, hits.titles[i].score,
                     (long long)expected[i].id, expected[i].score);
}

struct random_spec {
    char texts[6][400];
    struct spec spec;
};
static void random_spec(struct rng *rng, struct random_spec *r) {
    for (int i = 0; i < 6; i++) random_text(rng, r->texts[i], i == 5 ? 12 : i ? 3 : 4);
    r->spec = (struct spec){.en = r->texts[0], .de = r->texts[1], .zh = r->texts[2], .th = r->texts[3], .original = r->texts[4], .synopsis = r->texts[5],
                            .person = rng_below(rng, 4) ? 0 : 900};
}
static void random_query(struct rng *rng, char *out) {
    random_text(rng, out, 3);
    size_t len = strlen(out);
    if (len > 2 && rng_below(rng, 2)) { /* as one types: cut, at any byte */
        out[1 + rng_below(rng, len - 1)] = 0;
    } else if (len > 4 && rng_below(rng, 2)) { /* a typing error among the letters */
        size_t at = rng_below(rng, len - 1);
        if ((out[at] & 0x80) == 0 && (out[at + 1] & 0x80) == 0) {
            char c = out[at];
            out[at] = out[at + 1];
            out[at + 1] = c;
        }
    }
}

/* After each of many changes, the index that grew finds exactly what a matcher finds that reads all texts anew. */
static void the_grown_index_finds_what_reading_everything_finds(void **state) {
    struct rng rng = rng_seeded(4711);
    static struct random_spec r;
    struct spec specs[60];
    static struct random_spec rooms[60];
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        random_spec(&rng, &rooms[i]);
        specs[i] = rooms[i].spec;
    }
    struct catalog_view *v = view_of(specs, ARRAY_LEN(specs), person_of(900, "Anna Fountain", "ริเวอร์ สยาม"));
    (void)ask(v, "star"); /* makes the index; from here on it grows */
    int64_t next_id = 1000;
    for (int round = 0; round < 250; round++) {
        struct view_edit edit = {0};
        struct public_id id;
        unsigned what = (unsigned)rng_below(&rng, 10);
        random_spec(&rng, &r);
        if (what == 0 && v->count > 20) {
            id = v->titles[rng_below(&rng, v->count)]->public_id; /* removed */
        } else if (what == 1) {
            edit.held_person = person_of(900, rng_below(&rng, 2) ? "Anna Mountain" : "Stella Rivers", "ภูเขา");
            id = public_id_of(900);
        } else {
            int64_t which = what < 4 ? next_id++ : v->titles[rng_below(&rng, v->count)]->id;
            edit.held = title_of(which, &r.spec);
            id = edit.held->public_id;
        }
        if (edit.held_person) edit.person = public_id_slice(&id);
        else edit.title = public_id_slice(&id);
        struct catalog_view *after = view_after(v, &edit);
        assert_non_null(after);
        catalog_view_give(&v);
        v = after;
        for (int i = 0; i < 6; i++) {
            char query[400];
            random_query(&rng, query);
            struct arena_mark mark = arena_mark(arena);
            same_as_plain(v, query);
            arena_rewind(arena, mark);
        }
    }
    catalog_view_give(&v);
}

/* --- threads, memory --- */

enum { READERS = 3, CHANGES = 300 };
static struct {
    struct lock lock;
    struct catalog_view *view;
    _Atomic bool is_over;
    _Atomic unsigned asked;
} shelf = {.lock = LOCK_INIT(LOCK_catalog)};
static void read_on(void *arg) {
    static const char *const queries[] = {"star", "mountian", "世界", "สยาม", "river s", "ann"};
    struct arena *own = arena_create(4 << 20);
    unsigned round = 0;
    while (!atomic_load(&shelf.is_over)) {
        lock_take(&shelf.lock);
        struct catalog_view *v = shelf.view;
        atomic_fetch_add(&v->inner->references, 1);
        lock_give(&shelf.lock);
        struct catalog_hits hits;
        struct catalog_question q = {.query = slice_cstr(queries[round++ % ARRAY_LEN(queries)]), .lang = SLICE("en")};
        if (catalog_search(v, own, &q, &hits).kind) abort();
        for (size_t i = 0; i < hits.title_count; i++)
            if (catalog_find_id(v, hits.titles[i].title->id) != hits.titles[i].title) abort(); /* of this very view */
        catalog_view_give(&v);
        arena_reset(own);
        atomic_fetch_add(&shelf.asked, 1);
    }
    arena_destroy(&own);
}
static void readers_see_whole_views_during_changes(void **state) {
    struct rng rng = rng_seeded(99);
    static struct random_spec rooms[40], r;
    struct spec specs[40];
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        random_spec(&rng, &rooms[i]);
        specs[i] = rooms[i].spec;
    }
    shelf.view = view_of(specs, ARRAY_LEN(specs), person_of(900, "Anna", NULL));
    struct thread *readers[READERS];
    for (int i = 0; i < READERS; i++) assert_int_equal(thread_start(&readers[i], "reader", read_on, NULL).kind, ERR_NONE);
    for (int i = 0; i < CHANGES; i++) {
        random_spec(&rng, &r);
        struct catalog_title *held = title_of(1 + (int64_t)rng_below(&rng, 60), &r.spec);
        struct public_id id = held->public_id;
        struct catalog_view *after = view_after(shelf.view, &(struct view_edit){.title = public_id_slice(&id), .held = held});
        assert_non_null(after);
        lock_take(&shelf.lock);
        struct catalog_view *old = shelf.view;
        shelf.view = after;
        lock_give(&shelf.lock);
        catalog_view_give(&old);
    }
    while (atomic_load(&shelf.asked) < READERS * 10) sched_yield();
    atomic_store(&shelf.is_over, true);
    for (int i = 0; i < READERS; i++) thread_join(&readers[i]);
    catalog_view_give(&shelf.view);
}

static void every_failed_allocation_is_survived(void **state) {
    for (uint64_t nth = 1;; nth++) {
        struct catalog_view *v = library_view();
        struct arena *own = arena_create(4 << 20);
        struct catalog_hits hits = {0};
        struct catalog_question q = {.query = SLICE("mountain siriporn"), .lang = SLICE("en")};
        fault_arm(FAULT_ALLOC, nth, false);
        struct err e = catalog_search(v, own, &q, &hits);
        struct catalog_title *held = title_of(1, &library[1]);
        struct public_id id = held->public_id;
        struct catalog_view *after = view_after(v, &(struct view_edit){.title = public_id_slice(&id), .held = held});
        bool fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        if (!e.kind) assert_int_equal(hits.title_count, 1);
        struct catalog_view *present = after ? after : v;
        finds(present, "fluss", "4"); /* whichever stands, it finds */
        arena_destroy(&own);
        if (after) catalog_view_give(&after);
        catalog_view_give(&v);
        if (!fired) break;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_words),
        cmocka_unit_test(distances_are_those_of_the_definition),
        cmocka_unit_test(masks_are_sifted_as_one_by_one),
        cmocka_unit_test(a_viewer_finds_what_is_meant),
        cmocka_unit_test(marks_show_where),
        cmocka_unit_test(long_texts_and_wide_characters_are_marked_right),
        cmocka_unit_test(the_grown_index_finds_what_reading_everything_finds),
        cmocka_unit_test(readers_see_whole_views_during_changes),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    arena = arena_create(64 << 20);
    int failed = cmocka_run_group_tests_name("search", tests, NULL, NULL);
    arena_destroy(&arena);
    return failed;
}
