/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdio.h>

#include "app/command.h"
#include "base/json.h"

const struct option command_version_options[] = {OPTION_JSON, OPTION_END};

int command_version(struct command_context *context) {
    if (option_flag(context, "json")) {
        struct buf out = BUF(4096);
        struct json_writer w = json_writer_of(&out);
        json_begin_object(&w);
        json_put_cstr(&w, "version", GRANDSTAND_VERSION);
        json_put_cstr(&w, "compiler", __VERSION__);
        json_end(&w);
        printf("%.*s\n", (int)out.len, out.ptr);
        buf_free(&out);
    } else {
        printf("grandstand %s (%s)\n", GRANDSTAND_VERSION, __VERSION__);
    }
    return EXIT_CODE_DONE;
}
