/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Any bytes as a WebVTT file and as a caption event of each format. What was read and written once must read and write
 * the same again, and cue text must be a fixed point of its own reader. */
#include <assert.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "media/caption/caption.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct arena *mem, struct slice text) {
    assert(utf8_is_valid(text));
    assert(slice_find(text, SLICE("-->")) == SLICE_NPOS && slice_find(text, SLICE("\n\n")) == SLICE_NPOS);
    assert(slice_eq(caption_text_from_webvtt(mem, text), text));
}

static bool write_again(struct arena *mem, struct slice file, struct buf *out) {
    struct caption_list list = caption_list_of(mem);
    int64_t offset;
    if (caption_read_webvtt(file, &list, &offset).kind) return false;
    for (size_t i = 0; i < list.count; i++) check_text(mem, list.cues[i].text);
    caption_write_webvtt(&list, out);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct slice in = slice_of(exact, size), settings;
    struct arena *mem = arena_create((size_t)256 << 20);
    struct buf once = BUF((size_t)64 << 20), twice = BUF((size_t)64 << 20);
    if (write_again(mem, in, &once)) {
        bool is_still_webvtt = write_again(mem, buf_slice(&once), &twice);
        assert(is_still_webvtt && slice_eq(buf_slice(&once), buf_slice(&twice)));
    }
    check_text(mem, caption_text_from_webvtt(mem, in));
    check_text(mem, caption_text_from_subrip(mem, in, &settings));
    check_text(mem, caption_text_from_ass(mem, in, &settings));
    check_text(mem, caption_text_from_tx3g(mem, in));
    check_text(mem, caption_text_from_plain(mem, in));
    buf_free(&once);
    buf_free(&twice);
    arena_destroy(&mem);
    free(exact);
    return 0;
}
