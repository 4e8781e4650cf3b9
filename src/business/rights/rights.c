/* SPDX-License-Identifier: AGPL-3.0-or-later
 * The door: the index and who keeps it up to date. */
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "business/rights/book.h"
#include "business/rights/role.h"
#include "business/rights/set.h"

static void follower_run(void *arg) {
    struct rights *r = arg;
    for (;;) {
        lock_take(&r->lock);
        if (!r->must_end) condition_wait_ns(&r->turned, &r->lock, RIGHTS_FOLLOW_MS * NS_PER_MS);
        bool must_end = r->must_end;
        lock_give(&r->lock);
        if (must_end) return;
        struct err e = rights_refresh(r);
        if (e.kind) log_warn("rights", "not_followed", LOG_ERR(e));
    }
}

struct err rights_open(struct rights **out, const struct rights_options *options) {
    struct rights *r = mem_zalloc(sizeof *r);
    if (!r) return err_memory();
    r->o = *options;
    lock_init(&r->lock, LOCK_rights);
    condition_init(&r->turned);
    struct err e = rights_adopt(r);
    if (!e.kind) e = rights_fold_all(r, true, &r->seen, &r->seen_count);
    if (!e.kind && options->follows) e = thread_start(&r->follower, "rights-follow", follower_run, r);
    if (e.kind) rights_close(&r);
    else *out = r;
    return e;
}

void rights_close(struct rights **rights) {
    struct rights *r = *rights;
    if (!r) return;
    lock_take(&r->lock);
    r->must_end = true;
    condition_wake_all(&r->turned);
    lock_give(&r->lock);
    thread_join(&r->follower);
    rights_index_destroy(&r->index);
    mem_free(r->seen);
    condition_destroy(&r->turned);
    lock_destroy(&r->lock);
    MEM_FREE(rights);
}

void rights_listen(struct rights *r, void (*fn)(void *user, int64_t org_id), void *user) {
    if (r->listener_count == LISTENERS_MAX) {
        log_error("rights", "too_many_listeners");
        return;
    }
    r->listeners[r->listener_count].fn = fn;
    r->listeners[r->listener_count++].user = user;
}

void rights_runs_from(struct rights *r, rights_runs_fn *fn, void *user) {
    r->runs_fn = fn;
    r->runs_user = user;
}

uint64_t rights_generation(const struct rights *r) { return atomic_load_explicit(&r->generation, memory_order_acquire); }

int64_t rights_seen_sequence(struct rights *r, int64_t org_id) {
    int64_t sequence = 0;
    lock_take(&r->lock);
    for (size_t i = 0; i < r->seen_count; i++)
        if (r->seen[i].org_id == org_id) sequence = r->seen[i].sequence;
    lock_give(&r->lock);
    return sequence;
}

/* One at a time: what was read last is also what is in the index. Who comes while somebody is at it waits and then looks himself, for what he
 * has just committed may have come too late for the other. */
struct err rights_refresh(struct rights *r) {
    lock_take(&r->lock);
    while (r->is_following) condition_wait(&r->turned, &r->lock);
    r->is_following = true;
    lock_give(&r->lock);

    struct arena *arena = arena_create(16 << 20);
    struct rights_seen *fresh = NULL, *old = NULL;
    size_t fresh_count = 0, org_count = 0;
    int64_t *orgs = NULL;
    struct err e = arena ? rights_fold_changes(r, arena, &fresh, &fresh_count, &orgs, &org_count) : err_memory();

    lock_take(&r->lock);
    if (fresh) {
        old = r->seen;
        r->seen = fresh;
        r->seen_count = fresh_count;
    }
    r->is_following = false;
    condition_wake_all(&r->turned);
    lock_give(&r->lock);
    mem_free(old);
    if (!e.kind && org_count) {
        atomic_fetch_add_explicit(&r->generation, 1, memory_order_acq_rel);
        for (size_t i = 0; i < org_count; i++)
            for (size_t k = 0; k < r->listener_count; k++) r->listeners[k].fn(r->listeners[k].user, orgs[i]);
    }
    arena_destroy(&arena);
    return e;
}

void rights_turned(struct rights *r) {
    STEP(rights_saved);
    struct err e = rights_refresh(r);
    if (e.kind) log_warn("rights", "not_followed", LOG_ERR(e));
}

struct rights_stats rights_stats(const struct rights *r) {
    struct rights_index_stats s = rights_index_stats(r->index);
    return (struct rights_stats){.lines = s.lines, .titles = s.titles, .deals = s.deals, .index_bytes = s.bytes, .compiled = atomic_load(&r->compiled),
                                 .followed = atomic_load(&r->followed), .compile_ns = atomic_load(&r->compile_ns)};
}

/* --- decisions --- */

void rights_decide(const struct rights *r, const struct rights_question *q, struct rights_answer *out) { rights_index_decide(r->index, q, out); }

struct err rights_decide_known(struct rights *r, int64_t org_id, const struct rights_question *q, size_t count, int64_t known_s,
                               struct rights_answer *out) {
    struct arena *arena = arena_create(BOOK_ARENA_MAX);
    if (!arena) return err_memory();
    struct rights_lines_ask ask = {.titles = {q->titles[0], q->titles[1], q->titles[2]}, .known_s = known_s};
    struct rights_line_row_list rows;
    struct rights_index *index = NULL;
    struct err e = rights_lines(r, arena, org_id, &ask, &rows);
    struct index_line *lines = e.kind ? NULL : arena_alloc_array(arena, rows.count + 1, sizeof *lines);
    struct index_deal *deals = e.kind ? NULL : arena_alloc_array(arena, rows.count + 1, sizeof *deals);
    if (!e.kind && (!lines || !deals)) e = err_memory();
    size_t deal_count = 0;
    for (size_t i = 0; !e.kind && i < rows.count; i++) {
        lines[i] = rights_index_line(&rows.items[i]);
        size_t k = deal_count; /* lines of one deal were mostly written together */
        while (k > 0 && deals[k - 1].id != rows.items[i].deal.id) k--;
        if (!k) deals[deal_count++] = rights_index_deal(&rows.items[i].deal);
    }
    if (!e.kind) e = rights_index_create(&index, deals, deal_count, lines, rows.count);
    for (size_t i = 0; !e.kind && i < count; i++) rights_index_decide(index, &q[i], &out[i]);
    rights_index_destroy(&index);
    arena_destroy(&arena);
    return e;
}

/* In the order in which a person would say it: whose it is, then what stands on the paper, then when. */
enum rights_fit rights_line_fit(const struct rights_line_row *row, const struct rights_question *q) {
    const struct rights_terms *t = &row->line.terms;
    enum rights_role role = rights_role_of(row->deal.direction, t->effect, t->is_exclusive, row->deal.party.id, q->party_id);
    if (role == ROLE_NOTHING) return RIGHTS_FIT_PARTY;
    if (!rights_territories_hold(t->territories, q->place, role == ROLE_GRANT ? RIGHTS_ALLOW : RIGHTS_BLACKOUT)) return RIGHTS_FIT_TERRITORY;
    if (!(t->media >> q->medium & 1)) return RIGHTS_FIT_MEDIUM;
    /* What grants holds for who names no language; what forbids some languages does not concern him. */
    if ((q->language || role != ROLE_GRANT) && !languages_hold(languages_at(t->languages), tag_at(q->language))) return RIGHTS_FIT_LANGUAGE;
    if (row->deal.status != RIGHTS_ACTIVE) return RIGHTS_FIT_DEAL;
    if (q->at_s < t->starts_s) return RIGHTS_FIT_NOT_YET;
    if (t->ends_s != RIGHTS_ENDLESS && q->at_s >= t->ends_s) return RIGHTS_FIT_ENDED;
    if (t->plays_max > 0 && row->line.plays >= t->plays_max) return RIGHTS_FIT_PLAYS;
    return RIGHTS_FITS;
}

struct err rights_avails(struct rights *r, struct arena *arena, const struct rights_avails_ask *ask, struct rights_avail_list *out) {
    return rights_index_avails(r->index, arena, ask, out);
}
