/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * internal.h: builds cue text. Characters go in as they are meant, tags as events; what comes out is escaped, has
 * balanced tags, no blank lines and no blanks at the ends of lines. */
#ifndef CAPTION_INTERNAL_H
#define CAPTION_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

enum tag { TAG_BOLD, TAG_ITALIC, TAG_UNDERLINE, TAG_CLASS, TAG_VOICE, TAG_LANG, TAG_RUBY, TAG_RT, TAGS };

enum { TAG_DEPTH_MAX = 16 };

struct cue_text {
    struct buf out;
    enum tag open[TAG_DEPTH_MAX];
    size_t depth;
    size_t blanks;    /* held back: written only if something follows on the line */
    size_t line_ends; /* held back likewise; several become one */
    bool is_visible;
};

struct cue_text cue_text_new(void);
void cue_text_char(struct cue_text *, uint32_t code_point);
/* Opens a tag; `rest` (already escaped: ".yellow", " Fred") stands behind its name. Beyond the depth it is ignored. */
void cue_text_open(struct cue_text *, enum tag, struct slice rest);
/* Closes the innermost such tag and what was opened inside it; nothing if there is none. */
void cue_text_close(struct cue_text *, enum tag);
bool cue_text_is_open(const struct cue_text *, enum tag);
/* Text that stands as it is ("<00:01.000>"). */
void cue_text_raw(struct cue_text *, struct slice);
/* Closes all tags, copies into the arena and frees. Empty if nothing visible was put in, or more than
 * CAPTION_TEXT_BYTES_MAX came out. */
struct slice cue_text_finish(struct cue_text *, struct arena *);

/* "hh:mm:ss.ttt" or "mm:ss.ttt", the whole slice (WebVTT section 6.4); false on anything else. */
bool cue_time_parse(struct slice, int64_t *ms);
void cue_time_print(struct buf *, int64_t ms);

/* As UTF-8: itself if it is, else taken as Windows-1252; cut to `bytes_max` before, at a character's end. */
struct slice text_as_utf8(struct arena *, struct slice, size_t bytes_max);

#endif
