/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * triangulate.h: for this room and its tests. Triangulation exists in plain C, which stays and is what everything else is compared with, and for
 * several points at once in the vector units of newer processors. All of them do the same operations in the same order (none is contracted
 * to a fused multiply-add), so their results are equal bit for bit. */
#ifndef TRACK_TRIANGULATE_H
#define TRACK_TRIANGULATE_H

#include "human/track/track.h"

enum triangulate_way { TRIANGULATE_PLAIN, TRIANGULATE_AVX2, TRIANGULATE_AVX512, TRIANGULATE_WAYS };
const char *triangulate_way_name(enum triangulate_way);
bool triangulate_can(enum triangulate_way); /* on this processor, with this build */
/* track_triangulate by a way that this processor can. */
size_t triangulate_by(enum triangulate_way, const struct track_scope *, const struct pose_point *const points[], size_t count, struct track_point *out);

/* ---- what the ways share ---- */

/* What the cameras say about one joint. */
struct sights {
    size_t count;
    struct camera_line line[CAMERA_COUNT_MAX];
    double weight[CAMERA_COUNT_MAX]; /* 1 / noise^2 */
    uint8_t camera[CAMERA_COUNT_MAX];
};

/* The point of two sights alone, and how well every camera agrees with it: sum of residuals cut off at the gate. inliers is 0 when the two rays
 * determine no point. */
struct hypothesis {
    struct vec3 at;
    double cost;
    size_t inliers;
};
enum { HYPOTHESES_MAX = 8 }; /* at once */
typedef void hypothesise(const struct sights *, const uint8_t (*pairs)[2], size_t count, double gate2, struct hypothesis *out);
hypothesise hypothesise_plain;

/* Squared gate and largest deviation; see struct track_scope. */
struct limits {
    double gate2, deviation_max;
    float confidence_min;
};

/* The point of sights of which at least one does not fit the others. */
struct track_point triangulate_disputed(const struct sights *, const struct limits *, hypothesise *);

#if defined(__x86_64__)
size_t triangulate_avx2(const struct track_scope *, const struct limits *, const struct pose_point *const points[], size_t count, struct track_point *out);
size_t triangulate_avx512(const struct track_scope *, const struct limits *, const struct pose_point *const points[], size_t count, struct track_point *out);
#endif

#endif
