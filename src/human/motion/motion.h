/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * motion.h: named points in space over time (markers, joints), the files that hold them, the filters that coaches use on
 * them, and how far two of them are apart.
 *
 * A motion is frames x points, metres, in the frame of its source: TRC files are y-up (OpenSim's way), a rig's world is
 * usually z-up; motion_to_y_up turns one into the other. A point that is not known in a frame is VEC3_UNKNOWN (NaN) in all three
 * coordinates: nothing here ever fills it in except the functions that say so. Memory is the arena's it was made in. Any
 * thread may read one; who changes one owns it. */
#ifndef HUMAN_MOTION_H
#define HUMAN_MOTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "human/linear/linear.h"

enum { MOTION_NAME_MAX = 48, MOTION_POINTS_MAX = 1024, MOTION_FRAMES_MAX = 10000000 };

struct motion {
    char name[MOTION_NAME_MAX];
    double rate;         /* frames a second */
    int64_t frame_first; /* number of frame 0, as files count */
    size_t frame_count, point_count;
    char (*point_names)[MOTION_NAME_MAX];
    struct vec3 *at;     /* frame-major: at[frame * point_count + point], metres */
};

/* All points unknown. ERR_LIMIT (memory, MOTION_* maxima). */
MUST_USE struct err motion_create(struct arena *, size_t frame_count, size_t point_count, double rate, struct motion *out);
static inline struct vec3 *motion_at(const struct motion *m, size_t frame, size_t point) { return &m->at[frame * m->point_count + point]; }
/* Index of the point of that name (letters' case does not matter), or -1. */
int motion_find(const struct motion *, struct slice name);
/* Z-up world to y-up: (x, y, z) becomes (y, z, x), as Pose2Sim does. In place. */
void motion_to_y_up(struct motion *);

/* ---- files ---- */

struct motion_note {
    int line; /* from 1; 0 = the file as a whole */
    char text[200];
};

/* TRC (tab-separated, as OpenSim and Pose2Sim write it; units m, cm or mm become metres). Empty cells and NaN are unknown.
 * Errors: ERR_INPUT motion.syntax with the note set; ERR_LIMIT. On an error *out is untouched. */
MUST_USE struct err motion_parse_trc(struct arena *, struct slice text, struct motion *out, struct motion_note *);
/* TRC, C3D, CSV, JSON, BVH (as centimetres) or GLB, told apart by how the file begins. Adds the errors of fs_read_file; ERR_INPUT motion.format. */
MUST_USE struct err motion_read(struct arena *, const char *path, struct motion *out, struct motion_note *);
void motion_write_trc(struct buf *, const struct motion *);  /* numbers that read back as the same double; unknown is an empty cell */
void motion_write_csv(struct buf *, const struct motion *);  /* frame,time,NAME_x,NAME_y,NAME_z,... */
void motion_write_json(struct buf *, const struct motion *); /* {rate, frame_first, points: [names], frames: [[[x,y,z]|null, ...], ...]} */

/* C3D (the format of motion capture laboratories; c3d.org's specification): points only, analog data is skipped. Little-endian (Intel), big-endian (SGI) and DEC
 * floating point are read, integer and real points. A residual below 0 is unknown. Units m, cm, mm and others of POINT:UNITS become metres; POINT:X_SCREEN and Y_SCREEN
 * are not applied. Frames count from 1 there: a motion that begins earlier is written as beginning at 1, with the real number in a group of our own. More than 255 points or 65535 frames are read and written by the later conventions (LABELS2.., TRIAL:ACTUAL_END_FIELD).
 * Errors as TRC, `line` counting from 0 as there is none. */
MUST_USE struct err motion_parse_c3d(struct arena *, struct slice bytes, struct motion *out, struct motion_note *);
/* Intel, real points in millimetres, units in the parameters. `residuals_m` (frame_count x point_count, NULL: 0) goes to the residual of each point. */
void motion_write_c3d(struct buf *, const struct motion *, const double *residuals_m);
/* What motion_write_csv and motion_write_json wrote. */
MUST_USE struct err motion_parse_csv(struct arena *, struct slice text, struct motion *out, struct motion_note *);
MUST_USE struct err motion_parse_json(struct arena *, struct slice text, struct motion *out, struct motion_note *);

/* ---- tables: columns over time (OpenSim's MOT and STO) ---- */

struct motion_table {
    char name[MOTION_NAME_MAX];
    bool in_degrees;
    size_t row_count, column_count;      /* without the time */
    char (*column_names)[MOTION_NAME_MAX];
    double *time;                        /* row_count, seconds */
    double *cells;                       /* row-major; NAN: unknown */
};
MUST_USE struct err motion_table_create(struct arena *, size_t row_count, size_t column_count, struct motion_table *out);
int motion_table_find(const struct motion_table *, struct slice name); /* -1: no such column */
/* A MOT or STO file: head, "endheader", column names, rows. ERR_INPUT motion.syntax, ERR_LIMIT. */
MUST_USE struct err motion_parse_table(struct arena *, struct slice text, struct motion_table *out, struct motion_note *);
void motion_write_mot(struct buf *, const struct motion_table *); /* rows with an unknown cell are left out: OpenSim takes no NaN there */
void motion_write_sto(struct buf *, const struct motion_table *); /* all rows, unknown as NaN */

/* ---- figures: nodes that turn (BVH, glTF) ---- */

enum { MOTION_FIGURE_NODES_MAX = 256 };
struct motion_node {
    char name[MOTION_NAME_MAX];
    int parent;         /* index of an earlier node; -1: a root */
    struct vec3 offset; /* in the parent's frame */
};
/* A tree of nodes. In each frame a root stands at `root`, and each node is turned against its parent. Y-up, metres. */
struct motion_figure {
    char name[MOTION_NAME_MAX];
    double rate;
    int64_t frame_first;
    size_t frame_count, node_count;
    struct motion_node *nodes;
    struct vec3 *root;        /* frame_count: where node 0 stands, its offset included; VEC3_UNKNOWN: the figure is unknown in this frame */
    struct mat3 *rotations;   /* frame_count x node_count */
};
MUST_USE struct err motion_figure_create(struct arena *, size_t frame_count, size_t node_count, double rate, struct motion_figure *out);
/* Places of all nodes: forward kinematics. */
MUST_USE struct err motion_of_figure(struct arena *, const struct motion_figure *, struct motion *out);
/* BVH: rotations in the order Z, X, Y, centimetres. It has no word for unknown: such frames repeat the last known ones (those before the first its own); frames
 * before the first and behind the last known one are not written. */
void motion_write_bvh(struct buf *, const struct motion_figure *);
/* Any order of channels; `scale` to metres (0.01 for ours). Roots must be one. ERR_INPUT motion.syntax, ERR_LIMIT. */
MUST_USE struct err motion_parse_bvh(struct arena *, struct slice text, double scale, struct motion_figure *out, struct motion_note *);
/* Binary glTF 2.0: the nodes with their animation, and a simple mesh of sticks on them, no skin. In unknown frames the figure has scale 0. */
void motion_write_glb(struct buf *, const struct motion_figure *);
/* Reads the nodes and the first animation of a .glb: linear and step interpolation at the times of the first channel, which must be evenly spaced. Meshes are skipped.
 * ERR_INPUT motion.syntax, json.syntax; ERR_LIMIT. */
MUST_USE struct err motion_parse_glb(struct arena *, struct slice bytes, struct motion_figure *out, struct motion_note *);

/* ---- filters: each point and axis by itself, in place; unknown points stay unknown and cut the row into pieces ---- */

/* Zero-lag Butterworth low pass: `order` per pass (2 for what biomechanics calls fourth order), forward and back, with the ends extended by
 * odd reflection. cutoff_hz is that of one pass, as Pose2Sim uses it; with `is_corrected` it is raised so that the two passes together
 * have -3 dB at cutoff_hz (for order 2: divided by 0.802). Pieces no longer than 3 (order + 1) frames are left as they are.
 * False, and nothing changed, unless 0 < cutoff < rate / 2 and 1 <= order <= 8. */
bool motion_butterworth(struct motion *, int order, double cutoff_hz, bool is_corrected);

/* Replaces points further than `limit` robust standard deviations (1.4826 x the median absolute deviation, per axis) from the
 * median of the 2 x half + 1 frames around by that median. Returns how many points it replaced. */
size_t motion_hampel(struct motion *, size_t half, double limit);

/* Fills gaps of up to `frames_max` frames with the cubic spline through all known frames of the point (not-a-knot ends); needs four of
 * them. Gaps before the first and behind the last known frame are extrapolated only `with_ends`, as Pose2Sim does. Returns how many
 * points it filled; SIZE_MAX when memory ran out. */
size_t motion_fill_cubic(struct motion *, size_t frames_max, bool with_ends);

/* Smooths by penalised third differences, the equidistant form of the quintic smoothing spline, with the penalty chosen by generalised
 * cross-validation for each point and axis (Craven and Wahba 1979; Woltring 1986 for movement). Pieces shorter than 12 frames are left as
 * they are. False when memory ran out. */
bool motion_smooth_gcv(struct motion *);

/* ---- comparison ---- */

struct motion_difference {
    size_t frames, points;   /* compared: same names, overlapping frame numbers */
    size_t compared;         /* pairs of known points */
    size_t only_a, only_b;   /* known in one of the two alone */
    double mean_m, median_m, p95_m, max_m, rms_m; /* distance; mean_m is the MPJPE. NAN if nothing was compared */
};
struct motion_point_difference {
    char name[MOTION_NAME_MAX];
    size_t compared;
    double mean_m, median_m, p95_m, max_m;
};
/* `each` has room for a->point_count entries (NULL: not wanted), *each_count is how many were written.
 * ERR_INPUT motion.apart (no common names or frames), ERR_LIMIT (memory). */
MUST_USE struct err motion_compare(const struct motion *a, const struct motion *b, struct motion_difference *out, struct motion_point_difference *each,
                                   size_t *each_count);

/* Length of the segment between two points over time: median and standard deviation, metres. False if never both known. */
bool motion_segment_length(const struct motion *, int a, int b, double *median_m, double *deviation_m);

#endif
