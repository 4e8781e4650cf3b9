/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * example-look: for whoever writes a film. Not installed.
 *   example-look NAME sheet FROM TO COUNT out.png   COUNT pictures between two times, four in a row
 *   example-look NAME still TIME out.png
 *   example-look NAME portrait|landscape out.png
 *   example-look NAME sound TRACK out.f32           48 kHz stereo float
 *   example-look NAME speed                         milliseconds a picture */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "example/film.h"

static int fail(const char *what) {
    fprintf(stderr, "example-look: %s\n", what);
    return 1;
}

static int sheet(const struct film *film, double from, double to, int count, const char *path) {
    enum { WIDTH = 640, HEIGHT = 360, COLUMNS = 3 };
    int rows = (count + COLUMNS - 1) / COLUMNS;
    cairo_surface_t *all = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH * (count < COLUMNS ? count : COLUMNS), HEIGHT * rows);
    cairo_t *cr = cairo_create(all);
    struct screening *s;
    struct err e = screening_open(film, 1280, 720, 0, 0, STAGE_WIDTH, &s);
    if (e.kind) return fail(e.what);
    for (int i = 0; i < count; i++) {
        struct canvas *c = screening_show(s, (long)((from + (to - from) * i / (count > 1 ? count - 1 : 1)) * FILM_RATE), true);
        cairo_save(cr);
        cairo_translate(cr, i % COLUMNS * WIDTH, i / COLUMNS * HEIGHT);
        cairo_scale(cr, WIDTH / 1280.0, HEIGHT / 720.0);
        cairo_set_source_surface(cr, c->surface, 0, 0);
        cairo_paint(cr);
        cairo_restore(cr);
    }
    screening_close(&s);
    cairo_surface_write_to_png(all, path);
    cairo_destroy(cr);
    cairo_surface_destroy(all);
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 3) return fail("NAME sheet|still|portrait|landscape|sound|speed ...");
    const struct film *film = NULL;
    for (size_t i = 0; i < film_count; i++)
        if (!strcmp(films[i]->about.name, argv[1])) film = films[i];
    if (!film) return fail("no such film");
    if (!strcmp(argv[2], "sheet") && argc == 7) return sheet(film, atof(argv[3]), atof(argv[4]), atoi(argv[5]), argv[6]);
    if (!strcmp(argv[2], "still") && argc == 5) {
        struct screening *s;
        struct err e = screening_open(film, 1280, 720, 0, 0, STAGE_WIDTH, &s);
        if (e.kind) return fail(e.what);
        cairo_surface_write_to_png(screening_show(s, (long)(atof(argv[3]) * FILM_RATE), true)->surface, argv[4]);
        screening_close(&s);
        return 0;
    }
    if ((!strcmp(argv[2], "portrait") || !strcmp(argv[2], "landscape")) && argc == 4) {
        struct canvas *c;
        struct err e = poster_paint(film, argv[2][0] == 'p' ? EXAMPLE_PORTRAIT : EXAMPLE_LANDSCAPE, film->about.titles, film->poster.words, &c);
        if (e.kind) return fail(e.what);
        cairo_surface_write_to_png(c->surface, argv[3]);
        canvas_destroy(&c);
        return 0;
    }
    if (!strcmp(argv[2], "sound") && argc == 5) {
        struct tape tape;
        struct err e = film_record(film, atoi(argv[3]), film->about.seconds, &tape);
        if (e.kind) return fail(e.what);
        FILE *f = fopen(argv[4], "wb");
        if (!f || fwrite(tape.dry, 2 * sizeof(float), tape.frames, f) != tape.frames || fclose(f)) return fail("cannot write");
        tape_free(&tape);
        return 0;
    }
    if (!strcmp(argv[2], "speed")) {
        struct screening *s;
        struct err e = screening_open(film, 1280, 720, 0, 0, STAGE_WIDTH, &s);
        if (e.kind) return fail(e.what);
        struct mono_time start = clock_mono(clock_system());
        long pictures = 0;
        for (; pictures < (long)(film->about.seconds * FILM_RATE); pictures += 5) screening_show(s, pictures, true);
        double ms = (double)mono_diff_ns(clock_mono(clock_system()), start) / 1e6;
        printf("%s: %.1f ms a picture\n", argv[1], ms / (double)(pictures / 5));
        screening_close(&s);
        struct mono_time sound = clock_mono(clock_system());
        struct tape tape;
        e = film_record(film, 0, film->about.seconds, &tape);
        if (e.kind) return fail(e.what);
        printf("%s: sound %.0f ms, %.1f LUFS\n", argv[1], (double)mono_diff_ns(clock_mono(clock_system()), sound) / 1e6, tape_loudness(&tape));
        tape_free(&tape);
        return 0;
    }
    return fail("usage: see look.c");
}
