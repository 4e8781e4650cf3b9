/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/catalog/search.h"

void search_give(struct search **s) { *s = NULL; }
struct search *search_after(struct search *s, const struct catalog_view *now, const struct catalog_title *former, const struct catalog_title *held,
                            const struct catalog_person *former_person, const struct catalog_person *held_person) {
    return s;
}

struct err catalog_search(const struct catalog_view *v, struct arena *arena, const struct catalog_question *q, struct catalog_hits *out) {
    *out = (struct catalog_hits){.titles = arena_alloc_array(arena, CATALOG_HITS_MAX, sizeof *out->titles)};
    if (!out->titles) return err_memory();
    for (size_t i = v->count; i-- > 0 && out->title_count < q->limit;) {
        const struct catalog_title *t = v->titles[i];
        if ((q->shows_all || catalog_is_shown(v, t)) && (!q->has_kind || t->kind == q->kind) && catalog_matches(t, q->query))
            out->titles[out->title_count++] = (struct catalog_hit){.title = t, .match = {.text = catalog_text_in(t, q->lang).name}};
    }
    return ERR_OK;
}
