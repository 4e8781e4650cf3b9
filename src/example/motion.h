/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * motion.h: numbers that move. Small pure functions for scenes: remapping, easing, keys on a time line, vectors.
 * All times are seconds of film time; everything is a pure function of its arguments. */
#ifndef EXAMPLE_MOTION_H
#define EXAMPLE_MOTION_H

#include <math.h>
#include <stddef.h>

#define TAU 6.283185307179586

static inline double clamp(double v, double low, double high) { return v < low ? low : v > high ? high : v; }
static inline double mix(double a, double b, double p) { return a + (b - a) * p; }
static inline double fract(double v) { return v - floor(v); }
/* Where v lies between a and b, 0 to 1, held at the ends. a != b. */
static inline double ramp(double v, double a, double b) { return clamp((v - a) / (b - a), 0, 1); }
static inline double smooth(double p) { return p * p * (3 - 2 * p); }
/* 0 before a, 1 after b, with a soft start and end. */
static inline double fade(double v, double a, double b) { return smooth(ramp(v, a, b)); }
/* 0, up over [a, b], held, down over [c, d]. */
static inline double hump(double v, double a, double b, double c, double d) { return fade(v, a, b) * (1 - fade(v, c, d)); }
static inline double wave(double turns) { return sin(TAU * turns); }

/* Easing of p in [0, 1]. */
double ease_in(double p);       /* cubic */
double ease_out(double p);
double ease_in_out(double p);
double ease_out_back(double p); /* goes a little past 1 and settles */
double ease_out_expo(double p);

/* Keys on a time line: a smooth curve (monotone cubic: it never overshoots a key) through them. Before the first and
 * after the last the value holds. Keys stand in order of time. */
struct key {
    double at, value;
};
double keys_at(const struct key *keys, size_t count, double t);
#define KEYS(t, ...) keys_at((const struct key[]){__VA_ARGS__}, sizeof((const struct key[]){__VA_ARGS__}) / sizeof(struct key), (t))

/* A closed curve (Catmull-Rom) through keys with 0 <= at < 1; `turn` may be any number. */
double keys_cycle(const struct key *keys, size_t count, double turn);

struct vec2 {
    double x, y;
};
static inline struct vec2 vec2(double x, double y) { return (struct vec2){x, y}; }
static inline struct vec2 add2(struct vec2 a, struct vec2 b) { return vec2(a.x + b.x, a.y + b.y); }
static inline struct vec2 sub2(struct vec2 a, struct vec2 b) { return vec2(a.x - b.x, a.y - b.y); }
static inline struct vec2 scale2(struct vec2 a, double s) { return vec2(a.x * s, a.y * s); }
static inline struct vec2 mix2(struct vec2 a, struct vec2 b, double p) { return vec2(mix(a.x, b.x, p), mix(a.y, b.y, p)); }
static inline double length2(struct vec2 a) { return hypot(a.x, a.y); }
/* Length `r` in the direction `angle`: 0 is right, TAU / 4 is down, as on the canvas. */
static inline struct vec2 polar(double r, double angle) { return vec2(r * cos(angle), r * sin(angle)); }

struct vec3 {
    double x, y, z;
};
static inline struct vec3 vec3(double x, double y, double z) { return (struct vec3){x, y, z}; }
static inline struct vec3 add3(struct vec3 a, struct vec3 b) { return vec3(a.x + b.x, a.y + b.y, a.z + b.z); }
static inline struct vec3 sub3(struct vec3 a, struct vec3 b) { return vec3(a.x - b.x, a.y - b.y, a.z - b.z); }
static inline struct vec3 scale3(struct vec3 a, double s) { return vec3(a.x * s, a.y * s, a.z * s); }
static inline struct vec3 mix3(struct vec3 a, struct vec3 b, double p) {
    return vec3(mix(a.x, b.x, p), mix(a.y, b.y, p), mix(a.z, b.z, p));
}
static inline double dot3(struct vec3 a, struct vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static inline struct vec3 cross3(struct vec3 a, struct vec3 b) {
    return vec3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}
struct vec3 unit3(struct vec3); /* (0, 0, 0) stays */

/* The joint between two bones of length a and b that reach from `root` to `tip` (which is pulled in when out of
 * reach), on the side given by the sign of `bend`. */
struct vec2 joint_between(struct vec2 root, struct vec2 *tip, double a, double b, double bend);

#endif
