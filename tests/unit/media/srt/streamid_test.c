/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/srt/srt.h"

static void key_is(const char *streamid, const char *key) {
    struct slice found = SLICE_NONE;
    struct err e = srt_streamid_parse(slice_cstr(streamid), &found);
    if (e.kind) print_message("# %s: %s\n", streamid, e.code);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(slice_eq(found, slice_cstr(key)));
}
static void refused(const char *streamid, const char *code) {
    struct slice found = SLICE("untouched");
    struct err e = srt_streamid_parse(slice_cstr(streamid), &found);
    if (!e.kind) print_message("# taken: %s\n", streamid);
    assert_true(e.kind);
    assert_string_equal(e.code, code);
    assert_true(slice_eq(found, SLICE("untouched")));
}

static void all_forms_give_the_key(void **state) {
    key_is("#!::r=k-7Q,m=publish", "k-7Q");
    key_is("#!::u=admin,r=k7,m=publish,h=example.org,t=stream,s=99", "k7");
    key_is("#!::m=publish,r=live/k7", "k7");
    key_is("#!::r=k7", "k7");
    key_is("publish:k7", "k7");
    key_is("publish:live/k7", "k7");
    key_is("live/k7", "k7");
    key_is("k7", "k7");
    char longest[FEED_KEY_BYTES_MAX + 1] = "";
    for (size_t i = 0; i < FEED_KEY_BYTES_MAX; i++) longest[i] = 'k';
    key_is(longest, longest);
}

static void everything_else_is_refused(void **state) {
    refused("", "srt.streamid");
    refused("#!::", "srt.streamid");
    refused("#!::m=publish", "srt.streamid");
    refused("#!::r=,m=publish", "srt.streamid");
    refused("#!::r=a,r=b", "srt.streamid");
    refused("#!::r=a,publish", "srt.streamid");
    refused("#!:{r=a}", "srt.streamid");
    refused("#!", "srt.streamid");
    refused("publish:", "srt.streamid");
    refused("live/", "srt.streamid");
    refused("a b", "srt.streamid");
    refused("a\nb", "srt.streamid");
    refused("schl\xc3\xbcssel", "srt.streamid");
    refused("#!::r=a,m=request", "srt.mode");
    refused("#!::r=a,m=bidirectional", "srt.mode");
    refused("#!::r=a,m=publish,t=file", "srt.mode");
    refused("read:a", "srt.mode");
    refused("play:a", "srt.mode");
    char longer[FEED_KEY_BYTES_MAX + 2] = "", huge[2000] = "#!::";
    for (size_t i = 0; i <= FEED_KEY_BYTES_MAX; i++) longer[i] = 'k';
    refused(longer, "srt.streamid");
    for (size_t i = 4; i < sizeof huge - 1; i++) huge[i] = 'u';
    refused(huge, "srt.streamid");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_forms_give_the_key), cmocka_unit_test(everything_else_is_refused)};
    return cmocka_run_group_tests_name("srt_streamid", tests, NULL, NULL);
}
