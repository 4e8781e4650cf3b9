/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * rng.h: random numbers. `rng_secure` is for keys, tokens and ids that nobody may guess; `struct rng` is for
 * simulations and tests, the same on every machine for one seed (xoshiro256**, Blackman and Vigna 2018). */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* From the kernel; ends the program if the kernel cannot (which Linux never does after boot). Any thread. */
void rng_secure(void *out, size_t len);

struct rng {
    uint64_t state[4];
};
struct rng rng_seeded(uint64_t seed);
uint64_t rng_u64(struct rng *);
uint64_t rng_below(struct rng *, uint64_t bound); /* 0 <= x < bound, without bias; bound > 0 */
double rng_unit(struct rng *);                    /* 0 <= x < 1 */
double rng_normal(struct rng *);                  /* mean 0, standard deviation 1 */

#endif
