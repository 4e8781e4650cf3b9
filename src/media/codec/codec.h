/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * codec.h: the FFmpeg libraries, wrapped once.
 *
 * Two kinds of callers. Whoever has pictures and sound of our own making (generated films, rendered actors) uses the
 * film encoder below, in process. Everything that opens bytes of strangers (source, decoder) runs only inside the
 * sandboxed children (media/child); those parts are declared in codec_stranger.h, and nobody else includes that.
 *
 * Objects belong to one thread at a time; different objects may be used in different threads at once. */
#ifndef MEDIA_CODEC_H
#define MEDIA_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* --- film encoder: pictures, sound and captions of ours in, one .mp4 or .mkv with H.264 and AAC out ---
 *
 *   struct codec_film_audio sound[] = {{.rate = 48000, .channels = 2, .language = "en", .title = "English"}};
 *   struct codec_film_options options = {.width = 1280, .height = 720, .rate_num = 25, .rate_den = 1,
 *                                        .audio = sound, .audio_count = 1};
 *   struct codec_film *film;
 *   struct err e = codec_film_open(AT_FDCWD, "film.mp4", &options, &film);
 *   for each picture: codec_film_picture(film, pixels, stride) and then the sound that belongs to it
 *   e = codec_film_finish(&film);
 *
 * Errors stick: after the first one, all calls do nothing and codec_film_finish reports it. */
enum codec_film_format { CODEC_FILM_BY_NAME, CODEC_FILM_MP4, CODEC_FILM_MKV }; /* by name: .mkv, else mp4 */

struct codec_film_audio {
    int rate, channels;   /* Hz: 8,000 to 96,000, one that AAC knows; 1, 2 or 6 (L R C LFE Ls Rs) */
    int64_t bits_per_s;   /* 0: 64,000 a channel */
    const char *language; /* ISO 639-2 or BCP 47 primary tag, e.g. "eng"; NULL: undetermined */
    const char *title;    /* shown in menus; NULL: none */
    bool is_default;      /* if no track says so the first one is */
};

struct codec_film_text {
    const char *language, *title;
    bool is_default;
};

struct codec_film_options {
    enum codec_film_format format;
    int width, height;        /* both even, 16 to 8,192; 0 x 0: no picture */
    int rate_num, rate_den;   /* pictures per second, e.g. 25/1, 30000/1001 */
    int crf;                  /* x264 quality: 0 means 20; smaller is better and larger */
    const char *preset;       /* x264 preset; NULL: "veryfast" */
    int key_frames_every;     /* pictures between IDR pictures; 0: two seconds. Groups are closed and of equal length. */
    int threads;              /* 0: as many as there are processors, at most 4 */
    const struct codec_film_audio *audio; /* borrowed during open, as are the strings */
    size_t audio_count;                   /* at most 16 */
    const struct codec_film_text *text;
    size_t text_count;                    /* at most 16 */
};

struct codec_film;

/* Creates (or truncates) the file; dir_fd must stay open until the film is finished or cancelled. On success the film is the caller's to finish or cancel; on failure nothing is
 * left behind. Errors: ERR_INPUT "film.options" (a size, rate or channel count that cannot be encoded), those of
 * fs_open, ERR_LIMIT "memory", ERR_BUG "codec.missing" (this FFmpeg has no libx264 or AAC). */
MUST_USE struct err codec_film_open(int dir_fd, const char *path, const struct codec_film_options *, struct codec_film **out);

/* The next picture: `height` rows of `stride` bytes, pixels B G R A (cairo's ARGB32 and RGB24 on little-endian
 * machines). Alpha is ignored: pictures are opaque. Copied before it returns. Converted to BT.709 limited range. */
void codec_film_picture(struct codec_film *, const void *bgra, size_t stride);
void codec_film_picture_rgba(struct codec_film *, const void *rgba, size_t stride);

/* The next `frames` sample frames of a track, interleaved, any number at a time. Push sound about as fast as pictures:
 * what has no counterpart yet is kept in memory. */
void codec_film_sound_s16(struct codec_film *, size_t track, const int16_t *samples, size_t frames);
void codec_film_sound_f32(struct codec_film *, size_t track, const float *samples, size_t frames); /* -1 .. 1 */

/* A caption line from start to end; text is UTF-8, lines separated by \n. In order of start, per track. */
void codec_film_caption(struct codec_film *, size_t track, int64_t start_ms, int64_t end_ms, struct slice text);

/* The first error so far, for stopping early. */
MUST_USE struct err codec_film_error(const struct codec_film *);

/* Writes what is pending and the index, syncs, closes, frees and clears. Errors: "film.encode" (ERR_BUG: the encoder
 * refused), those of writing a file (ERR_LIMIT when the disk is full), ERR_LIMIT "memory". On an error the file is
 * removed. */
MUST_USE struct err codec_film_finish(struct codec_film **);
/* Frees, clears and removes the file. NULL is fine. */
void codec_film_cancel(struct codec_film **);

/* --- live encoder: pictures and sound of ours in, samples as CMAF wants them out, each at once: no picture waits for a later one ---
 * H.264 without B-frames, in one thread, and AAC-LC. */
struct codec_live_options {
    int width, height;      /* both even, 16 to 8,192; 0 x 0: no picture */
    int rate_num, rate_den; /* pictures per second; pictures may be left out */
    int key_frames_every;   /* in pictures; IDR at each multiple of it, also where pictures are left out between */
    int64_t bits_per_s;     /* of the picture */
    const char *preset;     /* x264 preset; NULL: "superfast" */
    int sound_rate, sound_channels; /* as codec_film_audio; 0: no sound */
    int64_t sound_bits_per_s;       /* 0: 64,000 a channel */
};

struct codec_live_sample {
    bool is_sound, is_sync;
    int64_t time;      /* picture: as given to codec_live_picture (decode and presentation time are one); sound: in samples, the first are
                        * below 0 (priming) */
    struct slice data; /* until the next call */
};
typedef struct err codec_live_sink(void *user, const struct codec_live_sample *);

struct codec_live;
/* Errors: ERR_INPUT "live.options", ERR_LIMIT "memory", ERR_BUG "codec.missing". */
MUST_USE struct err codec_live_open(struct codec_live **out, const struct codec_live_options *, codec_live_sink *, void *user);
/* The content of avcC; an AudioSpecificConfig. Borrowed from the encoder. */
struct slice codec_live_picture_config(const struct codec_live *);
struct slice codec_live_sound_config(const struct codec_live *);
/* A picture in 4:2:0, BT.709, limited range; `time` counts pictures and grows. Errors: what the sink returned; ERR_BUG "live.encode"; "memory". */
MUST_USE struct err codec_live_picture(struct codec_live *, const uint8_t *const planes[3], const int strides[3], int64_t time);
/* Interleaved, -1 to 1, any number. */
MUST_USE struct err codec_live_sound(struct codec_live *, const float *samples, size_t frames);
void codec_live_close(struct codec_live **); /* NULL is fine */

/* --- stills of ours --- */
enum codec_pixels { CODEC_BGRA, CODEC_RGBA, CODEC_RGB };

/* Appends a JPEG (4:2:0, full range) of the picture; quality 1 (poor) to 100. Sides from 1 to 16,384.
 * Errors: ERR_INPUT "still.size", ERR_LIMIT "memory", ERR_BUG "codec.missing". */
MUST_USE struct err codec_still_jpeg(enum codec_pixels, const void *pixels, int width, int height, size_t stride, int quality, struct buf *out);

#endif
