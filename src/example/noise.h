/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * noise.h: chance that is the same every time. Pure functions of place and seed; no state, any thread. */
#ifndef EXAMPLE_NOISE_H
#define EXAMPLE_NOISE_H

#include <stdint.h>

#include "example/motion.h"

/* 0 <= x < 1, without any pattern from one integer to the next. `hash2` for a grid, `hash3` for a grid in time. */
double hash1(uint32_t a);
double hash2(uint32_t a, uint32_t b);
double hash3(uint32_t a, uint32_t b, uint32_t c);
uint32_t hash_bits(uint32_t a, uint32_t b, uint32_t c);

/* Gradient noise (Perlin 2002): smooth, about -1 to 1, 0 at whole coordinates, features of size 1. */
double noise2(double x, double y, uint32_t seed);
double noise3(double x, double y, double z, uint32_t seed);
/* Octaves summed, each of half the size and half the height: clouds, hills, flow. */
double clouds2(double x, double y, int octaves, uint32_t seed);
double clouds3(double x, double y, double z, int octaves, uint32_t seed);
/* Velocity of a flow that neither gathers nor thins out: the curl of a noise field. */
struct vec2 curl2(double x, double y, double t, uint32_t seed);

#endif
