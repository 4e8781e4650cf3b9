/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/codec/av.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "media/codec/codec_stranger.h"

struct err av_err(int av, enum err_kind kind, const char *code, const char *what) {
    if (av >= 0) return ERR_OK;
    if (av == AVERROR(ENOMEM)) return err_memory();
    if (av == AVERROR(ENOSPC) || av == AVERROR(EDQUOT))
        return err_from_errno(AVUNERROR(av), "media.disk_full", "The disk is full. Make room and start again; what is finished is kept.");
    return (struct err){.kind = kind, .code = code, .what = what};
}

struct err codec_load(void) { return av_quiet(); }

struct err av_quiet(void) {
    struct err e = av_load();
    if (!e.kind) av_log_set_level(AV_LOG_QUIET);
    return e;
}

static int file_read(void *user, uint8_t *out, int len) {
    struct av_file *f = user;
    if (len <= 0) return AVERROR(EINVAL);
    ssize_t got;
    do {
        if (fault_hits(FAULT_READ)) got = -1, errno = EIO;
        else got = pread(f->fd, out, (size_t)len, f->at);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        if (!f->first_error.kind) f->first_error = err_from_errno(errno, "file.read", "A file could not be read.");
        return AVERROR(EIO);
    }
    if (got == 0) return AVERROR_EOF;
    f->at += got;
    return (int)got;
}

static int file_write(void *user, uint8_t *bytes, int len) {
    struct av_file *f = user;
    if (len < 0 || f->first_error.kind) return AVERROR(EIO);
    struct err e = fs_pwrite_all(f->fd, slice_of(bytes, (size_t)len), (uint64_t)f->at);
    if (e.kind) {
        f->first_error = e;
        return e.sys ? AVERROR(e.sys) : AVERROR(EIO);
    }
    f->at += len;
    if (f->at > f->size) f->size = f->at;
    return len;
}

static int64_t file_seek(void *user, int64_t offset, int whence) {
    struct av_file *f = user;
    int64_t to;
    switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE: return f->size;
    case SEEK_SET: to = offset; break;
    case SEEK_CUR: to = f->at + offset; break;
    case SEEK_END: to = f->size + offset; break;
    default: return AVERROR(EINVAL);
    }
    if (to < 0) return AVERROR(EINVAL);
    return f->at = to;
}

struct err av_file_open(struct av_file *f, int fd, bool is_writing) {
    enum { BYTES = 256 << 10 };
    uint64_t size;
    struct err e = fs_size(fd, &size);
    if (e.kind) return e;
    *f = (struct av_file){.fd = fd, .size = (int64_t)size};
    uint8_t *buffer = fault_hits(FAULT_ALLOC) ? NULL : av_malloc(BYTES);
    if (buffer) f->io = avio_alloc_context(buffer, BYTES, is_writing, f, is_writing ? NULL : file_read, is_writing ? file_write : NULL, file_seek);
    if (!f->io) {
        av_free(buffer);
        return err_memory();
    }
    return ERR_OK;
}

void av_file_close(struct av_file *f) {
    if (!f->io) return;
    av_freep(&f->io->buffer);
    avio_context_free(&f->io);
}
