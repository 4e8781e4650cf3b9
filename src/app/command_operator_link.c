/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `grandstand operator-link`: a new one-time way in, also beside a running server. With --host it is for the organisation of that
 * host name, which is made if there is none. */
#include <stdio.h>

#include "app/house.h"
#include "base/json.h"

const struct option command_operator_link_options[] = {
    HOUSE_OPTIONS,
    {"url", OPTION_TEXT, "URL", "http://localhost:8080", "how the server is reached, for the link"},
    {"host", OPTION_TEXT, "NAME", NULL, "the organisation of this host name; made if there is none"},
    {"organisation", OPTION_TEXT, "NAME", NULL, "what the organisation is called, with --host; without it the host name"},
    OPTION_JSON,
    OPTION_END,
};

int command_operator_link(struct command_context *c) {
    struct house house;
    struct house_options options = house_options_of(c);
    char about[512];
    struct account_secret code;
    struct err e = house_open_database(&house, &options, about);
    if (e.kind) return command_fail(c, e, about);
    int64_t org_id = house.org_id;
    const char *host = option_text(c, "host"), *name = option_text(c, "organisation");
    if (host) e = account_org_put(house.account, slice_cstr(name ? name : host), slice_cstr(host), &org_id);
    if (!e.kind) e = account_link_make(house.account, org_id, &code);
    if (!e.kind && host) house_tell(options.data_path);
    house_close(&house);
    if (e.kind) return command_fail(c, e, host);
    if (option_flag(c, "json")) {
        struct buf out = BUF(4096);
        struct json_writer w = json_writer_of(&out);
        json_begin_object(&w);
        json_put_cstr(&w, "code", code.text);
        json_end(&w);
        printf("%.*s\n", (int)out.len, out.ptr);
        buf_free(&out);
    } else {
        printf("%s/operator/enter#code=%s\n", option_text(c, "url"), code.text);
    }
    return EXIT_CODE_DONE;
}
