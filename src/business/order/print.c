/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Invoices and credit notes on paper: numbers, names and prices as the order keeps them. Only the buyer's name is asked for when it is printed, since a person's name may
 * not stay where he cannot have it erased. */
#include "business/invoice/invoice.h"
#include "business/order/order_sql.h"
#include "business/order/room.h"

struct print_work {
    struct order_room *r;
    struct arena *arena;
    int64_t org_id, household_id;
    struct slice order, note;
    struct head head;
    struct order_item item;
    struct db_rows refund, parts;
};

static struct err no_invoice(void) { return err_make(ERR_NOT_FOUND, "order.invoice", "There is no invoice: nothing was paid."); }

static struct err print_fn(struct db_tx *tx, void *arg) {
    struct print_work *w = arg;
    struct err e = head_find(tx, w->arena, w->org_id, w->household_id, w->order, &w->head);
    if (!e.kind && !w->head.invoice.ptr) e = no_invoice();
    if (!e.kind) e = item_of(w->r, tx, w->arena, &w->head, w->head.lang, &w->item);
    if (e.kind || !w->note.len) return e;
    e = DB_QUERY(tx, w->arena, &w->refund, &order_refund_by_note, DB_INT("org_id", w->org_id), DB_TEXT("note", w->note), DB_INT("order_id", w->head.id));
    if (!e.kind && !w->refund.count) e = no_invoice();
    return e.kind ? e : DB_QUERY(tx, w->arena, &w->parts, &order_refund_line_of, DB_INT("refund_id", db_int(&w->refund, 0, "id")));
}

static struct invoice_line line_of(const struct print_work *w, const struct line *l) {
    const struct head *h = &w->head;
    return (struct invoice_line){.name = name_in(l->names, h->lang), .detail = name_in(l->title_names, h->lang), .quantity = l->quantity, .unit_price = money_of(h, l->unit_price),
                                 .discount = money_of(h, l->discount), .rate_ppm = l->rate_ppm, .tax = money_of(h, l->tax), .total = money_of(h, l->total), .vouchers = l->vouchers};
}

static void whole(const struct print_work *w, struct invoice *out, struct invoice_line *lines) {
    const struct head *h = &w->head;
    for (size_t i = 0; i < h->count; i++) lines[i] = line_of(w, &h->lines[i]);
    out->number = h->invoice;
    out->issued_s = h->paid_s;
    out->line_count = h->count;
    out->subtotal = money_of(h, h->subtotal);
    out->discount = money_of(h, h->discount);
    out->tax = money_of(h, h->tax);
    out->total = money_of(h, h->total);
    out->credit = money_of(h, h->credit);
    out->paid = money_of(h, h->due);
    out->refunded = money_of(h, h->refunded);
    out->is_tax_included = h->count && h->lines[0].is_included;
}

/* What went back of each line, tax included in it. */
static void credit_note(const struct print_work *w, struct invoice *out, struct invoice_line *lines) {
    const struct head *h = &w->head;
    int64_t amount = db_int(&w->refund, 0, "amount"), credit = db_int(&w->refund, 0, "to_credit");
    size_t count = 0;
    for (size_t i = 0; i < w->parts.count; i++) {
        int64_t n = db_int(&w->parts, i, "n"), part = db_int(&w->parts, i, "amount");
        if (n < 0 || (size_t)n >= h->count || !part) continue;
        struct invoice_line *l = &lines[count++];
        *l = line_of(w, &h->lines[n]);
        l->quantity = 1;
        l->unit_price = l->total = money_of(h, part);
        l->discount = money_of(h, 0);
        l->tax = money_of(h, db_int(&w->parts, i, "tax"));
        l->vouchers = 0;
    }
    out->is_credit_note = true;
    out->number = db_text(&w->refund, 0, "note");
    out->of_number = h->invoice;
    out->issued_s = db_int(&w->refund, 0, "created_s");
    out->line_count = count;
    out->subtotal = out->total = money_of(h, amount);
    out->discount = out->refunded = money_of(h, 0);
    out->tax = money_of(h, db_int(&w->refund, 0, "tax"));
    out->credit = money_of(h, credit);
    out->paid = money_of(h, amount - credit);
    out->is_tax_included = true;
}

static struct err print(struct print_work *w, struct buf *out) {
    struct err e = db_read(w->r->o.db, print_fn, w);
    struct offer_settings settings;
    struct invoice paper = {0};
    if (!e.kind) e = offer_settings_get(w->r->o.offers, w->arena, w->org_id, &settings);
    if (!e.kind) e = account_post_name(w->r->o.account, w->arena, w->org_id, w->head.user_id, w->head.household_id, &paper.buyer.name, &paper.buyer.email);
    struct invoice_line *lines = e.kind ? NULL : arena_alloc_array(w->arena, w->head.count + w->parts.count + 1, sizeof *lines);
    if (!lines) return e.kind ? e : err_memory();
    paper.lang = w->head.lang;
    paper.order_number = arena_printf(w->arena, "%lld", (long long)w->head.number);
    paper.seller = (struct invoice_party){.name = settings.seller_name, .address = settings.seller_address, .tax_id = settings.seller_tax_id, .country = slice_cstr(settings.seller_country)};
    paper.buyer.country = w->head.country;
    paper.lines = lines;
    if (w->note.len) credit_note(w, &paper, lines);
    else whole(w, &paper, lines);
    if (w->item.payment) {
        paper.method = w->item.payment->label;
        paper.is_play_money = w->item.payment->provider == PAY_SANDBOX;
    }
    return invoice_render(out, &paper);
}

struct err order_invoice_pdf(struct order_room *r, int64_t org_id, int64_t household_id, struct slice order, struct slice note, struct buf *out) {
    struct print_work w = {.r = r, .arena = arena_create(ARENA_BYTES), .org_id = org_id, .household_id = household_id, .order = order, .note = note};
    struct err e = w.arena ? print(&w, out) : err_memory();
    arena_destroy(&w.arena);
    return e;
}
