/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * gait.h: what a coach wants to know of somebody who runs, walks or jumps.
 *
 * In comes one person's joints over time: as measured (track_point: position and covariance, one frame each) and as smoothed or fitted
 * (track_state). Out comes a run: per frame the joint angles and the centre of mass with its velocity; the ground contacts; the steps
 * between them with their measures; split times, the curve of speed and the phases of a sprint; left against right. A run can be compared
 * with another, and written as JSON, CSV, and a page to print.
 *
 * Every number is a gait_value: the value and its standard error, propagated from the covariances of what was measured. What
 * cannot be known is {NAN, NAN} and is written as null or a dash; nothing is filled in. Units are metres, seconds, degrees; times
 * count from frame 0 of the recording. The world is z-up (gait_to_z_up turns a y-up one), and the ground is a horizontal plane.
 * docs/athletes.md has the definitions, one by one.
 *
 * Everything is stateless and lives in the arena that was passed in: any thread. */
#ifndef HUMAN_GAIT_H
#define HUMAN_GAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "human/body/body.h"
#include "human/linear/linear.h"
#include "human/motion/motion.h"
#include "human/pose/pose.h"
#include "human/track/track.h"

struct gait_value {
    double value, error; /* error: one standard deviation; NAN both: unknown */
};
#define GAIT_UNKNOWN ((struct gait_value){NAN, NAN})
static inline bool gait_is_known(struct gait_value v) { return isfinite(v.value); }

enum gait_side { GAIT_LEFT, GAIT_RIGHT, GAIT_SIDES };
enum gait_sex { GAIT_SEX_UNKNOWN, GAIT_FEMALE, GAIT_MALE }; /* which table of segment masses; unknown: the mean of both */

/* Joint angles in degrees. Middle ones once, the others for each side: gait_angle_of(GAIT_KNEE_FLEXION, side). Order, names and what is
 * positive stand in angles.tbl.h. */
enum gait_angle {
#define ANGLE(id, name, sides, label) GAIT_##id,
#include "human/gait/angles.tbl.h"
#undef ANGLE
    GAIT_ANGLE_KINDS
};
enum { GAIT_ANGLES = 2 * GAIT_ANGLE_KINDS }; /* the slot of a middle angle's right side stays unknown */
static inline size_t gait_angle_of(enum gait_angle kind, enum gait_side side) { return 2 * (size_t)kind + (size_t)side; }
/* "knee_flexion_r"; "trunk_lean". NULL for the slots that do not exist. */
const char *gait_angle_name(size_t angle);

/* Measures of a step, from measures.tbl.h. */
enum gait_measure {
#define MEASURE(id, name, unit, digits) GAIT_##id,
#include "human/gait/measures.tbl.h"
#undef MEASURE
    GAIT_MEASURES
};
const char *gait_measure_name(enum gait_measure);
const char *gait_measure_unit(enum gait_measure); /* "m", "s", "deg", "m/s", "1/min", "" */

struct gait_recording {
    char name[MOTION_NAME_MAX];
    double rate;
    int64_t frame_first; /* number of frame 0 in the recording */
    size_t frame_count;
    const struct track_point *points; /* frame_count x POSE_JOINTS: as measured. NULL: contacts are refined on the states */
    const struct track_state *states; /* frame_count x POSE_JOINTS: smoothed, or on a fitted skeleton */
    bool is_fitted;                   /* the latter */
};

struct gait_options {
    enum gait_sex sex;
    double ground_m;       /* height of the ground */
    struct vec3 axis;      /* direction of the run; zero: from the run itself, and along a world axis if within 10 degrees of it */
    double start_m;        /* where the start line lies along that axis, from the world's origin */
    const double *lines_m; /* split lines, metres from the start line; the last one is the finish, crossed by the torso */
    size_t line_count;
    double start_s; /* when the gun went; NAN: unknown, and splits count from frame 0 */
};
#define GAIT_OPTIONS ((struct gait_options){.start_s = NAN})

enum { GAIT_NOTES_MAX = 16, GAIT_LINES_MAX = 64, GAIT_CONTACTS_MAX = 4096 };

struct gait_sample {
    double time_s;
    struct vec3 com, com_velocity, com_acceleration; /* VEC3_UNKNOWN where not known */
    struct sym3 com_covariance, com_velocity_covariance, com_acceleration_covariance;
    struct gait_value distance; /* of the centre of mass along the axis from the start line */
    struct gait_value speed;    /* horizontal, of the centre of mass */
    struct gait_value angles[GAIT_ANGLES];
};

struct gait_contact {
    enum gait_side side;
    struct gait_value touch_down_s, toe_off_s; /* unknown: the recording begins or ends, or has a gap, in this contact */
    size_t frame_from, frame_to;               /* first frame on the ground, and the one behind the last */
    struct vec3 toe;                           /* where the toes stood */
    struct sym3 toe_covariance;
    double toe_clearance_m; /* of the toe's point over the ground while it stood */
};

/* From the touch-down of one foot to that of the other. Also the last contact begins one, whose step measures are unknown. */
struct gait_step {
    size_t contact;      /* the one that begins it */
    enum gait_side side; /* of that foot */
    struct gait_value measures[GAIT_MEASURES];
};

struct gait_split {
    double line_m;
    struct gait_value com_s, torso_s;    /* crossing by the centre of mass and by the foremost point of the torso */
    struct gait_value interval_s, speed; /* since the line before, by the torso, and the mean speed in between; unknown for the first */
};

/* v(t) = a (exp(-k (t - t0)) - exp(-(t - t0) / tau)): speed rises with tau and fades with k. */
struct gait_curve {
    bool is_fitted;
    struct gait_value a_mps, tau_s, fade_per_s, t0_s;
    struct gait_value top_mps, top_s;         /* the peak of the fitted curve */
    struct gait_value acceleration_mps2;      /* at t0 */
    struct gait_value force_n_kg, power_w_kg; /* horizontal, per kilogram of body, air left out: at t0, and the greatest */
    double rms_mps;                           /* of the step-averaged speed around the curve */
};

enum gait_phase_kind { GAIT_PHASE_START, GAIT_PHASE_DRIVE, GAIT_PHASE_TRANSITION, GAIT_PHASE_MAXIMUM, GAIT_PHASE_FADE, GAIT_PHASES };
struct gait_phase {
    bool is_there;
    double from_s, to_s;
    struct gait_value from_m, to_m; /* distance of the centre of mass */
};

/* A time in which no foot was down between two contacts of both, of somebody who jumps. */
struct gait_jump {
    struct gait_value take_off_s, landing_s; /* the last foot off, the first one down */
    struct gait_value flight_s;
    struct gait_value height_m; /* rise of the centre of mass from take-off to its highest point */
    struct gait_value
        height_flight_m; /* g t^2 / 8: what the flight time alone says, true if the legs are as straight at landing as at take-off */
    struct gait_value take_off_mps; /* upward speed of the centre of mass */
};

struct gait_summary {
    size_t count, counts[GAIT_SIDES];
    struct gait_value mean,
        sides[GAIT_SIDES];      /* error: of the mean, from the scatter of the steps and their own errors, whichever is larger */
    double deviation;           /* between steps; NAN with fewer than two */
    struct gait_value symmetry; /* 100 (left - right) / mean of both, percent */
};

enum gait_kind { GAIT_KIND_UNKNOWN, GAIT_STANDING, GAIT_WALKING, GAIT_RUNNING, GAIT_JUMPING };

struct gait_run {
    char name[MOTION_NAME_MAX];
    double rate;
    int64_t frame_first;
    size_t frame_count;
    enum gait_sex sex;
    enum gait_kind kind;
    struct vec3 axis; /* unit, horizontal */
    double start_m, start_s, ground_m;
    const struct track_state *states; /* borrowed from the recording */
    struct gait_sample *samples;      /* one per frame */
    struct gait_contact *contacts;    /* in order of touch-down */
    size_t contact_count;
    struct gait_step *steps;
    size_t step_count;
    struct gait_jump *jumps; /* GAIT_JUMPING alone */
    size_t jump_count;
    struct gait_split *splits;
    size_t split_count;
    struct gait_curve curve;
    struct gait_phase phases[GAIT_PHASES];
    struct gait_summary summaries[GAIT_MEASURES];
    struct gait_value top_speed, top_speed_s; /* greatest speed averaged over two steps */
    const char *notes[GAIT_NOTES_MAX];        /* codes of the text catalogue: what is missing and why ("gait.no_contact") */
    size_t note_count;
};

/* Everything above from one recording. Short, empty and unsteady recordings give a run in which much is unknown, and notes that say why.
 * Errors: ERR_INPUT gait.rate (not above 0), gait.lines (more than GAIT_LINES_MAX, not finite or not rising); ERR_LIMIT (memory).
 * On an error *out is untouched. */
MUST_USE struct err gait_analyse(struct arena *, const struct gait_recording *, const struct gait_options *, struct gait_run *out);

/* ---- pieces, for programs that want one of them ---- */

/* Angles of one instant from the joints' positions (POSE_JOINTS of them; unknown ones leave their angles NAN). `axis` is forward, unit and
 * horizontal; z is up. */
void gait_angles(const struct vec3 joints[POSE_JOINTS], struct vec3 axis, double degrees[GAIT_ANGLES]);

/* The centre of mass is a sum of joints with these weights (they add up to 1): de Leva 1996. Joints in `missing` (bit k: joint k) are
 * replaced as docs/athletes.md says (no neck: the middle of the shoulders); false when too little is there. */
bool gait_mass_weights(enum gait_sex, uint32_t missing, double weights[POSE_JOINTS]);

/* ---- comparison ---- */

enum { GAIT_PHASE_POINTS = 51 }; /* 0, 2, .. 100 % of the stride */

/* An angle over the strides of one side: from one touch-down of that foot to its next. */
struct gait_cycle {
    size_t strides;
    double mean[GAIT_PHASE_POINTS], deviation[GAIT_PHASE_POINTS]; /* NAN where fewer than one, two strides are known */
    double (*each)[GAIT_PHASE_POINTS];                            /* strides rows */
    double toe_off;                                               /* mean phase of toe-off, 0 to 1 */
};
/* Strides that begin in [from_s, to_s). The touch-downs are those of `side`, also for middle angles. ERR_LIMIT (memory). */
MUST_USE struct err gait_cycle_of(struct arena *, const struct gait_run *, size_t angle, enum gait_side side, double from_s, double to_s,
                                  struct gait_cycle *out);

struct gait_difference {
    struct gait_value a, b, difference; /* b - a */
    double z;                           /* difference over its error; NAN unknown */
    double p;                           /* chance of one as large without a cause: two-sided, Welch's t */
};
struct gait_comparison {
    const struct gait_run *a, *b;
    struct gait_difference measures[GAIT_MEASURES]; /* means over the steps both have */
    size_t step_count;                              /* steps aligned: by number, from the first with a touch-down, whichever foot's it is */
    struct gait_difference (*steps)[GAIT_MEASURES]; /* step_count rows */
    struct gait_difference top_speed;
    struct gait_difference splits[GAIT_LINES_MAX]; /* time from the first common line */
    double split_lines_m[GAIT_LINES_MAX];
    size_t split_count;
};
/* Aligned by the number of the step. Errors: ERR_INPUT gait.apart (no steps in one of them), ERR_LIMIT. */
MUST_USE struct err gait_compare(struct arena *, const struct gait_run *a, const struct gait_run *b, struct gait_comparison *out);

/* Two cycles of the same angle laid over each other: b - a at each phase, and the chance of as large a difference without a cause (Welch's
 * t over the strides; NAN with fewer than three of one). */
void gait_cycle_compare(const struct gait_cycle *a, const struct gait_cycle *b, double difference[GAIT_PHASE_POINTS],
                        double p[GAIT_PHASE_POINTS]);

/* ---- files ---- */

/* Measured points with their covariances, so that a report can be made later: {"format":"grandstand-points-1", "rate", "frame_first",
 * "frames", "joints": [names], "points": [[x, y, z, xx, xy, xz, yy, yz, zz] or null, ..]}, frame by frame; metres, and square millimetres
 * for the covariance. */
void gait_write_points(struct buf *, const struct gait_recording *);
/* Reads that and smooths it. Errors: ERR_INPUT gait.points (not such a file, or numbers that make no sense), json.syntax; ERR_LIMIT. */
MUST_USE struct err gait_read_points(struct arena *, struct slice text, struct gait_recording *out);
/* From a world whose y axis points up to z-up: (x, y, z) becomes (z, x, y), in points, states and covariances. ERR_LIMIT. */
MUST_USE struct err gait_to_z_up(struct arena *, struct gait_recording *);
/* A motion of any source (z-up): points by the names of their joints; the noise is measured from the motion itself, and what comes out of a
 * file that was smoothed before is a lower bound. Errors: ERR_INPUT gait.joints (no hips, knees or ankles in it), ERR_LIMIT. */
MUST_USE struct err gait_from_motion(struct arena *, const struct motion *, struct gait_recording *out);
/* One person of track_follow, in any layout: points in the order of enum pose_joint, and smoothed. ERR_LIMIT. */
MUST_USE struct err gait_from_track(struct arena *, const struct track_people *, size_t person, double rate, struct gait_recording *out);
/* The same on the skeleton that was fitted to this person: trunk and arms from the skeleton, legs from the points and the contacts. Borrows
 * from the fit. ERR_LIMIT. */
MUST_USE struct err gait_from_body(struct arena *, const struct track_people *, size_t person, const struct body_fit *,
                                   struct gait_recording *out);

void gait_write_json(struct buf *, const struct gait_run *);
void gait_write_csv_frames(struct buf *, const struct gait_run *); /* a row per frame: time, centre of mass, speed, angles, each with _se */
void gait_write_csv_steps(struct buf *, const struct gait_run *);  /* a row per step */
/* The measures, and the angles phase by phase over the fast strides of both. ERR_LIMIT (memory). */
MUST_USE struct err gait_write_json_comparison(struct arena *, struct buf *, const struct gait_comparison *);

/* The page: one HTML text that needs nothing else. `language` is en, de, zh or th (anything else is English). An empty title is the
 * language's own word for a report. With `other_count` above 0 each run is compared with the one of the same number among `others`, or with
 * the first when there are fewer. ERR_LIMIT. */
MUST_USE struct err gait_write_report(struct arena *, struct buf *, const struct gait_run *runs, size_t count,
                                      const struct gait_run *others, size_t other_count, struct slice language, struct slice title);

#endif
