/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Imports of real files, made here with the ffmpeg command; the test program is its own media child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "media/cmaf/cmaf.h"
#include "media/ingest/ingest.h"
#include "work_folder.h"

static char hostile[4096];
static struct ingest_report report;

/* ---- helpers ---- */

#define PICTURE "-f lavfi -i testsrc2=size=320x180:rate=25:duration=5"
#define SOUND "-f lavfi -i sine=frequency=440:duration=5:sample_rate=48000"

static int open_folder(const char *name) {
    char path[WORK_PATH_MAX];
    int fd = -1;
    struct err e = fs_make_dirs(AT_FDCWD, work_path(name, path), 0755);
    assert_int_equal(e.kind, ERR_NONE);
    e = fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &fd);
    assert_int_equal(e.kind, ERR_NONE);
    return fd;
}
static struct err import(const char *file, const char *folder, const struct ingest_options *options, const struct ingest_watcher *watcher) {
    int source = work_open(file), dir = open_folder(folder);
    struct err e = ingest_file(source, dir, options, watcher, &report);
    fs_close(&source);
    fs_close(&dir);
    return e;
}
static void must_import(const char *file, const char *folder) {
    struct err e = import(file, folder, NULL, NULL);
    if (e.kind) print_message("# %s: %s\n", file, e.code);
    assert_int_equal(e.kind, ERR_NONE);
}
static const struct ingest_track *track_of(const char *file) {
    for (size_t i = 0; i < report.track_count; i++)
        if (!strcmp(report.tracks[i].file, file)) return &report.tracks[i];
    print_message("# no track %s\n", file);
    fail();
    return NULL;
}

/* Under final names there is only what is whole: each index describes its track file. */
static void assert_folder_is_sound(const char *folder) {
    int dir = open_folder(folder);
    for (int i = 0; i < 8; i++) {
        char name[16], file[16];
        snprintf(name, sizeof name, "%c%d.idx", i % 2 ? 'a' : 'v', i / 2);
        snprintf(file, sizeof file, "%c%d.mp4", i % 2 ? 'a' : 'v', i / 2);
        if (!fs_exists(dir, name)) continue;
        struct arena *mem = arena_create(64 << 20);
        struct cmaf_index index;
        int fd = -1;
        assert_int_equal(cmaf_index_read(dir, name, mem, &index).kind, ERR_NONE);
        assert_int_equal(fs_open(dir, file, O_RDONLY, 0, &fd).kind, ERR_NONE);
        assert_int_equal(cmaf_index_verify(&index, fd).kind, ERR_NONE);
        fs_close(&fd);
        arena_destroy(&mem);
    }
    fs_close(&dir);
}

/* The presentation times of a track of ours, in seconds. */
static size_t times_of(const char *folder, const char *file, double *out, size_t max) {
    int dir = open_folder(folder), fd = -1;
    assert_int_equal(fs_open(dir, file, O_RDONLY, 0, &fd).kind, ERR_NONE);
    struct cmaf_source *source;
    struct cmaf_cursor *cursor;
    assert_int_equal(cmaf_source_open(fd, &source).kind, ERR_NONE);
    assert_int_equal(cmaf_cursor_open(source, 0, &cursor).kind, ERR_NONE);
    size_t count = 0;
    for (;;) {
        struct cmaf_sample sample;
        bool has_sample;
        assert_int_equal(cmaf_cursor_next(cursor, &sample, &has_sample).kind, ERR_NONE);
        if (!has_sample || count == max) break;
        out[count++] = (double)sample.pts / cmaf_source_track_at(source, 0)->track.timescale;
    }
    cmaf_cursor_close(&cursor);
    cmaf_source_close(&source);
    fs_close(&fd);
    fs_close(&dir);
    return count;
}
/* The same of a source's stream, as ffprobe tells. */
static size_t times_of_source(const char *file, const char *stream, double *out, size_t max) {
    char *text = ask("ffprobe -v error -select_streams %s -show_entries packet=pts_time -of csv=p=0 %s", stream, file);
    size_t count = 0;
    for (char *line = strtok(text, "\n,"); line && count < max; line = strtok(NULL, "\n,"))
        if (*line == '-' || (*line >= '0' && *line <= '9')) out[count++] = atof(line);
    test_free(text);
    return count;
}

enum { TIMES_MAX = 2000 };

/* Picture and sound stand to each other as in the source, within a millisecond, and every single time where its track's others are: that
 * as near as the source's own times are written, which Matroska rounds to milliseconds. */
static void assert_in_step(const char *file, const char *folder) {
    static double ours[TIMES_MAX], theirs[TIMES_MAX];
    double shift[2];
    const char *const pairs[][2] = {{"v:0", "v0.mp4"}, {"a:0", "a0.mp4"}};
    for (int k = 0; k < 2; k++) {
        size_t count = times_of(folder, pairs[k][1], ours, TIMES_MAX), wanted = times_of_source(file, pairs[k][0], theirs, TIMES_MAX);
        assert_true(count > 10);
        assert_int_equal(count, wanted);
        double sum = 0;
        for (size_t i = 0; i < count; i++) sum += theirs[i] - ours[i];
        shift[k] = sum / (double)count;
        for (size_t i = 0; i < count; i++) assert_true(fabs(theirs[i] - ours[i] - shift[k]) <= 0.001);
    }
    if (fabs(shift[0] - shift[1]) > 0.001) print_message("# %s: picture moved by %f, sound by %f\n", file, shift[0], shift[1]);
    assert_true(fabs(shift[0] - shift[1]) <= 0.001);
}

static void assert_same_pictures(const char *file, const char *folder) {
    char *theirs = ask("ffmpeg -v error -i %s -map 0:v:0 -fps_mode passthrough -f framemd5 - | grep -v '^#' | awk '{ print $NF }'", file);
    char *ours = ask("ffmpeg -v error -i %s/v0.mp4 -map 0:v:0 -fps_mode passthrough -f framemd5 - | grep -v '^#' | awk '{ print $NF }'", folder);
    assert_true(strlen(theirs) > 32 * 10);
    assert_string_equal(theirs, ours);
    test_free(theirs);
    test_free(ours);
}

/* ---- what passes ---- */

static void made(void) {
    static bool is_made;
    if (is_made) return;
    is_made = true;
    shell("printf '1\\n00:00:01,000 --> 00:00:02,500\\n<i>Hello</i> & you\\n\\n2\\n00:00:03,000 --> 00:00:04,000\\nSecond\\n' > s.srt");
    shell("ffmpeg -v error " PICTURE " " SOUND " -c:v libx264 -preset veryfast -g 50 -bf 2 -c:a aac b.mp4");
    shell("ffmpeg -v error " PICTURE " " SOUND " " SOUND " -i s.srt -map 0 -map 1 -map 2 -map 3 -metadata:s:a:0 language=eng -metadata:s:a:1 language=ger "
          "-metadata:s:a:1 title=Deutsch -metadata:s:s:0 language=chi -c:v libx264 -preset veryfast -g 50 -c:a aac -c:s srt two.mkv");
}

static void files_that_browsers_play_pass_untouched(void **state) {
    made();
    shell("ffmpeg -v error -i b.mp4 -c copy b.mov");
    shell("ffmpeg -v error -i b.mp4 -c copy b.ts");
    shell("ffmpeg -v error -i b.mp4 -c copy b.mkv");
    shell("ffmpeg -v error -i b.mp4 -c copy -movflags +frag_keyframe+empty_moov frag.mp4");
    shell("ffmpeg -v error " PICTURE " " SOUND " -c:v libx264 -preset veryfast -g 50 -x264-params open-gop=1 -c:a libmp3lame open.mkv");
    shell("ffmpeg -v error " PICTURE " " SOUND " -c:v libx265 -preset ultrafast -x265-params log-level=0 -c:a aac hevc.ts");
    shell("ffmpeg -v error " PICTURE " " SOUND " -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus vp9.webm");
    shell("ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=5,select='not(mod(n\\,7)*not(mod(n\\,5)))' " SOUND
          " -fps_mode vfr -c:v libx264 -preset veryfast -g 50 -c:a aac vfr.mp4");
    shell("ffmpeg -v error " PICTURE " -f lavfi -i sine=duration=5:sample_rate=48000 -af 'pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0' -c:v libx264 "
          "-preset veryfast -c:a aac surround.mp4");
    static const char *const FILES[] = {"b.mp4", "b.mov", "b.ts", "b.mkv", "frag.mp4", "open.mkv", "hevc.ts", "vp9.webm", "vfr.mp4", "surround.mp4"};
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        char folder[64];
        snprintf(folder, sizeof folder, "pass-%zu", i);
        must_import(FILES[i], folder);
        if (track_of("v0.mp4")->fate != INGEST_PASSED) print_message("# %s: %s\n", FILES[i], track_of("v0.mp4")->why);
        assert_int_equal(track_of("v0.mp4")->fate, INGEST_PASSED);
        assert_int_equal(track_of("a0.mp4")->fate, INGEST_PASSED);
        if (llabs(report.duration_ms - 5000) >= 150) print_message("# %s: %lld ms\n", FILES[i], (long long)report.duration_ms);
        assert_true(llabs(report.duration_ms - 5000) < 150);
        assert_true(report.has_poster && report.has_thumbs);
        assert_folder_is_sound(folder);
        assert_same_pictures(FILES[i], folder);
        assert_in_step(FILES[i], folder);
    }
}

static void all_sound_and_text_comes_along(void **state) {
    made();
    must_import("two.mkv", "two");
    assert_string_equal(track_of("a0.mp4")->language, "en");
    assert_true(track_of("a0.mp4")->is_default && !track_of("a1.mp4")->is_default);
    assert_string_equal(track_of("a1.mp4")->language, "de");
    assert_string_equal(track_of("a1.mp4")->label, "Deutsch");
    assert_string_equal(track_of("t0.vtt")->language, "zh");
    /* Matroska has no times below 0: its writer moved everything by AAC's 1024 samples, text included */
    char *text = ask("cat two/t0.vtt");
    assert_string_equal(text, "WEBVTT\n\n00:00:01.021 --> 00:00:02.521\n<i>Hello</i> &amp; you\n\n00:00:03.021 --> 00:00:04.021\nSecond\n");
    test_free(text);
    int dir = open_folder("two");
    static struct cmaf_extras extras;
    assert_int_equal(cmaf_extras_read(dir, &extras).kind, ERR_NONE);
    assert_int_equal(extras.text_count, 1);
    assert_string_equal(extras.texts[0].language, "zh");
    assert_int_equal(extras.thumbnails.count, 3);
    fs_close(&dir);
    assert_in_step("two.mkv", "two");
}

static void a_turned_picture_stays_turned_and_anamorphic_pixels_stay_wide(void **state) {
    made();
    shell("ffmpeg -v error -i b.mp4 -c copy -metadata:s:v rotate=90 turned.mp4");
    must_import("turned.mp4", "turned");
    assert_int_equal(track_of("v0.mp4")->width, 180);
    assert_int_equal(track_of("v0.mp4")->height, 320);
    char *size = ask("ffprobe -v error -show_entries stream=width,height -of csv=p=0 turned/poster.jpg");
    assert_string_equal(size, "180,320\n");
    test_free(size);
    shell("ffmpeg -v error " PICTURE " -vf setsar=2/1 -c:v libx264 -preset veryfast wide.mp4");
    must_import("wide.mp4", "wide");
    assert_int_equal(track_of("v0.mp4")->width, 640);
    shell("ffmpeg -v error " PICTURE " -vf setsar=2/1 -c:v mpeg4 wide.avi");
    must_import("wide.avi", "wide-avi");
    assert_int_equal(track_of("v0.mp4")->fate, INGEST_TRANSCODED);
    assert_int_equal(track_of("v0.mp4")->width, 640);
}

static void hdr_metadata_stays(void **state) {
    shell("ffmpeg -v error " PICTURE " -pix_fmt yuv420p10le -c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params "
          "'log-level=0:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400' hdr.mkv");
    must_import("hdr.mkv", "hdr");
    int dir = open_folder("hdr");
    struct arena *mem = arena_create(16 << 20);
    struct cmaf_index index;
    assert_int_equal(cmaf_index_read(dir, "v0.idx", mem, &index).kind, ERR_NONE);
    assert_int_equal(index.track.colour.transfer, 16);
    assert_int_equal(index.track.colour.primaries, 9);
    assert_true(index.track.hdr.has_mastering && index.track.hdr.has_light);
    assert_int_equal(index.track.hdr.primary_x[0], 13250);
    assert_int_equal(index.track.hdr.luminance_max, 10000000);
    assert_int_equal(index.track.hdr.light_max, 1000);
    arena_destroy(&mem);
    fs_close(&dir);
}

/* ---- what does not ---- */

static void the_rest_is_encoded_anew(void **state) {
    shell("ffmpeg -v error " PICTURE " " SOUND " -c:v mpeg2video -g 12 -c:a ac3 old.mpg");
    must_import("old.mpg", "old");
    assert_int_equal(track_of("v0.mp4")->fate, INGEST_TRANSCODED);
    assert_string_equal(track_of("v0.mp4")->why, "ingest.codec");
    assert_int_equal(track_of("a0.mp4")->fate, INGEST_TRANSCODED);
    char *codecs = ask("ffprobe -v error -show_entries stream=codec_name -of csv=p=0 old/v0.mp4 && ffprobe -v error -show_entries stream=codec_name -of csv=p=0 old/a0.mp4");
    assert_string_equal(codecs, "h264\naac\n");
    test_free(codecs);
    char *count = ask("ffprobe -v error -count_frames -show_entries stream=nb_read_frames -of csv=p=0 old/v0.mp4");
    assert_true(abs(atoi(count) - 125) <= 1);
    test_free(count);
    static double ours[TIMES_MAX];
    size_t frames = times_of("old", "v0.mp4", ours, TIMES_MAX);
    assert_true(frames >= 124);
    double first_picture = ours[0];
    times_of("old", "a0.mp4", ours, TIMES_MAX);
    /* both begin at 0 in the source but for the sound's own frame grid; AAC starts 1024 samples before what is heard */
    assert_true(fabs(first_picture) < 0.05 && fabs(ours[0] + 1024.0 / 48000) < 0.05);
    shell("ffmpeg -v error " PICTURE " -pix_fmt yuv444p -c:v libx264 -preset veryfast high.mp4");
    must_import("high.mp4", "high");
    assert_string_equal(track_of("v0.mp4")->why, "ingest.profile");
}

static void sound_alone_and_pictures_alone_are_fine(void **state) {
    shell("ffmpeg -v error " SOUND " -c:a aac only.m4a");
    must_import("only.m4a", "only");
    assert_false(report.has_poster);
    assert_int_equal(report.track_count, 1);
    shell("ffmpeg -v error " PICTURE " -c:v libx264 -preset veryfast silent.mp4");
    must_import("silent.mp4", "silent");
    assert_int_equal(report.track_count, 1);
    shell("ffmpeg -v error " PICTURE " -frames:v 1 -c:v libx264 one.mp4");
    must_import("one.mp4", "one");
}

static void a_size_that_changes_on_the_way_is_encoded_anew(void **state) {
    made();
    shell("ffmpeg -v error -i b.mp4 -t 2 -c copy one.ts");
    shell("ffmpeg -v error -f lavfi -i testsrc2=size=640x360:rate=25:duration=2 " SOUND " -t 2 -output_ts_offset 2 -c:v libx264 -preset veryfast -c:a aac two.ts");
    shell("cat one.ts two.ts > both.ts");
    must_import("both.ts", "both");
    assert_string_equal(track_of("v0.mp4")->why, "media.changes");
    assert_int_equal(track_of("v0.mp4")->fate, INGEST_TRANSCODED);
    assert_int_equal(track_of("v0.mp4")->width, 320);
    assert_folder_is_sound("both");
}

static void bad_files_are_refused_with_a_reason(void **state) {
    made();
    shell("head -c 40000 b.mp4 > cut.mp4; ffmpeg -v error -i b.mp4 -c copy -movflags +faststart front.mp4; head -c 60000 front.mp4 > cut-front.mp4");
    shell(": > empty.mp4; head -c 100000 /dev/zero > zeros.mp4; cp s.srt words.mp4; seq 1 20000 > text.mkv; cp /bin/true program.mp4");
    shell("ffmpeg -v error " PICTURE " " SOUND " -c:v libx264 -preset veryfast -c:a aac -encryption_scheme cenc-aes-ctr "
          "-encryption_key 76a6c65c5ea762046bd749a2e632ccbb -encryption_kid a7e61c373e219033c21091fa607bf3b8 locked.mp4");
    shell("ffmpeg -v error -f lavfi -i color=black:size=9000x9000 -pix_fmt gray -frames:v 1 -c:v png bomb.mkv");
    static const char *const FILES[][2] = {
        {"cut.mp4", "media.truncated"}, {"cut-front.mp4", "media.truncated"}, {"empty.mp4", "media.empty"},   {"zeros.mp4", "media.unknown"},
        {"words.mp4", "media.no_tracks"}, {"text.mkv", "media.unknown"},      {"program.mp4", "media.unknown"}, {"locked.mp4", "media.encrypted"},
        {"bomb.mkv", "media.too_large"}};
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        char folder[64];
        snprintf(folder, sizeof folder, "bad-%zu", i);
        struct err e = import(FILES[i][0], folder, NULL, NULL);
        if (!e.kind || strcmp(e.code, FILES[i][1])) print_message("# %s: %s\n", FILES[i][0], e.kind ? e.code : "imported");
        assert_int_equal(e.kind, ERR_INPUT);
        assert_string_equal(e.code, FILES[i][1]);
        assert_true(strlen(e.what) > 20);
        assert_folder_is_sound(folder);
    }
}

static void a_hundred_hours_need_no_more_memory(void **state) {
    shell("ffmpeg -v error -f lavfi -i color=blue:size=64x36:rate=1/10:duration=360000 -c:v libx264 -preset ultrafast -g 6 long.mp4");
    struct ingest_options options = {.memory_bytes_max = INT64_C(1) << 30};
    assert_int_equal(import("long.mp4", "long", &options, NULL).kind, ERR_NONE);
    assert_true(report.duration_ms >= INT64_C(359990) * 1000);
    assert_true(report.has_thumbs);
}

/* ---- children that misbehave ---- */

static void a_child_that_breaks_the_rules_is_ended(void **state) {
    made();
    static const char *const WAYS[][2] = {{"garbage", "media.hostile"}, {"oversized", "media.hostile"},    {"crash", "media.crashed"}, {"exits", "media.child"},
                                          {"killed", "media.child"},    {"silent", "media.time"},     {"program", "media.hostile"}, {"network", "media.hostile"},
                                          {"liar", "media.hostile"},    {"junk", "media.hostile"}};
    for (size_t i = 0; i < ARRAY_LEN(WAYS); i++) {
        char program[512], folder[64];
        shell("mkdir -p ways && ln -sf '%s' ways/%s", hostile, WAYS[i][0]);
        snprintf(program, sizeof program, "%s/ways/%s", work, WAYS[i][0]);
        snprintf(folder, sizeof folder, "way-%zu", i);
        struct ingest_options options = {.program = program, .stall_ms_max = 300};
        struct err e = import("b.mp4", folder, &options, NULL);
        if (!e.kind || strcmp(e.code, WAYS[i][1])) print_message("# %s: %s\n", WAYS[i][0], e.kind ? e.code : "imported");
        assert_string_equal(e.code, WAYS[i][1]);
        int dir = open_folder(folder);
        assert_false(fs_exists(dir, "v0.idx") || fs_exists(dir, "v0.mp4"));
        fs_close(&dir);
    }
    struct ingest_options options = {.program = "/nowhere/at/all"};
    assert_string_equal(import("b.mp4", "nowhere", &options, NULL).code, "media.start");
}

/* ---- stopping at any moment ---- */

struct stopper {
    int left;
    bool is_deadly;
};
static void count_down(struct stopper *s) {
    if (s->left > 0 && --s->left == 0 && s->is_deadly) raise(SIGKILL);
}
static void on_progress(void *user, enum ingest_step step, double done) { count_down(user); }
static void on_published(void *user, struct slice name) { count_down(user); }
static bool on_ask(void *user) {
    struct stopper *s = user;
    if (s->is_deadly) return false;
    count_down(s);
    return s->left == 0;
}

/* Fails at the n-th step, then goes on without a fault: what was finished is kept, what comes out is whole. */
static void cancelled_anywhere_it_goes_on_later(void **state) {
    shell("ffmpeg -v error " PICTURE " " SOUND " -t 2 -c:v mpeg2video -c:a aac short.ts");
    bool is_over = false;
    int stops = 0;
    for (int n = 1; !is_over; n += n < 12 ? 1 : n / 3) {
        shell("rm -rf stop");
        struct stopper stopper = {.left = n};
        struct ingest_watcher watcher = {.user = &stopper, .is_cancelled = on_ask};
        struct err e = import("short.ts", "stop", NULL, &watcher);
        is_over = !e.kind;
        if (!is_over) {
            assert_string_equal(e.code, "media.cancelled");
            assert_folder_is_sound("stop");
            stops++;
            must_import("short.ts", "stop");
        }
        assert_folder_is_sound("stop");
        assert_int_equal(report.track_count, 2);
    }
    assert_true(stops > 3);
}

static void killed_at_any_step_it_goes_on_later(void **state) {
    made();
    bool is_over = false;
    int kills = 0;
    for (int n = 1; !is_over; n++) {
        shell("rm -rf kill");
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct stopper stopper = {.left = n, .is_deadly = true};
            struct ingest_watcher watcher = {.user = &stopper, .progress = on_progress, .published = on_published, .is_cancelled = on_ask};
            struct err e = import("two.mkv", "kill", NULL, &watcher);
            _exit(e.kind ? 1 : 0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        is_over = WIFEXITED(status);
        if (is_over) assert_int_equal(WEXITSTATUS(status), 0);
        else kills++;
        assert_folder_is_sound("kill");
        must_import("two.mkv", "kill");
        assert_folder_is_sound("kill");
        assert_int_equal(report.track_count, 4);
    }
    assert_true(kills > 5);
}

static void what_is_finished_is_not_done_again(void **state) {
    made();
    must_import("two.mkv", "again");
    assert_false(report.did_resume);
    char *before = ask("stat -c '%%n %%i %%Y' again/*.mp4 again/*.vtt again/*.jpg");
    must_import("two.mkv", "again");
    assert_true(report.did_resume);
    char *after = ask("stat -c '%%n %%i %%Y' again/*.mp4 again/*.vtt again/*.jpg");
    assert_string_equal(before, after);
    test_free(before);
    test_free(after);
    must_import("b.mp4", "again"); /* another file: all of the old one goes */
    assert_false(report.did_resume);
    int dir = open_folder("again");
    assert_false(fs_exists(dir, "a1.mp4") || fs_exists(dir, "t0.vtt"));
    fs_close(&dir);
}

static void the_disk_may_be_full(void **state) {
    made();
    struct ingest_options options = {.output_bytes_max = 20000};
    struct err e = import("b.mp4", "full", &options, NULL);
    assert_string_equal(e.code, "media.output_large");
    assert_folder_is_sound("full");
    must_import("b.mp4", "full");
}

#ifdef GRANDSTAND_TEST_DOORS
/* In the child: allocations of ours, writes and reads, each in turn; it must report, and a later call must get through. */
static void each_operation_in_the_child_may_fail(void **state) {
    shell("ffmpeg -v error -i two.mkv -t 1 -map 0 -c copy tiny.mkv");
    shell("ffmpeg -v error -i b.mp4 -t 1 -c copy tiny.mp4");
    static const char *const POINTS[] = {"alloc", "write", "read", "sync"}, *const FILES[] = {"tiny.mkv", "tiny.mp4"};
    for (size_t f = 0; f < ARRAY_LEN(FILES); f++)
        for (size_t p = 0; p < ARRAY_LEN(POINTS); p++) {
            int failures = 0, successes = 0;
            for (int n = 1; successes < 1; n += n < 24 ? 1 : n / 4) {
                char fault[32];
                snprintf(fault, sizeof fault, "%s:%d", POINTS[p], n);
                setenv("GRANDSTAND_TEST_FAULT", fault, 1);
                shell("rm -rf faulty");
                struct err e = import(FILES[f], "faulty", NULL, NULL);
                unsetenv("GRANDSTAND_TEST_FAULT");
                assert_folder_is_sound("faulty");
                if (!e.kind) {
                    successes += n > 3;
                    continue;
                }
                assert_true(e.kind == ERR_LIMIT || e.kind == ERR_IO || e.kind == ERR_INPUT);
                if (e.kind == ERR_INPUT && strcmp(e.code, "media.truncated") && strcmp(e.code, "media.unknown")) print_message("# %s: %s\n", fault, e.code);
                failures++;
            }
            assert_true(failures > 0);
            must_import(FILES[f], "faulty");
        }
}
#endif

/* And in the parent. */
static void each_operation_in_the_parent_may_fail(void **state) {
    made();
    struct ingest_options options = {.skip_pictures = true};
    for (enum fault_point point = FAULT_ALLOC; point <= FAULT_SYNC; point++)
        for (uint64_t n = 1;; n += n < 16 ? 1 : n / 4) {
            shell("rm -rf parent");
            int source = work_open("b.mp4"), dir = open_folder("parent");
            fault_arm(point, n, false);
            struct err e = ingest_file(source, dir, &options, NULL, &report);
            bool fired = fault_fired(point);
            fault_disarm_all();
            if (fired) assert_int_not_equal(e.kind, ERR_NONE);
            assert_folder_is_sound("parent");
            if (fired) assert_int_equal(ingest_file(source, dir, &options, NULL, &report).kind, ERR_NONE);
            fs_close(&source);
            fs_close(&dir);
            if (!fired) break;
        }
}

/* ---- the ladder ---- */

static void a_ladder_is_cut_where_the_original_is(void **state) {
    shell("ffmpeg -v error -f lavfi -i testsrc2=size=640x540:rate=25:duration=7 -c:v libx264 -preset veryfast -g 60 -keyint_min 30 tall.mp4");
    must_import("tall.mp4", "tall");
    int dir = open_folder("tall");
    size_t added = 0;
    assert_int_equal(ingest_ladder(dir, NULL, NULL, &added).kind, ERR_NONE);
    assert_int_equal(added, 2); /* 480 and 240 */
    struct arena *mem = arena_create(16 << 20);
    struct cmaf_index index[3];
    for (int i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "v%d.idx", i);
        assert_int_equal(cmaf_index_read(dir, name, mem, &index[i]).kind, ERR_NONE);
        assert_int_equal(index[i].segment_count, index[0].segment_count);
        for (size_t s = 0; s < index[0].segment_count; s++)
            assert_true(fabs((double)index[i].segments[s].start / index[i].track.timescale - (double)index[0].segments[s].start / index[0].track.timescale) < 0.001);
    }
    assert_true(index[0].segment_count >= 3);
    assert_int_equal(index[1].track.height, 480);
    assert_int_equal(index[2].track.height, 240);
    arena_destroy(&mem);
    assert_int_equal(ingest_ladder(dir, NULL, NULL, &added).kind, ERR_NONE); /* all there */
    assert_int_equal(added, 2);
    fs_close(&dir);
    dir = open_folder("nothing");
    assert_string_equal(ingest_ladder(dir, NULL, NULL, &added).code, "file.open");
    fs_close(&dir);
}

static void interlaced_pictures_lose_their_combs(void **state) {
    /* fields half a picture apart: fast movement shows as combs unless somebody puts them right */
    shell("ffmpeg -v error -f lavfi -i testsrc2=size=320x240:rate=50:duration=2 -vf interlace=scan=tff -c:v mpeg2video -flags +ilme+ildct -b:v 6M -top 1 fields.mpg");
    must_import("fields.mpg", "fields");
    assert_int_equal(track_of("v0.mp4")->fate, INGEST_TRANSCODED);
    char *verdict = ask("ffmpeg -v info -i %s -vf idet -f null - 2>&1 | sed -n 's/.*Multi frame detection: *TFF: *\\([0-9]*\\).*Progressive: *\\([0-9]*\\).*/\\1 \\2/p'", "fields.mpg");
    int fields = 0, whole = 0;
    assert_int_equal(sscanf(verdict, "%d %d", &fields, &whole), 2);
    assert_true(fields > 40); /* the source has them */
    test_free(verdict);
    verdict = ask("ffmpeg -v info -i %s -vf idet -f null - 2>&1 | sed -n 's/.*Multi frame detection: *TFF: *\\([0-9]*\\).*Progressive: *\\([0-9]*\\).*/\\1 \\2/p'", "fields/v0.mp4");
    assert_int_equal(sscanf(verdict, "%d %d", &fields, &whole), 2);
    assert_true(fields <= 5 && whole >= 45); /* the very first have no past to be filled up from */
    test_free(verdict);
    assert_int_equal(report.duration_ms, 2000);
}

/* The first picture's mean luma and what the file says of its colours. */
static double luma_of(const char *file, const char *transfer) {
    char *said = ask("ffprobe -v error -show_entries stream=color_transfer -of csv=p=0 %s", file);
    assert_memory_equal(said, transfer, strlen(transfer));
    test_free(said);
    char *pixels = ask("ffmpeg -v error -i %s -frames:v 1 -pix_fmt gray -vf scale=out_range=full,scale=1:1:flags=area -f rawvideo - | od -An -tu1", file);
    double luma = atof(pixels);
    test_free(pixels);
    return luma;
}

static void smaller_renditions_of_hdr_are_for_ordinary_screens(void **state) {
    /* A grey wall at 203 cd/m2, what BT.2408 calls white, in PQ: code 572 of 1023. Shown without tone mapping it is a dull 148 of 255. */
    shell("ffmpeg -v error -f lavfi -i color=size=352x288:rate=25:duration=1 -vf format=yuv420p10le,lutyuv=y=572:u=512:v=512 -c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params "
          "'log-level=0:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc' wall.mp4");
    must_import("wall.mp4", "wall");
    assert_int_equal(track_of("v0.mp4")->fate, INGEST_PASSED);
    int dir = open_folder("wall");
    size_t added = 0;
    assert_int_equal(ingest_ladder(dir, NULL, NULL, &added).kind, ERR_NONE);
    assert_int_equal(added, 1);
    fs_close(&dir);
    assert_true(luma_of("wall/v1.mp4", "bt709") > 170);
}

static void a_ladder_is_made_of_every_codec_that_passes(void **state) {
    static const char *const SOURCES[][2] = {{"libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=0", "h5.mp4"},
                                             {"libaom-av1 -cpu-used 8 -usage realtime -b:v 200k", "a1.mp4"},
                                             {"libvpx-vp9 -deadline realtime -cpu-used 8", "v9.webm"}};
    for (size_t i = 0; i < ARRAY_LEN(SOURCES); i++) {
        shell("ffmpeg -v error -f lavfi -i testsrc2=size=352x288:rate=25:duration=1 -g 25 -c:v %s %s", SOURCES[i][0], SOURCES[i][1]);
        char folder[16];
        snprintf(folder, sizeof folder, "ladder%zu", i);
        must_import(SOURCES[i][1], folder);
        assert_int_equal(track_of("v0.mp4")->fate, INGEST_PASSED);
        int dir = open_folder(folder);
        size_t added = 0;
        assert_int_equal(ingest_ladder(dir, NULL, NULL, &added).kind, ERR_NONE);
        assert_int_equal(added, 1);
        fs_close(&dir);
        char *count = ask("ffprobe -v error -count_frames -show_entries stream=codec_name,nb_read_frames -of csv=p=0 %s/v1.mp4", folder);
        assert_string_equal(count, "h264,25\n");
        test_free(count);
    }
}

static void shared_files_import(void **state) {
    const char *data = getenv("GRANDSTAND_SHARED_DATA");
    char file[512];
    static const char *const NAMES[] = {"bbb_prog_10s.mp4", "car-detection.mp4"};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        snprintf(file, sizeof file, "%s/media/%s", data ? data : "../shared/data", NAMES[i]);
        if (!fs_exists(AT_FDCWD, file)) {
            print_message("# not there: %s\n", file);
            skip();
        }
        shell("cp '%s' shared.mp4 && rm -rf shared", file);
        must_import("shared.mp4", "shared");
        assert_same_pictures("shared.mp4", "shared");
        assert_in_step("shared.mp4", "shared");
    }
}

int main(int argc, char **argv) {
    const struct child_kind *const kinds[] = {&ingest_child};
    child_main(argc, argv, kinds, 1);
    if (argc < 2 || !realpath(argv[1], hostile)) return 2;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_browsers_play_pass_untouched),
        cmocka_unit_test(all_sound_and_text_comes_along),
        cmocka_unit_test(a_turned_picture_stays_turned_and_anamorphic_pixels_stay_wide),
        cmocka_unit_test(hdr_metadata_stays),
        cmocka_unit_test(the_rest_is_encoded_anew),
        cmocka_unit_test(sound_alone_and_pictures_alone_are_fine),
        cmocka_unit_test(a_size_that_changes_on_the_way_is_encoded_anew),
        cmocka_unit_test(bad_files_are_refused_with_a_reason),
        cmocka_unit_test(a_hundred_hours_need_no_more_memory),
        cmocka_unit_test(a_child_that_breaks_the_rules_is_ended),
        cmocka_unit_test(cancelled_anywhere_it_goes_on_later),
        cmocka_unit_test(killed_at_any_step_it_goes_on_later),
        cmocka_unit_test(what_is_finished_is_not_done_again),
        cmocka_unit_test(the_disk_may_be_full),
#ifdef GRANDSTAND_TEST_DOORS
        cmocka_unit_test(each_operation_in_the_child_may_fail),
#endif
        cmocka_unit_test(each_operation_in_the_parent_may_fail),
        cmocka_unit_test(a_ladder_is_cut_where_the_original_is),
        cmocka_unit_test(interlaced_pictures_lose_their_combs),
        cmocka_unit_test(smaller_renditions_of_hdr_are_for_ordinary_screens),
        cmocka_unit_test(a_ladder_is_made_of_every_codec_that_passes),
        cmocka_unit_test(shared_files_import),
    };
    if (argc > 2) cmocka_set_test_filter(argv[2]);
    return cmocka_run_group_tests_name("ingest", tests, work_make, work_remove);
}
