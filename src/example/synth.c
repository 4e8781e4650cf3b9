/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Instruments. Each is an oscillator or a string, an envelope and a filter; the sums are small, the taste is in the
 * numbers. */
#include "example/synth.h"

#include <string.h>

#include "base/mem.h"

struct err tape_create(double seconds, uint32_t seed, struct tape *out) {
    size_t frames = (size_t)(seconds * SYNTH_RATE);
    struct tape t = {.frames = frames, .rng = rng_seeded(seed)};
    t.dry = mem_zalloc_array(frames, 2 * sizeof(float));
    t.wet = mem_zalloc_array(frames, 2 * sizeof(float));
    t.scratch = mem_zalloc_array(frames, sizeof(float));
    if (!t.dry || !t.wet || !t.scratch) {
        tape_free(&t);
        return err_memory();
    }
    *out = t;
    return ERR_OK;
}

void tape_free(struct tape *t) {
    MEM_FREE(&t->dry);
    MEM_FREE(&t->wet);
    MEM_FREE(&t->scratch);
    t->frames = 0;
}

static double hertz(double pitch) { return 440 * exp2((pitch - 69) / 12); }
static double chance(struct tape *t) { return rng_unit(&t->rng); }
static double noise(struct tape *t) { return 2 * rng_unit(&t->rng) - 1; }

/* Both channels of one place, with equal power across the pan. */
struct gains {
    float left, right, wet_left, wet_right;
};
static struct gains gains_of(struct place p) {
    double angle = (clamp(p.pan, -1, 1) + 1) * TAU / 8, near = p.gain * (1 - 0.6 * p.hall), far = p.gain * p.hall;
    return (struct gains){(float)(near * cos(angle)), (float)(near * sin(angle)), (float)(far * (0.4 + 0.6 * cos(angle))), (float)(far * (0.4 + 0.6 * sin(angle)))};
}
static void put(struct tape *t, size_t i, float v, struct gains g) {
    t->dry[2 * i] += v * g.left;
    t->dry[2 * i + 1] += v * g.right;
    t->wet[2 * i] += v * g.wet_left;
    t->wet[2 * i + 1] += v * g.wet_right;
}
/* The sample frames of [at, at + length) that lie on the tape. */
struct run {
    size_t from, to;
    double offset; /* seconds of the sound before `from` */
};
static struct run run_of(const struct tape *t, double at, double length) {
    double from = fmax(0, at), to = fmin((double)t->frames / SYNTH_RATE, at + length);
    if (to <= from) return (struct run){0, 0, 0};
    size_t last = (size_t)(to * SYNTH_RATE);
    return (struct run){(size_t)(from * SYNTH_RATE), last > t->frames ? t->frames : last, from - at};
}

/* A saw without the sharp edge that would alias (polyBLEP, Valimaki and Huovilainen 2007). */
static double saw(double phase, double step) {
    double v = 2 * phase - 1;
    if (phase < step) {
        double p = phase / step;
        v -= p + p - p * p - 1;
    } else if (phase > 1 - step) {
        double p = (phase - 1) / step;
        v -= p * p + p + p + 1;
    }
    return v;
}

/* State-variable filter (Simper's trapezoidal form): stays stable when the cutoff moves. */
struct filter {
    double low, band;
};
static double filter_low(struct filter *f, double in, double cutoff, double q, double *band_out) {
    double g = tan(TAU / 2 * fmin(cutoff, 18000) / SYNTH_RATE), k = 1 / q, a1 = 1 / (1 + g * (g + k)), a2 = g * a1;
    double v3 = in - f->low, v1 = a1 * f->band + a2 * v3, v2 = f->low + a2 * f->band + g * a2 * v3;
    f->band = 2 * v1 - f->band;
    f->low = 2 * v2 - f->low;
    if (band_out) *band_out = v1;
    return v2;
}
/* The same with coefficients worked out once: for cutoffs that stand still. */
struct still_filter {
    double a1, a2, g, low, band;
};
static struct still_filter still(double cutoff, double q) {
    double g = tan(TAU / 2 * fmin(cutoff, 18000) / SYNTH_RATE), a1 = 1 / (1 + g * (g + 1 / q));
    return (struct still_filter){.a1 = a1, .a2 = g * a1, .g = g};
}
static double still_low(struct still_filter *f, double in, double *band_out) {
    double v3 = in - f->low, v1 = f->a1 * f->band + f->a2 * v3, v2 = f->low + f->a2 * f->band + f->g * f->a2 * v3;
    f->band = 2 * v1 - f->band;
    f->low = 2 * v2 - f->low;
    if (band_out) *band_out = v1;
    return v2;
}

static double rise_and_fall(double t, double length, double attack, double release) {
    return smooth(ramp(t, 0, attack)) * (1 - smooth(ramp(t, length - release, length)));
}

/* Several detuned saws through a slow filter: pad, strings and bass differ only in numbers. */
static void ensemble(struct tape *t, double at, double length, double pitch, int voices, double detune, double attack, double release, double cutoff,
                     double sweep, double vibrato, struct place place) {
    struct run r = run_of(t, at, length + release);
    double phase[8], step[8];
    for (int v = 0; v < voices; v++) {
        phase[v] = chance(t);
        step[v] = hertz(pitch + detune * (voices > 1 ? 2.0 * v / (voices - 1) - 1 : 0)) / SYNTH_RATE;
    }
    struct place wide = place;
    struct gains side[2];
    for (int s = 0; s < 2; s++) {
        wide.pan = clamp(place.pan + (s ? 0.55 : -0.55) * (voices > 1), -1, 1);
        side[s] = gains_of(wide);
    }
    struct still_filter f[2] = {0};
    double vibrato_phase = chance(t), bend = 1;
    for (size_t i = r.from; i < r.to; i++) {
        double now = r.offset + (double)(i - r.from) / SYNTH_RATE;
        if ((i - r.from) % 64 == 0) {
            bend = 1 + vibrato * 0.004 * ramp(now, 0.2, 0.9) * wave(vibrato_phase + now * 5.1);
            double open = cutoff * (1 + sweep * smooth(ramp(now, 0, length * 0.5)) - 0.4 * sweep * ramp(now, length * 0.5, length + release));
            for (int s = 0; s < 2; s++) {
                struct still_filter fresh = still(fmin(open, hertz(pitch) * 14), 0.7);
                fresh.low = f[s].low, fresh.band = f[s].band;
                f[s] = fresh;
            }
        }
        double sum[2] = {0, 0};
        for (int v = 0; v < voices; v++) {
            double d = step[v] * bend;
            phase[v] += d;
            if (phase[v] >= 1) phase[v] -= 1;
            sum[v & 1] += saw(phase[v], d);
        }
        if (voices == 1) sum[1] = sum[0];
        double level = rise_and_fall(now, length + release, attack, release) / sqrt(voices);
        for (int s = 0; s < 2; s++) put(t, i, (float)(still_low(&f[s], sum[s], NULL) * level * 0.5), side[s]);
    }
}

void play_pad(struct tape *t, double at, double length, double pitch, double bright, struct place p) {
    p.gain *= 0.5;
    ensemble(t, at, length, pitch, 4, 0.09, fmin(1.2, length * 0.4), fmin(1.8, length * 0.6), 350 + 2200 * bright, 0.8, 0, p);
}
void play_strings(struct tape *t, double at, double length, double pitch, double bright, struct place p) {
    p.gain *= 0.42;
    ensemble(t, at, length, pitch, 6, 0.12, fmin(0.22, length * 0.35), 0.35, 700 + 4200 * bright, 0.3, 1, p);
}
void play_bass(struct tape *t, double at, double length, double pitch, double bright, struct place p) {
    p.gain *= 0.9;
    ensemble(t, at, length, pitch, 1, 0, 0.008, 0.08, 160 + 1300 * bright, -0.6, 0, p);
    struct run r = run_of(t, at, length + 0.08);
    struct gains g = gains_of(p);
    double step = TAU * hertz(pitch) / SYNTH_RATE;
    for (size_t i = r.from; i < r.to; i++) {
        double now = r.offset + (double)(i - r.from) / SYNTH_RATE;
        put(t, i, (float)(0.5 * sin(step * (double)(i - r.from)) * rise_and_fall(now, length + 0.08, 0.008, 0.08)), g);
    }
}

void play_lead(struct tape *t, double at, double length, double pitch, double bright, struct place p) {
    struct run r = run_of(t, at, length + 0.25);
    struct gains g = gains_of(p);
    struct filter f = {0};
    double phase[2] = {chance(t), chance(t)};
    for (size_t i = r.from; i < r.to; i++) {
        double now = r.offset + (double)(i - r.from) / SYNTH_RATE;
        double bend = 1 + 0.005 * ramp(now, 0.25, 0.7) * wave(now * 5.4) - 0.03 * exp(-now * 30), sum = 0;
        for (int v = 0; v < 2; v++) {
            double d = hertz(pitch + (v ? 0.07 : -0.05)) * bend / SYNTH_RATE;
            phase[v] = fract(phase[v] + d);
            sum += saw(phase[v], d);
        }
        double level = rise_and_fall(now, length + 0.25, 0.02, 0.25);
        put(t, i, (float)(0.28 * level * filter_low(&f, sum, 500 + 3800 * bright * (0.5 + 0.5 * exp(-now * 3)), 1.2, NULL)), g);
    }
}

void play_arp(struct tape *t, double at, double length, double pitch, double bright, struct place p) {
    struct run r = run_of(t, at, fmax(length, 0.4));
    struct gains g = gains_of(p);
    struct filter f = {0};
    double phase = 0, d = hertz(pitch) / SYNTH_RATE;
    for (size_t i = r.from; i < r.to; i++) {
        double now = r.offset + (double)(i - r.from) / SYNTH_RATE;
        phase = fract(phase + d);
        double square = saw(phase, d) - saw(fract(phase + 0.5), d);
        double level = ramp(now, 0, 0.003) * exp(-now * 7);
        put(t, i, (float)(0.3 * level * filter_low(&f, square, 300 + 5000 * bright * exp(-now * 9), 1.8, NULL)), g);
    }
}

/* Karplus-Strong (1983) with a fractional delay: a burst of noise goes round a string and loses its edge. */
void play_pluck(struct tape *t, double at, double pitch, double ring, struct place p) {
    struct run r = run_of(t, at, ring * 1.2 + 0.2);
    if (r.to <= r.from || r.to - r.from > t->frames) return;
    struct gains g = gains_of(p);
    double period = SYNTH_RATE / hertz(pitch) - 0.5;
    size_t whole = (size_t)period;
    float line[4096] = {0};
    if (whole < 4 || whole >= ARRAY_LEN(line) - 1) return;
    double previous = 0;
    for (size_t i = 0; i < whole + 1; i++) { /* soft pick: noise without its hiss */
        previous = 0.45 * previous + 0.55 * noise(t);
        line[i] = (float)previous;
    }
    double loss = pow(0.001, period / (ring * SYNTH_RATE)), part = period - (double)whole, last = 0;
    size_t at_line = 0;
    for (size_t i = r.from; i < r.to; i++) {
        size_t next = at_line + 1 > whole ? 0 : at_line + 1;
        double v = line[at_line] + (line[next] - line[at_line]) * part;
        double out = 0.5 * (v + last);
        last = v;
        line[at_line] = (float)(out * loss);
        at_line = next;
        double now = (double)(i - r.from) / SYNTH_RATE;
        put(t, i, (float)(0.8 * out * (1 - ramp(now, ring, ring * 1.2 + 0.2))), g);
    }
}

void play_keys(struct tape *t, double at, double length, double pitch, double touch, struct place p) {
    double ring = clamp(3.5 - (pitch - 48) * 0.035, 0.8, 4);
    struct run r = run_of(t, at, fmin(ring, length + 0.6));
    struct gains g = gains_of(p);
    double f0 = hertz(pitch), span = fmin(ring, length + 0.6);
    double phase[7] = {0}, step[7], height[7], decay[7];
    int partials = 0;
    for (int n = 1; n <= 7; n++) { /* strings are a little stiff: their partials lie sharp */
        double f = f0 * n * sqrt(1 + 0.0004 * n * n);
        if (f > 9000) break;
        step[partials] = TAU * f / SYNTH_RATE;
        height[partials] = pow(n, -1.7 + 0.7 * touch) * (n == 1 ? 1 : 0.8);
        decay[partials++] = (1.1 + 0.75 * n) / ring * 2;
    }
    struct still_filter felt = still(1800, 0.7);
    for (size_t i = r.from; i < r.to; i++) {
        double now = r.offset + (double)(i - r.from) / SYNTH_RATE, sum = 0;
        for (int k = 0; k < partials; k++) {
            phase[k] += step[k];
            sum += height[k] * sin(phase[k]) * exp(-decay[k] * now);
        }
        double knock = now < 0.03 ? still_low(&felt, noise(t), NULL) * exp(-now * 160) * 0.25 : 0;
        put(t, i, (float)(0.4 * (sum + knock) * ramp(now, 0, 0.004) * (1 - smooth(ramp(now, span - 0.5, span)))), g);
    }
}

/* Two-operator FM (Chowning 1973): one sine bends another. */
static void fm(struct tape *t, double at, double pitch, double ratio, double depth, double depth_decay, double ring, double gain, struct place p) {
    struct run r = run_of(t, at, ring);
    struct gains g = gains_of(p);
    double f = TAU * hertz(pitch) / SYNTH_RATE;
    for (size_t i = r.from; i < r.to; i++) {
        double n = (double)(i - r.from) + r.offset * SYNTH_RATE, now = n / SYNTH_RATE;
        double v = sin(f * n + depth * exp(-depth_decay * now) * sin(f * ratio * n));
        put(t, i, (float)(gain * v * exp(-5 * now / ring) * ramp(now, 0, 0.002) * (1 - ramp(now, ring * 0.9, ring))), g);
    }
}
void play_bell(struct tape *t, double at, double pitch, double ring, struct place p) {
    fm(t, at, pitch, 3.51, 1.6, 3, ring, 0.30, p);
    fm(t, at, pitch + 0.04, 1.0, 0.5, 2, ring, 0.18, p);
}
void play_mallet(struct tape *t, double at, double pitch, struct place p) {
    fm(t, at, pitch, 1.0, 0.3, 12, 1.1, 0.45, p);
    fm(t, at, pitch, 3.93, 0.5, 30, 0.25, 0.18, p);
}

/* Voices: a pulse through three resonances of an open mouth (first formants of "ah"). */
void play_voice(struct tape *t, double at, double length, double pitch, double bright, struct place p) {
    static const double formant[3][3] = {{730, 1, 9}, {1120, 0.55, 10}, {2700, 0.22, 12}}; /* Hz, level, sharpness */
    struct run r = run_of(t, at, length + 0.8);
    for (int singer = 0; singer < 4; singer++) {
        struct place place = p;
        place.pan = clamp(p.pan + (singer - 1.5) * 0.4, -1, 1);
        struct gains g = gains_of(place);
        struct still_filter f[3];
        for (int k = 0; k < 3; k++) f[k] = still(formant[k][0] * mix(0.72, 1, bright) * (1 + 0.03 * (singer - 1.5)), formant[k][2]);
        double phase = chance(t), drift = chance(t), late = 0.06 * singer;
        for (size_t i = r.from; i < r.to; i++) {
            double now = r.offset + (double)(i - r.from) / SYNTH_RATE - late;
            if (now < 0) continue;
            double d = hertz(pitch + 0.06 * (singer - 1.5)) * (1 + 0.006 * wave(drift + now * (4.6 + 0.3 * singer))) / SYNTH_RATE, v = 0;
            phase = fract(phase + d);
            double in = saw(phase, d) + 0.05 * noise(t);
            for (int k = 0; k < 3; k++) {
                double band;
                still_low(&f[k], in, &band);
                v += band * formant[k][1];
            }
            put(t, i, (float)(0.16 * v * rise_and_fall(now, length + 0.7 - late, fmin(0.9, length * 0.45), 0.7)), g);
        }
    }
}

/* --- drums --- */
/* A skin whose pitch falls as it settles, and the noise of what hits it. */
static void drum(struct tape *t, double at, double f_start, double f_end, double f_decay, double ring, double hiss, double hiss_cut, double hiss_decay,
                 double gain, struct place p) {
    struct run r = run_of(t, at, ring * 6);
    struct gains g = gains_of(p);
    struct filter f = {0};
    double phase = 0;
    for (size_t i = r.from; i < r.to; i++) {
        double now = r.offset + (double)(i - r.from) / SYNTH_RATE;
        phase += (f_end + (f_start - f_end) * exp(-now * f_decay)) / SYNTH_RATE;
        double body = wave(phase) * exp(-now / ring), band = 0;
        if (hiss > 0) filter_low(&f, noise(t), hiss_cut, 0.8, &band);
        double level = ramp(now, 0, 0.0015) * (1 - ramp(now, ring * 5, ring * 6));
        put(t, i, (float)(gain * level * (body + hiss * band * exp(-now * hiss_decay))), g);
    }
}
void play_kick(struct tape *t, double at, struct place p) { drum(t, at, 190, 47, 38, 0.13, 0.25, 3000, 150, 0.95, p); }
void play_snare(struct tape *t, double at, struct place p) { drum(t, at, 240, 175, 40, 0.06, 1.5, 3400, 17, 0.55, p); }
void play_tom(struct tape *t, double at, double pitch, struct place p) { drum(t, at, hertz(pitch) * 1.5, hertz(pitch), 22, 0.16, 0.3, 1500, 60, 0.7, p); }
void play_taiko(struct tape *t, double at, struct place p) { drum(t, at, 105, 58, 20, 0.26, 0.8, 700, 28, 0.95, p); }

static void hiss(struct tape *t, double at, double length, double cutoff, double q, double attack, double decay, double gain, struct place p) {
    struct run r = run_of(t, at, length);
    struct gains g = gains_of(p);
    struct still_filter f = still(cutoff, q);
    for (size_t i = r.from; i < r.to; i++) {
        double now = r.offset + (double)(i - r.from) / SYNTH_RATE, band, in = noise(t);
        double high = in - still_low(&f, in, &band);
        put(t, i, (float)(gain * (0.4 * high + 0.6 * band) * ramp(now, 0, attack) * exp(-now * decay) * (1 - ramp(now, length * 0.8, length))), g);
    }
}
void play_hat(struct tape *t, double at, double length, struct place p) { hiss(t, at, length, 8500, 1.1, 0.001, 3.5 / length, 0.4, p); }
void play_shaker(struct tape *t, double at, struct place p) { hiss(t, at, 0.11, 6000, 1.4, 0.03, 26, 0.5, p); }
void play_clap(struct tape *t, double at, struct place p) {
    for (int i = 0; i < 4; i++) hiss(t, at + 0.011 * i + 0.003 * chance(t), i == 3 ? 0.22 : 0.03, 1500, 1.6, 0.001, i == 3 ? 22 : 90, 0.9, p);
}
void play_rise(struct tape *t, double at, double length, struct place p) {
    struct run r = run_of(t, at, length);
    struct gains g = gains_of(p);
    struct filter f = {0};
    for (size_t i = r.from; i < r.to; i++) {
        double p1 = (r.offset + (double)(i - r.from) / SYNTH_RATE) / length, band;
        filter_low(&f, noise(t), 250 * exp2(5 * p1), 2.2, &band);
        put(t, i, (float)(0.5 * band * p1 * p1 * (1 - ramp(p1, 0.985, 1))), g);
    }
}
void play_boom(struct tape *t, double at, struct place p) {
    drum(t, at, 90, 34, 7, 0.55, 0.6, 500, 9, 0.95, p);
    hiss(t, at, 1.6, 4000, 0.7, 0.002, 4, 0.22, p);
}

/* --- sounds of things --- */
void sound_step(struct tape *t, double at, double weight, struct place p) {
    p.gain *= 0.35 + 0.65 * weight;
    drum(t, at, 130, 70, 60, 0.02, 1.2, 900 + 900 * chance(t), 70, 0.5, p);
}
void sound_shot(struct tape *t, double at, struct place p) {
    hiss(t, at, 0.5, 1800, 0.7, 0.0005, 16, 1.6, p);
    drum(t, at, 400, 80, 45, 0.06, 0, 0, 1, 0.8, p);
}
void sound_tick(struct tape *t, double at, double pitch, struct place p) { fm(t, at, pitch, 1.41, 0.8, 60, 0.08, 0.5, p); }
void sound_splash(struct tape *t, double at, double size, struct place p) {
    hiss(t, at, 0.5 + size, 1400, 0.7, 0.015, 7 / (0.5 + size), 0.9, p);
    for (int i = 0; i < 10; i++) fm(t, at + 0.05 + 0.5 * chance(t) * (0.4 + size), 70 + 24 * chance(t), 1, 0.2, 40, 0.06 + 0.05 * chance(t), 0.06, p);
}
void sound_whoosh(struct tape *t, double at, double length, double pan_from, double pan_to, double gain) {
    struct run r = run_of(t, at, length);
    struct filter f = {0};
    struct gains g = {0};
    for (size_t i = r.from; i < r.to; i++) {
        double q = (r.offset + (double)(i - r.from) / SYNTH_RATE) / length, band;
        if ((i - r.from) % 64 == 0) g = gains_of(PLACE(gain, mix(pan_from, pan_to, q), 0.25));
        filter_low(&f, noise(t), 300 + 1700 * sin(q * TAU / 2), 1.3, &band);
        put(t, i, (float)(band * pow(sin(q * TAU / 2), 3)), g);
    }
}
void sound_whistle(struct tape *t, double at, double length, struct place p) {
    struct run r = run_of(t, at, length);
    struct gains g = gains_of(p);
    double phase = 0;
    for (size_t i = r.from; i < r.to; i++) {
        double now = r.offset + (double)(i - r.from) / SYNTH_RATE;
        double trill = wave(now * 38);
        phase += (2650 + 90 * trill) / SYNTH_RATE;
        put(t, i, (float)(0.22 * (wave(phase) + 0.15 * noise(t)) * (0.75 + 0.25 * trill) * rise_and_fall(now, length, 0.015, 0.04)), g);
    }
}

/* --- sounds of places --- */
static double level_at(level_fn *level, double t, const void *user) { return level ? level(t, user) : 1; }

/* Two decorrelated channels of filtered noise; `shape` turns level and chance into colour. */
struct wash {
    double low_hz, high_hz;   /* cutoff at level 0 and at level 1 */
    double flutter, flutter_hz;
    double sharpness, gain;
    bool is_band;
};
static void wash(struct tape *t, double from, double to, const struct wash *w, level_fn *level, const void *user, struct place p) {
    struct run r = run_of(t, from, to - from);
    struct gains side[2];
    struct place wide = p;
    for (int s = 0; s < 2; s++) {
        wide.pan = clamp(p.pan + (s ? 0.8 : -0.8), -1, 1);
        side[s] = gains_of(wide);
    }
    struct still_filter f[2] = {0};
    double now_level = 0, drift[2] = {chance(t) * 100, chance(t) * 100};
    for (size_t i = r.from; i < r.to; i++) {
        double now = (double)i / SYNTH_RATE;
        if ((i - r.from) % 128 == 0) {
            now_level = level_at(level, now, user) * fade(now, from, from + 0.3) * (1 - fade(now, to - 0.4, to));
            for (int s = 0; s < 2; s++) {
                double sway = 1 + w->flutter * (0.6 * wave(drift[s] + now * w->flutter_hz) + 0.4 * wave(drift[s] * 3 + now * w->flutter_hz * 2.3));
                struct still_filter fresh = still(mix(w->low_hz, w->high_hz, now_level) * sway, w->sharpness);
                fresh.low = f[s].low, fresh.band = f[s].band;
                f[s] = fresh;
            }
        }
        for (int s = 0; s < 2; s++) {
            double band, low = still_low(&f[s], noise(t), &band);
            put(t, i, (float)(w->gain * now_level * (w->is_band ? band : low)), side[s]);
        }
    }
}

void sound_wind(struct tape *t, double from, double to, level_fn *level, const void *user, struct place p) {
    wash(t, from, to, &(struct wash){200, 850, 0.45, 0.23, 2.5, 0.9, true}, level, user, p);
    wash(t, from, to, &(struct wash){500, 2400, 0.5, 0.31, 4, 0.25, true}, level, user, p);
}
void sound_rain(struct tape *t, double from, double to, level_fn *level, const void *user, struct place p) {
    wash(t, from, to, &(struct wash){2500, 5200, 0.06, 0.4, 0.7, 0.30, true}, level, user, p);
    wash(t, from, to, &(struct wash){300, 600, 0.2, 0.3, 0.7, 0.25, true}, level, user, p);
    for (double at = from; at < to; at += 0.012 + 0.02 * chance(t)) {
        double loud = level_at(level, at, user) * chance(t) * chance(t);
        fm(t, at, 88 + 20 * chance(t), 1.3, 0.4, 80, 0.018, 0.12 * loud, PLACE(p.gain, clamp(p.pan + 2 * chance(t) - 1, -1, 1), p.hall));
    }
}

static double surf_level(double t, const void *user) {
    double turn = fract(t / *(const double *)user);
    return 0.12 + 0.88 * (turn < 0.35 ? smooth(turn / 0.35) : 1 - smooth((turn - 0.35) / 0.65));
}
void sound_surf(struct tape *t, double from, double to, double period, struct place p) {
    wash(t, from, to, &(struct wash){250, 1900, 0.12, 0.2, 0.6, 0.6, false}, surf_level, &period, p);
    wash(t, from, to, &(struct wash){2500, 5200, 0.1, 0.3, 0.8, 0.16, true}, surf_level, &period, p);
}

void sound_crowd(struct tape *t, double from, double to, level_fn *level, const void *user, struct place p) {
    wash(t, from, to, &(struct wash){420, 950, 0.12, 0.5, 1.6, 0.55, true}, level, user, p);
    wash(t, from, to, &(struct wash){900, 1900, 0.15, 0.7, 1.2, 0.28, true}, level, user, p);
    /* Single voices above it: short vowels here and there, more and higher as it gets loud. */
    for (double at = from + 0.1; at < to - 0.6; at += 0.05 + 0.12 * chance(t)) {
        double loud = level_at(level, at, user);
        if (chance(t) > 0.25 + 0.75 * loud) continue;
        double pitch = 50 + 16 * chance(t) + 6 * loud, length = 0.18 + 0.5 * chance(t), pan = 2 * chance(t) - 1;
        struct run r = run_of(t, at, length);
        struct gains g = gains_of(PLACE(p.gain * 0.11 * (0.3 + loud) * (0.3 + chance(t)), clamp(p.pan + pan, -1, 1), fmin(1, p.hall + 0.4)));
        struct still_filter one = still(500 + 450 * chance(t), 5), two = still(1100 + 900 * chance(t), 6);
        double phase = chance(t), slide = 3 * chance(t) - 0.5;
        for (size_t i = r.from; i < r.to; i++) {
            double now = (double)(i - r.from) / SYNTH_RATE / length, d = hertz(pitch + slide * sin(now * 3)) / SYNTH_RATE, a, b;
            phase = fract(phase + d);
            double in = saw(phase, d);
            still_low(&one, in, &a);
            still_low(&two, in, &b);
            put(t, i, (float)((a + 0.6 * b) * sin(now * TAU / 2)), g);
        }
    }
}

void sound_applause(struct tape *t, double from, double to, level_fn *level, const void *user, struct place p) {
    for (double at = from; at < to; at += 0.002 + 0.012 * chance(t)) {
        double loud = level_at(level, at, user);
        if (chance(t) > loud) continue;
        hiss(t, at, 0.03, 900 + 1500 * chance(t), 2.2, 0.001, 120, 0.35 * (0.3 + chance(t)), PLACE(p.gain, clamp(p.pan + 2 * chance(t) - 1, -1, 1), p.hall));
    }
}

void sound_engine(struct tape *t, double from, double to, level_fn *speed, level_fn *level, const void *user, struct place p) {
    struct run r = run_of(t, from, to - from);
    struct gains g = gains_of(p);
    struct filter f = {0};
    double phase = 0, loud = 0, turns = 50;
    for (size_t i = r.from; i < r.to; i++) {
        double now = (double)i / SYNTH_RATE;
        if ((i - r.from) % 32 == 0) {
            loud = level_at(level, now, user) * fade(now, from, from + 0.1) * (1 - fade(now, to - 0.1, to));
            turns = speed(now, user);
        }
        double d = turns / SYNTH_RATE;
        phase += d;
        /* Firing order: the third and sixth order of a six-cylinder, and the rasp on them. */
        double v = saw(fract(phase * 3), d * 3) + 0.6 * saw(fract(phase * 1.5), d * 1.5) + 0.35 * saw(fract(phase * 6 + 0.2), d * 6);
        v += 0.25 * noise(t) * (0.5 + 0.5 * wave(phase * 3));
        put(t, i, (float)(0.3 * loud * tanh(1.4 * filter_low(&f, v, 350 + turns * 16, 1.1, NULL))), g);
    }
}

void sound_hum(struct tape *t, double from, double to, double pitch, level_fn *level, const void *user, struct place p) {
    struct run r = run_of(t, from, to - from);
    struct gains g = gains_of(p);
    struct filter f = {0};
    double phase = 0;
    for (size_t i = r.from; i < r.to; i++) {
        double now = (double)i / SYNTH_RATE, loud = level_at(level, now, user) * fade(now, from, from + 0.3) * (1 - fade(now, to - 0.3, to)), band;
        phase += hertz(pitch + 5 * loud) / SYNTH_RATE;
        filter_low(&f, noise(t), 260 + 700 * loud, 3, &band);
        put(t, i, (float)(loud * (0.25 * band + 0.10 * wave(phase) + 0.05 * wave(phase * 2.01))), g);
    }
}

void sound_birds(struct tape *t, double from, double to, struct place p) {
    for (double at = from + chance(t); at < to - 0.5; at += 0.5 + 1.3 * chance(t)) {
        double base = 95 + 10 * chance(t), pan = 1.6 * chance(t) - 0.8;
        int notes = 2 + (int)(4 * chance(t));
        for (int n = 0; n < notes; n++) {
            double start = at + 0.11 * n, bend = 5 * chance(t) - 1;
            struct run r = run_of(t, start, 0.09);
            struct gains g = gains_of(PLACE(p.gain * 0.12, clamp(p.pan + pan, -1, 1), p.hall));
            double phase = 0;
            for (size_t i = r.from; i < r.to; i++) {
                double q = (double)(i - r.from) / SYNTH_RATE / 0.09;
                phase += hertz(base + bend * q) / SYNTH_RATE;
                put(t, i, (float)(wave(phase) * sin(q * TAU / 2)), g);
            }
        }
    }
}
