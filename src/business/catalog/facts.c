/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The words of the catalogue: kinds, parts, ratings and the ages they mean, EIDR. */
#include <assert.h>

#include "business/catalog/catalog.h"

static bool word_find(const char *const *words, size_t count, struct slice s, size_t *at) {
    for (size_t i = 0; i < count; i++)
        if (slice_eq(s, slice_cstr(words[i]))) {
            *at = i;
            return true;
        }
    return false;
}

#define WORDS(enum_type, prefix, ...)                                                \
    static const char *const prefix##_words[] = {__VA_ARGS__};                       \
    const char *prefix##_name(enum enum_type word) { return prefix##_words[word]; }  \
    bool prefix##_parse(struct slice s, enum enum_type *out) {                       \
        size_t at;                                                                   \
        bool is_known = word_find(prefix##_words, ARRAY_LEN(prefix##_words), s, &at); \
        if (is_known) *out = (enum enum_type)at;                                     \
        return is_known;                                                             \
    }
WORDS(catalog_kind, catalog_kind, "film", "series", "event", "season", "episode", "clip", "collection")
WORDS(catalog_part, catalog_part, "cast", "director", "writer", "producer", "music", "camera", "editing", "presenter", "commentator", "athlete", "guest")
WORDS(catalog_source, catalog_source, "newest", "genre", "collection", "titles", "live", "upcoming", "free", "continue", "kind")
WORDS(catalog_system, catalog_system, "FSK", "MPA", "TH", "AGE")
static_assert(ARRAY_LEN(catalog_kind_words) == CATALOG_KINDS && ARRAY_LEN(catalog_part_words) == CATALOG_PARTS, "a word for each");
static_assert(ARRAY_LEN(catalog_source_words) == CATALOG_SOURCES && ARRAY_LEN(catalog_system_words) == CATALOG_SYSTEMS, "a word for each");

const char *catalog_status_name(enum catalog_status s) {
    static const char *const names[] = {"ready", "importing", "failed", "scheduled", "live", "ended"};
    return names[s];
}

const char *catalog_field_name(enum catalog_field f) {
    static const char *const names[] = {"name", "original", "person", "genre", "synopsis"};
    return names[f];
}

bool catalog_kind_holds(enum catalog_kind k) { return k == CATALOG_SERIES || k == CATALOG_SEASON || k == CATALOG_COLLECTION; }

/* --- ratings --- */

/* The places in these tables are what catalog_ratings holds (not what is stored: that is the words). */
static const struct {
    const char *value;
    int age;
} fsk[] = {{"0", 0}, {"6", 6}, {"12", 12}, {"16", 16}, {"18", 18}},
  mpa[] = {{"G", 0}, {"PG", 6}, {"PG-13", 12}, {"R", 16}, {"NC-17", 18}},
  /* ส: to be promoted; ท: general; น: suitable from; ฉ: from twenty, identity cards are asked for. Our ladder ends at 18. */
  th[] = {{"ส", 0}, {"ท", 0}, {"น 13+", 12}, {"น 15+", 16}, {"น 18+", 18}, {"ฉ 20+", 18}},
  age[] = {{"0", 0},   {"1", 6},   {"2", 6},   {"3", 6},   {"4", 6},   {"5", 6},   {"6", 6},   {"7", 12},  {"8", 12},  {"9", 12},  {"10", 12},
           {"11", 12}, {"12", 12}, {"13", 16}, {"14", 16}, {"15", 16}, {"16", 16}, {"17", 18}, {"18", 18}, {"19", 18}, {"20", 18}, {"21", 18}};

static const struct {
    const void *words;
    size_t count;
    const char *country; /* where it is the law of the land */
} systems[CATALOG_SYSTEMS] = {[CATALOG_FSK] = {fsk, ARRAY_LEN(fsk), "DE"}, [CATALOG_MPA] = {mpa, ARRAY_LEN(mpa), "US"},
                              [CATALOG_TH] = {th, ARRAY_LEN(th), "TH"}, [CATALOG_AGE] = {age, ARRAY_LEN(age), ""}};

const char *catalog_system_country(enum catalog_system s) { return systems[s].country; }

static struct catalog_rating word_of(enum catalog_system s, size_t place) {
    const __typeof__(fsk[0]) *words = systems[s].words;
    return (struct catalog_rating){s, words[place - 1].value, words[place - 1].age};
}

/* The next byte that is no blank; 0 at the end. */
static char next_byte(struct slice *s) {
    while (s->len) {
        char c = *s->ptr++;
        s->len--;
        if (c != ' ') return c;
    }
    return 0;
}
static bool same_but_blanks(struct slice a, struct slice b) {
    for (;;) {
        char x = next_byte(&a), y = next_byte(&b);
        if (x != y) return false;
        if (!x) return true;
    }
}

bool catalog_rating_parse(struct slice value, enum catalog_system s, struct catalog_ratings *out) {
    for (size_t i = 1; i <= systems[s].count; i++)
        if (value.len && same_but_blanks(value, slice_cstr(word_of(s, i).value))) {
            out->values[s] = (uint8_t)i;
            return true;
        }
    return false;
}

bool catalog_rating_of(const struct catalog_ratings *r, enum catalog_system s, struct catalog_rating *out) {
    if (!r->values[s] || r->values[s] > systems[s].count) return false;
    *out = word_of(s, r->values[s]);
    return true;
}

static bool strictest(const struct catalog_ratings *r, struct catalog_rating *out) {
    bool has = false;
    for (int s = 0; s < CATALOG_SYSTEMS; s++) {
        struct catalog_rating one;
        if (!catalog_rating_of(r, (enum catalog_system)s, &one) || (has && one.age <= out->age)) continue;
        *out = one;
        has = true;
    }
    return has;
}

int catalog_age(const struct catalog_ratings *r) {
    struct catalog_rating one;
    return strictest(r, &one) ? one.age : 0;
}

bool catalog_rating_in(const struct catalog_title *t, struct slice country, struct catalog_rating *out) {
    for (int s = 0; s < CATALOG_SYSTEMS; s++)
        if (country.len && slice_eq(country, slice_cstr(systems[s].country)) && catalog_rating_of(&t->ratings, (enum catalog_system)s, out)) return true;
    return strictest(&t->ratings, out);
}

/* --- EIDR --- */

/* ISO 7064, Mod 37,36: a hybrid system over 0-9 A-Z. */
static int mod_37_36(const char *digits, size_t count) {
    int p = 36;
    for (size_t i = 0; i < count; i++) {
        char c = digits[i];
        p = (p + (c <= '9' ? c - '0' : c - 'A' + 10)) % 36;
        if (!p) p = 36;
        p = p * 2 % 37;
    }
    return (37 - p) % 36;
}

static bool starts_nocase(struct slice s, struct slice prefix) { return s.len >= prefix.len && slice_eq_nocase(slice_sub(s, 0, prefix.len), prefix); }

bool catalog_eidr_parse(struct slice s, char out[CATALOG_EIDR_LEN + 1]) {
    static const struct slice prefixes[] = {SLICE("urn:eidr:10.5240:"), SLICE("md:cid:eidr-s:"), SLICE("https://doi.org/10.5240/"), SLICE("doi:10.5240/"), SLICE("10.5240/")};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (starts_nocase(s, prefixes[i])) {
            s = slice_sub(s, prefixes[i].len, s.len);
            break;
        }
    char digits[21];
    size_t count = 0;
    if (s.len != 26) return false; /* XXXX-XXXX-XXXX-XXXX-XXXX-C */
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (i % 5 == 4) {
            if (c != '-') return false;
            continue;
        }
        if (c >= 'a' && c <= 'z') c = (char)(c - 32);
        bool is_check = count == 20;
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= (is_check ? 'Z' : 'F')))) return false;
        digits[count++] = c;
    }
    assert(count == 21);
    if ("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[mod_37_36(digits, 20)] != digits[20]) return false;
    char *at = out;
    memcpy(at, "10.5240/", 8);
    at += 8;
    for (size_t i = 0; i < 21; i++) {
        if (i && i % 4 == 0) *at++ = '-';
        *at++ = digits[i];
    }
    *at = 0;
    return true;
}
