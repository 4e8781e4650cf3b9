/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * example.h: the films of the example organisation. Short films about sport and film, painted, composed and
 * mixed by this program, so that a newcomer sees every feature without bringing a file.
 *
 * The room knows no database: it makes ordinary files, an .mkv with picture, sound and captions in four languages, which
 * then go the way of any stranger's file. The same film comes out the same on one machine, picture by picture.
 *
 * All tables are constant; any thread. Different films may be made in different threads at once. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "example/contracts.h"

enum example_language { EXAMPLE_EN, EXAMPLE_DE, EXAMPLE_ZH, EXAMPLE_TH, EXAMPLE_LANGUAGES };
const char *example_language_code(enum example_language); /* "en", "de", "zh", "th" */

/* What a catalogue wants to know. */
struct example_about {
    const char *name;                          /* "lanes-sprint": stable, for files and the command line */
    const char *titles[EXAMPLE_LANGUAGES];
    const char *synopses[EXAMPLE_LANGUAGES];   /* a sentence or two */
    const char *genres[4];                     /* codes such as "athletics"; NULL behind the last */
    int year;
    const char *series;                        /* name of the series it belongs to, or NULL */
    int season, episode;                       /* from 1; 0 outside a series */
    double seconds;                            /* 0 for a series */
    bool is_clip;                              /* a piece of a film that makes one want to see it */
};

/* Films, and scenes of films: clips and episodes. */
size_t example_film_count(void);
extern const size_t example_series_count;
const struct example_about *example_film(size_t index);
const struct example_about *example_series(size_t index);

struct example_options {
    double scale;       /* 1: 1280 x 720; smaller for tests */
    double seconds_max; /* 0: the whole film */
};
struct example_watcher {
    void *user;
    void (*progress)(void *user, double done); /* 0 to 1 */
    bool (*is_cancelled)(void *user);
};

/* Makes film `index` as `path` (.mkv) under dir_fd, which it creates or replaces; nothing is left behind on failure.
 * Takes a few seconds on one processor: never on a loop thread. Errors: those of the film encoder (media/codec),
 * ERR_LIMIT "memory", ERR_CANCELLED "example.cancelled". */
MUST_USE struct err example_make(size_t index, int dir_fd, const char *path, const struct example_options *, const struct example_watcher *);

enum example_poster { EXAMPLE_PORTRAIT, EXAMPLE_LANDSCAPE }; /* 800 x 1200 and 1280 x 720 */
/* Appends the poster of film `index`, a JPEG, to `out`. Errors: those of codec_still_jpeg, ERR_LIMIT "memory". */
MUST_USE struct err example_poster(size_t index, enum example_poster, struct buf *out);
/* The same for a series: a still of its first film under the name of the series. */
MUST_USE struct err example_series_poster(size_t index, enum example_poster, struct buf *out);

#include "example/sales.h" /* last: it speaks the languages above */

#endif
