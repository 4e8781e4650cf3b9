/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * clock.h: time. Wall clock and monotonic clock are different types and cannot be mixed up; a duration is a plain
 * int64_t with its unit in its name. Everything that depends on time takes a clock, so that a test can turn it by
 * hand; nobody calls the system directly. Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct utc_time {
    int64_t ns; /* since 1970-01-01T00:00:00Z, without leap seconds */
};
struct mono_time {
    int64_t ns; /* since some moment of this run; never goes back */
};

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

/* Either the system's clock or one turned by hand. */
struct clock;

struct clock *clock_system(void); /* one for the process; never destroyed */

/* A manual clock stands still at `start` until it is moved. Moving it may be done from any thread, but it wakes
 * nobody: who waits for time is told by the test through its own wake-up. */
struct clock *clock_manual_create(struct utc_time start);
void clock_manual_destroy(struct clock **);
void clock_manual_advance(struct clock *, int64_t ns);             /* both clocks; ns >= 0 */
void clock_manual_set_utc(struct clock *, struct utc_time);        /* the wall clock alone jumps, also backwards */

struct utc_time clock_utc(const struct clock *);
struct mono_time clock_mono(const struct clock *);

static inline int64_t mono_diff_ns(struct mono_time later, struct mono_time earlier) { return later.ns - earlier.ns; }
static inline struct mono_time mono_add_ns(struct mono_time t, int64_t ns) { return (struct mono_time){t.ns + ns}; }
static inline int64_t utc_seconds(struct utc_time t) {
    return t.ns / NS_PER_S - (t.ns % NS_PER_S < 0); /* down, also before 1970 */
}
static inline struct utc_time utc_from_seconds(int64_t s) { return (struct utc_time){s * NS_PER_S}; }

/* "2026-11-20T20:41:00.123Z" with `decimals` (0, 3, 6 or 9) digits of fraction. utc_text_of needs no memory that could be missing. */
struct utc_text {
    char text[96];
};
struct utc_text utc_text_of(struct utc_time, int decimals);
void utc_format(struct buf *, struct utc_time, int decimals);
/* The same form back, any number of fraction digits, also with "+08:00"; false and untouched on anything else. */
bool utc_parse(struct slice, struct utc_time *out);

/* HTTP's form (RFC 9110 section 5.6.7): "Fri, 20 Nov 2026 20:41:00 GMT". Writes 29 characters and a zero. */
void utc_format_http(char out[30], struct utc_time);
bool utc_parse_http(struct slice, struct utc_time *out);

#endif
