/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Any bytes are asked for, and any bytes are the name of a title: what is found is of the view, its marks lie within its text, and a title
 * is found by its own first word. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "business/catalog/view.h"
#include "business/catalog/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lock making[2] = {LOCK_INIT(LOCK_catalog_making), LOCK_INIT(LOCK_catalog_making)};

static struct catalog_title *title_of(int64_t id, struct slice name, struct slice synopsis) {
    struct catalog_title *t = mem_zalloc(sizeof *t + name.len + synopsis.len);
    char *at = (char *)(t + 1);
    t->id = id;
    for (int i = 0; i < PUBLIC_ID_LEN; i++) t->public_id.text[i] = (char)('0' + (id + i) % 10);
    if (name.len) memcpy(at, name.ptr, name.len);
    if (synopsis.len) memcpy(at + name.len, synopsis.ptr, synopsis.len);
    t->texts[id % TEXT_LANGUAGE_COUNT].name = slice_of(at, name.len);
    t->texts[0].synopsis = slice_of(at + name.len, synopsis.len);
    return t;
}

static uint32_t utf16_of(struct slice s) {
    uint32_t units = 0;
    for (size_t i = 0; i < s.len; i++) units += (((unsigned char)s.ptr[i] & 0xc0) != 0x80) + ((unsigned char)s.ptr[i] >= 0xf0);
    return units;
}

static struct catalog_hits ask(const struct catalog_view *v, struct arena *arena, struct slice query, bool is_whole) {
    struct catalog_hits hits;
    struct catalog_question q = {.query = query, .lang = SLICE("th"), .limit = 5, .shows_all = true, .is_whole = is_whole};
    struct err e = catalog_search(v, arena, &q, &hits);
    assert(!e.kind && hits.title_count <= 5);
    for (size_t i = 0; i < hits.title_count; i++) {
        const struct catalog_match *m = &hits.titles[i].match;
        assert(catalog_find_id(v, hits.titles[i].title->id) == hits.titles[i].title);
        assert(!i || hits.titles[i - 1].score >= hits.titles[i].score);
        for (size_t k = 0; k < m->range_count; k++) assert(m->ranges[k].from < m->ranges[k].to && m->ranges[k].to <= utf16_of(m->text));
    }
    return hits;
}

static bool first_word(void *user, const struct word *w) {
    *(struct word *)user = *w;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3 || size > 2000) return 0;
    char *exact = malloc(size);
    memcpy(exact, data, size);
    struct slice rest = slice_of(exact, size), parts[4] = {{0}};
    for (size_t i = 0; i < 4; i++) (void)slice_next(&rest, '\n', &parts[i]);
    for (size_t i = 1; i < 4; i++) /* what the catalogue holds is text; what it is asked may be anything */
        if (!utf8_is_valid(parts[i])) parts[i] = SLICE_NONE;
    const struct catalog_title *titles[3] = {title_of(1, parts[1], parts[3]), title_of(2, parts[2], parts[1]), title_of(3, SLICE("Mountain รักแห่งสยาม 世界杯"), parts[2])};
    struct catalog_view *v = view_create(1, making, titles, 3, NULL, 0, NULL, 0, NULL);
    struct arena *arena = arena_create(16 << 20);
    assert(v && arena);
    ask(v, arena, parts[0], false);
    ask(v, arena, parts[0], true);
    for (size_t i = 0; i < 2; i++) {
        struct word w = {.len = 0};
        words_walk(parts[1 + i], first_word, &w);
        if (!w.len || w.len > 40) continue;
        struct catalog_hits hits = ask(v, arena, word_term(&w), false);
        bool is_found = false;
        for (size_t k = 0; k < hits.title_count; k++) is_found |= hits.titles[k].title->id == (int64_t)i + 1;
        assert(is_found);
    }
    catalog_view_give(&v);
    arena_destroy(&arena);
    free(exact);
    return 0;
}
