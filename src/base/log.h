/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * log.h: one line per event, as logfmt for people or JSON for machines, on standard error. A line has a time, a
 * level, an area ("http", "import"), an event ("listening") and fields. Secrets never go in.
 *
 *   log_info("http", "listening", LOG_TEXT("address", address), LOG_INT("threads", n));
 *
 * Any thread; each line is one write. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

struct log_field {
    const char *name;
    enum { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_BOOL } kind;
    struct slice text;
    int64_t number;
};
#define LOG_SLICE(key, s) ((struct log_field){.name = (key), .kind = LOG_FIELD_TEXT, .text = (s)})
#define LOG_TEXT(key, cstr) LOG_SLICE(key, slice_cstr(cstr))
#define LOG_INT(key, n) ((struct log_field){.name = (key), .kind = LOG_FIELD_INT, .number = (n)})
#define LOG_BOOL(key, b) ((struct log_field){.name = (key), .kind = LOG_FIELD_BOOL, .number = (b)})

/* What is below `level` is dropped; `fd` stays the caller's. Defaults: LOG_INFO, logfmt, standard error. */
void log_configure(enum log_level level, enum log_format format, int fd);
bool log_wants(enum log_level);

void log_line(enum log_level, const char *area, const char *event, const struct log_field *fields, size_t count);

#define LOG_AT_(level, area, event, ...)                                                                   \
    do {                                                                                                   \
        if (log_wants(level)) {                                                                            \
            const struct log_field log_fields_[] = {{0}, ##__VA_ARGS__};                                   \
            log_line(level, area, event, log_fields_ + 1, sizeof log_fields_ / sizeof *log_fields_ - 1);   \
        }                                                                                                  \
    } while (0)
#define log_debug(area, event, ...) LOG_AT_(LOG_DEBUG, area, event, ##__VA_ARGS__)
#define log_info(area, event, ...) LOG_AT_(LOG_INFO, area, event, ##__VA_ARGS__)
#define log_warn(area, event, ...) LOG_AT_(LOG_WARN, area, event, ##__VA_ARGS__)
#define log_error(area, event, ...) LOG_AT_(LOG_ERROR, area, event, ##__VA_ARGS__)

/* The fields of an error: LOG_ERR(e) stands for code, sentence and errno. */
#define LOG_ERR(e) \
    LOG_TEXT("kind", err_kind_name((e).kind)), LOG_TEXT("code", (e).code), LOG_TEXT("what", (e).what), LOG_INT("errno", (e).sys)

#endif
