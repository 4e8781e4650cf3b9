/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "app/help.h"

const struct option command_help_options[] = {OPTION_END};

/* command_operator_link is typed operator-link. */
static void print_name(FILE *out, const char *name, int width) {
    int len = 0;
    for (; *name; name++, len++) fputc(*name == '_' ? '-' : *name, out);
    for (; len < width; len++) fputc(' ', out);
}

void help_print_commands(FILE *out) {
    fputs("Grandstand puts films and events on screen.\n\nUsage: grandstand COMMAND [OPTIONS]\n\n", out);
    for (size_t i = 0; i < command_count; i++) {
        fputs("  ", out);
        print_name(out, commands[i].name, 16);
        fprintf(out, "%s\n", commands[i].summary);
    }
    fputs("\n`grandstand COMMAND --help` explains one.\n", out);
}

static void print_option(FILE *out, const char *name, const char *value, const char *help, const char *fallback) {
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", name, value ? " " : "", value ? value : "");
    fprintf(out, "  %-26s %s", left, help);
    if (fallback && *fallback) fprintf(out, " (default: %s)", fallback);
    fputc('\n', out);
}

void help_print_command(FILE *out, const struct command *command) {
    fputs("Usage: grandstand ", out);
    print_name(out, command->name, 0);
    fprintf(out, "%s%s%s\n\n%s\n\nOptions:\n", *command->arguments ? " " : "", command->arguments,
            command->options[0].name ? " [OPTIONS]" : "", command->summary);
    for (const struct option *o = command->options; o->name; o++) print_option(out, o->name, o->value, o->help, o->fallback);
    print_option(out, "config", "FILE", "read settings from this INI file", NULL);
    print_option(out, "help", NULL, "print this", NULL);
    if (command->options[0].name)
        fputs("\nEach option may also stand in the environment (--http-port as GRANDSTAND_HTTP_PORT) or in the INI file\n"
              "(http-port = ...). A flag beats the environment, which beats the file.\n"
              "Exit: 0 done, 1 failed, 2 wrong usage, 3 not there or not allowed, 4 stopped.\n", out);
}

int command_help(struct command_context *context) {
    if (context->argument_count == 0) {
        help_print_commands(stdout);
        return EXIT_CODE_DONE;
    }
    char name[64];
    snprintf(name, sizeof name, "%s", context->arguments[0]);
    for (char *p = name; *p; p++)
        if (*p == '-') *p = '_';
    for (size_t i = 0; i < command_count; i++)
        if (!strcmp(commands[i].name, name)) {
            help_print_command(stdout, &commands[i]);
            return EXIT_CODE_DONE;
        }
    return command_fail(context, err_make(ERR_INPUT, "command.unknown", "There is no such command. `grandstand help` lists them."), context->arguments[0]);
}
