/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Parties and deals, and the house deal. */
#include "base/utf8.h"
#include "business/rights/book.h"

struct err rights_error_no_deal(void) { return err_make(ERR_NOT_FOUND, "rights.deal_missing", "There is no such deal."); }
struct err rights_error_no_line(void) { return err_make(ERR_NOT_FOUND, "rights.line_missing", "There is no such line."); }
struct err rights_error_no_party(void) { return err_make(ERR_NOT_FOUND, "rights.party_missing", "There is no such party."); }

int64_t rights_now_s(const struct rights *r) {
    int64_t now = utc_seconds(clock_utc(r->o.clock));
    return now < 0 ? 0 : now > RIGHTS_TIME_MAX ? RIGHTS_TIME_MAX : now;
}

struct err rights_turn_begin(struct rights *r, struct db_tx *tx, int64_t org_id, struct rights_turn *out) {
    struct arena *arena = arena_create(1 << 16);
    if (!arena) return err_memory();
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &book_turn, DB_INT("org_id", org_id), DB_INT("now_s", rights_now_s(r)));
    if (!e.kind && rows.count != 1) e = err_make(ERR_BUG, "rights.book", "The book of rights gave no turn.");
    if (!e.kind) *out = (struct rights_turn){db_int(&rows, 0, "sequence"), db_int(&rows, 0, "known_s")};
    arena_destroy(&arena);
    return e;
}

struct err rights_turn_note(struct db_tx *tx, int64_t org_id, const struct rights_turn *turn, int kind, int64_t thing_id) {
    return DB_RUN(tx, &change_book, DB_INT("org_id", org_id), DB_INT("sequence", turn->sequence), DB_INT("kind", kind), DB_INT("thing_id", thing_id));
}

/* --- parties --- */

void rights_party_read(const struct db_rows *rows, size_t i, struct rights_party *out) {
    *out = (struct rights_party){.id = db_int(rows, i, "id"), .name = db_text(rows, i, "name"), .kind = (enum rights_party_kind)db_int(rows, i, "kind"),
                                 .is_us = db_int(rows, i, "is_us") != 0};
    struct slice country = db_text(rows, i, "country");
    if (country.len == 2) memcpy(out->country, country.ptr, 2);
    if (!public_id_parse(db_text(rows, i, "public_id"), &out->public_id)) out->public_id = (struct public_id){0};
}

struct err rights_party_check(const struct rights_party_change *ch, bool is_new) {
    uint8_t country;
    if ((is_new || ch->has_name) && !utf8_is_display_text(ch->name, RIGHTS_NAME_MAX))
        return err_make(ERR_INPUT, "rights.party_name", "A party has a name of at most 200 characters.");
    if (ch->has_country && ch->country.len && !rights_country_parse(ch->country, &country))
        return err_make(ERR_INPUT, "rights.country", "A country is named by its two letters of ISO 3166-1, as in DE.");
    return ERR_OK;
}

static struct err party_taken(void) { return err_make(ERR_CONFLICT, "rights.party_taken", "There is already a party of this name."); }

struct party_work {
    int64_t org_id, id;
    struct public_id public_id;
    struct slice name;
    const struct rights_party_change *change;
};

static struct err party_create_fn(struct db_tx *tx, void *arg) {
    struct party_work *w = arg;
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &party_insert, DB_INT("id", w->id), DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(&w->public_id)),
                             DB_TEXT("name", w->change->name), DB_TEXT("country", w->change->has_country ? w->change->country : SLICE("")),
                             DB_INT("kind", w->change->has_kind ? (int64_t)w->change->kind : RIGHTS_ORGANISATION), DB_INT("is_us", 0));
    return e.kind || changed ? e : party_taken();
}

struct err rights_party_create(struct rights *r, int64_t org_id, const struct rights_party_change *change, struct public_id *out) {
    struct err e = rights_party_check(change, true);
    if (e.kind) return e;
    struct party_work w = {.org_id = org_id, .id = id_next(r->o.ids), .public_id = public_id_random(), .change = change};
    e = db_write(r->o.db, party_create_fn, &w);
    if (!e.kind) *out = w.public_id;
    return e;
}

static struct err party_change_fn(struct db_tx *tx, void *arg) {
    struct party_work *w = arg;
    const struct rights_party_change *ch = w->change;
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &party_update, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->name),
                             DB_TEXT_OR_NULL("name", ch->has_name ? ch->name : SLICE_NONE),
                             DB_TEXT_OR_NULL("country", !ch->has_country ? SLICE_NONE : ch->country.len ? ch->country : SLICE("")),
                             DB_INT_IF("kind", ch->has_kind, (int64_t)ch->kind));
    if (e.kind == ERR_CONFLICT) return party_taken();
    return e.kind || changed ? e : rights_error_no_party();
}

struct err rights_party_change(struct rights *r, int64_t org_id, struct slice party, const struct rights_party_change *change) {
    struct err e = rights_party_check(change, false);
    if (e.kind) return e;
    struct party_work w = {.org_id = org_id, .name = party, .change = change};
    e = db_write(r->o.db, party_change_fn, &w);
    return e.kind == ERR_CONFLICT && !strcmp(e.code, "db.unique") ? party_taken() : e;
}

struct list_work {
    struct arena *arena;
    int64_t org_id;
    struct slice public_id;
    const struct rights_deal_ask *ask;
    struct db_rows rows;
};

static struct err parties_fn(struct db_tx *tx, void *arg) {
    struct list_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &party_list, DB_INT("org_id", w->org_id), DB_INT("limit", RIGHTS_LIST_MAX));
}

struct err rights_parties(struct rights *r, struct arena *arena, int64_t org_id, struct rights_party_list *out) {
    struct list_work w = {.arena = arena, .org_id = org_id};
    struct err e = db_read(r->o.db, parties_fn, &w);
    if (e.kind) return e;
    struct rights_party *items = arena_alloc_array(arena, w.rows.count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < w.rows.count; i++) rights_party_read(&w.rows, i, &items[i]);
    *out = (struct rights_party_list){items, w.rows.count};
    return ERR_OK;
}

/* --- ourselves --- */

struct err rights_us_in(struct rights *r, struct db_tx *tx, int64_t org_id, int64_t *party_id) {
    struct arena *arena = arena_create(1 << 16);
    if (!arena) return err_memory();
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &party_us, DB_INT("org_id", org_id));
    int64_t id = !e.kind && rows.count ? db_int(&rows, 0, "id") : 0;
    if (!e.kind && !id) {
        id = id_next(r->o.ids);
        struct public_id public_id = public_id_random();
        struct slice name = DB_GET_TEXT(tx, arena, &us_name, DB_INT("org_id", org_id));
        if (!utf8_is_display_text(name, RIGHTS_NAME_MAX)) name = SLICE("Our organisation");
        for (int i = 2; !e.kind; i++) { /* somebody may have named another party like us before */
            int64_t changed = 0;
            e = DB_CHANGE(tx, &changed, &party_insert, DB_INT("id", id), DB_INT("org_id", org_id), DB_TEXT("public_id", public_id_slice(&public_id)),
                          DB_TEXT("name", name), DB_TEXT("country", SLICE("")), DB_INT("kind", RIGHTS_ORGANISATION), DB_INT("is_us", 1));
            if (e.kind || changed || i > 100) break;
            name = arena_printf(arena, "%.*s (%d)", SLICE_ARG(slice_sub(name, 0, 100)), i);
        }
    }
    if (!e.kind) e = db_tx_error(tx);
    if (!e.kind) *party_id = id;
    arena_destroy(&arena);
    return e;
}

/* --- deals --- */

void rights_deal_read(const struct db_rows *rows, size_t i, struct rights_deal *out) {
    *out = (struct rights_deal){
        .id = db_int(rows, i, "id"),
        .reference = db_text(rows, i, "reference"),
        .direction = (enum rights_direction)db_int(rows, i, "direction"),
        .status = (enum rights_status)db_int(rows, i, "status"),
        .party = {.id = db_int(rows, i, "party_id"), .name = db_text(rows, i, "party_name"), .kind = (enum rights_party_kind)db_int(rows, i, "party_kind"),
                  .is_us = db_int(rows, i, "party_is_us") != 0},
        .may_sublicense = db_int(rows, i, "may_sublicense") != 0,
        .version = db_int(rows, i, "version"),
        .created_s = db_int(rows, i, "created_s"),
        .line_count = db_int(rows, i, "line_count"),
    };
    struct slice country = db_text(rows, i, "party_country");
    if (country.len == 2) memcpy(out->party.country, country.ptr, 2);
    if (!public_id_parse(db_text(rows, i, "public_id"), &out->public_id)) out->public_id = (struct public_id){0};
    if (!public_id_parse(db_text(rows, i, "parent"), &out->parent)) out->parent = (struct public_id){0};
    if (!public_id_parse(db_text(rows, i, "party_public_id"), &out->party.public_id)) out->party.public_id = (struct public_id){0};
}

struct err rights_reference_check(struct slice reference) {
    return utf8_is_display_text(reference, RIGHTS_REFERENCE_MAX)
               ? ERR_OK
               : err_make(ERR_INPUT, "rights.reference", "A deal has a reference of at most 100 characters, such as the number of the contract.");
}

static struct err reference_taken(void) { return err_make(ERR_CONFLICT, "rights.reference_taken", "There is already a deal with this reference."); }

struct err rights_deal_make_in(struct db_tx *tx, int64_t org_id, const struct rights_turn *turn, const struct rights_deal_row *d, int64_t user_id) {
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &deal_insert, DB_INT("id", d->id), DB_INT("org_id", org_id), DB_TEXT("public_id", public_id_slice(&d->public_id)),
                             DB_INT("direction", d->direction), DB_INT("party_id", d->party_id), DB_INT_IF("parent_id", d->parent_id != 0, d->parent_id),
                             DB_BOOL("is_house", d->is_house), DB_TEXT("reference", d->reference), DB_INT("status", d->status),
                             DB_BOOL("may_sublicense", d->may_sublicense), DB_INT("known_s", turn->known_s));
    if (!e.kind && !changed) return reference_taken();
    if (!e.kind)
        e = DB_RUN(tx, &deal_version_insert, DB_INT("id", d->id), DB_INT("org_id", org_id), DB_INT("known_s", turn->known_s), DB_INT("user_id", user_id));
    return e.kind ? e : rights_turn_note(tx, org_id, turn, CHANGE_DEAL, d->id);
}

struct deal_work {
    struct rights *rights;
    struct arena *arena;
    int64_t org_id, user_id, id;
    struct public_id public_id;
    struct slice deal;
    const struct rights_deal_new *new_deal;
    const struct rights_deal_change *change;
    bool is_checked;       /* contradictions were looked for, in the book as it stood at `sequence_seen` */
    int64_t sequence_seen;
    bool has_moved;        /* somebody wrote meanwhile */
};

static struct err deal_row(struct db_tx *tx, struct arena *arena, int64_t org_id, struct slice public_id, struct rights_deal *out) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &deal_find, DB_INT("org_id", org_id), DB_TEXT("public_id", public_id));
    if (e.kind) return e;
    if (!rows.count) return rights_error_no_deal();
    rights_deal_read(&rows, 0, out);
    return ERR_OK;
}

static struct err deal_create_fn(struct db_tx *tx, void *arg) {
    struct deal_work *w = arg;
    const struct rights_deal_new *d = w->new_deal;
    struct arena_mark mark = arena_mark(w->arena);
    struct rights_party party = {0};
    struct rights_deal parent = {0};
    struct err e = ERR_OK;
    if (d->party.len) {
        struct db_rows rows;
        e = DB_QUERY(tx, w->arena, &rows, &party_find, DB_INT("org_id", w->org_id), DB_TEXT("public_id", d->party));
        if (!e.kind && !rows.count) e = rights_error_no_party();
        if (!e.kind) rights_party_read(&rows, 0, &party);
    } else {
        party.is_us = true;
        e = rights_us_in(w->rights, tx, w->org_id, &party.id);
    }
    if (!e.kind && party.is_us != (d->direction == RIGHTS_OWN))
        e = err_make(ERR_INPUT, "rights.own", "A deal of our own is with ourselves; every other one is with somebody else.");
    if (!e.kind && d->parent.len) {
        e = deal_row(tx, w->arena, w->org_id, d->parent, &parent);
        if (e.kind == ERR_NOT_FOUND || (!e.kind && (d->direction != RIGHTS_OUT || parent.direction == RIGHTS_OUT)))
            e = err_make(ERR_INPUT, "rights.parent", "Only what is licensed out stands under another deal, and that is one by which we have the rights.");
    }
    struct rights_turn turn;
    if (!e.kind) e = rights_turn_begin(w->rights, tx, w->org_id, &turn);
    struct rights_deal_row row = {.public_id = w->public_id, .id = w->id, .party_id = party.id, .parent_id = parent.id, .reference = d->reference,
                                  .direction = d->direction, .status = d->status, .may_sublicense = d->may_sublicense};
    if (!e.kind) e = rights_deal_make_in(tx, w->org_id, &turn, &row, w->user_id);
    arena_rewind(w->arena, mark);
    return e;
}

struct err rights_deal_create(struct rights *r, int64_t org_id, const struct rights_deal_new *new_deal, int64_t user_id, struct public_id *out) {
    struct err e = rights_reference_check(new_deal->reference);
    if (e.kind) return e;
    struct deal_work w = {.rights = r, .arena = arena_create(1 << 20), .org_id = org_id, .user_id = user_id, .id = id_next(r->o.ids),
                          .public_id = public_id_random(), .new_deal = new_deal};
    if (!w.arena) return err_memory();
    e = db_write(r->o.db, deal_create_fn, &w);
    arena_destroy(&w.arena);
    if (e.kind) return e;
    *out = w.public_id;
    rights_turned(r);
    return ERR_OK;
}

static struct err deal_change_fn(struct db_tx *tx, void *arg) {
    struct deal_work *w = arg;
    const struct rights_deal_change *ch = w->change;
    struct arena_mark mark = arena_mark(w->arena);
    struct rights_deal d;
    struct err e = deal_row(tx, w->arena, w->org_id, w->deal, &d);
    if (!e.kind && d.status == RIGHTS_TERMINATED && ch->has_status && ch->status != RIGHTS_TERMINATED)
        e = err_make(ERR_CONFLICT, "rights.terminated", "This deal is terminated, and that is for ever. Make a new one.");
    struct rights_turn turn;
    if (!e.kind) e = rights_turn_begin(w->rights, tx, w->org_id, &turn);
    w->has_moved = !e.kind && w->is_checked && turn.sequence != w->sequence_seen + 1;
    if (w->has_moved) e = err_make(ERR_BUSY, "rights.moved", "Somebody else has just changed the deals. Try again.");
    int64_t changed = 0;
    if (!e.kind)
        e = DB_CHANGE(tx, &changed, &deal_update, DB_INT("org_id", w->org_id), DB_INT("id", d.id),
                      DB_TEXT_OR_NULL("reference", ch->has_reference ? ch->reference : SLICE_NONE), DB_INT_IF("status", ch->has_status, (int64_t)ch->status),
                      DB_INT_IF("may_sublicense", ch->has_may_sublicense, ch->may_sublicense ? 1 : 0));
    if (!e.kind)
        e = DB_RUN(tx, &deal_version_insert, DB_INT("id", d.id), DB_INT("org_id", w->org_id), DB_INT("known_s", turn.known_s), DB_INT("user_id", w->user_id));
    if (!e.kind) e = rights_turn_note(tx, w->org_id, &turn, CHANGE_DEAL, d.id);
    arena_rewind(w->arena, mark);
    return e;
}

static struct err deal_change_write(struct deal_work *w) {
    if (w->change->has_reference) {
        struct err e = rights_reference_check(w->change->reference);
        if (e.kind) return e;
    }
    w->arena = arena_create(1 << 20);
    if (!w->arena) return err_memory();
    struct err e = db_write(w->rights->o.db, deal_change_fn, w);
    arena_destroy(&w->arena);
    if (e.kind == ERR_CONFLICT && !strcmp(e.code, "db.unique")) return reference_taken();
    if (e.kind) return e;
    rights_turned(w->rights);
    return ERR_OK;
}

struct err rights_deal_change(struct rights *r, int64_t org_id, struct slice deal, const struct rights_deal_change *change, int64_t user_id) {
    return deal_change_write(&(struct deal_work){.rights = r, .org_id = org_id, .user_id = user_id, .deal = deal, .change = change});
}

struct err rights_deal_change_checked(struct rights *r, struct arena *arena, int64_t org_id, struct slice deal, const struct rights_deal_change *change,
                                      int64_t user_id, struct rights_standing_conflict_list *out) {
    enum { TRIES_MAX = 8, SHOWN_MAX = 1000 };
    for (int tries = 0;; tries++) {
        struct deal_work w = {.rights = r, .org_id = org_id, .user_id = user_id, .deal = deal, .change = change};
        struct rights_deal d;
        struct err e = rights_refresh(r);
        w.sequence_seen = rights_seen_sequence(r, org_id);
        if (!e.kind) e = rights_deal_get(r, arena, org_id, deal, &d);
        if (e.kind) return e;
        w.is_checked = change->has_status && d.status == RIGHTS_DRAFT && (change->status == RIGHTS_ACTIVE || change->status == RIGHTS_SUSPENDED);
        if (w.is_checked) {
            struct rights_standing_conflict_list found;
            size_t total;
            e = rights_deal_conflicts(r, arena, org_id, deal, SHOWN_MAX, &found, &total);
            if (e.kind) return e;
            if (total) {
                *out = found;
                return err_make(ERR_CONFLICT, "rights.conflict", "This contradicts what stands in the book. Nothing was saved.");
            }
        }
        e = deal_change_write(&w);
        if (!w.has_moved || tries == TRIES_MAX) return e;
    }
}

static struct err deals_fn(struct db_tx *tx, void *arg) {
    struct list_work *w = arg;
    int64_t party_id = 0;
    if (w->ask->party.len) {
        struct db_rows rows;
        struct err e = DB_QUERY(tx, w->arena, &rows, &party_find, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->ask->party));
        if (e.kind) return e;
        if (!rows.count) return rights_error_no_party();
        party_id = db_int(&rows, 0, "id");
    }
    return DB_QUERY(tx, w->arena, &w->rows, &deal_list, DB_INT("org_id", w->org_id), DB_INT("status", w->ask->has_status ? (int64_t)w->ask->status : -1),
                    DB_INT("party_id", party_id), DB_INT("limit", RIGHTS_LIST_MAX));
}

struct err rights_deals(struct rights *r, struct arena *arena, int64_t org_id, const struct rights_deal_ask *ask, struct rights_deal_list *out) {
    struct list_work w = {.arena = arena, .org_id = org_id, .ask = ask};
    struct err e = db_read(r->o.db, deals_fn, &w);
    if (e.kind) return e;
    struct rights_deal *items = arena_alloc_array(arena, w.rows.count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < w.rows.count; i++) rights_deal_read(&w.rows, i, &items[i]);
    *out = (struct rights_deal_list){items, w.rows.count};
    return ERR_OK;
}

struct one_work {
    struct arena *arena;
    int64_t org_id;
    struct slice public_id;
    struct rights_deal deal;
};
static struct err deal_get_fn(struct db_tx *tx, void *arg) {
    struct one_work *w = arg;
    return deal_row(tx, w->arena, w->org_id, w->public_id, &w->deal);
}

struct err rights_deal_get(struct rights *r, struct arena *arena, int64_t org_id, struct slice deal, struct rights_deal *out) {
    struct one_work w = {.arena = arena, .org_id = org_id, .public_id = deal};
    struct err e = db_read(r->o.db, deal_get_fn, &w);
    if (!e.kind) *out = w.deal;
    return e;
}

static struct err versions_fn(struct db_tx *tx, void *arg) {
    struct list_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &deal_versions, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->public_id), DB_INT("limit", RIGHTS_LIST_MAX));
}

struct err rights_deal_versions(struct rights *r, struct arena *arena, int64_t org_id, struct slice deal, struct rights_deal_version_list *out) {
    struct list_work w = {.arena = arena, .org_id = org_id, .public_id = deal};
    struct err e = db_read(r->o.db, versions_fn, &w);
    if (e.kind) return e;
    if (!w.rows.count) return rights_error_no_deal(); /* each has its first version */
    struct rights_deal_version *items = arena_alloc_array(arena, w.rows.count, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < w.rows.count; i++)
        items[i] = (struct rights_deal_version){.version = db_int(&w.rows, i, "version"), .known_s = db_int(&w.rows, i, "known_s"),
                                                .user_id = db_int(&w.rows, i, "user_id"), .reference = db_text(&w.rows, i, "reference"),
                                                .status = (enum rights_status)db_int(&w.rows, i, "status"),
                                                .may_sublicense = db_int(&w.rows, i, "may_sublicense") != 0};
    *out = (struct rights_deal_version_list){items, w.rows.count};
    return ERR_OK;
}

/* --- the house deal --- */

static struct err house_in(struct rights *r, struct db_tx *tx, int64_t org_id, const struct rights_turn *turn, int64_t *deal_id) {
    *deal_id = DB_GET_INT(tx, 0, &deal_house, DB_INT("org_id", org_id));
    struct err e = db_tx_error(tx);
    if (e.kind || *deal_id) return e;
    struct rights_deal_row row = {.public_id = public_id_random(), .id = id_next(r->o.ids), .direction = RIGHTS_OWN, .status = RIGHTS_ACTIVE,
                                  .may_sublicense = true, .is_house = true, .reference = SLICE("House")};
    e = rights_us_in(r, tx, org_id, &row.party_id);
    if (!e.kind) e = rights_deal_make_in(tx, org_id, turn, &row, 0);
    if (e.kind == ERR_CONFLICT) { /* somebody has named a deal of his so */
        row.reference = SLICE("House (own productions)");
        e = rights_deal_make_in(tx, org_id, turn, &row, 0);
    }
    if (!e.kind) *deal_id = row.id;
    return e;
}

static struct err house_line_in(struct rights *r, struct db_tx *tx, int64_t org_id, const struct rights_turn *turn, int64_t deal_id, int64_t title_id) {
    struct slice bad;
    struct rights_line line = {.id = id_next(r->o.ids), .deal_id = deal_id, .public_id = public_id_random(),
                               .terms = {.title_id = title_id, .effect = RIGHTS_ALLOW, .media = RIGHTS_ALL_MEDIA, .ends_s = RIGHTS_ENDLESS, .may_sublicense = true}};
    struct err e = rights_territories_of(SLICE("WORLD"), &line.terms.territories, &bad);
    return e.kind ? e : rights_line_make_in(r, tx, org_id, turn, &line);
}

struct err rights_house_line_in(struct rights *r, struct db_tx *tx, int64_t org_id, int64_t title_id) {
    struct rights_turn turn;
    int64_t deal_id;
    struct err e = rights_turn_begin(r, tx, org_id, &turn);
    if (!e.kind) e = house_in(r, tx, org_id, &turn, &deal_id);
    return e.kind ? e : house_line_in(r, tx, org_id, &turn, deal_id, title_id);
}

/* Organisations of before there were contracts. */
enum { ADOPT_ORGS_MAX = 10000, ADOPT_PAGE = 1000 };

static struct err adopt_org(struct rights *r, struct db_tx *tx, struct arena *arena, int64_t org_id) {
    struct rights_turn turn;
    int64_t deal_id;
    struct err e = rights_turn_begin(r, tx, org_id, &turn);
    if (!e.kind) e = house_in(r, tx, org_id, &turn, &deal_id);
    for (int64_t after = 0; !e.kind;) {
        struct arena_mark mark = arena_mark(arena);
        struct db_rows rows;
        e = DB_QUERY(tx, arena, &rows, &adopt_titles, DB_INT("org_id", org_id), DB_INT("after", after), DB_INT("limit", ADOPT_PAGE));
        size_t count = e.kind ? 0 : rows.count;
        for (size_t i = 0; !e.kind && i < count; i++) {
            after = db_int(&rows, i, "id");
            e = house_line_in(r, tx, org_id, &turn, deal_id, after);
        }
        arena_rewind(arena, mark);
        if (count < ADOPT_PAGE) break;
    }
    return e.kind ? e : DB_RUN(tx, &adopt_done, DB_INT("org_id", org_id));
}

static struct err adopt_look_fn(struct db_tx *tx, void *arg) {
    struct list_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &adopt_orgs, DB_INT("limit", 1));
}

static struct err adopt_fn(struct db_tx *tx, void *arg) {
    struct rights *r = arg;
    struct arena *arena = arena_create(16 << 20);
    if (!arena) return err_memory();
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &adopt_orgs, DB_INT("limit", ADOPT_ORGS_MAX));
    for (size_t i = 0; !e.kind && i < rows.count; i++) e = adopt_org(r, tx, arena, db_int(&rows, i, "org_id"));
    arena_destroy(&arena);
    return e;
}

struct err rights_adopt(struct rights *r) {
    struct list_work w = {.arena = arena_create(1 << 16)};
    if (!w.arena) return err_memory();
    struct err e = db_read(r->o.db, adopt_look_fn, &w);
    bool has_some = !e.kind && w.rows.count > 0;
    arena_destroy(&w.arena);
    return has_some ? db_write(r->o.db, adopt_fn, r) : e;
}
