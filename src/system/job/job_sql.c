/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "system/job/job_sql.h"

#include <assert.h>
#include <string.h>

/* States are stored as they are numbered in job.h: 0 queued, 1 running, 2 done, 3 failed, 4 cancelled. */
_Static_assert(JOB_QUEUED == 0 && JOB_RUNNING == 1 && JOB_DONE == 2 && JOB_FAILED == 3 && JOB_CANCELLED == 4, "as stored");

static const struct db_migration migrations[] = {
    {"CREATE TABLE job("
     "  id $ID, org_id $INT NOT NULL, kind $TEXT NOT NULL, subject $TEXT NOT NULL, payload $TEXT NOT NULL,"
     "  key $TEXT, after_key $TEXT," /* NULL: none */
     "  state $INT NOT NULL CHECK(state BETWEEN 0 AND 4), cancel_requested $INT NOT NULL,"
     "  step $TEXT NOT NULL, fraction $INT NOT NULL," /* in millionths */
     "  error_code $TEXT, error_what $TEXT,"
     "  attempt $INT NOT NULL, failures $INT NOT NULL, crashes $INT NOT NULL," /* runs; runs that failed; runs that ended with the program
                                                                                */
     "  node $INT, checkpoint $BLOB,"
     "  created_ns $INT NOT NULL, started_ns $INT NOT NULL, finished_ns $INT NOT NULL, run_at_ns $INT NOT NULL) $TABLE;"
     /* Finished jobs, soon the most, are in none of the first two. */
     "CREATE INDEX job_waiting ON job(id) WHERE state = 0;"
     "CREATE INDEX job_running ON job(node) WHERE state = 1;"
     "CREATE INDEX job_by_org ON job(org_id, id);"
     "CREATE INDEX job_by_key ON job(org_id, key, id) WHERE key IS NOT NULL;"},
    {"ALTER TABLE job ADD COLUMN public_id $TEXT;"
     "UPDATE job SET public_id = 'before' || id;" /* of no use to anybody: the pages have forgotten them */
     "CREATE UNIQUE INDEX job_by_public_id ON job(org_id, public_id);"
     "CREATE INDEX job_ended ON job(finished_ns) WHERE state > 1;"},
};
const struct db_schema job_schema = {"job", migrations, ARRAY_LEN(migrations)};

/* --- putting in --- */

static const struct db_statement insert = {
    "job.insert",
    "INSERT INTO job(id, public_id, org_id, kind, subject, payload, key, after_key, state, cancel_requested, step, fraction, attempt, failures, "
    "crashes,"
    "  created_ns, started_ns, finished_ns, run_at_ns)"
    " VALUES (:id, :public_id, :org_id, :kind, :subject, :payload, :key, :after_key, 0, 0, '', 0, 0, 0, 0, :now, 0, 0, :now)",
};

static struct slice null_if_empty(struct slice s) { return s.len ? s : SLICE_NONE; }

struct err job_sql_insert(struct db_tx *tx, const struct job_new *n, int64_t id, struct utc_time now) {
    struct public_id public_id = public_id_random();
    return DB_RUN(tx, &insert, DB_INT("id", id), DB_TEXT("public_id", public_id_slice(&public_id)), DB_INT("org_id", n->org_id), DB_CSTR("kind", n->kind), DB_TEXT("subject", n->subject),
                  DB_TEXT("payload", n->payload), DB_TEXT_OR_NULL("key", null_if_empty(n->key)),
                  DB_TEXT_OR_NULL("after_key", null_if_empty(n->after_key)), DB_INT("now", now.ns));
}

/* --- taking out --- */

static const struct db_statement ready = {
    "job.ready",
    "SELECT id, org_id, kind, subject, payload, after_key, checkpoint, attempt, failures FROM job"
    " WHERE state = 0 AND run_at_ns <= :now AND NOT EXISTS ("
    "   SELECT 1 FROM job AS older WHERE older.org_id = job.org_id AND older.key = job.after_key AND older.id < job.id AND older.state < 2)"
    " ORDER BY id LIMIT 1",
};
static const struct db_statement predecessor_state = {
    "job.predecessor_state",
    "SELECT state FROM job WHERE org_id = :org_id AND key = :key AND id < :id ORDER BY id DESC LIMIT 1",
};
static const struct db_statement drop = {
    "job.drop",
    "UPDATE job SET state = 4, finished_ns = :now, error_code = 'job.predecessor',"
    " error_what = 'The work that this one builds on was cancelled or failed.' WHERE id = :id",
};
static const struct db_statement start = {
    "job.start",
    "UPDATE job SET state = 1, node = :node, attempt = attempt + 1, started_ns = :now WHERE id = :id",
};
static const struct db_statement next_time = {"job.next_time", "SELECT min(run_at_ns) FROM job WHERE state = 0 AND run_at_ns > :now"};

static bool predecessor_failed(struct db_tx *tx, const struct db_rows *r) {
    if (db_is_null(r, 0, "after_key")) return false;
    int64_t state = DB_GET_INT(tx, JOB_DONE, &predecessor_state, DB_INT("org_id", db_int(r, 0, "org_id")),
                               DB_TEXT("key", db_text(r, 0, "after_key")), DB_INT("id", db_int(r, 0, "id")));
    return state == JOB_FAILED || state == JOB_CANCELLED;
}

struct err job_sql_claim(struct db_tx *tx, struct arena *arena, unsigned node, struct utc_time now, struct job_claim_result *out) {
    *out = (struct job_claim_result){0};
    struct db_rows r;
    for (;;) {
        struct err e = DB_QUERY(tx, arena, &r, &ready, DB_INT("now", now.ns));
        if (e.kind) return e;
        /* After as many as we can tell of, the rest waits for the next claim: at once, as `next` is now. */
        if (out->dropped_count == JOB_DROPPED_MAX) {
            out->next = now;
            return ERR_OK;
        }
        if (!r.count || !predecessor_failed(tx, &r)) break;
        e = DB_RUN(tx, &drop, DB_INT("id", db_int(&r, 0, "id")), DB_INT("now", now.ns));
        if (e.kind) return e;
        out->dropped[out->dropped_count++] =
            (struct job_change){.org_id = db_int(&r, 0, "org_id"), .id = db_int(&r, 0, "id"), .state = JOB_CANCELLED};
    }
    if (!r.count) {
        out->next.ns = DB_GET_INT(tx, 0, &next_time, DB_INT("now", now.ns));
        return db_tx_error(tx);
    }
    out->found = true;
    out->claim = (struct job_claim){
        .id = db_int(&r, 0, "id"),
        .org_id = db_int(&r, 0, "org_id"),
        .kind = db_text(&r, 0, "kind"),
        .subject = db_text(&r, 0, "subject"),
        .payload = db_text(&r, 0, "payload"),
        .checkpoint = db_blob(&r, 0, "checkpoint"),
        .attempt = (int)db_int(&r, 0, "attempt") + 1,
        .failures = (int)db_int(&r, 0, "failures"),
    };
    return DB_RUN(tx, &start, DB_INT("id", out->claim.id), DB_INT("node", node), DB_INT("now", now.ns));
}

/* --- while it runs --- */

/* Saving a checkpoint is progress: whatever interrupted it before, the job does not only crash. */
static const struct db_statement checkpoint_set = {
    "job.checkpoint",
    "UPDATE job SET checkpoint = :checkpoint, crashes = 0 WHERE id = :id AND state = 1 RETURNING cancel_requested",
};
static const struct db_statement progress_set = {
    "job.progress",
    "UPDATE job SET step = :step, fraction = :fraction WHERE id = :id AND state = 1 RETURNING cancel_requested",
};
static const struct db_statement end_set = {
    "job.end",
    "UPDATE job SET state = :state, run_at_ns = :run_at, finished_ns = :finished, step = :step, fraction = :fraction, failures = :failures,"
    " crashes = 0, node = NULL, error_code = :error_code, error_what = :error_what WHERE id = :id AND state = 1",
};

static int64_t millionths(double fraction) { return (int64_t)(fraction * JOB_FRACTION_UNIT + 0.5); }

struct err job_sql_progress(struct db_tx *tx, int64_t id, const char *step, double fraction, bool *cancel_requested) {
    *cancel_requested = DB_GET_INT(tx, 0, &progress_set, DB_INT("id", id), DB_CSTR("step", step), DB_INT("fraction", millionths(fraction)));
    return db_tx_error(tx);
}

struct err job_sql_checkpoint(struct db_tx *tx, int64_t id, struct slice checkpoint, bool *cancel_requested) {
    *cancel_requested = DB_GET_INT(tx, 0, &checkpoint_set, DB_INT("id", id), DB_BLOB("checkpoint", checkpoint));
    return db_tx_error(tx);
}

struct err job_sql_end(struct db_tx *tx, int64_t id, const struct job_end *end, const char *step, double fraction, struct utc_time now) {
    struct slice code = slice_cstr(end->error.code), what = slice_cstr(end->error.what);
    if (what.len > JOB_ERROR_BYTES_MAX) what.len = JOB_ERROR_BYTES_MAX;
    return DB_RUN(tx, &end_set, DB_INT("id", id), DB_INT("state", end->state), DB_INT("run_at", end->run_at.ns),
                  DB_INT("finished", end->state == JOB_QUEUED ? 0 : now.ns), DB_CSTR("step", step),
                  DB_INT("fraction", millionths(fraction)), DB_INT("failures", end->failures), DB_TEXT_OR_NULL("error_code", code),
                  DB_TEXT_OR_NULL("error_what", what));
}

/* --- after a crash --- */

static const struct db_statement crashed_fail = {
    "job.crashed",
    "UPDATE job SET state = 3, crashes = crashes + 1, finished_ns = :now, node = NULL, error_code = 'job.crashing',"
    " error_what = 'The program ended each time while it was doing this. Look at its log for the reason before you try again.'"
    " WHERE state = 1 AND node = :node AND crashes + 1 >= :crashes_max RETURNING org_id, id, state",
};
/* A cancel that was asked for just before the end still counts. */
static const struct db_statement cancelled_end = {
    "job.cancelled_end",
    "UPDATE job SET state = 4, finished_ns = :now, node = NULL WHERE state = 1 AND node = :node AND cancel_requested = 1"
    " RETURNING org_id, id, state",
};
static const struct db_statement interrupted_requeue = {
    "job.requeue",
    "UPDATE job SET state = 0, crashes = crashes + 1, run_at_ns = :now, node = NULL WHERE state = 1 AND node = :node",
};

struct err job_sql_recover(struct db_tx *tx, struct arena *arena, unsigned node, struct utc_time now, struct job_recovery *out) {
    struct db_rows sets[2]; /* cancelled, crashed */
    struct job_recovery r = {0};
    struct err e = DB_QUERY(tx, arena, &sets[0], &cancelled_end, DB_INT("node", node), DB_INT("now", now.ns));
    if (!e.kind)
        e = DB_QUERY(tx, arena, &sets[1], &crashed_fail, DB_INT("node", node), DB_INT("now", now.ns),
                     DB_INT("crashes_max", JOB_CRASHES_MAX));
    if (!e.kind) e = DB_CHANGE(tx, &r.requeued, &interrupted_requeue, DB_INT("node", node), DB_INT("now", now.ns));
    if (e.kind) return e;
    r.ended = arena_alloc_array(arena, sets[0].count + sets[1].count + 1, sizeof *r.ended);
    if (!r.ended) return err_memory();
    for (size_t s = 0; s < ARRAY_LEN(sets); s++)
        for (size_t i = 0; i < sets[s].count; i++)
            r.ended[r.ended_count++] = (struct job_change){.org_id = db_int(&sets[s], i, "org_id"),
                                                           .id = db_int(&sets[s], i, "id"),
                                                           .state = (enum job_state)db_int(&sets[s], i, "state")};
    *out = r;
    return ERR_OK;
}

/* --- asking --- */

static const struct db_statement state_of = {"job.state", "SELECT state FROM job WHERE id = :id AND org_id = :org_id"};
static const struct db_statement cancel_waiting = {
    "job.cancel_waiting",
    "UPDATE job SET state = 4, cancel_requested = 1, finished_ns = :now WHERE id = :id",
};
static const struct db_statement cancel_running = {"job.cancel_running", "UPDATE job SET cancel_requested = 1 WHERE id = :id"};
static const struct db_statement unfinished = {"job.unfinished", "SELECT count(*) FROM job WHERE id = :id AND state < 2"};
static const struct db_statement cancel_asked = {"job.cancel_asked", "SELECT cancel_requested FROM job WHERE id = :id"};

#define INFO_COLUMNS                                                                                                       \
    "id, public_id, org_id, kind, subject, key, after_key, state, cancel_requested, step, fraction, error_code, error_what, attempt," \
    " created_ns, started_ns, finished_ns, run_at_ns"
static const struct db_statement get = {"job.get", "SELECT " INFO_COLUMNS " FROM job WHERE id = :id AND org_id = :org_id"};
static const struct db_statement find = {"job.find", "SELECT id FROM job WHERE org_id = :org_id AND public_id = :public_id"};
static const struct db_statement key_wanted = {"job.key_wanted", "SELECT count(*) FROM job WHERE key = :key AND state < 2"};
static const struct db_statement prune = {"job.prune", "DELETE FROM job WHERE state > 1 AND finished_ns < :before"};
static const struct db_statement list = {
    "job.list",
    "SELECT " INFO_COLUMNS " FROM job WHERE org_id = :org_id AND id < :before ORDER BY id DESC LIMIT :limit",
};

struct err job_sql_cancel(struct db_tx *tx, int64_t org_id, int64_t id, struct utc_time now, enum job_state *out) {
    int64_t state = DB_GET_INT(tx, -1, &state_of, DB_INT("id", id), DB_INT("org_id", org_id));
    struct err e = db_tx_error(tx);
    if (e.kind) return e;
    switch (state) {
    case -1: return err_make(ERR_NOT_FOUND, "job.missing", "There is no such work.");
    case JOB_QUEUED: e = DB_RUN(tx, &cancel_waiting, DB_INT("id", id), DB_INT("now", now.ns)); break;
    case JOB_RUNNING: e = DB_RUN(tx, &cancel_running, DB_INT("id", id)); break;
    default: return err_make(ERR_CONFLICT, "job.finished", "This work has finished already; it cannot be cancelled any more.");
    }
    if (!e.kind) *out = state == JOB_QUEUED ? JOB_CANCELLED : JOB_RUNNING;
    return e;
}

static struct job_info info_of(const struct db_rows *r, size_t i) {
    return (struct job_info){
        .id = db_int(r, i, "id"),
        .public_id = db_text(r, i, "public_id"),
        .org_id = db_int(r, i, "org_id"),
        .state = (enum job_state)db_int(r, i, "state"),
        .kind = db_text(r, i, "kind"),
        .subject = db_text(r, i, "subject"),
        .key = db_text(r, i, "key"),
        .after_key = db_text(r, i, "after_key"),
        .step = db_text(r, i, "step"),
        .fraction = (double)db_int(r, i, "fraction") / JOB_FRACTION_UNIT,
        .error_code = db_text(r, i, "error_code"),
        .error_what = db_text(r, i, "error_what"),
        .attempt = (int)db_int(r, i, "attempt"),
        .cancel_requested = db_int(r, i, "cancel_requested"),
        .created_at = {db_int(r, i, "created_ns")},
        .started_at = {db_int(r, i, "started_ns")},
        .finished_at = {db_int(r, i, "finished_ns")},
        .run_at = {db_int(r, i, "run_at_ns")},
    };
}

struct err job_sql_get(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t id, struct job_info *out) {
    struct db_rows r;
    struct err e = DB_QUERY(tx, arena, &r, &get, DB_INT("id", id), DB_INT("org_id", org_id));
    if (e.kind) return e;
    if (!r.count) return err_make(ERR_NOT_FOUND, "job.missing", "There is no such work.");
    *out = info_of(&r, 0);
    return ERR_OK;
}

struct err job_sql_list(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t before_id, size_t limit, struct job_list *out) {
    struct db_rows r;
    struct err e = DB_QUERY(tx, arena, &r, &list, DB_INT("org_id", org_id), DB_INT("before", before_id ? before_id : INT64_MAX),
                            DB_INT("limit", (int64_t)limit));
    if (e.kind) return e;
    struct job_info *items = arena_alloc_array(arena, r.count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < r.count; i++) items[i] = info_of(&r, i);
    *out = (struct job_list){.items = items, .count = r.count};
    return ERR_OK;
}

struct err job_sql_find(struct db_tx *tx, int64_t org_id, struct slice public_id, int64_t *id) {
    int64_t found = DB_GET_INT(tx, 0, &find, DB_INT("org_id", org_id), DB_TEXT("public_id", public_id));
    struct err e = db_tx_error(tx);
    if (e.kind) return e;
    if (!found) return err_make(ERR_NOT_FOUND, "job.missing", "There is no such work.");
    *id = found;
    return ERR_OK;
}

bool job_sql_key_is_unfinished(struct db_tx *tx, struct slice key) {
    return DB_GET_INT(tx, 0, &key_wanted, DB_TEXT("key", key)) > 0;
}

struct err job_sql_prune(struct db_tx *tx, struct utc_time before, int64_t *count) {
    return DB_CHANGE(tx, count, &prune, DB_INT("before", before.ns));
}

bool job_sql_is_unfinished(struct db_tx *tx, int64_t id) { return DB_GET_INT(tx, 0, &unfinished, DB_INT("id", id)) > 0; }
bool job_sql_cancel_requested(struct db_tx *tx, int64_t id) { return DB_GET_INT(tx, 0, &cancel_asked, DB_INT("id", id)) > 0; }
