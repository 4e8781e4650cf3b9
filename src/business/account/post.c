/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Letters of rooms that know a household and nobody's address: what they are about is theirs, whom they reach is ours. */
#include <string.h>

#include "business/account/account_sql.h"
#include "business/account/room.h"
#include "text/text.h"

/* The user asked for, else the first of his household who is still there. */
static struct err addressee(struct account *a, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t user_id, int64_t household_id, struct account_user *out, bool *has) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &user_of_household, DB_INT("org_id", org_id), DB_INT("household_id", household_id));
    *has = false;
    if (e.kind || !rows.count) return e;
    size_t at = 0;
    for (size_t i = 0; i < rows.count; i++)
        if (db_int(&rows, i, "id") == user_id) at = i;
    struct user_row row;
    user_row_take(&rows, at, &row);
    e = user_open(a, arena, &row, out);
    *has = !e.kind && out->email.len;
    return e.kind == ERR_NOT_FOUND ? ERR_OK : e; /* being erased */
}

enum { POST_PARAMS_MAX = 8 };

/* A letter is read some day and anywhere: the whole date, the time, and in which zone that is. */
static struct err until_write(struct db_tx *tx, struct arena *arena, const struct account_post *post, struct slice lang, struct slice zone_name, struct slice *out) {
    struct text_zone zone = {.zone = zone_find(zone_name)};
    if (!zone.zone) {
        struct db_rows rows;
        struct err e = DB_QUERY(tx, arena, &rows, &household_by_id, DB_INT("org_id", post->org_id), DB_INT("id", post->household_id));
        if (e.kind) return e;
        if (rows.count) zone.zone = zone_of_country(db_text(&rows, 0, "country"));
    }
    struct buf text = BUF(400);
    text_moment_whole(&text, lang, post->until_s, zone);
    struct err e = buf_error(&text);
    if (!e.kind && !(*out = arena_copy(arena, buf_slice(&text))).ptr) e = err_memory();
    buf_free(&text);
    return e;
}

struct err account_post_in(struct account *a, struct db_tx *tx, struct arena *arena, const struct account_post *post) {
    struct account_user user;
    bool has = false;
    struct err e = addressee(a, tx, arena, post->org_id, post->user_id, post->household_id, &user, &has);
    if (e.kind || !has) return e;
    struct slice lang = post->lang.len ? post->lang : user.lang;
    struct text_param params[POST_PARAMS_MAX] = {{SLICE("until"), SLICE_NONE}};
    size_t count = 1;
    for (size_t i = 0; i < post->param_count && count < POST_PARAMS_MAX; i++) params[count++] = post->params[i];
    struct letter letter = {.code = post->code, .org_id = post->org_id, .about_id = user.id, .lang = lang, .to = user.email, .name = user.name, .email = user.email,
                            .extra = params, .extra_count = count};
    struct mail_new mail;
    if (post->until_s) e = until_write(tx, arena, post, text_language_of(lang), user.zone, &params[0].value);
    if (!e.kind) e = letter_link(a, arena, post->org_id, &(struct account_from){0}, post->path, NULL, &letter.link);
    if (!e.kind) e = letter_prepare(a, arena, &letter, &mail);
    return e.kind ? e : mail_add(a->mail, tx, &mail);
}

struct party_work {
    struct account *a;
    struct arena *arena;
    int64_t org_id, user_id, household_id;
    struct account_user user;
    bool has;
};
static struct err party_fn(struct db_tx *tx, void *arg) {
    struct party_work *w = arg;
    return addressee(w->a, tx, w->arena, w->org_id, w->user_id, w->household_id, &w->user, &w->has);
}
struct err account_post_name(struct account *a, struct arena *arena, int64_t org_id, int64_t user_id, int64_t household_id, struct slice *name, struct slice *email) {
    struct party_work w = {.a = a, .arena = arena, .org_id = org_id, .user_id = user_id, .household_id = household_id};
    struct err e = db_read(a->db, party_fn, &w);
    if (e.kind) return e;
    *name = w.has ? w.user.name : SLICE("");
    *email = w.has ? w.user.email : SLICE("");
    if (w.has) return ERR_OK;
    struct account_named household; /* nobody in it (any more): its own name, as long as it is not erased */
    e = account_household_names(a, arena, org_id, &household_id, 1, &household);
    if (!e.kind && household.name.ptr) *name = household.name;
    return e;
}

struct user_names_work {
    struct arena *arena;
    int64_t org_id;
    const int64_t *ids;
    size_t count;
    struct user_row *rows; /* id 0: gone */
};
static struct err user_names_fn(struct db_tx *tx, void *arg) {
    struct user_names_work *w = arg;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < w->count; i++) {
        struct db_rows rows;
        w->rows[i] = (struct user_row){0};
        e = DB_QUERY(tx, w->arena, &rows, &user_by_id, DB_INT("org_id", w->org_id), DB_INT("id", w->ids[i]));
        if (!e.kind && rows.count) user_row_take(&rows, 0, &w->rows[i]);
    }
    return e;
}
struct err account_user_names(struct account *a, struct arena *arena, int64_t org_id, const int64_t *ids, size_t count, struct slice *out) {
    struct user_names_work w = {arena, org_id, ids, count, arena_alloc_array(arena, count + 1, sizeof *w.rows)};
    if (!w.rows) return err_memory();
    struct err e = db_read(a->db, user_names_fn, &w);
    for (size_t i = 0; !e.kind && i < count; i++) {
        struct account_user user;
        out[i] = SLICE_NONE;
        if (!w.rows[i].id) continue;
        e = user_open(a, arena, &w.rows[i], &user);
        if (!e.kind) out[i] = user.name;
        else if (e.kind == ERR_NOT_FOUND) e = ERR_OK; /* erased in this moment */
    }
    return e;
}
