/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * synth.h: a small studio: a stereo tape, instruments that play on it, sounds of places, and mastering.
 *
 * Everything is added to a tape at a time in film seconds; what would fall past its end is cut. Sounds are the same
 * every time: chance comes from the tape's own generator, in order of calls. Pitches are MIDI numbers (69 = 440 Hz),
 * fractions allowed. One thread per tape. */
#ifndef EXAMPLE_SYNTH_H
#define EXAMPLE_SYNTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"
#include "example/motion.h"

enum { SYNTH_RATE = 48000 };

struct tape {
    size_t frames;
    float *dry, *wet; /* interleaved stereo; `wet` is what goes to the hall */
    struct rng rng;
    float *scratch;   /* one channel, for sounds that are made before they are placed */
};
MUST_USE struct err tape_create(double seconds, uint32_t seed, struct tape *out);
void tape_free(struct tape *);

/* Where a sound stands. */
struct place {
    double gain; /* 1: as loud as it comes */
    double pan;  /* -1 left, 1 right */
    double hall; /* 0 dry, 1 far away */
};
#define PLACE(g, p, h) ((struct place){(g), (p), (h)})

/* --- instruments: tape, start, length in seconds, pitch --- */
void play_pad(struct tape *, double at, double length, double pitch, double bright, struct place);    /* slow, wide, warm */
void play_strings(struct tape *, double at, double length, double pitch, double bright, struct place); /* bowed ensemble */
void play_pluck(struct tape *, double at, double pitch, double ring, struct place);  /* a plucked string; ring: seconds to fade */
void play_keys(struct tape *, double at, double length, double pitch, double touch, struct place); /* felt piano */
void play_bell(struct tape *, double at, double pitch, double ring, struct place);
void play_mallet(struct tape *, double at, double pitch, struct place);              /* marimba */
void play_bass(struct tape *, double at, double length, double pitch, double bright, struct place);
void play_lead(struct tape *, double at, double length, double pitch, double bright, struct place); /* synthesiser, a little glide */
void play_arp(struct tape *, double at, double length, double pitch, double bright, struct place);  /* short, square, bubbling */
void play_voice(struct tape *, double at, double length, double pitch, double bright, struct place); /* a choir: "oh" to "ah" */
void play_kick(struct tape *, double at, struct place);
void play_snare(struct tape *, double at, struct place);
void play_clap(struct tape *, double at, struct place);
void play_hat(struct tape *, double at, double length, struct place);
void play_tom(struct tape *, double at, double pitch, struct place);
void play_taiko(struct tape *, double at, struct place);   /* a big drum in a big room */
void play_shaker(struct tape *, double at, struct place);
void play_rise(struct tape *, double at, double length, struct place); /* noise that opens up to a moment */
void play_boom(struct tape *, double at, struct place);                /* the moment */

/* --- places and things; `level` gives loudness over time, 0 to 1 --- */
typedef double level_fn(double t, const void *user);
/* Many people: a murmur that turns into a roar as the level rises. */
void sound_crowd(struct tape *, double from, double to, level_fn *level, const void *user, struct place);
void sound_applause(struct tape *, double from, double to, level_fn *level, const void *user, struct place);
void sound_wind(struct tape *, double from, double to, level_fn *level, const void *user, struct place);
void sound_rain(struct tape *, double from, double to, level_fn *level, const void *user, struct place);
void sound_surf(struct tape *, double from, double to, double period, struct place); /* waves that come and go */
/* An engine: `speed` gives revolutions per second over time, `level` its loudness. */
void sound_engine(struct tape *, double from, double to, level_fn *speed, level_fn *level, const void *user, struct place);
void sound_step(struct tape *, double at, double weight, struct place); /* a foot on the track; weight 0 to 1 */
void sound_splash(struct tape *, double at, double size, struct place);
void sound_whoosh(struct tape *, double at, double length, double pan_from, double pan_to, double gain);
void sound_whistle(struct tape *, double at, double length, struct place);
void sound_shot(struct tape *, double at, struct place);
void sound_tick(struct tape *, double at, double pitch, struct place);
void sound_birds(struct tape *, double from, double to, struct place);
void sound_hum(struct tape *, double from, double to, double pitch, level_fn *level, const void *user, struct place); /* rolling wheels */

/* --- notation ---
 * A part is words for equal steps: a note ("c4", "f#3", "eb5"), notes together ("c4+e4+g4"), "." for silence, "-" to
 * hold on; "|" is for the eye. Drums: "x" plays, "X" plays loudly, "o" softly. */
struct beat {
    double start, step; /* seconds */
    double swing;       /* how late every second step comes, 0 to 0.5 of a step */
};
typedef void note_fn(struct tape *, double at, double length, double pitch, double bright, struct place);
typedef void hit_fn(struct tape *, double at, struct place);
void play_part(struct tape *, struct beat, const char *part, note_fn *, double bright, struct place);
void play_drum(struct tape *, struct beat, const char *part, hit_fn *, struct place);
void play_pluck_part(struct tape *, struct beat, const char *part, double ring, struct place);
void play_bell_part(struct tape *, struct beat, const char *part, double ring, struct place);
void play_mallet_part(struct tape *, struct beat, const char *part, struct place);
double pitch_of(const char *name); /* "a4" is 69; -1 when it is no note */

/* --- mastering --- */
struct master {
    double hall_seconds; /* how long the hall rings; 0: no hall */
    double hall_gain;
    double fade_in, fade_out; /* seconds */
    double loudness;          /* LUFS to arrive at, e.g. -16 */
};
/* Adds the hall, filters rumble, brings the tape to its loudness (ITU-R BS.1770-4, gated), limits peaks to -1 dBFS
 * and fades. `dry` holds the result. Returns false when memory ran out. */
bool tape_master(struct tape *, const struct master *) MUST_USE;
double tape_loudness(const struct tape *); /* LUFS of `dry`; -70 for silence */

#endif
