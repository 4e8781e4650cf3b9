/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "app/command.h"
#include "media/ingest/ingest.h"

int main(int argc, char **argv) {
    int code; /* started by ourselves to read a stranger's media file? Then nothing else of this program runs. */
    if (ingest_child_main(argc, argv, &code)) return code;
    return command_dispatch(argc, argv);
}
