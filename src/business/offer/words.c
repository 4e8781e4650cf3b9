/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Words, copies, and what follows from an offer alone. */
#include <assert.h>
#include <time.h>

#include "business/offer/room.h"

static const char *const kind_names[OFFER_KINDS] = {"subscription", "rental", "purchase", "season_pass", "live_pass", "bundle", "gift_card"};
static const char *const contents_names[OFFER_CONTENTS] = {"all", "collection", "series", "titles"};
static const char *const unit_names[OFFER_UNITS] = {"month", "year"};
static const char *const gift_names[] = {"open", "redeemed", "cancelled"};

static bool parse(const char *const *names, size_t count, struct slice text, int *out) {
    for (size_t i = 0; i < count; i++)
        if (slice_eq(text, slice_cstr(names[i]))) return *out = (int)i, true;
    return false;
}

const char *offer_kind_name(enum offer_kind k) { return (unsigned)k < OFFER_KINDS ? kind_names[k] : "unknown"; }
const char *offer_contents_name(enum offer_contents c) { return (unsigned)c < OFFER_CONTENTS ? contents_names[c] : "unknown"; }
const char *offer_unit_name(enum offer_unit u) { return (unsigned)u < OFFER_UNITS ? unit_names[u] : "unknown"; }
const char *offer_gift_state_name(enum offer_gift_state s) { return (unsigned)s < ARRAY_LEN(gift_names) ? gift_names[s] : "unknown"; }
bool offer_kind_parse(struct slice text, enum offer_kind *out) {
    int i;
    return parse(kind_names, OFFER_KINDS, text, &i) ? (*out = (enum offer_kind)i, true) : false;
}
bool offer_contents_parse(struct slice text, enum offer_contents *out) {
    int i;
    return parse(contents_names, OFFER_CONTENTS, text, &i) ? (*out = (enum offer_contents)i, true) : false;
}
bool offer_unit_parse(struct slice text, enum offer_unit *out) {
    int i;
    return parse(unit_names, OFFER_UNITS, text, &i) ? (*out = (enum offer_unit)i, true) : false;
}

enum rights_medium offer_medium(enum offer_kind kind) {
    switch (kind) {
    case OFFER_SUBSCRIPTION: return RIGHTS_SUBSCRIPTION;
    case OFFER_RENTAL: return RIGHTS_RENTAL;
    case OFFER_LIVE_PASS: return RIGHTS_LIVE;
    case OFFER_PURCHASE:
    case OFFER_SEASON_PASS:
    case OFFER_BUNDLE: return RIGHTS_PURCHASE;
    case OFFER_GIFT_CARD:
    case OFFER_KINDS: break;
    }
    assert(!"gift cards have no medium");
    return RIGHTS_PURCHASE;
}

struct offer_text offer_text_in(const struct offer *o, struct slice lang) {
    struct offer_text out = {0};
    struct slice known = text_language_of(lang);
    int first = 0;
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++)
        if (slice_eq(known, text_languages[i].code)) first = i;
    /* Name and description each for itself: a description in English is better than none. */
    for (int i = -2; i < TEXT_LANGUAGE_COUNT; i++) {
        const struct offer_text *t = &o->texts[i == -2 ? first : i == -1 ? 0 : i];
        if (!out.name.len) out.name = t->name;
        if (!out.description.len) out.description = t->description;
    }
    return out;
}

const struct offer_price *offer_price_at(const struct offer *o, struct rights_place place) {
    for (size_t i = 0; i < o->price_count; i++)
        if (rights_territories_hold(o->prices[i].territories, place, RIGHTS_ALLOW)) return &o->prices[i];
    return NULL;
}

bool offer_needs_title(const struct offer *o) {
    switch (o->kind) {
    case OFFER_RENTAL:
    case OFFER_PURCHASE: return o->contents != OFFER_TITLES || o->title_count != 1;
    case OFFER_SEASON_PASS:
    case OFFER_LIVE_PASS: return o->contents == OFFER_ALL || o->contents == OFFER_COLLECTION;
    case OFFER_SUBSCRIPTION:
    case OFFER_BUNDLE:
    case OFFER_GIFT_CARD:
    case OFFER_KINDS: break;
    }
    return false;
}

/* --- days --- */

/* Days since 1970-01-01 of the first of a month of the Gregorian calendar, months counted from 0 in year 0; and how long the month is. Counted in years that begin in March, so
 * that the leap day is the last of its year. */
static int64_t days_before(int64_t month) {
    int64_t year = month / 12, m = month % 12 + 1;
    int64_t y = m <= 2 ? year - 1 : year, era_year = y % 400, era = y / 400;
    int64_t day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5;
    return era * 146097 + era_year * 365 + era_year / 4 - era_year / 100 + day_of_year - 719468;
}

int64_t offer_period_end(const struct offer *o, int64_t first_s, int64_t n) {
    assert(first_s >= 0 && n >= 1 && o->period >= 1);
    int64_t days = first_s / 86400, second = first_s % 86400;
    time_t at = (time_t)first_s;
    struct tm tm;
    gmtime_r(&at, &tm);
    int64_t month = ((int64_t)tm.tm_year + 1900) * 12 + tm.tm_mon;
    int64_t day = days - days_before(month); /* from 0 */
    month += n * o->period * (o->unit == OFFER_YEAR ? 12 : 1);
    int64_t length = days_before(month + 1) - days_before(month);
    return (days_before(month) + (day < length ? day : length - 1)) * 86400 + second;
}

/* --- copies --- */

bool offer_copy(struct arena *arena, const struct offer *from, struct offer *out) {
    struct offer copy = *from;
    struct offer_price *prices = arena_alloc_array(arena, from->price_count + 1, sizeof *prices);
    int64_t *titles = arena_alloc_array(arena, from->title_count + 1, sizeof *titles);
    if (!prices || !titles) return false;
    if (from->price_count) memcpy(prices, from->prices, from->price_count * sizeof *prices);
    if (from->title_count) memcpy(titles, from->titles, from->title_count * sizeof *titles);
    copy.prices = prices;
    copy.titles = titles;
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        copy.texts[i].name = arena_copy(arena, from->texts[i].name);
        copy.texts[i].description = arena_copy(arena, from->texts[i].description);
    }
    if (arena_overflowed(arena)) return false;
    *out = copy;
    return true;
}

bool coupon_fold(struct slice code, char out[OFFER_CODE_MAX]) {
    if (!code.len || code.len > OFFER_CODE_MAX) return false;
    memset(out, 0, OFFER_CODE_MAX);
    for (size_t i = 0; i < code.len; i++) out[i] = code.ptr[i] >= 'a' && code.ptr[i] <= 'z' ? (char)(code.ptr[i] - 'a' + 'A') : code.ptr[i];
    return true;
}
