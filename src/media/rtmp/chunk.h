/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * chunk.h: messages in chunks (RTMP 1.0 section 5.3). A message is cut into chunks of at most the chunk size; chunks of several messages may
 * take turns, each on its chunk stream, and a header says only what has changed since the last one on that stream:
 *
 *      basic header 1-3   message header 11 (fmt 0), 7 (1), 3 (2) or 0 (3)   extended timestamp 0 or 4   payload
 *
 * The reader takes bytes as they come, cut anywhere, and copies the payload once, into the message. Its memory is bounded by what has really
 * arrived, by `message_bytes_max` for each message and by `held_bytes_max` for all that are under way together. */
#ifndef MEDIA_RTMP_CHUNK_H
#define MEDIA_RTMP_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum { CHUNK_STREAMS_MAX = 32, CHUNK_HEADER_BYTES_MAX = 18, CHUNK_BYTES_FIRST = 128, CHUNK_BYTES_MAX = 0xffffff };

enum message_type { /* RTMP 1.0 sections 5.4, 6.2 and 7.1 */
    MESSAGE_CHUNK_SIZE = 1,
    MESSAGE_ABORT = 2,
    MESSAGE_ACKNOWLEDGEMENT = 3,
    MESSAGE_USER_CONTROL = 4,
    MESSAGE_WINDOW = 5,
    MESSAGE_PEER_BANDWIDTH = 6,
    MESSAGE_AUDIO = 8,
    MESSAGE_VIDEO = 9,
    MESSAGE_DATA_AMF3 = 15,
    MESSAGE_COMMAND_AMF3 = 17,
    MESSAGE_DATA = 18,
    MESSAGE_COMMAND = 20,
    MESSAGE_AGGREGATE = 22
};

struct chunk_message {
    uint8_t type;
    uint32_t timestamp; /* ms, absolute, 32 bits that wrap */
    uint32_t stream;    /* message stream id */
    struct slice body;  /* valid until the next call */
};

struct chunk_stream {
    uint32_t id, timestamp, delta, field, message_stream; /* field: what stood in the last header, extended or not */
    uint32_t length;
    uint8_t type;
    bool has_header, is_extended, is_open; /* is_open: a message is under way */
    char *bytes; /* of the message under way */
    size_t filled, capacity;
};

/* Does the publisher repeat extended timestamps in later chunks, as the standard wants? */
enum chunk_habit { CHUNK_HABIT_UNKNOWN, CHUNK_REPEATS, CHUNK_REPEATS_NOT };

struct chunk_reader {
    struct chunk_stream streams[CHUNK_STREAMS_MAX];
    unsigned stream_count, current; /* current: whose payload is being read, or CHUNK_STREAMS_MAX */
    enum chunk_habit habit;
    uint32_t chunk_bytes, chunk_left;
    uint32_t message_bytes_max;
    size_t held_bytes, held_bytes_max;
};

void chunk_reader_init(struct chunk_reader *, uint32_t message_bytes_max, size_t held_bytes_max);
void chunk_reader_free(struct chunk_reader *);
/* Reads from *in, and moves its front, until a message is whole (*has) or more bytes are needed: then what is left in *in, less than
 * CHUNK_HEADER_BYTES_MAX, is to be given again with more behind it. MESSAGE_CHUNK_SIZE and MESSAGE_ABORT are obeyed, and handed out too.
 * Errors: ERR_INPUT rtmp.chunk (not as the standard says), ERR_LIMIT rtmp.message (too large, or too many at once), "memory". */
MUST_USE struct err chunk_read(struct chunk_reader *, struct slice *in, struct chunk_message *out, bool *has);

/* Appends a message to `out` in chunks of `chunk_bytes`, with a full header, on chunk stream `id` (2 to 63). The body is `head` and `body`
 * behind each other. */
void chunk_write(struct buf *out, uint8_t id, uint32_t chunk_bytes, uint8_t type, uint32_t timestamp, uint32_t stream, struct slice head,
                 struct slice body);

#endif
