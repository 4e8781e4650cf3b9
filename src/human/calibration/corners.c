/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The board's inner corners in a picture.
 *
 * An inner corner is a saddle of the brightness: two dark and two bright sectors meet. Saddles are found by the Hessian of the slightly blurred
 * picture, and tested on a ring around them, which also gives the directions of the two edges. Then a lattice grows from corner to
 * corner along the edges: a neighbour must lie where the lattice expects it, have its dark and bright sectors exchanged, and the edge between the two must be
 * there, dark on the right side. What letters, clothes and the bits of markers offer fails one of the three. The lattice is
 * labelled by its size and colours, or by the markers in its white squares; and each corner is at last moved to where all the
 * gradients around it are at right angles to the way to it (Foerstner 1987), in the full picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "human/calibration/room.h"

enum { SADDLES_MAX = 3000, SEEDS_MAX = 400, LATTICE = 2 * CALIBRATION_SQUARES_MAX + 4, MIDDLE = LATTICE / 2, RING = 32 };

/* ---- planes ---- */

float plane_at(const struct plane *p, double x, double y) {
    x = x < 0 ? 0 : x > p->width - 1.001 ? p->width - 1.001 : x;
    y = y < 0 ? 0 : y > p->height - 1.001 ? p->height - 1.001 : y;
    int i = (int)x, j = (int)y;
    float a = (float)(x - i), b = (float)(y - j);
    const float *q = p->at + (size_t)j * (size_t)p->width + i;
    return (1 - b) * ((1 - a) * q[0] + a * q[1]) + b * ((1 - a) * q[p->width] + a * q[p->width + 1]);
}

static bool plane_create(int width, int height, struct plane *out) {
    out->width = width, out->height = height;
    return (out->at = mem_alloc((size_t)width * (size_t)height * sizeof *out->at)) != NULL;
}

static bool halved(const struct plane *p, struct plane *out) {
    if (!plane_create(p->width / 2, p->height / 2, out)) return false;
    for (int y = 0; y < out->height; y++) {
        const float *a = p->at + (size_t)(2 * y) * (size_t)p->width, *b = a + p->width;
        for (int x = 0; x < out->width; x++) out->at[(size_t)y * (size_t)out->width + (size_t)x] = 0.25f * (a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1]);
    }
    return true;
}

static bool blurred(const struct plane *p, double sigma, struct plane *out) {
    float kernel[9], sum = 0;
    int half = (int)ceil(2.5 * sigma);
    struct plane rows;
    if (half > 4) half = 4;
    for (int i = -half; i <= half; i++) sum += kernel[i + 4] = (float)exp(-0.5 * i * i / (sigma * sigma));
    if (!plane_create(p->width, p->height, &rows)) return false;
    if (!plane_create(p->width, p->height, out)) {
        mem_free(rows.at);
        return false;
    }
    const int w = p->width, h = p->height;
    for (int i = -half; i <= half; i++) kernel[i + 4] /= sum;
    for (int y = 0; y < h; y++) {
        const float *from = p->at + (size_t)y * (size_t)w;
        float *to = rows.at + (size_t)y * (size_t)w;
        memset(to, 0, (size_t)w * sizeof *to);
        for (int i = -half; i <= half; i++) {
            for (int x = half; x < w - half; x++) to[x] += kernel[i + 4] * from[x + i];
            for (int x = 0; x < w; x += x == half - 1 ? w - 2 * half + 1 : 1) to[x] += kernel[i + 4] * from[x + i < 0 ? 0 : x + i >= w ? w - 1 : x + i]; /* the borders */
        }
    }
    for (int y = 0; y < h; y++) {
        float *to = out->at + (size_t)y * (size_t)w;
        memset(to, 0, (size_t)w * sizeof *to);
        for (int i = -half; i <= half; i++) {
            const float *from = rows.at + (size_t)(y + i < 0 ? 0 : y + i >= h ? h - 1 : y + i) * (size_t)w;
            for (int x = 0; x < w; x++) to[x] += kernel[i + 4] * from[x];
        }
    }
    mem_free(rows.at);
    return true;
}

/* ---- saddles ---- */

struct saddle {
    double x, y, strength;
    double bright, next; /* angles of the edges: from `bright`, through a bright sector, to `next`, less than half a turn on */
    float contrast;
    bool is_used;
};

static int by_strength(const void *a_, const void *b_) {
    double a = ((const struct saddle *)a_)->strength, b = ((const struct saddle *)b_)->strength;
    return a > b ? -1 : a < b;
}

/* Looks around a saddle: dark, bright, dark, bright, point-symmetric. */
static bool look_around(const struct plane *p, double radius, struct saddle *s) {
    float ring[RING], low = INFINITY, high = -INFINITY;
    if (s->x < radius + 1 || s->y < radius + 1 || s->x > p->width - radius - 2 || s->y > p->height - radius - 2) return false;
    for (int i = 0; i < RING; i++) {
        double a = 2 * M_PI * i / RING;
        ring[i] = plane_at(p, s->x + radius * cos(a), s->y + radius * sin(a));
        low = fminf(low, ring[i]), high = fmaxf(high, ring[i]);
    }
    float middle = 0.5f * (low + high), odd = 0, all = 0;
    s->contrast = high - low;
    if (s->contrast < 8) return false;
    for (int i = 0; i < RING; i++) {
        float d = ring[i] - ring[(i + RING / 2) % RING], e = ring[i] - middle;
        odd += d * d, all += e * e;
    }
    if (odd > 0.6f * all) return false;
    double crossings[4];
    int count = 0;
    bool is_rising_first = false;
    for (int i = 0; i < RING; i++) {
        float a = ring[i] - middle, b = ring[(i + 1) % RING] - middle;
        if ((a < 0) == (b < 0)) continue;
        if (count == 4) return false;
        if (!count) is_rising_first = b >= 0;
        crossings[count++] = 2 * M_PI / RING * (i + (double)(a / (a - b)));
    }
    if (count != 4) return false;
    /* opposite crossings are one edge */
    double first = 0.5 * (crossings[0] + crossings[2] - M_PI), second = 0.5 * (crossings[1] + crossings[3] - M_PI);
    if (fabs(crossings[2] - crossings[0] - M_PI) > 0.6 || fabs(crossings[3] - crossings[1] - M_PI) > 0.6) return false;
    if (second - first < 0.3 || second - first > M_PI - 0.3) return false; /* seen too flat */
    s->bright = is_rising_first ? first : second, s->next = is_rising_first ? second : first + M_PI;
    return true;
}

/* All saddles of the picture, strongest first; returns how many. */
static bool find_saddles(const struct plane *p, struct saddle *out, size_t *count_out) {
    struct plane soft, strength;
    if (!blurred(p, 1.2, &soft)) return false;
    if (!plane_create(p->width, p->height, &strength)) {
        mem_free(soft.at);
        return false;
    }
    const size_t w = (size_t)p->width;
    memset(strength.at, 0, w * (size_t)p->height * sizeof *strength.at);
    for (int y = 1; y + 1 < p->height; y++) {
        const float *q = soft.at + (size_t)y * w;
        for (int x = 1; x + 1 < p->width; x++) {
            float xx = q[x + 1] - 2 * q[x] + q[x - 1], yy = q[x + (int)w] - 2 * q[x] + q[x - (int)w];
            float xy = 0.25f * (q[x + 1 + (int)w] - q[x - 1 + (int)w] - q[x + 1 - (int)w] + q[x - 1 - (int)w]), s = xy * xy - xx * yy;
            strength.at[(size_t)y * w + (size_t)x] = s > 0 ? s : 0;
        }
    }
    size_t count = 0;
    const int apart = 2;
    for (int y = 6; y + 6 < p->height; y++) {
        for (int x = 6; x + 6 < p->width; x++) {
            float s = strength.at[(size_t)y * w + (size_t)x];
            if (s < 4) continue;
            bool is_top = true;
            for (int j = -apart; j <= apart && is_top; j++) {
                for (int i = -apart; i <= apart && is_top; i++) {
                    float o = strength.at[(size_t)(y + j) * w + (size_t)(x + i)];
                    is_top = o < s || (o == s && (j > 0 || (j == 0 && i >= 0)));
                }
            }
            if (!is_top) continue;
            struct saddle c = {.x = x, .y = y, .strength = s};
            if (!look_around(&soft, 4, &c) && !look_around(&soft, 3, &c)) continue;
            if (count == SADDLES_MAX) { /* full: the weaker half goes */
                qsort(out, count, sizeof *out, by_strength);
                count /= 2;
            }
            out[count++] = c;
        }
    }
    qsort(out, count, sizeof *out, by_strength);
    mem_free(soft.at), mem_free(strength.at);
    *count_out = count;
    return true;
}

/* ---- the lattice ---- */

/* cell[j][i]: index of the saddle at i steps along the columns and j along the rows from the seed in the middle; -1: none. Where i + j is even, the
 * square right of and below the corner (towards i + 1, j + 1) is bright. */
struct lattice {
    int16_t cell[LATTICE][LATTICE];
    double basis[LATTICE][LATTICE][2][2]; /* steps along i and j at each corner */
    size_t count;
};

static double axis_apart(double a, double b) { /* of two undirected lines */
    double d = fmod(fabs(a - b), M_PI);
    return d > M_PI / 2 ? M_PI - d : d;
}

/* Do the edges of a saddle lie along these steps, with the colours that its place asks for? */
static bool fits(const struct saddle *s, bool is_even, const double along_i[2], const double along_j[2], double tolerance) {
    double i = atan2(along_i[1], along_i[0]), j = atan2(along_j[1], along_j[0]);
    return axis_apart(s->bright, is_even ? i : j) < tolerance && axis_apart(s->next, is_even ? j : i) < tolerance;
}

/* Is there an edge all the way from a to b, bright on the side of `towards` if is_bright, else dark? */
static bool has_edge(const struct plane *p, const struct saddle *a, const struct saddle *b, const double towards[2], bool is_bright) {
    double dx = b->x - a->x, dy = b->y - a->y, length = hypot(dx, dy), nx = -dy / length, ny = dx / length;
    if (nx * towards[0] + ny * towards[1] < 0) nx = -nx, ny = -ny;
    double off = fmax(1.5, 0.06 * length);
    for (int k = 1; k <= 5; k++) {
        double t = k / 6.0, x = a->x + t * dx, y = a->y + t * dy;
        float difference = plane_at(p, x + off * nx, y + off * ny) - plane_at(p, x - off * nx, y - off * ny);
        if ((is_bright ? difference : -difference) < 0.25f * fminf(a->contrast, b->contrast)) return false;
    }
    return true;
}

/* The saddle nearest to (x, y) within `reach` that may stand at this place beside `from`. */
static int neighbour(const struct plane *p, const struct saddle *all, size_t count, const struct saddle *from, double x, double y, double reach, bool is_even, const double along_i[2],
                     const double along_j[2], bool is_step_along_i, bool is_bright) {
    int best = -1;
    double least = reach * reach;
    for (size_t k = 0; k < count; k++) {
        double d = (all[k].x - x) * (all[k].x - x) + (all[k].y - y) * (all[k].y - y);
        if (all[k].is_used || &all[k] == from || d >= least || !fits(&all[k], is_even, along_i, along_j, 0.4)) continue;
        if (!has_edge(p, from, &all[k], is_step_along_i ? along_j : along_i, is_bright)) continue;
        best = (int)k, least = d;
    }
    return best;
}

static void grow(const struct plane *p, struct saddle *all, size_t count, size_t seed, struct lattice *l) {
    static const int steps[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
    struct place {
        int16_t i, j;
    } queue[LATTICE * LATTICE];
    size_t head = 0, tail = 0;
    memset(l->cell, 0xff, sizeof l->cell), l->count = 0;
    /* The seed's own steps: its nearest neighbours along its two edges. */
    const struct saddle *s = &all[seed];
    double step[2][2], unit[2][2] = {{cos(s->bright), sin(s->bright)}, {cos(s->next), sin(s->next)}};
    for (int a = 0; a < 2; a++) {
        double least = INFINITY;
        for (size_t k = 0; k < count; k++) {
            double dx = all[k].x - s->x, dy = all[k].y - s->y, d = hypot(dx, dy);
            if (k == seed || all[k].is_used || d < 5 || d >= least) continue;
            double side = (dx * unit[a][0] + dy * unit[a][1]) / d;
            if (fabs(side) < 0.97 || !fits(&all[k], false, unit[0], unit[1], 0.4)) continue;
            if (!has_edge(p, s, &all[k], unit[!a], side > 0)) continue;
            least = d;
            step[a][0] = side > 0 ? dx : -dx, step[a][1] = side > 0 ? dy : -dy;
        }
        if (!isfinite(least)) return;
    }
    l->cell[MIDDLE][MIDDLE] = (int16_t)seed, l->count = 1;
    all[seed].is_used = true;
    memcpy(l->basis[MIDDLE][MIDDLE], step, sizeof step);
    queue[tail++] = (struct place){MIDDLE, MIDDLE};
    while (head < tail) {
        struct place at = queue[head++];
        const struct saddle *from = &all[l->cell[at.j][at.i]];
        for (int k = 0; k < 4; k++) {
            int i = at.i + steps[k][0], j = at.j + steps[k][1], back_i = at.i - steps[k][0], back_j = at.j - steps[k][1];
            if (i < 1 || j < 1 || i >= LATTICE - 1 || j >= LATTICE - 1 || l->cell[j][i] >= 0) continue;
            const double(*b)[2] = l->basis[at.j][at.i];
            double dx = steps[k][0] * b[0][0] + steps[k][1] * b[1][0], dy = steps[k][0] * b[0][1] + steps[k][1] * b[1][1];
            if (l->cell[back_j][back_i] >= 0) dx = from->x - all[l->cell[back_j][back_i]].x, dy = from->y - all[l->cell[back_j][back_i]].y;
            bool is_even = (i + j) % 2 == 0;
            /* the square on the side of the other axis is the one whose upper left corner is the lower end of the step */
            bool is_bright = ((i < at.i ? i : at.i) + (j < at.j ? j : at.j)) % 2 == 0;
            int found = neighbour(p, all, count, from, from->x + dx, from->y + dy, 0.35 * hypot(dx, dy), is_even, b[0], b[1], steps[k][0] != 0, is_bright);
            if (found < 0) continue;
            l->cell[j][i] = (int16_t)found, l->count++;
            all[found].is_used = true;
            memcpy(l->basis[j][i], b, sizeof l->basis[j][i]);
            int axis = steps[k][0] ? 0 : 1, sign = steps[k][0] + steps[k][1];
            l->basis[j][i][axis][0] = sign * (all[found].x - from->x), l->basis[j][i][axis][1] = sign * (all[found].y - from->y);
            queue[tail++] = (struct place){(int16_t)i, (int16_t)j};
        }
    }
}

/* ---- labels ---- */

/* How lattice places become board vertices (inner corner = vertex - 1): quarter turns and a shift. */
struct labels {
    int turns, column, row;
};

static void vertex_of(const struct labels *l, int i, int j, int *column, int *row) {
    const int c[4][2] = {{i, j}, {j, -i}, {-i, -j}, {-j, i}};
    *column = c[l->turns][0] + l->column, *row = c[l->turns][1] + l->row;
}

static bool label_plain(const struct saddle *all, const struct lattice *l, const struct calibration_board *b, struct labels *out) {
    int low[2] = {LATTICE, LATTICE}, high[2] = {-1, -1};
    for (int j = 0; j < LATTICE; j++) {
        for (int i = 0; i < LATTICE; i++) {
            if (l->cell[j][i] < 0) continue;
            low[0] = i < low[0] ? i : low[0], high[0] = i > high[0] ? i : high[0], low[1] = j < low[1] ? j : low[1], high[1] = j > high[1] ? j : high[1];
        }
    }
    double best = -INFINITY;
    for (int turns = 0; turns < 4; turns++) {
        int w = turns % 2 ? b->rows - 1 : b->columns - 1, h = turns % 2 ? b->columns - 1 : b->rows - 1; /* in the lattice */
        for (int j = low[1]; j + h - 1 <= high[1]; j++) {
            for (int i = low[0]; i + w - 1 <= high[0]; i++) {
                bool is_whole = true;
                for (int y = j; y < j + h && is_whole; y++) {
                    for (int x = i; x < i + w && is_whole; x++) is_whole = l->cell[y][x] >= 0;
                }
                if (!is_whole) continue;
                struct labels t = {.turns = turns};
                int c0, r0, c1, r1, column, row;
                vertex_of(&t, i, j, &c0, &r0), vertex_of(&t, i + w - 1, j + h - 1, &c1, &r1);
                t.column = 1 - (c0 < c1 ? c0 : c1), t.row = 1 - (r0 < r1 ? r0 : r1);
                /* Square (c, r) right of and below vertex (c, r) is white where c + r is odd; a quarter turn exchanges the sectors. */
                vertex_of(&t, i, j, &column, &row);
                bool is_white = ((i + j) % 2 == 0) != (turns % 2 == 1);
                if (is_white != ((column + row) % 2 != 0)) continue;
                /* of what is possible, the one that stands upright */
                int ia = i, ja = j, ib = i, jb = j;
                if (turns == 0) ib = i + w - 1;
                else if (turns == 1) jb = j + h - 1;
                else if (turns == 2) ia = i + w - 1;
                else ja = j + h - 1;
                const struct saddle *from = &all[l->cell[ja][ia]], *to = &all[l->cell[jb][ib]];
                double upright = (to->x - from->x) / hypot(to->x - from->x, to->y - from->y);
                if (upright > best) best = upright, *out = t;
            }
        }
    }
    return isfinite(best);
}

/* A square of the lattice as the picture of the unit square: a projective map through its four corners. */
struct quad {
    double a, b, c, d, e, f, g, h;
};
static struct quad quad_of(const struct saddle *p00, const struct saddle *p10, const struct saddle *p11, const struct saddle *p01) {
    double dx1 = p10->x - p11->x, dx2 = p01->x - p11->x, dx3 = p00->x - p10->x + p11->x - p01->x;
    double dy1 = p10->y - p11->y, dy2 = p01->y - p11->y, dy3 = p00->y - p10->y + p11->y - p01->y;
    double det = dx1 * dy2 - dx2 * dy1;
    struct quad q = {0};
    if (fabs(det) > 1e-9) q.g = (dx3 * dy2 - dx2 * dy3) / det, q.h = (dx1 * dy3 - dx3 * dy1) / det;
    q.a = p10->x - p00->x + q.g * p10->x, q.b = p01->x - p00->x + q.h * p01->x, q.c = p00->x;
    q.d = p10->y - p00->y + q.g * p10->y, q.e = p01->y - p00->y + q.h * p01->y, q.f = p00->y;
    return q;
}
static float quad_look(const struct quad *q, const struct plane *p, double s, double t) {
    double w = q->g * s + q->h * t + 1;
    return plane_at(p, (q->a * s + q->b * t + q->c) / w, (q->d * s + q->e * t + q->f) / w);
}

/* Mean over the inner part of a cell whose middle is (s, t) and whose side is `side`. */
static float cell_light(const struct quad *q, const struct plane *p, double s, double t, double side) {
    float sum = 0;
    for (int k = 0; k < 9; k++) sum += quad_look(q, p, s + (k % 3 - 1) * 0.25 * side, t + (k / 3 - 1) * 0.25 * side);
    return sum / 9;
}

/* Reads the 16 bits of a bright square; false where there is no black frame around them. */
static bool read_bits(const struct quad *q, const struct plane *p, const struct calibration_board *b, bool bits[4][4]) {
    double ratio = b->marker_m / b->square_m, margin = 0.5 * (1 - ratio), side = ratio / 6;
    float black = 0, white = 0, cells[6][6];
    int frame = 0;
    for (int j = 0; j < 6; j++) {
        for (int i = 0; i < 6; i++) {
            cells[j][i] = cell_light(q, p, margin + (i + 0.5) * side, margin + (j + 0.5) * side, side);
            if (i == 0 || j == 0 || i == 5 || j == 5) black += cells[j][i], frame++;
        }
    }
    black /= (float)frame;
    for (int k = 0; k < 12; k++) {
        double along = margin + (k % 3 + 1) * 0.25 * ratio, edge = 0.5 * margin;
        int on = k / 3;
        white += quad_look(q, p, on == 0 ? along : on == 1 ? 1 - edge : on == 2 ? along : edge, on == 0 ? edge : on == 1 ? along : on == 2 ? 1 - edge : along) / 12;
    }
    float middle = 0.5f * (black + white);
    if (white - black < 10) return false;
    int wrong = 0;
    for (int j = 0; j < 6; j++) {
        for (int i = 0; i < 6; i++) {
            if (i == 0 || j == 0 || i == 5 || j == 5) wrong += cells[j][i] > middle;
            else bits[j - 1][i - 1] = cells[j][i] > middle;
        }
    }
    return wrong <= 2;
}

/* The marker nearest to these bits in any turn, if it differs in at most one. */
static int marker_in(const bool bits[4][4], const struct calibration_board *b, int *turns) {
    int count = b->columns * b->rows / 2;
    for (int turn = 0; turn < 4; turn++) {
        uint16_t word = 0;
        for (int row = 0; row < 4; row++) {
            for (int column = 0; column < 4; column++) {
                bool bit = turn == 0 ? bits[row][column] : turn == 1 ? bits[column][3 - row] : turn == 2 ? bits[3 - row][3 - column] : bits[3 - column][row];
                word = (uint16_t)(word << 1 | bit);
            }
        }
        for (int m = 0; m < count; m++) {
            if (__builtin_popcount(word ^ marker_words[b->first_marker + m]) > 1) continue;
            *turns = turn;
            return b->first_marker + m;
        }
    }
    return -1;
}

static struct saddle enlarged(const struct saddle *s, int level) {
    double scale = 1 << level;
    return (struct saddle){.x = s->x * scale + 0.5 * (scale - 1), .y = s->y * scale + 0.5 * (scale - 1)};
}

/* `full` is the whole picture, the lattice that of its `level`. */
static bool label_markers(const struct plane *full, int level, const struct saddle *all, const struct lattice *l, const struct calibration_board *b, struct labels *out) {
    enum { VOTES_MAX = 64 };
    struct {
        struct labels labels;
        int votes;
    } votes[VOTES_MAX];
    int kinds = 0, best = -1;
    for (int j = 1; j + 1 < LATTICE; j++) {
        for (int i = 1; i + 1 < LATTICE; i++) {
            int16_t a = l->cell[j][i], c = l->cell[j][i + 1], d = l->cell[j + 1][i + 1], e = l->cell[j + 1][i];
            bool bits[4][4];
            int turns;
            if (a < 0 || c < 0 || d < 0 || e < 0 || (i + j) % 2) continue; /* only bright squares */
            struct saddle corners[4] = {enlarged(&all[a], level), enlarged(&all[c], level), enlarged(&all[d], level), enlarged(&all[e], level)};
            struct quad q = quad_of(&corners[0], &corners[1], &corners[2], &corners[3]);
            if (!read_bits(&q, full, b, bits)) continue;
            int marker = marker_in(bits, b, &turns);
            if (marker < 0) continue;
            /* the white square with that number */
            int column = -1, row = -1;
            for (int r = 0; r < b->rows; r++) {
                for (int k = 0; k < b->columns; k++) {
                    if ((k + r) % 2 && marker_of_square(b, k, r) == marker) column = k, row = r;
                }
            }
            if (column < 0) continue;
            struct labels t = {.turns = turns};
            int c0, r0, c1, r1;
            vertex_of(&t, i, j, &c0, &r0), vertex_of(&t, i + 1, j + 1, &c1, &r1);
            t.column = column - (c0 < c1 ? c0 : c1), t.row = row - (r0 < r1 ? r0 : r1);
            int k = 0;
            while (k < kinds && memcmp(&votes[k].labels, &t, sizeof t)) k++;
            if (k == VOTES_MAX) continue;
            if (k == kinds) votes[kinds].labels = t, votes[kinds++].votes = 0;
            votes[k].votes++;
            if (best < 0 || votes[k].votes > votes[best].votes) best = k;
        }
    }
    if (best < 0) return false;
    *out = votes[best].labels;
    return true;
}

/* ---- to a fraction of a pixel ---- */

static bool sharpen(const struct plane *p, double half, double *x, double *y) {
    double cx = *x, cy = *y;
    int reach = (int)ceil(half);
    for (int turn = 0; turn < 30; turn++) {
        double xx = 0, xy = 0, yy = 0, bx = 0, by = 0;
        if (cx < reach + 2 || cy < reach + 2 || cx > p->width - reach - 3 || cy > p->height - reach - 3) return false;
        for (int j = -reach; j <= reach; j++) {
            for (int i = -reach; i <= reach; i++) {
                double d2 = (double)(i * i + j * j) / (half * half);
                if (d2 > 1) continue;
                double px = cx + i, py = cy + j, w = exp(-1.5 * d2);
                double gx = plane_at(p, px + 0.5, py) - plane_at(p, px - 0.5, py), gy = plane_at(p, px, py + 0.5) - plane_at(p, px, py - 0.5);
                xx += w * gx * gx, xy += w * gx * gy, yy += w * gy * gy;
                bx += w * (gx * gx * i + gx * gy * j), by += w * (gx * gy * i + gy * gy * j);
            }
        }
        double det = xx * yy - xy * xy;
        if (!(det > 1e-6 * (xx + yy) * (xx + yy))) return false;
        double dx = (yy * bx - xy * by) / det, dy = (xx * by - xy * bx) / det;
        cx += dx, cy += dy;
        if (!(hypot(cx - *x, cy - *y) <= half)) return false;
        if (fabs(dx) + fabs(dy) < 2e-3) break;
    }
    *x = cx, *y = cy;
    return true;
}

/* How far the next corner is, in the full picture; 0 if none. */
static double spacing(const struct saddle *all, const struct lattice *l, int i, int j, double scale) {
    double least = INFINITY;
    const struct saddle *s = &all[l->cell[j][i]];
    for (int k = 0; k < 4; k++) {
        int16_t n = l->cell[j + (k == 1) - (k == 3)][i + (k == 0) - (k == 2)];
        if (n >= 0) least = fmin(least, hypot(all[n].x - s->x, all[n].y - s->y) * scale);
    }
    return isfinite(least) ? least : 0;
}

static struct err collect(struct arena *mem, const struct plane *full, const struct saddle *all, const struct lattice *l, const struct labels *labels, const struct calibration_board *b, int level,
                          struct calibration_sight *out) {
    struct calibration_sight s = {.corners = arena_alloc_array(mem, (size_t)calibration_corner_count(b), sizeof *s.corners)};
    struct plane soft;
    if (!s.corners || !blurred(full, 0.7, &soft)) return err_memory();
    double scale = 1 << level;
    for (int j = 1; j + 1 < LATTICE; j++) {
        for (int i = 1; i + 1 < LATTICE; i++) {
            int column, row;
            if (l->cell[j][i] < 0) continue;
            vertex_of(labels, i, j, &column, &row);
            if (column < 1 || row < 1 || column >= b->columns || row >= b->rows) continue;
            double gap = spacing(all, l, i, j, scale), half = gap * (b->marker_m > 0 ? 0.45 * (1 - b->marker_m / b->square_m) : 0.3);
            struct saddle coarse = enlarged(&all[l->cell[j][i]], level);
            double x = coarse.x, y = coarse.y;
            if (level && !sharpen(&soft, fmax(2.5, scale * 1.5), &x, &y)) continue; /* the coarse place is only good to a pixel of its own */
            if (!sharpen(&soft, fmin(fmax(half, 2.5), 10), &x, &y)) continue;
            s.corners[s.count++] = (struct calibration_corner){(row - 1) * (b->columns - 1) + column - 1, x, y};
        }
    }
    mem_free(soft.at);
    *out = s;
    return ERR_OK;
}

/* ---- the whole ---- */

/* Tries one size of the picture. */
static struct err find_at(struct arena *mem, const struct plane *full, const struct plane *p, int level, const struct calibration_board *b, struct calibration_sight *out, bool *is_found) {
    struct saddle *all = mem_zalloc_array(SADDLES_MAX, sizeof *all);
    struct lattice *now = mem_zalloc(sizeof *now);
    struct err e = ERR_OK;
    size_t count = 0;
    *is_found = false;
    if (!all || !now || !find_saddles(p, all, &count)) e = err_memory();
    for (size_t seed = 0; !e.kind && seed < count && seed < SEEDS_MAX && !*is_found; seed++) {
        struct labels labels;
        if (all[seed].is_used) continue;
        grow(p, all, count, seed, now);
        if (now->count < 4) continue;
        if (b->marker_m == 0) *is_found = now->count >= (size_t)calibration_corner_count(b) && label_plain(all, now, b, &labels);
        else *is_found = label_markers(full, level, all, now, b, &labels);
        if (!*is_found) continue;
        struct calibration_sight s = {0};
        e = collect(mem, full, all, now, &labels, b, level, &s);
        if (e.kind) break;
        *is_found = b->marker_m > 0 ? s.count >= 4 : s.count == (size_t)calibration_corner_count(b);
        if (*is_found) *out = s;
    }
    mem_free(all), mem_free(now);
    return e;
}

struct err calibration_find_board(struct arena *mem, const struct calibration_picture *picture, const struct calibration_board *b, struct calibration_sight *out) {
    enum { LEVELS = 5 };
    struct err e = calibration_board_check(b);
    if (e.kind) return e;
    if (picture->width < 16 || picture->height < 16 || picture->width > 16384 || picture->height > 16384) {
        return err_make(ERR_INPUT, "calibration.picture", "The picture's sides are not 16 to 16,384 pixels.");
    }
    struct plane levels[LEVELS] = {0};
    int count = 1, first = 0;
    if (!plane_create(picture->width, picture->height, &levels[0])) return err_memory();
    for (int y = 0; y < picture->height; y++) {
        for (int x = 0; x < picture->width; x++) levels[0].at[(size_t)y * (size_t)picture->width + (size_t)x] = picture->gray[(size_t)y * picture->stride + (size_t)x];
    }
    while (count < LEVELS && levels[count - 1].width >= 400 && levels[count - 1].height >= 300 && !e.kind) {
        if (!halved(&levels[count - 1], &levels[count])) e = err_memory();
        else count++;
    }
    while (first + 1 < count && levels[first].width > 1400) first++;
    /* From a handy size to finer ones, for small boards (a finer one may show more of a ChArUco board); then to coarser ones, for blurred pictures. */
    bool is_found = false;
    for (int k = 0; k < count && !e.kind; k++) {
        int level = k <= first ? first - k : k;
        bool is_here;
        struct calibration_sight s = {0};
        if (is_found && (level > first || out->count == (size_t)calibration_corner_count(b))) break;
        e = find_at(mem, &levels[0], &levels[level], level, b, &s, &is_here);
        if (e.kind || !is_here || (is_found && s.count <= out->count)) continue;
        *out = s, is_found = true;
    }
    for (int i = 0; i < LEVELS; i++) mem_free(levels[i].at);
    if (e.kind) return e;
    if (!is_found) {
        return err_make(ERR_NOT_FOUND, "calibration.not_seen", b->marker_m > 0 ? "The board is not found in this picture. Its squares must be at least some 20 pixels wide, sharp, and their number right."
                                                                               : "The board is not found in this picture. A checkerboard must be seen whole, flat and sharp, with its white border; check the number of squares.");
    }
    return ERR_OK;
}
