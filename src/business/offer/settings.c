/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Who sells, and what is owed of it to whom. */
#include "base/utf8.h"
#include "business/offer/offer_sql.h"
#include "business/offer/room.h"

struct err offer_settings_get(struct offers *o, struct arena *arena, int64_t org_id, struct offer_settings *out) {
    struct reading reading;
    const struct shop *shop = shop_enter(o, org_id, &reading);
    struct offer_settings s = shop ? shop->stock->settings : (struct offer_settings){.is_tax_included = true};
    struct offer_tax *taxes = arena_alloc_array(arena, s.tax_count + 1, sizeof *taxes);
    if (taxes && s.tax_count) memcpy(taxes, s.taxes, s.tax_count * sizeof *taxes);
    s.taxes = taxes;
    s.seller_name = arena_copy(arena, s.seller_name);
    s.seller_address = arena_copy(arena, s.seller_address);
    s.seller_tax_id = arena_copy(arena, s.seller_tax_id);
    s.invoice_prefix = arena_copy(arena, s.invoice_prefix);
    shop_leave(&reading);
    if (arena_overflowed(arena)) return err_memory();
    *out = s;
    return ERR_OK;
}

static bool is_text(struct slice s, size_t chars_max, bool has_lines) {
    for (struct slice rest = s, line; s.len && slice_next(&rest, has_lines ? '\n' : '\0', &line);)
        if (slice_trim(line).len && !utf8_is_display_text(line, chars_max)) return false;
    return utf8_is_valid(s) && s.len <= chars_max * 4;
}
static bool country_is(const char code[3]) {
    uint8_t country;
    return code[0] && code[1] && rights_country_parse(slice_of(code, 2), &country);
}

static struct err check(const struct offer_settings *s) {
    if (!is_text(s->seller_name, 200, false) || !is_text(s->seller_address, 500, true) || !is_text(s->seller_tax_id, 50, false))
        return err_make(ERR_INPUT, "settings.seller", "Name (200 characters), address (500) and tax number (50) of the seller are plain text.");
    if (s->seller_country[0] && !country_is(s->seller_country))
        return err_make(ERR_INPUT, "settings.country", "A country is named by its two letters of ISO 3166-1, as in DE.");
    if (s->invoice_prefix.len > 12) return err_make(ERR_INPUT, "settings.prefix", "What invoice numbers begin with has at most 12 letters, digits and dashes.");
    for (size_t i = 0; i < s->invoice_prefix.len; i++) {
        char c = s->invoice_prefix.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-'))
            return err_make(ERR_INPUT, "settings.prefix", "What invoice numbers begin with has at most 12 letters, digits and dashes.");
    }
    for (size_t i = 0; i < s->tax_count; i++) {
        bool is_twice = false;
        for (size_t k = 0; k < i; k++) is_twice |= !memcmp(s->taxes[k].country, s->taxes[i].country, 2);
        if (s->tax_count > OFFER_TAXES_MAX || is_twice || !country_is(s->taxes[i].country) || s->taxes[i].rate_ppm > 1000000)
            return err_make(ERR_INPUT, "settings.taxes", "Each country has one tax rate, between 0 and 100 %.");
    }
    return ERR_OK;
}

struct settings_work {
    int64_t org_id;
    const struct offer_settings *s;
};
static struct err settings_fn(struct db_tx *tx, void *arg) {
    const struct settings_work *w = arg;
    struct err e = DB_RUN(tx, &setting_put, DB_INT("org_id", w->org_id), DB_TEXT("name", w->s->seller_name), DB_TEXT("address", w->s->seller_address),
                          DB_TEXT("tax_id", w->s->seller_tax_id), DB_CSTR("country", w->s->seller_country), DB_TEXT("prefix", w->s->invoice_prefix),
                          DB_BOOL("is_tax_included", w->s->is_tax_included));
    if (!e.kind) e = DB_RUN(tx, &tax_clear, DB_INT("org_id", w->org_id));
    for (size_t i = 0; !e.kind && i < w->s->tax_count; i++)
        e = DB_RUN(tx, &tax_insert, DB_INT("org_id", w->org_id), DB_TEXT("country", slice_of(w->s->taxes[i].country, 2)), DB_INT("rate_ppm", w->s->taxes[i].rate_ppm));
    return e.kind ? e : offers_note_in(tx, w->org_id);
}

struct err offer_settings_set(struct offers *o, int64_t org_id, const struct offer_settings *settings) {
    struct err e = check(settings);
    struct settings_work w = {.org_id = org_id, .s = settings};
    if (!e.kind) e = db_write(o->o.db, settings_fn, &w);
    return e.kind ? e : offers_refresh(o);
}
