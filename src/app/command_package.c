/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * package: a media file to a folder that any web server can serve: CMAF tracks, HLS and DASH. No server, no database. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command.h"
#include "base/arena.h"
#include "base/fs.h"
#include "base/json.h"
#include "media/cmaf/cmaf.h"
#include "media/ingest/ingest.h"
#include "media/manifest/manifest.h"

const struct option command_package_options[] = {
    {"ladder", OPTION_FLAG, NULL, NULL, "also make smaller renditions: 1080, 720, 480, 240 lines, those below the file's own"},
    {"no-pictures", OPTION_FLAG, NULL, NULL, "make no poster and no pictures for the seek bar"},
    {"force", OPTION_FLAG, NULL, NULL, "replace a package of another file that is in OUTDIR"},
    {"threads", OPTION_NUMBER, "N", NULL, "for encoders; default: one per processor, at most 4"},
    OPTION_JSON,
    OPTION_END,
};

static atomic_bool was_interrupted;
static void interrupt(int signal_number) { atomic_store(&was_interrupted, true); }
static bool is_cancelled(void *user) { return atomic_load(&was_interrupted); }

struct show {
    bool is_terminal;
    int percent_shown;
    enum ingest_step step_shown;
};

static void show_progress(void *user, enum ingest_step step, double done) {
    static const char *const WORDS[INGEST_STEPS] = {"looking", "copying", "encoding", "pictures", "smaller sizes"};
    struct show *s = user;
    int percent = (int)(done * 100);
    if (!s->is_terminal || (percent == s->percent_shown && step == s->step_shown)) return;
    s->percent_shown = percent;
    s->step_shown = step;
    char bar[31];
    for (int i = 0; i < 30; i++) bar[i] = i * 100 < percent * 30 ? '#' : '.';
    bar[30] = 0;
    fprintf(stderr, "\r%s %3d %%  %-14s", bar, percent, WORDS[step]);
    fflush(stderr);
}

static void end_progress(struct show *s) {
    if (s->is_terminal && s->percent_shown >= 0) fputs("\r\033[K", stderr);
    s->percent_shown = -1;
}

/* May this folder be written to? Empty, or an unfinished package of the same file, or one that --force gives up. */
static struct err check_folder(int dir_fd, bool is_forced) {
    static const char *const OURS[] = {"ingest.json", "master.m3u8", "manifest.mpd"};
    bool is_ours = false, has_files = false;
    for (size_t i = 0; i < ARRAY_LEN(OURS); i++) is_ours |= fs_exists(dir_fd, OURS[i]);
    int copy = dup(dir_fd);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (!dir) {
        fs_close(&copy);
        return err_make(ERR_IO, "folder.read", "The folder could not be read.");
    }
    rewinddir(dir);
    struct dirent *entry;
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) has_files = true;
    closedir(dir);
    if (!has_files || is_forced) return ERR_OK;
    if (fs_exists(dir_fd, "master.m3u8"))
        return err_make(ERR_CONFLICT, "package.exists", "There is a package in this folder already. Choose another folder, or give --force to replace it.");
    if (!is_ours) return err_make(ERR_CONFLICT, "package.not_empty", "This folder has other files in it. Choose an empty one, or give --force.");
    return ERR_OK; /* begun earlier: goes on */
}

static struct err open_source(const char *path, int *fd) {
    struct err e = fs_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, fd);
    if (e.kind == ERR_NOT_FOUND) return err_make(ERR_NOT_FOUND, "package.no_file", "There is no such file.");
    if (e.kind) return e;
    struct stat about;
    if (fstat(*fd, &about) || !S_ISREG(about.st_mode)) {
        fs_close(fd);
        return err_make(ERR_INPUT, "package.not_a_file", "This is not a regular file. Copy it to one first.");
    }
    return ERR_OK;
}

static struct err write_views(int dir_fd, int64_t *duration_ms) {
    struct arena *mem = arena_create((size_t)256 << 20);
    if (!mem) return err_memory();
    struct cmaf_presentation *p = ARENA_NEW(mem, struct cmaf_presentation);
    struct err e = p ? cmaf_presentation_load(dir_fd, mem, p) : err_memory();
    if (!e.kind) {
        *duration_ms = p->duration_ms;
        e = manifest_write_all(p, dir_fd);
    }
    arena_destroy(&mem);
    return e;
}

static void print_json(const char *folder, const struct ingest_report *r, int64_t duration_ms, size_t rungs) {
    static const char *const KINDS[] = {"video", "audio", "text", "other"}, *const FATES[] = {"passed", "transcoded", "converted", "left_out"};
    struct buf out = BUF((size_t)1 << 20);
    struct json_writer w = json_writer_of(&out);
    json_begin_object(&w);
    json_put_cstr(&w, "folder", folder);
    json_put_cstr(&w, "hls", "master.m3u8");
    json_put_cstr(&w, "dash", "manifest.mpd");
    json_put_number(&w, "duration_ms", duration_ms);
    json_put_number(&w, "renditions_added", (int64_t)rungs);
    json_put_bool(&w, "resumed", r->did_resume);
    json_key(&w, "tracks");
    json_begin_array(&w);
    for (size_t i = 0; i < r->track_count; i++) {
        const struct ingest_track *t = &r->tracks[i];
        json_begin_object(&w);
        json_put_cstr(&w, "kind", KINDS[t->kind]);
        json_put_cstr(&w, "fate", FATES[t->fate]);
        json_put_cstr(&w, "file", t->file[0] ? t->file : NULL);
        json_put_cstr(&w, "codec", t->codec);
        json_put_cstr(&w, "language", t->language);
        json_put_cstr(&w, "label", t->label);
        json_put_cstr(&w, "why", t->why);
        json_end(&w);
    }
    json_end(&w);
    json_end(&w);
    printf("%.*s\n", (int)out.len, out.ptr);
    buf_free(&out);
}

static void print_text(const char *folder, const struct ingest_report *r, int64_t duration_ms, size_t rungs) {
    static const char *const FATES[] = {"as it is", "encoded anew", "as WebVTT", "left out"};
    for (size_t i = 0; i < r->track_count; i++) {
        const struct ingest_track *t = &r->tracks[i];
        printf("  %-8s %-18s %-5s %s", t->file[0] ? t->file : "-", t->codec, t->language, FATES[t->fate]);
        if (t->why) printf(" (%s)", t->why);
        printf("\n");
    }
    if (rungs) printf("  %zu smaller rendition%s\n", rungs, rungs == 1 ? "" : "s");
    printf("%s: %lld:%02lld:%02lld, HLS in master.m3u8, DASH in manifest.mpd\n", folder, (long long)(duration_ms / 3600000),
           (long long)(duration_ms / 60000 % 60), (long long)(duration_ms / 1000 % 60));
}

int command_package(struct command_context *context) {
    const char *in = context->arguments[0], *folder = context->arguments[1], *about = in;
    int source_fd = -1, dir_fd = -1;
    struct err e = open_source(in, &source_fd);
    if (!e.kind) {
        about = folder;
        e = fs_make_dirs(AT_FDCWD, folder, 0755);
        if (!e.kind) e = fs_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0, &dir_fd);
        if (!e.kind) e = check_folder(dir_fd, option_flag(context, "force"));
    }
    if (e.kind) {
        fs_close(&source_fd);
        fs_close(&dir_fd);
        return command_fail(context, e, about);
    }
    fs_leave_unsynced(); /* after a power cut one packages again */
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    struct show show = {.is_terminal = isatty(2) && !option_flag(context, "json"), .percent_shown = -1};
    struct ingest_options options = {.skip_pictures = option_flag(context, "no-pictures"), .threads = (int)option_number(context, "threads"), .is_alone = true};
    struct ingest_watcher watcher = {.user = &show, .progress = show_progress, .is_cancelled = is_cancelled};
    static struct ingest_report report;
    size_t rungs = 0;
    int64_t duration_ms = 0;
    about = in;
    e = ingest_file(source_fd, dir_fd, &options, &watcher, &report);
    if (!e.kind) e = write_views(dir_fd, &duration_ms); /* playable from here on */
    if (!e.kind && option_flag(context, "ladder")) {
        e = ingest_ladder(dir_fd, &options, &watcher, &rungs);
        if (!e.kind && rungs) e = write_views(dir_fd, &duration_ms);
    }
    end_progress(&show);
    fs_close(&source_fd);
    fs_close(&dir_fd);
    if (e.kind) return command_fail(context, e, about);
    if (option_flag(context, "json")) print_json(folder, &report, duration_ms, rungs);
    else print_text(folder, &report, duration_ms, rungs);
    return EXIT_CODE_DONE;
}
