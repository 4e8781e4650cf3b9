/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Documents are read back as a reader would: by pdftotext (poppler-utils). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fault.h"
#include "business/invoice/invoice.h"

#define OK(call)                                                  \
    do {                                                          \
        struct err ok_err = (call);                               \
        if (ok_err.kind) fail_msg("%s: %s", #call, ok_err.what);  \
    } while (0)
#define EUR(minor_units) MONEY(minor_units, CURRENCY_EUR)
#define MADE_S INT64_C(1795305600) /* 2026-11-22 */

/* What a reader finds in the document; kept where GRANDSTAND_KEEP_PAPER names a folder. */
static char *text_of(const struct buf *pdf, const char *name) {
    char path[] = "/tmp/grandstand-paper-XXXXXX", command[200];
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, pdf->ptr, pdf->len) == (ssize_t)pdf->len);
    close(fd);
    const char *folder = getenv("GRANDSTAND_KEEP_PAPER");
    if (folder) {
        snprintf(command, sizeof command, "cp %s %s/%s.pdf", path, folder, name);
        assert_int_equal(system(command), 0);
    }
    snprintf(command, sizeof command, "pdftotext -enc UTF-8 -layout %s - 2>&1", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t room = 4 << 20, len = 0;
    char *text = malloc(room);
    for (size_t got; (got = fread(text + len, 1, room - 1 - len, pipe)) > 0;) len += got;
    text[len] = 0;
    assert_int_equal(pclose(pipe), 0);
    unlink(path);
    return text;
}
/* How a reader parts words is his own: without any blanks (no-break ones too). */
static char *squeezed(const char *text) {
    char *out = malloc(strlen(text) + 1), *to = out;
    for (; *text; text++)
        if (text[0] == '\xc2' && text[1] == '\xa0') text++;
        else if (!strchr(" \n\f", *text)) *to++ = *text;
    *to = 0;
    return out;
}
static void has(const char *text, const char *wanted) {
    char *all = squeezed(text), *part = squeezed(wanted);
    bool is_there = strstr(all, part) != NULL;
    free(all);
    free(part);
    if (!is_there) fail_msg("not in the document: %s\n%.4000s", wanted, text);
}
static size_t count_of(const char *text, const char *what) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what)) n++;
    return n;
}

static struct invoice_line lines[500];
static struct invoice invoice_of(const char *lang, size_t count) {
    struct invoice v = {.lang = slice_cstr(lang), .number = SLICE("GS-2026-000123"), .order_number = SLICE("1042"), .issued_s = MADE_S, .lines = lines, .line_count = count,
                        .is_tax_included = true, .method = SLICE("Visa 4242"),
                        .seller = {SLICE("Grandstand Films"), SLICE("Am Stadion 1\n10115 Berlin"), SLICE("DE123456789"), SLICE("DE"), SLICE("office@grandstand.example")},
                        .buyer = {SLICE("Familie Müller-Lüdenscheidt"), SLICE(""), SLICE(""), SLICE("AT"), SLICE("mueller@example.org")}};
    static const char *const names[][2] = {{"Leihe", "Der lange Lauf"}, {"租借", "长跑者的黄昏"}, {"เช่า", "นักวิ่งแห่งสายลม"}, {"Month with 2 film vouchers", "22 Nov – 22 Dec 2026"}};
    v.subtotal = v.discount = v.tax = v.total = v.credit = EUR(0);
    for (size_t i = 0; i < count; i++) {
        struct money_taxed taxed;
        int64_t price = 399 + (int64_t)(i % 7) * 100, discount = i % 5 == 4 ? 50 : 0;
        uint32_t rate = i % 3 == 2 ? 70000 : 190000;
        OK(money_tax(EUR(price - discount), rate, true, MONEY_HALF_UP, &taxed));
        lines[i] = (struct invoice_line){.name = slice_cstr(names[i % 4][0]), .detail = slice_cstr(names[i % 4][1]), .quantity = 1, .unit_price = EUR(price), .discount = EUR(discount),
                                         .rate_ppm = rate, .tax = taxed.tax, .total = taxed.gross};
        v.subtotal.minor += price;
        v.discount.minor += discount;
        v.tax.minor += taxed.tax.minor;
        v.total.minor += taxed.gross.minor;
    }
    v.paid = v.total;
    return v;
}
static char *render(const struct invoice *v, const char *name) {
    struct buf pdf = BUF(16 << 20);
    OK(invoice_render(&pdf, v));
    assert_memory_equal(pdf.ptr, "%PDF-", 5);
    char *text = text_of(&pdf, name);
    buf_free(&pdf);
    return text;
}

static void an_invoice_says_what_was_bought(void **state) {
    struct invoice v = invoice_of("de", 4);
    char *text = render(&v, "invoice-de");
    const char *wanted[] = {"Rechnung", "GS-2026-000123", "22.11.2026", "1042", "Grandstand Films", "Am Stadion 1", "Steuernr. DE123456789", "Familie Müller-Lüdenscheidt", "Österreich", "Leihe",
                            "Der lange Lauf", "长跑者的黄昏", "Gesamtbetrag", "21,96\u00a0€", "Enthaltene Steuer", "Bezahlt mit Visa 4242", "19\u00a0%", "7\u00a0%", "Seite 1 von 1"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) has(text, wanted[i]);
    assert_null(strstr(text, "Spielgeld"));
    has(text, "5,60"); /* net of 7 %: 5,99 */
    free(text);
}

static void names_are_right_in_four_languages(void **state) {
    static const struct {
        const char *lang, *words[5];
    } rows[] = {{"en", {"Invoice", "Nov 22, 2026", "€21.96", "Paid by Visa 4242", "Play money"}},
                {"zh", {"发票", "2026年11月22日", "€21.96", "支付方式：Visa 4242", "模拟货币"}},
                {"th", {"ใบแจ้งหนี้", "2569", "€21.96", "Visa 4242", "เงินสมมติ"}},
                {"de", {"Rechnung", "22.11.2026", "21,96", "Bezahlt mit Visa 4242", "Spielgeld"}}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct invoice v = invoice_of(rows[i].lang, 4);
        v.is_play_money = true;
        v.buyer.name = SLICE("王小明 · สมชาย ใจดี · Jürgen Groß · Anne Miller");
        char name[40];
        snprintf(name, sizeof name, "invoice-%s-play", rows[i].lang);
        char *text = render(&v, name);
        has(text, "王小明");
        has(text, "ใจดี");
        has(text, "Jürgen Groß");
        has(text, "Anne Miller");
        for (size_t w = 0; w < ARRAY_LEN(rows[i].words); w++) has(text, rows[i].words[w]);
        free(text);
    }
}

static void credit_notes_go_back(void **state) {
    struct invoice v = invoice_of("en", 1);
    v.is_credit_note = true;
    v.number = SLICE("GS-2026-C00007");
    v.of_number = SLICE("GS-2026-000123");
    v.credit = EUR(99);
    v.paid = EUR(v.total.minor - 99);
    char *text = render(&v, "credit-note");
    has(text, "Credit note");
    has(text, "GS-2026-C00007");
    has(text, "GS-2026-000123");
    has(text, "Given back");
    has(text, "To credit");
    has(text, "€0.99");
    has(text, "To Visa 4242");
    free(text);
}

static void five_hundred_lines_go_over_pages(void **state) {
    struct invoice v = invoice_of("en", 500);
    v.is_tax_included = true;
    char *text = render(&v, "invoice-long");
    size_t pages = count_of(text, "\f");
    assert_true(pages > 15);
    char last[40];
    snprintf(last, sizeof last, "Page %zu of %zu", pages, pages);
    has(text, last);
    assert_int_equal(count_of(text, "Der lange Lauf"), 125); /* none is lost, none comes twice */
    assert_int_equal(count_of(text, "长跑者的黄昏"), 125);
    assert_true(count_of(text, "Description") >= pages - 1); /* the head stands on each page of the table */
    struct buf total = BUF(100);
    money_print(&total, v.total, SLICE("en"));
    buf_bytes(&total, "", 1);
    has(text, total.ptr);
    buf_free(&total);
    free(text);
}

static void the_same_gives_the_same_bytes(void **state) {
    struct invoice v = invoice_of("th", 30);
    struct buf first = BUF(4 << 20), second = BUF(4 << 20);
    OK(invoice_render(&first, &v));
    OK(invoice_render(&second, &v));
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.ptr, second.ptr, first.len);
    buf_free(&first);
    buf_free(&second);
}

static void refused(struct invoice v, const char *code) {
    struct buf pdf = BUF(4 << 20);
    struct err e = invoice_render(&pdf, &v);
    assert_string_equal(e.kind ? e.code : "nothing", code);
    assert_int_equal(pdf.len, 0);
    buf_free(&pdf);
}
static void what_does_not_agree_is_not_printed(void **state) {
    struct invoice v = invoice_of("en", 4);
    v.total.minor++;
    refused(v, "invoice.sums");
    v = invoice_of("en", 4);
    v.tax.minor--;
    refused(v, "invoice.sums");
    v = invoice_of("en", 4);
    v.credit.minor = 1;
    refused(v, "invoice.sums");
    v = invoice_of("en", 4);
    v.is_tax_included = false; /* then tax would have been added */
    refused(v, "invoice.sums");
    v = invoice_of("en", 4);
    lines[2].total.currency = CURRENCY_USD;
    refused(v, "invoice.sums");
    v = invoice_of("en", 4);
    lines[2].discount.minor = 1;
    refused(v, "invoice.sums");
    v = invoice_of("en", 4);
    lines[0].quantity = INT64_MAX;
    refused(v, "invoice.sums");
    v = invoice_of("en", 4);
    v.line_count = 0;
    refused(v, "invoice.lines");
    v = invoice_of("en", 4);
    struct buf tight = BUF(1000); /* no room */
    assert_int_equal(invoice_render(&tight, &v).kind, ERR_LIMIT);
    buf_free(&tight);
}

static void strange_text_does_no_harm(void **state) {
    struct invoice v = invoice_of("en", 2);
    lines[0].name = slice_of("bad \xff\xfe utf-8 \0 and \x01 controls", 30);
    char *longest = malloc(30000);
    memset(longest, 'W', 30000);
    lines[1].detail = slice_of(longest, 30000);
    v.buyer.address = slice_of(longest, 30000);
    v.buyer.name = SLICE("");
    v.seller.name = slice_of(longest, 3000);
    char *text = render(&v, "invoice-strange");
    has(text, "bad");
    has(text, "controls");
    free(text);
    free(longest);
}

static void a_statement_shows_each_movement(void **state) {
    enum { COUNT = 120 };
    struct statement_item items[COUNT];
    int64_t balance = 100000;
    for (int i = 0; i < COUNT; i++) {
        bool is_debit = i % 4 == 3;
        balance += is_debit ? -399 : 1299;
        items[i] = (struct statement_item){.at_s = MADE_S + i * 3600, .text = is_debit ? SLICE("Refund of order 1042") : SLICE("Payment of order 1042"), .counter = SLICE("Clearing, Stripe"), .is_debit = is_debit,
                                           .amount = is_debit ? 399 : 1299, .balance = balance};
    }
    struct statement s = {.lang = SLICE("de"), .organisation = SLICE("Grandstand Films"), .account = SLICE("400 Erlöse"), .currency = CURRENCY_EUR, .from_s = MADE_S, .to_s = MADE_S + 30 * 86400,
                          .made_s = MADE_S, .opening = 100000, .closing = balance, .items = items, .item_count = COUNT, .is_credit_normal = true};
    struct buf pdf = BUF(4 << 20);
    OK(statement_render(&pdf, &s));
    char *text = text_of(&pdf, "statement");
    has(text, "Kontoauszug");
    has(text, "400 Erlöse");
    has(text, "1.000,00");
    has(text, "Refund of order 1042");
    assert_int_equal(count_of(text, "Payment of order"), 90);
    has(text, "2.049,40"); /* 1000 + 90 * 12.99 - 30 * 3.99 */
    free(text);
    buf_clear(&pdf);
    s.closing++;
    assert_string_equal(statement_render(&pdf, &s).code, "invoice.sums");
    s.closing--;
    items[5].balance++;
    assert_string_equal(statement_render(&pdf, &s).code, "invoice.sums");
    s = (struct statement){.lang = SLICE("zh"), .organisation = SLICE("Grandstand"), .account = SLICE("610"), .unit = SLICE("观影券"), .from_s = MADE_S, .to_s = MADE_S + 86400, .opening = 1234, .closing = 1234};
    OK(statement_render(&pdf, &s));
    text = text_of(&pdf, "statement-vouchers");
    has(text, "1,234 观影券");
    has(text, "此期间没有记账");
    free(text);
    buf_free(&pdf);
}

/* An amount that is not there would be read as none: a document is whole, or there is none. There were 22 places in this invoice and 17 in this statement
 * where something was missing and nobody heard. Each place in the long form, else each eighth from a changing one. */
static struct err invoice_make(struct buf *out) {
    struct invoice v = invoice_of("de", 2);
    return invoice_render(out, &v);
}
static struct err statement_make(struct buf *out) {
    struct statement_item items[] = {{.at_s = MADE_S, .text = SLICE("Payment of order 1042"), .counter = SLICE("Clearing"), .amount = 1299, .balance = 101299},
                                     {.at_s = MADE_S + 3600, .text = SLICE("Refund of order 1042"), .counter = SLICE("Clearing"), .is_debit = true, .amount = 399, .balance = 100900}};
    struct statement s = {.lang = SLICE("de"), .organisation = SLICE("Grandstand Films"), .account = SLICE("400"), .currency = CURRENCY_EUR, .from_s = MADE_S, .to_s = MADE_S + 86400,
                          .made_s = MADE_S, .opening = 100000, .closing = 100900, .items = items, .item_count = 2, .is_credit_normal = true};
    return statement_render(out, &s);
}
static void whatever_memory_is_missing_nothing_is_left_out(void **state) {
    static struct err (*const makers[])(struct buf *) = {invoice_make, statement_make};
    int stride = getenv("GRANDSTAND_TEST_LONG") ? 1 : 8;
    for (size_t m = 0; m < ARRAY_LEN(makers); m++) {
        struct buf whole = BUF(1 << 20), out = BUF(1 << 20);
        bool has_fired = true;
        int failed = 0;
        OK(makers[m](&whole));
        for (int n = 1 + (int)(getpid() % stride); has_fired; n += stride) {
            buf_free(&out);
            fault_arm(FAULT_ALLOC, (uint64_t)n, false);
            struct err e = makers[m](&out);
            has_fired = fault_fired(FAULT_ALLOC);
            fault_disarm_all();
            failed += e.kind != ERR_NONE;
            if (!e.kind && (out.len != whole.len || memcmp(out.ptr, whole.ptr, out.len))) fail_msg("document %zu is not whole without allocation %d", m, n);
        }
        assert_true(failed > 0);
        buf_free(&whole);
        buf_free(&out);
    }
}

int main(void) {
    if (system("pdftotext -v >/dev/null 2>&1") != 0) {
        printf("1..0 # SKIP pdftotext is not here (poppler-utils)\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invoice_says_what_was_bought), cmocka_unit_test(names_are_right_in_four_languages), cmocka_unit_test(credit_notes_go_back),
        cmocka_unit_test(five_hundred_lines_go_over_pages), cmocka_unit_test(the_same_gives_the_same_bytes), cmocka_unit_test(what_does_not_agree_is_not_printed),
        cmocka_unit_test(strange_text_does_no_harm), cmocka_unit_test(a_statement_shows_each_movement),
        cmocka_unit_test(whatever_memory_is_missing_nothing_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
