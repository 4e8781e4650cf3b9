/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "media/codec/codec.h"

static char folder[] = "/tmp/film-test-XXXXXX";
static int dir = -1;

enum { WIDTH = 160, HEIGHT = 90, RATE = 25, HZ = 48000 };

static const struct codec_film_audio SOUND[] = {
    {.rate = HZ, .channels = 2, .language = "eng", .title = "English", .is_default = true},
    {.rate = HZ, .channels = 1, .language = "deu", .title = "Deutsch"},
};
static const struct codec_film_text TEXT[] = {{.language = "zho", .title = "中文"}};

static struct err make(const char *name, int seconds, struct codec_film_options options) {
    options.width = WIDTH, options.height = HEIGHT, options.rate_num = RATE, options.rate_den = 1;
    options.audio = SOUND, options.audio_count = 2, options.text = TEXT, options.text_count = 1;
    struct codec_film *film;
    struct err e = codec_film_open(dir, name, &options, &film);
    if (e.kind) return e;
    static uint32_t pixels[HEIGHT][WIDTH];
    static int16_t stereo[HZ / RATE][2];
    static float mono[HZ / RATE];
    for (int n = 0; n < RATE * seconds; n++) {
        /* the left half red, the right half blue, a white bar that moves */
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) pixels[y][x] = x / 4 == n % 40 ? 0xffffffff : x < WIDTH / 2 ? 0xffff0000 : 0xff0000ff;
        for (int i = 0; i < HZ / RATE; i++) {
            mono[i] = 0.25f * sinf((float)(n * HZ / RATE + i) * 0.05f);
            stereo[i][0] = stereo[i][1] = (int16_t)(mono[i] * 32767);
        }
        codec_film_picture(film, pixels, sizeof pixels[0]);
        codec_film_sound_s16(film, 0, stereo[0], HZ / RATE);
        codec_film_sound_f32(film, 1, mono, HZ / RATE);
        if (n == 10) codec_film_caption(film, 0, 400, 1500, SLICE("你好\nworld"));
    }
    return codec_film_finish(&film);
}

/* What a command of FFmpeg's prints, blanks at the ends cut. */
static struct slice ask(const char *format, const char *name) {
    static char answer[65536];
    char command[1024];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int at = snprintf(command, sizeof command, format, folder, name);
#pragma GCC diagnostic pop
    assert_in_range(at, 1, sizeof command - 1);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    size_t len = fread(answer, 1, sizeof answer - 1, out);
    assert_int_equal(pclose(out), 0);
    return slice_trim(slice_of(answer, len));
}
static void assert_says(struct slice got, const char *wanted) {
    if (slice_eq(got, slice_cstr(wanted))) return;
    print_message("# got: %.*s\n", SLICE_ARG(got));
    fail();
}

static void a_film_holds_what_was_pushed(const char *name, const char *text_codec) {
    struct err e = make(name, 3, (struct codec_film_options){0});
    assert_int_equal(e.kind, ERR_NONE);
    assert_says(ask("ffprobe -v error -count_packets -select_streams v -show_entries stream=codec_name,codec_type,width,height,nb_read_packets "
                    "-of csv=p=0 %s/%s", name), "h264,video,160,90,75");
    assert_says(ask("ffprobe -v error -show_entries stream_tags=language -of csv=p=0 %s/%s | tail -n 3 | tr '\\n' ' '", name), "eng deu zho");
    assert_says(ask("ffprobe -v error -select_streams v -show_entries stream=color_space,color_range,color_primaries -of csv=p=0 %s/%s", name),
                "tv,bt709,bt709");
    assert_says(ask("ffprobe -v error -select_streams s -show_entries stream=codec_name -of csv=p=0 %s/%s", name), text_codec);
    /* key pictures every two seconds, exactly */
    assert_says(ask("ffprobe -v error -select_streams v -skip_frame nokey -show_entries frame=pts_time -of csv=p=0 %s/%s | tr '\\n' ' '", name),
                /* Matroska has no negative times: everything moves by the 1024 samples that AAC is ahead */
                strstr(name, "mkv") ? "0.021000,  2.021000" : "0.000000,  2.000000");
    /* the whole of the sound and not a sample more than its last frame */
    assert_says(ask("ffmpeg -v error -i %s/%s -map 0:a:0 -f s16le -ac 1 - | wc -c | awk '{ print ($1 >= 2*48000*3 && $1 < 2*(48000*3+2048)) ? \"all\" : $1 }'", name), "all");
    /* red on the left, blue on the right, after decoding */
    assert_says(ask("ffmpeg -v error -i %s/%s -map 0:v -frames:v 1 -vf crop=8:8:40:40,scale=1:1 -f rawvideo -pix_fmt rgb24 - | od -An -tu1 "
                    "| awk '{ print ($1 > 245 && $2 < 12 && $3 < 12) ? \"red\" : $0 }'", name), "red");
    assert_says(ask("ffmpeg -v error -i %s/%s -map 0:s:0 -f webvtt - | tail -n +3", name), strstr(name, "mkv") ? "00:00.421 --> 00:01.521\n你好\nworld" : "00:00.400 --> 00:01.500\n你好\nworld");
}

static void mp4_holds_what_was_pushed(void **state) { a_film_holds_what_was_pushed("film.mp4", "mov_text"); }
static void mkv_holds_what_was_pushed(void **state) { a_film_holds_what_was_pushed("film.mkv", "subrip"); }

static void the_same_input_gives_the_same_file(void **state) {
    assert_int_equal(make("one.mp4", 3, (struct codec_film_options){.threads = 2}).kind, ERR_NONE);
    assert_int_equal(make("two.mp4", 3, (struct codec_film_options){.threads = 2}).kind, ERR_NONE);
    assert_says(ask("cmp %1$s/one.mp4 %1$s/two.mp4 && echo same", ""), "same");
}

static void options_that_cannot_be_encoded_are_refused(void **state) {
    struct codec_film *film = NULL;
    const struct codec_film_options wrong[] = {
        {.width = 161, .height = 90, .rate_num = 25, .rate_den = 1}, {.width = 160, .height = 90, .rate_num = 0, .rate_den = 1},
        {.width = 160, .height = 90000, .rate_num = 25, .rate_den = 1}, {0},
        {.width = 160, .height = 90, .rate_num = 25, .rate_den = 1, .preset = "no such"},
        {.width = 160, .height = 90, .rate_num = 25, .rate_den = 1, .audio = &(struct codec_film_audio){.rate = 12345, .channels = 2}, .audio_count = 1},
        {.width = 160, .height = 90, .rate_num = 25, .rate_den = 1, .audio = &(struct codec_film_audio){.rate = 48000, .channels = 5}, .audio_count = 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct err e = codec_film_open(dir, "wrong.mp4", &wrong[i], &film);
        assert_int_equal(e.kind, ERR_INPUT);
        assert_string_equal(e.code, "film.options");
        assert_false(fs_exists(dir, "wrong.mp4"));
    }
}

static void each_write_may_fail_and_nothing_is_left_behind(void **state) {
    for (uint64_t n = 1;; n++) {
        fault_arm(FAULT_WRITE, n, true);
        struct err e = make("fault.mp4", 1, (struct codec_film_options){.preset = "ultrafast"});
        bool fired = fault_fired(FAULT_WRITE);
        fault_disarm_all();
        if (!fired) {
            assert_int_equal(e.kind, ERR_NONE);
            break;
        }
        assert_int_equal(e.kind, ERR_LIMIT); /* the fault says: no space left */
        assert_false(fs_exists(dir, "fault.mp4"));
    }
}

static void each_allocation_of_ours_may_fail(void **state) {
    for (uint64_t n = 1;; n++) {
        fault_arm(FAULT_ALLOC, n, false);
        struct err e = make("fault.mkv", 1, (struct codec_film_options){.preset = "ultrafast"});
        bool fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        if (!fired) break;
        assert_string_equal(e.code, "memory");
    }
}

static int set_up(void **state) {
    if (!mkdtemp(folder)) return -1;
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? -1 : 0;
}
static int tear_down(void **state) {
    fs_close(&dir);
    struct err e = fs_remove_tree(AT_FDCWD, folder);
    return e.kind ? -1 : 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mp4_holds_what_was_pushed),
        cmocka_unit_test(mkv_holds_what_was_pushed),
        cmocka_unit_test(the_same_input_gives_the_same_file),
        cmocka_unit_test(options_that_cannot_be_encoded_are_refused),
        cmocka_unit_test(each_write_may_fail_and_nothing_is_left_behind),
        cmocka_unit_test(each_allocation_of_ours_may_fail),
    };
    return cmocka_run_group_tests_name("film", tests, set_up, tear_down);
}
