/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/fs.h"
#include "media/cmaf/cmaf.h"
#include "media_maker.h"

static struct arena *arena;
static struct cmaf_index index_;
static int file, dir;

static int set_up(void **state) {
    struct rng rng = rng_seeded(1);
    struct made m = made_samples(&rng, (struct made_shape){.count = 500, .duration = 512, .gop = 50, .has_b_frames = true, .bytes_max = 200});
    struct cmaf_track track = made_h264();
    arena = arena_create(4 << 20);
    file = made_file();
    dir = made_dir();
    index_ = made_track_file(file, &track, &m, arena);
    made_free(&m);
    return cmaf_index_write(dir, "v0.idx", &index_).kind;
}
static int tear_down(void **state) {
    close(file);
    made_dir_remove(dir);
    arena_destroy(&arena);
    return 0;
}

static void crc_is_castagnolis(void **state) {
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283); /* the usual check value */
    static const char zeros[32];
    assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa); /* RFC 3720 appendix B.4 */
    assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

static void comes_back_whole(void **state) {
    struct cmaf_index back;
    assert_ok(cmaf_index_read(dir, "v0.idx", arena, &back));
    assert_int_equal(back.segment_count, index_.segment_count);
    assert_memory_equal(back.segments, index_.segments, back.segment_count * sizeof *back.segments);
    assert_true(slice_eq(back.init, index_.init));
    assert_int_equal(back.sidx_offset, index_.sidx_offset);
    assert_int_equal(back.sidx_bytes, index_.sidx_bytes);
    assert_int_equal(back.file_bytes, index_.file_bytes);
    assert_int_equal(back.track.rate_num, 25);
    assert_int_equal(back.track.width, 1280);
    assert_ok(cmaf_index_verify(&back, file));
}

static void no_index_is_not_found(void **state) {
    struct cmaf_index back;
    assert_int_equal(cmaf_index_read(dir, "v1.idx", arena, &back).kind, ERR_NOT_FOUND);
}

static void any_changed_byte_is_noticed(void **state) {
    struct buf bytes = BUF(1 << 20);
    assert_ok(fs_read_file(dir, "v0.idx", &bytes));
    struct cmaf_index back = {0};
    struct arena *scratch = arena_create(1 << 20);
    for (size_t i = 0; i < bytes.len; i++) {
        for (int bit = 0; bit < 8; bit += 3) {
            bytes.ptr[i] ^= (char)(1 << bit);
            struct err e = cmaf_index_parse(buf_slice(&bytes), scratch, &back);
            bytes.ptr[i] ^= (char)(1 << bit);
            arena_reset(scratch);
            /* The padding behind the init segment means nothing. */
            bool is_padding = i >= 64 + index_.init.len && i < 64 + (index_.init.len + 7) / 8 * 8;
            if (!is_padding) assert_int_equal(e.kind, ERR_INPUT);
        }
    }
    arena_destroy(&scratch);
    buf_free(&bytes);
}

static void any_shorter_file_is_noticed(void **state) {
    struct buf bytes = BUF(1 << 20);
    assert_ok(fs_read_file(dir, "v0.idx", &bytes));
    struct cmaf_index back;
    struct arena *scratch = arena_create(1 << 20);
    for (size_t len = 0; len < bytes.len; len++) {
        char *exact = malloc(len ? len : 1); /* a byte too far is seen */
        if (len) memcpy(exact, bytes.ptr, len);
        assert_int_equal(cmaf_index_parse(slice_of(exact, len), scratch, &back).kind, ERR_INPUT);
        arena_reset(scratch);
        free(exact);
    }
    arena_destroy(&scratch);
    buf_free(&bytes);
}

static void needs_no_more_memory_than_its_arena(void **state) {
    struct arena *small = arena_create(600);
    struct cmaf_index back;
    assert_int_equal(cmaf_index_read(dir, "v0.idx", small, &back).kind, ERR_LIMIT);
    arena_destroy(&small);
}

static void another_file_is_a_mismatch(void **state) {
    struct cmaf_segment *segments = malloc(index_.segment_count * sizeof *segments);
    memcpy(segments, index_.segments, index_.segment_count * sizeof *segments);
    struct cmaf_index wrong = index_;
    wrong.segments = segments;
    segments[3].key_bytes++;
    assert_err(cmaf_index_verify(&wrong, file), ERR_INPUT, "index.mismatch");
    segments[3].key_bytes--;
    assert_ok(cmaf_index_verify(&wrong, file));
    segments[2].flags ^= CMAF_SEGMENT_SYNC;
    assert_err(cmaf_index_verify(&wrong, file), ERR_INPUT, "index.mismatch");
    free(segments);
}

/* A track file that was cut off, at any place, is no track file any more, and says so. */
static void a_cut_file_is_not_rebuilt(void **state) {
    char *bytes = malloc(index_.file_bytes);
    assert_ok(fs_pread_all(file, bytes, index_.file_bytes, 0));
    for (uint64_t len = 0; len < index_.file_bytes; len += len < 2000 ? 1 : 97) {
        bool is_between = false; /* whole segments, but fewer: only the index can tell */
        for (size_t i = 1; i < index_.segment_count; i++) is_between |= index_.segments[i].offset == len;
        int cut = made_file_of(bytes, len);
        struct arena *scratch = arena_create(1 << 20);
        struct cmaf_index back;
        struct err e = cmaf_index_rebuild(cut, scratch, &back);
        if (!is_between) assert_int_equal(e.kind, ERR_INPUT);
        assert_int_equal(cmaf_index_verify(&index_, cut).kind, ERR_INPUT);
        arena_destroy(&scratch);
        close(cut);
    }
    free(bytes);
}

static struct cmaf_index rates(struct cmaf_segment *segments, size_t count) {
    return (struct cmaf_index){.track = {.timescale = 1000}, .segments = segments, .segment_count = count};
}

/* RFC 8216 section 4.3.4.2, by hand. */
static void bitrates_are_those_of_the_rfc(void **state) {
    uint64_t peak, average;
    struct cmaf_segment even[] = {{.duration = 2000, .bytes = 1000}, {.duration = 2000, .bytes = 3000}, {.duration = 2000, .bytes = 2000}};
    struct cmaf_index index = rates(even, 3);
    cmaf_index_bitrates(&index, &peak, &average);
    assert_int_equal(average, 8000);
    assert_int_equal(peak, 12000);
    /* The 0.5 s at the end alone is shorter than half a target duration (2 s): it counts together with what stands before. */
    struct cmaf_segment tail[] = {{.duration = 2000, .bytes = 1000}, {.duration = 500, .bytes = 5000}};
    index = rates(tail, 2);
    cmaf_index_bitrates(&index, &peak, &average);
    assert_int_equal(peak, 6000 * 8 * 10 / 25);
    struct cmaf_segment lone[] = {{.duration = 100, .bytes = 1000}};
    index = rates(lone, 1);
    cmaf_index_bitrates(&index, &peak, &average);
    assert_int_equal(average, 80000);
    assert_int_equal(peak, 80000);
    struct cmaf_segment none[] = {{.duration = 0, .bytes = 1000}};
    index = rates(none, 1);
    cmaf_index_bitrates(&index, &peak, &average);
    assert_int_equal(average, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_is_castagnolis),
        cmocka_unit_test(comes_back_whole),
        cmocka_unit_test(no_index_is_not_found),
        cmocka_unit_test(any_changed_byte_is_noticed),
        cmocka_unit_test(any_shorter_file_is_noticed),
        cmocka_unit_test(needs_no_more_memory_than_its_arena),
        cmocka_unit_test(another_file_is_a_mismatch),
        cmocka_unit_test(a_cut_file_is_not_rebuilt),
        cmocka_unit_test(bitrates_are_those_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
