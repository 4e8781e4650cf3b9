/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What the files of `grandstand rights` share. */
#ifndef APP_COMMAND_RIGHTS_H
#define APP_COMMAND_RIGHTS_H

#include <stdio.h>

#include "app/house.h"
#include "base/json.h"
#include "business/rights/rights.h"

struct rights_shop { /* what each of them works in */
    struct house *house;
    struct arena *arena;
    struct catalog_view *view;
    int64_t org_id, now_s;
    bool has_parties;
    struct rights_party_list parties; /* once asked for */
};

int rights_batch(struct command_context *, struct rights_shop *);
int rights_import_run(struct command_context *, struct rights_shop *);
int64_t rights_limit(const struct command_context *); /* --limit, bounded */

MUST_USE struct err rights_time_option(const struct command_context *, const char *name, int64_t fallback, int64_t *out);
/* By name or public id; empty, and ourselves: 0. ERR_NOT_FOUND rights.party_missing. */
MUST_USE struct err rights_party_named(struct rights_shop *, struct slice name, int64_t *out);
MUST_USE struct err rights_file_open(const char *path, FILE **out); /* "-": standard input */
void rights_file_close(FILE **);
struct err rights_no_title(void); /* ERR_INPUT, with what a title is named by */
struct err rights_no_place(void);
void rights_print_count(FILE *, uint64_t count, const char *one, const char *many); /* "1 fault", "7 faults" */
void rights_print_time(FILE *, int64_t at_s); /* nothing where there is no end */
void rights_put_time_json(struct json_writer *, const char *name, int64_t at_s);
void rights_print_overlap(FILE *, const struct rights_overlap *);                  /* a line of its own, indented */
void rights_put_overlap_json(struct json_writer *, const struct rights_overlap *); /* its members, into an object that is open */
void rights_print_json(struct buf *); /* to standard output; frees it */
struct slice rights_title_name(const struct catalog_view *, int64_t id);
const char *rights_title_id(const struct catalog_view *, int64_t id); /* public; "" where it was removed */

#endif
