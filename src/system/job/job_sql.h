/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * job_sql.h: the table of jobs, for this room only. Each function is for one transaction of somebody else. */
#ifndef SYSTEM_JOB_JOB_SQL_H
#define SYSTEM_JOB_JOB_SQL_H

#include "system/job/job.h"

enum { JOB_CRASHES_MAX = 5, JOB_FRACTION_UNIT = 1000000 };

MUST_USE struct err job_sql_insert(struct db_tx *, const struct job_new *, int64_t id, struct utc_time now);

/* What a run needs, in `arena`. */
struct job_claim {
    int64_t id, org_id;
    struct slice kind, subject, payload, checkpoint;
    int attempt, failures;
};
/* The oldest job that is ready becomes running on this node. Otherwise `found` is false, and `next` is when one may become ready
 * (ns = 0: not by time). Jobs whose predecessor failed are cancelled on the way: they are in `dropped`. */
enum { JOB_DROPPED_MAX = 32 };
struct job_claim_result {
    bool found;
    struct job_claim claim;
    struct utc_time next;
    struct job_change dropped[JOB_DROPPED_MAX];
    size_t dropped_count;
};
MUST_USE struct err job_sql_claim(struct db_tx *, struct arena *, unsigned node, struct utc_time now, struct job_claim_result *out);

/* How a run ended. */
struct job_end {
    enum job_state state; /* JOB_QUEUED: to be run again at run_at */
    struct utc_time run_at;
    struct err error; /* of this run; none: what stands is kept, except that success clears it */
    int failures;
};
MUST_USE struct err job_sql_end(struct db_tx *, int64_t id, const struct job_end *, const char *step, double fraction, struct utc_time now);
/* Both say whether a cancel has been asked for meanwhile, perhaps through another server. */
MUST_USE struct err job_sql_progress(struct db_tx *, int64_t id, const char *step, double fraction, bool *cancel_requested);
MUST_USE struct err job_sql_checkpoint(struct db_tx *, int64_t id, struct slice checkpoint, bool *cancel_requested);

/* Running jobs of this node, which has just started, go back into the queue; those that never survive fail, and those that were to be
 * cancelled are: both are in `ended`, in the arena. */
struct job_recovery {
    struct job_change *ended;
    size_t ended_count;
    int64_t requeued;
};
MUST_USE struct err job_sql_recover(struct db_tx *, struct arena *, unsigned node, struct utc_time now, struct job_recovery *out);

/* The state it is in after: JOB_CANCELLED, or JOB_RUNNING when it has to be asked to stop. */
MUST_USE struct err job_sql_cancel(struct db_tx *, int64_t org_id, int64_t id, struct utc_time now, enum job_state *state);
MUST_USE struct err job_sql_get(struct db_tx *, struct arena *, int64_t org_id, int64_t id, struct job_info *out);
MUST_USE struct err job_sql_list(struct db_tx *, struct arena *, int64_t org_id, int64_t before_id, size_t limit, struct job_list *out);
MUST_USE struct err job_sql_find(struct db_tx *, int64_t org_id, struct slice public_id, int64_t *id);
bool job_sql_is_unfinished(struct db_tx *, int64_t id);
bool job_sql_key_is_unfinished(struct db_tx *, struct slice key);
MUST_USE struct err job_sql_prune(struct db_tx *, struct utc_time before, int64_t *count);
bool job_sql_cancel_requested(struct db_tx *, int64_t id);

#endif
