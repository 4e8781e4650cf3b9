/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "media/testcard/testcard.h"

static struct utc_time at_ms(int64_t ms) { return (struct utc_time){ms * NS_PER_MS + 123456}; }

/* The mean of what each small pixel covers. */
static void shrink(const uint8_t *in, int width, int height, uint8_t *out, int to_width, int to_height) {
    for (int y = 0; y < to_height; y++)
        for (int x = 0; x < to_width; x++) {
            int x0 = x * width / to_width, x1 = (x + 1) * width / to_width, y0 = y * height / to_height, y1 = (y + 1) * height / to_height, sum = 0;
            for (int v = y0; v < y1; v++)
                for (int u = x0; u < x1; u++) sum += in[v * width + u];
            out[y * to_width + x] = (uint8_t)(sum / ((x1 - x0) * (y1 - y0)));
        }
}

static void the_painted_time_is_read_back(void **state) {
    static const int SIZES[][2] = {{1280, 720}, {1920, 1080}, {640, 360}, {426, 240}, {1024, 576}, {720, 576}, {160, 90}};
    struct rng rng = rng_seeded(1);
    for (size_t size = 0; size < sizeof SIZES / sizeof *SIZES; size++) {
        struct testcard *card;
        struct testcard_options o = {.width = SIZES[size][0], .height = SIZES[size][1]};
        assert_int_equal(testcard_create(&card, &o).kind, ERR_NONE);
        uint8_t *small = malloc(426 * 240);
        for (int i = 0; i < 8; i++) {
            int64_t ms = i == 0 ? 0 : i == 1 ? 0xffffffffff : INT64_C(1700000000000) + (int64_t)rng_below(&rng, UINT64_C(1000000000000)), read = -1;
            struct testcard_picture p;
            testcard_paint(card, at_ms(ms), (uint64_t)i, &p);
            assert_true(testcard_clock_read(p.planes[0], p.strides[0], o.width, o.height, &read));
            assert_int_equal(read, ms);
            if (o.width <= 426) continue;
            shrink(p.planes[0], o.width, o.height, small, 426, 240);
            read = -1;
            assert_true(testcard_clock_read(small, 426, 426, 240, &read));
            assert_int_equal(read, ms);
            for (int n = 0; n < 426 * 240; n++) { /* as decoders leave it: weaker, and noisy */
                int value = 40 + small[n] * 5 / 8 + (int)rng_below(&rng, 30);
                small[n] = (uint8_t)(value > 255 ? 255 : value);
            }
            assert_true(testcard_clock_read(small, 426, 426, 240, &read));
            assert_int_equal(read, ms);
        }
        free(small);
        testcard_destroy(&card);
    }
}

static void what_is_no_card_is_not_read(void **state) {
    int64_t ms = 77;
    uint8_t *grey = malloc(640 * 360);
    memset(grey, 128, 640 * 360);
    assert_false(testcard_clock_read(grey, 640, 640, 360, &ms));
    memset(grey, 16, 640 * 360);
    assert_false(testcard_clock_read(grey, 640, 640, 360, &ms));
    struct rng rng = rng_seeded(3);
    for (int i = 0; i < 200; i++) {
        for (int y = 0; y < 360; y += 8)
            for (int x = 0; x < 640; x += 16) {
                uint8_t value = rng_u64(&rng) & 1 ? 235 : 16;
                for (int v = y; v < y + 8; v++) memset(grey + v * 640 + x, value, 16);
            }
        (void)testcard_clock_read(grey, 640, 640, 360, &ms);
    }
    struct testcard *card;
    struct testcard_picture p;
    assert_int_equal(testcard_create(&card, &(struct testcard_options){.width = 640, .height = 360}).kind, ERR_NONE);
    testcard_paint(card, at_ms(INT64_C(1800000000000)), 1, &p);
    for (int cell = 0; cell < 64; cell++) { /* one wrong cell, and it is no time */
        memcpy(grey, p.planes[0], 640 * 360);
        int x = 64 + cell % 32 * 16, y = 300 + cell / 32 * 16;
        for (int v = y; v < y + 16; v++)
            for (int u = x; u < x + 16; u++) grey[v * 640 + u] = (uint8_t)(251 - grey[v * 640 + u]);
        assert_false(testcard_clock_read(grey, 640, 640, 360, &ms));
    }
    testcard_destroy(&card);
    free(grey);
}

static void pictures_move_and_are_the_same_for_the_same_moment(void **state) {
    struct testcard *card;
    struct testcard_picture p;
    assert_int_equal(testcard_create(&card, &(struct testcard_options){0}).kind, ERR_NONE);
    size_t bytes = 1280 * 720 * 3 / 2;
    uint8_t *first = malloc(bytes);
    testcard_paint(card, at_ms(INT64_C(1800000000000)), 5, &p);
    assert_int_equal(p.strides[0], 1280);
    memcpy(first, p.planes[0], bytes);
    testcard_paint(card, at_ms(INT64_C(1800000000033)), 6, &p);
    assert_memory_not_equal(first, p.planes[0], bytes);
    testcard_paint(card, at_ms(INT64_C(1800000000000)), 5, &p);
    assert_memory_equal(first, p.planes[0], bytes);
    for (size_t i = 0; i < 1280 * 720; i++) assert_true(first[i] >= 16 && first[i] <= 235);
    free(first);
    testcard_destroy(&card);
}

static double loudness(int64_t from_ms) {
    float out[480 * 2];
    testcard_sound((struct utc_time){INT64_C(1800000000) * NS_PER_S + from_ms * NS_PER_MS}, 480, out);
    double sum = 0;
    for (int i = 0; i < 960; i++) sum += out[i] * out[i];
    return sqrt(sum / 960);
}

static void the_tone_sounds_with_each_second(void **state) {
    for (int64_t second = 0; second < 3; second++) {
        assert_true(loudness(second * 1000 + 40) > 0.15);
        assert_true(loudness(second * 1000 + 200) < 0.05 && loudness(second * 1000 + 200) > 0.005); /* never silent */
        assert_true(loudness(second * 1000 + 980) < 0.05);
    }
    float whole[4800 * 2], parts[4800 * 2];
    struct utc_time from = {INT64_C(1800000000) * NS_PER_S - 50 * NS_PER_MS};
    testcard_sound(from, 4800, whole);
    for (size_t at = 0; at < 4800; at += 160) testcard_sound((struct utc_time){from.ns + (int64_t)at * NS_PER_S / 48000}, 160, parts + at * 2);
    for (size_t i = 0; i < 4800 * 2; i++) {
        assert_true(fabsf(whole[i] - parts[i]) < 0.06f); /* a sample of rounding at most, no click */
        assert_true(fabsf(whole[i]) < 0.9f);
    }
}

static void sizes_that_cannot_be(void **state) {
    static const int SIZES[][2] = {{1281, 720}, {1280, 721}, {158, 90}, {160, 88}, {3842, 2160}, {1280, 0}, {-2, 720}};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        struct testcard *card = NULL;
        struct err e = testcard_create(&card, &(struct testcard_options){.width = SIZES[i][0], .height = SIZES[i][1]});
        assert_string_equal(e.code, "testcard.size");
        assert_null(card);
    }
    struct testcard_progress p;
    struct testcard_stream_options o = {.url = "http://x/live/k"};
    assert_string_equal(testcard_stream_run(&o, &p).code, "rtmp.url");
    o = (struct testcard_stream_options){.url = "rtmp://x/live/k", .gop_ms = -1};
    assert_string_equal(testcard_stream_run(&o, &p).code, "testcard.options");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_painted_time_is_read_back),
        cmocka_unit_test(what_is_no_card_is_not_read),
        cmocka_unit_test(pictures_move_and_are_the_same_for_the_same_moment),
        cmocka_unit_test(the_tone_sounds_with_each_second),
        cmocka_unit_test(sizes_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
