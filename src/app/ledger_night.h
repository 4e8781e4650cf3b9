/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * ledger_night.h: the books are checked once a day, at night, as a job: operators see it among the others, and it fails where they do not add up. */
#ifndef APP_LEDGER_NIGHT_H
#define APP_LEDGER_NIGHT_H

#include "business/ledger/ledger.h"
#include "system/job/job.h"

struct ledger_night {
    struct db *db;
    const struct clock *clock;
    struct ledger *ledger;
    struct job_runner *jobs; /* set when it is open */
    int64_t org_id;          /* whose operators see it */
    int64_t tried_ns;        /* when the last one was asked for */
};
/* For job_runner_open. The struct stays the caller's. */
struct job_kind ledger_night_kind(struct ledger_night *);
/* About once a minute: asks for a check when none was noted for a day (or for half of one, between three and four at night, UTC, which is
 * where it comes to rest). Not while the books are empty. */
MUST_USE struct err ledger_night_tick(struct ledger_night *);

#endif
