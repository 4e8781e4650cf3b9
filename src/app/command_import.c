/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `grandstand import FILE...`: makes a title of each file. Beside a running server its jobs do the work and this command looks on;
 * else the work is done here. Ctrl+C stops; the same command then goes on where it was. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/house.h"
#include "base/fs.h"
#include "base/json.h"

const struct option command_import_options[] = {
    HOUSE_OPTIONS,
    {"no-ladder", OPTION_FLAG, NULL, NULL, "do not add smaller renditions"},
    {"encode-threads", OPTION_NUMBER, "N", "0", "threads of one encoder; 0: as many as processors, at most 4"},
    OPTION_JSON,
    OPTION_END,
};

static atomic_bool is_stopped;
static void on_interrupt(int signal) {
    (void)signal;
    atomic_store(&is_stopped, true);
}

struct showing { /* the progress line of one file */
    const char *name;
    bool is_shown;
};

static void show(void *user, const char *step, double done) {
    const struct showing *s = user;
    if (!s->is_shown) return;
    enum { WIDTH = 30 };
    char bar[WIDTH + 1];
    for (int i = 0; i < WIDTH; i++) bar[i] = i < (int)(done * WIDTH + 0.5) ? '#' : '.';
    bar[WIDTH] = 0;
    fprintf(stderr, "\r\033[K  %-28.28s [%s] %3d %%  %s", s->name, bar, (int)(done * 100 + 0.5), step);
}
static bool should_stop(void *user) {
    (void)user;
    return atomic_load(&is_stopped);
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static struct catalog_change name_of(struct arena *arena, const char *path) {
    struct catalog_change change = {0};
    change.texts[0].has_name = true;
    change.texts[0].name = import_name_from_file(arena, slice_cstr(path));
    return change;
}

/* The title that an interrupted run of this command made for this very file, or a new one. */
static struct err title_for(struct house *h, struct arena *arena, const char *path, struct public_id *title) {
    struct catalog_view *view;
    struct err e = catalog_view_take(h->catalog, h->org_id, &view);
    if (e.kind) return e;
    struct catalog_change change = name_of(arena, path);
    change.external_id = arena_printf(arena, "import:%016llx", (unsigned long long)slice_hash(slice_cstr(path)));
    const struct catalog_title *known = catalog_find_external(view, change.external_id);
    bool goes_on = known && known->status != CATALOG_READY;
    if (goes_on) *title = known->public_id;
    if (known && !goes_on) change.external_id = SLICE_NONE; /* imported before: this is another title */
    catalog_view_give(&view);
    return goes_on ? ERR_OK : catalog_create(h->catalog, h->org_id, &change, CATALOG_IMPORTING, title);
}

static struct err import_here(struct house *h, struct arena *arena, const char *path, struct showing *showing, struct public_id *title) {
    int fd = -1;
    struct err e = fs_open(AT_FDCWD, path, O_RDONLY, 0, &fd);
    if (!e.kind) e = title_for(h, arena, path, title);
    if (!e.kind) {
        struct import_watcher watcher = {.user = showing, .progress = show, .should_stop = should_stop};
        struct slice staging = arena_printf(arena, "import-%s", title->text);
        e = import_now(&h->importer, h->org_id, fd, staging, title, &watcher);
        if (e.kind && e.kind != ERR_CANCELLED && e.kind != ERR_IO) {
            struct err marked = catalog_set_status(h->catalog, h->org_id, public_id_slice(title), CATALOG_FAILED);
            if (marked.kind) e = marked;
        }
    }
    fs_close(&fd);
    return e;
}

/* Leaves the work to the server and shows how it gets on. */
static struct err import_there(struct house *h, struct arena *arena, const char *path, struct showing *showing, struct public_id *title) {
    struct import_source source = {.path = slice_cstr(path)};
    struct catalog_change change = name_of(arena, path);
    int64_t job;
    struct err e = import_new_title(&h->importer, h->org_id, &source, &change, title, &job);
    bool did_cancel = false;
    if (!e.kind) house_tell(h->options.data_path);
    while (!e.kind) {
        struct arena *look = arena_create(1 << 20);
        struct job_info info;
        e = look ? job_get(h->jobs, look, h->org_id, job, &info) : err_memory();
        if (!e.kind && info.state == JOB_FAILED) {
            fprintf(stderr, "\n  %.*s\n", SLICE_ARG(info.error_what));
            e = err_make(ERR_INPUT, "import.failed", "The server could not import this file.");
        }
        if (!e.kind && info.state == JOB_CANCELLED) e = err_make(ERR_CANCELLED, "media.cancelled", "The import was stopped.");
        bool is_done = !e.kind && info.state == JOB_DONE;
        if (!e.kind) show(showing, "on the server", info.fraction);
        arena_destroy(&look);
        if (is_done) return ERR_OK;
        if (!e.kind && atomic_load(&is_stopped) && !did_cancel) {
            e = job_cancel(h->jobs, h->org_id, job);
            did_cancel = true;
        }
        nanosleep(&(struct timespec){.tv_nsec = 200 * 1000 * 1000}, NULL);
    }
    return e;
}

static struct err beside_server(struct house *h, const struct house_options *options, char about[512]) {
    struct err e = house_open_database(h, options, about);
    if (e.kind) return e;
    import_kinds(&h->importer, h->kinds);
    e = job_runner_open(&h->jobs, &(struct job_options){.db = h->db, .clock = h->clock, .ids = h->ids, .kinds = h->kinds, .kind_count = IMPORT_KIND_COUNT, .node = 63});
    h->importer.jobs = h->jobs; /* never started: it only queues and looks */
    if (e.kind) house_close(h);
    return e;
}

int command_import(struct command_context *c) {
    struct house h;
    struct house_options options = house_options_of(c);
    char about[512];
    options.has_ladder = !option_flag(c, "no-ladder");
    options.threads = (int)option_number(c, "encode-threads");
    bool is_here = true, as_json = option_flag(c, "json");
    struct err e = house_open(&h, &options, about);
    if (e.kind == ERR_BUSY && !strcmp(e.code, "house.locked")) {
        is_here = false;
        e = beside_server(&h, &options, about);
    }
    if (e.kind) return command_fail(c, e, about);
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);

    int code = EXIT_CODE_DONE;
    for (size_t i = 0; i < c->argument_count && code != EXIT_CODE_CANCELLED; i++) {
        struct arena *arena = arena_create(1 << 20);
        struct showing showing = {.name = base_name(c->arguments[i]), .is_shown = !as_json && isatty(STDERR_FILENO)};
        struct public_id title = {0};
        char *path = realpath(c->arguments[i], NULL);
        e = !path ? err_from_errno(errno, "import.file", "There is no such file, or it may not be read.") : arena ? ERR_OK : err_memory();
        if (!e.kind) e = is_here ? import_here(&h, arena, path, &showing, &title) : import_there(&h, arena, path, &showing, &title);
        if (showing.is_shown) fprintf(stderr, "\r\033[K");
        if (e.kind) code = command_fail(c, e, c->arguments[i]);
        else if (as_json) printf("{\"file\":%zu,\"title\":\"%s\"}\n", i, title.text);
        else printf("  %s: /title/%s\n", showing.name, title.text);
        free(path);
        arena_destroy(&arena);
    }
    house_close(&h);
    return code;
}
