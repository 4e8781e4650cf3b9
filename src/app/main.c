/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "app/command.h"
#include "media/ingest/ingest.h"

int main(int argc, char **argv) {
    int exit_code;
    if (ingest_child_main(argc, argv, &exit_code)) return exit_code; /* started by ourselves, to look at a stranger's file */
    return command_dispatch(argc, argv);
}
