/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fault.h"
#include "media/caption/caption.h"

static struct arena *mem;

static void assert_text(struct slice got, const char *wanted) {
    struct slice want = slice_of(wanted, strlen(wanted));
    if (!slice_eq(got, want)) print_message("# got: %.*s\n# wanted: %.*s\n", (int)got.len, got.len ? got.ptr : "", (int)want.len, want.ptr);
    assert_true(slice_eq(got, want));
}

/* What a file reads as, written again. */
static struct slice again(const char *file, struct buf *out) {
    struct caption_list list = caption_list_of(mem);
    struct err e = caption_read_webvtt(slice_cstr(file), &list, NULL);
    assert_int_equal(e.kind, ERR_NONE);
    caption_write_webvtt(&list, out);
    return buf_slice(out);
}
static void assert_reads_as(const char *file, const char *wanted) {
    struct buf out = BUF(65536), twice = BUF(65536);
    assert_text(again(file, &out), wanted);
    buf_u8(&out, 0);
    assert_text(again(out.ptr, &twice), wanted);
    buf_free(&out);
    buf_free(&twice);
}

static void a_file_is_read_and_written(void **state) {
    assert_reads_as("WEBVTT - a title\r\nKind: captions\r\n\r\nNOTE\r\nnothing\r\n\r\nSTYLE\r\n::cue { color: red }\r\n\r\n1\r\n00:01.000 --> 00:02.500 line:0 align:start "
                    "region:x size:101% position:10%,line-left\r\nHello <b>you</b> &amp; me\r\nsecond line\r\n\r\n100:00:00.000 --> 100:00:01.000\r\nlate\r\n",
                    "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.500 line:0 align:start position:10%,line-left\nHello <b>you</b> &amp; me\nsecond line\n"
                    "\n100:00:00.000 --> 100:00:01.000\nlate\n");
    assert_reads_as("\xef\xbb\xbfWEBVTT\n\n00:00.000 --> 00:01.000\nx", "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nx\n");
    assert_reads_as("WEBVTT", "WEBVTT\n");
    assert_reads_as("WEBVTT\n\nNOTE only a note", "WEBVTT\n");
}

static void bad_blocks_are_skipped_and_counted(void **state) {
    struct caption_list list = caption_list_of(mem);
    struct err e = caption_read_webvtt(SLICE("WEBVTT\n\n00:61.000 --> 00:02.000\nwrong seconds\n\n00:02.000 --> 00:01.000\nbackwards\n\n"
                                             "00:01.000 --> 00:02.000\n<b></b>\n\n00:01.000 --> 00:02.000\none\n00:03.000 --> 00:04.000\ntwo\n\nrubbish\nmore\n\n"
                                             "00:05.000 -->00:06.000\nthree"), &list, NULL);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.dropped, 3);
    assert_text(list.cues[0].text, "one");
    assert_text(list.cues[1].text, "two");
    assert_text(list.cues[2].text, "three");
}

static void what_is_no_webvtt_is_refused(void **state) {
    struct caption_list list = caption_list_of(mem);
    const struct slice files[] = {SLICE(""), SLICE("WEBVTTX\n"), SLICE("1\n00:00:01,000 --> 00:00:02,000\nsrt"), slice_of("WEBVTT\0", 7)};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) assert_string_equal(caption_read_webvtt(files[i], &list, NULL).code, "caption.not_webvtt");
    assert_string_equal(caption_read_webvtt(SLICE("WEBVTT\n\n00:00.000 --> 00:01.000\n\xff\xfe"), &list, NULL).code, "caption.not_utf8");
}

static void a_timestamp_map_gives_the_offset(void **state) {
    struct caption_list list = caption_list_of(mem);
    int64_t offset = 7;
    assert_int_equal(caption_read_webvtt(SLICE("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:02.000\n\n"), &list, &offset).kind, ERR_NONE);
    assert_int_equal(offset, 8000);
    assert_int_equal(caption_read_webvtt(SLICE("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:9000000000000,LOCAL:00:00:02.000\n\n"), &list, &offset).kind, ERR_NONE);
    assert_int_equal(offset, 0);
}

static void cue_text_is_balanced_and_escaped(void **state) {
    const char *const pairs[][2] = {
        {"plain", "plain"},
        {"<b>bold", "<b>bold</b>"},
        {"<b><i>x</b>y</i>", "<b><i>x</i></b>y"},
        {"</i>x", "x"},
        {"<v.loud Fred & Co>hi</v>", "<v.loud Fred &amp; Co>hi</v>"},
        {"<c.yellow.bg_blue>y</c>", "<c.yellow.bg_blue>y</c>"},
        {"<lang zh-Hans>字</lang>", "<lang zh-Hans>字</lang>"},
        {"<ruby>字<rt>zi</rt></ruby>", "<ruby>字<rt>zi</rt></ruby>"},
        {"<script>alert(1)</script>", "alert(1)"},
        {"<blink>x", "x"},
        {"a < b > c & d", "a  c &amp; d"},
        {"<v A-->x", "<v A>x</v>"},
        {"a &lt; b &gt; c &amp; d &eacute; &#233; &#xE9;", "a &lt; b &gt; c &amp; d &amp;eacute; é é"},
        {"one\n\n\n  two  \n", "one\ntwo"},
        {"a<00:00:01.000>b<0:1>c", "a<00:00:01.000>bc"},
        {"x\x01\x7fy", "xy"},
        {"--&gt;", "--&gt;"},
        {" \n<b> </b>", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) assert_text(caption_text_from_webvtt(mem, slice_cstr(pairs[i][0])), pairs[i][1]);
}

static void subrip_becomes_cue_text(void **state) {
    struct slice settings;
    assert_text(caption_text_from_subrip(mem, SLICE("<i>Hello</i> <font color=\"#ff0000\">red</font>\r\n<B>loud</B> 1 < 2 & 3"), &settings),
                "<i>Hello</i> red\n<b>loud</b> 1 &lt; 2 &amp; 3");
    assert_int_equal(settings.len, 0);
    assert_text(caption_text_from_subrip(mem, SLICE("{\\an8}top {not an override}"), &settings), "top {not an override}");
    assert_text(settings, "line:0");
    assert_text(caption_text_from_subrip(mem, SLICE("caf\xe9 \x80""5"), NULL), "café €5");
}

static void ass_becomes_cue_text(void **state) {
    struct slice settings;
    assert_text(caption_text_from_ass(mem, SLICE("0,0,Default,,0,0,0,,{\\an7\\b1}Bold{\\b0}, comma{comment}\\Nline\\htwo"), &settings), "<b>Bold</b>, comma\nline\u00a0two");
    assert_text(settings, "line:0 align:left");
    assert_text(caption_text_from_ass(mem, SLICE("0,0,D,,0,0,0,,{\\p1}m 0 0 l 100 0{\\p0}after{\\i1}slanted{\\r}plain{\\bord2\\fad(1,2)}x"), &settings),
                "after<i>slanted</i>plainx");
    assert_text(caption_text_from_ass(mem, SLICE("0,0,D"), &settings), "");
    assert_text(caption_text_from_ass(mem, SLICE("0,0,D,,0,0,0,,{unclosed"), &settings), "{unclosed");
}

static void tx3g_becomes_cue_text(void **state) {
    const uint8_t styled[] = {0, 5, 'a', 'b', 'c', 'd', 'e', 0, 0, 0, 34, 's', 't', 'y', 'l', 0, 2,
                              0, 1, 0, 3, 0, 1, 1, 18, 0, 0, 0, 0,
                              0, 3, 0, 4, 0, 1, 2, 18, 0, 0, 0, 0};
    assert_text(caption_text_from_tx3g(mem, slice_of(styled, sizeof styled)), "a<b>bc</b><i>d</i>e");
    const uint8_t utf16[] = {0, 8, 0xfe, 0xff, 0, 'a', 0xd8, 0x3d, 0xde, 0x00};
    assert_text(caption_text_from_tx3g(mem, slice_of(utf16, sizeof utf16)), "a😀");
    assert_text(caption_text_from_tx3g(mem, SLICE("\0\x09short")), "");
    assert_text(caption_text_from_tx3g(mem, SLICE("")), "");
}

static void cues_are_sorted_and_tiles_are_cues(void **state) {
    struct caption_list list = caption_list_of(mem);
    for (int i = 0; i < 1000; i++) {
        int64_t start = (i * 7919) % 500;
        struct err e = caption_add(&list, (struct caption_cue){.start_ms = start, .end_ms = start + 1 + i % 3, .text = SLICE("x")});
        assert_int_equal(e.kind, ERR_NONE);
    }
    assert_int_equal(caption_sort(&list).kind, ERR_NONE);
    for (size_t i = 1; i < list.count; i++) assert_true(list.cues[i].start_ms >= list.cues[i - 1].start_ms);
    list = caption_list_of(mem);
    assert_int_equal(caption_add_tile(&list, 0, 2000, "thumbs-0.jpg", 160, 90, 160, 90).kind, ERR_NONE);
    assert_text(list.cues[0].text, "thumbs-0.jpg#xywh=160,90,160,90");
    assert_int_equal(caption_add(&list, (struct caption_cue){.start_ms = -500, .end_ms = 100, .text = SLICE("x")}).kind, ERR_NONE);
    assert_int_equal(list.cues[1].start_ms, 0);
}

static void each_allocation_may_fail(void **state) {
    for (uint64_t n = 1;; n++) {
        struct arena *own = arena_create(1 << 20);
        struct caption_list list = caption_list_of(own);
        fault_arm(FAULT_ALLOC, n, true);
        struct err e = caption_read_webvtt(SLICE("WEBVTT\n\nid\n00:01.000 --> 00:02.000 align:start\n<v A>x\n\n00:03.000 --> 00:04.000\n<00:00:03.500>y"), &list, NULL);
        bool fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        if (!fired) assert_int_equal(list.count, 2);
        assert_true(fired ? e.kind == ERR_LIMIT : !e.kind);
        arena_destroy(&own);
        if (!fired) break;
    }
}

static int set_up(void **state) { return (mem = arena_create(64 << 20)) ? 0 : -1; }
static int tear_down(void **state) {
    arena_destroy(&mem);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_and_written),
        cmocka_unit_test(bad_blocks_are_skipped_and_counted),
        cmocka_unit_test(what_is_no_webvtt_is_refused),
        cmocka_unit_test(a_timestamp_map_gives_the_offset),
        cmocka_unit_test(cue_text_is_balanced_and_escaped),
        cmocka_unit_test(subrip_becomes_cue_text),
        cmocka_unit_test(ass_becomes_cue_text),
        cmocka_unit_test(tx3g_becomes_cue_text),
        cmocka_unit_test(cues_are_sorted_and_tiles_are_cues),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("caption", tests, set_up, tear_down);
}
