/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/body/fit.h"

/* About a unit axis (Rodrigues). */
static struct mat3 turn(struct vec3 a, double angle) {
    double s, c;
    sincos(angle, &s, &c);
    double k = 1 - c;
    return (struct mat3){{{c + k * a.x * a.x, k * a.x * a.y - s * a.z, k * a.x * a.z + s * a.y},
                          {k * a.x * a.y + s * a.z, c + k * a.y * a.y, k * a.y * a.z - s * a.x},
                          {k * a.x * a.z - s * a.y, k * a.y * a.z + s * a.x, c + k * a.z * a.z}}};
}

static void ball(struct stance *s, const struct posture *p, int dof, enum body_segment segment, struct vec3 at) {
    static const struct mat3 world = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    int parent = body_segment_parent(segment);
    const struct mat3 *in = parent < 0 ? &world : &s->rotation[parent];
    for (int i = 0; i < 3; i++) s->axis[dof + i] = mat3_column(in, i), s->pivot[dof + i] = at;
    s->origin[segment] = at;
    s->rotation[segment] = mat3_multiply(in, &p->ball[body_dofs[dof].ball]);
}

/* `count` hinges one after the other, about one place. */
static void hinges(struct stance *s, const struct posture *p, int dof, int count, enum body_segment segment, struct vec3 at) {
    struct mat3 r = s->rotation[body_segment_parent(segment)];
    for (int i = dof; i < dof + count; i++) {
        s->axis[i] = mat3_apply(&r, body_dofs[i].axis), s->pivot[i] = at;
        struct mat3 by = turn(body_dofs[i].axis, p->hinge[body_dofs[i].hinge]);
        r = mat3_multiply(&r, &by);
    }
    s->origin[segment] = at, s->rotation[segment] = r;
}

static struct vec3 place(const struct stance *s, enum body_segment segment, struct vec3 v) { return vec3_add(s->origin[segment], mat3_apply(&s->rotation[segment], v)); }

void body_stand(const struct body_shape *shape, const struct posture *p, struct stance *s) {
    for (int i = 0; i < 3; i++) s->axis[i] = vec3_of(i == 0, i == 1, i == 2), s->pivot[i] = p->at;
    ball(s, p, DOF_PELVIS, BODY_PELVIS, p->at);
    ball(s, p, DOF_LUMBAR, BODY_THORAX, place(s, BODY_PELVIS, shape->origin[BODY_THORAX]));
    ball(s, p, DOF_NECK, BODY_HEAD, place(s, BODY_THORAX, shape->origin[BODY_HEAD]));
    for (int side = 0; side < 2; side++) {
        enum body_segment clavicle = BODY_LCLAVICLE + side, upper = BODY_LUPPER_ARM + side, fore = BODY_LFOREARM + side;
        enum body_segment thigh = BODY_LTHIGH + side, shank = BODY_LSHANK + side, foot = BODY_LFOOT + side, toes = BODY_LTOES + side;
        int arm = DOF_ARM + side * ARM_DOFS, leg = DOF_LEG + side * LEG_DOFS;
        hinges(s, p, arm, 2, clavicle, place(s, BODY_THORAX, shape->origin[clavicle]));
        ball(s, p, arm + 2, upper, place(s, clavicle, shape->origin[upper]));
        hinges(s, p, arm + 5, 1, fore, place(s, upper, shape->origin[fore]));
        ball(s, p, leg, thigh, place(s, BODY_PELVIS, shape->origin[thigh]));
        hinges(s, p, leg + 3, 1, shank, place(s, thigh, shape->origin[shank]));
        ball(s, p, leg + 4, foot, place(s, shank, shape->origin[foot]));
        hinges(s, p, leg + 7, 1, toes, place(s, foot, shape->origin[toes]));
    }
    for (int k = 0; k < POSE_JOINTS; k++) s->point[k] = place(s, body_point_segment((enum pose_joint)k), shape->point[k]);
}

void body_move(struct posture *p, const double step[DOFS]) {
    p->at = vec3_add(p->at, vec3_of(step[0], step[1], step[2]));
    for (int i = DOF_PELVIS; i < DOFS; i++) {
        const struct dof *d = &body_dofs[i];
        if (d->kind == DOF_HINGE) p->hinge[d->hinge] += step[i];
        else if (d->axis.x == 1) {
            struct mat3 by = rotation_from_vector(vec3_of(step[i], step[i + 1], step[i + 2]));
            p->ball[d->ball] = mat3_multiply(&by, &p->ball[d->ball]);
        }
    }
}
