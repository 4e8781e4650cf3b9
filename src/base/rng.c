/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/rng.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <sys/random.h>

void rng_secure(void *out, size_t len) {
    unsigned char *at = out;
    while (len) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR) continue;
        assert(got > 0);
        at += got;
        len -= (size_t)got;
    }
}

static uint64_t rotate_left(uint64_t x, int k) { return x << k | x >> (64 - k); }

/* SplitMix64 spreads a small seed over the whole state, as the authors of xoshiro advise. */
struct rng rng_seeded(uint64_t seed) {
    struct rng r;
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        r.state[i] = z ^ z >> 31;
    }
    return r;
}

uint64_t rng_u64(struct rng *r) {
    uint64_t *s = r->state, result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *r, uint64_t bound) {
    assert(bound > 0);
    uint64_t unfair = -bound % bound, x; /* 2^64 mod bound */
    do x = rng_u64(r);
    while (x < unfair);
    return x % bound;
}

double rng_unit(struct rng *r) { return (double)(rng_u64(r) >> 11) * 0x1p-53; }

double rng_normal(struct rng *r) {
    double u = 1.0 - rng_unit(r), v = rng_unit(r); /* u > 0 */
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}
