/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/ingest/child.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"
#include "media/ingest/process.h"

void child_send(const struct record *record) {
    if (child_packet_send(CHILD_SOCKET, record, sizeof *record, -1).kind) _exit(1);
}

struct err child_open(enum output output, uint32_t track, uint32_t number, int *fd) {
    struct record ask = {.type = RECORD_OPEN, .track = track, .open = {.output = output, .number = number}};
    child_send(&ask);
    char answer;
    int opened;
    if (child_packet_receive(CHILD_SOCKET, &answer, 1, &opened) != 1) _exit(1);
    if (opened < 0) return codec_media_err("media.write");
    *fd = opened;
    return ERR_OK;
}

void child_progress(double done) {
    static struct mono_time told;
    static uint32_t highest;
    struct mono_time now = clock_mono(clock_system());
    uint32_t millionths = done <= 0 ? 0 : done >= 1 ? 1000000 : (uint32_t)(done * 1e6);
    if (told.ns && mono_diff_ns(now, told) < 100 * NS_PER_MS) return;
    if (millionths > highest) highest = millionths;
    told = now;
    struct record record = {.type = RECORD_PROGRESS, .progress.millionths = highest};
    child_send(&record);
}

struct err child_read_index(const struct job *job, int index_fd, struct arena *mem, struct cmaf_index *out) {
    struct buf bytes = BUF((size_t)64 << 20);
    char *at = job->index_bytes <= bytes.bytes_max ? buf_reserve(&bytes, (size_t)job->index_bytes) : NULL;
    struct err e = at ? fs_pread_all(index_fd, at, (size_t)job->index_bytes, 0) : err_memory();
    if (!e.kind) e = cmaf_index_parse(slice_of(at, (size_t)job->index_bytes), mem, out);
    buf_free(&bytes);
    return e;
}

/* Errors of lower rooms in the words of this one. */
static struct err as_media_error(struct err e) {
    if (codec_media_err(e.code).kind) return e;
    const char *code = e.kind == ERR_BUG ? "media.bug" : "media.damaged";
    if (e.sys == EFBIG) code = "media.output_large";
    else if (e.sys == ENOSPC || e.sys == EDQUOT) code = "media.disk_full";
    else if (e.sys == ENOMEM || !strcmp(e.code, "memory")) code = "media.memory";
    else if (!strcmp(e.code, "file.truncated") || !strcmp(e.code, "source.truncated")) code = "media.truncated";
    else if (!strcmp(e.code, "file.read")) code = "media.read";
    else if (!strcmp(e.code, "sample.order") || !strcmp(e.code, "sample.time")) code = "media.timestamps";
    else if (e.kind == ERR_IO) code = "media.write";
    else if (e.kind == ERR_LIMIT) code = !strncmp(e.code, "source.", 7) || !strncmp(e.code, "caption.", 8) ? "media.too_large" : "media.memory";
    struct err named = codec_media_err(code);
    named.sys = e.sys;
    return named;
}

static struct err work(const struct job *job) {
    switch (job->task) {
    case TASK_COPY: return child_copy(job, CHILD_SOURCE);
    case TASK_TRANSCODE:
    case TASK_RENDITION: return child_transcode(job, CHILD_SOURCE, job->index_bytes ? CHILD_INDEX : -1);
    case TASK_PICTURES: return child_pictures(job, CHILD_SOURCE, job->index_bytes ? CHILD_INDEX : -1);
    default: return codec_media_err("media.bug");
    }
}

static int run(void) {
    struct job job;
    if (child_packet_receive(CHILD_SOCKET, &job, sizeof job, NULL) != (ssize_t)sizeof job || job.magic != JOB_MAGIC || job.task >= TASKS) return 1;
    struct child_limits limits = {.memory_bytes = job.memory_bytes_max, .output_bytes = job.output_bytes_max,
                                  .cpu_s = job.cpu_s_max, .files = CHILD_FILES_MAX};
    struct err e = job.task == TASK_COPY && job.is_by_tables ? ERR_OK : codec_load(); /* no library can be opened later */
    struct err locked = child_sandbox(&limits);
    if (locked.kind) e = locked;
    if (e.kind && !codec_media_err(e.code).kind) e = (struct err){.kind = ERR_IO, .sys = e.sys, .code = "media.start", .what = e.what};
#ifdef GRANDSTAND_TEST_DOORS
    if (!e.kind && job.fault[0] && !fault_arm_from_text(job.fault)) return 1;
#endif
    if (!e.kind) e = work(&job);
    struct record last = {.type = RECORD_FINISHED};
    if (e.kind) {
        e = as_media_error(e);
        last.type = RECORD_ERROR;
        last.error.sys = e.sys;
        strncpy(last.error.code, e.code, sizeof last.error.code - 1);
    }
    child_send(&last);
    return 0;
}

const struct child_kind ingest_child = {.name = "ingest", .run = run};
