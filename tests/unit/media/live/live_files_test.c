/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is on the disk, and what becomes of it: kill -9 at any byte, disks that fill up or fail, files that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "live_maker.h"
#include "media/live/library.h"

static struct clock *clock;
static struct live *live;
static int dir;

static int set_up(void **state) {
    clock = clock_manual_create(made_epoch);
    live = made_live(clock, 0);
    dir = made_dir();
    return 0;
}
static int tear_down(void **state) {
    fault_disarm_all();
    live_destroy(&live);
    clock_manual_destroy(&clock);
    made_dir_remove(dir);
    return 0;
}

static const struct live_channel_options recorded = {.dir_fd = -1, .is_recorded = true};
static void open_channel(int folder) {
    struct live_channel_options o = recorded;
    o.dir_fd = folder;
    assert_ok(live_channel_open(live, &made_id, &o));
}

static void copy_file(int from, int to, const char *name, uint64_t bytes_max) {
    struct buf b = BUF(64 << 20);
    assert_ok(fs_read_file(from, name, &b));
    int fd;
    assert_ok(fs_open(to, name, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd));
    assert_ok(fs_write_all(fd, slice_sub(buf_slice(&b), 0, bytes_max)));
    fs_close(&fd);
    buf_free(&b);
}

static uint64_t size_of(int folder, const char *name) {
    int fd;
    uint64_t bytes = 0;
    struct err e = fs_open(folder, name, O_RDONLY, 0, &fd);
    if (e.kind == ERR_NOT_FOUND) return 0;
    assert_ok(e);
    assert_ok(fs_size(fd, &bytes));
    fs_close(&fd);
    return bytes;
}

/* What is found are the first of what was sent, in order. Gives how many. */
static size_t check_beginning(const struct seen_list *sent, const struct live_recording *r, const char *rendition) {
    struct seen_list found = {0};
    made_fetch(r ? NULL : live, r, rendition, &found);
    assert_true(found.count <= sent->count);
    for (size_t i = 0; i < found.count; i++) assert_int_equal(found.all[i].name, sent->all[i].name);
    size_t count = found.count;
    seen_free(&found);
    return count;
}

static const char *const names[] = {"live.idx", "v0-i1.mp4", "a0-i1.mp4", "v0-h0.m4s", "v0-h0.idx", "a0-h0.m4s", "a0-h0.idx"};
enum { V_MEDIA = 3, V_INDEX = 4 };

/* A few seconds recorded by somebody who was killed: nothing was closed. */
static void record_into(int folder, struct made_publisher *p) {
    open_channel(folder);
    assert_ok(made_begin(p, live, clock, (struct made_stream){.num = 10, .den = 1, .gop = 10, .has_sound = true, .bytes = 30}));
    made_send(p, 3500);
    live_test_flush(live);
}

static void after_a_kill_everything_up_to_the_last_whole_part_is_there(void **state) {
    struct made_publisher p = {0};
    record_into(dir, &p);
    uint64_t sizes[ARRAY_LEN(names)];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) sizes[i] = size_of(dir, names[i]);
    struct arena *arena = arena_create(8 << 20);
    /* The picture's media, and then its index, cut at every byte in turn, from the end on. */
    for (size_t which = V_MEDIA; which <= V_INDEX; which++) {
        int torn = made_dir(), fd;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) copy_file(dir, torn, names[i], UINT64_MAX);
        assert_ok(fs_open(torn, names[which], O_RDWR, 0, &fd));
        size_t last = SIZE_MAX;
        for (uint64_t cut = sizes[which] + 1; cut-- > 0; cut -= which == V_MEDIA && cut > 40 && cut % 97 ? cut % 13 : 0) {
            assert_int_equal(ftruncate(fd, (off_t)cut), 0);
            const struct live_recording *r;
            assert_ok(live_recording_open(torn, arena, &r));
            struct live_recording_facts facts;
            live_recording_facts(r, &facts);
            size_t count = facts.height ? check_beginning(&p.video, r, "v0") : 0;
            assert_true(count <= last);
            if (last == SIZE_MAX) assert_in_range(count, 30, 35); /* all but the open part */
            last = count;
            arena_reset(arena);
        }
        assert_int_equal(last, 0);
        fs_close(&fd);
        made_dir_remove(torn);
    }
    arena_destroy(&arena);
    made_end(&p);
    made_publisher_free(&p);
}

static void a_torn_channel_goes_on_with_a_discontinuity(void **state) {
    struct made_publisher p = {0};
    record_into(dir, &p);
    struct rng rng = rng_seeded(4);
    struct live *first = live;
    for (int round = 0; round < 40; round++) {
        int torn = made_dir();
        size_t which = rng_below(&rng, ARRAY_LEN(names));
        if (which == 1 || which == 2) which = 0;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            uint64_t size = size_of(dir, names[i]);
            copy_file(dir, torn, names[i], i == which ? rng_below(&rng, size + 1) : UINT64_MAX);
        }
        struct clock *later = clock_manual_create((struct utc_time){made_epoch.ns + 60 * NS_PER_S});
        live = made_live(later, 0);
        struct live_channel_options o = recorded;
        o.dir_fd = torn;
        struct err e = live_channel_open(live, &made_id, &o);
        if (which == 0 && e.kind) assert_string_equal(e.code, "live.index"); /* its very head is torn */
        else assert_ok(e);
        struct made_publisher again = {.name = 100000};
        if (!e.kind) {
            assert_ok(made_begin(&again, live, later, (struct made_stream){.num = 10, .den = 1, .gop = 10, .has_sound = true, .bytes = 30, .offset_ms = 9999}));
            made_send(&again, 4000);
            made_end(&again);
            assert_ok(live_channel_end(live, &made_id));
            struct arena *arena = arena_create(8 << 20);
            const struct live_recording *r;
            assert_ok(live_recording_open(torn, arena, &r));
            /* First the beginning of what was sent before, then all that was sent after. */
            for (int k = 0; k < 2; k++) {
                const struct seen_list *before = k ? &p.audio : &p.video, *after = k ? &again.audio : &again.video;
                struct seen_list found = {0}, wanted = {0};
                made_fetch(NULL, r, k ? "a0" : "v0", &found);
                assert_true(found.count >= after->count);
                for (size_t i = 0; i + after->count < found.count; i++) seen_add(&wanted, before->all[i]);
                for (size_t i = 0; i < after->count; i++) seen_add(&wanted, after->all[i]);
                made_compare(&wanted, &found);
                seen_free(&wanted);
                seen_free(&found);
            }
            arena_destroy(&arena);
        }
        made_publisher_free(&again);
        live_destroy(&live);
        clock_manual_destroy(&later);
        made_dir_remove(torn);
    }
    live = first;
    made_end(&p);
    made_publisher_free(&p);
}

static void reopening_gives_the_same_window(void **state) {
    open_channel(dir);
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 30, .has_sound = true}));
    made_send(&p, 30500);
    assert_ok(live_channel_still(live, &made_id, &(struct live_still){.jpeg = SLICE("jpeg"), .time_ns = 0, .interval_ms = 10000, .count = 1, .width = 160, .height = 90, .columns = 1, .rows = 1}));
    assert_ok(live_channel_preview(live, &made_id, SLICE("poster")));
    assert_ok(live_channel_close(live, &made_id));
    made_end(&p);
    open_channel(dir);
    assert_int_equal(check_beginning(&p.video, NULL, "v0"), p.video.count);
    assert_int_equal(check_beginning(&p.audio, NULL, "a0"), p.audio.count);
    struct buf poster = made_text(live, "poster.jpg"), still = made_text(live, "thumbs-0.jpg");
    assert_true(slice_eq(buf_slice(&poster), SLICE("poster")) && slice_eq(buf_slice(&still), SLICE("jpeg")));
    buf_free(&poster), buf_free(&still);
    clock_manual_advance(clock, 5 * NS_PER_S);
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 30, .has_sound = true, .offset_ms = 40}));
    made_send(&p, 5000);
    made_end(&p);
    struct buf text = made_text(live, "v0.m3u8"), init = made_text(live, "v0-i1.mp4");
    assert_true(slice_find(buf_slice(&text), SLICE("v0-i2.mp4")) == SLICE_NPOS); /* the same parameters: the same init segment */
    assert_true(slice_find(buf_slice(&text), SLICE("#EXT-X-DISCONTINUITY\n")) != SLICE_NPOS);
    assert_true(init.len > 300);
    buf_free(&text), buf_free(&init);
    assert_ok(live_channel_end(live, &made_id));
    assert_int_equal(check_beginning(&p.video, NULL, "v0"), p.video.count);
    assert_ok(live_channel_close(live, &made_id));
    open_channel(dir); /* an ended one can be looked at, and takes nobody */
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_int_equal(h.state, LIVE_STATE_ENDED);
    assert_err(made_begin(&p, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 30}), ERR_CANCELLED, "live.ended");
    made_publisher_free(&p);
}

static void an_endless_channel_reopens_with_its_window_alone(void **state) {
    struct live_channel_options o = {.dir_fd = dir, .dvr_ms = 60000};
    assert_ok(live_channel_open(live, &made_id, &o));
    struct made_publisher p = {0};
    for (int i = 0; i < 5; i++) {
        assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 10, .den = 1, .gop = 20, .bytes = 30, .offset_ms = i * 777}));
        made_send(&p, 30000);
        made_end(&p);
        assert_ok(live_channel_close(live, &made_id));
        assert_ok(live_channel_open(live, &made_id, &o));
    }
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_in_range(h.window_ns / NS_PER_MS, 58000, 64000);
    struct library l;
    assert_ok(library_read(dir, &l));
    assert_in_range(l.story.run_count, 2, 3);
    library_free(&l);
    made_publisher_free(&p);
}

static void files_that_lie_are_found_out(void **state) {
    struct made_publisher p = {0};
    record_into(dir, &p);
    made_end(&p);
    assert_ok(live_channel_end(live, &made_id));
    struct rng rng = rng_seeded(8);
    struct arena *arena = arena_create(8 << 20);
    for (int round = 0; round < 150; round++) {
        int lying = made_dir();
        size_t which = rng_below(&rng, ARRAY_LEN(names));
        for (size_t i = 0; i < ARRAY_LEN(names); i++) copy_file(dir, lying, names[i], UINT64_MAX);
        int fd;
        assert_ok(fs_open(lying, names[which], O_RDWR, 0, &fd));
        char byte;
        uint64_t at = rng_below(&rng, size_of(lying, names[which]));
        assert_ok(fs_pread_all(fd, &byte, 1, at));
        byte = (char)(byte ^ (1 << rng_below(&rng, 8)));
        assert_ok(fs_pwrite_all(fd, slice_of(&byte, 1), at));
        fs_close(&fd);
        const struct live_recording *r;
        struct err e = live_recording_open(lying, arena, &r);
        if (e.kind) assert_true(e.kind == ERR_INPUT);
        /* A part whose bytes lie is cut away with all behind it. */
        else if (which != 1 && which != 2) {
            struct live_recording_facts facts;
            live_recording_facts(r, &facts);
            if (facts.height) (void)check_beginning(&p.video, r, "v0");
            if (facts.has_audio) (void)check_beginning(&p.audio, r, "a0");
        }
        arena_reset(arena);
        made_dir_remove(lying);
    }
    arena_destroy(&arena);
    made_publisher_free(&p);
}

/* ---- cues ---- */

static uint32_t mpeg_crc(const uint8_t *bytes, size_t len) {
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint32_t)bytes[i] << 24;
        for (int k = 0; k < 8; k++) crc = crc & 0x80000000 ? crc << 1 ^ 0x04c11db7 : crc << 1;
    }
    return crc;
}

/* splice_insert of an event, at once: out of the network, for so long, or back into it. */
static size_t make_splice(uint8_t out[64], uint32_t event, bool is_out, unsigned seconds) {
    struct buf b = BUF(64);
    buf_u8(&b, 0xfc);
    buf_u16be(&b, 0);                    /* length, below */
    buf_u8(&b, 0);
    buf_u8(&b, 0), buf_u32be(&b, 0);     /* not encrypted, no adjustment */
    buf_u8(&b, 0);
    buf_u24be(&b, 0xfff000 | (seconds ? 20 - 5 : 15 - 5)), buf_u8(&b, 5);
    buf_u32be(&b, event);
    buf_u8(&b, 0x7f);
    buf_u8(&b, (uint8_t)((is_out ? 0x80 : 0) | 0x40 | (seconds ? 0x20 : 0) | 0x10 | 0x0f)); /* whole programme, at once */
    if (seconds) buf_u8(&b, 0xfe), buf_u32be(&b, seconds * 90000);
    buf_u16be(&b, 1), buf_u8(&b, 0), buf_u8(&b, 0);
    buf_u16be(&b, 0);                    /* no descriptors */
    size_t len = b.len + 4;
    memcpy(out, b.ptr, b.len);
    size_t command = (size_t)b.len - 14 - 2;
    out[11] = (uint8_t)(0xf0 | command >> 8), out[12] = (uint8_t)command;
    out[1] = (uint8_t)(0x30 | (len - 3) >> 8), out[2] = (uint8_t)(len - 3);
    uint32_t crc = mpeg_crc(out, len - 4);
    for (int i = 0; i < 4; i++) out[len - 4 + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    buf_free(&b);
    return len;
}

static bool stands_in(struct buf text, const char *what) {
    bool is_there = slice_find(buf_slice(&text), slice_cstr(what)) != SLICE_NPOS;
    buf_free(&text);
    return is_there;
}

static void a_cue_is_a_date_range_and_an_event_live_after_a_restart_and_recorded(void **state) {
    open_channel(dir);
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 25, .den = 1, .gop = 25, .has_sound = true}));
    made_send(&p, 4000);
    uint8_t section[64];
    size_t len = make_splice(section, 7, true, 30);
    for (int i = 0; i < 3; i++) live_feed_cue(p.feed, slice_of(section, len), 5000, 1000); /* told three times, as senders do */
    live_feed_cue(p.feed, SLICE("no section at all"), 5000, 1000);
    made_send(&p, 4000);
    static const char range[] = "#EXT-X-DATERANGE:ID=\"splice-458752\",START-DATE=\"2026-11-18T11:06:44.99", planned[] = ",PLANNED-DURATION=30.000000,SCTE35-OUT=0xFC30";
    assert_true(stands_in(made_text(live, "v0.m3u8"), range));
    assert_true(stands_in(made_text(live, "a0.m3u8"), planned));
    assert_true(stands_in(made_text(live, "manifest.mpd"), "<Event presentationTime=\"450000\" duration=\"2700000\" id=\"1835008\"><Signal xmlns=\"http://www.scte.org/schemas/35/2016\"><Binary>/DA"));
    assert_ok(live_channel_close(live, &made_id));
    made_end(&p);
    open_channel(dir);
    assert_true(stands_in(made_text(live, "v0.m3u8"), range));
    clock_manual_advance(clock, 4 * NS_PER_S);
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 25, .den = 1, .gop = 25, .has_sound = true}));
    made_send(&p, 4000);
    len = make_splice(section, 7, false, 0);
    live_feed_cue(p.feed, slice_of(section, len), 3000, 1000);
    made_send(&p, 2000);
    made_end(&p);
    static const char ended[] = ",DURATION=10.0", back[] = ",SCTE35-IN=0xFC30";
    assert_true(stands_in(made_text(live, "v0.m3u8"), ended));
    assert_true(stands_in(made_text(live, "v0.m3u8"), back));
    assert_ok(live_channel_end(live, &made_id));
    struct arena *arena = arena_create(8 << 20);
    const struct live_recording *r;
    assert_ok(live_recording_open(dir, arena, &r));
    assert_true(stands_in(made_recorded_text(r, "v0.m3u8"), range));
    assert_true(stands_in(made_recorded_text(r, "v0.m3u8"), back));
    assert_true(stands_in(made_recorded_text(r, "manifest.mpd"), "<EventStream schemeIdUri=\"urn:scte:scte35:2014:xml+bin\""));
    arena_destroy(&arena);
    made_publisher_free(&p);
}

/* ---- disks that fail ---- */

/* What players get is what was sent, except where a gap is told; nothing is twice or out of order. */
static size_t check_subset(const struct seen_list *sent, const struct live_recording *r, const char *rendition) {
    struct seen_list found = {0};
    made_fetch(r ? NULL : live, r, rendition, &found);
    size_t at = 0;
    for (size_t i = 0; i < found.count; i++) {
        while (at < sent->count && sent->all[at].name != found.all[i].name) at++;
        assert_true(at < sent->count);
    }
    size_t count = found.count;
    seen_free(&found);
    return count;
}

static void each_write_may_fail_once(void **state) {
    uint64_t fired = 0;
    for (uint64_t nth = 1;; nth++) {
        open_channel(dir);
        struct made_publisher p = {0};
        assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 10, .den = 1, .gop = 10, .has_sound = true, .bytes = 30}));
        fault_arm(FAULT_WRITE, nth, false);
        made_send(&p, 5000);
        made_end(&p);
        struct err e = live_channel_end(live, &made_id);
        bool has_fired = fault_fired(FAULT_WRITE);
        fault_disarm_all();
        /* Live, nobody notices. */
        struct seen_list found = {0};
        made_fetch(live, NULL, "v0", &found);
        made_compare(&p.video, &found);
        seen_free(&found);
        struct arena *arena = arena_create(8 << 20);
        const struct live_recording *r;
        assert_ok(live_recording_open(dir, arena, &r));
        size_t video = check_subset(&p.video, r, "v0"), audio = check_subset(&p.audio, r, "a0");
        arena_destroy(&arena);
        if (!has_fired) {
            assert_ok(e);
            assert_int_equal(video, p.video.count);
        }
        assert_true(video + 20 >= p.video.count); /* one segment at the most */
        assert_true(audio + 94 >= p.audio.count);
        made_publisher_free(&p);
        tear_down(NULL), set_up(NULL);
        if (!has_fired) break;
        fired++;
    }
    assert_true(fired > 30);
}

static void a_full_disk_costs_recording_and_never_the_picture(void **state) {
    open_channel(dir);
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 30, .has_sound = true}));
    made_send(&p, 10000);
    live_test_flush(live);
    fault_arm(FAULT_WRITE, 1, true);
    made_send(&p, 10000);
    live_test_flush(live);
    live_test_tick(live);
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_true(h.alarms & LIVE_ALARM_DISK);
    assert_true(h.lost_parts > 40);
    struct seen_list found = {0};
    made_fetch(live, NULL, "v0", &found);
    assert_int_equal(found.count, p.video.count - 10 < found.count ? found.count : p.video.count); /* all but the open part */
    seen_free(&found);
    fault_disarm_all(); /* somebody made room */
    made_send(&p, 12000);
    live_test_flush(live);
    live_test_tick(live);
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_false(h.alarms & LIVE_ALARM_DISK);
    made_end(&p);
    struct err e = live_channel_end(live, &made_id);
    (void)e; /* told at the flush in the middle */
    struct arena *arena = arena_create(8 << 20);
    const struct live_recording *r;
    assert_ok(live_recording_open(dir, arena, &r));
    struct live_recording_facts facts;
    live_recording_facts(r, &facts);
    assert_in_range(facts.holes, 5, 7);
    size_t count = check_subset(&p.video, r, "v0");
    assert_in_range(count, p.video.count - 6 * 60 - 60, p.video.count - 4 * 60);
    struct buf text = made_recorded_text(r, "v0.m3u8");
    assert_true(slice_find(buf_slice(&text), SLICE("#EXT-X-GAP\n")) != SLICE_NPOS);
    buf_free(&text);
    arena_destroy(&arena);
    made_publisher_free(&p);
}

static void a_disk_that_does_not_answer_costs_bounded_memory_and_never_the_picture(void **state) {
    live_destroy(&live);
    live = made_live(clock, 1 << 20);
    open_channel(dir);
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 25, .den = 1, .gop = 25, .has_sound = true, .bytes = 8000}));
    made_send(&p, 5000);
    live_test_flush(live);
    live_test_hold_disk(live, true);
    struct live_health h;
    for (int i = 0; i < 20; i++) {
        made_send(&p, 1000);
        assert_ok(live_channel_health(live, &made_id, &h));
        assert_true(h.ring_bytes <= 1 << 20);
        struct live_answer a; /* whoever watches gets each part in its time */
        live_ask(live, &made_id, &(struct live_ask){.file = SLICE("v0.m3u8"), .has_msn = true, .msn = (uint64_t)(p.video_s / 2) - 1}, NULL, &a);
        assert_int_equal(a.kind, LIVE_ANSWER_BLOBS);
        live_answer_release(&a);
    }
    live_test_tick(live);
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_true(h.alarms & LIVE_ALARM_DISK);
    assert_true(h.lost_parts > 10);
    struct buf text = made_text(live, "v0.m3u8"); /* what is neither in memory nor in the file */
    assert_true(slice_find(buf_slice(&text), SLICE("#EXT-X-GAP\n")) != SLICE_NPOS);
    buf_free(&text);
    live_test_hold_disk(live, false);
    for (int i = 0; i < 12; i++) { /* a second at a time, since the clock runs faster here than any disk */
        live_test_flush(live);
        made_send(&p, 1000);
    }
    live_test_flush(live);
    live_test_tick(live);
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_false(h.alarms & LIVE_ALARM_DISK);
    made_end(&p);
    struct err e = live_channel_end(live, &made_id);
    (void)e;
    struct arena *arena = arena_create(8 << 20);
    const struct live_recording *r;
    assert_ok(live_recording_open(dir, arena, &r));
    size_t count = check_subset(&p.video, r, "v0");
    assert_in_range(count, 17 * 25, 35 * 25); /* of 37 s: all but what the queue had no room for */
    arena_destroy(&arena);
    made_publisher_free(&p);
}

static void a_disk_that_is_full_from_the_beginning_does_not_lose_the_beginning_of_the_rest(void **state) {
    fault_arm(FAULT_WRITE, 1, true);
    open_channel(dir);
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 30, .has_sound = true}));
    made_send(&p, 5000);
    live_test_flush(live);
    fault_disarm_all();
    made_send(&p, 9000);
    made_end(&p);
    struct err e = live_channel_end(live, &made_id);
    (void)e;
    struct arena *arena = arena_create(8 << 20);
    const struct live_recording *r;
    assert_ok(live_recording_open(dir, arena, &r)); /* epoch, init segments and runs were written later */
    assert_true(check_subset(&p.video, r, "v0") >= 200);
    arena_destroy(&arena);
    made_publisher_free(&p);
}

static void each_allocation_may_fail_once(void **state) {
    for (uint64_t nth = 1; nth < 4000; nth += nth < 200 ? 1 : 17) {
        fault_arm(FAULT_ALLOC, nth, false);
        struct live_channel_options o = recorded;
        o.dir_fd = dir;
        struct err e = live_channel_open(live, &made_id, &o);
        if (e.kind) {
            assert_int_equal(e.kind, ERR_LIMIT);
            fault_disarm_all();
            assert_ok(live_channel_open(live, &made_id, &o));
        }
        struct feed_hello hello = {.protocol = "rtmp"};
        struct live_feed *feed = NULL;
        e = live_feed_begin(live, &made_id, &hello, &feed);
        if (e.kind) {
            assert_int_equal(e.kind, ERR_LIMIT);
            assert_ok(live_feed_begin(live, &made_id, &hello, &feed));
        }
        struct cmaf_track t = made_h264();
        t.timescale = 1000;
        assert_ok(cmaf_track_complete(&t));
        e = live_feed_tracks(feed, &t, 1);
        if (e.kind) {
            assert_int_equal(e.kind, ERR_LIMIT);
            assert_ok(live_feed_tracks(feed, &t, 1));
        }
        struct seen_list sent = {0};
        for (int i = 0; i < 60; i++) {
            char data[16];
            uint32_t name = (uint32_t)i;
            memcpy(data, &name, 4);
            for (uint32_t k = 4; k < sizeof data; k++) data[k] = (char)(name * 7 + k * 13);
            struct utc_time now = clock_utc(clock);
            e = live_feed_sample(feed, &(struct feed_sample){.dts = i * 100, .pts = i * 100, .is_sync = i % 10 == 0, .data = slice_of(data, sizeof data), .arrived = now, .captured = now});
            assert_true(!e.kind || e.kind == ERR_LIMIT);
            seen_add(&sent, (struct seen){.name = name, .bytes = sizeof data});
            clock_manual_advance(clock, 100 * NS_PER_MS);
            struct live_answer a;
            live_ask(live, &made_id, &(struct live_ask){.file = i % 2 ? SLICE("v0.m3u8") : SLICE("manifest.mpd")}, NULL, &a);
            live_answer_release(&a);
        }
        live_feed_end(&feed, ERR_OK);
        e = live_channel_end(live, &made_id);
        bool has_fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        if (!has_fired) assert_ok(e);
        struct arena *arena = arena_create(8 << 20);
        const struct live_recording *r;
        assert_ok(live_recording_open(dir, arena, &r)); /* whatever was lost, not what all else hangs on */
        assert_true(check_subset(&sent, r, "v0") + 22 >= sent.count);
        struct buf init = made_recorded_text(r, "v0-i1.mp4");
        assert_true(init.len > 300);
        buf_free(&init);
        arena_destroy(&arena);
        size_t found = check_subset(&sent, NULL, "v0");
        assert_true(found + 11 >= sent.count); /* a part at the most */
        if (!has_fired) assert_int_equal(found, sent.count);
        seen_free(&sent);
        tear_down(NULL), set_up(NULL);
        if (!has_fired) break;
    }
}

static void each_read_and_allocation_may_fail_when_a_recording_is_opened(void **state) {
    struct made_publisher p = {0};
    record_into(dir, &p);
    made_end(&p);
    assert_ok(live_channel_end(live, &made_id));
    assert_ok(live_channel_close(live, &made_id));
    for (enum fault_point point = FAULT_ALLOC; point <= FAULT_READ; point++) {
        if (point == FAULT_WRITE) continue;
        for (uint64_t nth = 1;; nth++) {
            struct arena *arena = arena_create(8 << 20);
            const struct live_recording *r;
            fault_arm(point, nth, false);
            struct err e = live_recording_open(dir, arena, &r);
            bool has_fired = fault_fired(point);
            fault_disarm_all();
            assert_true(!e.kind || has_fired);
            if (!e.kind) assert_int_equal(check_subset(&p.video, r, "v0"), p.video.count);
            arena_destroy(&arena);
            fault_arm(point, nth, false);
            struct live_channel_options o = recorded;
            o.dir_fd = dir;
            e = live_channel_open(live, &made_id, &o);
            fault_disarm_all();
            if (!e.kind) assert_ok(live_channel_close(live, &made_id));
            if (!has_fired) break;
        }
    }
    made_publisher_free(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_a_kill_everything_up_to_the_last_whole_part_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_channel_goes_on_with_a_discontinuity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reopening_gives_the_same_window, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_endless_channel_reopens_with_its_window_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_lie_are_found_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cue_is_a_date_range_and_an_event_live_after_a_restart_and_recorded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_write_may_fail_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_costs_recording_and_never_the_picture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disk_that_does_not_answer_costs_bounded_memory_and_never_the_picture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disk_that_is_full_from_the_beginning_does_not_lose_the_beginning_of_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_allocation_may_fail_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_read_and_allocation_may_fail_when_a_recording_is_opened, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
