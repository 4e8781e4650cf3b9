/* SPDX-License-Identifier: AGPL-3.0-or-later
 * file.h: files as a loop thread may touch them: only where they are in the page cache. */
#ifndef SYSTEM_HTTP_FILE_H
#define SYSTEM_HTTP_FILE_H

#include "system/http/core.h"

enum file_take { TAKE_DONE, TAKE_MISS, TAKE_FAILED };
/* Copies up to `len` bytes (at least one) if they are in the page cache. FAILED: read error, or the file ends before. */
enum file_take file_take(struct http_request *, struct http_file *, uint64_t offset, char *out, size_t len, size_t *got);
enum { FILE_BLOCK_BYTES = 512 * 1024 };
/* Is the whole span (of at most FILE_BLOCK_BYTES) in the page cache, as far as the kernel tells? What was there is taken to be there for
 * a second more: pages just used are the last to be given up, and the segments that everybody watches are asked for once. */
bool file_is_cached(struct loop *, struct http_file *, uint64_t offset, size_t len);
/* On a reader thread: brings the span in. False: it cannot be read. */
bool file_bring(struct http_file *, uint64_t offset, size_t len);

#endif
