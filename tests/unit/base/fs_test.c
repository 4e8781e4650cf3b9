/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"

static char folder[] = "/tmp/grandstand-fs-XXXXXX";
static int dir_fd;

static int set_up(void **state) {
    return !mkdtemp(folder) || fs_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0, &dir_fd).kind;
}
static int tear_down(void **state) {
    fs_close(&dir_fd);
    return fs_remove_tree(AT_FDCWD, folder).kind;
}

static void assert_content(const char *path, const char *want) {
    struct buf b = BUF(1000);
    assert_int_equal(fs_read_file(dir_fd, path, &b).kind, ERR_NONE);
    assert_true(slice_eq(buf_slice(&b), slice_cstr(want)));
    buf_free(&b);
}

static void read_and_write_whole_files(void **state) {
    assert_int_equal(fs_write_file_atomic(dir_fd, "a", SLICE("hello"), 0600).kind, ERR_NONE);
    assert_content("a", "hello");
    struct buf exact = BUF(5), small = BUF(4);
    assert_int_equal(fs_read_file(dir_fd, "a", &exact).kind, ERR_NONE);
    assert_int_equal(fs_read_file(dir_fd, "a", &small).kind, ERR_LIMIT);
    assert_int_equal(fs_read_file(dir_fd, "none", &small).kind, ERR_NOT_FOUND);
    buf_free(&exact);
    buf_free(&small);
}

/* Whatever step fails, the file has its old content or its new one, and nothing lies around. */
static void atomic_write_survives_each_fault(void **state) {
    const enum fault_point points[] = {FAULT_WRITE, FAULT_SYNC};
    for (size_t p = 0; p < ARRAY_LEN(points); p++) {
        for (uint64_t nth = 1;; nth++) {
            assert_int_equal(fs_write_file_atomic(dir_fd, "b", SLICE("old"), 0600).kind, ERR_NONE);
            fault_arm(points[p], nth, false);
            struct err e = fs_write_file_atomic(dir_fd, "b", SLICE("new"), 0600);
            bool fired = fault_fired(points[p]);
            fault_disarm_all();
            assert_true((e.kind != ERR_NONE) == fired);
            char beside[64];
            snprintf(beside, sizeof beside, "b.%d.tmp", (int)getpid());
            assert_false(fs_exists(dir_fd, beside));
            if (!fired) {
                assert_true(nth > 1);
                assert_content("b", "new");
                break;
            }
            struct buf b = BUF(10);
            assert_int_equal(fs_read_file(dir_fd, "b", &b).kind, ERR_NONE);
            assert_true(slice_eq(buf_slice(&b), SLICE("old")) || slice_eq(buf_slice(&b), SLICE("new")));
            buf_free(&b);
        }
    }
}

static void trees_are_made_and_removed_without_following_links(void **state) {
    assert_int_equal(fs_make_dirs(dir_fd, "x/y/z", 0700).kind, ERR_NONE);
    assert_int_equal(fs_make_dirs(dir_fd, "x/y/z", 0700).kind, ERR_NONE);
    assert_int_equal(fs_write_file_atomic(dir_fd, "keep", SLICE("k"), 0600).kind, ERR_NONE);
    assert_int_equal(fs_make_dirs(dir_fd, "keep", 0700).kind, ERR_CONFLICT);
    assert_int_equal(fs_write_file_atomic(dir_fd, "x/y/z/f", SLICE("f"), 0600).kind, ERR_NONE);
    assert_int_equal(symlinkat("../keep", dir_fd, "x/link"), 0);
    assert_int_equal(symlinkat("..", dir_fd, "x/up"), 0);
    assert_int_equal(fs_remove_tree(dir_fd, "x").kind, ERR_NONE);
    assert_false(fs_exists(dir_fd, "x"));
    assert_content("keep", "k");
    assert_int_equal(fs_remove_tree(dir_fd, "x").kind, ERR_NONE);
}

static void vectors_are_written_whole_and_reads_know_the_end(void **state) {
    int fd;
    assert_int_equal(fs_open(dir_fd, "v", O_RDWR | O_CREAT, 0600, &fd).kind, ERR_NONE);
    char abc[] = "abc", defg[] = "defg";
    struct iovec v[] = {{abc, 0}, {abc, 3}, {NULL, 0}, {defg, 4}};
    assert_int_equal(fs_writev_all(fd, v, 4).kind, ERR_NONE);
    char bytes[8];
    assert_int_equal(fs_pread_all(fd, bytes, 4, 3).kind, ERR_NONE);
    assert_memory_equal(bytes, "defg", 4);
    struct err e = fs_pread_all(fd, bytes, 4, 4);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_string_equal(e.code, "file.truncated");
    uint64_t bytes_in_file;
    assert_int_equal(fs_size(fd, &bytes_in_file).kind, ERR_NONE);
    assert_int_equal(bytes_in_file, 7);
    fs_close(&fd);
    assert_int_equal(fd, -1);
}

static void room_is_reserved_behind_the_end_and_given_back(void **state) {
    int fd;
    struct stat before, info;
    assert_int_equal(fs_open(dir_fd, "r", O_RDWR | O_CREAT, 0600, &fd).kind, ERR_NONE);
    assert_int_equal(fs_write_all(fd, SLICE("hello")).kind, ERR_NONE);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(fstat(fd, &before), 0);
    if (fs_reserve(fd, 0, 1 << 20)) { /* not every file system can */
        assert_int_equal(fstat(fd, &info), 0);
        assert_int_equal(info.st_size, 5);
        assert_true(info.st_blocks >= 2048);
    }
    assert_int_equal(fs_write_all(fd, SLICE(" world")).kind, ERR_NONE);
    assert_int_equal(fs_give_back(fd, 11).kind, ERR_NONE);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_blocks, before.st_blocks);
    assert_false(fs_reserve(fd, 0, UINT64_C(1) << 60)); /* more than any disk has */
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_blocks, before.st_blocks);
    assert_content("r", "hello world");
    fs_close(&fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_and_write_whole_files), cmocka_unit_test(atomic_write_survives_each_fault),
        cmocka_unit_test(trees_are_made_and_removed_without_following_links),
        cmocka_unit_test(vectors_are_written_whole_and_reads_know_the_end),
        cmocka_unit_test(room_is_reserved_behind_the_end_and_given_back)};
    return cmocka_run_group_tests_name("fs", tests, set_up, tear_down);
}
