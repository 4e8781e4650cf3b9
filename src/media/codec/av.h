/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * av.h: what the files of this room share. Unref and free calls of FFmpeg appear in this room only. */
#ifndef CODEC_AV_H
#define CODEC_AV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "media/codec/av_api.h"

/* AVERROR -> our error: ENOMEM, ENOSPC and EFBIG keep their meaning, everything else becomes `kind`, `code`, `what`. */
struct err av_err(int av, enum err_kind kind, const char *code, const char *what);

/* FFmpeg prints to standard error by default; this silences it. Called first by every opener. Errors: as av_load. */
MUST_USE struct err av_quiet(void);

/* A file descriptor as FFmpeg's I/O, through base/fs so that fault loops reach it. The descriptor stays the caller's
 * and must be seekable; its offset is not used. The first failure is remembered and reported by av_file_error. */
struct av_file {
    AVIOContext *io;
    int fd;
    int64_t at, size;
    struct err first_error;
};
MUST_USE struct err av_file_open(struct av_file *, int fd, bool is_writing);
void av_file_close(struct av_file *); /* flush before */

#endif
