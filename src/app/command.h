/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * command.h: the program's commands and their options.
 *
 * A command is a line in commands.tbl.h, a function `command_NAME` and a table `command_NAME_options`, the latter two
 * in command_NAME.c. From these tables come parsing, --help and the reference in docs/.
 *
 * An option's value is the first that is given of: the flag (--http ADDRESS or --http=ADDRESS), the environment
 * (GRANDSTAND_HTTP), the INI file (http = ADDRESS), its default. The INI file is --config or GRANDSTAND_CONFIG, else
 * `grandstand.ini` in the data folder of a command that has one, if it is there. Every command also takes --help and
 * --config; one with OPTION_JSON in its table takes --json.
 *
 * Everything here belongs to the main thread; values live until the command returns. */
#ifndef APP_COMMAND_H
#define APP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What the program's exit says. */
enum exit_code {
    EXIT_CODE_DONE = 0,
    EXIT_CODE_FAILED = 1,    /* it was tried and did not work: a broken file, a full disk, a port in use */
    EXIT_CODE_USAGE = 2,     /* the command line or the configuration is wrong; nothing was tried */
    EXIT_CODE_NO_SUCH = 3,   /* what was asked for is not there, or may not be opened */
    EXIT_CODE_CANCELLED = 4, /* somebody stopped it (Ctrl+C) */
    EXIT_CODE_CONFLICT = 5,  /* it contradicts what stands, and nobody said that this is accepted; nothing was changed */
};

enum option_kind { OPTION_TEXT, OPTION_NUMBER, OPTION_FLAG };

struct option {
    const char *name;  /* "http": --http, GRANDSTAND_HTTP, `http` in the INI file; '-' becomes '_' in the environment */
    enum option_kind kind;
    const char *value; /* how --help calls the value: "ADDRESS:PORT"; NULL for a flag */
    const char *fallback; /* the default, NULL for none; a number's must be one; a flag's is always off */
    const char *help;
};
#define OPTION_END {.name = NULL}
/* The folder every command that touches stored state works in. */
#define OPTION_DATA {"data", OPTION_TEXT, "DIR", "data", "the folder that holds everything: database, media, uploads"}
#define OPTION_JSON {"json", OPTION_FLAG, NULL, NULL, "print the answer as JSON, for scripts"}

struct command_context {
    const struct command *command;
    const char *program;     /* how it was called, for sentences */
    const char *program_dir; /* the folder of the executable, for what lies beside it (pages/); "" if unknown */
    const char **arguments;  /* what is no option, in order */
    size_t argument_count;
    const char **values; /* one per option of the command; NULL: neither given nor defaulted */
    bool *is_given;      /* came from flag, environment or file, not from the default */
};

struct command {
    const char *name, *arguments, *summary;
    size_t arguments_min, arguments_max;
    int (*run)(struct command_context *);
    const struct option *options;
};
extern const struct command commands[];
extern const size_t command_count;

#define COMMAND(name, arguments, min, max, summary)  \
    int command_##name(struct command_context *);    \
    extern const struct option command_##name##_options[];
#include "app/commands.tbl.h"
#undef COMMAND

/* The value of an option of this command; asking for one that its table does not have is a bug. */
const char *option_text(const struct command_context *, const char *name); /* NULL: not given and no default */
int64_t option_number(const struct command_context *, const char *name);   /* 0 if not given and no default */
bool option_flag(const struct command_context *, const char *name);
bool option_is_given(const struct command_context *, const char *name);

/* Finds the command and runs it; returns the exit code. */
int command_dispatch(int argc, char **argv);

/* Says on standard error what went wrong (with --json: as {"error": ...} on standard output) and returns the exit
 * code that fits the kind of error. `about` names the thing it happened to, or is NULL. */
int command_fail(const struct command_context *, struct err, const char *about);

/* Pieces of the above, for tests. */

/* Fills `context` from the words behind the command's name. `context` must be zeroed but for command and program.
 * On ERR_INPUT (option.*) *detail (of detail_size bytes) names the culprit. Free with options_free. */
MUST_USE struct err options_read(struct command_context *context, int argc, char **argv, char *detail, size_t detail_size);
void options_free(struct command_context *);

#endif
