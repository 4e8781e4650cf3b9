/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * edit.c: offers made and changed. A change is laid over what stands, the whole is looked through, and the whole is what is stored: a version. */
#include "base/utf8.h"
#include "business/offer/offer_sql.h"
#include "business/offer/room.h"

enum { PROBLEMS_MAX = 100 };

struct draft {
    struct offers *o;
    struct arena *arena;
    const struct catalog_view *view;
    const struct offer_change *change;
    struct offer offer;
    bool is_new;
    struct offer_problem *problems; /* PROBLEMS_MAX */
    size_t problem_count;
};

static void problem(struct draft *d, struct slice field, const char *code, const char *what, struct slice about) {
    if (d->problem_count == PROBLEMS_MAX) return;
    d->problems[d->problem_count++] = (struct offer_problem){.field = field, .code = code, .what = what, .about = arena_copy(d->arena, about)};
}

static void texts_lay(struct draft *d) {
    bool has_name = false;
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        struct offer_text *t = &d->offer.texts[i];
        struct slice lang = text_languages[i].code;
        if (d->change->texts[i].has_name) t->name = arena_copy(d->arena, slice_trim(d->change->texts[i].name));
        if (d->change->texts[i].has_description) t->description = arena_copy(d->arena, slice_trim(d->change->texts[i].description));
        if (t->name.len && !utf8_is_display_text(t->name, OFFER_NAME_MAX))
            problem(d, arena_printf(d->arena, "names.%.*s", SLICE_ARG(lang)), "offer.name", "A name is plain text of at most 120 characters.", SLICE_NONE);
        size_t chars = 0;
        for (size_t at = 0; at < t->description.len; chars++) {
            size_t step = utf8_step(slice_sub(t->description, at, t->description.len));
            at += step ? step : 1;
        }
        if (t->description.len && (!utf8_is_valid(t->description) || chars > OFFER_DESCRIPTION_MAX))
            problem(d, arena_printf(d->arena, "descriptions.%.*s", SLICE_ARG(lang)), "offer.description", "A description is text of at most 1,000 characters.", SLICE_NONE);
        has_name |= t->name.len > 0;
    }
    if (!has_name) problem(d, SLICE("names"), "offer.name_missing", "An offer needs a name in at least one language.", SLICE_NONE);
}

static const struct catalog_title *title_named(struct draft *d, struct slice public_id, struct slice field) {
    const struct catalog_title *title = catalog_find(d->view, public_id);
    if (!title) problem(d, field, "offer.title_unknown", "There is no such title.", public_id);
    return title;
}

static void contents_lay(struct draft *d) {
    struct offer *o = &d->offer;
    const struct offer_change *ch = d->change;
    if (ch->has_contents) {
        o->contents = ch->contents;
        o->holder_id = 0;
        o->title_count = 0;
        if (ch->contents == OFFER_COLLECTION || ch->contents == OFFER_SERIES) {
            const struct catalog_title *holder = title_named(d, ch->holder, SLICE("contains.id"));
            bool is_fit = holder && (ch->contents == OFFER_COLLECTION ? holder->kind == CATALOG_COLLECTION : holder->kind == CATALOG_SERIES || holder->kind == CATALOG_SEASON);
            if (holder && !is_fit)
                problem(d, SLICE("contains.id"), "offer.contents", "A collection is named here, or a series or season: this title is neither.", ch->holder);
            if (holder) o->holder_id = holder->id;
        } else if (ch->contents == OFFER_TITLES) {
            int64_t *ids = arena_alloc_array(d->arena, ch->title_count + 1, sizeof *ids);
            o->titles = ids;
            if (!ch->title_count || ch->title_count > OFFER_TITLES_MAX)
                problem(d, SLICE("contains.titles"), "offer.contents", "Name between 1 and 200 titles, each once.", SLICE_NONE);
            for (size_t i = 0; ids && i < ch->title_count && i < OFFER_TITLES_MAX; i++) {
                const struct catalog_title *title = title_named(d, ch->titles[i], arena_printf(d->arena, "contains.titles[%zu]", i));
                bool is_twice = false;
                for (size_t k = 0; title && k < o->title_count; k++) is_twice |= ids[k] == title->id;
                if (is_twice || (title && title->kind == CATALOG_COLLECTION))
                    problem(d, arena_printf(d->arena, "contains.titles[%zu]", i), "offer.contents", "Name between 1 and 200 titles, each once.", ch->titles[i]);
                else if (title) ids[o->title_count++] = title->id;
            }
        }
    }
    static const char *const misfit = "An offer of this kind does not contain that: a bundle names titles, a season pass a series, seasons or all, a gift card nothing.";
    bool fits = o->kind == OFFER_BUNDLE ? o->contents == OFFER_TITLES : o->kind == OFFER_GIFT_CARD ? o->contents == OFFER_ALL : o->kind != OFFER_SEASON_PASS || o->contents != OFFER_COLLECTION;
    if (fits && o->kind == OFFER_SEASON_PASS && o->contents == OFFER_TITLES)
        for (size_t i = 0; i < o->title_count; i++) {
            const struct catalog_title *title = catalog_find_id(d->view, o->titles[i]);
            if (title && title->kind != CATALOG_SERIES && title->kind != CATALOG_SEASON) fits = false;
        }
    if (!fits) problem(d, SLICE("contains.kind"), "offer.contents_kind", misfit, SLICE_NONE);
}

static void prices_lay(struct draft *d) {
    struct offer *o = &d->offer;
    const struct offer_change *ch = d->change;
    if (ch->has_prices) {
        struct offer_price *prices = arena_alloc_array(d->arena, ch->price_count + 1, sizeof *prices);
        o->prices = prices;
        o->price_count = 0;
        for (size_t i = 0; prices && i < ch->price_count && i < OFFER_PRICES_MAX; i++) {
            const struct offer_price_new *p = &ch->prices[i];
            struct slice bad = SLICE_NONE, amount = arena_printf(d->arena, "prices[%zu].amount", i);
            struct offer_price one = {.amount = p->amount};
            if (!currency_of(p->amount.currency))
                problem(d, arena_printf(d->arena, "prices[%zu].currency", i), "money.currency", "There is no such currency. Use a code of ISO 4217, such as EUR.", SLICE_NONE);
            if (p->amount.minor <= 0) problem(d, amount, "offer.price", "A price is more than nothing. What is free needs no offer.", SLICE_NONE);
            struct err e = rights_territories_of(p->territories, &one.territories, &bad);
            if (e.kind) problem(d, arena_printf(d->arena, "prices[%zu].territories", i), e.code, e.what, bad);
            else prices[o->price_count++] = one;
        }
    }
    if (!o->price_count || (ch->has_prices && ch->price_count > OFFER_PRICES_MAX))
        problem(d, SLICE("prices"), "offer.prices", "An offer has between 1 and 60 prices, each with the territories where it holds.", SLICE_NONE);
    for (size_t i = 0; i < o->price_count; i++)
        for (size_t k = 0; k < i; k++) {
            uint32_t common = 0;
            if (!rights_territories_meet(o->prices[k].territories, o->prices[i].territories)) continue;
            struct slice about = SLICE_NONE;
            if (!rights_territories_common(o->prices[k].territories, o->prices[i].territories, &common).kind && common) about = rights_territories_text(common);
            problem(d, arena_printf(d->arena, "prices[%zu].territories", i), "offer.overlap", "Two prices of this offer hold in the same territory. Leave it out of one of them.", about);
        }
}

static void bounded(struct draft *d, struct slice field, const char *code, const char *what, int64_t value, int64_t min, int64_t max, int *out) {
    if (value < min || value > max) problem(d, field, code, what, SLICE_NONE);
    else *out = (int)value;
}

static void terms_lay(struct draft *d) {
    struct offer *o = &d->offer;
    const struct offer_change *ch = d->change;
    bool is_plan = o->kind == OFFER_SUBSCRIPTION, is_rental = o->kind == OFFER_RENTAL;
    if (ch->has_period && is_plan) {
        o->unit = ch->unit;
        bounded(d, SLICE("period.count"), "offer.period", "A period is 1 to 24 months, or 1 to 5 years.", ch->period, 1, ch->unit == OFFER_YEAR ? 5 : 24, &o->period);
    }
    if (ch->has_trial && is_plan) bounded(d, SLICE("trial_days"), "offer.trial", "A trial has at most 90 days; 0 means none.", ch->trial_days, 0, 90, &o->trial_days);
    if (ch->has_grace && is_plan)
        bounded(d, SLICE("grace_days"), "offer.grace", "The days of grace after a failed renewal are at most 60.", ch->grace_days, 0, 60, &o->grace_days);
    if (ch->has_vouchers && is_plan)
        bounded(d, SLICE("vouchers"), "offer.vouchers", "A period has at most 1,000 film vouchers; 0 means none.", ch->vouchers, 0, 1000, &o->vouchers);
    if (ch->has_rental && is_rental) {
        bounded(d, SLICE("rental.start_within_days"), "offer.rental", "A rental is begun within 1 to 365 days and watched for 1 to 720 hours.", ch->start_within_days, 1, 365,
                &o->start_within_days);
        bounded(d, SLICE("rental.watch_hours"), "offer.rental", "A rental is begun within 1 to 365 days and watched for 1 to 720 hours.", ch->watch_hours, 1, 720, &o->watch_hours);
    }
    if (ch->has_is_on_sale) o->is_on_sale = ch->is_on_sale;
    if (ch->has_window) {
        o->starts_s = ch->starts_s;
        o->ends_s = ch->ends_s;
    }
    if (o->starts_s < 0 || o->starts_s >= o->ends_s || o->ends_s > OFFER_ENDLESS)
        problem(d, SLICE("ends_at"), "offer.window", "An offer is on sale from one moment to a later one, or without end.", SLICE_NONE);
}

/* Lays the change over what stands. */
MUST_USE static struct err draft_make(struct draft *d, struct offers *o, struct arena *arena, int64_t org_id, const struct catalog_view *view, struct slice public_id,
                                      const struct offer_change *change) {
    *d = (struct draft){.o = o, .arena = arena, .view = view, .change = change, .is_new = !public_id.len};
    d->problems = arena_alloc_array(arena, PROBLEMS_MAX, sizeof *d->problems);
    if (!d->problems) return err_memory();
    if (d->is_new) {
        d->offer = (struct offer){.org_id = org_id, .version = 0, .kind = change->kind, .is_on_sale = true, .ends_s = OFFER_ENDLESS, .period = 1};
        if (!change->has_kind) problem(d, SLICE("kind"), "offer.kind", "Say what kind of offer it is.", SLICE_NONE);
        if (change->kind == OFFER_SUBSCRIPTION) d->offer.grace_days = 7;
        if (change->kind == OFFER_RENTAL) d->offer.start_within_days = 30, d->offer.watch_hours = 48;
    } else {
        struct offer_here here;
        struct err e = offer_get(o, arena, org_id, public_id, (struct rights_place){.country = RIGHTS_NOWHERE}, &here);
        if (e.kind) return e;
        d->offer = here.offer;
        if (change->has_kind && change->kind != d->offer.kind)
            problem(d, SLICE("kind"), "offer.kind_fixed", "What kind of offer it is does not change. Make another offer.", SLICE_NONE);
    }
    texts_lay(d);
    contents_lay(d);
    prices_lay(d);
    terms_lay(d);
    return arena_overflowed(arena) ? err_memory() : ERR_OK;
}

struct save_work {
    struct offers *o;
    const struct offer *offer;
    int64_t now_s;
    bool is_new;
};
static struct err save_fn(struct db_tx *tx, void *arg) {
    const struct save_work *w = arg;
    const struct offer *of = w->offer;
    int64_t version = of->version + 1, changed = 0;
    struct err e;
    if (w->is_new) {
        if (DB_GET_INT(tx, 0, &offer_count, DB_INT("org_id", of->org_id)) >= OFFER_OFFERS_MAX)
            return err_make(ERR_LIMIT, "offer.many", "There are at most 1,000 offers. Change one that is not sold any more.");
        e = DB_RUN(tx, &offer_insert, DB_INT("id", of->id), DB_INT("org_id", of->org_id), DB_TEXT("public_id", public_id_slice(&of->public_id)), DB_INT("kind", of->kind),
                   DB_INT("now_s", w->now_s));
    } else {
        e = DB_CHANGE(tx, &changed, &offer_advance, DB_INT("org_id", of->org_id), DB_INT("id", of->id), DB_INT("version", of->version));
        if (!e.kind && !changed) e = err_make(ERR_CONFLICT, "offer.changed", "Somebody else has changed this offer meanwhile. Look at it again.");
    }
    if (!e.kind)
        e = DB_RUN(tx, &offer_version_insert, DB_INT("id", of->id), DB_INT("version", version), DB_INT("org_id", of->org_id), DB_INT("now_s", w->now_s),
                   DB_BOOL("is_on_sale", of->is_on_sale), DB_INT("starts_s", of->starts_s), DB_INT("ends_s", of->ends_s), DB_INT("contents", of->contents),
                   DB_INT("holder_id", of->holder_id), DB_INT("unit", of->unit), DB_INT("period", of->period), DB_INT("trial_days", of->trial_days),
                   DB_INT("grace_days", of->grace_days), DB_INT("vouchers", of->vouchers), DB_INT("start_within_days", of->start_within_days), DB_INT("watch_hours", of->watch_hours));
    for (int i = 0; !e.kind && i < TEXT_LANGUAGE_COUNT; i++)
        if (of->texts[i].name.len || of->texts[i].description.len)
            e = DB_RUN(tx, &offer_text_insert, DB_INT("id", of->id), DB_INT("version", version), DB_INT("lang", i), DB_INT("org_id", of->org_id),
                       DB_TEXT("name", of->texts[i].name), DB_TEXT("description", of->texts[i].description));
    for (size_t i = 0; !e.kind && i < of->price_count; i++)
        e = DB_RUN(tx, &offer_price_insert, DB_INT("id", of->id), DB_INT("version", version), DB_INT("position", (int64_t)i), DB_INT("org_id", of->org_id),
                   DB_INT("minor", of->prices[i].amount.minor), DB_INT("currency", of->prices[i].amount.currency),
                   DB_TEXT("territories", rights_territories_text(of->prices[i].territories)));
    for (size_t i = 0; !e.kind && of->contents == OFFER_TITLES && i < of->title_count; i++)
        e = DB_RUN(tx, &offer_title_insert, DB_INT("id", of->id), DB_INT("version", version), DB_INT("position", (int64_t)i), DB_INT("org_id", of->org_id),
                   DB_INT("title_id", of->titles[i]));
    return e.kind ? e : offers_note_in(tx, of->org_id);
}

static struct err report_make(struct draft *d, struct offer_report *report) {
    if (!report) return ERR_OK;
    *report = (struct offer_report){.problems = d->problems, .problem_count = d->problem_count};
    return d->problem_count ? ERR_OK : offer_warn(d->o, d->arena, d->view, &d->offer, 1, &report->warnings, &report->warning_count);
}

static struct err edit(struct offers *o, struct arena *arena, int64_t org_id, struct slice public_id, const struct offer_change *change, bool saves, struct offer_report *report,
                       struct public_id *out) {
    struct catalog_view *view;
    struct draft d;
    struct err e = catalog_view_take(o->o.catalog, org_id, &view);
    if (e.kind) return e;
    e = draft_make(&d, o, arena, org_id, view, public_id, change);
    if (!e.kind) e = report_make(&d, report);
    if (!e.kind && saves && d.problem_count) e = err_make(ERR_INPUT, d.problems[0].code, d.problems[0].what);
    if (!e.kind && saves) {
        if (d.is_new) {
            d.offer.id = id_next(o->o.ids);
            d.offer.public_id = public_id_random();
        }
        struct save_work w = {.o = o, .offer = &d.offer, .now_s = offers_now_s(o), .is_new = d.is_new};
        e = db_write(o->o.db, save_fn, &w);
        if (!e.kind && out) *out = d.offer.public_id;
        if (!e.kind) e = offers_refresh(o);
    }
    catalog_view_give(&view);
    return e;
}

struct err offer_check(struct offers *o, struct arena *arena, int64_t org_id, struct slice offer, const struct offer_change *change, struct offer_report *out) {
    return edit(o, arena, org_id, offer, change, false, out, NULL);
}
struct err offer_create(struct offers *o, struct arena *arena, int64_t org_id, const struct offer_change *change, struct offer_report *report, struct public_id *out) {
    return edit(o, arena, org_id, SLICE_NONE, change, true, report, out);
}
struct err offer_change(struct offers *o, struct arena *arena, int64_t org_id, struct slice offer, const struct offer_change *change, struct offer_report *report) {
    if (!offer.len) return err_make(ERR_NOT_FOUND, "offer.not_found", "There is no such offer.");
    return edit(o, arena, org_id, offer, change, true, report, NULL);
}
