/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/gait/room.h"

/* de Leva (1996), table 4: share of the body's mass in percent, and where the segment's centre lies between its ends in percent from the
 * first: head from the top to the neck (CERV), trunk from the middle of the shoulders to that of the hips, foot from heel to toe tip. The
 * hand has no point of its own beyond the wrist: its centre lies ahead of the wrist by this share of the forearm, in its direction. */
struct segment {
    double mass[2], place[2]; /* female, male */
    int8_t from, to;          /* left joints; the right ones follow them */
};
enum { MIDDLE_SHOULDERS = -1, MIDDLE_HIPS = -2 };
static const struct segment segments[] = {
    {{6.68, 6.94}, {48.41, 50.02}, POSE_HEAD, POSE_NECK},        {{42.57, 43.46}, {37.82, 43.10}, MIDDLE_SHOULDERS, MIDDLE_HIPS},
    {{2.55, 2.71}, {57.54, 57.72}, POSE_LSHOULDER, POSE_LELBOW}, {{1.38, 1.62}, {45.59, 45.74}, POSE_LELBOW, POSE_LWRIST},
    {{0.56, 0.61}, {122.0, 125.3}, POSE_LELBOW, POSE_LWRIST},    {{14.78, 14.16}, {36.12, 40.95}, POSE_LHIP, POSE_LKNEE},
    {{4.81, 4.33}, {43.52, 43.95}, POSE_LKNEE, POSE_LANKLE},     {{1.29, 1.37}, {40.14, 44.15}, POSE_LHEEL, POSE_LBIGTOE},
};

static bool has(uint32_t missing, int joint) { return !(missing >> joint & 1); }

/* Spreads `w` over the joints that stand for one end of a segment. */
static bool put(uint32_t missing, int end, int side, double w, double weights[POSE_JOINTS]) {
    static const int8_t shoulders[2] = {POSE_LSHOULDER, POSE_RSHOULDER}, hips[2] = {POSE_LHIP, POSE_RHIP}, ears[2] = {POSE_LEAR, POSE_REAR};
    const int8_t *both = end == MIDDLE_SHOULDERS || end == POSE_NECK ? shoulders : end == MIDDLE_HIPS ? hips : ears;
    int alone = end == MIDDLE_SHOULDERS ? POSE_NECK : end == MIDDLE_HIPS ? POSE_HIP : end;
    bool is_middle = end < 0 || end == POSE_NECK;
    if (!is_middle) {
        int joint = end + (end == POSE_HEAD ? 0 : side);
        if (!has(missing, joint)) return false;
        weights[joint] += w;
        return true;
    }
    bool has_both = has(missing, both[0]) && has(missing, both[1]), has_alone = has(missing, alone);
    if (end == POSE_NECK ? has_alone : !has_both && has_alone)
        weights[alone] += w;
    else if (has_both)
        weights[both[0]] += 0.5 * w, weights[both[1]] += 0.5 * w;
    else
        return false;
    return true;
}

bool gait_mass_weights(enum gait_sex sex, uint32_t missing, double weights[POSE_JOINTS]) {
    double out[POSE_JOINTS] = {0}, total = 0;
    for (size_t i = 0; i < ARRAY_LEN(segments); i++) {
        const struct segment *s = &segments[i];
        double mass = sex == GAIT_SEX_UNKNOWN ? 0.5 * (s->mass[0] + s->mass[1]) : s->mass[sex == GAIT_MALE];
        double place = (sex == GAIT_SEX_UNKNOWN ? 0.5 * (s->place[0] + s->place[1]) : s->place[sex == GAIT_MALE]) / 100;
        bool is_head = s->from == POSE_HEAD, is_foot = s->from == POSE_LHEEL;
        for (int side = 0; side < (is_head || s->from == MIDDLE_SHOULDERS ? 1 : 2); side++) {
            total += mass;
            if (is_head && !has(missing, POSE_HEAD)) { /* between the ears; or at the nose */
                if (has(missing, POSE_LEAR) && has(missing, POSE_REAR))
                    out[POSE_LEAR] += 0.5 * mass, out[POSE_REAR] += 0.5 * mass;
                else if (has(missing, POSE_NOSE))
                    out[POSE_NOSE] += mass;
                else
                    return false;
            } else if (is_foot && (!has(missing, POSE_LHEEL + side) || !has(missing, POSE_LBIGTOE + side))) {
                if (!has(missing, POSE_LANKLE + side)) return false;
                out[POSE_LANKLE + side] += mass;
            } else if (!put(missing, s->from, side, mass * (1 - place), out) || !put(missing, s->to, side, mass * place, out)) {
                return false;
            }
        }
    }
    for (int k = 0; k < POSE_JOINTS; k++) weights[k] = out[k] / total;
    return true;
}

struct err gait_balance(struct arena *mem, const struct gait_recording *r, struct gait_run *run, struct track_point **out) {
    size_t n = r->frame_count;
    uint32_t missing = 0;
    *out = NULL;
    for (int k = 0; k < POSE_JOINTS; k++) { /* never, or hardly ever, known */
        size_t known = 0;
        for (size_t f = 0; f < n; f++) known += gait_state(r, f, (size_t)k)->source != TRACK_UNKNOWN;
        if (2 * known < n || !known) missing |= (uint32_t)1 << k;
    }
    /* A foot that is hidden for a while must not cost the whole: its mass is at the ankle then, which makes two millimetres. */
    static const uint32_t foot[GAIT_SIDES] = {1u << POSE_LHEEL | 1u << POSE_LBIGTOE, 1u << POSE_RHEEL | 1u << POSE_RBIGTOE};
    double all[4][POSE_JOINTS]; /* bit s: without the foot of side s */
    for (uint32_t without = 0; without < 4; without++) {
        uint32_t gone = missing | (without & 1 ? foot[0] : 0) | (without & 2 ? foot[1] : 0);
        if (gait_mass_weights(run->sex, gone, all[without])) continue;
        gait_note(run, "gait.no_mass");
        return ERR_OK;
    }
    struct track_point *points = arena_alloc_array(mem, n + 1, sizeof *points);
    struct arena_mark mark = arena_mark(mem);
    struct track_state *states = arena_alloc_array(mem, n + 1, sizeof *states);
    if (!points || !states) return err_memory();
    for (size_t f = 0; f < n; f++) {
        struct track_point *p = &points[f];
        *p = (struct track_point){.at = VEC3_UNKNOWN};
        struct vec3 at = {0};
        struct sym3 c = {0};
        double measured = 0;
        bool is_known = true;
        size_t without = 0;
        for (size_t side = 0; side < GAIT_SIDES; side++) {
            bool is_seen = gait_state(r, f, POSE_LHEEL + side)->source != TRACK_UNKNOWN &&
                           gait_state(r, f, POSE_LBIGTOE + side)->source != TRACK_UNKNOWN;
            if (!is_seen) without |= (size_t)1 << side;
        }
        const double *weights = all[without];
        for (size_t k = 0; k < POSE_JOINTS && is_known; k++) {
            if (weights[k] == 0) continue;
            const struct track_state *s = gait_state(r, f, k);
            const struct track_point *m = r->points ? &r->points[f * POSE_JOINTS + k] : NULL;
            /* What was measured, where the smoother found it credible; where it was not, what the frames around say. */
            bool use = m && vec3_is_known(m->at) && s->source == TRACK_MEASURED;
            if (!use && s->source == TRACK_UNKNOWN) is_known = false;
            at = vec3_add(at, vec3_scale(use ? m->at : s->at, weights[k]));
            c = sym3_add(c, sym3_scale(use ? m->covariance : s->covariance, weights[k] * weights[k]));
            if (use) measured += weights[k];
        }
        if (!is_known || (measured <= 0.2 && r->points)) continue;
        p->at = at, p->covariance = c;
        if (without) p->covariance.xx += 4e-6, p->covariance.yy += 4e-6, p->covariance.zz += 4e-6;
    }
    struct err e = gait_smooth_point(mem, r, points, states);
    if (e.kind) return e;
    for (size_t f = 0; f < n; f++) {
        struct gait_sample *s = &run->samples[f];
        s->com = states[f].at, s->com_velocity = states[f].velocity, s->com_acceleration = states[f].acceleration;
        s->com_covariance = states[f].covariance, s->com_velocity_covariance = states[f].velocity_covariance;
        s->com_acceleration_covariance = states[f].acceleration_covariance;
    }
    arena_rewind(mem, mark);
    *out = points;
    return ERR_OK;
}
