/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Mastering: the hall, loudness, the limiter. */
#include <string.h>

#include "base/mem.h"
#include "example/synth.h"

/* --- the hall: eight delay lines that feed each other (Jot's feedback delay network, Householder matrix) --- */
enum { LINES = 8 };
static bool add_hall(struct tape *t, double seconds, double gain) {
    static const int length[LINES] = {1433, 1601, 1867, 2053, 2251, 2399, 2617, 2797}; /* samples, primes */
    float *memory = mem_zalloc_array((size_t)LINES * 2800, sizeof(float));
    if (!memory) return false;
    double feedback[LINES], damp[LINES] = {0}, high[2] = {0};
    int at[LINES] = {0};
    for (int k = 0; k < LINES; k++) feedback[k] = pow(0.001, length[k] / (seconds * SYNTH_RATE));
    for (size_t i = 0; i < t->frames; i++) {
        double out[LINES], sum = 0, side[2] = {0, 0};
        for (int k = 0; k < LINES; k++) {
            damp[k] += 0.45 * (memory[k * 2800 + at[k]] - damp[k]); /* air swallows the treble */
            out[k] = damp[k] * feedback[k];
            sum += out[k];
            side[k & 1] += (k & 2 ? -1 : 1) * out[k];
        }
        for (int k = 0; k < LINES; k++) {
            memory[k * 2800 + at[k]] = (float)(t->wet[2 * i + (size_t)(k & 1)] * 0.5 + out[k] - sum * (2.0 / LINES));
            at[k] = at[k] + 1 == length[k] ? 0 : at[k] + 1;
        }
        for (int s = 0; s < 2; s++) { /* without the mud below 150 Hz */
            high[s] += 0.02 * (side[s] - high[s]);
            t->dry[2 * i + (size_t)s] += (float)(gain * (side[s] - high[s]));
        }
    }
    mem_free(memory);
    return true;
}

/* --- loudness: ITU-R BS.1770-4, annex 1; coefficients for 48 kHz from its tables 1 and 2 --- */
struct biquad {
    double b0, b1, b2, a1, a2, z1, z2;
};
static double biquad(struct biquad *f, double in) {
    double out = f->b0 * in + f->z1;
    f->z1 = f->b1 * in - f->a1 * out + f->z2;
    f->z2 = f->b2 * in - f->a2 * out;
    return out;
}
enum { BLOCK = SYNTH_RATE * 4 / 10, HOP = SYNTH_RATE / 10 };

double tape_loudness(const struct tape *t) {
    struct biquad shelf[2], high[2];
    for (int s = 0; s < 2; s++) {
        shelf[s] = (struct biquad){1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585, 0, 0};
        high[s] = (struct biquad){1, -2, 1, -1.99004745483398, 0.99007225036621, 0, 0};
    }
    size_t hops = t->frames / HOP;
    if (hops < 4) return -70;
    double *power = mem_zalloc_array(hops, sizeof(double));
    if (!power) return -70;
    for (size_t i = 0; i < hops * HOP; i++)
        for (int s = 0; s < 2; s++) {
            double v = biquad(&high[s], biquad(&shelf[s], t->dry[2 * i + (size_t)s]));
            power[i / HOP] += v * v / HOP;
        }
    double gate = -70, loudness = -70;
    for (int pass = 0; pass < 2; pass++) { /* the absolute gate, then the one relative to what passed it */
        double sum = 0;
        size_t blocks = 0;
        for (size_t h = 0; h + 4 <= hops; h++) {
            double block = (power[h] + power[h + 1] + power[h + 2] + power[h + 3]) / 4;
            if (block <= 0 || -0.691 + 10 * log10(block) < gate) continue;
            sum += block;
            blocks++;
        }
        if (blocks == 0) break;
        loudness = -0.691 + 10 * log10(sum / (double)blocks);
        gate = loudness - 10;
    }
    mem_free(power);
    return loudness;
}

/* Looks 5 ms ahead and turns down before a peak comes: gain falls in time and recovers slowly. */
static bool limit(struct tape *t, double ceiling) {
    enum { AHEAD = SYNTH_RATE / 200 };
    float *gain = mem_alloc(t->frames * sizeof(float));
    if (!gain) return false;
    double now = 1;
    for (size_t i = 0; i < t->frames; i++) {
        double peak = fmax(fabs(t->dry[2 * i]), fabs(t->dry[2 * i + 1]));
        double want = peak > ceiling ? ceiling / peak : 1;
        now = want < now ? want : now + (1 - now) * 0.0002;
        if (now > want) now = want;
        gain[i] = (float)now;
    }
    for (size_t i = t->frames; i-- > 1;) { /* slopes down to each dip, over AHEAD samples */
        float slope = gain[i] + 1.f / AHEAD;
        if (gain[i - 1] > slope) gain[i - 1] = slope;
    }
    for (size_t i = 0; i < t->frames; i++) {
        t->dry[2 * i] *= gain[i];
        t->dry[2 * i + 1] *= gain[i];
    }
    mem_free(gain);
    return true;
}

bool tape_master(struct tape *t, const struct master *m) {
    if (m->hall_seconds > 0 && !add_hall(t, m->hall_seconds, m->hall_gain)) return false;
    double slow[2] = {0, 0};
    for (size_t i = 0; i < t->frames; i++) {
        double now = (double)i / SYNTH_RATE, left = (double)(t->frames - i) / SYNTH_RATE;
        double level = (m->fade_in > 0 ? smooth(ramp(now, 0, m->fade_in)) : 1) * (m->fade_out > 0 ? smooth(ramp(left, 0, m->fade_out)) : 1);
        for (int s = 0; s < 2; s++) {
            float *v = &t->dry[2 * i + (size_t)s];
            slow[s] += 0.0035 * (*v - slow[s]); /* rumble below 27 Hz goes */
            *v = (float)((*v - slow[s]) * level);
        }
    }
    for (int pass = 0; pass < 3; pass++) { /* limiting costs loudness: come closer in turns */
        double now = tape_loudness(t);
        if (now <= -70) break;
        float gain = (float)pow(10, (m->loudness - now) / 20);
        for (size_t i = 0; i < 2 * t->frames; i++) t->dry[i] *= gain;
        if (!limit(t, 0.87)) return false;
    }
    return true;
}
