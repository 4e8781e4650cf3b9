/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/caption/caption.h"

#include <stdlib.h>

#include "base/mem.h"

struct caption_list caption_list_of(struct arena *mem) { return (struct caption_list){.mem = mem}; }

struct err caption_add(struct caption_list *list, struct caption_cue cue) {
    if (cue.start_ms < 0) cue.start_ms = 0;
    if (cue.end_ms <= cue.start_ms || cue.text.len == 0 || cue.text.len > CAPTION_TEXT_BYTES_MAX) {
        list->dropped++;
        return ERR_OK;
    }
    if (list->count == CAPTION_CUES_MAX)
        return err_make(ERR_LIMIT, "caption.many", "There are more captions in one track than are accepted (200,000).");
    if (list->count == list->capacity) {
        size_t wanted = list->capacity ? list->capacity * 2 : 64;
        struct caption_cue *cues = arena_alloc_array(list->mem, wanted, sizeof *cues);
        if (!cues) return err_memory();
        if (list->count) memcpy(cues, list->cues, list->count * sizeof *cues);
        list->cues = cues;
        list->capacity = wanted;
    }
    cue.id = arena_copy(list->mem, cue.id);
    cue.settings = arena_copy(list->mem, cue.settings);
    cue.text = arena_copy(list->mem, cue.text);
    if (!cue.id.ptr || !cue.settings.ptr || !cue.text.ptr) return err_memory();
    list->cues[list->count++] = cue;
    return ERR_OK;
}

static bool is_before(const struct caption_cue *a, const struct caption_cue *b) {
    return a->start_ms != b->start_ms ? a->start_ms < b->start_ms : a->end_ms < b->end_ms;
}

/* Merges the runs [from, middle) and [middle, to), keeping the order of equals. */
static void merge(struct caption_cue *cues, struct caption_cue *scratch, size_t from, size_t middle, size_t to) {
    size_t left = from, right = middle;
    for (size_t i = from; i < to; i++) {
        bool take_right = left == middle || (right < to && is_before(&cues[right], &cues[left]));
        scratch[i] = cues[take_right ? right++ : left++];
    }
    memcpy(cues + from, scratch + from, (to - from) * sizeof *cues);
}

struct err caption_sort(struct caption_list *list) {
    bool is_sorted = true;
    for (size_t i = 1; i < list->count && is_sorted; i++) is_sorted = !is_before(&list->cues[i], &list->cues[i - 1]);
    if (is_sorted) return ERR_OK;
    struct caption_cue *scratch = mem_zalloc_array(list->count, sizeof *scratch);
    if (!scratch) return err_memory();
    for (size_t width = 1; width < list->count; width *= 2)
        for (size_t from = 0; from + width < list->count; from += 2 * width)
            merge(list->cues, scratch, from, from + width, from + 2 * width < list->count ? from + 2 * width : list->count);
    mem_free(scratch);
    return ERR_OK;
}

struct err caption_add_tile(struct caption_list *list, int64_t start_ms, int64_t end_ms, const char *sheet, int x, int y, int w, int h) {
    struct slice text = arena_printf(list->mem, "%s#xywh=%d,%d,%d,%d", sheet, x, y, w, h);
    if (!text.ptr) return err_memory();
    return caption_add(list, (struct caption_cue){.start_ms = start_ms, .end_ms = end_ms, .text = text});
}
