/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * invoice.c: invoices and credit notes. */
#include "business/invoice/invoice.h"

#include "base/mem.h"
#include "business/invoice/room.h"

enum { RATES_MAX = 40, ADDRESS_MAX = 16384, PART_MAX = 3000 };

struct slice paper_word(struct slice lang, const char *code) { return text_lookup(lang, slice_cstr(code)); }

void page_words(void *user, int page, int count, struct buf *out) {
    const struct slice *lang = user;
    char p[16], c[16];
    int p_len = snprintf(p, sizeof p, "%d", page), c_len = snprintf(c, sizeof c, "%d", count);
    const struct text_param params[] = {{SLICE("page"), slice_of(p, (size_t)p_len)}, {SLICE("pages"), slice_of(c, (size_t)c_len)}};
    (void)text_format(out, *lang, SLICE("paper.page"), params, ARRAY_LEN(params));
}

/* As the pages' Intl writes a day (dateStyle "medium"), in UTC. */
void day_print(struct buf *out, int64_t at_s, struct slice lang) {
    static const char *const english[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static const char *const thai[] = {"ม.ค.", "ก.พ.", "มี.ค.", "เม.ย.", "พ.ค.", "มิ.ย.", "ก.ค.", "ส.ค.", "ก.ย.", "ต.ค.", "พ.ย.", "ธ.ค."};
    struct utc_text iso = utc_text_of(utc_from_seconds(at_s), 0);
    int year = 0, month = 1, day = 1;
    (void)sscanf(iso.text, "%d-%d-%d", &year, &month, &day);
    if (month < 1 || month > 12) month = 1;
    lang = text_language_of(lang);
    if (slice_eq(lang, SLICE("de"))) buf_printf(out, "%02d.%02d.%04d", day, month, year);
    else if (slice_eq(lang, SLICE("zh"))) buf_printf(out, "%d年%d月%d日", year, month, day);
    else if (slice_eq(lang, SLICE("th"))) buf_printf(out, "%d %s %d", day, thai[month - 1], year + 543); /* Buddhist era */
    else buf_printf(out, "%s %d, %d", english[month - 1], day, year);
}

struct slice text_take(struct arena *arena, struct buf *text) {
    struct slice out = text->has_failed ? SLICE_NONE : arena_copy(arena, buf_slice(text));
    if (text->has_failed) arena_fail(arena);
    buf_free(text);
    return out;
}

struct slice amount_text(struct arena *arena, struct money amount, struct slice lang) {
    struct buf text = BUF(200);
    money_print(&text, amount, lang);
    return text_take(arena, &text);
}
static struct slice day_text(struct arena *arena, int64_t at_s, struct slice lang) {
    struct buf text = BUF(200);
    day_print(&text, at_s, lang);
    return text_take(arena, &text);
}

/* --- does it agree with itself? --- */

static struct err disagrees(void) { return err_make(ERR_BUG, "invoice.sums", "The sums of this document do not agree. It is not printed."); }

static bool is_sum(struct money a, struct money b, struct money whole) {
    struct money sum;
    return !money_add(a, b, &sum).kind && money_eq(sum, whole);
}
static struct err check(const struct invoice *v) {
    if (!v->line_count) return err_make(ERR_INPUT, "invoice.lines", "A document has at least one line.");
    uint16_t currency = v->total.currency;
    struct money subtotal = MONEY(0, currency), discount = subtotal, tax = subtotal, total = subtotal, net;
    if (!currency_of(currency)) return disagrees();
    for (size_t i = 0; i < v->line_count; i++) {
        const struct invoice_line *l = &v->lines[i];
        struct money price, left, gross;
        if (money_multiply(l->unit_price, l->quantity, 1, MONEY_DOWN, &price).kind || money_add(subtotal, price, &subtotal).kind || money_add(discount, l->discount, &discount).kind ||
            money_add(tax, l->tax, &tax).kind || money_add(total, l->total, &total).kind || money_subtract(price, l->discount, &left).kind)
            return disagrees();
        gross = left;
        if (!v->is_tax_included && money_add(left, l->tax, &gross).kind) return disagrees();
        if (!money_eq(gross, l->total)) return disagrees();
    }
    if (!money_eq(subtotal, v->subtotal) || !money_eq(discount, v->discount) || !money_eq(tax, v->tax) || !money_eq(total, v->total)) return disagrees();
    if (money_subtract(v->subtotal, v->discount, &net).kind) return disagrees();
    if (!(v->is_tax_included ? money_eq(net, v->total) : is_sum(net, v->tax, v->total))) return disagrees();
    return is_sum(v->credit, v->paid, v->total) ? ERR_OK : disagrees();
}

/* --- parts --- */

static struct slice party_text(struct arena *arena, const struct invoice_party *p, struct slice lang) {
    struct buf text = BUF(ADDRESS_MAX); /* for all the parts: what is missing is missing for memory alone */
    buf_append(&text, slice_sub(p->name, 0, PART_MAX));
    if (p->address.len) buf_cstr(&text, "\n"), buf_append(&text, slice_sub(p->address, 0, PART_MAX));
    if (p->country.len) {
        struct buf code = BUF(64);
        buf_cstr(&code, "country.");
        for (size_t i = 0; i < p->country.len && i < 2; i++) buf_printf(&code, "%c", p->country.ptr[i] >= 'A' && p->country.ptr[i] <= 'Z' ? p->country.ptr[i] + 32 : p->country.ptr[i]);
        struct slice name = text_lookup(lang, buf_slice(&code));
        text.has_failed |= code.has_failed;
        buf_cstr(&text, "\n");
        buf_append(&text, name.len ? name : p->country);
        buf_free(&code);
    }
    if (p->email.len) buf_cstr(&text, "\n"), buf_append(&text, slice_sub(p->email, 0, PART_MAX));
    if (p->tax_id.len) {
        buf_cstr(&text, "\n");
        const struct text_param id = {SLICE("id"), slice_sub(p->tax_id, 0, PART_MAX)};
        (void)text_format(&text, lang, SLICE("paper.tax_id"), &id, 1);
    }
    return text_take(arena, &text);
}

static void lines_write(struct paper *p, struct arena *arena, const struct invoice *v) {
    const struct paper_column columns[] = {{paper_word(v->lang, "paper.what"), PAPER_LEFT, 40}, {paper_word(v->lang, "paper.quantity"), PAPER_RIGHT, 8},
                                           {paper_word(v->lang, "paper.price"), PAPER_RIGHT, 17},  {paper_word(v->lang, "paper.discount"), PAPER_RIGHT, 16},
                                           {paper_word(v->lang, "paper.tax"), PAPER_RIGHT, 10},    {paper_word(v->lang, "paper.amount"), PAPER_RIGHT, 18}};
    paper_table_begin(p, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < v->line_count; i++) {
        const struct invoice_line *l = &v->lines[i];
        struct buf rate = BUF(50);
        money_print_rate(&rate, l->rate_ppm, v->lang);
        struct slice rate_text = text_take(arena, &rate);
        struct slice detail = l->detail;
        if (l->vouchers)
            detail = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(l->detail), l->detail.len ? "\n" : "", SLICE_ARG(paper_word(v->lang, "paper.voucher")));
        struct paper_cell cells[] = {{l->name, detail}, {arena_printf(arena, "%lld", (long long)l->quantity), SLICE_NONE}, {amount_text(arena, l->unit_price, v->lang), SLICE_NONE},
                                     {l->discount.minor ? amount_text(arena, money_negate(l->discount), v->lang) : SLICE("–"), SLICE_NONE},
                                     {rate_text, SLICE_NONE}, {amount_text(arena, l->total, v->lang), SLICE_NONE}};
        paper_table_row(p, cells);
    }
    paper_table_end(p);
}

static void sums_write(struct paper *p, struct arena *arena, const struct invoice *v) {
    struct paper_sum sums[8];
    size_t count = 0;
    sums[count++] = (struct paper_sum){.label = paper_word(v->lang, "paper.subtotal"), .figure = amount_text(arena, v->subtotal, v->lang)};
    if (v->discount.minor) sums[count++] = (struct paper_sum){.label = paper_word(v->lang, "paper.discount"), .figure = amount_text(arena, money_negate(v->discount), v->lang)};
    if (!v->is_tax_included) sums[count++] = (struct paper_sum){.label = paper_word(v->lang, "paper.tax_added"), .figure = amount_text(arena, v->tax, v->lang)};
    sums[count++] = (struct paper_sum){.label = paper_word(v->lang, v->is_credit_note ? "paper.total_back" : "paper.total"), .figure = amount_text(arena, v->total, v->lang), .is_strong = true};
    if (v->is_tax_included && v->tax.minor) sums[count++] = (struct paper_sum){.label = paper_word(v->lang, "paper.tax_included"), .figure = amount_text(arena, v->tax, v->lang)};
    if (v->credit.minor)
        sums[count++] = (struct paper_sum){.label = paper_word(v->lang, v->is_credit_note ? "paper.credit_back" : "paper.credit"), .figure = amount_text(arena, v->credit, v->lang)};
    if (v->paid.minor) {
        struct buf label = BUF(500);
        const struct text_param method = {SLICE("method"), v->method};
        if (v->method.len) (void)text_format(&label, v->lang, v->is_credit_note ? SLICE("paper.back_to") : SLICE("paper.paid_by"), &method, 1);
        else buf_append(&label, paper_word(v->lang, v->is_credit_note ? "paper.back" : "paper.paid"));
        sums[count++] = (struct paper_sum){.label = text_take(arena, &label), .figure = amount_text(arena, v->paid, v->lang)};
    }
    if (v->refunded.minor && !v->is_credit_note)
        sums[count++] = (struct paper_sum){.label = paper_word(v->lang, "paper.refunded"), .figure = amount_text(arena, money_negate(v->refunded), v->lang)};
    paper_sums(p, sums, count);
}

/* Net, tax and gross of each rate, the lowest first. */
static void taxes_write(struct paper *p, struct arena *arena, const struct invoice *v) {
    struct {
        uint32_t rate_ppm;
        struct money net, tax, gross;
    } rates[RATES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < v->line_count; i++) {
        const struct invoice_line *l = &v->lines[i];
        size_t at = 0;
        while (at < count && rates[at].rate_ppm < l->rate_ppm) at++;
        if (at == count || rates[at].rate_ppm != l->rate_ppm) {
            if (count == RATES_MAX) return; /* more rates than any country has: the lines say it all */
            memmove(&rates[at + 1], &rates[at], (count - at) * sizeof rates[0]);
            count++;
            rates[at].rate_ppm = l->rate_ppm;
            rates[at].net = rates[at].tax = rates[at].gross = MONEY(0, v->total.currency);
        }
        /* No larger than the sums that were checked. */
        rates[at].tax.minor += l->tax.minor;
        rates[at].gross.minor += l->total.minor;
        rates[at].net.minor += l->total.minor - l->tax.minor;
    }
    const struct paper_column columns[] = {{paper_word(v->lang, "paper.rate"), PAPER_LEFT, 4}, {paper_word(v->lang, "paper.net"), PAPER_RIGHT, 3},
                                           {paper_word(v->lang, "paper.tax"), PAPER_RIGHT, 3}, {paper_word(v->lang, "paper.gross"), PAPER_RIGHT, 3}};
    paper_text(p, PAPER_HEADING, paper_word(v->lang, "paper.tax"));
    paper_table_begin(p, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < count; i++) {
        struct buf rate = BUF(50);
        money_print_rate(&rate, rates[i].rate_ppm, v->lang);
        const struct paper_cell cells[] = {{text_take(arena, &rate), SLICE_NONE}, {amount_text(arena, rates[i].net, v->lang), SLICE_NONE}, {amount_text(arena, rates[i].tax, v->lang), SLICE_NONE},
                                           {amount_text(arena, rates[i].gross, v->lang), SLICE_NONE}};
        paper_table_row(p, cells);
    }
    paper_table_end(p);
}

struct err invoice_render(struct buf *out, const struct invoice *v) {
    struct err e = check(v);
    if (e.kind) return e;
    struct arena *arena = arena_create(16 << 20);
    if (!arena) return err_memory();
    struct slice lang = text_language_of(v->lang), kind = paper_word(lang, v->is_credit_note ? "paper.credit_note" : "paper.invoice");
    struct invoice own = *v;
    own.lang = lang;
    struct paper *p = NULL;
    e = paper_open(&p, &(struct paper_options){.title = arena_printf(arena, "%.*s %.*s", SLICE_ARG(kind), SLICE_ARG(v->number)), .author = v->seller.name, .lang = lang,
                                               .footer = arena_printf(arena, "%.*s · %.*s", SLICE_ARG(v->seller.name), SLICE_ARG(v->number)), .page_text = page_words, .user = &lang,
                                               .made_s = v->issued_s});
    if (!e.kind) {
        paper_text(p, PAPER_TITLE, kind);
        struct paper_block facts[4] = {{paper_word(lang, "paper.number"), v->number}, {paper_word(lang, "paper.date"), day_text(arena, v->issued_s, lang)}};
        size_t count = 2;
        if (v->is_credit_note && v->of_number.len) facts[count++] = (struct paper_block){paper_word(lang, "paper.of_invoice"), v->of_number};
        if (v->order_number.len) facts[count++] = (struct paper_block){paper_word(lang, "paper.order"), v->order_number};
        paper_blocks(p, facts, count);
        const struct paper_block parties[] = {{paper_word(lang, "paper.seller"), party_text(arena, &v->seller, lang)}, {paper_word(lang, "paper.buyer"), party_text(arena, &v->buyer, lang)}};
        paper_blocks(p, parties, ARRAY_LEN(parties));
        if (v->is_play_money) paper_text(p, PAPER_NOTICE, paper_word(lang, "paper.play_money"));
        paper_space(p, 4);
        lines_write(p, arena, &own);
        sums_write(p, arena, &own);
        taxes_write(p, arena, &own);
        if (!v->is_credit_note) paper_text(p, PAPER_SMALL, paper_word(lang, "paper.thanks"));
        e = arena_overflowed(arena) ? err_memory() : paper_write(p, out);
    }
    paper_close(&p);
    arena_destroy(&arena);
    return e;
}
