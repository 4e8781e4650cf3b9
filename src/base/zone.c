/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/zone.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"

#define FOLDER "/usr/share/zoneinfo/"
#define DAY_S INT64_C(86400)
enum { HEADER_BYTES = 44, FILE_BYTES_MAX = 64 << 10, TAB_BYTES_MAX = 256 << 10, TIMES_MAX = 4000, TYPES_MAX = 256, CHARS_MAX = 512, OFFSET_MAX_S = 26 * 3600, SLOTS = 4096 };

/* One end of summer time: the day of a year, and the time of that day in seconds. */
struct turn {
    enum { TURN_MONTH, TURN_JULIAN, TURN_DAY } kind; /* Mm.w.d, Jn, n */
    int month, week, day;
    int32_t time_s;
};
/* "CET-1CEST,M3.5.0,M10.5.0/3" */
struct rule {
    bool has, has_summer;
    int32_t standard_s, summer_s; /* east of UTC */
    struct turn begins, ends;
};
struct zone {
    char name[ZONE_NAME_MAX + 1];
    size_t name_len, count;
    int32_t first_s; /* before at[0] */
    struct rule rule;
    struct {
        int64_t at_s;
        int32_t offset_s;
    } turns[];
};

/* --- the calendar: eras of 400 years that begin in March, so that the leap day is a year's last --- */

static int64_t days_of(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}
static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static struct zone_time date_of(int64_t local_s) {
    int64_t days = floor_div(local_s, DAY_S), of_day = local_s - days * DAY_S;
    days += 719468;
    int64_t era = floor_div(days, 146097), of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365, of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    struct zone_time t = {.day = (int)(of_year - (153 * month + 2) / 5 + 1), .month = (int)(month < 10 ? month + 3 : month - 9), .hour = (int)(of_day / 3600),
                          .minute = (int)(of_day % 3600 / 60)};
    t.year = year + era * 400 + (t.month <= 2);
    return t;
}
static bool is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

/* --- the footer: a rule as POSIX writes it in TZ (section 8.3 of the base definitions, with the hours of RFC 9636) --- */

struct reader {
    const char *at, *end;
};
static bool takes(struct reader *r, char c) {
    if (r->at == r->end || *r->at != c) return false;
    r->at++;
    return true;
}
static bool number(struct reader *r, int max, int *out) {
    int n = 0, digits = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9' && digits < 4; r->at++, digits++) n = n * 10 + (*r->at - '0');
    *out = n;
    return digits > 0 && n <= max;
}
static bool name_skip(struct reader *r) {
    const char *from = r->at;
    if (takes(r, '<')) {
        while (r->at < r->end && *r->at != '>') r->at++;
        return r->at - from > 1 && takes(r, '>');
    }
    while (r->at < r->end && ((*r->at >= 'A' && *r->at <= 'Z') || (*r->at >= 'a' && *r->at <= 'z'))) r->at++;
    return r->at - from >= 3;
}
static bool time_read(struct reader *r, int hours_max, int32_t *out) {
    bool is_negative = takes(r, '-');
    int hours, minutes = 0, seconds = 0;
    if (!is_negative) takes(r, '+');
    if (!number(r, hours_max, &hours)) return false;
    if (takes(r, ':') && !number(r, 59, &minutes)) return false;
    if (takes(r, ':') && !number(r, 59, &seconds)) return false;
    *out = (hours * 3600 + minutes * 60 + seconds) * (is_negative ? -1 : 1);
    return true;
}
static bool turn_read(struct reader *r, struct turn *t) {
    *t = (struct turn){.time_s = 2 * 3600};
    if (!takes(r, ',')) return false;
    if (takes(r, 'M')) {
        t->kind = TURN_MONTH;
        if (!number(r, 12, &t->month) || t->month < 1 || !takes(r, '.') || !number(r, 5, &t->week) || t->week < 1 || !takes(r, '.') || !number(r, 6, &t->day)) return false;
    } else if (takes(r, 'J')) {
        t->kind = TURN_JULIAN;
        if (!number(r, 365, &t->day) || t->day < 1) return false;
    } else {
        t->kind = TURN_DAY;
        if (!number(r, 365, &t->day)) return false;
    }
    return !takes(r, '/') || time_read(r, 167, &t->time_s);
}
static bool rule_read(struct slice text, struct rule *out) {
    struct reader r = {text.ptr, text.ptr + text.len};
    struct rule rule = {.has = true};
    int32_t west_s;
    if (!name_skip(&r) || !time_read(&r, 24, &west_s)) return false;
    rule.standard_s = -west_s;
    if (r.at < r.end) {
        rule.has_summer = true;
        rule.summer_s = rule.standard_s + 3600;
        if (!name_skip(&r)) return false;
        if (r.at < r.end && *r.at != ',') {
            if (!time_read(&r, 24, &west_s)) return false;
            rule.summer_s = -west_s;
        }
        if (!turn_read(&r, &rule.begins) || !turn_read(&r, &rule.ends)) return false;
    }
    *out = rule;
    return r.at == r.end;
}

/* Seconds since 1970 on the wall's clock. */
static int64_t turn_at(const struct turn *t, int64_t year) {
    int64_t day = days_of(year, 1, 1) + t->day;
    if (t->kind == TURN_JULIAN) day += (is_leap(year) && t->day >= 60) - 1; /* the 29th of February is never counted */
    if (t->kind == TURN_MONTH) {
        int64_t first = days_of(year, t->month, 1), next = t->month == 12 ? days_of(year + 1, 1, 1) : days_of(year, t->month + 1, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1 January 1970 was a Thursday */
        day = first + (t->day - weekday + 7) % 7 + (t->week - 1) * 7;
        if (day >= next) day -= 7; /* 5: the last */
    }
    return day * DAY_S + t->time_s;
}
static int32_t rule_offset(const struct rule *r, int64_t at_s) {
    if (!r->has_summer) return r->standard_s;
    int64_t year = date_of(at_s + r->standard_s).year, begins = turn_at(&r->begins, year) - r->standard_s, ends = turn_at(&r->ends, year) - r->summer_s;
    bool is_summer = begins < ends ? at_s >= begins && at_s < ends : at_s >= begins || at_s < ends; /* south of the equator it goes over New Year */
    return is_summer ? r->summer_s : r->standard_s;
}

/* --- the file --- */

static int64_t big_endian(const char *at, int bytes) {
    uint64_t n = 0;
    for (int i = 0; i < bytes; i++) n = n << 8 | (unsigned char)at[i];
    return bytes == 4 ? (int32_t)(uint32_t)n : (int64_t)n;
}

struct head {
    size_t universals, standards, leaps, times, types, chars;
};
static bool head_read(struct slice file, struct head *h) {
    if (file.len < HEADER_BYTES || memcmp(file.ptr, "TZif", 4) || file.ptr[4] < '2') return false; /* what is older ends in 2037 */
    size_t *const all[] = {&h->universals, &h->standards, &h->leaps, &h->times, &h->types, &h->chars};
    for (size_t i = 0; i < 6; i++) *all[i] = (uint32_t)big_endian(file.ptr + 20 + 4 * i, 4);
    return h->times <= TIMES_MAX && h->types <= TYPES_MAX && h->chars <= CHARS_MAX && h->leaps <= TIMES_MAX && h->universals <= h->types && h->standards <= h->types;
}
static size_t body_bytes(const struct head *h, size_t time_bytes) {
    return h->times * (time_bytes + 1) + h->types * 6 + h->chars + h->leaps * (time_bytes + 4) + h->standards + h->universals;
}

static bool parse(struct slice file, struct slice body, const struct head *h, struct zone *z) {
    const char *at = body.ptr, *types = at + h->times * 8, *infos = types + h->times;
    for (size_t i = 0; i < h->types; i++) {
        int64_t offset = big_endian(infos + 6 * i, 4);
        if (offset < -OFFSET_MAX_S || offset > OFFSET_MAX_S) return false;
    }
    z->first_s = (int32_t)big_endian(infos, 4);
    for (size_t i = 0; i < h->times; i++) {
        unsigned type = (unsigned char)types[i];
        if (type >= h->types) return false;
        z->turns[i].at_s = big_endian(at + 8 * i, 8);
        z->turns[i].offset_s = (int32_t)big_endian(infos + 6 * type, 4);
        if (i && z->turns[i].at_s <= z->turns[i - 1].at_s) return false;
    }
    z->count = h->times;
    struct slice footer = slice_sub(body, body_bytes(h, 8), body.len);
    if (footer.len < 2 || footer.ptr[0] != '\n' || footer.ptr[footer.len - 1] != '\n') return false;
    footer = slice_sub(footer, 1, footer.len - 1);
    return !footer.len || rule_read(footer, &z->rule);
}

struct err zone_parse(struct slice file, struct slice name, struct zone **out) {
    struct err wrong = err_make(ERR_INPUT, "zone.file", "This is no file of the time zone database.");
    struct head h;
    if (name.len > ZONE_NAME_MAX || !head_read(file, &h) || file.len - HEADER_BYTES < body_bytes(&h, 4)) return wrong;
    struct slice second = slice_sub(file, HEADER_BYTES + body_bytes(&h, 4), file.len); /* the same again, with 64 bits */
    if (!head_read(second, &h) || h.leaps || !h.types) return wrong; /* leap seconds: of the folder "right", for clocks that are not ours */
    struct slice body = slice_sub(second, HEADER_BYTES, second.len);
    if (body.len < body_bytes(&h, 8)) return wrong;
    struct zone *z = mem_alloc(sizeof *z + h.times * sizeof z->turns[0]);
    if (!z) return err_memory();
    *z = (struct zone){.name_len = name.len};
    if (name.len) memcpy(z->name, name.ptr, name.len);
    if (!parse(file, body, &h, z)) {
        mem_free(z);
        return wrong;
    }
    *out = z;
    return ERR_OK;
}
void zone_free(struct zone **z) {
    mem_free(*z);
    *z = NULL;
}

/* --- asking --- */

static int32_t offset_at(const struct zone *z, int64_t at_s) {
    size_t from = 0, to = z->count; /* how many turns are at or before it */
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (z->turns[middle].at_s <= at_s) from = middle + 1;
        else to = middle;
    }
    if (from == z->count && z->rule.has) return rule_offset(&z->rule, at_s);
    return from ? z->turns[from - 1].offset_s : z->first_s;
}

struct zone_time zone_time_of(const struct zone *z, int64_t at_s) {
    int32_t offset_s = z ? offset_at(z, at_s) : 0;
    struct zone_time t = date_of(at_s + offset_s);
    t.offset_s = offset_s;
    return t;
}

struct slice zone_name(const struct zone *z) { return z ? slice_of(z->name, z->name_len) : SLICE("UTC"); }

/* --- all that were asked for: they are never changed or freed, so whoever finds one needs no lock --- */

static _Atomic(struct zone *) known[SLOTS];

static bool is_name(struct slice name) {
    if (!name.len || name.len > ZONE_NAME_MAX || slice_starts_with(name, SLICE("right/")) || slice_starts_with(name, SLICE("posix/"))) return false;
    bool was_slash = true;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), is_other = (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';
        if (was_slash ? !is_letter : !is_letter && !is_other && c != '/') return false;
        was_slash = c == '/';
    }
    return !was_slash;
}

static struct err zone_load(struct slice name, struct zone **out) {
    char path[sizeof FOLDER + ZONE_NAME_MAX];
    snprintf(path, sizeof path, FOLDER "%.*s", SLICE_ARG(name));
    struct buf file = BUF(FILE_BYTES_MAX);
    struct err e = fs_read_file(AT_FDCWD, path, &file);
    if (!e.kind) e = zone_parse(buf_slice(&file), name, out);
    buf_free(&file);
    return e;
}

const struct zone *zone_find(struct slice name) {
    if (!is_name(name)) return NULL;
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < name.len; i++) hash = (hash ^ (unsigned char)name.ptr[i]) * 16777619u;
    struct zone *mine = NULL;
    for (size_t i = 0; i < SLOTS; i++) {
        _Atomic(struct zone *) *slot = &known[(hash + i) % SLOTS];
        struct zone *there = atomic_load_explicit(slot, memory_order_acquire);
        if (!there) {
            if (!mine && zone_load(name, &mine).kind) return NULL;
            if (atomic_compare_exchange_strong_explicit(slot, &there, mine, memory_order_acq_rel, memory_order_acquire)) return mine;
        }
        if (slice_eq(zone_name(there), name)) {
            zone_free(&mine); /* another thread was first */
            return there;
        }
    }
    zone_free(&mine);
    return NULL;
}

/* The database lists a country's zones from one end to the other: where the first is not the one of most people. */
static const char *const mains[][2] = {{"AU", "Australia/Sydney"}, {"BR", "America/Sao_Paulo"}, {"CA", "America/Toronto"}, {"FM", "Pacific/Pohnpei"},
                                       {"RU", "Europe/Moscow"},    {"UA", "Europe/Kyiv"},       {"UZ", "Asia/Tashkent"}};
enum { LETTERS = 26 };
static _Atomic(const struct zone *) of_country[LETTERS * LETTERS]; /* NULL: not asked for yet, or not found */

static const struct zone *country_look(struct slice country) {
    for (size_t i = 0; i < sizeof mains / sizeof mains[0]; i++)
        if (slice_eq(country, slice_cstr(mains[i][0]))) return zone_find(slice_cstr(mains[i][1]));
    struct buf tab = BUF(TAB_BYTES_MAX);
    const struct zone *found = NULL;
    if (!fs_read_file(AT_FDCWD, FOLDER "zone.tab", &tab).kind) {
        struct slice rest = buf_slice(&tab), line, place, zone;
        while (!found && slice_next(&rest, '\n', &line)) { /* "DE\t+5230+01322\tEurope/Berlin\tmost of Germany" */
            if (line.len < 4 || line.ptr[2] != '\t' || !slice_eq(slice_sub(line, 0, 2), country)) continue;
            line = slice_sub(line, 3, line.len);
            if (slice_next(&line, '\t', &place) && slice_next(&line, '\t', &zone)) found = zone_find(zone);
        }
    }
    buf_free(&tab);
    return found;
}

const struct zone *zone_of_country(struct slice country) {
    if (country.len != 2 || country.ptr[0] < 'A' || country.ptr[0] > 'Z' || country.ptr[1] < 'A' || country.ptr[1] > 'Z') return NULL;
    _Atomic(const struct zone *) *slot = &of_country[(country.ptr[0] - 'A') * LETTERS + country.ptr[1] - 'A'];
    const struct zone *there = atomic_load_explicit(slot, memory_order_acquire);
    if (there) return there;
    there = country_look(country);
    if (there) atomic_store_explicit(slot, there, memory_order_release); /* two that come at once store the same */
    return there;
}
