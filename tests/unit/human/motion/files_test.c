/* SPDX-License-Identifier: AGPL-3.0-or-later
 * C3D, MOT, STO, BVH, glTF, CSV and JSON: there and back, what others write, and what nobody should. */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/rng.h"
#include "human/motion/motion.h"

static struct motion scattered(struct arena *mem, size_t frames, size_t points, int64_t first) {
    struct rng r = rng_seeded(frames + points);
    struct motion m;
    assert_int_equal(motion_create(mem, frames, points, 59.94, &m).kind, ERR_NONE);
    m.frame_first = first;
    for (size_t k = 0; k < points; k++) snprintf(m.point_names[k], MOTION_NAME_MAX, "Point%zu", k + 1);
    for (size_t i = 0; i < frames * points; i++) {
        if (rng_unit(&r) < 0.9) m.at[i] = vec3_of(10 * rng_normal(&r), rng_normal(&r), 1e-3 * rng_normal(&r));
    }
    return m;
}

static void same(const struct motion *a, const struct motion *b, double tolerance) {
    assert_int_equal(a->frame_count, b->frame_count), assert_int_equal(a->point_count, b->point_count);
    assert_true(fabs(a->rate - b->rate) < 1e-5 * a->rate);
    for (size_t k = 0; k < a->point_count; k++) {
        int other = motion_find(b, slice_cstr(a->point_names[k])); /* a tree may come back branch by branch */
        assert_true(other >= 0);
        for (size_t f = 0; f < a->frame_count; f++) {
            struct vec3 x = *motion_at(a, f, k), y = *motion_at(b, f, (size_t)other);
            assert_int_equal(vec3_is_known(x), vec3_is_known(y));
            if (vec3_is_known(x)) assert_true(vec3_distance(x, y) <= tolerance);
        }
    }
}

static void c3d_goes_there_and_back(void **state) {
    const struct {
        size_t frames, points;
        int64_t first;
    } shapes[] = {{1, 1, 1}, {20, 26, 1}, {7, 300, 12}, {3, 1024, 70000}, {70000, 1, 1}, {0, 5, 1}, {20, 26, 0}, {2, 3, -5}};
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        struct arena *mem = arena_create(512 << 20);
        struct buf bytes = BUF(64 << 20);
        struct motion m = scattered(mem, shapes[i].frames, shapes[i].points, shapes[i].first), back;
        struct motion_note note;
        motion_write_c3d(&bytes, &m, NULL);
        assert_int_equal(buf_error(&bytes).kind, ERR_NONE);
        assert_int_equal(bytes.len % 512, 0);
        struct err e = motion_parse_c3d(mem, buf_slice(&bytes), &back, &note);
        if (e.kind) fail_msg("%s", note.text);
        same(&m, &back, 1e-5);
        assert_int_equal(back.frame_first, shapes[i].first);
        buf_free(&bytes);
        arena_destroy(&mem);
    }
}

/* A file as the other machines write it, by hand: integer points with a scale, big-endian words, VAX reals. */
static void c3d_of_other_machines(void **state) {
    for (int machine = 84; machine <= 86; machine++) {
        for (int is_real = 0; is_real < 2; is_real++) {
            uint8_t f[512 * 4] = {2, 0x50};
            struct arena *mem = arena_create(1 << 20);
#define PUT16(at, x) (machine == 86 ? (f[at] = (uint8_t)((x) >> 8), f[(at) + 1] = (uint8_t)(x)) : (f[at] = (uint8_t)(x), f[(at) + 1] = (uint8_t)((x) >> 8)))
#define PUTF(at, x)                                                                                        \
    do {                                                                                                   \
        float y_ = (float)((x) * (machine == 85 ? 4 : 1));                                                 \
        uint32_t b_;                                                                                       \
        memcpy(&b_, &y_, 4);                                                                               \
        if (machine == 86) f[at] = (uint8_t)(b_ >> 24), f[(at) + 1] = (uint8_t)(b_ >> 16), f[(at) + 2] = (uint8_t)(b_ >> 8), f[(at) + 3] = (uint8_t)b_; \
        else if (machine == 84) f[(at) + 3] = (uint8_t)(b_ >> 24), f[(at) + 2] = (uint8_t)(b_ >> 16), f[(at) + 1] = (uint8_t)(b_ >> 8), f[at] = (uint8_t)b_; \
        else f[(at) + 1] = (uint8_t)(b_ >> 24), f[at] = (uint8_t)(b_ >> 16), f[(at) + 3] = (uint8_t)(b_ >> 8), f[(at) + 2] = (uint8_t)b_;               \
    } while (0)
            PUT16(2, 2), PUT16(4, 3), PUT16(6, 5), PUT16(8, 6), PUT16(16, 3);
            PUTF(12, is_real ? -0.1 : 0.1);
            PUTF(20, 120.0);
            f[512] = 1, f[513] = 0x50, f[514] = 1, f[515] = (uint8_t)machine;
            /* POINT:UNITS = "mm" stands before its group, as it may */
            const uint8_t params[] = {5, 1, 'U', 'N', 'I', 'T', 'S', 0, 0, 255, 1, 2, 'm', 'm', 0, 5, 255, 'P', 'O', 'I', 'N', 'T', 0, 0, 0};
            memcpy(f + 516, params, sizeof params);
            PUT16(516 + 7, 8), PUT16(516 + 22, 0);
            size_t word = is_real ? 4 : 2;
            for (size_t frame = 0; frame < 2; frame++) {
                for (size_t k = 0; k < 2; k++) {
                    for (size_t c = 0; c < 4; c++) {
                        size_t at = 1024 + (frame * 11 + k * 4 + c) * word; /* 2 points and 3 analog samples a frame */
                        int x = c < 3 ? (int)(100 * frame + 10 * k + c) - 50 : k == 1 && frame == 1 ? -1 : 0;
                        if (is_real) PUTF(at, (double)x);
                        else PUT16(at, (unsigned)x);
                    }
                }
            }
            struct motion m;
            struct motion_note note;
            struct err e = motion_parse_c3d(mem, slice_of(f, sizeof f), &m, &note);
            if (e.kind) fail_msg("%d: %s", machine, note.text);
            assert_int_equal(m.frame_count, 2), assert_int_equal(m.point_count, 2), assert_int_equal(m.frame_first, 5);
            assert_true(fabs(m.rate - 120) < 1e-6);
            double scale = (is_real ? 1 : 0.1) * 1e-3;
            assert_true(vec3_distance(*motion_at(&m, 0, 1), vec3_of(-40 * scale, -39 * scale, -38 * scale)) < 1e-9);
            assert_true(vec3_distance(*motion_at(&m, 1, 0), vec3_of(50 * scale, 51 * scale, 52 * scale)) < 1e-9);
            assert_false(vec3_is_known(*motion_at(&m, 1, 1)));
            assert_string_equal(m.point_names[1], "point-2");
            arena_destroy(&mem);
        }
    }
}

static void text_files_go_there_and_back(void **state) {
    struct arena *mem = arena_create(64 << 20);
    struct motion m = scattered(mem, 40, 26, 7), back;
    struct motion_note note;
    struct buf text = BUF(16 << 20);
    motion_write_csv(&text, &m);
    assert_int_equal(motion_parse_csv(mem, buf_slice(&text), &back, &note).kind, ERR_NONE);
    same(&m, &back, 0);
    assert_int_equal(back.frame_first, 7);
    buf_clear(&text);
    motion_write_json(&text, &m);
    assert_int_equal(motion_parse_json(mem, buf_slice(&text), &back, &note).kind, ERR_NONE);
    same(&m, &back, 1e-12);
    assert_int_equal(back.frame_first, 7);
    buf_free(&text);
    arena_destroy(&mem);
}

static void tables_go_there_and_back(void **state) {
    struct arena *mem = arena_create(64 << 20);
    struct motion_table t, back;
    struct motion_note note;
    struct rng r = rng_seeded(3);
    assert_int_equal(motion_table_create(mem, 50, 38, &t).kind, ERR_NONE);
    t.in_degrees = true;
    for (size_t c = 0; c < 38; c++) snprintf(t.column_names[c], MOTION_NAME_MAX, "angle_%zu", c);
    for (size_t row = 0; row < 50; row++) {
        t.time[row] = (double)row / 60;
        for (size_t c = 0; c < 38; c++) t.cells[row * 38 + c] = row == 7 && c == 3 ? NAN : 100 * rng_normal(&r);
    }
    struct buf text = BUF(16 << 20);
    for (int is_sto = 0; is_sto < 2; is_sto++) {
        buf_clear(&text);
        if (is_sto) motion_write_sto(&text, &t);
        else motion_write_mot(&text, &t);
        assert_int_equal(motion_parse_table(mem, buf_slice(&text), &back, &note).kind, ERR_NONE);
        assert_int_equal(back.row_count, is_sto ? 50 : 49), assert_int_equal(back.column_count, 38);
        assert_true(back.in_degrees);
        assert_string_equal(back.name, "Coordinates");
        assert_int_equal(motion_table_find(&back, SLICE("Angle_3")), 3);
        for (size_t row = 0; row < back.row_count; row++) {
            size_t from = row + (!is_sto && row >= 7);
            assert_true(back.time[row] == t.time[from]);
            for (size_t c = 0; c < 38; c++) assert_true(back.cells[row * 38 + c] == t.cells[from * 38 + c] || (is_sto && row == 7 && c == 3 && isnan(back.cells[row * 38 + c])));
        }
    }
    /* as older programs write it: blanks, a head without "=" */
    const char *old = "name walk.mot\r\ndatacolumns 3\r\ndatarows 2\r\nrange 0 1\r\nendheader\r\n\r\n time   knee_angle_r  pelvis_tx\r\n 0.00  -5.5  1e-3 \r\n 0.01 nan 2\r\n";
    assert_int_equal(motion_parse_table(mem, slice_cstr(old), &back, &note).kind, ERR_NONE);
    assert_int_equal(back.row_count, 2), assert_int_equal(back.column_count, 2);
    assert_false(back.in_degrees);
    assert_true(back.cells[0] == -5.5 && isnan(back.cells[2]) && back.cells[3] == 2);
    static const struct {
        const char *text;
        int line;
    } bad[] = {{"", 1}, {"x\nnRows=1\n", 3}, {"x\nendheader\n", 4}, {"x\nendheader\ntime\n0\n", 3}, {"x\nendheader\nknee\ttime\n0\t1\n", 3}, {"x\nendheader\ntime\tb\n0\n", 4},
               {"x\nendheader\ntime\tb\n0\tz\n", 4}, {"x\nendheader\ntime\tb\n0\t1\n0\t1\n", 5}, {"x\nendheader\ntime\tb\n0\t1\t2\n", 4}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_string_equal(motion_parse_table(mem, slice_cstr(bad[i].text), &back, &note).code, "motion.syntax");
        assert_int_equal(note.line, bad[i].line);
        assert_true(note.text[0] != 0);
    }
    buf_free(&text);
    arena_destroy(&mem);
}

/* A tree with a few branches that tumbles. */
static struct motion_figure tumbling(struct arena *mem, size_t frames, bool with_gap) {
    struct rng r = rng_seeded(11);
    struct motion_figure g;
    static const int parents[] = {-1, 0, 1, 2, 2, 0, 5, 6, 6};
    assert_int_equal(motion_figure_create(mem, frames, ARRAY_LEN(parents), 60, &g).kind, ERR_NONE);
    for (size_t i = 0; i < g.node_count; i++) {
        snprintf(g.nodes[i].name, MOTION_NAME_MAX, "Node%zu", i);
        g.nodes[i].parent = parents[i];
        if (i) g.nodes[i].offset = vec3_of(0.3 * rng_normal(&r), 0.3 * rng_normal(&r), 0.3 * rng_normal(&r));
    }
    struct vec3 spin[16];
    for (size_t i = 0; i < g.node_count; i++) spin[i] = vec3_of(rng_normal(&r), rng_normal(&r), rng_normal(&r));
    for (size_t f = 0; f < frames; f++) {
        if (!with_gap || f < 10 || f >= 14) g.root[f] = vec3_of((double)f * 0.1, 1, -0.5);
        for (size_t i = 0; i < g.node_count; i++) g.rotations[f * g.node_count + i] = rotation_from_vector(vec3_scale(spin[i], 0.3 * (double)f));
    }
    g.rotations[3 * g.node_count + 1] = rotation_from_vector(vec3_of(M_PI / 2, 0, 0)); /* at the pole of Z, X, Y */
    return g;
}

static void figures_play_back_to_the_same_places(void **state) {
    for (int with_gap = 0; with_gap < 2; with_gap++) {
        struct arena *mem = arena_create(64 << 20);
        struct motion_figure g = tumbling(mem, 25, with_gap), back;
        struct motion before, after;
        struct motion_note note;
        struct buf file = BUF(16 << 20);
        assert_int_equal(motion_of_figure(mem, &g, &before).kind, ERR_NONE);
        motion_write_glb(&file, &g);
        assert_int_equal(buf_error(&file).kind, ERR_NONE);
        struct err e = motion_parse_glb(mem, buf_slice(&file), &back, &note);
        if (e.kind) fail_msg("%s", note.text);
        assert_int_equal(motion_of_figure(mem, &back, &after).kind, ERR_NONE);
        same(&before, &after, 2e-6);
        buf_clear(&file);
        motion_write_bvh(&file, &g);
        e = motion_parse_bvh(mem, buf_slice(&file), 0.01, &back, &note);
        if (e.kind) fail_msg("line %d: %s", note.line, note.text);
        assert_int_equal(motion_of_figure(mem, &back, &after).kind, ERR_NONE);
        for (size_t f = 0; f < 25; f++) { /* held where it is unknown; the order of the nodes is that of the tree here */
            size_t from = with_gap && f >= 10 && f < 14 ? 9 : f;
            for (size_t k = 0; k < 9; k++) {
                int at = motion_find(&after, slice_cstr(before.point_names[k]));
                assert_true(at >= 0 && vec3_distance(*motion_at(&before, from, k), *motion_at(&after, f, (size_t)at)) < 1e-6);
            }
        }
        buf_free(&file);
        arena_destroy(&mem);
    }
    /* known in no frame: a figure that stands nowhere, and files without motion */
    struct arena *mem = arena_create(16 << 20);
    struct motion_figure g = tumbling(mem, 5, false), back;
    struct buf file = BUF(1 << 20);
    for (size_t f = 0; f < 5; f++) g.root[f] = VEC3_UNKNOWN;
    motion_write_glb(&file, &g);
    assert_int_equal(motion_parse_glb(mem, buf_slice(&file), &back, NULL).kind, ERR_NONE);
    for (size_t f = 0; f < back.frame_count; f++) assert_false(vec3_is_known(back.root[f]));
    buf_clear(&file);
    motion_write_bvh(&file, &g);
    assert_int_equal(motion_parse_bvh(mem, buf_slice(&file), 0.01, &back, NULL).kind, ERR_NONE);
    assert_int_equal(back.frame_count, 0);
    buf_free(&file);
    arena_destroy(&mem);
}

static void bvh_as_others_write_it(void **state) {
    struct arena *mem = arena_create(16 << 20);
    struct motion_figure g;
    struct motion m;
    struct motion_note note;
    const char *text = "HIERARCHY\r\nROOT hips\r\n{ OFFSET 0 90 0 CHANNELS 6 Yrotation Xrotation Zrotation Zposition Xposition Yposition\r\n  JOINT leg { OFFSET 0 -40 0 CHANNELS 1 Xrotation\r\n"
                       "   End Site { OFFSET 0 -40 0 } } }\r\nMOTION\r\nFrames: 2\r\nFrame Time: 0.0333333\r\n90 0 0  3 1 2  90\r\n0 0 0 0 0 0 0\r\n";
    struct err e = motion_parse_bvh(mem, slice_cstr(text), 0.01, &g, &note);
    if (e.kind) fail_msg("line %d: %s", note.line, note.text);
    assert_int_equal(g.rate, 30);
    assert_int_equal(motion_of_figure(mem, &g, &m).kind, ERR_NONE);
    assert_true(vec3_distance(*motion_at(&m, 0, 0), vec3_of(0.01, 0.02, 0.03)) < 1e-9);
    assert_true(vec3_distance(*motion_at(&m, 0, 1), vec3_of(0.01, -0.38, 0.03)) < 1e-9);
    static const char *const bad[] = {
        "", "HIERARCHY", "HIERARCHY ROOT a {", "HIERARCHY ROOT a { JOINT b { } ", "HIERARCHY ROOT a { } }", "HIERARCHY JOINT a { }", "HIERARCHY ROOT a { CHANNELS 7 }",
        "HIERARCHY ROOT a { CHANNELS 1 Wrotation } MOTION", "HIERARCHY ROOT a { OFFSET 1 2 } MOTION", "HIERARCHY ROOT a { } MOTION Frames: -1", "HIERARCHY ROOT a { } MOTION Frames: 1 Frame Time: 0",
        "HIERARCHY ROOT a { CHANNELS 1 Xrotation } MOTION Frames: 1000000 Frame Time: 0.01\n1", "HIERARCHY ROOT a { CHANNELS 1 Xrotation } MOTION Frames: 1 Frame Time: 0.01\nx",
        "HIERARCHY ROOT a { } ROOT b { }", "HIERARCHY ROOT a { wrong }",
        "HIERARCHY ROOT a { CHANNELS 0 JOINT b { OFFSET 0 1 0 CHANNELS 3 Xposition Yposition Zposition } } MOTION Frames: 2 Frame Time: 0.01\n0 1 0\n0 2 0\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_string_equal(motion_parse_bvh(mem, slice_cstr(bad[i]), 0.01, &g, &note).code, "motion.syntax");
        assert_true(note.text[0] != 0);
    }
    arena_destroy(&mem);
}

/* Every file cut off at every length, and with every byte of its first part changed, is read or refused; nothing else. */
static void cut_and_bent_files(void **state) {
    struct arena *mem = arena_create(64 << 20);
    struct motion m = scattered(mem, 3, 4, 1);
    struct motion_figure g = tumbling(mem, 3, false);
    struct buf files[3] = {BUF(1 << 20), BUF(1 << 20), BUF(1 << 20)};
    motion_write_c3d(&files[0], &m, NULL), motion_write_glb(&files[1], &g), motion_write_bvh(&files[2], &g);
    for (int kind = 0; kind < 3; kind++) {
        for (size_t n = 0; n < 2 * files[kind].len; n += kind == 1 ? 7 : 3) {
            bool is_cut = n < files[kind].len;
            size_t len = is_cut ? n : files[kind].len;
            char *copy = malloc(len ? len : 1); /* exact, so that one byte too far is caught */
            memcpy(copy, files[kind].ptr, len);
            if (!is_cut) copy[n - files[kind].len] ^= 0x81;
            struct arena *own = arena_create(32 << 20);
            struct motion read;
            struct motion_figure figure;
            struct err e = kind == 0 ? motion_parse_c3d(own, slice_of(copy, len), &read, NULL) : kind == 1 ? motion_parse_glb(own, slice_of(copy, len), &figure, NULL)
                                                                                               : motion_parse_bvh(own, slice_of(copy, len), 0.01, &figure, NULL);
            assert_true(e.kind == ERR_NONE || e.kind == ERR_INPUT || e.kind == ERR_LIMIT);
            if (is_cut && kind == 1) assert_int_equal(e.kind, ERR_INPUT);
            arena_destroy(&own);
            free(copy);
        }
        buf_free(&files[kind]);
    }
    arena_destroy(&mem);
}

static void files_are_told_apart(void **state) {
    struct arena *mem = arena_create(64 << 20);
    struct motion m = scattered(mem, 4, 3, 1), back;
    struct motion_figure g = tumbling(mem, 4, false);
    char path[64] = "/tmp/grandstand-motion-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (int kind = 0; kind < 7; kind++) {
        struct buf file = BUF(1 << 20);
        if (kind == 0) motion_write_trc(&file, &m);
        else if (kind == 1) motion_write_c3d(&file, &m, NULL);
        else if (kind == 2) motion_write_csv(&file, &m);
        else if (kind == 3) motion_write_json(&file, &m);
        else if (kind == 4) motion_write_bvh(&file, &g);
        else if (kind == 5) motion_write_glb(&file, &g);
        else buf_cstr(&file, "something else");
        assert_int_equal(fs_write_file_atomic(AT_FDCWD, path, buf_slice(&file), 0600).kind, ERR_NONE);
        struct motion_note note;
        struct err e = motion_read(mem, path, &back, &note);
        if (kind == 6) assert_string_equal(e.code, "motion.syntax");
        else assert_int_equal(e.kind, ERR_NONE);
        if (kind < 6) assert_int_equal(back.point_count, kind < 4 ? 3 : 9);
        buf_free(&file);
    }
    fs_close(&fd);
    remove(path);
    assert_int_equal(motion_read(mem, path, &back, NULL).kind, ERR_NOT_FOUND);
    arena_destroy(&mem);
}

static void each_allocation_may_fail(void **state) {
    struct arena *mem = arena_create(64 << 20);
    struct motion m = scattered(mem, 6, 5, 1);
    struct motion_figure g = tumbling(mem, 6, true);
    struct buf good[6] = {BUF(1 << 20), BUF(1 << 20), BUF(1 << 20), BUF(1 << 20), BUF(1 << 20), BUF(1 << 20)};
    motion_write_c3d(&good[0], &m, NULL), motion_write_glb(&good[1], &g), motion_write_bvh(&good[2], &g), motion_write_csv(&good[3], &m), motion_write_json(&good[4], &m);
    buf_cstr(&good[5], "x\nendheader\ntime\tb\n0\t1\n");
    for (int kind = 0; kind < 6; kind++) {
        for (int is_write = 0; is_write < (kind < 5 ? 2 : 1); is_write++) {
            for (uint64_t nth = 1;; nth++) {
                struct arena *own = NULL;
                struct buf out = BUF(1 << 20);
                struct motion read;
                struct motion_figure figure;
                struct motion_table table;
                struct err e = ERR_OK;
                if (!is_write) own = arena_create(32 << 20);
                fault_arm(FAULT_ALLOC, nth, false);
                if (is_write) {
                    if (kind == 0) motion_write_c3d(&out, &m, NULL);
                    else if (kind == 1) motion_write_glb(&out, &g);
                    else if (kind == 2) motion_write_bvh(&out, &g);
                    else if (kind == 3) motion_write_csv(&out, &m);
                    else motion_write_json(&out, &m);
                    e = buf_error(&out);
                } else {
                    struct slice s = buf_slice(&good[kind]);
                    e = kind == 0 ? motion_parse_c3d(own, s, &read, NULL) : kind == 1 ? motion_parse_glb(own, s, &figure, NULL) : kind == 2 ? motion_parse_bvh(own, s, 0.01, &figure, NULL)
                      : kind == 3 ? motion_parse_csv(own, s, &read, NULL) : kind == 4 ? motion_parse_json(own, s, &read, NULL) : motion_parse_table(own, s, &table, NULL);
                }
                bool has_fired = fault_fired(FAULT_ALLOC);
                fault_disarm_all();
                arena_destroy(&own);
                if (!has_fired) {
                    assert_int_equal(e.kind, ERR_NONE);
                    if (is_write) assert_true(slice_eq(buf_slice(&out), buf_slice(&good[kind])));
                    buf_free(&out);
                    break;
                }
                buf_free(&out);
                assert_int_equal(e.kind, ERR_LIMIT);
            }
        }
        buf_free(&good[kind]);
    }
    arena_destroy(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c3d_goes_there_and_back), cmocka_unit_test(c3d_of_other_machines), cmocka_unit_test(text_files_go_there_and_back), cmocka_unit_test(tables_go_there_and_back),
        cmocka_unit_test(figures_play_back_to_the_same_places), cmocka_unit_test(bvh_as_others_write_it), cmocka_unit_test(cut_and_bent_files), cmocka_unit_test(files_are_told_apart),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("human/motion/files", tests, NULL, NULL);
}
