/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "system/geo/geo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

enum { COPY_BYTES = 1 << 20, FILE_BYTES_MAX = 1 << 30 };

/* One opened file. Those who look in it hold a reference, so that a newer one can take its place meanwhile. */
struct book {
    MMDB_s db;
    _Atomic uint32_t references;
};

struct stamp { /* of a file: has it changed? */
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec modified;
};

struct geo {
    char *path; /* NULL: none */
    struct lock lock; /* of `book`, the pointer */
    struct book *book;
    struct stamp seen; /* of the newest file that was tried; geo_tick alone */
};

static bool is_upper_letter(char c) { return c >= 'A' && c <= 'Z'; }
static char upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 32) : c; }

bool geo_place_parse(struct slice text, struct geo_place *out) {
    struct geo_place place = {0};
    if (text.len < GEO_COUNTRY_LEN || text.len > GEO_AREA_MAX) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = upper(text.ptr[i]);
        bool fits = i < GEO_COUNTRY_LEN ? is_upper_letter(c) : i == GEO_COUNTRY_LEN ? c == '-' : is_upper_letter(c) || (c >= '0' && c <= '9');
        if (!fits) return false;
        if (i < GEO_COUNTRY_LEN) place.country[i] = c;
        place.area[i] = c;
    }
    if (text.len == GEO_COUNTRY_LEN) place.area[0] = 0;
    else if (text.len < GEO_COUNTRY_LEN + 2) return false; /* "DE-" */
    *out = place;
    return true;
}

bool geo_is_eu(const char *country) {
    static const char members[] = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK ";
    if (!country[0]) return false;
    for (const char *at = members; *at; at += 3)
        if (at[0] == country[0] && at[1] == country[1]) return true;
    return false;
}

/* --- the file --- */

static struct err damaged(void) {
    return err_make(ERR_INPUT, "geo.file", "This is no MaxMind DB file, or it is damaged. Download it again; the format is the one with the ending .mmdb.");
}

/* The library maps the file. A copy of our own is what it gets, since a file that somebody writes over in place, instead of
 * renaming a new one there, would end the program with SIGBUS. */
static struct err copy_into(int from, int to, uint64_t bytes) {
    char *piece = mem_alloc(COPY_BYTES);
    if (!piece) return err_memory();
    struct err e = ERR_OK;
    for (uint64_t at = 0; !e.kind && at < bytes;) {
        size_t step = bytes - at < COPY_BYTES ? (size_t)(bytes - at) : COPY_BYTES;
        e = fs_pread_all(from, piece, step, at);
        if (!e.kind) e = fs_write_all(to, slice_of(piece, step));
        at += step;
    }
    mem_free(piece);
    return e.kind == ERR_INPUT ? damaged() : e; /* it became shorter meanwhile */
}

static struct err book_open(const char *path, struct stamp *stamp, struct book **out) {
    int file = -1, copy = -1;
    struct stat about;
    struct err e = fs_open(AT_FDCWD, path, O_RDONLY, 0, &file);
    if (!e.kind && fstat(file, &about) != 0) e = err_from_errno(errno, "geo.file", "The file of countries cannot be read.");
    if (!e.kind) *stamp = (struct stamp){about.st_dev, about.st_ino, about.st_size, about.st_mtim};
    if (!e.kind && (!S_ISREG(about.st_mode) || about.st_size == 0 || about.st_size > FILE_BYTES_MAX)) e = damaged();
    if (!e.kind && (copy = memfd_create("geo", MFD_CLOEXEC)) < 0) e = err_from_errno(errno, "geo.memory", "There is no memory for the file of countries.");
    if (!e.kind) e = copy_into(file, copy, (uint64_t)about.st_size);
    fs_close(&file);
    struct book *book = e.kind ? NULL : mem_zalloc(sizeof *book);
    if (!e.kind && !book) e = err_memory();
    if (!e.kind) {
        char name[64];
        snprintf(name, sizeof name, "/proc/self/fd/%d", copy);
        int status = MMDB_open(name, MMDB_MODE_MMAP, &book->db); /* the mapping outlives the descriptor */
        if (status == MMDB_OUT_OF_MEMORY_ERROR) e = err_memory();
        else if (status != MMDB_SUCCESS) e = damaged();
    }
    fs_close(&copy);
    if (e.kind) {
        mem_free(book);
        return e;
    }
    atomic_init(&book->references, 1);
    *out = book;
    return ERR_OK;
}

static void book_give(struct book *book) {
    if (!book || atomic_fetch_sub_explicit(&book->references, 1, memory_order_acq_rel) > 1) return;
    MMDB_close(&book->db);
    mem_free(book);
}

struct err geo_open(struct geo **out, const char *path) {
    struct geo *geo = mem_zalloc(sizeof *geo);
    if (!geo) return err_memory();
    lock_init(&geo->lock, LOCK_geo);
    struct err e = ERR_OK;
    if (path && !(geo->path = mem_strdup(path))) e = err_memory();
    if (!e.kind && path) e = book_open(path, &geo->seen, &geo->book);
    if (e.kind) geo_close(&geo);
    else *out = geo;
    return e;
}

void geo_close(struct geo **geo_at) {
    struct geo *geo = *geo_at;
    if (!geo) return;
    book_give(geo->book);
    lock_destroy(&geo->lock);
    mem_free(geo->path);
    MEM_FREE(geo_at);
}

void geo_tick(struct geo *geo) {
    struct stat about;
    if (!geo->path || stat(geo->path, &about) != 0) return; /* gone for a moment, or for good: the old one goes on */
    if (about.st_dev == geo->seen.device && about.st_ino == geo->seen.inode && about.st_size == geo->seen.bytes &&
        about.st_mtim.tv_sec == geo->seen.modified.tv_sec && about.st_mtim.tv_nsec == geo->seen.modified.tv_nsec)
        return;
    geo->seen = (struct stamp){about.st_dev, about.st_ino, about.st_size, about.st_mtim};
    struct book *fresh = NULL;
    struct err e = book_open(geo->path, &geo->seen, &fresh);
    if (e.kind) {
        log_warn("geo", "new file not taken", LOG_TEXT("path", geo->path), LOG_ERR(e));
        return;
    }
    lock_take(&geo->lock);
    struct book *old = geo->book;
    geo->book = fresh;
    lock_give(&geo->lock);
    book_give(old);
    log_info("geo", "new file taken", LOG_TEXT("path", geo->path));
}

/* --- looking up --- */

static bool address_parse(struct slice text, struct sockaddr_storage *out) {
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof copy) return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    *out = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, copy, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        return true;
    }
    if (inet_pton(AF_INET6, copy, &v6->sin6_addr) != 1) return false;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        uint8_t bytes[4];
        memcpy(bytes, v6->sin6_addr.s6_addr + 12, 4);
        *out = (struct sockaddr_storage){0};
        memcpy(&v4->sin_addr, bytes, 4);
        v4->sin_family = AF_INET;
        return true;
    }
    v6->sin6_family = AF_INET6;
    return true;
}

/* Text of the record at this path; empty: it has none there, or the file is damaged there. */
static struct slice text_at(MMDB_entry_s *entry, const char *const *path) {
    MMDB_entry_data_s data;
    if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING) return SLICE_NONE;
    return slice_of(data.utf8_string, data.data_size);
}

static bool place_read(MMDB_entry_s *entry, struct geo_place *out) {
    static const char *const country_path[] = {"country", "iso_code", NULL}, *const area_path[] = {"subdivisions", "0", "iso_code", NULL};
    struct slice country = text_at(entry, country_path), area = text_at(entry, area_path);
    char text[GEO_AREA_MAX + 1];
    if (country.len != GEO_COUNTRY_LEN || !geo_place_parse(country, out)) return false;
    if (area.len == 0 || area.len > GEO_AREA_MAX - GEO_COUNTRY_LEN - 1) return true;
    int len = snprintf(text, sizeof text, "%s-%.*s", out->country, SLICE_ARG(area));
    struct geo_place with_area;
    if (geo_place_parse(slice_of(text, (size_t)len), &with_area)) *out = with_area;
    return true;
}

bool geo_find(struct geo *geo, struct slice address, struct geo_place *out) {
    struct sockaddr_storage at;
    *out = (struct geo_place){0};
    if (!geo->path || !address_parse(address, &at)) return false;
    lock_take(&geo->lock);
    struct book *book = geo->book;
    atomic_fetch_add_explicit(&book->references, 1, memory_order_relaxed);
    lock_give(&geo->lock);
    int status = MMDB_SUCCESS;
    bool is_found = false;
    /* A file of IPv4 alone knows nothing of the others. */
    if (at.ss_family == AF_INET || book->db.metadata.ip_version == 6) {
        MMDB_lookup_result_s result = MMDB_lookup_sockaddr(&book->db, (const struct sockaddr *)&at, &status);
        is_found = status == MMDB_SUCCESS && result.found_entry && place_read(&result.entry, out);
    }
    book_give(book);
    return is_found;
}
