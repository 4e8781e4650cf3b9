/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "text/moment.h"

#include <stdio.h>

#include "text/text.h"

#define DAY_S INT64_C(86400)
enum { BUDDHIST_ERA = 543 };

/* "UTC", "UTC+1", "UTC-3:30": names of zones ("CST") mean several places. */
static void zone_print(char *out, size_t size, int32_t offset_s) {
    int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    if (!minutes) snprintf(out, size, "UTC");
    else if (minutes % 60) snprintf(out, size, "UTC%c%d:%02d", offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
    else snprintf(out, size, "UTC%c%d", offset_s < 0 ? '-' : '+', minutes / 60);
}

static void moment(struct buf *out, struct slice lang, const struct zone_time *t, bool has_year, bool has_time, bool is_readers) {
    char day[24], year[24], month_code[24], time[24], zone[32];
    snprintf(day, sizeof day, "%d", t->day);
    snprintf(year, sizeof year, "%lld", (long long)t->year + (slice_eq(lang, SLICE("th")) ? BUDDHIST_ERA : 0));
    snprintf(month_code, sizeof month_code, "date.month_%d", t->month);
    struct text_param params[] = {{SLICE("day"), slice_cstr(day)}, {SLICE("month"), text_lookup(lang, slice_cstr(month_code))}, {SLICE("year"), slice_cstr(year)}};
    struct buf date = BUF(400);
    text_format(&date, lang, has_year ? SLICE("date.day_year") : SLICE("date.day"), params, sizeof params / sizeof params[0]);
    if (has_time) {
        snprintf(time, sizeof time, "%02d:%02d", t->hour, t->minute);
        zone_print(zone, sizeof zone, t->offset_s);
        struct text_param with_time[] = {{SLICE("date"), buf_slice(&date)}, {SLICE("time"), slice_cstr(time)}, {SLICE("zone"), slice_cstr(zone)}};
        text_format(out, lang, is_readers ? SLICE("date.at_here") : SLICE("date.at"), with_time, is_readers ? 2 : 3);
    } else {
        buf_append(out, buf_slice(&date));
    }
    buf_free(&date);
}

void text_moment(struct buf *out, struct slice lang, int64_t at_s, int64_t now_s, struct text_zone zone) {
    struct zone_time t = zone_time_of(zone.zone, at_s);
    moment(out, lang, &t, t.year != zone_time_of(zone.zone, now_s).year, at_s - now_s < DAY_S && now_s - at_s < DAY_S, zone.is_readers);
}

void text_moment_whole(struct buf *out, struct slice lang, int64_t at_s, struct text_zone zone) {
    struct zone_time t = zone_time_of(zone.zone, at_s);
    moment(out, lang, &t, true, true, zone.is_readers);
}

void text_moment_of_day(struct buf *out, struct slice lang, int64_t at_s, struct text_zone zone) {
    struct zone_time t = zone_time_of(zone.zone, at_s);
    moment(out, lang, &t, true, t.hour || t.minute, zone.is_readers);
}
