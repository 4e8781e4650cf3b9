/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/motion/motion.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct err motion_create(struct arena *mem, size_t frames, size_t points, double rate, struct motion *out) {
    if (frames > MOTION_FRAMES_MAX || points > MOTION_POINTS_MAX) return err_make(ERR_LIMIT, "motion.large", "The motion has more frames or points than are accepted.");
    struct motion m = {.rate = rate, .frame_count = frames, .point_count = points};
    m.point_names = arena_alloc_array(mem, points ? points : 1, sizeof *m.point_names);
    m.at = arena_alloc_array(mem, frames > 0 && points > 0 ? frames * points : 1, sizeof *m.at);
    if (!m.point_names || !m.at) return err_memory();
    for (size_t i = 0; i < frames * points; i++) m.at[i] = VEC3_UNKNOWN;
    *out = m;
    return ERR_OK;
}

int motion_find(const struct motion *m, struct slice name) {
    for (size_t i = 0; i < m->point_count; i++) {
        if (slice_eq_nocase(slice_cstr(m->point_names[i]), name)) return (int)i;
    }
    return -1;
}

void motion_to_y_up(struct motion *m) {
    for (size_t i = 0; i < m->frame_count * m->point_count; i++) m->at[i] = vec3_of(m->at[i].y, m->at[i].z, m->at[i].x);
}

static int double_order(const void *a_, const void *b_) {
    double a = *(const double *)a_, b = *(const double *)b_;
    return a < b ? -1 : a > b;
}

/* Of sorted values, between neighbours as spreadsheets do. */
static double quantile(const double *v, size_t n, double q) {
    double at = q * (double)(n - 1);
    size_t low = (size_t)at;
    return low + 1 < n ? v[low] + (at - (double)low) * (v[low + 1] - v[low]) : v[n - 1];
}

struct err motion_compare(const struct motion *a, const struct motion *b, struct motion_difference *out, struct motion_point_difference *each, size_t *each_count) {
    int64_t first = a->frame_first > b->frame_first ? a->frame_first : b->frame_first;
    int64_t a_end = a->frame_first + (int64_t)a->frame_count, b_end = b->frame_first + (int64_t)b->frame_count, end = a_end < b_end ? a_end : b_end;
    struct motion_difference d = {.mean_m = NAN, .median_m = NAN, .p95_m = NAN, .max_m = NAN, .rms_m = NAN};
    for (size_t p = 0; p < a->point_count; p++) d.points += motion_find(b, slice_cstr(a->point_names[p])) >= 0;
    if (end <= first || !d.points) return err_make(ERR_INPUT, "motion.apart", "The two have no common point names or no common frame numbers.");
    d.frames = (size_t)(end - first);
    double *all = mem_zalloc_array(d.frames * d.points, sizeof *all);
    if (!all) return err_memory();
    double sum = 0, squares = 0;
    size_t written = 0;
    for (size_t p = 0; p < a->point_count; p++) {
        int q = motion_find(b, slice_cstr(a->point_names[p]));
        if (q < 0) continue;
        double *mine = all + d.compared, my_sum = 0;
        size_t count = 0;
        for (int64_t f = first; f < end; f++) {
            struct vec3 x = *motion_at(a, (size_t)(f - a->frame_first), p), y = *motion_at(b, (size_t)(f - b->frame_first), (size_t)q);
            bool has_x = vec3_is_known(x), has_y = vec3_is_known(y);
            d.only_a += has_x && !has_y, d.only_b += has_y && !has_x;
            if (!has_x || !has_y) continue;
            double distance = vec3_distance(x, y);
            mine[count++] = distance, my_sum += distance, squares += distance * distance;
        }
        qsort(mine, count, sizeof *mine, double_order);
        if (each) {
            struct motion_point_difference *e = &each[written++];
            *e = (struct motion_point_difference){.compared = count, .mean_m = NAN, .median_m = NAN, .p95_m = NAN, .max_m = NAN};
            memcpy(e->name, a->point_names[p], sizeof e->name);
            if (count) e->mean_m = my_sum / (double)count, e->median_m = quantile(mine, count, 0.5), e->p95_m = quantile(mine, count, 0.95), e->max_m = mine[count - 1];
        }
        d.compared += count, sum += my_sum;
    }
    if (d.compared) {
        qsort(all, d.compared, sizeof *all, double_order);
        d.mean_m = sum / (double)d.compared, d.rms_m = sqrt(squares / (double)d.compared);
        d.median_m = quantile(all, d.compared, 0.5), d.p95_m = quantile(all, d.compared, 0.95), d.max_m = all[d.compared - 1];
    }
    mem_free(all);
    if (each_count) *each_count = written;
    *out = d;
    return ERR_OK;
}

bool motion_segment_length(const struct motion *m, int a, int b, double *median_m, double *deviation_m) {
    double *length = mem_zalloc_array(m->frame_count ? m->frame_count : 1, sizeof *length), sum = 0, squares = 0;
    if (!length) return false;
    size_t n = 0;
    for (size_t f = 0; f < m->frame_count; f++) {
        struct vec3 x = *motion_at(m, f, (size_t)a), y = *motion_at(m, f, (size_t)b);
        if (vec3_is_known(x) && vec3_is_known(y)) length[n] = vec3_distance(x, y), sum += length[n++];
    }
    for (size_t i = 0; i < n; i++) squares += (length[i] - sum / (double)n) * (length[i] - sum / (double)n);
    if (n) {
        qsort(length, n, sizeof *length, double_order);
        *median_m = quantile(length, n, 0.5), *deviation_m = sqrt(squares / (double)n);
    }
    mem_free(length);
    return n > 0;
}
