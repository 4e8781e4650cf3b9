/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/live/recorder.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

enum type { ITEM_PART, ITEM_END, ITEM_LOG, ITEM_LOG_ANEW, ITEM_FILE, ITEM_REMOVE, ITEM_FLUSH, ITEM_CLOSE, ITEM_STOP };
enum { NAME_MAX_BYTES = 40 };

struct item {
    struct inbox_item inbox;
    struct item *next;      /* in a backlog */
    enum type type;
    struct recorder_folder *folder;
    size_t rendition;
    struct journal_head head;
    struct journal_record record;
    struct http_blob *blob;
    bool is_needed;
    char name[NAME_MAX_BYTES];
    bool is_lasting;        /* belongs to the recorder or the folder */
    size_t len;
    char *bytes;            /* behind the struct */
};

/* The open hour of one rendition; the recorder's thread only. */
struct hour {
    bool is_open, is_known; /* known: files are there from before, and not open yet */
    struct journal_head head;
    int media_fd, index_fd;
    uint64_t media_bytes, index_bytes;
    uint64_t number, segment_offset; /* the segment that is being written */
    uint32_t parts, segment_bytes;
    bool is_begun, is_broken;        /* broken: a part of it is lost */
};

struct recorder_folder {
    struct recorder *recorder;
    int dir_fd, log_fd;
    uint64_t log_bytes;
    bool has_log;
    struct recorder_answers answers;
    struct hour hours[RECORDER_RENDITIONS_MAX];
    struct item *backlog, **backlog_end;
    size_t backlog_bytes;
    bool is_in_trouble;
    struct err lost;         /* the first error that cost something */
    struct condition done;   /* with recorder->lock */
    unsigned flushes_asked, flushes_done;
    struct err flushed;
    struct item closing;     /* closing needs no memory */
};

struct recorder {
    struct inbox inbox;
    struct thread *thread;
    struct lock lock;
    struct item stopping;
#ifdef GRANDSTAND_TEST_DOORS
    bool is_held;            /* with lock */
    struct condition let_go;
#endif
};

#ifdef GRANDSTAND_TEST_DOORS
void recorder_test_hold(struct recorder *r, bool is_held) {
    lock_take(&r->lock);
    r->is_held = is_held;
    condition_wake_all(&r->let_go);
    lock_give(&r->lock);
}
static void wait_until_let_go(struct recorder *r) {
    lock_take(&r->lock);
    while (r->is_held) condition_wait(&r->let_go, &r->lock);
    lock_give(&r->lock);
}
#else
static void wait_until_let_go(struct recorder *r) { (void)r; }
#endif

/* ---- handing over ---- */

static struct item *item_new(struct recorder_folder *f, enum type type, size_t len) {
    struct item *i = mem_alloc(sizeof *i + len);
    if (!i) return NULL;
    *i = (struct item){.type = type, .folder = f, .len = len, .bytes = (char *)(i + 1)};
    return i;
}

static void push(struct item *i) { (void)inbox_push(&i->folder->recorder->inbox, &i->inbox); }

static void item_free(struct item *i) {
    http_blob_release(&i->blob);
    if (!i->is_lasting) mem_free(i);
}

struct err recorder_part(struct recorder_folder *f, size_t rendition, const struct journal_head *head, const struct journal_record *record, struct http_blob *blob) {
    struct item *i = item_new(f, ITEM_PART, 0);
    if (!i) return err_memory();
    i->rendition = rendition;
    i->head = *head;
    i->record = *record;
    i->blob = http_blob_acquire(blob);
    push(i);
    return ERR_OK;
}

struct err recorder_end(struct recorder_folder *f, size_t rendition, const struct journal_head *head, const struct journal_record *record) {
    struct item *i = item_new(f, ITEM_END, 0);
    if (!i) return err_memory();
    i->rendition = rendition;
    i->head = *head;
    i->record = *record;
    push(i);
    return ERR_OK;
}

static struct err push_log(struct recorder_folder *f, enum type type, struct slice bytes) {
    struct item *i = item_new(f, type, bytes.len);
    if (!i) return err_memory();
    if (bytes.len) memcpy(i->bytes, bytes.ptr, bytes.len);
    i->is_needed = true;
    push(i);
    return ERR_OK;
}
struct err recorder_log(struct recorder_folder *f, struct slice records) { return push_log(f, ITEM_LOG, records); }
struct err recorder_log_anew(struct recorder_folder *f, struct slice whole) { return push_log(f, ITEM_LOG_ANEW, whole); }

static struct err push_named(struct recorder_folder *f, enum type type, const char *name, struct http_blob *blob, bool is_needed) {
    struct item *i = item_new(f, type, 0);
    if (!i) return err_memory();
    (void)snprintf(i->name, sizeof i->name, "%s", name);
    i->blob = blob ? http_blob_acquire(blob) : NULL;
    i->is_needed = is_needed;
    push(i);
    return ERR_OK;
}
struct err recorder_file(struct recorder_folder *f, const char *name, struct http_blob *blob, bool is_needed) { return push_named(f, ITEM_FILE, name, blob, is_needed); }
struct err recorder_remove(struct recorder_folder *f, const char *name) { return push_named(f, ITEM_REMOVE, name, NULL, false); }

/* ---- writing: the recorder's thread ---- */

static struct err open_to_write(int dir_fd, const char *name, int *fd) { return fs_open(dir_fd, name, O_RDWR | O_CREAT, 0644, fd); }

/* What lies behind the good bytes is the torn end of an earlier life: it goes, so that nobody reads it. */
static struct err open_to_continue(int dir_fd, const char *name, uint64_t good_bytes, int *fd) {
    struct err e = open_to_write(dir_fd, name, fd);
    if (!e.kind && ftruncate(*fd, (off_t)good_bytes)) {
        e = err_from_errno(errno, "live.disk", "A recording cannot be cut to what is whole of it.");
        fs_close(fd);
    }
    return e;
}

static void hour_close(struct hour *h) {
    if (h->is_open) {
        fs_close(&h->media_fd);
        fs_close(&h->index_fd);
    }
    h->is_open = h->is_known = h->is_begun = false;
}

static struct err hour_open(struct recorder_folder *f, struct item *i) {
    struct hour *h = &f->hours[i->rendition];
    if (h->is_open && h->head.hour == i->head.hour) return ERR_OK;
    if ((h->is_open || h->is_known) && h->head.hour > i->head.hour) return err_make(ERR_BUG, "live.hour", "A recording was to go back to an earlier file.");
    bool goes_on = h->is_known && h->head.hour == i->head.hour;
    uint64_t media_bytes = goes_on ? h->media_bytes : 0, index_bytes = goes_on ? h->index_bytes : 0;
    hour_close(h);
    char media[NAME_MAX_BYTES], index[NAME_MAX_BYTES];
    (void)snprintf(media, sizeof media, "%s-h%u.m4s", i->head.name, i->head.hour);
    (void)snprintf(index, sizeof index, "%s-h%u.idx", i->head.name, i->head.hour);
    int media_fd = -1, index_fd = -1;
    struct http_file *file = NULL;
    struct err e = open_to_continue(f->dir_fd, media, media_bytes, &media_fd);
    if (!e.kind) e = open_to_continue(f->dir_fd, index, index_bytes, &index_fd);
    if (!e.kind && !index_bytes) {
        struct buf head = BUF(JOURNAL_RECORD_BYTES);
        journal_put_head(&head, &i->head);
        e = buf_error(&head);
        if (!e.kind) e = fs_pwrite_all(index_fd, buf_slice(&head), 0);
        index_bytes = head.len;
        buf_free(&head);
    }
    if (!e.kind) e = http_file_open(&file, f->dir_fd, media);
    if (e.kind) {
        fs_close(&media_fd);
        fs_close(&index_fd);
        if (goes_on) *h = (struct hour){.is_known = true, .head = i->head, .media_bytes = media_bytes, .index_bytes = index_bytes};
        return e;
    }
    *h = (struct hour){.is_open = true, .head = i->head, .media_fd = media_fd, .index_fd = index_fd, .media_bytes = media_bytes, .index_bytes = index_bytes};
    f->answers.file(f->answers.user, i->rendition, i->head.hour, file);
    return ERR_OK;
}

static struct err put_record(struct hour *h, const struct journal_record *r) {
    struct buf b = BUF(JOURNAL_RECORD_BYTES);
    journal_put(&b, r);
    struct err e = buf_error(&b);
    if (!e.kind) e = fs_pwrite_all(h->index_fd, buf_slice(&b), h->index_bytes);
    if (!e.kind) h->index_bytes += b.len;
    buf_free(&b);
    return e;
}

static struct err write_part(struct recorder_folder *f, struct item *i) {
    struct hour *h = &f->hours[i->rendition];
    struct err e = hour_open(f, i);
    if (e.kind) return e;
    if (i->record.part == 0) {
        h->is_begun = true;
        h->is_broken = false;
        h->number = i->record.number;
        h->segment_offset = h->media_bytes;
        h->parts = h->segment_bytes = 0;
    }
    if (!h->is_begun || h->is_broken || h->number != i->record.number || h->parts != i->record.part)
        return err_make(ERR_LIMIT, "live.hole", "A part of a segment is missing in the recording.");
    struct slice bytes = http_blob_slice(i->blob);
    i->record.offset = h->media_bytes;
    i->record.sum = crc32c(0, bytes.ptr, bytes.len);
    /* The part first: what the index says is there. Where either fails, both places are written again next time. */
    e = fs_pwrite_all(h->media_fd, bytes, h->media_bytes);
    if (!e.kind) e = put_record(h, &i->record);
    if (e.kind) return e;
    h->media_bytes += bytes.len;
    h->segment_bytes += (uint32_t)bytes.len;
    h->parts++;
    f->answers.recorded(f->answers.user, i->rendition, &i->record, h->segment_offset);
    return ERR_OK;
}

static struct err write_end(struct recorder_folder *f, struct item *i) {
    struct hour *h = &f->hours[i->rendition];
    struct err e = hour_open(f, i);
    if (e.kind) return e;
    bool is_whole = h->is_begun && !h->is_broken && h->number == i->record.number && h->parts == i->record.part && h->segment_bytes == i->record.bytes;
    if (!is_whole) i->record.flags |= JOURNAL_GAP;
    i->record.offset = is_whole ? h->segment_offset : h->media_bytes;
    h->is_begun = false;
    return put_record(h, &i->record);
}

static struct err write_log(struct recorder_folder *f, struct item *i) {
    struct err e = ERR_OK;
    if (f->log_fd < 0) {
        e = open_to_continue(f->dir_fd, "live.idx", f->log_bytes, &f->log_fd);
        if (e.kind) return e;
    }
    if (!f->log_bytes) {
        struct buf head = BUF(JOURNAL_LOG_HEAD_BYTES);
        journal_put_log_head(&head);
        e = buf_error(&head);
        if (!e.kind) e = fs_pwrite_all(f->log_fd, buf_slice(&head), 0);
        if (!e.kind) f->log_bytes = head.len;
        buf_free(&head);
    }
    if (!e.kind) e = fs_pwrite_all(f->log_fd, slice_of(i->bytes, i->len), f->log_bytes);
    if (!e.kind) f->log_bytes += i->len;
    return e;
}

static struct err write_log_anew(struct recorder_folder *f, struct item *i) {
    struct err e = fs_write_file_atomic(f->dir_fd, "live.idx", slice_of(i->bytes, i->len), 0644);
    if (e.kind) return e;
    fs_close(&f->log_fd);
    f->log_bytes = i->len;
    return ERR_OK;
}

static struct err write_file(struct recorder_folder *f, struct item *i) {
    int fd = -1;
    struct err e = fs_open(f->dir_fd, i->name, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd);
    if (!e.kind) e = fs_write_all(fd, http_blob_slice(i->blob));
    fs_close(&fd);
    return e;
}

static struct err write_item(struct recorder_folder *f, struct item *i) {
    switch (i->type) {
    case ITEM_PART: return write_part(f, i);
    case ITEM_END: return write_end(f, i);
    case ITEM_LOG: return write_log(f, i);
    case ITEM_LOG_ANEW: return write_log_anew(f, i);
    case ITEM_FILE: return write_file(f, i);
    default: return fs_remove_tree(f->dir_fd, i->name);
    }
}

static void note(struct recorder_folder *f, struct err e) {
    if (e.kind && !f->lost.kind) f->lost = e;
    if (!e.kind == !f->is_in_trouble) return;
    f->is_in_trouble = e.kind != 0;
    f->answers.trouble(f->answers.user, e);
}

static void work_off_backlog(struct recorder_folder *f) {
    while (f->backlog) {
        struct item *i = f->backlog;
        struct err e = write_item(f, i);
        if (e.kind) {
            note(f, e);
            return;
        }
        f->backlog = i->next;
        if (!f->backlog) f->backlog_end = &f->backlog;
        f->backlog_bytes -= i->len + (i->blob ? http_blob_slice(i->blob).len : 0);
        item_free(i);
    }
}

static void lose(struct recorder_folder *f, struct item *i, struct err e) {
    struct hour *h = &f->hours[i->rendition];
    if (i->type == ITEM_PART) {
        if (h->is_begun && h->number == i->record.number) h->is_broken = true;
        f->answers.hole(f->answers.user, i->rendition, i->record.number);
    }
    note(f, e);
}

static void record(struct item *i) {
    struct recorder_folder *f = i->folder;
    size_t queued = i->type == ITEM_PART ? http_blob_slice(i->blob).len : 0;
    work_off_backlog(f);
    struct err e = ERR_OK;
    if (f->backlog) {
        size_t bytes = i->len + (i->blob ? http_blob_slice(i->blob).len : 0);
        if (i->is_needed && f->backlog_bytes + bytes <= RECORDER_BACKLOG_BYTES_MAX) {
            f->backlog_bytes += bytes;
            *f->backlog_end = i;
            f->backlog_end = &i->next;
            return;
        }
        lose(f, i, f->lost);
    } else {
        e = write_item(f, i);
        if (e.kind && i->is_needed) {
            note(f, e);
            f->backlog_bytes = i->len + (i->blob ? http_blob_slice(i->blob).len : 0);
            *f->backlog_end = i;
            f->backlog_end = &i->next;
            return;
        }
        if (e.kind && i->type != ITEM_REMOVE) lose(f, i, e);
        else if (i->type == ITEM_PART) note(f, ERR_OK);
    }
    item_free(i);
    if (queued) f->answers.done(f->answers.user, queued);
}

static void folder_close_files(struct recorder_folder *f) {
    for (size_t k = 0; k < RECORDER_RENDITIONS_MAX; k++) hour_close(&f->hours[k]);
    fs_close(&f->log_fd);
    while (f->backlog) {
        struct item *i = f->backlog;
        f->backlog = i->next;
        item_free(i);
    }
    f->backlog_end = &f->backlog;
}

static void flush(struct item *i) {
    struct recorder_folder *f = i->folder;
    work_off_backlog(f);
    if (i->type == ITEM_CLOSE) folder_close_files(f);
    struct recorder *r = f->recorder;
    lock_take(&r->lock);
    f->flushed = f->lost;
    f->lost = ERR_OK;
    bool is_lasting = i->is_lasting; /* a folder may be gone as soon as the lock is */
    f->flushes_done++;
    condition_wake_all(&f->done);
    lock_give(&r->lock);
    if (!is_lasting) mem_free(i);
}

static void run(void *arg) {
    struct recorder *r = arg;
    for (bool goes_on = true; goes_on;) {
        struct inbox_item *next;
        for (struct inbox_item *at = inbox_wait(&r->inbox, -1); at; at = next) {
            struct item *i = (struct item *)((char *)at - offsetof(struct item, inbox));
            next = at->next;
            wait_until_let_go(r);
            if (i->type == ITEM_STOP) goes_on = false;
            else if (i->type == ITEM_FLUSH || i->type == ITEM_CLOSE) flush(i);
            else record(i);
        }
    }
}

/* ---- the whole ---- */

struct err recorder_create(struct recorder **out) {
    struct recorder *r = mem_zalloc(sizeof *r);
    if (!r) return err_memory();
    lock_init(&r->lock, LOCK_live_recorder);
#ifdef GRANDSTAND_TEST_DOORS
    condition_init(&r->let_go);
#endif
    struct err e = inbox_open(&r->inbox);
    if (e.kind) {
        mem_free(r);
        return e;
    }
    e = thread_start(&r->thread, "live-recorder", run, r);
    if (e.kind) {
        inbox_close(&r->inbox);
        mem_free(r);
        return e;
    }
    *out = r;
    return ERR_OK;
}

void recorder_destroy(struct recorder **address) {
    struct recorder *r = *address;
    if (!r) return;
    *address = NULL;
    r->stopping.type = ITEM_STOP;
    (void)inbox_push(&r->inbox, &r->stopping.inbox);
    thread_join(&r->thread);
    inbox_close(&r->inbox);
#ifdef GRANDSTAND_TEST_DOORS
    condition_destroy(&r->let_go);
#endif
    lock_destroy(&r->lock);
    mem_free(r);
}

struct err recorder_folder_open(struct recorder *r, int dir_fd, const struct recorder_answers *answers, struct recorder_folder **out) {
    struct recorder_folder *f = mem_zalloc(sizeof *f);
    if (!f) return err_memory();
    f->recorder = r;
    f->dir_fd = dir_fd;
    f->log_fd = -1;
    f->answers = *answers;
    f->backlog_end = &f->backlog;
    condition_init(&f->done);
    *out = f;
    return ERR_OK;
}

void recorder_folder_continue(struct recorder_folder *f, size_t rendition, const struct journal_head *head, uint64_t media_bytes, uint64_t index_bytes) {
    f->hours[rendition] = (struct hour){.is_known = true, .head = *head, .media_bytes = media_bytes, .index_bytes = index_bytes};
}
void recorder_folder_continue_log(struct recorder_folder *f, uint64_t log_bytes) { f->log_bytes = log_bytes; }

static struct err wait_for(struct recorder_folder *f, struct item *i) {
    struct recorder *r = f->recorder;
    lock_take(&r->lock);
    unsigned mine = ++f->flushes_asked;
    lock_give(&r->lock);
    push(i);
    lock_take(&r->lock);
    while ((int)(f->flushes_done - mine) < 0) condition_wait(&f->done, &r->lock);
    struct err e = f->flushed;
    lock_give(&r->lock);
    return e;
}

struct err recorder_folder_flush(struct recorder_folder *f) {
    struct item i = {.type = ITEM_FLUSH, .folder = f, .is_lasting = true}; /* waiting needs no memory */
    return wait_for(f, &i);
}

struct err recorder_folder_close(struct recorder_folder **address) {
    struct recorder_folder *f = *address;
    if (!f) return ERR_OK;
    *address = NULL;
    f->closing.type = ITEM_CLOSE;
    f->closing.folder = f;
    f->closing.is_lasting = true;
    struct err e = wait_for(f, &f->closing);
    fs_close(&f->dir_fd);
    condition_destroy(&f->done);
    mem_free(f);
    return e;
}
