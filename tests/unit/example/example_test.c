/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/utf8.h"
#include "example/film.h"

static void easing_begins_at_nought_and_ends_at_one(void **state) {
    double (*const curves[])(double) = {ease_in, ease_out, ease_in_out, ease_out_back, ease_out_expo};
    for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
        assert_true(fabs(curves[i](0)) < 1e-9);
        assert_true(fabs(curves[i](1) - 1) < 1e-9);
    }
    for (double p = 0; p < 1; p += 0.01) assert_true(ease_in_out(p + 0.01) > ease_in_out(p));
}

static void keys_are_met_and_never_overshot(void **state) {
    static const struct key keys[] = {{0, 1}, {1, 5}, {2, 5}, {4, -3}};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) assert_true(fabs(keys_at(keys, ARRAY_LEN(keys), keys[i].at) - keys[i].value) < 1e-9);
    for (double t = -1; t < 6; t += 0.01) {
        double v = keys_at(keys, ARRAY_LEN(keys), t);
        assert_true(v >= -3 - 1e-9 && v <= 5 + 1e-9);
    }
    assert_true(keys_at(keys, ARRAY_LEN(keys), -9) == 1);
    assert_true(keys_at(keys, ARRAY_LEN(keys), 9) == -3);
}

static void a_cycle_closes(void **state) {
    static const struct key keys[] = {{0, 0}, {0.3, 2}, {0.6, -1}};
    assert_true(fabs(keys_cycle(keys, 3, 0.3) - 2) < 1e-9);
    for (double turn = -2; turn < 2; turn += 0.017) assert_true(fabs(keys_cycle(keys, 3, turn) - keys_cycle(keys, 3, turn + 1)) < 1e-9);
    assert_true(fabs(keys_cycle(keys, 3, 0.9999999) - keys_cycle(keys, 3, 0)) < 1e-5);
}

static void bones_keep_their_length(void **state) {
    for (uint32_t i = 0; i < 500; i++) {
        struct vec2 root = vec2(hash2(i, 1), hash2(i, 2)), tip = vec2(3 * hash2(i, 3), 3 * hash2(i, 4));
        double a = 0.3 + hash2(i, 5), b = 0.3 + hash2(i, 6);
        if (length2(sub2(tip, root)) < fabs(a - b)) continue; /* folded tighter than the bones allow */
        struct vec2 joint = joint_between(root, &tip, a, b, i & 1 ? 1 : -1);
        assert_true(fabs(length2(sub2(joint, root)) - a) < 1e-6);
        assert_true(fabs(length2(sub2(joint, tip)) - b) < 1e-2);
    }
}

static void noise_is_bounded_smooth_and_the_same_every_time(void **state) {
    double lowest = 1, highest = -1;
    for (int i = 0; i < 20000; i++) {
        double x = i * 0.0137, y = i * 0.0071, v = noise2(x, y, 3), w = noise3(x, y, i * 0.003, 3);
        assert_true(fabs(v) <= 1.6 && fabs(w) <= 1.6);
        assert_true(v == noise2(x, y, 3));
        assert_true(fabs(noise3(x + 1e-4, y, 1, 3) - noise3(x, y, 1, 3)) < 1e-2);
        lowest = fmin(lowest, v), highest = fmax(highest, v);
    }
    assert_true(lowest < -0.4 && highest > 0.4);
    assert_true(noise2(0.5, 0.5, 1) != noise2(0.5, 0.5, 2));
    double sum = 0;
    for (uint32_t i = 0; i < 10000; i++) sum += hash1(i);
    assert_true(fabs(sum / 10000 - 0.5) < 0.02);
}

static void notes_have_names(void **state) {
    assert_true(pitch_of("a4") == 69 && pitch_of("c4") == 60 && pitch_of("bb3") == 58 && pitch_of("f#5") == 78);
    assert_true(pitch_of("h4") == -1 && pitch_of("a") == -1 && pitch_of("a99") == -1 && pitch_of("") == -1);
}

static void check_samples(const struct tape *t) {
    double peak = 0;
    for (size_t i = 0; i < 2 * t->frames; i++) {
        assert_true(isfinite(t->dry[i]));
        peak = fmax(peak, fabs(t->dry[i]));
    }
    assert_true(peak > 0.01);
}

static double always(double t, const void *user) { return 1; }
static double fast(double t, const void *user) { return 160; }

static void every_instrument_sounds_and_stays_finite(void **state) {
    note_fn *const notes[] = {play_pad, play_strings, play_keys, play_bass, play_lead, play_arp, play_voice};
    hit_fn *const hits[] = {play_kick, play_snare, play_clap, play_taiko, play_shaker, play_boom};
    for (size_t i = 0; i < ARRAY_LEN(notes) + ARRAY_LEN(hits) + 9; i++) {
        struct tape t;
        assert_int_equal(tape_create(1.5, 7, &t).kind, ERR_NONE);
        struct place p = PLACE(1, 0.3, 0);
        size_t other = i - ARRAY_LEN(notes) - ARRAY_LEN(hits);
        if (i < ARRAY_LEN(notes)) notes[i](&t, -0.2, 1.0, 57, 0.6, p); /* begins before the tape, too */
        else if (i < ARRAY_LEN(notes) + ARRAY_LEN(hits)) hits[i - ARRAY_LEN(notes)](&t, 1.2, p);
        else if (other == 0) play_pluck(&t, 0.1, 60, 1, p);
        else if (other == 1) play_bell(&t, 0.1, 80, 1, p);
        else if (other == 2) play_mallet(&t, 0.1, 70, p);
        else if (other == 3) sound_crowd(&t, 0, 1.5, always, NULL, p);
        else if (other == 4) sound_engine(&t, 0, 1.5, fast, always, NULL, p);
        else if (other == 5) sound_rain(&t, 0, 1.5, always, NULL, p);
        else if (other == 6) sound_wind(&t, 0, 1.5, always, NULL, p);
        else if (other == 7) sound_splash(&t, 0.1, 1, p);
        else sound_shot(&t, 0.1, p);
        check_samples(&t);
        tape_free(&t);
    }
}

static void a_part_plays_where_it_is_written(void **state) {
    struct tape t;
    assert_int_equal(tape_create(2, 1, &t).kind, ERR_NONE);
    play_part(&t, (struct beat){0.5, 0.25, 0}, ". . c4+e4 - | . .", play_arp, 0.5, PLACE(1, 0, 0));
    for (size_t i = 0; i < SYNTH_RATE; i++) assert_true(t.dry[2 * i] == 0); /* silence up to 0.5 + 2 * 0.25 s */
    double peak = 0;
    for (size_t i = SYNTH_RATE; i < SYNTH_RATE * 3 / 2; i++) peak = fmax(peak, fabs(t.dry[2 * i]));
    assert_true(peak > 0.05);
    tape_free(&t);
}

static void loudness_is_that_of_the_standard(void **state) {
    struct tape t; /* BS.1770: a stereo sine of 997 Hz at -23 dBFS reads -23 LUFS */
    assert_int_equal(tape_create(4, 1, &t).kind, ERR_NONE);
    for (size_t i = 0; i < t.frames; i++) t.dry[2 * i] = t.dry[2 * i + 1] = (float)(pow(10, -23 / 20.0) * sin(TAU * 997 * (double)i / SYNTH_RATE));
    assert_true(fabs(tape_loudness(&t) + 23) < 0.1);
    tape_free(&t);
}

static void films_are_mastered_to_their_loudness(void **state) {
    for (size_t i = 0; i < 2 && i < film_count; i++) {
        struct tape t;
        assert_int_equal(film_record(films[i], 0, films[i]->about.seconds, &t).kind, ERR_NONE);
        check_samples(&t);
        for (size_t k = 0; k < 2 * t.frames; k++) assert_true(fabsf(t.dry[k]) <= 0.8701f);
        assert_true(fabs(tape_loudness(&t) + 16) < 0.6);
        assert_true(t.dry[0] == 0 && fabsf(t.dry[2 * t.frames - 1]) < 1e-3f); /* fades */
        tape_free(&t);
    }
}

static void light_lies_over_paint_and_never_clips(void **state) {
    struct canvas *c;
    assert_int_equal(canvas_create(160, 90, 0, 0, STAGE_WIDTH, &c).kind, ERR_NONE);
    fill_all(c, RGB(0x203040));
    glow(c, 640, 360, 300, RGB(0xffffff), 50);
    canvas_settle(c);
    uint32_t middle = c->pixels[45 * c->stride + 80], corner = c->pixels[0];
    assert_true((middle & 255) >= 250 && (middle >> 16 & 255) >= 250);
    assert_int_equal(corner & 0xffffff, 0x203040);
    canvas_destroy(&c);
}

static uint64_t picture_hash(const struct canvas *c) {
    uint64_t hash = 1469598103934665603u;
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) hash = (hash ^ (c->pixels[(size_t)y * (size_t)c->stride + (size_t)x] & 0xffffff)) * 1099511628211u;
    return hash;
}

static void every_film_paints_the_same_twice_and_moves(void **state) {
    for (size_t i = 0; i < film_count; i++) {
        uint64_t first[3];
        for (int again = 0; again < 2; again++) {
            struct screening *s;
            assert_int_equal(screening_open(films[i], 192, 108, 0, 0, STAGE_WIDTH, &s).kind, ERR_NONE);
            for (int k = 0; k < 3; k++) {
                uint64_t hash = picture_hash(screening_show(s, (long)(films[i]->about.seconds * FILM_RATE * (0.2 + 0.25 * k)), true));
                if (again) assert_true(hash == first[k]);
                else first[k] = hash;
            }
            screening_close(&s);
        }
        assert_true(first[0] != first[1] && first[1] != first[2]);
    }
}

static bool is_series(const char *name) {
    size_t found = 0;
    for (size_t k = 0; k < example_series_count; k++) found += !strcmp(example_series(k)->name, name);
    return found == 1;
}

static void scenes_lie_within_their_films_and_have_names_of_their_own(void **state) {
    assert_int_equal(example_film_count(), film_count + scene_count);
    for (size_t i = film_count; i < example_film_count(); i++) {
        struct film scene = film_at(i);
        assert_true(scene.from > 0 && scene.about.seconds >= 6 && scene.from + scene.about.seconds <= scene.film_seconds);
        assert_true(scene.poster.at >= scene.from && scene.poster.at <= scene.from + scene.about.seconds);
        assert_true(scene.about.is_clip != (scene.about.series != NULL));
        if (scene.about.series) assert_true(is_series(scene.about.series) && scene.about.season > 0 && scene.about.episode > 0);
        assert_non_null(scene.about.genres[0]);
        for (size_t k = 0; k < i; k++) assert_string_not_equal(scene.about.name, example_film(k)->name);
        for (int lang = 0; lang < EXAMPLE_LANGUAGES; lang++) {
            assert_true(utf8_is_display_text(slice_cstr(scene.about.titles[lang]), 200));
            assert_true(utf8_is_display_text(slice_cstr(scene.about.synopses[lang]), 400));
        }
    }
}

/* The picture at a time of the scene is the film's at that time; only the fades at its ends are its own. */
static void a_scene_is_its_film(void **state) {
    struct film scene = film_at(film_count), whole = *scenes[0].film;
    struct screening *s, *f;
    long picture = (long)((scene.from + scene.about.seconds / 2) * FILM_RATE);
    assert_int_equal(screening_open(&scene, 192, 108, 0, 0, STAGE_WIDTH, &s).kind, ERR_NONE);
    assert_int_equal(screening_open(&whole, 192, 108, 0, 0, STAGE_WIDTH, &f).kind, ERR_NONE);
    assert_true(picture_hash(screening_show(s, picture, true)) == picture_hash(screening_show(f, picture, true)));
    screening_close(&s);
    screening_close(&f);
    assert_int_equal(screening_open(&scene, 192, 108, 0, 0, STAGE_WIDTH, &s).kind, ERR_NONE);
    const struct canvas *c = screening_show(s, (long)(scene.from * FILM_RATE), true);
    for (int y = 0; y < c->height; y++) assert_int_equal(c->pixels[(size_t)y * (size_t)c->stride] & 0xf0f0f0, 0); /* out of the dark */
    screening_close(&s);
}

static void the_table_is_whole(void **state) {
    for (size_t i = 0; i < film_count; i++) {
        const struct film *f = films[i];
        for (size_t k = 0; k < i; k++) assert_string_not_equal(f->about.name, films[k]->about.name);
        assert_true(f->about.seconds >= 20 && f->about.seconds <= 45);
        assert_non_null(f->tracks[0].title);
        assert_non_null(f->about.genres[0]);
        for (int lang = 0; lang < EXAMPLE_LANGUAGES; lang++) {
            assert_true(utf8_is_display_text(slice_cstr(f->about.titles[lang]), 200));
            assert_true(utf8_is_display_text(slice_cstr(f->about.synopses[lang]), 400));
        }
        assert_true(f->caption_count >= 4);
        for (size_t k = 0; k < f->caption_count; k++) {
            assert_true(f->captions[k].from < f->captions[k].to && f->captions[k].to <= f->about.seconds);
            if (k) assert_true(f->captions[k - 1].to <= f->captions[k].from);
            for (int lang = 0; lang < EXAMPLE_LANGUAGES; lang++) assert_true(utf8_is_display_text(slice_cstr(f->captions[k].text[lang]), 120));
        }
        if (f->about.series) assert_true(is_series(f->about.series));
    }
}

struct stopper {
    int calls, at;
    double last;
};
static bool stop_at(void *user) {
    struct stopper *s = user;
    return ++s->calls >= s->at;
}
static void note(void *user, double done) {
    struct stopper *s = user;
    assert_true(done >= s->last && done <= 1);
    s->last = done;
}

static void a_film_becomes_a_file_or_leaves_nothing(void **state) {
    char folder[] = "/tmp/example-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    int dir;
    assert_int_equal(fs_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0, &dir).kind, ERR_NONE);
    struct example_options small = {.scale = 0.15, .seconds_max = 0.4};
    struct stopper never = {.at = 1000000}, soon = {.at = 4};
    assert_int_equal(example_make(0, dir, "a.mkv", &small, &(struct example_watcher){&never, note, stop_at}).kind, ERR_NONE);
    assert_true(never.last == 1);
    assert_true(fs_exists(dir, "a.mkv"));
    struct err e = example_make(0, dir, "b.mkv", &small, &(struct example_watcher){&soon, note, stop_at});
    assert_int_equal(e.kind, ERR_CANCELLED);
    assert_false(fs_exists(dir, "b.mkv"));
    fs_close(&dir);
    assert_int_equal(fs_remove_tree(AT_FDCWD, folder).kind, ERR_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(easing_begins_at_nought_and_ends_at_one),
        cmocka_unit_test(keys_are_met_and_never_overshot),
        cmocka_unit_test(a_cycle_closes),
        cmocka_unit_test(bones_keep_their_length),
        cmocka_unit_test(noise_is_bounded_smooth_and_the_same_every_time),
        cmocka_unit_test(notes_have_names),
        cmocka_unit_test(every_instrument_sounds_and_stays_finite),
        cmocka_unit_test(a_part_plays_where_it_is_written),
        cmocka_unit_test(loudness_is_that_of_the_standard),
        cmocka_unit_test(films_are_mastered_to_their_loudness),
        cmocka_unit_test(light_lies_over_paint_and_never_clips),
        cmocka_unit_test(every_film_paints_the_same_twice_and_moves),
        cmocka_unit_test(scenes_lie_within_their_films_and_have_names_of_their_own), cmocka_unit_test(a_scene_is_its_film), cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(a_film_becomes_a_file_or_leaves_nothing),
    };
    return cmocka_run_group_tests_name("example", tests, NULL, NULL);
}
