/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An answer in words. Each reason has a sentence in text/access.json ("why.blackout"), and where they say more, forms with the country ("_in"),
 * with the date on which it opens ("_until") or with both; a title that is not his what can be done about it ("why.entitlement_rent"). */
#include <stdio.h>

#include "business/access/room.h"
#include "text/text.h"

static struct slice print(char *out, size_t size, int64_t n) {
    int len = snprintf(out, size, "%lld", (long long)n);
    return slice_of(out, (size_t)len);
}

/* What one can do about a title that is not his: by the bits of its kind in `sold`. */
static const char *to_do(uint16_t sold) {
    static const char *const words[] = {NULL, "entitlement_subscribe", "entitlement_rent", "entitlement_subscribe_rent", "entitlement_buy", "entitlement_subscribe_buy",
                                        "entitlement_rent_buy", "entitlement_subscribe_rent_buy"};
    bool is_rented = sold & 1 << OFFER_RENTAL, is_in_plans = sold & 1 << OFFER_SUBSCRIPTION, is_bought = sold & ~(1 << OFFER_RENTAL | 1 << OFFER_SUBSCRIPTION);
    return words[is_in_plans | is_rented << 1 | is_bought << 2];
}

/* Which sentence: the reason without its area, but for those who should sign in, or buy. */
static const char *word_of(const struct access_answer *answer) {
    const char *dot = strchr(answer->reason, '.');
    const char *word = dot ? dot + 1 : answer->reason;
    if (answer->is_allowed) return answer->entitled != ACCESS_BY_RENTAL ? "yes" : answer->held.started_s ? "rented" : "rented_begin";
    if (answer->step == ACCESS_ENTITLEMENT && to_do(answer->sold)) return to_do(answer->sold);
    if (answer->state != ACCESS_SIGN_IN) return word;
    return !strcmp(word, "entitlement") ? "sign_in" : !strcmp(word, "rating") ? "rating_sign_in" : word;
}

/* `date`: as it is to stand in the sentence; empty: no form with a date is looked for. */
static void sentence_write(struct buf *out, struct slice lang, const struct access_answer *answer, const struct geo_place *place, struct slice date) {
    const char *word = word_of(answer);
    char code[64], country_code[16], age[24];
    struct slice country = SLICE_NONE;
    if (place && place->country[0]) {
        snprintf(country_code, sizeof country_code, "country.%c%c", place->country[0] | 0x20, place->country[1] | 0x20);
        country = text_lookup(lang, slice_cstr(country_code));
    }
    struct text_param params[] = {{SLICE("country"), country}, {SLICE("date"), date}, {SLICE("age"), print(age, sizeof age, answer->age)}};
    const char *forms[] = {country.len && date.len ? "_in_until" : NULL, date.len ? "_until" : NULL, country.len ? "_in" : NULL, ""};
    bool is_said = false;
    for (size_t i = 0; i < ARRAY_LEN(forms) && !is_said; i++) {
        if (!forms[i]) continue;
        snprintf(code, sizeof code, "why.%s%s", word, forms[i]);
        is_said = text_format(out, lang, slice_cstr(code), params, ARRAY_LEN(params));
        if (is_said || i > 1 || answer->is_allowed || answer->step != ACCESS_RIGHTS) continue;
        snprintf(code, sizeof code, "why.any%s", forms[i]); /* that it opens is worth more than the exact reason */
        is_said = text_format(out, lang, slice_cstr(code), params, ARRAY_LEN(params));
    }
}

void access_sentence(struct buf *out, struct slice lang, const struct access_answer *answer, const struct geo_place *place, int64_t now_s, struct text_zone zone) {
    struct buf date = BUF(400);
    if (answer->turns_s) text_moment(&date, lang, answer->turns_s, now_s, zone);
    sentence_write(out, lang, answer, place, buf_slice(&date));
    buf_free(&date);
}

bool access_sentence_open(struct buf *out, struct slice lang, const struct access_answer *answer, const struct geo_place *place) {
    if (!answer->turns_s) return false;
    size_t before = out->len;
    sentence_write(out, lang, answer, place, SLICE("{at}"));
    bool has = slice_find(slice_sub(buf_slice(out), before, out->len), SLICE("{at}")) != SLICE_NPOS;
    if (!has) out->len = before;
    return has;
}
