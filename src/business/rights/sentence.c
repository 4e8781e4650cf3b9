/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What contradictions and faults of files are to people, in their language: with countries, dates and media by name. */
#include <stdio.h>
#include <string.h>

#include "business/rights/rights.h"
#include "text/text.h"

enum { NAMED_MAX = 4, PLACES_BYTES_MAX = 2000 };

static void when_write(struct buf *out, struct slice lang, struct text_zone zone, int64_t from_s, int64_t to_s) {
    struct buf from = BUF(400), to = BUF(400);
    text_moment_of_day(&from, lang, from_s, zone);
    if (to_s != RIGHTS_ENDLESS) text_moment_of_day(&to, lang, to_s, zone);
    struct text_param params[] = {{SLICE("from"), buf_slice(&from)}, {SLICE("to"), buf_slice(&to)}};
    const char *code = from_s <= 0 ? (to.len ? "clash.until" : "clash.always") : to.len ? "clash.between" : "clash.from";
    text_format(out, lang, slice_cstr(code), params, ARRAY_LEN(params));
    buf_free(&from);
    buf_free(&to);
}

/* "Germany", or an area by its code. */
static struct slice place_name(struct slice lang, struct slice code) {
    char key[24];
    if (code.len != 2) return code;
    snprintf(key, sizeof key, "country.%c%c", code.ptr[0] | 0x20, code.ptr[1] | 0x20);
    struct slice name = text_lookup(lang, slice_cstr(key));
    return name.len ? name : code;
}

/* Those parts of the text that are put in (or taken out), the first few by name. */
static void places_write(struct buf *out, struct slice lang, struct slice text, bool is_out) {
    struct slice rest = text, part;
    size_t count = 0;
    struct buf list = BUF(PLACES_BYTES_MAX), longer = BUF(PLACES_BYTES_MAX);
    while (slice_next(&rest, ',', &part)) {
        if ((part.len && part.ptr[0] == '-') != is_out || slice_eq(part, SLICE("WORLD"))) continue;
        if (++count > NAMED_MAX) continue;
        struct slice name = place_name(lang, is_out ? slice_sub(part, 1, part.len) : part);
        if (!list.len) {
            buf_append(&list, name);
            continue;
        }
        struct text_param params[] = {{SLICE("list"), buf_slice(&list)}, {SLICE("next"), name}};
        buf_clear(&longer);
        text_format(&longer, lang, SLICE("clash.comma"), params, ARRAY_LEN(params));
        struct buf swap = list;
        list = longer;
        longer = swap;
    }
    if (count > NAMED_MAX) {
        char more[24];
        snprintf(more, sizeof more, "%zu", count - NAMED_MAX);
        struct text_param params[] = {{SLICE("list"), buf_slice(&list)}, {SLICE("count"), slice_cstr(more)}};
        text_format(out, lang, SLICE("clash.more"), params, ARRAY_LEN(params));
    } else {
        buf_append(out, buf_slice(&list));
    }
    buf_free(&list);
    buf_free(&longer);
}

static void where_write(struct buf *out, struct slice lang, uint32_t territories) {
    struct slice text = rights_territories_text(territories);
    bool is_world = slice_starts_with(text, SLICE("WORLD"));
    struct buf in = BUF(PLACES_BYTES_MAX), taken = BUF(PLACES_BYTES_MAX);
    places_write(&in, lang, text, false);
    places_write(&taken, lang, text, true);
    if (is_world && !taken.len) {
        text_format(out, lang, SLICE("clash.world"), NULL, 0);
    } else if (is_world) {
        text_format(out, lang, SLICE("clash.world_but"), (struct text_param[]){{SLICE("list"), buf_slice(&taken)}}, 1);
    } else if (taken.len) {
        struct text_param params[] = {{SLICE("list"), buf_slice(&in)}, {SLICE("out"), buf_slice(&taken)}};
        text_format(out, lang, SLICE("clash.without"), params, ARRAY_LEN(params));
    } else {
        buf_append(out, buf_slice(&in));
    }
    buf_free(&in);
    buf_free(&taken);
}

static void how_write(struct buf *out, struct slice lang, uint16_t media) {
    char code[32];
    if (media == RIGHTS_ALL_MEDIA) {
        struct slice all = text_lookup(lang, SLICE("medium.all"));
        buf_append(out, all.len ? all : SLICE("all"));
        return;
    }
    for (int m = 0; m < RIGHTS_MEDIA; m++) {
        if (!(media >> m & 1)) continue;
        snprintf(code, sizeof code, "medium.%s", rights_medium_name((enum rights_medium)m));
        struct slice name = text_lookup(lang, slice_cstr(code));
        if (out->len) buf_cstr(out, ", ");
        buf_append(out, name.len ? name : slice_cstr(rights_medium_name((enum rights_medium)m)));
    }
}

void rights_conflict_sentence(struct buf *out, struct slice lang, struct text_zone zone, const struct rights_conflict *x, const struct rights_line_row *other) {
    char code[48];
    struct buf where = BUF(PLACES_BYTES_MAX * 3), when = BUF(1000), how = BUF(1000);
    where_write(&where, lang, x->overlap.territories);
    when_write(&when, lang, zone, x->overlap.from_s, x->overlap.to_s);
    how_write(&how, lang, x->overlap.media);
    bool is_run = x->kind == RIGHTS_OWN_SERVICE_SOLD && other && other->deal.direction != RIGHTS_OUT; /* told of the sale, not of our licence */
    snprintf(code, sizeof code, "clash.%s", is_run ? "own_service_runs" : rights_conflict_kind_name(x->kind));
    struct text_param params[] = {{SLICE("deal"), other ? other->deal.reference : SLICE("?")}, {SLICE("party"), other ? other->deal.party.name : SLICE("?")},
                                  {SLICE("where"), buf_slice(&where)}, {SLICE("when"), buf_slice(&when)}, {SLICE("how"), buf_slice(&how)}};
    text_format(out, lang, slice_cstr(code), params, ARRAY_LEN(params));
    buf_free(&where);
    buf_free(&when);
    buf_free(&how);
}
