/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/clock.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/mem.h"

struct clock {
    bool is_manual;
    atomic_int_fast64_t utc_ns, mono_ns; /* of a manual clock */
};

static struct clock system_clock = {.is_manual = false};

struct clock *clock_system(void) { return &system_clock; }

struct clock *clock_manual_create(struct utc_time start) {
    struct clock *c = mem_zalloc(sizeof *c);
    if (!c) return NULL;
    c->is_manual = true;
    atomic_store(&c->utc_ns, start.ns);
    atomic_store(&c->mono_ns, NS_PER_S); /* not zero, which callers may use for "never" */
    return c;
}

void clock_manual_destroy(struct clock **address) { MEM_FREE(address); }

void clock_manual_advance(struct clock *c, int64_t ns) {
    assert(c->is_manual);
    assert(ns >= 0);
    atomic_fetch_add(&c->utc_ns, ns);
    atomic_fetch_add(&c->mono_ns, ns);
}

void clock_manual_set_utc(struct clock *c, struct utc_time t) {
    assert(c->is_manual);
    atomic_store(&c->utc_ns, t.ns);
}

static int64_t system_ns(clockid_t which) {
    struct timespec ts;
    int failed = clock_gettime(which, &ts);
    assert(!failed);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

struct utc_time clock_utc(const struct clock *c) {
    return (struct utc_time){c->is_manual ? atomic_load(&((struct clock *)c)->utc_ns) : system_ns(CLOCK_REALTIME)};
}

struct mono_time clock_mono(const struct clock *c) {
    return (struct mono_time){c->is_manual ? atomic_load(&((struct clock *)c)->mono_ns) : system_ns(CLOCK_MONOTONIC)};
}

/* Civil dates by the algorithm of days from the era's start (400-year cycles, years beginning in March), because the
 * C library's calendar functions are locale-bound and not all thread-safe. */
struct civil {
    int64_t year;
    int month, day, hour, minute, second;
};

static struct civil civil_from_seconds(int64_t s) {
    int64_t days = s / 86400, rest = s % 86400;
    if (rest < 0) rest += 86400, days--;
    days += 719468; /* from 0000-03-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int shifted_month = (int)((5 * day_of_year + 2) / 153);
    int month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    return (struct civil){
        .year = year_of_era + era * 400 + (month <= 2),
        .month = month,
        .day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1),
        .hour = (int)(rest / 3600),
        .minute = (int)(rest / 60 % 60),
        .second = (int)(rest % 60),
    };
}

static int64_t civil_to_seconds(struct civil c) {
    int64_t year = c.year - (c.month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400, year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (era * 146097 + day_of_era - 719468) * 86400 + c.hour * 3600 + c.minute * 60 + c.second;
}

static bool civil_is_valid(struct civil c) {
    static const int days[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (c.month < 1 || c.month > 12 || c.day < 1 || c.day > days[c.month - 1]) return false;
    bool is_leap = (c.year % 4 == 0 && c.year % 100 != 0) || c.year % 400 == 0;
    if (c.month == 2 && c.day == 29 && !is_leap) return false;
    return c.hour < 24 && c.minute < 60 && c.second < 60;
}

struct utc_text utc_text_of(struct utc_time t, int decimals) {
    int64_t s = utc_seconds(t), fraction = t.ns - s * NS_PER_S, unit = NS_PER_S;
    struct civil c = civil_from_seconds(s);
    struct utc_text out;
    char point[16] = "";
    for (int i = 0; i < decimals; i++) unit /= 10;
    if (decimals > 0) snprintf(point, sizeof point, ".%0*lld", decimals, (long long)(fraction / unit));
    snprintf(out.text, sizeof out.text, "%04lld-%02d-%02dT%02d:%02d:%02d%sZ", (long long)c.year, c.month, c.day, c.hour, c.minute, c.second, point);
    return out;
}

void utc_format(struct buf *out, struct utc_time t, int decimals) { buf_cstr(out, utc_text_of(t, decimals).text); }

static bool digits(struct slice *s, size_t count, int *out) {
    uint64_t v;
    if (s->len < count || !slice_to_u64(slice_sub(*s, 0, count), &v)) return false;
    *out = (int)v;
    *s = slice_sub(*s, count, s->len);
    return true;
}

static bool literal(struct slice *s, char c) {
    if (!s->len || s->ptr[0] != c) return false;
    *s = slice_sub(*s, 1, s->len);
    return true;
}

bool utc_parse(struct slice s, struct utc_time *out) {
    struct civil c;
    int year;
    if (!digits(&s, 4, &year) || !literal(&s, '-') || !digits(&s, 2, &c.month) || !literal(&s, '-') ||
        !digits(&s, 2, &c.day) || !literal(&s, 'T') || !digits(&s, 2, &c.hour) || !literal(&s, ':') ||
        !digits(&s, 2, &c.minute) || !literal(&s, ':') || !digits(&s, 2, &c.second))
        return false;
    c.year = year;
    if (!civil_is_valid(c) || c.year < 1700 || c.year > 2200) return false; /* what int64 nanoseconds can hold */
    int64_t fraction_ns = 0;
    if (literal(&s, '.')) {
        int64_t unit = NS_PER_S;
        size_t count = 0;
        while (s.len && s.ptr[0] >= '0' && s.ptr[0] <= '9') {
            unit /= 10;
            fraction_ns += (s.ptr[0] - '0') * unit;
            s = slice_sub(s, 1, s.len);
            count++;
        }
        if (!count) return false;
    }
    int64_t offset_s = 0;
    if (!literal(&s, 'Z')) {
        int hours, minutes, sign = s.len && s.ptr[0] == '-' ? -1 : 1;
        if (!literal(&s, '+') && !literal(&s, '-')) return false;
        if (!digits(&s, 2, &hours) || !literal(&s, ':') || !digits(&s, 2, &minutes)) return false;
        if (hours > 23 || minutes > 59) return false;
        offset_s = sign * (hours * 3600 + minutes * 60);
    }
    if (s.len) return false;
    out->ns = (civil_to_seconds(c) - offset_s) * NS_PER_S + fraction_ns;
    return true;
}

static const char week_days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void utc_format_http(char out[30], struct utc_time t) {
    int64_t s = utc_seconds(t);
    struct civil c = civil_from_seconds(s);
    int64_t day = s >= 0 ? s / 86400 : (s - 86399) / 86400;
    int week_day = (int)((day % 7 + 7) % 7);
    char text[64]; /* wider than needed, for the compiler, which does not know how long a year is */
    snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", week_days + (ptrdiff_t)week_day * 3, c.day,
             months + (ptrdiff_t)(c.month - 1) * 3, (int)(c.year % 10000), c.hour, c.minute, c.second);
    memcpy(out, text, 29);
    out[29] = 0;
}

bool utc_parse_http(struct slice s, struct utc_time *out) {
    if (s.len != 29) return false;
    struct civil c = {0};
    int year;
    s = slice_sub(s, 3, s.len); /* the day's name says nothing new */
    if (!literal(&s, ',') || !literal(&s, ' ') || !digits(&s, 2, &c.day) || !literal(&s, ' ')) return false;
    for (int i = 0; i < 12; i++)
        if (!memcmp(s.ptr, months + (ptrdiff_t)i * 3, 3)) c.month = i + 1;
    s = slice_sub(s, 3, s.len);
    if (!literal(&s, ' ') || !digits(&s, 4, &year) || !literal(&s, ' ') || !digits(&s, 2, &c.hour) ||
        !literal(&s, ':') || !digits(&s, 2, &c.minute) || !literal(&s, ':') || !digits(&s, 2, &c.second))
        return false;
    c.year = year;
    if (!civil_is_valid(c) || c.year < 1700 || c.year > 2200 || !slice_eq(s, SLICE(" GMT"))) return false;
    *out = utc_from_seconds(civil_to_seconds(c));
    return true;
}
