/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "app/command.h"

int main(int argc, char **argv) { return command_dispatch(argc, argv); }
