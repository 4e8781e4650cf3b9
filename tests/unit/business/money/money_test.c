/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/csv.h"
#include "base/rng.h"
#include "business/money/money.h"

#define OK(call)                                                     \
    do {                                                             \
        struct err ok_err = (call);                                  \
        if (ok_err.kind) fail_msg("%s: %s", #call, ok_err.what);     \
    } while (0)
#define REFUSED(call, expected_code)                                                    \
    do {                                                                                \
        struct err refused_err = (call);                                                \
        if (!refused_err.kind) fail_msg("%s was not refused", #call);                   \
        assert_string_equal(refused_err.code, expected_code);                           \
        assert_int_equal(refused_err.kind, ERR_INPUT);                                  \
    } while (0)
#define EUR(minor_units) MONEY(minor_units, CURRENCY_EUR)

/* ---- currencies ---- */

static void currencies_are_in_order_and_found(void **state) {
    assert_int_equal(currency_count(), 165);
    for (size_t i = 0; i < currency_count(); i++) {
        const struct currency *one = currency_at(i);
        if (i) assert_true(one->numeric > currency_at(i - 1)->numeric);
        assert_ptr_equal(currency_of(one->numeric), one);
        assert_ptr_equal(currency_find(slice_cstr(one->code)), one);
        assert_true(one->exponent <= 4);
    }
    assert_null(currency_at(currency_count()));
    assert_null(currency_of(0));
    assert_null(currency_of(959)); /* gold has no minor unit */
    assert_null(currency_of(65535));
    assert_null(currency_find(SLICE("eur")));
    assert_null(currency_find(SLICE("EURO")));
    assert_null(currency_find(SLICE("")));
    assert_string_equal(currency_code(CURRENCY_THB), "THB");
    assert_string_equal(currency_code(1), "???");
}

/* The exponents that differ from two, as the standard has them now. */
static void exponents_are_the_standards(void **state) {
    const char *none[] = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"};
    const char *three[] = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"};
    const char *four[] = {"CLF", "UYW"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) assert_int_equal(currency_find(slice_cstr(none[i]))->exponent, 0);
    for (size_t i = 0; i < ARRAY_LEN(three); i++) assert_int_equal(currency_find(slice_cstr(three[i]))->exponent, 3);
    for (size_t i = 0; i < ARRAY_LEN(four); i++) assert_int_equal(currency_find(slice_cstr(four[i]))->exponent, 4);
    size_t of_two = 0;
    for (size_t i = 0; i < currency_count(); i++) of_two += currency_at(i)->exponent == 2;
    assert_int_equal(of_two, currency_count() - ARRAY_LEN(none) - ARRAY_LEN(three) - ARRAY_LEN(four));
}

struct oracle {
    size_t seen;
    bool is_found[65536];
};
static struct err oracle_record(void *user, const struct csv_field *fields, size_t count) {
    struct oracle *oracle = user;
    uint64_t numeric, exponent;
    if (count < 6 || fields[5].text.len || !fields[2].text.len || !slice_to_u64(fields[3].text, &numeric)) return ERR_OK; /* withdrawn, or the head */
    const struct currency *one = currency_of((uint16_t)numeric);
    if (!slice_to_u64(fields[4].text, &exponent)) {
        assert_null(one);
        return ERR_OK;
    }
    if (!one) fail_msg("%.*s is missing", SLICE_ARG(fields[2].text));
    assert_true(slice_eq(slice_cstr(one->code), fields[2].text));
    assert_int_equal(one->exponent, exponent);
    oracle->seen += !oracle->is_found[numeric];
    oracle->is_found[numeric] = true;
    return ERR_OK;
}
static struct err oracle_fault(void *user, struct csv_place at, struct err fault) {
    fail_msg("line %llu: %s", (unsigned long long)at.line, fault.what);
    return fault;
}
static void table_is_the_published_one(void **state) {
    const char *root = getenv("GRANDSTAND_SHARED_DATA");
    char path[300];
    snprintf(path, sizeof path, "%s/iso/iso4217_codes-all.csv", root ? root : "../shared/data");
    FILE *file = fopen(path, "rb");
    if (!file) {
        print_message("# skipped: %s is not there (set GRANDSTAND_SHARED_DATA)\n", path);
        skip();
        return;
    }
    struct oracle *oracle = calloc(1, sizeof *oracle);
    struct csv_reader *reader;
    OK(csv_open(&reader, &(struct csv_options){.on_record = oracle_record, .on_fault = oracle_fault, .user = oracle}));
    char bytes[4096];
    for (size_t len; (len = fread(bytes, 1, sizeof bytes, file)) > 0;) OK(csv_feed(reader, slice_of(bytes, len)));
    OK(csv_end(reader));
    csv_close(&reader);
    fclose(file);
    assert_int_equal(oracle->seen, currency_count());
    free(oracle);
}

/* ---- arithmetic ---- */

static void sums_are_checked(void **state) {
    struct money m = EUR(77);
    OK(money_add(EUR(1), EUR(2), &m));
    assert_true(money_eq(m, EUR(3)));
    OK(money_add(EUR(INT64_MAX - 1), EUR(1), &m));
    assert_int_equal(m.minor, INT64_MAX);
    m = EUR(77);
    REFUSED(money_add(EUR(INT64_MAX), EUR(1), &m), "money.range");
    REFUSED(money_subtract(EUR(-INT64_MAX), EUR(1), &m), "money.range"); /* INT64_MIN is no amount */
    REFUSED(money_subtract(EUR(0), EUR(INT64_MIN), &m), "money.range");
    REFUSED(money_add(EUR(1), MONEY(1, CURRENCY_USD), &m), "money.currency");
    REFUSED(money_subtract(EUR(1), MONEY(1, CURRENCY_USD), &m), "money.currency");
    assert_true(money_eq(m, EUR(77)));
    OK(money_subtract(EUR(5), EUR(7), &m));
    assert_true(money_eq(m, EUR(-2)));
    assert_true(money_eq(money_negate(m), EUR(2)));
    assert_int_equal(money_negate(EUR(INT64_MAX)).minor, -INT64_MAX);
}

static void rounds(int64_t amount, int64_t numerator, int64_t denominator, int64_t half_even, int64_t half_up, int64_t down, int64_t up) {
    const int64_t expected[] = {[MONEY_HALF_EVEN] = half_even, [MONEY_HALF_UP] = half_up, [MONEY_DOWN] = down, [MONEY_UP] = up};
    for (enum money_rounding r = MONEY_HALF_EVEN; r <= MONEY_UP; r++) {
        struct money m;
        OK(money_multiply(EUR(amount), numerator, denominator, r, &m));
        if (m.minor != expected[r]) fail_msg("%lld * %lld / %lld by rounding %d is %lld, not %lld", (long long)amount, (long long)numerator, (long long)denominator, r, (long long)m.minor, (long long)expected[r]);
        assert_int_equal(m.currency, CURRENCY_EUR);
    }
}
static void products_round_as_named(void **state) {
    rounds(5, 1, 2, 2, 3, 2, 3);
    rounds(7, 1, 2, 4, 4, 3, 4);
    rounds(-5, 1, 2, -2, -3, -2, -3);
    rounds(5, -1, 2, -2, -3, -2, -3);
    rounds(-7, -1, 2, 4, 4, 3, 4);
    rounds(10, 1, 3, 3, 3, 3, 4);
    rounds(20, 1, 3, 7, 7, 6, 7);
    rounds(6, 1, 3, 2, 2, 2, 2);
    rounds(0, 5, 3, 0, 0, 0, 0);
    rounds(INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX); /* 126 bits in between */
    rounds(INT64_MAX, 1, 2, INT64_MAX / 2 + 1, INT64_MAX / 2 + 1, INT64_MAX / 2, INT64_MAX / 2 + 1);
    struct money m = EUR(77);
    REFUSED(money_multiply(EUR(INT64_MAX), 2, 1, MONEY_DOWN, &m), "money.range");
    REFUSED(money_multiply(EUR(INT64_MAX), INT64_MIN, 1, MONEY_DOWN, &m), "money.range");
    REFUSED(money_multiply(EUR(1), 1, 0, MONEY_DOWN, &m), "money.fraction");
    REFUSED(money_multiply(EUR(1), 1, -1, MONEY_DOWN, &m), "money.fraction");
    assert_true(money_eq(m, EUR(77)));
}

static void splits(int64_t amount, const int64_t *weights, const int64_t *expected, size_t count) {
    int64_t parts[8];
    OK(money_split(EUR(amount), weights, count, parts));
    for (size_t i = 0; i < count; i++) assert_int_equal(parts[i], expected[i]);
    OK(money_split(EUR(-amount), weights, count, parts));
    for (size_t i = 0; i < count; i++) assert_int_equal(parts[i], -expected[i]);
}
static void parts_go_to_the_largest_remainder(void **state) {
    splits(100, (int64_t[]){1, 1, 1}, (int64_t[]){34, 33, 33}, 3);     /* ties: the first */
    splits(101, (int64_t[]){1, 1, 1}, (int64_t[]){34, 34, 33}, 3);
    splits(10, (int64_t[]){1, 2, 4}, (int64_t[]){1, 3, 6}, 3);          /* 1.43 2.86 5.71: the second lost most, then the third */
    splits(1, (int64_t[]){0, 5, 5}, (int64_t[]){0, 1, 0}, 3);           /* no weight, no part */
    splits(0, (int64_t[]){3, 4}, (int64_t[]){0, 0}, 2);
    splits(INT64_MAX, (int64_t[]){INT64_MAX, INT64_MAX}, (int64_t[]){INT64_MAX / 2 + 1, INT64_MAX / 2}, 2);
    splits(7, (int64_t[]){9}, (int64_t[]){7}, 1);
    int64_t parts[2] = {77, 77};
    REFUSED(money_split(EUR(5), (int64_t[]){0, 0}, 2, parts), "money.fraction");
    REFUSED(money_split(EUR(5), (int64_t[]){3, -1}, 2, parts), "money.fraction");
    REFUSED(money_split(EUR(5), NULL, 0, parts), "money.parts");
    REFUSED(money_split(EUR(5), NULL, MONEY_PARTS_MAX + 1, parts), "money.parts");
    assert_int_equal(parts[0], 77);
    assert_int_equal(parts[1], 77);
}

static int64_t any_amount(struct rng *rng) {
    int64_t size = (int64_t)(rng_u64(rng) >> (1 + rng_below(rng, 63)));
    return rng_below(rng, 2) ? size : -size;
}
/* Parts add up to the amount, none lies a unit or more from its share, and equal weights get what differs by one at most, the earlier the more. */
static void parts_always_add_up(void **state) {
    struct rng rng = rng_seeded(4217);
    int64_t weights[40], parts[40];
    for (int round = 0; round < 20000; round++) {
        size_t count = 1 + rng_below(&rng, ARRAY_LEN(weights));
        int64_t amount = any_amount(&rng);
        __extension__ __int128 whole = 0, sum = 0;
        bool is_equal = rng_below(&rng, 4) == 0;
        for (size_t i = 0; i < count; i++) whole += weights[i] = is_equal ? 5 : (int64_t)(rng_u64(&rng) >> (1 + rng_below(&rng, 63)));
        if (whole == 0) continue;
        OK(money_split(EUR(amount), weights, count, parts));
        for (size_t i = 0; i < count; i++) {
            __extension__ __int128 off = (__int128)amount * weights[i] / whole - parts[i];
            assert_true(off >= -1 && off <= 1);
            if (!weights[i]) assert_int_equal(parts[i], 0);
            assert_true(amount >= 0 ? parts[i] >= 0 : parts[i] <= 0);
            if (is_equal && i) assert_true(amount >= 0 ? parts[i] <= parts[i - 1] : parts[i] >= parts[i - 1]);
            sum += parts[i];
        }
        assert_true(sum == amount);
        if (is_equal) assert_true(llabs(parts[0] - parts[count - 1]) <= 1);
    }
}

static void tax_is_included_or_added(void **state) {
    struct money_taxed t;
    OK(money_tax(EUR(1299), 190000, true, MONEY_HALF_UP, &t)); /* 207.4 */
    assert_int_equal(t.tax.minor, 207);
    assert_int_equal(t.net.minor, 1092);
    assert_int_equal(t.gross.minor, 1299);
    OK(money_tax(EUR(1299), 190000, false, MONEY_HALF_UP, &t)); /* 246.81 */
    assert_int_equal(t.tax.minor, 247);
    assert_int_equal(t.net.minor, 1299);
    assert_int_equal(t.gross.minor, 1546);
    OK(money_tax(MONEY(1300, CURRENCY_JPY), 100000, true, MONEY_HALF_UP, &t)); /* 118.18 */
    assert_int_equal(t.tax.minor, 118);
    assert_int_equal(t.tax.currency, CURRENCY_JPY);
    OK(money_tax(EUR(-1299), 190000, true, MONEY_HALF_UP, &t)); /* a refund takes back what the sale had */
    assert_int_equal(t.tax.minor, -207);
    OK(money_tax(EUR(50), 10000, false, MONEY_HALF_UP, &t)); /* 0.5: away from zero */
    assert_int_equal(t.tax.minor, 1);
    OK(money_tax(EUR(50), 10000, false, MONEY_HALF_EVEN, &t));
    assert_int_equal(t.tax.minor, 0);
    OK(money_tax(EUR(1299), 0, true, MONEY_HALF_UP, &t));
    assert_int_equal(t.tax.minor, 0);
    OK(money_tax(EUR(INT64_MAX), MONEY_RATE_PPM_MAX, true, MONEY_HALF_UP, &t));
    REFUSED(money_tax(EUR(INT64_MAX), 1000, false, MONEY_HALF_UP, &t), "money.range");
    REFUSED(money_tax(EUR(1), MONEY_RATE_PPM_MAX + 1, false, MONEY_HALF_UP, &t), "money.fraction");
    struct rng rng = rng_seeded(19);
    for (int round = 0; round < 20000; round++) {
        bool is_included = rng_below(&rng, 2);
        if (money_tax(EUR(any_amount(&rng)), (uint32_t)rng_below(&rng, MONEY_RATE_PPM_MAX + 1), is_included, 1 + (enum money_rounding)rng_below(&rng, 4), &t).kind) continue;
        assert_int_equal(t.net.minor + t.tax.minor, t.gross.minor);
        assert_true(t.gross.minor >= 0 ? t.tax.minor >= 0 && t.net.minor >= 0 : t.tax.minor <= 0 && t.net.minor <= 0);
    }
}

static void shares_of_a_time_add_up(void **state) {
    struct money share, rest;
    OK(money_prorate(EUR(3650), 10, 365, &share, &rest));
    assert_int_equal(share.minor, 100);
    assert_int_equal(rest.minor, 3550);
    OK(money_prorate(EUR(3900), 0, 31, &share, &rest));
    assert_int_equal(share.minor, 0);
    OK(money_prorate(EUR(3900), 31, 31, &share, &rest));
    assert_int_equal(share.minor, 3900);
    assert_int_equal(rest.minor, 0);
    OK(money_prorate(EUR(5), 1, 2, &share, NULL)); /* 2.5: the even one */
    assert_int_equal(share.minor, 2);
    share = EUR(77);
    REFUSED(money_prorate(EUR(5), 3, 2, &share, NULL), "money.fraction");
    REFUSED(money_prorate(EUR(5), -1, 2, &share, NULL), "money.fraction");
    REFUSED(money_prorate(EUR(5), 0, 0, &share, NULL), "money.fraction");
    assert_int_equal(share.minor, 77);
    struct rng rng = rng_seeded(31);
    for (int round = 0; round < 20000; round++) {
        struct money price = EUR(any_amount(&rng));
        int64_t whole = 1 + (int64_t)rng_below(&rng, 366 * 86400), part = (int64_t)rng_below(&rng, (uint64_t)whole + 1);
        OK(money_prorate(price, part, whole, &share, &rest));
        assert_int_equal(share.minor + rest.minor, price.minor);
    }
}

/* ---- text ---- */

static void reads(const char *text, uint16_t currency, int64_t minor, const char *canonical) {
    struct money m;
    OK(money_parse(slice_cstr(text), currency, &m));
    assert_int_equal(m.minor, minor);
    assert_int_equal(m.currency, currency);
    struct buf out = BUF(100);
    money_append(&out, m);
    if (!slice_eq(buf_slice(&out), slice_cstr(canonical))) fail_msg("%s became %.*s", text, SLICE_ARG(buf_slice(&out)));
    buf_free(&out);
}
static void decimal_text_is_read_and_written(void **state) {
    reads("12.99", CURRENCY_EUR, 1299, "12.99");
    reads("12", CURRENCY_EUR, 1200, "12.00");
    reads("12.5", CURRENCY_EUR, 1250, "12.50");
    reads("-0.05", CURRENCY_EUR, -5, "-0.05");
    reads("007.00", CURRENCY_EUR, 700, "7.00");
    reads("1300", CURRENCY_JPY, 1300, "1300");
    reads("1.250", CURRENCY_KWD, 1250, "1.250");
    reads("0", CURRENCY_KWD, 0, "0.000");
    reads("0.0001", 990, 1, "0.0001"); /* CLF */
    reads("92233720368547758.07", CURRENCY_EUR, INT64_MAX, "92233720368547758.07");
    reads("-92233720368547758.07", CURRENCY_EUR, -INT64_MAX, "-92233720368547758.07");
    struct money m = EUR(77);
    const char *not_amounts[] = {"", "-", ".", "12.", ".5", "+1", "1,5", " 1", "1 ", "--1", "1.2.3", "1e3", "0x10", "\xd9\xa1"};
    for (size_t i = 0; i < ARRAY_LEN(not_amounts); i++) REFUSED(money_parse(slice_cstr(not_amounts[i]), CURRENCY_EUR, &m), "money.text");
    REFUSED(money_parse(slice_of("1\0", 2), CURRENCY_EUR, &m), "money.text");
    REFUSED(money_parse(SLICE("12.990"), CURRENCY_EUR, &m), "money.decimals");
    REFUSED(money_parse(SLICE("1300.0"), CURRENCY_JPY, &m), "money.decimals");
    REFUSED(money_parse(SLICE("92233720368547758.08"), CURRENCY_EUR, &m), "money.range");
    REFUSED(money_parse(SLICE("9223372036854775807"), CURRENCY_EUR, &m), "money.range");
    REFUSED(money_parse(SLICE("99999999999999999999999999"), CURRENCY_JPY, &m), "money.range");
    REFUSED(money_parse(SLICE("1"), 1, &m), "money.currency");
    assert_true(money_eq(m, EUR(77)));
}

static void people_read_what_the_pages_print(void **state) {
    static const struct {
        const char *language, *currency;
        int64_t minor;
        const char *text;
    } rows[] = {
#define INTL(language_, currency_, minor_, text_) {language_, currency_, minor_, text_},
#include "intl.tbl.h"
    };
    struct buf out = BUF(200);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_clear(&out);
        money_print(&out, MONEY(rows[i].minor, currency_find(slice_cstr(rows[i].currency))->numeric), slice_cstr(rows[i].language));
        if (!slice_eq(buf_slice(&out), slice_cstr(rows[i].text)))
            fail_msg("%s %s: %.*s, not %s", rows[i].language, rows[i].currency, SLICE_ARG(buf_slice(&out)), rows[i].text);
    }
    buf_clear(&out);
    money_print_number(&out, EUR(129900), SLICE("de-AT"));
    buf_cstr(&out, " ");
    money_print_number(&out, EUR(-129900), SLICE("th"));
    buf_cstr(&out, " ");
    money_print_rate(&out, 190000, SLICE("de"));
    buf_cstr(&out, " ");
    money_print_rate(&out, 77000, SLICE("de"));
    buf_cstr(&out, " ");
    money_print_rate(&out, 70, SLICE("zh"));
    assert_true(slice_eq(buf_slice(&out), SLICE("1.299,00 -1,299.00 19\u00a0% 7,7\u00a0% 0.007%")));
    buf_free(&out);
}

static void from_json_is(const char *text, const char *code, int64_t minor) {
    json_t *json;
    OK(json_parse(slice_cstr(text), 1000, &json));
    struct money m = EUR(77);
    struct err e = money_from_texts(json_get_string(json, "amount"), json_get_string(json, "currency"), &m);
    if (code) {
        REFUSED(e, code);
        assert_true(money_eq(m, EUR(77)));
    } else {
        OK(e);
        assert_int_equal(m.minor, minor);
    }
    json_decref(json);
}
static void json_is_minor_units_as_text(void **state) {
    struct buf out = BUF(500);
    struct json_writer w = json_writer_of(&out);
    json_begin_object(&w);
    money_put(&w, "price", EUR(1299));
    money_put(&w, "nothing", (struct money){0});
    json_end(&w);
    assert_true(slice_eq(buf_slice(&out), SLICE("{\"price\":{\"amount\":\"1299\",\"currency\":\"EUR\"},\"nothing\":null}")));
    buf_free(&out);
    from_json_is("{\"amount\":\"-5\",\"currency\":\"KWD\"}", NULL, -5);
    from_json_is("{\"amount\":\"9223372036854775807\",\"currency\":\"EUR\"}", NULL, INT64_MAX);
    from_json_is("{\"amount\":\"9223372036854775808\",\"currency\":\"EUR\"}", "money.range", 0);
    from_json_is("{\"amount\":\"-9223372036854775808\",\"currency\":\"EUR\"}", "money.range", 0);
    from_json_is("{\"amount\":5,\"currency\":\"EUR\"}", "money.text", 0);
    from_json_is("{\"amount\":\"5.00\",\"currency\":\"EUR\"}", "money.text", 0);
    from_json_is("{\"amount\":\"-\",\"currency\":\"EUR\"}", "money.text", 0);
    from_json_is("{\"amount\":\"5\",\"currency\":\"EURO\"}", "money.currency", 0);
    from_json_is("{\"amount\":\"5\"}", "money.currency", 0);
    from_json_is("[]", "money.text", 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(currencies_are_in_order_and_found), cmocka_unit_test(exponents_are_the_standards), cmocka_unit_test(table_is_the_published_one),
        cmocka_unit_test(sums_are_checked), cmocka_unit_test(products_round_as_named), cmocka_unit_test(parts_go_to_the_largest_remainder),
        cmocka_unit_test(parts_always_add_up), cmocka_unit_test(tax_is_included_or_added), cmocka_unit_test(shares_of_a_time_add_up),
        cmocka_unit_test(decimal_text_is_read_and_written), cmocka_unit_test(people_read_what_the_pages_print), cmocka_unit_test(json_is_minor_units_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
