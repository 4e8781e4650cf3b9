/* SPDX-License-Identifier: AGPL-3.0-or-later
 * A folder of pages. Its names are read once, at open; a request is looked up among them and touches no folder, so there is
 * no path to traverse. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "system/http/core.h"

enum { FILES_MAX = 4096, DEPTH_MAX = 16, PATH_BYTES_MAX = 1024, KEPT_BYTES_MAX = 256 * 1024 };

struct page {
    char *path;
    struct http_file *file, *gzip, *brotli;
    char *bytes; /* of small ones */
    size_t len;
    bool is_immutable;
};
struct http_static {
    struct page *pages; /* sorted by path */
    size_t count, capacity;
    struct slice immutable_prefix;
    char *prefix_text;
};

static int page_compare(const void *a, const void *b) { return strcmp(((const struct page *)a)->path, ((const struct page *)b)->path); }

static struct page *find(const struct http_static *s, struct slice path) {
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(slice_cstr(s->pages[middle].path), path);
        if (!order) return &s->pages[middle];
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

static struct err page_add(struct http_static *s, int dir_fd, const char *name, const char *path) {
    if (s->count == FILES_MAX) return err_make(ERR_LIMIT, "http.static_many", "The folder of pages has more than 4,096 files.");
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 64;
        struct page *room = mem_realloc_array(s->pages, capacity, sizeof *room);
        if (!room) return err_memory();
        s->pages = room;
        s->capacity = capacity;
    }
    struct page p = {.path = mem_strdup(path)};
    if (!p.path) return err_memory();
    struct err e = http_file_open(&p.file, dir_fd, name);
    if (e.kind) {
        mem_free(p.path);
        return e;
    }
    p.is_immutable = s->immutable_prefix.len && slice_starts_with(slice_cstr(path), s->immutable_prefix);
    s->pages[s->count++] = p;
    return ERR_OK;
}

static struct err folder_add(struct http_static *s, int fd, const char *prefix, int depth) {
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return err_from_errno(errno, "http.static", "The folder of pages cannot be read.");
    }
    struct err e = depth > DEPTH_MAX ? err_make(ERR_LIMIT, "http.static_deep", "The folder of pages is nested too deeply.") : ERR_OK;
    for (struct dirent *entry; !e.kind && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.') continue;
        char path[PATH_BYTES_MAX];
        struct buf text = {.ptr = path, .capacity = sizeof path, .bytes_max = sizeof path};
        buf_printf(&text, "%s%s", prefix, entry->d_name);
        buf_u8(&text, 0);
        struct stat st;
        e = buf_error(&text);
        if (!e.kind && fstatat(fd, entry->d_name, &st, 0)) e = err_from_errno(errno, "http.static", "A file of the folder of pages cannot be looked at.");
        if (e.kind) break;
        if (S_ISREG(st.st_mode)) {
            e = page_add(s, fd, entry->d_name, path);
        } else if (S_ISDIR(st.st_mode)) {
            int below;
            e = fs_open(fd, entry->d_name, O_RDONLY | O_DIRECTORY, 0, &below);
            path[text.len - 1] = '/';
            if (text.len < sizeof path) path[text.len] = 0;
            else if (!e.kind) {
                close(below);
                e = err_make(ERR_LIMIT, "http.static_long", "A path in the folder of pages is too long.");
            }
            if (!e.kind) e = folder_add(s, below, path, depth + 1);
        }
    }
    closedir(dir);
    return e;
}

/* FILE.gz and FILE.br become forms of FILE. They stay reachable under their own names too. */
static void variants_link(struct http_static *s) {
    for (size_t i = 0; i < s->count; i++) {
        struct slice path = slice_cstr(s->pages[i].path);
        bool is_gzip = slice_ends_with(path, SLICE(".gz")), is_brotli = slice_ends_with(path, SLICE(".br"));
        if (!is_gzip && !is_brotli) continue;
        struct page *of = find(s, slice_sub(path, 0, path.len - 3));
        if (of) *(is_gzip ? &of->gzip : &of->brotli) = s->pages[i].file;
    }
}

static struct err bytes_load(struct page *p) {
    uint64_t len = http_file_bytes(p->file);
    if (len >= KEPT_BYTES_MAX) return ERR_OK;
    p->bytes = mem_alloc((size_t)len);
    if (!p->bytes) return err_memory();
    p->len = (size_t)len;
    return fs_pread_all(http_file_fd(p->file), p->bytes, p->len, 0);
}

struct err http_static_open(struct http_static **out, const char *folder, const struct http_static_options *options) {
    struct http_static *s = mem_zalloc(sizeof *s);
    if (!s) return err_memory();
    struct err e = ERR_OK;
    if (options && options->immutable_prefix.len) {
        s->prefix_text = mem_strndup(options->immutable_prefix.ptr, options->immutable_prefix.len);
        s->immutable_prefix = slice_cstr(s->prefix_text);
        if (!s->prefix_text) e = err_memory();
    }
    int fd;
    if (!e.kind) e = fs_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0, &fd);
    if (!e.kind) e = folder_add(s, fd, "", 0);
    if (!e.kind && s->count) {
        qsort(s->pages, s->count, sizeof *s->pages, page_compare);
        variants_link(s);
    }
    for (size_t i = 0; i < s->count && !e.kind; i++) e = bytes_load(&s->pages[i]);
    if (e.kind) {
        http_static_close(&s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

void http_static_close(struct http_static **address) {
    struct http_static *s = *address;
    if (!s) return;
    *address = NULL;
    for (size_t i = 0; i < s->count; i++) {
        mem_free(s->pages[i].path);
        mem_free(s->pages[i].bytes);
        http_file_release(&s->pages[i].file);
    }
    mem_free(s->pages);
    mem_free(s->prefix_text);
    mem_free(s);
}

/* Does Accept-Encoding allow this coding, with a weight above zero? (RFC 9110 section 12.5.3) */
static bool accepts(struct slice list, struct slice coding) {
    struct slice rest = list, item;
    if (!list.ptr) return false;
    while (slice_next(&rest, ',', &item)) {
        size_t semicolon = slice_find_byte(item, ';');
        struct slice name = slice_trim(slice_sub(item, 0, semicolon == SLICE_NPOS ? item.len : semicolon));
        if (!slice_eq_nocase(name, coding)) continue;
        struct slice weight = semicolon == SLICE_NPOS ? SLICE_NONE : slice_trim(slice_sub(item, semicolon + 1, item.len));
        if (!slice_starts_with(weight, SLICE("q=0"))) return true;
        for (size_t i = 3; i < weight.len; i++)
            if (weight.ptr[i] >= '1' && weight.ptr[i] <= '9') return true;
        return false;
    }
    return false;
}

bool http_static_respond(struct http_static *s, struct http_request *rq, struct slice path) {
    const struct page *p = find(s, path);
    if (!p) return false;
    struct slice list = request_known(rq, FIELD_ACCEPT_ENCODING);
    struct http_file *file = p->file;
    struct http_field fields[2];
    size_t count = 0;
    if (p->brotli || p->gzip) fields[count++] = (struct http_field){SLICE("vary"), SLICE("accept-encoding")};
    if (p->brotli && accepts(list, SLICE("br"))) {
        file = p->brotli;
        fields[count++] = (struct http_field){SLICE("content-encoding"), SLICE("br")};
    } else if (p->gzip && accepts(list, SLICE("gzip"))) {
        file = p->gzip;
        fields[count++] = (struct http_field){SLICE("content-encoding"), SLICE("gzip")};
    }
    struct http_response r = {
        .content_type = http_content_type(path),
        .cache_control = p->is_immutable ? SLICE("public, max-age=31536000, immutable") : SLICE("no-cache"),
        .etag = http_file_etag(file),
        .modified = http_file_modified(file),
        .has_ranges = file == p->file,
        .fields = fields,
        .field_count = count,
        .body = http_body_file(file),
    };
    http_respond(rq, &r);
    return true;
}

bool http_static_bytes(const struct http_static *s, struct slice path, struct slice *out) {
    const struct page *p = find(s, path);
    if (!p || !p->bytes) return false;
    *out = slice_of(p->bytes, p->len);
    return true;
}
