/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/money/money.h"

#define CURRENCY(numeric_, code_, exponent_, name_, ...) {.code = code_, .numeric = numeric_, .exponent = exponent_, .name = name_, .symbols = {__VA_ARGS__}},
static const struct currency currencies[] = {
#include "business/money/currency.tbl.h"
};
#undef CURRENCY

const struct currency *currency_of(uint16_t numeric) {
    size_t low = 0, high = ARRAY_LEN(currencies);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (currencies[mid].numeric == numeric) return &currencies[mid];
        if (currencies[mid].numeric < numeric) low = mid + 1;
        else high = mid;
    }
    return NULL;
}

const struct currency *currency_find(struct slice code) {
    if (code.len != 3) return NULL;
    for (size_t i = 0; i < ARRAY_LEN(currencies); i++)
        if (memcmp(currencies[i].code, code.ptr, 3) == 0) return &currencies[i];
    return NULL;
}

const char *currency_code(uint16_t numeric) {
    const struct currency *currency = currency_of(numeric);
    return currency ? currency->code : "???";
}

size_t currency_count(void) { return ARRAY_LEN(currencies); }
const struct currency *currency_at(size_t index) { return index < ARRAY_LEN(currencies) ? &currencies[index] : NULL; }
