/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "system/http/status.h"

#include <stdio.h>

struct status {
    int number;
    struct slice line, code, sentence;
};
#define TEXT(s) {"" s, sizeof(s) - 1}
#define STATUS(number, reason, code, sentence) {number, TEXT("HTTP/1.1 " #number " " reason "\r\n"), TEXT(code), TEXT(sentence)}
static const struct status statuses[] = {
    STATUS(200, "OK", "", ""),
    STATUS(206, "Partial Content", "", ""),
    STATUS(304, "Not Modified", "", ""),
    STATUS(404, "Not Found", "http.not_found", "There is nothing at this address."),
    STATUS(101, "Switching Protocols", "", ""),
    STATUS(201, "Created", "", ""),
    STATUS(202, "Accepted", "", ""),
    STATUS(204, "No Content", "", ""),
    STATUS(301, "Moved Permanently", "", ""),
    STATUS(302, "Found", "", ""),
    STATUS(303, "See Other", "", ""),
    STATUS(307, "Temporary Redirect", "", ""),
    STATUS(308, "Permanent Redirect", "", ""),
    STATUS(400, "Bad Request", "http.malformed", "The request is not well-formed."),
    STATUS(401, "Unauthorized", "http.unauthorized", "Sign in first."),
    STATUS(403, "Forbidden", "http.forbidden", "This is not allowed."),
    STATUS(405, "Method Not Allowed", "http.method_not_allowed", "This address does not take that method; see the Allow field."),
    STATUS(406, "Not Acceptable", "http.not_acceptable", "There is no form of this that you take."),
    STATUS(408, "Request Timeout", "http.too_slow", "The request came too slowly."),
    STATUS(409, "Conflict", "http.conflict", "This clashes with what stands."),
    STATUS(410, "Gone", "http.gone", "This is no longer here."),
    STATUS(411, "Length Required", "http.length_required", "Say how long the body is."),
    STATUS(412, "Precondition Failed", "http.precondition", "What you wanted to change or fetch has changed."),
    STATUS(413, "Content Too Large", "http.body_too_large", "The body of the request is larger than this address takes."),
    STATUS(415, "Unsupported Media Type", "http.media_type", "This form of body is not understood."),
    STATUS(416, "Range Not Satisfiable", "http.range", "The range lies behind the end."),
    STATUS(417, "Expectation Failed", "http.expectation", "Only the expectation \"100-continue\" can be met."),
    STATUS(421, "Misdirected Request", "http.misdirected", "This server does not answer for that host."),
    STATUS(422, "Unprocessable Content", "http.unprocessable", "The content was understood, but it cannot be."),
    STATUS(426, "Upgrade Required", "http.upgrade", "Ask for the other protocol."),
    STATUS(428, "Precondition Required", "http.precondition_required", "Say which version you mean to change."),
    STATUS(429, "Too Many Requests", "http.too_many", "Too many requests; try again later."),
    STATUS(431, "Request Header Fields Too Large", "http.head_too_large", "The head of the request is too large."),
    STATUS(451, "Unavailable For Legal Reasons", "http.legal", "This may not be shown here."),
    STATUS(500, "Internal Server Error", "http.bug", "Something went wrong here. It is in the log."),
    STATUS(501, "Not Implemented", "http.not_implemented", "This is not known here."),
    STATUS(502, "Bad Gateway", "http.gateway", "Another server let us down."),
    STATUS(503, "Service Unavailable", "http.busy", "Too much is going on; try again in a moment."),
    STATUS(504, "Gateway Timeout", "http.gateway_slow", "Another server was too slow."),
    STATUS(505, "HTTP Version Not Supported", "http.version", "Only HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken here."),
    STATUS(507, "Insufficient Storage", "http.storage", "There is no room left."),
};

static const struct status *find(int number) {
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].number == number) return &statuses[i];
    return NULL;
}

struct slice status_line(int status, char room[STATUS_ROOM]) {
    const struct status *s = find(status);
    if (s) return s->line;
    int len = snprintf(room, STATUS_ROOM, "HTTP/1.1 %03d \r\n", status % 1000);
    return slice_of(room, (size_t)len);
}

struct slice status_code(int status) {
    const struct status *s = find(status);
    return s ? s->code : SLICE("http.error");
}

struct slice status_sentence(int status) {
    const struct status *s = find(status);
    return s ? s->sentence : SLICE("The request failed.");
}
