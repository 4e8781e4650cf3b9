/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * pose.h: joints in pictures. What a 2D network (OpenPose, MMPose, AlphaPose, DeepLabCut) saw in one camera's recording.
 *
 * A take is one camera's recording: a row of frames, each with any number of people, each with one point per joint of the
 * take's layout. Pixels are the camera's ((0, 0) at the centre of the upper left one). A point with confidence 0 was not
 * seen and its x and y mean nothing; readers put 0 there for points that are missing, not finite, or at exactly (0, 0),
 * which is how OpenPose and AlphaPose write "not found". People are in the order of the file; the same index in two frames need
 * not be the same person.
 *
 * A take is plain memory in the arena it was read into; once read it never changes. Any thread. */
#ifndef HUMAN_POSE_H
#define HUMAN_POSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

/* The joints that biomechanics needs, in the order of the Halpe body set (26 points). */
enum pose_joint {
    POSE_NOSE, POSE_LEYE, POSE_REYE, POSE_LEAR, POSE_REAR, POSE_LSHOULDER, POSE_RSHOULDER, POSE_LELBOW, POSE_RELBOW, POSE_LWRIST, POSE_RWRIST,
    POSE_LHIP, POSE_RHIP, POSE_LKNEE, POSE_RKNEE, POSE_LANKLE, POSE_RANKLE, POSE_HEAD, POSE_NECK, POSE_HIP, POSE_LBIGTOE, POSE_RBIGTOE,
    POSE_LSMALLTOE, POSE_RSMALLTOE, POSE_LHEEL, POSE_RHEEL,
    POSE_JOINTS, /* 26 */
};
/* "RHip": Pose2Sim's and OpenSim's names. NULL outside. */
const char *pose_joint_name(enum pose_joint);

enum { POSE_LAYOUT_JOINTS_MAX = 64, POSE_NAME_MAX = 48 };

/* Which points a network gives, and in which order. */
struct pose_layout {
    char name[POSE_NAME_MAX]; /* "BODY_25B" */
    size_t joint_count;
    char joint_names[POSE_LAYOUT_JOINTS_MAX][POSE_NAME_MAX];
    int8_t joint[POSE_LAYOUT_JOINTS_MAX];  /* enum pose_joint, or -1 for a point that has no place there */
    int8_t mirror[POSE_LAYOUT_JOINTS_MAX]; /* index of the same joint on the other side; itself in the middle */
};

/* "BODY_25", "BODY_25B", "COCO_18" (OpenPose's), "COCO_17", "HALPE_26". False when the name is unknown. */
bool pose_layout_named(struct slice name, struct pose_layout *out);
/* Index in the layout, or -1. */
int pose_layout_find(const struct pose_layout *, enum pose_joint);

struct pose_point {
    float x, y, confidence; /* pixels; 0 (not seen) to 1 */
};

struct pose_frame {
    bool is_present;     /* false: the file of this frame is missing, which says nothing about people */
    uint32_t people;
    struct pose_point *points; /* people x joint_count */
};

struct pose_take {
    char name[POSE_NAME_MAX]; /* of the folder or file, without "_json" and ending */
    struct pose_layout layout;
    int64_t frame_first; /* number of frames[0], as the files count */
    size_t frame_count;
    struct pose_frame *frames;
};

static inline const struct pose_point *pose_person(const struct pose_take *t, size_t frame, size_t person) {
    return t->frames[frame].points + person * t->layout.joint_count;
}

/* Which file was refused, where and why; sentences for a person. */
struct pose_note {
    char file[256];
    size_t offset; /* byte; or line for CSV; 0 = the file as a whole */
    char text[300];
};

struct pose_options {
    const char *layout; /* NULL: by the number of points; BODY_25 and BODY_25B (both 25) are told apart by where the hips are */
    size_t frames_max;  /* 0: 1,000,000 */
};

/* Reads one camera's take from a folder of OpenPose JSON (one file per frame; its number is the last one in the name) or from one file:
 * MMPose JSON, AlphaPose JSON, DeepLabCut CSV. Frames without a file are marked as missing. On an error *out is untouched.
 * Errors: ERR_INPUT pose.format (nothing known), pose.syntax, pose.layout (the number of points differs from frame to frame or fits no
 * layout), pose.empty (no file, or nobody in any of them and so no layout), ERR_LIMIT (memory, size, frames_max), ERR_NOT_FOUND, ERR_IO. */
MUST_USE struct err pose_take_read(struct arena *, const char *path, const struct pose_options *, struct pose_take *out, struct pose_note *note);

/* One OpenPose JSON text. Points go to `points` (room for `limit`), people x joints of them; *joints is 0 when nobody is there.
 * Errors: ERR_INPUT pose.syntax, pose.layout (people with different numbers of points), ERR_LIMIT (more than `limit`). */
MUST_USE struct err pose_parse_openpose(struct slice text, struct pose_point *points, size_t limit, size_t *people, size_t *joints, size_t *error_at);
/* The other formats, from memory: what pose_take_read does with a file. `name` goes to the take. */
MUST_USE struct err pose_parse_file(struct arena *, struct slice text, const struct pose_options *, struct pose_take *out, struct pose_note *note);

#endif
