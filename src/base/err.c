/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/err.h"

#include <errno.h>

struct err err_from_errno(int sys, const char *code, const char *what) {
    enum err_kind kind = ERR_IO;
    switch (sys) {
    case ENOENT: kind = ERR_NOT_FOUND; break;
    case EACCES:
    case EROFS:
    case EPERM: kind = ERR_DENIED; break;
    case EEXIST: kind = ERR_CONFLICT; break;
    case EBUSY:
    case EAGAIN: kind = ERR_BUSY; break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
    case ENFILE: kind = ERR_LIMIT; break;
    default: break;
    }
    return (struct err){.kind = kind, .sys = sys, .code = code, .what = what};
}

struct err err_memory(void) {
    return (struct err){.kind = ERR_LIMIT, .sys = ENOMEM, .code = "memory", .what = "There is not enough memory for this. Try again, or with less at once."};
}

const char *err_kind_name(enum err_kind kind) {
    switch (kind) {
    case ERR_NONE: return "none";
    case ERR_INPUT: return "input";
    case ERR_NOT_FOUND: return "not_found";
    case ERR_DENIED: return "denied";
    case ERR_CONFLICT: return "conflict";
    case ERR_BUSY: return "busy";
    case ERR_LIMIT: return "limit";
    case ERR_CANCELLED: return "cancelled";
    case ERR_IO: return "io";
    case ERR_BUG: return "bug";
    }
    return "unknown";
}
