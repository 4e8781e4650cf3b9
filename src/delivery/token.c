/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "delivery/token.h"

#include <assert.h>
#include <cbor.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/thread.h"
#include "delivery/base64url.h"
#include "delivery/cbor_read.h"
#include "delivery/mac.h"
#include "delivery/revocation.h"

enum {
    KEY_SLOTS = 16,
    ISSUER_MAX = 64,
    CTI_BYTES = 16,  /* of ours; others' may be longer */
    CTI_MAX = 64,
    SESSION_MAX = 64,
    PATH_MAX_BYTES = 256,
    PAYLOAD_MAX = 512,  /* of the tokens that we make */
    DATE_S_MAX = 253402300799, /* the end of the year 9999 */

    TAG_CWT = 61,
    TAG_MAC0 = 17,
    HEADER_ALG = 1,
    HEADER_KID = 4,
    ALG_HMAC_256 = 5,

    CLAIM_ISS = 1,
    CLAIM_SUB = 2,
    CLAIM_EXP = 4,
    CLAIM_NBF = 5,
    CLAIM_IAT = 6,
    CLAIM_CTI = 7,
    CLAIM_CATV = 310,
    CLAIM_CATU = 312,
    CLAIM_CATM = 313,
    CATU_PATH = 3,
    CATU_PREFIX = 1,
};

static const struct {
    const char *code, *what;
} verdicts[TOKEN_VERDICTS] = {
    [TOKEN_VALID] = {"token.valid", "The token is good."},
    [TOKEN_MISSING] = {"token.missing", "This needs an access token. Open the title's page and play it from there."},
    [TOKEN_MALFORMED] = {"token.malformed", "This is not an access token, or it was cut short on its way."},
    [TOKEN_FORGED] = {"token.forged", "This access token was not made by this server, or it was changed on its way."},
    [TOKEN_UNSUPPORTED] = {"token.unsupported", "This access token carries a restriction that this server cannot check."},
    [TOKEN_EXPIRED] = {"token.expired", "This access token has expired. Reload the page to get a new one."},
    [TOKEN_NOT_YET] = {"token.not_yet", "This access token is not valid yet. Check the clock of the machine that made it."},
    [TOKEN_REVOKED] = {"token.revoked", "This session has been ended. Reload the page to begin a new one."},
    [TOKEN_OTHER_TITLE] = {"token.title", "This access token is for another title."},
    [TOKEN_METHOD] = {"token.method", "This access token does not allow this kind of request."},
};

struct err token_verdict_error(enum token_verdict v) {
    assert(v < TOKEN_VERDICTS);
    return v == TOKEN_VALID ? ERR_OK : err_make(ERR_DENIED, verdicts[v].code, verdicts[v].what);
}

/* A slot is written while `state` is not in use, and read only while it is. A retired slot is not given out again
 * before an hour has passed, longer than any reader stays inside. */
enum slot_state { SLOT_FREE, SLOT_IN_USE, SLOT_RETIRED };
enum { SLOT_REST_S = 3600 };
struct key_slot {
    _Atomic enum slot_state state;
    uint8_t id[TOKEN_KEY_ID_MAX];
    size_t id_len;
    struct mac_key key;
    int64_t retired_s;
};

struct token_authority {
    const struct clock *clock;
    char issuer[ISSUER_MAX + 1];
    struct key_slot slots[KEY_SLOTS];
    _Atomic int signing; /* slot, or -1 */
    struct mac_key nobody; /* tokens under an unknown key are hashed with this one, to take as long */
    struct revocation_set *revoked;
    uint64_t name_seed;
    struct lock keys;
};

struct token_authority *token_authority_create(const struct clock *clock, const char *issuer) {
    struct token_authority *a = mem_zalloc(sizeof *a);
    if (!a) return NULL;
    struct slice name = slice_sub(slice_cstr(issuer), 0, ISSUER_MAX);
    memcpy(a->issuer, name.ptr, name.len);
    a->clock = clock;
    a->revoked = revocation_set_create();
    if (!a->revoked) {
        mem_free(a);
        return NULL;
    }
    uint8_t secret[TOKEN_KEY_BYTES];
    rng_secure(secret, sizeof secret);
    mac_key_init(&a->nobody, secret, sizeof secret);
    rng_secure(&a->name_seed, sizeof a->name_seed);
    atomic_init(&a->signing, -1);
    lock_init(&a->keys, LOCK_delivery_keys);
    return a;
}

void token_authority_destroy(struct token_authority **a) {
    if (!*a) return;
    revocation_set_destroy(&(*a)->revoked);
    lock_destroy(&(*a)->keys);
    MEM_FREE(a);
}

static int slot_find(const struct token_authority *a, struct slice id) {
    int found = -1;
    for (int i = 0; i < KEY_SLOTS; i++) {
        const struct key_slot *s = &a->slots[i];
        if (atomic_load_explicit(&s->state, memory_order_acquire) == SLOT_IN_USE && slice_eq(id, slice_of(s->id, s->id_len))) found = i;
    }
    return found;
}

struct err token_key_add(struct token_authority *a, struct slice id, const uint8_t secret[TOKEN_KEY_BYTES]) {
    if (id.len == 0 || id.len > TOKEN_KEY_ID_MAX) return err_make(ERR_INPUT, "token.key", "A key's id has 1 to 16 bytes.");
    int64_t now_s = utc_seconds(clock_utc(a->clock));
    struct err e = ERR_OK;
    lock_take(&a->keys);
    int place = -1;
    for (int i = 0; i < KEY_SLOTS; i++) {
        struct key_slot *s = &a->slots[i];
        enum slot_state state = atomic_load_explicit(&s->state, memory_order_relaxed);
        if (state == SLOT_FREE || (state == SLOT_RETIRED && s->retired_s + SLOT_REST_S < now_s)) place = i;
    }
    if (slot_find(a, id) >= 0) {
        e = err_make(ERR_INPUT, "token.key", "A key of this id is already in use.");
    } else if (place < 0) {
        e = err_make(ERR_LIMIT, "token.keys", "Sixteen token keys are in use. Retire old ones first.");
    } else {
        struct key_slot *s = &a->slots[place];
        memcpy(s->id, id.ptr, id.len);
        s->id_len = id.len;
        mac_key_init(&s->key, secret, TOKEN_KEY_BYTES);
        atomic_store_explicit(&s->state, SLOT_IN_USE, memory_order_release);
        atomic_store_explicit(&a->signing, place, memory_order_release);
    }
    lock_give(&a->keys);
    return e;
}

struct err token_key_retire(struct token_authority *a, struct slice id) {
    struct err e = ERR_OK;
    lock_take(&a->keys);
    int place = slot_find(a, id);
    if (place < 0) {
        e = err_make(ERR_NOT_FOUND, "token.key", "There is no token key of this id.");
    } else if (place == atomic_load_explicit(&a->signing, memory_order_relaxed)) {
        e = err_make(ERR_CONFLICT, "token.key", "This key signs new tokens. Add another first.");
    } else {
        a->slots[place].retired_s = utc_seconds(clock_utc(a->clock));
        atomic_store_explicit(&a->slots[place].state, SLOT_RETIRED, memory_order_release);
    }
    lock_give(&a->keys);
    return e;
}

/* --- making, with libcbor's encoders into a buffer on the stack --- */

struct writer {
    uint8_t bytes[PAYLOAD_MAX];
    size_t len;
};
#define ROOM(w) (w)->bytes + (w)->len, sizeof(w)->bytes - (w)->len
static void put_uint(struct writer *w, uint64_t v) { w->len += cbor_encode_uint(v, ROOM(w)); }
static void put_tag(struct writer *w, uint64_t v) { w->len += cbor_encode_tag(v, ROOM(w)); }
static void put_map(struct writer *w, size_t pairs) { w->len += cbor_encode_map_start(pairs, ROOM(w)); }
static void put_array(struct writer *w, size_t items) { w->len += cbor_encode_array_start(items, ROOM(w)); }
static void put_raw(struct writer *w, struct slice s) {
    assert(s.len <= sizeof w->bytes - w->len); /* the sizes of all that goes in are bounded above */
    if (s.len) memcpy(w->bytes + w->len, s.ptr, s.len);
    w->len += s.len;
}
static void put_bytes(struct writer *w, struct slice s) {
    w->len += cbor_encode_bytestring_start(s.len, ROOM(w));
    put_raw(w, s);
}
static void put_text(struct writer *w, struct slice s) {
    w->len += cbor_encode_string_start(s.len, ROOM(w));
    put_raw(w, s);
}
static struct slice written(const struct writer *w) { return slice_of(w->bytes, w->len); }

/* RFC 9052 section 6.3: what the tag is computed over is ["MAC0", protected header, h'', payload]; this is all of it
 * but the payload's bytes. */
static void mac_structure_head(struct writer *w, struct slice protected, size_t payload_len) {
    put_array(w, 4);
    put_text(w, SLICE("MAC0"));
    put_bytes(w, protected);
    put_bytes(w, SLICE_NONE);
    w->len += cbor_encode_bytestring_start(payload_len, ROOM(w));
}

static void put_claims(struct writer *w, const struct token_authority *a, const struct token_grant *grant, int64_t now_s, int64_t expires_s) {
    uint8_t cti[CTI_BYTES];
    rng_secure(cti, sizeof cti);
    char path[sizeof "/media//" + PUBLIC_ID_LEN];
    struct buf prefix = {.ptr = path, .capacity = sizeof path, .bytes_max = sizeof path};
    buf_cstr(&prefix, "/media/");
    buf_append(&prefix, public_id_slice(&grant->title));
    buf_cstr(&prefix, "/");

    put_map(w, 9);
    put_uint(w, CLAIM_ISS);
    put_text(w, slice_cstr(a->issuer));
    put_uint(w, CLAIM_SUB);
    put_text(w, public_id_slice(&grant->session));
    put_uint(w, CLAIM_EXP);
    put_uint(w, (uint64_t)expires_s);
    put_uint(w, CLAIM_NBF);
    put_uint(w, (uint64_t)now_s);
    put_uint(w, CLAIM_IAT);
    put_uint(w, (uint64_t)now_s);
    put_uint(w, CLAIM_CTI);
    put_bytes(w, slice_of(cti, sizeof cti));
    put_uint(w, CLAIM_CATV);
    put_uint(w, 1);
    put_uint(w, CLAIM_CATU);
    put_map(w, 1);
    put_uint(w, CATU_PATH);
    put_map(w, 1);
    put_uint(w, CATU_PREFIX);
    put_text(w, buf_slice(&prefix));
    put_uint(w, CLAIM_CATM);
    put_array(w, 2);
    put_text(w, SLICE("GET"));
    put_text(w, SLICE("HEAD"));
}

struct err token_issue(struct token_authority *a, const struct token_grant *grant, struct token *out) {
    int64_t now_s = utc_seconds(clock_utc(a->clock)), expires_s = now_s + TOKEN_LIFETIME_S;
    if (grant->expires_s && grant->expires_s < expires_s) expires_s = grant->expires_s;
    if (expires_s <= now_s) return err_make(ERR_INPUT, "token.expired", "A token cannot end before it begins.");
    int signing = atomic_load_explicit(&a->signing, memory_order_acquire);
    if (signing < 0) return err_make(ERR_BUG, "token.key", "There is no key to sign tokens with.");
    const struct key_slot *slot = &a->slots[signing];

    struct writer payload = {.len = 0}, protected = {.len = 0}, head = {.len = 0}, token = {.len = 0};
    put_claims(&payload, a, grant, now_s, expires_s);
    put_map(&protected, 2); /* the key's id is protected too: then no bit of a token can be changed unseen */
    put_uint(&protected, HEADER_ALG);
    put_uint(&protected, ALG_HMAC_256);
    put_uint(&protected, HEADER_KID);
    put_bytes(&protected, slice_of(slot->id, slot->id_len));
    mac_structure_head(&head, written(&protected), payload.len);
    uint8_t mac[MAC_BYTES];
    mac_compute(&slot->key, written(&head), written(&payload), mac);

    put_tag(&token, TAG_CWT);
    put_tag(&token, TAG_MAC0);
    put_array(&token, 4);
    put_bytes(&token, written(&protected));
    put_map(&token, 0);
    put_bytes(&token, written(&payload));
    put_bytes(&token, slice_of(mac, sizeof mac));
    static_assert(BASE64URL_TEXT(PAYLOAD_MAX) <= TOKEN_TEXT_MAX, "a token fits its text");
    out->len = base64url_encode(token.bytes, token.len, out->text);
    out->expires_s = expires_s;
    out->renew_s = now_s + (expires_s - now_s < TOKEN_LIFETIME_S ? (expires_s - now_s) / 2 : TOKEN_RENEW_AFTER_S);
    return ERR_OK;
}

/* --- reading --- */

struct envelope {
    struct slice protected, kid, payload, tag;
};

/* {1: 5, 4: kid}; `has_alg` and `kid` gather what the protected and the unprotected header say together. */
static void header_read(struct byte_reader *in, bool may_have_alg, bool *has_alg, struct slice *kid) {
    uint64_t pairs = cbor_read(in, CBOR_MAP);
    if (pairs > 2) in->has_failed = true;
    for (uint64_t i = 0; i < pairs && !in->has_failed; i++) {
        uint64_t label = cbor_read(in, CBOR_UINT);
        if (label == HEADER_ALG && may_have_alg && !*has_alg) {
            *has_alg = true;
            if (cbor_read(in, CBOR_UINT) != ALG_HMAC_256) in->has_failed = true;
        } else if (label == HEADER_KID && !kid->ptr) {
            *kid = cbor_read_string(in, CBOR_BYTES, TOKEN_KEY_ID_MAX);
        } else {
            in->has_failed = true; /* also `crit`: we know no critical header */
        }
    }
}

static bool envelope_read(struct slice bytes, struct envelope *out) {
    struct byte_reader in = byte_reader_of(bytes);
    uint64_t tag = cbor_read(&in, CBOR_TAG);
    if (tag == TAG_CWT) tag = cbor_read(&in, CBOR_TAG); /* optional, RFC 8392 section 6 */
    if (tag != TAG_MAC0 || cbor_read(&in, CBOR_ARRAY) != 4) return false;
    out->protected = cbor_read_string(&in, CBOR_BYTES, 64);
    struct byte_reader header = byte_reader_of(out->protected);
    bool has_alg = false;
    out->kid = SLICE_NONE;
    header_read(&header, true, &has_alg, &out->kid);
    if (header.has_failed || bytes_left(&header)) return false;
    header_read(&in, false, &has_alg, &out->kid);
    out->payload = cbor_read_string(&in, CBOR_BYTES, TOKEN_TEXT_MAX);
    out->tag = cbor_read_string(&in, CBOR_BYTES, MAC_BYTES);
    return !in.has_failed && bytes_left(&in) == 0 && has_alg && out->kid.len > 0 && out->tag.len == MAC_BYTES;
}

/* What of a token is needed at each request: also what the cache keeps. */
struct claims {
    int64_t expires_s, not_before_s;
    uint64_t cti_name, session_name;
    struct public_id title, session;
    uint8_t methods;       /* enum token_method */
    uint8_t is_supported;  /* nothing in it that we cannot hold the bearer to */
};

/* Revocations are kept by the hash of what they name, salted with its kind. The names are random and 128 or 80 bits
 * long; two that share 64 bits of hash are not to be expected in the life of a server. */
static uint64_t revocation_name(const struct token_authority *a, char kind, struct slice s) {
    uint64_t name = slice_hash(s) ^ (a->name_seed | 1) * (uint64_t)(unsigned char)kind;
    return name ? name : 1;
}

static int64_t date_read(struct byte_reader *in) {
    uint64_t s = cbor_read(in, CBOR_UINT);
    if (s > DATE_S_MAX) in->has_failed = true;
    return in->has_failed ? 0 : (int64_t)s;
}

static void catu_read(struct byte_reader *in, struct claims *c) {
    uint64_t parts = cbor_read(in, CBOR_MAP), part = cbor_read(in, CBOR_UINT), matches = cbor_read(in, CBOR_MAP), match = cbor_read(in, CBOR_UINT);
    struct slice prefix = cbor_read_string(in, CBOR_TEXT, PATH_MAX_BYTES);
    bool fits = parts == 1 && part == CATU_PATH && matches == 1 && match == CATU_PREFIX && slice_starts_with(prefix, SLICE("/media/")) &&
                prefix.len == 7 + PUBLIC_ID_LEN + 1 && prefix.ptr[7 + PUBLIC_ID_LEN] == '/' &&
                public_id_parse(slice_sub(prefix, 7, 7 + PUBLIC_ID_LEN), &c->title);
    if (!fits) in->has_failed = true;
}

static void catm_read(struct byte_reader *in, struct claims *c) {
    uint64_t count = cbor_read(in, CBOR_ARRAY);
    if (count > 8) in->has_failed = true;
    for (uint64_t i = 0; i < count && !in->has_failed; i++) {
        struct slice method = cbor_read_string(in, CBOR_TEXT, 16);
        c->methods |= slice_eq(method, SLICE("GET")) ? TOKEN_METHOD_GET : slice_eq(method, SLICE("HEAD")) ? TOKEN_METHOD_HEAD : 0;
    }
}

enum { HAS_ISS = 1, HAS_SUB = 2, HAS_EXP = 4, HAS_NBF = 8, HAS_IAT = 16, HAS_CTI = 32, HAS_CATV = 64, HAS_CATU = 128, HAS_CATM = 256 };

/* A claim that we do not know might be a restriction, so it makes the token unsupported instead of being skipped. So
 * does a missing one that we build on. */
static void claims_read(const struct token_authority *a, struct slice payload, struct claims *c) {
    struct byte_reader in = byte_reader_of(payload);
    unsigned has = 0;
    uint64_t pairs = cbor_read(&in, CBOR_MAP);
    for (uint64_t i = 0; i < pairs && !in.has_failed; i++) {
        unsigned before = has;
        switch (cbor_read(&in, CBOR_UINT)) {
        case CLAIM_ISS:
            has |= HAS_ISS;
            if (!slice_eq(cbor_read_string(&in, CBOR_TEXT, ISSUER_MAX), slice_cstr(a->issuer))) in.has_failed = true;
            break;
        case CLAIM_SUB: {
            has |= HAS_SUB;
            struct slice session = cbor_read_string(&in, CBOR_TEXT, SESSION_MAX);
            if (!public_id_parse(session, &c->session)) in.has_failed = true;
            c->session_name = revocation_name(a, 's', session);
            break;
        }
        case CLAIM_EXP: has |= HAS_EXP, c->expires_s = date_read(&in); break;
        case CLAIM_NBF: has |= HAS_NBF, c->not_before_s = date_read(&in); break;
        case CLAIM_IAT: has |= HAS_IAT, (void)date_read(&in); break;
        case CLAIM_CTI: has |= HAS_CTI, c->cti_name = revocation_name(a, 't', cbor_read_string(&in, CBOR_BYTES, CTI_MAX)); break;
        case CLAIM_CATV:
            has |= HAS_CATV;
            if (cbor_read(&in, CBOR_UINT) != 1) in.has_failed = true;
            break;
        case CLAIM_CATU: has |= HAS_CATU, catu_read(&in, c); break;
        case CLAIM_CATM: has |= HAS_CATM, catm_read(&in, c); break;
        default: in.has_failed = true;
        }
        if (has == before) in.has_failed = true; /* the same claim twice */
    }
    if (!(has & HAS_CATM)) c->methods = TOKEN_METHOD_GET | TOKEN_METHOD_HEAD | TOKEN_METHOD_OTHER;
    unsigned needed = HAS_ISS | HAS_SUB | HAS_EXP | HAS_CTI | HAS_CATV | HAS_CATU;
    c->is_supported = !in.has_failed && bytes_left(&in) == 0 && (has & needed) == needed;
}

/* --- the cache: four-way, by a keyed hash of the text; the text itself decides --- */

enum { CACHE_SETS = 256, CACHE_WAYS = 4, CACHED_TEXT_MAX = 384 };
struct cached {
    uint64_t hash; /* 0: empty */
    uint16_t len;
    uint8_t key_slot;
    struct claims claims;
    char text[CACHED_TEXT_MAX];
};
struct token_cache {
    uint64_t seed, hits;
    uint8_t next_way[CACHE_SETS];
    struct cached entries[CACHE_SETS][CACHE_WAYS];
};

struct token_cache *token_cache_create(void) {
    struct token_cache *cache = mem_zalloc(sizeof *cache);
    if (cache) rng_secure(&cache->seed, sizeof cache->seed);
    return cache;
}
void token_cache_destroy(struct token_cache **cache) { MEM_FREE(cache); }
uint64_t token_cache_hits(const struct token_cache *cache) { return cache->hits; }

static uint64_t text_hash(const struct token_cache *cache, struct slice text) {
    uint64_t h = cache->seed ^ text.len, word;
    for (; text.len >= 8; text.ptr += 8, text.len -= 8) {
        memcpy(&word, text.ptr, 8);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    word = 0;
    if (text.len) memcpy(&word, text.ptr, text.len);
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
    return h ? h : 1;
}

static const struct cached *cache_find(const struct token_authority *a, struct token_cache *cache, struct slice text, uint64_t hash) {
    for (int i = 0; i < CACHE_WAYS; i++) {
        const struct cached *e = &cache->entries[hash % CACHE_SETS][i];
        if (e->hash == hash && slice_eq_secret(text, slice_of(e->text, e->len)) &&
            atomic_load_explicit(&a->slots[e->key_slot].state, memory_order_acquire) == SLOT_IN_USE)
            return e;
    }
    return NULL;
}

static void cache_keep(struct token_cache *cache, struct slice text, uint64_t hash, int slot, const struct claims *claims) {
    if (text.len > CACHED_TEXT_MAX) return;
    size_t set = hash % CACHE_SETS;
    struct cached *e = &cache->entries[set][cache->next_way[set]++ % CACHE_WAYS];
    e->hash = hash;
    e->len = (uint16_t)text.len;
    e->key_slot = (uint8_t)slot;
    e->claims = *claims;
    memcpy(e->text, text.ptr, text.len);
}

/* Everything that changes from request to request is asked here, for cached and fresh tokens alike. The answers are
 * all worked out before one is chosen; the order of choice keeps an answer stable (an expired token stays "expired"
 * after its revocation has been forgotten). */
static enum token_verdict claims_judge(const struct token_authority *a, const struct claims *c, bool is_genuine, struct slice title,
                                       enum token_method method) {
    int64_t now_s = utc_seconds(clock_utc(a->clock));
    bool session_revoked = revocation_has(a->revoked, c->session_name, now_s), cti_revoked = revocation_has(a->revoked, c->cti_name, now_s);
    bool is_revoked = session_revoked || cti_revoked;
    bool is_expired = c->expires_s <= now_s, is_early = c->not_before_s > now_s + TOKEN_CLOCK_SKEW_S;
    bool is_other = !slice_eq(title, public_id_slice(&c->title)), is_wrong_method = !(c->methods & method);
    enum token_verdict v = TOKEN_VALID;
    if (is_wrong_method) v = TOKEN_METHOD;
    if (is_other) v = TOKEN_OTHER_TITLE;
    if (is_revoked) v = TOKEN_REVOKED;
    if (is_early) v = TOKEN_NOT_YET;
    if (is_expired) v = TOKEN_EXPIRED;
    if (!c->is_supported) v = TOKEN_UNSUPPORTED;
    if (!is_genuine) v = TOKEN_FORGED;
    return v;
}

static struct token_bearer bearer_of(const struct claims *c) {
    return (struct token_bearer){.session = c->session, .expires_s = c->expires_s, .session_name = c->session_name, .token_name = c->cti_name};
}

enum token_verdict token_still(const struct token_authority *a, const struct token_bearer *b) {
    int64_t now_s = utc_seconds(clock_utc(a->clock));
    if (b->expires_s <= now_s) return TOKEN_EXPIRED;
    return revocation_has(a->revoked, b->session_name, now_s) || revocation_has(a->revoked, b->token_name, now_s) ? TOKEN_REVOKED : TOKEN_VALID;
}

enum token_verdict token_verify(struct token_authority *a, struct token_cache *cache, struct slice text, struct slice title,
                                enum token_method method, struct token_bearer *bearer) {
    if (text.len == 0) return TOKEN_MISSING;
    if (text.len > TOKEN_TEXT_MAX) return TOKEN_MALFORMED;

    uint64_t hash = 0;
    if (cache) {
        hash = text_hash(cache, text);
        const struct cached *known = cache_find(a, cache, text, hash);
        if (known) {
            cache->hits++;
            enum token_verdict v = claims_judge(a, &known->claims, true, title, method);
            if ((v == TOKEN_VALID || v == TOKEN_REVOKED) && bearer) *bearer = bearer_of(&known->claims);
            return v;
        }
    }

    uint8_t bytes[BASE64URL_BYTES(TOKEN_TEXT_MAX)];
    size_t len;
    struct envelope envelope;
    if (!base64url_decode(text, bytes, &len) || !envelope_read(slice_of(bytes, len), &envelope)) return TOKEN_MALFORMED;

    struct writer head = {.len = 0};
    mac_structure_head(&head, envelope.protected, envelope.payload.len);
    int slot = slot_find(a, envelope.kid);
    uint8_t mac[MAC_BYTES];
    mac_compute(slot < 0 ? &a->nobody : &a->slots[slot].key, written(&head), envelope.payload, mac);
    bool is_same = slice_eq_secret(slice_of(mac, sizeof mac), envelope.tag), is_genuine = is_same && slot >= 0;

    struct claims claims = {0};
    claims_read(a, envelope.payload, &claims); /* also a forger's: the reader is made for hostile bytes */
    enum token_verdict v = claims_judge(a, &claims, is_genuine, title, method);
    if (is_genuine && claims.is_supported && cache) cache_keep(cache, text, hash, slot, &claims);
    if ((v == TOKEN_VALID || v == TOKEN_REVOKED) && bearer) *bearer = bearer_of(&claims);
    return v;
}

/* --- revoking --- */

struct err token_revoke_session(struct token_authority *a, struct slice session, int64_t until_s) {
    return revocation_add(a->revoked, revocation_name(a, 's', session), until_s, utc_seconds(clock_utc(a->clock)));
}
struct err token_revoke_id(struct token_authority *a, struct slice cti, int64_t until_s) {
    return revocation_add(a->revoked, revocation_name(a, 't', cti), until_s, utc_seconds(clock_utc(a->clock)));
}
uint64_t token_revocations_live(const struct token_authority *a) {
    return revocation_live(a->revoked, utc_seconds(clock_utc(a->clock)));
}
