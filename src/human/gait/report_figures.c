/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The athlete as a row of figures, one for each phase of a step. */
#include <string.h>

#include "human/gait/report_page.h"

/* Places at an instant between two frames. */
static bool posture(const struct gait_run *run, double time_s, struct vec3 out[POSE_JOINTS], struct vec3 *com) {
    double frame = gait_frame(run, time_s);
    if (!(frame >= 0 && frame < (double)run->frame_count - 1)) return false;
    size_t f = (size_t)frame;
    double t = frame - (double)f;
    for (size_t k = 0; k < POSE_JOINTS; k++) {
        const struct track_state *a = &run->states[f * POSE_JOINTS + k], *b = &run->states[(f + 1) * POSE_JOINTS + k];
        out[k] = a->source == TRACK_UNKNOWN || b->source == TRACK_UNKNOWN ? VEC3_UNKNOWN : vec3_mix(a->at, b->at, t);
    }
    *com = vec3_mix(run->samples[f].com, run->samples[f + 1].com, t);
    return vec3_is_known(out[POSE_LHIP]) && vec3_is_known(out[POSE_RHIP]);
}

struct easel {
    struct page *p;
    struct vec3 axis;
    double origin, centre, floor, scale; /* where on the axis the middle of the figure is; pixels */
    double ground_m;
};
static double easel_x(const struct easel *e, struct vec3 v) { return e->centre + (vec3_dot(v, e->axis) - e->origin) * e->scale; }
static double easel_y(const struct easel *e, struct vec3 v) { return e->floor - (v.z - e->ground_m) * e->scale; }

static void limb(const struct easel *e, const struct vec3 *j, const int *chain, size_t count, const char *class) {
    bool is_open = false;
    buf_printf(e->p->out, "<path class=\"limb %s\" d=\"", class);
    for (size_t i = 0; i < count; i++) {
        struct vec3 v = j[chain[i]];
        if (!vec3_is_known(v)) {
            is_open = false;
            continue;
        }
        buf_printf(e->p->out, "%c%.1f %.1f", is_open ? 'L' : 'M', easel_x(e, v), easel_y(e, v)), is_open = true;
    }
    buf_cstr(e->p->out, "\"/>");
}

static void figure(const struct easel *e, const struct vec3 *j, struct vec3 com) {
    struct vec3 hips = vec3_mix(j[POSE_LHIP], j[POSE_RHIP], 0.5),
                neck = vec3_is_known(j[POSE_NECK]) ? j[POSE_NECK] : vec3_mix(j[POSE_LSHOULDER], j[POSE_RSHOULDER], 0.5);
    /* the camera stands on the right: what is on the left is behind */
    for (int side = 0; side < 2; side++) {
        const int leg[] = {POSE_LHIP + side, POSE_LKNEE + side, POSE_LANKLE + side},
                  foot[] = {POSE_LHEEL + side, POSE_LANKLE + side, POSE_LBIGTOE + side, POSE_LHEEL + side},
                  arm[] = {POSE_LSHOULDER + side, POSE_LELBOW + side, POSE_LWRIST + side};
        limb(e, j, leg, 3, page_side_class[side]), limb(e, j, foot, 4, page_side_class[side]);
        if (side == 0) limb(e, j, arm, 3, "l thin");
        if (side == 0 && vec3_is_known(neck)) {
            buf_printf(e->p->out, "<path class=\"limb trunk\" d=\"M%.1f %.1fL%.1f %.1f\"/>", easel_x(e, hips), easel_y(e, hips),
                       easel_x(e, neck), easel_y(e, neck));
            struct vec3 head = vec3_is_known(j[POSE_HEAD])   ? vec3_mix(neck, j[POSE_HEAD], 0.62)
                               : vec3_is_known(j[POSE_NOSE]) ? j[POSE_NOSE]
                                                             : VEC3_UNKNOWN;
            if (vec3_is_known(head)) {
                buf_printf(
                    e->p->out,
                    "<path class=\"limb trunk\" d=\"M%.1f %.1fL%.1f %.1f\"/><circle class=\"head\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>",
                    easel_x(e, neck), easel_y(e, neck), easel_x(e, head), easel_y(e, head), easel_x(e, head), easel_y(e, head),
                    0.095 * e->scale);
            }
        }
        if (side == 1) limb(e, j, arm, 3, "r thin");
    }
    if (vec3_is_known(com)) {
        buf_printf(e->p->out, "<path class=\"plumb\" d=\"M%.1f %.1fV%.1f\"/><circle class=\"com\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>",
                   easel_x(e, com), easel_y(e, com), e->floor, easel_x(e, com), easel_y(e, com));
    }
}

void report_kinogram(struct page *p, const struct gait_run *run) {
    /* The fastest stride with both contacts whole: of each foot one contact, in order of time. */
    size_t best = SIZE_MAX;
    double top = 0;
    for (size_t i = 0; i + 1 < run->step_count; i++) {
        const struct gait_contact *a = &run->contacts[run->steps[i].contact], *b = &run->contacts[run->steps[i + 1].contact];
        struct gait_value v = run->steps[i].measures[GAIT_SPEED];
        if (a->side == b->side || !gait_is_known(v) || !gait_is_known(run->steps[i].measures[GAIT_CONTACT_TIME]) ||
            !gait_is_known(run->steps[i + 1].measures[GAIT_CONTACT_TIME]))
            continue;
        if (v.value > top) top = v.value, best = i;
    }
    if (best == SIZE_MAX) return;
    page_html(p, "<section class=\"card\"><h3>");
    page_say(p, "report.kinogram");
    page_html(p, "</h3><p class=\"about\">");
    page_say(p, "report.kinogram.about");
    page_html(p, "</p>");
    page_svg_begin(p, 1040, 372, page_word(p, "report.kinogram"));
    struct plot plot = {.out = p->out, .point = p->point};
    buf_cstr(p->out, "<path class=\"ground\" d=\"M10 290H1030\"/>");
    for (int k = 0; k < 2; k++) {
        const struct gait_step *step = &run->steps[best + (size_t)k];
        const struct gait_contact *c = &run->contacts[step->contact];
        const double times[3] = {c->touch_down_s.value, 0.5 * (c->touch_down_s.value + c->toe_off_s.value), c->toe_off_s.value};
        static const char *const names[3] = {"report.touch_down", "report.mid_stance", "report.toe_off"};
        for (int i = 0; i < 3; i++) {
            struct vec3 j[POSE_JOINTS], com;
            double x = 10 + 170 * (3 * k + i) + 85;
            if (!posture(run, times[i], j, &com)) continue;
            struct vec3 middle = vec3_is_known(com) ? com : vec3_mix(j[POSE_LHIP], j[POSE_RHIP], 0.5);
            struct easel e = {.p = p,
                              .axis = run->axis,
                              .origin = vec3_dot(middle, run->axis),
                              .centre = x,
                              .floor = 290,
                              .scale = 154,
                              .ground_m = run->ground_m};
            figure(&e, j, com);
            plot_text(&plot, x, 312, "caption", "middle", page_word(p, names[i]));
            buf_printf(p->out, "<text x=\"%.1f\" y=\"330\" class=\"caption %s\" text-anchor=\"middle\">", x, page_side_class[c->side]);
            plot_escape(p->out, page_word(p, page_side_codes[c->side]));
            buf_cstr(p->out, "<tspan class=\"faint\"> · ");
            plot_number(p->out, times[i], 3, p->point);
            buf_cstr(p->out, " s</tspan></text>");
            const enum gait_measure told[3] = {GAIT_SHIN_TD, GAIT_KNEE_STANCE, GAIT_HIP_TO};
            struct gait_value v = step->measures[told[i]];
            if (gait_is_known(v)) {
                struct slice name = i == 0   ? page_word_of(p, "report.measure", "touch_down_distance")
                                    : i == 1 ? page_word_of(p, "report.angle", "knee_flexion")
                                             : page_word_of(p, "report.measure", "toe_off_distance");
                struct gait_value shown = i == 0   ? step->measures[GAIT_TOUCH_DOWN_DISTANCE]
                                          : i == 1 ? v
                                                   : step->measures[GAIT_TOE_OFF_DISTANCE];
                buf_printf(p->out, "<text x=\"%.1f\" y=\"347\" class=\"fact\" text-anchor=\"middle\">", x);
                plot_escape(p->out, name);
                buf_cstr(p->out, " ");
                plot_number(p->out, shown.value, i == 1 ? 0 : 2, p->point);
                buf_cstr(p->out, i == 1 ? "°</text>" : " m</text>");
                static const enum gait_measure second[3] = {GAIT_SHIN_TD, GAIT_MEASURES, GAIT_HIP_TO};
                if (second[i] != GAIT_MEASURES && gait_is_known(step->measures[second[i]])) {
                    buf_printf(p->out, "<text x=\"%.1f\" y=\"363\" class=\"fact\" text-anchor=\"middle\">", x);
                    plot_escape(p->out, i == 0 ? page_word_of(p, "report.short", "shin") : page_word_of(p, "report.short", "hip"));
                    buf_cstr(p->out, " ");
                    plot_number(p->out, step->measures[second[i]].value, 0, p->point);
                    buf_cstr(p->out, "°</text>");
                }
            }
        }
    }
    page_html(p, "</svg></section>");
}
