/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * request.h: what media.c, live.c and recording.c share about one request for media. Within delivery only. */
#ifndef DELIVERY_REQUEST_H
#define DELIVERY_REQUEST_H

#include "delivery/lane.h"
#include "media/live/live.h"

/* Allows players on other sites to read the answer, if the operator wants that. */
size_t cors_fields(const struct delivery *, struct http_field fields[2]);
/* The error form of the house, readable for players on other sites. */
void media_refuse(struct delivery *, struct http_request *, struct err, int status);
/* For a token that is not good. `bearer` as token_verify left it: one that was revoked is told why, in the language he asks for. */
void media_refuse_token(struct delivery *, struct http_request *, enum token_verdict, const struct token_bearer *bearer);
/* As media_refuse, for who holds a request; `ended`: his session was ended (else NULL), he is told why. */
void media_refuse_held(struct delivery *, struct http_held **, struct err, int status, const struct token_bearer *ended);

/* --- live.c: a title on air, on the loop thread --- */
void live_get(struct delivery *, struct lane *, struct on_air *, struct http_request *, const struct token_bearer *);
/* Of "bytes=5-9" and "bytes=5-"; false for everything else, which is then answered whole or by the server itself. */
bool live_range_read(struct slice field, uint64_t *first, uint64_t *last);
/* 404, 400, 416 or 503; never 404 for what may be there in a moment: players do not ask again. */
int live_error_status(struct err);

/* --- recording.c: what was live, from the shelf --- */
/* The name under which an opened recording stands on the shelf; no file of a presentation is called so. */
#define RECORDING_NAME SLICE(".recording")
/* On the loop: answers a segment, an init segment or a picture of it. False: it is for a worker. */
bool recording_get(struct delivery *, struct shelf_entry *recording, struct http_request *, struct slice name);
/* On a worker: opens the recording and puts it on the shelf, unless it stands there. *entry is the caller's to give; NULL without an error: the title
 * is no recording. */
struct err recording_load(struct delivery *, struct slice title, struct shelf_entry **entry);
/* On a worker: a playlist. */
struct err recording_view(const struct shelf_entry *recording, struct slice name, struct http_blob **out);

#endif
