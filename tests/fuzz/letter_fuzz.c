/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Addresses, senders, subjects and texts of anybody's making, parted by zero bytes: whatever passes mail's checks makes a letter with exactly the headers that are
 * ours, in ASCII, and with no line break that is not CRLF. */
#include <assert.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "system/mail/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool text_is_fine(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' && text.ptr[i] != '\n' && text.ptr[i] != '\t') return false;
    return text.len <= MAIL_TEXT_MAX && utf8_is_valid(text);
}

static void letter_check(struct slice letter, bool has_plain_addresses) {
    static const char *const names[] = {"Date: ", "From: ", "To: ", "Subject: ", "Message-ID: ", "Auto-Submitted: ", "MIME-Version: ", "Content-Type: ", "Content-Transfer-Encoding: "};
    size_t header = 0;
    bool in_headers = true;
    struct slice rest = letter, line;
    while (slice_next(&rest, '\n', &line)) {
        if (line.len == 0 && rest.ptr == NULL) break; /* behind the last line's end */
        assert(line.len > 0 && line.ptr[line.len - 1] == '\r');
        line.len--;
        assert(slice_find_byte(line, '\r') == SLICE_NPOS);
        assert(line.len <= 998); /* RFC 5322 section 2.1.1 */
        if (!in_headers) continue;
        for (size_t i = 0; i < line.len && has_plain_addresses; i++) assert((unsigned char)line.ptr[i] < 0x7f && (unsigned char)line.ptr[i] >= ' ');
        if (line.len == 0) in_headers = false;
        else if (line.ptr[0] != ' ') {
            assert(header < ARRAY_LEN(names) && slice_starts_with(line, slice_cstr(names[header])));
            header++;
        }
    }
    assert(!in_headers && header == ARRAY_LEN(names));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct slice rest = slice_of(exact, size), parts[4] = {0};
    for (int i = 0; i < 3; i++)
        if (!slice_next(&rest, 0, &parts[i])) break;
    parts[3] = rest;
    char to[MAIL_ADDRESS_MAX + 1], from[MAIL_ADDRESS_MAX + 1], again[MAIL_ADDRESS_MAX + 1];
    size_t to_len, from_len, again_len;
    struct slice name = SLICE_NONE;
    if (mail_address(parts[0], to, &to_len)) {
        assert(to_len > 2 && to_len <= MAIL_ADDRESS_MAX && utf8_is_valid(slice_of(to, to_len)) && !strpbrk(to, " <>\r\n,;\"()"));
        assert(mail_address(slice_of(to, to_len), again, &again_len) && again_len == to_len && !memcmp(again, to, to_len)); /* what it gives is an address */
        if (message_from(parts[1], &name, from, &from_len) && parts[2].len <= MAIL_SUBJECT_MAX && utf8_is_display_text(parts[2], MAIL_SUBJECT_MAX) && text_is_fine(parts[3])) {
            struct buf out = BUF(MESSAGE_BYTES_MAX);
            message_write(&(struct message){.from_name = name, .from = slice_of(from, from_len), .to = slice_of(to, to_len), .subject = parts[2], .text = parts[3],
                                            .public_id = SLICE("7zr3v9k2m8qd41xh"), .at = {0}}, &out);
            bool has_plain = true;
            for (size_t i = 0; i < to_len; i++) has_plain = has_plain && (unsigned char)to[i] < 0x80;
            for (size_t i = 0; i < from_len; i++) has_plain = has_plain && (unsigned char)from[i] < 0x80;
            if (!out.has_failed) letter_check(buf_slice(&out), has_plain);
            buf_free(&out);
        }
    }
    free(exact);
    return 0;
}
