/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Binary glTF 2.0 (ISO/IEC 12113:2022): a head of 12 bytes, a chunk of JSON, a chunk of bytes that its accessors point into. */
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"
#include "human/motion/room.h"

enum { FLOATS = 5126, SHORTS = 5123, VERTICES = 34962, INDICES = 34963, STICK_VERTICES = 24, ACCESSORS_MAX = MOTION_FIGURE_NODES_MAX + 16 };

/* ---- quaternions (x, y, z, w) ---- */

static void quaternion_of(const struct mat3 *r, double q[4]) {
    struct vec3 v = rotation_to_vector(r);
    double angle = vec3_norm(v), s = angle > 1e-12 ? sin(angle / 2) / angle : 0.5;
    q[0] = v.x * s, q[1] = v.y * s, q[2] = v.z * s, q[3] = cos(angle / 2);
}

static struct mat3 matrix_of(const double p[4]) {
    double n = sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2] + p[3] * p[3]);
    if (!(n > 1e-12)) return MAT3_IDENTITY;
    double x = p[0] / n, y = p[1] / n, z = p[2] / n, w = p[3] / n;
    return (struct mat3){{{1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)},
                          {2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)},
                          {2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)}}};
}

/* ---- writing ---- */

static void le32(struct buf *out, uint32_t x) {
    for (int i = 0; i < 4; i++) buf_u8(out, (uint8_t)(x >> 8 * i));
}
static void le_float(struct buf *out, double x) {
    float y = (float)x;
    uint32_t bits;
    memcpy(&bits, &y, sizeof bits);
    le32(out, bits);
}

struct accessor {
    size_t offset, bytes, count;
    int components, type, target;
    double least[3], most[3];
    bool has_bounds;
};

struct writer {
    struct buf bin;
    struct accessor accessors[ACCESSORS_MAX];
    size_t count;
};

static struct accessor *begin_accessor(struct writer *w, int components, int type) {
    struct accessor *a = &w->accessors[w->count++];
    *a = (struct accessor){.offset = w->bin.len, .components = components, .type = type, .least = {INFINITY, INFINITY, INFINITY}, .most = {-INFINITY, -INFINITY, -INFINITY}};
    return a;
}
static void put_floats(struct writer *w, struct accessor *a, const double *x) {
    for (int i = 0; i < a->components; i++) {
        double stored = (double)(float)x[i];
        le_float(&w->bin, x[i]);
        if (i < 3) a->least[i] = fmin(a->least[i], stored), a->most[i] = fmax(a->most[i], stored);
    }
    a->count++;
}
static void end_accessor(struct writer *w, struct accessor *a) {
    a->bytes = w->bin.len - a->offset;
    while (w->bin.len % 4 && !w->bin.has_failed) buf_u8(&w->bin, 0);
}

/* A long octahedron from the origin to (0, 1, 0), widest at a fifth of the way: what animators know as a bone. Flat faces, so each has its own three corners. */
static void stick(struct writer *w) {
    static const double corner[6][3] = {{0, 0, 0}, {1, 0.2, 0}, {0, 0.2, 1}, {-1, 0.2, 0}, {0, 0.2, -1}, {0, 1, 0}};
    static const uint8_t face[8][3] = {{0, 1, 2}, {0, 2, 3}, {0, 3, 4}, {0, 4, 1}, {5, 2, 1}, {5, 3, 2}, {5, 4, 3}, {5, 1, 4}};
    for (int kind = 0; kind < 2; kind++) {
        struct accessor *a = begin_accessor(w, 3, FLOATS);
        a->target = VERTICES, a->has_bounds = !kind;
        for (int f = 0; f < 8; f++) {
            const double *p = corner[face[f][0]], *q = corner[face[f][1]], *r = corner[face[f][2]];
            struct vec3 normal = vec3_unit(vec3_cross(vec3_of(q[0] - p[0], q[1] - p[1], q[2] - p[2]), vec3_of(r[0] - p[0], r[1] - p[1], r[2] - p[2])));
            for (int i = 0; i < 3; i++) put_floats(w, a, kind ? &normal.x : corner[face[f][i]]);
        }
        end_accessor(w, a);
    }
    struct accessor *a = begin_accessor(w, 1, SHORTS);
    a->target = INDICES, a->count = STICK_VERTICES;
    for (unsigned i = 0; i < STICK_VERTICES; i++) buf_u8(&w->bin, (uint8_t)i), buf_u8(&w->bin, 0);
    end_accessor(w, a);
}

static void put_list(struct json_writer *j, const char *name, const double *x, int count) {
    json_key(j, name);
    json_begin_array(j);
    for (int i = 0; i < count; i++) json_add_double(j, x[i]);
    json_end(j);
}

/* A stick of this length along `to`. */
static void put_stick_pose(struct json_writer *j, struct vec3 to) {
    double length = vec3_norm(to), wide = fmin(0.035, 0.12 * length), scale[3] = {wide, length, wide}, q[4];
    struct vec3 y = vec3_unit(to), other = fabs(y.x) < 0.9 ? vec3_of(1, 0, 0) : vec3_of(0, 0, 1), z = vec3_unit(vec3_cross(other, y)), x = vec3_cross(y, z);
    struct mat3 r = {{{x.x, y.x, z.x}, {x.y, y.y, z.y}, {x.z, y.z, z.z}}};
    quaternion_of(&r, q);
    put_list(j, "rotation", q, 4), put_list(j, "scale", scale, 3);
}

static void put_channel(struct json_writer *j, size_t sampler, size_t node, const char *path) {
    json_begin_object(j);
    json_put_number(j, "sampler", (int64_t)sampler);
    json_key(j, "target");
    json_begin_object(j);
    json_put_number(j, "node", (int64_t)node), json_put_cstr(j, "path", path);
    json_end(j);
    json_end(j);
}
static void put_sampler(struct json_writer *j, size_t input, size_t output, const char *how) {
    json_begin_object(j);
    json_put_number(j, "input", (int64_t)input), json_put_number(j, "output", (int64_t)output), json_put_cstr(j, "interpolation", how);
    json_end(j);
}

void motion_write_glb(struct buf *out, const struct motion_figure *g) {
    struct writer *w = mem_zalloc(sizeof *w);
    if (!w) {
        out->has_failed = true;
        return;
    }
    w->bin = BUF(out->bytes_max);
    stick(w);
    size_t known = 0, changes = 0;
    for (size_t f = 0; f < g->frame_count; f++) {
        bool is_known = vec3_is_known(g->root[f]);
        known += is_known, changes += f == 0 || is_known != vec3_is_known(g->root[f - 1]);
    }
    /* Inputs: the known frames; the changes between known and unknown. Outputs: place of the root; turns of all; scale of the root. */
    size_t times = w->count, places = 0, turns = 0, change_times = 0, scales = 0;
    bool has_gaps = known < g->frame_count;
    if (known) {
        struct accessor *a = begin_accessor(w, 1, FLOATS);
        a->has_bounds = true;
        for (size_t f = 0; f < g->frame_count; f++) {
            double t = (double)f / g->rate;
            if (vec3_is_known(g->root[f])) put_floats(w, a, &t);
        }
        end_accessor(w, a);
        places = w->count, a = begin_accessor(w, 3, FLOATS);
        for (size_t f = 0; f < g->frame_count; f++) {
            if (vec3_is_known(g->root[f])) put_floats(w, a, &g->root[f].x);
        }
        end_accessor(w, a);
        turns = w->count;
        for (size_t i = 0; i < g->node_count; i++) {
            double last[4] = {0, 0, 0, 1}, q[4];
            a = begin_accessor(w, 4, FLOATS);
            for (size_t f = 0; f < g->frame_count; f++) {
                if (!vec3_is_known(g->root[f])) continue;
                quaternion_of(&g->rotations[f * g->node_count + i], q);
                double sign = q[0] * last[0] + q[1] * last[1] + q[2] * last[2] + q[3] * last[3] < 0 ? -1 : 1; /* the shorter way from the frame before */
                for (int k = 0; k < 4; k++) last[k] = q[k] *= sign;
                put_floats(w, a, q);
            }
            end_accessor(w, a);
        }
    }
    if (known && has_gaps) {
        change_times = w->count;
        struct accessor *a = begin_accessor(w, 1, FLOATS);
        a->has_bounds = true;
        for (size_t f = 0; f < g->frame_count; f++) {
            double t = (double)f / g->rate;
            if (f == 0 || vec3_is_known(g->root[f]) != vec3_is_known(g->root[f - 1])) put_floats(w, a, &t);
        }
        end_accessor(w, a);
        scales = w->count, a = begin_accessor(w, 3, FLOATS);
        for (size_t f = 0; f < g->frame_count; f++) {
            double one = vec3_is_known(g->root[f]) ? 1 : 0, scale[3] = {one, one, one};
            if (f == 0 || vec3_is_known(g->root[f]) != vec3_is_known(g->root[f - 1])) put_floats(w, a, scale);
        }
        end_accessor(w, a);
    }
    struct buf text = BUF(16 << 20);
    struct json_writer j = json_writer_of(&text);
    json_begin_object(&j);
    json_key(&j, "asset");
    json_begin_object(&j);
    json_put_cstr(&j, "version", "2.0"), json_put_cstr(&j, "generator", "Grandstand");
    json_key(&j, "extras");
    json_begin_object(&j);
    json_put_double(&j, "rate", g->rate), json_put_number(&j, "frame_first", g->frame_first), json_put_number(&j, "frames", (int64_t)g->frame_count), json_put_cstr(&j, "name", g->name);
    json_end(&j);
    json_end(&j);
    json_put_number(&j, "scene", 0);
    json_key(&j, "scenes");
    json_begin_array(&j);
    json_begin_object(&j);
    json_key(&j, "nodes");
    json_begin_array(&j), json_add_number(&j, 0), json_end(&j);
    json_end(&j);
    json_end(&j);
    /* Node i of the figure is node i; behind them one stick for each that has a parent. */
    json_key(&j, "nodes");
    json_begin_array(&j);
    for (size_t i = 0; i < g->node_count; i++) {
        json_begin_object(&j);
        json_put_cstr(&j, "name", g->nodes[i].name);
        if (g->nodes[i].parent >= 0) put_list(&j, "translation", &g->nodes[i].offset.x, 3);
        size_t children = 0, sticks = 0;
        for (size_t k = i + 1; k < g->node_count; k++) children += g->nodes[k].parent == (int)i;
        if (children) {
            json_key(&j, "children");
            json_begin_array(&j);
            for (size_t k = 1; k < g->node_count; k++) {
                bool has_stick = g->nodes[k].parent >= 0 && vec3_norm(g->nodes[k].offset) > 1e-6;
                if (g->nodes[k].parent == (int)i) {
                    json_add_number(&j, (int64_t)k);
                    if (has_stick) json_add_number(&j, (int64_t)(g->node_count + sticks));
                }
                sticks += has_stick;
            }
            json_end(&j);
        }
        json_end(&j);
    }
    size_t stick_count = 0;
    for (size_t i = 1; i < g->node_count; i++) {
        if (g->nodes[i].parent < 0 || !(vec3_norm(g->nodes[i].offset) > 1e-6)) continue;
        json_begin_object(&j);
        json_put_number(&j, "mesh", 0);
        put_stick_pose(&j, g->nodes[i].offset);
        json_end(&j);
        stick_count++;
    }
    json_end(&j);
    if (stick_count) {
        static const char mesh[] = "\"meshes\":[{\"name\":\"stick\",\"primitives\":[{\"attributes\":{\"POSITION\":0,\"NORMAL\":1},\"indices\":2,\"material\":0}]}],"
                                   "\"materials\":[{\"name\":\"bone\",\"pbrMetallicRoughness\":{\"baseColorFactor\":[0.9,0.55,0.2,1],\"metallicFactor\":0,\"roughnessFactor\":0.7}}]";
        buf_u8(&text, ','), buf_cstr(&text, mesh);
    }
    if (known) {
        json_key(&j, "animations");
        json_begin_array(&j);
        json_begin_object(&j);
        json_put_cstr(&j, "name", "motion");
        json_key(&j, "samplers");
        json_begin_array(&j);
        put_sampler(&j, times, places, "LINEAR");
        for (size_t i = 0; i < g->node_count; i++) put_sampler(&j, times, turns + i, "LINEAR");
        if (has_gaps) put_sampler(&j, change_times, scales, "STEP");
        json_end(&j);
        json_key(&j, "channels");
        json_begin_array(&j);
        put_channel(&j, 0, 0, "translation");
        for (size_t i = 0; i < g->node_count; i++) put_channel(&j, 1 + i, i, "rotation");
        if (has_gaps) put_channel(&j, 1 + g->node_count, 0, "scale");
        json_end(&j);
        json_end(&j);
        json_end(&j);
    }
    json_key(&j, "accessors");
    json_begin_array(&j);
    for (size_t i = 0; i < w->count; i++) {
        const struct accessor *a = &w->accessors[i];
        static const char *const types[] = {"", "SCALAR", "", "VEC3", "VEC4"};
        json_begin_object(&j);
        json_put_number(&j, "bufferView", (int64_t)i), json_put_number(&j, "componentType", a->type), json_put_number(&j, "count", (int64_t)a->count);
        json_put_cstr(&j, "type", types[a->components]);
        if (a->has_bounds) put_list(&j, "min", a->least, a->components), put_list(&j, "max", a->most, a->components);
        json_end(&j);
    }
    json_end(&j);
    json_key(&j, "bufferViews");
    json_begin_array(&j);
    for (size_t i = 0; i < w->count; i++) {
        const struct accessor *a = &w->accessors[i];
        json_begin_object(&j);
        json_put_number(&j, "buffer", 0), json_put_number(&j, "byteOffset", (int64_t)a->offset), json_put_number(&j, "byteLength", (int64_t)a->bytes);
        if (a->target) json_put_number(&j, "target", a->target);
        json_end(&j);
    }
    json_end(&j);
    json_key(&j, "buffers");
    json_begin_array(&j);
    json_begin_object(&j);
    json_put_number(&j, "byteLength", (int64_t)w->bin.len);
    json_end(&j);
    json_end(&j);
    json_end(&j);
    while (text.len % 4 && !text.has_failed) buf_u8(&text, ' ');
    if (text.has_failed || w->bin.has_failed) out->has_failed = true;
    buf_cstr(out, "glTF");
    le32(out, 2), le32(out, (uint32_t)(12 + 8 + text.len + 8 + w->bin.len));
    le32(out, (uint32_t)text.len), buf_cstr(out, "JSON"), buf_append(out, buf_slice(&text));
    le32(out, (uint32_t)w->bin.len), buf_bytes(out, "BIN", 4), buf_append(out, buf_slice(&w->bin));
    buf_free(&text), buf_free(&w->bin);
    mem_free(w);
}

/* ---- reading ---- */

struct model {
    const json_t *root;
    struct slice bin;
};

static const json_t *item(const json_t *root, const char *list, int64_t index) {
    const json_t *array = json_object_get(root, list);
    return index >= 0 && (uint64_t)index < json_array_size(array) ? json_array_get(array, (size_t)index) : NULL;
}

static int64_t integer(const json_t *o, const char *name, int64_t otherwise) {
    int64_t x;
    return json_get_integer(o, name, &x) ? x : otherwise;
}

/* Where an accessor's numbers lie; floats alone. */
struct view {
    const uint8_t *at;
    size_t count, stride;
};
static bool open_accessor(const struct model *m, int64_t index, int components, struct view *out) {
    static const char *const types[] = {"", "SCALAR", "", "VEC3", "VEC4"};
    const json_t *a = item(m->root, "accessors", index), *v = a ? item(m->root, "bufferViews", integer(a, "bufferView", -1)) : NULL;
    if (!v || integer(a, "componentType", 0) != FLOATS || json_object_get(a, "sparse") || integer(v, "buffer", 0) != 0) return false;
    if (!slice_eq(json_get_string(a, "type"), slice_cstr(types[components]))) return false;
    int64_t from = integer(v, "byteOffset", 0), length = integer(v, "byteLength", -1), inner = integer(a, "byteOffset", 0), count = integer(a, "count", -1), stride = integer(v, "byteStride", 4 * components);
    if (from < 0 || length < 0 || inner < 0 || count < 0 || stride < 4 * components || stride > 252) return false;
    if ((uint64_t)from > m->bin.len || (uint64_t)length > m->bin.len - (uint64_t)from || inner > length) return false;
    if (count > 0 && (count > MOTION_FRAMES_MAX || (count - 1) * stride + 4 * components > length - inner)) return false;
    *out = (struct view){(const uint8_t *)m->bin.ptr + from + inner, (size_t)count, (size_t)stride};
    return true;
}
static void element(const struct view *v, size_t i, int components, double *out) {
    for (int k = 0; k < components; k++) {
        float x;
        memcpy(&x, v->at + i * v->stride + 4 * (size_t)k, sizeof x);
        out[k] = (double)x;
    }
}

static bool numbers(const json_t *o, const char *name, size_t count, double *out) {
    const json_t *a = json_object_get(o, name);
    if (!a) return true;
    if (json_array_size(a) != count) return false;
    for (size_t i = 0; i < count; i++) {
        out[i] = json_number_value(json_array_get(a, i));
        if (!isfinite(out[i])) return false;
    }
    return true;
}

/* Value of a sampler at a time: the neighbours mixed, or the one before. `quaternion` turns the shorter way. */
static void sample(const struct view *input, const struct view *output, bool is_step, int components, double t, size_t *hint, double *out) {
    size_t n = input->count;
    double t0, t1 = 0;
    while (*hint + 1 < n) {
        element(input, *hint + 1, 1, &t1);
        if (t1 > t + 1e-7) break;
        ++*hint;
    }
    element(output, *hint, components, out);
    element(input, *hint, 1, &t0);
    if (is_step || *hint + 1 >= n || !(t > t0) || !(t1 > t0)) return;
    double next[4], share = (t - t0) / (t1 - t0), sign = 1;
    element(output, *hint + 1, components, next);
    if (components == 4) sign = out[0] * next[0] + out[1] * next[1] + out[2] * next[2] + out[3] * next[3] < 0 ? -1 : 1;
    for (int k = 0; k < components; k++) out[k] += share * (sign * next[k] - out[k]);
}

struct reader {
    struct model m;
    int64_t figure_of[MOTION_FIGURE_NODES_MAX * 4]; /* glTF node -> figure node, -1 */
    int64_t node_of[MOTION_FIGURE_NODES_MAX];
    int parent[MOTION_FIGURE_NODES_MAX];
    size_t count;
};

/* The nodes of the scene, parents first; those that are nothing but a mesh are left out. Its bound is the number of nodes. */
static const char *walk(struct reader *r) {
    size_t nodes = json_array_size(json_object_get(r->m.root, "nodes"));
    if (!nodes || nodes > ARRAY_LEN(r->figure_of)) return "There are no nodes, or more than are accepted (1024).";
    for (size_t i = 0; i < nodes; i++) r->figure_of[i] = -1;
    const json_t *scene = item(r->m.root, "scenes", integer(r->m.root, "scene", 0)), *roots = json_object_get(scene, "nodes");
    if (json_array_size(roots) != 1) return "The scene must have one root node.";
    r->node_of[0] = json_integer_value(json_array_get(roots, 0)), r->parent[0] = -1, r->count = 1;
    if (!item(r->m.root, "nodes", r->node_of[0])) return "A node is missing.";
    r->figure_of[r->node_of[0]] = 0;
    for (size_t i = 0; i < r->count; i++) {
        const json_t *children = json_object_get(item(r->m.root, "nodes", r->node_of[i]), "children");
        for (size_t k = 0; k < json_array_size(children); k++) {
            int64_t child = json_integer_value(json_array_get(children, k));
            const json_t *node = item(r->m.root, "nodes", child);
            if (!node || r->figure_of[child] >= 0) return "A node is missing, or has two parents.";
            if (json_object_get(node, "mesh") && !json_object_get(node, "children")) continue;
            if (r->count == MOTION_FIGURE_NODES_MAX) return "There are more joints than are accepted (256).";
            if (json_object_get(node, "matrix") || json_object_get(node, "scale")) return "A node has a matrix or a scale: joints must only turn.";
            r->node_of[r->count] = child, r->parent[r->count] = (int)i, r->figure_of[child] = (int64_t)r->count;
            r->count++;
        }
    }
    return NULL;
}

static const char *read_model(struct arena *mem, struct reader *r, struct motion_figure *out, struct err *e) {
    const json_t *root = r->m.root, *extras = json_object_get(json_object_get(root, "asset"), "extras");
    const char *wrong = walk(r);
    if (wrong) return wrong;
    const json_t *animation = item(root, "animations", 0), *channels = json_object_get(animation, "channels");
    double rate = json_number_value(json_object_get(extras, "rate")), last = 0, least = INFINITY;
    /* The times of all channels say how long it is, and the smallest step between two of them how often. */
    for (size_t c = 0; c < json_array_size(channels); c++) {
        const json_t *sampler = json_array_get(json_object_get(animation, "samplers"), (size_t)integer(json_array_get(channels, c), "sampler", 1 << 30));
        struct view input;
        double before = NAN, t;
        if (!sampler || !open_accessor(&r->m, integer(sampler, "input", -1), 1, &input) || !input.count) return "The times of the animation cannot be read (they must be floats in the file's own buffer).";
        for (size_t i = 0; i < input.count; i++, before = t) {
            element(&input, i, 1, &t);
            if (!(t >= 0 && t < 1e6) || (i && !(t > before))) return "The times of the animation do not rise.";
            if (i) least = fmin(least, t - before);
        }
        last = fmax(last, before);
    }
    if (!(rate > 0 && rate < 1e5)) rate = isfinite(least) ? 1 / least : 30;
    if (fabs(rate - round(rate)) < 1e-3 * rate) rate = round(rate);
    double frames = floor(last * rate + 1.5), said = (double)integer(extras, "frames", 0);
    if (said >= 0 && said < frames + rate * 86400 && said > frames) frames = said; /* the end may be unknown, and so without a time */
    if (!json_array_size(channels) && !(said > 0)) frames = 1;
    size_t values = r->m.bin.len / 4 + 100000;
    if (!(frames >= 1 && frames <= MOTION_FRAMES_MAX) || frames > (double)values) return "The animation has more frames than are accepted.";
    struct motion_figure g;
    *e = motion_figure_create(mem, (size_t)frames, r->count, rate, &g);
    if (e->kind) return NULL;
    g.frame_first = integer(extras, "frame_first", 0);
    motion_name(g.name, json_get_string(extras, "name"));
    struct vec3 start = {0};
    for (size_t i = 0; i < r->count; i++) {
        const json_t *node = item(root, "nodes", r->node_of[i]);
        double at[3] = {0, 0, 0}, q[4] = {0, 0, 0, 1};
        if (!numbers(node, "translation", 3, at) || !numbers(node, "rotation", 4, q)) return "The place or turn of a node is malformed.";
        struct slice name = json_get_string(node, "name");
        g.nodes[i].parent = r->parent[i], g.nodes[i].offset = vec3_of(at[0], at[1], at[2]);
        if (name.len) motion_name(g.nodes[i].name, name);
        else snprintf(g.nodes[i].name, MOTION_NAME_MAX, "node-%zu", i + 1);
        if (i == 0) start = g.nodes[0].offset, g.nodes[0].offset = (struct vec3){0};
        struct mat3 turn = matrix_of(q);
        for (size_t f = 0; f < g.frame_count; f++) g.rotations[f * g.node_count + i] = turn;
    }
    for (size_t f = 0; f < g.frame_count; f++) g.root[f] = said > 0 && !json_array_size(channels) ? VEC3_UNKNOWN : start;
    for (int pass = 0; pass < 2; pass++) { /* scales last: they say what is unknown */
        for (size_t c = 0; c < json_array_size(channels); c++) {
            const json_t *channel = json_array_get(channels, c), *target = json_object_get(channel, "target");
            const json_t *sampler = json_array_get(json_object_get(animation, "samplers"), (size_t)integer(channel, "sampler", 1 << 30));
            int64_t node = integer(target, "node", -1);
            struct slice path = json_get_string(target, "path"), how = json_get_string(sampler, "interpolation");
            if (node < 0 || (uint64_t)node >= json_array_size(json_object_get(root, "nodes")) || r->figure_of[node] < 0) continue;
            size_t i = (size_t)r->figure_of[node], hint = 0;
            bool is_turn = slice_eq(path, SLICE("rotation")), is_scale = slice_eq(path, SLICE("scale")), is_place = slice_eq(path, SLICE("translation"));
            if (is_scale != (pass == 1) || (!is_turn && !is_scale && !is_place)) continue;
            if (slice_eq(how, SLICE("CUBICSPLINE"))) return "Cubic animations are not read here.";
            if ((is_place || is_scale) && i != 0) return "A joint other than the root is moved or scaled.";
            struct view input, output;
            if (!open_accessor(&r->m, integer(sampler, "input", -1), 1, &input) || !open_accessor(&r->m, integer(sampler, "output", -1), is_turn ? 4 : 3, &output) || !input.count ||
                output.count < input.count) return "The values of the animation cannot be read (they must be floats in the file's own buffer).";
            for (size_t f = 0; f < g.frame_count; f++) {
                double x[4];
                sample(&input, &output, slice_eq(how, SLICE("STEP")), is_turn ? 4 : 3, (double)f / rate, &hint, x);
                if (is_turn) g.rotations[f * g.node_count + i] = matrix_of(x);
                else if (is_place) g.root[f] = vec3_of(x[0], x[1], x[2]);
                else if (!(x[0] > 0.5)) g.root[f] = VEC3_UNKNOWN;
            }
        }
    }
    for (size_t i = 0; i < g.frame_count * g.node_count; i++) {
        if (!isfinite(g.rotations[i].m[0][0] + g.rotations[i].m[1][1] + g.rotations[i].m[2][2])) return "A turn is not a number.";
    }
    *out = g;
    return NULL;
}

static uint32_t word(struct slice s, size_t at) {
    const uint8_t *b = (const uint8_t *)s.ptr + at;
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

struct err motion_parse_glb(struct arena *mem, struct slice bytes, struct motion_figure *out, struct motion_note *note) {
    struct motion_note unused;
    if (!note) note = &unused;
    *note = (struct motion_note){0};
    if (bytes.len < 20 || !slice_starts_with(bytes, SLICE("glTF")) || word(bytes, 4) != 2 || word(bytes, 8) > bytes.len) return motion_bad(note, 0, "The head is not that of a binary glTF 2.0, or the file is cut off.");
    size_t length = word(bytes, 12);
    if (word(bytes, 16) != 0x4E4F534A || length > bytes.len - 20) return motion_bad(note, 0, "The first chunk is not the JSON one, or is cut off.");
    struct reader *r = arena_alloc(mem, sizeof *r);
    if (!r) return err_memory();
    size_t rest = 20 + length;
    if (bytes.len - rest >= 8 && word(bytes, rest + 4) == 0x004E4942 && word(bytes, rest) <= bytes.len - rest - 8) r->m.bin = slice_of(bytes.ptr + rest + 8, word(bytes, rest));
    json_t *root;
    struct err e = json_parse(slice_trim(slice_of(bytes.ptr + 20, length)), 64 << 20, &root);
    if (e.kind) {
        snprintf(note->text, sizeof note->text, "%s", e.what);
        return e;
    }
    r->m.root = root;
    const char *wrong = read_model(mem, r, out, &e);
    json_decref(root);
    return wrong ? motion_bad(note, 0, wrong) : e;
}
