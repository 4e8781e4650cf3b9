/* SPDX-License-Identifier: AGPL-3.0-or-later
 * status.h: status lines and the reasons behind the numbers. */
#ifndef SYSTEM_HTTP_STATUS_H
#define SYSTEM_HTTP_STATUS_H

#include "base/slice.h"

enum { STATUS_ROOM = 32 };
/* "HTTP/1.1 200 OK\r\n". For a number without a name "HTTP/1.1 299 \r\n", which is written into `room`. */
struct slice status_line(int status, char room[STATUS_ROOM]);
/* A stable code and a sentence for what the server answers by itself. */
struct slice status_code(int status);
struct slice status_sentence(int status);

#endif
