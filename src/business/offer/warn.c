/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * warn.c: where an offer says that it sells something, and contracts say otherwise: now, or soon. Country by country, for each title that an offer names. What contains all names none:
 * of it only that nothing is left is told. */
#include "business/offer/offer_sql.h"
#include "business/offer/room.h"

#include <string.h>

enum { SOON_S = 30 * 86400, COUNTRIES_SHOWN = 40 };

struct warning_list {
    struct offers *o;
    struct arena *arena;
    const struct catalog_view *view;
    const struct offer *offer;
    int64_t now_s;
    struct offer_warning *items; /* OFFER_WARNINGS_MAX */
    size_t count;
};

struct places {
    uint8_t countries[RIGHTS_COUNTRIES];
    size_t count;
};
static struct slice places_text(struct arena *arena, const struct places *p) {
    struct buf text = BUF(4 * RIGHTS_COUNTRIES + 8);
    for (size_t i = 0; i < p->count && i < COUNTRIES_SHOWN; i++) buf_printf(&text, "%s%s", i ? "," : "", rights_country_code(p->countries[i]));
    if (p->count > COUNTRIES_SHOWN) buf_printf(&text, ",+%zu", p->count - COUNTRIES_SHOWN);
    struct slice out = arena_copy(arena, buf_slice(&text));
    buf_free(&text);
    return out;
}

static void warn(struct warning_list *w, const char *code, const char *what, const struct catalog_title *title, int64_t title_id, struct slice territories, int64_t until_s,
                 enum rights_reason reason) {
    if (w->count == OFFER_WARNINGS_MAX) return;
    w->items[w->count] = (struct offer_warning){.code = code, .what = what, .offer_id = w->offer->id, .title_id = title_id, .territories = territories, .until_s = until_s, .reason = reason};
    if (title) w->items[w->count].title = title->public_id;
    w->count++;
}

static const char *const lost_what = "Contracts do not allow this title to be sold this way there now: it is not sold.";
static const char *const ending_what = "Contracts will not allow this title to be sold this way there much longer: from then on it is not sold.";
static const char *const later_what = "Contracts do not allow this title to be sold this way there yet: it is sold from then on.";

static bool warn_title(void *user, const struct catalog_title *title, int64_t id) {
    struct warning_list *w = user;
    if (!title) {
        warn(w, "offer.title_gone", "This title is not in the catalogue any more: it is not sold.", NULL, id, SLICE_NONE, 0, RIGHTS_BECAUSE_NONE);
        return w->count < OFFER_WARNINGS_MAX;
    }
    struct places lost = {0}, ending = {0}, later = {0};
    struct offer_question q;
    offer_question_of(w->view, title, (struct rights_place){0}, w->now_s, &q);
    if (!offer_fits(w->offer, &q, true)) return true;
    int64_t ending_s = OFFER_ENDLESS, later_s = OFFER_ENDLESS;
    enum rights_reason reason = RIGHTS_BECAUSE_NONE;
    size_t asked = 0;
    for (unsigned c = 0; c < RIGHTS_COUNTRIES; c++) {
        q.place = (struct rights_place){.country = (uint8_t)c};
        if (!offer_price_at(w->offer, q.place)) continue;
        asked++;
        struct rights_answer answer, then;
        q.at_s = w->now_s;
        offer_rights_of(w->o, w->offer->kind, &q, &answer);
        if (!answer.is_allowed) {
            if (answer.reason == RIGHTS_BECAUSE_NOT_YET) {
                later.countries[later.count++] = (uint8_t)c;
                if (answer.from_s < later_s) later_s = answer.from_s;
            } else {
                lost.countries[lost.count++] = (uint8_t)c;
                if (answer.reason < reason) reason = answer.reason; /* the one that comes nearest to a yes says most */
            }
        } else if (answer.until_s < w->now_s + SOON_S && answer.until_s <= RIGHTS_TIME_MAX) {
            struct offer_question after = q;
            after.at_s = answer.until_s;
            after.event_s = 0;
            offer_rights_of(w->o, w->offer->kind, &after, &then);
            if (then.is_allowed) continue;
            ending.countries[ending.count++] = (uint8_t)c;
            if (answer.until_s < ending_s) ending_s = answer.until_s;
        }
    }
    if (lost.count) warn(w, "offer.rights_lost", lost_what, title, id, lost.count == asked ? SLICE_NONE : places_text(w->arena, &lost), 0, reason);
    if (ending.count) warn(w, "offer.rights_ending", ending_what, title, id, ending.count == asked ? SLICE_NONE : places_text(w->arena, &ending), ending_s, RIGHTS_BECAUSE_ENDED);
    if (later.count) warn(w, "offer.rights_later", later_what, title, id, later.count == asked ? SLICE_NONE : places_text(w->arena, &later), later_s, RIGHTS_BECAUSE_NOT_YET);
    return w->count < OFFER_WARNINGS_MAX;
}

struct err offer_warn(struct offers *o, struct arena *arena, const struct catalog_view *view, const struct offer *offers, size_t count, struct offer_warning **out, size_t *found) {
    struct warning_list w = {.o = o, .arena = arena, .view = view, .now_s = offers_now_s(o)};
    w.items = arena_alloc_array(arena, OFFER_WARNINGS_MAX, sizeof *w.items);
    struct offer_settings settings;
    if (!w.items) return err_memory();
    for (size_t i = 0; i < count && w.count < OFFER_WARNINGS_MAX; i++) {
        w.offer = &offers[i];
        if (w.offer->kind == OFFER_GIFT_CARD) continue;
        if (w.offer->contents != OFFER_ALL) offer_walk(view, w.offer, warn_title, &w);
        struct places empty = {0}, untaxed = {0};
        struct err e = offer_settings_get(o, arena, w.offer->org_id, &settings);
        if (e.kind) return e;
        size_t asked = 0, narrow = 0;
        for (unsigned c = 0; c < RIGHTS_COUNTRIES; c++) {
            struct rights_place place = {.country = (uint8_t)c};
            const struct offer_price *price = offer_price_at(w.offer, place);
            if (!price) continue;
            asked++;
            if (!offer_is_covered(o, view, w.offer, place, w.now_s)) empty.countries[empty.count++] = (uint8_t)c;
            if (rights_territories_count(price->territories) > COUNTRIES_SHOWN) continue; /* a price for the rest of the world is no statement about each country */
            narrow++;
            bool has_tax = false;
            for (size_t t = 0; t < settings.tax_count; t++) has_tax |= !memcmp(settings.taxes[t].country, rights_country_code((uint8_t)c), 2);
            if (settings.tax_count && !has_tax) untaxed.countries[untaxed.count++] = (uint8_t)c;
        }
        if (empty.count)
            warn(&w, "offer.empty", "It is not sold there now: of what it contains nothing may be, or not all of what is sold as a whole.", NULL, 0,
                 empty.count == asked ? SLICE_NONE : places_text(arena, &empty), 0, RIGHTS_BECAUSE_NONE);
        if (untaxed.count)
            warn(&w, "offer.no_tax", "There is a price for countries that have no tax rate in the settings: no tax is worked out there.", NULL, 0, places_text(arena, &untaxed), 0,
                 RIGHTS_BECAUSE_NONE);
    }
    if (arena_overflowed(arena)) return err_memory();
    *out = w.items;
    *found = w.count;
    return ERR_OK;
}

struct err offer_warnings(struct offers *o, struct arena *arena, int64_t org_id, int64_t offer_id, struct offer_warning **out, size_t *count) {
    struct catalog_view *view;
    struct offer_list list;
    struct err e = catalog_view_take(o->o.catalog, org_id, &view);
    if (e.kind) return e;
    e = offers_list(o, arena, org_id, &list);
    size_t kept = 0;
    int64_t now_s = offers_now_s(o);
    for (size_t i = 0; !e.kind && i < list.count; i++)
        if (offer_id ? list.items[i].id == offer_id : list.items[i].is_on_sale && list.items[i].ends_s > now_s) list.items[kept++] = list.items[i];
    if (!e.kind) e = offer_warn(o, arena, view, list.items, kept, out, count);
    catalog_view_give(&view);
    return e;
}
