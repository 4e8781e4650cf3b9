/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The second half of an import: what is there already, what the lines would contradict, and writing them.
 *
 * A file says everything at once, in whatever order its rows stand. So of what it says we get first and sell then: a sale out of a licence of the same file is the
 * order of things. That is the order in which lines are written, and so the one in which they will stand in the book. */
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "business/rights/import.h"

enum { BATCH = 500, NAMES_BYTES_MAX = 1 << 30, KNOWN_MAX = 1000000, NOTE_TITLES_MAX = 1000 };

/* --- what is there already --- */

static const struct db_statement known_deals = {
    "rights.known_deals", "SELECT id, reference, direction, status, may_sublicense, party_id FROM rights_deal WHERE org_id = :org_id ORDER BY id LIMIT :limit"};
static const struct db_statement known_parties = {
    "rights.known_parties", "SELECT id, public_id, name, is_us FROM rights_party WHERE org_id = :org_id ORDER BY id LIMIT :limit"};

struct known_work {
    struct arena *arena;
    int64_t org_id;
    struct db_rows deals, parties;
    struct slice us_name;
};
static struct err deals_fn(struct db_tx *tx, void *arg) {
    struct known_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->deals, &known_deals, DB_INT("org_id", w->org_id), DB_INT("limit", KNOWN_MAX));
}
static struct err known_fn(struct db_tx *tx, void *arg) {
    struct known_work *w = arg;
    struct err e = DB_QUERY(tx, w->arena, &w->parties, &known_parties, DB_INT("org_id", w->org_id), DB_INT("limit", KNOWN_MAX));
    if (!e.kind) e = deals_fn(tx, w);
    if (e.kind) return e;
    w->us_name = DB_GET_TEXT(tx, w->arena, &us_name, DB_INT("org_id", w->org_id));
    return db_tx_error(tx);
}

static size_t words_keep(struct importer *m, struct slice text) {
    size_t at = m->words.len;
    buf_append(&m->words, text);
    return at;
}

static struct err known_take(struct importer *m, const struct known_work *w) {
    struct rights_names by_id = {.texts = BUF(NAMES_BYTES_MAX)}; /* stored ids of parties, as text */
    struct err e = ERR_OK;
    char id[24];
    for (size_t i = 0; !e.kind && i < w->parties.count; i++) {
        int64_t at = (int64_t)m->party_list.count;
        struct slice name = db_text(&w->parties, i, "name");
        snprintf(id, sizeof id, "%lld", (long long)db_int(&w->parties, i, "id"));
        if (!LIST_ROOM(m->party_list) || !rights_name_put(&m->parties, name, at) || !rights_name_put(&m->parties, db_text(&w->parties, i, "public_id"), at) ||
            !rights_name_put(&by_id, slice_cstr(id), at))
            e = err_memory();
        else
            m->party_list.items[m->party_list.count++] = (struct staged_party){.id = db_int(&w->parties, i, "id"), .name_at = words_keep(m, name), .name_len = (uint32_t)name.len,
                                                                              .is_us = db_int(&w->parties, i, "is_us") != 0};
    }
    for (size_t i = 0; !e.kind && i < w->deals.count; i++) {
        int64_t party = 0;
        struct slice reference = db_text(&w->deals, i, "reference");
        snprintf(id, sizeof id, "%lld", (long long)db_int(&w->deals, i, "party_id"));
        if (!rights_name_find(&by_id, slice_cstr(id), &party)) continue; /* beyond the limit */
        if (!LIST_ROOM(m->deal_list) || !rights_name_put(&m->deals, reference, (int64_t)m->deal_list.count)) e = err_memory();
        else
            m->deal_list.items[m->deal_list.count++] =
                (struct staged_deal){.id = db_int(&w->deals, i, "id"), .reference_at = words_keep(m, reference), .reference_len = (uint32_t)reference.len, .party = (uint32_t)party,
                                     .direction = (enum rights_direction)db_int(&w->deals, i, "direction"), .status = (enum rights_status)db_int(&w->deals, i, "status"),
                                     .may_sublicense = db_int(&w->deals, i, "may_sublicense") != 0};
    }
    m->us_name_len = (uint32_t)w->us_name.len;
    m->us_name_at = words_keep(m, w->us_name);
    if (!e.kind && m->words.has_failed) e = err_memory();
    rights_names_free(&by_id);
    return e;
}

struct err rights_import_known(struct importer *m) {
    struct known_work w = {.arena = arena_create(BOOK_ARENA_MAX), .org_id = m->job->org_id};
    struct err e = w.arena ? db_read(m->rights->o.db, known_fn, &w) : err_memory();
    if (!e.kind) e = known_take(m, &w);
    arena_destroy(&w.arena);
    return e;
}

/* --- what the lines would contradict --- */

static struct err moved(void) { return err_make(ERR_BUSY, "rights.moved", "Somebody else has just changed the deals. Try again."); }

/* What of a deal may have changed while the file was read. Both lists are by id. */
static struct err deals_look_again(struct importer *m) {
    struct known_work w = {.arena = arena_create(BOOK_ARENA_MAX), .org_id = m->job->org_id};
    struct err e = w.arena ? db_read(m->rights->o.db, deals_fn, &w) : err_memory();
    size_t row = 0;
    for (size_t i = 0; !e.kind && i < m->deal_list.count && m->deal_list.items[i].id; i++) {
        struct staged_deal *d = &m->deal_list.items[i];
        while (row < w.deals.count && db_int(&w.deals, row, "id") < d->id) row++;
        if (row == w.deals.count) break;
        enum rights_status status = (enum rights_status)db_int(&w.deals, row, "status");
        if (status == RIGHTS_TERMINATED && d->status != RIGHTS_TERMINATED) e = moved();
        d->status = status;
        d->may_sublicense = db_int(&w.deals, row, "may_sublicense") != 0;
    }
    arena_destroy(&w.arena);
    return e;
}

static bool is_sale(const struct importer *m, const struct staged *s) { return m->deal_list.items[s->deal].direction == RIGHTS_OUT; }

static bool order_make(struct importer *m) {
    if (m->order) return true;
    m->order = mem_alloc((m->lines.count + 1) * sizeof *m->order);
    m->does_contradict = mem_alloc((m->lines.count + 1) * sizeof *m->does_contradict);
    if (!m->order || !m->does_contradict) return false;
    size_t n = 0;
    for (int sales = 0; sales < 2; sales++)
        for (size_t i = 0; i < m->lines.count; i++)
            if (is_sale(m, &m->lines.items[i]) == sales) m->order[n++] = (uint32_t)i;
    return true;
}

/* As the index knows lines and deals: by their numbers here. A party that is to be made is nobody else. */
static bool ahead_make(const struct importer *m, struct rights_ahead *a) {
    struct index_deal *deals = mem_alloc((m->deal_list.count + 1) * sizeof *deals);
    struct index_line *lines = mem_alloc((m->lines.count + 1) * sizeof *lines);
    a->deals = deals;
    a->lines = lines;
    if (!deals || !lines) return false;
    for (size_t i = 0; i < m->deal_list.count; i++) {
        const struct staged_deal *d = &m->deal_list.items[i];
        const struct staged_party *p = &m->party_list.items[d->party];
        deals[i] = (struct index_deal){.id = (int64_t)i + 1, .party_id = p->id ? p->id : -1 - (int64_t)d->party, .direction = d->direction, .status = d->status,
                                       .may_sublicense = d->may_sublicense};
    }
    for (size_t i = 0; i < m->lines.count; i++) {
        const struct staged *s = &m->lines.items[m->order[i]];
        lines[i] = (struct index_line){.id = (int64_t)i + 1, .title_id = s->title_id, .deal_id = (int64_t)s->deal + 1, .territories = s->territories, .languages = s->languages,
                                       .media = s->media, .effect = s->effect, .is_exclusive = s->is_exclusive, .may_sublicense = s->may_sublicense,
                                       .counts_plays = s->plays_max > 0, .starts_s = s->starts_s, .ends_s = s->ends_s};
    }
    a->deal_count = m->deal_list.count;
    a->line_count = m->lines.count;
    a->does_contradict = m->does_contradict;
    return true;
}

/* By the file's lines, and always alike. */
static int compare_conflicts(const void *a, const void *b) {
    const struct rights_conflict *x = a, *y = b;
    const struct rights_overlap *p = &x->overlap, *q = &y->overlap;
    const int64_t by[][2] = {{(int64_t)x->at, (int64_t)y->at},     {x->kind, y->kind},   {(int64_t)x->other, (int64_t)y->other}, {x->line_id, y->line_id}, {p->from_s, q->from_s},
                             {p->to_s, q->to_s}, {p->territories, q->territories}, {p->media, q->media},               {p->languages, q->languages}};
    for (size_t i = 0; i < ARRAY_LEN(by); i++)
        if (by[i][0] != by[i][1]) return by[i][0] < by[i][1] ? -1 : 1;
    return 0;
}

/* A line of the file as one of the book, for who wants to read of it. */
static void row_of_staged(const struct importer *m, const struct staged *s, struct rights_line_row *out) {
    const struct staged_deal *d = &m->deal_list.items[s->deal];
    const struct staged_party *p = &m->party_list.items[d->party];
    struct slice name = p->is_us && !p->id ? import_words(m, m->us_name_at, m->us_name_len) : import_words(m, p->name_at, p->name_len);
    *out = (struct rights_line_row){
        .line.terms = {.title_id = s->title_id, .effect = (enum rights_effect)s->effect, .media = s->media, .territories = s->territories, .languages = s->languages, .starts_s = s->starts_s,
                       .ends_s = s->ends_s, .is_exclusive = s->is_exclusive, .may_sublicense = s->may_sublicense, .plays_max = s->plays_max},
        .deal = {.reference = arena_copy(m->arena, import_words(m, d->reference_at, d->reference_len)), .direction = d->direction, .status = d->status,
                 .party = {.name = arena_copy(m->arena, name), .is_us = p->is_us}},
    };
}

static struct err told(struct importer *m, const struct rights_conflict *x, struct rights_import_conflict *out) {
    const struct staged *s = &m->lines.items[x->at];
    *out = (struct rights_import_conflict){.line = s->at_line, .column = s->at_column, .title_id = s->title_id, .conflict = *x};
    if (x->line_id) {
        struct rights_line_row_list rows;
        struct rights_lines_ask ask = {.line_id = x->line_id, .known_s = RIGHTS_KNOWN_NOW, .with_withdrawn = true};
        struct err e = rights_lines(m->rights, m->arena, m->job->org_id, &ask, &rows);
        if (!e.kind && rows.count) out->other = rows.items;
        return e;
    }
    if (x->other == SIZE_MAX) return ERR_OK;
    struct rights_line_row *row = arena_alloc(m->arena, sizeof *row);
    if (!row) return err_memory();
    row_of_staged(m, &m->lines.items[x->other], row);
    out->other = row;
    out->other_line = m->lines.items[x->other].at_line;
    return row->deal.reference.ptr && row->deal.party.name.ptr ? ERR_OK : err_memory();
}

/* From places in the order of writing to the file's. */
static struct err conflicts_tell(struct importer *m, struct rights_conflict *found, size_t count) {
    for (size_t i = 0; i < count; i++) {
        found[i].at = m->order[found[i].at];
        if (found[i].other != SIZE_MAX) found[i].other = m->order[found[i].other];
    }
    if (count) qsort(found, count, sizeof *found, compare_conflicts);
    size_t kept = count < m->job->faults_max ? count : m->job->faults_max;
    struct rights_import_conflict *list = arena_alloc_array(m->arena, kept + 1, sizeof *list);
    struct err e = list ? ERR_OK : err_memory();
    for (size_t i = 0; !e.kind && i < kept; i++) e = told(m, &found[i], &list[i]);
    if (!e.kind) m->job->conflicts = (struct rights_import_conflict_list){list, kept};
    return e;
}

/* Why contradictions were accepted stays with the lines that have some. */
struct slice rights_import_note(const struct importer *m, size_t place, struct buf *room) {
    const struct staged *s = &m->lines.items[m->order[place]];
    struct slice note = s->note_len ? slice_of(m->notes.ptr + s->note_at, s->note_len) : SLICE(""), reason = m->job->accept_reason;
    if (!reason.len || !m->does_contradict[place]) return note;
    buf_clear(room);
    buf_printf(room, "%.*s%s%.*s", SLICE_ARG(note), note.len ? "\n" : "", SLICE_ARG(reason));
    return buf_slice(room);
}

struct err rights_import_look(struct importer *m, int64_t *sequence) {
    struct rights_import *job = m->job;
    struct rights_ahead ahead = {0};
    struct err e = rights_refresh(m->rights);
    *sequence = rights_seen_sequence(m->rights, job->org_id);
    if (!e.kind) e = deals_look_again(m);
    if (!e.kind && (!order_make(m) || !ahead_make(m, &ahead))) e = err_memory();
    if (!e.kind) e = rights_ahead_conflicts(m->rights, m->view, &ahead);
    if (!e.kind) {
        job->conflict_count = ahead.conflict_count;
        job->conflict_line_count = ahead.contradicting_count;
        job->has_more_conflicts = !ahead.is_whole;
        e = conflicts_tell(m, ahead.found, ahead.found_count);
    }
    mem_free(ahead.found);
    mem_free((void *)ahead.deals);
    mem_free((void *)ahead.lines);
    return e;
}

/* --- writing --- */

struct save_work {
    struct importer *m;
    int64_t sequence_seen; /* -1: whatever others have done */
    bool has_moved;
    struct buf rows, note;
    int64_t *deal_ids, *party_ids;
    struct stored {
        uint32_t set;
        int64_t id;
    } *sets[2]; /* of territories and of languages, by hash of the set */
    size_t set_room[2];
};

static struct err parties_save(struct save_work *w, struct db_tx *tx) {
    struct importer *m = w->m;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < m->party_list.count; i++) {
        const struct staged_party *p = &m->party_list.items[i];
        w->party_ids[i] = p->id;
        if (p->id) continue;
        if (p->is_us) {
            e = rights_us_in(m->rights, tx, m->job->org_id, &w->party_ids[i]);
            continue;
        }
        struct public_id public_id = public_id_random();
        int64_t changed = 0;
        w->party_ids[i] = id_next(m->rights->o.ids);
        e = DB_CHANGE(tx, &changed, &party_insert, DB_INT("id", w->party_ids[i]), DB_INT("org_id", m->job->org_id), DB_TEXT("public_id", public_id_slice(&public_id)),
                      DB_TEXT("name", import_words(m, p->name_at, p->name_len)), DB_TEXT("country", SLICE("")), DB_INT("kind", RIGHTS_ORGANISATION), DB_INT("is_us", 0));
        if (!e.kind && !changed) e = moved();
    }
    return e;
}

static struct err deals_save(struct save_work *w, struct db_tx *tx, const struct rights_turn *turn) {
    struct importer *m = w->m;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < m->deal_list.count; i++) {
        const struct staged_deal *d = &m->deal_list.items[i];
        w->deal_ids[i] = d->id;
        if (d->id) continue;
        struct rights_deal_row row = {.public_id = public_id_random(), .id = id_next(m->rights->o.ids), .party_id = w->party_ids[d->party],
                                      .reference = import_words(m, d->reference_at, d->reference_len), .direction = d->direction, .status = d->status};
        w->deal_ids[i] = row.id;
        e = rights_deal_make_in(tx, m->job->org_id, turn, &row, m->job->user_id);
        if (e.kind == ERR_CONFLICT) e = moved();
    }
    return e;
}

/* Sets of this file by their number: a table as large as there are lines at most, doubled as it fills. */
static struct err set_stored(struct save_work *w, struct db_tx *tx, bool is_language, uint32_t set, int64_t *id) {
    for (;;) {
        size_t room = w->set_room[is_language];
        struct stored *table = w->sets[is_language];
        size_t used = 0;
        size_t i = room ? (set * 2654435761u) & (room - 1) : 0;
        while (room && table[i].id && table[i].set != set && used < room / 2) i = (i + 1) & (room - 1), used++;
        if (room && table[i].id && table[i].set == set) {
            *id = table[i].id;
            return ERR_OK;
        }
        if (room && !table[i].id) {
            struct importer *m = w->m;
            struct err e = rights_set_in(m->rights, tx, m->job->org_id, is_language, is_language ? rights_languages_text(set) : rights_territories_text(set), id);
            if (!e.kind) table[i] = (struct stored){set, *id};
            return e;
        }
        size_t more = room ? room * 4 : 1024;
        struct stored *wider = mem_zalloc_array(more, sizeof *wider);
        if (!wider) return err_memory();
        for (size_t k = 0; k < room; k++) {
            if (!table[k].id) continue;
            size_t to = (table[k].set * 2654435761u) & (more - 1);
            while (wider[to].id) to = (to + 1) & (more - 1);
            wider[to] = table[k];
        }
        mem_free(table);
        w->sets[is_language] = wider;
        w->set_room[is_language] = more;
    }
}

/* One line as an element of the batch. */
static void row_write(struct buf *rows, int64_t id, const struct public_id *public_id, const int64_t *numbers, size_t count, struct slice note) {
    buf_cstr(rows, rows->len ? ",[" : "[[");
    buf_u64_text(rows, (uint64_t)id);
    buf_cstr(rows, ",\"");
    buf_append(rows, public_id_slice(public_id));
    buf_cstr(rows, "\"");
    for (size_t k = 0; k < count; k++) {
        buf_cstr(rows, ",");
        buf_u64_text(rows, (uint64_t)numbers[k]);
    }
    buf_cstr(rows, ",");
    json_quote(rows, note);
    buf_cstr(rows, "]");
}

/* On PostgreSQL each statement is a way there and back, so that many lines travel together; in SQLite a statement for each takes half the time. */
static struct err lines_save(struct save_work *w, struct db_tx *tx, const struct rights_turn *turn) {
    struct importer *m = w->m;
    bool is_batched = db_tx_engine(tx) == DB_POSTGRES;
    struct err e = ERR_OK;
    buf_clear(&w->rows);
    for (size_t i = 0; !e.kind && i < m->lines.count; i++) {
        const struct staged *s = &m->lines.items[m->order[i]];
        struct public_id public_id = public_id_random();
        int64_t territories_id = 0, languages_id = 0, id = id_next(m->rights->o.ids);
        struct slice note = rights_import_note(m, i, &w->note);
        e = buf_error(&w->note);
        if (!e.kind) e = set_stored(w, tx, false, s->territories, &territories_id);
        if (!e.kind) e = set_stored(w, tx, true, s->languages, &languages_id);
        if (e.kind) break;
        if (!is_batched) {
            e = DB_RUN(tx, &line_insert, DB_INT("id", id), DB_INT("org_id", m->job->org_id), DB_TEXT("public_id", public_id_slice(&public_id)),
                       DB_INT("deal_id", w->deal_ids[s->deal]), DB_INT("title_id", s->title_id), DB_INT("effect", s->effect), DB_INT("media", s->media),
                       DB_INT("territories_id", territories_id), DB_INT("languages_id", languages_id), DB_INT("starts_s", s->starts_s),
                       DB_INT("ends_s", s->ends_s), DB_BOOL("is_exclusive", s->is_exclusive), DB_BOOL("may_sublicense", s->may_sublicense),
                       DB_INT("plays_max", s->plays_max), DB_TEXT("note", note), DB_INT("known_s", turn->known_s));
            continue;
        }
        int64_t numbers[] = {w->deal_ids[s->deal], s->title_id, s->effect, s->media, territories_id, languages_id, s->starts_s, s->ends_s, s->is_exclusive,
                             s->may_sublicense, s->plays_max};
        row_write(&w->rows, id, &public_id, numbers, ARRAY_LEN(numbers), note);
        if ((i + 1) % BATCH && i + 1 < m->lines.count) continue;
        buf_cstr(&w->rows, "]");
        e = buf_error(&w->rows);
        if (!e.kind) e = DB_RUN(tx, &line_insert_many, DB_INT("org_id", m->job->org_id), DB_INT("known_s", turn->known_s), DB_TEXT("rows", buf_slice(&w->rows)));
        buf_clear(&w->rows);
    }
    return e;
}

static int compare_titles(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Which titles were touched; where they are too many to list, that they are. */
static struct err changes_save(struct save_work *w, struct db_tx *tx, const struct rights_turn *turn) {
    struct importer *m = w->m;
    int64_t *titles = mem_alloc((m->lines.count + 1) * sizeof *titles);
    if (!titles) return err_memory();
    size_t distinct = 0;
    for (size_t i = 0; i < m->lines.count; i++) titles[i] = m->lines.items[i].title_id;
    qsort(titles, m->lines.count, sizeof *titles, compare_titles);
    for (size_t i = 0; i < m->lines.count; i++)
        if (!distinct || titles[distinct - 1] != titles[i]) titles[distinct++] = titles[i];
    struct err e = ERR_OK;
    if (distinct > NOTE_TITLES_MAX) e = rights_turn_note(tx, m->job->org_id, turn, CHANGE_WHOLE, 0);
    for (size_t i = 0; !e.kind && distinct <= NOTE_TITLES_MAX && i < distinct; i++) e = rights_turn_note(tx, m->job->org_id, turn, CHANGE_TITLE, titles[i]);
    mem_free(titles);
    return e;
}

static struct err save_fn(struct db_tx *tx, void *arg) {
    struct save_work *w = arg;
    for (int k = 0; k < 2; k++) { /* what an earlier try has made is gone */
        MEM_FREE(&w->sets[k]);
        w->set_room[k] = 0;
    }
    w->has_moved = false;
    struct rights_turn turn;
    struct err e = rights_turn_begin(w->m->rights, tx, w->m->job->org_id, &turn);
    if (!e.kind && w->sequence_seen >= 0 && turn.sequence != w->sequence_seen + 1) { /* somebody wrote while we looked for contradictions */
        w->has_moved = true;
        return moved();
    }
    if (!e.kind) e = parties_save(w, tx);
    if (!e.kind) e = deals_save(w, tx, &turn);
    if (!e.kind) e = lines_save(w, tx, &turn);
    return e.kind ? e : changes_save(w, tx, &turn);
}

struct err rights_import_save(struct importer *m, int64_t sequence_seen, bool *has_moved) {
    struct save_work w = {.m = m, .sequence_seen = sequence_seen, .rows = BUF(BATCH * 8192), .note = BUF(16384), .deal_ids = mem_zalloc_array(m->deal_list.count + 1, sizeof(int64_t)),
                          .party_ids = mem_zalloc_array(m->party_list.count + 1, sizeof(int64_t))};
    struct err e = w.deal_ids && w.party_ids ? db_write(m->rights->o.db, save_fn, &w) : err_memory();
    *has_moved = w.has_moved;
    buf_free(&w.rows);
    buf_free(&w.note);
    mem_free(w.deal_ids);
    mem_free(w.party_ids);
    mem_free(w.sets[0]);
    mem_free(w.sets[1]);
    return e;
}
