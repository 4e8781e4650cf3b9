/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/catalog/words.h"

#include <thai/thbrk.h>

#include "base/thread.h"
#include "base/utf8.h"
#include "business/catalog/fold.tbl.h"

/* --- one character --- */

static enum script script_of(uint32_t c) {
    if ((c >= 0x0E01 && c <= 0x0E3A) || (c >= 0x0E40 && c <= 0x0E4E)) return SCRIPT_THAI;
    if ((c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x323AF) ||
        (c >= 0x3041 && c <= 0x3096) || (c >= 0x30A1 && c <= 0x30FF) || (c >= 0xAC00 && c <= 0xD7A3))
        return SCRIPT_PAIRS; /* also kana and Hangul */
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return SCRIPT_LETTERS;
    if (c < 0xA0) return SCRIPT_NONE;
    if (c < 0x250) return fold_latin[(c - 0xA0) * 2] != ' ' ? SCRIPT_LETTERS : SCRIPT_NONE;
    if (c >= 0x1E00 && c < 0x1F00) return fold_more[(c - 0x1E00) * 2] != ' ' ? SCRIPT_LETTERS : SCRIPT_NONE;
    if ((c >= 0x2000 && c < 0x2C00) || (c >= 0x2E00 && c < 0x3041) || (c >= 0xE000 && c < 0xF900) || (c >= 0xFE00 && c < 0xFF10) || c >= 0x1F000)
        return SCRIPT_NONE; /* punctuation, arrows, boxes, private use, pictures */
    if (c >= 0xFF00) return (c >= 0xFF10 && c <= 0xFF19) || (c >= 0xFF21 && c <= 0xFF3A) || (c >= 0xFF41 && c <= 0xFF5A) ? SCRIPT_LETTERS : SCRIPT_NONE;
    return c == 0x0E3F || c == 0x0E4F || c == 0x0E5A || c == 0x0E5B ? SCRIPT_NONE : SCRIPT_LETTERS;
}

static bool is_mark(uint32_t c) { return (c >= 0x300 && c <= 0x36F) || c == '\'' || c == 0x2019 || c == 0x00AD || c == 0x200B || c == 0x200D; }

/* Up to two characters. */
static size_t fold(uint32_t c, uint32_t out[2]) {
    if (c >= 0xFF10 && c <= 0xFF5A) c -= 0xFEE0; /* full width */
    if (c >= 0x0E50 && c <= 0x0E59) c = '0' + (c - 0x0E50);
    out[0] = c;
    if (c < 0x80) {
        if (c >= 'A' && c <= 'Z') out[0] = c + 32;
        return 1;
    }
    const char *cell = c >= 0xA0 && c < 0x250 ? fold_latin + (c - 0xA0) * 2 : c >= 0x1E00 && c < 0x1F00 ? fold_more + (c - 0x1E00) * 2 : "? ";
    if (cell[0] != '?') {
        out[0] = (unsigned char)cell[0];
        out[1] = (unsigned char)cell[1];
        return cell[1] == ' ' ? 1 : 2;
    }
    if (c >= 0x100 && c < 0x250) out[0] = c % 2 ? c : c | 1; /* those few that have no base letter: case by pairs */
    else if ((c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F)) out[0] = c + 32;
    else if (c >= 0x400 && c <= 0x40F) out[0] = c + 80;
    else if (c == 0x3C2) out[0] = 0x3C3; /* final sigma */
    else if (c >= 0x386 && c <= 0x38F) out[0] = c == 0x386 ? 0x3B1 : c == 0x388 ? 0x3B5 : c == 0x389 ? 0x3B7 : c == 0x38A ? 0x3B9 : c == 0x38C ? 0x3BF : c == 0x38E ? 0x3C5 : 0x3C9;
    else if (c >= 0x3AC && c <= 0x3CE && (c <= 0x3AF || c >= 0x3CC)) out[0] = c == 0x3AC ? 0x3B1 : c == 0x3AD ? 0x3B5 : c == 0x3AE ? 0x3B7 : c == 0x3AF ? 0x3B9 : c == 0x3CC ? 0x3BF : c == 0x3CD ? 0x3C5 : 0x3C9;
    if (out[0] == 0x451) out[0] = 0x435; /* yo is written as ye */
    return 1;
}

static void term_add(struct word *w, uint32_t c) {
    if (w->chars >= TERM_CHARS_MAX) return;
    w->len += utf8_encode(c, w->term + w->len);
    w->chars++;
}
static void term_begin(struct word *w, enum script script, size_t from) {
    w->script = script;
    w->is_more = false;
    w->from = w->to = from;
    w->len = w->chars = 0;
}

/* --- runs: stretches of one script --- */

struct run {
    enum script script;
    size_t from, to;
};

/* The next run from *at on; false: there is none. Marks inside a run of letters belong to it. */
static bool run_next(struct slice text, size_t *at, struct run *run) {
    run->script = SCRIPT_NONE;
    while (*at < text.len) {
        uint32_t c;
        size_t step = utf8_decode(slice_sub(text, *at, text.len), &c);
        enum script script = step ? script_of(c) : SCRIPT_NONE;
        if (run->script == SCRIPT_NONE) {
            run->script = script;
            run->from = *at;
        } else if (script != run->script && !(run->script == SCRIPT_LETTERS && step && is_mark(c))) {
            return true;
        }
        *at += step ? step : 1;
        if (script == run->script) run->to = *at;
        else if (run->script == SCRIPT_LETTERS && step && c >= 0x300 && c <= 0x36F) run->to = *at; /* a mark after the last letter is highlighted with it */
    }
    return run->script != SCRIPT_NONE;
}

static void term_of(struct word *w, struct slice text, enum script script, size_t from, size_t to) {
    term_begin(w, script, from);
    w->to = to;
    for (size_t at = from; at < to;) {
        uint32_t c, folded[2];
        size_t step = utf8_decode(slice_sub(text, at, to), &c);
        at += step ? step : 1;
        if (!step || is_mark(c)) continue;
        size_t count = fold(c, folded);
        for (size_t i = 0; i < count; i++) term_add(w, folded[i]);
    }
}

void runs_walk(struct slice text, word_fn *each, void *user) {
    struct run run;
    struct word w;
    for (size_t at = 0; run_next(text, &at, &run);) {
        term_of(&w, text, run.script, run.from, run.to);
        if (w.chars && !each(user, &w)) return;
    }
}

size_t word_bytes_of(struct slice text, size_t from, size_t to, size_t chars) {
    size_t at = from;
    while (at < to) {
        uint32_t c, folded[2];
        size_t step = utf8_decode(slice_sub(text, at, to), &c);
        if (step && !is_mark(c)) {
            if (!chars) break;
            size_t count = fold(c, folded);
            chars = chars > count ? chars - count : 0;
        }
        at += step ? step : 1;
    }
    return at - from;
}

/* --- Chinese: pairs --- */

static bool pairs_walk(struct slice text, const struct run *run, word_fn *each, void *user) {
    struct word w;
    uint32_t last = 0;
    size_t last_at = run->from;
    for (size_t at = run->from; at < run->to;) {
        uint32_t c;
        size_t step = utf8_decode(slice_sub(text, at, run->to), &c);
        if (at > run->from) {
            term_begin(&w, SCRIPT_PAIRS, last_at);
            w.to = at + step;
            term_add(&w, last);
            term_add(&w, c);
            if (!each(user, &w)) return false;
        }
        last = c;
        last_at = at;
        at += step;
    }
    term_begin(&w, SCRIPT_PAIRS, last_at);
    w.to = run->to;
    w.is_more = last_at > run->from;
    term_add(&w, last);
    return each(user, &w);
}

/* --- Thai: words --- */

enum { THAI_CHARS_MAX = 1000, THAI_ROW_WORDS = 4 };

/* libthai says nothing of threads; its dictionary is loaded once and asked by one at a time. */
static struct lock thai_lock = LOCK_INIT(LOCK_catalog_thai);
static ThBrk *thai_dictionary;

/* Where words begin, but for the first: indexes of characters. Without the dictionary's data the run is one word. */
static int thai_breaks(const thchar_t *chars, int breaks[THAI_CHARS_MAX]) {
    lock_take(&thai_lock);
    if (!thai_dictionary) thai_dictionary = th_brk_new(NULL);
    int count = thai_dictionary ? th_brk_find_breaks(thai_dictionary, chars, breaks, THAI_CHARS_MAX) : 0;
    lock_give(&thai_lock);
    return count;
}

static bool thai_walk(struct slice text, const struct run *run, word_fn *each, void *user) {
    thchar_t chars[THAI_CHARS_MAX + 1]; /* TIS-620, each U+0E01 to U+0E5B in its order; three bytes of UTF-8 each */
    int breaks[THAI_CHARS_MAX];
    size_t count = (run->to - run->from) / 3;
    if (count > THAI_CHARS_MAX) count = THAI_CHARS_MAX; /* what is longer without a blank is no name */
    for (size_t i = 0; i < count; i++) {
        uint32_t c = 0;
        (void)utf8_decode(slice_sub(text, run->from + i * 3, run->to), &c);
        chars[i] = (thchar_t)(c - 0x0E00 + 0xA0);
    }
    chars[count] = 0;
    int found = thai_breaks(chars, breaks);
    size_t starts[THAI_CHARS_MAX + 1], words = 1;
    starts[0] = 0;
    for (int i = 0; i < found; i++)
        if ((size_t)breaks[i] > starts[words - 1] && (size_t)breaks[i] < count) starts[words++] = (size_t)breaks[i];
    starts[words] = count;
    struct word w;
    for (size_t i = 0; i < words; i++) {
        size_t last = i + THAI_ROW_WORDS < words ? i + THAI_ROW_WORDS : words;
        term_of(&w, text, SCRIPT_THAI, run->from + starts[i] * 3, run->from + starts[i + 1] * 3);
        if (!each(user, &w)) return false;
        if (last == i + 1) continue;
        term_of(&w, text, SCRIPT_THAI, run->from + starts[i] * 3, run->from + starts[last] * 3);
        w.is_more = true;
        if (!each(user, &w)) return false;
    }
    return true;
}

void words_walk(struct slice text, word_fn *each, void *user) {
    struct run run;
    struct word w;
    for (size_t at = 0; run_next(text, &at, &run);) {
        bool goes_on = true;
        if (run.script == SCRIPT_PAIRS) goes_on = pairs_walk(text, &run, each, user);
        else if (run.script == SCRIPT_THAI) goes_on = thai_walk(text, &run, each, user);
        else {
            term_of(&w, text, SCRIPT_LETTERS, run.from, run.to);
            if (w.chars) goes_on = each(user, &w);
        }
        if (!goes_on) return;
    }
}
