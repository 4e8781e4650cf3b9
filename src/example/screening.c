/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Runs a film: steps its state, paints, finishes; records its sound; lays out its poster. */
#include <stdio.h>

#include "base/mem.h"
#include "example/film.h"

struct screening {
    const struct film *film;
    struct canvas *canvas;
    void *state;
    long stepped; /* the picture the state stands at */
};

struct err screening_open(const struct film *film, int width, int height, double left, double top, double units, struct screening **out) {
    struct screening *s = mem_zalloc(sizeof *s);
    if (!s) return err_memory();
    s->film = film;
    struct err e = canvas_create(width, height, left, top, units, &s->canvas);
    if (!e.kind && film->state_bytes && !(s->state = mem_zalloc(film->state_bytes))) e = err_memory();
    if (e.kind) {
        screening_close(&s);
        return e;
    }
    if (film->prepare) film->prepare(s->state);
    *out = s;
    return ERR_OK;
}

void screening_close(struct screening **address) {
    struct screening *s = *address;
    *address = NULL;
    if (!s) return;
    canvas_destroy(&s->canvas);
    mem_free(s->state);
    mem_free(s);
}

struct canvas *screening_show(struct screening *s, long picture, bool is_finished) {
    while (s->film->step && s->stepped < picture) s->film->step(s->state, (double)++s->stepped / FILM_RATE);
    double t = (double)picture / FILM_RATE, own = t - s->film->from;
    s->canvas->frame = (uint32_t)picture;
    s->canvas->is_bare = !is_finished;
    cairo_save(s->canvas->cr);
    s->film->paint(s->canvas, t, s->state);
    cairo_restore(s->canvas->cr);
    struct finish finish = s->film->finish;
    finish.fade = is_finished ? fade(own, 0, 0.6) * (1 - fade(own, s->film->about.seconds - 1.0, s->film->about.seconds - 0.1)) : 1;
    if (!is_finished) finish.vignette = finish.grain = 0;
    canvas_finish(s->canvas, &finish);
    return s->canvas;
}

struct err film_record(const struct film *film, int index, double seconds, struct tape *out) {
    const struct soundtrack *track = &film->tracks[index];
    struct err e = tape_create(seconds, hash_bits((uint32_t)film->about.year, (uint32_t)index, 9), out);
    if (e.kind) return e;
    if (track->has_music && film->music) film->music(out, track->version);
    if (track->has_effects && film->effects) film->effects(out);
    if (!tape_master(out, &film->master)) {
        tape_free(out);
        return err_memory();
    }
    return ERR_OK;
}

/* --- posters --- */

static void poster_letters(struct canvas *c, const struct poster *p, enum example_poster kind, const char *const titles[EXAMPLE_LANGUAGES],
                           const char *words, double left, double top, double width, double height) {
    bool is_tall = kind == EXAMPLE_PORTRAIT;
    double margin = width * (is_tall ? 0.085 : 0.06), room = is_tall ? width - 2 * margin : width * 0.44, unit = is_tall ? width / 100 : width / 170;
    struct lettering title = p->title, small = {.family = "Noto Sans CJK SC", .size = 4.6 * unit, .spacing = 0.06, .align = title.align};
    struct lettering thai = {.family = "Noto Looped Thai", .size = 4.6 * unit, .align = title.align};
    if (!words) words = titles[EXAMPLE_EN];
    title.size = fmin(letters_fit(c, title, words, room), (is_tall ? 34 : 24) * unit);
    double w, h, ignored, below = 15 * unit;
    letters_size(c, &title, words, &w, &h);
    double x = title.align == LEFT ? left + margin : title.align == RIGHT ? left + width - margin : left + width / 2;
    if (!is_tall && title.align == CENTRE) title.align = small.align = thai.align = LEFT, x = left + margin;
    double y = p->is_title_low ? top + height - margin - below - h : top + margin * 0.75;

    /* A shade under the letters, so that they stand clear on any picture. */
    double from = p->is_title_low ? y - 0.35 * height : y + h + below, to = p->is_title_low ? top + height : top;
    if (p->is_title_low) cairo_rectangle(c->cr, left, from, width, to - from);
    else cairo_rectangle(c->cr, left, top, width, from + 0.22 * height - top);
    double end = p->is_title_low ? from : from + 0.22 * height;
    fill_between(c, vec2(0, end), with_alpha(p->scrim, 0), vec2(0, mix(end, to, 0.75)), p->scrim);

    letters(c, &title, x, y, p->ink, words);
    double line = y + h + 1.5 * unit;
    letters_size(c, &small, titles[EXAMPLE_ZH], &w, &ignored);
    letters(c, &small, x, line, with_alpha(p->ink, 0.85), titles[EXAMPLE_ZH]);
    letters(c, &thai, x, line + 6.4 * unit, with_alpha(p->ink, 0.7), titles[EXAMPLE_TH]);
}

struct err poster_paint(const struct film *film, enum example_poster kind, const char *const titles[EXAMPLE_LANGUAGES], const char *words,
                        struct canvas **out) {
    const struct poster *p = &film->poster;
    int width = kind == EXAMPLE_PORTRAIT ? 800 : 1280, height = kind == EXAMPLE_PORTRAIT ? 1200 : 720;
    double zoom = p->zoom > 0 ? p->zoom : 1;
    if (kind == EXAMPLE_LANDSCAPE) zoom = 1;
    double tall = STAGE_HEIGHT / zoom, wide = tall * width / height;
    double left = clamp(p->focus.x - wide / 2, 0, STAGE_WIDTH - wide), top = clamp(p->focus.y - tall / 2, 0, STAGE_HEIGHT - tall);
    struct screening *s;
    struct err e = screening_open(film, width, height, left, top, wide, &s);
    if (e.kind) return e;
    struct canvas *c = screening_show(s, (long)(p->at * FILM_RATE), false);
    cairo_save(c->cr);
    poster_letters(c, p, kind, titles, words, left, top, wide, tall);
    cairo_restore(c->cr);
    s->canvas = NULL;
    screening_close(&s);
    *out = c;
    return ERR_OK;
}

/* --- pieces that films share --- */

void title_card(struct canvas *c, const char *words, const struct lettering *style, double x, double y, struct colour ink, double t, double from, double to) {
    double here = hump(t, from, from + 0.8, to - 0.7, to);
    if (here <= 0 || c->is_bare) return;
    struct lettering moving = *style;
    moving.spacing += 0.02 * (t - from) / (to - from); /* letters drift apart very slowly */
    letters(c, &moving, x, y, with_alpha(ink, here), words);
}

void letterbox(struct canvas *c, double height) {
    if (c->is_bare) return;
    canvas_settle(c); /* light stays inside */
    cairo_rectangle(c->cr, 0, 0, STAGE_WIDTH, height);
    cairo_rectangle(c->cr, 0, STAGE_HEIGHT - height, STAGE_WIDTH, height);
    fill(c, RGB(0x000000));
}

void clock_text(char out[16], double seconds, int decimals) {
    if (seconds >= 60) snprintf(out, 16, "%d:%0*.*f", (int)(seconds / 60), decimals ? decimals + 3 : 2, decimals, fmod(seconds, 60));
    else snprintf(out, 16, "%.*f", decimals, seconds);
}

void stand_draw(struct canvas *c, const struct stand *s, double t, double shift, double excited, double blur) {
    int rows = (int)((s->y1 - s->y0) / s->row), first = (int)floor((s->x0 + shift) / s->seat), seats = (int)((s->x1 - s->x0) / s->seat) + 2;
    for (int row = 0; row < rows; row++)
        for (int k = 0; k < seats; k++) {
            uint32_t seat = (uint32_t)(first + k);
            double luck = hash3(seat, (uint32_t)row, s->seed);
            if (luck > s->density) continue;
            double own = hash3(seat, (uint32_t)row, s->seed + 1);
            double x = (first + k + 0.5 * (row & 1) + 0.5 * own) * s->seat - shift, y = s->y0 + (row + 0.5) * s->row;
            double jump = excited * fmax(0, wave(t * (1.6 + own) + own * 7)) * s->row * 0.6;
            struct colour k1 = s->colours[(size_t)(own * (double)s->colour_count)];
            double flick = 0.75 + 0.25 * wave(own * 9 + t * 0.4);
            streak(c, x - blur / 2, y - jump, x + blur / 2, y - jump, 2 * s->size, with_alpha(k1, flick));
        }
}
