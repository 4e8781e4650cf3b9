/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * help.h: what --help prints, made from the tables of commands and options. Within app only. */
#ifndef APP_HELP_H
#define APP_HELP_H

#include <stdio.h>

#include "app/command.h"

void help_print_commands(FILE *);
void help_print_command(FILE *, const struct command *);

#endif
