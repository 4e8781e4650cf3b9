/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Parts written as words: see "notation" in synth.h. */
#include <string.h>

#include "base/slice.h"
#include "example/synth.h"

static double pitch_of_slice(struct slice name) {
    static const int semitone[7] = {9, 11, 0, 2, 4, 5, 7}; /* a to g above c */
    if (name.len < 2 || name.ptr[0] < 'a' || name.ptr[0] > 'g') return -1;
    int pitch = semitone[name.ptr[0] - 'a'];
    size_t at = 1;
    if (name.ptr[at] == '#') pitch++, at++;
    else if (name.ptr[at] == 'b') pitch--, at++;
    if (at + 1 != name.len || name.ptr[at] < '0' || name.ptr[at] > '8') return -1;
    return pitch + 12 * (name.ptr[at] - '0' + 1);
}
double pitch_of(const char *name) { return pitch_of_slice(slice_cstr(name)); }

static double step_at(struct beat b, int step) { return b.start + b.step * (step + (step & 1 ? b.swing : 0)); }

/* Walks the steps of a part; `sound` gets each word that starts something, with its length in steps. */
static void walk(struct beat beat, const char *part, void (*sound)(void *user, struct slice word, double at, double length), void *user) {
    struct slice rest = slice_cstr(part), word, held = SLICE_NONE;
    int step = 0, held_from = 0;
    while (slice_next(&rest, ' ', &word)) {
        if (word.len == 0 || slice_eq(word, SLICE("|"))) continue;
        if (!slice_eq(word, SLICE("-"))) {
            if (held.len) sound(user, held, step_at(beat, held_from), step_at(beat, step) - step_at(beat, held_from));
            held = slice_eq(word, SLICE(".")) ? SLICE_NONE : word;
            held_from = step;
        }
        step++;
    }
    if (held.len) sound(user, held, step_at(beat, held_from), step_at(beat, step) - step_at(beat, held_from));
}

struct part {
    struct tape *tape;
    note_fn *note;
    hit_fn *hit;
    double bright;
    enum { NOTE, HIT, PLUCK, BELL, MALLET } kind;
    struct place place;
};

static void sound_word(void *user, struct slice word, double at, double length) {
    const struct part *p = user;
    if (p->kind == HIT) {
        struct place place = p->place;
        place.gain *= word.ptr[0] == 'X' ? 1.35 : word.ptr[0] == 'o' ? 0.5 : 1;
        p->hit(p->tape, at, place);
        return;
    }
    struct slice name;
    while (slice_next(&word, '+', &name)) {
        double pitch = pitch_of_slice(name);
        if (pitch < 0) continue;
        switch (p->kind) {
        case PLUCK: play_pluck(p->tape, at, pitch, p->bright, p->place); break;
        case BELL: play_bell(p->tape, at, pitch, p->bright, p->place); break;
        case MALLET: play_mallet(p->tape, at, pitch, p->place); break;
        default: p->note(p->tape, at, length, pitch, p->bright, p->place);
        }
    }
}

void play_part(struct tape *t, struct beat beat, const char *part, note_fn *note, double bright, struct place place) {
    walk(beat, part, sound_word, &(struct part){.tape = t, .note = note, .bright = bright, .kind = NOTE, .place = place});
}
void play_drum(struct tape *t, struct beat beat, const char *part, hit_fn *hit, struct place place) {
    walk(beat, part, sound_word, &(struct part){.tape = t, .hit = hit, .kind = HIT, .place = place});
}
void play_pluck_part(struct tape *t, struct beat beat, const char *part, double ring, struct place place) {
    walk(beat, part, sound_word, &(struct part){.tape = t, .bright = ring, .kind = PLUCK, .place = place});
}
void play_bell_part(struct tape *t, struct beat beat, const char *part, double ring, struct place place) {
    walk(beat, part, sound_word, &(struct part){.tape = t, .bright = ring, .kind = BELL, .place = place});
}
void play_mallet_part(struct tape *t, struct beat beat, const char *part, struct place place) {
    walk(beat, part, sound_word, &(struct part){.tape = t, .kind = MALLET, .place = place});
}
