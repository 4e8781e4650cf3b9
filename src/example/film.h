/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * film.h: what a film is, for the files in films/. A film is a table entry with functions: one paints the picture at a
 * time, two fill the tape. Write a new one by copying the shortest file there, adding it to films.tbl.h, and looking at
 * it with build/example-look. */
#ifndef EXAMPLE_FILM_H
#define EXAMPLE_FILM_H

#include "example/camera.h"
#include "example/canvas.h"
#include "example/draw.h"
#include "example/example.h"
#include "example/figure.h"
#include "example/noise.h"
#include "example/synth.h"

enum { FILM_RATE = 25 }; /* pictures per second */

struct caption {
    double from, to;
    const char *text[EXAMPLE_LANGUAGES];
};

/* A still of the film under a designed title. */
struct poster {
    double at;                 /* film time of the still */
    struct vec2 focus;         /* what must stay in the picture, on the stage */
    double zoom;               /* 1: the whole height of the stage */
    struct lettering title;    /* size is ignored: it is fitted */
    struct colour ink, scrim;  /* of the letters, and of the shade under them */
    bool is_title_low;         /* at the bottom instead of the top */
    const char *words;         /* the title as set, with line breaks; NULL: the English title */
};

struct soundtrack {
    const char *title; /* "Music and effects"; NULL: no such track */
    bool has_music, has_effects;
    int version;       /* which version of the music */
};

struct film {
    struct example_about about;
    size_t state_bytes;                                        /* 0: the film keeps nothing between pictures */
    void (*prepare)(void *state);                              /* state is zeroed before */
    void (*step)(void *state, double t);                       /* moves it on by one picture, to time t; may be NULL */
    void (*paint)(struct canvas *, double t, const void *state);
    struct finish finish;
    void (*music)(struct tape *, int version);
    void (*effects)(struct tape *);
    struct soundtrack tracks[2];
    struct master master;
    const struct caption *captions;
    size_t caption_count;
    struct poster poster;
    double from;         /* of a scene: where in the film it begins; 0 */
    double film_seconds; /* of a scene: how long that film is; 0: about.seconds */
};
#define CAPTIONS(array) .captions = (array), .caption_count = sizeof(array) / sizeof *(array)

extern const struct film *const films[];
extern const size_t film_count;

/* A piece of a film under a name of its own. */
struct scene {
    const struct film *film;
    double from, poster_at; /* film time */
    struct example_about about;
};
extern const struct scene scenes[];
extern const size_t scene_count;
/* Film or scene `index` of those that example_film names. */
struct film film_at(size_t index);

/* --- pieces that films share --- */

/* The film's name over its opening pictures: comes and goes softly. */
void title_card(struct canvas *, const char *words, const struct lettering *, double x, double y, struct colour, double t, double from, double to);
/* Black bars that make the picture wider than the stage; height of each in units. */
void letterbox(struct canvas *, double height);
/* A number of film time as a sports clock: "9.58". */
void clock_text(char out[16], double seconds, int decimals);

/* Spectators as dots of light and colour in rows, seen from the field: a stand from (x0, y0) to (x1, y1), `excited`
 * 0 to 1, `t` for the stir, `shift` for parallax. */
struct stand {
    double x0, x1, y0, y1, row, seat; /* distance between rows and seats */
    const struct colour *colours;
    size_t colour_count;
    double size, density;
    uint32_t seed;
};
void stand_draw(struct canvas *, const struct stand *, double t, double shift, double excited, double blur);

/* --- for make.c and look.c --- */
struct screening; /* a film, its canvas and its state at one time */
MUST_USE struct err screening_open(const struct film *, int width, int height, double left, double top, double units, struct screening **out);
/* Pictures come in order; skipping ahead only steps the state. Returns the finished canvas. */
struct canvas *screening_show(struct screening *, long picture, bool is_finished);
void screening_close(struct screening **);
/* Records track `index` of the film. The tape is the caller's. */
MUST_USE struct err film_record(const struct film *, int index, double seconds, struct tape *out);
/* Paints a poster with these names; `words` as in struct poster. The canvas is the caller's. */
MUST_USE struct err poster_paint(const struct film *, enum example_poster, const char *const titles[EXAMPLE_LANGUAGES], const char *words,
                                 struct canvas **out);

#endif
