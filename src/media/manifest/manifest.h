/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * manifest.h: HLS playlists (RFC 8216) and DASH manifests (ISO/IEC 23009-1) as views on the indexes of a presentation.
 *
 * A view is a pure function of the indexes: nothing is stored, nothing is read. `package` writes all views as files; the server
 * makes one when it is first asked for and keeps it. All references are relative, so that a path, a token in the path and a
 * content network in front change nothing. What came from outside (names, languages) is escaped for where it stands.
 *
 *   master.m3u8          all renditions, audio and subtitle groups, I-frame playlists
 *   v0.m3u8, a0.m3u8     byte ranges of v0.mp4, a0.mp4
 *   v0-iframes.m3u8      the first picture of each segment, for seeking
 *   t0.m3u8              t0.vtt as one segment
 *   manifest.mpd         DASH: SegmentBase on the same track files, text beside it, thumbnail sprites
 *
 * Any thread; the presentation is only read. */
#ifndef MEDIA_MANIFEST_MANIFEST_H
#define MEDIA_MANIFEST_MANIFEST_H

#include "base/buf.h"
#include "base/err.h"
#include "media/cmaf/cmaf.h"

/* Appends the view of that file name. On error `out` may hold a beginning: clear it.
 * Errors: ERR_NOT_FOUND "manifest.name" (no such view of this presentation), ERR_LIMIT (`out` is full). */
MUST_USE struct err manifest_make(const struct cmaf_presentation *, struct slice file_name, struct buf *out);

/* "application/vnd.apple.mpegurl", "application/dash+xml" ... for every file name of a presentation, media included;
 * NULL for a name that a presentation does not have. By the form of the name alone: whether it exists is another question. */
const char *manifest_content_type(struct slice file_name);

/* Calls back once for each view's file name, master.m3u8 first. Stops at the first error and returns it. */
MUST_USE struct err manifest_each(const struct cmaf_presentation *, struct err (*view)(void *user, const char *file_name), void *user);

/* Writes all views into the folder, each atomically, the master playlists last. */
MUST_USE struct err manifest_write_all(const struct cmaf_presentation *, int dir_fd);

#endif
