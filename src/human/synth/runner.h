/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * runner.h: people who stand on the ground, for synth.c alone. Plan first, then ask for any instant: a plan knows every contact, where each
 * foot stands, and the path of the centre of mass, which is ballistic whenever no foot is down. A pose at time t hangs the body around that
 * path: planted feet stay where they are to the last bit, legs bend to reach them, and the pelvis is where the masses of all segments put
 * the centre of mass on its path. */
#ifndef HUMAN_SYNTH_RUNNER_H
#define HUMAN_SYNTH_RUNNER_H

#include "base/arena.h"
#include "base/rng.h"
#include "human/linear/linear.h"
#include "human/pose/pose.h"
#include "human/synth/synth.h"

struct plan;

/* `seconds` long, one of enum synth_move but SYNTH_MOVE_GLIDE; the body is carried lower by `lower` of its height. NULL: memory. */
struct plan *plan_make(struct arena *, enum synth_move, double seconds, double height, double speed, double lane_y, double start_x,
                       bool is_female, double lower, struct rng *);

struct plan_pose {
    struct vec3 joints[POSE_JOINTS], com, com_velocity;
    double angles[SYNTH_ANGLES]; /* degrees */
    double stretch;              /* longest leg over its length: above 1 it could not reach */
};
void plan_pose(const struct plan *, double t, struct plan_pose *out);
size_t plan_contacts(const struct plan *, struct synth_contact *out, size_t limit);

#endif
