/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A child that says anything at all: each conversation is a task (first byte), then records cut out of the input. What
 * passes the check must be something the parent can act on without looking again. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "media/codec/codec_stranger.h"
#include "media/ingest/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct conversation *c, const struct record *r) {
    switch (r->type) {
    case RECORD_TRACK:
        assert(r->track < INGEST_TRACKS_MAX && r->track_found.kind <= INGEST_OTHER && r->track_found.fate <= INGEST_LEFT_OUT);
        assert(memchr(r->track_found.codec, 0, sizeof r->track_found.codec) && memchr(r->track_found.label, 0, sizeof r->track_found.label));
        assert(utf8_is_valid(slice_cstr(r->track_found.label)) && utf8_is_valid(slice_cstr(r->track_found.language)));
        break;
    case RECORD_OPEN: assert(r->open.output < OUTPUTS && (r->open.output != OUTPUT_TRACK || r->track < c->tracks) && r->open.number < SHEETS_MAX); break;
    case RECORD_REFUSED:
    case RECORD_DONE: assert(r->track < c->tracks); break;
    case RECORD_PICTURES: assert(r->pictures.sheets <= SHEETS_MAX && r->pictures.colour <= 0xffffff); break;
    case RECORD_ERROR: {
        struct err e = record_error(r);
        assert(e.kind && e.code && e.what);
        break;
    }
    default: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    struct job job = {.task = data[0] % TASKS, .track = data[0] >> 4};
    struct conversation c = conversation_of(&job, job.task == TASK_COPY ? 0 : INGEST_TRACKS_MAX);
    data++, size--;
    while (size) {
        size_t len = size < sizeof(struct record) ? size : sizeof(struct record);
        char *exact = malloc(len);
        memcpy(exact, data, len);
        struct record r;
        bool was_over = c.has_ended;
        bool is_good = record_check(&c, slice_of(exact, len), &r);
        free(exact);
        assert(!(is_good && was_over)); /* nothing follows the last word */
        if (!is_good) break;
        check(&c, &r);
        data += len, size -= len;
    }
    return 0;
}
