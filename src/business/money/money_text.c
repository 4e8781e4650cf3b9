/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * money_text.c: amounts as text for machines, for people and as JSON. */
#include <inttypes.h>
#include <stdio.h>

#include "business/money/money.h"
#include "text/text.h"

#define NO_BREAK_SPACE "\u00a0"

static const uint64_t tens[] = {1, 10, 100, 1000, 10000};

struct digits {
    char whole[20]; /* 2^63 has 19 digits */
    size_t whole_len;
    char decimals[4];
    size_t decimals_len;
    bool is_negative;
};

static struct digits digits_of(struct money amount) {
    const struct currency *currency = currency_of(amount.currency);
    unsigned exponent = currency ? currency->exponent : 0;
    struct digits d = {.is_negative = amount.minor < 0, .decimals_len = exponent};
    uint64_t size = amount.minor < 0 ? 0 - (uint64_t)amount.minor : (uint64_t)amount.minor;
    uint64_t part = size % tens[exponent], whole = size / tens[exponent];
    for (size_t i = exponent; i-- > 0; part /= 10) d.decimals[i] = (char)('0' + part % 10);
    char backwards[20];
    do backwards[d.whole_len++] = (char)('0' + whole % 10);
    while (whole /= 10);
    for (size_t i = 0; i < d.whole_len; i++) d.whole[i] = backwards[d.whole_len - 1 - i];
    return d;
}

void money_append(struct buf *out, struct money amount) {
    struct digits d = digits_of(amount);
    if (d.is_negative) buf_cstr(out, "-");
    buf_bytes(out, d.whole, d.whole_len);
    if (d.decimals_len) buf_cstr(out, ".");
    buf_bytes(out, d.decimals, d.decimals_len);
}

struct err money_parse(struct slice text, uint16_t currency_number, struct money *out) {
    const struct currency *currency = currency_of(currency_number);
    if (!currency) return err_make(ERR_INPUT, "money.currency", "There is no such currency. Use a code of ISO 4217, such as EUR.");
    struct err not_an_amount = err_make(ERR_INPUT, "money.text", "This is not an amount. Write digits, and a point before the decimals: 12.99.");
    bool is_negative = text.len && text.ptr[0] == '-';
    if (is_negative) text = slice_sub(text, 1, text.len);
    size_t point = slice_find_byte(text, '.');
    struct slice whole = slice_sub(text, 0, point), decimals = SLICE_NONE;
    if (point != SLICE_NPOS) {
        decimals = slice_sub(text, point + 1, text.len);
        if (!decimals.len) return not_an_amount;
    }
    if (!whole.len) return not_an_amount;
    uint64_t minor = 0;
    bool is_too_large = false;
    for (size_t i = 0; i < whole.len + decimals.len; i++) {
        char c = i < whole.len ? whole.ptr[i] : decimals.ptr[i - whole.len];
        if (c < '0' || c > '9') return not_an_amount;
        if (minor > ((uint64_t)INT64_MAX - (uint64_t)(c - '0')) / 10) is_too_large = true;
        else minor = minor * 10 + (uint64_t)(c - '0');
    }
    if (decimals.len > currency->exponent)
        return err_make(ERR_INPUT, "money.decimals", "The amount has more decimals than its currency. Leave out the last ones.");
    for (size_t i = decimals.len; i < currency->exponent; i++) {
        if (minor > INT64_MAX / 10) is_too_large = true;
        else minor *= 10;
    }
    if (is_too_large) return err_make(ERR_INPUT, "money.range", "The amount is larger than can be kept (2^63 minor units). Use a smaller one.");
    *out = (struct money){.minor = is_negative ? -(int64_t)minor : (int64_t)minor, .currency = currency_number};
    return ERR_OK;
}

/* en, de, zh, th as in text_languages; what we do not speak is English. */
static unsigned language_index(struct slice language) {
    struct slice known = text_language_of(language);
    for (unsigned i = 0; i < TEXT_LANGUAGE_COUNT; i++)
        if (slice_eq(known, text_languages[i].code)) return i;
    return 0;
}
static bool is_german(struct slice language) { return slice_eq(text_language_of(language), SLICE("de")); }

static void number_append(struct buf *out, const struct digits *d, bool has_comma) {
    for (size_t i = 0; i < d->whole_len; i++) {
        if (i && (d->whole_len - i) % 3 == 0) buf_cstr(out, has_comma ? "." : ",");
        buf_bytes(out, &d->whole[i], 1);
    }
    if (d->decimals_len) buf_cstr(out, has_comma ? "," : ".");
    buf_bytes(out, d->decimals, d->decimals_len);
}

void money_print_number(struct buf *out, struct money amount, struct slice language) {
    struct digits d = digits_of(amount);
    if (d.is_negative) buf_cstr(out, "-");
    number_append(out, &d, is_german(language));
}

void money_print(struct buf *out, struct money amount, struct slice language) {
    const struct currency *currency = currency_of(amount.currency);
    const char *symbol = currency ? currency->symbols[language_index(language)] : "???";
    struct digits d = digits_of(amount);
    if (d.is_negative) buf_cstr(out, "-");
    if (is_german(language)) {
        number_append(out, &d, true);
        buf_cstr(out, NO_BREAK_SPACE);
        buf_cstr(out, symbol);
        return;
    }
    /* CLDR parts a sign from the number where it does not end in a sign of currency: "THB 1", "CN¥1". Those that do not, end in ASCII, but for the dollar. */
    char last = symbol[strlen(symbol) - 1];
    buf_cstr(out, symbol);
    if ((unsigned char)last < 0x80 && last != '$') buf_cstr(out, NO_BREAK_SPACE);
    number_append(out, &d, false);
}

void money_print_rate(struct buf *out, uint32_t rate_ppm, struct slice language) {
    bool has_comma = is_german(language);
    uint32_t whole = rate_ppm / 10000, part = rate_ppm % 10000;
    buf_u64_text(out, whole);
    if (part) {
        char text[16];
        int len = snprintf(text, sizeof text, "%c%04" PRIu32, has_comma ? ',' : '.', part);
        while (len > 1 && text[len - 1] == '0') len--;
        buf_bytes(out, text, (size_t)len);
    }
    buf_cstr(out, has_comma ? NO_BREAK_SPACE "%" : "%");
}

void money_add_json(struct json_writer *w, struct money amount) {
    json_begin_object(w);
    json_put_id(w, "amount", amount.minor);
    json_put_cstr(w, "currency", currency_code(amount.currency));
    json_end(w);
}

void money_put(struct json_writer *w, const char *name, struct money amount) {
    json_key(w, name);
    if (amount.currency == CURRENCY_NONE) json_add_null(w);
    else money_add_json(w, amount);
}

struct err money_from_texts(struct slice amount, struct slice code, struct money *out) {
    if (!amount.len)
        return err_make(ERR_INPUT, "money.text", "An amount is {\"amount\":\"1299\",\"currency\":\"EUR\"}: minor units as text, and a code of ISO 4217.");
    const struct currency *currency = currency_find(code);
    if (!currency) return err_make(ERR_INPUT, "money.currency", "There is no such currency. Use a code of ISO 4217, such as EUR.");
    struct slice digits = slice_sub(amount, amount.ptr[0] == '-', amount.len);
    if (!digits.len) return err_make(ERR_INPUT, "money.text", "The amount is not a whole number of minor units.");
    for (size_t i = 0; i < digits.len; i++)
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9') return err_make(ERR_INPUT, "money.text", "The amount is not a whole number of minor units.");
    int64_t minor;
    if (!slice_to_i64(amount, &minor) || minor == INT64_MIN)
        return err_make(ERR_INPUT, "money.range", "The amount is larger than can be kept (2^63 minor units). Use a smaller one.");
    *out = (struct money){.minor = minor, .currency = currency->numeric};
    return ERR_OK;
}
