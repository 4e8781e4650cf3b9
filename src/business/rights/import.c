/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Lines from a file. The file is read as a stream, each record checked and kept in a form of its own (a hundred bytes a line); when all of it was
 * good one transaction writes everything. What the records refer to again and again (titles, deals, texts of territories) is looked up by
 * hash, so that a million lines are a matter of seconds. */
#include <stdlib.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "business/rights/book.h"

enum { ABOUT_MAX = 60, FEED_BYTES_MAX = 8 << 20, BATCH = 500, NOTES_BYTES_MAX = 1 << 30, NAMES_BYTES_MAX = 1 << 30, CACHE = 4096, KNOWN_MAX = 1000000, NOTE_TITLES_MAX = 1000 };

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

/* --- names to numbers --- */

struct names { /* text -> value, open addressing; texts are copied */
    struct name {
        uint64_t hash; /* 0: empty */
        size_t at;
        uint32_t len;
        int64_t value;
    } *slots;
    size_t room, count;
    struct buf texts;
};

static struct name *name_slot(const struct names *n, struct slice text, uint64_t hash) {
    size_t i = hash & (n->room - 1);
    while (n->slots[i].hash && !(n->slots[i].hash == hash && slice_eq(slice_of(n->texts.ptr + n->slots[i].at, n->slots[i].len), text))) i = (i + 1) & (n->room - 1);
    return &n->slots[i];
}
static uint64_t name_hash(struct slice text) {
    uint64_t h = slice_hash(text);
    return h ? h : 1;
}
static bool name_find(const struct names *n, struct slice text, int64_t *out) {
    if (!n->count) return false;
    const struct name *slot = name_slot(n, text, name_hash(text));
    if (!slot->hash) return false;
    *out = slot->value;
    return true;
}
/* The first value of a text stays. */
static bool name_put(struct names *n, struct slice text, int64_t value) {
    if ((n->count + 1) * 2 > n->room) {
        size_t room = n->room ? n->room * 2 : 64;
        struct name *slots = mem_zalloc_array(room, sizeof *slots);
        if (!slots) return false;
        for (size_t i = 0; i < n->room; i++) {
            if (!n->slots[i].hash) continue;
            size_t k = n->slots[i].hash & (room - 1);
            while (slots[k].hash) k = (k + 1) & (room - 1);
            slots[k] = n->slots[i];
        }
        mem_free(n->slots);
        n->slots = slots;
        n->room = room;
    }
    struct name *slot = name_slot(n, text, name_hash(text));
    if (slot->hash) return true;
    size_t at = n->texts.len;
    buf_append(&n->texts, text);
    if (n->texts.has_failed) return false;
    *slot = (struct name){name_hash(text), at, (uint32_t)text.len, value};
    n->count++;
    return true;
}
static void names_free(struct names *n) {
    mem_free(n->slots);
    buf_free(&n->texts);
}

/* --- what is kept of the file --- */

struct staged {
    int64_t title_id;
    uint32_t deal, territories, languages, starts_s, ends_s, plays_max, note_len;
    uint16_t media;
    uint8_t effect;
    bool is_exclusive, may_sublicense;
    size_t note_at;
};
struct staged_deal {
    int64_t id; /* 0: to be made */
    size_t reference_at;
    uint32_t reference_len, party;
    enum rights_direction direction;
    enum rights_status status;
};
struct staged_party {
    int64_t id; /* 0: to be made */
    size_t name_at;
    uint32_t name_len;
    bool is_us;
};
#define LIST_OF(type) struct { type *items; size_t count, room; }

enum column {
    COLUMN_DEAL, COLUMN_PARTY, COLUMN_DIRECTION, COLUMN_TITLE, COLUMN_EFFECT, COLUMN_TERRITORIES, COLUMN_MEDIA, COLUMN_LANGUAGES, COLUMN_STARTS, COLUMN_ENDS,
    COLUMN_EXCLUSIVE, COLUMN_SUBLICENSE, COLUMN_PLAYS, COLUMN_NOTE, COLUMNS
};
static const char *const column_names[COLUMNS] = {"deal", "party", "direction", "title", "effect", "territories", "media",
                                                  "languages", "starts", "ends", "exclusive", "sublicense", "plays", "note"};
static const bool column_needed[COLUMNS] = {[COLUMN_DEAL] = true, [COLUMN_TITLE] = true, [COLUMN_TERRITORIES] = true, [COLUMN_MEDIA] = true, [COLUMN_STARTS] = true};

struct importer {
    struct rights *rights;
    struct arena *arena;
    struct rights_import *job;
    struct catalog_view *view;
    bool has_header;
    int places[COLUMNS]; /* which field; -1: there is none */
    size_t field_count;
    struct names deals, parties; /* deals by reference; parties by name, and by public id */
    LIST_OF(struct staged) lines;
    LIST_OF(struct staged_deal) deal_list;
    LIST_OF(struct staged_party) party_list;
    struct buf notes, words; /* of lines; references and names of what is to be made */
    struct cached {
        uint64_t hash;
        struct slice text;
        uint32_t set;
    } *territories, *languages; /* by hash: most lines say what another said */
    struct rights_import_fault *faults;
    size_t fault_kept;
    int64_t us_id; /* 0: not there yet */
};

static bool list_room(void **items, size_t *room, size_t count, size_t bytes_each) {
    if (count < *room) return true;
    size_t more = *room ? *room * 2 : 256;
    void *moved = mem_realloc_array(*items, more, bytes_each);
    if (!moved) return false;
    *items = moved;
    *room = more;
    return true;
}
#define LIST_ROOM(list) list_room((void **)&(list).items, &(list).room, (list).count, sizeof *(list).items)

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

/* --- fields --- */

static struct csv_field field_of(const struct importer *m, const struct csv_field *fields, enum column c) {
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
    uint64_t hash = name_hash(text);
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

static struct slice words_at(const struct importer *m, size_t at, size_t len) { return slice_of(m->words.ptr + at, len); }

/* The party of this name, made if need be. */
static bool party_take(struct importer *m, struct slice name, uint32_t *out) {
    int64_t known;
    if (name_find(&m->parties, name, &known)) {
        *out = (uint32_t)known;
        return true;
    }
    if (!LIST_ROOM(m->party_list) || !name_put(&m->parties, name, (int64_t)m->party_list.count)) return false;
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
    if (name_find(&m->deals, reference.text, &known)) {
        const struct staged_deal *d = &m->deal_list.items[known];
        const struct staged_party *p = &m->party_list.items[d->party];
        int64_t same = -1;
        if (direction.text.len && wanted != d->direction)
            fault_note(m, direction.at, input("rights.direction_other", "This deal has another direction."), direction.text);
        if (party.text.len && !(name_find(&m->parties, party.text, &same) && same == d->party) && !(p->is_us && !p->id))
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
    if (!LIST_ROOM(m->deal_list) || !name_put(&m->deals, reference.text, (int64_t)m->deal_list.count)) return err_memory();
    buf_append(&m->words, reference.text);
    *out = (uint32_t)m->deal_list.count;
    m->deal_list.items[m->deal_list.count++] = d;
    m->job->deal_count++;
    return m->words.has_failed ? err_memory() : ERR_OK;
}

static struct err on_record(void *user, const struct csv_field *fields, size_t count) {
    struct importer *m = user;
    if (!m->has_header) return header_take(m, fields, count);
    if (count != m->field_count) {
        fault_note(m, (struct csv_place){fields[0].at.line, 0}, input("rights.import_fields", "This line has more or fewer fields than the first."), SLICE_NONE);
        return ERR_OK;
    }
    uint64_t before = m->job->fault_count;
    struct staged s = {.ends_s = (uint32_t)RIGHTS_ENDLESS};
    struct rights_terms t = {0};
    struct err e = deal_take(m, fields, &s.deal);
    if (e.kind) return e;

    struct csv_field f = field_of(m, fields, COLUMN_TITLE);
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

/* --- what is there already --- */

static const struct db_statement known_deals = {
    "rights.known_deals", "SELECT id, reference, direction, status, party_id FROM rights_deal WHERE org_id = :org_id ORDER BY id LIMIT :limit"};
static const struct db_statement known_parties = {
    "rights.known_parties", "SELECT id, public_id, name, is_us FROM rights_party WHERE org_id = :org_id ORDER BY id LIMIT :limit"};

struct known_work {
    struct arena *arena;
    int64_t org_id;
    struct db_rows deals, parties;
};
static struct err known_fn(struct db_tx *tx, void *arg) {
    struct known_work *w = arg;
    struct err e = DB_QUERY(tx, w->arena, &w->parties, &known_parties, DB_INT("org_id", w->org_id), DB_INT("limit", KNOWN_MAX));
    return e.kind ? e : DB_QUERY(tx, w->arena, &w->deals, &known_deals, DB_INT("org_id", w->org_id), DB_INT("limit", KNOWN_MAX));
}

static struct err known_take(struct importer *m, const struct known_work *w) {
    struct names by_id = {.texts = BUF(NAMES_BYTES_MAX)}; /* stored ids of parties, as text */
    struct err e = ERR_OK;
    char id[24];
    for (size_t i = 0; !e.kind && i < w->parties.count; i++) {
        int64_t at = (int64_t)m->party_list.count;
        snprintf(id, sizeof id, "%lld", (long long)db_int(&w->parties, i, "id"));
        if (!LIST_ROOM(m->party_list) || !name_put(&m->parties, db_text(&w->parties, i, "name"), at) || !name_put(&m->parties, db_text(&w->parties, i, "public_id"), at) ||
            !name_put(&by_id, slice_cstr(id), at))
            e = err_memory();
        else m->party_list.items[m->party_list.count++] = (struct staged_party){.id = db_int(&w->parties, i, "id"), .is_us = db_int(&w->parties, i, "is_us") != 0};
    }
    for (size_t i = 0; !e.kind && i < w->deals.count; i++) {
        int64_t party = 0;
        snprintf(id, sizeof id, "%lld", (long long)db_int(&w->deals, i, "party_id"));
        if (!name_find(&by_id, slice_cstr(id), &party)) continue; /* beyond the limit */
        if (!LIST_ROOM(m->deal_list) || !name_put(&m->deals, db_text(&w->deals, i, "reference"), (int64_t)m->deal_list.count)) e = err_memory();
        else
            m->deal_list.items[m->deal_list.count++] =
                (struct staged_deal){.id = db_int(&w->deals, i, "id"), .party = (uint32_t)party, .direction = (enum rights_direction)db_int(&w->deals, i, "direction"),
                                     .status = (enum rights_status)db_int(&w->deals, i, "status")};
    }
    names_free(&by_id);
    return e;
}

/* --- writing --- */

struct save_work {
    struct importer *m;
    struct buf rows;
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
                      DB_TEXT("name", words_at(m, p->name_at, p->name_len)), DB_TEXT("country", SLICE("")), DB_INT("kind", RIGHTS_ORGANISATION), DB_INT("is_us", 0));
        if (!e.kind && !changed) e = err_make(ERR_BUSY, "rights.moved", "Somebody else has just changed the deals. Try again.");
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
                                      .reference = words_at(m, d->reference_at, d->reference_len), .direction = d->direction, .status = d->status};
        w->deal_ids[i] = row.id;
        e = rights_deal_make_in(tx, m->job->org_id, turn, &row, m->job->user_id);
        if (e.kind == ERR_CONFLICT) e = err_make(ERR_BUSY, "rights.moved", "Somebody else has just changed the deals. Try again.");
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
        const struct staged *s = &m->lines.items[i];
        struct public_id public_id = public_id_random();
        int64_t territories_id = 0, languages_id = 0, id = id_next(m->rights->o.ids);
        struct slice note = s->note_len ? slice_of(m->notes.ptr + s->note_at, s->note_len) : SLICE("");
        e = set_stored(w, tx, false, s->territories, &territories_id);
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
    struct rights_turn turn;
    struct err e = rights_turn_begin(w->m->rights, tx, w->m->job->org_id, &turn);
    if (!e.kind) e = parties_save(w, tx);
    if (!e.kind) e = deals_save(w, tx, &turn);
    if (!e.kind) e = lines_save(w, tx, &turn);
    return e.kind ? e : changes_save(w, tx, &turn);
}

static struct err save(struct importer *m) {
    struct save_work w = {.m = m, .rows = BUF(BATCH * 8192), .deal_ids = mem_zalloc_array(m->deal_list.count + 1, sizeof(int64_t)),
                          .party_ids = mem_zalloc_array(m->party_list.count + 1, sizeof(int64_t))};
    struct err e = w.deal_ids && w.party_ids ? db_write(m->rights->o.db, save_fn, &w) : err_memory();
    buf_free(&w.rows);
    mem_free(w.deal_ids);
    mem_free(w.party_ids);
    mem_free(w.sets[0]);
    mem_free(w.sets[1]);
    return e;
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

struct err rights_import(struct rights *r, struct arena *arena, struct rights_import *job) {
    struct importer m = {.rights = r, .arena = arena, .job = job, .notes = BUF(NOTES_BYTES_MAX), .words = BUF(NAMES_BYTES_MAX)};
    m.deals.texts = m.parties.texts = BUF(NAMES_BYTES_MAX);
    job->line_count = job->deal_count = job->party_count = job->fault_count = 0;
    job->faults = (struct rights_import_fault_list){0};
    m.faults = arena_alloc_array(arena, job->faults_max + 1, sizeof *m.faults);
    m.territories = mem_zalloc_array(CACHE, sizeof *m.territories);
    m.languages = mem_zalloc_array(CACHE, sizeof *m.languages);
    struct known_work known = {.arena = arena_create(BOOK_ARENA_MAX), .org_id = job->org_id};
    struct err e = m.faults && m.territories && m.languages && known.arena ? catalog_view_take(r->o.catalog, job->org_id, &m.view) : err_memory();
    if (!e.kind) e = db_read(r->o.db, known_fn, &known);
    if (!e.kind) e = known_take(&m, &known);
    arena_destroy(&known.arena);
    if (!e.kind) e = file_read(&m);
    if ((!e.kind || e.kind == ERR_INPUT) && job->fault_count) e = input("rights.import", "The file has faults. Nothing was changed.");
    if (!e.kind && !m.lines.count) e = input("rights.import_empty", "The file has no lines.");
    if (!e.kind && !job->is_dry_run) e = save(&m);
    if (!e.kind) job->line_count = m.lines.count;
    else job->deal_count = job->party_count = 0;
    if (m.faults) qsort(m.faults, m.fault_kept, sizeof *m.faults, compare_faults);
    job->faults = (struct rights_import_fault_list){m.faults, m.fault_kept};
    catalog_view_give(&m.view);
    names_free(&m.deals);
    names_free(&m.parties);
    mem_free(m.lines.items);
    mem_free(m.deal_list.items);
    mem_free(m.party_list.items);
    mem_free(m.territories);
    mem_free(m.languages);
    buf_free(&m.notes);
    buf_free(&m.words);
    if (!e.kind && !job->is_dry_run) rights_turned(r);
    return e;
}
