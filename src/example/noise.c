/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "example/noise.h"

uint32_t hash_bits(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t h = a * 0x9e3779b1u + b * 0x85ebca77u + c * 0xc2b2ae3du + 0x165667b1u;
    h = (h ^ h >> 15) * 0x2c1b3c6du;
    h = (h ^ h >> 12) * 0x297a2d39u;
    return h ^ h >> 15;
}
double hash1(uint32_t a) { return hash3(a, 0, 0); }
double hash2(uint32_t a, uint32_t b) { return hash3(a, b, 0); }
double hash3(uint32_t a, uint32_t b, uint32_t c) { return hash_bits(a, b, c) / 4294967296.0; }

static double quintic(double p) { return p * p * p * (p * (p * 6 - 15) + 10); }

static double corner2(int32_t ix, int32_t iy, uint32_t seed, double dx, double dy) {
    static const double direction[8][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {0.7071, 0.7071}, {-0.7071, 0.7071}, {0.7071, -0.7071}, {-0.7071, -0.7071}};
    const double *g = direction[hash_bits((uint32_t)ix, (uint32_t)iy, seed) & 7];
    return g[0] * dx + g[1] * dy;
}

double noise2(double x, double y, uint32_t seed) {
    double fx = floor(x), fy = floor(y), dx = x - fx, dy = y - fy;
    int32_t ix = (int32_t)fx, iy = (int32_t)fy;
    double u = quintic(dx), v = quintic(dy);
    double top = mix(corner2(ix, iy, seed, dx, dy), corner2(ix + 1, iy, seed, dx - 1, dy), u);
    double low = mix(corner2(ix, iy + 1, seed, dx, dy - 1), corner2(ix + 1, iy + 1, seed, dx - 1, dy - 1), u);
    return 1.5 * mix(top, low, v);
}

static double corner3(int32_t ix, int32_t iy, int32_t iz, uint32_t seed, double dx, double dy, double dz) {
    uint32_t h = hash_bits((uint32_t)ix, (uint32_t)iy, (uint32_t)iz * 31u + seed) & 15;
    double u = h < 8 ? dx : dy, v = h < 4 ? dy : h == 12 || h == 14 ? dx : dz;
    return ((h & 1) ? -u : u) + ((h & 2) ? -v : v);
}

double noise3(double x, double y, double z, uint32_t seed) {
    double fx = floor(x), fy = floor(y), fz = floor(z), dx = x - fx, dy = y - fy, dz = z - fz;
    int32_t ix = (int32_t)fx, iy = (int32_t)fy, iz = (int32_t)fz;
    double u = quintic(dx), v = quintic(dy), plane[2];
    for (int k = 0; k < 2; k++) {
        double top = mix(corner3(ix, iy, iz + k, seed, dx, dy, dz - k), corner3(ix + 1, iy, iz + k, seed, dx - 1, dy, dz - k), u);
        double low = mix(corner3(ix, iy + 1, iz + k, seed, dx, dy - 1, dz - k), corner3(ix + 1, iy + 1, iz + k, seed, dx - 1, dy - 1, dz - k), u);
        plane[k] = mix(top, low, v);
    }
    return mix(plane[0], plane[1], quintic(dz));
}

double clouds2(double x, double y, int octaves, uint32_t seed) {
    double sum = 0, height = 0.5;
    for (int i = 0; i < octaves; i++, height *= 0.5, x *= 2.02, y *= 2.02) sum += height * noise2(x, y, seed + (uint32_t)i);
    return sum;
}
double clouds3(double x, double y, double z, int octaves, uint32_t seed) {
    double sum = 0, height = 0.5;
    for (int i = 0; i < octaves; i++, height *= 0.5, x *= 2.02, y *= 2.02, z *= 1.4) sum += height * noise3(x, y, z, seed + (uint32_t)i);
    return sum;
}

struct vec2 curl2(double x, double y, double t, uint32_t seed) {
    const double e = 0.05;
    return vec2((noise3(x, y + e, t, seed) - noise3(x, y - e, t, seed)) / (2 * e), (noise3(x - e, y, t, seed) - noise3(x + e, y, t, seed)) / (2 * e));
}
