/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * provider.h: what a provider is to the rest of the room: a table of functions that turn what we want into its requests, and its answers and webhooks into words.
 * None of them calls anybody, keeps anything or looks at a clock: bytes in, bytes out, so that each can be tested and fuzzed by itself. The way over the
 * wire is call.c's. The sandbox has no wire: it has `perform`, which works on its own tables. Within pay only. */
#ifndef BUSINESS_PAY_PROVIDER_H
#define BUSINESS_PAY_PROVIDER_H

#include "base/buf.h"
#include "business/pay/pay.h"

enum { FIELDS_MAX = 8, WORDS_MAX = 128, PROVIDERS = 3, REQUEST_HEADERS_MAX = 6, ANSWER_BYTES_MAX = 1 << 20 };

/* --- settings --- */

struct provider_field {
    const char *name, *label;
    bool is_secret, is_needed;
    const char *fallback; /* what holds while it is not set; NULL: nothing */
    struct err (*check)(struct slice value); /* NULL: any text of one line */
};
/* One organisation's settings of one provider. Slices live in the arena it was read into. */
struct provider_config {
    int64_t org_id;
    enum pay_provider provider;
    bool is_enabled;
    struct slice values[FIELDS_MAX]; /* in the order of the provider's fields; fallbacks filled in */
    const uint8_t *house_key;        /* 32 bytes: what the sandbox signs with */
};

/* --- what is said to a provider --- */

enum op_kind { OP_CREATE = 1, OP_CAPTURE, OP_CANCEL, OP_REFUND, OP_ASK, OP_ASK_REFUND, OP_SWEEP };
const char *op_name(enum op_kind); /* "create" ... */
struct op {
    int64_t id, org_id, payment_id, refund_id;
    enum pay_provider provider;
    enum op_kind kind;
    struct public_id public_id; /* the payment's: our name for it at the provider */
    struct money amount, refund_amount;
    struct slice ref, refund_ref; /* the provider's names; empty before it told us */
    struct slice token, customer; /* how is paid: the sandbox's card, or a saved method; customer as it is found on the way */
    struct slice what, return_url, notify_url;
    int64_t household_id, created_us, expires_us, now_us, first_us; /* first_us: when it was said for the first time */
    int attempts;                 /* this one included */
    bool is_off_session, keeps_method;
    struct slice cursor;          /* of OP_SWEEP: where the page before ended; empty: from the start */
    int64_t since_us;             /* of OP_SWEEP */
};

struct provider_request {
    bool is_post;
    struct slice url, body, content_type;
    const char *headers[REQUEST_HEADERS_MAX]; /* "Name: value", in the arena */
    size_t header_count;
    bool is_local; /* nothing to be sent: `answer` is called with status 0 and an empty body */
};

/* --- what a provider says --- */

enum word_about { WORD_PAYMENT = 1, WORD_REFUND, WORD_CHARGEBACK };
struct word {
    enum word_about about;
    struct slice public_id, ref; /* of the payment: our name and the provider's; either may be empty */
    bool has_money;
    struct slice currency;       /* as the provider writes it, in capital letters */
    int64_t amount;              /* in our minor units */
    /* WORD_PAYMENT */
    enum pay_state state;        /* REQUIRES_ACTION, PROCESSING, CAPTURED, FAILED, CANCELLED */
    bool is_authorized;          /* with PROCESSING: it waits for OP_CAPTURE */
    enum pay_action action;
    struct slice url, client_secret, code, label, token;
    /* WORD_REFUND */
    int64_t refund_id;           /* ours; 0: not said */
    struct slice refund_ref;
    enum pay_refund_state refund_state;
    /* WORD_CHARGEBACK */
    struct slice chargeback_ref, reason;
    enum pay_chargeback_state chargeback_state;
    int64_t due_us;
};

enum answer_outcome {
    ANSWER_DONE,    /* `words` say how it stands */
    ANSWER_GO_ON,   /* one call more for the same: `customer` or `cursor` is set */
    ANSWER_LATER,   /* nobody knows; say it again */
    ANSWER_REFUSED, /* for good; `code` and `message` say why */
    ANSWER_UNKNOWN, /* there is no such thing at the provider */
};
struct provider_answer {
    enum answer_outcome outcome;
    struct word *words; /* answer_make gives it room for so many */
    size_t count, words_max;
    struct slice customer, cursor;
    const char *code;     /* of pay_info.code */
    struct slice message; /* the provider's words, for the events */
};

/* Zeroed, with room for WORDS_MAX words; the sandbox's have one. NULL: memory. */
struct provider_answer *answer_make(struct arena *, size_t words_max);

enum event_verdict {
    EVENT_FORGED = 0, /* zero, so that nothing is believed by oversight; `why` says which check failed */
    EVENT_WORDS,
    EVENT_IGNORED,    /* genuine, and of no concern */
};
struct provider_event {
    enum event_verdict verdict;
    const char *why;      /* "signature.missing", "signature.wrong", "signature.old", "event.malformed", "event.account" */
    struct slice id, kind;
    struct word words[4];
    size_t count;
};

struct provider {
    const char *id, *name;
    bool is_redirect, is_play_money;
    const struct provider_field *fields;
    size_t field_count;
    const char *webhook_answer;
    int64_t ask_first_s; /* after how long an open payment is asked about for the first time */
    bool sweeps;         /* charge-backs can be listed */
    bool (*takes)(const struct provider_config *, struct money);
    /* What the request would be. ERR_INPUT pay.settings: a setting that does not do. */
    struct err (*request)(const struct provider_config *, const struct op *, struct arena *, struct provider_request *out);
    /* `*out` is zeroed. What it points at lives in the arena. An answer that cannot be read is ANSWER_LATER. Errors: memory only. */
    struct err (*answer)(const struct provider_config *, const struct op *, struct arena *, int status, struct slice body, struct provider_answer *out);
    /* Is it genuine, and what does it say? `received_us`: when it came. Errors: memory only. */
    struct err (*webhook)(const struct provider_config *, int64_t received_us, const struct pay_header *, size_t count, struct slice body, struct arena *, struct provider_event *out);
};
const struct provider *provider_at(enum pay_provider);
extern const struct provider sandbox_provider, stripe_provider, alipay_provider;

/* --- helpers that providers share (wire.c) --- */

void hmac_sha256_hex(struct slice key, struct slice a, struct slice b, struct slice c, char out[65]); /* over a, b and c in one */
/* Signature of SHA-256 by RSA PKCS#1 v1.5, as base64 in the arena. `key`: PEM, or the base64 of its DER (PKCS#8, PKCS#1, SubjectPublicKeyInfo), as providers hand it out.
 * ERR_INPUT pay.key. */
struct err rsa_sign(struct slice key, struct slice text, struct arena *, struct slice *base64);
bool rsa_verify(struct slice key, struct slice text, struct slice base64);
struct err rsa_private_check(struct slice key); /* ERR_INPUT pay.key */
struct err rsa_public_check(struct slice key);
struct err base_url_check(struct slice url);    /* https, or http to this machine. ERR_INPUT pay.base_url */
void form_put(struct buf *, const char *name, struct slice value); /* "&name=value", percent-encoded (RFC 3986 unreserved kept); no "&" at the start */
/* One "name=value" of a form (application/x-www-form-urlencoded), decoded into the arena. False at the end, or where it is malformed (*is_bad). */
bool form_next(struct slice *rest, struct arena *, struct slice *name, struct slice *value, bool *is_bad);
struct slice capitals(struct arena *, struct slice); /* ASCII */

#endif
