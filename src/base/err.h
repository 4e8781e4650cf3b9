/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * err.h: the one error type of the house.
 *
 * A function that can fail returns `struct err` and leaves its outputs alone when it does. `kind` decides what a
 * caller does about it (and which HTTP status it becomes, in one table in src/api); `code` is for machines and never
 * changes once released; `what` is an English sentence for a person that says what happened and, where one can do
 * something about it, what to do. Both are static text: an error owns nothing and may be copied freely. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_kind {
    ERR_NONE,
    ERR_INPUT,     /* what came from outside is wrong; trying again unchanged gives the same answer */
    ERR_NOT_FOUND, /* there is no such thing, or none that the caller may see */
    ERR_DENIED,    /* it exists and the caller may not */
    ERR_CONFLICT,  /* it clashes with what stands: a duplicate, or a version that has moved on */
    ERR_BUSY,      /* not now: try again later */
    ERR_LIMIT,     /* a bound of ours was reached: memory, size, count, rate, disk space */
    ERR_CANCELLED, /* somebody asked for it to stop */
    ERR_IO,        /* disk, network or another program let us down */
    ERR_BUG,       /* ours; should be unreachable */
};

struct err {
    enum err_kind kind;
    int sys;          /* errno where one explains it, else 0 */
    const char *code; /* "media.truncated": area.reason, stable */
    const char *what; /* "The file ends in the middle of a picture. Export it again and import that." */
};

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define ERR_OK ((struct err){.kind = ERR_NONE})

static inline struct err err_make(enum err_kind kind, const char *code, const char *what) {
    return (struct err){.kind = kind, .code = code, .what = what};
}

/* Turns an errno into an error: ENOENT becomes ERR_NOT_FOUND; EACCES and EPERM ERR_DENIED; ENOSPC, EDQUOT, ENOMEM,
 * EMFILE and ENFILE ERR_LIMIT; EEXIST ERR_CONFLICT; EAGAIN and EBUSY ERR_BUSY; all else ERR_IO. */
struct err err_from_errno(int sys, const char *code, const char *what);

/* Memory ran out (or a fault loop said so). */
struct err err_memory(void);

/* "input", "not_found", ...: for logs and JSON. Never NULL. */
const char *err_kind_name(enum err_kind kind);

#endif
