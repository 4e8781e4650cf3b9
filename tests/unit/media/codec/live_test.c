/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "media/codec/codec.h"

enum { WIDTH = 320, HEIGHT = 180, SEEN_MAX = 512 };

struct seen {
    struct codec_live_sample samples[SEEN_MAX];
    bool has_idr[SEEN_MAX];
    size_t count, stop_at;
};

static struct err take(void *user, const struct codec_live_sample *s) {
    struct seen *seen = user;
    assert_true(seen->count < SEEN_MAX && s->data.len);
    if (!s->is_sound) { /* length-prefixed units, no parameter sets among them */
        struct byte_reader r = byte_reader_of(s->data);
        while (bytes_left(&r)) {
            struct slice unit = bytes_take(&r, bytes_u32be(&r));
            assert_true(!r.has_failed && unit.len);
            unsigned type = unit.ptr[0] & 31;
            assert_true(type != 7 && type != 8);
            seen->has_idr[seen->count] |= type == 5;
        }
    }
    seen->samples[seen->count++] = *s;
    return seen->stop_at && seen->count == seen->stop_at ? err_make(ERR_IO, "test.full", "Full.") : ERR_OK;
}

static const uint8_t *planes[3];
static const int strides[3] = {WIDTH, WIDTH / 2, WIDTH / 2};
static uint8_t pixels[WIDTH * HEIGHT * 3 / 2];

static void paint(int n) {
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) pixels[y * WIDTH + x] = (uint8_t)(16 + (x + y + n * 5) % 200);
    memset(pixels + WIDTH * HEIGHT, 128, WIDTH * HEIGHT / 2);
    planes[0] = pixels;
    planes[1] = pixels + WIDTH * HEIGHT;
    planes[2] = planes[1] + WIDTH * HEIGHT / 4;
}

static const struct codec_live_options OPTIONS = {.width = WIDTH, .height = HEIGHT, .rate_num = 25, .rate_den = 1, .key_frames_every = 25,
                                                  .bits_per_s = 500000, .sound_rate = 48000, .sound_channels = 2};

static void each_picture_comes_out_at_once(void **state) {
    struct seen *seen = calloc(1, sizeof *seen);
    struct codec_live *live;
    assert_int_equal(codec_live_open(&live, &OPTIONS, take, seen).kind, ERR_NONE);
    for (int n = 0; n < 60; n++) {
        paint(n);
        size_t before = seen->count;
        assert_int_equal(codec_live_picture(live, planes, strides, n).kind, ERR_NONE);
        assert_int_equal(seen->count, before + 1); /* no picture waits for a later one */
        const struct codec_live_sample *s = &seen->samples[before];
        assert_int_equal(s->time, n);
        assert_int_equal(s->is_sync, n % 25 == 0);
        assert_int_equal(seen->has_idr[before], n % 25 == 0);
    }
    size_t bytes = 0;
    for (size_t i = 0; i < seen->count; i++) bytes += seen->samples[i].data.len;
    assert_true(bytes * 8 * 25 / 60 < 700000); /* about what was asked for */
    struct slice config = codec_live_picture_config(live);
    assert_true(config.len > 10 && config.ptr[0] == 1 && (config.ptr[5] & 31) == 1);
    codec_live_close(&live);
    assert_null(live);
    free(seen);
}

/* A key frame is due at each multiple, also when the picture of that number was left out. */
static void key_frames_keep_their_places_when_pictures_are_left_out(void **state) {
    struct seen *seen = calloc(1, sizeof *seen);
    struct codec_live *live;
    static const int TIMES[] = {0, 1, 2, 23, 24, 26, 27, 49, 50, 51, 110, 111, 125};
    static const bool IS_KEY[] = {1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1};
    assert_int_equal(codec_live_open(&live, &OPTIONS, take, seen).kind, ERR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(TIMES); i++) {
        paint((int)i);
        assert_int_equal(codec_live_picture(live, planes, strides, TIMES[i]).kind, ERR_NONE);
        assert_int_equal(seen->samples[i].time, TIMES[i]);
        assert_int_equal(seen->samples[i].is_sync, IS_KEY[i]);
    }
    codec_live_close(&live);
    free(seen);
}

static void sound_in_pieces_of_any_size(void **state) {
    struct seen *seen = calloc(1, sizeof *seen);
    struct codec_live_options o = OPTIONS;
    o.width = o.height = 0;
    struct codec_live *live;
    assert_int_equal(codec_live_open(&live, &o, take, seen).kind, ERR_NONE);
    float samples[3000 * 2];
    size_t total = 0;
    for (size_t piece = 1; piece <= 3000; piece = piece * 3 / 2 + 1) {
        for (size_t i = 0; i < piece * 2; i++) samples[i] = 0.5f * sinf((float)(total + i / 2) * 0.05f);
        assert_int_equal(codec_live_sound(live, samples, piece).kind, ERR_NONE);
        total += piece;
    }
    assert_true(seen->count >= total / 1024 - 1);
    for (size_t i = 0; i < seen->count; i++) {
        assert_true(seen->samples[i].is_sound && seen->samples[i].is_sync);
        assert_int_equal(seen->samples[i].time, (int64_t)i * 1024 - 1024); /* the first is priming */
    }
    struct slice config = codec_live_sound_config(live);
    assert_true(config.len >= 2 && (uint8_t)config.ptr[0] == 0x11 && (uint8_t)config.ptr[1] == 0x90); /* AAC-LC, 48 kHz, stereo */
    codec_live_close(&live);
    free(seen);
}

static void the_sink_may_refuse(void **state) {
    struct seen *seen = calloc(1, sizeof *seen);
    seen->stop_at = 3;
    struct codec_live *live;
    assert_int_equal(codec_live_open(&live, &OPTIONS, take, seen).kind, ERR_NONE);
    struct err e = ERR_OK;
    for (int n = 0; n < 3; n++) {
        assert_int_equal(e.kind, ERR_NONE);
        paint(n);
        e = codec_live_picture(live, planes, strides, n);
    }
    assert_string_equal(e.code, "test.full");
    codec_live_close(&live);
    free(seen);
}

static void what_cannot_be_encoded(void **state) {
    struct codec_live *live = NULL;
    for (int i = 0; i < 8; i++) {
        struct codec_live_options o = OPTIONS;
        if (i == 0) o.width = 321;
        if (i == 1) o.height = 8;
        if (i == 2) o.rate_num = 0;
        if (i == 3) o.key_frames_every = 0;
        if (i == 4) o.bits_per_s = 0;
        if (i == 5) o.sound_channels = 3;
        if (i == 6) o.sound_rate = 12345;
        if (i == 7) o = (struct codec_live_options){0};
        assert_string_equal(codec_live_open(&live, &o, take, NULL).code, "live.options");
        assert_null(live);
    }
    codec_live_close(&live);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_picture_comes_out_at_once),
        cmocka_unit_test(key_frames_keep_their_places_when_pictures_are_left_out),
        cmocka_unit_test(sound_in_pieces_of_any_size),
        cmocka_unit_test(the_sink_may_refuse),
        cmocka_unit_test(what_cannot_be_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
