/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "business/account/room.h"

/* --- words --- */

static const char *const role_names[] = {"operator", "editor", "rights", "finance"};
static const char *const scope_names[] = {"catalog:read", "catalog:write", "rights:read", "rights:write", "households:read", "households:write", "live:write",
                                           "finance:read", "finance:write"};

static const char *name_in(const char *const *names, size_t count, uint32_t bit) {
    for (size_t i = 0; i < count; i++)
        if (bit == UINT32_C(1) << i) return names[i];
    return NULL;
}
static uint32_t bit_in(const char *const *names, size_t count, struct slice name) {
    for (size_t i = 0; i < count; i++)
        if (slice_eq(name, slice_cstr(names[i]))) return UINT32_C(1) << i;
    return 0;
}
const char *account_role_name(uint32_t bit) { return name_in(role_names, ARRAY_LEN(role_names), bit); }
uint32_t account_role_of(struct slice name) { return bit_in(role_names, ARRAY_LEN(role_names), name); }
const char *account_scope_name(uint32_t bit) { return name_in(scope_names, ARRAY_LEN(scope_names), bit); }
uint32_t account_scope_of(struct slice name) { return bit_in(scope_names, ARRAY_LEN(scope_names), name); }

/* --- API tokens --- */

struct token_work {
    struct account *a;
    struct arena *arena;
    int64_t org_id, id, now_s, expires_s, maker_id, count;
    struct public_id public_id;
    struct slice name, wanted;
    uint32_t scopes;
    uint8_t hash[HASH_BYTES];
    struct db_rows rows;
};

static struct err token_make_fn(struct db_tx *tx, void *arg) {
    struct token_work *w = arg;
    w->count = DB_GET_INT(tx, 0, &token_count, DB_INT("org_id", w->org_id));
    if (w->count >= ACCOUNT_TOKENS_MAX) return err_make(ERR_LIMIT, "token.count", "There are 200 access tokens. End those that nobody needs.");
    return DB_RUN(tx, &token_insert, DB_INT("id", w->id), DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(&w->public_id)), DB_TEXT("name", w->name),
                  DB_BLOB("hash", hash_slice(w->hash)), DB_INT("scopes", w->scopes), DB_INT_IF("maker_id", w->maker_id != 0, w->maker_id), DB_INT("now_s", w->now_s),
                  DB_INT("expires_s", w->expires_s));
}

struct err account_token_make(struct account *a, const struct account_who *who, struct slice name, uint32_t scopes, int64_t expires_s, struct account_token_secret *secret,
                              struct public_id *public_id) {
    struct token_work w = {.a = a, .org_id = who->org_id, .id = id_next(a->ids), .now_s = seconds_now(a), .expires_s = expires_s, .maker_id = who->user_id, .scopes = scopes,
                           .public_id = public_id_random()};
    struct err e = who_operator(who);
    if (e.kind) return e;
    if (!account_name(name, ACCOUNT_NAME_MAX, &w.name)) return err_make(ERR_INPUT, "account.name", "A name has 1 to 100 characters that can be shown.");
    if (!scopes || scopes & ~(uint32_t)ACCOUNT_SCOPES_ALL) return err_make(ERR_INPUT, "token.scopes", "An access token has at least one scope, of those that there are.");
    if (expires_s && expires_s <= w.now_s) return err_make(ERR_INPUT, "token.expires", "An access token ends in the future, or never.");
    struct account_secret random = secret_make();
    struct account_token_secret text;
    snprintf(text.text, sizeof text.text, "gst_%s", random.text);
    secret_hash(slice_of(text.text, ACCOUNT_TOKEN_LEN), w.hash);
    e = db_write(a->db, token_make_fn, &w);
    if (e.kind) return e;
    *secret = text;
    *public_id = w.public_id;
    return ERR_OK;
}

static struct err token_list_fn(struct db_tx *tx, void *arg) {
    struct token_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &token_list, DB_INT("org_id", w->org_id));
}

struct err account_token_list(struct account *a, struct arena *arena, const struct account_who *who, struct account_token_list *out) {
    struct token_work w = {.a = a, .arena = arena, .org_id = who->org_id};
    struct err e = who_operator(who);
    if (!e.kind) e = db_read(a->db, token_list_fn, &w);
    if (e.kind) return e;
    struct account_token *items = arena_alloc_array(arena, w.rows.count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < w.rows.count; i++) {
        items[i] = (struct account_token){.id = db_int(&w.rows, i, "id"), .name = db_text(&w.rows, i, "name"), .scopes = (uint32_t)db_int(&w.rows, i, "scopes"),
                                          .created_at = utc_from_seconds(db_int(&w.rows, i, "created_s")), .seen_at = utc_from_seconds(db_int(&w.rows, i, "seen_s")),
                                          .expires_at = utc_from_seconds(db_int(&w.rows, i, "expires_s"))};
        if (!public_id_parse(db_text(&w.rows, i, "public_id"), &items[i].public_id)) items[i].public_id = (struct public_id){{0}};
    }
    *out = (struct account_token_list){items, w.rows.count};
    return ERR_OK;
}

static struct err token_end_fn(struct db_tx *tx, void *arg) {
    struct token_work *w = arg;
    w->id = DB_GET_INT(tx, 0, &token_end, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->wanted));
    return w->id ? change_note(w->a, tx, w->org_id, w->id, 0) : db_tx_error(tx);
}

struct err account_token_end(struct account *a, const struct account_who *who, struct slice public_id) {
    struct token_work w = {.a = a, .org_id = who->org_id, .wanted = public_id};
    struct public_id parsed;
    struct err e = who_operator(who);
    if (e.kind) return e;
    if (public_id_parse(public_id, &parsed)) e = db_write(a->db, token_end_fn, &w);
    if (e.kind) return e;
    if (!w.id) return err_make(ERR_NOT_FOUND, "token.missing", "There is no such access token, or it has ended.");
    changes_tell(a, who->org_id, &w.id, 1, 0);
    return ERR_OK;
}
