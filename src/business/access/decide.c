/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The decision. Everything it asks is in memory: rights without a lock, grants, household and streams under one each for a moment. */
#include <string.h>

#include "business/access/room.h"

const char *access_step_name(enum access_step s) {
    static const char *const names[] = {"rights", "entitlement", "rating", "streams"};
    return names[s];
}
const char *access_state_name(enum access_state s) {
    static const char *const names[] = {"playable", "sign_in", "locked", "rating", "unavailable"};
    return names[s];
}

const char *access_reason_known(struct slice text) {
    static const char *const ours[] = {"access.free", "access.granted", "access.subscribed", "access.rented", "access.bought", "access.entitlement", "access.rating", "access.pin", "access.profile", "access.streams",
                                       "access.removed"};
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (slice_eq(text, slice_cstr(ours[i]))) return ours[i];
    for (int i = 0; i < RIGHTS_REASONS; i++)
        if (slice_eq(text, slice_cstr(rights_reason_code((enum rights_reason)i)))) return rights_reason_code((enum rights_reason)i);
    return "access.profile";
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

/* --- rights and entitlement: they are asked together, since the entitlement says in which way it would be watched --- */

/* In which a household may come to watch, the likeliest first. */
static const enum rights_medium sold[] = {RIGHTS_SUBSCRIPTION, RIGHTS_RENTAL, RIGHTS_PURCHASE, RIGHTS_ADVERTISING, RIGHTS_CATCH_UP, RIGHTS_LIVE};

struct way { /* one in which he could watch it */
    enum rights_medium medium;
    const struct grant *grant;     /* given by hand; NULL */
    const struct order_held *held; /* bought; NULL. Neither: it is free, or not his */
    struct rights_answer rights;
};

struct judged {
    struct way way;  /* the first that rights allow, else the one that comes nearest to it */
    bool is_his;     /* it is free, granted or bought */
    int64_t until_s; /* of the ways tried, and of what he has */
};
struct owned { /* what he has for a title: memory for a judgement */
    struct grant grants[GRANTS_FOUND_MAX];
    struct order_held held[ORDER_HELD_MAX];
};

static void way_try(struct access *a, struct rights_question *question, enum rights_medium medium, const struct grant *grant, const struct order_held *held,
                    struct judged *j) {
    struct way way = {.medium = medium, .grant = grant, .held = held};
    question->medium = medium;
    rights_decide(a->o.rights, question, &way.rights);
    j->until_s = earlier(j->until_s, way.rights.until_s);
    /* Reasons stand in the order in which they come near to a yes; the first way wins among equals. */
    if (j->way.rights.reason > way.rights.reason) j->way = way;
}

static enum access_entitled entitled_by(const struct order_held *held) {
    return held->kind == OFFER_SUBSCRIPTION ? ACCESS_BY_PLAN : held->kind == OFFER_RENTAL ? ACCESS_BY_RENTAL : ACCESS_BY_PURCHASE;
}
static bool is_unbegun(const struct order_held *held) { return held->kind == OFFER_RENTAL && !held->started_s; }
/* In this order what was bought is used: what costs nothing more first, a rental that was not begun last. */
static int held_rank(const struct order_held *held) { return (int)entitled_by(held) + is_unbegun(held); }

/* When it no longer opens anything. A rental begins with the play that is being asked about. */
static int64_t held_end(const struct access_question *q, const struct order_held *held) {
    if (q->with_renewals && held->renews) return ACCESS_ENDLESS;
    return is_unbegun(held) && !q->with_renewals ? earlier(held->ends_s, q->at_s + held->watch_s) : held->ends_s;
}

static void judge(struct access *a, const struct access_question *q, const int64_t titles[3], struct owned *owned, struct judged *j) {
    struct rights_question question = {.titles = {titles[0], titles[1], titles[2]}, .at_s = q->at_s};
    const struct geo_place *place = &q->viewer->place;
    if (!rights_place_parse(slice_cstr(place->country), slice_cstr(place->area), &question.place)) question.place = (struct rights_place){.country = RIGHTS_NOWHERE};
    if (q->lang.len && rights_tag_of(q->lang, &question.language).kind) question.language = 0;
    *j = (struct judged){.way.rights.reason = RIGHTS_REASONS, .until_s = ACCESS_ENDLESS};

    bool is_on_air = q->title->status == CATALOG_LIVE;
    if (q->title->is_free) {
        j->is_his = true;
        way_try(a, &question, is_on_air ? RIGHTS_LIVE : RIGHTS_FREE, NULL, NULL, j);
    }
    int64_t household_id = q->viewer->household_id;
    size_t count = household_id ? grants_find(a, household_id, titles, q->at_s, owned->grants, &j->until_s) : 0;
    for (size_t i = 0; i < count && !j->way.rights.is_allowed; i++) {
        j->is_his = true;
        way_try(a, &question, (enum rights_medium)owned->grants[i].medium, &owned->grants[i], NULL, j);
    }
    count = household_id && a->o.order ? order_entitlement(a->o.order, q->viewer->org_id, household_id, titles, q->at_s, owned->held, &j->until_s) : 0;
    for (int rank = ACCESS_BY_PLAN; count && rank <= ACCESS_BY_RENTAL + 1; rank++)
        for (size_t i = 0; i < count && !j->way.rights.is_allowed; i++) {
            if (held_rank(&owned->held[i]) != rank) continue;
            j->is_his = true;
            way_try(a, &question, owned->held[i].medium, NULL, &owned->held[i], j);
        }
    for (size_t i = 0; i < ARRAY_LEN(sold) && !j->is_his && !j->way.rights.is_allowed; i++)
        if (sold[i] != RIGHTS_LIVE || q->title->kind == CATALOG_EVENT) way_try(a, &question, sold[i], NULL, NULL, j);
    if (j->way.grant) j->until_s = earlier(j->until_s, j->way.grant->ends_s);
    if (j->way.held) j->until_s = earlier(j->until_s, held_end(q, j->way.held));
}

static enum access_entitled entitled_in(const struct judged *j) {
    return !j->is_his ? ACCESS_BY_NOTHING : j->way.grant ? ACCESS_BY_GRANT : j->way.held ? entitled_by(j->way.held) : ACCESS_BY_BEING_FREE;
}

static struct access_answer rights_answer(const struct judged *j) {
    const struct rights_answer *r = &j->way.rights;
    return (struct access_answer){
        .is_allowed = r->is_allowed,
        .state = r->is_allowed ? ACCESS_PLAYABLE : ACCESS_UNAVAILABLE,
        .step = ACCESS_RIGHTS,
        .reason = rights_reason_code(r->reason),
        .line_id = r->line_id,
        .medium = j->way.medium,
        .counts_plays = r->counts_plays,
        .from_s = r->from_s,
        .until_s = j->until_s,
    };
}

static struct access_answer entitlement_answer(const struct access_question *q, const struct judged *j) {
    struct access_answer answer = {.is_allowed = j->is_his, .step = ACCESS_ENTITLEMENT, .medium = j->way.medium, .until_s = j->until_s};
    static const char *const reasons[] = {"access.entitlement", "access.free", "access.granted", "access.subscribed", "access.bought", "access.rented"};
    answer.entitled = entitled_in(j);
    answer.reason = reasons[answer.entitled];
    answer.grant_id = j->way.grant ? j->way.grant->id : 0;
    if (j->way.held) answer.held = *j->way.held;
    answer.state = j->is_his ? ACCESS_PLAYABLE : q->viewer->household_id ? ACCESS_LOCKED : ACCESS_SIGN_IN;
    return answer;
}

/* --- rating --- */

static bool year_days_are_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

/* The year of this moment, and when the next one begins. */
static int64_t year_of(int64_t at_s, int64_t *next_s) {
    int64_t day = at_s / 86400, year = 1970 + day / 366, start;
    for (;; year++) {
        int64_t y = year - 1;
        start = (year - 1970) * 365 + (y / 4 - y / 100 + y / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
        int64_t days = year_days_are_leap(year) ? 366 : 365;
        if (day < start + days) {
            *next_s = (start + days) * 86400;
            return year;
        }
    }
}

/* Up to which age this profile may watch. A birth year holds the profile to the age that is reached in this year, whatever was set. */
static int age_of(const struct account_profile_facts *p, int64_t at_s, int64_t *next_s) {
    if (!p->birth_year) return p->age_max;
    int64_t new_year_s, age = year_of(at_s, &new_year_s) - p->birth_year;
    if (age >= p->age_max) return p->age_max;
    *next_s = earlier(*next_s, new_year_s);
    return age < 0 ? 0 : (int)age;
}

static const struct account_profile_facts *profile_find(const struct account_household_facts *h, int64_t profile_id) {
    for (size_t i = 0; i < h->profile_count; i++)
        if (h->profiles[i].profile_id == profile_id) return &h->profiles[i];
    return NULL;
}

/* Nobody takes his children's rating along on a journey: the household's country counts, not the one where it is today. */
static bool rating_of(const struct access_viewer *v, const struct account_household_facts *home, const struct catalog_title *t, struct catalog_rating *out, bool *is_own) {
    const char *country = home && home->country[0] ? home->country : v->place.country;
    if (!catalog_rating_in(t, slice_cstr(country), out)) return false;
    *is_own = country[0] && !strcmp(catalog_system_country(out->system), country);
    return true;
}

bool access_rating(struct access *a, const struct access_viewer *v, const struct catalog_title *t, struct catalog_rating *out, bool *is_own) {
    struct account_household_facts facts;
    bool has_home = v->household_id && account_household_facts(a->o.account, v->org_id, v->household_id, &facts);
    return rating_of(v, has_home ? &facts : NULL, t, out, is_own);
}

/* `home` NULL: nobody has signed in, or the household is not there. Who has not chosen a profile may see what all of the household may. */
static struct access_answer rating_answer(const struct access_question *q, const struct account_household_facts *home) {
    const struct access_viewer *v = q->viewer;
    struct catalog_rating rating = {0};
    bool is_own;
    if (q->title->age && !rating_of(v, home, q->title, &rating, &is_own)) rating.age = q->title->age; /* 0: it has none, or none that says anything */
    struct access_answer answer = {.is_allowed = true, .state = ACCESS_PLAYABLE, .step = ACCESS_RATING, .reason = "access.rating", .age = rating.age, .until_s = ACCESS_ENDLESS};
    if (!v->household_id) {
        answer.is_allowed = rating.age < 18;
        answer.state = answer.is_allowed ? ACCESS_PLAYABLE : ACCESS_SIGN_IN;
        return answer;
    }
    const struct account_profile_facts *chosen = home && v->profile_id ? profile_find(home, v->profile_id) : NULL;
    if (!home || (v->profile_id && !chosen)) {
        answer.is_allowed = false;
        answer.state = ACCESS_SIGN_IN;
        answer.reason = "access.profile";
        return answer;
    }
    int age = 18;
    for (size_t i = 0; i < home->profile_count; i++) {
        if (chosen && chosen != &home->profiles[i]) continue;
        int one = age_of(&home->profiles[i], q->at_s, &answer.until_s);
        if (one < age) age = one;
    }
    if (rating.age > age) {
        answer.is_allowed = false;
        answer.state = ACCESS_TOO_YOUNG;
    } else if (chosen && chosen->has_pin && !v->has_shown_pin) {
        answer.is_allowed = false;
        answer.state = ACCESS_TOO_YOUNG;
        answer.reason = "access.pin";
    }
    return answer;
}

/* --- streams --- */

static struct access_answer streams_answer(struct access *a, const struct access_question *q, const struct account_household_facts *home) {
    struct access_answer answer = {.is_allowed = true, .state = ACCESS_PLAYABLE, .step = ACCESS_STREAMS, .reason = "access.streams", .until_s = ACCESS_ENDLESS};
    if (!home || q->without_streams) return answer;
    int64_t next_s = ACCESS_ENDLESS;
    answer.streams_max = home->streams_max;
    if (streams_count(a, home->household_id, q->at_s, &next_s) < home->streams_max) return answer;
    answer.is_allowed = false;
    answer.state = ACCESS_UNAVAILABLE;
    answer.until_s = next_s; /* the first stream that is not renewed falls out then */
    return answer;
}

/* --- all together --- */

struct access_answer access_explain(struct access *a, const struct access_question *q, struct access_answer steps[ACCESS_STEPS]) {
    int64_t titles[3];
    struct owned owned;
    struct judged judged;
    struct account_household_facts facts;
    catalog_above(q->view, q->title, titles);
    judge(a, q, titles, &owned, &judged);
    bool has_home = q->viewer->household_id && account_household_facts(a->o.account, q->viewer->org_id, q->viewer->household_id, &facts);
    const struct account_household_facts *home = has_home ? &facts : NULL;
    steps[ACCESS_RIGHTS] = rights_answer(&judged);
    steps[ACCESS_ENTITLEMENT] = entitlement_answer(q, &judged);
    steps[ACCESS_RATING] = rating_answer(q, home);
    steps[ACCESS_STREAMS] = streams_answer(a, q, home);

    struct access_answer answer = steps[ACCESS_ENTITLEMENT]; /* if nobody says no: why it may be watched */
    answer.line_id = steps[ACCESS_RIGHTS].line_id;
    answer.counts_plays = steps[ACCESS_RIGHTS].counts_plays;
    answer.step = ACCESS_STREAMS;
    for (int i = 0; i < ACCESS_STEPS; i++) answer.until_s = earlier(answer.until_s, steps[i].until_s);
    for (int i = 0; i < ACCESS_STEPS; i++)
        if (!steps[i].is_allowed) {
            int64_t until_s = steps[i].until_s;
            int medium = steps[ACCESS_RIGHTS].medium;
            answer = steps[i];
            answer.medium = medium;
            answer.line_id = steps[ACCESS_RIGHTS].line_id;
            answer.entitled = steps[ACCESS_ENTITLEMENT].entitled;
            answer.grant_id = steps[ACCESS_ENTITLEMENT].grant_id;
            answer.held = steps[ACCESS_ENTITLEMENT].held;
            for (int k = 0; k < i; k++) until_s = earlier(until_s, steps[k].until_s); /* a step before may become the one that refuses */
            answer.until_s = until_s;
            break;
        }
    answer.age = steps[ACCESS_RATING].age;
    atomic_fetch_add_explicit(&a->decisions, 1, memory_order_relaxed);
    if (!answer.is_allowed) atomic_fetch_add_explicit(&a->refusals, 1, memory_order_relaxed);
    return answer;
}

struct access_answer access_decide(struct access *a, const struct access_question *q) {
    struct access_answer steps[ACCESS_STEPS];
    return access_explain(a, q, steps);
}

/* --- what it costs --- */

const char *access_badge_name(enum access_badge b) {
    static const char *const names[] = {"none", "free", "included", "subscribe", "rent", "buy", "rented", "owned"};
    return names[b];
}

/* Kinds of offers that say the same on a tile. */
enum {
    SOLD_BY_PLAN = 1 << OFFER_SUBSCRIPTION,
    SOLD_TO_RENT = 1 << OFFER_RENTAL,
    SOLD_TO_OWN = 1 << OFFER_PURCHASE | 1 << OFFER_SEASON_PASS | 1 << OFFER_LIVE_PASS | 1 << OFFER_BUNDLE,
};

static struct money lowest_of(const struct offer_sale *sale, unsigned kinds) {
    struct money lowest = {0};
    for (int kind = 0; kind < OFFER_KINDS; kind++)
        if (kinds & sale->kinds & 1u << kind && sale->lowest[kind].currency && (!lowest.currency || sale->lowest[kind].minor < lowest.minor)) lowest = sale->lowest[kind];
    return lowest;
}

void access_sale(struct access *a, const struct access_question *q, struct access_answer *answer, struct access_sale *out) {
    static const enum access_badge his[] = {ACCESS_BADGE_NONE, ACCESS_BADGE_FREE, ACCESS_BADGE_OWNED, ACCESS_BADGE_INCLUDED, ACCESS_BADGE_OWNED, ACCESS_BADGE_RENTED};
    const struct order_held *held = &answer->held;
    *out = (struct access_sale){.badge = his[answer->entitled], .until_s = ACCESS_ENDLESS};
    if (answer->entitled != ACCESS_BY_NOTHING) {
        if (held->entitlement_id && !held->renews) out->until_s = held->ends_s;
        /* What is his and may not be shown to him says why; an event that has not begun is his all the same. */
        if (!answer->is_allowed && answer->step == ACCESS_RIGHTS && strcmp(answer->reason, rights_reason_code(RIGHTS_BECAUSE_NOT_YET))) out->badge = ACCESS_BADGE_NONE;
        return;
    }
    if (!a->o.offers) return;
    struct rights_place place;
    struct offer_question question;
    struct offer_sale sale;
    if (!rights_place_parse(slice_cstr(q->viewer->place.country), slice_cstr(q->viewer->place.area), &place)) place = (struct rights_place){.country = RIGHTS_NOWHERE};
    offer_question_of(q->view, q->title, place, q->at_s, &question);
    offer_sale(a->o.offers, &question, &sale);
    answer->sold = sale.kinds & (SOLD_BY_PLAN | SOLD_TO_RENT | SOLD_TO_OWN);
    out->badge = sale.kinds & SOLD_BY_PLAN ? ACCESS_BADGE_SUBSCRIBE : sale.kinds & SOLD_TO_RENT ? ACCESS_BADGE_RENT : sale.kinds & SOLD_TO_OWN ? ACCESS_BADGE_BUY : ACCESS_BADGE_NONE;
    out->price = lowest_of(&sale, answer->sold);
}

enum { OUTLOOK_STEPS_MAX = 8 };

void access_outlook(struct access *a, const struct access_question *q, struct access_answer *answer) {
    struct access_viewer viewer = *q->viewer;
    viewer.has_shown_pin = true;
    struct access_question later = *q;
    later.viewer = &viewer;
    later.without_streams = true;
    later.with_renewals = true;
    answer->turns_s = 0;
    if (answer->step == ACCESS_STREAMS && !answer->is_allowed) return;
    int64_t at_s = answer->until_s;
    if (answer->held.entitlement_id && !q->with_renewals) { /* where only the next renewal is in sight, or a rental's end that depends on its beginning */
        later.at_s = q->at_s;
        at_s = access_decide(a, &later).until_s;
    }
    for (int i = 0; i < OUTLOOK_STEPS_MAX && at_s < ACCESS_ENDLESS; i++) {
        later.at_s = at_s;
        struct access_answer then = access_decide(a, &later);
        if (then.is_allowed != answer->is_allowed) {
            answer->turns_s = at_s;
            return;
        }
        if (then.until_s <= at_s) return;
        at_s = then.until_s;
    }
}

bool access_is_ready(struct access *a, const struct access_viewer *v) {
    struct account_household_facts facts;
    return !v->household_id || account_household_facts(a->o.account, v->org_id, v->household_id, &facts);
}

struct err access_prepare(struct access *a, const struct access_viewer *v) {
    struct account_household_facts facts;
    if (access_is_ready(a, v)) return ERR_OK;
    struct err e = account_household_load(a->o.account, v->org_id, v->household_id, &facts);
    return e.kind == ERR_NOT_FOUND ? ERR_OK : e; /* the decision says so */
}

struct geo_place access_place(struct access *a, int64_t org_id, int64_t household_id, const struct geo_place *address) {
    struct account_org_facts org;
    struct account_household_facts home;
    if (!household_id || !account_org_facts(a->o.account, org_id, &org) || org.portability == ACCOUNT_PORTABILITY_OFF) return *address;
    if (!account_household_facts(a->o.account, org_id, household_id, &home) || !home.country[0] || !strcmp(home.country, address->country)) return *address;
    if (org.portability == ACCOUNT_PORTABILITY_EU && !(geo_is_eu(home.country) && geo_is_eu(address->country))) return *address;
    struct geo_place place = {0};
    memcpy(place.country, home.country, sizeof place.country);
    return place; /* in which part of it he is at home we do not know */
}
