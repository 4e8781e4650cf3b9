/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

static atomic_int wanted_level = LOG_INFO;
static atomic_int wanted_format = LOG_FORMAT_LOGFMT;
static atomic_int output_fd = STDERR_FILENO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_configure(enum log_level level, enum log_format format, int fd) {
    atomic_store(&wanted_level, level);
    atomic_store(&wanted_format, format);
    atomic_store(&output_fd, fd);
}

bool log_wants(enum log_level level) { return (int)level >= atomic_load_explicit(&wanted_level, memory_order_relaxed); }

static bool needs_quotes(struct slice s) {
    if (!s.len) return true;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == '"' || s.ptr[i] == '=' || s.ptr[i] == '\\' || s.ptr[i] == 127) return true;
    return false;
}

static void logfmt_line(struct buf *out, enum log_level level, const char *area, const char *event,
                        const struct log_field *fields, size_t count) {
    utc_format(out, clock_utc(clock_system()), 3);
    buf_printf(out, " %-5s %s %s", level_names[level], area, event);
    for (size_t i = 0; i < count; i++) {
        const struct log_field *f = &fields[i];
        buf_printf(out, " %s=", f->name);
        if (f->kind == LOG_FIELD_INT) buf_printf(out, "%lld", (long long)f->number);
        else if (f->kind == LOG_FIELD_BOOL) buf_cstr(out, f->number ? "true" : "false");
        else if (needs_quotes(f->text)) json_quote(out, f->text);
        else buf_append(out, f->text);
    }
}

static void json_line(struct buf *out, enum log_level level, const char *area, const char *event,
                      const struct log_field *fields, size_t count) {
    buf_cstr(out, "{\"time\":\"");
    utc_format(out, clock_utc(clock_system()), 6);
    buf_printf(out, "\",\"level\":\"%s\",\"area\":\"%s\",\"event\":\"%s\"", level_names[level], area, event);
    for (size_t i = 0; i < count; i++) {
        const struct log_field *f = &fields[i];
        buf_printf(out, ",\"%s\":", f->name);
        if (f->kind == LOG_FIELD_INT) buf_printf(out, "%lld", (long long)f->number);
        else if (f->kind == LOG_FIELD_BOOL) buf_cstr(out, f->number ? "true" : "false");
        else json_quote(out, f->text);
    }
    buf_u8(out, '}');
}

/* A line that would not fit, or for which memory ran out, is cut rather than lost: the log must speak above all when
 * things go wrong. So it is built in a fixed array on the stack. */
void log_line(enum log_level level, const char *area, const char *event, const struct log_field *fields, size_t count) {
    char space[4096];
    struct buf out = {.ptr = space, .capacity = sizeof space - 1, .bytes_max = sizeof space - 1};
    bool is_json = atomic_load(&wanted_format) == LOG_FORMAT_JSON;
    (is_json ? json_line : logfmt_line)(&out, level, area, event, fields, count);
    if (out.has_failed && is_json) {
        buf_clear(&out);
        json_line(&out, level, area, event, NULL, 0);
    }
    space[out.len++] = '\n';
    ssize_t written = write(atomic_load(&output_fd), space, out.len);
    (void)written; /* nobody to tell */
}
