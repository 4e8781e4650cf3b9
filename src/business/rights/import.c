/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Lines from a file. The file is read as a stream, each record checked and kept in a form of its own (a hundred bytes a line); when all of it was
 * good the lines are held against what stands and against each other, and one transaction writes everything (import_save.c). What the records refer to
 * again and again (titles, deals, texts of territories) is looked up by hash, so that a million lines are a matter of seconds. */
#include <stdlib.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "business/rights/import.h"

enum { ABOUT_MAX = 60, FEED_BYTES_MAX = 8 << 20, NOTES_BYTES_MAX = 1 << 30, NAMES_BYTES_MAX = 1 << 30, CACHE = 4096, TRIES_MAX = 8, REASON_MAX = 500 };

/* --- times --- */

static bool digits(struct slice s, size_t from, size_t count, int64_t *out) {
    int64_t v = 0;
    for (size_t i = from; i < from + count; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
        v = v * 10 + (s.ptr[i] - '0');
    }
    *out = v;
    return true;
}

bool rights_time_parse(struct slice s, int64_t *out) {
    char text[24];
    struct utc_time t;
    int64_t y, m, d;
    if (s.len == 10) {
        if (s.ptr[4] != '-' || s.ptr[7] != '-' || !digits(s, 0, 4, &y) || !digits(s, 5, 2, &m) || !digits(s, 8, 2, &d)) return false;
        memcpy(text, s.ptr, 10);
        memcpy(text + 10, "T00:00:00Z", 10);
        s = slice_of(text, 20);
    }
    if (!utc_parse(s, &t) || t.ns % NS_PER_S != 0 || t.ns < 0) return false;
    int64_t at = utc_seconds(t);
    if (at > RIGHTS_TIME_MAX) return false;
    *out = at;
    return true;
}

void rights_time_write(struct buf *out, int64_t at_s) { utc_format(out, utc_from_seconds(at_s), 0); }

/* --- what is kept of the file --- */

static const char *const column_names[COLUMNS] = {"deal", "party", "direction", "title", "effect", "territories", "media",
                                                  "languages", "starts", "ends", "exclusive", "sublicense", "plays", "note"};
static const bool column_needed[COLUMNS] = {[COLUMN_DEAL] = true, [COLUMN_TITLE] = true, [COLUMN_TERRITORIES] = true, [COLUMN_MEDIA] = true, [COLUMN_STARTS] = true};

bool rights_import_room(void **items, size_t *room, size_t count, size_t bytes_each) {
    if (count < *room) return true;
    size_t more = *room ? *room * 2 : 256;
    void *moved = mem_realloc_array(*items, more, bytes_each);
    if (!moved) return false;
    *items = moved;
    *room = more;
    return true;
}

/* --- faults --- */

static struct slice about_of(struct arena *arena, struct slice text) {
    size_t len = 0;
    while (len < text.len && len < ABOUT_MAX) {
        size_t step = utf8_step(slice_sub(text, len, text.len));
        if (!step) break;
        len += step;
    }
    return arena_copy(arena, slice_sub(text, 0, len));
}

/* They come by line, so that a full list holds the first ones. */
static void fault_note(struct importer *m, struct csv_place at, struct err fault, struct slice about) {
    m->job->fault_count++;
    if (m->fault_kept == m->job->faults_max) return;
    m->faults[m->fault_kept++] = (struct rights_import_fault){at.line, at.column, fault, about_of(m->arena, about)};
}

static struct err on_fault(void *user, struct csv_place at, struct err fault) {
    fault_note(user, at, fault, SLICE_NONE);
    return ERR_OK;
}

static struct err input(const char *code, const char *what) { return err_make(ERR_INPUT, code, what); }

/* --- the header --- */

static struct err header_take(struct importer *m, const struct csv_field *fields, size_t count) {
    for (int c = 0; c < COLUMNS; c++) m->places[c] = -1;
    if (count == 1 && (slice_find_byte(fields[0].text, ';') != SLICE_NPOS || slice_find_byte(fields[0].text, '\t') != SLICE_NPOS)) { /* as spreadsheets save it in half of Europe */
        fault_note(m, fields[0].at, input("rights.import_commas", "The columns are not separated by commas. Save the file as CSV with commas between the fields."), SLICE_NONE);
        return input("rights.import", "The file has faults. Nothing was changed.");
    }
    for (size_t i = 0; i < count; i++) {
        int c = 0;
        while (c < COLUMNS && !slice_eq_nocase(slice_trim(fields[i].text), slice_cstr(column_names[c]))) c++;
        if (c == COLUMNS) fault_note(m, fields[i].at, input("rights.import_column", "There is no column of this name. There are deal, party, direction, title, effect, territories, media, languages, starts, ends, exclusive, sublicense, plays and note."), fields[i].text);
        else if (m->places[c] >= 0) fault_note(m, fields[i].at, input("rights.import_twice", "This column is there twice."), fields[i].text);
        else m->places[c] = (int)i;
    }
    for (int c = 0; c < COLUMNS; c++)
        if (column_needed[c] && m->places[c] < 0)
            fault_note(m, (struct csv_place){fields[0].at.line, 0}, input("rights.import_missing", "This column is missing."), slice_cstr(column_names[c]));
    m->has_header = true;
    m->field_count = count;
    /* Without its columns nothing can be said of the rest. */
    return m->job->fault_count ? input("rights.import", "The file has faults. Nothing was changed.") : ERR_OK;
}

/* A record that is not as wide as the header: what is too much, or for which columns there is nothing. */
static struct err uneven_note(struct importer *m, const struct csv_field *fields, size_t count) {
    struct csv_place at = csv_uneven_place(fields, count, m->field_count);
    if (count > m->field_count) {
        fault_note(m, at, input("rights.import_fields", "The first line has no column for this field. A comma inside a field stands in quotes."), fields[m->field_count].text);
        return ERR_OK;
    }
    struct buf missing = BUF(400);
    for (size_t i = count; i < m->field_count; i++)
        for (int c = 0; c < COLUMNS; c++)
            if (m->places[c] == (int)i) buf_printf(&missing, "%s%s", missing.len ? ", " : "", column_names[c]);
    struct err e = buf_error(&missing);
    if (!e.kind) fault_note(m, at, input("rights.import_fields_missing", "The line ends here, and has no field for these columns."), buf_slice(&missing));
    buf_free(&missing);
    return e;
}

/* --- fields --- */

static struct csv_field field_of(const struct importer *m, const struct csv_field *fields, enum rights_column c) {
    struct csv_field f = {.text = SLICE(""), .at = fields[0].at};
    if (m->places[c] < 0) return f;
    f = fields[m->places[c]];
    f.text = slice_trim(f.text);
    return f;
}

static bool yes_or_no(struct slice s, bool *out) {
    static const char *const yes[] = {"yes", "true", "1", "y", "x"}, *const no[] = {"", "no", "false", "0", "n"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        if (slice_eq_nocase(s, slice_cstr(yes[i]))) return *out = true, true;
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        if (slice_eq_nocase(s, slice_cstr(no[i]))) return *out = false, true;
    return false;
}

/* The set of a text, remembered. */
static struct err set_of(struct importer *m, struct cached *cache, struct err (*parse)(struct slice, uint32_t *, struct slice *), struct slice text, uint32_t *out,
                         struct slice *bad) {
    uint64_t hash = rights_name_hash(text);
    struct cached *c = &cache[hash % CACHE];
    if (c->hash == hash && slice_eq(c->text, text)) {
        *out = c->set;
        return ERR_OK;
    }
    struct err e = parse(text, out, bad);
    if (e.kind) return e;
    if (!c->hash) { /* the first to come stays: the cache is bounded, and so is what it keeps */
        struct slice copy = arena_copy(m->arena, text);
        if (copy.ptr) *c = (struct cached){hash, copy, *out};
    }
    return ERR_OK;
}

/* The party of this name, made if need be. */
static bool party_take(struct importer *m, struct slice name, uint32_t *out) {
    int64_t known;
    if (rights_name_find(&m->parties, name, &known)) {
        *out = (uint32_t)known;
        return true;
    }
    if (!LIST_ROOM(m->party_list) || !rights_name_put(&m->parties, name, (int64_t)m->party_list.count)) return false;
    *out = (uint32_t)m->party_list.count;
    m->party_list.items[m->party_list.count++] = (struct staged_party){.name_at = m->words.len, .name_len = (uint32_t)name.len};
    buf_append(&m->words, name);
    m->job->party_count++;
    return !m->words.has_failed;
}

/* Ourselves: there, or to be made when an own deal is. */
static bool us_take(struct importer *m, uint32_t *out) {
    for (size_t i = 0; i < m->party_list.count; i++)
        if (m->party_list.items[i].is_us) {
            *out = (uint32_t)i;
            return true;
        }
    if (!LIST_ROOM(m->party_list)) return false;
    *out = (uint32_t)m->party_list.count;
    m->party_list.items[m->party_list.count++] = (struct staged_party){.is_us = true};
    return true;
}

/* The deal that a record names, made if need be. Faults are noted; an error is only memory. */
static struct err deal_take(struct importer *m, const struct csv_field *fields, uint32_t *out) {
    struct csv_field reference = field_of(m, fields, COLUMN_DEAL), party = field_of(m, fields, COLUMN_PARTY), direction = field_of(m, fields, COLUMN_DIRECTION);
    enum rights_direction wanted = RIGHTS_IN;
    if (direction.text.len && !rights_direction_parse(direction.text, &wanted)) {
        fault_note(m, direction.at, input("rights.direction", "The direction of a deal is in, out or own."), direction.text);
        return ERR_OK;
    }
    struct err e = rights_reference_check(reference.text);
    if (e.kind) {
        fault_note(m, reference.at, e, reference.text);
        return ERR_OK;
    }
    int64_t known;
    if (rights_name_find(&m->deals, reference.text, &known)) {
        const struct staged_deal *d = &m->deal_list.items[known];
        const struct staged_party *p = &m->party_list.items[d->party];
        int64_t same = -1;
        if (direction.text.len && wanted != d->direction)
            fault_note(m, direction.at, input("rights.direction_other", "This deal has another direction."), direction.text);
        if (party.text.len && !(rights_name_find(&m->parties, party.text, &same) && same == d->party) && !(p->is_us && !p->id))
            fault_note(m, party.at, input("rights.party_other", "This deal is with another party."), party.text);
        if (d->status == RIGHTS_TERMINATED)
            fault_note(m, reference.at, err_make(ERR_INPUT, "rights.terminated", "This deal is terminated, and that is for ever. Make a new one."), reference.text);
        *out = (uint32_t)known;
        return ERR_OK;
    }
    struct staged_deal d = {.reference_at = m->words.len, .reference_len = (uint32_t)reference.text.len, .direction = wanted, .status = m->job->status};
    struct rights_party_change named = {.has_name = true, .name = party.text};
    if (wanted == RIGHTS_OWN) {
        if (!us_take(m, &d.party)) return err_memory();
    } else {
        e = rights_party_check(&named, true);
        if (e.kind) {
            fault_note(m, party.at, e, party.text);
            return ERR_OK;
        }
        if (!party_take(m, party.text, &d.party)) return err_memory();
        if (m->party_list.items[d.party].is_us) {
            fault_note(m, party.at, input("rights.own", "A deal of our own is with ourselves; every other one is with somebody else."), party.text);
            return ERR_OK;
        }
        d.reference_at = m->words.len; /* the party's name may have come between */
    }
    if (!LIST_ROOM(m->deal_list) || !rights_name_put(&m->deals, reference.text, (int64_t)m->deal_list.count)) return err_memory();
    buf_append(&m->words, reference.text);
    *out = (uint32_t)m->deal_list.count;
    m->deal_list.items[m->deal_list.count++] = d;
    m->job->deal_count++;
    return m->words.has_failed ? err_memory() : ERR_OK;
}

static struct err on_record(void *user, const struct csv_field *fields, size_t count) {
    struct importer *m = user;
    if (!m->has_header) return header_take(m, fields, count);
    if (count != m->field_count) return uneven_note(m, fields, count);
    uint64_t before = m->job->fault_count;
    struct staged s = {.ends_s = (uint32_t)RIGHTS_ENDLESS};
    struct rights_terms t = {0};
    struct err e = deal_take(m, fields, &s.deal);
    if (e.kind) return e;

    struct csv_field f = field_of(m, fields, COLUMN_TITLE);
    struct csv_place title_at = f.at;
    const struct catalog_title *title = catalog_find_any(m->view, f.text);
    if (title) t.title_id = title->id;
    else fault_note(m, f.at, input("rights.title", "There is no title of this public id, EIDR or external id."), f.text);
    f = field_of(m, fields, COLUMN_EFFECT);
    if (f.text.len && !rights_effect_parse(f.text, &t.effect)) fault_note(m, f.at, input("rights.effect", "The effect of a line is allow, holdback or blackout."), f.text);
    f = field_of(m, fields, COLUMN_TERRITORIES);
    struct slice bad = SLICE_NONE;
    e = set_of(m, m->territories, rights_territories_of, f.text, &t.territories, &bad);
    if (e.kind && e.kind != ERR_INPUT) return e;
    if (e.kind) fault_note(m, f.at, e, bad.len ? bad : f.text);
    bool has_territories = !e.kind;
    f = field_of(m, fields, COLUMN_MEDIA);
    if (!rights_media_parse(f.text, &t.media, &bad)) {
        fault_note(m, f.at, input("rights.medium_unknown", "There is no such medium. The guide lists them; all is every one of them."), bad);
        t.media = 1;
    }
    f = field_of(m, fields, COLUMN_LANGUAGES);
    bad = SLICE_NONE;
    e = set_of(m, m->languages, rights_languages_of, f.text, &t.languages, &bad);
    if (e.kind && e.kind != ERR_INPUT) return e;
    if (e.kind) fault_note(m, f.at, e, bad.len ? bad : f.text);

    static const struct err no_time = {.kind = ERR_INPUT, .code = "rights.time", .what = "A time is a date as 2026-02-28, or has its zone, as 2026-02-28T19:00:00+01:00."};
    bool has_window = true;
    f = field_of(m, fields, COLUMN_STARTS);
    if (!rights_time_parse(f.text, &t.starts_s)) {
        fault_note(m, f.at, no_time, f.text);
        has_window = false;
    }
    f = field_of(m, fields, COLUMN_ENDS);
    t.ends_s = RIGHTS_ENDLESS;
    if (f.text.len && !rights_time_parse(f.text, &t.ends_s)) {
        fault_note(m, f.at, no_time, f.text);
        has_window = false;
    }
    struct csv_field ends = f;
    static const struct err no_flag = {.kind = ERR_INPUT, .code = "rights.flag", .what = "Here stands yes or no."};
    struct csv_field exclusive = f = field_of(m, fields, COLUMN_EXCLUSIVE);
    if (!yes_or_no(f.text, &t.is_exclusive)) fault_note(m, f.at, no_flag, f.text);
    f = field_of(m, fields, COLUMN_SUBLICENSE);
    if (!yes_or_no(f.text, &t.may_sublicense)) fault_note(m, f.at, no_flag, f.text);
    f = field_of(m, fields, COLUMN_PLAYS);
    if (f.text.len && (!slice_to_i64(f.text, &t.plays_max) || t.plays_max < 1 || t.plays_max > INT32_MAX)) {
        fault_note(m, f.at, input("rights.plays_max", "The number of plays is 1 or more, or none is given."), f.text);
        t.plays_max = 0;
    }
    struct csv_field note = field_of(m, fields, COLUMN_NOTE);
    t.note = note.text;
    if (has_window && has_territories) { /* what only shows when the parts stand together */
        e = rights_terms_check(&t);
        bool is_window = e.kind && !strcmp(e.code, "rights.window"), is_note = e.kind && !strcmp(e.code, "rights.note");
        struct csv_field about = is_window ? ends : is_note ? note : exclusive;
        if (e.kind) fault_note(m, about.at, e, about.text);
    } else if (has_window && t.ends_s <= t.starts_s) { /* the window stands for itself, so that nobody has to come twice */
        fault_note(m, ends.at, rights_window_fault(), ends.text);
    }
    if (m->job->fault_count != before || m->job->fault_count) {
        m->lines.count = 0; /* nothing will be written: the rest is only looked at */
        return ERR_OK;
    }
    if (m->lines.count == RIGHTS_IMPORT_LINES_MAX) return err_make(ERR_LIMIT, "rights.import_large", "The file has more than five million lines. Cut it into several.");
    if (!LIST_ROOM(m->lines)) return err_memory();
    s.title_id = t.title_id;
    s.at_line = title_at.line;
    s.at_column = title_at.column;
    s.effect = (uint8_t)t.effect;
    s.territories = t.territories;
    s.languages = t.languages;
    s.media = t.media;
    s.starts_s = (uint32_t)t.starts_s;
    s.ends_s = (uint32_t)t.ends_s;
    s.is_exclusive = t.is_exclusive;
    s.may_sublicense = t.may_sublicense;
    s.plays_max = (uint32_t)t.plays_max;
    s.note_at = m->notes.len;
    s.note_len = (uint32_t)t.note.len;
    buf_append(&m->notes, t.note);
    m->lines.items[m->lines.count++] = s;
    return m->notes.has_failed ? err_memory() : ERR_OK;
}

/* --- the whole --- */

/* A record's own faults are found at its end, those of its quoting before. */
static int compare_faults(const void *a, const void *b) {
    const struct rights_import_fault *x = a, *y = b;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

static struct err file_read(struct importer *m) {
    struct csv_reader *reader = NULL;
    struct csv_options options = {.field_bytes_max = 16384, .fields_max = 64, .on_record = on_record, .on_fault = on_fault, .user = m};
    struct err e = csv_open(&reader, &options);
    struct buf bytes = BUF(FEED_BYTES_MAX);
    while (!e.kind) {
        buf_clear(&bytes);
        e = m->job->read(m->job->user, &bytes);
        if (!e.kind) e = buf_error(&bytes);
        if (e.kind || !bytes.len) break;
        e = csv_feed(reader, buf_slice(&bytes));
    }
    if (!e.kind) e = csv_end(reader);
    buf_free(&bytes);
    csv_close(&reader);
    return e;
}

/* With the reason for its contradictions a note must still be one. */
static struct err notes_check(struct importer *m) {
    struct buf room = BUF(16384);
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && m->job->accept_reason.len && i < m->lines.count; i++) {
        const struct staged *s = &m->lines.items[m->order[i]];
        struct slice note = rights_import_note(m, i, &room);
        e = buf_error(&room);
        if (!e.kind && !rights_is_note(note))
            fault_note(m, (struct csv_place){s->at_line, s->at_column}, input("rights.note", "A note has at most 1,000 characters of ordinary text."), note);
    }
    buf_free(&room);
    return e.kind || !m->job->fault_count ? e : input("rights.import", "The file has faults. Nothing was changed.");
}

/* Looked at as the book is now, and written while it is still that: who writes meanwhile makes us look again. */
static struct err lines_take(struct importer *m) {
    struct rights_import *job = m->job;
    for (int tries = 0;; tries++) {
        int64_t sequence;
        bool has_moved = false;
        struct err e = rights_import_look(m, &sequence);
        if (e.kind || job->is_dry_run) return e;
        if (job->conflict_count && job->accepts_conflicts) e = notes_check(m);
        if (e.kind) return e;
        if (job->conflict_count && !job->accepts_conflicts) return err_make(ERR_CONFLICT, "rights.conflict", "This contradicts what stands in the book. Nothing was saved.");
        e = rights_import_save(m, job->accepts_conflicts ? -1 : sequence, &has_moved);
        if (!has_moved || tries == TRIES_MAX) return e;
    }
}

struct err rights_import(struct rights *r, struct arena *arena, struct rights_import *job) {
    if (job->accept_reason.len && !utf8_is_display_text(job->accept_reason, REASON_MAX))
        return input("rights.conflict_reason", "Say in at most 500 characters why the contradictions are accepted.");
    struct importer m = {.rights = r, .arena = arena, .job = job, .notes = BUF(NOTES_BYTES_MAX), .words = BUF(NAMES_BYTES_MAX)};
    m.deals.texts = m.parties.texts = BUF(NAMES_BYTES_MAX);
    job->line_count = job->deal_count = job->party_count = job->fault_count = job->conflict_count = job->conflict_line_count = 0;
    job->has_more_conflicts = false;
    job->faults = (struct rights_import_fault_list){0};
    job->conflicts = (struct rights_import_conflict_list){0};
    m.faults = arena_alloc_array(arena, job->faults_max + 1, sizeof *m.faults);
    m.territories = mem_zalloc_array(CACHE, sizeof *m.territories);
    m.languages = mem_zalloc_array(CACHE, sizeof *m.languages);
    struct err e = m.faults && m.territories && m.languages ? catalog_view_take(r->o.catalog, job->org_id, &m.view) : err_memory();
    if (!e.kind) e = rights_import_known(&m);
    if (!e.kind) e = file_read(&m);
    if ((!e.kind || e.kind == ERR_INPUT) && job->fault_count) e = input("rights.import", "The file has faults. Nothing was changed.");
    if (!e.kind && !m.lines.count) e = input("rights.import_empty", "The file has no lines.");
    if (!e.kind) e = lines_take(&m);
    if (!e.kind) job->line_count = m.lines.count;
    else job->deal_count = job->party_count = 0;
    if (m.faults) qsort(m.faults, m.fault_kept, sizeof *m.faults, compare_faults);
    job->faults = (struct rights_import_fault_list){m.faults, m.fault_kept};
    catalog_view_give(&m.view);
    rights_names_free(&m.deals);
    rights_names_free(&m.parties);
    mem_free(m.lines.items);
    mem_free(m.deal_list.items);
    mem_free(m.party_list.items);
    mem_free(m.territories);
    mem_free(m.languages);
    mem_free(m.order);
    mem_free(m.does_contradict);
    buf_free(&m.notes);
    buf_free(&m.words);
    if (!e.kind && !job->is_dry_run) rights_turned(r);
    return e;
}
