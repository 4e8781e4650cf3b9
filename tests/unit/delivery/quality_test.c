/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What players say of themselves, and what is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "delivery/on_air.h"
#include "delivery/quality.h"
#include "delivery/request.h"

static struct cmcd read_one(const char *text) {
    struct cmcd c = CMCD_NONE;
    cmcd_read(slice_cstr(text), &c);
    return c;
}

static void version_one_is_read(void **state) {
    struct cmcd c = read_one("bl=2100,br=3200,bs,cid=\"faec5fc2\",d=4004,dl=1500,mtp=25400,nor=\"..%2F300kbps%2Ftrack.m4v\",nrr=\"0-99\",ot=v,pr=1.08,rtp=12000,sf=h,"
                             "sid=\"6e2fb550-c457-11e9-bb97-0800200c9a66\",st=l,su,tb=6000");
    assert_string_equal(c.sid, "6e2fb550-c457-11e9-bb97-0800200c9a66");
    assert_int_equal(c.object, CMCD_OBJECT_VIDEO);
    assert_true(c.has_starved);
    assert_true(c.is_startup);
    assert_int_equal(c.bitrate_kbps, 3200);
    assert_int_equal(c.throughput_kbps, 25400);
    assert_int_equal(c.buffer_ms, 2100);
    assert_int_equal(c.latency_ms, -1);
    assert_int_equal(c.start_delay_ms, -1);
}

static void version_two_is_read(void **state) {
    struct cmcd c = read_one("br=(128;a 5000;v 96),bl=(900;v 1200;a),ltc=1240.5,msd=410,ot=av;x=1,sid=\"a\\\"b\\\\c\",bs=?0,su=?1,ts=1800000000123,v=2");
    assert_string_equal(c.sid, "a\"b\\c");
    assert_int_equal(c.object, CMCD_OBJECT_VIDEO);
    assert_int_equal(c.bitrate_kbps, 5000);
    assert_int_equal(c.buffer_ms, 1200);
    assert_int_equal(c.latency_ms, 1240);
    assert_int_equal(c.start_delay_ms, 410);
    assert_true(c.is_startup);
}

/* Four fields say together what one parameter says; what was read before something broken counts. */
static void fields_add_up_and_broken_ones_end(void **state) {
    struct cmcd c = CMCD_NONE;
    assert_true(cmcd_read(SLICE("br=800,d=2002,ot=v"), &c));
    assert_true(cmcd_read(SLICE("bl=1000 , mtp=4000"), &c));
    assert_true(cmcd_read(SLICE("sid=\"x\",ltc=900,=,msd=5"), &c));
    assert_false(cmcd_read(SLICE("bs=?0"), &c));
    assert_int_equal(c.bitrate_kbps, 800);
    assert_int_equal(c.throughput_kbps, 4000);
    assert_int_equal(c.latency_ms, 900);
    assert_int_equal(c.start_delay_ms, -1);
    static const char *const nothing[] = {"", ",", "=5", "\"", "br", "br=", "br=abc", "br=-5", "br=(", "br=((1))", "sid=\"open", "sid=token", "ltc=99999999999999999999", "ot=\"v\"", "unknown=5", "br=\"5\"", "bl=1;;"};
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
        struct cmcd none = CMCD_NONE;
        assert_false(cmcd_read(slice_cstr(nothing[i]), &none));
        assert_int_equal(none.bitrate_kbps, 0);
        assert_int_equal(none.sid_len, 0);
        assert_int_equal(none.latency_ms, -1);
    }
    char many[5000];
    memset(many, 'a', sizeof many);
    assert_false(cmcd_read(slice_of(many, sizeof many), &c));
    char name[200];
    snprintf(name, sizeof name, "br=%lld,sid=\"%.*s\"", 999999999999LL, 100, many);
    c = read_one(name);
    assert_int_equal(c.bitrate_kbps, CMCD_KBPS_MAX);
    assert_int_equal(c.sid_len, CMCD_SID_MAX);
}

static struct mono_time at_ms(int64_t ms) { return (struct mono_time){NS_PER_S * 1000 + ms * NS_PER_MS}; }
static void say(struct quality *q, const char *session, const char *text, int64_t ms) {
    struct cmcd c = read_one(text);
    quality_take(q, slice_cstr(session), &c, at_ms(ms));
}

static void sessions_are_summed_up(void **state) {
    struct quality *q = quality_create();
    struct delivery_quality sum;
    quality_summary(q, at_ms(0), &sum);
    assert_int_equal(sum.sessions, 0);
    assert_int_equal(sum.startup_ms.median, -1);
    assert_int_equal(sum.latency_ms.p95, -1);
    quality_take(q, SLICE("silent"), &CMCD_NONE, at_ms(0)); /* watches, and says nothing */
    /* version 1: urgent at first, then not */
    say(q, "one", "ot=m,su,sid=\"1\"", 0);
    say(q, "one", "ot=v,br=1000,su,sid=\"1\"", 100);
    say(q, "one", "ot=v,br=1000,sid=\"1\"", 700);
    say(q, "one", "ot=v,br=3000,sid=\"1\",ltc=1000", 1800000);
    say(q, "one", "ot=a,br=128,sid=\"1\",bs", 1800100);
    /* version 2: says it */
    say(q, "two", "ot=v,br=(1000;v),msd=300,ltc=3000,v=2", 1800000);
    quality_summary(q, at_ms(1800200), &sum);
    assert_int_equal(sum.sessions, 2);
    assert_int_equal(sum.startup_ms.median, 300);
    assert_int_equal(sum.startup_ms.p95, 300);
    assert_int_equal(sum.latency_ms.median, 1000);
    assert_int_equal(quality_viewers(q, at_ms(1800200)), 2);
    assert_true(sum.stalls_per_hour > 1.99 && sum.stalls_per_hour < 2.0);
    assert_int_equal(sum.bitrate_bps, 1000000);
    quality_summary(q, at_ms(1800200 + 61000), &sum); /* latency is of now */
    assert_int_equal(sum.latency_ms.median, -1);
    quality_destroy(&q);
}

/* Many more sessions than are remembered: the newest are, and memory does not grow. */
static void the_newest_sessions_are_remembered(void **state) {
    struct quality *q = quality_create();
    char name[32], text[64];
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "session-%d", i);
        snprintf(text, sizeof text, "msd=%d,sid=\"x\"", i);
        say(q, name, text, i);
    }
    struct delivery_quality sum;
    quality_summary(q, at_ms(20000), &sum);
    assert_in_range(sum.sessions, QUALITY_SESSIONS_MAX * 9 / 10, QUALITY_SESSIONS_MAX);
    assert_in_range(sum.startup_ms.median, 17000, 20000);
    quality_destroy(&q);
}

static void viewers_are_counted(void **state) {
    struct quality *q = quality_create();
    char name[32];
    static const int counts[] = {1, 2, 3, 10, 100, 1000, 10000, 100000};
    int next = 0;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        for (; next < counts[i]; next++) {
            snprintf(name, sizeof name, "%08x%08x", next * 2654435761u, next);
            quality_take(q, slice_cstr(name), &CMCD_NONE, at_ms(0));
        }
        uint32_t viewers = quality_viewers(q, at_ms(1000));
        int slack = counts[i] < 100 ? 0 : counts[i] / 10;
        assert_in_range(viewers, counts[i] - slack, counts[i] + slack);
    }
    assert_int_equal(quality_viewers(q, at_ms((QUALITY_VIEWER_S + 1) * 1000)), 0);
    quality_destroy(&q);
}

static void titles_go_on_and_off_air(void **state) {
    struct on_air_table *t = on_air_table_create();
    struct public_id a = public_id_random(), b = public_id_random();
    assert_null(on_air_take(t, public_id_slice(&a)));
    assert_int_equal(on_air_put(t, &a).kind, ERR_NONE);
    assert_int_equal(on_air_put(t, &a).kind, ERR_NONE);
    assert_int_equal(on_air_put(t, &b).kind, ERR_NONE);
    struct on_air *one = on_air_take(t, public_id_slice(&a));
    assert_true(one->is_open);
    quality_take(one->quality, SLICE("s"), &CMCD_NONE, at_ms(0));
    uint64_t titles, viewers;
    on_air_count(t, at_ms(0), &titles, &viewers);
    assert_int_equal(titles, 2);
    assert_int_equal(viewers, 1);
    on_air_end(t, &a);
    assert_false(one->is_open);
    on_air_count(t, at_ms(0), &titles, &viewers);
    assert_int_equal(titles, 1);
    on_air_remove(t, &a);
    assert_null(on_air_take(t, public_id_slice(&a)));
    assert_int_equal(quality_viewers(one->quality, at_ms(0)), 1); /* who has it, has it */
    on_air_give(&one);
    on_air_remove(t, &a);
    on_air_table_destroy(&t);
}

static void ranges_of_parts_are_read(void **state) {
    uint64_t first, last;
    assert_true(live_range_read(SLICE("bytes=0-"), &first, &last));
    assert_true(first == 0 && last == UINT64_MAX);
    assert_true(live_range_read(SLICE("bytes=100-199"), &first, &last));
    assert_true(first == 100 && last == 199);
    assert_true(live_range_read(SLICE("bytes=7-9007199254740991"), &first, &last));
    static const char *const others[] = {"", "bytes", "bytes=", "bytes=-", "bytes=-5", "bytes=5", "bytes=9-5", "bytes=0-1,3-4", "items=0-", "bytes=a-", "bytes=0-x", "bytes=99999999999999999999-"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) assert_false(live_range_read(slice_cstr(others[i]), &first, &last));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_one_is_read),        cmocka_unit_test(version_two_is_read),
        cmocka_unit_test(fields_add_up_and_broken_ones_end), cmocka_unit_test(sessions_are_summed_up),
        cmocka_unit_test(the_newest_sessions_are_remembered), cmocka_unit_test(viewers_are_counted),
        cmocka_unit_test(titles_go_on_and_off_air),   cmocka_unit_test(ranges_of_parts_are_read),
    };
    return cmocka_run_group_tests_name("quality", tests, NULL, NULL);
}
