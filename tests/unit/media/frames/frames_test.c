/* SPDX-License-Identifier: AGPL-3.0-or-later
 * A film and a still of our own encoders are read back as gray pictures; this program is its own child. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fs.h"
#include "base/rng.h"
#include "media/codec/codec.h"
#include "media/frames/frames.h"

enum { W = 64, H = 48, PICTURES = 12 };
static char folder[] = "/tmp/grandstand-frames-XXXXXX";

/* Each picture has one brightness on the left and another on the right. */
static void colour(uint8_t *bgra, int number) {
    for (int i = 0; i < W * H; i++) memset(bgra + 4 * i, i % W < W / 2 ? 40 + 12 * number : 220, 4);
}

struct seen {
    int count, stop_at;
    int64_t numbers[PICTURES + 1], times[PICTURES + 1];
    int left[PICTURES + 1], right[PICTURES + 1];
};

static struct err look(void *user, const struct frames_picture *p) {
    struct seen *s = user;
    assert_true(p->width == W && p->height == H && s->count <= PICTURES);
    s->numbers[s->count] = p->number, s->times[s->count] = p->time_us;
    s->left[s->count] = p->gray[(H / 2) * W + W / 4], s->right[s->count] = p->gray[(H / 2) * W + 3 * W / 4];
    s->count++;
    return s->stop_at && s->count == s->stop_at ? err_make(ERR_CANCELLED, "test.enough", "Enough.") : ERR_OK;
}

static int open_file(const char *name) {
    char path[100];
    int fd = -1;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(fs_open(AT_FDCWD, path, O_RDONLY, 0, &fd).kind, ERR_NONE);
    return fd;
}

static void put_file(const char *name, struct slice bytes) {
    char path[100];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(fs_write_file_atomic(AT_FDCWD, path, bytes, 0644).kind, ERR_NONE);
}

static void a_film(void **state) {
    char path[100];
    uint8_t bgra[W * H * 4];
    struct codec_film *film;
    const struct codec_film_options options = {.width = W, .height = H, .rate_num = 25, .rate_den = 1, .crf = 8, .threads = 1};
    snprintf(path, sizeof path, "%s/film.mp4", folder);
    assert_int_equal(codec_film_open(AT_FDCWD, path, &options, &film).kind, ERR_NONE);
    for (int i = 0; i < PICTURES; i++) {
        colour(bgra, i);
        codec_film_picture(film, bgra, W * 4);
    }
    assert_int_equal(codec_film_finish(&film).kind, ERR_NONE);
    int fd = open_file("film.mp4");
    struct seen s = {0};
    struct err e = frames_read(fd, &(struct frames_options){0}, look, &s);
    if (e.kind) print_message("# %s\n", e.what);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(s.count, PICTURES);
    for (int i = 0; i < PICTURES; i++) {
        assert_true(s.numbers[i] == i && llabs(s.times[i] - 40000 * i) <= 1000);
        assert_true(abs(s.left[i] - (16 + (40 + 12 * i) * 219 / 255)) <= 4 && abs(s.right[i] - (16 + 220 * 219 / 255)) <= 4);
    }
    s = (struct seen){0};
    assert_int_equal(frames_read(fd, &(struct frames_options){.every = 5, .pictures_max = 2}, look, &s).kind, ERR_NONE);
    assert_true(s.count == 2 && s.numbers[0] == 0 && s.numbers[1] == 5);
    s = (struct seen){.stop_at = 3};
    assert_string_equal(frames_read(fd, &(struct frames_options){0}, look, &s).code, "test.enough");
    assert_int_equal(s.count, 3);
    fs_close(&fd);
}

static void a_still_and_what_is_none(void **state) {
    uint8_t bgra[W * H * 4];
    struct buf jpeg = BUF(1 << 20);
    struct rng r = rng_seeded(1);
    colour(bgra, 5);
    assert_int_equal(codec_still_jpeg(CODEC_BGRA, bgra, W, H, W * 4, 95, &jpeg).kind, ERR_NONE);
    put_file("still.jpg", buf_slice(&jpeg));
    int fd = open_file("still.jpg");
    struct seen s = {0};
    assert_int_equal(frames_read(fd, &(struct frames_options){0}, look, &s).kind, ERR_NONE);
    assert_true(s.count == 1 && abs(s.left[0] - 100) <= 4 && abs(s.right[0] - 220) <= 4);
    fs_close(&fd);
    /* cut off, empty, noise, noise that says it is a PNG, no file of pictures at all */
    char noise[3000];
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (char)rng_below(&r, 256);
    const struct slice wrong[] = {slice_of(jpeg.ptr, 100), SLICE(""), slice_of(noise, sizeof noise), SLICE("\x89PNG\r\n\x1a\nand then not"), SLICE("WEBVTT\n\n00:01.000 --> 00:02.000\nwords\n")};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put_file("wrong", wrong[i]);
        fd = open_file("wrong");
        s = (struct seen){0};
        struct err e = frames_read(fd, &(struct frames_options){0}, look, &s);
        assert_true(e.kind == ERR_INPUT && !strncmp(e.code, "media.", 6) && !s.count);
        fs_close(&fd);
    }
    buf_free(&jpeg);
    /* a child that is no child */
    fd = open_file("still.jpg");
    assert_true(frames_read(fd, &(struct frames_options){.program = "/bin/true"}, look, &s).kind != ERR_NONE);
    fs_close(&fd);
}

int main(int argc, char **argv) {
    static const struct child_kind *const kinds[] = {&frames_child};
    child_main(argc, argv, kinds, 1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_film), cmocka_unit_test(a_still_and_what_is_none)};
    if (!mkdtemp(folder)) return 1;
    int failed = cmocka_run_group_tests_name("media/frames", tests, NULL, NULL);
    struct err e = fs_remove_tree(AT_FDCWD, folder);
    return failed || e.kind;
}
