/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * camera.h: what a camera does to the world, and the files that say so.
 *
 * The model. A rig is a list of cameras. A camera has a view per frame: a lens (how rays become pixels) and a pose
 * (where it stands); a fixed camera has one view for all frames. Lengths are metres, pixels have (0, 0) at the centre of
 * the upper left pixel, x right, y down. The camera's own frame is OpenCV's: x right, y down, z into the scene. A pose
 * takes a point of the world into that frame: x_camera = rotation * x_world + translation. The world is the rig's; which
 * of its axes points up is stored with the rig (Pose2Sim's and Qualisys' worlds are z-up).
 *
 *   perspective  x' = x g + 2 p1 x y + p2 (r2 + 2 x2),   g = (1 + k1 r2 + k2 r4 + k3 r6) / (1 + k4 r2 + k5 r4 + k6 r6)
 *                y' = y g + p1 (r2 + 2 y2) + 2 p2 x y    (x, y) = (X / Z, Y / Z); Brown 1966 as OpenCV writes it
 *   fisheye      a' = a (1 + k1 a2 + k2 a4 + k3 a6 + k4 a8), a = the angle from the optical axis; Kannala and Brandt 2006
 *   both         u = fx x' + skew y' + cx,  v = fy y' + cy
 *
 * A distortion polynomial is only a model out to the radius where it turns back and two rays would share a pixel. Both
 * directions refuse beyond it (false), instead of answering with a point on the wrong side.
 *
 * All of it is plain values without hidden state, for any thread; a rig read from a file lives in the arena given. */
#ifndef HUMAN_CAMERA_H
#define HUMAN_CAMERA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "human/linear/linear.h"

enum { CAMERA_NAME_MAX = 64, CAMERA_COUNT_MAX = 64 };

struct camera_lens {
    bool is_fisheye;
    double fx, fy, cx, cy, skew; /* pixels */
    double radial[6];            /* k1..k6; fisheye uses k1..k4 */
    double tangential[2];        /* p1, p2; perspective only */
    double radius_max;           /* set by camera_lens_prepare: largest r (fisheye: angle) where the model is one-to-one */
};

struct camera_pose {
    struct mat3 rotation;
    struct vec3 translation; /* metres */
};

struct camera_view {
    struct camera_lens lens;
    struct camera_pose pose;
};

/* When the camera looked. Row v of frame n was exposed at n / rate * (1 + drift) + offset_s + v * row_s on the clock of the recording. */
struct camera_clock {
    double offset_s, drift, row_s;
    double rate; /* frames a second; 0: that of the whole recording */
};

struct camera {
    char name[CAMERA_NAME_MAX];
    double width, height;           /* pixels; 0 = unknown */
    struct camera_view fixed;       /* for frames without a view of their own */
    const struct camera_view *views; /* one for each frame from view_first on; NULL for a camera that never moves */
    size_t view_count;
    int64_t view_first;
    struct camera_clock clock;
    double error_px; /* residual the calibration itself reported; NAN = unknown */
};

enum camera_up { CAMERA_UP_UNKNOWN, CAMERA_UP_Y, CAMERA_UP_Z };

struct camera_rig {
    struct camera *cameras;
    size_t count;
    enum camera_up up;
};

/* The view that holds in `frame`; NULL where a moving camera has none: its pose is then unknown, not the last one. */
const struct camera_view *camera_view_at(const struct camera *, int64_t frame);

/* Checks the numbers and sets radius_max. Errors: ERR_INPUT camera.lens (not finite, or a focal length not above 0). */
MUST_USE struct err camera_lens_prepare(struct camera_lens *);

/* World point to pixel. False behind the camera and outside the lens model; *u and *v are then untouched. */
bool camera_project(const struct camera_view *, struct vec3 world, double *u, double *v);
/* Pixel to unit ray in the camera's frame. False where the model cannot be inverted. Exact to 1e-12 rad or better:
 * fixed-point steps bring it near, Newton finishes, and the result is projected again to prove it. */
bool camera_unproject(const struct camera_lens *, double u, double v, struct vec3 *ray);
/* The same in the frame of the camera, before and after: for calibration and tests. `ray` need not be unit length. */
bool camera_lens_project(const struct camera_lens *, struct vec3 ray, double *u, double *v);
/* ... and with the derivative of (u, v) by the point in the camera's frame. */
bool camera_lens_project_derivative(const struct camera_lens *, struct vec3 point, double *u, double *v, double by_point[2][3]);

struct vec3 camera_centre(const struct camera_pose *);
/* A point of the world as a camera at `centre` looks at `target`; `up` is the world's up. For tests and synthetic rigs. */
struct camera_pose camera_pose_look_at(struct vec3 centre, struct vec3 target, struct vec3 up);

/* One observed pixel as three affine functions of the unknown world point X, the form triangulation works in:
 *     depth = w.X - w0,   residual in pixels = ((a.X - a0) / depth, (b.X - b0) / depth)
 * Exact where the residual is 0, first order in it elsewhere (the lens is linearised at the pixel). False as
 * camera_unproject. */
struct camera_line {
    struct vec3 a, b, w;
    double a0, b0, w0;
};
bool camera_line_of(const struct camera_view *, double u, double v, struct camera_line *out);

/* ---- files ---- */

enum camera_format {
    CAMERA_FORMAT_GUESS,
    CAMERA_FORMAT_TOML,     /* Pose2Sim; Anipose and Caliscope write the same tables with other extras */
    CAMERA_FORMAT_QUALISYS, /* .qca.txt, XML */
    CAMERA_FORMAT_OPENCV,   /* YAML of cv::FileStorage: one camera, or many as EasyMocap names them (K_x, dist_x, Rot_x, T_x) */
    CAMERA_FORMAT_JSON,     /* ours: all of the above, views per frame and clocks included */
    CAMERA_FORMATS,
};
const char *camera_format_name(enum camera_format); /* "toml", "qualisys", "opencv", "json" */

/* Where and why a file was refused, or what about it looks wrong: a sentence for a person, without the file's name. */
struct camera_note {
    int line; /* from 1; 0 = the file as a whole */
    char text[300];
};

/* Reads a rig. Positions are made metres (Qualisys files are millimetres; Anipose's are whatever its board was measured
 * in, so check the note of camera_rig_check). Names are unique; natural order is the file's, except that Qualisys
 * cameras are sorted by name ("cam_2" before "cam_10") as Pose2Sim does, and marker cameras among them are left out where
 * the file also holds video cameras.
 * On an error *out is untouched and *note says what and where.
 * Errors: ERR_INPUT camera.format (no format known here), camera.syntax, camera.field (missing or malformed),
 * camera.lens, camera.pose (rotation is mirrored, singular or no rotation), ERR_LIMIT (over CAMERA_COUNT_MAX, or memory). */
MUST_USE struct err camera_rig_parse(struct arena *, struct slice text, enum camera_format, struct camera_rig *out, struct camera_note *note);
/* The same from a file of at most 64 MB; adds the errors of fs_read_file. */
MUST_USE struct err camera_rig_read(struct arena *, const char *path, enum camera_format, struct camera_rig *out, struct camera_note *note);

/* Writes one. Numbers are written so that reading gives the same double. What a format cannot hold (views per frame and clocks outside
 * JSON; fisheye and k4..k6 in Qualisys) is refused with ERR_INPUT camera.format rather than dropped. */
MUST_USE struct err camera_rig_write(struct buf *, const struct camera_rig *, enum camera_format, struct camera_note *note);

/* What looks wrong without being impossible: units (a rig wider than 2 km is in millimetres), two cameras in one place,
 * principal point outside the picture, all cameras on one line with what they look at. Writes at most `limit` notes, returns how many
 * there are. */
size_t camera_rig_check(const struct camera_rig *, struct camera_note *notes, size_t limit);

/* The camera of that name, or NULL. */
const struct camera *camera_rig_find(const struct camera_rig *, struct slice name);

#endif
