/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "system/http/core.h"
bool h2_open(struct conn *c) { return false; }
void h2_close(struct conn *c) {}
void h2_turn(struct conn *c) {}
void h2_reply(struct http_request *rq, struct reply *r) {}
void h2_resume(struct http_request *rq) {}
void h2_body_taken(struct http_request *rq, size_t bytes) {}
void h2_continue(struct http_request *rq) {}
void h2_drain(struct conn *c) {}
void h2_free_head(struct http_request *rq) {}
void h2_forget(struct http_request *rq) {}
void h2_break(struct http_request *rq) {}
