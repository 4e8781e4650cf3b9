/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * BVH (Biovision): a tree of joints with offsets and channels, then a row of channel values per frame. There is no
 * standard; what is written here is what Blender, Maya and MotionBuilder read: rotations in degrees applied in the order of the channels, places in centimetres. */
#include <math.h>
#include <stdio.h>

#include "human/motion/room.h"

enum { DEPTH_MAX = 64, CHANNELS_MAX = MOTION_FIGURE_NODES_MAX * 6 };

/* ---- writing ---- */

static struct mat3 about(int axis, double angle) {
    double c = cos(angle), s = sin(angle);
    switch (axis) {
    case 0: return (struct mat3){{{1, 0, 0}, {0, c, -s}, {0, s, c}}};
    case 1: return (struct mat3){{{c, 0, s}, {0, 1, 0}, {-s, 0, c}}};
    default: return (struct mat3){{{c, -s, 0}, {s, c, 0}, {0, 0, 1}}};
    }
}

/* r = Rz(a[0]) Rx(a[1]) Ry(a[2]); near the poles the rest is about Z. Degrees. */
static void zxy(const struct mat3 *r, double a[3]) {
    double s = fmax(-1, fmin(1, r->m[2][1]));
    a[1] = asin(s) * 180 / M_PI;
    if (fabs(s) > 1 - 1e-12) a[0] = atan2(r->m[1][0], r->m[0][0]) * 180 / M_PI, a[2] = 0;
    else a[0] = atan2(-r->m[0][1], r->m[1][1]) * 180 / M_PI, a[2] = atan2(-r->m[2][0], r->m[2][2]) * 180 / M_PI;
}

static void write_node(struct buf *out, const struct motion_figure *g, size_t node, int depth) {
    int tabs = depth;
    struct vec3 o = g->nodes[node].parent < 0 ? (struct vec3){0} : vec3_scale(g->nodes[node].offset, 100);
    char name[MOTION_NAME_MAX];
    for (size_t i = 0; i < sizeof name; i++) name[i] = g->nodes[node].name[i] == ' ' || g->nodes[node].name[i] == '\t' ? '_' : g->nodes[node].name[i];
    buf_printf(out, "%.*s%s %s\n%.*s{\n", tabs, "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t", depth ? "JOINT" : "ROOT", name, tabs, "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t");
    tabs++;
    buf_printf(out, "%.*sOFFSET %.6f %.6f %.6f\n", tabs, "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t", o.x, o.y, o.z);
    buf_printf(out, "%.*sCHANNELS %s\n", tabs, "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t", depth ? "3 Zrotation Xrotation Yrotation" : "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation");
    bool is_leaf = true;
    for (size_t i = node + 1; i < g->node_count; i++) {
        if (g->nodes[i].parent == (int)node && depth < DEPTH_MAX) write_node(out, g, i, depth + 1), is_leaf = false;
    }
    if (is_leaf) buf_printf(out, "%.*sEnd Site\n%.*s{\n%.*sOFFSET 0 0 0\n%.*s}\n", tabs, "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t", tabs, "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t", tabs + 1,
                            "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t", tabs, "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t");
    buf_printf(out, "%.*s}\n", depth, "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t");
}

/* Values come in the order in which the tree is written. */
static void write_turns(struct buf *out, const struct motion_figure *g, size_t frame, size_t node, int depth) {
    double a[3];
    zxy(&g->rotations[frame * g->node_count + node], a);
    buf_printf(out, " %.6f %.6f %.6f", a[0], a[1], a[2]);
    for (size_t i = node + 1; i < g->node_count; i++) {
        if (g->nodes[i].parent == (int)node && depth < DEPTH_MAX) write_turns(out, g, frame, i, depth + 1);
    }
}

void motion_write_bvh(struct buf *out, const struct motion_figure *g) {
    size_t from = g->frame_count, to = 0;
    for (size_t f = 0; f < g->frame_count; f++) {
        if (!vec3_is_known(g->root[f])) continue;
        if (from == g->frame_count) from = f;
        to = f + 1;
    }
    buf_cstr(out, "HIERARCHY\n");
    write_node(out, g, 0, 0);
    buf_printf(out, "MOTION\nFrames: %zu\nFrame Time: %.9f\n", to > from ? to - from : 0, 1 / g->rate);
    size_t known = from;
    for (size_t f = from; f < to; f++) {
        if (vec3_is_known(g->root[f])) known = f;
        struct vec3 at = vec3_scale(g->root[known], 100);
        buf_printf(out, "%.6f %.6f %.6f", at.x, at.y, at.z);
        write_turns(out, g, known, 0, 0);
        buf_u8(out, '\n');
    }
}

/* ---- reading ---- */

struct words {
    struct slice rest;
    int line;
};

static struct slice next_word(struct words *w) {
    while (w->rest.len && (uint8_t)*w->rest.ptr <= ' ') {
        w->line += *w->rest.ptr == '\n';
        w->rest.ptr++, w->rest.len--;
    }
    size_t n = 0;
    while (n < w->rest.len && (uint8_t)w->rest.ptr[n] > ' ') n++;
    struct slice word = slice_of(w->rest.ptr, n);
    w->rest.ptr += n, w->rest.len -= n;
    return word;
}

static bool next_number(struct words *w, double *out) {
    struct slice word = next_word(w);
    return word.len && motion_cell(word, out) && isfinite(*out);
}

struct channel {
    int16_t node;
    uint8_t axis;
    bool is_place;
};

struct reader {
    struct words w;
    struct motion_node nodes[MOTION_FIGURE_NODES_MAX];
    size_t node_count, channel_count;
    struct channel channels[CHANNELS_MAX];
};

/* Reads the braces behind ROOT name or JOINT name, without recursion: `parents` is the way to the root. */
static const char *read_tree(struct reader *r, double scale) {
    int parents[DEPTH_MAX], depth = 0, current = -1;
    bool in_site = false;
    if (!slice_eq_nocase(next_word(&r->w), SLICE("HIERARCHY"))) return "The first word must be HIERARCHY.";
    for (;;) {
        struct slice word = next_word(&r->w);
        if (!word.len) return "The tree of joints does not end.";
        if (slice_eq_nocase(word, SLICE("ROOT")) || slice_eq_nocase(word, SLICE("JOINT"))) {
            bool is_root = slice_eq_nocase(word, SLICE("ROOT"));
            if (is_root != (current < 0)) return is_root ? "There must be one ROOT." : "A JOINT stands outside the ROOT.";
            if (r->node_count == MOTION_FIGURE_NODES_MAX) return "There are more joints than are accepted (256).";
            if (in_site) return "A joint stands in an End Site.";
            motion_name(r->nodes[r->node_count].name, next_word(&r->w));
            r->nodes[r->node_count].parent = current;
            if (!slice_eq(next_word(&r->w), SLICE("{"))) return "A brace { is missing behind the name of a joint (names must not have blanks).";
            if (depth == DEPTH_MAX) return "The joints are nested too deep.";
            parents[depth++] = current;
            current = (int)r->node_count++;
        } else if (slice_eq_nocase(word, SLICE("End"))) {
            if (current < 0 || in_site || !slice_eq_nocase(next_word(&r->w), SLICE("Site")) || !slice_eq(next_word(&r->w), SLICE("{"))) return "An End Site is malformed.";
            in_site = true;
        } else if (slice_eq_nocase(word, SLICE("OFFSET"))) {
            struct vec3 at;
            if (current < 0 || !next_number(&r->w, &at.x) || !next_number(&r->w, &at.y) || !next_number(&r->w, &at.z)) return "An OFFSET needs three numbers.";
            if (!in_site) r->nodes[current].offset = vec3_scale(at, scale);
        } else if (slice_eq_nocase(word, SLICE("CHANNELS"))) {
            double count;
            if (current < 0 || in_site || !next_number(&r->w, &count) || !(count >= 0 && count <= 6)) return "CHANNELS needs a number up to six.";
            for (int i = 0; i < (int)count; i++) {
                struct slice name = next_word(&r->w);
                int axis = name.len ? (*name.ptr | 32) - 'x' : -1;
                bool is_place = slice_eq_nocase(slice_sub(name, 1, name.len), SLICE("position"));
                if (axis < 0 || axis > 2 || (!is_place && !slice_eq_nocase(slice_sub(name, 1, name.len), SLICE("rotation")))) return "A channel must be Xposition, Xrotation and so on.";
                if (r->channel_count == CHANNELS_MAX) return "There are too many channels.";
                r->channels[r->channel_count++] = (struct channel){(int16_t)current, (uint8_t)axis, is_place};
            }
        } else if (slice_eq(word, SLICE("}"))) {
            if (in_site) in_site = false;
            else {
                if (current < 0) return "There is a brace } too many.";
                current = parents[--depth];
                if (current < 0) return NULL;
            }
        } else return "Something stands in the tree that belongs to no joint.";
    }
}

static const char *read_rows(struct reader *r, struct motion_figure *g, double scale) {
    struct vec3 *places = g->root;
    for (size_t f = 0; f < g->frame_count; f++) {
        for (size_t i = 0; i < g->node_count; i++) g->rotations[f * g->node_count + i] = MAT3_IDENTITY;
        places[f] = g->nodes[0].offset;
        bool has_place = false;
        for (size_t c = 0; c < r->channel_count; c++) {
            const struct channel *ch = &r->channels[c];
            double x;
            if (!next_number(&r->w, &x)) return "A row has too few numbers.";
            if (!ch->is_place) {
                struct mat3 *mine = &g->rotations[f * g->node_count + (size_t)ch->node], by = about(ch->axis, x * M_PI / 180);
                *mine = mat3_multiply(mine, &by);
            } else if (ch->node == 0) {
                if (!has_place) places[f] = (struct vec3){0}, has_place = true;
                (&places[f].x)[ch->axis] = x * scale;
            } else if (f == 0) (&g->nodes[ch->node].offset.x)[ch->axis] = x * scale; /* replaces the OFFSET */
            else if (fabs((&g->nodes[ch->node].offset.x)[ch->axis] - x * scale) > 0.001) return "The bones change their lengths: joints are moved against each other.";
        }
    }
    return NULL;
}

struct err motion_parse_bvh(struct arena *mem, struct slice text, double scale, struct motion_figure *out, struct motion_note *note) {
    struct motion_note unused;
    if (!note) note = &unused;
    *note = (struct motion_note){0};
    struct reader *r = arena_alloc(mem, sizeof *r);
    if (!r) return err_memory();
    r->w = (struct words){text, 1};
    double frames, seconds;
    const char *wrong = read_tree(r, scale);
    if (wrong) return motion_bad(note, r->w.line, wrong);
    if (!slice_eq_nocase(next_word(&r->w), SLICE("MOTION"))) return motion_bad(note, r->w.line, "MOTION must follow the tree.");
    if (!slice_eq_nocase(next_word(&r->w), SLICE("Frames:")) || !next_number(&r->w, &frames) || !(frames >= 0 && frames <= MOTION_FRAMES_MAX)) return motion_bad(note, r->w.line, "Frames: needs a number.");
    if (!slice_eq_nocase(next_word(&r->w), SLICE("Frame")) || !slice_eq_nocase(next_word(&r->w), SLICE("Time:")) || !next_number(&r->w, &seconds) || !(seconds > 1e-6 && seconds < 1e6)) {
        return motion_bad(note, r->w.line, "Frame Time: needs a number of seconds.");
    }
    /* each value takes two bytes: a file cannot promise more rows than it has */
    size_t per_row = r->channel_count ? r->channel_count : 1;
    if (frames * (double)per_row * 2 > (double)r->w.rest.len + 2) return motion_bad(note, r->w.line, "The file ends before its last frame.");
    struct motion_figure g;
    double rate = 1 / seconds;
    if (fabs(rate - round(rate)) < 2e-4 * rate) rate = round(rate); /* 0.016667 is a sixtieth */
    struct err e = motion_figure_create(mem, (size_t)frames, r->node_count, rate, &g);
    if (e.kind) return e;
    memcpy(g.nodes, r->nodes, r->node_count * sizeof *g.nodes);
    if ((wrong = read_rows(r, &g, scale))) return motion_bad(note, r->w.line, wrong);
    g.nodes[0].offset = (struct vec3){0};
    *out = g;
    return ERR_OK;
}
