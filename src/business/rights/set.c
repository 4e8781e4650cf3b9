/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/rights/set.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"

/* --- countries and areas --- */

static const struct {
    char code[3];
    struct slice areas;
} countries[] = {
#define RIGHTS_COUNTRY(code, areas) {#code, {areas, sizeof(areas) - 1}},
#include "business/rights/country.tbl.h"
#undef RIGHTS_COUNTRY
};
static_assert(ARRAY_LEN(countries) == RIGHTS_COUNTRIES, "the registry has 249 countries");

static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static char upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 32) : c; }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

/* Two letters to a place in the registry: 26 * 26 bytes, filled once. */
static uint8_t country_by_letters[26 * 26];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void countries_sort(void) {
    memset(country_by_letters, RIGHTS_NOWHERE, sizeof country_by_letters);
    for (size_t i = 0; i < RIGHTS_COUNTRIES; i++) country_by_letters[(countries[i].code[0] - 'A') * 26 + countries[i].code[1] - 'A'] = (uint8_t)i;
}

const char *rights_country_code(uint8_t country) { return country < RIGHTS_COUNTRIES ? countries[country].code : ""; }

bool rights_country_parse(struct slice s, uint8_t *out) {
    if (s.len != 2) return false;
    char a = upper(s.ptr[0]), b = upper(s.ptr[1]);
    if (!is_upper(a) || !is_upper(b)) return false;
    pthread_once(&once, countries_sort);
    uint8_t found = country_by_letters[(a - 'A') * 26 + b - 'A'];
    if (found == RIGHTS_NOWHERE) return false;
    *out = found;
    return true;
}

/* One to three letters or digits. */
static bool area_parse(struct slice s, char out[3]) {
    if (s.len < 1 || s.len > 3) return false;
    char area[3] = {0};
    for (size_t i = 0; i < s.len; i++) {
        area[i] = upper(s.ptr[i]);
        if (!is_upper(area[i]) && !is_digit(area[i])) return false;
    }
    memcpy(out, area, sizeof area);
    return true;
}

bool rights_place_parse(struct slice country, struct slice area, struct rights_place *out) {
    struct rights_place p = {0};
    if (!area.len && country.len > 3) {
        area = country;
        country = slice_sub(country, 0, 2);
    }
    if (!rights_country_parse(country, &p.country)) return false;
    if (area.len > 3) {
        if (area.ptr[2] != '-' || !slice_eq_nocase(slice_sub(area, 0, 2), country)) return false;
        area = slice_sub(area, 3, area.len);
        if (!area.len) return false;
    }
    if (area.len && !area_parse(area, p.area)) return false;
    *out = p;
    return true;
}

static bool area_is_registered(struct rights_place p) {
    struct slice rest = countries[p.country].areas, one, area = slice_of(p.area, strnlen(p.area, sizeof p.area));
    while (slice_next(&rest, ' ', &one))
        if (slice_eq(one, area)) return true;
    return false;
}

/* --- what is interned ---
 *
 * A pool keeps things of one kind under numbers. Readers go from number to thing by two loads; writers take the lock. Things are found again by
 * what they are and, where they came from the store a million times over, by their text. */

enum { CHUNK_BITS = 10, CHUNK = 1 << CHUNK_BITS, CHUNKS = 1024, POOL_MAX = CHUNK * CHUNKS };

struct slots { /* open addressing; 0: free, else number + 1 */
    uint32_t *ids;
    size_t capacity, used;
};
struct pool {
    struct lock lock;
    void **_Atomic chunks[CHUNKS];
    uint32_t count;
    struct slots by_value, by_text;
};
static struct pool territory_pool = {.lock = LOCK_INIT(LOCK_rights_sets)}, language_pool = {.lock = LOCK_INIT(LOCK_rights_sets)},
                   tag_pool = {.lock = LOCK_INIT(LOCK_rights_sets)};

static void *pool_at(struct pool *p, uint32_t id) {
    assert(id < POOL_MAX);
    void **chunk = atomic_load_explicit(&p->chunks[id >> CHUNK_BITS], memory_order_acquire);
    assert(chunk && chunk[id & (CHUNK - 1)]);
    return chunk[id & (CHUNK - 1)];
}

static uint64_t mix(uint64_t h) {
    h = (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static bool slots_make_room(struct slots *s, uint64_t (*hash)(uint32_t id)) {
    if (2 * (s->used + 1) <= s->capacity) return true;
    size_t capacity = s->capacity ? 2 * s->capacity : 64;
    uint32_t *ids = mem_zalloc_array(capacity, sizeof *ids);
    if (!ids) return false;
    for (size_t i = 0; i < s->capacity; i++) {
        if (!s->ids[i]) continue;
        size_t at = hash(s->ids[i] - 1) & (capacity - 1);
        while (ids[at]) at = (at + 1) & (capacity - 1);
        ids[at] = s->ids[i];
    }
    mem_free(s->ids);
    s->ids = ids;
    s->capacity = capacity;
    return true;
}
static void slots_put(struct slots *s, uint64_t hash, uint32_t id) {
    size_t at = hash & (s->capacity - 1);
    while (s->ids[at]) at = (at + 1) & (s->capacity - 1);
    s->ids[at] = id + 1;
    s->used++;
}
/* Goes through those that may be it: begin with *at = hash. False: there are no more. */
static bool slots_next(const struct slots *s, uint64_t *at, uint32_t *id) {
    if (!s->capacity) return false;
    uint32_t found = s->ids[*at & (s->capacity - 1)];
    if (!found) return false;
    *id = found - 1;
    ++*at;
    return true;
}

/* Makes a place; the thing becomes visible with pool_add. */
static bool pool_make_room(struct pool *p) {
    if (p->count == POOL_MAX) return false;
    void **chunk = atomic_load_explicit(&p->chunks[p->count >> CHUNK_BITS], memory_order_relaxed);
    if (chunk) return true;
    chunk = mem_zalloc_array(CHUNK, sizeof *chunk);
    if (!chunk) return false;
    atomic_store_explicit(&p->chunks[p->count >> CHUNK_BITS], chunk, memory_order_release);
    return true;
}
static uint32_t pool_add(struct pool *p, void *thing) {
    void **chunk = atomic_load_explicit(&p->chunks[p->count >> CHUNK_BITS], memory_order_relaxed);
    chunk[p->count & (CHUNK - 1)] = thing;
    return p->count++;
}

static struct err error_full(void) { return err_make(ERR_LIMIT, "rights.sets", "There are too many different sets, or memory ran out."); }

/* --- territories --- */

static const struct territories nothing = {.text = {"", 0}};

const struct territories *territories_at(uint32_t set) { return set ? pool_at(&territory_pool, set - 1) : &nothing; }

static uint64_t territories_hash(const uint64_t bits[4], const uint32_t *areas, size_t count) {
    uint64_t h = count;
    for (int i = 0; i < 4; i++) h = mix(h ^ bits[i]);
    for (size_t i = 0; i < count; i++) h = mix(h ^ areas[i]);
    return h;
}
static uint64_t territories_hash_at(uint32_t id) {
    const struct territories *t = pool_at(&territory_pool, id);
    return territories_hash(t->bits, t->areas, t->area_count);
}
static uint64_t territories_text_hash_at(uint32_t id) {
    return slice_hash(((const struct territories *)pool_at(&territory_pool, id))->text);
}

static void area_write(struct buf *b, uint32_t area) {
    const char *cc = rights_country_code(area_country(area));
    char text[4] = {(char)(area >> 16), (char)(area >> 8), (char)area};
    buf_printf(b, "%s-%s", cc, text);
}
static void territories_write(struct buf *b, const uint64_t bits[4], const uint32_t *areas, size_t area_count) {
    bool is_world = bits_have(bits, RIGHTS_NOWHERE);
    const char *comma = "";
    if (is_world) {
        buf_cstr(b, "WORLD");
        comma = ",";
    }
    for (unsigned c = 0; c < RIGHTS_COUNTRIES; c++) {
        if (bits_have(bits, (uint8_t)c) == is_world) continue;
        buf_cstr(b, comma);
        if (is_world) buf_cstr(b, "-");
        buf_bytes(b, countries[c].code, 2);
        comma = ",";
    }
    for (int out = 0; out < 2; out++)
        for (size_t i = 0; i < area_count; i++) {
            if (bits_have(bits, area_country(areas[i])) != out) continue;
            buf_cstr(b, comma);
            if (out) buf_cstr(b, "-");
            area_write(b, areas[i]);
            comma = ",";
        }
}

/* Countries of the future are in a set or not as "wherever else" is. */
static void bits_settle(uint64_t bits[4]) {
    uint64_t future = ~UINT64_C(0) << RIGHTS_COUNTRIES % 64;
    if (bits_have(bits, RIGHTS_NOWHERE)) bits[3] |= future;
    else bits[3] &= ~future;
}

struct err territories_intern(const uint64_t asked[4], const uint32_t *areas, size_t area_count, uint32_t *out) {
    uint64_t bits[4];
    memcpy(bits, asked, sizeof bits);
    bits_settle(bits);
    if (!area_count && !(bits[0] | bits[1] | bits[2] | bits[3])) {
        *out = 0;
        return ERR_OK;
    }
    for (size_t i = 0; i + 1 < area_count; i++) assert(areas[i] < areas[i + 1]);
    struct err e = ERR_OK;
    uint32_t id;
    struct pool *p = &territory_pool;
    lock_take(&p->lock);
    uint64_t hash = territories_hash(bits, areas, area_count), at = hash;
    while (slots_next(&p->by_value, &at, &id)) {
        const struct territories *t = pool_at(p, id);
        if (memcmp(t->bits, bits, sizeof bits) || t->area_count != area_count || (area_count && memcmp(t->areas, areas, area_count * sizeof *areas))) continue;
        *out = id + 1;
        goto end;
    }
    struct buf text = BUF(RIGHTS_COUNTRIES * 4 + 16 + AREAS_MAX * 8);
    territories_write(&text, bits, areas, area_count);
    struct territories *t = NULL;
    if (!text.has_failed && pool_make_room(p) && slots_make_room(&p->by_value, territories_hash_at) && slots_make_room(&p->by_text, territories_text_hash_at))
        t = mem_alloc(sizeof *t + area_count * sizeof *areas + text.len);
    if (t) {
        uint32_t *kept = (uint32_t *)(t + 1);
        char *chars = (char *)(kept + area_count);
        if (area_count) memcpy(kept, areas, area_count * sizeof *areas);
        memcpy(chars, text.ptr, text.len);
        *t = (struct territories){.area_count = (uint32_t)area_count, .areas = kept, .text = slice_of(chars, text.len)};
        memcpy(t->bits, bits, sizeof bits);
        uint64_t touched[4]; /* the countries that are in it, whole or in part */
        memcpy(touched, bits, sizeof bits);
        for (size_t i = 0; i < area_count; i++) touched[area_country(areas[i]) / 64] |= UINT64_C(1) << area_country(areas[i]) % 64;
        touched[3] &= ~(~UINT64_C(0) << RIGHTS_COUNTRIES % 64);
        for (int i = 0; i < 4; i++) t->country_count += (uint32_t)__builtin_popcountll(touched[i]);
        id = pool_add(p, t);
        slots_put(&p->by_value, hash, id);
        slots_put(&p->by_text, slice_hash(t->text), id);
        *out = id + 1;
    } else {
        e = error_full();
    }
    buf_free(&text);
end:
    lock_give(&p->lock);
    return e;
}

static int by_area(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}
static bool areas_have(const uint32_t *areas, size_t count, uint32_t area) {
    for (size_t i = 0; i < count; i++)
        if (areas[i] == area) return true;
    return false;
}

static struct err error_part(struct slice part, struct slice *bad) {
    *bad = part;
    return err_make(ERR_INPUT, "rights.territory_unknown", "This names no country of ISO 3166-1 and no area of ISO 3166-2. Write DE, US-CA, WORLD, or -US for all but the US.");
}

struct err rights_territories_of(struct slice text, uint32_t *out, struct slice *bad) {
    *bad = SLICE_NONE;
    text = slice_trim(text);
    if (!text.len || text.len > RIGHTS_TERRITORIES_MAX)
        return err_make(ERR_INPUT, "rights.territories", "A list of territories has at least one and at most 4000 characters.");
    struct pool *p = &territory_pool;
    uint32_t id;
    bool is_known = false;
    lock_take(&p->lock);
    for (uint64_t at = slice_hash(text); !is_known && slots_next(&p->by_text, &at, &id);)
        is_known = slice_eq(((const struct territories *)pool_at(p, id))->text, text);
    lock_give(&p->lock);
    if (is_known) {
        *out = id + 1;
        return ERR_OK;
    }

    uint64_t in[4] = {0}, not[4] = {0};
    uint32_t areas_in[AREAS_MAX], areas_out[AREAS_MAX], areas[AREAS_MAX];
    size_t in_count = 0, out_count = 0, count = 0;
    struct slice rest = text, part;
    while (slice_next(&rest, ',', &part)) {
        part = slice_trim(part);
        struct slice name = part;
        bool is_out = name.len && name.ptr[0] == '-';
        if (is_out) name = slice_sub(name, 1, name.len);
        struct rights_place place;
        if (slice_eq_nocase(name, SLICE("WORLD")) && !is_out) {
            memset(in, 0xff, sizeof in);
        } else if (name.len == 2 && rights_country_parse(name, &place.country)) {
            (is_out ? not: in)[place.country / 64] |= UINT64_C(1) << place.country % 64;
        } else if (name.len > 3 && rights_place_parse(name, SLICE_NONE, &place) && area_is_registered(place)) {
            if ((is_out ? out_count : in_count) == AREAS_MAX) return error_part(part, bad);
            if (is_out) areas_out[out_count++] = area_of(place);
            else areas_in[in_count++] = area_of(place);
        } else {
            return error_part(part, bad);
        }
    }
    for (int i = 0; i < 4; i++) in[i] &= ~not[i];
    for (size_t i = 0; i < in_count; i++)
        if (!bits_have(in, area_country(areas_in[i])) && !areas_have(areas_out, out_count, areas_in[i]) && !areas_have(areas, count, areas_in[i]))
            areas[count++] = areas_in[i];
    for (size_t i = 0; i < out_count && count < AREAS_MAX; i++)
        if (bits_have(in, area_country(areas_out[i])) && !areas_have(areas, count, areas_out[i])) areas[count++] = areas_out[i];
    qsort(areas, count, sizeof *areas, by_area);
    uint32_t set;
    struct err e = territories_intern(in, areas, count, &set);
    if (e.kind) return e;
    if (!set) return err_make(ERR_INPUT, "rights.territories", "This takes out everything that it puts in: no territory is left.");
    *out = set;
    return ERR_OK;
}

struct slice rights_territories_text(uint32_t set) { return territories_at(set)->text; }
unsigned rights_territories_count(uint32_t set) { return territories_at(set)->country_count; }

/* Where the area is not known, what allows must hold in all of the country, and what forbids holds if it does anywhere in it. */
bool rights_territories_hold(uint32_t set, struct rights_place place, enum rights_effect effect) {
    const struct territories *t = territories_at(set);
    bool has_country = bits_have(t->bits, place.country);
    if (!t->area_count) return has_country;
    uint32_t area = area_of(place);
    if (area) return has_country != (bsearch(&area, t->areas, t->area_count, sizeof area, by_area) != NULL);
    bool names_area = false;
    for (uint32_t i = 0; i < t->area_count && !names_area; i++) names_area = area_country(t->areas[i]) == place.country;
    return names_area ? effect != RIGHTS_ALLOW : has_country;
}

/* Goes through the areas that either of two sets names, with what each says of them. */
static bool areas_any(const struct territories *a, const struct territories *b, bool (*is_it)(bool in_a, bool in_b)) {
    for (uint32_t i = 0, j = 0; i < a->area_count || j < b->area_count;) {
        uint32_t x = i < a->area_count ? a->areas[i] : UINT32_MAX, y = j < b->area_count ? b->areas[j] : UINT32_MAX, area = x < y ? x : y;
        bool in_a = bits_have(a->bits, area_country(area)) != (x == area), in_b = bits_have(b->bits, area_country(area)) != (y == area);
        if (is_it(in_a, in_b)) return true;
        i += x == area;
        j += y == area;
    }
    return false;
}
static bool in_both(bool a, bool b) { return a && b; }
static bool in_first_only(bool a, bool b) { return a && !b; }

struct err rights_territories_common(uint32_t a, uint32_t b, uint32_t *out) {
    const struct territories *x = territories_at(a), *y = territories_at(b);
    uint64_t bits[4];
    for (int i = 0; i < 4; i++) bits[i] = x->bits[i] & y->bits[i];
    uint32_t areas[2 * AREAS_MAX];
    size_t count = 0;
    for (uint32_t i = 0, j = 0; i < x->area_count || j < y->area_count;) {
        uint32_t in_x = i < x->area_count ? x->areas[i] : UINT32_MAX, in_y = j < y->area_count ? y->areas[j] : UINT32_MAX, area = in_x < in_y ? in_x : in_y;
        uint8_t country = area_country(area);
        bool is_in = bits_have(x->bits, country) != (in_x == area) && bits_have(y->bits, country) != (in_y == area);
        if (is_in != bits_have(bits, country)) areas[count++] = area;
        i += in_x == area;
        j += in_y == area;
    }
    return territories_intern(bits, areas, count, out);
}

bool rights_territories_meet(uint32_t a, uint32_t b) {
    const struct territories *x = territories_at(a), *y = territories_at(b);
    uint64_t common = 0;
    for (int i = 0; i < 4; i++) common |= x->bits[i] & y->bits[i];
    return common || ((x->area_count || y->area_count) && areas_any(x, y, in_both));
}

bool territories_within(uint32_t part, uint32_t whole) {
    if (part == whole) return true;
    const struct territories *x = territories_at(part), *y = territories_at(whole);
    uint64_t outside = 0;
    for (int i = 0; i < 4; i++) outside |= x->bits[i] & ~y->bits[i];
    return !outside && !((x->area_count || y->area_count) && areas_any(x, y, in_first_only));
}

/* --- languages --- */

static const char short_codes[][2][4] = {
#define RIGHTS_LANGUAGE(brief, full) {#brief, #full},
#include "business/rights/language.tbl.h"
#undef RIGHTS_LANGUAGE
};
static const uint64_t long_codes[] = {
#define RIGHTS_LANGUAGE_WORD(word) UINT64_C(word),
#include "business/rights/language.tbl.h"
#undef RIGHTS_LANGUAGE_WORD
};
static_assert(ARRAY_LEN(long_codes) == (26 * 26 * 26 + 63) / 64, "a bit for each code of three letters");

static bool all_letters(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (!is_upper(upper(s.ptr[i]))) return false;
    return true;
}
static uint64_t letters_pack(struct slice s) { /* five bits each, the first lowest */
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) v |= (uint64_t)(lower(s.ptr[i]) - 'a' + 1) << 5 * i;
    return v;
}

static bool language_parse(struct slice s, uint64_t *out) {
    if (s.len < 2 || s.len > 3 || !all_letters(s)) return false;
    for (size_t i = 0; i < ARRAY_LEN(short_codes); i++)
        if (slice_eq_nocase(s, slice_cstr(short_codes[i][s.len - 2]))) {
            *out = letters_pack(slice_cstr(short_codes[i][0]));
            return true;
        }
    if (s.len == 2) return false;
    unsigned n = 0;
    for (int i = 0; i < 3; i++) n = n * 26 + (unsigned)(lower(s.ptr[i]) - 'a');
    if (!(long_codes[n / 64] >> n % 64 & 1)) return false;
    *out = letters_pack(s);
    return true;
}

/* BCP 47 section 2.1: language, script, region; what comes behind these makes no difference that a contract could hang on, and is refused. */
static bool tag_parse(struct slice s, uint64_t *out) {
    struct slice rest = s, part;
    uint64_t language, tag;
    if (!slice_next(&rest, '-', &part) || !language_parse(part, &language)) return false;
    tag = language;
    bool has_more = slice_next(&rest, '-', &part);
    if (has_more && part.len == 4 && all_letters(part)) {
        tag |= letters_pack(part) << TAG_SCRIPT_BIT;
        has_more = slice_next(&rest, '-', &part);
    }
    if (has_more) {
        uint64_t region = 0;
        uint8_t country;
        bool is_country = rights_country_parse(part, &country), is_number = part.len == 3 && is_digit(part.ptr[0]) && is_digit(part.ptr[1]) && is_digit(part.ptr[2]);
        if (!is_country && !is_number) return false;
        for (size_t i = 0; i < part.len; i++) {
            char c = upper(part.ptr[i]);
            region |= (uint64_t)(is_digit(c) ? c - '0' + 27 : c - 'A' + 1) << 6 * i;
        }
        tag |= region << TAG_REGION_BIT;
        has_more = slice_next(&rest, '-', &part);
    }
    if (has_more) return false;
    *out = tag;
    return true;
}

static void tag_write(struct buf *b, uint64_t tag) {
    for (int i = 0; i < 3; i++)
        if (tag >> 5 * i & 31) buf_u8(b, (uint8_t)('a' - 1 + (tag >> 5 * i & 31)));
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned)(tag >> (TAG_SCRIPT_BIT + 5 * i) & 31);
        if (!c) break;
        if (!i) buf_u8(b, '-');
        buf_u8(b, (uint8_t)((i ? 'a' : 'A') - 1 + c));
    }
    for (int i = 0; i < 3; i++) {
        unsigned c = (unsigned)(tag >> (TAG_REGION_BIT + 6 * i) & 63);
        if (!c) break;
        if (!i) buf_u8(b, '-');
        buf_u8(b, (uint8_t)(c > 26 ? '0' + c - 27 : 'A' - 1 + c));
    }
}

static const struct languages any = {.text = {"", 0}};
const struct languages *languages_at(uint32_t set) { return set ? pool_at(&language_pool, set - 1) : &any; }

static uint64_t languages_hash_at(uint32_t id) { return slice_hash(((const struct languages *)pool_at(&language_pool, id))->text); }

/* By what it looks like, so that a list reads well. */
static int by_letters(const void *a, const void *b) {
    char text[2][16] = {{0}};
    const uint64_t *tags[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        struct buf one = {.ptr = text[i], .capacity = sizeof text[i], .bytes_max = sizeof text[i] - 1};
        tag_write(&one, *tags[i]);
    }
    return strcmp(text[0], text[1]);
}

struct err languages_intern(const uint64_t *tags, size_t count, uint32_t *out) {
    if (count == 0) {
        *out = 0;
        return ERR_OK;
    }
    struct buf text = BUF(RIGHTS_LANGUAGES_MAX * 2);
    struct err e = ERR_OK;
    struct languages *l = mem_alloc(sizeof *l + count * sizeof *tags + count * 16);
    if (!l) return error_full();
    l->count = 0;
    for (size_t i = 0; i < count; i++) { /* what another one holds already is left out */
        bool is_held = false;
        for (size_t j = 0; j < count && !is_held; j++) is_held = tag_holds(tags[j], tags[i]) && (tags[j] != tags[i] || j < i);
        if (!is_held) l->tags[l->count++] = tags[i];
    }
    qsort(l->tags, l->count, sizeof *tags, by_letters);
    for (uint32_t i = 0; i < l->count; i++) {
        if (i) buf_u8(&text, ',');
        tag_write(&text, l->tags[i]);
    }
    struct pool *p = &language_pool;
    uint32_t id;
    lock_take(&p->lock);
    if (text.has_failed || text.len > count * 16) e = error_full();
    for (uint64_t at = slice_hash(buf_slice(&text)); !e.kind && slots_next(&p->by_text, &at, &id);)
        if (slice_eq(languages_at(id + 1)->text, buf_slice(&text))) {
            *out = id + 1;
            goto end;
        }
    if (!e.kind && !(pool_make_room(p) && slots_make_room(&p->by_text, languages_hash_at))) e = error_full();
    if (!e.kind) {
        char *chars = (char *)(l->tags + l->count);
        memcpy(chars, text.ptr, text.len);
        l->text = slice_of(chars, text.len);
        id = pool_add(p, l);
        slots_put(&p->by_text, slice_hash(l->text), id);
        l = NULL;
        *out = id + 1;
    }
end:
    lock_give(&p->lock);
    mem_free(l);
    buf_free(&text);
    return e;
}

static struct err error_tag(void) {
    return err_make(ERR_INPUT, "rights.language_tag", "This is no language of BCP 47. Write de, zh-Hant or pt-BR.");
}

struct err rights_languages_of(struct slice text, uint32_t *out, struct slice *bad) {
    *bad = SLICE_NONE;
    text = slice_trim(text);
    if (!text.len) {
        *out = 0;
        return ERR_OK;
    }
    uint64_t tags[LANGUAGES_MAX];
    size_t count = 0;
    struct slice rest = text, part;
    while (slice_next(&rest, ',', &part)) {
        part = slice_trim(part);
        if (count == LANGUAGES_MAX || text.len > RIGHTS_LANGUAGES_MAX || !tag_parse(part, &tags[count])) {
            *bad = part;
            return error_tag();
        }
        count++;
    }
    return languages_intern(tags, count, out);
}

struct slice rights_languages_text(uint32_t set) { return languages_at(set)->text; }

static uint64_t tag_hash_at(uint32_t id) { return mix(*(const uint64_t *)pool_at(&tag_pool, id)); }

uint64_t tag_at(uint32_t tag) { return tag ? *(const uint64_t *)pool_at(&tag_pool, tag - 1) : 0; }

struct err rights_tag_of(struct slice text, uint32_t *out) {
    text = slice_trim(text);
    uint64_t packed;
    if (!text.len) {
        *out = 0;
        return ERR_OK;
    }
    if (!tag_parse(text, &packed)) return error_tag();
    struct err e = ERR_OK;
    struct pool *p = &tag_pool;
    uint32_t id;
    uint64_t *kept = NULL;
    lock_take(&p->lock);
    for (uint64_t at = mix(packed); slots_next(&p->by_value, &at, &id);)
        if (tag_at(id + 1) == packed) {
            *out = id + 1;
            goto end;
        }
    if (pool_make_room(p) && slots_make_room(&p->by_value, tag_hash_at)) kept = mem_alloc(sizeof *kept);
    if (kept) {
        *kept = packed;
        id = pool_add(p, kept);
        slots_put(&p->by_value, mix(packed), id);
        *out = id + 1;
    } else {
        e = error_full();
    }
end:
    lock_give(&p->lock);
    return e;
}

bool languages_hold(const struct languages *l, uint64_t tag) {
    if (!l->count) return true;
    if (!tag) return false;
    for (uint32_t i = 0; i < l->count; i++)
        if (tag_holds(l->tags[i], tag)) return true;
    return false;
}

bool languages_common(const struct languages *a, const struct languages *b, uint64_t *out, size_t *count) {
    *count = 0;
    if (!a->count && !b->count) return true;
    if (!a->count || !b->count) {
        const struct languages *l = a->count ? a : b;
        memcpy(out, l->tags, l->count * sizeof *out);
        *count = l->count;
        return true;
    }
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t j = 0; j < b->count; j++) {
            uint64_t both = tag_mask(a->tags[i]) & tag_mask(b->tags[j]);
            if ((a->tags[i] & both) == (b->tags[j] & both)) out[(*count)++] = a->tags[i] | b->tags[j];
        }
    return *count > 0;
}
