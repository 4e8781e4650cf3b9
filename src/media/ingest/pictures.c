/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * pictures.c: poster and seek-bar pictures, in the child. They come from the key pictures of the finished v0.mp4: the index
 * says where each one lies, so that nothing between them is read or decoded. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fs.h"
#include "base/mem.h"
#include "media/caption/caption.h"
#include "media/codec/codec.h"
#include "media/ingest/child.h"

enum {
    ARENA_BYTES = 256 << 20,
    TILE_WIDTH = 160, TILE_HEIGHT_MAX = 160, COLUMNS = 10, ROWS = 10, TILES_MAX = COLUMNS * ROWS * SHEETS_MAX,
    INTERVAL_MS_MIN = 2000, INTERVAL_MS_MAX = 30000, TILES_WANTED = 100,
    POSTER_WIDTH = 1280, POSTER_HEIGHT = 1280, CANDIDATES = 12,
    KEY_BYTES_MAX = 64 << 20,
    JPEG_QUALITY_TILES = 72, JPEG_QUALITY_POSTER = 88,
};

struct pictures {
    int fd;
    struct arena *mem;
    struct cmaf_index index;
    struct codec_stills *stills;
    struct buf sample;
    uint8_t *sheet;
    struct record result;
    int64_t end_ms;
};

static int64_t segment_ms(const struct pictures *p, size_t i) { return p->index.segments[i].start * 1000 / p->index.track.timescale; }

/* The last segment that begins at or before `ms` and can be decoded from. */
static size_t segment_at(const struct pictures *p, int64_t ms) {
    size_t found = 0, low = 0, high = p->index.segment_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (segment_ms(p, middle) <= ms) low = middle + 1;
        else high = middle;
    }
    for (size_t i = low; i-- > 0;)
        if (p->index.segments[i].key_bytes) {
            found = i;
            break;
        }
    return found;
}

/* The first sample of a segment: what is behind the head of the mdat, up to key_bytes. */
static struct err read_key(struct pictures *p, size_t i, struct slice *out) {
    const struct cmaf_segment *s = &p->index.segments[i];
    if (!s->key_bytes || s->key_bytes > KEY_BYTES_MAX) return codec_media_err("media.damaged");
    buf_clear(&p->sample);
    char *at = buf_reserve(&p->sample, s->key_bytes);
    if (!at) return err_memory();
    struct err e = fs_pread_all(p->fd, at, s->key_bytes, s->offset);
    if (e.kind) return e;
    struct byte_reader r = byte_reader_of(slice_of(at, s->key_bytes));
    while (bytes_left(&r) > 8) {
        uint32_t bytes = bytes_u32be(&r), type = bytes_u32be(&r);
        if (type == 0x6d646174 /* mdat */) {
            *out = slice_of(r.at, bytes_left(&r));
            return ERR_OK;
        }
        if (bytes < 8) break;
        bytes_skip(&r, bytes - 8); /* styp, moof */
    }
    return codec_media_err("media.damaged");
}

static struct err decode(struct pictures *p, size_t segment, uint32_t width, uint32_t height, struct codec_still *still) {
    struct slice sample;
    struct err e = read_key(p, segment, &sample);
    return e.kind ? e : codec_stills_decode(p->stills, sample, width, height, still);
}

/* ---- the poster ---- */

static uint32_t luma(const uint8_t *rgb) { return (54u * rgb[0] + 183u * rgb[1] + 19u * rgb[2]) >> 8; }

/* How much there is to see: spread of brightness and colour, and sharp edges; black, white and faded pictures get little. */
static double interest(const struct codec_still *s) {
    double sum = 0, squares = 0, edges = 0, colour = 0;
    size_t count = (size_t)s->width * s->height;
    for (uint32_t y = 0; y < s->height; y++)
        for (uint32_t x = 0; x < s->width; x++) {
            const uint8_t *at = s->rgb + ((size_t)y * s->width + x) * 3;
            double l = luma(at);
            sum += l;
            squares += l * l;
            if (x + 1 < s->width) edges += fabs(l - luma(at + 3));
            if (y + 1 < s->height) edges += fabs(l - luma(at + (size_t)s->width * 3));
            int high = at[0] > at[1] ? at[0] : at[1], low = at[0] < at[1] ? at[0] : at[1];
            if (at[2] > high) high = at[2];
            if (at[2] < low) low = at[2];
            colour += high - low;
        }
    double mean = sum / (double)count, deviation = sqrt(fmax(squares / (double)count - mean * mean, 0));
    double score = deviation + 2 * edges / (double)count + 0.4 * colour / (double)count;
    if (mean < 24 || mean > 232) score *= 0.2;
    return score;
}

/* The colour that most of the picture has, greys counting less: a histogram of 4 bits a channel. */
static uint32_t dominant_colour(const struct codec_still *s) {
    static double weight[4096], red[4096], green[4096], blue[4096];
    memset(weight, 0, sizeof weight), memset(red, 0, sizeof red), memset(green, 0, sizeof green), memset(blue, 0, sizeof blue);
    for (size_t i = 0; i < (size_t)s->width * s->height; i++) {
        const uint8_t *at = s->rgb + i * 3;
        int high = at[0] > at[1] ? at[0] : at[1], low = at[0] < at[1] ? at[0] : at[1];
        if (at[2] > high) high = at[2];
        if (at[2] < low) low = at[2];
        double w = 0.15 + (high - low) / 255.0;
        if (high < 30) w *= 0.1;
        size_t bin = (size_t)(at[0] >> 4) << 8 | (size_t)(at[1] >> 4) << 4 | at[2] >> 4;
        weight[bin] += w, red[bin] += w * at[0], green[bin] += w * at[1], blue[bin] += w * at[2];
    }
    size_t best = 0;
    for (size_t i = 1; i < 4096; i++)
        if (weight[i] > weight[best]) best = i;
    if (weight[best] <= 0) return 0x808080;
    return (uint32_t)(red[best] / weight[best] + 0.5) << 16 | (uint32_t)(green[best] / weight[best] + 0.5) << 8 | (uint32_t)(blue[best] / weight[best] + 0.5);
}

static struct err write_output(enum output output, uint32_t number, struct slice bytes) {
    int fd;
    struct err e = child_open(output, 0, number, &fd);
    if (e.kind) return e;
    e = fs_write_all(fd, bytes);
    if (!e.kind) e = fs_sync(fd);
    fs_close(&fd);
    return e;
}

static struct err make_poster(struct pictures *p) {
    size_t best = SIZE_MAX;
    double best_score = -1;
    struct codec_still still;
    struct err e = ERR_OK;
    for (int i = 0; i < CANDIDATES; i++) { /* from a tenth to three tenths of the way */
        size_t segment = segment_at(p, p->end_ms * (10 + 20 * i / (CANDIDATES - 1)) / 100);
        e = decode(p, segment, 320, 320, &still);
        if (e.kind == ERR_LIMIT) return e;
        if (e.kind) continue; /* a damaged picture is no candidate */
        double score = interest(&still);
        if (score > best_score) best = segment, best_score = score, p->result.pictures.colour = dominant_colour(&still);
        child_progress(0.3 * (i + 1) / CANDIDATES);
    }
    if (best == SIZE_MAX) return ERR_OK;
    e = decode(p, best, POSTER_WIDTH, POSTER_HEIGHT, &still);
    if (e.kind) return e;
    struct buf jpeg = BUF((size_t)32 << 20);
    e = codec_still_jpeg(CODEC_RGB, still.rgb, (int)still.width, (int)still.height, (size_t)still.width * 3, JPEG_QUALITY_POSTER, &jpeg);
    if (!e.kind) e = write_output(OUTPUT_POSTER, 0, buf_slice(&jpeg));
    buf_free(&jpeg);
    if (!e.kind) p->result.pictures.has_poster = true;
    return e;
}

/* ---- tiles ---- */

static struct err write_sheet(struct pictures *p, uint32_t tiles_on_it) {
    struct cmaf_thumbnails *t = &p->result.pictures.thumbnails;
    uint32_t rows = (tiles_on_it + COLUMNS - 1) / COLUMNS, width = COLUMNS * t->width, height = rows * t->height;
    struct buf jpeg = BUF((size_t)32 << 20);
    struct err e = codec_still_jpeg(CODEC_RGB, p->sheet, (int)width, (int)height, (size_t)width * 3, JPEG_QUALITY_TILES, &jpeg);
    if (!e.kind) e = write_output(OUTPUT_SHEET, p->result.pictures.sheets, buf_slice(&jpeg));
    if (!e.kind) {
        t->bytes += jpeg.len;
        p->result.pictures.sheets++;
    }
    buf_free(&jpeg);
    if (p->sheet) memset(p->sheet, 0, (size_t)COLUMNS * t->width * ROWS * t->height * 3);
    return e;
}

static struct err make_tiles(struct pictures *p) {
    struct cmaf_thumbnails *t = &p->result.pictures.thumbnails;
    int64_t interval = p->end_ms / TILES_WANTED;
    if (interval < INTERVAL_MS_MIN) interval = INTERVAL_MS_MIN;
    if (interval > INTERVAL_MS_MAX) interval = INTERVAL_MS_MAX;
    while ((p->end_ms + interval - 1) / interval > TILES_MAX) interval *= 2;
    interval = (interval + 99) / 100 * 100;
    uint32_t count = (uint32_t)((p->end_ms + interval - 1) / interval);
    if (!count) count = 1;
    struct caption_list cues = caption_list_of(p->mem);
    size_t shown = SIZE_MAX;
    struct codec_still still = {0};
    struct err e = ERR_OK;
    for (uint32_t i = 0; !e.kind && i < count; i++) {
        size_t segment = segment_at(p, i * interval + interval / 2);
        if (segment != shown) {
            e = decode(p, segment, TILE_WIDTH, TILE_HEIGHT_MAX, &still);
            if (e.kind == ERR_LIMIT) break;
            if (e.kind && !t->width) return ERR_OK; /* the very first cannot be decoded: no tiles */
            if (!e.kind) shown = segment;           /* else the one before it stays */
            e = ERR_OK;
        }
        if (!t->width) {
            *t = (struct cmaf_thumbnails){.width = still.width, .height = still.height, .columns = COLUMNS, .rows = count < COLUMNS * ROWS ? (count + COLUMNS - 1) / COLUMNS : ROWS, .interval_ms = (uint32_t)interval};
            p->sheet = mem_zalloc((size_t)COLUMNS * t->width * ROWS * t->height * 3);
            if (!p->sheet) return err_memory();
        }
        if (still.width != t->width || still.height != t->height) return codec_media_err("media.changes");
        uint32_t on_sheet = i % (COLUMNS * ROWS), x = on_sheet % COLUMNS * t->width, y = on_sheet / COLUMNS * t->height;
        for (uint32_t row = 0; row < t->height; row++)
            memcpy(p->sheet + ((size_t)(y + row) * COLUMNS * t->width + x) * 3, still.rgb + (size_t)row * t->width * 3, (size_t)t->width * 3);
        char name[32];
        snprintf(name, sizeof name, "thumbs-%u.jpg", i / (COLUMNS * ROWS));
        int64_t end = i + 1 == count && p->end_ms > i * interval ? p->end_ms : (i + 1) * interval;
        e = caption_add_tile(&cues, i * interval, end, name, (int)x, (int)y, (int)t->width, (int)t->height);
        t->count = i + 1;
        if (!e.kind && (on_sheet + 1 == COLUMNS * ROWS || i + 1 == count)) e = write_sheet(p, on_sheet + 1);
        child_progress(0.3 + 0.7 * (i + 1) / count);
    }
    if (e.kind) return e;
    struct buf out = BUF(CAPTION_FILE_BYTES_MAX);
    caption_write_webvtt(&cues, &out);
    e = buf_error(&out);
    if (!e.kind) e = write_output(OUTPUT_TILES, 0, buf_slice(&out));
    buf_free(&out);
    return e;
}

struct err child_pictures(const struct job *job, int source_fd, int index_fd) {
    struct pictures p = {.fd = source_fd, .mem = arena_create(ARENA_BYTES), .sample = BUF(KEY_BYTES_MAX), .result = {.type = RECORD_PICTURES}};
    p.result.pictures.colour = 0x808080;
    struct err e = p.mem ? child_read_index(job, index_fd, p.mem, &p.index) : err_memory();
    if (!e.kind) e = codec_stills_open(&p.index.track, (int)job->threads, &p.stills);
    if (!e.kind) {
        p.end_ms = cmaf_index_end_ns(&p.index) / 1000000;
        e = make_poster(&p);
    }
    if (!e.kind) e = make_tiles(&p);
    if (!e.kind) child_send(&p.result);
    codec_stills_close(&p.stills);
    buf_free(&p.sample);
    mem_free(p.sheet);
    arena_destroy(&p.mem);
    return e;
}
