/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * room.h: the insides of struct access. Within access only.
 *
 *   decide.c    the decision: no state of its own
 *   grants.c    entitlements by hand: the store is the truth, a hash by household and title answers
 *   streams.c   what runs: two hashes over the same streams, by session and by household
 *   watch.c     the thread that decides streams again
 *   sentence.c  an answer in words */
#ifndef BUSINESS_ACCESS_ROOM_H
#define BUSINESS_ACCESS_ROOM_H

#include <stdatomic.h>

#include "base/mem.h"
#include "base/thread.h"
#include "business/access/access.h"

/* What of a grant the decision needs. */
struct grant {
    struct grant *next;
    int64_t id, org_id, household_id, title_id, starts_s, ends_s;
    int medium;
};
struct grants {
    struct lock lock;
    struct grant **buckets; /* a power of two */
    size_t bucket_count, count;
    _Atomic int64_t seq; /* of the last change that was taken in */
    struct lock following;
};

enum { STREAM_BUCKETS = 1 << 14 };
struct stream {
    struct stream *next_of_session, *next_of_household;
    struct access_stream s; /* s.session is "": its slot is taken, the store is being asked */
};
struct streams {
    struct lock lock;
    struct stream *of_session[STREAM_BUCKETS], *of_household[STREAM_BUCKETS];
    size_t count;
};

struct access {
    struct access_options o;
    struct grants grants;
    struct streams streams;
    struct lock watch_lock;
    struct condition watch_wake, watch_end; /* something to do; enough */
    bool watch_is_wanted, watch_stops;
    struct thread *watch;
    _Atomic uint64_t decisions, refusals, sweeps, ended;
};

static inline int64_t access_now_s(const struct access *a) { return utc_seconds(clock_utc(a->o.clock)); }
/* The static text of a reason that was stored; "access.profile" for one that we do not know (any more). */
const char *access_reason_known(struct slice);

/* --- grants.c --- */
enum { GRANTS_FOUND_MAX = RIGHTS_MEDIA }; /* one a medium */
void grants_init(struct grants *);
void grants_destroy(struct grants *);
MUST_USE struct err grants_load(struct access *);
/* Takes in what has changed since. Workers. */
MUST_USE struct err grants_follow(struct access *);
/* Those of the household for any of the titles that hold at `at_s`: for each medium the one that ends last. *next_s becomes smaller where one begins
 * earlier. */
size_t grants_find(struct access *, int64_t household_id, const int64_t titles[3], int64_t at_s, struct grant out[GRANTS_FOUND_MAX], int64_t *next_s);
struct err grants_write_subject(void *access_at, struct db_tx *, struct arena *, const struct account_subject *, struct json_writer *);
struct err grants_keeps_subject(void *access_at, struct db_tx *, struct arena *, const struct account_subject *, bool *out);
struct err grants_erase_subject(void *access_at, struct db_tx *, const struct account_subject *);

/* --- streams.c --- */
void streams_init(struct streams *);
void streams_destroy(struct streams *);
MUST_USE struct err streams_load(struct access *);
/* Of this household, without those that are over at `at_s`; *next_s becomes the moment at which the first of them is over, if that is earlier. */
int streams_count(struct access *, int64_t household_id, int64_t at_s, int64_t *next_s);

#endif
