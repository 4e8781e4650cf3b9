/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/live/library.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/fs.h"
#include "base/mem.h"

enum { MISSING_MAX = 1 << 16, LOG_BYTES_MAX = 256 << 20 };

/* ---- one hour ---- */

/* The segment that is being put together from its parts. */
struct gathered {
    struct manifest_segment segment;
    uint32_t hour;
    uint64_t offset;
    unsigned parts;
    bool is_begun;
};

static struct err add_segment(struct ring *ring, const struct manifest_segment *s, uint32_t hour, uint64_t offset) {
    struct manifest_segment open = *s;
    open.flags |= MANIFEST_OPEN;
    struct err e = ring_open(ring, &open, hour);
    if (e.kind) return e;
    struct manifest_segment *last = ring_last(ring);
    last->bytes = s->bytes;
    ring_close(ring, s->duration);
    ring_recorded(ring, s->number, offset, s->bytes);
    if (s->flags & MANIFEST_GAP) ring_hole(ring, s->number);
    return ERR_OK;
}

/* Numbers that nothing was recorded of. */
static struct err add_missing(struct ring *ring, const struct manifest_segment *next, uint32_t timescale, uint32_t hour) {
    while (ring->count && ring_last(ring)->number + 1 < next->number) {
        const struct manifest_segment *last = ring_last(ring);
        struct manifest_segment gap = {.number = last->number + 1, .start = last->start + last->duration, .utc_ns = last->utc_ns + 2 * NS_PER_S, .run = last->run,
                                       .init = last->init, .flags = MANIFEST_GAP, .duration = 2 * timescale};
        if (gap.start + gap.duration > next->start) gap.duration = next->start > gap.start ? (uint32_t)(next->start - gap.start) : 1;
        struct err e = add_segment(ring, &gap, hour, 0);
        if (e.kind) return e;
    }
    return ERR_OK;
}

static struct err finish_segment(struct ring *ring, struct gathered *g, uint32_t timescale) {
    if (!g->is_begun) return ERR_OK;
    g->is_begun = false;
    struct err e = add_missing(ring, &g->segment, timescale, g->hour);
    return e.kind ? e : add_segment(ring, &g->segment, g->hour, g->offset);
}

static bool goes_on(const struct ring *ring, const struct gathered *g, const struct journal_record *r) {
    uint64_t newest = 0;
    if (g->is_begun) newest = g->segment.number;
    else if (ring->count) newest = ring->segments[ring->first + ring->count - 1].number;
    else return true;
    return r->number > newest && r->number - newest <= MISSING_MAX;
}

static void begin_segment(struct gathered *g, const struct journal_record *r, uint32_t hour) {
    *g = (struct gathered){.is_begun = true, .hour = hour, .offset = r->offset};
    g->segment = (struct manifest_segment){.number = r->number, .start = r->start, .utc_ns = r->utc_ns, .run = r->run, .init = r->init,
                                           .flags = r->flags & JOURNAL_SYNC ? MANIFEST_SYNC : 0, .key_bytes = r->first_bytes};
}

static bool add_part(struct gathered *g, const struct journal_record *r) {
    if (!g->is_begun || r->number != g->segment.number || r->part != g->parts || r->offset != g->offset + g->segment.bytes) return false;
    if (r->start < g->segment.start || r->start - g->segment.start > INT32_MAX - (int64_t)r->duration || g->segment.bytes > UINT32_MAX - r->bytes) return false;
    g->segment.bytes += r->bytes;
    g->segment.duration = (uint32_t)(r->start + r->duration - g->segment.start);
    g->parts++;
    return true;
}

struct err library_read_hour(struct slice index, uint64_t media_bytes, struct ring *ring, struct journal_head *head, uint64_t *good_index, uint64_t *good_media) {
    struct journal_head h;
    struct err e = journal_read_head(index, &h);
    if (e.kind) return e;
    size_t at = JOURNAL_RECORD_BYTES, good = at;
    uint64_t media = 0;
    struct gathered g = {0};
    struct journal_record r;
    while (!e.kind && journal_next(index, &at, &r)) {
        if (r.type == JOURNAL_PART) {
            if (r.offset + r.bytes > media_bytes) break; /* the index has come further than the bytes */
            if (r.part == 0) {
                if (!goes_on(ring, &g, &r)) break;
                if (g.is_begun && g.segment.run == r.run) g.segment.flags |= MANIFEST_GAP; /* broken off inside a run */
                e = finish_segment(ring, &g, h.timescale);
                if (!e.kind) begin_segment(&g, &r, h.hour);
            }
            if (!e.kind && !add_part(&g, &r)) break;
            if (!e.kind && r.offset + r.bytes > media) media = r.offset + r.bytes;
        } else {
            bool is_its = g.is_begun && g.segment.number == r.number;
            if (!is_its && !goes_on(ring, &g, &r)) break;
            if (!is_its) {
                if (g.is_begun && g.segment.run == r.run) g.segment.flags |= MANIFEST_GAP;
                e = finish_segment(ring, &g, h.timescale);
                if (!e.kind) begin_segment(&g, &r, h.hour);
                g.segment.flags = MANIFEST_GAP; /* an end without its parts */
            }
            if (r.flags & JOURNAL_GAP || r.part != g.parts || r.bytes != g.segment.bytes) g.segment.flags |= MANIFEST_GAP;
            g.segment.duration = r.duration;
            if (!e.kind) e = finish_segment(ring, &g, h.timescale);
        }
        if (!e.kind) good = at;
    }
    if (!e.kind) e = finish_segment(ring, &g, h.timescale);
    if (e.kind) return e;
    *head = h;
    *good_index = good;
    *good_media = media;
    return ERR_OK;
}

/* ---- what is really there ---- */

/* How much of the index may be believed: the last parts are compared with their sums, from the newest back; what does not fit is cut away, with all behind it. */
static struct err check_tail(int media_fd, uint64_t media_bytes, struct slice index, size_t *believed) {
    char *bytes = NULL;
    struct err e = ERR_OK;
    size_t end = JOURNAL_RECORD_BYTES, at = end;
    struct journal_record r;
    while (journal_next(index, &at, &r)) end = at;
    *believed = end;
    uint64_t checked = 0;
    for (at = end; at > JOURNAL_RECORD_BYTES && checked < LIBRARY_CHECK_BYTES && !e.kind; at -= JOURNAL_RECORD_BYTES) {
        size_t from = at - JOURNAL_RECORD_BYTES;
        (void)journal_next(index, &from, &r);
        if (r.type != JOURNAL_PART) continue;
        bool is_good = r.offset + r.bytes <= media_bytes;
        if (is_good) {
            char *grown = mem_realloc(bytes, r.bytes);
            if (!grown) e = err_memory();
            else bytes = grown, e = fs_pread_all(media_fd, bytes, r.bytes, r.offset);
            is_good = !e.kind && crc32c(0, bytes, r.bytes) == r.sum;
        }
        if (!is_good && !e.kind) *believed = at - JOURNAL_RECORD_BYTES, checked = 0; /* then the one before it must prove itself */
        else checked += r.bytes;
    }
    mem_free(bytes);
    return e;
}

/* ---- the folder ---- */

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* The hours of a rendition for which there is an index, by number. */
static struct err list_hours(int dir_fd, const char *name, uint32_t **hours, size_t *count) {
    int fd = -1;
    struct err e = fs_open(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, &fd);
    if (e.kind) return e;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        fs_close(&fd);
        return err_memory();
    }
    size_t capacity = 0;
    *hours = NULL;
    *count = 0;
    for (const struct dirent *entry; !e.kind && (entry = readdir(dir));) {
        struct slice s = slice_cstr(entry->d_name), stem = slice_cstr(name);
        uint64_t hour;
        if (!slice_starts_with(s, stem) || !slice_starts_with(slice_sub(s, stem.len, s.len), SLICE("-h")) || !slice_ends_with(s, SLICE(".idx"))) continue;
        if (s.len < stem.len + 7 || !slice_to_u64(slice_sub(s, stem.len + 2, s.len - 4), &hour) || hour > UINT32_MAX) continue;
        if (*count == LIBRARY_HOURS_MAX) e = err_make(ERR_LIMIT, "live.long", "A recording has more files than are allowed.");
        if (!e.kind && *count == capacity) {
            uint32_t *grown = mem_realloc_array(*hours, capacity = capacity ? capacity * 2 : 16, sizeof *grown);
            if (!grown) e = err_memory();
            else *hours = grown;
        }
        if (!e.kind) (*hours)[(*count)++] = (uint32_t)hour;
    }
    closedir(dir);
    if (e.kind) MEM_FREE(hours);
    else if (*count) qsort(*hours, *count, sizeof **hours, by_number);
    return e;
}

static struct err keep_hour(struct library_rendition *r, uint32_t hour, struct http_file *file) {
    if (r->hour_count == r->hour_capacity) {
        size_t capacity = r->hour_capacity ? r->hour_capacity * 2 : 4;
        struct library_hour *grown = mem_realloc_array(r->hours, capacity, sizeof *grown);
        if (!grown) return err_memory();
        r->hours = grown;
        r->hour_capacity = capacity;
    }
    r->hours[r->hour_count++] = (struct library_hour){hour, file};
    return ERR_OK;
}

static struct err read_hour(int dir_fd, const struct story_rendition *story, struct library_rendition *r, uint32_t hour, bool is_newest) {
    char name[LIVE_FILE_NAME_MAX];
    struct buf index = BUF(LIBRARY_INDEX_BYTES_MAX);
    struct http_file *file = NULL;
    (void)snprintf(name, sizeof name, "%s-h%u.idx", story->name, hour);
    struct err e = fs_read_file(dir_fd, name, &index);
    (void)snprintf(name, sizeof name, "%s-h%u.m4s", story->name, hour);
    if (!e.kind) e = http_file_open(&file, dir_fd, name);
    bool is_missing = e.kind == ERR_NOT_FOUND;
    struct journal_head head = {0};
    size_t believed = index.len;
    uint64_t good_index = 0, good_media = 0;
    /* A head that was never written whole: the machine stopped in that moment, and nothing was in the file yet. */
    if (!e.kind && index.len >= JOURNAL_RECORD_BYTES) {
        if (is_newest) e = check_tail(http_file_fd(file), http_file_bytes(file), buf_slice(&index), &believed);
        if (!e.kind) e = library_read_hour(slice_sub(buf_slice(&index), 0, believed), http_file_bytes(file), &r->ring, &head, &good_index, &good_media);
        if (!e.kind && (head.timescale != story->timescale || head.hour != hour)) e = err_make(ERR_INPUT, "live.index", "An index of this recording belongs to another file.");
    } else if (!e.kind) {
        head = (struct journal_head){.hour = hour, .timescale = story->timescale};
        memcpy(head.name, story->name, sizeof head.name);
    }
    buf_free(&index);
    if (!e.kind) e = keep_hour(r, hour, file);
    if (e.kind) {
        http_file_release(&file);
        return is_missing || e.kind == ERR_INPUT ? ERR_OK : e; /* that hour is lost, the others are not */
    }
    r->newest = head;
    r->index_bytes = good_index;
    r->media_bytes = good_media;
    r->has_newest = true;
    r->bytes += good_media;
    return ERR_OK;
}

static struct err read_rendition(int dir_fd, const struct story_rendition *story, struct library_rendition *r) {
    uint32_t *hours = NULL;
    size_t count = 0;
    struct err e = list_hours(dir_fd, story->name, &hours, &count);
    for (size_t i = 0; !e.kind && i < count; i++) e = read_hour(dir_fd, story, r, hours[i], i + 1 == count);
    mem_free(hours);
    return e;
}

struct err library_read(int dir_fd, struct library *out) {
    struct library l = {0};
    struct buf log = BUF(LOG_BYTES_MAX);
    size_t good = 0;
    struct err e = fs_read_file(dir_fd, "live.idx", &log);
    if (!e.kind) e = story_read(&l.story, buf_slice(&log), &good);
    l.log_bytes = good;
    buf_free(&log);
    for (size_t i = 0; !e.kind && i < l.story.rendition_count; i++) e = read_rendition(dir_fd, &l.story.renditions[i], &l.renditions[i]);
    if (e.kind) library_free(&l);
    else *out = l;
    return e;
}

void library_free(struct library *l) {
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++) {
        struct library_rendition *r = &l->renditions[i];
        ring_free(&r->ring);
        for (size_t k = 0; k < r->hour_count; k++) http_file_release(&r->hours[k].file);
        mem_free(r->hours);
    }
    story_free(&l->story);
    *l = (struct library){0};
}

struct http_file *library_file(const struct library_rendition *r, uint32_t hour) {
    for (size_t i = 0; i < r->hour_count; i++)
        if (r->hours[i].hour == hour) return r->hours[i].file;
    return NULL;
}
