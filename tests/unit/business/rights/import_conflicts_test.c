/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What a file of lines contradicts, told before any of it is saved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/rng.h"
#include "rights_fixture.h"

static const char header[] = "deal,party,direction,title,effect,territories,media,starts,ends,exclusive,sublicense,note\n";

static struct err import(struct rights_fixture *f, const char *rows, struct rights_import *job) {
    struct slice text = arena_printf(f->arena, "%s%s", header, rows);
    return import_lines(f, text, 1000, job);
}
/* That our own service does not run. */
static int64_t sold_title(struct rights_fixture *f, const char *name) {
    struct catalog_change ch = {.external_id = slice_cstr(name), .has_is_free = true, .texts[0] = {.has_name = true, .name = slice_cstr(name)}};
    return title_made(f, ORG, &ch, CATALOG_READY, NULL);
}
static size_t line_count(struct rights_fixture *f, int64_t title_id) {
    struct rights_line_row_list rows;
    assert_ok(rights_lines(f->rights, f->arena, ORG, &(struct rights_lines_ask){.titles = {title_id}, .known_s = RIGHTS_KNOWN_NOW}, &rows));
    return rows.count;
}
static void told_is(const struct rights_import *job, size_t i, uint64_t at, enum rights_conflict_kind kind, uint64_t other_line, const char *sentence) {
    assert_true(i < job->conflicts.count);
    const struct rights_import_conflict *x = &job->conflicts.items[i];
    struct buf text = BUF(2000);
    rights_conflict_sentence(&text, SLICE("en"), (struct text_zone){0}, &x->conflict, x->other);
    if (x->line != at || x->conflict.kind != kind || x->other_line != other_line || !slice_eq(buf_slice(&text), slice_cstr(sentence)))
        fail_msg("contradiction %zu is of line %llu:%llu %s with line %llu: %.*s", i, (unsigned long long)x->line, (unsigned long long)x->column, rights_conflict_kind_name(x->conflict.kind),
                 (unsigned long long)x->other_line, (int)text.len, text.ptr);
    buf_free(&text);
}

static void nothing_is_saved_that_contradicts_unless_it_is_accepted(void **state) {
    struct rights_fixture f = begin(state);
    int64_t race = sold_title(&f, "race"), film = sold_title(&f, "film");
    struct public_id studio = party(&f, ORG, "Studio"), station = party(&f, ORG, "Station");
    struct public_id in = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_ACTIVE), out = deal(&f, ORG, "T-1", RIGHTS_OUT, &station, RIGHTS_ACTIVE);
    struct rights_line_new n = line(race, "DE,AT,CH", FREE, START, RIGHTS_ENDLESS), sale = line(race, "DE,AT", FREE, START, START + 100 * DAY);
    n.terms.may_sublicense = sale.terms.is_exclusive = true;
    assert_ok(append(&f, ORG, &in, &n, NULL));
    assert_ok(append(&f, ORG, &out, &sale, NULL));
    static const char rows[] = "U-1,Arena,out,race,allow,\"AT,CH\",free,2027-02-01,2027-03-01,yes,,\n"   /* 2: AT is Station's alone */
                               "S-1,,,film,allow,WORLD,all,2027-02-01,,,yes,ours\n"
                               "U-1,,,film,allow,DE,free,2027-02-01,2028-01-01,yes,,\"two\nlines\"\n"      /* 4: but for what 8 says nothing */
                               "S-1,,,race,allow,DE,\"free,rental\",2027-04-01,,,,\n"                      /* 6: our own service */
                               "V-1,Yonder,out,film,allow,DE,rental,2027-02-01,2027-05-01,,,\n"
                               "V-1,,,film,allow,\"DE,FR\",free,2027-06-01,2028-06-01,,,\n"                /* 8: with 4, until 4 ends */
                               "V-1,,,race,allow,FR,free,2027-02-01,2027-05-01,,,\n";                      /* 9: nobody gave us France */
    struct rights_import job = {.status = RIGHTS_ACTIVE};
    assert_error(import(&f, rows, &job), "rights.conflict");
    assert_int_equal(job.conflict_count, 4);
    assert_int_equal(job.conflict_line_count, 4);
    assert_false(job.has_more_conflicts);
    assert_int_equal(job.conflicts.count, 4);
    assert_int_equal(job.line_count + job.deal_count + job.party_count + job.fault_count, 0);
    told_is(&job, 0, 2, RIGHTS_EXCLUSIVE_EXCLUSIVE, 0, "T-1 with Station promises the same exclusively: Austria, 1 February 2027 to 1 March 2027 (Free).");
    told_is(&job, 1, 6, RIGHTS_OWN_SERVICE_SOLD, 0, "T-1 has sold this to Station alone, so our own service may not show it: Germany, 1 April 2027 to 25 April 2027, 08:00 UTC (Free).");
    told_is(&job, 2, 8, RIGHTS_EXCLUSIVE_ALLOW, 4, "One of the two is exclusive, and U-1 with Arena grants the same: Germany, 1 June 2027 to 1 January 2028 (Free).");
    told_is(&job, 3, 9, RIGHTS_OUT_WITHOUT_IN, 0, "Sold without being held: no contract gives us this: France, 1 February 2027 to 1 May 2027 (Free).");
    assert_int_equal(job.conflicts.items[0].column, 15);
    assert_int_equal(job.conflicts.items[0].title_id, race);
    assert_int_equal(job.conflicts.items[2].title_id, film);
    assert_int_equal(job.conflicts.items[2].other->deal.direction, RIGHTS_OUT);
    assert_null(job.conflicts.items[3].other);
    assert_int_equal(line_count(&f, race) + line_count(&f, film), 2);

    job = (struct rights_import){.status = RIGHTS_ACTIVE, .is_dry_run = true, .faults_max = 1};
    assert_ok(import(&f, rows, &job)); /* tells, and saves nothing */
    assert_int_equal(job.conflict_count, 4);
    assert_int_equal(job.conflicts.count, 1);
    assert_int_equal(job.conflicts.items[0].line, 2);
    assert_int_equal(job.line_count, 7);
    assert_int_equal(line_count(&f, race) + line_count(&f, film), 2);

    job = (struct rights_import){.status = RIGHTS_ACTIVE, .accepts_conflicts = true, .accept_reason = SLICE("agreed with Station")};
    assert_ok(import(&f, rows, &job));
    assert_int_equal(job.conflict_count, 4);
    assert_int_equal(job.line_count, 7);
    struct rights_line_row_list saved;
    assert_ok(rights_lines(f.rights, f.arena, ORG, &(struct rights_lines_ask){.titles = {race, film}, .known_s = RIGHTS_KNOWN_NOW}, &saved));
    assert_int_equal(saved.count, 9);
    size_t with_reason = 0;
    for (size_t i = 0; i < saved.count; i++) with_reason += slice_eq(saved.items[i].line.terms.note, SLICE("agreed with Station"));
    assert_int_equal(with_reason, 4);
    assert_true(slice_eq(saved.items[2].line.terms.note, SLICE("ours"))); /* what we get stands before what we sell */
    assert_true(slice_eq(saved.items[5].line.terms.note, SLICE("two\nlines")));
    end(&f);
}

static void what_a_sale_rests_on_may_stand_in_the_same_file_in_any_order(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = sold_title(&f, "film");
    struct rights_import job = {.status = RIGHTS_ACTIVE};
    /* Half of it stands, half comes with it; and the file sells before it gets. */
    assert_ok(import(&f, "S-1,Studio,in,film,,DE,free,2027-02-01,,,yes,\n", &job));
    assert_ok(import(&f, "T-1,Station,out,film,,\"DE,AT\",free,2027-02-01,2027-03-01,yes,,\nS-1,,,film,,AT,free,2027-01-01,,,yes,\n", &job));
    assert_int_equal(job.conflict_count, 0);
    struct rights_standing_conflict_list standing;
    size_t total;
    assert_ok(rights_conflicts_standing(f.rights, f.arena, ORG, 10, &standing, &total));
    assert_int_equal(total, 0);
    /* What is only a draft covers no sale that takes effect at once; it does cover one that is a draft with it. */
    struct public_id studio = party(&f, ORG, "Other studio");
    deal(&f, ORG, "D-1", RIGHTS_IN, &studio, RIGHTS_DRAFT);
    job = (struct rights_import){.status = RIGHTS_ACTIVE};
    assert_error(import(&f, "D-1,,,film,,FR,free,2027-02-01,,,yes,\nT-1,,,film,,FR,free,2027-02-01,2027-03-01,,,\n", &job), "rights.conflict");
    assert_int_equal(job.conflict_count, 1);
    assert_int_equal(job.conflicts.items[0].line, 3);
    job = (struct rights_import){.status = RIGHTS_DRAFT};
    assert_ok(import(&f, "D-1,,,film,,FR,free,2027-02-01,,,yes,\nT-2,Station,out,film,,FR,free,2027-02-01,2027-03-01,,,\n", &job));
    assert_int_equal(line_count(&f, film), 5);
    end(&f);
}

static void a_reason_must_fit_into_the_note(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = sold_title(&f, "film");
    char row[1200], long_reason[502];
    memset(long_reason, 'x', sizeof long_reason - 1);
    long_reason[sizeof long_reason - 1] = 0;
    struct rights_import job = {.status = RIGHTS_ACTIVE, .accepts_conflicts = true, .accept_reason = slice_cstr(long_reason)};
    assert_error(import(&f, "T-1,Station,out,film,,DE,free,2027-02-01,,,,\n", &job), "rights.conflict_reason");
    snprintf(row, sizeof row, "T-1,Station,out,film,,DE,free,2027-02-01,,,,%0995d\n", 0);
    job.accept_reason = SLICE("agreed");
    assert_error(import(&f, row, &job), "rights.import");
    assert_int_equal(job.fault_count, 1);
    assert_string_equal(job.faults.items[0].fault.code, "rights.note");
    assert_int_equal(job.faults.items[0].line, 2);
    job.accept_reason = SLICE("ok");
    assert_ok(import(&f, row, &job));
    assert_int_equal(line_count(&f, film), 1);
    end(&f);
}

/* Somebody writes while the lines are looked at: it is looked again. What our own service runs is asked for in the middle of that. */
struct meddler {
    struct rights_fixture *f;
    struct public_id deal;
    struct rights_line_new line;
    int asked;
};
static struct err meddle(void *user, const struct catalog_view *view, const struct catalog_title *t, int64_t now_s, struct rights_runs *runs) {
    struct meddler *m = user;
    if (m->asked++ == 1) assert_ok(append(m->f, ORG, &m->deal, &m->line, NULL));
    return ERR_OK;
}
static void what_is_written_meanwhile_is_seen(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = sold_title(&f, "film");
    sold_title(&f, "other");
    struct rights_import job = {.status = RIGHTS_ACTIVE};
    assert_ok(import(&f, "S-1,Studio,in,film,,WORLD,all,2027-02-01,,,yes,\nS-1,,,other,,WORLD,all,2027-02-01,,,yes,\n", &job));
    struct public_id station = party(&f, ORG, "Station");
    struct meddler m = {.f = &f, .deal = deal(&f, ORG, "T-1", RIGHTS_OUT, &station, RIGHTS_ACTIVE), .line = line(film, "DE", FREE, START + 30 * DAY, START + 40 * DAY)};
    m.line.terms.is_exclusive = true;
    rights_runs_from(f.rights, meddle, &m);
    assert_error(import(&f, "U-1,Arena,out,film,,\"DE,AT\",free,2027-02-01,2027-03-01,yes,,\nU-1,,,other,,AT,free,2027-02-01,2027-03-01,yes,,\n", &job), "rights.conflict");
    assert_int_equal(m.asked, 5); /* both lines; the meddler's, which contradicts the first of them; both again */
    assert_int_equal(job.conflict_count, 1);
    assert_int_equal(job.conflicts.items[0].conflict.kind, RIGHTS_EXCLUSIVE_EXCLUSIVE);
    assert_int_equal(line_count(&f, film), 2);
    m.asked = 0; /* and what does not concern it does not keep it from being saved */
    m.line.terms.starts_s = START + 400 * DAY;
    m.line.terms.ends_s = START + 410 * DAY;
    assert_ok(import(&f, "U-1,Arena,out,film,,AT,free,2027-02-01,2027-03-01,yes,,\nU-1,,,other,,AT,free,2027-02-01,2027-03-01,yes,,\n", &job));
    assert_int_equal(m.asked, 5);
    assert_int_equal(line_count(&f, film), 4);
    struct rights_fixture g = f; /* another process, before */
    g.rights = NULL;
    rights_again(&g);
    m.line.terms.starts_s = START + 500 * DAY;
    m.line.terms.ends_s = START + 510 * DAY;
    assert_ok(append(&g, ORG, &m.deal, &m.line, NULL));
    assert_error(import(&f, "V-1,Yonder,out,film,,DE,free,2028-05-01,2028-07-01,,,\n", &job), "rights.conflict");
    assert_int_equal(job.conflict_count, 1);
    rights_close(&g.rights);
    end(&f);
}

static void memory_may_run_out_while_it_is_looked_at(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = sold_title(&f, "film");
    struct rights_import job = {.status = RIGHTS_ACTIVE};
    assert_ok(import(&f, "S-1,Studio,in,film,,DE,free,2027-02-01,,,yes,\nT-1,Station,out,film,,DE,free,2027-02-01,2027-03-01,yes,,\n", &job));
    struct slice text = SLICE("deal,party,direction,title,territories,media,starts,ends,exclusive\nU-1,Arena,out,film,\"DE,AT\",free,2027-02-01,2027-03-01,yes\nV-1,Yonder,out,film,AT,free,2027-02-01,2027-03-01,\n");
    for (uint64_t nth = 1; nth < 5000; nth++) {
        arena_reset(f.arena);
        job = (struct rights_import){.status = RIGHTS_ACTIVE};
        fault_arm(FAULT_ALLOC, nth, false);
        struct err e = import_lines(&f, text, text.len, &job);
        bool has_fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_int_not_equal(e.kind, ERR_NONE);
        assert_int_equal(line_count(&f, film), 2);
        if (has_fired) continue;
        assert_error(e, "rights.conflict");
        assert_int_equal(job.conflict_count, 4); /* with Station, with each other; nobody gave us Austria, twice */
        end(&f);
        return;
    }
    fail_msg("there is no end to it");
}

/* --- against the book, once it is saved --- */

/* A contradiction as the points of a small world: a place, a medium, an instant. Pieces of it may be cut in any way. */
enum { PLACES = 3, MEDIA = 3, INSTANTS = 8, KEYS_MAX = 4000 };
static const char *const places[PLACES] = {"DE", "AT", "FR"};
struct seen {
    char key[40]; /* kind, and whose lines it is about */
    uint8_t points[PLACES * MEDIA * INSTANTS];
};
struct sightings {
    struct seen items[KEYS_MAX];
    size_t count;
};
static int64_t instant(int i) { return START + (10 + 20 * i) * DAY; }

/* `a` and `b` are the notes of two lines; b is "" where nothing covers a sale, or where of several licences any may be named. */
static void see(struct sightings *all, enum rights_conflict_kind kind, struct slice a, struct slice b, const struct rights_overlap *o) {
    struct seen wanted = {.key = {0}};
    bool is_swapped = slice_compare(a, b) > 0 && b.len;
    snprintf(wanted.key, sizeof wanted.key, "%d %.*s %.*s", kind, SLICE_ARG(is_swapped ? b : a), SLICE_ARG(is_swapped ? a : b));
    size_t i = 0;
    while (i < all->count && strcmp(all->items[i].key, wanted.key)) i++;
    assert_true(i < KEYS_MAX);
    if (i == all->count) all->items[all->count++] = wanted;
    for (int p = 0; p < PLACES; p++) {
        struct rights_place place;
        assert_true(rights_place_parse(slice_cstr(places[p]), SLICE_NONE, &place));
        for (int m = 0; m < MEDIA; m++)
            for (int t = 0; t < INSTANTS; t++)
                if (rights_territories_hold(o->territories, place, RIGHTS_ALLOW) && o->media >> m & 1 && instant(t) >= o->from_s && instant(t) < o->to_s)
                    all->items[i].points[(p * MEDIA + m) * INSTANTS + t] = 1;
    }
}
static int by_key(const void *a, const void *b) { return strcmp(((const struct seen *)a)->key, ((const struct seen *)b)->key); }

static struct slice note_of_id(struct rights_fixture *f, int64_t line_id) {
    struct rights_line_row_list rows;
    if (!line_id) return SLICE("");
    assert_ok(rights_lines(f->rights, f->arena, ORG, &(struct rights_lines_ask){.line_id = line_id, .known_s = RIGHTS_KNOWN_NOW}, &rows));
    assert_int_equal(rows.count, 1);
    return rows.items[0].line.terms.note;
}

/* Twelve rows about a series, its episode and a film; each says in its note which it is. */
static struct slice rows_make(struct rights_fixture *f, struct rng *rng, int round, int file) {
    struct buf text = BUF(1 << 16);
    for (int i = 0; i < 12; i++) {
        bool is_out = rng_below(rng, 2), is_block = !rng_below(rng, 6);
        int which = (int)rng_below(rng, 2), from = (int)rng_below(rng, 7), until = from + 1 + (int)rng_below(rng, 5);
        struct buf starts = BUF(64), ends = BUF(64);
        rights_time_write(&starts, instant(from));
        if (until < 8) rights_time_write(&ends, instant(until));
        static const char *const sets[] = {"DE", "AT", "\"DE,AT\"", "WORLD", "\"WORLD,-AT\""}, *const media[] = {"free", "advertising", "\"free,subscription\"", "all"};
        buf_printf(&text, "%d-%d-%s%d,%s %d,%s,%s-%d,%s,%s,%s,%.*s,%.*s,%s,%s,%d.%d.%d\n", round, file, is_out ? "out" : "in", which, is_out ? "Station" : "Studio", which, is_out ? "out" : "in",
                   (const char *[]){"series", "episode", "film"}[rng_below(rng, 3)], round, is_block ? rng_below(rng, 2) ? "holdback" : "blackout" : "allow", sets[rng_below(rng, ARRAY_LEN(sets))],
                   media[rng_below(rng, ARRAY_LEN(media))], (int)starts.len, starts.ptr, (int)ends.len, ends.ptr ? ends.ptr : "", is_out && !is_block && rng_below(rng, 2) ? "yes" : "",
                   !is_block && rng_below(rng, 2) ? "yes" : "", round, file, i + 2);
        buf_free(&starts);
        buf_free(&ends);
    }
    struct slice kept = arena_copy(f->arena, buf_slice(&text));
    buf_free(&text);
    return kept;
}

static struct slice row_note(struct rights_fixture *f, int round, int file, uint64_t at) { return arena_printf(f->arena, "%d.%d.%llu", round, file, (unsigned long long)at); }

static void round_run(struct rights_fixture *f, struct rng *rng, int round, unsigned *kinds) {
    static struct sightings told, stands;
    struct public_id series;
    char name[32];
    snprintf(name, sizeof name, "series-%d", round);
    struct catalog_change ch = {.external_id = slice_cstr(name), .has_kind = true, .kind = CATALOG_SERIES, .texts[0] = {.has_name = true, .name = slice_cstr(name)}};
    int64_t titles[3] = {title_made(f, ORG, &ch, CATALOG_READY, &series)};
    snprintf(name, sizeof name, "episode-%d", round);
    ch = (struct catalog_change){.external_id = slice_cstr(name), .has_kind = true, .kind = CATALOG_EPISODE, .has_parent = true, .parent = public_id_slice(&series), .has_season = true, .season = 1,
                                 .has_episode = true, .episode = 1, .has_is_free = true, .is_free = round % 2, .texts[0] = {.has_name = true, .name = slice_cstr(name)}};
    titles[1] = title_made(f, ORG, &ch, CATALOG_READY, NULL);
    snprintf(name, sizeof name, "film-%d", round);
    ch = (struct catalog_change){.external_id = slice_cstr(name), .has_is_free = true, .is_free = true, .texts[0] = {.has_name = true, .name = slice_cstr(name)}};
    titles[2] = title_made(f, ORG, &ch, CATALOG_READY, NULL);

    for (int file = 0; file < 3; file++) {
        bool is_draft = file == 1;
        struct slice rows = rows_make(f, rng, round, file);
        struct rights_import job = {.status = is_draft ? RIGHTS_DRAFT : RIGHTS_ACTIVE, .accepts_conflicts = true, .faults_max = 10000};
        assert_ok(import(f, rows.ptr, &job));
        told.count = stands.count = 0;
        memset(&told, 0, sizeof told);
        memset(&stands, 0, sizeof stands);
        for (size_t i = 0; i < job.conflicts.count; i++) {
            const struct rights_import_conflict *x = &job.conflicts.items[i];
            struct slice other = x->other_line ? row_note(f, round, file, x->other_line) : note_of_id(f, x->conflict.line_id);
            see(&told, x->conflict.kind, row_note(f, round, file, x->line), x->conflict.kind == RIGHTS_SUBLICENCE ? SLICE("") : other, &x->conflict.overlap);
            *kinds |= 1u << x->conflict.kind << (x->other_line ? 8 : 0);
        }
        struct rights_deal_list deals;
        assert_ok(rights_deals(f->rights, f->arena, ORG, &(struct rights_deal_ask){.has_status = true, .status = RIGHTS_DRAFT}, &deals));
        for (size_t i = 0; i < deals.count; i++) /* drafts take effect, all of them */
            assert_ok(rights_deal_change(f->rights, ORG, public_id_slice(&deals.items[i].public_id), &(struct rights_deal_change){.has_status = true, .status = RIGHTS_ACTIVE}, 0));
        struct rights_standing_conflict_list standing;
        size_t total;
        assert_ok(rights_conflicts_standing(f->rights, f->arena, ORG, 100000, &standing, &total));
        struct slice mark = arena_printf(f->arena, "%d.%d.", round, file);
        for (size_t i = 0; i < standing.count; i++) {
            const struct rights_standing_conflict *x = &standing.items[i];
            if (x->title_id != titles[0] && x->title_id != titles[1] && x->title_id != titles[2]) continue;
            struct slice first = note_of_id(f, x->first_id), other = note_of_id(f, x->conflict.line_id);
            bool is_of_sale = x->conflict.kind == RIGHTS_OUT_WITHOUT_IN || x->conflict.kind == RIGHTS_SUBLICENCE;
            if (!slice_starts_with(first, mark) && (is_of_sale || !slice_starts_with(other, mark))) continue; /* this file has nothing to do with it */
            see(&stands, x->conflict.kind, first, x->conflict.kind == RIGHTS_SUBLICENCE ? SLICE("") : other, &x->conflict.overlap);
        }
        qsort(told.items, told.count, sizeof *told.items, by_key);
        qsort(stands.items, stands.count, sizeof *stands.items, by_key);
        for (size_t i = 0; i < told.count || i < stands.count; i++)
            if (i >= told.count || i >= stands.count || memcmp(&told.items[i], &stands.items[i], sizeof *told.items))
                fail_msg("round %d, file %d: told %s, stands %s, of %zu and %zu\n%.*s", round, file, i < told.count ? told.items[i].key : "-", i < stands.count ? stands.items[i].key : "-", told.count,
                         stands.count, SLICE_ARG(rows));
    }
}

static void what_is_told_is_what_stands_once_it_is_saved(void **state) {
    struct rights_fixture f = begin(state);
    struct rng rng = rng_seeded(20261121);
    unsigned kinds = 0;
    for (int round = 0; round < 16; round++) {
        arena_reset(f.arena);
        round_run(&f, &rng, round, &kinds);
    }
    unsigned all = (1u << RIGHTS_CONFLICT_KINDS) - 1;
    assert_int_equal(kinds & 0xff, all); /* each kind was met, with what stands */
    assert_int_equal(kinds >> 8 | 1u << RIGHTS_OUT_WITHOUT_IN, all); /* and within a file, but for what has no other side */
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(nothing_is_saved_that_contradicts_unless_it_is_accepted), ON_SQLITE(what_a_sale_rests_on_may_stand_in_the_same_file_in_any_order), ON_SQLITE(a_reason_must_fit_into_the_note),
        ON_SQLITE(what_is_written_meanwhile_is_seen), ON_SQLITE(memory_may_run_out_while_it_is_looked_at),
        ON_SQLITE(what_is_told_is_what_stands_once_it_is_saved),
    };
    return cmocka_run_group_tests_name("rights_import_conflicts", tests, NULL, NULL);
}
