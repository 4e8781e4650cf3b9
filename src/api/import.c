/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/import.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "api/uploads_sql.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"
#include "media/cmaf/cmaf.h"

enum { PRESENTATION_BYTES_MAX = 256 << 20, ARTWORK_BYTES_MAX = 8 << 20 };

/* --- what a presentation consists of, as the catalogue keeps it: three lines of JSON --- */

static void put_track(struct json_writer *w, const char *language, const char *label) {
    json_begin_object(w);
    json_put_cstr(w, "lang", *language ? language : "und");
    json_put_cstr(w, "label", label);
    json_end(w);
}

static void tracks_put(struct buf *out, const struct cmaf_presentation *p) {
    struct json_writer w = json_writer_of(out);
    json_begin_array(&w);
    for (size_t i = 0; i < p->audio_count; i++) put_track(&w, p->audios[i].index.track.language, p->audios[i].index.track.label);
    json_end(&w);
    buf_cstr(out, "\n");
    w = json_writer_of(out);
    json_begin_array(&w);
    for (size_t i = 0; i < p->text_count; i++) put_track(&w, p->texts[i].language, p->texts[i].label);
    json_end(&w);
    buf_cstr(out, "\n");
    w = json_writer_of(out);
    json_begin_array(&w);
    for (size_t i = 0; i < p->video_count; i++) {
        uint32_t width, height;
        cmaf_track_display_size(&p->videos[i].index.track, &width, &height);
        json_add_number(&w, height);
    }
    json_end(&w);
}

static struct err tracks_load(int dir_fd, struct buf *tracks, int64_t *duration_ms) {
    struct arena *arena = arena_create(PRESENTATION_BYTES_MAX);
    if (!arena) return err_memory();
    struct cmaf_presentation p;
    struct err e = cmaf_presentation_load(dir_fd, arena, &p);
    if (!e.kind) {
        tracks_put(tracks, &p);
        *duration_ms = p.duration_ms;
        e = buf_error(tracks);
    }
    arena_destroy(&arena);
    return e;
}

/* --- the steps --- */

struct steps {
    struct importer *importer;
    const struct import_watcher *watcher;
};

static void on_progress(void *user, enum ingest_step step, double done) {
    static const char *const names[INGEST_STEPS] = {[INGEST_STEP_PROBE] = "probe", [INGEST_STEP_COPY] = "import", [INGEST_STEP_TRANSCODE] = "import",
                                                    [INGEST_STEP_PICTURES] = "thumbnails", [INGEST_STEP_LADDER] = "ladder"};
    const struct steps *s = user;
    if (s->watcher->progress) s->watcher->progress(s->watcher->user, names[step], done);
}

static bool on_cancel_question(void *user) {
    const struct steps *s = user;
    return s->watcher->should_stop && s->watcher->should_stop(s->watcher->user);
}

static void title_key(const struct public_id *title, char key[32]) { snprintf(key, 32, "titles/%s", title->text); }

/* The folder of the title is only ever put there whole, so if it is there with its record, this import has been published. */
static struct err published_report(struct importer *im, const struct public_id *title, int *dir_fd, struct ingest_report *report) {
    char key[32];
    title_key(title, key);
    struct err e = object_open_folder(im->objects, slice_cstr(key), dir_fd);
    if (!e.kind) e = ingest_report_load(*dir_fd, report);
    return e;
}

static struct err title_make_ready(struct importer *im, int64_t org_id, const struct public_id *title, int dir_fd, const struct ingest_report *report) {
    struct buf tracks = BUF(CATALOG_TRACKS_BYTES_MAX);
    struct catalog_media media = {.duration_ms = report->duration_ms, .colour = report->colour, .has_poster = report->has_poster};
    struct err e = tracks_load(dir_fd, &tracks, &media.duration_ms);
    media.tracks = buf_slice(&tracks);
    if (!e.kind) e = catalog_set_media(im->catalog, org_id, public_id_slice(title), &media);
    buf_free(&tracks);
    if (!e.kind && im->delivery) delivery_forget(im->delivery, public_id_slice(title));
    return e;
}

/* `replaces`: the title had media before, which this import is to replace. */
static struct err import_steps(struct importer *im, int64_t org_id, int source_fd, struct slice staging_name, const struct public_id *title,
                               bool replaces, const struct import_watcher *watcher) {
    struct steps steps = {im, watcher};
    struct ingest_watcher ingest = {.user = &steps, .progress = on_progress, .is_cancelled = on_cancel_question};
    struct ingest_options options = {.threads = im->threads};
    struct ingest_report report = {0};
    int dir_fd = -1;
    char key[32];
    struct err e;
    title_key(title, key);
    if (!replaces && published_report(im, title, &dir_fd, &report).kind == ERR_NONE) { /* a kill came behind the rename */
        e = title_make_ready(im, org_id, title, dir_fd, &report);
        fs_close(&dir_fd);
        return e;
    }
    fs_close(&dir_fd);

    struct object_staging *staging = NULL;
    bool existed = false;
    e = object_staging_open(im->objects, staging_name, &staging, &existed);
    if (e.kind) return e;
    e = ingest_file(source_fd, object_staging_fd(staging), &options, &ingest, &report);
    if (!e.kind && on_cancel_question(&steps)) e = err_make(ERR_CANCELLED, "media.cancelled", "The import was stopped.");
    if (!e.kind) {
        if (watcher->progress) watcher->progress(watcher->user, "publish", 1);
        e = object_staging_publish(&staging, slice_cstr(key), replaces ? OBJECT_PUBLISH_REPLACE : OBJECT_PUBLISH_NEW);
    }
    if (e.kind) {
        /* What may be tried again finds its finished tracks; what can never succeed leaves nothing. */
        bool is_given_up = e.kind == ERR_CANCELLED && watcher->is_given_up && watcher->is_given_up(watcher->user);
        if (staging && (e.kind == ERR_INPUT || is_given_up)) {
            struct err gone = object_staging_discard(&staging);
            if (gone.kind) log_warn("import", "staging stays", LOG_ERR(gone));
        }
        object_staging_close(&staging);
        return e;
    }
    e = published_report(im, title, &dir_fd, &report);
    if (!e.kind) e = title_make_ready(im, org_id, title, dir_fd, &report);
    fs_close(&dir_fd);
    return e;
}

/* A rendition stands: players that ask from now on are offered it. */
struct ladder_watch {
    struct steps steps; /* first: the callbacks above take it */
    int64_t org_id;
    const struct public_id *title;
    int dir_fd;
};

static void on_rendition(void *user, struct slice file_name) {
    struct ladder_watch *l = user;
    (void)file_name;
    struct buf tracks = BUF(CATALOG_TRACKS_BYTES_MAX);
    int64_t duration_ms;
    struct err e = tracks_load(l->dir_fd, &tracks, &duration_ms);
    if (!e.kind) e = catalog_set_tracks(l->steps.importer->catalog, l->org_id, public_id_slice(l->title), buf_slice(&tracks));
    buf_free(&tracks);
    if (l->steps.importer->delivery) delivery_forget(l->steps.importer->delivery, public_id_slice(l->title));
    if (e.kind) log_warn("import", "rendition not announced", LOG_ERR(e));
}

static struct err ladder_steps(struct importer *im, int64_t org_id, const struct public_id *title, const struct import_watcher *watcher) {
    struct ladder_watch l = {.steps = {im, watcher}, .org_id = org_id, .title = title, .dir_fd = -1};
    struct ingest_watcher ingest = {.user = &l, .progress = on_progress, .is_cancelled = on_cancel_question, .published = on_rendition};
    struct ingest_options options = {.threads = im->threads};
    char key[32];
    title_key(title, key);
    struct err e = object_open_folder(im->objects, slice_cstr(key), &l.dir_fd);
    if (e.kind) return e;
    size_t added = 0;
    e = ingest_ladder(l.dir_fd, &options, &ingest, &added);
    if (!e.kind && added) on_rendition(&l, SLICE_NONE);
    fs_close(&l.dir_fd);
    return e;
}

struct err import_now(struct importer *im, int64_t org_id, int source_fd, struct slice staging, const struct public_id *title, const struct import_watcher *watcher) {
    struct err e = import_steps(im, org_id, source_fd, staging, title, false, watcher);
    return e.kind || !im->has_ladder ? e : ladder_steps(im, org_id, title, watcher);
}

/* --- as jobs --- */

static void job_on_progress(void *user, const char *step, double done) { job_progress(user, step, done); }
static bool job_on_stop(void *user) { return job_should_stop(user); }
static bool job_on_give_up(void *user) { return job_is_cancelled(user); }

struct job_words { /* of a payload */
    json_t *json;
    struct public_id title;
    struct slice upload, path;
    bool replaces;
};

static struct err payload_read(const struct job *job, struct job_words *out) {
    struct err e = json_parse(job_payload(job), JOB_PAYLOAD_BYTES_MAX, &out->json);
    if (e.kind) return e;
    out->upload = json_get_string(out->json, "upload");
    out->path = json_get_string(out->json, "path");
    if (!json_get_bool(out->json, "replaces", &out->replaces)) out->replaces = false;
    return public_id_parse(json_get_string(out->json, "title"), &out->title) ? ERR_OK : err_make(ERR_BUG, "import.payload", "The job names no title.");
}

static struct err source_open(const struct importer *im, struct job *job, const struct job_words *words, const char **path, int *fd) {
    struct public_id id;
    if (words->upload.len && public_id_parse(words->upload, &id)) {
        struct slice name = arena_printf(job_arena(job), "%s/%s", im->uploads_path, id.text);
        *path = name.ptr;
    } else {
        *path = arena_cstr(job_arena(job), words->path);
    }
    return *path ? fs_open(AT_FDCWD, *path, O_RDONLY, 0, fd) : err_memory();
}

static struct err ladder_enqueue(struct importer *im, int64_t org_id, const struct public_id *title) {
    char payload[64];
    snprintf(payload, sizeof payload, "{\"title\":\"%s\"}", title->text);
    int64_t id;
    return job_enqueue(im->jobs, &(struct job_new){.org_id = org_id, .kind = "ladder", .subject = public_id_slice(title), .payload = slice_cstr(payload), .key = SLICE("ladder")}, &id);
}

static struct err import_run(struct job *job, void *user) {
    struct importer *im = user;
    struct job_words words = {0};
    struct import_watcher watcher = {.user = job, .progress = job_on_progress, .should_stop = job_on_stop, .is_given_up = job_on_give_up};
    const char *path = NULL;
    int fd = -1;
    char staging[24];
    snprintf(staging, sizeof staging, "%lld", (long long)job_id(job));
    struct err e = payload_read(job, &words);
    /* The checkpoint says that the import itself is done: then the source may be gone already. */
    bool is_done = job_checkpoint(job).len > 0;
    if (!e.kind && !is_done) e = source_open(im, job, &words, &path, &fd);
    if (!e.kind && !is_done) e = import_steps(im, job_org_id(job), fd, slice_cstr(staging), &words.title, words.replaces, &watcher);
    if (!e.kind && !is_done) e = job_save_checkpoint(job, SLICE("published"));
    if (!e.kind && words.upload.len && path && unlink(path) != 0) log_warn("import", "upload stays", LOG_SLICE("upload", words.upload));
    if (!e.kind && im->has_ladder) e = ladder_enqueue(im, job_org_id(job), &words.title);
    fs_close(&fd);
    if (words.json) json_decref(words.json);
    return e;
}

static struct err ladder_run(struct job *job, void *user) {
    struct job_words words = {0};
    struct import_watcher watcher = {.user = job, .progress = job_on_progress, .should_stop = job_on_stop};
    struct err e = payload_read(job, &words);
    if (!e.kind) e = ladder_steps(user, job_org_id(job), &words.title, &watcher);
    if (words.json) json_decref(words.json);
    return e;
}

void import_kinds(struct importer *im, struct job_kind out[IMPORT_KIND_COUNT]) {
    out[0] = (struct job_kind){.name = "import", .run = import_run, .user = im};
    out[1] = (struct job_kind){.name = "ladder", .run = ladder_run, .user = im};
}

static struct err import_add(struct importer *im, struct db_tx *tx, int64_t org_id, const struct import_source *source, const struct public_id *title,
                      bool replaces, int64_t *job_id) {
    struct buf payload = BUF(JOB_PAYLOAD_BYTES_MAX);
    struct json_writer w = json_writer_of(&payload);
    json_begin_object(&w);
    json_put_cstr(&w, "title", title->text);
    json_put_string(&w, "upload", source->upload);
    json_put_string(&w, "path", source->path);
    json_put_bool(&w, "replaces", replaces);
    json_end(&w);
    struct err e = buf_error(&payload);
    if (!e.kind) e = job_add(im->jobs, tx, &(struct job_new){.org_id = org_id, .kind = "import", .subject = public_id_slice(title), .key = source->upload, .payload = buf_slice(&payload)}, job_id);
    buf_free(&payload);
    /* From here the file is the job's; without its row no second import can take it. */
    if (!e.kind && source->upload.len) e = DB_RUN(tx, &upload_remove, DB_INT("org_id", org_id), DB_TEXT("public_id", source->upload));
    return e;
}

struct new_title {
    struct importer *im;
    int64_t org_id, id, job_id;
    struct public_id public_id;
    const struct import_source *source;
    const struct catalog_change *change;
};

static struct err new_title_fn(struct db_tx *tx, void *arg) {
    struct new_title *n = arg;
    struct err e = catalog_create_in(tx, n->org_id, n->id, &n->public_id, n->change, CATALOG_IMPORTING);
    if (!e.kind && !n->change->is_without_rights) e = rights_house_line_in(n->im->rights, tx, n->org_id, n->id);
    return e.kind ? e : import_add(n->im, tx, n->org_id, n->source, &n->public_id, false, &n->job_id);
}

struct err import_new_title(struct importer *im, int64_t org_id, const struct import_source *source, const struct catalog_change *change,
                            struct public_id *title, int64_t *job_id) {
    struct new_title n = {.im = im, .org_id = org_id, .id = id_next(im->ids), .public_id = public_id_random(), .source = source, .change = change};
    struct err e = db_write(im->db, new_title_fn, &n);
    if (e.kind) return e;
    job_runner_wake(im->jobs);
    e = catalog_refresh(im->catalog, org_id, public_id_slice(&n.public_id));
    if (!e.kind) e = rights_refresh(im->rights);
    *title = n.public_id;
    *job_id = n.job_id;
    return e;
}

static struct err again_fn(struct db_tx *tx, void *arg) {
    struct new_title *n = arg;
    return import_add(n->im, tx, n->org_id, n->source, &n->public_id, true, &n->job_id);
}

struct err import_again(struct importer *im, int64_t org_id, const struct import_source *source, const struct public_id *title, int64_t *job_id) {
    struct new_title n = {.im = im, .org_id = org_id, .public_id = *title, .source = source};
    struct err e = db_write(im->db, again_fn, &n);
    if (e.kind) return e;
    job_runner_wake(im->jobs);
    *job_id = n.job_id;
    return ERR_OK;
}

/* --- artwork, removal, names --- */

/* "poster", "portrait", or "poster-de" with its language. */
static bool artwork_kind(struct slice kind, bool *is_portrait, int *lang) {
    *is_portrait = slice_eq(kind, SLICE("portrait"));
    *lang = -1;
    for (int i = 0; i < TEXT_LANGUAGE_COUNT && slice_starts_with(kind, SLICE("poster-")); i++)
        if (slice_eq(slice_sub(kind, 7, kind.len), text_languages[i].code)) *lang = i;
    return *is_portrait || *lang >= 0 || slice_eq(kind, SLICE("poster"));
}
static struct err artwork_set(struct importer *im, int64_t org_id, struct slice title, bool is_portrait, int lang, bool has_it) {
    if (is_portrait) return catalog_set_portrait(im->catalog, org_id, title, has_it);
    return lang >= 0 ? catalog_set_poster_in(im->catalog, org_id, title, lang, has_it) : catalog_set_poster(im->catalog, org_id, title, has_it);
}

struct err import_artwork(struct importer *im, int64_t org_id, const struct public_id *title, struct slice kind, struct slice jpeg) {
    bool is_portrait;
    int lang;
    if (!artwork_kind(kind, &is_portrait, &lang)) return err_make(ERR_INPUT, "art.kind", "Artwork is a poster, a portrait, or a poster in one of our languages.");
    if (jpeg.len > ARTWORK_BYTES_MAX || !slice_starts_with(jpeg, SLICE("\xff\xd8\xff"))) return err_make(ERR_INPUT, "art.image", "Artwork is a JPEG file of at most 8 MB.");
    char key[64];
    snprintf(key, sizeof key, "art/%s/%.*s.jpg", title->text, SLICE_ARG(kind));
    struct err e = object_put(im->objects, slice_cstr(key), jpeg);
    return e.kind ? e : artwork_set(im, org_id, public_id_slice(title), is_portrait, lang, true);
}

struct err import_artwork_remove(struct importer *im, int64_t org_id, const struct public_id *title, struct slice kind) {
    bool is_portrait, has_frame = false;
    int lang;
    if (!artwork_kind(kind, &is_portrait, &lang)) return err_make(ERR_INPUT, "art.kind", "Artwork is a poster, a portrait, or a poster in one of our languages.");
    char key[64];
    snprintf(key, sizeof key, "titles/%s/poster.jpg", title->text);
    struct object *frame = NULL;
    if (!is_portrait && lang < 0) has_frame = object_open(im->objects, slice_cstr(key), &frame).kind == ERR_NONE; /* that of the import is back */
    object_close(&frame);
    struct err e = artwork_set(im, org_id, public_id_slice(title), is_portrait, lang, has_frame);
    snprintf(key, sizeof key, "art/%s/%.*s.jpg", title->text, SLICE_ARG(kind));
    if (!e.kind) e = object_delete(im->objects, slice_cstr(key));
    return e.kind == ERR_NOT_FOUND ? ERR_OK : e;
}

struct err import_remove_title(struct importer *im, int64_t org_id, struct slice title) {
    struct err e = catalog_remove(im->catalog, org_id, title);
    if (e.kind) return e;
    struct public_id id;
    if (!public_id_parse(title, &id)) return ERR_OK; /* then it was not found */
    static const char *const folders[] = {"titles", "art"};
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(folders); i++) {
        char key[32];
        snprintf(key, sizeof key, "%s/%s", folders[i], id.text);
        e = object_delete(im->objects, slice_cstr(key));
    }
    if (im->delivery) delivery_forget(im->delivery, title);
    return e;
}

struct slice import_name_from_file(struct arena *arena, struct slice file) {
    for (size_t i = file.len; i-- > 0;)
        if (file.ptr[i] == '/' || file.ptr[i] == '\\') {
            file = slice_sub(file, i + 1, file.len);
            break;
        }
    size_t end = file.len;
    for (size_t i = file.len; i-- > 1 && end == file.len;)
        if (file.ptr[i] == '.') end = i;
    struct slice name = slice_sub(file, 0, end);
    char *text = arena_cstr(arena, name);
    if (!text) return SLICE_NONE;
    for (char *p = text; *p; p++)
        if (*p == '_') *p = ' ';
    name = slice_trim(slice_cstr(text));
    return utf8_is_display_text(name, CATALOG_NAME_MAX) ? name : SLICE("Untitled");
}
