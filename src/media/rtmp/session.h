/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * session.h: the server's side of one RTMP connection as a state machine without sockets, clocks or threads: bytes in, events and bytes out.
 *
 *      HELLO --C0 C1--> ECHO --C2--> OPEN --publish--> ASKED --session_accept--> PUBLISHING --deleteStream--> DONE
 *                                                        '----session_refuse--------------------------------->'
 */
#ifndef MEDIA_RTMP_SESSION_H
#define MEDIA_RTMP_SESSION_H

#include "base/buf.h"
#include "media/feed/feed.h"
#include "media/rtmp/chunk.h"
#include "media/rtmp/handshake.h"

enum session_state { SESSION_HELLO, SESSION_ECHO, SESSION_OPEN, SESSION_ASKED, SESSION_PUBLISHING, SESSION_DONE };

enum session_event {
    SESSION_NOTHING, /* needs more bytes */
    SESSION_PUBLISH, /* asks to publish with `key`: answer with session_accept or session_refuse before the next step */
    SESSION_MESSAGE, /* audio, video or data, in `message`, valid until the next step */
    SESSION_GOODBYE, /* the publisher has ended its stream */
};

enum {
    SESSION_AGENT_BYTES_MAX = 96,
    SESSION_OUT_BYTES_MAX = 64 << 10,
    SESSION_COMMAND_BYTES_MAX = 64 << 10,       /* one message before publishing, and any command */
    SESSION_HELD_BYTES_MAX = 128 << 10,         /* memory for messages of a connection that does not publish */
    SESSION_PUBLISHER_HELD_BYTES_MAX = 40 << 20 /* of one that does */
};

struct session {
    enum session_state state;
    const char *application;
    struct chunk_reader reader;
    struct buf out; /* to be sent; the caller empties it */
    struct chunk_message message;
    uint64_t received, acknowledged;
    uint32_t window; /* the publisher wants to hear after so many bytes */
    uint32_t stream; /* message stream that publishes */
    unsigned streams_made, commands;
    bool is_connected, has_told_chunks;
    char key[FEED_KEY_BYTES_MAX];
    size_t key_bytes;
    char key_in_application[FEED_KEY_BYTES_MAX]; /* rtmp://HOST/live/KEY as the "server", with an empty key */
    size_t key_in_application_bytes;
    char agent[SESSION_AGENT_BYTES_MAX];
    size_t agent_bytes;
};

/* `application` must outlive the session. */
void session_init(struct session *, const char *application);
void session_free(struct session *);

/* Reads from the front of *in until there is an event. With SESSION_NOTHING the caller keeps what is left of *in (up to
 * HANDSHAKE_HELLO_BYTES) and comes again with more behind it. Errors end the connection; what is in `out` is to be sent all the same:
 * ERR_INPUT rtmp.handshake, rtmp.chunk, rtmp.command (not the order or form of commands), rtmp.application (no such one), rtmp.play
 * (wants to watch); ERR_LIMIT rtmp.message, "memory". */
MUST_USE struct err session_step(struct session *, struct slice *in, enum session_event *event);
void session_accept(struct session *);
/* The sentence is said to the publisher. */
void session_refuse(struct session *, struct err why);
/* Our end of a stream that was accepted: NetStream.Unpublish.Success, or NetStream.Publish.Failed with the sentence. */
void session_end(struct session *, struct err why);

#endif
