/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "human/gait/room.h"

static const char *const kinds[] = {"unknown", "standing", "walking", "running", "jumping"};
static const char *const sexes[] = {"unknown", "female", "male"};
static const char *const sides[] = {"left", "right"};
static const char *const phase_names[GAIT_PHASES] = {"start", "drive", "transition", "maximum", "fade"};
const char *gait_phase_name(size_t phase) { return phase_names[phase]; }

/* What is behind the error's second figure is noise; files stay small without it. */
static double rounded(double v, double error) {
    if (!isfinite(v) || !(error > 1e-12)) return v;
    double unit = pow(10, floor(log10(error)) - 2);
    return round(v / unit) * unit;
}

/* With so many decimals. */
static void fixed(struct json_writer *w, int decimals, double v) {
    char text[64];
    snprintf(text, sizeof text, "%.*f", decimals, v);
    if (isfinite(v))
        json_add_raw(w, slice_cstr(text));
    else
        json_add_null(w);
}

/* With so many figures. */
static void figures(struct json_writer *w, int count, double v) {
    char text[64];
    snprintf(text, sizeof text, "%.*g", count, v);
    if (isfinite(v))
        json_add_raw(w, slice_cstr(text));
    else
        json_add_null(w);
}

/* {"value": v, "se": e}, or null */
static void put(struct json_writer *w, const char *name, struct gait_value v) {
    if (name) json_key(w, name);
    if (!gait_is_known(v)) {
        json_add_null(w);
        return;
    }
    json_begin_object(w);
    json_key(w, "value"), figures(w, 9, rounded(v.value, v.error));
    json_key(w, "se"), figures(w, 3, v.error);
    json_end(w);
}

static void triple(struct json_writer *w, const char *name, struct vec3 v) {
    json_key(w, name);
    if (!vec3_is_known(v)) {
        json_add_null(w);
        return;
    }
    json_begin_array(w);
    fixed(w, 5, v.x), fixed(w, 5, v.y), fixed(w, 5, v.z);
    json_end(w);
}

void gait_write_json(struct buf *out, const struct gait_run *run) {
    struct json_writer w = json_writer_of(out);
    json_begin_object(&w);
    json_put_cstr(&w, "name", run->name), json_put_double(&w, "rate", run->rate), json_put_number(&w, "frame_first", run->frame_first),
        json_put_number(&w, "frames", (int64_t)run->frame_count);
    json_put_cstr(&w, "kind", kinds[run->kind]), json_put_cstr(&w, "sex", sexes[run->sex]);
    triple(&w, "axis", run->axis);
    json_put_double(&w, "start_line_m", run->start_m), json_put_double(&w, "start_s", run->start_s),
        json_put_double(&w, "ground_m", run->ground_m);
    json_key(&w, "notes");
    json_begin_array(&w);
    for (size_t i = 0; i < run->note_count; i++) json_add_cstr(&w, run->notes[i]);
    json_end(&w);
    put(&w, "top_speed_mps", run->top_speed), put(&w, "top_speed_s", run->top_speed_s);
    json_key(&w, "curve");
    if (run->curve.is_fitted) {
        json_begin_object(&w);
        put(&w, "a_mps", run->curve.a_mps), put(&w, "tau_s", run->curve.tau_s), put(&w, "fade_per_s", run->curve.fade_per_s),
            put(&w, "t0_s", run->curve.t0_s);
        put(&w, "top_mps", run->curve.top_mps), put(&w, "top_s", run->curve.top_s),
            put(&w, "acceleration_mps2", run->curve.acceleration_mps2);
        put(&w, "force_n_kg", run->curve.force_n_kg), put(&w, "power_w_kg", run->curve.power_w_kg),
            json_put_double(&w, "rms_mps", run->curve.rms_mps);
        json_end(&w);
    } else {
        json_add_null(&w);
    }
    json_key(&w, "phases");
    json_begin_array(&w);
    for (size_t i = 0; i < GAIT_PHASES; i++) {
        const struct gait_phase *p = &run->phases[i];
        if (!p->is_there) continue;
        json_begin_object(&w);
        json_put_cstr(&w, "name", phase_names[i]);
        json_key(&w, "from_s"), fixed(&w, 3, p->from_s), json_key(&w, "to_s"), fixed(&w, 3, p->to_s);
        put(&w, "from_m", p->from_m), put(&w, "to_m", p->to_m);
        json_end(&w);
    }
    json_end(&w);
    json_key(&w, "splits");
    json_begin_array(&w);
    for (size_t i = 0; i < run->split_count; i++) {
        const struct gait_split *s = &run->splits[i];
        json_begin_object(&w);
        json_put_double(&w, "line_m", s->line_m), put(&w, "torso_s", s->torso_s), put(&w, "com_s", s->com_s),
            put(&w, "interval_s", s->interval_s), put(&w, "speed_mps", s->speed);
        json_end(&w);
    }
    json_end(&w);
    json_key(&w, "jumps");
    json_begin_array(&w);
    for (size_t i = 0; i < run->jump_count; i++) {
        const struct gait_jump *j = &run->jumps[i];
        json_begin_object(&w);
        put(&w, "take_off_s", j->take_off_s), put(&w, "landing_s", j->landing_s), put(&w, "flight_s", j->flight_s),
            put(&w, "height_m", j->height_m);
        put(&w, "height_flight_m", j->height_flight_m), put(&w, "take_off_mps", j->take_off_mps);
        json_end(&w);
    }
    json_end(&w);
    json_key(&w, "contacts");
    json_begin_array(&w);
    for (size_t i = 0; i < run->contact_count; i++) {
        const struct gait_contact *c = &run->contacts[i];
        json_begin_object(&w);
        json_put_cstr(&w, "side", sides[c->side]);
        put(&w, "touch_down_s", c->touch_down_s), put(&w, "toe_off_s", c->toe_off_s), triple(&w, "toe_m", c->toe);
        json_end(&w);
    }
    json_end(&w);
    json_key(&w, "steps");
    json_begin_array(&w);
    for (size_t i = 0; i < run->step_count; i++) {
        json_begin_object(&w);
        json_put_number(&w, "contact", (int64_t)run->steps[i].contact), json_put_cstr(&w, "side", sides[run->steps[i].side]);
        for (int m = 0; m < GAIT_MEASURES; m++) put(&w, gait_measure_name((enum gait_measure)m), run->steps[i].measures[m]);
        json_end(&w);
    }
    json_end(&w);
    json_key(&w, "summary");
    json_begin_object(&w);
    for (int m = 0; m < GAIT_MEASURES; m++) {
        const struct gait_summary *s = &run->summaries[m];
        json_key(&w, gait_measure_name((enum gait_measure)m));
        json_begin_object(&w);
        json_put_cstr(&w, "unit", gait_measure_unit((enum gait_measure)m)), json_put_number(&w, "count", (int64_t)s->count);
        put(&w, "mean", s->mean);
        json_key(&w, "sd"), figures(&w, 5, s->deviation);
        put(&w, "left", s->sides[GAIT_LEFT]), put(&w, "right", s->sides[GAIT_RIGHT]), put(&w, "symmetry_percent", s->symmetry);
        json_end(&w);
    }
    json_end(&w);
    /* frames as rows of numbers, named once */
    json_key(&w, "frame_columns");
    json_begin_array(&w);
    json_add_cstr(&w, "time_s"), json_add_cstr(&w, "com_x_m"), json_add_cstr(&w, "com_y_m"), json_add_cstr(&w, "com_z_m"),
        json_add_cstr(&w, "com_se_m"), json_add_cstr(&w, "speed_mps");
    json_add_cstr(&w, "speed_se_mps"), json_add_cstr(&w, "acceleration_mps2"), json_add_cstr(&w, "acceleration_se_mps2");
    for (size_t a = 0; a < GAIT_ANGLES; a++) {
        char name[64];
        if (!gait_angle_name(a)) continue;
        json_add_cstr(&w, gait_angle_name(a));
        snprintf(name, sizeof name, "%s_se", gait_angle_name(a));
        json_add_cstr(&w, name);
    }
    json_end(&w);
    json_key(&w, "frame_rows");
    json_begin_array(&w);
    for (size_t f = 0; f < run->frame_count; f++) {
        const struct gait_sample *s = &run->samples[f];
        struct gait_value along = gait_acceleration(run, f);
        json_begin_array(&w);
        fixed(&w, 5, s->time_s), fixed(&w, 5, s->com.x), fixed(&w, 5, s->com.y), fixed(&w, 5, s->com.z);
        figures(&w, 3, vec3_is_known(s->com) ? sqrt(sym3_trace(s->com_covariance)) : NAN), fixed(&w, 5, s->speed.value),
            figures(&w, 3, s->speed.error);
        fixed(&w, 4, along.value), figures(&w, 3, along.error);
        for (size_t a = 0; a < GAIT_ANGLES; a++) {
            if (gait_angle_name(a)) fixed(&w, 3, s->angles[a].value), figures(&w, 3, s->angles[a].error);
        }
        json_end(&w);
    }
    json_end(&w);
    json_end(&w);
}

struct gait_value gait_acceleration(const struct gait_run *run, size_t f) {
    const struct gait_sample *s = &run->samples[f];
    if (!vec3_is_known(s->com_acceleration) || !vec3_is_known(s->com_velocity)) return GAIT_UNKNOWN;
    struct vec3 v = {s->com_velocity.x, s->com_velocity.y, 0}, way = vec3_norm(v) > 0.1 ? vec3_unit(v) : run->axis;
    return gait_value_of(vec3_dot(s->com_acceleration, way), sym3_quadratic(s->com_acceleration_covariance, way));
}

/* ---- CSV ---- */

static void cell(struct buf *out, struct gait_value v) {
    if (!gait_is_known(v))
        buf_cstr(out, ",,");
    else
        buf_printf(out, ",%.9g,%.3g", rounded(v.value, v.error), v.error);
}

void gait_write_csv_frames(struct buf *out, const struct gait_run *run) {
    buf_cstr(
        out,
        "time_s,com_x_m,com_y_m,com_z_m,com_se_m,distance_m,distance_m_se,speed_mps,speed_mps_se,acceleration_mps2,acceleration_mps2_se");
    for (size_t a = 0; a < GAIT_ANGLES; a++) {
        if (gait_angle_name(a)) buf_printf(out, ",%s_deg,%s_deg_se", gait_angle_name(a), gait_angle_name(a));
    }
    buf_cstr(out, "\n");
    for (size_t f = 0; f < run->frame_count; f++) {
        const struct gait_sample *s = &run->samples[f];
        buf_printf(out, "%.6f", s->time_s);
        if (vec3_is_known(s->com))
            buf_printf(out, ",%.5f,%.5f,%.5f,%.3g", s->com.x, s->com.y, s->com.z, sqrt(sym3_trace(s->com_covariance)));
        else
            buf_cstr(out, ",,,,");
        cell(out, s->distance), cell(out, s->speed), cell(out, gait_acceleration(run, f));
        for (size_t a = 0; a < GAIT_ANGLES; a++) {
            if (gait_angle_name(a)) cell(out, s->angles[a]);
        }
        buf_cstr(out, "\n");
    }
}

void gait_write_csv_steps(struct buf *out, const struct gait_run *run) {
    buf_cstr(out, "step,side,touch_down_s,touch_down_s_se,toe_off_s,toe_off_s_se");
    for (int m = 0; m < GAIT_MEASURES; m++) {
        const char *name = gait_measure_name((enum gait_measure)m);
        buf_printf(out, ",%s,%s_se", name, name);
    }
    buf_cstr(out, "\n");
    for (size_t i = 0; i < run->step_count; i++) {
        const struct gait_contact *c = &run->contacts[run->steps[i].contact];
        buf_printf(out, "%zu,%s", i + 1, sides[run->steps[i].side]);
        cell(out, c->touch_down_s), cell(out, c->toe_off_s);
        for (int m = 0; m < GAIT_MEASURES; m++) cell(out, run->steps[i].measures[m]);
        buf_cstr(out, "\n");
    }
}

static void put_difference(struct json_writer *w, const char *name, const struct gait_difference *d) {
    if (name) json_key(w, name);
    json_begin_object(w);
    put(w, "a", d->a), put(w, "b", d->b), put(w, "difference", d->difference);
    json_key(w, "z"), figures(w, 4, d->z), json_key(w, "p"), figures(w, 3, d->p);
    json_end(w);
}

/* An angle of both over the stride: means, difference and chance at each phase. */
static struct err put_cycles(struct arena *mem, struct json_writer *w, const struct gait_comparison *c) {
    static const enum gait_angle kinds_compared[] = {GAIT_TRUNK_LEAN,       GAIT_HIP_FLEXION,   GAIT_KNEE_FLEXION, GAIT_ANKLE_DORSIFLEXION,
                                                     GAIT_SHOULDER_FLEXION, GAIT_ELBOW_FLEXION, GAIT_THIGH,        GAIT_SHANK};
    json_key(w, "cycles");
    json_begin_object(w);
    for (size_t i = 0; i < 2 * ARRAY_LEN(kinds_compared); i++) {
        size_t side = i % 2, angle = 2 * (size_t)kinds_compared[i / 2] + side;
        const struct gait_run *both[2] = {c->a, c->b};
        struct gait_cycle cycles[2];
        if (!gait_angle_name(angle)) continue;
        for (int r = 0; r < 2; r++) {
            struct gait_fast f = gait_fast_of(both[r]);
            struct err e = gait_cycle_of(mem, both[r], angle, (enum gait_side)side, f.from_s, f.to_s, &cycles[r]);
            if (e.kind) return e;
        }
        double difference[GAIT_PHASE_POINTS], p[GAIT_PHASE_POINTS];
        gait_cycle_compare(&cycles[0], &cycles[1], difference, p);
        const struct {
            const char *name;
            const double *values;
        } rows[] = {{"a_deg", cycles[0].mean}, {"b_deg", cycles[1].mean}, {"difference_deg", difference}, {"p", p}};
        json_key(w, gait_angle_name(angle));
        json_begin_object(w);
        json_put_number(w, "strides_a", (int64_t)cycles[0].strides), json_put_number(w, "strides_b", (int64_t)cycles[1].strides);
        for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
            json_key(w, rows[k].name);
            json_begin_array(w);
            for (size_t q = 0; q < GAIT_PHASE_POINTS; q++) figures(w, 4, rows[k].values[q]);
            json_end(w);
        }
        json_end(w);
    }
    json_end(w);
    return ERR_OK;
}

struct err gait_write_json_comparison(struct arena *mem, struct buf *out, const struct gait_comparison *c) {
    struct json_writer w = json_writer_of(out);
    json_begin_object(&w);
    json_put_cstr(&w, "a", c->a->name), json_put_cstr(&w, "b", c->b->name), json_put_number(&w, "steps_compared", (int64_t)c->step_count);
    put_difference(&w, "top_speed_mps", &c->top_speed);
    json_key(&w, "measures");
    json_begin_object(&w);
    for (int m = 0; m < GAIT_MEASURES; m++) put_difference(&w, gait_measure_name((enum gait_measure)m), &c->measures[m]);
    json_end(&w);
    json_key(&w, "splits");
    json_begin_array(&w);
    for (size_t i = 0; i < c->split_count; i++) {
        json_begin_object(&w);
        json_put_double(&w, "line_m", c->split_lines_m[i]);
        put_difference(&w, "time_s", &c->splits[i]);
        json_end(&w);
    }
    json_end(&w);
    json_key(&w, "steps");
    json_begin_array(&w);
    for (size_t i = 0; i < c->step_count; i++) {
        json_begin_object(&w);
        for (int m = 0; m < GAIT_MEASURES; m++) put_difference(&w, gait_measure_name((enum gait_measure)m), &c->steps[i][m]);
        json_end(&w);
    }
    json_end(&w);
    struct err e = put_cycles(mem, &w, c);
    if (e.kind) return e;
    json_end(&w);
    return buf_error(out);
}

/* ---- measured points ---- */

void gait_write_points(struct buf *out, const struct gait_recording *r) {
    struct json_writer w = json_writer_of(out);
    json_begin_object(&w);
    json_put_cstr(&w, "format", "grandstand-points-1");
    json_put_cstr(&w, "name", r->name), json_put_double(&w, "rate", r->rate), json_put_number(&w, "frame_first", r->frame_first),
        json_put_number(&w, "frames", (int64_t)r->frame_count);
    json_key(&w, "joints");
    json_begin_array(&w);
    for (int k = 0; k < POSE_JOINTS; k++) json_add_cstr(&w, pose_joint_name((enum pose_joint)k));
    json_end(&w);
    json_key(&w, "points");
    json_begin_array(&w);
    for (size_t i = 0; i < r->frame_count * POSE_JOINTS; i++) {
        const struct track_point *p = &r->points[i];
        if (!vec3_is_known(p->at)) {
            json_add_null(&w);
            continue;
        }
        char text[200];
        snprintf(text, sizeof text, "[%.5f,%.5f,%.5f,%.4g,%.4g,%.4g,%.4g,%.4g,%.4g]", p->at.x, p->at.y, p->at.z, p->covariance.xx * 1e6,
                 p->covariance.xy * 1e6, p->covariance.xz * 1e6, p->covariance.yy * 1e6, p->covariance.yz * 1e6, p->covariance.zz * 1e6);
        json_add_raw(&w, slice_cstr(text));
    }
    json_end(&w);
    json_end(&w);
}
