/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <string.h>

#include "base/json.h"
#include "human/body/model.h"

struct err body_motion(struct arena *mem, const struct body_fit *fit, const struct pose_layout *layout, struct motion *out) {
    struct motion m;
    size_t points = layout ? layout->joint_count : POSE_JOINTS;
    struct err e = motion_create(mem, fit->frame_count, points, fit->rate, &m);
    if (e.kind) return e;
    m.frame_first = fit->frame_first;
    for (size_t k = 0; k < points; k++) {
        int joint = layout ? layout->joint[k] : (int)k;
        const char *name = layout ? layout->joint_names[k] : pose_joint_name((enum pose_joint)k);
        memcpy(m.point_names[k], name, strlen(name) + 1);
        for (size_t f = 0; f < fit->frame_count && joint >= 0; f++) *motion_at(&m, f, k) = fit->joints[f * POSE_JOINTS + (size_t)joint].at;
    }
    *out = m;
    return ERR_OK;
}

/* World to the y-up frame of motion_to_y_up. */
static struct mat3 to_y_up(enum camera_up up) { return up == CAMERA_UP_Y ? MAT3_IDENTITY : (struct mat3){{{0, 1, 0}, {0, 0, 1}, {1, 0, 0}}}; }

/* Segments whose turn is unknown follow their parent as they last did; a figure without pelvis is unknown as a whole. */
struct err body_figure(struct arena *mem, const struct body_fit *fit, struct motion_figure *out) {
    /* Points that no segment begins at are nodes of their own, so that a reader finds all joints. */
    static const int8_t leaves[] = {POSE_HEAD, POSE_NOSE, POSE_LEYE, POSE_REYE, POSE_LEAR, POSE_REAR, POSE_LWRIST, POSE_RWRIST, POSE_LHEEL, POSE_RHEEL,
                                    POSE_LBIGTOE, POSE_RBIGTOE, POSE_LSMALLTOE, POSE_RSMALLTOE};
    static const char *const names[BODY_SEGMENTS] = {"Hip", "Spine", "Neck", "LClavicle", "RClavicle", "LShoulder", "RShoulder", "LElbow", "RElbow",
                                                     "LHip", "RHip", "LKnee", "RKnee", "LAnkle", "RAnkle", "LToes", "RToes"};
    struct motion_figure g;
    struct err e = motion_figure_create(mem, fit->frame_count, BODY_SEGMENTS + ARRAY_LEN(leaves), fit->rate, &g);
    if (e.kind) return e;
    g.frame_first = fit->frame_first;
    for (int i = 0; i < BODY_SEGMENTS; i++) {
        g.nodes[i].parent = body_segment_parent((enum body_segment)i), g.nodes[i].offset = fit->shape.origin[i];
        memcpy(g.nodes[i].name, names[i], strlen(names[i]) + 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
        struct motion_node *n = &g.nodes[BODY_SEGMENTS + i];
        n->parent = body_point_segment((enum pose_joint)leaves[i]), n->offset = fit->shape.point[leaves[i]];
        const char *name = pose_joint_name((enum pose_joint)leaves[i]);
        memcpy(n->name, name, strlen(name) + 1);
    }
    struct mat3 turn = to_y_up(fit->up);
    struct mat3 last[BODY_SEGMENTS];
    for (int i = 0; i < BODY_SEGMENTS; i++) last[i] = MAT3_IDENTITY;
    for (size_t f = 0; f < fit->frame_count; f++) {
        const struct body_segment_state *s = fit->segments + f * BODY_SEGMENTS;
        if (!vec3_is_known(s[BODY_PELVIS].at)) continue;
        g.root[f] = mat3_apply(&turn, s[BODY_PELVIS].at);
        struct mat3 world[BODY_SEGMENTS];
        for (int i = 0; i < BODY_SEGMENTS; i++) {
            int parent = body_segment_parent((enum body_segment)i);
            struct mat3 mine = mat3_multiply(&turn, &s[i].rotation), *local = &g.rotations[f * g.node_count + (size_t)i];
            if (vec3_is_known(s[i].at)) {
                struct mat3 back = parent < 0 ? MAT3_IDENTITY : mat3_transpose(&world[parent]);
                last[i] = mat3_multiply(&back, &mine);
            }
            *local = last[i];
            world[i] = parent < 0 ? *local : mat3_multiply(&world[parent], local);
        }
    }
    *out = g;
    return ERR_OK;
}

/* The columns of OpenSim's gait models (Rajagopal et al. 2016 and its kin); what our skeleton has beside them comes last. */
static const struct {
    const char *name;
    int8_t angle; /* -1..-6: the pelvis in the world; -7: no key point says anything */
} columns[] = {
    {"pelvis_tilt", -1}, {"pelvis_list", -2}, {"pelvis_rotation", -3}, {"pelvis_tx", -4}, {"pelvis_ty", -5}, {"pelvis_tz", -6},
    {"hip_flexion_r", BODY_HIP_FLEXION_R}, {"hip_adduction_r", BODY_HIP_ADDUCTION_R}, {"hip_rotation_r", BODY_HIP_ROTATION_R}, {"knee_angle_r", BODY_KNEE_ANGLE_R},
    {"ankle_angle_r", BODY_ANKLE_ANGLE_R}, {"subtalar_angle_r", BODY_SUBTALAR_ANGLE_R}, {"mtp_angle_r", BODY_MTP_ANGLE_R},
    {"hip_flexion_l", BODY_HIP_FLEXION_L}, {"hip_adduction_l", BODY_HIP_ADDUCTION_L}, {"hip_rotation_l", BODY_HIP_ROTATION_L}, {"knee_angle_l", BODY_KNEE_ANGLE_L},
    {"ankle_angle_l", BODY_ANKLE_ANGLE_L}, {"subtalar_angle_l", BODY_SUBTALAR_ANGLE_L}, {"mtp_angle_l", BODY_MTP_ANGLE_L},
    {"lumbar_extension", BODY_LUMBAR_EXTENSION}, {"lumbar_bending", BODY_LUMBAR_BENDING}, {"lumbar_rotation", BODY_LUMBAR_ROTATION},
    {"neck_extension", BODY_NECK_EXTENSION}, {"neck_bending", BODY_NECK_BENDING}, {"neck_rotation", BODY_NECK_ROTATION},
    {"arm_flex_r", BODY_ARM_FLEX_R}, {"arm_add_r", BODY_ARM_ADD_R}, {"arm_rot_r", BODY_ARM_ROT_R}, {"elbow_flex_r", BODY_ELBOW_FLEX_R},
    {"arm_flex_l", BODY_ARM_FLEX_L}, {"arm_add_l", BODY_ARM_ADD_L}, {"arm_rot_l", BODY_ARM_ROT_L}, {"elbow_flex_l", BODY_ELBOW_FLEX_L},
    {"ankle_rotation_r", BODY_ANKLE_ROTATION_R}, {"ankle_rotation_l", BODY_ANKLE_ROTATION_L},
    {"clavicle_protraction_r", BODY_CLAVICLE_PROTRACTION_R}, {"clavicle_elevation_r", BODY_CLAVICLE_ELEVATION_R},
    {"clavicle_protraction_l", BODY_CLAVICLE_PROTRACTION_L}, {"clavicle_elevation_l", BODY_CLAVICLE_ELEVATION_L},
};

/* A turn of more than half a circle from one frame to the next is the same turn the other way round. */
static void unwrap(struct motion_table *t, size_t column) {
    double last = NAN;
    for (size_t f = 0; f < t->row_count; f++) {
        double *x = &t->cells[f * t->column_count + column];
        if (!isfinite(*x)) continue;
        if (isfinite(last)) *x -= 360 * round((*x - last) / 360);
        last = *x;
    }
}

struct err body_table(struct arena *mem, const struct body_fit *fit, struct motion_table *out) {
    struct motion_table t;
    struct err e = motion_table_create(mem, fit->frame_count, ARRAY_LEN(columns), &t);
    if (e.kind) return e;
    t.in_degrees = true;
    struct mat3 turn = to_y_up(fit->up);
    for (size_t c = 0; c < ARRAY_LEN(columns); c++) memcpy(t.column_names[c], columns[c].name, strlen(columns[c].name) + 1);
    for (size_t f = 0; f < fit->frame_count; f++) {
        const struct body_segment_state *pelvis = &fit->segments[f * BODY_SEGMENTS + BODY_PELVIS];
        double a[3] = {NAN, NAN, NAN};
        struct vec3 at = VEC3_UNKNOWN;
        if (vec3_is_known(pelvis->at)) {
            struct mat3 r = mat3_multiply(&turn, &pelvis->rotation);
            body_cardan_of(&r, a);
            at = mat3_apply(&turn, pelvis->at);
        }
        t.time[f] = (double)(fit->frame_first + (int64_t)f) / fit->rate;
        for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
            int angle = columns[c].angle;
            double *cell = &t.cells[f * ARRAY_LEN(columns) + c];
            if (angle >= 0) *cell = (double)fit->angles[f * BODY_ANGLES + (size_t)angle] * 180 / M_PI;
            else if (angle >= -3) *cell = a[-1 - angle] * 180 / M_PI;
            else *cell = (&at.x)[-4 - angle];
        }
    }
    for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
        if (columns[c].angle > -4) unwrap(&t, c);
    }
    *out = t;
    return ERR_OK;
}

static void put_vec3(struct json_writer *w, struct vec3 v) {
    if (!vec3_is_known(v)) {
        json_add_null(w);
        return;
    }
    json_begin_array(w);
    json_add_double(w, v.x), json_add_double(w, v.y), json_add_double(w, v.z);
    json_end(w);
}

void body_write_json(struct buf *out, const struct body_fit *fit) {
    struct json_writer w = json_writer_of(out);
    json_begin_object(&w);
    json_put_cstr(&w, "format", "grandstand skeleton 1");
    json_put_number(&w, "id", fit->id), json_put_number(&w, "frame_first", fit->frame_first), json_put_double(&w, "rate", fit->rate);
    json_put_cstr(&w, "up", fit->up == CAMERA_UP_Y ? "y" : "z");
    json_put_double(&w, "height_m", fit->shape.height_m);
    json_key(&w, "segments");
    json_begin_array(&w);
    for (int s = 0; s < BODY_SEGMENTS; s++) {
        int parent = body_segment_parent((enum body_segment)s);
        json_begin_object(&w);
        json_put_cstr(&w, "name", body_segment_name((enum body_segment)s));
        json_put_cstr(&w, "parent", parent < 0 ? NULL : body_segment_name((enum body_segment)parent));
        json_key(&w, "origin"), put_vec3(&w, fit->shape.origin[s]);
        json_end(&w);
    }
    json_end(&w);
    json_key(&w, "joints");
    json_begin_array(&w);
    for (int k = 0; k < POSE_JOINTS; k++) {
        json_begin_object(&w);
        json_put_cstr(&w, "name", pose_joint_name((enum pose_joint)k)), json_put_cstr(&w, "segment", body_segment_name(body_point_segment((enum pose_joint)k)));
        json_key(&w, "at"), put_vec3(&w, fit->shape.point[k]);
        json_put_bool(&w, "is_measured", fit->shape.measured >> k & 1);
        json_put_double(&w, "error_m", fit->shape.error_m[k]), json_put_double(&w, "distance_m", fit->distance_m[k]), json_put_double(&w, "noise_scale", fit->noise_scale[k]);
        json_end(&w);
    }
    json_end(&w);
    json_key(&w, "angles");
    json_begin_array(&w);
    for (int a = 0; a < BODY_ANGLES; a++) json_add_cstr(&w, body_angle_name((enum body_angle)a));
    json_end(&w);
    json_key(&w, "frames");
    json_begin_array(&w);
    for (size_t f = 0; f < fit->frame_count; f++) {
        json_begin_object(&w);
        json_key(&w, "joints");
        json_begin_array(&w);
        for (size_t k = 0; k < POSE_JOINTS; k++) put_vec3(&w, fit->joints[f * POSE_JOINTS + k].at);
        json_end(&w);
        static const char *const lists[] = {"degrees", "errors"};
        for (int list = 0; list < 2; list++) {
            const float *from = (list ? fit->angle_errors : fit->angles) + f * BODY_ANGLES;
            json_key(&w, lists[list]);
            json_begin_array(&w);
            for (int a = 0; a < BODY_ANGLES; a++) {
                double degrees = (double)from[a] * 180 / M_PI;
                json_add_double(&w, isfinite(degrees) ? round(degrees * 1e4) / 1e4 : NAN); /* a float holds no more */
            }
            json_end(&w);
        }
        json_end(&w);
    }
    json_end(&w);
    json_end(&w);
    buf_u8(out, '\n');
}
