/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * caption.h: timed text. Reads and writes WebVTT (W3C WebVTT, Candidate Recommendation 2019) and turns the texts of
 * other formats (SubRip, ASS, 3GPP timed text) into WebVTT cue text. No FFmpeg here: what strangers wrote is parsed by
 * our own bounded readers, which is why this may run in any process.
 *
 * A caption_list holds cues in order of start time. Everything in it lives in the arena it was made with. */
#ifndef MEDIA_CAPTION_H
#define MEDIA_CAPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

struct caption_cue {
    int64_t start_ms, end_ms; /* start >= 0, end > start */
    struct slice id;          /* may be empty; no line break, no "-->" */
    struct slice settings;    /* "line:0 align:start": only those of WebVTT section 6.3, spelled right; may be empty */
    struct slice text;        /* cue text: escaped, balanced tags of WebVTT, lines separated by \n, no blank line */
};

struct caption_list {
    struct arena *mem;
    struct caption_cue *cues;
    size_t count, capacity;
    size_t dropped; /* cues that were refused: no text, no duration, malformed times */
};

enum {
    CAPTION_CUES_MAX = 200000,       /* 100 hours of one cue every two seconds is 180,000 */
    CAPTION_TEXT_BYTES_MAX = 16384,  /* of one cue */
};
#define CAPTION_FILE_BYTES_MAX ((size_t)64 << 20)

struct caption_list caption_list_of(struct arena *mem);

/* Copies a cue in. What is no cue (empty text, end <= start) is dropped and counted, not an error; a negative start is
 * cut to 0. Errors: ERR_LIMIT "caption.many", "memory". */
MUST_USE struct err caption_add(struct caption_list *, struct caption_cue cue);

/* Sorts by start, then end, keeping the order of equals. Call once after the last caption_add. */
MUST_USE struct err caption_sort(struct caption_list *); /* ERR_LIMIT "memory" */

/* Reads a WebVTT file (section 6.1; the parser's leniency of section 6.1 is kept: bad blocks are skipped and counted).
 * STYLE and REGION blocks are left out. *offset_ms gets the shift of an X-TIMESTAMP-MAP header (RFC 8216 section 3.5)
 * without MPEGTS wrap, 0 without one; may be NULL.
 * Errors: ERR_INPUT "caption.not_webvtt" (no signature), "caption.not_utf8"; ERR_LIMIT "caption.large", "caption.many",
 * "memory". */
MUST_USE struct err caption_read_webvtt(struct slice file, struct caption_list *out, int64_t *offset_ms);

/* Appends the whole file, "WEBVTT" first. What was read by caption_read_webvtt and written by this reads the same. */
void caption_write_webvtt(const struct caption_list *, struct buf *out);

/* Cue settings of WebVTT section 6.3, those that are spelled right, separated by single blanks. */
struct slice caption_settings_from_webvtt(struct arena *mem, struct slice settings);

/* Cue text from what containers carry per event. Empty when nothing visible is left. Input that is not UTF-8 is taken
 * as Windows-1252, since old subtitle files are. Input beyond CAPTION_TEXT_BYTES_MAX is cut there. Results live in
 * `mem`; the empty slice also when memory ran out (arena_overflowed tells). `settings` gets WebVTT cue settings (where
 * the text stands: static text, valid for ever) or the empty slice; it may be NULL. */
struct slice caption_text_from_webvtt(struct arena *mem, struct slice payload);
/* Knows <b> <i> <u>, {\\b1} and {\\an8}; <font> is dropped. */
struct slice caption_text_from_subrip(struct arena *mem, struct slice payload, struct slice *settings);
/* An event as Matroska and libavcodec carry it: ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect,Text. */
struct slice caption_text_from_ass(struct arena *mem, struct slice event, struct slice *settings);
/* A sample of 3GPP TS 26.245 (tx3g): 16-bit length, text in UTF-8 or UTF-16, then boxes; "styl" gives bold, italic,
 * underlined. */
struct slice caption_text_from_tx3g(struct arena *mem, struct slice sample);
struct slice caption_text_from_plain(struct arena *mem, struct slice text);

/* A thumbnail track for the seek bar: adds the cue for one tile, "sheet.jpg#xywh=x,y,w,h" (Media Fragments URI 1.0). */
MUST_USE struct err caption_add_tile(struct caption_list *, int64_t start_ms, int64_t end_ms, const char *sheet, int x, int y, int w, int h);

#endif
