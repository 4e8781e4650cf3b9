/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "app/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/help.h"
#include "base/json.h"
#include "base/log.h"

#define COMMAND(name_, arguments_, min, max, summary_)  \
    {.name = #name_,                                    \
     .arguments = arguments_,                           \
     .summary = summary_,                               \
     .arguments_min = min,                              \
     .arguments_max = max,                              \
     .run = command_##name_,                            \
     .options = command_##name_##_options},
const struct command commands[] = {
#include "app/commands.tbl.h"
};
#undef COMMAND
const size_t command_count = ARRAY_LEN(commands);

/* Names are written with '_' in C and with '-' on the command line. */
static bool name_matches(const char *name, const char *word) {
    for (; *name && *word; name++, word++)
        if (*name != *word && !(*name == '_' && *word == '-')) return false;
    return *name == *word;
}

static const struct command *command_find(const char *word) {
    for (size_t i = 0; i < command_count; i++)
        if (name_matches(commands[i].name, word)) return &commands[i];
    return NULL;
}

static const char *program_dir(char *path, size_t size) {
    ssize_t len = readlink("/proc/self/exe", path, size - 1);
    if (len <= 0) return "";
    path[len] = 0;
    char *slash = strrchr(path, '/');
    if (slash) *slash = 0;
    return path;
}

int command_dispatch(int argc, char **argv) {
    const char *word = argc > 1 ? argv[1] : "help";
    if (!strcmp(word, "--help") || !strcmp(word, "-h")) word = "help";
    if (!strcmp(word, "--version") || !strcmp(word, "-V")) word = "version";

    const struct command *command = command_find(word);
    if (!command) {
        fprintf(stderr, "grandstand: there is no command '%s'. `grandstand help` lists them.\n", word);
        return EXIT_CODE_USAGE;
    }
    for (int i = 2; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            help_print_command(stdout, command);
            return EXIT_CODE_DONE;
        }

    char dir[4096], detail[256];
    struct command_context context = {.command = command, .program = argv[0], .program_dir = program_dir(dir, sizeof dir)};
    struct err e = options_read(&context, argc > 2 ? argc - 2 : 0, argv + 2, detail, sizeof detail);
    if (e.kind) {
        fprintf(stderr, "grandstand %s: %s (%s) See `grandstand %s --help`.\n", word, e.what, detail, word);
        options_free(&context);
        return EXIT_CODE_USAGE;
    }
    log_configure(LOG_WARN, LOG_FORMAT_LOGFMT, STDERR_FILENO); /* people read this; `serve` says otherwise */
    int code = command->run(&context);
    options_free(&context);
    if (fflush(stdout) != 0 && code == EXIT_CODE_DONE) code = EXIT_CODE_FAILED; /* a full disk behind a pipe */
    return code;
}

static int exit_code_of(enum err_kind kind) {
    switch (kind) {
    case ERR_NONE: return EXIT_CODE_DONE;
    case ERR_NOT_FOUND:
    case ERR_DENIED: return EXIT_CODE_NO_SUCH;
    case ERR_CANCELLED: return EXIT_CODE_CANCELLED;
    default: return EXIT_CODE_FAILED;
    }
}

int command_fail(const struct command_context *context, struct err e, const char *about) {
    bool as_json = false;
    for (const struct option *o = context->command->options; o->name; o++)
        if (!strcmp(o->name, "json")) as_json = option_flag(context, "json");
    if (as_json) {
        struct buf out = BUF(1 << 16);
        struct json_writer w = json_writer_of(&out);
        json_begin_object(&w);
        json_key(&w, "error");
        json_begin_object(&w);
        json_put_cstr(&w, "code", e.code);
        json_put_cstr(&w, "message", e.what);
        if (about) json_put_cstr(&w, "about", about);
        json_end(&w);
        json_end(&w);
        printf("%.*s\n", (int)out.len, out.ptr);
        buf_free(&out);
    } else {
        fprintf(stderr, "grandstand %s: %s%s%s", context->command->name, about ? about : "", about ? ": " : "", e.what);
        if (e.sys) fprintf(stderr, " (%s)", strerror(e.sys));
        fprintf(stderr, " [%s]\n", e.code);
    }
    return exit_code_of(e.kind);
}
