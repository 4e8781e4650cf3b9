/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * timeline.h: from a publisher's times to the channel's one presentation timeline. Pure: no memory, no clock, no lock of its own.
 *
 *   source  0   33   67  100  133 |               90000133  90000166   (ms of RTMP; at | the encoder began anew)
 *           |    |    |    |    | |                   |         |
 *   channel 0  12000 24000 36000 48000            1884000   1896000     (1/360000 s; the run after | begins when it was captured)
 *           '-------- run 0 --------'                 '--- run 1 ---
 *
 * The model
 *   run    what lies between two discontinuities: channel time = source time + the run's offset. A new one begins with each publisher and where its
 *          times jump: forward by more than GAP_NS_MAX, or back by more than BACK_NS_MAX. Smaller holes stay as they are.
 *   grid   pictures that come at one of the usual rates are put on exact multiples of the frame's length, so that milliseconds (33, 33, 34)
 *          become thirtieths; a picture that was lost leaves a hole of whole frames. 1/360000 s divides them all, 24000/1001 included. Where no
 *          rate fits (variable frame rate) times are left alone.
 *   sound  stays on its grid of samples without gaps, as decoders play it, while the source's times stray up to SOUND_NS_STRAY around it; when
 *          they stay away, a hole of whole frames or the loss of one puts it right.
 *   skew   capture time minus channel time. The first anchor is the arrival of the run's first sample; arrival only ever delays, so the least
 *          delayed of the last seconds are the truth, and the skew is slewed towards them. A source that tells UTC (timecode, reference)
 *          is believed instead.
 *
 * Decode times never fall within a track, over all runs. */
#ifndef MEDIA_LIVE_TIMELINE_H
#define MEDIA_LIVE_TIMELINE_H

#include "media/feed/feed.h"

enum { TIMELINE_TRACKS_MAX = 4, TIMELINE_VIDEO_HZ = 360000, TIMELINE_WARM = 8 };

#define TIMELINE_GAP_NS_MAX (1500 * NS_PER_MS)
#define TIMELINE_BACK_NS_MAX (300 * NS_PER_MS)
#define TIMELINE_SOUND_NS_STRAY (40 * NS_PER_MS)
#define TIMELINE_DRIFT_NS_MAX NS_PER_S

/* The grid of one picture track. */
struct timeline_grid {
    int64_t frame;               /* ticks of 1/360000 s; 0: none (yet) */
    uint32_t rate_num, rate_den; /* what `frame` is, for people */
    int64_t hint;                /* frame length by the codec's own words, 0: it says nothing */
    int64_t tolerance;           /* how far a source's time may lie from the grid */
    int64_t origin_raw, origin_out, frames; /* where the grid was begun, and frames since */
    int64_t last_raw, last_out;
    int64_t warm[TIMELINE_WARM]; /* times while no rate is known */
    uint32_t warm_count;
    uint32_t odd;                /* fixed point: how often of late a time was on no grid */
    bool has_last;
};

struct timeline_sound {
    int64_t frame;      /* samples a frame */
    int64_t next;       /* where the next one goes */
    int64_t stray;      /* 1/16 samples, smoothed: source minus grid */
    int mismatch;       /* in a row: frames that seem to last twice (above 0) or half (below 0) as long */
    int64_t last_raw;
    bool has_next;
};

struct timeline_track {
    enum cmaf_kind kind;
    enum cmaf_codec codec;
    uint32_t in_hz, out_hz;
    uint32_t run;        /* that its last sample belongs to */
    int64_t offset_ns;   /* of that run */
    int64_t last_ns;     /* source time of its last sample */
    int64_t end;         /* on the timeline, out_hz: nothing may begin before */
    bool has_last;
    struct timeline_grid grid;
    struct timeline_sound sound;
};

struct timeline_capture {
    enum feed_clock_source source;
    bool has_skew;
    int64_t skew_ns;                    /* now */
    int64_t target_ns;                  /* where it is slewed to */
    int64_t at_ns;                      /* channel time of the last look */
    int64_t window_from_ns, window_min; /* least delay of this window */
    bool has_window, has_first;
    int64_t first_at_ns, first_min;     /* an early window and one half-way: the drift is measured from the first */
    int64_t half_at_ns, half_min;
    int64_t begun_at_ns, begun_skew_ns; /* when the skew had settled in this run, and where */
    bool has_begun;
    double drift_ppm;
};

struct timeline {
    struct utc_time epoch;    /* wall clock of channel time 0 */
    struct timeline_track tracks[TIMELINE_TRACKS_MAX];
    size_t track_count;
    uint32_t run;             /* the newest */
    int64_t run_start_ns;     /* on the channel's timeline: its first sample */
    int64_t run_offset_ns;
    int64_t run_source_ns;    /* the newest source time seen in it */
    int64_t old_source_ns;    /* the same of the run before, when it ended */
    bool has_run;
    struct timeline_capture capture;
};

struct timeline_place {
    int64_t dts, pts;         /* in the track's out_hz, on the channel's timeline */
    uint32_t duration;        /* 0: only the next sample will tell */
    uint32_t run;
    bool is_drop;             /* sound that has no place: it would lie over what is there */
};

enum timeline_step {
    TIMELINE_STAYS, /* continues the track's run, or joins the newest */
    TIMELINE_JUMPS, /* a new run has to begin with it: timeline_begin_run */
};

/* A publisher's timeline. `run` is the number before the first of its runs. */
void timeline_open(struct timeline *, struct utc_time epoch, uint32_t run);
/* Tracks are kept by index. `is_same`: told again, its grid stays. A new or changed one begins with the next run, not before what was there. */
void timeline_set_track(struct timeline *, size_t index, const struct cmaf_track *, bool is_same);
/* How long one frame of this sound lasts, in samples; for Opus the packet says. */
int64_t timeline_sound_frame(enum cmaf_codec, struct slice packet);

/* Source time in ns of a sample's decode time. */
int64_t timeline_source_ns(const struct timeline *, size_t track, int64_t dts);
/* Does this sample continue what is there? */
enum timeline_step timeline_look(const struct timeline *, const struct feed_sample *);
/* The next run: the sample of `track` at `source_ns` was captured at `captured`; nothing may lie before `floor_ns`. If `is_kept` and the offset of the run
 * before still fits (to half a second) it stays: then only tracks for themselves do not go back. `for_all`: every track belongs to it from its next sample on (parameters changed); else each
 * when it jumps too (times did). Gives channel time of source_ns. */
int64_t timeline_begin_run(struct timeline *, size_t track, int64_t source_ns, struct utc_time captured, int64_t floor_ns, bool is_kept, bool for_all);
/* Lets a picture track see what its first pictures' times are, before any is placed: on their grid from the first one on. */
void timeline_learn(struct timeline *, size_t track, const int64_t *dts, size_t count);
/* The sample's place. It continues, or a run was begun for it. */
void timeline_place(struct timeline *, const struct feed_sample *, struct timeline_place *out);

/* Has the source's clock run so far away from ours that channel time means another moment than it did when the run began? Then it is time for a new run:
 * a second a few times a day. */
bool timeline_has_drifted(const struct timeline *);

/* End of all that was placed, ns on the timeline. */
int64_t timeline_end_ns(const struct timeline *);
/* UTC of capture at a channel time. */
struct utc_time timeline_captured(const struct timeline *, int64_t channel_ns);

int64_t timeline_to_ns(int64_t ticks, uint32_t hz);   /* rounded to the nearest, also below 0 */
int64_t timeline_from_ns(int64_t ns, uint32_t hz);

#endif
