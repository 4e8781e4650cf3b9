/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * publish: the test picture, or a file, to an RTMP address in real time. */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "base/fs.h"
#include "base/json.h"
#include "media/rtmp/rtmp.h"
#include "media/testcard/testcard.h"

const struct option command_publish_options[] = {
    {"test", OPTION_FLAG, NULL, NULL, "send the built-in test picture, with the time in it, instead of a file"},
    {"size", OPTION_TEXT, "WIDTHxHEIGHT", "1280x720", "of the test picture"},
    {"rate", OPTION_TEXT, "RATE", "30", "pictures per second of the test picture: 25, 30, 60, 30000/1001"},
    {"gop-s", OPTION_TEXT, "SECONDS", "1", "between key frames of the test picture"},
    {"bitrate-kbps", OPTION_NUMBER, "KBIT", NULL, "of the test picture; default: by its size, 2500 for 1280x720 at 30"},
    {"title", OPTION_TEXT, "TEXT", "Grandstand", "written on the test picture"},
    {"trouble", OPTION_TEXT, "KIND", NULL, "silence, black or freeze: a test picture with which to try the alarms"},
    {"seconds", OPTION_TEXT, "SECONDS", NULL, "stop after that time"},
    {"loop", OPTION_FLAG, NULL, NULL, "when the file ends begin it again"},
    {"keep", OPTION_FLAG, NULL, NULL, "connect again, for ever, when the connection breaks or is refused"},
    OPTION_JSON,
    OPTION_END,
};

static atomic_bool was_interrupted;
static void interrupt(int signal_number) { atomic_store(&was_interrupted, true); }

struct show {
    bool is_terminal, is_json, is_keeping, has_said_ready, was_connected, has_line;
    bool has_published; /* at least once */
    const char *place; /* the address without its key */
};

struct shown { /* what both kinds of progress have */
    uint64_t bytes, reconnections, units;
    const char *unit, *words;
    uint32_t round_trip_us;
    bool is_connected;
    int64_t seconds;
};

static bool is_cancelled(void *user) { return atomic_load(&was_interrupted); }

static void print_json(struct buf *line) {
    printf("%.*s\n", (int)line->len, line->ptr);
    fflush(stdout);
    buf_free(line);
}

static void show_progress(struct show *s, const struct shown *p) {
    if (p->is_connected != s->was_connected || !s->has_said_ready) {
        if (s->has_line) fputs("\r\033[K", stderr);
        s->has_line = false;
        if (s->is_json) {
            struct buf line = BUF(4096);
            struct json_writer w = json_writer_of(&line);
            json_begin_object(&w);
            json_put_cstr(&w, "event", p->is_connected ? "publishing" : "disconnected");
            json_put_cstr(&w, "server", s->place);
            if (!p->is_connected) json_put_cstr(&w, "why", p->words);
            json_end(&w);
            print_json(&line);
        } else if (p->is_connected) {
            fprintf(stderr, "Publishing to %s. Ctrl+C ends it.\n", s->place);
        } else if (p->words[0] && s->is_keeping) {
            fprintf(stderr, "Not connected: %s\n", p->words);
        }
    }
    s->has_said_ready = true;
    s->was_connected = p->is_connected;
    s->has_published |= p->is_connected;
    if (!s->is_terminal || s->is_json || !p->is_connected) return;
    fprintf(stderr, "\r%lld:%02lld:%02lld   %llu %s   %.1f MB   round trip %.1f ms\033[K", (long long)(p->seconds / 3600),
            (long long)(p->seconds / 60 % 60), (long long)(p->seconds % 60), (unsigned long long)p->units, p->unit, (double)p->bytes / 1e6,
            p->round_trip_us / 1000.0);
    fflush(stderr);
    s->has_line = true;
}

static void on_card(void *user, const struct testcard_progress *p) {
    struct show *s = user;
    struct shown shown = {.bytes = p->bytes, .units = p->frames, .unit = "pictures", .words = p->words, .round_trip_us = p->round_trip_us,
                          .is_connected = p->is_connected, .seconds = (int64_t)p->ms / 1000};
    show_progress(s, &shown);
}

static void on_file(void *user, const struct rtmp_file_progress *p) {
    struct show *s = user;
    struct shown shown = {.bytes = p->bytes, .units = p->samples, .unit = "samples", .words = p->words, .round_trip_us = p->round_trip_us,
                          .is_connected = p->is_connected, .seconds = p->media_ms / 1000};
    show_progress(s, &shown);
}

static struct err usage(const char *what) { return err_make(ERR_INPUT, "publish.options", what); }

/* "1.5" -> 1,500. */
static bool parse_ms(const char *text, int64_t *ms) {
    struct slice s = slice_cstr(text);
    size_t dot = slice_find_byte(s, '.');
    struct slice whole = dot == SLICE_NPOS ? s : slice_sub(s, 0, dot), part = dot == SLICE_NPOS ? SLICE_NONE : slice_sub(s, dot + 1, s.len);
    uint64_t seconds, fraction = 0;
    if (!slice_to_u64(whole, &seconds) || seconds > 1000000000 || part.len > 3 || (dot != SLICE_NPOS && !slice_to_u64(part, &fraction)))
        return false;
    for (size_t i = part.len; i < 3; i++) fraction *= 10;
    *ms = (int64_t)(seconds * 1000 + fraction);
    return true;
}

static bool parse_pair(const char *text, char separator, int max, int *a, int *b) {
    struct slice s = slice_cstr(text);
    size_t at = slice_find_byte(s, separator);
    uint64_t first, second;
    if (at == SLICE_NPOS || !slice_to_u64(slice_sub(s, 0, at), &first) || !slice_to_u64(slice_sub(s, at + 1, s.len), &second)) return false;
    if (!first || !second || first > (uint64_t)max || second > (uint64_t)max) return false;
    *a = (int)first;
    *b = (int)second;
    return true;
}

static bool parse_rate(const char *text, int *num, int *den) {
    uint64_t whole;
    if (parse_pair(text, '/', 1000000, num, den)) return true;
    if (!slice_to_u64(slice_cstr(text), &whole) || !whole || whole > 1000) return false;
    *num = (int)whole;
    *den = 1;
    return true;
}

static bool parse_trouble(const char *text, enum testcard_trouble *out) {
    static const char *const NAMES[] = {[TESTCARD_SILENCE] = "silence", [TESTCARD_BLACK] = "black", [TESTCARD_FREEZE] = "freeze"};
    if (!text) return true;
    for (size_t i = TESTCARD_SILENCE; i < ARRAY_LEN(NAMES); i++) {
        if (strcmp(text, NAMES[i])) continue;
        *out = (enum testcard_trouble)i;
        return true;
    }
    return false;
}

/* For people, and for logs of scripts: the key is a password. */
static void place_of(const char *url, char *out, size_t size) {
    struct slice s = slice_cstr(url);
    size_t end = slice_find_byte(s, '?');
    s = slice_sub(s, 0, end == SLICE_NPOS ? s.len : end);
    while (s.len && s.ptr[s.len - 1] != '/') s.len--;
    while (s.len && s.ptr[s.len - 1] == '/') s.len--;
    snprintf(out, size, "%.*s", (int)s.len, s.ptr);
}

static struct err publish_card(struct command_context *context, const char *url, int64_t ms_max, struct show *show, struct json_writer *w) {
    struct testcard_stream_options o = {
        .url = url,
        .card.title = option_text(context, "title"),
        .bitrate_kbps = (int)option_number(context, "bitrate-kbps"),
        .ms_max = ms_max,
        .keeps = option_flag(context, "keep"),
        .is_cancelled = is_cancelled,
        .progress = on_card,
        .user = show,
    };
    int64_t gop_ms;
    if (!parse_pair(option_text(context, "size"), 'x', 10000, &o.card.width, &o.card.height))
        return usage("--size is two numbers such as 1280x720.");
    if (!parse_rate(option_text(context, "rate"), &o.card.rate_num, &o.card.rate_den))
        return usage("--rate is a number such as 30, or a fraction such as 30000/1001.");
    if (!parse_ms(option_text(context, "gop-s"), &gop_ms) || gop_ms > 60000) return usage("--gop-s is up to 60 seconds, such as 1 or 0.5.");
    o.gop_ms = (int)gop_ms;
    if (!parse_trouble(option_text(context, "trouble"), &o.trouble)) return usage("--trouble is silence, black or freeze.");
    struct testcard_progress p = {0};
    struct err e = testcard_stream_run(&o, &p);
    json_put_number(w, "frames", (int64_t)p.frames);
    json_put_number(w, "frames_skipped", (int64_t)p.frames_skipped);
    json_put_number(w, "bytes", (int64_t)p.bytes);
    json_put_number(w, "reconnections", (int64_t)p.reconnections);
    if (e.kind == ERR_DENIED) json_put_cstr(w, "words", p.words);
    if (!show->is_json && show->has_published)
        fprintf(stderr, "%llu pictures sent, %llu left out, %.1f MB\n", (unsigned long long)p.frames, (unsigned long long)p.frames_skipped,
                (double)p.bytes / 1e6);
    if (!show->is_json && e.kind == ERR_DENIED && p.words[0]) fprintf(stderr, "The server says: %s\n", p.words);
    return e;
}

static struct err publish_file(struct command_context *context, const char *path, const char *url, int64_t ms_max, struct show *show,
                               struct json_writer *w) {
    int fd = -1;
    struct err e = fs_open(AT_FDCWD, path, O_RDONLY, 0, &fd);
    if (e.kind == ERR_NOT_FOUND) return err_make(ERR_NOT_FOUND, "publish.no_file", "There is no such file.");
    if (e.kind) return e;
    struct rtmp_file_options o = {
        .publisher = {.url = url, .is_cancelled = is_cancelled, .user = show},
        .fd = fd,
        .loops = option_flag(context, "loop"),
        .keeps = option_flag(context, "keep"),
        .ms_max = ms_max,
        .progress = on_file,
    };
    struct rtmp_file_progress p = {0};
    e = rtmp_publish_file(&o, &p);
    fs_close(&fd);
    json_put_number(w, "samples", (int64_t)p.samples);
    json_put_number(w, "bytes", (int64_t)p.bytes);
    json_put_number(w, "rounds", (int64_t)p.rounds);
    json_put_number(w, "media_ms", p.media_ms);
    json_put_number(w, "reconnections", (int64_t)p.reconnections);
    if (e.kind == ERR_DENIED) json_put_cstr(w, "words", p.words);
    if (!show->is_json && show->has_published)
        fprintf(stderr, "%llu samples sent, %.1f MB\n", (unsigned long long)p.samples, (double)p.bytes / 1e6);
    if (!show->is_json && e.kind == ERR_DENIED && p.words[0]) fprintf(stderr, "The server says: %s\n", p.words);
    return e;
}

int command_publish(struct command_context *context) {
    bool is_test = option_flag(context, "test");
    const char *url = context->arguments[context->argument_count - 1], *path = context->argument_count == 2 ? context->arguments[0] : NULL;
    int64_t ms_max = 0;
    if (is_test == (path != NULL)) {
        command_fail(context,
                     usage(is_test ? "With --test there is no file to send." : "Say which file to send, or --test for the test picture."),
                     NULL);
        return EXIT_CODE_USAGE;
    }
    if (option_text(context, "seconds") && !parse_ms(option_text(context, "seconds"), &ms_max)) {
        command_fail(context, usage("--seconds is a number such as 60 or 2.5."), NULL);
        return EXIT_CODE_USAGE;
    }
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    char place[256];
    place_of(url, place, sizeof place);
    struct show show = {
        .is_terminal = isatty(2), .is_json = option_flag(context, "json"), .is_keeping = option_flag(context, "keep"), .place = place};
    struct buf line = BUF(4096);
    struct json_writer w = json_writer_of(&line);
    json_begin_object(&w);
    json_put_cstr(&w, "event", "ended");
    struct err e = is_test ? publish_card(context, url, ms_max, &show, &w) : publish_file(context, path, url, ms_max, &show, &w);
    json_end(&w);
    if (show.has_line) fputs("\n", stderr);
    if (show.is_json && show.has_said_ready) print_json(&line);
    buf_free(&line);
    if (slice_eq(slice_cstr(e.code), SLICE("publish.options"))) {
        command_fail(context, e, NULL);
        return EXIT_CODE_USAGE;
    }
    return e.kind ? command_fail(context, e, path ? path : place) : EXIT_CODE_DONE;
}
