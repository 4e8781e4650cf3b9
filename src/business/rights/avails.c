/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * avails.c: where and when the answer is yes.
 *
 * For one title, one medium and one language a line is swept through time, from change to change: what is allowed between two of them is the union of
 * what grants, less the union of what blocks. Territories that come in open a group; those that go out leave their groups, which is the end
 * of an item. So each territory's items are as long as they can be, and territories that begin and end together share one. Media that no line of the
 * title tells apart are swept once; so are languages, and most titles' lines name none. */
#include <stdlib.h>
#include <string.h>

#include "business/rights/atlas.h"
#include "business/rights/compiled.h"

enum { SCRATCH_BYTES_MAX = 256 << 20 };

struct piece { /* of a line: what of it was asked for */
    uint32_t from_s, to_s;
    const struct scope *scope;
    const uint64_t *bits; /* of the atlas */
    int64_t id;
    uint32_t end_s; /* the line's own */
    bool is_block;
};
struct group {
    uint64_t *bits; /* what has been allowed since from_s without a gap */
    uint32_t from_s;
    int64_t line_id;
};
struct item {
    uint32_t from_s, to_s;
    const uint64_t *bits;
    size_t words;
    uint16_t media;
    uint64_t tag; /* 0: any language */
    int64_t line_id;
    uint64_t *tags; /* joined ones */
    size_t tag_count;
};

struct sweep {
    const struct rights_avails_ask *ask;
    uint16_t media;
    uint32_t from_s, to_s;
    const uint64_t *asked; /* of the atlas */
    struct atlas atlas;
    struct arena *scratch;
    struct piece *pieces; /* by from_s */
    size_t piece_count, piece_room;
    struct item *items;
    size_t item_count, item_room;
    uint32_t *times; /* at which something begins or ends */
    size_t time_count;
};

static void *grow(struct arena *mem, void *items, size_t count, size_t *room, size_t bytes_each) {
    if (count < *room) return items;
    size_t more = *room ? 2 * *room : 32;
    void *moved = arena_alloc_array(mem, more, bytes_each);
    if (!moved) return NULL;
    if (count) memcpy(moved, items, count * bytes_each);
    *room = more;
    return moved;
}

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}
static int by_start(const void *a, const void *b) {
    const struct piece *x = a, *y = b;
    if (x->from_s != y->from_s) return x->from_s < y->from_s ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* --- what concerns the title --- */

static struct err collect(struct sweep *w, const struct block *b, const struct scope *scopes) {
    for (uint32_t i = 0; i < b->count; i++) {
        const struct record r = block_record(b, i);
        if (r.start_s >= w->to_s) break;
        if (r.end_s <= w->from_s) continue;
        const struct scope *s = &scopes[r.scope];
        uint8_t role = rights_roles[rights_asker_of(w->ask->party_id, s->party_id)][s->kind];
        if (role == ROLE_NOTHING || !(s->media & w->media) || (role == ROLE_GRANT && s->flags & SCOPE_IS_SPENT)) continue;
        if (atomic_load_explicit(&s->deal->status, memory_order_acquire) != RIGHTS_ACTIVE) continue;
        if (w->ask->territories && !rights_territories_meet(s->territories, w->ask->territories)) continue;
        struct piece *pieces = grow(w->scratch, w->pieces, w->piece_count, &w->piece_room, sizeof *pieces);
        if (!pieces) return err_memory();
        w->pieces = pieces;
        w->pieces[w->piece_count++] = (struct piece){.from_s = r.start_s > w->from_s ? r.start_s : w->from_s,
                                                     .to_s = r.end_s < w->to_s ? r.end_s : w->to_s,
                                                     .scope = s,
                                                     .id = block_ids(b)[i],
                                                     .end_s = r.end_s,
                                                     .is_block = role != ROLE_GRANT};
        struct err e = s->flags & SCOPE_HAS_AREAS ? atlas_add(&w->atlas, w->scratch, s->territories) : ERR_OK;
        if (e.kind) return e;
    }
    return ERR_OK;
}

static struct err lay_out(struct sweep *w) {
    struct err e = w->ask->territories ? atlas_add(&w->atlas, w->scratch, w->ask->territories) : ERR_OK;
    if (e.kind) return e;
    atlas_close(&w->atlas);
    uint64_t *asked = arena_alloc_array(w->scratch, w->atlas.words, sizeof *asked);
    if (!asked) return err_memory();
    if (w->ask->territories) atlas_bits(&w->atlas, w->ask->territories, asked);
    else memset(asked, 0xff, w->atlas.words * sizeof *asked);
    w->asked = asked;
    w->times = arena_alloc_array(w->scratch, 2 * w->piece_count + 2, sizeof *w->times);
    if (!w->times) return err_memory();
    for (size_t i = 0; i < w->piece_count; i++) {
        struct piece *p = &w->pieces[i];
        w->times[w->time_count++] = p->from_s;
        w->times[w->time_count++] = p->to_s;
        if (!w->atlas.area_count) {
            p->bits = p->scope->bits;
            continue;
        }
        uint64_t *bits = arena_alloc_array(w->scratch, w->atlas.words, sizeof *bits);
        if (!bits) return err_memory();
        atlas_bits(&w->atlas, p->scope->territories, bits);
        p->bits = bits;
    }
    w->times[w->time_count++] = w->from_s;
    w->times[w->time_count++] = w->to_s;
    qsort(w->times, w->time_count, sizeof *w->times, by_number);
    size_t kept = 0;
    for (size_t i = 0; i < w->time_count; i++)
        if (!i || w->times[i] != w->times[i - 1]) w->times[kept++] = w->times[i];
    w->time_count = kept;
    qsort(w->pieces, w->piece_count, sizeof *w->pieces, by_start);
    return ERR_OK;
}

/* --- one medium, one language --- */

static bool concerns(const struct piece *p, unsigned medium, uint64_t tag) {
    if (!(p->scope->media >> medium & 1)) return false;
    if (!(p->scope->flags & SCOPE_HAS_LANGUAGES)) return true;
    return tag && languages_hold(languages_at(p->scope->languages), tag);
}

static struct err item_add(struct sweep *w, struct item item) {
    struct item *items = grow(w->scratch, w->items, w->item_count, &w->item_room, sizeof *items);
    if (!items) return err_memory();
    w->items = items;
    w->items[w->item_count++] = item;
    return ERR_OK;
}

/* The line that goes on longest of those that grant any of these territories now. */
static int64_t line_of(const struct sweep *w, const struct piece *const *active, size_t count, const uint64_t *bits) {
    const struct piece *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (active[i]->is_block || (best && active[i]->end_s <= best->end_s)) continue;
        uint64_t common = 0;
        for (size_t k = 0; k < w->atlas.words; k++) common |= active[i]->bits[k] & bits[k];
        if (common) best = active[i];
    }
    return best ? best->id : 0;
}

static struct err sweep(struct sweep *w, unsigned medium, uint16_t media, uint64_t tag) {
    size_t words = w->atlas.words, bytes = words * sizeof(uint64_t), active_count = 0, next = 0, group_count = 0, group_room = 0;
    const struct piece **active = arena_alloc_array(w->scratch, w->piece_count + 1, sizeof(struct piece *));
    uint64_t *former = arena_alloc_array(w->scratch, words, sizeof *former), *now = arena_alloc_array(w->scratch, words, sizeof *now);
    struct group *groups = NULL;
    if (!active || !former || !now) return err_memory();
    for (size_t t = 0; t < w->time_count; t++) {
        uint32_t at_s = w->times[t];
        size_t kept = 0, before = active_count;
        for (size_t i = 0; i < active_count; i++)
            if (active[i]->to_s > at_s) active[kept++] = active[i];
        active_count = kept;
        bool has_changed = kept < before;
        for (; next < w->piece_count && w->pieces[next].from_s == at_s; next++)
            if (concerns(&w->pieces[next], medium, tag)) {
                active[active_count++] = &w->pieces[next];
                has_changed = true;
            }
        if (!has_changed) continue;
        memset(now, 0, bytes);
        for (size_t i = 0; i < active_count; i++)
            for (size_t k = 0; !active[i]->is_block && k < words; k++) now[k] |= active[i]->bits[k];
        for (size_t i = 0; i < active_count; i++)
            for (size_t k = 0; active[i]->is_block && k < words; k++) now[k] &= ~active[i]->bits[k];
        for (size_t k = 0; k < words; k++) now[k] &= w->asked[k];
        if (!memcmp(now, former, bytes)) continue;

        kept = 0;
        for (size_t g = 0; g < group_count; g++) {
            uint64_t gone = 0;
            for (size_t k = 0; k < words; k++) gone |= groups[g].bits[k] & ~now[k];
            if (gone) {
                uint64_t *ended = arena_alloc_array(w->scratch, words, sizeof *ended);
                if (!ended) return err_memory();
                for (size_t k = 0; k < words; k++) {
                    ended[k] = groups[g].bits[k] & ~now[k];
                    groups[g].bits[k] &= now[k];
                }
                struct err e = item_add(w, (struct item){.from_s = groups[g].from_s, .to_s = at_s, .bits = ended, .words = words, .media = media, .tag = tag, .line_id = groups[g].line_id});
                if (e.kind) return e;
            }
            if (!atlas_is_empty(&w->atlas, groups[g].bits)) groups[kept++] = groups[g];
        }
        group_count = kept;
        uint64_t come = 0;
        for (size_t k = 0; k < words; k++) come |= now[k] & ~former[k];
        if (come) {
            struct group *grown = grow(w->scratch, groups, group_count, &group_room, sizeof *grown);
            uint64_t *bits = arena_alloc_array(w->scratch, words, sizeof *bits);
            if (!grown || !bits) return err_memory();
            groups = grown;
            for (size_t k = 0; k < words; k++) bits[k] = now[k] & ~former[k];
            groups[group_count++] = (struct group){.bits = bits, .from_s = at_s, .line_id = line_of(w, active, active_count, bits)};
        }
        memcpy(former, now, bytes);
    }
    return ERR_OK; /* at the last time, which is the end of what was asked, every piece has ended and each group with it */
}

/* --- all media and languages of a title --- */

/* Where several media are swept as one, the first stands for all. Returns its companions and itself, or 0 if another stood for it already. */
static uint16_t media_like(const struct sweep *w, unsigned medium) {
    uint16_t alike = 0;
    for (unsigned m = 0; m < RIGHTS_MEDIA; m++) {
        if (!(w->media >> m & 1)) continue;
        bool is_alike = true;
        for (size_t i = 0; i < w->piece_count && is_alike; i++) is_alike = (w->pieces[i].scope->media >> m & 1) == (w->pieces[i].scope->media >> medium & 1);
        if (!is_alike) continue;
        if (m < medium) return 0;
        alike |= (uint16_t)(1u << m);
    }
    return alike;
}

static struct err tags_collect(struct sweep *w, uint64_t **out, size_t *count) {
    size_t room = 0;
    *out = NULL;
    *count = 0;
    for (size_t i = 0; i < w->piece_count; i++) {
        if (w->pieces[i].is_block) continue;
        const struct languages *l = languages_at(w->pieces[i].scope->languages);
        for (uint32_t k = 0; k < l->count; k++) {
            bool is_there = false;
            for (size_t j = 0; j < *count && !is_there; j++) is_there = (*out)[j] == l->tags[k];
            if (is_there) continue;
            uint64_t *tags = grow(w->scratch, *out, *count, &room, sizeof *tags);
            if (!tags) return err_memory();
            *out = tags;
            tags[(*count)++] = l->tags[k];
        }
    }
    return ERR_OK;
}

static int item_order(const struct item *a, const struct item *b) {
    if (a->from_s != b->from_s) return a->from_s < b->from_s ? -1 : 1;
    if (a->to_s != b->to_s) return a->to_s < b->to_s ? -1 : 1;
    return memcmp(a->bits, b->bits, a->words * sizeof *a->bits);
}
static int by_tag(const void *a, const void *b) {
    const struct item *x = a, *y = b;
    if (x->tag != y->tag) return x->tag < y->tag ? -1 : 1;
    int order = item_order(x, y);
    return order ? order : (x->media > y->media) - (x->media < y->media);
}
static int by_time(const void *a, const void *b) {
    const struct item *x = a, *y = b;
    int order = item_order(x, y);
    if (!order) order = (x->media > y->media) - (x->media < y->media);
    return order ? order : (x->tag > y->tag) - (x->tag < y->tag);
}

/* Does an item without languages say all of this already? Those come first. */
static bool is_said(const struct sweep *w, const struct item *item) {
    for (size_t i = 0; i < w->item_count && !w->items[i].tag; i++) {
        const struct item *any = &w->items[i];
        uint64_t outside = 0;
        if (any->from_s > item->from_s || any->to_s < item->to_s || item->media & ~any->media) continue;
        for (size_t k = 0; k < w->atlas.words; k++) outside |= item->bits[k] & ~any->bits[k];
        if (!outside) return true;
    }
    return false;
}

static struct err join(struct sweep *w, bool has_tags) {
    qsort(w->items, w->item_count, sizeof *w->items, by_tag);
    size_t kept = 0;
    for (size_t i = 0; i < w->item_count; i++) { /* media together */
        struct item *last = kept ? &w->items[kept - 1] : NULL, *item = &w->items[i];
        if (last && last->tag == item->tag && !item_order(last, item)) last->media |= item->media;
        else w->items[kept++] = *item;
    }
    w->item_count = kept;
    if (!has_tags) return ERR_OK;
    kept = 0;
    for (size_t i = 0; i < w->item_count; i++)
        if (!w->items[i].tag || !is_said(w, &w->items[i])) w->items[kept++] = w->items[i];
    w->item_count = kept;
    qsort(w->items, w->item_count, sizeof *w->items, by_time);
    kept = 0;
    for (size_t i = 0; i < w->item_count; i++) { /* languages together */
        struct item *last = kept ? &w->items[kept - 1] : NULL, *item = &w->items[i];
        bool is_same = last && last->tag && item->tag && last->media == item->media && !item_order(last, item);
        if (!is_same) {
            w->items[kept++] = *item;
            last = &w->items[kept - 1];
            last->tags = arena_alloc_array(w->scratch, LANGUAGES_MAX, sizeof *last->tags);
            if (!last->tags) return err_memory();
            last->tag_count = 0;
        }
        if (item->tag && last->tag_count < LANGUAGES_MAX) last->tags[last->tag_count++] = item->tag;
    }
    w->item_count = kept;
    return ERR_OK;
}

static struct err title_avails(const struct rights_index *ix, struct sweep *w, const int64_t titles[3]) {
    const struct table *table = atomic_load(&ix->table);
    struct err e = ERR_OK;
    for (int i = 0; i < 3 && !e.kind; i++) {
        const struct block *b = titles[i] ? table_find(table, titles[i]) : NULL;
        if (b) e = collect(w, b, atomic_load(&ix->scopes));
    }
    bool has_grant = false;
    for (size_t i = 0; i < w->piece_count; i++) has_grant |= !w->pieces[i].is_block;
    if (e.kind || !has_grant) return e;
    uint64_t *tags;
    size_t tag_count;
    if ((e = lay_out(w)).kind || (e = tags_collect(w, &tags, &tag_count)).kind) return e;
    for (unsigned m = 0; m < RIGHTS_MEDIA && !e.kind; m++) {
        uint16_t alike = w->media >> m & 1 ? media_like(w, m) : 0;
        if (!alike) continue;
        e = sweep(w, m, alike, 0);
        for (size_t i = 0; i < tag_count && !e.kind; i++) e = sweep(w, m, alike, tags[i]);
    }
    return e.kind || !w->item_count ? e : join(w, tag_count > 0);
}

struct err rights_index_avails(const struct rights_index *ix, struct arena *mem, const struct rights_avails_ask *ask, struct rights_avail_list *out) {
    if (ask->from_s < 0 || ask->from_s >= ask->to_s || ask->to_s > RIGHTS_ENDLESS)
        return err_make(ERR_INPUT, "rights.window", "The period is empty, reversed, or beyond what can be counted.");
    struct arena *scratch = arena_create(SCRATCH_BYTES_MAX);
    if (!scratch) return err_memory();
    struct rights_avail *items = NULL;
    size_t count = 0, room = 0;
    struct err e = ERR_OK;
    struct epoch_place *reading = epoch_enter();
    for (size_t title = 0; title < ask->title_count && count < ask->limit && !e.kind; title++) {
        arena_reset(scratch);
        struct sweep w = {.ask = ask, .media = ask->media ? ask->media : RIGHTS_ALL_MEDIA, .from_s = (uint32_t)ask->from_s, .to_s = (uint32_t)ask->to_s, .scratch = scratch};
        e = title_avails(ix, &w, ask->titles[title]);
        for (size_t i = 0; i < w.item_count && count < ask->limit && !e.kind; i++) {
            const struct item *from = &w.items[i];
            struct rights_avail a = {.title = title, .media = from->media, .from_s = from->from_s, .to_s = from->to_s, .line_id = from->line_id};
            e = atlas_set(&w.atlas, from->bits, &a.territories);
            if (!e.kind) e = languages_intern(from->tags, from->tag_count, &a.languages);
            struct rights_avail *grown = e.kind ? NULL : grow(mem, items, count, &room, sizeof *items);
            if (!e.kind && !grown) e = err_memory();
            if (e.kind) break;
            items = grown;
            items[count++] = a;
        }
    }
    epoch_leave(reading);
    arena_destroy(&scratch);
    if (!e.kind) *out = (struct rights_avail_list){items, count};
    return e;
}
