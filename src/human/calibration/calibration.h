/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * calibration.h: how cameras see and where they stand, from pictures of a board, from points that somebody measured, and from lines on
 * the ground whose place is known.
 *
 * The steps. A board is described, printed (calibration_board_pdf) and filmed; calibration_find_board finds its inner corners in each picture
 * to a few hundredths of a pixel; calibration_cameras makes of many such pictures the lens of each camera and, where several cameras saw the board at the same
 * instants, the place of each. A camera whose lens is known is placed by calibration_place: points with known
 * coordinates, and pixels that lie on known lines (the lanes of a track).
 *
 * Units and frames are camera.h's: metres, pixels with (0, 0) at the centre of the upper left one, camera x right, y down, z forward. The board's
 * own frame has its origin in the upper left outer corner as printed, x to the right along the columns of squares, y down, z into the paper; corner
 * `id` is the inner corner right of and below square (id % (columns - 1), id / (columns - 1)).
 *
 * Everything is stateless: any thread. Results live in the arena given. */
#ifndef HUMAN_CALIBRATION_H
#define HUMAN_CALIBRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "human/camera/camera.h"
#include "human/linear/linear.h"

/* ---- boards ---- */

enum {
    CALIBRATION_SQUARES_MAX = 40, /* on a side */
    CALIBRATION_MARKERS = 50,     /* ArUco's dictionary of 4 x 4 bits, its first 50 words ("DICT_4X4_50") */
};

/* A checkerboard whose upper left square is black; with marker_m above 0 a ChArUco board: each white square carries the marker that follows, row by row from
 * first_marker on (as OpenCV 4.6 and later lay them out). A ChArUco board is also found when only a part of it is seen. */
struct calibration_board {
    int columns, rows; /* squares; at least 3 x 3 */
    double square_m;
    double marker_m; /* 0: plain checkerboard; otherwise 0.4 to 0.9 of the square */
    int first_marker;
};
/* ERR_INPUT calibration.board: too few or too many squares, sizes that make no sense, more markers than there are. */
MUST_USE struct err calibration_board_check(const struct calibration_board *);
static inline int calibration_corner_count(const struct calibration_board *b) { return (b->columns - 1) * (b->rows - 1); }
struct vec3 calibration_corner_at(const struct calibration_board *, int id);
/* What is printed at (x, y) metres of the board: true for white. For the PDF and for tests that paint pictures. */
bool calibration_board_is_white(const struct calibration_board *, double x, double y);

/* A page that holds the board in its true size, with its measures and a ruler of 100 mm below it to check the printer by. page_w and page_h in
 * millimetres (210, 297). Errors: ERR_INPUT calibration.board, calibration.page (the board does not fit the page), ERR_LIMIT. */
MUST_USE struct err calibration_board_pdf(struct buf *out, const struct calibration_board *, double page_w_mm, double page_h_mm);

/* ---- pictures ---- */

struct calibration_picture {
    int width, height; /* 16 to 16,384 */
    size_t stride;
    const uint8_t *gray;
};

/* Reads a PGM (P2, P5) or PPM (P3, P6), 8 or 16 bits, to gray. Errors: ERR_INPUT calibration.picture, ERR_LIMIT. */
MUST_USE struct err calibration_picture_parse(struct arena *, struct slice bytes, struct calibration_picture *out);

struct calibration_corner {
    int id;
    double u, v;
};
/* What one camera saw of the board at one instant. */
struct calibration_sight {
    struct calibration_corner *corners;
    size_t count;
};

/* Finds the board. A checkerboard must be seen whole; of a ChArUco board a part with one legible marker is enough. A checkerboard with an odd number of
 * squares one way and an even one the other is labelled without doubt; other plain boards look the same upside down.
 * Errors: ERR_INPUT calibration.picture (size), calibration.board, ERR_NOT_FOUND calibration.not_seen, ERR_LIMIT. */
MUST_USE struct err calibration_find_board(struct arena *, const struct calibration_picture *, const struct calibration_board *, struct calibration_sight *out);

/* ---- cameras from boards ---- */

enum calibration_model { CALIBRATION_PERSPECTIVE, CALIBRATION_RATIONAL, CALIBRATION_FISHEYE };

enum { CALIBRATION_GRID_X = 8, CALIBRATION_GRID_Y = 6, CALIBRATION_LENS_NUMBERS = 12 };

struct calibration_camera_options {
    enum calibration_model model;
    int radial_count;        /* perspective: k1 up to k3; 0 means 2. Each more needs corners nearer to the border */
    bool without_tangential;
    double width, height;    /* pixels */
    bool is_lens_known;      /* `lens` is taken and kept: only the place is wanted */
    struct camera_lens lens;
};

/* How well one camera came out. */
struct calibration_camera {
    struct camera_lens lens;
    double deviation[CALIBRATION_LENS_NUMBERS]; /* standard deviations of fx fy cx cy k1..k6 p1 p2; 0: not estimated */
    struct camera_pose pose;                    /* world to camera; the world is the board at the first instant that was used */
    bool is_placed;                             /* false: it never saw the board together with the others */
    double rms_px;                              /* of all corners used, both axes together */
    size_t corners, left_out;                   /* used; outliers */
    double *picture_rms_px;                     /* for each instant; NAN where it saw nothing */
    uint16_t coverage[CALIBRATION_GRID_Y][CALIBRATION_GRID_X]; /* corners in each part of the picture */
    double covered;                             /* fraction of the parts that have any */
};

struct calibration_cameras {
    struct calibration_camera *cameras;
    struct camera_pose *boards; /* board to world at each instant */
    bool *is_board_known;
    double rms_px;
};

/* sights[camera * instants + instant] (count 0: not seen). Lenses begin with Zhang's homographies (2000) or, where those fail and for fisheyes, with the best of
 * a row of focal lengths; then everything is adjusted together (board poses eliminated), outliers beyond five deviations left out. A camera whose lens is wanted needs three
 * pictures, better twelve, of a board that is tilted and near the borders.
 * Errors: ERR_INPUT calibration.few (names nothing; which camera is in *culprit), calibration.degenerate (the board was never tilted), ERR_LIMIT. */
MUST_USE struct err calibration_cameras(struct arena *, const struct calibration_board *, const struct calibration_camera_options *options, size_t cameras,
                                        const struct calibration_sight *sights, size_t instants, struct calibration_cameras *out, size_t *culprit);

/* ---- places from the scene ---- */

/* A pixel that shows a known point, or (along not zero) a pixel somewhere on a known line through `at`. */
struct calibration_mark {
    struct vec3 at, along;
    double u, v;
};

struct calibration_place {
    struct camera_pose pose;
    struct camera_lens lens;   /* with the focal length, if that was wanted */
    double rms_px;
    double deviation_m;        /* of the camera's place, from how the marks fit */
    double deviation_focal;    /* pixels; 0 if the focal length was given */
    double *residual_px;       /* for each mark */
    size_t worst;
};

/* Where a camera stands that sees these marks: rotations from all over the sphere are tried (orthogonal iteration, Lu, Hager and Mjolsness 2000, for points; the
 * directions of lines for lines), the best are adjusted to the pixels. At least four points not all on one line, or three lines of two directions (two lanes and
 * the finish), or some of both. With `with_focal` the focal length (fx = fy) is found as well, from six points or more.
 * Errors: ERR_INPUT calibration.few, calibration.degenerate (the marks determine no place: all on one line, all lines parallel), calibration.lens (a pixel outside the lens'
 * model), ERR_LIMIT. */
MUST_USE struct err calibration_place(struct arena *, const struct camera_lens *, bool with_focal, const struct calibration_mark *, size_t count, struct calibration_place *out);

/* A line or point of a straight track by name, as a mark without pixel. x runs along the lanes from the start of the 100 m, y to the left, z up; lanes of
 * 1.22 m are numbered from the right hand, as the runner sees it from the inside: lane-N is the left border of lane N, lane-0 the right border of lane 1.
 * Names: lane-N, start, finish, x=M, y=M, hurdle-N-W (N-th hurdle line, W one of 110, 100, 400: distances of World Athletics' rule 168). False: no such name. */
bool calibration_track_line(struct slice name, struct calibration_mark *out);

/* Rows of a table: camera, then x,y,z or the name of a line, then u,v. The first line may name the columns. '#' begins a comment. */
struct calibration_row {
    char camera[CAMERA_NAME_MAX];
    struct calibration_mark mark;
    int line;
};
struct calibration_rows {
    struct calibration_row *rows;
    size_t count;
};
/* Comma, semicolon or tab separated; rows of five or six fields are points ("cam1,1.0,2.0,0,512.5,300"; five without a camera), rows of three or four are
 * lines ("cam1,lane-3,512.5,300"). Errors: ERR_INPUT calibration.syntax with the note set, ERR_LIMIT. */
MUST_USE struct err calibration_rows_parse(struct arena *, struct slice text, struct calibration_rows *out, struct camera_note *note);

#endif
