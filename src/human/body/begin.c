/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where the fit begins: sizes by the medians of distances, and each frame's posture by geometry from the points that are there. What a frame does
 * not show is turned evenly from the frames around it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "human/body/fit.h"

static int double_order(const void *a_, const void *b_) {
    double a = *(const double *)a_, b = *(const double *)b_;
    return a < b ? -1 : a > b;
}

static struct vec3 seen(const struct task *t, size_t f, enum pose_joint k) {
    const struct sight *s = &t->sights[f * POSE_JOINTS + k];
    return s->information.xx > 0 && s->deviation_m <= t->deviation_max_m ? s->at : VEC3_UNKNOWN;
}
static struct vec3 middle(struct vec3 a, struct vec3 b) { return vec3_mix(a, b, 0.5); }
static struct vec3 either(struct vec3 a, struct vec3 b) { return vec3_is_known(a) ? a : b; }
static struct vec3 hips(const struct task *t, size_t f) { return either(middle(seen(t, f, POSE_LHIP), seen(t, f, POSE_RHIP)), seen(t, f, POSE_HIP)); }
static struct vec3 neck(const struct task *t, size_t f) { return either(seen(t, f, POSE_NECK), middle(seen(t, f, POSE_LSHOULDER), seen(t, f, POSE_RSHOULDER))); }

/* Distances that are sizes: both ends, how much of the size they are. */
static const struct {
    int8_t a, b, size;
    double share;
} rulers[] = {
    {POSE_LHIP, POSE_RHIP, SIZE_HIP_WIDTH, 2}, {POSE_LSHOULDER, POSE_RSHOULDER, SIZE_SHOULDER_Z, 2}, {-1, -2, SIZE_TRUNK, 1}, {POSE_NECK, POSE_HEAD, SIZE_HEAD, 1},
    {POSE_LEAR, POSE_REAR, SIZE_EAR_Z, 2}, {POSE_LEYE, POSE_REYE, SIZE_EYE_Z, 2},
    {POSE_LSHOULDER, POSE_LELBOW, SIZE_UPPER_ARM, 1}, {POSE_RSHOULDER, POSE_RELBOW, SIZE_UPPER_ARM, 1}, {POSE_LELBOW, POSE_LWRIST, SIZE_FOREARM, 1},
    {POSE_RELBOW, POSE_RWRIST, SIZE_FOREARM, 1}, {POSE_LHIP, POSE_LKNEE, SIZE_THIGH, 1}, {POSE_RHIP, POSE_RKNEE, SIZE_THIGH, 1},
    {POSE_LKNEE, POSE_LANKLE, SIZE_SHANK, 1}, {POSE_RKNEE, POSE_RANKLE, SIZE_SHANK, 1},
};
enum { RULERS = ARRAY_LEN(rulers), HEIGHT_RULERS = SIZE_SHANK };

static struct err measure(struct task *t) {
    double median[SIZES], sum = 0, weights = 0, heights[RULERS];
    size_t count[SIZES] = {0}, known = 0;
    double *lengths = mem_alloc((2 * t->frames + 1) * sizeof *lengths);
    if (!lengths) return err_memory();
    for (int s = 0; s < SIZES; s++) median[s] = NAN;
    for (size_t i = 0; i < RULERS; i++) {
        size_t n = 0;
        if (isfinite(median[rulers[i].size])) continue; /* the right side was measured with the left */
        for (size_t other = i; other < RULERS; other++) {
            if (rulers[other].size != rulers[i].size) continue;
            for (size_t f = 0; f < t->frames; f++) {
                struct vec3 a = rulers[other].a == -1 ? hips(t, f) : seen(t, f, (enum pose_joint)rulers[other].a);
                struct vec3 b = rulers[other].b == -2 ? neck(t, f) : seen(t, f, (enum pose_joint)rulers[other].b);
                if (vec3_is_known(a) && vec3_is_known(b) && n < 2 * t->frames) lengths[n++] = vec3_distance(a, b) / rulers[other].share;
            }
        }
        if (!n) continue;
        qsort(lengths, n, sizeof *lengths, double_order);
        median[rulers[i].size] = lengths[n / 2], count[rulers[i].size] = n;
    }
    mem_free(lengths);
    /* The height that each says, weighed by how alike people are in it. */
    for (int s = 0; s < SIZES; s++) {
        if (!count[s]) continue;
        const struct size_prior *p = &body_size_priors[s];
        double relative = p->deviation / p->mean;
        heights[known++] = median[s] / p->mean;
        sum += heights[known - 1] / (relative * relative), weights += 1 / (relative * relative);
    }
    if (!known) return err_make(ERR_INPUT, "body.empty", "Too few joints of this person were seen by two cameras for a skeleton.");
    qsort(heights, known, sizeof *heights, double_order);
    t->height = known < 3 ? sum / weights : heights[known / 2];
    if (!(t->height > 0.5 && t->height < 2.9)) {
        return err_make(ERR_INPUT, "body.scale", "This person would be shorter than 0.5 m or taller than 2.9 m: check the unit of the calibration's positions (they must be metres).");
    }
    for (int s = 0; s < SIZES; s++) {
        const struct size_prior *p = &body_size_priors[s];
        t->sizes[s] = p->mean * t->height;
        /* a distance that no body has comes from something else than that body */
        if (count[s] >= 3 && fabs(median[s] - t->sizes[s]) < 4 * p->deviation * t->height) t->sizes[s] = median[s];
    }
    body_shape_of(t->sizes, &t->shape);
    return ERR_OK;
}

/* ---- postures ---- */

enum { SLOTS = 1 + BALLS + HINGES }; /* place, balls, hinges */

/* Columns X, Y, Z with Y along `y` exactly and Z near `z`; false when they are (nearly) one line or unknown. */
static bool frame_yz(struct vec3 y, struct vec3 z, struct mat3 *out) {
    struct vec3 uy = vec3_unit(y), ux = vec3_unit(vec3_cross(uy, vec3_unit(z)));
    if (!vec3_is_known(ux) || vec3_norm(vec3_cross(uy, vec3_unit(z))) < 0.1) return false;
    struct vec3 uz = vec3_cross(ux, uy);
    *out = (struct mat3){{{ux.x, uy.x, uz.x}, {ux.y, uy.y, uz.y}, {ux.z, uy.z, uz.z}}};
    return true;
}
static bool frame_zy(struct vec3 z, struct vec3 y, struct mat3 *out) {
    struct vec3 uz = vec3_unit(z), ux = vec3_unit(vec3_cross(vec3_unit(y), uz));
    if (!vec3_is_known(ux) || vec3_norm(vec3_cross(vec3_unit(y), uz)) < 0.1) return false;
    struct vec3 uy = vec3_cross(uz, ux);
    *out = (struct mat3){{{ux.x, uy.x, uz.x}, {ux.y, uy.y, uz.y}, {ux.z, uy.z, uz.z}}};
    return true;
}
static struct mat3 relative(const struct mat3 *parent, const struct mat3 *child) {
    struct mat3 back = mat3_transpose(parent);
    return mat3_multiply(&back, child);
}

/* A bone of half or one and a half times its length has an end that is something else. */
static struct vec3 bone(const struct task *t, struct vec3 from, struct vec3 to, enum shape_size size) {
    struct vec3 b = vec3_sub(to, from);
    double length = vec3_norm(b);
    return length > 0.5 * t->sizes[size] && length < 1.5 * t->sizes[size] ? b : VEC3_UNKNOWN;
}

/* Z of a hanging limb, swung with it by the shortest way to where it is; unknown for one that points up. */
static struct vec3 swung_z(const struct mat3 *parent, struct vec3 u) {
    struct vec3 down = vec3_scale(mat3_column(parent, 1), -1), z = mat3_column(parent, 2), c = vec3_cross(down, u);
    double cosine = vec3_dot(down, u);
    if (!(cosine > -0.8)) return VEC3_UNKNOWN;
    return vec3_add(vec3_add(z, vec3_cross(c, z)), vec3_scale(vec3_cross(c, vec3_cross(c, z)), 1 / (1 + cosine)));
}

/* A limb of two bones that bends one way: `first` and `second` are their directions, `sign` +1 when the far bone bends forwards (elbow), -1 backwards (knee). The plane
 * that they lie in tells the near bone's turn, unless it is straight or bent against its way; then it has none. */
static bool two_bones(struct vec3 first, struct vec3 second, double sign, const struct mat3 *parent, struct mat3 *upper, double *bend) {
    struct vec3 u = vec3_unit(first), w = vec3_unit(second), normal = vec3_scale(vec3_cross(u, w), sign), beside = swung_z(parent, u);
    double sine = vec3_norm(normal), along = vec3_dot(normal, beside);
    *bend = vec3_is_known(w) ? atan2(sine, vec3_dot(u, w)) : NAN;
    if (!vec3_is_known(u)) return false;
    bool is_bent = vec3_is_known(w) && sine > 0.25 && !(along <= -0.5 * sine);
    if (!is_bent && vec3_is_known(w) && along < 0) *bend = -fmin(*bend, 0.1);
    return frame_yz(vec3_scale(u, -1), is_bent ? normal : beside, upper);
}

static void pose_frame(const struct task *t, size_t f, struct posture *p, bool known[SLOTS]) {
    memset(known, 0, SLOTS);
    struct vec3 lhip = seen(t, f, POSE_LHIP), rhip = seen(t, f, POSE_RHIP), middle_hips = hips(t, f), top = neck(t, f);
    struct vec3 lshoulder = seen(t, f, POSE_LSHOULDER), rshoulder = seen(t, f, POSE_RSHOULDER), up = bone(t, middle_hips, top, SIZE_TRUNK);
    struct mat3 pelvis, thorax, r;
    p->at = middle_hips, known[0] = vec3_is_known(middle_hips);
    struct vec3 across = vec3_scale(bone(t, vec3_scale(lhip, 0.5), vec3_scale(rhip, 0.5), SIZE_HIP_WIDTH), 2);
    struct vec3 shoulders = vec3_scale(bone(t, vec3_scale(lshoulder, 0.5), vec3_scale(rshoulder, 0.5), SIZE_SHOULDER_Z), 2);
    struct vec3 world_up = mat3_apply_transposed(&t->upright, vec3_of(0, 1, 0));
    if (!vec3_is_known(across)) across = shoulders;
    bool has_pelvis = frame_zy(across, vec3_is_known(up) ? up : world_up, &pelvis);
    if (has_pelvis) p->ball[0] = pelvis, known[1] = true;
    bool has_thorax = frame_yz(vec3_is_known(up) ? up : world_up, vec3_is_known(shoulders) ? shoulders : across, &thorax);
    if (!has_thorax) return;
    if (has_pelvis && vec3_is_known(shoulders)) p->ball[1] = relative(&pelvis, &thorax), known[2] = true;
    if (!known[0] && vec3_is_known(top)) p->at = vec3_sub(top, vec3_scale(mat3_column(&thorax, 1), t->sizes[SIZE_TRUNK])), known[0] = true;
    struct vec3 lear = either(seen(t, f, POSE_LEAR), seen(t, f, POSE_LEYE)), rear = either(seen(t, f, POSE_REAR), seen(t, f, POSE_REYE)), ears = vec3_sub(rear, lear);
    struct vec3 face = middle(lear, rear), crown = vec3_sub(either(seen(t, f, POSE_HEAD), face), top);
    if (frame_yz(vec3_is_known(crown) ? crown : mat3_column(&thorax, 1), ears, &r)) p->ball[2] = relative(&thorax, &r), known[3] = true;
    for (int side = 0; side < 2; side++) {
        enum pose_joint s = POSE_LSHOULDER + side, e = POSE_LELBOW + side, w = POSE_LWRIST + side, h = POSE_LHIP + side, k = POSE_LKNEE + side, a = POSE_LANKLE + side;
        double bend;
        struct mat3 upper;
        const int hinge = 1 + BALLS;
        known[hinge + 3 * side] = known[hinge + 3 * side + 1] = vec3_is_known(shoulders);
        p->hinge[3 * side] = p->hinge[3 * side + 1] = 0;
        struct vec3 arm = bone(t, seen(t, f, s), seen(t, f, e), SIZE_UPPER_ARM), fore = bone(t, seen(t, f, e), seen(t, f, w), SIZE_FOREARM);
        if (two_bones(arm, fore, 1, &thorax, &upper, &bend)) {
            p->ball[3 + side] = relative(&thorax, &upper), known[4 + side] = true;
            if (isfinite(bend)) p->hinge[3 * side + 2] = bend, known[hinge + 3 * side + 2] = true;
        }
        if (!has_pelvis) continue;
        struct vec3 thigh = bone(t, seen(t, f, h), seen(t, f, k), SIZE_THIGH), shank = bone(t, seen(t, f, k), seen(t, f, a), SIZE_SHANK);
        if (!two_bones(thigh, shank, -1, &pelvis, &upper, &bend)) continue;
        p->ball[5 + side] = relative(&pelvis, &upper), known[6 + side] = true;
        if (!isfinite(bend)) continue;
        int knee = 6 + 2 * side;
        p->hinge[knee] = bend, known[hinge + knee] = true;
        struct mat3 turn = body_rotation(2, -bend), lower = mat3_multiply(&upper, &turn);
        struct vec3 sole = vec3_sub(seen(t, f, POSE_LBIGTOE + side), seen(t, f, POSE_LHEEL + side)), local = mat3_apply_transposed(&lower, sole);
        if (!vec3_is_known(sole)) continue;
        double pitch = atan2(local.y, local.x);
        const struct angle_range *range = &body_ranges[BODY_ANKLE_ANGLE_L];
        if (pitch < range->least - 0.2 || pitch > range->most + 0.2) continue; /* no foot does that: from here the fit would not find back */
        p->ball[7 + side] = body_rotation(2, pitch), p->hinge[knee + 1] = 0;
        known[1 + 7 + side] = known[hinge + knee + 1] = true;
    }
}

/* What a slot is between two frames that know it. */
static void mix(struct posture *p, int slot, const struct posture *a, const struct posture *b, double share) {
    if (slot == 0) p->at = vec3_mix(a->at, b->at, share);
    else if (slot <= BALLS) {
        struct mat3 back = mat3_transpose(&a->ball[slot - 1]), between = mat3_multiply(&b->ball[slot - 1], &back);
        struct mat3 turn = rotation_from_vector(vec3_scale(rotation_to_vector(&between), share));
        p->ball[slot - 1] = mat3_multiply(&turn, &a->ball[slot - 1]);
    } else p->hinge[slot - 1 - BALLS] = a->hinge[slot - 1 - BALLS] + share * (b->hinge[slot - 1 - BALLS] - a->hinge[slot - 1 - BALLS]);
}

static void rest(const struct task *t, struct posture *p, int slot) {
    if (slot == 0) { /* nothing of the trunk was ever seen: the middle of what was */
        struct vec3 sum = {0};
        double n = 0;
        for (size_t i = 0; i < t->frames * POSE_JOINTS; i++) {
            if (t->sights[i].information.xx > 0) sum = vec3_add(sum, t->sights[i].at), n++;
        }
        p->at = vec3_scale(sum, 1 / n);
    } else if (slot == 1) p->ball[0] = mat3_transpose(&t->upright);
    else if (slot <= BALLS) p->ball[slot - 1] = MAT3_IDENTITY;
    else {
        for (int i = 0; i < DOFS; i++) {
            if (body_dofs[i].kind == DOF_HINGE && body_dofs[i].hinge == slot - 1 - BALLS) p->hinge[slot - 1 - BALLS] = body_ranges[body_dofs[i].angle].rest;
        }
    }
}

/* Points of twice the usual deviation, and at least 0.1 m, are left to the fit, which knows how to weigh them. */
static void know_deviations(struct task *t) {
    enum { FRAMES_MAX = 100 };
    double some[FRAMES_MAX * POSE_JOINTS];
    size_t n = 0, stride = t->frames / FRAMES_MAX + 1;
    for (size_t f = 0; f < t->frames; f += stride) {
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            const struct sight *s = &t->sights[f * POSE_JOINTS + k];
            if (s->information.xx > 0) some[n++] = s->deviation_m;
        }
    }
    qsort(some, n, sizeof *some, double_order);
    t->deviation_max_m = n ? fmax(2 * some[n / 2], 0.1) : 0.1;
}

struct err body_begin(struct task *t) {
    uint32_t measured = 0;
    for (size_t i = 0; i < t->frames * POSE_JOINTS; i++) {
        if (t->sights[i].information.xx > 0) measured |= 1u << i % POSE_JOINTS;
    }
    t->measured = measured;
    know_deviations(t);
    if (__builtin_popcount(measured) < 4) return err_make(ERR_INPUT, "body.empty", "Too few joints of this person were seen by two cameras for a skeleton.");
    struct err e = measure(t);
    if (e.kind) return e;
    bool(*known)[SLOTS] = mem_alloc(t->frames * sizeof *known);
    if (!known) return err_memory();
    for (size_t f = 0; f < t->frames; f++) pose_frame(t, f, &t->postures[f], known[f]);
    for (int slot = 0; slot < SLOTS; slot++) {
        size_t last = SIZE_MAX;
        for (size_t f = 0; f < t->frames; f++) {
            if (!known[f][slot]) continue;
            for (size_t g = last == SIZE_MAX ? 0 : last + 1; g < f; g++) {
                if (last == SIZE_MAX) mix(&t->postures[g], slot, &t->postures[f], &t->postures[f], 0);
                else mix(&t->postures[g], slot, &t->postures[last], &t->postures[f], (double)(g - last) / (double)(f - last));
            }
            last = f;
        }
        for (size_t g = last == SIZE_MAX ? 0 : last + 1; g < t->frames; g++) {
            if (last == SIZE_MAX) rest(t, &t->postures[g], slot);
            else mix(&t->postures[g], slot, &t->postures[last], &t->postures[last], 0);
        }
    }
    mem_free(known);
    return ERR_OK;
}
