/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What viewers ask of a channel: playlists that are held until their part is there, hints, segments that still grow, and the end. */
#include "live_channel_fixture.h"

static void nothing_is_there_before_the_first_picture(void **state) {
    open_channel();
    check_error(ask("master.m3u8"), ERR_BUSY, "live.waiting");
    check_error(ask("manifest.mpd"), ERR_BUSY, "live.waiting");
    check_error(ask("v0.m3u8"), ERR_NOT_FOUND, "live.file");
    check_error(ask("poster.jpg"), ERR_NOT_FOUND, "live.file");
    struct live_answer a;
    live_ask(live, &(struct public_id){"zzzzzzzzzzzzzzzz"}, &(struct live_ask){.file = SLICE("v0.m3u8")}, NULL, &a);
    check_error(a, ERR_NOT_FOUND, "live.channel");
    static const char *const names[] = {"", "v0", "v8.m3u8", "v0-01.m4s", "v0-.m4s", "v0--1.m4s", "v0-1.m4s/", "../v0.m3u8", "v0-i.mp4", "v0-i01.mp4", "a0-iframes.m3u8", "thumbs-.jpg",
                                        "v0-99999999999999999999.m4s", "live.idx", "v0-h0.m4s"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_null(live_content_type(slice_cstr(names[i])));
        check_error(ask(names[i]), ERR_NOT_FOUND, "live.file");
    }
    assert_string_equal(live_content_type(SLICE("a1-77.m4s")), "audio/mp4");
}

static void a_held_playlist_is_answered_by_the_part_it_waits_for(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 3100); /* segment 1, three parts: 2.0, 2.33, 2.67 */
    struct counted w[4] = {COUNTED, COUNTED, COUNTED, COUNTED};
    struct live_answer a = ask_blocking("v0.m3u8", 1, 2, &w[0].waiter);
    assert_int_equal(a.kind, LIVE_ANSWER_BLOBS);
    live_answer_release(&a);
    assert_int_equal(ask_blocking("v0.m3u8", 1, 3, &w[0].waiter).kind, LIVE_ANSWER_WAIT);
    assert_int_equal(ask_blocking("v0.m3u8", 1, -1, &w[1].waiter).kind, LIVE_ANSWER_WAIT);
    assert_int_equal(ask_blocking("v0.m3u8", 2, 0, &w[2].waiter).kind, LIVE_ANSWER_WAIT);
    assert_int_equal(ask_blocking("v0.m3u8", 1, 17, &w[3].waiter).kind, LIVE_ANSWER_WAIT); /* behind the last part: the next segment's first */
    check_error(ask_blocking("v0.m3u8", 4, 0, NULL), ERR_INPUT, "live.msn");
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_int_equal(h.waiters, 4);
    made_send(&p, 233);
    for (int i = 0; i < 4; i++) assert_int_equal(w[i].calls, i == 0);
    made_send(&p, 667);
    for (int i = 0; i < 4; i++) assert_int_equal(w[i].calls, i < 2);
    made_send(&p, 333);
    for (int i = 0; i < 4; i++) assert_int_equal(w[i].calls, 1);
    for (int i = 0; i < 4; i++) assert_false(live_waiter_cancel(live, &w[i].waiter));
    assert_int_equal(ask_blocking("v0.m3u8", 3, -1, &w[0].waiter).kind, LIVE_ANSWER_WAIT);
    assert_true(live_waiter_cancel(live, &w[0].waiter));
    made_send(&p, 5000);
    assert_int_equal(w[0].calls, 1);
    live_ask(live, &made_id, &(struct live_ask){.file = SLICE("v0.m3u8"), .has_part = true}, NULL, &a);
    check_error(a, ERR_INPUT, "live.msn");
    made_end(&p);
    made_publisher_free(&p);
}

static void a_part_is_there_with_its_last_frame_and_not_one_later(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 30}));
    made_send(&p, 1000);
    struct counted w = COUNTED;
    assert_int_equal(ask_blocking("v0.m3u8", 0, 3, &w.waiter).kind, LIVE_ANSWER_WAIT);
    for (int i = 1; i <= 9; i++) {
        made_send(&p, 33); /* one frame */
        assert_int_equal(w.calls, 0);
    }
    made_send(&p, 33);
    assert_int_equal(w.calls, 1);
    made_end(&p);
    made_publisher_free(&p);
}

static void hints_hold(void **state) {
    static const struct made_stream streams[] = {{.num = 30, .den = 1, .gop = 30, .has_sound = true}, {.num = 25, .den = 1, .gop = 37, .has_sound = true}, {.num = 25, .den = 1, .gop = 200, .has_sound = true}, {.num = 50, .den = 1, .gop = 110}};
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        open_channel();
        struct made_publisher p = {0};
        assert_ok(made_begin(&p, live, clock, streams[i]));
        made_send(&p, 8000); /* long enough to know the groups of pictures */
        for (int round = 0; round < 60; round++) {
            for (int k = 0; k < (streams[i].has_sound ? 2 : 1); k++) {
                struct buf text = made_text(live, k ? "a0.m3u8" : "v0.m3u8");
                char hint[128], file[32];
                unsigned long long start;
                assert_true(last_of(buf_slice(&text), "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"", hint, sizeof hint));
                assert_int_equal(sscanf(hint, "%31[^\"]\",BYTERANGE-START=%llu", file, &start), 2);
                struct counted w = COUNTED;
                struct live_answer a = ask_range(file, start, UINT64_MAX, &w.waiter);
                assert_int_equal(a.kind, LIVE_ANSWER_WAIT);
                for (int n = 0; n < 40 && !w.calls; n++) made_send(&p, 20);
                assert_int_equal(w.calls, 1);
                a = ask_range(file, start, UINT64_MAX, &w.waiter);
                /* It is where the next part really begins. */
                assert_true(a.kind == LIVE_ANSWER_GROWING || a.kind == LIVE_ANSWER_BLOBS);
                assert_int_equal(a.first, start);
                struct seen_list seen = {0};
                struct buf bytes = BUF(1 << 20);
                made_bytes(&a, &bytes);
                made_read(buf_slice(&bytes), &seen);
                assert_true(seen.count > 0);
                seen_free(&seen);
                buf_free(&bytes);
                live_answer_release(&a);
                buf_free(&text);
            }
        }
        made_end(&p);
        made_publisher_free(&p);
        tear_down(NULL), set_up(NULL);
    }
}

/* Follows one growing segment to its end, and gives its bytes. */
static void a_growing_segment_streams_to_its_end(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 4500);
    struct buf streamed = BUF(8 << 20), whole = BUF(8 << 20);
    struct counted w = COUNTED;
    struct live_answer a;
    uint64_t next = 0;
    int waits = 0;
    for (bool goes_on = true; goes_on;) {
        a = ask_range("v0-2.m4s", next, UINT64_MAX, &w.waiter);
        if (a.kind == LIVE_ANSWER_WAIT) {
            waits++;
            while (!w.calls) made_send(&p, 10);
            w.calls = 0;
            continue;
        }
        if (a.kind == LIVE_ANSWER_ERROR) { /* it ended just where we were */
            assert_string_equal(a.error.code, "live.range");
            break;
        }
        goes_on = a.kind == LIVE_ANSWER_GROWING;
        assert_int_equal(a.first, next);
        if (goes_on) assert_int_equal(a.total, 0);
        made_bytes(&a, &streamed);
        next = a.next;
        live_answer_release(&a);
    }
    assert_true(waits >= 4);
    a = ask("v0-2.m4s");
    assert_true(a.kind == LIVE_ANSWER_BLOBS || a.kind == LIVE_ANSWER_FILE);
    assert_true(a.is_final);
    made_bytes(&a, &whole);
    assert_int_equal(a.total, whole.len);
    live_answer_release(&a);
    assert_true(slice_eq(buf_slice(&streamed), buf_slice(&whole)));
    /* Every range of it is a piece of it, from memory and from the file. */
    for (int round = 0; round < 2; round++) {
        struct rng rng = rng_seeded(3);
        for (int i = 0; i < 200; i++) {
            uint64_t first = rng_below(&rng, whole.len), last = first + rng_below(&rng, whole.len);
            a = ask_range("v0-2.m4s", first, last, NULL);
            assert_true(a.kind == LIVE_ANSWER_BLOBS || a.kind == LIVE_ANSWER_FILE);
            struct buf part = BUF(8 << 20);
            made_bytes(&a, &part);
            assert_true(slice_eq(buf_slice(&part), slice_sub(buf_slice(&whole), first, last + 1)));
            assert_int_equal(a.bytes, part.len);
            live_answer_release(&a);
            buf_free(&part);
        }
        made_send(&p, 20000); /* by now it is out of memory */
        live_test_flush(live);
    }
    a = ask("v0-2.m4s");
    assert_int_equal(a.kind, LIVE_ANSWER_FILE);
    live_answer_release(&a);
    check_error(ask_range("v0-2.m4s", whole.len, UINT64_MAX, NULL), ERR_NOT_FOUND, "live.range");
    check_error(ask_range("v0-2.m4s", 5, 4, NULL), ERR_NOT_FOUND, "live.range");
    check_error(ask("v0-999.m4s"), ERR_NOT_FOUND, "live.file");
    buf_free(&streamed);
    buf_free(&whole);
    made_end(&p);
    made_publisher_free(&p);
}

static void the_end_answers_everybody(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 5150); /* inside a part */
    struct counted w[3] = {COUNTED, COUNTED, COUNTED};
    assert_int_equal(ask_blocking("v0.m3u8", 3, 0, &w[0].waiter).kind, LIVE_ANSWER_WAIT);
    assert_int_equal(ask_range("v0-3.m4s", 0, UINT64_MAX, &w[1].waiter).kind, LIVE_ANSWER_WAIT);
    struct live_answer a = ask_range("v0-2.m4s", 0, UINT64_MAX, NULL);
    assert_int_equal(a.kind, LIVE_ANSWER_GROWING);
    uint64_t next = a.next;
    live_answer_release(&a);
    assert_int_equal(ask_range("v0-2.m4s", next, UINT64_MAX, &w[2].waiter).kind, LIVE_ANSWER_WAIT);
    assert_ok(live_channel_end(live, &made_id));
    for (int i = 0; i < 3; i++) assert_int_equal(w[i].calls, 1);
    a = ask_blocking("v0.m3u8", 3, 0, NULL);
    assert_int_equal(a.kind, LIVE_ANSWER_BLOBS);
    assert_true(slice_find(a.pieces[0].bytes, SLICE("#EXT-X-ENDLIST")) != SLICE_NPOS);
    assert_true(slice_find(a.pieces[0].bytes, SLICE("PRELOAD-HINT")) == SLICE_NPOS);
    live_answer_release(&a);
    check_error(ask("v0-3.m4s"), ERR_NOT_FOUND, "live.file");
    a = ask_range("v0-2.m4s", next, UINT64_MAX, NULL); /* the last part, shorter than usual */
    assert_true(a.kind == LIVE_ANSWER_BLOBS || a.kind == LIVE_ANSWER_FILE);
    live_answer_release(&a);
    struct feed_sample s = {.data = SLICE("12345678")};
    assert_err(live_feed_sample(p.feed, &s), ERR_CANCELLED, "live.ended");
    made_end(&p);
    struct made_publisher late = {0};
    assert_err(made_begin(&late, live, clock, usual), ERR_CANCELLED, "live.ended");
    assert_ok(live_channel_end(live, &made_id));
    check_all(&p);
    made_publisher_free(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_there_before_the_first_picture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_held_playlist_is_answered_by_the_part_it_waits_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_part_is_there_with_its_last_frame_and_not_one_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hints_hold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_growing_segment_streams_to_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_answers_everybody, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
