/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * fit.h (this room's own): the pieces of the fit. */
#ifndef HUMAN_BODY_FIT_H
#define HUMAN_BODY_FIT_H

#include "human/body/model.h"

/* What an athlete does in one frame. */
struct posture {
    struct vec3 at;            /* of the pelvis, world */
    struct mat3 ball[BALLS];   /* the segment in its parent; the pelvis in the world */
    double hinge[HINGES];      /* rad */
};

/* A posture worked out. */
struct stance {
    struct vec3 origin[BODY_SEGMENTS];
    struct mat3 rotation[BODY_SEGMENTS];
    struct vec3 point[POSE_JOINTS];
    struct vec3 axis[DOFS], pivot[DOFS]; /* world; a slide has no pivot */
};
void body_stand(const struct body_shape *, const struct posture *, struct stance *);
/* Turns and slides by the solver's step. */
void body_move(struct posture *, const double step[DOFS]);

/* What was measured of a joint in one frame; information 0: nothing. */
struct sight {
    struct vec3 at;
    struct sym3 information;
    double deviation_m; /* root of the covariance's trace */
};
/* One camera's pixel where no point was triangulated. */
struct pixel {
    uint32_t frame;
    uint8_t joint, camera;
    float u, v;
};

/* The normal equations of one frame in the shape of the tree: H step = -gradient. Row-major; symmetric blocks are stored whole. */
struct normal {
    double torso[TORSO_DOFS][TORSO_DOFS];
    struct {
        double own[LIMB_DOFS_MAX][LIMB_DOFS_MAX];
        double cross[LIMB_DOFS_MAX][TORSO_DOFS];
    } limb[LIMBS];
    double gradient[DOFS];
};

struct task {
    const struct body_options *options;
    const struct camera_rig *rig;        /* NULL: no pixels */
    const struct pose_take *const *takes;
    const struct track_people *people;
    const struct track_person *person;
    struct mat3 upright;
    double dt;
    size_t frames;
    struct sight *sights;                /* frames x POSE_JOINTS */
    struct pixel *pixels;                /* by frame */
    size_t pixel_count;
    struct posture *postures, *before;   /* frames */
    struct normal *normals;
    double sizes[SIZES], height, size_errors[SIZES];
    struct body_shape shape;
    int column[POSE_JOINTS];             /* of the layout, -1: not there */
    double noise_scale[POSE_JOINTS];
    double jerk[DOFS];
    float *thirds, *local;               /* frames x DOFS: third differences, and struct smoothness' local weights */
    double cauchy2;                      /* squared distance, in variances, at which a point's weight is a half: large at first, so that no wrong beginning is held by it */
    uint32_t measured;
    double deviation_max_m;              /* sights less sure than this say nothing about where the fit begins */
};

/* Height, sizes and a posture for each frame from the points alone, geometry without iterations. ERR_INPUT body.empty, body.scale; ERR_LIMIT. */
MUST_USE struct err body_begin(struct task *);

/* Adds what the frame's points (and its priors) say to a cleared normal; returns the cost: half the sum of squares, robust. */
double body_normal(const struct task *, size_t frame, const struct stance *, struct normal *out);
/* The same by explicit Jacobians, one joint after the other, into a dense DOFS x DOFS matrix (whole) and gradient: plain, for tests. */
double body_normal_plain(const struct task *, size_t frame, const struct stance *, double *matrix, double *gradient);
/* First frame's pixels: pixels[*from] on; adds them. */
double body_normal_pixels(const struct task *, size_t frame, size_t *from, const struct stance *, struct normal *out);

/* One Gauss-Newton step of the sizes over `count` frames, postures profiled out (each by its own points). With `with_postures` these move too.
 * Where the equations have no solution nothing changes. At most SIZE_FRAMES_MAX frames. False when memory ran out. */
enum { SIZE_FRAMES_MAX = 160 };
bool body_fit_sizes(struct task *, const size_t *frames, size_t count, bool with_postures);

/* ---- the whole sequence ---- */

/* Differences of third order over time: cost = 1/2 sum over t and i of weight[i] local[t][i] (third difference of degree i that begins at frame t)^2. What strikes
 * the ground does not move smoothly: there `local` is small. */
struct smoothness {
    double weight[DOFS];
    const float *local; /* frames x DOFS, rows up to frames - 4; NULL: 1 everywhere */
};
static inline double body_weight(const struct smoothness *s, size_t frame, int dof) { return s->local ? s->weight[dof] * (double)s->local[frame * DOFS + (size_t)dof] : s->weight[dof]; }
/* Cost of the smoothness at the postures, and its gradient added to the normals. */
double body_smoothness(const struct posture *, size_t frames, const struct smoothness *, struct normal *normals);
/* Third differences of each degree of freedom: frames x DOFS, rows up to frames - 4. */
void body_thirds(const struct posture *, size_t frames, float *out);

/* Solves (blockdiag(normals + damping x diagonal) + smoothness) step = -gradient. step: frames x DOFS. The fast way, until what is left of
 * the torso's right-hand side is `tolerance` of it in the preconditioner's norm. Returns false if memory ran out or
 * the matrix is not positive definite to rounding (*memory tells which). */
bool body_solve(const struct normal *, size_t frames, const struct smoothness *, double damping, double tolerance, double *step, bool *is_memory);
/* The same as one dense matrix: plain, for tests; frames * DOFS unknowns. */
bool body_solve_plain(const struct normal *, size_t frames, const struct smoothness *, double damping, double *step);

/* ---- standard errors ---- */

/* Covariance of the degrees of freedom of one frame, of their rates and of their accelerations, for a motion whose information is `normal` in every frame
 * around: (1/pi) times the integral over w in (0, pi) of (H + weight (2 sin(w/2))^6)^-1, of the same times (w/dt)^2, and times (w/dt)^4. Blocks as in struct normal;
 * gradients are not used. share[i] is how much of degree i the data decide, the rest being smoothness: the integral of 1 - weight s [..^-1]_ii. With
 * `is_single` there are no frames around: H^-1, and rates and accelerations are infinite. False when H is singular. */
struct spread {
    struct normal at, rate, acceleration;
    double share[DOFS];
};
bool body_spread(const struct normal *, const struct smoothness *, double dt, bool is_single, struct spread *out);
/* Of a sum of the joints' movements: by[i] is the derivative of a point by degree i, for the torso and one limb (-1: none). */
struct sym3 body_spread_point(const struct normal *covariance, int limb, const struct vec3 by[TORSO_DOFS + LIMB_DOFS_MAX]);
/* The limb that moves a segment, -1 for the trunk's. */
int body_segment_limb(enum body_segment);
/* Does the degree of freedom move the segment? */
bool body_dof_moves(int dof, enum body_segment);

/* ... from the information around a frame of the task. With `is_cautious` nothing is smoother than the first guess of its jerk. */
bool body_spread_around(const struct task *, size_t frame, const struct smoothness *, bool is_cautious, struct spread *out);

/* ---- the end ---- */

/* What camera c saw of the person in a frame: the layout's joints; NULL: nothing. */
const struct pose_point *body_sighting(const struct task *, size_t frame, size_t camera);
/* The door's answer from the fitted task, whose normals are those of its postures. ERR_LIMIT. */
MUST_USE struct err body_result(struct arena *, const struct task *, const struct smoothness *, struct body_fit *out);

#endif
