/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <string.h>

#include "business/account/room.h"
#include "text/text.h"

enum { LETTER_PARAMS_MAX = 12 };

/* "https://example.org:8080" with a name that only reaches this machine or this house: a test, a trial at home. */
static bool is_at_home(struct slice origin) {
    size_t start = slice_find(origin, SLICE("://"));
    if (start == SLICE_NPOS) return false;
    struct slice host = slice_sub(origin, start + 3, origin.len);
    if (host.len && host.ptr[0] == '[') return slice_starts_with(host, SLICE("[::1]"));
    size_t colon = slice_find_byte(host, ':');
    if (colon != SLICE_NPOS) host = slice_sub(host, 0, colon);
    if (slice_eq_nocase(host, SLICE("localhost")) || slice_ends_with(host, SLICE(".localhost"))) return true;
    uint64_t parts[4] = {0};
    struct slice part;
    size_t count = 0;
    while (slice_next(&host, '.', &part)) {
        if (count == 4 || !slice_to_u64(part, &parts[count]) || parts[count] > 255) return false;
        count++;
    }
    if (count != 4) return false;
    return parts[0] == 127 || parts[0] == 10 || (parts[0] == 192 && parts[1] == 168) || (parts[0] == 172 && parts[1] >= 16 && parts[1] <= 31);
}

/* Whoever asks for a mail chooses the host name of the request, and the mail goes to somebody else: a link is made of a name that the organisation has claimed, of what
 * the operator configured, or of one that leads nowhere but home. */
struct err letter_link(struct account *a, struct arena *arena, int64_t org_id, const struct account_from *from, const char *path, const struct account_secret *code, struct slice *link) {
    struct slice name, base = SLICE("http://localhost:8080");
    bool is_claimed;
    if (!org_name(a, org_id, arena, &name, &is_claimed)) return err_memory();
    if (is_claimed && from->origin.len) base = from->origin; /* a request is this organisation's only by its own host name */
    else if (a->site_url) base = slice_cstr(a->site_url);
    else if (is_at_home(from->origin)) base = from->origin;
    while (base.len && base.ptr[base.len - 1] == '/') base.len--;
    *link = arena_printf(arena, "%.*s%s%s%s", SLICE_ARG(base), path, code ? "#code=" : "", code ? code->text : "");
    return link->ptr ? ERR_OK : err_memory();
}

struct err letter_prepare(struct account *a, struct arena *arena, const struct letter *l, struct mail_new *out) {
    struct slice site, lang = text_language_of(l->lang);
    bool has_host;
    if (!org_name(a, l->org_id, arena, &site, &has_host)) return err_memory();
    struct slice subject_code = arena_printf(arena, "%s_subject", l->code);
    if (!subject_code.ptr) return err_memory();
    struct text_param params[LETTER_PARAMS_MAX] = {{SLICE("site"), site}, {SLICE("name"), l->name}, {SLICE("link"), l->link}, {SLICE("email"), l->email}};
    size_t count = 4;
    for (size_t i = 0; i < l->extra_count && count < LETTER_PARAMS_MAX; i++) params[count++] = l->extra[i];
    struct buf subject = BUF(4096), text = BUF(MAIL_TEXT_MAX);
    bool is_known = text_format(&subject, lang, subject_code, params, count) && text_format(&text, lang, slice_cstr(l->code), params, count);
    struct err e = is_known ? buf_error(&subject) : err_make(ERR_BUG, "account.letter", "A letter has no text.");
    if (!e.kind) e = buf_error(&text);
    struct slice shown = buf_slice(&subject);
    while (shown.len > MAIL_SUBJECT_MAX || (shown.len < subject.len && ((unsigned char)subject.ptr[shown.len] & 0xc0) == 0x80)) shown.len--; /* never within a character */
    *out = (struct mail_new){.org_id = l->org_id, .about_id = l->about_id, .to = l->to, .subject = arena_copy(arena, shown), .text = arena_copy(arena, buf_slice(&text))};
    if (!e.kind && (!out->subject.ptr || !out->text.ptr)) e = err_memory();
    buf_free(&subject);
    buf_free(&text);
    return e;
}
