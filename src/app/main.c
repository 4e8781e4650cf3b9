/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "app/command.h"
#include "media/frames/frames.h"
#include "media/ingest/ingest.h"
#include "media/srt/srt.h"
#include "media/transcoder/transcoder.h"

/* Started by ourselves, to look at what a stranger sent. */
static const struct child_kind *const KINDS[] = {&frames_child, &ingest_child, &srt_child, &transcoder_child};

int main(int argc, char **argv) {
    child_main(argc, argv, KINDS, ARRAY_LEN(KINDS));
    return command_dispatch(argc, argv);
}
