/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * invoice.h: invoices, credit notes and account statements as PDF, in the four languages.
 *
 * Plain values come in; nothing is looked up and nothing is worked out but the table of taxes, which is the sum of the lines. What is printed agrees with itself: a document
 * whose sums do not is refused, for then somebody upstream is wrong. Workers only. */
#ifndef BUSINESS_INVOICE_H
#define BUSINESS_INVOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "business/money/money.h"

struct invoice_party {
    struct slice name, address, tax_id; /* address: lines with LF between; may be empty, like tax_id */
    struct slice country;               /* "DE"; may be empty */
    struct slice email;                 /* may be empty */
};
struct invoice_line {
    struct slice name, detail; /* "Rental", "The Lighthouse"; detail may be empty */
    int64_t quantity;
    struct money unit_price;   /* as on the price tag: with tax where it is included */
    struct money discount;     /* of quantity * unit_price; not negative */
    uint32_t rate_ppm;
    struct money tax, total;   /* total with tax */
    int64_t vouchers;          /* used for it; 0 */
};
struct invoice {
    struct slice lang;         /* one of text_languages */
    bool is_credit_note;       /* amounts are still positive: they go back */
    struct slice number;       /* "2026-000123" */
    struct slice of_number;    /* a credit note's: the invoice that it takes back from; else empty */
    struct slice order_number; /* may be empty */
    int64_t issued_s;
    struct invoice_party seller, buyer;
    const struct invoice_line *lines;
    size_t line_count;
    bool is_tax_included;
    struct money subtotal, discount, tax, total; /* total = subtotal - discount (+ tax, where it is added) */
    struct money credit;       /* of the total: paid from credit; on a credit note: went to credit */
    struct money paid;         /* of the total: paid by `method`; total = credit + paid */
    struct slice method;       /* "Visa 4242"; may be empty */
    struct money refunded;     /* of an invoice: given back since, as known when it is printed */
    bool is_play_money;        /* by the sandbox, or example data: says so in a frame */
};
/* Appended to `out`. Errors: ERR_BUG invoice.sums (they do not agree, or there are two currencies), ERR_INPUT invoice.lines (none); of paper. */
MUST_USE struct err invoice_render(struct buf *out, const struct invoice *);

struct statement_item {
    int64_t at_s;
    struct slice text, counter; /* "Payment of order 1042", "Clearing, Stripe" */
    bool is_debit;
    int64_t amount, balance;    /* in units; balance after it */
};
struct statement {
    struct slice lang;
    struct slice organisation, account; /* "Grandstand Films", "400 Revenue" */
    uint16_t currency;          /* of ISO 4217; 0: counted things, then */
    struct slice unit;          /* names them: "film vouchers" */
    int64_t from_s, to_s;       /* [from, to) */
    int64_t made_s;
    int64_t opening, closing;
    const struct statement_item *items; /* in order of time */
    size_t item_count;
    bool is_credit_normal;      /* the balance grows with credits; else with debits */
};
/* Errors: ERR_BUG invoice.sums (opening and items do not give the closing balance); of paper. */
MUST_USE struct err statement_render(struct buf *out, const struct statement *);

#endif
