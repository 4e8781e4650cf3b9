/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * DASH (ISO/IEC 23009-1), on-demand profile: each track file is addressed through its sidx. Order of elements as in the
 * schema. */
#include "media/manifest/views.h"

void dash_put_escaped(struct buf *out, const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '&': buf_cstr(out, "&amp;"); break;
        case '<': buf_cstr(out, "&lt;"); break;
        case '>': buf_cstr(out, "&gt;"); break;
        case '"': buf_cstr(out, "&quot;"); break;
        case '\'': buf_cstr(out, "&apos;"); break;
        default: buf_bytes(out, (unsigned char)*text < 0x20 ? " " : text, 1);
        }
    }
}

static void put_attribute(struct buf *out, const char *name, const char *value) {
    buf_printf(out, " %s=\"", name);
    dash_put_escaped(out, value);
    buf_cstr(out, "\"");
}

static void put_descriptor(struct buf *out, const char *element, const char *scheme, const char *value) {
    buf_printf(out, "      <%s schemeIdUri=\"%s\" value=\"%s\"/>\n", element, scheme, value);
}
static void put_role(struct buf *out, const char *role) { put_descriptor(out, "Role", "urn:mpeg:dash:role:2011", role); }

/* Players tell tracks apart by their labels: the second "English" becomes "English (2)". */
static void put_label(struct buf *out, const char *label, size_t same_before) {
    if (!label[0]) return;
    buf_cstr(out, "      <Label>");
    dash_put_escaped(out, label);
    if (same_before) buf_printf(out, " (%zu)", same_before + 1);
    buf_cstr(out, "</Label>\n");
}

/* ---- which tracks a player may switch between ---- */

static bool is_same_set(const struct cmaf_track *a, const struct cmaf_track *b) {
    if (a->codec != b->codec || a->kind != b->kind) return false;
    if (a->kind == CMAF_VIDEO)
        return a->rotation == b->rotation && a->colour.has_any == b->colour.has_any && a->colour.transfer == b->colour.transfer && !strcmp(a->label, b->label);
    return a->channels == b->channels && a->flags == b->flags && !strcmp(a->language, b->language) && !strcmp(a->label, b->label);
}

/* The first track of its set stands for the set. */
static bool is_set_leader(const struct cmaf_rendition *list, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (is_same_set(&list[k].index.track, &list[i].index.track)) return false;
    return true;
}

static bool is_aligned(const struct cmaf_index *a, const struct cmaf_index *b) {
    if (a->segment_count != b->segment_count) return false;
    for (size_t i = 0; i < a->segment_count; i++)
        if (view_start_us(a, i) != view_start_us(b, i)) return false;
    return true;
}

unsigned dash_channel_configuration(unsigned channels) {
    static const uint8_t of_channels[] = {0, 1, 2, 3, 4, 5, 6, 11, 12};
    return channels < ARRAY_LEN(of_channels) ? of_channels[channels] : 0;
}

static void put_colour(struct buf *out, const struct cmaf_track *t) {
    const struct cmaf_colour *c = &t->colour;
    if (!c->has_any || (c->transfer != 16 && c->transfer != 18)) return; /* only where a screen must know: HDR */
    static const char *const schemes[] = {"urn:mpeg:mpegB:cicp:ColourPrimaries", "urn:mpeg:mpegB:cicp:TransferCharacteristics",
                                          "urn:mpeg:mpegB:cicp:MatrixCoefficients"};
    const unsigned values[] = {c->primaries, c->transfer, c->matrix};
    for (int i = 0; i < 3; i++) buf_printf(out, "      <SupplementalProperty schemeIdUri=\"%s\" value=\"%u\"/>\n", schemes[i], values[i]);
}

static void put_representation(struct buf *out, const struct cmaf_rendition *r) {
    const struct cmaf_track *t = &r->index.track;
    buf_printf(out, "      <Representation id=\"%s\" codecs=\"%s\" bandwidth=\"%llu\"", r->name, t->codec_string, (unsigned long long)r->peak_bps);
    if (t->kind == CMAF_VIDEO) {
        buf_printf(out, " width=\"%u\" height=\"%u\" sar=\"%u:%u\"", t->width, t->height, t->aspect_x && t->aspect_y ? t->aspect_x : 1,
                   t->aspect_x && t->aspect_y ? t->aspect_y : 1);
        if (t->rate_num && t->rate_den > 1) buf_printf(out, " frameRate=\"%u/%u\"", t->rate_num, t->rate_den);
        else if (t->rate_num && t->rate_den) buf_printf(out, " frameRate=\"%u\"", t->rate_num);
    } else {
        buf_printf(out, " audioSamplingRate=\"%u\"", t->sample_rate);
    }
    buf_cstr(out, ">\n");
    unsigned configuration = t->kind == CMAF_AUDIO ? dash_channel_configuration(t->channels) : 0;
    if (configuration)
        buf_printf(out, "        <AudioChannelConfiguration schemeIdUri=\"urn:mpeg:mpegB:cicp:ChannelConfiguration\" value=\"%u\"/>\n", configuration);
    buf_printf(out, "        <BaseURL>%s.mp4</BaseURL>\n", r->name);
    buf_printf(out, "        <SegmentBase timescale=\"%u\" indexRange=\"%llu-%llu\" indexRangeExact=\"true\">\n", t->timescale,
               (unsigned long long)r->index.sidx_offset, (unsigned long long)(r->index.sidx_offset + r->index.sidx_bytes - 1));
    buf_printf(out, "          <Initialization range=\"0-%zu\"/>\n        </SegmentBase>\n      </Representation>\n", r->index.init.len - 1);
}

static void put_audio_roles(struct buf *out, uint32_t flags) {
    if (flags & CMAF_VISUAL_IMPAIRED) put_descriptor(out, "Accessibility", "urn:tva:metadata:cs:AudioPurposeCS:2007", "1");
    if (flags & CMAF_HEARING_IMPAIRED) put_descriptor(out, "Accessibility", "urn:tva:metadata:cs:AudioPurposeCS:2007", "2");
    if (flags & CMAF_DUB) put_role(out, "dub");
    if (flags & CMAF_COMMENTARY) put_role(out, "commentary");
    if (flags & CMAF_VISUAL_IMPAIRED) put_role(out, "description");
}

static void put_set(struct buf *out, const struct cmaf_rendition *list, size_t count, size_t leader, unsigned id, bool is_main) {
    const struct cmaf_track *t = &list[leader].index.track;
    bool are_aligned = true, are_independent = true;
    for (size_t i = leader; i < count; i++) {
        if (!is_same_set(t, &list[i].index.track)) continue;
        are_aligned &= is_aligned(&list[leader].index, &list[i].index);
        are_independent &= view_is_independent(&list[i].index);
    }
    const char *kind = t->kind == CMAF_VIDEO ? "video" : "audio";
    buf_printf(out, "    <AdaptationSet id=\"%u\" contentType=\"%s\" mimeType=\"%s/mp4\"", id, kind, kind);
    if (t->language[0]) put_attribute(out, "lang", t->language);
    if (are_aligned) buf_cstr(out, " subsegmentAlignment=\"true\"");
    if (are_independent) buf_cstr(out, " subsegmentStartsWithSAP=\"1\"");
    buf_cstr(out, ">\n");
    if (t->kind == CMAF_VIDEO) put_colour(out, t);
    size_t same = 0;
    for (size_t i = 0; i < leader; i++) same += is_set_leader(list, i) && !strcmp(list[i].index.track.label, t->label);
    put_label(out, t->label, t->kind == CMAF_AUDIO ? same : 0);
    if (t->kind == CMAF_AUDIO) put_audio_roles(out, t->flags);
    put_role(out, is_main ? "main" : "alternate");
    for (size_t i = leader; i < count; i++)
        if (is_same_set(t, &list[i].index.track)) put_representation(out, &list[i]);
    buf_cstr(out, "    </AdaptationSet>\n");
}

/* The track that plays unless somebody chooses: the first one marked, else the first one. */
static size_t main_of(const struct cmaf_rendition *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (list[i].index.track.flags & CMAF_DEFAULT) return i;
    return 0;
}

static unsigned put_sets(struct buf *out, const struct cmaf_rendition *list, size_t count, unsigned id) {
    size_t main = main_of(list, count);
    for (size_t i = 0; i < count; i++)
        if (is_set_leader(list, i)) put_set(out, list, count, i, id++, is_same_set(&list[i].index.track, &list[main].index.track));
    return id;
}

static uint64_t bits_per_second(uint64_t bytes, int64_t ms) {
    uint64_t rate = ms > 0 ? bytes * 8 * 1000 / (uint64_t)ms : 0;
    return rate ? rate : 1;
}

static void put_text(struct buf *out, const struct cmaf_presentation *p, const struct cmaf_text *t, unsigned id) {
    size_t same = 0;
    for (const struct cmaf_text *before = p->texts; before < t; before++) same += !strcmp(before->label, t->label);
    buf_printf(out, "    <AdaptationSet id=\"%u\" contentType=\"text\" mimeType=\"text/vtt\"", id);
    if (t->language[0]) put_attribute(out, "lang", t->language);
    buf_cstr(out, ">\n");
    put_label(out, t->label, same);
    if (t->flags & CMAF_HEARING_IMPAIRED) put_descriptor(out, "Accessibility", "urn:tva:metadata:cs:AudioPurposeCS:2007", "2");
    put_role(out, t->flags & CMAF_FORCED ? "forced-subtitle" : t->flags & CMAF_HEARING_IMPAIRED ? "caption" : "subtitle");
    if (t->flags & CMAF_DEFAULT) put_role(out, "main");
    buf_printf(out, "      <Representation id=\"%s\" bandwidth=\"%llu\">\n        <BaseURL>%s.vtt</BaseURL>\n      </Representation>\n    </AdaptationSet>\n",
               t->name, (unsigned long long)bits_per_second(t->bytes, p->duration_ms), t->name);
}

/* DASH-IF IOP 4.3 section 6.2.6: sprites as tiles. */
static void put_thumbnails(struct buf *out, const struct cmaf_presentation *p, unsigned id) {
    const struct cmaf_thumbnails *t = &p->thumbnails;
    buf_printf(out, "    <AdaptationSet id=\"%u\" contentType=\"image\" mimeType=\"image/jpeg\">\n", id);
    buf_printf(out, "      <SegmentTemplate media=\"thumbs-$Number$.jpg\" timescale=\"1000\" duration=\"%llu\" startNumber=\"0\"/>\n",
               (unsigned long long)t->columns * t->rows * t->interval_ms);
    buf_printf(out, "      <Representation id=\"thumbs\" bandwidth=\"%llu\" width=\"%u\" height=\"%u\">\n",
               (unsigned long long)bits_per_second(t->bytes, p->duration_ms), t->columns * t->width, t->rows * t->height);
    buf_printf(out, "        <EssentialProperty schemeIdUri=\"http://dashif.org/guidelines/thumbnail_tile\" value=\"%ux%u\"/>\n", t->columns, t->rows);
    buf_cstr(out, "      </Representation>\n    </AdaptationSet>\n");
}

void dash_mpd(const struct cmaf_presentation *p, struct buf *out) {
    int64_t ms = p->duration_ms > 0 ? p->duration_ms : 1;
    buf_cstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    buf_printf(out, "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\" type=\"static\""
                    " mediaPresentationDuration=\"PT%lld.%03lldS\" minBufferTime=\"PT2S\">\n  <Period id=\"0\" start=\"PT0S\">\n",
               (long long)(ms / 1000), (long long)(ms % 1000));
    unsigned id = put_sets(out, p->videos, p->video_count, 0);
    id = put_sets(out, p->audios, p->audio_count, id);
    for (size_t i = 0; i < p->text_count; i++) put_text(out, p, &p->texts[i], id++);
    if (p->thumbnails.width) put_thumbnails(out, p, id);
    buf_cstr(out, "  </Period>\n</MPD>\n");
}
