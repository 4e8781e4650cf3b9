/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * work_folder.h: a folder of its own for a test program, shell commands in it, and what they leave there. What cannot be done fails the test that asks for it.
 * For one source file of a program: the folder is that file's. */
#ifndef TESTS_LIB_WORK_FOLDER_H
#define TESTS_LIB_WORK_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"

enum { WORK_PATH_MAX = 256, WORK_COMMAND_MAX = 4096 };

static char work[] = "/tmp/grandstand-test-XXXXXX"; /* mkdtemp fills it in */

/* For a group's set-up and tear-down. */
static inline int work_make(void **state) { return mkdtemp(work) ? 0 : -1; }
static inline int work_remove(void **state) { return fs_remove_tree(AT_FDCWD, work).kind ? -1 : 0; }

/* The file's path, in `room`. */
static inline const char *work_path(const char *name, char room[WORK_PATH_MAX]) {
    assert_in_range(snprintf(room, WORK_PATH_MAX, "%s/%s", work, name), 1, WORK_PATH_MAX - 1);
    return room;
}
/* The whole file. The bytes are the buffer's, which is the caller's to free. */
static inline struct slice work_read(const char *name, struct buf *out) {
    char path[WORK_PATH_MAX];
    *out = BUF((size_t)64 << 20);
    assert_int_equal(fs_read_file(AT_FDCWD, work_path(name, path), out).kind, ERR_NONE);
    return buf_slice(out);
}
/* Opened for reading; the caller closes it. */
static inline int work_open(const char *name) {
    char path[WORK_PATH_MAX];
    int fd = -1;
    assert_int_equal(fs_open(AT_FDCWD, work_path(name, path), O_RDONLY, 0, &fd).kind, ERR_NONE);
    return fd;
}

static inline const char *work_command(const char *format, va_list args, char room[WORK_COMMAND_MAX]) __attribute__((format(printf, 1, 0)));
static inline const char *work_command(const char *format, va_list args, char room[WORK_COMMAND_MAX]) {
    int at = snprintf(room, WORK_COMMAND_MAX, "cd %s && ", work);
    assert_in_range(vsnprintf(room + at, WORK_COMMAND_MAX - (size_t)at, format, args), 1, WORK_COMMAND_MAX - at - 1);
    return room;
}
/* A command in the folder, which has to succeed. */
static inline void shell(const char *format, ...) PRINTF_LIKE(1, 2);
static inline void shell(const char *format, ...) {
    char command[WORK_COMMAND_MAX];
    va_list args;
    va_start(args, format);
    work_command(format, args, command);
    va_end(args);
    if (system(command)) fail_msg("failed: %s", command);
}
/* The same, and what it prints; the caller frees it by test_free. */
static inline char *ask(const char *format, ...) PRINTF_LIKE(1, 2);
static inline char *ask(const char *format, ...) {
    char command[WORK_COMMAND_MAX];
    va_list args;
    va_start(args, format);
    FILE *out = popen(work_command(format, args, command), "r");
    va_end(args);
    assert_non_null(out);
    char *text = test_calloc(1, 1 << 20);
    text[fread(text, 1, (1 << 20) - 1, out)] = 0;
    assert_int_equal(pclose(out), 0);
    return text;
}

#endif
