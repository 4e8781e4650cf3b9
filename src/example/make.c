/* SPDX-License-Identifier: AGPL-3.0-or-later
 * A film as a file: pictures, sound and captions into the encoder, hand in hand. */
#include <math.h>
#include <string.h>

#include "example/film.h"
#include "media/codec/codec.h"

enum { TRACKS = 2, AUDIO_BITS_PER_S = 128000, CRF = 22 };

/* What the menus call the captions of a language. */
static const char *const caption_titles[EXAMPLE_LANGUAGES] = {"English", "Deutsch", "中文", "ไทย"};

struct making {
    struct film film;
    struct screening *screening;
    struct codec_film *out;
    struct tape tape[TRACKS];
    size_t tracks;
};

static double film_seconds(const struct film *film) { return film->film_seconds > 0 ? film->film_seconds : film->about.seconds; }

static struct err record(struct making *m, double seconds, bool is_whole) {
    for (; m->tracks < TRACKS && m->film.tracks[m->tracks].title; m->tracks++) {
        struct err e = film_record(&m->film, (int)m->tracks, is_whole ? film_seconds(&m->film) : m->film.from + seconds, &m->tape[m->tracks]);
        if (e.kind) return e;
    }
    return ERR_OK;
}

static struct err open_file(struct making *m, int dir_fd, const char *path, int width, int height) {
    struct codec_film_audio audio[TRACKS];
    struct codec_film_text text[EXAMPLE_LANGUAGES];
    for (size_t i = 0; i < m->tracks; i++) /* zxx: sound without words (ISO 639-2) */
        audio[i] = (struct codec_film_audio){.rate = SYNTH_RATE, .channels = 2, .bits_per_s = AUDIO_BITS_PER_S, .language = "zxx",
                                             .title = m->film.tracks[i].title, .is_default = i == 0};
    for (int i = 0; i < EXAMPLE_LANGUAGES; i++)
        text[i] = (struct codec_film_text){.language = example_language_code((enum example_language)i), .title = caption_titles[i]};
    struct codec_film_options options = {.format = CODEC_FILM_MKV, .width = width, .height = height, .rate_num = FILM_RATE, .rate_den = 1, .crf = CRF, .preset = "superfast",
                                         .threads = 1, .audio = audio, .audio_count = m->tracks, .text = text, .text_count = EXAMPLE_LANGUAGES};
    return codec_film_open(dir_fd, path, &options, &m->out);
}

static void push_captions(struct making *m, double from, double to) {
    for (size_t i = 0; i < m->film.caption_count; i++) {
        const struct caption *c = &m->film.captions[i];
        if (c->from < from || c->from >= to) continue;
        for (size_t lang = 0; lang < EXAMPLE_LANGUAGES; lang++)
            codec_film_caption(m->out, lang, (int64_t)((c->from - m->film.from) * 1000),
                                (int64_t)((fmin(c->to, m->film.from + m->film.about.seconds) - m->film.from) * 1000), slice_cstr(c->text[lang]));
    }
}

static struct err shoot(struct making *m, long pictures, const struct example_watcher *w) {
    enum { SAMPLES = SYNTH_RATE / FILM_RATE };
    long first = (long)(m->film.from * FILM_RATE);
    for (long i = 0; i < pictures; i++) {
        if (w && w->is_cancelled && w->is_cancelled(w->user)) return err_make(ERR_CANCELLED, "example.cancelled", "Making the film was stopped.");
        struct canvas *c = screening_show(m->screening, first + i, true);
        push_captions(m, (double)(first + i) / FILM_RATE, (double)(first + i + 1) / FILM_RATE);
        codec_film_picture(m->out, c->pixels, (size_t)c->stride * 4);
        for (size_t k = 0; k < m->tracks; k++) {
            size_t from = (size_t)(first + i) * SAMPLES, left = m->tape[k].frames > from ? m->tape[k].frames - from : 0;
            codec_film_sound_f32(m->out, k, m->tape[k].dry + 2 * from, left < SAMPLES ? left : SAMPLES);
        }
        struct err e = codec_film_error(m->out);
        if (e.kind) return e;
        if (w && w->progress) w->progress(w->user, (double)(i + 1) / (double)pictures);
    }
    return ERR_OK;
}

struct err example_make(size_t index, int dir_fd, const char *path, const struct example_options *o, const struct example_watcher *w) {
    struct making m = {.film = film_at(index)};
    bool is_whole = !o || o->seconds_max <= 0 || o->seconds_max >= m.film.about.seconds;
    double seconds = is_whole ? m.film.about.seconds : o->seconds_max, scale = o && o->scale > 0 ? o->scale : 1;
    int width = (int)(STAGE_WIDTH * scale / 2 + 0.5) * 2, height = (int)(STAGE_HEIGHT * scale / 2 + 0.5) * 2;
    struct err e = record(&m, seconds, is_whole);
    if (!e.kind) e = screening_open(&m.film, width, height, 0, 0, STAGE_WIDTH, &m.screening);
    if (!e.kind) e = open_file(&m, dir_fd, path, width, height);
    if (!e.kind) e = shoot(&m, (long)(seconds * FILM_RATE), w);
    if (!e.kind) e = codec_film_finish(&m.out);
    codec_film_cancel(&m.out);
    screening_close(&m.screening);
    for (size_t i = 0; i < TRACKS; i++) tape_free(&m.tape[i]);
    return e;
}

static struct err poster_of(const struct film *film, enum example_poster kind, const char *const titles[EXAMPLE_LANGUAGES], const char *words, struct buf *out) {
    struct canvas *c;
    struct err e = poster_paint(film, kind, titles, words, &c);
    if (e.kind) return e;
    e = codec_still_jpeg(CODEC_BGRA, c->pixels, c->width, c->height, (size_t)c->stride * 4, 90, out);
    canvas_destroy(&c);
    return e;
}

struct err example_poster(size_t index, enum example_poster kind, struct buf *out) {
    struct film film = film_at(index);
    return poster_of(&film, kind, film.about.titles, film.poster.words, out);
}

struct err example_series_poster(size_t index, enum example_poster kind, struct buf *out) {
    const struct example_about *series = example_series(index);
    struct film own = film_at(0);
    for (size_t i = example_film_count(); i-- > 0;)
        if (example_film(i)->series && !strcmp(example_film(i)->series, series->name)) own = film_at(i); /* ends at its first */
    own.poster.at = own.from + 0.42 * own.about.seconds; /* an earlier moment than its own poster shows */
    return poster_of(&own, kind, series->titles, NULL, out);
}
