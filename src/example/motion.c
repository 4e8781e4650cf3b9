/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "example/motion.h"

double ease_in(double p) { return p * p * p; }
double ease_out(double p) { return 1 - ease_in(1 - p); }
double ease_in_out(double p) { return p < 0.5 ? 4 * p * p * p : 1 - 4 * ease_in(1 - p); }
double ease_out_back(double p) {
    double q = p - 1;
    return 1 + 2.7 * q * q * q + 1.7 * q * q;
}
double ease_out_expo(double p) { return p >= 1 ? 1 : 1 - exp2(-10 * p); }

/* Slope at key i for a monotone cubic (Fritsch and Carlson 1980, with the harmonic mean of the neighbouring slopes). */
static double slope_at(const struct key *k, size_t count, size_t i) {
    if (i == 0 || i + 1 == count) return 0; /* starts and ends at rest: what a camera move wants */
    double before = (k[i].value - k[i - 1].value) / (k[i].at - k[i - 1].at);
    double after = (k[i + 1].value - k[i].value) / (k[i + 1].at - k[i].at);
    return before * after <= 0 ? 0 : 2 * before * after / (before + after);
}

static double hermite(double p, double a, double slope_a, double b, double slope_b) {
    double p2 = p * p, p3 = p2 * p;
    return (2 * p3 - 3 * p2 + 1) * a + (p3 - 2 * p2 + p) * slope_a + (3 * p2 - 2 * p3) * b + (p3 - p2) * slope_b;
}

double keys_at(const struct key *keys, size_t count, double t) {
    if (count == 0) return 0;
    if (t <= keys[0].at) return keys[0].value;
    for (size_t i = 0; i + 1 < count; i++) {
        if (t >= keys[i + 1].at) continue;
        double span = keys[i + 1].at - keys[i].at;
        return hermite((t - keys[i].at) / span, keys[i].value, slope_at(keys, count, i) * span, keys[i + 1].value,
                       slope_at(keys, count, i + 1) * span);
    }
    return keys[count - 1].value;
}

double keys_cycle(const struct key *keys, size_t count, double turn) {
    double at = fract(turn);
    size_t next = 0;
    while (next < count && keys[next].at <= at) next++;
    const struct key *k[4];
    double time[4];
    for (int i = 0; i < 4; i++) { /* two keys before, two after, around the circle */
        long index = (long)next - 2 + i, lap = index < 0 ? -1 : index >= (long)count ? 1 : 0;
        k[i] = &keys[index - lap * (long)count];
        time[i] = k[i]->at + (double)lap;
    }
    double span = time[2] - time[1];
    double slope_a = (k[2]->value - k[0]->value) / (time[2] - time[0]) * span;
    double slope_b = (k[3]->value - k[1]->value) / (time[3] - time[1]) * span;
    return hermite((at - time[1]) / span, k[1]->value, slope_a, k[2]->value, slope_b);
}

struct vec3 unit3(struct vec3 v) {
    double length = sqrt(dot3(v, v));
    return length > 0 ? scale3(v, 1 / length) : v;
}

struct vec2 joint_between(struct vec2 root, struct vec2 *tip, double a, double b, double bend) {
    struct vec2 reach = sub2(*tip, root);
    double d = length2(reach), far = (a + b) * 0.999;
    if (d < 1e-9) return add2(root, vec2(a, 0));
    if (d > far) {
        *tip = add2(root, scale2(reach, far / d));
        reach = sub2(*tip, root);
        d = far;
    }
    double along = clamp((a * a + d * d - b * b) / (2 * d), -a, a);
    double aside = sqrt(fmax(0, a * a - along * along)) * (bend < 0 ? -1 : 1);
    struct vec2 u = scale2(reach, 1 / d);
    return vec2(root.x + u.x * along - u.y * aside, root.y + u.y * along + u.x * aside);
}
