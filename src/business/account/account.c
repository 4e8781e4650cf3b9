/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/account/account.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "business/account/room.h"

enum { CHANGES_KEPT_S = 24 * 3600, CHANGES_AT_ONCE = 1000 };

void secret_hash(struct slice secret, uint8_t out[HASH_BYTES]) {
    crypto_generichash(out, HASH_BYTES, (const unsigned char *)secret.ptr, secret.len, (const unsigned char *)"grandstand.account", 18);
}

struct account_secret secret_make(void) {
    uint8_t bytes[32];
    struct account_secret s;
    rng_secure(bytes, sizeof bytes);
    sodium_bin2base64(s.text, sizeof s.text, bytes, sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, sizeof bytes);
    return s;
}

/* --- organisations --- */

struct org_work {
    struct account *a;
    struct arena *arena;
    struct slice name, host, country;
    int64_t id, now_s, portability, adults_max, changed;
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
    e = DB_RUN(tx, &organisation_rename, DB_INT("id", w->id), DB_TEXT("name", w->name));
    return e.kind ? e : change_note(w->a, tx, w->id, w->id, 0);
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

/* What is known of an organisation, anew. */
static bool org_remember(struct account *a, int64_t id, struct slice name, bool has_host, const struct account_org_facts *facts) {
    struct org *fresh = mem_zalloc(sizeof *fresh);
    if (!fresh) return false;
    fresh->id = id;
    lock_take(&a->lock);
    struct org *o = a->orgs;
    while (o && o->id != id) o = o->next;
    if (!o) {
        o = fresh;
        fresh = NULL;
        o->next = a->orgs;
        a->orgs = o;
    }
    o->has_host = has_host;
    o->facts = *facts;
    size_t len = name.len < sizeof o->name - 1 ? name.len : sizeof o->name - 1;
    memcpy(o->name, name.ptr, len);
    o->name[len] = 0;
    lock_give(&a->lock);
    mem_free(fresh);
    return true;
}

static void country_take(struct slice text, char out[3]) {
    out[0] = text.len == 2 ? text.ptr[0] : 'D';
    out[1] = text.len == 2 ? text.ptr[1] : 'E';
    out[2] = 0;
}

static struct err orgs_take(struct account *a, const struct db_rows *rows) {
    for (size_t i = 0; i < rows->count; i++) {
        struct slice host = db_text(rows, i, "host");
        int64_t id = db_int(rows, i, "id");
        struct account_org_facts facts = {.portability = (enum account_portability)db_int(rows, i, "portability"), .adults_max = (int)db_int(rows, i, "adults_max")};
        country_take(db_text(rows, i, "country"), facts.country);
        if (host.len > 0 && !host_remember(a, host, id)) return err_memory();
        if (!org_remember(a, id, db_text(rows, i, "name"), host.len > 0, &facts)) return err_memory();
        if (host.len == 0 && !a->first_org) a->first_org = id; /* written once, before anybody reads it */
    }
    return ERR_OK;
}

struct err account_hosts_reload(struct account *a) {
    struct org_work w = {.a = a, .arena = arena_create(ARENA_BYTES_MAX)};
    struct err e = w.arena ? db_read(a->db, org_list_fn, &w) : err_memory();
    if (!e.kind) e = orgs_take(a, &w.rows);
    arena_destroy(&w.arena);
    return e;
}

/* After the commit: it is saved, whether memory can follow now or only with changes_follow. */
static void orgs_follow(struct account *a) {
    struct err e = account_hosts_reload(a);
    if (e.kind) log_warn("account", "not_followed", LOG_ERR(e));
}

static struct err sequence_fn(struct db_tx *tx, void *arg) {
    *(int64_t *)arg = DB_GET_INT(tx, 0, &sequence_read);
    return db_tx_error(tx);
}

struct err account_open(struct account **out, const struct account_options *options) {
    if (sodium_init() < 0) return err_make(ERR_BUG, "account.crypto", "The cryptographic library does not start.");
    struct account *a = mem_zalloc(sizeof *a);
    if (!a) return err_memory();
    a->db = options->db;
    a->clock = options->clock;
    a->ids = options->ids;
    a->keys = options->keys;
    a->mail = options->mail;
    lock_init(&a->lock, LOCK_account);
    a->tables = tables_create(0);
    a->limits = limits_create();
    a->passwords = passwords_create(&(struct passwords_options){.bytes = options->password_bytes, .passes = options->password_passes, .waiting_max = options->password_waiting});
    if (options->site_url) a->site_url = mem_strdup(options->site_url);
    struct org_work w = {.a = a, .arena = arena_create(ARENA_BYTES_MAX), .name = SLICE("Grandstand"), .host = SLICE(""), .id = id_next(a->ids), .now_s = seconds_now(a)};
    bool has_memory = a->tables && a->limits && a->passwords && w.arena && (a->site_url || !options->site_url);
    struct err e = has_memory ? keys_named(a->keys, "index", &a->index_key) : err_memory();
    if (!e.kind) e = keys_named(a->keys, "house", &a->house_key);
    if (!e.kind) e = db_read(a->db, org_list_fn, &w);
    if (!e.kind && w.rows.count == 0) {
        e = db_write(a->db, org_put_fn, &w);
        if (!e.kind) e = db_read(a->db, org_list_fn, &w);
    }
    if (!e.kind) e = orgs_take(a, &w.rows);
    int64_t sequence = 0;
    if (!e.kind) e = db_read(a->db, sequence_fn, &sequence);
    atomic_store(&a->sequence, sequence);
    atomic_store(&a->followed_ns, mono_now(a).ns);
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
    for (struct org *o = a->orgs, *next; o; o = next) {
        next = o->next;
        mem_free(o);
    }
    tables_destroy(&a->tables);
    limits_destroy(&a->limits);
    passwords_destroy(&a->passwords);
    lock_destroy(&a->lock);
    mem_free(a->site_url);
    sodium_memzero(&a->index_key, sizeof a->index_key);
    sodium_memzero(&a->house_key, sizeof a->house_key);
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
    struct slice shown;
    if (!account_name(name, ACCOUNT_NAME_MAX, &shown)) return err_make(ERR_INPUT, "account.name", "A name has 1 to 100 characters that can be shown.");
    bool is_host = host.len <= ACCOUNT_HOST_MAX;
    for (size_t i = 0; i < host.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789.-[]:", host.ptr[i]) || !host.ptr[i]) is_host = false;
    if (!is_host) return err_make(ERR_INPUT, "account.host", "A host name has letters (small), digits, dots and hyphens.");
    struct org_work w = {.a = a, .name = shown, .host = host, .id = id_next(a->ids), .now_s = seconds_now(a)};
    struct err e = db_write(a->db, org_put_fn, &w);
    if (e.kind) return e;
    *org_id = w.id;
    orgs_follow(a);
    return ERR_OK;
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

bool account_org_facts(struct account *a, int64_t org_id, struct account_org_facts *out) {
    lock_take(&a->lock);
    const struct org *o = a->orgs;
    while (o && o->id != org_id) o = o->next;
    if (o) *out = o->facts;
    lock_give(&a->lock);
    return o != NULL;
}

bool org_name(struct account *a, int64_t org_id, struct arena *arena, struct slice *name, bool *has_host) {
    struct org copy = {0};
    lock_take(&a->lock);
    const struct org *o = a->orgs;
    while (o && o->id != org_id) o = o->next;
    if (o) copy = *o;
    lock_give(&a->lock);
    *name = arena_copy(arena, slice_cstr(copy.name));
    *has_host = copy.has_host;
    return o && name->ptr;
}

static struct err org_facts_fn(struct db_tx *tx, void *arg) {
    struct org_work *w = arg;
    struct err e = DB_CHANGE(tx, &w->changed, &organisation_facts, DB_INT("id", w->id), DB_TEXT("country", w->country), DB_INT("portability", w->portability),
                             DB_INT("adults_max", w->adults_max));
    return e.kind ? e : change_note(w->a, tx, w->id, w->id, 0);
}

struct err account_org_set_facts(struct account *a, int64_t org_id, const struct account_org_facts *facts) {
    struct slice country = slice_of(facts->country, 2);
    bool is_known = facts->portability >= ACCOUNT_PORTABILITY_OFF && facts->portability <= ACCOUNT_PORTABILITY_EU;
    if (!account_country(country) || !is_known) return err_make(ERR_INPUT, "account.country", "A country is two large letters of ISO 3166-1, such as DE or TH.");
    if (facts->adults_max < 0 || facts->adults_max > ACCOUNT_ADULTS_MAX) return err_make(ERR_INPUT, "organisation.adults", "A household has 1 to 8 adults.");
    struct org_work w = {.a = a, .id = org_id, .country = country, .portability = facts->portability, .adults_max = facts->adults_max ? facts->adults_max : ACCOUNT_ADULTS_DEFAULT};
    struct err e = db_write(a->db, org_facts_fn, &w);
    if (e.kind) return e;
    orgs_follow(a);
    changes_tell(a, org_id, &org_id, 1, 0);
    return ERR_OK;
}

/* --- changes --- */

struct err change_note(struct account *a, struct db_tx *tx, int64_t org_id, int64_t target_id, int64_t household_id) {
    struct err e = DB_RUN(tx, &sequence_next);
    if (e.kind) return e;
    return DB_RUN(tx, &change_insert, DB_INT("org_id", org_id), DB_INT("target_id", target_id), DB_INT("household_id", household_id), DB_INT("now_s", seconds_now(a)));
}

void changes_tell(struct account *a, int64_t org_id, const int64_t *targets, size_t count, int64_t household_id) {
    tables_bump(a->tables, targets, count);
    if (household_id) {
        tables_bump(a->tables, &household_id, 1);
        atomic_fetch_add(&a->generation, 1);
        if (a->on_change) a->on_change(a->on_change_user, org_id, household_id);
    }
}

void account_on_change(struct account *a, void (*fn)(void *, int64_t, int64_t), void *user) {
    a->on_change = fn;
    a->on_change_user = user;
}
uint64_t account_generation(const struct account *a) { return atomic_load(&a->generation); }

struct follow_work {
    struct arena *arena;
    int64_t sequence, newest;
    struct db_rows rows;
};
static struct err follow_fn(struct db_tx *tx, void *arg) {
    struct follow_work *w = arg;
    w->newest = DB_GET_INT(tx, 0, &sequence_read);
    w->rows = (struct db_rows){0};
    if (w->newest == w->sequence) return db_tx_error(tx);
    return DB_QUERY(tx, w->arena, &w->rows, &change_since, DB_INT("seq", w->sequence));
}

struct err changes_follow(struct account *a) {
    int64_t now = mono_now(a).ns;
    if (now - atomic_load(&a->followed_ns) < ACCOUNT_FOLLOW_S * NS_PER_S) return ERR_OK;
    struct follow_work w = {.arena = arena_create(ARENA_BYTES_MAX), .sequence = atomic_load(&a->sequence)};
    struct err e = w.arena ? db_read(a->db, follow_fn, &w) : err_memory();
    bool has_all = !e.kind && (w.newest == w.sequence || (w.rows.count > 0 && w.rows.count < CHANGES_AT_ONCE && db_int(&w.rows, 0, "seq") == w.sequence + 1));
    if (!e.kind && !has_all) { /* too much to list, or the list no longer begins where we are: a restored database, a long sleep */
        tables_bump_all(a->tables);
        atomic_fetch_add(&a->generation, 1);
    }
    bool has_org = false;
    for (size_t i = 0; has_all && i < w.rows.count; i++) {
        int64_t org_id = db_int(&w.rows, i, "org_id"), target = db_int(&w.rows, i, "target_id");
        has_org = has_org || target == org_id;
        changes_tell(a, org_id, &target, 1, db_int(&w.rows, i, "household_id"));
    }
    arena_destroy(&w.arena);
    if (!e.kind && has_org) e = account_hosts_reload(a);
    if (e.kind) return e;
    atomic_store(&a->sequence, w.newest);
    atomic_store(&a->followed_ns, now);
    return ERR_OK;
}

/* --- wrong codes --- */

static const struct limit_rule codes_by_peer = {.kind = 1, .burst = ACCOUNT_WRONG_CODES_MAX, .refill_s = 60 / ACCOUNT_WRONG_CODES_MAX};

struct slice peer_name(struct slice peer, char out[64]) {
    char text[64];
    struct in6_addr six;
    size_t len = peer.len < sizeof text - 1 ? peer.len : sizeof text - 1;
    if (len) memcpy(text, peer.ptr, len);
    text[len] = 0;
    if (inet_pton(AF_INET6, text, &six) != 1) return memcpy(out, text, len + 1), slice_of(out, len);
    bool is_mapped = IN6_IS_ADDR_V4MAPPED(&six);
    int n = is_mapped ? snprintf(out, 64, "%u.%u.%u.%u", six.s6_addr[12], six.s6_addr[13], six.s6_addr[14], six.s6_addr[15])
                      : snprintf(out, 64, "%02x%02x:%02x%02x:%02x%02x:%02x%02x::/64", six.s6_addr[0], six.s6_addr[1], six.s6_addr[2], six.s6_addr[3], six.s6_addr[4], six.s6_addr[5],
                                 six.s6_addr[6], six.s6_addr[7]);
    return slice_of(out, (size_t)n);
}

struct err code_try(struct account *a, struct slice peer) {
    char name[64];
    if (limit_take(a->limits, &codes_by_peer, peer_name(peer, name), mono_now(a))) return ERR_OK;
    return err_make(ERR_LIMIT, "session.wrong_codes", "Too many wrong codes came from this address. Wait a minute.");
}

void code_was_right(struct account *a, struct slice peer) {
    char name[64];
    limit_give(a->limits, &codes_by_peer, peer_name(peer, name), mono_now(a));
}

/* --- the one-time link --- */

struct entry_work {
    int64_t org_id, id, link_id, now_s, known;
    uint8_t code[HASH_BYTES], session[HASH_BYTES];
};

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

static struct err enter_fn(struct db_tx *tx, void *arg) {
    struct entry_work *w = arg;
    int64_t used = 0;
    struct err e = DB_CHANGE(tx, &used, &operator_link_use, DB_INT("org_id", w->org_id), DB_BLOB("hash", hash_slice(w->code)), DB_INT("now_s", w->now_s));
    if (e.kind) return e;
    if (!used) return DENIED("session.code", "This link has been used, is too old, or was never valid. Make a new one with `grandstand operator-link`.");
    return DB_RUN(tx, &user_session_insert, DB_INT("id", w->id), DB_INT("org_id", w->org_id), DB_TEXT_OR_NULL("public_id", SLICE_NONE), DB_INT_IF("user_id", false, 0),
                  DB_INT_IF("profile_id", false, 0), DB_BLOB("hash", hash_slice(w->session)), DB_BLOB_OR_NULL("from_box", SLICE_NONE), DB_INT("now_s", w->now_s),
                  DB_INT("expires_s", w->now_s + ACCOUNT_SESSION_S));
}

struct err account_enter(struct account *a, int64_t org_id, struct slice code, struct slice peer, struct account_secret *session) {
    struct entry_work w = {.org_id = org_id, .id = id_next(a->ids), .now_s = seconds_now(a)};
    struct err e = code_try(a, peer);
    if (e.kind) return e;
    struct account_secret secret = secret_make();
    secret_hash(code, w.code);
    secret_hash(slice_of(secret.text, ACCOUNT_SECRET_LEN), w.session);
    e = db_write(a->db, enter_fn, &w);
    if (e.kind != ERR_DENIED) code_was_right(a, peer);
    if (!e.kind) *session = secret;
    return e;
}

struct account_stats account_stats(const struct account *a) {
    return (struct account_stats){.password_hashes = passwords_count(a->passwords), .sign_in_refusals = atomic_load(&a->sign_in_refusals)};
}

/* --- from time to time --- */

struct tick_work {
    struct account *a;
    int64_t now_s;
    struct touch *touches;
    size_t touch_count;
};

static struct err tick_fn(struct db_tx *tx, void *arg) {
    struct tick_work *w = arg;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < w->touch_count; i++) {
        const struct touch *t = &w->touches[i];
        if (t->token_id) {
            e = DB_RUN(tx, &token_seen, DB_INT("id", t->token_id), DB_INT("now_s", t->at_s));
            continue;
        }
        e = DB_RUN(tx, &user_session_seen, DB_INT("id", t->session_id), DB_INT("now_s", t->at_s));
        if (e.kind || !t->user_id) continue;
        e = DB_RUN(tx, &user_session_prolong, DB_INT("id", t->session_id), DB_INT("now_s", t->at_s), DB_INT("idle_s", ACCOUNT_VIEWER_IDLE_S), DB_INT("life_s", ACCOUNT_VIEWER_S));
        if (!e.kind) e = DB_RUN(tx, &user_seen, DB_INT("id", t->user_id), DB_INT("now_s", t->at_s));
    }
    if (!e.kind) e = DB_RUN(tx, &user_session_clean, DB_INT("now_s", w->now_s));
    if (!e.kind) e = DB_RUN(tx, &code_clean, DB_INT("now_s", w->now_s));
    if (!e.kind) e = DB_RUN(tx, &change_clean, DB_INT("before_s", w->now_s - CHANGES_KEPT_S));
    return e;
}

/* Seen is seen, whether it could be written now or not. */
static void touches_put_back(struct account *a, const struct touch *touches, size_t count) {
    lock_take(&a->lock);
    for (size_t i = 0; i < count && a->touch_count < TOUCHES_MAX; i++) a->touches[a->touch_count++] = touches[i];
    lock_give(&a->lock);
}

struct err account_tick(struct account *a) {
    struct tick_work w = {.a = a, .now_s = seconds_now(a), .touches = mem_zalloc_array(TOUCHES_MAX, sizeof *w.touches)};
    if (!w.touches) return err_memory();
    lock_take(&a->lock);
    w.touch_count = a->touch_count;
    memcpy(w.touches, a->touches, a->touch_count * sizeof *w.touches);
    a->touch_count = 0;
    lock_give(&a->lock);
    struct err e = db_write(a->db, tick_fn, &w);
    if (e.kind) touches_put_back(a, w.touches, w.touch_count);
    mem_free(w.touches);
    if (!e.kind) e = changes_follow(a);
    if (!e.kind) e = erasing_go_on(a);
    struct err spent = keys_spent_destroy(a); /* whatever stopped the others */
    return e.kind ? e : spent;
}
