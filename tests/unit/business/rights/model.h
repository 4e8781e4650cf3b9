/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A small world of random deals and lines, and the plainest reading of what they mean: texts are looked through part by part, each line is tried, each
 * second is asked. What the compiled index says must be the same. */
#ifndef TESTS_RIGHTS_MODEL_H
#define TESTS_RIGHTS_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/rng.h"
#include "business/rights/index.h"

enum { MODEL_DEALS = 14, MODEL_PARTIES = 5, MODEL_SETS = 24, MODEL_LANGUAGES = 6, MODEL_TIME = 120 };

static const char *const model_countries[] = {"DE", "AT", "US", "CA", "TH", "CN"};
static const char *const model_areas[] = {"DE-BY", "DE-BE", "US-CA", "US-NY", "CA-ON"};
static const char *const model_language_texts[MODEL_LANGUAGES] = {"", "", "", "de", "zh", "de-AT,en"};
static const char *const model_tags[] = {"", "", "de", "de-AT", "zh-Hant", "en", "fr"};

struct model {
    struct rng rng;
    struct index_deal deals[MODEL_DEALS];
    struct index_line *lines;
    size_t line_count, line_room;
    char set_texts[MODEL_SETS][128];
    uint32_t sets[MODEL_SETS], languages[MODEL_LANGUAGES];
    int64_t next_line;
};

static inline size_t model_below(struct model *m, size_t n) { return (size_t)rng_below(&m->rng, n); }
static inline bool model_one_in(struct model *m, size_t n) { return model_below(m, n) == 0; }
static inline void model_ok(struct err e) {
    if (e.kind) fail_msg("%s: %s", e.code, e.what);
}

static inline void model_set_make(struct model *m, char text[128], uint32_t *set) {
    struct slice bad;
    do {
        text[0] = 0;
        size_t parts = 1 + model_below(m, 5);
        for (size_t i = 0; i < parts; i++) {
            if (i) strcat(text, ",");
            if (i == 0 && model_one_in(m, 3)) strcat(text, "WORLD");
            else {
                if (model_one_in(m, 3)) strcat(text, "-");
                if (model_one_in(m, 3)) strcat(text, model_areas[model_below(m, ARRAY_LEN(model_areas))]);
                else strcat(text, model_countries[model_below(m, ARRAY_LEN(model_countries))]);
            }
        }
    } while (rights_territories_of(slice_cstr(text), set, &bad).kind);
}

static inline void model_line_add(struct model *m, int64_t title_id) {
    if (m->line_count == m->line_room) {
        m->line_room = m->line_room ? 2 * m->line_room : 256;
        m->lines = realloc(m->lines, m->line_room * sizeof *m->lines);
        assert_non_null(m->lines);
    }
    int64_t start = (int64_t)model_below(m, MODEL_TIME);
    struct index_line l = {.id = m->next_line++, .title_id = title_id, .deal_id = m->deals[model_below(m, MODEL_DEALS)].id};
    l.territories = m->sets[model_below(m, MODEL_SETS)];
    l.languages = m->languages[model_below(m, MODEL_LANGUAGES)];
    l.media = (uint16_t)(1 + model_below(m, 15));
    l.effect = (uint8_t)(model_one_in(m, 8) ? 1 + model_below(m, 2) : RIGHTS_ALLOW);
    l.is_exclusive = l.effect == RIGHTS_ALLOW && model_one_in(m, 3);
    l.may_sublicense = model_one_in(m, 2);
    l.counts_plays = l.effect == RIGHTS_ALLOW && model_one_in(m, 6);
    l.is_spent = l.counts_plays && model_one_in(m, 2);
    l.starts_s = start;
    l.ends_s = model_one_in(m, 6) ? RIGHTS_ENDLESS : start + 1 + (int64_t)model_below(m, MODEL_TIME / 3);
    m->lines[m->line_count++] = l;
}

/* Titles 1 .. titles, the last of which has `many` lines and the others a few. */
static inline struct model model_make(uint64_t seed, size_t titles, size_t few, size_t many) {
    struct model m = {.rng = rng_seeded(seed), .next_line = 1000};
    struct slice bad;
    for (int i = 0; i < MODEL_SETS; i++) model_set_make(&m, m.set_texts[i], &m.sets[i]);
    for (int i = 0; i < MODEL_LANGUAGES; i++) model_ok(rights_languages_of(slice_cstr(model_language_texts[i]), &m.languages[i], &bad));
    for (int i = 0; i < MODEL_DEALS; i++)
        m.deals[i] = (struct index_deal){.id = 100 + i, .party_id = 1 + (int64_t)model_below(&m, MODEL_PARTIES), .direction = (enum rights_direction)model_below(&m, RIGHTS_DIRECTIONS),
                                         .status = model_one_in(&m, 5) ? (enum rights_status)model_below(&m, RIGHTS_STATUSES) : RIGHTS_ACTIVE, .may_sublicense = model_one_in(&m, 4)};
    for (size_t t = 1; t <= titles; t++) {
        size_t count = t == titles ? many : model_below(&m, few + 1);
        for (size_t i = 0; i < count; i++) model_line_add(&m, (int64_t)t);
    }
    return m;
}
static inline void model_free(struct model *m) { free(m->lines); }
static inline struct rights_index *model_compile(const struct model *m) {
    struct rights_index *ix;
    model_ok(rights_index_create(&ix, m->deals, MODEL_DEALS, m->lines, m->line_count));
    return ix;
}

/* --- the plain reading --- */

static inline const char *model_text_of(const struct model *m, uint32_t set) {
    for (int i = 0; i < MODEL_SETS; i++)
        if (m->sets[i] == set) return m->set_texts[i];
    static char other[16][512];
    static unsigned at;
    char *text = other[at++ % 16];
    struct slice s = rights_territories_text(set);
    snprintf(text, 512, "%.*s", SLICE_ARG(s));
    return text;
}

/* `area` is "" where it is not known; then a grant must hold in all of the country and a block anywhere in it. */
static inline bool model_text_holds(const char *text, const char *country, const char *area, bool is_block) {
    bool has_world = false, has_in = false, has_out = false, area_in = false, area_out = false, some_in = false, some_out = false;
    char whole[8];
    snprintf(whole, sizeof whole, "%s-%s", country, area);
    for (struct slice rest = slice_cstr(text), part; slice_next(&rest, ',', &part);) {
        bool is_out = part.len && part.ptr[0] == '-';
        if (is_out) part = slice_sub(part, 1, part.len);
        if (slice_eq(part, SLICE("WORLD"))) has_world = true;
        else if (slice_eq(part, slice_cstr(country))) *(is_out ? &has_out : &has_in) = true;
        else if (part.len > 2 && slice_eq(slice_sub(part, 0, 2), slice_cstr(country))) {
            *(is_out ? &some_out : &some_in) = true;
            if (area[0] && slice_eq(part, slice_cstr(whole))) *(is_out ? &area_out : &area_in) = true;
        }
    }
    bool base = (has_world || has_in) && !has_out;
    if (area[0]) return area_out ? false : area_in ? true : base;
    if (!is_block) return base && !some_out;
    if (base) return true;
    if (!some_in) return false;
    for (struct slice rest = slice_cstr(text), part; slice_next(&rest, ',', &part);) { /* an area that is in and not out again */
        if (part.len < 4 || part.ptr[0] == '-' || !slice_eq(slice_sub(part, 0, 2), slice_cstr(country))) continue;
        bool is_out = false;
        for (struct slice again = slice_cstr(text), other; slice_next(&again, ',', &other);)
            is_out |= other.len && other.ptr[0] == '-' && slice_eq(slice_sub(other, 1, other.len), part);
        if (!is_out) return true;
    }
    return false;
}

/* By their texts: "de" holds "de-AT", part by part. */
static inline bool model_tag_holds(struct slice wide, struct slice narrow) {
    struct slice part, other;
    while (slice_next(&wide, '-', &part)) {
        bool found = false;
        while (!found && slice_next(&narrow, '-', &other)) found = slice_eq(part, other);
        if (!found) return false;
    }
    return true;
}
static inline bool model_languages_hold(uint32_t set, const char *tag, bool is_block) {
    struct slice rest = rights_languages_text(set), part;
    if (!rest.len) return true;
    if (!tag[0]) return !is_block;
    while (slice_next(&rest, ',', &part))
        if (model_tag_holds(part, slice_cstr(tag))) return true;
    return false;
}

static inline const struct index_deal *model_deal(const struct model *m, int64_t id) {
    for (int i = 0; i < MODEL_DEALS; i++)
        if (m->deals[i].id == id) return &m->deals[i];
    abort();
}

struct model_question {
    struct rights_question q;
    const char *country, *area, *tag;
};
static inline struct model_question model_ask(struct model *m, int64_t titles) {
    struct model_question mq = {.area = ""};
    for (int i = 0; i < 3; i++)
        if (i == 0 || model_one_in(m, 2)) {
            int64_t t = model_one_in(m, 3) ? titles : 1 + (int64_t)model_below(m, (size_t)titles + 1); /* one that is not there, too */
            bool is_there = false;
            for (int k = 0; k < i; k++) is_there |= mq.q.titles[k] == t;
            mq.q.titles[i] = is_there ? 0 : t;
        }
    mq.q.party_id = model_one_in(m, 2) ? 0 : 1 + (int64_t)model_below(m, MODEL_PARTIES);
    mq.country = model_countries[model_below(m, ARRAY_LEN(model_countries))];
    if (model_one_in(m, 2)) {
        const char *whole = model_areas[model_below(m, ARRAY_LEN(model_areas))];
        if (!strncmp(whole, mq.country, 2)) mq.area = whole + 3;
    }
    if (!mq.area[0] && model_one_in(m, 8)) mq.area = !strcmp(mq.country, "DE") ? "SN" : ""; /* an area that nobody names */
    assert_true(rights_place_parse(slice_cstr(mq.country), slice_cstr(mq.area), &mq.q.place));
    if (model_one_in(m, 12)) {
        mq.country = "??";
        mq.area = "";
        mq.q.place = (struct rights_place){.country = RIGHTS_NOWHERE};
    }
    mq.q.medium = (enum rights_medium)model_below(m, 5);
    mq.tag = model_tags[model_below(m, ARRAY_LEN(model_tags))];
    model_ok(rights_tag_of(slice_cstr(mq.tag), &mq.q.language));
    mq.q.at_s = (int64_t)model_below(m, MODEL_TIME + MODEL_TIME / 2);
    return mq;
}

enum model_does { DOES_NOTHING, DOES_GRANT, DOES_EXCLUDE, DOES_HOLD_BACK, DOES_BLACK_OUT };
static inline enum model_does model_does(const struct index_deal *d, const struct index_line *l, int64_t asking) {
    bool is_out = d->direction == RIGHTS_OUT, is_mine = asking == d->party_id;
    if (l->effect == RIGHTS_BLACKOUT) return !is_out || is_mine ? DOES_BLACK_OUT : DOES_NOTHING;
    if (l->effect == RIGHTS_HOLDBACK) return !is_out || !is_mine ? DOES_HOLD_BACK : DOES_NOTHING;
    if (!is_out) return asking == 0 ? DOES_GRANT : DOES_NOTHING;
    if (is_mine) return DOES_GRANT;
    return l->is_exclusive ? DOES_EXCLUDE : DOES_NOTHING;
}

/* What a line is for a question whatever the time: a reason as if it stood now, RIGHTS_REASONS: nothing. */
static inline enum rights_reason model_line_reason(const struct model *m, const struct index_line *l, const struct model_question *mq) {
    const struct index_deal *d = model_deal(m, l->deal_id);
    enum model_does does = model_does(d, l, mq->q.party_id);
    bool is_block = does != DOES_GRANT, is_active = d->status == RIGHTS_ACTIVE;
    if (does == DOES_NOTHING || (is_block && !is_active)) return RIGHTS_REASONS;
    bool place = model_text_holds(model_text_of(m, l->territories), mq->country, mq->area, is_block);
    bool medium = l->media >> mq->q.medium & 1, language = model_languages_hold(l->languages, mq->tag, is_block);
    if (is_block) {
        if (!place || !medium || !language) return RIGHTS_REASONS;
        return does == DOES_BLACK_OUT ? RIGHTS_BECAUSE_BLACKOUT : does == DOES_HOLD_BACK ? RIGHTS_BECAUSE_HOLDBACK : RIGHTS_BECAUSE_EXCLUSIVE;
    }
    if (!is_active) return place && medium && language ? RIGHTS_BECAUSE_DEAL : RIGHTS_REASONS;
    if (!place) return RIGHTS_BECAUSE_TERRITORY;
    if (!medium) return RIGHTS_BECAUSE_MEDIUM;
    if (!language) return RIGHTS_BECAUSE_LANGUAGE;
    return l->is_spent ? RIGHTS_BECAUSE_PLAYS : RIGHTS_BECAUSE_ALLOWED;
}

struct model_known { /* the lines of a question, tried once */
    const struct index_line *lines[8192];
    enum rights_reason reasons[8192];
    int places[8192];
    size_t count;
};
static inline void model_try(const struct model *m, const struct model_question *mq, struct model_known *k) {
    k->count = 0;
    for (size_t i = 0; i < m->line_count; i++)
        for (int t = 0; t < 3; t++)
            if (mq->q.titles[t] && m->lines[i].title_id == mq->q.titles[t]) {
                enum rights_reason r = model_line_reason(m, &m->lines[i], mq);
                if (r == RIGHTS_REASONS) continue;
                assert_true(k->count < ARRAY_LEN(k->lines));
                k->lines[k->count] = &m->lines[i];
                k->places[k->count] = t;
                k->reasons[k->count++] = r;
            }
}

/* Of two lines of the same reason, which one decides? */
static inline bool model_is_better(const struct model_known *k, enum rights_reason reason, size_t a, size_t b) {
    const struct index_line *x = k->lines[a], *y = k->lines[b];
    bool is_timeless = reason == RIGHTS_BECAUSE_TERRITORY || reason == RIGHTS_BECAUSE_MEDIUM || reason == RIGHTS_BECAUSE_LANGUAGE;
    if (reason == RIGHTS_BECAUSE_NOT_YET) {
        if (x->starts_s != y->starts_s) return x->starts_s < y->starts_s;
        if (x->is_spent != y->is_spent) return y->is_spent;
    } else if (!is_timeless) {
        if (reason != RIGHTS_BECAUSE_ENDED && x->counts_plays != y->counts_plays) return y->counts_plays;
        if (x->ends_s != y->ends_s) return x->ends_s > y->ends_s;
    }
    if (k->places[a] != k->places[b]) return k->places[a] < k->places[b];
    if (x->starts_s != y->starts_s) return x->starts_s < y->starts_s;
    return x->id < y->id;
}

static inline enum rights_reason model_reason_at(const struct model_known *k, int64_t at_s, size_t *line) {
    enum rights_reason best = RIGHTS_BECAUSE_NONE;
    *line = SIZE_MAX;
    static const uint8_t order[RIGHTS_REASONS] = {[RIGHTS_BECAUSE_BLACKOUT] = 0, [RIGHTS_BECAUSE_HOLDBACK] = 1, [RIGHTS_BECAUSE_EXCLUSIVE] = 2, [RIGHTS_BECAUSE_ALLOWED] = 3,
                                                  [RIGHTS_BECAUSE_PLAYS] = 4, [RIGHTS_BECAUSE_NOT_YET] = 5, [RIGHTS_BECAUSE_DEAL] = 6, [RIGHTS_BECAUSE_ENDED] = 7,
                                                  [RIGHTS_BECAUSE_LANGUAGE] = 8, [RIGHTS_BECAUSE_MEDIUM] = 9, [RIGHTS_BECAUSE_TERRITORY] = 10, [RIGHTS_BECAUSE_NONE] = 11};
    for (size_t i = 0; i < k->count; i++) {
        enum rights_reason r = k->reasons[i];
        bool is_grant = r == RIGHTS_BECAUSE_ALLOWED || r == RIGHTS_BECAUSE_PLAYS;
        bool is_timeless = r == RIGHTS_BECAUSE_TERRITORY || r == RIGHTS_BECAUSE_MEDIUM || r == RIGHTS_BECAUSE_LANGUAGE;
        if (!is_timeless && at_s < k->lines[i]->starts_s) {
            if (!is_grant) continue;
            r = RIGHTS_BECAUSE_NOT_YET;
        } else if (!is_timeless && at_s >= k->lines[i]->ends_s) {
            if (!is_grant) continue;
            r = RIGHTS_BECAUSE_ENDED;
        }
        if (order[r] > order[best] || (r == best && *line != SIZE_MAX && !model_is_better(k, r, i, *line))) continue;
        best = r;
        *line = i;
    }
    return best;
}

static inline struct rights_answer model_decide(const struct model_known *k, int64_t at_s) {
    size_t line, other;
    struct rights_answer a = {.until_s = RIGHTS_ENDLESS};
    a.reason = model_reason_at(k, at_s, &line);
    a.is_allowed = a.reason == RIGHTS_BECAUSE_ALLOWED;
    a.line_id = line == SIZE_MAX ? 0 : k->lines[line]->id;
    a.counts_plays = a.is_allowed && k->lines[line]->counts_plays;
    if (a.reason == RIGHTS_BECAUSE_NOT_YET) a.from_s = k->lines[line]->starts_s;
    for (int64_t t = at_s + 1; t < 2 * MODEL_TIME + 2; t++) /* by then everything has begun and ended that does */
        if (model_reason_at(k, t, &other) != a.reason) {
            a.until_s = t;
            break;
        }
    return a;
}

#endif
