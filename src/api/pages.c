/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The pages. Their first HTML is made here from the built index.html: title, description, JSON-LD, the content in plain markup
 * and the API's answers that the page would otherwise ask for; so it shows before script has arrived, and to those who run none.
 * Svelte takes over from there. The markup uses the classes of web/src/style (samples in web/first.html). */
#include <stdio.h>
#include <stdlib.h>

#include "api/me.h"
#include "api/operator.h"
#include "api/shop.h"
#include "base/mem.h"

enum { PAGE_BYTES_MAX = 4 << 20 };

#define CSP                                                                                                                                 \
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; media-src 'self' blob: data:; " \
    "connect-src 'self'; worker-src 'self' blob:; font-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "              \
    "frame-ancestors 'none'"

static const struct http_field page_fields[] = {
    {SLICE("content-security-policy"), SLICE(CSP)},
    {SLICE("vary"), SLICE("accept-language, cookie")},
    {SLICE("cross-origin-opener-policy"), SLICE("same-origin")},
    {SLICE("permissions-policy"), SLICE("camera=(), microphone=(), geolocation=(), payment=(), usb=()")},
};

/* Stands in where the pages have not been built. */
static const char plain_html[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
    "<!--gs:head--></head><body><div id=\"app\"><!--gs:content--></div><!--gs:data--></body></html>";

/* --- writing HTML --- */

static void html(struct buf *out, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '<': buf_cstr(out, "&lt;"); break;
        case '>': buf_cstr(out, "&gt;"); break;
        case '&': buf_cstr(out, "&amp;"); break;
        case '"': buf_cstr(out, "&quot;"); break;
        case '\'': buf_cstr(out, "&#39;"); break;
        default: buf_bytes(out, text.ptr + i, 1);
        }
    }
}

/* JSON inside a script element: with every '<' escaped nothing in it can end the element or begin a comment. */
static void script_json(struct buf *out, struct slice json) {
    size_t from = 0;
    for (size_t i = 0; i < json.len; i++)
        if (json.ptr[i] == '<') {
            buf_bytes(out, json.ptr + from, i - from);
            buf_cstr(out, "\\u003c");
            from = i + 1;
        }
    buf_bytes(out, json.ptr + from, json.len - from);
}

struct page {
    struct call *c;
    const struct catalog_view *view;
    struct slice origin; /* "https://example.org" */
    struct slice path;
    const struct catalog_title *title; /* of /title/ and /watch/ */
    struct buf head, content, data;
    struct err error; /* what a part of the page met */
};

static struct slice say(const struct page *p, const char *code) {
    struct slice text = text_lookup(p->c->lang, slice_cstr(code));
    return text.len ? text : slice_cstr(code);
}
/* A text about the site, in which {name} stands for what the site is called. */
static struct slice say_of_site(const struct page *p, const char *code) {
    struct buf text = BUF(4096);
    struct slice kept = SLICE_NONE;
    struct text_param name = {SLICE("name"), slice_cstr(p->c->api->o.name)};
    if (text_format(&text, p->c->lang, slice_cstr(code), &name, 1)) kept = arena_copy(p->c->arena, buf_slice(&text));
    buf_free(&text);
    return kept;
}
static void say_html(struct page *p, const char *code) { html(&p->content, say(p, code)); }

static void meta(struct page *p, const char *attribute, const char *name, struct slice content) {
    if (!content.len) return;
    buf_printf(&p->head, "<meta %s=\"%s\" content=\"", attribute, name);
    html(&p->head, content);
    buf_cstr(&p->head, "\">");
}

static void head_common(struct page *p, struct slice name, struct slice description, struct slice image) {
    const char *site = p->c->api->o.name;
    buf_cstr(&p->head, "<title>");
    if (name.len) {
        html(&p->head, name);
        buf_cstr(&p->head, " · ");
    }
    html(&p->head, slice_cstr(site));
    buf_cstr(&p->head, "</title>");
    meta(p, "name", "description", description);
    buf_cstr(&p->head, "<link rel=\"canonical\" href=\"");
    html(&p->head, p->origin);
    html(&p->head, p->path);
    buf_cstr(&p->head, "\">");
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        buf_printf(&p->head, "<link rel=\"alternate\" hreflang=\"%.*s\" href=\"", SLICE_ARG(text_languages[i].code));
        html(&p->head, p->origin);
        html(&p->head, p->path);
        buf_printf(&p->head, "?lang=%.*s\">", SLICE_ARG(text_languages[i].code));
    }
    meta(p, "property", "og:site_name", slice_cstr(site));
    meta(p, "property", "og:title", name.len ? name : slice_cstr(site));
    meta(p, "property", "og:description", description);
    if (image.len) meta(p, "property", "og:image", arena_printf(p->c->arena, "%.*s%.*s", SLICE_ARG(p->origin), SLICE_ARG(image)));
    meta(p, "property", "og:url", arena_printf(p->c->arena, "%.*s%.*s", SLICE_ARG(p->origin), SLICE_ARG(p->path)));
}

/* What the picture is of, and when. */
static void put_broadcast(struct json_writer *w, const struct catalog_title *t) {
    int64_t starts_ms = t->started_ms ? t->started_ms : t->starts_ms;
    json_put_bool(w, "isLiveBroadcast", true); /* of a live event, also once it is over: endDate says that */
    if (starts_ms) put_time_or_null(w, "startDate", starts_ms);
    if (t->ended_ms) put_time_or_null(w, "endDate", t->ended_ms);
}

/* schema.org: Movie, TVEpisode, TVSeries or BroadcastEvent, with the VideoObject that search engines show. */
static void head_json_ld(struct page *p, const struct catalog_title *t, const struct catalog_text *text) {
    struct buf json = BUF(65536);
    struct json_writer w = json_writer_of(&json);
    struct slice url = arena_printf(p->c->arena, "%.*s/title/%s", SLICE_ARG(p->origin), t->public_id.text);
    struct slice poster = title_poster_url(p->c->arena, t, p->c->lang);
    struct slice image = poster.len ? arena_printf(p->c->arena, "%.*s%.*s", SLICE_ARG(p->origin), SLICE_ARG(poster)) : SLICE_NONE;
    struct slice length = arena_printf(p->c->arena, "PT%lldS", (long long)(t->duration_ms / 1000));
    json_begin_object(&w);
    json_put_cstr(&w, "@context", "https://schema.org");
    json_put_cstr(&w, "@type", t->kind == CATALOG_EVENT ? "BroadcastEvent" : t->kind == CATALOG_SERIES ? "TVSeries" : t->parent_id ? "TVEpisode" : "Movie");
    json_put_string(&w, "name", text->name);
    json_put_string(&w, "description", text->synopsis);
    json_put_string(&w, "url", url);
    if (image.len) json_put_string(&w, "image", image);
    if (t->year) json_put_string(&w, "dateCreated", arena_printf(p->c->arena, "%d", t->year));
    if (t->season) json_put_number(&w, "seasonNumber", t->season);
    if (t->episode) json_put_number(&w, "episodeNumber", t->episode);
    if (t->kind == CATALOG_EVENT) put_broadcast(&w, t);
    if (t->duration_ms || t->status == CATALOG_LIVE) {
        if (t->duration_ms) json_put_string(&w, "duration", length);
        json_key(&w, t->kind == CATALOG_EVENT ? "recordedIn" : "video");
        json_begin_object(&w);
        json_put_cstr(&w, "@type", "VideoObject");
        json_put_string(&w, "name", text->name);
        json_put_string(&w, "description", text->synopsis.len ? text->synopsis : text->name);
        if (image.len) json_put_string(&w, "thumbnailUrl", image);
        if (t->duration_ms) json_put_string(&w, "duration", length);
        if (t->started_ms) put_time_or_null(&w, "uploadDate", t->started_ms);
        if (t->kind == CATALOG_EVENT) {
            json_key(&w, "publication");
            json_begin_object(&w);
            json_put_cstr(&w, "@type", "BroadcastEvent");
            put_broadcast(&w, t);
            json_end(&w);
        }
        json_put_string(&w, "embedUrl", arena_printf(p->c->arena, "%.*s/watch/%s", SLICE_ARG(p->origin), t->public_id.text));
        json_end(&w);
    }
    json_end(&w);
    buf_cstr(&p->head, "<script type=\"application/ld+json\">");
    script_json(&p->head, buf_slice(&json));
    buf_cstr(&p->head, "</script>");
    buf_free(&json);
}

/* --- pieces of content --- */

static void content_header(struct page *p) {
    buf_cstr(&p->content, "<header class=\"site-header\"><a class=\"wordmark\" href=\"/\"><img src=\"/icon.svg\" alt=\"\" width=\"32\" height=\"32\"><span>");
    html(&p->content, slice_cstr(p->c->api->o.name));
    buf_cstr(&p->content, "</span></a><nav class=\"site-nav\" aria-label=\"");
    say_html(p, "nav.main");
    buf_cstr(&p->content, "\"><a href=\"/?kind=film\">");
    say_html(p, "nav.films");
    buf_cstr(&p->content, "</a><a href=\"/?kind=series\">");
    say_html(p, "nav.series");
    buf_cstr(&p->content, "</a></nav></header>");
}

/* The pages' own code (web/src/lib/format.ts, length) says seconds, minutes and hours by the same rules: nothing may change
 * under the reader's eyes when it takes over. */
static void content_length(struct page *p, int64_t duration_ms) {
    char number[24], more[24];
    int64_t seconds = (duration_ms + 500) / 1000, minutes = (seconds + 30) / 60;
    buf_cstr(&p->content, "<span>");
    if (seconds < 90 || minutes < 60) {
        snprintf(number, sizeof number, "%lld", (long long)(seconds < 90 ? seconds : minutes));
        text_format(&p->content, p->c->lang, seconds < 90 ? SLICE("show.seconds") : SLICE("show.minutes"), &(struct text_param){SLICE("count"), slice_cstr(number)}, 1);
    } else {
        snprintf(number, sizeof number, "%lld", (long long)(minutes / 60));
        snprintf(more, sizeof more, "%lld", (long long)(minutes % 60));
        struct text_param params[] = {{SLICE("hours"), slice_cstr(number)}, {SLICE("minutes"), slice_cstr(more)}};
        text_format(&p->content, p->c->lang, SLICE("show.hours"), params, 2);
    }
    buf_cstr(&p->content, "</span>");
}

/* The same as "play" in web/src/parts/icon.svelte. */
static const char play_icon[] = "<svg viewBox=\"0 0 24 24\" width=\"22\" height=\"22\" aria-hidden=\"true\"><path fill=\"currentColor\" d=\"M8 5.2v13.6a.9.9 0 0 0 1.4.75l10-6.8a.9.9 0 0 0 0-1.5l-10-6.8A.9.9 0 0 0 8 5.2z\"/></svg>";

/* Words that no phone is wide enough for are set smaller (hero.svelte has the same rule): more than twelve Latin letters in a
 * row. U+00C0 to U+024F begin with the bytes C3 to C9 in UTF-8. */
static bool has_long_word(struct slice name) {
    int letters = 0;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char byte = (unsigned char)name.ptr[i];
        bool is_letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z' && byte < 0x80;
        if (is_letter || (byte >= 0xc3 && byte <= 0xc9)) letters++;
        else if (byte < 0x80 || byte >= 0xc0) letters = 0;
        if (letters > 12) return true;
    }
    return false;
}

static void content_facts(struct page *p, const struct catalog_title *t, bool with_genres, const char *tag) {
    buf_printf(&p->content, "<%s class=\"facts\">", tag);
    if (t->year && t->kind != CATALOG_EVENT) buf_printf(&p->content, "<span>%d</span>", t->year);
    if (t->duration_ms) content_length(p, t->duration_ms);
    struct slice rest = t->genres, genre;
    for (int i = 0; with_genres && i < 3 && rest.len && slice_next(&rest, ' ', &genre); i++) {
        char code[48];
        snprintf(code, sizeof code, "genre.%.*s", SLICE_ARG(genre));
        struct slice word = text_lookup(p->c->lang, slice_cstr(code));
        buf_cstr(&p->content, "<span>");
        html(&p->content, word.len ? word : genre);
        buf_cstr(&p->content, "</span>");
    }
    buf_printf(&p->content, "</%s>", tag);
}

static void content_picture(struct page *p, const struct catalog_title *t, const char *tag, const char *class, int width, int height, bool is_lazy) {
    buf_printf(&p->content, "<%s class=\"%s\" style=\"background:#%06x\">", tag, class, t->colour);
    struct slice url = title_poster_url(p->c->arena, t, p->c->lang);
    if (url.len) {
        buf_cstr(&p->content, "<img src=\"");
        html(&p->content, url);
        buf_printf(&p->content, "\" alt=\"\" width=\"%d\" height=\"%d\"%s>", width, height, is_lazy ? " loading=\"lazy\"" : "");
    }
    buf_printf(&p->content, "</%s>", tag);
}

/* What the large button says; NULL: there is none. */
static const char *play_action(const struct catalog_title *t) {
    if (t->kind == CATALOG_SERIES) return NULL;
    if (t->status == CATALOG_LIVE) return "live.watch";
    if (t->status == CATALOG_SCHEDULED) return "live.waiting_room";
    if (t->status != CATALOG_READY) return NULL;
    return t->kind == CATALOG_EVENT ? "live.watch_recording" : "show.play";
}

/* The small line above a title's name. */
static const char *title_eyebrow(const struct catalog_title *t) {
    if (t->kind == CATALOG_SERIES) return "show.a_series";
    if (t->kind != CATALOG_EVENT) return "show.film";
    return t->status == CATALOG_LIVE ? "live.now" : t->status == CATALOG_SCHEDULED ? "live.upcoming" : t->status == CATALOG_ENDED ? "live.finishing" : "live.recording";
}

enum { UNTIL_SHOWN_S = 60 * 86400 }; /* as access-note.svelte */

/* Why it may not be watched, and on its own page the way in, if there is one. */
static void content_refusal(struct page *p, const struct catalog_title *t, const struct access_answer *answer, bool is_note_only) {
    buf_cstr(&p->content, "<p class=\"access-note\">");
    html(&p->content, call_access_message(p->c, answer));
    buf_cstr(&p->content, "</p>");
    bool signs_in = answer->state == ACCESS_SIGN_IN;
    if (is_note_only || (!signs_in && answer->state != ACCESS_TOO_YOUNG)) return;
    buf_printf(&p->content, "<p class=\"hero-actions\"><a class=\"button%s is-large\" href=\"/%s?to=%%2Ftitle%%2F%s\">", signs_in ? " is-primary" : "", signs_in ? "sign-in" : "who",
               t->public_id.text);
    say_html(p, signs_in ? "nav.sign_in" : "nav.who");
    buf_cstr(&p->content, "</a></p>");
}

static void content_hero(struct page *p, const struct catalog_title *t, const char *class, const char *eyebrow, const struct catalog_title *plays, bool has_details) {
    struct catalog_text text = catalog_text_in(t, p->c->lang);
    buf_printf(&p->content, "<section class=\"%s\">", class);
    content_picture(p, t, "div", "hero-art", 1280, 720, false);
    buf_cstr(&p->content, "<div class=\"hero-text\"><p class=\"eyebrow\">");
    say_html(p, eyebrow);
    buf_printf(&p->content, "</p><h1%s>", has_long_word(text.name) ? " class=\"has-long-word\"" : "");
    html(&p->content, text.name);
    buf_cstr(&p->content, "</h1>");
    content_facts(p, t, true, "p");
    if (text.synopsis.len) {
        buf_cstr(&p->content, "<p class=\"synopsis\">");
        html(&p->content, text.synopsis);
        buf_cstr(&p->content, "</p>");
    }
    struct access_answer answer = call_decide(p->c, p->view, t);
    const char *action = plays && answer.is_allowed ? play_action(plays) : NULL;
    if (!answer.is_allowed) content_refusal(p, t, &answer, has_details);
    else if (!has_details && answer.turns_s && answer.turns_s - utc_seconds(clock_utc(p->c->api->o.clock)) < UNTIL_SHOWN_S) {
        buf_cstr(&p->content, "<p class=\"facts\"><span>");
        html(&p->content, call_access_message(p->c, &answer));
        buf_cstr(&p->content, "</span></p>");
    }
    if (!answer.is_allowed && !has_details) {
        buf_cstr(&p->content, "</div></section>");
        return;
    }
    buf_cstr(&p->content, "<p class=\"hero-actions\">");
    if (action) {
        buf_printf(&p->content, "<a class=\"button is-primary is-large\" href=\"/watch/%s\">%s", plays->public_id.text, plays->status == CATALOG_SCHEDULED ? "" : play_icon);
        say_html(p, action);
        buf_cstr(&p->content, "</a>");
    }
    if (has_details) {
        buf_printf(&p->content, "<a class=\"button is-large\" href=\"/title/%s\">", t->public_id.text);
        say_html(p, "show.details");
        buf_cstr(&p->content, "</a>");
    }
    buf_cstr(&p->content, "</p></div></section>");
}

static void content_row(struct page *p, struct slice label, const struct catalog_title *const *items, size_t count, size_t *pictures) {
    if (!count) return;
    buf_cstr(&p->content, "<section class=\"row\"><div class=\"row-head\"><h2>");
    html(&p->content, label);
    buf_cstr(&p->content, "</h2></div><ul class=\"row-items\">");
    for (size_t i = 0; i < count; i++) {
        buf_printf(&p->content, "<li><a class=\"card\" href=\"/title/%s\">", items[i]->public_id.text);
        content_picture(p, items[i], "span", "card-art", 640, 360, ++*pictures > 4);
        buf_cstr(&p->content, "<span class=\"card-name\">");
        html(&p->content, catalog_text_in(items[i], p->c->lang).name);
        buf_cstr(&p->content, "</span>");
        content_facts(p, items[i], false, "span");
        buf_cstr(&p->content, "</a></li>");
    }
    buf_cstr(&p->content, "</ul></section>");
}

/* --- pages --- */

static void data_begin(struct page *p, struct json_writer *w) {
    *w = json_writer_of(&p->data);
    bool is_operator = call_is(p->c, CALL_OPERATOR);
    json_begin_object(w);
    json_key(w, "answers");
    json_begin_object(w);
    json_key(w, "/site");
    site_put(w, p->c->api, is_operator);
    struct err e = me_put_member(p->c, w, "/me");
    if (e.kind) p->error = e;
}
static void data_end(struct json_writer *w) {
    json_end(w);
    json_end(w);
}

/* As the script chooses: what is live and may be watched, then what is ready and may be, then the first of all. */
static const struct catalog_title *featured_of(struct page *p, const struct home_rows *rows, const struct catalog_title *otherwise) {
    static const enum catalog_status wanted[] = {CATALOG_LIVE, CATALOG_READY};
    for (size_t w = 0; w < 2 * ARRAY_LEN(wanted); w++) /* the second time what may not be watched will do */
        for (size_t r = 0; r < rows->count; r++)
            for (size_t i = 0; i < rows->rows[r].count; i++) {
                const struct catalog_title *t = rows->rows[r].items[i];
                if (t->status == wanted[w % 2] && (w >= 2 || call_decide(p->c, p->view, t).is_allowed)) return t;
            }
    return otherwise;
}

static void page_home(struct page *p) {
    head_common(p, SLICE_NONE, say_of_site(p, "site.description"), SLICE_NONE);
    struct home_rows rows;
    if (titles_home_rows(p->c, p->view, &rows).kind) rows.count = 0; /* the script asks again */
    content_header(p);
    buf_cstr(&p->content, "<main id=\"main\">");
    size_t top = 0; /* what the viewer has begun, the script knows */
    while (top < rows.count && !rows.rows[top].count) top++;
    if (top < rows.count) {
        const struct catalog_title *first = featured_of(p, &rows, rows.rows[top].items[0]);
        content_hero(p, first, "hero on-night", first->kind == CATALOG_EVENT ? title_eyebrow(first) : "home.featured", first, true);
        buf_cstr(&p->content, "<div class=\"rows\">");
        size_t pictures = 0;
        for (size_t i = 0; i < rows.count; i++) content_row(p, rows.rows[i].label, rows.rows[i].items, rows.rows[i].count, &pictures);
        buf_cstr(&p->content, "</div>");
    } else {
        buf_cstr(&p->content, "<section class=\"notice\"><h1>");
        say_html(p, "home.empty");
        buf_cstr(&p->content, "</h1></section>");
    }
    buf_cstr(&p->content, "</main>");
    struct json_writer w;
    data_begin(p, &w);
    json_key(&w, "/titles?rows=1");
    if (titles_put_rows(p->c, &w, p->view, true, SLICE_NONE, SLICE_NONE).kind) p->data.has_failed = true;
    data_end(&w);
}

/* What only the title's own page asks besides: how what is not free can be had. The shop writes into the call's own answer, which stands
 * apart meanwhile; where it cannot say, the page comes without, and the script asks again. */
static void data_offers(struct page *p, struct json_writer *w) {
    char key[48];
    struct buf apart = BUF(1 << 20);
    struct json_writer answer = p->c->w;
    p->c->w = json_writer_of(&apart);
    struct err e = shop_put_title_offers(p->c, p->view, p->title);
    p->c->w = answer;
    if (!e.kind && !apart.has_failed) {
        snprintf(key, sizeof key, "/titles/%s/offers", p->title->public_id.text);
        json_key(w, key);
        json_add_raw(w, buf_slice(&apart));
    }
    buf_free(&apart);
}

static void data_title(struct page *p, bool with_offers) {
    struct json_writer w;
    char key[32];
    snprintf(key, sizeof key, "/titles/%s", p->title->public_id.text);
    data_begin(p, &w);
    json_key(&w, key);
    title_put_whole(p->c, &w, p->view, p->title);
    if (with_offers && !p->title->is_free) data_offers(p, &w);
    data_end(&w);
}

static void page_title(struct page *p) {
    const struct catalog_title *t = p->title;
    struct catalog_text text = catalog_text_in(t, p->c->lang);
    head_common(p, text.name, text.synopsis.len ? text.synopsis : say_of_site(p, "site.description"), title_poster_url(p->c->arena, t, p->c->lang));
    head_json_ld(p, t, &text);
    size_t count, pictures = 1;
    const struct catalog_title **episodes = title_episodes(p->c->arena, p->view, t, &count);
    content_header(p);
    buf_cstr(&p->content, "<main id=\"main\">");
    content_hero(p, t, "hero is-title on-night", title_eyebrow(t), count ? episodes[0] : t, false);
    if (count) content_row(p, say(p, "show.episodes"), episodes, count, &pictures);
    buf_cstr(&p->content, "</main>");
    data_title(p, true);
}

static void page_watch(struct page *p) {
    struct catalog_text text = catalog_text_in(p->title, p->c->lang);
    head_common(p, text.name, text.synopsis.len ? text.synopsis : say_of_site(p, "site.description"), title_poster_url(p->c->arena, p->title, p->c->lang));
    head_json_ld(p, p->title, &text);
    buf_cstr(&p->content, "<main id=\"main\" class=\"watch-first\"><h1>");
    html(&p->content, text.name);
    buf_cstr(&p->content, "</h1></main>");
    data_title(p, false);
}

/* What the script fills alone: nothing of it is for search engines. */
static struct slice bare_name(const struct page *p) {
    static const struct {
        struct slice path;
        const char *code;
    } names[] = {
        {SLICE("/operator"), "nav.operator"},    {SLICE("/sign-in"), "sign_in.heading"}, {SLICE("/sign-up"), "sign_up.heading"},
        {SLICE("/confirm"), "confirm.heading"},  {SLICE("/forgot"), "forgot.heading"},   {SLICE("/reset"), "reset.heading"},
        {SLICE("/account"), "account.heading"},  {SLICE("/who"), "who.heading"},         {SLICE("/invitation"), "invitation.heading"},
        {SLICE("/plans"), "plans.heading"},      {SLICE("/buy"), "buy.ways"},            {SLICE("/checkout"), "checkout.heading"},
        {SLICE("/pay/step"), "step.heading"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (slice_starts_with(p->path, names[i].path)) return text_lookup(p->c->lang, slice_cstr(names[i].code));
    return SLICE_NONE;
}

static void page_bare(struct page *p) {
    struct json_writer w;
    head_common(p, bare_name(p), SLICE_NONE, SLICE_NONE);
    buf_cstr(&p->head, "<meta name=\"robots\" content=\"noindex\">");
    data_begin(p, &w);
    data_end(&w);
}

static void page_missing(struct page *p) {
    struct json_writer w;
    head_common(p, say(p, "missing.heading"), SLICE_NONE, SLICE_NONE);
    buf_cstr(&p->head, "<meta name=\"robots\" content=\"noindex\">");
    content_header(p);
    buf_cstr(&p->content, "<main id=\"main\"><section class=\"notice\"><h1>");
    say_html(p, "missing.heading");
    buf_cstr(&p->content, "</h1><p>");
    say_html(p, "missing.hint");
    buf_cstr(&p->content, "</p><a class=\"button is-primary\" href=\"/\">");
    say_html(p, "missing.home");
    buf_cstr(&p->content, "</a></section></main>");
    data_begin(p, &w);
    data_end(&w);
}

/* The built page with the marked places filled in. */
static void page_fill(const struct page *p, struct slice page, struct buf *out) {
    struct {
        struct slice mark;
        struct slice before, filling, after;
    } const places[] = {
        {SLICE("lang=\"en\""), SLICE("lang=\""), p->c->lang, SLICE("\"")},
        {SLICE("<!--gs:head-->"), SLICE(""), buf_slice(&p->head), SLICE("")},
        {SLICE("<!--gs:content-->"), SLICE(""), buf_slice(&p->content), SLICE("")},
        {SLICE("<!--gs:data-->"), SLICE("<script type=\"application/json\" id=\"gs-data\">"), SLICE_NONE, SLICE("</script>")},
    };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        size_t at = slice_find(page, places[i].mark);
        if (at == SLICE_NPOS) continue;
        buf_append(out, slice_sub(page, 0, at));
        buf_append(out, places[i].before);
        if (i == 3) script_json(out, buf_slice(&p->data));
        else buf_append(out, places[i].filling);
        buf_append(out, places[i].after);
        page = slice_sub(page, at + places[i].mark.len, page.len);
    }
    buf_append(out, page);
}

static void page_answer(struct api *a, struct http_request *r, void (*make)(struct page *), bool wants_title) {
    struct call c;
    call_begin(&c, a, r);
    struct page p = {.c = &c, .head = BUF(PAGE_BYTES_MAX), .content = BUF(PAGE_BYTES_MAX), .data = BUF(PAGE_BYTES_MAX), .path = http_request_path(r)};
    p.origin = request_origin(r, c.arena);
    struct catalog_view *view = NULL;
    struct err e = catalog_view_take(a->o.catalog, c.org_id, &view);
    p.view = view;
    if (!e.kind) {
        p.title = wants_title ? catalog_find(view, call_param(&c, "id")) : NULL;
        if (wants_title && !p.title) make = page_missing;
        make(&p);
        e = p.error;
        struct buf whole = BUF(PAGE_BYTES_MAX * 3);
        page_fill(&p, a->index_html.len ? a->index_html : slice_cstr(plain_html), &whole);
        if (!e.kind && (p.head.has_failed || p.content.has_failed || p.data.has_failed || whole.has_failed)) e = err_memory();
        if (!e.kind) {
            struct http_response response = {.status = make == page_missing ? 404 : 200, .content_type = SLICE("text/html; charset=utf-8"), .cache_control = SLICE("private, no-cache"),
                                             .fields = page_fields, .field_count = ARRAY_LEN(page_fields), .body = http_body_copy(buf_slice(&whole))};
            http_respond(r, &response);
            c.is_answered = true;
        }
        buf_free(&whole);
    }
    catalog_view_give(&view);
    buf_free(&p.head);
    buf_free(&p.content);
    buf_free(&p.data);
    call_end(&c, e);
}

static void home_get(struct http_request *r, void *arg) { page_answer(arg, r, page_home, false); }
static void title_get(struct http_request *r, void *arg) { page_answer(arg, r, page_title, true); }
static void watch_get(struct http_request *r, void *arg) { page_answer(arg, r, page_watch, true); }
static void bare_get(struct http_request *r, void *arg) { page_answer(arg, r, page_bare, false); }

/* Everything else: a file of the pages, or the page that says there is none. */
static void rest_get(struct http_request *r, void *arg) {
    struct api *a = arg;
    struct slice path = http_request_param(r, SLICE("path"));
    if (slice_starts_with(path, SLICE("api/"))) {
        answer_error(r, request_language(r), err_make(ERR_NOT_FOUND, "request.not_found", "There is nothing at this address."));
        return;
    }
    if (a->pages && path.len && !slice_eq(path, SLICE("index.html")) && http_static_respond(a->pages, r, path)) return;
    page_answer(a, r, page_missing, false);
}

struct err pages_open(struct api *a) {
    if (!a->o.pages_path) return ERR_OK;
    struct err e = http_static_open(&a->pages, a->o.pages_path, &(struct http_static_options){.immutable_prefix = SLICE("assets/")});
    if (e.kind) return e;
    return http_static_bytes(a->pages, SLICE("index.html"), &a->index_html) ? ERR_OK
        : err_make(ERR_NOT_FOUND, "pages.missing", "The folder of the pages has no index.html. Build them with `make build`.");
}

void pages_close(struct api *a) { http_static_close(&a->pages); }

struct err pages_add_routes(struct api *a, struct http_server *server) {
    static const struct {
        const char *pattern;
        http_handler *handle;
    } pages[] = {{"/", home_get}, {"/title/{id}", title_get}, {"/watch/{id}", watch_get}, {"/operator", bare_get},
                 {"/operator/{path...}", bare_get}, {"/sign-in", bare_get}, {"/sign-up", bare_get}, {"/confirm", bare_get}, {"/forgot", bare_get},
                 {"/reset", bare_get}, {"/goodbye", bare_get}, {"/invitation", bare_get}, {"/who", bare_get}, {"/account", bare_get}, {"/account/{path...}", bare_get},
                 {"/plans", bare_get}, {"/buy/{id}", bare_get}, {"/checkout", bare_get}, {"/checkout/{id}", bare_get}, {"/pay/step/{id}", bare_get},
                 {"/search", bare_get}, {"/{path...}", rest_get}};
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct http_route route = {.method = HTTP_GET, .pattern = pages[i].pattern, .handle = pages[i].handle, .arg = a, .where = HTTP_ON_WORKER};
        struct err e = http_server_route(server, &route);
        if (e.kind) return e;
    }
    return ERR_OK;
}
