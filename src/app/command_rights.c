/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `grandstand rights`: contracts for scripts. Works on the data folder, also beside a running server, which follows.
 *
 *   import FILE         lines from a CSV file, all or none (command_rights_import.c)
 *   check               one question; ends with 0 where the answer is yes, 3 where it is no
 *   check --batch FILE  as many as the file has (command_rights_batch.c)
 *   conflicts           contradictions that stand; ends with 3 where there are any
 *   avails              what may be shown, where, when and how */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/command_rights.h"
#include "base/mem.h"

const struct option command_rights_options[] = {
    HOUSE_OPTIONS,
    {"host", OPTION_TEXT, "NAME", NULL, "the organisation of this host name; without it the first one"},
    {"title", OPTION_TEXT, "ID", NULL, "check, avails: public id, EIDR or external id"},
    {"territory", OPTION_TEXT, "PLACE", NULL, "check: DE or US-CA; avails: a list as in WORLD,-US"},
    {"medium", OPTION_TEXT, "NAME", NULL, "free, advertising, subscription, rental, purchase, live, catch_up, clip, download, linear, theatrical, venue"},
    {"at", OPTION_TEXT, "TIME", NULL, "check: a date or a time with its zone; without it now"},
    {"party", OPTION_TEXT, "NAME", NULL, "check, avails: a licensee; without it our own service"},
    {"lang", OPTION_TEXT, "TAG", NULL, "check: the language that is wanted, as de or pt-BR"},
    {"known-at", OPTION_TEXT, "TIME", NULL, "check: as it would have been answered then"},
    {"batch", OPTION_TEXT, "FILE", NULL, "check: questions from a CSV file: title, territory, medium, at, party, lang, known_at; - is standard input"},
    {"from", OPTION_TEXT, "TIME", NULL, "avails: from then; without it from now"},
    {"to", OPTION_TEXT, "TIME", NULL, "avails: until then; without it for a year"},
    {"limit", OPTION_NUMBER, "N", "100", "how many conflicts, avails or faults of a file are listed; all are counted"},
    {"draft", OPTION_FLAG, NULL, NULL, "import: deals that are made begin as drafts; without it they are active at once"},
    {"dry-run", OPTION_FLAG, NULL, NULL, "import: look at everything, save nothing"},
    {"accept-conflicts", OPTION_FLAG, NULL, NULL, "import: save in spite of what the lines contradict; without it nothing is saved then"},
    {"accept-reason", OPTION_TEXT, "TEXT", NULL, "import: why conflicts are accepted; kept in the notes of the lines that have some"},
    OPTION_JSON,
    OPTION_END,
};

int64_t rights_limit(const struct command_context *c) {
    int64_t limit = option_number(c, "limit");
    return limit < 0 ? 0 : limit > 100000 ? 100000 : limit;
}

/* --- small things that several need --- */

struct err rights_no_title(void) { return err_make(ERR_INPUT, "rights.title", "There is no title of this public id, EIDR or external id."); }
struct err rights_no_place(void) { return err_make(ERR_INPUT, "rights.place", "This is no country of ISO 3166-1, as in DE, and no area of one, as in US-CA."); }
void rights_print_count(FILE *out, uint64_t count, const char *one, const char *many) { fprintf(out, "%llu %s", (unsigned long long)count, count == 1 ? one : many); }

struct err rights_time_option(const struct command_context *c, const char *name, int64_t fallback, int64_t *out) {
    const char *text = option_text(c, name);
    *out = fallback;
    if (!text || rights_time_parse(slice_cstr(text), out)) return ERR_OK;
    return err_make(ERR_INPUT, "rights.time", "A time is a date as 2026-02-28, or has its zone, as 2026-02-28T19:00:00+01:00.");
}

struct err rights_party_named(struct rights_shop *s, struct slice name, int64_t *out) {
    *out = 0;
    if (!name.len) return ERR_OK;
    if (!s->has_parties) {
        struct err e = rights_parties(s->house->rights, s->arena, s->org_id, &s->parties);
        if (e.kind) return e;
        s->has_parties = true;
    }
    for (size_t i = 0; i < s->parties.count; i++) {
        const struct rights_party *p = &s->parties.items[i];
        if (!slice_eq(p->name, name) && !slice_eq(public_id_slice(&p->public_id), name)) continue;
        *out = p->is_us ? 0 : p->id;
        return ERR_OK;
    }
    return err_make(ERR_NOT_FOUND, "rights.party_missing", "There is no party of this name or public id. Without one it is about our own service.");
}

void rights_print_time(FILE *out, int64_t at_s) {
    struct buf text = BUF(64);
    if (at_s != RIGHTS_ENDLESS) rights_time_write(&text, at_s);
    fprintf(out, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
    buf_free(&text);
}

void rights_put_time_json(struct json_writer *w, const char *name, int64_t at_s) {
    struct buf text = BUF(64);
    if (at_s != RIGHTS_ENDLESS) rights_time_write(&text, at_s);
    json_key(w, name);
    if (text.len) json_add_string(w, buf_slice(&text));
    else json_add_null(w);
    buf_free(&text);
}

void rights_print_overlap(FILE *out, const struct rights_overlap *o) {
    struct buf media = BUF(400);
    rights_media_write(&media, o->media);
    fprintf(out, "    %.*s  %.*s  ", SLICE_ARG(rights_territories_text(o->territories)), (int)media.len, media.ptr ? media.ptr : "");
    rights_print_time(out, o->from_s);
    fprintf(out, " - ");
    rights_print_time(out, o->to_s);
    fprintf(out, "%s%.*s\n", o->languages ? "  " : "", SLICE_ARG(rights_languages_text(o->languages)));
    buf_free(&media);
}
void rights_put_overlap_json(struct json_writer *w, const struct rights_overlap *o) {
    struct buf media = BUF(400);
    rights_media_write(&media, o->media);
    json_put_string(w, "territories", rights_territories_text(o->territories));
    json_put_string(w, "media", buf_slice(&media));
    json_put_string(w, "languages", rights_languages_text(o->languages));
    rights_put_time_json(w, "from", o->from_s);
    rights_put_time_json(w, "to", o->to_s);
    buf_free(&media);
}

void rights_print_json(struct buf *out) {
    printf("%.*s\n", (int)out->len, out->ptr ? out->ptr : "");
    buf_free(out);
}

struct slice rights_title_name(const struct catalog_view *view, int64_t id) {
    const struct catalog_title *t = catalog_find_id(view, id);
    return t ? catalog_text_in(t, text_languages[0].code).name : SLICE("(removed)");
}
const char *rights_title_id(const struct catalog_view *view, int64_t id) {
    const struct catalog_title *t = catalog_find_id(view, id);
    return t ? t->public_id.text : "";
}

/* --- files --- */

struct err rights_file_open(const char *path, FILE **out) {
    *out = !strcmp(path, "-") ? stdin : fopen(path, "re");
    return *out ? ERR_OK : err_from_errno(errno, "rights.file", "There is no such file, or it may not be read.");
}
void rights_file_close(FILE **file) {
    if (*file && *file != stdin) fclose(*file);
    *file = NULL;
}

/* --- check --- */

/* What is wrong stands in `about`, as it was written. */
static struct err question_of(struct command_context *c, struct rights_shop *s, struct rights_question *q, int64_t *known_s, const char **about) {
    const char *title = option_text(c, "title"), *territory = option_text(c, "territory"), *medium = option_text(c, "medium"), *lang = option_text(c, "lang"),
               *party = option_text(c, "party");
    *q = (struct rights_question){0};
    *about = NULL;
    if (!title || !territory || !medium) return err_make(ERR_INPUT, "option.missing", "A question needs --title, --territory and --medium.");
    const struct catalog_title *t = catalog_find_any(s->view, slice_cstr(title));
    *about = title;
    if (!t) return rights_no_title();
    catalog_above(s->view, t, q->titles);
    *about = territory;
    if (!rights_place_parse(slice_cstr(territory), SLICE_NONE, &q->place)) return rights_no_place();
    *about = medium;
    if (!rights_medium_parse(slice_cstr(medium), &q->medium)) return err_make(ERR_INPUT, "rights.medium_unknown", "There is no such medium. See --help for all of them.");
    *about = option_text(c, "at");
    struct err e = rights_time_option(c, "at", s->now_s, &q->at_s);
    if (e.kind) return e;
    *about = option_text(c, "known-at");
    e = rights_time_option(c, "known-at", RIGHTS_KNOWN_NOW, known_s);
    if (e.kind) return e;
    *about = lang;
    if (lang) e = rights_tag_of(slice_cstr(lang), &q->language);
    if (e.kind) return e;
    *about = party;
    return rights_party_named(s, slice_cstr(party), &q->party_id);
}

static int run_check(struct command_context *c, struct rights_shop *s) {
    if (option_text(c, "batch")) return rights_batch(c, s);
    struct rights_question q;
    struct rights_answer a;
    struct public_id line = {0};
    int64_t known_s;
    const char *about;
    struct err e = question_of(c, s, &q, &known_s, &about);
    if (e.kind) {
        int code = command_fail(c, e, about);
        return e.kind == ERR_INPUT ? EXIT_CODE_USAGE : code == EXIT_CODE_NO_SUCH ? EXIT_CODE_FAILED : code; /* 3 is an answer here */
    }
    if (known_s == RIGHTS_KNOWN_NOW) rights_decide(s->house->rights, &q, &a);
    else e = rights_decide_known(s->house->rights, s->org_id, &q, 1, known_s, &a);
    if (!e.kind) e = rights_line_names(s->house->rights, s->org_id, &a.line_id, 1, &line);
    if (e.kind) return command_fail(c, e, NULL);
    if (option_flag(c, "json")) {
        struct buf out = BUF(4096);
        struct json_writer w = json_writer_of(&out);
        json_begin_object(&w);
        json_put_bool(&w, "is_allowed", a.is_allowed);
        json_put_cstr(&w, "reason", rights_reason_code(a.reason));
        json_put_cstr(&w, "line", line.text[0] ? line.text : NULL);
        rights_put_time_json(&w, "until", a.until_s);
        rights_put_time_json(&w, "from", a.from_s ? a.from_s : RIGHTS_ENDLESS);
        json_end(&w);
        rights_print_json(&out);
    } else {
        printf("%s  %s", a.is_allowed ? "yes" : "no", rights_reason_code(a.reason));
        if (line.text[0]) printf("  line %s", line.text);
        if (a.from_s) {
            printf("  from ");
            rights_print_time(stdout, a.from_s);
        }
        if (a.until_s != RIGHTS_ENDLESS) {
            printf("  until ");
            rights_print_time(stdout, a.until_s);
        }
        printf("\n");
    }
    return a.is_allowed ? EXIT_CODE_DONE : EXIT_CODE_NO_SUCH;
}

/* --- conflicts --- */

static int run_conflicts(struct command_context *c, struct rights_shop *s) {
    struct rights_standing_conflict_list list;
    size_t total = 0, limit = (size_t)rights_limit(c);
    struct err e = rights_conflicts_standing(s->house->rights, s->arena, s->org_id, limit, &list, &total);
    int64_t *ids = e.kind ? NULL : arena_alloc_array(s->arena, list.count * 2 + 1, sizeof *ids);
    struct public_id *names = e.kind ? NULL : arena_alloc_array(s->arena, list.count * 2 + 1, sizeof *names);
    if (!e.kind && (!ids || !names)) e = err_memory();
    for (size_t i = 0; !e.kind && i < list.count; i++) {
        ids[2 * i] = list.items[i].first_id;
        ids[2 * i + 1] = list.items[i].conflict.line_id;
    }
    if (!e.kind) e = rights_line_names(s->house->rights, s->org_id, ids, list.count * 2, names);
    if (e.kind) return command_fail(c, e, NULL);
    struct buf out = BUF(256 << 20);
    struct json_writer w = json_writer_of(&out);
    bool as_json = option_flag(c, "json");
    if (as_json) {
        json_begin_object(&w);
        json_put_number(&w, "total", (int64_t)total);
        json_key(&w, "items");
        json_begin_array(&w);
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct rights_conflict *x = &list.items[i].conflict;
        if (as_json) {
            json_begin_object(&w);
            json_put_cstr(&w, "kind", rights_conflict_kind_name(x->kind));
            json_put_cstr(&w, "title", rights_title_id(s->view, list.items[i].title_id));
            json_put_cstr(&w, "line", names[2 * i].text);
            json_put_cstr(&w, "other", names[2 * i + 1].text[0] ? names[2 * i + 1].text : NULL);
            rights_put_overlap_json(&w, &x->overlap);
            json_end(&w);
        } else {
            printf("%-20s %.*s  line %s", rights_conflict_kind_name(x->kind), SLICE_ARG(rights_title_name(s->view, list.items[i].title_id)), names[2 * i].text);
            if (names[2 * i + 1].text[0]) printf(" and %s", names[2 * i + 1].text);
            printf("\n");
            rights_print_overlap(stdout, &x->overlap);
        }
    }
    if (as_json) {
        json_end(&w);
        json_end(&w);
        rights_print_json(&out);
    } else {
        rights_print_count(stdout, total, "conflict\n", "conflicts\n");
    }
    return total ? EXIT_CODE_NO_SUCH : EXIT_CODE_DONE;
}

/* --- avails --- */

enum { YEAR_S = 365 * 86400 };

static struct err avails_ask(struct command_context *c, struct rights_shop *s, struct rights_avails_ask *ask) {
    const char *title = option_text(c, "title"), *territory = option_text(c, "territory"), *medium = option_text(c, "medium"), *party = option_text(c, "party");
    struct slice bad;
    *ask = (struct rights_avails_ask){.limit = (size_t)rights_limit(c)};
    struct err e = rights_time_option(c, "from", s->now_s, &ask->from_s);
    if (!e.kind) e = rights_time_option(c, "to", ask->from_s + YEAR_S, &ask->to_s);
    if (!e.kind && territory) e = rights_territories_of(slice_cstr(territory), &ask->territories, &bad);
    if (!e.kind && medium && !rights_media_parse(slice_cstr(medium), &ask->media, &bad))
        e = err_make(ERR_INPUT, "rights.medium_unknown", "There is no such medium. See --help for all of them.");
    if (!e.kind) e = rights_party_named(s, slice_cstr(party), &ask->party_id);
    int64_t (*titles)[3] = e.kind ? NULL : arena_alloc_array(s->arena, s->view->count + 1, sizeof *titles);
    if (!e.kind && !titles) e = err_memory();
    if (e.kind) return e;
    ask->titles = (const int64_t (*)[3])titles;
    if (title) {
        const struct catalog_title *t = catalog_find_any(s->view, slice_cstr(title));
        if (!t) return rights_no_title();
        catalog_above(s->view, t, titles[ask->title_count++]);
        return ERR_OK;
    }
    for (size_t i = 0; i < s->view->count; i++) {
        const struct catalog_title *t = s->view->titles[i];
        if (t->kind != CATALOG_SERIES && t->kind != CATALOG_SEASON && t->kind != CATALOG_COLLECTION) catalog_above(s->view, t, titles[ask->title_count++]);
    }
    return ERR_OK;
}

static int run_avails(struct command_context *c, struct rights_shop *s) {
    struct rights_avails_ask ask;
    struct rights_avail_list list;
    struct err e = avails_ask(c, s, &ask);
    if (!e.kind) e = rights_avails(s->house->rights, s->arena, &ask, &list);
    if (e.kind) return e.kind == ERR_INPUT ? command_fail(c, e, NULL), EXIT_CODE_USAGE : command_fail(c, e, NULL);
    struct buf out = BUF(256 << 20);
    struct json_writer w = json_writer_of(&out);
    bool as_json = option_flag(c, "json");
    if (as_json) {
        json_begin_object(&w);
        json_put_bool(&w, "is_whole", list.count < ask.limit);
        json_key(&w, "items");
        json_begin_array(&w);
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct rights_avail *a = &list.items[i];
        struct buf media = BUF(400);
        rights_media_write(&media, a->media);
        if (as_json) {
            json_begin_object(&w);
            json_put_cstr(&w, "title", rights_title_id(s->view, ask.titles[a->title][0]));
            json_put_string(&w, "territories", rights_territories_text(a->territories));
            json_put_string(&w, "media", buf_slice(&media));
            json_put_string(&w, "languages", rights_languages_text(a->languages));
            rights_put_time_json(&w, "from", a->from_s);
            rights_put_time_json(&w, "to", a->to_s);
            json_end(&w);
        } else {
            printf("%.*s  %.*s  %.*s  ", SLICE_ARG(rights_title_name(s->view, ask.titles[a->title][0])), SLICE_ARG(rights_territories_text(a->territories)), (int)media.len,
                   media.ptr ? media.ptr : "");
            rights_print_time(stdout, a->from_s);
            printf(" - ");
            rights_print_time(stdout, a->to_s);
            if (a->languages) printf("  %.*s", SLICE_ARG(rights_languages_text(a->languages)));
            printf("\n");
        }
        buf_free(&media);
    }
    if (as_json) {
        json_end(&w);
        json_end(&w);
        rights_print_json(&out);
    }
    return EXIT_CODE_DONE;
}

/* --- the whole --- */

int command_rights(struct command_context *c) {
    static const struct {
        const char *word;
        int (*run)(struct command_context *, struct rights_shop *);
        bool changes;
    } all[] = {{"import", rights_import_run, true}, {"check", run_check, false}, {"conflicts", run_conflicts, false}, {"avails", run_avails, false}};
    size_t which = 0;
    while (which < ARRAY_LEN(all) && strcmp(all[which].word, c->arguments[0]) != 0) which++;
    if (which == ARRAY_LEN(all) || (c->argument_count > 1 && all[which].run != rights_import_run)) {
        command_fail(c, err_make(ERR_INPUT, "command.unknown", "This is import FILE, check, conflicts or avails. `grandstand rights --help` explains."), c->arguments[which == ARRAY_LEN(all) ? 0 : 1]);
        return EXIT_CODE_USAGE;
    }
    struct house house;
    struct house_options options = house_options_of(c);
    options.must_exist = true; /* contracts are about titles: where there are none, the folder is another */
    char about[512];
    struct err e = house_open_database(&house, &options, about);
    if (e.kind) return command_fail(c, e, about);
    const char *host = option_text(c, "host");
    struct rights_shop s = {.house = &house, .arena = arena_create((size_t)2 << 30), .org_id = host ? account_org_of_host(house.account, slice_cstr(host)) : house.org_id,
                            .now_s = utc_seconds(clock_utc(house.clock))};
    e = s.arena ? catalog_view_take(house.catalog, s.org_id, &s.view) : err_memory();
    int code = e.kind ? command_fail(c, e, NULL) : all[which].run(c, &s);
    if (all[which].changes && code == EXIT_CODE_DONE) house_tell(options.data_path);
    catalog_view_give(&s.view);
    arena_destroy(&s.arena);
    house_close(&house);
    return code;
}
