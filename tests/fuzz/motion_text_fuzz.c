/* SPDX-License-Identifier: AGPL-3.0-or-later
 * MOT and STO, CSV and JSON: what is accepted is written and read again to as many rows. */
#include <assert.h>
#include <stdlib.h>

#include "human/motion/motion.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct slice text = slice_of(exact, size);
    struct arena *mem = arena_create(48 << 20);
    struct motion_table t, table;
    struct motion m, again;
    struct motion_note note;
    struct buf out = BUF(16 << 20);
    if (!motion_parse_table(mem, text, &t, &note).kind) {
        motion_write_sto(&out, &t);
        bool is_plain = !buf_error(&out).kind; /* names with blanks in them do not come back where there are no tabs */
        if (is_plain && !motion_parse_table(mem, buf_slice(&out), &table, &note).kind) assert(table.row_count == t.row_count && table.column_count == t.column_count);
    }
    buf_clear(&out);
    if (!motion_parse_csv(mem, text, &m, &note).kind) {
        motion_write_csv(&out, &m);
        if (!buf_error(&out).kind && !motion_parse_csv(mem, buf_slice(&out), &again, &note).kind) assert(again.frame_count == m.frame_count && again.point_count == m.point_count);
    }
    buf_clear(&out);
    if (size && exact[0] == '{' && !motion_parse_json(mem, text, &m, &note).kind) {
        motion_write_json(&out, &m);
        if (!buf_error(&out).kind && !motion_parse_json(mem, buf_slice(&out), &again, &note).kind) assert(again.frame_count == m.frame_count && again.point_count == m.point_count);
    }
    buf_free(&out);
    arena_destroy(&mem);
    free(exact);
    return 0;
}
