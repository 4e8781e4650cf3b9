/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/live/timeline.h"

#include <assert.h>
#include <stdlib.h>

/* Frame lengths in 1/360000 s, the usual ones first: where a few milliseconds cannot tell 30 from 29.97 the first is taken, and changed when they can. */
static const struct {
    int64_t ticks;
    uint32_t num, den;
} rates[] = {
    {12000, 30, 1}, {14400, 25, 1}, {6000, 60, 1}, {7200, 50, 1}, {12012, 30000, 1001}, {6006, 60000, 1001}, {15000, 24, 1}, {15015, 24000, 1001},
    {7500, 48, 1}, {24000, 15, 1}, {18000, 20, 1}, {36000, 10, 1}, {28800, 25, 2}, {30000, 12, 1}, {24024, 15000, 1001}, {3000, 120, 1}, {3003, 120000, 1001},
    {3600, 100, 1}, {72000, 5, 1},
};

enum {
    TICKS_PER_MS = TIMELINE_VIDEO_HZ / 1000,
    FINE = 10,                                 /* two times rounded to 1/90000 s: tells 60 from 59.94 within four pictures */
    COARSE = TICKS_PER_MS + TICKS_PER_MS / 10, /* two times rounded to milliseconds */
    STRAY = TICKS_PER_MS + TICKS_PER_MS * 6 / 10,
    WARM_WITHOUT_HINT = 5,
    DELAY_MAX = 10 * TIMELINE_VIDEO_HZ,        /* between decoding and showing */
    ODD_STEP = 16, ODD_TOO_MANY = 80,          /* a third of all times on no grid: there is none */
};
#define NEAR_NS TIMELINE_GAP_NS_MAX
#define CAPTURE_WINDOW_NS (5 * NS_PER_S)
#define DRIFT_NS_MIN (10 * NS_PER_S)
#define SETTLED_NS (60 * NS_PER_S)
#define DRIFT_NS_HALF (600 * NS_PER_S)

static int64_t divide_round(__int128 a, int64_t b) { return (int64_t)(a >= 0 ? (a + b / 2) / b : -((-a + b / 2) / b)); }
int64_t timeline_to_ns(int64_t ticks, uint32_t hz) { return divide_round((__int128)ticks * NS_PER_S, hz); }
int64_t timeline_from_ns(int64_t ns, uint32_t hz) { return divide_round((__int128)ns * hz, NS_PER_S); }

/* ---- the grid of pictures ---- */

static void grid_adopt(struct timeline_grid *g, int64_t frame) {
    g->frame = frame;
    g->tolerance = frame / 3 < STRAY ? frame / 3 : STRAY;
    g->rate_num = TIMELINE_VIDEO_HZ, g->rate_den = (uint32_t)frame;
    for (size_t i = 0; i < ARRAY_LEN(rates); i++)
        if (rates[i].ticks == frame) g->rate_num = rates[i].num, g->rate_den = rates[i].den;
}

/* Do the times keep within `tolerance` of frames of this length? */
static bool keeps_time(const int64_t *times, size_t count, int64_t frame, int64_t tolerance) {
    for (size_t i = 1; i < count; i++)
        if (llabs(times[i] - times[0] - (int64_t)i * frame) > tolerance) return false;
    return true;
}

/* The frame length that these times, one per picture, keep; 0: none of ours. */
static int64_t find_frame(const int64_t *times, size_t count, int64_t hint) {
    static const int64_t tolerances[] = {FINE, COARSE};
    if (hint && count >= 2) {
        if (keeps_time(times, count, hint, COARSE)) return hint;
        if (keeps_time(times, count, hint * 2, COARSE)) return hint * 2; /* it spoke of fields */
    }
    if (count < WARM_WITHOUT_HINT) return 0;
    for (size_t k = 0; k < ARRAY_LEN(tolerances); k++)
        for (size_t i = 0; i < ARRAY_LEN(rates); i++)
            if (rates[i].ticks > 2 * tolerances[k] && keeps_time(times, count, rates[i].ticks, tolerances[k])) return rates[i].ticks;
    /* An unusual rate, kept to the tick. */
    int64_t step = times[1] - times[0];
    return count == TIMELINE_WARM && step >= TIMELINE_VIDEO_HZ / 300 && step <= TIMELINE_VIDEO_HZ && keeps_time(times, count, step, 4) ? step : 0;
}

static int64_t hint_of(const struct cmaf_track *t) {
    if (!t->rate_num || !t->rate_den) return 0;
    int64_t frame = divide_round((__int128)t->rate_den * TIMELINE_VIDEO_HZ, t->rate_num);
    if (frame < TIMELINE_VIDEO_HZ / 300 || frame > TIMELINE_VIDEO_HZ) return 0;
    for (size_t i = 0; i < ARRAY_LEN(rates); i++)
        if (llabs(frame - rates[i].ticks) * 3000 < frame) return rates[i].ticks; /* 33333 us means a thirtieth */
    return frame;
}

static void grid_restart(struct timeline_grid *g, int64_t raw, int64_t out) {
    g->origin_raw = raw;
    g->origin_out = out;
    g->frames = 0;
}

/* The times have left the grid. Has another one fitted all the way from the origin? A slow clock shows only then. */
static bool grid_refit(struct timeline_grid *g, int64_t raw) {
    if (g->frames < TIMELINE_WARM) return false;
    int64_t best = g->tolerance + 1;
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        int64_t count = divide_round(raw - g->origin_raw, rates[i].ticks);
        if (llabs(count - g->frames - 1) > g->frames / 64) continue; /* another number of pictures altogether */
        int64_t error = llabs(raw - g->origin_raw - count * rates[i].ticks);
        if (rates[i].ticks != g->frame && error < best) best = error, at = i;
    }
    if (best > g->tolerance) return false;
    grid_adopt(g, rates[at].ticks);
    g->frames = divide_round(raw - g->origin_raw, g->frame);
    return true;
}

static int64_t later_than(const struct timeline_grid *g, int64_t out) {
    int64_t soonest = g->last_out + TICKS_PER_MS;
    return out < soonest ? soonest : out;
}

static int64_t off_grid(struct timeline_grid *g, int64_t raw) {
    int64_t out = later_than(g, raw);
    grid_restart(g, raw, out);
    g->odd += ODD_STEP;
    if (g->odd <= ODD_TOO_MANY) return out;
    *g = (struct timeline_grid){.last_raw = g->last_raw, .last_out = g->last_out, .has_last = true, .odd = g->odd};
    return out;
}

/* Without a grid: as the source says, until a rate shows. */
static int64_t ungridded(struct timeline_grid *g, int64_t raw) {
    int64_t out = later_than(g, raw);
    if (out != raw) g->warm_count = 0;
    if (g->warm_count == TIMELINE_WARM) memmove(g->warm, g->warm + 1, --g->warm_count * sizeof *g->warm);
    g->warm[g->warm_count++] = out;
    /* Who has just lost a grid must show a new one for longer. */
    int64_t frame = g->odd > ODD_STEP && g->warm_count < TIMELINE_WARM ? 0 : find_frame(g->warm, g->warm_count, g->hint);
    if (!frame) return out;
    grid_adopt(g, frame);
    grid_restart(g, g->warm[0], g->warm[0]);
    g->frames = g->warm_count - 1;
    g->warm_count = 0;
    int64_t snapped = g->origin_out + g->frames * frame;
    return snapped > g->last_out ? snapped : out;
}

static int64_t grid_place(struct timeline_grid *g, int64_t raw, int64_t floor) {
    int64_t out;
    if (!g->has_last) {
        out = raw < floor ? floor : raw;
        grid_restart(g, raw, out);
        g->warm[0] = out;
        g->warm_count = g->frame ? 0 : 1;
    } else if (!g->frame) {
        g->odd -= g->odd / 16;
        out = ungridded(g, raw);
    } else {
        g->odd -= g->odd / 16;
        int64_t shift = g->origin_out - g->origin_raw, expected = g->last_out + g->frame, error = raw + shift - expected;
        int64_t lost = error > 0 ? divide_round(error, g->frame) : 0;
        if (llabs(error - lost * g->frame) <= g->tolerance) {
            out = expected + lost * g->frame;
            g->frames += 1 + lost;
        } else if (grid_refit(g, raw) && g->origin_out + g->frames * g->frame > g->last_out) {
            out = g->origin_out + g->frames * g->frame;
        } else {
            out = off_grid(g, raw + shift);
        }
    }
    g->has_last = true;
    g->last_raw = raw;
    g->last_out = out;
    return out;
}

/* ---- sound ---- */

int64_t timeline_sound_frame(enum cmaf_codec codec, struct slice packet) {
    switch (codec) {
    case CMAF_AAC: return 1024;
    case CMAF_MP3: return 1152;
    case CMAF_AC3:
    case CMAF_EAC3: return 1536;
    case CMAF_FLAC: return 4096;
    case CMAF_OPUS: break;
    default: return 1024;
    }
    /* RFC 6716 section 3.1: the first byte says how long a frame is, and how many there are. */
    if (!packet.len) return 960;
    uint8_t toc = (uint8_t)packet.ptr[0], config = toc >> 3;
    static const int16_t silk[] = {480, 960, 1920, 2880}, hybrid[] = {480, 960}, celt[] = {120, 240, 480, 960};
    int64_t frame = config < 12 ? silk[config & 3] : config < 16 ? hybrid[config & 1] : celt[config & 3];
    int64_t count = (toc & 3) == 0 ? 1 : (toc & 3) < 3 ? 2 : packet.len > 1 ? packet.ptr[1] & 63 : 1;
    return count && frame * count <= 5760 ? frame * count : frame;
}

/* Did the frame length mislead us? AAC with SBR lasts twice as long as its configuration may say. */
static void sound_measure(struct timeline_sound *s, int64_t raw) {
    int64_t step = raw - s->last_raw;
    s->last_raw = raw;
    if (llabs(step - 2 * s->frame) <= s->frame / 8) s->mismatch = s->mismatch < 0 ? 1 : s->mismatch + 1;
    else if (llabs(step - s->frame / 2) <= s->frame / 8) s->mismatch = s->mismatch > 0 ? -1 : s->mismatch - 1;
    else s->mismatch = 0;
    if (s->mismatch >= 6) s->frame *= 2, s->mismatch = 0;
    else if (s->mismatch <= -6) s->frame /= 2, s->mismatch = 0;
}

static int64_t sound_place(struct timeline_sound *s, int64_t raw, int64_t floor, uint32_t hz, bool *is_drop) {
    if (!s->has_next) {
        if (raw < floor && floor - raw < s->frame / 2) raw = floor;
        *is_drop = raw < floor;
        if (*is_drop) return raw;
        s->has_next = true;
        s->next = raw + s->frame;
        s->stray = 0;
        s->last_raw = raw;
        return raw;
    }
    sound_measure(s, raw);
    int64_t error = raw - s->next, bound = timeline_from_ns(TIMELINE_SOUND_NS_STRAY, hz), holes = 0;
    if (bound < s->frame) bound = s->frame;
    if (error < -bound) {
        *is_drop = true;
        return raw;
    }
    if (error > bound) {
        holes = divide_round(error, s->frame);
        s->stray = 0;
    } else {
        s->stray += error - s->stray / 16;
        int64_t mean = s->stray / 16;
        if (mean > s->frame * 3 / 4) holes = 1;
        if (mean < -s->frame) {
            s->stray += 16 * s->frame;
            *is_drop = true;
            return raw;
        }
        s->stray -= 16 * holes * s->frame;
    }
    int64_t out = s->next + holes * s->frame;
    s->next = out + s->frame;
    return out;
}

/* ---- capture time ---- */

static void capture_begin(struct timeline_capture *c, int64_t skew, int64_t at_ns) {
    c->has_skew = true;
    c->skew_ns = c->target_ns = skew;
    c->at_ns = at_ns;
    c->has_window = c->has_first = c->has_begun = false;
}

/* Not faster than a thousandth, so that nobody sees it; in the first seconds, when the anchor may lie far off, faster. */
static void capture_slew(struct timeline_capture *c, int64_t at_ns) {
    int64_t passed = at_ns - c->at_ns, away = c->target_ns - c->skew_ns;
    if (passed <= 0) return;
    c->at_ns = at_ns;
    int64_t step = c->has_first ? passed / 1000 : passed / 20;
    c->skew_ns += away > step ? step : away < -step ? -step : away;
}

static void capture_look(struct timeline_capture *c, int64_t at_ns, struct utc_time captured, enum feed_clock_source source) {
    int64_t skew = captured.ns - at_ns;
    if (source < c->source) return; /* one sample without what others have */
    if (source > c->source) {
        c->source = source;
        if (llabs(skew - c->skew_ns) > 100 * NS_PER_MS) capture_begin(c, skew, at_ns);
        c->has_window = c->has_first = false;
    }
    if (!c->has_window || skew < c->window_min) c->window_min = skew;
    if (!c->has_window) c->window_from_ns = at_ns, c->has_window = true;
    if (source == FEED_CLOCK_ARRIVAL ? c->window_min < c->target_ns : !c->has_first) c->target_ns = c->window_min;
    if (at_ns - c->window_from_ns >= CAPTURE_WINDOW_NS) {
        c->target_ns = c->window_min;
        c->has_window = false;
        if (!c->has_first) {
            c->has_first = true;
            c->first_at_ns = c->half_at_ns = at_ns;
            c->first_min = c->half_min = c->window_min;
        }
        int64_t base = at_ns - c->first_at_ns;
        if (base >= DRIFT_NS_MIN) c->drift_ppm = -1e6 * (double)(c->window_min - c->first_min) / (double)base;
        if (at_ns - c->half_at_ns >= DRIFT_NS_HALF) {
            if (c->half_at_ns != c->first_at_ns || base >= 2 * DRIFT_NS_HALF) c->first_at_ns = c->half_at_ns, c->first_min = c->half_min;
            c->half_at_ns = at_ns, c->half_min = c->window_min;
        }
    }
    capture_slew(c, at_ns);
    if (!c->has_begun) c->begun_at_ns = at_ns, c->has_begun = true;
    if (at_ns - c->begun_at_ns < SETTLED_NS) c->begun_skew_ns = c->skew_ns;
}

bool timeline_has_drifted(const struct timeline *tl) {
    const struct timeline_capture *c = &tl->capture;
    return c->has_begun && c->at_ns - c->begun_at_ns > SETTLED_NS && llabs(c->skew_ns - c->begun_skew_ns) > TIMELINE_DRIFT_NS_MAX;
}

struct utc_time timeline_captured(const struct timeline *tl, int64_t channel_ns) {
    return (struct utc_time){channel_ns + (tl->capture.has_skew ? tl->capture.skew_ns : tl->epoch.ns)};
}

/* ---- the whole ---- */

void timeline_open(struct timeline *tl, struct utc_time epoch, uint32_t run) { *tl = (struct timeline){.epoch = epoch, .run = run}; }

void timeline_set_track(struct timeline *tl, size_t index, const struct cmaf_track *track, bool is_same) {
    assert(index < TIMELINE_TRACKS_MAX);
    if (index >= tl->track_count) tl->track_count = index + 1;
    struct timeline_track *t = &tl->tracks[index];
    uint32_t out_hz = track->kind == CMAF_VIDEO ? TIMELINE_VIDEO_HZ : track->sample_rate;
    if (t->out_hz && t->out_hz != out_hz) { /* rounded up: nothing may lie over what is there */
        t->end = timeline_from_ns(timeline_to_ns(t->end, t->out_hz), out_hz) + 1;
        t->sound = (struct timeline_sound){0};
    }
    if (!is_same) *t = (struct timeline_track){.end = t->end};
    t->kind = track->kind;
    t->codec = track->codec;
    t->in_hz = track->timescale;
    t->out_hz = out_hz;
    int64_t hint = track->kind == CMAF_VIDEO ? hint_of(track) : 0;
    if (!is_same || hint != t->grid.hint) t->grid.hint = hint;
}

/* Times beyond 73 years come from nobody's clock, also not from one that counts from 1970; kept to that, sums of them stay in 64 bits. */
int64_t timeline_source_ns(const struct timeline *tl, size_t track, int64_t dts) {
    static const int64_t bound = INT64_C(1) << 61;
    __int128 ns = (__int128)dts * NS_PER_S / tl->tracks[track].in_hz;
    if (ns > bound || ns < -bound) return ns > 0 ? bound : -bound;
    return timeline_to_ns(dts, tl->tracks[track].in_hz);
}

enum timeline_step timeline_look(const struct timeline *tl, const struct feed_sample *s) {
    const struct timeline_track *t = &tl->tracks[s->track];
    if (!tl->has_run) return TIMELINE_JUMPS;
    int64_t ns = timeline_source_ns(tl, s->track, s->dts);
    bool is_near = llabs(ns - tl->run_source_ns) <= NEAR_NS;
    if (!t->has_last) return is_near ? TIMELINE_STAYS : TIMELINE_JUMPS;
    int64_t step = ns - t->last_ns;
    if (step >= -TIMELINE_BACK_NS_MAX && step <= TIMELINE_GAP_NS_MAX) return TIMELINE_STAYS;
    if (!is_near) return TIMELINE_JUMPS;
    return t->run < tl->run || step > 0 ? TIMELINE_STAYS : TIMELINE_JUMPS; /* joins the newest run, or was silent while others went on */
}

int64_t timeline_begin_run(struct timeline *tl, size_t track, int64_t source_ns, struct utc_time captured, int64_t floor_ns, bool is_kept,
                           bool for_all) {
    int64_t start = captured.ns - tl->epoch.ns;
    bool keeps = false;
    if (is_kept && tl->has_run) {
        const struct timeline_track *t = &tl->tracks[track];
        int64_t kept = source_ns + tl->run_offset_ns, end = t->out_hz ? timeline_to_ns(t->end, t->out_hz) : 0;
        /* Tracks are not all at the same place: before the end of another is not going back, before its own is. */
        keeps = kept >= end - 20 * NS_PER_MS && kept >= floor_ns - NS_PER_S && llabs(captured.ns - timeline_captured(tl, kept).ns) <= 500 * NS_PER_MS;
        if (keeps) start = kept;
    }
    if (start < floor_ns && !keeps) start = floor_ns;
    /* A whole number of milliseconds, and so of ticks: what the source says exactly stays exact. */
    int64_t offset = start - source_ns, ms = offset / NS_PER_MS;
    if (ms * NS_PER_MS < offset) ms++;
    offset = ms * NS_PER_MS;
    start = source_ns + offset;
    for (size_t i = 0; for_all && i < tl->track_count; i++) tl->tracks[i].has_last = false;
    tl->run++;
    tl->has_run = true;
    tl->run_start_ns = start;
    tl->run_offset_ns = offset;
    tl->old_source_ns = tl->run_source_ns;
    tl->run_source_ns = source_ns;
    if (!keeps || !tl->capture.has_skew) capture_begin(&tl->capture, captured.ns - start, start);
    return start;
}

void timeline_learn(struct timeline *tl, size_t track, const int64_t *dts, size_t count) {
    struct timeline_track *t = &tl->tracks[track];
    if (t->kind != CMAF_VIDEO || t->grid.frame || !count) return;
    int64_t times[TIMELINE_WARM];
    if (count > TIMELINE_WARM) count = TIMELINE_WARM;
    for (size_t i = 0; i < count; i++) times[i] = timeline_from_ns(timeline_source_ns(tl, track, dts[i]), TIMELINE_VIDEO_HZ);
    int64_t frame = find_frame(times, count, t->grid.hint);
    if (frame) grid_adopt(&t->grid, frame);
}

static void join_run(struct timeline *tl, struct timeline_track *t) {
    t->run = tl->run;
    t->offset_ns = tl->run_offset_ns;
    t->grid.has_last = false;
    t->grid.warm_count = 0;
    t->sound.has_next = false;
}

/* How far behind its decoding a picture is shown: whole frames, where times are rounded. */
static int64_t place_shown(const struct timeline_grid *g, int64_t delay) {
    if (!g->frame) return delay;
    int64_t frames = divide_round(delay, g->frame);
    return llabs(delay - frames * g->frame) <= g->tolerance ? frames * g->frame : delay;
}

static int64_t shown_after(const struct timeline_track *t, const struct feed_sample *s) {
    __int128 delay = ((__int128)s->pts - s->dts) * t->out_hz / t->in_hz;
    if (delay > DELAY_MAX || delay < -DELAY_MAX) return 0; /* damaged */
    return divide_round(((__int128)s->pts - s->dts) * t->out_hz, t->in_hz);
}

void timeline_place(struct timeline *tl, const struct feed_sample *s, struct timeline_place *out) {
    struct timeline_track *t = &tl->tracks[s->track];
    assert(tl->has_run);
    int64_t ns = timeline_source_ns(tl, s->track, s->dts);
    int64_t step = ns - t->last_ns;
    bool is_behind = t->has_last && t->run < tl->run, leaps = step < -TIMELINE_BACK_NS_MAX || step > TIMELINE_GAP_NS_MAX;
    /* All tracks are on one clock: nearer to where that is now than to where it was before the jump, this one has jumped, too, however little. */
    int64_t now_away = llabs(ns - tl->run_source_ns);
    if (!t->has_last || (is_behind && (leaps || (now_away <= NEAR_NS && now_away <= llabs(ns - tl->old_source_ns))))) join_run(tl, t);
    /* Another track jumped and this one never does: it belongs to the new run once it has come to where that begins. */
    if (ns + t->offset_ns >= tl->run_start_ns) t->run = tl->run;
    t->has_last = true;
    t->last_ns = ns;
    if (t->run == tl->run && ns > tl->run_source_ns - NEAR_NS) tl->run_source_ns = ns;

    int64_t raw = timeline_from_ns(ns + t->offset_ns, t->out_hz);
    *out = (struct timeline_place){.run = t->run};
    if (t->kind == CMAF_VIDEO) {
        out->dts = grid_place(&t->grid, raw, t->end);
        out->pts = out->dts + place_shown(&t->grid, shown_after(t, s));
        out->duration = (uint32_t)t->grid.frame;
        t->end = out->dts + (t->grid.frame ? t->grid.frame : 1);
    } else {
        if (s->duration) t->sound.frame = divide_round((__int128)s->duration * t->out_hz, t->in_hz);
        else if (!t->sound.frame || t->codec == CMAF_OPUS) t->sound.frame = timeline_sound_frame(t->codec, s->data);
        if (t->sound.frame < 1) t->sound.frame = 1;
        out->dts = out->pts = sound_place(&t->sound, raw, t->end, t->out_hz, &out->is_drop);
        out->duration = (uint32_t)t->sound.frame;
        if (!out->is_drop) t->end = out->dts + t->sound.frame;
    }
    if (!out->is_drop) capture_look(&tl->capture, timeline_to_ns(out->pts, t->out_hz), s->captured, s->clock_source);
}

int64_t timeline_end_ns(const struct timeline *tl) {
    int64_t end = 0;
    for (size_t i = 0; i < tl->track_count; i++) {
        const struct timeline_track *t = &tl->tracks[i];
        int64_t ns = t->out_hz ? timeline_to_ns(t->end, t->out_hz) : 0;
        if (ns > end) end = ns;
    }
    return end;
}
