/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `grandstand demo`: fills the data folder with the example organisation. Each film is made into DATA/example/NAME.mkv, gets
 * a title and posters, and is imported as a stranger's file would be. DATA/example.json says which titles are examples and
 * which of them are finished; it is written before a title is made, so that a kill at any moment leaves nothing twice and
 * nothing half. Several films are made at once, one thread each. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/demo_sales.h"
#include "app/demo_trade.h"
#include "app/house.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "example/example.h"

enum { FILMS_MAX = 64, WORKERS_MAX = 8, RECORD_BYTES_MAX = 1 << 16, POSTER_BYTES_MAX = 4 << 20, TICK_MS = 200, LADDERS = 2, HOUSEHOLDS = 240 };
static const char record_name[] = "example.json";

const struct option command_demo_options[] = {
    HOUSE_OPTIONS,
    {"films", OPTION_TEXT, "N|NAME,...", NULL, "only the first N films, or those of these names"},
    {"list", OPTION_FLAG, NULL, NULL, "print the names of the films and do nothing"},
    {"threads", OPTION_NUMBER, "N", "0", "films made at once; 0: one per processor"},
    {"scale", OPTION_NUMBER, "PERCENT", "100", "size of the picture; 100: 1280 x 720"},
    {"households", OPTION_NUMBER, "N", NULL, "households that have bought for a year; 240 with all films, none with some"},
    {"seconds", OPTION_NUMBER, "N", "0", "end each film after N seconds; 0: whole films"},
    OPTION_JSON,
    OPTION_END,
};

/* A film or series of the example and the title it became. */
struct entry {
    const struct example_about *about;
    struct public_id title;
    bool has_title, is_done, is_wanted, is_taken;
    double progress; /* 0 to 1: three quarters making, one quarter importing */
};

struct demo {
    struct command_context *context;
    struct house house;
    struct lock lock; /* guards entries' states, `failure`, `running` and the record */
    struct entry films[FILMS_MAX], series[FILMS_MAX];
    int data_fd;
    struct example_options options;
    struct err failure;
    const char *failed_name;
    size_t running;
    int made, kept;
    size_t households, orders; /* of the example */
};

static volatile sig_atomic_t is_stopped;
static void on_signal(int signal) {
    (void)signal;
    is_stopped = 1;
}

/* --- the record --- */

static void record_put(struct json_writer *w, const struct entry *entries, size_t count) {
    json_begin_object(w);
    for (size_t i = 0; i < count; i++) {
        if (!entries[i].has_title) continue;
        json_key(w, entries[i].about->name);
        json_begin_object(w);
        json_put_cstr(w, "title", entries[i].title.text);
        json_put_bool(w, "done", entries[i].is_done);
        json_end(w);
    }
    json_end(w);
}

static struct err record_save(struct demo *d) {
    struct buf out = BUF(RECORD_BYTES_MAX);
    struct json_writer w = json_writer_of(&out);
    json_begin_object(&w);
    json_put_cstr(&w, "note", "These titles are examples made by `grandstand demo`. Remove them on the operator's page if they are not wanted.");
    json_key(&w, "films");
    record_put(&w, d->films, example_film_count());
    json_key(&w, "series");
    record_put(&w, d->series, example_series_count);
    json_end(&w);
    struct err e = buf_error(&out);
    if (!e.kind) e = fs_write_file_atomic(d->data_fd, record_name, buf_slice(&out), 0640);
    buf_free(&out);
    return e;
}

static void record_take(struct entry *entries, size_t count, const json_t *object) {
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_object_get(object, entries[i].about->name);
        entries[i].has_title = item && public_id_parse(json_get_string(item, "title"), &entries[i].title);
        if (!entries[i].has_title || !json_get_bool(item, "done", &entries[i].is_done)) entries[i].is_done = false;
    }
}

static struct err record_load(struct demo *d) {
    struct buf text = BUF(RECORD_BYTES_MAX);
    struct err e = fs_read_file(d->data_fd, record_name, &text);
    json_t *json = NULL;
    if (!e.kind) e = json_parse(buf_slice(&text), RECORD_BYTES_MAX, &json);
    if (!e.kind) {
        record_take(d->films, example_film_count(), json_object_get(json, "films"));
        record_take(d->series, example_series_count, json_object_get(json, "series"));
        json_decref(json);
    }
    buf_free(&text);
    return e.kind == ERR_NOT_FOUND ? ERR_OK : e;
}

/* --- titles --- */

struct new_title {
    struct demo *demo;
    struct entry *entry;
    const struct catalog_change *change;
    int64_t id;
};
static struct err title_create_fn(struct db_tx *tx, void *arg) {
    struct new_title *n = arg;
    return catalog_create_in(tx, n->demo->house.org_id, n->id, &n->entry->title, n->change, n->entry->about->seconds > 0 ? CATALOG_IMPORTING : CATALOG_READY);
}

static struct err title_is_there(struct demo *d, const struct entry *entry, bool *is_there) {
    struct catalog_view *view;
    struct err e = catalog_view_take(d->house.catalog, d->house.org_id, &view);
    if (e.kind) return e;
    *is_there = catalog_find(view, public_id_slice(&entry->title)) != NULL;
    catalog_view_give(&view);
    return ERR_OK;
}

static struct err external_is_taken(struct demo *d, struct slice external_id, bool *is_taken) {
    struct catalog_view *view;
    struct err e = catalog_view_take(d->house.catalog, d->house.org_id, &view);
    if (e.kind) return e;
    *is_taken = catalog_find_external(view, external_id) != NULL;
    catalog_view_give(&view);
    return ERR_OK;
}

static struct catalog_change change_of(const struct example_about *about, const struct public_id *parent, char *genres, size_t genres_size) {
    enum catalog_kind kind = about->seconds <= 0 ? CATALOG_SERIES : about->is_clip ? CATALOG_CLIP : parent ? CATALOG_EPISODE : CATALOG_FILM;
    struct catalog_change c = {.has_kind = true, .kind = kind, .has_is_free = true, .is_without_rights = true, .has_year = true, .year = about->year, .has_genres = true};
    *genres = 0;
    for (size_t i = 0; i < ARRAY_LEN(about->genres) && about->genres[i]; i++)
        snprintf(genres + strlen(genres), genres_size - strlen(genres), "%s%s", i ? " " : "", about->genres[i]);
    c.genres = slice_cstr(genres);
    if (parent) {
        c.has_parent = c.has_season = c.has_episode = true;
        c.parent = public_id_slice(parent);
        c.season = about->season;
        c.episode = about->episode;
    }
    for (int lang = 0; lang < EXAMPLE_LANGUAGES; lang++) {
        size_t at = 0;
        while (at < TEXT_LANGUAGE_COUNT && !slice_eq(text_languages[at].code, slice_cstr(example_language_code((enum example_language)lang)))) at++;
        if (at == TEXT_LANGUAGE_COUNT) continue;
        c.texts[at].has_name = c.texts[at].has_synopsis = true;
        c.texts[at].name = slice_cstr(about->titles[lang]);
        c.texts[at].synopsis = slice_cstr(about->synopses[lang]);
    }
    return c;
}

/* The title of an entry: made if it is not there. Its id is on record before it exists. */
static struct err title_ensure(struct demo *d, struct entry *entry, const struct public_id *parent) {
    bool is_there = false;
    struct err e = ERR_OK;
    lock_take(&d->lock);
    if (!entry->has_title) {
        entry->title = public_id_random();
        entry->has_title = true;
        e = record_save(d);
    }
    lock_give(&d->lock);
    if (!e.kind) e = title_is_there(d, entry, &is_there);
    if (e.kind || is_there) return e;
    char genres[128], external_id[80];
    struct catalog_change change = change_of(entry->about, parent, genres, sizeof genres);
    snprintf(external_id, sizeof external_id, "example:%s", entry->about->name);
    e = external_is_taken(d, slice_cstr(external_id), &is_there);
    if (e.kind) return e;
    if (!is_there) change.external_id = slice_cstr(external_id); /* by which others know our films: the example's own channel */
    struct new_title n = {d, entry, &change, id_next(d->house.ids)};
    e = db_write(d->house.db, title_create_fn, &n);
    return e.kind ? e : catalog_refresh(d->house.catalog, d->house.org_id, public_id_slice(&entry->title));
}

typedef struct err poster_fn(size_t index, enum example_poster, struct buf *out);
static struct err artwork_put(struct demo *d, const struct entry *entry, poster_fn *poster, size_t index) {
    static const struct slice kinds[] = {[EXAMPLE_PORTRAIT] = {"portrait", 8}, [EXAMPLE_LANDSCAPE] = {"poster", 6}};
    struct err e = ERR_OK;
    for (int kind = 0; !e.kind && kind < 2; kind++) {
        struct buf jpeg = BUF(POSTER_BYTES_MAX);
        e = poster(index, (enum example_poster)kind, &jpeg);
        if (!e.kind) e = import_artwork(&d->house.importer, d->house.org_id, &entry->title, kinds[kind], buf_slice(&jpeg));
        buf_free(&jpeg);
    }
    return e;
}

static struct err series_ensure(struct demo *d) {
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < example_series_count; i++) {
        struct entry *s = &d->series[i];
        bool is_wanted = false;
        for (size_t k = 0; k < example_film_count(); k++)
            if (d->films[k].is_wanted && !d->films[k].is_done && d->films[k].about->series && !strcmp(d->films[k].about->series, s->about->name)) is_wanted = true;
        if (!is_wanted || s->is_done) continue;
        e = title_ensure(d, s, NULL);
        if (!e.kind) e = artwork_put(d, s, example_series_poster, i);
        if (e.kind) break;
        s->is_done = true;
        e = record_save(d);
    }
    return e;
}

/* --- one film --- */

struct work {
    struct demo *demo;
    struct entry *entry;
};
static void progress_set(struct work *w, double progress) {
    lock_take(&w->demo->lock);
    w->entry->progress = progress;
    lock_give(&w->demo->lock);
}
static void on_making(void *user, double done) { progress_set(user, 0.75 * done); }
static void on_import(void *user, const char *step, double done) {
    (void)step;
    progress_set(user, 0.75 + 0.25 * done);
}
static bool should_stop(void *user) {
    struct work *w = user;
    lock_take(&w->demo->lock);
    bool has_failed = w->demo->failure.kind != ERR_NONE;
    lock_give(&w->demo->lock);
    return is_stopped || has_failed;
}

/* The file, whole, under its final name; one that an earlier run finished is used again. */
static struct err film_file(struct work *w, size_t index, const char *path) {
    char part[96];
    snprintf(part, sizeof part, "%s.part.mkv", path);
    if (fs_exists(w->demo->data_fd, path)) return ERR_OK;
    struct err e = example_make(index, w->demo->data_fd, part, &w->demo->options, &(struct example_watcher){w, on_making, should_stop});
    if (!e.kind && renameat(w->demo->data_fd, part, w->demo->data_fd, path) != 0) e = err_from_errno(errno, "demo.rename", "The finished film could not be given its name.");
    return e;
}

static struct err film_do(struct work *w, size_t index) {
    struct demo *d = w->demo;
    struct entry *entry = w->entry;
    const struct public_id *parent = NULL;
    for (size_t i = 0; i < example_series_count; i++)
        if (entry->about->series && !strcmp(d->series[i].about->name, entry->about->series)) parent = &d->series[i].title;
    char path[64], staging[64];
    snprintf(path, sizeof path, "example/%s.mkv", entry->about->name);
    snprintf(staging, sizeof staging, "example-%s", entry->about->name);
    int fd = -1;
    struct err e = film_file(w, index, path);
    if (!e.kind) e = title_ensure(d, entry, parent);
    if (!e.kind) e = artwork_put(d, entry, example_poster, index);
    if (!e.kind) e = fs_open(d->data_fd, path, O_RDONLY, 0, &fd);
    struct importer importer = d->house.importer;
    importer.has_ladder = index < LADDERS; /* a few in several qualities are enough to show it */
    importer.threads = 1;
    if (!e.kind) e = import_now(&importer, d->house.org_id, fd, slice_cstr(staging), &entry->title, &(struct import_watcher){w, on_import, should_stop});
    fs_close(&fd);
    if (e.kind) return e;
    lock_take(&d->lock);
    entry->is_done = true;
    d->made++;
    e = record_save(d);
    lock_give(&d->lock);
    return e.kind ? e : fs_remove_tree(d->data_fd, path);
}

static void worker_run(void *arg) {
    struct demo *d = arg;
    for (;;) {
        struct work w = {.demo = d};
        size_t index = 0;
        lock_take(&d->lock);
        for (size_t i = 0; !w.entry && !d->failure.kind && !is_stopped && i < example_film_count(); i++)
            if (d->films[i].is_wanted && !d->films[i].is_done && !d->films[i].is_taken) w.entry = &d->films[i], index = i;
        if (w.entry) w.entry->is_taken = true;
        else d->running--;
        lock_give(&d->lock);
        if (!w.entry) return;
        struct err e = film_do(&w, index);
        lock_take(&d->lock);
        if (e.kind && !d->failure.kind) d->failure = e, d->failed_name = w.entry->about->name;
        w.entry->progress = 1;
        lock_give(&d->lock);
    }
}

/* --- the command --- */

static double total_progress(struct demo *d, size_t *running) {
    double sum = 0, all = 0;
    lock_take(&d->lock);
    for (size_t i = 0; i < example_film_count(); i++) {
        if (!d->films[i].is_wanted) continue;
        all += 1;
        sum += d->films[i].is_done ? 1 : d->films[i].progress;
    }
    *running = d->running;
    lock_give(&d->lock);
    return all > 0 ? sum / all : 1;
}

static void watch(struct demo *d, bool has_terminal) {
    size_t running = 1;
    while (running > 0) {
        double done = total_progress(d, &running);
        if (has_terminal) {
            int filled = (int)(done * 32);
            fprintf(stderr, "\r  Making the example films  [%.*s%.*s] %3d %%", filled, "################################", 32 - filled, "................................", (int)(done * 100));
        }
        if (running > 0) usleep(TICK_MS * 1000);
    }
    if (has_terminal) fputs("\r\033[K", stderr);
}

static struct err choose(struct demo *d, const char *films) {
    uint64_t count = example_film_count();
    bool is_number = !films || slice_to_u64(slice_cstr(films), &count);
    for (size_t i = 0; i < example_film_count(); i++) d->films[i].is_wanted = is_number && i < count;
    if (is_number) return ERR_OK;
    struct slice rest = slice_cstr(films), name;
    while (slice_next(&rest, ',', &name)) {
        size_t at = 0;
        while (at < example_film_count() && !slice_eq(slice_cstr(d->films[at].about->name), name)) at++;
        if (at == example_film_count()) return err_make(ERR_INPUT, "option.films", "There is no film of this name. `grandstand demo --list` names them all.");
        d->films[at].is_wanted = true;
    }
    return ERR_OK;
}

static struct err make_all(struct demo *d) {
    struct thread *workers[WORKERS_MAX] = {NULL};
    struct err e = fs_make_dirs(d->data_fd, "example", 0750);
    if (!e.kind) e = series_ensure(d);
    if (e.kind) return e;
    long count = (long)option_number(d->context, "threads");
    if (count <= 0) count = sysconf(_SC_NPROCESSORS_ONLN);
    if (count > WORKERS_MAX) count = WORKERS_MAX;
    for (long i = 0; !e.kind && i < count; i++) {
        lock_take(&d->lock);
        d->running++;
        lock_give(&d->lock);
        e = thread_start(&workers[i], "demo", worker_run, d);
        if (!e.kind) continue;
        lock_take(&d->lock);
        d->running--;
        if (!d->failure.kind) d->failure = e;
        lock_give(&d->lock);
    }
    watch(d, isatty(STDERR_FILENO) && !option_flag(d->context, "json"));
    for (long i = 0; i < count; i++) thread_join(&workers[i]);
    e = d->failure;
    if (!e.kind && is_stopped) e = err_make(ERR_CANCELLED, "demo.cancelled", "Stopped. Run it again and it goes on with the films that are not finished.");
    if (!e.kind) e = demo_trade(&d->house);
    if (!e.kind) e = demo_sales(&d->house, d->households, &d->orders);
    return e.kind ? e : fs_remove_tree(d->data_fd, "example");
}

static void answer(struct demo *d) {
    if (!option_flag(d->context, "json")) {
        if (d->made) printf("The example organisation is there: %d films made, %d were there already.\n", d->made, d->kept);
        else if (!d->orders) printf("Nothing to do: the %d example films are there.\n", d->kept);
        if (d->orders) printf("Households of the example have bought %zu times in a year (play money).\n", d->orders);
        return;
    }
    struct buf out = BUF(RECORD_BYTES_MAX);
    struct json_writer w = json_writer_of(&out);
    json_begin_object(&w);
    json_put_number(&w, "made", d->made);
    json_put_number(&w, "kept", d->kept);
    json_put_number(&w, "orders", (int64_t)d->orders);
    json_key(&w, "films");
    record_put(&w, d->films, example_film_count());
    json_end(&w);
    printf("%.*s\n", (int)out.len, out.ptr);
    buf_free(&out);
}

static int list_films(void) {
    for (size_t i = 0; i < example_film_count(); i++) {
        const struct example_about *a = example_film(i);
        printf("%-20s %4.0f s  %s\n", a->name, a->seconds, a->titles[EXAMPLE_EN]);
    }
    return EXIT_CODE_DONE;
}

static struct err data_folder_open(struct demo *d) {
    const char *path = option_text(d->context, "data");
    struct err e = fs_make_dirs(AT_FDCWD, path, 0750);
    return e.kind ? e : fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &d->data_fd);
}

int command_demo(struct command_context *c) {
    if (option_flag(c, "list")) return list_films();
    struct demo *d = mem_zalloc(sizeof *d);
    if (!d) return command_fail(c, err_memory(), NULL);
    d->context = c;
    d->data_fd = -1;
    d->options = (struct example_options){.scale = (double)option_number(c, "scale") / 100, .seconds_max = (double)option_number(c, "seconds")};
    lock_init(&d->lock, LOCK_demo);
    for (size_t i = 0; i < example_film_count(); i++) d->films[i].about = example_film(i);
    for (size_t i = 0; i < example_series_count; i++) d->series[i].about = example_series(i);
    log_configure(LOG_WARN, LOG_FORMAT_LOGFMT, STDERR_FILENO);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);

    char about[512] = "";
    struct house_options options = house_options_of(c);
    struct err e = choose(d, option_text(c, "films"));
    if (!e.kind) e = data_folder_open(d);
    bool has_house = false;
    if (!e.kind) e = record_load(d);
    for (size_t i = 0; i < example_film_count(); i++) d->kept += d->films[i].is_wanted && d->films[i].is_done;
    bool has_work = false;
    for (size_t i = 0; i < example_film_count(); i++) has_work |= d->films[i].is_wanted && !d->films[i].is_done;
    d->households = option_is_given(c, "households") ? (size_t)option_number(c, "households") : option_text(c, "films") ? 0 : HOUSEHOLDS;
    bool has_sales = !e.kind && d->households && demo_sales_are_due(options.data_path);
    if (!e.kind && (has_work || has_sales)) { /* else the folder may even be in use by a server */
        e = house_open(&d->house, &options, about);
        has_house = !e.kind;
        if (!e.kind) e = make_all(d);
        if (e.kind && !has_work && !strcmp(e.code, "house.locked")) e = ERR_OK; /* the films are there; the sales come another time */
    }
    if (has_house) house_close(&d->house);
    fs_close(&d->data_fd);
    if (!e.kind) answer(d);
    int code = e.kind ? command_fail(c, e, d->failed_name ? d->failed_name : *about ? about : NULL) : EXIT_CODE_DONE;
    if (e.kind && !strcmp(e.code, "option.films")) code = EXIT_CODE_USAGE;
    lock_destroy(&d->lock);
    mem_free(d);
    return code;
}
