/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/motion/motion.h"

struct err motion_table_create(struct arena *mem, size_t rows, size_t columns, struct motion_table *out) {
    if (rows > MOTION_FRAMES_MAX || columns > MOTION_POINTS_MAX * 3) return err_make(ERR_LIMIT, "motion.large", "The motion has more frames or points than are accepted.");
    struct motion_table t = {.row_count = rows, .column_count = columns};
    t.column_names = arena_alloc_array(mem, columns ? columns : 1, sizeof *t.column_names);
    t.time = arena_alloc_array(mem, rows ? rows : 1, sizeof *t.time);
    t.cells = arena_alloc_array(mem, rows && columns ? rows * columns : 1, sizeof *t.cells);
    if (!t.column_names || !t.time || !t.cells) return err_memory();
    for (size_t i = 0; i < rows * columns; i++) t.cells[i] = NAN;
    *out = t;
    return ERR_OK;
}

int motion_table_find(const struct motion_table *t, struct slice name) {
    for (size_t i = 0; i < t->column_count; i++) {
        if (slice_eq_nocase(slice_cstr(t->column_names[i]), name)) return (int)i;
    }
    return -1;
}

struct err motion_figure_create(struct arena *mem, size_t frames, size_t nodes, double rate, struct motion_figure *out) {
    if (frames > MOTION_FRAMES_MAX || nodes > MOTION_FIGURE_NODES_MAX || !nodes) return err_make(ERR_LIMIT, "motion.large", "The figure has no node, or more nodes or frames than are accepted.");
    struct motion_figure g = {.rate = rate, .frame_count = frames, .node_count = nodes};
    g.nodes = arena_alloc_array(mem, nodes, sizeof *g.nodes);
    g.root = arena_alloc_array(mem, frames ? frames : 1, sizeof *g.root);
    g.rotations = arena_alloc_array(mem, frames ? frames * nodes : 1, sizeof *g.rotations);
    if (!g.nodes || !g.root || !g.rotations) return err_memory();
    for (size_t f = 0; f < frames; f++) g.root[f] = VEC3_UNKNOWN;
    for (size_t i = 0; i < frames * nodes; i++) g.rotations[i] = MAT3_IDENTITY;
    *out = g;
    return ERR_OK;
}

struct err motion_of_figure(struct arena *mem, const struct motion_figure *g, struct motion *out) {
    struct motion m;
    struct err e = motion_create(mem, g->frame_count, g->node_count, g->rate, &m);
    if (e.kind) return e;
    m.frame_first = g->frame_first;
    memcpy(m.name, g->name, sizeof m.name);
    for (size_t i = 0; i < g->node_count; i++) memcpy(m.point_names[i], g->nodes[i].name, MOTION_NAME_MAX);
    for (size_t f = 0; f < g->frame_count; f++) {
        struct mat3 world[MOTION_FIGURE_NODES_MAX];
        if (!vec3_is_known(g->root[f])) continue;
        for (size_t i = 0; i < g->node_count; i++) {
            const struct mat3 *mine = &g->rotations[f * g->node_count + i];
            int parent = g->nodes[i].parent;
            if (parent < 0) world[i] = *mine, *motion_at(&m, f, i) = g->root[f];
            else {
                world[i] = mat3_multiply(&world[parent], mine);
                *motion_at(&m, f, i) = vec3_add(*motion_at(&m, f, (size_t)parent), mat3_apply(&world[parent], g->nodes[i].offset));
            }
        }
    }
    *out = m;
    return ERR_OK;
}
