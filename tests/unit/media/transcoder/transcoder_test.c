/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Films made by the ffmpeg command go through the transcoder as a live channel would send them; this program is its own child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/thread.h"
#include "media/transcoder/transcoder.h"
#include "work_folder.h"

enum { TRACKED_MAX = 4000 };

/* What came back. */
struct heard {
    struct lock lock;
    struct condition rung;
    struct cmaf_track tracks[TRANSCODER_RENDITIONS_MAX + 1];
    int begun[TRANSCODER_RENDITIONS_MAX + 1];
    int64_t pts[TRANSCODER_RENDITIONS_MAX + 1][TRACKED_MAX];
    bool is_sync[TRANSCODER_RENDITIONS_MAX + 1][TRACKED_MAX];
    size_t count[TRANSCODER_RENDITIONS_MAX + 1];
    size_t stills, previews, levels, alarms_on[TRANSCODER_ALARMS], alarms_off[TRANSCODER_ALARMS], downs;
    uint16_t still_height, preview_height;
    double level;
    enum transcoder_state state;
};
enum { SOUND = TRANSCODER_RENDITIONS_MAX };

static void on_track(struct heard *h, size_t i, const struct cmaf_track *t) {
    lock_take(&h->lock);
    h->tracks[i] = *t;
    h->begun[i]++;
    condition_wake_all(&h->rung);
    lock_give(&h->lock);
}
static void on_sample(struct heard *h, size_t i, const struct cmaf_sample *s) {
    lock_take(&h->lock);
    if (h->count[i] < TRACKED_MAX) {
        h->pts[i][h->count[i]] = s->pts;
        h->is_sync[i][h->count[i]++] = s->is_sync;
    }
    condition_wake_all(&h->rung);
    lock_give(&h->lock);
}
static void rendition(void *u, size_t i, const struct cmaf_track *t) { on_track(u, i, t); }
static void rendition_sample(void *u, size_t i, const struct cmaf_sample *s) { on_sample(u, i, s); }
static void sound(void *u, const struct cmaf_track *t) { on_track(u, SOUND, t); }
static void sound_sample(void *u, const struct cmaf_sample *s) { on_sample(u, SOUND, s); }
static void level(void *u, double rms, double peak) {
    struct heard *h = u;
    lock_take(&h->lock);
    h->levels++;
    h->level = rms;
    condition_wake_all(&h->rung);
    lock_give(&h->lock);
}
static void alarm_told(void *u, enum transcoder_alarm alarm, bool is_on) {
    struct heard *h = u;
    lock_take(&h->lock);
    (is_on ? h->alarms_on : h->alarms_off)[alarm]++;
    condition_wake_all(&h->rung);
    lock_give(&h->lock);
}
static void still(void *u, const struct transcoder_still *s) {
    struct heard *h = u;
    lock_take(&h->lock);
    *(s->is_preview ? &h->previews : &h->stills) += 1;
    *(s->is_preview ? &h->preview_height : &h->still_height) = s->height;
    condition_wake_all(&h->rung);
    lock_give(&h->lock);
}
static void state_told(void *u, enum transcoder_state state) {
    struct heard *h = u;
    lock_take(&h->lock);
    h->state = state;
    h->downs += state == TRANSCODER_DOWN;
    condition_wake_all(&h->rung);
    lock_give(&h->lock);
}

struct film {
    int fd;
    struct cmaf_source *source;
    const struct cmaf_track *picture, *sound;
    size_t picture_at, sound_at;
};
static struct film film_open(const char *name) {
    struct film f = {0};
    f.fd = work_open(name);
    assert_int_equal(cmaf_source_open(f.fd, &f.source).kind, ERR_NONE);
    for (size_t i = 0; i < cmaf_source_track_count(f.source); i++) {
        const struct cmaf_track *t = &cmaf_source_track_at(f.source, i)->track;
        if (t->kind == CMAF_VIDEO) f.picture = t, f.picture_at = i;
        if (t->kind == CMAF_AUDIO) f.sound = t, f.sound_at = i;
    }
    return f;
}
static void film_close(struct film *f) {
    cmaf_source_close(&f->source);
    fs_close(&f->fd);
}

struct fed {
    size_t pictures, keys;
    int64_t pts[TRACKED_MAX], key_pts[TRACKED_MAX];
};
/* Everything at once, picture by picture with the sound beside; `wait` lets the transcoder keep up. */
static void feed(struct transcoder *t, struct heard *h, struct film *f, struct fed *fed, int64_t shift_s, bool waits) {
    struct cmaf_cursor *cursors[2] = {NULL, NULL};
    if (f->picture) assert_int_equal(cmaf_cursor_open(f->source, f->picture_at, &cursors[0]).kind, ERR_NONE);
    if (f->sound) assert_int_equal(cmaf_cursor_open(f->source, f->sound_at, &cursors[1]).kind, ERR_NONE);
    const struct cmaf_track *tracks[2] = {f->picture, f->sound};
    struct cmaf_sample next[2];
    bool has[2] = {false, false};
    static char bytes[4 << 20];
    for (int i = 0; i < 2; i++)
        if (cursors[i]) assert_int_equal(cmaf_cursor_next(cursors[i], &next[i], &has[i]).kind, ERR_NONE);
    while (has[0] || has[1]) {
        int i = !has[0] || (has[1] && (double)next[1].dts / tracks[1]->timescale < (double)next[0].dts / tracks[0]->timescale);
        struct cmaf_sample s = next[i];
        assert_true(s.bytes <= sizeof bytes);
        assert_int_equal(fs_pread_all(f->fd, bytes, s.bytes, (int64_t)s.source_offset).kind, ERR_NONE);
        s.data = bytes;
        s.dts += shift_s * tracks[i]->timescale;
        s.pts += shift_s * tracks[i]->timescale;
        if (!i && fed) {
            fed->pts[fed->pictures++] = s.pts;
            if (s.is_sync) fed->key_pts[fed->keys++] = s.pts;
        }
        transcoder_sample(t, i ? TRANSCODER_SOUND : TRANSCODER_PICTURE, &s);
        if (waits && !i && fed && fed->pictures > 20) { /* no more than 20 pictures ahead of what came back */
            lock_take(&h->lock);
            while (h->count[0] + 20 < fed->pictures) condition_wait(&h->rung, &h->lock);
            lock_give(&h->lock);
        }
        assert_int_equal(cmaf_cursor_next(cursors[i], &next[i], &has[i]).kind, ERR_NONE);
    }
    for (int i = 0; i < 2; i++)
        if (cursors[i]) cmaf_cursor_close(&cursors[i]);
}

static struct heard *heard_create(void) {
    struct heard *h = test_calloc(1, sizeof *h);
    lock_init(&h->lock, LOCK_test_outer);
    condition_init(&h->rung);
    return h;
}
static void heard_destroy(struct heard *h) {
    condition_destroy(&h->rung);
    lock_destroy(&h->lock);
    test_free(h);
}
static struct transcoder *start(struct heard *h, struct transcoder_options o) {
    struct transcoder *t;
    o.user = h;
    o.rendition = rendition;
    o.rendition_sample = rendition_sample;
    o.sound = sound;
    o.sound_sample = sound_sample;
    o.level = level;
    o.alarm = alarm_told;
    o.still = still;
    o.state = state_told;
    assert_int_equal(transcoder_create(&o, &t).kind, ERR_NONE);
    return t;
}
#define WAIT_UNTIL(h, condition)                                              \
    do {                                                                      \
        lock_take(&(h)->lock);                                                \
        while (!(condition)) condition_wait(&(h)->rung, &(h)->lock);          \
        lock_give(&(h)->lock);                                                \
    } while (0)

static int by_time(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void renditions_keep_times_and_key_pictures(void **state) {
    shell("ffmpeg -v error -y -f lavfi -i testsrc2=size=640x480:rate=30000/1001:duration=4 -f lavfi -i sine=frequency=440:duration=4:sample_rate=48000 -c:v libx264 -preset veryfast -g 40 -bf 2 "
          "-force_key_frames 1.3 -video_track_timescale 30000 -c:a aac b.mp4");
    struct heard *h = heard_create();
    struct film f = film_open("b.mp4");
    struct transcoder *t = start(h, (struct transcoder_options){.heights = {360, 240, 720}, .still_interval_ms = 1000, .preview_interval_ms = 2000, .preview_height = 360});
    assert_int_equal(transcoder_tracks(t, f.picture, f.sound).kind, ERR_NONE);
    static struct fed fed;
    memset(&fed, 0, sizeof fed);
    feed(t, h, &f, &fed, 0, true);
    /* The last picture waits for the next one to know how long it lasts; the decoder holds what its reordering needs. */
    WAIT_UNTIL(h, h->count[0] + 4 >= fed.pictures && h->count[1] + 4 >= fed.pictures && h->levels >= 3 && h->stills >= 3 && h->previews >= 2);
    transcoder_destroy(&t); /* from here on nobody writes into h */
    qsort(fed.pts, fed.pictures, sizeof *fed.pts, by_time);
    for (size_t r = 0; r < 2; r++) {
        assert_int_equal(h->begun[r], 1);
        assert_int_equal(h->tracks[r].height, r ? 240 : 360);
        assert_int_equal(h->tracks[r].timescale, f.picture->timescale);
        for (size_t i = 0; i < h->count[r]; i++) {
            assert_int_equal(h->pts[r][i], fed.pts[i]); /* without pictures that wait for others, decode order is shown order */
            bool is_key = false;
            for (size_t k = 0; k < fed.keys; k++) is_key |= fed.key_pts[k] == h->pts[r][i];
            assert_int_equal(h->is_sync[r][i], is_key);
        }
    }
    assert_int_equal(h->begun[2], 0); /* 720 lines are more than there are */
    assert_int_equal(h->begun[SOUND], 0);
    assert_true(h->level > -25 && h->level < -15); /* ffmpeg's sine is at 1/8: -21 dB RMS */
    assert_int_equal(h->still_height, 160);
    assert_int_equal(h->preview_height, 360);
    assert_int_equal(h->alarms_on[TRANSCODER_SILENCE] + h->alarms_on[TRANSCODER_BLACK] + h->alarms_on[TRANSCODER_FREEZE], 0);
    film_close(&f);
    heard_destroy(h);
}

static void sound_that_browsers_do_not_play_becomes_aac(void **state) {
    shell("ffmpeg -v error -y -f lavfi -i sine=frequency=440:duration=3:sample_rate=48000 -c:a ac3 dolby.mp4");
    struct heard *h = heard_create();
    struct film f = film_open("dolby.mp4");
    struct transcoder *t = start(h, (struct transcoder_options){.encodes_sound = true});
    assert_int_equal(transcoder_tracks(t, NULL, f.sound).kind, ERR_NONE);
    feed(t, h, &f, NULL, 0, false);
    WAIT_UNTIL(h, h->count[SOUND] >= 130 && h->levels >= 2); /* of 140 frames; the last ones wait for more */
    transcoder_destroy(&t);
    assert_int_equal(h->tracks[SOUND].codec, CMAF_AAC);
    for (size_t i = 1; i < h->count[SOUND]; i++) assert_int_equal(h->pts[SOUND][i] - h->pts[SOUND][i - 1], 1024);
    film_close(&f);
    heard_destroy(h);
}

static void silence_black_and_freeze_are_told_and_taken_back(void **state) {
    shell("ffmpeg -v error -y -f lavfi -i testsrc2=size=320x240:rate=10:duration=3 -f lavfi -i color=black:size=320x240:rate=10:duration=8 -f lavfi -i color=gray:size=320x240:rate=10:duration=14 "
          "-f lavfi -i sine=duration=3:sample_rate=48000 -f lavfi -i anullsrc=r=48000:cl=mono:d=22 -filter_complex "
          "'[0][1][2][0]concat=n=4[v];[3][4][3]concat=n=3:v=0:a=1[a]' -map [v] -map [a] -c:v libx264 -preset ultrafast -g 10 -c:a aac alarms.mp4");
    struct heard *h = heard_create();
    struct film f = film_open("alarms.mp4");
    struct transcoder *t = start(h, (struct transcoder_options){.skips_stills = true, .queue_bytes_max = 64 << 20});
    assert_int_equal(transcoder_tracks(t, f.picture, f.sound).kind, ERR_NONE);
    feed(t, h, &f, NULL, 0, false);
    WAIT_UNTIL(h, h->alarms_off[TRANSCODER_SILENCE] && h->alarms_off[TRANSCODER_BLACK] && h->alarms_off[TRANSCODER_FREEZE]);
    transcoder_destroy(&t);
    for (int i = 0; i < TRANSCODER_ALARMS; i++) assert_int_equal(h->alarms_on[i], 1);
    assert_int_equal(h->stills + h->previews, 0);
    film_close(&f);
    heard_destroy(h);
}

static pid_t child_of_mine(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    char command[128];
    snprintf(command, sizeof command, "pgrep -P %d", (int)getpid());
    FILE *out = popen(command, "r");
    int pid = 0, found = 0;
    while (fscanf(out, "%d", &pid) == 1) { /* pgrep itself is gone when we look */
        snprintf(path, sizeof path, "/proc/%d/comm", pid);
        FILE *comm = fopen(path, "r");
        char name[32] = "";
        if (comm && fgets(name, sizeof name, comm) && !strncmp(name, "transcoder", 10)) found = pid;
        if (comm) fclose(comm);
    }
    pclose(out);
    return found;
}

static void a_child_that_dies_is_started_anew(void **state) {
    struct heard *h = heard_create();
    struct film f = film_open("b.mp4");
    struct transcoder *t = start(h, (struct transcoder_options){.heights = {240}});
    assert_int_equal(transcoder_tracks(t, f.picture, f.sound).kind, ERR_NONE);
    static struct fed fed;
    memset(&fed, 0, sizeof fed);
    feed(t, h, &f, &fed, 0, true);
    pid_t child = child_of_mine();
    assert_true(child > 0);
    kill(child, SIGKILL);
    WAIT_UNTIL(h, h->downs == 1);
    WAIT_UNTIL(h, h->state == TRANSCODER_RUNNING); /* a second later */
    lock_take(&h->lock);
    size_t before = h->count[0];
    lock_give(&h->lock);
    memset(&fed, 0, sizeof fed);
    feed(t, h, &f, NULL, 10, false);
    WAIT_UNTIL(h, h->begun[0] == 2 && h->count[0] > before);
    struct transcoder_counts counts = transcoder_counts(t);
    transcoder_destroy(&t);
    assert_int_equal(h->pts[0][before], 10 * (int64_t)f.picture->timescale + h->pts[0][0]);
    assert_true(h->is_sync[0][before]);
    assert_int_equal(counts.restarts, 1);
    film_close(&f);
    heard_destroy(h);
}

static void a_full_queue_leaves_out_up_to_the_next_key_picture(void **state) {
    struct heard *h = heard_create();
    struct film f = film_open("b.mp4");
    struct transcoder *t = start(h, (struct transcoder_options){.heights = {240}, .queue_bytes_max = 30000});
    assert_int_equal(transcoder_tracks(t, f.picture, f.sound).kind, ERR_NONE);
    for (int i = 0; i < 3; i++) feed(t, h, &f, NULL, 5 * i, false); /* far more than it holds, as fast as it goes */
    assert_true(transcoder_counts(t).samples_dropped > 0);
    WAIT_UNTIL(h, h->state == TRANSCODER_RUNNING || h->state == TRANSCODER_BEHIND);
    transcoder_destroy(&t); /* in the middle of its work */
    film_close(&f);
    heard_destroy(h);
}

static void other_parameters_begin_anew_the_same_change_nothing(void **state) {
    shell("ffmpeg -v error -y -f lavfi -i testsrc2=size=800x600:rate=25:duration=2 -c:v libx264 -preset veryfast -g 25 -video_track_timescale 25000 other.mp4");
    struct heard *h = heard_create();
    struct film f = film_open("b.mp4"), other = film_open("other.mp4");
    struct transcoder *t = start(h, (struct transcoder_options){.heights = {240}});
    static struct fed fed;
    memset(&fed, 0, sizeof fed);
    assert_int_equal(transcoder_tracks(t, f.picture, f.sound).kind, ERR_NONE);
    feed(t, h, &f, &fed, 0, true);
    assert_int_equal(transcoder_tracks(t, f.picture, f.sound).kind, ERR_NONE);
    WAIT_UNTIL(h, h->count[0] >= fed.pictures - 4 && h->begun[0] == 1);
    assert_int_equal(transcoder_tracks(t, other.picture, NULL).kind, ERR_NONE);
    feed(t, h, &other, NULL, 0, false);
    WAIT_UNTIL(h, h->begun[0] == 2);
    transcoder_destroy(&t);
    assert_int_equal(h->tracks[0].timescale, 25000);
    film_close(&f);
    film_close(&other);
    heard_destroy(h);
}

static void impossible_options_are_refused(void **state) {
    struct transcoder *t;
    assert_string_equal(transcoder_create(&(struct transcoder_options){.heights = {8}}, &t).code, "transcoder.heights");
    assert_string_equal(transcoder_create(&(struct transcoder_options){.heights = {0, 240}}, &t).code, "transcoder.heights");
}

int main(int argc, char **argv) {
    const struct child_kind *const kinds[] = {&transcoder_child};
    child_main(argc, argv, kinds, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renditions_keep_times_and_key_pictures),
        cmocka_unit_test(sound_that_browsers_do_not_play_becomes_aac),
        cmocka_unit_test(silence_black_and_freeze_are_told_and_taken_back),
        cmocka_unit_test(a_child_that_dies_is_started_anew),
        cmocka_unit_test(a_full_queue_leaves_out_up_to_the_next_key_picture),
        cmocka_unit_test(other_parameters_begin_anew_the_same_change_nothing),
        cmocka_unit_test(impossible_options_are_refused),
    };
    return cmocka_run_group_tests(tests, work_make, work_remove);
}
