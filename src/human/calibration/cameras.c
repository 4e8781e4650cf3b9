/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Lenses and places from what cameras saw of a board. One adjustment serves all cases: unknown are up to twelve numbers of each lens, six of each camera's
 * place, and six of the board's place at each instant; the boards are eliminated from the normal equations one by one, as they know nothing of each
 * other. The board at the first instant stays where it is: it is the world. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "human/calibration/room.h"

enum { LENS = CALIBRATION_LENS_NUMBERS, OWN = LENS + 6, TURNS_MAX = 60, NEEDED_PICTURES = 3, NEEDED_CORNERS = 6 };

/* ---- derivatives by the lens ---- */

/* d[row][number] of a point in the camera's frame whose pixel is (u, v). */
static void lens_derivative(const struct camera_lens *l, struct vec3 p, double u, double v, double d[2][LENS]) {
    double yd = (v - l->cy) / l->fy, xd = (u - l->cx - l->skew * yd) / l->fx, by[2][8] = {{0}}; /* of (xd, yd) by k1..k6, p1, p2 */
    if (l->is_fisheye) {
        double rho = hypot(p.x, p.y), a = atan2(rho, p.z), power = a * a * a, cosine = rho > 1e-12 ? p.x / rho : 0, sine = rho > 1e-12 ? p.y / rho : 0;
        for (int k = 0; k < 4; k++, power *= a * a) by[0][k] = power * cosine, by[1][k] = power * sine;
    } else {
        double x = p.x / p.z, y = p.y / p.z, r2 = x * x + y * y, r4 = r2 * r2, r6 = r4 * r2;
        const double *k = l->radial;
        double top = 1 + k[0] * r2 + k[1] * r4 + k[2] * r6, bottom = 1 + k[3] * r2 + k[4] * r4 + k[5] * r6;
        const double power[3] = {r2, r4, r6};
        for (int i = 0; i < 3; i++) {
            by[0][i] = x * power[i] / bottom, by[1][i] = y * power[i] / bottom;
            by[0][3 + i] = -x * top * power[i] / (bottom * bottom), by[1][3 + i] = -y * top * power[i] / (bottom * bottom);
        }
        by[0][6] = 2 * x * y, by[1][6] = r2 + 2 * y * y;
        by[0][7] = r2 + 2 * x * x, by[1][7] = 2 * x * y;
    }
    memset(d, 0, 2 * sizeof *d);
    d[0][0] = xd, d[1][1] = yd, d[0][2] = 1, d[1][3] = 1;
    for (int k = 0; k < 8; k++) d[0][4 + k] = l->fx * by[0][k] + l->skew * by[1][k], d[1][4 + k] = l->fy * by[1][k];
}

/* Which numbers are free. */
static void free_numbers(const struct calibration_camera_options *o, bool out[LENS]) {
    memset(out, 0, LENS * sizeof *out);
    if (o->is_lens_known) return;
    for (int k = 0; k < 4; k++) out[k] = true;
    int radial = o->radial_count > 0 && o->radial_count <= 3 ? o->radial_count : 2;
    if (o->model == CALIBRATION_FISHEYE) radial = 4;
    if (o->model == CALIBRATION_RATIONAL) radial = 6;
    for (int k = 0; k < radial; k++) out[4 + k] = true;
    if (o->model != CALIBRATION_FISHEYE && !o->without_tangential) out[10] = out[11] = true;
}

/* ---- the adjustment ---- */

struct observation {
    uint16_t camera;
    uint32_t instant;
    int id;
    double u, v;
    bool is_out;
};

struct bundle {
    const struct calibration_board *board;
    size_t cameras, instants, count;
    struct observation *seen; /* sorted by instant */
    struct camera_lens *lenses;
    struct camera_pose *poses, *boards;
    bool (*is_free)[LENS];
    bool *is_in; /* boards that take part */
    size_t reference; /* the board that stays */
    double *normal, *right; /* of the cameras: OWN each */
};

struct part {
    double r[2], camera[2][OWN], board[2][6];
};

static bool part_of(const struct bundle *b, const struct observation *o, struct part *out, bool with_derivatives) {
    const struct camera_pose *pose = &b->poses[o->camera], *board = &b->boards[o->instant];
    struct vec3 turned_board = mat3_apply(&board->rotation, calibration_corner_at(b->board, o->id)), world = vec3_add(turned_board, board->translation);
    struct vec3 turned = mat3_apply(&pose->rotation, world), at = vec3_add(turned, pose->translation);
    double u, v, d[2][3];
    if (!camera_lens_project_derivative(&b->lenses[o->camera], at, &u, &v, d)) return false;
    out->r[0] = u - o->u, out->r[1] = v - o->v;
    if (!with_derivatives) return true;
    double lens[2][LENS];
    lens_derivative(&b->lenses[o->camera], at, u, v, lens);
    for (int e = 0; e < 2; e++) {
        struct vec3 g = vec3_of(d[e][0], d[e][1], d[e][2]), by_turn = vec3_cross(turned, g), g_world = mat3_apply_transposed(&pose->rotation, g);
        struct vec3 by_board_turn = vec3_cross(turned_board, g_world);
        for (int k = 0; k < LENS; k++) out->camera[e][k] = b->is_free[o->camera][k] ? lens[e][k] : 0;
        memcpy(&out->camera[e][LENS], (double[6]){by_turn.x, by_turn.y, by_turn.z, g.x, g.y, g.z}, 6 * sizeof(double));
        memcpy(out->board[e], (double[6]){by_board_turn.x, by_board_turn.y, by_board_turn.z, g_world.x, g_world.y, g_world.z}, 6 * sizeof(double));
    }
    return true;
}

static double cost_of(const struct bundle *b) {
    double sum = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct part p;
        if (b->seen[i].is_out || !b->is_in[b->seen[i].instant]) continue;
        sum += part_of(b, &b->seen[i], &p, false) ? p.r[0] * p.r[0] + p.r[1] * p.r[1] : 1e6;
    }
    return sum;
}

static size_t end_of_instant(const struct bundle *b, size_t first) {
    size_t end = first;
    while (end < b->count && b->seen[end].instant == b->seen[first].instant) end++;
    return end;
}

/* One board's own block, right side, and its blocks with the cameras that see it. */
struct board_block {
    double own[36], right[6];
    double cross[CAMERA_COUNT_MAX][OWN][6];
    bool has[CAMERA_COUNT_MAX];
};

static void board_block_of(const struct bundle *b, size_t first, size_t end, struct board_block *out, double *normal, double *right) {
    const size_t n = b->cameras * OWN;
    memset(out->own, 0, sizeof out->own), memset(out->right, 0, sizeof out->right), memset(out->has, 0, sizeof out->has);
    for (size_t i = first; i < end; i++) {
        struct part p;
        if (b->seen[i].is_out || !part_of(b, &b->seen[i], &p, true)) continue;
        size_t c = b->seen[i].camera;
        if (!out->has[c]) memset(out->cross[c], 0, sizeof out->cross[c]), out->has[c] = true;
        for (int e = 0; e < 2; e++) {
            for (int a = 0; a < 6; a++) {
                out->right[a] -= p.board[e][a] * p.r[e];
                for (int k = 0; k < 6; k++) out->own[a * 6 + k] += p.board[e][a] * p.board[e][k];
            }
            for (int a = 0; a < OWN; a++) {
                for (int k = 0; k < 6; k++) out->cross[c][a][k] += p.camera[e][a] * p.board[e][k];
                if (!normal) continue;
                right[c * OWN + (size_t)a] -= p.camera[e][a] * p.r[e];
                for (int k = 0; k < OWN; k++) normal[(c * OWN + (size_t)a) * n + c * OWN + (size_t)k] += p.camera[e][a] * p.camera[e][k];
            }
        }
    }
}

/* The cameras' normal equations, factored; false when they are singular. `block` is room to work in. */
static bool build(struct bundle *b, double damping, struct board_block *block) {
    const size_t n = b->cameras * OWN;
    memset(b->normal, 0, n * n * sizeof *b->normal), memset(b->right, 0, n * sizeof *b->right);
    for (size_t first = 0; first < b->count;) {
        size_t end = end_of_instant(b, first), instant = b->seen[first].instant;
        if (b->is_in[instant]) {
            board_block_of(b, first, end, block, b->normal, b->right);
            for (int k = 0; k < 6; k++) block->own[k * 7] = block->own[k * 7] * (1 + damping) + 1e-12;
            if (instant != b->reference && cholesky_factor(block->own, 6)) {
                double solved[6];
                memcpy(solved, block->right, sizeof solved);
                cholesky_solve(block->own, 6, solved);
                for (size_t c = 0; c < b->cameras; c++) {
                    if (!block->has[c]) continue;
                    for (size_t a = 0; a < OWN; a++) {
                        double row[6];
                        memcpy(row, block->cross[c][a], sizeof row);
                        for (int k = 0; k < 6; k++) b->right[c * OWN + a] -= row[k] * solved[k];
                        cholesky_solve(block->own, 6, row);
                        for (size_t d = 0; d < b->cameras; d++) {
                            for (size_t e = 0; block->has[d] && e < OWN; e++) {
                                double s = 0;
                                for (int k = 0; k < 6; k++) s += row[k] * block->cross[d][e][k];
                                b->normal[(c * OWN + a) * n + d * OWN + e] -= s;
                            }
                        }
                    }
                }
            }
        }
        first = end;
    }
    for (size_t k = 0; k < n; k++) {
        double *d = &b->normal[k * (n + 1)];
        if (*d <= 0 || (k % OWN < LENS && !b->is_free[k / OWN][k % OWN])) *d = 1; /* not free, or a camera without sights */
        *d *= 1 + damping;
    }
    return cholesky_factor(b->normal, n);
}

static bool step(struct bundle *b, double damping, struct board_block *block) {
    const size_t n = b->cameras * OWN;
    if (!build(b, damping, block)) return false;
    cholesky_solve(b->normal, n, b->right);
    for (size_t first = 0; first < b->count;) {
        size_t end = end_of_instant(b, first), instant = b->seen[first].instant;
        if (b->is_in[instant] && instant != b->reference) {
            board_block_of(b, first, end, block, NULL, NULL);
            for (int k = 0; k < 6; k++) block->own[k * 7] = block->own[k * 7] * (1 + damping) + 1e-12;
            for (size_t c = 0; c < b->cameras; c++) {
                for (size_t a = 0; block->has[c] && a < OWN; a++) {
                    for (int k = 0; k < 6; k++) block->right[k] -= block->cross[c][a][k] * b->right[c * OWN + a];
                }
            }
            if (cholesky_factor(block->own, 6)) {
                double *x = block->right;
                cholesky_solve(block->own, 6, x);
                pose_move(&b->boards[instant], vec3_of(x[0], x[1], x[2]), vec3_of(x[3], x[4], x[5]));
            }
        }
        first = end;
    }
    for (size_t c = 0; c < b->cameras; c++) {
        const double *x = b->right + c * OWN;
        struct camera_lens *l = &b->lenses[c];
        double *const numbers[LENS] = {&l->fx, &l->fy, &l->cx, &l->cy, &l->radial[0], &l->radial[1], &l->radial[2], &l->radial[3], &l->radial[4], &l->radial[5], &l->tangential[0], &l->tangential[1]};
        bool has_changed = false;
        for (int k = 0; k < LENS; k++) {
            if (b->is_free[c][k]) *numbers[k] += x[k], has_changed = true;
        }
        if (has_changed && camera_lens_prepare(l).kind) return false;
        pose_move(&b->poses[c], vec3_of(x[LENS], x[LENS + 1], x[LENS + 2]), vec3_of(x[LENS + 3], x[LENS + 4], x[LENS + 5]));
    }
    return true;
}

/* Damped Gauss-Newton until nothing is won. */
static struct err settle(struct bundle *b, struct board_block *block) {
    struct camera_lens *lenses = mem_zalloc_array(b->cameras, sizeof *lenses);
    struct camera_pose *poses = mem_zalloc_array(b->cameras, sizeof *poses), *boards = mem_zalloc_array(b->instants, sizeof *boards);
    bool has_memory = lenses && poses && boards;
    double cost = cost_of(b), damping = 1e-3;
    for (int turn = 0; turn < TURNS_MAX && has_memory; turn++) {
        memcpy(lenses, b->lenses, b->cameras * sizeof *lenses), memcpy(poses, b->poses, b->cameras * sizeof *poses), memcpy(boards, b->boards, b->instants * sizeof *boards);
        double now = step(b, damping, block) ? cost_of(b) : INFINITY;
        if (now < cost) {
            bool is_done = cost - now < 1e-8 * cost + 1e-15;
            cost = now, damping = fmax(damping / 5, 1e-12);
            if (is_done) break;
            continue;
        }
        memcpy(b->lenses, lenses, b->cameras * sizeof *lenses), memcpy(b->poses, poses, b->cameras * sizeof *poses), memcpy(b->boards, boards, b->instants * sizeof *boards);
        if ((damping *= 10) > 1e9) break;
    }
    mem_free(lenses), mem_free(poses), mem_free(boards);
    return has_memory ? ERR_OK : err_memory();
}

static int double_order(const void *a_, const void *b_) {
    double a = *(const double *)a_, b = *(const double *)b_;
    return a < b ? -1 : a > b;
}

/* Corners beyond five robust deviations of their camera no longer count. Returns whether that changed anything. */
static bool leave_out(struct bundle *b, double *room) {
    bool has_changed = false;
    for (size_t c = 0; c < b->cameras; c++) {
        size_t n = 0;
        struct part p;
        for (size_t i = 0; i < b->count; i++) {
            if (b->seen[i].camera == c && b->is_in[b->seen[i].instant] && part_of(b, &b->seen[i], &p, false)) room[n++] = hypot(p.r[0], p.r[1]);
        }
        if (!n) continue;
        qsort(room, n, sizeof *room, double_order);
        double limit = fmax(5 * room[n / 2] / 1.17741, 0.02);
        for (size_t i = 0; i < b->count; i++) {
            if (b->seen[i].camera != c || !b->is_in[b->seen[i].instant]) continue;
            bool is_out = !part_of(b, &b->seen[i], &p, false) || hypot(p.r[0], p.r[1]) > limit;
            has_changed |= is_out != b->seen[i].is_out;
            b->seen[i].is_out = is_out;
        }
    }
    return has_changed;
}

/* ---- beginnings ---- */

/* The projective map of the board to the picture (8 numbers, the ninth is 1), by least squares in coordinates scaled to about one. */
static bool homography(const struct calibration_board *b, const struct calibration_sight *s, double cx, double cy, double scale, double h[9]) {
    double a[64] = {0}, g[8] = {0};
    const double side = b->square_m * (b->columns > b->rows ? b->columns : b->rows);
    for (size_t i = 0; i < s->count; i++) {
        struct vec3 at = calibration_corner_at(b, s->corners[i].id);
        double x = at.x / side, y = at.y / side, u = (s->corners[i].u - cx) / scale, v = (s->corners[i].v - cy) / scale;
        const double rows[2][8] = {{x, y, 1, 0, 0, 0, -u * x, -u * y}, {0, 0, 0, x, y, 1, -v * x, -v * y}}, t[2] = {u, v};
        for (int e = 0; e < 2; e++) {
            for (int j = 0; j < 8; j++) {
                g[j] += rows[e][j] * t[e];
                for (int k = 0; k < 8; k++) a[j * 8 + k] += rows[e][j] * rows[e][k];
            }
        }
    }
    if (!cholesky_factor(a, 8)) return false;
    cholesky_solve(a, 8, g);
    memcpy(h, g, 8 * sizeof *h);
    h[8] = 1;
    return true;
}

/* Zhang's two equations of each view, with square pixels and the axis in the middle of the picture: linear in 1 / f^2. NAN if they make no sense. */
static double focal_by_homographies(const struct calibration_board *b, const struct calibration_sight *sights, size_t instants, double width, double height) {
    double top = 0, bottom = 0, scale = 0.5 * width;
    for (size_t i = 0; i < instants; i++) {
        double h[9];
        if (sights[i].count < NEEDED_CORNERS || !homography(b, &sights[i], 0.5 * width - 0.5, 0.5 * height - 0.5, scale, h)) continue;
        double norm = sqrt(h[0] * h[0] + h[3] * h[3] + h[6] * h[6]) * sqrt(h[1] * h[1] + h[4] * h[4] + h[7] * h[7]);
        const double a[2] = {(h[0] * h[1] + h[3] * h[4]) / norm, (h[0] * h[0] + h[3] * h[3] - h[1] * h[1] - h[4] * h[4]) / norm};
        const double c[2] = {h[6] * h[7] / norm, (h[6] * h[6] - h[7] * h[7]) / norm};
        for (int e = 0; e < 2; e++) top += a[e] * a[e], bottom -= a[e] * c[e]; /* a x + c = 0 */
    }
    double inverse2 = top > 0 ? bottom / top : NAN;
    return inverse2 > 0 ? scale / sqrt(inverse2) : NAN;
}

struct work {
    struct arena *scratch;
    const struct calibration_board *board;
    size_t instants;
};

/* Where the camera was from the board, as board-to-camera, by at most so many of the corners; its error in pixels. */
static struct err pose_from(struct work *w, const struct camera_lens *l, const struct calibration_sight *s, size_t most, struct camera_pose *out, double *rms) {
    struct arena_mark mark = arena_mark(w->scratch);
    struct calibration_mark *marks = arena_alloc_array(w->scratch, s->count, sizeof *marks);
    struct calibration_place place;
    struct err e = marks ? ERR_OK : err_memory();
    size_t count = 0, stride = s->count / most + 1;
    for (size_t i = 0; i < s->count && !e.kind; i += stride) marks[count++] = (struct calibration_mark){.at = calibration_corner_at(w->board, s->corners[i].id), .u = s->corners[i].u, .v = s->corners[i].v};
    if (!e.kind) e = calibration_place(w->scratch, l, false, marks, count, &place);
    if (!e.kind) *out = place.pose, *rms = place.rms_px;
    arena_rewind(w->scratch, mark);
    return e;
}

/* A first lens: Zhang's focal length, or of a row of them the one that fits some of the pictures best. */
static struct err first_lens(struct work *w, const struct calibration_camera_options *o, const struct calibration_sight *sights, struct camera_lens *out) {
    enum { TRIED = 4 };
    struct camera_lens lens = {.is_fisheye = o->model == CALIBRATION_FISHEYE, .cx = 0.5 * o->width - 0.5, .cy = 0.5 * o->height - 0.5};
    double zhang = lens.is_fisheye ? NAN : focal_by_homographies(w->board, sights, w->instants, o->width, o->height);
    if (isfinite(zhang) && zhang > 0.2 * o->width && zhang < 20 * o->width) {
        lens.fx = lens.fy = zhang, *out = lens;
        return camera_lens_prepare(out);
    }
    size_t some[TRIED], count = 0;
    for (size_t i = 0; i < w->instants && count < TRIED; i++) {
        if (sights[i].count >= NEEDED_CORNERS) some[count++] = i;
    }
    double best = INFINITY;
    for (double f = lens.is_fisheye ? 0.15 : 0.4; f < (lens.is_fisheye ? 2 : 12); f *= 1.2) {
        double sum = 0;
        lens.fx = lens.fy = f * o->width;
        struct err e = camera_lens_prepare(&lens);
        if (e.kind) return e;
        for (size_t i = 0; i < count; i++) {
            struct camera_pose pose;
            double rms;
            e = pose_from(w, &lens, &sights[some[i]], 20, &pose, &rms);
            if (e.kind == ERR_LIMIT) return e;
            sum += e.kind ? 1e4 : fmin(rms, 1e4);
        }
        if (sum < best) best = sum, *out = lens;
    }
    return isfinite(best) ? camera_lens_prepare(out) : err_make(ERR_INPUT, "calibration.few", "No picture of this camera shows the board well enough.");
}

static struct camera_pose pose_inverse(const struct camera_pose *p) {
    struct camera_pose q = {.rotation = mat3_transpose(&p->rotation)};
    q.translation = vec3_scale(mat3_apply(&q.rotation, p->translation), -1);
    return q;
}
/* First b, then a. */
static struct camera_pose pose_after(const struct camera_pose *a, const struct camera_pose *b) {
    return (struct camera_pose){mat3_multiply(&a->rotation, &b->rotation), vec3_add(mat3_apply(&a->rotation, b->translation), a->translation)};
}

/* ---- the whole ---- */

static struct err bundle_create(struct bundle *b, const struct calibration_board *board, size_t cameras, size_t instants, const struct calibration_sight *sights) {
    size_t total = 0, n = cameras * OWN;
    for (size_t i = 0; i < cameras * instants; i++) total += sights[i].count;
    *b = (struct bundle){.board = board, .cameras = cameras, .instants = instants};
    b->seen = mem_zalloc_array(total + 1, sizeof *b->seen), b->lenses = mem_zalloc_array(cameras, sizeof *b->lenses), b->poses = mem_zalloc_array(cameras, sizeof *b->poses);
    b->boards = mem_zalloc_array(instants + 1, sizeof *b->boards), b->is_free = mem_zalloc_array(cameras, sizeof *b->is_free), b->is_in = mem_zalloc_array(instants + 1, sizeof *b->is_in);
    b->normal = mem_zalloc_array(n * n, sizeof *b->normal), b->right = mem_zalloc_array(n, sizeof *b->right);
    if (!b->seen || !b->lenses || !b->poses || !b->boards || !b->is_free || !b->is_in || !b->normal || !b->right) return err_memory();
    for (size_t i = 0; i < instants; i++) {
        for (size_t c = 0; c < cameras; c++) {
            const struct calibration_sight *s = &sights[c * instants + i];
            for (size_t k = 0; k < s->count; k++) b->seen[b->count++] = (struct observation){(uint16_t)c, (uint32_t)i, s->corners[k].id, s->corners[k].u, s->corners[k].v, false};
        }
    }
    return ERR_OK;
}

static void bundle_free(struct bundle *b) {
    mem_free(b->seen), mem_free(b->lenses), mem_free(b->poses), mem_free(b->boards), mem_free(b->is_free), mem_free(b->is_in), mem_free(b->normal), mem_free(b->right);
}

/* Settles, leaves out what lies far off, and settles again. */
static struct err settle_robustly(struct bundle *b, struct board_block *block) {
    double *room = mem_zalloc_array(b->count + 1, sizeof *room);
    struct err e = room ? settle(b, block) : err_memory();
    for (int turn = 0; turn < 3 && !e.kind && leave_out(b, room); turn++) e = settle(b, block);
    mem_free(room);
    return e;
}

/* One camera alone: its lens, and where it was from the board at each instant (is_known). */
static struct err one_camera(struct work *w, const struct calibration_camera_options *o, const struct calibration_sight *sights, struct board_block *block, struct camera_lens *lens,
                             struct camera_pose *from_board, bool *is_known) {
    size_t pictures = 0, first = SIZE_MAX;
    for (size_t i = 0; i < w->instants; i++) pictures += sights[i].count >= NEEDED_CORNERS;
    if (!o->is_lens_known && pictures < NEEDED_PICTURES) {
        return err_make(ERR_INPUT, "calibration.few", "The board was found in fewer than three pictures of this camera. Take a dozen, tilted, near all borders of the picture.");
    }
    *lens = o->lens;
    struct err e = o->is_lens_known ? camera_lens_prepare(lens) : first_lens(w, o, sights, lens);
    for (size_t i = 0; i < w->instants && !e.kind; i++) {
        double rms;
        is_known[i] = false;
        if (sights[i].count < NEEDED_CORNERS) continue;
        e = pose_from(w, lens, &sights[i], SIZE_MAX, &from_board[i], &rms);
        is_known[i] = !e.kind;
        if (e.kind == ERR_INPUT) e = ERR_OK; /* this picture says nothing */
        if (is_known[i] && first == SIZE_MAX) first = i;
    }
    if (e.kind || o->is_lens_known || first == SIZE_MAX) return e;
    struct bundle b;
    e = bundle_create(&b, w->board, 1, w->instants, sights);
    if (!e.kind) {
        b.lenses[0] = *lens, b.reference = first, b.poses[0] = from_board[first];
        struct camera_pose back = pose_inverse(&from_board[first]);
        free_numbers(o, b.is_free[0]);
        for (size_t i = 0; i < w->instants; i++) b.is_in[i] = is_known[i], b.boards[i] = is_known[i] ? pose_after(&back, &from_board[i]) : (struct camera_pose){.rotation = MAT3_IDENTITY};
        /* The shape of the lens first without what only many corners tell, or the first steps go astray. */
        bool all[LENS];
        memcpy(all, b.is_free[0], sizeof all);
        for (int k = 5; k < LENS; k++) b.is_free[0][k] = false;
        e = settle(&b, block);
        memcpy(b.is_free[0], all, sizeof all);
        if (!e.kind) e = settle_robustly(&b, block);
        *lens = b.lenses[0];
        for (size_t i = 0; i < w->instants; i++) {
            if (is_known[i]) from_board[i] = pose_after(&b.poses[0], &b.boards[i]);
        }
    }
    bundle_free(&b);
    return e;
}

static struct err report(struct arena *mem, struct bundle *b, const struct calibration_camera_options *options, const bool *is_placed, struct board_block *block, struct calibration_cameras *out) {
    const size_t n = b->cameras * OWN;
    double all = 0;
    size_t all_count = 0;
    bool is_solved = build(b, 0, block);
    for (size_t c = 0; c < b->cameras; c++) {
        struct calibration_camera *k = &out->cameras[c];
        double sum = 0, *per = arena_alloc_array(mem, b->instants + 1, sizeof *per);
        size_t *counts = arena_alloc_array(mem, b->instants + 1, sizeof *counts);
        if (!per || !counts) return err_memory();
        *k = (struct calibration_camera){.lens = b->lenses[c], .pose = b->poses[c], .is_placed = is_placed[c], .picture_rms_px = per};
        for (size_t i = 0; i < b->count; i++) {
            const struct observation *o = &b->seen[i];
            struct part p;
            if (o->camera != c) continue;
            if (!b->is_in[o->instant] || o->is_out || !part_of(b, o, &p, false)) {
                k->left_out++;
                continue;
            }
            double r2 = p.r[0] * p.r[0] + p.r[1] * p.r[1];
            sum += r2, per[o->instant] += r2, counts[o->instant]++, k->corners++;
            int gx = (int)((o->u + 0.5) * CALIBRATION_GRID_X / options[c].width), gy = (int)((o->v + 0.5) * CALIBRATION_GRID_Y / options[c].height);
            if (gx >= 0 && gy >= 0 && gx < CALIBRATION_GRID_X && gy < CALIBRATION_GRID_Y) k->coverage[gy][gx]++;
        }
        for (size_t i = 0; i < b->instants; i++) per[i] = counts[i] ? sqrt(per[i] / (double)counts[i]) : NAN;
        k->rms_px = k->corners ? sqrt(sum / (double)k->corners) : NAN;
        for (int y = 0; y < CALIBRATION_GRID_Y; y++) {
            for (int x = 0; x < CALIBRATION_GRID_X; x++) k->covered += (k->coverage[y][x] > 0) / (double)(CALIBRATION_GRID_X * CALIBRATION_GRID_Y);
        }
        all += sum, all_count += k->corners;
        double variance = k->corners ? sum / (2.0 * (double)k->corners) : 0;
        for (size_t j = 0; j < LENS && is_solved; j++) {
            if (!b->is_free[c][j]) continue;
            memset(b->right, 0, n * sizeof *b->right);
            b->right[c * OWN + j] = 1;
            cholesky_solve(b->normal, n, b->right);
            k->deviation[j] = sqrt(variance * b->right[c * OWN + j]);
        }
        if (!options[c].is_lens_known && !(is_solved && k->deviation[0] < 0.1 * k->lens.fx && k->deviation[1] < 0.1 * k->lens.fy)) {
            return err_make(ERR_INPUT, "calibration.degenerate", "The focal length cannot be told from these pictures: the board always faced the camera the same way. Tilt it by 30 degrees and more, to all sides.");
        }
    }
    out->rms_px = all_count ? sqrt(all / (double)all_count) : NAN;
    return ERR_OK;
}

/* Cameras are put beside each other by the instants at which two of them saw the board, from the one that saw it most. */
static void arrange(struct bundle *b, struct camera_pose *from_board, const bool *is_known, bool *is_placed) {
    const size_t n = b->instants;
    size_t most = 0, root = 0;
    for (size_t c = 0; c < b->cameras; c++) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++) count += is_known[c * n + i];
        if (count > most) most = count, root = c;
    }
    for (size_t i = n; i-- > 0;) {
        if (is_known[root * n + i]) b->reference = i;
    }
    b->boards[b->reference] = (struct camera_pose){.rotation = MAT3_IDENTITY}, b->is_in[b->reference] = true;
    for (bool has_grown = true; has_grown;) {
        has_grown = false;
        for (size_t i = 0; i < n; i++) {
            for (size_t c = 0; c < b->cameras; c++) {
                if (!is_known[c * n + i]) continue;
                if (b->is_in[i] && !is_placed[c]) { /* board known: the camera follows */
                    struct camera_pose back = pose_inverse(&b->boards[i]);
                    b->poses[c] = pose_after(&from_board[c * n + i], &back), is_placed[c] = has_grown = true;
                } else if (is_placed[c] && !b->is_in[i]) {
                    struct camera_pose back = pose_inverse(&b->poses[c]);
                    b->boards[i] = pose_after(&back, &from_board[c * n + i]), b->is_in[i] = has_grown = true;
                }
            }
        }
    }
    for (size_t c = 0; c < b->cameras; c++) {
        if (!is_placed[c]) b->poses[c] = (struct camera_pose){.rotation = MAT3_IDENTITY};
    }
    size_t kept = 0; /* what is tied to nothing says nothing */
    for (size_t i = 0; i < b->count; i++) {
        if (is_known[b->seen[i].camera * n + b->seen[i].instant] && is_placed[b->seen[i].camera]) b->seen[kept++] = b->seen[i];
    }
    b->count = kept;
}

struct err calibration_cameras(struct arena *mem, const struct calibration_board *board, const struct calibration_camera_options *options, size_t cameras, const struct calibration_sight *sights,
                               size_t instants, struct calibration_cameras *out, size_t *culprit) {
    struct err e = calibration_board_check(board);
    size_t unused;
    if (!culprit) culprit = &unused;
    *culprit = 0;
    if (e.kind) return e;
    if (!cameras || cameras > CAMERA_COUNT_MAX || !instants || instants > 100000) return err_make(ERR_INPUT, "calibration.few", "There are no pictures, or too many (100,000).");
    for (size_t c = 0; c < cameras; c++) {
        if (!(options[c].width >= 16 && options[c].height >= 16)) return err_make(ERR_INPUT, "calibration.few", "The size of the picture is missing.");
    }
    struct work w = {.scratch = arena_create((size_t)64 << 20), .board = board, .instants = instants};
    struct bundle b = {0};
    struct board_block *block = mem_zalloc(sizeof *block);
    struct camera_pose *from_board = mem_zalloc_array(cameras * instants, sizeof *from_board);
    bool *is_known = mem_zalloc_array(cameras * instants, 1), *is_placed = mem_zalloc_array(cameras, 1);
    struct calibration_cameras r = {.cameras = arena_alloc_array(mem, cameras, sizeof *r.cameras), .boards = arena_alloc_array(mem, instants, sizeof *r.boards),
                                    .is_board_known = arena_alloc_array(mem, instants, sizeof *r.is_board_known)};
    if (!w.scratch || !block || !from_board || !is_known || !is_placed || !r.cameras || !r.boards || !r.is_board_known) e = err_memory();
    if (!e.kind) e = bundle_create(&b, board, cameras, instants, sights);
    for (size_t c = 0; c < cameras && !e.kind; c++) {
        *culprit = c;
        e = one_camera(&w, &options[c], sights + c * instants, block, &b.lenses[c], from_board + c * instants, is_known + c * instants);
        free_numbers(&options[c], b.is_free[c]);
    }
    if (!e.kind) {
        arrange(&b, from_board, is_known, is_placed);
        e = settle_robustly(&b, block);
    }
    if (!e.kind) e = report(mem, &b, options, is_placed, block, &r);
    for (size_t i = 0; i < instants && !e.kind; i++) r.boards[i] = b.boards[i], r.is_board_known[i] = b.is_in[i];
    bundle_free(&b);
    mem_free(block), mem_free(from_board), mem_free(is_known), mem_free(is_placed);
    arena_destroy(&w.scratch);
    if (!e.kind) *out = r;
    return e;
}
