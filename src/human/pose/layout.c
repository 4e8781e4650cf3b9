/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "human/pose/room.h"

static const char *const joint_names[POSE_JOINTS] = {
    "Nose", "LEye", "REye", "LEar", "REar", "LShoulder", "RShoulder", "LElbow", "RElbow", "LWrist", "RWrist", "LHip", "RHip", "LKnee", "RKnee",
    "LAnkle", "RAnkle", "Head", "Neck", "Hip", "LBigToe", "RBigToe", "LSmallToe", "RSmallToe", "LHeel", "RHeel",
};

const char *pose_joint_name(enum pose_joint j) { return (unsigned)j < POSE_JOINTS ? joint_names[j] : NULL; }

#define J(name) POSE_##name
static const int8_t body_25[] = {J(NOSE), J(NECK), J(RSHOULDER), J(RELBOW), J(RWRIST), J(LSHOULDER), J(LELBOW), J(LWRIST), J(HIP), J(RHIP), J(RKNEE), J(RANKLE),
                                 J(LHIP), J(LKNEE), J(LANKLE), J(REYE), J(LEYE), J(REAR), J(LEAR), J(LBIGTOE), J(LSMALLTOE), J(LHEEL), J(RBIGTOE), J(RSMALLTOE), J(RHEEL)};
static const int8_t body_25b[] = {J(NOSE), J(LEYE), J(REYE), J(LEAR), J(REAR), J(LSHOULDER), J(RSHOULDER), J(LELBOW), J(RELBOW), J(LWRIST), J(RWRIST), J(LHIP), J(RHIP),
                                  J(LKNEE), J(RKNEE), J(LANKLE), J(RANKLE), J(NECK), J(HEAD), J(LBIGTOE), J(LSMALLTOE), J(LHEEL), J(RBIGTOE), J(RSMALLTOE), J(RHEEL)};
static const int8_t coco_18[] = {J(NOSE), J(NECK), J(RSHOULDER), J(RELBOW), J(RWRIST), J(LSHOULDER), J(LELBOW), J(LWRIST), J(RHIP), J(RKNEE), J(RANKLE), J(LHIP), J(LKNEE),
                                 J(LANKLE), J(REYE), J(LEYE), J(REAR), J(LEAR)};
static const int8_t in_order[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25};

static const struct {
    const char *name;
    const int8_t *joints;
    size_t count;
} layouts[] = {
    {"BODY_25", body_25, 25}, {"BODY_25B", body_25b, 25}, {"COCO_18", coco_18, 18}, {"COCO_17", in_order, 17}, {"HALPE_26", in_order, 26},
};

void pose_layout_finish(struct pose_layout *l) {
    for (size_t i = 0; i < l->joint_count; i++) {
        l->mirror[i] = (int8_t)i;
        const char *a = l->joint_names[i];
        for (size_t k = 0; k < l->joint_count; k++) { /* LHip and RHip; LeftHip is made LHip before */
            const char *b = l->joint_names[k];
            if (((a[0] == 'L' && b[0] == 'R') || (a[0] == 'R' && b[0] == 'L')) && !strcmp(a + 1, b + 1)) l->mirror[i] = (int8_t)k;
        }
    }
}

bool pose_layout_named(struct slice name, struct pose_layout *out) {
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        if (!slice_eq_nocase(slice_cstr(layouts[i].name), name)) continue;
        struct pose_layout l = {.joint_count = layouts[i].count};
        snprintf(l.name, sizeof l.name, "%s", layouts[i].name);
        for (size_t k = 0; k < l.joint_count; k++) {
            l.joint[k] = layouts[i].joints[k];
            snprintf(l.joint_names[k], POSE_NAME_MAX, "%s", joint_names[l.joint[k]]);
        }
        pose_layout_finish(&l);
        *out = l;
        return true;
    }
    return false;
}

int pose_layout_find(const struct pose_layout *l, enum pose_joint j) {
    for (size_t i = 0; i < l->joint_count; i++) {
        if (l->joint[i] == (int8_t)j) return (int)i;
    }
    return -1;
}

/* "right_hip", "RightHip", "R.Hip", "hip1": letters and digits decide; sides come first or last. */
void pose_layout_name_joint(struct pose_layout *l, size_t index, struct slice name) {
    char *out = l->joint_names[index];
    snprintf(out, POSE_NAME_MAX, "%.*s", (int)(name.len < POSE_NAME_MAX - 1 ? name.len : POSE_NAME_MAX - 1), name.ptr);
    l->joint[index] = -1;
    char plain[POSE_NAME_MAX];
    size_t len = 0;
    for (const char *p = out; *p; p++) {
        char c = *p | 32;
        if ((c >= 'a' && c <= 'z') || (*p >= '0' && *p <= '9')) plain[len++] = *p >= '0' && *p <= '9' ? *p : c;
    }
    plain[len] = 0;
    char side = 0;
    char *rest = plain;
    if (!strncmp(plain, "left", 4) || !strncmp(plain, "right", 5)) {
        side = plain[0] == 'l' ? 'L' : 'R';
        rest += side == 'L' ? 4 : 5;
    } else if (len > 4 && !strcmp(plain + len - 4, "left")) side = 'L', plain[len - 4] = 0;
    else if (len > 5 && !strcmp(plain + len - 5, "right")) side = 'R', plain[len - 5] = 0;
    static const struct {
        const char *word, *joint;
    } words[] = {{"midhip", "Hip"}, {"pelvis", "Hip"}, {"root", "Hip"}, {"headtop", "Head"}, {"tophead", "Head"}, {"upperneck", "Neck"}, {"toe", "BigToe"},
                 {"bigtoe", "BigToe"}, {"smalltoe", "SmallToe"}, {"foot", "BigToe"}, {"hand", "Wrist"}};
    for (int j = 0; j < POSE_JOINTS; j++) {
        const char *full = joint_names[j];
        char wanted[POSE_NAME_MAX];
        size_t n = 0;
        for (const char *p = full; *p; p++) wanted[n++] = *p | 32;
        wanted[n] = 0;
        bool has_side = full[0] != 'N' && full[0] != 'H'; /* all but Nose, Neck, Head and Hip */
        bool is_it = !strcmp(plain, wanted) || (side && has_side && full[0] == side && !strcmp(rest, wanted + 1)) || (!side && !has_side && !strcmp(plain, wanted));
        for (size_t w = 0; w < ARRAY_LEN(words) && !is_it; w++) {
            if (side && has_side) is_it = full[0] == side && !strcmp(rest, words[w].word) && !strcmp(full + 1, words[w].joint);
            else if (!side && !has_side) is_it = !strcmp(plain, words[w].word) && !strcmp(full, words[w].joint);
        }
        if (is_it) {
            l->joint[index] = (int8_t)j;
            snprintf(out, POSE_NAME_MAX, "%s", full);
            return;
        }
    }
    if (side) { /* an unknown joint still has two sides */
        char other[POSE_NAME_MAX];
        snprintf(other, sizeof other, "%c%.40s", side, rest);
        snprintf(out, POSE_NAME_MAX, "%s", other);
    }
}

/* In BODY_25 point 8 lies between the hips 9 and 12; in BODY_25B these three are right elbow, left wrist and right hip. */
static bool looks_like_body_25(const struct pose_take *t) {
    size_t near_middle = 0, far_away = 0;
    for (size_t f = 0; f < t->frame_count; f++) {
        for (size_t p = 0; p < t->frames[f].people; p++) {
            const struct pose_point *k = t->frames[f].points + p * 25;
            if (!(k[8].confidence > 0 && k[9].confidence > 0 && k[12].confidence > 0)) continue;
            float dx = k[9].x - k[12].x, dy = k[9].y - k[12].y, mx = k[8].x - 0.5f * (k[9].x + k[12].x), my = k[8].y - 0.5f * (k[9].y + k[12].y);
            if (mx * mx + my * my < 0.04f * (dx * dx + dy * dy) + 9) near_middle++;
            else far_away++;
        }
    }
    return near_middle > far_away;
}

bool pose_layout_guess(struct pose_take *t, size_t joints, const char *wanted) {
    t->layout.joint_count = joints;
    if (wanted) return pose_layout_named(slice_cstr(wanted), &t->layout) && t->layout.joint_count == joints;
    switch (joints) {
    case 17: return pose_layout_named(SLICE("COCO_17"), &t->layout);
    case 18: return pose_layout_named(SLICE("COCO_18"), &t->layout);
    case 26: return pose_layout_named(SLICE("HALPE_26"), &t->layout);
    case 25: return pose_layout_named(looks_like_body_25(t) ? SLICE("BODY_25") : SLICE("BODY_25B"), &t->layout);
    default: return false;
    }
}
