/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The outbox and the thread that empties it. A row's box is address, subject and text with a line break between: the first two have none. */
#include "system/mail/mail.h"

#include <assert.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "system/mail/room.h"

enum {
    ARENA_BYTES_MAX = 8 << 20,
    LIST_MAX = 200,
    CLAIM_S = 120,       /* longer than a try may take */
    RETRY_FIRST_S = 30,
    RETRY_MAX_S = 3600,
    LOOK_NS = 1000 * 1000 * 1000, /* the thread compares the clock with what is due, in memory */
};

struct mail {
    struct db *db;
    const struct clock *clock;
    struct id_maker *ids;
    struct key key;
    struct smtp *smtp; /* the thread's alone once it runs; NULL: none */
    char from[MAIL_ADDRESS_MAX + 1];
    size_t from_len;
    char *from_name;
    struct thread *thread;
    struct lock lock;
    struct condition changed;
    bool is_woken, must_stop; /* under the lock */
    _Atomic uint64_t sent, failed, retried;
};

static int64_t seconds_now(const struct mail *m) { return utc_seconds(clock_utc(m->clock)); }

const char *mail_state_name(enum mail_state state) {
    static const char *const names[] = {"kept", "waiting", "sent", "failed"};
    assert(state >= 0 && (size_t)state < ARRAY_LEN(names));
    return names[state];
}

struct err mail_open(struct mail **out, const struct mail_options *options) {
    struct mail *m = mem_zalloc(sizeof *m);
    if (!m) return err_memory();
    m->db = options->db;
    m->clock = options->clock;
    m->ids = options->ids;
    lock_init(&m->lock, LOCK_mail);
    condition_init(&m->changed);
    struct err e = keys_named(options->keys, "mail", &m->key);
    struct slice name = SLICE_NONE;
    if (!e.kind && options->smtp && (!options->from || !message_from(slice_cstr(options->from), &name, m->from, &m->from_len)))
        e = err_make(ERR_INPUT, "mail.from", "With a mail server, say also who letters come from: name@host, or \"Name <name@host>\".");
    if (!e.kind && !(m->from_name = mem_strndup(name.ptr ? name.ptr : "", name.len))) e = err_memory();
    if (!e.kind && options->smtp) e = smtp_open(&m->smtp, options->smtp, options->user, options->password, options->smtp_ca);
    if (e.kind) mail_close(&m);
    else *out = m;
    return e;
}

void mail_close(struct mail **mail) {
    struct mail *m = *mail;
    if (!m) return;
    lock_take(&m->lock);
    m->must_stop = true;
    condition_wake_all(&m->changed);
    lock_give(&m->lock);
    thread_join(&m->thread);
    smtp_close(&m->smtp);
    mem_free(m->from_name);
    sodium_memzero(&m->key, sizeof m->key);
    condition_destroy(&m->changed);
    lock_destroy(&m->lock);
    MEM_FREE(mail);
}

bool mail_leaves(const struct mail *m) { return m->smtp != NULL; }

void mail_wake(struct mail *m) {
    lock_take(&m->lock);
    m->is_woken = true;
    condition_wake_all(&m->changed);
    lock_give(&m->lock);
}

/* --- boxes --- */

/* Bound to its own row. */
static struct err box_seal(struct mail *m, struct arena *arena, struct slice public_id, struct slice to, struct slice subject, struct slice text, struct slice *box) {
    struct slice context = arena_printf(arena, "mail:%.*s", SLICE_ARG(public_id));
    struct slice plain = arena_printf(arena, "%.*s\n%.*s\n%.*s", SLICE_ARG(to), SLICE_ARG(subject), SLICE_ARG(text));
    return context.ptr && plain.ptr ? key_seal(&m->key, arena, context, plain, box) : err_memory();
}

static struct err box_open(struct mail *m, struct arena *arena, struct slice public_id, struct slice box, struct slice *to, struct slice *subject, struct slice *text) {
    struct slice context = arena_printf(arena, "mail:%.*s", SLICE_ARG(public_id)), plain;
    if (!context.ptr) return err_memory();
    struct err e = key_open(&m->key, arena, context, box, &plain);
    if (e.kind) return e;
    if (!slice_next(&plain, '\n', to) || !slice_next(&plain, '\n', subject)) return err_make(ERR_IO, "keys.box", "A letter in the outbox has no address.");
    *text = plain;
    return ERR_OK;
}

/* --- adding, listing, forgetting --- */

static struct err new_check(const struct mail_new *n) {
    char address[MAIL_ADDRESS_MAX + 1];
    size_t len;
    if (!mail_address(n->to, address, &len) || !slice_eq(n->to, slice_of(address, len))) return err_make(ERR_INPUT, "mail.to", "This is not an e-mail address.");
    if (n->subject.len > MAIL_SUBJECT_MAX || !utf8_is_display_text(n->subject, MAIL_SUBJECT_MAX))
        return err_make(ERR_INPUT, "mail.subject", "A subject is one line of text.");
    bool is_fine = n->text.len <= MAIL_TEXT_MAX && utf8_is_valid(n->text);
    for (size_t i = 0; is_fine && i < n->text.len; i++) is_fine = (unsigned char)n->text.ptr[i] >= ' ' || n->text.ptr[i] == '\n' || n->text.ptr[i] == '\t';
    return is_fine ? ERR_OK : err_make(ERR_INPUT, "mail.text", "A letter is text of at most 32 KB.");
}

struct err mail_add(struct mail *m, struct db_tx *tx, const struct mail_new *n) {
    struct err e = new_check(n);
    if (e.kind) return e;
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    if (!arena) return err_memory();
    struct public_id public_id = public_id_random();
    struct slice box;
    e = box_seal(m, arena, public_id_slice(&public_id), n->to, n->subject, n->text, &box);
    if (!e.kind)
        e = DB_RUN(tx, &mail_insert, DB_INT("id", id_next(m->ids)), DB_INT("org_id", n->org_id), DB_TEXT("public_id", public_id_slice(&public_id)),
                   DB_INT_IF("about_id", n->about_id != 0, n->about_id), DB_INT("state", m->smtp ? MAIL_WAITING : MAIL_KEPT), DB_BLOB("box", box),
                   DB_INT("now_s", seconds_now(m)));
    arena_destroy(&arena);
    return e;
}

struct err mail_pass(struct mail *m, struct db_tx *tx, int64_t org_id, int64_t from_id, int64_t to_id) {
    return DB_RUN(tx, &mail_pass_about, DB_INT("org_id", org_id), DB_INT("from_id", from_id), DB_INT("to_id", to_id));
}

struct err mail_forget(struct mail *m, struct db_tx *tx, int64_t org_id, int64_t about_id) {
    return DB_RUN(tx, &mail_delete_about, DB_INT("org_id", org_id), DB_INT("about_id", about_id));
}

struct list_work {
    struct arena *arena;
    int64_t org_id, before_id, about_id;
    size_t limit;
    struct db_rows rows;
};

static struct err list_fn(struct db_tx *tx, void *arg) {
    struct list_work *w = arg;
    if (w->about_id) return DB_QUERY(tx, w->arena, &w->rows, &mail_of_all, DB_INT("org_id", w->org_id), DB_INT("about_id", w->about_id), DB_INT("limit", (int64_t)w->limit));
    if (!w->before_id) return DB_QUERY(tx, w->arena, &w->rows, &mail_newest, DB_INT("org_id", w->org_id), DB_INT("limit", (int64_t)w->limit));
    return DB_QUERY(tx, w->arena, &w->rows, &mail_of, DB_INT("org_id", w->org_id), DB_INT("before_id", w->before_id), DB_INT("limit", (int64_t)w->limit));
}

static struct err list_read(struct mail *m, struct list_work *w, struct mail_list *out) {
    struct err e = db_read(m->db, list_fn, w);
    if (e.kind) return e;
    struct mail_item *items = arena_alloc_array(w->arena, w->rows.count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; !e.kind && i < w->rows.count; i++) {
        struct mail_item *item = &items[i];
        *item = (struct mail_item){.id = db_int(&w->rows, i, "id"), .about_id = db_int(&w->rows, i, "about_id"), .public_id = db_text(&w->rows, i, "public_id"),
                                   .state = (enum mail_state)db_int(&w->rows, i, "state"), .created_at = utc_from_seconds(db_int(&w->rows, i, "created_s")),
                                   .sent_at = utc_from_seconds(db_int(&w->rows, i, "sent_s")), .attempts = (int)db_int(&w->rows, i, "attempts"),
                                   .trouble = db_text(&w->rows, i, "trouble")};
        e = box_open(m, w->arena, item->public_id, db_blob(&w->rows, i, "box"), &item->to, &item->subject, &item->text);
    }
    if (!e.kind) *out = (struct mail_list){items, w->rows.count};
    return e;
}

struct err mail_list(struct mail *m, struct arena *arena, int64_t org_id, int64_t before_id, size_t limit, struct mail_list *out) {
    struct list_work w = {.arena = arena, .org_id = org_id, .before_id = before_id, .limit = limit < LIST_MAX ? limit : LIST_MAX};
    return list_read(m, &w, out);
}

struct err mail_about(struct mail *m, struct arena *arena, int64_t org_id, int64_t about_id, struct mail_list *out) {
    struct list_work w = {.arena = arena, .org_id = org_id, .about_id = about_id, .limit = LIST_MAX};
    return list_read(m, &w, out);
}

static struct err tick_fn(struct db_tx *tx, void *arg) { return DB_RUN(tx, &mail_delete_old, DB_INT("before_s", *(int64_t *)arg)); }

struct err mail_tick(struct mail *m) {
    int64_t before_s = seconds_now(m) - MAIL_KEPT_S;
    struct err e = db_write(m->db, tick_fn, &before_s);
    mail_wake(m); /* also for what another process has added */
    return e;
}

struct mail_stats mail_stats(const struct mail *m) { return (struct mail_stats){atomic_load(&m->sent), atomic_load(&m->failed), atomic_load(&m->retried)}; }

/* --- the sender --- */

struct send_work {
    struct arena *arena;
    struct db_rows rows;
    int64_t id, due_s, until_s, changed;
    enum mail_state state;
    int64_t sent_s;
    struct slice box, trouble;
};

static struct err next_fn(struct db_tx *tx, void *arg) {
    struct send_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &mail_next);
}
static struct err claim_fn(struct db_tx *tx, void *arg) {
    struct send_work *w = arg;
    return DB_CHANGE(tx, &w->changed, &mail_claim, DB_INT("id", w->id), DB_INT("due_s", w->due_s), DB_INT("until_s", w->until_s));
}
static struct err finish_fn(struct db_tx *tx, void *arg) {
    struct send_work *w = arg;
    return DB_RUN(tx, &mail_finish, DB_INT("id", w->id), DB_INT("state", w->state), DB_BLOB("box", w->box), DB_INT("due_s", w->due_s), DB_INT("sent_s", w->sent_s),
                  DB_TEXT("trouble", w->trouble));
}

static int64_t retry_s(int64_t attempts) {
    int64_t wait = RETRY_FIRST_S;
    for (int64_t i = 1; i < attempts && wait < RETRY_MAX_S; i++) wait *= 2;
    return wait < RETRY_MAX_S ? wait : RETRY_MAX_S;
}

/* The letter of row 0: over the wire, and what came of it into its row. */
static struct err one_send(struct mail *m, struct send_work *w) {
    struct slice to, subject, text, public_id = db_text(&w->rows, 0, "public_id");
    int64_t created_s = db_int(&w->rows, 0, "created_s"), attempts = db_int(&w->rows, 0, "attempts") + 1, now_s = seconds_now(m);
    w->box = db_blob(&w->rows, 0, "box");
    char trouble[200] = "";
    enum smtp_outcome outcome = SMTP_REFUSED;
    struct err e = box_open(m, w->arena, public_id, w->box, &to, &subject, &text);
    if (e.kind == ERR_LIMIT) return e;
    if (!e.kind) {
        struct buf wire = BUF(MESSAGE_BYTES_MAX);
        struct message message = {.from_name = slice_cstr(m->from_name), .from = slice_of(m->from, m->from_len), .to = to, .subject = subject, .text = text,
                                  .public_id = public_id, .at = utc_from_seconds(created_s)};
        message_write(&message, &wire);
        e = buf_error(&wire);
        if (!e.kind) outcome = smtp_send(m->smtp, message.from, to, buf_slice(&wire), trouble);
        buf_free(&wire);
        if (e.kind) return e;
    } else {
        strcpy(trouble, "keys.box"); /* of another DATA/keys: nobody can read it any more */
    }
    now_s = seconds_now(m);
    bool is_too_old = now_s - created_s >= MAIL_TRIED_S;
    w->state = outcome == SMTP_SENT ? MAIL_SENT : outcome == SMTP_REFUSED || is_too_old ? MAIL_FAILED : MAIL_WAITING;
    w->due_s = now_s + retry_s(attempts);
    w->sent_s = outcome == SMTP_SENT ? now_s : 0;
    w->trouble = slice_cstr(trouble);
    if (w->state == MAIL_SENT) {
        e = box_seal(m, w->arena, public_id, to, subject, SLICE(""), &w->box);
        if (e.kind) return e;
    }
    e = db_write(m->db, finish_fn, w);
    if (w->state == MAIL_SENT) atomic_fetch_add(&m->sent, 1);
    else if (w->state == MAIL_FAILED) atomic_fetch_add(&m->failed, 1);
    else atomic_fetch_add(&m->retried, 1);
    if (w->state != MAIL_SENT) log_warn("mail", w->state == MAIL_FAILED ? "given up" : "not now", LOG_SLICE("mail", public_id), LOG_INT("attempt", attempts), LOG_TEXT("trouble", trouble));
    return e;
}

/* Sends what is due. *next_s: when something is due next; INT64_MAX: nothing waits. */
static struct err due_send(struct mail *m, int64_t *next_s) {
    struct send_work w = {.arena = arena_create(ARENA_BYTES_MAX)};
    struct err e = w.arena ? ERR_OK : err_memory();
    *next_s = INT64_MAX;
    for (bool goes_on = true; !e.kind && goes_on;) {
        arena_reset(w.arena);
        e = db_read(m->db, next_fn, &w);
        if (e.kind || w.rows.count == 0) break;
        int64_t now_s = seconds_now(m);
        w.id = db_int(&w.rows, 0, "id");
        w.due_s = db_int(&w.rows, 0, "due_s");
        if (w.due_s > now_s && w.due_s - now_s <= RETRY_MAX_S) { /* farther away only where the clock went back */
            *next_s = w.due_s;
            break;
        }
        w.until_s = now_s + CLAIM_S;
        e = db_write(m->db, claim_fn, &w);
        if (!e.kind && w.changed) e = one_send(m, &w);
        lock_take(&m->lock);
        goes_on = !m->must_stop;
        lock_give(&m->lock);
    }
    arena_destroy(&w.arena);
    return e;
}

static void sender_run(void *arg) {
    struct mail *m = arg;
    int64_t next_s = 0;
    lock_take(&m->lock);
    while (!m->must_stop) {
        if (!m->is_woken && seconds_now(m) < next_s) {
            condition_wait_ns(&m->changed, &m->lock, LOOK_NS);
            continue;
        }
        m->is_woken = false;
        lock_give(&m->lock);
        struct err e = due_send(m, &next_s);
        if (e.kind) {
            log_warn("mail", "outbox not read", LOG_ERR(e));
            next_s = seconds_now(m) + RETRY_FIRST_S;
        }
        lock_take(&m->lock);
    }
    lock_give(&m->lock);
}

struct err mail_start(struct mail *m) { return m->smtp ? thread_start(&m->thread, "mail", sender_run, m) : ERR_OK; }
