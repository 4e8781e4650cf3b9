/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * testcard.h: a picture and a sound of our own, for trying out a channel without a camera and for measuring it.
 *
 * The card shows a title, a dial with a sweeping hand, the time of day, colour bars, and a ball that crosses the picture once in four
 * seconds; with each second of the day a lamp flashes and a tone sounds. And it shows when it was taken, twice: for people as figures, and
 * for machines as 64 black and white cells, which survive coding and scaling down to 240 lines:
 *
 *      0 .. 47    milliseconds since 1970-01-01T00:00:00Z, most significant bit first; white is 1
 *      48 .. 63   CRC-16 of these six bytes (polynomial 0x1021, initial value 0xffff, nothing reflected or inverted)
 *
 * Cell i lies in column i % 32 and row floor(i / 32). In fractions of the picture, whatever its size:
 *
 *      x from 1/10 + column / 40,       1/40 wide          (32 pixels of 1280)
 *      y from 5/6 + row * 2 / 45,       2/45 high          (32 pixels of 720)
 *
 * A reader takes the mean of the inner half of each cell and calls it white above the middle between black and white
 * (tests/lib/painted_clock.mjs does it in a page, testcard_clock_read here).
 *
 * Objects belong to one thread at a time. */
#ifndef MEDIA_TESTCARD_TESTCARD_H
#define MEDIA_TESTCARD_TESTCARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

/* ---- the card ---- */

enum { TESTCARD_COLUMNS = 32, TESTCARD_ROWS = 2, TESTCARD_SOUND_RATE = 48000, TESTCARD_SOUND_CHANNELS = 2 };

struct testcard;

struct testcard_options {
    int width, height;      /* even, 160 x 90 to 3840 x 2160; 0 x 0: 1280 x 720 */
    int rate_num, rate_den; /* pictures per second, for what is written on the card; 0: 30/1 */
    const char *title;      /* NULL: "Grandstand" */
};

struct testcard_picture { /* 4:2:0, BT.709, limited range; valid until the next call */
    const uint8_t *planes[3];
    int strides[3];
};

/* Errors: ERR_INPUT "testcard.size", ERR_LIMIT "memory". */
MUST_USE struct err testcard_create(struct testcard **out, const struct testcard_options *);
void testcard_destroy(struct testcard **);
/* The card as it is at `taken`; `frame` is the number that it shows. */
void testcard_paint(struct testcard *, struct utc_time taken, uint64_t frame, struct testcard_picture *out);
/* The same without anything on it. */
void testcard_paint_black(struct testcard *, struct testcard_picture *out);
/* `frames` sample frames of stereo that begin at `from`, -1 to 1, interleaved. */
void testcard_sound(struct utc_time from, size_t frames, float *out);

/* Reads the cells back from the luma of a picture of any size (limited or full range). False: no card, or too damaged. */
bool testcard_clock_read(const uint8_t *luma, int stride, int width, int height, int64_t *utc_ms);

/* ---- the card on the air: `grandstand publish --test`, and the example's endless channel ---- */

struct testcard_progress {
    uint64_t frames, frames_skipped; /* skipped: the machine was more than two pictures behind */
    uint64_t bytes, reconnections, ms; /* ms: since the start */
    uint32_t round_trip_us;
    bool is_connected;
    char words[256]; /* why it is not connected: the server's, or ours */
};

/* What a venue can do wrong, for trying the alarms. */
enum testcard_trouble { TESTCARD_FINE, TESTCARD_SILENCE, TESTCARD_BLACK, TESTCARD_FREEZE };

struct testcard_stream_options {
    const char *url;             /* "rtmp://HOST/live/KEY" */
    struct testcard_options card;
    enum testcard_trouble trouble;
    int gop_ms;                  /* 0: 1,000 */
    int bitrate_kbps;            /* 0: 2,500 for 720p30, by pixels for others */
    int64_t ms_max;              /* 0: until is_cancelled */
    bool keeps;                  /* connect again, for ever, with growing pauses (1 to 30 s) */
    bool (*is_cancelled)(void *user);                                   /* asked ten times a second; may be NULL */
    void (*progress)(void *user, const struct testcard_progress *);     /* once a second, and at each change of is_connected; may be NULL */
    void *user;
};

/* Paints, encodes and publishes in real time, on the calling thread, until the time is up or it is cancelled; *out is the last progress.
 * About a quarter of a core at 720p30. Errors: ERR_INPUT testcard.size, testcard.options, rtmp.url; those of rtmp_publisher_connect and
 * rtmp_publisher_sample unless it keeps; ERR_CANCELLED if it was cancelled; ERR_BUG codec.missing; ERR_LIMIT. */
MUST_USE struct err testcard_stream_run(const struct testcard_stream_options *, struct testcard_progress *out);

#endif
