/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/account/account.h"

#include <sodium.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "business/account/account_sql.h"

enum { HASH_BYTES = 32, PEERS = 256, WINDOW_S = 60, ARENA_BYTES_MAX = 4 << 20 };

/* Wrong codes by address: a small table that forgets the least recent; somebody with many addresses still faces 256 bits. */
struct peer {
    uint64_t name;
    int64_t window_s;
    unsigned wrong;
};

struct host {
    struct host *next;
    int64_t org_id;
    size_t len;
    char name[];
};

struct account {
    struct db *db;
    const struct clock *clock;
    struct id_maker *ids;
    int64_t first_org;
    struct lock lock; /* of what follows */
    struct peer peers[PEERS];
    struct host *hosts; /* only ever added to, at the front: readers hold the lock to walk it */
};

static int64_t seconds_now(const struct account *a) { return utc_seconds(clock_utc(a->clock)); }

/* The secrets are 256 random bits: a plain hash is enough, there is nothing to guess. */
static void secret_hash(struct slice secret, uint8_t out[HASH_BYTES]) {
    crypto_generichash(out, HASH_BYTES, (const unsigned char *)secret.ptr, secret.len, (const unsigned char *)"grandstand.account", 18);
}

static struct account_secret secret_make(void) {
    uint8_t bytes[32];
    struct account_secret s;
    rng_secure(bytes, sizeof bytes);
    sodium_bin2base64(s.text, sizeof s.text, bytes, sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return s;
}

/* --- organisations --- */

struct org_work {
    struct account *a;
    struct arena *arena;
    struct slice name, host;
    int64_t id, now_s;
    struct db_rows rows;
};

static struct err org_list_fn(struct db_tx *tx, void *arg) {
    struct org_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &organisation_list);
}

static struct err org_put_fn(struct db_tx *tx, void *arg) {
    struct org_work *w = arg;
    struct err e = DB_RUN(tx, &organisation_insert, DB_INT("id", w->id), DB_TEXT("name", w->name), DB_TEXT("host", w->host), DB_INT("now_s", w->now_s));
    if (e.kind) return e;
    w->id = DB_GET_INT(tx, w->id, &organisation_by_host, DB_TEXT("host", w->host));
    return DB_RUN(tx, &organisation_rename, DB_INT("id", w->id), DB_TEXT("name", w->name));
}

/* Fine if it is known. */
static bool host_remember(struct account *a, struct slice name, int64_t org_id) {
    struct host *fresh = mem_alloc(sizeof *fresh + name.len);
    if (!fresh) return false;
    fresh->org_id = org_id;
    fresh->len = name.len;
    memcpy(fresh->name, name.ptr, name.len);
    lock_take(&a->lock);
    for (const struct host *h = a->hosts; h && fresh; h = h->next)
        if (slice_eq(slice_of(h->name, h->len), name)) MEM_FREE(&fresh);
    if (fresh) {
        fresh->next = a->hosts;
        a->hosts = fresh;
    }
    lock_give(&a->lock);
    return true;
}

static struct err hosts_take(struct account *a, const struct db_rows *rows) {
    for (size_t i = 0; i < rows->count; i++) {
        struct slice host = db_text(rows, i, "host");
        int64_t id = db_int(rows, i, "id");
        if (host.len > 0 && !host_remember(a, host, id)) return err_memory();
        if (host.len == 0 && !a->first_org) a->first_org = id; /* written once, before anybody reads it */
    }
    return ERR_OK;
}

struct err account_hosts_reload(struct account *a) {
    struct org_work w = {.a = a, .arena = arena_create(ARENA_BYTES_MAX)};
    struct err e = w.arena ? db_read(a->db, org_list_fn, &w) : err_memory();
    if (!e.kind) e = hosts_take(a, &w.rows);
    arena_destroy(&w.arena);
    return e;
}

struct err account_open(struct account **out, struct db *db, const struct clock *clock, struct id_maker *ids) {
    if (sodium_init() < 0) return err_make(ERR_BUG, "account.crypto", "The cryptographic library does not start.");
    struct account *a = mem_zalloc(sizeof *a);
    if (!a) return err_memory();
    a->db = db;
    a->clock = clock;
    a->ids = ids;
    lock_init(&a->lock, LOCK_account);
    struct org_work w = {.a = a, .arena = arena_create(ARENA_BYTES_MAX), .name = SLICE("Grandstand"), .host = SLICE(""), .id = id_next(ids), .now_s = seconds_now(a)};
    struct err e = w.arena ? db_read(db, org_list_fn, &w) : err_memory();
    if (!e.kind && w.rows.count == 0) {
        e = db_write(db, org_put_fn, &w);
        if (!e.kind) e = db_read(db, org_list_fn, &w);
    }
    if (!e.kind) e = hosts_take(a, &w.rows);
    arena_destroy(&w.arena);
    if (e.kind) account_close(&a);
    else *out = a;
    return e;
}

void account_close(struct account **account) {
    struct account *a = *account;
    if (!a) return;
    for (struct host *h = a->hosts, *next; h; h = next) {
        next = h->next;
        mem_free(h);
    }
    lock_destroy(&a->lock);
    MEM_FREE(account);
}

/* Without the port; the brackets of an IPv6 address stay. */
static struct slice host_name(struct slice host) {
    size_t end = host.len;
    for (size_t i = host.len; i-- > 0 && host.ptr[i] != ']';)
        if (host.ptr[i] == ':') end = i;
    return slice_sub(host, 0, end);
}

int64_t account_org_of_host(const struct account *account, struct slice host) {
    struct account *a = (struct account *)account; /* for its lock */
    struct slice name = host_name(host);
    int64_t id = a->first_org;
    lock_take(&a->lock);
    for (const struct host *h = a->hosts; h; h = h->next)
        if (slice_eq_nocase(slice_of(h->name, h->len), name)) id = h->org_id;
    lock_give(&a->lock);
    return id;
}

struct err account_org_put(struct account *a, struct slice name, struct slice host, int64_t *org_id) {
    if (!utf8_is_display_text(name, ACCOUNT_NAME_MAX)) return err_make(ERR_INPUT, "account.name", "A name has 1 to 100 characters that can be shown.");
    bool is_host = host.len <= ACCOUNT_HOST_MAX;
    for (size_t i = 0; i < host.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789.-[]:", host.ptr[i]) || !host.ptr[i]) is_host = false;
    if (!is_host) return err_make(ERR_INPUT, "account.host", "A host name has letters (small), digits, dots and hyphens.");
    struct org_work w = {.a = a, .name = name, .host = host, .id = id_next(a->ids), .now_s = seconds_now(a)};
    struct err e = db_write(a->db, org_put_fn, &w);
    if (!e.kind && host.len && !host_remember(a, host, w.id)) e = err_memory();
    if (!e.kind) *org_id = w.id;
    return e;
}

struct err account_org_list(struct account *a, struct arena *arena, struct account_org_list *out) {
    struct org_work w = {.a = a, .arena = arena};
    struct err e = db_read(a->db, org_list_fn, &w);
    if (e.kind) return e;
    struct account_org *items = arena_alloc_array(arena, w.rows.count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < w.rows.count; i++)
        items[i] = (struct account_org){db_int(&w.rows, i, "id"), db_text(&w.rows, i, "name"), db_text(&w.rows, i, "host")};
    *out = (struct account_org_list){items, w.rows.count};
    return ERR_OK;
}

/* --- operators --- */

struct entry_work {
    int64_t org_id, id, link_id, now_s, known;
    uint8_t code[HASH_BYTES], session[HASH_BYTES];
};
static struct slice hash_slice(const uint8_t *hash) { return slice_of(hash, HASH_BYTES); }

static struct err link_make_fn(struct db_tx *tx, void *arg) {
    struct entry_work *w = arg;
    struct err e = DB_RUN(tx, &operator_link_end_all, DB_INT("org_id", w->org_id));
    if (e.kind) return e;
    return DB_RUN(tx, &operator_link_insert, DB_INT("id", w->link_id), DB_INT("org_id", w->org_id), DB_BLOB("hash", hash_slice(w->code)),
                  DB_INT("now_s", w->now_s), DB_INT("expires_s", w->now_s + ACCOUNT_LINK_S));
}

struct err account_link_make(struct account *a, int64_t org_id, struct account_secret *code) {
    struct account_secret secret = secret_make();
    struct entry_work w = {.org_id = org_id, .link_id = id_next(a->ids), .now_s = seconds_now(a)};
    secret_hash(slice_of(secret.text, ACCOUNT_SECRET_LEN), w.code);
    struct err e = db_write(a->db, link_make_fn, &w);
    if (!e.kind) *code = secret;
    return e;
}

static struct err operator_known_fn(struct db_tx *tx, void *arg) {
    struct entry_work *w = arg;
    w->known = DB_GET_INT(tx, 0, &operator_known, DB_INT("org_id", w->org_id), DB_INT("now_s", w->now_s));
    return db_tx_error(tx);
}

struct err account_has_operator(struct account *a, int64_t org_id, bool *out) {
    struct entry_work w = {.org_id = org_id, .now_s = seconds_now(a)};
    struct err e = db_read(a->db, operator_known_fn, &w);
    if (!e.kind) *out = w.known > 0;
    return e;
}

/* The counter of this address; a new one takes the place of another that shares its slot. Under the lock. */
static struct peer *peer_of(struct account *a, struct slice address, int64_t now_s) {
    uint64_t name = slice_hash(address);
    struct peer *p = &a->peers[name % PEERS];
    if (p->name != name || p->window_s + WINDOW_S <= now_s) *p = (struct peer){.name = name, .window_s = now_s};
    return p;
}

static struct err enter_fn(struct db_tx *tx, void *arg) {
    struct entry_work *w = arg;
    int64_t used = 0;
    struct err e = DB_CHANGE(tx, &used, &operator_link_use, DB_INT("org_id", w->org_id), DB_BLOB("hash", hash_slice(w->code)), DB_INT("now_s", w->now_s));
    if (e.kind) return e;
    if (!used) return err_make(ERR_DENIED, "session.code", "This link has been used, is too old, or was never valid. Make a new one with `grandstand operator-link`.");
    e = DB_RUN(tx, &operator_session_clean, DB_INT("org_id", w->org_id), DB_INT("now_s", w->now_s));
    if (e.kind) return e;
    return DB_RUN(tx, &operator_session_insert, DB_INT("id", w->id), DB_INT("org_id", w->org_id), DB_BLOB("hash", hash_slice(w->session)),
                  DB_INT("now_s", w->now_s), DB_INT("expires_s", w->now_s + ACCOUNT_SESSION_S));
}

struct err account_enter(struct account *a, int64_t org_id, struct slice code, struct slice peer, struct account_secret *session) {
    struct entry_work w = {.org_id = org_id, .id = id_next(a->ids), .now_s = seconds_now(a)};
    lock_take(&a->lock);
    bool is_barred = peer_of(a, peer, w.now_s)->wrong >= ACCOUNT_WRONG_CODES_MAX;
    lock_give(&a->lock);
    if (is_barred) return err_make(ERR_LIMIT, "session.wrong_codes", "Too many wrong codes came from this address. Wait a minute.");

    struct account_secret secret = secret_make();
    secret_hash(code, w.code);
    secret_hash(slice_of(secret.text, ACCOUNT_SECRET_LEN), w.session);
    struct err e = db_write(a->db, enter_fn, &w);
    if (e.kind == ERR_DENIED) {
        lock_take(&a->lock);
        peer_of(a, peer, w.now_s)->wrong++;
        lock_give(&a->lock);
    }
    if (!e.kind) *session = secret;
    return e;
}

struct session_work {
    int64_t org_id, id, now_s;
    uint8_t hash[HASH_BYTES];
};

static struct err session_find_fn(struct db_tx *tx, void *arg) {
    struct session_work *w = arg;
    w->id = DB_GET_INT(tx, 0, &operator_session_find, DB_INT("org_id", w->org_id), DB_BLOB("hash", hash_slice(w->hash)), DB_INT("now_s", w->now_s));
    return db_tx_error(tx);
}

struct err account_session_find(struct account *a, int64_t org_id, struct slice secret, struct account_who *out) {
    static const struct err denied = {.kind = ERR_DENIED, .code = "session.required", .what = "This is for the operator. Open the operator's link, or make a new one with `grandstand operator-link`."};
    if (secret.len != ACCOUNT_SECRET_LEN) return denied;
    struct session_work w = {.org_id = org_id, .now_s = seconds_now(a)};
    secret_hash(secret, w.hash);
    struct err e = db_read(a->db, session_find_fn, &w);
    if (e.kind) return e;
    if (!w.id) return denied;
    *out = (struct account_who){.org_id = org_id, .session_id = w.id};
    return ERR_OK;
}

static struct err session_end_fn(struct db_tx *tx, void *arg) {
    struct session_work *w = arg;
    return DB_RUN(tx, &operator_session_end, DB_INT("org_id", w->org_id), DB_BLOB("hash", hash_slice(w->hash)));
}

struct err account_session_end(struct account *a, int64_t org_id, struct slice secret) {
    struct session_work w = {.org_id = org_id};
    secret_hash(secret, w.hash);
    return db_write(a->db, session_end_fn, &w);
}
