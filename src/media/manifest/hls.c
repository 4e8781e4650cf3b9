/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * HLS playlists (RFC 8216). Version 7: segments are fragmented MP4, byte ranges of one file. */
#include <stdio.h>

#include "media/manifest/views.h"

static const char head[] = "#EXTM3U\n#EXT-X-VERSION:7\n";

/* A quoted string has no way to hold a quote or a line end (section 4.2). Both straight quotes become curly ones: there are parsers
 * that take an apostrophe for a quote, too, and lose the rest of the line. */
void hls_put_quoted(struct buf *out, const char *text) {
    buf_cstr(out, "\"");
    for (; *text; text++) {
        if (*text == '"') buf_cstr(out, "\u201d");
        else if (*text == '\'') buf_cstr(out, "\u2019");
        else buf_bytes(out, (unsigned char)*text < 0x20 || *text == 0x7f ? " " : text, 1);
    }
    buf_cstr(out, "\"");
}

void hls_put_seconds(struct buf *out, int64_t us) {
    buf_u64_text(out, (uint64_t)(us / 1000000));
    char fraction[8] = ".000000";
    int64_t rest = us % 1000000;
    for (int i = 6; i > 0; i--, rest /= 10) fraction[i] = (char)('0' + rest % 10);
    buf_bytes(out, fraction, 7);
}

/* ---- media playlists ---- */

/* Section 4.3.3.1: no segment, rounded, is longer. */
static int64_t target_seconds(const struct cmaf_index *index, bool only_keys) {
    int64_t longest = 1, from = 0;
    for (size_t i = 0; i < index->segment_count; i++) {
        if (only_keys && !index->segments[i].key_bytes) continue;
        from = view_start_us(index, i);
        size_t next = i + 1;
        while (only_keys && next < index->segment_count && !index->segments[next].key_bytes) next++;
        int64_t seconds = (view_start_us(index, next) - from + 500000) / 1000000;
        if (seconds > longest) longest = seconds;
    }
    return longest;
}

static void put_range(struct buf *out, uint64_t bytes, uint64_t offset) {
    buf_u64_text(out, bytes);
    buf_cstr(out, "@");
    buf_u64_text(out, offset);
}

static void put_playlist_head(const struct cmaf_rendition *r, bool only_keys, struct buf *out) {
    buf_cstr(out, head);
    buf_printf(out, "#EXT-X-TARGETDURATION:%lld\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n", (long long)target_seconds(&r->index, only_keys));
    if (only_keys) buf_cstr(out, "#EXT-X-I-FRAMES-ONLY\n");
    else if (view_is_independent(&r->index)) buf_cstr(out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
    buf_printf(out, "#EXT-X-MAP:URI=\"%s.mp4\",BYTERANGE=\"%zu@0\"\n", r->name, r->index.init.len);
}

static void put_segment(const struct cmaf_rendition *r, int64_t us, uint64_t bytes, uint64_t offset, struct buf *out) {
    buf_cstr(out, "#EXTINF:");
    hls_put_seconds(out, us);
    buf_cstr(out, ",\n#EXT-X-BYTERANGE:");
    put_range(out, bytes, offset);
    buf_cstr(out, "\n");
    buf_cstr(out, r->name);
    buf_cstr(out, ".mp4\n");
}

void hls_media(const struct cmaf_rendition *r, struct buf *out) {
    const struct cmaf_index *index = &r->index;
    put_playlist_head(r, false, out);
    for (size_t i = 0; i < index->segment_count; i++)
        put_segment(r, view_start_us(index, i + 1) - view_start_us(index, i), index->segments[i].bytes, index->segments[i].offset, out);
    buf_cstr(out, "#EXT-X-ENDLIST\n");
}

/* Calls back for each key picture with how long it stands for. */
static void each_key(const struct cmaf_index *index, void (*key)(void *user, const struct cmaf_segment *, int64_t us), void *user) {
    for (size_t i = 0, next; i < index->segment_count; i = next) {
        next = i + 1;
        if (!index->segments[i].key_bytes) continue;
        while (next < index->segment_count && !index->segments[next].key_bytes) next++;
        key(user, &index->segments[i], view_start_us(index, next) - view_start_us(index, i));
    }
}

struct iframe_writer {
    const struct cmaf_rendition *rendition;
    struct buf *out;
};

static void put_key(void *user, const struct cmaf_segment *s, int64_t us) {
    struct iframe_writer *w = user;
    put_segment(w->rendition, us, s->key_bytes, s->offset, w->out);
}

void hls_iframes(const struct cmaf_rendition *r, struct buf *out) {
    put_playlist_head(r, true, out);
    each_key(&r->index, put_key, &(struct iframe_writer){r, out});
    buf_cstr(out, "#EXT-X-ENDLIST\n");
}

void hls_text(const struct cmaf_presentation *p, const struct cmaf_text *text, struct buf *out) {
    int64_t us = p->duration_ms > 0 ? p->duration_ms * 1000 : 1000;
    int64_t target = (us + 500000) / 1000000;
    buf_cstr(out, head);
    buf_printf(out, "#EXT-X-TARGETDURATION:%lld\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:", (long long)(target ? target : 1));
    hls_put_seconds(out, us);
    buf_printf(out, ",\n%s.vtt\n#EXT-X-ENDLIST\n", text->name);
}

/* ---- master playlist ---- */

/* Audio tracks of one codec form a group, so that a player that lacks the codec can leave the group aside. */
const char *hls_group_name(enum cmaf_codec codec) {
    static const char *const names[CMAF_CODECS] = {
        [CMAF_AAC] = "aac", [CMAF_OPUS] = "opus", [CMAF_MP3] = "mp3", [CMAF_AC3] = "ac3", [CMAF_EAC3] = "eac3", [CMAF_FLAC] = "flac"};
    return names[codec] ? names[codec] : "other";
}

/* The track that plays unless somebody chooses: the first one marked, else the first one. */
static size_t default_of_group(const struct cmaf_presentation *p, enum cmaf_codec codec) {
    size_t first = p->audio_count;
    for (size_t i = 0; i < p->audio_count; i++) {
        const struct cmaf_track *t = &p->audios[i].index.track;
        if (t->codec != codec) continue;
        if (t->flags & CMAF_DEFAULT) return i;
        if (first == p->audio_count) first = i;
    }
    return first;
}

/* Names in a group differ (section 4.3.4.1.1): the second "English" becomes "English (2)". */
static void put_unique_name(struct buf *out, const char *name, size_t same_before) {
    char text[CMAF_LABEL_MAX + 40];
    if (same_before) (void)snprintf(text, sizeof text, "%s (%zu)", name, same_before + 1);
    else (void)snprintf(text, sizeof text, "%s", name);
    buf_cstr(out, ",NAME=");
    hls_put_quoted(out, text);
}

static void put_characteristics(struct buf *out, uint32_t flags, bool is_text) {
    const char *values[4];
    size_t count = 0;
    if (is_text && flags & CMAF_HEARING_IMPAIRED)
        values[count++] = "public.accessibility.transcribes-spoken-dialog", values[count++] = "public.accessibility.describes-music-and-sound";
    if (!is_text && flags & CMAF_VISUAL_IMPAIRED) values[count++] = "public.accessibility.describes-video";
    if (!is_text && flags & CMAF_HEARING_IMPAIRED) values[count++] = "public.accessibility.enhances-speech-intelligibility";
    for (size_t i = 0; i < count; i++) buf_printf(out, "%s%s", i ? "," : ",CHARACTERISTICS=\"", values[i]);
    if (count) buf_cstr(out, "\"");
}

static void put_audio(const struct cmaf_presentation *p, size_t i, struct buf *out) {
    const struct cmaf_rendition *r = &p->audios[i];
    const struct cmaf_track *t = &r->index.track;
    char name[CMAF_LABEL_MAX + 8], other[CMAF_LABEL_MAX + 8];
    size_t same = 0;
    view_name(t->label, t->language, "Audio", i, name);
    for (size_t k = 0; k < i; k++) {
        if (p->audios[k].index.track.codec != t->codec) continue;
        view_name(p->audios[k].index.track.label, p->audios[k].index.track.language, "Audio", k, other);
        same += !strcmp(name, other);
    }
    bool is_default = default_of_group(p, t->codec) == i;
    buf_printf(out, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"%s\"", hls_group_name(t->codec));
    put_unique_name(out, name, same);
    if (t->language[0]) buf_cstr(out, ",LANGUAGE="), hls_put_quoted(out, t->language);
    buf_printf(out, ",DEFAULT=%s,AUTOSELECT=%s", is_default ? "YES" : "NO", is_default || !(t->flags & CMAF_COMMENTARY) ? "YES" : "NO");
    put_characteristics(out, t->flags, false);
    buf_printf(out, ",CHANNELS=\"%u\",URI=\"%s.m3u8\"\n", t->channels, r->name);
}

static void put_text(const struct cmaf_presentation *p, size_t i, struct buf *out) {
    const struct cmaf_text *t = &p->texts[i];
    char name[CMAF_LABEL_MAX + 8], other[CMAF_LABEL_MAX + 8];
    size_t same = 0;
    bool is_default = t->flags & CMAF_DEFAULT;
    view_name(t->label, t->language, "Text", i, name);
    for (size_t k = 0; k < i; k++) {
        view_name(p->texts[k].label, p->texts[k].language, "Text", k, other);
        same += !strcmp(name, other);
        if (p->texts[k].flags & CMAF_DEFAULT) is_default = false; /* one at most */
    }
    buf_cstr(out, "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\"");
    put_unique_name(out, name, same);
    if (t->language[0]) buf_cstr(out, ",LANGUAGE="), hls_put_quoted(out, t->language);
    buf_printf(out, ",DEFAULT=%s,AUTOSELECT=YES,FORCED=%s", is_default ? "YES" : "NO", t->flags & CMAF_FORCED ? "YES" : "NO");
    put_characteristics(out, t->flags, true);
    buf_printf(out, ",URI=\"%s.m3u8\"\n", t->name);
}

static const char *video_range(const struct cmaf_track *t) {
    if (t->colour.has_any && t->colour.transfer == 16) return "PQ";
    if (t->colour.has_any && t->colour.transfer == 18) return "HLG";
    return "SDR";
}

void hls_put_frame_rate(struct buf *out, const struct cmaf_track *t) {
    if (!t->rate_num || !t->rate_den) return;
    uint64_t thousandths = ((uint64_t)t->rate_num * 1000 + t->rate_den / 2) / t->rate_den;
    buf_printf(out, ",FRAME-RATE=%llu.%03llu", (unsigned long long)(thousandths / 1000), (unsigned long long)(thousandths % 1000));
}

void hls_put_video_attributes(struct buf *out, const struct cmaf_track *t) {
    uint32_t width, height;
    cmaf_track_display_size(t, &width, &height);
    buf_printf(out, ",RESOLUTION=%ux%u,VIDEO-RANGE=%s", width, height, video_range(t));
}

/* One variant: a video with the audio group of a codec (CMAF_CODEC_NONE: silent), or an audio group alone. */
static void put_variant(const struct cmaf_presentation *p, const struct cmaf_rendition *video, enum cmaf_codec audio, struct buf *out) {
    const char *codecs[CMAF_TRACKS_MAX + 1];
    size_t codec_count = 0, members = 0;
    uint64_t peak = 0, average = 0;
    for (size_t i = 0; i < p->audio_count; i++) {
        const struct cmaf_rendition *r = &p->audios[i];
        if (r->index.track.codec != audio) continue;
        members++;
        if (r->peak_bps > peak) peak = r->peak_bps;
        if (r->average_bps > average) average = r->average_bps;
        size_t k = 0;
        while (k < codec_count && strcmp(codecs[k], r->index.track.codec_string)) k++;
        if (k == codec_count) codecs[codec_count++] = r->index.track.codec_string;
    }
    buf_cstr(out, "#EXT-X-STREAM-INF:BANDWIDTH=");
    buf_u64_text(out, peak + (video ? video->peak_bps : 0));
    buf_cstr(out, ",AVERAGE-BANDWIDTH=");
    buf_u64_text(out, average + (video ? video->average_bps : 0));
    buf_cstr(out, ",CODECS=\"");
    if (video) buf_cstr(out, video->index.track.codec_string);
    for (size_t i = 0; i < codec_count; i++) buf_printf(out, "%s%s", video || i ? "," : "", codecs[i]);
    buf_cstr(out, "\"");
    if (video) {
        hls_put_video_attributes(out, &video->index.track);
        hls_put_frame_rate(out, &video->index.track);
    }
    if (audio && (video || members > 1)) buf_printf(out, ",AUDIO=\"%s\"", hls_group_name(audio));
    if (p->text_count) buf_cstr(out, ",SUBTITLES=\"text\"");
    if (video) buf_cstr(out, ",CLOSED-CAPTIONS=NONE");
    buf_printf(out, "\n%s.m3u8\n", video ? video->name : p->audios[default_of_group(p, audio)].name);
}

struct key_rate {
    uint64_t peak, bytes;
    int64_t us;
};

static void add_key_rate(void *user, const struct cmaf_segment *s, int64_t us) {
    struct key_rate *rate = user;
    uint64_t bits = us > 0 ? ((uint64_t)s->key_bytes * 8 * 1000000 + (uint64_t)us - 1) / (uint64_t)us : 0;
    if (bits > rate->peak) rate->peak = bits;
    rate->bytes += s->key_bytes;
    rate->us += us;
}

static void put_iframe_variant(const struct cmaf_rendition *r, struct buf *out) {
    struct key_rate rate = {0};
    each_key(&r->index, add_key_rate, &rate);
    uint64_t average = rate.us > 0 ? (uint64_t)((unsigned __int128)rate.bytes * 8 * 1000000 / (uint64_t)rate.us) : 0;
    buf_printf(out, "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=%llu,AVERAGE-BANDWIDTH=%llu,CODECS=\"%s\"", (unsigned long long)rate.peak,
               (unsigned long long)average, r->index.track.codec_string);
    hls_put_video_attributes(out, &r->index.track);
    buf_printf(out, ",URI=\"%s-iframes.m3u8\"\n", r->name);
}

void hls_master(const struct cmaf_presentation *p, struct buf *out) {
    buf_cstr(out, head);
    bool is_independent = true;
    for (size_t i = 0; i < p->video_count; i++) is_independent &= view_is_independent(&p->videos[i].index);
    if (is_independent) buf_cstr(out, "#EXT-X-INDEPENDENT-SEGMENTS\n");

    bool has_codec[CMAF_CODECS] = {0};
    size_t codec_count = 0, members[CMAF_CODECS] = {0};
    for (size_t i = 0; i < p->audio_count; i++) {
        enum cmaf_codec codec = p->audios[i].index.track.codec;
        codec_count += !has_codec[codec];
        has_codec[codec] = true;
        members[codec]++;
    }
    for (size_t i = 0; i < p->audio_count; i++)
        if (p->video_count || members[p->audios[i].index.track.codec] > 1) put_audio(p, i, out);
    for (size_t i = 0; i < p->text_count; i++) put_text(p, i, out);

    for (size_t i = 0; i < p->video_count; i++) {
        if (!codec_count) put_variant(p, &p->videos[i], CMAF_CODEC_NONE, out);
        for (int codec = 1; codec < CMAF_CODECS; codec++)
            if (has_codec[codec]) put_variant(p, &p->videos[i], (enum cmaf_codec)codec, out);
    }
    for (int codec = 1; codec < CMAF_CODECS && !p->video_count; codec++)
        if (has_codec[codec]) put_variant(p, NULL, (enum cmaf_codec)codec, out);
    for (size_t i = 0; i < p->video_count; i++)
        if (view_has_iframes(&p->videos[i])) put_iframe_variant(&p->videos[i], out);
}
