/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Lines: written once, read back, withdrawn. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "business/rights/book.h"
#include "business/rights/role.h"

/* --- checks --- */

/* A note may have several lines, and nothing else that a name may not have. */
bool rights_is_note(struct slice note) {
    struct slice rest = note, line;
    size_t chars = 0;
    for (size_t i = 0; i < note.len; i++) chars += ((unsigned char)note.ptr[i] & 0xC0) != 0x80;
    if (chars > RIGHTS_NOTE_MAX) return false;
    while (note.len && slice_next(&rest, '\n', &line))
        if (slice_trim(line).len && !utf8_is_display_text(line, RIGHTS_NOTE_MAX)) return false;
    return true;
}

struct err rights_window_fault(void) { return err_make(ERR_INPUT, "rights.window", "A line begins before it ends, between 1970 and 2106."); }

struct err rights_terms_check(const struct rights_terms *t) {
    if (t->starts_s < 0 || t->starts_s > RIGHTS_TIME_MAX || t->ends_s <= t->starts_s || t->ends_s > RIGHTS_ENDLESS)
        return rights_window_fault();
    if (!t->media || t->media & ~RIGHTS_ALL_MEDIA) return err_make(ERR_INPUT, "rights.media", "A line is about at least one medium.");
    if (!rights_territories_text(t->territories).len)
        return err_make(ERR_INPUT, "rights.territories", "A line is about at least one territory, as in WORLD or DE,AT,CH.");
    if (t->effect != RIGHTS_ALLOW && (t->is_exclusive || t->may_sublicense || t->plays_max))
        return err_make(ERR_INPUT, "rights.block", "A holdback or a blackout forbids; it is neither exclusive nor sublicensed, and has no plays.");
    if (t->plays_max < 0 || t->plays_max > INT32_MAX) return err_make(ERR_INPUT, "rights.plays_max", "The number of plays is 1 or more, or none is given.");
    if (!rights_is_note(t->note)) return err_make(ERR_INPUT, "rights.note", "A note has at most 1,000 characters of ordinary text.");
    return ERR_OK;
}

/* --- within a transaction --- */

struct err rights_set_in(struct rights *r, struct db_tx *tx, int64_t org_id, bool is_language, struct slice text, int64_t *out) {
    if (!text.ptr) text = SLICE("");
    int64_t id = DB_GET_INT(tx, 0, &set_find, DB_INT("org_id", org_id), DB_INT("kind", is_language), DB_TEXT("text", text));
    struct err e = db_tx_error(tx);
    if (!e.kind && !id) {
        id = id_next(r->o.ids);
        e = DB_RUN(tx, &set_insert, DB_INT("id", id), DB_INT("org_id", org_id), DB_INT("kind", is_language), DB_TEXT("text", text));
    }
    if (!e.kind) *out = id;
    return e;
}

struct err rights_line_make_in(struct rights *r, struct db_tx *tx, int64_t org_id, const struct rights_turn *turn, const struct rights_line *line) {
    const struct rights_terms *t = &line->terms;
    int64_t territories_id, languages_id;
    struct err e = rights_set_in(r, tx, org_id, false, rights_territories_text(t->territories), &territories_id);
    if (!e.kind) e = rights_set_in(r, tx, org_id, true, rights_languages_text(t->languages), &languages_id);
    if (!e.kind)
        e = DB_RUN(tx, &line_insert, DB_INT("id", line->id), DB_INT("org_id", org_id), DB_TEXT("public_id", public_id_slice(&line->public_id)),
                   DB_INT("deal_id", line->deal_id), DB_INT("title_id", t->title_id), DB_INT("effect", t->effect), DB_INT("media", t->media),
                   DB_INT("territories_id", territories_id), DB_INT("languages_id", languages_id), DB_INT("starts_s", t->starts_s), DB_INT("ends_s", t->ends_s),
                   DB_BOOL("is_exclusive", t->is_exclusive), DB_BOOL("may_sublicense", t->may_sublicense), DB_INT("plays_max", t->plays_max),
                   DB_TEXT("note", t->note.ptr ? t->note : SLICE("")), DB_INT("known_s", turn->known_s));
    return e.kind ? e : rights_turn_note(tx, org_id, turn, CHANGE_TITLE, t->title_id);
}

/* --- reading --- */

struct rows_work {
    struct arena *arena;
    int64_t org_id;
    const struct rights_lines_ask *ask;
    struct db_rows rows;
    struct err refused; /* by the sets: a text of a newer program */
};

static struct err rows_fn(struct db_tx *tx, void *arg) {
    struct rows_work *w = arg;
    const struct rights_lines_ask *a = w->ask;
    size_t limit = !a->limit || a->limit > RIGHTS_LIST_MAX ? RIGHTS_LIST_MAX : a->limit;
    if (a->deal.len) {
        if (!DB_GET_INT(tx, 0, &deal_find, DB_INT("org_id", w->org_id), DB_TEXT("public_id", a->deal))) {
            struct err e = db_tx_error(tx);
            return e.kind ? e : rights_error_no_deal();
        }
        return DB_QUERY(tx, w->arena, &w->rows, &line_rows_of_deal, DB_INT("org_id", w->org_id), DB_TEXT("deal", a->deal), DB_INT("known_s", a->known_s),
                        DB_BOOL("with_withdrawn", a->with_withdrawn), DB_INT("limit", (int64_t)limit));
    }
    if (a->line_id)
        return DB_QUERY(tx, w->arena, &w->rows, &line_rows_of_id, DB_INT("org_id", w->org_id), DB_INT("line_id", a->line_id), DB_INT("known_s", a->known_s),
                        DB_BOOL("with_withdrawn", a->with_withdrawn), DB_INT("limit", (int64_t)limit));
    return DB_QUERY(tx, w->arena, &w->rows, &line_rows_of_titles, DB_INT("org_id", w->org_id), DB_INT("title_0", a->titles[0]), DB_INT("title_1", a->titles[1]),
                    DB_INT("title_2", a->titles[2]), DB_INT("known_s", a->known_s), DB_BOOL("with_withdrawn", a->with_withdrawn),
                    DB_INT("limit", (int64_t)limit));
}

static struct err row_read(const struct db_rows *rows, size_t i, int64_t known_s, struct rights_line_row *out) {
    struct slice bad, country = db_text(rows, i, "party_country");
    *out = (struct rights_line_row){
        .line = {.id = db_int(rows, i, "id"),
                 .deal_id = db_int(rows, i, "deal_id"),
                 .terms = {.title_id = db_int(rows, i, "title_id"),
                           .effect = (enum rights_effect)db_int(rows, i, "effect"),
                           .media = (uint16_t)db_int(rows, i, "media"),
                           .starts_s = db_int(rows, i, "starts_s"),
                           .ends_s = db_int(rows, i, "ends_s"),
                           .is_exclusive = db_int(rows, i, "is_exclusive") != 0,
                           .may_sublicense = db_int(rows, i, "may_sublicense") != 0,
                           .plays_max = db_int(rows, i, "plays_max"),
                           .note = db_text(rows, i, "note")},
                 .known_s = db_int(rows, i, "known_s"),
                 .withdrawn_s = db_int(rows, i, "withdrawn_s"),
                 .plays = db_int(rows, i, "plays")},
        .deal = {.id = db_int(rows, i, "deal_id"),
                 .reference = db_text(rows, i, "reference"),
                 .direction = (enum rights_direction)db_int(rows, i, "direction"),
                 .status = (enum rights_status)db_int(rows, i, "status"),
                 .may_sublicense = db_int(rows, i, "deal_may_sublicense") != 0,
                 .version = db_int(rows, i, "version"),
                 .created_s = db_int(rows, i, "created_s"),
                 .party = {.id = db_int(rows, i, "party_id"), .name = db_text(rows, i, "party_name"),
                           .kind = (enum rights_party_kind)db_int(rows, i, "party_kind"), .is_us = db_int(rows, i, "party_is_us") != 0}},
    };
    /* As known then, they were not used up yet. */
    int64_t spent_s = db_int(rows, i, "spent_s");
    if (spent_s > known_s && out->line.plays >= out->line.terms.plays_max) out->line.plays = out->line.terms.plays_max - 1;
    if (country.len == 2) memcpy(out->deal.party.country, country.ptr, 2);
    if (!public_id_parse(db_text(rows, i, "public_id"), &out->line.public_id)) out->line.public_id = (struct public_id){0};
    if (!public_id_parse(db_text(rows, i, "deal"), &out->deal.public_id)) out->deal.public_id = (struct public_id){0};
    if (!public_id_parse(db_text(rows, i, "party_public_id"), &out->deal.party.public_id)) out->deal.party.public_id = (struct public_id){0};
    if (!public_id_parse(db_text(rows, i, "title"), &out->title)) out->title = (struct public_id){0};
    struct err e = rights_territories_of(db_text(rows, i, "territories"), &out->line.terms.territories, &bad);
    return e.kind ? e : rights_languages_of(db_text(rows, i, "languages"), &out->line.terms.languages, &bad);
}

struct err rights_lines(struct rights *r, struct arena *arena, int64_t org_id, const struct rights_lines_ask *ask, struct rights_line_row_list *out) {
    struct rows_work w = {.arena = arena, .org_id = org_id, .ask = ask};
    struct err e = db_read(r->o.db, rows_fn, &w);
    if (e.kind) return e;
    struct rights_line_row *items = arena_alloc_array(arena, w.rows.count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < w.rows.count; i++) {
        e = row_read(&w.rows, i, ask->known_s, &items[i]);
        if (e.kind) return e;
    }
    *out = (struct rights_line_row_list){items, w.rows.count};
    return ERR_OK;
}

/* --- names of many --- */

enum { NAMES_ONE_BY_ONE_MAX = 2000, NAMES_PAGE = 10000 };

struct names_work {
    struct arena *arena;
    int64_t org_id;
    const int64_t *ids;
    const size_t *order; /* places of `ids`, by id */
    size_t count;
    struct public_id *out;
};

static struct err names_fn(struct db_tx *tx, void *arg) {
    struct names_work *w = arg;
    memset(w->out, 0, w->count * sizeof *w->out);
    if (w->count <= NAMES_ONE_BY_ONE_MAX) {
        for (size_t i = 0; i < w->count; i++) {
            struct arena_mark mark = arena_mark(w->arena);
            struct slice name = w->ids[i] ? DB_GET_TEXT(tx, w->arena, &line_public_id, DB_INT("org_id", w->org_id), DB_INT("id", w->ids[i])) : SLICE_NONE;
            if (!public_id_parse(name, &w->out[i])) w->out[i] = (struct public_id){0};
            arena_rewind(w->arena, mark);
        }
        return db_tx_error(tx);
    }
    size_t next = 0; /* both are walked in the order of their ids */
    for (int64_t after = 0;;) {
        struct arena_mark mark = arena_mark(w->arena);
        struct db_rows rows;
        struct err e = DB_QUERY(tx, w->arena, &rows, &line_public_ids, DB_INT("org_id", w->org_id), DB_INT("after", after), DB_INT("limit", NAMES_PAGE));
        size_t count = e.kind ? 0 : rows.count;
        for (size_t i = 0; i < count; i++) {
            after = db_cell(&rows, i, 0)->integer;
            while (next < w->count && w->ids[w->order[next]] < after) next++;
            for (; next < w->count && w->ids[w->order[next]] == after; next++)
                if (!public_id_parse(db_cell(&rows, i, 1)->bytes, &w->out[w->order[next]])) w->out[w->order[next]] = (struct public_id){0};
        }
        arena_rewind(w->arena, mark);
        if (e.kind || count < NAMES_PAGE) return e;
    }
}

static int compare_places(const void *a, const void *b, void *ids) {
    int64_t x = ((const int64_t *)ids)[*(const size_t *)a], y = ((const int64_t *)ids)[*(const size_t *)b];
    return x < y ? -1 : x > y;
}

struct err rights_line_names(struct rights *r, int64_t org_id, const int64_t *line_ids, size_t count, struct public_id *out) {
    if (!count) return ERR_OK;
    size_t *order = mem_zalloc_array(count, sizeof *order);
    struct names_work w = {.arena = arena_create(64 << 20), .org_id = org_id, .ids = line_ids, .order = order, .count = count, .out = out};
    struct err e = order && w.arena ? ERR_OK : err_memory();
    for (size_t i = 0; !e.kind && i < count; i++) order[i] = i;
    if (!e.kind) {
        qsort_r(order, count, sizeof *order, compare_places, (void *)(uintptr_t)line_ids);
        e = db_read(r->o.db, names_fn, &w);
    }
    mem_free(order);
    arena_destroy(&w.arena);
    return e;
}

static int compare_s(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

const int64_t *rights_changes(struct arena *arena, const struct rights_line_row_list *lines, size_t *count) {
    int64_t *at = arena_alloc_array(arena, lines->count * 2 + 1, sizeof *at);
    size_t n = 0, kept = 0;
    if (!at) return NULL;
    for (size_t i = 0; i < lines->count; i++) {
        if (lines->items[i].line.withdrawn_s) continue;
        at[n++] = lines->items[i].line.terms.starts_s;
        if (lines->items[i].line.terms.ends_s != RIGHTS_ENDLESS) at[n++] = lines->items[i].line.terms.ends_s;
    }
    qsort(at, n, sizeof *at, compare_s);
    for (size_t i = 0; i < n; i++)
        if (!kept || at[kept - 1] != at[i]) at[kept++] = at[i];
    *count = kept;
    return at;
}

/* --- appending --- */

enum { TRIES_MAX = 8 };

struct append_work {
    struct rights *rights;
    struct arena *arena;
    int64_t org_id;
    const struct rights_lines_new *lines;
    struct rights_line *made; /* ids are chosen before */
    int64_t sequence_seen;    /* -1: whatever others do */
    bool has_moved;
    size_t at;
};

static struct err replaced_find(struct db_tx *tx, struct append_work *w, const struct public_id *public_id, int64_t deal_id, int64_t *line_id, int64_t *title_id) {
    struct arena_mark mark = arena_mark(w->arena);
    struct db_rows rows;
    struct err e = DB_QUERY(tx, w->arena, &rows, &line_find, DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(public_id)));
    if (!e.kind && (!rows.count || db_int(&rows, 0, "deal_id") != deal_id || !db_is_null(&rows, 0, "withdrawn_s"))) e = rights_error_no_line();
    if (!e.kind) {
        *line_id = db_int(&rows, 0, "id");
        *title_id = db_int(&rows, 0, "title_id");
    }
    arena_rewind(w->arena, mark);
    return e;
}

static struct err append_fn(struct db_tx *tx, void *arg) {
    struct append_work *w = arg;
    w->has_moved = false;
    struct rights_turn turn;
    struct err e = rights_turn_begin(w->rights, tx, w->org_id, &turn);
    if (e.kind) return e;
    if (w->sequence_seen >= 0 && turn.sequence != w->sequence_seen + 1) { /* somebody wrote while we looked for contradictions: look again */
        w->has_moved = true;
        return err_make(ERR_BUSY, "rights.moved", "Somebody else has just changed the deals. Try again.");
    }
    for (size_t i = 0; !e.kind && i < w->lines->count; i++) {
        const struct rights_line_new *n = &w->lines->items[i];
        w->at = i;
        if (!DB_GET_INT(tx, 0, &title_is_ours, DB_INT("org_id", w->org_id), DB_INT("id", n->terms.title_id))) {
            e = db_tx_error(tx);
            return e.kind ? e : err_make(ERR_INPUT, "rights.title", "There is no such title.");
        }
        if (n->replaces.text[0]) {
            int64_t line_id, title_id, changed = 0;
            e = replaced_find(tx, w, &n->replaces, w->made[i].deal_id, &line_id, &title_id);
            if (!e.kind) e = DB_CHANGE(tx, &changed, &line_withdraw, DB_INT("id", line_id), DB_INT("org_id", w->org_id), DB_INT("known_s", turn.known_s));
            if (!e.kind && !changed) e = rights_error_no_line();
            if (!e.kind) e = rights_turn_note(tx, w->org_id, &turn, CHANGE_TITLE, title_id);
        }
        w->made[i].known_s = turn.known_s;
        if (!e.kind) e = rights_line_make_in(w->rights, tx, w->org_id, &turn, &w->made[i]);
    }
    return e;
}

static struct err lines_check(const struct rights_lines_new *lines, size_t *at) {
    *at = 0;
    if (!lines->count || lines->count > RIGHTS_APPEND_MAX)
        return err_make(ERR_INPUT, "rights.lines", "Give between one and a thousand lines at a time. More are imported from a file.");
    for (; *at < lines->count; ++*at) {
        struct err e = rights_terms_check(&lines->items[*at].terms);
        if (e.kind) return e;
    }
    *at = 0;
    return ERR_OK;
}

struct err rights_lines_append(struct rights *r, struct arena *arena, int64_t org_id, const struct rights_lines_new *lines, struct rights_appended *out,
                               size_t *at) {
    struct err e = lines_check(lines, at);
    struct rights_deal deal;
    if (!e.kind) e = rights_deal_get(r, arena, org_id, lines->deal, &deal);
    if (!e.kind && deal.status == RIGHTS_TERMINATED)
        e = err_make(ERR_CONFLICT, "rights.terminated", "This deal is terminated, and that is for ever. Make a new one.");
    if (e.kind) return e;
    struct append_work w = {.rights = r, .arena = arena_create(1 << 20), .org_id = org_id, .lines = lines};
    w.made = arena_alloc_array(arena, lines->count, sizeof *w.made);
    if (!w.arena || !w.made) e = err_memory();
    for (size_t i = 0; !e.kind && i < lines->count; i++) {
        w.made[i] = (struct rights_line){.deal_id = deal.id, .public_id = public_id_random(), .terms = lines->items[i].terms};
        if (!lines->is_dry_run) w.made[i].id = id_next(r->o.ids);
    }
    struct rights_appended result = {.lines = {w.made, lines->count}};
    for (int tries = 0; !e.kind; tries++) {
        e = rights_refresh(r);
        w.sequence_seen = lines->accepts_conflicts ? -1 : rights_seen_sequence(r, org_id);
        if (!e.kind) e = rights_conflicts(r, arena, org_id, lines, &result.conflicts, at);
        if (e.kind || lines->is_dry_run) break;
        if (result.conflicts.count && !lines->accepts_conflicts) {
            out->conflicts = result.conflicts;
            e = err_make(ERR_CONFLICT, "rights.conflict", "This contradicts what stands in the book. Nothing was saved.");
            break;
        }
        e = db_write(r->o.db, append_fn, &w);
        *at = e.kind ? w.at : 0;
        if (!w.has_moved || tries == TRIES_MAX) break;
        e = ERR_OK;
    }
    arena_destroy(&w.arena);
    if (e.kind) return e;
    *out = result;
    if (!lines->is_dry_run) rights_turned(r);
    return ERR_OK;
}

/* --- withdrawing --- */

struct withdraw_work {
    struct rights *rights;
    struct arena *arena;
    int64_t org_id;
    struct slice line;
};

static struct err withdraw_fn(struct db_tx *tx, void *arg) {
    struct withdraw_work *w = arg;
    struct arena_mark mark = arena_mark(w->arena);
    struct db_rows rows;
    struct err e = DB_QUERY(tx, w->arena, &rows, &line_find, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->line));
    if (!e.kind && !rows.count) e = rights_error_no_line();
    if (!e.kind && !db_is_null(&rows, 0, "withdrawn_s")) e = err_make(ERR_CONFLICT, "rights.withdrawn", "This line was withdrawn before.");
    int64_t id = e.kind ? 0 : db_int(&rows, 0, "id"), title_id = e.kind ? 0 : db_int(&rows, 0, "title_id");
    arena_rewind(w->arena, mark);
    struct rights_turn turn;
    if (!e.kind) e = rights_turn_begin(w->rights, tx, w->org_id, &turn);
    if (!e.kind) e = DB_RUN(tx, &line_withdraw, DB_INT("id", id), DB_INT("org_id", w->org_id), DB_INT("known_s", turn.known_s));
    return e.kind ? e : rights_turn_note(tx, w->org_id, &turn, CHANGE_TITLE, title_id);
}

struct err rights_line_withdraw(struct rights *r, int64_t org_id, struct slice line) {
    struct withdraw_work w = {.rights = r, .arena = arena_create(1 << 16), .org_id = org_id, .line = line};
    if (!w.arena) return err_memory();
    struct err e = db_write(r->o.db, withdraw_fn, &w);
    arena_destroy(&w.arena);
    if (!e.kind) rights_turned(r);
    return e;
}

/* --- plays --- */

struct play_work {
    struct rights *rights;
    int64_t org_id, line_id;
    bool is_last;
};

static const struct db_statement play_title = {"rights.play_title", "SELECT title_id FROM rights_line WHERE org_id = :org_id AND id = :id"};

static struct err play_fn(struct db_tx *tx, void *arg) {
    struct play_work *w = arg;
    w->is_last = false;
    int64_t plays = DB_GET_INT(tx, 0, &play_count, DB_INT("org_id", w->org_id), DB_INT("id", w->line_id));
    struct err e = db_tx_error(tx);
    if (e.kind) return e;
    if (!plays) return rights_error_no_line();
    int64_t spent = 0;
    e = DB_CHANGE(tx, &spent, &play_spend, DB_INT("org_id", w->org_id), DB_INT("id", w->line_id), DB_INT("known_s", rights_now_s(w->rights)));
    if (e.kind || !spent) return e;
    struct rights_turn turn;
    w->is_last = true;
    int64_t title_id = DB_GET_INT(tx, 0, &play_title, DB_INT("org_id", w->org_id), DB_INT("id", w->line_id));
    e = rights_turn_begin(w->rights, tx, w->org_id, &turn);
    return e.kind ? e : rights_turn_note(tx, w->org_id, &turn, CHANGE_TITLE, title_id);
}

struct err rights_play(struct rights *r, int64_t org_id, int64_t line_id) {
    struct play_work w = {.rights = r, .org_id = org_id, .line_id = line_id};
    struct err e = db_write(r->o.db, play_fn, &w);
    if (!e.kind && w.is_last) rights_turned(r);
    return e;
}
