/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * command_track.h: the parts of `grandstand track` that have a file of their own. */
#ifndef APP_COMMAND_TRACK_H
#define APP_COMMAND_TRACK_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "human/body/body.h"
#include "human/gait/gait.h"
#include "human/track/track.h"

/* Bits of --format. */
enum track_format {
    TRACK_TRC = 1, TRACK_CSV = 2, TRACK_JSON = 4, TRACK_C3D = 8, TRACK_MOT = 16, TRACK_STO = 32, TRACK_BVH = 64, TRACK_GLB = 128, TRACK_FORMATS = 255,
};
/* "trc,c3d", "all". False when a word is not known. */
bool track_formats_of(const char *text, unsigned *out);

/* Writes what is known of one person into the folder `out`, person-N.*, y-up. `fit` NULL: no skeleton, the smoothed states instead, and no files that need one
 * (MOT, STO, BVH, GLB). */
MUST_USE struct err track_write_person(struct arena *, const char *out, unsigned formats, const struct camera_rig *, const struct track_people *, size_t person,
                                       const struct track_state *states, double rate, const struct body_fit *fit);
/* "skeleton": what the fit says of itself, and a line or two for people. */
void track_report_skeleton(struct json_writer *, bool is_json, const struct body_fit *fit, const struct camera_rig *);

struct command_context;
/* Contacts, steps and speed of one person, by the command's own options: person-N.points.json (what a report is made from later), and by --format person-N_gait.json,
 * person-N_gait.csv, person-N_steps.csv. `fit` NULL: no skeleton. *run lives in the arena. */
MUST_USE struct err track_write_gait(struct arena *, const char *out, unsigned formats, struct command_context *, enum camera_up, const struct track_people *, size_t person, double rate,
                                     const struct body_fit *fit, struct gait_run *run);
/* "gait": the run in a few words. */
void track_report_gait(struct json_writer *, bool is_json, const struct gait_run *);
/* grandstand track report DIR|FILE --out report.html */
int track_report(struct command_context *);
/* grandstand track evaluate A B */
int track_evaluate(struct command_context *);

#endif
